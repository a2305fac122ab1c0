/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sender, a network with a tap, and a receiver, which know what happened to each segment; the
 * tracker sees what passes the tap, and has to say the same. The client sends; segments are lost
 * before the tap, behind it, or by the tap alone, are held up before it so that others overtake
 * them, and are doubled by the network. Sequence numbers wrap within each run.
 */
#include "flow/tcp.h"

#include "suite.h"

#include <stdbool.h>

#define SEGMENTS   300
#define WINDOW	   16 /* segments in flight */
#define TO_TAP_US  4000
#define BEHIND_US  9000 /* from the tap to the receiver, and back */
#define HELD_UP_US 1500 /* of a segment that is overtaken */
#define TIMEOUT_US 400000
#define EVENTS	   4096
#define INITIAL	   (UINT32_MAX - 50000)
#define MSS	   1000
#define DUP_THRESH 3

enum event_kind {
	AT_TAP,
	AT_RECEIVER,
	ACK_AT_TAP,
	ACK_AT_SENDER,
	TIMER
};

struct event {
	uint64_t time_us;
	uint64_t tie; /* events of one instant keep their order */
	enum event_kind kind;
	unsigned int index;	   /* of the data segment, or acknowledged up to it */
	unsigned int transmission; /* from 1 */
	uint16_t ip_id;
	uint16_t stamp; /* TSval, or its echo in an ACK */
	bool fast;	/* cause of a retransmission */
	bool duplicate; /* an ACK that reports this index twice received */
};

/* In one of a thousand. */
struct odds {
	unsigned int before_tap, behind_tap, tap, held_up, doubled, ack_lost;
	bool ids;    /* IPv4 identifications count */
	bool stamps; /* timestamps (RFC 7323) */
	bool delayed_acks;
};

struct truth {
	uint32_t retransmits, fast, timeout, out_of_order, spurious, duplicate_acks;
	uint32_t missing_bytes;
	unsigned int most_holes; /* at any time */
};

struct model {
	struct odds odds;
	uint32_t random;
	struct event event[EVENTS];
	unsigned int events;
	uint64_t ties;
	uint64_t now_us;
	struct tt_tcp tcp;

	uint32_t start[SEGMENTS + 1]; /* offsets of the segments, and the end */
	/* Sender. */
	unsigned int sent, acknowledged, duplicates, recover;
	bool recovering;
	unsigned int transmissions[SEGMENTS];
	uint64_t progress_us;
	uint16_t ip_id;
	/* Tap. */
	bool seen[SEGMENTS];
	unsigned int seen_end, ack_seen;
	unsigned int known_spurious; /* acknowledged before the tap saw it */
	/* Receiver. */
	bool received[SEGMENTS];
	unsigned int in_order, unacked, acked;
	uint16_t stamp; /* TS.Recent */
	struct truth truth;
};

static uint32_t next_random(struct model *model)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 17;
	model->random ^= model->random << 5;
	return model->random;
}

static bool happens(struct model *model, unsigned int odds)
{
	return next_random(model) % 1000 < odds;
}

static void post(struct model *model, uint64_t after_us, struct event event)
{
	event.time_us = model->now_us + after_us;
	event.tie = model->ties++;
	if (model->events == EVENTS)
		abort();
	model->event[model->events++] = event;
}

static struct event take_first(struct model *model)
{
	unsigned int first = 0;

	for (unsigned int i = 1; i < model->events; i++) {
		const struct event *a = &model->event[i], *b = &model->event[first];
		if (a->time_us < b->time_us || (a->time_us == b->time_us && a->tie < b->tie))
			first = i;
	}
	struct event event = model->event[first];
	model->event[first] = model->event[--model->events];
	return event;
}

/* A clock of 1 ms, whose lower half wraps. */
static uint16_t stamp_of(const struct model *model)
{
	return (uint16_t)(model->now_us / 1000 + 64000);
}

static uint8_t order_of(const struct model *model)
{
	if (model->odds.stamps)
		return TT_TCP_ORDER_TIMESTAMP;
	return model->odds.ids ? TT_TCP_ORDER_IP : TT_TCP_ORDER_NONE;
}

static void transmit(struct model *model, unsigned int index, bool fast)
{
	struct event event = {.kind = AT_TAP,
		.index = index,
		.transmission = ++model->transmissions[index],
		.ip_id = model->ip_id++,
		.stamp = stamp_of(model),
		.fast = fast};

	if (happens(model, model->odds.before_tap))
		return;
	uint64_t delay_us = TO_TAP_US + (happens(model, model->odds.held_up) ? HELD_UP_US : 0);
	post(model, delay_us, event);
	if (happens(model, model->odds.doubled))
		post(model, delay_us + 20, event);
}

static void send_more(struct model *model)
{
	while (model->sent < SEGMENTS && model->sent - model->acknowledged < WINDOW)
		transmit(model, model->sent++, false);
}

