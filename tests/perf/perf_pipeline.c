/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline fed from memory: one worker on its lcore, the control core on the main one, and no
 * I/O. One JSON line a mix; a mix is a number of live flows and a share of packets that begin a new
 * one. Costs are medians over ROUNDS rounds of ROUND_PACKETS packets in which the scheduler left
 * the worker its CPU, without what the source takes. Floors, cumulative and from the same packets: receiving and freeing them, decoding them
 * too, and the whole with rte_hash's lookup in the place of the flow table's.
 *
 * usage: perf_pipeline [--list] [NAME...]    NAME: the beginning of a mix's name
 */
#include "base/memory.h"
#include "control/control.h"
#include "traffic.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <rte_prefetch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BURST	      TT_FLOW_BURST
#define ROUNDS	      61
#define ROUND_PACKETS 32768
#define ROUNDS_TRIED  1000 /* at most, or ROUNDS would take for ever on a busy machine */
#define MBUFS	      8191
#define POOL_CACHE    256

#define PACKETS_PER_S 10000000 /* at most, in packet time */

/* Floors are medians over short rounds, which the scheduler seldom disturbs. */
#define FLOOR_ROUNDS 1001
#define FLOOR_BURSTS 32 /* a round */

struct mix {
	const char *name;
	uint32_t flows;
	uint32_t flow_packets; /* struct tt_traffic_options */
	uint32_t udp_flows_of_8;
	uint32_t payload_bytes;
};

/* About 870 bytes a packet, one flow in four UDP; and 60-byte TCP segments. */
#define PIPELINE(name, flows, flow_packets)                                                        \
	{                                                                                          \
		name, flows, flow_packets, 2, 816                                                  \
	}
#define SMALL(name, flows)                                                                         \
	{                                                                                          \
		name, flows, 0, 0, 6                                                               \
	}

static const struct mix mixes[] = {
	PIPELINE("pipeline-1k-0", 1000, 0),
	PIPELINE("pipeline-1k-1", 1000, 100),
	PIPELINE("pipeline-1k-10", 1000, 10),
	PIPELINE("pipeline-1k-100", 1000, 1),
	PIPELINE("pipeline-100k-0", 100000, 0),
	PIPELINE("pipeline-100k-1", 100000, 100),
	PIPELINE("pipeline-100k-10", 100000, 10),
	PIPELINE("pipeline-100k-100", 100000, 1),
	PIPELINE("pipeline-1m-0", 1000000, 0),
	PIPELINE("pipeline-1m-1", 1000000, 100),
	PIPELINE("pipeline-1m-10", 1000000, 10),
	PIPELINE("pipeline-1m-100", 1000000, 1),
	PIPELINE("pipeline-10m-0", 10000000, 0),
	SMALL("small-1k", 1000),
	SMALL("small-100k", 100000),
	SMALL("small-1m", 1000000),
	SMALL("small-10m", 10000000),
};
#define MIXES (sizeof(mixes) / sizeof(mixes[0]))

enum cost {
	COST_ALL,
	COST_SOURCE,
	COST_STAGES, /* and TT_STAGES of them */
	COSTS = COST_STAGES + TT_STAGES
};

/* A run of the pipeline over a mix. The worker writes it from within receive(), between bursts. */
struct run {
	struct tt_traffic *traffic;
	struct tt_pipeline *pipeline;
	unsigned int rounds; /* undisturbed ones */
	unsigned int tried;
	uint64_t next_packets; /* when the next one begins */
	uint64_t before[COSTS];
	long switches_before;
	double cycles[COSTS][ROUNDS]; /* a packet */
	uint64_t live;
	bool ended;
};

/* What does without a pipeline. */
struct floors {
	uint32_t flows; /* of the lookups; 0: none yet */
	double receive; /* cycles a packet */
	double decode;
	double flow_table_lookup;
	double rte_hash_lookup;
};

static struct rte_mempool *pool;
static const struct tt_decode_options decode_options = {
	.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};

