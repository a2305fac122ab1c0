/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual TEMPLATE [DOCUMENT...]: a manual page, or the completion of the shell, from its template in
 * docs/manual. Lines like @keys@ are replaced by what the programs' own tables say, @document@ by
 * the next DOCUMENT, @version@ anywhere by the version. Run by the build.
 */
#include "base/error.h"
#include "base/log.h"
#include "parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *line;
	void (*write)(FILE *out);
} parts[] = {
	{"@daemon@\n", tt_part_daemon},
	{"@commands@\n", tt_part_commands},
	{"@shared@\n", tt_part_shared},
	{"@keys@\n", tt_part_keys},
	{"@shell-commands@\n", tt_part_shell_commands},
	{"@shell-options@\n", tt_part_shell_options},
	{"@shell-arguments@\n", tt_part_shell_arguments},
};

static void write_line(const char *line)
{
	static const char mark[] = "@version@";
	const char *found = strstr(line, mark);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(line, parts[i].line) == 0) {
			parts[i].write(stdout);
			return;
		}
	if (found == NULL)
		fputs(line, stdout);
	else
		printf("%.*s" TT_VERSION "%s", (int)(found - line), line, found + sizeof(mark) - 1);
}

static int fill(FILE *template, char **documents)
{
	char *line = NULL;
	size_t capacity = 0;
	int code = TT_OK;

	while (code == TT_OK && getline(&line, &capacity, template) > 0)
		if (strcmp(line, "@document@\n") == 0 && *documents != NULL)
			code = tt_part_document(*documents++, stdout);
		else
			write_line(line);
	free(line);
	return code;
}

int main(int argc, char **argv)
{
	tt_log_setup("manual", TT_LOG_WARNING);
	if (argc < 2) {
		fputs("usage: manual TEMPLATE [DOCUMENT...]\n", stderr);
		return 2;
	}
	FILE *template = fopen(argv[1], "r");
	if (template == NULL) {
		tt_log_error("cannot read %s: %s", argv[1], strerror(errno));
		return 1;
	}
	int code = fill(template, argv + 2);
	fclose(template);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		tt_log_error("cannot write: %s", strerror(errno));
		return 1;
	}
	return code == TT_OK ? 0 : 1;
}
