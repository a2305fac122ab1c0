/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker has counted by key (DNS, HTTP), on its way to the control core: a command asks for
 * it, and it goes a few records a round, so that packets do not wait. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_STATISTICS_H
#define TT_PIPELINE_STATISTICS_H

#include <stdint.h>

struct tt_worker;

struct tt_worker_statistics {
	uint64_t asked; /* id of the command that is being answered; 0: none */
	uint8_t kind;	/* enum tt_statistics_kind: the table that goes now */
	uint32_t position;
};

/* Answer the command `id`, from here on. One that is being answered still is given up. */
void tt_statistics_begin(struct tt_worker *worker, uint64_t id);

/* Some records more, when a command is being answered and the shard has room; behind the last one
 * STATS_END. */
void tt_statistics_continue(struct tt_worker *worker);

/* The end of the run: all of it. Waits for the control core. */
void tt_statistics_drain(struct tt_worker *worker);

#endif
