/* SPDX-License-Identifier: Apache-2.0 */
#include "connection_table.h"

#include "ask.h"

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

const struct tt_column tt_connection_columns[] = {
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

void tt_connection_row(struct tt_table *table, const json_t *record)
{
	const json_t *tcp = json_object_get(record, "tcp");
	char text[TT_SCALED_SIZE];

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
}
