/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/dns_transactions.h"

#include "protocol/dns_build.h"
#include "suite.h"

#define SECOND ((uint64_t)1000000)
#define BASE   ((uint64_t)1700000000 * SECOND)

struct seen {
	enum tt_dns_status status;
	uint16_t id;
	uint16_t rcode;
	uint16_t retransmits;
	uint16_t type;
	uint8_t client;
	bool has_rcode;
	bool has_response;
	uint64_t start_us;
	uint64_t latency_us;
	uint64_t flow_uid;
	char name[256];
};

static struct seen seen[100000];
static unsigned int seen_count;

static void report(void *context, const struct tt_dns_transaction *transaction)
{
	struct seen *entry = &seen[seen_count++];

	(void)context;
	*entry = (struct seen){
		.status = transaction->status,
		.id = transaction->id,
		.rcode = transaction->rcode,
		.retransmits = transaction->retransmits,
		.type = transaction->query_type,
		.client = transaction->client,
		.has_rcode = transaction->has_rcode,
		.has_response = transaction->response != NULL,
		.start_us = transaction->start_us,
		.latency_us = transaction->latency_us,
		.flow_uid = transaction->flow_uid,
	};
	memcpy(entry->name, transaction->name->text, transaction->name->length);
}

static struct tt_dns_transactions *create(uint32_t capacity)
{
	struct tt_dns_transactions_options options = {
		.capacity = capacity,
		.timeout_us = 15 * SECOND,
		.report = report,
	};
	struct tt_dns_transactions *table;

	seen_count = 0;
	CU_ASSERT_EQUAL_FATAL(tt_dns_transactions_create(&table, &options), TT_OK);
	return table;
}

static const struct tt_dns_transactions_counters *counters(const struct tt_dns_transactions *table)
{
	return tt_dns_transactions_counters(table);
}

static struct tt_flow_key key_of(uint16_t client_port)
{
	return (struct tt_flow_key){
		.low_address = {10, 0, 0, 1},
		.high_address = {10, 0, 0, 53},
		.low_port = client_port,
		.high_port = 53,
		.ip_protocol = 17,
		.ip_version = 4,
	};
}

/* At `ms` after the base; the client is the low endpoint. */
static void take(struct tt_dns_transactions *table, uint16_t port, unsigned int direction,
	const struct dns_build *build, uint64_t ms)
{
	struct tt_flow_key key = key_of(port);
	struct tt_dns_message message;

	CU_ASSERT_EQUAL_FATAL(tt_dns_parse(&message, build->bytes, build->length), TT_DNS_OK);
	struct tt_dns_packet packet = {
		.key = &key,
		.hash = port * 0x9e3779b97f4a7c15,
		.direction = (uint8_t)direction,
		.flow_uid = port,
		.time_us = BASE + ms * 1000,
		.message = &message,
	};
	tt_dns_transactions_take(table, &packet);
}

static void query(struct tt_dns_transactions *table, uint16_t port, unsigned int id,
	const char *name, unsigned int type, uint64_t ms)
{
	struct dns_build build;

	build_query(&build, id, name, type);
	take(table, port, 0, &build, ms);
}

static void respond(struct tt_dns_transactions *table, uint16_t port, unsigned int id,
	const char *name, unsigned int type, unsigned int rcode, uint64_t ms)
{
	struct dns_build build;

	build_response(&build, id, name, type, rcode, 0);
	take(table, port, 1, &build, ms);
}

static void test_answered(void)
{
	struct tt_dns_transactions *table = create(8);

	query(table, 1000, 7, "Example.com", TT_DNS_A, 0);
	respond(table, 1000, 7, "eXample.com", TT_DNS_A, 3, 25);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_ANSWERED);
	CU_ASSERT_EQUAL(seen[0].rcode, 3);
	CU_ASSERT(seen[0].has_rcode);
	CU_ASSERT(seen[0].has_response);
	CU_ASSERT_EQUAL(seen[0].client, 0);
	CU_ASSERT_EQUAL(seen[0].start_us, BASE);
	CU_ASSERT_EQUAL(seen[0].latency_us, 25000);
	CU_ASSERT_EQUAL(seen[0].flow_uid, 1000);
	CU_ASSERT_STRING_EQUAL(seen[0].name, "example.com");
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 10), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->pending), 0);
	tt_dns_transactions_destroy(table);
}

