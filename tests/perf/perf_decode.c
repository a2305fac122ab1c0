/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tt_decode() costs, on frames that are in the first-level cache, as a worker's prefetch has
 * it. One JSON line a mix; each number is the median of RUNS runs.
 */
#include "packet/decode.h"

#include "packet/tunnels.h"

#include <stdio.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define FRAMES	 64
#define RUNS	 101
#define ROUNDS	 200 /* over all frames, in one run */
#define CAPACITY 256 /* bytes of a frame */

static uint8_t frames[FRAMES][CAPACITY];
static uint32_t frame_bytes[FRAMES];
static struct tt_packet packets[FRAMES];

static uint64_t read_cycles(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return 0;
#endif
}

static uint64_t read_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

static void measure(const char *mix)
{
	static const struct tt_decode_options options = {
		.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};
	static double ns[RUNS];
	static double cycles[RUNS];
	const double count = (double)FRAMES * ROUNDS;

	for (unsigned int run = 0; run < RUNS; run++) {
		uint64_t start_ns = read_ns();
		uint64_t start_cycles = read_cycles();

		for (unsigned int round = 0; round < ROUNDS; round++)
			for (unsigned int i = 0; i < FRAMES; i++)
				if (tt_decode(&packets[i], &options, TT_LINK_ETHERNET, frames[i],
					    frame_bytes[i], frame_bytes[i]) != TT_DECODE_IP)
					abort();
		cycles[run] = (double)(read_cycles() - start_cycles) / count;
		ns[run] = (double)(read_ns() - start_ns) / count;
	}
	qsort(ns, RUNS, sizeof(ns[0]), compare);
	qsort(cycles, RUNS, sizeof(cycles[0]), compare);
	printf("{\"mix\":\"%s\",\"flows\":%d,\"ns_per_packet\":%.2f,\"cycles_per_packet\":%.1f}\n",
		mix, FRAMES, ns[RUNS / 2], cycles[RUNS / 2]);
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
	measure(mix);
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
	measure("decode-plain-mixed");
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
	measure("decode-ipv4-options-tcp");
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
	measure(mix);
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
