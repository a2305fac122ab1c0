/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP statistics by client and server address, server port, service, method, route and status: how
 * many transactions, and their latencies. A table as protocol/aggregate.h describes it: when routes
 * have no room any more, the route `other` of the same client, server, service, method and status
 * stands for them.
 */
#ifndef TT_PROTOCOL_HTTP_STATS_H
#define TT_PROTOCOL_HTTP_STATS_H

#include "base/sketch.h"
#include "flow/key.h"
#include "protocol/aggregate.h"
#include "protocol/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_HTTP_STATS_KEYS	   100000 /* default */
#define TT_HTTP_STATS_RECORD_BYTES TT_AGGREGATE_RECORD_BYTES

struct tt_http_stats_options {
	uint32_t capacity; /* keys, 16 to 2^24 */
	uint32_t sketches; /* dense sketches, 1 to capacity, 2 KiB each: for keys whose latencies
	                    * fall into more than TT_SKETCH_SPARSE bins; without one a key's
	                    * low quantiles are too high */
	bool huge_pages;   /* base/memory.h */
	uint64_t secret;   /* of the keyed hash: random, or any for captures */
};

struct tt_http_stats_counts {
	uint64_t count;
	uint64_t request_bytes; /* of bodies */
	uint64_t response_bytes;
};

/* The key's text: the method, and behind it the route, without anything between. */
struct tt_http_stats_text {
	uint8_t length;
	char text[TT_AGGREGATE_TEXT_BYTES];
};

/* A key and what is counted under it. */
struct tt_http_stats_entry {
	uint8_t client[16]; /* IPv4: the first 4 bytes; all zero for `other` */
	uint8_t server[16];
	uint32_t service; /* the caller's number of it; 0: none */
	uint16_t server_port;
	uint16_t status;      /* 0: unanswered */
	uint8_t ip_version;   /* 4 or 6; 0 for `other` */
	uint8_t method_bytes; /* of `text`; 0: an answer without its request */
	uint8_t other;	      /* for all keys that had no room */
	uint8_t reserved;     /* 0 */
	struct tt_http_stats_counts counts;
	struct tt_sketch latency; /* microseconds, of transactions with request and response */
	struct tt_http_stats_text text;
};

struct tt_http_stats;

/* Bytes that a table of these options maps. */
size_t tt_http_stats_bytes(const struct tt_http_stats_options *options);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The caller destroys the table. */
int tt_http_stats_create(struct tt_http_stats **stats, const struct tt_http_stats_options *options);
void tt_http_stats_destroy(struct tt_http_stats *stats);

/* Count a transaction of a flow. `client`: the client's direction in `flow`. The route, by
 * tt_route_make() or a rule, is cut to what fits behind the method in TT_AGGREGATE_TEXT_BYTES. */
void tt_http_stats_add(struct tt_http_stats *stats, const struct tt_http_transaction *transaction,
	const struct tt_flow_key *flow, unsigned int client, uint32_t service, const char *route,
	size_t route_length);

/* As tt_aggregate_drain(). */
size_t tt_http_stats_drain(struct tt_http_stats *stats, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity);

/* As tt_aggregate_write(). */
size_t tt_http_stats_write(
	const struct tt_http_stats *stats, uint32_t *position, uint8_t *bytes, size_t capacity);

/* Add the records that tt_http_stats_drain() of any table wrote. 0, or TT_ERROR_CORRUPT when the
 * bytes are not such records: those before the first corrupt one have been added. */
int tt_http_stats_merge(struct tt_http_stats *stats, const uint8_t *bytes, size_t length);

/* The entry at or after *position, which goes on behind it; NULL at the end. For the control core,
 * to write the statistics out. Valid until the table changes. */
const struct tt_http_stats_entry *tt_http_stats_next(
	const struct tt_http_stats *stats, uint32_t *position);

/* Forget everything; a fresh table. For the control core. */
void tt_http_stats_reset(struct tt_http_stats *stats);

const struct tt_aggregate_counters *tt_http_stats_counters(const struct tt_http_stats *stats);

#endif
