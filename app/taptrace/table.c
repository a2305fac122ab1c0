/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP	       2 /* spaces between columns; 1 where the line is too short for it */
#define NARROWEST      8 /* what a column that gives keeps */
#define USUAL_TERMINAL 80

/* Characters of UTF-8 text: its bytes but the continuations. */
static unsigned int width_of(const char *text)
{
	unsigned int width = 0;

	for (; *text != '\0'; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}

/* Bytes of the first `width` characters. */
static int bytes_of(const char *text, unsigned int width)
{
	int bytes = 0;

	while (text[bytes] != '\0') {
		if (((uint8_t)text[bytes] & 0xc0) != 0x80 && width-- == 0)
			break;
		bytes++;
	}
	return bytes;
}

/* Bytes of the character of UTF-8 (RFC 3629 section 4) that begins here; 0 when there is none that
 * a terminal may be given. */
static unsigned int character_bytes(const uint8_t *text)
{
	unsigned int length = 1 + (text[0] >= 0xc2) + (text[0] >= 0xe0) + (text[0] >= 0xf0);
	/* Below them the second byte would be of a longer form than needed, or of a control
	 * character; above, of half a surrogate pair or of nothing. */
	uint8_t least = text[0] == 0xe0 || text[0] == 0xc2 ? 0xa0 : text[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t most = text[0] == 0xed ? 0x9f : text[0] == 0xf4 ? 0x8f : 0xbf;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] < 0xc2 || text[0] > 0xf4 || text[1] < least || text[1] > most)
		return 0;
	for (unsigned int i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

void tt_text_clean(char *text)
{
	while (*text != '\0') {
		unsigned int length = character_bytes((const uint8_t *)text);

		if (length == 0)
			*text = '?';
		text += length > 0 ? length : 1;
	}
}

void tt_table_begin(
	struct tt_table *table, FILE *out, const struct tt_column *columns, unsigned int line)
{
	table->out = out;
	table->columns = columns;
	table->line = line;
	table->begun = false;
	table->rows = 0;
	table->column_count = 0;
	while (columns[table->column_count].title != NULL)
		table->column_count++;
	memset(table->cells[0], 0, sizeof(table->cells[0]));
}

void tt_table_cell(struct tt_table *table, unsigned int column, const char *format, ...)
{
	char *cell = table->cells[table->rows][column];
	va_list arguments;

	va_start(arguments, format);
	/* clang-tidy 14 overlooks va_start() in some functions. */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vsnprintf(cell, TT_CELL_SIZE, format, arguments);
	va_end(arguments);
	tt_text_clean(cell);
}

/* As wide as needed; then what the line has too little is taken from the widest that give, and from
 * the gaps. */
static void set_widths(struct tt_table *table)
{
	unsigned int sum = GAP * (table->column_count - 1);

	table->gap = GAP;

	for (unsigned int c = 0; c < table->column_count; c++) {
		table->widths[c] = width_of(table->columns[c].title);
		for (unsigned int row = 0; row < table->rows; row++) {
			unsigned int width = width_of(table->cells[row][c]);

			if (width > table->widths[c])
				table->widths[c] = width;
		}
		sum += table->widths[c];
	}
	while (table->line > 0 && sum > table->line) {
		unsigned int widest = table->column_count;

		for (unsigned int c = 0; c < table->column_count; c++)
			if (table->columns[c].gives && table->widths[c] > NARROWEST &&
				(widest == table->column_count ||
					table->widths[c] > table->widths[widest]))
				widest = c;
		if (widest == table->column_count) {
			table->gap = 1;
			return;
		}
		table->widths[widest]--;
		sum--;
	}
}

static void print_cell(const struct tt_table *table, unsigned int column, const char *text)
{
	unsigned int width = table->widths[column];
	unsigned int text_width = width_of(text);
	bool cut = text_width > width && table->columns[column].gives;
	bool last = column + 1 == table->column_count;
	int fill = text_width < width ? (int)(width - text_width) : 0;

	if (column > 0)
		fprintf(table->out, "%*s", (int)table->gap, "");
	if (table->columns[column].right)
		fprintf(table->out, "%*s", fill, "");
	if (cut)
		fprintf(table->out, "%.*s~", bytes_of(text, width - 1), text);
	else
		fputs(text, table->out);
	if (!table->columns[column].right && !last)
		fprintf(table->out, "%*s", fill, "");
}

static void print_rows(struct tt_table *table)
{
	if (!table->begun) {
		set_widths(table);
		for (unsigned int c = 0; c < table->column_count; c++)
			print_cell(table, c, table->columns[c].title);
		fputc('\n', table->out);
		table->begun = true;
	}
	for (unsigned int row = 0; row < table->rows; row++) {
		for (unsigned int c = 0; c < table->column_count; c++)
			print_cell(table, c, table->cells[row][c]);
		fputc('\n', table->out);
	}
	table->rows = 0;
}

void tt_table_row(struct tt_table *table)
{
	table->rows++;
	if (table->rows == TT_TABLE_ROWS)
		print_rows(table);
	memset(table->cells[table->rows], 0, sizeof(table->cells[0]));
}

void tt_table_end(struct tt_table *table)
{
	print_rows(table);
}

unsigned int tt_terminal_width(int descriptor)
{
	struct winsize size;

	if (!isatty(descriptor))
		return 0;
	if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return USUAL_TERMINAL;
	return size.ws_col;
}

void tt_scaled(char text[TT_SCALED_SIZE], uint64_t value)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
	double scaled = (double)value;
	unsigned int unit = 0;

	if (value < 10000) {
		snprintf(text, TT_SCALED_SIZE, "%" PRIu64, value);
		return;
	}
	/* From 999.95 on, one decimal would be rounded up to 1000.0. */
	while (scaled >= 999.95) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, TT_SCALED_SIZE, "%.1f%s", scaled, units[unit]);
}

void tt_duration(char text[TT_SCALED_SIZE], uint64_t us)
{
	static const struct {
		uint64_t below_us; /* what this unit is used below */
		uint64_t unit_us;
		const char *name;
	} units[] = {
		{1000, 1, "us"},
		{1000000, 1000, "ms"},
		{120000000, 1000000, "s"},
		{7200000000, 60000000, "min"},
		{172800000000, 3600000000, "h"},
		{UINT64_MAX, 86400000000, "d"},
	};
	unsigned int i = 0;

	while (us >= units[i].below_us && i + 1 < sizeof(units) / sizeof(units[0]))
		i++;
	/* Rounded down, so that it stays below the next unit. */
	uint64_t tenths = us / (units[i].unit_us >= 10 ? units[i].unit_us / 10 : 1);
	if (units[i].unit_us >= 10 && tenths < 100)
		snprintf(text, TT_SCALED_SIZE, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
			tenths % 10, units[i].name);
	else
		snprintf(text, TT_SCALED_SIZE, "%" PRIu64 " %s", us / units[i].unit_us,
			units[i].name);
}
