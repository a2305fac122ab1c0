/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "base/error.h"
#include "base/log.h"
#include "roff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 3
#define ALWAYS	"never" /* absent */

struct document {
	FILE *out;
	bool begun;   /* a paragraph, which the next line goes on with */
	bool titles;  /* the next row of a table is its titles */
	bool absent;  /* the table's third column says when a field is absent */
	bool heading; /* the last line was one, which needs no .PP */
};

/* The next cell of a row, without the space around it; false behind the last. */
static bool next_cell(const char **at, const char **cell, size_t *length)
{
	const char *end = strchr(*at, '|');

	if (end == NULL)
		return false;
	*cell = *at + strspn(*at, " ");
	*at = end + 1;
	while (end > *cell && end[-1] == ' ')
		end--;
	*length = (size_t)(end - *cell);
	return true;
}

static void translate_row(struct document *document, const char *line)
{
	const char *at = line + 1, *cells[COLUMNS];
	size_t lengths[COLUMNS];
	unsigned int count = 0;

	while (count < COLUMNS && next_cell(&at, &cells[count], &lengths[count]))
		count++;
	if (document->titles) {
		document->titles = false;
		document->absent = count == COLUMNS;
		return;
	}
	if (count < 2 || cells[0][0] == '-')
		return;
	fputs(".TP\n", document->out);
	tt_roff_marked(document->out, cells[0], lengths[0]);
	fputc('\n', document->out);
	tt_roff_marked(document->out, cells[1], lengths[1]);
	fputc('\n', document->out);
	if (!document->absent || count < COLUMNS ||
		(lengths[2] == strlen(ALWAYS) && memcmp(cells[2], ALWAYS, lengths[2]) == 0))
		return;
	fputs("Absent: ", document->out);
	tt_roff_marked(document->out, cells[2], lengths[2]);
	fputs(".\n", document->out);
}

static void translate_heading(struct document *document, const char *line)
{
	size_t level = strspn(line, "#");
	const char *text = line + level + strspn(line + level, " ");

	tt_roff_heading(document->out, level == 1 ? "SH" : "SS", text, strlen(text));
}

static void translate_text(struct document *document, const char *line)
{
	if (strncmp(line, "* ", 2) == 0) {
		fputs(".IP \\(bu 2\n", document->out);
		line += 2;
	} else if (!document->begun && !document->heading) {
		fputs(".PP\n", document->out);
	}
	line += strspn(line, " ");
	tt_roff_marked(document->out, line, strlen(line));
	fputc('\n', document->out);
}

static void translate_line(struct document *document, const char *line)
{
	bool heading = line[0] == '#';
	bool row = line[0] == '|';

	if (strncmp(line, "<!--", 4) == 0)
		return;
	if (heading)
		translate_heading(document, line);
	else if (row)
		translate_row(document, line);
	else if (line[0] != '\0')
		translate_text(document, line);
	document->begun = !heading && !row && line[0] != '\0';
	document->titles = row ? document->titles : true;
	document->heading = heading || (line[0] == '\0' && document->heading);
}

int tt_part_document(const char *path, FILE *out)
{
	struct document document = {.out = out, .titles = true};
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t capacity = 0;

	if (in == NULL) {
		tt_log_error("cannot read %s: %s", path, strerror(errno));
		return TT_ERROR_IO;
	}
	while (getline(&line, &capacity, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		translate_line(&document, line);
	}
	free(line);
	fclose(in);
	return TT_OK;
}
