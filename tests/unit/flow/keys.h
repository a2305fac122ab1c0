/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys by number, random numbers from a seed, and a table that is quick to make: what the tests
 * and measurements of the flow table share.
 */
#ifndef TT_TESTS_FLOW_KEYS_H
#define TT_TESTS_FLOW_KEYS_H

#include "flow/table.h"

#include <stdlib.h>

/* xorshift64* (Marsaglia 2003, Vigna 2016). */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* Every number has a key of its own; they look like those of one busy IPv4 network. */
static inline struct tt_flow_key key_of(uint32_t number)
{
	return (struct tt_flow_key){
		.low_address = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
			(uint8_t)number},
		.high_address = {192, 168, 0, 1},
		.low_port = (uint16_t)(32768 + (number >> 24)),
		.high_port = 443,
		.ip_protocol = 6,
		.ip_version = 4,
	};
}

/* found[i] = the entry of keys[i], or NULL, in the three steps of a burst's lookup. */
static inline void look_up(struct tt_flow_table *table, const struct tt_flow_key *keys,
	const uint32_t *hashes, unsigned int count, struct tt_flow **found)
{
	tt_flow_table_prefetch_buckets(table, hashes, count);
	tt_flow_table_candidates(table, hashes, count, found);
	for (unsigned int i = 0; i < count; i++)
		found[i] = tt_flow_table_find(table, found[i], &keys[i], hashes[i]);
}

static inline uint32_t now_of(const struct tt_flow_table *table)
{
	return (uint32_t)tt_flow_table_clock(table)->now_ms;
}

static inline struct tt_flow_table *table_of(const struct tt_flow_table_options *options)
{
	struct tt_flow_table *table;

	if (tt_flow_table_create(&table, options) != 0)
		abort();
	return table;
}

#endif
