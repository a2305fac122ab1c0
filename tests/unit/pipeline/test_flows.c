/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one worker makes of packets: when a connection begins and ends, which side is the client,
 * and what goes where in its record.
 */
#include "rig.h"

#define SECOND_US UINT64_C(1000000)
#define FIN	  (TT_TCP_FIN | TT_TCP_ACK)

/* A time of day that is no round number of anything. */
#define BASE_US (1700000000 * SECOND_US + 123456)

static const struct endpoint a = {0x0a000001, 40000}, b = {0x0a000002, 50000};
static const struct endpoint web = {0x0a000002, 80}, dns = {0x0a000003, 53};

static int by_start(const void *left, const void *right)
{
	const struct tt_connection_record *x = left, *y = right;

	return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

/* A run with one worker; its records in the order in which the connections began. */
static struct rig run_over(const struct traffic *traffic)
{
	struct rig rig = rig_make(traffic, 1);

	rig_run(&rig);
	if (rig.count > 0)
		qsort(rig.records, rig.count, sizeof(*rig.records), by_start);
	return rig;
}

static void check_end(struct rig *rig, struct traffic *traffic)
{
	rig_free(rig);
	traffic_free(traffic);
}

static void nothing_gives_nothing(void)
{
	struct traffic traffic = {0};
	struct rig rig = run_over(&traffic);

	CU_ASSERT_EQUAL(rig.count, 0);
	check_end(&rig, &traffic);
}

/* How many connections do two packets make that are so far apart, with or without other traffic in
 * between for which the sweep comes by? */
static size_t connections_of_gap(uint64_t begin_us, uint64_t gap_us, bool two_way, bool busy)
{
	struct traffic traffic = {.time_us = begin_us};

	traffic_udp(&traffic, a, b, 10);
	if (two_way)
		traffic_udp(&traffic, b, a, 10);
	for (uint64_t at_us = 1000; busy && at_us < gap_us; at_us += 500000) {
		const struct endpoint other = {0x0b000000, 1000};

		traffic.time_us = begin_us + at_us;
		traffic_udp(&traffic, other, dns, 10);
	}
	traffic.time_us = begin_us + gap_us;
	traffic_udp(&traffic, a, b, 10);

	struct rig rig = run_over(&traffic);
	size_t count = rig.count - busy;
	for (size_t i = 0; i < rig.count; i++)
		if (rig.records[i].endpoints.address[TT_CLIENT_TO_SERVER][0] == 0x0a)
			CU_ASSERT_EQUAL(rig.records[i].close_reason,
				i + 1 < rig.count - busy ? TT_CLOSE_IDLE : TT_CLOSE_END_OF_CAPTURE);
	check_end(&rig, &traffic);
	return count;
}

static void timeouts_are_exact(void)
{
	for (uint64_t phase_us = 0; phase_us < 1000; phase_us += 333)
		for (unsigned int busy = 0; busy < 2; busy++) {
			uint64_t begin_us = BASE_US + phase_us;

			CU_ASSERT_EQUAL(connections_of_gap(begin_us, 29999000, false, busy), 1);
			CU_ASSERT_EQUAL(connections_of_gap(begin_us, 30000000, false, busy), 1);
			CU_ASSERT_EQUAL(connections_of_gap(begin_us, 30001000, false, busy), 2);
			CU_ASSERT_EQUAL(connections_of_gap(begin_us, 119999000, true, busy), 1);
			CU_ASSERT_EQUAL(connections_of_gap(begin_us, 120001000, true, busy), 2);
		}
}

/* Some tools write captures whose time begins at 0. */
static void captures_may_begin_at_time_0(void)
{
	for (uint64_t begin_us = 0; begin_us < 1500; begin_us += 700) {
		CU_ASSERT_EQUAL(connections_of_gap(begin_us, 29999000, false, false), 1);
		CU_ASSERT_EQUAL(connections_of_gap(begin_us, 30001000, false, false), 2);
	}
}

static void late_packets_join(void)
{
	struct traffic traffic = {.time_us = BASE_US + 20 * SECOND_US};

	traffic_udp(&traffic, a, b, 10);
	traffic.time_us = BASE_US;
	traffic_udp(&traffic, a, b, 20);
	traffic.time_us = BASE_US + 10 * SECOND_US;
	traffic_udp(&traffic, b, a, 30);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_EQUAL(rig.records[0].start_us, BASE_US);
	CU_ASSERT_EQUAL(rig.records[0].end_us, BASE_US + 20 * SECOND_US);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_CLIENT_TO_SERVER].packets, 2);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_CLIENT_TO_SERVER].payload_bytes, 30);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].packets, 1);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].ip_bytes, 58);
	check_end(&rig, &traffic);
}

