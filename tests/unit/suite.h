/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every test binary shares: one CUnit suite, run to CUnit's own summary, and inputs placed
 * flush against an unreadable page, so that a read past the end faults in any build.
 */
#ifndef TT_TESTS_SUITE_H
#define TT_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct suite_test {
	const char *name;
	void (*run)(void);
};

/* Run all tests of a binary; the exit status for main(). */
static inline int suite_run(const char *name, const struct suite_test *tests, size_t count)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; suite != NULL && i < count; i++)
		if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL)
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned int failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures == 0 && suite != NULL ? 0 : 1;
}

#define SUITE_MAIN(name, tests)                                                                    \
	int main(void)                                                                             \
	{                                                                                          \
		return suite_run(name, tests, sizeof(tests) / sizeof((tests)[0]));                 \
	}

/* Memory whose last byte stands before an unreadable page. */
struct guarded {
	uint8_t *bytes;
	void *mapping;
	size_t mapping_bytes;
};

static inline struct guarded guarded_copy(const void *bytes, size_t length)
{
	const size_t page = 4096;
	size_t body = (length + page - 1) / page * page;
	struct guarded guarded = {.mapping_bytes = body + page};

	guarded.mapping = mmap(NULL, guarded.mapping_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded.mapping == MAP_FAILED ||
		mprotect((uint8_t *)guarded.mapping + body, page, PROT_NONE) != 0)
		abort();
	guarded.bytes = (uint8_t *)guarded.mapping + body - length;
	if (length > 0)
		memcpy(guarded.bytes, bytes, length);
	return guarded;
}

static inline void guarded_free(struct guarded *guarded)
{
	munmap(guarded->mapping, guarded->mapping_bytes);
}

#endif
