/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control core: merges the shards' records, keeps the journal of closed connections, asks the
 * workers for active ones, and ends a run. It runs on the main lcore, in tt_control_run(); the
 * functions that read or ask may be called from any thread while it does.
 */
#ifndef TT_CONTROL_CONTROL_H
#define TT_CONTROL_CONTROL_H

#include "base/counter.h"
#include "control/clients.h"
#include "control/events.h"
#include "control/journal.h"
#include "pipeline/pipeline.h"
#include "protocol/dns_stats.h"
#include "protocol/names.h"

#include <stdbool.h>
#include <stdint.h>

/* Most connections of one page. */
#define TT_CONTROL_PAGE TT_SNAPSHOT_RECORDS

/* Written by the control core, read by anyone. */
struct tt_control_counters {
	tt_counter rounds;	 /* of its loop: its heartbeat */
	tt_counter closed;	 /* closed connections merged */
	tt_counter journal;	 /* records in the journal */
	tt_counter journal_lost; /* records that fell out of the journal */
	tt_counter dns;		 /* DNS transactions merged */
	tt_counter http;	 /* HTTP transactions merged */
	tt_counter tls;		 /* TLS handshakes merged */
	tt_counter pages;	 /* of active connections given */
};

struct tt_control_options {
	const struct tt_config *config; /* outlives the control core */
	struct tt_pipeline *pipeline;	/* launched; outlives it */
	struct tt_driver *driver; /* outlives it; NULL: packets that were lost are not known */
	bool huge_pages;

	/* Called by the control core for each closed connection, instead of the journal; NULL: the
	 * journal. */
	void (*closed)(void *context, const struct tt_connection_record *record);
	void *context;

	/* The same for each transaction and handshake, instead of their journals. */
	void (*dns)(void *context, const struct tt_dns_transaction_record *record);
	void (*http)(void *context, const struct tt_http_record *record);
	/* `certificate` of record->certificate_bytes, or NULL when there is none. */
	void (*tls)(void *context, const struct tt_tls_handshake_record *record,
		const uint8_t *certificate);

	/* Called by the control core about four times a second while it runs; NULL: never. */
	void (*tick)(void *context);

	/* Why connections that are left at the end have ended. */
	enum tt_close_reason end_reason;
};

struct tt_control;

/* What the control core maps for names and DNS statistics, and for HTTP statistics. */
uint64_t tt_control_dns_bytes(const struct tt_config *config);
uint64_t tt_control_http_bytes(const struct tt_config *config);

/* 0; TT_ERROR_MEMORY or the error of the kernel's random source, logged. */
int tt_control_create(struct tt_control **control, const struct tt_control_options *options);
void tt_control_destroy(struct tt_control *control);

/* The control core's loop: until tt_control_stop(), or until the sources of all workers have ended;
 * then drains all workers and returns once every record has been merged. */
void tt_control_run(struct tt_control *control);

/* End the run. From any thread, and from a signal handler. */
void tt_control_stop(struct tt_control *control);

/* A page of active connections. */
struct tt_control_page {
	uint32_t count;
	struct tt_connection_record records[TT_CONTROL_PAGE];
};

/* Where a walk over the active connections is; zero at its start. */
struct tt_control_cursor {
	uint32_t worker;
	uint32_t slot;
};

/* Some more active connections, at most `limit` (1 to TT_CONTROL_PAGE): *page is written and
 * *cursor moves on. Whoever walks from a zero cursor to the end sees each connection that lives
 * meanwhile exactly once, and each record as its worker saw it at one moment. Blocks until the
 * worker has answered, at most a second. 0; TT_ERROR_END, with the last ones in *page, when the
 * walk is over; TT_ERROR_ARGUMENT for a cursor of no worker or a limit out of range; TT_ERROR_BUSY,
 * and *cursor stays, when there was no answer. */
int tt_control_active(struct tt_control *control, struct tt_control_cursor *cursor, uint32_t limit,
	struct tt_control_page *page);

/* The same in two steps, between which there is other work: ask for a page, then take it. What it
 * points at is the caller's and stays until it has been taken or dropped. The rest is the control
 * core's, under its mutex. */
struct tt_control_fetch {
	struct tt_control_fetch *next;
	struct tt_control_cursor *cursor;
	struct tt_control_page *page;
	uint8_t limit; /* records */
	uint64_t id;   /* of the snapshot that answers it; 0: not posted yet */
	bool done;
	bool more;
	uint32_t next_slot;
};

/* 0, or TT_ERROR_ARGUMENT and nothing has been asked for. */
int tt_control_active_ask(struct tt_control *control, struct tt_control_fetch *fetch,
	struct tt_control_cursor *cursor, uint32_t limit, struct tt_control_page *page);

/* Blocks, and returns, as tt_control_active(). */
int tt_control_active_take(struct tt_control *control, struct tt_control_fetch *fetch);
void tt_control_active_drop(struct tt_control *control, struct tt_control_fetch *fetch);

/* Closed connections from the journal, from *sequence (1 or what this left there) on, at most
 * TT_CONTROL_PAGE; *sequence moves on, and *lost grows by those that had gone. Returns how many. */
uint32_t tt_control_closed(struct tt_control *control, uint64_t *sequence, uint64_t *lost,
	struct tt_control_page *page);

