/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/http_stats.h"

#include "suite.h"

#include <stdio.h>

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % limit;
}

static struct tt_http_stats *create(uint32_t capacity, uint32_t sketches)
{
	struct tt_http_stats_options options = {
		.capacity = capacity, .sketches = sketches, .secret = 1};
	struct tt_http_stats *stats;

	CU_ASSERT_EQUAL_FATAL(tt_http_stats_create(&stats, &options), TT_OK);
	return stats;
}

/* A transaction of client 10.0.0.`client`, the flow's high endpoint, with 10.0.0.1:80. */
static void add(struct tt_http_stats *stats, unsigned int client, const char *method,
	const char *route, unsigned int status, uint64_t latency_us)
{
	struct tt_flow_key key = {
		.low_address = {10, 0, 0, 1},
		.high_address = {10, 0, 0, (uint8_t)client},
		.low_port = 80,
		.high_port = 40000,
		.ip_version = 4,
	};
	struct tt_http_transaction transaction = {
		.status = (uint16_t)status,
		.latency_us = latency_us,
		.request_bytes = 1,
		.response_bytes = 10,
		.method_bytes = (uint8_t)strlen(method),
	};

	memcpy(transaction.method, method, strlen(method));
	transaction.flags = (uint16_t)((*method != 0 ? TT_HTTP_REQUEST : 0) |
		(status != 0 ? TT_HTTP_RESPONSE : 0));
	tt_http_stats_add(stats, &transaction, &key, 1, 7, route, strlen(route));
}

static const struct tt_http_stats_entry *find(const struct tt_http_stats *stats,
	unsigned int client, const char *method, const char *route, unsigned int status)
{
	const struct tt_http_stats_entry *entry;
	uint32_t position = 0;
	char text[300];
	int length = snprintf(text, sizeof(text), "%s%s", method, route);

	while ((entry = tt_http_stats_next(stats, &position)) != NULL)
		if (!entry->other && entry->client[3] == client && entry->status == status &&
			entry->method_bytes == strlen(method) && entry->text.length == length &&
			memcmp(entry->text.text, text, (size_t)length) == 0)
			return entry;
	return NULL;
}

static uint64_t total(const struct tt_http_stats *stats, uint64_t *latencies)
{
	const struct tt_http_stats_entry *entry;
	uint32_t position = 0;
	uint64_t count = 0;

	*latencies = 0;
	while ((entry = tt_http_stats_next(stats, &position)) != NULL) {
		count += entry->counts.count;
		*latencies += entry->latency.count;
	}
	return count;
}

static void test_keys(void)
{
	struct tt_http_stats *stats = create(32, 4);

	add(stats, 2, "GET", "/a", 200, 100);
	add(stats, 2, "GET", "/a", 200, 300);
	add(stats, 2, "GET", "/a", 404, 5);
	add(stats, 2, "GET", "/a", 0, 0);
	add(stats, 2, "POST", "/a", 200, 5);
	add(stats, 2, "GET", "/b", 200, 5);
	add(stats, 3, "GET", "/a", 200, 5);
	add(stats, 2, "", "", 200, 0);
	add(stats, 2, "GE", "T/a", 200, 5);
	const struct tt_http_stats_entry *entry = find(stats, 2, "GET", "/a", 200);
	CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
	CU_ASSERT_EQUAL(entry->counts.count, 2);
	CU_ASSERT_EQUAL(entry->counts.request_bytes, 2);
	CU_ASSERT_EQUAL(entry->counts.response_bytes, 20);
	CU_ASSERT_EQUAL(entry->latency.count, 2);
	CU_ASSERT_EQUAL(entry->latency.max, 300);
	CU_ASSERT_EQUAL(entry->server[3], 1);
	CU_ASSERT_EQUAL(entry->server_port, 80);
	CU_ASSERT_EQUAL(entry->service, 7);
	CU_ASSERT_EQUAL(entry->ip_version, 4);
	CU_ASSERT_EQUAL(find(stats, 2, "GET", "/a", 0)->latency.count, 0);
	CU_ASSERT_EQUAL(find(stats, 2, "", "", 200)->latency.count, 0);
	CU_ASSERT_EQUAL(find(stats, 2, "", "", 200)->counts.count, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_http_stats_counters(stats)->keys), 8);
	tt_http_stats_reset(stats);
	CU_ASSERT_PTR_NULL(find(stats, 2, "GET", "/a", 200));
	tt_http_stats_destroy(stats);
}

