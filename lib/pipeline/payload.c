/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/payload.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "pipeline/worker.h"
#include "protocol/http1.h"
#include "protocol/protocol.h"

/* The record layer of DTLS (RFC 6347 4.1): a handshake's type, and the first byte of its version. */
#define DTLS_HANDSHAKE	   22
#define DTLS_VERSION_MAJOR 254

static uint32_t slabs(const struct tt_config *config)
{
	return (uint32_t)(config->payload.reassembly_bytes / TT_STREAM_SLAB_BYTES);
}

uint64_t tt_payload_bytes(const struct tt_config *config)
{
	return (uint64_t)config->payload.connections * sizeof(struct tt_conversation) +
		(uint64_t)slabs(config) * TT_STREAM_SLAB_BYTES;
}

bool tt_payload_create(struct tt_worker *worker, const struct tt_config *config, bool huge_pages)
{
	struct tt_worker_payload *payload = &worker->payload;

	payload->limit = config->payload.connections;
	payload->conversations =
		tt_memory_map((size_t)payload->limit * sizeof(struct tt_conversation), huge_pages);
	return payload->conversations != NULL &&
		tt_stream_pool_create(&payload->streams, slabs(config), huge_pages) == 0;
}

void tt_payload_destroy(struct tt_worker *worker)
{
	struct tt_worker_payload *payload = &worker->payload;

	tt_stream_pool_destroy(&payload->streams);
	tt_memory_unmap(
		payload->conversations, (size_t)payload->limit * sizeof(struct tt_conversation));
}

static void become_http1(struct tt_conversation *conversation)
{
	conversation->parser = TT_PAYLOAD_HTTP1;
	conversation->http1 = (struct tt_http1_connection){0};
	if (conversation->from_start)
		tt_http1_connection_start(&conversation->http1);
}

static void become_searching(struct tt_worker *worker, struct tt_conversation *conversation)
{
	conversation->parser = worker->tls.enabled ? TT_PAYLOAD_SEARCHING : TT_PAYLOAD_NOBODY;
	conversation->tls = (struct tt_tls_connection){0};
}

static void become_dns(struct tt_conversation *conversation)
{
	conversation->parser = TT_PAYLOAD_DNS;
	for (unsigned int direction = 0; direction < 2; direction++) {
		conversation->dns[direction] = (struct tt_dns_stream){0};
		if (conversation->from_start)
			tt_dns_stream_start(&conversation->dns[direction]);
	}
}

/* Which parser the first bytes of a direction are for; LOOKING: it takes more of them to tell. */
static enum tt_payload_parser parser_of(
	const struct tt_worker *worker, const uint8_t *bytes, size_t length)
{
	enum tt_http1_kind kind = tt_http1_kind_of(bytes, length);

	if (kind == TT_HTTP1_UNDECIDED && length < TT_PAYLOAD_LOOK_BYTES)
		return TT_PAYLOAD_LOOKING;
	if (worker->http.stats != NULL && (kind == TT_HTTP1_REQUEST || kind == TT_HTTP1_RESPONSE))
		return TT_PAYLOAD_HTTP1;
	/* Less than a whole message says too little on any port. */
	if (worker->dns.transactions != NULL && length > 2 && tt_load_be16(bytes) <= length - 2 &&
		tt_dns_stream_is_plausible(bytes, length))
		return TT_PAYLOAD_DNS;
	return TT_PAYLOAD_SEARCHING;
}

/* A conversation's parser, from its next byte on. */
static void become(struct tt_payload_reading *reading, enum tt_payload_parser parser)
{
	struct tt_conversation *conversation = reading->conversation;

	switch (parser) {
	case TT_PAYLOAD_HTTP1:
		become_http1(conversation);
		reading->flow->application = TT_PROTOCOL_HTTP;
		break;
	case TT_PAYLOAD_DNS:
		become_dns(conversation);
		reading->flow->application = TT_PROTOCOL_DNS;
		break;
	case TT_PAYLOAD_LOOKING:
		conversation->parser = TT_PAYLOAD_LOOKING;
		conversation->look = (struct tt_payload_look){0};
		break;
	default:
		become_searching(reading->worker, conversation);
	}
}

