/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 transactions of a TCP connection. Called by a worker with the bytes of both directions in
 * order, as protocol/stream.h gives them. A head that lies whole in one piece is read where it is,
 * one that is split is put together in a slab; bodies are passed over by their length, also where
 * the tap lost their segments. Requests wait in a queue for their responses, which pair in order.
 *
 * A struct tt_http1_connection hangs off its flow; slabs and transactions under way are of the
 * worker's struct tt_http1_pool. Neither locks nor allocates. A piece costs a bounded time for each
 * byte of heads and of chunks' frames in it, and none for data.
 *
 * Where footing is lost (a gap over a head, a connection picked up midstream, bytes that are not
 * HTTP), a message is looked for at the beginning of each piece. When a gap may have swallowed
 * responses, the next one answers the newest request, because a client that does not pipeline
 * has had the answers to all others; one that pipelines is taken in order.
 */
#ifndef TT_PROTOCOL_HTTP1_CONNECTION_H
#define TT_PROTOCOL_HTTP1_CONNECTION_H

#include "base/slabs.h"
#include "protocol/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_HTTP1_QUEUE 128 /* transactions under way a connection */

/* `client`: the direction of the requests. Valid for the call alone. */
typedef void (*tt_http1_report)(
	void *context, const struct tt_http_transaction *transaction, unsigned int client);

/* Written by the pool's owner, read by anyone. */
struct tt_http1_counters {
	tt_counter slabs_used; /* heads that wait for their end */
	tt_counter slabs_high;
	tt_counter slabs_full; /* split heads cut for want of a slab */
	tt_counter exchanges_used;
	tt_counter exchanges_high;
	tt_counter exchanges_full; /* transactions not followed: no room in the pool */
	tt_counter queue_full;	   /* the same: TT_HTTP1_QUEUE are under way */
	tt_counter heads_cut;	   /* by a gap or a limit, but their first line was read */
	tt_counter invalid;	   /* messages that are not HTTP/1, or do not frame their body */
	tt_counter resyncs;	   /* times that a message was found again */
};

struct tt_http1_pool_options {
	uint32_t slabs;	    /* split heads at a time, 1 to 2^20, TT_HTTP1_HEAD_BYTES each */
	uint32_t exchanges; /* transactions under way, 1 to 2^24, under 1 KiB each */
	bool huge_pages;    /* base/memory.h */
	tt_http1_report report;
};

/* One worker's memory. */
struct tt_http1_pool {
	struct tt_slabs slabs; /* of TT_HTTP1_HEAD_BYTES */
	struct tt_slabs exchanges;
	struct tt_http1_pool_options options;
	struct tt_http1_counters counters;
};

enum tt_http1_side_state {
	TT_HTTP1_SEARCHING, /* where a message begins is not known */
	TT_HTTP1_HEAD,	    /* at the beginning of a message, or inside its head */
	TT_HTTP1_BODY,	    /* of a known length */
	TT_HTTP1_CHUNKS,
	TT_HTTP1_UNTIL_END, /* a response that ends with the connection */
	TT_HTTP1_OPAQUE,    /* after CONNECT, until its answer says what follows */
	TT_HTTP1_UPGRADED   /* another protocol's */
};

/* One direction. */
struct tt_http1_side {
	uint64_t left;	  /* of the body or chunk; TT_HTTP1_UNTIL_END: bytes seen */
	uint64_t time_us; /* in a head: of its first byte; in a body: of the last piece seen */
	uint32_t slab;	  /* of a split head: number + 1; 0: none */
	uint32_t scanned; /* of the slab, for its end */
	uint16_t kept;	  /* bytes in the slab */
	uint8_t state;	  /* enum tt_http1_side_state */
	uint8_t chunk_state;
	bool body_unsure; /* none of the body was seen, and it may never come */
};

/* Zero it for a connection picked up midstream; tt_http1_connection_start() for one whose SYN was
 * seen. */
struct tt_http1_connection {
	struct tt_http1_side side[2];
	uint32_t first; /* exchange: number + 1; 0: none. The queue, oldest first */
	uint32_t last;
	uint32_t asking;    /* whose request is being read */
	uint32_t answering; /* whose response is being read */
	uint16_t skipped;   /* requests after the queue that are not followed */
	uint8_t queued;
	uint8_t client : 1; /* the requests' direction, once known */
	uint8_t client_known : 1;
	uint8_t pipelined : 1;	  /* requests were sent without waiting for answers */
	uint8_t answers_lost : 1; /* in a gap, and none has come since */
	uint8_t websocket : 1;	  /* what it was upgraded to (RFC 6455 4.2.2) */
	uint8_t switched : 1;	  /* it was, by 101, not by CONNECT */
};

/* Bytes that a pool maps. */
uint64_t tt_http1_pool_bytes(uint32_t slabs, uint32_t exchanges);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. */
int tt_http1_pool_create(struct tt_http1_pool *pool, const struct tt_http1_pool_options *options);
void tt_http1_pool_destroy(struct tt_http1_pool *pool);

/* Fetch what the next bytes touch beside the connection. */
void tt_http1_connection_prefetch(
	const struct tt_http1_connection *connection, const struct tt_http1_pool *pool);

/* The next byte of either direction is the first of the connection. */
void tt_http1_connection_start(struct tt_http1_connection *connection);

/* The connection speaks another protocol: after 101, or a CONNECT that succeeded. */
static inline bool tt_http1_connection_upgraded(const struct tt_http1_connection *connection)
{
	return connection->side[0].state == TT_HTTP1_UPGRADED;
}

/* Has every transaction been reported that began, and no message begun since? */
bool tt_http1_connection_is_idle(const struct tt_http1_connection *connection);

/* The next bytes in order. Returns how many are HTTP/1's: all, but once the connection is upgraded;
 * the rest, and both directions' later bytes, are the next protocol's. `context` is handed to the
 * report of what is complete by these bytes. */
size_t tt_http1_connection_data(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, const uint8_t *bytes, size_t length, uint64_t time_us,
	void *context);

/* The next `length` bytes are lost. */
void tt_http1_connection_gap(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, uint64_t length, uint64_t time_us, void *context);

/* The direction's FIN: what runs until then is complete, and nothing else will be. */
void tt_http1_connection_end(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, void *context);

/* The connection is over: report what is under way, and free what it holds. The connection is as
 * one picked up midstream afterwards. */
void tt_http1_connection_close(
	struct tt_http1_connection *connection, struct tt_http1_pool *pool, void *context);

#endif
