/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: for Prometheus, by its conventions. */
#include "base/error.h"
#include "control/health.h"
#include "pipeline/ledger_totals.h"
#include "protocol/dns_text.h"
#include "rules/service.h"
#include "serve/answer.h"
#include "serve/health_fields.h"
#include "serve/metrics_sink.h"
#include "serve/summary_fields.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <stdlib.h>

#define UNAVAILABLE    503
#define US	       1e-6
#define MEGABITS       125000.0 /* bytes a second */
#define PERCENT	       0.01
#define CYCLES	       0.0 /* of the TSC: its rate is known at run time */
#define ENTRIES_A_TURN 4096
#define SERVICES       64 /* labels of histograms; what is over it counts under the last one */
#define SCALED(part, at, called, kind, factor, what)                                               \
	{                                                                                          \
		.section = (part), .path = (at), .name = (called), .type = (kind),                 \
		.scale = (factor), .help = (what)                                                  \
	}
#define COUNTER(part, at, called, what) SCALED(part, at, called, TT_METRIC_COUNTER, 1, what)
#define GAUGE(part, at, called, what)	SCALED(part, at, called, TT_METRIC_GAUGE, 1, what)
#define EACH(part, at, by, called, kind, factor, what)                                             \
	{                                                                                          \
		.section = (part), .path = (at), .label = (by), .name = (called), .type = (kind),  \
		.scale = (factor), .help = (what)                                                  \
	}

