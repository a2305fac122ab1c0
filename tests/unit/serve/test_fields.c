/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/common_fields.h"
#include "serve/community_id.h"
#include "serve/connection_fields.h"
#include "serve/json.h"
#include "serve/summary_fields.h"

#include "suite.h"

#include <arpa/inet.h>

static struct tt_connection_record connection_between(int version, const char *client,
	uint16_t client_port, const char *server, uint16_t server_port, uint8_t ip_protocol)
{
	struct tt_connection_record record = {
		.endpoints.port = {client_port, server_port},
		.endpoints.ip_protocol = ip_protocol,
		.endpoints.ip_version = (uint8_t)version,
	};
	int family = version == 4 ? AF_INET : AF_INET6;

	CU_ASSERT_EQUAL(inet_pton(family, client, record.endpoints.address[0]), 1);
	CU_ASSERT_EQUAL(inet_pton(family, server, record.endpoints.address[1]), 1);
	return record;
}

static void check_community_id(const struct tt_connection_record *record, const char *expected)
{
	char text[TT_COMMUNITY_ID_SIZE];

	CU_ASSERT_TRUE(tt_community_id(text, record));
	CU_ASSERT_STRING_EQUAL(text, expected);
}

/* The IDs of the specification's baseline, both ways round. */
static void test_community_ids(void)
{
	static const struct {
		int version;
		const char *client, *server;
		uint16_t client_port, server_port;
		uint8_t ip_protocol;
		const char *expected;
	} flows[] = {
		{4, "128.232.110.120", "66.35.250.204", 34855, 80, IPPROTO_TCP,
			"1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{4, "192.168.1.52", "8.8.8.8", 54585, 53, IPPROTO_UDP,
			"1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
			IPPROTO_TCP, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{4, "192.168.170.8", "192.168.170.56", 7, 80, IPPROTO_SCTP,
			"1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
		{4, "10.1.24.4", "10.1.12.1", 0, 0, IPPROTO_RSVP, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="},
		/* Of equal addresses the lower port goes first. */
		{4, "10.0.0.1", "10.0.0.1", 9, 8, IPPROTO_UDP, "1:CCDtH19NHn4evTjsHD7T5iPAeoM="},
	};

	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		struct tt_connection_record there =
			connection_between(flows[i].version, flows[i].client, flows[i].client_port,
				flows[i].server, flows[i].server_port, flows[i].ip_protocol);
		struct tt_connection_record back =
			connection_between(flows[i].version, flows[i].server, flows[i].server_port,
				flows[i].client, flows[i].client_port, flows[i].ip_protocol);

		check_community_id(&there, flows[i].expected);
		check_community_id(&back, flows[i].expected);
	}
}

static void test_community_ids_of_icmp(void)
{
	struct tt_connection_record request =
		connection_between(4, "192.168.0.89", 0, "192.168.0.1", 0, IPPROTO_ICMP);
	struct tt_connection_record reply =
		connection_between(4, "192.168.0.1", 0, "192.168.0.89", 0, IPPROTO_ICMP);
	struct tt_connection_record solicitation = connection_between(
		6, "fe80::200:86ff:fe05:80da", 0, "fe80::260:97ff:fe07:69ea", 0, IPPROTO_ICMPV6);
	struct tt_connection_record unreachable =
		connection_between(4, "10.0.0.2", 0, "10.0.0.1", 0, IPPROTO_ICMP);

	request.icmp_type = 8;
	check_community_id(&request, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
	check_community_id(&reply, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
	solicitation.icmp_type = 135;
	check_community_id(&solicitation, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
	/* What nothing answers has its code, and keeps its direction. */
	unreachable.icmp_type = 3;
	unreachable.icmp_code = 3;
	check_community_id(&unreachable, "1:LhjXG72oBqb/FpYqPl9LboG4/B4=");
}

static char *text_of(const struct tt_json *json)
{
	CU_ASSERT_FALSE_FATAL(tt_json_failed(json));
	char *text = calloc(1, json->length + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memcpy(text, json->text, json->length);
	return text;
}

static void check_connection(const struct tt_connection_record *record, const char *expected)
{
	struct tt_json json;

	tt_json_init(&json);
	tt_connection_describe(&json.sink, NULL, record, NULL, NULL);
	char *text = text_of(&json);
	CU_ASSERT_STRING_EQUAL(text, expected);
	free(text);
	tt_json_free(&json);
}

static void test_a_plain_connection(void)
{
	struct tt_connection_record record =
		connection_between(4, "192.168.1.52", 54585, "8.8.8.8", 53, IPPROTO_UDP);

	record.uid = 0xabc;
	record.start_us = 1700000000000001;
	record.end_us = 1700000000000002;
	record.direction_from = TT_DIRECTION_PORT;
	record.counters[0] = (struct tt_flow_counters){1, 81, 53};
	/* What is not known is absent; what was measured as 0 is not. */
	check_connection(&record,
		"{\"type\":\"connection\",\"uid\":\"0000000000000abc\","
		"\"community_id\":\"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\",\"state\":\"active\","
		"\"transport\":\"udp\","
		"\"client\":{\"address\":\"192.168.1.52\",\"port\":54585},"
		"\"server\":{\"address\":\"8.8.8.8\",\"port\":53},"
		"\"start_us\":1700000000000001,\"end_us\":1700000000000002,"
		"\"direction_from\":\"port\","
		"\"client_to_server\":{\"packets\":1,\"ip_bytes\":81,\"payload_bytes\":53,"
		"\"fragments\":0},"
		"\"server_to_client\":{\"packets\":0,\"ip_bytes\":0,\"payload_bytes\":0,"
		"\"fragments\":0}}");
}

static void test_a_connection_with_everything(void)
{
	struct tt_connection_record record =
		connection_between(6, "2001:470:e5bf:dead:4957:2174:e82c:4887", 63943,
			"2607:f8b0:400c:c03::1a", 25, IPPROTO_TCP);

	record.uid = 0xfedcba9876543210;
	record.start_us = 1;
	record.end_us = 2;
	record.close_reason = TT_CLOSE_END_OF_CAPTURE;
	record.direction_from = TT_DIRECTION_SYN;
	record.counters[0] = (struct tt_flow_counters){1, 2, 3};
	record.counters[1] = (struct tt_flow_counters){4, 5, 6};
	record.fragments[1] = 7;
	record.duplicates[0] = 8;
	record.vlan_count = 2;
	record.vlan[0] = 4095;
	record.layer_count = 3;
	record.layer_kind[0] = TT_LAYER_GRE;
	record.layer_kind[1] = TT_LAYER_ERSPAN2;
	record.layer_id[1] = 100;
	record.layer_kind[2] = TT_LAYER_VXLAN;
	record.layer_id[2] = UINT32_MAX;
	record.layer_has_id = 1 << 1 | 1 << 2;
	record.tap_ports[0] = 1u << 31;
	record.tap_ports[1] = 1u << 0 | 1u << 31;
	record.tcp = (struct tt_tcp_summary){
		.present = TT_TCP_HAS_HANDSHAKE | TT_TCP_HAS_HANDSHAKE_TIME |
			TT_TCP_HAS_HANDSHAKE_SERVER | TT_TCP_HAS_HANDSHAKE_CLIENT | TT_TCP_HAS_RTT |
			TT_TCP_HAS_RTT_SERVER | TT_TCP_HAS_RTT_CLIENT | TT_TCP_HAS_ECN,
		.handshake = TT_TCP_HANDSHAKE_COMPLETE,
		.failure = TT_TCP_RESET,
		.established = true,
		.handshake_us = 1,
		.handshake_server_us = 2,
		.handshake_client_us = 3,
		.rtt_us = 4,
		.rtt_var_us = 5,
		.rtt_server_us = 6,
		.rtt_client_us = 7,
		.half[0] = {TT_TCP_HAS_COUNTS | TT_TCP_HAS_CAUSES | TT_TCP_HAS_MISSING, 1, 2, 3, 4,
			5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	};
	check_connection(&record,
		"{\"type\":\"connection\",\"uid\":\"fedcba9876543210\","
		"\"community_id\":\"1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=\",\"state\":\"closed\","
		"\"close_reason\":\"end_of_capture\",\"transport\":\"tcp\","
		"\"client\":{\"address\":\"2001:470:e5bf:dead:4957:2174:e82c:4887\","
		"\"port\":63943},"
		"\"server\":{\"address\":\"2607:f8b0:400c:c03::1a\",\"port\":25},"
		"\"start_us\":1,\"end_us\":2,\"direction_from\":\"syn\","
		"\"vlan\":[4095,0],\"encapsulation\":[\"gre\",\"erspan2:100\","
		"\"vxlan:4294967295\"],\"ports\":[0,31],"
		"\"client_to_server\":{\"packets\":1,\"ip_bytes\":2,\"payload_bytes\":3,"
		"\"fragments\":0,\"duplicates\":8,\"ports\":[31],\"retransmits\":1,\"syn_"
		"retransmits\":2,\"fast_retransmits\":3,"
		"\"timeout_retransmits\":4,\"spurious_retransmits\":5,\"out_of_order\":6,"
		"\"duplicate_acks\":7,\"zero_windows\":8,\"zero_window_us\":9,"
		"\"window_probes\":10,\"keep_alives\":11,\"missing_bytes\":12,\"ecn_ce\":13,"
		"\"resets\":14,\"fins\":15},"
		"\"server_to_client\":{\"packets\":4,\"ip_bytes\":5,\"payload_bytes\":6,"
		"\"fragments\":7,\"ports\":[0,31]},"
		"\"tcp\":{\"established\":1,\"closed\":0,\"handshake\":\"complete\","
		"\"failure\":\"reset\",\"handshake_us\":1,\"handshake_server_us\":2,"
		"\"handshake_client_us\":3,\"rtt_us\":4,\"rtt_var_us\":5,\"rtt_server_us\":6,"
		"\"rtt_client_us\":7,\"ecn\":false}}");
}

static void check_value(const struct tt_connection_record *record, const char *expected)
{
	struct tt_json json;

	tt_json_init(&json);
	tt_connection_describe(&json.sink, NULL, record, NULL, NULL);
	char *text = text_of(&json);
	if (strstr(text, expected) == NULL)
		CU_FAIL(text);
	free(text);
	tt_json_free(&json);
}

static void test_names_of_values(void)
{
	static const struct {
		uint8_t ip_protocol;
		const char *expected;
	} transports[] = {
		{IPPROTO_SCTP, "\"transport\":\"sctp\""},
		{IPPROTO_ICMP, "\"transport\":\"icmp\""},
		{IPPROTO_ICMPV6, "\"transport\":\"icmp6\""},
		{IPPROTO_GRE, "\"transport\":\"ip/47\""},
		{255, "\"transport\":\"ip/255\""},
	};
	static const char *const directions[] = {
		[TT_DIRECTION_SYN] = "\"direction_from\":\"syn\"",
		[TT_DIRECTION_SYNACK] = "\"direction_from\":\"synack\"",
		[TT_DIRECTION_PORT] = "\"direction_from\":\"port\"",
		[TT_DIRECTION_FIRST_PACKET] = "\"direction_from\":\"first_packet\"",
	};
	/* RFC 5952: the longest run of zeros, the first of equals, never one group; mixed notation
	 * for mapped addresses (section 5). */
	static const char *const addresses[] = {"::", "::1", "2001:db8::1:0:0:1",
		"2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "::ffff:192.0.2.1", "64:ff9b::c000:201"};
	struct tt_connection_record record = {.endpoints.ip_version = 4};

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		record.endpoints.ip_protocol = transports[i].ip_protocol;
		check_value(&record, transports[i].expected);
	}
	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
		record.direction_from = (uint8_t)i;
		check_value(&record, directions[i]);
	}
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		char expected[96];

		snprintf(expected, sizeof(expected), "\"server\":{\"address\":\"%s\",",
			addresses[i]);
		record = connection_between(6, "::", 0, addresses[i], 0, IPPROTO_TCP);
		check_value(&record, expected);
	}
}

static void check_summary(const struct tt_summary *summary, const char *expected)
{
	struct tt_json json;

	tt_json_init(&json);
	tt_summary_describe(&json.sink, NULL, summary);
	char *text = text_of(&json);
	CU_ASSERT_STRING_EQUAL(text, expected);
	free(text);
	tt_json_free(&json);
}

static void test_summaries(void)
{
	struct tt_summary summary = {
		.connections = 3,
		.first_us = 1000,
		.last_us = 1500,
		.time_source = "capture",
		.ledger = {.received = 27,
			.received_bytes = 2000,
			.processed = 6,
			.dropped = {[TT_DROP_NOT_IP] = 1,
				[TT_DROP_BAD_LINK] = 2,
				[TT_DROP_BAD_IPV4] = 3,
				[TT_DROP_BAD_IPV6] = 4,
				[TT_DROP_EXCLUDED] = 6,
				[TT_DROP_DUPLICATE] = 7,
				[TT_DROP_RING_FULL] = 5},
			.missed_known = true,
			.closes = true},
	};

	check_summary(&summary,
		"{\"type\":\"summary\",\"packets\":27,\"bytes\":2000,\"duration_us\":500,\"time_"
		"source\":\"capture\","
		"\"connections\":3,\"ledger\":{\"received\":27,\"processed\":6,"
		"\"dropped\":{\"missed\":0,\"no_mbuf\":0,\"errors\":0,\"not_ip\":1,"
		"\"malformed_link\":2,\"malformed_ipv4\":3,\"malformed_ipv6\":4,\"excluded\":6,"
		"\"duplicate\":7,\"ring_full\":5,\"shed\":0},"
		"\"closes\":true}}");

	/* What no port can tell is absent. */
	summary = (struct tt_summary){
		.time_source = "mixed", .ledger = {.received = 2, .in_flight = 2}};
	check_summary(&summary,
		"{\"type\":\"summary\",\"packets\":2,\"bytes\":0,\"duration_us\":0,\"time_source\":"
		"\"mixed\","
		"\"connections\":0,\"ledger\":{\"received\":2,\"processed\":0,"
		"\"dropped\":{\"no_mbuf\":0,\"errors\":0,\"not_ip\":0,"
		"\"malformed_link\":0,\"malformed_ipv4\":0,\"malformed_ipv6\":0,\"excluded\":0,"
		"\"duplicate\":0,\"ring_full\":0,\"shed\":0},"
		"\"in_flight\":2,\"missed_known\":false,\"closes\":false}}");
}

static void check_address(int family, const uint8_t address[16])
{
	char expected[INET6_ADDRSTRLEN], text[TT_ADDRESS_TEXT_SIZE];

	inet_ntop(family, address, expected, sizeof(expected));
	tt_address_text(text, family == AF_INET ? 4 : 6, address);
	CU_ASSERT_STRING_EQUAL(text, expected);
}

/* Each pattern of zero groups, with groups of one to four digits, as inet_ntop() writes it. */
static void test_addresses_are_as_inet_ntop_writes_them(void)
{
	static const uint16_t groups[] = {0x1, 0x10, 0xabc, 0xffff, 0x2001, 0x100};
	uint8_t address[16];

	for (unsigned int zeros = 0; zeros < 256; zeros++)
		for (unsigned int from = 0; from < 6; from++) {
			for (unsigned int i = 0; i < 8; i++) {
				uint16_t group = zeros >> i & 1 ? 0 : groups[(from + i) % 6];

				address[2 * i] = (uint8_t)(group >> 8);
				address[2 * i + 1] = (uint8_t)group;
			}
			check_address(AF_INET6, address);
		}
	for (unsigned int i = 0; i < 256; i++) {
		const uint8_t ipv4[16] = {(uint8_t)i, (uint8_t)(i * 7), 10, (uint8_t)(255 - i)};

		check_address(AF_INET, ipv4);
	}
}

static const struct suite_test tests[] = {
	{"Community IDs", test_community_ids},
	{"Community IDs of ICMP", test_community_ids_of_icmp},
	{"a plain connection", test_a_plain_connection},
	{"a connection with everything", test_a_connection_with_everything},
	{"names of values", test_names_of_values},
	{"summaries", test_summaries},
	{"addresses are as inet_ntop() writes them", test_addresses_are_as_inet_ntop_writes_them},
};

SUITE_MAIN("serve_fields", tests)
