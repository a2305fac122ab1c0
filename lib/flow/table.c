/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/table.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LINE_BYTES 64

#define CAPACITY_MAX (1u << 28)

#define SLOTS		   12
#define ENTRIES_PER_BUCKET 8
_Static_assert(ENTRIES_PER_BUCKET <= SLOTS, "a bucket for each so many entries: there is a slot");

/* How far the clock may run from the start of the last whole pass of the sweep. An entry that the
 * pass left ACTIVE was last seen at most TT_FLOW_TIMEOUT_MS_MAX before that start, so its age stays
 * below 2^32 ms. */
#define CLOCK_LEAD_MS (UINT32_MAX - TT_FLOW_TIMEOUT_MS_MAX)

/* Longest idle entries that a pass of the sweep keeps for eviction. Between passes they run out
 * when more than that many flows a pass are evicted; then a sample of SAMPLE entries is looked at,
 * and one in SAMPLE_PART of them is kept. */
#define CANDIDATES  64
#define SAMPLE	    64
#define SAMPLE_PART 4

/* Entries that are compared with a candidate before it is evicted. */
#define SECOND_LOOKS 4

/* Entries between the prefetch of a free entry and its use. */
#define TAKE_AHEAD 4

/* Half-open entries between the prefetch of one, and of its bucket, and its eviction. At a million a
 * second and more, each longer than a miss. */
#define EVICT_AHEAD	   8
#define EVICT_BUCKET_AHEAD 4

/* Entries between the sweep's prefetch and its look: with 10 ns a look, longer than a cache miss. */
#define SWEEP_AHEAD 12

/* Slot i is free when tag[i] is 0. `overflows` counts the entries that found this bucket full on
 * their way from their first bucket; it cannot wrap, since there are fewer entries than 2^32. */
struct bucket {
	uint8_t tag[SLOTS];
	uint32_t overflows;
	uint32_t number[SLOTS];
} __attribute__((aligned(LINE_BYTES)));

_Static_assert(sizeof(struct bucket) == LINE_BYTES, "a bucket is a cache line");

/* A FIFO of entries, doubly linked through tt_flow.next and .previous: entry number + 1, or 0. */
struct list {
	uint32_t head; /* oldest */
	uint32_t tail;
};

/* The half-open entries that are evicted next, which are fetched. */
struct evict_ahead {
	uint32_t link;	/* entry number + 1 of the next one to fetch, or 0: begin at the oldest */
	uint32_t count; /* fetched ones before it, or more: others than the oldest have left */
	uint32_t next;	/* in number[] */
	uint32_t number[EVICT_AHEAD]; /* fetched latest */
};

/* An entry as it was when it was looked at. */
struct candidate {
	uint32_t number;
	uint32_t seen_ms;
	uint32_t weight; /* of its class */
};

/* Those offered that have been idle for the largest part of their timeouts, the largest last. */
struct candidates {
	uint32_t count;
	struct candidate at[CANDIDATES];
};

struct tt_flow_table {
	struct bucket *buckets;
	struct tt_flow *entries;
	uint32_t bucket_count;
	uint32_t capacity;
	uint32_t extent; /* entries from here on were never used, and are zero */
	uint32_t free_count;
	uint32_t *free_numbers; /* of the FREE entries below extent; the latest is taken first */
	uint32_t half_open_limit;
	uint32_t longest_ms;		  /* timeout that any entry may have */
	uint32_t weight[TT_FLOW_CLASSES]; /* of a millisecond of idleness, the more the shorter the
					   * timeout */
	struct list half_open;
	struct list unreported;
	struct evict_ahead ahead;

	uint64_t given_ms; /* latest argument of advance() */
	struct tt_flow_clock clock;
	uint64_t pass_ms;	 /* clock at the start of the sweep's present pass, */
	uint64_t last_pass_ms;	 /* and of the last whole one */
	uint32_t sweep_hand;	 /* next entry of the present pass */
	uint32_t sample_hand;	 /* next entry to sample for eviction */
	struct candidates next;	 /* of the present pass */
	struct candidates ready; /* of the last whole pass, or of a sample since */

	struct tt_flow_table_counters counters __attribute__((aligned(LINE_BYTES)));
};

/* ---- memory ---- */

static uint32_t bucket_count_for(uint32_t capacity)
{
	return (capacity + ENTRIES_PER_BUCKET - 1) / ENTRIES_PER_BUCKET;
}

