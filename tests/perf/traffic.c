/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE		4096 /* packets between writing and receiving, as a rule */
#define PART		2048 /* packets written at a time; a multiple of BURST_MAX, and a part of QUEUE */
#define BURST_MAX	64
#define START_US	1700000000000000
#define STRIDE		2654435761u /* prime, so that its multiples visit each slot */
#define ETHERNET_BYTES	14
#define IPV4_BYTES	20
#define TCP_BYTES	20
#define UDP_BYTES	8
#define FRAME_MIN_BYTES 60
#define HANDSHAKE	3 /* packets before the first data */
#define FLAG_FIN	0x01
#define FLAG_SYN	0x02
#define FLAG_ACK	0x10

struct tt_traffic {
	struct tt_traffic_options options;
	struct rte_mempool *pool;
	uint32_t step;	       /* from one slot to the next */
	uint32_t slot;	       /* of the next packet written */
	uint32_t visited;      /* slots in this pass */
	uint64_t pass;	       /* passes before this one */
	uint64_t written;      /* packets */
	uint64_t time_us_high; /* 2^32 us of packet time a packet, as a fraction */
	uint64_t cycles;
	uint64_t packets; /* received */
	unsigned int head;
	unsigned int unwritten; /* packets before the head */
	struct rte_mbuf *queue[QUEUE];
	uint8_t udp_frame[ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES];
	uint8_t tcp_frame[ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES];
};

static void put_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(at, &value, 4);
}

static void make_headers(uint8_t *frame, uint8_t protocol, uint32_t ip_bytes)
{
	uint8_t *ip = frame + ETHERNET_BYTES;

	put_u16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put_u16(ip + 2, ip_bytes);
	ip[8] = 64;
	ip[9] = protocol;
}

/* A bijection of 32 bits: numbers that differ give flows that differ. */
static uint32_t mix(uint32_t number)
{
	number = (number ^ number >> 16) * 0x45d9f3bu;
	number = (number ^ number >> 16) * 0x45d9f3bu;
	return number ^ number >> 16;
}

/* Data of one side before its packet number `at` of the flow: the client's packets are the even
 * ones from 4 on, the server's the odd ones from 3 on. */
static uint32_t data_before(uint64_t at, bool client)
{
	uint64_t first = client ? HANDSHAKE + 1 : HANDSHAKE;

	return at > first ? (uint32_t)((at - first + 1) / 2) : 0;
}

static void put_tcp(const struct tt_traffic *traffic, uint8_t *tcp, uint32_t identity, uint64_t at)
{
	bool client = (at & 1) == 0;
	uint64_t last = traffic->options.flow_packets;
	uint32_t bytes = traffic->options.payload_bytes;
	uint32_t sent = data_before(at, client), awaited = data_before(at, !client);
	uint32_t initial = identity * 3, peer_initial = identity * 5;
	bool ends = last > HANDSHAKE + 1 && at + 2 >= last;
	uint8_t flags = FLAG_ACK;

	if (!client) {
		initial = identity * 5;
		peer_initial = identity * 3;
	}
	if (at < 2)
		flags = at == 0 ? FLAG_SYN : FLAG_SYN | FLAG_ACK;
	else if (ends)
		flags |= FLAG_FIN;
	put_u32(tcp + 4, initial + (at >= 2) + sent * bytes);
	put_u32(tcp + 8, at == 0 ? 0 : peer_initial + 1 + awaited * bytes + (ends && !client));
	tcp[13] = flags;
}

