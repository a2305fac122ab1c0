/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: the last closed connections, in the order in which the control core learned of them,
 * each with a sequence number that is never given again. A ring: the oldest go, and who has not
 * read them yet learns how many were lost to him. One thread uses a journal at a time; who owns it
 * sees to that (control.h).
 */
#ifndef TT_CONTROL_JOURNAL_H
#define TT_CONTROL_JOURNAL_H

#include "shard/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_journal {
	struct tt_connection_record *records;
	uint32_t capacity; /* records */
	uint64_t next;	   /* sequence number of the record to come; the first is 1 */
};

size_t tt_journal_bytes(uint32_t capacity);

/* capacity 1 to 2^30. false without memory. The caller destroys it. */
bool tt_journal_create(struct tt_journal *journal, uint32_t capacity, bool huge_pages);
void tt_journal_destroy(struct tt_journal *journal);

void tt_journal_append(struct tt_journal *journal, const struct tt_connection_record *record);

/* The record of *sequence, or of the oldest one there is when that has gone; *sequence becomes
 * that of the record given and *lost grows by those skipped. NULL when it is still to come. */
const struct tt_connection_record *tt_journal_read(
	const struct tt_journal *journal, uint64_t *sequence, uint64_t *lost);

/* Records in it now. */
uint32_t tt_journal_fill(const struct tt_journal *journal);

#endif
