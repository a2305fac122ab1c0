/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mix of perf_pipeline: traffic, and what the pipeline is configured for it. And what the files of
 * that program share.
 */
#ifndef TT_TESTS_PERF_MIX_H
#define TT_TESTS_PERF_MIX_H

#include "config/config.h"
#include "traffic.h"

#include <rte_mempool.h>
#include <stdbool.h>
#include <stdint.h>

#define TT_MIX_WORKERS 2 /* most */

struct tt_mix {
	const char *name;
	uint32_t
		flows; /* of each worker, that live at a time, nominally; and slots, but of a replay */
	bool replays;
	enum tt_replay_kind kind; /* of a replay */
	uint32_t sessions;	  /* of a replay: slots */
	uint32_t flow_packets;	  /* the rest as in struct tt_traffic_options */
	uint32_t udp_flows_of_8;
	uint32_t payload_bytes;
	uint32_t flood_of_8;
	uint64_t packets_per_s;
	uint32_t capacity;   /* of the flow table */
	uint64_t timeout_us; /* of flows that have ended, or go one way */
	uint64_t idle_us;    /* of open ones */
	uint64_t warm_packets;
	unsigned int workers;
};

/* How long it is measured: a round is so many pieces of so many packets in which the scheduler left
 * the worker its CPU, each short enough for that on a busy machine, all together long enough to have
 * their share of the sweeps. */
struct tt_mix_effort {
	unsigned int rounds;
	unsigned int pieces; /* of a round */
	unsigned int piece_packets;
	unsigned int pieces_tried; /* at most, or it would take for ever */
	unsigned int floor_rounds;
	bool takes_disturbed; /* pieces, too: the numbers mean nothing then, but there are some */
};

/* One for each mix; the caller destroys it. Ends the program without memory. */
struct tt_traffic *tt_mix_traffic(
	const struct tt_mix *mix, const struct tt_replay *replay, struct rte_mempool *pool);

/* "perf_pipeline: WHAT", and the program ends. */
_Noreturn void tt_mix_fail(const char *what);

/* Sorts them. */
double tt_mix_median(double *values, unsigned int count);

#endif
