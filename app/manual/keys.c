/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "config/schema.h"
#include "config/value.h"
#include "roff.h"

#include <stdlib.h>
#include <string.h>

static bool is_heading(const struct tt_schema_key *key)
{
	return key->type == TT_SCHEMA_SECTION || key->type == TT_SCHEMA_LIST;
}

/* What may stand behind the key, and how a change takes effect. */
static void describe_values(FILE *out, const struct tt_schema_key *key)
{
	const char *expected = tt_value_expected(key->type);
	char range[TT_VALUE_MESSAGE_BYTES];

	tt_value_range(key, range);
	if (key->type == TT_SCHEMA_ENUM) {
		fputs("One of ", out);
	} else {
		fputs("Takes ", out);
		tt_roff_text(out, expected, strlen(expected));
		if (range[0] == '\0' || strcmp(range, expected) == 0)
			range[0] = '\0';
		else
			fputs(": ", out);
	}
	tt_roff_text(out, range, strlen(range));
	fputs(".\n", out);
}

/* The default, as it is written in a file; nothing where there is none. */
static void describe_default(FILE *out, const struct tt_schema_key *key)
{
	static const struct tt_config_network any;
	char *text = NULL;
	size_t length = 0;
	FILE *words = open_memstream(&text, &length);

	if (words == NULL)
		return;
	switch (key->type) {
	case TT_SCHEMA_SECTION:
	case TT_SCHEMA_LIST:
	case TT_SCHEMA_DEVICE: /* there is none */
		break;
	case TT_SCHEMA_CPUS:
	case TT_SCHEMA_PORTS:
		fputs(tt_value_empty_list(key->type), words);
		break;
	case TT_SCHEMA_NETWORK:
		tt_value_print_network(&any, words);
		break;
	case TT_SCHEMA_STRING:
		fputs(key->fallback_text == NULL ? "not set" : key->fallback_text, words);
		break;
	default:
		if (key->derive == NULL)
			tt_value_print(key, key->fallback, words);
	}
	fclose(words);
	if (length > 0) {
		fputs("Default: \\fB", out);
		tt_roff_text(out, text, length);
		fputs("\\fR.\n", out);
	}
	free(text);
}

static void describe_key(FILE *out, const struct tt_schema_key *key)
{
	tt_roff_term(out, key->path);
	tt_roff_text(out, key->description, strlen(key->description));
	fputs(".\n.br\n", out);
	if (key->type == TT_SCHEMA_DEVICE) {
		fputs("Example: \\fB", out);
		tt_roff_text(out, key->example, strlen(key->example));
		fputs("\\fR.\n", out);
		return;
	}
	describe_values(out, key);
	describe_default(out, key);
	fputs(key->hot ? "A reload applies a change.\n" : "A change needs a restart.\n", out);
}

void tt_part_keys(FILE *out)
{
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];

		if (!is_heading(key)) {
			describe_key(out, key);
			continue;
		}
		tt_roff_heading(out, "SS", key->path, strlen(key->path));
		tt_roff_text(out, key->description, strlen(key->description));
		if (key->type == TT_SCHEMA_LIST)
			fprintf(out, " (a list of at most %u)", key->capacity);
		fputs(".\n", out);
	}
}
