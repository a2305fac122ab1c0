/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures from a file that holds a text, for the suites that match against them. */
#ifndef TT_TESTS_SIGNATURES_TEXT_H
#define TT_TESTS_SIGNATURES_TEXT_H

#include "base/error.h"
#include "rules/signatures.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void put_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

/* For two workers; the faults, without the name of the file, in *said, which the caller frees.
 * `text` NULL: those built in. */
static inline struct tt_signatures *compile_signatures(const char *text, char **said)
{
	char path[] = "/tmp/taptrace-test-signatures-XXXXXX";
	struct tt_signatures *signatures;
	struct tt_config *config;
	size_t bytes;
	FILE *errors = open_memstream(said, &bytes);
	int file = mkstemp(path);

	CU_ASSERT_TRUE_FATAL(file >= 0 && errors != NULL);
	close(file);
	CU_ASSERT_EQUAL_FATAL(tt_config_default(&config), TT_OK);
	if (text != NULL) {
		put_text(path, text);
		config->signatures = path;
	}
	int code = tt_signatures_create(&signatures, config, 2, errors);
	fclose(errors);
	CU_ASSERT_EQUAL(code, (*said)[0] == '\0' ? TT_OK : TT_ERROR_CONFIG);
	unlink(path);
	tt_config_free(config);
	/* Each line begins with the name. */
	char *to = *said;
	for (const char *from = *said; *from != '\0';) {
		if (strncmp(from, path, strlen(path)) == 0)
			from += strlen(path) + 1;
		*to++ = *from++;
	}
	*to = '\0';
	return signatures;
}

static inline struct tt_signatures *compile_sound_signatures(const char *text)
{
	char *said;
	struct tt_signatures *signatures = compile_signatures(text, &said);

	if (said[0] != '\0')
		printf("\n%s", said);
	CU_ASSERT_PTR_NOT_NULL_FATAL(signatures);
	free(said);
	return signatures;
}

#endif
