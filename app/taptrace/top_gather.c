/* SPDX-License-Identifier: Apache-2.0 */
#include "top_gather.h"

#include "fields.h"

#include "base/clock.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Of a refresh; a page has some 20 connections or transactions, and costs the appliance well below
 * a millisecond. */
#define CONNECTION_PAGES 48
#define HOT_PAGES	 24  /* of them, to follow the fastest connections of a large appliance */
#define STREAM_PAGES	 12  /* of each kind of transaction */
#define HISTORY		 200 /* transactions from before the beginning */

/* A sequence number that no journal has reached: the answer says where it stands. */
#define SEQUENCE_END "18446744073709551614"

static const struct {
	const char *command;
	const char *name; /* of the list in the answer */
	void (*take)(struct tt_top_transactions *transactions, const json_t *record, bool recent);
} streams[TT_TOP_STREAMS] = {
	[TT_TOP_HTTP] = {"/taptrace/http", "http", tt_top_transactions_http},
	[TT_TOP_DNS] = {"/taptrace/dns", "dns", tt_top_transactions_dns},
	[TT_TOP_TLS] = {"/taptrace/tls", "tls", tt_top_transactions_tls},
};

static bool take_port(void *context, json_t *port)
{
	tt_top_status_port(context, json_incref(port));
	return true;
}

static bool take_worker(void *context, json_t *worker)
{
	tt_top_status_worker(context, json_incref(worker));
	return true;
}

static int gather_stages(struct tt_top_status *status, struct tt_client *client)
{
	for (unsigned int i = 0; i < status->worker_count; i++) {
		char parameter[TT_SCALED_SIZE];

		snprintf(parameter, sizeof(parameter), "%u", i);
		json_t *stages = tt_client_ask(client, "/taptrace/stages", parameter);
		if (stages == NULL)
			return TT_ERROR_IO;
		tt_top_status_stages(status, stages);
	}
	return TT_OK;
}

static int gather_status(
	struct tt_top_knowledge *knowledge, struct tt_client *client, enum tt_top_view view)
{
	struct tt_top_status *status = &knowledge->status;
	json_t *info = tt_client_ask(client, "/taptrace/info", NULL);
	json_t *ledger = info == NULL ? NULL : tt_client_ask(client, "/taptrace/ledger", NULL);

	if (ledger == NULL) {
		json_decref(info);
		return TT_ERROR_IO;
	}
	tt_top_status_begin(status, tt_clock_monotonic_us());
	if (tt_top_status_info(status, info)) {
		tt_top_connections_free(&knowledge->connections);
		memset(knowledge->streams, 0, sizeof(knowledge->streams));
	}
	tt_top_status_ledger(status, ledger);
	int code = tt_client_walk(client, "/taptrace/ports", NULL, "ports", take_port, status);
	if (code == TT_OK)
		code = tt_client_walk(
			client, "/taptrace/workers", NULL, "workers", take_worker, status);
	if (code == TT_OK && view == TT_TOP_VIEW_WORKERS)
		code = gather_stages(status, client);
	return code;
}

/* A page of connections; *next, where not NULL, is where the one after it begins, or empty. */
static int gather_page(struct tt_top_connections *connections, struct tt_client *client,
	const char *cursor, char next[TT_TOP_CURSOR_SIZE])
{
	json_t *page =
		tt_client_ask(client, "/taptrace/connections", cursor[0] == '\0' ? NULL : cursor);
	const char *number;
	json_t *record;

	if (page == NULL)
		return TT_ERROR_IO;
	tt_top_connections_ask(connections, cursor);
	json_object_foreach(json_object_get(page, "connections"), number, record)
		tt_top_connections_add(connections, record, cursor);
	if (next != NULL)
		snprintf(next, TT_TOP_CURSOR_SIZE, "%s", tt_json_text(page, "next"));
	json_decref(page);
	return TT_OK;
}

static int gather_connections(struct tt_top_connections *connections, struct tt_client *client)
{
	char hot[HOT_PAGES][TT_TOP_CURSOR_SIZE], cursor[TT_TOP_CURSOR_SIZE];
	unsigned int pages = 0, hot_count;
	int code = TT_OK;

	tt_top_connections_begin(connections, tt_clock_monotonic_us());
	hot_count = tt_top_connections_hot(connections, hot, HOT_PAGES);
	while (code == TT_OK && pages < hot_count)
		code = gather_page(connections, client, hot[pages++], NULL);
	do {
		char next[TT_TOP_CURSOR_SIZE] = "";

		memcpy(cursor, connections->next, sizeof(cursor));
		if (code == TT_OK)
			code = gather_page(connections, client, cursor, next);
		if (code == TT_OK)
			tt_top_connections_walked(connections, next[0] == '\0' ? NULL : next);
		pages++;
	} while (code == TT_OK && !connections->walk_ended && pages < CONNECTION_PAGES);
	/* What did not come for want of an answer has not gone. */
	if (code == TT_OK)
		tt_top_connections_end(connections);
	return code;
}

static int find_end(struct tt_client *client, const char *command, uint64_t *end)
{
	json_t *page = tt_client_ask(client, command, SEQUENCE_END);

	if (page == NULL)
		return TT_ERROR_IO;
	*end = tt_json_unsigned(page, "sequence");
	json_decref(page);
	return TT_OK;
}

/* The next page of a journal; *more: there may be another. */
static int gather_stream_page(struct tt_top_knowledge *knowledge, struct tt_client *client,
	enum tt_top_stream_kind kind, bool *more)
{
	struct tt_top_stream *stream = &knowledge->streams[kind];
	char parameter[TT_TOP_CURSOR_SIZE];
	const char *number;
	json_t *record;

