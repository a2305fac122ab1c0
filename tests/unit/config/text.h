/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations from and to text in memory, for the suites of config/. */
#ifndef TT_TESTS_CONFIG_TEXT_H
#define TT_TESTS_CONFIG_TEXT_H

#include "base/error.h"
#include "config/config.h"

#include "suite.h"

#include <stdio.h>

/* Parse, with the error lines, which the caller frees, in *said. */
static inline struct tt_config *parse(const char *yaml, size_t bytes, char **said, int *result)
{
	size_t said_bytes;
	FILE *errors = open_memstream(said, &said_bytes);
	struct guarded text = guarded_copy(yaml, bytes);
	struct tt_config *config = NULL;

	if (errors == NULL)
		abort();
	*result = tt_config_parse(&config, "f", (const char *)text.bytes, bytes, errors);
	guarded_free(&text);
	fclose(errors);
	return config;
}

static inline struct tt_config *parse_sound(const char *yaml)
{
	char *said;
	int result;
	struct tt_config *config = parse(yaml, strlen(yaml), &said, &result);

	if (config == NULL || said[0] != '\0')
		printf("\n%s%s", yaml, said);
	CU_ASSERT_EQUAL_FATAL(result, TT_OK);
	CU_ASSERT_STRING_EQUAL(said, "");
	free(said);
	return config;
}

static inline char *print(const struct tt_config *config, bool annotate)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		abort();
	tt_config_print(config, annotate, out);
	fclose(out);
	return text;
}

#endif
