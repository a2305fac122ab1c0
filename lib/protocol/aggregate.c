/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/aggregate.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <string.h>

#define CAPACITY_MIN   16
#define CAPACITY_LIMIT (1u << 24)
#define NONE	       UINT32_MAX
#define OTHER_SLOT     0 /* the first slot is `other`; it is in no chain */
#define LINE_BYTES     64

/* In one cache line with the entry's key, which is what a lookup compares. */
struct slot {
	uint32_t hash;	 /* its low half, which chooses the bucket */
	uint32_t chain;	 /* next of the same bucket, or of the free list */
	uint32_t window; /* the sketch's dense bins: number of the window; NONE */
	uint32_t used;	 /* something is counted in it */
	uint8_t entry[];
};

_Static_assert(sizeof(struct slot) % _Alignof(uint64_t) == 0, "entries are aligned");

struct tt_aggregate {
	uint8_t *slots;
	size_t slot_bytes;
	uint32_t *buckets;
	uint32_t *windows;	/* of TT_AGGREGATE_BINS bins each */
	uint32_t *windows_free; /* stack of the free ones' numbers */
	uint32_t windows_left;
	uint32_t bucket_mask;
	uint32_t used_ever; /* slots from here on have never been used */
	uint32_t free;
	uint32_t live; /* slots in use but for `other` */
	uint32_t drain_end;
	size_t slots_bytes;
	size_t buckets_bytes;
	size_t windows_bytes;
	size_t windows_free_bytes;
	struct tt_aggregate_layout layout;
	struct tt_aggregate_options options;
	struct tt_aggregate_counters counters;
};

/* What a record begins with; the key's bytes, counts, text and sketch follow. */
struct record_header {
	uint16_t bytes; /* of the whole record */
	uint16_t sketch_bytes;
	uint16_t text_bytes;
};

static uint32_t power_of_two(uint32_t least)
{
	return least <= 1 ? 1 : 1u << (32 - __builtin_clz(least - 1));
}

static void sizes(struct tt_aggregate *table, const struct tt_aggregate_options *options)
{
	table->layout = *options->layout;
	table->slot_bytes = (sizeof(struct slot) + table->layout.entry_bytes + LINE_BYTES - 1) /
		LINE_BYTES * LINE_BYTES;
	table->slots_bytes = ((size_t)options->capacity + 1) * table->slot_bytes;
	table->buckets_bytes = (size_t)power_of_two(options->capacity) * sizeof(uint32_t);
	table->windows_bytes = (size_t)options->sketches * TT_AGGREGATE_BINS * sizeof(uint32_t);
	table->windows_free_bytes = (size_t)options->sketches * sizeof(uint32_t);
}

size_t tt_aggregate_bytes(const struct tt_aggregate_options *options)
{
	struct tt_aggregate table;

	sizes(&table, options);
	return tt_memory_mapped_bytes(sizeof(table)) + tt_memory_mapped_bytes(table.slots_bytes) +
		tt_memory_mapped_bytes(table.buckets_bytes) +
		tt_memory_mapped_bytes(table.windows_bytes) +
		tt_memory_mapped_bytes(table.windows_free_bytes);
}

int tt_aggregate_create(struct tt_aggregate **table, const struct tt_aggregate_options *options)
{
	const struct tt_aggregate_layout *layout = options->layout;

	if (options->capacity < CAPACITY_MIN || options->capacity > CAPACITY_LIMIT ||
		options->sketches == 0 || options->sketches > options->capacity ||
		sizeof(struct record_header) + layout->key_bytes + layout->counts_bytes +
				TT_AGGREGATE_TEXT_BYTES + TT_SKETCH_WRITE_BYTES(TT_AGGREGATE_BINS) >
			TT_AGGREGATE_RECORD_BYTES)
		return TT_ERROR_ARGUMENT;
	struct tt_aggregate *created = tt_memory_map(sizeof(*created), false);
	if (created == NULL)
		return TT_ERROR_MEMORY;
	sizes(created, options);
	created->options = *options;
	created->bucket_mask = power_of_two(options->capacity) - 1;
	created->slots = tt_memory_map(created->slots_bytes, options->huge_pages);
	created->buckets = tt_memory_map(created->buckets_bytes, options->huge_pages);
	created->windows = tt_memory_map(created->windows_bytes, options->huge_pages);
	created->windows_free = tt_memory_map(created->windows_free_bytes, false);
	if (created->slots == NULL || created->buckets == NULL || created->windows == NULL ||
		created->windows_free == NULL) {
		tt_aggregate_destroy(created);
		return TT_ERROR_MEMORY;
	}
	tt_aggregate_reset(created);
	*table = created;
	return TT_OK;
}

