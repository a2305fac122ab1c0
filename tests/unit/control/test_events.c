/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events.h"
#include "suite.h"

#include <stdlib.h>

#define SIZE  ((size_t)2 * TT_EVENT_BYTES)
#define KNOWN 4096

/* What was appended, to compare with: the slow model keeps everything. */
struct model {
	struct {
		uint16_t record_bytes;
		uint16_t tail_bytes;
		uint32_t seed;
	} event[KNOWN];
	uint64_t count;
};

static uint32_t state = 1;

static uint32_t next_random(void)
{
	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static uint8_t byte_of(uint32_t seed, size_t at)
{
	return (uint8_t)(seed * 31 + at * 7 + (at >> 8));
}

static void append(
	struct tt_events *events, struct model *model, uint16_t record_bytes, uint16_t tail_bytes)
{
	static union {
		struct tt_record header;
		uint8_t bytes[TT_RECORD_LIMIT_BYTES];
	} record;
	static uint8_t tail[TT_TLS_BUFFER_BYTES];
	uint32_t seed = next_random();

	for (size_t i = sizeof(record.header); i < record_bytes; i++)
		record.bytes[i] = byte_of(seed, i);
	for (size_t i = 0; i < tail_bytes; i++)
		tail[i] = byte_of(seed, record_bytes + i);
	record.header.size_bytes = record_bytes;
	tt_events_append(events, &record.header, tail, tail_bytes);
	model->event[model->count % KNOWN].record_bytes = record_bytes;
	model->event[model->count % KNOWN].tail_bytes = tail_bytes;
	model->event[model->count++ % KNOWN].seed = seed;
}

/* Everything that can be read is what was appended, to its last byte. Returns how many there are. */
static uint32_t check(const struct tt_events *events, const struct model *model)
{
	uint64_t sequence = 1, lost = 0;
	const struct tt_record *record;
	const uint8_t *tail;
	size_t tail_bytes;
	uint32_t found = 0, wrong = 0;

	for (; (record = tt_events_read(events, &sequence, &lost, &tail, &tail_bytes)) != NULL;
		sequence++, found++) {
		unsigned int i = (unsigned int)((sequence - 1) % KNOWN);
		size_t record_bytes = model->event[i].record_bytes;
		const uint8_t *bytes = (const uint8_t *)record;

		if (record->size_bytes != record_bytes ||
			tail_bytes != model->event[i].tail_bytes) {
			wrong++;
			continue;
		}
		for (size_t at = sizeof(*record); at < record_bytes; at++)
			wrong += bytes[at] != byte_of(model->event[i].seed, at);
		for (size_t at = 0; at < tail_bytes; at++)
			wrong += tail[at] != byte_of(model->event[i].seed, record_bytes + at);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(lost + found, model->count);
	CU_ASSERT_EQUAL(sequence, model->count + 1);
	CU_ASSERT_EQUAL(found, tt_events_fill(events));
	return found;
}

static void what_is_kept_is_what_came(void)
{
	static struct model model;
	struct tt_events events;

	CU_ASSERT_TRUE_FATAL(tt_events_create(&events, SIZE, false));
	CU_ASSERT_EQUAL(check(&events, &model), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		uint16_t record_bytes = (uint16_t)(64 + next_random() % 500 * 8);
		uint16_t tail_bytes =
			(uint16_t)(next_random() % 4 == 0 ? next_random() % 16385 : 0);

		append(&events, &model, record_bytes, tail_bytes);
		/* The latest fit always, whatever they are. */
		CU_ASSERT(tt_events_fill(&events) >= 1);
		if (i % 50 == 0)
			check(&events, &model);
	}
	check(&events, &model);
	tt_events_destroy(&events);
}

/* As many of one length as fit, to the byte; and then each pushes out one. */
static void the_ring_is_used_up(void)
{
	static struct model model;
	struct tt_events events;
	const uint16_t length = 1024;
	const uint32_t most = SIZE / length;

	CU_ASSERT_TRUE_FATAL(tt_events_create(&events, SIZE, false));
	for (uint32_t i = 0; i < 3 * most; i++) {
		append(&events, &model, length, 0);
		CU_ASSERT_EQUAL(tt_events_fill(&events), i < most ? i + 1 : most);
	}
	CU_ASSERT_EQUAL(check(&events, &model), most);
	tt_events_destroy(&events);
}

/* Who asks for what no number has reached learns where the journal stands. */
static void the_end_can_be_asked_for(void)
{
	static struct model model;
	struct tt_events events;
	uint64_t sequence = UINT64_MAX, lost = 0;
	const uint8_t *tail;
	size_t tail_bytes;

	CU_ASSERT_TRUE_FATAL(tt_events_create(&events, SIZE, false));
	CU_ASSERT_PTR_NULL(tt_events_read(&events, &sequence, &lost, &tail, &tail_bytes));
	CU_ASSERT_EQUAL(sequence, 1);
	append(&events, &model, 64, 0);
	sequence = 3;
	CU_ASSERT_PTR_NULL(tt_events_read(&events, &sequence, &lost, &tail, &tail_bytes));
	CU_ASSERT_EQUAL(sequence, 2);
	CU_ASSERT_EQUAL(lost, 0);
	append(&events, &model, 64, 0);
	CU_ASSERT_PTR_NOT_NULL(tt_events_read(&events, &sequence, &lost, &tail, &tail_bytes));
	tt_events_destroy(&events);
}

/* Shorter ones than there are places for. */
static void places_are_a_limit_too(void)
{
	static struct model model;
	struct tt_events events;

	CU_ASSERT_TRUE_FATAL(tt_events_create(&events, SIZE, false));
	for (uint32_t i = 0; i < 3000; i++)
		append(&events, &model, 16, 0);
	CU_ASSERT_EQUAL(check(&events, &model), events.limit);
	tt_events_destroy(&events);
}

static const struct suite_test tests[] = {
	{"what is kept is what came", what_is_kept_is_what_came},
	{"the ring is used up", the_ring_is_used_up},
	{"the end can be asked for", the_end_can_be_asked_for},
	{"places are a limit too", places_are_a_limit_too},
};

SUITE_MAIN("events", tests)
