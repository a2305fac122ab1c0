/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/link.h"

#include "packet/network.h"

/* Link headers taken off one after another; a frame of more is an attack on the decoder. */
#define LINK_HEADERS 24

#define MAC_BYTES    12 /* destination and source */
#define SLL_BYTES    16
#define SLL2_BYTES   20
#define FAMILY_BYTES 4

/* Address families as the systems that write LINKTYPE_NULL and _LOOP number them. */
static enum tt_decode_result open_family(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, FAMILY_BYTES))
		return TT_DECODE_BAD_LINK;
	uint32_t family = tt_load_be32(header);

	/* In the byte order of the host that wrote it, which its magnitude tells. */
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2: /* AF_INET everywhere */
		*type = TT_ETHERTYPE_IPV4;
		return TT_DECODE_IP;
	case 10: /* AF_INET6 of Linux, */
	case 24: /* of NetBSD and OpenBSD, */
	case 28: /* of FreeBSD, */
	case 30: /* of Darwin */
		*type = TT_ETHERTYPE_IPV6;
		return TT_DECODE_IP;
	default:
		return TT_DECODE_NOT_IP;
	}
}

static enum tt_decode_result open_nibble(const struct tt_span *span, uint16_t *type)
{
	if (span->captured < 1)
		return TT_DECODE_BAD_LINK;
	switch (span->at[0] >> 4) {
	case 4:
		*type = TT_ETHERTYPE_IPV4;
		return TT_DECODE_IP;
	case 6:
		*type = TT_ETHERTYPE_IPV6;
		return TT_DECODE_IP;
	default:
		return TT_DECODE_NOT_IP;
	}
}

enum tt_decode_result tt_link_open(enum tt_link_type link, struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	switch (link) {
	case TT_LINK_ETHERNET:
		*type = TT_ETHERTYPE_TEB;
		return TT_DECODE_IP;
	case TT_LINK_PPP:
		*type = TT_ETHERTYPE_PPP;
		return TT_DECODE_IP;
	case TT_LINK_RAW_IP:
		return open_nibble(span, type);
	case TT_LINK_NULL:
	case TT_LINK_LOOP:
		return open_family(span, type);
	case TT_LINK_LINUX_SLL:
		if (!tt_span_take(span, SLL_BYTES))
			return TT_DECODE_BAD_LINK;
		*type = tt_load_be16(header + 14);
		return TT_DECODE_IP;
	case TT_LINK_LINUX_SLL2:
		if (!tt_span_take(span, SLL2_BYTES))
			return TT_DECODE_BAD_LINK;
		*type = tt_load_be16(header);
		return TT_DECODE_IP;
	case TT_LINK_TYPES:
		break;
	}
	return TT_DECODE_NOT_IP;
}

/* IEEE 802.3: a value below 0x600 in the type's place is the length of what follows, an LLC frame. */
static enum tt_decode_result take_ethernet(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, MAC_BYTES + 2))
		return TT_DECODE_BAD_LINK;
	*type = tt_load_be16(header + MAC_BYTES);
	if (*type < TT_ETHERTYPE_MINIMUM) {
		if (*type < span->claimed)
			tt_span_claim(span, *type);
		*type = TT_ETHERTYPE_LLC;
	}
	return TT_DECODE_IP;
}

static enum tt_decode_result take_vlan(
	struct tt_packet *packet, struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 4))
		return TT_DECODE_BAD_LINK;
	if (packet->vlan_count < TT_PACKET_VLANS)
		packet->vlan[packet->vlan_count++] = tt_load_be16(header) & 0x0fff;
	*type = tt_load_be16(header + 2);
	if (*type < TT_ETHERTYPE_MINIMUM) {
		if (*type < span->claimed)
			tt_span_claim(span, *type);
		*type = TT_ETHERTYPE_LLC;
	}
	return TT_DECODE_IP;
}

