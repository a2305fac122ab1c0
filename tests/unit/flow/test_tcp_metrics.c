/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

#include "suite.h"
#include "talk.h"

#include <math.h>

#define PUSH   (TT_TCP_PSH | TT_TCP_ACK)
#define SYNACK (TT_TCP_SYN | TT_TCP_ACK)
#define FINACK (TT_TCP_FIN | TT_TCP_ACK)

static struct tt_tcp_summary sum(const struct talk *talk)
{
	struct tt_tcp_summary summary;

	tt_tcp_summarize(&summary, &talk->tcp, CLIENT, talk->now_us, true);
	return summary;
}

static enum tt_tcp_life take(struct talk *talk, struct tt_tcp_segment segment)
{
	return tt_tcp_update(&talk->tcp, &segment);
}

/* A segment of the client with data, and the ACK of the server for it, at the same instant. */
static void data(struct talk *talk, uint32_t sequence, uint32_t bytes)
{
	take(talk, make(talk, CLIENT, TT_TCP_ACK, sequence, 1, bytes));
}

static void ack(struct talk *talk, uint32_t acknowledgment)
{
	take(talk, make(talk, SERVER, TT_TCP_ACK, 1, acknowledgment, 0));
}

static void sack(struct talk *talk, uint32_t acknowledgment, uint32_t start, uint32_t end)
{
	struct tt_tcp_segment segment = make(talk, SERVER, TT_TCP_ACK, 1, acknowledgment, 0);

	segment.sack[0].start = talk->initial[CLIENT] + start;
	segment.sack[0].end = talk->initial[CLIENT] + end;
	segment.sack_count = 1;
	take(talk, segment);
}

/* A segment of the handshake with a timestamp. */
static struct tt_tcp_segment stamped(const struct talk *talk, unsigned int direction,
	unsigned int flags, uint16_t order, uint16_t echo)
{
	struct tt_tcp_segment segment = make(talk, direction, flags, !(flags & TT_TCP_SYN), 1, 0);

	segment.order_from = TT_TCP_ORDER_TIMESTAMP;
	segment.order = order;
	segment.echo = echo;
	return segment;
}

static void test_handshake_is_timed(void)
{
	struct talk talk = talk_from(UINT32_MAX, 5);

	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0); /* at 1,000,000 */
	CU_ASSERT_EQUAL(sum(&talk).handshake, TT_TCP_HANDSHAKE_NO_ANSWER);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_TIMED_OUT);
	talk.now_us = 1030000;
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	CU_ASSERT_EQUAL(sum(&talk).handshake, TT_TCP_HANDSHAKE_NO_ACK);
	talk.now_us = 1037000;
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	/* Repeated ACKs change nothing. */
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.handshake, TT_TCP_HANDSHAKE_COMPLETE);
	CU_ASSERT_EQUAL(summary.failure, TT_TCP_NO_FAILURE);
	CU_ASSERT_TRUE(summary.established);
	CU_ASSERT_EQUAL(summary.handshake_us, 37000);
	CU_ASSERT_EQUAL(summary.handshake_server_us, 30000);
	CU_ASSERT_EQUAL(summary.handshake_client_us, 7000);
	CU_ASSERT_EQUAL(summary.rtt_server_us, 30000);
	CU_ASSERT_EQUAL(summary.rtt_client_us, 7000);
	CU_ASSERT_EQUAL(summary.rtt_us, 37000);
	CU_ASSERT_EQUAL(summary.rtt_var_us, 37000 / 2);
}

/* The client's port was looked at first. */
static void test_ack_before_its_syn_ack_completes_the_handshake(void)
{
	struct talk talk = talk_from(UINT32_MAX, 5);

	take(&talk, stamped(&talk, CLIENT, TT_TCP_SYN, 100, 0)); /* at 1,000,000 */
	talk.now_us = 1200000;
	take(&talk, stamped(&talk, CLIENT, TT_TCP_ACK, 300, 300));
	talk.now_us = 1200400;
	take(&talk, stamped(&talk, CLIENT, TT_TCP_ACK, 301, 300));
	CU_ASSERT_FALSE(sum(&talk).present & TT_TCP_HAS_HANDSHAKE_TIME);
	talk.now_us = 1200000;
	take(&talk, stamped(&talk, SERVER, SYNACK, 300, 100));
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.handshake, TT_TCP_HANDSHAKE_COMPLETE);
	CU_ASSERT_TRUE(summary.established);
	CU_ASSERT_EQUAL(summary.handshake_us, 200000);
	CU_ASSERT_EQUAL(summary.handshake_server_us, 200000);
	CU_ASSERT_TRUE(summary.present & TT_TCP_HAS_HANDSHAKE_CLIENT);
	CU_ASSERT_EQUAL(summary.handshake_client_us, 0);

	/* By its time the SYN-ACK came after its ACK: no interval. */
	talk = talk_from(UINT32_MAX, 5);
	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.handshake_us, 1000);
	CU_ASSERT_FALSE(summary.present & TT_TCP_HAS_HANDSHAKE_CLIENT);

	/* What it acknowledges is another connection's. */
	talk = talk_from(UINT32_MAX, 5);
	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 1, UINT32_MAX - 3, 0);
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	CU_ASSERT_EQUAL(sum(&talk).handshake, TT_TCP_HANDSHAKE_NO_ACK);
}

