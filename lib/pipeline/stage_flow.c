/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow stage: each packet to its flow, found or made, and counted there; what ends a connection
 * ends it here. The keys of the whole burst are looked up at once; a packet whose flow another one
 * of the burst has made, closed or pushed out looks again.
 */
#include "pipeline/worker.h"

#include <rte_prefetch.h>

/* Entries that one snapshot command looks at: some 20 us of the worker's time at most. */
#define SNAPSHOT_SLOTS 2048

/* Packets between the prefetch of a flow and its use: with 60 cycles a packet, longer than a miss. The
 * lines come while packets are accounted; all asked for at once would be waited for. Then, in the
 * same way, between the prefetch of what hangs off a flow and of what hangs off that. */
#define ACCOUNT_AHEAD 20
#define STATE_AHEAD   10
#define PARSER_AHEAD  5

#define WELL_KNOWN_PORTS 1024 /* RFC 6335 6: system ports are 0 to 1023 */

/* false when there is no room for its record. */
static bool report(struct tt_worker *worker, const struct tt_flow *flow, uint8_t snapshot)
{
	bool excluded;
	uint16_t service = tt_rules_of_flow(worker, flow, &excluded);

	if (excluded) {
		if (flow->state == TT_FLOW_UNREPORTED)
			tt_counter_add(&worker->counters.excluded_connections, 1);
		return true;
	}
	struct tt_connection_record *record =
		tt_shard_reserve(worker->shard, sizeof(struct tt_connection_record));
	if (record == NULL)
		return false;
	tt_connection_record_make(record, flow);
	record->header.worker = worker->number;
	record->header.snapshot = snapshot;
	record->service = service;
	if (worker->duplicates.table != NULL)
		for (unsigned int direction = 0; direction < 2; direction++)
			record->duplicates[direction ^ flow->client] =
				tt_duplicates_of_flow(worker, flow, direction);
	tt_shard_commit(worker->shard);
	return true;
}

bool tt_flow_report_record(void *context, struct tt_flow *flow)
{
	struct tt_worker *worker = context;

	tt_payload_flow_end(worker, flow);
	return report(worker, flow, 0);
}

void tt_flow_advance(struct tt_worker *worker)
{
	/* Whole milliseconds of the epoch: all workers find the same flows expired. */
	uint64_t now_ms = worker->clock_us / 1000;

	worker->next_ms_us = (now_ms + 1) * 1000;
	tt_flow_table_advance(worker->flows, now_ms);
}

static void end_flow(struct tt_worker *worker, struct tt_flow *flow, enum tt_close_reason reason)
{
	tt_flow_table_close(worker->flows, flow, reason, tt_flow_report_record, worker);
}

static void set_class(struct tt_worker *worker, struct tt_flow *flow, enum tt_flow_class class)
{
	if (flow->class != class)
		tt_flow_table_set_class(worker->flows, flow, class, tt_flow_report_record, worker);
}

/* By the ports: the lower one is the server's when it is well known. */
static bool ports_tell(const struct tt_flow_key *key, unsigned int *client)
{
	if (key->low_port == key->high_port)
		return false;
	*client = key->low_port < key->high_port ? 1 : 0;
	uint16_t lower = *client == 1 ? key->low_port : key->high_port;
	return lower > 0 && lower < WELL_KNOWN_PORTS;
}

static void begin_direction(struct tt_flow *flow, unsigned int direction)
{
	unsigned int client;

	flow->client = (uint8_t)direction;
	flow->direction_from = TT_DIRECTION_FIRST_PACKET;
	if (ports_tell(&flow->key, &client)) {
		flow->client = (uint8_t)client;
		flow->direction_from = TT_DIRECTION_PORT;
	}
}

/* A SYN or SYN-ACK says who the client is, better than what was guessed before. */
static void learn_direction(struct tt_flow *flow, const struct tt_tcp_segment *segment)
{
	const uint8_t handshake = segment->flags & (TT_TCP_SYN | TT_TCP_ACK | TT_TCP_RST);

	if (handshake == TT_TCP_SYN && flow->direction_from < TT_DIRECTION_SYN) {
		flow->client = segment->direction;
		flow->direction_from = TT_DIRECTION_SYN;
	} else if (handshake == (TT_TCP_SYN | TT_TCP_ACK) &&
		flow->direction_from < TT_DIRECTION_SYNACK) {
		flow->client = !segment->direction;
		flow->direction_from = TT_DIRECTION_SYNACK;
	}
}

