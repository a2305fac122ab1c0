/* SPDX-License-Identifier: Apache-2.0 */
/* What threads read of the control core page by page, and what they ask it to fetch. */
#include "control/state.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DEADLINE_S 1

static struct timespec deadline_from_now(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += DEADLINE_S;
	return deadline;
}

/* Under the mutex. */
static void remove_request(struct tt_control *control, const struct tt_control_fetch *fetch)
{
	struct tt_control_fetch **link = &control->requests;

	while (*link != fetch)
		link = &(*link)->next;
	*link = fetch->next;
}

int tt_control_active_ask(struct tt_control *control, struct tt_control_fetch *fetch,
	struct tt_control_cursor *cursor, uint32_t limit, struct tt_control_page *page)
{
	if (cursor->worker >= control->worker_count || limit < 1 || limit > TT_CONTROL_PAGE)
		return TT_ERROR_ARGUMENT;
	page->count = 0;
	*fetch = (struct tt_control_fetch){.cursor = cursor, .page = page, .limit = (uint8_t)limit};
	pthread_mutex_lock(&control->mutex);
	fetch->next = control->requests;
	control->requests = fetch;
	tt_control_wake(control);
	pthread_mutex_unlock(&control->mutex);
	return TT_OK;
}

int tt_control_active_take(struct tt_control *control, struct tt_control_fetch *fetch)
{
	struct tt_control_cursor *cursor = fetch->cursor;
	struct timespec deadline = deadline_from_now();
	int code = TT_OK;

	pthread_mutex_lock(&control->mutex);
	while (!fetch->done && !control->ended && code == TT_OK)
		if (pthread_cond_timedwait(&control->answered, &control->mutex, &deadline) ==
			ETIMEDOUT)
			code = TT_ERROR_BUSY;
	remove_request(control, fetch);
	bool ended = control->ended;
	pthread_mutex_unlock(&control->mutex);

	if (!fetch->done)
		return ended ? TT_ERROR_END : TT_ERROR_BUSY;
	cursor->slot = fetch->next_slot;
	if (!fetch->more) {
		cursor->worker++;
		cursor->slot = 0;
		if (cursor->worker == control->worker_count)
			return TT_ERROR_END;
	}
	return TT_OK;
}

void tt_control_active_drop(struct tt_control *control, struct tt_control_fetch *fetch)
{
	pthread_mutex_lock(&control->mutex);
	remove_request(control, fetch);
	pthread_mutex_unlock(&control->mutex);
}

int tt_control_active(struct tt_control *control, struct tt_control_cursor *cursor, uint32_t limit,
	struct tt_control_page *page)
{
	struct tt_control_fetch fetch;
	int code = tt_control_active_ask(control, &fetch, cursor, limit, page);

	return code == TT_OK ? tt_control_active_take(control, &fetch) : code;
}

/* Under the mutex. */
static bool gathered(const struct tt_control *control, uint64_t id)
{
	for (unsigned int w = 0; w < control->worker_count; w++)
		if (control->statistics.done[w] < id)
			return false;
	return true;
}

bool tt_control_gather(struct tt_control *control)
{
	struct timespec deadline = deadline_from_now();
	int error = 0;

	pthread_mutex_lock(&control->mutex);
	uint64_t id = ++control->statistics.wanted;
	tt_control_wake(control);
	while (!gathered(control, id) && !control->ended && error == 0)
		error = pthread_cond_timedwait(&control->answered, &control->mutex, &deadline);
	bool done = gathered(control, id);
	pthread_mutex_unlock(&control->mutex);
	return done;
}

uint32_t tt_control_closed(struct tt_control *control, uint64_t *sequence, uint64_t *lost,
	struct tt_control_page *page)
{
	const struct tt_connection_record *record;

	page->count = 0;
	pthread_mutex_lock(&control->mutex);
	while (page->count < TT_CONTROL_PAGE &&
		(record = tt_journal_read(&control->journal, sequence, lost)) != NULL) {
		page->records[page->count++] = *record;
		++*sequence;
	}
	pthread_mutex_unlock(&control->mutex);
	return page->count;
}

uint32_t tt_control_events(struct tt_control *control, enum tt_event_kind kind, uint64_t *sequence,
	uint64_t *lost, struct tt_event_page *page)
{
	const struct tt_record *record;
	const uint8_t *tail;
	size_t tail_bytes;

	page->count = 0;
	page->used_bytes = 0;
	if (control->events[kind].bytes == NULL)
		return 0;
	pthread_mutex_lock(&control->mutex);
	while (page->count < TT_EVENT_PAGE &&
		(record = tt_events_read(
			 &control->events[kind], sequence, lost, &tail, &tail_bytes)) != NULL) {
		size_t length = tt_record_aligned(record->size_bytes + tail_bytes);
		uint8_t *copy = page->bytes + page->used_bytes;

		if (length > sizeof(page->bytes) - page->used_bytes)
			break;
		memcpy(copy, record, record->size_bytes);
		if (tail_bytes > 0)
			memcpy(copy + record->size_bytes, tail, tail_bytes);
		page->event[page->count].record = (const void *)copy;
		page->event[page->count].tail = tail_bytes > 0 ? copy + record->size_bytes : NULL;
		page->event[page->count].tail_bytes = tail_bytes;
		page->used_bytes += length;
		page->count++;
		++*sequence;
	}
	pthread_mutex_unlock(&control->mutex);
	return page->count;
}

const struct tt_names *tt_control_names_hold(struct tt_control *control)
{
	pthread_mutex_lock(&control->mutex);
	return control->names;
}

void tt_control_names_release(struct tt_control *control)
{
	pthread_mutex_unlock(&control->mutex);
}
