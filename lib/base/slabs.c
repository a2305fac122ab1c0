/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slabs.h"

#include "base/error.h"
#include "base/memory.h"

int tt_slabs_create(struct tt_slabs *slabs, uint32_t capacity, size_t slab_bytes, bool huge_pages)
{
	*slabs = (struct tt_slabs){.slab_bytes = slab_bytes, .capacity = capacity};
	if (capacity == 0 || capacity > TT_SLABS_LIMIT)
		return TT_ERROR_ARGUMENT;
	slabs->memory = tt_memory_map(capacity * slab_bytes, huge_pages);
	return slabs->memory == NULL ? TT_ERROR_MEMORY : TT_OK;
}

void tt_slabs_destroy(struct tt_slabs *slabs)
{
	tt_memory_unmap(slabs->memory, slabs->capacity * slabs->slab_bytes);
	slabs->memory = NULL;
}
