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

static bool grow(struct tt_json *json, size_t bytes)
{
	if (json->failed)
		return false;
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

static inline bool make_room(struct tt_json *json, size_t bytes)
{
	return (json->capacity - json->length >= bytes && !json->failed) || grow(json, bytes);
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

/* For names and words, which a call of memcpy() takes longer for than they need: both ends, which
 * may overlap. */
static inline char *copy_short(char *at, const char *bytes, size_t length)
{
	if (length > 32) {
		memcpy(at, bytes, length);
	} else if (length >= 16) {
		memcpy(at, bytes, 16);
		memcpy(at + length - 16, bytes + length - 16, 16);
	} else if (length >= 8) {
		memcpy(at, bytes, 8);
		memcpy(at + length - 8, bytes + length - 8, 8);
	} else if (length >= 4) {
		memcpy(at, bytes, 4);
		memcpy(at + length - 4, bytes + length - 4, 4);
	} else if (length > 0) {
		at[0] = bytes[0];
		at[length / 2] = bytes[length / 2];
		at[length - 1] = bytes[length - 1];
	}
	return at + length;
}

/* Writes what stands before a value, and returns where that goes, with room for value_bytes of it;
 * NULL when there is none. */
static inline char *begin_value(struct tt_json *json, const char *name, size_t value_bytes)
{
	size_t length = json->sink.name_length;
	char *at;

	if (!make_room(json, json->follows + (name == NULL ? 0 : length + 3) + value_bytes))
		return NULL;
	at = json->text + json->length;
	if (json->follows)
		*at++ = ',';
	if (name != NULL) {
		*at++ = '"';
		at = copy_short(at, name, length);
		*at++ = '"';
		*at++ = ':';
	}
	json->follows = true;
	return at;
}

/* The value's end is at `at`. */
static inline void end_value(struct tt_json *json, const char *at)
{
	json->length = (size_t)(at - json->text);
}

static void put_word(struct tt_sink *sink, const char *name, const char *word, size_t length)
{
	struct tt_json *json = (struct tt_json *)sink;
	char *at = begin_value(json, name, length);

	if (at != NULL)
		end_value(json, copy_short(at, word, length));
}

static void begin_container(struct tt_sink *sink, const char *name, char bracket)
{
	put_word(sink, name, &bracket, 1);
	((struct tt_json *)sink)->follows = false;
}

static void end_container(struct tt_sink *sink, char bracket)
{
	struct tt_json *json = (struct tt_json *)sink;

	if (make_room(json, 1))
		json->text[json->length++] = bracket;
	json->follows = true;
}

static void begin_object(struct tt_sink *sink, const char *name)
{
	begin_container(sink, name, '{');
}

static void end_object(struct tt_sink *sink)
{
	end_container(sink, '}');
}

static void begin_array(struct tt_sink *sink, const char *name)
{
	begin_container(sink, name, '[');
}

static void end_array(struct tt_sink *sink)
{
	end_container(sink, ']');
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

/* How many bytes from `bytes` on are plain: ASCII that goes as it is. */
static size_t plain_bytes(const uint8_t *bytes, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t i = 0;

	for (; length - i >= 8; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		/* The top bit of each byte that is below 0x20, a quote, a backslash, or over 0x7e.
		 * A borrow or carry comes only out of such a byte. */
		uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
		uint64_t special = (word - ones * 0x20) | (quote - ones) | (backslash - ones) |
			(word + ones) | word;

		if ((special & tops) != 0)
			break;
	}
	while (i < length && bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '"' &&
		bytes[i] != '\\')
		i++;
	return i;
}

/* Behind the text's first quote: what may have bytes that need an escape. */
static void append_text(struct tt_json *json, const uint8_t *bytes, size_t length)
{
	size_t plain = 0; /* bytes before `i` that go as they are */
	size_t i = 0;

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

static void put_text(struct tt_sink *sink, const char *name, const void *text, size_t length)
{
	struct tt_json *json = (struct tt_json *)sink;
	size_t plain = plain_bytes(text, length);
	char *at = begin_value(json, name, length + 2);

	if (at == NULL)
		return;
	*at++ = '"';
	at = copy_short(at, text, plain);
	if (plain == length)
		*at++ = '"';
	end_value(json, at);
	if (plain < length)
		append_text(json, (const uint8_t *)text + plain, length - plain);
}

static void put_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	struct tt_json *json = (struct tt_json *)sink;
	char *at = begin_value(json, name, tt_decimal_digits(value));

	if (at != NULL)
		end_value(json, at + tt_decimal(at, value));
}

static void put_signed(struct tt_sink *sink, const char *name, int64_t value)
{
	struct tt_json *json = (struct tt_json *)sink;
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char *at = begin_value(json, name, tt_decimal_digits(magnitude) + 1);

	if (at == NULL)
		return;
	if (value < 0)
		*at++ = '-';
	end_value(json, at + tt_decimal(at, magnitude));
}

/* The shorter of two precisions that reads back to the same value: 17 digits always do. */
static void put_double(struct tt_sink *sink, const char *name, double value)
{
	char digits[40];

	if (!isfinite(value))
		return;
	int length = snprintf(digits, sizeof(digits), "%.15g", value);
	double again = strtod(digits, NULL);
	if (again < value || again > value)
		length = snprintf(digits, sizeof(digits), "%.17g", value);
	put_word(sink, name, digits, (size_t)length);
}

static void put_bool(struct tt_sink *sink, const char *name, bool value)
{
	put_word(sink, name, value ? "true" : "false", value ? 4 : 5);
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
