/* SPDX-License-Identifier: Apache-2.0 */
#include "top_screen.h"

#define NCURSES_NOMACROS
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

/* How long what follows an escape may take, as over ssh. */
#define ESCAPE_MS 100

#define PAIR_ALARM 1

const char *tt_screen_refusal(void)
{
	const char *name = getenv("TERM");
	int found;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return "it needs a terminal: use taptrace connections and the others";
	if (name == NULL || *name == '\0')
		return "TERM is not set: it needs to know the terminal";
	if (setupterm(name, STDOUT_FILENO, &found) != OK)
		return "the terminal that TERM names is not known here";
	if (tigetstr("cup") == NULL)
		return "text cannot be placed on the terminal that TERM names: use taptrace "
		       "connections and the others";
	return NULL;
}

bool tt_screen_open(void)
{
	if (newterm(NULL, stdout, stdin) == NULL)
		return false;
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	if (has_colors() && start_color() == OK && use_default_colors() == OK)
		init_pair(PAIR_ALARM, COLOR_RED, -1);
	return true;
}

void tt_screen_close(void)
{
	endwin();
}

static unsigned int within(int value, unsigned int limit)
{
	if (value < 1)
		return 1;
	return (unsigned int)value < limit ? (unsigned int)value : limit;
}

void tt_screen_size(struct tt_frame *frame)
{
	frame->height = within(getmaxy(stdscr), TT_FRAME_LINES);
	frame->width = within(getmaxx(stdscr), TT_FRAME_COLUMNS);
}

static attr_t attribute_of(enum tt_frame_style style)
{
	switch (style) {
	case TT_STYLE_BOLD:
		return A_BOLD;
	case TT_STYLE_REVERSE:
		return A_REVERSE;
	case TT_STYLE_ALARM:
		return has_colors() ? (attr_t)COLOR_PAIR(PAIR_ALARM) : A_BOLD;
	case TT_STYLE_SELECTED:
		return A_REVERSE | A_BOLD;
	default:
		return A_NORMAL;
	}
}

void tt_screen_draw(const struct tt_frame *frame)
{
	werase(stdscr);
	for (unsigned int line = 0; line < frame->height; line++) {
		attr_t attribute = attribute_of(frame->style[line]);

		wattrset(stdscr, (int)attribute);
		mvwaddnstr(stdscr, (int)line, 0, frame->text[line], (int)frame->width);
		/* A bar reaches from one edge to the other. */
		if ((attribute & A_REVERSE) != 0 && strlen(frame->text[line]) < frame->width)
			whline(stdscr, ' ' | (chtype)attribute, (int)frame->width);
	}
	wattrset(stdscr, (int)A_NORMAL);
	wrefresh(stdscr);
}

static int translate(int key)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{KEY_UP, TT_KEY_UP},
		{KEY_DOWN, TT_KEY_DOWN},
		{KEY_LEFT, TT_KEY_LEFT},
		{KEY_RIGHT, TT_KEY_RIGHT},
		{KEY_PPAGE, TT_KEY_PAGE_UP},
		{KEY_NPAGE, TT_KEY_PAGE_DOWN},
		{KEY_HOME, TT_KEY_HOME},
		{KEY_END, TT_KEY_END},
		{KEY_RESIZE, TT_KEY_RESIZE},
		{KEY_ENTER, TT_KEY_ENTER},
		{'\r', TT_KEY_ENTER},
		{KEY_BACKSPACE, TT_KEY_BACKSPACE},
		{'\b', TT_KEY_BACKSPACE},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].curses == key)
			return keys[i].key;
	return key < TT_KEY_UP ? key : TT_KEY_NONE;
}

int tt_screen_key(int wait_ms)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int key = wgetch(stdscr);

	if (key == ERR) {
		int ready = poll(&input, 1, wait_ms);

		key = wgetch(stdscr);
		/* Ready without a key is the end: polling on would never wait again. */
		if (key == ERR && ready > 0 && (input.revents & (POLLHUP | POLLERR)) != 0)
			return TT_KEY_HANGUP;
	}
	return key == ERR ? TT_KEY_NONE : translate(key);
}
