/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS in a worker: which packets are it, their messages out of UDP payloads and TCP streams, and
 * what the transactions in them become: records for the control core, and statistics. Private to
 * lib/pipeline.
 */
#ifndef TT_PIPELINE_DNS_H
#define TT_PIPELINE_DNS_H

#include "config/config.h"
#include "flow/flow.h"
#include "protocol/dns_stats.h"
#include "protocol/dns_stream.h"
#include "protocol/dns_transactions.h"
#include "protocol/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

/* What is read of a message in a UDP datagram that spans several segments of an mbuf. */
#define TT_DNS_DATAGRAM_BYTES 4096

/* In struct tt_flow.protocol of a UDP flow on other ports whose first message was DNS. */
#define TT_DNS_UDP_FLOW UINT32_MAX

/* A TCP connection whose messages are followed. */
struct tt_dns_connection {
	struct tt_stream stream;
	struct tt_dns_stream side[2];
	uint32_t next_free; /* number of the next free one + 1, in the free list */
};

struct tt_worker_dns {
	struct tt_dns_transactions *transactions; /* NULL: DNS is not followed */
	struct tt_dns_stats *stats;
	struct tt_stream_pool streams;
	struct tt_dns_stream_pool messages;
	struct tt_dns_connection *connections;
	uint32_t connection_limit;
	uint32_t connection_used_ever;
	uint32_t connection_free; /* number of the first free one + 1; 0: none */
	uint64_t swept_us;

	/* Where the message that is being read came from. */
	struct tt_dns_packet packet;

	uint8_t datagram[TT_DNS_DATAGRAM_BYTES]; /* of several mbuf segments, put together */
};

/* false without memory; tt_dns_worker_destroy() takes what there is apart. */
bool tt_dns_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages);
void tt_dns_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_dns_worker_bytes(const struct tt_config *config);

/* Packet i of the burst, whose flow it is. `segment` is NULL but for TCP. */
void tt_dns_packet_take(struct tt_worker *worker, unsigned int i, struct tt_flow *flow,
	const struct tt_tcp_segment *segment);

/* The flow ends: what its streams still hold is read, and its state is free again. */
void tt_dns_flow_end(struct tt_worker *worker, struct tt_flow *flow);

/* Time passes. */
void tt_dns_sweep(struct tt_worker *worker);

/* The end of the run: every pending query, and the statistics. Waits for the control core. */
void tt_dns_drain(struct tt_worker *worker);

/* Is this packet, the first of its flow, a DNS message, whatever its ports? */
bool tt_dns_first_packet(const struct tt_packet *packet);

/* The well-known ports: 53 (RFC 1035), 5353 (RFC 6762), 5355 (RFC 4795). */
static inline bool tt_dns_port(uint16_t port)
{
	return port == 53 || port == 5353 || port == 5355;
}

#endif
