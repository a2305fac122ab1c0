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

static void print_usage(FILE *out, const char *name, const char *summary,
	const struct tt_ask_flag *flag, const char *operand)
{
	fprintf(out, "usage: taptrace %s [OPTION...]%s%s\n\n%s\n\n", name,
		operand == NULL ? "" : " ", operand == NULL ? "" : operand, summary);
	if (flag != NULL)
		fprintf(out, "      --%-14s %s\n", flag->name, flag->help);
	fputs("  -j, --json           NDJSON, one object a line; the default but on a terminal\n"
	      "  -p, --prefix PREFIX  the appliance's telemetry.prefix; taptrace by default\n"
	      "  -s, --socket PATH    its telemetry socket, wherever it is\n"
	      "  -h, --help           this text\n",
		out);
}

static int begin(struct tt_ask *ask, int argc, char **argv, const char *summary,
	const struct tt_ask_flag *flag, const char *operand, const char **value)
{
	enum {
		OPTION_FLAG = 256
	};
	const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"prefix", required_argument, NULL, 'p'},
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{flag == NULL ? NULL : flag->name, no_argument, NULL, OPTION_FLAG},
		{0},
	};
	const char *prefix = DEFAULT_PREFIX, *path = NULL;
	int option;

	*ask = (struct tt_ask){.line = tt_terminal_width(STDOUT_FILENO)};
	ask->json = ask->line == 0;
	while ((option = getopt_long(argc, argv, "jp:s:h", long_options, NULL)) != -1)
		switch (option) {
		case 'j':
			ask->json = true;
			break;
		case 'p':
			prefix = optarg;
			break;
		case 's':
			path = optarg;
			break;
		case OPTION_FLAG:
			*flag->set = true;
			break;
		case 'h':
			print_usage(stdout, argv[0], summary, flag, operand);
			return EXIT_DONE;
		default:
			print_usage(stderr, argv[0], summary, flag, operand);
			return EXIT_USAGE;
		}
	if (operand != NULL && optind == argc) {
		tt_log_error(
			"%s: no %s is given (see taptrace %s --help)", argv[0], operand, argv[0]);
		return EXIT_USAGE;
	}
	if (operand != NULL)
		*value = argv[optind++];
	if (optind < argc) {
		tt_log_error("%s: one argument too many: \"%s\"", argv[0], argv[optind]);
		return EXIT_USAGE;
	}
	return tt_client_open(&ask->client, prefix, path) == TT_OK ? -1 : EXIT_FAILED;
}

int tt_ask_begin(struct tt_ask *ask, int argc, char **argv, const char *summary,
	const struct tt_ask_flag *flag)
{
	return begin(ask, argc, argv, summary, flag, NULL, NULL);
}

int tt_ask_begin_operand(struct tt_ask *ask, int argc, char **argv, const char *summary,
	const char *operand, const char **value)
{
	return begin(ask, argc, argv, summary, NULL, operand, value);
}

bool tt_ask_print(const char *type, json_t *record)
{
	json_t *line = type == NULL ? json_incref(record) : json_pack("{s:s}", "type", type);
	bool printed = line != NULL && (type == NULL || json_object_update(line, record) == 0) &&
		json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

	json_decref(line);
	return printed;
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

uint64_t tt_json_unsigned(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

const char *tt_json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}
