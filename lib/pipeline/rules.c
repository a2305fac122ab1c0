/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rules.h"

#include "base/memory.h"
#include "pipeline/worker.h"
#include "protocol/protocol.h"

uint64_t tt_rules_worker_bytes(const struct tt_config *config)
{
	return (uint64_t)config->flow.connections * sizeof(uint32_t);
}

bool tt_rules_worker_create(struct tt_worker *worker, struct tt_rules_published *published,
	const struct tt_config *config, bool huge_pages)
{
	struct tt_worker_rules *rules = &worker->rules;

	rules->published = published;
	rules->memory_bytes = tt_rules_worker_bytes(config);
	rules->of_flow = tt_memory_map(rules->memory_bytes, huge_pages);
	return rules->of_flow != NULL;
}

void tt_rules_worker_destroy(struct tt_worker *worker)
{
	tt_memory_unmap(worker->rules.of_flow, worker->rules.memory_bytes);
}

static const struct tt_ruleset *ruleset_of(const struct tt_worker *worker)
{
	return atomic_load_explicit(&worker->rules.published->ruleset, memory_order_acquire);
}

static struct tt_rule_subject subject_of_key(const struct tt_flow_key *key, unsigned int client)
{
	bool low_is_client = client == 0;

	return (struct tt_rule_subject){
		.client = low_is_client ? key->low_address : key->high_address,
		.server = low_is_client ? key->high_address : key->low_address,
		.server_port = low_is_client ? key->high_port : key->low_port,
		.ip_version = key->ip_version,
	};
}

static struct tt_rule_subject subject_of(const struct tt_flow *flow, unsigned int client)
{
	struct tt_rule_subject subject = subject_of_key(&flow->key, client);

	if (flow->key.ip_protocol != IPPROTO_ICMP && flow->key.ip_protocol != IPPROTO_ICMPV6) {
		subject.encryption = flow->encryption;
		subject.application = flow->application;
	}
	return subject;
}

static uint32_t *place_of(struct tt_worker *worker, const struct tt_flow *flow)
{
	return &worker->rules.of_flow[tt_flow_table_number(worker->flows, flow)];
}

/* What a part of the flow meets, which the flow remembers if it is the first. */
static const struct tt_rule_action *meet(struct tt_worker *worker, const struct tt_ruleset *ruleset,
	const struct tt_flow *flow, const struct tt_rule_subject *subject)
{
	const struct tt_rule_action *action = tt_ruleset_match(ruleset, worker->number, subject);
	uint32_t *place = place_of(worker, flow);

	if (action != NULL && *place == 0 && (action->service != 0 || action->exclude)) {
		*place = TT_RULES_MET | (action->exclude ? TT_RULES_EXCLUDED : 0) | action->service;
		worker->rules.used = true;
	}
	return action;
}

const struct tt_rule_action *tt_rules_of_http(struct tt_worker *worker, const struct tt_flow *flow,
	const struct tt_http_transaction *transaction, unsigned int client)
{
	const struct tt_ruleset *ruleset = ruleset_of(worker);

	if (ruleset == NULL)
		return NULL;
	struct tt_rule_subject subject = subject_of(flow, client);
	subject.text[TT_RULE_HOST] = transaction->host;
	subject.text_bytes[TT_RULE_HOST] = transaction->host_bytes;
	subject.text[TT_RULE_PATH] = transaction->path;
	subject.text_bytes[TT_RULE_PATH] = transaction->path_bytes;
	subject.text[TT_RULE_METHOD] = transaction->method;
	subject.text_bytes[TT_RULE_METHOD] = transaction->method_bytes;
	return meet(worker, ruleset, flow, &subject);
}

const struct tt_rule_action *tt_rules_of_tls(struct tt_worker *worker, const struct tt_flow *flow,
	const struct tt_tls_handshake *handshake)
{
	const struct tt_ruleset *ruleset = ruleset_of(worker);

	if (ruleset == NULL)
		return NULL;
	struct tt_rule_subject subject = subject_of(flow, handshake->client_direction);
	subject.text[TT_RULE_SNI] = (const char *)handshake->server_name;
	subject.text_bytes[TT_RULE_SNI] = handshake->server_name_bytes;
	return meet(worker, ruleset, flow, &subject);
}

const struct tt_rule_action *tt_rules_of_dns(
	struct tt_worker *worker, const struct tt_dns_transaction *transaction)
{
	const struct tt_ruleset *ruleset = ruleset_of(worker);

	if (ruleset == NULL)
		return NULL;
	struct tt_rule_subject subject = subject_of_key(transaction->key, transaction->client);
	subject.application = TT_PROTOCOL_DNS;
	return tt_ruleset_match(ruleset, worker->number, &subject);
}

uint16_t tt_rules_of_flow(struct tt_worker *worker, const struct tt_flow *flow, bool *excluded)
{
	const struct tt_ruleset *ruleset = ruleset_of(worker);
	uint32_t met = worker->rules.used ? *place_of(worker, flow) : 0;

	*excluded = (met & TT_RULES_EXCLUDED) != 0;
	if (met != 0 || ruleset == NULL)
		return (uint16_t)met;
	struct tt_rule_subject subject = subject_of(flow, flow->client);
	const struct tt_rule_action *action = tt_ruleset_match(ruleset, worker->number, &subject);
	if (action == NULL)
		return 0;
	*excluded = action->exclude;
	return action->service;
}

static const struct tt_signatures *signatures_of(const struct tt_worker *worker)
{
	return atomic_load_explicit(&worker->rules.published->signatures, memory_order_acquire);
}

static enum tt_signature_layer layer_of(const struct tt_flow *flow)
{
	return flow->key.ip_protocol == IPPROTO_TCP ? TT_SIGNATURE_TCP : TT_SIGNATURE_UDP;
}

bool tt_rules_may_be_protocol(const struct tt_worker *worker, const struct tt_flow *flow,
	unsigned int direction, uint8_t first)
{
	const struct tt_signatures *signatures = signatures_of(worker);

	return signatures != NULL &&
		tt_signatures_may_match(
			signatures, layer_of(flow), direction == flow->client, first);
}

uint8_t tt_rules_protocol(struct tt_worker *worker, const struct tt_flow *flow,
	unsigned int direction, const uint8_t *bytes, size_t length)
{
	const struct tt_signatures *signatures = signatures_of(worker);

	return signatures == NULL ? TT_PROTOCOL_NONE
				  : tt_signatures_match(signatures, worker->number, layer_of(flow),
					    direction == flow->client, bytes, length);
}

void tt_rules_flow_begin(struct tt_worker *worker, const struct tt_flow *flow)
{
	*place_of(worker, flow) = 0;
}
