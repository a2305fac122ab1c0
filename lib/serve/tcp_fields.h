/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection's record says of TCP. What each metric is stands where it is computed, in
 * flow/tcp*.c.
 */
#ifndef TT_SERVE_TCP_FIELDS_H
#define TT_SERVE_TCP_FIELDS_H

#include "flow/tcp.h"
#include "serve/sink.h"

/* One object under `name`: of the connection as a whole. */
void tt_tcp_describe(struct tt_sink *sink, const char *name, const struct tt_tcp_summary *summary);

/* The metrics of one direction, into its object, which has been begun. */
void tt_tcp_half_describe(struct tt_sink *sink, const struct tt_tcp_summary_half *half);

#endif