static size_t index_bytes(uint32_t capacity)
{
	return bucket_count_for(capacity) * sizeof(struct bucket);
}

static size_t entries_bytes(uint32_t capacity)
{
	return capacity * sizeof(struct tt_flow);
}

static size_t free_numbers_bytes(uint32_t capacity)
{
	return capacity * sizeof(uint32_t);
}

size_t tt_flow_table_bytes(uint32_t capacity)
{
	return tt_memory_mapped_bytes(sizeof(struct tt_flow_table)) +
		tt_memory_mapped_bytes(index_bytes(capacity)) +
		tt_memory_mapped_bytes(free_numbers_bytes(capacity)) +
		tt_memory_mapped_bytes(entries_bytes(capacity));
}

static bool are_valid_timeouts(const struct tt_flow_timeouts *timeouts)
{
	for (unsigned int i = 0; i < TT_FLOW_CLASSES; i++)
		if (timeouts->ms[i] == 0 || timeouts->ms[i] > TT_FLOW_TIMEOUT_MS_MAX)
			return false;
	return true;
}

static bool are_valid(const struct tt_flow_table_options *options)
{
	if (options->capacity == 0 || options->capacity > CAPACITY_MAX ||
		options->half_open_limit == 0 || options->half_open_limit > options->capacity)
		return false;
	return are_valid_timeouts(&options->timeouts);
}

/* Patience is of half-open connections alone. */
/* Such that the product with any idle time fits in 64 bits. */
static uint32_t weight_of(uint32_t timeout_ms)
{
	return TT_FLOW_TIMEOUT_MS_MAX / (timeout_ms == 0 ? 1 : timeout_ms) + 1;
}

static uint32_t longest_timeout_ms(const struct tt_flow_timeouts *timeouts)
{
	uint64_t longest_ms = (uint64_t)timeouts->ms[TT_FLOW_TCP_HALF_OPEN]
		<< TT_FLOW_PATIENCE_LIMIT;

	for (unsigned int class = 0; class < TT_FLOW_CLASSES; class ++)
		if (timeouts->ms[class] > longest_ms)
			longest_ms = timeouts->ms[class];
	return longest_ms > TT_FLOW_TIMEOUT_MS_MAX ? TT_FLOW_TIMEOUT_MS_MAX : (uint32_t)longest_ms;
}

int tt_flow_table_set_timeouts(struct tt_flow_table *table, const struct tt_flow_timeouts *timeouts)
{
	if (!are_valid_timeouts(timeouts))
		return TT_ERROR_ARGUMENT;
	memcpy(table->clock.timeout_ms, timeouts->ms, sizeof(table->clock.timeout_ms));
	table->longest_ms = longest_timeout_ms(timeouts);
	for (unsigned int class = 0; class < TT_FLOW_CLASSES; class ++)
		table->weight[class] = weight_of(timeouts->ms[class]);
	return TT_OK;
}

int tt_flow_table_create(struct tt_flow_table **table, const struct tt_flow_table_options *options)
{
	*table = NULL;
	if (!are_valid(options))
		return TT_ERROR_ARGUMENT;

	struct tt_flow_table *new = tt_memory_map(sizeof(*new), false);
	if (new == NULL)
		return TT_ERROR_MEMORY;
	new->capacity = options->capacity;
	new->bucket_count = bucket_count_for(options->capacity);
	new->half_open_limit = options->half_open_limit;
	tt_flow_table_set_timeouts(new, &options->timeouts);
	new->buckets = tt_memory_map(index_bytes(new->capacity), options->huge_pages);
	new->free_numbers = tt_memory_map(free_numbers_bytes(new->capacity), options->huge_pages);
	new->entries = tt_memory_map(entries_bytes(new->capacity), options->huge_pages);
	if (new->buckets == NULL || new->free_numbers == NULL || new->entries == NULL) {
		tt_flow_table_destroy(new);
		return TT_ERROR_MEMORY;
	}
	*table = new;
	return TT_OK;
}

bool tt_flow_table_populate(struct tt_flow_table *table)
{
	return tt_memory_populate(table->buckets, index_bytes(table->capacity)) &&
		tt_memory_populate(table->free_numbers, free_numbers_bytes(table->capacity)) &&
		tt_memory_populate(table->entries, entries_bytes(table->capacity));
}

