/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/hpack.h"

#include "protocol/hpack_huffman.h"

#include <string.h>

/* The most octets behind an integer's prefix: they hold 28 bits, far more than any block has. */
#define INTEGER_OCTETS 4

#define STATIC_ENTRIES 61

_Static_assert(TT_HPACK_ENTRIES <= UINT8_MAX, "count and newest hold it");
_Static_assert((TT_HPACK_ENTRIES & (TT_HPACK_ENTRIES - 1)) == 0, "places are taken modulo it");

#define TEXT(text)                                                                                 \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1, sizeof(text) - 1                        \
	}
#define FIELD(name, value)                                                                         \
	{                                                                                          \
		TEXT(name), TEXT(value)                                                            \
	}

/* RFC 7541 appendix A. */
static const struct {
	struct tt_hpack_text name;
	struct tt_hpack_text value;
} static_entries[STATIC_ENTRIES] = {
	FIELD(":authority", ""),
	FIELD(":method", "GET"),
	FIELD(":method", "POST"),
	FIELD(":path", "/"),
	FIELD(":path", "/index.html"),
	FIELD(":scheme", "http"),
	FIELD(":scheme", "https"),
	FIELD(":status", "200"),
	FIELD(":status", "204"),
	FIELD(":status", "206"),
	FIELD(":status", "304"),
	FIELD(":status", "400"),
	FIELD(":status", "404"),
	FIELD(":status", "500"),
	FIELD("accept-charset", ""),
	FIELD("accept-encoding", "gzip, deflate"),
	FIELD("accept-language", ""),
	FIELD("accept-ranges", ""),
	FIELD("accept", ""),
	FIELD("access-control-allow-origin", ""),
	FIELD("age", ""),
	FIELD("allow", ""),
	FIELD("authorization", ""),
	FIELD("cache-control", ""),
	FIELD("content-disposition", ""),
	FIELD("content-encoding", ""),
	FIELD("content-language", ""),
	FIELD("content-length", ""),
	FIELD("content-location", ""),
	FIELD("content-range", ""),
	FIELD("content-type", ""),
	FIELD("cookie", ""),
	FIELD("date", ""),
	FIELD("etag", ""),
	FIELD("expect", ""),
	FIELD("expires", ""),
	FIELD("from", ""),
	FIELD("host", ""),
	FIELD("if-match", ""),
	FIELD("if-modified-since", ""),
	FIELD("if-none-match", ""),
	FIELD("if-range", ""),
	FIELD("if-unmodified-since", ""),
	FIELD("last-modified", ""),
	FIELD("link", ""),
	FIELD("location", ""),
	FIELD("max-forwards", ""),
	FIELD("proxy-authenticate", ""),
	FIELD("proxy-authorization", ""),
	FIELD("range", ""),
	FIELD("referer", ""),
	FIELD("refresh", ""),
	FIELD("retry-after", ""),
	FIELD("server", ""),
	FIELD("set-cookie", ""),
	FIELD("strict-transport-security", ""),
	FIELD("transfer-encoding", ""),
	FIELD("user-agent", ""),
	FIELD("vary", ""),
	FIELD("via", ""),
	FIELD("www-authenticate", ""),
};

/* A block that is being read. */
struct block {
	struct tt_hpack_table *table; /* NULL: none */
	const uint8_t *next;
	const uint8_t *end;
	tt_hpack_report report;
	void *context;
	/* Texts that do not lie in the block or in the table. */
	uint8_t name[TT_HPACK_NAME_BYTES];
	uint8_t value[TT_HPACK_VALUE_BYTES];
};

static const struct tt_hpack_text unknown = {0};

static void table_clear(struct tt_hpack_table *table)
{
	table->size = 0;
	table->count = 0;
}

void tt_hpack_start(struct tt_hpack_table *table)
{
	table_clear(table);
	table->end = 0;
	table->newest = 0;
	table->limit = TT_HPACK_TABLE_BYTES;
	table->incomplete = false;
}

void tt_hpack_lose(struct tt_hpack_table *table)
{
	tt_hpack_start(table);
	table->limit = TT_HPACK_LIMIT_UNKNOWN;
	table->incomplete = true;
}

/* An integer behind a prefix of so many bits, RFC 7541 5.1. */
static bool read_integer(struct block *block, unsigned int prefix_bits, uint32_t *value)
{
	uint32_t most = (1U << prefix_bits) - 1;

	if (block->next == block->end)
		return false;
	*value = *block->next++ & most;
	if (*value < most)
		return true;
	for (unsigned int i = 0; i < INTEGER_OCTETS && block->next < block->end; i++) {
		uint8_t octet = *block->next++;

		*value += (uint32_t)(octet & 0x7f) << (7 * i);
		if (octet < 0x80)
			return true;
	}
	return false;
}

/* A string literal, RFC 7541 5.2: where it lies, or decoded into `room`. */
static bool read_string(
	struct block *block, uint8_t *room, uint32_t capacity, struct tt_hpack_text *text)
{
	bool huffman = block->next < block->end && (*block->next & 0x80) != 0;
	uint32_t length;

	if (!read_integer(block, 7, &length) || length > (size_t)(block->end - block->next))
		return false;
	const uint8_t *bytes = block->next;

	block->next += length;
	text->bytes = bytes;
	text->length = length;
	if (huffman) {
		text->bytes = room;
		if (!tt_hpack_huffman(room, capacity, bytes, length, &text->length))
			return false;
	}
	text->kept = text->length < capacity ? text->length : capacity;
	return true;
}

