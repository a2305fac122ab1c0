/* SPDX-License-Identifier: Apache-2.0 */
#include "roff.h"

#include <stdbool.h>
#include <string.h>

static void put(FILE *out, char byte, bool first)
{
	switch (byte) {
	case '\\':
		fputs("\\e", out);
		break;
	case '-':
		fputs("\\-", out);
		break;
	case '"':
		fputs("\\(dq", out);
		break;
	case '\'':
		fputs("\\(aq", out);
		break;
	case '.':
		fputs(first ? "\\&." : ".", out);
		break;
	default:
		fputc(byte, out);
	}
}

void tt_roff_text(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put(out, text[i], i == 0);
}

void tt_roff_marked(FILE *out, const char *text, size_t length)
{
	bool bold = false;

	for (size_t i = 0; i < length; i++)
		if (text[i] == '`') {
			bold = !bold;
			fputs(bold ? "\\fB" : "\\fR", out);
		} else {
			put(out, text[i], i == 0);
		}
}

void tt_roff_line(FILE *out, const char *text)
{
	tt_roff_text(out, text, strlen(text));
	fputc('\n', out);
}

void tt_roff_heading(FILE *out, const char *macro, const char *text, size_t length)
{
	fprintf(out, ".%s \"", macro);
	tt_roff_marked(out, text, length);
	fputs("\"\n", out);
}

void tt_roff_term(FILE *out, const char *term)
{
	fputs(".TP\n\\fB", out);
	tt_roff_text(out, term, strlen(term));
	fputs("\\fR\n", out);
}
