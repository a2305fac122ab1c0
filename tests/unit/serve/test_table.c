/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../app/taptrace/table.h"

#include "suite.h"

static const struct tt_column columns[] = {
	{.title = "N", .right = true},
	{.title = "NAME", .gives = true},
	{.title = "END"},
	{0},
};

static struct tt_table table;

/* A table with a row for each name, NULL at the end; the caller frees it. */
static char *print(unsigned int line, const char *const *names)
{
	char *text = NULL;
	size_t text_bytes = 0;
	FILE *out = open_memstream(&text, &text_bytes);

	tt_table_begin(&table, out, columns, line);
	for (unsigned int i = 0; names[i] != NULL; i++) {
		tt_table_cell(&table, 0, "%u", i * 10);
		tt_table_cell(&table, 1, "%s", names[i]);
		if (i != 1)
			tt_table_cell(&table, 2, "end");
		tt_table_row(&table);
	}
	tt_table_end(&table);
	fclose(out);
	return text;
}

static void test_columns_are_as_wide_as_needed(void)
{
	static const char *const names[] = {"a", "b\033\n", "caf\xc3\xa9-latte", NULL};
	char *text = print(0, names);

	CU_ASSERT_STRING_EQUAL(text,
		" N  NAME        END\n"
		" 0  a           end\n"
		"10  b??         \n"
		"20  caf\xc3\xa9-latte  end\n");
	free(text);
}

/* Control characters are '?', those of UTF-8 too, and what is no UTF-8; other text stays. */
static void test_text_is_cleaned(void)
{
	static const struct {
		const char *text;
		const char *clean;
	} texts[] = {
		{"", ""},
		{"plain ~", "plain ~"},
		{"\033[2J\007\r\177", "?[2J???"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
			"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xc2\x9b"
		 "2J \xc2\x80 \xc2\xa0",
			"??2J ?? \xc2\xa0"},
		{"\x9b"
		 "2J \xff",
			"?2J ?"},
		/* Longer than needed, half a surrogate pair, above U+10FFFF, cut short. */
		{"\xc0\x9b \xe0\x82\x9b \xf0\x80\x82\x9b", "?? ??? ????"},
		{"\xed\xa0\x80 \xf4\x90\x80\x80 \xf5\x80\x80\x80", "??? ???? ????"},
		{"\xe2\x82", "??"},
		{"\xf0\x9f\x98", "???"},
		{"\xe2\x82\x1b", "???"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct guarded guarded = guarded_copy(texts[i].text, strlen(texts[i].text) + 1);

		tt_text_clean((char *)guarded.bytes);
		CU_ASSERT_STRING_EQUAL((char *)guarded.bytes, texts[i].clean);
		guarded_free(&guarded);
	}
}

static void test_a_table_fits_the_line(void)
{
	static const char *const names[] = {"0123456789abcdef", "0123456789", NULL};
	char *text = print(19, names);

	CU_ASSERT_STRING_EQUAL(text,
		" N  NAME        END\n"
		" 0  012345678~  end\n"
		"10  0123456789  \n");
	free(text);

	/* No column is cut to nothing; then the gaps give. */
	text = print(15, names);
	CU_ASSERT_STRING_EQUAL(text,
		" N NAME     END\n"
		" 0 0123456~ end\n"
		"10 0123456~ \n");
	free(text);
	text = print(5, names);
	CU_ASSERT_STRING_EQUAL(text,
		" N NAME     END\n"
		" 0 0123456~ end\n"
		"10 0123456~ \n");
	free(text);
}

/* Rows after the first ones keep to their widths, and none is lost. */
static void test_a_long_table(void)
{
	char *text = NULL;
	size_t text_bytes = 0;
	FILE *out = open_memstream(&text, &text_bytes);
	unsigned int lines = 0;

	tt_table_begin(&table, out, columns, 80);
	for (unsigned int i = 0; i < 3 * TT_TABLE_ROWS; i++) {
		tt_table_cell(&table, 0, "%u", i);
		tt_table_row(&table);
	}
	tt_table_end(&table);
	fclose(out);
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	CU_ASSERT_EQUAL(lines, 3 * TT_TABLE_ROWS + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n255  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n256  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n767  "));
	free(text);
}

static void test_no_rows(void)
{
	static const char *const names[] = {NULL};
	char *text = print(80, names);

	CU_ASSERT_STRING_EQUAL(text, "N  NAME  END\n");
	free(text);
}

static void test_scaled(void)
{
	static const struct {
		uint64_t value;
		const char *text;
	} values[] = {{0, "0"}, {9999, "9999"}, {10000, "10.0k"}, {999949, "999.9k"},
		{999950, "1.0M"}, {1234567890, "1.2G"}, {UINT64_MAX, "18.4E"}};
	char text[TT_SCALED_SIZE];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		tt_scaled(text, values[i].value);
		CU_ASSERT_STRING_EQUAL(text, values[i].text);
	}
}

static void test_durations(void)
{
	static const struct {
		uint64_t us;
		const char *text;
	} values[] = {{0, "0 us"}, {999, "999 us"}, {1000, "1.0 ms"}, {9999, "9.9 ms"},
		{10000, "10 ms"}, {999999, "999 ms"}, {1000000, "1.0 s"}, {119999999, "119 s"},
		{120000000, "2.0 min"}, {7199999999, "119 min"}, {7200000000, "2.0 h"},
		{172800000000, "2.0 d"}, {UINT64_MAX, "213503982 d"}};
	char text[TT_SCALED_SIZE];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		tt_duration(text, values[i].us);
		CU_ASSERT_STRING_EQUAL(text, values[i].text);
	}
}

static const struct suite_test tests[] = {
	{"columns are as wide as needed", test_columns_are_as_wide_as_needed},
	{"text is cleaned", test_text_is_cleaned},
	{"a table fits the line", test_a_table_fits_the_line},
	{"a long table", test_a_long_table},
	{"no rows", test_no_rows},
	{"scaled", test_scaled},
	{"durations", test_durations},
};

SUITE_MAIN("table", tests)
