/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/table.h"

#include "base/error.h"
#include "base/memory.h"
#include "keys.h"
#include "suite.h"

#define TIMEOUT_MAX_MS (1u << 30)

static const struct tt_flow_timeouts timeouts = {
	{
		[TT_FLOW_TCP_HALF_OPEN] = 500,
		[TT_FLOW_TCP_OPEN] = 60000,
		[TT_FLOW_TCP_CLOSING] = 1000,
		[TT_FLOW_UDP_ONE_WAY] = 2000,
		[TT_FLOW_UDP_TWO_WAY] = 3000,
		[TT_FLOW_OTHER] = TIMEOUT_MAX_MS,
	},
};

/* What was reported, in order, and whether more is taken. */
struct reports {
	bool refuse;
	uint64_t count;
	uint64_t uid[4096];
	uint8_t reason[4096];
};

static bool report(void *context, struct tt_flow *flow)
{
	struct reports *reports = context;

	CU_ASSERT_EQUAL(flow->state, TT_FLOW_UNREPORTED);
	if (reports->refuse)
		return false;
	reports->uid[reports->count % 4096] = flow->uid;
	reports->reason[reports->count % 4096] = flow->close_reason;
	reports->count++;
	return true;
}

static struct tt_flow_table *table_with(uint32_t capacity, uint32_t half_open_limit)
{
	return table_of(&(struct tt_flow_table_options){
		.capacity = capacity,
		.half_open_limit = half_open_limit,
		.timeouts = timeouts,
	});
}

/* Hashes of consecutive numbers are far apart. */
static uint32_t hash_of(uint32_t number)
{
	return number * 2654435761u;
}

/* The flow of key `number`, whose uid is its number too. */
static struct tt_flow *insert(struct tt_flow_table *table, uint32_t number,
	enum tt_flow_class class, struct reports *reports)
{
	struct tt_flow_key key = key_of(number);
	struct tt_flow *flow = tt_flow_table_insert(table, &key, hash_of(number), report, reports);

	flow->uid = number;
	tt_flow_table_set_class(table, flow, class, report, reports);
	return flow;
}

static struct tt_flow *find(struct tt_flow_table *table, uint32_t number)
{
	struct tt_flow_key key = key_of(number);

	return tt_flow_table_lookup(table, &key, hash_of(number));
}

static uint64_t live(const struct tt_flow_table *table)
{
	return tt_counter_read(&tt_flow_table_counters(table)->live);
}

static void test_options_are_checked(void)
{
	const struct tt_flow_table_options good = {
		.capacity = 10, .half_open_limit = 10, .timeouts = timeouts};
	struct tt_flow_table_options bad[6] = {good, good, good, good, good, good};
	struct tt_flow_table *table;

	bad[0].capacity = 0;
	bad[1].capacity = (1u << 28) + 1;
	bad[2].half_open_limit = 0;
	bad[3].half_open_limit = 11;
	bad[4].timeouts.ms[TT_FLOW_OTHER] = TIMEOUT_MAX_MS + 1;
	bad[5].timeouts.ms[TT_FLOW_TCP_HALF_OPEN] = 0;
	for (unsigned int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(tt_flow_table_create(&table, &bad[i]), TT_ERROR_ARGUMENT);
		CU_ASSERT_PTR_NULL(table);
	}
	CU_ASSERT_EQUAL(tt_flow_table_create(&table, &good), TT_OK);
	tt_flow_table_destroy(table);
	tt_flow_table_destroy(NULL);
}

static void test_memory_is_as_promised(void)
{
	uint32_t capacity = 1000000;
	double overhead = (double)tt_flow_table_bytes(capacity) -
		(double)capacity * (sizeof(struct tt_flow) + 8 + 4);

	CU_ASSERT_EQUAL(sizeof(struct tt_flow) % 64, 0);
	/* Pages that are not full, of the index, the free list, the entries and the table itself. */
	CU_ASSERT_TRUE(overhead >= 0 && overhead < 4 * (2 << 20));

	struct tt_flow_table *table = table_with(1000, 10);
	CU_ASSERT_TRUE(tt_flow_table_populate(table));
	CU_ASSERT_EQUAL(live(table), 0);
	CU_ASSERT_EQUAL(tt_flow_table_extent(table), 0);
	tt_flow_table_destroy(table);
}