/* What is kept in a journal of its own. */
enum tt_event_kind {
	TT_EVENT_DNS,  /* struct tt_dns_transaction_record */
	TT_EVENT_HTTP, /* struct tt_http_record */
	TT_EVENT_TLS,  /* struct tt_tls_handshake_record; its tail is the certificate */
	TT_EVENT_KINDS
};

#define TT_EVENT_PAGE 64 /* most events of a page */

/* A page of events, in the order of their sequence numbers. */
struct tt_event_page {
	uint32_t count;
	struct {
		const struct tt_record *record; /* into `bytes` */
		const uint8_t *tail;		/* the same; NULL: none */
		size_t tail_bytes;
	} event[TT_EVENT_PAGE];
	size_t used_bytes;
	_Alignas(8) uint8_t bytes[2 * TT_EVENT_BYTES];
};

/* Events of a kind from *sequence (1 or what this left there) on, as many as the page holds;
 * *sequence moves on, and *lost grows by those that had gone. Returns how many. */
uint32_t tt_control_events(struct tt_control *control, enum tt_event_kind kind, uint64_t *sequence,
	uint64_t *lost, struct tt_event_page *page);

/* What the journals of events map. */
uint64_t tt_control_events_bytes(const struct tt_config *config);

/* Let all that the workers have counted by key until now, and all records before it, be merged.
 * Blocks until they have given it, at most a second. false when some have not. */
bool tt_control_gather(struct tt_control *control);

/* The pulls of clients (clients.h), where the journal is kept; TT_ERROR_UNSUPPORTED where it is not,
 * and for statistics that nobody counts. Each begins with tt_control_gather(). */
int tt_control_pull(struct tt_control *control, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, struct tt_client_pull *pull);

/* A page of a pull: connections, and what is new of each since the client's pull before. Zero before
 * the pull; who gives up before the end of the active ones calls tt_control_pull_drop(). */
struct tt_pull_page {
	struct tt_control_page connections;
	enum tt_delta_kind delta[TT_CONTROL_PAGE];
	struct tt_delta since[TT_CONTROL_PAGE];

	/* The active ones that come next, which the worker gives while these are written. */
	bool asked;
	struct tt_control_fetch fetch;
	struct tt_control_cursor ahead_cursor;
	struct tt_control_page ahead;
};

/* The next closed connections of a pull; then active ones, of a walk from a zero cursor on. 0;
 * TT_ERROR_END with the last ones in *page, which may be none; TT_ERROR_NOT_FOUND when the client
 * has begun another pull or was forgotten; for active ones also the errors of tt_control_active(). */
int tt_control_pull_closed(
	struct tt_control *control, struct tt_client_pull *pull, struct tt_pull_page *page);
int tt_control_pull_active(struct tt_control *control, const struct tt_client_pull *pull,
	struct tt_control_cursor *cursor, struct tt_pull_page *page);
void tt_control_pull_drop(struct tt_control *control, struct tt_pull_page *page);
void tt_control_pull_finish(struct tt_control *control, const struct tt_client_pull *pull);

int tt_control_statistics(struct tt_control *control, enum tt_statistics_kind kind,
	const char *name, const struct tt_client_cursor *cursor, struct tt_client_statistics *pull);

/* Hand the next entries of the statistics to `describe` until it returns false, which it does when
 * it has taken enough, while the control core waits. 0; TT_ERROR_END after the last one, and
 * TT_ERROR_NOT_FOUND as above. */
int tt_control_statistics_describe(struct tt_control *control, struct tt_client_statistics *pull,
	bool (*describe)(void *context, enum tt_statistics_kind kind, const void *entry),
	void *context);
/* The same of what all workers have counted since the start, from *position (0 at first) on. */
int tt_control_totals_describe(struct tt_control *control, enum tt_statistics_kind kind,
	uint32_t *position,
	bool (*describe)(void *context, enum tt_statistics_kind kind, const void *entry),
	void *context);
void tt_control_statistics_finish(
	struct tt_control *control, const struct tt_client_statistics *pull);

/* The client at *place, as tt_clients_next(); and the counters of all. */
bool tt_control_client(struct tt_control *control, uint32_t *place, struct tt_client_state *state);
void tt_control_clients_counters(struct tt_control *control, struct tt_clients_counters *counters);

/* What all clients map at most. */
uint64_t tt_control_clients_bytes(const struct tt_config *config);

/* The names of addresses, and what all workers have counted of DNS and drained; NULL when DNS is not
 * followed. From the callbacks, and once tt_control_run() has returned. */
const struct tt_names *tt_control_names(const struct tt_control *control);
const struct tt_dns_stats *tt_control_dns_stats(const struct tt_control *control);

/* The same of HTTP. */
const struct tt_http_stats *tt_control_http_stats(const struct tt_control *control);

/* The names, for any thread while the run goes on: they stay as they are until the release, and so
 * does the control core, which waits. NULL when DNS is not followed; released all the same. */
const struct tt_names *tt_control_names_hold(struct tt_control *control);
void tt_control_names_release(struct tt_control *control);

const struct tt_control_counters *tt_control_counters(const struct tt_control *control);
const struct tt_config *tt_control_config(const struct tt_control *control);
struct tt_pipeline *tt_control_pipeline(const struct tt_control *control);

#endif
