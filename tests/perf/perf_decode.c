/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tt_decode() costs, on frames that are in the first-level cache, as a worker's prefetch has
 * it. One JSON line a mix; each number is the median of RUNS runs. Beside it, from the same runs:
 * the same when no tunnel is to be taken off, and when filters are asked, too, none of which
 * matches.
 */
#include "packet/decode.h"

#include "packet/filter.h"

#include "measure.h"
#include "packet/tunnels.h"

#include <stdio.h>

#define FRAMES	 64
#define RUNS	 101
#define ROUNDS	 200 /* over all frames, in one run */
#define CAPACITY 256 /* bytes of a frame */

static uint8_t frames[FRAMES][CAPACITY];
static uint32_t frame_bytes[FRAMES];
static struct tt_packet packets[FRAMES];

/* ns a packet. */
struct cost {
	double ns[RUNS];
};

static void decode_all(const struct tt_decode_options *options, const struct tt_filter *filter)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		if (tt_decode(&packets[i], options, TT_LINK_ETHERNET, frames[i], frame_bytes[i],
			    frame_bytes[i]) != TT_DECODE_IP)
			abort();
		if (filter != NULL && tt_filter_excludes(filter, &packets[i]))
			abort();
	}
}

static void measure_run(struct cost *cost, unsigned int run,
	const struct tt_decode_options *options, const struct tt_filter *filter)
{
	const double count = (double)FRAMES * ROUNDS;
	uint64_t start = measure_ns();

	for (unsigned int round = 0; round < ROUNDS; round++)
		decode_all(options, filter);
	cost->ns[run] = (double)(measure_ns() - start) / count;
}

/* Networks that no frame comes from. */
static void make_filter(struct tt_filter *filter, unsigned int rules)
{
	struct tt_filter_rule exclude[TT_FILTER_RULES] = {0};

	for (unsigned int i = 0; i < rules; i++) {
		exclude[i].ip_version = 4;
		exclude[i].prefix_bits = 24;
		exclude[i].address[0] = 233;
		exclude[i].address[2] = (uint8_t)i;
	}
	if (tt_filter_make(filter, NULL, 0, exclude, rules) != 0)
		abort();
}

/* `plain`: without tunnels, so that it can be compared with what knows of none. */
static void measure(const char *mix, bool plain)
{
	static const struct tt_decode_options options = {
		.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};
	static const struct tt_decode_options without_tunnels = {0};
	static struct tt_filter one_rule, all_rules;
	static struct cost all, untunnelled, filtered_by_one, filtered_by_all;

	make_filter(&one_rule, 1);
	make_filter(&all_rules, TT_FILTER_RULES);
	for (unsigned int run = 0; run < RUNS; run++) {
		measure_run(&all, run, &options, NULL);
		measure_run(&untunnelled, run, plain ? &without_tunnels : &options, NULL);
		measure_run(&filtered_by_one, run, &options, &one_rule);
		measure_run(&filtered_by_all, run, &options, &all_rules);
	}
	double ns = measure_median(all.ns, RUNS);
	printf("{\"mix\":\"%s\",\"flows\":%d,\"packets\":%d,\"ns_per_packet\":%.2f,"
	       "\"cycles_per_packet\":%.1f,\"filter_1_rule_ns\":%.2f,"
	       "\"filter_%d_rules_ns\":%.2f",
		mix, FRAMES, FRAMES * ROUNDS, ns, measure_cycles_of_ns(ns),
		measure_median(filtered_by_one.ns, RUNS) - ns, TT_FILTER_RULES,
		measure_median(filtered_by_all.ns, RUNS) - ns);
	if (plain)
		printf(",\"without_tunnels_ns\":%.2f", measure_median(untunnelled.ns, RUNS));
	puts("}");
}

static void put_transport(struct build *build, bool tcp, unsigned int port)
{
	if (tcp)
		build_tcp(build, port, 443, 12);
	else
		build_udp(build, port, 443);
	build_fill(build, 32);
	build_end(build);
}

static void keep(unsigned int i, const struct build *build)
{
	if (build->length > CAPACITY)
		abort();
	memcpy(frames[i], build->bytes, build->length);
	frame_bytes[i] = (uint32_t)build->length;
}

static void put_plain(struct build *build, bool vlan, bool ipv6, bool tcp, unsigned int port)
{
	unsigned int type = ipv6 ? 0x86dd : 0x0800;

	build_ethernet(build, vlan ? 0x8100 : type);
	if (vlan)
		build_vlan(build, 100, type);
	if (ipv6)
		build_ipv6(build, tcp ? 6 : 17, port & 0xff);
	else
		build_ipv4(build, tcp ? 6 : 17, port & 0xff);
	put_transport(build, tcp, port);
}

static void measure_plain(const char *mix, bool vlan, bool ipv6, bool tcp)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct build build = {0};

		put_plain(&build, vlan, ipv6, tcp, 20000 + i);
		keep(i, &build);
	}
	measure(mix, true);
}

/* All eight plain shapes, in no order that a branch predictor learns soon. */
static void measure_mixed(void)
{
	uint32_t state = 12345;

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct build build = {0};

		state = state * 1664525 + 1013904223; /* Numerical Recipes, 7.1 */
		put_plain(&build, state >> 31 & 1, state >> 30 & 1, state >> 29 & 1, 20000 + i);
		keep(i, &build);
	}
	measure("decode-plain-mixed", true);
}

static void measure_options(void)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct build build = {0};

		build_ethernet(&build, 0x0800);
		build_ipv4_options(&build, 6, i, 4);
		put_transport(&build, true, 20000 + i);
		keep(i, &build);
	}
	measure("decode-ipv4-options-tcp", true);
}

static void measure_tunnel(
	const char *mix, enum inside (*put)(struct build *, enum inside, unsigned int))
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct build build = {0};

		tunnel_ip(&build, put(&build, INSIDE_FRAME, i), 6, i);
		put_transport(&build, true, 20000 + i);
		keep(i, &build);
	}
	measure(mix, false);
}

int main(void)
{
	measure_plain("decode-ipv4-tcp", false, false, true);
	measure_plain("decode-ipv4-udp", false, false, false);
	measure_plain("decode-vlan-ipv4-tcp", true, false, true);
	measure_plain("decode-ipv6-tcp", false, true, true);
	measure_plain("decode-vlan-ipv6-udp", true, true, false);
	measure_mixed();
	measure_options();
	measure_tunnel("decode-mpls-ipv4-tcp", put_mpls);
	measure_tunnel("decode-gre-ipv4-tcp", put_gre);
	measure_tunnel("decode-erspan2-ipv4-tcp", put_erspan2);
	measure_tunnel("decode-vxlan-ipv4-tcp", put_vxlan);
	measure_tunnel("decode-gtpu-ipv4-tcp", put_gtpu);
	return 0;
}