static size_t feed(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	size_t length);

/* All of them. */
static void feed_all(struct tt_payload_reading *reading, unsigned int direction,
	const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = feed(reading, direction, bytes, length);

		bytes += taken;
		length -= taken;
	}
}

/* The first bytes of each direction, until one of them tells: then what was kept of both is its
 * parser's. */
static size_t look(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	size_t length)
{
	struct tt_payload_look *look = &reading->conversation->look;
	size_t kept = look->kept[direction];
	size_t taken = RTE_MIN(length, TT_PAYLOAD_LOOK_BYTES - kept);
	enum tt_payload_parser parser = TT_PAYLOAD_LOOKING;

	if (kept == 0)
		parser = parser_of(reading->worker, bytes, length);
	if (kept > 0 || parser == TT_PAYLOAD_LOOKING) {
		memcpy(look->bytes[direction] + kept, bytes, taken);
		look->kept[direction] = (uint8_t)(kept + taken);
		parser = parser_of(reading->worker, look->bytes[direction], look->kept[direction]);
	} else {
		taken = 0;
	}
	if (parser == TT_PAYLOAD_LOOKING)
		return taken;

	const struct tt_payload_look first = *look;

	become(reading, parser);
	for (unsigned int side = 0; side < 2; side++)
		feed_all(reading, side, first.bytes[side], first.kept[side]);
	return taken;
}

/* A protocol that comes after another, or midway: at the beginning of any piece. */
static size_t search(struct tt_payload_reading *reading, unsigned int direction,
	const uint8_t *bytes, size_t length)
{
	struct tt_worker *worker = reading->worker;
	struct tt_tls_connection *tls = &reading->conversation->tls;

	if (tls->side[direction].state == TT_TLS_SEARCHING && tls->handshake == 0) {
		enum tt_payload_parser parser = parser_of(worker, bytes, length);

		/* LOOKING: it may be the beginning of a request. What then comes to nothing is
		 * searched anew, so only once. */
		bool look_again =
			parser == TT_PAYLOAD_LOOKING && !reading->conversation->looked_again;

		reading->conversation->looked_again |= look_again;
		if (parser == TT_PAYLOAD_HTTP1 || look_again) {
			tt_tls_connection_close(tls, &worker->tls.pool, NULL);
			become(reading, parser);
			return 0;
		}
	}
	tt_tls_connection_data(tls, &worker->tls.pool, &worker->tls.consumer, direction,
		reading->time_us, bytes, length);
	if (tls->handshake != 0) {
		reading->conversation->parser = TT_PAYLOAD_TLS;
		reading->flow->encryption = TT_PROTOCOL_TLS;
	} else if (tt_tls_connection_is_finished(tls)) {
		reading->conversation->parser = TT_PAYLOAD_NOBODY;
	}
	return length;
}

static size_t feed_http1(struct tt_payload_reading *reading, unsigned int direction,
	const uint8_t *bytes, size_t length)
{
	struct tt_http1_connection *http1 = &reading->conversation->http1;
	struct tt_http1_pool *pool = &reading->worker->http.http1;
	size_t taken = tt_http1_connection_data(
		http1, pool, direction, bytes, length, reading->time_us, reading);

	if (tt_http1_connection_upgraded(http1)) {
		tt_http1_connection_close(http1, pool, reading);
		become(reading, TT_PAYLOAD_LOOKING);
	}
	return taken;
}

static void on_dns_message(
	void *context, const uint8_t *bytes, size_t length, size_t message_length)
{
	const struct tt_payload_reading *reading = context;

	(void)message_length;
	tt_dns_take_message(reading->worker, reading->direction, bytes, length);
}

