/* SPDX-License-Identifier: Apache-2.0 */
/* The control core's side of pulls: the clients, under its mutex. */
#include "control/state.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

int tt_control_pull(struct tt_control *control, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, struct tt_client_pull *pull)
{
	if (control->clients == NULL)
		return TT_ERROR_UNSUPPORTED;
	tt_control_gather(control);
	pthread_mutex_lock(&control->mutex);
	int code = tt_clients_pull(control->clients, &control->journal, name, cursor, max,
		tt_clock_monotonic_us(), pull);
	pthread_mutex_unlock(&control->mutex);
	return code;
}

/* The page's records are being told in the pull. Under the mutex. */
static void tell_page(
	struct tt_control *control, const struct tt_client_pull *pull, struct tt_pull_page *page)
{
	for (uint32_t i = 0; i < page->connections.count; i++)
		page->delta[i] = tt_clients_tell(
			control->clients, pull, &page->connections.records[i], &page->since[i]);
}

int tt_control_pull_closed(
	struct tt_control *control, struct tt_client_pull *pull, struct tt_pull_page *page)
{
	struct tt_control_page *connections = &page->connections;
	const struct tt_connection_record *record = NULL;

	connections->count = 0;
	pthread_mutex_lock(&control->mutex);
	bool goes_on = tt_clients_goes_on(control->clients, pull, tt_clock_monotonic_us());
	while (goes_on && connections->count < TT_CONTROL_PAGE &&
		(record = tt_client_pull_next(pull, &control->journal)) != NULL)
		connections->records[connections->count++] = *record;
	if (goes_on)
		tell_page(control, pull, page);
	pthread_mutex_unlock(&control->mutex);
	if (!goes_on)
		return TT_ERROR_NOT_FOUND;
	return record == NULL ? TT_ERROR_END : TT_OK;
}

static int ask_ahead(struct tt_control *control, struct tt_pull_page *page)
{
	int code = tt_control_active_ask(
		control, &page->fetch, &page->ahead_cursor, TT_CONTROL_PAGE, &page->ahead);

	page->asked = code == TT_OK;
	return code;
}

void tt_control_pull_drop(struct tt_control *control, struct tt_pull_page *page)
{
	if (page->asked)
		tt_control_active_drop(control, &page->fetch);
	page->asked = false;
}

/* The page that was asked for, or is asked for now; then the next one is. */
static int take_page(
	struct tt_control *control, struct tt_control_cursor *cursor, struct tt_pull_page *page)
{
	int code = TT_OK;

	page->connections.count = 0;
	if (!page->asked) {
		page->ahead_cursor = *cursor;
		code = ask_ahead(control, page);
	}
	if (code != TT_OK)
		return code;
	code = tt_control_active_take(control, &page->fetch);
	page->asked = false;
	if (code != TT_OK && code != TT_ERROR_END)
		return code;
	page->connections.count = page->ahead.count;
	memcpy(page->connections.records, page->ahead.records,
		page->ahead.count * sizeof(page->ahead.records[0]));
	*cursor = page->ahead_cursor;
	if (code == TT_OK)
		code = ask_ahead(control, page);
	return code;
}

int tt_control_pull_active(struct tt_control *control, const struct tt_client_pull *pull,
	struct tt_control_cursor *cursor, struct tt_pull_page *page)
{
	int code = take_page(control, cursor, page);

	if (code != TT_OK && code != TT_ERROR_END)
		return code;
	pthread_mutex_lock(&control->mutex);
	bool goes_on = tt_clients_goes_on(control->clients, pull, tt_clock_monotonic_us());
	if (goes_on)
		tell_page(control, pull, page);
	if (goes_on && code == TT_ERROR_END)
		tt_clients_walked(control->clients, pull, tt_clock_monotonic_us());
	pthread_mutex_unlock(&control->mutex);
	if (!goes_on)
		tt_control_pull_drop(control, page);
	return goes_on ? code : TT_ERROR_NOT_FOUND;
}

void tt_control_pull_finish(struct tt_control *control, const struct tt_client_pull *pull)
{
	pthread_mutex_lock(&control->mutex);
	tt_clients_finish(control->clients, pull, tt_clock_monotonic_us());
	pthread_mutex_unlock(&control->mutex);
}

int tt_control_statistics(struct tt_control *control, enum tt_statistics_kind kind,
	const char *name, const struct tt_client_cursor *cursor, struct tt_client_statistics *pull)
{
	bool counted = kind == TT_STATISTICS_DNS ? control->dns_stats != NULL
						 : control->http_stats != NULL;

	if (control->clients == NULL || !counted)
		return TT_ERROR_UNSUPPORTED;
	tt_control_gather(control);
	pthread_mutex_lock(&control->mutex);
	int code = tt_clients_statistics(
		control->clients, kind, name, cursor, tt_clock_monotonic_us(), pull);
	pthread_mutex_unlock(&control->mutex);
	return code;
}

int tt_control_statistics_describe(struct tt_control *control, struct tt_client_statistics *pull,
	bool (*describe)(void *context, enum tt_statistics_kind kind, const void *entry),
	void *context)
{
	uint64_t now_us = tt_clock_monotonic_us();
	const void *entry;
	bool ended;

	pthread_mutex_lock(&control->mutex);
	while ((entry = tt_clients_statistics_next(control->clients, pull, now_us, &ended)) != NULL)
		if (!describe(context, pull->kind, entry))
			break;
	pthread_mutex_unlock(&control->mutex);
	if (entry != NULL)
		return TT_OK;
	return ended ? TT_ERROR_END : TT_ERROR_NOT_FOUND;
}

int tt_control_totals_describe(struct tt_control *control, enum tt_statistics_kind kind,
	uint32_t *position,
	bool (*describe)(void *context, enum tt_statistics_kind kind, const void *entry),
	void *context)
{
	const void *entry = NULL;

	pthread_mutex_lock(&control->mutex);
	do {
		if (kind == TT_STATISTICS_DNS && control->dns_stats != NULL)
			entry = tt_dns_stats_next(control->dns_stats, position);
		else if (kind == TT_STATISTICS_HTTP && control->http_stats != NULL)
			entry = tt_http_stats_next(control->http_stats, position);
	} while (entry != NULL && describe(context, kind, entry));
	pthread_mutex_unlock(&control->mutex);
	return entry == NULL ? TT_ERROR_END : TT_OK;
}

void tt_control_statistics_finish(
	struct tt_control *control, const struct tt_client_statistics *pull)
{
	pthread_mutex_lock(&control->mutex);
	tt_clients_statistics_finish(control->clients, pull, tt_clock_monotonic_us());
	pthread_mutex_unlock(&control->mutex);
}

bool tt_control_client(struct tt_control *control, uint32_t *place, struct tt_client_state *state)
{
	if (control->clients == NULL)
		return false;
	pthread_mutex_lock(&control->mutex);
	bool found = tt_clients_next(
		control->clients, &control->journal, tt_clock_monotonic_us(), place, state);
	pthread_mutex_unlock(&control->mutex);
	return found;
}

void tt_control_clients_counters(struct tt_control *control, struct tt_clients_counters *counters)
{
	*counters = (struct tt_clients_counters){0};
	if (control->clients == NULL)
		return;
	pthread_mutex_lock(&control->mutex);
	*counters = *tt_clients_counters(control->clients);
	pthread_mutex_unlock(&control->mutex);
}
