/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over TCP: messages out of one direction's bytes, each behind its length in two bytes
 * (RFC 1035 4.2.2), many in one piece or one in many. Called by a worker with the bytes in order,
 * as protocol/stream.h gives them. A message that lies whole in one piece is passed on where it
 * is; one that is split is put together in a slab of the worker's pool. Neither locks nor
 * allocates.
 */
#ifndef TT_PROTOCOL_DNS_STREAM_H
#define TT_PROTOCOL_DNS_STREAM_H

#include "base/slabs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is kept of a split message. Longer ones, zone transfers most of all, are cut to this. */
#define TT_DNS_STREAM_SLAB_BYTES 4096

/* Written by the pool's owner, read by anyone. */
struct tt_dns_stream_counters {
	tt_counter slabs_used;
	tt_counter slabs_high;
	tt_counter pool_full; /* split messages skipped for want of a slab */
	tt_counter cut;	      /* messages passed on without their end: longer than a slab */
	tt_counter lost;      /* messages that a gap tore */
	tt_counter resyncs;   /* times that framing was found again after a gap or a late start */
};

struct tt_dns_stream_pool {
	struct tt_slabs slabs; /* of TT_DNS_STREAM_SLAB_BYTES */
	struct tt_dns_stream_counters counters;
};

enum tt_dns_stream_state {
	TT_DNS_STREAM_SEARCHING,  /* where a message begins is not known */
	TT_DNS_STREAM_LENGTH,	  /* at the first byte of a length */
	TT_DNS_STREAM_LENGTH_LOW, /* at its second byte */
	TT_DNS_STREAM_MESSAGE	  /* inside a message */
};

/* One direction of a connection. Zero it for one picked up midstream; tt_dns_stream_start() for one
 * whose SYN was seen. */
struct tt_dns_stream {
	uint32_t slab;	/* number + 1; 0: none */
	uint16_t total; /* bytes of the message, or the length's first byte */
	uint16_t seen;	/* of them */
	uint16_t kept;	/* of them in the slab */
	uint8_t state;	/* enum tt_dns_stream_state */
};

/* A message: `length` bytes, valid for the call alone, of `message_length` on the wire. They
 * differ when the message was cut. */
typedef void (*tt_dns_stream_message)(
	void *context, const uint8_t *bytes, size_t length, size_t message_length);

/* `capacity` slabs, 1 to 2^20. 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. */
int tt_dns_stream_pool_create(struct tt_dns_stream_pool *pool, uint32_t capacity, bool huge_pages);
void tt_dns_stream_pool_destroy(struct tt_dns_stream_pool *pool);

/* The next byte is the first of the connection. */
void tt_dns_stream_start(struct tt_dns_stream *stream);

/* The next `length` bytes in order. While searching, a piece is looked at only where it begins: it
 * must be a length and the header of a plausible message. */
void tt_dns_stream_data(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool,
	const uint8_t *bytes, size_t length, tt_dns_stream_message message, void *context);

/* `length` bytes are lost. Inside a message that ends after them only that one is lost; else the
 * search begins. */
void tt_dns_stream_gap(
	struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool, uint32_t length);

/* The direction is over: free its slab, and begin anew. */
void tt_dns_stream_close(struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool);

/* For classification on any port: do these first bytes of a direction look like DNS over TCP? A
 * length and as much of a message as is there; whole messages must be plausible. */
bool tt_dns_stream_is_plausible(const uint8_t *bytes, size_t length);

#endif
