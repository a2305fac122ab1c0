/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of fragmented datagrams, put together in a fixed number of slots of one size in the
 * caller's memory. A part of tt_fragment_see() (fragment.h), which says whose a slot is; made by
 * who makes the fragment table, and of one thread.
 *
 * Where fragments overlap the first copy of a byte stays. A datagram whose fragments contradict
 * each other about its length, or that is longer than a slot, is given up.
 */
#ifndef TT_PACKET_REASSEMBLY_H
#define TT_PACKET_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_REASSEMBLY_BYTES_MAXIMUM 65536

struct tt_reassembly;

/* Bytes of the block for `slots` (1 and more) datagrams of up to `slot_bytes` each: a multiple of
 * 64, at most TT_REASSEMBLY_BYTES_MAXIMUM. */
size_t tt_reassembly_bytes(uint32_t slots, uint32_t slot_bytes);

/* In `memory`, aligned to 64 bytes, zeroed, of tt_reassembly_bytes(). It needs no end. */
struct tt_reassembly *tt_reassembly_make(void *memory, uint32_t slots, uint32_t slot_bytes);

/* Slots are numbered from 1; owners are the caller's numbers, over 0. */

/* An empty slot, and whether it was taken from an owner who had it, because none was free: then
 * about the one that has had it longest. */
uint32_t tt_reassembly_take(struct tt_reassembly *reassembly, uint32_t owner, bool *stolen);

/* Is the slot still the owner's? */
bool tt_reassembly_owns(const struct tt_reassembly *reassembly, uint32_t slot, uint32_t owner);

/* The owner needs the slot no more. Its bytes stay until the next take. */
void tt_reassembly_release(struct tt_reassembly *reassembly, uint32_t slot);

enum tt_reassembly_result {
	TT_REASSEMBLY_INCOMPLETE,
	TT_REASSEMBLY_COMPLETE,
	TT_REASSEMBLY_BROKEN
};

/* Add `length` bytes that stand at `offset`, a multiple of 8, of the datagram; `more`: others
 * follow. Then a length that is no multiple of 8 has the fragment ignored (RFC 8200, 4.5). */
enum tt_reassembly_result tt_reassembly_add(struct tt_reassembly *reassembly, uint32_t slot,
	uint32_t offset, const uint8_t *bytes, uint32_t length, bool more);

/* The bytes of a slot, and once it is COMPLETE their number. */
const uint8_t *tt_reassembly_data(
	const struct tt_reassembly *reassembly, uint32_t slot, uint32_t *length);

#endif
