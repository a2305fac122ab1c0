/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `connection` record, as users see it. Called by any thread.
 */
#ifndef TT_SERVE_CONNECTION_FIELDS_H
#define TT_SERVE_CONNECTION_FIELDS_H

#include "serve/sink.h"
#include "shard/record.h"

#define TT_UID_TEXT_SIZE 17 /* 16 hexadecimal digits, NUL */

void tt_uid_text(char text[TT_UID_TEXT_SIZE], uint64_t uid);

/* One object under `name` (sink.h). What is not known is left out. */
void tt_connection_describe(
	struct tt_sink *sink, const char *name, const struct tt_connection_record *connection);

#endif
