/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last transactions of one kind (DNS, HTTP, TLS), in the order in which the control core learned
 * of them, each with a sequence number that is never given again: a journal of records that differ
 * in length. The oldest go, and who has not read them yet learns how many were lost to him. One
 * thread uses it at a time; who owns it sees to that (control.h).
 */
#ifndef TT_CONTROL_EVENTS_H
#define TT_CONTROL_EVENTS_H

#include "shard/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a record and what comes with it. */
#define TT_EVENT_BYTES (TT_RECORD_LIMIT_BYTES + TT_TLS_BUFFER_BYTES)

struct tt_event_place;

struct tt_events {
	uint8_t *bytes;		       /* a ring of them */
	struct tt_event_place *places; /* of each event, by sequence number */
	size_t size_bytes;
	uint32_t limit;	 /* events */
	size_t end;	 /* offset behind the latest */
	uint64_t oldest; /* sequence number */
	uint64_t next;	 /* the same of the event to come; the first is 1 */
};

/* What `size_bytes` of them map, places included. */
size_t tt_events_bytes(size_t size_bytes);

/* size_bytes: 2 * TT_EVENT_BYTES to 2^40. false without memory. The caller destroys it. */
bool tt_events_create(struct tt_events *events, size_t size_bytes, bool huge_pages);
void tt_events_destroy(struct tt_events *events);

/* Keep a record, and `tail_bytes` at `tail` that come with it. */
void tt_events_append(struct tt_events *events, const struct tt_record *record, const void *tail,
	size_t tail_bytes);

/* The record of *sequence, or of the oldest one there is when that has gone; *sequence becomes
 * that of the record given and *lost grows by those skipped. *tail is what came with it. NULL when
 * it is still to come; *sequence becomes that of the next to come. Valid until the next is
 * appended. */
const struct tt_record *tt_events_read(const struct tt_events *events, uint64_t *sequence,
	uint64_t *lost, const uint8_t **tail, size_t *tail_bytes);

/* Events in it now. */
uint32_t tt_events_fill(const struct tt_events *events);

#endif
