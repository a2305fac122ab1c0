/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

#include <inttypes.h>
#include <string.h>

#define LINE_COLUMNS 100

struct printer {
	const struct tt_config *config;
	bool annotate;
	FILE *out;
};

static int depth(const struct tt_schema_key *key)
{
	int dots = 0;

	for (const char *byte = key->path; *byte != '\0'; byte++)
		dots += *byte == '.';
	return dots;
}

static void print_text(const char *text, FILE *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_/.";

	if (text[strspn(text, plain)] == '\0' && !tt_value_is_null(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_numbers(const struct printer *printer, const struct tt_schema_key *key)
{
	const uint32_t *numbers = tt_schema_value(printer->config, key, 0);
	uint32_t count = tt_schema_items(printer->config, key);

	if (count == 0) {
		fputs(tt_value_empty_list(key->type), printer->out);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		fprintf(printer->out, "%s%" PRIu32, i == 0 ? "[" : ", ", numbers[i]);
	fputc(']', printer->out);
}

/* "descriptors: 4096", the key and its value. */
static void print_pair(const struct printer *printer, const struct tt_config *config,
	const struct tt_schema_key *key, uint32_t item)
{
	const char *text;

	fprintf(printer->out, "%s: ", tt_schema_name(key->path));
	switch (key->type) {
	case TT_SCHEMA_CPUS:
	case TT_SCHEMA_PORTS:
		print_numbers(printer, key);
		break;
	case TT_SCHEMA_NETWORK:
		tt_value_print_network(tt_schema_value(config, key, item), printer->out);
		break;
	case TT_SCHEMA_STRING:
	case TT_SCHEMA_DEVICE:
		text = tt_schema_text(config, key, item);
		if (text != NULL || printer->annotate)
			print_text(text != NULL ? text : key->example, printer->out);
		else
			fputs("not set", printer->out);
		break;
	default:
		tt_value_print(key, tt_schema_number(config, key, item), printer->out);
	}
	fputc('\n', printer->out);
}

/* The comment above a key: what it is for, its range, and how a change takes effect. */
static void annotate(
	const struct printer *printer, const struct tt_schema_key *key, const char *indent)
{
	const char *effect = key->hot ? "reload" : "restart";
	char range[TT_VALUE_MESSAGE_BYTES];

	if (!printer->annotate)
		return;
	fprintf(printer->out, "%s# %s", indent, key->description);
	if (key->type != TT_SCHEMA_SECTION && key->type != TT_SCHEMA_DEVICE) {
		tt_value_range(key, range);
		size_t length = strlen(indent) + strlen(key->description) + strlen(range);
		if (length > LINE_COLUMNS - strlen("#  (; restart).")) /* in a line of its own */
			fprintf(printer->out, "\n%s#", indent);
		fprintf(printer->out, " (%s%s%s)", range, range[0] == '\0' ? "" : "; ", effect);
	}
	fputs(".\n", printer->out);
}

/* What an entry may hold, as comments to be taken in. */
static void print_sample(
	const struct printer *printer, const struct tt_schema_key *list, const char *indent)
{
	struct tt_config sample = {0};
	char first_indent[2 * TT_SCHEMA_DEPTH + sizeof("  ")];
	char further_indent[2 * TT_SCHEMA_DEPTH + sizeof("  #   ")];

	snprintf(first_indent, sizeof(first_indent), "%s  ", indent);
	snprintf(further_indent, sizeof(further_indent), "%s  #   ", indent);
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];
		bool first = key->type == TT_SCHEMA_DEVICE || key == list + 1;

		if (tt_schema_list(key) != list)
			continue;
		tt_schema_set_default(&sample, key, 0);
		annotate(printer, key, first ? first_indent : further_indent);
		fprintf(printer->out, "%s%s", indent, first ? "  # - " : "  #   ");
		print_pair(printer, &sample, key, 0);
	}
}

static void print_list(
	const struct printer *printer, const struct tt_schema_key *list, const char *indent)
{
	uint32_t items = tt_schema_items(printer->config, list);

	fprintf(printer->out, "%s:%s\n", tt_schema_name(list->path),
		items == 0 && !printer->annotate ? " []" : "");
	if (printer->annotate)
		print_sample(printer, list, indent);
	for (uint32_t item = 0; item < items; item++) {
		const char *lead = "- ";

		for (uint32_t i = 0; i < tt_schema_count; i++) {
			const struct tt_schema_key *key = &tt_schema[i];

			if (tt_schema_list(key) != list ||
				((key->type == TT_SCHEMA_DEVICE || key->type == TT_SCHEMA_STRING) &&
					tt_schema_text(printer->config, key, item) == NULL))
				continue;
			fprintf(printer->out, "%s  %s", indent, lead);
			print_pair(printer, printer->config, key, item);
			lead = "  ";
		}
	}
}

/* Is the key shown as a comment: a string that is not set, or a value that follows from others? */
static bool is_unset(const struct printer *printer, const struct tt_schema_key *key)
{
	const struct tt_config *config = printer->config;

	if (key->type == TT_SCHEMA_STRING)
		return tt_schema_text(config, key, 0) == NULL;
	return printer->annotate && key->derive != NULL &&
		tt_schema_number(config, key, 0) == key->derive(config);
}

void tt_config_print(const struct tt_config *config, bool annotate_keys, FILE *out)
{
	const struct printer printer = {.config = config, .annotate = annotate_keys, .out = out};

	if (annotate_keys)
		fputs("# SPDX-License-Identifier: Apache-2.0\n"
		      "#\n"
		      "# The configuration of taptraced. Every key stands here with its value; "
		      "what\n"
		      "# is left out has its default. `restart`: a change needs a restart;\n"
		      "# `reload`: a reload is enough.\n",
			out);
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];
		char indent[2 * TT_SCHEMA_DEPTH + 1] = "";

		if (tt_schema_list(key) != NULL)
			continue;
		memset(indent, ' ', 2 * (size_t)depth(key));
		if (annotate_keys && depth(key) == 0)
			fputc('\n', out);
		annotate(&printer, key, indent);
		fputs(indent, out);
		if (key->type == TT_SCHEMA_SECTION) {
			fprintf(out, "%s:\n", tt_schema_name(key->path));
		} else if (key->type == TT_SCHEMA_LIST) {
			print_list(&printer, key, indent);
		} else {
			fputs(is_unset(&printer, key) ? "# " : "", out);
			print_pair(&printer, config, key, 0);
		}
	}
}
