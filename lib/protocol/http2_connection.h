/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 transactions of a TCP connection in clear, RFC 9113, and gRPC's status in them. Called by a
 * worker with the bytes of both directions in order, as protocol/stream.h gives them. A header block
 * that lies whole in one piece is read where it is, one that is split over pieces or CONTINUATION
 * frames is put together in a slab; DATA and whatever tells nothing is passed over by its length,
 * also where the tap lost its segments. Streams may be interleaved: each is a transaction.
 *
 * A struct tt_http2_connection hangs off its flow; slabs, dynamic tables and transactions under way
 * are of the worker's struct tt_http2_pool. Neither locks nor allocates. A piece costs a bounded time
 * for each byte of header blocks and each frame in it, and none for data.
 *
 * What was lost, or was before a connection was picked up midstream, may have changed the state that
 * header blocks refer to: fields that refer to it are unknown (protocol/hpack.h), and left out.
 * Where frames begin is then looked for at the beginning of each piece.
 */
#ifndef TT_PROTOCOL_HTTP2_CONNECTION_H
#define TT_PROTOCOL_HTTP2_CONNECTION_H

#include "base/slabs.h"
#include "protocol/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_HTTP2_STREAMS     256   /* under way a connection */
#define TT_HTTP2_BLOCK_BYTES 16384 /* of a header block, with the padding of its first frame */

/* RFC 9113 4.1. */
#define TT_HTTP2_HEADER_BYTES 9

/* `client`: the direction of the requests. Valid for the call alone. */
typedef void (*tt_http2_report)(
	void *context, const struct tt_http_transaction *transaction, unsigned int client);

/* Written by the pool's owner, read by anyone. */
struct tt_http2_counters {
	tt_counter slabs_used; /* header blocks that wait for their end */
	tt_counter slabs_high;
	tt_counter slabs_full;	/* split blocks lost for want of a slab */
	tt_counter tables_used; /* dynamic tables, one a direction that sends headers */
	tt_counter tables_high;
	tt_counter tables_full; /* blocks read without one */
	tt_counter exchanges_used;
	tt_counter exchanges_high;
	tt_counter exchanges_full; /* streams not followed: no room in the pool */
	tt_counter streams_full;   /* the same: TT_HTTP2_STREAMS are under way */
	tt_counter blocks_lost;	   /* by a gap or a limit */
	tt_counter tables_large;   /* blocks after which the table is larger than what is kept */
	tt_counter fields_unknown; /* fields that refer to an entry that is not known */
	tt_counter invalid;	   /* frames and blocks that are not HTTP/2's */
	tt_counter resyncs;	   /* times that a frame was found again */
};

struct tt_http2_pool_options {
	uint32_t slabs;	    /* split blocks at a time, 1 to 2^20, TT_HTTP2_BLOCK_BYTES each */
	uint32_t tables;    /* 1 to 2^24, under 8 KiB each */
	uint32_t exchanges; /* transactions under way, 1 to 2^24, 1 KiB each */
	bool huge_pages;    /* base/memory.h */
	uint64_t secret;    /* of the keyed hash */
	tt_http2_report report;
};

/* One worker's memory. */
struct tt_http2_pool {
	struct tt_slabs slabs; /* of TT_HTTP2_BLOCK_BYTES */
	struct tt_slabs tables;
	struct tt_slabs exchanges;
	uint32_t *buckets; /* of the exchanges, by connection and stream: number + 1 */
	uint32_t bucket_mask;
	struct tt_http2_pool_options options;
	struct tt_http2_counters counters;
};

enum tt_http2_side_state {
	TT_HTTP2_SEARCHING, /* where a frame begins is not known */
	TT_HTTP2_START,	    /* nothing was sent: the client's preface, or the server's frames */
	TT_HTTP2_PREFACE,   /* in it */
	TT_HTTP2_HEADER,    /* at the beginning of a frame, or inside its header */
	TT_HTTP2_PAYLOAD,
	TT_HTTP2_ENDED /* nothing follows */
};

