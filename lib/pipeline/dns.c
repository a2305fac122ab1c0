/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/dns.h"

#include "base/memory.h"
#include "pipeline/worker.h"

#include <rte_cycles.h>

#define SWEEP_INTERVAL_US 1000 /* between two looks at pending queries */
#define SWEEP_QUERIES	  64   /* ended in one round at most */
#define FLUSH_QUERIES	  1024
#define DRAIN_PLACES	  4096 /* of the table of statistics, looked at in one go */
#define WAIT_US		  20   /* before the next try to hand over a record at the end */

/* Each followed connection may hold a torn message and segments that came early; few do. */
#define CONNECTIONS_A_SLAB 4

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
	return config->dns.tcp_connections / CONNECTIONS_A_SLAB;
}

uint64_t tt_dns_worker_bytes(const struct tt_config *config)
{
	const struct tt_dns_stats_options stats = tt_dns_stats_configured(config, 0, false);

	if (!config->dns.enabled)
		return 0;
	return tt_dns_transactions_bytes(config->dns.pending) + tt_dns_stats_bytes(&stats) +
		(uint64_t)slabs(config) * (TT_STREAM_SLAB_BYTES + TT_DNS_STREAM_SLAB_BYTES) +
		(uint64_t)config->dns.tcp_connections * sizeof(struct tt_dns_connection);
}

static void *reserve(struct tt_worker *worker, size_t size_bytes)
{
	uint16_t size = (uint16_t)((size_bytes + TT_RECORD_ALIGNMENT - 1) &
		~(size_t)(TT_RECORD_ALIGNMENT - 1));
	void *room = tt_shard_reserve(worker->shard, size);

	/* The control core goes on emptying the shard, whatever becomes of the output. */
	while (room == NULL && (worker->source.waits || worker->draining)) {
		rte_delay_us_sleep(WAIT_US);
		room = tt_shard_reserve(worker->shard, size);
	}
	return room;
}

static void fill_endpoints(
	struct tt_dns_transaction_record *record, const struct tt_dns_transaction *transaction)
{
	const struct tt_flow_key *key = transaction->key;
	unsigned int low = transaction->client; /* side of the key's low endpoint */

	memcpy(record->address[low], key->low_address, sizeof(key->low_address));
	memcpy(record->address[!low], key->high_address, sizeof(key->high_address));
	record->port[low] = key->low_port;
	record->port[!low] = key->high_port;
	record->ip_version = key->ip_version;
	record->ip_protocol = key->ip_protocol;
}

static void report(void *context, const struct tt_dns_transaction *transaction)
{
	struct tt_worker *worker = context;
	const struct tt_dns_message *response = transaction->response;
	size_t head_bytes = sizeof(struct tt_dns_transaction_record) + transaction->name->length;
	size_t message_bytes = response == NULL ? 0 : response->length;

	if (!transaction->multicast)
		tt_dns_stats_add(worker->dns.stats, transaction);
	if (message_bytes > TT_RECORD_LIMIT_BYTES - TT_RECORD_ALIGNMENT - head_bytes)
		message_bytes = TT_RECORD_LIMIT_BYTES - TT_RECORD_ALIGNMENT - head_bytes;

	struct tt_dns_transaction_record *record = reserve(worker, head_bytes + message_bytes);
	if (record == NULL) {
		tt_counter_add(&worker->counters.dns_records_lost, 1);
		return;
	}
	record->header.kind = TT_RECORD_DNS;
	record->header.snapshot = 0;
	record->uid = transaction->flow_uid;
	record->start_us = transaction->start_us;
	record->latency_us = transaction->latency_us;
	fill_endpoints(record, transaction);
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

bool tt_dns_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	struct tt_worker_dns *dns = &worker->dns;
	const struct tt_dns_stats_options stats =
		tt_dns_stats_configured(config, secret, huge_pages);

	if (!config->dns.enabled)
		return true;
	dns->connection_limit = config->dns.tcp_connections;
	dns->connections = tt_memory_map(
		(size_t)dns->connection_limit * sizeof(struct tt_dns_connection), huge_pages);
	return dns->connections != NULL && tt_dns_stats_create(&dns->stats, &stats) == 0 &&
		tt_stream_pool_create(&dns->streams, slabs(config), huge_pages) == 0 &&
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
	tt_stream_pool_destroy(&dns->streams);
	tt_dns_stream_pool_destroy(&dns->messages);
	tt_memory_unmap(
		dns->connections, (size_t)dns->connection_limit * sizeof(struct tt_dns_connection));
}

