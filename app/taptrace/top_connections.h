/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The active connections that `taptrace top` knows. A small appliance is walked whole at each
 * refresh. Of a large one a refresh sees a bounded number of pages: those with the fastest
 * connections known are seen again, and a walk goes on through the rest, so that a walk takes many
 * refreshes, and what is fast is found and then followed. Used by one thread.
 */
#ifndef TT_APP_TOP_CONNECTIONS_H
#define TT_APP_TOP_CONNECTIONS_H

#include "top_rows.h"

#define TT_TOP_CONNECTIONS 2048
#define TT_TOP_CURSOR_SIZE 32
#define TT_TOP_UID_SIZE	   24

struct tt_top_connection {
	json_t *record; /* NULL: the place is free */
	char uid[TT_TOP_UID_SIZE];
	char cursor[TT_TOP_CURSOR_SIZE]; /* of the page that it came in */
	uint64_t seen_us;		 /* when, by the clock of tt_top_connections_begin() */
	uint32_t seen_in;		 /* the refresh */
	uint32_t asked_in;		 /* the refresh that asked for its page */
	double bits_per_s;		 /* of both directions */
};

struct tt_top_connections {
	uint64_t now_us;
	uint32_t refresh;
	uint32_t walk_began;	       /* in which refresh */
	bool walk_ended;	       /* in this refresh */
	uint32_t seen;		       /* connections, in this refresh */
	char next[TT_TOP_CURSOR_SIZE]; /* where the walk goes on; empty: it begins */
	struct tt_top_connection connection[TT_TOP_CONNECTIONS];
};

/* A refresh begins. */
void tt_top_connections_begin(struct tt_top_connections *connections, uint64_t now_us);

/* Cursors of at most `limit` pages, those with the fastest connections first, of which no two are
 * the same; how many. None while a walk fits into a refresh. */
unsigned int tt_top_connections_hot(const struct tt_top_connections *connections,
	char cursors[][TT_TOP_CURSOR_SIZE], unsigned int limit);

/* The page at `cursor` is asked for: what was in it and does not come again has gone. */
void tt_top_connections_ask(struct tt_top_connections *connections, const char *cursor);

/* A connection of that page. Borrowed. */
void tt_top_connections_add(
	struct tt_top_connections *connections, json_t *record, const char *cursor);

/* The walk goes on at this cursor; NULL: it has ended. */
void tt_top_connections_walked(struct tt_top_connections *connections, const char *next);

/* Nothing more comes in this refresh: forget what has gone. */
void tt_top_connections_end(struct tt_top_connections *connections);
void tt_top_connections_free(struct tt_top_connections *connections);

/* Did the last refresh see all connections? */
bool tt_top_connections_are_whole(const struct tt_top_connections *connections);

void tt_top_connections_rows(
	const struct tt_top_connections *connections, struct tt_top_rows *rows);

/* The record of a row; borrowed, NULL when it has gone. */
json_t *tt_top_connections_record(const struct tt_top_connections *connections, const char *key);

#endif
