/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http_stats.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

static const char group_route[] = "other";

/* What a struct tt_http_stats_entry begins with, for lookups. */
struct key {
	uint8_t client[16];
	uint8_t server[16];
	uint32_t service;
	uint16_t server_port;
	uint16_t status;
	uint8_t ip_version;
	uint8_t method_bytes;
	uint8_t other;
	uint8_t reserved;
};

_Static_assert(offsetof(struct key, status) == offsetof(struct tt_http_stats_entry, status) &&
		offsetof(struct key, reserved) == offsetof(struct tt_http_stats_entry, reserved) &&
		sizeof(struct key) == offsetof(struct key, reserved) + 1,
	"an entry begins with its key, which has no padding");
_Static_assert(TT_HTTP_METHOD_BYTES + sizeof(group_route) <= TT_AGGREGATE_TEXT_BYTES,
	"a group's text is never cut");

static const struct key other_key = {.other = 1};
static const struct tt_aggregate_layout layout = {
	.entry_bytes = sizeof(struct tt_http_stats_entry),
	.key_bytes = sizeof(struct key),
	.counts_offset = offsetof(struct tt_http_stats_entry, counts),
	.counts_bytes = sizeof(struct tt_http_stats_counts),
	.latency_offset = offsetof(struct tt_http_stats_entry, latency),
	.text_offset = offsetof(struct tt_http_stats_entry, text),
};

struct tt_http_stats {
	struct tt_aggregate *table;
};

static struct tt_aggregate_options table_options(const struct tt_http_stats_options *options)
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

size_t tt_http_stats_bytes(const struct tt_http_stats_options *options)
{
	struct tt_aggregate_options table = table_options(options);

	return tt_memory_mapped_bytes(sizeof(struct tt_http_stats)) + tt_aggregate_bytes(&table);
}

int tt_http_stats_create(struct tt_http_stats **stats, const struct tt_http_stats_options *options)
{
	struct tt_aggregate_options table = table_options(options);
	struct tt_http_stats *created = tt_memory_map(sizeof(*created), false);

	if (created == NULL)
		return TT_ERROR_MEMORY;
	int error = tt_aggregate_create(&created->table, &table);
	if (error != TT_OK) {
		tt_http_stats_destroy(created);
		return error;
	}
	*stats = created;
	return TT_OK;
}

void tt_http_stats_destroy(struct tt_http_stats *stats)
{
	if (stats == NULL)
		return;
	tt_aggregate_destroy(stats->table);
	tt_memory_unmap(stats, sizeof(*stats));
}

const struct tt_aggregate_counters *tt_http_stats_counters(const struct tt_http_stats *stats)
{
	return tt_aggregate_counters(stats->table);
}

void tt_http_stats_reset(struct tt_http_stats *stats)
{
	tt_aggregate_reset(stats->table);
}

/* The entry that `transactions` of this key are counted in; `text` begins with the method. */
static struct tt_http_stats_entry *entry_for(struct tt_http_stats *stats, const struct key *key,
	const char *text, uint8_t text_bytes, uint64_t transactions)
{
	char group_text[TT_AGGREGATE_TEXT_BYTES];
	struct tt_aggregate_key full = {key, text, text_bytes};
	struct tt_aggregate_key group = {
		key, group_text, (uint8_t)(key->method_bytes + sizeof(group_route) - 1)};

	memcpy(group_text, text, key->method_bytes);
	memcpy(group_text + key->method_bytes, group_route, sizeof(group_route) - 1);
	bool grouped = text_bytes == group.text_bytes && memcmp(text, group_text, text_bytes) == 0;
	return tt_aggregate_place(stats->table, &full, tt_aggregate_hash(stats->table, &full),
		grouped ? NULL : &group, transactions);
}

void tt_http_stats_add(struct tt_http_stats *stats, const struct tt_http_transaction *transaction,
	const struct tt_flow_key *flow, unsigned int client, uint32_t service, const char *route,
	size_t route_length)
{
	char text[TT_AGGREGATE_TEXT_BYTES];
	size_t room = sizeof(text) - transaction->method_bytes;
	size_t route_bytes = route_length < room ? route_length : room;
	bool low_is_client = client == 0;
	struct key key = {
		.service = service,
		.server_port = low_is_client ? flow->high_port : flow->low_port,
		.status = transaction->status,
		.ip_version = flow->ip_version,
		.method_bytes = transaction->method_bytes,
	};
	const uint16_t paired = TT_HTTP_REQUEST | TT_HTTP_RESPONSE;

	memcpy(key.client, low_is_client ? flow->low_address : flow->high_address, 16);
	memcpy(key.server, low_is_client ? flow->high_address : flow->low_address, 16);
	memcpy(text, transaction->method, transaction->method_bytes);
	memcpy(text + transaction->method_bytes, route, route_bytes);
	struct tt_http_stats_entry *entry =
		entry_for(stats, &key, text, (uint8_t)(transaction->method_bytes + route_bytes), 1);
	entry->counts.count++;
	entry->counts.request_bytes += transaction->request_bytes;
	entry->counts.response_bytes += transaction->response_bytes;
	if ((transaction->flags & paired) == paired)
		tt_aggregate_latency(stats->table, entry, transaction->latency_us);
}

size_t tt_http_stats_drain(struct tt_http_stats *stats, uint32_t *position, unsigned int limit,
	uint8_t *bytes, size_t capacity)
{
	return tt_aggregate_drain(stats->table, position, limit, bytes, capacity);
}

size_t tt_http_stats_write(
	const struct tt_http_stats *stats, uint32_t *position, uint8_t *bytes, size_t capacity)
{
	return tt_aggregate_write(stats->table, position, bytes, capacity);
}

int tt_http_stats_merge(struct tt_http_stats *stats, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		struct tt_aggregate_record record;
		struct tt_http_stats_counts counts;
		struct key key;
		size_t used = tt_aggregate_record_read(stats->table, &record, bytes, length);
		if (used == 0)
			return TT_ERROR_CORRUPT;
		memcpy(&counts, record.counts, sizeof(counts));
		memcpy(&key, record.key.bytes, sizeof(key));
		if (counts.count == 0 || key.other > 1 || key.reserved != 0 ||
			key.method_bytes > TT_HTTP_METHOD_BYTES ||
			key.method_bytes > record.key.text_bytes)
			return TT_ERROR_CORRUPT;
		struct tt_http_stats_entry *entry = key.other != 0
			? entry_for(stats, &other_key, "", 0, counts.count)
			: entry_for(stats, &key, record.key.text, record.key.text_bytes,
				  counts.count);
		entry->counts.count += counts.count;
		entry->counts.request_bytes += counts.request_bytes;
		entry->counts.response_bytes += counts.response_bytes;
		tt_aggregate_record_merge(stats->table, entry, &record);
		bytes += used;
		length -= used;
	}
	return TT_OK;
}

const struct tt_http_stats_entry *tt_http_stats_next(
	const struct tt_http_stats *stats, uint32_t *position)
{
	return tt_aggregate_next(stats->table, position);
}
