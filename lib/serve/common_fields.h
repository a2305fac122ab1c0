/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records of several kinds have in common, as users see it. Called by any thread.
 */
#ifndef TT_SERVE_COMMON_FIELDS_H
#define TT_SERVE_COMMON_FIELDS_H

#include "base/sketch.h"
#include "serve/sink.h"
#include "shard/record.h"

#define TT_ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */
#define TT_UID_TEXT_SIZE     17 /* 16 hexadecimal digits, NUL */

void tt_uid_text(char text[TT_UID_TEXT_SIZE], uint64_t uid);
void tt_address_text(char text[TT_ADDRESS_TEXT_SIZE], uint8_t ip_version, const uint8_t *address);

/* "uid". */
void tt_uid_describe(struct tt_sink *sink, uint64_t uid);

/* The text of an address under `name`. */
void tt_address_describe(
	struct tt_sink *sink, const char *name, uint8_t ip_version, const uint8_t *address);

/* "transport": "tcp", ..., or "ip/N". */
void tt_transport_describe(struct tt_sink *sink, uint8_t ip_protocol);

/* "client" and "server", each with its address and port. */
void tt_endpoints_describe(struct tt_sink *sink, const struct tt_record_endpoints *endpoints);

/* "service": its name, by its number (rules/service.h); left out when it has none. */
void tt_service_describe(struct tt_sink *sink, uint32_t service);

/* "latency": quantiles in microseconds; left out when there is none. */
void tt_latency_describe(struct tt_sink *sink, const struct tt_sketch *latency);

#endif
