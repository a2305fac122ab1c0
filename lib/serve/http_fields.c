/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http_fields.h"

#include "serve/common_fields.h"

/* The next text of the record; left out when it is empty. */
static const char *describe_text(
	struct tt_sink *sink, const char *name, const char *text, size_t length)
{
	if (length > 0)
		tt_sink_text(sink, name, text, length);
	return text + length;
}

static const char *version_text(uint8_t version)
{
	if (version == 20)
		return "2";
	return version == 10 ? "1.0" : "1.1";
}

static void describe_request(struct tt_sink *sink, const struct tt_http_record *transaction)
{
	const char *path = transaction->text;
	const char *method = path + transaction->path_bytes;
	const char *host = method + transaction->method_bytes;
	const char *route = host + transaction->host_bytes;
	const char *user_agent = route + transaction->route_bytes;

	describe_text(sink, "method", method, transaction->method_bytes);
	describe_text(sink, "host", host, transaction->host_bytes);
	describe_text(sink, "path", path, transaction->path_bytes);
	if ((transaction->flags & TT_HTTP_PATH_TRUNCATED) != 0)
		tt_sink_bool(sink, "path_truncated", true);
	describe_text(sink, "route", route, transaction->route_bytes);
	describe_text(sink, "user_agent", user_agent, transaction->user_agent_bytes);
	if ((transaction->flags & TT_HTTP_REQUEST_WHOLE) != 0)
		tt_sink_unsigned(sink, "request_bytes", transaction->request_bytes);
}

static void describe_response(struct tt_sink *sink, const struct tt_http_record *transaction)
{
	const char *content_type = transaction->text + transaction->path_bytes +
		transaction->method_bytes + transaction->host_bytes + transaction->route_bytes +
		transaction->user_agent_bytes;

	if (transaction->status != 0)
		tt_sink_unsigned(sink, "status", transaction->status);
	describe_text(sink, "content_type", content_type, transaction->content_type_bytes);
	if ((transaction->flags & TT_HTTP_RESPONSE_WHOLE) != 0)
		tt_sink_unsigned(sink, "response_bytes", transaction->response_bytes);
}

void tt_http_describe(
	struct tt_sink *sink, const char *name, const struct tt_http_record *transaction)
{
	const uint16_t both = TT_HTTP_REQUEST | TT_HTTP_RESPONSE;

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "http");
	tt_uid_describe(sink, transaction->uid);
	tt_endpoints_describe(sink, &transaction->endpoints);
	tt_service_describe(sink, transaction->service);
	if (transaction->version != 0)
		tt_sink_string(sink, "version", version_text(transaction->version));
	if (transaction->stream_id != 0)
		tt_sink_unsigned(sink, "stream_id", transaction->stream_id);
	if ((transaction->flags & TT_HTTP_REQUEST) != 0)
		describe_request(sink, transaction);
	if ((transaction->flags & TT_HTTP_RESPONSE) != 0)
		describe_response(sink, transaction);
	if ((transaction->flags & TT_HTTP_GRPC_STATUS) != 0)
		tt_sink_unsigned(sink, "grpc_status", transaction->grpc_status);
	tt_sink_unsigned(sink, "start_us", transaction->start_us);
	if ((transaction->flags & both) == both)
		tt_sink_unsigned(sink, "latency_us", transaction->latency_us);
	tt_sink_unsigned(sink, "duration_us", transaction->duration_us);
	tt_sink_end_object(sink);
}

static void describe_key(struct tt_sink *sink, const struct tt_http_stats_entry *entry)
{
	if (entry->other) {
		tt_sink_bool(sink, "other", true);
		return;
	}
	tt_address_describe(sink, "client", entry->ip_version, entry->client);
	tt_address_describe(sink, "server", entry->ip_version, entry->server);
	tt_sink_unsigned(sink, "server_port", entry->server_port);
	tt_service_describe(sink, entry->service);
	describe_text(sink, "method", entry->text.text, entry->method_bytes);
	describe_text(sink, "route", entry->text.text + entry->method_bytes,
		entry->text.length - entry->method_bytes);
	if (entry->status != 0)
		tt_sink_unsigned(sink, "status", entry->status);
}

void tt_http_stats_describe(
	struct tt_sink *sink, const char *name, const struct tt_http_stats_entry *entry)
{
	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "http_stats");
	describe_key(sink, entry);
	tt_sink_unsigned(sink, "count", entry->counts.count);
	tt_sink_unsigned(sink, "request_bytes", entry->counts.request_bytes);
	tt_sink_unsigned(sink, "response_bytes", entry->counts.response_bytes);
	tt_latency_describe(sink, &entry->latency);
	tt_sink_end_object(sink);
}
