/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program, or one of its commands, takes on its command line, as one table. Parsing, --help,
 * the manual pages and the completion of the shell come from it. Tables are immutable; parsing is
 * the main thread's, as getopt_long() is not reentrant.
 */
#ifndef TT_APP_OPTIONS_H
#define TT_APP_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#define TT_OPTION_LONG	 256 /* the first value of options without a letter */
#define TT_OPTIONS_LIMIT 24  /* options of a command, those that it shares included */

enum tt_argument {
	TT_ARGUMENT_NONE,
	TT_ARGUMENT_TEXT,
	TT_ARGUMENT_FILE,
	TT_ARGUMENT_CHOICES /* one of `choices`, or several with commas between */
};

struct tt_option {
	const char *name; /* without the two dashes; NULL ends the table */
	int value;	  /* its letter, or a number from TT_OPTION_LONG on */
	enum tt_argument kind;
	const char *argument;	    /* what the help calls it */
	const char *const *choices; /* ended by NULL */
	const char *help;	    /* without a full stop */
};

struct tt_command_line {
	const char *name;	  /* NULL: the program itself */
	const char *synopsis;	  /* what follows its name */
	enum tt_argument operand; /* what stands behind the options */
	const char *summary;	  /* a few words, for the list of commands */
	const char *description;  /* whole sentences */
	const struct tt_option *options;
	const struct tt_option *shared; /* with other commands; NULL: none */
};

/* The option at `index` of a command, its own first; NULL behind the last. */
const struct tt_option *tt_option_at(const struct tt_command_line *command, unsigned int index);

/* The value of the next option, its argument in optarg; -1 behind the last, where optind is the
 * first operand; '?' for a wrong one, after a line on standard error. */
int tt_options_next(const struct tt_command_line *command, int argc, char **argv);

/* The text of --help, in lines of at most 80 characters. */
void tt_options_print_usage(const char *program, const struct tt_command_line *command, FILE *out);

#endif
