/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/telemetry.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "pipeline/ledger_totals.h"
#include "serve/connection_fields.h"
#include "serve/dns_fields.h"
#include "serve/health_fields.h"
#include "serve/http_fields.h"
#include "serve/json.h"
#include "serve/status_fields.h"
#include "serve/summary_fields.h"
#include "serve/telemetry_sink.h"
#include "serve/tls_fields.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

/* Of the elements of a page, in JSON; the rest of a reply is for what stands around them. */
#define PAGE_BYTES 14000

/* Connections of a page before their size is looked at; short ones fill a reply about then. */
#define PAGE_CONNECTIONS 24

#define ELEMENT_LIMIT_BYTES 8192
#define CLIENTS_LIMIT	    64 /* of clients.limit */

/* The library's callbacks have no context: what they are to answer from. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t idle;
	bool registered; /* the starting thread's own */
	bool running;
	unsigned int callers;
	struct tt_status status; /* holds while running or callers > 0 */
} telemetry = {.mutex = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};

/* A list of which a reply has a page. */
struct list {
	void (*describe)(
		struct tt_sink *sink, const char *name, const void *context, uint32_t index);
	const void *context;
};

/* How many of the elements from `first` to `end` fit into a page: at least one. */
static uint32_t fitting(const struct list *list, uint32_t first, uint32_t end)
{
	char buffer[ELEMENT_LIMIT_BYTES];
	struct tt_json json;
	size_t bytes = 0;
	uint32_t index = first;

	while (index < end) {
		tt_json_init_bounded(&json, buffer, sizeof(buffer));
		list->describe(&json.sink, NULL, list->context, index);
		bytes += tt_json_failed(&json) ? PAGE_BYTES : json.length + sizeof("\"00\":");
		if (bytes > PAGE_BYTES && index > first)
			break;
		index++;
	}
	return index - first;
}

/* An object of objects, for the library has no array of them; an object too when it is empty. */
static void describe_list(struct tt_sink *sink, const char *name, const struct list *list,
	uint32_t first, uint32_t count)
{
	char number[16];

	tt_sink_begin_object(sink, name);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(number, sizeof(number), "%" PRIu32, i);
		list->describe(sink, number, list->context, first + i);
	}
	tt_sink_end_object(sink);
}