static void fail(const char *what)
{
	fprintf(stderr, "perf_pipeline: %s\n", what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}

static double ns(double cycles)
{
	return cycles * 1e9 / (double)rte_get_tsc_hz();
}

/* ---- the mix as traffic and configuration ---- */

/* In packet time a new flow is no rarer than one a slot and second, so that those which wait to
 * expire, which the sweep comes by once a second, are no more than those which live. */
static uint64_t packets_per_s(const struct mix *mix)
{
	uint64_t most =
		mix->flow_packets == 0 ? PACKETS_PER_S : (uint64_t)mix->flows * mix->flow_packets;

	return most < PACKETS_PER_S ? most : PACKETS_PER_S;
}

/* A slot's packets come a pass apart, and a flow that goes on must not expire. */
static uint64_t timeout_us(const struct mix *mix)
{
	uint64_t pass_us = (uint64_t)mix->flows * 1000000 / packets_per_s(mix);

	return mix->flow_packets == 1 ? 10000 : 2 * pass_us + 10000;
}

static uint64_t warm_packets(const struct mix *mix)
{
	uint64_t passes = 2 * (uint64_t)mix->flows;
	uint64_t steady = packets_per_s(mix) * (timeout_us(mix) + 1500000) / 1000000;

	return mix->flow_packets > 0 && steady > passes ? steady : passes;
}

static uint32_t capacity(const struct mix *mix)
{
	return mix->flow_packets == 0 ? mix->flows / 8 * 9 + 1024 : mix->flows * 4;
}

static struct tt_traffic *make_traffic(const struct mix *mix)
{
	struct tt_traffic *traffic = tt_traffic_create(
		&(struct tt_traffic_options){
			.flows = mix->flows,
			.flow_packets = mix->flow_packets,
			.udp_flows_of_8 = mix->udp_flows_of_8,
			.payload_bytes = mix->payload_bytes,
			.packets_per_s = packets_per_s(mix),
		},
		pool);

	if (traffic == NULL)
		fail("no memory for traffic");
	return traffic;
}

static void configure(struct tt_config *config, const struct mix *mix)
{
	uint64_t timeout = timeout_us(mix);

	config->workers.count = 1;
	config->flow.connections = capacity(mix);
	config->flow.half_open = config->flow.connections;
	config->flow.tcp_idle_us = timeout;
	config->flow.tcp_half_open_us = timeout;
	config->flow.tcp_closing_us = timeout;
	config->flow.udp_one_way_us = timeout;
	config->flow.udp_two_way_us = timeout;
	config->flow.other_idle_us = timeout;
	config->journal.connections = 65536;
}

/* ---- the pipeline ---- */

static void read_costs(const struct run *run, uint64_t costs[COSTS])
{
	const struct tt_worker_counters *counters = tt_pipeline_worker_counters(run->pipeline, 0);

	costs[COST_ALL] = tt_counter_read(&counters->total_cycles);
	costs[COST_SOURCE] = tt_traffic_cycles(run->traffic);
	for (unsigned int stage = 0; stage < TT_STAGES; stage++)
		costs[COST_STAGES + stage] = tt_counter_read(&counters->stages[stage].cycles);
}

/* How often the scheduler has given this thread's CPU to another one. */
static long count_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static void keep_round(struct run *run, const uint64_t now[COSTS])
{
	double cycles[COSTS];

	for (unsigned int cost = 0; cost < COSTS; cost++)
		cycles[cost] = (double)(now[cost] - run->before[cost]) / ROUND_PACKETS;
	cycles[COST_ALL] -= cycles[COST_SOURCE];
	cycles[COST_STAGES + TT_STAGE_RECEIVE] -= cycles[COST_SOURCE];
	for (unsigned int cost = 0; cost < COSTS; cost++)
		run->cycles[cost][run->rounds] = cycles[cost];
	run->rounds++;
}

/* A round ends, unless it is the first that begins, and the next begins. */
static void turn_round(struct run *run)
{
	uint64_t now[COSTS];
	long switches = count_switches();

	read_costs(run, now);
	if (run->tried > 0 && switches == run->switches_before)
		keep_round(run, now);
	memcpy(run->before, now, sizeof(now));
	run->switches_before = switches;
	run->next_packets += ROUND_PACKETS;
	run->ended = run->rounds == ROUNDS || run->tried++ == ROUNDS_TRIED;
}

static unsigned int receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct run *run = context;

	if (tt_traffic_packets(run->traffic) >= run->next_packets) {
		turn_round(run);
		if (run->ended) {
			run->live =
				tt_counter_read(&tt_pipeline_flow_counters(run->pipeline, 0)->live);
			return 0;
		}
	}
	return tt_traffic_receive(run->traffic, worker, received, limit, now_us);
}

static bool ended(void *context, unsigned int worker)
{
	const struct run *run = context;

	(void)worker;
	return run->ended;
}

