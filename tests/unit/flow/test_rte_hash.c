/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table against rte_hash, with the keyed hash, at sizes where bursts of random keys hit,
 * miss and overflow buckets as in operation.
 */
#include "flow/table.h"

#include "keys.h"
#include "suite.h"

#include <rte_eal.h>
#include <rte_hash.h>

#define CAPACITY   20000
#define KEYS	   30000
#define OPERATIONS 2000000

static bool take(void *context, struct tt_flow *flow)
{
	(void)context;
	(void)flow;
	return true;
}

static void look_up_burst(struct tt_flow_table *table, struct rte_hash *oracle,
	const struct tt_key_secret *secret, uint64_t *random)
{
	struct tt_flow_key keys[TT_FLOW_BURST];
	const void *pointers[TT_FLOW_BURST];
	uint32_t hashes[TT_FLOW_BURST];
	struct tt_flow *found[TT_FLOW_BURST];
	void *expected[TT_FLOW_BURST];
	uint64_t hits;

	for (unsigned int i = 0; i < TT_FLOW_BURST; i++) {
		keys[i] = key_of(random_below(random, KEYS));
		pointers[i] = &keys[i];
		hashes[i] = (uint32_t)tt_flow_key_hash(&keys[i], secret);
	}
	look_up(table, keys, hashes, TT_FLOW_BURST, found);
	CU_ASSERT_TRUE_FATAL(
		rte_hash_lookup_bulk_data(oracle, pointers, TT_FLOW_BURST, &hits, expected) >= 0);
	for (unsigned int i = 0; i < TT_FLOW_BURST; i++)
		CU_ASSERT_PTR_EQUAL(found[i], hits >> i & 1 ? expected[i] : NULL);
}

/* The oracle holds the table's own entries, by key. */
static void test_same_flows_as_rte_hash(void)
{
	struct rte_hash *oracle = rte_hash_create(&(struct rte_hash_parameters){
		.name = "oracle",
		.entries = 2 * CAPACITY,
		.key_len = sizeof(struct tt_flow_key),
	});
	struct tt_flow_table *table = table_of(&(struct tt_flow_table_options){
		.capacity = CAPACITY,
		.half_open_limit = 1,
		.timeouts = {{1, 1, 1, 1, 1, 1}},
	});
	struct tt_key_secret secret;
	uint64_t random = 13;

	CU_ASSERT_PTR_NOT_NULL_FATAL(oracle);
	CU_ASSERT_EQUAL_FATAL(tt_key_secret_make(&secret, 2), 0);
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		struct tt_flow_key key = key_of(random_below(&random, KEYS));
		uint32_t hash = (uint32_t)tt_flow_key_hash(&key, &secret);
		struct tt_flow *flow = tt_flow_table_lookup(table, &key, hash);
		void *expected = NULL;
		(void)rte_hash_lookup_data(oracle, &key, &expected);
		CU_ASSERT_PTR_EQUAL_FATAL(flow, expected);
		if (flow != NULL && random_below(&random, 2) == 0) {
			CU_ASSERT_TRUE(rte_hash_del_key(oracle, &key) >= 0);
			tt_flow_table_close(table, flow, TT_CLOSE_FIN, take, NULL);
		} else if (flow == NULL && rte_hash_count(oracle) < CAPACITY) {
			flow = tt_flow_table_insert(table, &key, hash, take, NULL);
			CU_ASSERT_EQUAL(rte_hash_add_key_data(oracle, &key, flow), 0);
		}
		if (i % 64 == 0)
			look_up_burst(table, oracle, &secret, &random);
	}
	CU_ASSERT_EQUAL(tt_counter_read(&tt_flow_table_counters(table)->live),
		(uint64_t)rte_hash_count(oracle));
	CU_ASSERT_TRUE(rte_hash_count(oracle) > CAPACITY / 2);
	tt_flow_table_destroy(table);
	rte_hash_free(oracle);
}

static const struct suite_test tests[] = {
	{"same flows as rte_hash", test_same_flows_as_rte_hash},
};

int main(void)
{
	static char program[] = "test_flow_rte_hash", no_huge[] = "--no-huge",
		    no_pci[] = "--no-pci", no_telemetry[] = "--no-telemetry",
		    alone[] = "--no-shconf", memory[] = "-m", megabytes[] = "256";
	char *arguments[] = {
		program, no_huge, no_pci, no_telemetry, alone, memory, megabytes, NULL};

	if (rte_eal_init(7, arguments) < 0)
		return 2;
	int status = suite_run("flow table against rte_hash", tests, 1);
	rte_eal_cleanup();
	return status;
}
