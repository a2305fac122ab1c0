/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic in memory: frames with the time at which they were captured and the tap port, made packet
 * by packet. What stands in struct traffic holds for the frames that are added next.
 */
#ifndef TT_TESTS_PIPELINE_TRAFFIC_H
#define TT_TESTS_PIPELINE_TRAFFIC_H

#include "packet/build.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define TRAFFIC_FRAME_BYTES 256

struct traffic_frame {
	uint64_t time_us;
	uint8_t port;
	uint8_t receiver; /* number of the worker that receives it */
	uint16_t length;
	uint8_t bytes[TRAFFIC_FRAME_BYTES];
};

struct traffic {
	struct traffic_frame *frames;
	size_t count, limit;
	uint64_t time_us;
	uint8_t port;
	uint8_t receiver;
	bool gre; /* around each packet, one tunnel for all */
};

struct endpoint {
	uint32_t address;
	uint16_t port;
};

static inline void traffic_add(struct traffic *traffic, struct build *build)
{
	build_end(build);
	if (build->length > TRAFFIC_FRAME_BYTES)
		abort();
	if (traffic->count == traffic->limit) {
		traffic->limit = traffic->limit == 0 ? 256 : traffic->limit * 2;
		traffic->frames =
			realloc(traffic->frames, traffic->limit * sizeof(*traffic->frames));
		if (traffic->frames == NULL)
			abort();
	}
	struct traffic_frame *frame = &traffic->frames[traffic->count++];
	*frame = (struct traffic_frame){
		.time_us = traffic->time_us,
		.port = traffic->port,
		.receiver = traffic->receiver,
		.length = (uint16_t)build->length,
	};
	memcpy(frame->bytes, build->bytes, build->length);
}

static inline void traffic_free(struct traffic *traffic)
{
	free(traffic->frames);
	*traffic = (struct traffic){0};
}

/* `fragment` is the second word of an IPv4 header: identification, flags and offset. */
static inline void traffic_put_ipv4(
	struct build *build, uint8_t protocol, uint32_t from, uint32_t to, uint32_t fragment)
{
	size_t at = build->length;

	build_16(build, 0x4500);
	build_length_16(build, at);
	build_32(build, fragment);
	build_8(build, 64);
	build_8(build, protocol);
	build_16(build, 0);
	build_32(build, from);
	build_32(build, to);
}

/* Up to the innermost IP header. */
static inline void traffic_begin(const struct traffic *traffic, struct build *build,
	uint8_t protocol, uint32_t from, uint32_t to, uint32_t fragment)
{
	build_ethernet(build, 0x0800);
	if (traffic->gre) {
		bool up = from < to;

		traffic_put_ipv4(build, IPPROTO_GRE, up ? 0xc0000201 : 0xc0000202,
			up ? 0xc0000202 : 0xc0000201, 0);
		build_32(build, 0x00000800);
	}
	traffic_put_ipv4(build, protocol, from, to, fragment);
}

static inline void traffic_udp(
	struct traffic *traffic, struct endpoint from, struct endpoint to, size_t payload_bytes)
{
	struct build build = {.length = 0};

	traffic_begin(traffic, &build, IPPROTO_UDP, from.address, to.address, 0);
	build_udp(&build, from.port, to.port);
	build_fill(&build, payload_bytes);
	traffic_add(traffic, &build);
}

/* The same, of these bytes. */
static inline void traffic_udp_bytes(struct traffic *traffic, struct endpoint from,
	struct endpoint to, const void *bytes, size_t count)
{
	traffic_udp(traffic, from, to, count);

	struct traffic_frame *frame = &traffic->frames[traffic->count - 1];
	memcpy(frame->bytes + frame->length - count, bytes, count);
}

static inline void traffic_tcp(struct traffic *traffic, struct endpoint from, struct endpoint to,
	uint8_t flags, uint32_t sequence, uint32_t acknowledgment, size_t payload_bytes)
{
	struct build build = {.length = 0};

	traffic_begin(traffic, &build, IPPROTO_TCP, from.address, to.address, 0);
	build_16(&build, from.port);
	build_16(&build, to.port);
	build_32(&build, sequence);
	build_32(&build, acknowledgment);
	build_8(&build, 0x50);
	build_8(&build, flags);
	build_16(&build, 8192);
	build_32(&build, 0);
	build_fill(&build, payload_bytes);
	traffic_add(traffic, &build);
}

/* The same, of these bytes. */
static inline void traffic_tcp_bytes(struct traffic *traffic, struct endpoint from,
	struct endpoint to, uint8_t flags, uint32_t sequence, uint32_t acknowledgment,
	const void *bytes, size_t count)
{
	traffic_tcp(traffic, from, to, flags, sequence, acknowledgment, count);

	struct traffic_frame *frame = &traffic->frames[traffic->count - 1];
	memcpy(frame->bytes + frame->length - count, bytes, count);
}

static inline void traffic_icmp(
	struct traffic *traffic, struct endpoint from, struct endpoint to, uint8_t type)
{
	struct build build = {.length = 0};

	traffic_begin(traffic, &build, IPPROTO_ICMP, from.address, to.address, 0);
	build_8(&build, type);
	build_8(&build, 0);
	build_fill(&build, 14);
	traffic_add(traffic, &build);
}

/* Part `part` of `parts` of a UDP datagram of parts * 64 bytes, its header included. */
static inline void traffic_fragment(struct traffic *traffic, struct endpoint from,
	struct endpoint to, uint16_t id, unsigned int part, unsigned int parts)
{
	struct build build = {.length = 0};
	uint32_t word = (uint32_t)id << 16 | (part + 1 < parts ? 0x2000u : 0) | part * 8;

	traffic_begin(traffic, &build, IPPROTO_UDP, from.address, to.address, word);
	if (part == 0) {
		build_16(&build, from.port);
		build_16(&build, to.port);
		build_16(&build, parts * 64);
		build_16(&build, 0);
	}
	build_fill(&build, part == 0 ? 56 : 64);
	traffic_add(traffic, &build);
}

/* A frame of these bytes. */
static inline void traffic_raw(struct traffic *traffic, const void *bytes, size_t count)
{
	struct build build = {.length = 0};

	build_bytes(&build, bytes, count);
	traffic_add(traffic, &build);
}

/* In the order of time; what is of one time stays in order. */
static inline void traffic_sort(struct traffic *traffic)
{
	for (size_t width = 1; width < traffic->count; width *= 2) {
		struct traffic_frame *to = malloc(traffic->limit * sizeof(*to));
		size_t n = 0;

		if (to == NULL)
			abort();
		for (size_t from = 0; from < traffic->count; from += 2 * width) {
			size_t a = from,
			       b = from + width < traffic->count ? from + width : traffic->count;
			size_t a_end = b,
			       b_end = b + width < traffic->count ? b + width : traffic->count;

			while (a < a_end || b < b_end)
				to[n++] = b == b_end ||
						(a < a_end &&
							traffic->frames[a].time_us <=
								traffic->frames[b].time_us)
					? traffic->frames[a++]
					: traffic->frames[b++];
		}
		free(traffic->frames);
		traffic->frames = to;
	}
}

#endif
