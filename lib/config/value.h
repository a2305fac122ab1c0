/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text: from a scalar of the YAML file to what a key of the schema stores, exactly or
 * not at all, and back. Called by config.c and print.c; owns nothing.
 */
#ifndef TT_CONFIG_VALUE_H
#define TT_CONFIG_VALUE_H

#include "config/schema.h"

#define TT_VALUE_MESSAGE_BYTES 512

/* The number of a key of a numeric type, of a bool, bit, enum or CPU, in the unit it is stored in.
 * false: `message` (TT_VALUE_MESSAGE_BYTES) says what is wrong with it, with the range. */
bool tt_value_number(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message);

/* "1-3,5" of TT_SCHEMA_CPUS or TT_SCHEMA_PORTS into at most the key's capacity of numbers, appended to
 * the *count that are there. */
bool tt_value_list(const struct tt_schema_key *key, const char *text, uint32_t *numbers,
	uint32_t *count, char *message);

/* "10.0.0.0/8", "10.0.0.0/255.0.0.0", "2001:db8::/32", "::ffff:10.0.0.0/104", an address alone, or
 * "any". */
bool tt_value_network(const char *text, struct tt_config_network *network, char *message);
void tt_value_print_network(const struct tt_config_network *network, FILE *out);

/* Is this a text that a string key may hold? */
bool tt_value_text(const struct tt_schema_key *key, const char *text, char *message);

/* null, Null, NULL, ~ or nothing, where it is not quoted: no value at all. */
bool tt_value_is_null(const char *text);

/* The number in the largest unit that divides it, as tt_value_number() reads it. */
void tt_value_print(const struct tt_schema_key *key, uint64_t number, FILE *out);

/* "64 to 16KiB", "adaptive, poll", ... into `text` (TT_VALUE_MESSAGE_BYTES); nothing for types
 * that say it themselves. */
void tt_value_range(const struct tt_schema_key *key, char *text);

/* The word for an empty TT_SCHEMA_CPUS or TT_SCHEMA_PORTS. */
const char *tt_value_empty_list(enum tt_schema_type type);

/* What a value of this type looks like: "true or false", ... */
const char *tt_value_expected(enum tt_schema_type type);

#define TT_VALUE_FAR 1000

/* The edits (insert, delete, replace, swap neighbours) between a name and what may have been meant
 * by it; TT_VALUE_FAR when they are too many for that. */
unsigned int tt_value_distance(const char *name, const char *meant);

#endif