void tt_aggregate_destroy(struct tt_aggregate *table)
{
	if (table == NULL)
		return;
	tt_memory_unmap(table->slots, table->slots_bytes);
	tt_memory_unmap(table->buckets, table->buckets_bytes);
	tt_memory_unmap(table->windows, table->windows_bytes);
	tt_memory_unmap(table->windows_free, table->windows_free_bytes);
	tt_memory_unmap(table, sizeof(*table));
}

const struct tt_aggregate_counters *tt_aggregate_counters(const struct tt_aggregate *table)
{
	return &table->counters;
}

static struct slot *slot_at(const struct tt_aggregate *table, uint32_t number)
{
	return (struct slot *)(void *)(table->slots + number * table->slot_bytes);
}

static struct slot *slot_of(void *entry)
{
	return (struct slot *)(void *)((uint8_t *)entry - offsetof(struct slot, entry));
}

static struct tt_sketch *sketch_of(const struct tt_aggregate *table, struct slot *slot)
{
	return (struct tt_sketch *)(void *)(slot->entry + table->layout.latency_offset);
}

static uint8_t *text_of(const struct tt_aggregate *table, struct slot *slot)
{
	return slot->entry + table->layout.text_offset;
}

static void slot_clear(struct tt_aggregate *table, struct slot *slot)
{
	slot->window = NONE;
	slot->used = false;
	memset(slot->entry + table->layout.counts_offset, 0, table->layout.counts_bytes);
	memset(sketch_of(table, slot), 0, sizeof(struct tt_sketch));
}

static void key_set(
	struct tt_aggregate *table, struct slot *slot, const struct tt_aggregate_key *key)
{
	uint8_t *text = text_of(table, slot);

	memcpy(slot->entry, key->bytes, table->layout.key_bytes);
	*text = key->text_bytes;
	memcpy(text + 1, key->text, key->text_bytes);
}

void tt_aggregate_reset(struct tt_aggregate *table)
{
	struct slot *other = slot_at(table, OTHER_SLOT);
	struct tt_aggregate_key key = {.bytes = table->options.other_key, .text = ""};

	memset(table->buckets, 0xff, table->buckets_bytes);
	for (uint32_t i = 0; i < table->options.sketches; i++)
		table->windows_free[i] = i;
	table->windows_left = table->options.sketches;
	table->used_ever = OTHER_SLOT + 1;
	table->free = NONE;
	table->live = 0;
	table->drain_end = 0;
	slot_clear(table, other);
	key_set(table, other, &key);
	tt_counter_set(&table->counters.keys, 0);
	tt_counter_set(&table->counters.sketches, 0);
}

uint32_t tt_aggregate_hash(const struct tt_aggregate *table, const struct tt_aggregate_key *key)
{
	uint64_t hash = tt_hash_bytes(table->options.secret, key->bytes, table->layout.key_bytes);

	return (uint32_t)tt_hash_bytes(hash, key->text, key->text_bytes);
}

void tt_aggregate_prefetch_bucket(const struct tt_aggregate *table, uint32_t hash)
{
	__builtin_prefetch(&table->buckets[hash & table->bucket_mask]);
}

/* All that counting touches: it begins with the key, and the text begins behind the sketch. */
void tt_aggregate_prefetch_entry(const struct tt_aggregate *table, uint32_t hash)
{
	uint32_t number = table->buckets[hash & table->bucket_mask];

	if (number == NONE)
		return;
	const uint8_t *line = (const uint8_t *)slot_at(table, number);
	size_t end = sizeof(struct slot) + table->layout.text_offset + LINE_BYTES;
	for (size_t at = 0; at < end; at += LINE_BYTES)
		__builtin_prefetch(line + at, 1);
}

