/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steering: the key of each packet, and the packet to the worker that owns its flow. Whose fragments
 * are is decided first, by one worker for all fragments of a datagram: the only receiver where there
 * is one, so that what a capture holds is seen in its order; else the owner of the flow that the
 * addresses alone would make.
 */
#include "pipeline/worker.h"

#include <rte_cycles.h>
#include <string.h>

/* Keys whose buckets are fetched together. */
#define PREFETCH_KEYS 16

#define WAIT_US 20 /* before the next try to hand packets to a worker that is behind */

unsigned int tt_steer_owner(const struct tt_worker *worker, uint64_t hash)
{
	/* The upper 32 bits, scaled: the table uses the lower ones. */
	return (unsigned int)((hash >> 32) * worker->worker_count >> 32);
}

static void drop_full(struct tt_worker *worker, struct rte_mbuf **mbufs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct tt_handover *handover = tt_handover_of(mbufs[i]);

		if (!tt_handover_is_message(mbufs[i]))
			tt_counter_add(&worker->counters.ledger.dropped[TT_DROP_RING_FULL], 1);
		if (handover->kind == TT_HANDOVER_RESOLVED)
			rte_pktmbuf_free(handover->datagram);
	}
	rte_pktmbuf_free_bulk(mbufs, count);
}

void tt_steer_send(struct tt_worker *worker)
{
	for (unsigned int to = 0; to < worker->worker_count; to++) {
		struct tt_outbox *outbox = &worker->outbox[to];
		unsigned int sent = 0;

		if (outbox->count == 0)
			continue;
		sent = rte_ring_sp_enqueue_burst(
			outbox->ring, (void **)outbox->mbufs, outbox->count, NULL);
		/* Bounded by the owner, who takes from its rings as soon as the control core has made
		 * room for the records. Sleep, for it may be waiting for this very CPU. */
		while (worker->source.waits && sent < outbox->count) {
			rte_delay_us_sleep(WAIT_US);
			sent += rte_ring_sp_enqueue_burst(outbox->ring,
				(void **)(outbox->mbufs + sent), outbox->count - sent, NULL);
		}
		drop_full(worker, outbox->mbufs + sent, outbox->count - sent);
		tt_counter_add(&worker->counters.handed_over, sent);
		outbox->count = 0;
	}
}

static void post(struct tt_worker *worker, unsigned int to, struct rte_mbuf *mbuf)
{
	struct tt_outbox *outbox = &worker->outbox[to];

	outbox->mbufs[outbox->count++] = mbuf;
}

/* Packet i to worker `to`. */
static void hand_over(
	struct tt_worker *worker, unsigned int i, unsigned int to, enum tt_handover_kind kind)
{
	const struct tt_burst *burst = &worker->burst;
	const struct tt_received *received = &burst->received[i];
	const struct tt_packet *packet = &burst->packet[i];
	struct tt_handover *handover = tt_handover_of(received->mbuf);

	handover->time_us = received->time_us;
	handover->clock_us = burst->clock_us[i];
	handover->wire_bytes = received->wire_bytes;
	handover->port = received->port;
	handover->link = received->link;
	handover->kind = (uint8_t)kind;
	if (kind == TT_HANDOVER_RESOLVED) {
		handover->ip_protocol = packet->ip_protocol;
		handover->source_port = packet->source_port;
		handover->destination_port = packet->destination_port;
		handover->datagram = burst->datagram[i];
		handover->credit.packets = 0;
		if (burst->fragment[i] == TT_BURST_CREDITED)
			handover->credit = burst->credit[i];
	}
	post(worker, to, received->mbuf);
}

static uint64_t key_hash(struct tt_worker *worker, const struct tt_packet *packet)
{
	struct tt_flow_key key;

	tt_flow_key_make(&key, packet, &worker->key);
	return tt_flow_key_hash(&key, &worker->secret);
}

/* An mbuf for a message. Over a capture the receiver may have all of them on their way: the others
 * give them back, once they have got those that wait in the outboxes here. */
