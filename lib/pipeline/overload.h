/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker leaves undone when it falls behind, so that what it still measures stays whole. It
 * sheds in steps, each of them a quarter of the flows at a time, chosen by the keyed hash that both
 * directions of a flow share:
 *
 *   1. long_payload: the payload of flows that had many packets, once nothing of theirs is under way;
 *   2. new_payload: the payload of flows that have had none yet;
 *   3. new_flows: new flows of the kind that most of the new ones are of. Their packets are dropped,
 *      with the reason `shed`.
 *
 * What counts the packets of known connections is never shed: when all of that is not enough, ports
 * miss packets.
 *
 * A worker is behind in a round whose queues gave all that was asked of them. What was measured over
 * `react` decides: behind in at least 7 of 8 rounds it sheds a quarter more; behind in at most half
 * of them, for as long as `recover`, a quarter less. In between all stays as it is. A level that turns
 * out to be too little is tried again after twice that time, and so on, up to 16 times.
 *
 * Called by its worker alone; the counters are read by anyone. No clock, no memory of its own.
 */
#ifndef TT_PIPELINE_OVERLOAD_H
#define TT_PIPELINE_OVERLOAD_H

#include "base/counter.h"

#include <stdbool.h>
#include <stdint.h>

enum tt_overload_step {
	TT_OVERLOAD_LONG_PAYLOAD,
	TT_OVERLOAD_NEW_PAYLOAD,
	TT_OVERLOAD_NEW_FLOWS,
	TT_OVERLOAD_STEPS
};

#define TT_OVERLOAD_QUARTERS 4
#define TT_OVERLOAD_LEVELS   (TT_OVERLOAD_STEPS * TT_OVERLOAD_QUARTERS)

/* Fewer rounds that were behind prove nothing: 4096 packets, which a port's descriptors hold. */
#define TT_OVERLOAD_ROUNDS_LEAST 64

/* How long after step 3 a flow is taken for one that may have begun in it: the longest a flow of
 * datagrams is waited for by default. */
#define TT_OVERLOAD_MEMORY_US (120 * UINT64_C(1000000))

/* Kinds of flows. */
enum tt_overload_kind {
	TT_OVERLOAD_TCP,
	TT_OVERLOAD_UDP,
	TT_OVERLOAD_ICMP,
	TT_OVERLOAD_OTHER,
	TT_OVERLOAD_KINDS
};

struct tt_overload_options {
	bool enabled;
	uint64_t react_us;
	uint64_t recover_us;
	uint32_t long_flow_packets; /* so many make a flow long */
};

struct tt_overload_step_counters {
	tt_counter entered; /* times that the step began */
	tt_counter time_us; /* spent in it, up to the last judgement */
	tt_counter flows;   /* whose payload was shed; of new_flows: packets that began none */
};

/* Written by the worker, read by anyone. */
struct tt_overload_counters {
	tt_counter level; /* 0: nothing is shed; to TT_OVERLOAD_LEVELS */
	struct tt_overload_step_counters steps[TT_OVERLOAD_STEPS];
};

struct tt_overload {
	struct tt_overload_options options;
	struct tt_overload_counters *counters;
	uint8_t level;
	uint8_t quarters[TT_OVERLOAD_STEPS]; /* of the flows that each step sheds now */
	uint8_t kind;	   /* enum tt_overload_kind that new_flows sheds, or shed last */
	uint8_t missed;	   /* quarters of that kind's flows whose beginning may be missing */
	uint8_t too_low;   /* the level that turned out to be too little last */
	uint8_t relapses;  /* how often, one after the other */
	int8_t moved;	   /* the last change of level: up 1, down -1, none for long 0 */
	uint64_t began_us; /* of what is measured now; 0: nothing yet */
	uint64_t calm_us;
	uint64_t forget_us; /* when `missed` is over */
	uint64_t rounds;
	uint64_t behind;
	uint64_t created[TT_OVERLOAD_KINDS]; /* flows, since began_us; the worker adds */
	uint64_t recent[TT_OVERLOAD_KINDS];  /* the same before, half of it forgotten each time */
};

/* Of an IP protocol. */
enum tt_overload_kind tt_overload_kind_of(uint8_t ip_protocol);

/* Nothing is shed. `counters` outlives it. */
void tt_overload_begin(struct tt_overload *overload, const struct tt_overload_options *options,
	struct tt_overload_counters *counters);

/* What was measured until now_us decides. Called through tt_overload_round(). */
void tt_overload_judge(struct tt_overload *overload, uint64_t now_us);

/* A round of the worker's loop is over. now_us never runs backwards. */
static inline void tt_overload_round(struct tt_overload *overload, uint64_t now_us, bool behind)
{
	overload->rounds++;
	overload->behind += behind;
	if (now_us - overload->began_us >= overload->options.react_us)
		tt_overload_judge(overload, now_us);
}

/* Is a flow with this hash among those that a step sheds now? */
static inline bool tt_overload_sheds(
	const struct tt_overload *overload, enum tt_overload_step step, uint32_t hash)
{
	return hash >> 30 < overload->quarters[step];
}

/* Is a new flow with this hash not to be begun? */
static inline bool tt_overload_refuses(
	const struct tt_overload *overload, uint8_t ip_protocol, uint32_t hash)
{
	return tt_overload_sheds(overload, TT_OVERLOAD_NEW_FLOWS, hash) &&
		tt_overload_kind_of(ip_protocol) == overload->kind;
}

/* May packets of a flow with this hash, that begins now, have been shed before? */
static inline bool tt_overload_missed(
	const struct tt_overload *overload, uint8_t ip_protocol, uint32_t hash)
{
	return hash >> 30 < overload->missed && tt_overload_kind_of(ip_protocol) == overload->kind;
}

/* How much of what a step can shed it sheds at a level, in quarters. */
unsigned int tt_overload_quarters(unsigned int level, enum tt_overload_step step);

/* "long_payload", ...; static. */
const char *tt_overload_step_name(enum tt_overload_step step);

#endif
