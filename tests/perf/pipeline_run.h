/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline over a mix: each worker on its lcore, the control core on the main one, and beside it a
 * client that takes every record out of the journals, as one that pulls does. Costs are medians over
 * rounds (struct tt_mix_effort), without what the traffic's source takes.
 */
#ifndef TT_TESTS_PERF_PIPELINE_RUN_H
#define TT_TESTS_PERF_PIPELINE_RUN_H

#include "mix.h"
#include "pipeline/pipeline.h"

#define TT_RUN_ROUNDS_MAX 61

/* TSC cycles a packet. */
enum tt_run_cost {
	TT_RUN_COST_ALL,
	TT_RUN_COST_SOURCE,
	TT_RUN_COST_STAGES, /* and TT_STAGES of them */
	TT_RUN_COSTS = TT_RUN_COST_STAGES + TT_STAGES
};

/* Records by kind: what the control core merged while it was measured, what the client got in all. */
struct tt_run_records {
	uint64_t closed;
	uint64_t dns;
	uint64_t http;
	uint64_t tls;
};

struct tt_run_result {
	unsigned int rounds;	     /* of the worker that has the fewest */
	double median[TT_RUN_COSTS]; /* the mean of the workers' */
	double least;		     /* of COST_ALL, of any */
	uint64_t live;		     /* flows in the workers' tables, all together */
	struct tt_run_records merged;
	double control_ns; /* CPU time of the control core for each of these */
	struct tt_run_records pulled;
	uint64_t client_lost;  /* records that fell out of a journal before the client came */
	uint64_t records_lost; /* that found no room between worker and control core */
	uint64_t evicted; /* connections pushed out of a full table, or over the half-open limit */
	uint64_t established_lost; /* evicted or idle ones that had payload */
};

/* Ends the program when it cannot run, or no round was undisturbed. */
void tt_run(struct tt_run_result *result, const struct tt_mix *mix, const struct tt_config *config,
	const struct tt_replay *replay, struct rte_mempool *pool,
	const struct tt_mix_effort *effort);

#endif