/* A whole connection of a client to a server; `isn` of the client. Ends 40 ms later. */
static void talk(struct traffic *traffic, struct endpoint client, struct endpoint server,
	uint32_t isn, bool close)
{
	traffic_tcp(traffic, client, server, TT_TCP_SYN, isn, 0, 0);
	traffic->time_us += 10000;
	traffic_tcp(traffic, server, client, TT_TCP_SYN | TT_TCP_ACK, 5000, isn + 1, 0);
	traffic_tcp(traffic, client, server, TT_TCP_ACK, isn + 1, 5001, 0);
	traffic->time_us += 10000;
	traffic_tcp(traffic, client, server, TT_TCP_ACK | TT_TCP_PSH, isn + 1, 5001, 100);
	traffic_tcp(traffic, server, client, TT_TCP_ACK | TT_TCP_PSH, 5001, isn + 101, 50);
	traffic->time_us += 10000;
	if (close) {
		traffic_tcp(traffic, client, server, FIN, isn + 101, 5051, 0);
		traffic_tcp(traffic, server, client, FIN, 5051, isn + 102, 0);
		traffic_tcp(traffic, client, server, TT_TCP_ACK, isn + 102, 5052, 0);
	}
	traffic->time_us += 10000;
}

static void tcp_is_closed_by_its_fins(void)
{
	/* The last packet so long after the last ACK of the close: it joins, or begins another. */
	static const uint64_t gaps_us[] = {1990000, 2011000};

	for (unsigned int i = 0; i < 2; i++) {
		struct traffic traffic = {.time_us = BASE_US};

		talk(&traffic, a, web, 1000, true);
		traffic.time_us += gaps_us[i] - 10000;
		traffic_tcp(&traffic, web, a, TT_TCP_ACK, 5052, 1102, 0);

		struct rig rig = run_over(&traffic);
		CU_ASSERT_EQUAL_FATAL(rig.count, 1 + i);
		CU_ASSERT_EQUAL(rig.records[0].close_reason, TT_CLOSE_FIN);
		CU_ASSERT_EQUAL(rig.records[0].counters[TT_CLIENT_TO_SERVER].packets, 5);
		CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].packets, 4 - i);
		CU_ASSERT_EQUAL(rig.records[0].counters[TT_CLIENT_TO_SERVER].payload_bytes, 100);
		CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].payload_bytes, 50);
		CU_ASSERT(rig.records[0].tcp.established);
		CU_ASSERT_EQUAL(rig.records[0].tcp.handshake, TT_TCP_HANDSHAKE_COMPLETE);
		check_end(&rig, &traffic);
	}
}

static void tcp_is_closed_by_a_reset(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	talk(&traffic, a, web, 1000, false);
	traffic_tcp(&traffic, web, a, TT_TCP_RST | TT_TCP_ACK, 5051, 1101, 0);
	traffic.time_us += 2100000;
	traffic_udp(&traffic, b, dns, 5);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 2);
	CU_ASSERT_EQUAL(rig.records[0].close_reason, TT_CLOSE_RST);
	CU_ASSERT_EQUAL(rig.records[1].close_reason, TT_CLOSE_END_OF_CAPTURE);
	check_end(&rig, &traffic);
}