static uint32_t sequence_of(const struct model *model, unsigned int index)
{
	return INITIAL + 1 + model->start[index];
}

static void account_holes(struct model *model)
{
	unsigned int holes = 0;

	for (unsigned int i = 0; i < model->seen_end; i++)
		holes += !model->seen[i] && (i == 0 || model->seen[i - 1]);
	if (holes > model->truth.most_holes)
		model->truth.most_holes = holes;
}

/* What a tap can know of a segment when it knows who sent what when: bytes that it has seen are
 * sent again (or doubled); bytes that it has not, below others, are late or sent again. */
static void at_tap(struct model *model, const struct event *event)
{
	struct truth *truth = &model->truth;
	unsigned int index = event->index;

	if (!happens(model, model->odds.behind_tap))
		post(model, BEHIND_US / 2,
			(struct event){.kind = AT_RECEIVER,
				.index = index,
				.stamp = event->stamp,
				.transmission = event->transmission});
	if (happens(model, model->odds.tap))
		return;
	bool again = model->seen[index] || (index < model->seen_end && event->transmission > 1);
	if (again) {
		truth->retransmits++;
		truth->fast += event->fast;
		if (index < model->ack_seen) {
			truth->spurious++;
			model->known_spurious++;
		}
	} else if (index < model->seen_end) {
		truth->out_of_order++;
	}
	model->seen[index] = true;
	if (index >= model->seen_end)
		model->seen_end = index + 1;
	account_holes(model);
	struct tt_tcp_segment segment = {
		.time_us = model->now_us,
		.sequence = sequence_of(model, index),
		.acknowledgment = 1,
		.payload_bytes = model->start[index + 1] - model->start[index],
		.window = 60000,
		.order = model->odds.stamps ? event->stamp : event->ip_id,
		.flags = TT_TCP_ACK,
		.order_from = order_of(model),
	};
	tt_tcp_update(&model->tcp, &segment);
}

static void acknowledge(struct model *model, unsigned int index, bool duplicate)
{
	model->unacked = 0;
	model->acked = model->in_order;
	post(model, BEHIND_US - BEHIND_US / 2,
		(struct event){.kind = ACK_AT_TAP,
			.index = model->in_order,
			.duplicate = duplicate,
			.stamp = model->stamp,
			.transmission = index});
}

static void at_receiver(struct model *model, const struct event *event)
{
	bool duplicate = model->received[event->index];
	bool in_order = event->index == model->in_order;

	/* RFC 7323 4.3 (2) */
	if (event->index <= model->acked && (int16_t)(event->stamp - model->stamp) >= 0)
		model->stamp = event->stamp;
	model->received[event->index] = true;
	while (model->in_order < SEGMENTS && model->received[model->in_order])
		model->in_order++;
	if (model->odds.delayed_acks && in_order && ++model->unacked < 2 &&
		model->in_order < SEGMENTS && model->in_order == event->index + 1)
		return;
	acknowledge(model, event->index, duplicate);
}

static void ack_at_tap(struct model *model, const struct event *event)
{
	struct tt_tcp_segment segment = {
		.time_us = model->now_us,
		.sequence = 1,
		.acknowledgment = sequence_of(model, event->index),
		.window = 60000,
		.flags = TT_TCP_ACK,
		.direction = 1,
		.order = stamp_of(model),
		.echo = event->stamp,
		.order_from = model->odds.stamps ? TT_TCP_ORDER_TIMESTAMP : TT_TCP_ORDER_NONE,
	};

	if (!happens(model, model->odds.ack_lost))
		post(model, TO_TAP_US,
			(struct event){.kind = ACK_AT_SENDER, .index = event->index});
	if (event->duplicate) {
		segment.sack[0].start = sequence_of(model, event->transmission);
		segment.sack[0].end = sequence_of(model, event->transmission + 1);
		segment.sack_count = 1;
		if (model->known_spurious > 0)
			model->known_spurious--;
		else
			model->truth.spurious++;
	}
	if (event->index == model->ack_seen && event->index < model->seen_end)
		model->truth.duplicate_acks++;
	if (event->index > model->ack_seen)
		model->ack_seen = event->index;
	if (event->index > model->seen_end)
		model->seen_end = event->index;
	account_holes(model);
	tt_tcp_update(&model->tcp, &segment);
}

/* NewReno (RFC 6582) with a fixed window. */
static void ack_at_sender(struct model *model, const struct event *event)
{
	if (event->index > model->acknowledged) {
		model->acknowledged = event->index;
		model->progress_us = model->now_us;
		model->duplicates = 0;
		if (model->recovering && event->index >= model->recover)
			model->recovering = false;
		if (model->recovering)
			transmit(model, event->index, true);
	} else if (event->index == model->acknowledged && event->index < model->sent &&
		++model->duplicates == DUP_THRESH && !model->recovering) {
		model->recovering = true;
		model->recover = model->sent;
		transmit(model, event->index, true);
	}
	send_more(model);
}

