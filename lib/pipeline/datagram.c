/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload of UDP: which protocol a flow speaks, over several datagrams where one does not tell, and
 * each datagram to that protocol's parser.
 */
#include "pipeline/payload.h"

#include "pipeline/worker.h"
#include "protocol/protocol.h"

#include <string.h>

_Static_assert(sizeof(struct tt_payload_datagrams) <= TT_FLOW_UNDECIDED_BYTES, "undecided");

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

/* What a flow is, once it is known. */
static void become(struct tt_payload_reading *reading, uint8_t protocol)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;

	flow->payload = TT_PAYLOAD_PASSED;
	if (tt_classify_encrypts(protocol))
		flow->encryption = protocol;
	else
		flow->application = protocol;
	if (protocol == TT_PROTOCOL_DNS && worker->dns.transactions != NULL)
		flow->payload = TT_PAYLOAD_FOLLOWED;
	else if (protocol == TT_PROTOCOL_DTLS && worker->tls.enabled &&
		tt_payload_begin(reading) != NULL)
		reading->conversation->parser = TT_PAYLOAD_TLS;
	else if (protocol == TT_PROTOCOL_QUIC && worker->tls.enabled &&
		tt_payload_begin(reading) != NULL) {
		reading->conversation->parser = TT_PAYLOAD_QUIC;
		reading->conversation->quic = (struct tt_quic_connection){0};
	}
}

/* A datagram of a flow whose protocol is not known. On a port of DNS, what is no other's is
 * DNS. Peers that have found each other with STUN go on with something else. */
static void look(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	uint32_t length)
{
	struct tt_flow *flow = reading->flow;
	const uint16_t ports[2] = {flow->key.low_port, flow->key.high_port};
	struct tt_payload_datagrams datagrams;
	uint8_t protocol;

	memcpy(&datagrams, flow->undecided, sizeof(datagrams));
	enum tt_classify_result result = tt_classify_datagram(
		&datagrams.classifier, direction, ports, bytes, length, &protocol);
	if (result != TT_CLASSIFY_KNOWN) {
		protocol = tt_rules_protocol(reading->worker, flow, direction, bytes, length);
		if (protocol != TT_PROTOCOL_NONE)
			result = TT_CLASSIFY_KNOWN;
	}
	switch (result) {
	case TT_CLASSIFY_KNOWN:
		if (protocol != TT_PROTOCOL_STUN || ++datagrams.stun == TT_PAYLOAD_STUN_DATAGRAMS) {
			become(reading, protocol);
			return;
		}
		flow->application = protocol;
		break;
	case TT_CLASSIFY_MORE:
		break;
	default:
		flow->payload = TT_PAYLOAD_PASSED;
		return;
	}
	flow->payload = TT_PAYLOAD_UNDECIDED;
	memcpy(flow->undecided, &datagrams, sizeof(datagrams));
	if (flow->application == TT_PROTOCOL_NONE &&
		tt_dns_is_expected(&reading->worker->dns, flow))
		flow->payload = TT_PAYLOAD_FOLLOWED;
}

/* To the parser of the reading's conversation, until that has learnt what there is. */
static void follow(struct tt_payload_reading *reading, unsigned int direction, const uint8_t *bytes,
	uint32_t length)
{
	struct tt_worker_tls *tls = &reading->worker->tls;
	struct tt_conversation *conversation = reading->conversation;
	bool finished;

	if (conversation->parser == TT_PAYLOAD_QUIC) {
		const struct tt_quic_work quic = tt_payload_quic(reading);

		tt_quic_connection_datagram(&quic, direction, reading->time_us, bytes, length);
		finished = tt_quic_connection_is_finished(&conversation->quic);
	} else {
		tt_tls_connection_datagram(&conversation->tls, &tls->pool, &tls->consumer,
			direction, reading->time_us, bytes, length);
		finished = tt_tls_connection_is_finished(&conversation->tls);
	}
	if (finished)
		tt_payload_end(reading);
}

void tt_payload_read_datagram(struct tt_payload_reading *reading, unsigned int i)
{
	struct tt_worker *worker = reading->worker;
	struct tt_flow *flow = reading->flow;
	unsigned int direction = worker->burst.direction[i];
	uint32_t length;
	const uint8_t *bytes = datagram_of(worker, i, &length);

	if (bytes == NULL || length == 0)
		return;
	if (flow->payload != TT_PAYLOAD_FOLLOWED)
		look(reading, direction, bytes, length);
	if (flow->payload != TT_PAYLOAD_FOLLOWED)
		return;
	if (reading->conversation == NULL)
		tt_dns_take_message(worker, direction, bytes, length);
	else
		follow(reading, direction, bytes, length);
}
