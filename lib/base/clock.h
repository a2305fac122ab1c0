/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wall-clock instants, in microseconds since the epoch. The packet path does not call this: it
 * takes its time from the packets.
 */
#ifndef TT_BASE_CLOCK_H
#define TT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t tt_clock_read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Microseconds since the epoch. */
static inline uint64_t tt_clock_wall_us(void)
{
	return tt_clock_read_us(CLOCK_REALTIME);
}

/* Microseconds since some moment before the process started; never runs backwards. */
static inline uint64_t tt_clock_monotonic_us(void)
{
	return tt_clock_read_us(CLOCK_MONOTONIC);
}

#endif
