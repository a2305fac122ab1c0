/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload in a worker: which protocol a flow speaks, and its bytes, in order, to that protocol's
 * parser. A flow's payload is looked at until its protocol is known (protocol/classify.h), and then
 * for as long as its parser learns from it: what is bulk data to a parser costs nothing but the
 * order of its segments, and a flow that nobody follows costs nothing at all. A stream of a protocol
 * that nobody knows is looked at where its pieces begin, for the protocols that often come after
 * another, HTTP and TLS; that, and a look at datagrams, ends after a bounded number of them.
 * Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_PAYLOAD_H
#define TT_PIPELINE_PAYLOAD_H

#include "config/config.h"
#include "flow/flow.h"
#include "protocol/classify.h"
#include "protocol/dns_stream.h"
#include "protocol/http1_connection.h"
#include "protocol/http2_connection.h"
#include "protocol/quic_connection.h"
#include "protocol/stream.h"
#include "protocol/tls_connection.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

/* What is read of a datagram that spans several segments of an mbuf, or fragments. */
#define TT_PAYLOAD_DATAGRAM_BYTES 4096

/* Datagrams of STUN after which it is not expected any more that they make way for another protocol
 * (DTLS, RTP: RFC 8835 3.5). */
#define TT_PAYLOAD_STUN_DATAGRAMS 32

/* struct tt_flow.payload. */
enum tt_payload_state {
	TT_PAYLOAD_NEW,	      /* none of it was seen */
	TT_PAYLOAD_UNDECIDED, /* datagrams: struct tt_flow.undecided is their struct
			       * tt_payload_datagrams */
	TT_PAYLOAD_FOLLOWED,  /* struct tt_flow.conversation is its state; 0: datagrams of DNS */
	TT_PAYLOAD_PASSED     /* nobody looks at it any more */
};

enum tt_payload_parser {
	TT_PAYLOAD_SEARCHING, /* for a known protocol; TLS's parser, too, searches */
	TT_PAYLOAD_DNS,
	TT_PAYLOAD_HTTP1,
	TT_PAYLOAD_HTTP2,
	TT_PAYLOAD_TLS, /* or a protocol that may go over to it */
	TT_PAYLOAD_QUIC,
	TT_PAYLOAD_NOBODY /* nothing is to be learned any more */
};

/* First bytes of each direction, until they tell. */
struct tt_payload_look {
	struct tt_classifier classifier;
	uint8_t kept[2]; /* of `bytes` */
	uint8_t last;	 /* direction of the last piece */
	uint8_t bytes[2][TT_CLASSIFY_BYTES];
};

/* A flow of datagrams whose protocol is not known, or may change. */
struct tt_payload_datagrams {
	struct tt_classifier classifier;
	uint8_t stun; /* datagrams of it */
};

/* A connection whose bytes are followed. Its first cache line is what every segment touches, these
 * three what one with payload does. */
struct tt_conversation {
	struct tt_stream stream;
	uint8_t parser;	    /* enum tt_payload_parser */
	uint8_t looking;    /* bit 1 << direction whose first bytes are looked at */
	uint8_t from_start; /* bit 1 << direction: a message begins with its next byte */
	uint8_t waited;	    /* pieces of a direction after its first, without the other one's */
	bool upgraded;	    /* from HTTP/1.1 by 101: what follows may be HTTP/2 */
	bool looked_again;  /* at what seemed to begin later; once */
	uint32_t next_free; /* number of the next free one + 1, in the free list */
	union {
		struct tt_dns_stream dns[2];
		struct tt_http1_connection http1;
		struct tt_http2_connection http2;
		struct tt_tls_connection tls; /* of SEARCHING and QUIC, too */
	};
	union {
		struct tt_payload_look look; /* of SEARCHING */
		struct tt_quic_connection quic;
	};
} __attribute__((aligned(64)));

/* Whose bytes are being read. */
struct tt_payload_reading {
	struct tt_worker *worker;
	struct tt_flow *flow;
	struct tt_conversation *conversation; /* NULL: datagrams that need none */
	uint64_t time_us;
	uint8_t direction; /* of the DNS messages in a stream's bytes */
};

struct tt_worker_payload {
	struct tt_stream_pool streams;
	struct tt_conversation *conversations;
	uint32_t limit;
	uint32_t used_ever;
	uint32_t free; /* number of the first free one + 1; 0: none */
	struct tt_payload_reading reading;
	uint8_t datagram[TT_PAYLOAD_DATAGRAM_BYTES]; /* put together out of several segments */
};

/* false without memory; tt_payload_destroy() takes what there is apart. */
bool tt_payload_create(struct tt_worker *worker, const struct tt_config *config, bool huge_pages);
void tt_payload_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_payload_bytes(const struct tt_config *config);

/* Fetch a flow's conversation, as the next packet needs it with and without payload; and later, once
 * that has come, what its parser has elsewhere. `flow` may be any entry. */
void tt_payload_prefetch(
	const struct tt_worker *worker, const struct tt_flow *flow, bool has_payload);
void tt_payload_prefetch_parser(const struct tt_worker *worker, const struct tt_flow *flow);

/* The payload of packet i of the burst, whose flow it is, before the flow's TCP state knows of it.
 * `segment` is NULL but for TCP. Called through tt_payload_take(). */
void tt_payload_read(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment);

/* The same, for every packet: nothing is done where there is nothing to learn. */
static inline void tt_payload_take(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment)
{
	if (flow->payload == TT_PAYLOAD_PASSED ||
		(flow->payload == TT_PAYLOAD_NEW && segment != NULL && segment->payload_bytes == 0))
		return;
	tt_payload_read(worker, i, flow, segment);
}

/* The same of a datagram, in datagram.c. */
void tt_payload_read_datagram(struct tt_payload_reading *reading, unsigned int i);

/* A new conversation for the reading's flow; NULL, counted, when all are taken. */
struct tt_conversation *tt_payload_begin(struct tt_payload_reading *reading);

/* How the datagrams of the reading's conversation, of QUIC, are read. */
struct tt_quic_work tt_payload_quic(struct tt_payload_reading *reading);

/* The end of the reading's conversation: what its parser has not reported is, and it is free. */
void tt_payload_end(struct tt_payload_reading *reading);

/* The flow ends: what its streams still hold is read, and its state is free again. */
void tt_payload_flow_end(struct tt_worker *worker, struct tt_flow *flow);

#endif
