/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile traffic beside honest connections. Each attack sends tens of thousands of packets between
 * the rounds in which bystanders talk. What must hold: the bystanders' records are, to the byte,
 * those of a run without the attack; every table stays within its limit; and the attack is counted.
 */
#include "base/hash.h"
#include "flow/key.h"
#include "protocol/http1_connection.h"
#include "rig.h"
#include "talk.h"

#include <stdio.h>

#define BASE_US	   (1700000000 * UINT64_C(1000000))
#define ROUND_US   1000000
#define ROUNDS	   20
#define BYSTANDERS 8
#define BURST	   2500 /* packets of an attack after each round */
#define ALL	   (ROUNDS * BURST)

#define FLOWS	  5000
#define HALF_OPEN 500
#define DATAGRAMS 256
#define PENDING	  256
#define KEYS	  128
#define OPEN_HTTP (2 * TT_HTTP1_QUEUE)
#define HELLOS	  64
#define FOLLOWED  128

static const struct endpoint server = {0x0a090101, 8080}, resolver = {0x0a090102, 53};

/* What is left of a run. */
struct outcome {
	struct rig rig;
	struct tt_pipeline_limit limits[TT_PIPELINE_LIMITS];
	uint64_t high[TT_PIPELINE_LIMITS], refused[TT_PIPELINE_LIMITS];
	unsigned int limit_count;
	uint64_t live_high, half_open_high, evicted_half_open, evicted_idle;
	uint64_t datagrams_high, datagrams_evicted, orphans;
	uint64_t layers_left;
	unsigned int http_of_bystanders, http_answered;
	size_t bystanders; /* their records are the first ones of the rig */
};

/* Deterministic, and different for each i. */
static uint32_t random_of(uint32_t i)
{
	return (uint32_t)(tt_hash_bytes(1, &i, sizeof(i)) >> 16);
}

/* Not of the bystanders' 10.9.0.0/16. */
static struct endpoint stranger(uint32_t i)
{
	uint32_t random = random_of(i);

	return (struct endpoint){
		0xc6120000 | (random & 0x1ffff), (uint16_t)(1024 + random % 60000)};
}

static void udp_bytes(struct traffic *traffic, struct endpoint from, struct endpoint to,
	const void *bytes, size_t count)
{
	traffic_udp(traffic, from, to, count);

	struct traffic_frame *frame = &traffic->frames[traffic->count - 1];
	memcpy(frame->bytes + frame->length - count, bytes, count);
}

/* The attacks, packet i of each. One that is a connection keeps it here. */
static struct talk attacker;

static void send_syn(struct traffic *traffic, uint32_t i)
{
	traffic_tcp(traffic, stranger(i), server, TT_TCP_SYN, random_of(~i), 0, 0);
}

static void send_new_flow(struct traffic *traffic, uint32_t i)
{
	traffic_udp(traffic, stranger(i), server, 10);
}

/* First ones that nothing follows, and later ones that nothing precedes. */
static void send_fragment(struct traffic *traffic, uint32_t i)
{
	traffic_fragment(traffic, stranger(i), resolver, (uint16_t)random_of(~i), i % 2, 3);
}

static void send_subdomain(struct traffic *traffic, uint32_t i)
{
	uint8_t query[64] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16};
	char label[20];

	memcpy(query, &i, 2);
	snprintf(label, sizeof(label), "%08x%08x", random_of(i), random_of(~i));
	memcpy(query + 13, label, 16);
	memcpy(query + 29, "\3lab\4test\0\0\1\0\1", 14);
	udp_bytes(traffic, (struct endpoint){0xc6120001, (uint16_t)(1024 + i % 60000)}, resolver,
		query, 43);
}

static void begin_connection(struct traffic *traffic, uint16_t port)
{
	attacker = open_talk(
		traffic, (struct endpoint){0xc6120001, 40000}, (struct endpoint){0xc6120002, port});
}

static void send_header(struct traffic *traffic, uint32_t i)
{
	char line[TALK_PIECE_BYTES + 1];

	if (i == 0) {
		begin_connection(traffic, 80);
		say_text(&attacker, 0, "GET /endless HTTP/1.1\r\nHost: h.test\r\n");
	}
	snprintf(line, sizeof(line), "X-%08x: %0*d\r\n", i, TALK_PIECE_BYTES - 14, 0);
	say_text(&attacker, 0, line);
}

static void send_requests(struct traffic *traffic, uint32_t i)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	char requests[TALK_PIECE_BYTES + 1] = "";

	if (i == 0)
		begin_connection(traffic, 80);
	for (unsigned int n = 0; n < 10; n++)
		memcpy(requests + n * 18, request, 19);
	say_text(&attacker, 0, requests);
}

