/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics by key, bounded: what protocol/dns_stats.h and protocol/http_stats.h count in. An
 * entry, whose form its owner says, is a key (fixed bytes and a text), counts, and a sketch of
 * latencies. A worker fills its table and, asked by the control core, drains it into plain records;
 * the control core merges the records of all workers into a table of the same kind. One thread owns
 * a table and alone calls everything here but for the counters. Fixed memory, mapped at create;
 * nothing after it allocates.
 *
 * When a table is full nothing is lost. Keys with a full text get at most seven eighths of the room;
 * over it a coarser text, that of a group, stands for them; and when all keys are given, the entry
 * `other` stands for what has none. So a flood of random texts costs one key a group.
 */
#ifndef TT_PROTOCOL_AGGREGATE_H
#define TT_PROTOCOL_AGGREGATE_H

#include "base/counter.h"
#include "base/sketch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_AGGREGATE_BINS	  512 /* of a dense sketch; see base/sketch.h */
#define TT_AGGREGATE_TEXT_BYTES	  255
#define TT_AGGREGATE_RECORD_BYTES 3600 /* a drained record is at most this long */

/* The form of an entry; it begins with the key's fixed bytes, which have no padding. */
struct tt_aggregate_layout {
	uint16_t entry_bytes;
	uint16_t key_bytes;
	uint16_t counts_offset;
	uint16_t counts_bytes;
	uint16_t latency_offset; /* of its struct tt_sketch */
	uint16_t text_offset;	 /* of a uint8_t length, followed by TT_AGGREGATE_TEXT_BYTES */
};

struct tt_aggregate_options {
	const struct tt_aggregate_layout *layout; /* outlives the table */
	const void *other_key; /* fixed bytes of `other`: no other entry has them; outlive it too */
	uint32_t capacity;     /* keys, 16 to 2^24 */
	uint32_t sketches;     /* dense ones, 1 to capacity */
	bool huge_pages;       /* base/memory.h */
	uint64_t secret;       /* of the keyed hash */
};

/* A key to look for. */
struct tt_aggregate_key {
	const void *bytes;
	const char *text;
	uint8_t text_bytes;
};

/* Written by the table's owner, read by anyone. */
struct tt_aggregate_counters {
	tt_counter keys;
	tt_counter keys_high;
	tt_counter grouped;	  /* transactions counted under a group for want of room */
	tt_counter other;	  /* transactions counted under `other` */
	tt_counter sketches;	  /* dense ones in use */
	tt_counter sketches_full; /* times that a latency was added to a sketch that should grow */
};

/* A drained record; points into its bytes. */
struct tt_aggregate_record {
	struct tt_aggregate_key key;
	const uint8_t *counts; /* not aligned */
	const uint8_t *sketch;
	uint16_t sketch_bytes;
	uint16_t sketch_bins;
};

struct tt_aggregate;

/* Bytes that a table of these options maps. */
size_t tt_aggregate_bytes(const struct tt_aggregate_options *options);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The caller destroys the table. */
int tt_aggregate_create(struct tt_aggregate **table, const struct tt_aggregate_options *options);
void tt_aggregate_destroy(struct tt_aggregate *table);

/* Of a key, for the functions below. */
uint32_t tt_aggregate_hash(const struct tt_aggregate *table, const struct tt_aggregate_key *key);

/* Begin to fetch where a key of this hash is looked up; and, when that has had time to arrive, the
 * entry that is there. Change nothing. */
void tt_aggregate_prefetch_bucket(const struct tt_aggregate *table, uint32_t hash);
void tt_aggregate_prefetch_entry(const struct tt_aggregate *table, uint32_t hash);

/* The entry to count `transactions` in: that of the key, whose hash this is, or of its group, or
 * `other`. `group` NULL: the key is coarse already. Never NULL; a new one's counts are 0. The entry
 * counts as used. */
void *tt_aggregate_place(struct tt_aggregate *table, const struct tt_aggregate_key *key,
	uint32_t hash, const struct tt_aggregate_key *group, uint64_t transactions);

void tt_aggregate_latency(struct tt_aggregate *table, void *entry, uint64_t latency_us);

/* Move entries into records at `bytes`, of which `capacity` is TT_AGGREGATE_RECORD_BYTES or more: as
 * many as fit, looking at `limit` places of the table at most. *position is 0 to begin with, goes
 * on, and is UINT32_MAX when all that was there at the beginning has been written. What is counted
 * meanwhile comes with this drain or with the next, once in all. Returns the bytes written. */
size_t tt_aggregate_drain(struct tt_aggregate *table, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity);

/* Write entries from *position (0 at first, goes on) as records at `bytes`, as many as fit into
 * `capacity`, TT_AGGREGATE_RECORD_BYTES or more; they stay. Returns the bytes written, 0 at the
 * end. */
size_t tt_aggregate_write(
	const struct tt_aggregate *table, uint32_t *position, uint8_t *bytes, size_t capacity);

/* Read the first record at `bytes`. Returns its length, or 0 when there is none or it is unsound. */
size_t tt_aggregate_record_read(const struct tt_aggregate *table,
	struct tt_aggregate_record *record, const uint8_t *bytes, size_t length);

/* Add the latencies of a record; the counts are the owner's to add. */
void tt_aggregate_record_merge(
	struct tt_aggregate *table, void *entry, const struct tt_aggregate_record *record);

/* The entry at or after *position, which goes on behind it; NULL at the end. Valid until the table
 * changes. */
const void *tt_aggregate_next(const struct tt_aggregate *table, uint32_t *position);

/* Forget everything; a fresh table. For the control core. */
void tt_aggregate_reset(struct tt_aggregate *table);

const struct tt_aggregate_counters *tt_aggregate_counters(const struct tt_aggregate *table);

#endif
