/* SPDX-License-Identifier: Apache-2.0 */
#include "top_rows.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 128

void tt_top_rows_begin(struct tt_top_rows *rows, const struct tt_column *columns)
{
	rows->columns = columns;
	rows->count = 0;
	rows->column_count = 0;
	while (columns[rows->column_count].title != NULL)
		rows->column_count++;
}

struct tt_top_row *tt_top_rows_add(struct tt_top_rows *rows, const char *key)
{
	struct tt_top_row *row = &rows->row[rows->count];

	if (rows->count == TT_TOP_ROWS)
		return NULL;
	rows->count++;
	memset(row, 0, sizeof(*row));
	snprintf(row->key, sizeof(row->key), "%s", key);
	return row;
}

void tt_top_put_text(struct tt_top_row *row, unsigned int column, const char *format, ...)
{
	char *text = row->cells[column].text;
	va_list arguments;

	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): as in tt_table_cell() */
	vsnprintf(text, TT_CELL_SIZE, format, arguments);
	va_end(arguments);
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void tt_top_put_count(struct tt_top_row *row, unsigned int column, uint64_t count)
{
	row->cells[column].number = (double)count;
	tt_scaled(row->cells[column].text, count);
}

void tt_top_put_duration(struct tt_top_row *row, unsigned int column, uint64_t us)
{
	row->cells[column].number = (double)us;
	tt_duration(row->cells[column].text, us);
}

void tt_top_put_rate(struct tt_top_row *row, unsigned int column, double rate)
{
	if (rate < 0)
		return;
	if (rate > 0 && rate < 10)
		tt_top_put_text(row, column, "%.1f", rate);
	else
		tt_scaled(row->cells[column].text, (uint64_t)(rate + 0.5));
	row->cells[column].number = rate;
}

void tt_top_put_share(struct tt_top_row *row, unsigned int column, double share)
{
	if (share < 0)
		return;
	row->cells[column].number = share;
	/* What is there must not look like nothing. */
	if (share > 0 && share < 0.0005)
		tt_top_put_text(row, column, "<0.1%%");
	else
		tt_top_put_text(row, column, "%.1f%%", 100 * share);
}

void tt_top_rows_filter(struct tt_top_rows *rows, const char *text)
{
	unsigned int kept = 0;

	if (*text == '\0')
		return;
	for (unsigned int i = 0; i < rows->count; i++) {
		bool matches = false;

		for (unsigned int c = 0; c < rows->column_count && !matches; c++)
			matches = strcasestr(rows->row[i].cells[c].text, text) != NULL;
		if (matches && kept != i)
			rows->row[kept] = rows->row[i];
		kept += matches;
	}
	rows->count = kept;
}

struct order {
	unsigned int column;
	bool numbers;
	bool reversed;
};

static int compare_cells(
	const struct tt_top_cell *a, const struct tt_top_cell *b, const struct order *order)
{
	bool a_empty = a->text[0] == '\0', b_empty = b->text[0] == '\0';
	int result;

	if (a_empty || b_empty)
		return a_empty - b_empty;
	if (order->numbers)
		result = (a->number < b->number) - (a->number > b->number);
	else
		result = strcasecmp(a->text, b->text);
	return order->reversed ? -result : result;
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct tt_top_row *x = a, *y = b;
	const struct order *order = context;
	int result = compare_cells(&x->cells[order->column], &y->cells[order->column], order);

	return result != 0 ? result : strcmp(x->key, y->key);
}

void tt_top_rows_sort(struct tt_top_rows *rows, unsigned int column, bool reversed)
{
	struct order order = {column, rows->columns[column].right, reversed};

	qsort_r(rows->row, rows->count, sizeof(rows->row[0]), compare_rows, &order);
}

unsigned int tt_top_rows_find(const struct tt_top_rows *rows, const char *key)
{
	unsigned int i = 0;

	while (i < rows->count && strcmp(rows->row[i].key, key) != 0)
		i++;
	return i;
}

double tt_top_share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? TT_TOP_UNKNOWN : (double)part / (double)whole;
}

static void flatten(struct tt_top_rows *rows, const char *path, json_t *value);

static void flatten_object(struct tt_top_rows *rows, const char *path, json_t *object)
{
	char inner[PATH_BYTES];
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		snprintf(inner, sizeof(inner), "%s%s%s", path, *path == '\0' ? "" : ".", name);
		flatten(rows, inner, value);
	}
}

static void flatten(struct tt_top_rows *rows, const char *path, json_t *value)
{
	struct tt_top_row *row;
	size_t index;
	json_t *item;

	if (json_is_object(value)) {
		flatten_object(rows, path, value);
		return;
	}
	if (json_is_array(value)) {
		json_array_foreach(value, index, item) flatten(rows, path, item);
		return;
	}
	if ((row = tt_top_rows_add(rows, path)) == NULL)
		return;
	tt_top_put_text(row, 0, "%s", path);
	if (json_is_string(value))
		tt_top_put_text(row, 1, "%s", json_string_value(value));
	else if (json_is_integer(value))
		tt_top_put_text(row, 1, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		tt_top_put_text(row, 1, "%s", json_is_true(value) ? "true" : "false");
}

void tt_top_rows_flatten(struct tt_top_rows *rows, json_t *record)
{
	flatten_object(rows, "", record);
}