static void run_pipeline(struct run *run, const struct tt_config *config, const struct mix *mix)
{
	const struct tt_source source = {
		.context = run,
		.receive = receive,
		.ended = ended,
		.receivers = 1,
		.packet_time = true,
		.symmetric = true,
	};
	struct tt_control *control = NULL;

	*run = (struct run){.next_packets = warm_packets(mix)};
	run->traffic = make_traffic(mix);
	if (tt_pipeline_create(&run->pipeline,
		    &(struct tt_pipeline_options){
			    .config = config,
			    .source = &source,
			    .seed = 1,
			    .huge_pages = true,
			    .populate = true,
		    }) != 0 ||
		tt_control_create(&control,
			&(struct tt_control_options){
				.config = config,
				.pipeline = run->pipeline,
				.huge_pages = true,
				.end_reason = TT_CLOSE_SHUTDOWN,
			}) != 0 ||
		tt_pipeline_launch(run->pipeline) != 0)
		fail("the pipeline does not start");
	tt_control_run(control);
	tt_pipeline_wait(run->pipeline);
	tt_control_destroy(control);
	tt_pipeline_destroy(run->pipeline);
	tt_traffic_destroy(run->traffic);
}

/* ---- floors, on the worker's lcore ---- */

static void free_burst(const struct tt_received *received, unsigned int count)
{
	struct rte_mbuf *mbufs[BURST];

	for (unsigned int i = 0; i < count; i++)
		mbufs[i] = received[i].mbuf;
	rte_pktmbuf_free_bulk(mbufs, count);
}

static void decode_burst(
	struct tt_packet *packets, const struct tt_received *received, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(received[i].mbuf, const void *));
	for (unsigned int i = 0; i < count; i++)
		if (tt_decode(&packets[i], &decode_options, received[i].link,
			    rte_pktmbuf_mtod(received[i].mbuf, const uint8_t *),
			    received[i].mbuf->data_len, received[i].wire_bytes) != TT_DECODE_IP)
			fail("a frame of the source does not decode");
}

static double measure_receive(const struct mix *mix, bool decode)
{
	static struct tt_packet packets[BURST];
	static double cycles[FLOOR_ROUNDS];
	struct tt_traffic *traffic = make_traffic(mix);
	struct tt_received received[BURST];

	for (unsigned int round = 0; round < FLOOR_ROUNDS; round++) {
		uint64_t source = tt_traffic_cycles(traffic), start = rte_rdtsc();

		for (unsigned int left = FLOOR_BURSTS; left > 0; left--) {
			unsigned int count = tt_traffic_receive(traffic, 0, received, BURST, 0);

			if (decode)
				decode_burst(packets, received, count);
			free_burst(received, count);
		}
		cycles[round] = (double)(rte_rdtsc() - start) -
			(double)(tt_traffic_cycles(traffic) - source);
		cycles[round] /= FLOOR_BURSTS * BURST;
	}
	tt_traffic_destroy(traffic);
	return median(cycles, FLOOR_ROUNDS);
}

/* Both tables with all flows of the mix, and what looks them up. */
struct lookup {
	struct tt_flow_table *flow_table;
	struct rte_hash *rte_hash;
	struct tt_key_secret secret;
	struct tt_packet packets[BURST];
	struct tt_flow_key keys[BURST];
	const void *key_pointers[BURST];
	uint32_t hashes[BURST];
};

static void next_keys(struct lookup *lookup, struct tt_traffic *traffic)
{
	const struct tt_key_options options = {.tunnel = true};
	struct tt_received received[BURST];

	if (tt_traffic_receive(traffic, 0, received, BURST, 0) != BURST)
		fail("no mbufs");
	decode_burst(lookup->packets, received, BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		tt_flow_key_make(&lookup->keys[i], &lookup->packets[i], &options);
		lookup->hashes[i] = (uint32_t)tt_flow_key_hash(&lookup->keys[i], &lookup->secret);
		lookup->key_pointers[i] = &lookup->keys[i];
	}
	free_burst(received, BURST);
}

static bool take(void *context, struct tt_flow *flow)
{
	(void)context;
	(void)flow;
	return true;
}

static void fill_tables(struct lookup *lookup, struct tt_traffic *traffic, uint32_t flows)
{
	struct tt_flow *found[BURST];

	for (uint64_t packets = 0; packets < flows; packets += BURST) {
		next_keys(lookup, traffic);
		for (unsigned int i = 0; i < BURST; i++) {
			found[i] = tt_flow_table_lookup(
				lookup->flow_table, &lookup->keys[i], lookup->hashes[i]);
			if (found[i] == NULL)
				found[i] = tt_flow_table_insert(lookup->flow_table,
					&lookup->keys[i], lookup->hashes[i], take, NULL);
			if (rte_hash_add_key_with_hash_data(lookup->rte_hash, &lookup->keys[i],
				    lookup->hashes[i], found[i]) != 0)
				fail("rte_hash is full");
		}
	}
}