/* A message of the packet at hand. */
static void take_message(struct tt_worker *worker, const uint8_t *bytes, size_t length)
{
	struct tt_worker_dns *dns = &worker->dns;
	struct tt_dns_message message;

	if (tt_dns_parse(&message, bytes, length) != TT_DNS_OK) {
		tt_counter_add(&worker->counters.dns_malformed, 1);
		return;
	}
	dns->packet.message = &message;
	tt_dns_transactions_take(dns->transactions, &dns->packet);
}

static void begin_packet(
	struct tt_worker *worker, const struct tt_flow *flow, uint8_t direction, uint64_t time_us)
{
	worker->dns.packet = (struct tt_dns_packet){
		.key = &flow->key,
		.hash = tt_flow_key_hash(&flow->key, &worker->secret),
		.direction = direction,
		.flow_uid = flow->uid,
		.time_us = time_us,
	};
}

/* What the stream's consumer is called with: whose bytes they are. */
struct reading {
	struct tt_worker *worker;
	struct tt_dns_connection *connection;
};

static void on_message(void *context, const uint8_t *bytes, size_t length, size_t message_length)
{
	(void)message_length;
	take_message(context, bytes, length);
}

static void on_data(void *context, unsigned int direction, const uint8_t *bytes, uint32_t length)
{
	const struct reading *reading = context;
	struct tt_worker *worker = reading->worker;

	worker->dns.packet.direction = (uint8_t)direction;
	tt_dns_stream_data(&reading->connection->side[direction], &worker->dns.messages, bytes,
		length, on_message, worker);
}

static void on_gap(void *context, unsigned int direction, uint32_t length)
{
	const struct reading *reading = context;

	tt_dns_stream_gap(
		&reading->connection->side[direction], &reading->worker->dns.messages, length);
}

static void on_end(void *context, unsigned int direction)
{
	const struct reading *reading = context;

	tt_dns_stream_close(&reading->connection->side[direction], &reading->worker->dns.messages);
}

static struct tt_dns_connection *follow(struct tt_worker *worker, struct tt_flow *flow)
{
	struct tt_worker_dns *dns = &worker->dns;
	uint32_t number = dns->connection_free;

	if (flow->protocol != 0)
		return &dns->connections[flow->protocol - 1];
	if (number != 0) {
		dns->connection_free = dns->connections[number - 1].next_free;
	} else if (dns->connection_used_ever < dns->connection_limit) {
		number = ++dns->connection_used_ever;
	} else {
		tt_counter_add(&worker->counters.dns_connections_full, 1);
		return NULL;
	}
	dns->connections[number - 1] = (struct tt_dns_connection){0};
	flow->protocol = number;
	return &dns->connections[number - 1];
}

static struct tt_stream_consumer consumer_of(struct reading *reading)
{
	return (struct tt_stream_consumer){
		.data = on_data, .gap = on_gap, .end = on_end, .context = reading};
}

static void give(
	struct tt_worker *worker, struct reading *reading, const struct tt_stream_segment *piece)
{
	const struct tt_stream_consumer consumer = consumer_of(reading);

	tt_stream_segment(&reading->connection->stream, &worker->dns.streams, piece, &consumer);
}

/* What of a packet's payload lies in later segments of its mbuf, piece by piece behind `piece`. */
static void give_rest(struct tt_worker *worker, unsigned int i, struct reading *reading,
	struct tt_stream_segment *piece, uint32_t payload_bytes, bool fin)
{
	const struct tt_burst *burst = &worker->burst;
	uint32_t skip = burst->view_bytes[i];
	uint32_t left = payload_bytes - piece->payload_bytes;

	for (const struct rte_mbuf *mbuf = burst->received[i].mbuf; mbuf != NULL && left > 0;
		mbuf = mbuf->next) {
		if (mbuf->data_len <= skip) {
			skip -= mbuf->data_len;
			continue;
		}
		uint32_t length = mbuf->data_len - skip;

		piece->sequence += piece->payload_bytes + piece->syn;
		piece->syn = false;
		piece->payload = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, skip);
		piece->payload_bytes = length < left ? length : left;
		piece->captured_bytes = piece->payload_bytes;
		left -= piece->payload_bytes;
		skip = 0;
		piece->fin = fin && left == 0;
		give(worker, reading, piece);
	}
}

