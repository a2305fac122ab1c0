/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

#include "build.h"
#include "check.h"
#include "suite.h"

static bool is_plain_tcp(const struct tt_packet *packet, const struct build *build, size_t ip)
{
	return packet->ip == build->bytes + ip && packet->ip_version == 4 &&
		packet->ip_protocol == 6 && packet->source_port == 1024 &&
		packet->destination_port == 80 && packet->ip_bytes == 20 + 20 + 5 &&
		packet->payload_bytes == 5 && packet->payload_captured_bytes == 5 &&
		packet->payload == build->bytes + ip + 40 &&
		packet->transport == build->bytes + ip + 20 &&
		packet->transport_captured_bytes == 25 && packet->ip_ttl == 64 &&
		packet->ip_id == 0x1234 && packet->ip_traffic_class == 0xb8 &&
		packet->flags == (TT_PACKET_PORTS | TT_PACKET_TRANSPORT) &&
		packet->layer_count == 0;
}

static size_t put_tcp4(struct build *build)
{
	size_t ip = build_ipv4(build, 6, 1);

	build_tcp(build, 1024, 80, 0);
	build_fill(build, 5);
	build_end(build);
	return ip;
}

static void test_ethernet_ipv4_tcp(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x0800);
	size_t ip = put_tcp4(&build);

	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_TRUE(is_plain_tcp(&packet, &build, ip));
	CU_ASSERT_EQUAL(packet.vlan_count, 0);
	CU_ASSERT_EQUAL(packet.source, build.bytes + ip + 12);
	CU_ASSERT_EQUAL(packet.destination, build.bytes + ip + 16);
}

static void test_padding_is_no_payload(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x0800);
	size_t ip = put_tcp4(&build);

	build_fill(&build, 20);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_TRUE(is_plain_tcp(&packet, &build, ip));
}

static void test_every_link_type(void)
{
	struct tt_packet packet;
	static const struct {
		enum tt_link_type link;
		uint8_t header[24];
		size_t header_bytes;
	} cases[] = {
		{TT_LINK_RAW_IP, {0}, 0},
		{TT_LINK_LINUX_SLL, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00}, 16},
		{TT_LINK_LINUX_SLL2, {0x08, 0x00, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1},
			20},
		{TT_LINK_NULL, {2, 0, 0, 0}, 4},
		{TT_LINK_NULL, {0, 0, 0, 2}, 4},
		{TT_LINK_LOOP, {0, 0, 0, 2}, 4},
		{TT_LINK_PPP, {0xff, 0x03, 0x00, 0x21}, 4},
		{TT_LINK_PPP, {0x00, 0x21}, 2},
		{TT_LINK_PPP, {0x21}, 1},
		{TT_LINK_ETHERNET, /* LLC and SNAP */
			{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 53, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0},
			22},
		{TT_LINK_ETHERNET, /* LLC's SAP of IP */
			{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 48, 6, 6, 3}, 17},
		{TT_LINK_LINUX_SLL, /* 802.2 in a cooked capture */
			{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0xaa, 0xaa, 3, 0, 0, 0, 8,
				0},
			24},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};

		build_bytes(&build, cases[i].header, cases[i].header_bytes);
		size_t ip = put_tcp4(&build);

		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, cases[i].link, &build), TT_DECODE_IP);
		CU_ASSERT_TRUE(is_plain_tcp(&packet, &build, ip));
	}
}

