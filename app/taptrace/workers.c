/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace workers: what each worker does.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

#include <inttypes.h>

enum {
	COLUMN_WORKER,
	COLUMN_LCORE,
	COLUMN_BUSY,
	COLUMN_RECEIVED,
	COLUMN_PROCESSED,
	COLUMN_DROPPED,
	COLUMN_HANDED_OVER,
	COLUMN_TAKEN_OVER,
	COLUMN_CONNECTIONS,
	COLUMN_CREATED
};

static const struct tt_column columns[] = {
	[COLUMN_WORKER] = {.title = "WORKER", .right = true},
	[COLUMN_LCORE] = {.title = "LCORE", .right = true},
	[COLUMN_BUSY] = {.title = "BUSY", .right = true},
	[COLUMN_RECEIVED] = {.title = "RECEIVED", .right = true},
	[COLUMN_PROCESSED] = {.title = "PROCESSED", .right = true},
	[COLUMN_DROPPED] = {.title = "DROPPED", .right = true},
	[COLUMN_HANDED_OVER] = {.title = "GIVEN", .right = true},
	[COLUMN_TAKEN_OVER] = {.title = "TAKEN", .right = true},
	[COLUMN_CONNECTIONS] = {.title = "ACTIVE", .right = true},
	[COLUMN_CREATED] = {.title = "CREATED", .right = true},
	{0},
};

struct listing {
	struct tt_table table;
	bool json;
};

static bool list_worker(void *context, json_t *worker)
{
	struct listing *listing = context;
	struct tt_table *table = &listing->table;
	uint64_t total_cycles = tt_json_unsigned(worker, "total_cycles");

	if (listing->json)
		return tt_ask_print("worker", worker);
	tt_ask_count(table, COLUMN_WORKER, worker, "worker");
	tt_ask_count(table, COLUMN_LCORE, worker, "lcore");
	if (total_cycles > 0)
		tt_table_cell(table, COLUMN_BUSY, "%.1f %%",
			100 * (double)tt_json_unsigned(worker, "busy_cycles") /
				(double)total_cycles);
	tt_ask_count(table, COLUMN_RECEIVED, worker, "received");
	tt_ask_count(table, COLUMN_PROCESSED, worker, "processed");
	tt_ask_count(table, COLUMN_DROPPED, worker, "dropped");
	tt_ask_count(table, COLUMN_HANDED_OVER, worker, "handed_over");
	tt_ask_count(table, COLUMN_TAKEN_OVER, worker, "taken_over");
	tt_ask_count(table, COLUMN_CONNECTIONS, worker, "connections");
	tt_ask_count(table, COLUMN_CREATED, worker, "created");
	tt_table_row(table);
	return true;
}

int tt_command_workers(int argc, char **argv)
{
	static struct listing listing;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_WORKERS, argc, argv, NULL);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, columns, ask.line);
	int code = tt_client_walk(
		&ask.client, "/taptrace/workers", NULL, "workers", list_worker, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}