/* A hello of 16 MiB, in records without end. */
static void send_record(struct traffic *traffic, uint32_t i)
{
	uint8_t record[TALK_PIECE_BYTES] = {
		22, 3, 1, 0, TALK_PIECE_BYTES - 5, 1, 0xff, 0xff, 0xff, 3, 3};

	if (i == 0)
		begin_connection(traffic, 443);
	else
		memset(record + 5, (int)i, sizeof(record) - 5);
	say(&attacker, 0, record, sizeof(record));
}

/* IPv4 in GRE in IPv4 ..., deeper than anything is taken off. */
static void send_tunnels(struct traffic *traffic, uint32_t i)
{
	struct build build = {.length = 0};
	struct endpoint from = stranger(i);

	build_ethernet(&build, 0x0800);
	for (unsigned int depth = 0; depth < 8; depth++) {
		traffic_put_ipv4(&build, IPPROTO_GRE, from.address + depth, server.address, 0);
		build_32(&build, 0x00000800);
	}
	traffic_put_ipv4(&build, IPPROTO_UDP, from.address, server.address, 0);
	build_udp(&build, from.port, 9);
	traffic_add(traffic, &build);
}

static void send_from_the_past(struct traffic *traffic, uint32_t i)
{
	const uint64_t now_us = traffic->time_us;

	traffic->time_us = now_us - random_of(i) % 36000 * UINT64_C(1000000);
	/* Of few connections, so that they go back themselves. */
	traffic_udp(traffic, stranger(i % 50), server, 10);
	traffic->time_us = now_us;
}

/* Bystanders open, talk each round, and close; the attack comes between. NULL: none does. */
static void write_traffic(
	struct traffic *traffic, void (*send)(struct traffic *traffic, uint32_t i))
{
	static struct talk talks[BYSTANDERS];
	char text[128];

	*traffic = (struct traffic){.time_us = BASE_US};
	for (uint16_t b = 0; b < BYSTANDERS; b++)
		talks[b] = open_talk(
			traffic, (struct endpoint){0x0a090001u + b, (uint16_t)(30000 + b)}, server);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		traffic->time_us = BASE_US + (round + 1) * (uint64_t)ROUND_US;
		for (unsigned int b = 0; b < BYSTANDERS; b++) {
			snprintf(text, sizeof(text), "GET /%u HTTP/1.1\r\nHost: h.test\r\n\r\n",
				round);
			say_text(&talks[b], 0, text);
			say_text(&talks[b], 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		}
		for (uint32_t i = 0; send != NULL && i < BURST; i++) {
			traffic->time_us = BASE_US + (round + 1) * (uint64_t)ROUND_US +
				ROUND_US / 2 + i * (uint64_t)100;
			send(traffic, round * BURST + i);
		}
	}
	traffic->time_us = BASE_US + (ROUNDS + 1) * (uint64_t)ROUND_US;
	for (unsigned int b = 0; b < BYSTANDERS; b++)
		close_talk(&talks[b]);
}

static bool is_bystander(const struct tt_record_endpoints *endpoints)
{
	static const uint8_t network[] = {10, 9, 0};

	return endpoints->ip_version == 4 &&
		memcmp(endpoints->address[TT_CLIENT_TO_SERVER], network, sizeof(network)) == 0;
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct outcome *outcome = ((struct rig *)context)->seen;

	if (!is_bystander(&record->endpoints))
		return;
	outcome->http_of_bystanders++;
	outcome->http_answered += record->status == 200;
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	(void)context;
	(void)record;
}

static void on_tls(
	void *context, const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	(void)context;
	(void)record;
	(void)certificate;
}

static void configure(struct tt_config *config)
{
	config->flow.connections = FLOWS;
	config->flow.half_open = HALF_OPEN;
	config->fragments.datagrams = DATAGRAMS;
	config->dns.pending = PENDING;
	config->dns.keys = KEYS;
	config->http.transactions = OPEN_HTTP;
	config->http.keys = KEYS;
	config->tls.handshakes = HELLOS;
	config->payload.connections = FOLLOWED;
	config->payload.reassembly_bytes = 1 << 20;
}

