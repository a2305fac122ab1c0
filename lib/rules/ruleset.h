/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled ruleset: made in compile.c, matched against in match.c. Private to lib/rules.
 */
#ifndef TT_RULES_RULESET_H
#define TT_RULES_RULESET_H

#include "base/hash.h"
#include "rules/expression.h"
#include "rules/rules.h"

#include <hs.h>

/* Segments of a path that rules are filed under: 1 to these. */
#define TT_RULE_SEGMENTS 3

/* What an entry's key is. A path's entry stands below that of a host or SNI, or below the root. */
enum tt_rule_key_kind {
	TT_RULE_KEY_ROOT, /* of rules that nothing else is known of */
	TT_RULE_KEY_HOST,
	TT_RULE_KEY_BELOW_HOST, /* with the dot in front */
	TT_RULE_KEY_SNI,
	TT_RULE_KEY_BELOW_SNI,
	TT_RULE_KEY_PATH,   /* its first segments, up to a slash or the end */
	TT_RULE_KEY_CLIENT, /* struct tt_config_network */
	TT_RULE_KEY_SERVER,
	TT_RULE_KEY_PORT, /* uint16_t */
	TT_RULE_KEY_KINDS
};

/* What of a text a rule asks for beyond what it is filed under: one of the literals, and to match
 * the database. */
struct tt_rule_condition {
	const struct tt_literal *literals;
	const hs_database_t *database;
	uint32_t literal_count;
};

struct tt_rule {
	struct tt_rule_action action;
	struct tt_config_network client; /* ip_version 0: any */
	struct tt_config_network server;
	uint16_t port_first;
	uint16_t port_last;
	uint8_t protocol; /* enum tt_protocol; 0: any */
	uint8_t texts;	  /* bit 1 << enum tt_rule_text of each that has to be there */
	struct tt_rule_condition condition[TT_RULE_TEXTS];
};

/* Rules of an entry whose text `pivot` one database decides: it tells their places in `rules`. */
struct tt_rule_group {
	const hs_database_t *database; /* NULL: there is none, each rule is looked at */
	const uint32_t *rules;	       /* ascending */
	uint32_t count;
	uint8_t pivot; /* enum tt_rule_text */
};

struct tt_rule_entry {
	const void *key;
	uint16_t key_bytes;
	uint8_t kind;	      /* enum tt_rule_key_kind */
	uint8_t depths;	      /* bit 1 << segments of each path's entry below it */
	uint32_t parent;      /* number of its entry; the root's is 0 */
	uint32_t first_group; /* of the ruleset's */
	uint32_t group_count;
};

/* An open hash of the entries, by their keys. */
struct tt_rule_place {
	uint32_t tag;	/* high half of the hash */
	uint32_t entry; /* number + 1; 0: free */
};

/* Prefixes that networks are filed under, each with its rules' addresses masked by it. */
struct tt_rule_prefix {
	uint8_t ip_version;
	uint8_t prefix_bits;
	uint8_t kind; /* TT_RULE_KEY_CLIENT or _SERVER */
};

#define TT_RULE_PREFIXES (2 * (33 + 129))

/* A worker's own. */
struct tt_rule_room {
	hs_scratch_t *scratch;
	uint64_t *found; /* bit for each rule of a group */
} __attribute__((aligned(64)));

struct tt_ruleset {
	const struct tt_rule *rules; /* in the order of the file */
	const struct tt_rule_entry *entries;
	const struct tt_rule_place *places;
	const struct tt_rule_group *groups;
	uint32_t place_mask;
	uint32_t kinds; /* bit 1 << enum tt_rule_key_kind of each that is there */
	uint32_t prefix_count;
	struct tt_rule_prefix prefixes[TT_RULE_PREFIXES];
	unsigned int workers;
	struct tt_rule_room *rooms;    /* one a worker */
	struct tt_rule_memory *memory; /* compile.c's: all of the above */
};

static inline uint64_t tt_rule_key_hash(
	enum tt_rule_key_kind kind, uint32_t parent, const void *key, size_t bytes)
{
	return tt_hash_bytes((uint64_t)parent << 8 | kind, key, bytes);
}

/* The first `segments` of a path, to the slash behind them or its end; 0 when it has not so many. */
static inline size_t tt_rule_segments(const char *path, size_t bytes, unsigned int segments)
{
	size_t at = 0;

	if (bytes == 0 || path[0] != '/')
		return 0;
	for (; segments > 0 && at < bytes; segments--) {
		const char *slash = memchr(path + at + 1, '/', bytes - at - 1);

		at = slash == NULL ? bytes : (size_t)(slash - path);
	}
	return segments == 0 ? at : 0;
}

/* An address without the bits behind the prefix. */
static inline void tt_rule_mask(uint8_t masked[16], const uint8_t *address, unsigned int bits)
{
	memset(masked, 0, 16);
	memcpy(masked, address, bits / 8);
	if (bits % 8 != 0)
		masked[bits / 8] = (uint8_t)(address[bits / 8] & (0xff << (8 - bits % 8)));
}

#endif
