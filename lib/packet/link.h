/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a link layer down to the IP header that it carries. Private to lib/packet.
 */
#ifndef TT_PACKET_LINK_H
#define TT_PACKET_LINK_H

#include "packet/decode.h"
#include "packet/span.h"

#include <stdint.h>

/* Take the capture's own header off the front of *span: *type becomes what follows it.
 * TT_DECODE_IP when that can be read on. */
enum tt_decode_result tt_link_open(enum tt_link_type link, struct tt_span *span, uint16_t *type);

/* *span holds `type`. Take link layers off down to an IP header, and read that one and its
 * transport: then TT_DECODE_IP, and *span is what follows the IP headers. */
enum tt_decode_result tt_link_descend(struct tt_packet *packet,
	const struct tt_decode_options *options, struct tt_span *span, uint16_t type);

#endif
