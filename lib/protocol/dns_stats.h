/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS statistics by client address, server address, domain and query type: how many transactions,
 * by rcode, timeouts, latencies. A table as protocol/aggregate.h describes it, whose group of a full
 * name is its registered domain (a key of its own, marked `grouped`).
 */
#ifndef TT_PROTOCOL_DNS_STATS_H
#define TT_PROTOCOL_DNS_STATS_H

#include "base/sketch.h"
#include "protocol/aggregate.h"
#include "protocol/dns_transactions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_DNS_STATS_RCODES	  24 /* 0 to 23: all that IANA has assigned */
#define TT_DNS_STATS_BINS	  TT_AGGREGATE_BINS
#define TT_DNS_STATS_KEYS	  100000 /* default */
#define TT_DNS_STATS_WAITING	  8	 /* transactions, see tt_dns_stats_add() */
#define TT_DNS_STATS_RECORD_BYTES TT_AGGREGATE_RECORD_BYTES

struct tt_dns_stats_options {
	uint32_t capacity; /* keys, 16 to 2^24 */
	uint32_t sketches; /* dense sketches, 1 to capacity, 2 KiB each: for keys whose latencies
	                    * fall into more than TT_SKETCH_SPARSE bins; without one a key's
	                    * low quantiles are too high */
	bool registered_domain; /* by tt_dns_registered_domain(), not the full name */
	bool huge_pages;	/* base/memory.h */
	uint64_t secret;	/* of the keyed hash: random, or any for captures */
};

struct tt_dns_stats_counts {
	uint64_t count;		     /* all transactions, timeouts included */
	uint64_t latency_success_us; /* sum over NOERROR */
	uint64_t latency_failure_us; /* sum over the other rcodes */
	uint64_t timeouts;
	uint32_t rcodes[TT_DNS_STATS_RCODES];
	uint32_t other_rcodes; /* over TT_DNS_STATS_RCODES - 1 */
	uint32_t unsolicited;  /* responses without query: in count and rcodes, without latency */
};

/* A key and what is counted under it. */
struct tt_dns_stats_entry {
	uint8_t client[16]; /* IPv4: the first 4 bytes; all zero for `other` */
	uint8_t server[16];
	uint8_t ip_version; /* 4 or 6; 0 for `other` */
	bool grouped;	    /* `domain` stands for names that had no key of their own */
	bool other;	    /* for all keys that had no room; no domain, type 0 */
	uint8_t reserved;   /* 0 */
	uint16_t query_type;
	struct tt_dns_stats_counts counts;
	struct tt_sketch latency;  /* microseconds, of answered transactions */
	struct tt_dns_name domain; /* length 0: a response without a question, or `other` */
};

struct tt_dns_stats;

/* Bytes that a table of these options maps. */
size_t tt_dns_stats_bytes(const struct tt_dns_stats_options *options);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The caller destroys the table. */
int tt_dns_stats_create(struct tt_dns_stats **stats, const struct tt_dns_stats_options *options);
void tt_dns_stats_destroy(struct tt_dns_stats *stats);

/* Count a transaction. Multicast ones are the caller's to leave out. It waits for up to
 * TT_DNS_STATS_WAITING later ones while its entry's memory is fetched; until then neither the
 * counters nor tt_dns_stats_next() and tt_dns_stats_write() know of it. */
void tt_dns_stats_add(struct tt_dns_stats *stats, const struct tt_dns_transaction *transaction);

/* Count those that wait, as tt_dns_stats_drain() and tt_dns_stats_merge() do first. */
void tt_dns_stats_settle(struct tt_dns_stats *stats);

/* Move the entries among the next keys into records at `bytes`, of which `capacity` is
 * TT_DNS_STATS_RECORD_BYTES or more: as many as fit, looking at `limit` places of the table at
 * most. *position is 0 to begin with, goes on, and is UINT32_MAX when all that was there at the
 * beginning has been written. What is counted meanwhile comes with this drain or with the next, once
 * in all. Returns the bytes written. */
size_t tt_dns_stats_drain(struct tt_dns_stats *stats, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity);

/* As tt_aggregate_write(). */
size_t tt_dns_stats_write(
	const struct tt_dns_stats *stats, uint32_t *position, uint8_t *bytes, size_t capacity);

/* Add the records that tt_dns_stats_drain() of any table wrote. 0, or TT_ERROR_CORRUPT when the
 * bytes are not such records: those before the first corrupt one have been added. */
int tt_dns_stats_merge(struct tt_dns_stats *stats, const uint8_t *bytes, size_t length);

/* The entry at or after *position, which goes on behind it; NULL at the end. For the control core,
 * to write the statistics out. Valid until the table changes. */
const struct tt_dns_stats_entry *tt_dns_stats_next(
	const struct tt_dns_stats *stats, uint32_t *position);

/* Forget everything; a fresh table. For the control core. */
void tt_dns_stats_reset(struct tt_dns_stats *stats);

const struct tt_aggregate_counters *tt_dns_stats_counters(const struct tt_dns_stats *stats);

/* The part of a name that somebody registered, by a rule that needs no list of public suffixes: the
 * last two labels, or the last three when the last is a country's (two letters) and the one before
 * it is one that countries register under (ac, co, com, edu, gob, gouv, gov, go, mil, ne, net, nom,
 * or, org, sch). Names under in-addr.arpa and ip6.arpa are kept to the last three labels. Returns
 * where it begins in the name's text. */
unsigned int tt_dns_registered_domain(const struct tt_dns_name *name);

#endif