static void test_every_link_type_carries_ipv6(void)
{
	struct tt_packet packet;
	static const struct {
		enum tt_link_type link;
		uint8_t header[24];
		size_t header_bytes;
	} cases[] = {
		{TT_LINK_RAW_IP, {0}, 0},
		{TT_LINK_LINUX_SLL, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x86, 0xdd}, 16},
		{TT_LINK_LINUX_SLL2, {0x86, 0xdd}, 20},
		{TT_LINK_NULL, {10, 0, 0, 0}, 4},
		{TT_LINK_NULL, {0, 0, 0, 24}, 4},
		{TT_LINK_NULL, {28, 0, 0, 0}, 4},
		{TT_LINK_LOOP, {0, 0, 0, 30}, 4},
		{TT_LINK_PPP, {0x00, 0x57}, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};

		build_bytes(&build, cases[i].header, cases[i].header_bytes);
		build_ipv6(&build, 17, 7);
		build_udp(&build, 53, 4000);
		build_fill(&build, 9);
		build_end(&build);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, cases[i].link, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip_version, 6);
		CU_ASSERT_EQUAL(packet.ip_bytes, 57);
		CU_ASSERT_EQUAL(packet.ip_ttl, 63);
		CU_ASSERT_EQUAL(packet.ip_traffic_class, 0xb8);
		CU_ASSERT_EQUAL(packet.ip_id, 0);
		CU_ASSERT_EQUAL(packet.source_port, 53);
		CU_ASSERT_EQUAL(packet.destination_port, 4000);
		CU_ASSERT_EQUAL(packet.payload_bytes, 9);
		CU_ASSERT_EQUAL(packet.source, packet.ip + 8);
		CU_ASSERT_EQUAL(packet.destination, packet.ip + 24);
	}
}

static void test_vlan_tags(void)
{
	static const unsigned int tag_types[] = {0x8100, 0x88a8, 0x9100, 0x9200};
	struct tt_packet packet;

	/* Of each kind outside, then 0 to 5 more customer tags; priority bits are no part of an id. */
	for (size_t kind = 0; kind < 4; kind++)
		for (unsigned int more = 0; more < 6; more++) {
			struct build build = {0};

			build_ethernet(&build, tag_types[kind]);
			for (unsigned int tag = 0; tag <= more; tag++)
				build_vlan(
					&build, 0xe000 + 100 + tag, tag == more ? 0x0800 : 0x8100);
			size_t ip = put_tcp4(&build);

			CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build),
				TT_DECODE_IP);
			CU_ASSERT_TRUE(is_plain_tcp(&packet, &build, ip));
			unsigned int kept = more + 1 < TT_PACKET_VLANS ? more + 1 : TT_PACKET_VLANS;

			CU_ASSERT_EQUAL(packet.vlan_count, kept);
			for (unsigned int tag = 0; tag < kept; tag++)
				CU_ASSERT_EQUAL(packet.vlan[tag], 100 + tag);
		}
}

static void test_backbone_tags(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x88a8);
	build_vlan(&build, 5, 0x88e7);
	build_32(&build, 0x00000777);
	build_ethernet(&build, 0x8100);
	build_vlan(&build, 6, 0x893f);
	build_fill(&build, 6);
	build_16(&build, 0x0800);
	size_t ip = put_tcp4(&build);

	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_TRUE(is_plain_tcp(&packet, &build, ip));
	CU_ASSERT_EQUAL(packet.vlan_count, 2);
	CU_ASSERT_EQUAL(packet.vlan[0], 5);
	CU_ASSERT_EQUAL(packet.vlan[1], 6);
}

static void test_frames_without_ip(void)
{
	static const struct {
		enum tt_link_type link;
		uint8_t bytes[32];
		size_t length;
		enum tt_decode_result result;
	} cases[] = {
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x08, 0x06}, 32,
			TT_DECODE_NOT_IP}, /* ARP */
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x88, 0xcc}, 32,
			TT_DECODE_NOT_IP}, /* LLDP */
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0, 18, 0x42, 0x42, 3}, 32,
			TT_DECODE_NOT_IP}, /* STP */
		{TT_LINK_ETHERNET,
			{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0, 18, 0xaa, 0xaa, 3, 0, 0, 0x0c, 8,
				0},
			32, TT_DECODE_NOT_IP}, /* SNAP of another organization */
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x88, 0x63}, 32,
			TT_DECODE_NOT_IP}, /* PPPoE discovery */
		{TT_LINK_ETHERNET, {1, 2, 3}, 3, TT_DECODE_BAD_LINK},
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x81, 0x00, 0}, 15,
			TT_DECODE_BAD_LINK},
		{TT_LINK_ETHERNET, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0, 8, 0xaa, 0xaa, 3, 0}, 18,
			TT_DECODE_BAD_LINK},
		{TT_LINK_RAW_IP, {0x50}, 32, TT_DECODE_NOT_IP},
		{TT_LINK_RAW_IP, {0}, 0, TT_DECODE_BAD_LINK},
		{TT_LINK_NULL, {7, 0, 0, 0}, 32, TT_DECODE_NOT_IP},
		{TT_LINK_NULL, {2, 0, 0}, 3, TT_DECODE_BAD_LINK},
		{TT_LINK_PPP, {0xc0, 0x21}, 32, TT_DECODE_NOT_IP}, /* LCP */
		{TT_LINK_PPP, {0xff, 0x03, 0x00}, 3, TT_DECODE_BAD_LINK},
		{TT_LINK_LINUX_SLL, {0}, 15, TT_DECODE_BAD_LINK},
		{TT_LINK_LINUX_SLL2, {0x08}, 19, TT_DECODE_BAD_LINK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};
		struct tt_packet packet;

		build_bytes(&build, cases[i].bytes, cases[i].length);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, cases[i].link, &build), cases[i].result);
	}
}

