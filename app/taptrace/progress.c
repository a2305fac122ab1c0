/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "pipeline/ledger_totals.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS	   30
#define REDRAW_MS	   200
#define PCAP_RECORD_HEADER 16 /* bytes before each packet in a pcap file */

static void draw(const struct tt_progress *progress)
{
	struct tt_ledger_totals totals;
	char bar[BAR_CELLS + 1];

	tt_ledger_totals(&totals, progress->run->pipeline, progress->run->driver);
	if (progress->file_bytes == 0) {
		fprintf(stderr, "\r%" PRIu64 " packets", totals.received);
		return;
	}
	/* Near enough: a snapped capture looks further than it is. */
	uint64_t read_bytes = totals.received_bytes + totals.received * PCAP_RECORD_HEADER;
	unsigned int percent = read_bytes >= progress->file_bytes
		? 100
		: (unsigned int)(read_bytes * 100 / progress->file_bytes);
	unsigned int cells = percent * BAR_CELLS / 100;

	memset(bar, ' ', BAR_CELLS);
	memset(bar, '#', cells);
	bar[BAR_CELLS] = '\0';
	fprintf(stderr, "\r[%s] %3u %%  %" PRIu64 " packets", bar, percent, totals.received);
}

static void *run_bar(void *argument)
{
	const struct tt_progress *progress = argument;
	const struct timespec pause = {.tv_nsec = REDRAW_MS * 1000000L};

	while (!atomic_load(&progress->stop)) {
		draw(progress);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

void tt_progress_start(struct tt_progress *progress, const struct tt_run *run,
	const char *const *files, unsigned int file_count)
{
	*progress = (struct tt_progress){.run = run};
	if (!isatty(STDERR_FILENO))
		return;
	for (unsigned int i = 0; i < file_count; i++) {
		struct stat status;

		if (stat(files[i], &status) != 0 || !S_ISREG(status.st_mode)) {
			progress->file_bytes = 0;
			break;
		}
		progress->file_bytes += (uint64_t)status.st_size;
	}
	progress->shown = pthread_create(&progress->thread, NULL, run_bar, progress) == 0;
}

void tt_progress_stop(struct tt_progress *progress)
{
	if (!progress->shown)
		return;
	atomic_store(&progress->stop, true);
	pthread_join(progress->thread, NULL);
	fputs("\r\033[K", stderr);
}
