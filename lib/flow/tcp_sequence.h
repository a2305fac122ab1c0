/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequence space of a connection's directions: which bytes below the highest have not been
 * seen (holes), and from that what a segment is: new, retransmitted, or out of order. Used by
 * tcp.c. Holes are kept for both directions together, because bulk data flows in one of them; when
 * there are more, acknowledged ones are given up first, then the smallest, whose bytes then count
 * as seen.
 */
#ifndef TT_FLOW_TCP_SEQUENCE_H
#define TT_FLOW_TCP_SEQUENCE_H

#include "flow/tcp.h"

static inline void tt_tcp_learn_order(
	struct tt_tcp_half *half, const struct tt_tcp_segment *segment)
{
	if (segment->order_from != TT_TCP_ORDER_NONE) {
		half->order = segment->order;
		half->known |= segment->order_from == TT_TCP_ORDER_TIMESTAMP
			? TT_TCP_KNOWN_ORDER | TT_TCP_STAMPED
			: TT_TCP_KNOWN_ORDER;
	}
}

/* Has this direction a hole that its receiver has not acknowledged? */
bool tt_tcp_has_open_hole(const struct tt_tcp *tcp, unsigned int direction);

/* Account the data or FIN of a segment without SYN and RST, at any place in sequence space. One
 * with neither, and at or beyond next_sequence, tells how far its sender has come (RFC 9293
 * 3.10.7.4: an ACK is sent with SND.NXT). */
void tt_tcp_sequence_data(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

/* The peer acknowledged beyond all that was seen of this direction: the tap lost it. */
void tt_tcp_sequence_unseen(
	struct tt_tcp *tcp, unsigned int direction, uint32_t acknowledgment, uint64_t time_us);

/* Acknowledged bytes of this direction that were never seen. */
uint32_t tt_tcp_sequence_missing(const struct tt_tcp *tcp, unsigned int direction);

/* Account the retransmission of what ends before `end`. */
void tt_tcp_count_retransmission(
	struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end);

#endif