static void take_segment(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment)
{
	const struct tt_packet *packet = &worker->burst.packet[i];
	struct reading reading = {.worker = worker, .connection = follow(worker, flow)};
	bool fin = (segment->flags & TT_TCP_FIN) != 0;

	if (reading.connection == NULL)
		return;
	if (segment->flags & TT_TCP_SYN)
		tt_dns_stream_start(&reading.connection->side[segment->direction]);

	bool whole = worker->burst.received[i].mbuf->nb_segs == 1;
	struct tt_stream_segment piece = {
		.sequence = segment->sequence,
		.acknowledgment = segment->acknowledgment,
		.payload = packet->payload,
		.payload_bytes = whole ? segment->payload_bytes : packet->payload_captured_bytes,
		.captured_bytes = packet->payload_captured_bytes,
		.direction = segment->direction,
		.syn = (segment->flags & TT_TCP_SYN) != 0,
		.fin = fin && (whole || segment->payload_bytes == packet->payload_captured_bytes),
		.ack = (segment->flags & TT_TCP_ACK) != 0,
	};
	give(worker, &reading, &piece);
	if (!whole)
		give_rest(worker, i, &reading, &piece, segment->payload_bytes, fin);
}

static void take_datagram(struct tt_worker *worker, unsigned int i)
{
	const struct tt_packet *packet = &worker->burst.packet[i];
	struct rte_mbuf *mbuf = worker->burst.received[i].mbuf;
	uint32_t length = packet->payload_captured_bytes;
	const uint8_t *bytes = packet->payload;

	if (mbuf->nb_segs > 1 && length < packet->payload_bytes) {
		uint32_t offset = worker->burst.view_bytes[i] - length;

		length = RTE_MIN(packet->payload_bytes, mbuf->pkt_len - offset);
		length = RTE_MIN(length, (uint32_t)TT_DNS_DATAGRAM_BYTES);
		bytes = rte_pktmbuf_read(mbuf, offset, length, worker->dns.datagram);
	}
	if (bytes != NULL)
		take_message(worker, bytes, length);
}

/* A datagram that was put together from fragments. */
static void take_fragmented(struct tt_worker *worker, const struct rte_mbuf *datagram)
{
	uint32_t length = RTE_MIN(datagram->pkt_len, (uint32_t)TT_DNS_DATAGRAM_BYTES);

	take_message(worker, rte_pktmbuf_read(datagram, 0, length, worker->dns.datagram), length);
}

bool tt_dns_first_packet(const struct tt_packet *packet)
{
	return packet->ip_protocol == IPPROTO_UDP && packet->payload != NULL &&
		!(packet->flags & TT_PACKET_FRAGMENT) &&
		tt_dns_is_plausible(packet->payload, packet->payload_captured_bytes);
}

void tt_dns_packet_take(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment)
{
	const struct tt_packet *packet = &worker->burst.packet[i];

	if (worker->dns.transactions == NULL)
		return;
	begin_packet(worker, flow, worker->burst.direction[i], worker->burst.received[i].time_us);
	if (segment != NULL)
		take_segment(worker, i, flow, segment);
	else if (packet->ip_protocol != IPPROTO_UDP)
		return;
	else if (!(packet->flags & TT_PACKET_FRAGMENT) && packet->payload != NULL)
		take_datagram(worker, i);
	else if (worker->burst.fragment[i] != TT_BURST_PLAIN && worker->burst.datagram[i] != NULL)
		take_fragmented(worker, worker->burst.datagram[i]);
}

void tt_dns_flow_end(struct tt_worker *worker, struct tt_flow *flow)
{
	struct tt_worker_dns *dns = &worker->dns;

	if (flow->protocol == 0 || flow->protocol == TT_DNS_UDP_FLOW)
		return;
	struct reading reading = {
		.worker = worker, .connection = &dns->connections[flow->protocol - 1]};
	const struct tt_stream_consumer consumer = consumer_of(&reading);

	begin_packet(worker, flow, 0, flow->end_us);
	tt_stream_close(&reading.connection->stream, &dns->streams, &consumer);
	for (unsigned int direction = 0; direction < 2; direction++)
		tt_dns_stream_close(&reading.connection->side[direction], &dns->messages);
	reading.connection->next_free = dns->connection_free;
	dns->connection_free = flow->protocol;
	flow->protocol = 0;
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
	uint32_t position = 0;

	if (dns->transactions == NULL)
		return;
	while (tt_dns_transactions_flush(dns->transactions, FLUSH_QUERIES) > 0)
		;
	while (position != UINT32_MAX) {
		struct tt_dns_stats_record *record = reserve(
			worker, sizeof(struct tt_dns_stats_record) + TT_DNS_STATS_RECORD_BYTES);

		record->header.kind = TT_RECORD_DNS_STATS;
		record->header.snapshot = 0;
		record->reserved = 0;
		record->length = (uint32_t)tt_dns_stats_drain(dns->stats, &position, DRAIN_PLACES,
			record->bytes, TT_DNS_STATS_RECORD_BYTES);
		tt_shard_commit(worker->shard);
	}
}
