/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/link.h"

#include "packet/network.h"

/* Link headers taken off one after another; a frame of more is an attack on the decoder. */
#define LINK_HEADERS 24
#define MPLS_LABELS  16

#define MAC_BYTES	       12 /* destination and source */
#define SLL_BYTES	       16
#define SLL2_BYTES	       20
#define ETHERNET_MINIMUM_BYTES 60 /* without FCS */
#define FAMILY_BYTES	       4

static bool is_vlan(uint16_t type)
{
	return type == TT_ETHERTYPE_VLAN || type == TT_ETHERTYPE_QINQ ||
		type == TT_ETHERTYPE_QINQ_OLD || type == TT_ETHERTYPE_QINQ_OLDER;
}

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

bool tt_link_ip_type(const struct tt_span *span, uint16_t *type)
{
	if (span->captured < 1)
		return false;
	switch (span->at[0] >> 4) {
	case 4:
		*type = TT_ETHERTYPE_IPV4;
		return true;
	case 6:
		*type = TT_ETHERTYPE_IPV6;
		return true;
	default:
		return false;
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
		if (tt_link_ip_type(span, type))
			return TT_DECODE_IP;
		return span->captured < 1 ? TT_DECODE_BAD_LINK : TT_DECODE_NOT_IP;
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

/* IEEE 802.3: below 0x600, the value in the type's place is the length of an LLC frame. */
static uint16_t type_or_length(struct tt_span *span, uint16_t value)
{
	if (value >= TT_ETHERTYPE_MINIMUM)
		return value;
	if (value < span->claimed)
		tt_span_claim(span, value);
	return TT_ETHERTYPE_LLC;
}

static enum tt_decode_result take_ethernet(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, MAC_BYTES + 2))
		return TT_DECODE_BAD_LINK;
	*type = type_or_length(span, tt_load_be16(header + MAC_BYTES));
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
	*type = type_or_length(span, tt_load_be16(header + 2));
	return TT_DECODE_IP;
}

/* 802.1BR: 6 bytes of tag control, then the type. */
static enum tt_decode_result take_etag(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 8))
		return TT_DECODE_BAD_LINK;
	*type = type_or_length(span, tt_load_be16(header + 6));
	return TT_DECODE_IP;
}

/* 802.1ah: 4 bytes of tag control, then the customer's whole frame. */
static enum tt_decode_result take_itag(struct tt_span *span, uint16_t *type)
{
	if (!tt_span_take(span, 4))
		return TT_DECODE_BAD_LINK;
	*type = TT_ETHERTYPE_TEB;
	return TT_DECODE_IP;
}

