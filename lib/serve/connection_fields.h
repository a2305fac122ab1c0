/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `connection` record, as users see it. Called by any thread.
 */
#ifndef TT_SERVE_CONNECTION_FIELDS_H
#define TT_SERVE_CONNECTION_FIELDS_H

#include "control/deltas.h"
#include "protocol/names.h"
#include "serve/sink.h"
#include "shard/record.h"

/* Names of one address, in an array called "names", the one learned last first; puts them in this
 * order. */
void tt_names_array_describe(struct tt_sink *sink, struct tt_names_name *names, unsigned int count);

/* One object under `name` (sink.h). What is not known is left out. The addresses' names are those
 * they had when the connection began; `names` NULL: nobody knows. `since`: what is new since a
 * client's last pull; NULL: nobody asks. */
void tt_connection_describe(struct tt_sink *sink, const char *name,
	const struct tt_connection_record *connection, const struct tt_names *names,
	const struct tt_delta *since);

#endif
