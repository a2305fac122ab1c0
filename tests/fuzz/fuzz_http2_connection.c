/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 connections from any bytes. The first byte seeds cuts and gaps, the next two say how many
 * bytes are the client's. Where footing is never lost, the same transactions come out of one piece
 * a direction and of single bytes; with gaps nothing may break or be left behind.
 */
#include "base/hash.h"
#include "protocol/http2_connection.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever their order: the other direction's frames may end between a stream's. */
static void add(void *context, const struct tt_http_transaction *transaction, unsigned int client)
{
	uint64_t *sum = context;
	uint64_t hash = 1;
	uint64_t numbers[] = {transaction->request_bytes, transaction->response_bytes,
		transaction->status, transaction->flags, transaction->stream_id,
		transaction->grpc_status, client};

	if (transaction->latency_us > transaction->duration_us || transaction->stream_id == 0)
		abort();
	hash = tt_hash_bytes(hash, numbers, sizeof(numbers));
	hash = tt_hash_bytes(hash, transaction->method, transaction->method_bytes);
	hash = tt_hash_bytes(hash, transaction->path, transaction->path_bytes);
	hash = tt_hash_bytes(hash, transaction->host, transaction->host_bytes);
	hash = tt_hash_bytes(hash, transaction->user_agent, transaction->user_agent_bytes);
	hash = tt_hash_bytes(hash, transaction->content_type, transaction->content_type_bytes);
	*sum += hash;
}

/* What depends on where pieces end, or on the pool's room. */
static uint64_t lost(const struct tt_http2_pool *pool)
{
	return tt_counter_read(&pool->counters.invalid) + tt_counter_read(&pool->counters.resyncs) +
		tt_counter_read(&pool->counters.blocks_lost) +
		tt_counter_read(&pool->counters.tables_full) +
		tt_counter_read(&pool->counters.exchanges_full) +
		tt_counter_read(&pool->counters.streams_full);
}

static void close_all(
	struct tt_http2_connection *connection, struct tt_http2_pool *pool, uint64_t *sum)
{
	tt_http2_connection_end(connection, pool, 0, sum);
	tt_http2_connection_end(connection, pool, 1, sum);
	tt_http2_connection_close(connection, pool, sum);
	if (tt_counter_read(&pool->counters.slabs_used) != 0 ||
		tt_counter_read(&pool->counters.tables_used) != 0 ||
		tt_counter_read(&pool->counters.exchanges_used) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_http2_pool pool;
	struct tt_http2_pool_options options = {
		.slabs = 2, .tables = 2, .exchanges = 8, .report = add};
	struct tt_http2_connection connection = {0};
	uint64_t sums[2] = {0, 0};

	if (size < 3)
		return 0;
	if (pool.slabs.memory == NULL && tt_http2_pool_create(&pool, &options) != 0)
		abort();
	uint32_t random = data[0];
	size_t split = ((size_t)data[1] << 8 | data[2]) % (size - 2);
	const uint8_t *bytes[2] = {data + 3, data + 3 + split};
	size_t lengths[2] = {split, size - 3 - split};

	uint64_t lost_before = lost(&pool);
	for (unsigned int side = 0; side < 2; side++)
		tt_http2_connection_start(&connection, side);
	for (unsigned int side = 0; side < 2; side++)
		tt_http2_connection_data(
			&connection, &pool, side, bytes[side], lengths[side], 1, &sums[0]);
	close_all(&connection, &pool, &sums[0]);
	for (unsigned int side = 0; side < 2; side++)
		tt_http2_connection_start(&connection, side);
	for (unsigned int side = 0; side < 2; side++)
		for (size_t at = 0; at < lengths[side]; at++)
			tt_http2_connection_data(
				&connection, &pool, side, bytes[side] + at, 1, 1, &sums[1]);
	close_all(&connection, &pool, &sums[1]);
	if (lost(&pool) == lost_before && sums[0] != sums[1])
		abort();

	/* Directions by turns, in pieces, some of them lost; from the middle. */
	size_t at[2] = {0, 0};
	for (uint64_t time_us = 1; at[0] < lengths[0] || at[1] < lengths[1]; time_us++) {
		random = random * 1664525 + 1013904223;
		unsigned int side = random >> 31;
		size_t count = 1 + (random >> 20) % 200;
		if (count > lengths[side] - at[side])
			count = lengths[side] - at[side];
		if ((random >> 16) % 8 == 0)
			tt_http2_connection_gap(
				&connection, &pool, side, (random >> 8) % 300, time_us, &sums[0]);
		else
			tt_http2_connection_data(&connection, &pool, side, bytes[side] + at[side],
				count, time_us, &sums[0]);
		at[side] += count;
	}
	close_all(&connection, &pool, &sums[0]);
	return 0;
}
