/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table of one worker: a fixed number of entries, an index of cache-line buckets over
 * them, ageing by an incremental sweep, and eviction when full. One thread owns a table and alone
 * calls everything here, but for the counters, which anyone may read. Nothing after create()
 * allocates. Memory: sizeof(struct tt_flow), 8 bytes of index and 4 of free list an entry.
 *
 * Index: buckets of 64 bytes with 12 slots of an 8-bit tag and a 32-bit entry number, compared 16
 * tags at once; a full bucket overflows into the next, and counts what has overflowed through it,
 * so that a delete leaves no tombstone (the scheme of F14 and of Swiss tables). There is a bucket
 * for every 8 entries, so the index is never more than two thirds full: an insert always finds a
 * slot, and with random hashes one entry in 60 lies outside its first bucket when all are in use.
 */
#ifndef TT_FLOW_TABLE_H
#define TT_FLOW_TABLE_H

#include "base/counter.h"
#include "flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_FLOW_BURST 64 /* packets whose keys are looked up together */

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
	tt_counter
		lost_unreported; /* records that found no room, given up because the table was full */
};

struct tt_flow_table;

/* Make the record of a flow that has ended: it is UNREPORTED, with its close_reason. Return true
 * when the record was taken and the entry can be freed, false to be asked again later. Calls
 * nothing of this header that changes the table. */
typedef bool (*tt_flow_report)(void *context, struct tt_flow *flow);

/* Bytes that a table of this capacity maps. */
size_t tt_flow_table_bytes(uint32_t capacity);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The memory is touched as it is used; populate to have
 * all of it at once. The caller destroys the table. */
int tt_flow_table_create(struct tt_flow_table **table, const struct tt_flow_table_options *options);
bool tt_flow_table_populate(struct tt_flow_table *table);
void tt_flow_table_destroy(struct tt_flow_table *table);

/* A lookup in three steps, for a caller that has other work to do in between, while memory answers.
 * A hash is the low half of tt_flow_key_hash(). First, fetch the buckets of these hashes. */
void tt_flow_table_prefetch_buckets(
	const struct tt_flow_table *table, const uint32_t *hashes, unsigned int count);

/* Second: candidates[i] = the entry whose key is the first to be compared for hashes[i]; where there
 * is none, another one stands in, never NULL. Its first two cache lines are fetched into the
 * second-level cache. What else it needs of an entry the caller fetches, little by little: a
 * processor has few misses outstanding. */
void tt_flow_table_candidates(const struct tt_flow_table *table, const uint32_t *hashes,
	unsigned int count, struct tt_flow **candidates);

/* Fetch what changing the class of this half-open entry touches in others: its own third cache line
 * is read for that. An entry of another class does no harm. */
void tt_flow_table_prefetch_links(const struct tt_flow_table *table, const struct tt_flow *flow);

/* The ACTIVE entry of this key, or NULL; in one step. */
struct tt_flow *tt_flow_table_lookup(
	struct tt_flow_table *table, const struct tt_flow_key *key, uint32_t hash);

/* Third: the same by a candidate, which may be from before any changes of the table. What is found
 * is only good until the next call that changes the table: that may give its entry to another key. */
static inline struct tt_flow *tt_flow_table_find(struct tt_flow_table *table,
	struct tt_flow *candidate, const struct tt_flow_key *key, uint32_t hash)
{
	if (candidate->state == TT_FLOW_ACTIVE && tt_flow_key_equal(&candidate->key, key))
		return candidate;
	return tt_flow_table_lookup(table, key, hash);
}

/* A new ACTIVE entry for a key that is not in the table: key, hash and seen_ms set, class OTHER,
 * the rest zero. When the table is full one entry goes first:
 *   1. the oldest unreported one, when its record is taken now, so that nothing is lost; else
 *   2. the oldest half-open one; else
 *   3. the oldest unreported one, although its record is lost; else
 *   4. the one that has been idle for the largest part of its timeout, of what the sweep's last
 *      pass has left of such, or of a sample.
 * An ACTIVE one is reported with the reason TT_CLOSE_EVICTED, unless it had ended anyhow: then as
 * tt_flow_table_flush() does. A record that is not taken is lost, and counted. Never NULL. */
