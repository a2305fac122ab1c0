/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/json.h"

#include "base/error.h"
#include "suite.h"

#include <jansson.h>
#include <math.h>

static struct tt_json json;

static void check_text(const char *expected)
{
	CU_ASSERT_FALSE(tt_json_failed(&json));
	CU_ASSERT_EQUAL(json.length, strlen(expected));
	if (json.length == strlen(expected))
		CU_ASSERT_EQUAL(memcmp(json.text, expected, json.length), 0);
}

static void test_values_stand_between_commas(void)
{
	struct tt_sink *sink = &json.sink;

	tt_json_init(&json);
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_array(sink, "none");
	tt_sink_end_array(sink);
	tt_sink_begin_array(sink, "some");
	tt_sink_unsigned(sink, NULL, UINT64_MAX);
	tt_sink_begin_object(sink, NULL);
	tt_sink_end_object(sink);
	tt_sink_begin_object(sink, NULL);
	tt_sink_signed(sink, "low", INT64_MIN);
	tt_sink_bool(sink, "yes", true);
	tt_sink_end_object(sink);
	tt_sink_string(sink, NULL, "");
	tt_sink_end_array(sink);
	tt_sink_bool(sink, "no", false);
	tt_sink_end_object(sink);
	check_text("{\"none\":[],\"some\":[18446744073709551615,{},{\"low\":-9223372036854775808,"
		   "\"yes\":true},\"\"],\"no\":false}");

	/* Nothing is left of it for the next document. */
	tt_json_clear(&json);
	tt_sink_begin_object(sink, NULL);
	tt_sink_end_object(sink);
	check_text("{}");
	tt_json_free(&json);
}

static void test_doubles_read_back(void)
{
	static const double values[] = {0, 0.1, 1.0 / 3, 1e300, -2.5, 5e-324, 123456789012345680.0};

	tt_json_init(&json);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[64] = "";

		tt_json_clear(&json);
		tt_sink_double(&json.sink, NULL, values[i]);
		CU_ASSERT_FATAL(json.length < sizeof(text));
		memcpy(text, json.text, json.length);
		CU_ASSERT_EQUAL(strtod(text, NULL), values[i]);
		if (i == 1)
			CU_ASSERT_STRING_EQUAL(text, "0.1");
	}

	tt_json_clear(&json);
	tt_sink_begin_object(&json.sink, NULL);
	tt_sink_double(&json.sink, "nan", NAN);
	tt_sink_double(&json.sink, "infinite", INFINITY);
	tt_sink_unsigned(&json.sink, "one", 1);
	tt_sink_end_object(&json.sink);
	check_text("{\"one\":1}");
	tt_json_free(&json);
}

static void check_escapes(const char *bytes, size_t length, const char *expected)
{
	struct guarded text = guarded_copy(bytes, length);

	tt_json_clear(&json);
	tt_sink_text(&json.sink, NULL, text.bytes, length);
	check_text(expected);
	guarded_free(&text);
}

#define CHECK_ESCAPES(bytes, expected) check_escapes(bytes, sizeof(bytes) - 1, "\"" expected "\"")

static void test_text_is_valid_utf8(void)
{
	tt_json_init(&json);
	CHECK_ESCAPES("plain/text", "plain/text");
	CHECK_ESCAPES("a\"b\\c", "a\\\"b\\\\c");
	CHECK_ESCAPES("\0\x1f\x7f\n", "\\u0000\\u001f\\u007f\\u000a");
	CHECK_ESCAPES("caf\xc3\xa9", "caf\xc3\xa9");
	CHECK_ESCAPES("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80");
	/* A character that the text ends in the middle of. */
	CHECK_ESCAPES("\xc3", "\\u00c3");
	CHECK_ESCAPES("x\xf0\x9f\x98", "x\\u00f0\\u009f\\u0098");
	/* Continuations alone, overlong forms, a surrogate, over U+10FFFF. */
	CHECK_ESCAPES("\x80\xbf", "\\u0080\\u00bf");
	CHECK_ESCAPES("\xc0\xaf", "\\u00c0\\u00af");
	CHECK_ESCAPES("\xe0\x80\xaf", "\\u00e0\\u0080\\u00af");
	CHECK_ESCAPES("\xed\xa0\x80", "\\u00ed\\u00a0\\u0080");
	CHECK_ESCAPES("\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080");
	CHECK_ESCAPES("\xf5", "\\u00f5");
	/* The control character U+009B, which terminals take for ESC [. */
	CHECK_ESCAPES("\xc2\x9b"
		      "31m",
		"\\u009b31m");
	CHECK_ESCAPES("\xc2\xa0", "\xc2\xa0");
	tt_json_free(&json);
}

/* Is this a UTF-8 string, as jansson sees it? */
static bool is_utf8(const uint8_t *bytes, size_t length)
{
	json_t *string = json_stringn((const char *)bytes, length);
	bool valid = string != NULL;

	json_decref(string);
	return valid;
}