static void test_new_entry_is_zero_but_for_its_key(void)
{
	struct reports reports = {0};
	struct tt_flow_table *table = table_with(1, 1);
	struct tt_flow_key key = key_of(2);

	tt_flow_table_advance(table, 77);
	struct tt_flow *flow = insert(table, 1, TT_FLOW_TCP_OPEN, &reports);
	memset(&flow->counters, 0xff, sizeof(flow->counters));
	memset(&flow->tcp, 0xff, sizeof(flow->tcp));
	flow->tap_ports[1] = 9;
	tt_flow_table_close(table, flow, TT_CLOSE_RST, report, &reports);

	struct tt_flow *again = tt_flow_table_insert(table, &key, 5, report, &reports);
	struct tt_flow expected;
	memset(&expected, 0, sizeof(expected));
	expected.key = key;
	expected.hash = 5;
	expected.seen_ms = 77;
	expected.state = TT_FLOW_ACTIVE;
	expected.class = TT_FLOW_OTHER;
	CU_ASSERT_PTR_EQUAL(again, flow);
	CU_ASSERT_EQUAL(memcmp(again, &expected, sizeof(expected)), 0);
	tt_flow_table_destroy(table);
}

static void test_bulk_finds_what_single_finds(void)
{
	struct reports reports = {0};
	struct tt_flow_table *table = table_with(500, 500);
	struct tt_flow_key keys[TT_FLOW_BURST];
	uint32_t hashes[TT_FLOW_BURST];
	struct tt_flow *found[TT_FLOW_BURST];
	uint64_t random = 11;

	for (uint32_t i = 0; i < 500; i++)
		insert(table, i, TT_FLOW_OTHER, &reports);
	for (unsigned int count = 0; count <= TT_FLOW_BURST; count++) {
		uint32_t numbers[TT_FLOW_BURST];
		for (unsigned int i = 0; i < count; i++) {
			numbers[i] = random_below(&random, 1000);
			keys[i] = key_of(numbers[i]);
			hashes[i] = hash_of(numbers[i]);
		}
		look_up(table, keys, hashes, count, found);
		for (unsigned int i = 0; i < count; i++) {
			CU_ASSERT_PTR_EQUAL(found[i], find(table, numbers[i]));
			CU_ASSERT_EQUAL(found[i] != NULL, numbers[i] < 500);
			CU_ASSERT_TRUE(found[i] == NULL || found[i]->uid == numbers[i]);
		}
	}
	tt_flow_table_destroy(table);
}

/* More flows of one bucket and tag than an 8-bit overflow counter could count. */
static void test_equal_hashes_are_never_lost(void)
{
	enum {
		FLOWS = 4000
	};
	struct reports reports = {0};
	struct tt_flow_table *table = table_with(FLOWS, FLOWS);

	for (uint32_t i = 0; i < FLOWS; i++) {
		struct tt_flow_key key = key_of(i);
		/* The last bucket, so that the walk goes around the index's end. */
		tt_flow_table_insert(table, &key, UINT32_MAX, report, &reports)->uid = i;
	}
	for (uint32_t i = 0; i < FLOWS - 1; i++) {
		struct tt_flow_key key = key_of(i), last = key_of(FLOWS - 1);
		struct tt_flow *flow = tt_flow_table_lookup(table, &key, UINT32_MAX);
		CU_ASSERT_PTR_NOT_NULL_FATAL(flow);
		CU_ASSERT_EQUAL(flow->uid, i);
		tt_flow_table_close(table, flow, TT_CLOSE_FIN, report, &reports);
		CU_ASSERT_PTR_NULL(tt_flow_table_lookup(table, &key, UINT32_MAX));
		CU_ASSERT_PTR_NOT_NULL(tt_flow_table_lookup(table, &last, UINT32_MAX));
	}
	CU_ASSERT_EQUAL(live(table), 1);
	tt_flow_table_destroy(table);
}

