/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress bar on the terminal of standard error, drawn by a thread of its own while a run over
 * captures goes on.
 */
#ifndef TT_APP_PROGRESS_H
#define TT_APP_PROGRESS_H

#include "../run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tt_progress {
	const struct tt_run *run;
	uint64_t file_bytes; /* of all files; 0: unknown, as for a pipe */
	atomic_bool stop;    /* main thread: wo, the bar's thread: ro */
	bool shown;
	pthread_t thread;
};

/* Nothing is shown when standard error is no terminal. `run` outlives the progress. */
void tt_progress_start(struct tt_progress *progress, const struct tt_run *run,
	const char *const *files, unsigned int file_count);

/* Wipe the bar. Once for each start. */
void tt_progress_stop(struct tt_progress *progress);

#endif
