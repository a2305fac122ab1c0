/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table against rte_hash: insert, lookup in bursts with an update of what was found, and
 * delete, of uniformly random flows. One JSON object a line. Both get the same keys and hashes, and
 * both find the same entries; rte_hash's caller is given the benefit of a flow entry whose hot part
 * is one cache line, prefetched. Arguments go to the EAL; without any it takes no huge pages and no
 * devices, and both tables have transparent huge pages.
 */
#include "../unit/flow/keys.h"
#include "base/memory.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BURST	    32
#define ROUNDS_MAX  15
#define LOOKUPS	    (1u << 19) /* a round */
#define PACKET_SIZE 64

/* Odd and no multiple of 5, so that its multiples modulo a power of 10 are a permutation. */
#define STRIDE 2654435761u

struct tables {
	struct tt_flow_table *flow;
	struct rte_hash *hash;
	struct tt_key_secret secret;
	uint32_t flows; /* a multiple of BURST */
	uint64_t random;
	uint64_t *cycles; /* of each burst of a run */
};

/* Keys and hashes, made outside of what is measured. */
struct burst {
	struct tt_flow_key keys[TT_FLOW_BURST];
	const void *key_pointers[TT_FLOW_BURST];
	uint32_t hashes[TT_FLOW_BURST];
	unsigned int count;
};

/* One figure of both tables, a round each: cycles a packet. */
struct figure {
	double flow[ROUNDS_MAX];
	double hash[ROUNDS_MAX];
	unsigned int rounds;
};

static bool take(void *context, struct tt_flow *flow)
{
	(void)context;
	(void)flow;
	return true;
}

static void put(const struct tables *tables, struct burst *burst, uint32_t number)
{
	struct tt_flow_key *key = &burst->keys[burst->count];

	*key = key_of(number);
	burst->key_pointers[burst->count] = key;
	burst->hashes[burst->count++] = (uint32_t)tt_flow_key_hash(key, &tables->secret);
}

static void fail(const char *what)
{
	fprintf(stderr, "perf_flow_table: %s\n", what);
	exit(1);
}

/* ---- what is measured: cycles a burst ---- */

/* A flow is inserted when a lookup has missed it. */
static uint64_t flow_insert(struct tables *tables, struct burst *burst)
{
	struct tt_flow *found[TT_FLOW_BURST];
	uint64_t start = rte_rdtsc_precise();

	look_up(tables->flow, burst->keys, burst->hashes, burst->count, found);
	for (unsigned int i = 0; i < burst->count; i++) {
		if (found[i] != NULL)
			fail("a new flow is in the flow table");
		tt_flow_table_insert(tables->flow, &burst->keys[i], burst->hashes[i], take, NULL);
	}
	return rte_rdtsc_precise() - start;
}

static uint64_t hash_insert(struct tables *tables, struct burst *burst)
{
	struct tt_flow *flows[TT_FLOW_BURST];
	void *found[TT_FLOW_BURST];
	uint64_t hits;

	look_up(tables->flow, burst->keys, burst->hashes, burst->count, flows);
	uint64_t start = rte_rdtsc_precise();
	rte_hash_lookup_with_hash_bulk_data(
		tables->hash, burst->key_pointers, burst->hashes, burst->count, &hits, found);
	if (hits != 0)
		fail("a new flow is in rte_hash");
	for (unsigned int i = 0; i < burst->count; i++)
		if (rte_hash_add_key_with_hash_data(
			    tables->hash, &burst->keys[i], burst->hashes[i], flows[i]) != 0)
			fail("rte_hash is full");
	return rte_rdtsc_precise() - start;
}

static void touch(struct tt_flow *flow)
{
	flow->counters[0].packets++;
	flow->counters[0].ip_bytes += PACKET_SIZE;
	flow->end_us++;
}

static uint64_t flow_lookup(struct tables *tables, struct burst *burst)
{
	struct tt_flow *found[TT_FLOW_BURST];
	uint64_t start = rte_rdtsc_precise();

	look_up(tables->flow, burst->keys, burst->hashes, burst->count, found);
	for (unsigned int i = 0; i < burst->count; i++)
		if (found[i] != NULL)
			__builtin_prefetch(found[i]->counters, 1);
	for (unsigned int i = 0; i < burst->count; i++) {
		if (found[i] == NULL)
			fail("a flow is missing from the flow table");
		found[i]->seen_ms = 1;
		touch(found[i]);
	}
	return rte_rdtsc_precise() - start;
}

