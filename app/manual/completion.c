/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "../taptrace/commands.h"
#include "../taptraced/daemon.h"

void tt_part_shell_commands(FILE *out)
{
	for (int i = 0; i < TT_COMMANDS; i++)
		fprintf(out, "\t%s\n", tt_commands[i].name);
}

static void list_options(FILE *out, const char *name, const struct tt_command_line *command)
{
	const struct tt_option *option;

	fprintf(out, "\t%s) echo", name);
	for (unsigned int i = 0; (option = tt_option_at(command, i)) != NULL; i++) {
		fprintf(out, " --%s", option->name);
		if (option->value < TT_OPTION_LONG)
			fprintf(out, " -%c", (char)option->value);
	}
	fputs(" ;;\n", out);
}

void tt_part_shell_options(FILE *out)
{
	for (int i = 0; i < TT_COMMANDS; i++)
		list_options(out, tt_commands[i].name, &tt_commands[i]);
	list_options(out, "taptraced", &tt_daemon);
}

static void list_argument(FILE *out, enum tt_argument kind, const char *const *choices)
{
	switch (kind) {
	case TT_ARGUMENT_NONE:
		break;
	case TT_ARGUMENT_TEXT:
		fputs(" text", out);
		break;
	case TT_ARGUMENT_FILE:
		fputs(" file", out);
		break;
	case TT_ARGUMENT_CHOICES:
		fputs(" choices", out);
		for (; *choices != NULL; choices++)
			fprintf(out, " %s", *choices);
	}
	fputs(" ;;\n", out);
}

static void list_arguments(FILE *out, const char *name, const struct tt_command_line *command)
{
	const struct tt_option *option;

	for (unsigned int i = 0; (option = tt_option_at(command, i)) != NULL; i++) {
		if (option->kind == TT_ARGUMENT_NONE)
			continue;
		fprintf(out, "\t%s:--%s", name, option->name);
		if (option->value < TT_OPTION_LONG)
			fprintf(out, " | %s:-%c", name, (char)option->value);
		fputs(") echo", out);
		list_argument(out, option->kind, option->choices);
	}
	if (command->operand != TT_ARGUMENT_NONE) {
		fprintf(out, "\t%s:) echo", name);
		list_argument(out, command->operand, NULL);
	}
}

void tt_part_shell_arguments(FILE *out)
{
	for (int i = 0; i < TT_COMMANDS; i++)
		list_arguments(out, tt_commands[i].name, &tt_commands[i]);
	list_arguments(out, "taptraced", &tt_daemon);
}