static void test_syn_retransmission_does_not_spoil_the_times(void)
{
	struct talk talk = talk_from(1, 5);

	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0); /* at 1,000,000 */
	talk.now_us = 2000000;
	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	talk.now_us = 2020000;
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	talk.now_us = 3020000;
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	talk.now_us = 3025000;
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.handshake_us, 2025000);
	CU_ASSERT_EQUAL(summary.handshake_server_us, 20000);
	CU_ASSERT_EQUAL(summary.handshake_client_us, 5000);
	CU_ASSERT_EQUAL(summary.half[CLIENT].retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[CLIENT].syn_retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[SERVER].syn_retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[CLIENT].timeout_retransmits, 0);
}

static void test_syn_ack_that_echoes_an_earlier_syn_is_not_timed(void)
{
	struct talk talk = talk_from(1, 5);
	struct tt_tcp_segment segment = make(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);

	segment.order_from = TT_TCP_ORDER_TIMESTAMP;
	segment.order = 100;
	take(&talk, segment);
	segment.order = 1100;
	take(&talk, segment);
	segment = make(&talk, SERVER, SYNACK, 0, 1, 0);
	segment.order_from = TT_TCP_ORDER_TIMESTAMP;
	segment.echo = 100;
	take(&talk, segment);
	CU_ASSERT_FALSE(sum(&talk).present & TT_TCP_HAS_HANDSHAKE_SERVER);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	CU_ASSERT_TRUE(sum(&talk).present & TT_TCP_HAS_HANDSHAKE_TIME);
}

static void test_what_is_not_known_is_absent(void)
{
	struct talk talk = talk_from(1, 5);

	/* Midstream, the server's direction alone. */
	say(&talk, SERVER, TT_TCP_ACK, 100, 200, 50);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.present, TT_TCP_HAS_HANDSHAKE);
	CU_ASSERT_EQUAL(summary.handshake, TT_TCP_HANDSHAKE_MIDSTREAM);
	CU_ASSERT_EQUAL(summary.half[CLIENT].present, 0);
	CU_ASSERT_EQUAL(summary.half[SERVER].present, TT_TCP_HAS_COUNTS);
	/* The SYN-ACK alone: whether it was acknowledged is not known. */
	talk = talk_from(1, 5);
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	CU_ASSERT_FALSE(sum(&talk).present & TT_TCP_HAS_HANDSHAKE);
	/* The SYN after its SYN-ACK: complete, yet not timed as a whole. */
	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.handshake, TT_TCP_HANDSHAKE_COMPLETE);
	CU_ASSERT_EQUAL(summary.present &
			(TT_TCP_HAS_HANDSHAKE_TIME | TT_TCP_HAS_HANDSHAKE_SERVER |
				TT_TCP_HAS_HANDSHAKE_CLIENT),
		TT_TCP_HAS_HANDSHAKE_CLIENT);
	CU_ASSERT_EQUAL(summary.half[CLIENT].retransmits, 0);
}

