/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tunnel.h"

#include "packet/link.h"
#include "packet/network.h"

/* Loops over headers that the wire chains. */
#define GRE_ROUTES	4
#define GTPU_EXTENSIONS 8

enum gre_flag {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGEMENT = 0x0080, /* version 1 only */
	GRE_VERSION = 0x0007
};

/* Smallest virtual subnet id that RFC 7637, 3.2 lets a network use, and the one it reserves. */
#define NVGRE_VSID_MINIMUM  0x001000
#define NVGRE_VSID_RESERVED 0xffffff

static bool add(struct tt_packet *packet, const struct tt_decode_options *options,
	enum tt_layer_kind kind, bool has_id, uint32_t id)
{
	return tt_packet_add_layer(packet, options,
		(struct tt_layer){.kind = (uint8_t)kind, .has_id = has_id, .id = id});
}

/* draft-foschiano-erspan-03, whose protocol 0x88be stands for types I and II: type I has no header
 * of its own, and is told by the lack of GRE's sequence number. Else the version decides. */
static bool open_erspan(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type, bool is_type_1)
{
	const uint8_t *header = span->at;

	*type = TT_ETHERTYPE_TEB;
	if (is_type_1)
		return add(packet, options, TT_LAYER_ERSPAN1, false, 0);
	if (!tt_span_take(span, 8))
		return false;
	uint32_t session = tt_load_be16(header + 2) & 0x03ff;

	switch (header[0] >> 4) {
	case 1:
		return add(packet, options, TT_LAYER_ERSPAN2, true, session);
	case 2:
		if (!tt_span_take(span, 4))
			return false;
		/* The frame type: 0 is Ethernet, 2 IP. */
		switch (header[10] >> 2 & 0x1f) {
		case 0:
			break;
		case 2:
			if (!tt_link_ip_type(span, type))
				return false;
			break;
		default:
			return false;
		}
		if ((header[11] & 1) != 0 && !tt_span_take(span, 8))
			return false;
		return add(packet, options, TT_LAYER_ERSPAN3, true, session);
	default:
		return false;
	}
}

/* RFC 2637, 4.1: the key is the payload's length and the call. Without a sequence number there is
 * no payload. */
static bool open_pptp(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;
	uint16_t flags = tt_load_be16(header);

	*type = TT_ETHERTYPE_PPP;
	if ((flags & ~(GRE_KEY | GRE_SEQUENCE | GRE_ACKNOWLEDGEMENT | GRE_VERSION)) != 0 ||
		(flags & (GRE_KEY | GRE_SEQUENCE)) != (GRE_KEY | GRE_SEQUENCE) ||
		tt_load_be16(header + 2) != TT_ETHERTYPE_PPP)
		return false;
	if (!tt_span_take(span, (flags & GRE_ACKNOWLEDGEMENT) != 0 ? 16 : 12))
		return false;
	uint16_t length = tt_load_be16(header + 4);

	if (length > span->claimed)
		return false;
	tt_span_claim(span, length);
	return add(packet, options, TT_LAYER_PPTP, true, tt_load_be16(header + 6));
}

/* RFC 1701: source route entries, up to one of family and length 0. */
static bool take_gre_routing(struct tt_span *span)
{
	for (unsigned int i = 0; i < GRE_ROUTES; i++) {
		const uint8_t *entry = span->at;

		if (!tt_span_take(span, 4))
			return false;
		if (tt_load_be16(entry) == 0 && entry[3] == 0)
			return true;
		if (!tt_span_take(span, entry[3]))
			return false;
	}
	return false;
}

