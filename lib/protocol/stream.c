/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/stream.h"

#include "base/error.h"

#include <string.h>

#define SLAB_DATA_BYTES (TT_STREAM_SLAB_BYTES - 12)
#define POOL_CAPACITY	(1u << 24)

/* The largest window there is (RFC 7323 2.3): nothing further ahead can be of this stream. */
#define WINDOW_BYTES (1 << 30)

struct tt_stream_slab {
	uint32_t next;	   /* number + 1 of the next slab of the side or the free list; 0: none */
	uint32_t sequence; /* of data[0] */
	uint32_t length;   /* 1 to SLAB_DATA_BYTES */
	uint8_t data[SLAB_DATA_BYTES];
};

_Static_assert(sizeof(struct tt_stream_slab) == TT_STREAM_SLAB_BYTES, "slab size");

/* How far a is ahead of b; negative when it is behind. */
static inline int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

int tt_stream_pool_create(struct tt_stream_pool *pool, uint32_t capacity, bool huge_pages)
{
	memset(pool, 0, sizeof(*pool));
	if (capacity == 0 || capacity > POOL_CAPACITY)
		return TT_ERROR_ARGUMENT;
	return tt_slabs_create(&pool->slabs, capacity, TT_STREAM_SLAB_BYTES, huge_pages);
}

void tt_stream_pool_destroy(struct tt_stream_pool *pool)
{
	tt_slabs_destroy(&pool->slabs);
}

static struct tt_stream_slab *slab_at(const struct tt_stream_pool *pool, uint32_t link)
{
	return tt_slab_at(&pool->slabs, link);
}

/* What every step of one segment's work needs. */
struct work {
	struct tt_stream *stream;
	struct tt_stream_pool *pool;
	const struct tt_stream_consumer *consumer;
	unsigned int direction;
	struct tt_stream_side *side;
};

static void give_data(struct work *work, const uint8_t *bytes, uint32_t length)
{
	work->side->next += length;
	work->consumer->data(work->consumer->context, work->direction, bytes, length);
}

static void give_gap(struct work *work, uint32_t length)
{
	work->side->next += length;
	tt_counter_add(&work->pool->counters.gaps, 1);
	tt_counter_add(&work->pool->counters.gap_bytes, length);
	work->consumer->gap(work->consumer->context, work->direction, length);
}

static void free_first(struct work *work)
{
	uint32_t link = work->side->held;

	work->side->held = slab_at(work->pool, link)->next;
	tt_slab_give(&work->pool->slabs, &link, &work->pool->counters.slabs_used);
	work->stream->slabs--;
}

/* Give the kept slabs that are in order now. */
static void give_held(struct work *work)
{
	while (work->side->held != 0) {
		struct tt_stream_slab *slab = slab_at(work->pool, work->side->held);
		if (slab->sequence != work->side->next)
			return;
		give_data(work, slab->data, slab->length);
		free_first(work);
	}
}

static void give_end(struct work *work)
{
	struct tt_stream_side *side = work->side;

	if ((side->flags & (TT_STREAM_FIN | TT_STREAM_ENDED)) != TT_STREAM_FIN ||
		ahead(side->next, side->fin) < 0)
		return;
	side->flags |= TT_STREAM_ENDED;
	work->consumer->end(work->consumer->context, work->direction);
}

/* Give up the hole before the first kept slab, and give what follows it. */
static void skip_hole(struct work *work)
{
	uint32_t first = slab_at(work->pool, work->side->held)->sequence;

	give_gap(work, first - work->side->next);
	give_held(work);
}

/* Holes whose end the receiver has acknowledged hold bytes that the tap lost. */
static void skip_acknowledged(struct work *work)
{
	struct tt_stream_side *side = work->side;

	while (side->held != 0 && (side->flags & TT_STREAM_ACKED) != 0 &&
		ahead(side->acknowledged, slab_at(work->pool, side->held)->sequence) >= 0)
		skip_hole(work);
	/* An acknowledged FIN: whatever is missing before it is lost too. */
	if (side->held == 0 && (side->flags & TT_STREAM_FIN) != 0 &&
		(side->flags & TT_STREAM_ACKED) != 0 && ahead(side->fin, side->next) > 0 &&
		ahead(side->acknowledged, side->fin) > 0)
		give_gap(work, side->fin - side->next);
}

