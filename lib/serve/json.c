/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/json.h"

#include "base/decimal.h"
#include "base/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define FIRST_CAPACITY 1024
#define RAW_BYTES      1024 /* longest piece of tt_json_raw() */

static bool make_room(struct tt_json *json, size_t bytes)
{
	if (json->failed)
		return false;
	if (json->capacity - json->length >= bytes)
		return true;
	if (!json->grows) {
		json->failed = true;
		return false;
	}

	size_t capacity = json->capacity == 0 ? FIRST_CAPACITY : json->capacity;
	while (capacity - json->length < bytes)
		capacity *= 2;
	char *text = realloc(json->text, capacity);
	if (text == NULL) {
		json->failed = true;
		return false;
	}
	json->text = text;
	json->capacity = capacity;
	return true;
}

static void append(struct tt_json *json, const void *bytes, size_t length)
{
	if (!make_room(json, length))
		return;
	memcpy(json->text + json->length, bytes, length);
	json->length += length;
}

static void append_string(struct tt_json *json, const char *string)
{
	append(json, string, strlen(string));
}

static char *copy(char *at, const char *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

/* What stands before a value. */
static void begin_value(struct tt_json *json, const char *name)
{
	size_t length = name == NULL ? 0 : strlen(name);
	char *at;

	if (!make_room(json, length + sizeof(",\"\":")))
		return;
	at = json->text + json->length;
	if (json->follows)
		*at++ = ',';
	if (name != NULL) {
		*at++ = '"';
		at = copy(at, name, length);
		*at++ = '"';
		*at++ = ':';
	}
	json->length = (size_t)(at - json->text);
	json->follows = true;
}

static void begin_container(struct tt_sink *sink, const char *name, const char *bracket)
{
	struct tt_json *json = (struct tt_json *)sink;

	begin_value(json, name);
	append_string(json, bracket);
	json->follows = false;
}

static void end_container(struct tt_sink *sink, const char *bracket)
{
	struct tt_json *json = (struct tt_json *)sink;

	append_string(json, bracket);
	json->follows = true;
}

static void begin_object(struct tt_sink *sink, const char *name)
{
	begin_container(sink, name, "{");
}

static void end_object(struct tt_sink *sink)
{
	end_container(sink, "}");
}

static void begin_array(struct tt_sink *sink, const char *name)
{
	begin_container(sink, name, "[");
}

static void end_array(struct tt_sink *sink)
{
	end_container(sink, "]");
}

/* How many bytes the character at `bytes` has: one of the byte sequences of RFC 3629, section 4;
 * 0 when it is none. */
static size_t utf8_character_bytes(const uint8_t *bytes, size_t left)
{
	uint8_t second_low = 0x80, second_high = 0xbf;
	size_t length;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
		length = 2;
	else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef)
		length = 3;
	else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (left < length)
		return 0;

	/* Overlong forms, surrogates, and what is over U+10FFFF. */
	if (bytes[0] == 0xe0)
		second_low = 0xa0;
	else if (bytes[0] == 0xed)
		second_high = 0x9f;
	else if (bytes[0] == 0xf0)
		second_low = 0x90;
	else if (bytes[0] == 0xf4)
		second_high = 0x8f;
	if (bytes[1] < second_low || bytes[1] > second_high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void append_escaped(struct tt_json *json, uint8_t code)
{
	char escape[7];

	switch (code) {
	case '"':
		append_string(json, "\\\"");
		break;
	case '\\':
		append_string(json, "\\\\");
		break;
	default:
		snprintf(escape, sizeof(escape), "\\u%04x", code);
		append(json, escape, 6);
	}
}

static void put_text(struct tt_sink *sink, const char *name, const void *text, size_t length)
{
	struct tt_json *json = (struct tt_json *)sink;
	const uint8_t *bytes = text;
	size_t plain = 0; /* bytes before `i` that go as they are */
	size_t i = 0;

	begin_value(json, name);
	append_string(json, "\"");
	while (i < length) {
		size_t step = utf8_character_bytes(bytes + i, length - i);
		/* U+0080 to U+009F are control characters as well: a terminal obeys them. */
		bool is_c1 = step == 2 && bytes[i] == 0xc2 && bytes[i + 1] < 0xa0;
		bool is_plain = step > 1 ||
			(step == 1 && bytes[i] >= 0x20 && bytes[i] != 0x7f && bytes[i] != '"' &&
				bytes[i] != '\\');

		if (is_plain && !is_c1) {
			i += step;
			plain += step;
			continue;
		}
		append(json, bytes + i - plain, plain);
		plain = 0;
		append_escaped(json, is_c1 ? bytes[i + 1] : bytes[i]);
		i += is_c1 ? 2 : 1;
	}
	append(json, bytes + i - plain, plain);
	append_string(json, "\"");
}

static void put_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	struct tt_json *json = (struct tt_json *)sink;
	char digits[TT_DECIMAL_BYTES];

	begin_value(json, name);
	append(json, digits, tt_decimal(digits, value));
}

static void put_signed(struct tt_sink *sink, const char *name, int64_t value)
{
	struct tt_json *json = (struct tt_json *)sink;
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%" PRId64, value);

	begin_value(json, name);
	append(json, digits, (size_t)length);
}

/* The shorter of two precisions that reads back to the same value: 17 digits always do. */
static void put_double(struct tt_sink *sink, const char *name, double value)
{
	struct tt_json *json = (struct tt_json *)sink;
	char digits[40];

	if (!isfinite(value))
		return;
	int length = snprintf(digits, sizeof(digits), "%.15g", value);
	double again = strtod(digits, NULL);
	if (again < value || again > value)
		length = snprintf(digits, sizeof(digits), "%.17g", value);
	begin_value(json, name);
	append(json, digits, (size_t)length);
}

static void put_bool(struct tt_sink *sink, const char *name, bool value)
{
	struct tt_json *json = (struct tt_json *)sink;

	begin_value(json, name);
	append_string(json, value ? "true" : "false");
}

static const struct tt_sink_operations operations = {
	.begin_object = begin_object,
	.end_object = end_object,
	.begin_array = begin_array,
	.end_array = end_array,
	.put_text = put_text,
	.put_unsigned = put_unsigned,
	.put_signed = put_signed,
	.put_double = put_double,
	.put_bool = put_bool,
};

void tt_json_init(struct tt_json *json)
{
	*json = (struct tt_json){.sink.operations = &operations, .grows = true};
}

void tt_json_init_bounded(struct tt_json *json, char *buffer, size_t capacity)
{
	*json = (struct tt_json){.sink.operations = &operations, .capacity = capacity};
	json->text = buffer;
}

void tt_json_free(struct tt_json *json)
{
	if (json->grows)
		free(json->text);
	json->text = NULL;
}

void tt_json_clear(struct tt_json *json)
{
	json->length = 0;
	json->failed = false;
	json->follows = false;
}

bool tt_json_failed(const struct tt_json *json)
{
	return json->failed;
}

void tt_json_raw(struct tt_json *json, const char *format, ...)
{
	char text[RAW_BYTES];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0 || length >= (int)sizeof(text))
		json->failed = true;
	else
		append(json, text, (size_t)length);
}

void tt_json_end_line(struct tt_json *json)
{
	append_string(json, "\n");
	json->follows = false;
}

int tt_json_write_line(struct tt_json *json, FILE *out)
{
	append_string(json, "\n");
	bool failed = json->failed;
	size_t length = json->length;

	tt_json_clear(json);
	if (failed)
		return TT_ERROR_MEMORY;
	return fwrite(json->text, 1, length, out) == length ? TT_OK : TT_ERROR_IO;
}
