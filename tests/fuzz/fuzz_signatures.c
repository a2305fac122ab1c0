/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are a list of signatures or are refused with a reason; of those that are taken, an
 * expression which begins with a plain byte may begin with that byte.
 */
#include "base/error.h"
#include "config/signatures.h"
#include "rules/expression.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tt_signature *signature)
{
	struct tt_byte_set set = {{0}};
	uint8_t first = (uint8_t)signature->pattern[0];

	if (strlen(signature->name) > TT_SIGNATURE_NAME_BYTES ||
		signature->layer >= TT_SIGNATURE_LAYERS)
		abort();
	tt_expression_first(signature->pattern, &set);
	if (isalnum(first) && strpbrk(signature->pattern, "?*{") == NULL &&
		!tt_byte_set_has(&set, first))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_signature_list *list;
	size_t said_bytes;
	char *said;
	FILE *errors = open_memstream(&said, &said_bytes);

	if (errors == NULL)
		abort();
	int result = tt_signature_list_parse(&list, "fuzz", (const char *)data, size, errors);
	fclose(errors);
	if (list == NULL || (result == TT_OK) != (said_bytes == 0))
		abort();
	for (uint32_t i = 0; i < list->count; i++)
		if (!list->signatures[i].faulty)
			check(&list->signatures[i]);
	tt_signature_list_free(list);
	free(said);
	return 0;
}
