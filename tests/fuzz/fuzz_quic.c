/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of a QUIC connection: nothing breaks and no buffer is lost, of datagrams as they are
 * and of frames that are put into Initial packets, as only who knows the keys can. Pieces: a byte of
 * direction (bit 0) and kind (bit 1: frames; bits 2 and 3: version), two of length, and the bytes.
 */
#include "protocol/quic_connection.h"

#include "protocol/quic_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tt_quic_reader reader;
static struct tt_tls_pool pool;

static void take(void *context, const struct tt_tls_event *event)
{
	(void)context;
	if (event->handshake->alpn_offered_bytes > TT_TLS_OFFER_BYTES)
		abort();
}

static const struct tt_tls_consumer consumer = {take, NULL};

static void take_piece(
	const struct tt_quic_work *work, uint8_t kind, const uint8_t *bytes, size_t length)
{
	static const uint32_t versions[] = {TT_QUIC_1, TT_QUIC_2, TT_QUIC_DRAFT | 29, TT_QUIC_T051};
	static const struct tt_quic_id id = {8, {1, 2, 3, 4, 5, 6, 7, 8}};
	static struct tls_build frames, datagram;
	const struct quic_packet packet = {
		.version = versions[kind >> 2 & 3],
		.server = (kind & 1) != 0,
		.keys = &id,
		.destination = &id,
		.source = &id,
	};

	frames.length = datagram.length = 0;
	if ((kind & 2) == 0) {
		tt_quic_connection_datagram(work, kind & 1, 7, bytes, length);
		return;
	}
	build_bytes(&frames, bytes, length);
	build_initial(&datagram, &packet, &frames);
	tt_quic_connection_datagram(work, kind & 1, 7, datagram.bytes, datagram.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_tls_connection tls = {0};
	struct tt_quic_connection connection = {0};
	const struct tt_quic_work work = {&reader, &connection, &tls, &pool, &consumer};

	if (pool.handshakes.memory == NULL &&
		(tt_tls_pool_create(&pool, 1, 2, false) != 0 ||
			tt_quic_reader_create(&reader) != 0))
		abort();
	while (size >= 3) {
		size_t length = tt_load_be16(data + 1);

		if (length > size - 3)
			length = size - 3;
		take_piece(&work, data[0], data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	tt_quic_connection_close(&work);
	if (tt_counter_read(&pool.counters.handshakes_used) != 0 ||
		tt_counter_read(&pool.counters.buffers_used) != 0)
		abort();
	return 0;
}
