/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overload: the steps up and down against a simulated worker, and a pipeline that is given a normal
 * load, three times as much, and the normal one again. All time is simulated.
 */
#include "pipeline/overload.h"

#include "base/hash.h"
#include "rig.h"
#include "talk.h"

#include <netinet/in.h>
#include <stdio.h>

#define MS	   UINT64_C(1000)
#define SECOND	   (1000 * MS)
#define REACT_US   (100 * MS)
#define RECOVER_US (5 * SECOND)

/* A worker that is done with 100 packets a millisecond at level 0, and with 250 at the last one. */
struct simulation {
	struct tt_overload overload;
	struct tt_overload_counters counters;
	uint64_t now_us;
	unsigned int waiting;
	unsigned int highest;
	unsigned int changes; /* of the level */
	bool jumped;	      /* by more than one at a time */
};

static void simulate(struct simulation *simulation, unsigned int packets_a_ms, uint64_t ms)
{
	struct tt_overload *overload = &simulation->overload;

	for (uint64_t i = 0; i < ms; i++) {
		unsigned int left = 10000;
		unsigned int rounds = 0;

		simulation->now_us += MS;
		simulation->waiting += packets_a_ms;
		if (simulation->waiting > 4096)
			simulation->waiting =
				4096; /* the port's descriptors: the others are missed */
		while (left > 0 && rounds < 20) {
			unsigned int level = overload->level;
			unsigned int cost = 100 - 5 * level;
			unsigned int burst = simulation->waiting < 64 ? simulation->waiting : 64;

			if (burst * cost > left)
				burst = left / cost;
			left -= burst * cost < left && burst > 0 ? burst * cost : left;
			simulation->waiting -= burst;
			tt_overload_round(overload, simulation->now_us, simulation->waiting > 0);
			rounds++;
			if (overload->level != level)
				simulation->changes++;
			if (overload->level > level + 1 || overload->level + 1u < level)
				simulation->jumped = true;
			if (overload->level > simulation->highest)
				simulation->highest = overload->level;
		}
	}
}

static struct simulation begin(void)
{
	static struct simulation simulation;

	simulation = (struct simulation){.now_us = 1700000000 * SECOND};
	tt_overload_begin(&simulation.overload,
		&(struct tt_overload_options){
			.enabled = true, .react_us = REACT_US, .recover_us = RECOVER_US},
		&simulation.counters);
	return simulation;
}

/* The copy's counters are its own. */
#define BEGIN(name)                                                                                \
	struct simulation name = begin();                                                          \
	name.overload.counters = &name.counters

static void test_normal_load_sheds_nothing(void)
{
	BEGIN(simulation);

	simulate(&simulation, 90, 60000);
	CU_ASSERT_EQUAL(simulation.highest, 0);
	/* A burst of half a second's load that is gone within the time to react. */
	simulation.waiting = 4000;
	simulate(&simulation, 50, 60000);
	CU_ASSERT_EQUAL(simulation.highest, 0);
}

static void test_all_is_shed_step_by_step(void)
{
	BEGIN(simulation);

	for (unsigned int level = 1; level <= TT_OVERLOAD_LEVELS; level++) {
		simulate(&simulation, 300, REACT_US / MS + 1);
		CU_ASSERT_TRUE(simulation.overload.level <= level);
	}
	simulate(&simulation, 300, 10000);
	CU_ASSERT_EQUAL(simulation.overload.level, TT_OVERLOAD_LEVELS);
	CU_ASSERT_EQUAL(tt_counter_read(&simulation.counters.level), TT_OVERLOAD_LEVELS);
	CU_ASSERT_FALSE(simulation.jumped);
	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++) {
		CU_ASSERT_EQUAL(tt_counter_read(&simulation.counters.steps[step].entered), 1);
		CU_ASSERT_EQUAL(simulation.overload.quarters[step], TT_OVERLOAD_QUARTERS);
	}
	/* The first step is in force longest. */
	CU_ASSERT_TRUE(tt_counter_read(&simulation.counters.steps[0].time_us) >
		tt_counter_read(&simulation.counters.steps[2].time_us));
	CU_ASSERT_TRUE(tt_counter_read(&simulation.counters.steps[0].time_us) <= 12 * SECOND);

	/* And back: not before it was calm for so long, a level at a time, to none. */
	simulate(&simulation, 50, RECOVER_US / MS - 500);
	CU_ASSERT_EQUAL(simulation.overload.level, TT_OVERLOAD_LEVELS);
	simulate(&simulation, 50, 1000);
	CU_ASSERT_EQUAL(simulation.overload.level, TT_OVERLOAD_LEVELS - 1);
	simulate(&simulation, 50, TT_OVERLOAD_LEVELS * (RECOVER_US / MS + REACT_US / MS));
	CU_ASSERT_EQUAL(simulation.overload.level, 0);
	CU_ASSERT_FALSE(simulation.jumped);
	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++)
		CU_ASSERT_EQUAL(simulation.overload.quarters[step], 0);
}

