/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline fed from memory, everything on: workers on their lcores, the control core on the main
 * one, a client that takes the records, and no I/O. One JSON line a mix: pipeline-N-S, N live flows
 * of which S % of the packets begin a new one; small-N, N live flows of 60-byte TCP segments; and
 * conversations (replay.h), some of them with two workers side by side. Floors, cumulative and from
 * the same packets: receiving and freeing them, decoding them too, and the whole with rte_hash's
 * lookup in the place of the flow table's. Conversations run once more with DNS, HTTP and TLS off.
 *
 * usage: perf_pipeline [--list | --quick] [NAME...]    NAME: the beginning of a mix's name; --quick:
 * a hundredth of the flows and little of everything, to see that it works
 */
#include "mix.h"
#include "pipeline_floors.h"
#include "pipeline_run.h"
#include "protocol/tls_connection.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MBUFS		 8191 /* a worker */
#define POOL_CACHE	 256
#define QUICK		 100	 /* --quick: so many times less */
#define SWEEP_US	 1000000 /* in which the worker comes by every flow once */
#define PACKETS_PER_S	 10000000
#define SESSION_PACKETS	 140 /* of the longest: no flow pauses for so many passes */
#define JOURNAL		 262144
#define SEARCHED_PACKETS (2 * TT_TLS_SEARCH_PIECES + 2ULL)

/* About 870 bytes a packet, one flow in four UDP. In packet time a new flow is no rarer than one a
 * slot and second, so that those which wait to expire are no more than those which live. */
#define PIPELINE(title, slots, length)                                                             \
	{                                                                                          \
		.name = title, .flows = slots, .flow_packets = length, .udp_flows_of_8 = 2,        \
		.payload_bytes = 816, .workers = 1                                                 \
	}
/* Measured when the parsers have looked at as many packets of each direction as they ever do, of all
 * flows but of the ten million, most of which they have no room for. */
#define SMALL(title, slots, count)                                                                 \
	{                                                                                          \
		.name = title, .flows = slots, .payload_bytes = 6, .workers = count,               \
		.warm_packets = (slots) <= 1000000 ? (slots)*SEARCHED_PACKETS : 0                  \
	}
#define REPLAY(title, what, live, slots, rate, timeout, count)                                     \
	{                                                                                          \
		.name = title, .flows = live, .replays = true, .kind = what, .sessions = slots,    \
		.packets_per_s = rate, .timeout_us = timeout, .workers = count                     \
	}

static const struct tt_mix mixes[] = {
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
	SMALL("small-1k", 1000, 1),
	SMALL("small-100k", 100000, 1),
	SMALL("small-1m", 1000000, 1),
	SMALL("small-10m", 10000000, 1),
	REPLAY("web", TT_REPLAY_WEB, 330000, 40000, 12000000, 200000, 1),
	REPLAY("setup", TT_REPLAY_SETUP, 340000, 58000, 3300000, 100000, 1),
	REPLAY("churn", TT_REPLAY_CHURN, 1300000, 50000, 8000000, 100000, 1),
	REPLAY("dns", TT_REPLAY_DNS, 600000, 20000, 2000000, 100000, 1),
	/* The half-open ones at their limit, among a million. */
	{
		.name = "flood",
		.flows = 100000,
		.payload_bytes = 6,
		.flood_of_8 = 4,
		.packets_per_s = PACKETS_PER_S,
		.capacity = 1000000,
		.timeout_us = 5000000,
		.warm_packets = 4000000,
		.workers = 1,
	},
	SMALL("workers-2-small-100k", 100000, 2),
	REPLAY("workers-2-web", TT_REPLAY_WEB, 330000, 40000, 12000000, 200000, 2),
};
#define MIXES (sizeof(mixes) / sizeof(mixes[0]))

static const struct tt_mix_effort full = {31, 8, 4096, 20000, 301, false};
static const struct tt_mix_effort quick = {3, 1, 1024, 3000, 11, true};

static struct rte_mempool *pool;

static double ns(double cycles)
{
	return cycles * 1e9 / (double)rte_get_tsc_hz();
}

/* ---- the mix as configuration ---- */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

/* What the table above leaves to be derived. */
static struct tt_mix complete(const struct tt_mix *given, bool is_quick)
{
	struct tt_mix mix = *given;
	uint32_t divisor = is_quick ? QUICK : 1;
	uint64_t rate = or_default(mix.packets_per_s, PACKETS_PER_S);

	if (mix.flow_packets > 0 && (uint64_t)mix.flows * mix.flow_packets < rate)
		rate = (uint64_t)mix.flows * mix.flow_packets;
	mix.packets_per_s = rate / divisor;
	mix.flows /= divisor;
	mix.sessions = mix.sessions / divisor;
	mix.warm_packets /= divisor;

