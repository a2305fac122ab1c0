/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

#include "build.h"
#include "check.h"
#include "suite.h"
#include "tunnels.h"

#include <stdio.h>

/* xorshift64 (Marsaglia 2003). */
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

/* The flow that everything is wrapped around. Returns where its IP header is. */
static size_t put_flow(struct build *build, enum inside inside)
{
	size_t ip = tunnel_ip(build, inside, 6, 200);

	build_tcp(build, 1111, 2222, 12);
	build_fill(build, 30);
	build_end(build);
	return ip;
}

static void check_flow(const struct tt_packet *packet, const struct build *build, size_t ip)
{
	CU_ASSERT_EQUAL(packet->ip, build->bytes + ip);
	CU_ASSERT_EQUAL(packet->ip_protocol, 6);
	CU_ASSERT_EQUAL(packet->source_port, 1111);
	CU_ASSERT_EQUAL(packet->destination_port, 2222);
	CU_ASSERT_EQUAL(packet->payload_bytes, 30);
	CU_ASSERT_EQUAL(packet->payload_captured_bytes, 30);
	CU_ASSERT_EQUAL(packet->flags, TT_PACKET_PORTS | TT_PACKET_TRANSPORT);
}

/* The layer a tunnel adds, which for IP in IP depends on the header outside. */
static struct tt_layer expected_layer(const struct tunnel *tunnel, size_t i, enum inside outside)
{
	struct tt_layer layer = tunnel->layer[i];

	if (outside == INSIDE_IPV6 && layer.kind == TT_LAYER_IPIP)
		layer.kind = TT_LAYER_4IN6;
	if (outside == INSIDE_IPV6 && layer.kind == TT_LAYER_6IN4)
		layer.kind = TT_LAYER_6IN6;
	return layer;
}

static bool layer_is(struct tt_layer a, struct tt_layer b)
{
	return a.kind == b.kind && a.has_id == b.has_id && a.id == b.id;
}

static void test_each_tunnel_and_each_cut(void)
{
	for (size_t i = 0; i < TUNNELS; i++) {
		struct build build = {0};
		struct tt_packet packet;
		size_t ip = put_flow(&build, tunnels[i].put(&build, INSIDE_FRAME, 1));

		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		check_flow(&packet, &build, ip);
		CU_ASSERT_EQUAL(packet.layer_count, tunnels[i].layer_count);
		for (size_t layer = 0; layer < tunnels[i].layer_count; layer++)
			CU_ASSERT_TRUE(layer_is(packet.layer[layer], tunnels[i].layer[layer]));
		if (packet.ip != build.bytes + ip)
			printf("  %s\n", tunnels[i].name);
	}
}

static void test_ip_in_ipv6(void)
{
	for (unsigned int protocol = 4; protocol <= 41; protocol += 37) {
		struct build build = {0};
		struct tt_packet packet;

		build_ethernet(&build, 0x86dd);
		build_ipv6(&build, 60, 1);
		build_extension(&build, protocol, 1); /* tunnel encapsulation limit */
		size_t ip = put_flow(&build, protocol == 4 ? INSIDE_IPV4 : INSIDE_IPV6);

		CU_ASSERT_EQUAL(
			check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		check_flow(&packet, &build, ip);
		CU_ASSERT_EQUAL(packet.layer_count, 1);
		CU_ASSERT_EQUAL(
			packet.layer[0].kind, protocol == 4 ? TT_LAYER_4IN6 : TT_LAYER_6IN6);
	}
}

static void test_ah_in_transport_mode(void)
{
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct build build = {0};
		struct tt_packet packet;
		struct tt_decode_options without_ah = check_all;

		build_ethernet(&build, version == 4 ? 0x0800 : 0x86dd);
		size_t ip = version == 4 ? build_ipv4(&build, 51, 1) : build_ipv6(&build, 51, 1);

		build_8(&build, version == 4 ? 6 : 60);
		build_8(&build, 4);
		build_16(&build, 0);
		build_32(&build, 5555);
		build_fill(&build, 16);
		if (version == 6)
			build_extension(&build, 6, 1);
		build_tcp(&build, 1111, 2222, 12);
		build_fill(&build, 30);
		build_end(&build);
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_IP);
		check_flow(&packet, &build, ip);
		CU_ASSERT_EQUAL(packet.layer_count, 1);
		CU_ASSERT_TRUE(
			layer_is(packet.layer[0], (struct tt_layer){TT_LAYER_AH, true, 5555}));
		without_ah.layer_kinds &= ~(1u << TT_LAYER_AH);
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &without_ah, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip, build.bytes + ip);
		CU_ASSERT_EQUAL(packet.ip_protocol, 51);
		CU_ASSERT_EQUAL(packet.layer_count, 0);
		CU_ASSERT_EQUAL(packet.source_port, 0);
	}
}

