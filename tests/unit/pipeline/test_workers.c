/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several workers: what they see together is what one sees, whoever receives a packet; nothing is
 * lost where packets wait, and all that is lost is counted where they do not.
 */
#include "base/error.h"
#include "rig.h"

#define SECOND_US UINT64_C(1000000)
#define BASE_US	  (1700000000 * SECOND_US + 123456)

static uint64_t mix_state;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t below)
{
	uint64_t x = mix_state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % below;
}

/* The tap's two directions come in on two ports. */
static void up(struct traffic *traffic, uint64_t time_us)
{
	traffic->time_us = time_us;
	traffic->port = 0;
}

static void down(struct traffic *traffic, uint64_t time_us)
{
	traffic->time_us = time_us;
	traffic->port = 1;
}

static uint64_t add_tcp(
	struct traffic *traffic, struct endpoint client, struct endpoint server, uint64_t time_us)
{
	uint32_t isn = (uint32_t)next_random(UINT32_MAX), reply = (uint32_t)next_random(UINT32_MAX);
	uint64_t step_us = next_random(100000);

	up(traffic, time_us);
	traffic_tcp(traffic, client, server, TT_TCP_SYN, isn, 0, 0);
	down(traffic, time_us += step_us);
	traffic_tcp(traffic, server, client, TT_TCP_SYN | TT_TCP_ACK, reply, isn + 1, 0);
	up(traffic, time_us += step_us);
	traffic_tcp(traffic, client, server, TT_TCP_ACK, isn + 1, reply + 1, 0);
	for (uint64_t i = next_random(8); i > 0; i--) {
		up(traffic, time_us += step_us);
		traffic_tcp(traffic, client, server, TT_TCP_ACK, isn + 1, reply + 1, 20);
		isn += 20;
		down(traffic, time_us += step_us);
		traffic_tcp(traffic, server, client, TT_TCP_ACK, reply + 1, isn + 1, 60);
		reply += 60;
	}
	switch (next_random(3)) {
	case 0:
		up(traffic, time_us += step_us);
		traffic_tcp(
			traffic, client, server, TT_TCP_FIN | TT_TCP_ACK, isn + 1, reply + 1, 0);
		down(traffic, time_us += step_us);
		traffic_tcp(
			traffic, server, client, TT_TCP_FIN | TT_TCP_ACK, reply + 1, isn + 2, 0);
		break;
	case 1:
		down(traffic, time_us += step_us);
		traffic_tcp(
			traffic, server, client, TT_TCP_RST | TT_TCP_ACK, reply + 1, isn + 1, 0);
		break;
	default:
		break;
	}
	return time_us;
}

/* Pauses about as long as the timeout: to the microsecond, whether a packet joins is told by its
 * time alone. */
static void add_udp(
	struct traffic *traffic, struct endpoint client, struct endpoint server, uint64_t time_us)
{
	for (uint64_t i = next_random(6); i > 0; i--) {
		up(traffic, time_us);
		traffic_udp(traffic, client, server, next_random(50));
		time_us +=
			next_random(3) == 0 ? 29998000 + next_random(4000) : next_random(SECOND_US);
	}
	if (next_random(2) == 0) {
		down(traffic, time_us);
		traffic_udp(traffic, server, client, next_random(50));
	}
}

/* Datagrams in up to four parts, which come in any order; of some the first one never does. */
static void add_fragments(
	struct traffic *traffic, struct endpoint client, struct endpoint server, uint64_t time_us)
{
	bool complete = next_random(3) > 0;
	unsigned int parts = 2 + (unsigned int)next_random(3);
	uint16_t id = (uint16_t)next_random(65536);

	for (unsigned int part = complete ? 0 : 1; part < parts; part++) {
		up(traffic, time_us + next_random(SECOND_US));
		traffic_fragment(traffic, client, server, id, part, parts);
	}
}

