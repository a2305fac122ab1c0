/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round-trip times of a connection's two legs, from the tap to a receiver and back. Used by tcp.c.
 * One sample a direction is in flight: the segment that began it, and the first of the other
 * direction that answers it. That is the first ACK that covers it, or where this does not tell, the
 * first segment that echoes its timestamp (RFC 7323 4):
 * - of what was sent again, as Karn's rule (RFC 6298 3) excepts it;
 * - of ACKs, where a direction has sent no data, in the midst of a transfer.
 */
#ifndef TT_FLOW_TCP_RTT_H
#define TT_FLOW_TCP_RTT_H

#include "flow/tcp.h"

/* Begin a sample with the segment of `direction` that ends before `sequence`, unless one is in
 * flight, or a hole before it keeps the receiver from acknowledging it. */
void tt_tcp_rtt_begin(
	struct tt_tcp *tcp, unsigned int direction, uint32_t sequence, uint32_t now_us);

/* A segment that ends before `end` was sent again: end the sample in flight without a result, and
 * begin one that ends by echo, if this transmission's timestamp is its own. */
void tt_tcp_rtt_again(struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end);

/* Before anything is accounted of a segment: where no other sample was taken of its direction, one of
 * those without data that moves the acknowledgment on begins. */
void tt_tcp_rtt_of_ack(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

/* A segment of the other direction than `direction` arrived: end the sample that it answers. */
void tt_tcp_rtt_end(
	struct tt_tcp *tcp, unsigned int direction, const struct tt_tcp_segment *answer);

/* Take an interval into the smoothed RTT and its variation. One over 2^28 us is none. */
void tt_tcp_rtt_take(struct tt_tcp *tcp, unsigned int direction, uint32_t sample_us);

#endif
