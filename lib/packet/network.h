/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP and transport headers of a decode that is not on the fast path: options, extension headers,
 * fragments, contradictions, cut captures. Private to lib/packet.
 */
#ifndef TT_PACKET_NETWORK_H
#define TT_PACKET_NETWORK_H

#include "packet/decode.h"
#include "packet/span.h"

enum tt_ip_protocol {
	TT_IP_HOP_BY_HOP = 0,
	TT_IP_ICMP = 1,
	TT_IP_IPV4 = 4,
	TT_IP_TCP = 6,
	TT_IP_UDP = 17,
	TT_IP_IPV6 = 41,
	TT_IP_ROUTING = 43,
	TT_IP_FRAGMENT = 44,
	TT_IP_GRE = 47,
	TT_IP_AH = 51,
	TT_IP_ICMPV6 = 58,
	TT_IP_NO_NEXT = 59,
	TT_IP_DESTINATION = 60,
	TT_IP_ETHERIP = 97,
	TT_IP_L2TPV3 = 115,
	TT_IP_SCTP = 132,
	TT_IP_MOBILITY = 135,
	TT_IP_UDP_LITE = 136,
	TT_IP_MPLS = 137,
	TT_IP_HIP = 139,
	TT_IP_SHIM6 = 140
};

/* Read the IP header at the front of *span, its extension headers and its transport header, and
 * write every field of *packet but the VLANs and the layers that are known already. *span becomes
 * what follows the IP headers, without padding. `version` is 4 or 6 and is what the layer below
 * says. AH, where options take it off, becomes a layer of *packet. */
enum tt_decode_result tt_network_decode(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint8_t version);

/* Remember a layer that was taken off. false when its kind stays on, or there are too many: the
 * flag TT_PACKET_LAYERS_LEFT says which. */
bool tt_packet_add_layer(
	struct tt_packet *packet, const struct tt_decode_options *options, struct tt_layer layer);

#endif