/* By a candidate from before, whatever became of its entry. */
static void test_candidate_goes_stale(void)
{
	struct reports reports = {0};
	struct tt_flow_table *table = table_with(1, 1);
	struct tt_flow_key old_key = key_of(1), new_key = key_of(2);
	uint32_t old_hash = hash_of(1), new_hash = hash_of(2);
	struct tt_flow *candidate;

	tt_flow_table_candidates(table, &old_hash, 1, &candidate);
	CU_ASSERT_PTR_NULL(tt_flow_table_find(table, candidate, &old_key, old_hash));
	struct tt_flow *flow = insert(table, 1, TT_FLOW_OTHER, &reports);
	CU_ASSERT_PTR_EQUAL(tt_flow_table_find(table, candidate, &old_key, old_hash), flow);
	tt_flow_table_candidates(table, &old_hash, 1, &candidate);
	CU_ASSERT_PTR_EQUAL(candidate, flow);
	insert(table, 2, TT_FLOW_OTHER, &reports);
	CU_ASSERT_PTR_NULL(tt_flow_table_find(table, candidate, &old_key, old_hash));
	CU_ASSERT_PTR_EQUAL(tt_flow_table_find(table, candidate, &new_key, new_hash), flow);
	tt_flow_table_close(table, flow, TT_CLOSE_FIN, report, &reports);
	CU_ASSERT_PTR_NULL(tt_flow_table_find(table, candidate, &new_key, new_hash));
	tt_flow_table_destroy(table);
}

/* ---- eviction ---- */

static void test_eviction_order(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(6, 6);
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(table);

	reports = (struct reports){0};
	insert(table, 0, TT_FLOW_OTHER, &reports);
	insert(table, 1, TT_FLOW_TCP_HALF_OPEN, &reports);
	tt_flow_table_advance(table, 10);
	insert(table, 2, TT_FLOW_UDP_ONE_WAY, &reports);
	insert(table, 3, TT_FLOW_TCP_HALF_OPEN, &reports);
	insert(table, 4, TT_FLOW_OTHER, &reports);
	insert(table, 5, TT_FLOW_OTHER, &reports);
	reports.refuse = true;
	tt_flow_table_close(table, find(table, 4), TT_CLOSE_FIN, report, &reports);
	tt_flow_table_close(table, find(table, 5), TT_CLOSE_RST, report, &reports);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), 2);
	CU_ASSERT_EQUAL(live(table), 6);

	/* Records are taken again: the oldest unreported goes, with its own reason. */
	reports.refuse = false;
	insert(table, 10, TT_FLOW_TCP_OPEN, &reports);
	CU_ASSERT_EQUAL(reports.count, 1);
	CU_ASSERT_EQUAL(reports.uid[0], 4);
	CU_ASSERT_EQUAL(reports.reason[0], TT_CLOSE_FIN);

	/* They are not: the half-open ones go, oldest first, although their records are lost. */
	reports.refuse = true;
	insert(table, 11, TT_FLOW_TCP_OPEN, &reports);
	CU_ASSERT_PTR_NULL(find(table, 1));
	CU_ASSERT_PTR_NOT_NULL(find(table, 3));
	insert(table, 12, TT_FLOW_TCP_OPEN, &reports);
	CU_ASSERT_PTR_NULL(find(table, 3));
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_half_open), 2);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->lost_unreported), 2);

	/* Then what is closed already. */
	insert(table, 13, TT_FLOW_TCP_OPEN, &reports);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->lost_unreported), 3);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_idle), 0);

	/* Then the longest idle. */
	reports.refuse = false;
	insert(table, 14, TT_FLOW_TCP_OPEN, &reports);
	insert(table, 15, TT_FLOW_TCP_OPEN, &reports);
	CU_ASSERT_EQUAL(reports.count, 3);
	CU_ASSERT_EQUAL(reports.uid[1], 0);
	CU_ASSERT_EQUAL(reports.reason[1], TT_CLOSE_EVICTED);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_idle), 2);
	CU_ASSERT_EQUAL(live(table), 6);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->live_high), 6);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->created), 12);
	tt_flow_table_destroy(table);
}

