/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for the DNS tests, written byte by byte.
 */
#ifndef TT_TESTS_DNS_BUILD_H
#define TT_TESTS_DNS_BUILD_H

#include <stdint.h>
#include <string.h>

struct dns_build {
	uint8_t bytes[4096];
	size_t length;
};

static inline void build_u8(struct dns_build *build, unsigned int value)
{
	build->bytes[build->length++] = (uint8_t)value;
}

static inline void build_u16(struct dns_build *build, unsigned int value)
{
	build_u8(build, value >> 8);
	build_u8(build, value & 0xff);
}

static inline void build_u32(struct dns_build *build, uint32_t value)
{
	build_u16(build, value >> 16);
	build_u16(build, value & 0xffff);
}

static inline void build_bytes(struct dns_build *build, const void *bytes, size_t count)
{
	memcpy(build->bytes + build->length, bytes, count);
	build->length += count;
}

/* "www.example.com"; "" and "." are the root. */
static inline void build_name(struct dns_build *build, const char *name)
{
	while (*name != '\0' && strcmp(name, ".") != 0) {
		size_t label = strcspn(name, ".");
		build_u8(build, (unsigned int)label);
		build_bytes(build, name, label);
		name += label + (name[label] == '.');
	}
	build_u8(build, 0);
}

static inline void build_header(struct dns_build *build, unsigned int id, unsigned int flags,
	unsigned int questions, unsigned int answers, unsigned int additionals)
{
	build->length = 0;
	build_u16(build, id);
	build_u16(build, flags);
	build_u16(build, questions);
	build_u16(build, answers);
	build_u16(build, 0);
	build_u16(build, additionals);
}

static inline void build_question(struct dns_build *build, const char *name, unsigned int type)
{
	build_name(build, name);
	build_u16(build, type);
	build_u16(build, 1);
}

static inline void build_query(
	struct dns_build *build, unsigned int id, const char *name, unsigned int type)
{
	build_header(build, id, 0x0100, 1, 0, 0);
	build_question(build, name, type);
}

static inline void build_response(struct dns_build *build, unsigned int id, const char *name,
	unsigned int type, unsigned int rcode, unsigned int answers)
{
	build_header(build, id, 0x8180 | rcode, 1, answers, 0);
	build_question(build, name, type);
}

/* Everything of a record but its name, which the caller has written. */
static inline void build_record(struct dns_build *build, unsigned int type, uint32_t ttl_s,
	const void *data, unsigned int data_bytes)
{
	build_u16(build, type);
	build_u16(build, 1);
	build_u32(build, ttl_s);
	build_u16(build, data_bytes);
	build_bytes(build, data, data_bytes);
}

/* A record whose name is the question's, by a pointer. */
static inline void build_answer(struct dns_build *build, unsigned int type, uint32_t ttl_s,
	const void *data, unsigned int data_bytes)
{
	build_u16(build, 0xc00c);
	build_record(build, type, ttl_s, data, data_bytes);
}

#endif
