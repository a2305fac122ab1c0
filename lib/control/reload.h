/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the configuration anew while packets come. A file with a fault changes nothing and says
 * why; of another the keys hold at once whose schema says so, and the others that differ from what
 * runs are named. Rules and signatures are
 * compiled on the thread that reloads, beside workers and control core.
 */
#ifndef TT_CONTROL_RELOAD_H
#define TT_CONTROL_RELOAD_H

#include "config/config.h"
#include "pipeline/pipeline.h"

#include <stdint.h>

#define TT_RELOAD_FAULT_BYTES 4096
#define TT_RELOAD_KEYS	      64

struct tt_reload;

struct tt_reload_report {
	int code;	/* TT_OK: the file's rules are in force; else those before it still are */
	uint32_t rules; /* in force */
	uint32_t signatures;
	uint32_t restart_count;
	const char *restart[TT_RELOAD_KEYS]; /* keys whose new values need a restart; static */
	char faults[TT_RELOAD_FAULT_BYTES];  /* a line each; cut where there is no room */
};

/* `config`, `path`, where it was read, and the pipeline outlive it. Starts a thread, which waits for
 * tt_reload_request(). 0, TT_ERROR_MEMORY, or the kernel's refusal of a thread, logged. */
int tt_reload_create(struct tt_reload **reload, const struct tt_config *config, const char *path,
	struct tt_pipeline *pipeline);

/* Waits for one that is under way. */
void tt_reload_destroy(struct tt_reload *reload);

/* Reload now. From any thread but a worker's and the control core's, one after the other. What came
 * of it is logged, too. */
void tt_reload_now(struct tt_reload *reload, struct tt_reload_report *report);

/* Have the thread reload. Safe in a signal handler. */
void tt_reload_request(struct tt_reload *reload);

#endif
