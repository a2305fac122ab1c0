/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs that measure one part share: the time that they take, and medians of it.
 */
#ifndef TT_TESTS_PERF_MEASURE_H
#define TT_TESTS_PERF_MEASURE_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t measure_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* CPU time of this thread: what others take of the machine does not count. */
static inline uint64_t measure_ns(void)
{
	return measure_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t measure_tsc(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return measure_clock_ns(CLOCK_MONOTONIC);
#endif
}

/* TSC cycles a nanosecond, from two readings of both clocks 20 ms apart. */
static inline double measure_cycles_of_ns(double ns)
{
	static double rate;

	if (rate == 0) {
		uint64_t start_ns = measure_clock_ns(CLOCK_MONOTONIC), start = measure_tsc(), now;

		do
			now = measure_clock_ns(CLOCK_MONOTONIC);
		while (now - start_ns < 20000000);
		rate = (double)(measure_tsc() - start) / (double)(now - start_ns);
	}
	return ns * rate;
}

static inline int measure_compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts them. */
static inline double measure_median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(values[0]), measure_compare);
	return values[count / 2];
}

#endif
