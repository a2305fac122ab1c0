/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over TCP: however a stream is cut into pieces, the same messages come out of it. The first
 * byte seeds the cuts, the rest is the stream.
 */
#include "base/hash.h"
#include "protocol/dns_stream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(void *context, const uint8_t *bytes, size_t length, size_t message_length)
{
	uint64_t *hash = context;

	/* What every way of cutting keeps of a message. */
	if (length > message_length ||
		(length < message_length && length < TT_DNS_STREAM_SLAB_BYTES))
		abort();
	if (length > TT_DNS_STREAM_SLAB_BYTES)
		length = TT_DNS_STREAM_SLAB_BYTES;
	*hash = tt_hash_bytes(*hash ^ message_length, bytes, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_dns_stream_pool pool;
	struct tt_dns_stream whole;
	struct tt_dns_stream cut;
	uint64_t hash_whole = 1;
	uint64_t hash_cut = 1;

	if (size < 1)
		return 0;
	if (pool.slabs.memory == NULL && tt_dns_stream_pool_create(&pool, 2, false) != 0)
		abort();
	uint32_t random = data[0];
	data++;
	size--;
	tt_dns_stream_start(&whole);
	tt_dns_stream_data(&whole, &pool, data, size, add, &hash_whole);
	tt_dns_stream_start(&cut);
	for (size_t at = 0; at < size;) {
		random = random * 1664525 + 1013904223;
		size_t count = 1 + (random >> 24) % 64;
		if (count > size - at)
			count = size - at;
		tt_dns_stream_data(&cut, &pool, data + at, count, add, &hash_cut);
		at += count;
	}
	if (hash_whole != hash_cut || whole.state != cut.state)
		abort();
	tt_dns_stream_close(&whole, &pool);
	tt_dns_stream_close(&cut, &pool);

	/* With gaps, and from the middle: nothing to compare, but nothing may break. */
	for (size_t at = 0; at < size;) {
		random = random * 1664525 + 1013904223;
		size_t count = 1 + (random >> 24) % 64;
		if (count > size - at)
			count = size - at;
		if ((random >> 16) % 4 == 0)
			tt_dns_stream_gap(&cut, &pool, (uint32_t)count);
		else
			tt_dns_stream_data(&cut, &pool, data + at, count, add, &hash_cut);
		at += count;
	}
	tt_dns_stream_close(&cut, &pool);
	if (tt_counter_read(&pool.counters.slabs_used) != 0)
		abort();
	return 0;
}