static void test_failures(void)
{
	struct talk talk = talk_from(1, 0);

	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	tt_tcp_unreachable(&talk.tcp, TT_TCP_HOST_UNREACHABLE);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_HOST_UNREACHABLE);
	struct talk refused = talk;
	say(&refused, SERVER, TT_TCP_RST | TT_TCP_ACK, 0, 1, 0);
	CU_ASSERT_EQUAL(sum(&refused).failure, TT_TCP_REFUSED);
	CU_ASSERT_EQUAL(sum(&refused).handshake, TT_TCP_HANDSHAKE_REFUSED);
	CU_ASSERT_EQUAL(sum(&refused).half[SERVER].resets, 1);
	CU_ASSERT_TRUE(sum(&refused).closed);
	/* The other port, with the RST, was polled first. */
	refused = talk_from(1, 0);
	say(&refused, SERVER, TT_TCP_RST | TT_TCP_ACK, 0, 1, 0);
	CU_ASSERT_TRUE(begins_anew(&refused, CLIENT, TT_TCP_SYN, 7, 0));
	CU_ASSERT_FALSE(begins_anew(&refused, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&refused, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_CLOSED_RST);
	CU_ASSERT_EQUAL(sum(&refused).handshake, TT_TCP_HANDSHAKE_REFUSED);
	CU_ASSERT_EQUAL(sum(&refused).failure, TT_TCP_REFUSED);
	/* The SYN that is sent again may be answered. */
	CU_ASSERT_EQUAL(say(&refused, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	/* A soft error does not fail what is established; a reset does. */
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_NO_FAILURE);
	say(&talk, SERVER, TT_TCP_RST, 1, 0, 0);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_RESET);
	/* Data that is sent again and again in vain. */
	talk = talk_open();
	data(&talk, 1, 100);
	talk.now_us += 1000000;
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_NO_FAILURE);
	data(&talk, 1, 100);
	struct tt_tcp_summary active;
	tt_tcp_summarize(&active, &talk.tcp, CLIENT, talk.now_us, false);
	CU_ASSERT_EQUAL(active.failure, TT_TCP_NO_FAILURE);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_TIMED_OUT);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].timeout_retransmits, 1);
	ack(&talk, 101);
	CU_ASSERT_EQUAL(sum(&talk).failure, TT_TCP_NO_FAILURE);
}

static void test_fast_retransmission(void)
{
	struct talk talk = talk_open();

	/* The first of four is lost behind the tap. */
	for (uint32_t i = 0; i < 4; i++)
		data(&talk, 1 + 100 * i, 100);
	for (unsigned int i = 0; i < 3; i++)
		ack(&talk, 1);
	talk.now_us += 2000;
	data(&talk, 1, 100);
	ack(&talk, 401);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.half[CLIENT].retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[CLIENT].fast_retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[CLIENT].timeout_retransmits, 0);
	CU_ASSERT_EQUAL(summary.half[CLIENT].spurious_retransmits, 0);
	/* The first ACK of 1 repeats the handshake's while data is outstanding. */
	CU_ASSERT_EQUAL(summary.half[SERVER].duplicate_acks, 3);
	CU_ASSERT_EQUAL(summary.half[CLIENT].missing_bytes, 0);
	/* The report is over with the recovery, although an ACK came just before. */
	data(&talk, 401, 100);
	data(&talk, 501, 100);
	ack(&talk, 501);
	data(&talk, 501, 100);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].fast_retransmits, 1);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].timeout_retransmits, 1);
	/* One duplicate each for two segments is no report. */
	data(&talk, 601, 100);
	data(&talk, 701, 100);
	ack(&talk, 501);
	ack(&talk, 601);
	ack(&talk, 601);
	data(&talk, 601, 100);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].fast_retransmits, 1);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].timeout_retransmits, 2);
}

static void test_hole_is_filled_by_an_overtaken_segment_or_a_retransmission(void)
{
	static const struct {
		uint64_t after_us;
		int16_t order; /* of the filling segment, to that of the latest */
		uint8_t order_from;
		bool reported;
		bool retransmitted;
	} cases[] = {
		{100, 0, TT_TCP_ORDER_NONE, false, false},
		{100000, 0, TT_TCP_ORDER_NONE, false, true},
		/* Reported, but sooner than an answer can be there, then later. */
		{300, 0, TT_TCP_ORDER_NONE, true, false},
		{9000, 0, TT_TCP_ORDER_NONE, true, true},
		/* The order of sending decides against all times; equal timestamps do not decide. */
		{100, 1, TT_TCP_ORDER_TIMESTAMP, false, true},
		{100000, -1, TT_TCP_ORDER_TIMESTAMP, true, false},
		{100, 0, TT_TCP_ORDER_TIMESTAMP, false, false},
		{100, 2, TT_TCP_ORDER_IP, false, true},
		{100000, -2, TT_TCP_ORDER_IP, false, false},
		/* Identifications that are no counter do not decide. */
		{100, 5000, TT_TCP_ORDER_IP, false, false},
		{100000, -5000, TT_TCP_ORDER_IP, false, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = talk_from(UINT32_MAX - 120, 0);
		say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
		talk.now_us += 9000;
		say(&talk, SERVER, SYNACK, 0, 1, 0);
		talk.now_us += 9000; /* each leg takes 10 ms */
		say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
		/* 1 to 101 seen, 101 to 201 not, 201 to 301 seen. */
		data(&talk, 1, 100);
		struct tt_tcp_segment segment = make(&talk, CLIENT, TT_TCP_ACK, 201, 1, 100);
		segment.order_from = cases[i].order_from;
		segment.order = 7;
		take(&talk, segment);
		talk.now_us += cases[i].after_us - 50;
		if (cases[i].reported)
			sack(&talk, 101, 201, 301);
		talk.now_us += 50;
		segment = make(&talk, CLIENT, TT_TCP_ACK, 101, 1, 100);
		segment.order_from = cases[i].order_from;
		segment.order = (uint16_t)(7 + cases[i].order);
		take(&talk, segment);
		struct tt_tcp_summary_half half = sum(&talk).half[CLIENT];
		CU_ASSERT_EQUAL(half.retransmits, cases[i].retransmitted);
		CU_ASSERT_EQUAL(half.out_of_order, !cases[i].retransmitted);
		CU_ASSERT_EQUAL(half.fast_retransmits, cases[i].retransmitted && cases[i].reported);
		/* The same bytes once more have all been seen. */
		take(&talk, segment);
		CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].retransmits, 1 + cases[i].retransmitted);
		CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].out_of_order, !cases[i].retransmitted);
	}
}

