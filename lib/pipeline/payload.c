/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/payload.h"

#include "base/memory.h"
#include "pipeline/worker.h"
#include "protocol/http1.h"
#include "protocol/protocol.h"

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

/* What was given to another parser before is not given again: that direction begins midway. */
static void become_http1(struct tt_conversation *conversation)
{
	const struct tt_http1_side midway = {0};

	conversation->parser = TT_PAYLOAD_HTTP1;
	conversation->http1 = (struct tt_http1_connection){0};
	if (conversation->from_start != 0)
		tt_http1_connection_start(&conversation->http1);
	for (unsigned int direction = 0; direction < 2; direction++)
		if ((conversation->from_start & 1U << direction) == 0)
			conversation->http1.side[direction] = midway;
}

static void become_http2(struct tt_conversation *conversation)
{
	conversation->parser = TT_PAYLOAD_HTTP2;
	conversation->http2 = (struct tt_http2_connection){0};
	for (unsigned int direction = 0; direction < 2; direction++)
		if ((conversation->from_start & 1U << direction) != 0)
			tt_http2_connection_start(&conversation->http2, direction);
	if (conversation->upgraded)
		tt_http2_connection_upgrade(&conversation->http2);
}

static void become_dns(struct tt_conversation *conversation)
{
	conversation->parser = TT_PAYLOAD_DNS;
	for (unsigned int direction = 0; direction < 2; direction++) {
		conversation->dns[direction] = (struct tt_dns_stream){0};
		if ((conversation->from_start & 1U << direction) != 0)
			tt_dns_stream_start(&conversation->dns[direction]);
	}
}

/* The first bytes of both directions are to come. */
static void become_looking(struct tt_conversation *conversation)
{
	conversation->parser = TT_PAYLOAD_SEARCHING;
	conversation->looking = 3;
	conversation->look.classifier = (struct tt_classifier){0};
	conversation->look.kept[0] = 0;
	conversation->look.kept[1] = 0;
	conversation->look.last = 0;
	conversation->tls = (struct tt_tls_connection){0};
}

/* Which parser follows a protocol. */
static enum tt_payload_parser parser_of(const struct tt_worker *worker, uint8_t protocol)
{
	bool followed = protocol == TT_PROTOCOL_TLS || tt_classify_may_start_tls(protocol);

	if (protocol == TT_PROTOCOL_HTTP && worker->http.stats != NULL)
		return TT_PAYLOAD_HTTP1;
	if (protocol == TT_PROTOCOL_HTTP2 && worker->http.stats != NULL)
		return TT_PAYLOAD_HTTP2;
	if (protocol == TT_PROTOCOL_DNS && worker->dns.transactions != NULL)
		return TT_PAYLOAD_DNS;
	return followed && worker->tls.enabled ? TT_PAYLOAD_TLS : TT_PAYLOAD_NOBODY;
}

static void set_protocol(struct tt_flow *flow, uint8_t protocol)
{
	if (tt_classify_encrypts(protocol))
		flow->encryption = protocol;
	else
		flow->application = protocol;
}

