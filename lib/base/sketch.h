/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DDSketch: quantiles of a stream of durations with a bounded relative error, mergeable. After
 * Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
 * Guarantees", PVLDB 12(12), 2019. A worker adds, the control core merges and asks; a sketch has
 * one user at a time.
 *
 * Values are microseconds, any uint64_t. Value v falls into the bin
 * 1 + floor(35 * (e + p(m))), v = 2^e (1 + m), where p is the cubic that stands in for log2(1 + m)
 * in the authors' implementations; 35 bins an octave keep every value of a bin within 1 % of its
 * representative. 0 has bin 0. Up to TT_SKETCH_SPARSE different bins live in the sketch itself; a
 * sketch with more of them takes a window of dense bins that the caller provides. Values below
 * what fits are counted in the lowest bin kept (the paper's section 3.4), so that high quantiles
 * stay right: 512 bins span a factor of 25,000.
 */
#ifndef TT_BASE_SKETCH_H
#define TT_BASE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_SKETCH_SPARSE    12	 /* bins inside the sketch */
#define TT_SKETCH_DENSE_MIN 32	 /* smallest window that a caller may provide */
#define TT_SKETCH_DENSE_MAX 2242 /* all bins there are: 0, 64 octaves, and where they end */

/* Zero it to have an empty one. It does not own `dense`. */
struct tt_sketch {
	uint64_t count;
	uint64_t max;		 /* exact; 0 when empty */
	uint32_t *dense;	 /* NULL: sparse */
	uint16_t dense_capacity; /* bins at `dense` */
	uint16_t dense_first;	 /* which bin dense[0] is */
	uint16_t dense_low;	 /* lowest and highest bin counted; meaningless while empty */
	uint16_t dense_high;
	uint16_t sparse_used;
	uint16_t sparse_bin[TT_SKETCH_SPARSE]; /* ascending */
	uint32_t sparse_count[TT_SKETCH_SPARSE];
};

/* Bytes that tt_sketch_write() writes at most for a sketch of `bins` different bins. */
#define TT_SKETCH_WRITE_BYTES(bins) (18 + 6 * (size_t)(bins))

/* The bin of a value, 0 to TT_SKETCH_DENSE_MAX - 1, never lower for a higher value. */
unsigned int tt_sketch_bin(uint64_t value_us);

/* The value that stands for all of a bin, within 1 % of each. Takes microseconds. */
uint64_t tt_sketch_bin_value(unsigned int bin);

/* Would adding a value of a new bin make a sparse sketch collapse its lowest two? Then provide a
 * window with tt_sketch_grow() first, if there is one to give. */
static inline bool tt_sketch_is_full(const struct tt_sketch *sketch)
{
	return sketch->dense == NULL && sketch->sparse_used == TT_SKETCH_SPARSE;
}

/* Move a sparse sketch into `capacity` (TT_SKETCH_DENSE_MIN to _MAX) bins at `dense`, which is
 * overwritten, stays the caller's, and outlives the sketch's use of it. */
void tt_sketch_grow(struct tt_sketch *sketch, uint32_t *dense, unsigned int capacity);

/* Never fails. A bin's counter stops at UINT32_MAX. */
void tt_sketch_add(struct tt_sketch *sketch, uint64_t value_us);

/* The value at quantile q (0 to 1): the smallest representative with more than q (count - 1) values
 * at or below it. Within 1 % of the exact one unless low values were collapsed; never over max, and
 * exactly max for q = 1. 0 when empty. */
uint64_t tt_sketch_quantile(const struct tt_sketch *sketch, double q);

/* How many different bins are counted. */
unsigned int tt_sketch_bins(const struct tt_sketch *sketch);

/* Add how many values each bin has to counts[]. */
void tt_sketch_count_bins(const struct tt_sketch *sketch, uint64_t counts[TT_SKETCH_DENSE_MAX]);

/* Add all of `from` to `into`; `from` is unchanged. */
void tt_sketch_merge(struct tt_sketch *into, const struct tt_sketch *from);

/* Write the sketch as plain bytes in the machine's byte order. Returns how many: at most
 * `capacity`, which is TT_SKETCH_WRITE_BYTES(1) or more; the lowest bins that do not fit are
 * written as one. */
size_t tt_sketch_write(const struct tt_sketch *sketch, uint8_t *bytes, size_t capacity);

/* Add what tt_sketch_write() wrote. 0, or TT_ERROR_CORRUPT with `into` unchanged when the bytes are
 * not a written sketch. `bins`, where not NULL, is set to how many bins were read. */
int tt_sketch_merge_bytes(
	struct tt_sketch *into, const uint8_t *bytes, size_t length, unsigned int *bins);

#endif
