/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS in a worker: its handshakes become records for the control core, each behind the pieces of
 * the server's certificate. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_TLS_H
#define TT_PIPELINE_TLS_H

#include "config/config.h"
#include "protocol/quic_connection.h"
#include "protocol/tls_connection.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

struct tt_worker_tls {
	bool enabled;
	struct tt_tls_pool pool;
	struct tt_tls_consumer consumer; /* of every handshake */
	struct tt_quic_reader quic;
};

/* false without memory; tt_tls_worker_destroy() takes what there is apart. */
bool tt_tls_worker_create(
	struct tt_worker *worker, const struct tt_config *config, bool huge_pages);
void tt_tls_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_tls_worker_bytes(const struct tt_config *config);

#endif