/* A conversation that searches is `parser`'s, from its next byte on. */
static void become(struct tt_payload_reading *reading, enum tt_payload_parser parser)
{
	struct tt_conversation *conversation = reading->conversation;

	conversation->looking = 0;
	/* TLS's goes on with what it has of the other direction. */
	if (parser != TT_PAYLOAD_TLS)
		tt_tls_connection_close(&conversation->tls, &reading->worker->tls.pool, NULL);
	if (parser == TT_PAYLOAD_HTTP1)
		become_http1(conversation);
	else if (parser == TT_PAYLOAD_HTTP2)
		become_http2(conversation);
	else if (parser == TT_PAYLOAD_DNS)
		become_dns(conversation);
	else
		conversation->parser = (uint8_t)parser;
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

static enum tt_classify_result classify(const struct tt_payload_reading *reading,
	struct tt_classifier *classifier, unsigned int direction, const uint8_t *bytes,
	size_t length, bool over, uint8_t *protocol)
{
	const struct tt_flow_key *key = &reading->flow->key;
	const uint16_t ports[2] = {key->low_port, key->high_port};

	return tt_classify_stream(classifier, direction, ports, bytes, length, over, protocol);
}

/* The same of a direction's first bytes, which may be a signature's when no parser knows them. */
static enum tt_classify_result classify_first(struct tt_payload_reading *reading,
	unsigned int direction, const uint8_t *bytes, size_t length, bool over, uint8_t *protocol)
{
	struct tt_worker *worker = reading->worker;
	const struct tt_flow *flow = reading->flow;
	enum tt_classify_result result = classify(reading, &reading->conversation->look.classifier,
		direction, bytes, length, over, protocol);

	if (result == TT_CLASSIFY_KNOWN || result == TT_CLASSIFY_MORE ||
		!tt_rules_may_be_protocol(worker, flow, direction, bytes[0]))
		return result;
	uint8_t found = tt_rules_protocol(worker, flow, direction, bytes, length);
	if (found != TT_PROTOCOL_NONE) {
		*protocol = found;
		return TT_CLASSIFY_KNOWN;
	}
	/* A query that waited for more would be as late as its answer. */
	bool waits = length < TT_CLASSIFY_BYTES && !over && !tt_dns_is_expected(&worker->dns, flow);

	return waits ? TT_CLASSIFY_MORE : result;
}

/* The protocol is known: what was kept of both directions is its parser's. */
static void look_tells(struct tt_payload_reading *reading, uint8_t protocol)
{
	/* A copy, since they may lead to another look. */
	const struct tt_payload_look look = reading->conversation->look;

	set_protocol(reading->flow, protocol);
	become(reading, parser_of(reading->worker, protocol));
	for (unsigned int side = 0; side < 2; side++)
		feed_all(reading, side, look.bytes[side], look.kept[side]);
}

/* The first bytes of a direction told nothing: a port of DNS does, else its pieces are searched. */
static void look_fails(struct tt_payload_reading *reading, unsigned int direction)
{
	struct tt_conversation *conversation = reading->conversation;
	const struct tt_payload_look look = conversation->look;

	conversation->looking &= (uint8_t) ~(1U << direction);
	conversation->look.kept[direction] = 0;
	if (tt_dns_is_expected(&reading->worker->dns, reading->flow)) {
		become(reading, TT_PAYLOAD_DNS);
		feed_all(reading, !direction, look.bytes[!direction], look.kept[!direction]);
	} else {
		conversation->from_start &= (uint8_t) ~(1U << direction);
	}
	feed_all(reading, direction, look.bytes[direction], look.kept[direction]);
}

/* The first bytes of a direction are over, while it was looked at them. */
static void look_ends(struct tt_payload_reading *reading, unsigned int direction)
{
	struct tt_payload_look *look = &reading->conversation->look;
	uint8_t protocol;

	if (look->kept[direction] > 0 &&
		classify_first(reading, direction, look->bytes[direction], look->kept[direction],
			true, &protocol) == TT_CLASSIFY_KNOWN)
		look_tells(reading, protocol);
	else
		look_fails(reading, direction);
}

/* The first bytes of a direction, until it or the other one tells. */
static size_t look(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	size_t length)
{
	struct tt_payload_look *look = &reading->conversation->look;
	size_t kept = look->kept[direction];
	size_t taken = RTE_MIN(length, TT_CLASSIFY_BYTES - kept);
	enum tt_classify_result result = TT_CLASSIFY_MORE;
	uint8_t protocol;

	if (kept == 0)
		result = classify_first(reading, direction, bytes, length, false, &protocol);
	if (kept > 0 || result == TT_CLASSIFY_MORE) {
		memcpy(look->bytes[direction] + kept, bytes, taken);
		look->kept[direction] = (uint8_t)(kept + taken);
		if (kept > 0)
			result = classify_first(reading, direction, look->bytes[direction],
				look->kept[direction], false, &protocol);
	} else {
		taken = 0;
	}
	if (result == TT_CLASSIFY_KNOWN)
		look_tells(reading, protocol);
	else if (result != TT_CLASSIFY_MORE)
		look_fails(reading, direction);
	return taken;
}

/* Does a protocol begin with this piece, that comes after another, or midway? What may be the
 * beginning of one, and comes to nothing, is searched anew, so only once. */
static bool found(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	size_t length)
{
	struct tt_conversation *conversation = reading->conversation;
	struct tt_classifier classifier = {0};
	uint8_t protocol;

	if (tt_http1_kind_of(bytes, length) == TT_HTTP1_NEITHER)
		return false;
	enum tt_classify_result result =
		classify(reading, &classifier, direction, bytes, length, false, &protocol);

	if (result == TT_CLASSIFY_KNOWN) {
		conversation->from_start |= (uint8_t)(1U << direction);
		set_protocol(reading->flow, protocol);
		become(reading, parser_of(reading->worker, protocol));
		return true;
	}
	if (result != TT_CLASSIFY_MORE || conversation->looked_again)
		return false;
	conversation->looked_again = true;
	conversation->looking |= (uint8_t)(1U << direction);
	conversation->from_start |= (uint8_t)(1U << direction);
	return true;
}

static void give_to_tls(struct tt_payload_reading *reading, unsigned int direction,
	const uint8_t *bytes, size_t length)
{
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;

	tt_tls_connection_data(&conversation->tls, &worker->tls.pool, &worker->tls.consumer,
		direction, reading->time_us, bytes, length);
	if (conversation->tls.handshake != 0) {
		conversation->parser = TT_PAYLOAD_TLS;
		conversation->looking = 0;
		reading->flow->encryption = TT_PROTOCOL_TLS;
	} else if (tt_tls_connection_is_finished(&conversation->tls)) {
		conversation->parser = TT_PAYLOAD_NOBODY;
	}
}

static size_t search(struct tt_payload_reading *reading, unsigned int direction,
	const uint8_t *bytes, size_t length)
{
	struct tt_conversation *conversation = reading->conversation;
	bool answered = conversation->look.last != direction;

	conversation->look.last = (uint8_t)direction;
	if ((conversation->looking & 1U << direction) != 0) {
		/* Who goes on after an answer has said his first words. */
		if (!answered || conversation->look.kept[direction] == 0)
			return look(reading, direction, bytes, length);
		look_ends(reading, direction);
		return 0;
	}
	if (conversation->tls.side[direction].state == TT_TLS_SEARCHING &&
		found(reading, direction, bytes, length))
		return 0;
	if (reading->worker->tls.enabled)
		give_to_tls(reading, direction, bytes, length);
	else if (conversation->looking == 0 || ++conversation->waited == TT_TLS_SEARCH_PIECES)
		conversation->parser = TT_PAYLOAD_NOBODY;
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
		bool websocket = http1->websocket;

		reading->conversation->upgraded = http1->switched;
		tt_http1_connection_close(http1, pool, reading);
		become_looking(reading->conversation);
		reading->conversation->from_start = 3;
		if (websocket) {
			reading->flow->application = TT_PROTOCOL_WEBSOCKET;
			reading->conversation->parser = TT_PAYLOAD_NOBODY;
		}
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
	case TT_PAYLOAD_SEARCHING:
		return search(reading, direction, bytes, length);
	case TT_PAYLOAD_HTTP1:
		return feed_http1(reading, direction, bytes, length);
	case TT_PAYLOAD_HTTP2:
		tt_http2_connection_data(&conversation->http2, &worker->http.http2, direction,
			bytes, length, reading->time_us, reading);
		return length;
	case TT_PAYLOAD_DNS:
		reading->direction = (uint8_t)direction;
		tt_dns_stream_data(&conversation->dns[direction], &worker->dns.messages, bytes,
			length, on_dns_message, reading);
		return length;
	case TT_PAYLOAD_TLS:
		give_to_tls(reading, direction, bytes, length);
		return length;
	case TT_PAYLOAD_QUIC:
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

	if ((conversation->looking & 1U << direction) != 0) {
		look_ends(reading, direction);
		conversation->from_start &= (uint8_t) ~(1U << direction);
	}
	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_gap(&conversation->http1, &worker->http.http1, direction,
			length, reading->time_us, reading);
		break;
	case TT_PAYLOAD_HTTP2:
		tt_http2_connection_gap(&conversation->http2, &worker->http.http2, direction,
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
	case TT_PAYLOAD_QUIC:
	case TT_PAYLOAD_NOBODY:
		break;
	}
}

static void on_end(void *context, unsigned int direction)
{
	struct tt_payload_reading *reading = context;
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;

	if ((conversation->looking & 1U << direction) != 0)
		look_ends(reading, direction);
	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_end(
			&conversation->http1, &worker->http.http1, direction, reading);
		break;
	case TT_PAYLOAD_HTTP2:
		tt_http2_connection_end(
			&conversation->http2, &worker->http.http2, direction, reading);
		break;
	case TT_PAYLOAD_DNS:
		tt_dns_stream_close(&conversation->dns[direction], &worker->dns.messages);
		break;
	case TT_PAYLOAD_SEARCHING:
	case TT_PAYLOAD_TLS:
		tt_tls_connection_end(
			&conversation->tls, &worker->tls.pool, &worker->tls.consumer, direction);
		break;
	case TT_PAYLOAD_QUIC:
	case TT_PAYLOAD_NOBODY:
		break;
	}
}

