/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions that `taptrace top` asks the appliance at each refresh, of which there is a bounded
 * number however much it sees, and what it knows from the answers. Used by one thread.
 */
#ifndef TT_APP_TOP_GATHER_H
#define TT_APP_TOP_GATHER_H

#include "client.h"
#include "top_connections.h"
#include "top_status.h"
#include "top_transactions.h"

enum tt_top_view {
	TT_TOP_VIEW_PORTS,
	TT_TOP_VIEW_WORKERS,
	TT_TOP_VIEW_CONNECTIONS,
	TT_TOP_VIEW_SERVICES,
	TT_TOP_VIEW_DNS,
	TT_TOP_VIEW_TLS,
	TT_TOP_VIEWS
};

enum tt_top_stream_kind {
	TT_TOP_HTTP,
	TT_TOP_DNS,
	TT_TOP_TLS,
	TT_TOP_STREAMS
};

/* A journal of transactions, and how far it has been read. */
struct tt_top_stream {
	uint64_t sequence; /* of the next to read; 0: not begun */
	uint64_t recent;   /* the first from after the beginning */
	uint64_t skipped;  /* left out, as there were too many */
	uint64_t read;
};

struct tt_top_knowledge {
	struct tt_top_status status;
	struct tt_top_connections connections;
	struct tt_top_transactions transactions;
	struct tt_top_stream streams[TT_TOP_STREAMS];
};

/* Ask everything that this view shows, and what all of them show. 0, or the code of the first
 * question without an answer, which has been logged; what was known before stays. */
int tt_top_gather(
	struct tt_top_knowledge *knowledge, struct tt_client *client, enum tt_top_view view);
void tt_top_knowledge_free(struct tt_top_knowledge *knowledge);

/* The rows of a view, unsorted, and a line about them. */
void tt_top_view_rows(struct tt_top_knowledge *knowledge, enum tt_top_view view,
	struct tt_top_rows *rows, char *note, size_t note_size);

/* The record behind a row; borrowed, NULL where there is none. */
json_t *tt_top_view_record(
	const struct tt_top_knowledge *knowledge, enum tt_top_view view, const char *key);

#endif