static void a_new_syn_is_another_connection(void)
{
	for (unsigned int closed = 0; closed < 2; closed++) {
		struct traffic traffic = {.time_us = BASE_US};

		talk(&traffic, a, web, 1000, closed);
		talk(&traffic, a, web, 900000, true);

		struct rig rig = run_over(&traffic);
		CU_ASSERT_EQUAL_FATAL(rig.count, 2);
		CU_ASSERT_EQUAL(
			rig.records[0].close_reason, closed ? TT_CLOSE_FIN : TT_CLOSE_REUSED);
		CU_ASSERT_EQUAL(
			rig.records[0].counters[TT_CLIENT_TO_SERVER].packets, closed ? 5 : 3);
		CU_ASSERT_EQUAL(rig.records[1].counters[TT_CLIENT_TO_SERVER].packets, 5);
		CU_ASSERT_EQUAL(rig.records[1].close_reason, TT_CLOSE_FIN);
		CU_ASSERT_NOT_EQUAL(rig.records[0].uid, rig.records[1].uid);
		check_end(&rig, &traffic);
	}
}

static void a_repeated_syn_is_not(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	traffic_tcp(&traffic, a, web, TT_TCP_SYN, 1000, 0, 0);
	traffic.time_us += SECOND_US;
	talk(&traffic, a, web, 1000, true);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_EQUAL(rig.records[0].tcp.half[TT_CLIENT_TO_SERVER].syn_retransmits, 1);
	check_end(&rig, &traffic);
}

/* An answered SYN is waited for twice as long, and twice again after each repetition. */
static void a_late_repetition_joins(void)
{
	static const uint64_t gaps_us[] = {9900000, 19900000, 39900000};
	struct traffic traffic = {.time_us = BASE_US};

	traffic_tcp(&traffic, a, web, TT_TCP_SYN, 1000, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		traffic_tcp(&traffic, web, a, TT_TCP_SYN | TT_TCP_ACK, 5000, 1001, 0);
		traffic.time_us += gaps_us[i];
	}
	traffic_tcp(&traffic, web, a, TT_TCP_SYN | TT_TCP_ACK, 5000, 1001, 0);
	/* Without any answer, the timeout holds. */
	traffic_tcp(&traffic, b, web, TT_TCP_SYN, 1000, 0, 0);
	traffic.time_us += 5100000;
	traffic_tcp(&traffic, b, web, TT_TCP_SYN, 1000, 0, 0);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 3);
	CU_ASSERT_EQUAL(rig.records[0].tcp.half[TT_SERVER_TO_CLIENT].syn_retransmits, 3);
	CU_ASSERT_EQUAL(rig.records[1].tcp.half[TT_CLIENT_TO_SERVER].syn_retransmits, 0);
	check_end(&rig, &traffic);
}

/* Its sender waits twice as long each time, also before the other side's FIN. */
static void a_repeated_fin_is_waited_for(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	talk(&traffic, a, web, 1000, false);
	traffic_tcp(&traffic, a, web, FIN, 1101, 5051, 0);
	traffic_tcp(&traffic, a, web, FIN, 1101, 5051, 0);
	traffic_tcp(&traffic, web, a, FIN, 5051, 1102, 0);
	traffic.time_us += 3900000;
	traffic_tcp(&traffic, a, web, FIN, 1101, 5051, 0);
	traffic.time_us += 7900000;
	traffic_tcp(&traffic, web, a, TT_TCP_ACK, 5052, 1102, 0);
	traffic.time_us += 8100000;
	traffic_tcp(&traffic, web, a, TT_TCP_ACK, 5052, 1102, 0);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 2);
	CU_ASSERT_EQUAL(rig.records[0].close_reason, TT_CLOSE_FIN);
	CU_ASSERT_EQUAL(rig.records[0].tcp.half[TT_CLIENT_TO_SERVER].retransmits, 2);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].packets, 4);
	check_end(&rig, &traffic);
}

