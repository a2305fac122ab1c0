/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/status_fields.h"

#include "base/clock.h"
#include "base/error.h"
#include "pipeline/source.h"
#include "serve/summary_fields.h"

#include <rte_cycles.h>
#include <rte_version.h>
#include <unistd.h>

void tt_status_begin(struct tt_status *status, struct tt_control *control, struct tt_driver *driver,
	const char *config_path)
{
	*status = (struct tt_status){
		.control = control,
		.driver = driver,
		.config_path = config_path,
		.start_us = tt_clock_wall_us(),
		.start_monotonic_us = tt_clock_monotonic_us(),
	};
}

static void put_counter(struct tt_sink *sink, const char *name, const tt_counter *counter)
{
	tt_sink_unsigned(sink, name, tt_counter_read(counter));
}

void tt_info_describe(struct tt_sink *sink, const char *name, const struct tt_status *status)
{
	const struct tt_pipeline *pipeline = tt_control_pipeline(status->control);

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "version", TT_VERSION);
	tt_sink_string(sink, "dpdk_version", rte_version());
	tt_sink_unsigned(sink, "pid", (uint64_t)getpid());
	tt_sink_unsigned(sink, "instance", tt_pipeline_instance(pipeline));
	tt_sink_unsigned(sink, "start_us", status->start_us);
	tt_sink_unsigned(sink, "uptime_us", tt_clock_monotonic_us() - status->start_monotonic_us);
	tt_sink_string(sink, "time_source", tt_driver_time_source(status->driver));
	tt_sink_unsigned(sink, "workers", tt_pipeline_worker_count(pipeline));
	tt_sink_unsigned(sink, "ports", tt_driver_port_count(status->driver));
	tt_sink_string(sink, "config_file", status->config_path);
	tt_sink_end_object(sink);
}

/* Absent when they are not looked for. */
static void describe_duplicates(struct tt_sink *sink, const struct tt_status *status, uint32_t port)
{
	const struct tt_pipeline *pipeline = tt_control_pipeline(status->control);
	uint64_t duplicates = 0, removing = 0;

	if (tt_control_config(status->control)->duplicates.remove == TT_DUPLICATES_OFF)
		return;
	for (unsigned int w = 0; w < tt_pipeline_worker_count(pipeline); w++) {
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(pipeline, w);

		duplicates += tt_counter_read(&counters->duplicates[port]);
		removing += tt_counter_read(&counters->removing_duplicates);
	}
	tt_sink_string(sink, "duplicate_removal", removing > 0 ? "on" : "watching");
	tt_sink_unsigned(sink, "duplicates", duplicates);
}

void tt_port_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t port)
{
	struct tt_port_info info;
	struct tt_port_statistics statistics;

	tt_port_info(status->driver, port, &info);
	tt_port_statistics(status->driver, port, &statistics);
	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "port", port);
	tt_sink_string(sink, "name", info.name);
	tt_sink_string(sink, "driver", info.driver);
	tt_sink_string(sink, "time_source", tt_time_source_name(info.time_source));
	tt_sink_unsigned(sink, "queues", info.queues);
	tt_sink_bool(sink, "link_up", info.link_up);
	if (info.link_speed_mbps > 0)
		tt_sink_unsigned(sink, "link_speed_mbps", info.link_speed_mbps);
	tt_sink_bool(sink, "symmetric", info.symmetric);
	tt_sink_unsigned(sink, "delivered", statistics.delivered);
	tt_sink_unsigned(sink, "delivered_bytes", statistics.delivered_bytes);
	if (statistics.missed_known)
		tt_sink_unsigned(sink, "missed", statistics.missed);
	tt_sink_unsigned(sink, "no_mbuf", statistics.no_mbuf);
	tt_sink_unsigned(sink, "errors", statistics.errors);
	describe_duplicates(sink, status, port);
	tt_sink_end_object(sink);
}

