/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of any path: within its room, with no more segments than the path, and its own route.
 * The first byte says whether the path was cut.
 */
#include "protocol/route.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int slashes(const char *text, size_t length)
{
	unsigned int count = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] == '/';
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char route[TT_ROUTE_BYTES], again[TT_ROUTE_BYTES];

	if (size < 1)
		return 0;
	const char *path = (const char *)data + 1;
	unsigned int length = tt_route_make(route, path, size - 1, (data[0] & 1) != 0);

	if (length > sizeof(route) || (length == 0) != (size == 1) ||
		slashes(route, length) > slashes(path, size - 1))
		abort();
	if (length > 0 &&
		(tt_route_make(again, route, length, false) != length ||
			memcmp(again, route, length) != 0))
		abort();
	return 0;
}
