/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/network.h"

#include <stddef.h>

#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40

bool tt_packet_add_layer(
	struct tt_packet *packet, const struct tt_decode_options *options, struct tt_layer layer)
{
	if ((options->layer_kinds >> layer.kind & 1) == 0)
		return false;
	if (packet->layer_count >= options->layer_limit ||
		packet->layer_count >= TT_PACKET_LAYERS) {
		packet->flags |= TT_PACKET_LAYERS_LEFT;
		return false;
	}
	packet->layer[packet->layer_count++] = layer;
	return true;
}

/* The header at packet->transport is `header_bytes` long and says that `payload_bytes` follow. */
static void set_payload(struct tt_packet *packet, struct tt_span span, uint32_t header_bytes,
	uint32_t payload_bytes)
{
	packet->payload_bytes = payload_bytes;
	if (span.captured <= header_bytes)
		return;
	uint32_t captured = span.captured - header_bytes;

	packet->payload_captured_bytes = captured < payload_bytes ? captured : payload_bytes;
	if (packet->payload_captured_bytes > 0)
		packet->payload = span.at + header_bytes;
}

static void decode_ports(struct tt_packet *packet, struct tt_span span)
{
	if (span.captured < 4)
		return;
	packet->source_port = tt_load_be16(span.at);
	packet->destination_port = tt_load_be16(span.at + 2);
	packet->flags |= TT_PACKET_PORTS;
}

/* RFC 9293, 3.1. */
static void decode_tcp(struct tt_packet *packet, struct tt_span span)
{
	decode_ports(packet, span);
	if (span.captured < 13)
		return;
	uint32_t header_bytes = (uint32_t)(span.at[12] >> 4) * 4;

	if (header_bytes < 20 || header_bytes > span.claimed)
		return;
	if (span.captured >= header_bytes)
		packet->flags |= TT_PACKET_TRANSPORT;
	set_payload(packet, span, header_bytes, span.claimed - header_bytes);
}

/* RFC 768. A length of 0 is that of a jumbogram (RFC 2675, 4) or of segmentation offload. A first
 * fragment's length is the whole datagram's. */
static void decode_udp(struct tt_packet *packet, struct tt_span span)
{
	decode_ports(packet, span);
	if (span.captured < 6 || span.claimed < 8)
		return;
	uint32_t room = span.claimed - 8;
	uint32_t length = tt_load_be16(span.at + 4);
	bool fragment = (packet->flags & TT_PACKET_FRAGMENT) != 0;

	if (length == 0)
		length = span.claimed;
	if (length < 8 || (length - 8 > room && !fragment)) {
		set_payload(packet, span, 8, room);
		return;
	}
	if (span.captured >= 8)
		packet->flags |= TT_PACKET_TRANSPORT;
	set_payload(packet, span, 8, length - 8);
}

/* RFC 3828, 3.1: where UDP has its length stands the checksum's coverage: 0 for all, 8 and more. */
static void decode_udp_lite(struct tt_packet *packet, struct tt_span span)
{
	decode_ports(packet, span);
	if (span.captured < 6 || span.claimed < 8)
		return;
	uint32_t coverage = tt_load_be16(span.at + 4);

	if (span.captured >= 8 && (coverage == 0 || coverage >= 8))
		packet->flags |= TT_PACKET_TRANSPORT;
	set_payload(packet, span, 8, span.claimed - 8);
}

/* RFC 9260, 3.1: the common header. */
static void decode_sctp(struct tt_packet *packet, struct tt_span span)
{
	decode_ports(packet, span);
	if (span.claimed < 12)
		return;
	if (span.captured >= 12)
		packet->flags |= TT_PACKET_TRANSPORT;
	set_payload(packet, span, 12, span.claimed - 12);
}

