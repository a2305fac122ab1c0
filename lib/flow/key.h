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

/* 48 bytes without padding, compared and hashed as six 64-bit words: every byte is always set. */
struct tt_flow_key {
	uint8_t low_address[16]; /* of the lower (address, port) in memcmp order of these fields; */
	uint8_t high_address[16]; /* IPv4: the first 4 bytes, the rest 0 */
	uint16_t low_port;	  /* host byte order; 0 but for TCP, UDP, SCTP */
	uint16_t high_port;
	uint8_t ip_protocol;
	uint8_t ip_version; /* 4 or 6 */
	uint16_t reserved;  /* 0 */
	uint64_t domain;    /* 0, or a hash of the ids that tt_key_options names */
};

struct tt_key_options {
	bool vlan;   /* VLAN ids separate flows */
	bool tunnel; /* ids of tunnels (VNI, TEID, key, ...) separate flows */
};

/* Secret of the keyed hash: 64 random bits a word of key, and for the final mix. */
struct tt_key_secret {
	uint64_t word[8];
};

/* Fill from the kernel's random source, or deterministically from a seed over 0 (captures, tests). */
int tt_key_secret_make(struct tt_key_secret *secret, uint64_t seed);

/* Write *key from a packet that tt_decode() called TT_DECODE_IP. Ports of UDP-Lite and of later
 * fragments are 0 in it. Returns the packet's direction: 0 when its source is the low endpoint,
 * 1 when it is the high one. */
unsigned int tt_flow_key_make(struct tt_flow_key *key, const struct tt_packet *packet,
	const struct tt_key_options *options);

/* Symmetric by construction. NH of UMAC (RFC 4418, 5.2.2) on 64-bit words, folded: two keys made
 * without the secret collide in the 128-bit NH with probability at most 2^-64. The high 32 bits
 * choose the worker, the low 32 bits the bucket and tag, so the two are independent. */
uint64_t tt_flow_key_hash(const struct tt_flow_key *key, const struct tt_key_secret *secret);

bool tt_flow_key_equal(const struct tt_flow_key *a, const struct tt_flow_key *b);

#endif
