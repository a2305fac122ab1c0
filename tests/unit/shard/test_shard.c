/* SPDX-License-Identifier: Apache-2.0 */
#include "shard/shard.h"

#include "base/error.h"
#include "stream.h"
#include "suite.h"

#include <stdlib.h>

#define WORKER 7

/* What a batch surely takes: its end may be too short for the largest record. */
#define SURE_BYTES (TT_SHARD_BATCH_BYTES - TT_RECORD_LIMIT_BYTES)

/* W and C of one shard, in one thread. */
struct ends {
	struct tt_shard *shard;
	uint64_t written; /* records that W has committed */
	uint64_t seen;	  /* records that C has consumed */
	uint64_t wrong;
	uint64_t produce; /* records that W commits while C consumes, one for each that it sees */
	uint64_t random;
};

static void open_shard(struct ends *ends, uint32_t batches)
{
	*ends = (struct ends){.random = batches};
	CU_ASSERT_EQUAL_FATAL(tt_shard_create(&ends->shard, WORKER, batches, false), 0);
}

static uint64_t next_random(struct ends *ends)
{
	ends->random = stream_mix(ends->random);
	return ends->random;
}

static void see(void *context, const struct tt_record *record)
{
	struct ends *ends = context;

	ends->wrong += !stream_is(record, ends->seen, WORKER);
	ends->seen++;
	if (ends->produce > 0 && stream_append(ends->shard, ends->written)) {
		ends->produce--;
		ends->written++;
	}
}

static void consume(struct ends *ends)
{
	uint64_t before = ends->seen;
	uint64_t count = tt_shard_consume(ends->shard, see, ends);

	CU_ASSERT_EQUAL(count, ends->seen - before);
	CU_ASSERT_EQUAL(ends->seen, ends->written);
}

static bool append(struct ends *ends)
{
	if (!stream_append(ends->shard, ends->written))
		return false;
	ends->written++;
	return true;
}

static void append_until_busy(struct ends *ends)
{
	while (append(ends))
		;
}

static void close_shard(struct ends *ends)
{
	CU_ASSERT_EQUAL(ends->wrong, 0);
	CU_ASSERT_EQUAL(ends->seen, ends->written);
	tt_shard_destroy(ends->shard);
}

static void refuses_what_cannot_work(void)
{
	struct tt_shard *shard = (struct tt_shard *)1;

	CU_ASSERT_EQUAL(tt_shard_create(&shard, 0, 2, false), TT_ERROR_ARGUMENT);
	CU_ASSERT_PTR_NULL(shard);
	CU_ASSERT_EQUAL(tt_shard_create(&shard, 0, 65536, false), TT_ERROR_ARGUMENT);
	tt_shard_destroy(NULL);
}

static void an_empty_shard_gives_nothing(void)
{
	struct ends ends;

	open_shard(&ends, 3);
	consume(&ends);
	consume(&ends);
	CU_ASSERT_EQUAL(ends.seen, 0);
	close_shard(&ends);
}

static void a_record_is_seen_once_committed(void)
{
	struct ends ends;

	open_shard(&ends, 3);
	struct stream_record *record = tt_shard_reserve(ends.shard, stream_size(0));
	CU_ASSERT_PTR_NOT_NULL_FATAL(record);
	CU_ASSERT_EQUAL(record->header.size_bytes, stream_size(0));
	CU_ASSERT_EQUAL(record->header.worker, WORKER);
	CU_ASSERT_EQUAL(tt_shard_consume(ends.shard, see, &ends), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		CU_ASSERT_FATAL(append(&ends));
		consume(&ends);
	}
	close_shard(&ends);
}

static void busy_ends_when_records_are_consumed(void)
{
	for (uint32_t batches = 3; batches <= 17; batches++) {
		struct ends ends;

		open_shard(&ends, batches);
		for (unsigned int round = 0; round < 20; round++) {
			append_until_busy(&ends);
			CU_ASSERT_FALSE(append(&ends));
			consume(&ends);
			/* What receiving waits for must come about. */
			CU_ASSERT(tt_shard_room_bytes(ends.shard) >= (batches - 1) * SURE_BYTES);
		}
		CU_ASSERT_EQUAL(tt_counter_read(&tt_shard_counters(ends.shard)->busy), 20 * 2);
		close_shard(&ends);
	}
}