/* With half as much again, about two thirds of the way are enough: it stays there, and tries less ever
 * more rarely. */
static void test_no_more_than_needed(void)
{
	BEGIN(simulation);

	simulate(&simulation, 150, 60000);
	CU_ASSERT_TRUE(simulation.overload.level >= 6 && simulation.highest <= 9);
	simulation.changes = 0;
	simulate(&simulation, 150, 600000);
	CU_ASSERT_TRUE(simulation.overload.level >= 6 && simulation.highest <= 9);
	CU_ASSERT_TRUE(simulation.changes < 2 * 600 / 40);
}

/* A worker that was not run for long has not been calm meanwhile. */
static void test_time_without_rounds_is_not_calm(void)
{
	BEGIN(simulation);

	simulate(&simulation, 300, 1000);
	unsigned int level = simulation.overload.level;
	CU_ASSERT_TRUE_FATAL(level > 2);
	simulation.waiting = 0;
	simulation.now_us += 3600 * SECOND;
	simulate(&simulation, 50, 10);
	CU_ASSERT_TRUE(simulation.overload.level >= level);
}

static void test_shares(void)
{
	BEGIN(simulation);
	struct tt_overload *overload = &simulation.overload;
	unsigned int shed[TT_OVERLOAD_LEVELS + 1] = {0};

	for (unsigned int level = 0; level <= TT_OVERLOAD_LEVELS; level++) {
		for (uint32_t i = 0; i < 4096; i++)
			shed[level] += tt_overload_sheds(
				overload, TT_OVERLOAD_LONG_PAYLOAD, i << 20 | 0xfffff);
		while (level < TT_OVERLOAD_LEVELS && overload->level == level) {
			overload->created[TT_OVERLOAD_TCP] += 10;
			overload->created[TT_OVERLOAD_UDP] += 11;
			simulate(&simulation, 300, 1);
		}
	}
	CU_ASSERT_EQUAL(shed[0], 0);
	CU_ASSERT_EQUAL(shed[1], 1024);
	CU_ASSERT_EQUAL(shed[3], 3072);
	CU_ASSERT_EQUAL(shed[4], 4096);
	CU_ASSERT_EQUAL(shed[12], 4096);
	CU_ASSERT_EQUAL(overload->kind, TT_OVERLOAD_UDP);
	CU_ASSERT_TRUE(tt_overload_refuses(overload, IPPROTO_UDP, UINT32_MAX));
	CU_ASSERT_FALSE(tt_overload_refuses(overload, IPPROTO_TCP, 0));
	CU_ASSERT_EQUAL(tt_overload_kind_of(IPPROTO_ICMPV6), TT_OVERLOAD_ICMP);
	CU_ASSERT_EQUAL(tt_overload_kind_of(IPPROTO_SCTP), TT_OVERLOAD_OTHER);

	/* A flow may lack its beginning for some time after the last one was refused. */
	while (overload->quarters[TT_OVERLOAD_NEW_FLOWS] > 0)
		simulate(&simulation, 50, 1);
	simulate(&simulation, 50, TT_OVERLOAD_MEMORY_US / MS - 1000);
	CU_ASSERT_TRUE(tt_overload_missed(overload, IPPROTO_UDP, UINT32_MAX));
	CU_ASSERT_FALSE(tt_overload_refuses(overload, IPPROTO_UDP, 0));
	simulate(&simulation, 50, 2000);
	CU_ASSERT_FALSE(tt_overload_missed(overload, IPPROTO_UDP, 0));
}