/* Every tunnel within every other one, where there is room to remember both. */
static void test_tunnels_within_tunnels(void)
{
	for (size_t i = 0; i < TUNNELS; i++)
		for (size_t j = 0; j < TUNNELS; j++) {
			struct build build = {0};
			struct tt_packet packet;
			enum inside between = tunnels[i].put(&build, INSIDE_FRAME, 1);

			if (tunnels[j].on_frame && between != INSIDE_FRAME)
				continue;
			size_t ip = put_flow(&build, tunnels[j].put(&build, between, 2));

			CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET,
						&build, build.length),
				TT_DECODE_IP);
			check_flow(&packet, &build, ip);
			CU_ASSERT_EQUAL(packet.layer_count,
				tunnels[i].layer_count + tunnels[j].layer_count);
			for (size_t layer = 0; layer < tunnels[j].layer_count; layer++)
				CU_ASSERT_TRUE(
					layer_is(packet.layer[tunnels[i].layer_count + layer],
						expected_layer(&tunnels[j], layer, between)));
			if (packet.ip != build.bytes + ip)
				printf("  %s in %s\n", tunnels[j].name, tunnels[i].name);
		}
}

static void test_five_deep(void)
{
	struct build build = {0};
	struct tt_packet packet;
	size_t outer[6];

	/* GTP-U, VXLAN, GRE, Geneve, then IP in IP: one more than is taken off. */
	outer[0] = 14;
	put_gtpu(&build, INSIDE_FRAME, 1);
	outer[1] = build.length;
	put_vxlan(&build, INSIDE_IPV4, 2);
	outer[2] = build.length + 14;
	put_gre(&build, INSIDE_FRAME, 3);
	outer[3] = build.length;
	put_geneve_options(&build, INSIDE_IPV4, 4);
	outer[4] = build.length;
	put_ipip(&build, INSIDE_IPV6, 5);
	outer[5] = put_flow(&build, INSIDE_IPV4);

	for (uint8_t limit = 0; limit <= TT_PACKET_LAYERS; limit++) {
		struct tt_decode_options options = {
			.layer_kinds = UINT32_MAX, .layer_limit = limit};

		CU_ASSERT_EQUAL(
			check_decode(&packet, &options, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.layer_count, limit);
		CU_ASSERT_EQUAL(packet.ip, build.bytes + outer[limit]);
		CU_ASSERT_TRUE((packet.flags & TT_PACKET_LAYERS_LEFT) != 0);
	}
}

static void test_each_kind_can_be_left_on(void)
{
	for (size_t i = 0; i < TUNNELS; i++)
		for (size_t layer = 0; layer < tunnels[i].layer_count; layer++) {
			struct build build = {0};
			struct tt_packet packet;
			struct tt_decode_options options = check_all;

			options.layer_kinds &= ~(1u << tunnels[i].layer[layer].kind);
			put_flow(&build, tunnels[i].put(&build, INSIDE_FRAME, 1));
			enum tt_decode_result result = check_decode_cut(
				&packet, &options, TT_LINK_ETHERNET, &build, build.length);

			if (tunnels[i].on_frame) {
				CU_ASSERT_EQUAL(result, TT_DECODE_NOT_IP);
				continue;
			}
			/* AH in tunnel mode comes off alone when IP in IP stays on. */
			bool only_inner = tunnels[i].layer[0].kind == TT_LAYER_AH && layer == 1;

			CU_ASSERT_EQUAL(result, TT_DECODE_IP);
			CU_ASSERT_EQUAL(packet.ip, build.bytes + 14);
			CU_ASSERT_EQUAL(packet.layer_count, only_inner ? 1 : 0);
			CU_ASSERT_EQUAL(packet.flags & TT_PACKET_LAYERS_LEFT, 0);
		}
}

static void test_vlans_of_all_layers(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x88a8);
	build_vlan(&build, 100, 0x8100);
	build_vlan(&build, 200, 0x0800);
	put_vxlan(&build, INSIDE_IPV4, 1);
	build_ethernet(&build, 0x8100);
	build_vlan(&build, 300, 0x0800);
	size_t ip = put_flow(&build, INSIDE_IPV4);

	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	check_flow(&packet, &build, ip);
	CU_ASSERT_EQUAL(packet.vlan_count, 3);
	CU_ASSERT_EQUAL(packet.vlan[0], 100);
	CU_ASSERT_EQUAL(packet.vlan[1], 200);
	CU_ASSERT_EQUAL(packet.vlan[2], 300);
}

