/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of DNS statistics, and sketches, from any bytes: merged or refused, and what was merged
 * can be drained and merged again without a loss.
 */
#include "protocol/dns_stats.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t total(const struct tt_dns_stats *stats)
{
	const struct tt_dns_stats_entry *entry;
	uint32_t position = 0;
	uint64_t sum = 0;

	while ((entry = tt_dns_stats_next(stats, &position)) != NULL) {
		(void)tt_sketch_quantile(&entry->latency, 0.5);
		sum += entry->counts.count;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_dns_stats *stats[2];
	static uint8_t bytes[4 * TT_DNS_STATS_RECORD_BYTES];
	struct tt_dns_stats_options options = {.capacity = 16, .sketches = 2, .secret = 1};
	uint32_t position = 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (stats[i] == NULL && tt_dns_stats_create(&stats[i], &options) != 0)
			abort();
		tt_dns_stats_reset(stats[i]);
	}
	(void)tt_dns_stats_merge(stats[0], data, size);
	uint64_t before = total(stats[0]);
	while (position != UINT32_MAX) {
		size_t length = tt_dns_stats_drain(stats[0], &position, 5, bytes, sizeof(bytes));
		if (length > sizeof(bytes) || tt_dns_stats_merge(stats[1], bytes, length) != 0)
			abort();
	}
	if (total(stats[0]) != 0 || total(stats[1]) != before)
		abort();
	return 0;
}
