/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns_stats.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <string.h>

#define CAPACITY_MIN   16
#define CAPACITY_LIMIT (1u << 24)
#define NONE	       UINT32_MAX
#define OTHER_SLOT     0 /* the first slot is `other`; it is in no chain */

/* The fields up to entry.query_type, in the first cache line, are what a lookup compares; then
 * comes the domain, at the end, so that a short one costs one line. */
struct slot {
	uint64_t hash;
	uint32_t chain;			 /* next of the same bucket, or of the free list */
	uint32_t window;		 /* the sketch's dense bins: number of the window; NONE */
	struct tt_dns_stats_entry entry; /* unused when its count is 0 */
} __attribute__((aligned(64)));

struct tt_dns_stats {
	struct slot *slots;
	uint32_t *buckets;
	uint32_t *windows;	/* of TT_DNS_STATS_BINS bins each */
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
	struct tt_dns_stats_options options;
	struct tt_dns_stats_counters counters;
};

struct key {
	const uint8_t *client;
	const uint8_t *server;
	const char *domain;
	uint8_t domain_length;
	uint8_t ip_version;
	bool grouped;
	uint16_t query_type;
};

/* What a drained record begins with; domain and sketch follow. */
struct record {
	uint16_t bytes; /* of the whole record */
	uint16_t sketch_bytes;
	uint16_t query_type;
	uint8_t domain_bytes;
	uint8_t ip_version;
	uint8_t grouped;
	uint8_t other;
	uint8_t client[16];
	uint8_t server[16];
	struct tt_dns_stats_counts counts;
};

_Static_assert(
	sizeof(struct record) + TT_DNS_NAME_BYTES + TT_SKETCH_WRITE_BYTES(TT_DNS_STATS_BINS) <=
		TT_DNS_STATS_RECORD_BYTES,
	"a record fits");

static uint32_t power_of_two(uint32_t least)
{
	return least <= 1 ? 1 : 1u << (32 - __builtin_clz(least - 1));
}

static void sizes(struct tt_dns_stats *stats, const struct tt_dns_stats_options *options)
{
	stats->slots_bytes = ((size_t)options->capacity + 1) * sizeof(struct slot);
	stats->buckets_bytes = (size_t)power_of_two(options->capacity) * sizeof(uint32_t);
	stats->windows_bytes = (size_t)options->sketches * TT_DNS_STATS_BINS * sizeof(uint32_t);
	stats->windows_free_bytes = (size_t)options->sketches * sizeof(uint32_t);
}

size_t tt_dns_stats_bytes(const struct tt_dns_stats_options *options)
{
	struct tt_dns_stats stats;

	sizes(&stats, options);
	return tt_memory_mapped_bytes(sizeof(stats)) + tt_memory_mapped_bytes(stats.slots_bytes) +
		tt_memory_mapped_bytes(stats.buckets_bytes) +
		tt_memory_mapped_bytes(stats.windows_bytes) +
		tt_memory_mapped_bytes(stats.windows_free_bytes);
}

int tt_dns_stats_create(struct tt_dns_stats **stats, const struct tt_dns_stats_options *options)
{
	if (options->capacity < CAPACITY_MIN || options->capacity > CAPACITY_LIMIT ||
		options->sketches == 0 || options->sketches > options->capacity)
		return TT_ERROR_ARGUMENT;
	struct tt_dns_stats *created = tt_memory_map(sizeof(*created), false);
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
		tt_dns_stats_destroy(created);
		return TT_ERROR_MEMORY;
	}
	tt_dns_stats_reset(created);
	*stats = created;
	return TT_OK;
}

void tt_dns_stats_destroy(struct tt_dns_stats *stats)
{
	if (stats == NULL)
		return;
	tt_memory_unmap(stats->slots, stats->slots_bytes);
	tt_memory_unmap(stats->buckets, stats->buckets_bytes);
	tt_memory_unmap(stats->windows, stats->windows_bytes);
	tt_memory_unmap(stats->windows_free, stats->windows_free_bytes);
	tt_memory_unmap(stats, sizeof(*stats));
}

const struct tt_dns_stats_counters *tt_dns_stats_counters(const struct tt_dns_stats *stats)
{
	return &stats->counters;
}

