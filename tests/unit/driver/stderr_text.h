/* SPDX-License-Identifier: Apache-2.0 */
/* What a test makes the program say: standard error, collected between begin and end. */
#ifndef TT_TESTS_STDERR_TEXT_H
#define TT_TESTS_STDERR_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stderr_text {
	FILE *file;
	int former;
	char text[2048];
};

static inline void stderr_begin(struct stderr_text *collected)
{
	collected->file = tmpfile();
	collected->former = dup(STDERR_FILENO);
	if (collected->file == NULL || collected->former < 0)
		abort();
	dup2(fileno(collected->file), STDERR_FILENO);
}

/* How many lines were written; their text is in collected->text. */
static inline int stderr_end(struct stderr_text *collected)
{
	int lines = 0;

	dup2(collected->former, STDERR_FILENO);
	close(collected->former);
	rewind(collected->file);
	size_t length = fread(collected->text, 1, sizeof(collected->text) - 1, collected->file);
	collected->text[length] = '\0';
	fclose(collected->file);
	for (size_t i = 0; i < length; i++)
		lines += collected->text[i] == '\n';
	return lines;
}

#endif
