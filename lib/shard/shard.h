/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard: the one-way street from a worker W to the control core C, and the commands the other
 * way. Records lie one behind the other in batches of a fixed pool:
 *
 *   1. Batches go round through two rings of one producer and one consumer: `full` (W to C) and
 *      `free` (C to W). `open` is the batch that W fills.
 *   2. W appends: writes the record, then stores the open batch's length (release). A record that
 *      does not fit: W takes a batch from `free` (none: BUSY), numbers it, enqueues the old one to
 *      `full`, and only then stores `open` (release).
 *   3. C keeps {want_sequence, offset}. It drains `full` in order, each batch from the offset on.
 *   4. C reads what is pending: loads `open` (acquire). When its sequence is the wanted one, what
 *      lies between the offset and its length is new, and the offset moves; else W has moved on,
 *      and C drains first. Only C recycles batches, so one of the wanted sequence cannot be reused
 *      while C looks at it.
 *
 * So each record is seen exactly once, in order, without a timer or a flush on W's side.
 */
#ifndef TT_SHARD_SHARD_H
#define TT_SHARD_SHARD_H

#include "base/counter.h"
#include "shard/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_SHARD_BATCH_BYTES (32 * 1024)

/* Most ACTIVE records that one snapshot command gives, and the room that it needs. */
#define TT_SNAPSHOT_RECORDS 192
#define TT_SNAPSHOT_ROOM_BYTES                                                                     \
	(TT_SNAPSHOT_RECORDS * sizeof(struct tt_connection_record) +                               \
		sizeof(struct tt_snapshot_end_record))

enum tt_command_kind {
	TT_COMMAND_SNAPSHOT, /* some ACTIVE connections from `first_slot` on, then SNAPSHOT_END */
	TT_COMMAND_GATHER,   /* all that is counted by key, then STATS_END */
	TT_COMMAND_DRAIN     /* every producer has stopped: empty the rings, close all, DRAINED */
};

struct tt_command {
	uint8_t kind;	      /* enum tt_command_kind */
	uint8_t close_reason; /* DRAIN: enum tt_close_reason */
	uint8_t limit;	      /* SNAPSHOT: most records, 1 to TT_SNAPSHOT_RECORDS */
	uint32_t first_slot;  /* SNAPSHOT: 0, or next_slot of the SNAPSHOT_END before */
	uint64_t id;	      /* SNAPSHOT, GATHER: comes back in the record that ends the answer */
	uint64_t clock_us;    /* DRAIN: when the last packet of all workers came */
};

/* Written by W, read by anyone. */
struct tt_shard_counters {
	tt_counter records;
	tt_counter bytes;
	tt_counter busy; /* appends that were refused: every batch was waiting for C */
};

struct tt_shard;

/* Called by C for each record, which it must not keep: the batch is reused afterwards. */
typedef void (*tt_record_consume)(void *context, const struct tt_record *record);

/* Bytes that a shard of this many batches maps. */
size_t tt_shard_bytes(uint32_t batches);

/* A shard for worker number `worker`; batches 3 to 65,535. 0, TT_ERROR_ARGUMENT or
 * TT_ERROR_MEMORY. The caller destroys it once W and C are done with it. */
int tt_shard_create(struct tt_shard **shard, uint32_t worker, uint32_t batches, bool huge_pages);
void tt_shard_destroy(struct tt_shard *shard);

/* W: room for a record of size_bytes (at most TT_RECORD_LIMIT_BYTES, a multiple of
 * TT_RECORD_ALIGNMENT) with its header's size and worker set; NULL when BUSY. C sees it after
 * tt_shard_commit(), which comes before the next tt_shard_reserve(). */
void *tt_shard_reserve(struct tt_shard *shard, uint16_t size_bytes);
void tt_shard_commit(struct tt_shard *shard);

/* W: how many more bytes of records surely find room now. */
size_t tt_shard_room_bytes(const struct tt_shard *shard);

/* W: the next command, if there is one, and TT_SNAPSHOT_ROOM_BYTES of room to answer it. */
bool tt_shard_command(struct tt_shard *shard, struct tt_command *command);

/* C: false when W has not yet taken the 63 commands before. */
bool tt_shard_post(struct tt_shard *shard, const struct tt_command *command);

/* C: consume every record that W had committed when the call began, and perhaps some of those that
 * it commits meanwhile. Returns how many. */
uint64_t tt_shard_consume(struct tt_shard *shard, tt_record_consume consume, void *context);

const struct tt_shard_counters *tt_shard_counters(const struct tt_shard *shard);

#endif
