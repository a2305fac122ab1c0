/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tt_tcp_update() costs a segment, on connections that are in the first-level cache, as the
 * prefetch of the flow table has them. One JSON line a mix; each number is the median of RUNS runs.
 */
#include "flow/tcp.h"

#include "measure.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS 64
#define SEGMENTS    512 /* of one connection, in one run */
#define RUNS	    101
#define BYTES	    1448

static struct tt_tcp_segment segments[SEGMENTS];

static struct tt_tcp_segment segment_of(unsigned int direction, unsigned int flags,
	uint32_t sequence, uint32_t acknowledgment, uint32_t bytes, uint64_t time_us)
{
	return (struct tt_tcp_segment){
		.time_us = time_us,
		.sequence = sequence,
		.acknowledgment = acknowledgment,
		.payload_bytes = bytes,
		.window = 60000,
		.order = (uint16_t)(time_us / 1000),
		.echo = (uint16_t)(time_us / 1000),
		.flags = (uint8_t)flags,
		.direction = (uint8_t)direction,
		.window_shift = 7,
		.order_from = TT_TCP_ORDER_TIMESTAMP,
	};
}

static struct tt_tcp opened(void)
{
	struct tt_tcp tcp = {0};
	struct tt_tcp_segment syn = segment_of(0, TT_TCP_SYN, 0, 0, 0, 0);
	struct tt_tcp_segment synack = segment_of(1, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0, 100);
	struct tt_tcp_segment ack = segment_of(0, TT_TCP_ACK, 1, 1, 0, 200);

	tt_tcp_update(&tcp, &syn);
	tt_tcp_update(&tcp, &synack);
	tt_tcp_update(&tcp, &ack);
	return tcp;
}

static void measure(const char *mix)
{
	static struct tt_tcp tcp[CONNECTIONS];
	static double ns[RUNS];

	for (unsigned int run = 0; run < RUNS; run++) {
		for (unsigned int i = 0; i < CONNECTIONS; i++)
			tcp[i] = opened();
		uint64_t start = measure_ns();
		for (unsigned int n = 0; n < SEGMENTS; n++)
			for (unsigned int i = 0; i < CONNECTIONS; i++)
				if (tt_tcp_update(&tcp[i], &segments[n]) != TT_TCP_OPEN)
					abort();
		ns[run] = (double)(measure_ns() - start) / (SEGMENTS * CONNECTIONS);
	}
	double median = measure_median(ns, RUNS);
	printf("{\"mix\":\"%s\",\"flows\":%d,\"packets\":%d,\"ns_per_packet\":%.2f,"
	       "\"cycles_per_packet\":%.1f}\n",
		mix, CONNECTIONS, RUNS * SEGMENTS * CONNECTIONS, median,
		measure_cycles_of_ns(median));
}

/* Full segments, of which the peer acknowledges every second. */
static void put_bulk(void)
{
	uint32_t sequence = 1;

	for (unsigned int n = 0; n < SEGMENTS; n++) {
		uint64_t now_us = 1000 + n * 10;
		if (n % 3 == 2) {
			segments[n] = segment_of(1, TT_TCP_ACK, 1, sequence, 0, now_us);
			continue;
		}
		segments[n] = segment_of(0, TT_TCP_ACK, sequence, 1, BYTES, now_us);
		sequence += BYTES;
	}
}

static void put_data(void)
{
	for (unsigned int n = 0; n < SEGMENTS; n++)
		segments[n] = segment_of(0, TT_TCP_ACK, 1 + n * BYTES, 1, BYTES, 1000 + n * 10);
}

/* ACKs that move on over data sent before. */
static void put_acks(void)
{
	segments[0] = segment_of(0, TT_TCP_ACK, 1, 1, SEGMENTS * BYTES, 1000);
	for (unsigned int n = 1; n < SEGMENTS; n++)
		segments[n] = segment_of(1, TT_TCP_ACK, 1, 1 + n * BYTES, 0, 1000 + n * 10);
}

/* One segment of twenty lost behind the tap: SACKs until it is sent again, ten segments later. */
static void put_lossy(void)
{
	uint32_t sequence = 1, lost = 1;

	for (unsigned int n = 0; n < SEGMENTS; n++) {
		uint64_t now_us = 1000 + n * 100;
		unsigned int phase = n % 40;
		if (phase == 0)
			lost = sequence;
		if (phase == 20) {
			segments[n] = segment_of(0, TT_TCP_ACK, lost, 1, BYTES, now_us);
		} else if (phase % 2 == 0) {
			segments[n] = segment_of(0, TT_TCP_ACK, sequence, 1, BYTES, now_us);
			sequence += BYTES;
		} else if (phase < 20) {
			segments[n] = segment_of(1, TT_TCP_ACK, 1, lost, 0, now_us);
			segments[n].sack[0] = (struct tt_tcp_range){lost + BYTES, sequence};
			segments[n].sack_count = phase > 1;
		} else {
			segments[n] = segment_of(1, TT_TCP_ACK, 1, sequence, 0, now_us);
		}
	}
}

int main(void)
{
	put_bulk();
	measure("tcp-bulk");
	put_data();
	measure("tcp-data-in-order");
	put_acks();
	measure("tcp-acks");
	put_lossy();
	measure("tcp-lossy");
	return 0;
}