static bool has_key(
	const struct tt_aggregate *table, struct slot *slot, const struct tt_aggregate_key *key)
{
	const uint8_t *text = text_of(table, slot);

	return memcmp(slot->entry, key->bytes, table->layout.key_bytes) == 0 &&
		*text == key->text_bytes && memcmp(text + 1, key->text, key->text_bytes) == 0;
}

/* The key's slot; NULL when it has none and `limit` keys are there. */
static struct slot *find_or_insert(struct tt_aggregate *table, const struct tt_aggregate_key *key,
	uint32_t hash, uint32_t limit)
{
	uint32_t *bucket = &table->buckets[hash & table->bucket_mask];

	for (uint32_t number = *bucket; number != NONE; number = slot_at(table, number)->chain) {
		struct slot *slot = slot_at(table, number);
		if (slot->hash == hash && has_key(table, slot, key))
			return slot;
	}
	if (table->live >= limit)
		return NULL;

	uint32_t number = table->free;
	if (number != NONE)
		table->free = slot_at(table, number)->chain;
	else
		number = table->used_ever++;
	struct slot *slot = slot_at(table, number);
	slot_clear(table, slot);
	slot->hash = hash;
	slot->chain = *bucket;
	*bucket = number;
	key_set(table, slot, key);
	table->live++;
	tt_counter_set(&table->counters.keys, table->live);
	tt_counter_raise(&table->counters.keys_high, table->live);
	return slot;
}

void *tt_aggregate_place(struct tt_aggregate *table, const struct tt_aggregate_key *key,
	uint32_t hash, const struct tt_aggregate_key *group, uint64_t transactions)
{
	uint32_t capacity = table->options.capacity;
	struct slot *slot = slot_at(table, OTHER_SLOT);

	if (memcmp(key->bytes, table->options.other_key, table->layout.key_bytes) != 0) {
		slot = find_or_insert(
			table, key, hash, group == NULL ? capacity : capacity - capacity / 8);
		if (slot == NULL && group != NULL) {
			slot = find_or_insert(
				table, group, tt_aggregate_hash(table, group), capacity);
			if (slot != NULL)
				tt_counter_add(&table->counters.grouped, transactions);
		}
		if (slot == NULL) {
			slot = slot_at(table, OTHER_SLOT);
			tt_counter_add(&table->counters.other, transactions);
		}
	}
	slot->used = true;
	return slot->entry;
}

/* Make room in the sketch for `bins` more bins, if a window is left. */
static void sketch_prepare(struct tt_aggregate *table, struct slot *slot, unsigned int bins)
{
	struct tt_sketch *sketch = sketch_of(table, slot);

	if (sketch->dense != NULL || sketch->sparse_used + bins <= TT_SKETCH_SPARSE)
		return;
	if (table->windows_left == 0) {
		tt_counter_add(&table->counters.sketches_full, 1);
		return;
	}
	slot->window = table->windows_free[--table->windows_left];
	tt_sketch_grow(sketch, table->windows + (size_t)slot->window * TT_AGGREGATE_BINS,
		TT_AGGREGATE_BINS);
	tt_counter_set(&table->counters.sketches, table->options.sketches - table->windows_left);
}

static void sketch_release(struct tt_aggregate *table, struct slot *slot)
{
	if (slot->window == NONE)
		return;
	table->windows_free[table->windows_left++] = slot->window;
	tt_counter_set(&table->counters.sketches, table->options.sketches - table->windows_left);
}

void tt_aggregate_latency(struct tt_aggregate *table, void *entry, uint64_t latency_us)
{
	struct slot *slot = slot_of(entry);

	sketch_prepare(table, slot, 1);
	tt_sketch_add(sketch_of(table, slot), latency_us);
}

