/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header blocks and frames of HTTP/2 for tests: a slow encoder of HPACK, which keeps its table as a
 * list of whole fields, and finds codes bit by bit. Independent of the library's reader.
 */
#ifndef TT_TESTS_HPACK_BUILD_H
#define TT_TESTS_HPACK_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HPACK_BUILD_ENTRIES 600
#define HPACK_BUILD_TEXT    700

struct hpack_field {
	char name[HPACK_BUILD_TEXT];
	char value[HPACK_BUILD_TEXT];
};

enum hpack_manner {
	HPACK_INDEXING = 0x40,
	HPACK_PLAIN = 0x00,
	HPACK_NEVER = 0x10
};

/* An encoder, and the block that it is writing. */
struct hpack_encoder {
	struct hpack_field entry[HPACK_BUILD_ENTRIES]; /* the newest first */
	unsigned int entries;
	uint32_t limit;
	uint8_t bytes[65536];
	size_t length;
};

/* RFC 7541 appendix B, by byte. */
static const struct {
	uint32_t code;
	uint8_t bits;
} hpack_codes[256] = {{0x1ff8, 13}, {0x7fffd8, 23}, {0xfffffe2, 28}, {0xfffffe3, 28},
	{0xfffffe4, 28}, {0xfffffe5, 28}, {0xfffffe6, 28}, {0xfffffe7, 28}, {0xfffffe8, 28},
	{0xffffea, 24}, {0x3ffffffc, 30}, {0xfffffe9, 28}, {0xfffffea, 28}, {0x3ffffffd, 30},
	{0xfffffeb, 28}, {0xfffffec, 28}, {0xfffffed, 28}, {0xfffffee, 28}, {0xfffffef, 28},
	{0xffffff0, 28}, {0xffffff1, 28}, {0xffffff2, 28}, {0x3ffffffe, 30}, {0xffffff3, 28},
	{0xffffff4, 28}, {0xffffff5, 28}, {0xffffff6, 28}, {0xffffff7, 28}, {0xffffff8, 28},
	{0xffffff9, 28}, {0xffffffa, 28}, {0xffffffb, 28}, {0x14, 6}, {0x3f8, 10}, {0x3f9, 10},
	{0xffa, 12}, {0x1ff9, 13}, {0x15, 6}, {0xf8, 8}, {0x7fa, 11}, {0x3fa, 10}, {0x3fb, 10},
	{0xf9, 8}, {0x7fb, 11}, {0xfa, 8}, {0x16, 6}, {0x17, 6}, {0x18, 6}, {0x0, 5}, {0x1, 5},
	{0x2, 5}, {0x19, 6}, {0x1a, 6}, {0x1b, 6}, {0x1c, 6}, {0x1d, 6}, {0x1e, 6}, {0x1f, 6},
	{0x5c, 7}, {0xfb, 8}, {0x7ffc, 15}, {0x20, 6}, {0xffb, 12}, {0x3fc, 10}, {0x1ffa, 13},
	{0x21, 6}, {0x5d, 7}, {0x5e, 7}, {0x5f, 7}, {0x60, 7}, {0x61, 7}, {0x62, 7}, {0x63, 7},
	{0x64, 7}, {0x65, 7}, {0x66, 7}, {0x67, 7}, {0x68, 7}, {0x69, 7}, {0x6a, 7}, {0x6b, 7},
	{0x6c, 7}, {0x6d, 7}, {0x6e, 7}, {0x6f, 7}, {0x70, 7}, {0x71, 7}, {0x72, 7}, {0xfc, 8},
	{0x73, 7}, {0xfd, 8}, {0x1ffb, 13}, {0x7fff0, 19}, {0x1ffc, 13}, {0x3ffc, 14}, {0x22, 6},
	{0x7ffd, 15}, {0x3, 5}, {0x23, 6}, {0x4, 5}, {0x24, 6}, {0x5, 5}, {0x25, 6}, {0x26, 6},
	{0x27, 6}, {0x6, 5}, {0x74, 7}, {0x75, 7}, {0x28, 6}, {0x29, 6}, {0x2a, 6}, {0x7, 5},
	{0x2b, 6}, {0x76, 7}, {0x2c, 6}, {0x8, 5}, {0x9, 5}, {0x2d, 6}, {0x77, 7}, {0x78, 7},
	{0x79, 7}, {0x7a, 7}, {0x7b, 7}, {0x7ffe, 15}, {0x7fc, 11}, {0x3ffd, 14}, {0x1ffd, 13},
	{0xffffffc, 28}, {0xfffe6, 20}, {0x3fffd2, 22}, {0xfffe7, 20}, {0xfffe8, 20},
	{0x3fffd3, 22}, {0x3fffd4, 22}, {0x3fffd5, 22}, {0x7fffd9, 23}, {0x3fffd6, 22},
	{0x7fffda, 23}, {0x7fffdb, 23}, {0x7fffdc, 23}, {0x7fffdd, 23}, {0x7fffde, 23},
	{0xffffeb, 24}, {0x7fffdf, 23}, {0xffffec, 24}, {0xffffed, 24}, {0x3fffd7, 22},
	{0x7fffe0, 23}, {0xffffee, 24}, {0x7fffe1, 23}, {0x7fffe2, 23}, {0x7fffe3, 23},
	{0x7fffe4, 23}, {0x1fffdc, 21}, {0x3fffd8, 22}, {0x7fffe5, 23}, {0x3fffd9, 22},
	{0x7fffe6, 23}, {0x7fffe7, 23}, {0xffffef, 24}, {0x3fffda, 22}, {0x1fffdd, 21},
	{0xfffe9, 20}, {0x3fffdb, 22}, {0x3fffdc, 22}, {0x7fffe8, 23}, {0x7fffe9, 23},
	{0x1fffde, 21}, {0x7fffea, 23}, {0x3fffdd, 22}, {0x3fffde, 22}, {0xfffff0, 24},
	{0x1fffdf, 21}, {0x3fffdf, 22}, {0x7fffeb, 23}, {0x7fffec, 23}, {0x1fffe0, 21},
	{0x1fffe1, 21}, {0x3fffe0, 22}, {0x1fffe2, 21}, {0x7fffed, 23}, {0x3fffe1, 22},
	{0x7fffee, 23}, {0x7fffef, 23}, {0xfffea, 20}, {0x3fffe2, 22}, {0x3fffe3, 22},
	{0x3fffe4, 22}, {0x7ffff0, 23}, {0x3fffe5, 22}, {0x3fffe6, 22}, {0x7ffff1, 23},
	{0x3ffffe0, 26}, {0x3ffffe1, 26}, {0xfffeb, 20}, {0x7fff1, 19}, {0x3fffe7, 22},
	{0x7ffff2, 23}, {0x3fffe8, 22}, {0x1ffffec, 25}, {0x3ffffe2, 26}, {0x3ffffe3, 26},
	{0x3ffffe4, 26}, {0x7ffffde, 27}, {0x7ffffdf, 27}, {0x3ffffe5, 26}, {0xfffff1, 24},
	{0x1ffffed, 25}, {0x7fff2, 19}, {0x1fffe3, 21}, {0x3ffffe6, 26}, {0x7ffffe0, 27},
	{0x7ffffe1, 27}, {0x3ffffe7, 26}, {0x7ffffe2, 27}, {0xfffff2, 24}, {0x1fffe4, 21},
	{0x1fffe5, 21}, {0x3ffffe8, 26}, {0x3ffffe9, 26}, {0xffffffd, 28}, {0x7ffffe3, 27},
	{0x7ffffe4, 27}, {0x7ffffe5, 27}, {0xfffec, 20}, {0xfffff3, 24}, {0xfffed, 20},
	{0x1fffe6, 21}, {0x3fffe9, 22}, {0x1fffe7, 21}, {0x1fffe8, 21}, {0x7ffff3, 23},
	{0x3fffea, 22}, {0x3fffeb, 22}, {0x1ffffee, 25}, {0x1ffffef, 25}, {0xfffff4, 24},
	{0xfffff5, 24}, {0x3ffffea, 26}, {0x7ffff4, 23}, {0x3ffffeb, 26}, {0x7ffffe6, 27},
	{0x3ffffec, 26}, {0x3ffffed, 26}, {0x7ffffe7, 27}, {0x7ffffe8, 27}, {0x7ffffe9, 27},
	{0x7ffffea, 27}, {0x7ffffeb, 27}, {0xffffffe, 28}, {0x7ffffec, 27}, {0x7ffffed, 27},
	{0x7ffffee, 27}, {0x7ffffef, 27}, {0x7fffff0, 27}, {0x3ffffee, 26}};

