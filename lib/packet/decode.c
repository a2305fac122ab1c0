/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

#include "packet/link.h"
#include "packet/network.h"
#include "packet/span.h"
#include "packet/tunnel.h"

#define ETHERNET_BYTES 14
#define VLAN_BYTES     4
#define IPV4_BYTES     20
#define IPV6_BYTES     40
#define TCP_BYTES      20
#define UDP_BYTES      8

/* A tunnel was opened in the packet, which had `layer_count` layers until then: if it is a first
 * fragment, what is inside keeps its name, that of the outermost one. */
static void note_outer(struct tt_packet *packet, uint8_t layer_count)
{
	if ((packet->flags & (TT_PACKET_FRAGMENT | TT_PACKET_OUTER_FIRST)) != TT_PACKET_FRAGMENT)
		return;
	packet->flags |= TT_PACKET_OUTER_FIRST;
	packet->outer = (struct tt_outer){
		.ip = packet->ip,
		.fragment_id = packet->fragment_id,
		.ip_version = packet->ip_version,
		.vlan_count = packet->vlan_count,
		.layer_count = layer_count,
	};
}

static __attribute__((noinline)) enum tt_decode_result decode_any(struct tt_packet *packet,
	const struct tt_decode_options *options, enum tt_link_type link, struct tt_span span)
{
	uint16_t type;

	*packet = (struct tt_packet){
		.flags = span.captured < span.claimed ? TT_PACKET_CUT : 0,
	};
	enum tt_decode_result result = tt_link_open(link, &span, &type);

	if (result == TT_DECODE_IP)
		result = tt_link_descend(packet, options, &span, type);
	if (result != TT_DECODE_IP)
		return result;
	/* Every tunnel that leads to another IP packet makes that one the packet; what does not check
	 * out on the way leaves the one before. At most TT_PACKET_LAYERS layers bound this. */
	struct tt_packet inner = *packet;

	while (tt_tunnel_open(&inner, options, &span, &type)) {
		note_outer(&inner, packet->layer_count);
		if (tt_link_descend(&inner, options, &span, type) != TT_DECODE_IP) {
			packet->flags |= TT_PACKET_LAYERS_UNKNOWN;
			break;
		}
		*packet = inner;
	}
	packet->flags |= inner.flags & TT_PACKET_LAYERS_LEFT;
	return TT_DECODE_IP;
}

/* What nearly every frame is: a sound and whole TCP or UDP header behind one IP header without
 * options, extensions, fragments or a tunnel's port. For any other false, and nothing is decided.
 */
