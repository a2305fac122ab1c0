/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdint.h>
#include <sys/mman.h>

#define SMALL_PAGE_BYTES ((size_t)4096)
#define HUGE_PAGE_BYTES	 ((size_t)2 << 20)

/* From Linux 5.14's mman.h, which Debian 12's libc headers may lack. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static bool is_large(size_t bytes)
{
	return bytes >= HUGE_PAGE_BYTES / 2;
}

size_t tt_memory_mapped_bytes(size_t bytes)
{
	size_t page = is_large(bytes) ? HUGE_PAGE_BYTES : SMALL_PAGE_BYTES;

	return (bytes + page - 1) & ~(page - 1);
}

void *tt_memory_map(size_t bytes, bool huge_pages)
{
	const int protection = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (bytes == 0 || bytes > SIZE_MAX / 2)
		return NULL;

	size_t mapped = tt_memory_mapped_bytes(bytes);
	if (!is_large(bytes)) {
		void *memory = mmap(NULL, mapped, protection, flags, -1, 0);
		return memory == MAP_FAILED ? NULL : memory;
	}

	if (huge_pages) {
		void *memory = mmap(NULL, mapped, protection, flags | MAP_HUGETLB, -1, 0);
		if (memory != MAP_FAILED)
			return memory;
	}

	/* Map a page more than needed and cut it to a huge page's alignment, or the kernel
	 * backs the two ends of the range with small pages. */
	uint8_t *wide =
		mmap(NULL, mapped + HUGE_PAGE_BYTES, protection, flags | MAP_NORESERVE, -1, 0);
	if (wide == MAP_FAILED)
		return NULL;
	size_t head = -(uintptr_t)wide & (HUGE_PAGE_BYTES - 1);
	if (head > 0)
		munmap(wide, head);
	munmap(wide + head + mapped, HUGE_PAGE_BYTES - head);
	(void)madvise(wide + head, mapped, MADV_HUGEPAGE);
	return wide + head;
}

bool tt_memory_populate(void *memory, size_t bytes)
{
	return madvise(memory, tt_memory_mapped_bytes(bytes), MADV_POPULATE_WRITE) == 0;
}

void tt_memory_unmap(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, tt_memory_mapped_bytes(bytes));
}
