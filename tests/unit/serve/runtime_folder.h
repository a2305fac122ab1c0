/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test binary that starts the EAL has a folder of its own for the EAL's sockets, below which no
 * other process's are found, and which goes with it.
 */
#ifndef TT_TESTS_RUNTIME_FOLDER_H
#define TT_TESTS_RUNTIME_FOLDER_H

#include "suite.h"

#include <stdio.h>

static inline int suite_run_in_folder(
	const char *name, const struct suite_test *tests, size_t count)
{
	char folder[] = "/tmp/taptrace-test-XXXXXX", command[64];

	if (mkdtemp(folder) == NULL)
		return 2;
	setenv("RUNTIME_DIRECTORY", folder, 1);
	int status = suite_run(name, tests, count);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? status : 2;
}

#endif
