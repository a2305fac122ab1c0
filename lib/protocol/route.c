/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/route.h"

#include <stdint.h>
#include <string.h>

/* How many bytes of each class a segment has, 16 bits each, counted in one addition a byte. */
#define VARYING	   ((uint64_t)1) /* digits, and all that is none of those below */
#define UPPER	   ((uint64_t)1 << 16)
#define LETTER	   ((uint64_t)1 << 32)
#define BEYOND_HEX ((uint64_t)1 << 48) /* letters that are no hexadecimal digits, and joints */

#define HEX_UPPER (UPPER | LETTER)
#define ANY_UPPER (UPPER | LETTER | BEYOND_HEX)
#define ANY_LOWER (LETTER | BEYOND_HEX)
#define JOINT	  BEYOND_HEX

#define COUNT(counts, class) ((unsigned int)((counts) / (class) & 0xffff))

#define VERSION_DIGITS	3
#define HEX_LETTERS	8
#define ENCODED_LETTERS 16

/* clang-format off */
static const uint64_t class_of[256] = {
	[0 ... ','] = VARYING, ['-' ... '.'] = JOINT, ['0' ... '@'] = VARYING,
	['A' ... 'F'] = HEX_UPPER, ['G' ... 'Z'] = ANY_UPPER, ['[' ... '^'] = VARYING,
	['_'] = JOINT, ['`'] = VARYING, ['a' ... 'f'] = LETTER, ['g' ... 'z'] = ANY_LOWER,
	['{' ... 255] = VARYING,
};
/* clang-format on */

/* `v` and a few digits. */
static bool is_version(const char *segment, size_t length)
{
	if (length < 2 || length > 1 + VERSION_DIGITS || (segment[0] | 0x20) != 'v')
		return false;
	for (size_t i = 1; i < length; i++)
		if (segment[i] < '0' || segment[i] > '9')
			return false;
	return true;
}

static bool is_variable(const char *segment, size_t length, uint64_t counts)
{
	unsigned int letters = COUNT(counts, LETTER);
	unsigned int upper = COUNT(counts, UPPER);

	if (COUNT(counts, VARYING) > 0)
		return !is_version(segment, length);
	if (length > TT_ROUTE_SEGMENT_BYTES)
		return true;
	if (length >= HEX_LETTERS && COUNT(counts, BEYOND_HEX) == 0)
		return true;
	return letters >= ENCODED_LETTERS && upper * 3 >= letters &&
		(letters - upper) * 3 >= letters;
}

/* Where the path begins in an absolute form. */
static const char *path_begin(const char *path, const char *end)
{
	const char *authority = memmem(path, (size_t)(end - path), "://", 3);

	if (authority == NULL)
		return end;
	const char *slash = memchr(authority + 3, '/', (size_t)(end - authority) - 3);
	return slash == NULL ? end : slash;
}

unsigned int tt_route_make(
	char route[TT_ROUTE_BYTES], const char *path, size_t length, bool truncated)
{
	const char *end = path + length;
	const char *at = path;
	unsigned int written = 0;

	if (length == 0)
		return 0;
	if (*path != '/') {
		at = path_begin(path, end);
		if (at == end) {
			route[0] = '*';
			return 1;
		}
	}
	while (at < end && written < TT_ROUTE_BYTES) {
		const char *segment = ++at; /* behind the slash */
		uint64_t counts = 0;
		route[written++] = '/';
		for (; at < end && *at != '/'; at++)
			counts += class_of[(uint8_t)*at];
		size_t segment_length = (size_t)(at - segment);
		bool cut = truncated && at == end;
		bool variable = cut || is_variable(segment, segment_length, counts);
		size_t room = TT_ROUTE_BYTES - written;
		if (segment_length == 0 && !cut)
			continue;
		if (variable) {
			segment = "*";
			segment_length = 1;
		}
		if (segment_length > room)
			break;
		memcpy(route + written, segment, segment_length);
		written += (unsigned int)segment_length;
	}
	return written;
}
