/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ruleset against a model: random rules, looked through one after the other, their expressions
 * by regcomp(3).
 */
#include "protocol/protocol.h"
#include "rules/service.h"

#include "rules_text.h"

#include <ctype.h>
#include <regex.h>

#define ROUNDS	 40
#define RULES	 60
#define SUBJECTS 400

static uint64_t state = 0x9e3779b97f4a7c15;

static unsigned int random_below(unsigned int end)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 33) % end;
}

#define ONE_OF(table) ((table)[random_below(sizeof(table) / sizeof((table)[0]))])

/* What hyperscan and regcomp(3) read alike. */
static const char *const hosts[] = {"a.example", "*.a.example", "*.example", "b.a.example",
	"example", "[ab]\\.example", "(a|b)\\..*", ".*", "[a-z]+", "[^.]+\\.example",
	"*.b.a.example"};
static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/.*", "/a.*", ".*",
	"/a/b(/.*)?", "/a/[0-9]+", "/[ab]/b", "/a/b/[a-c]*", "/(a|b)", "/b|/a/b|/a/b/.*",
	"/a/b/c/?", "/a?/b", ".*/c", "/a/b/c/d/[^/]+", "/b/\\*", "[^/].*"};
static const char *const methods[] = {"GET", "GET|HEAD", "P.*", "P(OS|U)T", "[A-Z]+"};
static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0",
	"'2001:db8::/32'", "'2001:db8::1'", "'::/0'"};
static const char *const ports[] = {"80", "443", "80-443", "1-65535"};
static const char *const protocols[] = {"http", "tls", "dns"};

static const char *const asked_hosts[] = {"a.example", "A.EXAMPLE:80", "b.a.example",
	"c.b.a.example.", "example", "b.example", "x", "", ".example", "xa.example"};
static const char *const asked_paths[] = {"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/",
	"/a/b/c/d", "/a/b/c/d/e", "/ab", "/a/12", "/b", "/b/b", "/b/*", "*", "", "/c", "/x/c",
	"//b", "http://h/a/b"};
static const char *const asked_methods[] = {"GET", "HEAD", "POST", "PUT", "get", ""};
static const uint8_t addresses[][17] = {{4, 10, 1, 2, 3}, {4, 10, 1, 2, 4}, {4, 192, 0, 2, 1},
	{6, 0x20, 0x01, 0x0d, 0xb8, [16] = 1}, {6, 0x20, 0x01, 0x0d, 0xb9}};

static void print_key(FILE *out, const char *key, const char *value, bool quoted)
{
	const char *quote = quoted ? "'" : "";

	if (random_below(3) == 0)
		fprintf(out, "  %s: %s%s%s\n", key, quote, value, quote);
}

static struct tt_config *random_rules(void)
{
	struct tt_config *config;
	char *yaml;
	size_t bytes;
	FILE *out = open_memstream(&yaml, &bytes);

	fputs("rules:\n", out);
	for (unsigned int i = 0; i < RULES; i++) {
		fprintf(out, "- service: s%u\n", i);
		print_key(out, "host", ONE_OF(hosts), true);
		print_key(out, "sni", ONE_OF(hosts), true);
		print_key(out, "path", ONE_OF(paths), true);
		print_key(out, "method", ONE_OF(methods), true);
		print_key(out, "client", ONE_OF(networks), false);
		print_key(out, "server", ONE_OF(networks), false);
		print_key(out, "port", ONE_OF(ports), false);
		print_key(out, "protocol", ONE_OF(protocols), false);
	}
	fclose(out);
	CU_ASSERT_EQUAL_FATAL(tt_config_parse(&config, "model", yaml, strlen(yaml), stderr), TT_OK);
	free(yaml);
	return config;
}

static bool expression_matches(const char *expression, const char *text, int flags)
{
	char whole[600];
	regex_t regex;

	snprintf(whole, sizeof(whole), "^(%s)$", expression);
	CU_ASSERT_EQUAL_FATAL(regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB | flags), 0);
	bool matches = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static bool name_matches(const char *expression, const char *asked, const char *ends)
{
	char name[64];
	size_t length = strcspn(asked, ends);

	snprintf(name, sizeof(name), "%.*s", (int)length, asked);
	if (length > 1 && name[length - 1] == '.')
		name[--length] = '\0';
	if (strncmp(expression, "*.", 2) == 0) {
		size_t end = strlen(expression) - 1;

		return length > end && strcasecmp(name + length - end, expression + 1) == 0;
	}
	if (expression[strspn(expression, "abcdefghijklmnopqrstuvwxyz.")] == '\0')
		return strcasecmp(name, expression) == 0;
	return expression_matches(expression, name, REG_ICASE);
}

