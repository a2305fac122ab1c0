/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients that pull: each a name, how far it has read the journal of closed connections, what it
 * has been told of the active ones, and the statistics that it has not read yet.
 *
 * A pull of connections is a window of the journal, fixed when it starts, so that a client whose
 * pull broke off asks again and gets the same records, however many have been added since; then the
 * connections that are active. A pull of statistics is a table, set aside when it starts, for the
 * same reason. No client changes what another sees.
 *
 * The control core merges into the statistics; who serves pulls calls the rest. One thread at a time
 * uses the clients and the journal, and the caller sees to that; between two calls of one pull
 * others may come in.
 */
#ifndef TT_CONTROL_CLIENTS_H
#define TT_CONTROL_CLIENTS_H

#include "control/deltas.h"
#include "control/journal.h"
#include "protocol/dns_stats.h"
#include "protocol/http_stats.h"

#include <stdbool.h>
#include <stdint.h>

#define TT_CLIENT_NAME_BYTES 64 /* its final 0 included */

/* Where a client is; another run of the appliance has another boot_id. */
struct tt_client_cursor {
	uint64_t boot_id;
	uint64_t sequence; /* of the first record, or of the statistics, that it has not read */
	uint64_t pull;	   /* number of the pull of connections that gave it; 0: none */
};

struct tt_clients_options {
	uint32_t capacity;  /* clients at a time, at least 1 */
	uint64_t expiry_us; /* without a pull for longer: forgotten */
	uint64_t boot_id;
	uint32_t deltas; /* connections of each client that are compared with its last pull */

	/* Of a client's tables of statistics, two of each kind, and what all have counted since
	 * the start, which a client's first pull gives. NULL: nothing is counted. */
	struct tt_dns_stats_options dns;
	struct tt_http_stats_options http;
	const struct tt_dns_stats *dns_total;
	const struct tt_http_stats *http_total;
};

struct tt_clients;

struct tt_clients_counters {
	uint64_t clients; /* now */
	uint64_t clients_high;
	uint64_t pulls;
	uint64_t expired;
	uint64_t refused; /* pulls of a new client when there was no room */
};

/* The records [from, to) of the journal. */
struct tt_client_pull {
	uint64_t client;
	uint64_t number; /* of the client's pulls: a later one ends this */
	uint64_t from;
	uint64_t to;
	uint64_t at;   /* the record to come */
	uint64_t lost; /* of those before `at`, had fallen out of the journal */
	bool baseline; /* the client's first: nothing is known of an earlier one */
	struct tt_client_cursor next;
};

/* One table of statistics. */
struct tt_client_statistics {
	uint64_t client;
	uint64_t number;
	uint32_t position; /* of the entry to come */
	uint8_t kind;	   /* enum tt_statistics_kind */
	bool baseline;
	struct tt_client_cursor next;
};

/* What is known of a client. */
struct tt_client_state {
	char name[TT_CLIENT_NAME_BYTES];
	uint64_t idle_us;   /* since its last pull */
	uint64_t pulls;	    /* of connections */
	uint64_t behind;    /* records of the journal that it has not been given yet */
	uint64_t lost;	    /* that were gone when it asked, in pulls that it finished */
	uint64_t compared;  /* connections that are compared with its last pull, now */
	uint64_t untracked; /* times that one found no room for that */
};

/* Bytes that a client maps at most. */
uint64_t tt_clients_bytes(const struct tt_clients_options *options);

/* NULL without memory. The caller destroys it; NULL is ignored. */
struct tt_clients *tt_clients_create(const struct tt_clients_options *options);
void tt_clients_destroy(struct tt_clients *clients);

/* Start a pull of `name` (1 to 63 letters, digits, `_`, `.`, `-`) of at most `max` closed
 * connections that are still there; now_us is monotonic. From *cursor; NULL: from where its last
 * pull ended, or that pull again when it has not been finished. The cursor of its last pull gives
 * that pull's window again; one that was empty may have grown. A new client without a cursor, and one with
 * another run's, starts at the journal's oldest record and has lost none. 0 and *pull;
 * TT_ERROR_ARGUMENT for a bad name, max 0, or a cursor of this run beyond the journal;
 * TT_ERROR_BUSY for a new client when there is no room, TT_ERROR_MEMORY when there is no memory. On
 * errors no client changes. */
int tt_clients_pull(struct tt_clients *clients, const struct tt_journal *journal, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, uint64_t now_us,
	struct tt_client_pull *pull);

/* Does the pull go on? false when the client has begun another one, or was forgotten. */
bool tt_clients_goes_on(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us);

/* The next record of a pull, the journal's own, valid until something is appended; NULL at its
 * end, when pull->lost is what the client has missed of the window. */
const struct tt_connection_record *tt_client_pull_next(
	struct tt_client_pull *pull, const struct tt_journal *journal);

/* The pull, which goes on, tells of a connection, closed or active: as tt_deltas_tell(). */
enum tt_delta_kind tt_clients_tell(struct tt_clients *clients, const struct tt_client_pull *pull,
	const struct tt_connection_record *record, struct tt_delta *since);

/* The pull has told of all active connections. */
void tt_clients_walked(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us);

/* All of the pull has been sent: without a cursor, the client's next one goes on behind it. */
void tt_clients_finish(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us);

/* Start a pull of statistics of a kind that is counted: what has been merged since the client's
 * last one; its first gives all since the start. The same cursor gives the same again, and so does
 * none when the last pull has not been finished. Errors as of tt_clients_pull(); a cursor before
 * the last pull's is TT_ERROR_ARGUMENT. */
int tt_clients_statistics(struct tt_clients *clients, enum tt_statistics_kind kind,
	const char *name, const struct tt_client_cursor *cursor, uint64_t now_us,
	struct tt_client_statistics *pull);

/* The next entry, a struct tt_dns_stats_entry or tt_http_stats_entry by the kind, valid until
 * anything else is called; NULL at the end, and when the client has begun another pull or was
 * forgotten: then *ended is false. */
const void *tt_clients_statistics_next(struct tt_clients *clients,
	struct tt_client_statistics *pull, uint64_t now_us, bool *ended);

/* All of it has been sent. */
void tt_clients_statistics_finish(
	struct tt_clients *clients, const struct tt_client_statistics *pull, uint64_t now_us);

/* What a worker drained, into every client's statistics. */
void tt_clients_merge(struct tt_clients *clients, enum tt_statistics_kind kind,
	const uint8_t *bytes, size_t length);

/* The client at *place (0 at first), which moves on behind it; false at the end. */
bool tt_clients_next(const struct tt_clients *clients, const struct tt_journal *journal,
	uint64_t now_us, uint32_t *place, struct tt_client_state *state);

const struct tt_clients_counters *tt_clients_counters(const struct tt_clients *clients);

#endif