static void at_timer(struct model *model)
{
	if (model->acknowledged == SEGMENTS)
		return;
	if (model->now_us - model->progress_us >= TIMEOUT_US) {
		model->progress_us = model->now_us;
		model->recovering = false;
		model->duplicates = 0;
		transmit(model, model->acknowledged, false);
	}
	post(model, TIMEOUT_US / 4, (struct event){.kind = TIMER});
}

static void shake_hands(struct model *model)
{
	struct tt_tcp_segment segment = {
		.time_us = 1000000, .sequence = INITIAL, .flags = TT_TCP_SYN, .window = 60000};

	tt_tcp_update(&model->tcp, &segment);
	segment = (struct tt_tcp_segment){.time_us = 1000000 + BEHIND_US,
		.acknowledgment = INITIAL + 1,
		.flags = TT_TCP_SYN | TT_TCP_ACK,
		.window = 60000,
		.direction = 1};
	tt_tcp_update(&model->tcp, &segment);
	segment = (struct tt_tcp_segment){.time_us = 1000000 + BEHIND_US + 2 * TO_TAP_US,
		.sequence = INITIAL + 1,
		.acknowledgment = 1,
		.flags = TT_TCP_ACK,
		.window = 60000};
	tt_tcp_update(&model->tcp, &segment);
	model->now_us = segment.time_us;
}

static struct tt_tcp_summary play(struct model *model, uint32_t seed, const struct odds *odds)
{
	struct tt_tcp_summary summary;

	*model = (struct model){.odds = *odds, .random = seed * 2654435761u + 1};
	for (unsigned int i = 0; i < SEGMENTS; i++)
		model->start[i + 1] = model->start[i] + 1 + next_random(model) % MSS;
	/* A segment of a byte looks like a keep-alive when it is sent again. */
	for (unsigned int i = 0; i <= SEGMENTS; i++)
		model->start[i] += i;
	shake_hands(model);
	model->progress_us = model->now_us;
	model->stamp = stamp_of(model);
	send_more(model);
	post(model, TIMEOUT_US / 4, (struct event){.kind = TIMER});
	while (model->events > 0) {
		struct event event = take_first(model);
		model->now_us = event.time_us;
		switch (event.kind) {
		case AT_TAP:
			at_tap(model, &event);
			break;
		case AT_RECEIVER:
			at_receiver(model, &event);
			break;
		case ACK_AT_TAP:
			ack_at_tap(model, &event);
			break;
		case ACK_AT_SENDER:
			ack_at_sender(model, &event);
			break;
		case TIMER:
			at_timer(model);
			break;
		}
	}
	CU_ASSERT_EQUAL(model->acknowledged, SEGMENTS);
	for (unsigned int i = 0; i < model->ack_seen; i++)
		if (!model->seen[i])
			model->truth.missing_bytes += model->start[i + 1] - model->start[i];
	model->truth.timeout = model->truth.retransmits - model->truth.fast;
	tt_tcp_summarize(&summary, &model->tcp, 0, model->now_us, true);
	return summary;
}

/* The whole of one run, where no more holes were open than are kept. */
static void check_exactly(const struct model *model, const struct tt_tcp_summary *summary)
{
	const struct tt_tcp_summary_half *half = &summary->half[0];
	const struct truth *truth = &model->truth;

	CU_ASSERT_EQUAL(half->retransmits, truth->retransmits);
	CU_ASSERT_EQUAL(half->out_of_order, truth->out_of_order);
	CU_ASSERT_EQUAL(half->missing_bytes, truth->missing_bytes);
	CU_ASSERT_EQUAL(summary->half[1].duplicate_acks, truth->duplicate_acks);
	CU_ASSERT_EQUAL(summary->half[1].retransmits + summary->half[1].out_of_order, 0);
	CU_ASSERT_EQUAL(half->zero_windows + half->keep_alives + half->window_probes, 0);
}

/* Constant delays: what a sample may be beyond the leg is what others add to it. */
static void check_rtt(const struct model *model, const struct tt_tcp_summary *summary)
{
	const uint32_t slack = model->odds.delayed_acks ? 40000 : 0;

	CU_ASSERT_TRUE(summary->rtt_server_us >= BEHIND_US - 1);
	CU_ASSERT_TRUE(summary->rtt_server_us <= BEHIND_US + slack);
	CU_ASSERT_EQUAL(summary->rtt_client_us, 2 * TO_TAP_US);
}

static struct model model;