static void counts_records_and_bytes(void)
{
	struct ends ends;
	uint64_t bytes = 0;

	open_shard(&ends, 40);
	for (unsigned int i = 0; i < 1000; i++) {
		bytes += stream_size(i);
		CU_ASSERT_FATAL(append(&ends));
	}
	CU_ASSERT_EQUAL(tt_counter_read(&tt_shard_counters(ends.shard)->records), 1000);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_shard_counters(ends.shard)->bytes), bytes);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_shard_counters(ends.shard)->busy), 0);
	consume(&ends);
	close_shard(&ends);
}

static void each_record_is_seen_once_in_order(void)
{
	for (uint32_t batches = 3; batches <= 9; batches += 2) {
		struct ends ends;

		open_shard(&ends, batches);
		while (ends.written < 40000) {
			uint64_t some = next_random(&ends) % 400;

			while (some-- > 0 && append(&ends))
				;
			if (next_random(&ends) % 2 == 0)
				consume(&ends);
		}
		consume(&ends);
		close_shard(&ends);
	}
}

/* However many records are due, of whatever sizes: as long as they are no more than the room, none
 * is refused. */
static void room_is_a_lower_bound(void)
{
	for (uint32_t batches = 3; batches <= 11; batches += 4) {
		struct ends ends;
		unsigned int refused = 0;

		open_shard(&ends, batches);
		while (ends.written < 30000) {
			size_t room = tt_shard_room_bytes(ends.shard);
			size_t left = next_random(&ends) % 2 == 0 ? room : room / 3;

			while (left >= stream_size(ends.written)) {
				left -= stream_size(ends.written);
				if (!append(&ends)) {
					refused++;
					break;
				}
			}
			if (left < TT_RECORD_LIMIT_BYTES && left >= sizeof(struct stream_record)) {
				/* The rest of the room, to the byte. */
				uint16_t rest = (uint16_t)(left & ~7u);

				refused += !stream_append_sized(ends.shard, ends.written, rest);
				ends.written++;
			}
			if (next_random(&ends) % 2 == 0)
				consume(&ends);
			if (tt_shard_room_bytes(ends.shard) < TT_RECORD_LIMIT_BYTES)
				consume(&ends);
		}
		CU_ASSERT_EQUAL(refused, 0);
		consume(&ends);
		close_shard(&ends);
	}
}

static void fill_to(struct ends *ends, uint32_t bytes)
{
	while (bytes > 0) {
		uint16_t size =
			bytes < TT_RECORD_LIMIT_BYTES ? (uint16_t)bytes : TT_RECORD_LIMIT_BYTES;

		if (bytes > size && bytes - size < sizeof(struct stream_record))
			size = (uint16_t)(size - sizeof(struct stream_record));
		CU_ASSERT_FATAL(stream_append_sized(ends->shard, ends->written, size));
		ends->written++;
		bytes -= size;
	}
}

/* A record that just fits, one that is 8 bytes too long, and what comes after either. */
static void sizes_at_the_end_of_a_batch(void)
{
	for (unsigned int read_before = 0; read_before < 2; read_before++)
		for (uint32_t left = 0; left <= 64; left += 8)
			for (uint16_t size = 16; size <= 72; size += 8) {
				struct ends ends;
				unsigned int batches = left < size ? 2 : 1;

				open_shard(&ends, 3);
				fill_to(&ends, TT_SHARD_BATCH_BYTES - left);
				if (read_before)
					consume(&ends);
				CU_ASSERT(stream_append_sized(ends.shard, ends.written, size));
				ends.written++;
				/* Which batch it went to shows in how much more there is room for:
				 * the largest records fill a batch without a rest. */
				unsigned int more = 0;
				while (stream_append_sized(
					ends.shard, ends.written, TT_RECORD_LIMIT_BYTES)) {
					ends.written++;
					more++;
				}
				CU_ASSERT_EQUAL(more, batches == 2 ? 8 + 7 : 8 + 8);
				consume(&ends);
				close_shard(&ends);
			}
}

/* A worker that is as fast as the control core must not keep it for ever: what was there when it
 * came is what it has to see. */
