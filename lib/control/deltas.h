/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of the journal has been told of each connection, so that its next pull can say what
 * is new since, and leave out where nothing is. Bounded: a connection that finds no room is given
 * whole each time, and not compared. One thread uses a table at a time; its client owns it.
 *
 * Pulls are numbered from 1 on. One that is asked for again has its number again, and what it told
 * the first time is taken back.
 */
#ifndef TT_CONTROL_DELTAS_H
#define TT_CONTROL_DELTAS_H

#include "shard/record.h"

#include <stddef.h>
#include <stdint.h>

struct tt_deltas;

/* What a connection has been told to have. Pairs are by side: 0 of the client, 1 of the server. */
struct tt_delta {
	struct tt_flow_counters counters[2];
	uint32_t retransmits[2]; /* TCP; 0 where they are not known */
};

enum tt_delta_kind {
	TT_DELTA_CHANGED,   /* or told of for the first time */
	TT_DELTA_UNCHANGED, /* since the pull before */
	TT_DELTA_UNKNOWN    /* it had no room: nothing to compare with */
};

/* Bytes that a table maps. */
size_t tt_deltas_bytes(uint32_t capacity);

/* capacity 1 to 2^26. NULL without memory. The caller destroys it; NULL is ignored. */
struct tt_deltas *tt_deltas_create(uint32_t capacity);
void tt_deltas_destroy(struct tt_deltas *deltas);

/* Pull number `pull` tells of a connection. *since is what it has had since the pull before: all,
 * when that told nothing of it; not written when UNKNOWN. A closed connection takes no new room. */
enum tt_delta_kind tt_deltas_tell(struct tt_deltas *deltas,
	const struct tt_connection_record *record, uint64_t pull, struct tt_delta *since);

/* Pull number `pull`, the latest, is asked for again: it has told nothing yet. */
void tt_deltas_take_back(struct tt_deltas *deltas, uint64_t pull);

/* Forget what no pull from number `pull` on has told of. */
void tt_deltas_forget(struct tt_deltas *deltas, uint64_t pull);

/* Connections in it, and how often one found no room. */
uint32_t tt_deltas_fill(const struct tt_deltas *deltas);
uint64_t tt_deltas_refused(const struct tt_deltas *deltas);

#endif
