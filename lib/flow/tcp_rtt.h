/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round-trip times of a connection's two legs, from the tap to a receiver and back. Used by tcp.c.
 * One sample a direction is in flight: the segment that began it, and the first ACK that covers it.
 */
#ifndef TT_FLOW_TCP_RTT_H
#define TT_FLOW_TCP_RTT_H

#include "flow/tcp.h"

/* Begin a sample with the segment of `direction` that ends before `sequence`, unless one is in
 * flight, or a hole before it keeps the receiver from acknowledging it. */
void tt_tcp_rtt_begin(
	struct tt_tcp *tcp, unsigned int direction, uint32_t sequence, uint32_t now_us);

/* An ACK of `direction` arrived: end its sample when it is covered. */
void tt_tcp_rtt_end(
	struct tt_tcp *tcp, unsigned int direction, uint32_t acknowledgment, uint32_t now_us);

/* Take an interval into the smoothed RTT and its variation. One over 2^28 us is none. */
void tt_tcp_rtt_take(struct tt_tcp *tcp, unsigned int direction, uint32_t sample_us);

#endif
