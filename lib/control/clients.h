/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of the journal: each a name and how far it has read. A pull is a window of the
 * journal, fixed when it starts, so that a client whose pull broke off asks again and gets the same
 * records, however many have been added since; none changes what another sees. Who serves pulls
 * calls this; one thread at a time uses the clients and the journal, and the caller sees to that.
 */
#ifndef TT_CONTROL_CLIENTS_H
#define TT_CONTROL_CLIENTS_H

#include "control/journal.h"

#include <stdbool.h>
#include <stdint.h>

#define TT_CLIENT_NAME_BYTES 64 /* its final 0 included */

/* Where a client is; another run of the appliance has another boot_id. */
struct tt_client_cursor {
	uint64_t boot_id;
	uint64_t sequence; /* of the first record that it has not read */
};

struct tt_clients_options {
	uint32_t capacity;  /* clients at a time, at least 1 */
	uint64_t expiry_us; /* without a pull for longer: forgotten */
	uint64_t boot_id;
};

struct tt_clients;

struct tt_clients_counters {
	uint64_t pulls;
	uint64_t expired;
	uint64_t refused; /* pulls of a new client when there was no room */
};

/* The records [from, to) of the journal. */
struct tt_client_pull {
	uint64_t from;
	uint64_t to;   /* the sequence of the next cursor */
	uint64_t at;   /* the record to come */
	uint64_t lost; /* of those before `at`, had fallen out of the journal */
	bool baseline; /* the client's first: nothing is known of an earlier one */
};

/* NULL without memory. The caller destroys it. */
struct tt_clients *tt_clients_create(const struct tt_clients_options *options);
void tt_clients_destroy(struct tt_clients *clients);

/* Start a pull of `name` (1 to 63 letters, digits, `_`, `.`, `-`) of at most `max` records that are
 * still there; now_us is monotonic. From *cursor; NULL: from where its last pull ended, or that pull
 * again when it has not been finished. The cursor of its last pull gives that pull's window again,
 * unless that was empty. A new client without a cursor, and one with another run's, starts at the
 * journal's oldest record and has lost none. 0 and *pull; TT_ERROR_ARGUMENT for a bad name, max 0,
 * or a cursor of this run beyond the journal; TT_ERROR_BUSY for a new client when there is no room.
 * On errors no client changes. */
int tt_clients_pull(struct tt_clients *clients, const struct tt_journal *journal, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, uint64_t now_us,
	struct tt_client_pull *pull);

/* The next record of a pull, the journal's own, valid until something is appended; NULL at its
 * end, when pull->lost is what the client has missed of the window. */
const struct tt_connection_record *tt_client_pull_next(
	struct tt_client_pull *pull, const struct tt_journal *journal);

/* All of the pull has been sent: without a cursor, the client's next one goes on behind it. */
void tt_clients_finish(struct tt_clients *clients, const char *name,
	const struct tt_client_pull *pull, uint64_t now_us);

const struct tt_clients_counters *tt_clients_counters(const struct tt_clients *clients);

#endif