static void test_evicted_flow_that_had_ended_keeps_its_reason(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(3, 1);
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(table);

	reports = (struct reports){0};
	insert(table, 1, TT_FLOW_TCP_CLOSING, &reports)->tcp.life = TT_TCP_CLOSED_RST;
	tt_flow_table_advance(table, 1);
	insert(table, 2, TT_FLOW_UDP_ONE_WAY, &reports);
	tt_flow_table_advance(table, 3);
	insert(table, 3, TT_FLOW_OTHER, &reports);
	insert(table, 4, TT_FLOW_OTHER, &reports);
	tt_flow_table_advance(table, 4000);
	insert(table, 5, TT_FLOW_OTHER, &reports);
	CU_ASSERT_EQUAL(reports.count, 2);
	CU_ASSERT_EQUAL(reports.uid[0], 1);
	CU_ASSERT_EQUAL(reports.reason[0], TT_CLOSE_RST);
	CU_ASSERT_EQUAL(reports.uid[1], 2);
	CU_ASSERT_EQUAL(reports.reason[1], TT_CLOSE_IDLE);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_idle), 0);
	tt_flow_table_destroy(table);
}

/* The sweep's last pass is what the longest idle are taken from, and touched ones are spared. */
static void test_longest_idle_of_a_pass(void)
{
	enum {
		FLOWS = 1000
	};
	static struct reports reports;
	struct tt_flow_table *table = table_with(FLOWS, 1);

	reports = (struct reports){0};
	for (uint32_t i = 0; i < FLOWS; i++)
		insert(table, i, TT_FLOW_OTHER, &reports);
	/* Idle for longer: 617 * i modulo 1,000, a permutation. */
	for (uint32_t age = FLOWS; age-- > 0;) {
		tt_flow_table_advance(table, 10 * (FLOWS - age));
		find(table, age * 617 % FLOWS)->seen_ms = now_of(table);
	}
	for (unsigned int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(tt_flow_table_sweep(table, FLOWS / 10, report, &reports), 0);
	find(table, (FLOWS - 3) * 617 % FLOWS)->seen_ms = now_of(table);
	for (uint32_t i = 0; i < 60; i++)
		insert(table, FLOWS + i, TT_FLOW_OTHER, &reports);
	CU_ASSERT_EQUAL(reports.count, 60);
	for (uint32_t i = 0; i < 60; i++)
		CU_ASSERT_EQUAL(reports.uid[i], (FLOWS - 1 - i - (i >= 2)) * 617 % FLOWS);
	tt_flow_table_destroy(table);
}

/* Without a sweep each eviction is among the most idle quarter of a sample. */
static void test_longest_idle_of_a_sample(void)
{
	enum {
		FLOWS = 10000
	};
	static struct reports reports;
	struct tt_flow_table *table = table_with(FLOWS, 1);
	unsigned int evicted_young = 0;

	reports = (struct reports){0};
	for (uint32_t i = 0; i < FLOWS; i++)
		insert(table, i, TT_FLOW_OTHER, &reports);
	for (uint32_t age = FLOWS; age-- > 0;) {
		tt_flow_table_advance(table, FLOWS - age);
		find(table, age * 6173 % FLOWS)->seen_ms = now_of(table);
	}
	for (uint32_t i = 0; i < FLOWS / 5; i++)
		insert(table, FLOWS + i, TT_FLOW_OTHER, &reports);
	CU_ASSERT_EQUAL(reports.count, FLOWS / 5);
	for (uint32_t i = 0; i < FLOWS / 5; i++) {
		uint64_t uid = reports.uid[i], age = 0;
		while (age * 6173 % FLOWS != uid)
			age++;
		evicted_young += age < FLOWS / 2;
	}
	CU_ASSERT_TRUE(evicted_young < FLOWS / 5 / 20);
	/* Small tables are sampled whole: their order is exact. */
	tt_flow_table_destroy(table);
	table = table_with(7, 1);
	reports.count = 0;
	for (uint32_t i = 0; i < 70; i++) {
		tt_flow_table_advance(table, 10 * i);
		insert(table, i, TT_FLOW_OTHER, &reports);
	}
	CU_ASSERT_EQUAL(reports.count, 63);
	for (uint32_t i = 0; i < 63; i++)
		CU_ASSERT_EQUAL(reports.uid[i], i);
	tt_flow_table_destroy(table);
}

static void test_half_open_limit(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(10, 3);
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(table);

	reports = (struct reports){0};
	for (uint32_t i = 0; i < 3; i++)
		insert(table, i, TT_FLOW_TCP_HALF_OPEN, &reports);
	/* To be half-open again changes nothing: 0 is still the oldest. */
	tt_flow_table_set_class(table, find(table, 0), TT_FLOW_TCP_HALF_OPEN, report, &reports);
	insert(table, 3, TT_FLOW_TCP_HALF_OPEN, &reports);
	CU_ASSERT_EQUAL(reports.count, 1);
	CU_ASSERT_EQUAL(reports.uid[0], 0);
	CU_ASSERT_EQUAL(reports.reason[0], TT_CLOSE_EVICTED);
	/* The middle one leaves the list, and makes room in it. */
	tt_flow_table_set_class(table, find(table, 2), TT_FLOW_TCP_OPEN, report, &reports);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->half_open), 2);
	insert(table, 4, TT_FLOW_TCP_HALF_OPEN, &reports);
	CU_ASSERT_EQUAL(reports.count, 1);
	insert(table, 5, TT_FLOW_TCP_HALF_OPEN, &reports);
	CU_ASSERT_EQUAL(reports.uid[1], 1);
	/* Its record refused, the evicted one stays for the sweep: there is room in the table. */
	reports.refuse = true;
	insert(table, 6, TT_FLOW_TCP_HALF_OPEN, &reports);
	CU_ASSERT_PTR_NULL(find(table, 3));
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), 1);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->half_open), 3);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->half_open_high), 3);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_half_open), 3);
	reports.refuse = false;
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 1, report, &reports), 1);
	CU_ASSERT_EQUAL(reports.uid[2], 3);
	CU_ASSERT_EQUAL(reports.reason[2], TT_CLOSE_EVICTED);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->lost_unreported), 0);
	tt_flow_table_destroy(table);
}