static bool is_in(
	const struct tt_config_network *network, const uint8_t *address, unsigned int ip_version)
{
	if (network->ip_version == 0)
		return true;
	if (network->ip_version != ip_version)
		return false;
	for (unsigned int bit = 0; bit < network->prefix_bits; bit++)
		if (((network->address[bit / 8] ^ address[bit / 8]) & 0x80 >> bit % 8) != 0)
			return false;
	return true;
}

static bool text_matches(
	const struct tt_rule_subject *subject, enum tt_rule_text text, const char *expression)
{
	if (expression == NULL)
		return true;
	if (subject->text_bytes[text] == 0)
		return false;
	if (text == TT_RULE_HOST)
		return name_matches(expression, subject->text[text], ":");
	if (text == TT_RULE_SNI)
		return name_matches(expression, subject->text[text], "");
	const char *asked = subject->text[text];
	return expression_matches(
		expression, strncmp(asked, "http://h", 8) == 0 ? asked + 8 : asked, 0);
}

static bool model_matches(const struct tt_config_rule *rule, const struct tt_rule_subject *subject)
{
	const char *encryption = tt_protocol_name(subject->encryption);
	const char *application = tt_protocol_name(subject->application);

	if (rule->ports != 0 &&
		(subject->server_port < rule->ports >> 16 ||
			subject->server_port > (rule->ports & UINT16_MAX)))
		return false;
	if (rule->protocol != NULL &&
		(encryption == NULL || strcmp(encryption, rule->protocol) != 0) &&
		(application == NULL || strcmp(application, rule->protocol) != 0))
		return false;
	return is_in(&rule->client, subject->client, subject->ip_version) &&
		is_in(&rule->server, subject->server, subject->ip_version) &&
		text_matches(subject, TT_RULE_HOST, rule->host) &&
		text_matches(subject, TT_RULE_SNI, rule->sni) &&
		text_matches(subject, TT_RULE_PATH, rule->path) &&
		text_matches(subject, TT_RULE_METHOD, rule->method);
}

static struct tt_rule_subject random_subject(void)
{
	static const uint16_t asked_ports[] = {80, 443, 8080, 100};
	const uint8_t *client = ONE_OF(addresses);
	const uint8_t *server = ONE_OF(addresses);

	while (server[0] != client[0])
		server = ONE_OF(addresses);
	struct tt_rule_subject subject = {
		.client = client + 1,
		.server = server + 1,
		.ip_version = client[0],
		.server_port = ONE_OF(asked_ports),
		.encryption = random_below(2) ? TT_PROTOCOL_TLS : TT_PROTOCOL_NONE,
		.application = random_below(2) ? TT_PROTOCOL_HTTP : TT_PROTOCOL_DNS,
	};
	set_text(&subject, TT_RULE_HOST, random_below(4) ? ONE_OF(asked_hosts) : NULL);
	set_text(&subject, TT_RULE_SNI, random_below(4) ? ONE_OF(asked_hosts) : NULL);
	set_text(&subject, TT_RULE_PATH, random_below(4) ? ONE_OF(asked_paths) : NULL);
	set_text(&subject, TT_RULE_METHOD, random_below(4) ? ONE_OF(asked_methods) : NULL);
	return subject;
}

static void test_ruleset_is_as_its_model(void)
{
	unsigned int matched = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tt_config *config = random_rules();
		struct tt_ruleset *ruleset;
		char expected[16];

		/* Few rules leave subjects that only the last ones match. */
		config->rule_count = 1 + random_below(RULES);
		CU_ASSERT_EQUAL_FATAL(tt_ruleset_create(&ruleset, config, 2, stderr), TT_OK);
		for (unsigned int i = 0; i < SUBJECTS; i++) {
			struct tt_rule_subject subject = random_subject();
			const struct tt_rule_action *action =
				tt_ruleset_match(ruleset, i % 2, &subject);
			uint32_t first = 0;

			while (first < config->rule_count &&
				!model_matches(&config->rules[first], &subject))
				first++;
			CU_ASSERT_EQUAL_FATAL(action == NULL, first == config->rule_count);
			if (action == NULL)
				continue;
			matched++;
			snprintf(expected, sizeof(expected), "s%u", first);
			CU_ASSERT_STRING_EQUAL(tt_service_name(action->service), expected);
		}
		tt_ruleset_destroy(ruleset);
		tt_config_free(config);
	}
	CU_ASSERT_TRUE(matched > ROUNDS * SUBJECTS / 4);
	CU_ASSERT_TRUE(matched < ROUNDS * SUBJECTS);
}

static const struct suite_test tests[] = {
	{"ruleset is as its model", test_ruleset_is_as_its_model},
};

SUITE_MAIN("rules model", tests)