/* Before the run's end takes them away. */
static void note_counters(struct outcome *outcome)
{
	const struct tt_pipeline *pipeline = outcome->rig.pipeline;
	const struct tt_flow_table_counters *flows = tt_pipeline_flow_counters(pipeline, 0);
	const struct tt_fragment_counters *fragments = tt_pipeline_fragment_counters(pipeline, 0);

	outcome->limit_count = tt_pipeline_limits(pipeline, 0, outcome->limits);
	for (unsigned int i = 0; i < outcome->limit_count; i++) {
		outcome->high[i] = tt_counter_read(outcome->limits[i].high);
		outcome->refused[i] = tt_counter_read(outcome->limits[i].refused);
		CU_ASSERT_TRUE(outcome->high[i] <= outcome->limits[i].limit);
		CU_ASSERT_EQUAL(tt_counter_read(outcome->limits[i].now), 0);
	}
	outcome->live_high = tt_counter_read(&flows->live_high);
	outcome->half_open_high = tt_counter_read(&flows->half_open_high);
	outcome->evicted_half_open = tt_counter_read(&flows->evicted_half_open);
	outcome->evicted_idle = tt_counter_read(&flows->evicted_idle);
	outcome->datagrams_high = tt_counter_read(&fragments->datagrams_high);
	outcome->datagrams_evicted = tt_counter_read(&fragments->evicted);
	outcome->orphans = tt_counter_read(&fragments->orphans);
	outcome->layers_left =
		tt_counter_read(&tt_pipeline_worker_counters(pipeline, 0)->layers_left);
	CU_ASSERT_TRUE(outcome->live_high <= FLOWS);
	CU_ASSERT_TRUE(outcome->half_open_high <= HALF_OPEN);
	CU_ASSERT_TRUE(outcome->datagrams_high <= DATAGRAMS);
}

/* The bystanders' records go first, in order. */
static void select_bystanders(struct outcome *outcome)
{
	struct rig *rig = &outcome->rig;

	for (size_t i = 0; i < rig->count; i++)
		if (is_bystander(&rig->records[i].endpoints))
			rig->records[outcome->bystanders++] = rig->records[i];
	rig->count = outcome->bystanders;
	rig_sort(rig);
}

static struct outcome run(void (*send)(struct traffic *traffic, uint32_t i))
{
	static struct outcome outcome;
	struct traffic traffic;

	write_traffic(&traffic, send);
	outcome = (struct outcome){.rig = rig_make(&traffic, 1)};
	configure(outcome.rig.config);
	outcome.rig.seen = &outcome;
	outcome.rig.http = on_http;
	outcome.rig.dns = on_dns;
	outcome.rig.tls = on_tls;
	rig_launch(&outcome.rig);
	tt_control_run(outcome.rig.control);
	note_counters(&outcome);
	rig_end(&outcome.rig);
	traffic_free(&traffic);
	outcome.rig.traffic = NULL;
	select_bystanders(&outcome);
	return outcome;
}

static struct outcome calm;

/* Run with an attack, and hold the bystanders against the calm run. */
static struct outcome attack(void (*send)(struct traffic *traffic, uint32_t i))
{
	struct outcome outcome = run(send);

	CU_ASSERT_TRUE(outcome.rig.processed >= ALL);
	CU_ASSERT_EQUAL(rig_dropped(&outcome.rig), 0);
	CU_ASSERT_EQUAL(outcome.bystanders, BYSTANDERS);
	CU_ASSERT_TRUE(rig_same(&outcome.rig, &calm.rig));
	CU_ASSERT_EQUAL(outcome.http_of_bystanders, BYSTANDERS * ROUNDS);
	CU_ASSERT_EQUAL(outcome.http_answered, BYSTANDERS * ROUNDS);
	return outcome;
}

static unsigned int limit_named(const struct outcome *outcome, const char *name)
{
	unsigned int i = 0;

	while (i < outcome->limit_count && strcmp(outcome->limits[i].name, name) != 0)
		i++;
	CU_ASSERT_FATAL(i < outcome->limit_count);
	return i;
}

/* What a limit refused, and how far it was used. */
static uint64_t refused(const struct outcome *outcome, const char *name)
{
	return outcome->refused[limit_named(outcome, name)];
}

static uint64_t high(const struct outcome *outcome, const char *name)
{
	return outcome->high[limit_named(outcome, name)];
}

static void test_calm(void)
{
	calm = run(NULL);
	CU_ASSERT_EQUAL_FATAL(calm.bystanders, BYSTANDERS);
	CU_ASSERT_EQUAL(calm.http_answered, BYSTANDERS * ROUNDS);
	CU_ASSERT_EQUAL(calm.rig.records[0].close_reason, TT_CLOSE_FIN);
	CU_ASSERT_EQUAL(calm.evicted_half_open + calm.evicted_idle, 0);
}

static void test_syn_flood(void)
{
	struct outcome outcome = attack(send_syn);

	CU_ASSERT_EQUAL(outcome.half_open_high, HALF_OPEN);
	/* All but those that are left at the end, or have timed out. */
	CU_ASSERT_TRUE(outcome.evicted_half_open > ALL * 9 / 10);
	CU_ASSERT_EQUAL(outcome.evicted_idle, 0);
	rig_free(&outcome.rig);
}

