/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in roff with the macros of man(7), as groff and mandoc read it.
 */
#ifndef TT_APP_ROFF_H
#define TT_APP_ROFF_H

#include <stddef.h>
#include <stdio.h>

/* Text as it stands, with what roff would take for its own escaped. */
void tt_roff_text(FILE *out, const char *text, size_t length);

/* The same of text where `this` is bold, as in Markdown. */
void tt_roff_marked(FILE *out, const char *text, size_t length);

/* The same with a line's end. */
void tt_roff_line(FILE *out, const char *text);

/* ".MACRO "text"": a heading. */
void tt_roff_heading(FILE *out, const char *macro, const char *text, size_t length);

/* The paragraphs that follow tell of this term. */
void tt_roff_term(FILE *out, const char *term);

#endif
