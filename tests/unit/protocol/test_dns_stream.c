/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/error.h"
#include "protocol/dns.h"
#include "protocol/dns_stream.h"

#include "protocol/dns_build.h"
#include "suite.h"

#define MESSAGES 40

static struct dns_build messages[MESSAGES];
static uint8_t wire[MESSAGES * 2000];
static size_t wire_length;
static size_t wire_start[MESSAGES]; /* of each message's length */

/* What the framing has given: which messages, in order. */
static unsigned int given[MESSAGES];
static unsigned int given_count;
static unsigned int given_wrong;

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % limit);
}

static void take(void *context, const uint8_t *bytes, size_t length, size_t message_length)
{
	(void)context;
	unsigned int number = tt_load_be16(bytes);
	if (number >= MESSAGES || length != message_length || length != messages[number].length ||
		memcmp(bytes, messages[number].bytes, length) != 0)
		given_wrong++;
	else
		given[given_count++] = number;
}

static void build_wire(void)
{
	wire_length = 0;
	for (unsigned int i = 0; i < MESSAGES; i++) {
		build_query(&messages[i], i, "some.name.example.com", TT_DNS_TXT);
		if (i % 3 == 0) {
			static const uint8_t text[1500] = {255};
			build_response(&messages[i], i, "x.example", TT_DNS_TXT, 0, 1);
			build_answer(&messages[i], 999, 1, text, 10 + random_below(1400));
		}
		wire_start[i] = wire_length;
		wire[wire_length++] = (uint8_t)(messages[i].length >> 8);
		wire[wire_length++] = (uint8_t)messages[i].length;
		memcpy(wire + wire_length, messages[i].bytes, messages[i].length);
		wire_length += messages[i].length;
	}
	given_count = 0;
	given_wrong = 0;
}

static void feed(
	struct tt_dns_stream *stream, struct tt_dns_stream_pool *pool, size_t from, size_t to)
{
	struct guarded guarded = guarded_copy(wire + from, to - from);

	tt_dns_stream_data(stream, pool, guarded.bytes, to - from, take, NULL);
	guarded_free(&guarded);
}

static void test_cut_anywhere(void)
{
	static const uint32_t sizes[] = {1, 2, 3, 40, 1460, 100000};
	struct tt_dns_stream_pool pool;
	struct tt_dns_stream stream;

	CU_ASSERT_EQUAL_FATAL(tt_dns_stream_pool_create(&pool, 1, false), TT_OK);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		build_wire();
		tt_dns_stream_start(&stream);
		for (size_t at = 0; at < wire_length;) {
			size_t count = 1 + random_below(sizes[s]);
			if (count > wire_length - at)
				count = wire_length - at;
			feed(&stream, &pool, at, at + count);
			at += count;
		}
		CU_ASSERT_EQUAL(given_count, MESSAGES);
		CU_ASSERT_EQUAL(given_wrong, 0);
		for (unsigned int i = 0; i < given_count; i++)
			CU_ASSERT_EQUAL(given[i], i);
		CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_used), 0);
	}
	/* One piece with all of it needed no slab, the others one at a time. */
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_high), 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.pool_full), 0);
	tt_dns_stream_pool_destroy(&pool);
}

static void test_full_pool_skips_one_message(void)
{
	struct tt_dns_stream_pool pool;
	struct tt_dns_stream other;
	struct tt_dns_stream stream;

	build_wire();
	CU_ASSERT_EQUAL_FATAL(tt_dns_stream_pool_create(&pool, 1, false), TT_OK);
	tt_dns_stream_start(&other);
	feed(&other, &pool, 0, 5); /* takes the only slab */
	tt_dns_stream_start(&stream);
	feed(&stream, &pool, 0, 5);
	feed(&stream, &pool, 5, wire_length);
	CU_ASSERT_EQUAL(given_count, MESSAGES - 1);
	CU_ASSERT_EQUAL(given[0], 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.pool_full), 1);
	tt_dns_stream_close(&other, &pool);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_used), 0);
	tt_dns_stream_pool_destroy(&pool);
}

