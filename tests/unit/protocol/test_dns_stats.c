/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/dns_stats.h"

#include "suite.h"

#include <stdio.h>

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % limit);
}

static struct tt_dns_stats *create(uint32_t capacity, uint32_t sketches, bool registered)
{
	struct tt_dns_stats_options options = {
		.capacity = capacity,
		.sketches = sketches,
		.registered_domain = registered,
		.secret = 1,
	};
	struct tt_dns_stats *stats;

	CU_ASSERT_EQUAL_FATAL(tt_dns_stats_create(&stats, &options), TT_OK);
	return stats;
}

static struct tt_dns_name name_of(const char *text)
{
	struct tt_dns_name name = {.length = (uint8_t)strlen(text)};

	memcpy(name.text, text, name.length);
	return name;
}

/* A transaction of client 10.0.0.`client` with server 10.0.1.1; rcode -1: timeout. */
static void add_waiting(struct tt_dns_stats *stats, unsigned int client, const char *domain,
	unsigned int type, int rcode, uint64_t latency_us)
{
	struct tt_dns_name name = name_of(domain);
	struct tt_flow_key key = {
		.low_address = {10, 0, 0, (uint8_t)client},
		.high_address = {10, 0, 1, 1},
		.ip_version = 4,
	};
	struct tt_dns_transaction transaction = {
		.status = rcode < 0 ? TT_DNS_TIMEOUT : TT_DNS_ANSWERED,
		.key = &key,
		.has_rcode = rcode >= 0,
		.rcode = (uint16_t)rcode,
		.query_type = (uint16_t)type,
		.name = &name,
		.latency_us = latency_us,
	};

	tt_dns_stats_add(stats, &transaction);
}

static void add(struct tt_dns_stats *stats, unsigned int client, const char *domain,
	unsigned int type, int rcode, uint64_t latency_us)
{
	add_waiting(stats, client, domain, type, rcode, latency_us);
	tt_dns_stats_settle(stats);
}

static const struct tt_dns_stats_entry *find(const struct tt_dns_stats *stats, unsigned int client,
	const char *domain, unsigned int type)
{
	const struct tt_dns_stats_entry *entry;
	uint32_t position = 0;

	while ((entry = tt_dns_stats_next(stats, &position)) != NULL)
		if (!entry->other && entry->client[3] == client && entry->query_type == type &&
			entry->domain.length == strlen(domain) &&
			memcmp(entry->domain.text, domain, entry->domain.length) == 0)
			return entry;
	return NULL;
}

static void drain_into(struct tt_dns_stats *from, struct tt_dns_stats *into)
{
	static uint8_t bytes[3 * TT_DNS_STATS_RECORD_BYTES];
	uint32_t position = 0;

	while (position != UINT32_MAX) {
		size_t length = tt_dns_stats_drain(from, &position, 7, bytes, sizeof(bytes));
		struct guarded guarded = guarded_copy(bytes, length);
		CU_ASSERT_EQUAL(tt_dns_stats_merge(into, guarded.bytes, length), TT_OK);
		guarded_free(&guarded);
	}
}

static void test_counts_of_a_key(void)
{
	struct tt_dns_stats *stats = create(16, 4, false);

	add(stats, 1, "a.example", 1, 0, 100);
	add(stats, 1, "a.example", 1, 0, 300);
	add(stats, 1, "a.example", 1, 3, 1000);
	add(stats, 1, "a.example", 1, -1, 0);
	add(stats, 1, "a.example", 1, 4000, 7);
	add(stats, 1, "a.example", 28, 2, 5);
	add(stats, 2, "a.example", 1, 0, 5);
	const struct tt_dns_stats_entry *entry = find(stats, 1, "a.example", 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
	CU_ASSERT_EQUAL(entry->counts.count, 5);
	CU_ASSERT_EQUAL(entry->counts.timeouts, 1);
	CU_ASSERT_EQUAL(entry->counts.rcodes[0], 2);
	CU_ASSERT_EQUAL(entry->counts.rcodes[3], 1);
	CU_ASSERT_EQUAL(entry->counts.other_rcodes, 1);
	CU_ASSERT_EQUAL(entry->counts.latency_success_us, 400);
	CU_ASSERT_EQUAL(entry->counts.latency_failure_us, 1007);
	CU_ASSERT_EQUAL(entry->latency.count, 4);
	CU_ASSERT_EQUAL(entry->latency.max, 1000);
	CU_ASSERT_EQUAL(find(stats, 1, "a.example", 28)->counts.rcodes[2], 1);
	CU_ASSERT_EQUAL(find(stats, 2, "a.example", 1)->counts.count, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_dns_stats_counters(stats)->keys), 3);
	tt_dns_stats_destroy(stats);
}