/* Whether or not records find room, established flows outlive any number of SYNs. */
static void flood(uint32_t half_open_limit, bool refuse)
{
	enum {
		ESTABLISHED = 800
	};
	static struct reports reports;
	struct tt_flow_table *table = table_with(1000, half_open_limit);
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(table);

	reports = (struct reports){0};
	for (uint32_t i = 0; i < ESTABLISHED; i++)
		insert(table, i, TT_FLOW_TCP_OPEN, &reports);
	reports.refuse = refuse;
	for (uint32_t i = 0; i < 50000; i++) {
		tt_flow_table_advance(table, i / 10);
		insert(table, ESTABLISHED + i, TT_FLOW_TCP_HALF_OPEN, &reports);
		if (i % 64 == 0)
			tt_flow_table_sweep(table, 16, report, &reports);
	}
	for (uint32_t i = 0; i < ESTABLISHED; i++)
		CU_ASSERT_PTR_NOT_NULL(find(table, i));
	CU_ASSERT_EQUAL(tt_counter_read(&counters->evicted_idle), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->created),
		live(table) + reports.count + tt_counter_read(&counters->lost_unreported));
	CU_ASSERT_EQUAL(refuse, reports.count == 0);
	tt_flow_table_destroy(table);
}

static void test_syn_flood_spares_established(void)
{
	flood(50, false);
	flood(50, true);
	flood(1000, false);
	flood(1000, true);
}

/* ---- time ---- */

static void test_expiry_is_exact(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(10, 10);

	reports = (struct reports){0};
	for (enum tt_flow_class i = 0; i < TT_FLOW_CLASSES; i++)
		insert(table, i, i, &reports)->tcp.life = TT_TCP_CLOSED_FIN;
	uint64_t start_ms = 0;
	for (enum tt_flow_class i = 0; i < TT_FLOW_CLASSES; i++) {
		struct tt_flow *flow = find(table, i);
		flow->seen_ms = now_of(table);
		tt_flow_table_advance(table, start_ms + timeouts.ms[i]);
		CU_ASSERT_FALSE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
		tt_flow_table_advance(table, start_ms + timeouts.ms[i] + 1);
		CU_ASSERT_TRUE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
		CU_ASSERT_EQUAL(tt_flow_expiry_reason(flow),
			i == TT_FLOW_TCP_CLOSING ? TT_CLOSE_FIN : TT_CLOSE_IDLE);
		start_ms += timeouts.ms[i] + 1;
		/* Time does not run backwards. */
		tt_flow_table_advance(table, start_ms - 1);
		CU_ASSERT_TRUE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
	}
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 10, report, &reports), TT_FLOW_CLASSES);
	CU_ASSERT_EQUAL(live(table), 0);
	tt_flow_table_destroy(table);
}

