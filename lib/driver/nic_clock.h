/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a NIC, by which it stamps packets: 64 bits of ticks of an unknown rate since an
 * unknown instant. Set by the control core from readings of both clocks, a second or so apart, so
 * that it follows the wall clock; read by workers at any time.
 */
#ifndef TT_DRIVER_NIC_CLOCK_H
#define TT_DRIVER_NIC_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What is being read when the next is set is safe until that many more are. */
#define TT_NIC_CLOCK_LINES 4

/* The instant `ticks` was `us`, and goes on at us_per_tick_scaled / 2^32. */
struct tt_nic_clock_line {
	_Atomic uint64_t ticks;
	_Atomic uint64_t us;
	_Atomic uint64_t us_per_tick_scaled;
};

/* Zero at first. */
struct tt_nic_clock {
	struct tt_nic_clock_line lines[TT_NIC_CLOCK_LINES];
	atomic_uint current;  /* of lines, that which holds; control core: wo, workers: ro */
	bool has_reading;     /* the rest: the control core's own */
	uint64_t first_ticks; /* from which the rate is measured */
	uint64_t first_monotonic_us;
};

/* One moment on three clocks. */
struct tt_nic_clock_reading {
	uint64_t ticks;
	uint64_t monotonic_us;
	uint64_t wall_us; /* since the epoch */
};

/* Returns whether the clock can be told by now: from the second reading on. One that contradicts
 * those before, because the NIC was reset, begins anew. */
bool tt_nic_clock_set(struct tt_nic_clock *clock, const struct tt_nic_clock_reading *reading);

/* A stamp as microseconds since the epoch, once tt_nic_clock_set() was true. One that is a second or
 * more away from `now_us` is none of this clock: then now_us. */
uint64_t tt_nic_clock_us(const struct tt_nic_clock *clock, uint64_t stamp, uint64_t now_us);

#endif