/* The decimal number at *text, at most `limit`; *text moves behind it. */
static bool read_number(const char **text, uint64_t limit, uint64_t *number)
{
	const char *at = *text;

	*number = 0;
	while (*at >= '0' && *at <= '9') {
		uint64_t digit = (uint64_t)(*at++ - '0');

		if (*number > (limit - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	return true;
}

/* A parameter that is one number below `end`; none is 0 where it may be left out. */
static bool read_index(const char *parameter, uint64_t end, bool optional, uint64_t *index)
{
	if (parameter == NULL) {
		*index = 0;
		return optional;
	}
	return read_number(&parameter, UINT64_MAX, index) && *parameter == '\0' && *index < end;
}

static int answer_info(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	if (parameter != NULL)
		return TT_ERROR_ARGUMENT;
	tt_info_describe(sink, NULL, status);
	return TT_OK;
}

/* A page of something that is numbered from 0 to end - 1. */
static int answer_numbered(const char *name, const struct list *list, uint64_t end,
	const char *parameter, struct tt_sink *sink)
{
	uint64_t first;

	if (!read_index(parameter, end, true, &first))
		return TT_ERROR_ARGUMENT;
	uint32_t count = fitting(list, (uint32_t)first, (uint32_t)end);
	tt_sink_begin_object(sink, NULL);
	describe_list(sink, name, list, (uint32_t)first, count);
	if (first + count < end)
		tt_sink_unsigned(sink, "next", first + count);
	tt_sink_end_object(sink);
	return TT_OK;
}

static void describe_port(
	struct tt_sink *sink, const char *name, const void *context, uint32_t index)
{
	tt_port_describe(sink, name, context, index);
}

static int answer_ports(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	const struct list list = {describe_port, status};

	return answer_numbered(
		"ports", &list, tt_driver_port_count(status->driver), parameter, sink);
}

static void describe_worker(
	struct tt_sink *sink, const char *name, const void *context, uint32_t index)
{
	tt_worker_describe(sink, name, context, index);
}

static int answer_workers(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	const struct list list = {describe_worker, status};

	return answer_numbered("workers", &list,
		tt_pipeline_worker_count(tt_control_pipeline(status->control)), parameter, sink);
}

static int answer_stages(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	uint64_t worker;

	if (!read_index(parameter, tt_pipeline_worker_count(tt_control_pipeline(status->control)),
		    false, &worker))
		return TT_ERROR_ARGUMENT;
	tt_stages_describe(sink, NULL, status, (uint32_t)worker);
	return TT_OK;
}

static int answer_ledger(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct tt_ledger_totals totals;

	if (parameter != NULL)
		return TT_ERROR_ARGUMENT;
	tt_ledger_totals(&totals, tt_control_pipeline(status->control), status->driver);
	tt_ledger_describe(sink, NULL, &totals);
	return TT_OK;
}

static int answer_limits(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	if (parameter != NULL)
		return TT_ERROR_ARGUMENT;
	tt_limits_describe(sink, NULL, status);
	return TT_OK;
}

static int answer_health(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct tt_health health;

	if (parameter != NULL)
		return TT_ERROR_ARGUMENT;
	tt_control_health(status->control, &health);
	tt_health_describe(sink, NULL, &health);
	return TT_OK;
}

struct clients {
	struct tt_client_state states[CLIENTS_LIMIT];
	uint32_t count;
};

static void describe_client(
	struct tt_sink *sink, const char *name, const void *context, uint32_t index)
{
	const struct clients *clients = context;

	tt_client_describe(sink, name, &clients->states[index]);
}

static int answer_clients(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct clients clients = {.count = 0};
	const struct list list = {describe_client, &clients};
	uint32_t place = 0;

	while (clients.count < CLIENTS_LIMIT &&
		tt_control_client(status->control, &place, &clients.states[clients.count]))
		clients.count++;
	if (clients.count == 0 && parameter == NULL) {
		tt_sink_begin_object(sink, NULL);
		describe_list(sink, "clients", &list, 0, 0);
		tt_sink_end_object(sink);
		return TT_OK;
	}
	return answer_numbered("clients", &list, clients.count, parameter, sink);
}

/* A page of them, and the names of their addresses while these are held. */
struct connections {
	struct tt_control_page page;
	const struct tt_names *names;
};

static void describe_connection(
	struct tt_sink *sink, const char *name, const void *context, uint32_t index)
{
	const struct connections *connections = context;

	tt_connection_describe(
		sink, name, &connections->page.records[index], connections->names, NULL);
}

/* "WORKER:SLOT", where the table of which worker is to be read on. */
static bool read_cursor(const char *text, struct tt_control_cursor *cursor)
{
	uint64_t worker, slot;

	if (!read_number(&text, UINT32_MAX, &worker) || *text++ != ':' ||
		!read_number(&text, UINT32_MAX, &slot) || *text != '\0')
		return false;
	*cursor = (struct tt_control_cursor){(uint32_t)worker, (uint32_t)slot};
	return true;
}

static int answer_connections(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct tt_control_cursor start = {0}, cursor;
	struct connections connections;
	const struct list list = {describe_connection, &connections};
	uint32_t limit = PAGE_CONNECTIONS, count;
	char next[32];
	int code;

	if (parameter != NULL && !read_cursor(parameter, &start))
		return TT_ERROR_ARGUMENT;
	/* A cursor stands behind a page's last connection: one that does not fit whole is asked for
	 * again, shorter. */
	for (;;) {
		cursor = start;
		code = tt_control_active(status->control, &cursor, limit, &connections.page);
		if (code != TT_OK && code != TT_ERROR_END)
			return code;
		connections.names = tt_control_names_hold(status->control);
		count = fitting(&list, 0, connections.page.count);
		if (count == connections.page.count)
			break;
		tt_control_names_release(status->control);
		limit = count;
	}
	tt_sink_begin_object(sink, NULL);
	describe_list(sink, "connections", &list, 0, count);
	tt_control_names_release(status->control);
	if (code != TT_ERROR_END) {
		snprintf(next, sizeof(next), "%" PRIu32 ":%" PRIu32, cursor.worker, cursor.slot);
		tt_sink_string(sink, "next", next);
	}
	tt_sink_end_object(sink);
	return TT_OK;
}

static int answer_closed(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	uint64_t sequence, lost = 0;
	struct connections connections;
	const struct list list = {describe_connection, &connections};

	if (!read_index(parameter, UINT64_MAX, true, &sequence))
		return TT_ERROR_ARGUMENT;
	if (sequence == 0)
		sequence = 1;
	uint32_t found = tt_control_closed(status->control, &sequence, &lost, &connections.page);

	connections.names = tt_control_names_hold(status->control);
	uint32_t count = fitting(&list, 0, found);

	sequence -= found - count;
	tt_sink_begin_object(sink, NULL);
	describe_list(sink, "connections", &list, 0, count);
	tt_control_names_release(status->control);
	tt_sink_unsigned(sink, "lost", lost);
	tt_sink_unsigned(sink, "sequence", sequence);
	if (count < found || found == TT_CONTROL_PAGE)
		tt_sink_unsigned(sink, "next", sequence);
	tt_sink_end_object(sink);
	return TT_OK;
}

/* What of a record fits into a reply: without its answers, or its certificate, when all of it does
 * not. */
static void describe_event(struct tt_sink *sink, const char *name, const struct tt_event_page *page,
	uint32_t index, bool whole)
{
	const struct tt_record *record = page->event[index].record;
	const void *body = record;
	union {
		struct tt_dns_transaction_record dns;
		uint8_t bytes[TT_RECORD_LIMIT_BYTES];
	} without_answers;

	switch ((enum tt_record_kind)record->kind) {
	case TT_RECORD_HTTP:
		tt_http_describe(sink, name, body);
		break;
	case TT_RECORD_TLS:
		tt_tls_describe(sink, name, body, whole ? page->event[index].tail : NULL);
		break;
	default:
		if (!whole) {
			memcpy(&without_answers, record, record->size_bytes);
			without_answers.dns.message_bytes = 0;
			body = &without_answers;
		}
		tt_dns_describe(sink, name, body);
	}
}

static void describe_fitting_event(
	struct tt_sink *sink, const char *name, const void *context, uint32_t index)
{
	char buffer[ELEMENT_LIMIT_BYTES];
	struct tt_json json;

	tt_json_init_bounded(&json, buffer, sizeof(buffer));
	describe_event(&json.sink, NULL, context, index, true);
	describe_event(sink, name, context, index, !tt_json_failed(&json));
}

static int answer_events(const struct tt_status *status, enum tt_event_kind kind, const char *name,
	const char *parameter, struct tt_sink *sink)
{
	uint64_t sequence, lost = 0;
	struct tt_event_page page;
	const struct list list = {describe_fitting_event, &page};

	if (!read_index(parameter, UINT64_MAX, true, &sequence))
		return TT_ERROR_ARGUMENT;
	if (sequence == 0)
		sequence = 1;
	uint32_t found = tt_control_events(status->control, kind, &sequence, &lost, &page);
	uint32_t count = fitting(&list, 0, found);

	sequence -= found - count;
	tt_sink_begin_object(sink, NULL);
	describe_list(sink, name, &list, 0, count);
	tt_sink_unsigned(sink, "lost", lost);
	tt_sink_unsigned(sink, "sequence", sequence);
	/* A page without any is the last. */
	if (count > 0)
		tt_sink_unsigned(sink, "next", sequence);
	tt_sink_end_object(sink);
	return TT_OK;
}

static int answer_dns(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	return answer_events(status, TT_EVENT_DNS, "dns", parameter, sink);
}

static int answer_http(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	return answer_events(status, TT_EVENT_HTTP, "http", parameter, sink);
}

static int answer_tls(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	return answer_events(status, TT_EVENT_TLS, "tls", parameter, sink);
}

static int answer_names(const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	uint8_t address[16] = {0};
	unsigned int ip_version = 4, count = 0;

	if (parameter == NULL)
		return TT_ERROR_ARGUMENT;
	if (inet_pton(AF_INET, parameter, address) != 1) {
		ip_version = 6;
		if (inet_pton(AF_INET6, parameter, address) != 1)
			return TT_ERROR_ARGUMENT;
	}
	const struct tt_names *names = tt_control_names_hold(status->control);
	if (names != NULL)
		count = tt_names_lookup(names, ip_version, address, tt_clock_wall_us(), found);
	tt_names_describe(sink, NULL, ip_version, address, found, count);
	tt_control_names_release(status->control);
	return TT_OK;
}

static int answer_reload(
	const struct tt_status *status, const char *parameter, struct tt_sink *sink)
{
	struct tt_reload_report report;

	if (parameter != NULL || status->reload == NULL)
		return TT_ERROR_ARGUMENT;
	tt_reload_now(status->reload, &report);
	tt_reload_describe(sink, NULL, &report);
	return TT_OK;
}

static const struct {
	const char *command;
	/* Writes into the sink only what it succeeds in. */
	int (*answer)(const struct tt_status *status, const char *parameter, struct tt_sink *sink);
	const char *help;
} commands[] = {
	{"/taptrace/info", answer_info, "What runs, and since when. No parameter"},
	{"/taptrace/ports", answer_ports,
		"Tap ports and what they received. Parameter: first port"},
	{"/taptrace/workers", answer_workers, "Workers. Parameter: first worker"},
	{"/taptrace/stages", answer_stages, "Where a worker's time goes. Parameter: worker"},
	{"/taptrace/ledger", answer_ledger,
		"What was received and what became of it. No parameter"},
	{"/taptrace/limits", answer_limits,
		"What is limited, how much of it is in use, what was refused. No parameter"},
	{"/taptrace/health", answer_health, "Whether all is well, and what is not. No parameter"},
	{"/taptrace/clients", answer_clients, "Clients that pull. Parameter: first client"},
	{"/taptrace/connections", answer_connections,
		"A page of active connections. Parameter: next of the page before"},
	{"/taptrace/closed", answer_closed,
		"A page of closed connections. Parameter: next or sequence of the page before"},
	{"/taptrace/dns", answer_dns,
		"A page of DNS transactions. Parameter: next or sequence of the page before"},
	{"/taptrace/names", answer_names, "The names of an address. Parameter: the address"},
	{"/taptrace/http", answer_http,
		"A page of HTTP transactions. Parameter: next or sequence of the page before"},
	{"/taptrace/tls", answer_tls,
		"A page of TLS handshakes. Parameter: next or sequence of the page before"},
	{"/taptrace/reload", answer_reload, "Reads the configuration anew. No parameter"},
};

static bool enter(void)
{
	pthread_mutex_lock(&telemetry.mutex);
	bool running = telemetry.running;
	telemetry.callers += running;
	pthread_mutex_unlock(&telemetry.mutex);
	return running;
}

static void leave(void)
{
	pthread_mutex_lock(&telemetry.mutex);
	if (--telemetry.callers == 0)
		pthread_cond_broadcast(&telemetry.idle);
	pthread_mutex_unlock(&telemetry.mutex);
}

static int answer(const char *command, const char *parameter, struct rte_tel_data *reply)
{
	struct tt_telemetry_sink sink;
	int code = TT_ERROR_NOT_FOUND;

	if (!enter())
		return -ENOENT;
	tt_telemetry_sink_init(&sink, reply);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].command, command) == 0)
			code = commands[i].answer(&telemetry.status, parameter, &sink.sink);
	leave();
	if (code == TT_OK)
		code = tt_telemetry_sink_finish(&sink);
	return code;
}

int tt_telemetry_start(const struct tt_status *status)
{
	pthread_mutex_lock(&telemetry.mutex);
	telemetry.status = *status;
	telemetry.running = true;
	pthread_mutex_unlock(&telemetry.mutex);

	/* The library has no way to take a command back, and keeps one that comes again twice. */
	for (size_t i = 0; !telemetry.registered && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (rte_telemetry_register_cmd(commands[i].command, answer, commands[i].help) !=
			0) {
			tt_log_error("the telemetry library refuses %s", commands[i].command);
			tt_telemetry_stop();
			return TT_ERROR_UNSUPPORTED;
		}
	telemetry.registered = true;
	return TT_OK;
}

void tt_telemetry_stop(void)
{
	pthread_mutex_lock(&telemetry.mutex);
	telemetry.running = false;
	while (telemetry.callers > 0)
		pthread_cond_wait(&telemetry.idle, &telemetry.mutex);
	pthread_mutex_unlock(&telemetry.mutex);
}
