/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/nic_clock.h"

#define SECOND_US 1000000

/* The rate is measured over this at most: the NIC's oscillator follows the temperature. */
#define RATE_US (64 * SECOND_US)

/* Rates of clocks: from 1 kHz to 100 GHz. */
#define SLOWEST_SCALED ((UINT64_C(1) << 32) * 1000)
#define FASTEST_SCALED ((UINT64_C(1) << 32) / 100000)

static void begin(struct tt_nic_clock *clock, const struct tt_nic_clock_reading *reading)
{
	clock->has_reading = true;
	clock->first_ticks = reading->ticks;
	clock->first_monotonic_us = reading->monotonic_us;
}

bool tt_nic_clock_set(struct tt_nic_clock *clock, const struct tt_nic_clock_reading *reading)
{
	uint64_t ticks = reading->ticks - clock->first_ticks;
	uint64_t elapsed_us = reading->monotonic_us - clock->first_monotonic_us;

	if (!clock->has_reading) {
		begin(clock, reading);
		return false;
	}
	if (ticks == 0 || elapsed_us == 0)
		return false;
	unsigned __int128 scaled = ((unsigned __int128)elapsed_us << 32) / ticks;

	if (scaled < FASTEST_SCALED || scaled > SLOWEST_SCALED) {
		begin(clock, reading);
		return false;
	}
	unsigned int next = (atomic_load_explicit(&clock->current, memory_order_relaxed) + 1) %
		TT_NIC_CLOCK_LINES;
	struct tt_nic_clock_line *line = &clock->lines[next];

	atomic_store_explicit(&line->ticks, reading->ticks, memory_order_relaxed);
	atomic_store_explicit(&line->us, reading->wall_us, memory_order_relaxed);
	atomic_store_explicit(&line->us_per_tick_scaled, (uint64_t)scaled, memory_order_relaxed);
	atomic_store_explicit(&clock->current, next, memory_order_release);
	if (elapsed_us > RATE_US) {
		/* From the middle on, so that there is always a good while to measure over. */
		clock->first_ticks += ticks / 2;
		clock->first_monotonic_us += elapsed_us / 2;
	}
	return true;
}

uint64_t tt_nic_clock_us(const struct tt_nic_clock *clock, uint64_t stamp, uint64_t now_us)
{
	const struct tt_nic_clock_line *line =
		&clock->lines[atomic_load_explicit(&clock->current, memory_order_acquire)];
	uint64_t from = atomic_load_explicit(&line->ticks, memory_order_relaxed);
	uint64_t scaled = atomic_load_explicit(&line->us_per_tick_scaled, memory_order_relaxed);
	uint64_t us = atomic_load_explicit(&line->us, memory_order_relaxed);
	int64_t ticks = (int64_t)(stamp - from);

	us += (uint64_t)(((__int128)ticks * scaled) >> 32);
	if (us - now_us + SECOND_US > 2 * SECOND_US)
		return now_us;
	return us;
}
