/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/tls.h"

#include "pipeline/worker.h"
#include "protocol/protocol.h"

/* Messages that are split, and certificates: of one handshake in so many at a time. */
#define HANDSHAKES_A_BUFFER 8

static uint32_t buffers(const struct tt_config *config)
{
	return config->tls.handshakes / HANDSHAKES_A_BUFFER + 1;
}

uint64_t tt_tls_worker_bytes(const struct tt_config *config)
{
	return config->tls.enabled ? tt_tls_pool_bytes(config->tls.handshakes, buffers(config)) : 0;
}

/* What the connection speaks inside (RFC 7301 6; the registry's identifiers), where that is in
 * clear. */
static enum tt_protocol application_of(const struct tt_tls_handshake *handshake)
{
	static const struct {
		const char *identifier;
		enum tt_protocol protocol;
	} known[] = {
		{"h2", TT_PROTOCOL_HTTP2},
		{"http/1.1", TT_PROTOCOL_HTTP},
		{"http/1.0", TT_PROTOCOL_HTTP},
		{"dot", TT_PROTOCOL_DNS},
		{"imap", TT_PROTOCOL_IMAP},
		{"pop3", TT_PROTOCOL_POP3},
		{"ftp", TT_PROTOCOL_FTP},
		{"mqtt", TT_PROTOCOL_MQTT},
		{"postgresql", TT_PROTOCOL_POSTGRES},
	};

	for (unsigned int i = 0; i < RTE_DIM(known); i++)
		if (strlen(known[i].identifier) == handshake->alpn_bytes &&
			memcmp(known[i].identifier, handshake->alpn, handshake->alpn_bytes) == 0)
			return known[i].protocol;
	return TT_PROTOCOL_NONE;
}

/* The certificate, in pieces; false when there is no room for all of them. */
static bool report_certificate(struct tt_worker *worker, const struct tt_tls_event *event)
{
	const uint32_t most = TT_RECORD_LIMIT_BYTES - sizeof(struct tt_certificate_record);

	for (uint32_t offset = 0; offset < event->certificate_bytes; offset += most) {
		uint32_t length = RTE_MIN(event->certificate_bytes - offset, most);
		struct tt_certificate_record *piece = tt_worker_reserve(worker,
			TT_RECORD_CERTIFICATE, sizeof(struct tt_certificate_record) + length);

		if (piece == NULL)
			return false;
		piece->offset = offset;
		piece->length = length;
		memcpy(piece->bytes, event->certificate + offset, length);
		tt_shard_commit(worker->shard);
	}
	return true;
}

static void report(void *context, const struct tt_tls_event *event)
{
	struct tt_worker *worker = context;
	struct tt_flow *flow = worker->payload.reading.flow;
	const struct tt_tls_handshake *handshake = event->handshake;
	enum tt_protocol application = application_of(handshake);
	const struct tt_rule_action *action;
	/* Of the values alone that are used. */
	size_t handshake_bytes = offsetof(struct tt_tls_handshake, fingerprint.value) +
		handshake->fingerprint.used * sizeof(handshake->fingerprint.value[0]);

	if (application != TT_PROTOCOL_NONE)
		flow->application = (uint8_t)application;
	action = tt_rules_of_tls(worker, flow, handshake);
	if (action != NULL && action->exclude) {
		tt_counter_add(&worker->counters.excluded_records, 1);
		return;
	}
	bool certified = event->certificate != NULL && report_certificate(worker, event);
	struct tt_tls_handshake_record *record = tt_worker_reserve(worker, TT_RECORD_TLS,
		offsetof(struct tt_tls_handshake_record, handshake) + handshake_bytes);
	if (record == NULL) {
		tt_counter_add(&worker->counters.tls_records_lost, 1);
		return;
	}
	record->uid = flow->uid;
	tt_record_endpoints_make(&record->endpoints, &flow->key, handshake->client_direction);
	record->service = action == NULL ? 0 : action->service;
	record->certificate_bytes = certified ? event->certificate_bytes : 0;
	memcpy(&record->handshake, handshake, handshake_bytes);
	tt_shard_commit(worker->shard);
}

bool tt_tls_worker_create(struct tt_worker *worker, const struct tt_config *config, bool huge_pages)
{
	struct tt_worker_tls *tls = &worker->tls;

	tls->enabled = config->tls.enabled;
	tls->consumer = (struct tt_tls_consumer){.handshake = report, .context = worker};
	return !tls->enabled ||
		(tt_tls_pool_create(
			 &tls->pool, config->tls.handshakes, buffers(config), huge_pages) == 0 &&
			tt_quic_reader_create(&tls->quic) == 0);
}

void tt_tls_worker_destroy(struct tt_worker *worker)
{
	if (!worker->tls.enabled)
		return;
	tt_tls_pool_destroy(&worker->tls.pool);
	tt_quic_reader_destroy(&worker->tls.quic);
}