/* Play and check a number of runs; returns what happened in all of them. */
static struct truth run(const struct odds *odds, unsigned int seeds,
	void (*check)(const struct model *model, const struct tt_tcp_summary *summary))
{
	struct truth all = {0};
	unsigned int checked = 0;

	for (uint32_t seed = 1; seed <= seeds; seed++) {
		struct tt_tcp_summary summary = play(&model, seed, odds);
		if (model.truth.most_holes > TT_TCP_HOLES)
			continue;
		checked++;
		check(&model, &summary);
		all.fast += model.truth.fast;
		all.timeout += model.truth.timeout;
		all.out_of_order += model.truth.out_of_order;
		all.spurious += model.truth.spurious;
		all.missing_bytes += model.truth.missing_bytes;
	}
	/* Runs with more holes than are kept are the exception. */
	CU_ASSERT_TRUE(checked >= seeds * 3 / 4);
	return all;
}

static void check_sound(const struct model *one, const struct tt_tcp_summary *summary)
{
	check_exactly(one, summary);
	check_rtt(one, summary);
	CU_ASSERT_EQUAL(
		one->truth.retransmits + one->truth.out_of_order + one->truth.missing_bytes, 0);
	/* The client's leg has one sample, of which half is taken as variation. */
	CU_ASSERT_TRUE(summary->rtt_var_us - TO_TAP_US < 40);
}

static void check_loss(const struct model *one, const struct tt_tcp_summary *summary)
{
	check_exactly(one, summary);
	check_rtt(one, summary);
	CU_ASSERT_EQUAL(summary->half[0].spurious_retransmits, one->truth.spurious);
	CU_ASSERT_EQUAL(summary->half[0].fast_retransmits, one->truth.fast);
	CU_ASSERT_EQUAL(summary->half[0].timeout_retransmits, one->truth.timeout);
}

static void check_overtaken(const struct model *one, const struct tt_tcp_summary *summary)
{
	check_exactly(one, summary);
	check_rtt(one, summary);
}

static void test_sound_network(void)
{
	static const struct odds odds[] = {{0}, {.ids = true}};

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++)
		run(&odds[i], 3, check_sound);
}

static void test_loss_behind_the_tap(void)
{
	static const struct odds odds[] = {{.behind_tap = 15, .ack_lost = 15},
		{.behind_tap = 15, .ack_lost = 15, .stamps = true}};

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		struct truth all = run(&odds[i], 60, check_loss);
		CU_ASSERT_TRUE(all.fast > 100 && all.timeout > 5);
	}
}

/* Most samples are of what was sent again: none of them is of another transmission. */
static void check_stamped(const struct model *one, const struct tt_tcp_summary *summary)
{
	check_rtt(one, summary);
	CU_ASSERT_EQUAL(summary->half[0].retransmits, one->truth.retransmits);
}

static void test_timestamps_through_heavy_loss(void)
{
	static const struct odds odds = {.behind_tap = 150, .ack_lost = 50, .stamps = true};

	CU_ASSERT_TRUE(run(&odds, 40, check_stamped).timeout > 100);
}

/* Only ACKs are lost, many of them: what is sent again was there already. */
static void test_spurious_retransmissions(void)
{
	static const struct odds odds[] = {{.ack_lost = 600}, {.ack_lost = 600, .stamps = true}};

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		struct truth all = run(&odds[i], 60, check_loss);
		CU_ASSERT_TRUE(all.spurious > 20 && all.spurious == all.fast + all.timeout);
	}
}

static void test_loss_before_the_tap(void)
{
	static const struct odds odds = {.before_tap = 12, .ids = true};
	struct truth all = run(&odds, 60, check_loss);

	CU_ASSERT_TRUE(all.fast > 100);
}

static void test_overtaken_segments(void)
{
	static const struct odds odds[] = {{.held_up = 12}, {.held_up = 12, .ids = true}};

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++)
		CU_ASSERT_TRUE(run(&odds[i], 40, check_overtaken).out_of_order > 50);
}

static void test_everything_at_once(void)
{
	static const struct odds odds = {.before_tap = 5,
		.behind_tap = 5,
		.tap = 3,
		.held_up = 6,
		.doubled = 5,
		.ack_lost = 10,
		.ids = true,
		.delayed_acks = true};
	struct truth all = run(&odds, 100, check_exactly);

	CU_ASSERT_TRUE(all.fast > 100 && all.out_of_order > 50 && all.missing_bytes > 10000);
}

static const struct suite_test tests[] = {
	{"sound network", test_sound_network},
	{"loss behind the tap", test_loss_behind_the_tap},
	{"timestamps through heavy loss", test_timestamps_through_heavy_loss},
	{"spurious retransmissions", test_spurious_retransmissions},
	{"loss before the tap", test_loss_before_the_tap},
	{"overtaken segments", test_overtaken_segments},
	{"everything at once", test_everything_at_once},
};

SUITE_MAIN("flow_tcp_model", tests)
