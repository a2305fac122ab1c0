/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the appliance well? The control core watches the workers' heartbeats and samples the ledger;
 * anyone asks.
 */
#ifndef TT_CONTROL_HEALTH_H
#define TT_CONTROL_HEALTH_H

#include "control/control.h"

/* Who has not moved for so long is stuck: a round of a worker takes microseconds, one of the control
 * core milliseconds. */
#define TT_HEALTH_STUCK_US 1500000

/* Of the last minute's packets, lost. */
#define TT_HEALTH_LOSS_LIMIT 0.01

/* Of a worker's flow table: over it connections are about to be evicted. */
#define TT_HEALTH_FILL_LIMIT 0.95

/* What is wrong, bits of tt_health.faults. */
enum tt_health_fault {
	TT_HEALTH_WORKER_STUCK = 1 << 0,
	TT_HEALTH_CONTROL_STUCK = 1 << 1,
	TT_HEALTH_LOSS = 1 << 2,
	TT_HEALTH_TABLE_FULL = 1 << 3,
	TT_HEALTH_SHEDDING = 1 << 4
};

struct tt_health {
	unsigned int faults;	 /* enum tt_health_fault; 0: all is well */
	uint64_t control_lag_us; /* since the control core's loop came round */
	unsigned int workers;
	uint64_t
		worker_lag_us[TT_CONFIG_WORKERS]; /* the same of each worker's, as it was watched */
	double table_fill[TT_CONFIG_WORKERS];	  /* of each worker's flow table, 0 to 1 */
	unsigned int shed_level[TT_CONFIG_WORKERS]; /* of each worker (pipeline/overload.h) */
	double journal_fill;
	uint64_t window_us;	  /* how far back the two below reach: a minute, or less */
	uint64_t window_received; /* packets, lost ones included */
	uint64_t window_lost;	  /* missed by a port, without an mbuf, on a full ring */
};

/* From any thread, and from the control core's tick. */
void tt_control_health(struct tt_control *control, struct tt_health *health);

#endif
