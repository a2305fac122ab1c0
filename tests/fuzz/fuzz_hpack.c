/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header blocks from any bytes: each begins with its length in a byte. Whoever reads them from a
 * later one on may know less of a field than who has read all, but nothing else.
 */
#include "base/hash.h"
#include "protocol/hpack.h"

#include <stdlib.h>

#define FIELDS 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct field {
	bool known[2];
	uint64_t hash[2];
};

struct fields {
	unsigned int count;
	struct field field[FIELDS];
};

static void add(void *context, const struct tt_hpack_text *name, const struct tt_hpack_text *value)
{
	const struct tt_hpack_text *texts[2] = {name, value};
	struct fields *fields = context;

	if (fields->count == FIELDS)
		return;
	struct field *field = &fields->field[fields->count++];

	for (unsigned int i = 0; i < 2; i++) {
		if (texts[i]->kept > texts[i]->length || texts[i]->kept > TT_HPACK_VALUE_BYTES)
			abort();
		field->known[i] = texts[i]->bytes != NULL;
		field->hash[i] = field->known[i]
			? tt_hash_bytes(texts[i]->length, texts[i]->bytes, texts[i]->kept)
			: 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_hpack_table whole;
	static struct tt_hpack_table later;
	static struct fields all;
	static struct fields some;
	unsigned int blocks = 0;

	tt_hpack_start(&whole);
	tt_hpack_lose(&later);
	for (size_t at = 0; at < size; blocks++) {
		size_t length = data[at++];

		if (length > size - at)
			length = size - at;
		all.count = 0;
		some.count = 0;
		if (!tt_hpack_read(&whole, data + at, length, add, &all))
			return 0;
		if (whole.count > TT_HPACK_ENTRIES)
			abort();
		if (blocks > 0 && !tt_hpack_read(&later, data + at, length, add, &some))
			abort();
		for (unsigned int i = 0; blocks > 0 && i < all.count; i++)
			for (unsigned int j = 0; j < 2; j++)
				if (some.field[i].known[j] && all.field[i].known[j] &&
					some.field[i].hash[j] != all.field[i].hash[j])
					abort();
		at += length;
	}
	return 0;
}
