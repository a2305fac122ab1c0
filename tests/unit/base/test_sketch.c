/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/sketch.h"

#include "suite.h"

#include <math.h>

#define SAMPLES 20000

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double random_unit(void)
{
	return ((double)(random_next() >> 11) + 0.5) * 0x1p-53;
}

static uint64_t draw_uniform(void)
{
	return 1000 + random_next() % 9000;
}

static uint64_t draw_exponential(void)
{
	return (uint64_t)(-20000 * log(random_unit()));
}

static uint64_t draw_pareto(void)
{
	return (uint64_t)(300 / pow(random_unit(), 0.8));
}

static uint64_t draw_bimodal(void)
{
	return random_next() % 10 < 7 ? 150 + random_next() % 50 : 40000 + random_next() % 900000;
}

static uint64_t draw_tiny(void)
{
	return random_next() % 4;
}

static uint64_t draw_constant(void)
{
	return 777;
}

static uint64_t (*const draws[])(void) = {
	draw_uniform, draw_exponential, draw_pareto, draw_bimodal, draw_tiny, draw_constant};
#define DRAWS (sizeof(draws) / sizeof(draws[0]))

static const double quantiles[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static int compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The paper's guarantee: |x~ - x| <= 0.01 x; half a microsecond more for the integer it becomes. */
static bool is_close(uint64_t estimate, uint64_t exact)
{
	return fabs((double)estimate - (double)exact) <= 0.01 * (double)exact + 0.5;
}

static void assert_quantiles(const struct tt_sketch *sketch, uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_values);
	CU_ASSERT_EQUAL(sketch->count, count);
	CU_ASSERT_EQUAL(sketch->max, values[count - 1]);
	for (size_t i = 0; i < QUANTILES; i++) {
		uint64_t exact = values[(size_t)(quantiles[i] * (double)(count - 1))];
		CU_ASSERT(is_close(tt_sketch_quantile(sketch, quantiles[i]), exact));
	}
}

static void add_growing(
	struct tt_sketch *sketch, uint64_t value, uint32_t *dense, unsigned int bins)
{
	if (tt_sketch_is_full(sketch))
		tt_sketch_grow(sketch, dense, bins);
	tt_sketch_add(sketch, value);
}

static void test_bins_are_monotone_and_within_one_percent(void)
{
	unsigned int last = tt_sketch_bin(0);
	uint64_t lowest = 0;

	/* Every value up to a million, then in steps of a 10,000th. */
	for (uint64_t value = 1; value < UINT64_MAX / 2;
		value += value < 1000000 ? 1 : value / 10000) {
		unsigned int bin = tt_sketch_bin(value);
		if (bin < last || bin > last + 64) {
			CU_FAIL("bins jump");
			return;
		}
		if (bin != last)
			lowest = value;
		/* Twice 1 % is the width that one representative in the middle can serve. */
		if ((double)(value - lowest) > 2 * 0.01 / (1 - 0.01) * (double)lowest) {
			CU_FAIL("bin too wide");
			return;
		}
		last = bin;
	}
	CU_ASSERT(tt_sketch_bin(UINT64_MAX) < TT_SKETCH_DENSE_MAX);
	CU_ASSERT_EQUAL(tt_sketch_bin(0), 0);
	CU_ASSERT_EQUAL(tt_sketch_bin(1), 1);
}

static void test_quantiles_of_distributions(void)
{
	static uint64_t values[SAMPLES];
	static uint32_t dense[1024];

	random_state = 1 * 0x9e3779b97f4a7c15;
	for (size_t d = 0; d < DRAWS; d++) {
		static const size_t counts[] = {1, 2, 11, 13, 100, SAMPLES};
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
			struct tt_sketch sketch = {0};
			for (size_t i = 0; i < counts[c]; i++) {
				values[i] = draws[d]();
				add_growing(&sketch, values[i], dense, 1024);
			}
			assert_quantiles(&sketch, values, counts[c]);
		}
	}
}

static void test_few_bins_need_no_memory(void)
{
	struct tt_sketch sketch = {0};

	for (unsigned int i = 0; i < 100000; i++) {
		CU_ASSERT_FALSE_FATAL(tt_sketch_is_full(&sketch) && sketch.sparse_used < 4);
		tt_sketch_add(&sketch, i % 4 * 1000);
	}
	CU_ASSERT_EQUAL(tt_sketch_bins(&sketch), 4);
	CU_ASSERT_PTR_NULL(sketch.dense);
	CU_ASSERT(is_close(tt_sketch_quantile(&sketch, 0.5), 1000));
	CU_ASSERT_EQUAL(tt_sketch_quantile(&sketch, 0), 0);
}

static void test_merge_equals_one_sketch_of_all(void)
{
	static uint64_t values[SAMPLES];
	static uint32_t dense[4][1024];
	static uint8_t bytes[TT_SKETCH_WRITE_BYTES(1024)];

	random_state = 2 * 0x9e3779b97f4a7c15;
	for (size_t d = 0; d < DRAWS; d++) {
		struct tt_sketch parts[3] = {{0}};
		struct tt_sketch whole = {0};
		for (size_t i = 0; i < SAMPLES; i++) {
			/* The third part gets few samples and stays sparse. */
			size_t part = i % 1000 == 0 && i < 10000 ? 2 : i % 2;
			values[i] = draws[(d + part) % DRAWS]();
			add_growing(&parts[part], values[i], dense[part], 1024);
		}
		tt_sketch_grow(&whole, dense[3], 1024);
		for (size_t part = 0; part < 3; part++) {
			if (part == 1) {
				tt_sketch_merge(&whole, &parts[part]);
				continue;
			}
			unsigned int bins = 0;
			size_t length = tt_sketch_write(&parts[part], bytes, sizeof(bytes));
			struct guarded guarded = guarded_copy(bytes, length);
			CU_ASSERT_EQUAL(
				tt_sketch_merge_bytes(&whole, guarded.bytes, length, &bins), TT_OK);
			CU_ASSERT_EQUAL(bins, tt_sketch_bins(&parts[part]));
			guarded_free(&guarded);
		}
		assert_quantiles(&whole, values, SAMPLES);
	}
}

