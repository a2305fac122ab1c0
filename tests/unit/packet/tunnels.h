/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kind of tunnel, with every optional field it has, as builders that can stand inside of one
 * another.
 */
#ifndef TT_TESTS_PACKET_TUNNELS_H
#define TT_TESTS_PACKET_TUNNELS_H

#include "packet/decode.h"

#include "build.h"

/* What is to be put at the build's end. */
enum inside {
	INSIDE_FRAME,
	INSIDE_PPP,
	INSIDE_IPV4,
	INSIDE_IPV6
};

struct tunnel {
	const char *name;
	enum inside (*put)(struct build *build, enum inside inside, unsigned int host);
	bool on_frame; /* needs a frame of its own: stands on an EtherType */
	uint8_t layer_count;
	struct tt_layer layer[2];
};

/* The headers that lead to an IP header of `protocol`, and that one. Returns where it stands. */
static inline size_t tunnel_ip(
	struct build *build, enum inside inside, unsigned int protocol, unsigned int host)
{
	if (inside == INSIDE_FRAME)
		build_ethernet(build, 0x0800);
	if (inside == INSIDE_PPP)
		build_16(build, 0x0021);
	return inside == INSIDE_IPV6 ? build_ipv6(build, protocol, host)
				     : build_ipv4(build, protocol, host);
}

static inline void tunnel_udp(
	struct build *build, enum inside inside, unsigned int host, unsigned int port)
{
	tunnel_ip(build, inside, 17, host);
	build_udp(build, 50000 + host, port);
}

static inline void tunnel_gre(struct build *build, enum inside inside, unsigned int host,
	unsigned int flags, unsigned int type)
{
	tunnel_ip(build, inside, 47, host);
	build_16(build, flags);
	build_16(build, type);
	if ((flags & 0xc000) != 0)
		build_32(build, 0x12340000);
	if ((flags & 0x2000) != 0)
		build_32(build, 77);
	if ((flags & 0x1000) != 0)
		build_32(build, 1);
	if ((flags & 0x4000) != 0) {
		build_32(build, 0x08000404); /* IPv4 source route of one hop */
		build_32(build, 0x0a000001);
		build_32(build, 0);
	}
}

#define TUNNEL(name)                                                                               \
	static inline enum inside name(struct build *build, enum inside inside, unsigned int host)

TUNNEL(put_mpls)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x8847);
	build_32(build, 16 << 12 | 0x40);
	build_32(build, 17 << 12 | 0x140);
	return INSIDE_IPV4;
}

TUNNEL(put_mpls_upstream_ipv6)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x8848);
	build_32(build, 17 << 12 | 0x140);
	return INSIDE_IPV6;
}

TUNNEL(put_mpls_control_word)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x8847);
	build_32(build, 17 << 12 | 0x140);
	build_32(build, 0x00000007);
	return INSIDE_FRAME;
}

TUNNEL(put_mpls_frame)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x8847);
	build_32(build, 17 << 12 | 0x140);
	return INSIDE_FRAME;
}

TUNNEL(put_mpls_in_ip)
{
	tunnel_ip(build, inside, 137, host);
	build_32(build, 17 << 12 | 0x140);
	return INSIDE_IPV4;
}

TUNNEL(put_pppoe)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x8864);
	build_16(build, 0x1100);
	build_16(build, 99);
	build_length_16(build, build->length + 2);
	return INSIDE_PPP;
}

TUNNEL(put_gre)
{
	tunnel_gre(build, inside, host, 0, 0x0800);
	return INSIDE_IPV4;
}

TUNNEL(put_gre_everything)
{
	tunnel_gre(build, inside, host, 0xf000, 0x86dd);
	return INSIDE_IPV6;
}

TUNNEL(put_gre_checksum)
{
	tunnel_gre(build, inside, host, 0x8000, 0x6558);
	return INSIDE_FRAME;
}

TUNNEL(put_gre_small_key)
{
	tunnel_gre(build, inside, host, 0x2000, 0x6558);
	return INSIDE_FRAME;
}

TUNNEL(put_gre_ppp)
{
	tunnel_gre(build, inside, host, 0x1000, 0x880b);
	build_16(build, 0xff03);
	return INSIDE_PPP;
}

TUNNEL(put_gre_mpls)
{
	tunnel_gre(build, inside, host, 0, 0x8847);
	build_32(build, 17 << 12 | 0x140);
	return INSIDE_IPV4;
}

