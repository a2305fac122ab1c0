/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that writes JSON (RFC 8259) without white space: one document a line makes NDJSON. The
 * text is UTF-8 whatever bytes came in: one that is part of no character, and each control
 * character, becomes \u00XX. Called by any thread; no two share one.
 */
#ifndef TT_SERVE_JSON_H
#define TT_SERVE_JSON_H

#include "serve/sink.h"

#include <stdio.h>

struct tt_json {
	struct tt_sink sink; /* give &json->sink to who describes the document */
	char *text;	     /* without a NUL; holds when tt_json_failed() says false */
	size_t length;
	size_t capacity;
	bool grows;
	bool failed;  /* no memory, or the bounded buffer is full */
	bool follows; /* a value stands before the next one in its object or array */
};

/* Into memory of its own that grows; the caller ends it with tt_json_free(). */
void tt_json_init(struct tt_json *json);

/* Into the caller's buffer, and no further: a document that does not fit fails. */
void tt_json_init_bounded(struct tt_json *json, char *buffer, size_t capacity);
void tt_json_free(struct tt_json *json);

/* The document is over: a line feed, behind which another may begin. */
void tt_json_end_line(struct tt_json *json);

/* Text that is no JSON, as printf() writes it: for what shares the memory with documents. */
__attribute__((format(printf, 2, 3))) void tt_json_raw(
	struct tt_json *json, const char *format, ...);

/* Begin another document in the same memory. */
void tt_json_clear(struct tt_json *json);

bool tt_json_failed(const struct tt_json *json);

/* Write the document and a line feed, and clear. 0, TT_ERROR_MEMORY when the document failed, and
 * then nothing is written, or TT_ERROR_IO. */
int tt_json_write_line(struct tt_json *json, FILE *out);

#endif
