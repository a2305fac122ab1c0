/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/stream.h"

#include "suite.h"

#define STREAM_BYTES 30000

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % limit);
}

/* The slow model: every byte of one direction by its offset, as it arrived first. */
struct model {
	uint8_t first[STREAM_BYTES];
	bool arrived[STREAM_BYTES];
	bool given[STREAM_BYTES];
	uint32_t position; /* next offset that the consumer gets */
	uint32_t gaps;
	uint32_t gap_bytes;
	uint32_t pieces;
	unsigned int ends;
	bool wrong;
};

static struct model models[2];

static void model_data(void *context, unsigned int direction, const uint8_t *bytes, uint32_t length)
{
	struct model *model = &models[direction];

	(void)context;
	model->pieces++;
	if (length == 0 || model->position + length > STREAM_BYTES || model->ends > 0)
		model->wrong = true;
	for (uint32_t i = 0; i < length && !model->wrong; i++) {
		uint32_t at = model->position++;
		if (!model->arrived[at] || model->first[at] != bytes[i])
			model->wrong = true;
		model->given[at] = true;
	}
}

static void model_gap(void *context, unsigned int direction, uint32_t length)
{
	struct model *model = &models[direction];

	(void)context;
	model->gaps++;
	model->gap_bytes += length;
	if (length == 0 || model->position + length > STREAM_BYTES)
		model->wrong = true;
	for (uint32_t i = 0; i < length && !model->wrong; i++)
		if (model->arrived[model->position++])
			model->wrong = true;
}

static void model_end(void *context, unsigned int direction)
{
	(void)context;
	models[direction].ends++;
}

static const struct tt_stream_consumer consumer = {model_data, model_gap, model_end, NULL};

/* A segment of one direction, its bytes random but for those that are to be first copies. */
static void send(struct tt_stream *stream, struct tt_stream_pool *pool, unsigned int direction,
	uint32_t isn, uint32_t offset, uint32_t length, bool fin)
{
	struct model *model = &models[direction];
	static uint8_t bytes[STREAM_BYTES];

	for (uint32_t i = 0; i < length; i++) {
		bytes[i] = (uint8_t)random_below(256);
		if (!model->arrived[offset + i]) {
			/* What comes after its gap was told is late, and not of the model. */
			model->arrived[offset + i] = true;
			model->first[offset + i] = bytes[i];
		}
	}
	struct guarded guarded = guarded_copy(bytes, length);
	struct tt_stream_segment segment = {
		.sequence = isn + 1 + offset,
		.payload = guarded.bytes,
		.payload_bytes = length,
		.captured_bytes = length,
		.direction = (uint8_t)direction,
		.fin = fin,
	};
	tt_stream_segment(stream, pool, &segment, &consumer);
	guarded_free(&guarded);
}

static void send_syn(
	struct tt_stream *stream, struct tt_stream_pool *pool, unsigned int direction, uint32_t isn)
{
	struct tt_stream_segment segment = {
		.sequence = isn, .direction = (uint8_t)direction, .syn = true};

	tt_stream_segment(stream, pool, &segment, &consumer);
}

/* The receiver of `direction` acknowledges up to this offset. */
static void send_ack(struct tt_stream *stream, struct tt_stream_pool *pool, unsigned int direction,
	uint32_t isn, uint32_t offset)
{
	struct tt_stream_segment segment = {
		.acknowledgment = isn + 1 + offset,
		.direction = (uint8_t)(direction ^ 1),
		.ack = true,
	};

	tt_stream_segment(stream, pool, &segment, &consumer);
}

static void begin(struct tt_stream *stream, struct tt_stream_pool *pool, uint32_t slabs)
{
	memset(models, 0, sizeof(models));
	memset(stream, 0, sizeof(*stream));
	CU_ASSERT_EQUAL_FATAL(tt_stream_pool_create(pool, slabs, false), TT_OK);
}

static void finish(struct tt_stream *stream, struct tt_stream_pool *pool)
{
	tt_stream_close(stream, pool, &consumer);
	CU_ASSERT_FALSE(models[0].wrong);
	CU_ASSERT_FALSE(models[1].wrong);
	CU_ASSERT_EQUAL(tt_counter_read(&pool->counters.slabs_used), 0);
	tt_stream_pool_destroy(pool);
}

static void test_in_order_is_not_copied(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;

	begin(&stream, &pool, 16);
	send_syn(&stream, &pool, 0, 0xfffffff0); /* wraps after 15 bytes */
	for (uint32_t i = 0; i < 20; i++)
		send(&stream, &pool, 0, 0xfffffff0, i * 1000, 1000, i == 19);
	CU_ASSERT_EQUAL(models[0].position, 20000);
	CU_ASSERT_EQUAL(models[0].pieces, 20);
	CU_ASSERT_EQUAL(models[0].ends, 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_high), 0);
	finish(&stream, &pool);
}

