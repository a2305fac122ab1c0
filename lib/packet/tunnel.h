/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels that an IP packet carries: what says that there is one, and where its inner frame or
 * packet begins. Private to lib/packet. Those below an IP header (MPLS, PPPoE, NSH) are link.c's.
 */
#ifndef TT_PACKET_TUNNEL_H
#define TT_PACKET_TUNNEL_H

#include "packet/decode.h"
#include "packet/span.h"

#include <stdbool.h>
#include <stdint.h>

/* UDP ports of tunnels, by IANA's registry. */
enum tt_tunnel_port {
	TT_PORT_L2TP = 1701,
	TT_PORT_GTPU = 2152,
	TT_PORT_TEREDO = 3544,
	TT_PORT_VXLAN = 4789,
	TT_PORT_VXLAN_GPE = 4790,
	TT_PORT_GENEVE = 6081,
	TT_PORT_VXLAN_LINUX = 8472 /* what Linux used before there was a registered one */
};

static inline bool tt_tunnel_is_port(uint16_t port)
{
	switch (port) {
	case TT_PORT_L2TP:
	case TT_PORT_GTPU:
	case TT_PORT_TEREDO:
	case TT_PORT_VXLAN:
	case TT_PORT_VXLAN_GPE:
	case TT_PORT_GENEVE:
	case TT_PORT_VXLAN_LINUX:
		return true;
	default:
		return false;
	}
}

/* *packet is decoded and *span is what follows its IP headers. When a tunnel begins there whose
 * header checks out: true, its layers are added to *packet, *span becomes what is inside and *type
 * says what that is. Else false, and *packet and *span may have changed. */
bool tt_tunnel_open(struct tt_packet *packet, const struct tt_decode_options *options,
	struct tt_span *span, uint16_t *type);

#endif