/* What is to be read back: characters as they are, any other byte as the character of its number. */
static size_t expected_reading(uint8_t *expected, const uint8_t *bytes, size_t length)
{
	size_t expected_bytes = 0;

	for (size_t i = 0; i < length;) {
		size_t step = 1;

		while (step <= 4 && (i + step > length || !is_utf8(bytes + i, step)))
			step++;
		if (step <= 4) {
			memcpy(expected + expected_bytes, bytes + i, step);
			expected_bytes += step;
			i += step;
		} else {
			expected[expected_bytes++] = (uint8_t)(0xc0 | bytes[i] >> 6);
			expected[expected_bytes++] = (uint8_t)(0x80 | (bytes[i] & 0x3f));
			i++;
		}
	}
	return expected_bytes;
}

static void test_a_strict_parser_reads_any_bytes_back(void)
{
	uint32_t random = 1;
	unsigned int wrong = 0;

	tt_json_init(&json);
	for (int round = 0; round < 20000; round++) {
		uint8_t bytes[12], expected[2 * sizeof(bytes)];
		size_t length = (size_t)round % sizeof(bytes) + 1;

		for (size_t i = 0; i < length; i++) {
			random = random * 1664525 + 1013904223;
			/* Mostly bytes that begin or go on with a character. */
			bytes[i] = (uint8_t)(random >> 24);
			if ((random >> 8 & 3) != 0)
				bytes[i] |= 0x80;
		}
		tt_json_clear(&json);
		tt_sink_begin_array(&json.sink, NULL);
		tt_sink_text(&json.sink, NULL, bytes, length);
		tt_sink_end_array(&json.sink);

		size_t expected_bytes = expected_reading(expected, bytes, length);
		json_t *read = json_loadb(json.text, json.length, JSON_ALLOW_NUL, NULL);
		const json_t *string = json_array_get(read, 0);
		wrong += !json_is_string(string) || json_string_length(string) != expected_bytes ||
			memcmp(json_string_value(string), expected, expected_bytes) != 0;
		json_decref(read);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	tt_json_free(&json);
}

/* Text is looked at in words: each byte at each place of a text of some words. */
static void test_one_byte_among_plain_ones(void)
{
	unsigned int wrong = 0;

	tt_json_init(&json);
	for (unsigned int byte = 0; byte < 256; byte++)
		for (unsigned int place = 0; place < 19; place++) {
			char expected[32], odd[8];
			char text[20] = "aZ ~!#[]09}{|_-`@a";
			bool is_plain = byte >= 0x20 && byte < 0x7f;

			text[place] = (char)byte;
			if (byte == '"' || byte == '\\')
				snprintf(odd, sizeof(odd), "\\%c", (int)byte);
			else
				snprintf(odd, sizeof(odd), is_plain ? "%c" : "\\u%04x", byte);
			int length = snprintf(expected, sizeof(expected), "\"%.*s%s%s\"",
				(int)place, text, odd, place < 18 ? text + place + 1 : "");
			tt_json_clear(&json);
			tt_sink_text(&json.sink, NULL, text, place < 18 ? 18 : 19);
			wrong += json.length != (size_t)length ||
				memcmp(json.text, expected, json.length) != 0;
		}
	CU_ASSERT_EQUAL(wrong, 0);
	tt_json_free(&json);
}

static void test_a_bounded_buffer_is_a_bound(void)
{
	char buffer[8];

	tt_json_init_bounded(&json, buffer, sizeof(buffer));
	tt_sink_string(&json.sink, NULL, "123456");
	check_text("\"123456\"");
	tt_sink_begin_array(&json.sink, NULL);
	CU_ASSERT_TRUE(tt_json_failed(&json));
	CU_ASSERT(json.length <= sizeof(buffer));
	tt_json_clear(&json);
	tt_sink_string(&json.sink, NULL, "1234567");
	CU_ASSERT_TRUE(tt_json_failed(&json));
	tt_json_free(&json);
}

static void test_lines(void)
{
	char *written = NULL;
	size_t written_bytes = 0;
	FILE *out = open_memstream(&written, &written_bytes);

	tt_json_init(&json);
	for (unsigned int i = 0; i < 2; i++) {
		tt_sink_begin_array(&json.sink, NULL);
		tt_sink_unsigned(&json.sink, NULL, i);
		tt_sink_end_array(&json.sink);
		CU_ASSERT_EQUAL(tt_json_write_line(&json, out), 0);
	}
	tt_json_free(&json);

	char buffer[4];
	tt_json_init_bounded(&json, buffer, sizeof(buffer));
	tt_sink_string(&json.sink, NULL, "too long");
	CU_ASSERT_EQUAL(tt_json_write_line(&json, out), TT_ERROR_MEMORY);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(written, "[0]\n[1]\n");
	free(written);
}

static const struct suite_test tests[] = {
	{"values stand between commas", test_values_stand_between_commas},
	{"doubles read back", test_doubles_read_back},
	{"text is valid UTF-8", test_text_is_valid_utf8},
	{"a strict parser reads any bytes back", test_a_strict_parser_reads_any_bytes_back},
	{"one byte among plain ones", test_one_byte_among_plain_ones},
	{"a bounded buffer is a bound", test_a_bounded_buffer_is_a_bound},
	{"lines", test_lines},
};

SUITE_MAIN("json", tests)