static void test_gap_inside_a_message(void)
{
	struct tt_dns_stream_pool pool;
	struct tt_dns_stream stream;

	build_wire();
	CU_ASSERT_EQUAL_FATAL(tt_dns_stream_pool_create(&pool, 1, false), TT_OK);
	tt_dns_stream_start(&stream);
	feed(&stream, &pool, 0, 20);
	tt_dns_stream_gap(&stream, &pool, 5);
	feed(&stream, &pool, 25, wire_length);
	CU_ASSERT_EQUAL(given_count, MESSAGES - 1);
	CU_ASSERT_EQUAL(given[0], 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.lost), 1);

	/* Up to the very end of the message. */
	build_wire();
	tt_dns_stream_start(&stream);
	feed(&stream, &pool, 0, 20);
	tt_dns_stream_gap(&stream, &pool, (uint32_t)wire_start[1] - 20);
	feed(&stream, &pool, wire_start[1], wire_length);
	CU_ASSERT_EQUAL(given_count, MESSAGES - 1);
	CU_ASSERT_EQUAL(given_wrong, 0);
	tt_dns_stream_pool_destroy(&pool);
}

static void test_framing_is_found_again(void)
{
	struct tt_dns_stream_pool pool;
	struct tt_dns_stream stream;

	build_wire();
	CU_ASSERT_EQUAL_FATAL(tt_dns_stream_pool_create(&pool, 1, false), TT_OK);
	tt_dns_stream_start(&stream);
	feed(&stream, &pool, 0, wire_start[1] + 20);
	tt_dns_stream_gap(&stream, &pool, (uint32_t)(wire_start[5] + 7 - wire_start[1] - 20));
	feed(&stream, &pool, wire_start[5] + 7, wire_start[10]); /* begins inside a message */
	CU_ASSERT_EQUAL(given_count, 1);
	feed(&stream, &pool, wire_start[10], wire_start[12] + 9);
	feed(&stream, &pool, wire_start[12] + 9, wire_length);
	CU_ASSERT_EQUAL(given_count, 1 + MESSAGES - 10);
	CU_ASSERT_EQUAL(given[1], 10);
	CU_ASSERT_EQUAL(given_wrong, 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 1);
	tt_dns_stream_pool_destroy(&pool);
}

static size_t long_given;
static size_t long_total;

static void take_long(void *context, const uint8_t *bytes, size_t length, size_t message_length)
{
	(void)context;
	(void)bytes;
	long_given = length;
	long_total = message_length;
}

static void test_long_message_is_cut(void)
{
	static uint8_t bytes[2 + 65535 + 2];
	struct tt_dns_stream_pool pool;
	struct tt_dns_stream stream;

	CU_ASSERT_EQUAL_FATAL(tt_dns_stream_pool_create(&pool, 1, false), TT_OK);
	bytes[0] = 0xff;
	bytes[1] = 0xff;
	tt_dns_stream_start(&stream);
	for (size_t at = 0; at < sizeof(bytes) - 2; at += 1459) {
		size_t left = sizeof(bytes) - 2 - at;
		tt_dns_stream_data(
			&stream, &pool, bytes + at, left < 1459 ? left : 1459, take_long, NULL);
	}
	CU_ASSERT_EQUAL(long_given, TT_DNS_STREAM_SLAB_BYTES);
	CU_ASSERT_EQUAL(long_total, 65535);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.cut), 1);
	CU_ASSERT_EQUAL(stream.state, TT_DNS_STREAM_LENGTH);
	tt_dns_stream_pool_destroy(&pool);
}

static void test_plausible(void)
{
	build_wire();
	for (size_t length = 0; length < wire_start[2]; length++) {
		struct guarded guarded = guarded_copy(wire + wire_start[1], length);
		CU_ASSERT_EQUAL(
			tt_dns_stream_is_plausible(guarded.bytes, length), length >= 2 + 12);
		guarded_free(&guarded);
	}
	CU_ASSERT_FALSE(tt_dns_stream_is_plausible((const uint8_t *)"GET / HTTP/1.1\r\n", 16));
	CU_ASSERT_FALSE(tt_dns_stream_is_plausible(wire + 1, 40));
}

static const struct suite_test tests[] = {
	{"cut anywhere", test_cut_anywhere},
	{"a full pool skips one message", test_full_pool_skips_one_message},
	{"a gap inside a message", test_gap_inside_a_message},
	{"framing is found again", test_framing_is_found_again},
	{"a long message is cut", test_long_message_is_cut},
	{"plausible", test_plausible},
};

SUITE_MAIN("dns stream", tests)
