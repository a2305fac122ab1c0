/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP streams put in order for parsers: HTTP, TLS and DNS over TCP. Called by a worker for each
 * segment of a connection that has a parser. Payload that comes in order goes straight from the
 * packet to the consumer, without a copy; what comes early is kept in slabs until the hole before
 * it is filled. Bytes that come twice, in retransmissions and overlaps, are given once, and the
 * first copy wins. When what is missing was acknowledged by its receiver, the tap lost it: the
 * consumer is told how much, so that it can find its footing again.
 *
 * A struct tt_stream hangs off its flow; the slabs are of a pool that the worker owns. Neither
 * locks nor allocates. Bounded work: at most TT_STREAM_SLABS slabs a connection are looked at.
 * Sequence numbers are RFC 9293's, modulo 2^32.
 */
#ifndef TT_PROTOCOL_STREAM_H
#define TT_PROTOCOL_STREAM_H

#include "base/slabs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_STREAM_SLAB_BYTES 2048 /* of a slab, header included */
#define TT_STREAM_SLABS	     16	  /* a connection, both directions: 32 KiB */

/* Written by the pool's owner, read by anyone. */
struct tt_stream_counters {
	tt_counter slabs_used;
	tt_counter slabs_high;
	tt_counter pool_full;	    /* segments that found no slab in the pool */
	tt_counter connection_full; /* segments that came on top of TT_STREAM_SLABS */
	tt_counter gaps;	    /* told to a consumer */
	tt_counter gap_bytes;
	tt_counter out_of_window; /* segments ignored: too far from what is expected */
};

/* One worker's slabs. */
struct tt_stream_pool {
	struct tt_slabs slabs; /* of TT_STREAM_SLAB_BYTES */
	struct tt_stream_counters counters;
};

enum tt_stream_side_flag {
	TT_STREAM_STARTED = 1 << 0, /* `next` is known */
	TT_STREAM_ACKED = 1 << 1,   /* `acknowledged` is known */
	TT_STREAM_FIN = 1 << 2,	    /* `fin` is known */
	TT_STREAM_ENDED = 1 << 3    /* the consumer was told the end */
};

/* The bytes of one direction. */
struct tt_stream_side {
	uint32_t next;	       /* sequence number of the next byte to give */
	uint32_t acknowledged; /* highest acknowledgment that the other side sent */
	uint32_t fin;	       /* sequence number of the FIN */
	uint32_t held;	       /* number of the first slab + 1, by sequence number; 0: none */
	uint8_t flags;	       /* enum tt_stream_side_flag */
};

/* Both directions of a connection. Zero it for a new one. */
struct tt_stream {
	struct tt_stream_side side[2];
	uint8_t slabs; /* of both directions */
};

struct tt_stream_segment {
	uint32_t sequence;
	uint32_t acknowledgment;
	const uint8_t *payload;
	uint32_t payload_bytes;	 /* as the headers claim it */
	uint32_t captured_bytes; /* of it at `payload` */
	uint8_t direction;	 /* 0 or 1 */
	bool syn;
	bool fin;
	bool ack; /* `acknowledgment` holds */
};

/* Who gets the bytes. The calls of one direction are in the order of its sequence numbers. */
struct tt_stream_consumer {
	/* `length` bytes, over 0, that are valid for the call alone. */
	void (*data)(void *context, unsigned int direction, const uint8_t *bytes, uint32_t length);
	/* `length` bytes, over 0, that will never come. */
	void (*gap)(void *context, unsigned int direction, uint32_t length);
	/* The direction's FIN; nothing follows. */
	void (*end)(void *context, unsigned int direction);
	void *context;
};

/* `capacity` slabs, 1 to 2^24. 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. */
int tt_stream_pool_create(struct tt_stream_pool *pool, uint32_t capacity, bool huge_pages);
void tt_stream_pool_destroy(struct tt_stream_pool *pool);

/* The direction's first byte has this sequence number: its SYN was seen before the stream was made. */
void tt_stream_start(struct tt_stream *stream, unsigned int direction, uint32_t sequence);

/* Take a segment: give what is now in order, keep what is early. A stream begins with the SYN,
 * where tt_stream_start() says, or with the first segment seen when the connection was picked up
 * midstream. A segment whose payload
 * was not all captured is followed by a gap. When neither the connection nor the pool has room to
 * keep a segment, the holes before it are given up as gaps. */
void tt_stream_segment(struct tt_stream *stream, struct tt_stream_pool *pool,
	const struct tt_stream_segment *segment, const struct tt_stream_consumer *consumer);

/* The connection is over (RST, idle, evicted): give what is kept, with the gaps before it, and free
 * the slabs. `consumer` NULL: free only. The stream is as new afterwards. */
void tt_stream_close(struct tt_stream *stream, struct tt_stream_pool *pool,
	const struct tt_stream_consumer *consumer);

#endif