static void slot_clear(struct slot *slot)
{
	slot->window = NONE;
	memset(&slot->entry.counts, 0, sizeof(slot->entry.counts));
	memset(&slot->entry.latency, 0, sizeof(slot->entry.latency));
}

void tt_dns_stats_reset(struct tt_dns_stats *stats)
{
	memset(stats->buckets, 0xff, stats->buckets_bytes);
	for (uint32_t i = 0; i < stats->options.sketches; i++)
		stats->windows_free[i] = i;
	stats->windows_left = stats->options.sketches;
	stats->used_ever = OTHER_SLOT + 1;
	stats->free = NONE;
	stats->live = 0;
	stats->drain_end = 0;
	slot_clear(&stats->slots[OTHER_SLOT]);
	stats->slots[OTHER_SLOT].entry.other = true;
	tt_counter_set(&stats->counters.keys, 0);
	tt_counter_set(&stats->counters.sketches, 0);
}

static uint64_t key_hash(const struct tt_dns_stats *stats, const struct key *key)
{
	uint64_t hash = tt_hash_bytes(stats->options.secret, key->client, 16);

	hash = tt_hash_bytes(
		hash ^ key->query_type ^ (uint64_t)key->grouped << 16, key->server, 16);
	return tt_hash_bytes(hash, key->domain, key->domain_length);
}

static bool has_key(const struct tt_dns_stats_entry *entry, const struct key *key)
{
	return entry->query_type == key->query_type && entry->ip_version == key->ip_version &&
		entry->grouped == key->grouped && entry->domain.length == key->domain_length &&
		memcmp(entry->client, key->client, 16) == 0 &&
		memcmp(entry->server, key->server, 16) == 0 &&
		memcmp(entry->domain.text, key->domain, key->domain_length) == 0;
}

/* The key's slot; NULL when it has none and `limit` keys are there. */
static struct slot *find_or_insert(
	struct tt_dns_stats *stats, const struct key *key, uint32_t limit)
{
	uint64_t hash = key_hash(stats, key);
	uint32_t *bucket = &stats->buckets[hash & stats->bucket_mask];

	for (uint32_t number = *bucket; number != NONE; number = stats->slots[number].chain) {
		struct slot *slot = &stats->slots[number];
		if (slot->hash == hash && has_key(&slot->entry, key))
			return slot;
	}
	if (stats->live >= limit)
		return NULL;

	uint32_t number = stats->free;
	if (number != NONE)
		stats->free = stats->slots[number].chain;
	else
		number = stats->used_ever++;
	struct slot *slot = &stats->slots[number];
	slot_clear(slot);
	slot->hash = hash;
	slot->chain = *bucket;
	*bucket = number;
	memcpy(slot->entry.client, key->client, 16);
	memcpy(slot->entry.server, key->server, 16);
	slot->entry.ip_version = key->ip_version;
	slot->entry.grouped = key->grouped;
	slot->entry.other = false;
	slot->entry.query_type = key->query_type;
	slot->entry.domain.length = key->domain_length;
	memcpy(slot->entry.domain.text, key->domain, key->domain_length);
	stats->live++;
	tt_counter_set(&stats->counters.keys, stats->live);
	tt_counter_raise(&stats->counters.keys_high, stats->live);
	return slot;
}

/* The slot that `transactions` of this key are counted in. */
static struct slot *slot_for(
	struct tt_dns_stats *stats, const struct key *key, uint64_t transactions)
{
	uint32_t capacity = stats->options.capacity;
	bool full_name = !key->grouped && !stats->options.registered_domain;
	struct slot *slot =
		find_or_insert(stats, key, full_name ? capacity - capacity / 8 : capacity);

	if (slot != NULL)
		return slot;
	if (full_name) {
		struct key group = *key;
		struct tt_dns_name name = {.length = key->domain_length};
		memcpy(name.text, key->domain, key->domain_length);
		unsigned int begin = tt_dns_registered_domain(&name);
		group.grouped = true;
		group.domain = key->domain + begin;
		group.domain_length = (uint8_t)(key->domain_length - begin);
		slot = find_or_insert(stats, &group, capacity);
		if (slot != NULL) {
			tt_counter_add(&stats->counters.grouped, transactions);
			return slot;
		}
	}
	tt_counter_add(&stats->counters.other, transactions);
	return &stats->slots[OTHER_SLOT];
}

