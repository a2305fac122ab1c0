/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user of `taptrace top` has chosen, how keys change it, and what is then to be seen: lines
 * of ASCII with a style each, which a screen only copies. Knows nothing of the terminal. Used by one
 * thread.
 */
#ifndef TT_APP_TOP_UI_H
#define TT_APP_TOP_UI_H

#include "top_gather.h"

#define TT_FRAME_LINES	 256
#define TT_FRAME_COLUMNS 512
#define TT_FILTER_SIZE	 40

/* Keys that are not characters. */
enum tt_key {
	TT_KEY_NONE = 0, /* no key was pressed */
	TT_KEY_ENTER = '\n',
	TT_KEY_ESCAPE = 0x1b,
	TT_KEY_BACKSPACE = 0x7f,
	TT_KEY_UP = 0x100,
	TT_KEY_DOWN,
	TT_KEY_LEFT,
	TT_KEY_RIGHT,
	TT_KEY_PAGE_UP,
	TT_KEY_PAGE_DOWN,
	TT_KEY_HOME,
	TT_KEY_END,
	TT_KEY_RESIZE,
	TT_KEY_HANGUP /* the terminal has gone */
};

enum tt_top_action {
	TT_TOP_DRAW,
	TT_TOP_REFRESH,
	TT_TOP_QUIT
};

struct tt_top_ui {
	enum tt_top_view view;
	unsigned int sort[TT_TOP_VIEWS]; /* column */
	bool reversed[TT_TOP_VIEWS];
	char filter[TT_FILTER_SIZE];
	bool filtering; /* the filter is being typed */
	bool paused;
	bool help;
	bool details;			/* of the selected row */
	char selected[TT_TOP_KEY_SIZE]; /* its key */
	unsigned int index;		/* where that row is */
	unsigned int first;		/* the first row on the screen */
	unsigned int details_first;	/* the same of the details */
	unsigned int page;		/* rows on the screen */
	const char *message;		/* what went wrong; NULL: nothing */
	double delay_s;
};

enum tt_frame_style {
	TT_STYLE_PLAIN,
	TT_STYLE_BOLD,
	TT_STYLE_REVERSE,
	TT_STYLE_ALARM,
	TT_STYLE_SELECTED
};

struct tt_frame {
	unsigned int height, width; /* lines and columns of the terminal that are used */
	char text[TT_FRAME_LINES][TT_FRAME_COLUMNS + 1];
	enum tt_frame_style style[TT_FRAME_LINES];
};

void tt_top_ui_init(struct tt_top_ui *ui);

/* `rows` are those that were drawn last. */
enum tt_top_action tt_top_ui_key(struct tt_top_ui *ui, int key, const struct tt_top_rows *rows);

/* Everything, for a terminal of frame->height lines and frame->width columns. `rows` takes the rows
 * of the view, filtered and sorted. */
void tt_top_ui_draw(struct tt_top_ui *ui, struct tt_top_knowledge *knowledge,
	struct tt_top_rows *rows, struct tt_frame *frame);

#endif
