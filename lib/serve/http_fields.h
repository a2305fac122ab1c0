/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `http` and `http_stats` records, as users see them. Called by any thread.
 */
#ifndef TT_SERVE_HTTP_FIELDS_H
#define TT_SERVE_HTTP_FIELDS_H

#include "protocol/http_stats.h"
#include "serve/sink.h"
#include "shard/record.h"

/* One object under `name` (sink.h). What is not known is left out. */
void tt_http_describe(
	struct tt_sink *sink, const char *name, const struct tt_http_record *transaction);

void tt_http_stats_describe(
	struct tt_sink *sink, const char *name, const struct tt_http_stats_entry *entry);

#endif
