/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What scripts see of DNS: transactions, statistics, and names of addresses.
 */
#ifndef TT_SERVE_DNS_FIELDS_H
#define TT_SERVE_DNS_FIELDS_H

#include "protocol/dns_stats.h"
#include "protocol/names.h"
#include "serve/sink.h"
#include "shard/record.h"

/* One object under `name` (sink.h): a transaction. Answers of a message that was cut, or that turns
 * unsound, are given as far as they can be read. */
void tt_dns_describe(struct tt_sink *sink, const char *name,
	const struct tt_dns_transaction_record *transaction);

/* A key of the statistics. */
void tt_dns_stats_describe(
	struct tt_sink *sink, const char *name, const struct tt_dns_stats_entry *entry);

/* An address and its names, at most TT_NAMES_AN_ADDRESS and at least one. */
void tt_names_describe(struct tt_sink *sink, const char *name, unsigned int ip_version,
	const uint8_t *address, struct tt_names_name *names, unsigned int count);

#endif