static const char *const hpack_static[61][2] = {{":authority", ""}, {":method", "GET"},
	{":method", "POST"}, {":path", "/"}, {":path", "/index.html"}, {":scheme", "http"},
	{":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"},
	{":status", "304"}, {":status", "400"}, {":status", "404"}, {":status", "500"},
	{"accept-charset", ""}, {"accept-encoding", "gzip, deflate"}, {"accept-language", ""},
	{"accept-ranges", ""}, {"accept", ""}, {"access-control-allow-origin", ""}, {"age", ""},
	{"allow", ""}, {"authorization", ""}, {"cache-control", ""}, {"content-disposition", ""},
	{"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
	{"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""},
	{"date", ""}, {"etag", ""}, {"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""},
	{"if-match", ""}, {"if-modified-since", ""}, {"if-none-match", ""}, {"if-range", ""},
	{"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""}, {"location", ""},
	{"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""},
	{"range", ""}, {"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""},
	{"set-cookie", ""}, {"strict-transport-security", ""}, {"transfer-encoding", ""},
	{"user-agent", ""}, {"vary", ""}, {"via", ""}, {"www-authenticate", ""}};

static inline void hpack_begin(struct hpack_encoder *encoder)
{
	encoder->entries = 0;
	encoder->limit = 4096;
	encoder->length = 0;
}

static inline void hpack_octet(struct hpack_encoder *encoder, unsigned int octet)
{
	if (encoder->length == sizeof(encoder->bytes))
		abort();
	encoder->bytes[encoder->length++] = (uint8_t)octet;
}

static inline void hpack_integer(
	struct hpack_encoder *encoder, unsigned int first, unsigned int prefix, uint32_t value)
{
	uint32_t most = (1U << prefix) - 1;

	if (value < most) {
		hpack_octet(encoder, first | value);
		return;
	}
	hpack_octet(encoder, first | most);
	for (value -= most; value >= 128; value /= 128)
		hpack_octet(encoder, value % 128 + 128);
	hpack_octet(encoder, value);
}

static inline void hpack_string(struct hpack_encoder *encoder, const char *text, bool huffman)
{
	size_t length = strlen(text);
	uint32_t bits = 0;

	if (!huffman) {
		hpack_integer(encoder, 0, 7, (uint32_t)length);
		for (size_t i = 0; i < length; i++)
			hpack_octet(encoder, (uint8_t)text[i]);
		return;
	}
	for (size_t i = 0; i < length; i++)
		bits += hpack_codes[(uint8_t)text[i]].bits;
	hpack_integer(encoder, 0x80, 7, (bits + 7) / 8);
	unsigned int octet = 0;
	unsigned int filled = 0;

	for (size_t i = 0; i <= length; i++) {
		uint32_t code = i < length ? hpack_codes[(uint8_t)text[i]].code : 0x7f;
		unsigned int left = i < length ? hpack_codes[(uint8_t)text[i]].bits : 7;

		if (i == length && filled == 0)
			return;
		while (left-- > 0) {
			octet = octet << 1 | (code >> left & 1);
			if (++filled == 8) {
				hpack_octet(encoder, octet);
				octet = 0;
				filled = 0;
				if (i == length)
					return;
			}
		}
	}
}

static inline uint32_t hpack_size(const struct hpack_encoder *encoder)
{
	uint32_t size = 0;

	for (unsigned int i = 0; i < encoder->entries; i++)
		size += (uint32_t)(strlen(encoder->entry[i].name) +
			strlen(encoder->entry[i].value) + 32);
	return size;
}

static inline void hpack_limit(struct hpack_encoder *encoder, uint32_t limit)
{
	hpack_integer(encoder, 0x20, 5, limit);
	encoder->limit = limit;
	while (hpack_size(encoder) > limit)
		encoder->entries--;
}

/* The index of a field, or of its name alone; 0: none. */
static inline uint32_t hpack_index(
	const struct hpack_encoder *encoder, const char *name, const char *value)
{
	for (uint32_t i = 0; i < 61; i++)
		if (strcmp(hpack_static[i][0], name) == 0 &&
			(value == NULL || strcmp(hpack_static[i][1], value) == 0))
			return i + 1;
	for (uint32_t i = 0; i < encoder->entries; i++)
		if (strcmp(encoder->entry[i].name, name) == 0 &&
			(value == NULL || strcmp(encoder->entry[i].value, value) == 0))
			return i + 62;
	return 0;
}

static inline void hpack_literal(struct hpack_encoder *encoder, const char *name, const char *value,
	enum hpack_manner manner, bool huffman)
{
	uint32_t index = hpack_index(encoder, name, NULL);
	uint32_t size = (uint32_t)(strlen(name) + strlen(value) + 32);

	hpack_integer(encoder, manner, manner == HPACK_INDEXING ? 6 : 4, index);
	if (index == 0)
		hpack_string(encoder, name, huffman);
	hpack_string(encoder, value, huffman);
	if (manner != HPACK_INDEXING)
		return;
	while (encoder->entries > 0 && hpack_size(encoder) + size > encoder->limit)
		encoder->entries--;
	if (size > encoder->limit)
		return;
	memmove(encoder->entry + 1, encoder->entry, encoder->entries * sizeof(encoder->entry[0]));
	strcpy(encoder->entry[0].name, name);
	strcpy(encoder->entry[0].value, value);
	encoder->entries++;
}

/* As encoders do: indexed where it is known, else added. */
static inline void hpack_field(struct hpack_encoder *encoder, const char *name, const char *value)
{
	uint32_t index = hpack_index(encoder, name, value);

	if (index != 0)
		hpack_integer(encoder, 0x80, 7, index);
	else
		hpack_literal(encoder, name, value, HPACK_INDEXING, true);
}

#endif
