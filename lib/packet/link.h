/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a link layer down to the IP header that it carries. Private to lib/packet.
 */
#ifndef TT_PACKET_LINK_H
#define TT_PACKET_LINK_H

#include "packet/decode.h"
#include "packet/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Take the capture's own header off the front of *span: *type becomes what follows it.
 * TT_DECODE_IP when that can be read on. */
enum tt_decode_result tt_link_open(enum tt_link_type link, struct tt_span *span, uint16_t *type);

/* *span holds `type`. Take link layers off down to an IP header, and read that one and its
 * transport: then TT_DECODE_IP, and *span is what follows the IP headers. */
enum tt_decode_result tt_link_descend(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t type);

/* The EtherType of the IP packet that the first nibble speaks of; false when it speaks of none. */
bool tt_link_ip_type(const struct tt_span *span, uint16_t *type);

/* The EtherType of the next protocol of NSH (RFC 8300, 2.2) and of VXLAN-GPE, which share a
 * registry; false for one that carries no IP. */
bool tt_link_nsh_type(uint8_t next_protocol, uint16_t *type);

/* Where nothing on the wire says what follows: whether *span is just one IP packet, IPv4 with a
 * right checksum, and whether it is an Ethernet frame, tagged or not, with such a packet inside. */
bool tt_link_is_ip(struct tt_span span);
bool tt_link_is_frame(struct tt_span span);

#endif