/* What a tunnel was not right about leaves no trace: tags and layers are the outer packet's. */
static void test_backtracking_leaves_the_outer_packet(void)
{
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x8100);
	build_vlan(&build, 100, 0x0800);
	put_vxlan(&build, INSIDE_IPV4, 1);
	build_ethernet(&build, 0x8100);
	build_vlan(&build, 300, 0x0806);
	build_fill(&build, 28);
	build_end(&build);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip, build.bytes + 18);
	CU_ASSERT_EQUAL(packet.destination_port, 4789);
	CU_ASSERT_EQUAL(packet.vlan_count, 1);
	CU_ASSERT_EQUAL(packet.layer_count, 0);
	CU_ASSERT_EQUAL(
		packet.flags, TT_PACKET_PORTS | TT_PACKET_TRANSPORT | TT_PACKET_LAYERS_UNKNOWN);
}

/* A byte of a tunnel's header that must be what it is: a change leaves the outer flow. */
static void test_headers_that_do_not_check_out(void)
{
	static const struct {
		enum inside (*put)(struct build *, enum inside, unsigned int);
		size_t at; /* after the Ethernet header and the outer IP header */
		uint8_t value;
	} cases[] = {
		{put_gre, 1, 0x02},		 /* version 2 */
		{put_gre, 1, 0x08},		 /* reserved flag */
		{put_gre, 2, 0x00},		 /* no EtherType */
		{put_gre_everything, 27, 0xff},	 /* route entry past the end */
		{put_pptp, 0, 0x10},		 /* no key */
		{put_pptp, 0, 0x20},		 /* no sequence number: an acknowledgement */
		{put_pptp, 0, 0xb0},		 /* checksum in version 1 */
		{put_pptp, 4, 0xff},		 /* longer than the packet */
		{put_erspan2, 8, 0x30},		 /* version 3 */
		{put_erspan3, 8, 0x30},		 /* version 3 */
		{put_erspan3, 18, 0x40},	 /* frame type 16 */
		{put_vxlan, 8, 0x00},		 /* no VNI */
		{put_vxlan, 8, 0x0c},		 /* reserved flag */
		{put_vxlan, 28, 0x12},		 /* inner EtherType */
		{put_vxlan_gpe, 8, 0x1c},	 /* version 1 */
		{put_vxlan_gpe, 8, 0x0d},	 /* OAM */
		{put_vxlan_gpe, 11, 0x07},	 /* unknown protocol */
		{put_vxlan_gpe_nsh, 16, 0x20},	 /* NSH: OAM */
		{put_vxlan_gpe_nsh, 17, 0x05},	 /* NSH: metadata type 1 of other length */
		{put_vxlan_gpe_nsh, 16, 0x40},	 /* NSH: version 1 */
		{put_geneve, 8, 0x40},		 /* version 1 */
		{put_geneve, 8, 0x3f},		 /* options past the end */
		{put_geneve, 9, 0x80},		 /* control */
		{put_geneve, 10, 0x00},		 /* no EtherType */
		{put_gtpu, 8, 0x50},		 /* version 2 */
		{put_gtpu, 8, 0x20},		 /* GTP' */
		{put_gtpu, 9, 0x01},		 /* echo request */
		{put_gtpu, 10, 0xff},		 /* longer than the packet */
		{put_gtpu_extensions, 20, 0x00}, /* extension of length 0 */
		{put_gtpu_extensions, 20, 0xff}, /* extension past the end */
		{put_gtpu, 16, 0x50},		 /* no IP inside */
		{put_teredo, 8, 0x40},		 /* no IPv6 inside */
		{put_teredo, 12, 0xff},		 /* longer than the packet */
		{put_l2tp, 8, 0x80},		 /* control */
		{put_l2tp, 9, 0x01},		 /* version 1 */
		{put_l2tp, 8, 0x10},		 /* reserved flag */
		{put_l2tp_everything, 10, 0xff}, /* longer than the packet */
		{put_l2tp_everything, 20, 0xff}, /* offset past the end */
		{put_l2tp, 15, 0x23},		 /* PPP, but no IP */
		{put_etherip, 0, 0x40},		 /* version 4 */
		{put_etherip, 1, 0x01},		 /* reserved */
		{put_ipip, 0, 0x65},		 /* IPv6 where IPv4 is said to be */
		{put_6in4, 0, 0x45},		 /* and the other way round */
		{put_ah, 1, 0xff},		 /* past the end */
		{put_ah, 1, 0x00},		 /* shorter than its fixed part */
		{put_gre_wlan, 4, 0x48},	 /* null frame */
		{put_gre_wlan, 5, 0x43},	 /* encrypted */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};
		struct tt_packet packet;

		put_flow(&build, cases[i].put(&build, INSIDE_FRAME, 1));
		build.bytes[34 + cases[i].at] = cases[i].value;
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_IP);
		CU_ASSERT_EQUAL(packet.ip, build.bytes + 14);
		CU_ASSERT_EQUAL(packet.layer_count, 0);
		if (packet.layer_count != 0)
			printf("  case %zu\n", i);
	}
}

