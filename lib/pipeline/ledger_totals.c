/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ledger_totals.h"

void tt_shed_add(struct tt_shed_totals totals[TT_OVERLOAD_STEPS],
	const struct tt_overload_counters *counters)
{
	unsigned int level = (unsigned int)tt_counter_read(&counters->level);

	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++) {
		const struct tt_overload_step_counters *of = &counters->steps[step];
		unsigned int quarters = tt_overload_quarters(level, step);

		if (quarters > totals[step].quarters)
			totals[step].quarters = quarters;
		totals[step].entered += tt_counter_read(&of->entered);
		totals[step].time_us += tt_counter_read(&of->time_us);
		totals[step].flows += tt_counter_read(&of->flows);
	}
}

/* Sums in an order that can only overstate what is in flight: what became of packets first, what
 * was received last. */
void tt_ledger_totals(struct tt_ledger_totals *totals, const struct tt_pipeline *pipeline,
	struct tt_driver *driver)
{
	unsigned int workers = tt_pipeline_worker_count(pipeline);
	uint64_t dropped = 0;

	*totals = (struct tt_ledger_totals){.missed_known = true};
	for (unsigned int w = 0; w < workers; w++) {
		const struct tt_ledger *ledger = &tt_pipeline_worker_counters(pipeline, w)->ledger;

		totals->processed += tt_counter_read(&ledger->processed);
		for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++) {
			uint64_t count = tt_counter_read(&ledger->dropped[reason]);

			totals->dropped[reason] += count;
			dropped += count;
		}
		tt_shed_add(totals->shed, &tt_pipeline_worker_counters(pipeline, w)->overload);
	}
	for (unsigned int port = 0; port < tt_driver_port_count(driver); port++) {
		struct tt_port_statistics statistics;

		tt_port_statistics(driver, port, &statistics);
		totals->received += statistics.delivered;
		totals->received_bytes += statistics.delivered_bytes;
		totals->missed += statistics.missed;
		totals->no_mbuf += statistics.no_mbuf;
		totals->errors += statistics.errors;
		totals->missed_known = totals->missed_known && statistics.missed_known;
	}
	totals->in_flight = totals->received - totals->processed - dropped;
	totals->received += totals->missed + totals->no_mbuf + totals->errors;
	totals->closes = totals->in_flight <= tt_pipeline_in_flight_limit(pipeline);
}