static void test_small_window_keeps_high_quantiles(void)
{
	static uint64_t values[SAMPLES];
	static uint32_t dense[TT_SKETCH_DENSE_MIN];

	random_state = 3 * 0x9e3779b97f4a7c15;
	for (unsigned int round = 0; round < 4; round++) {
		struct tt_sketch sketch = {0};
		for (size_t i = 0; i < SAMPLES; i++) {
			/* Rising, falling and random order: the window slides up, or collapses at once. */
			uint64_t value = 1000 +
				(round == 0		     ? i
						: round == 1 ? SAMPLES - i
							     : random_next() % SAMPLES);
			values[i] = round == 3 ? value * value : value;
			add_growing(&sketch, values[i], dense, TT_SKETCH_DENSE_MIN);
		}
		qsort(values, SAMPLES, sizeof(values[0]), compare_values);
		CU_ASSERT_EQUAL(sketch.count, SAMPLES);
		CU_ASSERT(
			is_close(tt_sketch_quantile(&sketch, 0.9), values[(SAMPLES - 1) * 9 / 10]));
		CU_ASSERT(tt_sketch_bins(&sketch) <= TT_SKETCH_DENSE_MIN);
		/* All counts are still there: a rank below the window finds its lowest bin. */
		CU_ASSERT(tt_sketch_quantile(&sketch, 0) <= values[SAMPLES - 1]);
		CU_ASSERT(tt_sketch_quantile(&sketch, 0) >= values[0]);
	}
}

static void test_write_into_little_room_collapses_low(void)
{
	static uint32_t dense[1024];
	uint8_t bytes[TT_SKETCH_WRITE_BYTES(5)];
	struct tt_sketch sketch = {0};
	struct tt_sketch read = {0};

	for (uint64_t value = 1; value <= 1000; value++)
		add_growing(&sketch, value, dense, 1024);
	size_t length = tt_sketch_write(&sketch, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(length, sizeof(bytes));
	CU_ASSERT_EQUAL(tt_sketch_merge_bytes(&read, bytes, length, NULL), TT_OK);
	CU_ASSERT_EQUAL(read.count, 1000);
	CU_ASSERT_EQUAL(tt_sketch_bins(&read), 5);
	CU_ASSERT(is_close(tt_sketch_quantile(&read, 0.99), 990));
	uint64_t counted = 0;
	for (unsigned int i = 0; i < read.sparse_used; i++)
		counted += read.sparse_count[i];
	CU_ASSERT_EQUAL(counted, 1000);
}

static void test_sparse_collapse_loses_no_count(void)
{
	struct tt_sketch sketch = {0};

	for (uint64_t value = 1; value <= 1000000; value *= 2) {
		tt_sketch_add(&sketch, value);
		tt_sketch_add(&sketch, 1000000 / value);
	}
	uint64_t counted = 0;
	for (unsigned int i = 0; i < sketch.sparse_used; i++)
		counted += sketch.sparse_count[i];
	CU_ASSERT_EQUAL(counted, sketch.count);
	CU_ASSERT_EQUAL(sketch.sparse_used, TT_SKETCH_SPARSE);
	CU_ASSERT_EQUAL(tt_sketch_quantile(&sketch, 1), 1000000);
}

static void test_corrupt_bytes_change_nothing(void)
{
	uint8_t bytes[TT_SKETCH_WRITE_BYTES(2)];
	struct tt_sketch sketch = {0};
	struct tt_sketch into = {0};

	tt_sketch_add(&sketch, 10);
	tt_sketch_add(&sketch, 1000);
	size_t length = tt_sketch_write(&sketch, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(length, sizeof(bytes));
	for (size_t cut = 0; cut < length; cut++) {
		struct guarded guarded = guarded_copy(bytes, cut);
		CU_ASSERT_EQUAL(
			tt_sketch_merge_bytes(&into, guarded.bytes, cut, NULL), TT_ERROR_CORRUPT);
		guarded_free(&guarded);
	}
	bytes[length - 6] = 0xff;
	bytes[length - 6 + 1] = 0xff;
	CU_ASSERT_EQUAL(tt_sketch_merge_bytes(&into, bytes, length, NULL), TT_ERROR_CORRUPT);
	CU_ASSERT_EQUAL(into.count, 0);
	CU_ASSERT_EQUAL(tt_sketch_bins(&into), 0);
}

static const struct suite_test tests[] = {
	{"bins are monotone and within 1 %", test_bins_are_monotone_and_within_one_percent},
	{"quantiles of distributions", test_quantiles_of_distributions},
	{"few bins need no memory", test_few_bins_need_no_memory},
	{"merge equals one sketch of all", test_merge_equals_one_sketch_of_all},
	{"a small window keeps high quantiles", test_small_window_keeps_high_quantiles},
	{"writing into little room collapses low bins", test_write_into_little_room_collapses_low},
	{"sparse collapse loses no count", test_sparse_collapse_loses_no_count},
	{"corrupt bytes change nothing", test_corrupt_bytes_change_nothing},
};

SUITE_MAIN("sketch", tests)
