/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of protocols, as their file gives them: a list of a name, the layer below, a regular
 * expression for a direction's first bytes, that direction, and which parser has to agree. Loaded
 * and freed by the control core, which compiles them (rules/signatures.h).
 *
 * conf/signatures.yaml is built in, and stands for a file that is not named.
 */
#ifndef TT_CONFIG_SIGNATURES_H
#define TT_CONFIG_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TT_SIGNATURES		256 /* in a file */
#define TT_SIGNATURE_NAME_BYTES 31

enum tt_signature_layer {
	TT_SIGNATURE_TCP,
	TT_SIGNATURE_UDP,
	TT_SIGNATURE_LAYERS
};

enum tt_signature_direction {
	TT_SIGNATURE_EITHER,
	TT_SIGNATURE_CLIENT, /* the client's bytes */
	TT_SIGNATURE_SERVER
};

enum tt_signature_key {
	TT_SIGNATURE_KEY_NAME,
	TT_SIGNATURE_KEY_LAYER,
	TT_SIGNATURE_KEY_PATTERN,
	TT_SIGNATURE_KEY_DIRECTION,
	TT_SIGNATURE_KEY_CONFIRM,
	TT_SIGNATURE_KEYS
};

/* Where in the file, from 1. */
struct tt_signature_mark {
	uint32_t line; /* 0: not given */
	uint32_t column;
};

struct tt_signature {
	const char *name;
	const char *pattern;
	const char *confirm; /* the protocol whose parser has to agree; NULL: none */
	enum tt_signature_layer layer;
	enum tt_signature_direction direction;
	bool faulty; /* and reported: nothing else of it holds */
	struct tt_signature_mark entry;
	struct tt_signature_mark mark[TT_SIGNATURE_KEYS]; /* of the values */
};

struct tt_signature_list {
	struct tt_signature signatures[TT_SIGNATURES];
	uint32_t count;
	unsigned int faults; /* lines of them */
	char *source;	     /* the file, as faults call it */
	char *text;	     /* owns the strings above */
};

/* The bytes of conf/signatures.yaml. */
extern const char tt_signatures_built_in[];
extern const size_t tt_signatures_built_in_bytes;

/* Read a file of at most 1 MiB; `path` NULL: what is built in. Every fault is a line as
 * tt_config_load() writes them, and then the result is TT_ERROR_CONFIG, but *list holds what could
 * be read all the same, so that more can be found wrong with it. NULL without memory, which is
 * TT_ERROR_MEMORY, and for a file that cannot be read. The caller frees *list. */
int tt_signature_list_load(struct tt_signature_list **list, const char *path, FILE *errors);

/* The same from memory: `name` stands for the file in the error lines. */
int tt_signature_list_parse(struct tt_signature_list **list, const char *name, const char *text,
	size_t text_bytes, FILE *errors);

/* A fault of a value that this module cannot judge, of entry `item`. */
void tt_signature_complain(struct tt_signature_list *list, uint32_t item, enum tt_signature_key key,
	const char *message, FILE *errors);

/* NULL is ignored. */
void tt_signature_list_free(struct tt_signature_list *list);

#endif
