/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS in a worker: what the transactions in its messages become, records for the control core and
 * statistics. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_DNS_H
#define TT_PIPELINE_DNS_H

#include "config/config.h"
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

/* The end of the run: every pending query, and the statistics. Waits for the control core. */
void tt_dns_drain(struct tt_worker *worker);

/* The well-known ports: 53 (RFC 1035), 5353 (RFC 6762), 5355 (RFC 4795). */
static inline bool tt_dns_port(uint16_t port)
{
	return port == 53 || port == 5353 || port == 5355;
}

#endif