static void test_early_segments_wait(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;

	begin(&stream, &pool, 16);
	send_syn(&stream, &pool, 1, 77);
	send(&stream, &pool, 1, 77, 3000, 1000, true);
	send(&stream, &pool, 1, 77, 1000, 1000, false);
	send(&stream, &pool, 1, 77, 2000, 1000, false);
	CU_ASSERT_EQUAL(models[1].position, 0);
	CU_ASSERT_EQUAL(stream.slabs, 3);
	send(&stream, &pool, 1, 77, 0, 1000, false);
	CU_ASSERT_EQUAL(models[1].position, 4000);
	CU_ASSERT_EQUAL(models[1].ends, 1);
	CU_ASSERT_EQUAL(models[1].gaps, 0);
	CU_ASSERT_EQUAL(stream.slabs, 0);
	finish(&stream, &pool);
}

static void test_gap_only_once_acknowledged(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;

	begin(&stream, &pool, 16);
	send_syn(&stream, &pool, 0, 5);
	send(&stream, &pool, 0, 5, 0, 100, false);
	send(&stream, &pool, 0, 5, 300, 100, false);
	send_ack(&stream, &pool, 0, 5, 100);
	send_ack(&stream, &pool, 0, 5, 299); /* part of the hole */
	CU_ASSERT_EQUAL(models[0].gaps, 0);
	send_ack(&stream, &pool, 0, 5, 300);
	CU_ASSERT_EQUAL(models[0].gap_bytes, 200);
	CU_ASSERT_EQUAL(models[0].position, 400);

	/* An acknowledgment that overtakes its data is not a loss. */
	send_ack(&stream, &pool, 0, 5, 500);
	CU_ASSERT_EQUAL(models[0].gaps, 1);
	send(&stream, &pool, 0, 5, 400, 100, false);
	CU_ASSERT_EQUAL(models[0].position, 500);
	CU_ASSERT_EQUAL(models[0].gaps, 1);

	/* A FIN that was acknowledged: what is missing before it is lost. */
	send(&stream, &pool, 0, 5, 600, 0, true);
	CU_ASSERT_EQUAL(models[0].ends, 0);
	send_ack(&stream, &pool, 0, 5, 601);
	CU_ASSERT_EQUAL(models[0].gap_bytes, 300);
	CU_ASSERT_EQUAL(models[0].ends, 1);
	finish(&stream, &pool);
}

static void test_cut_segment_is_followed_by_a_gap(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;
	uint8_t bytes[60] = {0};

	begin(&stream, &pool, 16);
	memset(models[0].arrived, true, sizeof(bytes));
	struct tt_stream_segment segment = {
		.sequence = 1000, .payload = bytes, .payload_bytes = 100, .captured_bytes = 60};
	tt_stream_segment(&stream, &pool, &segment, &consumer);
	CU_ASSERT_EQUAL(models[0].gap_bytes, 40);
	CU_ASSERT_EQUAL(models[0].position, 100);
	/* Nothing of it captured. */
	segment.sequence = 1100;
	segment.captured_bytes = 0;
	segment.payload = NULL;
	tt_stream_segment(&stream, &pool, &segment, &consumer);
	CU_ASSERT_EQUAL(models[0].gap_bytes, 140);
	finish(&stream, &pool);
}

static void test_far_segments_are_ignored(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;

	begin(&stream, &pool, 16);
	send_syn(&stream, &pool, 0, 0);
	send(&stream, &pool, 0, 0, 0, 10, false);
	struct tt_stream_segment segment = {.sequence = 0x60000000,
		.payload = (const uint8_t *)"x",
		.payload_bytes = 1,
		.captured_bytes = 1};
	tt_stream_segment(&stream, &pool, &segment, &consumer);
	segment.sequence = 0xa0000000;
	tt_stream_segment(&stream, &pool, &segment, &consumer);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.out_of_window), 2);
	send(&stream, &pool, 0, 0, 10, 10, false);
	CU_ASSERT_EQUAL(models[0].position, 20);
	finish(&stream, &pool);
}