static const struct tt_metric table[] = {
	SCALED("info", "start_us", "start_time_seconds", TT_METRIC_GAUGE, US,
		"When the appliance started, since the epoch"),
	GAUGE("info", "workers", "workers", "Workers"),
	GAUGE("info", "ports", "ports", "Tap ports"),

	COUNTER("ledger", "received", "received_packets_total",
		"Packets that came to the ports, lost ones included"),
	COUNTER("ledger", "processed", "processed_packets_total", "Packets counted in a flow"),
	EACH("ledger", "dropped.*", "reason", "dropped_packets_total", TT_METRIC_COUNTER, 1,
		"Packets that were not processed, by reason"),
	GAUGE("ledger", "closes", "ledger_closes",
		"1: received is processed plus dropped, what is in flight aside"),

	COUNTER("port", "delivered", "port_delivered_packets_total", "Packets a port delivered"),
	COUNTER("port", "delivered_bytes", "port_delivered_bytes_total", "Bytes a port delivered"),
	COUNTER("port", "missed", "port_missed_packets_total",
		"Packets that found no descriptor; absent where the driver cannot tell"),
	COUNTER("port", "no_mbuf", "port_no_mbuf_packets_total",
		"Packets that found no packet buffer"),
	COUNTER("port", "errors", "port_error_packets_total", "Packets received with an error"),
	COUNTER("port", "duplicates", "port_duplicate_packets_total", "Copies that were left out"),
	GAUGE("port", "link_up", "port_link_up", "1: the link is up"),
	SCALED("port", "link_speed_mbps", "port_link_speed_bytes_per_second", TT_METRIC_GAUGE,
		MEGABITS, "Speed of the link"),
	GAUGE("port", "queues", "port_queues", "Receive queues"),

	COUNTER("worker", "received", "worker_received_packets_total", "Packets from the ports"),
	COUNTER("worker", "received_bytes", "worker_received_bytes_total", "Bytes from the ports"),
	COUNTER("worker", "processed", "worker_processed_packets_total",
		"Packets counted in a flow"),
	COUNTER("worker", "dropped", "worker_dropped_packets_total",
		"Packets that were not processed"),
	COUNTER("worker", "handed_over", "worker_handed_over_packets_total",
		"Packets given to the worker that owns their flow"),
	COUNTER("worker", "taken_over", "worker_taken_over_packets_total",
		"Packets received from other workers"),
	EACH("worker", "layers.*", "kind", "worker_tunnel_layers_total", TT_METRIC_COUNTER, 1,
		"Packets that an encapsulation was taken off, by kind"),
	COUNTER("worker", "layers_left", "worker_deeper_tunnel_packets_total",
		"Packets with more encapsulations than are taken off"),
	COUNTER("worker", "layers_unknown", "worker_unknown_tunnel_packets_total",
		"Packets of an encapsulation around no IP packet"),
	COUNTER("worker", "dns_malformed", "worker_dns_malformed_messages_total",
		"Messages on DNS ports that are none"),
	COUNTER("worker", "dns_queries", "worker_dns_queries_total", "DNS queries"),
	COUNTER("worker", "dns_responses", "worker_dns_responses_total", "DNS responses"),
	COUNTER("worker", "dns_retransmits", "worker_dns_retransmits_total",
		"DNS queries that were sent again"),
	COUNTER("worker", "dns_unsolicited", "worker_dns_unsolicited_responses_total",
		"DNS responses whose query was not seen"),
	COUNTER("worker", "dns_late_responses", "worker_dns_late_responses_total",
		"DNS responses after their query's timeout"),
	COUNTER("worker", "dns_duplicate_responses", "worker_dns_duplicate_responses_total",
		"DNS responses to queries that were answered"),
	EACH("worker", "shed.*.share_percent", "step", "worker_shed_ratio", TT_METRIC_GAUGE,
		PERCENT, "How much of a step an overloaded worker sheds now"),
	EACH("worker", "shed.*.entered", "step", "worker_shed_begun_total", TT_METRIC_COUNTER, 1,
		"Times that a worker began to shed a step"),
	EACH("worker", "shed.*.time_us", "step", "worker_shed_seconds_total", TT_METRIC_COUNTER, US,
		"Time that a worker shed a step"),
	EACH("worker", "shed.*.flows", "step", "worker_shed_flows_total", TT_METRIC_COUNTER, 1,
		"Flows whose payload was shed; of new_flows: packets that would have begun one"),
	GAUGE("worker", "connections", "worker_connections", "Connections known now"),
	GAUGE("worker", "half_open", "worker_half_open_connections",
		"Connections whose handshake is not complete"),
	COUNTER("worker", "created", "worker_created_connections_total", "Connections begun"),
	COUNTER("worker", "records", "worker_records_total", "Records given to the control core"),
	COUNTER("worker", "rounds", "worker_rounds_total", "Rounds of the worker's loop"),
	SCALED("worker", "busy_cycles", "worker_busy_seconds_total", TT_METRIC_COUNTER, CYCLES,
		"Time in rounds that found something to do"),
	SCALED("worker", "total_cycles", "worker_seconds_total", TT_METRIC_COUNTER, CYCLES,
		"Time in all rounds"),
	EACH("stages", "stages.*.packets", "stage", "stage_packets_total", TT_METRIC_COUNTER, 1,
		"Packets that came into a stage of a worker"),
	EACH("stages", "stages.*.cycles", "stage", "stage_seconds_total", TT_METRIC_COUNTER, CYCLES,
		"Time in a stage of a worker"),

	EACH("limits", "*.limit", "limit", "limit", TT_METRIC_GAUGE, 1, "What is limited, and to"),
	EACH("limits", "*.now", "limit", "limit_used", TT_METRIC_GAUGE, 1,
		"How much of a limit is in use; of a worker's, by the one that uses most"),
	EACH("limits", "*.high", "limit", "limit_used_high_water", TT_METRIC_GAUGE, 1,
		"The most of a limit that was in use"),
	EACH("limits", "*.refused", "limit", "limit_refused_total", TT_METRIC_COUNTER, 1,
		"What found no room"),
	EACH("limits", "*.evicted", "limit", "limit_evicted_total", TT_METRIC_COUNTER, 1,
		"What was given up for others"),
	EACH("limits", "*.evicted_half_open", "limit", "limit_evicted_half_open_total",
		TT_METRIC_COUNTER, 1, "Half-open connections that were given up for others"),
	EACH("limits", "*.evicted_idle", "limit", "limit_evicted_idle_total", TT_METRIC_COUNTER, 1,
		"Idle connections that were given up for others"),
	EACH("limits", "*.lost", "limit", "limit_lost_total", TT_METRIC_COUNTER, 1,
		"Records that found no room, or fell out of the journal"),

	GAUGE("health", "healthy", "healthy", "1: all is well; /health says what is not"),
	SCALED("health", "control_lag_us", "control_lag_seconds", TT_METRIC_GAUGE, US,
		"Since the control core's loop came round"),
	SCALED("health", "table_fill_percent", "flow_table_fill_ratio", TT_METRIC_GAUGE, PERCENT,
		"Of the worker whose flow table is fullest"),
	GAUGE("client", "behind", "client_behind_records",
		"Closed connections that a client has not pulled"),
	COUNTER("client", "pulls", "client_pulls_total", "Pulls of connections"),
	COUNTER("client", "lost", "client_lost_records_total",
		"Closed connections that were gone when a client asked"),
	COUNTER("client", "untracked", "client_untracked_total",
		"Connections that found no room to be compared with a client's last pull"),
};