/* Whoever repeats a SYN or SYN-ACK waits twice as long before the next time (RFC 6298 5.5): so that
 * these stay one connection, its patience grows as theirs. It begins at twice the timeout where the
 * SYN had any answer: hosts there are that repeat a SYN-ACK after 6 s only (RFC 1122 4.2.3.1 lets
 * timers tick slowly), and one that knows of an ICMP error takes its time, too. */
static void wait_for_handshake(struct tt_flow *flow)
{
	const struct tt_tcp *tcp = &flow->tcp;
	unsigned int patience = tcp->counts[0].syn_retransmits + tcp->counts[1].syn_retransmits;

	if (flow->class != TT_FLOW_TCP_HALF_OPEN)
		return;
	patience += ((tcp->half[0].flags_seen | tcp->half[1].flags_seen) & TT_TCP_ACK) != 0 ||
		tcp->unreachable != TT_TCP_NO_FAILURE;
	flow->patience =
		(patience < TT_FLOW_PATIENCE_LIMIT ? patience : TT_FLOW_PATIENCE_LIMIT) & 15u;
}

/* Likewise of a FIN: the patience follows from how often it was sent, also before the other side's. */
static void wait_for_close(struct tt_flow *flow)
{
	const struct tt_tcp_counts *counts = flow->tcp.counts;
	unsigned int sent = counts[0].fins > counts[1].fins ? counts[0].fins : counts[1].fins;

	if (flow->class != TT_FLOW_TCP_CLOSING || sent == 0)
		return;
	flow->patience =
		(sent - 1 < TT_FLOW_PATIENCE_LIMIT ? sent - 1 : TT_FLOW_PATIENCE_LIMIT) & 15u;
}

static void remember_layers(struct tt_flow *flow, const struct tt_packet *packet)
{
	flow->vlan_count = packet->vlan_count & 7u;
	for (unsigned int i = 0; i < packet->vlan_count; i++)
		flow->vlan[i] = packet->vlan[i];
	flow->layer_count = packet->layer_count & 7u;
	for (unsigned int i = 0; i < packet->layer_count; i++) {
		flow->layer_kind[i] = packet->layer[i].kind;
		flow->layer_id[i] = packet->layer[i].id;
		flow->layer_has_id |= (packet->layer[i].has_id << i) & 15;
	}
}

static struct tt_flow *make_flow(struct tt_worker *worker, const struct tt_flow_key *key,
	uint32_t hash, const struct tt_packet *packet, unsigned int direction, uint64_t time_us)
{
	struct tt_flow *flow =
		tt_flow_table_insert(worker->flows, key, hash, tt_flow_report_record, worker);

	flow->uid = worker->uid_base | ++worker->uid_count;
	worker->overload.created[tt_overload_kind_of(key->ip_protocol)]++;
	flow->start_us = time_us;
	flow->end_us = time_us;
	if (unlikely(worker->duplicates.table != NULL))
		tt_duplicates_flow_begin(worker, flow);
	if (unlikely(worker->rules.used))
		tt_rules_flow_begin(worker, flow);
	begin_direction(flow, direction);
	if (unlikely((packet->vlan_count | packet->layer_count) != 0))
		remember_layers(flow, packet);
	if (tt_is_icmp(packet) && packet->transport != NULL &&
		packet->transport_captured_bytes >= 2) {
		flow->icmp_type = packet->transport[0];
		flow->icmp_code = packet->transport[1];
	}
	return flow;
}

/* The flow of a key, unless its time is over: then it ends, and the packet begins another. */
static struct tt_flow *live_flow(struct tt_worker *worker, struct tt_flow *flow)
{
	if (flow != NULL && unlikely(tt_flow_has_expired(worker->flow_clock, flow))) {
		end_flow(worker, flow, tt_flow_expiry_reason(flow));
		return NULL;
	}
	return flow;
}

static void count_credit(
	struct tt_flow *flow, unsigned int direction, const struct tt_fragment_credit *credit)
{
	flow->counters[direction].packets += credit->packets;
	flow->counters[direction].ip_bytes += credit->ip_bytes;
	flow->fragments[direction] += credit->packets;
	flow->tap_ports[direction] |= credit->tap_ports;
	if (credit->first_us < flow->start_us)
		flow->start_us = credit->first_us;
	if (credit->last_us > flow->end_us)
		flow->end_us = credit->last_us;
}

