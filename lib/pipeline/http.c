/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/http.h"

#include "pipeline/worker.h"
#include "protocol/protocol.h"
#include "protocol/route.h"

/* Of dense sketches: latencies of few keys spread over more bins than a sparse one has. */
#define KEYS_A_SKETCH 8

/* Heads split over segments are few, and short-lived. */
#define TRANSACTIONS_A_SLAB 64

/* HTTP/2 in clear has a part of what HTTP/1 has, and two dynamic tables for each connection. */
#define TRANSACTIONS_A_STREAM 4
#define TRANSACTIONS_A_TABLE  8

static void report(
	void *context, const struct tt_http_transaction *transaction, unsigned int client);

struct tt_http_stats_options tt_http_stats_configured(
	const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	return (struct tt_http_stats_options){
		.capacity = config->http.keys,
		.sketches = config->http.keys / KEYS_A_SKETCH,
		.huge_pages = huge_pages,
		.secret = secret,
	};
}

static uint32_t slabs(const struct tt_config *config)
{
	return config->http.transactions / TRANSACTIONS_A_SLAB + 1;
}

static struct tt_http2_pool_options http2_options(
	const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	return (struct tt_http2_pool_options){
		.slabs = slabs(config),
		.tables = config->http.transactions / TRANSACTIONS_A_TABLE,
		.exchanges = config->http.transactions / TRANSACTIONS_A_STREAM,
		.huge_pages = huge_pages,
		.secret = secret,
		.report = report,
	};
}

uint64_t tt_http_worker_bytes(const struct tt_config *config)
{
	const struct tt_http_stats_options stats = tt_http_stats_configured(config, 0, false);
	const struct tt_http2_pool_options http2 = http2_options(config, 0, false);

	if (!config->http.enabled)
		return 0;
	return tt_http_stats_bytes(&stats) +
		tt_http1_pool_bytes(slabs(config), config->http.transactions) +
		tt_http2_pool_bytes(&http2);
}

/* The texts of the record, in the order of struct tt_http_record. */
static void append(char **end, const char *text, size_t length)
{
	memcpy(*end, text, length);
	*end += length;
}

/* Of the path, or as the rule says; in `room`, or the rule's. */
static const char *route_of(const struct tt_rule_action *action,
	const struct tt_http_transaction *transaction, char room[TT_ROUTE_BYTES],
	unsigned int *route_bytes)
{
	if (action != NULL && action->route != NULL && transaction->path_bytes > 0) {
		*route_bytes = action->route_bytes;
		return action->route;
	}
	*route_bytes = tt_route_make(room, transaction->path, transaction->path_bytes,
		(transaction->flags & TT_HTTP_PATH_TRUNCATED) != 0);
	return room;
}

static void report(
	void *context, const struct tt_http_transaction *transaction, unsigned int client)
{
	const struct tt_payload_reading *reading = context;
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;

	if ((transaction->flags & TT_HTTP_GRPC) != 0)
		flow->application = TT_PROTOCOL_GRPC;
	const struct tt_rule_action *action = tt_rules_of_http(worker, flow, transaction, client);
	uint16_t service = action == NULL ? 0 : action->service;
	char room[TT_ROUTE_BYTES];
	unsigned int route_bytes;

	if (action != NULL && action->exclude) {
		tt_counter_add(&worker->counters.excluded_records, 1);
		return;
	}
	const char *route = route_of(action, transaction, room, &route_bytes);
	tt_http_stats_add(
		worker->http.stats, transaction, &flow->key, client, service, route, route_bytes);

	struct tt_http_record *record = tt_worker_reserve(worker, TT_RECORD_HTTP,
		sizeof(struct tt_http_record) + transaction->path_bytes +
			transaction->method_bytes + transaction->host_bytes + route_bytes +
			transaction->user_agent_bytes + transaction->content_type_bytes);
	if (record == NULL) {
		tt_counter_add(&worker->counters.http_records_lost, 1);
		return;
	}
	record->uid = flow->uid;
	record->start_us = transaction->start_us;
	record->latency_us = transaction->latency_us;
	record->duration_us = transaction->duration_us;
	record->request_bytes = transaction->request_bytes;
	record->response_bytes = transaction->response_bytes;
	tt_record_endpoints_make(&record->endpoints, &flow->key, client);
	record->status = transaction->status;
	record->flags = transaction->flags;
	record->path_bytes = transaction->path_bytes;
	record->service = service;
	record->method_bytes = transaction->method_bytes;
	record->host_bytes = transaction->host_bytes;
	record->route_bytes = (uint8_t)route_bytes;
	record->user_agent_bytes = transaction->user_agent_bytes;
	record->content_type_bytes = transaction->content_type_bytes;
	record->version = transaction->version;
	record->stream_id = transaction->stream_id;
	record->grpc_status = transaction->grpc_status;

	char *end = record->text;
	append(&end, transaction->path, transaction->path_bytes);
	append(&end, transaction->method, transaction->method_bytes);
	append(&end, transaction->host, transaction->host_bytes);
	append(&end, route, route_bytes);
	append(&end, transaction->user_agent, transaction->user_agent_bytes);
	append(&end, transaction->content_type, transaction->content_type_bytes);
	tt_shard_commit(worker->shard);
}

bool tt_http_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	struct tt_worker_http *http = &worker->http;
	const struct tt_http_stats_options stats =
		tt_http_stats_configured(config, secret, huge_pages);
	const struct tt_http2_pool_options http2 = http2_options(config, secret, huge_pages);

	http->key_limit = config->http.keys;
	return !config->http.enabled ||
		(tt_http_stats_create(&http->stats, &stats) == 0 &&
			tt_http1_pool_create(&http->http1,
				&(struct tt_http1_pool_options){
					.slabs = slabs(config),
					.exchanges = config->http.transactions,
					.huge_pages = huge_pages,
					.report = report,
				}) == 0 &&
			tt_http2_pool_create(&http->http2, &http2) == 0);
}

void tt_http_worker_destroy(struct tt_worker *worker)
{
	tt_http_stats_destroy(worker->http.stats);
	tt_http1_pool_destroy(&worker->http.http1);
	tt_http2_pool_destroy(&worker->http.http2);
}