struct direction_case {
	const char *name;
	uint8_t protocol;
	uint8_t flags[2]; /* of the first packet, from x to y, and of the second, back; 0: none */
	struct endpoint x, y;
	bool x_is_client;
	enum tt_direction_from from;
};

/* With the addresses one way and the other, so that either endpoint is the lower. */
static void the_client_is_found(void)
{
	static const struct endpoint high = {0x0a000001, 40000}, higher = {0x0a000002, 50000},
				     http = {0x0a000003, 80}, telnet = {0x0a000004, 23};
	const struct direction_case cases[] = {
		{"SYN", IPPROTO_TCP, {TT_TCP_SYN, 0}, high, higher, true, TT_DIRECTION_SYN},
		{"SYN of a low port", IPPROTO_TCP, {TT_TCP_SYN, TT_TCP_SYN | TT_TCP_ACK}, http,
			higher, true, TT_DIRECTION_SYN},
		{"SYN-ACK", IPPROTO_TCP, {TT_TCP_SYN | TT_TCP_ACK, TT_TCP_ACK}, high, higher, false,
			TT_DIRECTION_SYNACK},
		{"SYN-ACK to a low port", IPPROTO_TCP, {TT_TCP_SYN | TT_TCP_ACK, 0}, high, http,
			false, TT_DIRECTION_SYNACK},
		{"port of the sender", IPPROTO_TCP, {TT_TCP_ACK, TT_TCP_ACK}, http, high, false,
			TT_DIRECTION_PORT},
		{"port of the receiver", IPPROTO_TCP, {TT_TCP_ACK, TT_TCP_ACK}, high, http, true,
			TT_DIRECTION_PORT},
		{"lower of two", IPPROTO_TCP, {TT_TCP_ACK, 0}, telnet, http, false,
			TT_DIRECTION_PORT},
		{"UDP port", IPPROTO_UDP, {0, 1}, http, high, false, TT_DIRECTION_PORT},
		{"first packet", IPPROTO_TCP, {TT_TCP_ACK, TT_TCP_ACK}, higher, high, true,
			TT_DIRECTION_FIRST_PACKET},
		{"first of UDP", IPPROTO_UDP, {0, 1}, high, higher, true,
			TT_DIRECTION_FIRST_PACKET},
		{"first of ICMP", IPPROTO_ICMP, {0, 1}, high, http, true,
			TT_DIRECTION_FIRST_PACKET},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct direction_case *c = &cases[i / 2];
		struct traffic traffic = {.time_us = BASE_US};
		struct endpoint x = c->x, y = c->y;

		if (i % 2 == 1) {
			x.address = c->y.address;
			y.address = c->x.address;
		}
		if (c->protocol == IPPROTO_TCP) {
			traffic_tcp(&traffic, x, y, c->flags[0], 1000, 2000, 0);
			if (c->flags[1] != 0)
				traffic_tcp(&traffic, y, x, c->flags[1], 1999, 1001, 0);
		} else if (c->protocol == IPPROTO_UDP) {
			traffic_udp(&traffic, x, y, 10);
			traffic_udp(&traffic, y, x, 10);
		} else {
			traffic_icmp(&traffic, x, y, 8);
			traffic_icmp(&traffic, y, x, 0);
			x.port = y.port = 0;
		}

		struct rig rig = run_over(&traffic);
		CU_ASSERT_EQUAL_FATAL(rig.count, 1);
		const struct tt_connection_record *record = &rig.records[0];
		struct endpoint client = c->x_is_client ? x : y, server = c->x_is_client ? y : x;
		uint32_t address = htonl(client.address);
		bool right =
			memcmp(record->endpoints.address[TT_CLIENT_TO_SERVER], &address, 4) == 0 &&
			record->endpoints.port[TT_CLIENT_TO_SERVER] == client.port &&
			record->endpoints.port[TT_SERVER_TO_CLIENT] == server.port &&
			record->direction_from == c->from;
		if (!right)
			printf("%s, %zu ", c->name, i % 2);
		CU_ASSERT(right);
		CU_ASSERT_EQUAL(
			record->counters[c->x_is_client ? TT_CLIENT_TO_SERVER : TT_SERVER_TO_CLIENT]
				.packets,
			1);
		check_end(&rig, &traffic);
	}
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* A router tells `to` of a SYN from `from` to `server`: destination unreachable, by code. */
static void put_unreachable(struct traffic *traffic, uint32_t to, struct endpoint from,
	struct endpoint server, uint8_t code)
{
	uint8_t frame[14 + 20 + 8 + 20 + 8] = {[12] = 8, 0, 0x45, [17] = 56, [22] = 64, 1};
	uint8_t *ip = frame + 14, *icmp = ip + 20, *quoted = icmp + 8, *tcp = quoted + 20;

	put32(ip + 12, 0x0a0000fe);
	put32(ip + 16, to);
	icmp[0] = 3;
	icmp[1] = code;
	quoted[0] = 0x45;
	quoted[3] = 40;
	quoted[8] = 1;
	quoted[9] = IPPROTO_TCP;
	put32(quoted + 12, from.address);
	put32(quoted + 16, server.address);
	put32(tcp, (uint32_t)from.port << 16 | server.port);
	put32(tcp + 4, 1000);
	traffic_raw(traffic, frame, sizeof(frame));
}

static void an_icmp_error_fails_the_connection_that_it_quotes(void)
{
	static const struct {
		uint8_t code;
		bool translated; /* in the error's header alone */
		bool another;	 /* connection is quoted */
		enum tt_tcp_failure failure;
	} cases[] = {
		{0, false, false, TT_TCP_NETWORK_UNREACHABLE},
		{1, false, false, TT_TCP_HOST_UNREACHABLE},
		{3, false, false, TT_TCP_REFUSED},
		{13, true, false, TT_TCP_HOST_UNREACHABLE},
		{4, false, false, TT_TCP_NO_FAILURE}, /* fragmentation needed */
		{1, false, true, TT_TCP_NO_FAILURE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct traffic traffic = {.time_us = BASE_US};
		struct endpoint quoted = a;
		traffic_tcp(&traffic, a, web, TT_TCP_SYN, 1000, 0, 0);
		if (cases[i].translated)
			quoted.address = 0xc6336401;
		quoted.port += cases[i].another;
		put_unreachable(&traffic, a.address, quoted, web, cases[i].code);

		struct rig rig = run_over(&traffic);
		CU_ASSERT_EQUAL_FATAL(rig.count, 2);
		unsigned int tcp = rig.records[0].endpoints.ip_protocol == IPPROTO_TCP ? 0 : 1;
		CU_ASSERT_EQUAL(rig.records[tcp].tcp.failure, cases[i].failure);
		check_end(&rig, &traffic);
	}
}

static void a_syn_corrects_what_was_guessed(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	/* The tap swapped the SYN and its answer. */
	traffic_tcp(&traffic, a, b, TT_TCP_ACK, 5001, 1001, 0);
	traffic_tcp(&traffic, a, b, TT_TCP_SYN | TT_TCP_ACK, 5000, 1001, 0);
	traffic_tcp(&traffic, b, a, TT_TCP_SYN, 1000, 0, 0);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_EQUAL(rig.records[0].direction_from, TT_DIRECTION_SYN);
	CU_ASSERT_EQUAL(rig.records[0].endpoints.port[TT_CLIENT_TO_SERVER], b.port);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_CLIENT_TO_SERVER].packets, 1);
	CU_ASSERT_EQUAL(rig.records[0].counters[TT_SERVER_TO_CLIENT].packets, 2);
	check_end(&rig, &traffic);
}

