/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML reader: a document's nodes in the order of the text, each with its path, line and
 * column, from libyaml's events. It takes the part of YAML a configuration needs: one document of
 * mappings, sequences and scalars, at most TT_YAML_DEPTH deep; aliases, anchors, tags and further
 * documents are faults. Scalars stay text: what they mean is the schema's business. Called by
 * config/config.c; owns nothing after it returns.
 */
#ifndef TT_CONFIG_YAML_READER_H
#define TT_CONFIG_YAML_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_YAML_DEPTH	   8	      /* mappings and sequences inside each other */
#define TT_YAML_TEXT_BYTES (1U << 20) /* longest document */
#define TT_YAML_KEY_BYTES  64	      /* of a key in a path; what is longer is cut there */
#define TT_YAML_PATH_BYTES 1024

enum tt_yaml_kind {
	TT_YAML_SCALAR,
	TT_YAML_MAPPING,
	TT_YAML_SEQUENCE,
	TT_YAML_REFUSED /* a node that was given, but had a fault, already reported */
};

struct tt_yaml_node {
	enum tt_yaml_kind kind;
	const char *path;    /* "ports[1].pci", "" for the document. Bytes of a key other than
	                      * letters, digits, '_' and '-' stand in it as '?' */
	const char *pattern; /* the same without numbers: "ports[].pci" */
	uint32_t item;	     /* number in the innermost sequence of the path, from 0 */
	const char *scalar;  /* TT_YAML_SCALAR: its text, without NULs inside */
	bool plain;	     /* TT_YAML_SCALAR: not quoted and not a block */
	uint32_t line;	     /* from 1, of the node */
	uint32_t column;     /* from 1, in characters */
	uint32_t key_line;   /* of its key; where it has none, of the node */
	uint32_t key_column;
};

/* Strings and nodes passed to these live until they return. */
struct tt_yaml_visitor {
	/* false: what is inside this node is not visited. */
	bool (*node)(void *context, const struct tt_yaml_node *node);
	void (*fault)(void *context, const char *path, uint32_t line, uint32_t column,
		const char *message);
	void *context;
};

/* Visit the document at `text`. An empty one has no node. 0 when all of it was visited, faults or
 * not; TT_ERROR_SYNTAX when a fault ended the visit early; TT_ERROR_MEMORY. */
int tt_yaml_read(const char *text, size_t text_bytes, const struct tt_yaml_visitor *visitor);

#endif
