/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection as a tap sees it: its life, from the segments of both directions (RFC 9293).
 * Called by a worker for each segment of a flow. Knows nothing of tables or records.
 */
#ifndef TT_FLOW_TCP_H
#define TT_FLOW_TCP_H

#include "packet/decode.h"

#include <stdbool.h>
#include <stdint.h>

enum tt_tcp_flag {
	TT_TCP_FIN = 0x01,
	TT_TCP_SYN = 0x02,
	TT_TCP_RST = 0x04,
	TT_TCP_PSH = 0x08,
	TT_TCP_ACK = 0x10,
	TT_TCP_URG = 0x20,
	TT_TCP_ECE = 0x40,
	TT_TCP_CWR = 0x80
};

/* One segment, read from a packet with TT_PACKET_TRANSPORT. */
struct tt_tcp_segment {
	uint64_t time_us;
	uint32_t sequence;
	uint32_t acknowledgment;
	uint32_t payload_bytes;
	uint16_t window;      /* as in the header, not scaled */
	uint8_t flags;	      /* enum tt_tcp_flag */
	uint8_t direction;    /* 0: from the key's low endpoint */
	uint8_t window_shift; /* of a SYN's window scale option, 0 to 14 */
};

/* Where the connection is in its life; tt_flow.class follows from it. */
enum tt_tcp_life {
	TT_TCP_HALF_OPEN,  /* SYN or SYN-ACK seen, no ACK of the handshake yet */
	TT_TCP_OPEN,	   /* established, or picked up midstream */
	TT_TCP_CLOSED_FIN, /* FINs of both directions */
	TT_TCP_CLOSED_RST
};

/* Zero before the first segment. A value is known when its bit of `known` is set. */
struct tt_tcp {
	uint32_t initial_sequence[2]; /* of the SYN, or one before the first byte sent or awaited */
	uint32_t next_sequence[2];    /* one after the highest sequence number sent */
	uint32_t acknowledged[2];     /* of this direction's bytes, by the peer; the highest */
	uint32_t right_edge[2];	 /* first byte of this direction that the peer has no room for */
	uint8_t flags_seen[2];	 /* all flags of each direction, ored */
	uint8_t known[2];	 /* enum tt_tcp_known */
	uint8_t window_shift[2]; /* scale of the windows that this direction announces */
	uint8_t life;		 /* enum tt_tcp_life */
};

/* Bits of struct tt_tcp.known. */
enum tt_tcp_known {
	TT_TCP_KNOWN_INITIAL = 1 << 0,
	TT_TCP_KNOWN_NEXT = 1 << 1,
	TT_TCP_KNOWN_ACKNOWLEDGED = 1 << 2, /* and right_edge */
	TT_TCP_KNOWN_SYN = 1 << 3	    /* the SYN itself was seen, so window_shift holds */
};

/* Is sequence number a before b, in the arithmetic modulo 2^32 of RFC 9293 3.4? */
static inline bool tt_tcp_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* false when the packet's transport header is not a TCP header that was captured whole. */
bool tt_tcp_segment_read(struct tt_tcp_segment *segment, const struct tt_packet *packet,
	unsigned int direction, uint64_t time_us);

/* Does this segment begin another connection than the one tracked: a SYN whose sequence number is
 * not that of the connection's own SYN (RFC 9293 3.6.1, reuse in TIME-WAIT and after a lost close),
 * or, once it is closed, a SYN-ACK that neither repeats nor acknowledges a SYN of its? */
bool tt_tcp_is_new_connection(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

/* Account a segment. `tcp` is zero before the first one. Returns the life after it. */
enum tt_tcp_life tt_tcp_update(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

#endif
