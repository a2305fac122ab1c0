/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the later fragments of IP datagrams are: those of the flow of their first fragment,
 * whichever comes first. A table of datagrams of one thread, who alone calls everything here but
 * for the counters, which anyone may read. Its memory is the caller's, one block; nothing
 * allocates. Time is the packets'.
 *
 * Every fragment, first or later, goes through tt_fragment_see(). All fragments of a datagram must
 * come to the same table: who shares packets out among threads does it for fragments by addresses
 * and not by ports.
 *
 *     later, first was seen     KNOWN    the packet gets the first's ports and protocol
 *     later, first not yet      HELD     counted in the datagram, the packet itself is done with
 *     first                     FIRST    with the credit of those held, in the first's direction
 *     later, of a tunnel        REST     of a packet that was counted with its first fragment
 *
 * A datagram whose first fragment does not come within the timeout is an orphan: a flow of its own,
 * without ports. Orphans are handed out by tt_fragment_expire(), or when the table is full and the
 * oldest datagram has to go.
 *
 * With tt_fragment_reassemble() the UDP datagrams are put together as well, with the fragments that
 * were held, and the one that completes a datagram brings its payload.
 *
 * A datagram lives for the timeout after its first fragment, or whichever came before it, and not
 * until it is complete, so that duplicates find it. A second first fragment begins a new datagram
 * of the same name.
 */
#ifndef TT_PACKET_FRAGMENT_H
#define TT_PACKET_FRAGMENT_H

#include "base/counter.h"
#include "packet/decode.h"
#include "packet/reassembly.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_FRAGMENT_RANGES 6 /* separate parts of a datagram that are told apart */

struct tt_fragment_options {
	uint32_t datagrams;  /* known at a time, 1 to 2^24 */
	uint64_t timeout_us; /* 1 and more; RFC 8200, 4.5 says 60 s for reassembly */
	uint64_t seed;	     /* of the hash, random: a tap sees hostile traffic */
};

/* Written by the table's owner, read by anyone. */
struct tt_fragment_counters {
	tt_counter datagrams; /* now */
	tt_counter datagrams_high;
	tt_counter fragments;	/* all, and of them: */
	tt_counter held;	/*   before their first fragment, */
	tt_counter tiny;	/*   first ones without a whole transport header, */
	tt_counter overlapping; /*  with bytes that another one had, but not just those, */
	tt_counter duplicate;	/*   with nothing but bytes that were there already */
	tt_counter orphans;	/* datagrams that ended without a first fragment */
	tt_counter evicted; /* datagrams that went before their time because the table was full */
	tt_counter reassembled;	      /* UDP datagrams */
	tt_counter reassembly_broken; /* given up: too long, or of two lengths */
	tt_counter reassembly_stolen; /* given up: all slots were in use */
};

enum tt_fragment_result {
	TT_FRAGMENT_FIRST,
	TT_FRAGMENT_KNOWN,
	TT_FRAGMENT_HELD,
	TT_FRAGMENT_REST
};

/* Later fragments whose packets are gone; all in one direction. */
struct tt_fragment_credit {
	uint32_t packets; /* 0: no credit, and nothing else holds */
	uint32_t tap_ports;
	uint64_t ip_bytes;
	uint64_t first_us;
	uint64_t last_us;
};

/* What is left of a datagram without a first fragment, enough for a flow of its own. `packet` has
 * the addresses, protocol, tags and layers, and flags of a later fragment; its source and
 * destination point into this struct. */
struct tt_fragment_orphan {
	struct tt_fragment_credit credit;
	struct tt_packet packet;
	uint8_t source[16];
	uint8_t destination[16];
};

struct tt_fragment_outcome {
	enum tt_fragment_result result;
	bool has_orphan;		  /* a datagram was evicted that was one */
	struct tt_fragment_credit credit; /* FIRST alone, and tt_fragment_see_tunnel() */
	struct tt_fragment_orphan orphan; /* holds with has_orphan */
	/* The UDP payload that this fragment, FIRST or KNOWN, completed; else NULL. Good until the
	 * next call that changes the table. */
	const uint8_t *whole;
	uint32_t whole_bytes;
};

struct tt_fragment_table;

/* Bytes of the block for `datagrams`. */
size_t tt_fragment_table_bytes(uint32_t datagrams);

/* Make a table in `memory`, aligned to 64 bytes, zeroed, of tt_fragment_table_bytes(). It needs no
 * end: the memory may simply go. */
struct tt_fragment_table *tt_fragment_table_make(
	void *memory, const struct tt_fragment_options *options);

/* For datagrams that begin from now on, and those there are. */
void tt_fragment_set_timeout(struct tt_fragment_table *table, uint64_t timeout_us);

/* Put UDP datagrams together from now on, in what outlives the table and serves no other one. */
void tt_fragment_reassemble(struct tt_fragment_table *table, struct tt_reassembly *reassembly);

const struct tt_fragment_counters *tt_fragment_counters(const struct tt_fragment_table *table);

/* `packet` has TT_PACKET_FRAGMENT. `domain` keeps equal addresses of two networks apart (that of
 * the packet's flow key); `tap_ports` is the bit of the port it came from. Writes *outcome. */
void tt_fragment_see(struct tt_fragment_table *table, struct tt_packet *packet, uint64_t domain,
	uint32_t tap_ports, uint64_t now_us, struct tt_fragment_outcome *outcome);

/* `packet` has TT_PACKET_OUTER_FIRST: `outer` becomes what tt_decode() would make of the outer
 * packet, as far as a flow key and tt_fragment_see_tunnel() need it. */
void tt_fragment_outer_packet(struct tt_packet *outer, const struct tt_packet *packet);

/* The packet that tt_fragment_outer_packet() made was a tunnel's: the later fragments of it are no
 * packets of a flow. The outcome's credit is of those held until now, which are none either. */
void tt_fragment_see_tunnel(struct tt_fragment_table *table, const struct tt_packet *outer,
	uint64_t domain, uint64_t now_us, struct tt_fragment_outcome *outcome);

enum tt_fragment_expiry {
	TT_FRAGMENT_NONE_EXPIRED,
	TT_FRAGMENT_EXPIRED, /* one whose first fragment had come */
	TT_FRAGMENT_ORPHANED /* *orphan is written */
};

/* End one datagram whose time is over, the oldest. Call until NONE_EXPIRED or as often as the burst
 * can afford; with now_us = UINT64_MAX at the end of everything. */
enum tt_fragment_expiry tt_fragment_expire(
	struct tt_fragment_table *table, uint64_t now_us, struct tt_fragment_orphan *orphan);

#endif