static struct rte_mbuf *alloc_message(struct tt_worker *worker)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);

	while (unlikely(mbuf == NULL) && worker->source.waits) {
		tt_steer_send(worker);
		rte_delay_us_sleep(WAIT_US);
		mbuf = rte_pktmbuf_alloc(worker->pool);
	}
	return mbuf;
}

bool tt_steer_message(struct tt_worker *worker, unsigned int to, uint8_t kind, const void *message,
	uint16_t bytes)
{
	if (worker->draining || worker->pool == NULL)
		return false;
	/* The other half of the outbox is for the packets of the burst. */
	if (worker->outbox[to].count >= TT_BURST)
		tt_steer_send(worker);

	struct rte_mbuf *mbuf = alloc_message(worker);
	if (mbuf == NULL)
		return false;
	char *room = rte_pktmbuf_append(mbuf, bytes);
	if (room == NULL) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	memcpy(room, message, bytes);
	tt_handover_of(mbuf)->kind = kind;
	tt_handover_of(mbuf)->clock_us = worker->clock_us;
	post(worker, to, mbuf);
	return true;
}

/* Its ports are not known, so no rule for ports matches. */
static bool orphan_excluded(const struct tt_worker *worker, const struct tt_fragment_orphan *orphan)
{
	struct tt_packet packet = orphan->packet;

	packet.source = orphan->source;
	packet.destination = orphan->destination;
	return tt_filter_excludes(worker->filter, &packet);
}

/* An orphan to the owner of its flow; where no message gets there, its packets are counted in this
 * worker's own table. */
static void settle_orphan(struct tt_worker *worker, const struct tt_fragment_orphan *orphan)
{
	if (worker->filter != NULL && orphan_excluded(worker, orphan)) {
		tt_counter_add(&worker->counters.fragments_excluded, orphan->credit.packets);
		return;
	}
	unsigned int owner = tt_steer_owner(worker, key_hash(worker, &orphan->packet));

	if (owner == worker->number ||
		!tt_steer_message(worker, owner, TT_HANDOVER_ORPHAN, orphan, sizeof(*orphan)))
		tt_flow_orphan(worker, orphan);
}

void tt_steer_expire_fragments(struct tt_worker *worker, uint64_t now_us, unsigned int limit)
{
	struct tt_fragment_orphan orphan;
	enum tt_fragment_expiry expiry;

	while (limit-- > 0 &&
		(expiry = tt_fragment_expire(worker->fragments, now_us, &orphan)) !=
			TT_FRAGMENT_NONE_EXPIRED)
		if (expiry == TT_FRAGMENT_ORPHANED) {
			settle_orphan(worker, &orphan);
			tt_steer_send(worker);
		}
}

/* A copy of a datagram's payload in mbufs; NULL when the pool has none left. */
static struct rte_mbuf *copy_datagram(
	struct tt_worker *worker, const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *whole = NULL;

	while (length > 0) {
		struct rte_mbuf *part = rte_pktmbuf_alloc(worker->pool);
		if (part == NULL)
			break;
		uint16_t room = rte_pktmbuf_tailroom(part);
		uint16_t taken = length < room ? (uint16_t)length : room;

		memcpy(rte_pktmbuf_append(part, taken), bytes, taken);
		bytes += taken;
		length -= taken;
		if (whole == NULL) {
			whole = part;
		} else if (rte_pktmbuf_chain(whole, part) != 0) {
			rte_pktmbuf_free(part);
			break;
		}
	}
	if (length > 0) {
		rte_pktmbuf_free(whole);
		tt_counter_add(&worker->counters.datagrams_lost, 1);
		return NULL;
	}
	return whole;
}

enum fragment_fate {
	FATE_GOES_ON,
	FATE_DONE, /* counted here, its mbuf can go */
	FATE_DROPPED,
	FATE_HANDED /* to the worker that attributes it */
};