/* The three loops. */

#define BASE_US	    (1700000000 * SECOND)
#define LOOPS	    3
#define LOOP_US	    (1000 * SECOND) /* from the beginning of one to that of the next */
#define LIVES	    40		    /* rounds of a connection, a request in each */
#define CLIENTS	    64
#define ROUNDS	    (LIVES + CLIENTS + 1)
#define SETTLING    1400 /* packets behind each loop, for the level to come down */
#define SETTLING_US (150 * MS)

static const struct endpoint server = {0x0a090101, 8080}, resolver = {0x0a090102, 53};

/* A packet costs more than comes in at 3 times the normal rate, a packet each ms, until much is
 * shed. */
#define COST_US	      600
#define COST_LEVEL_US 30
#define BACKLOG_US    (10 * MS)

struct loop {
	struct tt_connection_record *records;
	size_t count;
	uint64_t transactions; /* of HTTP and DNS, by a sum over all of their fields */
	unsigned int http, dns, torn;
};

struct three {
	struct rig rig;
	struct loop loops[LOOPS];
	uint64_t busy_until_us;
	uint64_t level_high[LOOPS];
};

static void ask_dns(struct traffic *traffic, uint16_t port, uint16_t id)
{
	uint8_t message[64] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	const struct endpoint client = {0x0a090201, port};

	memcpy(message, &id, sizeof(id));
	memcpy(message + 12, "\4host\3lab\4test\0\0\1\0\1", 19);
	traffic->time_us += TALK_STEP_US;
	traffic_udp_bytes(traffic, client, resolver, message, 31);
	message[2] = 0x81;
	message[3] = 0x80;
	traffic->time_us += TALK_STEP_US;
	traffic_udp_bytes(traffic, resolver, client, message, 31);
}

/* Connections that come one after the other, each with a request a round. */
static void write_loop(struct traffic *traffic, unsigned int number)
{
	static struct talk talks[3 * CLIENTS];
	const uint64_t begin_us = BASE_US + number * (uint64_t)LOOP_US;
	const unsigned int times = number == 1 ? 3 : 1;
	const size_t first = traffic->count;
	char text[128];

	traffic->time_us = begin_us;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int t = 0; t < times * CLIENTS; t++) {
			unsigned int age = round - t / times;

			if (round < t / times || age > LIVES)
				continue;
			if (age == 0)
				talks[t] = open_talk(traffic,
					(struct endpoint){0x0a090001u + t, (uint16_t)(30000 + t)},
					server);
			if (age == LIVES) {
				close_talk(&talks[t]);
				continue;
			}
			snprintf(text, sizeof(text), "GET /%u HTTP/1.1\r\nHost: h.test\r\n\r\n",
				age);
			say_text(&talks[t], 0, text);
			say_text(&talks[t], 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		}
		for (unsigned int n = 0; n < times; n++)
			ask_dns(traffic, (uint16_t)(20000 + times * round + n), (uint16_t)round);
	}
	for (size_t i = first; i < traffic->count; i++) {
		struct traffic_frame *frame = &traffic->frames[i];

		frame->time_us = begin_us + (frame->time_us - begin_us) / times;
	}
	traffic->time_us = begin_us + LOOP_US / 2;
	for (unsigned int i = 0; i < SETTLING; i++) {
		traffic->time_us += SETTLING_US;
		traffic_udp(traffic, (struct endpoint){0x0a090301, 9},
			(struct endpoint){0x0a090302, 9}, 8);
	}
}

static unsigned int loop_of(uint64_t time_us)
{
	return (unsigned int)((time_us - BASE_US) / LOOP_US);
}

