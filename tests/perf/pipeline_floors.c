/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline_floors.h"

#include "flow/table.h"
#include "packet/decode.h"

#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_lcore.h>
#include <rte_prefetch.h>

#define BURST	    TT_FLOW_BURST
#define ROUNDS_MAX  301	     /* short ones, which the scheduler seldom disturbs */
#define BURSTS	    32	     /* a round */
#define LOOKUP_RATE 10000000 /* packets a second of packet time */
#define TCP_AHEAD   8

static const struct tt_decode_options decode_options = {
	.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};

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
			tt_mix_fail("a frame of the source does not decode");
}

static double measure_receive(const struct tt_floors_job *job, bool decode)
{
	static struct tt_packet packets[BURST];
	static double cycles[ROUNDS_MAX];
	struct tt_traffic *traffic = tt_mix_traffic(job->mix, job->replay, job->pool);
	struct tt_received received[BURST];

	for (unsigned int round = 0; round < job->effort->floor_rounds; round++) {
		uint64_t source = tt_traffic_cycles(traffic), start = rte_rdtsc();

		for (unsigned int left = BURSTS; left > 0; left--) {
			unsigned int count = tt_traffic_receive(traffic, 0, received, BURST, 0);

			if (decode)
				decode_burst(packets, received, count);
			free_burst(received, count);
		}
		cycles[round] = (double)(rte_rdtsc() - start) -
			(double)(tt_traffic_cycles(traffic) - source);
		cycles[round] /= BURSTS * BURST;
	}
	tt_traffic_destroy(traffic);
	return tt_mix_median(cycles, job->effort->floor_rounds);
}

/* Both tables with all flows of the mix, and what looks them up. */
struct lookup {
	struct tt_flow_table *flow_table;
	struct rte_hash *rte_hash;
	struct tt_key_secret secret;
	struct tt_received received[BURST];
	unsigned int directions[BURST];
	struct tt_packet packets[BURST];
	struct tt_flow_key keys[BURST];
	const void *key_pointers[BURST];
	uint32_t hashes[BURST];
};

/* The next burst; its packets stay until free_burst(). */
static void next_keys(struct lookup *lookup, struct tt_traffic *traffic)
{
	const struct tt_key_options options = {.tunnel = true};

	if (tt_traffic_receive(traffic, 0, lookup->received, BURST, 0) != BURST)
		tt_mix_fail("no mbufs");
	decode_burst(lookup->packets, lookup->received, BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		lookup->directions[i] =
			tt_flow_key_make(&lookup->keys[i], &lookup->packets[i], &options);
		lookup->hashes[i] = (uint32_t)tt_flow_key_hash(&lookup->keys[i], &lookup->secret);
		lookup->key_pointers[i] = &lookup->keys[i];
	}
}

static bool take(void *context, struct tt_flow *flow)
{
	(void)context;
	(void)flow;
	return true;
}

/* Every flow sees all of its segments, so that they are in order. */
static double measure_pass(struct lookup *lookup, struct tt_traffic *traffic, unsigned int rounds,
	uint64_t (*time_burst)(struct lookup *lookup))
{
	static double cycles[ROUNDS_MAX];

	for (unsigned int round = 0; round < rounds; round++) {
		uint64_t sum = 0;

		for (unsigned int i = 0; i < BURSTS; i++) {
			next_keys(lookup, traffic);
			sum += time_burst(lookup);
			free_burst(lookup->received, BURST);
		}
		cycles[round] = (double)sum / BURSTS / BURST;
	}
	return tt_mix_median(cycles, rounds);
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
				tt_mix_fail("rte_hash is full");
		}
		free_burst(lookup->received, BURST);
	}
}