static void test_full_connection_gives_up_holes(void)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;

	begin(&stream, &pool, 1000);
	send_syn(&stream, &pool, 0, 0);
	/* Every second block of 100: a slab each. */
	for (uint32_t i = 0; i < TT_STREAM_SLABS; i++)
		send(&stream, &pool, 0, 0, 100 + 200 * i, 100, false);
	CU_ASSERT_EQUAL(models[0].gaps, 0);
	CU_ASSERT_EQUAL(stream.slabs, TT_STREAM_SLABS);
	send(&stream, &pool, 0, 0, 100 + 200 * TT_STREAM_SLABS, 100, false);
	CU_ASSERT_EQUAL(models[0].gaps, TT_STREAM_SLABS + 1);
	CU_ASSERT_EQUAL(models[0].position, 200 + 200 * TT_STREAM_SLABS);
	CU_ASSERT_EQUAL(stream.slabs, 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.connection_full), 1);
	finish(&stream, &pool);
}

/* Random segments against the model: cut anywhere, reordered, doubled, overlapping, with other
 * bytes in the second copies; some lost, the receiver's acknowledgments on the way. */
static void random_round(bool loss, uint32_t slabs, uint32_t disorder, uint32_t size)
{
	struct tt_stream_pool pool;
	struct tt_stream stream;
	struct {
		uint32_t offset, length;
		bool lost;
	} segments[STREAM_BYTES];
	uint32_t isn[2] = {random_below(UINT32_MAX), 0u - random_below(STREAM_BYTES)};
	uint32_t sent[2] = {0, 0};

	begin(&stream, &pool, slabs);
	send_syn(&stream, &pool, 0, isn[0]);
	send_syn(&stream, &pool, 1, isn[1]);
	while (sent[0] < STREAM_BYTES || sent[1] < STREAM_BYTES) {
		unsigned int direction = random_below(2);
		uint32_t count = 0;
		uint32_t start = sent[direction];
		/* A flight of up to `disorder` segments, in random order. */
		while (count < disorder && sent[direction] < STREAM_BYTES) {
			uint32_t length = 1 + random_below(size);
			if (length > STREAM_BYTES - sent[direction])
				length = STREAM_BYTES - sent[direction];
			segments[count].offset = sent[direction];
			segments[count].length = length;
			segments[count].lost = loss && random_below(8) == 0;
			sent[direction] += length;
			count++;
		}
		while (count > 0) {
			uint32_t pick = random_below(count);
			uint32_t offset = segments[pick].offset;
			uint32_t length = segments[pick].length;
			if (!segments[pick].lost) {
				send(&stream, &pool, direction, isn[direction], offset, length,
					offset + length == STREAM_BYTES);
			}
			if (random_below(4) != 0)
				segments[pick] = segments[--count];
			if (!loss && random_below(4) == 0 && offset > start) {
				/* An overlapping copy, cut differently. */
				uint32_t back = random_below(offset - start) + 1;
				send(&stream, &pool, direction, isn[direction], offset - back,
					back + random_below(length), false);
			}
		}
		if (random_below(2) == 0)
			send_ack(&stream, &pool, direction, isn[direction], sent[direction]);
	}
	for (unsigned int direction = 0; direction < 2; direction++)
		send_ack(&stream, &pool, direction, isn[direction], STREAM_BYTES + 1);
	if (!loss) {
		for (unsigned int direction = 0; direction < 2; direction++) {
			CU_ASSERT_EQUAL(models[direction].position, STREAM_BYTES);
			CU_ASSERT_EQUAL(models[direction].gaps, 0);
			CU_ASSERT_EQUAL(models[direction].ends, 1);
		}
	} else {
		CU_ASSERT(models[0].gaps + models[1].gaps > 0);
	}
	finish(&stream, &pool);
	if (loss)
		return;
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.connection_full), 0);
}

static void test_random_order_loses_nothing(void)
{
	random_state = 0x9e3779b97f4a7c15;
	for (unsigned int round = 0; round < 20; round++) {
		random_round(false, 64, 5, 1460);
		random_round(false, 64, 12, 40);
	}
}

static void test_random_loss_is_told(void)
{
	random_state = 0xbf58476d1ce4e5b9;
	for (unsigned int round = 0; round < 20; round++) {
		random_round(true, 64, 5, 1460);
		random_round(true, 64, 40, 3000);
		random_round(true, 3, 10, 1460);
	}
}

static const struct suite_test tests[] = {
	{"in order is not copied", test_in_order_is_not_copied},
	{"early segments wait", test_early_segments_wait},
	{"a gap only once acknowledged", test_gap_only_once_acknowledged},
	{"a cut segment is followed by a gap", test_cut_segment_is_followed_by_a_gap},
	{"far segments are ignored", test_far_segments_are_ignored},
	{"a full connection gives up holes", test_full_connection_gives_up_holes},
	{"random order loses nothing", test_random_order_loses_nothing},
	{"random loss is told", test_random_loss_is_told},
};

SUITE_MAIN("stream", tests)
