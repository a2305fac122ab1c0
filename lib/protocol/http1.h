/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 and 1.1 on (bytes, length): the heads of requests and responses, and the frames of
 * chunked bodies. RFC 9112, and of RFC 9110 the fields that frame a message. Called by
 * protocol/http1_connection.h and by classification. Owns nothing: a struct tt_http1_head points at
 * the bytes and lives no longer than they do. Neither copies nor allocates; one pass.
 *
 * It reads what real peers understand, not what they should have sent: bare line feeds, folded
 * lines, spaces before colons and around values; a line without a colon is passed over. Only the
 * first line is held to its form, because it alone tells HTTP from other protocols.
 */
#ifndef TT_PROTOCOL_HTTP1_H
#define TT_PROTOCOL_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_HTTP1_HEAD_BYTES 16384
#define TT_HTTP1_FIELDS	    100 /* lines of a head after the first, folded ones included */

enum tt_http1_kind {
	TT_HTTP1_NEITHER,
	TT_HTTP1_UNDECIDED, /* too few bytes to tell */
	TT_HTTP1_REQUEST,
	TT_HTTP1_RESPONSE
};

enum tt_http1_result {
	TT_HTTP1_OK,	 /* a whole head */
	TT_HTTP1_MORE,	 /* sound as far as it goes; it goes on after these bytes */
	TT_HTTP1_LIMIT,	 /* sound, but its end is not within TT_HTTP1_HEAD_BYTES and _FIELDS */
	TT_HTTP1_INVALID /* not HTTP/1 */
};

/* Part of the head, without space around it; bytes NULL: not there. */
struct tt_http1_text {
	const uint8_t *bytes;
	uint32_t length;
};

/* Bits of struct tt_http1_head.flags. */
enum tt_http1_flag {
	TT_HTTP1_FIRST_LINE = 1 << 0,	  /* it was read whole */
	TT_HTTP1_LENGTH = 1 << 1,	  /* content_length holds */
	TT_HTTP1_LENGTH_UNSOUND = 1 << 2, /* Content-Length is no number, or says two */
	TT_HTTP1_CHUNKED = 1 << 3,	  /* the last transfer coding */
	TT_HTTP1_CODED = 1 << 4,	  /* there is a Transfer-Encoding */
	TT_HTTP1_EXPECT = 1 << 5,	  /* Expect: 100-continue */
	TT_HTTP1_WEBSOCKET = 1 << 6	  /* Upgrade: websocket */
};

/* With TT_HTTP1_MORE and _LIMIT, and TT_HTTP1_FIRST_LINE set: the lines read so far. */
struct tt_http1_head {
	uint32_t bytes; /* of the whole head, with its empty line */
	uint16_t status;
	uint8_t version; /* 10 * major + minor; 0: a request's line that has none */
	uint8_t flags;	 /* enum tt_http1_flag */
	uint64_t content_length;
	struct tt_http1_text method;
	struct tt_http1_text target;
	struct tt_http1_text host; /* the first of several; so the two below */
	struct tt_http1_text user_agent;
	struct tt_http1_text content_type;
};

/* Which message may begin with these bytes? For streams whose boundaries are not known: a request
 * must have a method of capitals and a target that begins as one does, a response its version. */
enum tt_http1_kind tt_http1_kind_of(const uint8_t *bytes, size_t length);

/* Read the first line alone of a request at `bytes`, TT_HTTP1_FIRST_LINE set when it is whole; false:
 * tt_http1_request() would not be valid. */
bool tt_http1_request_line(struct tt_http1_head *head, const uint8_t *bytes, size_t length);

/* Read a head of the kind at `bytes`. */
enum tt_http1_result tt_http1_request(
	struct tt_http1_head *head, const uint8_t *bytes, size_t length);
enum tt_http1_result tt_http1_response(
	struct tt_http1_head *head, const uint8_t *bytes, size_t length);

/* Is the end of a head within (bytes, length)? Bytes before *scanned have been looked at before:
 * 0 at first; it goes on. So a head that grows by pieces is read once, when it is whole. */
bool tt_http1_head_ends(const uint8_t *bytes, size_t length, uint32_t *scanned);

/* Copy at most `capacity` bytes; line breaks and the spaces around them become one space. Returns
 * how many were copied. */
size_t tt_http1_text_copy(char *copy, size_t capacity, const struct tt_http1_text *text);

enum tt_http1_chunk_state {
	TT_HTTP1_CHUNK_SIZE,	  /* before a chunk's size */
	TT_HTTP1_CHUNK_DIGITS,	  /* in it */
	TT_HTTP1_CHUNK_EXTENSION, /* on its line after it */
	TT_HTTP1_CHUNK_DATA,
	TT_HTTP1_CHUNK_DATA_END,   /* before the line break after the data */
	TT_HTTP1_CHUNK_DATA_LF,	   /* in it */
	TT_HTTP1_CHUNK_TRAILER,	   /* at the beginning of a line of the trailer section */
	TT_HTTP1_CHUNK_TRAILER_CR, /* after a carriage return there */
	TT_HTTP1_CHUNK_TRAILER_LINE,
	TT_HTTP1_CHUNK_DONE,
	TT_HTTP1_CHUNK_INVALID
};

/* Where in a chunked body a stream is. Zero it for the beginning. */
struct tt_http1_chunked {
	uint64_t left; /* of the chunk's data, or the size as far as it was read */
	uint8_t state; /* enum tt_http1_chunk_state */
};

/* Read on. Returns how many bytes are the body's: fewer than `length` when it is done or invalid.
 * *data_bytes grows by the sizes of the chunks whose frames were read: it runs ahead of the stream
 * by `left` inside a chunk. Data are passed over, not looked at. */
size_t tt_http1_chunked_read(struct tt_http1_chunked *chunked, const uint8_t *bytes, size_t length,
	uint64_t *data_bytes);

#endif
