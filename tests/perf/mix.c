/* SPDX-License-Identifier: Apache-2.0 */
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>

void tt_mix_fail(const char *what)
{
	fprintf(stderr, "perf_pipeline: %s\n", what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double tt_mix_median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}

struct tt_traffic *tt_mix_traffic(
	const struct tt_mix *mix, const struct tt_replay *replay, struct rte_mempool *pool)
{
	struct tt_traffic *traffic = tt_traffic_create(
		&(struct tt_traffic_options){
			.flows = mix->replays ? mix->sessions : mix->flows,
			.flow_packets = mix->flow_packets,
			.udp_flows_of_8 = mix->udp_flows_of_8,
			.payload_bytes = mix->payload_bytes,
			.flood_of_8 = mix->flood_of_8,
			.packets_per_s = mix->packets_per_s,
			.replay = replay,
		},
		pool);

	if (traffic == NULL)
		tt_mix_fail("no memory for traffic");
	return traffic;
}
