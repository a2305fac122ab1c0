/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection as a tap sees it: its life, its round trips and what went wrong on the way, from
 * the segments of both directions (RFC 9293). Called by a worker for each segment of a flow. Knows
 * nothing of tables or records; owns nothing beyond struct tt_tcp. All instants are kept modulo 2^32
 * microseconds: intervals over 71 minutes between two packets are not measured.
 */
#ifndef TT_FLOW_TCP_H
#define TT_FLOW_TCP_H

#include "packet/decode.h"

#include <stdbool.h>
#include <stdint.h>

#define TT_TCP_SACK_BLOCKS 4  /* as many as fit into the options (RFC 2018 3) */
#define TT_TCP_NOT_SCALED  15 /* window_shift of a SYN without the option */
#define TT_TCP_HOLES	   3  /* of both directions together */

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

/* What tells in which order a sender sent its segments. */
enum tt_tcp_order {
	TT_TCP_ORDER_NONE,
	TT_TCP_ORDER_TIMESTAMP, /* RFC 7323 3.2: a clock */
	TT_TCP_ORDER_IP		/* a counter of the host or the connection with most senders */
};

/* A range of sequence numbers, from start to before end. */
struct tt_tcp_range {
	uint32_t start;
	uint32_t end;
};

/* One segment, read from a packet with TT_PACKET_TRANSPORT. */
struct tt_tcp_segment {
	uint64_t time_us;
	uint32_t sequence;
	uint32_t acknowledgment;
	uint32_t payload_bytes;
	uint16_t window;      /* as in the header, not scaled */
	uint16_t order;	      /* by order_from: the low half of TSval, or IPv4's identification */
	uint16_t echo;	      /* the low half of TSecr, with TT_TCP_ORDER_TIMESTAMP */
	uint8_t flags;	      /* enum tt_tcp_flag */
	uint8_t direction;    /* 0: from the key's low endpoint */
	uint8_t ecn;	      /* of the IP header (RFC 3168 5): 3 is CE */
	uint8_t window_shift; /* of a SYN's window scale option, 0 to 14, or TT_TCP_NOT_SCALED */
	uint8_t order_from;   /* enum tt_tcp_order */
	uint8_t sack_count;   /* of sack, 0 to TT_TCP_SACK_BLOCKS; the others are not set */
	struct tt_tcp_range sack[TT_TCP_SACK_BLOCKS];
};

/* Where the connection is in its life; tt_flow.class follows from it. */
enum tt_tcp_life {
	TT_TCP_HALF_OPEN,  /* SYN or SYN-ACK seen, no ACK of the handshake yet */
	TT_TCP_OPEN,	   /* established, or picked up midstream */
	TT_TCP_CLOSED_FIN, /* FINs of both directions */
	TT_TCP_CLOSED_RST
};

/* Bits of struct tt_tcp_half.known: what is known of the direction, and what it is in. */
enum tt_tcp_known {
	TT_TCP_KNOWN_INITIAL = 1 << 0,
	TT_TCP_KNOWN_NEXT = 1 << 1,	    /* a segment of this direction was seen */
	TT_TCP_KNOWN_ACKNOWLEDGED = 1 << 2, /* an ACK of the peer was seen */
	TT_TCP_KNOWN_SYN = 1 << 3,	    /* the SYN itself was seen, so window_shift holds */
	TT_TCP_KNOWN_ORDER = 1 << 4,
	TT_TCP_SAMPLING = 1 << 5, /* an RTT sample is in flight */
	TT_TCP_LOSS_REPORTED =
		1 << 6,		     /* the peer reported a hole that it has not acknowledged yet */
	TT_TCP_ZERO_WINDOW = 1 << 7, /* the last window that this direction announced is 0 */
	TT_TCP_STAMPED = 1 << 8,     /* its segments have timestamps (RFC 7323 3) */
	TT_TCP_BY_ECHO = 1 << 9,     /* the sample in flight ends with the echo of its timestamp */
	TT_TCP_TIMED = 1 << 10,	     /* a sample of its bytes or of the handshake was taken */
	TT_TCP_UNEVENTFUL = 1 << 11  /* a segment in order changes nothing but the counters here */
};