/* Keep one piece that overlaps nothing kept, after the slab `previous` (link; 0: at the head).
 * Returns the link of the last slab it took, or 0 when there was no room for all of it. */
static uint32_t hold_piece(struct work *work, uint32_t previous, uint32_t sequence,
	const uint8_t *bytes, uint32_t length)
{
	while (length > 0) {
		if (work->stream->slabs >= TT_STREAM_SLABS) {
			tt_counter_add(&work->pool->counters.connection_full, 1);
			return 0;
		}
		uint32_t link = tt_slab_take(&work->pool->slabs, &work->pool->counters.slabs_used,
			&work->pool->counters.slabs_high, &work->pool->counters.pool_full);
		if (link == 0)
			return 0;
		work->stream->slabs++;
		struct tt_stream_slab *slab = slab_at(work->pool, link);
		uint32_t *before =
			previous == 0 ? &work->side->held : &slab_at(work->pool, previous)->next;
		slab->next = *before;
		*before = link;
		slab->sequence = sequence;
		slab->length = length < SLAB_DATA_BYTES ? length : SLAB_DATA_BYTES;
		memcpy(slab->data, bytes, slab->length);
		sequence += slab->length;
		bytes += slab->length;
		length -= slab->length;
		previous = link;
	}
	return previous;
}

/* Keep an early segment, but for the parts that are kept already. false: no room for all of it. */
static bool hold(struct work *work, uint32_t sequence, const uint8_t *bytes, uint32_t length)
{
	uint32_t previous = 0;
	uint32_t link = work->side->held;

	while (length > 0) {
		/* What of it comes before the next kept slab. */
		uint32_t piece = length;
		uint32_t skip = 0;
		if (link != 0) {
			const struct tt_stream_slab *slab = slab_at(work->pool, link);
			int32_t distance = ahead(slab->sequence, sequence);
			int32_t end = ahead(slab->sequence + slab->length, sequence);
			if (distance < (int32_t)length)
				piece = distance > 0 ? (uint32_t)distance : 0;
			if (piece < length)
				skip = end > 0 ? (uint32_t)end : 0;
		}
		if (piece > 0) {
			previous = hold_piece(work, previous, sequence, bytes, piece);
			if (previous == 0)
				return false;
		}
		if (piece == length || skip >= length)
			return true;
		if (skip > piece)
			piece = skip;
		sequence += piece;
		bytes += piece;
		length -= piece;
		previous = link;
		link = slab_at(work->pool, link)->next;
	}
	return true;
}

/* Give a segment that begins at or before `next`, around what is kept. */
static void give_in_order(
	struct work *work, uint32_t sequence, const uint8_t *bytes, uint32_t length)
{
	struct tt_stream_side *side = work->side;

	for (;;) {
		int32_t old = ahead(side->next, sequence);
		if (old >= (int32_t)length)
			return;
		bytes += old;
		length -= (uint32_t)old;
		sequence = side->next;
		if (side->held == 0) {
			give_data(work, bytes, length);
			return;
		}
		int32_t room = ahead(slab_at(work->pool, side->held)->sequence, sequence);
		uint32_t part = room < (int32_t)length ? (uint32_t)room : length;
		if (part > 0)
			give_data(work, bytes, part);
		give_held(work);
	}
}

static void take_payload(struct work *work, const struct tt_stream_segment *segment)
{
	struct tt_stream_side *side = work->side;
	uint32_t sequence = segment->sequence + segment->syn;
	uint32_t length = segment->captured_bytes;
	int32_t distance = ahead(sequence, side->next);

	if (distance > 0) {
		if (hold(work, sequence, segment->payload, length))
			return;
		/* No room: give up the holes up to here, and give it instead of keeping it. */
		while (side->held != 0 &&
			ahead(sequence, slab_at(work->pool, side->held)->sequence) >= 0)
			skip_hole(work);
		if (ahead(sequence, side->next) > 0)
			give_gap(work, sequence - side->next);
	}
	give_in_order(work, sequence, segment->payload, length);
}

