/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an expression is plain: names of hosts, and regular expressions that say no more than how
 * a text is or begins, which need no engine; the text that every match of another one begins with,
 * and the bytes that one may begin with. For the control core, when it compiles rules and signatures.
 */
#ifndef TT_RULES_EXPRESSION_H
#define TT_RULES_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_LITERALS 16 /* alternatives of an expression that is plain */

enum tt_literal_kind {
	TT_LITERAL_WHOLE, /* the text is this */
	TT_LITERAL_BEGIN, /* it begins with this */
	TT_LITERAL_BELOW, /* the same, and ends there or goes on with a slash */
	TT_LITERAL_END	  /* it ends with this, and has more before */
};

struct tt_literal {
	const char *text;
	uint16_t bytes;
	uint8_t kind; /* enum tt_literal_kind */
};

/* Is it a name, or one behind "*."? Then *literal is it, in lower case, without a final dot and of
 * the other with its dot in front. Its text is in `room`, which is as long as the expression. */
bool tt_expression_name(const char *expression, char *room, struct tt_literal *literal);

/* Is it nothing but letters, digits, escaped punctuation and what stands for itself, then perhaps
 * ".*" or "(/.*)?", or up to TT_LITERALS of such with '|' between? Returns how many, 0 when not.
 * Their texts are in `room`, which is as long as the expression. */
unsigned int tt_expression_literals(
	const char *expression, char *room, struct tt_literal literals[TT_LITERALS]);

/* What every text begins with that matches the whole of the expression, into `room`, which is as
 * long as the expression. Returns its length. */
size_t tt_expression_begin(const char *expression, char *room);

/* A set of bytes, a bit each. */
struct tt_byte_set {
	uint64_t words[4];
};

static inline bool tt_byte_set_has(const struct tt_byte_set *set, uint8_t byte)
{
	return (set->words[byte >> 6] >> (byte & 63) & 1) != 0;
}

/* Adds the first bytes that a text may have whose beginning matches the expression: all, where what
 * it says is not plain enough. */
void tt_expression_first(const char *expression, struct tt_byte_set *set);

#endif