/* To the conversation's parser. Returns how many bytes it took; the others are for the next. */
static size_t feed(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	size_t length)
{
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;

	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_LOOKING:
		return look(reading, direction, bytes, length);
	case TT_PAYLOAD_SEARCHING:
		return search(reading, direction, bytes, length);
	case TT_PAYLOAD_HTTP1:
		return feed_http1(reading, direction, bytes, length);
	case TT_PAYLOAD_DNS:
		reading->direction = (uint8_t)direction;
		tt_dns_stream_data(&conversation->dns[direction], &worker->dns.messages, bytes,
			length, on_dns_message, reading);
		return length;
	case TT_PAYLOAD_TLS:
		tt_tls_connection_data(&conversation->tls, &worker->tls.pool, &worker->tls.consumer,
			direction, reading->time_us, bytes, length);
		if (tt_tls_connection_is_finished(&conversation->tls))
			conversation->parser = TT_PAYLOAD_NOBODY;
		return length;
	case TT_PAYLOAD_NOBODY:
		break;
	}
	return length;
}

static void on_data(void *context, unsigned int direction, const uint8_t *bytes, uint32_t length)
{
	feed_all(context, direction, bytes, length);
}

static void on_gap(void *context, unsigned int direction, uint32_t length)
{
	struct tt_payload_reading *reading = context;
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;

	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_LOOKING:
		/* What comes after it is not the first of its direction. */
		conversation->from_start = false;
		become(reading, TT_PAYLOAD_SEARCHING);
		break;
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_gap(&conversation->http1, &worker->http.http1, direction,
			length, reading->time_us, reading);
		break;
	case TT_PAYLOAD_DNS:
		tt_dns_stream_gap(&conversation->dns[direction], &worker->dns.messages, length);
		break;
	case TT_PAYLOAD_SEARCHING:
	case TT_PAYLOAD_TLS:
		tt_tls_connection_gap(&conversation->tls, &worker->tls.pool, &worker->tls.consumer,
			direction, length);
		break;
	case TT_PAYLOAD_NOBODY:
		break;
	}
}

static void on_end(void *context, unsigned int direction)
{
	struct tt_payload_reading *reading = context;
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;

	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_end(
			&conversation->http1, &worker->http.http1, direction, reading);
		break;
	case TT_PAYLOAD_DNS:
		tt_dns_stream_close(&conversation->dns[direction], &worker->dns.messages);
		break;
	case TT_PAYLOAD_SEARCHING:
	case TT_PAYLOAD_TLS:
		tt_tls_connection_end(
			&conversation->tls, &worker->tls.pool, &worker->tls.consumer, direction);
		break;
	case TT_PAYLOAD_LOOKING:
	case TT_PAYLOAD_NOBODY:
		break;
	}
}

static struct tt_stream_consumer consumer_of(struct tt_payload_reading *reading)
{
	return (struct tt_stream_consumer){
		.data = on_data, .gap = on_gap, .end = on_end, .context = reading};
}

/* A new conversation for the flow; NULL, counted, when all are taken. */
static struct tt_conversation *begin_conversation(struct tt_worker *worker, struct tt_flow *flow)
{
	struct tt_worker_payload *payload = &worker->payload;
	uint32_t number = payload->free;

	if (number != 0) {
		payload->free = payload->conversations[number - 1].next_free;
	} else if (payload->used_ever < payload->limit) {
		number = ++payload->used_ever;
	} else {
		tt_counter_add(&worker->counters.conversations_full, 1);
		flow->payload = TT_PAYLOAD_PASSED;
		return NULL;
	}
	tt_counter_add(&worker->counters.conversations, 1);
	tt_counter_raise(&worker->counters.conversations_high,
		tt_counter_read(&worker->counters.conversations));
	flow->payload = TT_PAYLOAD_FOLLOWED;
	flow->conversation = number;
	struct tt_conversation *conversation = &payload->conversations[number - 1];
	*conversation = (struct tt_conversation){0};
	return conversation;
}

