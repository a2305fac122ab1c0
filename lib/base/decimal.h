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

/* How many digits tt_decimal() writes. */
static inline size_t tt_decimal_digits(uint64_t value)
{
	static const uint64_t powers[TT_DECIMAL_BYTES] = {0, 10, 100, 1000, 10000, 100000, 1000000,
		10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000, 10000000000000000,
		100000000000000000, 1000000000000000000, UINT64_C(10000000000000000000)};
	/* log10(2) is a little over 1233 / 4096: of 2^bits, at most one digit too many. */
	unsigned int bits = 64 - (unsigned int)__builtin_clzll(value | 1);
	unsigned int guess = bits * 1233 >> 12;

	return guess + (value >= powers[guess]);
}

/* The digits at `text`, without a NUL, two at a time. Returns how many. */
static inline size_t tt_decimal(char *text, uint64_t value)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	size_t length = tt_decimal_digits(value);
	char *at = text + length;

	while (value >= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10)
		memcpy(at - 2, pairs + 2 * value, 2);
	else
		at[-1] = (char)('0' + value);
	return length;
}

#endif
