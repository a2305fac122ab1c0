/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of the pull API that give records. */
#include "base/clock.h"
#include "base/error.h"
#include "control/health.h"
#include "pipeline/ledger_totals.h"
#include "serve/answer.h"
#include "serve/connection_fields.h"
#include "serve/dns_fields.h"
#include "serve/health_fields.h"
#include "serve/http_fields.h"
#include "serve/summary_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define OK		   200
#define BAD_REQUEST	   400
#define NOT_FOUND	   404
#define UNAVAILABLE	   503
#define CURSOR_BYTES	   64
#define NAMES_A_PIECE	   512
#define ACTIVE_PAGES_TRIED 3 /* of a worker that does not answer, each for a second */

/* Digits of a number in `base`, up to `end`. */
static bool read_digits(const char **text, char end, int base, uint64_t *number)
{
	char *rest;

	/* strtoull() takes signs and spaces as well. */
	if (!((**text >= '0' && **text <= '9') || (base == 16 && **text >= 'a' && **text <= 'f')))
		return false;
	errno = 0;
	*number = strtoull(*text, &rest, base);
	if (errno != 0 || *rest != end)
		return false;
	*text = rest + (end != '\0');
	return true;
}

static bool read_cursor(const char *text, struct tt_client_cursor *cursor)
{
	return read_digits(&text, ':', 16, &cursor->boot_id) &&
		read_digits(&text, ':', 10, &cursor->sequence) &&
		read_digits(&text, '\0', 10, &cursor->pull);
}

static bool read_flag(const char *text, bool *flag)
{
	*flag = text != NULL && strcmp(text, "1") == 0;
	return text == NULL || *flag || strcmp(text, "0") == 0;
}

static void describe_end(
	struct tt_answer *answer, const struct tt_client_cursor *next, uint64_t lost, bool baseline)
{
	struct tt_sink *sink = &answer->text.sink;
	char cursor[CURSOR_BYTES];

	tt_sink_begin_object(sink, NULL);
	tt_sink_string(sink, "type", "end");
	if (next != NULL) {
		snprintf(cursor, sizeof(cursor), "%016" PRIx64 ":%" PRIu64 ":%" PRIu64,
			next->boot_id, next->sequence, next->pull);
		tt_sink_string(sink, "next", cursor);
	}
	tt_sink_unsigned(sink, "lost", lost);
	if (baseline)
		tt_sink_bool(sink, "baseline", true);
	tt_sink_end_object(sink);
	tt_answer_end_line(answer);
}

static bool is_piece(const struct tt_answer *answer)
{
	return answer->text.length >= TT_ANSWER_PIECE_BYTES;
}

/* Of a pull that could not begin. */
static void refuse(struct tt_answer *answer, int code)
{
	switch (code) {
	case TT_ERROR_BUSY:
		tt_answer_error(answer, UNAVAILABLE, "too many clients: see clients.limit");
		break;
	case TT_ERROR_MEMORY:
		tt_answer_error(answer, UNAVAILABLE, "no memory for another client");
		break;
	case TT_ERROR_UNSUPPORTED:
		tt_answer_error(answer, NOT_FOUND, "the configuration has switched this off");
		break;
	default:
		tt_answer_error(answer, BAD_REQUEST,
			"client: 1 to 63 letters, digits, '_', '.' and '-'; cursor: the `next` of "
			"this client's last answer, or of the one before");
	}
}

struct connections {
	struct tt_client_pull pull;
	struct tt_control_cursor cursor;
	bool closed_given;
	bool delta;
	bool all;
	unsigned int tries;
	struct tt_pull_page page;
};

static void describe_page(struct tt_answer *answer, const struct connections *connections)
{
	const struct tt_pull_page *page = &connections->page;
	const struct tt_names *names = tt_control_names_hold(answer->from->control);

	for (uint32_t i = 0; i < page->connections.count; i++) {
		bool is_news = page->connections.records[i].close_reason != TT_CLOSE_NONE ||
			page->delta[i] != TT_DELTA_UNCHANGED;
		bool is_known = page->delta[i] != TT_DELTA_UNKNOWN;

		if (!is_news && !connections->all)
			continue;
		tt_connection_describe(&answer->text.sink, NULL, &page->connections.records[i],
			names, connections->delta && is_known ? &page->since[i] : NULL);
		tt_answer_end_line(answer);
	}
	tt_control_names_release(answer->from->control);
}