	snprintf(parameter, sizeof(parameter), "%" PRIu64, stream->sequence);
	json_t *page = tt_client_ask(client, streams[kind].command, parameter);
	if (page == NULL)
		return TT_ERROR_IO;

	json_t *list = json_object_get(page, streams[kind].name);
	uint64_t next = tt_json_unsigned(page, "sequence");
	uint64_t count = json_object_size(list);
	json_object_foreach(list, number, record) streams[kind].take(
		&knowledge->transactions, record, next - count >= stream->recent);
	stream->read += count;
	stream->skipped += tt_json_unsigned(page, "lost");
	stream->sequence = next;
	*more = count > 0;
	json_decref(page);
	return TT_OK;
}

/* What is new of a journal, as far as the pages of a refresh go; the rest is left out. */
static int gather_stream(
	struct tt_top_knowledge *knowledge, struct tt_client *client, enum tt_top_stream_kind kind)
{
	struct tt_top_stream *stream = &knowledge->streams[kind];
	uint64_t end = 0;
	bool more = true;
	int code = TT_OK;

	if (stream->sequence == 0) {
		code = find_end(client, streams[kind].command, &end);
		if (code != TT_OK)
			return code;
		stream->recent = end;
		stream->sequence = end > HISTORY ? end - HISTORY : 1;
	}
	for (unsigned int i = 0; i < STREAM_PAGES && more && code == TT_OK; i++)
		code = gather_stream_page(knowledge, client, kind, &more);
	if (code == TT_OK && more)
		code = find_end(client, streams[kind].command, &end);
	if (code == TT_OK && more && end > stream->sequence) {
		stream->skipped += end - stream->sequence;
		stream->sequence = end;
	}
	return code;
}

int tt_top_gather(
	struct tt_top_knowledge *knowledge, struct tt_client *client, enum tt_top_view view)
{
	int code = gather_status(knowledge, client, view);

	if (code == TT_OK && view == TT_TOP_VIEW_CONNECTIONS)
		code = gather_connections(&knowledge->connections, client);
	if (code == TT_OK)
		tt_top_transactions_begin(&knowledge->transactions, knowledge->status.now_us);
	for (unsigned int kind = 0; kind < TT_TOP_STREAMS && code == TT_OK; kind++)
		code = gather_stream(knowledge, client, kind);
	return code;
}

void tt_top_knowledge_free(struct tt_top_knowledge *knowledge)
{
	tt_top_status_free(&knowledge->status);
	tt_top_connections_free(&knowledge->connections);
	tt_top_transactions_free(&knowledge->transactions);
}

static void note_connections(const struct tt_top_knowledge *knowledge, char *note, size_t size)
{
	char seen[TT_SCALED_SIZE], active[TT_SCALED_SIZE];

	tt_scaled(seen, knowledge->connections.seen);
	tt_scaled(active, tt_top_status_active(&knowledge->status));
	if (tt_top_connections_are_whole(&knowledge->connections))
		snprintf(note, size, "all %s active connections", seen);
	else
		snprintf(note, size, "a sample: %s of %s active connections a refresh", seen,
			active);
}

/* What a view of transactions leaves out. */
static void note_stream(const struct tt_top_stream *stream, const struct tt_top_subjects *subjects,
	char *note, size_t size)
{
	size_t length = strlen(note);
	double share = tt_top_share(stream->read, stream->read + stream->skipped);

	if (stream->skipped > 0)
		snprintf(note + length, size - length, "%sa sample: %.1f %% of what there was",
			length > 0 ? "; " : "", 100 * share);
	length = strlen(note);
	if (subjects->forgotten > 0)
		snprintf(note + length, size - length, "%s%" PRIu64 " of the idlest left out",
			length > 0 ? "; " : "", subjects->forgotten);
}

void tt_top_view_rows(struct tt_top_knowledge *knowledge, enum tt_top_view view,
	struct tt_top_rows *rows, char *note, size_t size)
{
	const struct tt_top_transactions *transactions = &knowledge->transactions;

	note[0] = '\0';
	switch (view) {
	case TT_TOP_VIEW_WORKERS:
		tt_top_status_worker_rows(&knowledge->status, rows);
		break;
	case TT_TOP_VIEW_CONNECTIONS:
		tt_top_connections_rows(&knowledge->connections, rows);
		note_connections(knowledge, note, size);
		break;
	case TT_TOP_VIEW_SERVICES:
		tt_top_services_rows(transactions, rows);
		note_stream(&knowledge->streams[TT_TOP_HTTP], &transactions->services, note, size);
		break;
	case TT_TOP_VIEW_DNS:
		tt_top_domains_rows(transactions, rows);
		note_stream(&knowledge->streams[TT_TOP_DNS], &transactions->domains, note, size);
		break;
	case TT_TOP_VIEW_TLS:
		tt_top_names_rows(transactions, rows, time(NULL));
		tt_top_versions_text(transactions, note, size);
		note_stream(&knowledge->streams[TT_TOP_TLS], &transactions->names, note, size);
		break;
	default:
		tt_top_status_port_rows(&knowledge->status, rows);
	}
}

json_t *tt_top_view_record(
	const struct tt_top_knowledge *knowledge, enum tt_top_view view, const char *key)
{
	switch (view) {
	case TT_TOP_VIEW_PORTS:
		return tt_top_status_port_record(&knowledge->status, key);
	case TT_TOP_VIEW_WORKERS:
		return tt_top_status_worker_record(&knowledge->status, key);
	case TT_TOP_VIEW_CONNECTIONS:
		return tt_top_connections_record(&knowledge->connections, key);
	default:
		return NULL;
	}
}
