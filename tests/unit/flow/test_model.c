/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table against a model of it that is slow and plain, over random operations: few keys,
 * small tables, colliding hashes, records refused now and then, time that jumps.
 */
#include "flow/table.h"

#include "keys.h"
#include "suite.h"

#define CAPACITY_MAX 1000
#define KEYS_MAX     (2 * CAPACITY_MAX + 2)
#define FLOWS_MAX    200000 /* created in a run */
#define LOG_MAX	     4096

static const struct tt_flow_timeouts timeouts = {{700, 5000, 300, 1000, 2000, 1u << 30}};

struct model_flow {
	uint32_t key;
	uint32_t number;
	uint64_t seen_ms; /* true time, 64 bits */
	enum tt_flow_class class;
	enum tt_tcp_life life;
	enum tt_flow_state state;
	enum tt_close_reason reason;
};

/* uids, oldest first. */
struct queue {
	uint32_t count;
	uint32_t uid[CAPACITY_MAX + 1];
};

struct reported {
	uint32_t uid;
	enum tt_close_reason reason;
	bool taken;
};

/* A uid is a flow's place in `flows`; 0 is none. */
struct model {
	struct tt_flow_table *table;
	uint32_t capacity;
	uint32_t half_open_limit;
	unsigned int hashing; /* enum hashing */
	uint64_t random;
	uint64_t now_ms;
	uint32_t sweep_hand;

	struct model_flow flows[FLOWS_MAX + 1];
	uint32_t created;
	uint32_t by_key[KEYS_MAX];
	uint32_t by_number[CAPACITY_MAX];
	struct queue half_open;
	struct queue unreported;
	uint32_t live, lost, evicted_half_open, evicted_idle;

	/* What the table reported during the present operation, and how far the model has
	 * followed; one record in `refuse_one_in` is refused, all when that is 1. */
	struct reported log[LOG_MAX];
	uint32_t logged, followed;
	uint32_t refuse_one_in;
};

static struct model model;

enum hashing {
	HASH_RANDOM,
	HASH_ZERO,	/* one bucket, the tag that stands for a free slot */
	HASH_LAST,	/* the last bucket */
	HASH_SAME_TAG,	/* any bucket, one tag */
	HASH_TWO_CHAINS /* two neighbouring buckets whose overflows mix */
};

static uint32_t hash_of(uint32_t key)
{
	uint32_t mixed = (key + 1) * 2654435761u;

	switch ((enum hashing)model.hashing) {
	case HASH_RANDOM:
		return mixed;
	case HASH_ZERO:
		return 0;
	case HASH_LAST:
		return UINT32_MAX;
	case HASH_SAME_TAG:
		return mixed << 8 | 7;
	case HASH_TWO_CHAINS:
		return (key & 1) << 30 | (key % 3);
	}
	return 0;
}

static bool report(void *context, struct tt_flow *flow)
{
	bool taken = random_below(&model.random, model.refuse_one_in) != 0;

	CU_ASSERT_PTR_EQUAL_FATAL(context, &model);
	CU_ASSERT_TRUE_FATAL(model.logged < LOG_MAX);
	CU_ASSERT_EQUAL(flow->state, TT_FLOW_UNREPORTED);
	model.log[model.logged++] =
		(struct reported){(uint32_t)flow->uid, flow->close_reason, taken};
	return taken;
}

/* ---- queues ---- */

static void queue_push(struct queue *queue, uint32_t uid)
{
	CU_ASSERT_TRUE_FATAL(queue->count <= CAPACITY_MAX);
	queue->uid[queue->count++] = uid;
}

static void queue_remove(struct queue *queue, uint32_t uid)
{
	uint32_t at = 0;

	while (at < queue->count && queue->uid[at] != uid)
		at++;
	CU_ASSERT_TRUE_FATAL(at < queue->count);
	for (queue->count--; at < queue->count; at++)
		queue->uid[at] = queue->uid[at + 1];
}

/* ---- what should happen ---- */

static bool is_expired(const struct model_flow *flow)
{
	return model.now_ms - flow->seen_ms > timeouts.ms[flow->class];
}

static enum tt_close_reason expiry_reason(const struct model_flow *flow)
{
	if (flow->class != TT_FLOW_TCP_CLOSING)
		return TT_CLOSE_IDLE;
	return flow->life == TT_TCP_CLOSED_RST ? TT_CLOSE_RST : TT_CLOSE_FIN;
}