/* Packet number `at` of the flow with this identity. */
static void write_frame(
	const struct tt_traffic *traffic, struct rte_mbuf *mbuf, uint32_t identity, uint64_t at)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t *ip = frame + ETHERNET_BYTES;
	uint8_t *transport = ip + IPV4_BYTES;
	uint32_t random = mix(identity);
	bool is_udp = (random >> 29) < traffic->options.udp_flows_of_8;
	bool client = (at & 1) == 0;
	uint32_t client_address = 10u << 24 | (random & 0xffffff);
	uint32_t server_address = 0xc0a80000u | (identity & 0xff);
	uint32_t client_port = 32768 + (random >> 24);
	uint32_t payload_bytes = traffic->options.payload_bytes;
	uint32_t bytes;

	if (is_udp) {
		memcpy(frame, traffic->udp_frame, sizeof(traffic->udp_frame));
	} else {
		memcpy(frame, traffic->tcp_frame, sizeof(traffic->tcp_frame));
		put_tcp(traffic, transport, identity, at);
		if (at < HANDSHAKE) {
			put_u16(ip + 2, IPV4_BYTES + TCP_BYTES);
			payload_bytes = 0;
		}
	}
	put_u32(ip + 12, client ? client_address : server_address);
	put_u32(ip + 16, client ? server_address : client_address);
	put_u16(transport, client ? client_port : 443);
	put_u16(transport + 2, client ? 443 : client_port);
	bytes = ETHERNET_BYTES + IPV4_BYTES + (is_udp ? UDP_BYTES : TCP_BYTES) + payload_bytes;
	if (bytes < FRAME_MIN_BYTES)
		bytes = FRAME_MIN_BYTES;
	mbuf->data_len = (uint16_t)bytes;
	mbuf->pkt_len = bytes;
	mbuf->port = client ? 0 : 1;
}

/* Packets of a flow, or of a session; 0: it never ends. */
static uint32_t life_packets(const struct tt_traffic_options *options)
{
	return options->replay != NULL ? options->replay->packets : options->flow_packets;
}

/* What a flood sends, 2^32 times without repeating itself: the same SYN from anywhere, to a server
 * that flows go to. */
static void write_flood(const struct tt_traffic *traffic, struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t *ip = frame + ETHERNET_BYTES;
	uint8_t *tcp = ip + IPV4_BYTES;
	uint32_t random = mix((uint32_t)traffic->written);

	memcpy(frame, traffic->tcp_frame, sizeof(traffic->tcp_frame));
	put_u16(ip + 2, IPV4_BYTES + TCP_BYTES);
	put_u32(ip + 12, random);
	put_u32(ip + 16, 0xc0a80000u | (random >> 8 & 0xff));
	put_u16(tcp, 1024 + random % 60000);
	put_u16(tcp + 2, 443);
	put_u32(tcp + 4, ~random);
	tcp[13] = FLAG_SYN;
	mbuf->data_len = FRAME_MIN_BYTES;
	mbuf->pkt_len = FRAME_MIN_BYTES;
	mbuf->port = 0;
}

static void write_session(
	const struct tt_traffic *traffic, struct rte_mbuf *mbuf, uint64_t session, uint32_t at)
{
	bool from_client;
	uint32_t bytes = tt_replay_write(traffic->options.replay, session, at,
		rte_pktmbuf_mtod(mbuf, uint8_t *), &from_client);

	mbuf->data_len = (uint16_t)bytes;
	mbuf->pkt_len = bytes;
	mbuf->port = from_client ? 0 : 1;
}

/* The slot's next packet; then it is the next slot's turn. */
static void write_slot(struct tt_traffic *traffic, struct rte_mbuf *mbuf)
{
	const struct tt_traffic_options *options = &traffic->options;
	uint32_t phase = mix(~traffic->slot) >> 3;
	uint32_t life = life_packets(options);
	uint64_t generation = 0, at = HANDSHAKE + traffic->pass + (phase & 1);

	/* Each slot is at another point of its flow's life. */
	if (life > 0) {
		uint64_t turn = traffic->pass + phase % life;

		generation = turn / life;
		at = turn % life;
	}
	uint64_t number = generation * options->flows + traffic->slot;

	if (options->replay != NULL)
		write_session(traffic, mbuf, number, (uint32_t)at);
	else
		write_frame(traffic, mbuf, (uint32_t)number, at);
	traffic->slot += traffic->step;
	if (traffic->slot >= options->flows)
		traffic->slot -= options->flows;
	if (++traffic->visited == options->flows) {
		traffic->visited = 0;
		traffic->pass++;
	}
}

