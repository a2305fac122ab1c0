/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC for tests, made by hand: frames, and the packets that protect them.
 */
#ifndef TT_TESTS_QUIC_BUILD_H
#define TT_TESTS_QUIC_BUILD_H

#include "protocol/quic_protection.h"

#include "protocol/tls_build.h"

#include <openssl/evp.h>

#define QUIC_TAG_BYTES	  16
#define QUIC_NUMBER_BYTES 4

/* A packet of an Initial's form. */
struct quic_packet {
	uint32_t version;
	uint32_t number;
	bool server;
	const struct tt_quic_id *keys; /* of which connection id the keys are */
	const struct tt_quic_id *destination;
	const struct tt_quic_id *source;
	size_t token_bytes;
};

/* In 1, 2, 4 or 8 bytes, the fewest that do. */
static inline void build_integer(struct tls_build *build, uint64_t value)
{
	unsigned int log = value < 64 ? 0 : value < 16384 ? 1 : value < 1073741824 ? 2 : 3;

	build_number(build, 1U << log, value | (uint64_t)log << ((8U << log) - 2));
}

static inline void build_crypto(
	struct tls_build *build, uint64_t offset, const uint8_t *bytes, size_t length)
{
	build_number(build, 1, TT_QUIC_CRYPTO);
	build_integer(build, offset);
	build_integer(build, length);
	build_bytes(build, bytes, length);
}

static inline void build_id(struct tls_build *build, const struct tt_quic_id *id)
{
	build_number(build, 1, id->length);
	build_bytes(build, id->bytes, id->length);
}

/* First byte, version and connection ids. */
static inline void build_long_header(struct tls_build *build, uint8_t type, uint32_t version,
	const struct tt_quic_id *destination, const struct tt_quic_id *source)
{
	if (version == TT_QUIC_2 || version == TT_QUIC_2_DRAFT)
		type = (uint8_t)((type + 1) % 4);
	build_number(build, 1, 0xc0 | (uint64_t)type << 4 | (QUIC_NUMBER_BYTES - 1));
	build_number(build, 4, version);
	build_id(build, destination);
	build_id(build, source);
}

/* All of what libcrypto is asked for here must be done. */
static inline void build_need(int done)
{
	if (done != 1)
		abort();
}

/* An Initial packet around frames, at the end of `build`. */
static inline void build_initial(
	struct tls_build *build, const struct quic_packet *packet, const struct tls_build *frames)
{
	size_t start = build->length;
	size_t length = frames->length;
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	uint8_t nonce[TT_QUIC_NONCE_BYTES], mask[16];
	struct tt_quic_keys keys;
	int written;

	build_need(tt_quic_keys_make(&keys, packet->version, packet->keys, packet->server));
	build_long_header(
		build, TT_QUIC_INITIAL, packet->version, packet->destination, packet->source);
	build_integer(build, packet->token_bytes);
	build_fill(build, 0x70, packet->token_bytes);
	build_integer(build, QUIC_NUMBER_BYTES + length + QUIC_TAG_BYTES);
	uint8_t *number = build->bytes + build->length;
	build_number(build, QUIC_NUMBER_BYTES, packet->number);
	memcpy(nonce, keys.nonce, sizeof(nonce));
	for (size_t i = 0; i < QUIC_NUMBER_BYTES; i++)
		nonce[sizeof(nonce) - QUIC_NUMBER_BYTES + i] ^= number[i];
	uint8_t *sealed = build->bytes + build->length;
	build_fill(build, 0, length + QUIC_TAG_BYTES);
	build_need(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, keys.key, nonce));
	build_need(EVP_EncryptUpdate(cipher, NULL, &written, build->bytes + start,
		(int)(sealed - build->bytes - (ptrdiff_t)start)));
	build_need(EVP_EncryptUpdate(cipher, sealed, &written, frames->bytes, (int)length));
	build_need(EVP_EncryptFinal_ex(cipher, sealed + length, &written));
	build_need(EVP_CIPHER_CTX_ctrl(
		cipher, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_BYTES, sealed + length));
	build_need(EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, keys.header, NULL));
	build_need(EVP_EncryptUpdate(cipher, mask, &written, number + 4, sizeof(mask)));
	EVP_CIPHER_CTX_free(cipher);
	build->bytes[start] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < QUIC_NUMBER_BYTES; i++)
		number[i] ^= mask[1 + i];
}

#endif