static uint64_t hash_lookup(struct tables *tables, struct burst *burst)
{
	void *found[TT_FLOW_BURST];
	uint64_t hits;
	uint64_t start = rte_rdtsc_precise();

	rte_hash_lookup_with_hash_bulk_data(
		tables->hash, burst->key_pointers, burst->hashes, burst->count, &hits, found);
	for (unsigned int i = 0; i < burst->count; i++)
		if (hits >> i & 1)
			__builtin_prefetch(((struct tt_flow *)found[i])->counters, 1);
	for (unsigned int i = 0; i < burst->count; i++) {
		if ((hits >> i & 1) == 0)
			fail("a flow is missing from rte_hash");
		touch(found[i]);
	}
	return rte_rdtsc_precise() - start;
}

/* rte_hash has no delete of what was found, nor of a burst. */
static uint64_t flow_delete(struct tables *tables, struct burst *burst)
{
	struct tt_flow *found[TT_FLOW_BURST];
	uint64_t start = rte_rdtsc_precise();

	look_up(tables->flow, burst->keys, burst->hashes, burst->count, found);
	for (unsigned int i = 0; i < burst->count; i++) {
		if (found[i] == NULL)
			fail("a flow to delete is missing from the flow table");
		tt_flow_table_close(tables->flow, found[i], TT_CLOSE_FIN, take, NULL);
	}
	return rte_rdtsc_precise() - start;
}

static uint64_t hash_delete(struct tables *tables, struct burst *burst)
{
	uint64_t start = rte_rdtsc_precise();

	for (unsigned int i = 0; i < burst->count; i++)
		if (rte_hash_del_key_with_hash(tables->hash, &burst->keys[i], burst->hashes[i]) < 0)
			fail("a flow to delete is missing from rte_hash");
	return rte_rdtsc_precise() - start;
}

/* ---- rounds ---- */

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Cycles a packet, without the slowest 2 % of the bursts: those were interrupted. */
static double trimmed_mean(uint64_t *cycles, uint32_t bursts, unsigned int burst_size)
{
	uint32_t kept = bursts - bursts / 50;
	uint64_t sum = 0;

	qsort(cycles, bursts, sizeof(cycles[0]), compare_u64);
	for (uint32_t i = 0; i < kept; i++)
		sum += cycles[i];
	return (double)sum / kept / burst_size;
}

/* All flows once, in order or shuffled. */
static double run_all(
	struct tables *tables, bool shuffled, uint64_t (*measured)(struct tables *, struct burst *))
{
	struct burst burst;
	uint32_t bursts = 0;

	for (uint32_t i = 0; i < tables->flows; i += BURST) {
		burst.count = 0;
		for (uint64_t number = i; number < i + BURST; number++)
			put(tables, &burst,
				(uint32_t)(shuffled ? number * STRIDE % tables->flows : number));
		tables->cycles[bursts++] = measured(tables, &burst);
	}
	return trimmed_mean(tables->cycles, bursts, BURST);
}

static double run_random(struct tables *tables, unsigned int burst_size,
	uint64_t (*measured)(struct tables *, struct burst *))
{
	struct burst burst;
	uint32_t bursts = 0;

	while (bursts < LOOKUPS / burst_size) {
		burst.count = 0;
		while (burst.count < burst_size)
			put(tables, &burst, random_below(&tables->random, tables->flows));
		tables->cycles[bursts++] = measured(tables, &burst);
	}
	return trimmed_mean(tables->cycles, bursts, burst_size);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}

static void print(const char *what, uint32_t flows, unsigned int burst, struct figure *figure)
{
	double flow = median(figure->flow, figure->rounds);
	double hash = median(figure->hash, figure->rounds);
	double ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();

	printf("{\"mix\":\"flow-table-%s\",\"flows\":%" PRIu32 ",\"burst\":%u,\"rounds\":%u,"
	       "\"ns_per_packet\":%.1f,\"cycles_per_packet\":%.0f,"
	       "\"rte_hash_ns_per_packet\":%.1f,\"ratio\":%.2f}\n",
		what, flows, burst, figure->rounds, flow * ns_per_cycle, flow, hash * ns_per_cycle,
		hash / flow);
	fflush(stdout);
}

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;
	size_t bytes = 0;

	for (unsigned int i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	return bytes;
}

