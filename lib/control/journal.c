/* SPDX-License-Identifier: Apache-2.0 */
#include "control/journal.h"

#include "base/memory.h"

size_t tt_journal_bytes(uint32_t capacity)
{
	return (size_t)capacity * sizeof(struct tt_connection_record);
}

bool tt_journal_create(struct tt_journal *journal, uint32_t capacity, bool huge_pages)
{
	*journal = (struct tt_journal){
		.records = tt_memory_map(tt_journal_bytes(capacity), huge_pages),
		.capacity = capacity,
		.next = 1,
	};
	return journal->records != NULL;
}

void tt_journal_destroy(struct tt_journal *journal)
{
	tt_memory_unmap(journal->records, tt_journal_bytes(journal->capacity));
}

static struct tt_connection_record *slot(const struct tt_journal *journal, uint64_t sequence)
{
	return &journal->records[(sequence - 1) % journal->capacity];
}

void tt_journal_append(struct tt_journal *journal, const struct tt_connection_record *record)
{
	*slot(journal, journal->next) = *record;
	journal->next++;
}

uint32_t tt_journal_fill(const struct tt_journal *journal)
{
	uint64_t appended = journal->next - 1;

	return appended < journal->capacity ? (uint32_t)appended : journal->capacity;
}

const struct tt_connection_record *tt_journal_read(
	const struct tt_journal *journal, uint64_t *sequence, uint64_t *lost)
{
	uint64_t oldest = journal->next - tt_journal_fill(journal);

	if (*sequence < oldest) {
		*lost += oldest - *sequence;
		*sequence = oldest;
	}
	if (*sequence >= journal->next)
		return NULL;
	return slot(journal, *sequence);
}
