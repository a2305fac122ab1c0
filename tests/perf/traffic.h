/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic made in memory: a source for the pipeline whose packets need no I/O. Deterministic, and
 * without state a flow, so that it disturbs the caches little: everything about packet n follows
 * from n.
 *
 * There are `flows` slots. A pass visits each slot once, in an order that memory prefetchers do not
 * guess, and gives a packet of the flow that lives there. A flow has `flow_packets` packets; then
 * the slot's next flow begins, so that one packet in flow_packets is the first of a new flow, at
 * any moment. TCP flows have a handshake, data both ways in order, and FINs.
 * With a replay, slots have its sessions instead, whose flows are as it says.
 *
 * Packets go through a queue as long as that of a NIC: they are written QUEUE packets before they
 * are received, so that a frame is no longer in the first-level cache, as it would not be. What the
 * source itself takes is measured, to be taken off.
 */
#ifndef TT_TESTS_PERF_TRAFFIC_H
#define TT_TESTS_PERF_TRAFFIC_H

#include "pipeline/source.h"
#include "replay.h"

#include <rte_mempool.h>

struct tt_traffic_options {
	uint32_t flows;		 /* slots */
	uint32_t flow_packets;	 /* even, or 1; 0: flows never end */
	uint32_t udp_flows_of_8; /* this many of 8 flows are UDP, the others TCP */
	uint32_t payload_bytes;
	uint32_t flood_of_8;	/* this many of 8 packets are SYNs, each from a random source */
	uint64_t packets_per_s; /* in packet time */

	/* What slots play; NULL: the flows described above. Outlives the traffic. */
	const struct tt_replay *replay;
};

struct tt_traffic;

/* NULL without memory. The pool's mbufs have room for a frame. The caller frees it. */
struct tt_traffic *tt_traffic_create(
	const struct tt_traffic_options *options, struct rte_mempool *pool);
void tt_traffic_destroy(struct tt_traffic *traffic);

/* A source without an end, for one worker: its context is `traffic`. */
unsigned int tt_traffic_receive(void *traffic, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us);

/* TSC cycles and packets of all that was received. */
uint64_t tt_traffic_cycles(const struct tt_traffic *traffic);
uint64_t tt_traffic_packets(const struct tt_traffic *traffic);

#endif
