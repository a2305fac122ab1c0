/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal.h"

#include "suite.h"

/* Record n has uid n, as it has sequence number n. */
static void append(struct tt_journal *journal, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct tt_connection_record record = {
			.uid = journal->next, .end_us = ~journal->next};

		tt_journal_append(journal, &record);
	}
}

static void make(struct tt_journal *journal, uint32_t capacity)
{
	CU_ASSERT_FATAL(tt_journal_create(journal, capacity, false));
	CU_ASSERT_EQUAL(journal->next, 1);
	CU_ASSERT_EQUAL(tt_journal_fill(journal), 0);
}

static void an_empty_one_has_nothing(void)
{
	struct tt_journal journal;
	uint64_t sequence = 1, lost = 0;

	make(&journal, 5);
	CU_ASSERT_PTR_NULL(tt_journal_read(&journal, &sequence, &lost));
	CU_ASSERT_EQUAL(sequence, 1);
	CU_ASSERT_EQUAL(lost, 0);
	tt_journal_destroy(&journal);
}

/* A reader who comes after every `step` records, in a journal of any size: what he reads and what
 * he is told was lost make up all there was, in order. */
static void readers_know_what_they_missed(void)
{
	for (uint32_t capacity = 1; capacity <= 7; capacity++)
		for (uint64_t step = 1; step <= 20; step++) {
			struct tt_journal journal;
			uint64_t sequence = 1, lost = 0, read = 0, wrong = 0;

			make(&journal, capacity);
			for (unsigned int round = 1; round <= 10; round++) {
				const struct tt_connection_record *record;
				uint64_t total = round * step;

				append(&journal, step);
				CU_ASSERT_EQUAL(tt_journal_fill(&journal),
					total < capacity ? total : capacity);
				while ((record = tt_journal_read(&journal, &sequence, &lost)) !=
					NULL) {
					wrong += record->uid != sequence ||
						record->end_us != ~sequence;
					read++;
					sequence++;
				}
				CU_ASSERT_EQUAL(sequence, total + 1);
				CU_ASSERT_EQUAL(read + lost, total);
			}
			CU_ASSERT_EQUAL(wrong, 0);
			CU_ASSERT_EQUAL(lost, step > capacity ? 10 * (step - capacity) : 0);
			tt_journal_destroy(&journal);
		}
}

static void reading_again_gives_the_same(void)
{
	struct tt_journal journal;
	uint64_t lost = 0;

	make(&journal, 4);
	append(&journal, 6);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t sequence = 5;
		const struct tt_connection_record *record =
			tt_journal_read(&journal, &sequence, &lost);

		CU_ASSERT_PTR_NOT_NULL_FATAL(record);
		CU_ASSERT_EQUAL(record->uid, 5);
		CU_ASSERT_EQUAL(sequence, 5);
		CU_ASSERT_EQUAL(lost, 0);
	}
	tt_journal_destroy(&journal);
}

/* A cursor of another run. */
static void what_is_to_come_is_not_there(void)
{
	struct tt_journal journal;
	uint64_t sequence = 1000, lost = 3;

	make(&journal, 4);
	append(&journal, 6);
	CU_ASSERT_PTR_NULL(tt_journal_read(&journal, &sequence, &lost));
	CU_ASSERT_EQUAL(sequence, 1000);
	CU_ASSERT_EQUAL(lost, 3);
	tt_journal_destroy(&journal);
}

static void numbers_go_on_past_32_bits(void)
{
	struct tt_journal journal;
	uint64_t start = UINT64_C(1) << 33, sequence = 1, lost = 0;

	make(&journal, 3);
	journal.next = start;
	append(&journal, 5);
	const struct tt_connection_record *record = tt_journal_read(&journal, &sequence, &lost);
	CU_ASSERT_PTR_NOT_NULL_FATAL(record);
	CU_ASSERT_EQUAL(sequence, start + 2);
	CU_ASSERT_EQUAL(record->uid, start + 2);
	CU_ASSERT_EQUAL(lost, start + 1);
	tt_journal_destroy(&journal);
}

static const struct suite_test tests[] = {
	{"an empty one has nothing", an_empty_one_has_nothing},
	{"readers know what they missed", readers_know_what_they_missed},
	{"reading again gives the same", reading_again_gives_the_same},
	{"what is to come is not there", what_is_to_come_is_not_there},
	{"numbers go on past 32 bits", numbers_go_on_past_32_bits},
};

SUITE_MAIN("journal", tests)
