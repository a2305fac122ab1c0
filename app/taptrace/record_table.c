/* SPDX-License-Identifier: Apache-2.0 */
#include "record_table.h"

#include "connection_table.h"
#include "fields.h"

#include <string.h>

/* What of the record fills a column. */
enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_DURATION,
	FIELD_ADDRESS,	/* of an endpoint */
	FIELD_QUANTILE, /* of its latency */
	FIELD_TEXTS
};

struct field {
	const char *name;
	enum field_kind kind;
};

/* `columns` and `fields` go together. */
struct record_type {
	const char *name;
	struct tt_column columns[9];
	struct field fields[8];
};

static const struct record_type types[] = {
	{"dns",
		{{.title = "CLIENT", .gives = true}, {.title = "SERVER", .gives = true},
			{.title = "QUERY", .gives = true}, {.title = "TYPE"}, {.title = "STATUS"},
			{.title = "RCODE"}, {.title = "LATENCY", .right = true}},
		{{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS}, {"query", FIELD_TEXT},
			{"query_type", FIELD_TEXT}, {"status", FIELD_TEXT}, {"rcode", FIELD_TEXT},
			{"latency_us", FIELD_DURATION}}},
	{"http",
		{{.title = "CLIENT", .gives = true}, {.title = "SERVER", .gives = true},
			{.title = "METHOD"}, {.title = "HOST", .gives = true},
			{.title = "PATH", .gives = true}, {.title = "STATUS", .right = true},
			{.title = "LATENCY", .right = true}},
		{{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS}, {"method", FIELD_TEXT},
			{"host", FIELD_TEXT}, {"path", FIELD_TEXT}, {"status", FIELD_NUMBER},
			{"latency_us", FIELD_DURATION}}},
	{"tls",
		{{.title = "CLIENT", .gives = true}, {.title = "SERVER", .gives = true},
			{.title = "SNI", .gives = true}, {.title = "VERSION"},
			{.title = "CIPHER", .gives = true}, {.title = "ALPN"},
			{.title = "HANDSHAKE", .right = true}},
		{{"client", FIELD_ADDRESS}, {"server", FIELD_ADDRESS}, {"sni", FIELD_TEXT},
			{"version", FIELD_TEXT}, {"cipher", FIELD_TEXT}, {"alpn", FIELD_TEXT},
			{"handshake_us", FIELD_DURATION}}},
	{"dns_stats",
		{{.title = "CLIENT", .gives = true}, {.title = "SERVER", .gives = true},
			{.title = "QUERY", .gives = true}, {.title = "TYPE"},
			{.title = "COUNT", .right = true}, {.title = "TIMEOUTS", .right = true},
			{.title = "P50", .right = true}, {.title = "P99", .right = true}},
		{{"client", FIELD_TEXT}, {"server", FIELD_TEXT}, {"query", FIELD_TEXT},
			{"query_type", FIELD_TEXT}, {"count", FIELD_NUMBER},
			{"timeouts", FIELD_NUMBER}, {"p50", FIELD_QUANTILE},
			{"p99", FIELD_QUANTILE}}},
	{"http_stats",
		{{.title = "CLIENT", .gives = true}, {.title = "SERVER", .gives = true},
			{.title = "METHOD"}, {.title = "ROUTE", .gives = true},
			{.title = "STATUS", .right = true}, {.title = "COUNT", .right = true},
			{.title = "P50", .right = true}, {.title = "P99", .right = true}},
		{{"client", FIELD_TEXT}, {"server", FIELD_TEXT}, {"method", FIELD_TEXT},
			{"route", FIELD_TEXT}, {"status", FIELD_NUMBER}, {"count", FIELD_NUMBER},
			{"p50", FIELD_QUANTILE}, {"p99", FIELD_QUANTILE}}},
	{"names", {{.title = "ADDRESS"}, {.title = "NAMES", .gives = true}},
		{{"address", FIELD_TEXT}, {"names", FIELD_TEXTS}}},
};

/* NULL for a connection, whose table is its own, and for what has none. */
static const struct record_type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

const struct tt_column *tt_record_columns(const char *type)
{
	const struct record_type *found = find_type(type);

	if (strcmp(type, "connection") == 0)
		return tt_connection_columns;
	return found == NULL ? NULL : found->columns;
}

/* As many as a cell holds. */
static void put_texts(struct tt_table *table, unsigned int column, const json_t *texts)
{
	char joined[TT_CELL_SIZE] = "";
	size_t length = 0, index;
	json_t *text;

	json_array_foreach(texts, index, text) if (length < sizeof(joined)) length +=
		(size_t)snprintf(joined + length, sizeof(joined) - length, "%s%s",
			index == 0 ? "" : " ", json_string_value(text));
	tt_table_cell(table, column, "%s", joined);
}

static void put_duration(
	struct tt_table *table, unsigned int column, const json_t *object, const char *name)
{
	char text[TT_SCALED_SIZE];

	if (json_object_get(object, name) == NULL)
		return;
	tt_duration(text, tt_json_unsigned(object, name));
	tt_table_cell(table, column, "%s", text);
}

static void put_field(struct tt_table *table, unsigned int column, const struct field *field,
	const json_t *record)
{
	const json_t *value = json_object_get(record, field->name);

	switch (field->kind) {
	case FIELD_TEXT:
		tt_table_cell(table, column, "%s", tt_json_text(record, field->name));
		break;
	case FIELD_NUMBER:
		if (value != NULL)
			tt_table_cell(
				table, column, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case FIELD_DURATION:
		put_duration(table, column, record, field->name);
		break;
	case FIELD_ADDRESS:
		tt_table_cell(table, column, "%s", tt_json_text(value, "address"));
		break;
	case FIELD_QUANTILE:
		put_duration(table, column, json_object_get(record, "latency"), field->name);
		break;
	case FIELD_TEXTS:
		put_texts(table, column, value);
		break;
	}
}

void tt_record_row(struct tt_table *table, const json_t *record)
{
	const struct record_type *type = find_type(tt_json_text(record, "type"));

	if (type == NULL) {
		tt_connection_row(table, record);
		return;
	}
	for (unsigned int i = 0; type->columns[i].title != NULL; i++)
		put_field(table, i, &type->fields[i], record);
	tt_table_row(table);
}