static void test_nvgre_is_told_from_gre(void)
{
	static const struct {
		uint32_t key;
		struct tt_layer layer;
	} cases[] = {
		{0, {TT_LAYER_GRE, true, 0}},
		{0x000fffff, {TT_LAYER_GRE, true, 0x000fffff}},
		{0x00100000, {TT_LAYER_NVGRE, true, 0x1000}},
		{0xfffffeff, {TT_LAYER_NVGRE, true, 0xfffffe}},
		{0xffffff00, {TT_LAYER_GRE, true, 0xffffff00}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct build build = {0};
		struct tt_packet packet;

		tunnel_ip(&build, INSIDE_FRAME, 47, 1);
		build_32(&build, 0x20006558);
		build_32(&build, cases[i].key);
		size_t ip = put_flow(&build, INSIDE_FRAME);

		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_IP);
		check_flow(&packet, &build, ip);
		CU_ASSERT_TRUE(layer_is(packet.layer[0], cases[i].layer));
	}
}

/* As for RFC 1071, in the header that stands at `ip`. */
static void set_checksum(struct build *build, size_t ip)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)build->bytes[ip + i] << 8 | build->bytes[ip + i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	build_set_16(build, ip + 10, ~sum & 0xffff);
}

static void test_l2tpv3(void)
{
	/* Over IP and over UDP, with every cookie, with and without the sublayer, frames and packets. */
	for (unsigned int udp = 0; udp < 2; udp++)
		for (size_t skipped = 0; skipped <= 12; skipped += 4)
			for (unsigned int frame = 0; frame < 2; frame++) {
				struct build build = {0};
				struct tt_packet packet;

				if (udp) {
					tunnel_udp(&build, INSIDE_FRAME, 1, 1701);
					build_32(&build, 0x00030000);
				} else {
					tunnel_ip(&build, INSIDE_FRAME, 115, 1);
				}
				build_32(&build, 0xabcd);
				build_fill(&build, skipped);
				size_t ip = put_flow(&build, frame ? INSIDE_FRAME : INSIDE_IPV4);

				set_checksum(&build, ip);
				CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all,
							TT_LINK_ETHERNET, &build, build.length),
					TT_DECODE_IP);
				check_flow(&packet, &build, ip);
				CU_ASSERT_TRUE(layer_is(packet.layer[0],
					(struct tt_layer){TT_LAYER_L2TP, true, 0xabcd}));
				/* With a wrong checksum it cannot be told. */
				build.bytes[ip + 10] ^= 1;
				CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all,
							TT_LINK_ETHERNET, &build, build.length),
					TT_DECODE_IP);
				CU_ASSERT_EQUAL(packet.ip, build.bytes + 14);
			}
}