static enum tt_close_reason reason_now(
	const struct model_flow *flow, enum tt_close_reason otherwise)
{
	return flow->class == TT_FLOW_TCP_CLOSING || is_expired(flow) ? expiry_reason(flow)
								      : otherwise;
}

/* The table's next report must be of this flow, for this reason. Returns whether it was taken. */
static bool follow(uint32_t uid, enum tt_close_reason reason)
{
	CU_ASSERT_TRUE_FATAL(model.followed < model.logged);
	const struct reported *reported = &model.log[model.followed++];
	CU_ASSERT_EQUAL_FATAL(reported->uid, uid);
	CU_ASSERT_EQUAL(reported->reason, reason);
	return reported->taken;
}

static void gone(uint32_t uid)
{
	model.flows[uid].state = TT_FLOW_FREE;
	model.by_number[model.flows[uid].number] = 0;
	model.live--;
}

static void detached(uint32_t uid, enum tt_close_reason reason)
{
	struct model_flow *flow = &model.flows[uid];

	if (flow->class == TT_FLOW_TCP_HALF_OPEN)
		queue_remove(&model.half_open, uid);
	model.by_key[flow->key] = 0;
	flow->state = TT_FLOW_UNREPORTED;
	flow->reason = reason;
}

static void closed(uint32_t uid, enum tt_close_reason reason)
{
	detached(uid, reason);
	if (follow(uid, reason))
		gone(uid);
	else
		queue_push(&model.unreported, uid);
}

/* Returns how many the model had reported before one was refused. */
static uint32_t reported_again(uint32_t limit)
{
	uint32_t count = 0;

	while (count < limit && model.unreported.count > 0) {
		uint32_t uid = model.unreported.uid[0];
		if (!follow(uid, model.flows[uid].reason))
			break;
		queue_remove(&model.unreported, uid);
		gone(uid);
		count++;
	}
	return count;
}

static void made_room(void)
{
	uint32_t uid;

	if (reported_again(1) == 1)
		return;
	if (model.half_open.count > 0) {
		uid = model.half_open.uid[0];
	} else if (model.unreported.count > 0) {
		uid = model.unreported.uid[0];
		queue_remove(&model.unreported, uid);
		gone(uid);
		model.lost++;
		return;
	} else {
		/* Which of the idle ones is for the table's own tests. */
		CU_ASSERT_TRUE_FATAL(model.followed < model.logged);
		uid = model.log[model.followed].uid;
		CU_ASSERT_EQUAL_FATAL(model.flows[uid].state, TT_FLOW_ACTIVE);
	}
	enum tt_close_reason reason = reason_now(&model.flows[uid], TT_CLOSE_EVICTED);
	if (reason == TT_CLOSE_EVICTED && model.flows[uid].class == TT_FLOW_TCP_HALF_OPEN)
		model.evicted_half_open++;
	else if (reason == TT_CLOSE_EVICTED)
		model.evicted_idle++;
	detached(uid, reason);
	if (!follow(uid, reason))
		model.lost++;
	gone(uid);
}

static void swept(uint32_t entries)
{
	uint32_t extent = tt_flow_table_extent(model.table);

	reported_again(entries);
	for (uint32_t i = 0; i < entries && i < extent; i++) {
		uint32_t uid = model.by_number[model.sweep_hand];
		if (uid != 0 && model.flows[uid].state == TT_FLOW_ACTIVE &&
			is_expired(&model.flows[uid]))
			closed(uid, expiry_reason(&model.flows[uid]));
		model.sweep_hand = (model.sweep_hand + 1) % extent;
	}
}

/* ---- operations ---- */

static struct tt_flow *find(uint32_t key)
{
	struct tt_flow_key made = key_of(key);

	return tt_flow_table_lookup(model.table, &made, hash_of(key));
}

static void check_found(uint32_t key, const struct tt_flow *flow)
{
	uint32_t uid = model.by_key[key];

	CU_ASSERT_EQUAL_FATAL(flow != NULL, uid != 0);
	if (flow == NULL)
		return;
	CU_ASSERT_EQUAL_FATAL(flow->uid, uid);
	CU_ASSERT_EQUAL(flow->class, model.flows[uid].class);
	CU_ASSERT_EQUAL(tt_flow_has_expired(tt_flow_table_clock(model.table), flow),
		is_expired(&model.flows[uid]));
}

