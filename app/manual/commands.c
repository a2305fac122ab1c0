/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "../taptrace/commands.h"
#include "../taptraced/daemon.h"
#include "roff.h"

#include <string.h>

static void describe_option(FILE *out, const struct tt_option *option)
{
	fputs(".TP\n", out);
	if (option->value < TT_OPTION_LONG)
		fprintf(out, "\\fB\\-%c\\fR, ", (char)option->value);
	fputs("\\fB\\-\\-", out);
	tt_roff_text(out, option->name, strlen(option->name));
	fputs("\\fR", out);
	if (option->argument != NULL)
		fprintf(out, " \\fI%s\\fR", option->argument);
	fputc('\n', out);
	tt_roff_text(out, option->help, strlen(option->help));
	fputs(".\n", out);
}

static void describe_options(FILE *out, const struct tt_option *options)
{
	for (; options != NULL && options->name != NULL; options++)
		describe_option(out, options);
}

void tt_part_daemon(FILE *out)
{
	describe_options(out, tt_daemon.options);
}

void tt_part_commands(FILE *out)
{
	for (int i = 0; i < TT_COMMANDS; i++) {
		const struct tt_command_line *command = &tt_commands[i];

		fprintf(out, ".SS \"taptrace %s ", command->name);
		tt_roff_text(out, command->synopsis, strlen(command->synopsis));
		fputs("\"\n", out);
		tt_roff_line(out, command->description);
		describe_options(out, command->options);
	}
}

void tt_part_shared(FILE *out)
{
	for (int i = 0; i < TT_COMMANDS; i++)
		if (tt_commands[i].shared != NULL) {
			describe_options(out, tt_commands[i].shared);
			break;
		}
}
