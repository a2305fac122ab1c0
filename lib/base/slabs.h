/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs: a fixed number of pieces of memory of one size, taken and given back in constant time without
 * an allocation. For one thread, which names a slab by its link: its number + 1, so that 0 is none. The
 * owner's counters say how many are taken; anyone may read them.
 *
 * A slab that is free begins with the link of the next one. One that was never taken has never been
 * touched, so that memory is used only as far as it was needed.
 */
#ifndef TT_BASE_SLABS_H
#define TT_BASE_SLABS_H

#include "base/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TT_SLABS_LIMIT (1u << 24)

struct tt_slabs {
	uint8_t *memory;
	size_t slab_bytes;
	uint32_t capacity;
	uint32_t ever;	/* from here on they have never been taken */
	uint32_t first; /* link of the first free one */
};

/* `capacity` slabs, 1 to TT_SLABS_LIMIT, of `slab_bytes`, at least 4. 0, TT_ERROR_ARGUMENT or
 * TT_ERROR_MEMORY; in any case it can be destroyed. */
int tt_slabs_create(struct tt_slabs *slabs, uint32_t capacity, size_t slab_bytes, bool huge_pages);

/* Its memory ends, and no slab of it may be used after that. One of zeros, or destroyed: nothing. */
void tt_slabs_destroy(struct tt_slabs *slabs);

/* The slab of a link that is taken. */
static inline void *tt_slab_at(const struct tt_slabs *slabs, uint32_t link)
{
	return slabs->memory + (link - 1) * slabs->slab_bytes;
}

/* The link of a slab that is taken. */
static inline uint32_t tt_slab_link(const struct tt_slabs *slabs, const void *slab)
{
	return (uint32_t)((size_t)((const uint8_t *)slab - slabs->memory) / slabs->slab_bytes) + 1;
}

/* A slab's link, or 0 when all are taken, which `full` counts. What is in it is left from before. */
static inline uint32_t tt_slab_take(
	struct tt_slabs *slabs, tt_counter *used, tt_counter *high, tt_counter *full)
{
	uint32_t link = slabs->first;

	if (link != 0) {
		memcpy(&slabs->first, tt_slab_at(slabs, link), sizeof(slabs->first));
	} else if (slabs->ever < slabs->capacity) {
		link = ++slabs->ever;
	} else {
		tt_counter_add(full, 1);
		return 0;
	}
	tt_counter_add(used, 1);
	tt_counter_raise(high, tt_counter_read(used));
	return link;
}

/* Give the slab of *link back, if there is one; then *link is 0. */
static inline void tt_slab_give(struct tt_slabs *slabs, uint32_t *link, tt_counter *used)
{
	if (*link == 0)
		return;
	memcpy(tt_slab_at(slabs, *link), &slabs->first, sizeof(slabs->first));
	slabs->first = *link;
	*link = 0;
	tt_counter_set(used, tt_counter_read(used) - 1);
}

#endif
