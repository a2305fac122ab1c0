/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/protocol.h"
#include "rules/service.h"

#include "rules_text.h"

static const char *service_of(
	const struct tt_ruleset *ruleset, const struct tt_rule_subject *subject)
{
	const struct tt_rule_action *action = tt_ruleset_match(ruleset, 1, subject);

	return action == NULL || action->service == 0 ? "-" : tt_service_name(action->service);
}

static const char *service_of_request(
	const struct tt_ruleset *ruleset, const char *method, const char *host, const char *path)
{
	struct tt_rule_subject subject = request_to(method, host, path);

	return service_of(ruleset, &subject);
}

static void test_first_match_counts(void)
{
	struct tt_ruleset *ruleset = compile_sound("rules:\n"
						   "- {service: a, host: x.example, path: /one}\n"
						   "- {service: b, path: /one}\n"
						   "- {service: c, path: '/[a-z]+'}\n"
						   "- {service: d, host: x.example}\n"
						   "- {service: e, port: 80}\n"
						   "- {service: f}\n");
	struct tt_rule_subject other = request_to("GET", NULL, NULL);

	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "x.example", "/one"), "a");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "y.example", "/one"), "b");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "x.example", "/two"), "c");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "x.example", "/2"), "d");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "y.example", "/2"), "e");
	other.server_port = 81;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &other), "f");
	tt_ruleset_destroy(ruleset);
}

static void test_names_of_hosts(void)
{
	struct tt_ruleset *ruleset =
		compile_sound("rules:\n"
			      "- {service: whole, host: Shop.Example}\n"
			      "- {service: below, host: '*.shop.example'}\n"
			      "- {service: text, host: '(web|app)[0-9]+\\.shop'}\n"
			      "- {service: six, host: '\\[2001:db8::.*\\]'}\n");
	static const struct {
		const char *host;
		const char *service;
	} cases[] = {{"shop.example", "whole"}, {"SHOP.example:8080", "whole"},
		{"shop.example.", "whole"}, {"shop.example.:80", "whole"},
		{"a.shop.example", "below"}, {"a.b.Shop.EXAMPLE:1", "below"},
		{"xshop.example", "-"}, {".shop.example", "-"}, {"shop.exampl", "-"},
		{"shop.example.com", "-"}, {"web12.shop", "text"}, {"APP1.SHOP:99", "text"},
		{"xweb12.shop", "-"}, {"web12.shop.", "text"}, {"web12.shopx", "-"},
		{"[2001:db8::1]:80", "six"}, {"[2001:db8::80]", "six"}, {"[2001:db9::1]", "-"},
		{":80", "-"}, {".", "-"}, {"", "-"}, {NULL, "-"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_STRING_EQUAL(
			service_of_request(ruleset, "GET", cases[i].host, "/"), cases[i].service);
	tt_ruleset_destroy(ruleset);
}

static void test_sni_is_no_host(void)
{
	struct tt_ruleset *ruleset = compile_sound("rules:\n"
						   "- {service: h, host: a.example}\n"
						   "- {service: s, sni: a.example}\n"
						   "- {service: b, sni: '*.a.example'}\n"
						   "- {service: e, sni: '[ab]+'}\n");
	struct tt_rule_subject hello = request_to(NULL, NULL, NULL);

	set_text(&hello, TT_RULE_SNI, "A.example");
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &hello), "s");
	set_text(&hello, TT_RULE_SNI, "x.a.example");
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &hello), "b");
	set_text(&hello, TT_RULE_SNI, "ABBA");
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &hello), "e");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "a.example", "/"), "h");
	tt_ruleset_destroy(ruleset);
}

