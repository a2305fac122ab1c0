/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS handshake of a connection: however its bytes are cut into pieces, the same is learnt from
 * them; with gaps and as datagrams nothing breaks, and no slab is lost. The first byte seeds the
 * cuts; then come pieces: a byte of direction, two of length, and the bytes.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/tls_connection.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
	unsigned int direction;
	size_t length;
	const uint8_t *bytes;
};

static struct tt_tls_pool pool;
static uint64_t hash;

static void take(void *context, const struct tt_tls_event *event)
{
	const struct tt_tls_handshake *handshake = event->handshake;

	(void)context;
	hash = tt_hash_bytes(hash, handshake, offsetof(struct tt_tls_handshake, fingerprint.value));
	hash = tt_hash_bytes(hash, handshake->fingerprint.value, 2u * handshake->fingerprint.used);
	if (event->certificate != NULL)
		hash = tt_hash_bytes(hash, event->certificate, event->certificate_bytes);
}

static const struct tt_tls_consumer consumer = {take, NULL};

static bool next_piece(struct piece *piece, const uint8_t **data, size_t *size)
{
	if (*size < 3)
		return false;
	piece->direction = (*data)[0] & 1;
	piece->length = tt_load_be16(*data + 1);
	piece->bytes = *data + 3;
	if (piece->length > *size - 3)
		piece->length = *size - 3;
	*data += 3 + piece->length;
	*size -= 3 + piece->length;
	return true;
}

enum way {
	WHOLE,
	CUT,
	GAPS,
	DATAGRAMS
};

/* What is left of a piece in which the search goes on is not looked at. */
static bool is_left_out(enum way way, const struct tt_tls_side *side, size_t at)
{
	return way == CUT && at > 0 && side->state == TT_TLS_SEARCHING;
}

static uint64_t run(enum way way, uint32_t random, const uint8_t *data, size_t size)
{
	struct tt_tls_connection connection = {0};
	struct piece piece;

	hash = 1;
	while (next_piece(&piece, &data, &size)) {
		const struct tt_tls_side *side = &connection.side[piece.direction];
		for (size_t at = 0; at < piece.length && !is_left_out(way, side, at);) {
			size_t count = piece.length - at;
			random = random * 1664525 + 1013904223;
			if (way == CUT || way == GAPS)
				count = 1 + (random >> 24) % 64;
			if (count > piece.length - at)
				count = piece.length - at;
			if (way == DATAGRAMS)
				tt_tls_connection_datagram(&connection, &pool, &consumer,
					piece.direction, 7, piece.bytes + at, count);
			else if (way == GAPS && (random >> 16) % 8 == 0)
				tt_tls_connection_gap(&connection, &pool, &consumer,
					piece.direction, (uint32_t)count);
			else
				tt_tls_connection_data(&connection, &pool, &consumer,
					piece.direction, 7, piece.bytes + at, count);
			at += count;
		}
	}
	tt_tls_connection_close(&connection, &pool, &consumer);
	if (tt_counter_read(&pool.counters.handshakes_used) != 0 ||
		tt_counter_read(&pool.counters.buffers_used) != 0)
		abort();
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (pool.handshakes.memory == NULL && tt_tls_pool_create(&pool, 1, 3, false) != 0)
		abort();
	uint32_t random = data[0];
	data++;
	size--;
	/* A message in place may be longer than a buffer. */
	if (run(WHOLE, random, data, size) != run(CUT, random, data, size) &&
		size <= TT_TLS_BUFFER_BYTES)
		abort();
	(void)run(GAPS, random, data, size);
	(void)run(DATAGRAMS, random, data, size);
	return 0;
}