/* RFC 1701, RFC 2784 and RFC 2890. */
static bool open_gre(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;
	uint32_t key = 0;

	if (span->captured < 4)
		return false;
	uint16_t flags = tt_load_be16(header);

	if ((flags & GRE_VERSION) == 1)
		return open_pptp(packet, options, span, type);
	if ((flags & 0x00ff) != 0) /* reserved, and the version */
		return false;
	*type = tt_load_be16(header + 2);
	if (*type < TT_ETHERTYPE_MINIMUM)
		return false;
	tt_span_take(span, 4);
	if ((flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0 && !tt_span_take(span, 4))
		return false;
	if ((flags & GRE_KEY) != 0) {
		const uint8_t *field = span->at;

		if (!tt_span_take(span, 4))
			return false;
		key = tt_load_be32(field);
	}
	if ((flags & GRE_SEQUENCE) != 0 && !tt_span_take(span, 4))
		return false;
	if ((flags & GRE_ROUTING) != 0 && !take_gre_routing(span))
		return false;
	/* NVGRE is GRE with a key, nothing else, and a frame inside (RFC 7637, 3.2), which plain GRE
	 * may be too. Its id is the key's upper 24 bits and at least 0x1000; keys that people give to
	 * plain tunnels are small numbers. */
	if (flags == GRE_KEY && *type == TT_ETHERTYPE_TEB && key >> 8 >= NVGRE_VSID_MINIMUM &&
		key >> 8 != NVGRE_VSID_RESERVED)
		return add(packet, options, TT_LAYER_NVGRE, true, key >> 8);
	if (!add(packet, options, TT_LAYER_GRE, (flags & GRE_KEY) != 0, key))
		return false;
	switch (*type) {
	case TT_ETHERTYPE_ERSPAN:
		return open_erspan(packet, options, span, type, (flags & GRE_SEQUENCE) == 0);
	case TT_ETHERTYPE_ERSPAN3:
		return open_erspan(packet, options, span, type, false);
	case TT_ETHERTYPE_WCCP:
		/* Version 2 puts a redirect header of 4 bytes, which is no IPv4 header's start, before
		 * the packet (draft-wilson-wrec-wccp-v2-01, 4.12). */
		*type = TT_ETHERTYPE_IPV4;
		return span->captured > 0 && (span->at[0] >> 4 == 4 || tt_span_take(span, 4));
	default:
		/* 0x8200 to 0x83ff: an access point's tunnels, with an 802.11 frame inside. */
		if ((*type & 0xfe00) == TT_ETHERTYPE_WLAN_TUNNEL)
			*type = TT_ETHERTYPE_WLAN;
		return true;
	}
}

/* RFC 7348, 5, and the group policy bits of draft-smith-vxlan-group-policy. */
static bool open_vxlan(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 8) || (header[0] & 0x7f) != 0x08 || (header[1] & 0xb7) != 0)
		return false;
	*type = TT_ETHERTYPE_TEB;
	return add(packet, options, TT_LAYER_VXLAN, true, tt_load_be24(header + 4));
}

/* draft-ietf-nvo3-vxlan-gpe, 3: version 0, a VNI, and not an OAM packet. */
static bool open_vxlan_gpe(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 8) || (header[0] & 0xf9) != 0x08)
		return false;
	if ((header[0] & 0x04) == 0)
		*type = TT_ETHERTYPE_TEB;
	else if (!tt_link_nsh_type(header[3], type))
		return false;
	return add(packet, options, TT_LAYER_VXLAN_GPE, true, tt_load_be24(header + 4));
}

/* RFC 8926, 3.4. Control packets stay on. */
static bool open_geneve(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 8) || (header[0] & 0xc0) != 0 || (header[1] & 0x80) != 0 ||
		!tt_span_take(span, (uint32_t)(header[0] & 0x3f) * 4))
		return false;
	*type = tt_load_be16(header + 2);
	return *type >= TT_ETHERTYPE_MINIMUM &&
		add(packet, options, TT_LAYER_GENEVE, true, tt_load_be24(header + 4));
}

/* 3GPP TS 29.281, 5.1 and 5.2: version 1, GTP, a G-PDU. */
static bool open_gtpu(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 8) || (header[0] & 0xf8) != 0x30 || header[1] != 0xff)
		return false;
	uint16_t length = tt_load_be16(header + 2);

	if (length > span->claimed)
		return false;
	tt_span_claim(span, length);
	if ((header[0] & 0x07) != 0) {
		uint8_t next;

		if (!tt_span_take(span, 4))
			return false;
		next = (header[0] & 0x04) != 0 ? header[11] : 0;
		for (unsigned int i = 0; next != 0; i++) {
			const uint8_t *extension = span->at;
			uint32_t bytes;

			if (i == GTPU_EXTENSIONS || span->captured < 1)
				return false;
			bytes = (uint32_t)extension[0] * 4;
			if (bytes == 0 || !tt_span_take(span, bytes))
				return false;
			next = extension[bytes - 1];
		}
	}
	return tt_link_ip_type(span, type) &&
		add(packet, options, TT_LAYER_GTPU, true, tt_load_be32(header + 4));
}

/* RFC 4380, 5.1.1: authentication, then origin, then an IPv6 packet that is there whole. */
static bool open_teredo(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	if (span->captured >= 4 && span->at[0] == 0 && span->at[1] == 1 &&
		!tt_span_take(span, 4u + span->at[2] + span->at[3] + 9))
		return false;
	if (span->captured >= 2 && span->at[0] == 0 && span->at[1] == 0 && !tt_span_take(span, 8))
		return false;
	if (span->captured < 40 || span->at[0] >> 4 != 6 ||
		40u + tt_load_be16(span->at + 4) > span->claimed)
		return false;
	*type = TT_ETHERTYPE_IPV6;
	return add(packet, options, TT_LAYER_TEREDO, false, 0);
}

/* RFC 3931, 4.1: neither the length of the cookie nor what is inside is on the wire. Taken off
 * where just what the IP header says fits behind one of the layouts in use: a cookie of 0, 4 or 8
 * bytes, and with Ethernet inside perhaps the default sublayer of 4. */
