/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker thread W and a control core thread C pass records of random sizes at full speed. C reads
 * what is pending at random moments and pauses now and then; W pauses as
 * well, so that C catches up with the open batch. Each record has to be seen once, in order and
 * whole. Commands go the other way at the same time. C begins late, so that W is BUSY at least once.
 */
#include "shard/shard.h"

#include "shard/stream.h"
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define RUN_MS		 1000
#define BUSY_DEADLINE_MS 60000
#define WORKER		 3

struct stress {
	struct tt_shard *shard;
	atomic_bool stop; /* C: wo, W: ro */

	/* W's. */
	uint64_t written;
	uint64_t commands_taken;
	uint64_t commands_wrong;

	/* C's. */
	uint64_t seen;
	uint64_t wrong;
	uint64_t reads; /* that saw something */
	uint64_t commands_posted;
	bool ended; /* the record that says so was seen */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* From not at all to half a millisecond. */
static void pause_some(uint64_t random)
{
	const struct timespec pause = {.tv_nsec = (long)(random >> 8) % 500000};

	switch (random % 256) {
	case 0:
		nanosleep(&pause, NULL);
		break;
	case 1:
	case 2:
		sched_yield();
		break;
	default:
		break;
	}
}

static void take_commands(struct stress *stress)
{
	struct tt_command command;

	while (tt_shard_command(stress->shard, &command)) {
		stress->commands_wrong += command.id != stress->commands_taken ||
			command.clock_us != ~stress->commands_taken;
		stress->commands_taken++;
	}
}

static void *run_worker(void *argument)
{
	struct stress *stress = argument;
	struct tt_record *last;

	while (!atomic_load_explicit(&stress->stop, memory_order_relaxed)) {
		if (stream_append(stress->shard, stress->written))
			pause_some(stream_mix(~stress->written++));
		else
			sched_yield();
		take_commands(stress);
	}
	while ((last = tt_shard_reserve(stress->shard, sizeof(*last))) == NULL)
		sched_yield();
	last->kind = TT_RECORD_DRAINED;
	tt_shard_commit(stress->shard);
	return NULL;
}

static void see(void *context, const struct tt_record *record)
{
	struct stress *stress = context;

	if (record->kind == TT_RECORD_DRAINED) {
		stress->wrong += stress->ended;
		stress->ended = true;
		return;
	}
	stress->wrong += stress->ended || !stream_is(record, stress->seen, WORKER);
	stress->seen++;
}

/* C reads nothing until W has found no batch, however fast either of them is. */
static void wait_for_busy(const struct stress *stress)
{
	uint64_t deadline_ms = now_ms() + BUSY_DEADLINE_MS;

	while (tt_counter_read(&tt_shard_counters(stress->shard)->busy) == 0 &&
		now_ms() < deadline_ms)
		sched_yield();
}

static void run(uint32_t batches)
{
	struct stress stress = {.shard = NULL};
	pthread_t worker;
	uint64_t random = batches;

	CU_ASSERT_EQUAL_FATAL(tt_shard_create(&stress.shard, WORKER, batches, false), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&worker, NULL, run_worker, &stress), 0);
	wait_for_busy(&stress);
	uint64_t end_ms = now_ms() + RUN_MS;
	while (!stress.ended) {
		const struct tt_command command = {
			.kind = TT_COMMAND_SNAPSHOT,
			.id = stress.commands_posted,
			.clock_us = ~stress.commands_posted,
		};
		uint64_t before = stress.seen;
		uint64_t counted = tt_shard_consume(stress.shard, see, &stress);

		stress.wrong += counted != stress.seen - before + stress.ended;
		stress.reads += counted > 0;
		random = stream_mix(random);
		if (random % 8 == 0)
			stress.commands_posted += tt_shard_post(stress.shard, &command);
		pause_some(random >> 8);
		if (now_ms() >= end_ms)
			atomic_store_explicit(&stress.stop, true, memory_order_relaxed);
	}
	pthread_join(worker, NULL);
	uint64_t busy = tt_counter_read(&tt_shard_counters(stress.shard)->busy);

	printf("%u batches: %llu records in %llu reads, %llu times busy, %llu commands ... ",
		batches, (unsigned long long)stress.seen, (unsigned long long)stress.reads,
		(unsigned long long)busy, (unsigned long long)stress.commands_taken);
	CU_ASSERT_EQUAL(stress.wrong, 0);
	CU_ASSERT_EQUAL(stress.seen, stress.written);
	CU_ASSERT_EQUAL(stress.commands_wrong, 0);
	CU_ASSERT(stress.commands_taken <= stress.commands_posted);
	CU_ASSERT(stress.commands_taken > 0);
	CU_ASSERT(stress.reads > 0);
	CU_ASSERT(busy > 0);
	CU_ASSERT_EQUAL(tt_shard_consume(stress.shard, see, &stress), 0);
	tt_shard_destroy(stress.shard);
}

static void few_batches(void)
{
	run(3);
}

static void more_batches(void)
{
	run(16);
}

static const struct suite_test tests[] = {
	{"few batches", few_batches},
	{"more batches", more_batches},
};

SUITE_MAIN("shard, two threads", tests)