static void test_endless_tags_are_bounded(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x8100);
	for (unsigned int i = 0; i < 900; i++)
		build_vlan(&build, 1, 0x8100);
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_BAD_LINK);
}

static void test_ipv4_options(void)
{
	struct tt_packet packet;

	for (size_t option_bytes = 4; option_bytes <= 40; option_bytes += 4) {
		struct build build = {0};

		build_ethernet(&build, 0x0800);
		size_t ip = build_ipv4_options(&build, 6, 1, option_bytes);

		build_tcp(&build, 1024, 80, 12);
		build_fill(&build, 5);
		build_end(&build);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.transport, build.bytes + ip + 20 + option_bytes);
		CU_ASSERT_EQUAL(packet.payload_bytes, 5);
		CU_ASSERT_EQUAL(packet.destination_port, 80);
	}
}

static void test_ipv4_contradictions(void)
{
	struct tt_packet packet;

	for (unsigned int header_words = 0; header_words < 16; header_words++) {
		struct build build = {0};

		build_ethernet(&build, 0x0800);
		size_t ip = put_tcp4(&build);

		/* 45 bytes of IP: up to 11 words fit in what the total length claims. */
		build.bytes[ip] = (uint8_t)(0x40 + header_words);
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			header_words >= 5 && header_words <= 11 ? TT_DECODE_IP
								: TT_DECODE_BAD_IPV4);
	}
	for (unsigned int total = 1; total < 20; total++) {
		struct build build = {0};

		build_ethernet(&build, 0x0800);
		size_t ip = put_tcp4(&build);

		build_set_16(&build, ip + 2, total);
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_BAD_IPV4);
	}
	struct build build = {0};

	build_ethernet(&build, 0x0800);
	size_t ip = put_tcp4(&build);

	build.bytes[ip] = 0x65;
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_BAD_IPV4);
}

static void test_ip_longer_than_the_frame(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x0800);
	size_t ip = put_tcp4(&build);

	build_set_16(&build, ip + 2, 1500);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip_bytes, 1500);
	CU_ASSERT_EQUAL(packet.payload_bytes, 1460);
	CU_ASSERT_EQUAL(packet.payload_captured_bytes, 5);
}

static void test_segmentation_offload(void)
{
	struct tt_packet packet;

	for (unsigned int version = 4; version <= 6; version += 2) {
		struct build build = {0};

		build_ethernet(&build, version == 4 ? 0x0800 : 0x86dd);
		size_t ip = version == 4 ? build_ipv4(&build, 6, 1) : build_ipv6(&build, 6, 1);

		build_tcp(&build, 1024, 80, 0);
		build_fill(&build, 700);
		build_set_16(&build, ip + (version == 4 ? 2 : 4), 0);
		struct guarded guarded = guarded_copy(build.bytes, build.length);
		uint32_t wire = 100000;

		CU_ASSERT_EQUAL(tt_decode(&packet, &check_all, TT_LINK_ETHERNET, guarded.bytes,
					(uint32_t)build.length, wire),
			TT_DECODE_IP);
		uint32_t headers = version == 4 ? 20 : 40;

		CU_ASSERT_EQUAL(packet.ip_bytes, wire - 14);
		CU_ASSERT_EQUAL(packet.payload_bytes, wire - 14 - headers - 20);
		CU_ASSERT_EQUAL(packet.payload_captured_bytes, 700);
		CU_ASSERT_EQUAL(packet.flags,
			TT_PACKET_PORTS | TT_PACKET_TRANSPORT | TT_PACKET_LENGTH_ZERO |
				TT_PACKET_CUT);
		guarded_free(&guarded);
	}
}

