/* SPDX-License-Identifier: Apache-2.0 */
/* Slabs against a model: which are taken, and what their owners wrote there. */
#include "base/slabs.h"

#include "base/error.h"
#include "suite.h"

#define CAPACITY   50
#define SLAB_BYTES 24
#define STEPS	   20000

static uint64_t random_state = 11;

static uint32_t next_random(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % limit;
}

static bool holds(const struct tt_slabs *slabs, uint32_t link)
{
	const uint8_t *bytes = tt_slab_at(slabs, link);

	for (unsigned int i = 0; i < SLAB_BYTES; i++)
		if (bytes[i] != link)
			return false;
	return tt_slab_link(slabs, bytes) == link;
}

static void test_taken_slabs_are_their_owners(void)
{
	struct tt_slabs slabs;
	tt_counter used = 0, high = 0, full = 0;
	uint32_t taken[CAPACITY];
	uint32_t count = 0, most = 0, refused = 0;
	unsigned int wrong = 0;

	CU_ASSERT_EQUAL_FATAL(tt_slabs_create(&slabs, CAPACITY, SLAB_BYTES, false), TT_OK);
	for (unsigned int step = 0; step < STEPS; step++) {
		/* Now it fills, now it empties. */
		if (next_random(100) < (step / 500 % 2 == 0 ? 70 : 30)) {
			uint32_t link = tt_slab_take(&slabs, &used, &high, &full);

			refused += link == 0;
			wrong += (link == 0) != (count == CAPACITY) || link > CAPACITY ||
				tt_counter_read(&full) != refused;
			if (link != 0) {
				memset(tt_slab_at(&slabs, link), (int)link, SLAB_BYTES);
				taken[count++] = link;
			}
		} else if (count > 0) {
			uint32_t i = next_random(count);
			uint32_t link = taken[i];

			wrong += !holds(&slabs, link);
			tt_slab_give(&slabs, &link, &used);
			wrong += link != 0;
			taken[i] = taken[--count];
		}
		most = count > most ? count : most;
		wrong += tt_counter_read(&used) != count || tt_counter_read(&high) != most;
	}
	for (uint32_t i = 0; i < count; i++)
		wrong += !holds(&slabs, taken[i]);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(most, CAPACITY);
	tt_slabs_destroy(&slabs);
	tt_slabs_destroy(&slabs);
}

static void test_none_is_given_back(void)
{
	struct tt_slabs slabs;
	tt_counter used = 0, high = 0, full = 0;
	uint32_t none = 0;

	CU_ASSERT_EQUAL_FATAL(tt_slabs_create(&slabs, 1, SLAB_BYTES, false), TT_OK);
	tt_slab_give(&slabs, &none, &used);
	CU_ASSERT_EQUAL(tt_counter_read(&used), 0);
	CU_ASSERT_EQUAL(tt_slab_take(&slabs, &used, &high, &full), 1);
	CU_ASSERT_EQUAL(tt_slab_take(&slabs, &used, &high, &full), 0);
	tt_slabs_destroy(&slabs);
}

static void test_bad_capacities_are_refused(void)
{
	struct tt_slabs slabs;

	CU_ASSERT_EQUAL(tt_slabs_create(&slabs, 0, SLAB_BYTES, false), TT_ERROR_ARGUMENT);
	tt_slabs_destroy(&slabs);
	CU_ASSERT_EQUAL(
		tt_slabs_create(&slabs, TT_SLABS_LIMIT + 1, SLAB_BYTES, false), TT_ERROR_ARGUMENT);
	tt_slabs_destroy(&slabs);
}

static const struct suite_test tests[] = {
	{"taken slabs are their owners'", test_taken_slabs_are_their_owners},
	{"none is given back", test_none_is_given_back},
	{"bad capacities are refused", test_bad_capacities_are_refused},
};

SUITE_MAIN("slabs", tests)
