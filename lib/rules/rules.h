/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules, as the configuration gives them: what a request, a handshake or a connection is called,
 * which route it has, and whether its records are left out. Of the rules that match the first of
 * the file counts.
 *
 * The control core compiles them into a ruleset, which never changes; workers match against it, and
 * whoever compiled it destroys it once no worker looks at it any more. A rule is filed under what
 * is plain in it, in this order: the name of its host or SNI, the first segments of its path, a
 * network, a port. So a match looks at those rules alone that have something in common with it, and
 * hyperscan (block mode, one database for the expressions that are filed together) at what is left.
 */
#ifndef TT_RULES_RULES_H
#define TT_RULES_RULES_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Longer texts are cut for the match. */
#define TT_RULE_TEXT_BYTES 256

enum tt_rule_text {
	TT_RULE_PATH,
	TT_RULE_HOST,
	TT_RULE_SNI,
	TT_RULE_METHOD,
	TT_RULE_TEXTS
};

/* What rules are matched against. A rule that asks for a text that is not there does not match. */
struct tt_rule_subject {
	const char *text[TT_RULE_TEXTS];    /* as sent, without a final 0 */
	uint16_t text_bytes[TT_RULE_TEXTS]; /* 0: none */
	const uint8_t *client;		    /* 16 bytes; IPv4: the first 4 */
	const uint8_t *server;
	uint16_t server_port;
	uint8_t ip_version;  /* 4 or 6 */
	uint8_t encryption;  /* enum tt_protocol */
	uint8_t application; /* the same */
};

/* What a rule says; valid as long as its ruleset. */
struct tt_rule_action {
	const char *route;   /* without a final 0; NULL: the path's own */
	uint8_t route_bytes; /* of it; 0: no route at all */
	bool exclude;
	uint16_t service; /* rules/service.h; 0: none */
};

struct tt_ruleset;

/* The rules of a configuration, for workers 0 to `workers` - 1. Each fault is a line on `errors` as
 * tt_config_load() writes them; then TT_ERROR_CONFIG. TT_ERROR_MEMORY; TT_ERROR_UNSUPPORTED, logged,
 * on a CPU that hyperscan does not run on. The configuration is not needed afterwards. */
int tt_ruleset_create(struct tt_ruleset **ruleset, const struct tt_config *config,
	unsigned int workers, FILE *errors);
void tt_ruleset_destroy(struct tt_ruleset *ruleset);

/* Worker: what the first rule that matches says; NULL when none does. Of a host a port and a final
 * dot do not count, nor do its letters' case; of a path in absolute form all before the path. */
const struct tt_rule_action *tt_ruleset_match(const struct tt_ruleset *ruleset, unsigned int worker,
	const struct tt_rule_subject *subject);

#endif