static void test_mpls_that_is_no_ip(void)
{
	static const uint32_t behind[] = {0x10000021 /* associated channel */,
		0x00000000 /* control word, nothing known behind it */, 0xffffffff};

	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		struct build build = {0};
		struct tt_packet packet;

		put_mpls(&build, INSIDE_FRAME, 1);
		build_32(&build, behind[i]);
		build_fill(&build, 40);
		CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build),
			TT_DECODE_NOT_IP);
	}
	struct build build = {0};
	struct tt_packet packet;

	build_ethernet(&build, 0x8847);
	for (unsigned int i = 0; i < 500; i++)
		build_32(&build, 16 << 12);
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_BAD_LINK);
}

/* RFC 4928, 3: a pseudo-wire without control word whose frame's address begins as an IP header. */
static void test_mpls_frame_that_looks_like_ip(void)
{
	for (unsigned int first = 0x40; first <= 0x60; first += 0x20) {
		struct build build = {0};
		struct tt_packet packet;
		size_t frame;

		put_mpls_frame(&build, INSIDE_FRAME, 1);
		frame = build.length;
		size_t ip = put_flow(&build, INSIDE_FRAME);

		build.bytes[frame] = (uint8_t)first;
		build.bytes[frame + 4] = 0xff;
		CU_ASSERT_EQUAL(check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build,
					build.length),
			TT_DECODE_IP);
		check_flow(&packet, &build, ip);
	}
}

static void test_padding_within_tunnels(void)
{
	struct build build = {0};
	struct tt_packet packet;

	put_vxlan(&build, INSIDE_FRAME, 1);
	build_ethernet(&build, 0x0800);
	size_t ip = build_ipv4(&build, 17, 9);

	build_udp(&build, 1, 2);
	build_set_16(&build, ip + 24, 8);
	build_end(&build);
	build_set_16(&build, ip + 2, 28);
	build_set_16(&build, ip + 24, 8);
	size_t padded = build.length + 18;

	build_fill(&build, 18);
	build_set_16(&build, 14 + 2, (unsigned int)(padded - 14));
	build_set_16(&build, 34 + 4, (unsigned int)(padded - 34));
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip, build.bytes + ip);
	CU_ASSERT_EQUAL(packet.payload_bytes, 0);
	CU_ASSERT_PTR_NULL(packet.payload);
}

static void test_fragmented_outer_packet(void)
{
	struct build build = {0};
	struct tt_packet packet;

	put_gtpu(&build, INSIDE_FRAME, 1);
	size_t ip = put_flow(&build, INSIDE_IPV4);

	/* The inner packet says 3000 bytes, of which the first outer fragment carries the front. */
	build_set_16(&build, 14 + 6, 0x2000);
	build_set_16(&build, 34 + 4, 8 + 8 + 3000);
	build_set_16(&build, 34 + 10, 3000);
	build_set_16(&build, ip + 2, 3000);
	CU_ASSERT_EQUAL(
		check_decode_cut(&packet, &check_all, TT_LINK_ETHERNET, &build, build.length),
		TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip, build.bytes + ip);
	CU_ASSERT_EQUAL(packet.ip_bytes, 3000);
	CU_ASSERT_EQUAL(
		packet.flags, TT_PACKET_PORTS | TT_PACKET_TRANSPORT | TT_PACKET_OUTER_FIRST);
	CU_ASSERT_EQUAL(packet.outer.fragment_id, 0x1234);
	CU_ASSERT_EQUAL(packet.outer.ip_version, 4);
	CU_ASSERT_EQUAL(packet.outer.ip, build.bytes + 14);
	CU_ASSERT_EQUAL(packet.outer.layer_count, 0);
	/* A later fragment tells nothing of a tunnel. */
	build_set_16(&build, 14 + 6, 0x0003);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.flags, TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_LATER);
	CU_ASSERT_EQUAL(packet.layer_count, 0);
	/* A fragment inside of a whole packet is the flow's own. */
	build_set_16(&build, 14 + 6, 0x4000);
	build_set_16(&build, 34 + 4, (unsigned int)build.length - 34);
	build_set_16(&build, 34 + 10, (unsigned int)build.length - 50);
	build_set_16(&build, ip + 2, (unsigned int)(build.length - ip));
	build_set_16(&build, ip + 6, 0x2000);
	CU_ASSERT_EQUAL(check_decode(&packet, &check_all, TT_LINK_ETHERNET, &build), TT_DECODE_IP);
	CU_ASSERT_EQUAL(packet.ip, build.bytes + ip);
	CU_ASSERT_TRUE((packet.flags & TT_PACKET_FRAGMENT) != 0);
	CU_ASSERT_EQUAL(packet.flags & TT_PACKET_OUTER_FIRST, 0);
}