TUNNEL(put_gre_wccp)
{
	tunnel_gre(build, inside, host, 0, 0x883e);
	build_32(build, 0x00010002);
	return INSIDE_IPV4;
}

TUNNEL(put_gre_wlan)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0, 8, 0};

	tunnel_gre(build, inside, host, 0, 0x8210);
	build_16(build, 0x8803); /* QoS data, four addresses */
	build_fill(build, 30);
	build_bytes(build, snap, sizeof(snap));
	return INSIDE_IPV4;
}

TUNNEL(put_nvgre)
{
	tunnel_ip(build, inside, 47, host);
	build_16(build, 0x2000);
	build_16(build, 0x6558);
	build_32(build, 5000 << 8 | 0xab);
	return INSIDE_FRAME;
}

TUNNEL(put_pptp)
{
	tunnel_ip(build, inside, 47, host);
	build_16(build, 0x3081);
	build_16(build, 0x880b);
	size_t length = build->length;

	build_length_16(build, length + 12);
	build_16(build, 321);
	build_32(build, 1);
	build_32(build, 2);
	return INSIDE_PPP;
}

TUNNEL(put_pptp_without_acknowledgement)
{
	tunnel_ip(build, inside, 47, host);
	build_16(build, 0x3001);
	build_16(build, 0x880b);
	size_t length = build->length;

	build_length_16(build, length + 8);
	build_16(build, 321);
	build_32(build, 1);
	return INSIDE_PPP;
}

TUNNEL(put_erspan1)
{
	tunnel_gre(build, inside, host, 0, 0x88be);
	return INSIDE_FRAME;
}

TUNNEL(put_erspan2)
{
	tunnel_gre(build, inside, host, 0x1000, 0x88be);
	build_32(build, 0x10640000 | 513);
	build_32(build, 9);
	return INSIDE_FRAME;
}

TUNNEL(put_erspan3)
{
	tunnel_gre(build, inside, host, 0x1000, 0x22eb);
	build_32(build, 0x20640000 | 514);
	build_32(build, 12345678);
	build_32(build, 0x00008000);
	return INSIDE_FRAME;
}

TUNNEL(put_erspan3_platform)
{
	tunnel_gre(build, inside, host, 0, 0x22eb);
	build_32(build, 0x20640000 | 514);
	build_32(build, 12345678);
	build_32(build, 0x00008001);
	build_fill(build, 8);
	return INSIDE_FRAME;
}

TUNNEL(put_erspan3_ip)
{
	tunnel_gre(build, inside, host, 0x1000, 0x22eb);
	build_32(build, 0x20640000 | 514);
	build_32(build, 12345678);
	build_32(build, 0x00000800);
	return INSIDE_IPV4;
}

TUNNEL(put_vxlan)
{
	tunnel_udp(build, inside, host, 4789);
	build_32(build, 0x08000000);
	build_32(build, 4242 << 8);
	return INSIDE_FRAME;
}

TUNNEL(put_vxlan_linux)
{
	tunnel_udp(build, inside, host, 8472);
	build_32(build, 0x88480064); /* group policy */
	build_32(build, 4242 << 8);
	return INSIDE_FRAME;
}

TUNNEL(put_vxlan_gpe)
{
	tunnel_udp(build, inside, host, 4790);
	build_32(build, 0x0c000001);
	build_32(build, 4243 << 8);
	return INSIDE_IPV4;
}

TUNNEL(put_vxlan_gpe_frame)
{
	tunnel_udp(build, inside, host, 4790);
	build_32(build, 0x08000000);
	build_32(build, 4243 << 8);
	return INSIDE_FRAME;
}

TUNNEL(put_vxlan_gpe_nsh)
{
	tunnel_udp(build, inside, host, 4790);
	build_32(build, 0x0c000004);
	build_32(build, 4243 << 8);
	build_32(build, 0x00460101); /* metadata type 1, IPv4 */
	build_32(build, 255 << 8 | 254);
	build_fill(build, 16);
	return INSIDE_IPV4;
}

TUNNEL(put_nsh)
{
	(void)inside, (void)host;
	build_ethernet(build, 0x894f);
	build_32(build, 0x00440203); /* metadata type 2 of 8 bytes, Ethernet */
	build_32(build, 255 << 8 | 254);
	build_fill(build, 8);
	return INSIDE_FRAME;
}