/* Of one direction: what each segment needs. */
struct tt_tcp_half {
	uint32_t next_sequence;	  /* one after the highest sequence number sent */
	uint32_t acknowledged;	  /* of this direction's bytes, by the peer; the highest */
	uint32_t sample_sequence; /* an ACK of it ends the sample that began at sample_us; with
				   * TT_TCP_BY_ECHO, the low half of the TSval whose echo does */
	uint32_t sample_us;
	uint32_t last_us;	   /* of the latest segment */
	uint16_t window;	   /* last announced, not scaled */
	uint16_t order;		   /* of the latest segment in order, as in struct tt_tcp_segment */
	uint16_t known;		   /* enum tt_tcp_known */
	uint8_t flags_seen;	   /* all flags, ored */
	uint8_t window_shift : 4;  /* scale of the windows that this direction announces */
	uint8_t duplicate_run : 3; /* duplicate ACKs that the peer of this direction sent in a row */
	uint8_t unanswered : 1;	   /* retransmitted on timeout, and nothing acknowledged since */
};

/* Of one direction: what is counted, and the smoothed RTT of its leg. Counters stop at the most
 * that their bits hold. */
struct tt_tcp_counts {
	uint32_t initial_sequence; /* of the SYN, or one before the first byte sent or awaited */
	uint32_t srtt_8;	   /* from the tap to the receiver and back; eighths of 1 us */
	uint32_t rttvar_4;	   /* quarters of 1 us */
	uint32_t missing_bytes;	   /* of holes that were acknowledged and have been given up */
	uint32_t zero_window_us;   /* less the instant at which the window that is 0 became so */
	uint32_t retransmits : 24;
	uint32_t syn_retransmits : 5;
	uint32_t fins : 3;
	uint32_t duplicate_acks : 22;
	uint32_t ecn_setup : 1;	     /* its SYN or SYN-ACK asks for, or agrees to, ECN */
	uint32_t ecn_echoing : 1;    /* the peer echoes congestion, and no CWR answered yet */
	uint32_t ecn_marked : 1;     /* CE was seen since the last CWR */
	uint32_t spurious_known : 6; /* spurious ones that a DSACK has yet to report */
	uint32_t fast_retransmits : 18;
	uint32_t keep_alives : 14;
	uint32_t spurious_retransmits : 18;
	uint32_t window_probes : 14;
	uint32_t out_of_order : 22;
	uint32_t resets : 10;
	uint32_t zero_windows : 16;
	uint32_t ecn_ce : 16;
};

/* Why a connection came to nothing. */
enum tt_tcp_failure {
	TT_TCP_NO_FAILURE,
	TT_TCP_REFUSED,	  /* the SYN was answered by a RST */
	TT_TCP_RESET,	  /* a RST closed it later */
	TT_TCP_TIMED_OUT, /* its SYN, or what it retransmitted last, was never answered */
	TT_TCP_HOST_UNREACHABLE,
	TT_TCP_NETWORK_UNREACHABLE
};

/* Zero before the first segment. The first cache line is all that a segment in order touches. */
struct tt_tcp {
	struct tt_tcp_half half[2];
	uint8_t life;		/* enum tt_tcp_life */
	uint8_t handshake;	/* enum tt_tcp_handshake_state */
	uint8_t hole_used;	/* bit 1 << number of the hole, in these three */
	uint8_t hole_direction; /* which direction it is in */
	/* Until it is complete: the instant of the latest SYN-ACK, and before that of the first ACK. */
	uint32_t handshake_client_us;

	struct tt_tcp_counts counts[2];
	struct tt_tcp_range hole[TT_TCP_HOLES]; /* below next_sequence, and not seen */
	uint16_t hole_opened[TT_TCP_HOLES];	/* when, in 256 us */
	uint8_t hole_by_ack;			/* only an ACK told of it */
	uint8_t unreachable;			/* enum tt_tcp_failure, from ICMP */
	uint32_t handshake_us;	      /* until it is complete: the instant of the first SYN */
	uint32_t handshake_server_us; /* until the SYN-ACK: the instant of the latest SYN */
};

_Static_assert(sizeof(struct tt_tcp_half) * 2 + 8 == 64, "the packet path's part is a cache line");
_Static_assert(sizeof(struct tt_tcp) <= 192, "three cache lines a connection");

