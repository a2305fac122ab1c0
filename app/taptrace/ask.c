/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "base/error.h"
#include "base/log.h"
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PREFIX "taptrace"

static void take(const struct tt_ask_option *own, int value)
{
	for (; own != NULL && own->value != 0; own++)
		if (own->value == value && own->argument != NULL)
			*own->argument = optarg;
		else if (own->value == value)
			*own->given = true;
}

int tt_ask_parse(struct tt_ask *ask, enum tt_command_id id, int argc, char **argv,
	const struct tt_ask_option *own, const char **operand)
{
	const struct tt_command_line *command = &tt_commands[id];
	int value;

	*ask = (struct tt_ask){.client.socket = -1,
		.prefix = DEFAULT_PREFIX,
		.line = tt_terminal_width(STDOUT_FILENO)};
	ask->json = ask->line == 0;
	while ((value = tt_options_next(command, argc, argv)) != -1)
		switch (value) {
		case 'j':
			ask->json = true;
			break;
		case 'p':
			ask->prefix = optarg;
			break;
		case 's':
			ask->path = optarg;
			break;
		case 'h':
			tt_options_print_usage("taptrace", command, stdout);
			return EXIT_DONE;
		case '?':
			tt_options_print_usage("taptrace", command, stderr);
			return EXIT_USAGE;
		default:
			take(own, value);
		}
	if (operand != NULL && optind == argc) {
		tt_log_error("%s: an argument is missing (see taptrace %s --help)", command->name,
			command->name);
		return EXIT_USAGE;
	}
	if (operand != NULL)
		*operand = argv[optind++];
	if (optind < argc) {
		tt_log_error("%s: one argument too many: \"%s\"", command->name, argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

int tt_ask_connect(struct tt_ask *ask)
{
	return tt_client_open(&ask->client, ask->prefix, ask->path) == TT_OK ? -1 : EXIT_FAILED;
}

int tt_ask_begin(struct tt_ask *ask, enum tt_command_id id, int argc, char **argv,
	const struct tt_ask_option *own)
{
	int status = tt_ask_parse(ask, id, argc, argv, own, NULL);

	return status >= 0 ? status : tt_ask_connect(ask);
}

bool tt_ask_print(const char *type, json_t *record)
{
	json_t *line = type == NULL ? json_incref(record) : json_pack("{s:s}", "type", type);
	bool printed = line != NULL && (type == NULL || json_object_update(line, record) == 0) &&
		json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

	json_decref(line);
	return printed;
}

void tt_ask_count(
	struct tt_table *table, unsigned int column, const json_t *object, const char *name)
{
	char text[TT_SCALED_SIZE];

	if (json_object_get(object, name) == NULL) {
		tt_table_cell(table, column, "?");
		return;
	}
	tt_scaled(text, tt_json_unsigned(object, name));
	tt_table_cell(table, column, "%s", text);
}

int tt_ask_finish(struct tt_ask *ask, int code)
{
	tt_client_close(&ask->client);
	/* Both, for an error may have come before and another with what is left. */
	bool failed = ferror(stdout) != 0;
	if (fflush(stdout) != 0 || failed) {
		tt_log_error("cannot write to standard output: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return code == TT_OK ? EXIT_DONE : EXIT_FAILED;
}
