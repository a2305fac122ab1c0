/* SPDX-License-Identifier: Apache-2.0 */
#include "control/clients.h"

#include "base/error.h"

#include "suite.h"

#include <stdio.h>

#define BOOT_ID	  7
#define EXPIRY_US 120000000

static struct tt_journal journal;
static struct tt_clients *clients;

static void start(uint32_t journal_capacity, uint32_t client_capacity)
{
	const struct tt_clients_options options = {.capacity = client_capacity,
		.expiry_us = EXPIRY_US,
		.boot_id = BOOT_ID,
		.deltas = 64};

	CU_ASSERT_FATAL(tt_journal_create(&journal, journal_capacity, false));
	clients = tt_clients_create(&options);
	CU_ASSERT_PTR_NOT_NULL_FATAL(clients);
}

static void end(void)
{
	tt_clients_destroy(clients);
	tt_journal_destroy(&journal);
}

/* Record n has uid n, as it has sequence number n. */
static void append(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct tt_connection_record record = {
			.uid = journal.next, .close_reason = TT_CLOSE_FIN};

		tt_journal_append(&journal, &record);
	}
}

static struct tt_client_cursor at(uint64_t sequence)
{
	return (struct tt_client_cursor){.boot_id = BOOT_ID, .sequence = sequence};
}

/* Pull and read all of it. */
static struct tt_client_pull pull_all(
	const char *name, const struct tt_client_cursor *cursor, uint64_t max, uint64_t now_us)
{
	struct tt_client_pull pull;
	uint64_t read = 0;

	CU_ASSERT_EQUAL_FATAL(
		tt_clients_pull(clients, &journal, name, cursor, max, now_us, &pull), TT_OK);
	while (tt_client_pull_next(&pull, &journal) != NULL)
		read++;
	CU_ASSERT_EQUAL(read + pull.lost, pull.to - pull.from);
	return pull;
}

static void check(
	const struct tt_client_pull *pull, uint64_t from, uint64_t to, uint64_t lost, bool baseline)
{
	CU_ASSERT_EQUAL(pull->from, from);
	CU_ASSERT_EQUAL(pull->to, to);
	CU_ASSERT_EQUAL(pull->lost, lost);
	CU_ASSERT_EQUAL(pull->baseline, baseline);
}

static void the_first_pull_is_a_baseline(void)
{
	struct tt_client_pull pull;

	start(10, 2);
	append(15);
	pull = pull_all("a", NULL, 100, 1);
	check(&pull, 6, 16, 0, true);
	append(3);
	struct tt_client_cursor cursor = at(16);
	pull = pull_all("a", &cursor, 100, 2);
	check(&pull, 16, 19, 0, false);
	/* Another client has all that there is. */
	pull = pull_all("b", NULL, 100, 3);
	check(&pull, 9, 19, 0, true);
	end();
}

static void the_same_cursor_gives_the_same(void)
{
	struct tt_client_pull pull;
	struct tt_client_cursor cursor = at(3);

	start(10, 1);
	append(5);
	pull = pull_all("a", &cursor, 2, 1);
	check(&pull, 3, 5, 0, true);
	append(4);
	pull = pull_all("a", &cursor, 100, 2);
	check(&pull, 3, 5, 0, true);
	/* What falls out in between is told. */
	append(5);
	pull = pull_all("a", &cursor, 100, 3);
	check(&pull, 3, 5, 2, true);
	cursor = at(5);
	pull = pull_all("a", &cursor, 100, 4);
	check(&pull, 5, 15, 0, false);
	end();
}

/* The cursor of an empty pull gives what has come since. */
static void an_empty_pull_goes_on(void)
{
	struct tt_client_pull pull;
	struct tt_client_cursor cursor = at(1);

	start(10, 1);
	pull = pull_all("a", &cursor, 100, 1);
	check(&pull, 1, 1, 0, true);
	append(2);
	pull = pull_all("a", &cursor, 100, 2);
	check(&pull, 1, 3, 0, true);
	append(1);
	pull = pull_all("a", &cursor, 100, 2);
	check(&pull, 1, 3, 0, true);
	pull = pull_all("a", &pull.next, 100, 3);
	check(&pull, 3, 4, 0, false);
	end();
}