static void test_direction_and_unsolicited(void)
{
	struct tt_dns_stats *stats = create(16, 4, false);
	struct tt_dns_name name = name_of("a.example");
	struct tt_flow_key key = {
		.low_address = {10, 0, 0, 1}, .high_address = {10, 0, 1, 1}, .ip_version = 4};
	struct tt_dns_transaction transaction = {
		.status = TT_DNS_UNSOLICITED,
		.key = &key,
		.client = 1,
		.has_rcode = true,
		.query_type = 1,
		.name = &name,
	};
	uint32_t position = 0;

	tt_dns_stats_add(stats, &transaction);
	tt_dns_stats_settle(stats);
	const struct tt_dns_stats_entry *entry = tt_dns_stats_next(stats, &position);
	CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
	CU_ASSERT_EQUAL(entry->client[2], 1); /* the high endpoint is the client */
	CU_ASSERT_EQUAL(entry->counts.unsolicited, 1);
	CU_ASSERT_EQUAL(entry->counts.rcodes[0], 1);
	CU_ASSERT_EQUAL(entry->latency.count, 0);
	tt_dns_stats_destroy(stats);
}

/* Random transactions on three workers, drained at random times, against plain arrays. */
static void test_workers_merge_into_the_same_as_one(void)
{
	static uint64_t count[4][30], timeouts[4][30], rcode3[4][30], sum[4][30], most[4][30];
	struct tt_dns_stats *workers[3];
	struct tt_dns_stats *control = create(1000, 200, false);
	char domain[32];

	for (unsigned int w = 0; w < 3; w++)
		workers[w] = create(200, 200, false);
	for (unsigned int step = 0; step < 60000; step++) {
		unsigned int client = random_below(4);
		unsigned int number = random_below(30);
		int rcode = random_below(10) == 0 ? -1 : random_below(2) == 0 ? 3 : 0;
		uint64_t latency = random_below(100000);
		struct tt_dns_stats *worker = workers[random_below(3)];
		snprintf(domain, sizeof(domain), "name%u.example", number);
		add(worker, client, domain, 1, rcode, latency);
		count[client][number]++;
		timeouts[client][number] += rcode < 0;
		rcode3[client][number] += rcode == 3;
		sum[client][number] += rcode < 0 ? 0 : latency;
		if (rcode >= 0 && latency > most[client][number])
			most[client][number] = latency;
		if (random_below(4000) == 0)
			drain_into(worker, control);
	}
	for (unsigned int w = 0; w < 3; w++) {
		drain_into(workers[w], control);
		CU_ASSERT_EQUAL(tt_counter_read(&tt_dns_stats_counters(workers[w])->keys), 0);
		CU_ASSERT_EQUAL(tt_counter_read(&tt_dns_stats_counters(workers[w])->sketches), 0);
		tt_dns_stats_destroy(workers[w]);
	}
	for (unsigned int client = 0; client < 4; client++) {
		for (unsigned int number = 0; number < 30; number++) {
			snprintf(domain, sizeof(domain), "name%u.example", number);
			const struct tt_dns_stats_entry *entry = find(control, client, domain, 1);
			CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
			CU_ASSERT_EQUAL(entry->counts.count, count[client][number]);
			CU_ASSERT_EQUAL(entry->counts.timeouts, timeouts[client][number]);
			CU_ASSERT_EQUAL(entry->counts.rcodes[3], rcode3[client][number]);
			CU_ASSERT_EQUAL(
				entry->counts.latency_success_us + entry->counts.latency_failure_us,
				sum[client][number]);
			CU_ASSERT_EQUAL(entry->latency.max, most[client][number]);
			/* Uniform from 0 to 100 ms: about 500 samples a key. */
			uint64_t median = tt_sketch_quantile(&entry->latency, 0.5);
			CU_ASSERT(median > 35000 && median < 65000);
		}
	}
	tt_dns_stats_destroy(control);
}