/* IEEE 802.11, 9.2 and 9.3.2.1: a data frame in clear, without FCS. */
static enum tt_decode_result take_wlan(struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;
	uint32_t header_bytes = 24;

	if (span->captured < header_bytes)
		return TT_DECODE_BAD_LINK;
	bool is_data = (header[0] & 0x4f) == 0x08; /* version 0, type data, not of a null subtype */
	bool is_protected = (header[1] & 0x40) != 0;
	bool has_qos = (header[0] & 0x80) != 0;

	if (!is_data || is_protected)
		return TT_DECODE_NOT_IP;
	if ((header[1] & 0x03) == 0x03) /* from and to the distribution system: a fourth address */
		header_bytes += 6;
	if (has_qos) {
		header_bytes += 2;
		if ((header[1] & 0x80) != 0) /* HT control */
			header_bytes += 4;
	}
	if (!tt_span_take(span, header_bytes))
		return TT_DECODE_BAD_LINK;
	*type = TT_ETHERTYPE_LLC;
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

static enum tt_decode_result add(struct tt_packet *packet, const struct tt_decode_options *options,
	enum tt_layer_kind kind, uint32_t id)
{
	struct tt_layer layer = {.kind = (uint8_t)kind, .has_id = true, .id = id};

	return tt_packet_add_layer(packet, options, layer) ? TT_DECODE_IP : TT_DECODE_NOT_IP;
}

/* RFC 2516, 4: version 1, type 1, code 0 of the session stage. */
static enum tt_decode_result take_pppoe(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (!tt_span_take(span, 6))
		return TT_DECODE_BAD_LINK;
	if (header[0] != 0x11 || header[1] != 0)
		return TT_DECODE_NOT_IP;
	uint16_t length = tt_load_be16(header + 4);

	if (length < span->claimed)
		tt_span_claim(span, length);
	*type = TT_ETHERTYPE_PPP;
	return add(packet, options, TT_LAYER_PPPOE, tt_load_be16(header + 2));
}

bool tt_link_nsh_type(uint8_t next_protocol, uint16_t *type)
{
	static const uint16_t types[] = {0, TT_ETHERTYPE_IPV4, TT_ETHERTYPE_IPV6, TT_ETHERTYPE_TEB,
		TT_ETHERTYPE_NSH, TT_ETHERTYPE_MPLS};

	if (next_protocol == 0 || next_protocol >= sizeof(types) / sizeof(types[0]))
		return false;
	*type = types[next_protocol];
	return true;
}

/* RFC 8300, 2: version 0, no OAM packet; metadata of type 1 has 16 bytes. */
static enum tt_decode_result take_nsh(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t *type)
{
	const uint8_t *header = span->at;

	if (span->captured < 8)
		return TT_DECODE_BAD_LINK;
	uint32_t words = header[1] & 0x3f;
	unsigned int metadata_type = header[2] & 0x0f;

	if ((header[0] & 0xe0) != 0 || words < 2 || (metadata_type == 1 && words != 6) ||
		!tt_link_nsh_type(header[3], type))
		return TT_DECODE_NOT_IP;
	if (!tt_span_take(span, words * 4))
		return TT_DECODE_BAD_LINK;
	return add(packet, options, TT_LAYER_NSH, tt_load_be24(header + 4));
}

/* RFC 1071. `bytes` is even. */
static uint16_t internet_checksum(const uint8_t *at, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i += 2)
		sum += tt_load_be16(at + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* How many bytes a sound IP packet at the front says it has; 0 when there is none. */
static uint32_t sound_ip_bytes(struct tt_span span)
{
	uint32_t bytes;

	if (span.captured >= 20 && span.at[0] >> 4 == 4) {
		uint32_t header_bytes = (uint32_t)(span.at[0] & 0x0f) * 4;

		bytes = tt_load_be16(span.at + 2);
		if (header_bytes < 20 || header_bytes > span.captured || header_bytes > bytes ||
			internet_checksum(span.at, header_bytes) != 0)
			return 0;
	} else if (span.captured >= 40 && span.at[0] >> 4 == 6) {
		bytes = 40u + tt_load_be16(span.at + 4);
	} else {
		return 0;
	}
	return bytes <= span.claimed ? bytes : 0;
}

bool tt_link_is_ip(struct tt_span span)
{
	uint32_t bytes = sound_ip_bytes(span);

	return bytes > 0 && bytes == span.claimed;
}

bool tt_link_is_frame(struct tt_span span)
{
	uint16_t type = 0;
	uint32_t frame_bytes = span.claimed;

	if (take_ethernet(&span, &type) != TT_DECODE_IP)
		return false;
	for (unsigned int i = 0; i < TT_PACKET_VLANS && is_vlan(type); i++) {
		if (span.captured < 4)
			return false;
		type = tt_load_be16(span.at + 2);
		tt_span_take(&span, 4);
	}
	if (type != TT_ETHERTYPE_IPV4 && type != TT_ETHERTYPE_IPV6)
		return false;
	uint32_t bytes = sound_ip_bytes(span);

	/* More than the packet is there only where the frame is padded to its minimum. */
	return bytes > 0 && (span.at[0] >> 4 == 4) == (type == TT_ETHERTYPE_IPV4) &&
		(bytes == span.claimed || frame_bytes <= ETHERNET_MINIMUM_BYTES);
}

/* Whether an Ethernet frame stands at the front that can lead to an IP packet. Weaker than
 * tt_link_is_frame(), because it only has to choose between few ways to read a labelled packet. */
static bool may_be_frame(struct tt_span span)
{
	uint16_t type = 0;
	uint16_t nibble_type;

	if (take_ethernet(&span, &type) != TT_DECODE_IP)
		return false;
	switch (type) {
	case TT_ETHERTYPE_IPV4:
	case TT_ETHERTYPE_IPV6:
		return tt_link_ip_type(&span, &nibble_type) && nibble_type == type;
	case TT_ETHERTYPE_MPLS:
	case TT_ETHERTYPE_MPLS_UPSTREAM:
	case TT_ETHERTYPE_PPPOE:
	case TT_ETHERTYPE_ITAG:
	case TT_ETHERTYPE_ETAG:
	case TT_ETHERTYPE_NSH:
		return true;
	default:
		return is_vlan(type);
	}
}

/* Whether the first nibble, 4 or 6, can be an IP header's, by its lengths. */
static bool may_be_ip(struct tt_span span)
{
	if (span.at[0] >> 4 == 4 && span.captured >= 4) {
		uint32_t header_bytes = (uint32_t)(span.at[0] & 0x0f) * 4;
		uint32_t total_bytes = tt_load_be16(span.at + 2);

		return header_bytes >= 20 &&
			(total_bytes == 0 ||
				(total_bytes >= header_bytes && total_bytes <= span.claimed));
	}
	if (span.at[0] >> 4 == 6 && span.captured >= 6)
		return 40u + tt_load_be16(span.at + 4) <= span.claimed;
	return true;
}

/* RFC 3032, and RFC 4385 for the first nibble after the stack: 4 and 6 are IP, 0 is a control word,
 * 1 an associated channel. What stands behind a label is known to its routers only, so
 * an Ethernet pseudo-wire (RFC 4448) is told by the look of the frame: behind a control word
 * first, then without one, whose destination address can begin with any nibble. */
static enum tt_decode_result take_mpls(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t *type)
{
	uint32_t entry = 0;

	for (unsigned int i = 0; (entry & 0x100) == 0; i++) {
		const uint8_t *header = span->at;

		if (i == MPLS_LABELS || !tt_span_take(span, 4))
			return TT_DECODE_BAD_LINK;
		entry = tt_load_be32(header);
	}
	if (span->captured < 1)
		return TT_DECODE_BAD_LINK;
	if (!tt_link_ip_type(span, type) || (!may_be_ip(*span) && may_be_frame(*span))) {
		struct tt_span behind_control_word = *span;

		*type = TT_ETHERTYPE_TEB;
		if (span->at[0] >> 4 == 0 && tt_span_take(&behind_control_word, 4) &&
			may_be_frame(behind_control_word))
			*span = behind_control_word;
		else if (!may_be_frame(*span))
			return TT_DECODE_NOT_IP;
	}
	return add(packet, options, TT_LAYER_MPLS, entry >> 12);
}

static enum tt_decode_result take_header(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t *type)
{
	if (is_vlan(*type))
		return take_vlan(packet, span, type);
	switch (*type) {
	case TT_ETHERTYPE_TEB:
		return take_ethernet(span, type);
	case TT_ETHERTYPE_LLC:
		return take_llc(span, type);
	case TT_ETHERTYPE_PPP:
		return take_ppp(span, type);
	case TT_ETHERTYPE_PPPOE:
		return take_pppoe(packet, options, span, type);
	case TT_ETHERTYPE_MPLS:
	case TT_ETHERTYPE_MPLS_UPSTREAM:
		return take_mpls(packet, options, span, type);
	case TT_ETHERTYPE_NSH:
		return take_nsh(packet, options, span, type);
	case TT_ETHERTYPE_ITAG:
		return take_itag(span, type);
	case TT_ETHERTYPE_ETAG:
		return take_etag(span, type);
	case TT_ETHERTYPE_WLAN:
		return take_wlan(span, type);
	default:
		return TT_DECODE_NOT_IP;
	}
}

enum tt_decode_result tt_link_descend(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t type)
{
	for (unsigned int i = 0; i < LINK_HEADERS; i++) {
		if (type == TT_ETHERTYPE_IPV4)
			return tt_network_decode(packet, options, span, 4);
		if (type == TT_ETHERTYPE_IPV6)
			return tt_network_decode(packet, options, span, 6);
		enum tt_decode_result result = take_header(packet, options, span, &type);

		if (result != TT_DECODE_IP)
			return result;
	}
	return TT_DECODE_BAD_LINK;
}
