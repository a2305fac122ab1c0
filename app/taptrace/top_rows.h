/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a view of `taptrace top`: what is shown, and what it is sorted by. Knows nothing of
 * the terminal. Used by one thread.
 */
#ifndef TT_APP_TOP_ROWS_H
#define TT_APP_TOP_ROWS_H

#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TT_TOP_COLUMNS	12
#define TT_TOP_ROWS	2048
#define TT_TOP_KEY_SIZE 80
#define TT_TOP_UNKNOWN	(-1.0) /* a rate or share that cannot be told yet */

struct tt_top_cell {
	double number; /* what a column of numbers is sorted by */
	char text[TT_CELL_SIZE];
};

struct tt_top_row {
	char key[TT_TOP_KEY_SIZE]; /* what it is of, from one refresh to the next */
	bool alarm;		   /* something that people should look at */
	struct tt_top_cell cells[TT_TOP_COLUMNS];
};

struct tt_top_rows {
	const struct tt_column *columns;
	unsigned int column_count;
	unsigned int count;
	struct tt_top_row row[TT_TOP_ROWS];
};

void tt_top_rows_begin(struct tt_top_rows *rows, const struct tt_column *columns);

/* An empty row; NULL when there are TT_TOP_ROWS. */
struct tt_top_row *tt_top_rows_add(struct tt_top_rows *rows, const char *key);

/* Fill a cell. All but printable ASCII becomes '?'. */
void tt_top_put_text(struct tt_top_row *row, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tt_top_put_count(struct tt_top_row *row, unsigned int column, uint64_t count);
void tt_top_put_duration(struct tt_top_row *row, unsigned int column, uint64_t us);

/* Empty for TT_TOP_UNKNOWN. */
void tt_top_put_rate(struct tt_top_row *row, unsigned int column, double rate);
void tt_top_put_share(struct tt_top_row *row, unsigned int column, double share);

/* Keep those with `text` in one of their cells, whatever the case. */
void tt_top_rows_filter(struct tt_top_rows *rows, const char *text);

/* By a column: numbers from the highest, text from A, and reversed the other way round; empty cells
 * come last in any case, and of equal ones the keys decide. */
void tt_top_rows_sort(struct tt_top_rows *rows, unsigned int column, bool reversed);

/* The index of the row with this key; `count` when there is none. */
unsigned int tt_top_rows_find(const struct tt_top_rows *rows, const char *key);

/* part of whole, 0 to 1; unknown of nothing. */
double tt_top_share(uint64_t part, uint64_t whole);

/* All members of a record, one a row with its path and its value, as the text of the terminal. */
void tt_top_rows_flatten(struct tt_top_rows *rows, json_t *record);

#endif