/* What of a worker's time the packet that it has just received takes, and whether more wait. */
static bool is_behind(void *context, unsigned int worker)
{
	struct three *three = ((struct rig *)context)->seen;
	const struct rig *rig = context;
	const struct tt_worker_counters *counters =
		tt_pipeline_worker_counters(rig->pipeline, worker);
	uint64_t level = tt_counter_read(&counters->overload.level);
	uint64_t now_us = tt_counter_read(&counters->last_us);
	unsigned int loop = loop_of(now_us);

	if (three->busy_until_us < now_us)
		three->busy_until_us = now_us;
	three->busy_until_us += COST_US - COST_LEVEL_US * level;
	if (level > three->level_high[loop])
		three->level_high[loop] = level;
	return three->busy_until_us - now_us > BACKLOG_US;
}

static void add_transaction(struct loop *loop, const void *fields, size_t bytes)
{
	loop->transactions += tt_hash_bytes(1, fields, bytes);
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct three *three = ((struct rig *)context)->seen;
	unsigned int number = loop_of(record->start_us);
	struct loop *loop = &three->loops[number];
	struct tt_http_record copy = *record;

	loop->http++;
	loop->torn += record->status != 200 || record->method_bytes == 0;
	copy.uid = 0;
	copy.start_us -= number * (uint64_t)LOOP_US;
	add_transaction(loop, &copy, sizeof(copy));
	add_transaction(loop, record->text,
		(size_t)record->method_bytes + record->host_bytes + record->path_bytes);
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	struct three *three = ((struct rig *)context)->seen;
	unsigned int number = loop_of(record->start_us);
	struct loop *loop = &three->loops[number];
	struct tt_dns_transaction_record copy = *record;

	loop->dns++;
	loop->torn += (record->flags & TT_DNS_RECORD_HAS_RCODE) == 0;
	copy.uid = 0;
	copy.start_us -= number * (uint64_t)LOOP_US;
	add_transaction(loop, &copy, sizeof(copy));
}

static bool is_settling(const struct tt_connection_record *record)
{
	return record->endpoints.port[0] == 9;
}

/* The rig's records, by loop, with times since its beginning. */
static void sort_out(struct three *three)
{
	struct rig *rig = &three->rig;
	static struct rig parts[LOOPS];

	rig_normalise(rig);
	for (unsigned int number = 0; number < LOOPS; number++) {
		struct rig *part = &parts[number];

		*part = (struct rig){0};
		part->records = calloc(rig->count, sizeof(*part->records));
		CU_ASSERT_PTR_NOT_NULL_FATAL(part->records);
		for (size_t i = 0; i < rig->count; i++) {
			struct tt_connection_record record = rig->records[i];

			if (loop_of(record.start_us) != number || is_settling(&record))
				continue;
			record.start_us -= number * (uint64_t)LOOP_US;
			record.end_us -= number * (uint64_t)LOOP_US;
			part->records[part->count++] = record;
		}
		rig_sort(part);
		three->loops[number].records = part->records;
		three->loops[number].count = part->count;
	}
}

static const struct tt_connection_record *same_client(
	const struct loop *loop, const struct tt_connection_record *record)
{
	for (size_t i = 0; i < loop->count; i++)
		if (memcmp(&loop->records[i].endpoints, &record->endpoints,
			    sizeof(record->endpoints)) == 0)
			return &loop->records[i];
	return NULL;
}

/* What an overloaded worker does measure is whole: a connection whose beginning it saw has all its
 * packets, each of the first loop's clients as many as there. */
static void check_overloaded(const struct three *three)
{
	const struct loop *first = &three->loops[0], *second = &three->loops[1];
	unsigned int payload = 0, whole = 0;

	for (size_t i = 0; i < second->count; i++) {
		const struct tt_connection_record *record = &second->records[i];
		const struct tt_connection_record *other = same_client(first, record);

		payload += (record->sampled & TT_FLOW_SAMPLED_PAYLOAD) != 0;
		if (other == NULL || (record->sampled & TT_FLOW_SAMPLED_START) != 0)
			continue;
		whole++;
		CU_ASSERT_EQUAL(record->counters[0].packets, other->counters[0].packets);
		CU_ASSERT_EQUAL(record->counters[1].ip_bytes, other->counters[1].ip_bytes);
		CU_ASSERT_EQUAL(record->close_reason, other->close_reason);
	}
	CU_ASSERT_TRUE(payload > 10);
	CU_ASSERT_TRUE(whole > 10);
	CU_ASSERT_TRUE(second->count < 3 * first->count);
	CU_ASSERT_TRUE(second->http > 0 && second->http < 3 * first->http);
}

