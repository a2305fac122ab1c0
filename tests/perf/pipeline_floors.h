/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mix costs at least, whoever does it: its packets received and freed; decoded, too; and the
 * lookup of as many flows, in our table and in rte_hash; and in our table with TCP's metrics kept
 * and without. On the worker's lcore.
 */
#ifndef TT_TESTS_PERF_PIPELINE_FLOORS_H
#define TT_TESTS_PERF_PIPELINE_FLOORS_H

#include "mix.h"

/* TSC cycles a packet. */
struct tt_floors {
	uint32_t flows; /* of the lookups; 0: none yet */
	double receive;
	double decode; /* and receive */
	double flow_table_lookup;
	double rte_hash_lookup;
	double tcp; /* what TCP's metrics add to a lookup and its counters */
};

struct tt_floors_job {
	struct tt_floors *floors; /* its lookups stand where they are of as many flows */
	const struct tt_mix *mix;
	const struct tt_replay *replay;
	uint32_t flows; /* to look up */
	struct rte_mempool *pool;
	const struct tt_mix_effort *effort;
};

/* For rte_eal_remote_launch(): `context` is a struct tt_floors_job. */
int tt_floors_measure(void *context);

#endif