static void test_ipv6_without_payload(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x86dd);
	build_ipv6(&build, 59, 1);
	build_end(&build);
	build_fill(&build, 6);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip_bytes, 40);
	CU_ASSERT_EQUAL(packet.ip_protocol, 59);
	CU_ASSERT_EQUAL(packet.flags, 0);
}

static void test_jumbogram(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x86dd);
	size_t ip = build_ipv6(&build, 0, 1);

	build_8(&build, 6);
	build_8(&build, 0);
	build_16(&build, 0xc204); /* jumbo payload option, 4 bytes */
	build_32(&build, 8 + 20 + 70000);
	build_tcp(&build, 1024, 80, 0);
	build_fill(&build, 100);
	build_end(&build);
	build_set_16(&build, ip + 4, 0);
	CU_ASSERT_EQUAL(tt_decode(&packet, &check_all, TT_LINK_ETHERNET, build.bytes,
				(uint32_t)build.length, 14 + 40 + 8 + 20 + 70000),
		TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip_bytes, 40 + 8 + 20 + 70000);
	CU_ASSERT_EQUAL(packet.payload_bytes, 70000);
	CU_ASSERT_EQUAL(packet.payload_captured_bytes, 100);
	CU_ASSERT_EQUAL(packet.destination_port, 80);
}

static void test_ipv6_extensions(void)
{
	static const uint8_t kinds[] = {0, 43, 60, 135, 139, 140};
	struct tt_packet packet;

	/* Every kind alone, of 1 to 3 units, then all of them in a row with a fragment header that
	 * says the packet is whole. */
	for (size_t kind = 0; kind < sizeof(kinds); kind++)
		for (unsigned int units = 1; units <= 3; units++) {
			struct build build = {0};

			build_ethernet(&build, 0x86dd);
			build_ipv6(&build, kinds[kind], 1);
			build_extension(&build, 17, units);
			build_udp(&build, 1, 2);
			build_fill(&build, 3);
			build_end(&build);
			CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build),
				TT_DECODE_IP);
			CU_ASSERT_EQUAL(packet.ip_protocol, 17);
			CU_ASSERT_EQUAL(packet.ip_bytes, 40 + units * 8 + 11);
			CU_ASSERT_EQUAL(packet.destination_port, 2);
			CU_ASSERT_EQUAL(packet.payload_bytes, 3);
		}
	struct build build = {0};

	build_ethernet(&build, 0x86dd);
	build_ipv6(&build, 0, 1);
	build_extension(&build, 60, 1);
	build_extension(&build, 43, 2);
	build_extension(&build, 44, 1);
	build_32(&build, 0x3c000000); /* fragment header: next 60, offset 0, no more */
	build_32(&build, 0xabcdef01);
	build_extension(&build, 6, 1);
	build_tcp(&build, 5, 6, 4);
	build_end(&build);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip_protocol, 6);
	CU_ASSERT_EQUAL(packet.source_port, 5);
	CU_ASSERT_EQUAL(packet.payload_bytes, 0);
	CU_ASSERT_EQUAL(packet.flags, TT_PACKET_PORTS | TT_PACKET_TRANSPORT);
}

static void test_ipv6_extension_chain_is_bounded(void)
{
	struct tt_packet packet;

	for (unsigned int count = 1; count <= TT_PACKET_EXTENSIONS + 3; count++) {
		struct build build = {0};

		build_ethernet(&build, 0x86dd);
		build_ipv6(&build, 60, 1);
		for (unsigned int i = 1; i <= count; i++)
			build_extension(&build, i == count ? 17 : 60, 1);
		build_udp(&build, 1, 2);
		build_end(&build);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip_protocol, count <= TT_PACKET_EXTENSIONS ? 17 : 60);
	}
}

static void test_mobility_message_is_the_protocol(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x86dd);
	build_ipv6(&build, 135, 1);
	build_extension(&build, 59, 2);
	build_end(&build);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip_protocol, 135);
	CU_ASSERT_EQUAL(packet.payload_bytes, 16);
}