/* Fixed seed: whatever the bytes, nothing outside of them is read or pointed to, for every link
 * type, and the same bytes give the same answer. */
static void test_mutations(void)
{
	for (unsigned int round = 0; round < 20000; round++) {
		struct build build = {0};
		struct tt_packet packet;
		struct tt_packet again;
		const struct tunnel *outside = &tunnels[random_below(TUNNELS)];
		const struct tunnel *within = &tunnels[random_below(TUNNELS)];
		enum inside inside = outside->put(&build, INSIDE_FRAME, 1);

		if (!within->on_frame || inside == INSIDE_FRAME)
			inside = within->put(&build, inside, 2);
		put_flow(&build, inside);
		for (unsigned int i = random_below(5); i > 0; i--)
			build.bytes[random_below((uint32_t)build.length)] =
				(uint8_t)random_below(256);
		size_t captured = random_below((uint32_t)build.length + 1);
		enum tt_link_type link =
			random_below(4) == 0 ? random_below(TT_LINK_TYPES) : TT_LINK_ETHERNET;
		enum tt_decode_result result =
			check_decode_cut(&packet, &check_all, link, &build, captured);

		CU_ASSERT_TRUE(result < TT_DECODE_RESULTS);
		CU_ASSERT_EQUAL(tt_decode(&again, &check_all, link, build.bytes, (uint32_t)captured,
					(uint32_t)build.length),
			result);
		if (result == TT_DECODE_IP) {
			CU_ASSERT_EQUAL(again.ip, packet.ip);
			CU_ASSERT_EQUAL(again.layer_count, packet.layer_count);
			CU_ASSERT_EQUAL(again.flags, packet.flags);
		}
	}
}

static void test_every_layer_has_a_name(void)
{
	for (int a = 0; a < TT_LAYER_KINDS; a++)
		for (int b = 0; b < a; b++)
			CU_ASSERT_STRING_NOT_EQUAL(tt_layer_name(a), tt_layer_name(b));
	CU_ASSERT_STRING_EQUAL(tt_layer_name(TT_LAYER_ERSPAN2), "erspan2");
	CU_ASSERT_STRING_EQUAL(tt_layer_name(TT_LAYER_KINDS), "unknown");
}

static const struct suite_test tests[] = {
	{"each tunnel, and each cut of it", test_each_tunnel_and_each_cut},
	{"IP in IPv6", test_ip_in_ipv6},
	{"AH in transport mode", test_ah_in_transport_mode},
	{"tunnels within tunnels", test_tunnels_within_tunnels},
	{"five deep", test_five_deep},
	{"each kind can be left on", test_each_kind_can_be_left_on},
	{"VLANs of all layers", test_vlans_of_all_layers},
	{"backtracking leaves the outer packet", test_backtracking_leaves_the_outer_packet},
	{"headers that do not check out", test_headers_that_do_not_check_out},
	{"NVGRE is told from GRE", test_nvgre_is_told_from_gre},
	{"L2TPv3", test_l2tpv3},
	{"MPLS that is no IP", test_mpls_that_is_no_ip},
	{"MPLS frame that looks like IP", test_mpls_frame_that_looks_like_ip},
	{"padding within tunnels", test_padding_within_tunnels},
	{"fragmented outer packet", test_fragmented_outer_packet},
	{"mutations", test_mutations},
	{"every layer has a name", test_every_layer_has_a_name},
};

SUITE_MAIN("tunnel", tests)
