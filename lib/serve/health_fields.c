/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/health_fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define REASONS 32 /* that are told; more say nothing new */

struct list {
	char (*texts)[TT_HEALTH_REASON_BYTES];
	unsigned int count;
	unsigned int limit;
};

__attribute__((format(printf, 2, 3))) static void add(struct list *list, const char *format, ...)
{
	va_list arguments;

	if (list->count == list->limit)
		return;
	va_start(arguments, format);
	vsnprintf(list->texts[list->count++], TT_HEALTH_REASON_BYTES, format, arguments);
	va_end(arguments);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void add_shedding(struct list *list, unsigned int worker, unsigned int level)
{
	enum tt_overload_step step = (level - 1) / TT_OVERLOAD_QUARTERS;

	add(list, "worker %u is behind and sheds %u %% of %s", worker,
		100 * tt_overload_quarters(level, step) / TT_OVERLOAD_QUARTERS,
		tt_overload_step_name(step));
}

unsigned int tt_health_reasons(
	const struct tt_health *health, char (*reasons)[TT_HEALTH_REASON_BYTES], unsigned int limit)
{
	struct list list = {.texts = reasons, .limit = limit};

	if ((health->faults & TT_HEALTH_CONTROL_STUCK) != 0)
		add(&list, "the control core has been stuck for %" PRIu64 " ms",
			health->control_lag_us / 1000);
	for (unsigned int w = 0; w < health->workers; w++) {
		if ((health->faults & TT_HEALTH_WORKER_STUCK) != 0 &&
			health->worker_lag_us[w] > TT_HEALTH_STUCK_US + health->control_lag_us)
			add(&list, "worker %u has been stuck for %" PRIu64 " ms", w,
				health->worker_lag_us[w] / 1000);
		if (health->table_fill[w] > TT_HEALTH_FILL_LIMIT)
			add(&list, "the flow table of worker %u is full to %.1f %%", w,
				100 * health->table_fill[w]);
	}
	for (unsigned int w = 0; w < health->workers; w++)
		if (health->shed_level[w] > 0)
			add_shedding(&list, w, health->shed_level[w]);
	if ((health->faults & TT_HEALTH_LOSS) != 0)
		add(&list, "%.2f %% of the packets of the last %" PRIu64 " s were lost",
			percent(health->window_lost, health->window_received),
			health->window_us / 1000000);
	return list.count;
}

void tt_health_describe(struct tt_sink *sink, const char *name, const struct tt_health *health)
{
	char reasons[REASONS][TT_HEALTH_REASON_BYTES];
	unsigned int count = tt_health_reasons(health, reasons, REASONS);

	tt_sink_begin_object(sink, name);
	tt_sink_bool(sink, "healthy", health->faults == 0);
	tt_sink_begin_array(sink, "reasons");
	for (unsigned int i = 0; i < count; i++)
		tt_sink_string(sink, NULL, reasons[i]);
	tt_sink_end_array(sink);
	tt_sink_unsigned(sink, "control_lag_us", health->control_lag_us);
	tt_sink_begin_array(sink, "worker_lag_us");
	for (unsigned int w = 0; w < health->workers; w++)
		tt_sink_unsigned(sink, NULL, health->worker_lag_us[w]);
	tt_sink_end_array(sink);
	double fill = 0;
	for (unsigned int w = 0; w < health->workers; w++)
		fill = health->table_fill[w] > fill ? health->table_fill[w] : fill;
	tt_sink_unsigned(sink, "table_fill_percent", (uint64_t)(100 * fill));
	tt_sink_unsigned(sink, "journal_fill_percent", (uint64_t)(100 * health->journal_fill));
	tt_sink_unsigned(sink, "window_us", health->window_us);
	tt_sink_unsigned(sink, "window_received", health->window_received);
	tt_sink_unsigned(sink, "window_lost", health->window_lost);
	tt_sink_end_object(sink);
}

void tt_client_describe(
	struct tt_sink *sink, const char *name, const struct tt_client_state *client)
{
	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "client", client->name);
	tt_sink_unsigned(sink, "idle_us", client->idle_us);
	tt_sink_unsigned(sink, "pulls", client->pulls);
	tt_sink_unsigned(sink, "behind", client->behind);
	tt_sink_unsigned(sink, "lost", client->lost);
	tt_sink_unsigned(sink, "compared", client->compared);
	tt_sink_unsigned(sink, "untracked", client->untracked);
	tt_sink_end_object(sink);
}
