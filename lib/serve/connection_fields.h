/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `connection` record, as users see it. Called by any thread.
 */
#ifndef TT_SERVE_CONNECTION_FIELDS_H
#define TT_SERVE_CONNECTION_FIELDS_H

#include "protocol/names.h"
#include "serve/sink.h"
#include "shard/record.h"

#define TT_ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */
#define TT_UID_TEXT_SIZE     17 /* 16 hexadecimal digits, NUL */

void tt_uid_text(char text[TT_UID_TEXT_SIZE], uint64_t uid);

/* "tcp", ..., or "ip/N", and an address with its port: for other records as well. */
void tt_transport_describe(struct tt_sink *sink, uint8_t ip_protocol);
void tt_address_text(char text[TT_ADDRESS_TEXT_SIZE], uint8_t ip_version, const uint8_t *address);

/* Names of one address, in an array called "names", the one learned last first; puts them in this
 * order. */
void tt_names_array_describe(struct tt_sink *sink, struct tt_names_name *names, unsigned int count);

/* One object under `name` (sink.h). What is not known is left out. The addresses' names are those
 * they had when the connection began; `names` NULL: nobody knows. */
void tt_connection_describe(struct tt_sink *sink, const char *name,
	const struct tt_connection_record *connection, const struct tt_names *names);

#endif