static void test_three_loops(void)
{
	static struct three three;
	struct traffic traffic = {0};

	for (unsigned int number = 0; number < LOOPS; number++)
		write_loop(&traffic, number);
	three.rig = rig_make(&traffic, 1);
	three.rig.config->overload.recover_us = SECOND;
	three.rig.config->memory.record_batches = 1024;
	three.rig.behind = is_behind;
	three.rig.seen = &three;
	three.rig.http = on_http;
	three.rig.dns = on_dns;
	rig_launch(&three.rig);
	tt_control_run(three.rig.control);

	const struct tt_overload_counters *overload =
		&tt_pipeline_worker_counters(three.rig.pipeline, 0)->overload;
	CU_ASSERT_EQUAL(tt_counter_read(&overload->level), 0);
	for (unsigned int step = 0; step < TT_OVERLOAD_STEPS; step++) {
		CU_ASSERT_EQUAL(tt_counter_read(&overload->steps[step].entered), 1);
		CU_ASSERT_TRUE(tt_counter_read(&overload->steps[step].time_us) >= REACT_US);
		CU_ASSERT_TRUE(tt_counter_read(&overload->steps[step].flows) > 0);
	}
	rig_end(&three.rig);
	sort_out(&three);

	CU_ASSERT_EQUAL(three.level_high[0], 0);
	CU_ASSERT_TRUE(three.level_high[1] > 2 * TT_OVERLOAD_QUARTERS);
	CU_ASSERT_EQUAL(three.level_high[2], 0);
	CU_ASSERT_TRUE(three.rig.dropped[TT_DROP_SHED] > 0);
	for (unsigned int number = 0; number < LOOPS; number++)
		CU_ASSERT_EQUAL(three.loops[number].torn, 0);
	CU_ASSERT_EQUAL(three.loops[0].http, CLIENTS * LIVES);
	CU_ASSERT_EQUAL(three.loops[0].dns, ROUNDS);
	check_overloaded(&three);

	const struct loop *first = &three.loops[0], *third = &three.loops[2];
	CU_ASSERT_EQUAL(first->count, CLIENTS + ROUNDS);
	CU_ASSERT_EQUAL_FATAL(third->count, first->count);
	CU_ASSERT_EQUAL(
		memcmp(third->records, first->records, first->count * sizeof(*first->records)), 0);
	CU_ASSERT_EQUAL(third->http, first->http);
	CU_ASSERT_EQUAL(third->dns, first->dns);
	CU_ASSERT_EQUAL(third->transactions, first->transactions);

	for (unsigned int number = 0; number < LOOPS; number++)
		free(three.loops[number].records);
	rig_free(&three.rig);
	traffic_free(&traffic);
}

/* What waits for its worker is not shed, however far behind that is. */
static bool always_behind(void *context, unsigned int worker)
{
	(void)context;
	(void)worker;
	return true;
}

static void test_switched_off(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	write_loop(&traffic, 0);
	struct rig rig = rig_make(&traffic, 1);
	rig.config->overload.shed = false;
	rig.behind = always_behind;
	rig_launch(&rig);
	tt_control_run(rig.control);
	CU_ASSERT_EQUAL(
		tt_counter_read(
			&tt_pipeline_worker_counters(rig.pipeline, 0)->overload.steps[0].entered),
		0);
	rig_end(&rig);
	CU_ASSERT_EQUAL(rig_dropped(&rig), 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"normal load sheds nothing", test_normal_load_sheds_nothing},
	{"all is shed step by step", test_all_is_shed_step_by_step},
	{"no more than needed", test_no_more_than_needed},
	{"time without rounds is not calm", test_time_without_rounds_is_not_calm},
	{"shares", test_shares},
	{"three loops", test_three_loops},
	{"switched off", test_switched_off},
};

SUITE_MAIN("pipeline/overload", tests)
