/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame put together header by header, outermost first. Lengths of IP and UDP headers are filled
 * in by build_end(), for whatever stands behind them.
 */
#ifndef TT_TESTS_PACKET_BUILD_H
#define TT_TESTS_PACKET_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUILD_BYTES   4096
#define BUILD_LENGTHS 16

struct build_length {
	size_t field; /* where the 16 bits stand */
	size_t from;  /* the first byte that they count */
};

struct build {
	uint8_t bytes[BUILD_BYTES];
	size_t length;
	struct build_length lengths[BUILD_LENGTHS];
	size_t length_count;
};

static inline void build_bytes(struct build *build, const void *bytes, size_t count)
{
	if (build->length + count > BUILD_BYTES)
		abort();
	memcpy(build->bytes + build->length, bytes, count);
	build->length += count;
}

static inline void build_8(struct build *build, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	build_bytes(build, &byte, 1);
}

static inline void build_16(struct build *build, unsigned int value)
{
	build_8(build, value >> 8 & 0xff);
	build_8(build, value & 0xff);
}

static inline void build_32(struct build *build, uint32_t value)
{
	build_16(build, value >> 16);
	build_16(build, value & 0xffff);
}

static inline void build_set_16(struct build *build, size_t at, unsigned int value)
{
	build->bytes[at] = (uint8_t)(value >> 8);
	build->bytes[at + 1] = (uint8_t)value;
}

static inline void build_fill(struct build *build, size_t count)
{
	for (size_t i = 0; i < count; i++)
		build_8(build, (unsigned int)(0xd0 + i % 16));
}

/* A 16-bit field here, which counts the bytes from `from` to the frame's end. */
static inline void build_length_16(struct build *build, size_t from)
{
	if (build->length_count == BUILD_LENGTHS)
		abort();
	build->lengths[build->length_count++] =
		(struct build_length){.field = build->length, .from = from};
	build_16(build, 0);
}

static inline void build_end(struct build *build)
{
	for (size_t i = 0; i < build->length_count; i++)
		build_set_16(build, build->lengths[i].field,
			(unsigned int)(build->length - build->lengths[i].from));
}

static inline void build_ethernet(struct build *build, unsigned int type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	build_bytes(build, macs, sizeof(macs));
	build_16(build, type);
}

static inline void build_vlan(struct build *build, unsigned int tci, unsigned int type)
{
	build_16(build, tci);
	build_16(build, type);
}

/* From 10.0.0.`host` to 10.0.1.`host`. `option_bytes` is a multiple of 4. Returns where it is. */
static inline size_t build_ipv4_options(
	struct build *build, unsigned int protocol, unsigned int host, size_t option_bytes)
{
	size_t at = build->length;

	build_8(build, 0x45 + (unsigned int)option_bytes / 4);
	build_8(build, 0xb8);
	build_length_16(build, at);
	build_16(build, 0x1234);
	build_16(build, 0x4000);
	build_8(build, 64);
	build_8(build, protocol);
	build_16(build, 0);
	build_32(build, 0x0a000000 + host);
	build_32(build, 0x0a000100 + host);
	for (size_t i = 0; i < option_bytes; i++)
		build_8(build, 1); /* no operation */
	return at;
}

static inline size_t build_ipv4(struct build *build, unsigned int protocol, unsigned int host)
{
	return build_ipv4_options(build, protocol, host, 0);
}

/* From 2001:db8::`host` to 2001:db8::1:`host`. */
static inline size_t build_ipv6(struct build *build, unsigned int next, unsigned int host)
{
	static const uint8_t prefix[12] = {0x20, 0x01, 0x0d, 0xb8};
	size_t at = build->length;

	build_32(build, 0x6b800000);
	build_length_16(build, at + 40);
	build_8(build, next);
	build_8(build, 63);
	build_bytes(build, prefix, sizeof(prefix));
	build_32(build, host);
	build_bytes(build, prefix, sizeof(prefix));
	build_32(build, 0x10000 + host);
	return at;
}

static inline void build_tcp(
	struct build *build, unsigned int source, unsigned int destination, size_t option_bytes)
{
	build_16(build, source);
	build_16(build, destination);
	build_32(build, 1000);
	build_32(build, 2000);
	build_8(build, (unsigned int)(5 + option_bytes / 4) << 4);
	build_8(build, 0x18);
	build_16(build, 512);
	build_32(build, 0);
	for (size_t i = 0; i < option_bytes; i++)
		build_8(build, 1);
}

static inline void build_udp(struct build *build, unsigned int source, unsigned int destination)
{
	size_t at = build->length;

	build_16(build, source);
	build_16(build, destination);
	build_length_16(build, at);
	build_16(build, 0);
}

/* An IPv6 extension header of the kind that counts in units of 8 bytes. */
static inline void build_extension(struct build *build, unsigned int next, unsigned int units)
{
	build_8(build, next);
	build_8(build, units - 1);
	build_fill(build, units * 8 - 2);
}

#endif