void tt_flow_table_destroy(struct tt_flow_table *table)
{
	if (table == NULL)
		return;
	tt_memory_unmap(table->buckets, index_bytes(table->capacity));
	tt_memory_unmap(table->free_numbers, free_numbers_bytes(table->capacity));
	tt_memory_unmap(table->entries, entries_bytes(table->capacity));
	tt_memory_unmap(table, sizeof(*table));
}

/* ---- index ---- */

/* The high bits of the hash choose the bucket, the low ones the tag. */
static struct bucket *first_bucket(const struct tt_flow_table *table, uint32_t hash)
{
	return &table->buckets[(uint64_t)hash * table->bucket_count >> 32];
}

static struct bucket *bucket_after(const struct tt_flow_table *table, struct bucket *bucket)
{
	return ++bucket == table->buckets + table->bucket_count ? table->buckets : bucket;
}

static uint8_t tag_of(uint32_t hash)
{
	uint8_t tag = (uint8_t)hash;

	return tag == 0 ? 1 : tag;
}

/* Bit i: slot i has this tag. */
static unsigned int slots_with(const struct bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket);
	__m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

	return (unsigned int)_mm_movemask_epi8(equal) & ((1u << SLOTS) - 1);
#else
	unsigned int slots = 0;

	for (unsigned int i = 0; i < SLOTS; i++)
		slots |= (unsigned int)(bucket->tag[i] == tag) << i;
	return slots;
#endif
}

static unsigned int lowest(unsigned int slots)
{
	return (unsigned int)__builtin_ctz(slots);
}

/* There is a free slot (see ENTRIES_PER_BUCKET), so the walk ends. */
static void index_add(struct tt_flow_table *table, uint32_t number, uint32_t hash)
{
	struct bucket *bucket = first_bucket(table, hash);
	unsigned int free_slots;

	while ((free_slots = slots_with(bucket, 0)) == 0) {
		bucket->overflows++;
		bucket = bucket_after(table, bucket);
	}
	bucket->tag[lowest(free_slots)] = tag_of(hash);
	bucket->number[lowest(free_slots)] = number;
}

/* The entry is in the index, so the walk ends at it, and takes back what index_add() counted. */
static void index_remove(struct tt_flow_table *table, uint32_t number, uint32_t hash)
{
	const uint8_t tag = tag_of(hash);

	for (struct bucket *bucket = first_bucket(table, hash);;
		bucket = bucket_after(table, bucket)) {
		for (unsigned int slots = slots_with(bucket, tag); slots != 0; slots &= slots - 1) {
			if (bucket->number[lowest(slots)] == number) {
				bucket->tag[lowest(slots)] = 0;
				return;
			}
		}
		bucket->overflows--;
	}
}

static struct tt_flow *match_in(const struct tt_flow_table *table, const struct bucket *bucket,
	unsigned int slots, const struct tt_flow_key *key)
{
	for (; slots != 0; slots &= slots - 1) {
		struct tt_flow *flow = &table->entries[bucket->number[lowest(slots)]];
		if (tt_flow_key_equal(&flow->key, key))
			return flow;
	}
	return NULL;
}

/* Look on where a key that is not in its first bucket can be. */
static __attribute__((noinline)) struct tt_flow *match_after(const struct tt_flow_table *table,
	struct bucket *bucket, const struct tt_flow_key *key, uint8_t tag)
{
	for (uint32_t left = table->bucket_count; bucket->overflows != 0 && left > 1; left--) {
		bucket = bucket_after(table, bucket);
		struct tt_flow *flow = match_in(table, bucket, slots_with(bucket, tag), key);
		if (flow != NULL)
			return flow;
	}
	return NULL;
}

struct tt_flow *tt_flow_table_lookup(
	struct tt_flow_table *table, const struct tt_flow_key *key, uint32_t hash)
{
	struct bucket *bucket = first_bucket(table, hash);
	const uint8_t tag = tag_of(hash);
	struct tt_flow *flow = match_in(table, bucket, slots_with(bucket, tag), key);

	return flow != NULL || bucket->overflows == 0 ? flow : match_after(table, bucket, key, tag);
}

void tt_flow_table_prefetch_buckets(
	const struct tt_flow_table *table, const uint32_t *hashes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		__builtin_prefetch(first_bucket(table, hashes[i]));
}

