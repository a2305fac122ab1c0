/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager and the log are told of the appliance's health. Called by the main
 * thread, from the control core's tick on; without a service manager only the log is told.
 */
#ifndef TT_APP_NOTIFY_H
#define TT_APP_NOTIFY_H

#include "serve/status_fields.h"

struct tt_notify {
	const struct tt_status *status;
	unsigned int faults; /* enum tt_health_fault: those that the log knows of */
	unsigned int ticks;
	uint64_t processed; /* packets, at `counted_us` */
	uint64_t counted_us;
};

/* Before the first tick. `status` outlives the last one. */
void tt_notify_begin(struct tt_notify *notify, const struct tt_status *status);

/* It runs. */
void tt_notify_ready(void);

/* Every quarter of a second: the watchdog is fed while nobody is stuck, once a second the status is
 * told, and what becomes wrong or well again goes to the log. */
void tt_notify_tick(struct tt_notify *notify);

/* It ends. */
void tt_notify_stopping(void);

#endif
