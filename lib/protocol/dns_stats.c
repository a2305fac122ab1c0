/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns_stats.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

/* What a struct tt_dns_stats_entry begins with, for lookups. */
struct key {
	uint8_t client[16];
	uint8_t server[16];
	uint8_t ip_version;
	uint8_t grouped;
	uint8_t other;
	uint8_t reserved;
	uint16_t query_type;
};

_Static_assert(offsetof(struct key, other) == offsetof(struct tt_dns_stats_entry, other) &&
		offsetof(struct key, query_type) == offsetof(struct tt_dns_stats_entry, query_type),
	"an entry begins with its key");
_Static_assert(sizeof(struct tt_dns_name) == 1 + TT_AGGREGATE_TEXT_BYTES, "a name is a text");

static const struct key other_key = {.other = true};
static const struct tt_aggregate_layout layout = {
	.entry_bytes = sizeof(struct tt_dns_stats_entry),
	.key_bytes = sizeof(struct key),
	.counts_offset = offsetof(struct tt_dns_stats_entry, counts),
	.counts_bytes = sizeof(struct tt_dns_stats_counts),
	.latency_offset = offsetof(struct tt_dns_stats_entry, latency),
	.text_offset = offsetof(struct tt_dns_stats_entry, domain),
};

/* A transaction that waits for its entry. */
struct waiting {
	struct key key;
	uint32_t hash;
	uint64_t latency_us;
	uint16_t rcode;
	uint8_t status; /* enum tt_dns_status */
	bool has_rcode;
	struct tt_dns_name domain;
};

/* How long after a bucket the entry that it leads to is fetched. */
#define ENTRY_AFTER (TT_DNS_STATS_WAITING / 2)

struct tt_dns_stats {
	struct tt_aggregate *table;
	bool registered_domain;
	uint32_t added; /* since create; may wrap */
	uint32_t counted;
	struct waiting waiting[TT_DNS_STATS_WAITING]; /* number n is at n % TT_DNS_STATS_WAITING */
};