static void set_class(struct tt_flow *flow, enum tt_flow_class class)
{
	struct model_flow *expected = &model.flows[flow->uid];

	tt_flow_table_set_class(model.table, flow, class, report, &model);
	if (expected->class == class)
		return;
	if (expected->class == TT_FLOW_TCP_HALF_OPEN)
		queue_remove(&model.half_open, (uint32_t)flow->uid);
	expected->class = class;
	if (class != TT_FLOW_TCP_HALF_OPEN)
		return;
	if (model.half_open.count == model.half_open_limit) {
		uint32_t oldest = model.half_open.uid[0];
		enum tt_close_reason reason = reason_now(&model.flows[oldest], TT_CLOSE_EVICTED);
		if (reason == TT_CLOSE_EVICTED)
			model.evicted_half_open++;
		closed(oldest, reason);
	}
	queue_push(&model.half_open, (uint32_t)flow->uid);
}

static void insert(uint32_t key)
{
	struct tt_flow_key made = key_of(key);
	uint32_t uid = ++model.created;
	struct tt_flow *flow =
		tt_flow_table_insert(model.table, &made, hash_of(key), report, &model);

	if (model.live == model.capacity)
		made_room();
	CU_ASSERT_PTR_NOT_NULL_FATAL(flow);
	CU_ASSERT_EQUAL(flow->uid, 0);
	flow->uid = uid;
	flow->tcp.life =
		random_below(&model.random, 2) == 0 ? TT_TCP_CLOSED_FIN : TT_TCP_CLOSED_RST;
	uint32_t number = 0;
	while (tt_flow_table_entry(model.table, number) != flow)
		number++;
	CU_ASSERT_EQUAL_FATAL(model.by_number[number], 0);
	model.flows[uid] = (struct model_flow){
		.key = key,
		.number = number,
		.seen_ms = model.now_ms,
		.class = TT_FLOW_OTHER,
		.life = flow->tcp.life,
		.state = TT_FLOW_ACTIVE,
	};
	model.by_key[key] = model.by_number[number] = uid;
	model.live++;
	set_class(flow, random_below(&model.random, TT_FLOW_CLASSES));
}

static void lookup_burst(uint32_t keys)
{
	struct tt_flow_key made[TT_FLOW_BURST] = {0};
	uint32_t key[TT_FLOW_BURST], hashes[TT_FLOW_BURST] = {0};
	struct tt_flow *found[TT_FLOW_BURST];
	unsigned int count = 1 + random_below(&model.random, TT_FLOW_BURST);

	for (unsigned int i = 0; i < count; i++) {
		key[i] = random_below(&model.random, keys);
		made[i] = key_of(key[i]);
		hashes[i] = hash_of(key[i]);
	}
	look_up(model.table, made, hashes, count, found);
	for (unsigned int i = 0; i < count; i++)
		check_found(key[i], found[i]);
}

static void sweep(uint32_t entries)
{
	uint32_t live_before = model.live;
	unsigned int freed = tt_flow_table_sweep(model.table, entries, report, &model);

	swept(entries);
	CU_ASSERT_EQUAL(freed, live_before - model.live);
}

/* Mostly milliseconds; now and then more than any timeout, or than 32 bits hold. The sweep is not
 * 37 days behind then, so that the table's clock stays exact. */
static void pass_time(void)
{
	uint64_t step_ms = random_below(&model.random, 20);

	if (random_below(&model.random, 200) == 0) {
		for (unsigned int i = 0; i < 2; i++) {
			model.logged = model.followed = 0;
			sweep(model.capacity);
		}
		step_ms = random_next(&model.random) % ((uint64_t)3 << 32);
	}
	model.now_ms += step_ms;
	tt_flow_table_advance(model.table, model.now_ms);
}

static void operate(uint32_t keys)
{
	uint32_t key = random_below(&model.random, keys);
	struct tt_flow *flow = find(key);

	check_found(key, flow);
	switch (random_below(&model.random, 8)) {
	case 0:
	case 1:
		if (flow == NULL)
			insert(key);
		break;
	case 2:
		if (flow != NULL) {
			flow->seen_ms = now_of(model.table);
			model.flows[flow->uid].seen_ms = model.now_ms;
		}
		break;
	case 3:
		if (flow != NULL)
			set_class(flow, random_below(&model.random, TT_FLOW_CLASSES));
		break;
	case 4:
		if (flow != NULL && random_below(&model.random, 3) == 0) {
			uint32_t uid = (uint32_t)flow->uid;
			tt_flow_table_close(model.table, flow, TT_CLOSE_REUSED, report, &model);
			closed(uid, TT_CLOSE_REUSED);
		}
		break;
	case 5:
		pass_time();
		break;
	case 6:
		sweep(random_below(&model.random, 20));
		break;
	default:
		lookup_burst(keys);
		break;
	}
}

