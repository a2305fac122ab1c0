/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP streams put in order, from any segments. Six bytes make a segment: direction and flags,
 * offset (two), length, captured length, acknowledgment. Each byte of a stream is a function of its
 * offset, so whatever the order, what is given must be the bytes of the offsets it stands for.
 */
#include "protocol/stream.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES 6
#define LENGTH_UNIT   40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t position[2];
static const uint32_t isn[2] = {0xffffff00, 7};

static uint8_t byte_at(uint32_t offset)
{
	return (uint8_t)(offset * 37 + (offset >> 8));
}

static void take_data(void *context, unsigned int direction, const uint8_t *bytes, uint32_t length)
{
	(void)context;
	if (length == 0)
		abort();
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] != byte_at(position[direction]++))
			abort();
}

static void take_gap(void *context, unsigned int direction, uint32_t length)
{
	(void)context;
	if (length == 0)
		abort();
	position[direction] += length;
}

static void take_end(void *context, unsigned int direction)
{
	(void)context;
	(void)direction;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tt_stream_consumer consumer = {take_data, take_gap, take_end, NULL};
	static struct tt_stream_pool pool;
	static uint8_t payload[255 * LENGTH_UNIT];
	struct tt_stream stream = {0};

	if (pool.slabs.memory == NULL && tt_stream_pool_create(&pool, 12, false) != 0)
		abort();
	memset(position, 0, sizeof(position));
	for (unsigned int direction = 0; direction < 2; direction++) {
		struct tt_stream_segment syn = {
			.sequence = isn[direction], .direction = (uint8_t)direction, .syn = true};
		tt_stream_segment(&stream, &pool, &syn, &consumer);
	}
	for (; size >= SEGMENT_BYTES; size -= SEGMENT_BYTES, data += SEGMENT_BYTES) {
		unsigned int direction = data[0] & 1;
		uint32_t offset = (uint32_t)data[1] << 8 | data[2];
		uint32_t length = (uint32_t)data[3] * LENGTH_UNIT;
		uint32_t captured = (uint32_t)data[4] * LENGTH_UNIT;
		if (captured > length)
			captured = length;
		for (uint32_t i = 0; i < captured; i++)
			payload[i] = byte_at(offset + i);
		struct tt_stream_segment segment = {
			.sequence = isn[direction] + 1 + offset,
			.acknowledgment = isn[direction ^ 1] + 1 + (uint32_t)data[5] * 256,
			.payload = payload,
			.payload_bytes = length,
			.captured_bytes = captured,
			.direction = (uint8_t)direction,
			.fin = (data[0] & 2) != 0,
			.ack = (data[0] & 4) != 0,
		};
		tt_stream_segment(&stream, &pool, &segment, &consumer);
		if (stream.slabs > TT_STREAM_SLABS ||
			stream.slabs != tt_counter_read(&pool.counters.slabs_used))
			abort();
	}
	tt_stream_close(&stream, &pool, &consumer);
	if (tt_counter_read(&pool.counters.slabs_used) != 0)
		abort();
	return 0;
}