/* Every way in which a path can be plain, and the entries that it may be filed under. */
static void test_paths(void)
{
	struct tt_ruleset *ruleset = compile_sound("rules:\n"
						   "- {service: whole, path: /a/b/c/d/e}\n"
						   "- {service: slash, path: /a/b/}\n"
						   "- {service: begin, path: /a/be.*}\n"
						   "- {service: below, path: '/x/y(/.*)?'}\n"
						   "- {service: text, path: '/n/[0-9]+/z'}\n"
						   "- {service: either, path: /p|/q/.*}\n"
						   "- {service: root, path: /}\n"
						   "- {service: star, path: '\\*'}\n");
	static const struct {
		const char *path;
		const char *service;
	} cases[] = {{"/a/b/c/d/e", "whole"}, {"/a/b/c/d/", "-"}, {"/a/b/c/d/ef", "-"},
		{"/a/b/", "slash"}, {"/a/b", "-"}, {"/a/b/x", "-"}, {"/a/be", "begin"},
		{"/a/beta/x", "begin"}, {"/a/Be", "-"}, {"/x/y", "below"}, {"/x/y/", "below"},
		{"/x/y/z", "below"}, {"/x/yz", "-"}, {"/n/12/z", "text"}, {"/n//z", "-"},
		{"/n/12/z\n", "-"}, {"/n/12/zz", "-"}, {"/p", "either"}, {"/q", "-"},
		{"/q/", "either"}, {"/q/x", "either"}, {"/px", "-"}, {"/", "root"}, {"//", "-"},
		{"*", "star"}, {"http://h/p", "either"}, {"http://h", "root"},
		{"http://h/", "root"}, {"h:443", "-"}, {NULL, "-"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *service = service_of_request(ruleset, "GET", "h", cases[i].path);

		if (strcmp(service, cases[i].service) != 0)
			printf("\n%s: %s", cases[i].path, service);
		CU_ASSERT_STRING_EQUAL(service, cases[i].service);
	}
	tt_ruleset_destroy(ruleset);
}

static void test_several_expressions_in_one_rule(void)
{
	struct tt_ruleset *ruleset =
		compile_sound("rules:\n"
			      "- {service: a, host: '[a-c]+', path: '/[0-9]+', method: 'P[A-Z]+'}\n"
			      "- {service: b, host: '[a-c]+', method: GET|HEAD}\n"
			      "- {service: c, host: '[x-z]+', path: '/[0-9]+'}\n");

	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "PUT", "abc", "/12"), "a");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "put", "abc", "/12"), "-");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "PUT", "abcd", "/12"), "-");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "PUT", "abc", "/x"), "-");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "abc", "/12"), "b");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "HEAD", "abc", NULL), "b");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "HEADS", "abc", NULL), "-");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "PUT", "xyz", "/12"), "c");
	tt_ruleset_destroy(ruleset);
}

static void test_addresses_ports_and_protocols(void)
{
	struct tt_ruleset *ruleset =
		compile_sound("rules:\n"
			      "- {service: one, server: 192.0.2.7}\n"
			      "- {service: tls, protocol: tls}\n"
			      "- {service: dns, protocol: dns, port: 53}\n"
			      "- {service: ports, port: 8000-8999}\n"
			      "- {service: from, client: 10.0.0.0/9}\n"
			      "- {service: six, server: '2001:db8::/33'}\n"
			      "- {service: mapped, client: '::ffff:10.128.0.0/106'}\n");
	uint8_t client[16] = {172, 16}, server[16] = {192, 0, 2, 7};
	struct tt_rule_subject subject = {
		.client = client, .server = server, .server_port = 1, .ip_version = 4};

	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "one");
	server[3] = 8;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "-");
	subject.encryption = TT_PROTOCOL_TLS;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "tls");
	subject.encryption = 0;
	subject.application = TT_PROTOCOL_DNS;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "-");
	subject.server_port = 53;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "dns");
	subject.server_port = 8999;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "ports");
	subject.server_port = 9000;
	memcpy(client, "\x0a\x7f", 2);
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "from");
	client[1] = 0x80;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "mapped");
	client[1] = 0xc0;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "-");
	memcpy(server, "\x20\x01\x0d\xb8\x7f", 5);
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "-");
	subject.ip_version = 6;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "six");
	server[4] = 0x80;
	CU_ASSERT_STRING_EQUAL(service_of(ruleset, &subject), "-");
	tt_ruleset_destroy(ruleset);
}

static void test_actions(void)
{
	struct tt_ruleset *ruleset = compile_sound("rules:\n"
						   "- {path: /a, route: /x/*}\n"
						   "- {path: /b, route: none}\n"
						   "- {path: /c, exclude: true}\n"
						   "- {path: /d, service: same}\n"
						   "- {path: /e, service: same}\n");
	const struct tt_rule_action *action;
	struct tt_rule_subject subject = request_to("GET", "h", "/a");

	action = tt_ruleset_match(ruleset, 0, &subject);
	CU_ASSERT_EQUAL_FATAL(action->route_bytes, 4);
	CU_ASSERT_EQUAL(memcmp(action->route, "/x/*", 4), 0);
	CU_ASSERT_EQUAL(action->service, 0);
	CU_ASSERT_FALSE(action->exclude);
	set_text(&subject, TT_RULE_PATH, "/b");
	action = tt_ruleset_match(ruleset, 0, &subject);
	CU_ASSERT_PTR_NOT_NULL(action->route);
	CU_ASSERT_EQUAL(action->route_bytes, 0);
	set_text(&subject, TT_RULE_PATH, "/c");
	action = tt_ruleset_match(ruleset, 0, &subject);
	CU_ASSERT_PTR_NULL(action->route);
	CU_ASSERT_TRUE(action->exclude);
	set_text(&subject, TT_RULE_PATH, "/d");
	uint16_t same = tt_ruleset_match(ruleset, 0, &subject)->service;
	CU_ASSERT_NOT_EQUAL(same, 0);
	set_text(&subject, TT_RULE_PATH, "/e");
	CU_ASSERT_EQUAL(tt_ruleset_match(ruleset, 0, &subject)->service, same);
	CU_ASSERT_EQUAL(tt_service_number("same"), same);
	CU_ASSERT_STRING_EQUAL(tt_service_name(same), "same");
	CU_ASSERT_PTR_NULL(tt_service_name(0));
	CU_ASSERT_PTR_NULL(tt_service_name(UINT32_MAX));
	tt_ruleset_destroy(ruleset);
}