/* A packet is older than the one before: the capture is out of order, or the clocks of two ports
 * differ. In what is measured of the flow, time stands still rather than run backwards. */
static void hold_time(struct tt_flow *flow, struct tt_received *received)
{
	if (received->time_us < flow->start_us)
		flow->start_us = received->time_us;
	received->time_us = flow->end_us;
}

static void count_packet(struct tt_flow *flow, unsigned int direction,
	const struct tt_packet *packet, struct tt_received *received, uint32_t now_ms)
{
	struct tt_flow_counters *counters = &flow->counters[direction];

	counters->packets++;
	counters->ip_bytes += packet->ip_bytes;
	if (likely(!(packet->flags & TT_PACKET_FRAGMENT_LATER))) {
		counters->payload_bytes += packet->payload_bytes;
	} else {
		flow->fragments[direction]++;
		/* Of UDP, the header in the first fragment claims the whole datagram's. */
		if (packet->ip_protocol != IPPROTO_UDP)
			counters->payload_bytes += packet->payload_bytes;
	}
	if (unlikely((flow->tap_ports[direction] & 1u << received->port) == 0))
		flow->tap_ports[direction] |= 1u << received->port;
	/* The start is in another cache line. */
	if (likely(received->time_us >= flow->end_us))
		flow->end_us = received->time_us;
	else
		hold_time(flow, received);
	flow->seen_ms = now_ms;
}

static enum tt_flow_class class_of_life(enum tt_tcp_life life)
{
	static const uint8_t classes[] = {
		[TT_TCP_HALF_OPEN] = TT_FLOW_TCP_HALF_OPEN,
		[TT_TCP_OPEN] = TT_FLOW_TCP_OPEN,
		[TT_TCP_CLOSED_FIN] = TT_FLOW_TCP_CLOSING,
		[TT_TCP_CLOSED_RST] = TT_FLOW_TCP_CLOSING,
	};

	return classes[life];
}

/* What a flow other than TCP is, once its counters are up to date. */
static enum tt_flow_class class_of_other(const struct tt_flow *flow)
{
	if (flow->key.ip_protocol == IPPROTO_TCP)
		return TT_FLOW_TCP_OPEN;
	if (flow->key.ip_protocol != IPPROTO_UDP)
		return TT_FLOW_OTHER;
	return flow->counters[0].packets > 0 && flow->counters[1].packets > 0 ? TT_FLOW_UDP_TWO_WAY
									      : TT_FLOW_UDP_ONE_WAY;
}

/* Under overload: is the flow that packet i would begin left out? Then so is the packet. */
static bool shed(struct tt_worker *worker, unsigned int i)
{
	struct tt_burst *burst = &worker->burst;

	if (!tt_overload_refuses(&worker->overload, burst->key[i].ip_protocol, burst->hash[i]))
		return false;
	burst->left_out++;
	tt_counter_add(&worker->counters.ledger.dropped[TT_DROP_SHED], 1);
	tt_counter_add(&worker->counters.overload.steps[TT_OVERLOAD_NEW_FLOWS].flows, 1);
	if (burst->fragment[i] != TT_BURST_PLAIN)
		rte_pktmbuf_free(burst->datagram[i]);
	return true;
}

/* NULL: it is shed, and so is the packet. */
static struct tt_flow *begin_flow(
	struct tt_worker *worker, unsigned int i, const struct tt_tcp_segment *segment)
{
	const struct tt_burst *burst = &worker->burst;
	const struct tt_overload *overload = &worker->overload;
	bool may_miss = unlikely(overload->missed > 0);

	if (may_miss && shed(worker, i))
		return NULL;
	struct tt_flow *flow = make_flow(worker, &burst->key[i], burst->hash[i], &burst->packet[i],
		burst->direction[i], burst->received[i].time_us);
	if (may_miss && tt_overload_missed(overload, flow->key.ip_protocol, flow->hash) &&
		(segment == NULL || (segment->flags & TT_TCP_SYN) == 0))
		flow->sampled = (flow->sampled | TT_FLOW_SAMPLED_START) & 15u;
	return flow;
}

