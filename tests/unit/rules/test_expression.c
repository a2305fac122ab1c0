/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/expression.h"

#include "suite.h"

static bool is(const struct tt_literal *literal, enum tt_literal_kind kind, const char *text)
{
	return literal->kind == kind && literal->bytes == strlen(text) &&
		memcmp(literal->text, text, literal->bytes) == 0;
}

static void test_names(void)
{
	static const char *const none[] = {"", ".", "*.", "*", "a*", "*a", ".a", "a|b", "^a", "a$",
		"a b", "[a]", "a\\.b", "(.*\\.)?a", "a/b", "a:1", "\xc3\xa4"};
	struct tt_literal name;
	char room[32];

	CU_ASSERT_TRUE(tt_expression_name("Shop.Example", room, &name));
	CU_ASSERT_TRUE(is(&name, TT_LITERAL_WHOLE, "shop.example"));
	CU_ASSERT_TRUE(tt_expression_name("a_b-9.c.", room, &name));
	CU_ASSERT_TRUE(is(&name, TT_LITERAL_WHOLE, "a_b-9.c"));
	CU_ASSERT_TRUE(tt_expression_name("*.A.", room, &name));
	CU_ASSERT_TRUE(is(&name, TT_LITERAL_END, ".a"));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (tt_expression_name(none[i], room, &name)) {
			printf("\n\"%s\"", none[i]);
			CU_FAIL("is no name");
		}
}

static void test_literals(void)
{
	static const char *const none[] = {"a.", "a+", "a?", "[a]", "(a)", "a{2}", "\\d", "a\\",
		"^a", "a$", ".*a", "a.*b", "a(/.*)?b", "a|b+", "a(/.*)", "(/.*)?a", "a.*.*"};
	struct tt_literal literals[TT_LITERALS];
	char room[64];

	CU_ASSERT_EQUAL(tt_expression_literals("/a-b_c~\\.html", room, literals), 1);
	CU_ASSERT_TRUE(is(&literals[0], TT_LITERAL_WHOLE, "/a-b_c~.html"));
	CU_ASSERT_EQUAL(tt_expression_literals("/a/.*", room, literals), 1);
	CU_ASSERT_TRUE(is(&literals[0], TT_LITERAL_BEGIN, "/a/"));
	CU_ASSERT_EQUAL(tt_expression_literals("/a(/.*)?", room, literals), 1);
	CU_ASSERT_TRUE(is(&literals[0], TT_LITERAL_BELOW, "/a"));
	CU_ASSERT_EQUAL(tt_expression_literals(".*", room, literals), 1);
	CU_ASSERT_TRUE(is(&literals[0], TT_LITERAL_BEGIN, ""));
	CU_ASSERT_EQUAL(tt_expression_literals("GET|/b.*||\\|", room, literals), 4);
	CU_ASSERT_TRUE(is(&literals[0], TT_LITERAL_WHOLE, "GET"));
	CU_ASSERT_TRUE(is(&literals[1], TT_LITERAL_BEGIN, "/b"));
	CU_ASSERT_TRUE(is(&literals[2], TT_LITERAL_WHOLE, ""));
	CU_ASSERT_TRUE(is(&literals[3], TT_LITERAL_WHOLE, "|"));
	CU_ASSERT_EQUAL(tt_expression_literals("a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a", room, literals),
		TT_LITERALS);
	CU_ASSERT_EQUAL(
		tt_expression_literals("a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a", room, literals), 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (tt_expression_literals(none[i], room, literals) != 0) {
			printf("\n\"%s\"", none[i]);
			CU_FAIL("is not plain");
		}
}

static void test_what_an_expression_begins_with(void)
{
	static const struct {
		const char *expression;
		const char *begin;
	} cases[] = {{"/a/[0-9]+", "/a/"}, {"/ab?c", "/a"}, {"/ab*", "/a"}, {"/ab{0,1}", "/a"},
		{"/ab+", "/ab"}, {"/a\\.b(c)", "/a.b"}, {"/a\\.?", "/a"}, {"/a|/b[c]", ""},
		{"/(a|b)", ""}, {"[a]", ""}, {"/a\\d", "/a"}, {"", ""}, {"?", ""}};
	char room[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = tt_expression_begin(cases[i].expression, room);

		room[length] = '\0';
		CU_ASSERT_STRING_EQUAL(room, cases[i].begin);
	}
}

static const struct suite_test tests[] = {
	{"names", test_names},
	{"literals", test_literals},
	{"what an expression begins with", test_what_an_expression_begins_with},
};

SUITE_MAIN("expression", tests)
