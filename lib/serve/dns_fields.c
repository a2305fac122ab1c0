/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/dns_fields.h"

#include "protocol/dns_text.h"
#include "protocol/dns_transactions.h"
#include "serve/common_fields.h"
#include "serve/connection_fields.h"

static const char *status_name(uint8_t status)
{
	static const char *const names[] = {
		[TT_DNS_ANSWERED] = "answered",
		[TT_DNS_TIMEOUT] = "timeout",
		[TT_DNS_UNSOLICITED] = "unsolicited",
	};

	return names[status];
}

static void describe_answer(struct tt_sink *sink, const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	char type[TT_DNS_CODE_TEXT], data[TT_DNS_DATA_TEXT];
	struct tt_dns_name owner;

	tt_sink_begin_object(sink, NULL);
	tt_sink_string(sink, "type", tt_dns_type_text(type, record->type));
	if (tt_dns_name_read(&owner, message->bytes, message->length, record->name_offset) != 0)
		tt_sink_text(sink, "name", owner.text, owner.length);
	tt_sink_text(sink, "data", data, tt_dns_data_text(data, message, record));
	tt_sink_unsigned(sink, "ttl", record->ttl_s);
	tt_sink_end_object(sink);
}

static void describe_answers(struct tt_sink *sink, const uint8_t *bytes, size_t length)
{
	struct tt_dns_message message;
	struct tt_dns_record record;

	if (tt_dns_parse(&message, bytes, length) != TT_DNS_OK)
		return;
	struct tt_dns_records records = tt_dns_records(&message);
	tt_sink_begin_array(sink, "answers");
	while (tt_dns_record_next(&records, &record) && record.section == TT_DNS_ANSWER)
		describe_answer(sink, &message, &record);
	tt_sink_end_array(sink);
}

void tt_dns_describe(
	struct tt_sink *sink, const char *name, const struct tt_dns_transaction_record *transaction)
{
	char text[TT_DNS_CODE_TEXT];

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "dns");
	tt_uid_describe(sink, transaction->uid);
	tt_endpoints_describe(sink, &transaction->endpoints);
	tt_transport_describe(sink, transaction->endpoints.ip_protocol);
	tt_service_describe(sink, transaction->service);
	tt_sink_unsigned(sink, "id", transaction->id);
	if (transaction->name_bytes > 0) {
		tt_sink_text(sink, "query", transaction->bytes, transaction->name_bytes);
		tt_sink_string(sink, "query_type", tt_dns_type_text(text, transaction->query_type));
	}
	if (transaction->flags & TT_DNS_RECORD_HAS_RCODE)
		tt_sink_string(sink, "rcode", tt_dns_rcode_text(text, transaction->rcode));
	tt_sink_string(sink, "status", status_name(transaction->status));
	tt_sink_unsigned(sink, "start_us", transaction->start_us);
	if (transaction->status == TT_DNS_ANSWERED)
		tt_sink_unsigned(sink, "latency_us", transaction->latency_us);
	tt_sink_unsigned(sink, "retransmits", transaction->retransmits);
	if (transaction->message_bytes > 0) {
		tt_sink_bool(
			sink, "truncated", (transaction->flags & TT_DNS_RECORD_TRUNCATED) != 0);
		describe_answers(sink, transaction->bytes + transaction->name_bytes,
			transaction->message_bytes);
	}
	tt_sink_end_object(sink);
}

static void describe_rcodes(struct tt_sink *sink, const struct tt_dns_stats_counts *counts)
{
	char text[TT_DNS_CODE_TEXT];

	tt_sink_begin_object(sink, "rcodes");
	for (uint16_t rcode = 0; rcode < TT_DNS_STATS_RCODES; rcode++)
		if (counts->rcodes[rcode] > 0)
			tt_sink_unsigned(
				sink, tt_dns_rcode_text(text, rcode), counts->rcodes[rcode]);
	if (counts->other_rcodes > 0)
		tt_sink_unsigned(sink, "other", counts->other_rcodes);
	tt_sink_end_object(sink);
}

static void describe_key(struct tt_sink *sink, const struct tt_dns_stats_entry *entry)
{
	char type[TT_DNS_CODE_TEXT];

	if (entry->other) {
		tt_sink_bool(sink, "other", true);
		return;
	}
	tt_address_describe(sink, "client", entry->ip_version, entry->client);
	tt_address_describe(sink, "server", entry->ip_version, entry->server);
	if (entry->domain.length > 0) {
		tt_sink_text(sink, "query", entry->domain.text, entry->domain.length);
		tt_sink_string(sink, "query_type", tt_dns_type_text(type, entry->query_type));
	}
	if (entry->grouped)
		tt_sink_bool(sink, "grouped", true);
}

void tt_dns_stats_describe(
	struct tt_sink *sink, const char *name, const struct tt_dns_stats_entry *entry)
{
	const struct tt_dns_stats_counts *counts = &entry->counts;

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "dns_stats");
	describe_key(sink, entry);
	tt_sink_unsigned(sink, "count", counts->count);
	tt_sink_unsigned(sink, "timeouts", counts->timeouts);
	describe_rcodes(sink, counts);
	tt_sink_unsigned(sink, "latency_success_us", counts->latency_success_us);
	tt_sink_unsigned(sink, "latency_failure_us", counts->latency_failure_us);
	tt_latency_describe(sink, &entry->latency);
	tt_sink_end_object(sink);
}

void tt_names_describe(struct tt_sink *sink, const char *name, unsigned int ip_version,
	const uint8_t *address, struct tt_names_name *names, unsigned int count)
{
	uint64_t expires_us = 0;

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "names");
	tt_address_describe(sink, "address", (uint8_t)ip_version, address);
	for (unsigned int i = 0; i < count; i++)
		if (names[i].expires_us > expires_us)
			expires_us = names[i].expires_us;
	tt_names_array_describe(sink, names, count);
	if (count > 0)
		tt_sink_unsigned(sink, "expires_us", expires_us);
	tt_sink_end_object(sink);
}