/* false when no more can be had. */
static bool write_closed(struct tt_answer *answer, struct connections *connections)
{
	int code = tt_control_pull_closed(
		answer->from->control, &connections->pull, &connections->page);

	if (code != TT_OK && code != TT_ERROR_END)
		return false;
	connections->closed_given = code == TT_ERROR_END;
	describe_page(answer, connections);
	return true;
}

static enum tt_answer_progress write_connections(struct tt_answer *answer)
{
	struct connections *connections = answer->state;
	struct tt_control *control = answer->from->control;
	int code = TT_OK;

	while (!is_piece(answer) && !connections->closed_given)
		if (!write_closed(answer, connections))
			return TT_ANSWER_BROKEN;
	while (!is_piece(answer) && code != TT_ERROR_END) {
		code = tt_control_pull_active(
			control, &connections->pull, &connections->cursor, &connections->page);
		if (code == TT_ERROR_BUSY && ++connections->tries < ACTIVE_PAGES_TRIED)
			continue;
		if (code != TT_OK && code != TT_ERROR_END)
			return TT_ANSWER_BROKEN;
		connections->tries = 0;
		describe_page(answer, connections);
	}
	if (code != TT_ERROR_END)
		return TT_ANSWER_MORE;
	describe_end(answer, &connections->pull.next, connections->pull.lost,
		connections->pull.baseline);
	tt_control_pull_finish(control, &connections->pull);
	return TT_ANSWER_END;
}

static void release_connections(struct tt_answer *answer)
{
	struct connections *connections = answer->state;

	tt_control_pull_drop(answer->from->control, &connections->page);
}

void tt_endpoint_connections(struct tt_answer *answer, const struct tt_request *request)
{
	struct tt_client_cursor cursor;
	const char *max_text = request->max;
	uint64_t max = UINT64_MAX;
	bool delta, all;

	if (request->client == NULL)
		tt_answer_error(answer, BAD_REQUEST, "client: who pulls needs a name");
	else if (request->cursor != NULL && !read_cursor(request->cursor, &cursor))
		tt_answer_error(answer, BAD_REQUEST, "cursor: not one that an answer gave");
	else if (max_text != NULL && (!read_digits(&max_text, '\0', 10, &max) || max == 0))
		tt_answer_error(answer, BAD_REQUEST, "max: a number of connections, at least 1");
	else if (!read_flag(request->delta, &delta) || !read_flag(request->all, &all))
		tt_answer_error(answer, BAD_REQUEST, "delta, all: 0 or 1");
	else {
		struct connections *connections = calloc(1, sizeof(*connections));
		int code = TT_ERROR_MEMORY;

		if (connections != NULL)
			code = tt_control_pull(answer->from->control, request->client,
				request->cursor == NULL ? NULL : &cursor, max, &connections->pull);
		if (code != TT_OK) {
			free(connections);
			refuse(answer, code);
			return;
		}
		connections->delta = delta;
		connections->all = all;
		answer->state = connections;
		answer->write = write_connections;
		answer->release = release_connections;
	}
}

struct statistics {
	struct tt_client_statistics pull;
	enum tt_statistics_kind kind;
	bool is_total; /* no client's */
};

static bool describe_entry(void *context, enum tt_statistics_kind kind, const void *entry)
{
	struct tt_answer *answer = context;

	if (kind == TT_STATISTICS_DNS)
		tt_dns_stats_describe(&answer->text.sink, NULL, entry);
	else
		tt_http_stats_describe(&answer->text.sink, NULL, entry);
	tt_answer_end_line(answer);
	return !is_piece(answer);
}

static enum tt_answer_progress write_statistics(struct tt_answer *answer)
{
	struct statistics *statistics = answer->state;
	struct tt_control *control = answer->from->control;
	int code = statistics->is_total
		? tt_control_totals_describe(control, statistics->kind, &statistics->pull.position,
			  describe_entry, answer)
		: tt_control_statistics_describe(
			  control, &statistics->pull, describe_entry, answer);

	if (code == TT_OK)
		return TT_ANSWER_MORE;
	if (code != TT_ERROR_END)
		return TT_ANSWER_BROKEN;
	describe_end(answer, statistics->is_total ? NULL : &statistics->pull.next, 0,
		statistics->pull.baseline);
	if (!statistics->is_total)
		tt_control_statistics_finish(control, &statistics->pull);
	return TT_ANSWER_END;
}