static void test_spurious_retransmissions(void)
{
	struct talk talk = talk_open();

	data(&talk, 1, 100);
	ack(&talk, 101);
	data(&talk, 1, 100); /* acknowledged before */
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].spurious_retransmits, 1);
	sack(&talk, 101, 1, 101); /* the DSACK for it does not count again */
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].spurious_retransmits, 1);
	/* Sent twice before the ACK: only the DSACK tells. */
	data(&talk, 101, 100);
	data(&talk, 101, 100);
	ack(&talk, 201);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].spurious_retransmits, 1);
	sack(&talk, 201, 101, 201);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].spurious_retransmits, 2);
	/* The network's own copy, of which nobody knows here: no retransmission, none spurious. */
	sack(&talk, 201, 101, 201);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].spurious_retransmits, 2);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].retransmits, 2);
}

static void test_missing_bytes_are_those_that_the_tap_lost(void)
{
	struct talk talk = talk_open();

	data(&talk, 1, 100);
	data(&talk, 201, 100); /* 101 to 201 lost by the tap */
	ack(&talk, 301);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].missing_bytes, 100);
	/* The tail, of which only the ACK tells. */
	ack(&talk, 401);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].missing_bytes, 200);
	data(&talk, 401, 100);
	ack(&talk, 501);
	/* More holes than are kept: none is forgotten. */
	for (uint32_t i = 0; i < 20; i++) {
		data(&talk, 501 + 20 * i + 10, 10);
		ack(&talk, 501 + 20 * i + 20);
	}
	struct tt_tcp_summary_half half = sum(&talk).half[CLIENT];
	CU_ASSERT_EQUAL(half.missing_bytes, 400);
	CU_ASSERT_EQUAL(half.retransmits + half.out_of_order, 0);
	CU_ASSERT_TRUE(half.present & TT_TCP_HAS_MISSING);
	/* The directions come to the tap by two ports: the ACK may be ahead of its data. */
	talk = talk_open();
	ack(&talk, 101);
	data(&talk, 1, 60);
	data(&talk, 61, 40);
	half = sum(&talk).half[CLIENT];
	CU_ASSERT_EQUAL(half.missing_bytes + half.retransmits + half.out_of_order, 0);
	/* Any number of ACKs, in one burst of their port. */
	talk = talk_open();
	for (uint32_t i = 1; i <= 10; i++)
		ack(&talk, 1 + 10 * i);
	for (uint32_t i = 0; i < 10; i++)
		data(&talk, 1 + 10 * i, 10);
	half = sum(&talk).half[CLIENT];
	CU_ASSERT_EQUAL(half.missing_bytes + half.retransmits + half.out_of_order, 0);
	CU_ASSERT_EQUAL(talk.tcp.hole_used, 0);
	/* Not when others have come since. */
	ack(&talk, 201);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].missing_bytes, 100);
	data(&talk, 201, 100);
	talk.now_us += 500000;
	data(&talk, 101, 100);
	half = sum(&talk).half[CLIENT];
	CU_ASSERT_EQUAL(half.missing_bytes, 0);
	CU_ASSERT_EQUAL(half.spurious_retransmits, 1);
}

