/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

#include "suite.h"
#include "talk.h"

static void test_fin_of_both_closes(void)
{
	struct talk talk = talk_open();

	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 100), TT_TCP_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_FIN | TT_TCP_ACK, 101, 1, 0), TT_TCP_OPEN);
	/* Half-closed: the server goes on sending. */
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_ACK, 1, 102, 500), TT_TCP_OPEN);
	/* The client's FIN again is not the server's. */
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_FIN | TT_TCP_ACK, 101, 1, 0), TT_TCP_OPEN);
	CU_ASSERT_EQUAL(
		say(&talk, SERVER, TT_TCP_FIN | TT_TCP_ACK, 501, 102, 0), TT_TCP_CLOSED_FIN);
	/* Late packets join: the last ACK, a retransmission, a RST of an impatient client. */
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 102, 502, 0), TT_TCP_CLOSED_FIN);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_ACK, 1, 102, 500), TT_TCP_CLOSED_FIN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_RST, 102, 0, 0), TT_TCP_CLOSED_FIN);
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_ACK, 102, 502));
}

static void test_syn_retransmission_is_no_new_connection(void)
{
	struct talk talk = talk_from(7, 99);

	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	/* Over a half-open one, another ISN does begin anew. */
	CU_ASSERT_TRUE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 1, 0));
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1));
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
	/* A late copy of the SYN neither begins anew nor takes the connection back. */
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_OPEN);
}

static void test_port_reuse_begins_anew(void)
{
	struct talk talk = talk_open();

	CU_ASSERT_TRUE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 100000, 0));
	/* The roles may change with it. */
	CU_ASSERT_TRUE(begins_anew(&talk, SERVER, TT_TCP_SYN, 100000, 0));
	say(&talk, CLIENT, TT_TCP_FIN | TT_TCP_ACK, 1, 1, 0);
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 5000, 5001));
	say(&talk, SERVER, TT_TCP_FIN | TT_TCP_ACK, 1, 2, 0);
	CU_ASSERT_TRUE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 100000, 0)); /* TIME-WAIT */
	/* The SYN of the next one was lost by the tap. */
	CU_ASSERT_TRUE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 5000, 5001));
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1));
}

static void test_midstream_and_order(void)
{
	struct talk talk = talk_from(50, 60);

	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_ACK, 1000, 2000, 10), TT_TCP_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 2000, 1010, 10), TT_TCP_OPEN);
	CU_ASSERT_TRUE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	/* SYN-ACK first, the SYN it answers after it. */
	talk = talk_from(50, 60);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_TRUE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 1, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
	/* The ACK of the handshake before its SYN. */
	talk = talk_from(50, 60);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1));
}

static void test_simultaneous_open(void)
{
	struct talk talk = talk_from(50, 60);

	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
}

static void test_refused(void)
{
	struct talk talk = talk_from(50, 0);

	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	/* A RST that does not acknowledge the SYN, then one that does: its sequence number is 0. */
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_RST | TT_TCP_ACK, 0, 77, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_RST | TT_TCP_ACK, 0, 1, 0), TT_TCP_CLOSED_RST);
	/* The same SYN again, now accepted. */
	CU_ASSERT_FALSE(begins_anew(&talk, CLIENT, TT_TCP_SYN, 0, 0));
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	talk.initial[SERVER] = 9000;
	CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1));
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
	/* A bare RST, of which nothing else is known. */
	talk = talk_from(1, 2);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_RST, 5, 0, 0), TT_TCP_CLOSED_RST);
}

static void test_challenge_ack_does_not_open(void)
{
	struct talk talk = talk_from(50, 60);

	say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_ACK, 0, 4000, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_RST, 4000, 0, 0), TT_TCP_HALF_OPEN);
}