/* The entry that a lookup compares first. Without a tag that matches, entry 0 stands in: a branch
 * here would be mispredicted. */
static struct tt_flow *candidate_in(
	const struct tt_flow_table *table, const struct bucket *bucket, unsigned int slots)
{
	uint32_t number = bucket->number[lowest(slots | 1u << (SLOTS - 1))];

	return &table->entries[slots != 0 ? number : 0];
}

void tt_flow_table_candidates(const struct tt_flow_table *table, const uint32_t *hashes,
	unsigned int count, struct tt_flow **candidates)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct bucket *bucket = first_bucket(table, hashes[i]);

		candidates[i] = candidate_in(table, bucket, slots_with(bucket, tag_of(hashes[i])));
		__builtin_prefetch(candidates[i], 0, 2);
		__builtin_prefetch(candidates[i]->counters, 0, 2);
	}
}

void tt_flow_table_prefetch_links(const struct tt_flow_table *table, const struct tt_flow *flow)
{
	const uint32_t beside[2] = {flow->previous, flow->next};

	for (unsigned int i = 0; i < 2; i++)
		__builtin_prefetch(&table->entries[beside[i] - (beside[i] != 0)].next, 0, 2);
}

/* ---- lists and entries ---- */

static uint32_t number_of(const struct tt_flow_table *table, const struct tt_flow *flow)
{
	return (uint32_t)(flow - table->entries);
}

static struct tt_flow *oldest(const struct tt_flow_table *table, const struct list *list)
{
	return list->head == 0 ? NULL : &table->entries[list->head - 1];
}

static void list_append(struct tt_flow_table *table, struct list *list, struct tt_flow *flow)
{
	uint32_t link = number_of(table, flow) + 1;

	flow->next = 0;
	flow->previous = list->tail;
	if (list->tail == 0)
		list->head = link;
	else
		table->entries[list->tail - 1].next = link;
	list->tail = link;
}

static void list_remove(struct tt_flow_table *table, struct list *list, struct tt_flow *flow)
{
	if (flow->previous == 0)
		list->head = flow->next;
	else
		table->entries[flow->previous - 1].next = flow->next;
	if (flow->next == 0)
		list->tail = flow->previous;
	else
		table->entries[flow->next - 1].previous = flow->previous;
	flow->next = flow->previous = 0;
}

/* For counters that also go down. */
static void count_down(tt_counter *counter)
{
	tt_counter_set(counter, tt_counter_read(counter) - 1);
}

static void prefetch_entry(const struct tt_flow_table *table, uint32_t number)
{
	const uint8_t *entry = (const uint8_t *)&table->entries[number];

	for (size_t line = 0; line < sizeof(struct tt_flow); line += LINE_BYTES)
		__builtin_prefetch(entry + line, 1);
}

/* Fetch the half-open entries up to EVICT_AHEAD behind the oldest, which is about to be evicted. Each
 * tells which one is next, so they are walked as they come. */
static void fetch_ahead(struct tt_flow_table *table)
{
	struct evict_ahead *ahead = &table->ahead;

	if (ahead->link == 0) {
		ahead->link = table->half_open.head;
		ahead->count = 0;
	}
	for (unsigned int steps = 0; steps < 2 && ahead->count < EVICT_AHEAD && ahead->link != 0;
		steps++) {
		const uint32_t number = ahead->link - 1;

		ahead->link = table->entries[number].next;
		if (ahead->link != 0)
			prefetch_entry(table, ahead->link - 1);
		__builtin_prefetch(first_bucket(table,
			table->entries[ahead->number[(ahead->next + EVICT_BUCKET_AHEAD) %
					       EVICT_AHEAD]]
				.hash));
		ahead->number[ahead->next] = number;
		ahead->next = (ahead->next + 1) % EVICT_AHEAD;
		ahead->count++;
	}
}

static void half_open_remove(struct tt_flow_table *table, struct tt_flow *flow)
{
	struct evict_ahead *ahead = &table->ahead;

	if (ahead->link == number_of(table, flow) + 1)
		ahead->link = flow->next;
	if (flow->previous == 0 && ahead->count > 0)
		ahead->count--;
	list_remove(table, &table->half_open, flow);
	count_down(&table->counters.half_open);
}