static void test_only_the_same_question_pairs(void)
{
	struct tt_dns_transactions *table = create(8);

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	query(table, 1000, 7, "a.example", TT_DNS_AAAA, 1);
	respond(table, 1000, 8, "a.example", TT_DNS_A, 0, 2);  /* another id */
	respond(table, 1001, 7, "a.example", TT_DNS_A, 0, 2);  /* another flow */
	respond(table, 1000, 7, "b.example", TT_DNS_A, 0, 2);  /* another name: forged */
	respond(table, 1000, 7, "a.example", TT_DNS_NS, 0, 2); /* another type */
	CU_ASSERT_EQUAL(seen_count, 4);
	for (unsigned int i = 0; i < seen_count; i++)
		CU_ASSERT_EQUAL(seen[i].status, TT_DNS_UNSOLICITED);
	respond(table, 1000, 7, "a.example", TT_DNS_AAAA, 0, 3);
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 4);
	CU_ASSERT_EQUAL(seen[4].status, TT_DNS_ANSWERED);
	CU_ASSERT_EQUAL(seen[4].type, TT_DNS_AAAA);
	CU_ASSERT_EQUAL(seen[4].latency_us, 2000);
	CU_ASSERT_EQUAL(seen[5].type, TT_DNS_A);
	CU_ASSERT_EQUAL(seen[5].latency_us, 4000);
	tt_dns_transactions_destroy(table);
}

static void test_response_from_the_client_side_is_no_answer(void)
{
	struct tt_dns_transactions *table = create(8);
	struct dns_build build;

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	build_response(&build, 7, "a.example", TT_DNS_A, 0, 0);
	take(table, 1000, 0, &build, 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_UNSOLICITED);
	CU_ASSERT_EQUAL(seen[0].client, 1);
	tt_dns_transactions_destroy(table);
}

static void test_response_without_question(void)
{
	struct tt_dns_transactions *table = create(8);
	struct dns_build build;

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	build_header(&build, 7, 0x8001, 0, 0, 0);
	take(table, 1000, 1, &build, 9);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_ANSWERED);
	CU_ASSERT_EQUAL(seen[0].rcode, 1);
	CU_ASSERT_STRING_EQUAL(seen[0].name, "a.example");
	tt_dns_transactions_destroy(table);
}

static void test_retransmissions(void)
{
	struct tt_dns_transactions *table = create(8);

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	query(table, 1000, 7, "a.example", TT_DNS_A, 1000);
	query(table, 1000, 7, "a.example", TT_DNS_A, 4999);
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 5100);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(seen[0].retransmits, 2);
	CU_ASSERT_EQUAL(seen[0].latency_us, 5100000);

	/* From 5 s on it is a new one, and the first is over at once. */
	query(table, 1000, 9, "a.example", TT_DNS_A, 10000);
	query(table, 1000, 9, "a.example", TT_DNS_A, 15000);
	CU_ASSERT_EQUAL(seen_count, 2);
	CU_ASSERT_EQUAL(seen[1].status, TT_DNS_TIMEOUT);
	CU_ASSERT_EQUAL(seen[1].start_us, BASE + 10 * SECOND);
	respond(table, 1000, 9, "a.example", TT_DNS_A, 0, 15010);
	CU_ASSERT_EQUAL(seen[2].status, TT_DNS_ANSWERED);
	CU_ASSERT_EQUAL(seen[2].latency_us, 10000);
	CU_ASSERT_EQUAL(seen[2].retransmits, 0);
	tt_dns_transactions_destroy(table);
}

static void test_timeout_is_counted_once_and_late_apart(void)
{
	struct tt_dns_transactions *table = create(8);

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	query(table, 1001, 7, "a.example", TT_DNS_A, 100);
	CU_ASSERT_EQUAL(tt_dns_transactions_sweep(table, BASE + 15 * SECOND - 1, 10), 0);
	CU_ASSERT_EQUAL(tt_dns_transactions_sweep(table, BASE + 15 * SECOND, 10), 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_TIMEOUT);
	CU_ASSERT_FALSE(seen[0].has_rcode);
	CU_ASSERT_FALSE(seen[0].has_response);
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 15001);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->late_responses), 1);

	/* Late by the packets' times though no sweep came by. */
	respond(table, 1001, 7, "a.example", TT_DNS_A, 0, 15100);
	CU_ASSERT_EQUAL(seen_count, 2);
	CU_ASSERT_EQUAL(seen[1].status, TT_DNS_TIMEOUT);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->late_responses), 2);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->timeouts), 2);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 10), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->unsolicited), 0);
	tt_dns_transactions_destroy(table);
}

static void test_duplicate_response(void)
{
	struct tt_dns_transactions *table = create(8);

	query(table, 1000, 7, "a.example", TT_DNS_A, 0);
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 1);
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 2);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->duplicate_responses), 1);
	/* Much later it explains nothing any more. */
	respond(table, 1000, 7, "a.example", TT_DNS_A, 0, 3600000);
	CU_ASSERT_EQUAL(seen_count, 2);
	CU_ASSERT_EQUAL(seen[1].status, TT_DNS_UNSOLICITED);
	tt_dns_transactions_destroy(table);
}

