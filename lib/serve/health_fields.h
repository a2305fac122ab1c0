/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance's health, as users see it. Called by any thread.
 */
#ifndef TT_SERVE_HEALTH_FIELDS_H
#define TT_SERVE_HEALTH_FIELDS_H

#include "control/health.h"
#include "serve/sink.h"

#define TT_HEALTH_REASON_BYTES 96

/* What is wrong, one text a fault and worker: up to `limit` of them. Returns how many. */
unsigned int tt_health_reasons(const struct tt_health *health,
	char (*reasons)[TT_HEALTH_REASON_BYTES], unsigned int limit);

/* One object under `name` (sink.h). */
void tt_health_describe(struct tt_sink *sink, const char *name, const struct tt_health *health);

/* A client that pulls. */
void tt_client_describe(
	struct tt_sink *sink, const char *name, const struct tt_client_state *client);

#endif
