/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of addresses, learned from DNS answers: A and AAAA records and the address hints of SVCB
 * and HTTPS, under the name that was asked for, through CNAMEs. Lives in the control core, which
 * alone calls everything here but for the counters; the packet path pays nothing. Fixed memory,
 * mapped at create; when any part of it is full, the addresses that were learned longest ago, to
 * the minute, go.
 *
 * A name holds from when its first answer was seen until the TTL of the last one is over, within
 * bounds.
 * It is looked up by the time that a connection began, so it may be asked for after it expired.
 */
#ifndef TT_PROTOCOL_NAMES_H
#define TT_PROTOCOL_NAMES_H

#include "base/counter.h"
#include "protocol/dns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_NAMES_ADDRESSES_DEFAULT 1000000
#define TT_NAMES_AN_ADDRESS	   16
#define TT_NAMES_WAITING	   8 /* lessons of a name and its addresses */
#define TT_NAMES_TTL_MIN_S_DEFAULT 60
#define TT_NAMES_TTL_MAX_S_DEFAULT 86400

struct tt_names_options {
	uint32_t addresses;  /* 1 to 2^26 */
	uint32_t an_address; /* names of one, 1 to TT_NAMES_AN_ADDRESS */
	uint32_t ttl_min_s;
	uint32_t ttl_max_s; /* ttl_min_s or more */
	uint64_t secret;    /* of the keyed hash: random, or any for captures */
	bool huge_pages;    /* base/memory.h */
};

/* Written by the owner, read by anyone. */
struct tt_names_counters {
	tt_counter addresses;
	tt_counter addresses_high;
	tt_counter learned;  /* pairs of address and name, those known already included */
	tt_counter evicted;  /* addresses given up for others */
	tt_counter replaced; /* names given up because the address had as many as it may */
	tt_counter refused;  /* pairs that found no room though addresses were given up for them */
};

/* A name of an address; `text` is not terminated, and valid until the table changes. */
struct tt_names_name {
	const char *text;
	uint8_t length;
	uint64_t learned_us;
	uint64_t expires_us;
};

struct tt_names;

/* Bytes that a table of these options maps: about 160 an address. */
size_t tt_names_bytes(const struct tt_names_options *options);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The caller destroys the table. */
int tt_names_create(struct tt_names **names, const struct tt_names_options *options);
void tt_names_destroy(struct tt_names *names);

/* Learn from a response seen at time_us (since the epoch), if it is a NOERROR answer of class IN to
 * one question; others teach nothing. Bounded: TT_DNS_PARSE_RECORDS records, and 16 CNAMEs. Give it answers to
 * queries that were seen, or anyone can name addresses. What it teaches waits for that of up to
 * TT_NAMES_WAITING later ones while its memory is fetched; tt_names_settle() before looking up. */
void tt_names_learn(
	struct tt_names *names, const struct tt_dns_message *response, uint64_t time_us);

/* Learn one name of an address (4 or 16 bytes by ip_version 4 or 6). Waits as tt_names_learn()'s. */
void tt_names_add(struct tt_names *names, unsigned int ip_version, const uint8_t *address,
	const char *name, uint8_t name_length, uint32_t ttl_s, uint64_t time_us);

/* Put what waits into the table, for lookups and counters. */
void tt_names_settle(struct tt_names *names);

/* The names that the address had at time_us, the one it got last first, into found[], which has room for
 * TT_NAMES_AN_ADDRESS. Returns how many. */
unsigned int tt_names_lookup(const struct tt_names *names, unsigned int ip_version,
	const uint8_t *address, uint64_t time_us, struct tt_names_name *found);

/* The next address from *position on (0 at first) that has a name at time_us: its address and
 * names, as tt_names_lookup() has them. Returns how many names; 0 at the end. */
unsigned int tt_names_next(const struct tt_names *names, uint32_t *position, uint64_t time_us,
	unsigned int *ip_version, const uint8_t **address, struct tt_names_name *found);

const struct tt_names_counters *tt_names_counters(const struct tt_names *names);

#endif
