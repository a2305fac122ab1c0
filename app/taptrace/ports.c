/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace ports: the tap ports and what they received.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

#include <inttypes.h>
#include <string.h>

enum {
	COLUMN_PORT,
	COLUMN_NAME,
	COLUMN_DRIVER,
	COLUMN_LINK,
	COLUMN_QUEUES,
	COLUMN_TIME,
	COLUMN_DELIVERED,
	COLUMN_BYTES,
	COLUMN_MISSED,
	COLUMN_NO_MBUF,
	COLUMN_ERRORS,
	COLUMN_DUPLICATES
};

static const struct tt_column columns[] = {
	[COLUMN_PORT] = {.title = "PORT", .right = true},
	[COLUMN_NAME] = {.title = "NAME", .gives = true},
	[COLUMN_DRIVER] = {.title = "DRIVER", .gives = true},
	[COLUMN_LINK] = {.title = "LINK"},
	[COLUMN_QUEUES] = {.title = "QUEUES", .right = true},
	[COLUMN_TIME] = {.title = "TIME", .gives = true},
	[COLUMN_DELIVERED] = {.title = "PACKETS", .right = true},
	[COLUMN_BYTES] = {.title = "BYTES", .right = true},
	[COLUMN_MISSED] = {.title = "MISSED", .right = true},
	[COLUMN_NO_MBUF] = {.title = "NO MBUF", .right = true},
	[COLUMN_ERRORS] = {.title = "ERRORS", .right = true},
	[COLUMN_DUPLICATES] = {.title = "COPIES", .right = true},
	{0},
};

struct listing {
	struct tt_table table;
	bool json;
};

static void put_link(struct tt_table *table, const json_t *port)
{
	uint64_t speed_mbps = tt_json_unsigned(port, "link_speed_mbps");

	if (!json_is_true(json_object_get(port, "link_up")))
		tt_table_cell(table, COLUMN_LINK, "down");
	else if (speed_mbps == 0)
		tt_table_cell(table, COLUMN_LINK, "up");
	else if (speed_mbps < 1000)
		tt_table_cell(table, COLUMN_LINK, "%" PRIu64 "M", speed_mbps);
	else
		tt_table_cell(table, COLUMN_LINK, "%gG", (double)speed_mbps / 1000);
}

/* Where they are not looked for, or only now and then, it says so. */
static void put_duplicates(struct tt_table *table, const json_t *port)
{
	char text[TT_SCALED_SIZE];

	if (json_object_get(port, "duplicates") == NULL) {
		tt_table_cell(table, COLUMN_DUPLICATES, "off");
		return;
	}
	if (strcmp(tt_json_text(port, "duplicate_removal"), "on") != 0) {
		tt_table_cell(table, COLUMN_DUPLICATES, "watching");
		return;
	}
	tt_scaled(text, tt_json_unsigned(port, "duplicates"));
	tt_table_cell(table, COLUMN_DUPLICATES, "%s", text);
}

static bool list_port(void *context, json_t *port)
{
	struct listing *listing = context;
	struct tt_table *table = &listing->table;

	if (listing->json)
		return tt_ask_print("port", port);
	tt_table_cell(table, COLUMN_PORT, "%" PRIu64, tt_json_unsigned(port, "port"));
	tt_table_cell(table, COLUMN_NAME, "%s", tt_json_text(port, "name"));
	tt_table_cell(table, COLUMN_DRIVER, "%s", tt_json_text(port, "driver"));
	put_link(table, port);
	tt_table_cell(table, COLUMN_QUEUES, "%" PRIu64, tt_json_unsigned(port, "queues"));
	tt_table_cell(table, COLUMN_TIME, "%s", tt_json_text(port, "time_source"));
	tt_ask_count(table, COLUMN_DELIVERED, port, "delivered");
	tt_ask_count(table, COLUMN_BYTES, port, "delivered_bytes");
	tt_ask_count(table, COLUMN_MISSED, port, "missed");
	tt_ask_count(table, COLUMN_NO_MBUF, port, "no_mbuf");
	tt_ask_count(table, COLUMN_ERRORS, port, "errors");
	put_duplicates(table, port);
	tt_table_row(table);
	return true;
}

int tt_command_ports(int argc, char **argv)
{
	static struct listing listing;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_PORTS, argc, argv, NULL);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, columns, ask.line);
	int code =
		tt_client_walk(&ask.client, "/taptrace/ports", NULL, "ports", list_port, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}