static inline bool decode_plain(struct tt_packet *packet, const uint8_t *frame,
	uint32_t captured_bytes, uint32_t wire_bytes)
{
	if (captured_bytes < ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES)
		return false;
	uint32_t at = ETHERNET_BYTES;
	uint16_t type = tt_load_be16(frame + ETHERNET_BYTES - 2);
	uint16_t vlan = 0;
	uint8_t vlan_count = 0;

	if (type == TT_ETHERTYPE_VLAN) {
		vlan = tt_load_be16(frame + at) & 0x0fff;
		vlan_count = 1;
		type = tt_load_be16(frame + at + 2);
		at += VLAN_BYTES;
	}
	const uint8_t *ip = frame + at;
	uint32_t captured = captured_bytes - at;
	uint32_t header_bytes;
	uint32_t ip_bytes;
	uint16_t ip_id;
	uint8_t protocol;
	uint8_t ttl;
	uint8_t traffic_class;
	uint8_t version;
	const uint8_t *source;
	const uint8_t *destination;

	if (type == TT_ETHERTYPE_IPV4) {
		if (captured < IPV4_BYTES + UDP_BYTES || ip[0] != 0x45 ||
			(tt_load_be16(ip + 6) & 0x3fff) != 0)
			return false;
		version = 4;
		header_bytes = IPV4_BYTES;
		ip_bytes = tt_load_be16(ip + 2);
		ip_id = tt_load_be16(ip + 4);
		protocol = ip[9];
		ttl = ip[8];
		traffic_class = ip[1];
		source = ip + 12;
		destination = ip + 16;
	} else if (type == TT_ETHERTYPE_IPV6) {
		if (captured < IPV6_BYTES + UDP_BYTES || ip[0] >> 4 != 6 ||
			tt_load_be16(ip + 4) == 0)
			return false;
		version = 6;
		header_bytes = IPV6_BYTES;
		ip_bytes = IPV6_BYTES + tt_load_be16(ip + 4);
		ip_id = 0;
		protocol = ip[6];
		ttl = ip[7];
		traffic_class = (uint8_t)(tt_load_be16(ip) >> 4);
		source = ip + 8;
		destination = ip + 24;
	} else {
		return false;
	}
	if (captured > ip_bytes)
		captured = ip_bytes;
	const uint8_t *transport = ip + header_bytes;
	uint32_t transport_bytes;
	uint32_t payload_bytes;

	if (protocol == TT_IP_TCP) {
		if (captured < header_bytes + TCP_BYTES)
			return false;
		transport_bytes = (uint32_t)(transport[12] >> 4) * 4;
		if (transport_bytes < TCP_BYTES || captured < header_bytes + transport_bytes)
			return false;
		payload_bytes = ip_bytes - header_bytes - transport_bytes;
	} else if (protocol == TT_IP_UDP) {
		if (captured < header_bytes + UDP_BYTES ||
			tt_tunnel_is_port(tt_load_be16(transport)) ||
			tt_tunnel_is_port(tt_load_be16(transport + 2)))
			return false;
		uint32_t length = tt_load_be16(transport + 4);

		transport_bytes = UDP_BYTES;
		if (length < UDP_BYTES || length > ip_bytes - header_bytes)
			return false;
		payload_bytes = length - UDP_BYTES;
	} else {
		return false;
	}
	uint32_t payload_captured = captured - header_bytes - transport_bytes;

	if (payload_captured > payload_bytes)
		payload_captured = payload_bytes;
	uint16_t flags = TT_PACKET_PORTS | TT_PACKET_TRANSPORT;

	if (captured_bytes < wire_bytes)
		flags |= TT_PACKET_CUT;
	/* Field by field: clearing the whole first, for what no flag and no count speaks of, would
	 * double the cost. */
	packet->ip = ip;
	packet->source = source;
	packet->destination = destination;
	packet->transport = transport;
	packet->payload = payload_captured > 0 ? transport + transport_bytes : NULL;
	packet->ip_bytes = ip_bytes;
	packet->payload_bytes = payload_bytes;
	packet->payload_captured_bytes = payload_captured;
	packet->transport_captured_bytes = (uint16_t)(captured - header_bytes);
	packet->source_port = tt_load_be16(transport);
	packet->destination_port = tt_load_be16(transport + 2);
	packet->flags = flags;
	packet->fragment_id = 0;
	packet->fragment_offset_bytes = 0;
	packet->ip_id = ip_id;
	packet->ip_version = version;
	packet->ip_protocol = protocol;
	packet->ip_ttl = ttl;
	packet->ip_traffic_class = traffic_class;
	packet->vlan_count = vlan_count;
	packet->layer_count = 0;
	packet->vlan[0] = vlan;
	return true;
}

enum tt_decode_result tt_decode(struct tt_packet *packet, const struct tt_decode_options *options,
	enum tt_link_type link, const uint8_t *frame, uint32_t captured_bytes, uint32_t wire_bytes)
{
	if (link == TT_LINK_ETHERNET && decode_plain(packet, frame, captured_bytes, wire_bytes))
		return TT_DECODE_IP;
	return decode_any(packet, options, link,
		(struct tt_span){.at = frame,
			.captured = captured_bytes,
			.claimed = captured_bytes < wire_bytes ? wire_bytes : captured_bytes});
}
