/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "flow/tcp.h"

#define HEADER_BYTES 20

/* RFC 7323 2.3: a larger shift count is read as 14. */
#define WINDOW_SHIFT_LIMIT 14

enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_WINDOW_SCALE = 3,
	OPTION_SACK = 5,
	OPTION_TIMESTAMP = 8
};

/* NOP, NOP, timestamp (RFC 7323 A): all the options of most segments. */
#define TIMESTAMP_ALONE_BYTES 12
#define TIMESTAMP_ALONE	      0x0101080a

static void read_timestamp(struct tt_tcp_segment *segment, const uint8_t *value)
{
	segment->order = tt_load_be16(value + 2);
	segment->echo = tt_load_be16(value + 6);
	segment->order_from = TT_TCP_ORDER_TIMESTAMP;
}

/* RFC 2018 3: pairs of left and right edge. */
static void read_sack(struct tt_tcp_segment *segment, const uint8_t *value, size_t length)
{
	size_t count = length / 8 < TT_TCP_SACK_BLOCKS ? length / 8 : TT_TCP_SACK_BLOCKS;

	for (size_t i = 0; i < count; i++) {
		segment->sack[i].start = tt_load_be32(value + 8 * i);
		segment->sack[i].end = tt_load_be32(value + 8 * i + 4);
	}
	segment->sack_count = (uint8_t)count;
}

static void read_option(
	struct tt_tcp_segment *segment, unsigned int kind, const uint8_t *value, size_t length)
{
	switch (kind) {
	case OPTION_WINDOW_SCALE:
		if (length == 1)
			segment->window_shift =
				value[0] < WINDOW_SHIFT_LIMIT ? value[0] : WINDOW_SHIFT_LIMIT;
		break;
	case OPTION_SACK:
		read_sack(segment, value, length);
		break;
	case OPTION_TIMESTAMP:
		if (length == 8)
			read_timestamp(segment, value);
		break;
	default:
		break;
	}
}

/* RFC 9293 3.1 and 3.2. An option that does not fit ends the list, as at a receiver. */
static void read_options(struct tt_tcp_segment *segment, const uint8_t *options, size_t length)
{
	size_t at = 0;

	if (length == TIMESTAMP_ALONE_BYTES && tt_load_be32(options) == TIMESTAMP_ALONE) {
		read_timestamp(segment, options + 4);
		return;
	}
	while (at < length && options[at] != OPTION_END) {
		if (options[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at)
			return;
		read_option(segment, options[at], options + at + 2, options[at + 1] - 2u);
		at += options[at + 1];
	}
}

bool tt_tcp_segment_read(struct tt_tcp_segment *segment, const struct tt_packet *packet,
	unsigned int direction, uint64_t time_us)
{
	const uint8_t *header = packet->transport;

	if (!(packet->flags & TT_PACKET_TRANSPORT) || header == NULL ||
		packet->transport_captured_bytes < HEADER_BYTES)
		return false;
	size_t header_bytes = (size_t)(header[12] >> 4) * 4;
	if (header_bytes < HEADER_BYTES || header_bytes > packet->transport_captured_bytes)
		return false;
	segment->time_us = time_us;
	segment->sequence = tt_load_be32(header + 4);
	segment->acknowledgment = tt_load_be32(header + 8);
	segment->payload_bytes = packet->payload_bytes;
	segment->order = packet->ip_id;
	segment->echo = 0;
	segment->window = tt_load_be16(header + 14);
	segment->flags = header[13];
	segment->direction = (uint8_t)direction;
	segment->ecn = packet->ip_traffic_class & 3;
	segment->window_shift = TT_TCP_NOT_SCALED;
	segment->order_from = packet->ip_version == 4 ? TT_TCP_ORDER_IP : TT_TCP_ORDER_NONE;
	segment->sack_count = 0;
	if (header_bytes > HEADER_BYTES)
		read_options(segment, header + HEADER_BYTES, header_bytes - HEADER_BYTES);
	return true;
}
