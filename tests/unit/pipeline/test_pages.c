/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads ask the control core for while a run goes on: pages of active connections, and
 * of closed ones from the journal.
 */
#include "base/error.h"
#include "rig.h"

#define SECOND_US UINT64_C(1000000)
#define BASE_US	  (1700000000 * SECOND_US)

#define STEADY	400
#define LAP_US	(20 * SECOND_US)
#define PASSING 2000

static const struct endpoint server = {0x0b000000, 53};

/* In each lap STEADY connections go on, and as many short ones as there is time for: the tables are
 * full of those that wait for their end. */
static struct traffic make_traffic(void)
{
	struct traffic traffic = {0};

	for (unsigned int i = 0; i < STEADY; i++) {
		const struct endpoint client = {0x0a000000 + i, 2000};

		traffic.time_us = BASE_US + i;
		traffic_udp(&traffic, client, server, 10);
	}
	for (unsigned int i = 0; i < PASSING; i++) {
		const struct endpoint client = {0x0a800000 + i, 3000};
		uint32_t isn = i * 100000;

		traffic.time_us = BASE_US + STEADY + i * 1000;
		traffic_tcp(&traffic, client, server, TT_TCP_SYN, isn, 0, 0);
	}
	traffic_sort(&traffic);
	return traffic;
}

/* All active connections, page by page: how much of it was wrong. */
static unsigned int walk(struct rig *rig, uint32_t limit)
{
	struct tt_control_cursor cursor = {0};
	struct tt_control_page page;
	uint8_t seen[STEADY] = {0};
	unsigned int wrong = 0;
	uint64_t begun_ms = rig_now_ms();
	int code;

	do {
		code = tt_control_active(rig->control, &cursor, limit, &page);
		/* A busy machine may not let the worker answer in time; the cursor stays. */
		if (code == TT_ERROR_BUSY) {
			rig_yield(begun_ms);
			continue;
		}
		if (code != TT_OK && code != TT_ERROR_END)
			return wrong + 1;
		wrong += page.count > limit;
		for (uint32_t i = 0; i < page.count; i++) {
			const struct tt_connection_record *record = &page.records[i];
			uint32_t address;

			memcpy(&address, record->endpoints.address[TT_CLIENT_TO_SERVER],
				sizeof(address));
			address = ntohl(address);
			wrong += record->header.kind != TT_RECORD_ACTIVE ||
				record->close_reason != TT_CLOSE_NONE;
			if (address < 0x0a000000 + STEADY)
				seen[address - 0x0a000000]++;
		}
	} while (code != TT_ERROR_END);
	for (unsigned int i = 0; i < STEADY; i++)
		wrong += seen[i] != 1;
	return wrong;
}

static void walk_and_stop(struct rig *rig)
{
	static const uint32_t limits[] = {TT_CONTROL_PAGE, 1, 17, 40};
	uint64_t begun_ms = rig_now_ms();

	while (rig_dealt_with(rig) < rig->traffic->count)
		rig_yield(begun_ms);
	for (unsigned int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(walk(rig, limits[i]), 0);
	tt_control_stop(rig->control);
}

static void a_walk_sees_each_connection_once(void)
{
	struct traffic traffic = make_traffic();

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers += 3) {
		struct rig rig = rig_make(&traffic, workers);

		rig.endless_us = LAP_US;
		rig.beside = walk_and_stop;
		rig_run(&rig);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

struct walker {
	struct rig *rig;
	pthread_t thread;
	unsigned int wrong;
};

static void *walk_some(void *argument)
{
	struct walker *walker = argument;

	for (unsigned int i = 0; i < 3; i++)
		walker->wrong += walk(walker->rig, TT_CONTROL_PAGE);
	return NULL;
}

static void walk_together_and_stop(struct rig *rig)
{
	uint64_t begun_ms = rig_now_ms();
	struct walker walkers[5];

	while (rig_dealt_with(rig) < rig->traffic->count)
		rig_yield(begun_ms);
	for (unsigned int i = 0; i < 5; i++) {
		walkers[i] = (struct walker){.rig = rig};
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&walkers[i].thread, NULL, walk_some, &walkers[i]), 0);
	}
	for (unsigned int i = 0; i < 5; i++) {
		pthread_join(walkers[i].thread, NULL);
		CU_ASSERT_EQUAL(walkers[i].wrong, 0);
	}
	tt_control_stop(rig->control);
}