/* Messages, and what became of them besides an answer in time. */
static void describe_dns(struct tt_sink *sink, const struct tt_dns_transactions_counters *counters)
{
	if (counters == NULL)
		return;
	put_counter(sink, "dns_queries", &counters->queries);
	put_counter(sink, "dns_responses", &counters->responses);
	put_counter(sink, "dns_retransmits", &counters->retransmits);
	put_counter(sink, "dns_timeouts", &counters->timeouts);
	put_counter(sink, "dns_unsolicited", &counters->unsolicited);
	put_counter(sink, "dns_late_responses", &counters->late_responses);
	put_counter(sink, "dns_duplicate_responses", &counters->duplicate_responses);
}

/* By kind, of those that there were. */
static void describe_layers(struct tt_sink *sink, const struct tt_worker_counters *counters)
{
	tt_sink_begin_object(sink, "layers");
	for (unsigned int kind = TT_LAYER_NONE + 1; kind < TT_LAYER_KINDS; kind++)
		if (tt_counter_read(&counters->layers[kind]) > 0)
			put_counter(sink, tt_layer_name(kind), &counters->layers[kind]);
	tt_sink_end_object(sink);
}

void tt_worker_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t worker)
{
	const struct tt_pipeline *pipeline = tt_control_pipeline(status->control);
	const struct tt_worker_counters *counters = tt_pipeline_worker_counters(pipeline, worker);
	const struct tt_flow_table_counters *flows = tt_pipeline_flow_counters(pipeline, worker);
	const struct tt_shard_counters *shard =
		tt_shard_counters(tt_pipeline_shard(pipeline, worker));
	struct tt_shed_totals shed[TT_OVERLOAD_STEPS] = {{0}};
	uint64_t dropped = 0;

	for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
		dropped += tt_counter_read(&counters->ledger.dropped[reason]);
	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "worker", worker);
	tt_sink_unsigned(sink, "lcore", worker + 1);
	put_counter(sink, "received", &counters->ledger.received);
	put_counter(sink, "received_bytes", &counters->ledger.received_bytes);
	put_counter(sink, "processed", &counters->ledger.processed);
	tt_sink_unsigned(sink, "dropped", dropped);
	put_counter(sink, "handed_over", &counters->handed_over);
	put_counter(sink, "taken_over", &counters->taken_over);
	put_counter(sink, "tunnel_fragments", &counters->tunnel_fragments);
	put_counter(sink, "fragments_excluded", &counters->fragments_excluded);
	put_counter(sink, "layers_left", &counters->layers_left);
	put_counter(sink, "layers_unknown", &counters->layers_unknown);
	describe_layers(sink, counters);
	put_counter(sink, "messages_lost", &counters->messages_lost);
	put_counter(sink, "datagrams_lost", &counters->datagrams_lost);
	put_counter(sink, "dns_malformed", &counters->dns_malformed);
	describe_dns(sink, tt_pipeline_dns_counters(pipeline, worker));
	put_counter(sink, "excluded_connections", &counters->excluded_connections);
	put_counter(sink, "excluded_records", &counters->excluded_records);
	tt_shed_add(shed, &counters->overload);
	tt_shed_describe(sink, shed);
	put_counter(sink, "connections", &flows->live);
	put_counter(sink, "half_open", &flows->half_open);
	put_counter(sink, "created", &flows->created);
	put_counter(sink, "records", &shard->records);
	put_counter(sink, "rounds", &counters->rounds);
	put_counter(sink, "busy_cycles", &counters->busy_cycles);
	put_counter(sink, "total_cycles", &counters->total_cycles);
	if (tt_counter_read(&counters->last_us) > 0)
		put_counter(sink, "last_packet_us", &counters->last_us);
	tt_sink_end_object(sink);
}

void tt_stages_describe(
	struct tt_sink *sink, const char *name, const struct tt_status *status, uint32_t worker)
{
	const struct tt_worker_counters *counters =
		tt_pipeline_worker_counters(tt_control_pipeline(status->control), worker);

	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "worker", worker);
	tt_sink_unsigned(sink, "cycles_per_second", rte_get_tsc_hz());
	put_counter(sink, "busy_cycles", &counters->busy_cycles);
	put_counter(sink, "total_cycles", &counters->total_cycles);
	tt_sink_begin_object(sink, "stages");
	for (unsigned int stage = 0; stage < TT_STAGES; stage++) {
		tt_sink_begin_object(sink, tt_stage_name(stage));
		put_counter(sink, "calls", &counters->stages[stage].calls);
		put_counter(sink, "packets", &counters->stages[stage].packets);
		put_counter(sink, "cycles", &counters->stages[stage].cycles);
		tt_sink_end_object(sink);
	}
	tt_sink_end_object(sink);
	tt_sink_end_object(sink);
}