static void test_a_hole_is_filled_in_parts(void)
{
	struct talk talk = talk_open();

	data(&talk, 1, 10);
	data(&talk, 101, 10);
	data(&talk, 41, 10); /* the middle, then over the edge, then the rest with more */
	data(&talk, 1, 30);
	data(&talk, 31, 10);
	data(&talk, 51, 60);
	ack(&talk, 111);
	struct tt_tcp_summary_half half = sum(&talk).half[CLIENT];
	CU_ASSERT_EQUAL(half.missing_bytes, 0);
	CU_ASSERT_EQUAL(half.out_of_order, 4);
	CU_ASSERT_EQUAL(half.retransmits, 0);
	CU_ASSERT_EQUAL(talk.tcp.hole_used, 0);
}

static void test_zero_window_probes_and_keep_alives(void)
{
	struct talk talk = talk_open();
	struct tt_tcp_segment closed, opened;

	data(&talk, 1, 100);
	closed = make(&talk, SERVER, TT_TCP_ACK, 1, 101, 0);
	closed.window = 0;
	take(&talk, closed);
	talk.now_us += 200000;
	data(&talk, 101, 1); /* a byte beyond the window, the same again, and one before it */
	talk.now_us += 100000;
	closed.time_us = talk.now_us;
	take(&talk, closed);
	data(&talk, 101, 1);
	take(&talk, closed);
	data(&talk, 101, 0);
	CU_ASSERT_EQUAL(sum(&talk).half[SERVER].zero_window_us, 300000);
	talk.now_us += 50000;
	opened = make(&talk, SERVER, TT_TCP_ACK, 1, 101, 0);
	take(&talk, opened);
	/* The byte of the probe, now with what follows it, is no retransmission. */
	data(&talk, 101, 100);
	ack(&talk, 201);
	talk.now_us += 7000000;
	data(&talk, 200, 1);
	data(&talk, 200, 0);
	ack(&talk, 201);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.half[SERVER].zero_windows, 1);
	CU_ASSERT_EQUAL(summary.half[SERVER].zero_window_us, 350000);
	CU_ASSERT_EQUAL(summary.half[CLIENT].window_probes, 3);
	CU_ASSERT_EQUAL(summary.half[CLIENT].keep_alives, 2);
	CU_ASSERT_EQUAL(summary.half[CLIENT].retransmits, 0);
	CU_ASSERT_EQUAL(summary.half[CLIENT].missing_bytes, 0);
	/* The byte before the next is data when it is not acknowledged. */
	data(&talk, 201, 1);
	data(&talk, 201, 1);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].retransmits, 1);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].keep_alives, 2);
}

static void test_duplicate_acks_are_not_window_updates(void)
{
	struct talk talk = talk_open();
	struct tt_tcp_segment update;

	ack(&talk, 1); /* nothing is outstanding */
	data(&talk, 1, 100);
	update = make(&talk, SERVER, TT_TCP_ACK, 1, 1, 0);
	update.window = 2000;
	take(&talk, update);
	CU_ASSERT_EQUAL(sum(&talk).half[SERVER].duplicate_acks, 0);
	take(&talk, update);
	CU_ASSERT_EQUAL(sum(&talk).half[SERVER].duplicate_acks, 1);
	say(&talk, SERVER, PUSH, 1, 1, 10); /* carries data */
	CU_ASSERT_EQUAL(sum(&talk).half[SERVER].duplicate_acks, 1);
}

static void test_ecn(void)
{
	struct talk talk = talk_from(1, 2);
	struct tt_tcp_segment marked;

	say(&talk, CLIENT, TT_TCP_SYN | TT_TCP_ECE | TT_TCP_CWR, 0, 0, 0);
	say(&talk, SERVER, SYNACK | TT_TCP_ECE, 0, 1, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	CU_ASSERT_TRUE(sum(&talk).ecn);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].ecn_ce, 0);
	/* Marked before the tap, and its echoes; then behind the tap, where only the echo tells. */
	marked = make(&talk, CLIENT, PUSH, 1, 1, 100);
	marked.ecn = 3;
	take(&talk, marked);
	say(&talk, SERVER, TT_TCP_ACK | TT_TCP_ECE, 1, 101, 0);
	say(&talk, SERVER, TT_TCP_ACK | TT_TCP_ECE, 1, 101, 0);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].ecn_ce, 1);
	say(&talk, CLIENT, PUSH | TT_TCP_CWR, 101, 1, 100);
	say(&talk, SERVER, TT_TCP_ACK, 1, 201, 0);
	say(&talk, SERVER, TT_TCP_ACK | TT_TCP_ECE, 1, 201, 0);
	say(&talk, SERVER, TT_TCP_ACK | TT_TCP_ECE, 1, 201, 0);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].ecn_ce, 2);
	CU_ASSERT_EQUAL(sum(&talk).half[SERVER].ecn_ce, 0);
	/* Not agreed to. */
	talk = talk_from(1, 2);
	say(&talk, CLIENT, TT_TCP_SYN | TT_TCP_ECE | TT_TCP_CWR, 0, 0, 0);
	say(&talk, SERVER, SYNACK, 0, 1, 0);
	CU_ASSERT_TRUE(sum(&talk).present & TT_TCP_HAS_ECN);
	CU_ASSERT_FALSE(sum(&talk).ecn);
}

