/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live pipeline of two workers that both receive, each flow's packets now by one and now by the
 * other, with the control core, a thread that pages through active and closed connections, and one
 * that reads every counter, as the telemetry socket does. Ends by a stop in the middle of it all.
 */
#include "base/error.h"
#include "pipeline/rig.h"

#define RUN_MS 1500
#define FLOWS  4000

struct reader {
	struct rig *rig;
	pthread_t thread;
	atomic_bool stop;
	uint64_t active;
	uint64_t closed;
	uint64_t lost;
	uint64_t wrong;
};

static void *read_connections(void *argument)
{
	struct reader *reader = argument;
	static struct tt_control_page page;
	struct tt_control_cursor cursor = {0};
	uint64_t sequence = 1;

	while (!atomic_load_explicit(&reader->stop, memory_order_relaxed)) {
		int code = tt_control_active(reader->rig->control, &cursor, 50, &page);

		reader->wrong += code != TT_OK && code != TT_ERROR_END;
		reader->active += page.count;
		if (code == TT_ERROR_END)
			cursor = (struct tt_control_cursor){0};
		reader->closed +=
			tt_control_closed(reader->rig->control, &sequence, &reader->lost, &page);
		for (uint32_t i = 0; i < page.count; i++)
			reader->wrong += page.records[i].header.kind != TT_RECORD_CLOSED;
	}
	while (tt_control_closed(reader->rig->control, &sequence, &reader->lost, &page) > 0)
		reader->closed += page.count;
	return NULL;
}

static void read_counters(struct rig *rig)
{
	uint64_t end_ms = rig_now_ms() + RUN_MS;
	uint64_t earlier = 0;

	while (rig_now_ms() < end_ms) {
		uint64_t processed = 0;

		for (unsigned int w = 0; w < rig->config->workers.count; w++) {
			const struct tt_worker_counters *counters =
				tt_pipeline_worker_counters(rig->pipeline, w);

			processed += tt_counter_read(&counters->ledger.processed);
			for (unsigned int stage = 0; stage < TT_STAGES; stage++)
				tt_counter_read(&counters->stages[stage].cycles);
			tt_counter_read(&tt_pipeline_flow_counters(rig->pipeline, w)->live);
			tt_counter_read(
				&tt_pipeline_fragment_counters(rig->pipeline, w)->datagrams);
			tt_counter_read(
				&tt_shard_counters(tt_pipeline_shard(rig->pipeline, w))->busy);
		}
		CU_ASSERT(processed >= earlier);
		earlier = processed;
		CU_ASSERT(tt_pipeline_ring_packets(rig->pipeline) <=
			tt_pipeline_in_flight_limit(rig->pipeline));
		rig_yield(rig_now_ms());
	}
	tt_control_stop(rig->control);
}

/* Short connections, long ones, and fragments that come before their first. */
static struct traffic make_traffic(void)
{
	struct traffic traffic = {.time_us = 1};

	for (unsigned int i = 0; i < FLOWS; i++) {
		const struct endpoint client = {0x0a000000 + i, 2000}, server = {0x0b000000, 53},
				      web = {0x0b000001, 80};
		uint32_t isn = i * 1000;

		traffic.receiver = i % 2;
		traffic.gre = i % 3 == 0;
		traffic_udp(&traffic, client, server, 10);
		traffic_tcp(&traffic, client, web, TT_TCP_SYN, isn, 0, 0);
		traffic_fragment(&traffic, client, server, (uint16_t)i, 1, 2);
		traffic.receiver ^= 1;
		traffic_udp(&traffic, server, client, 10);
		traffic_tcp(&traffic, web, client, TT_TCP_RST | TT_TCP_ACK, 0, isn + 1, 0);
		traffic_fragment(&traffic, client, server, (uint16_t)i, 0, 2);
	}
	return traffic;
}

static void a_live_run_is_read_while_it_goes_on(void)
{
	struct traffic traffic = make_traffic();
	struct rig rig = rig_make(&traffic, 2);
	struct reader reader = {.rig = &rig};
	pthread_t counters;

	rig.live = true;
	rig.endless_us = 1;
	rig.receivers = 2;
	rig.journal = true;
	rig.end_reason = TT_CLOSE_SHUTDOWN;
	rig.beside = read_counters;
	rig.config->flow.connections = 3000;
	rig.config->flow.half_open = 1000;
	rig.config->flow.tcp_closing_us = 20000;
	rig_launch(&rig);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&reader.thread, NULL, read_connections, &reader), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&counters, NULL, rig_run_beside, &rig), 0);
	tt_control_run(rig.control);
	pthread_join(counters, NULL);
	atomic_store_explicit(&reader.stop, true, memory_order_relaxed);
	pthread_join(reader.thread, NULL);
	uint64_t merged = tt_counter_read(&tt_control_counters(rig.control)->closed);
	rig_end(&rig);

	printf("%llu packets, %llu dropped, %llu handed over, %llu closed, %llu lost, %llu active "
	       "... ",
		(unsigned long long)rig.received, (unsigned long long)rig_dropped(&rig),
		(unsigned long long)rig.handed_over, (unsigned long long)merged,
		(unsigned long long)rig.lost, (unsigned long long)reader.active);
	CU_ASSERT_EQUAL(reader.wrong, 0);
	CU_ASSERT_EQUAL(reader.closed + reader.lost, merged);
	CU_ASSERT_EQUAL(merged + rig.lost, rig.created);
	CU_ASSERT(reader.active > 0);
	CU_ASSERT(rig.handed_over > 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"a live run is read while it goes on", a_live_run_is_read_while_it_goes_on},
};

SUITE_MAIN("pipeline, all threads", tests)