static void test_clock_wraps(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(10, 10);
	uint64_t now_ms = 0;

	reports = (struct reports){0};
	/* To 10 ms before 2^32 in steps that nothing outlives. */
	while (now_of(table) < UINT32_MAX - 9) {
		uint32_t left_ms = UINT32_MAX - 9 - now_of(table);
		now_ms += left_ms < TIMEOUT_MAX_MS ? left_ms : TIMEOUT_MAX_MS;
		tt_flow_table_advance(table, now_ms);
		CU_ASSERT_EQUAL_FATAL(now_of(table), (uint32_t)now_ms);
	}
	struct tt_flow *flow = insert(table, 1, TT_FLOW_UDP_ONE_WAY, &reports);
	tt_flow_table_advance(table, now_ms + 2000);
	CU_ASSERT_TRUE(now_of(table) < 2000);
	CU_ASSERT_FALSE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 10, report, &reports), 0);
	tt_flow_table_advance(table, now_ms + 2001);
	CU_ASSERT_TRUE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 10, report, &reports), 1);
	CU_ASSERT_EQUAL(reports.reason[0], TT_CLOSE_IDLE);
	tt_flow_table_destroy(table);
}

/* Ages of a multiple of 2^32 ms must not look like 0: neither in one step, nor in many without a
 * sweep between them. */
static void test_long_gaps_do_not_rejuvenate(void)
{
	static const uint64_t steps_ms[] = {
		TIMEOUT_MAX_MS, TIMEOUT_MAX_MS + 1, (uint64_t)1 << 32, (uint64_t)1 << 40, 86400000};
	static struct reports reports;

	for (unsigned int i = 0; i < 5; i++) {
		struct tt_flow_table *table = table_with(10, 10);
		struct tt_flow *flow = insert(table, 1, TT_FLOW_OTHER, &reports);
		tt_flow_table_advance(table, TIMEOUT_MAX_MS + 1);
		for (unsigned int step = 1; step < 200; step++) {
			tt_flow_table_advance(table, TIMEOUT_MAX_MS + 1 + step * steps_ms[i]);
			CU_ASSERT_TRUE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
		}
		/* Once the sweep has passed the clock goes on, as exactly as ever. */
		CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 10, report, &reports), 1);
		uint64_t now_ms = TIMEOUT_MAX_MS + 1 + 200 * steps_ms[i];
		tt_flow_table_advance(table, now_ms);
		flow = insert(table, 2, TT_FLOW_OTHER, &reports);
		for (unsigned int step = 1; step <= 16; step++) {
			tt_flow_table_advance(table, now_ms + step * (TIMEOUT_MAX_MS / 16));
			CU_ASSERT_FALSE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
			tt_flow_table_sweep(table, 10, report, &reports);
		}
		tt_flow_table_advance(table, now_ms + TIMEOUT_MAX_MS + 1);
		CU_ASSERT_TRUE(tt_flow_has_expired(tt_flow_table_clock(table), flow));
		tt_flow_table_destroy(table);
	}
}

static void test_sweep_is_bounded_and_complete(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(1000, 1);

	reports = (struct reports){0};
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 100, report, &reports), 0);
	for (uint32_t i = 0; i < 1000; i++)
		insert(table, i, i % 2 == 0 ? TT_FLOW_UDP_ONE_WAY : TT_FLOW_TCP_OPEN, &reports);
	tt_flow_table_advance(table, 2001);
	for (unsigned int i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 100, report, &reports), 50);
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 99, report, &reports), 50);
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 2000, report, &reports), 0);
	CU_ASSERT_EQUAL(live(table), 500);
	for (uint32_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(find(table, i) != NULL, i % 2 == 1);
	tt_flow_table_destroy(table);
}

/* ---- unreported ---- */

