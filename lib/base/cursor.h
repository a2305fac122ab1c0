/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over bytes from the wire, with a sticky error: after the first read past the end, that
 * read and all later ones give zeros and consume nothing, so a parser is straight-line code with
 * one check of tt_cursor_failed() at its end. Owns nothing; the bytes outlive the cursor. Called
 * by anyone; no thread shares one.
 */
#ifndef TT_BASE_CURSOR_H
#define TT_BASE_CURSOR_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_cursor {
	const uint8_t *bytes;
	size_t length;	 /* of bytes */
	size_t position; /* 0 to length */
	bool failed;
};

static inline struct tt_cursor tt_cursor_over(const uint8_t *bytes, size_t length)
{
	return (struct tt_cursor){.bytes = bytes, .length = length};
}

static inline bool tt_cursor_failed(const struct tt_cursor *cursor)
{
	return cursor->failed;
}

static inline size_t tt_cursor_left(const struct tt_cursor *cursor)
{
	return cursor->failed ? 0 : cursor->length - cursor->position;
}

/* The next `count` bytes, consumed; NULL, and the error set, when fewer are left. */
static inline const uint8_t *tt_cursor_take(struct tt_cursor *cursor, size_t count)
{
	if (cursor->failed || cursor->length - cursor->position < count) {
		cursor->failed = true;
		return NULL;
	}
	const uint8_t *taken = cursor->bytes + cursor->position;
	cursor->position += count;
	return taken;
}

static inline void tt_cursor_skip(struct tt_cursor *cursor, size_t count)
{
	(void)tt_cursor_take(cursor, count);
}

static inline uint8_t tt_cursor_u8(struct tt_cursor *cursor)
{
	const uint8_t *bytes = tt_cursor_take(cursor, 1);

	return bytes == NULL ? 0 : bytes[0];
}

static inline uint16_t tt_cursor_be16(struct tt_cursor *cursor)
{
	const uint8_t *bytes = tt_cursor_take(cursor, 2);

	return bytes == NULL ? 0 : tt_load_be16(bytes);
}

static inline uint32_t tt_cursor_be24(struct tt_cursor *cursor)
{
	const uint8_t *bytes = tt_cursor_take(cursor, 3);

	return bytes == NULL ? 0 : tt_load_be24(bytes);
}

static inline uint32_t tt_cursor_be32(struct tt_cursor *cursor)
{
	const uint8_t *bytes = tt_cursor_take(cursor, 4);

	return bytes == NULL ? 0 : tt_load_be32(bytes);
}

/* A cursor over the next `count` bytes, which this one consumes. When fewer are left both fail. */
static inline struct tt_cursor tt_cursor_sub(struct tt_cursor *cursor, size_t count)
{
	const uint8_t *bytes = tt_cursor_take(cursor, count);

	return (struct tt_cursor){
		.bytes = bytes, .length = bytes == NULL ? 0 : count, .failed = bytes == NULL};
}

#endif