static void check_counters(void)
{
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(model.table);

	CU_ASSERT_EQUAL(model.followed, model.logged);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->live), model.live);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->half_open), model.half_open.count);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), model.unreported.count);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->created), model.created);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_half_open), model.evicted_half_open);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_idle), model.evicted_idle);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->lost_unreported), model.lost);
}

static void check_entries(uint32_t keys)
{
	for (uint32_t key = 0; key < keys; key++)
		check_found(key, find(key));
	for (uint32_t number = 0; number < model.capacity; number++) {
		uint32_t uid = model.by_number[number];
		bool active = uid != 0 && model.flows[uid].state == TT_FLOW_ACTIVE;
		struct tt_flow *flow = tt_flow_table_entry(model.table, number);
		CU_ASSERT_EQUAL_FATAL(flow != NULL, active);
		CU_ASSERT_TRUE(flow == NULL || flow->uid == uid);
	}
}

static void flush(void)
{
	uint32_t position = 0, left = 1000000;

	while (position < tt_flow_table_extent(model.table) && left-- > 0) {
		model.logged = model.followed = 0;
		uint32_t from = position, entries = 1 + random_below(&model.random, 20);
		tt_flow_table_flush(
			model.table, &position, entries, TT_CLOSE_END_OF_CAPTURE, report, &model);
		reported_again(entries);
		for (uint32_t i = from; model.followed < model.logged; i++) {
			uint32_t uid = model.by_number[i];
			if (uid != 0)
				closed(uid, reason_now(&model.flows[uid], TT_CLOSE_END_OF_CAPTURE));
		}
		CU_ASSERT_TRUE(position - from <= entries);
	}
	CU_ASSERT_EQUAL(model.live, 0);
}

static void run(uint32_t capacity, enum hashing hashing, uint32_t operations)
{
	const uint32_t keys = 2 * capacity + 2;

	memset(&model, 0, sizeof(model));
	model.capacity = capacity;
	model.half_open_limit = capacity < 3 ? capacity : capacity / 3;
	model.hashing = hashing;
	model.random = 1 + capacity * 8 + hashing;
	model.table = table_of(&(struct tt_flow_table_options){
		.capacity = capacity,
		.half_open_limit = model.half_open_limit,
		.timeouts = timeouts,
	});
	for (uint32_t i = 0; i < operations && model.created < FLOWS_MAX; i++) {
		/* Spells in which most records, all, or few are refused. */
		if (i % 1000 == 0)
			model.refuse_one_in = 1 +
				random_below(&model.random, 3) * random_below(&model.random, 20);
		model.logged = model.followed = 0;
		operate(keys);
		check_counters();
		if (i % 5000 == 0)
			check_entries(keys);
	}
	model.refuse_one_in = 4;
	flush();
	check_counters();
	check_entries(keys);
	tt_flow_table_destroy(model.table);
}

static void run_all(enum hashing hashing)
{
	run(1, hashing, 50000);
	run(2, hashing, 100000);
	run(13, hashing, 200000);
	run(40, hashing, 200000);
	run(1000, hashing, hashing == HASH_ZERO || hashing == HASH_LAST ? 20000 : 100000);
}

static void test_random_hashes(void)
{
	run_all(HASH_RANDOM);
}

static void test_all_hashes_zero(void)
{
	run_all(HASH_ZERO);
}

static void test_all_hashes_of_the_last_bucket(void)
{
	run_all(HASH_LAST);
}

static void test_all_tags_equal(void)
{
	run_all(HASH_SAME_TAG);
}

static void test_two_chains_that_mix(void)
{
	run_all(HASH_TWO_CHAINS);
}

static const struct suite_test tests[] = {
	{"random hashes", test_random_hashes},
	{"all hashes zero", test_all_hashes_zero},
	{"all hashes of the last bucket", test_all_hashes_of_the_last_bucket},
	{"all tags equal", test_all_tags_equal},
	{"two chains that mix", test_two_chains_that_mix},
};

SUITE_MAIN("flow table against a model", tests)
