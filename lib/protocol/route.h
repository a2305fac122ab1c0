/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of an HTTP path: its variable segments as `*`, so that the routes of a service are few
 * however many paths it has. Called by a worker for each transaction. One pass, driven by a table.
 *
 * A segment is variable when it has a digit (numbers, UUIDs, hashes, dates, and most of base64) or
 * a byte other than a letter, `-`, `_` and `.` (e-mail addresses, escapes, parameters); when it is
 * longer than TT_ROUTE_SEGMENT_BYTES; when it is all of hexadecimal letters and has eight or more;
 * and when it has 16 letters or more of which both cases make a third: base64 without a digit. An
 * API's version stays: `v` and up to three digits.
 */
#ifndef TT_PROTOCOL_ROUTE_H
#define TT_PROTOCOL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#define TT_ROUTE_BYTES	       255
#define TT_ROUTE_SEGMENT_BYTES 40

/* Write the route of a path, to its `?`, as sent: the scheme and authority of an absolute one are
 * left out. One that does not begin with a slash (an authority, or `*`) is `*`. The last segment of
 * a path that was cut (`truncated`) is variable, and what would not fit is left off. Returns the
 * route's length, 1 to TT_ROUTE_BYTES, or 0 for an empty path. */
unsigned int tt_route_make(
	char route[TT_ROUTE_BYTES], const char *path, size_t length, bool truncated);

#endif