static void add_icmp(
	struct traffic *traffic, struct endpoint client, struct endpoint server, uint64_t time_us)
{
	up(traffic, time_us);
	traffic_icmp(traffic, client, server, 8);
	down(traffic, time_us + next_random(SECOND_US));
	traffic_icmp(traffic, server, client, 0);
}

static struct traffic make_mixture(unsigned int conversations, uint64_t seed)
{
	struct traffic traffic = {0};

	mix_state = seed;
	for (unsigned int i = 0; i < conversations; i++) {
		struct endpoint client = {0x0a000000 + (uint32_t)next_random(conversations / 2),
			(uint16_t)(1024 + next_random(60000))};
		struct endpoint server = {0x0a100000 + (uint32_t)next_random(20),
			(uint16_t)(next_random(3) == 0 ? 5000 + next_random(50000) : 53)};
		uint64_t time_us = BASE_US + next_random(200 * SECOND_US);

		if (next_random(2) == 0) {
			struct endpoint swapped = client;

			client.address = server.address;
			server.address = swapped.address;
		}
		traffic.gre = next_random(4) == 0;
		switch (next_random(5)) {
		case 0:
			add_icmp(&traffic, client, server, time_us);
			break;
		case 1:
			add_fragments(&traffic, client, server, time_us);
			break;
		case 2:
			add_udp(&traffic, client, server, time_us);
			break;
		case 3:
			add_tcp(&traffic, client, server, time_us);
			break;
		default:
			time_us = add_tcp(&traffic, client, server, time_us);
			add_tcp(&traffic, client, server, time_us + next_random(4 * SECOND_US));
			break;
		}
	}
	traffic_sort(&traffic);
	return traffic;
}

/* A capture's records do not depend on how many workers share it. */
static void workers_see_what_one_sees(void)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct traffic traffic = make_mixture(3000, seed);
		struct rig one = rig_make(&traffic, 1);

		rig_run(&one);
		rig_sort(&one);
		CU_ASSERT(one.count > 2000);
		for (unsigned int workers = 2; workers <= RIG_WORKERS; workers++) {
			struct rig rig = rig_make(&traffic, workers);
			size_t by_worker[RIG_WORKERS] = {0};

			rig_run(&rig);
			for (size_t i = 0; i < rig.count; i++)
				by_worker[rig_worker(&rig.records[i])]++;
			for (unsigned int w = 0; w < workers; w++)
				CU_ASSERT(by_worker[w] > one.count / workers / 2);
			rig_sort(&rig);
			CU_ASSERT_EQUAL(rig.count, one.count);
			CU_ASSERT(rig_same(&one, &rig));
			rig_free(&rig);
		}
		rig_free(&one);
		traffic_free(&traffic);
	}
}

/* Fragments that have no first wait for one; when their time is over, or the table is full, many
 * of them go to their owners at once. */
static void orphans_reach_their_owners(void)
{
	for (unsigned int full = 0; full < 2; full++) {
		struct traffic traffic = {.time_us = BASE_US};
		struct rig rigs[2];

		for (unsigned int i = 0; i < 3000; i++) {
			const struct endpoint from = {0x0a000000 + i % 100, 0},
					      to = {0x0a100000, 0};

			traffic.time_us += full ? 10 : 100;
			traffic_fragment(&traffic, from, to, (uint16_t)i, 1, 3);
		}
		for (unsigned int i = 0; i < 2; i++) {
			rigs[i] = rig_make(&traffic, i == 0 ? 1 : RIG_WORKERS);
			if (full)
				rigs[i].config->fragments.datagrams = 16;
			rig_run(&rigs[i]);
			rig_sort(&rigs[i]);
			CU_ASSERT_EQUAL(rigs[i].count, 100);
		}
		CU_ASSERT(rig_same(&rigs[0], &rigs[1]));
		rig_free(&rigs[0]);
		rig_free(&rigs[1]);
		traffic_free(&traffic);
	}
}

/* Conversations within a second, so that nothing depends on how far one receiver is ahead of
 * another, whose client the port tells. Both directions, and each fragment, are received by
 * anyone. */
