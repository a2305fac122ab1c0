/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: what became of each packet that a port delivered. Every path that frees a packet
 * names its reason here or has processed it, so that, once nothing is in flight,
 *
 *     received = processed + the sum of dropped
 *
 * Written by one worker, read by anyone.
 */
#ifndef TT_PIPELINE_LEDGER_H
#define TT_PIPELINE_LEDGER_H

#include "base/counter.h"

enum tt_drop_reason {
	TT_DROP_NOT_IP,
	TT_DROP_BAD_LINK,
	TT_DROP_BAD_IPV4,
	TT_DROP_BAD_IPV6,
	TT_DROP_EXCLUDED,  /* by the configured filters */
	TT_DROP_DUPLICATE, /* of a packet that came before */
	TT_DROP_RING_FULL, /* the worker that owns the flow was too far behind */
	TT_DROP_SHED,	   /* of flows that an overloaded worker does not begin (overload.h) */
	TT_DROP_REASONS
};

/* "not_ip", "malformed_ipv4", ...; static. */
const char *tt_drop_reason_name(enum tt_drop_reason reason);

struct tt_ledger {
	tt_counter received; /* from ports, by this worker */
	tt_counter received_bytes;
	tt_counter processed;
	tt_counter dropped[TT_DROP_REASONS];
};

#endif