/* Each table looks a burst up and touches the hot line of what it found. */
static uint64_t time_flow_table(struct lookup *lookup)
{
	struct tt_flow *found[BURST];
	uint64_t start = rte_rdtsc_precise();

	tt_flow_table_lookup_bulk(lookup->flow_table, lookup->keys, lookup->hashes, BURST, found);
	for (unsigned int i = 0; i < BURST; i++)
		rte_prefetch0(found[i]->counters);
	for (unsigned int i = 0; i < BURST; i++)
		found[i]->counters[0].packets++;
	return rte_rdtsc_precise() - start;
}

static uint64_t time_rte_hash(struct lookup *lookup)
{
	void *found[BURST];
	uint64_t hits;
	uint64_t start = rte_rdtsc_precise();

	rte_hash_lookup_with_hash_bulk_data(
		lookup->rte_hash, lookup->key_pointers, lookup->hashes, BURST, &hits, found);
	if (hits != UINT64_MAX)
		fail("a flow is missing from rte_hash");
	for (unsigned int i = 0; i < BURST; i++)
		rte_prefetch0(((struct tt_flow *)found[i])->counters);
	for (unsigned int i = 0; i < BURST; i++)
		((struct tt_flow *)found[i])->counters[0].packets++;
	return rte_rdtsc_precise() - start;
}

static void measure_lookups(struct floors *floors, const struct mix *mix)
{
	static struct lookup lookup;
	static double flow_table[FLOOR_ROUNDS], rte_hash[FLOOR_ROUNDS];
	const struct mix same_flows = {NULL, mix->flows, 0, mix->udp_flows_of_8, 0};
	struct tt_traffic *traffic = make_traffic(&same_flows);
	const struct tt_flow_table_options options = {
		.capacity = capacity(&same_flows),
		.half_open_limit = 1,
		.timeouts = {{1000, 1000, 1000, 1000, 1000, 1000}},
		.huge_pages = true,
	};

	lookup.rte_hash = rte_hash_create(&(struct rte_hash_parameters){
		.name = "perf",
		.entries = options.capacity,
		.key_len = sizeof(struct tt_flow_key),
		.socket_id = (int)rte_socket_id(),
	});
	if (lookup.rte_hash == NULL || tt_flow_table_create(&lookup.flow_table, &options) != 0 ||
		tt_key_secret_make(&lookup.secret, 1) != 0)
		fail("no memory for the tables");
	fill_tables(&lookup, traffic, mix->flows);
	for (unsigned int round = 0; round < FLOOR_ROUNDS; round++) {
		uint64_t cycles[2] = {0};

		for (unsigned int i = 0; i < FLOOR_BURSTS; i++) {
			next_keys(&lookup, traffic);
			cycles[0] += time_flow_table(&lookup);
			next_keys(&lookup, traffic);
			cycles[1] += time_rte_hash(&lookup);
		}
		flow_table[round] = (double)cycles[0] / FLOOR_BURSTS / BURST;
		rte_hash[round] = (double)cycles[1] / FLOOR_BURSTS / BURST;
	}
	floors->flow_table_lookup = median(flow_table, FLOOR_ROUNDS);
	floors->rte_hash_lookup = median(rte_hash, FLOOR_ROUNDS);
	rte_hash_free(lookup.rte_hash);
	tt_flow_table_destroy(lookup.flow_table);
	tt_traffic_destroy(traffic);
}

struct floors_job {
	struct floors *floors;
	const struct mix *mix;
};

static int measure_floors(void *context)
{
	struct floors *floors = ((struct floors_job *)context)->floors;
	const struct mix *mix = ((struct floors_job *)context)->mix;

	floors->receive = measure_receive(mix, false);
	floors->decode = measure_receive(mix, true);
	if (floors->flows != mix->flows)
		measure_lookups(floors, mix);
	floors->flows = mix->flows;
	return 0;
}

/* ---- report ---- */