/* Which worker attributes the fragments of this packet's datagram? */
static unsigned int resolver_of(struct tt_worker *worker, const struct tt_packet *packet)
{
	if (worker->source.receivers == 1)
		return worker->number;

	struct tt_packet portless = *packet;
	portless.source_port = 0;
	portless.destination_port = 0;
	return tt_steer_owner(worker, key_hash(worker, &portless));
}

static uint64_t domain_of(struct tt_worker *worker, const struct tt_packet *packet)
{
	struct tt_flow_key key;

	tt_flow_key_make(&key, packet, &worker->key);
	return key.domain;
}

static void settle_outcome_orphan(
	struct tt_worker *worker, const struct tt_fragment_outcome *outcome)
{
	if (outcome->has_orphan)
		settle_orphan(worker, &outcome->orphan);
}

/* Packet i is a fragment, or came in a tunnel's first one, that nobody has attributed yet. */
static enum fragment_fate resolve(struct tt_worker *worker, unsigned int i)
{
	struct tt_burst *burst = &worker->burst;
	struct tt_packet *packet = &burst->packet[i];
	struct tt_fragment_outcome outcome;
	struct tt_packet outer;
	unsigned int resolver;

	if (packet->flags & TT_PACKET_OUTER_FIRST) {
		tt_fragment_outer_packet(&outer, packet);
		resolver = resolver_of(worker, &outer);
	} else {
		resolver = resolver_of(worker, packet);
	}
	if (resolver != worker->number) {
		hand_over(worker, i, resolver, TT_HANDOVER_FRAGMENT);
		return FATE_HANDED;
	}

	if (worker->duplicates.looking && packet->flags & TT_PACKET_FRAGMENT &&
		tt_duplicates_see_fragment(worker, i, domain_of(worker, packet))) {
		tt_worker_drop(worker, i, TT_DROP_DUPLICATE);
		return FATE_DROPPED;
	}
	burst->fragment[i] = TT_BURST_RESOLVED;
	burst->datagram[i] = NULL;
	if (packet->flags & TT_PACKET_OUTER_FIRST) {
		tt_fragment_see_tunnel(worker->fragments, &outer, domain_of(worker, &outer),
			burst->clock_us[i], &outcome);
		settle_outcome_orphan(worker, &outcome);
		tt_counter_add(&worker->counters.tunnel_fragments, outcome.credit.packets);
	}
	if (!(packet->flags & TT_PACKET_FRAGMENT))
		return FATE_GOES_ON;

	tt_fragment_see(worker->fragments, packet, domain_of(worker, packet),
		1u << burst->received[i].port, burst->clock_us[i], &outcome);
	settle_outcome_orphan(worker, &outcome);
	if (outcome.whole != NULL)
		burst->datagram[i] = copy_datagram(worker, outcome.whole, outcome.whole_bytes);
	switch (outcome.result) {
	case TT_FRAGMENT_FIRST:
		if (outcome.credit.packets > 0) {
			burst->credit[i] = outcome.credit;
			burst->fragment[i] = TT_BURST_CREDITED;
		}
		return FATE_GOES_ON;
	case TT_FRAGMENT_KNOWN:
		return FATE_GOES_ON;
	case TT_FRAGMENT_HELD:
		return FATE_DONE;
	case TT_FRAGMENT_REST:
		tt_counter_add(&worker->counters.tunnel_fragments, 1);
		return FATE_DONE;
	}
	return FATE_GOES_ON;
}

/* Take packet i out by the filters, with what was put together for it. */
static void exclude(struct tt_worker *worker, unsigned int i)
{
	struct tt_burst *burst = &worker->burst;

	if (burst->fragment[i] != TT_BURST_PLAIN)
		rte_pktmbuf_free(burst->datagram[i]);
	if (burst->fragment[i] == TT_BURST_CREDITED)
		tt_counter_add(&worker->counters.fragments_excluded, burst->credit[i].packets);
	tt_worker_drop(worker, i, TT_DROP_EXCLUDED);
}

/* An ICMP error, seen first by this worker: to the owner of the flow that it is about, in the order
 * of the packets that go there. `before` is the number of the packet that follows here. */
