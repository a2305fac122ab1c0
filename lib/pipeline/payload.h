/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload in a worker: which protocol a flow speaks, and its bytes, in order, to that protocol's
 * parser. A flow's payload is looked at until its protocol is known, and then for as long as its
 * parser learns from it: what is bulk data to a parser costs nothing but the order of its segments,
 * and a flow that nobody follows costs nothing at all. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_PAYLOAD_H
#define TT_PIPELINE_PAYLOAD_H

#include "config/config.h"
#include "flow/flow.h"
#include "protocol/dns_stream.h"
#include "protocol/http1_connection.h"
#include "protocol/stream.h"
#include "protocol/tls_connection.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

/* What is read of a datagram that spans several segments of an mbuf, or fragments. */
#define TT_PAYLOAD_DATAGRAM_BYTES 4096

/* First bytes of a direction that are kept until they tell the protocol. */
#define TT_PAYLOAD_LOOK_BYTES 48

/* struct tt_flow.payload. */
enum tt_payload_state {
	TT_PAYLOAD_NEW,	     /* none of it was seen */
	TT_PAYLOAD_FOLLOWED, /* struct tt_flow.conversation is its state; 0: datagrams that need none */
	TT_PAYLOAD_PASSED /* nobody looks at it any more */
};

enum tt_payload_parser {
	TT_PAYLOAD_LOOKING,   /* at the first bytes of each direction */
	TT_PAYLOAD_SEARCHING, /* where pieces begin, for protocols that may come later */
	TT_PAYLOAD_DNS,
	TT_PAYLOAD_HTTP1,
	TT_PAYLOAD_TLS,
	TT_PAYLOAD_NOBODY /* nothing is to be learned any more */
};

struct tt_payload_look {
	uint8_t kept[2]; /* bytes of each direction */
	uint8_t bytes[2][TT_PAYLOAD_LOOK_BYTES];
};

/* A connection whose bytes are followed. */
struct tt_conversation {
	struct tt_stream stream;
	uint8_t parser;	    /* enum tt_payload_parser */
	bool looked_again;  /* after SEARCHING began; once */
	bool from_start;    /* its first byte, of one direction at least, was or will be seen */
	uint32_t next_free; /* number of the next free one + 1, in the free list */
	union {
		struct tt_payload_look look;
		struct tt_dns_stream dns[2];
		struct tt_http1_connection http1;
		struct tt_tls_connection tls; /* of SEARCHING, too */
	};
};

/* Whose bytes are being read. */
struct tt_payload_reading {
	struct tt_worker *worker;
	struct tt_flow *flow;
	struct tt_conversation *conversation; /* NULL: a datagram that needs none */
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

/* The flow ends: what its streams still hold is read, and its state is free again. */
void tt_payload_flow_end(struct tt_worker *worker, struct tt_flow *flow);

#endif
