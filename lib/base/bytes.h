/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers in network byte order at any alignment. The caller has checked the length; where it
 * has not, it uses base/cursor.h.
 */
#ifndef TT_BASE_BYTES_H
#define TT_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t tt_load_be16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap16(value);
}

static inline uint32_t tt_load_be24(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static inline uint32_t tt_load_be32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap32(value);
}

static inline uint64_t tt_load_be64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap64(value);
}

#endif