/* A zero entry, or NULL when all are in use. */
static struct tt_flow *entry_take(struct tt_flow_table *table)
{
	struct tt_flow *flow;

	if (table->free_count > 0) {
		flow = &table->entries[table->free_numbers[--table->free_count]];
		if (table->free_count >= TAKE_AHEAD)
			prefetch_entry(table, table->free_numbers[table->free_count - TAKE_AHEAD]);
		memset(flow, 0, sizeof(*flow));
	} else if (table->extent < table->capacity) {
		flow = &table->entries[table->extent++];
	} else {
		return NULL;
	}
	tt_counter_add(&table->counters.live, 1);
	tt_counter_raise(&table->counters.live_high, tt_counter_read(&table->counters.live));
	return flow;
}

static void entry_free(struct tt_flow_table *table, struct tt_flow *flow)
{
	flow->state = TT_FLOW_FREE;
	table->free_numbers[table->free_count++] = number_of(table, flow);
	count_down(&table->counters.live);
}

/* ---- the end of a flow ---- */

/* Take an ACTIVE entry out of all but its place. */
static void detach(struct tt_flow_table *table, struct tt_flow *flow, enum tt_close_reason reason)
{
	index_remove(table, number_of(table, flow), flow->hash);
	if (flow->class == TT_FLOW_TCP_HALF_OPEN)
		half_open_remove(table, flow);
	flow->state = TT_FLOW_UNREPORTED;
	flow->close_reason = (unsigned int)reason & 15u;
}

/* Returns whether the entry was freed. */
static bool close_flow(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_close_reason reason, tt_flow_report report, void *context)
{
	detach(table, flow, reason);
	if (report(context, flow)) {
		entry_free(table, flow);
		return true;
	}
	list_append(table, &table->unreported, flow);
	tt_counter_add(&table->counters.unreported, 1);
	return false;
}

void tt_flow_table_close(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_close_reason reason, tt_flow_report report, void *context)
{
	close_flow(table, flow, reason, report, context);
}

static void unreported_free(struct tt_flow_table *table, struct tt_flow *flow)
{
	list_remove(table, &table->unreported, flow);
	count_down(&table->counters.unreported);
	entry_free(table, flow);
}

/* Report the oldest unreported entries again, at most `limit`, until one is refused. Returns how
 * many were freed. */
static unsigned int report_again(
	struct tt_flow_table *table, unsigned int limit, tt_flow_report report, void *context)
{
	unsigned int freed = 0;

	for (; freed < limit; freed++) {
		struct tt_flow *flow = oldest(table, &table->unreported);
		if (flow == NULL || !report(context, flow))
			break;
		unreported_free(table, flow);
	}
	return freed;
}

/* The reason to close an entry with now: what it has ended by, or else `reason`. */
static enum tt_close_reason ended_by(
	const struct tt_flow_table *table, const struct tt_flow *flow, enum tt_close_reason reason)
{
	if (flow->class == TT_FLOW_TCP_CLOSING || tt_flow_has_expired(&table->clock, flow))
		return tt_flow_expiry_reason(flow);
	return reason;
}

/* ---- eviction ---- */

/* Which part of its timeout has it been idle for? A flood of flows that nobody answers ages so much
 * faster than established connections do that these stay. */
static uint64_t idle_part(const struct tt_flow_table *table, const struct candidate *candidate)
{
	return (uint64_t)((uint32_t)table->clock.now_ms - candidate->seen_ms) * candidate->weight;
}

static bool is_longer_idle(
	const struct tt_flow_table *table, const struct candidate *a, const struct candidate *b)
{
	return idle_part(table, a) > idle_part(table, b);
}

static struct candidate candidate_of(const struct tt_flow_table *table, const struct tt_flow *flow)
{
	return (struct candidate){
		number_of(table, flow), flow->seen_ms, table->weight[flow->class]};
}

/* Keep an ACTIVE entry among the `limit` longest idle. Of equally idle ones the first offered goes
 * last, so that it is evicted first. */
