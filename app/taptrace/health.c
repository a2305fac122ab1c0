/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace health and clients: whether all is well, and who pulls.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

#include <inttypes.h>

static void print_health(const json_t *health)
{
	const json_t *reasons = json_object_get(health, "reasons");
	uint64_t received = tt_json_unsigned(health, "window_received");
	uint64_t lost = tt_json_unsigned(health, "window_lost");

	puts(json_is_true(json_object_get(health, "healthy")) ? "healthy" : "not healthy");
	for (size_t i = 0; i < json_array_size(reasons); i++)
		printf("  %s\n", json_string_value(json_array_get(reasons, i)));
	printf("lost in the last %" PRIu64 " s: %" PRIu64 " of %" PRIu64
	       " packets\nflow table: %" PRIu64 " %% full\njournal: %" PRIu64 " %% full\n",
		tt_json_unsigned(health, "window_us") / 1000000, lost, received,
		tt_json_unsigned(health, "table_fill_percent"),
		tt_json_unsigned(health, "journal_fill_percent"));
}

int tt_command_health(int argc, char **argv)
{
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_HEALTH, argc, argv, NULL);

	if (status >= 0)
		return status;
	json_t *health = tt_client_ask(&ask.client, "/taptrace/health", NULL);
	bool is_healthy = json_is_true(json_object_get(health, "healthy"));

	if (health != NULL && ask.json)
		tt_ask_print("health", health);
	else if (health != NULL)
		print_health(health);
	json_decref(health);
	return tt_ask_finish(&ask, is_healthy ? TT_OK : TT_ERROR_IO);
}

enum {
	COLUMN_CLIENT,
	COLUMN_IDLE,
	COLUMN_PULLS,
	COLUMN_BEHIND,
	COLUMN_LOST,
	COLUMN_COMPARED,
	COLUMN_UNTRACKED
};

static const struct tt_column columns[] = {
	[COLUMN_CLIENT] = {.title = "CLIENT", .gives = true},
	[COLUMN_IDLE] = {.title = "IDLE", .right = true},
	[COLUMN_PULLS] = {.title = "PULLS", .right = true},
	[COLUMN_BEHIND] = {.title = "BEHIND", .right = true},
	[COLUMN_LOST] = {.title = "LOST", .right = true},
	[COLUMN_COMPARED] = {.title = "COMPARED", .right = true},
	[COLUMN_UNTRACKED] = {.title = "UNTRACKED", .right = true},
	{0},
};

struct listing {
	struct tt_table table;
	bool json;
};

static bool list_client(void *context, json_t *client)
{
	struct listing *listing = context;
	struct tt_table *table = &listing->table;
	char idle[TT_SCALED_SIZE];

	if (listing->json)
		return tt_ask_print("client", client);
	tt_duration(idle, tt_json_unsigned(client, "idle_us"));
	tt_table_cell(table, COLUMN_CLIENT, "%s", tt_json_text(client, "client"));
	tt_table_cell(table, COLUMN_IDLE, "%s", idle);
	tt_ask_count(table, COLUMN_PULLS, client, "pulls");
	tt_ask_count(table, COLUMN_BEHIND, client, "behind");
	tt_ask_count(table, COLUMN_LOST, client, "lost");
	tt_ask_count(table, COLUMN_COMPARED, client, "compared");
	tt_ask_count(table, COLUMN_UNTRACKED, client, "untracked");
	tt_table_row(table);
	return true;
}

int tt_command_clients(int argc, char **argv)
{
	static struct listing listing;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_CLIENTS, argc, argv, NULL);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, columns, ask.line);
	int code = tt_client_walk(
		&ask.client, "/taptrace/clients", NULL, "clients", list_client, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}
