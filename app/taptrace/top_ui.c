/* SPDX-License-Identifier: Apache-2.0 */
#include "top_ui.h"

#include "fields.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LINES 5 /* above the rows, titles included */
#define FOOT_LINES 1
#define NOTE_BYTES 160

static const struct {
	const char *name;
	unsigned int sort; /* the column that it begins with */
	bool reversed;
} views[TT_TOP_VIEWS] = {
	[TT_TOP_VIEW_PORTS] = {"ports", 0, true},
	[TT_TOP_VIEW_WORKERS] = {"workers", 0, true},
	[TT_TOP_VIEW_CONNECTIONS] = {"connections", 3, false},
	[TT_TOP_VIEW_SERVICES] = {"services", 3, false},
	[TT_TOP_VIEW_DNS] = {"dns", 2, false},
	[TT_TOP_VIEW_TLS] = {"tls", 6, true},
};

static const char *const help[] = {
	"  1 to 6, Tab   ports, workers, connections, services, dns, tls",
	"  up, down      select a row; also j, k, PgUp, PgDn, Home, End",
	"  Enter         all of that row; Esc or Enter goes back",
	"  <, >          sort by another column, the one with the *",
	"  r             reverse the order",
	"  /             only rows with a text; Enter keeps it, Esc ends it",
	"  p             pause, and go on",
	"  Space         ask now",
	"  h             this help",
	"  q             quit",
	"",
	"Rates are of the time since the refresh before. Services, domains and server",
	"names are counted from the last 200 transactions before top began on.",
	"ERRORS: answers from 500 on, and none; FAILED: other rcodes than NOERROR, and",
	"fatal alerts of TLS; LOST: queries without an answer; RETR: TCP packets sent",
	"again. Certificates can be read up to TLS 1.2.",
	NULL,
};

static const struct tt_column detail_columns[] = {
	{.title = "FIELD"},
	{.title = "VALUE"},
	{0},
};

void tt_top_ui_init(struct tt_top_ui *ui)
{
	*ui = (struct tt_top_ui){.view = TT_TOP_VIEW_CONNECTIONS, .page = 1};
	for (unsigned int i = 0; i < TT_TOP_VIEWS; i++) {
		ui->sort[i] = views[i].sort;
		ui->reversed[i] = views[i].reversed;
	}
}

static void type_filter(struct tt_top_ui *ui, int key)
{
	size_t length = strlen(ui->filter);

	if (key == TT_KEY_ENTER || key == TT_KEY_ESCAPE)
		ui->filtering = false;
	if (key == TT_KEY_ESCAPE)
		ui->filter[0] = '\0';
	else if (key == TT_KEY_BACKSPACE && length > 0)
		ui->filter[length - 1] = '\0';
	else if (key >= 0x20 && key < 0x7f && length + 1 < sizeof(ui->filter)) {
		ui->filter[length] = (char)key;
		ui->filter[length + 1] = '\0';
	}
}

/* The key of a move as a step; 0 for other keys. Ends are far enough away. */
static int step_of(const struct tt_top_ui *ui, int key)
{
	switch (key) {
	case TT_KEY_UP:
	case 'k':
		return -1;
	case TT_KEY_DOWN:
	case 'j':
		return 1;
	case TT_KEY_PAGE_UP:
		return -(int)ui->page;
	case TT_KEY_PAGE_DOWN:
		return (int)ui->page;
	case TT_KEY_HOME:
		return -TT_TOP_ROWS;
	case TT_KEY_END:
		return TT_TOP_ROWS;
	default:
		return 0;
	}
}

static unsigned int moved(unsigned int from, int step, unsigned int count)
{
	int to = (int)from + step;

	if (to < 0 || count == 0)
		return 0;
	return (unsigned int)to < count ? (unsigned int)to : count - 1;
}

static void select_row(struct tt_top_ui *ui, const struct tt_top_rows *rows, unsigned int index)
{
	ui->index = index;
	ui->selected[0] = '\0';
	if (index < rows->count)
		memcpy(ui->selected, rows->row[index].key, sizeof(ui->selected));
}

static enum tt_top_action change_view(struct tt_top_ui *ui, unsigned int view)
{
	ui->view = view % TT_TOP_VIEWS;
	ui->details = false;
	ui->index = 0;
	ui->first = 0;
	ui->selected[0] = '\0';
	/* Not all of them are asked for all the time. */
	return ui->paused ? TT_TOP_DRAW : TT_TOP_REFRESH;
}

static void change_sort(struct tt_top_ui *ui, const struct tt_top_rows *rows, int step)
{
	unsigned int count = rows->column_count;

	ui->sort[ui->view] = (ui->sort[ui->view] + count + (unsigned int)step) % count;
	ui->reversed[ui->view] = false;
	ui->first = 0;
	select_row(ui, rows, rows->count);
	ui->index = 0;
}

static enum tt_top_action view_key(struct tt_top_ui *ui, int key, const struct tt_top_rows *rows)
{
	int step = step_of(ui, key);

