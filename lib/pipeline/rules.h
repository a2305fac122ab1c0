/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules in a worker: which of them an HTTP request, a TLS handshake or a connection meets. The
 * connection remembers what the first of its requests or handshakes met that met one; what it is by
 * addresses, port and protocol counts for the others when they are reported. Without rules nothing
 * is done, and packets that end nothing never come here. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_RULES_H
#define TT_PIPELINE_RULES_H

#include "config/config.h"
#include "flow/flow.h"
#include "protocol/dns_transactions.h"
#include "protocol/http.h"
#include "protocol/tls_connection.h"
#include "rules/rules.h"
#include "rules/signatures.h"

#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

/* The rules and signatures that hold, and which of the workers may still look at those before. */
struct tt_rules_published {
	/* reload: wo, workers: ro; NULL: there are none */
	struct tt_ruleset *_Atomic ruleset;
	struct tt_signatures *_Atomic signatures;
	struct rte_rcu_qsbr *readers; /* a thread a worker */
};

struct tt_worker_rules {
	struct tt_rules_published *published; /* the pipeline's */
	uint32_t *of_flow; /* by entry number: service, and enum tt_rules_flag; 0: met none */
	bool used;	   /* any of them has been written */
	size_t memory_bytes;
};

/* Behind the 16 bits of the service. */
enum tt_rules_flag {
	TT_RULES_MET = 1 << 16,
	TT_RULES_EXCLUDED = 1 << 17
};

/* false without memory; tt_rules_worker_destroy() takes what there is apart. */
bool tt_rules_worker_create(struct tt_worker *worker, struct tt_rules_published *published,
	const struct tt_config *config, bool huge_pages);
void tt_rules_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for it. */
uint64_t tt_rules_worker_bytes(const struct tt_config *config);

/* What the rule says that a transaction or handshake of the flow meets; NULL: none. Holds until the
 * worker's round ends. `client`: the direction of the client's packets. */
const struct tt_rule_action *tt_rules_of_http(struct tt_worker *worker, const struct tt_flow *flow,
	const struct tt_http_transaction *transaction, unsigned int client);
const struct tt_rule_action *tt_rules_of_tls(struct tt_worker *worker, const struct tt_flow *flow,
	const struct tt_tls_handshake *handshake);

/* The same of a DNS transaction, whose flow may be gone: by its addresses, port and protocol. */
const struct tt_rule_action *tt_rules_of_dns(
	struct tt_worker *worker, const struct tt_dns_transaction *transaction);

/* The service of a flow; 0: none. *excluded: its record is left out. */
uint16_t tt_rules_of_flow(struct tt_worker *worker, const struct tt_flow *flow, bool *excluded);

/* The protocol of a direction's first bytes, or of a datagram, that no parser knows; TT_PROTOCOL_NONE:
 * nor does a signature. `length` over 0. */
uint8_t tt_rules_protocol(struct tt_worker *worker, const struct tt_flow *flow,
	unsigned int direction, const uint8_t *bytes, size_t length);

/* May more bytes of a stream that begins with this one be a protocol's of a signature? */
bool tt_rules_may_be_protocol(const struct tt_worker *worker, const struct tt_flow *flow,
	unsigned int direction, uint8_t first);

/* The flow is new, and its entry may have been another's. */
void tt_rules_flow_begin(struct tt_worker *worker, const struct tt_flow *flow);

#endif
