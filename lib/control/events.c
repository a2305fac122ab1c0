/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events.h"

#include "base/memory.h"

#include <string.h>

/* There are as many places as records of this length find room; most are longer. */
#define USUAL_BYTES 128

struct tt_event_place {
	size_t offset;
	uint32_t record_bytes;
	uint32_t tail_bytes;
};

static uint32_t limit_of(size_t size_bytes)
{
	size_t limit = size_bytes / USUAL_BYTES;

	return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

size_t tt_events_bytes(size_t size_bytes)
{
	return size_bytes + limit_of(size_bytes) * sizeof(struct tt_event_place);
}

bool tt_events_create(struct tt_events *events, size_t size_bytes, bool huge_pages)
{
	*events = (struct tt_events){
		.size_bytes = size_bytes, .limit = limit_of(size_bytes), .oldest = 1, .next = 1};
	events->bytes = tt_memory_map(size_bytes, huge_pages);
	events->places = tt_memory_map(events->limit * sizeof(struct tt_event_place), huge_pages);
	return events->bytes != NULL && events->places != NULL;
}

void tt_events_destroy(struct tt_events *events)
{
	tt_memory_unmap(events->bytes, events->size_bytes);
	tt_memory_unmap(events->places, events->limit * sizeof(struct tt_event_place));
}

static struct tt_event_place *place(const struct tt_events *events, uint64_t sequence)
{
	return &events->places[(sequence - 1) % events->limit];
}

static size_t length_of(const struct tt_event_place *place)
{
	return tt_record_aligned((size_t)place->record_bytes + place->tail_bytes);
}

/* Is the oldest event between these offsets? Events follow each other around the ring, so it is
 * the first that is in the way. */
static bool oldest_lies_in(const struct tt_events *events, size_t begin, size_t end)
{
	const struct tt_event_place *oldest = place(events, events->oldest);

	return events->oldest < events->next && oldest->offset < end &&
		oldest->offset + length_of(oldest) > begin;
}

void tt_events_append(struct tt_events *events, const struct tt_record *record, const void *tail,
	size_t tail_bytes)
{
	struct tt_event_place new = {
		.record_bytes = record->size_bytes, .tail_bytes = (uint32_t)tail_bytes};
	size_t length = length_of(&new);

	if (tt_events_fill(events) == events->limit)
		events->oldest++;
	/* One lies in one piece: what is left at the ring's end is not used. */
	if (length > events->size_bytes - events->end) {
		while (oldest_lies_in(events, events->end, events->size_bytes))
			events->oldest++;
		events->end = 0;
	}
	while (oldest_lies_in(events, events->end, events->end + length))
		events->oldest++;
	new.offset = events->end;
	*place(events, events->next) = new;
	memcpy(events->bytes + new.offset, record, record->size_bytes);
	if (tail_bytes > 0)
		memcpy(events->bytes + new.offset + record->size_bytes, tail, tail_bytes);
	events->end += length;
	events->next++;
}

uint32_t tt_events_fill(const struct tt_events *events)
{
	return (uint32_t)(events->next - events->oldest);
}

const struct tt_record *tt_events_read(const struct tt_events *events, uint64_t *sequence,
	uint64_t *lost, const uint8_t **tail, size_t *tail_bytes)
{
	if (*sequence < events->oldest) {
		*lost += events->oldest - *sequence;
		*sequence = events->oldest;
	}
	if (*sequence > events->next)
		*sequence = events->next;
	if (*sequence == events->next)
		return NULL;

	const struct tt_event_place *at = place(events, *sequence);
	const uint8_t *bytes = events->bytes + at->offset;

	*tail = at->tail_bytes > 0 ? bytes + at->record_bytes : NULL;
	*tail_bytes = at->tail_bytes;
	return (const void *)bytes;
}
