/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicates on two tap ports that see the same traffic: left out whichever port is first and however
 * many workers there are, counted by port and by flow, and nothing else changes.
 */
#include "rig.h"

#define BASE_US UINT64_C(1700000000000000)
#define CLIENTS 200

static const struct endpoint dns = {0x0a000003, 53}, web = {0x0a000002, 443};

static struct endpoint client(unsigned int number)
{
	return (struct endpoint){0x0b000000 + number, (uint16_t)(40000 + number)};
}

/* The last frame gets an identification. */
static void name_frame(struct traffic *traffic)
{
	struct traffic_frame *frame = &traffic->frames[traffic->count - 1];
	uint16_t id = (uint16_t)(2 + traffic->count);

	frame->bytes[18] = (uint8_t)(id >> 8);
	frame->bytes[19] = (uint8_t)id;
}

/* `rounds` times each client asks and is answered over TCP and over UDP in two fragments. */
static struct traffic make_traffic(unsigned int rounds)
{
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int i = 0; i < CLIENTS; i++) {
			struct endpoint from = client(i);

			traffic_tcp(&traffic, from, web, TT_TCP_ACK, 1000 + round * 10, 1, 10);
			name_frame(&traffic);
			traffic_tcp(&traffic, web, from, TT_TCP_ACK, 1 + round * 20, 1010, 20);
			name_frame(&traffic);
			for (unsigned int part = 0; part < 2; part++)
				traffic_fragment(&traffic, from, dns,
					(uint16_t)(round * CLIENTS + i + 2), part, 2);
			traffic.time_us += 100;
		}
	return traffic;
}

/* The same, on two ports by turns first, the copy `later_us` later. */
static struct traffic on_two_ports(const struct traffic *traffic, uint64_t later_us)
{
	struct traffic both = {.time_us = 0};

	for (size_t i = 0; i < traffic->count; i++)
		for (unsigned int copy = 0; copy < 2; copy++) {
			const struct traffic_frame *frame = &traffic->frames[i];

			both.time_us = frame->time_us + copy * later_us;
			both.port = (uint8_t)((i + copy) % 2);
			traffic_raw(&both, frame->bytes, frame->length);
		}
	traffic_sort(&both);
	return both;
}

static uint64_t left_out[2]; /* by port */
static uint64_t removing;    /* workers that looked at everything in the end */

static void read_counters(struct rig *rig)
{
	left_out[0] = left_out[1] = removing = 0;
	for (unsigned int w = 0; w < rig->config->workers.count; w++) {
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(rig->pipeline, w);

		for (unsigned int port = 0; port < 2; port++)
			left_out[port] += tt_counter_read(&counters->duplicates[port]);
		removing += tt_counter_read(&counters->removing_duplicates);
	}
}

static struct rig run(
	const struct traffic *traffic, unsigned int workers, enum tt_config_duplicates remove)
{
	struct rig rig = rig_make(traffic, workers);

	rig.config->workers.steering = TT_STEERING_SOFTWARE;
	rig.config->duplicates.remove = remove;
	rig_launch(&rig);
	tt_control_run(rig.control);
	tt_pipeline_wait(rig.pipeline);
	read_counters(&rig);
	rig_end(&rig);
	return rig;
}

/* Forget what only the run with copies can know. */
static uint64_t forget_copies(struct rig *rig)
{
	uint64_t duplicates = 0;

	for (size_t i = 0; i < rig->count; i++)
		for (unsigned int side = 0; side < 2; side++) {
			duplicates += rig->records[i].duplicates[side];
			rig->records[i].duplicates[side] = 0;
			rig->records[i].tap_ports[side] = 0;
		}
	rig_sort(rig);
	return duplicates;
}

static void copies_change_nothing(void)
{
	struct traffic once = make_traffic(4);
	struct traffic twice = on_two_ports(&once, 1500);

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers += 3) {
		struct rig want = run(&once, workers, TT_DUPLICATES_ON);

		CU_ASSERT_EQUAL(want.dropped[TT_DROP_DUPLICATE], 0);
		CU_ASSERT_EQUAL(left_out[0] + left_out[1], 0);
		CU_ASSERT_EQUAL(forget_copies(&want), 0);

		struct rig rig = run(&twice, workers, TT_DUPLICATES_ON);
		CU_ASSERT_EQUAL(rig.dropped[TT_DROP_DUPLICATE], once.count);
		CU_ASSERT_EQUAL(left_out[0], once.count / 2);
		CU_ASSERT_EQUAL(left_out[1], once.count / 2);
		/* Fragments are left out before it is known whose they are. */
		CU_ASSERT_EQUAL(forget_copies(&rig), once.count / 2);
		CU_ASSERT(rig_same(&rig, &want));
		rig_free(&rig);
		rig_free(&want);
	}
	traffic_free(&once);
	traffic_free(&twice);
}

static void off_leaves_all(void)
{
	struct traffic once = make_traffic(1);
	struct traffic twice = on_two_ports(&once, 10);
	struct rig rig = run(&twice, 1, TT_DUPLICATES_OFF);

	CU_ASSERT_EQUAL(rig.processed, twice.count);
	CU_ASSERT_EQUAL(forget_copies(&rig), 0);
	CU_ASSERT_EQUAL(removing, 0);
	rig_free(&rig);
	traffic_free(&once);
	traffic_free(&twice);
}

static void auto_begins_and_ends(void)
{
	struct traffic once = make_traffic(1);
	struct traffic twice = on_two_ports(&once, 10);
	struct rig rig = run(&once, 1, TT_DUPLICATES_AUTO);

	CU_ASSERT_EQUAL(removing, 0);
	rig_free(&rig);

	rig = run(&twice, 1, TT_DUPLICATES_AUTO);
	CU_ASSERT_EQUAL(removing, 1);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_DUPLICATE], once.count);
	rig_free(&rig);

	/* When no more come, a whole period later every packet is no longer looked at. */
	while (twice.count < 3 * 32768) {
		twice.time_us += 10;
		traffic_udp(&twice, client(7), dns, 20);
		name_frame(&twice);
	}
	rig = run(&twice, 1, TT_DUPLICATES_AUTO);
	CU_ASSERT_EQUAL(removing, 0);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_DUPLICATE], once.count);
	rig_free(&rig);
	traffic_free(&once);
	traffic_free(&twice);
}

static const struct suite_test tests[] = {
	{"copies change nothing", copies_change_nothing},
	{"off leaves all", off_leaves_all},
	{"auto begins and ends", auto_begins_and_ends},
};

SUITE_MAIN("pipeline_duplicates", tests)