/* What its parser has not reported, and its memory. */
static void end_conversation(struct tt_payload_reading *reading)
{
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;
	const struct tt_stream_consumer consumer = consumer_of(reading);

	tt_stream_close(&conversation->stream, &worker->payload.streams,
		conversation->parser == TT_PAYLOAD_NOBODY ? NULL : &consumer);
	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_close(&conversation->http1, &worker->http.http1, reading);
		break;
	case TT_PAYLOAD_DNS:
		for (unsigned int direction = 0; direction < 2; direction++)
			tt_dns_stream_close(&conversation->dns[direction], &worker->dns.messages);
		break;
	case TT_PAYLOAD_SEARCHING:
	case TT_PAYLOAD_TLS:
		tt_tls_connection_close(
			&conversation->tls, &worker->tls.pool, &worker->tls.consumer);
		break;
	case TT_PAYLOAD_LOOKING:
	case TT_PAYLOAD_NOBODY:
		break;
	}
	conversation->next_free = worker->payload.free;
	worker->payload.free = reading->flow->conversation;
	reading->flow->conversation = 0;
	reading->flow->payload = TT_PAYLOAD_PASSED;
	tt_counter_set(&worker->counters.conversations,
		tt_counter_read(&worker->counters.conversations) - 1);
}

static bool is_dns_flow(const struct tt_worker *worker, const struct tt_flow *flow)
{
	return worker->dns.transactions != NULL &&
		(tt_dns_port(&worker->dns, flow->key.low_port) ||
			tt_dns_port(&worker->dns, flow->key.high_port));
}

/* The first payload of a TCP connection: where its streams begin is known of a direction whose SYN
 * was seen. */
static void begin_streams(struct tt_payload_reading *reading, const struct tt_tcp_segment *segment)
{
	struct tt_conversation *conversation = reading->conversation;
	const struct tt_flow *flow = reading->flow;
	uint32_t initial;

	conversation->from_start = (segment->flags & TT_TCP_SYN) != 0;
	for (unsigned int direction = 0; direction < 2; direction++) {
		if (!tt_tcp_initial_sequence(&flow->tcp, direction, &initial))
			continue;
		conversation->from_start = true;
		tt_stream_start(&conversation->stream, direction, initial + 1);
	}
	if (is_dns_flow(reading->worker, flow))
		become(reading, TT_PAYLOAD_DNS);
	else
		become(reading, TT_PAYLOAD_LOOKING);
}

static void give(struct tt_payload_reading *reading, const struct tt_stream_segment *piece)
{
	const struct tt_stream_consumer consumer = consumer_of(reading);

	tt_stream_segment(&reading->conversation->stream, &reading->worker->payload.streams, piece,
		&consumer);
}

/* What of a packet's payload lies in later segments of its mbuf, piece by piece behind `piece`. */
static void give_rest(struct tt_payload_reading *reading, unsigned int i,
	struct tt_stream_segment *piece, uint32_t payload_bytes, bool fin)
{
	const struct tt_burst *burst = &reading->worker->burst;
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
		give(reading, piece);
	}
}

static void read_segment(
	struct tt_payload_reading *reading, unsigned int i, const struct tt_tcp_segment *segment)
{
	const struct tt_burst *burst = &reading->worker->burst;
	const struct tt_packet *packet = &burst->packet[i];
	bool fin = (segment->flags & TT_TCP_FIN) != 0;
	bool whole = burst->received[i].mbuf->nb_segs == 1;
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

	give(reading, &piece);
	if (!whole)
		give_rest(reading, i, &piece, segment->payload_bytes, fin);
	if (reading->conversation->parser == TT_PAYLOAD_NOBODY)
		end_conversation(reading);
}

