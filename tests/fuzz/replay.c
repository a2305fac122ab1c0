/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main() of a fuzz target in builds without libFuzzer: gives each file of the folders named on
 * the command line to the target, flush against an unreadable page, so that the corpus is a
 * regression test of every build.
 */
#include "suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in guarded memory; false, and a message, when it cannot be read. */
static bool read_input(struct guarded *input, size_t *length, int folder, const char *name)
{
	struct stat status;
	int file = openat(folder, name, O_RDONLY);

	if (file < 0 || fstat(file, &status) != 0) {
		perror(name);
		if (file >= 0)
			close(file);
		return false;
	}

	char *bytes = malloc((size_t)status.st_size + 1);
	if (bytes == NULL)
		abort();
	ssize_t got = read(file, bytes, (size_t)status.st_size);
	close(file);
	if (got != status.st_size) {
		fprintf(stderr, "%s: short read\n", name);
		free(bytes);
		return false;
	}
	*length = (size_t)got;
	*input = guarded_copy(bytes, *length);
	free(bytes);
	return true;
}

int main(int argc, char **argv)
{
	unsigned int replayed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		if (folder == NULL) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(folder)) != NULL) {
			struct guarded input;
			size_t length;

			if (entry->d_name[0] == '.')
				continue;
			if (!read_input(&input, &length, dirfd(folder), entry->d_name))
				return 1;
			(void)LLVMFuzzerTestOneInput(input.bytes, length);
			guarded_free(&input);
			replayed++;
		}
		closedir(folder);
	}
	printf("replayed %u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