/* Of all workers: `now` and `high` of the one that has most, and sums of what is refused. */
struct fill {
	uint64_t now;
	uint64_t high;
};

static void raise_fill(struct fill *fill, const tt_counter *now, const tt_counter *high)
{
	uint64_t now_value = tt_counter_read(now), high_value = tt_counter_read(high);

	if (now_value > fill->now)
		fill->now = now_value;
	if (high_value > fill->high)
		fill->high = high_value;
}

struct worker_limits {
	struct fill connections, half_open, datagrams;
	uint64_t evicted_half_open, evicted_idle, lost_unreported;
	uint64_t datagrams_evicted, reassembly_refused;
	uint64_t records_busy, ring_full;
	uint64_t dns_lost, http_lost, tls_lost; /* records that found no room */
};

static void sum_worker(
	struct worker_limits *limits, const struct tt_pipeline *pipeline, unsigned int worker)
{
	const struct tt_flow_table_counters *flows = tt_pipeline_flow_counters(pipeline, worker);
	const struct tt_fragment_counters *fragments =
		tt_pipeline_fragment_counters(pipeline, worker);
	const struct tt_worker_counters *counters = tt_pipeline_worker_counters(pipeline, worker);

	raise_fill(&limits->connections, &flows->live, &flows->live_high);
	raise_fill(&limits->half_open, &flows->half_open, &flows->half_open_high);
	raise_fill(&limits->datagrams, &fragments->datagrams, &fragments->datagrams_high);
	limits->evicted_half_open += tt_counter_read(&flows->evicted_half_open);
	limits->evicted_idle += tt_counter_read(&flows->evicted_idle);
	limits->lost_unreported += tt_counter_read(&flows->lost_unreported);
	limits->datagrams_evicted += tt_counter_read(&fragments->evicted);
	limits->reassembly_refused += tt_counter_read(&fragments->reassembly_stolen);
	limits->records_busy +=
		tt_counter_read(&tt_shard_counters(tt_pipeline_shard(pipeline, worker))->busy);
	limits->dns_lost += tt_counter_read(&counters->dns_records_lost);
	limits->http_lost += tt_counter_read(&counters->http_records_lost);
	limits->tls_lost += tt_counter_read(&counters->tls_records_lost);
	limits->ring_full += tt_counter_read(&counters->ledger.dropped[TT_DROP_RING_FULL]);
}

static void begin_limit(
	struct tt_sink *sink, const char *name, uint64_t limit, const struct fill *fill)
{
	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "limit", limit);
	tt_sink_unsigned(sink, "now", fill->now);
	tt_sink_unsigned(sink, "high", fill->high);
}

/* What the workers follow: each limit of all of them. */
static void describe_followed(struct tt_sink *sink, const struct tt_pipeline *pipeline)
{
	struct tt_pipeline_limit limits[TT_PIPELINE_LIMITS];
	unsigned int count = tt_pipeline_limits(pipeline, 0, limits);

	for (unsigned int i = 0; i < count; i++) {
		struct fill fill = {0};
		uint64_t refused = 0;

		for (unsigned int w = 0; w < tt_pipeline_worker_count(pipeline); w++) {
			tt_pipeline_limits(pipeline, w, limits);
			raise_fill(&fill, limits[i].now, limits[i].high);
			refused += tt_counter_read(limits[i].refused);
		}
		begin_limit(sink, limits[i].name, limits[i].limit, &fill);
		tt_sink_unsigned(sink, "refused", refused);
		tt_sink_end_object(sink);
	}
}

