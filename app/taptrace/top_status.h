/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `taptrace top` knows of ports, workers and the whole: the last two answers to each question,
 * whose difference gives the rates. Used by one thread.
 */
#ifndef TT_APP_TOP_STATUS_H
#define TT_APP_TOP_STATUS_H

#include "top_rows.h"

#define TT_TOP_PORTS   64
#define TT_TOP_WORKERS 128
#define TT_TOP_STAGES  (TT_TOP_COLUMNS - 5)

/* The same question asked twice; each owned, or NULL. */
struct tt_top_pair {
	json_t *before;
	json_t *now;
};

struct tt_top_status {
	uint64_t before_us, now_us; /* of a clock that never runs backwards; 0: not asked */
	struct tt_top_pair info, ledger;
	unsigned int port_count, worker_count;
	struct tt_top_pair ports[TT_TOP_PORTS];
	struct tt_top_pair workers[TT_TOP_WORKERS];
	struct tt_top_pair stages[TT_TOP_WORKERS];
	struct tt_column worker_columns[TT_TOP_COLUMNS + 1];
	char stage_titles[TT_TOP_STAGES][TT_CELL_SIZE];
};

/* A new round of answers begins, at this time. */
void tt_top_status_begin(struct tt_top_status *status, uint64_t now_us);

/* The answers, each the status's from here on. The first: true when it is of another instance of the
 * appliance than the one before, and everything begins anew. */
bool tt_top_status_info(struct tt_top_status *status, json_t *info);
void tt_top_status_ledger(struct tt_top_status *status, json_t *ledger);
void tt_top_status_port(struct tt_top_status *status, json_t *port);
void tt_top_status_worker(struct tt_top_status *status, json_t *worker);
void tt_top_status_stages(struct tt_top_status *status, json_t *stages);
void tt_top_status_free(struct tt_top_status *status);

/* What a counter grew by a second; unknown with one answer, or when it went back. */
double tt_top_rate(
	const struct tt_top_status *status, const struct tt_top_pair *pair, const char *name);

/* Connections that are active, by what the workers say. */
uint64_t tt_top_status_active(const struct tt_top_status *status);

/* "1.2M packets/s, ...", at most `size` bytes with their NUL. */
void tt_top_status_headline(const struct tt_top_status *status, char *text, size_t size);

void tt_top_status_port_rows(const struct tt_top_status *status, struct tt_top_rows *rows);
void tt_top_status_worker_rows(struct tt_top_status *status, struct tt_top_rows *rows);

/* The record of a row of these; borrowed, NULL when it has gone. */
json_t *tt_top_status_port_record(const struct tt_top_status *status, const char *key);
json_t *tt_top_status_worker_record(const struct tt_top_status *status, const char *key);

#endif
