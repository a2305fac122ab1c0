/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal as a screen, through ncurses: copies frames to it and reads keys. Used by the main
 * thread.
 */
#ifndef TT_APP_TOP_SCREEN_H
#define TT_APP_TOP_SCREEN_H

#include "top_ui.h"

/* NULL when standard input and output are a terminal that text can be placed on, else why not. */
const char *tt_screen_refusal(void);

/* false when the terminal cannot be used after all. */
bool tt_screen_open(void);
void tt_screen_close(void);

/* Lines and columns of the terminal, as far as a frame holds them. */
void tt_screen_size(struct tt_frame *frame);
void tt_screen_draw(const struct tt_frame *frame);

/* The next key (enum tt_key, or a character), waiting at most so long; TT_KEY_NONE without one, and
 * after a signal. */
int tt_screen_key(int wait_ms);

#endif
