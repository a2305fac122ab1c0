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

#define GROUP_DEPTH 8 /* of groups inside each other that are looked into */

/* A walk through an expression for the bytes that may come first. */
struct walk {
	const char *at;
	unsigned int depth;
	bool caseless;
	bool lost; /* it says more than is understood here */
};

static void add_byte(struct tt_byte_set *set, unsigned char byte)
{
	set->words[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static void add_range(
	const struct walk *walk, struct tt_byte_set *set, unsigned int first, unsigned int last)
{
	for (unsigned int byte = first; byte <= last; byte++) {
		add_byte(set, (unsigned char)byte);
		if (walk->caseless && byte < 0x80 && isalpha((int)byte))
			add_byte(set, (unsigned char)(byte ^ 0x20));
	}
}

static unsigned int hexadecimal(char digit)
{
	return (unsigned int)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/* What stands behind a backslash: one byte, -1 when it is a class, which was added, or lost. */
static int take_escape(struct walk *walk, struct tt_byte_set *set)
{
	static const char letters[] = "nrtfae", bytes[] = "\n\r\t\f\a\033";
	char kind = *walk->at;
	const char *letter = kind == '\0' ? NULL : strchr(letters, kind);

	if (kind == '\0' || ((unsigned char)kind >= 0x80)) {
		walk->lost = true;
		return -1;
	}
	walk->at++;
	if (letter != NULL)
		return bytes[letter - letters];
	if (kind == 'x' && isxdigit((unsigned char)walk->at[0]) &&
		isxdigit((unsigned char)walk->at[1])) {
		walk->at += 2;
		return (int)(hexadecimal(walk->at[-2]) << 4 | hexadecimal(walk->at[-1]));
	}
	if (kind == 'd' || kind == 'w')
		add_range(walk, set, '0', '9');
	if (kind == 'w') {
		add_range(walk, set, 'A', 'Z');
		add_range(walk, set, 'a', 'z');
		add_byte(set, '_');
	} else if (kind == 's') {
		add_range(walk, set, '\t', '\r');
		add_byte(set, ' ');
	} else if (isalnum((unsigned char)kind) && kind != 'd') {
		walk->lost = true;
	}
	return isalnum((unsigned char)kind) ? -1 : kind;
}

/* One byte of a class, or of a range in it; -1 as take_escape(). */
static int take_member(struct walk *walk, struct tt_byte_set *set)
{
	char byte = *walk->at;

	if (byte == '\0' || byte == '[' || (unsigned char)byte >= 0x80) {
		walk->lost = true;
		return -1;
	}
	walk->at++;
	return byte == '\\' ? take_escape(walk, set) : byte;
}

/* Behind its '['. */
static void take_class(struct walk *walk, struct tt_byte_set *set)
{
	struct tt_byte_set members = {{0}};
	bool inverted = *walk->at == '^';

	walk->at += inverted;
	do {
		int first = take_member(walk, &members);
		int last = first;

		if (first >= 0 && walk->at[0] == '-' && walk->at[1] != ']') {
			walk->at++;
			last = take_member(walk, &members);
			walk->lost |= last < first;
		}
		if (first >= 0 && !walk->lost)
			add_range(walk, &members, (unsigned int)first, (unsigned int)last);
	} while (!walk->lost && *walk->at != ']');
	walk->at += !walk->lost;
	for (unsigned int word = 0; word < 4; word++)
		set->words[word] |= inverted ? ~members.words[word] : members.words[word];
}

/* Is what stands here repeated, and perhaps not there at all? A brace without a number is itself. */
static bool take_repetition(struct walk *walk)
{
	char kind = *walk->at;
	bool counted = kind == '{' && isdigit((unsigned char)walk->at[1]);
	bool absent = kind == '?' || kind == '*' || (counted && walk->at[1] == '0');

	if (kind != '?' && kind != '*' && kind != '+' && !counted)
		return false;
	walk->at++;
	if (counted) {
		walk->at += strspn(walk->at, "0123456789,");
		walk->lost |= *walk->at != '}';
		walk->at += !walk->lost;
	}
	walk->at += *walk->at == '?'; /* lazily: no matter */
	return absent;
}

static bool take_alternatives(struct walk *walk, struct tt_byte_set *set);

/* Behind its '('. true: it may match nothing. */
static bool take_group(struct walk *walk, struct tt_byte_set *set)
{
	if (walk->at[0] == '?') {
		walk->lost |= walk->at[1] != ':';
		walk->at += 2;
	}
	walk->lost |= ++walk->depth > GROUP_DEPTH;
	if (walk->lost)
		return false;
	bool empty = take_alternatives(walk, set);

	walk->depth--;
	walk->lost |= *walk->at != ')';
	walk->at += !walk->lost;
	return empty;
}

/* true: it may match nothing. */
static bool take_atom(struct walk *walk, struct tt_byte_set *set)
{
	char byte = *walk->at++;
	bool empty = false;
	int escaped;

	switch (byte) {
	case '^':
		return true;
	case '(':
		empty = take_group(walk, set);
		break;
	case '[':
		take_class(walk, set);
		break;
	case '.':
		add_range(walk, set, 0, UINT8_MAX);
		break;
	case '\\':
		escaped = take_escape(walk, set);
		if (escaped >= 0)
			add_range(walk, set, (unsigned int)escaped, (unsigned int)escaped);
		break;
	case '$':
	case '*':
	case '+':
	case '?':
		walk->lost = true;
		break;
	default:
		add_range(walk, set, (unsigned char)byte, (unsigned char)byte);
		break;
	}
	return !walk->lost && (take_repetition(walk) || empty);
}

/* Up to the end of the group, or of the expression. true: it may match nothing. */
static bool take_alternatives(struct walk *walk, struct tt_byte_set *set)
{
	bool empty = false;
	bool open = true; /* nothing of this alternative is sure to have come */

	for (; !walk->lost; open = open && !walk->lost) {
		struct tt_byte_set atom = {{0}};

		if (*walk->at == '\0' || *walk->at == ')' || *walk->at == '|') {
			empty |= open;
			if (*walk->at != '|')
				return empty;
			walk->at++;
			open = true;
			continue;
		}
		bool may_be_absent = take_atom(walk, &atom);
		for (unsigned int word = 0; open && word < 4; word++)
			set->words[word] |= atom.words[word];
		open = open && may_be_absent;
	}
	return false;
}

void tt_expression_first(const char *expression, struct tt_byte_set *set)
{
	struct walk walk = {.at = expression};

	if (strncmp(expression, "(?i)", 4) == 0) {
		walk.caseless = true;
		walk.at += 4;
	}
	if (take_alternatives(&walk, set) || walk.lost || *walk.at != '\0')
		memset(set, 0xff, sizeof(*set));
}