static void steer_icmp_error(
	struct tt_worker *worker, const struct tt_packet *packet, unsigned int before)
{
	struct tt_burst *burst = &worker->burst;
	struct tt_unreachable *unreachable = &burst->unreachable[burst->unreachable_count];
	uint64_t hash;

	if (!tt_icmp_error(worker, packet, unreachable, &hash))
		return;
	unsigned int owner = tt_steer_owner(worker, hash);
	if (worker->worker_count == 1 || owner == worker->number)
		burst->unreachable_before[burst->unreachable_count++] = (uint8_t)before;
	else if (!tt_steer_message(
			 worker, owner, TT_HANDOVER_UNREACHABLE, unreachable, sizeof(*unreachable)))
		tt_counter_add(&worker->counters.messages_lost, 1);
}

/* Does the device's spreading stand for this packet? Not for tunnels, whose outer addresses it
 * hashed, and not for fragments, whose ports it did not see: those go by our hash. */
static bool spread_by_device(const struct tt_worker *worker, const struct tt_packet *packet)
{
	return !worker->software_steering && packet->layer_count == 0 &&
		!(packet->flags & TT_PACKET_FRAGMENT);
}

void tt_stage_steer(struct tt_worker *worker)
{
	struct tt_burst *burst = &worker->burst;
	const uint16_t unresolved = TT_PACKET_FRAGMENT | TT_PACKET_OUTER_FIRST;
	unsigned int kept = 0;

	burst->unreachable_count = 0;
	for (unsigned int i = 0; i < burst->count; i++) {
		struct tt_packet *packet = &burst->packet[i];

		if (unlikely(packet->flags & unresolved) && burst->fragment[i] == TT_BURST_PLAIN) {
			enum fragment_fate fate = resolve(worker, i);

			if (fate == FATE_DONE) {
				tt_counter_add(&worker->counters.ledger.processed, 1);
				burst->done[burst->done_count++] = burst->received[i].mbuf;
			}
			if (fate != FATE_GOES_ON)
				continue;
		}

		/* Fragments have their ports now, wherever they came from. */
		if (worker->filter != NULL && tt_filter_excludes(worker->filter, packet)) {
			exclude(worker, i);
			continue;
		}

		if (unlikely(tt_is_icmp(packet)) && burst->from_source)
			steer_icmp_error(worker, packet, kept);

		uint8_t direction =
			(uint8_t)tt_flow_key_make(&burst->key[kept], packet, &worker->key);
		uint64_t hash = tt_flow_key_hash(&burst->key[kept], &worker->secret);

		if (worker->worker_count > 1 && !spread_by_device(worker, packet)) {
			unsigned int owner = tt_steer_owner(worker, hash);

			if (owner != worker->number) {
				hand_over(worker, i, owner,
					burst->fragment[i] == TT_BURST_PLAIN
						? TT_HANDOVER_PACKET
						: TT_HANDOVER_RESOLVED);
				continue;
			}
		}
		burst->direction[kept] = direction;
		burst->hash[kept] = (uint32_t)hash;
		if (kept != i) {
			burst->received[kept] = burst->received[i];
			burst->clock_us[kept] = burst->clock_us[i];
			burst->packet[kept] = *packet;
			burst->view_bytes[kept] = burst->view_bytes[i];
			burst->fragment[kept] = burst->fragment[i];
			burst->datagram[kept] = burst->datagram[i];
			if (burst->fragment[i] == TT_BURST_CREDITED)
				burst->credit[kept] = burst->credit[i];
		}
		kept++;
		if (kept % PREFETCH_KEYS == 0)
			tt_flow_table_prefetch_buckets(
				worker->flows, burst->hash + kept - PREFETCH_KEYS, PREFETCH_KEYS);
	}
	burst->count = kept;
	tt_flow_table_prefetch_buckets(
		worker->flows, burst->hash + kept - kept % PREFETCH_KEYS, kept % PREFETCH_KEYS);
	if (worker->worker_count > 1)
		tt_steer_send(worker);
}