/* One direction. */
struct tt_http2_side {
	uint64_t time_us; /* of the frame's first byte; of a block: of its first frame's */
	union {
		struct {
			uint32_t length; /* of the frame's payload */
			uint32_t left;	 /* of it to come */
		};
		uint8_t header[TT_HTTP2_HEADER_BYTES - 1]; /* while it is cut */
	};
	uint32_t stream;     /* the frame's */
	uint32_t promised;   /* by the block's PUSH_PROMISE */
	uint32_t highest;    /* stream that was opened */
	uint32_t table;	     /* number + 1; 0: none */
	uint32_t slab;	     /* number + 1; 0: none */
	uint16_t kept;	     /* bytes in the slab */
	uint16_t block_kept; /* of them: of the block's frames before this one */
	uint8_t state;	     /* enum tt_http2_side_state */
	uint8_t type;	     /* the frame's */
	uint8_t flags;
	uint8_t block_type; /* of the block's first frame */
	uint8_t block_flags;
	uint8_t padding;     /* of DATA */
	uint8_t header_kept; /* bytes of `header`, or of the preface */
	bool seen : 1;	     /* bytes of it were, though not where a frame begins */
	bool in_block : 1;   /* CONTINUATION follows */
	bool lost : 1;	     /* part of the block */
	bool incomplete : 1; /* blocks were not seen, or had no table */
};

/* Zero it for a connection picked up midstream; tt_http2_connection_start() for a direction whose
 * first byte comes next. */
struct tt_http2_connection {
	struct tt_http2_side side[2];
	uint32_t first; /* exchange: number + 1; 0: none. Those under way, oldest first */
	uint32_t last;
	uint32_t lowest; /* stream that the client opened since its frames were all seen; 0: none */
	uint16_t streams;   /* of the exchanges */
	uint16_t early;	    /* of the exchanges: whole responses that wait for their request */
	uint8_t client : 1; /* the requests' direction, once known */
	bool client_known : 1;
	bool upgraded : 1; /* from HTTP/1.1, and the answer to that request has not begun */
};

/* Bytes that a pool maps. */
uint64_t tt_http2_pool_bytes(const struct tt_http2_pool_options *options);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. */
int tt_http2_pool_create(struct tt_http2_pool *pool, const struct tt_http2_pool_options *options);
void tt_http2_pool_destroy(struct tt_http2_pool *pool);

/* The next byte of the direction is its first. */
void tt_http2_connection_start(struct tt_http2_connection *connection, unsigned int direction);

/* After tt_http2_connection_start(): the connection was HTTP/1.1, and its last request asked to go on as HTTP/2: stream 1 is its
 * answer alone (RFC 7540 3.2), because the request has been reported with its 101. */
void tt_http2_connection_upgrade(struct tt_http2_connection *connection);

/* The next bytes in order. `context` is handed to the report of what is complete by them. */
void tt_http2_connection_data(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, const uint8_t *bytes, size_t length, uint64_t time_us,
	void *context);

/* The next `length` bytes are lost. */
void tt_http2_connection_gap(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, uint64_t length, uint64_t time_us, void *context);

/* The direction's FIN: nothing of it follows. */
void tt_http2_connection_end(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, void *context);

/* The connection is over: report what is under way, and free what it holds. The connection is as
 * one picked up midstream afterwards. */
void tt_http2_connection_close(
	struct tt_http2_connection *connection, struct tt_http2_pool *pool, void *context);

/* Do frames of HTTP/2 begin with these bytes, which are all of a segment or its beginning? For
 * streams whose beginning was not seen: a chain of headers that are as RFC 9113 6 has them, with at
 * least two whole frames or one that ends with the bytes. */
bool tt_http2_frames_begin(const uint8_t *bytes, size_t length);

#endif
