/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/summary_fields.h"

void tt_shed_describe(struct tt_sink *sink, const struct tt_shed_totals totals[TT_OVERLOAD_STEPS])
{
	tt_sink_begin_object(sink, "shed");
	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++) {
		tt_sink_begin_object(sink, tt_overload_step_name(step));
		tt_sink_unsigned(
			sink, "share_percent", 100 * totals[step].quarters / TT_OVERLOAD_QUARTERS);
		tt_sink_unsigned(sink, "entered", totals[step].entered);
		tt_sink_unsigned(sink, "time_us", totals[step].time_us);
		tt_sink_unsigned(sink, "flows", totals[step].flows);
		tt_sink_end_object(sink);
	}
	tt_sink_end_object(sink);
}

void tt_ledger_describe(
	struct tt_sink *sink, const char *name, const struct tt_ledger_totals *ledger)
{
	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "received", ledger->received);
	tt_sink_unsigned(sink, "processed", ledger->processed);
	tt_sink_begin_object(sink, "dropped");
	if (ledger->missed_known || ledger->missed > 0)
		tt_sink_unsigned(sink, "missed", ledger->missed);
	tt_sink_unsigned(sink, "no_mbuf", ledger->no_mbuf);
	tt_sink_unsigned(sink, "errors", ledger->errors);
	for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
		tt_sink_unsigned(sink, tt_drop_reason_name(reason), ledger->dropped[reason]);
	tt_sink_end_object(sink);
	if (ledger->shed[0].entered > 0)
		tt_shed_describe(sink, ledger->shed);
	if (ledger->in_flight > 0)
		tt_sink_unsigned(sink, "in_flight", ledger->in_flight);
	if (!ledger->missed_known)
		tt_sink_bool(sink, "missed_known", false);
	tt_sink_bool(sink, "closes", ledger->closes);
	tt_sink_end_object(sink);
}

void tt_summary_describe(struct tt_sink *sink, const char *name, const struct tt_summary *summary)
{
	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "summary");
	tt_sink_unsigned(sink, "packets", summary->ledger.received);
	tt_sink_unsigned(sink, "bytes", summary->ledger.received_bytes);
	tt_sink_unsigned(sink, "duration_us", summary->last_us - summary->first_us);
	tt_sink_string(sink, "time_source", summary->time_source);
	tt_sink_unsigned(sink, "connections", summary->connections);
	tt_ledger_describe(sink, "ledger", &summary->ledger);
	tt_sink_end_object(sink);
}
