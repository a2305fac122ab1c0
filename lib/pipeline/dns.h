/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS in a worker: what the transactions in its messages become, records for the control core and
 * statistics. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_DNS_H
#define TT_PIPELINE_DNS_H

#include "config/config.h"
#include "flow/flow.h"
#include "protocol/dns_stats.h"
#include "protocol/dns_stream.h"
#include "protocol/dns_transactions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_worker;

struct tt_worker_dns {
	struct tt_dns_transactions *transactions; /* NULL: DNS is not followed */
	struct tt_dns_stats *stats;
	uint32_t pending_limit;
	uint32_t key_limit;
	struct tt_dns_stream_pool messages; /* split ones, of TCP */
	uint64_t swept_us;
	uint64_t ports[(UINT16_MAX + 1) / 64]; /* bit 1 << number, of its ports */
};

/* false without memory; tt_dns_worker_destroy() takes what there is apart. */
bool tt_dns_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages);
void tt_dns_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_dns_worker_bytes(const struct tt_config *config);

/* A message of worker->payload.reading, sent in `direction`. */
void tt_dns_take_message(
	struct tt_worker *worker, unsigned int direction, const uint8_t *bytes, size_t length);

/* Time passes. */
void tt_dns_sweep(struct tt_worker *worker);

/* The end of the run: every pending query. Waits for the control core. */
void tt_dns_drain(struct tt_worker *worker);

/* Is it one of the ports of DNS, the well-known and the configured ones? */
static inline bool tt_dns_port(const struct tt_worker_dns *dns, uint16_t port)
{
	return (dns->ports[port / 64] >> port % 64 & 1) != 0;
}

/* Is the flow on one, and DNS followed? */
static inline bool tt_dns_is_expected(const struct tt_worker_dns *dns, const struct tt_flow *flow)
{
	return dns->transactions != NULL &&
		(tt_dns_port(dns, flow->key.low_port) || tt_dns_port(dns, flow->key.high_port));
}

#endif
