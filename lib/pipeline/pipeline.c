/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "pipeline/handover.h"
#include "pipeline/worker.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <string.h>

/* Where in a uid the run and the worker stand: instance 16 bits, shard 8, counter 40. */
#define UID_INSTANCE_SHIFT 48
#define UID_SHARD_SHIFT	   40

/* UDP datagrams that are put together at a time, by each worker: 1 MiB. */
#define REASSEMBLY_SLOTS 256

/* Between two looks at whether workers still read the rules before. */
#define READERS_WAIT_US 100

/* A packet crosses a ring at most twice: to who attributes fragments, and to the owner. */
#define RING_HOPS 2

struct tt_pipeline {
	unsigned int worker_count;
	bool launched;
	atomic_bool stop; /* control core: wo, workers: ro */
	struct tt_pipeline_clock clock;
	struct tt_filter filter; /* unchanged once made */
	struct tt_rules_published rules;
	struct tt_pipeline_timeouts timeouts;
	size_t reader_bytes;
	uint8_t *rings; /* count * count rings, one behind the other; NULL for one worker */
	size_t ring_bytes;
	size_t memory_bytes;
	size_t fragment_bytes;

	/* The control core's: how far tt_pipeline_settled() is. */
	unsigned int settled_hops;
	uint64_t settled_rounds[TT_CONFIG_WORKERS];

	struct tt_worker workers[] __attribute__((aligned(64)));
};

const char *tt_stage_name(enum tt_stage stage)
{
	static const char *const names[TT_STAGES] = {
		[TT_STAGE_RECEIVE] = "receive",
		[TT_STAGE_DECODE] = "decode",
		[TT_STAGE_STEER] = "steer",
		[TT_STAGE_FLOW] = "flow",
		[TT_STAGE_FREE] = "free",
		[TT_STAGE_SWEEP] = "sweep",
	};

	return names[stage];
}

uint16_t tt_pipeline_mbuf_private_bytes(void)
{
	return (sizeof(struct tt_handover) + RTE_MBUF_PRIV_ALIGN - 1) & ~(RTE_MBUF_PRIV_ALIGN - 1);
}

static size_t ring_bytes(uint32_t packets)
{
	return ((size_t)rte_ring_get_memsize(packets) + 63) & ~(size_t)63;
}

static size_t rings_bytes(unsigned int workers, uint32_t packets)
{
	return workers < 2 ? 0 : (size_t)workers * workers * ring_bytes(packets);
}

unsigned int tt_pipeline_limits(const struct tt_pipeline *pipeline, unsigned int worker,
	struct tt_pipeline_limit limits[TT_PIPELINE_LIMITS])
{
	const struct tt_worker *of = &pipeline->workers[worker];
	const struct tt_stream_counters *streams = &of->payload.streams.counters;
	const struct tt_http1_counters *http1 = &of->http.http1.counters;
	const struct tt_http2_counters *http2 = &of->http.http2.counters;
	const struct tt_tls_counters *tls = &of->tls.pool.counters;
	const struct tt_quic_counters *quic = &of->tls.quic.counters;
	unsigned int count = 0;