static void account(struct tt_worker *worker, unsigned int i, struct tt_flow *flow)
{
	struct tt_burst *burst = &worker->burst;
	const struct tt_packet *packet = &burst->packet[i];
	struct tt_received *received = &burst->received[i];
	unsigned int direction = burst->direction[i];
	struct tt_tcp_segment segment;
	bool is_tcp = packet->ip_protocol == IPPROTO_TCP &&
		tt_tcp_segment_read(&segment, packet, direction, received->time_us);

	flow = live_flow(worker, flow);
	if (flow != NULL && is_tcp && unlikely(segment.flags & TT_TCP_SYN) &&
		tt_tcp_is_new_connection(&flow->tcp, &segment)) {
		end_flow(worker, flow,
			flow->class == TT_FLOW_TCP_CLOSING ? tt_flow_expiry_reason(flow)
							   : TT_CLOSE_REUSED);
		flow = NULL;
	}
	if (flow == NULL)
		flow = begin_flow(worker, i, is_tcp ? &segment : NULL);
	if (unlikely(flow == NULL))
		return;

	count_packet(flow, direction, packet, received, (uint32_t)worker->flow_clock->now_ms);
	if (is_tcp)
		segment.time_us = received->time_us;
	if (unlikely(burst->fragment[i] == TT_BURST_CREDITED))
		count_credit(flow, direction, &burst->credit[i]);
	tt_payload_take(worker, i, flow, is_tcp ? &segment : NULL);
	if (unlikely(burst->fragment[i] != TT_BURST_PLAIN))
		rte_pktmbuf_free(burst->datagram[i]);
	if (is_tcp) {
		if (unlikely(segment.flags & TT_TCP_SYN))
			learn_direction(flow, &segment);
		set_class(worker, flow, class_of_life(tt_tcp_update(&flow->tcp, &segment)));
		if (unlikely(segment.flags & TT_TCP_SYN))
			wait_for_handshake(flow);
		if (unlikely(segment.flags & TT_TCP_FIN))
			wait_for_close(flow);
	} else if (flow->key.ip_protocol != IPPROTO_TCP || flow->class == TT_FLOW_OTHER) {
		set_class(worker, flow, class_of_other(flow));
	}
}

void tt_flow_unreachable(struct tt_worker *worker, const struct tt_unreachable *unreachable)
{
	struct tt_flow *flow =
		tt_flow_table_lookup(worker->flows, &unreachable->key, unreachable->hash);

	if (flow != NULL) {
		tt_tcp_unreachable(&flow->tcp, unreachable->failure);
		wait_for_handshake(flow);
	}
}

/* What ICMP errors before packet i said. */
static void tell_unreachable(struct tt_worker *worker, unsigned int *told, unsigned int i)
{
	const struct tt_burst *burst = &worker->burst;

	for (; *told < burst->unreachable_count && burst->unreachable_before[*told] <= i; ++*told)
		tt_flow_unreachable(worker, &burst->unreachable[*told]);
}

/* What accounting packet i touches, into the second-level cache, which has more misses outstanding
 * than the first. */
static void prefetch_flow(struct tt_worker *worker, unsigned int i, struct tt_flow **candidates)
{
	const struct tt_burst *burst = &worker->burst;

	tt_flow_table_candidates(worker->flows, burst->hash + i, 1, candidates + i);
	if (burst->packet[i].ip_protocol == IPPROTO_TCP) {
		rte_prefetch1(&candidates[i]->tcp);
		rte_prefetch1(&candidates[i]->tcp.counts);
	}
}

/* Of a flow whose own lines have come: its conversation, and what a change of its class touches. */
static void prefetch_state(struct tt_worker *worker, unsigned int i, const struct tt_flow *flow)
{
	const struct tt_packet *packet = &worker->burst.packet[i];

	if (packet->ip_protocol != IPPROTO_TCP)
		return;
	if (flow->class == TT_FLOW_TCP_HALF_OPEN) {
		rte_prefetch1(&flow->start_us);
		rte_prefetch1(&flow->tcp.hole);
	}
	tt_payload_prefetch(worker, flow, packet->payload_bytes > 0);
}