/* `span` is what follows the IP headers. */
static void decode_transport(struct tt_packet *packet, struct tt_span span)
{
	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) != 0) {
		set_payload(packet, span, 0, span.claimed);
		return;
	}
	if (span.captured > 0)
		packet->transport = span.at;
	packet->transport_captured_bytes =
		(uint16_t)(span.captured < UINT16_MAX ? span.captured : UINT16_MAX);
	switch (packet->ip_protocol) {
	case TT_IP_TCP:
		decode_tcp(packet, span);
		break;
	case TT_IP_UDP:
		decode_udp(packet, span);
		break;
	case TT_IP_UDP_LITE:
		decode_udp_lite(packet, span);
		break;
	case TT_IP_SCTP:
		decode_sctp(packet, span);
		break;
	case TT_IP_ICMP:
	case TT_IP_ICMPV6:
		/* RFC 792 and RFC 4443: no message is shorter than 8 bytes. */
		if (span.captured >= 8)
			packet->flags |= TT_PACKET_TRANSPORT;
		set_payload(packet, span, 0, span.claimed);
		break;
	default:
		set_payload(packet, span, 0, span.claimed);
		break;
	}
}

/* An authentication header (RFC 4302, 2.2) at the front of *span. false when it stays on. */
static bool take_ah(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint8_t *next_header)
{
	if (span->captured < 12)
		return false;
	uint8_t next = span->at[0];
	uint32_t header_bytes = ((uint32_t)span->at[1] + 2) * 4;
	uint32_t spi = tt_load_be32(span->at + 4);

	if (header_bytes < 12 || header_bytes > span->captured)
		return false;
	if (!tt_packet_add_layer(packet, options,
		    (struct tt_layer){.kind = TT_LAYER_AH, .has_id = true, .id = spi}))
		return false;
	tt_span_take(span, header_bytes);
	*next_header = next;
	return true;
}

/* RFC 791, 3.1. */
static enum tt_decode_result decode_ipv4(
	struct tt_packet *packet, const struct tt_decode_options *options, struct tt_span *span)
{
	if (span->captured < IPV4_HEADER_BYTES)
		return TT_DECODE_BAD_IPV4;
	const uint8_t *ip = span->at;
	uint32_t header_bytes = (uint32_t)(ip[0] & 0x0f) * 4;
	uint32_t total_bytes = tt_load_be16(ip + 2);
	uint16_t fragment = tt_load_be16(ip + 6);

	if (ip[0] >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES || header_bytes > span->captured)
		return TT_DECODE_BAD_IPV4;
	if (total_bytes == 0) {
		packet->flags |= TT_PACKET_LENGTH_ZERO;
		total_bytes = span->claimed;
	}
	if (total_bytes < header_bytes)
		return TT_DECODE_BAD_IPV4;
	packet->source = ip + 12;
	packet->destination = ip + 16;
	packet->ip_bytes = total_bytes;
	packet->ip_id = tt_load_be16(ip + 4);
	packet->ip_protocol = ip[9];
	packet->ip_ttl = ip[8];
	packet->ip_traffic_class = ip[1];
	if ((fragment & 0x3fff) != 0) {
		packet->flags |= TT_PACKET_FRAGMENT;
		packet->fragment_id = packet->ip_id;
		packet->fragment_offset_bytes = (uint16_t)((fragment & 0x1fff) * 8);
		if ((fragment & 0x2000) != 0)
			packet->flags |= TT_PACKET_FRAGMENT_MORE;
		if (packet->fragment_offset_bytes > 0)
			packet->flags |= TT_PACKET_FRAGMENT_LATER;
	}
	tt_span_claim(span, total_bytes);
	tt_span_take(span, header_bytes);
	if (packet->ip_protocol == TT_IP_AH && (packet->flags & TT_PACKET_FRAGMENT_LATER) == 0)
		take_ah(packet, options, span, &packet->ip_protocol);
	return TT_DECODE_IP;
}

/* A fragment header (RFC 8200, 4.5) of 8 captured bytes. An offset of 0 with nothing to follow is
 * an atomic fragment, a whole packet (RFC 6946). */
static void decode_fragment_header(struct tt_packet *packet, const uint8_t *header)
{
	uint16_t fragment = tt_load_be16(header + 2);

	if ((fragment & 0xfff9) == 0)
		return;
	packet->flags |= TT_PACKET_FRAGMENT;
	packet->fragment_id = tt_load_be32(header + 4);
	packet->fragment_offset_bytes = fragment & 0xfff8;
	if ((fragment & 1) != 0)
		packet->flags |= TT_PACKET_FRAGMENT_MORE;
	if (packet->fragment_offset_bytes > 0)
		packet->flags |= TT_PACKET_FRAGMENT_LATER;
}