static void test_unreported_is_retried_in_order(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(100, 100);
	const struct tt_flow_table_counters *counters = tt_flow_table_counters(table);

	reports = (struct reports){.refuse = true};
	for (uint32_t i = 0; i < 50; i++)
		insert(table, i, TT_FLOW_TCP_HALF_OPEN, &reports);
	/* Closed in another order than that of their entries. */
	for (uint32_t i = 0; i < 50; i++)
		tt_flow_table_close(table, find(table, i * 7 % 50), TT_CLOSE_FIN, report, &reports);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), 50);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->half_open), 0);
	for (uint32_t i = 0; i < 50; i++)
		CU_ASSERT_PTR_NULL(tt_flow_table_entry(table, i));

	/* The key is free for another connection, which is another entry. */
	insert(table, 7, TT_FLOW_TCP_OPEN, &reports)->uid = 1007;
	CU_ASSERT_EQUAL(find(table, 7)->uid, 1007);
	CU_ASSERT_EQUAL(live(table), 51);
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 100, report, &reports), 0);

	reports.refuse = false;
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 20, report, &reports), 20);
	CU_ASSERT_EQUAL(tt_flow_table_sweep(table, 100, report, &reports), 30);
	for (uint32_t i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(reports.uid[i], i * 7 % 50);
	CU_ASSERT_EQUAL(tt_counter_read(&counters->unreported), 0);
	CU_ASSERT_EQUAL(live(table), 1);
	CU_ASSERT_EQUAL(find(table, 7)->uid, 1007);
	tt_flow_table_destroy(table);
}

/* A report that takes `left` records and then refuses. */
static bool report_some(void *context, struct tt_flow *flow)
{
	struct reports *reports = context;

	if (reports->refuse)
		return false;
	(void)report(context, flow);
	reports->refuse = reports->count % 7 == 0;
	return true;
}

static void test_flush_goes_on_where_it_stopped(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(100, 100);
	uint32_t position = 0;
	unsigned int calls = 0;
	bool seen[100] = {false};

	reports = (struct reports){0};
	for (uint32_t i = 0; i < 100; i++)
		insert(table, i, i % 3 == 0 ? TT_FLOW_TCP_HALF_OPEN : TT_FLOW_TCP_OPEN, &reports);
	find(table, 50)->tcp.life = TT_TCP_CLOSED_FIN;
	tt_flow_table_set_class(table, find(table, 50), TT_FLOW_TCP_CLOSING, report, &reports);
	tt_flow_table_advance(table, 501);
	for (uint32_t i = 70; i < 100; i++)
		find(table, i)->seen_ms = now_of(table);
	while (position < tt_flow_table_extent(table) && calls++ < 1000) {
		reports.refuse = false;
		tt_flow_table_flush(table, &position, 10, TT_CLOSE_SHUTDOWN, report_some, &reports);
		CU_ASSERT_TRUE(reports.count <= calls * 10);
	}
	CU_ASSERT_EQUAL(reports.count, 100);
	CU_ASSERT_EQUAL(live(table), 0);
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t uid = reports.uid[i];
		enum tt_close_reason expected = TT_CLOSE_SHUTDOWN;
		if (uid == 50)
			expected = TT_CLOSE_FIN;
		else if (uid < 70 && uid % 3 == 0)
			expected = TT_CLOSE_IDLE;
		CU_ASSERT_EQUAL(reports.reason[i], expected);
		CU_ASSERT_FALSE(seen[uid]);
		seen[uid] = true;
	}
	tt_flow_table_destroy(table);
}

/* The end is not announced while the last record has no room. */
static void test_flush_waits_for_the_last_record(void)
{
	static struct reports reports;
	struct tt_flow_table *table = table_with(10, 10);
	uint32_t position = 0;

	reports = (struct reports){0};
	tt_flow_table_flush(table, &position, 10, TT_CLOSE_SHUTDOWN, report, &reports);
	CU_ASSERT_EQUAL(position, tt_flow_table_extent(table));
	insert(table, 1, TT_FLOW_OTHER, &reports);
	reports.refuse = true;
	for (unsigned int i = 0; i < 3; i++) {
		tt_flow_table_flush(table, &position, 10, TT_CLOSE_SHUTDOWN, report, &reports);
		CU_ASSERT_TRUE(position < tt_flow_table_extent(table));
	}
	reports.refuse = false;
	tt_flow_table_flush(table, &position, 10, TT_CLOSE_SHUTDOWN, report, &reports);
	CU_ASSERT_EQUAL(position, tt_flow_table_extent(table));
	CU_ASSERT_EQUAL(reports.count, 1);
	CU_ASSERT_EQUAL(reports.reason[0], TT_CLOSE_SHUTDOWN);
	tt_flow_table_destroy(table);
}

