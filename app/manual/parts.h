/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of manual pages and of the completion that are made from tables, for the templates of
 * docs/manual. Each writes whole lines.
 */
#ifndef TT_APP_PARTS_H
#define TT_APP_PARTS_H

#include <stdio.h>

/* Options of taptraced, each with what it does. */
void tt_part_daemon(FILE *out);

/* Commands of taptrace, each with its options. */
void tt_part_commands(FILE *out);

/* Options that commands of taptrace share. */
void tt_part_shared(FILE *out);

/* Keys of the configuration, section by section. */
void tt_part_keys(FILE *out);

/* A document in Markdown: headings, paragraphs, lists, and tables, whose rows become terms with
 * what is said of each. 0, or TT_ERROR_IO after a line in the log. */
int tt_part_document(const char *path, FILE *out);

/* For the shell: the commands; the options of each; what options and operands take. */
void tt_part_shell_commands(FILE *out);
void tt_part_shell_options(FILE *out);
void tt_part_shell_arguments(FILE *out);

#endif
