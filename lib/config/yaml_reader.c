/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_reader.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	const struct tt_yaml_visitor *visitor;
	const char *text;
	size_t text_bytes;
	int result;
	unsigned int depth; /* mappings and sequences that have begun and not ended */
	char path[TT_YAML_PATH_BYTES];
	char pattern[TT_YAML_PATH_BYTES];
	size_t path_length;
	size_t pattern_length;
};

/* A path has a key or a number for each level, and a number has at most 10 digits. */
_Static_assert(TT_YAML_PATH_BYTES > (TT_YAML_DEPTH + 1) * (TT_YAML_KEY_BYTES + sizeof("...[]")),
	"the longest path fits");

static void fault_at(struct reader *reader, size_t line, size_t column, const char *message)
{
	reader->visitor->fault(reader->visitor->context, reader->path, (uint32_t)line + 1,
		(uint32_t)column + 1, message);
}

static void fault(struct reader *reader, const char *message)
{
	fault_at(reader, reader->event.start_mark.line, reader->event.start_mark.column, message);
}

/* libyaml gives only the offset of bytes that are no UTF-8. */
static void fault_encoding(struct reader *reader)
{
	size_t end = reader->parser.problem_offset;
	size_t line = 0;
	size_t column = 0;

	for (size_t i = 0; i < end && i < reader->text_bytes; i++) {
		bool continuation = ((unsigned char)reader->text[i] & 0xc0) == 0x80;

		if (reader->text[i] == '\n') {
			line++;
			column = 0;
		} else if (!continuation) {
			column++;
		}
	}
	fault_at(reader, line, column, reader->parser.problem);
}

static void fault_parser(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	char message[256];

	reader->result = TT_ERROR_SYNTAX;
	if (parser->error == YAML_MEMORY_ERROR) {
		reader->result = TT_ERROR_MEMORY;
	} else if (parser->error == YAML_READER_ERROR) {
		fault_encoding(reader);
	} else {
		snprintf(message, sizeof(message), "%s%s%s", parser->problem,
			parser->context == NULL ? "" : " ",
			parser->context == NULL ? "" : parser->context);
		fault_at(reader, parser->problem_mark.line, parser->problem_mark.column, message);
	}
}

/* The next event becomes the current one. false: there is none, and why has been reported. */
static bool next(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event)) {
		fault_parser(reader);
		return false;
	}
	switch (reader->event.type) {
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		if (++reader->depth <= TT_YAML_DEPTH)
			return true;
		_Static_assert(TT_YAML_DEPTH == 8, "the message names the depth");
		fault(reader, "nested deeper than 8 levels");
		reader->result = TT_ERROR_SYNTAX;
		return false;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return true;
	default:
		return true;
	}
}

static void append(char *buffer, size_t *length, char byte)
{
	buffer[(*length)++] = byte;
	buffer[*length] = '\0';
}

static void append_key(struct reader *reader, const char *key, size_t key_bytes)
{
	static const char cut[] = "...";
	size_t kept = key_bytes < TT_YAML_KEY_BYTES ? key_bytes : TT_YAML_KEY_BYTES;

	for (size_t i = 0; i < kept + (kept < key_bytes ? sizeof(cut) - 1 : 0); i++) {
		char byte = i < kept ? key[i] : cut[i - kept];
		bool safe = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			(byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || i >= kept;

		if (i == 0 && reader->path_length > 0) {
			append(reader->path, &reader->path_length, '.');
			append(reader->pattern, &reader->pattern_length, '.');
		}
		append(reader->path, &reader->path_length, safe ? byte : '?');
		append(reader->pattern, &reader->pattern_length, safe ? byte : '?');
	}
}

static void append_item(struct reader *reader, uint32_t item)
{
	reader->path_length += (size_t)snprintf(reader->path + reader->path_length,
		TT_YAML_PATH_BYTES - reader->path_length, "[%u]", item);
	reader->pattern_length += (size_t)snprintf(reader->pattern + reader->pattern_length,
		TT_YAML_PATH_BYTES - reader->pattern_length, "[]");
}

static void cut_path(struct reader *reader, size_t path_length, size_t pattern_length)
{
	reader->path_length = path_length;
	reader->path[path_length] = '\0';
	reader->pattern_length = pattern_length;
	reader->pattern[pattern_length] = '\0';
}

/* Why the current event's node is refused whatever it says; NULL when it is not. */
static const char *refusal(const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not supported";
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor != NULL)
		return "anchors (&name) are not supported";
	if (tag != NULL)
		return "tags (!name) are not supported";
	if (event->type == YAML_SCALAR_EVENT &&
		memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL)
		return "holds a NUL character";
	return NULL;
}