static void without_a_cursor_the_name_is_enough(void)
{
	struct tt_client_pull pull;

	start(10, 1);
	append(3);
	pull = pull_all("a", NULL, 100, 1);
	append(1);
	/* The first was not sent to its end. */
	pull = pull_all("a", NULL, 100, 2);
	check(&pull, 1, 4, 0, true);
	tt_clients_finish(clients, &pull, 3);
	struct tt_client_pull older = pull;
	pull = pull_all("a", NULL, 100, 4);
	check(&pull, 4, 5, 0, false);
	/* The end of an older pull is not the end of this one. */
	tt_clients_finish(clients, &older, 5);
	pull = pull_all("a", NULL, 100, 6);
	check(&pull, 4, 5, 0, false);
	end();
}

static void records_lost_while_sending_are_told(void)
{
	struct tt_client_pull pull;
	struct tt_client_cursor cursor = at(1);

	start(10, 1);
	append(10);
	CU_ASSERT_EQUAL_FATAL(tt_clients_pull(clients, &journal, "a", &cursor, 8, 1, &pull), TT_OK);
	CU_ASSERT_EQUAL(tt_client_pull_next(&pull, &journal)->uid, 1);
	append(4);
	CU_ASSERT_EQUAL(tt_client_pull_next(&pull, &journal)->uid, 5);
	CU_ASSERT_EQUAL(pull.lost, 3);
	append(10);
	CU_ASSERT_PTR_NULL(tt_client_pull_next(&pull, &journal));
	CU_ASSERT_EQUAL(pull.lost, 6);
	CU_ASSERT_EQUAL(pull.to, 9);
	end();
}

static void another_run_starts_anew(void)
{
	struct tt_client_pull pull;
	struct tt_client_cursor cursor = {.boot_id = BOOT_ID + 1, .sequence = 1000};

	start(10, 1);
	append(4);
	pull_all("a", NULL, 2, 1);
	/* The same answer until the new cursor is used, here as well. */
	for (unsigned int i = 0; i < 2; i++) {
		pull = pull_all("a", &cursor, 100, 1);
		check(&pull, 1, 5, 0, true);
		append(1);
	}
	cursor = at(5);
	pull = pull_all("a", &cursor, 100, 1);
	check(&pull, 5, 7, 0, false);
	end();
}

static void who_does_not_pull_is_forgotten(void)
{
	struct tt_client_pull pull;
	struct tt_client_cursor cursor = at(3);

	start(10, 1);
	append(2);
	pull_all("a", NULL, 100, 1);
	CU_ASSERT_EQUAL(tt_clients_pull(clients, &journal, "b", NULL, 1, 1 + EXPIRY_US, &pull),
		TT_ERROR_BUSY);
	CU_ASSERT_EQUAL(tt_clients_counters(clients)->refused, 1);
	CU_ASSERT_EQUAL(tt_clients_counters(clients)->expired, 0);
	pull_all("b", NULL, 100, 2 + EXPIRY_US);
	CU_ASSERT_EQUAL(tt_clients_counters(clients)->expired, 1);
	/* Its cursor still says where it was. */
	append(1);
	pull = pull_all("a", &cursor, 100, 4 + 2 * (uint64_t)EXPIRY_US);
	check(&pull, 3, 4, 0, true);
	CU_ASSERT_EQUAL(tt_clients_counters(clients)->pulls, 3);
	end();
}

