/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are a configuration or are refused with a reason; one that is taken prints as YAML
 * that loads again and prints the same.
 */
#include "base/error.h"
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct tt_config *config, bool annotate, size_t *bytes)
{
	char *text;
	FILE *out = open_memstream(&text, bytes);

	if (out == NULL)
		abort();
	tt_config_print(config, annotate, out);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_config *config;
	char *said;
	size_t said_bytes;
	FILE *errors = open_memstream(&said, &said_bytes);

	if (errors == NULL)
		abort();
	int result = tt_config_parse(&config, "fuzz", (const char *)data, size, errors);
	fclose(errors);
	if ((result == TT_OK) != (config != NULL) || (result == TT_OK) != (said_bytes == 0))
		abort();
	free(said);

	for (int annotate = 0; config != NULL && annotate < 2; annotate++) {
		struct tt_config *again;
		size_t first_bytes;
		size_t second_bytes;
		char *first = print(config, annotate != 0, &first_bytes);

		if (tt_config_parse(&again, "print", first, first_bytes, stderr) != TT_OK)
			abort();
		char *second = print(again, annotate != 0, &second_bytes);
		if (first_bytes != second_bytes || memcmp(first, second, first_bytes) != 0)
			abort();
		tt_config_free(again);
		free(first);
		free(second);
	}
	tt_config_free(config);
	return 0;
}
