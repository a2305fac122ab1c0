/* SPDX-License-Identifier: Apache-2.0 */
/* A NIC's clock, of several rates, read now and then, against the time that it really is. */
#include "driver/nic_clock.h"

#include "suite.h"

#define EPOCH_US  UINT64_C(1700000000000000)
#define BOOT_US	  UINT64_C(5000000)
#define SECOND_US 1000000

/* Ticks of a clock of `hertz`, `us` after it began. */
static uint64_t ticks_at(uint64_t us, uint64_t hertz, uint64_t offset)
{
	return offset + (uint64_t)((unsigned __int128)us * hertz / SECOND_US);
}

static bool set(struct tt_nic_clock *clock, uint64_t us, uint64_t hertz, uint64_t offset)
{
	return tt_nic_clock_set(clock,
		&(struct tt_nic_clock_reading){
			.ticks = ticks_at(us, hertz, offset),
			.monotonic_us = BOOT_US + us,
			.wall_us = EPOCH_US + us,
		});
}

static void check_stamps(const struct tt_nic_clock *clock, uint64_t now_us, uint64_t hertz,
	uint64_t offset, uint64_t error_us)
{
	static const int64_t ago_us[] = {0, 1, 50, 4000, 900000, -20000};

	for (unsigned int i = 0; i < sizeof(ago_us) / sizeof(ago_us[0]); i++) {
		uint64_t us = now_us - (uint64_t)ago_us[i];
		uint64_t told_us =
			tt_nic_clock_us(clock, ticks_at(us, hertz, offset), EPOCH_US + now_us);

		CU_ASSERT(
			told_us + error_us >= EPOCH_US + us && told_us <= EPOCH_US + us + error_us);
	}
}

static void clocks_of_any_rate(void)
{
	static const uint64_t hertz[] = {1000000, 78125000, 156250001, 1000000000, 2500000000};
	static const uint64_t offsets[] = {0, 12345, UINT64_MAX - 1000, EPOCH_US * 1000};

	for (unsigned int i = 0; i < sizeof(hertz) / sizeof(hertz[0]); i++)
		for (unsigned int j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++) {
			struct tt_nic_clock clock = {0};
			uint64_t us = 7 * SECOND_US;

			CU_ASSERT_FALSE(set(&clock, us, hertz[i], offsets[j]));
			us += 20000;
			CU_ASSERT(set(&clock, us, hertz[i], offsets[j]));
			for (unsigned int n = 0; n < 300; n++) {
				check_stamps(&clock, us + 500000, hertz[i], offsets[j], 2);
				us += SECOND_US;
				CU_ASSERT(set(&clock, us, hertz[i], offsets[j]));
			}
		}
}

/* Readings that are late by up to 3 us, of a clock that drifts by 10 ppm. */
static void readings_that_are_not_exact(void)
{
	struct tt_nic_clock clock = {0};
	uint64_t hertz = 1000010000, us = SECOND_US;

	for (unsigned int n = 0; n < 200; n++) {
		struct tt_nic_clock_reading reading = {
			.ticks = ticks_at(us + n % 4, hertz, 0),
			.monotonic_us = BOOT_US + us,
			.wall_us = EPOCH_US + us,
		};
		bool ready = tt_nic_clock_set(&clock, &reading);

		CU_ASSERT_EQUAL(ready, n > 0);
		if (n > 10)
			check_stamps(&clock, us + 500000, hertz, 0, 6);
		us += SECOND_US;
	}
}

/* The wall clock is set: stamps follow with the next reading. */
static void the_wall_clock_is_set(void)
{
	struct tt_nic_clock clock = {0};

	set(&clock, SECOND_US, 1000000000, 0);
	set(&clock, 2 * SECOND_US, 1000000000, 0);
	struct tt_nic_clock_reading reading = {
		.ticks = ticks_at(3 * SECOND_US, 1000000000, 0),
		.monotonic_us = BOOT_US + 3 * SECOND_US,
		.wall_us = EPOCH_US + 3603 * UINT64_C(1000000),
	};
	CU_ASSERT(tt_nic_clock_set(&clock, &reading));
	CU_ASSERT_EQUAL(tt_nic_clock_us(&clock, reading.ticks - 7000, reading.wall_us),
		reading.wall_us - 7);
}

static void stamps_of_another_clock(void)
{
	struct tt_nic_clock clock = {0};
	uint64_t now_us = EPOCH_US + 2 * SECOND_US;

	set(&clock, SECOND_US, 1000000000, 0);
	set(&clock, 2 * SECOND_US, 1000000000, 0);
	CU_ASSERT_EQUAL(tt_nic_clock_us(&clock, 0, now_us), now_us);
	CU_ASSERT_EQUAL(tt_nic_clock_us(&clock, UINT64_MAX, now_us), now_us);
	CU_ASSERT_EQUAL(tt_nic_clock_us(&clock, UINT64_C(3100000000), now_us), now_us);
	CU_ASSERT_EQUAL(tt_nic_clock_us(&clock, UINT64_C(1999000000), now_us), now_us - 1000);
}

/* It is reset, and runs anew from 0; or stands. */
static void a_clock_that_is_reset(void)
{
	struct tt_nic_clock clock = {0};

	set(&clock, SECOND_US, 1000000000, 0);
	CU_ASSERT(set(&clock, 2 * SECOND_US, 1000000000, 0));
	CU_ASSERT_FALSE(set(&clock, 3 * SECOND_US, 1000000000, UINT64_MAX - UINT64_C(3000000000)));
	CU_ASSERT(set(&clock, 4 * SECOND_US, 1000000000, UINT64_MAX - UINT64_C(3000000000)));
	check_stamps(&clock, 4 * SECOND_US, 1000000000, UINT64_MAX - UINT64_C(3000000000), 2);

	clock = (struct tt_nic_clock){0};
	CU_ASSERT_FALSE(set(&clock, SECOND_US, 0, 5));
	CU_ASSERT_FALSE(set(&clock, 2 * SECOND_US, 0, 5));
}

static const struct suite_test tests[] = {
	{"clocks of any rate", clocks_of_any_rate},
	{"readings that are not exact", readings_that_are_not_exact},
	{"the wall clock is set", the_wall_clock_is_set},
	{"stamps of another clock", stamps_of_another_clock},
	{"a clock that is reset", a_clock_that_is_reset},
};

SUITE_MAIN("driver_nic_clock", tests)