	limits[count++] = (struct tt_pipeline_limit){"payload", of->payload.limit,
		&of->counters.conversations, &of->counters.conversations_high,
		&of->counters.conversations_full};
	limits[count++] =
		(struct tt_pipeline_limit){"reassembly", of->payload.streams.slabs.capacity,
			&streams->slabs_used, &streams->slabs_high, &streams->pool_full};
	if (of->dns.transactions != NULL) {
		const struct tt_dns_transactions_counters *dns =
			tt_dns_transactions_counters(of->dns.transactions);
		const struct tt_aggregate_counters *keys = tt_dns_stats_counters(of->dns.stats);

		limits[count++] = (struct tt_pipeline_limit){"dns_pending", of->dns.pending_limit,
			&dns->pending, &dns->pending_high, &dns->pending_full};
		limits[count++] = (struct tt_pipeline_limit){
			"dns_keys", of->dns.key_limit, &keys->keys, &keys->keys_high, &keys->other};
	}
	if (of->http.stats != NULL) {
		const struct tt_aggregate_counters *keys = tt_http_stats_counters(of->http.stats);

		limits[count++] = (struct tt_pipeline_limit){"http_transactions",
			of->http.http1.options.exchanges, &http1->exchanges_used,
			&http1->exchanges_high, &http1->exchanges_full};
		limits[count++] = (struct tt_pipeline_limit){"http2_streams",
			of->http.http2.options.exchanges, &http2->exchanges_used,
			&http2->exchanges_high, &http2->exchanges_full};
		limits[count++] =
			(struct tt_pipeline_limit){"http2_tables", of->http.http2.options.tables,
				&http2->tables_used, &http2->tables_high, &http2->tables_full};
		limits[count++] = (struct tt_pipeline_limit){"http_keys", of->http.key_limit,
			&keys->keys, &keys->keys_high, &keys->other};
	}
	if (of->tls.enabled) {
		limits[count++] = (struct tt_pipeline_limit){"tls_handshakes",
			of->tls.pool.handshakes.capacity, &tls->handshakes_used,
			&tls->handshakes_high, &tls->handshakes_full};
		limits[count++] =
			(struct tt_pipeline_limit){"tls_buffers", of->tls.pool.buffers.capacity,
				&tls->buffers_used, &tls->buffers_high, &tls->buffers_full};
		/* Not of the worker but of a direction, which is given up there. */
		limits[count++] = (struct tt_pipeline_limit){"quic_initials", TT_QUIC_INITIALS,
			&quic->initials_last, &quic->initials_high, &quic->given_up};
	}
	return count;
}

void tt_pipeline_memory(struct tt_pipeline_memory *memory, const struct tt_config *config)
{
	*memory = (struct tt_pipeline_memory){
		.flows_bytes = tt_flow_table_bytes(config->flow.connections),
		.fragments_bytes = tt_fragment_table_bytes(config->fragments.datagrams) +
			tt_reassembly_bytes(REASSEMBLY_SLOTS, TT_PAYLOAD_DATAGRAM_BYTES),
		.records_bytes = tt_shard_bytes(config->memory.record_batches),
		.duplicates_bytes = tt_duplicates_worker_bytes(config),
		.payload_bytes = tt_payload_bytes(config),
		.dns_bytes = tt_dns_worker_bytes(config),
		.http_bytes = tt_http_worker_bytes(config),
		.tls_bytes = tt_tls_worker_bytes(config),
		.rules_bytes = tt_rules_worker_bytes(config),
		.rings_bytes = rings_bytes(config->workers.count, config->workers.ring_packets),
	};
}

static struct rte_ring *ring_between(
	struct tt_pipeline *pipeline, unsigned int from, unsigned int to)
{
	size_t number = (size_t)from * pipeline->worker_count + to;

	return (struct rte_ring *)(void *)(pipeline->rings + number * pipeline->ring_bytes);
}