/* RFC 8200, 4, the registry of extension headers (RFC 7045), and AH. Stops at the first header
 * that is none, at a later fragment's data, and where there are too many: what stands there is the
 * protocol. */
static enum tt_decode_result decode_extensions(
	struct tt_packet *packet, const struct tt_decode_options *options, struct tt_span *span)
{
	for (unsigned int i = 0; i < TT_PACKET_EXTENSIONS; i++) {
		const uint8_t *header = span->at;
		uint32_t header_bytes;

		switch (packet->ip_protocol) {
		case TT_IP_MOBILITY:
		case TT_IP_HIP:
		case TT_IP_SHIM6:
			/* Mostly the message itself, with nothing after it. */
			if (span->captured >= 1 && header[0] == TT_IP_NO_NEXT)
				return TT_DECODE_IP;
			/* fallthrough */
		case TT_IP_HOP_BY_HOP:
		case TT_IP_ROUTING:
		case TT_IP_DESTINATION:
			if (span->captured < 8)
				return TT_DECODE_BAD_IPV6;
			header_bytes = ((uint32_t)header[1] + 1) * 8;
			break;
		case TT_IP_FRAGMENT:
			if (span->captured < 8)
				return TT_DECODE_BAD_IPV6;
			header_bytes = 8;
			decode_fragment_header(packet, header);
			break;
		case TT_IP_AH:
			if (!take_ah(packet, options, span, &packet->ip_protocol))
				return TT_DECODE_IP;
			continue;
		default:
			return TT_DECODE_IP;
		}
		if (!tt_span_take(span, header_bytes))
			return TT_DECODE_BAD_IPV6;
		packet->ip_protocol = header[0];
		if ((packet->flags & TT_PACKET_FRAGMENT_LATER) != 0)
			return TT_DECODE_IP;
	}
	return TT_DECODE_IP;
}

/* RFC 8200, 3. */
static enum tt_decode_result decode_ipv6(
	struct tt_packet *packet, const struct tt_decode_options *options, struct tt_span *span)
{
	if (span->captured < IPV6_HEADER_BYTES || span->at[0] >> 4 != 6)
		return TT_DECODE_BAD_IPV6;
	const uint8_t *ip = span->at;
	uint32_t payload_bytes = tt_load_be16(ip + 4);

	/* Segmentation offload, or a jumbogram (RFC 2675), whose option says what the wire says. */
	if (payload_bytes == 0 && ip[6] != TT_IP_NO_NEXT && span->claimed > IPV6_HEADER_BYTES) {
		packet->flags |= TT_PACKET_LENGTH_ZERO;
		payload_bytes = span->claimed - IPV6_HEADER_BYTES;
	}
	packet->source = ip + 8;
	packet->destination = ip + 24;
	packet->ip_bytes = IPV6_HEADER_BYTES + payload_bytes;
	packet->ip_protocol = ip[6];
	packet->ip_ttl = ip[7];
	packet->ip_traffic_class = (uint8_t)(tt_load_be16(ip) >> 4);
	tt_span_claim(span, packet->ip_bytes);
	tt_span_take(span, IPV6_HEADER_BYTES);
	return decode_extensions(packet, options, span);
}

enum tt_decode_result tt_network_decode(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint8_t version)
{
	/* What the frame and the layers say; everything else is this header's. */
	struct tt_packet decoded = {
		.ip = span->at,
		.flags = packet->flags & (TT_PACKET_CUT | TT_PACKET_OUTER_FIRST),
		.ip_version = version,
		.vlan_count = packet->vlan_count,
		.layer_count = packet->layer_count,
		.outer = packet->outer,
	};

	memcpy(decoded.vlan, packet->vlan, sizeof(decoded.vlan));
	memcpy(decoded.layer, packet->layer, sizeof(decoded.layer));
	*packet = decoded;
	enum tt_decode_result result = version == 4 ? decode_ipv4(packet, options, span)
						    : decode_ipv6(packet, options, span);

	if (result == TT_DECODE_IP)
		decode_transport(packet, *span);
	return result;
}
