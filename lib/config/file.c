/* SPDX-License-Identifier: Apache-2.0 */
#include "config/file.h"

#include "base/error.h"
#include "config/yaml_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tt_file_read(const char *path, char **text, size_t *bytes, FILE *errors)
{
	/* What is longer than a document may be has to show that it is. */
	const size_t most = TT_YAML_TEXT_BYTES + 1;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int result = TT_OK;

	*text = NULL;
	if (file == NULL) {
		fprintf(errors, "%s: cannot be opened: %s\n", path, strerror(errno));
		return TT_ERROR_CONFIG;
	}
	*text = malloc(most);
	if (*text == NULL) {
		result = TT_ERROR_MEMORY;
	} else {
		*bytes = fread(*text, 1, most, file);
		if (ferror(file)) {
			fprintf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
			result = TT_ERROR_CONFIG;
			free(*text);
			*text = NULL;
		}
	}
	if (file != stdin)
		fclose(file);
	return result;
}