/* RFC 1042: IP over IEEE 802 networks, with SNAP or, of old, with the SAP of IP. */
static enum tt_decode_result take_llc(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 3))
		return TT_DECODE_BAD_LINK;
	if (header[0] == 0x06 && header[1] == 0x06 && header[2] == 0x03) {
		*type = TT_ETHERTYPE_IPV4;
		return TT_DECODE_IP;
	}
	if (header[0] != 0xaa || header[1] != 0xaa || header[2] != 0x03)
		return TT_DECODE_NOT_IP;
	header = span->at;
	if (!tt_span_take(span, 5))
		return TT_DECODE_BAD_LINK;
	/* The OUI of encapsulated Ethernet, and that of 802.1H bridges. */
	if (tt_load_be24(header) != 0x000000 && tt_load_be24(header) != 0x0000f8)
		return TT_DECODE_NOT_IP;
	*type = tt_load_be16(header + 3);
	return *type < TT_ETHERTYPE_MINIMUM ? TT_DECODE_NOT_IP : TT_DECODE_IP;
}

/* RFC 1661, 2 and 6.5: address and control may be left out, and the protocol be one odd byte. */
static enum tt_decode_result take_ppp(struct tt_span *span, uint16_t *type)
{
	if (span->captured >= 2 && span->at[0] == 0xff && span->at[1] == 0x03)
		tt_span_take(span, 2);
	const uint8_t *header = span->at;
	uint16_t protocol;

	if (!tt_span_take(span, 1))
		return TT_DECODE_BAD_LINK;
	protocol = header[0];
	if ((protocol & 1) == 0) {
		if (!tt_span_take(span, 1))
			return TT_DECODE_BAD_LINK;
		protocol = tt_load_be16(header);
	}
	switch (protocol) {
	case 0x0021: /* RFC 1332 */
		*type = TT_ETHERTYPE_IPV4;
		return TT_DECODE_IP;
	case 0x0057: /* RFC 5072 */
		*type = TT_ETHERTYPE_IPV6;
		return TT_DECODE_IP;
	case 0x0281: /* RFC 3032, 4.1 */
		*type = TT_ETHERTYPE_MPLS;
		return TT_DECODE_IP;
	default:
		return TT_DECODE_NOT_IP;
	}
}

enum tt_decode_result tt_link_descend(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t type)
{
	for (unsigned int i = 0; i < LINK_HEADERS; i++) {
		enum tt_decode_result result;

		switch (type) {
		case TT_ETHERTYPE_IPV4:
			return tt_network_decode(packet, options, span, 4);
		case TT_ETHERTYPE_IPV6:
			return tt_network_decode(packet, options, span, 6);
		case TT_ETHERTYPE_TEB:
			result = take_ethernet(span, &type);
			break;
		case TT_ETHERTYPE_VLAN:
		case TT_ETHERTYPE_QINQ:
		case TT_ETHERTYPE_QINQ_OLD:
		case TT_ETHERTYPE_QINQ_OLDER:
			result = take_vlan(packet, span, &type);
			break;
		case TT_ETHERTYPE_LLC:
			result = take_llc(span, &type);
			break;
		case TT_ETHERTYPE_PPP:
			result = take_ppp(span, &type);
			break;
		case TT_ETHERTYPE_ITAG:
			/* The tag's four bytes, then the customer's whole frame. */
			result = tt_span_take(span, 4) ? TT_DECODE_IP : TT_DECODE_BAD_LINK;
			type = TT_ETHERTYPE_TEB;
			break;
		case TT_ETHERTYPE_ETAG: {
			const uint8_t *header = span->at;

			if (!tt_span_take(span, 8))
				return TT_DECODE_BAD_LINK;
			type = tt_load_be16(header + 6);
			result = TT_DECODE_IP;
			break;
		}
		default:
			return TT_DECODE_NOT_IP;
		}
		if (result != TT_DECODE_IP)
			return result;
	}
	return TT_DECODE_BAD_LINK;
}