static void offer(const struct tt_flow_table *table, struct candidates *candidates,
	unsigned int limit, const struct tt_flow *flow)
{
	const struct candidate offered = candidate_of(table, flow);
	uint32_t at = candidates->count;

	if (at < limit) {
		while (at > 0 && !is_longer_idle(table, &offered, &candidates->at[at - 1])) {
			candidates->at[at] = candidates->at[at - 1];
			at--;
		}
		candidates->count++;
	} else {
		if (!is_longer_idle(table, &offered, &candidates->at[0]))
			return;
		for (at = 0;
			at + 1 < limit && is_longer_idle(table, &offered, &candidates->at[at + 1]);
			at++)
			candidates->at[at] = candidates->at[at + 1];
	}
	candidates->at[at] = offered;
}

/* The longest idle candidate that was not touched since, or NULL. Another flow that has come to
 * have the entry since then and was seen at that very time is as idle. */
static const struct candidate *longest_idle_ready(struct tt_flow_table *table)
{
	while (table->ready.count > 0) {
		const struct candidate *candidate = &table->ready.at[table->ready.count - 1];

		if (table->entries[candidate->number].seen_ms == candidate->seen_ms)
			return candidate;
		table->ready.count--;
	}
	return NULL;
}

static const struct tt_flow *next_sampled(struct tt_flow_table *table)
{
	const struct tt_flow *flow = &table->entries[table->sample_hand];

	if (++table->sample_hand == table->extent)
		table->sample_hand = 0;
	return flow;
}

/* Look at the next SAMPLE entries, all of them where there are fewer, and keep the longest idle. */
static void sample(struct tt_flow_table *table)
{
	const uint32_t looks = table->extent < SAMPLE ? table->extent : SAMPLE;
	const unsigned int limit = (looks + SAMPLE_PART - 1) / SAMPLE_PART;

	for (uint32_t i = 0; i < looks; i++)
		offer(table, &table->ready, limit, next_sampled(table));
}

/* For a full table without UNREPORTED entries, so that all of them are ACTIVE. A pass over a table
 * that was nearly empty leaves candidates that are not idle: a few others are looked at, too. */
static struct tt_flow *longest_idle(struct tt_flow_table *table)
{
	const struct candidate *ready = longest_idle_ready(table);

	if (ready == NULL) {
		sample(table);
		ready = longest_idle_ready(table);
	}
	struct candidate best = *ready;
	for (unsigned int i = 0; i < SECOND_LOOKS; i++) {
		struct candidate other = candidate_of(table, next_sampled(table));

		if (is_longer_idle(table, &other, &best))
			best = other;
	}
	if (best.number == ready->number)
		table->ready.count--;
	return &table->entries[best.number];
}

/* Free one entry of a full table, in the order of the header. */
static void make_room(struct tt_flow_table *table, tt_flow_report report, void *context)
{
	struct tt_flow_table_counters *counters = &table->counters;

	if (report_again(table, 1, report, context) == 1)
		return;

	struct tt_flow *flow = oldest(table, &table->half_open);
	tt_counter *evicted = &counters->evicted_half_open;
	if (flow != NULL) {
		fetch_ahead(table);
	} else {
		struct tt_flow *unreported = oldest(table, &table->unreported);
		if (unreported != NULL) {
			unreported_free(table, unreported);
			tt_counter_add(&counters->lost_unreported, 1);
			return;
		}
		flow = longest_idle(table);
		evicted = &counters->evicted_idle;
	}

	detach(table, flow, ended_by(table, flow, TT_CLOSE_EVICTED));
	if (flow->close_reason == TT_CLOSE_EVICTED)
		tt_counter_add(evicted, 1);
	if (!report(context, flow))
		tt_counter_add(&counters->lost_unreported, 1);
	entry_free(table, flow);
}

struct tt_flow *tt_flow_table_insert(struct tt_flow_table *table, const struct tt_flow_key *key,
	uint32_t hash, tt_flow_report report, void *context)
{
	struct tt_flow *flow = entry_take(table);

	if (flow == NULL) {
		make_room(table, report, context);
		flow = entry_take(table);
	}
	flow->key = *key;
	flow->hash = hash;
	flow->seen_ms = (uint32_t)table->clock.now_ms;
	flow->state = TT_FLOW_ACTIVE;
	flow->class = TT_FLOW_OTHER;
	index_add(table, number_of(table, flow), hash);
	tt_counter_add(&table->counters.created, 1);
	return flow;
}

void tt_flow_table_set_class(struct tt_flow_table *table, struct tt_flow *flow,
	enum tt_flow_class class, tt_flow_report report, void *context)
{
	struct tt_flow_table_counters *counters = &table->counters;

