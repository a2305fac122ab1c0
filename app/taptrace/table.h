/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: columns as wide as what is in them, as long as the line lasts. The widths
 * follow from the first rows, so that a table of any length is printed as it comes.
 */
#ifndef TT_APP_TABLE_H
#define TT_APP_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TT_TABLE_COLUMNS 16
#define TT_TABLE_ROWS	 256 /* that the widths follow from */
#define TT_CELL_SIZE	 64

struct tt_column {
	const char *title; /* NULL ends the list */
	bool right;	   /* numbers */
	bool gives;	   /* cut where the line is too short */
};

struct tt_table {
	FILE *out;
	const struct tt_column *columns;
	unsigned int column_count;
	unsigned int line; /* characters; 0: any number */
	unsigned int widths[TT_TABLE_COLUMNS];
	unsigned int gap; /* between columns */
	bool begun;	  /* the titles are printed */
	unsigned int rows;
	char cells[TT_TABLE_ROWS][TT_TABLE_COLUMNS][TT_CELL_SIZE];
};

/* `columns` outlives the table. `line`: characters of a line, as tt_terminal_width() tells them. */
void tt_table_begin(
	struct tt_table *table, FILE *out, const struct tt_column *columns, unsigned int line);

/* One cell of the row that is being filled, and then the row itself; it is cleaned as by
 * tt_text_clean(). A cell that is not set is empty. */
void tt_table_cell(struct tt_table *table, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tt_table_row(struct tt_table *table);
void tt_table_end(struct tt_table *table);

/* Text from the wire must not steer the terminal: control characters, also those of ISO 6429 that
 * UTF-8 writes as two bytes, and what is not UTF-8 become '?'. */
void tt_text_clean(char *text);

/* Characters of a line of the terminal at this descriptor; 0 when there is none. */
unsigned int tt_terminal_width(int descriptor);

/* "987", "12.3k", "4.5M", ...: four digits at most, powers of 1,000. */
#define TT_SCALED_SIZE 16
void tt_scaled(char text[TT_SCALED_SIZE], uint64_t value);

/* "12 us", "3.4 ms", "5.6 s", "7 min", "8 h", "9 d". */
void tt_duration(char text[TT_SCALED_SIZE], uint64_t us);

#endif