/* The counters alone, which any thread may read. */
static void describe_names(struct tt_sink *sink, const struct tt_names *names, uint64_t limit)
{
	if (names == NULL)
		return;
	const struct tt_names_counters *counters = tt_names_counters(names);
	tt_sink_begin_object(sink, "names");
	tt_sink_unsigned(sink, "limit", limit);
	put_counter(sink, "now", &counters->addresses);
	put_counter(sink, "high", &counters->addresses_high);
	put_counter(sink, "evicted", &counters->evicted);
	put_counter(sink, "refused", &counters->refused);
	put_counter(sink, "names_replaced", &counters->replaced);
	tt_sink_end_object(sink);
}

void tt_limits_describe(struct tt_sink *sink, const char *name, const struct tt_status *status)
{
	const struct tt_config *config = tt_control_config(status->control);
	const struct tt_pipeline *pipeline = tt_control_pipeline(status->control);
	const struct tt_control_counters *control = tt_control_counters(status->control);
	struct worker_limits limits = {0};

	for (unsigned int w = 0; w < tt_pipeline_worker_count(pipeline); w++)
		sum_worker(&limits, pipeline, w);

	tt_sink_begin_object(sink, name);
	begin_limit(sink, "connections", config->flow.connections, &limits.connections);
	tt_sink_unsigned(sink, "evicted_half_open", limits.evicted_half_open);
	tt_sink_unsigned(sink, "evicted_idle", limits.evicted_idle);
	tt_sink_unsigned(sink, "lost", limits.lost_unreported);
	tt_sink_end_object(sink);

	/* What goes over it is in evicted_half_open. */
	begin_limit(sink, "half_open", config->flow.half_open, &limits.half_open);
	tt_sink_end_object(sink);

	begin_limit(sink, "fragments", config->fragments.datagrams, &limits.datagrams);
	tt_sink_unsigned(sink, "evicted", limits.datagrams_evicted);
	tt_sink_unsigned(sink, "reassembly_refused", limits.reassembly_refused);
	tt_sink_end_object(sink);

	describe_followed(sink, pipeline);
	describe_names(sink, tt_control_names(status->control), config->names.addresses);

	tt_sink_begin_object(sink, "record_batches");
	tt_sink_unsigned(sink, "limit", config->memory.record_batches);
	tt_sink_unsigned(sink, "refused", limits.records_busy);
	tt_sink_unsigned(sink, "dns_lost", limits.dns_lost);
	tt_sink_unsigned(sink, "http_lost", limits.http_lost);
	tt_sink_unsigned(sink, "tls_lost", limits.tls_lost);
	tt_sink_end_object(sink);

	/* The rings between workers, together with the bursts in hand. */
	tt_sink_begin_object(sink, "in_flight");
	tt_sink_unsigned(sink, "limit", tt_pipeline_in_flight_limit(pipeline));
	tt_sink_unsigned(sink, "now", tt_pipeline_ring_packets(pipeline));
	tt_sink_unsigned(sink, "refused", limits.ring_full);
	tt_sink_end_object(sink);

	tt_sink_begin_object(sink, "journal");
	tt_sink_unsigned(sink, "limit", config->journal.connections);
	put_counter(sink, "now", &control->journal);
	put_counter(sink, "lost", &control->journal_lost);
	tt_sink_end_object(sink);
	tt_sink_end_object(sink);
}

void tt_reload_describe(
	struct tt_sink *sink, const char *name, const struct tt_reload_report *report)
{
	const char *line = report->faults;

	tt_sink_begin_object(sink, name);
	tt_sink_bool(sink, "reloaded", report->code == TT_OK);
	if (report->code == TT_OK) {
		tt_sink_unsigned(sink, "rules", report->rules);
		tt_sink_unsigned(sink, "signatures", report->signatures);
	}
	if (report->restart_count > 0) {
		tt_sink_begin_array(sink, "restart");
		for (uint32_t i = 0; i < report->restart_count; i++)
			tt_sink_string(sink, NULL, report->restart[i]);
		tt_sink_end_array(sink);
	}
	if (report->code != TT_OK) {
		tt_sink_begin_array(sink, "faults");
		while (*line != '\0') {
			size_t length = strcspn(line, "\n");

			tt_sink_text(sink, NULL, line, length);
			line += length + (line[length] != '\0');
		}
		tt_sink_end_array(sink);
	}
	tt_sink_end_object(sink);
}
