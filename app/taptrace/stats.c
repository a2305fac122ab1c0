/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace stats: the ledger, whether it closes, and where the workers' time goes.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

#include <inttypes.h>

enum {
	COLUMN_WORKER,
	COLUMN_STAGE,
	COLUMN_PACKETS,
	COLUMN_CYCLES,
	COLUMN_TIME
};

static const struct tt_column columns[] = {
	[COLUMN_WORKER] = {.title = "WORKER", .right = true},
	[COLUMN_STAGE] = {.title = "STAGE"},
	[COLUMN_PACKETS] = {.title = "PACKETS", .right = true},
	[COLUMN_CYCLES] = {.title = "CYCLES A PACKET", .right = true},
	[COLUMN_TIME] = {.title = "OF ITS TIME", .right = true},
	{0},
};

/* What overloaded workers left out, by step; NULL: nothing. */
static void print_shed(json_t *shed)
{
	const char *name;
	json_t *step;

	json_object_foreach(shed, name, step) if (tt_json_unsigned(step, "entered") > 0) printf(
		"shed %-19s %20" PRIu64 " flows, %" PRIu64 " times, %.1f s, now %" PRIu64 " %%\n",
		name, tt_json_unsigned(step, "flows"), tt_json_unsigned(step, "entered"),
		(double)tt_json_unsigned(step, "time_us") / 1e6,
		tt_json_unsigned(step, "share_percent"));
}

static void print_ledger(const json_t *ledger)
{
	json_t *dropped = json_object_get(ledger, "dropped");
	const char *reason;
	json_t *count;
	bool closes = json_is_true(json_object_get(ledger, "closes"));
	uint64_t sum = 0;

	json_object_foreach(dropped, reason, count) sum += (uint64_t)json_integer_value(count);
	printf("%-24s %20" PRIu64 "\n", "received", tt_json_unsigned(ledger, "received"));
	printf("%-24s %20" PRIu64 "\n", "processed", tt_json_unsigned(ledger, "processed"));
	printf("%-24s %20" PRIu64 "\n", "dropped", sum);
	json_object_foreach(dropped, reason, count) if (json_integer_value(count) != 0)
		printf("  %-22s %20" JSON_INTEGER_FORMAT "\n", reason, json_integer_value(count));
	print_shed(json_object_get(ledger, "shed"));
	printf("%-24s %20" PRIu64 "\n", "in flight", tt_json_unsigned(ledger, "in_flight"));
	printf("%-24s %20s\n", "closes", closes ? "yes" : "NO");
	if (json_is_false(json_object_get(ledger, "missed_known")))
		puts("what was missed is not known of every port (taptrace ports)");
	putchar('\n');
}

static void list_stages(struct tt_table *table, const json_t *worker)
{
	double total_cycles = (double)tt_json_unsigned(worker, "total_cycles");
	const char *name;
	json_t *stage;

	json_object_foreach(json_object_get(worker, "stages"), name, stage)
	{
		double cycles = (double)tt_json_unsigned(stage, "cycles");
		uint64_t packets = tt_json_unsigned(stage, "packets");
		char text[TT_SCALED_SIZE];

		tt_table_cell(table, COLUMN_WORKER, "%" PRIu64, tt_json_unsigned(worker, "worker"));
		tt_table_cell(table, COLUMN_STAGE, "%s", name);
		if (packets > 0) {
			tt_scaled(text, packets);
			tt_table_cell(table, COLUMN_PACKETS, "%s", text);
			tt_table_cell(table, COLUMN_CYCLES, "%.1f", cycles / (double)packets);
		}
		if (total_cycles > 0)
			tt_table_cell(table, COLUMN_TIME, "%.1f %%", 100 * cycles / total_cycles);
		tt_table_row(table);
	}
}

static int print_stages(struct tt_ask *ask, struct tt_table *table, uint64_t workers)
{
	for (uint64_t w = 0; w < workers; w++) {
		char parameter[24];

		snprintf(parameter, sizeof(parameter), "%" PRIu64, w);
		json_t *worker = tt_client_ask(&ask->client, "/taptrace/stages", parameter);
		if (worker == NULL)
			return TT_ERROR_IO;
		if (ask->json)
			tt_ask_print("stages", worker);
		else
			list_stages(table, worker);
		json_decref(worker);
	}
	return TT_OK;
}

int tt_command_stats(int argc, char **argv)
{
	static struct tt_table table;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_STATS, argc, argv, NULL);

	if (status >= 0)
		return status;
	json_t *info = tt_client_ask(&ask.client, "/taptrace/info", NULL);
	json_t *ledger = info == NULL ? NULL : tt_client_ask(&ask.client, "/taptrace/ledger", NULL);
	int code = TT_ERROR_IO;

	if (ledger != NULL && ask.json)
		tt_ask_print("ledger", ledger);
	else if (ledger != NULL)
		print_ledger(ledger);
	if (ledger != NULL) {
		tt_table_begin(&table, stdout, columns, ask.line);
		code = print_stages(&ask, &table, tt_json_unsigned(info, "workers"));
		if (!ask.json && code == TT_OK)
			tt_table_end(&table);
	}
	json_decref(info);
	json_decref(ledger);
	return tt_ask_finish(&ask, code);
}