static struct traffic make_scattered(unsigned int conversations, unsigned int receivers)
{
	struct traffic traffic = {0};

	for (unsigned int i = 0; i < conversations; i++) {
		const struct endpoint client = {0x0a000000 + i, (uint16_t)(1024 + i)},
				      server = {0x0a000000 + (i ^ 0x5a5), 443};

		traffic.gre = i % 3 == 0;
		traffic.time_us = BASE_US + i * 50;
		for (unsigned int n = 0; n < 4; n++) {
			traffic.receiver = (uint8_t)next_random(receivers);
			traffic.port = traffic.receiver;
			traffic_udp(&traffic, n % 2 ? server : client, n % 2 ? client : server, n);
		}
		for (unsigned int part = 0; part < 3; part++) {
			traffic.receiver = (uint8_t)next_random(receivers);
			traffic_fragment(&traffic, client, server, (uint16_t)i, part, 3);
		}
	}
	traffic_sort(&traffic);
	return traffic;
}

static void any_worker_may_receive(void)
{
	mix_state = 7;
	for (unsigned int receivers = 2; receivers <= RIG_WORKERS; receivers += 2) {
		struct traffic traffic = make_scattered(400, receivers);
		struct rig rig = rig_make(&traffic, RIG_WORKERS);

		rig.receivers = receivers;
		rig.config->workers.ring_packets = 8192;
		rig_run(&rig);
		CU_ASSERT_EQUAL(rig.dropped[TT_DROP_RING_FULL], 0);
		CU_ASSERT_EQUAL(rig.count, 400);
		unsigned int wrong = 0;
		for (size_t i = 0; i < rig.count; i++) {
			const struct tt_connection_record *record = &rig.records[i];

			wrong += record->counters[TT_CLIENT_TO_SERVER].packets != 5 ||
				record->counters[TT_SERVER_TO_CLIENT].packets != 2 ||
				record->fragments[TT_CLIENT_TO_SERVER] != 2 ||
				record->endpoints.port[TT_SERVER_TO_CLIENT] != 443;
		}
		CU_ASSERT_EQUAL(wrong, 0);
		rig_free(&rig);
		traffic_free(&traffic);
	}
}

static struct traffic make_single_packets(unsigned int flows)
{
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < flows; i++) {
		const struct endpoint client = {0x0a000000 + i, 1000}, server = {0x0b000000, 53};

		traffic.time_us += 3;
		traffic_udp(&traffic, client, server, 10);
	}
	return traffic;
}

/* The smallest shards and tables there are, and a control core that is far slower than the
 * workers. */
