/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/reassembly.h"

#include <string.h>

#define UNIT_BYTES 8 /* of fragment offsets: what is there is known by the unit */
#define SLOT_ALIGN 64
#define MAP_WORDS  (TT_REASSEMBLY_BYTES_MAXIMUM / UNIT_BYTES / 64)

struct slot {
	uint32_t owner;	  /* 0: free */
	uint32_t next;	  /* among the free */
	uint32_t end;	  /* of the datagram, once its last fragment was seen; else 0 */
	uint32_t reached; /* the furthest end of a fragment */
	uint32_t units;	  /* that are there */
	uint64_t map[MAP_WORDS];
};

struct tt_reassembly {
	uint32_t slots;
	uint32_t slot_bytes;
	uint32_t used; /* slots that ever were; those behind are untouched */
	uint32_t free;
	uint32_t hand; /* goes round over the slots to steal from */
	struct slot *slot;
	uint8_t *data;
};

static size_t aligned(size_t bytes)
{
	return (bytes + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
}

size_t tt_reassembly_bytes(uint32_t slots, uint32_t slot_bytes)
{
	return aligned(sizeof(struct tt_reassembly)) + aligned(slots * sizeof(struct slot)) +
		(size_t)slots * slot_bytes;
}

struct tt_reassembly *tt_reassembly_make(void *memory, uint32_t slots, uint32_t slot_bytes)
{
	struct tt_reassembly *reassembly = memory;
	uint8_t *at = (uint8_t *)memory + aligned(sizeof(*reassembly));

	reassembly->slots = slots;
	reassembly->slot_bytes = slot_bytes;
	reassembly->slot = (void *)at;
	reassembly->data = at + aligned(slots * sizeof(struct slot));
	return reassembly;
}

uint32_t tt_reassembly_take(struct tt_reassembly *reassembly, uint32_t owner, bool *stolen)
{
	uint32_t number = reassembly->free;

	*stolen = false;
	if (number != 0) {
		reassembly->free = reassembly->slot[number - 1].next;
	} else if (reassembly->used < reassembly->slots) {
		number = ++reassembly->used;
	} else {
		*stolen = true;
		number = reassembly->hand + 1;
		reassembly->hand = number == reassembly->slots ? 0 : number;
	}
	struct slot *slot = &reassembly->slot[number - 1];

	slot->owner = owner;
	slot->end = 0;
	slot->reached = 0;
	slot->units = 0;
	memset(slot->map, 0,
		(reassembly->slot_bytes / UNIT_BYTES + 63) / 64 * sizeof(slot->map[0]));
	return number;
}

bool tt_reassembly_owns(const struct tt_reassembly *reassembly, uint32_t slot, uint32_t owner)
{
	return slot != 0 && reassembly->slot[slot - 1].owner == owner;
}

void tt_reassembly_release(struct tt_reassembly *reassembly, uint32_t slot)
{
	reassembly->slot[slot - 1].owner = 0;
	reassembly->slot[slot - 1].next = reassembly->free;
	reassembly->free = slot;
}

static uint8_t *data_of(const struct tt_reassembly *reassembly, uint32_t slot)
{
	return reassembly->data + (size_t)(slot - 1) * reassembly->slot_bytes;
}

/* Copy the units that are not there yet; the last one may be shorter. */
static void copy_units(
	struct slot *slot, uint8_t *data, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
	for (uint32_t at = 0; at < length; at += UNIT_BYTES) {
		uint32_t unit = (offset + at) / UNIT_BYTES;
		uint64_t bit = (uint64_t)1 << unit % 64;
		uint32_t left = length - at;

		if ((slot->map[unit / 64] & bit) != 0)
			continue;
		slot->map[unit / 64] |= bit;
		slot->units++;
		memcpy(data + offset + at, bytes + at, left < UNIT_BYTES ? left : UNIT_BYTES);
	}
}

enum tt_reassembly_result tt_reassembly_add(struct tt_reassembly *reassembly, uint32_t slot,
	uint32_t offset, const uint8_t *bytes, uint32_t length, bool more)
{
	struct slot *into = &reassembly->slot[slot - 1];
	uint32_t end = offset + length;

	if (length == 0 || (more && length % UNIT_BYTES != 0))
		return TT_REASSEMBLY_INCOMPLETE;
	if (length > reassembly->slot_bytes || end > reassembly->slot_bytes)
		return TT_REASSEMBLY_BROKEN;
	if (into->end != 0 && (more ? end > into->end : end != into->end))
		return TT_REASSEMBLY_BROKEN;
	if (end > into->reached)
		into->reached = end;
	if (!more) {
		if (into->reached > end)
			return TT_REASSEMBLY_BROKEN;
		into->end = end;
	}
	copy_units(into, data_of(reassembly, slot), offset, bytes, length);
	return into->end != 0 && into->units == (into->end + UNIT_BYTES - 1) / UNIT_BYTES
		? TT_REASSEMBLY_COMPLETE
		: TT_REASSEMBLY_INCOMPLETE;
}

const uint8_t *tt_reassembly_data(
	const struct tt_reassembly *reassembly, uint32_t slot, uint32_t *length)
{
	*length = reassembly->slot[slot - 1].end;
	return data_of(reassembly, slot);
}