static void test_full_table_refuses_and_counts(void)
{
	struct tt_dns_transactions *table = create(3);

	for (unsigned int i = 0; i < 5; i++)
		query(table, (uint16_t)(1000 + i), 7, "a.example", TT_DNS_A, i);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->pending_full), 2);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->pending_high), 3);
	respond(table, 1001, 7, "a.example", TT_DNS_A, 0, 10);
	query(table, 1004, 7, "a.example", TT_DNS_A, 11);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->pending_full), 2);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 2), 2);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 2), 1);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 2), 0);
	/* In the order of arrival. */
	CU_ASSERT_EQUAL(seen[1].flow_uid, 1000);
	CU_ASSERT_EQUAL(seen[2].flow_uid, 1002);
	CU_ASSERT_EQUAL(seen[3].flow_uid, 1004);
	tt_dns_transactions_destroy(table);
}

static void test_reused_id_is_bounded(void)
{
	struct tt_dns_transactions *table = create(1000);
	char name[] = "aa.example";

	for (unsigned int i = 0; i < 100; i++) {
		name[0] = (char)('a' + i / 26);
		name[1] = (char)('a' + i % 26);
		query(table, 1000, 7, name, TT_DNS_A, i);
	}
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->pending), TT_DNS_SAME_ID);
	CU_ASSERT_EQUAL(seen_count, 100 - TT_DNS_SAME_ID);
	CU_ASSERT_STRING_EQUAL(seen[0].name, "aa.example");
	respond(table, 1000, 7, name, TT_DNS_A, 0, 200);
	CU_ASSERT_EQUAL(seen[seen_count - 1].status, TT_DNS_ANSWERED);
	tt_dns_transactions_destroy(table);
}

static void test_equal_queries_over_tcp_are_several(void)
{
	struct tt_dns_transactions *table = create(8);
	struct tt_flow_key key = key_of(1000);
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_packet packet = {.key = &key, .message = &message, .time_us = BASE};

	key.ip_protocol = 6;
	build_query(&build, 7, "a.example", TT_DNS_A);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	tt_dns_transactions_take(table, &packet);
	packet.time_us = BASE + 10;
	tt_dns_transactions_take(table, &packet);
	build_response(&build, 7, "a.example", TT_DNS_A, 0, 0);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	packet.direction = 1;
	packet.time_us = BASE + 100;
	tt_dns_transactions_take(table, &packet);
	tt_dns_transactions_take(table, &packet);
	CU_ASSERT_EQUAL(seen_count, 2);
	CU_ASSERT_EQUAL(seen[0].latency_us, 100);
	CU_ASSERT_EQUAL(seen[1].latency_us, 90);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->retransmits), 0);
	tt_dns_transactions_destroy(table);
}

static void test_other_opcodes(void)
{
	struct tt_dns_transactions *table = create(8);
	struct dns_build build;

	for (unsigned int id = 1; id <= 2; id++) {
		build_header(&build, id, 0x2400, 1, 0, 0);
		build_question(&build, "zone.example", TT_DNS_SOA);
		take(table, 1000, 0, &build, 0);
	}
	build_header(&build, 1, 0xa400, 1, 0, 0);
	build_question(&build, "zone.example", TT_DNS_SOA);
	take(table, 1000, 1, &build, 3);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_ANSWERED);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 10), 1);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->other_unanswered), 1);
	tt_dns_transactions_destroy(table);
}

static void test_multicast(void)
{
	struct tt_dns_transactions *table = create(8);
	struct tt_flow_key key = {
		.low_address = {10, 0, 0, 1},
		.high_address = {224, 0, 0, 251},
		.low_port = 5353,
		.high_port = 5353,
		.ip_protocol = 17,
		.ip_version = 4,
	};
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_packet packet = {.key = &key, .message = &message, .time_us = BASE};

	build_query(&build, 0, "host.local", 255);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	tt_dns_transactions_take(table, &packet);
	build_query(&build, 0, "other.local", TT_DNS_A);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	packet.time_us += 1000;
	tt_dns_transactions_take(table, &packet);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->multicast_folded), 1);

	/* The host announces what it probed for: same flow, same direction, no question. */
	build_header(&build, 0, 0x8400, 0, 0, 0);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	packet.time_us += 1000;
	tt_dns_transactions_take(table, &packet);
	CU_ASSERT_EQUAL(seen_count, 1);
	CU_ASSERT_EQUAL(seen[0].status, TT_DNS_ANSWERED);
	CU_ASSERT_STRING_EQUAL(seen[0].name, "host.local");
	CU_ASSERT_EQUAL(seen[0].latency_us, 2000);
	/* Announcing again is unsolicited, and has no name. */
	tt_dns_transactions_take(table, &packet);
	CU_ASSERT_EQUAL(seen[1].status, TT_DNS_UNSOLICITED);
	CU_ASSERT_STRING_EQUAL(seen[1].name, "");

	build_query(&build, 0, "nobody.local", TT_DNS_A);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	tt_dns_transactions_take(table, &packet);
	CU_ASSERT_EQUAL(tt_dns_transactions_flush(table, 10), 1);
	CU_ASSERT_EQUAL(seen_count, 2);
	CU_ASSERT_EQUAL(tt_counter_read(&counters(table)->multicast_unanswered), 1);
	tt_dns_transactions_destroy(table);
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % limit);
}

