/* SPDX-License-Identifier: Apache-2.0 */
/* SHA256_Init() and its like are deprecated, but EVP_DigestInit_ex2() of OpenSSL 3.0 allocates. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "protocol/quic_protection.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#define HASH_BYTES    32
#define BLOCK_BYTES   64 /* of SHA-256 */
#define SALT_BYTES    20
#define SAMPLE_BYTES  16
#define SAMPLE_OFFSET 4 /* behind the longest packet number */
#define TAG_BYTES     16
#define HEADER_BYTES  1024 /* of a header with its token, at most; longer ones are not opened */
#define LABEL_BYTES   64

struct salt {
	uint32_t first, last; /* versions */
	uint8_t bytes[SALT_BYTES];
};

/* Section 5.2 of RFC 9001 and of its drafts, RFC 9369 3.3.1. Facebook's are a draft's; Google's are
 * those of its QUICHE library, quic/core/crypto/crypto_utils.cc. */
static const struct salt salts[] = {
	{TT_QUIC_1, TT_QUIC_1,
		{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
			0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}},
	{TT_QUIC_2, TT_QUIC_2,
		{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
			0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9}},
	{TT_QUIC_2_DRAFT, TT_QUIC_2_DRAFT,
		{0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04,
			0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3}},
	{TT_QUIC_DRAFT_22, TT_QUIC_DRAFT_22,
		{0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51,
			0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a}},
	{TT_QUIC_DRAFT | 23, TT_QUIC_DRAFT | 28,
		{0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4,
			0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02}},
	{TT_QUIC_DRAFT | 29, TT_QUIC_DRAFT | 32,
		{0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
			0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99}},
	{TT_QUIC_T050, TT_QUIC_T050,
		{0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2,
			0x36, 0x7c, 0x60, 0x48, 0x83, 0x10}},
	{TT_QUIC_T051, TT_QUIC_T051,
		{0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f,
			0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d}},
};

/* Whose salt a version has. */
static uint32_t salt_version(uint32_t version)
{
	if (version == TT_QUIC_MVFST_1)
		return TT_QUIC_DRAFT_22;
	if (version == TT_QUIC_MVFST_2 || version == TT_QUIC_MVFST_14)
		return TT_QUIC_DRAFT | 27;
	if (version == (TT_QUIC_DRAFT | 33) || version == TT_QUIC_DRAFT_34)
		return TT_QUIC_1;
	return version;
}

static const uint8_t *salt_of(uint32_t version)
{
	uint32_t of = salt_version(version);

	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++)
		if (of >= salts[i].first && of <= salts[i].last)
			return salts[i].bytes;
	return NULL;
}

static EVP_CIPHER_CTX *cipher_create(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (cipher == NULL || context == NULL ||
		EVP_CipherInit_ex2(context, cipher, NULL, NULL, -1, NULL) != 1 ||
		EVP_CIPHER_CTX_set_padding(context, 0) != 1) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher);
	return context;
}

int tt_quic_protection_create(struct tt_quic_protection *protection)
{
	protection->mask = cipher_create("AES-128-ECB");
	protection->open = cipher_create("AES-128-GCM");
	return protection->mask == NULL || protection->open == NULL ? TT_ERROR_MEMORY : TT_OK;
}

void tt_quic_protection_destroy(struct tt_quic_protection *protection)
{
	EVP_CIPHER_CTX_free(protection->open);
	EVP_CIPHER_CTX_free(protection->mask);
	*protection = (struct tt_quic_protection){0};
}

/* SHA-256 of the key, no longer than a block, with each byte turned by `pad`, and of `bytes`. */
static void keyed_hash(uint8_t hash[HASH_BYTES], const uint8_t *key, size_t key_bytes, uint8_t pad,
	const uint8_t *bytes, size_t length)
{
	uint8_t block[BLOCK_BYTES];
	SHA256_CTX digest;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_bytes; i++)
		block[i] ^= key[i];
	(void)SHA256_Init(&digest);
	(void)SHA256_Update(&digest, block, sizeof(block));
	(void)SHA256_Update(&digest, bytes, length);
	(void)SHA256_Final(hash, &digest);
}

/* HMAC-SHA-256, RFC 2104 2. */
static void authenticate(uint8_t code[HASH_BYTES], const uint8_t *key, size_t key_bytes,
	const uint8_t *bytes, size_t length)
{
	uint8_t inner[HASH_BYTES];

	keyed_hash(inner, key, key_bytes, 0x36, bytes, length);
	keyed_hash(code, key, key_bytes, 0x5c, inner, sizeof(inner));
}

