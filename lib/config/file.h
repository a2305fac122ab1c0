/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file of YAML as a whole. Private to lib/config. */
#ifndef TT_CONFIG_FILE_H
#define TT_CONFIG_FILE_H

#include <stddef.h>
#include <stdio.h>

/* Its bytes, which the caller frees, one more at most than a document may have; "-" is standard
 * input. TT_ERROR_MEMORY, or TT_ERROR_CONFIG with a line on `errors`, and *text NULL. */
int tt_file_read(const char *path, char **text, size_t *bytes, FILE *errors);

#endif
