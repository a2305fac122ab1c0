/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "config/signatures.h"

#include "suite.h"

#include <stdio.h>

static struct tt_signature_list *parse(const char *yaml, char **said, int *result)
{
	size_t said_bytes, bytes = strlen(yaml);
	FILE *errors = open_memstream(said, &said_bytes);
	struct guarded text = guarded_copy(yaml, bytes);
	struct tt_signature_list *list;

	if (errors == NULL)
		abort();
	*result = tt_signature_list_parse(&list, "f", (const char *)text.bytes, bytes, errors);
	guarded_free(&text);
	fclose(errors);
	return list;
}

static void test_signatures_are_read(void)
{
	char *said;
	int result;
	struct tt_signature_list *list =
		parse("- {name: acme-bus, layer: tcp, pattern: '^ACME/\\d', direction: client}\n"
		      "- name: b.2\n  pattern: \"\\\\t\"\n  layer: udp\n  confirm: dns\n"
		      "- {name: c, layer: tcp, pattern: c, direction: server, confirm: none}\n",
			&said, &result);

	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL_FATAL(result, TT_OK);
	CU_ASSERT_EQUAL_FATAL(list->count, 3);
	const struct tt_signature *one = list->signatures;
	CU_ASSERT_STRING_EQUAL(one[0].name, "acme-bus");
	CU_ASSERT_STRING_EQUAL(one[0].pattern, "^ACME/\\d");
	CU_ASSERT_EQUAL(one[0].layer, TT_SIGNATURE_TCP);
	CU_ASSERT_EQUAL(one[0].direction, TT_SIGNATURE_CLIENT);
	CU_ASSERT_PTR_NULL(one[0].confirm);
	CU_ASSERT_EQUAL(one[1].layer, TT_SIGNATURE_UDP);
	CU_ASSERT_EQUAL(one[1].direction, TT_SIGNATURE_EITHER);
	CU_ASSERT_STRING_EQUAL(one[1].confirm, "dns");
	CU_ASSERT_EQUAL(one[2].direction, TT_SIGNATURE_SERVER);
	CU_ASSERT_PTR_NULL(one[2].confirm);
	tt_signature_list_free(list);
	free(said);
}

static void test_faults_are_told_all_at_once(void)
{
	static const struct {
		const char *yaml, *said;
	} cases[] = {
		{"a: 1\n", "f:1:1: is not a list of signatures\n"},
		{"text\n", "f:1:1: is not a list of signatures\n"},
		{"- text\n- [a]\n",
			"f:1:3: [0]: is no mapping of name, layer, pattern, direction, confirm\n"
			"f:2:3: [1]: is no mapping of name, layer, pattern, direction, confirm\n"},
		{"- {}\n", "f:1:3: [0]: has no name\n"},
		{"- {name: a}\n- {name: b, layer: udp}\n",
			"f:1:3: [0]: has no layer\nf:2:3: [1]: has no pattern\n"},
		{"- {name: Acme, layer: sctp, pattern: '', direction: both, confirm: ' '}\n",
			"f:1:10: [0].name: has capitals: names of protocols have none\n"
			"f:1:23: [0].layer: is none of tcp, udp\n"
			"f:1:38: [0].pattern: is empty\n"
			"f:1:53: [0].direction: is none of either, client, server\n"
			"f:1:68: [0].confirm: \" \" is not a name of letters, digits, '_', '-' and "
			"'.'\n"},
		{"- {name: a, patern: x, name: b, layer: [tcp], pattern: ~}\n",
			"f:1:13: [0].patern: unknown key; did you mean pattern?\n"
			"f:1:24: [0].name: given twice\n"
			"f:1:40: [0].layer: is not one value\n"
			"f:1:56: [0].pattern: is not one value\n"},
		{"- {name: abcdefghijklmnopqrstuvwxyz012345, layer: *x, pattern: x}\n",
			"f:1:10: [0].name: is longer than 31 bytes\n"
			"f:1:51: [0].layer: aliases (*name) are not supported\n"},
		{"- {name: a, layer: tcp, pattern: a\n",
			"f:2:1: [0]: did not find expected ',' or '}' while parsing a flow "
			"mapping\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said;
		int result;
		struct tt_signature_list *list = parse(cases[i].yaml, &said, &result);

		CU_ASSERT_EQUAL(result, TT_ERROR_CONFIG);
		CU_ASSERT_PTR_NOT_NULL(list);
		if (strcmp(said, cases[i].said) != 0)
			printf("\n--- for\n%s--- expected\n%s--- got\n%s", cases[i].yaml,
				cases[i].said, said);
		CU_ASSERT_STRING_EQUAL(said, cases[i].said);
		tt_signature_list_free(list);
		free(said);
	}
}

static void test_there_may_be_none_and_not_too_many(void)
{
	static const char line[] = "- {name: a, layer: tcp, pattern: a}\n";
	char *yaml = malloc((TT_SIGNATURES + 2) * sizeof(line));
	char *said;
	int result;
	struct tt_signature_list *list = parse("# none\n", &said, &result);

	CU_ASSERT_EQUAL(result, TT_OK);
	CU_ASSERT_EQUAL(list->count, 0);
	tt_signature_list_free(list);
	free(said);

	CU_ASSERT_PTR_NOT_NULL_FATAL(yaml);
	for (unsigned int count = TT_SIGNATURES; count < TT_SIGNATURES + 3; count += 2) {
		yaml[0] = '\0';
		for (unsigned int i = 0; i < count; i++)
			memcpy(yaml + i * (sizeof(line) - 1), line, sizeof(line));
		list = parse(yaml, &said, &result);
		CU_ASSERT_EQUAL(list->count, TT_SIGNATURES);
		CU_ASSERT_EQUAL(result, count == TT_SIGNATURES ? TT_OK : TT_ERROR_CONFIG);
		CU_ASSERT_STRING_EQUAL(said,
			count == TT_SIGNATURES ? "" : "f:257:3: [256]: more than 256 signatures\n");
		tt_signature_list_free(list);
		free(said);
	}
	free(yaml);
}

static void test_a_file_that_is_not_there(void)
{
	struct tt_signature_list *list;
	size_t bytes;
	char *said;
	FILE *errors = open_memstream(&said, &bytes);

	CU_ASSERT_PTR_NOT_NULL_FATAL(errors);
	CU_ASSERT_EQUAL(tt_signature_list_load(&list, "/nowhere/s.yaml", errors), TT_ERROR_CONFIG);
	CU_ASSERT_PTR_NULL(list);
	fclose(errors);
	CU_ASSERT_STRING_EQUAL(
		said, "/nowhere/s.yaml: cannot be opened: No such file or directory\n");
	free(said);
	CU_ASSERT_EQUAL(tt_signature_list_load(&list, NULL, stderr), TT_OK);
	CU_ASSERT_TRUE(list->count > 20);
	tt_signature_list_free(list);
}

static const struct suite_test tests[] = {
	{"signatures are read", test_signatures_are_read},
	{"faults are told all at once", test_faults_are_told_all_at_once},
	{"there may be none, and not too many", test_there_may_be_none_and_not_too_many},
	{"a file that is not there", test_a_file_that_is_not_there},
};

SUITE_MAIN("signatures", tests)
