/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger and the `summary` record, as users see them. Called by any thread.
 */
#ifndef TT_SERVE_SUMMARY_FIELDS_H
#define TT_SERVE_SUMMARY_FIELDS_H

#include "pipeline/ledger_totals.h"
#include "serve/sink.h"

/* An object `shed`: what overload has left out, of each step. */
void tt_shed_describe(struct tt_sink *sink, const struct tt_shed_totals totals[TT_OVERLOAD_STEPS]);

/* One object under `name` (sink.h): what was received and what became of it, by reason, and whether
 * the sum closes; `in_flight` while there is any, and `shed` once there was some. Where a port cannot tell what it missed,
 * `missed_known` is false, and `missed` left out unless another port tells. */
void tt_ledger_describe(
	struct tt_sink *sink, const char *name, const struct tt_ledger_totals *ledger);

struct tt_summary {
	uint64_t connections;
	uint64_t first_us;	 /* since the epoch, of the earliest packet */
	uint64_t last_us;	 /* of the latest; first_us when there was none */
	const char *time_source; /* tt_driver_time_source(); static */
	struct tt_ledger_totals ledger;
};

/* The `summary` record of a run that has ended: one object under `name`. Its packets and bytes are
 * those that the ledger received. */
void tt_summary_describe(struct tt_sink *sink, const char *name, const struct tt_summary *summary);

#endif