static void test_ipv6_contradictions(void)
{
	struct tt_packet packet;
	struct build build = {0};

	/* An extension that is longer than the payload. */
	build_ethernet(&build, 0x86dd);
	size_t ip = build_ipv6(&build, 60, 1);

	build_extension(&build, 17, 1);
	build_udp(&build, 1, 2);
	build_end(&build);
	build.bytes[ip + 41] = 4;
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_BAD_IPV6);
	build.bytes[ip] = 0x40;
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_BAD_IPV6);
}

static void test_ipv4_fragments(void)
{
	struct tt_packet packet;
	static const struct {
		unsigned int field;
		unsigned int flags;
		unsigned int offset_bytes;
	} cases[] = {
		{0x2000,
			TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_MORE | TT_PACKET_PORTS |
				TT_PACKET_TRANSPORT,
			0},
		{0x20b9, TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_MORE | TT_PACKET_FRAGMENT_LATER,
			0xb9 * 8},
		{0x0001, TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_LATER, 8},
		{0x1fff, TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_LATER, 65528},
		{0x4000, TT_PACKET_PORTS | TT_PACKET_TRANSPORT, 0},
		{0x8000, TT_PACKET_PORTS | TT_PACKET_TRANSPORT, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};

		build_ethernet(&build, 0x0800);
		size_t ip = build_ipv4(&build, 17, 1);

		build_udp(&build, 7, 8);
		build_fill(&build, 16);
		build_end(&build);
		build_set_16(&build, ip + 6, cases[i].field);
		if (i == 0)
			build_set_16(&build, ip + 24, 3008);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.flags, cases[i].flags);
		CU_ASSERT_EQUAL(packet.fragment_offset_bytes, cases[i].offset_bytes);
		if ((packet.flags & TT_PACKET_FRAGMENT) != 0)
			CU_ASSERT_EQUAL(packet.fragment_id, 0x1234);
		if ((packet.flags & TT_PACKET_FRAGMENT_LATER) != 0) {
			CU_ASSERT_EQUAL(packet.payload, build.bytes + ip + 20);
			CU_ASSERT_EQUAL(packet.payload_bytes, 24);
		} else {
			/* A first fragment's UDP header speaks of the whole datagram. */
			CU_ASSERT_EQUAL(packet.payload_bytes, i == 0 ? 3000 : 16);
			CU_ASSERT_EQUAL(packet.payload_captured_bytes, 16);
		}
	}
}

static void test_ipv6_fragments(void)
{
	struct tt_packet packet;

	for (unsigned int offset = 0; offset <= 8; offset += 8) {
		struct build build = {0};

		build_ethernet(&build, 0x86dd);
		build_ipv6(&build, 44, 1);
		build_8(&build, 17);
		build_8(&build, 0);
		build_16(&build, offset | 1);
		build_32(&build, 0xabcdef01);
		build_udp(&build, 7, 8);
		build_fill(&build, 16);
		build_end(&build);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip_protocol, 17);
		CU_ASSERT_EQUAL(packet.fragment_id, 0xabcdef01);
		CU_ASSERT_EQUAL(packet.fragment_offset_bytes, offset);
		CU_ASSERT_EQUAL(packet.ip_bytes, 40 + 8 + 24);
		CU_ASSERT_EQUAL(packet.flags,
			TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_MORE |
				(offset == 0 ? TT_PACKET_PORTS | TT_PACKET_TRANSPORT
					     : TT_PACKET_FRAGMENT_LATER));
	}
}

