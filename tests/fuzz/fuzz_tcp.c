/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection of any packets. Each is a chunk of the input: how far to go on in time, direction
 * and ECN, header length in words, payload length, and a TCP header in memory of its size.
 */
#include "flow/tcp.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_HEAD 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* What holds of any connection, however senseless its segments are. */
static void check_half(const struct tt_tcp_summary_half *half, uint32_t segments)
{
	check(half->retransmits <= segments && half->out_of_order <= segments);
	check(half->retransmits + half->out_of_order <= segments);
	check(half->syn_retransmits + half->fast_retransmits + half->timeout_retransmits ==
		half->retransmits);
	check(half->spurious_retransmits <= half->retransmits);
	check(half->duplicate_acks <= segments && half->zero_windows <= segments);
	check(half->keep_alives + half->window_probes <= segments);
	check(half->resets <= segments && half->fins <= segments);
	check(segments > 0 || (half->present == 0 && half->retransmits == 0));
}

static void check_connection(const struct tt_tcp *tcp, const uint32_t segments[2], uint64_t now_us)
{
	struct tt_tcp_summary summary;

	check(tcp->life <= TT_TCP_CLOSED_RST && tcp->hole_used < 1u << TT_TCP_HOLES);
	for (unsigned int i = 0; i < TT_TCP_HOLES; i++) {
		const struct tt_tcp_half *half = &tcp->half[tcp->hole_direction >> i & 1];
		check(!(tcp->hole_used >> i & 1) || tcp->hole[i].start != tcp->hole[i].end);
		check(!(tcp->hole_used >> i & 1) || (half->known & TT_TCP_KNOWN_NEXT));
	}
	tt_tcp_summarize(&summary, tcp, 0, now_us, true);
	check(summary.closed == (tcp->life >= TT_TCP_CLOSED_FIN));
	check(summary.established || !(summary.present & TT_TCP_HAS_HANDSHAKE_TIME));
	check_half(&summary.half[0], segments[0]);
	check_half(&summary.half[1], segments[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_tcp tcp = {0};
	uint32_t segments[2] = {0, 0};
	uint64_t now_us = 1700000000000000;

	while (size >= CHUNK_HEAD) {
		size_t header_bytes = data[2] % 16 * 4u;
		unsigned int direction = data[1] & 1;
		if (size - CHUNK_HEAD < header_bytes)
			break;
		now_us += (uint64_t)1 << data[0] % 40;
		uint8_t *header = malloc(header_bytes > 0 ? header_bytes : 1);
		if (header == NULL)
			break;
		memcpy(header, data + CHUNK_HEAD, header_bytes);
		struct tt_packet packet = {.transport = header,
			.transport_captured_bytes = (uint16_t)header_bytes,
			.flags = TT_PACKET_TRANSPORT,
			.ip_version = data[1] & 2 ? 4 : 6,
			.ip_id = data[3],
			.ip_traffic_class = data[1] >> 2,
			.payload_bytes = data[4] | (uint32_t)data[5] << 8};
		struct tt_tcp_segment segment;
		if (tt_tcp_segment_read(&segment, &packet, direction, now_us)) {
			if (tt_tcp_is_new_connection(&tcp, &segment)) {
				tcp = (struct tt_tcp){0};
				segments[0] = segments[1] = 0;
				check(!tt_tcp_is_new_connection(&tcp, &segment));
			}
			segments[direction]++;
			check(tt_tcp_update(&tcp, &segment) == (enum tt_tcp_life)tcp.life);
			check_connection(&tcp, segments, now_us);
		}
		free(header);
		data += CHUNK_HEAD + header_bytes;
		size -= CHUNK_HEAD + header_bytes;
	}
	return 0;
}
