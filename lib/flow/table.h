/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table of one worker: a fixed number of entries, an index of cache-line buckets over
 * them, ageing by an incremental sweep, and eviction when full. One thread owns a table and alone
 * calls everything here, but for the counters, which anyone may read. Nothing after create()
 * allocates. Memory: sizeof(struct tt_flow) and about 11 bytes of index an entry.
 *
 * Index: buckets of 64 bytes with 12 slots of an 8-bit tag and a 32-bit entry number, compared 16
 * tags at once; a full bucket overflows into the next, and counts what has overflowed through it,
 * so that a delete leaves no tombstone (the scheme of F14 and of Swiss tables).
 */
#ifndef TT_FLOW_TABLE_H
#define TT_FLOW_TABLE_H

#include "base/counter.h"
#include "flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_FLOW_BURST 64 /* most keys of one bulk call */

struct tt_flow_table_options {
	uint32_t capacity;	  /* flows, 1 to 2^28 */
	uint32_t half_open_limit; /* of them TCP half-open, 1 to capacity */
	struct tt_flow_timeouts timeouts;
	bool huge_pages; /* base/memory.h */
};

/* Written by the table's owner, read by anyone. */
struct tt_flow_table_counters {
	tt_counter live; /* entries in use: active and unreported */
	tt_counter live_high;
	tt_counter half_open;
	tt_counter half_open_high;
	tt_counter unreported;
	tt_counter created;
	tt_counter evicted_half_open;
	tt_counter evicted_idle;
	tt_counter lost_unreported; /* unreported entries given up because the table was full */
};

struct tt_flow_table;

/* What a sweep does with an entry whose time is over, or that is unreported: return true to have
 * it freed (its record was taken), false to see it again on the next pass (then it is UNREPORTED). */
typedef bool (*tt_flow_report)(void *context, struct tt_flow *flow);

/* Bytes that a table of this capacity maps, index and entries. */
size_t tt_flow_table_bytes(uint32_t capacity);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The memory is touched as it is used; populate to have
 * all of it at once. The caller destroys the table. */
int tt_flow_table_create(struct tt_flow_table **table, const struct tt_flow_table_options *options);
bool tt_flow_table_populate(struct tt_flow_table *table);
void tt_flow_table_destroy(struct tt_flow_table *table);

/* found[i] = the ACTIVE entry of keys[i], or NULL. count at most TT_FLOW_BURST. hashes[i] is the
 * low half of tt_flow_key_hash(). Prefetches in three passes: buckets, tags, entries. */
void tt_flow_table_lookup_bulk(struct tt_flow_table *table, const struct tt_flow_key *keys,
	const uint32_t *hashes, unsigned int count, struct tt_flow **found);

struct tt_flow *tt_flow_table_lookup(
	struct tt_flow_table *table, const struct tt_flow_key *key, uint32_t hash);

/* A new ACTIVE entry for a key that is not in the table: key, hash and seen_ms set, class OTHER,
 * the rest zero. When the table is full one entry is evicted first: the oldest half-open one, else
 * the longest idle of the candidates that the sweep has kept, else the oldest unreported one. The
 * evicted flow goes through `report` with close_reason TT_CLOSE_EVICTED; when report returns false
 * it is lost, and counted. Never returns NULL. */
struct tt_flow *tt_flow_table_insert(struct tt_flow_table *table, const struct tt_flow_key *key,
	uint32_t hash, tt_flow_report report, void *context);

/* Set the class, keeping the list and the count of half-open entries; evicts the oldest half-open
 * one through `report` when this one goes over half_open_limit. */
void tt_flow_table_set_class(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_flow_class class, tt_flow_report report, void *context);

/* Has this ACTIVE entry been idle for longer than its class allows? Exact, whether or not the
 * sweep has come by, so that a record does not depend on when the sweep does. */
bool tt_flow_table_expired(const struct tt_flow_table *table, const struct tt_flow *flow);

/* Take an ACTIVE entry out of the index with this reason and report it; when `report` returns
 * false it stays, UNREPORTED, for the sweep. Its key can be inserted anew at once. */
void tt_flow_table_close(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_close_reason reason, tt_flow_report report, void *context);

/* The table's clock, in milliseconds since the worker's base. Never runs backwards: an earlier
 * value is ignored. */
void tt_flow_table_advance(struct tt_flow_table *table, uint64_t now_ms);
uint64_t tt_flow_table_now(const struct tt_flow_table *table);

/* Look at the next `entries` entries: close those that have expired (reason: FIN or RST for class
 * CLOSING by tcp's word, else IDLE), report again the UNREPORTED. Returns how many were freed. */
unsigned int tt_flow_table_sweep(
	struct tt_flow_table *table, unsigned int entries, tt_flow_report report, void *context);

/* Close every ACTIVE entry among the next `entries` from *position on with this reason; *position
 * goes on, and is tt_flow_table_extent() when all have been seen. For the end of a run. UNREPORTED
 * entries are reported again. Stops at the first that `report` refuses; call again later. */
void tt_flow_table_flush(struct tt_flow_table *table, uint32_t *position, unsigned int entries,
	enum tt_close_reason reason, tt_flow_report report, void *context);

/* One more than the highest entry number ever used. Entry numbers are stable for a flow's life:
 * a walk from 0 to here that others interrupt sees each flow that lives throughout exactly once. */
uint32_t tt_flow_table_extent(const struct tt_flow_table *table);

/* The ACTIVE entry of this number, or NULL. */
struct tt_flow *tt_flow_table_entry(struct tt_flow_table *table, uint32_t number);

const struct tt_flow_table_counters *tt_flow_table_counters(const struct tt_flow_table *table);

#endif