static void write_next(struct tt_traffic *traffic, struct rte_mbuf *mbuf)
{
	if (traffic->written % 8 < traffic->options.flood_of_8)
		write_flood(traffic, mbuf);
	else
		write_slot(traffic, mbuf);
	traffic->written++;
}

struct tt_traffic *tt_traffic_create(
	const struct tt_traffic_options *options, struct rte_mempool *pool)
{
	struct tt_traffic *traffic = calloc(1, sizeof(*traffic));

	if (traffic == NULL)
		return NULL;
	traffic->options = *options;
	traffic->pool = pool;
	traffic->step = STRIDE % options->flows;
	traffic->time_us_high =
		(uint64_t)(((unsigned __int128)1000000 << 32) / options->packets_per_s);
	make_headers(traffic->udp_frame, 17, IPV4_BYTES + UDP_BYTES + options->payload_bytes);
	put_u16(traffic->udp_frame + ETHERNET_BYTES + IPV4_BYTES + 4,
		UDP_BYTES + options->payload_bytes);
	make_headers(traffic->tcp_frame, 6, IPV4_BYTES + TCP_BYTES + options->payload_bytes);
	uint8_t *tcp = traffic->tcp_frame + ETHERNET_BYTES + IPV4_BYTES;
	tcp[12] = TCP_BYTES / 4 << 4;
	put_u16(tcp + 14, 0xffff);
	if (rte_pktmbuf_alloc_bulk(pool, traffic->queue, QUEUE) != 0) {
		free(traffic);
		return NULL;
	}
	for (unsigned int i = 0; i < QUEUE; i++)
		write_next(traffic, traffic->queue[i]);
	return traffic;
}

void tt_traffic_destroy(struct tt_traffic *traffic)
{
	if (traffic == NULL)
		return;
	rte_pktmbuf_free_bulk(traffic->queue, QUEUE);
	free(traffic);
}

/* Write many packets at a time: what that leaves in the first-level cache is not what a burst would
 * find there if a NIC had written it. */
static void write_part(struct tt_traffic *traffic)
{
	struct rte_mbuf **part = traffic->queue + (traffic->head + QUEUE - PART) % QUEUE;

	for (unsigned int i = 0; i < PART; i++)
		write_next(traffic, part[i]);
	traffic->unwritten = 0;
}

unsigned int tt_traffic_receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct tt_traffic *traffic = context;
	struct rte_mbuf **head = traffic->queue + traffic->head;
	struct rte_mbuf *next[BURST_MAX];
	uint64_t start = rte_rdtsc();

	(void)worker;
	(void)now_us;
	/* A full burst, or the queue's parts do not fit together. */
	if (limit < BURST_MAX || rte_pktmbuf_alloc_bulk(traffic->pool, next, BURST_MAX) != 0)
		return 0;
	for (unsigned int i = 0; i < BURST_MAX; i++)
		rte_prefetch0(head[i]);
	for (unsigned int i = 0; i < BURST_MAX; i++) {
		struct rte_mbuf *mbuf = head[i];
		uint64_t number = traffic->packets + i;

		received[i] = (struct tt_received){
			.mbuf = mbuf,
			.time_us = START_US +
				(uint64_t)(((unsigned __int128)number * traffic->time_us_high) >>
					32),
			.wire_bytes = mbuf->pkt_len,
			.port = (uint8_t)mbuf->port,
			.link = TT_LINK_ETHERNET,
		};
		head[i] = next[i];
	}
	traffic->packets += BURST_MAX;
	traffic->head = (traffic->head + BURST_MAX) % QUEUE;
	traffic->unwritten += BURST_MAX;
	if (traffic->unwritten == PART)
		write_part(traffic);
	traffic->cycles += rte_rdtsc() - start;
	return BURST_MAX;
}

uint64_t tt_traffic_cycles(const struct tt_traffic *traffic)
{
	return traffic->cycles;
}

uint64_t tt_traffic_packets(const struct tt_traffic *traffic)
{
	return traffic->packets;
}
