/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS handshake of a connection, out of the bytes of both directions in order, as
 * protocol/stream.h gives them, of the datagrams of DTLS, or of QUIC's messages. Called by a worker for each connection
 * that may be TLS, on any port, also when TLS begins after something else (STARTTLS, CONNECT,
 * SOCKS): until a hello is found, each piece is looked at where it begins, TT_TLS_SEARCH_PIECES of
 * them at most. Reports the handshake once, when both directions have gone over to encryption or
 * the connection ends, and looks at nothing afterwards.
 *
 * A message that lies whole in one piece is parsed where it is, else it is put together in a buffer
 * of the worker's pool. What is learnt is kept in a struct tt_tls_handshake of the same pool until
 * it is reported. Neither locks nor allocates; work is linear in the bytes.
 */
#ifndef TT_PROTOCOL_TLS_CONNECTION_H
#define TT_PROTOCOL_TLS_CONNECTION_H

#include "base/slabs.h"
#include "protocol/tls_fingerprint.h"

#define TT_TLS_BUFFER_BYTES  16384 /* what is kept of a message in pieces, and the longest leaf */
#define TT_TLS_SEARCH_PIECES 32	   /* of a direction, without a hello */
#define TT_TLS_NAME_BYTES    255   /* of SNI and of ALPN's choice; longer is cut */
#define TT_TLS_OFFER_BYTES   256   /* of ALPN's offers; names on top are left out */
#define TT_TLS_ALERTS	     8	   /* the first ones */
/* One direction is encrypted and of the other nothing was seen: after so many bytes the tap is
 * taken to see one direction alone. */
#define TT_TLS_ONE_SIDED_BYTES 16384

enum tt_tls_handshake_flag {
	TT_TLS_HAS_CLIENT_HELLO = 1 << 0,
	TT_TLS_HAS_SERVER_HELLO = 1 << 1,
	TT_TLS_HAS_VERSIONS = 1 << 2, /* offered by supported_versions */
	TT_TLS_OFFERS_ENCRYPTED_HELLO = 1 << 3,
	TT_TLS_RETRIED = 1 << 4, /* a HelloRetryRequest */
	TT_TLS_RESUMED = 1 << 5,
	TT_TLS_HELLO_CUT = 1 << 6, /* a hello that was lost in part, or too long */
	TT_TLS_DATAGRAM = 1 << 7,  /* DTLS */
	TT_TLS_QUIC = 1 << 8	   /* in QUIC */
};

struct tt_tls_alert {
	bool server; /* sent by */
	uint8_t level;
	uint8_t description; /* RFC 8446 6 */
};

/* One handshake, without pointers. Fields of a hello hold when its flag is set. */
struct tt_tls_handshake {
	uint64_t client_hello_us; /* of its last byte; of the first one, when it was retried */
	uint64_t server_hello_us; /* of its first byte */
	uint16_t flags;		  /* enum tt_tls_handshake_flag */
	uint16_t version;	  /* chosen; enum tt_tls_version or any other */
	uint16_t cipher;	  /* chosen; 0 for SSLv2, where it is not the server's */
	uint16_t alpn_offered_bytes;
	uint8_t client_direction; /* 0 or 1 */
	uint8_t server_name_bytes;
	uint8_t alpn_bytes;
	uint8_t alert_count;
	uint8_t session_id_bytes; /* the client's */
	uint8_t session_id[TT_TLS_SESSION_ID_BYTES];
	struct tt_tls_alert alert[TT_TLS_ALERTS];
	uint8_t server_name[TT_TLS_NAME_BYTES];
	uint8_t alpn[TT_TLS_NAME_BYTES];	  /* chosen, where in clear: not by TLS 1.3 */
	uint8_t alpn_offered[TT_TLS_OFFER_BYTES]; /* for tt_tls_alpn_next() */
	/* Last, so that who copies a handshake can leave out what is not used of its values. */
	struct tt_tls_fingerprint fingerprint;
};

/* Valid for the call alone. */
struct tt_tls_event {
	const struct tt_tls_handshake *handshake;
	const uint8_t *certificate; /* the server's own, DER; NULL: none in clear, or not whole */
	uint32_t certificate_bytes;
};

struct tt_tls_consumer {
	void (*handshake)(void *context, const struct tt_tls_event *event);
	void *context;
};

/* Written by the pool's owner, read by anyone. */
struct tt_tls_counters {
	tt_counter handshakes_used;
	tt_counter handshakes_high;
	tt_counter handshakes_full; /* connections given up for want of a handshake's slab */
	tt_counter buffers_used;
	tt_counter buffers_high;
	tt_counter buffers_full;     /* messages in pieces, or certificates, without a buffer */
	tt_counter messages_cut;     /* hellos torn by a gap or longer than a buffer */
	tt_counter certificates_cut; /* leaves not kept: the same reasons */
	tt_counter reported;
};

/* One worker's. */
struct tt_tls_pool {
	struct tt_slabs handshakes;
	struct tt_slabs buffers;
	struct tt_tls_counters counters;
};