static void test_flood_of_new_flows(void)
{
	struct outcome outcome = attack(send_new_flow);

	CU_ASSERT_EQUAL(outcome.live_high, FLOWS);
	CU_ASSERT_TRUE(outcome.evicted_idle > ALL / 2);
	rig_free(&outcome.rig);
}

static void test_fragment_flood(void)
{
	struct outcome outcome = attack(send_fragment);

	CU_ASSERT_EQUAL(outcome.datagrams_high, DATAGRAMS);
	CU_ASSERT_TRUE(outcome.datagrams_evicted > ALL * 9 / 10);
	CU_ASSERT_TRUE(outcome.orphans > ALL * 4 / 10);
	rig_free(&outcome.rig);
}

static void test_random_subdomains(void)
{
	struct outcome outcome = attack(send_subdomain);

	/* One that finds no room is not followed. */
	CU_ASSERT_TRUE(refused(&outcome, "dns_pending") > ALL / 2);
	rig_free(&outcome.rig);
}

static void test_endless_headers(void)
{
	struct outcome outcome = attack(send_header);

	rig_free(&outcome.rig);
}

static void test_pipelined_requests(void)
{
	struct outcome outcome = attack(send_requests);

	/* One connection has so many at most, and the others still find room. */
	CU_ASSERT_EQUAL(refused(&outcome, "http_transactions"), 0);
	CU_ASSERT_TRUE(high(&outcome, "http_transactions") <= TT_HTTP1_QUEUE + BYSTANDERS);
	rig_free(&outcome.rig);
}

static void test_endless_records(void)
{
	struct outcome outcome = attack(send_record);

	rig_free(&outcome.rig);
}

static void test_deep_tunnels(void)
{
	struct outcome outcome = attack(send_tunnels);

	CU_ASSERT_EQUAL(outcome.layers_left, ALL);
	rig_free(&outcome.rig);
}

static void test_time_that_runs_backwards(void)
{
	struct outcome outcome = attack(send_from_the_past);

	rig_free(&outcome.rig);
}

/* Keys that are in one of 4096 buckets under a secret, and so for one of 64 workers, are anywhere
 * under another: who does not know the secret cannot make them collide. */
static void test_collisions_need_the_secret(void)
{
	enum {
		WANTED = 512,
		BUCKETS = 4096
	};
	static struct tt_flow_key keys[WANTED];
	static unsigned int known[BUCKETS], unknown[BUCKETS];
	struct tt_key_secret guessed, secret;
	struct tt_flow_key key;
	unsigned int found = 0, most = 0;

	CU_ASSERT_EQUAL(tt_key_secret_make(&guessed, 7), 0);
	CU_ASSERT_EQUAL(tt_key_secret_make(&secret, 8), 0);
	for (uint32_t i = 0; found < WANTED; i++) {
		struct endpoint from = stranger(i);

		memset(&key, 0, sizeof(key));
		memcpy(&key, &from.address, sizeof(from.address));
		memcpy((uint8_t *)&key + sizeof(key) / 2, &i, sizeof(i));
		if (tt_flow_key_hash(&key, &guessed) % BUCKETS == 0)
			keys[found++] = key;
	}
	for (unsigned int i = 0; i < WANTED; i++) {
		known[tt_flow_key_hash(&keys[i], &guessed) % BUCKETS]++;
		unsigned int *count = &unknown[tt_flow_key_hash(&keys[i], &secret) % BUCKETS];
		(*count)++;
		most = *count > most ? *count : most;
	}
	CU_ASSERT_EQUAL(known[0], WANTED);
	/* 512 into 4096 at random: more than 6 in one has a probability below 10^-6. */
	CU_ASSERT_TRUE(most <= 6);
}

static void test_end(void)
{
	rig_free(&calm.rig);
}

static const struct suite_test tests[] = {
	{"a run without an attack", test_calm},
	{"SYN flood", test_syn_flood},
	{"flood of new flows", test_flood_of_new_flows},
	{"fragments without end", test_fragment_flood},
	{"random subdomains", test_random_subdomains},
	{"headers without end", test_endless_headers},
	{"pipelined requests", test_pipelined_requests},
	{"TLS records without end", test_endless_records},
	{"deep tunnels", test_deep_tunnels},
	{"time that runs backwards", test_time_that_runs_backwards},
	{"collisions need the secret", test_collisions_need_the_secret},
	{"end", test_end},
};

SUITE_MAIN("pipeline/attacks", tests)