/* Does a table of this many flows, with room to spare for the machine, fit? */
static bool fits(uint32_t flows)
{
	size_t available = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

	return tt_flow_table_bytes(flows) + flows * (size_t)100 < available / 10 * 9;
}

static void measure(uint32_t flows, unsigned int rounds)
{
	static const unsigned int bursts[] = {32, 64};
	struct tables tables = {.flows = flows, .random = 1};
	struct figure insert = {.rounds = rounds}, delete = insert, lookup[2] = {insert, insert};

	size_t heap_before = heap_bytes();
	tables.hash = rte_hash_create(&(struct rte_hash_parameters){
		.name = "perf",
		.entries = flows,
		.key_len = sizeof(struct tt_flow_key),
		.socket_id = (int)rte_socket_id(),
	});
	if (!fits(flows) || tables.hash == NULL) {
		fprintf(stderr, "perf_flow_table: no memory for %" PRIu32 " flows, skipped\n",
			flows);
		rte_hash_free(tables.hash);
		return;
	}
	size_t hash_bytes = heap_bytes() - heap_before;
	tables.flow = table_of(&(struct tt_flow_table_options){
		.capacity = flows,
		.half_open_limit = flows,
		.timeouts = {{1000, 1000, 1000, 1000, 1000, 1000}},
		.huge_pages = true,
	});
	if (tt_key_secret_make(&tables.secret, 1) != 0 || !tt_flow_table_populate(tables.flow))
		fail("no memory");
	tables.cycles = calloc(flows > LOOKUPS ? flows / BURST : LOOKUPS / BURST, sizeof(uint64_t));
	if (tables.cycles == NULL)
		fail("no memory");

	for (unsigned int round = 0; round < rounds; round++) {
		insert.flow[round] = run_all(&tables, false, flow_insert);
		insert.hash[round] = run_all(&tables, false, hash_insert);
		for (unsigned int i = 0; i < 2; i++) {
			lookup[i].flow[round] = run_random(&tables, bursts[i], flow_lookup);
			lookup[i].hash[round] = run_random(&tables, bursts[i], hash_lookup);
		}
		delete.flow[round] = run_all(&tables, true, flow_delete);
		delete.hash[round] = run_all(&tables, true, hash_delete);
	}
	for (unsigned int i = 0; i < 2; i++)
		print("lookup", flows, bursts[i], &lookup[i]);
	print("insert", flows, BURST, &insert);
	print("delete", flows, BURST, &delete);
	printf("{\"mix\":\"flow-table-memory\",\"flows\":%" PRIu32 ",\"bytes_per_flow\":%.1f,"
	       "\"entry_bytes\":%zu,\"rte_hash_bytes_per_flow\":%.1f}\n",
		flows, (double)tt_flow_table_bytes(flows) / flows, sizeof(struct tt_flow),
		(double)hash_bytes / flows);
	fflush(stdout);
	free(tables.cycles);
	tt_flow_table_destroy(tables.flow);
	rte_hash_free(tables.hash);
}

static int advise_huge(const struct rte_memseg_list *list, void *context)
{
	(void)context;
	(void)madvise(list->base_va, list->len, MADV_HUGEPAGE);
	return 0;
}

int main(int argc, char **argv)
{
	static char program[] = "perf_flow_table", no_huge[] = "--no-huge", no_pci[] = "--no-pci",
		    no_telemetry[] = "--no-telemetry", alone[] = "--no-shconf", memory[] = "-m",
		    megabytes[] = "1600";
	char *defaults[] = {program, no_huge, no_pci, no_telemetry, alone, memory, megabytes, NULL};

	if ((argc > 1 ? rte_eal_init(argc, argv) : rte_eal_init(7, defaults)) < 0)
		fail("the EAL does not start");
	rte_memseg_list_walk(advise_huge, NULL);
	measure(100000, 15);
	measure(1000000, 7);
	measure(10000000, 3);
	rte_eal_cleanup();
	return 0;
}