#define METRICS (sizeof(table) / sizeof(table[0]))

/* Upper bounds of histograms. */
static const struct {
	uint64_t us;
	const char *seconds;
} buckets[] = {{100, "0.0001"}, {250, "0.00025"}, {500, "0.0005"}, {1000, "0.001"},
	{2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"},
	{100000, "0.1"}, {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"}, {2500000, "2.5"},
	{5000000, "5"}, {10000000, "10"}};

#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))
#define CLASSES 6 /* of HTTP statuses: none, 1xx to 5xx */

struct histogram {
	uint64_t counts[TT_SKETCH_DENSE_MAX]; /* by bin of the sketches */
};

/* What is summed over the statistics. */
struct sums {
	unsigned int taken; /* entries, since the control core had its turn */
	struct histogram dns;
	uint64_t dns_rcodes[TT_DNS_STATS_RCODES + 1]; /* the last: all others */
	uint64_t dns_timeouts;
	unsigned int services;
	struct {
		uint32_t number;
		struct histogram latency;
		uint64_t requests[CLASSES];
	} service[SERVICES];
};

static bool may_take_more(struct sums *sums)
{
	return ++sums->taken % ENTRIES_A_TURN != 0;
}

static bool sum_dns(void *context, enum tt_statistics_kind kind, const void *body)
{
	const struct tt_dns_stats_entry *entry = body;
	struct sums *sums = context;

	(void)kind;
	tt_sketch_count_bins(&entry->latency, sums->dns.counts);
	for (unsigned int i = 0; i < TT_DNS_STATS_RCODES; i++)
		sums->dns_rcodes[i] += entry->counts.rcodes[i];
	sums->dns_rcodes[TT_DNS_STATS_RCODES] += entry->counts.other_rcodes;
	sums->dns_timeouts += entry->counts.timeouts;
	return may_take_more(sums);
}

/* The first is that of no service, the last that of those without a place of their own. */
static unsigned int service_place(struct sums *sums, uint32_t number)
{
	unsigned int i = 0;

	while (i < sums->services && sums->service[i].number != number)
		i++;
	if (i == sums->services && sums->services < SERVICES)
		sums->service[sums->services++].number = number;
	return i < SERVICES ? i : SERVICES - 1;
}

static bool sum_http(void *context, enum tt_statistics_kind kind, const void *body)
{
	const struct tt_http_stats_entry *entry = body;
	struct sums *sums = context;
	unsigned int place = service_place(sums, entry->service);
	unsigned int class = entry->status / 100;

	(void)kind;
	tt_sketch_count_bins(&entry->latency, sums->service[place].latency.counts);
	sums->service[place].requests[class < CLASSES ? class : 0] += entry->counts.count;
	return may_take_more(sums);
}

static void begin_family(struct tt_json *text, const char *name, const char *type, const char *help)
{
	tt_json_raw(text, "# HELP taptrace_%s %s\n# TYPE taptrace_%s %s\n", name, help, name, type);
}

static void count_bin(
	const struct histogram *histogram, unsigned int bin, uint64_t *count, double *sum_us)
{
	if (histogram->counts[bin] == 0)
		return;
	*count += histogram->counts[bin];
	*sum_us += (double)histogram->counts[bin] * (double)tt_sketch_bin_value(bin);
}

/* `labels` "" or ending with a comma. */
static void write_histogram(struct tt_json *text, const char *name, const char *labels,
	const struct histogram *histogram)
{
	size_t length = strlen(labels);
	unsigned int bin = 0;
	uint64_t count = 0;
	double sum_us = 0;
	char own[TT_METRICS_LABEL_SIZE] = "";

	if (length > 0)
		snprintf(own, sizeof(own), "{%.*s}", (int)length - 1, labels);
	for (unsigned int i = 0; i < BUCKETS; i++) {
		unsigned int last = tt_sketch_bin(buckets[i].us);

		for (; bin <= last; bin++)
			count_bin(histogram, bin, &count, &sum_us);
		tt_json_raw(text, "taptrace_%s_bucket{%sle=\"%s\"} %" PRIu64 "\n", name, labels,
			buckets[i].seconds, count);
	}
	for (; bin < TT_SKETCH_DENSE_MAX; bin++)
		count_bin(histogram, bin, &count, &sum_us);
	tt_json_raw(text, "taptrace_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, count);
	tt_json_raw(text, "taptrace_%s_sum%s %.9g\n", name, own, sum_us * US);
	tt_json_raw(text, "taptrace_%s_count%s %" PRIu64 "\n", name, own, count);
}

static void write_dns(struct tt_json *text, const struct sums *sums)
{
	char name[16];

	begin_family(text, "dns_transactions_total", "counter", "DNS transactions, by rcode");
	for (unsigned int i = 0; i < TT_DNS_STATS_RCODES; i++)
		if (sums->dns_rcodes[i] > 0)
			tt_json_raw(text,
				"taptrace_dns_transactions_total{rcode=\"%s\"} %" PRIu64 "\n",
				tt_dns_rcode_text(name, (uint16_t)i), sums->dns_rcodes[i]);
	tt_json_raw(text, "taptrace_dns_transactions_total{rcode=\"other\"} %" PRIu64 "\n",
		sums->dns_rcodes[TT_DNS_STATS_RCODES]);
	begin_family(text, "dns_timeouts_total", "counter", "DNS queries without an answer");
	tt_json_raw(text, "taptrace_dns_timeouts_total %" PRIu64 "\n", sums->dns_timeouts);
	begin_family(text, "dns_latency_seconds", "histogram",
		"From a DNS query to its answer, within 1 %");
	write_histogram(text, "dns_latency_seconds", "", &sums->dns);
}

static void service_label(const struct sums *sums, unsigned int i, char *label, size_t size)
{
	const char *name = i == SERVICES - 1 ? "other" : tt_service_name(sums->service[i].number);

	tt_metrics_label(label, size, "service", name == NULL ? "" : name);
}

static void write_http(struct tt_json *text, const struct sums *sums)
{
	static const char *const classes[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	char label[TT_METRICS_LABEL_SIZE / 2], labels[TT_METRICS_LABEL_SIZE];

	begin_family(text, "http_requests_total", "counter",
		"HTTP requests, by service and class of status");
	for (unsigned int i = 0; i < sums->services; i++) {
		service_label(sums, i, label, sizeof(label));
		for (unsigned int class = 0; class < CLASSES; class ++)
			tt_json_raw(text,
				"taptrace_http_requests_total{%s,status=\"%s\"} %" PRIu64 "\n",
				label, classes[class], sums->service[i].requests[class]);
	}
	begin_family(text, "http_latency_seconds", "histogram",
		"From an HTTP request to its answer, within 1 %");
	for (unsigned int i = 0; i < sums->services; i++) {
		service_label(sums, i, label, sizeof(label));
		snprintf(labels, sizeof(labels), "%s,", label);
		write_histogram(text, "http_latency_seconds", labels, &sums->service[i].latency);
	}
}

static int write_statistics(struct tt_answer *answer)
{
	struct tt_control *control = answer->from->control;
	struct sums *sums = calloc(1, sizeof(*sums));
	uint32_t dns = 0, http = 0;

	if (sums == NULL)
		return TT_ERROR_MEMORY;
	tt_control_gather(control);
	sums->services = 1;
	while (tt_control_totals_describe(control, TT_STATISTICS_DNS, &dns, sum_dns, sums) == TT_OK)
		;
	while (tt_control_totals_describe(control, TT_STATISTICS_HTTP, &http, sum_http, sums) ==
		TT_OK)
		;
	write_dns(&answer->text, sums);
	write_http(&answer->text, sums);
	free(sums);
	return TT_OK;
}

static void collect(struct tt_metrics_sink *metrics, const struct tt_status *status)
{
	struct tt_pipeline *pipeline = tt_control_pipeline(status->control);
	struct tt_sink *sink = &metrics->sink;
	struct tt_ledger_totals totals;
	struct tt_client_state client;
	struct tt_port_info info;
	struct tt_health health;
	char labels[TT_METRICS_LABEL_SIZE], port_name[TT_METRICS_LABEL_SIZE / 2];
	uint32_t place = 0;

	tt_metrics_sink_section(metrics, "info", NULL);
	tt_info_describe(sink, NULL, status);
	tt_ledger_totals(&totals, pipeline, status->driver);
	tt_metrics_sink_section(metrics, "ledger", NULL);
	tt_ledger_describe(sink, NULL, &totals);
	for (unsigned int i = 0; i < tt_driver_port_count(status->driver); i++) {
		tt_port_info(status->driver, i, &info);
		tt_metrics_label(port_name, sizeof(port_name), "name", info.name);
		snprintf(labels, sizeof(labels), "port=\"%u\",%s", i, port_name);
		tt_metrics_sink_section(metrics, "port", labels);
		tt_port_describe(sink, NULL, status, i);
	}
	for (unsigned int i = 0; i < tt_pipeline_worker_count(pipeline); i++) {
		snprintf(labels, sizeof(labels), "worker=\"%u\"", i);
		tt_metrics_sink_section(metrics, "worker", labels);
		tt_worker_describe(sink, NULL, status, i);
		tt_metrics_sink_section(metrics, "stages", labels);
		tt_stages_describe(sink, NULL, status, i);
	}
	tt_metrics_sink_section(metrics, "limits", NULL);
	tt_limits_describe(sink, NULL, status);
	tt_control_health(status->control, &health);
	tt_metrics_sink_section(metrics, "health", NULL);
	tt_health_describe(sink, NULL, &health);
	while (tt_control_client(status->control, &place, &client)) {
		tt_metrics_label(labels, sizeof(labels), "client", client.name);
		tt_metrics_sink_section(metrics, "client", labels);
		tt_client_describe(sink, NULL, &client);
	}
}

void tt_endpoint_metrics(struct tt_answer *answer, const struct tt_request *request)
{
	struct tt_metrics_sink metrics;
	struct tt_metric scaled[METRICS];

	(void)request;
	for (unsigned int i = 0; i < METRICS; i++) {
		scaled[i] = table[i];
		if (scaled[i].scale <= CYCLES)
			scaled[i].scale = 1 / (double)rte_get_tsc_hz();
	}
	tt_metrics_sink_init(&metrics, scaled, METRICS);
	collect(&metrics, answer->from);
	answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	begin_family(&answer->text, "build_info", "gauge", "Version of the appliance");
	tt_json_raw(&answer->text, "taptrace_build_info{version=\"" TT_VERSION "\"} 1\n");
	tt_metrics_sink_write(&metrics, &answer->text);
	if (metrics.failed || write_statistics(answer) != TT_OK)
		tt_answer_error(answer, UNAVAILABLE, "no memory");
	tt_metrics_sink_free(&metrics);
}
