/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a flow: both endpoints in an order that does not depend on the packet's direction,
 * the protocol, and the domain (VLAN, tunnel ids) that keeps overlapping addresses apart. Made by
 * a worker from a decoded packet; hashed with a secret, because a tap sees hostile traffic.
 */
#ifndef TT_FLOW_KEY_H
#define TT_FLOW_KEY_H

#include "packet/decode.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TT_FLOW_KEY_WORDS 6

/* 48 bytes without padding, compared and hashed as six 64-bit words: every byte is always set. */
struct tt_flow_key {
	uint8_t low_address
		[16]; /* of the lower endpoint: by memcmp of the address, then by port; */
	uint8_t high_address[16]; /* IPv4: the first 4 bytes, the rest 0 */
	uint16_t low_port;	  /* host byte order; 0 but for TCP, UDP, SCTP */
	uint16_t high_port;
	uint8_t ip_protocol;
	uint8_t ip_version; /* 4 or 6 */
	uint16_t reserved;  /* 0 */
	uint64_t domain;    /* 0, or a hash of the ids that tt_key_options names */
};

_Static_assert(sizeof(struct tt_flow_key) == TT_FLOW_KEY_WORDS * sizeof(uint64_t),
	"a key is whole words, without padding");

/* What keeps flows of equal addresses and ports apart. */
struct tt_key_options {
	bool vlan; /* VLAN ids, but for 0: a tag that only carries priority (IEEE 802.1Q) */
	/* Ids of tunnels that name a network and are the same in both directions: PPPoE session,
	 * GRE key, NVGRE, ERSPAN, VXLAN and Geneve. Each direction of an MPLS, GTP-U, L2TP or PPTP
	 * tunnel, an AH association and an NSH path has an id of its own: those would cut a flow
	 * in two, and are left out. */
	bool tunnel;
};

/* Secret of the keyed hash: a random word for each word of key, and two for the final mix. */
struct tt_key_secret {
	uint64_t word[TT_FLOW_KEY_WORDS + 2];
};

/* Fill from the kernel's random source, or deterministically from a seed over 0 (captures, tests).
 * 0, or the error of the random source. */
int tt_key_secret_make(struct tt_key_secret *secret, uint64_t seed);

/* Write *key from a packet that tt_decode() called TT_DECODE_IP. The ports are those of the packet,
 * so a later fragment has them when the caller put those of its first fragment there; 0 for
 * UDP-Lite. Returns the packet's direction: 0 when its source is the low endpoint, 1 when it is
 * the high one. */
unsigned int tt_flow_key_make(struct tt_flow_key *key, const struct tt_packet *packet,
	const struct tt_key_options *options);

/* a * b, its high half folded onto the low one. */
static inline uint64_t tt_flow_key_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One word at a time: copied as a whole, compilers read a key that has just been written in units
 * wider than it was written in, which a processor cannot forward. */
static inline uint64_t tt_flow_key_word(const struct tt_flow_key *key, unsigned int i)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)key + i * sizeof(word), sizeof(word));
	return word;
}

/* Symmetric, because the key is. NH of UMAC (RFC 4418, 5.2.2) on 64-bit words, folded under the
 * last two words of the secret: two keys made without the secret collide in the 128-bit NH with
 * probability at most 2^-64. The high 32 bits choose the worker, the low 32 bits the bucket and
 * tag, so the two are independent. */
static inline uint64_t tt_flow_key_hash(
	const struct tt_flow_key *key, const struct tt_key_secret *secret)
{
	const uint64_t *k = secret->word;
	unsigned __int128 nh = 0;

	for (unsigned int i = 0; i < TT_FLOW_KEY_WORDS; i += 2)
		nh += (unsigned __int128)(tt_flow_key_word(key, i) + k[i]) *
			(tt_flow_key_word(key, i + 1) + k[i + 1]);
	return tt_flow_key_fold((uint64_t)nh ^ k[6], (uint64_t)(nh >> 64) ^ k[7]);
}

static inline bool tt_flow_key_equal(const struct tt_flow_key *a, const struct tt_flow_key *b)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < TT_FLOW_KEY_WORDS; i++)
		differ |= tt_flow_key_word(a, i) ^ tt_flow_key_word(b, i);
	return differ == 0;
}

#endif