/* RFC 6298 2 in floating point, over samples that only the server's leg has. */
static void test_rtt_is_smoothed_as_in_rfc_6298(void)
{
	struct talk talk = talk_open(); /* its first sample: 1,000 us */
	double srtt = 1000, rttvar = 500;
	uint32_t sequence = 1;

	for (unsigned int i = 0; i < 200; i++) {
		uint32_t sample = 500 + i * 7919 % 3000;
		data(&talk, sequence, 65536); /* as segmentation offload leaves them */
		sequence += 65536;
		talk.now_us += sample;
		ack(&talk, sequence);
		rttvar += (fabs(srtt - sample) - rttvar) / 4;
		srtt += (sample - srtt) / 8;
		talk.now_us += 12345;
	}
	CU_ASSERT_DOUBLE_EQUAL(sum(&talk).rtt_server_us, srtt, 2);
	CU_ASSERT_DOUBLE_EQUAL(sum(&talk).rtt_var_us, rttvar + 500, 4);
	CU_ASSERT_EQUAL(sum(&talk).rtt_client_us, 1000);
}

static void test_rtt_samples_obey_karn(void)
{
	struct talk talk = talk_open();
	uint32_t before = sum(&talk).rtt_server_us;

	data(&talk, 1, 100);
	talk.now_us += 300000;
	data(&talk, 1, 100);
	talk.now_us += 1000;
	ack(&talk, 101); /* of which transmission? */
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, before);
	/* What waits behind a hole is acknowledged late. */
	data(&talk, 201, 100);
	talk.now_us += 300000;
	data(&talk, 101, 100);
	ack(&talk, 301);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, before);
	/* Keep-alives are answered at once, yet prove nothing of the data before them. */
	talk.now_us += 300000;
	data(&talk, 300, 0);
	ack(&talk, 301);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, before);
	/* A stretched ACK ends the sample that it covers. */
	for (uint32_t i = 0; i < 10; i++)
		data(&talk, 301 + 100 * i, 100);
	talk.now_us += 9000;
	ack(&talk, 1301);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, (7 * before + 9000) / 8);
}

/* A segment with a timestamp, and the echo of the peer's. */
static void stamp(struct talk *talk, unsigned int direction, uint32_t sequence,
	uint32_t acknowledgment, uint32_t bytes, uint16_t order, uint16_t echo)
{
	struct tt_tcp_segment segment =
		make(talk, direction, TT_TCP_ACK, sequence, acknowledgment, bytes);

	segment.order_from = TT_TCP_ORDER_TIMESTAMP;
	segment.order = order;
	segment.echo = echo;
	take(talk, segment);
}

