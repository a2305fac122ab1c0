/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/dns.h"

#include "pipeline/worker.h"
#include "protocol/protocol.h"

#define SWEEP_INTERVAL_US 1000 /* between two looks at pending queries */
#define SWEEP_QUERIES	  64   /* ended in one round at most */
#define FLUSH_QUERIES	  1024

/* TCP connections of which one is in the middle of a message that is split. */
#define CONNECTIONS_A_SLAB 64

/* Of dense sketches: for one key in eight, see protocol/dns_stats.h. */
#define KEYS_A_SKETCH 8

struct tt_dns_stats_options tt_dns_stats_configured(
	const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	return (struct tt_dns_stats_options){
		.capacity = config->dns.keys,
		.sketches = config->dns.keys / KEYS_A_SKETCH,
		.registered_domain = config->dns.registered_domain,
		.huge_pages = huge_pages,
		.secret = secret,
	};
}

static uint32_t slabs(const struct tt_config *config)
{
	return config->payload.connections / CONNECTIONS_A_SLAB + 1;
}

uint64_t tt_dns_worker_bytes(const struct tt_config *config)
{
	const struct tt_dns_stats_options stats = tt_dns_stats_configured(config, 0, false);

	if (!config->dns.enabled)
		return 0;
	return tt_dns_transactions_bytes(config->dns.pending) + tt_dns_stats_bytes(&stats) +
		(uint64_t)slabs(config) * TT_DNS_STREAM_SLAB_BYTES;
}

static void report(void *context, const struct tt_dns_transaction *transaction)
{
	struct tt_worker *worker = context;
	const struct tt_dns_message *response = transaction->response;
	size_t head_bytes = sizeof(struct tt_dns_transaction_record) + transaction->name->length;
	size_t message_bytes = response == NULL ? 0 : response->length;
	const struct tt_rule_action *action = tt_rules_of_dns(worker, transaction);

	if (action != NULL && action->exclude) {
		tt_counter_add(&worker->counters.excluded_records, 1);
		return;
	}
	if (!transaction->multicast)
		tt_dns_stats_add(worker->dns.stats, transaction);
	if (message_bytes > TT_RECORD_LIMIT_BYTES - TT_RECORD_ALIGNMENT - head_bytes)
		message_bytes = TT_RECORD_LIMIT_BYTES - TT_RECORD_ALIGNMENT - head_bytes;

	struct tt_dns_transaction_record *record =
		tt_worker_reserve(worker, TT_RECORD_DNS, head_bytes + message_bytes);
	if (record == NULL) {
		tt_counter_add(&worker->counters.dns_records_lost, 1);
		return;
	}
	record->uid = transaction->flow_uid;
	record->service = action == NULL ? 0 : action->service;
	record->start_us = transaction->start_us;
	record->latency_us = transaction->latency_us;
	tt_record_endpoints_make(&record->endpoints, transaction->key, transaction->client);
	record->status = (uint8_t)transaction->status;
	record->flags = (uint8_t)((transaction->has_rcode ? TT_DNS_RECORD_HAS_RCODE : 0) |
		(transaction->truncated ? TT_DNS_RECORD_TRUNCATED : 0) |
		(transaction->multicast ? TT_DNS_RECORD_MULTICAST : 0));
	record->id = transaction->id;
	record->rcode = transaction->rcode;
	record->query_type = transaction->query_type;
	record->retransmits = transaction->retransmits;
	record->name_bytes = transaction->name->length;
	record->message_bytes = (uint16_t)message_bytes;
	memcpy(record->bytes, transaction->name->text, record->name_bytes);
	if (message_bytes > 0)
		memcpy(record->bytes + record->name_bytes, response->bytes, message_bytes);
	tt_shard_commit(worker->shard);
}

static void add_port(struct tt_worker_dns *dns, uint32_t port)
{
	dns->ports[port / 64] |= UINT64_C(1) << port % 64;
}

/* The well-known ports: 53 (RFC 1035), 5353 (RFC 6762), 5355 (RFC 4795). */
static void add_ports(struct tt_worker_dns *dns, const struct tt_config *config)
{
	add_port(dns, 53);
	add_port(dns, 5353);
	add_port(dns, 5355);
	for (uint32_t i = 0; i < config->dns.port_count; i++)
		add_port(dns, config->dns.ports[i]);
}

bool tt_dns_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	struct tt_worker_dns *dns = &worker->dns;
	const struct tt_dns_stats_options stats =
		tt_dns_stats_configured(config, secret, huge_pages);

	if (!config->dns.enabled)
		return true;
	add_ports(dns, config);
	dns->pending_limit = config->dns.pending;
	dns->key_limit = config->dns.keys;
	return tt_dns_stats_create(&dns->stats, &stats) == 0 &&
		tt_dns_stream_pool_create(&dns->messages, slabs(config), huge_pages) == 0 &&
		tt_dns_transactions_create(&dns->transactions,
			&(struct tt_dns_transactions_options){
				.capacity = config->dns.pending,
				.timeout_us = config->dns.timeout_us,
				.huge_pages = huge_pages,
				.report = report,
				.context = worker,
			}) == 0;
}

void tt_dns_worker_destroy(struct tt_worker *worker)
{
	struct tt_worker_dns *dns = &worker->dns;

	tt_dns_transactions_destroy(dns->transactions);
	tt_dns_stats_destroy(dns->stats);
	tt_dns_stream_pool_destroy(&dns->messages);
}

void tt_dns_take_message(
	struct tt_worker *worker, unsigned int direction, const uint8_t *bytes, size_t length)
{
	const struct tt_payload_reading *reading = &worker->payload.reading;
	struct tt_flow *flow = reading->flow;
	struct tt_dns_message message;

	if (tt_dns_parse(&message, bytes, length) != TT_DNS_OK) {
		tt_counter_add(&worker->counters.dns_malformed, 1);
		return;
	}
	flow->application = TT_PROTOCOL_DNS;
	tt_dns_transactions_take(worker->dns.transactions,
		&(struct tt_dns_packet){
			.key = &flow->key,
			.hash = tt_flow_key_hash(&flow->key, &worker->secret),
			.direction = (uint8_t)direction,
			.flow_uid = flow->uid,
			.time_us = reading->time_us,
			.message = &message,
		});
}

void tt_dns_sweep(struct tt_worker *worker)
{
	struct tt_worker_dns *dns = &worker->dns;

	if (dns->transactions == NULL || worker->clock_us - dns->swept_us < SWEEP_INTERVAL_US)
		return;
	dns->swept_us = worker->clock_us;
	tt_dns_transactions_sweep(dns->transactions, worker->clock_us, SWEEP_QUERIES);
}

void tt_dns_drain(struct tt_worker *worker)
{
	struct tt_worker_dns *dns = &worker->dns;

	if (dns->transactions == NULL)
		return;
	while (tt_dns_transactions_flush(dns->transactions, FLUSH_QUERIES) > 0)
		;
}