static void totals(
	const struct tt_dns_stats *stats, uint64_t *all, uint64_t *grouped, uint64_t *other)
{
	const struct tt_dns_stats_entry *entry;
	uint32_t position = 0;

	*all = *grouped = *other = 0;
	while ((entry = tt_dns_stats_next(stats, &position)) != NULL) {
		*all += entry->counts.count;
		*grouped += entry->grouped ? entry->counts.count : 0;
		*other += entry->other ? entry->counts.count : 0;
	}
}

static void test_flood_of_names_stays_inside(void)
{
	struct tt_dns_stats *stats = create(800, 10, false);
	const struct tt_aggregate_counters *counters = tt_dns_stats_counters(stats);
	uint64_t all, grouped, other;
	char domain[64];

	for (unsigned int i = 0; i < 100; i++) {
		snprintf(domain, sizeof(domain), "host%u.before.example", i);
		add(stats, 1, domain, 1, 0, 10);
	}
	for (unsigned int i = 0; i < 50000; i++) {
		snprintf(domain, sizeof(domain), "%08x.flood.example", i);
		add(stats, 1, domain, 1, 3, 10);
	}
	add(stats, 1, "host7.before.example", 1, 0, 10); /* has its key */
	add(stats, 1, "later.after.example", 1, 0, 10);	 /* grouped */
	totals(stats, &all, &grouped, &other);
	CU_ASSERT_EQUAL(all, 50102);
	CU_ASSERT_EQUAL(grouped, 50000 - 600 + 1);
	CU_ASSERT_EQUAL(other, 0);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->grouped), grouped);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->keys_high), 702);
	CU_ASSERT_EQUAL(find(stats, 1, "host7.before.example", 1)->counts.count, 2);
	CU_ASSERT(find(stats, 1, "flood.example", 1)->grouped);
	CU_ASSERT_EQUAL(find(stats, 1, "after.example", 1)->counts.count, 1);

	/* Registered domains as random as the names: `other` in the end. */
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(domain, sizeof(domain), "www.%08x.example", i);
		add(stats, 1, domain, 1, 3, 10);
	}
	totals(stats, &all, &grouped, &other);
	CU_ASSERT_EQUAL(all, 51102);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->keys), 800);
	CU_ASSERT_EQUAL(other, 1000 - 98);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->other), other);

	/* Drained into a table as small: still all there; then there is room again. */
	struct tt_dns_stats *control = create(16, 1, false);
	drain_into(stats, control);
	totals(control, &all, &grouped, &other);
	CU_ASSERT_EQUAL(all, 51102);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->keys), 0);
	add(stats, 1, "new.example", 1, 0, 1);
	CU_ASSERT_PTR_NOT_NULL(find(stats, 1, "new.example", 1));
	tt_dns_stats_destroy(control);
	tt_dns_stats_destroy(stats);
}

/* What waits is drained, once, and forgotten by a reset. */
static void test_waiting(void)
{
	struct tt_dns_stats *stats = create(1000, 1, false);
	struct tt_dns_stats *into = create(1000, 1, false);
	uint64_t all, grouped, other;
	char domain[64];

	for (unsigned int count = 1; count <= 3 * TT_DNS_STATS_WAITING; count++) {
		for (unsigned int i = 0; i < count; i++) {
			snprintf(domain, sizeof(domain), "name%u.example", i);
			add_waiting(stats, 1, domain, 1, i % 4 == 3 ? -1 : 0, 100 + i);
		}
		drain_into(stats, into);
		totals(into, &all, &grouped, &other);
		CU_ASSERT_EQUAL(all, count);
		for (unsigned int i = 0; i < count; i++) {
			snprintf(domain, sizeof(domain), "name%u.example", i);
			const struct tt_dns_stats_entry *entry = find(into, 1, domain, 1);
			CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
			CU_ASSERT_EQUAL(entry->counts.timeouts, i % 4 == 3);
			CU_ASSERT_EQUAL(entry->latency.max, i % 4 == 3 ? 0 : 100 + i);
		}
		tt_dns_stats_reset(into);
	}
	add_waiting(stats, 1, "forgotten.example", 1, 0, 1);
	tt_dns_stats_reset(stats);
	drain_into(stats, into);
	totals(into, &all, &grouped, &other);
	CU_ASSERT_EQUAL(all, 0);
	tt_dns_stats_destroy(stats);
	tt_dns_stats_destroy(into);
}

