/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large, long-lived memory: flow tables, batches, journals. Mapped once at start, zeroed, on huge
 * pages where asked and there are some, on transparent ones where not, and faulted in by whoever
 * touches it first, so on that thread's NUMA node. Never called from the packet path.
 */
#ifndef TT_BASE_MEMORY_H
#define TT_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes tt_memory_map() really maps for `bytes`: rounded up to whole 2 MiB pages from
 * 1 MiB on, to 4 KiB pages below. */
size_t tt_memory_mapped_bytes(size_t bytes);

/* Zeroed memory of at least `bytes` (more than 0), aligned to a page; NULL where the system has no
 * more address space or memory. `huge_pages`: take the system's reserved huge pages while there
 * are some; a command that runs beside an appliance must not. Owned by the caller, who gives it
 * back with tt_memory_unmap(). */
void *tt_memory_map(size_t bytes, bool huge_pages);

/* Fault all of it in now, from the calling thread. false when the system has too little. */
bool tt_memory_populate(void *memory, size_t bytes);

/* `bytes` as given to tt_memory_map(). NULL is ignored. */
void tt_memory_unmap(void *memory, size_t bytes);

#endif
