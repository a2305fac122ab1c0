/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a worker's packets come from: the driver's queues, or memory in a benchmark.
 */
#ifndef TT_PIPELINE_SOURCE_H
#define TT_PIPELINE_SOURCE_H

#include "driver/driver.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_source {
	void *context;

	/* Called by worker number `worker`: up to `limit` packets, 0 when there are none now. */
	unsigned int (*receive)(void *context, unsigned int worker, struct tt_received *received,
		unsigned int limit, uint64_t now_us);

	/* Called by the worker behind that: did some queue give all that it was asked for, so that it
	 * may hold more? NULL: one burst asks for all. */
	bool (*behind)(void *context, unsigned int worker);

	/* Called by the worker when it received nothing: will nothing come any more? */
	bool (*ended)(void *context, unsigned int worker);

	/* Called by the control core about every second: let the clocks behind packets' times follow
	 * the wall clock. NULL where there are none. */
	void (*sync_clock)(void *context);

	/* How many workers receive: numbers 0 to receivers - 1. */
	unsigned int receivers;

	/* Packets wait for whoever is behind, and none is dropped for it: a run over captures,
	 * with one receiver. */
	bool waits;

	/* Time comes from the packets alone; else it goes on without them. */
	bool packet_time;

	/* Both directions of a flow reach one worker without our help, tunnels and fragments
	 * aside. */
	bool symmetric;
};

struct tt_driver_source;

/* Spread the queues of every port over the workers: queue q to worker q, and the queue of a port
 * that has but one to worker (port modulo workers); captures all to worker 0. Fills *source, which
 * the returned object backs; NULL without memory. The caller frees it after the workers ended. */
struct tt_driver_source *tt_driver_source_create(
	struct tt_source *source, struct tt_driver *driver, unsigned int workers, bool captures);
void tt_driver_source_destroy(struct tt_driver_source *driver_source);

#endif