/* Consume what is left of the current event's node, its end event included. */
static bool skip(struct reader *reader)
{
	yaml_event_type_t type = reader->event.type;
	unsigned int outside = reader->depth - 1;

	if (type != YAML_MAPPING_START_EVENT && type != YAML_SEQUENCE_START_EVENT)
		return true;
	while (reader->depth > outside)
		if (!next(reader))
			return false;
	return true;
}

static bool read_node(struct reader *reader, uint32_t item, const yaml_mark_t *key);

/* A key whose node cannot be named is skipped with its value. */
static bool skip_pair(struct reader *reader, const char *message)
{
	fault(reader, message);
	return skip(reader) && next(reader) && skip(reader);
}

static bool read_mapping(struct reader *reader, uint32_t item)
{
	size_t path_length = reader->path_length;
	size_t pattern_length = reader->pattern_length;

	while (next(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
		const char *refused = refusal(&reader->event);

		if (refused != NULL || reader->event.type != YAML_SCALAR_EVENT ||
			reader->event.data.scalar.length == 0) {
			if (!skip_pair(reader, refused != NULL ? refused : "a key must be a word"))
				return false;
			continue;
		}

		yaml_mark_t key = reader->event.start_mark;
		append_key(reader, (const char *)reader->event.data.scalar.value,
			reader->event.data.scalar.length);
		bool more = next(reader) && read_node(reader, item, &key);
		cut_path(reader, path_length, pattern_length);
		if (!more)
			return false;
	}
	return reader->event.type == YAML_MAPPING_END_EVENT;
}

static bool read_sequence(struct reader *reader)
{
	size_t path_length = reader->path_length;
	size_t pattern_length = reader->pattern_length;

	for (uint32_t item = 0; next(reader); item++) {
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		append_item(reader, item);
		bool more = read_node(reader, item, NULL);
		cut_path(reader, path_length, pattern_length);
		if (!more)
			return false;
	}
	return false;
}

/* Visit the node that the current event starts; its last event is the current one afterwards.
 * false: the visit ends here. */
static bool read_node(struct reader *reader, uint32_t item, const yaml_mark_t *key)
{
	const yaml_mark_t start = reader->event.start_mark;
	const yaml_mark_t *named = key != NULL ? key : &start;
	const char *refused = refusal(&reader->event);
	struct tt_yaml_node node = {
		.kind = TT_YAML_REFUSED,
		.path = reader->path,
		.pattern = reader->pattern,
		.item = item,
		.line = (uint32_t)start.line + 1,
		.column = (uint32_t)start.column + 1,
		.key_line = (uint32_t)named->line + 1,
		.key_column = (uint32_t)named->column + 1,
	};

	if (refused != NULL) {
		fault(reader, refused);
	} else if (reader->event.type == YAML_SCALAR_EVENT) {
		node.kind = TT_YAML_SCALAR;
		node.scalar = (const char *)reader->event.data.scalar.value;
		node.plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	} else {
		node.kind = reader->event.type == YAML_MAPPING_START_EVENT ? TT_YAML_MAPPING
									   : TT_YAML_SEQUENCE;
	}

	bool inside = reader->visitor->node(reader->visitor->context, &node);
	if (node.kind == TT_YAML_MAPPING && inside)
		return read_mapping(reader, item);
	if (node.kind == TT_YAML_SEQUENCE && inside)
		return read_sequence(reader);
	return skip(reader);
}

static void read_stream(struct reader *reader)
{
	if (!next(reader) || !next(reader) || reader->event.type == YAML_STREAM_END_EVENT)
		return;
	if (!next(reader) || !read_node(reader, 0, NULL))
		return;
	if (!next(reader) || !next(reader) || reader->event.type == YAML_STREAM_END_EVENT)
		return;
	fault(reader, "a second document: the configuration is one");
}

int tt_yaml_read(const char *text, size_t text_bytes, const struct tt_yaml_visitor *visitor)
{
	struct reader reader = {.visitor = visitor, .text = text, .text_bytes = text_bytes};

	if (text_bytes > TT_YAML_TEXT_BYTES) {
		fault_at(&reader, 0, 0, "longer than 1 MiB");
		return TT_ERROR_SYNTAX;
	}
	if (text_bytes == 0)
		return TT_OK;
	if (!yaml_parser_initialize(&reader.parser))
		return TT_ERROR_MEMORY;
	/* Else libyaml takes bytes that look like a byte order mark for UTF-16. */
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, text_bytes);
	read_stream(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return reader.result;
}