/* What a snap length has cut off is lost unless it was seen before. */
static void take_cut(struct work *work, const struct tt_stream_segment *segment)
{
	uint32_t cut = segment->sequence + segment->syn + segment->captured_bytes;
	uint32_t end = segment->sequence + segment->syn + segment->payload_bytes;

	if (segment->captured_bytes == segment->payload_bytes || work->side->next != cut)
		return;
	if (work->side->held != 0) {
		uint32_t first = slab_at(work->pool, work->side->held)->sequence;
		if (ahead(end, first) > 0)
			end = first;
	}
	give_gap(work, end - cut);
	give_held(work);
}

static void take_acknowledgment(struct work *work, uint32_t acknowledgment)
{
	struct tt_stream_side *side = work->side;

	if ((side->flags & TT_STREAM_ACKED) != 0 && ahead(acknowledgment, side->acknowledged) <= 0)
		return;
	side->acknowledged = acknowledgment;
	side->flags |= TT_STREAM_ACKED;
	if (side->held != 0 || (side->flags & TT_STREAM_FIN) != 0) {
		skip_acknowledged(work);
		give_end(work);
	}
}

void tt_stream_start(struct tt_stream *stream, unsigned int direction, uint32_t sequence)
{
	stream->side[direction].next = sequence;
	stream->side[direction].flags |= TT_STREAM_STARTED;
}

void tt_stream_segment(struct tt_stream *stream, struct tt_stream_pool *pool,
	const struct tt_stream_segment *segment, const struct tt_stream_consumer *consumer)
{
	struct work work = {
		.stream = stream,
		.pool = pool,
		.consumer = consumer,
		.direction = segment->direction,
		.side = &stream->side[segment->direction],
	};
	struct tt_stream_side *side = work.side;

	if ((side->flags & TT_STREAM_STARTED) == 0) {
		if (!segment->syn && !segment->fin && segment->payload_bytes == 0)
			goto acknowledgment;
		side->next = segment->sequence + segment->syn;
		side->flags |= TT_STREAM_STARTED;
	}
	int32_t distance = ahead(segment->sequence + segment->syn, side->next);
	if (distance > WINDOW_BYTES || distance < -WINDOW_BYTES ||
		segment->payload_bytes > WINDOW_BYTES) {
		tt_counter_add(&pool->counters.out_of_window, 1);
		return;
	}
	if (segment->fin && (side->flags & TT_STREAM_FIN) == 0) {
		side->fin = segment->sequence + segment->syn + segment->payload_bytes;
		side->flags |= TT_STREAM_FIN;
	}
	if (segment->payload_bytes > 0 && (side->flags & TT_STREAM_ENDED) == 0) {
		if (segment->captured_bytes > 0)
			take_payload(&work, segment);
		take_cut(&work, segment);
	}
	if (side->held != 0 || (side->flags & TT_STREAM_FIN) != 0) {
		skip_acknowledged(&work);
		give_end(&work);
	}

acknowledgment:
	if (segment->ack) {
		work.direction ^= 1;
		work.side = &stream->side[work.direction];
		take_acknowledgment(&work, segment->acknowledgment);
	}
}

void tt_stream_close(struct tt_stream *stream, struct tt_stream_pool *pool,
	const struct tt_stream_consumer *consumer)
{
	for (unsigned int direction = 0; direction < 2; direction++) {
		struct work work = {
			.stream = stream,
			.pool = pool,
			.consumer = consumer,
			.direction = direction,
			.side = &stream->side[direction],
		};
		while (work.side->held != 0) {
			if (consumer == NULL)
				free_first(&work);
			else
				skip_hole(&work);
		}
	}
	memset(stream, 0, sizeof(*stream));
}