/* HKDF-Expand-Label (RFC 8446 7.1) without a context, of no more than one hash. */
static void expand(
	uint8_t *made, size_t made_bytes, const uint8_t secret[HASH_BYTES], const char *label)
{
	static const char prefix[] = "tls13 ";
	size_t label_bytes = strlen(label);
	size_t length = 0;
	uint8_t info[LABEL_BYTES];
	uint8_t hash[HASH_BYTES];

	info[length++] = 0;
	info[length++] = (uint8_t)made_bytes;
	info[length++] = (uint8_t)(sizeof(prefix) - 1 + label_bytes);
	memcpy(info + length, prefix, sizeof(prefix) - 1);
	length += sizeof(prefix) - 1;
	memcpy(info + length, label, label_bytes);
	length += label_bytes;
	info[length++] = 0; /* no context */
	info[length++] = 1; /* the first hash */
	authenticate(hash, secret, HASH_BYTES, info, length);
	memcpy(made, hash, made_bytes);
}

bool tt_quic_keys_make(
	struct tt_quic_keys *keys, uint32_t version, const struct tt_quic_id *id, bool server)
{
	const uint8_t *salt = salt_of(version);
	bool second = version == TT_QUIC_2 || version == TT_QUIC_2_DRAFT;
	uint8_t initial[HASH_BYTES];
	uint8_t secret[HASH_BYTES];

	if (salt == NULL)
		return false;
	authenticate(initial, salt, SALT_BYTES, id->bytes, id->length);
	expand(secret, sizeof(secret), initial, server ? "server in" : "client in");
	expand(keys->key, sizeof(keys->key), secret, second ? "quicv2 key" : "quic key");
	expand(keys->nonce, sizeof(keys->nonce), secret, second ? "quicv2 iv" : "quic iv");
	expand(keys->header, sizeof(keys->header), secret, second ? "quicv2 hp" : "quic hp");
	return true;
}

/* RFC 9001 5.4.1. */
static bool make_mask(const struct tt_quic_protection *protection, uint8_t mask[SAMPLE_BYTES],
	const struct tt_quic_keys *keys, const uint8_t *sample)
{
	int written;

	return EVP_EncryptInit_ex2(protection->mask, NULL, keys->header, NULL, NULL) == 1 &&
		EVP_EncryptUpdate(protection->mask, mask, &written, sample, SAMPLE_BYTES) == 1 &&
		written == SAMPLE_BYTES;
}

/* RFC 9001 5.3: the header is what is authenticated beside the payload. */
static bool decrypt(const struct tt_quic_protection *protection, const struct tt_quic_keys *keys,
	const uint8_t nonce[TT_QUIC_NONCE_BYTES], const uint8_t *header, size_t header_bytes,
	const uint8_t *payload, size_t payload_bytes, uint8_t *plain)
{
	EVP_CIPHER_CTX *open = protection->open;
	uint8_t tag[TAG_BYTES];
	int written;

	memcpy(tag, payload + payload_bytes, TAG_BYTES);
	return EVP_DecryptInit_ex2(open, NULL, keys->key, nonce, NULL) == 1 &&
		EVP_DecryptUpdate(open, NULL, &written, header, (int)header_bytes) == 1 &&
		EVP_DecryptUpdate(open, plain, &written, payload, (int)payload_bytes) == 1 &&
		EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
		EVP_DecryptFinal_ex(open, plain + payload_bytes, &written) == 1;
}

size_t tt_quic_open(const struct tt_quic_protection *protection, const struct tt_quic_keys *keys,
	const struct tt_quic_header *header, uint8_t plain[TT_QUIC_PLAIN_BYTES])
{
	size_t number_offset = header->length - header->protected_bytes;
	uint8_t mask[SAMPLE_BYTES];
	uint8_t clear[HEADER_BYTES];
	uint8_t nonce[TT_QUIC_NONCE_BYTES];

	if (header->protected_bytes < SAMPLE_OFFSET + SAMPLE_BYTES ||
		header->protected_bytes > TT_QUIC_PLAIN_BYTES ||
		number_offset + SAMPLE_OFFSET > HEADER_BYTES ||
		!make_mask(protection, mask, keys, header->bytes + number_offset + SAMPLE_OFFSET))
		return 0;
	memcpy(clear, header->bytes, number_offset + SAMPLE_OFFSET);
	clear[0] ^= mask[0] & 0x0f;
	size_t number_bytes = 1u + (clear[0] & 3);
	memcpy(nonce, keys->nonce, sizeof(nonce));
	for (size_t i = 0; i < number_bytes; i++) {
		clear[number_offset + i] ^= mask[1 + i];
		nonce[sizeof(nonce) - number_bytes + i] ^= clear[number_offset + i];
	}
	size_t overhead = number_bytes + TAG_BYTES;
	if (header->protected_bytes <= overhead)
		return 0;
	size_t payload_bytes = header->protected_bytes - overhead;
	if (!decrypt(protection, keys, nonce, clear, number_offset + number_bytes,
		    header->bytes + number_offset + number_bytes, payload_bytes, plain))
		return 0;
	return payload_bytes;
}