	if (flow->class == class)
		return;
	if (flow->class == TT_FLOW_TCP_HALF_OPEN)
		half_open_remove(table, flow);
	flow->class = (uint8_t) class;
	flow->patience = 0;
	if (class != TT_FLOW_TCP_HALF_OPEN)
		return;

	if (tt_counter_read(&counters->half_open) == table->half_open_limit) {
		struct tt_flow *evicted = oldest(table, &table->half_open);
		enum tt_close_reason reason = ended_by(table, evicted, TT_CLOSE_EVICTED);
		if (reason == TT_CLOSE_EVICTED)
			tt_counter_add(&counters->evicted_half_open, 1);
		fetch_ahead(table);
		close_flow(table, evicted, reason, report, context);
	}
	list_append(table, &table->half_open, flow);
	tt_counter_add(&counters->half_open, 1);
	tt_counter_raise(&counters->half_open_high, tt_counter_read(&counters->half_open));
}

/* ---- time ---- */

void tt_flow_table_advance(struct tt_flow_table *table, uint64_t now_ms)
{
	if (now_ms <= table->given_ms)
		return;

	uint64_t step_ms = now_ms - table->given_ms;
	table->given_ms = now_ms;
	table->clock.now_ms += step_ms > table->longest_ms ? table->longest_ms + 1 : step_ms;
	if (tt_counter_read(&table->counters.live) == 0)
		table->last_pass_ms = table->pass_ms = table->clock.now_ms;
	else if (table->clock.now_ms > table->last_pass_ms + CLOCK_LEAD_MS)
		table->clock.now_ms = table->last_pass_ms + CLOCK_LEAD_MS;
}

const struct tt_flow_clock *tt_flow_table_clock(const struct tt_flow_table *table)
{
	return &table->clock;
}

/* The sweep has seen every entry: what it found is ready, and the next pass begins. */
static void pass_end(struct tt_flow_table *table)
{
	table->ready = table->next;
	table->next.count = 0;
	table->last_pass_ms = table->pass_ms;
	table->pass_ms = table->clock.now_ms;
	table->sweep_hand = 0;
}

unsigned int tt_flow_table_sweep(
	struct tt_flow_table *table, unsigned int entries, tt_flow_report report, void *context)
{
	unsigned int freed = report_again(table, entries, report, context);
	const uint32_t looks = entries < table->extent ? entries : table->extent;

	for (uint32_t i = 0; i < looks; i++) {
		struct tt_flow *flow = &table->entries[table->sweep_hand];
		__builtin_prefetch(flow[SWEEP_AHEAD].counters);
		if (flow->state == TT_FLOW_ACTIVE) {
			if (!tt_flow_has_expired(&table->clock, flow))
				offer(table, &table->next, CANDIDATES, flow);
			else if (close_flow(
					 table, flow, tt_flow_expiry_reason(flow), report, context))
				freed++;
		}
		if (++table->sweep_hand == table->extent)
			pass_end(table);
	}
	return freed;
}

void tt_flow_table_flush(struct tt_flow_table *table, uint32_t *position, unsigned int entries,
	enum tt_close_reason reason, tt_flow_report report, void *context)
{
	report_again(table, entries, report, context);
	if (oldest(table, &table->unreported) != NULL)
		return;

	for (unsigned int i = 0; i < entries && *position < table->extent; i++, ++*position) {
		struct tt_flow *flow = &table->entries[*position];
		__builtin_prefetch(flow[SWEEP_AHEAD].counters);
		if (flow->state == TT_FLOW_ACTIVE &&
			!close_flow(table, flow, ended_by(table, flow, reason), report, context))
			return;
	}
}

/* ---- walk ---- */

uint32_t tt_flow_table_extent(const struct tt_flow_table *table)
{
	return table->extent;
}

uint32_t tt_flow_table_number(const struct tt_flow_table *table, const struct tt_flow *flow)
{
	return (uint32_t)(flow - table->entries);
}

struct tt_flow *tt_flow_table_entry(struct tt_flow_table *table, uint32_t number)
{
	if (number >= table->extent || table->entries[number].state != TT_FLOW_ACTIVE)
		return NULL;
	return &table->entries[number];
}

const struct tt_flow_table_counters *tt_flow_table_counters(const struct tt_flow_table *table)
{
	return &table->counters;
}