struct tt_flow *tt_flow_table_insert(struct tt_flow_table *table, const struct tt_flow_key *key,
	uint32_t hash, tt_flow_report report, void *context);

/* Set the class, and patience to 0, keeping the list and the count of half-open entries; evicts the oldest half-open
 * one through `report`, like insert, when this one goes over half_open_limit, and never this one. */
void tt_flow_table_set_class(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_flow_class class, tt_flow_report report, void *context);

/* Take an ACTIVE entry out of the index with this reason and report it; when `report` returns
 * false it stays, UNREPORTED, for the sweep. Its key can be inserted anew at once. */
void tt_flow_table_close(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_close_reason reason, tt_flow_report report, void *context);

/* Time passes: now_ms is milliseconds since any instant. Never runs backwards: an earlier
 * value is ignored. */
void tt_flow_table_advance(struct tt_flow_table *table, uint64_t now_ms);

/* The table's clock, for seen_ms; here as long as the table. It keeps step with now_ms, but for steps
 * longer than any timeout may be: those count as one just over it. That, and waiting for a sweep
 * that is 37 days behind, keeps the 32 bits of seen_ms unambiguous. */
struct tt_flow_clock {
	uint64_t now_ms;
	uint32_t timeout_ms[TT_FLOW_CLASSES];
};

const struct tt_flow_clock *tt_flow_table_clock(const struct tt_flow_table *table);

/* Has this ACTIVE entry been idle for longer than its class allows? Exact, whether or not the
 * sweep has come by, so that a record does not depend on when the sweep does. The reason to close
 * it with is tt_flow_expiry_reason(). */
static inline bool tt_flow_has_expired(
	const struct tt_flow_clock *clock, const struct tt_flow *flow)
{
	uint64_t timeout_ms = (uint64_t)clock->timeout_ms[flow->class] << flow->patience;

	if (timeout_ms > TT_FLOW_TIMEOUT_MS_MAX)
		timeout_ms = TT_FLOW_TIMEOUT_MS_MAX;
	return (uint32_t)clock->now_ms - flow->seen_ms > timeout_ms;
}

/* Report the UNREPORTED again, oldest first, at most `entries` and until one is refused; then look
 * at the next `entries` entries and close those that have expired. Returns how many were freed. */
unsigned int tt_flow_table_sweep(
	struct tt_flow_table *table, unsigned int entries, tt_flow_report report, void *context);

/* For the end of a run: close every ACTIVE entry among the next `entries` from *position on, with
 * this reason, or as what it has ended by: tt_flow_expiry_reason() when it is of class CLOSING or
 * has expired. UNREPORTED entries are reported first. Stops at the first that `report` refuses;
 * call again later. *position goes on, and is tt_flow_table_extent() when all were reported. */
void tt_flow_table_flush(struct tt_flow_table *table, uint32_t *position, unsigned int entries,
	enum tt_close_reason reason, tt_flow_report report, void *context);

/* One more than the highest entry number ever used. Entry numbers are stable for a flow's life:
 * a walk from 0 to here that others interrupt sees each flow that lives throughout exactly once. */
uint32_t tt_flow_table_extent(const struct tt_flow_table *table);

/* For the flows that there are, too. TT_ERROR_ARGUMENT when one is out of range, and nothing
 * changes. */
int tt_flow_table_set_timeouts(
	struct tt_flow_table *table, const struct tt_flow_timeouts *timeouts);

/* The entry number of an entry of the table. */
uint32_t tt_flow_table_number(const struct tt_flow_table *table, const struct tt_flow *flow);

/* The ACTIVE entry of this number, or NULL. */
struct tt_flow *tt_flow_table_entry(struct tt_flow_table *table, uint32_t number);

const struct tt_flow_table_counters *tt_flow_table_counters(const struct tt_flow_table *table);

#endif