	/* A slot's packets come a pass apart, and a flow that goes on must not expire. */
	uint64_t slots = mix.replays ? mix.sessions : mix.flows;
	uint64_t idle_us =
		2 * slots * 1000000 / mix.packets_per_s * (mix.replays ? SESSION_PACKETS : 1) +
		10000;
	mix.idle_us = mix.flow_packets == 1 ? 10000 : idle_us;
	mix.timeout_us = or_default(mix.timeout_us, mix.idle_us);

	uint64_t steady = mix.packets_per_s * (mix.timeout_us + SWEEP_US) / 1000000;
	uint64_t passes = 2 * slots;
	if ((mix.flow_packets > 0 || mix.replays) && steady > passes)
		passes = steady;
	mix.warm_packets = or_default(mix.warm_packets, passes);

	bool changes = mix.flow_packets > 0 || mix.replays;
	uint32_t capacity = changes ? mix.flows * (mix.replays ? 2 : 4) : mix.flows / 8 * 9 + 1024;
	mix.capacity = (uint32_t)or_default(mix.capacity / divisor, capacity);
	return mix;
}

static void configure(struct tt_config *config, const struct tt_mix *mix)
{
	config->workers.count = mix->workers;
	config->flow.connections = mix->capacity;
	config->flow.half_open = mix->flood_of_8 > 0 ? mix->capacity / 4 : mix->capacity;
	config->flow.tcp_idle_us = mix->idle_us;
	config->flow.udp_one_way_us = mix->idle_us;
	config->flow.other_idle_us = mix->idle_us;
	config->flow.tcp_half_open_us = mix->replays ? mix->idle_us : mix->timeout_us;
	config->flow.tcp_closing_us = mix->timeout_us;
	config->flow.udp_two_way_us = mix->replays ? mix->timeout_us : mix->idle_us;
	config->journal.connections = JOURNAL;
	/* The source always has more: whoever sheds would measure less than everything. */
	config->overload.shed = false;
}

static void follow_protocols(struct tt_config *config, bool followed)
{
	config->dns.enabled = followed;
	config->http.enabled = followed;
	config->tls.enabled = followed;
}

/* ---- report ---- */

static void print_records(const char *name, const struct tt_run_records *records)
{
	printf(",\"%s\":{\"closed\":%" PRIu64 ",\"dns\":%" PRIu64 ",\"http\":%" PRIu64
	       ",\"tls\":%" PRIu64 "}",
		name, records->closed, records->dns, records->http, records->tls);
}

static void print(const struct tt_mix *mix, const struct tt_replay *replay,
	const struct tt_run_result *result, const struct tt_run_result *without_protocols,
	const struct tt_floors *floors, unsigned int round_packets)
{
	double all = result->median[TT_RUN_COST_ALL];

	printf("{\"mix\":\"%s\",\"flows\":%" PRIu32 ",\"live\":%" PRIu64
	       ",\"packets\":%u,\"rounds\":%u,\"workers\":%u,\"ns_per_packet\":%.1f,"
	       "\"ns_per_packet_least\":%.1f,\"cycles_per_packet\":%.0f,"
	       "\"source_ns_per_packet\":%.1f",
		mix->name, mix->flows, result->live, result->rounds * round_packets, result->rounds,
		mix->workers, ns(all), ns(result->least), all,
		ns(result->median[TT_RUN_COST_SOURCE]));
	if (replay != NULL) {
		struct tt_replay_truth truth = {0};

		for (uint32_t session = 0; session < replay->script_count; session++)
			tt_replay_tell(replay, session, &truth);
		printf(",\"bytes_per_packet\":%.0f,\"packets_per_flow\":%.1f,\"new_flows_per_s\":%."
		       "0f",
			(double)truth.wire_bytes / (double)truth.packets,
			(double)truth.packets / (double)truth.flows,
			1e9 / ns(all) / ((double)truth.packets / (double)truth.flows) *
				mix->workers);
	}
	if (replay != NULL)
		printf(",\"without_protocols_ns\":%.1f",
			ns(without_protocols->median[TT_RUN_COST_ALL]));
	for (unsigned int stage = 0; stage < TT_STAGES; stage++)
		printf("%s\"%s\":%.1f", stage == 0 ? ",\"stages\":{" : ",", tt_stage_name(stage),
			result->median[TT_RUN_COST_STAGES + stage]);
	printf("},\"bytes_per_flow\":%.1f,\"entry_bytes\":%zu,\"tcp_bytes\":%zu,"
	       "\"floors\":{\"receive\":%.1f,\"decode\":%.1f,\"rte_hash\":%.1f},"
	       "\"lookup_ns\":%.1f,\"rte_hash_lookup_ns\":%.1f,\"tcp_metrics_ns\":%.1f",
		(double)tt_flow_table_bytes(mix->capacity) / mix->capacity, sizeof(struct tt_flow),
		sizeof(struct tt_tcp), ns(floors->receive), ns(floors->decode),
		ns(all - floors->flow_table_lookup + floors->rte_hash_lookup),
		ns(floors->flow_table_lookup), ns(floors->rte_hash_lookup), ns(floors->tcp));
	print_records("records", &result->merged);
	print_records("pulled", &result->pulled);
	printf(",\"control_ns_per_record\":%.0f,\"pull_lost\":%" PRIu64 ",\"records_lost\":%" PRIu64
	       ",\"evicted\":%" PRIu64,
		result->control_ns, result->client_lost, result->records_lost, result->evicted);
	if (mix->flood_of_8 > 0)
		printf(",\"established_lost\":%" PRIu64, result->established_lost);
	puts("}");
	fflush(stdout);
}