/* Of 80 keys, 70 are routes; more are under `other` of their client, method and status. */
static void test_full(void)
{
	struct tt_http_stats *stats = create(80, 4);
	uint64_t latencies;
	char route[32];

	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(route, sizeof(route), "/r%u", i);
		add(stats, 2, "GET", route, 200, i);
	}
	CU_ASSERT_EQUAL(find(stats, 2, "GET", "other", 200)->counts.count, 930);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_http_stats_counters(stats)->grouped), 930);
	for (unsigned int i = 0; i < 20; i++)
		add(stats, 3 + i, "GET", "/x", 200, i);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_http_stats_counters(stats)->other), 11);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_http_stats_counters(stats)->keys), 80);
	CU_ASSERT_EQUAL(total(stats, &latencies), 1020);
	CU_ASSERT_EQUAL(latencies, 1020);
	tt_http_stats_destroy(stats);
}

static void test_long_route(void)
{
	struct tt_http_stats *stats = create(16, 1);
	char route[256];
	uint32_t position = 0;

	memset(route, 'r', sizeof(route) - 1);
	route[255] = 0;
	add(stats, 2, "DELETE", route, 200, 1);
	CU_ASSERT_EQUAL(tt_http_stats_next(stats, &position)->text.length, 255);
	tt_http_stats_destroy(stats);
}

/* Workers' tables drained into one while they count: nothing is lost or twice there. */
static void test_drain_and_merge(void)
{
	struct tt_http_stats *worker = create(64, 8);
	struct tt_http_stats *all = create(64, 8);
	static uint8_t bytes[2 * TT_HTTP_STATS_RECORD_BYTES];
	unsigned int added = 0;
	uint64_t latencies;
	char route[32];

	for (unsigned int round = 0; round < 50; round++) {
		uint32_t position = 0;
		while (position != UINT32_MAX) {
			for (unsigned int i = 0; i < 10; i++, added++) {
				snprintf(route, sizeof(route), "/%c", 'a' + random_below(100));
				add(worker, 2 + random_below(3), "PUT", route, 200,
					random_below(1000000));
			}
			size_t length =
				tt_http_stats_drain(worker, &position, 9, bytes, sizeof(bytes));
			struct guarded guarded = guarded_copy(bytes, length);
			CU_ASSERT_EQUAL(tt_http_stats_merge(all, guarded.bytes, length), TT_OK);
			guarded_free(&guarded);
		}
	}
	uint64_t left = total(worker, &latencies);
	CU_ASSERT_EQUAL(total(all, &latencies) + left, added);
	CU_ASSERT_EQUAL(latencies + left, added);
	tt_http_stats_destroy(worker);
	tt_http_stats_destroy(all);
}

static void test_corrupt_records(void)
{
	struct tt_http_stats *worker = create(16, 1);
	struct tt_http_stats *all = create(16, 1);
	static uint8_t bytes[TT_HTTP_STATS_RECORD_BYTES];
	uint32_t position = 0;
	uint64_t latencies;

	add(worker, 2, "GET", "/a", 200, 1);
	size_t length = tt_http_stats_drain(worker, &position, 100, bytes, sizeof(bytes));
	for (size_t cut = 1; cut < length; cut++) {
		struct guarded guarded = guarded_copy(bytes, cut);
		CU_ASSERT_EQUAL(tt_http_stats_merge(all, guarded.bytes, cut), TT_ERROR_CORRUPT);
		guarded_free(&guarded);
	}
	CU_ASSERT_EQUAL(total(all, &latencies), 0);
	CU_ASSERT_EQUAL(tt_http_stats_merge(all, bytes, length), TT_OK);
	CU_ASSERT_EQUAL(total(all, &latencies), 1);
	tt_http_stats_destroy(worker);
	tt_http_stats_destroy(all);
}

static const struct suite_test tests[] = {
	{"counts by key", test_keys},
	{"a full table", test_full},
	{"a long route", test_long_route},
	{"drain and merge", test_drain_and_merge},
	{"corrupt records", test_corrupt_records},
};

SUITE_MAIN("http_stats", tests)