static void test_reset_outside_of_the_window_does_not_close(void)
{
	static const struct {
		uint32_t sequence; /* relative to what the server acknowledged */
		bool closes;
	} cases[] = {{0, true}, {100, true}, {1000, true}, {1001, false}, {(uint32_t)-1, true},
		{(uint32_t)-2, false}, {1u << 31, false}, {(uint32_t)-5000, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = talk_open();
		say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 5000);
		say(&talk, SERVER, TT_TCP_ACK, 1, 5001, 0);
		/* 100 bytes in flight of the 1,000 that the server has room for. */
		say(&talk, CLIENT, TT_TCP_ACK, 5001, 1, 100);
		CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_RST, 5001 + cases[i].sequence, 0, 0),
			cases[i].closes ? TT_TCP_CLOSED_RST : TT_TCP_OPEN);
		/* Late data joins the reset connection. */
		CU_ASSERT_FALSE(begins_anew(&talk, SERVER, TT_TCP_ACK, 1, 5101));
	}
}

static void test_reset_fits_a_scaled_window_and_a_lossy_tap(void)
{
	struct talk talk = talk_from(1, 2);
	struct tt_tcp_segment syn = make(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0);
	struct tt_tcp_segment synack = make(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0);

	synack.window_shift = 3;
	tt_tcp_update(&talk.tcp, &syn);
	tt_tcp_update(&talk.tcp, &synack);
	say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0);
	say(&talk, SERVER, TT_TCP_ACK, 1, 1, 0);
	struct talk far = talk;
	/* 8,000 bytes may be sent: the tap lost them, the RST stands behind them. */
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_RST, 8001, 0, 0), TT_TCP_CLOSED_RST);
	CU_ASSERT_EQUAL(say(&far, CLIENT, TT_TCP_RST, 8002, 0, 0), TT_TCP_OPEN);
}

static void test_segment_is_read_from_a_packet(void)
{
	static const uint8_t header[] = {0x12, 0x34, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
		0x07, 0x08, 0x80, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 1, 3, 3, 15};
	struct guarded guarded = guarded_copy(header, sizeof(header));
	struct tt_packet packet = {.transport = guarded.bytes,
		.transport_captured_bytes = sizeof(header),
		.payload_bytes = 7,
		.flags = TT_PACKET_TRANSPORT};
	struct tt_tcp_segment segment;

	/* The data offset claims 32 bytes, 28 are there. */
	CU_ASSERT_FALSE(tt_tcp_segment_read(&segment, &packet, 1, 5));
	guarded.bytes[12] = 0x70;
	CU_ASSERT_TRUE(tt_tcp_segment_read(&segment, &packet, 1, 5));
	CU_ASSERT_EQUAL(segment.time_us, 5);
	CU_ASSERT_EQUAL(segment.sequence, 0x01020304);
	CU_ASSERT_EQUAL(segment.acknowledgment, 0x05060708);
	CU_ASSERT_EQUAL(segment.payload_bytes, 7);
	CU_ASSERT_EQUAL(segment.window, 0xfaf0);
	CU_ASSERT_EQUAL(segment.flags, TT_TCP_SYN);
	CU_ASSERT_EQUAL(segment.direction, 1);
	CU_ASSERT_EQUAL(segment.window_shift, 14);
	packet.flags = 0;
	CU_ASSERT_FALSE(tt_tcp_segment_read(&segment, &packet, 1, 5));
	packet.flags = TT_PACKET_TRANSPORT;
	guarded.bytes[12] = 0x40;
	CU_ASSERT_FALSE(tt_tcp_segment_read(&segment, &packet, 1, 5));
	guarded_free(&guarded);
}

static const struct suite_test tests[] = {
	{"FIN of both closes", test_fin_of_both_closes},
	{"SYN retransmission is no new connection", test_syn_retransmission_is_no_new_connection},
	{"port reuse begins anew", test_port_reuse_begins_anew},
	{"midstream and order", test_midstream_and_order},
	{"simultaneous open", test_simultaneous_open},
	{"refused", test_refused},
	{"challenge ACK does not open", test_challenge_ack_does_not_open},
	{"RST outside of the window does not close",
		test_reset_outside_of_the_window_does_not_close},
	{"RST fits a scaled window and a lossy tap",
		test_reset_fits_a_scaled_window_and_a_lossy_tap},
	{"segment is read from a packet", test_segment_is_read_from_a_packet},
};

SUITE_MAIN("flow_tcp", tests)