/* Random traffic against a slow model: every query and response is accounted for exactly once. */
static void test_random_traffic_is_accounted_for(void)
{
	static struct {
		bool pending;
		uint64_t start_ms;
	} model[40][3][2]; /* by port, id, type */
	struct tt_dns_transactions *table = create(64);
	uint64_t ms = 0;
	unsigned int expected = 0;

	for (unsigned int step = 0; step < 60000; step++) {
		unsigned int port = random_below(40);
		unsigned int id = random_below(3);
		unsigned int type = random_below(2);
		bool is_query = random_below(2) == 0;
		ms += random_below(60);
		if (random_below(16) == 0)
			tt_dns_transactions_sweep(table, BASE + ms * 1000, random_below(4));
		unsigned int before = seen_count;
		bool was = model[port][id][type].pending;
		uint64_t age = ms - model[port][id][type].start_ms;
		uint64_t full = tt_counter_read(&counters(table)->pending_full);
		if (is_query) {
			query(table, (uint16_t)port, id, "x.example", 1 + type, ms);
			if (tt_counter_read(&counters(table)->pending_full) != full)
				model[port][id][type].pending = false;
			else if (!was || age >= 5000) {
				model[port][id][type].pending = true;
				model[port][id][type].start_ms = ms;
			}
			continue;
		}
		respond(table, (uint16_t)port, id, "x.example", 1 + type, 2, ms);
		model[port][id][type].pending = false;
		if (!was || age >= 15000)
			continue;
		expected++;
		CU_ASSERT_EQUAL_FATAL(seen_count, before + 1);
		CU_ASSERT_EQUAL_FATAL(seen[before].status, TT_DNS_ANSWERED);
		CU_ASSERT_EQUAL_FATAL(seen[before].latency_us, age * 1000);
		CU_ASSERT_EQUAL_FATAL(seen[before].flow_uid, port);
		CU_ASSERT_EQUAL_FATAL(seen[before].type, 1 + type);
	}
	while (tt_dns_transactions_flush(table, 7) > 0)
		;
	const struct tt_dns_transactions_counters *c = counters(table);
	CU_ASSERT_EQUAL(tt_counter_read(&c->answered), expected);
	CU_ASSERT_EQUAL(tt_counter_read(&c->pending), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&c->queries),
		tt_counter_read(&c->answered) + tt_counter_read(&c->timeouts) +
			tt_counter_read(&c->retransmits) + tt_counter_read(&c->pending_full));
	CU_ASSERT_EQUAL(tt_counter_read(&c->responses),
		tt_counter_read(&c->answered) + tt_counter_read(&c->late_responses) +
			tt_counter_read(&c->duplicate_responses) +
			tt_counter_read(&c->unsolicited));
	CU_ASSERT(expected > 5000);
	CU_ASSERT(tt_counter_read(&c->timeouts) > 100);
	CU_ASSERT(tt_counter_read(&c->late_responses) > 0);
	CU_ASSERT(tt_counter_read(&c->pending_full) > 0);
	tt_dns_transactions_destroy(table);
}

static const struct suite_test tests[] = {
	{"answered", test_answered},
	{"only the same question pairs", test_only_the_same_question_pairs},
	{"no answer from the client's side", test_response_from_the_client_side_is_no_answer},
	{"a response without question", test_response_without_question},
	{"retransmissions", test_retransmissions},
	{"a timeout is counted once, late apart", test_timeout_is_counted_once_and_late_apart},
	{"a duplicate response", test_duplicate_response},
	{"a full table refuses and counts", test_full_table_refuses_and_counts},
	{"a reused id is bounded", test_reused_id_is_bounded},
	{"equal queries over TCP are several", test_equal_queries_over_tcp_are_several},
	{"other opcodes", test_other_opcodes},
	{"multicast", test_multicast},
	{"random traffic is accounted for", test_random_traffic_is_accounted_for},
};

SUITE_MAIN("dns transactions", tests)