static void print(const struct mix *mix, struct run *run, const struct floors *floors)
{
	const unsigned int rounds = run->rounds;
	double all = median(run->cycles[COST_ALL], rounds);
	double least = run->cycles[COST_ALL][0];

	printf("{\"mix\":\"%s\",\"flows\":%" PRIu32 ",\"live\":%" PRIu64
	       ",\"packets\":%u,\"rounds\":%u,\"ns_per_packet\":%.1f,"
	       "\"ns_per_packet_least\":%.1f,\"cycles_per_packet\":%.0f,"
	       "\"source_ns_per_packet\":%.1f,\"stages\":{",
		mix->name, mix->flows, run->live, rounds * ROUND_PACKETS, rounds, ns(all),
		ns(least), all, ns(median(run->cycles[COST_SOURCE], rounds)));
	for (unsigned int stage = 0; stage < TT_STAGES; stage++)
		printf("%s\"%s\":%.1f", stage == 0 ? "" : ",", tt_stage_name(stage),
			median(run->cycles[COST_STAGES + stage], rounds));
	printf("},\"bytes_per_flow\":%.1f,\"entry_bytes\":%zu,\"tcp_bytes\":%zu,"
	       "\"floors\":{\"receive\":%.1f,\"decode\":%.1f,\"rte_hash\":%.1f},"
	       "\"lookup_ns\":%.1f,\"rte_hash_lookup_ns\":%.1f}\n",
		(double)tt_flow_table_bytes(capacity(mix)) / capacity(mix), sizeof(struct tt_flow),
		sizeof(struct tt_tcp), ns(floors->receive), ns(floors->decode),
		ns(all - floors->flow_table_lookup + floors->rte_hash_lookup),
		ns(floors->flow_table_lookup), ns(floors->rte_hash_lookup));
	fflush(stdout);
}

static bool fits(const struct mix *mix)
{
	size_t available = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

	return tt_flow_table_bytes(capacity(mix)) < available / 10 * 9;
}

static void measure(const struct mix *mix, struct tt_config *config)
{
	static struct run run;
	static struct floors floors;
	struct floors_job job = {&floors, mix};

	if (!fits(mix)) {
		fprintf(stderr, "perf_pipeline: no memory for %s, skipped\n", mix->name);
		return;
	}
	configure(config, mix);
	if (rte_eal_remote_launch(measure_floors, &job, 1) != 0)
		fail("the worker's lcore is busy");
	rte_eal_wait_lcore(1);
	run_pipeline(&run, config, mix);
	if (run.rounds == 0)
		fail("the machine is too busy: the scheduler disturbed every round");
	print(mix, &run, &floors);
}

static bool is_wanted(const struct mix *mix, char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strncmp(mix->name, names[i], strlen(names[i])) == 0)
			return true;
	return count == 0;
}

static int advise_huge(const struct rte_memseg_list *list, void *context)
{
	(void)context;
	(void)madvise(list->base_va, list->len, MADV_HUGEPAGE);
	return 0;
}

/* The first two CPUs that this process may run on: of the control core and of the worker. */
static void choose_cpus(int cpus[2])
{
	cpu_set_t allowed;
	unsigned int found = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		fail("the scheduler does not tell which CPUs there are");
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			cpus[found++] = cpu;
	if (found < 2)
		fail("two CPUs are needed");
}

/* rte_hash takes 150 bytes a flow, at most. */
static void start_eal(uint32_t flows)
{
	static char program[] = "perf_pipeline", main_lcore[] = "--main-lcore=0",
		    no_huge[] = "--no-huge", no_pci[] = "--no-pci",
		    no_telemetry[] = "--no-telemetry", alone[] = "--no-shconf",
		    quiet[] = "--log-level=warning", memory[] = "-m", megabytes[16], lcores[48];
	char *arguments[] = {program, lcores, main_lcore, no_huge, no_pci, no_telemetry, alone,
		quiet, memory, megabytes, NULL};
	int cpus[2];

	choose_cpus(cpus);
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d,1@%d", cpus[0], cpus[1]);
	snprintf(megabytes, sizeof(megabytes), "%" PRIu32, 128 + flows / 6000);
	if (rte_eal_init(10, arguments) < 0)
		fail("the EAL does not start");
	rte_memseg_list_walk(advise_huge, NULL);
	pool = rte_pktmbuf_pool_create("perf", MBUFS, POOL_CACHE, tt_pipeline_mbuf_private_bytes(),
		RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (pool == NULL)
		fail("no memory for mbufs");
}

int main(int argc, char **argv)
{
	struct tt_config *config;
	uint32_t flows = 0;
	bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
	char *const *names = argv + 1 + list;
	int count = argc - 1 - list;

	for (unsigned int i = 0; i < MIXES; i++) {
		if (!is_wanted(&mixes[i], names, count))
			continue;
		if (list)
			puts(mixes[i].name);
		flows = mixes[i].flows > flows ? mixes[i].flows : flows;
	}
	if (list || flows == 0)
		return 0;
	start_eal(flows);
	if (tt_config_default(&config) != 0)
		fail("no memory");
	for (unsigned int i = 0; i < MIXES; i++)
		if (is_wanted(&mixes[i], names, count))
			measure(&mixes[i], config);
	tt_config_free(config);
	rte_eal_cleanup();
	return 0;
}
