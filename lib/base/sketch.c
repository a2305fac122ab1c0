/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sketch.h"

#include "base/error.h"

#include <string.h>

#define BINS_AN_OCTAVE	   35
#define WRITE_HEADER_BYTES 18
#define WRITE_BIN_BYTES	   6

unsigned int tt_sketch_bin(uint64_t value_us)
{
	if (value_us == 0)
		return 0;

	int exponent = 63 - __builtin_clzll(value_us);
	/* The leading bit shifted out and the rest as a fraction: m in [0, 1), 53 bits of it. */
	uint64_t fraction = exponent == 0 ? 0 : value_us << (64 - exponent);
	double m = (double)(fraction >> 11) * 0x1p-53;
	double log2_cubic = ((6.0 / 35 * m - 3.0 / 5) * m + 10.0 / 7) * m;
	return 1 + (unsigned int)(BINS_AN_OCTAVE * exponent) +
		(unsigned int)(BINS_AN_OCTAVE * log2_cubic);
}

/* The smallest value whose bin is at least `bin`, by bisection: tt_sketch_bin() never decreases. */
static uint64_t bin_lowest_value(unsigned int bin)
{
	uint64_t low = 0;
	uint64_t high = UINT64_MAX;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (tt_sketch_bin(middle) >= bin)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The value with the same relative distance to both ends of the bin (the paper's 2 g^i / (g + 1)). */
uint64_t tt_sketch_bin_value(unsigned int bin)
{
	double low = (double)bin_lowest_value(bin);
	double high = bin + 1 < TT_SKETCH_DENSE_MAX ? (double)(bin_lowest_value(bin + 1) - 1)
						    : (double)UINT64_MAX;

	if (bin == 0)
		return 0;
	double value = 2 * low * high / (low + high);
	return value >= 0x1p64 ? UINT64_MAX : (uint64_t)(value + 0.5);
}

static uint32_t saturating_add(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void sparse_remove_lowest(struct tt_sketch *sketch)
{
	uint32_t lowest = sketch->sparse_count[0];

	sketch->sparse_used--;
	memmove(sketch->sparse_bin, sketch->sparse_bin + 1,
		sketch->sparse_used * sizeof(sketch->sparse_bin[0]));
	memmove(sketch->sparse_count, sketch->sparse_count + 1,
		sketch->sparse_used * sizeof(sketch->sparse_count[0]));
	sketch->sparse_count[0] = saturating_add(sketch->sparse_count[0], lowest);
}

static void sparse_add(struct tt_sketch *sketch, unsigned int bin, uint32_t count)
{
	unsigned int at = 0;

	while (at < sketch->sparse_used && sketch->sparse_bin[at] < bin)
		at++;
	if (at < sketch->sparse_used && sketch->sparse_bin[at] == bin) {
		sketch->sparse_count[at] = saturating_add(sketch->sparse_count[at], count);
		return;
	}
	if (sketch->sparse_used == TT_SKETCH_SPARSE) {
		if (at == 0) {
			sketch->sparse_count[0] = saturating_add(sketch->sparse_count[0], count);
			return;
		}
		sparse_remove_lowest(sketch);
		at--;
	}
	unsigned int above = sketch->sparse_used - at;
	memmove(sketch->sparse_bin + at + 1, sketch->sparse_bin + at,
		above * sizeof(sketch->sparse_bin[0]));
	memmove(sketch->sparse_count + at + 1, sketch->sparse_count + at,
		above * sizeof(sketch->sparse_count[0]));
	sketch->sparse_bin[at] = (uint16_t)bin;
	sketch->sparse_count[at] = count;
	sketch->sparse_used++;
}

/* Move the window so that dense[0] is bin `first`; what falls out below goes into dense[0]. The
 * highest bin counted stays inside. */
static void dense_slide(struct tt_sketch *sketch, unsigned int first)
{
	uint32_t *dense = sketch->dense;
	unsigned int capacity = sketch->dense_capacity;

	if (first < sketch->dense_first) {
		unsigned int up = sketch->dense_first - first;
		memmove(dense + up, dense, (capacity - up) * sizeof(*dense));
		memset(dense, 0, up * sizeof(*dense));
	} else {
		unsigned int down = first - sketch->dense_first;
		uint32_t fallen = 0;
		for (unsigned int i = 0; i < down && i < capacity; i++)
			fallen = saturating_add(fallen, dense[i]);
		if (down < capacity) {
			memmove(dense, dense + down, (capacity - down) * sizeof(*dense));
			memset(dense + capacity - down, 0, down * sizeof(*dense));
		} else {
			memset(dense, 0, capacity * sizeof(*dense));
		}
		dense[0] = saturating_add(dense[0], fallen);
		if (sketch->dense_low < first)
			sketch->dense_low = (uint16_t)first;
		if (sketch->dense_high < first)
			sketch->dense_high = (uint16_t)first;
	}
	sketch->dense_first = (uint16_t)first;
}

static void dense_add(struct tt_sketch *sketch, unsigned int bin, uint32_t count)
{
	unsigned int capacity = sketch->dense_capacity;

	if (bin >= sketch->dense_first + capacity) {
		dense_slide(sketch, bin - capacity + 1);
	} else if (bin < sketch->dense_first) {
		/* As far down as the highest bin counted allows, so that few slides are needed. */
		unsigned int lowest =
			sketch->dense_high < capacity ? 0 : sketch->dense_high - capacity + 1;
		if (lowest < sketch->dense_first)
			dense_slide(sketch, lowest);
		if (bin < sketch->dense_first)
			bin = sketch->dense_first;
	}
	sketch->dense[bin - sketch->dense_first] =
		saturating_add(sketch->dense[bin - sketch->dense_first], count);
	if (bin < sketch->dense_low)
		sketch->dense_low = (uint16_t)bin;
	if (bin > sketch->dense_high)
		sketch->dense_high = (uint16_t)bin;
}

static void bin_add(struct tt_sketch *sketch, unsigned int bin, uint32_t count)
{
	if (sketch->dense == NULL)
		sparse_add(sketch, bin, count);
	else
		dense_add(sketch, bin, count);
}

void tt_sketch_grow(struct tt_sketch *sketch, uint32_t *dense, unsigned int capacity)
{
	unsigned int used = sketch->sparse_used;
	unsigned int highest = used == 0 ? 0 : sketch->sparse_bin[used - 1];

	memset(dense, 0, capacity * sizeof(*dense));
	sketch->dense = dense;
	sketch->dense_capacity = (uint16_t)capacity;
	/* The highest bin in the middle: later values may be higher as well as lower. */
	sketch->dense_first = (uint16_t)(highest < capacity / 2 ? 0 : highest - capacity / 2);
	sketch->dense_low = UINT16_MAX;
	sketch->dense_high = 0;
	/* From the highest down, so that only what really does not fit is collapsed. */
	while (used > 0) {
		used--;
		dense_add(sketch, sketch->sparse_bin[used], sketch->sparse_count[used]);
	}
	sketch->sparse_used = 0;
}

void tt_sketch_add(struct tt_sketch *sketch, uint64_t value_us)
{
	bin_add(sketch, tt_sketch_bin(value_us), 1);
	sketch->count++;
	if (value_us > sketch->max)
		sketch->max = value_us;
}

/* The bins counted, ascending: *at from 0 on. false at the end. */
static bool bin_next(
	const struct tt_sketch *sketch, unsigned int *at, unsigned int *bin, uint32_t *count)
{
	if (sketch->dense == NULL) {
		if (*at >= sketch->sparse_used)
			return false;
		*bin = sketch->sparse_bin[*at];
		*count = sketch->sparse_count[(*at)++];
		return true;
	}
	if (sketch->dense_low > sketch->dense_high)
		return false;
	if (*at == 0)
		*at = sketch->dense_low - sketch->dense_first;
	for (; *at <= (unsigned int)(sketch->dense_high - sketch->dense_first); (*at)++) {
		if (sketch->dense[*at] == 0)
			continue;
		*bin = sketch->dense_first + *at;
		*count = sketch->dense[(*at)++];
		return true;
	}
	return false;
}

unsigned int tt_sketch_bins(const struct tt_sketch *sketch)
{
	unsigned int at = 0;
	unsigned int bins = 0;
	unsigned int bin;
	uint32_t count;

	while (bin_next(sketch, &at, &bin, &count))
		bins++;
	return bins;
}

uint64_t tt_sketch_quantile(const struct tt_sketch *sketch, double q)
{
	unsigned int at = 0;
	unsigned int bin;
	uint32_t count;
	uint64_t below = 0;

	if (sketch->count == 0)
		return 0;
	uint64_t rank = (uint64_t)(q * (double)(sketch->count - 1));
	if (rank >= sketch->count - 1)
		return sketch->max;
	while (bin_next(sketch, &at, &bin, &count)) {
		below += count;
		if (below > rank) {
			uint64_t value = tt_sketch_bin_value(bin);
			return value < sketch->max ? value : sketch->max;
		}
	}
	return sketch->max;
}

void tt_sketch_count_bins(const struct tt_sketch *sketch, uint64_t counts[TT_SKETCH_DENSE_MAX])
{
	unsigned int at = 0;
	unsigned int bin;
	uint32_t count;

	while (bin_next(sketch, &at, &bin, &count))
		counts[bin] += count;
}

void tt_sketch_merge(struct tt_sketch *into, const struct tt_sketch *from)
{
	unsigned int at = 0;
	unsigned int bin;
	uint32_t count;

	while (bin_next(from, &at, &bin, &count))
		bin_add(into, bin, count);
	into->count += from->count;
	if (from->max > into->max)
		into->max = from->max;
}

size_t tt_sketch_write(const struct tt_sketch *sketch, uint8_t *bytes, size_t capacity)
{
	unsigned int bins = tt_sketch_bins(sketch);
	size_t room = (capacity - WRITE_HEADER_BYTES) / WRITE_BIN_BYTES;
	unsigned int collapse = bins > room ? bins - (unsigned int)room : 0;
	uint16_t written = (uint16_t)(bins - collapse);
	uint8_t *end = bytes;
	unsigned int at = 0;
	unsigned int bin;
	uint32_t count;
	uint32_t collapsed = 0;

	memcpy(end, &sketch->count, 8);
	memcpy(end + 8, &sketch->max, 8);
	memcpy(end + 16, &written, 2);
	end += WRITE_HEADER_BYTES;
	while (bin_next(sketch, &at, &bin, &count)) {
		count = saturating_add(count, collapsed);
		collapsed = 0;
		if (collapse > 0) {
			collapse--;
			collapsed = count;
			continue;
		}
		uint16_t bin16 = (uint16_t)bin;
		memcpy(end, &bin16, 2);
		memcpy(end + 2, &count, 4);
		end += WRITE_BIN_BYTES;
	}
	return (size_t)(end - bytes);
}

int tt_sketch_merge_bytes(
	struct tt_sketch *into, const uint8_t *bytes, size_t length, unsigned int *bins)
{
	uint64_t count;
	uint64_t max;
	uint16_t written;

	if (length < WRITE_HEADER_BYTES)
		return TT_ERROR_CORRUPT;
	memcpy(&count, bytes, 8);
	memcpy(&max, bytes + 8, 8);
	memcpy(&written, bytes + 16, 2);
	if (length != TT_SKETCH_WRITE_BYTES(written))
		return TT_ERROR_CORRUPT;
	const uint8_t *first = bytes + WRITE_HEADER_BYTES;
	for (unsigned int i = 0; i < written; i++) {
		uint16_t bin;
		memcpy(&bin, first + i * WRITE_BIN_BYTES, 2);
		if (bin >= TT_SKETCH_DENSE_MAX)
			return TT_ERROR_CORRUPT;
	}
	for (unsigned int i = 0; i < written; i++) {
		uint16_t bin;
		uint32_t bin_count;
		memcpy(&bin, first + i * WRITE_BIN_BYTES, 2);
		memcpy(&bin_count, first + i * WRITE_BIN_BYTES + 2, 4);
		bin_add(into, bin, bin_count);
	}
	into->count += count;
	if (max > into->max)
		into->max = max;
	if (bins != NULL)
		*bins = written;
	return TT_OK;
}