static size_t record_write(const struct tt_aggregate *table, struct slot *slot, uint8_t *bytes)
{
	const struct tt_aggregate_layout *layout = &table->layout;
	const uint8_t *text = text_of(table, slot);
	struct record_header header = {.text_bytes = *text};
	uint8_t *at = bytes + sizeof(header);

	memcpy(at, slot->entry, layout->key_bytes);
	at += layout->key_bytes;
	memcpy(at, slot->entry + layout->counts_offset, layout->counts_bytes);
	at += layout->counts_bytes;
	memcpy(at, text + 1, header.text_bytes);
	at += header.text_bytes;
	header.sketch_bytes = (uint16_t)tt_sketch_write(
		sketch_of(table, slot), at, TT_SKETCH_WRITE_BYTES(TT_AGGREGATE_BINS));
	header.bytes = (uint16_t)(at + header.sketch_bytes - bytes);
	memcpy(bytes, &header, sizeof(header));
	return header.bytes;
}

static void slot_free(struct tt_aggregate *table, uint32_t number)
{
	struct slot *slot = slot_at(table, number);

	sketch_release(table, slot);
	slot_clear(table, slot);
	if (number == OTHER_SLOT)
		return;
	uint32_t *link = &table->buckets[slot->hash & table->bucket_mask];
	while (*link != number)
		link = &slot_at(table, *link)->chain;
	*link = slot->chain;
	slot->chain = table->free;
	table->free = number;
	table->live--;
	tt_counter_set(&table->counters.keys, table->live);
}

size_t tt_aggregate_drain(struct tt_aggregate *table, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity)
{
	size_t written = 0;

	if (*position == 0)
		table->drain_end = table->used_ever;
	for (; limit > 0 && *position < table->drain_end; limit--) {
		struct slot *slot = slot_at(table, *position);
		if (slot->used) {
			if (capacity - written < TT_AGGREGATE_RECORD_BYTES)
				return written;
			written += record_write(table, slot, bytes + written);
			slot_free(table, *position);
		}
		(*position)++;
	}
	if (*position >= table->drain_end)
		*position = UINT32_MAX;
	return written;
}

size_t tt_aggregate_write(
	const struct tt_aggregate *table, uint32_t *position, uint8_t *bytes, size_t capacity)
{
	size_t written = 0;

	for (; *position < table->used_ever; (*position)++) {
		struct slot *slot = slot_at(table, *position);
		if (!slot->used)
			continue;
		if (capacity - written < TT_AGGREGATE_RECORD_BYTES)
			break;
		written += record_write(table, slot, bytes + written);
	}
	return written;
}

size_t tt_aggregate_record_read(const struct tt_aggregate *table,
	struct tt_aggregate_record *record, const uint8_t *bytes, size_t length)
{
	const struct tt_aggregate_layout *layout = &table->layout;
	size_t fixed = sizeof(struct record_header) + layout->key_bytes + layout->counts_bytes;
	struct record_header header;
	struct tt_sketch checked = {
		0}; /* to see that the bytes are sound before anything changes */
	unsigned int bins;

	if (length < fixed)
		return 0;
	memcpy(&header, bytes, sizeof(header));
	if (header.text_bytes > TT_AGGREGATE_TEXT_BYTES ||
		header.bytes != fixed + header.text_bytes + header.sketch_bytes ||
		header.bytes > length)
		return 0;
	record->key.bytes = bytes + sizeof(header);
	record->key.text = (const char *)bytes + fixed;
	record->key.text_bytes = (uint8_t)header.text_bytes;
	record->counts = bytes + sizeof(header) + layout->key_bytes;
	record->sketch = bytes + fixed + header.text_bytes;
	record->sketch_bytes = header.sketch_bytes;
	if (tt_sketch_merge_bytes(&checked, record->sketch, record->sketch_bytes, &bins) != TT_OK)
		return 0;
	record->sketch_bins = (uint16_t)bins;
	return header.bytes;
}

void tt_aggregate_record_merge(
	struct tt_aggregate *table, void *entry, const struct tt_aggregate_record *record)
{
	struct slot *slot = slot_of(entry);

	sketch_prepare(table, slot, record->sketch_bins);
	(void)tt_sketch_merge_bytes(
		sketch_of(table, slot), record->sketch, record->sketch_bytes, NULL);
}

const void *tt_aggregate_next(const struct tt_aggregate *table, uint32_t *position)
{
	while (*position < table->used_ever) {
		const struct slot *slot = slot_at(table, (*position)++);
		if (slot->used)
			return slot->entry;
	}
	return NULL;
}