/* ---- walk ---- */

static void test_walk_sees_each_lasting_flow_once(void)
{
	enum {
		LASTING = 300
	};
	static struct reports reports;
	struct tt_flow_table *table = table_with(2000, 1);
	uint64_t random = 5;
	uint32_t next = 0;

	/* Lasting flows between others that come and go. */
	reports = (struct reports){0};
	for (uint32_t i = 0; i < 1500; i++)
		insert(table, i % 5 == 0 ? i / 5 : LASTING + i, TT_FLOW_TCP_OPEN, &reports);
	next = LASTING + 1500;
	for (unsigned int walk = 0; walk < 5; walk++) {
		unsigned int seen[LASTING] = {0};
		for (uint32_t i = 0; i < tt_flow_table_extent(table); i++) {
			struct tt_flow *flow = tt_flow_table_entry(table, i);
			if (flow != NULL && flow->uid < LASTING)
				seen[flow->uid]++;
			struct tt_flow *victim = tt_flow_table_entry(
				table, random_below(&random, tt_flow_table_extent(table)));
			if (victim != NULL && victim->uid >= LASTING)
				tt_flow_table_close(table, victim, TT_CLOSE_FIN, report, &reports);
			if (live(table) < 1900 && random_below(&random, 3) != 0)
				insert(table, next++, TT_FLOW_TCP_OPEN, &reports);
		}
		for (uint32_t i = 0; i < LASTING; i++)
			CU_ASSERT_EQUAL(seen[i], 1);
	}
	CU_ASSERT_PTR_NULL(tt_flow_table_entry(table, tt_flow_table_extent(table)));
	CU_ASSERT_PTR_NULL(tt_flow_table_entry(table, UINT32_MAX));
	tt_flow_table_destroy(table);
}

static void test_reasons_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(tt_close_reason_name(TT_CLOSE_END_OF_CAPTURE), "end_of_capture");
	CU_ASSERT_STRING_EQUAL(tt_close_reason_name(TT_CLOSE_REASONS), "none");
	for (enum tt_close_reason i = 0; i < TT_CLOSE_REASONS; i = i + 1)
		for (enum tt_close_reason j = 0; j < i; j = j + 1)
			CU_ASSERT_STRING_NOT_EQUAL(
				tt_close_reason_name(i), tt_close_reason_name(j));
}

static const struct suite_test tests[] = {
	{"options are checked", test_options_are_checked},
	{"memory is as promised", test_memory_is_as_promised},
	{"new entry is zero but for its key", test_new_entry_is_zero_but_for_its_key},
	{"bulk finds what single finds", test_bulk_finds_what_single_finds},
	{"equal hashes are never lost", test_equal_hashes_are_never_lost},
	{"candidate goes stale", test_candidate_goes_stale},
	{"eviction order", test_eviction_order},
	{"evicted flow that had ended keeps its reason",
		test_evicted_flow_that_had_ended_keeps_its_reason},
	{"longest idle of a pass", test_longest_idle_of_a_pass},
	{"longest idle of a sample", test_longest_idle_of_a_sample},
	{"half-open limit", test_half_open_limit},
	{"SYN flood spares established", test_syn_flood_spares_established},
	{"expiry is exact", test_expiry_is_exact},
	{"clock wraps", test_clock_wraps},
	{"long gaps do not rejuvenate", test_long_gaps_do_not_rejuvenate},
	{"sweep is bounded and complete", test_sweep_is_bounded_and_complete},
	{"unreported is retried in order", test_unreported_is_retried_in_order},
	{"flush goes on where it stopped", test_flush_goes_on_where_it_stopped},
	{"flush waits for the last record", test_flush_waits_for_the_last_record},
	{"walk sees each lasting flow once", test_walk_sees_each_lasting_flow_once},
	{"reasons have names", test_reasons_have_names},
};

SUITE_MAIN("flow table", tests)