enum tt_tls_side_state {
	TT_TLS_SEARCHING, /* for a hello, where a piece begins */
	TT_TLS_HEADER,	  /* inside of a record's header */
	TT_TLS_BODY,	  /* inside of a record */
	TT_TLS_SSL2_BODY, /* inside of a record of SSLv2 */
	TT_TLS_DONE	  /* encrypted, ended or given up */
};

enum tt_tls_side_flag {
	TT_TLS_SIDE_HELLO = 1 << 0, /* it was a hello's; the stream is in step with its records */
	TT_TLS_SIDE_GAP = 1 << 1,   /* bytes are missing since */
	TT_TLS_SIDE_FULL_HANDSHAKE = 1 << 2 /* messages that only a full handshake has */
};

/* One direction. */
struct tt_tls_side {
	uint64_t message_us;	/* when the first byte came of the message it is in */
	uint32_t message_bytes; /* of the body of the message it is in */
	uint32_t message_seen;
	uint32_t buffer;       /* number + 1, of what is kept of it; 0: none */
	uint32_t done_bytes;   /* seen since TT_TLS_DONE */
	uint16_t buffer_bytes; /* used */
	uint16_t record_left;
	uint16_t message_sequence; /* DTLS */
	uint8_t state;		   /* enum tt_tls_side_state */
	uint8_t flags;		   /* enum tt_tls_side_flag */
	uint8_t pieces;		   /* looked at while searching */
	uint8_t record_type;
	uint8_t header_bytes; /* of `header` */
	uint8_t message_header_bytes;
	uint8_t header[TT_TLS_RECORD_HEADER_BYTES];
	uint8_t message_header[TT_TLS_MESSAGE_HEADER_BYTES];
	uint8_t alert[2]; /* an alert in pieces */
	uint8_t alert_bytes;
};

/* Both directions of a connection. Zero it for a new one. */
struct tt_tls_connection {
	struct tt_tls_side side[2];
	uint32_t handshake;   /* number + 1; 0: none */
	uint32_t certificate; /* number of a buffer + 1; 0: none */
	uint16_t certificate_bytes;
	bool finished;
	bool datagram; /* DTLS */
	bool quic;
};

/* A handshake message of who has no records (QUIC). */
struct tt_tls_message {
	const uint8_t *bytes; /* of the body */
	uint32_t kept_bytes;  /* there; as few as it was cut to */
	uint32_t bytes_total; /* of the whole body */
	uint64_t first_us;    /* when its first byte came */
	uint8_t type;	      /* enum tt_tls_message_type */
};

/* Bytes that a pool maps. */
uint64_t tt_tls_pool_bytes(uint32_t handshakes, uint32_t buffers);

/* Up to 2^24 handshakes and buffers, over 0 each. 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. */
int tt_tls_pool_create(
	struct tt_tls_pool *pool, uint32_t handshakes, uint32_t buffers, bool huge_pages);
void tt_tls_pool_destroy(struct tt_tls_pool *pool);

/* Fetch what the next bytes touch beside the connection, a stream's. */
void tt_tls_connection_prefetch(
	const struct tt_tls_connection *connection, const struct tt_tls_pool *pool);

/* The next `length` bytes, over 0, of a direction, captured at `time_us`. */
void tt_tls_connection_data(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const uint8_t *bytes, size_t length);

/* `length` bytes of a direction are lost. Inside of a message only that one is lost, with what came
 * of a hello before the gap kept; over its end, a hello is searched for again. */
void tt_tls_connection_gap(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint32_t length);

/* A datagram of DTLS. A connection gets datagrams or a stream's bytes, never both. */
void tt_tls_connection_datagram(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const uint8_t *bytes, size_t length);

/* A message of QUIC's, whose last byte came at `time_us`. true: it was the direction's hello, all that
 * is in clear of it. A connection that gets messages gets nothing else but alerts. */
bool tt_tls_connection_message(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const struct tt_tls_message *message);

/* An alert of QUIC's; of no meaning before a hello. */
void tt_tls_connection_alert(const struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	unsigned int direction, enum tt_tls_alert_level level, uint8_t description);

/* A buffer of TT_TLS_BUFFER_BYTES for who puts messages together: its number + 1, or 0, counted. */
uint32_t tt_tls_buffer_take(struct tt_tls_pool *pool);
void *tt_tls_buffer_at(const struct tt_tls_pool *pool, uint32_t buffer);
/* *buffer is 0 afterwards, and may be before. */
void tt_tls_buffer_give(struct tt_tls_pool *pool, uint32_t *buffer);

/* Nothing follows in a direction. */
void tt_tls_connection_end(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction);

/* The connection is over: report what was not yet, and free its slabs. `consumer` NULL: free only.
 * It is as new afterwards. */
void tt_tls_connection_close(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer);

/* There is nothing more to be learnt: it holds no slabs, and need not be fed. */
static inline bool tt_tls_connection_is_finished(const struct tt_tls_connection *connection)
{
	return connection->finished;
}

#endif
