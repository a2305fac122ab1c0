/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake message put together out of QUIC's CRYPTO frames (RFC 9000 19.6), which come in any
 * order, over several packets, twice and overlapping. Called by a worker. It lies in memory of the
 * caller's, without pointers; neither locks nor allocates. Work is linear in the bytes and in
 * TT_QUIC_RANGES.
 */
#ifndef TT_PROTOCOL_QUIC_CRYPTO_H
#define TT_PROTOCOL_QUIC_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_QUIC_RANGES	      63    /* pieces apart from each other */
#define TT_QUIC_MESSAGE_BYTES 16128 /* kept, with the message's header */

struct tt_quic_range {
	uint16_t begin;
	uint16_t end;
};

/* As `ranges` 0 it is empty; the rest need not be written. */
struct tt_quic_message {
	uint16_t ranges;
	uint16_t unused;
	struct tt_quic_range range[TT_QUIC_RANGES]; /* in their order, apart from each other */
	uint8_t bytes[TT_QUIC_MESSAGE_BYTES];
};

/* Bytes of a frame, `offset` of them behind the message's first. false: they, or what of them is
 * beyond TT_QUIC_MESSAGE_BYTES, were not kept. */
bool tt_quic_message_add(
	struct tt_quic_message *message, uint64_t offset, const uint8_t *bytes, size_t length);

/* How many of its first bytes are there. */
size_t tt_quic_message_prefix(const struct tt_quic_message *message);

/* Copy what is there of one message. */
void tt_quic_message_copy(struct tt_quic_message *copy, const struct tt_quic_message *message);

#endif