static bool make_rings(struct tt_pipeline *pipeline, uint32_t packets, bool huge_pages)
{
	unsigned int count = pipeline->worker_count;

	if (count < 2)
		return true;
	pipeline->ring_bytes = ring_bytes(packets);
	pipeline->rings = tt_memory_map(rings_bytes(count, packets), huge_pages);
	if (pipeline->rings == NULL)
		return false;
	for (unsigned int from = 0; from < count; from++)
		for (unsigned int to = 0; to < count; to++) {
			struct rte_ring *ring = ring_between(pipeline, from, to);

			if (from == to)
				continue;
			if (rte_ring_init(
				    ring, "handover", packets, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
				return false;
			pipeline->workers[from].outbox[to].ring = ring;
			pipeline->workers[to].inbox[from] = ring;
		}
	return true;
}

static uint32_t timeout_ms(uint64_t timeout_us)
{
	uint64_t ms = (timeout_us + 999) / 1000;

	return ms < 1 ? 1 : (uint32_t)ms;
}

static struct tt_flow_timeouts flow_timeouts(const struct tt_config *config)
{
	return (struct tt_flow_timeouts){
		.ms = {
			[TT_FLOW_TCP_HALF_OPEN] = timeout_ms(config->flow.tcp_half_open_us),
			[TT_FLOW_TCP_OPEN] = timeout_ms(config->flow.tcp_idle_us),
			[TT_FLOW_TCP_CLOSING] = timeout_ms(config->flow.tcp_closing_us),
			[TT_FLOW_UDP_ONE_WAY] = timeout_ms(config->flow.udp_one_way_us),
			[TT_FLOW_UDP_TWO_WAY] = timeout_ms(config->flow.udp_two_way_us),
			[TT_FLOW_OTHER] = timeout_ms(config->flow.other_idle_us),
		}};
}

static struct tt_flow_table_options flow_options(const struct tt_pipeline_options *options)
{
	const struct tt_config *config = options->config;

	return (struct tt_flow_table_options){
		.capacity = config->flow.connections,
		.half_open_limit = config->flow.half_open,
		.huge_pages = options->huge_pages,
		.timeouts = flow_timeouts(config),
	};
}

static bool needs_software_steering(const struct tt_pipeline_options *options)
{
	switch (options->config->workers.steering) {
	case TT_STEERING_NIC:
		return false;
	case TT_STEERING_SOFTWARE:
		return true;
	case TT_STEERING_AUTO:
		break;
	}
	return !options->source->symmetric;
}

_Static_assert(TT_CONFIG_FILTER_RULES <= TT_FILTER_RULES, "every configured rule finds room");

static void copy_rules(struct tt_filter_rule *rules, const struct tt_config_filter_rule *configured,
	uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct tt_config_filter_rule *from = &configured[i];

		rules[i] = (struct tt_filter_rule){
			.prefix_bits = from->network.prefix_bits,
			.ip_version = from->network.ip_version,
			.ip_protocol = (uint8_t)from->protocol,
			.port_first = (uint16_t)(from->ports >> 16),
			.port_last = (uint16_t)from->ports,
			.vlan_first = (uint16_t)(from->vlans >> 16),
			.vlan_last = (uint16_t)from->vlans,
		};
		memcpy(rules[i].address, from->network.address, sizeof(rules[i].address));
	}
}

static int make_filter(struct tt_filter *filter, const struct tt_config *config)
{
	struct tt_filter_rule include[TT_CONFIG_FILTER_RULES];
	struct tt_filter_rule exclude[TT_CONFIG_FILTER_RULES];

	copy_rules(include, config->filter.include, config->filter.include_count);
	copy_rules(exclude, config->filter.exclude, config->filter.exclude_count);
	return tt_filter_make(filter, include, config->filter.include_count, exclude,
		config->filter.exclude_count);
}

static bool make_worker(struct tt_pipeline *pipeline, unsigned int number,
	const struct tt_pipeline_options *options, const struct tt_key_secret *secret)
{
	const struct tt_config *config = options->config;
	struct tt_worker *worker = &pipeline->workers[number];
	const struct tt_flow_table_options flows = flow_options(options);

	worker->number = number;
	worker->worker_count = pipeline->worker_count;
	worker->source = *options->source;
	worker->decode = (struct tt_decode_options){
		.layer_kinds = config->tunnels.layer_kinds,
		.layer_limit = (uint8_t)config->tunnels.layer_limit,
	};
	worker->key = (struct tt_key_options){
		.vlan = config->flow.key_vlan, .tunnel = config->flow.key_tunnel};
	worker->filter = tt_filter_is_set(&pipeline->filter) ? &pipeline->filter : NULL;
	worker->secret = *secret;
	worker->software_steering = needs_software_steering(options);
	worker->adaptive_idle = config->workers.idle == TT_IDLE_ADAPTIVE;
	worker->populate = options->populate;
	worker->uid_base = (uint64_t)options->instance << UID_INSTANCE_SHIFT |
		(uint64_t)number << UID_SHARD_SHIFT;
	worker->clock = &pipeline->clock;
	worker->timeouts = &pipeline->timeouts;
	worker->stop = &pipeline->stop;
	tt_overload_begin(&worker->overload,
		&(struct tt_overload_options){
			.enabled = config->overload.shed && !options->source->waits,
			.react_us = config->overload.react_us,
			.recover_us = config->overload.recover_us,
			.long_flow_packets = config->overload.long_flow_packets,
		},
		&worker->counters.overload);

	pipeline->fragment_bytes = tt_fragment_table_bytes(config->fragments.datagrams) +
		tt_reassembly_bytes(REASSEMBLY_SLOTS, TT_PAYLOAD_DATAGRAM_BYTES);
	worker->fragment_memory = tt_memory_map(pipeline->fragment_bytes, options->huge_pages);
	if (worker->fragment_memory == NULL)
		return false;
	worker->fragments = tt_fragment_table_make(worker->fragment_memory,
		&(struct tt_fragment_options){
			.datagrams = config->fragments.datagrams,
			.timeout_us = config->fragments.timeout_us,
			.seed = secret->word[0],
		});
	uint8_t *reassembly = (uint8_t *)worker->fragment_memory +
		tt_fragment_table_bytes(config->fragments.datagrams);
	tt_fragment_reassemble(worker->fragments,
		tt_reassembly_make(reassembly, REASSEMBLY_SLOTS, TT_PAYLOAD_DATAGRAM_BYTES));
	if (tt_flow_table_create(&worker->flows, &flows) != 0)
		return false;
	worker->flow_clock = tt_flow_table_clock(worker->flows);
	return tt_shard_create(&worker->shard, number, config->memory.record_batches,
		       options->huge_pages) == 0 &&
		tt_duplicates_worker_create(worker, config, secret->word[1], options->huge_pages) &&
		tt_payload_create(worker, config, options->huge_pages) &&
		tt_dns_worker_create(worker, config, secret->word[1], options->huge_pages) &&
		tt_http_worker_create(worker, config, secret->word[1], options->huge_pages) &&
		tt_tls_worker_create(worker, config, options->huge_pages) &&
		tt_rules_worker_create(worker, &pipeline->rules, config, options->huge_pages);
}

static bool make_readers(struct tt_pipeline *pipeline)
{
	pipeline->reader_bytes = rte_rcu_qsbr_get_memsize(pipeline->worker_count);
	pipeline->rules.readers = tt_memory_map(pipeline->reader_bytes, false);
	return pipeline->rules.readers != NULL &&
		rte_rcu_qsbr_init(pipeline->rules.readers, pipeline->worker_count) == 0;
}

void tt_pipeline_set_timeouts(struct tt_pipeline *pipeline, const struct tt_config *config)
{
	struct tt_pipeline_timeouts *timeouts = &pipeline->timeouts;
	const struct tt_flow_timeouts flows = flow_timeouts(config);

	for (unsigned int class = 0; class < TT_FLOW_CLASSES; class ++)
		atomic_store_explicit(
			&timeouts->flow_ms[class], flows.ms[class], memory_order_relaxed);
	atomic_store_explicit(
		&timeouts->fragments_us, config->fragments.timeout_us, memory_order_relaxed);
	atomic_fetch_add_explicit(&timeouts->generation, 1, memory_order_release);
}

/* Until no worker looks at what was published before. One that does not run is no reader; those that
 * do may need this CPU to go on. */
static void wait_for_readers(struct tt_pipeline *pipeline)
{
	uint64_t token = rte_rcu_qsbr_start(pipeline->rules.readers);

	while (rte_rcu_qsbr_check(pipeline->rules.readers, token, false) == 0)
		rte_delay_us_sleep(READERS_WAIT_US);
}

void tt_pipeline_set_rules(struct tt_pipeline *pipeline, struct tt_ruleset *ruleset)
{
	struct tt_ruleset *before =
		atomic_exchange_explicit(&pipeline->rules.ruleset, ruleset, memory_order_acq_rel);

	wait_for_readers(pipeline);
	tt_ruleset_destroy(before);
}

void tt_pipeline_set_signatures(struct tt_pipeline *pipeline, struct tt_signatures *signatures)
{
	struct tt_signatures *before = atomic_exchange_explicit(
		&pipeline->rules.signatures, signatures, memory_order_acq_rel);

	wait_for_readers(pipeline);
	tt_signatures_destroy(before);
}

static void start_clock(struct tt_pipeline_clock *clock)
{
	clock->us_per_cycle_scaled =
		(uint64_t)(((unsigned __int128)1000000 << 32) / rte_get_tsc_hz());
}

void tt_pipeline_sync_clock(struct tt_pipeline *pipeline)
{
	unsigned __int128 scaled =
		(unsigned __int128)rte_rdtsc() * pipeline->clock.us_per_cycle_scaled;

	atomic_store_explicit(&pipeline->clock.offset_us,
		tt_clock_wall_us() - (uint64_t)(scaled >> 32), memory_order_relaxed);
	const struct tt_source *source = &pipeline->workers[0].source;

	if (source->sync_clock != NULL)
		source->sync_clock(source->context);
}

int tt_pipeline_create(struct tt_pipeline **pipeline, const struct tt_pipeline_options *options)
{
	unsigned int count = options->config->workers.count;
	size_t bytes = sizeof(struct tt_pipeline) + count * sizeof(struct tt_worker);
	struct tt_key_secret secret;
	int code = tt_key_secret_make(&secret, options->seed);

	*pipeline = NULL;
	if (code != 0) {
		tt_log_error("no random numbers from the kernel: %s", tt_error_text(code));
		return code;
	}
	struct tt_pipeline *made = tt_memory_map(bytes, false);
	if (made == NULL)
		goto no_memory;
	made->worker_count = count;
	made->memory_bytes = bytes;
	code = make_filter(&made->filter, options->config);
	if (code != 0) {
		tt_log_error("the filters hold a rule that is none: %s", tt_error_text(code));
		tt_pipeline_destroy(made);
		return code;
	}
	if (!make_readers(made))
		goto no_memory;
	start_clock(&made->clock);
	tt_pipeline_sync_clock(made);
	for (unsigned int w = 0; w < count; w++)
		if (!make_worker(made, w, options, &secret))
			goto no_memory;
	if (!make_rings(made, options->config->workers.ring_packets, options->huge_pages))
		goto no_memory;
	*pipeline = made;
	return 0;

no_memory:
	tt_log_error("not enough memory for %u workers: lower flow.connections or "
		     "memory.record_batches, or see the plan of --check",
		count);
	tt_pipeline_destroy(made);
	return TT_ERROR_MEMORY;
}

void tt_pipeline_destroy(struct tt_pipeline *pipeline)
{
	if (pipeline == NULL)
		return;
	for (unsigned int w = 0; w < pipeline->worker_count; w++) {
		struct tt_worker *worker = &pipeline->workers[w];

		tt_flow_table_destroy(worker->flows);
		tt_shard_destroy(worker->shard);
		tt_duplicates_worker_destroy(worker);
		tt_payload_destroy(worker);
		tt_dns_worker_destroy(worker);
		tt_http_worker_destroy(worker);
		tt_tls_worker_destroy(worker);
		tt_rules_worker_destroy(worker);
		tt_memory_unmap(worker->fragment_memory, pipeline->fragment_bytes);
	}
	tt_memory_unmap(pipeline->rings,
		(size_t)pipeline->worker_count * pipeline->worker_count * pipeline->ring_bytes);
	tt_ruleset_destroy(pipeline->rules.ruleset);
	tt_signatures_destroy(pipeline->rules.signatures);
	tt_memory_unmap(pipeline->rules.readers, pipeline->reader_bytes);
	tt_memory_unmap(pipeline, pipeline->memory_bytes);
}

int tt_pipeline_launch(struct tt_pipeline *pipeline)
{
	/* All before the first: one that runs ends by a drain only. */
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		if (!rte_lcore_is_enabled(w + 1) || rte_eal_get_lcore_state(w + 1) != WAIT) {
			tt_log_error("worker %u: its lcore is busy or missing", w);
			return TT_ERROR_BUSY;
		}
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		rte_eal_remote_launch(tt_worker_run, &pipeline->workers[w], w + 1);
	pipeline->launched = true;
	return 0;
}

void tt_pipeline_stop_receiving(struct tt_pipeline *pipeline)
{
	atomic_store_explicit(&pipeline->stop, true, memory_order_relaxed);
}

static bool all_stopped(const struct tt_pipeline *pipeline)
{
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		if (!atomic_load_explicit(&pipeline->workers[w].stopped, memory_order_acquire))
			return false;
	return true;
}

/* Have all workers gone round twice since their rounds were noted last? Then note them again. */
static bool went_round(struct tt_pipeline *pipeline)
{
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		if (tt_counter_read(&pipeline->workers[w].counters.rounds) <
			pipeline->settled_rounds[w] + 2)
			return false;
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		pipeline->settled_rounds[w] =
			tt_counter_read(&pipeline->workers[w].counters.rounds);
	return true;
}

bool tt_pipeline_settled(struct tt_pipeline *pipeline)
{
	if (pipeline->settled_hops > RING_HOPS)
		return true;
	if (!all_stopped(pipeline))
		return false;
	if (tt_pipeline_ring_packets(pipeline) > 0) {
		pipeline->settled_hops = 0;
		return false;
	}
	/* Empty rings are not enough: a worker may hold a burst that it will hand on. After two
	 * rounds it has, and what it handed on shows in the rings, or has moved a hop nearer. */
	if (went_round(pipeline))
		pipeline->settled_hops++;
	return pipeline->settled_hops > RING_HOPS;
}

void tt_pipeline_wait(struct tt_pipeline *pipeline)
{
	if (!pipeline->launched)
		return;
	for (unsigned int w = 0; w < pipeline->worker_count; w++)
		rte_eal_wait_lcore(w + 1);
	pipeline->launched = false;
}

uint16_t tt_pipeline_instance(const struct tt_pipeline *pipeline)
{
	return (uint16_t)(pipeline->workers[0].uid_base >> UID_INSTANCE_SHIFT);
}

unsigned int tt_pipeline_worker_count(const struct tt_pipeline *pipeline)
{
	return pipeline->worker_count;
}

struct tt_shard *tt_pipeline_shard(const struct tt_pipeline *pipeline, unsigned int worker)
{
	return pipeline->workers[worker].shard;
}

const struct tt_worker_counters *tt_pipeline_worker_counters(
	const struct tt_pipeline *pipeline, unsigned int worker)
{
	return &pipeline->workers[worker].counters;
}

const struct tt_flow_table_counters *tt_pipeline_flow_counters(
	const struct tt_pipeline *pipeline, unsigned int worker)
{
	return tt_flow_table_counters(pipeline->workers[worker].flows);
}

const struct tt_dns_transactions_counters *tt_pipeline_dns_counters(
	const struct tt_pipeline *pipeline, unsigned int worker)
{
	const struct tt_dns_transactions *transactions = pipeline->workers[worker].dns.transactions;

	return transactions != NULL ? tt_dns_transactions_counters(transactions) : NULL;
}

const struct tt_fragment_counters *tt_pipeline_fragment_counters(
	const struct tt_pipeline *pipeline, unsigned int worker)
{
	return tt_fragment_counters(pipeline->workers[worker].fragments);
}

unsigned int tt_pipeline_ring_packets(const struct tt_pipeline *pipeline)
{
	unsigned int packets = 0;

	for (unsigned int to = 0; to < pipeline->worker_count; to++)
		for (unsigned int from = 0; from < pipeline->worker_count; from++)
			if (pipeline->workers[to].inbox[from] != NULL)
				packets += rte_ring_count(pipeline->workers[to].inbox[from]);
	return packets;
}

unsigned int tt_pipeline_in_flight_limit(const struct tt_pipeline *pipeline)
{
	unsigned int packets = pipeline->worker_count * TT_BURST;

	for (unsigned int to = 0; to < pipeline->worker_count; to++)
		for (unsigned int from = 0; from < pipeline->worker_count; from++)
			if (pipeline->workers[to].inbox[from] != NULL)
				packets += rte_ring_get_capacity(pipeline->workers[to].inbox[from]);
	return packets;
}
