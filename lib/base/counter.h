/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters with one writer and any number of readers, without locked instructions: the writer's
 * load, add and store are plain moves on every 64-bit machine, and a reader sees some recent
 * value, never a torn one. Each field says who writes it.
 */
#ifndef TT_BASE_COUNTER_H
#define TT_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t tt_counter;

static inline uint64_t tt_counter_read(const tt_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Writer only. */
static inline void tt_counter_set(tt_counter *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* Writer only. */
static inline void tt_counter_add(tt_counter *counter, uint64_t value)
{
	tt_counter_set(counter, tt_counter_read(counter) + value);
}

/* Writer only: raise a high-water mark. */
static inline void tt_counter_raise(tt_counter *counter, uint64_t value)
{
	if (value > tt_counter_read(counter))
		tt_counter_set(counter, value);
}

#endif