/* Make room in the sketch for `bins` more bins, if a window is left. */
static void sketch_prepare(struct tt_dns_stats *stats, struct slot *slot, unsigned int bins)
{
	struct tt_sketch *sketch = &slot->entry.latency;

	if (sketch->dense != NULL || sketch->sparse_used + bins <= TT_SKETCH_SPARSE)
		return;
	if (stats->windows_left == 0) {
		tt_counter_add(&stats->counters.sketches_full, 1);
		return;
	}
	slot->window = stats->windows_free[--stats->windows_left];
	tt_sketch_grow(sketch, stats->windows + (size_t)slot->window * TT_DNS_STATS_BINS,
		TT_DNS_STATS_BINS);
	tt_counter_set(&stats->counters.sketches, stats->options.sketches - stats->windows_left);
}

static void sketch_release(struct tt_dns_stats *stats, struct slot *slot)
{
	if (slot->window == NONE)
		return;
	stats->windows_free[stats->windows_left++] = slot->window;
	tt_counter_set(&stats->counters.sketches, stats->options.sketches - stats->windows_left);
}

void tt_dns_stats_add(struct tt_dns_stats *stats, const struct tt_dns_transaction *transaction)
{
	const struct tt_flow_key *flow = transaction->key;
	bool low_is_client = transaction->client == 0;
	unsigned int begin =
		stats->options.registered_domain ? tt_dns_registered_domain(transaction->name) : 0;
	struct key key = {
		.client = low_is_client ? flow->low_address : flow->high_address,
		.server = low_is_client ? flow->high_address : flow->low_address,
		.domain = transaction->name->text + begin,
		.domain_length = (uint8_t)(transaction->name->length - begin),
		.ip_version = flow->ip_version,
		.query_type = transaction->query_type,
	};
	struct slot *slot = slot_for(stats, &key, 1);
	struct tt_dns_stats_counts *counts = &slot->entry.counts;

	counts->count++;
	if (!transaction->has_rcode) {
		counts->timeouts++;
		return;
	}
	if (transaction->rcode < TT_DNS_STATS_RCODES)
		counts->rcodes[transaction->rcode]++;
	else
		counts->other_rcodes++;
	if (transaction->status == TT_DNS_UNSOLICITED) {
		counts->unsolicited++;
		return;
	}
	if (transaction->rcode == 0)
		counts->latency_success_us += transaction->latency_us;
	else
		counts->latency_failure_us += transaction->latency_us;
	sketch_prepare(stats, slot, 1);
	tt_sketch_add(&slot->entry.latency, transaction->latency_us);
}

static size_t record_write(const struct tt_dns_stats_entry *entry, uint8_t *bytes)
{
	size_t domain_offset = sizeof(struct record);
	size_t sketch_offset = domain_offset + entry->domain.length;
	size_t sketch_bytes = tt_sketch_write(
		&entry->latency, bytes + sketch_offset, TT_SKETCH_WRITE_BYTES(TT_DNS_STATS_BINS));
	struct record record;

	memset(&record, 0, sizeof(record));
	record.bytes = (uint16_t)(sketch_offset + sketch_bytes);
	record.sketch_bytes = (uint16_t)sketch_bytes;
	record.query_type = entry->query_type;
	record.domain_bytes = entry->domain.length;
	record.ip_version = entry->ip_version;
	record.grouped = entry->grouped;
	record.other = entry->other;
	memcpy(record.client, entry->client, 16);
	memcpy(record.server, entry->server, 16);
	record.counts = entry->counts;
	memcpy(bytes, &record, sizeof(record));
	memcpy(bytes + domain_offset, entry->domain.text, entry->domain.length);
	return record.bytes;
}

static void slot_free(struct tt_dns_stats *stats, uint32_t number)
{
	struct slot *slot = &stats->slots[number];

	sketch_release(stats, slot);
	slot_clear(slot);
	if (number == OTHER_SLOT)
		return;
	uint32_t *link = &stats->buckets[slot->hash & stats->bucket_mask];
	while (*link != number)
		link = &stats->slots[*link].chain;
	*link = slot->chain;
	slot->chain = stats->free;
	stats->free = number;
	stats->live--;
	tt_counter_set(&stats->counters.keys, stats->live);
}