	if (step != 0)
		select_row(ui, rows, moved(ui->index, step, rows->count));
	if (key >= '1' && key < '1' + TT_TOP_VIEWS)
		return change_view(ui, (unsigned int)(key - '1'));
	switch (key) {
	case '\t':
		return change_view(ui, ui->view + 1);
	case '<':
	case TT_KEY_LEFT:
		change_sort(ui, rows, -1);
		break;
	case '>':
	case TT_KEY_RIGHT:
		change_sort(ui, rows, 1);
		break;
	case 'r':
		ui->reversed[ui->view] = !ui->reversed[ui->view];
		break;
	case '/':
		ui->filtering = true;
		break;
	case TT_KEY_ENTER:
		ui->details = ui->index < rows->count;
		ui->details_first = 0;
		break;
	case TT_KEY_ESCAPE:
		ui->filter[0] = '\0';
		break;
	default:
		break;
	}
	return TT_TOP_DRAW;
}

enum tt_top_action tt_top_ui_key(struct tt_top_ui *ui, int key, const struct tt_top_rows *rows)
{
	if (key == TT_KEY_HANGUP)
		return TT_TOP_QUIT;
	if (key == TT_KEY_NONE || key == TT_KEY_RESIZE)
		return TT_TOP_DRAW;
	if (ui->filtering) {
		type_filter(ui, key);
		return TT_TOP_DRAW;
	}
	switch (key) {
	case 'q':
		return TT_TOP_QUIT;
	case 'p':
		ui->paused = !ui->paused;
		return ui->paused ? TT_TOP_DRAW : TT_TOP_REFRESH;
	case ' ':
		return TT_TOP_REFRESH;
	case 'h':
	case '?':
		ui->help = !ui->help;
		return TT_TOP_DRAW;
	default:
		break;
	}
	if (ui->help) {
		ui->help = key != TT_KEY_ESCAPE && key != TT_KEY_ENTER;
		return TT_TOP_DRAW;
	}
	if (ui->details) {
		/* Where they end is known when they are drawn. */
		ui->details_first = moved(ui->details_first, step_of(ui, key), TT_TOP_ROWS);
		ui->details = key != TT_KEY_ESCAPE && key != TT_KEY_ENTER;
		return TT_TOP_DRAW;
	}
	return view_key(ui, key, rows);
}

static void put_line(struct tt_frame *frame, unsigned int line, enum tt_frame_style style,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static void put_line(struct tt_frame *frame, unsigned int line, enum tt_frame_style style,
	const char *format, ...)
{
	char *text;
	va_list arguments;

	if (line >= frame->height)
		return;
	text = frame->text[line];
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): as in tt_table_cell() */
	vsnprintf(text, TT_FRAME_COLUMNS + 1, format, arguments);
	va_end(arguments);
	text[frame->width] = '\0';
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	frame->style[line] = style;
}

static void draw_tabs(const struct tt_top_ui *ui, struct tt_frame *frame, unsigned int line)
{
	char text[TT_FRAME_COLUMNS + 1] = "";
	size_t length = 0;

	for (unsigned int i = 0; i < TT_TOP_VIEWS; i++) {
		bool here = i == ui->view;

		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u %s%s ",
			here ? "[" : " ", i + 1, views[i].name, here ? "]" : " ");
	}
	put_line(frame, line, TT_STYLE_PLAIN, "%s", text);
}

static void draw_head(const struct tt_top_ui *ui, const struct tt_top_knowledge *knowledge,
	struct tt_frame *frame)
{
	const json_t *info = knowledge->status.info.now;
	char uptime[TT_SCALED_SIZE], headline[NOTE_BYTES];

	tt_duration(uptime, tt_json_unsigned(info, "uptime_us"));
	put_line(frame, 0, TT_STYLE_BOLD, "taptrace %s  up %s  every %g s%s",
		tt_json_text(info, "version"), uptime, ui->delay_s, ui->paused ? "  PAUSED" : "");
	tt_top_status_headline(&knowledge->status, headline, sizeof(headline));
	put_line(frame, 1, TT_STYLE_PLAIN, "%s", headline);
	draw_tabs(ui, frame, 2);
}

static void draw_foot(const struct tt_top_ui *ui, struct tt_frame *frame)
{
	unsigned int line = frame->height - FOOT_LINES;

	if (ui->filtering)
		put_line(frame, line, TT_STYLE_BOLD, "filter: %s_", ui->filter);
	else if (ui->message != NULL)
		put_line(frame, line, TT_STYLE_ALARM, "%s", ui->message);
	else
		put_line(frame, line, TT_STYLE_PLAIN,
			"q quit  h help  1-6 view  <> sort  r reverse  / filter  p pause  Enter "
			"details");
}

