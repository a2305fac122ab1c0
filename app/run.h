/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of the whole: driver, pipeline and control core, put together and taken apart in order. The
 * appliance and `taptrace read` differ in their options alone. Called by the main thread.
 */
#ifndef TT_APP_RUN_H
#define TT_APP_RUN_H

#include "control/control.h"
#include "driver/driver.h"
#include "pipeline/pipeline.h"
#include "pipeline/source.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct tt_run_options {
	const struct tt_config *config;	  /* outlives the run */
	const char *const *capture_files; /* none: the configured ports */
	unsigned int capture_file_count;

	/* Called by tt_run_start() with everything open, before a worker looks at a packet; a code
	 * that is not 0 ends it. NULL: nothing to do. */
	int (*opened)(void *context);

	/* As in struct tt_control_options. */
	void (*closed)(void *context, const struct tt_connection_record *record);
	void (*dns)(void *context, const struct tt_dns_transaction_record *record);
	void (*http)(void *context, const struct tt_http_record *record);
	void (*tls)(void *context, const struct tt_tls_handshake_record *record,
		const uint8_t *certificate);
	void (*tick)(void *context);
	void *context;
};

struct tt_run {
	struct tt_driver *driver;
	struct tt_driver_source *driver_source;
	struct tt_pipeline *pipeline;
	struct tt_control *control;
	int (*opened)(void *context);
	void *context;
	bool started;
};

/* Open devices or files and make everything. On failure one line has been logged, nothing is left
 * open, and its code is returned. */
int tt_run_open(struct tt_run *run, const struct tt_run_options *options);

/* Let packets flow and workers run; then tt_control_run(run->control) until the end. A failure has
 * been logged. */
int tt_run_start(struct tt_run *run);

/* Wait for the workers, stop the ports. What is counted can still be read. */
void tt_run_stop(struct tt_run *run);
void tt_run_close(struct tt_run *run);

/* Do the rules and signatures of the configuration compile? 0, or the code, with each fault a line
 * on stderr. */
int tt_run_check_rules(const struct tt_config *config);

/* What the run of this configuration will take: one line a part, and the sum. 0, or the code of a
 * plan that cannot work, which has been logged. */
int tt_run_print_memory_plan(const struct tt_config *config, FILE *out);

/* Is there as much memory as that? 0; TT_ERROR_MEMORY after a line in the log with both numbers. */
int tt_run_check_memory(const struct tt_config *config);

#endif