static void consuming_ends_while_records_come(void)
{
	struct ends ends;

	open_shard(&ends, 5);
	append_until_busy(&ends);
	uint64_t there = ends.written;
	ends.produce = 200000;
	uint64_t count = tt_shard_consume(ends.shard, see, &ends);
	CU_ASSERT(count >= there);
	CU_ASSERT(ends.produce > 0);
	ends.produce = 0;
	consume(&ends);
	close_shard(&ends);
}

static void commands_come_in_order(void)
{
	struct ends ends;
	struct tt_command command;
	uint64_t posted = 0, taken = 0;

	open_shard(&ends, 3);
	CU_ASSERT_FALSE(tt_shard_command(ends.shard, &command));
	for (unsigned int round = 0; round < 5; round++) {
		for (;; posted++) {
			command = (struct tt_command){
				.kind = posted % 2 == 0 ? TT_COMMAND_SNAPSHOT : TT_COMMAND_DRAIN,
				.close_reason = (uint8_t)(posted % TT_CLOSE_REASONS),
				.limit = (uint8_t)(1 + posted % TT_SNAPSHOT_RECORDS),
				.first_slot = (uint32_t)(posted * 3),
				.id = posted << 33 | 1,
				.clock_us = ~posted,
			};
			if (!tt_shard_post(ends.shard, &command))
				break;
		}
		CU_ASSERT_EQUAL(posted - taken, 63);
		for (unsigned int i = 0; i < (round % 2 == 0 ? 63 : 20); i++, taken++) {
			CU_ASSERT_FATAL(tt_shard_command(ends.shard, &command));
			CU_ASSERT_EQUAL(command.kind,
				taken % 2 == 0 ? TT_COMMAND_SNAPSHOT : TT_COMMAND_DRAIN);
			CU_ASSERT_EQUAL(command.close_reason, taken % TT_CLOSE_REASONS);
			CU_ASSERT_EQUAL(command.limit, 1 + taken % TT_SNAPSHOT_RECORDS);
			CU_ASSERT_EQUAL(command.first_slot, (uint32_t)(taken * 3));
			CU_ASSERT_EQUAL(command.id, taken << 33 | 1);
			CU_ASSERT_EQUAL(command.clock_us, ~taken);
		}
	}
	close_shard(&ends);
}

/* A command waits until its answer finds room, and is given then. */
static void commands_wait_for_room(void)
{
	struct ends ends;
	const struct tt_command posted = {.kind = TT_COMMAND_SNAPSHOT, .id = 5};
	struct tt_command command;

	open_shard(&ends, 4);
	append_until_busy(&ends);
	CU_ASSERT(tt_shard_post(ends.shard, &posted));
	CU_ASSERT_FALSE(tt_shard_command(ends.shard, &command));
	consume(&ends);
	CU_ASSERT_FATAL(tt_shard_command(ends.shard, &command));
	CU_ASSERT_EQUAL(command.id, 5);
	for (unsigned int i = 0; i < TT_SNAPSHOT_RECORDS; i++, ends.written++)
		CU_ASSERT(stream_append_sized(
			ends.shard, ends.written, sizeof(struct tt_connection_record)));
	CU_ASSERT(stream_append_sized(
		ends.shard, ends.written++, sizeof(struct tt_snapshot_end_record)));
	consume(&ends);
	close_shard(&ends);
}

static const struct suite_test tests[] = {
	{"refuses what cannot work", refuses_what_cannot_work},
	{"an empty shard gives nothing", an_empty_shard_gives_nothing},
	{"a record is seen once it is committed", a_record_is_seen_once_committed},
	{"BUSY ends when records are consumed", busy_ends_when_records_are_consumed},
	{"counts records and bytes", counts_records_and_bytes},
	{"each record is seen once, in order", each_record_is_seen_once_in_order},
	{"room is a lower bound", room_is_a_lower_bound},
	{"sizes at the end of a batch", sizes_at_the_end_of_a_batch},
	{"consuming ends while records come", consuming_ends_while_records_come},
	{"commands come in order", commands_come_in_order},
	{"commands wait for room", commands_wait_for_room},
};

SUITE_MAIN("shard", tests)
