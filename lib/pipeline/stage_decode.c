/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/worker.h"

#include <rte_prefetch.h>

static enum tt_drop_reason drop_reason(enum tt_decode_result result)
{
	static const uint8_t reasons[TT_DECODE_RESULTS] = {
		[TT_DECODE_NOT_IP] = TT_DROP_NOT_IP,
		[TT_DECODE_BAD_LINK] = TT_DROP_BAD_LINK,
		[TT_DECODE_BAD_IPV4] = TT_DROP_BAD_IPV4,
		[TT_DECODE_BAD_IPV6] = TT_DROP_BAD_IPV6,
	};

	return reasons[result];
}

/* The bytes of a frame that the parsers see: its first segment, or where that is shorter than any
 * headers, a copy of as much as headers take. */
static const uint8_t *frame_bytes(struct tt_worker *worker, unsigned int i, uint32_t *length)
{
	struct rte_mbuf *mbuf = worker->burst.received[i].mbuf;
	uint32_t wanted = sizeof(worker->headers[i]);

	*length = mbuf->data_len;
	if (likely(mbuf->nb_segs == 1) || *length >= wanted)
		return rte_pktmbuf_mtod(mbuf, const uint8_t *);
	*length = mbuf->pkt_len < wanted ? mbuf->pkt_len : wanted;
	return rte_pktmbuf_read(mbuf, 0, *length, worker->headers[i]);
}

#define LEFT_ON (TT_PACKET_LAYERS_LEFT | TT_PACKET_LAYERS_UNKNOWN)

static void count_layers(struct tt_worker *worker, const struct tt_packet *packet)
{
	for (unsigned int layer = 0; layer < packet->layer_count; layer++)
		tt_counter_add(&worker->counters.layers[packet->layer[layer].kind], 1);
	if (packet->flags & TT_PACKET_LAYERS_LEFT)
		tt_counter_add(&worker->counters.layers_left, 1);
	if (packet->flags & TT_PACKET_LAYERS_UNKNOWN)
		tt_counter_add(&worker->counters.layers_unknown, 1);
}

/* A fragment that another worker has attributed: what it found out. */
static void take_resolution(struct tt_burst *burst, unsigned int n)
{
	const struct tt_handover *handover = tt_handover_of(burst->received[n].mbuf);
	struct tt_packet *packet = &burst->packet[n];

	if (packet->flags & TT_PACKET_FRAGMENT_LATER) {
		packet->ip_protocol = handover->ip_protocol;
		packet->source_port = handover->source_port;
		packet->destination_port = handover->destination_port;
	}
	burst->datagram[n] = handover->datagram;
	if (handover->credit.packets > 0) {
		burst->fragment[n] = TT_BURST_CREDITED;
		burst->credit[n] = handover->credit;
	}
}

void tt_stage_decode(struct tt_worker *worker)
{
	struct tt_burst *burst = &worker->burst;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < burst->count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(burst->received[i].mbuf, const void *));

	for (unsigned int i = 0; i < burst->count; i++) {
		const struct tt_received *received = &burst->received[i];
		struct tt_packet *packet = &burst->packet[kept];
		uint32_t length;
		const uint8_t *bytes = frame_bytes(worker, i, &length);
		enum tt_decode_result result = tt_decode(packet, &worker->decode, received->link,
			bytes, length, received->wire_bytes);

		if (unlikely(result != TT_DECODE_IP)) {
			tt_worker_drop(worker, i, drop_reason(result));
			continue;
		}
		burst->received[kept] = *received;
		burst->view_bytes[kept] = length;
		burst->clock_us[kept] = burst->clock_us[i];
		burst->fragment[kept] = burst->fragment[i];
		if (unlikely(packet->layer_count > 0 || (packet->flags & LEFT_ON) != 0))
			count_layers(worker, packet);
		if (unlikely(burst->fragment[kept] != TT_BURST_PLAIN))
			take_resolution(burst, kept);
		kept++;
	}
	burst->count = kept;
}

void tt_stage_free(struct tt_worker *worker)
{
	struct tt_burst *burst = &worker->burst;

	for (unsigned int i = 0; i < burst->count; i++)
		burst->done[burst->done_count++] = burst->received[i].mbuf;
	tt_counter_add(&worker->counters.ledger.processed, burst->count - burst->left_out);
	rte_pktmbuf_free_bulk(burst->done, burst->done_count);
	burst->count = 0;
	burst->left_out = 0;
	burst->done_count = 0;
}