static void test_timestamps_time_what_was_sent_again(void)
{
	static const struct {
		uint16_t again;	    /* TSval of the second transmission; the first had 0xfff0 */
		uint16_t echoes[3]; /* of ACKs that come 1, 2 and 3 ms after it */
		uint32_t sample_us; /* 0: none */
	} cases[] = {
		{5, {5, 5, 5}, 1000},
		/* An answer to the first, then that to the second. */
		{5, {0xfff0, 5, 5}, 2000},
		{5, {0xfff0, 0xfff0, 0xfff0}, 0},
		/* The clock did not tick: of which transmission? */
		{0xfff0, {0xfff0, 0xfff0, 0xfff0}, 0},
		/* The answer was missed. */
		{5, {0xfff0, 6, 5}, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = talk_open();
		uint32_t before = sum(&talk).rtt_server_us;
		stamp(&talk, CLIENT, 1, 1, 100, 0xfff0, 0);
		talk.now_us += 300000;
		stamp(&talk, CLIENT, 1, 1, 100, cases[i].again, 0);
		for (unsigned int n = 0; n < 3; n++) {
			talk.now_us += 1000;
			stamp(&talk, SERVER, 1, 101, 0, (uint16_t)n, cases[i].echoes[n]);
		}
		uint32_t expected =
			cases[i].sample_us == 0 ? before : (7 * before + cases[i].sample_us) / 8;
		CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, expected);
		CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].retransmits, 1);
		/* The next answer ends the sample in any case; what follows is timed as ever. */
		stamp(&talk, CLIENT, 101, 1, 100, 1000, 0);
		stamp(&talk, SERVER, 1, 201, 0, 9, 1000);
		before = sum(&talk).rtt_server_us;
		stamp(&talk, CLIENT, 201, 1, 100, 1001, 0);
		talk.now_us += 9000;
		stamp(&talk, SERVER, 1, 301, 0, 9, 1001);
		CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, (7 * before + 9000) / 8);
	}
	/* Only what the receiver awaits next is echoed, and only by who has the option. */
	struct talk talk = talk_open();
	uint32_t before = sum(&talk).rtt_server_us;
	stamp(&talk, CLIENT, 1, 1, 100, 1, 0);
	stamp(&talk, CLIENT, 101, 1, 100, 1, 0);
	talk.now_us += 300000;
	stamp(&talk, CLIENT, 101, 1, 100, 301, 0);
	talk.now_us += 4000;
	stamp(&talk, SERVER, 1, 201, 0, 7, 301);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, before);
	stamp(&talk, CLIENT, 201, 1, 100, 302, 0);
	stamp(&talk, CLIENT, 201, 1, 100, 602, 0);
	talk.now_us += 4000;
	ack(&talk, 301);
	stamp(&talk, SERVER, 1, 301, 0, 8, 602);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, before);
}

/* Midstream, with data of the server alone: its leg is timed from ACK to echo. */
static void test_timestamps_time_the_leg_of_a_sender(void)
{
	struct talk talk = talk_from(UINT32_MAX, 5);
	uint32_t sent = 1;

	stamp(&talk, SERVER, sent, 1, 1000, 1, 1);
	stamp(&talk, SERVER, sent += 1000, 1, 1000, 1, 1);
	stamp(&talk, CLIENT, 1, sent, 0, 50, 1);
	for (uint16_t i = 0; i < 20; i++) {
		stamp(&talk, CLIENT, 1, sent + 1, 0, (uint16_t)(51 + i),
			1); /* moves on by a byte */
		talk.now_us += 3000;
		stamp(&talk, SERVER, sent += 1000, 1, 1000, 2, (uint16_t)(50 + i)); /* older */
		talk.now_us += 4000;
		stamp(&talk, SERVER, sent += 1000, 1, 1000, 2, (uint16_t)(51 + i));
	}
	CU_ASSERT_TRUE(sum(&talk).present & TT_TCP_HAS_RTT_SERVER);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, 7000);
	/* Nothing is outstanding: what is sent next is no answer. */
	stamp(&talk, CLIENT, 1, sent + 1, 0, 100, 1);
	stamp(&talk, CLIENT, 1, sent + 1000, 0, 101, 1);
	talk.now_us += 900000;
	stamp(&talk, SERVER, sent += 1000, 1, 1000, 900, 101);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, 7000);
	/* Data of the client is timed by itself from now on. */
	stamp(&talk, CLIENT, 1, sent + 500, 50, 200, 900);
	talk.now_us += 8000;
	stamp(&talk, SERVER, sent += 1000, 51, 0, 901, 200);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, (7 * 7000 + 8000) / 8);
	stamp(&talk, SERVER, sent, 51, 1000, 901, 200);
	stamp(&talk, CLIENT, 51, sent + 500, 0, 201, 901);
	talk.now_us += 50000;
	stamp(&talk, SERVER, sent + 1000, 51, 1000, 902, 201);
	CU_ASSERT_EQUAL(sum(&talk).rtt_server_us, (7 * 7000 + 8000) / 8);
}