/* Bits of struct tt_tcp_summary.present and of its halves': that the field is known. */
enum tt_tcp_present {
	TT_TCP_HAS_HANDSHAKE = 1 << 0,
	TT_TCP_HAS_HANDSHAKE_TIME = 1 << 1,
	TT_TCP_HAS_HANDSHAKE_SERVER = 1 << 2,
	TT_TCP_HAS_HANDSHAKE_CLIENT = 1 << 3,
	TT_TCP_HAS_RTT = 1 << 4, /* rtt_us and rtt_var_us */
	TT_TCP_HAS_RTT_SERVER = 1 << 5,
	TT_TCP_HAS_RTT_CLIENT = 1 << 6,
	TT_TCP_HAS_ECN = 1 << 7,
	/* Of a half. */
	TT_TCP_HAS_COUNTS = 1 << 8,  /* all that follow but these two groups */
	TT_TCP_HAS_CAUSES = 1 << 9,  /* fast, timeout and spurious retransmits */
	TT_TCP_HAS_MISSING = 1 << 10 /* missing_bytes */
};

enum tt_tcp_handshake {
	TT_TCP_HANDSHAKE_COMPLETE,
	TT_TCP_HANDSHAKE_REFUSED,
	TT_TCP_HANDSHAKE_NO_ANSWER,
	TT_TCP_HANDSHAKE_NO_ACK,
	TT_TCP_HANDSHAKE_MIDSTREAM
};

/* The record's fields of one direction; see the record's documentation for their meaning, and
 * where they are computed for their definition. */
struct tt_tcp_summary_half {
	uint32_t present; /* enum tt_tcp_present */
	uint32_t retransmits;
	uint32_t syn_retransmits;
	uint32_t fast_retransmits;
	uint32_t timeout_retransmits;
	uint32_t spurious_retransmits;
	uint32_t out_of_order;
	uint32_t duplicate_acks;
	uint32_t zero_windows;
	uint32_t zero_window_us;
	uint32_t window_probes;
	uint32_t keep_alives;
	uint32_t missing_bytes;
	uint32_t ecn_ce;
	uint32_t resets;
	uint32_t fins;
};

struct tt_tcp_summary {
	uint32_t present; /* enum tt_tcp_present */
	enum tt_tcp_handshake handshake;
	enum tt_tcp_failure failure;
	bool established; /* the handshake was completed */
	bool closed;	  /* by FINs or a RST */
	bool ecn;
	uint32_t handshake_us;
	uint32_t handshake_server_us;
	uint32_t handshake_client_us;
	uint32_t rtt_us;
	uint32_t rtt_var_us;
	uint32_t rtt_server_us;
	uint32_t rtt_client_us;
	struct tt_tcp_summary_half half[2]; /* by direction, 0 from the key's low endpoint */
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

/* The sequence number of a direction's SYN; false when it was not seen. */
static inline bool tt_tcp_initial_sequence(
	const struct tt_tcp *tcp, unsigned int direction, uint32_t *sequence)
{
	*sequence = tcp->counts[direction].initial_sequence;
	return (tcp->half[direction].known & TT_TCP_KNOWN_SYN) != 0;
}

/* Account a segment. `tcp` is zero before the first one. Returns the life after it. */
enum tt_tcp_life tt_tcp_update(struct tt_tcp *tcp, const struct tt_tcp_segment *segment);

/* An ICMP error (TT_TCP_HOST_UNREACHABLE or TT_TCP_NETWORK_UNREACHABLE) quoted a segment of this
 * connection. It is the failure only if no handshake completes: later it is a soft error (RFC 9293
 * 3.9.2.2). */
void tt_tcp_unreachable(struct tt_tcp *tcp, enum tt_tcp_failure kind);

/* What is known of the connection, for its record. `client` is the direction of the client's
 * packets, `end_us` the time of the latest packet; `idle` says that the connection's time ran out,
 * without which silence is no failure. */
void tt_tcp_summarize(struct tt_tcp_summary *summary, const struct tt_tcp *tcp, unsigned int client,
	uint64_t end_us, bool idle);

#endif