static void a_slow_control_core_loses_nothing(void)
{
	struct traffic traffic = make_single_packets(20000);

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers++) {
		struct rig rig = rig_make(&traffic, workers);

		rig.config->memory.record_batches = 8;
		rig.config->flow.connections = 64;
		rig.config->flow.half_open = 64;
		rig.rest_us = 100;
		rig_run(&rig);
		CU_ASSERT_EQUAL(rig.lost, 0);
		CU_ASSERT_EQUAL(rig.count, 20000);
		CU_ASSERT(rig.waited > 0);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

/* Wait until the receivers have given everything. */
static void wait_for_traffic(struct rig *rig)
{
	uint64_t begun_ms = rig_now_ms();

	while (rig_given(rig) < rig->traffic->count)
		rig_yield(begun_ms);
}

/* Live, nothing waits: what the control core does not take in time is lost, and counted. */
static void a_stuck_control_core_is_survived(void)
{
	struct traffic traffic = make_single_packets(20000);

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers += 3) {
		struct rig rig = rig_make(&traffic, workers);

		rig.live = true;
		rig.end_reason = TT_CLOSE_SHUTDOWN;
		rig.config->memory.record_batches = 8;
		rig.config->flow.connections = 64;
		rig.config->flow.half_open = 64;
		rig_launch(&rig);
		wait_for_traffic(&rig);
		tt_control_stop(rig.control);
		tt_control_run(rig.control);
		rig_end(&rig);
		CU_ASSERT(rig.lost > 0);
		CU_ASSERT(rig.count > 0);
		CU_ASSERT_EQUAL(rig.created, rig.processed);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

/* The owner of a flow is stuck while its receiver goes on. */
static void hold_the_other(struct rig *rig)
{
	uint64_t begun_ms = rig_now_ms();

	while (atomic_load_explicit(&rig->given[0], memory_order_relaxed) < rig->traffic->count)
		rig_yield(begun_ms);
	atomic_store_explicit(&rig->hold[1], false, memory_order_release);
	tt_control_stop(rig->control);
}

static void full_rings_are_counted(void)
{
	struct traffic traffic = make_single_packets(2000);
	struct rig rig = rig_make(&traffic, 2);

	rig.live = true;
	rig.receivers = 2;
	rig.end_reason = TT_CLOSE_SHUTDOWN;
	rig.config->workers.ring_packets = 64;
	rig.hold[1] = true;
	rig.beside = hold_the_other;
	rig_run(&rig);
	CU_ASSERT(rig.dropped[TT_DROP_RING_FULL] > 500);
	CU_ASSERT_EQUAL(rig.count, rig.processed);
	for (size_t i = 0; i < rig.count; i++)
		CU_ASSERT_EQUAL(rig.records[i].close_reason, TT_CLOSE_SHUTDOWN);
	rig_free(&rig);
	traffic_free(&traffic);
}

static void stop_in_the_middle(struct rig *rig)
{
	uint64_t begun_ms = rig_now_ms();

	while (rig_given(rig) < 32500)
		rig_yield(begun_ms);
	tt_control_stop(rig->control);
}

/* A run that is stopped while packets come, some of them between two workers. */
static void a_stop_drains_everything(void)
{
	struct traffic traffic = make_single_packets(5000);

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers++) {
		struct rig rig = rig_make(&traffic, workers);
		uint64_t packets = 0;

		rig.endless_us = 5 * SECOND_US;
		rig.end_reason = TT_CLOSE_SHUTDOWN;
		rig.beside = stop_in_the_middle;
		rig_run(&rig);
		CU_ASSERT(rig.received >= 32500);
		CU_ASSERT_EQUAL(rig.processed, rig.received);
		CU_ASSERT_EQUAL(rig.lost, 0);
		for (size_t i = 0; i < rig.count; i++)
			packets += rig.records[i].counters[TT_CLIENT_TO_SERVER].packets;
		CU_ASSERT_EQUAL(packets, rig.processed);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

static int wait_for_release(void *argument)
{
	const atomic_bool *released = argument;
	uint64_t begun_ms = rig_now_ms();

	while (!atomic_load(released))
		rig_yield(begun_ms);
	return 0;
}

/* No worker runs, which nobody would end, when another one cannot. */
static void all_workers_start_or_none(void)
{
	struct traffic traffic = {0};
	struct rig rig = rig_make(&traffic, 2);
	atomic_bool released = false;

	rig_create(&rig);
	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(wait_for_release, &released, 2), 0);
	CU_ASSERT_EQUAL(tt_pipeline_launch(rig.pipeline), TT_ERROR_BUSY);
	CU_ASSERT_EQUAL(rte_eal_get_lcore_state(1), WAIT);
	atomic_store(&released, true);
	rte_eal_wait_lcore(2);
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"workers see what one sees", workers_see_what_one_sees},
	{"orphans reach their owners", orphans_reach_their_owners},
	{"any worker may receive", any_worker_may_receive},
	{"a slow control core loses nothing", a_slow_control_core_loses_nothing},
	{"a stuck control core is survived", a_stuck_control_core_is_survived},
	{"full rings are counted", full_rings_are_counted},
	{"a stop drains everything", a_stop_drains_everything},
	{"all workers start or none", all_workers_start_or_none},
};

SUITE_MAIN("several workers", tests)
