/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an HTTP transaction costs: a request and a response of one packet each on a keep-alive
 * connection, read and paired, its route made, counted; in all and by step. One JSON line for each
 * number of connections, visited in turn; ns, of CPU time, are the median of RUNS runs over
 * TRANSACTIONS transactions. split_ns: the whole when each head comes in two pieces.
 */
#include "protocol/http1_connection.h"
#include "protocol/http_stats.h"
#include "protocol/route.h"

#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS	     9
#define TRANSACTIONS 200000
#define PATHS	     256
#define KEYS	     100000

static char requests[PATHS][512];
static size_t request_bytes[PATHS];
static const char response[] =
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 13:00:00 GMT\r\n"
	"Content-Type: application/json; charset=utf-8\r\nContent-Length: 512\r\n"
	"Connection: keep-alive\r\nCache-Control: no-store\r\nETag: \"5d8c72a5edda8\"\r\n"
	"X-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n\r\n";
static uint8_t answer[sizeof(response) - 1 + 512];

static struct tt_http1_pool pool;
static struct tt_http_stats *stats;
static struct tt_flow_key flow = {
	.low_address = {10, 0, 0, 1},
	.high_address = {10, 0, 0, 2},
	.low_port = 80,
	.high_port = 40000,
	.ip_version = 4,
};
static bool with_route;
static bool with_stats;
static uint64_t reported;
static uint64_t route_bytes;

static void report(
	void *context, const struct tt_http_transaction *transaction, unsigned int client)
{
	char route[TT_ROUTE_BYTES];

	(void)context;
	reported += transaction->status == 200;
	if (!with_route)
		return;
	unsigned int length =
		tt_route_make(route, transaction->path, transaction->path_bytes, false);
	route_bytes += length;
	if (with_stats)
		tt_http_stats_add(stats, transaction, &flow, client, 0, route, length);
}

static void data(struct tt_http1_connection *connection, unsigned int direction, const void *bytes,
	size_t length, size_t cut, uint64_t time_us)
{
	if (cut > 0)
		(void)tt_http1_connection_data(
			connection, &pool, direction, bytes, cut, time_us, NULL);
	(void)tt_http1_connection_data(connection, &pool, direction, (const uint8_t *)bytes + cut,
		length - cut, time_us, NULL);
}

static double measure(struct tt_http1_connection *connections, unsigned int count, size_t cut)
{
	double ns[RUNS];
	uint64_t time_us = 1;

	for (unsigned int run = 0; run < RUNS; run++) {
		uint64_t start_ns = measure_ns();
		for (unsigned int i = 0; i < TRANSACTIONS; i++, time_us += 10) {
			struct tt_http1_connection *connection = &connections[i % count];
			unsigned int path = i * 7 % PATHS;
			data(connection, 0, requests[path], request_bytes[path], cut, time_us);
			data(connection, 1, answer, sizeof(answer), cut, time_us + 5);
		}
		ns[run] = (double)(measure_ns() - start_ns) / TRANSACTIONS;
	}
	return measure_median(ns, RUNS);
}

int main(void)
{
	static const unsigned int counts[] = {100, 10000, 200000};
	struct tt_http1_pool_options pool_options = {
		.slabs = 64, .exchanges = 1024, .report = report};
	struct tt_http_stats_options stats_options = {
		.capacity = KEYS, .sketches = KEYS / 8, .secret = 1};

	for (unsigned int i = 0; i < PATHS; i++)
		request_bytes[i] = (size_t)snprintf(requests[i], sizeof(requests[i]),
			"GET /api/v1/service-%c/accounts/%u/orders/6ba7b810-9dad-11d1?page=2 "
			"HTTP/1.1\r\n"
			"Host: www%u.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; "
			"rv:109.0) Gecko/20100101 Firefox/115.0\r\nAccept: */*\r\n"
			"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n"
			"Connection: keep-alive\r\nCookie: session=0af7651916cd43dd8448eb211c8031"
			"\r\n\r\n",
			'a' + i % 16, i * 7919, i % 32);
	memcpy(answer, response, sizeof(response) - 1);
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct tt_http1_connection *connections = calloc(counts[i], sizeof(*connections));
		if (connections == NULL || tt_http1_pool_create(&pool, &pool_options) != 0 ||
			tt_http_stats_create(&stats, &stats_options) != 0) {
			fprintf(stderr, "perf_http: not enough memory\n");
			return 1;
		}
		reported = 0;
		for (unsigned int j = 0; j < counts[i]; j++)
			tt_http1_connection_start(&connections[j]);
		with_route = false;
		with_stats = false;
		double pair_ns = measure(connections, counts[i], 0);
		with_route = true;
		double route_ns = measure(connections, counts[i], 0);
		with_stats = true;
		double all_ns = measure(connections, counts[i], 0);
		double split_ns = measure(connections, counts[i], 60);
		printf("{\"mix\":\"http-%u\",\"flows\":%u,\"packets\":%d,\"ns_per_packet\":%.1f,"
		       "\"cycles_per_packet\":%.0f,"
		       "\"transaction_ns\":%.0f,\"pair_ns\":%.0f,\"route_ns\":%.0f,\"stats_ns\":"
		       "%.0f,\"split_ns\":%.0f,\"keys\":%llu,\"reported\":%llu}\n",
			counts[i], counts[i], 2 * RUNS * TRANSACTIONS, all_ns / 2,
			measure_cycles_of_ns(all_ns / 2), all_ns, pair_ns, route_ns - pair_ns,
			all_ns - route_ns, split_ns,
			(unsigned long long)tt_counter_read(&tt_http_stats_counters(stats)->keys),
			(unsigned long long)reported);
		free(connections);
		tt_http_stats_destroy(stats);
		tt_http1_pool_destroy(&pool);
	}
	return route_bytes == 0;
}