/* The packet's datagram, in one piece: NULL when there is none. */
static const uint8_t *datagram_of(struct tt_worker *worker, unsigned int i, uint32_t *length)
{
	const struct tt_burst *burst = &worker->burst;
	const struct tt_packet *packet = &burst->packet[i];
	const struct rte_mbuf *mbuf = burst->received[i].mbuf;
	const struct rte_mbuf *reassembled =
		burst->fragment[i] == TT_BURST_PLAIN ? NULL : burst->datagram[i];
	const uint32_t most = TT_PAYLOAD_DATAGRAM_BYTES;

	if (packet->flags & TT_PACKET_FRAGMENT) {
		if (reassembled == NULL)
			return NULL;
		*length = RTE_MIN(reassembled->pkt_len, most);
		return rte_pktmbuf_read(reassembled, 0, *length, worker->payload.datagram);
	}
	*length = packet->payload_captured_bytes;
	if (packet->payload == NULL || mbuf->nb_segs == 1 || *length >= packet->payload_bytes)
		return packet->payload;
	uint32_t offset = burst->view_bytes[i] - *length;

	*length = RTE_MIN(packet->payload_bytes, mbuf->pkt_len - offset);
	*length = RTE_MIN(*length, most);
	return rte_pktmbuf_read(mbuf, offset, *length, worker->payload.datagram);
}

static bool is_dtls(const uint8_t *bytes, uint32_t length)
{
	return length > 2 && bytes[0] == DTLS_HANDSHAKE && bytes[1] == DTLS_VERSION_MAJOR;
}

/* The first datagram of a flow tells what the others are. */
static void begin_datagrams(
	struct tt_payload_reading *reading, const uint8_t *bytes, uint32_t length)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;

	flow->payload = TT_PAYLOAD_PASSED;
	if (is_dns_flow(worker, flow) ||
		(worker->dns.transactions != NULL && tt_dns_is_plausible(bytes, length))) {
		flow->application = TT_PROTOCOL_DNS;
		flow->payload = TT_PAYLOAD_FOLLOWED;
	} else if (worker->tls.enabled && is_dtls(bytes, length)) {
		flow->encryption = TT_PROTOCOL_DTLS;
		reading->conversation = begin_conversation(worker, flow);
		if (reading->conversation != NULL)
			reading->conversation->parser = TT_PAYLOAD_TLS;
	}
}

static void read_datagram(struct tt_payload_reading *reading, unsigned int i)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;
	unsigned int direction = worker->burst.direction[i];
	uint32_t length;
	const uint8_t *bytes = datagram_of(worker, i, &length);

	if (bytes == NULL || length == 0)
		return;
	if (flow->payload == TT_PAYLOAD_NEW)
		begin_datagrams(reading, bytes, length);
	if (flow->payload == TT_PAYLOAD_PASSED)
		return;
	if (reading->conversation == NULL) {
		tt_dns_take_message(worker, direction, bytes, length);
		return;
	}
	tt_tls_connection_datagram(&reading->conversation->tls, &worker->tls.pool,
		&worker->tls.consumer, direction, reading->time_us, bytes, length);
	if (tt_tls_connection_is_finished(&reading->conversation->tls))
		end_conversation(reading);
}

static struct tt_payload_reading *begin_reading(
	struct tt_worker *worker, struct tt_flow *flow, uint64_t time_us)
{
	struct tt_payload_reading *reading = &worker->payload.reading;

	*reading = (struct tt_payload_reading){.worker = worker, .flow = flow, .time_us = time_us};
	if (flow->conversation != 0)
		reading->conversation = &worker->payload.conversations[flow->conversation - 1];
	return reading;
}

void tt_payload_read(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment)
{
	struct tt_payload_reading *reading =
		begin_reading(worker, flow, worker->burst.received[i].time_us);

	if (flow->key.ip_protocol == IPPROTO_UDP) {
		read_datagram(reading, i);
		return;
	}
	if (flow->key.ip_protocol != IPPROTO_TCP) {
		flow->payload = TT_PAYLOAD_PASSED;
		return;
	}
	/* What a RST carries is a text for people (RFC 9293 3.5.2). */
	if (segment == NULL || (segment->flags & TT_TCP_RST))
		return;
	if (flow->payload == TT_PAYLOAD_NEW) {
		reading->conversation = begin_conversation(worker, flow);
		if (reading->conversation == NULL)
			return;
		begin_streams(reading, segment);
	}
	read_segment(reading, i, segment);
}

void tt_payload_flow_end(struct tt_worker *worker, struct tt_flow *flow)
{
	if (flow->conversation != 0)
		end_conversation(begin_reading(worker, flow, flow->end_us));
}
