/* SPDX-License-Identifier: Apache-2.0 */
#include "hpack_build.h"
#include "protocol/hpack.h"
#include "protocol/hpack_huffman.h"

#include "suite.h"

#include <stdio.h>

#define FIELDS 4096

struct seen {
	char name[HPACK_BUILD_TEXT];
	char value[HPACK_BUILD_TEXT];
	uint32_t value_length;
	bool name_known;
	bool value_known;
};

static struct tt_hpack_table table;
static struct hpack_encoder encoder;
static struct seen seen[FIELDS];
static unsigned int seen_count;
static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void take(void *context, const struct tt_hpack_text *name, const struct tt_hpack_text *value)
{
	CU_ASSERT_PTR_EQUAL(context, &table);
	if (seen_count == FIELDS)
		return;
	struct seen *field = &seen[seen_count++];

	field->name_known = name->bytes != NULL;
	field->value_known = value->bytes != NULL;
	field->value_length = value->length;
	CU_ASSERT_FATAL(name->kept <= TT_HPACK_VALUE_BYTES && value->kept <= TT_HPACK_VALUE_BYTES);
	if (field->name_known)
		memcpy(field->name, name->bytes, name->kept);
	field->name[name->kept] = '\0';
	if (field->value_known)
		memcpy(field->value, value->bytes, value->kept);
	field->value[value->kept] = '\0';
}

static bool read_block(const uint8_t *bytes, size_t length)
{
	struct guarded guarded = guarded_copy(bytes, length);

	seen_count = 0;
	bool sound = tt_hpack_read(&table, guarded.bytes, length, take, &table);
	guarded_free(&guarded);
	return sound;
}

static bool read_hex(const char *hex)
{
	uint8_t bytes[512];
	size_t length = 0;

	for (; hex[2 * length] != '\0'; length++) {
		unsigned int octet;
		CU_ASSERT_EQUAL_FATAL(sscanf(hex + 2 * length, "%2x", &octet), 1);
		bytes[length] = (uint8_t)octet;
	}
	return read_block(bytes, length);
}

static void see(unsigned int i, const char *name, const char *value)
{
	CU_ASSERT_FATAL(i < seen_count);
	CU_ASSERT_TRUE(seen[i].name_known && seen[i].value_known);
	CU_ASSERT_STRING_EQUAL(seen[i].name, name);
	CU_ASSERT_STRING_EQUAL(seen[i].value, value);
}

