/* SPDX-License-Identifier: Apache-2.0 */
/* Rulesets from text in memory, and subjects, for the suites of rules/. */
#ifndef TT_TESTS_RULES_TEXT_H
#define TT_TESTS_RULES_TEXT_H

#include "base/error.h"
#include "rules/rules.h"

#include "suite.h"

#include <arpa/inet.h>
#include <stdio.h>

/* The ruleset of a configuration, for two workers; NULL, with the lines in *said, which the caller
 * frees, when it is refused. */
static inline struct tt_ruleset *compile(const char *yaml, char **said)
{
	size_t said_bytes;
	FILE *errors = open_memstream(said, &said_bytes);
	struct tt_ruleset *ruleset = NULL;
	struct tt_config *config = NULL;

	if (errors == NULL)
		abort();
	int code = tt_config_parse(&config, "f", yaml, strlen(yaml), errors);
	if (config != NULL)
		code = tt_ruleset_create(&ruleset, config, 2, errors);
	tt_config_free(config);
	fclose(errors);
	CU_ASSERT_EQUAL(code, *said[0] == '\0' ? TT_OK : TT_ERROR_CONFIG);
	return ruleset;
}

static inline struct tt_ruleset *compile_sound(const char *yaml)
{
	char *said;
	struct tt_ruleset *ruleset = compile(yaml, &said);

	if (ruleset == NULL)
		printf("\n%s%s", yaml, said);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ruleset);
	free(said);
	return ruleset;
}

/* Texts may be NULL. */
static inline void set_text(
	struct tt_rule_subject *subject, enum tt_rule_text text, const char *bytes)
{
	subject->text[text] = bytes;
	subject->text_bytes[text] = bytes == NULL ? 0 : (uint16_t)strlen(bytes);
}

static inline struct tt_rule_subject request_to(
	const char *method, const char *host, const char *path)
{
	static const uint8_t client[16] = {10, 1, 2, 3}, server[16] = {192, 0, 2, 80};
	struct tt_rule_subject subject = {
		.client = client, .server = server, .server_port = 80, .ip_version = 4};

	set_text(&subject, TT_RULE_METHOD, method);
	set_text(&subject, TT_RULE_HOST, host);
	set_text(&subject, TT_RULE_PATH, path);
	return subject;
}

#endif