/* Each thread gets its own answers. */
static void many_may_walk_at_a_time(void)
{
	struct traffic traffic = make_traffic();
	struct rig rig = rig_make(&traffic, 2);

	rig.endless_us = LAP_US;
	rig.beside = walk_together_and_stop;
	rig_run(&rig);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* Let worker 1 go on once the question that is being asked has been posted to it. */
static void *release_worker(void *argument)
{
	struct rig *rig = argument;
	uint64_t begun_ms = rig_now_ms();
	const struct tt_control_counters *counters = tt_control_counters(rig->control);
	uint64_t rounds = tt_counter_read(&counters->rounds);

	while (tt_counter_read(&counters->rounds) < rounds + 100)
		rig_yield(begun_ms);
	atomic_store_explicit(&rig->hold[1], false, memory_order_release);
	return NULL;
}

/* Worker 1 does not answer, while hundreds of pages of worker 0 are given; once it does, its late
 * answers are for nobody, and a new question gets its own. */
static void leave_a_worker_behind(struct rig *rig)
{
	uint64_t begun_ms = rig_now_ms();
	struct tt_control_cursor cursor = {.worker = 1};
	static struct tt_control_page page, again;
	pthread_t releaser;

	while (rig_dealt_with(rig) < rig->traffic->count)
		rig_yield(begun_ms);
	while (tt_control_active(rig->control, &cursor, 10, &page) == TT_OK && cursor.worker == 1 &&
		page.count == 0)
		;
	atomic_store_explicit(&rig->hold[1], true, memory_order_release);
	int code;
	do {
		cursor = (struct tt_control_cursor){.worker = 1, .slot = 50};
		code = tt_control_active(rig->control, &cursor, 10, &page);
	} while (code == TT_OK);
	CU_ASSERT_EQUAL(code, TT_ERROR_BUSY);
	CU_ASSERT_EQUAL(cursor.worker, 1);
	CU_ASSERT_EQUAL(cursor.slot, 50);

	/* The ids of later questions come round to the low bits of the one that waits. */
	for (unsigned int i = 0; i < 254; i++) {
		cursor = (struct tt_control_cursor){0};
		code = tt_control_active(rig->control, &cursor, 10, &page);
		CU_ASSERT_EQUAL(code, TT_OK);
	}
	CU_ASSERT_EQUAL_FATAL(pthread_create(&releaser, NULL, release_worker, rig), 0);
	cursor = (struct tt_control_cursor){.worker = 1, .slot = 100};
	code = tt_control_active(rig->control, &cursor, 10, &page);
	pthread_join(releaser, NULL);
	CU_ASSERT_EQUAL(code, TT_OK);
	cursor = (struct tt_control_cursor){.worker = 1, .slot = 100};
	CU_ASSERT_EQUAL(tt_control_active(rig->control, &cursor, 10, &again), TT_OK);
	CU_ASSERT_EQUAL(page.count, 10);
	CU_ASSERT_EQUAL(again.count, 10);
	for (unsigned int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(page.records[i].uid, again.records[i].uid);
	tt_control_stop(rig->control);
}

static void late_answers_are_for_nobody(void)
{
	struct traffic traffic = make_traffic();
	struct rig rig = rig_make(&traffic, 2);

	for (size_t i = 0; i < traffic.count; i++)
		traffic.frames[i].receiver = i % 2;
	rig.live = true;
	rig.receivers = 2;
	rig.config->workers.ring_packets = 8192;
	rig.config->flow.tcp_half_open_us = 60 * SECOND_US;
	rig.end_reason = TT_CLOSE_SHUTDOWN;
	rig.beside = leave_a_worker_behind;
	rig_run(&rig);
	rig_free(&rig);
	traffic_free(&traffic);
}

static void bad_questions_are_refused(void)
{
	struct traffic traffic = {0};
	struct rig rig = rig_make(&traffic, 2);
	struct tt_control_cursor cursor = {.worker = 2};
	struct tt_control_page page;

	rig_launch(&rig);
	CU_ASSERT_EQUAL(tt_control_active(rig.control, &cursor, 1, &page), TT_ERROR_ARGUMENT);
	cursor.worker = 0;
	CU_ASSERT_EQUAL(tt_control_active(rig.control, &cursor, 0, &page), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(tt_control_active(rig.control, &cursor, TT_CONTROL_PAGE + 1, &page),
		TT_ERROR_ARGUMENT);
	tt_control_run(rig.control);
	/* Nobody is there to ask. */
	CU_ASSERT_EQUAL(tt_control_active(rig.control, &cursor, 1, &page), TT_ERROR_END);
	CU_ASSERT_EQUAL(page.count, 0);
	rig_end(&rig);
	rig_free(&rig);
}

/* The journal keeps the last ones, and says how many there were besides. */
static void closed_connections_are_in_the_journal(void)
{
	struct traffic traffic = make_traffic();
	struct rig rig = rig_make(&traffic, 2);
	struct tt_control_page page;
	uint64_t sequence = 1, lost = 0, read = 0;

	rig.journal = true;
	rig_launch(&rig);
	tt_control_run(rig.control);
	const struct tt_control_counters *counters = tt_control_counters(rig.control);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->closed), STEADY + PASSING);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->journal), 1000);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->journal_lost), STEADY + PASSING - 1000);
	while (tt_control_closed(rig.control, &sequence, &lost, &page) > 0) {
		for (uint32_t i = 0; i < page.count; i++)
			CU_ASSERT_EQUAL(page.records[i].header.kind, TT_RECORD_CLOSED);
		read += page.count;
	}
	CU_ASSERT_EQUAL(read, 1000);
	CU_ASSERT_EQUAL(lost, STEADY + PASSING - 1000);
	CU_ASSERT_EQUAL(sequence, STEADY + PASSING + 1);
	rig_end(&rig);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"a walk sees each connection once", a_walk_sees_each_connection_once},
	{"many may walk at a time", many_may_walk_at_a_time},
	{"late answers are for nobody", late_answers_are_for_nobody},
	{"bad questions are refused", bad_questions_are_refused},
	{"closed connections are in the journal", closed_connections_are_in_the_journal},
};

SUITE_MAIN("pages", tests)