TUNNEL(put_geneve)
{
	tunnel_udp(build, inside, host, 6081);
	build_32(build, 0x00006558);
	build_32(build, 4244 << 8);
	return INSIDE_FRAME;
}

TUNNEL(put_geneve_options)
{
	tunnel_udp(build, inside, host, 6081);
	build_32(build, 0x034086dd); /* critical options of 12 bytes */
	build_32(build, 4244 << 8);
	build_fill(build, 12);
	return INSIDE_IPV6;
}

TUNNEL(put_gtpu)
{
	tunnel_udp(build, inside, host, 2152);
	build_16(build, 0x30ff);
	build_length_16(build, build->length + 6);
	build_32(build, 0xcafe0001);
	return INSIDE_IPV4;
}

TUNNEL(put_gtpu_extensions)
{
	tunnel_udp(build, inside, host, 2152);
	build_16(build, 0x36ff);
	build_length_16(build, build->length + 6);
	build_32(build, 0xcafe0001);
	build_32(build, 0x00010085); /* a PDU session container follows */
	build_32(build, 0x011001c0); /* then a PDCP number */
	build_32(build, 0x02001122);
	build_32(build, 0x33445500);
	return INSIDE_IPV6;
}

TUNNEL(put_ipip)
{
	(void)inside;
	tunnel_ip(build, inside, 4, host);
	return INSIDE_IPV4;
}

TUNNEL(put_6in4)
{
	tunnel_ip(build, inside, 41, host);
	return INSIDE_IPV6;
}

TUNNEL(put_teredo)
{
	tunnel_udp(build, inside, host, 3544);
	return INSIDE_IPV6;
}

TUNNEL(put_teredo_indications)
{
	static const uint8_t authentication[] = {
		0, 1, 2, 3, 'i', 'd', 'a', 'u', 't', 1, 2, 3, 4, 5, 6, 7, 8, 0};
	static const uint8_t origin[] = {0, 0, 0xaa, 0xbb, 1, 2, 3, 4};

	tunnel_ip(build, inside, 17, host);
	build_udp(build, 3544, 50000);
	build_bytes(build, authentication, sizeof(authentication));
	build_bytes(build, origin, sizeof(origin));
	return INSIDE_IPV6;
}

TUNNEL(put_l2tp)
{
	tunnel_udp(build, inside, host, 1701);
	build_16(build, 0x0002);
	build_32(build, 7 << 16 | 8);
	return INSIDE_PPP;
}

TUNNEL(put_l2tp_everything)
{
	tunnel_udp(build, inside, host, 1701);
	size_t at = build->length;

	build_16(build, 0x4b02);
	build_length_16(build, at);
	build_32(build, 7 << 16 | 8);
	build_32(build, 0x00010002);
	build_16(build, 3);
	build_fill(build, 3);
	build_16(build, 0xff03);
	return INSIDE_PPP;
}

TUNNEL(put_etherip)
{
	tunnel_ip(build, inside, 97, host);
	build_16(build, 0x3000);
	return INSIDE_FRAME;
}

TUNNEL(put_ah)
{
	tunnel_ip(build, inside, 51, host);
	build_8(build, 4); /* tunnel mode: IPv4 follows */
	build_8(build, 4);
	build_16(build, 0);
	build_32(build, 0x0badcafe);
	build_fill(build, 16);
	return INSIDE_IPV4;
}