size_t tt_dns_stats_drain(struct tt_dns_stats *stats, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity)
{
	size_t written = 0;

	if (*position == 0)
		stats->drain_end = stats->used_ever;
	for (; limit > 0 && *position < stats->drain_end; limit--) {
		struct slot *slot = &stats->slots[*position];
		if (slot->entry.counts.count > 0) {
			if (capacity - written < TT_DNS_STATS_RECORD_BYTES)
				return written;
			written += record_write(&slot->entry, bytes + written);
			slot_free(stats, *position);
		}
		(*position)++;
	}
	if (*position >= stats->drain_end)
		*position = UINT32_MAX;
	return written;
}

static void counts_add(struct tt_dns_stats_counts *into, const struct tt_dns_stats_counts *from)
{
	into->count += from->count;
	into->timeouts += from->timeouts;
	for (unsigned int i = 0; i < TT_DNS_STATS_RCODES; i++)
		into->rcodes[i] += from->rcodes[i];
	into->other_rcodes += from->other_rcodes;
	into->unsolicited += from->unsolicited;
	into->latency_success_us += from->latency_success_us;
	into->latency_failure_us += from->latency_failure_us;
}

/* A sketch of no values, to check the bytes of another before anything is changed. */
static bool sketch_is_sound(const uint8_t *bytes, size_t length, unsigned int *bins)
{
	struct tt_sketch checked = {0};

	return tt_sketch_merge_bytes(&checked, bytes, length, bins) == TT_OK;
}

int tt_dns_stats_merge(struct tt_dns_stats *stats, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		struct record record;
		unsigned int bins;
		if (length < sizeof(record))
			return TT_ERROR_CORRUPT;
		memcpy(&record, bytes, sizeof(record));
		const uint8_t *domain = bytes + sizeof(record);
		const uint8_t *sketch = domain + record.domain_bytes;
		if (record.bytes != sizeof(record) + record.domain_bytes + record.sketch_bytes ||
			record.bytes > length || record.counts.count == 0 ||
			!sketch_is_sound(sketch, record.sketch_bytes, &bins))
			return TT_ERROR_CORRUPT;
		struct key key = {
			.client = record.client,
			.server = record.server,
			.domain = (const char *)domain,
			.domain_length = record.domain_bytes,
			.ip_version = record.ip_version,
			.grouped = record.grouped != 0,
			.query_type = record.query_type,
		};
		struct slot *slot = record.other != 0 ? &stats->slots[OTHER_SLOT]
						      : slot_for(stats, &key, record.counts.count);
		counts_add(&slot->entry.counts, &record.counts);
		sketch_prepare(stats, slot, bins);
		(void)tt_sketch_merge_bytes(
			&slot->entry.latency, sketch, record.sketch_bytes, NULL);
		bytes += record.bytes;
		length -= record.bytes;
	}
	return TT_OK;
}

const struct tt_dns_stats_entry *tt_dns_stats_next(
	const struct tt_dns_stats *stats, uint32_t *position)
{
	while (*position < stats->used_ever) {
		const struct tt_dns_stats_entry *entry = &stats->slots[(*position)++].entry;
		if (entry->counts.count > 0)
			return entry;
	}
	return NULL;
}

/* Second-level labels that countries register under. */
static bool is_registry_label(const char *label, unsigned int length)
{
	static const char *const labels[] = {"ac", "co", "com", "edu", "gob", "gouv", "gov", "go",
		"mil", "ne", "net", "nom", "or", "org", "sch"};

	for (unsigned int i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strlen(labels[i]) == length && memcmp(labels[i], label, length) == 0)
			return true;
	return false;
}

unsigned int tt_dns_registered_domain(const struct tt_dns_name *name)
{
	/* begin[i]: where the last i + 1 labels begin. */
	unsigned int begin[3] = {0};
	unsigned int labels = 0;

	for (unsigned int at = name->length; at > 0 && labels < 3; at--) {
		if (name->text[at - 1] == '.')
			begin[labels++] = at;
	}
	if (labels < 2)
		return 0;
	if (labels == 2)
		begin[2] = 0;
	const char *last = name->text + begin[0];
	unsigned int last_length = name->length - begin[0];
	bool country = last_length == 2 &&
		is_registry_label(name->text + begin[1], begin[0] - 1 - begin[1]);
	bool reverse = last_length == 4 && memcmp(last, "arpa", 4) == 0;
	return country || reverse ? begin[2] : begin[1];
}
