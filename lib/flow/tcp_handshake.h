/* SPDX-License-Identifier: Apache-2.0 */
/* How far a connection's handshake is, and how long its parts took. Used by the tcp*.c files. */
#ifndef TT_FLOW_TCP_HANDSHAKE_H
#define TT_FLOW_TCP_HANDSHAKE_H

#include "flow/tcp.h"

/* Bits of struct tt_tcp.handshake. */
enum tt_tcp_handshake_state {
	TT_TCP_SYN_SEEN = 1 << 0,
	TT_TCP_SYNACK_SEEN = 1 << 1,
	TT_TCP_HANDSHAKE_DONE = 1 << 2,
	TT_TCP_CLIENT_HIGH = 1 << 3, /* the direction of the SYN */
	TT_TCP_TIMED_SERVER = 1 << 4,
	TT_TCP_TIMED_CLIENT = 1 << 5,
	TT_TCP_TIMED_WHOLE = 1 << 6,
	TT_TCP_LATE_SYN = 1 << 7 /* captured after its answer: there is nothing to time */
};

/* Account a segment with SYN, after its direction's sequence numbers are known. */
void tt_tcp_handshake_syn(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

/* Account a segment without SYN and RST: it may be the ACK that completes the handshake. */
void tt_tcp_handshake_ack(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

#endif