/* Each order of three fragments; the datagram's packets are all of one flow, and its payload is
 * counted once. */
static void fragments_join_in_any_order(void)
{
	static const uint8_t orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (unsigned int gre = 0; gre < 2; gre++)
		for (unsigned int i = 0; i < 6; i++) {
			struct traffic traffic = {.time_us = BASE_US, .gre = gre};

			traffic_udp(&traffic, dns, a, 10);
			for (unsigned int part = 0; part < 3; part++) {
				traffic.time_us += SECOND_US;
				traffic_fragment(&traffic, a, dns, 7, orders[i][part], 3);
			}

			struct rig rig = run_over(&traffic);
			CU_ASSERT_EQUAL_FATAL(rig.count, 1);
			const struct tt_connection_record *record = &rig.records[0];
			CU_ASSERT_EQUAL(record->counters[TT_CLIENT_TO_SERVER].packets, 3);
			CU_ASSERT_EQUAL(record->fragments[TT_CLIENT_TO_SERVER], 2);
			CU_ASSERT_EQUAL(record->fragments[TT_SERVER_TO_CLIENT], 0);
			CU_ASSERT_EQUAL(
				record->counters[TT_CLIENT_TO_SERVER].ip_bytes, 3 * 20 + 3 * 64);
			CU_ASSERT_EQUAL(
				record->counters[TT_CLIENT_TO_SERVER].payload_bytes, 3 * 64 - 8);
			CU_ASSERT_EQUAL(record->endpoints.port[TT_SERVER_TO_CLIENT], 53);
			CU_ASSERT_EQUAL(record->end_us, BASE_US + 3 * SECOND_US);
			CU_ASSERT_EQUAL(record->layer_count, gre);
			check_end(&rig, &traffic);
		}
}

