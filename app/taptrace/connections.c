/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace connections: those that are active, or those in the journal.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

#include <inttypes.h>
#include <string.h>

enum {
	COLUMN_TRANSPORT,
	COLUMN_CLIENT,
	COLUMN_SERVER,
	COLUMN_SENT,
	COLUMN_RECEIVED,
	COLUMN_RTT,
	COLUMN_DURATION,
	COLUMN_STATE
};

static const struct tt_column columns[] = {
	[COLUMN_TRANSPORT] = {.title = "PROTO"},
	[COLUMN_CLIENT] = {.title = "CLIENT", .gives = true},
	[COLUMN_SERVER] = {.title = "SERVER", .gives = true},
	[COLUMN_SENT] = {.title = "SENT B", .right = true},
	[COLUMN_RECEIVED] = {.title = "RECEIVED B", .right = true},
	[COLUMN_RTT] = {.title = "RTT", .right = true},
	[COLUMN_DURATION] = {.title = "DURATION", .right = true},
	[COLUMN_STATE] = {.title = "STATE"},
	{0},
};

struct listing {
	struct tt_table table;
	bool json;
};

static void put_endpoint(struct tt_table *table, unsigned int column, const json_t *endpoint)
{
	const char *address = tt_json_text(endpoint, "address");
	uint64_t port = tt_json_unsigned(endpoint, "port");
	bool brackets = port > 0 && strchr(address, ':') != NULL;

	if (port == 0)
		tt_table_cell(table, column, "%s", address);
	else
		tt_table_cell(table, column, "%s%s%s:%" PRIu64, brackets ? "[" : "", address,
			brackets ? "]" : "", port);
}

static void put_bytes(struct tt_table *table, unsigned int column, const json_t *direction)
{
	char text[TT_SCALED_SIZE];

	tt_scaled(text, tt_json_unsigned(direction, "ip_bytes"));
	tt_table_cell(table, column, "%s", text);
}

static bool list_connection(void *context, json_t *record)
{
	struct listing *listing = context;
	struct tt_table *table = &listing->table;
	const json_t *tcp = json_object_get(record, "tcp");
	char text[TT_SCALED_SIZE];

	if (listing->json)
		return tt_ask_print(NULL, record);
	tt_table_cell(table, COLUMN_TRANSPORT, "%s", tt_json_text(record, "transport"));
	put_endpoint(table, COLUMN_CLIENT, json_object_get(record, "client"));
	put_endpoint(table, COLUMN_SERVER, json_object_get(record, "server"));
	put_bytes(table, COLUMN_SENT, json_object_get(record, "client_to_server"));
	put_bytes(table, COLUMN_RECEIVED, json_object_get(record, "server_to_client"));
	if (json_object_get(tcp, "rtt_us") != NULL) {
		tt_duration(text, tt_json_unsigned(tcp, "rtt_us"));
		tt_table_cell(table, COLUMN_RTT, "%s", text);
	}
	tt_duration(
		text, tt_json_unsigned(record, "end_us") - tt_json_unsigned(record, "start_us"));
	tt_table_cell(table, COLUMN_DURATION, "%s", text);
	tt_table_cell(table, COLUMN_STATE, "%s",
		json_object_get(record, "close_reason") != NULL
			? tt_json_text(record, "close_reason")
			: tt_json_text(record, "state"));
	tt_table_row(table);
	return ferror(stdout) == 0;
}

int tt_command_connections(int argc, char **argv)
{
	/* Too large for a stack that may be small. */
	static struct listing listing;
	bool closed = false;
	const struct tt_ask_flag flag = {
		"closed", "those that have ended and are still in the journal", &closed};
	struct tt_ask ask;
	int status = tt_ask_begin(
		&ask, argc, argv, "The connections that a running appliance sees.", &flag);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, columns, ask.line);
	int code =
		tt_client_walk(&ask.client, closed ? "/taptrace/closed" : "/taptrace/connections",
			NULL, "connections", list_connection, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}