/* RFC 7541 appendix C.2. */
static void test_representations(void)
{
	tt_hpack_start(&table);
	CU_ASSERT_TRUE(read_hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"));
	see(0, "custom-key", "custom-header");
	CU_ASSERT_EQUAL(table.size, 55);
	tt_hpack_start(&table);
	CU_ASSERT_TRUE(read_hex("040c2f73616d706c652f70617468"));
	see(0, ":path", "/sample/path");
	CU_ASSERT_EQUAL(table.size, 0);
	CU_ASSERT_TRUE(read_hex("100870617373776f726406736563726574"));
	see(0, "password", "secret");
	CU_ASSERT_EQUAL(table.size, 0);
	CU_ASSERT_TRUE(read_hex("82"));
	see(0, ":method", "GET");
	CU_ASSERT_EQUAL(seen_count, 1);
}

/* Appendix C.3 and C.4. */
static void see_requests(const char *const blocks[3])
{
	tt_hpack_start(&table);
	CU_ASSERT_TRUE(read_hex(blocks[0]));
	CU_ASSERT_EQUAL(seen_count, 4);
	see(0, ":method", "GET");
	see(1, ":scheme", "http");
	see(2, ":path", "/");
	see(3, ":authority", "www.example.com");
	CU_ASSERT_EQUAL(table.size, 57);
	CU_ASSERT_TRUE(read_hex(blocks[1]));
	CU_ASSERT_EQUAL(seen_count, 5);
	see(3, ":authority", "www.example.com");
	see(4, "cache-control", "no-cache");
	CU_ASSERT_EQUAL(table.size, 110);
	CU_ASSERT_TRUE(read_hex(blocks[2]));
	CU_ASSERT_EQUAL(seen_count, 5);
	see(1, ":scheme", "https");
	see(2, ":path", "/index.html");
	see(3, ":authority", "www.example.com");
	see(4, "custom-key", "custom-value");
	CU_ASSERT_EQUAL(table.size, 164);
	CU_ASSERT_EQUAL(table.count, 3);
}

static void test_requests(void)
{
	static const char *const plain[] = {"828684410f7777772e6578616d706c652e636f6d",
		"828684be58086e6f2d6361636865",
		"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"};
	static const char *const huffman[] = {"828684418cf1e3c2e5f23a6ba0ab90f4ff",
		"828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"};

	see_requests(plain);
	see_requests(huffman);
}

/* Appendix C.5 and C.6, behind a size update to the 256 bytes that they speak of. */
static void see_responses(const char *const blocks[3])
{
	tt_hpack_start(&table);
	CU_ASSERT_TRUE(read_hex("3fe101"));
	CU_ASSERT_TRUE(read_hex(blocks[0]));
	CU_ASSERT_EQUAL(seen_count, 4);
	see(0, ":status", "302");
	see(1, "cache-control", "private");
	see(2, "date", "Mon, 21 Oct 2013 20:13:21 GMT");
	see(3, "location", "https://www.example.com");
	CU_ASSERT_EQUAL(table.size, 222);
	CU_ASSERT_TRUE(read_hex(blocks[1]));
	see(0, ":status", "307");
	see(1, "cache-control", "private");
	see(3, "location", "https://www.example.com");
	CU_ASSERT_EQUAL(table.size, 222);
	CU_ASSERT_EQUAL(table.count, 4);
	CU_ASSERT_TRUE(read_hex(blocks[2]));
	CU_ASSERT_EQUAL(seen_count, 6);
	see(0, ":status", "200");
	see(2, "date", "Mon, 21 Oct 2013 20:13:22 GMT");
	see(3, "location", "https://www.example.com");
	see(4, "content-encoding", "gzip");
	see(5, "set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
	CU_ASSERT_EQUAL(table.size, 215);
	CU_ASSERT_EQUAL(table.count, 3);
	/* What was evicted is not there any more. */
	CU_ASSERT_FALSE(read_hex("c1"));
}

static void test_responses(void)
{
	static const char *const plain[] = {
		"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231"
		"20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
		"4803333037c1c0bf",
		"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a697077"
		"38666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d616765"
		"3d333630303b2076657273696f6e3d31"};
	static const char *const huffman[] = {
		"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad17"
		"1863c78f0b97c8e9ae82ae43d3",
		"4883640effc1c0bf",
		"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6"
		"c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"};

	see_responses(plain);
	see_responses(huffman);
}

static void test_wrong_blocks_are_refused(void)
{
	static const char *const wrong[] = {
		"80",		      /* index 0 */
		"be",		      /* an entry that nobody added */
		"ff",		      /* an integer without its end */
		"ffffffffffffff01",   /* one over the limit */
		"40",		      /* a name that is not there */
		"4003616263",	      /* a value that is not there */
		"000361626304616263", /* one shorter than it says */
		"41821fff",	      /* Huffman: more padding than a byte */
		"4181fe",	      /* nothing of a code but its beginning, not all ones */
		"4184ffffffff",	      /* EOS */
		"8220",		      /* a size update behind a field */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tt_hpack_start(&table);
		if (read_hex(wrong[i]))
			CU_FAIL("taken");
		/* What it would have added is not known either. */
		CU_ASSERT_TRUE(table.incomplete);
	}
	tt_hpack_start(&table);
	CU_ASSERT_TRUE(read_hex(""));
	CU_ASSERT_TRUE(read_hex("3fe11f20"));
	CU_ASSERT_EQUAL(table.limit, 0);
}

/* Every byte, alone and among others. */
static void test_huffman_is_undone(void)
{
	uint8_t decoded[400];
	uint32_t length;

	random_state = 1;
	for (unsigned int round = 0; round < 2000; round++) {
		char text[300];
		size_t bytes = round < 255 ? 1 : draw(sizeof(text) - 1);
		for (size_t i = 0; i < bytes; i++)
			text[i] = (char)(round < 255 ? round + 1 : 1 + draw(255));
		text[bytes] = '\0';
		hpack_begin(&encoder);
		hpack_string(&encoder, text, true);
		size_t skip = (encoder.bytes[0] & 0x7f) == 0x7f ? 2 : 1;
		if (skip == 2 && encoder.bytes[1] >= 0x80)
			skip = 3;
		struct guarded guarded = guarded_copy(encoder.bytes + skip, encoder.length - skip);
		CU_ASSERT_TRUE(tt_hpack_huffman(
			decoded, sizeof(decoded), guarded.bytes, encoder.length - skip, &length));
		CU_ASSERT_EQUAL_FATAL(length, bytes);
		CU_ASSERT_EQUAL(memcmp(decoded, text, bytes), 0);
		/* No room: the length alone. */
		memset(decoded, 0xee, 8);
		CU_ASSERT_TRUE(tt_hpack_huffman(
			decoded, 3, guarded.bytes, encoder.length - skip, &length));
		CU_ASSERT_EQUAL(length, bytes);
		CU_ASSERT_EQUAL(decoded[3], 0xee);
		guarded_free(&guarded);
	}
}

static void draw_field(struct hpack_field *field)
{
	static const char *const names[] = {":path", ":status", "x-a", "cookie", "content-type",
		"a-name-of-more-bytes-than-those-that-are-kept-of-a-name-in-the-table-of-a-tap",
		"grpc-status"};
	size_t length = draw(8) == 0 ? draw(HPACK_BUILD_TEXT - 1) : draw(12);

	strcpy(field->name, names[draw(7)]);
	for (size_t i = 0; i < length; i++)
		field->value[i] = (char)(draw(4) == 0 ? 1 + draw(255) : 'a' + draw(2));
	field->value[length] = '\0';
}

/* What is known must be what was sent. Returns how many were not known. */
static unsigned int see_fields(const struct hpack_field *sent, unsigned int count)
{
	unsigned int unknown = 0;

	CU_ASSERT_EQUAL_FATAL(seen_count, count);
	for (unsigned int i = 0; i < count; i++) {
		if (seen[i].name_known) {
			size_t kept = strlen(sent[i].name) < TT_HPACK_NAME_BYTES
				? strlen(sent[i].name)
				: TT_HPACK_NAME_BYTES;
			CU_ASSERT_EQUAL(strlen(seen[i].name), kept);
			CU_ASSERT_EQUAL(memcmp(seen[i].name, sent[i].name, kept), 0);
		}
		if (seen[i].value_known) {
			CU_ASSERT_EQUAL(seen[i].value_length, strlen(sent[i].value));
			CU_ASSERT_EQUAL(
				memcmp(seen[i].value, sent[i].value, strlen(seen[i].value)), 0);
			CU_ASSERT(strlen(seen[i].value) == strlen(sent[i].value) ||
				strlen(seen[i].value) == TT_HPACK_VALUE_BYTES);
		}
		unknown += !seen[i].name_known || !seen[i].value_known;
	}
	return unknown;
}

/* Blocks of any fields in any manner, to a reader who has seen them from the first one on, or from
 * a later one. Returns how many fields were not known. */
static unsigned int run_blocks(unsigned int blocks, unsigned int missed, uint32_t most)
{
	static struct hpack_field sent[40];
	unsigned int unknown = 0;

	hpack_begin(&encoder);
	if (missed > 0)
		tt_hpack_lose(&table);
	else
		tt_hpack_start(&table);
	for (unsigned int block = 0; block < blocks; block++) {
		unsigned int count = draw(40);

		encoder.length = 0;
		if (draw(20) == 0)
			hpack_limit(&encoder, draw(4) == 0 ? 0 : draw(most + 1));
		for (unsigned int i = 0; i < count; i++) {
			draw_field(&sent[i]);
			if (draw(3) > 0 && encoder.entries > 0)
				sent[i] = encoder.entry[draw(encoder.entries)];
			unsigned int manner = draw(8);
			if (manner < 5)
				hpack_field(&encoder, sent[i].name, sent[i].value);
			else
				hpack_literal(&encoder, sent[i].name, sent[i].value,
					manner == 5	      ? HPACK_PLAIN
						: manner == 6 ? HPACK_NEVER
							      : HPACK_INDEXING,
					draw(2) == 0);
		}
		if (block < missed)
			continue;
		CU_ASSERT_TRUE_FATAL(read_block(encoder.bytes, encoder.length));
		unknown += see_fields(sent, count);
		if (missed == 0 && most <= TT_HPACK_TABLE_BYTES) {
			CU_ASSERT_EQUAL(table.size, hpack_size(&encoder));
			CU_ASSERT_EQUAL(table.count, encoder.entries);
			CU_ASSERT_FALSE(table.incomplete);
		}
	}
	return unknown;
}

static void test_any_blocks_are_read(void)
{
	random_state = 2;
	for (unsigned int round = 0; round < 20; round++)
		CU_ASSERT_EQUAL(run_blocks(60, 0, TT_HPACK_TABLE_BYTES), 0);
}

static void test_what_was_missed_is_unknown(void)
{
	unsigned int unknown = 0;

	random_state = 3;
	for (unsigned int round = 0; round < 20; round++)
		unknown += run_blocks(40, 1 + draw(20), TT_HPACK_TABLE_BYTES);
	CU_ASSERT(unknown > 0);
}

static void test_what_is_not_kept_is_unknown(void)
{
	unsigned int unknown = 0;

	random_state = 4;
	for (unsigned int round = 0; round < 20; round++)
		unknown += run_blocks(60, 0, 16000);
	CU_ASSERT(unknown > 0);
}

static void test_without_a_table_entries_are_unknown(void)
{
	const uint8_t block[] = {0x82, 0x41, 0x01, 'a', 0xbe, 0x7e, 0x01, 'b'};

	seen_count = 0;
	CU_ASSERT_TRUE(tt_hpack_read(NULL, block, sizeof(block), take, &table));
	CU_ASSERT_EQUAL(seen_count, 4);
	see(0, ":method", "GET");
	see(1, ":authority", "a");
	CU_ASSERT_FALSE(seen[2].name_known || seen[2].value_known);
	CU_ASSERT_FALSE(seen[3].name_known);
	CU_ASSERT_STRING_EQUAL(seen[3].value, "b");
}

static void test_any_bytes_are_survived(void)
{
	uint8_t bytes[200];

	random_state = 5;
	tt_hpack_start(&table);
	for (unsigned int round = 0; round < 20000; round++) {
		size_t length = draw(sizeof(bytes));
		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)(draw(3) == 0 ? draw(256) : draw(4) * 0x40 + draw(4));
		if (draw(50) == 0)
			tt_hpack_start(&table);
		(void)read_block(bytes, length);
		CU_ASSERT_FATAL(table.count <= TT_HPACK_ENTRIES);
	}
}

static const struct suite_test tests[] = {
	{"representations", test_representations},
	{"requests of RFC 7541", test_requests},
	{"responses of RFC 7541", test_responses},
	{"wrong blocks are refused", test_wrong_blocks_are_refused},
	{"huffman is undone", test_huffman_is_undone},
	{"any blocks are read", test_any_blocks_are_read},
	{"what was missed is unknown", test_what_was_missed_is_unknown},
	{"what is not kept is unknown", test_what_is_not_kept_is_unknown},
	{"without a table entries are unknown", test_without_a_table_entries_are_unknown},
	{"any bytes are survived", test_any_bytes_are_survived},
};

SUITE_MAIN("hpack", tests)