static bool fits(const struct tt_mix *mix)
{
	size_t available = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	size_t needed = mix->workers * tt_flow_table_bytes(mix->capacity);

	if (needed < available / 10 * 9)
		return true;
	fprintf(stderr,
		"perf_pipeline: %s is skipped: its flow table takes %zu MiB, and %zu are free\n",
		mix->name, needed >> 20, available >> 20);
	return false;
}

static void measure(const struct tt_mix *given, struct tt_config *config, bool is_quick)
{
	static struct tt_floors floors;
	const struct tt_mix mix = complete(given, is_quick);
	const struct tt_mix_effort *effort = is_quick ? &quick : &full;
	struct tt_replay *replay = mix.replays ? tt_replay_create(mix.kind, 1) : NULL;
	struct tt_run_result result, without_protocols = {0};
	struct tt_floors_job job = {&floors, &mix, replay, mix.flows, pool, effort};

	if (mix.replays && replay == NULL)
		tt_mix_fail("no memory for the replay");
	if (!fits(&mix)) {
		tt_replay_destroy(replay);
		return;
	}
	configure(config, &mix);
	if (rte_eal_remote_launch(tt_floors_measure, &job, 1) != 0)
		tt_mix_fail("the worker's lcore is busy");
	rte_eal_wait_lcore(1);
	tt_run(&result, &mix, config, replay, pool, effort);
	if (mix.replays) {
		follow_protocols(config, false);
		tt_run(&without_protocols, &mix, config, replay, pool, effort);
		follow_protocols(config, true);
	}
	print(&mix, replay, &result, &without_protocols, &floors,
		effort->pieces * effort->piece_packets);
	tt_replay_destroy(replay);
}

static bool is_wanted(const struct tt_mix *mix, char *const *names, int count)
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

/* The first two CPUs that this process may run on. */
static void choose_cpus(int cpus[2])
{
	cpu_set_t allowed;
	unsigned int found = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		tt_mix_fail("the scheduler does not tell which CPUs there are");
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			cpus[found++] = cpu;
	if (found < 2)
		tt_mix_fail("two CPUs are needed");
}

/* The control core and the second worker share a CPU. rte_hash takes 150 bytes a flow, at most. */
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
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d,1@%d,2@%d", cpus[0], cpus[1], cpus[0]);
	snprintf(megabytes, sizeof(megabytes), "%" PRIu32, 160 + flows / 6000);
	if (rte_eal_init(10, arguments) < 0)
		tt_mix_fail("the EAL does not start");
	rte_memseg_list_walk(advise_huge, NULL);
	pool = rte_pktmbuf_pool_create("perf", TT_MIX_WORKERS * MBUFS, POOL_CACHE,
		tt_pipeline_mbuf_private_bytes(), RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (pool == NULL)
		tt_mix_fail("no memory for mbufs");
}

int main(int argc, char **argv)
{
	struct tt_config *config;
	uint32_t flows = 0;
	bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
	bool is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	char *const *names = argv + 1 + (list || is_quick);
	int count = argc - 1 - (list || is_quick);

	for (unsigned int i = 0; i < MIXES; i++) {
		if (!is_wanted(&mixes[i], names, count))
			continue;
		if (list)
			puts(mixes[i].name);
		flows = mixes[i].flows > flows ? mixes[i].flows : flows;
	}
	if (list || flows == 0)
		return 0;
	start_eal(is_quick ? flows / QUICK : flows);
	if (tt_config_default(&config) != 0)
		tt_mix_fail("no memory");
	for (unsigned int i = 0; i < MIXES; i++)
		if (is_wanted(&mixes[i], names, count))
			measure(&mixes[i], config, is_quick);
	tt_config_free(config);
	rte_eal_cleanup();
	return 0;
}
