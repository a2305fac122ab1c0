/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection of QUIC's Initial packets (RFC 9001 5, RFC 9369 3.3), whose keys anyone can make who
 * sees the client's first Destination Connection ID. SHA-256, AES-128-ECB and AES-128-GCM are
 * libcrypto's; HMAC and HKDF (RFC 2104, RFC 5869) are put together here, because libcrypto's own
 * allocate at each use. Its contexts are made at start and used again, which allocates nothing, so
 * that a worker can open packets on the packet path. Each worker has its own.
 */
#ifndef TT_PROTOCOL_QUIC_PROTECTION_H
#define TT_PROTOCOL_QUIC_PROTECTION_H

#include "protocol/quic.h"

#include <openssl/types.h>

#define TT_QUIC_KEY_BYTES   16
#define TT_QUIC_NONCE_BYTES 12
#define TT_QUIC_PLAIN_BYTES 4096 /* of a packet, at most; one that is longer is not opened */

struct tt_quic_protection {
	EVP_CIPHER_CTX *mask; /* AES-128-ECB */
	EVP_CIPHER_CTX *open; /* AES-128-GCM */
};

/* Of one direction. */
struct tt_quic_keys {
	uint8_t key[TT_QUIC_KEY_BYTES];
	uint8_t nonce[TT_QUIC_NONCE_BYTES];
	uint8_t header[TT_QUIC_KEY_BYTES];
};

/* 0 or TT_ERROR_MEMORY, when libcrypto refuses; tt_quic_protection_destroy() takes what there is
 * apart. */
int tt_quic_protection_create(struct tt_quic_protection *protection);
void tt_quic_protection_destroy(struct tt_quic_protection *protection);

/* The keys of what the client, or the server, sends. false: the version's are not known. */
bool tt_quic_keys_make(
	struct tt_quic_keys *keys, uint32_t version, const struct tt_quic_id *id, bool server);

/* Open a packet of TT_QUIC_INITIAL. Returns how many bytes were written to `plain`; 0: these are
 * not its keys, or it was changed under way. */
size_t tt_quic_open(const struct tt_quic_protection *protection, const struct tt_quic_keys *keys,
	const struct tt_quic_header *header, uint8_t plain[TT_QUIC_PLAIN_BYTES]);

#endif
