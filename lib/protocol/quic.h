/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC on (bytes, length), as far as its headers are in clear: long headers of any version (RFC 8999)
 * and, of the versions whose handshake is TLS, their packets (RFC 9000 17.2, RFC 9369 3.2) and the
 * frames of an opened Initial packet (RFC 9000 19). Called by a worker. Owns nothing: what is parsed
 * points at the bytes and lives no longer than they do. Work is linear in the length.
 */
#ifndef TT_PROTOCOL_QUIC_H
#define TT_PROTOCOL_QUIC_H

#include "base/cursor.h"

#define TT_QUIC_ID_BYTES 20 /* RFC 9000 17.2, at most */

/* RFC 9000 15, RFC 9369 3, and versions that differ from a draft in their Initial salt alone. */
enum tt_quic_version {
	TT_QUIC_NEGOTIATION = 0,
	TT_QUIC_1 = 0x00000001,
	TT_QUIC_2 = 0x6b3343cf,
	TT_QUIC_2_DRAFT = 0x709a50c4,
	TT_QUIC_DRAFT = 0xff000000, /* draft in the low byte */
	TT_QUIC_DRAFT_22 = 0xff000016,
	TT_QUIC_DRAFT_34 = 0xff000022,
	TT_QUIC_MVFST_1 = 0xfaceb001,
	TT_QUIC_MVFST_2 = 0xfaceb002,
	TT_QUIC_MVFST_14 = 0xfaceb00e,
	TT_QUIC_T050 = 0x54303530, /* Google's, with TLS */
	TT_QUIC_T051 = 0x54303531
};

enum tt_quic_packet {
	TT_QUIC_INITIAL,
	TT_QUIC_0RTT,
	TT_QUIC_HANDSHAKE,
	TT_QUIC_RETRY,
	TT_QUIC_OTHER /* of an unknown version, or version negotiation: to the datagram's end */
};

enum tt_quic_frame_type {
	TT_QUIC_PADDING = 0x00,
	TT_QUIC_PING = 0x01,
	TT_QUIC_ACK = 0x02,
	TT_QUIC_ACK_ECN = 0x03,
	TT_QUIC_CRYPTO = 0x06,
	TT_QUIC_CONNECTION_CLOSE = 0x1c
};

struct tt_quic_id {
	uint8_t length;
	uint8_t bytes[TT_QUIC_ID_BYTES];
};

/* A packet of a long header. */
struct tt_quic_header {
	uint32_t version;
	uint8_t type; /* enum tt_quic_packet */
	struct tt_quic_id destination;
	struct tt_quic_id source;
	const uint8_t *bytes;	/* of the packet */
	size_t length;		/* of all of it */
	size_t protected_bytes; /* from its packet number on; of TT_QUIC_INITIAL alone */
};

/* One that says something about a handshake. */
struct tt_quic_frame {
	uint64_t type;	/* enum tt_quic_frame_type: CRYPTO or CONNECTION_CLOSE */
	uint64_t value; /* offset of CRYPTO's bytes, error of CONNECTION_CLOSE */
	const uint8_t *bytes;
	size_t length;
};

/* RFC 9000 15: reserved, to exercise negotiation. */
static inline bool tt_quic_is_reserved(uint32_t version)
{
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* A variable-length integer, RFC 9000 16. */
uint64_t tt_quic_integer(struct tt_cursor *cursor);

/* The packet at `bytes` of a datagram; the next one, if any, is behind its length. false: no long
 * header, or an unsound one. */
bool tt_quic_header_parse(struct tt_quic_header *header, const uint8_t *bytes, size_t length);

/* The next frame of CRYPTO or CONNECTION_CLOSE in the plaintext of a version's Initial packet, the others
 * that may be there skipped. false at the end, or at what may not be there (RFC 9000 12.4). */
bool tt_quic_frame_next(struct tt_cursor *cursor, struct tt_quic_frame *frame, uint32_t version);

#endif