/* Texts end where they end: nothing behind them is read, however long the rules are. */
static void test_texts_are_not_read_past(void)
{
	struct tt_ruleset *ruleset = compile_sound("rules:\n"
						   "- {service: a, path: /abc/def/ghi}\n"
						   "- {service: b, path: '/abc/[a-z]+/g'}\n"
						   "- {service: c, host: abc.example}\n"
						   "- {service: d, host: '[a-d]+\\.e'}\n"
						   "- {service: e, method: GETTER|GETS}\n");
	static const char *const texts[] = {"/abc/def/ghi", "/abc/d", "/", "abc.example:80",
		"abc.example", "a.e", "GETTER", "http://", "http://x", ":", "."};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t length = 1; length <= strlen(texts[i]); length++) {
			struct guarded copy = guarded_copy(texts[i], length);
			struct tt_rule_subject subject = request_to(NULL, NULL, NULL);

			for (unsigned int text = 0; text < TT_RULE_TEXTS; text++) {
				subject.text[text] = (const char *)copy.bytes;
				subject.text_bytes[text] = (uint16_t)length;
			}
			tt_ruleset_match(ruleset, 0, &subject);
			guarded_free(&copy);
		}
	tt_ruleset_destroy(ruleset);
}

static void test_long_texts_are_cut(void)
{
	struct tt_ruleset *ruleset =
		compile_sound("rules: [{service: a, path: '/x+'}, {service: b, host: 'a+'}]\n");
	char path[1000], host[1000];

	memset(path, 'x', sizeof(path));
	memset(host, 'A', sizeof(host));
	path[0] = '/';
	path[999] = host[999] = '\0';
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "h", path), "a");
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", host, "/"), "b");
	path[255] = '/';
	CU_ASSERT_STRING_EQUAL(service_of_request(ruleset, "GET", "h", path), "-");
	tt_ruleset_destroy(ruleset);
}

static void test_faults_are_told_where_they_are(void)
{
	static const struct {
		const char *yaml;
		const char *said;
	} cases[] = {
		{"rules:\n- service: a\n  path: '/(x'\n- {service: b, host: '[a'}\n",
			"f:3:9: rules[0].path: Missing close parenthesis for group started at "
			"index 1.\n"
			"f:4:22: rules[1].host: Unterminated character class starting at index "
			"0.\n"},
		{"rules: [{service: a, path: 'x)|(y'}]\n",
			"f:1:28: rules[0].path: Unmatched parentheses at index 1.\n"},
		{"rules: [{service: a, method: '(A)\\1'}]\n",
			"f:1:30: rules[0].method: Back-references are unsupported.\n"},
		{"rules: [{service: a, sni: '(?=a)b'}]\n",
			"f:1:27: rules[0].sni: Zero-width assertions are not supported.\n"},
		{"rules: [{service: a, protocol: htp}]\n",
			"f:1:32: rules[0].protocol: is no protocol that connections name\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said;

		CU_ASSERT_PTR_NULL(compile(cases[i].yaml, &said));
		if (strcmp(said, cases[i].said) != 0)
			printf("\n--- expected\n%s--- got\n%s", cases[i].said, said);
		CU_ASSERT_STRING_EQUAL(said, cases[i].said);
		free(said);
	}
}

static void test_no_rules_are_no_ruleset(void)
{
	char *said;

	CU_ASSERT_PTR_NULL(compile("rules: []\n", &said));
	CU_ASSERT_STRING_EQUAL(said, "");
	free(said);
	tt_ruleset_destroy(NULL);
}

static const struct suite_test tests[] = {
	{"first match counts", test_first_match_counts},
	{"names of hosts", test_names_of_hosts},
	{"SNI is no host", test_sni_is_no_host},
	{"paths", test_paths},
	{"several expressions in one rule", test_several_expressions_in_one_rule},
	{"addresses, ports and protocols", test_addresses_ports_and_protocols},
	{"actions", test_actions},
	{"texts are not read past", test_texts_are_not_read_past},
	{"long texts are cut", test_long_texts_are_cut},
	{"faults are told where they are", test_faults_are_told_where_they_are},
	{"no rules are no ruleset", test_no_rules_are_no_ruleset},
};

SUITE_MAIN("rules", tests)