static void test_sketches_are_bounded(void)
{
	struct tt_dns_stats *stats = create(16, 1, false);

	for (uint64_t i = 0; i < 40; i++) {
		add(stats, 1, "a.example", 1, 0, 1000 + i * i * 100);
		add(stats, 2, "a.example", 1, 0, 1000 + i * i * 100);
	}
	CU_ASSERT_EQUAL(tt_counter_read(&tt_dns_stats_counters(stats)->sketches), 1);
	CU_ASSERT(tt_counter_read(&tt_dns_stats_counters(stats)->sketches_full) > 0);
	CU_ASSERT_EQUAL(find(stats, 2, "a.example", 1)->latency.count, 40);
	tt_dns_stats_reset(stats);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_dns_stats_counters(stats)->sketches), 0);
	CU_ASSERT_PTR_NULL(find(stats, 1, "a.example", 1));
	tt_dns_stats_destroy(stats);
}

static void test_corrupt_records(void)
{
	uint8_t bytes[2 * TT_DNS_STATS_RECORD_BYTES];
	struct tt_dns_stats *stats = create(16, 4, false);
	struct tt_dns_stats *into = create(16, 4, false);
	uint32_t position = 0;

	add(stats, 1, "a.example", 1, 0, 100);
	size_t length = tt_dns_stats_drain(stats, &position, 100, bytes, sizeof(bytes));
	CU_ASSERT(length > 0);
	CU_ASSERT_EQUAL(position, UINT32_MAX);
	for (size_t cut = 1; cut < length; cut++) {
		struct guarded guarded = guarded_copy(bytes, cut);
		CU_ASSERT_EQUAL(tt_dns_stats_merge(into, guarded.bytes, cut), TT_ERROR_CORRUPT);
		guarded_free(&guarded);
	}
	position = 0;
	CU_ASSERT_PTR_NULL(tt_dns_stats_next(into, &position));
	CU_ASSERT_EQUAL(tt_dns_stats_merge(into, bytes, length), TT_OK);
	CU_ASSERT_PTR_NOT_NULL(find(into, 1, "a.example", 1));
	tt_dns_stats_destroy(stats);
	tt_dns_stats_destroy(into);
}

static void test_registered_domain(void)
{
	static const struct {
		const char *name;
		const char *registered;
	} cases[] = {
		{".", "."},
		{"com", "com"},
		{"example.com", "example.com"},
		{"www.example.com", "example.com"},
		{"a.b.c.example.com", "example.com"},
		{"www.example.co.uk", "example.co.uk"},
		{"example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"a.www.example.com.au", "example.com.au"},
		{"www.co.example", "co.example"},
		{"www.example.de", "example.de"},
		{"1.2.3.10.in-addr.arpa", "10.in-addr.arpa"},
		{"1.0.8.b.d.0.1.0.0.2.ip6.arpa", "2.ip6.arpa"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_dns_name name = name_of(cases[i].name);
		unsigned int begin = tt_dns_registered_domain(&name);
		CU_ASSERT_EQUAL(name.length - begin, strlen(cases[i].registered));
		CU_ASSERT_EQUAL(
			memcmp(name.text + begin, cases[i].registered, strlen(cases[i].registered)),
			0);
	}

	struct tt_dns_stats *stats = create(16, 4, true);
	add(stats, 1, "a.example.com", 1, 0, 1);
	add(stats, 1, "b.example.com", 1, 0, 1);
	CU_ASSERT_EQUAL(find(stats, 1, "example.com", 1)->counts.count, 2);
	CU_ASSERT_FALSE(find(stats, 1, "example.com", 1)->grouped);
	tt_dns_stats_destroy(stats);
}

static const struct suite_test tests[] = {
	{"counts of a key", test_counts_of_a_key},
	{"direction and unsolicited", test_direction_and_unsolicited},
	{"workers merge into the same as one", test_workers_merge_into_the_same_as_one},
	{"a flood of names stays inside", test_flood_of_names_stays_inside},
	{"sketches are bounded", test_sketches_are_bounded},
	{"what waits is counted once", test_waiting},
	{"corrupt records", test_corrupt_records},
	{"registered domain", test_registered_domain},
};

SUITE_MAIN("dns stats", tests)
