/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace dns, http and tls: the transactions and handshakes that the appliance keeps.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"

/* Which field of the record fills a column: its text, number or duration. */
enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_DURATION,
	FIELD_ADDRESS /* of an endpoint */
};

struct field {
	const char *name;
	enum field_kind kind;
};

/* A command and its table; `columns` and `fields` go together. */
struct transactions {
	enum tt_command_id id;
	const char *command; /* of the telemetry socket */
	const char *name;    /* of the list in its answer */
	const struct tt_column *columns;
	const struct field *fields;
};

struct listing {
	const struct transactions *of;
	struct tt_table table;
	bool json;
};

static void put_field(struct tt_table *table, unsigned int column, const struct field *field,
	const json_t *record)
{
	const json_t *value = json_object_get(record, field->name);
	char text[TT_SCALED_SIZE];

	if (value == NULL)
		return;
	switch (field->kind) {
	case FIELD_TEXT:
		tt_table_cell(table, column, "%s", tt_json_text(record, field->name));
		break;
	case FIELD_NUMBER:
		tt_table_cell(table, column, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case FIELD_DURATION:
		tt_duration(text, tt_json_unsigned(record, field->name));
		tt_table_cell(table, column, "%s", text);
		break;
	case FIELD_ADDRESS:
		tt_table_cell(table, column, "%s", tt_json_text(value, "address"));
		break;
	}
}

static bool list_transaction(void *context, json_t *record)
{
	struct listing *listing = context;

	if (listing->json)
		return tt_ask_print(NULL, record);
	for (unsigned int i = 0; listing->of->columns[i].title != NULL; i++)
		put_field(&listing->table, i, &listing->of->fields[i], record);
	tt_table_row(&listing->table);
	return ferror(stdout) == 0;
}

static int list_transactions(const struct transactions *of, int argc, char **argv)
{
	/* Too large for a stack that may be small. */
	static struct listing listing;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, of->id, argc, argv, NULL);

	if (status >= 0)
		return status;
	listing.of = of;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, of->columns, ask.line);
	int code = tt_client_walk(
		&ask.client, of->command, NULL, of->name, list_transaction, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}

int tt_command_dns(int argc, char **argv)
{
	static const struct tt_column columns[] = {{.title = "CLIENT", .gives = true},
		{.title = "SERVER", .gives = true}, {.title = "QUERY", .gives = true},
		{.title = "TYPE"}, {.title = "STATUS"}, {.title = "RCODE"},
		{.title = "LATENCY", .right = true}, {0}};
	static const struct field fields[] = {{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS},
		{"query", FIELD_TEXT}, {"query_type", FIELD_TEXT}, {"status", FIELD_TEXT},
		{"rcode", FIELD_TEXT}, {"latency_us", FIELD_DURATION}};
	static const struct transactions dns = {
		TT_COMMAND_DNS, "/taptrace/dns", "dns", columns, fields};

	return list_transactions(&dns, argc, argv);
}

int tt_command_http(int argc, char **argv)
{
	static const struct tt_column columns[] = {{.title = "CLIENT", .gives = true},
		{.title = "SERVER", .gives = true}, {.title = "METHOD"},
		{.title = "HOST", .gives = true}, {.title = "PATH", .gives = true},
		{.title = "STATUS", .right = true}, {.title = "LATENCY", .right = true}, {0}};
	static const struct field fields[] = {{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS},
		{"method", FIELD_TEXT}, {"host", FIELD_TEXT}, {"path", FIELD_TEXT},
		{"status", FIELD_NUMBER}, {"latency_us", FIELD_DURATION}};
	static const struct transactions http = {
		TT_COMMAND_HTTP, "/taptrace/http", "http", columns, fields};

	return list_transactions(&http, argc, argv);
}

int tt_command_tls(int argc, char **argv)
{
	static const struct tt_column columns[] = {{.title = "CLIENT", .gives = true},
		{.title = "SERVER", .gives = true}, {.title = "SNI", .gives = true},
		{.title = "VERSION"}, {.title = "CIPHER", .gives = true}, {.title = "ALPN"},
		{.title = "HANDSHAKE", .right = true}, {0}};
	static const struct field fields[] = {{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS},
		{"sni", FIELD_TEXT}, {"version", FIELD_TEXT}, {"cipher", FIELD_TEXT},
		{"alpn", FIELD_TEXT}, {"handshake_us", FIELD_DURATION}};
	static const struct transactions tls = {
		TT_COMMAND_TLS, "/taptrace/tls", "tls", columns, fields};

	return list_transactions(&tls, argc, argv);
}