static void test_transports(void)
{
	/* Protocol, header bytes after the ports, and what is payload. */
	static const struct {
		uint8_t protocol;
		uint8_t rest[12];
		size_t rest_bytes;
		bool ports;
		bool sound;
		uint32_t payload_bytes;
	} cases[] = {
		{17, {0, 14, 0, 0}, 4, true, true, 6},
		{17, {0, 12, 0, 0}, 4, true, true, 4},	/* IP has more than UDP says */
		{17, {0, 15, 0, 0}, 4, true, false, 6}, /* UDP has more than IP says */
		{17, {0, 7, 0, 0}, 4, true, false, 6},	/* shorter than its header */
		{17, {0, 0, 0, 0}, 4, true, true, 6},	/* offload: by IP */
		{136, {0, 8, 0, 0}, 4, true, true, 6},	/* UDP-Lite covers its header */
		{136, {0, 0, 0, 0}, 4, true, true, 6},	/* or everything */
		{136, {0, 7, 0, 0}, 4, true, false, 6}, /* but not a part of the header */
		{132, {1, 2, 3, 4, 5, 6, 7, 8}, 8, true, true, 6},
		{6, {0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0}, 12, true, false, 0},
		{1, {1, 2, 3, 4}, 4, false, true, 14},
		{58, {1, 2, 3, 4}, 4, false, true, 14},
		{50, {1, 2, 3, 4}, 4, false, false, 14},
		{89, {1, 2, 3, 4}, 4, false, false, 14},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};
		struct tt_packet packet;

		build_ethernet(&build, 0x0800);
		size_t ip = build_ipv4(&build, cases[i].protocol, 1);

		build_16(&build, 700);
		build_16(&build, 800);
		build_bytes(&build, cases[i].rest, cases[i].rest_bytes);
		if (cases[i].protocol != 6)
			build_fill(&build, 6);
		build_end(&build);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip_protocol, cases[i].protocol);
		CU_ASSERT_EQUAL(packet.source_port, cases[i].ports ? 700 : 0);
		CU_ASSERT_EQUAL(packet.destination_port, cases[i].ports ? 800 : 0);
		CU_ASSERT_EQUAL((packet.flags & TT_PACKET_PORTS) != 0, cases[i].ports);
		CU_ASSERT_EQUAL((packet.flags & TT_PACKET_TRANSPORT) != 0, cases[i].sound);
		CU_ASSERT_EQUAL(packet.payload_bytes, cases[i].payload_bytes);
		CU_ASSERT_EQUAL(packet.transport, build.bytes + ip + 20);
	}
}

static void test_tcp_data_offset(void)
{
	for (unsigned int words = 0; words < 16; words++) {
		struct build build = {0};
		struct tt_packet packet;

		build_ethernet(&build, 0x0800);
		size_t ip = build_ipv4(&build, 6, 1);

		build_tcp(&build, 1, 2, 0);
		build_fill(&build, 10);
		build_end(&build);
		build.bytes[ip + 32] = (uint8_t)(words << 4);
		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		bool sound = words >= 5 && words * 4 <= 30;

		CU_ASSERT_EQUAL((packet.flags & TT_PACKET_TRANSPORT) != 0, sound);
		CU_ASSERT_EQUAL(packet.payload_bytes, sound ? 30 - words * 4 : 0);
		CU_ASSERT_EQUAL(packet.source_port, 1);
	}
}

static const struct suite_test tests[] = {
	{"Ethernet, IPv4, TCP", test_ethernet_ipv4_tcp},
	{"padding is no payload", test_padding_is_no_payload},
	{"every link type", test_every_link_type},
	{"every link type carries IPv6", test_every_link_type_carries_ipv6},
	{"VLAN tags", test_vlan_tags},
	{"backbone tags", test_backbone_tags},
	{"frames without IP", test_frames_without_ip},
	{"endless tags are bounded", test_endless_tags_are_bounded},
	{"IPv4 options", test_ipv4_options},
	{"IPv4 contradictions", test_ipv4_contradictions},
	{"IP longer than the frame", test_ip_longer_than_the_frame},
	{"segmentation offload", test_segmentation_offload},
	{"IPv6 without payload", test_ipv6_without_payload},
	{"jumbogram", test_jumbogram},
	{"IPv6 extensions", test_ipv6_extensions},
	{"IPv6 extension chain is bounded", test_ipv6_extension_chain_is_bounded},
	{"mobility message is the protocol", test_mobility_message_is_the_protocol},
	{"IPv6 contradictions", test_ipv6_contradictions},
	{"IPv4 fragments", test_ipv4_fragments},
	{"IPv6 fragments", test_ipv6_fragments},
	{"transports", test_transports},
	{"TCP data offset", test_tcp_data_offset},
};

SUITE_MAIN("decode", tests)
