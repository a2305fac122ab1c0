/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a whole run: what the driver's ports received, by their own count, against what
 * became of it by the workers'. Read by anyone, at any time.
 */
#ifndef TT_PIPELINE_LEDGER_TOTALS_H
#define TT_PIPELINE_LEDGER_TOTALS_H

#include "pipeline/pipeline.h"

#include <stdbool.h>
#include <stdint.h>

/* What overloaded workers shed of a step: most of all workers now, and sums. */
struct tt_shed_totals {
	unsigned int quarters;
	uint64_t entered;
	uint64_t time_us;
	uint64_t flows;
};

/* A snapshot of the ledger. While packets are on their way `in_flight` of them are in neither
 * `processed` nor `dropped`. */
struct tt_ledger_totals {
	uint64_t received; /* on the wire: missed, no_mbuf and errors included */
	uint64_t received_bytes;
	uint64_t processed;
	uint64_t dropped[TT_DROP_REASONS];
	uint64_t missed;
	uint64_t no_mbuf;
	uint64_t errors;
	uint64_t in_flight;
	struct tt_shed_totals shed[TT_OVERLOAD_STEPS];
	bool missed_known; /* false: some port cannot tell what it missed */

	/* received = processed + all that was dropped, in_flight aside; and in_flight is no more
	 * than bursts and rings hold. */
	bool closes;
};

void tt_ledger_totals(struct tt_ledger_totals *totals, const struct tt_pipeline *pipeline,
	struct tt_driver *driver);

/* What a worker shed, to the totals of the steps. */
void tt_shed_add(struct tt_shed_totals totals[TT_OVERLOAD_STEPS],
	const struct tt_overload_counters *counters);

#endif
