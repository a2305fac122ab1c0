/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns_stream.h"

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/dns.h"

#define POOL_CAPACITY (1u << 20)

int tt_dns_stream_pool_create(struct tt_dns_stream_pool *pool, uint32_t capacity, bool huge_pages)
{
	memset(pool, 0, sizeof(*pool));
	if (capacity == 0 || capacity > POOL_CAPACITY)
		return TT_ERROR_ARGUMENT;
	return tt_slabs_create(&pool->slabs, capacity, TT_DNS_STREAM_SLAB_BYTES, huge_pages);
}

void tt_dns_stream_pool_destroy(struct tt_dns_stream_pool *pool)
{
	tt_slabs_destroy(&pool->slabs);
}

static void slab_give(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool)
{
	tt_slab_give(&pool->slabs, &stream->slab, &pool->counters.slabs_used);
}

void tt_dns_stream_start(struct tt_dns_stream *stream)
{
	*stream = (struct tt_dns_stream){.state = TT_DNS_STREAM_LENGTH};
}

bool tt_dns_stream_is_plausible(const uint8_t *bytes, size_t length)
{
	struct tt_dns_message message;

	if (length < 2 + TT_DNS_HEADER_BYTES)
		return false;
	size_t total = tt_load_be16(bytes);
	if (total < TT_DNS_HEADER_BYTES)
		return false;
	if (total <= length - 2)
		return tt_dns_is_plausible(bytes + 2, total);
	return tt_dns_parse(&message, bytes + 2, length - 2) != TT_DNS_INVALID &&
		message.questions == 1 && (message.flags & 0x0040) == 0;
}

/* Take a slab for a message that goes on after this piece; without one it is skipped. */
static void keep_begin(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool)
{
	stream->slab = tt_slab_take(&pool->slabs, &pool->counters.slabs_used,
		&pool->counters.slabs_high, &pool->counters.pool_full);
	stream->kept = 0;
}

/* Bytes of a message that does not lie whole in one piece; never more than its rest. */
static void keep(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool,
	const uint8_t *bytes, size_t length)
{
	if (stream->slab != 0) {
		size_t room = TT_DNS_STREAM_SLAB_BYTES - stream->kept;
		size_t count = length < room ? length : room;
		uint8_t *slab = tt_slab_at(&pool->slabs, stream->slab);

		memcpy(slab + stream->kept, bytes, count);
		stream->kept = (uint16_t)(stream->kept + count);
	}
	stream->seen = (uint16_t)(stream->seen + length);
}

static void message_done(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool,
	tt_dns_stream_message message, void *context)
{
	if (stream->slab != 0) {
		if (stream->kept < stream->total)
			tt_counter_add(&pool->counters.cut, 1);
		message(context, tt_slab_at(&pool->slabs, stream->slab), stream->kept,
			stream->total);
		slab_give(stream, pool);
	}
	stream->state = TT_DNS_STREAM_LENGTH;
}

void tt_dns_stream_data(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool,
	const uint8_t *bytes, size_t length, tt_dns_stream_message message, void *context)
{
	if (stream->state == TT_DNS_STREAM_SEARCHING) {
		if (!tt_dns_stream_is_plausible(bytes, length))
			return;
		tt_counter_add(&pool->counters.resyncs, 1);
		stream->state = TT_DNS_STREAM_LENGTH;
	}
	while (length > 0) {
		if (stream->state == TT_DNS_STREAM_LENGTH) {
			stream->total = *bytes;
			stream->state = TT_DNS_STREAM_LENGTH_LOW;
			bytes++;
			length--;
			continue;
		}
		if (stream->state == TT_DNS_STREAM_LENGTH_LOW) {
			stream->total = (uint16_t)(stream->total << 8 | *bytes);
			stream->seen = 0;
			stream->state =
				stream->total > 0 ? TT_DNS_STREAM_MESSAGE : TT_DNS_STREAM_LENGTH;
			bytes++;
			length--;
			if (stream->state == TT_DNS_STREAM_LENGTH)
				continue;
			if (length >= stream->total) {
				message(context, bytes, stream->total, stream->total);
				bytes += stream->total;
				length -= stream->total;
				stream->state = TT_DNS_STREAM_LENGTH;
				continue;
			}
			keep_begin(stream, pool);
			continue;
		}
		size_t rest = (size_t)(stream->total - stream->seen);
		size_t count = length < rest ? length : rest;
		keep(stream, pool, bytes, count);
		bytes += count;
		length -= count;
		if (stream->seen == stream->total)
			message_done(stream, pool, message, context);
	}
}

void tt_dns_stream_gap(
	struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool, uint32_t length)
{
	if (stream->state == TT_DNS_STREAM_SEARCHING)
		return;
	if (stream->state == TT_DNS_STREAM_MESSAGE) {
		tt_counter_add(&pool->counters.lost, 1);
		slab_give(stream, pool);
		if (length <= (uint32_t)(stream->total - stream->seen)) {
			/* The rest, without a slab, is skipped. */
			stream->seen = (uint16_t)(stream->seen + length);
			if (stream->seen == stream->total)
				stream->state = TT_DNS_STREAM_LENGTH;
			return;
		}
	}
	stream->state = TT_DNS_STREAM_SEARCHING;
}

void tt_dns_stream_close(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool)
{
	slab_give(stream, pool);
	*stream = (struct tt_dns_stream){.state = TT_DNS_STREAM_SEARCHING};
}
