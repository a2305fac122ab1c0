/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint of the pull API answers with: a status, and text that it writes piece by piece
 * while it is being sent. Endpoints know nothing of HTTP beyond this. Private to lib/serve.
 */
#ifndef TT_SERVE_ANSWER_H
#define TT_SERVE_ANSWER_H

#include "serve/json.h"
#include "serve/status_fields.h"

#include <stdbool.h>
#include <stddef.h>

#define TT_ANSWER_PIECE_BYTES (128 * 1024) /* a piece ends about there */

/* Parameters that an endpoint may be given; NULL: it was not. */
struct tt_request {
	const char *client;
	const char *cursor;
	const char *max;
	const char *delta;
	const char *all;
};

/* A piece has been written, and there are more; it was the last one; or the rest cannot be given,
 * and whoever reads must not take what he got for the whole. */
enum tt_answer_progress {
	TT_ANSWER_MORE,
	TT_ANSWER_END,
	TT_ANSWER_BROKEN
};

struct tt_answer {
	unsigned int status; /* HTTP's; 200 to begin with */
	const char *content_type;
	struct tt_json text; /* the piece that is written; what is sent is taken out of it */

	/* Writes the next piece. NULL: what `text` holds is all. */
	enum tt_answer_progress (*write)(struct tt_answer *answer);
	/* Before `state` is freed, however the answer ended. NULL: nothing is to be done. */
	void (*release)(struct tt_answer *answer);
	void *state; /* of the endpoint, freed with free() */
	const struct tt_status *from;
};

/* One of the endpoints; fills *answer, which has only `from` and an empty text. */
typedef void (*tt_endpoint)(struct tt_answer *answer, const struct tt_request *request);

/* The whole answer is a status and {"error": message}. */
void tt_answer_error(struct tt_answer *answer, unsigned int status, const char *message);

/* One line of NDJSON ends here. */
void tt_answer_end_line(struct tt_answer *answer);

void tt_endpoint_connections(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_dns_stats(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_http_stats(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_names(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_stats(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_health(struct tt_answer *answer, const struct tt_request *request);
void tt_endpoint_metrics(struct tt_answer *answer, const struct tt_request *request);

#endif
