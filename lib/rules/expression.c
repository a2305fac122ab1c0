/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/expression.h"

#include <ctype.h>
#include <string.h>

/* Bytes of the syntax (pcresyntax(3)). */
static const char special[] = "\\^$.[]|()?*+{}";

bool tt_expression_name(const char *expression, char *room, struct tt_literal *literal)
{
	bool below = expression[0] == '*' && expression[1] == '.';
	const char *name = below ? expression + 1 : expression;
	size_t length = strlen(name);

	if (length == 0 || (!below && name[0] == '.'))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)name[i];

		if (!isalnum(byte) && byte != '-' && byte != '_' && byte != '.')
			return false;
		room[i] = (char)tolower(byte);
	}
	if (room[length - 1] == '.')
		length--;
	*literal = (struct tt_literal){.text = room,
		.bytes = (uint16_t)length,
		.kind = below ? TT_LITERAL_END : TT_LITERAL_WHOLE};
	return length > below;
}

/* The byte that stands at *at for itself, escaped or not; *at moves behind it. */
static bool take_byte(const char **at, char *byte)
{
	const char *next = *at;

	/* A letter or digit behind a backslash is a class, an assertion or a reference. */
	if (next[0] == '\\' && next[1] != '\0' && !isalnum((unsigned char)next[1]))
		next++;
	else if (next[0] == '\0' || strchr(special, next[0]) != NULL)
		return false;
	*byte = *next;
	*at = next + 1;
	return true;
}

/* Where an alternative ends. */
static bool ends(const char *at)
{
	return at[0] == '\0' || at[0] == '|';
}

static bool take_rest(const char **at, uint8_t *kind)
{
	static const struct {
		const char *text;
		uint8_t kind;
	} rests[] = {
		{"", TT_LITERAL_WHOLE}, {".*", TT_LITERAL_BEGIN}, {"(/.*)?", TT_LITERAL_BELOW}};

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		size_t length = strlen(rests[i].text);

		if (strncmp(*at, rests[i].text, length) == 0 && ends(*at + length)) {
			*at += length;
			*kind = rests[i].kind;
			return true;
		}
	}
	return false;
}

unsigned int tt_expression_literals(
	const char *expression, char *room, struct tt_literal literals[TT_LITERALS])
{
	unsigned int count = 0;

	for (const char *at = expression; count < TT_LITERALS; at++) {
		struct tt_literal *literal = &literals[count++];

		*literal = (struct tt_literal){.text = room};
		while (take_byte(&at, room)) {
			literal->bytes++;
			room++;
		}
		if (!take_rest(&at, &literal->kind))
			return 0;
		if (*at == '\0')
			return count;
	}
	return 0;
}

size_t tt_expression_begin(const char *expression, char *room)
{
	const char *at = expression;
	size_t length = 0;

	/* One of several alternatives, in a group or not: then nothing is sure. */
	if (strchr(expression, '|') != NULL)
		return 0;
	while (take_byte(&at, &room[length]))
		length++;
	/* What is repeated may be absent. */
	if (length > 0 && (*at == '?' || *at == '*' || *at == '{'))
		length--;
	return length;
}