static void bad_pulls_change_nothing(void)
{
	static const char *const names[] = {"", "a b", "a/b", "\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	struct tt_client_pull pull;
	struct tt_client_cursor zero = at(0), beyond = at(4);

	start(10, 1);
	append(2);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_EQUAL(tt_clients_pull(clients, &journal, names[i], NULL, 1, 1, &pull),
			TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(
		tt_clients_pull(clients, &journal, "a", NULL, 0, 1, &pull), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(
		tt_clients_pull(clients, &journal, "a", &zero, 1, 1, &pull), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(
		tt_clients_pull(clients, &journal, "a", &beyond, 1, 1, &pull), TT_ERROR_ARGUMENT);
	/* None of them has taken the only place. */
	pull = pull_all(names[4] + 1, NULL, 100, 1);
	check(&pull, 1, 3, 0, true);
	end();
}

/* Connection `uid` has had so many packets from its client; close_reason 0: it goes on. */
static struct tt_connection_record having(uint64_t uid, uint64_t packets, uint8_t close_reason)
{
	return (struct tt_connection_record){.uid = uid,
		.start_us = uid,
		.close_reason = close_reason,
		.counters[TT_CLIENT_TO_SERVER].packets = packets};
}

/* A pull that tells of one connection: what is new of it. */
static enum tt_delta_kind tell(const char *name, const struct tt_client_cursor *cursor,
	struct tt_connection_record record, uint64_t *packets)
{
	struct tt_client_pull pull;
	struct tt_delta since = {0};

	CU_ASSERT_EQUAL_FATAL(tt_clients_pull(clients, &journal, name, cursor, 1, 1, &pull), TT_OK);
	enum tt_delta_kind kind = tt_clients_tell(clients, &pull, &record, &since);
	tt_clients_finish(clients, &pull, 1);
	*packets = since.counters[TT_CLIENT_TO_SERVER].packets;
	return kind;
}

static void a_pull_tells_what_is_new(void)
{
	struct tt_connection_record turned = having(1, 0, TT_CLOSE_IDLE);
	struct tt_client_cursor cursor = {.boot_id = BOOT_ID, .sequence = 1, .pull = 2};
	uint64_t packets;

	start(10, 2);
	CU_ASSERT_EQUAL(tell("a", NULL, having(1, 3, 0), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 3);
	CU_ASSERT_EQUAL(tell("a", NULL, having(1, 3, 0), &packets), TT_DELTA_UNCHANGED);
	CU_ASSERT_EQUAL(packets, 0);
	CU_ASSERT_EQUAL(tell("a", NULL, having(1, 10, 0), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 7);
	/* Asked for again: compared with what came before it, not with itself. */
	CU_ASSERT_EQUAL(tell("a", &cursor, having(1, 12, 0), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 9);
	/* Another client has been told of nothing. */
	CU_ASSERT_EQUAL(tell("b", NULL, having(1, 12, 0), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 12);
	/* Its client turned out to be the other side. */
	turned.endpoints.port[TT_CLIENT_TO_SERVER] = 5;
	struct tt_connection_record before = having(2, 4, 0);
	before.endpoints.port[TT_SERVER_TO_CLIENT] = 5;
	tell("a", NULL, before, &packets);
	turned.uid = 2;
	turned.counters[TT_SERVER_TO_CLIENT].packets = 6;
	turned.counters[TT_CLIENT_TO_SERVER].packets = 1;
	CU_ASSERT_EQUAL(tell("a", NULL, turned, &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 1);
	end();
}

/* What an unfinished pull told counts for nothing, also of connections that the next one does not
 * tell of. */
static void a_pull_that_broke_off_has_told_nothing(void)
{
	struct tt_connection_record record = having(1, 5, 0);
	struct tt_client_pull pull;
	struct tt_delta since;
	uint64_t packets;

	start(10, 1);
	tell("a", NULL, having(1, 3, 0), &packets);
	tt_clients_pull(clients, &journal, "a", NULL, 1, 1, &pull);
	tt_clients_tell(clients, &pull, &record, &since);
	struct tt_client_pull broken = pull;
	/* Another one ends it. */
	tt_clients_pull(clients, &journal, "a", NULL, 1, 1, &pull);
	CU_ASSERT_FALSE(tt_clients_goes_on(clients, &broken, 1));
	CU_ASSERT_TRUE(tt_clients_goes_on(clients, &pull, 1));
	tt_clients_finish(clients, &pull, 1);
	CU_ASSERT_EQUAL(tell("a", NULL, having(1, 6, TT_CLOSE_FIN), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 3);
	end();
}

static void connections_without_room_are_not_compared(void)
{
	uint64_t packets;

	start(10, 1);
	for (uint64_t uid = 1; uid <= 64; uid++)
		CU_ASSERT_EQUAL(tell("a", NULL, having(uid, 1, 0), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(tell("a", NULL, having(100, 1, 0), &packets), TT_DELTA_UNKNOWN);
	/* It, when it ends; and any that may have been as unlucky. One that began later was not. */
	CU_ASSERT_EQUAL(tell("a", NULL, having(100, 2, TT_CLOSE_FIN), &packets), TT_DELTA_UNKNOWN);
	CU_ASSERT_EQUAL(tell("a", NULL, having(101, 2, TT_CLOSE_FIN), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 2);
	CU_ASSERT_EQUAL(tell("a", NULL, having(7, 5, TT_CLOSE_FIN), &packets), TT_DELTA_CHANGED);
	CU_ASSERT_EQUAL(packets, 4);
	end();
}

/* Those that ended make room, once their end has been told. */
static void ended_connections_make_room(void)
{
	struct tt_client_pull pull;
	struct tt_client_state state;
	struct tt_delta since;
	uint32_t place = 0;
	uint64_t now_us = 1;

	start(10, 1);
	for (uint64_t uid = 1; uid <= 1000; uid++, now_us += 6000000) {
		struct tt_connection_record record = having(uid, 1, 0);

		tt_clients_pull(clients, &journal, "a", NULL, 10, now_us, &pull);
		CU_ASSERT_EQUAL(tt_clients_tell(clients, &pull, &record, &since), TT_DELTA_CHANGED);
		tt_clients_walked(clients, &pull, now_us);
		tt_clients_finish(clients, &pull, now_us);
	}
	CU_ASSERT_TRUE(tt_clients_next(clients, &journal, now_us, &place, &state));
	CU_ASSERT(state.compared > 0 && state.compared < 10);
	CU_ASSERT_EQUAL(state.untracked, 0);
	CU_ASSERT_FALSE(tt_clients_next(clients, &journal, now_us, &place, &state));
	end();
}

static struct tt_dns_stats *total;

static void start_statistics(void)
{
	const struct tt_dns_stats_options dns = {.capacity = 64, .sketches = 8};

	CU_ASSERT_EQUAL_FATAL(tt_dns_stats_create(&total, &dns), 0);
	const struct tt_clients_options options = {.capacity = 2,
		.expiry_us = EXPIRY_US,
		.boot_id = BOOT_ID,
		.deltas = 64,
		.dns = dns,
		.dns_total = total};
	clients = tt_clients_create(&options);
	CU_ASSERT_PTR_NOT_NULL_FATAL(clients);
}

static void end_statistics(void)
{
	tt_clients_destroy(clients);
	tt_dns_stats_destroy(total);
}

/* So many transactions are counted, drained and merged. */
static void count_transactions(unsigned int count)
{
	const struct tt_dns_stats_options options = {.capacity = 64, .sketches = 8};
	const struct tt_flow_key key = {.ip_version = 4};
	const struct tt_dns_name name = {.length = 0};
	const struct tt_dns_transaction transaction = {
		.status = TT_DNS_ANSWERED, .key = &key, .name = &name, .latency_us = 10};
	uint8_t bytes[TT_DNS_STATS_RECORD_BYTES];
	struct tt_dns_stats *worker;
	uint32_t position = 0;

	CU_ASSERT_EQUAL_FATAL(tt_dns_stats_create(&worker, &options), 0);
	while (count-- > 0)
		tt_dns_stats_add(worker, &transaction);
	while (position != UINT32_MAX) {
		size_t length = tt_dns_stats_drain(worker, &position, 100, bytes, sizeof(bytes));

		CU_ASSERT_EQUAL(tt_dns_stats_merge(total, bytes, length), 0);
		tt_clients_merge(clients, TT_STATISTICS_DNS, bytes, length);
	}
	tt_dns_stats_destroy(worker);
}

/* How many transactions a pull gives; *pull moves to its end. */
static uint64_t read_statistics(struct tt_client_statistics *pull, bool *ended)
{
	const struct tt_dns_stats_entry *entry;
	uint64_t count = 0;

	while ((entry = tt_clients_statistics_next(clients, pull, 1, ended)) != NULL)
		count += entry->counts.count;
	return count;
}

static void check_statistics(
	const char *name, const struct tt_client_cursor *cursor, uint64_t count, bool baseline)
{
	struct tt_client_statistics pull;
	bool ended;

	CU_ASSERT_EQUAL_FATAL(
		tt_clients_statistics(clients, TT_STATISTICS_DNS, name, cursor, 1, &pull), TT_OK);
	CU_ASSERT_EQUAL(pull.baseline, baseline);
	CU_ASSERT_EQUAL(read_statistics(&pull, &ended), count);
	CU_ASSERT_TRUE(ended);
	tt_clients_statistics_finish(clients, &pull, 1);
}

static void statistics_are_those_since_the_last_pull(void)
{
	start_statistics();
	count_transactions(5);
	check_statistics("a", NULL, 5, true);
	check_statistics("a", NULL, 0, false);
	count_transactions(2);
	count_transactions(1);
	check_statistics("a", NULL, 3, false);
	check_statistics("b", NULL, 8, true);
	count_transactions(4);
	check_statistics("b", NULL, 4, false);
	check_statistics("a", NULL, 4, false);
	end_statistics();
}

static void statistics_are_given_again(void)
{
	struct tt_client_cursor first = at(1), second = at(2), third = at(3), fifth = at(5);
	struct tt_client_statistics pull, other;
	bool ended;

	start_statistics();
	count_transactions(5);
	check_statistics("a", &first, 5, true);
	count_transactions(1);
	check_statistics("a", &first, 5, true);
	check_statistics("a", &second, 1, false);
	count_transactions(2);
	check_statistics("a", &second, 1, false);
	/* Without a cursor, when it broke off. */
	tt_clients_statistics(clients, TT_STATISTICS_DNS, "a", &third, 1, &pull);
	tt_clients_statistics(clients, TT_STATISTICS_DNS, "a", NULL, 1, &other);
	CU_ASSERT_EQUAL(read_statistics(&other, &ended), 2);
	/* The older pull has ended, and not at its end. */
	CU_ASSERT_EQUAL(read_statistics(&pull, &ended), 0);
	CU_ASSERT_FALSE(ended);
	CU_ASSERT_EQUAL(tt_clients_statistics(clients, TT_STATISTICS_DNS, "a", &first, 1, &pull),
		TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(tt_clients_statistics(clients, TT_STATISTICS_DNS, "a", &fifth, 1, &pull),
		TT_ERROR_ARGUMENT);
	end_statistics();
}

#define CLIENTS 8
#define ROUNDS	20000

/* What a client has taken, by the model: `next` is the first record it knows nothing of. */
struct model {
	char name[4];
	uint64_t next;
	uint64_t taken;
	uint64_t lost;
};

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

/* One pull while connections go on closing: read to its end and taken, or broken off anywhere and
 * asked again by the same cursor, or by the name alone. */
static uint64_t pull_once(struct model *model, uint64_t *state, uint64_t now_us)
{
	struct tt_client_cursor cursor = at(model->next);
	uint64_t max = 1 + random_next(state) % 60, wrong = 0, taken = 0, lost = 0, expected;
	bool by_name = random_next(state) % 2 == 0, broken = random_next(state) % 3 == 0;
	const struct tt_connection_record *record;
	struct tt_client_pull pull;

	wrong += tt_clients_pull(clients, &journal, model->name, by_name ? NULL : &cursor, max,
			 now_us, &pull) != TT_OK;
	wrong += pull.from != model->next;
	expected = pull.from;
	for (;;) {
		uint64_t oldest =
			journal.next > journal.capacity ? journal.next - journal.capacity : 1;

		while (expected < oldest && expected < pull.to) {
			expected++;
			lost++;
		}
		record = tt_client_pull_next(&pull, &journal);
		wrong += pull.lost != lost;
		if (record == NULL)
			break;
		wrong += record->uid != expected;
		expected++;
		taken++;
		if (broken && random_next(state) % 16 == 0)
			return wrong;
		append(random_next(state) % 4 == 0 ? random_next(state) % 6 : 0);
	}
	wrong += expected != pull.to;
	if (broken)
		return wrong;
	tt_clients_finish(clients, &pull, now_us);
	model->next = pull.to;
	model->taken += taken;
	model->lost += lost;
	return wrong;
}

/* Each record is taken by each client exactly once or told as lost to it. */
static void random_pulls_give_each_record_once(void)
{
	struct model models[CLIENTS];
	uint64_t state = 1, wrong = 0;

	start(100, CLIENTS);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		models[i] = (struct model){.next = 1};
		snprintf(models[i].name, sizeof(models[i].name), "c%u", i);
		pull_all(models[i].name, NULL, 1, 0);
	}
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		/* The last ones come so seldom that they fall behind. */
		unsigned int who = (unsigned int)(random_next(&state) % CLIENTS);

		append(random_next(&state) % 12);
		if (who < CLIENTS - 2 || random_next(&state) % 8 == 0)
			wrong += pull_once(&models[who], &state, round);
	}
	for (unsigned int i = 0; i < CLIENTS; i++) {
		CU_ASSERT_EQUAL(models[i].taken + models[i].lost, models[i].next - 1);
		CU_ASSERT(models[i].taken > 1000);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(models[CLIENTS - 1].lost > 1000);
	end();
}

static const struct suite_test tests[] = {
	{"the first pull is a baseline", the_first_pull_is_a_baseline},
	{"the same cursor gives the same", the_same_cursor_gives_the_same},
	{"an empty pull goes on", an_empty_pull_goes_on},
	{"without a cursor the name is enough", without_a_cursor_the_name_is_enough},
	{"records lost while sending are told", records_lost_while_sending_are_told},
	{"another run starts anew", another_run_starts_anew},
	{"who does not pull is forgotten", who_does_not_pull_is_forgotten},
	{"bad pulls change nothing", bad_pulls_change_nothing},
	{"random pulls give each record once", random_pulls_give_each_record_once},
	{"a pull tells what is new", a_pull_tells_what_is_new},
	{"a pull that broke off has told nothing", a_pull_that_broke_off_has_told_nothing},
	{"connections without room are not compared", connections_without_room_are_not_compared},
	{"ended connections make room", ended_connections_make_room},
	{"statistics are those since the last pull", statistics_are_those_since_the_last_pull},
	{"statistics are given again", statistics_are_given_again},
};

SUITE_MAIN("clients", tests)
