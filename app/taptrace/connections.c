/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace connections: those that are active, or those in the journal.
 */
#include "ask.h"
#include "command.h"
#include "connection_table.h"

#include "base/error.h"

struct listing {
	struct tt_table table;
	bool json;
};

static bool list_connection(void *context, json_t *record)
{
	struct listing *listing = context;

	if (listing->json)
		return tt_ask_print(NULL, record);
	tt_connection_row(&listing->table, record);
	return ferror(stdout) == 0;
}

int tt_command_connections(int argc, char **argv)
{
	/* Too large for a stack that may be small. */
	static struct listing listing;
	bool closed = false;
	const struct tt_ask_option own[] = {{.value = TT_OPTION_CLOSED, .given = &closed}, {0}};
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_CONNECTIONS, argc, argv, own);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, tt_connection_columns, ask.line);
	int code =
		tt_client_walk(&ask.client, closed ? "/taptrace/closed" : "/taptrace/connections",
			NULL, "connections", list_connection, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}
