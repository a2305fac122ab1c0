/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS handshake of a QUIC connection, out of the datagrams of both directions. Called by a worker
 * for each flow that was classified as QUIC. Initial packets are opened with the keys that follow from
 * the client's first Destination Connection ID or, after a Retry, from the new one; their CRYPTO
 * frames are joined, and the hellos parsed as those of TLS are. 0-RTT and Handshake packets are
 * skipped. A connection id that changes, a Retry, another version than the first are followed; a
 * connection that moves to other addresses is not.
 *
 * A direction is looked at until its hello is whole, for TT_QUIC_INITIALS Initial packets and
 * TT_QUIC_DATAGRAMS datagrams at most. The handshake is reported once, when both directions are done
 * or the connection ends. A message of several packets is kept in a buffer of TLS's pool. Neither
 * locks nor allocates; work is linear in the bytes.
 */
#ifndef TT_PROTOCOL_QUIC_CONNECTION_H
#define TT_PROTOCOL_QUIC_CONNECTION_H

#include "protocol/quic_crypto.h"
#include "protocol/quic_protection.h"
#include "protocol/tls_connection.h"

#define TT_QUIC_INITIALS  16 /* of a direction */
#define TT_QUIC_DATAGRAMS 64 /* of a direction */
#define TT_QUIC_PACKETS	  8  /* of a datagram */

/* Written by the reader's owner, read by anyone. */
struct tt_quic_counters {
	tt_counter opened;	  /* Initial packets */
	tt_counter not_opened;	  /* with none of the keys that could be theirs */
	tt_counter initials_last; /* of the direction that was done last */
	tt_counter initials_high; /* of any direction */
	tt_counter given_up;	  /* directions without a whole hello, at one of the limits */
	tt_counter crypto_cut;	  /* frames not kept: too far ahead, or too many holes */
};

/* What the connections of a worker share. */
struct tt_quic_reader {
	struct tt_quic_protection protection;
	struct tt_quic_counters counters;
	uint8_t plain[TT_QUIC_PLAIN_BYTES];
	struct tt_quic_message message; /* of one packet */
};

/* One direction. */
struct tt_quic_side {
	uint64_t first_us;     /* of its message: the first packet */
	uint32_t buffer;       /* of TLS's pool: its struct tt_quic_message; number + 1, 0: none */
	uint32_t base;	       /* offset of the message in the CRYPTO stream */
	uint16_t passed_bytes; /* after it was done, up to TT_TLS_ONE_SIDED_BYTES */
	uint8_t initials;
	uint8_t datagrams;
	bool done;
};

/* Both directions, beside the struct tt_tls_connection that has the handshake. Zero both for a new
 * one. */
struct tt_quic_connection {
	struct tt_quic_side side[2];
	struct tt_quic_id first;   /* of the client's: opens its packets */
	struct tt_quic_id another; /* the last one in use that differs, a Retry's included */
	struct tt_quic_keys keys;  /* of `first`, of the client */
	uint32_t version;	   /* of `keys` */
	uint8_t client_direction;
	bool client_known;
	bool keyed; /* `first` and `keys` hold */
	bool finished;
};

/* The datagrams of one connection, and with what they are read. */
struct tt_quic_work {
	struct tt_quic_reader *reader;
	struct tt_quic_connection *connection;
	struct tt_tls_connection *tls;
	struct tt_tls_pool *pool;
	const struct tt_tls_consumer *consumer;
};

/* 0 or TT_ERROR_MEMORY; tt_quic_reader_destroy() takes what there is apart. */
int tt_quic_reader_create(struct tt_quic_reader *reader);
void tt_quic_reader_destroy(struct tt_quic_reader *reader);

/* A datagram of a direction, captured at `time_us`. */
void tt_quic_connection_datagram(const struct tt_quic_work *work, unsigned int direction,
	uint64_t time_us, const uint8_t *bytes, size_t length);

/* The connection is over: report what was not yet, hellos that are not whole included, and free its
 * buffers. `consumer` NULL: free only. */
void tt_quic_connection_close(const struct tt_quic_work *work);

/* There is nothing more to be learnt: it holds no buffers, and need not be fed. */
static inline bool tt_quic_connection_is_finished(const struct tt_quic_connection *connection)
{
	return connection->finished;
}

#endif
