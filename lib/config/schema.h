/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema: one table that says of each key its type, place in struct tt_config, unit, range,
 * default, whether it needs a restart, and what it is for. Loading, defaults, printing, the
 * annotated file and the manual page all come from it: a new key is a new line in schema.c and a
 * field in config.h. Immutable; called from any thread.
 *
 * Order: a section stands before its keys and a list before those of its items, each with all of
 * its own together. `[]` in a path stands for an item's number.
 */
#ifndef TT_CONFIG_SCHEMA_H
#define TT_CONFIG_SCHEMA_H

#include "config/config.h"

#define TT_SCHEMA_TEXT_BYTES 255  /* longest string value */
#define TT_SCHEMA_DEPTH	     4	  /* words of a path */
#define TT_SCHEMA_CPU_MAX    1023 /* CPU_SETSIZE - 1 */

enum tt_schema_type {
	TT_SCHEMA_SECTION,  /* a mapping of other keys */
	TT_SCHEMA_LIST,	    /* a sequence of mappings, in an array of structs */
	TT_SCHEMA_BOOL,	    /* bool */
	TT_SCHEMA_BIT,	    /* true or false: a bit of a uint32_t */
	TT_SCHEMA_UINT,	    /* digits; uint32_t or uint64_t, as the three below */
	TT_SCHEMA_COUNT,    /* digits, or K or M of them: thousands, millions */
	TT_SCHEMA_SIZE,	    /* bytes, or K, M, G or KiB, MiB, GiB of them: powers of 1024 */
	TT_SCHEMA_DURATION, /* digits and us, ms, s, m or h; stored in microseconds */
	TT_SCHEMA_ENUM,	    /* one of `names`; an enum of their order */
	TT_SCHEMA_CPU,	    /* a CPU's number or `any`; int32_t */
	TT_SCHEMA_CPUS,	   /* CPUs and ranges of them, as a list or as text, or `any`; uint32_t[] */
	TT_SCHEMA_PORTS,   /* the same of ports, or `none` */
	TT_SCHEMA_NETWORK, /* an address, one with a prefix or netmask, or `any`; struct
			     * tt_config_network */
	TT_SCHEMA_PROTOCOL, /* of IP, by name or number, or `any`, which is 0; uint32_t */
	TT_SCHEMA_RANGE,    /* a number, two with '-' between, or `any`, which is 0; uint32_t, the
			     * first << 16 | the last */
	TT_SCHEMA_STRING,   /* const char *, NULL where it is not set */
	TT_SCHEMA_DEVICE    /* a string that is the item's device; stores which key named it, too */
};

/* What a string must look like beyond TT_SCHEMA_TEXT_BYTES and no control characters. */
enum tt_schema_form {
	TT_SCHEMA_ANY_TEXT,
	TT_SCHEMA_NAME,	     /* letters, digits, '_', '-' and '.', not starting with the last two */
	TT_SCHEMA_ROUTE,     /* `none`, or text that begins with a slash */
	TT_SCHEMA_INTERFACE, /* a network interface: 1 to 15 bytes, no '/', ':' or space */
	TT_SCHEMA_PCI,	     /* 0000:3b:00.0 */
	TT_SCHEMA_ADDRESS    /* IPv4 or IPv6 */
};

struct tt_schema_key {
	const char *path;
	const char *description; /* one line, without a full stop */
	enum tt_schema_type type;
	bool hot;	    /* a reload applies it; else it needs a restart */
	size_t offset;	    /* of the field in struct tt_config, or in the list's item */
	size_t field_bytes; /* of it; TT_SCHEMA_CPUS and _PORTS: of the whole array */

	/* Numbers, in the unit that is stored */
	uint64_t minimum;
	uint64_t maximum;
	uint64_t fallback; /* the default */
	bool power_of_two; /* only such values */
	const char *unit;  /* "connections", ...; NULL where the number or its suffix says it */
	const char *const *names; /* TT_SCHEMA_ENUM: ended by NULL */

	/* Instead of `fallback`: the default that follows from the keys that were given. */
	uint64_t (*derive)(const struct tt_config *config);

	/* Strings */
	enum tt_schema_form form;
	const char *fallback_text; /* the default; NULL: not set */
	const char *example;	   /* for the annotated file where there is no default */

	/* TT_SCHEMA_CPUS, _PORTS and _LIST: where the uint32_t with the number of items is, and
	 * how many fit; TT_SCHEMA_LIST: how far apart they are */
	size_t count_offset;
	uint32_t capacity;
	size_t item_bytes;

	/* TT_SCHEMA_BIT: number of the bit; TT_SCHEMA_DEVICE: value of the enum for this key, and
	 * where in the item it goes */
	uint32_t number;
	size_t number_offset;
};

extern const struct tt_schema_key tt_schema[];
extern const uint32_t tt_schema_count;

/* The list whose item holds this key; NULL for a key outside of lists. */
const struct tt_schema_key *tt_schema_list(const struct tt_schema_key *key);

/* The key with this path; NULL when there is none. */
const struct tt_schema_key *tt_schema_find(const char *path);

/* Does `path` name something right inside `parent` ("" for the document)? */
bool tt_schema_is_child(const char *path, const char *parent);

/* The last word of a path. */
const char *tt_schema_name(const char *path);

/* The key's field in this configuration; `item` is the item's number for a key in a list. */
void *tt_schema_field(struct tt_config *config, const struct tt_schema_key *key, uint32_t item);
const void *tt_schema_value(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item);

/* A number, bool, bit, enum or CPU as it is stored; TT_CONFIG_CPU_ANY is UINT64_MAX. */
void tt_schema_set_number(
	struct tt_config *config, const struct tt_schema_key *key, uint32_t item, uint64_t number);
uint64_t tt_schema_number(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item);

/* A string, not copied; for TT_SCHEMA_DEVICE also the key that gave it. */
void tt_schema_set_text(
	struct tt_config *config, const struct tt_schema_key *key, uint32_t item, const char *text);

/* The string; NULL when it is not set, or for TT_SCHEMA_DEVICE when another key names the device. */
const char *tt_schema_text(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item);

/* How many items a TT_SCHEMA_LIST, TT_SCHEMA_CPUS or TT_SCHEMA_PORTS has. */
uint32_t tt_schema_items(const struct tt_config *config, const struct tt_schema_key *key);
void tt_schema_set_items(struct tt_config *config, const struct tt_schema_key *key, uint32_t items);

/* Has it the same value in two configurations, or in an item of two lists? Of a list: is it as long? */
bool tt_schema_is_same(const struct tt_config *one, const struct tt_config *other,
	const struct tt_schema_key *key, uint32_t item);

/* Give the key its default; inside a list, that of this item. Derived ones keep their value. */
void tt_schema_set_default(
	struct tt_config *config, const struct tt_schema_key *key, uint32_t item);

#endif