/* Rows from `first` on, with their titles above, as many as there is room for. */
static void draw_rows(const struct tt_top_rows *rows, const struct tt_column *columns,
	unsigned int first, struct tt_frame *frame)
{
	/* Too large for a stack that may be small. */
	static struct tt_table table;
	char *text = NULL, *rest = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	unsigned int line = HEAD_LINES - 1;

	if (out == NULL)
		return;
	tt_table_begin(&table, out, columns, frame->width);
	for (unsigned int i = first; i < rows->count && i - first < frame->height; i++) {
		for (unsigned int c = 0; c < rows->column_count; c++)
			tt_table_cell(&table, c, "%s", rows->row[i].cells[c].text);
		tt_table_row(&table);
	}
	tt_table_end(&table);
	fclose(out);
	for (char *at = strtok_r(text, "\n", &rest);
		at != NULL && line < frame->height - FOOT_LINES; at = strtok_r(NULL, "\n", &rest))
		put_line(frame, line++, TT_STYLE_PLAIN, "%s", at);
	frame->style[HEAD_LINES - 1] = TT_STYLE_REVERSE;
	free(text);
}

/* The columns of the rows, the one that is sorted by marked. */
static void mark_sort(const struct tt_top_rows *rows, unsigned int sort,
	struct tt_column columns[TT_TOP_COLUMNS + 1], char title[TT_CELL_SIZE])
{
	memcpy(columns, rows->columns, sizeof(columns[0]) * (rows->column_count + 1));
	snprintf(title, TT_CELL_SIZE, "%s*", columns[sort].title);
	columns[sort].title = title;
}

static void draw_view(struct tt_top_ui *ui, const struct tt_top_rows *rows, struct tt_frame *frame)
{
	struct tt_column columns[TT_TOP_COLUMNS + 1];
	char title[TT_CELL_SIZE];

	if (ui->index < ui->first)
		ui->first = ui->index;
	if (ui->index >= ui->first + ui->page)
		ui->first = ui->index - ui->page + 1;
	mark_sort(rows, ui->sort[ui->view], columns, title);
	draw_rows(rows, columns, ui->first, frame);
	for (unsigned int i = ui->first; i < rows->count && i - ui->first < ui->page; i++) {
		unsigned int line = HEAD_LINES + i - ui->first;

		if (i == ui->index)
			frame->style[line] = TT_STYLE_SELECTED;
		else if (rows->row[i].alarm)
			frame->style[line] = TT_STYLE_ALARM;
	}
	if (rows->count == 0)
		put_line(frame, HEAD_LINES, TT_STYLE_PLAIN, "nothing %s",
			ui->filter[0] == '\0' ? "yet" : "with that text");
}

/* What is in the row's cells, and the record behind it. */
static void draw_details(struct tt_top_ui *ui, const struct tt_top_rows *rows, json_t *record,
	struct tt_frame *frame)
{
	static struct tt_top_rows details;

	tt_top_rows_begin(&details, detail_columns);
	for (unsigned int c = 0; c < rows->column_count; c++) {
		struct tt_top_row *row = tt_top_rows_add(&details, rows->columns[c].title);

		tt_top_put_text(row, 0, "%s", rows->columns[c].title);
		tt_top_put_text(row, 1, "%s", rows->row[ui->index].cells[c].text);
	}
	if (record != NULL)
		tt_top_rows_flatten(&details, record);
	if (ui->details_first + ui->page > details.count)
		ui->details_first = details.count > ui->page ? details.count - ui->page : 0;
	draw_rows(&details, detail_columns, ui->details_first, frame);
}

static void draw_help(struct tt_frame *frame)
{
	for (unsigned int i = 0; help[i] != NULL && HEAD_LINES - 1 + i < frame->height - FOOT_LINES;
		i++)
		put_line(frame, HEAD_LINES - 1 + i, TT_STYLE_PLAIN, "%s", help[i]);
}

void tt_top_ui_draw(struct tt_top_ui *ui, struct tt_top_knowledge *knowledge,
	struct tt_top_rows *rows, struct tt_frame *frame)
{
	char note[NOTE_BYTES];
	unsigned int all;

	for (unsigned int line = 0; line < frame->height; line++)
		put_line(frame, line, TT_STYLE_PLAIN, "%s", "");
	ui->page = frame->height > HEAD_LINES + FOOT_LINES ? frame->height - HEAD_LINES - FOOT_LINES
							   : 1;
	tt_top_view_rows(knowledge, ui->view, rows, note, sizeof(note));
	all = rows->count;
	tt_top_rows_filter(rows, ui->filter);
	tt_top_rows_sort(rows, ui->sort[ui->view], ui->reversed[ui->view]);
	/* The selection follows its row; where that has gone, it stays where it was. */
	if (ui->selected[0] != '\0' && tt_top_rows_find(rows, ui->selected) < rows->count)
		ui->index = tt_top_rows_find(rows, ui->selected);
	else
		ui->index = moved(ui->index, 0, rows->count);

	draw_head(ui, knowledge, frame);
	if (ui->filter[0] != '\0')
		put_line(frame, 3, TT_STYLE_PLAIN, "with \"%s\": %u of %u  %s", ui->filter,
			rows->count, all, note);
	else
		put_line(frame, 3, TT_STYLE_PLAIN, "%s", note);
	if (ui->help)
		draw_help(frame);
	else if (ui->details && rows->count > 0)
		draw_details(ui, rows,
			tt_top_view_record(knowledge, ui->view, rows->row[ui->index].key), frame);
	else
		draw_view(ui, rows, frame);
	draw_foot(ui, frame);
}