static struct tt_hpack_entry *entry_at(struct tt_hpack_table *table, uint32_t age)
{
	return &table->entry[(table->newest - age) % TT_HPACK_ENTRIES];
}

static uint32_t entry_size(const struct tt_hpack_entry *entry)
{
	return entry->name_bytes + entry->value_bytes + TT_HPACK_ENTRY_BYTES;
}

/* What an index stands for. false: nothing can. */
static bool look_up(const struct block *block, uint32_t index, struct tt_hpack_text *name,
	struct tt_hpack_text *value)
{
	struct tt_hpack_table *table = block->table;

	if (index == 0)
		return false;
	if (index <= STATIC_ENTRIES) {
		*name = static_entries[index - 1].name;
		*value = static_entries[index - 1].value;
		return true;
	}
	index -= STATIC_ENTRIES + 1;
	if (table == NULL || index >= table->count) {
		*name = unknown;
		*value = unknown;
		return table == NULL || table->incomplete;
	}
	const struct tt_hpack_entry *entry = entry_at(table, index);
	const uint8_t *text = table->text + entry->at;

	*name = entry->name_known
		? (struct tt_hpack_text){text, entry->name_bytes, entry->name_kept}
		: unknown;
	*value = (struct tt_hpack_text){
		text + entry->name_kept, entry->value_bytes, entry->value_kept};
	return true;
}

/* Evict from the oldest on until what is kept counts at most `size`. */
static void evict(struct tt_hpack_table *table, uint32_t size)
{
	while (table->size > size) {
		table->size -= entry_size(entry_at(table, table->count - 1U));
		table->count--;
	}
}

/* RFC 7541 4.4. The name may be that of an entry which is evicted for this one. */
static void insert(struct block *block, struct tt_hpack_text name, struct tt_hpack_text value)
{
	struct tt_hpack_table *table = block->table;

	if (table == NULL)
		return;
	struct tt_hpack_entry entry = {
		.name_bytes = name.length,
		.value_bytes = value.length,
		.name_known = name.bytes != NULL,
		.name_kept = (uint8_t)name.kept,
		.value_kept = (uint16_t)value.kept,
	};
	uint32_t size = entry_size(&entry);

	if (size > table->limit) {
		table_clear(table);
		return;
	}
	if (table->limit > TT_HPACK_TABLE_BYTES && table->size + size > TT_HPACK_TABLE_BYTES)
		table->incomplete = true;
	uint32_t limit = table->limit < TT_HPACK_TABLE_BYTES ? table->limit : TT_HPACK_TABLE_BYTES;

	evict(table, size < limit ? limit - size : 0);
	if (table->end >= TT_HPACK_TABLE_BYTES)
		table->end = 0;
	entry.at = table->end;
	/* The texts of others may lie in their way no more, but their own name may. */
	if (name.bytes != NULL)
		memmove(table->text + entry.at, name.bytes, name.kept);
	if (value.kept > 0)
		memcpy(table->text + entry.at + name.kept, value.bytes, value.kept);
	table->end = (uint16_t)(entry.at + name.kept + value.kept);
	table->newest = (uint8_t)((table->newest + 1) % TT_HPACK_ENTRIES);
	table->entry[table->newest] = entry;
	table->count++;
	table->size += size;
}

static bool read_indexed(struct block *block)
{
	struct tt_hpack_text name;
	struct tt_hpack_text value;
	uint32_t index;

	if (!read_integer(block, 7, &index) || !look_up(block, index, &name, &value))
		return false;
	block->report(block->context, &name, &value);
	return true;
}

static bool read_literal(struct block *block, unsigned int prefix_bits, bool indexing)
{
	struct tt_hpack_text name;
	struct tt_hpack_text value;
	uint32_t index;

	if (!read_integer(block, prefix_bits, &index))
		return false;
	if (index == 0 ? !read_string(block, block->name, sizeof(block->name), &name)
		       : !look_up(block, index, &name, &value))
		return false;
	if (!read_string(block, block->value, sizeof(block->value), &value))
		return false;
	block->report(block->context, &name, &value);
	if (indexing)
		insert(block, name, value);
	return true;
}

static bool read_size_update(struct block *block)
{
	uint32_t limit;

	if (!read_integer(block, 5, &limit))
		return false;
	if (block->table == NULL)
		return true;
	block->table->limit = limit;
	evict(block->table, limit);
	/* Nothing older is left either. */
	if (limit == 0)
		block->table->incomplete = false;
	return true;
}

/* One representation, RFC 7541 6. Size updates come first (4.2). */
static bool read_representation(struct block *block, bool *fields)
{
	uint8_t first = *block->next;

	if ((first & 0xe0) == 0x20)
		return !*fields && read_size_update(block);
	*fields = true;
	if ((first & 0x80) != 0)
		return read_indexed(block);
	if ((first & 0x40) != 0)
		return read_literal(block, 6, true);
	return read_literal(block, 4, false);
}

bool tt_hpack_read(struct tt_hpack_table *table, const uint8_t *bytes, size_t length,
	tt_hpack_report report, void *context)
{
	struct block block;
	bool fields = false;

	block.table = table;
	block.next = bytes;
	block.end = bytes + length;
	block.report = report;
	block.context = context;
	while (block.next < block.end) {
		if (!read_representation(&block, &fields)) {
			if (table != NULL)
				tt_hpack_lose(table);
			return false;
		}
	}
	return true;
}
