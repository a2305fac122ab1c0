/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance's state, as users see it: what it is, its ports, workers, stages and limits. Read
 * from counters, by any thread.
 */
#ifndef TT_SERVE_STATUS_FIELDS_H
#define TT_SERVE_STATUS_FIELDS_H

#include "control/control.h"
#include "control/reload.h"
#include "serve/sink.h"

struct tt_status {
	struct tt_control *control;
	struct tt_driver *driver;
	const char *config_path;
	struct tt_reload *reload;    /* NULL: it cannot */
	uint64_t start_us;	     /* since the epoch */
	uint64_t start_monotonic_us; /* the same instant, of tt_clock_monotonic_us() */
};

/* Starts now. */
void tt_status_begin(struct tt_status *status, struct tt_control *control, struct tt_driver *driver,
	const char *config_path);

/* What came of a reload. */
void tt_reload_describe(
	struct tt_sink *sink, const char *name, const struct tt_reload_report *report);

/* Each writes one object under `name` (sink.h). */
void tt_info_describe(struct tt_sink *sink, const char *name, const struct tt_status *status);
void tt_port_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t port);
void tt_worker_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t worker);

/* Cycles of the TSC, and its rate, so that a reader can tell where a worker's time goes. */
void tt_stages_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t worker);

/* An object for each limit. Where it is a worker's, `now` and `high` are those of the worker that
 * has most; what was refused is counted over all workers. */
void tt_limits_describe(struct tt_sink *sink, const char *name, const struct tt_status *status);

#endif