static void fragments_without_a_first_are_a_flow(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	traffic_fragment(&traffic, a, dns, 7, 1, 3);
	traffic.time_us += SECOND_US;
	traffic_fragment(&traffic, a, dns, 7, 2, 3);
	traffic.time_us += SECOND_US;
	traffic_fragment(&traffic, a, dns, 8, 1, 3);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	const struct tt_connection_record *record = &rig.records[0];
	CU_ASSERT_EQUAL(record->endpoints.ip_protocol, IPPROTO_UDP);
	CU_ASSERT_EQUAL(record->endpoints.port[0], 0);
	CU_ASSERT_EQUAL(record->endpoints.port[1], 0);
	CU_ASSERT_EQUAL(record->counters[TT_CLIENT_TO_SERVER].packets, 3);
	CU_ASSERT_EQUAL(record->counters[TT_CLIENT_TO_SERVER].ip_bytes, 3 * 84);
	CU_ASSERT_EQUAL(record->fragments[TT_CLIENT_TO_SERVER], 3);
	CU_ASSERT_EQUAL(record->start_us, BASE_US);
	CU_ASSERT_EQUAL(record->end_us, BASE_US + 2 * SECOND_US);
	CU_ASSERT_EQUAL(record->tap_ports[TT_CLIENT_TO_SERVER], 1);
	check_end(&rig, &traffic);
}

static void tap_ports_are_told_by_side(void)
{
	struct traffic traffic = {.time_us = BASE_US, .port = 3};

	traffic_udp(&traffic, a, dns, 10);
	traffic.port = 31;
	traffic_udp(&traffic, dns, a, 10);
	traffic.port = 0;
	traffic_udp(&traffic, dns, a, 10);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_EQUAL(rig.records[0].tap_ports[TT_CLIENT_TO_SERVER], 1u << 3);
	CU_ASSERT_EQUAL(rig.records[0].tap_ports[TT_SERVER_TO_CLIENT], 1u << 31 | 1);
	check_end(&rig, &traffic);
}

