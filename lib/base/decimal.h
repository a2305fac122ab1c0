/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text, where printf() would take most of the time of what prints millions of them.
 */
#ifndef TT_BASE_DECIMAL_H
#define TT_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TT_DECIMAL_BYTES 20 /* digits of UINT64_MAX */

/* The digits at `text`, without a NUL. Returns how many. */
static inline size_t tt_decimal(char text[TT_DECIMAL_BYTES], uint64_t value)
{
	char digits[TT_DECIMAL_BYTES];
	size_t first = TT_DECIMAL_BYTES;

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	memcpy(text, digits + first, TT_DECIMAL_BYTES - first);
	return TT_DECIMAL_BYTES - first;
}

#endif
