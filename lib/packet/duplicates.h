/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of packets: a mirror port that watches both ports of a switch, or both sides of a router,
 * delivers what crosses it twice. A worker asks of each packet whether it is a copy of one that it
 * has seen shortly before: the same innermost IP packet, byte for byte, but for what the way to the
 * tap changes: link header, VLAN tags, TTL or hop limit, IPv4 header checksum.
 *
 * What a host sends again is no copy. It differs in the IPv4 identification (RFC 6864 4) or, where
 * that is 0, or there is none, may be the same to the last byte: TCP sends RSTs, ACKs and
 * SYN-ACKs again within microseconds. So, of the packets that are the same,
 *   - one that its identification names, 0 and the packet generators' 1 aside, is a copy, and so are
 *     a fragment and a SYN, which is sent again after a second (RFC 6298 2) and not sooner;
 *   - one that was seen elsewhere, on another port, VLAN or behind a router, is a copy;
 *   - any other is one when it comes within TT_DUPLICATES_TWIN_US, sooner than a sender can tell a
 *     loss by its timer, and what else came between the same two stations of the link lately
 *     came doubled.
 *
 * A table for each worker, in memory that the caller owns: fixed, and a bounded number of its
 * entries is looked at for a packet. Its places are chosen by a keyed hash of all bytes, for a tap
 * sees hostile traffic.
 */
#ifndef TT_PACKET_DUPLICATES_H
#define TT_PACKET_DUPLICATES_H

#include "packet/decode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Below the shortest retransmission timeout in use: Linux's probe of a tail loss waits 2 ms and two
 * round trips (RFC 8985 7.2). */
#define TT_DUPLICATES_TWIN_US 2000

struct tt_duplicates;

struct tt_duplicates_options {
	uint32_t packets;   /* remembered, about: 64 to 2^24 */
	uint64_t window_us; /* between a packet and its copy, at most; under 2^31 */
	uint64_t secret;    /* random */
};

/* A packet as it came to the tap. */
struct tt_sighting {
	uint64_t fingerprint; /* tt_duplicates_fingerprint() */
	uint64_t time_us;     /* may run backwards from one packet to the next */
	/* Destination and source of the frame's Ethernet header, 12 bytes; NULL where the link has
	 * none. */
	const uint8_t *stations;
	uint8_t port; /* of the tap */
};

/* Bytes of memory, aligned to a cache line and zeroed, that tt_duplicates_make() wants. */
size_t tt_duplicates_bytes(uint32_t packets);

/* In `memory`, which outlives it. */
struct tt_duplicates *tt_duplicates_make(void *memory, const struct tt_duplicates_options *options);

/* A keyed hash of all that copies of this packet have in common, never 0. `domain` is that of its
 * flow key: packets of overlapping networks are no copies of each other. */
uint64_t tt_duplicates_fingerprint(
	const struct tt_duplicates *duplicates, const struct tt_packet *packet, uint64_t domain);

/* Fetch what tt_duplicates_see() will look at. */
void tt_duplicates_prefetch(const struct tt_duplicates *duplicates, uint64_t fingerprint);

/* Is this packet, which tt_decode() called TT_DECODE_IP, a copy? Else it is remembered. */
bool tt_duplicates_see(struct tt_duplicates *duplicates, const struct tt_packet *packet,
	const struct tt_sighting *sighting);

#endif
