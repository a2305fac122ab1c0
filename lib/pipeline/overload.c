/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/overload.h"

#include <netinet/in.h>

#define RELAPSES_MOST 4 /* 2^4 times as long */

const char *tt_overload_step_name(enum tt_overload_step step)
{
	static const char *const names[TT_OVERLOAD_STEPS] = {
		[TT_OVERLOAD_LONG_PAYLOAD] = "long_payload",
		[TT_OVERLOAD_NEW_PAYLOAD] = "new_payload",
		[TT_OVERLOAD_NEW_FLOWS] = "new_flows",
	};

	return names[step];
}

enum tt_overload_kind tt_overload_kind_of(uint8_t ip_protocol)
{
	switch (ip_protocol) {
	case IPPROTO_TCP:
		return TT_OVERLOAD_TCP;
	case IPPROTO_UDP:
		return TT_OVERLOAD_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return TT_OVERLOAD_ICMP;
	default:
		return TT_OVERLOAD_OTHER;
	}
}

unsigned int tt_overload_quarters(unsigned int level, enum tt_overload_step step)
{
	unsigned int before = (unsigned int)step * TT_OVERLOAD_QUARTERS;

	if (level <= before)
		return 0;
	return level - before < TT_OVERLOAD_QUARTERS ? level - before : TT_OVERLOAD_QUARTERS;
}

void tt_overload_begin(struct tt_overload *overload, const struct tt_overload_options *options,
	struct tt_overload_counters *counters)
{
	*overload = (struct tt_overload){.options = *options, .counters = counters};
}

static uint8_t largest_kind(const struct tt_overload *overload)
{
	unsigned int largest = 0;

	for (unsigned int kind = 1; kind < TT_OVERLOAD_KINDS; kind++)
		if (overload->recent[kind] > overload->recent[largest])
			largest = kind;
	return (uint8_t)largest;
}

static void set_level(struct tt_overload *overload, unsigned int level, uint64_t now_us)
{
	overload->level = (uint8_t)level;
	tt_counter_set(&overload->counters->level, level);
	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++) {
		uint8_t quarters = (uint8_t)tt_overload_quarters(level, step);

		if (quarters > 0 && overload->quarters[step] == 0) {
			tt_counter_add(&overload->counters->steps[step].entered, 1);
			/* It stays that kind's: what is shed would look like all that comes. */
			if (step == TT_OVERLOAD_NEW_FLOWS) {
				overload->kind = largest_kind(overload);
				overload->missed = 0;
			}
		}
		overload->quarters[step] = quarters;
	}
	if (overload->quarters[TT_OVERLOAD_NEW_FLOWS] > overload->missed)
		overload->missed = overload->quarters[TT_OVERLOAD_NEW_FLOWS];
	if (overload->quarters[TT_OVERLOAD_NEW_FLOWS] > 0)
		overload->forget_us = now_us + TT_OVERLOAD_MEMORY_US;
}

static void shed_more(struct tt_overload *overload, uint64_t now_us)
{
	overload->calm_us = 0;
	if (overload->level == TT_OVERLOAD_LEVELS)
		return;
	if (overload->moved < 0) {
		overload->too_low = overload->level;
		if (overload->relapses < RELAPSES_MOST)
			overload->relapses++;
	}
	overload->moved = 1;
	set_level(overload, overload->level + 1u, now_us);
}

static void shed_less(struct tt_overload *overload, uint64_t now_us, uint64_t elapsed_us)
{
	const struct tt_overload_options *options = &overload->options;
	unsigned int relapses = overload->level <= overload->too_low + 1u ? overload->relapses : 0;

	/* A worker that was not run for a while has measured nothing meanwhile. */
	overload->calm_us +=
		elapsed_us < 2 * options->react_us ? elapsed_us : 2 * options->react_us;
	if (overload->calm_us < options->recover_us << relapses)
		return;
	overload->calm_us = 0;
	/* What was too little once is enough now. */
	if (overload->level <= overload->too_low)
		overload->relapses = 0;
	overload->moved = overload->level > 0 ? -1 : 0;
	if (overload->level > 0)
		set_level(overload, overload->level - 1u, now_us);
}

static void forget(struct tt_overload *overload, uint64_t now_us)
{
	for (unsigned int kind = 0; kind < TT_OVERLOAD_KINDS; kind++) {
		overload->recent[kind] = overload->recent[kind] / 2 + overload->created[kind];
		overload->created[kind] = 0;
	}
	if (overload->quarters[TT_OVERLOAD_NEW_FLOWS] > 0)
		overload->forget_us = now_us + TT_OVERLOAD_MEMORY_US;
	else if (now_us >= overload->forget_us)
		overload->missed = 0;
}

void tt_overload_judge(struct tt_overload *overload, uint64_t now_us)
{
	uint64_t elapsed_us = now_us - overload->began_us;

	if (overload->began_us > 0) {
		for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++)
			if (overload->quarters[step] > 0)
				tt_counter_add(
					&overload->counters->steps[step].time_us, elapsed_us);
		forget(overload, now_us);
		if (overload->behind >= TT_OVERLOAD_ROUNDS_LEAST &&
			overload->behind * 8 >= overload->rounds * 7)
			shed_more(overload, now_us);
		else if (overload->behind * 2 <= overload->rounds)
			shed_less(overload, now_us, elapsed_us);
		else
			overload->calm_us = 0;
	}
	overload->began_us = now_us;
	overload->rounds = 0;
	overload->behind = 0;
}