static struct tt_aggregate_options table_options(const struct tt_dns_stats_options *options)
{
	return (struct tt_aggregate_options){
		.layout = &layout,
		.other_key = &other_key,
		.capacity = options->capacity,
		.sketches = options->sketches,
		.huge_pages = options->huge_pages,
		.secret = options->secret,
	};
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

static unsigned int registered_domain(const char *text, unsigned int length)
{
	/* begin[i]: where the last i + 1 labels begin. */
	unsigned int begin[3] = {0};
	unsigned int labels = 0;

	for (unsigned int at = length; at > 0 && labels < 3; at--) {
		if (text[at - 1] == '.')
			begin[labels++] = at;
	}
	if (labels < 2)
		return 0;
	if (labels == 2)
		begin[2] = 0;
	const char *last = text + begin[0];
	unsigned int last_length = length - begin[0];
	bool country =
		last_length == 2 && is_registry_label(text + begin[1], begin[0] - 1 - begin[1]);
	bool reverse = last_length == 4 && memcmp(last, "arpa", 4) == 0;
	return country || reverse ? begin[2] : begin[1];
}

unsigned int tt_dns_registered_domain(const struct tt_dns_name *name)
{
	return registered_domain(name->text, name->length);
}

size_t tt_dns_stats_bytes(const struct tt_dns_stats_options *options)
{
	struct tt_aggregate_options table = table_options(options);

	return tt_memory_mapped_bytes(sizeof(struct tt_dns_stats)) + tt_aggregate_bytes(&table);
}

int tt_dns_stats_create(struct tt_dns_stats **stats, const struct tt_dns_stats_options *options)
{
	struct tt_aggregate_options table = table_options(options);
	struct tt_dns_stats *created = tt_memory_map(sizeof(*created), false);

	if (created == NULL)
		return TT_ERROR_MEMORY;
	created->registered_domain = options->registered_domain;
	int error = tt_aggregate_create(&created->table, &table);
	if (error != TT_OK) {
		tt_dns_stats_destroy(created);
		return error;
	}
	*stats = created;
	return TT_OK;
}

void tt_dns_stats_destroy(struct tt_dns_stats *stats)
{
	if (stats == NULL)
		return;
	tt_aggregate_destroy(stats->table);
	tt_memory_unmap(stats, sizeof(*stats));
}

const struct tt_aggregate_counters *tt_dns_stats_counters(const struct tt_dns_stats *stats)
{
	return tt_aggregate_counters(stats->table);
}

void tt_dns_stats_reset(struct tt_dns_stats *stats)
{
	stats->counted = stats->added;
	tt_aggregate_reset(stats->table);
}

/* The entry that `transactions` of this key are counted in. */
static struct tt_dns_stats_entry *entry_for(struct tt_dns_stats *stats, const struct key *key,
	const char *domain, uint8_t domain_length, uint32_t hash, uint64_t transactions)
{
	struct tt_aggregate_key full = {key, domain, domain_length};
	struct key group_key = *key;
	struct tt_aggregate_key group = {&group_key, domain, domain_length};
	bool full_name = key->grouped == 0 && !stats->registered_domain;

	if (full_name) {
		unsigned int begin = registered_domain(domain, domain_length);
		group_key.grouped = 1;
		group.text += begin;
		group.text_bytes = (uint8_t)(domain_length - begin);
	}
	return tt_aggregate_place(
		stats->table, &full, hash, full_name ? &group : NULL, transactions);
}

static void count(struct tt_dns_stats *stats, const struct waiting *transaction)
{
	struct tt_dns_stats_entry *entry = entry_for(stats, &transaction->key,
		transaction->domain.text, transaction->domain.length, transaction->hash, 1);
	struct tt_dns_stats_counts *counts = &entry->counts;

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
	tt_aggregate_latency(stats->table, entry, transaction->latency_us);
}

static struct waiting *waiting_at(struct tt_dns_stats *stats, uint32_t number)
{
	return &stats->waiting[number % TT_DNS_STATS_WAITING];
}

void tt_dns_stats_settle(struct tt_dns_stats *stats)
{
	while (stats->counted != stats->added)
		count(stats, waiting_at(stats, stats->counted++));
}

void tt_dns_stats_add(struct tt_dns_stats *stats, const struct tt_dns_transaction *transaction)
{
	const struct tt_flow_key *flow = transaction->key;
	bool low_is_client = transaction->client == 0;
	unsigned int begin =
		stats->registered_domain ? tt_dns_registered_domain(transaction->name) : 0;

	if (stats->added - stats->counted == TT_DNS_STATS_WAITING)
		count(stats, waiting_at(stats, stats->counted++));
	if (stats->added - stats->counted >= ENTRY_AFTER)
		tt_aggregate_prefetch_entry(
			stats->table, waiting_at(stats, stats->added - ENTRY_AFTER)->hash);

	struct waiting *waiting = waiting_at(stats, stats->added++);
	waiting->key =
		(struct key){.ip_version = flow->ip_version, .query_type = transaction->query_type};
	memcpy(waiting->key.client, low_is_client ? flow->low_address : flow->high_address, 16);
	memcpy(waiting->key.server, low_is_client ? flow->high_address : flow->low_address, 16);
	waiting->latency_us = transaction->latency_us;
	waiting->rcode = transaction->rcode;
	waiting->status = (uint8_t)transaction->status;
	waiting->has_rcode = transaction->has_rcode;
	waiting->domain.length = (uint8_t)(transaction->name->length - begin);
	memcpy(waiting->domain.text, transaction->name->text + begin, waiting->domain.length);
	waiting->hash = tt_aggregate_hash(stats->table,
		&(struct tt_aggregate_key){
			&waiting->key, waiting->domain.text, waiting->domain.length});
	tt_aggregate_prefetch_bucket(stats->table, waiting->hash);
}

size_t tt_dns_stats_drain(struct tt_dns_stats *stats, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity)
{
	tt_dns_stats_settle(stats);
	return tt_aggregate_drain(stats->table, position, limit, bytes, capacity);
}

size_t tt_dns_stats_write(
	const struct tt_dns_stats *stats, uint32_t *position, uint8_t *bytes, size_t capacity)
{
	return tt_aggregate_write(stats->table, position, bytes, capacity);
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

int tt_dns_stats_merge(struct tt_dns_stats *stats, const uint8_t *bytes, size_t length)
{
	tt_dns_stats_settle(stats);
	while (length > 0) {
		struct tt_aggregate_record record;
		struct tt_dns_stats_counts counts;
		struct key key;
		size_t used = tt_aggregate_record_read(stats->table, &record, bytes, length);
		if (used == 0)
			return TT_ERROR_CORRUPT;
		memcpy(&counts, record.counts, sizeof(counts));
		memcpy(&key, record.key.bytes, sizeof(key));
		if (counts.count == 0 || key.grouped > 1 || key.other > 1 || key.reserved != 0)
			return TT_ERROR_CORRUPT;
		struct tt_dns_stats_entry *entry = entry_for(stats,
			key.other != 0 ? &other_key : &key, record.key.text, record.key.text_bytes,
			tt_aggregate_hash(stats->table, &record.key), counts.count);
		counts_add(&entry->counts, &counts);
		tt_aggregate_record_merge(stats->table, entry, &record);
		bytes += used;
		length -= used;
	}
	return TT_OK;
}

const struct tt_dns_stats_entry *tt_dns_stats_next(
	const struct tt_dns_stats *stats, uint32_t *position)
{
	return tt_aggregate_next(stats->table, position);
}