static uint64_t time_flow_table(struct lookup *lookup)
{
	struct tt_flow *found[BURST];
	uint64_t start = rte_rdtsc_precise();

	tt_flow_table_prefetch_buckets(lookup->flow_table, lookup->hashes, BURST);
	tt_flow_table_candidates(lookup->flow_table, lookup->hashes, BURST, found);
	for (unsigned int i = 0; i < BURST; i++) {
		found[i] = tt_flow_table_find(
			lookup->flow_table, found[i], &lookup->keys[i], lookup->hashes[i]);
		found[i]->counters[0].packets++;
	}
	return rte_rdtsc_precise() - start;
}

static void update_tcp(struct lookup *lookup, unsigned int i, struct tt_flow *flow)
{
	struct tt_tcp_segment segment;

	if (lookup->packets[i].ip_protocol == IPPROTO_TCP &&
		tt_tcp_segment_read(&segment, &lookup->packets[i], lookup->directions[i],
			lookup->received[i].time_us))
		tt_tcp_update(&flow->tcp, &segment);
}

/* The same with TCP's metrics. The lines that these touch are fetched a few packets ahead, as the
 * flow stage does: a processor has few misses outstanding. */
static uint64_t time_tcp(struct lookup *lookup)
{
	struct tt_flow *found[BURST];
	uint64_t start = rte_rdtsc_precise();

	tt_flow_table_prefetch_buckets(lookup->flow_table, lookup->hashes, BURST);
	for (unsigned int i = 0; i < BURST + TCP_AHEAD; i++) {
		if (i < BURST) {
			tt_flow_table_candidates(
				lookup->flow_table, lookup->hashes + i, 1, found + i);
			rte_prefetch1(&found[i]->tcp);
			rte_prefetch1(&found[i]->tcp.counts);
		}
		if (i >= TCP_AHEAD) {
			const unsigned int now = i - TCP_AHEAD;
			struct tt_flow *flow = tt_flow_table_find(lookup->flow_table, found[now],
				&lookup->keys[now], lookup->hashes[now]);

			flow->counters[0].packets++;
			update_tcp(lookup, now, flow);
		}
	}
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
		tt_mix_fail("a flow is missing from rte_hash");
	for (unsigned int i = 0; i < BURST; i++)
		rte_prefetch0(((struct tt_flow *)found[i])->counters);
	for (unsigned int i = 0; i < BURST; i++)
		((struct tt_flow *)found[i])->counters[0].packets++;
	return rte_rdtsc_precise() - start;
}

static void measure_lookups(const struct tt_floors_job *job)
{
	static struct lookup lookup;
	const struct tt_mix flows = {
		.flows = job->flows,
		.udp_flows_of_8 = job->mix->udp_flows_of_8,
		.packets_per_s = LOOKUP_RATE,
	};
	struct tt_traffic *traffic = tt_mix_traffic(&flows, NULL, job->pool);
	const struct tt_flow_table_options options = {
		.capacity = job->flows / 8 * 9 + 1024,
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
		tt_mix_fail("no memory for the tables");
	fill_tables(&lookup, traffic, job->flows);
	unsigned int rounds = job->effort->floor_rounds;
	job->floors->flow_table_lookup = measure_pass(&lookup, traffic, rounds, time_flow_table);
	job->floors->rte_hash_lookup = measure_pass(&lookup, traffic, rounds, time_rte_hash);
	/* All flows once more, so that the next segment of each follows one that was seen. */
	for (uint64_t packets = 0; packets < job->flows; packets += BURSTS * BURST)
		measure_pass(&lookup, traffic, 1, time_tcp);
	job->floors->tcp = measure_pass(&lookup, traffic, rounds, time_tcp) -
		measure_pass(&lookup, traffic, rounds, time_flow_table);
	rte_hash_free(lookup.rte_hash);
	tt_flow_table_destroy(lookup.flow_table);
	tt_traffic_destroy(traffic);
}

int tt_floors_measure(void *context)
{
	const struct tt_floors_job *job = context;

	job->floors->receive = measure_receive(job, false);
	job->floors->decode = measure_receive(job, true);
	if (job->floors->flows != job->flows)
		measure_lookups(job);
	job->floors->flows = job->flows;
	return 0;
}