/* More connections than the table holds, of which some answer once more at the end. */
static void a_full_table_evicts_and_counts(void)
{
	const unsigned int flows = 1000;
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < flows; i++) {
		const struct endpoint client = {0x0a010000 + i, 1000};

		traffic.time_us += 1000;
		if (i % 2 == 0)
			traffic_udp(&traffic, client, dns, 10);
		else
			traffic_tcp(&traffic, client, web, TT_TCP_SYN, i, 0, 0);
	}

	struct rig rig = rig_make(&traffic, 1);
	rig.config->flow.connections = 64;
	rig.config->flow.half_open = 16;
	rig_run(&rig);
	CU_ASSERT_EQUAL(rig.count, flows);
	unsigned int evicted = 0;
	for (size_t i = 0; i < rig.count; i++)
		evicted += rig.records[i].close_reason == TT_CLOSE_EVICTED;
	CU_ASSERT_EQUAL(evicted, flows - 64);
	check_end(&rig, &traffic);
}

/* Long flows keep the closing of short ones from no end. */
static void what_is_left_ends_with_the_capture(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	talk(&traffic, a, web, 1000, false);
	traffic_udp(&traffic, b, dns, 10);
	traffic.time_us += 29 * SECOND_US;
	traffic_icmp(&traffic, a, b, 8);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(rig.records[i].close_reason, TT_CLOSE_END_OF_CAPTURE);
	check_end(&rig, &traffic);
}

/* Each reason for which a packet is dropped, once. */
static void drops_are_named(void)
{
	static const uint8_t arp[42] = {[12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
	static const uint8_t cut_vlan[15] = {[12] = 0x81, 0x00, 0};
	static const uint8_t short_ipv4[34] = {[12] = 8, 0, 0x44, 0, 0, 20};
	static const uint8_t cut_ipv6[40] = {[12] = 0x86, 0xdd, 0x60};
	struct traffic traffic = {.time_us = BASE_US};

	traffic_udp(&traffic, a, dns, 10);
	traffic_raw(&traffic, arp, sizeof(arp));
	traffic_raw(&traffic, cut_vlan, sizeof(cut_vlan));
	traffic_raw(&traffic, short_ipv4, sizeof(short_ipv4));
	traffic_raw(&traffic, cut_ipv6, sizeof(cut_ipv6));
	traffic_udp(&traffic, dns, a, 10);

	struct rig rig = run_over(&traffic);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_EQUAL(rig.processed, 2);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_NOT_IP], 1);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_BAD_LINK], 1);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_BAD_IPV4], 1);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_BAD_IPV6], 1);
	check_end(&rig, &traffic);
}

static const struct suite_test tests[] = {
	{"nothing gives nothing", nothing_gives_nothing},
	{"timeouts are exact", timeouts_are_exact},
	{"captures may begin at time 0", captures_may_begin_at_time_0},
	{"late packets join", late_packets_join},
	{"TCP is closed by its FINs", tcp_is_closed_by_its_fins},
	{"TCP is closed by a reset", tcp_is_closed_by_a_reset},
	{"a new SYN is another connection", a_new_syn_is_another_connection},
	{"a repeated SYN is not", a_repeated_syn_is_not},
	{"a late repetition joins", a_late_repetition_joins},
	{"an ICMP error fails the connection that it quotes",
		an_icmp_error_fails_the_connection_that_it_quotes},
	{"a repeated FIN is waited for", a_repeated_fin_is_waited_for},
	{"the client is found", the_client_is_found},
	{"a SYN corrects what was guessed", a_syn_corrects_what_was_guessed},
	{"fragments join in any order", fragments_join_in_any_order},
	{"fragments without a first are a flow", fragments_without_a_first_are_a_flow},
	{"tap ports are told by side", tap_ports_are_told_by_side},
	{"a full table evicts and counts", a_full_table_evicts_and_counts},
	{"what is left ends with the capture", what_is_left_ends_with_the_capture},
	{"drops are named", drops_are_named},
};

SUITE_MAIN("flows of one worker", tests)
