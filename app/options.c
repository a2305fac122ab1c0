/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <getopt.h>
#include <string.h>

#define LINE_COLUMNS 80
#define LABEL_BYTES  64

const struct tt_option *tt_option_at(const struct tt_command_line *command, unsigned int index)
{
	for (const struct tt_option *own = command->options; own->name != NULL; own++)
		if (index-- == 0)
			return own;
	for (const struct tt_option *one = command->shared; one != NULL && one->name != NULL; one++)
		if (index-- == 0)
			return one;
	return NULL;
}

int tt_options_next(const struct tt_command_line *command, int argc, char **argv)
{
	struct option long_options[TT_OPTIONS_LIMIT + 1] = {0};
	char letters[2 * TT_OPTIONS_LIMIT + 1];
	const struct tt_option *option;
	size_t length = 0;

	for (unsigned int i = 0; (option = tt_option_at(command, i)) != NULL; i++) {
		bool takes = option->kind != TT_ARGUMENT_NONE;

		long_options[i] = (struct option){
			option->name, takes ? required_argument : no_argument, NULL, option->value};
		if (option->value >= TT_OPTION_LONG)
			continue;
		letters[length++] = (char)option->value;
		if (takes)
			letters[length++] = ':';
	}
	letters[length] = '\0';
	return getopt_long(argc, argv, letters, long_options, NULL);
}

/* "-r, --records LIST" */
static void label(char text[LABEL_BYTES], const struct tt_option *option)
{
	char letter[] = "    ";

	if (option->value < TT_OPTION_LONG)
		snprintf(letter, sizeof(letter), "-%c, ", (char)option->value);
	snprintf(text, LABEL_BYTES, "%s--%s%s%s", letter, option->name,
		option->argument == NULL ? "" : " ",
		option->argument == NULL ? "" : option->argument);
}

/* Words in lines that begin at a column; the cursor is there already. */
static void print_words(const char *text, int indent, FILE *out)
{
	int column = indent;

	while (*text != '\0') {
		int length = (int)strcspn(text, " ");
		int gap = column > indent;

		if (gap && column + gap + length > LINE_COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			gap = 0;
		}
		fprintf(out, "%*s%.*s", gap, "", length, text);
		column += gap + length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void tt_options_print_usage(const char *program, const struct tt_command_line *command, FILE *out)
{
	const struct tt_option *option;
	char text[LABEL_BYTES];
	int width = 0;

	for (unsigned int i = 0; (option = tt_option_at(command, i)) != NULL; i++) {
		label(text, option);
		if ((int)strlen(text) > width)
			width = (int)strlen(text);
	}
	fprintf(out, "usage: %s%s%s %s\n\n", program, command->name == NULL ? "" : " ",
		command->name == NULL ? "" : command->name, command->synopsis);
	print_words(command->description, 0, out);
	fputc('\n', out);
	for (unsigned int i = 0; (option = tt_option_at(command, i)) != NULL; i++) {
		label(text, option);
		fprintf(out, "  %-*s  ", width, text);
		print_words(option->help, width + 4, out);
	}
}
