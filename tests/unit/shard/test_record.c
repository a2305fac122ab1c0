/* SPDX-License-Identifier: Apache-2.0 */
#include "shard/record.h"

#include "suite.h"

#include <netinet/in.h>

static void fill(void *bytes, size_t count, uint8_t value)
{
	for (size_t i = 0; i < count; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(value + i);
}

/* A flow whose fields all differ, and are not 0. */
static struct tt_flow make_flow(unsigned int client, uint8_t ip_protocol)
{
	struct tt_flow flow = {
		.key = {.low_port = 1111,
			.high_port = 2222,
			.ip_protocol = ip_protocol,
			.ip_version = 6},
		.tap_ports = {1u << 3, 1u << 31},
		.counters = {{101, 102, 103}, {UINT64_C(1) << 40, 202, 203}},
		.end_us = 2000000000000001,
		.state = TT_FLOW_ACTIVE,
		.client = (uint8_t)client,
		.direction_from = TT_DIRECTION_SYNACK,
		.start_us = 1000000000000001,
		.uid = UINT64_C(0xfedcba9876543210),
		.fragments = {11, 12},
		.vlan_count = TT_PACKET_VLANS,
		.layer_count = TT_PACKET_LAYERS,
		.layer_has_id = 5,
		.close_reason = TT_CLOSE_RST,
		.icmp_type = 8,
		.icmp_code = 9,
	};

	fill(flow.key.low_address, 16, 0x10);
	fill(flow.key.high_address, 16, 0x80);
	fill(flow.vlan, sizeof(flow.vlan), 1);
	fill(flow.layer_kind, sizeof(flow.layer_kind), 0x21);
	fill(flow.layer_id, sizeof(flow.layer_id), 0x31);
	return flow;
}

/* Also where the record's memory holds another one's bytes. */
static struct tt_connection_record make_record(const struct tt_flow *flow)
{
	struct tt_connection_record record;

	memset(&record, 0xee, sizeof(record));
	tt_connection_record_make(&record, flow);
	return record;
}

static void check_sides(unsigned int client)
{
	struct tt_flow flow = make_flow(client, IPPROTO_UDP);
	struct tt_connection_record record = make_record(&flow);
	unsigned int low = client == 0 ? TT_CLIENT_TO_SERVER : TT_SERVER_TO_CLIENT;
	unsigned int high = low ^ 1;

	CU_ASSERT_EQUAL(memcmp(record.endpoints.address[low], flow.key.low_address, 16), 0);
	CU_ASSERT_EQUAL(memcmp(record.endpoints.address[high], flow.key.high_address, 16), 0);
	CU_ASSERT_EQUAL(record.endpoints.port[low], 1111);
	CU_ASSERT_EQUAL(record.endpoints.port[high], 2222);
	CU_ASSERT_EQUAL(record.counters[low].packets, 101);
	CU_ASSERT_EQUAL(record.counters[low].ip_bytes, 102);
	CU_ASSERT_EQUAL(record.counters[low].payload_bytes, 103);
	CU_ASSERT_EQUAL(record.counters[high].packets, UINT64_C(1) << 40);
	CU_ASSERT_EQUAL(record.counters[high].ip_bytes, 202);
	CU_ASSERT_EQUAL(record.counters[high].payload_bytes, 203);
	CU_ASSERT_EQUAL(record.fragments[low], 11);
	CU_ASSERT_EQUAL(record.fragments[high], 12);
	CU_ASSERT_EQUAL(record.tap_ports[low], 1u << 3);
	CU_ASSERT_EQUAL(record.tap_ports[high], 1u << 31);
}

static void low_endpoint_is_the_client(void)
{
	check_sides(0);
}

static void high_endpoint_is_the_client(void)
{
	check_sides(1);
}

static void what_has_no_direction_is_copied(void)
{
	struct tt_flow flow = make_flow(1, IPPROTO_ICMP);
	struct tt_connection_record record = make_record(&flow);

	CU_ASSERT_EQUAL(record.header.size_bytes, sizeof(record));
	CU_ASSERT_EQUAL(record.header.snapshot, 0);
	CU_ASSERT_EQUAL(record.uid, flow.uid);
	CU_ASSERT_EQUAL(record.start_us, 1000000000000001);
	CU_ASSERT_EQUAL(record.end_us, 2000000000000001);
	CU_ASSERT_EQUAL(record.endpoints.ip_protocol, IPPROTO_ICMP);
	CU_ASSERT_EQUAL(record.endpoints.ip_version, 6);
	CU_ASSERT_EQUAL(record.direction_from, TT_DIRECTION_SYNACK);
	CU_ASSERT_EQUAL(record.vlan_count, TT_PACKET_VLANS);
	CU_ASSERT_EQUAL(memcmp(record.vlan, flow.vlan, sizeof(flow.vlan)), 0);
	CU_ASSERT_EQUAL(record.layer_count, TT_PACKET_LAYERS);
	CU_ASSERT_EQUAL(memcmp(record.layer_kind, flow.layer_kind, sizeof(flow.layer_kind)), 0);
	CU_ASSERT_EQUAL(memcmp(record.layer_id, flow.layer_id, sizeof(flow.layer_id)), 0);
	CU_ASSERT_EQUAL(record.layer_has_id, 5);
	CU_ASSERT_EQUAL(record.icmp_type, 8);
	CU_ASSERT_EQUAL(record.icmp_code, 9);
}

static void an_active_flow_has_no_close_reason(void)
{
	struct tt_flow flow = make_flow(0, IPPROTO_UDP);
	struct tt_connection_record record = make_record(&flow);

	CU_ASSERT_EQUAL(record.header.kind, TT_RECORD_ACTIVE);
	CU_ASSERT_EQUAL(record.close_reason, TT_CLOSE_NONE);
	flow.state = TT_FLOW_UNREPORTED;
	record = make_record(&flow);
	CU_ASSERT_EQUAL(record.header.kind, TT_RECORD_CLOSED);
	CU_ASSERT_EQUAL(record.close_reason, TT_CLOSE_RST);
}

/* Two records of equal flows are equal to the byte, whatever lay where they are. */
static void no_byte_is_left_over(void)
{
	for (unsigned int client = 0; client < 2; client++) {
		struct tt_flow flow = make_flow(client, IPPROTO_UDP);
		struct tt_connection_record a = make_record(&flow), b;

		memset(&b, 0x11, sizeof(b));
		tt_connection_record_make(&b, &flow);
		a.header.worker = b.header.worker = 0;
		CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	}
}

static void segment(struct tt_flow *flow, unsigned int direction, uint8_t flags, uint32_t sequence,
	uint32_t acknowledgment, uint64_t time_us)
{
	const struct tt_tcp_segment segment = {
		.time_us = time_us,
		.sequence = sequence,
		.acknowledgment = acknowledgment,
		.window = 1000,
		.flags = flags,
		.direction = (uint8_t)direction,
		.window_shift = TT_TCP_NOT_SCALED,
	};

	tt_tcp_update(&flow->tcp, &segment);
}

/* The client's legs and counters stand at the client's side, whichever endpoint it is. */
static void tcp_is_told_by_side(void)
{
	for (unsigned int client = 0; client < 2; client++) {
		struct tt_flow flow = make_flow(client, IPPROTO_TCP);
		unsigned int server = client ^ 1;

		segment(&flow, client, TT_TCP_SYN, 100, 0, 1000);
		segment(&flow, client, TT_TCP_SYN, 100, 0, 2000);
		segment(&flow, server, TT_TCP_SYN | TT_TCP_ACK, 500, 101, 2300);
		segment(&flow, client, TT_TCP_ACK, 101, 501, 2350);
		segment(&flow, server, TT_TCP_FIN | TT_TCP_ACK, 501, 101, 9000);
		struct tt_connection_record record = make_record(&flow);

		CU_ASSERT(record.tcp.established);
		CU_ASSERT_EQUAL(record.tcp.handshake, TT_TCP_HANDSHAKE_COMPLETE);
		CU_ASSERT_EQUAL(record.tcp.half[TT_CLIENT_TO_SERVER].syn_retransmits, 1);
		CU_ASSERT_EQUAL(record.tcp.half[TT_SERVER_TO_CLIENT].syn_retransmits, 0);
		CU_ASSERT_EQUAL(record.tcp.half[TT_CLIENT_TO_SERVER].fins, 0);
		CU_ASSERT_EQUAL(record.tcp.half[TT_SERVER_TO_CLIENT].fins, 1);
	}
}

static void other_protocols_have_no_tcp(void)
{
	static const struct tt_tcp_summary none;
	struct tt_flow flow = make_flow(0, IPPROTO_UDP);
	struct tt_connection_record record = make_record(&flow);

	CU_ASSERT_EQUAL(memcmp(&record.tcp, &none, sizeof(none)), 0);
}

static const struct suite_test tests[] = {
	{"the low endpoint is the client", low_endpoint_is_the_client},
	{"the high endpoint is the client", high_endpoint_is_the_client},
	{"what has no direction is copied", what_has_no_direction_is_copied},
	{"an active flow has no close reason", an_active_flow_has_no_close_reason},
	{"no byte is left over", no_byte_is_left_over},
	{"TCP is told by side", tcp_is_told_by_side},
	{"other protocols have no TCP", other_protocols_have_no_tcp},
};

SUITE_MAIN("record", tests)