static struct tt_stream_consumer consumer_of(struct tt_payload_reading *reading)
{
	return (struct tt_stream_consumer){
		.data = on_data, .gap = on_gap, .end = on_end, .context = reading};
}

struct tt_conversation *tt_payload_begin(struct tt_payload_reading *reading)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;
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
	reading->conversation = &payload->conversations[number - 1];
	/* The look is written where it begins. */
	memset(reading->conversation, 0, offsetof(struct tt_conversation, look));
	return reading->conversation;
}

struct tt_quic_work tt_payload_quic(struct tt_payload_reading *reading)
{
	struct tt_worker_tls *tls = &reading->worker->tls;

	return (struct tt_quic_work){
		.reader = &tls->quic,
		.connection = &reading->conversation->quic,
		.tls = &reading->conversation->tls,
		.pool = &tls->pool,
		.consumer = &tls->consumer,
	};
}

void tt_payload_end(struct tt_payload_reading *reading)
{
	struct tt_worker *worker = reading->worker;
	struct tt_conversation *conversation = reading->conversation;
	const struct tt_stream_consumer consumer = consumer_of(reading);
	struct tt_quic_work quic;

	tt_stream_close(&conversation->stream, &worker->payload.streams,
		conversation->parser == TT_PAYLOAD_NOBODY ? NULL : &consumer);
	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		tt_http1_connection_close(&conversation->http1, &worker->http.http1, reading);
		break;
	case TT_PAYLOAD_HTTP2:
		tt_http2_connection_close(&conversation->http2, &worker->http.http2, reading);
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
	case TT_PAYLOAD_QUIC:
		quic = tt_payload_quic(reading);
		tt_quic_connection_close(&quic);
		break;
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

/* The first payload of a TCP connection: where its streams begin is known of a direction whose SYN
 * was seen. */
static void begin_streams(struct tt_payload_reading *reading, const struct tt_tcp_segment *segment)
{
	struct tt_conversation *conversation = reading->conversation;
	const struct tt_flow *flow = reading->flow;
	uint32_t initial;

	become_looking(conversation);
	conversation->from_start = (segment->flags & TT_TCP_SYN) != 0 ? 3 : 0;
	for (unsigned int direction = 0; direction < 2; direction++) {
		if (!tt_tcp_initial_sequence(&flow->tcp, direction, &initial))
			continue;
		conversation->from_start = 3;
		tt_stream_start(&conversation->stream, direction, initial + 1);
	}
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
		tt_payload_end(reading);
}

/* Is nothing under way in a conversation, so that what was reported of it is whole? DNS's answers are
 * waited for elsewhere. */
static bool may_stop(const struct tt_conversation *conversation)
{
	switch ((enum tt_payload_parser)conversation->parser) {
	case TT_PAYLOAD_HTTP1:
		return tt_http1_connection_is_idle(&conversation->http1);
	case TT_PAYLOAD_SEARCHING:
	case TT_PAYLOAD_TLS:
		return conversation->tls.handshake == 0;
	default:
		return false;
	}
}

/* What waits for earlier segments belongs to what has not begun. */
static void stop(struct tt_payload_reading *reading)
{
	struct tt_conversation *conversation = reading->conversation;

	if (conversation->parser == TT_PAYLOAD_HTTP1)
		tt_http1_connection_close(
			&conversation->http1, &reading->worker->http.http1, reading);
	else
		tt_tls_connection_close(&conversation->tls, &reading->worker->tls.pool, NULL);
	conversation->parser = TT_PAYLOAD_NOBODY;
	tt_payload_end(reading);
}

/* Under overload: is the flow's payload not looked at, or no longer? */
static bool shed(struct tt_payload_reading *reading)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;
	enum tt_overload_step step = TT_OVERLOAD_NEW_PAYLOAD;

	if (flow->payload != TT_PAYLOAD_NEW) {
		step = TT_OVERLOAD_LONG_PAYLOAD;
		if (reading->conversation == NULL ||
			flow->counters[0].packets + flow->counters[1].packets <
				worker->overload.options.long_flow_packets)
			return false;
	}
	if (!tt_overload_sheds(&worker->overload, step, flow->hash))
		return false;
	if (reading->conversation != NULL) {
		if (!may_stop(reading->conversation))
			return false;
		stop(reading);
	}
	flow->payload = TT_PAYLOAD_PASSED;
	flow->sampled = (flow->sampled | TT_FLOW_SAMPLED_PAYLOAD) & 15u;
	tt_counter_add(&worker->counters.overload.steps[step].flows, 1);
	return true;
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

/* Lines of a conversation that payload touches, whatever its parser. */
#define PAYLOAD_LINES 3
_Static_assert(offsetof(struct tt_conversation, look) <= PAYLOAD_LINES * 64, "see PAYLOAD_LINES");

void tt_payload_prefetch(
	const struct tt_worker *worker, const struct tt_flow *flow, bool has_payload)
{
	if (flow->conversation == 0)
		return;
	const uint8_t *conversation =
		(const uint8_t *)&worker->payload.conversations[flow->conversation - 1];

	rte_prefetch1(conversation);
	for (unsigned int line = 1; has_payload && line < PAYLOAD_LINES; line++)
		rte_prefetch1(conversation + 64 * line);
}

void tt_payload_prefetch_parser(const struct tt_worker *worker, const struct tt_flow *flow)
{
	if (flow->conversation == 0)
		return;
	const struct tt_conversation *conversation =
		&worker->payload.conversations[flow->conversation - 1];

	if (conversation->parser == TT_PAYLOAD_HTTP1)
		tt_http1_connection_prefetch(&conversation->http1, &worker->http.http1);
	else if (conversation->parser == TT_PAYLOAD_TLS)
		tt_tls_connection_prefetch(&conversation->tls, &worker->tls.pool);
	else if (conversation->parser == TT_PAYLOAD_SEARCHING)
		rte_prefetch1(&conversation->look);
}

void tt_payload_read(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment)
{
	struct tt_payload_reading *reading =
		begin_reading(worker, flow, worker->burst.received[i].time_us);

	if (unlikely(worker->overload.level > 0) && shed(reading))
		return;
	if (flow->key.ip_protocol == IPPROTO_UDP) {
		tt_payload_read_datagram(reading, i);
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
		if (tt_payload_begin(reading) == NULL)
			return;
		begin_streams(reading, segment);
	}
	read_segment(reading, i, segment);
}

void tt_payload_flow_end(struct tt_worker *worker, struct tt_flow *flow)
{
	if (flow->conversation != 0)
		tt_payload_end(begin_reading(worker, flow, flow->end_us));
}
