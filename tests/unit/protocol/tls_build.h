/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS for tests, made by hand: hellos, certificates, records and datagrams, put together from back
 * to front of their lengths.
 */
#ifndef TT_TESTS_TLS_BUILD_H
#define TT_TESTS_TLS_BUILD_H

#include "protocol/tls.h"

#include <stdlib.h>
#include <string.h>

struct tls_build {
	uint8_t bytes[65536];
	size_t length;
};

static inline void build_bytes(struct tls_build *build, const void *bytes, size_t length)
{
	if (length > sizeof(build->bytes) - build->length)
		abort();
	if (length > 0)
		memcpy(build->bytes + build->length, bytes, length);
	build->length += length;
}

/* The low `width` bytes of a number. */
static inline void build_number(struct tls_build *build, unsigned int width, uint64_t value)
{
	for (unsigned int i = width; i > 0; i--) {
		uint8_t byte = (uint8_t)(value >> 8 * (i - 1));
		build_bytes(build, &byte, 1);
	}
}

static inline void build_fill(struct tls_build *build, uint8_t byte, size_t length)
{
	for (size_t i = 0; i < length; i++)
		build_bytes(build, &byte, 1);
}

/* A length of `width` bytes, to be written by build_end() with what follows it. */
static inline size_t build_begin(struct tls_build *build, unsigned int width)
{
	build_number(build, width, 0);
	return build->length;
}

static inline void build_end(struct tls_build *build, unsigned int width, size_t begin)
{
	size_t end = build->length;

	build->length = begin - width;
	build_number(build, width, end - begin);
	build->length = end;
}

/* An extension whose data is a list of 16-bit values behind a length of `width` bytes. */
static inline void build_list(struct tls_build *build, uint16_t type, unsigned int width,
	const uint16_t *values, size_t count)
{
	build_number(build, 2, type);
	size_t data = build_begin(build, 2);
	size_t list = build_begin(build, width);
	for (size_t i = 0; i < count; i++)
		build_number(build, 2, values[i]);
	build_end(build, width, list);
	build_end(build, 2, data);
}

static inline void build_server_name(struct tls_build *build, const char *name)
{
	build_number(build, 2, TT_TLS_SERVER_NAME);
	size_t data = build_begin(build, 2);
	size_t list = build_begin(build, 2);
	build_number(build, 1, 0);
	size_t text = build_begin(build, 2);
	build_bytes(build, name, strlen(name));
	build_end(build, 2, text);
	build_end(build, 2, list);
	build_end(build, 2, data);
}

/* Names with commas between. */
static inline void build_alpn(struct tls_build *build, const char *names)
{
	build_number(build, 2, TT_TLS_ALPN);
	size_t data = build_begin(build, 2);
	size_t list = build_begin(build, 2);
	for (const char *name = names; *name != '\0';) {
		size_t length = strcspn(name, ",");
		build_number(build, 1, length);
		build_bytes(build, name, length);
		name += length + (name[length] == ',');
	}
	build_end(build, 2, list);
	build_end(build, 2, data);
}

static inline void build_empty_extension(struct tls_build *build, uint16_t type)
{
	build_number(build, 2, type);
	build_number(build, 2, 0);
}

/* A ClientHello up to its extensions, whose length is open: build_end(build, 2, the result). */
static inline size_t build_client_hello(struct tls_build *build, uint16_t version,
	size_t session_id_bytes, const uint16_t *ciphers, size_t count)
{
	build_number(build, 2, version);
	build_fill(build, 0x5a, 32);
	build_number(build, 1, session_id_bytes);
	build_fill(build, 0x77, session_id_bytes);
	size_t list = build_begin(build, 2);
	for (size_t i = 0; i < count; i++)
		build_number(build, 2, ciphers[i]);
	build_end(build, 2, list);
	build_number(build, 2, 0x0100); /* no compression */
	return build_begin(build, 2);
}

static inline size_t build_server_hello(
	struct tls_build *build, uint16_t version, size_t session_id_bytes, uint16_t cipher)
{
	build_number(build, 2, version);
	build_fill(build, 0xa5, 32);
	build_number(build, 1, session_id_bytes);
	build_fill(build, 0x77, session_id_bytes);
	build_number(build, 2, cipher);
	build_number(build, 1, 0);
	return build_begin(build, 2);
}

/* A handshake message around a body. */
static inline void build_message(
	struct tls_build *build, uint8_t type, const struct tls_build *body)
{
	build_number(build, 1, type);
	build_number(build, 3, body->length);
	build_bytes(build, body->bytes, body->length);
}

/* Records of at most `limit` bytes each around a content. */
static inline void build_records(struct tls_build *build, uint8_t type, uint16_t version,
	const struct tls_build *content, size_t limit)
{
	for (size_t at = 0; at < content->length;) {
		size_t count = content->length - at < limit ? content->length - at : limit;
		build_number(build, 1, type);
		build_number(build, 2, version);
		build_number(build, 2, count);
		build_bytes(build, content->bytes + at, count);
		at += count;
	}
}

static inline void build_change_cipher_spec(struct tls_build *build)
{
	build_bytes(build, "\x14\x03\x03\x00\x01\x01", 6);
}

static inline void build_application_data(struct tls_build *build, size_t length)
{
	build_bytes(build, "\x17\x03\x03", 3);
	build_number(build, 2, length);
	build_fill(build, 0x16, length);
}

static inline void build_alert(struct tls_build *build, uint8_t level, uint8_t description)
{
	build_bytes(build, "\x15\x03\x03\x00\x02", 5);
	build_number(build, 1, level);
	build_number(build, 1, description);
}

/* A Certificate message of a leaf and another certificate after it. */
static inline void build_certificates(
	struct tls_build *build, const uint8_t *leaf, size_t leaf_bytes, size_t other_bytes)
{
	size_t chain = build_begin(build, 3);
	build_number(build, 3, leaf_bytes);
	build_bytes(build, leaf, leaf_bytes);
	build_number(build, 3, other_bytes);
	build_fill(build, 0xcc, other_bytes);
	build_end(build, 3, chain);
}

/* A record of DTLS with one fragment of a message. */
static inline void build_fragment(struct tls_build *build, uint8_t type, uint16_t sequence,
	const struct tls_build *body, size_t offset, size_t count)
{
	build_bytes(build, "\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x01", 11);
	size_t record = build_begin(build, 2);
	build_number(build, 1, type);
	build_number(build, 3, body->length);
	build_number(build, 2, sequence);
	build_number(build, 3, offset);
	build_number(build, 3, count);
	build_bytes(build, body->bytes + offset, count);
	build_end(build, 2, record);
}

#endif