/* The layers of IP in IP depend on what is outside; here that is IPv4. */
static const struct tunnel tunnels[] = {
	{"MPLS", put_mpls, true, 1, {{TT_LAYER_MPLS, true, 17}}},
	{"MPLS upstream", put_mpls_upstream_ipv6, true, 1, {{TT_LAYER_MPLS, true, 17}}},
	{"MPLS with control word", put_mpls_control_word, true, 1, {{TT_LAYER_MPLS, true, 17}}},
	{"MPLS pseudo-wire", put_mpls_frame, true, 1, {{TT_LAYER_MPLS, true, 17}}},
	{"MPLS in IP", put_mpls_in_ip, false, 1, {{TT_LAYER_MPLS, true, 17}}},
	{"PPPoE", put_pppoe, true, 1, {{TT_LAYER_PPPOE, true, 99}}},
	{"GRE", put_gre, false, 1, {{TT_LAYER_GRE, false, 0}}},
	{"GRE with everything", put_gre_everything, false, 1, {{TT_LAYER_GRE, true, 77}}},
	{"GRE with checksum", put_gre_checksum, false, 1, {{TT_LAYER_GRE, false, 0}}},
	{"GRE with a small key", put_gre_small_key, false, 1, {{TT_LAYER_GRE, true, 77}}},
	{"GRE with PPP", put_gre_ppp, false, 1, {{TT_LAYER_GRE, false, 0}}},
	{"GRE with MPLS", put_gre_mpls, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_MPLS, true, 17}}},
	{"GRE with WCCP", put_gre_wccp, false, 1, {{TT_LAYER_GRE, false, 0}}},
	{"GRE with 802.11", put_gre_wlan, false, 1, {{TT_LAYER_GRE, false, 0}}},
	{"NVGRE", put_nvgre, false, 1, {{TT_LAYER_NVGRE, true, 5000}}},
	{"PPTP", put_pptp, false, 1, {{TT_LAYER_PPTP, true, 321}}},
	{"PPTP without acknowledgement", put_pptp_without_acknowledgement, false, 1,
		{{TT_LAYER_PPTP, true, 321}}},
	{"ERSPAN I", put_erspan1, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_ERSPAN1, false, 0}}},
	{"ERSPAN II", put_erspan2, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_ERSPAN2, true, 513}}},
	{"ERSPAN III", put_erspan3, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_ERSPAN3, true, 514}}},
	{"ERSPAN III with subheader", put_erspan3_platform, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_ERSPAN3, true, 514}}},
	{"ERSPAN III with IP", put_erspan3_ip, false, 2,
		{{TT_LAYER_GRE, false, 0}, {TT_LAYER_ERSPAN3, true, 514}}},
	{"VXLAN", put_vxlan, false, 1, {{TT_LAYER_VXLAN, true, 4242}}},
	{"VXLAN of Linux", put_vxlan_linux, false, 1, {{TT_LAYER_VXLAN, true, 4242}}},
	{"VXLAN-GPE", put_vxlan_gpe, false, 1, {{TT_LAYER_VXLAN_GPE, true, 4243}}},
	{"VXLAN-GPE with a frame", put_vxlan_gpe_frame, false, 1,
		{{TT_LAYER_VXLAN_GPE, true, 4243}}},
	{"VXLAN-GPE with NSH", put_vxlan_gpe_nsh, false, 2,
		{{TT_LAYER_VXLAN_GPE, true, 4243}, {TT_LAYER_NSH, true, 255}}},
	{"NSH", put_nsh, true, 1, {{TT_LAYER_NSH, true, 255}}},
	{"Geneve", put_geneve, false, 1, {{TT_LAYER_GENEVE, true, 4244}}},
	{"Geneve with options", put_geneve_options, false, 1, {{TT_LAYER_GENEVE, true, 4244}}},
	{"GTP-U", put_gtpu, false, 1, {{TT_LAYER_GTPU, true, 0xcafe0001}}},
	{"GTP-U with extensions", put_gtpu_extensions, false, 1,
		{{TT_LAYER_GTPU, true, 0xcafe0001}}},
	{"IP in IP", put_ipip, false, 1, {{TT_LAYER_IPIP, false, 0}}},
	{"6in4", put_6in4, false, 1, {{TT_LAYER_6IN4, false, 0}}},
	{"Teredo", put_teredo, false, 1, {{TT_LAYER_TEREDO, false, 0}}},
	{"Teredo with indications", put_teredo_indications, false, 1,
		{{TT_LAYER_TEREDO, false, 0}}},
	{"L2TP", put_l2tp, false, 1, {{TT_LAYER_L2TP, true, 7 << 16 | 8}}},
	{"L2TP with everything", put_l2tp_everything, false, 1,
		{{TT_LAYER_L2TP, true, 7 << 16 | 8}}},
	{"EtherIP", put_etherip, false, 1, {{TT_LAYER_ETHERIP, false, 0}}},
	{"AH", put_ah, false, 2, {{TT_LAYER_AH, true, 0x0badcafe}, {TT_LAYER_IPIP, false, 0}}},
};

#define TUNNELS (sizeof(tunnels) / sizeof(tunnels[0]))

#endif
