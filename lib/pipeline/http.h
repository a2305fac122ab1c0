/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP in a worker: what its transactions become, records for the control core and statistics.
 * Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_HTTP_H
#define TT_PIPELINE_HTTP_H

#include "config/config.h"
#include "protocol/http1_connection.h"
#include "protocol/http2_connection.h"
#include "protocol/http_stats.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

struct tt_worker_http {
	struct tt_http_stats *stats; /* NULL: HTTP is not followed */
	uint32_t key_limit;
	struct tt_http1_pool http1;
	struct tt_http2_pool http2;
};

/* false without memory; tt_http_worker_destroy() takes what there is apart. */
bool tt_http_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages);
void tt_http_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_http_worker_bytes(const struct tt_config *config);

#endif