static void answer_statistics(
	struct tt_answer *answer, const struct tt_request *request, enum tt_statistics_kind kind)
{
	struct tt_client_cursor cursor;
	int code = TT_OK;

	if (request->cursor != NULL &&
		(request->client == NULL || !read_cursor(request->cursor, &cursor))) {
		tt_answer_error(answer, BAD_REQUEST, "cursor: not one that an answer gave");
		return;
	}
	struct statistics *statistics = calloc(1, sizeof(*statistics));
	if (statistics == NULL)
		code = TT_ERROR_MEMORY;
	else if (request->client != NULL)
		code = tt_control_statistics(answer->from->control, kind, request->client,
			request->cursor == NULL ? NULL : &cursor, &statistics->pull);
	else
		tt_control_gather(answer->from->control);
	if (code != TT_OK) {
		free(statistics);
		refuse(answer, code);
		return;
	}
	statistics->kind = kind;
	statistics->is_total = request->client == NULL;
	answer->state = statistics;
	answer->write = write_statistics;
}

void tt_endpoint_dns_stats(struct tt_answer *answer, const struct tt_request *request)
{
	answer_statistics(answer, request, TT_STATISTICS_DNS);
}

void tt_endpoint_http_stats(struct tt_answer *answer, const struct tt_request *request)
{
	answer_statistics(answer, request, TT_STATISTICS_HTTP);
}

/* The table goes on changing between two pieces: a name that comes meanwhile may be left out. */
static enum tt_answer_progress write_names(struct tt_answer *answer)
{
	uint32_t *position = answer->state;
	const struct tt_names *names = tt_control_names_hold(answer->from->control);
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	uint64_t now_us = tt_clock_wall_us();
	const uint8_t *address;
	unsigned int ip_version, count = 0;

	for (unsigned int i = 0; names != NULL && i < NAMES_A_PIECE; i++) {
		count = tt_names_next(names, position, now_us, &ip_version, &address, found);
		if (count == 0)
			break;
		tt_names_describe(&answer->text.sink, NULL, ip_version, address, found, count);
		tt_answer_end_line(answer);
	}
	tt_control_names_release(answer->from->control);
	if (count > 0)
		return TT_ANSWER_MORE;
	describe_end(answer, NULL, 0, false);
	return TT_ANSWER_END;
}

void tt_endpoint_names(struct tt_answer *answer, const struct tt_request *request)
{
	(void)request;
	answer->state = calloc(1, sizeof(uint32_t));
	if (answer->state == NULL)
		tt_answer_error(answer, UNAVAILABLE, "no memory");
	else
		answer->write = write_names;
}

static void describe_numbered(struct tt_answer *answer, const char *name, unsigned int count,
	void (*describe)(struct tt_sink *sink, const char *name, const struct tt_status *status,
		uint32_t number))
{
	tt_sink_begin_array(&answer->text.sink, name);
	for (unsigned int i = 0; i < count; i++)
		describe(&answer->text.sink, NULL, answer->from, i);
	tt_sink_end_array(&answer->text.sink);
}

void tt_endpoint_stats(struct tt_answer *answer, const struct tt_request *request)
{
	const struct tt_status *status = answer->from;
	struct tt_pipeline *pipeline = tt_control_pipeline(status->control);
	unsigned int workers = tt_pipeline_worker_count(pipeline);
	struct tt_sink *sink = &answer->text.sink;
	struct tt_ledger_totals totals;

	(void)request;
	tt_ledger_totals(&totals, pipeline, status->driver);
	tt_sink_begin_object(sink, NULL);
	tt_sink_string(sink, "type", "stats");
	tt_info_describe(sink, "info", status);
	tt_ledger_describe(sink, "ledger", &totals);
	describe_numbered(answer, "ports", tt_driver_port_count(status->driver), tt_port_describe);
	describe_numbered(answer, "workers", workers, tt_worker_describe);
	describe_numbered(answer, "stages", workers, tt_stages_describe);
	tt_limits_describe(sink, "limits", status);
	tt_sink_end_object(sink);
	tt_answer_end_line(answer);
	describe_end(answer, NULL, 0, false);
}

void tt_endpoint_health(struct tt_answer *answer, const struct tt_request *request)
{
	struct tt_health health;

	(void)request;
	tt_control_health(answer->from->control, &health);
	answer->status = health.faults == 0 ? OK : UNAVAILABLE;
	answer->content_type = "application/json";
	tt_health_describe(&answer->text.sink, NULL, &health);
	tt_answer_end_line(answer);
}