static void prefetch_parser(struct tt_worker *worker, unsigned int i, const struct tt_flow *flow)
{
	const struct tt_packet *packet = &worker->burst.packet[i];

	if (packet->ip_protocol != IPPROTO_TCP)
		return;
	if (flow->class == TT_FLOW_TCP_HALF_OPEN)
		tt_flow_table_prefetch_links(worker->flows, flow);
	if (packet->payload_bytes > 0)
		tt_payload_prefetch_parser(worker, flow);
}

static bool leave_out(struct tt_worker *worker, unsigned int i, const struct tt_flow *flow)
{
	if (!tt_duplicates_see_packet(worker, i, flow))
		return false;
	worker->burst.left_out++;
	tt_counter_add(&worker->counters.ledger.dropped[TT_DROP_DUPLICATE], 1);
	return true;
}

void tt_stage_flow(struct tt_worker *worker)
{
	struct tt_burst *burst = &worker->burst;
	const bool looking = worker->duplicates.looking;
	struct tt_flow *candidates[TT_BURST];
	unsigned int told = 0; /* of burst->unreachable */

	if (unlikely(looking))
		tt_duplicates_read_burst(worker);
	for (unsigned int i = 0; i < burst->count && i < ACCOUNT_AHEAD; i++)
		prefetch_flow(worker, i, candidates);
	for (unsigned int i = 0; i < burst->count && i < STATE_AHEAD; i++)
		prefetch_state(worker, i, candidates[i]);
	for (unsigned int i = 0; i < burst->count && i < PARSER_AHEAD; i++)
		prefetch_parser(worker, i, candidates[i]);
	for (unsigned int i = 0; i < burst->count; i++) {
		if (i + ACCOUNT_AHEAD < burst->count)
			prefetch_flow(worker, i + ACCOUNT_AHEAD, candidates);
		if (i + STATE_AHEAD < burst->count)
			prefetch_state(worker, i + STATE_AHEAD, candidates[i + STATE_AHEAD]);
		if (i + PARSER_AHEAD < burst->count)
			prefetch_parser(worker, i + PARSER_AHEAD, candidates[i + PARSER_AHEAD]);
		tt_worker_advance(worker, burst->clock_us[i]);
		if (unlikely(told < burst->unreachable_count))
			tell_unreachable(worker, &told, i);
		struct tt_flow *flow = tt_flow_table_find(
			worker->flows, candidates[i], &burst->key[i], burst->hash[i]);
		if (likely(!looking) || !leave_out(worker, i, flow))
			account(worker, i, flow);
	}
	tell_unreachable(worker, &told, TT_BURST);
}

void tt_flow_orphan(struct tt_worker *worker, const struct tt_fragment_orphan *orphan)
{
	struct tt_packet packet = orphan->packet;
	struct tt_flow_key key;

	/* Where this orphan is: it may have come in a message. */
	packet.source = orphan->source;
	packet.destination = orphan->destination;
	unsigned int direction = tt_flow_key_make(&key, &packet, &worker->key);
	uint32_t hash = (uint32_t)tt_flow_key_hash(&key, &worker->secret);
	struct tt_flow *flow = live_flow(worker, tt_flow_table_lookup(worker->flows, &key, hash));

	if (flow == NULL) {
		flow = make_flow(worker, &key, hash, &packet, direction, orphan->credit.first_us);
		set_class(worker, flow, class_of_other(flow));
	}
	count_credit(flow, direction, &orphan->credit);
	flow->seen_ms = (uint32_t)worker->flow_clock->now_ms;
}

void tt_flow_snapshot(struct tt_worker *worker, const struct tt_command *command)
{
	uint32_t extent = tt_flow_table_extent(worker->flows);
	uint32_t slot = command->first_slot;
	uint32_t reported = 0;

	for (uint32_t looked = 0;
		slot < extent && looked < SNAPSHOT_SLOTS && reported < command->limit;
		slot++, looked++) {
		struct tt_flow *flow = tt_flow_table_entry(worker->flows, slot);

		if (flow == NULL || tt_flow_has_expired(worker->flow_clock, flow))
			continue;
		reported += report(worker, flow, (uint8_t)command->id);
	}

	struct tt_snapshot_end_record *end =
		tt_shard_reserve(worker->shard, sizeof(struct tt_snapshot_end_record));
	end->header.kind = TT_RECORD_SNAPSHOT_END;
	end->header.snapshot = 0;
	end->id = command->id;
	end->next_slot = slot;
	end->more = slot < extent;
	tt_shard_commit(worker->shard);
}