static void test_options_are_read(void)
{
	static const uint8_t header[] = {0, 1, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0xe0, 0x10, 0, 9, 0, 0,
		0, 0,
		/* Timestamp, SACK of two blocks, window scale of a wrong length, a long unknown. */
		8, 10, 0, 0, 0x12, 0x34, 0, 0, 0x56, 0x78, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,
		3, 0, 0, 0, 4, 3, 2, 99, 3, 7, 0};
	uint8_t bytes[56] = {0};
	struct tt_packet packet = {.transport_captured_bytes = sizeof(bytes),
		.flags = TT_PACKET_TRANSPORT,
		.ip_version = 4,
		.ip_id = 77,
		.ip_traffic_class = 0xff};
	struct tt_tcp_segment segment;

	memcpy(bytes, header, sizeof(header));
	struct guarded guarded = guarded_copy(bytes, sizeof(bytes));
	packet.transport = guarded.bytes;
	CU_ASSERT_TRUE(tt_tcp_segment_read(&segment, &packet, 0, 0));
	CU_ASSERT_EQUAL(segment.order_from, TT_TCP_ORDER_TIMESTAMP);
	CU_ASSERT_EQUAL(segment.order, 0x1234);
	CU_ASSERT_EQUAL(segment.echo, 0x5678);
	CU_ASSERT_EQUAL(segment.sack_count, 2);
	CU_ASSERT_EQUAL(segment.sack[1].start, 3);
	CU_ASSERT_EQUAL(segment.sack[1].end, 4);
	CU_ASSERT_EQUAL(segment.window_shift, TT_TCP_NOT_SCALED);
	CU_ASSERT_EQUAL(segment.ecn, 3);
	/* A length of 0 or beyond the header ends the list. */
	guarded.bytes[21] = 0;
	CU_ASSERT_TRUE(tt_tcp_segment_read(&segment, &packet, 0, 0));
	CU_ASSERT_EQUAL(segment.order_from, TT_TCP_ORDER_IP);
	CU_ASSERT_EQUAL(segment.order, 77);
	CU_ASSERT_EQUAL(segment.sack_count, 0);
	guarded.bytes[20] = 1;
	guarded.bytes[21] = 8;
	guarded.bytes[22] = 35;
	CU_ASSERT_TRUE(tt_tcp_segment_read(&segment, &packet, 0, 0));
	CU_ASSERT_EQUAL(segment.order_from, TT_TCP_ORDER_IP);
	guarded_free(&guarded);
}

static void test_fins_are_counted_and_sent_again(void)
{
	struct talk talk = talk_open();

	say(&talk, CLIENT, FINACK, 1, 1, 50);
	talk.now_us += 500000;
	say(&talk, CLIENT, FINACK, 1, 1, 50);
	say(&talk, SERVER, FINACK, 1, 52, 0);
	say(&talk, CLIENT, TT_TCP_ACK, 52, 2, 0);
	struct tt_tcp_summary summary = sum(&talk);
	CU_ASSERT_EQUAL(summary.half[CLIENT].fins, 2);
	CU_ASSERT_EQUAL(summary.half[CLIENT].retransmits, 1);
	CU_ASSERT_EQUAL(summary.half[SERVER].fins, 1);
	CU_ASSERT_EQUAL(summary.half[SERVER].retransmits, 0);
	CU_ASSERT_TRUE(summary.closed);
}

static void test_counters_stop_at_their_width(void)
{
	struct talk talk = talk_open();

	for (unsigned int i = 0; i < 70; i++)
		say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].syn_retransmits, 31);
	CU_ASSERT_EQUAL(sum(&talk).half[CLIENT].retransmits, 70);
}

static const struct suite_test tests[] = {
	{"handshake is timed", test_handshake_is_timed},
	{"an ACK before its SYN-ACK completes the handshake",
		test_ack_before_its_syn_ack_completes_the_handshake},
	{"SYN retransmission does not spoil the times",
		test_syn_retransmission_does_not_spoil_the_times},
	{"SYN-ACK that echoes an earlier SYN is not timed",
		test_syn_ack_that_echoes_an_earlier_syn_is_not_timed},
	{"what is not known is absent", test_what_is_not_known_is_absent},
	{"failures", test_failures},
	{"fast retransmission", test_fast_retransmission},
	{"hole is filled by an overtaken segment or a retransmission",
		test_hole_is_filled_by_an_overtaken_segment_or_a_retransmission},
	{"spurious retransmissions", test_spurious_retransmissions},
	{"missing bytes are those that the tap lost",
		test_missing_bytes_are_those_that_the_tap_lost},
	{"a hole is filled in parts", test_a_hole_is_filled_in_parts},
	{"zero window, probes and keep-alives", test_zero_window_probes_and_keep_alives},
	{"duplicate ACKs are not window updates", test_duplicate_acks_are_not_window_updates},
	{"ECN", test_ecn},
	{"RTT is smoothed as in RFC 6298", test_rtt_is_smoothed_as_in_rfc_6298},
	{"RTT samples obey Karn", test_rtt_samples_obey_karn},
	{"timestamps time what was sent again", test_timestamps_time_what_was_sent_again},
	{"timestamps time the leg of a sender", test_timestamps_time_the_leg_of_a_sender},
	{"options are read", test_options_are_read},
	{"FINs are counted and sent again", test_fins_are_counted_and_sent_again},
	{"counters stop at their width", test_counters_stop_at_their_width},
};

SUITE_MAIN("flow_tcp_metrics", tests)