static bool open_l2tpv3(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 4) || tt_load_be32(header) == 0)
		return false;
	for (unsigned int skipped = 0; skipped <= 12; skipped += 4) {
		if (skipped > 0 && !tt_span_take(span, 4))
			return false;
		if (tt_link_is_frame(*span))
			*type = TT_ETHERTYPE_TEB;
		else if (!tt_link_is_ip(*span) || !tt_link_ip_type(span, type))
			continue;
		return add(packet, options, TT_LAYER_L2TP, true, tt_load_be32(header));
	}
	return false;
}

enum l2tp_flag {
	L2TP_CONTROL = 0x8000,
	L2TP_LENGTH = 0x4000,
	L2TP_SEQUENCE = 0x0800,
	L2TP_OFFSET = 0x0200,
	L2TP_RESERVED = 0x34f0,
	L2TP_VERSION = 0x000f
};

/* RFC 2661, 3.1, and for version 3 RFC 3931, 4.1.2.1. */
static bool open_l2tp(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 2))
		return false;
	uint16_t flags = tt_load_be16(header);

	if ((flags & L2TP_CONTROL) != 0)
		return false;
	if (flags == 3)
		return tt_span_take(span, 2) && open_l2tpv3(packet, options, span, type);
	if ((flags & L2TP_RESERVED) != 0 || (flags & L2TP_VERSION) != 2)
		return false;
	if ((flags & L2TP_LENGTH) != 0) {
		uint32_t length;

		if (!tt_span_take(span, 2))
			return false;
		length = tt_load_be16(header + 2);
		if (length < 4 || length - 4 > span->claimed)
			return false;
		tt_span_claim(span, length - 4);
	}
	const uint8_t *ids = span->at;

	if (!tt_span_take(span, 4))
		return false;
	if ((flags & L2TP_SEQUENCE) != 0 && !tt_span_take(span, 4))
		return false;
	if ((flags & L2TP_OFFSET) != 0) {
		const uint8_t *field = span->at;

		if (!tt_span_take(span, 2) || !tt_span_take(span, tt_load_be16(field)))
			return false;
	}
	*type = TT_ETHERTYPE_PPP;
	return add(packet, options, TT_LAYER_L2TP, true, tt_load_be32(ids));
}

/* RFC 3378: version 3, the rest reserved. */
static bool open_etherip(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 2) || tt_load_be16(header) != 0x3000)
		return false;
	*type = TT_ETHERTYPE_TEB;
	return add(packet, options, TT_LAYER_ETHERIP, false, 0);
}

/* The servers' port of a tunnel is the receiver's; where both ends use it, or the answers come
 * from it, the sender's too. */
static bool open_udp(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	if ((packet->flags & TT_PACKET_TRANSPORT) == 0 || packet->payload == NULL)
		return false;
	*span = (struct tt_span){.at = packet->payload,
		.captured = packet->payload_captured_bytes,
		.claimed = packet->payload_bytes};
	switch (packet->destination_port) {
	case TT_PORT_VXLAN:
	case TT_PORT_VXLAN_LINUX:
		return open_vxlan(packet, options, span, type);
	case TT_PORT_VXLAN_GPE:
		return open_vxlan_gpe(packet, options, span, type);
	case TT_PORT_GENEVE:
		return open_geneve(packet, options, span, type);
	case TT_PORT_GTPU:
		return open_gtpu(packet, options, span, type);
	case TT_PORT_TEREDO:
		return open_teredo(packet, options, span, type);
	case TT_PORT_L2TP:
		return open_l2tp(packet, options, span, type);
	default:
		break;
	}
	switch (packet->source_port) {
	case TT_PORT_GTPU:
		return open_gtpu(packet, options, span, type);
	case TT_PORT_TEREDO:
		return open_teredo(packet, options, span, type);
	case TT_PORT_L2TP:
		return open_l2tp(packet, options, span, type);
	default:
		return false;
	}
}

bool tt_tunnel_open(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type)
{
	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) != 0)
		return false;
	switch (packet->ip_protocol) {
	case TT_IP_UDP:
		return open_udp(packet, options, span, type);
	case TT_IP_IPV4: /* RFC 2003, RFC 2473 */
		*type = TT_ETHERTYPE_IPV4;
		return add(packet, options, packet->ip_version == 4 ? TT_LAYER_IPIP : TT_LAYER_4IN6,
			false, 0);
	case TT_IP_IPV6: /* RFC 4213, RFC 2473 */
		*type = TT_ETHERTYPE_IPV6;
		return add(packet, options, packet->ip_version == 4 ? TT_LAYER_6IN4 : TT_LAYER_6IN6,
			false, 0);
	case TT_IP_GRE:
		return open_gre(packet, options, span, type);
	case TT_IP_ETHERIP:
		return open_etherip(packet, options, span, type);
	case TT_IP_L2TPV3:
		return open_l2tpv3(packet, options, span, type);
	case TT_IP_MPLS: /* RFC 4023, 3 */
		*type = TT_ETHERTYPE_MPLS;
		return true;
	default:
		return false;
	}
}
