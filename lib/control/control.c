/* SPDX-License-Identifier: Apache-2.0 */
#include "control/state.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "flow/key.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define REST_SHORTEST_US     100 /* after a round that found records, or while a page is awaited */
#define REST_LONGEST_US	     10000 /* a shard's batches last longer at any rate of a quiet worker */
#define CLOCK_SYNC_US	     1000000
#define CLIENT_KEYS_A_SKETCH 8 /* as of the workers' tables */
#define TICK_US		     250000
#define GATHER_US	     10000000 /* a worker has room for the keys of that long */

static struct tt_names_options names_options(
	const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	return (struct tt_names_options){
		.addresses = config->names.addresses,
		.an_address = config->names.an_address,
		.ttl_min_s = (uint32_t)(config->names.ttl_min_us / 1000000),
		.ttl_max_s = (uint32_t)(config->names.ttl_max_us / 1000000),
		.secret = secret,
		.huge_pages = huge_pages,
	};
}

uint64_t tt_control_dns_bytes(const struct tt_config *config)
{
	const struct tt_names_options names = names_options(config, 0, false);
	const struct tt_dns_stats_options stats = tt_dns_stats_configured(config, 0, false);

	return tt_names_bytes(&names) + tt_dns_stats_bytes(&stats);
}

static bool make_dns(struct tt_control *control, uint64_t secret, bool huge_pages)
{
	const struct tt_config *config = control->config;
	const struct tt_names_options names = names_options(config, secret, huge_pages);
	const struct tt_dns_stats_options stats =
		tt_dns_stats_configured(config, secret, huge_pages);

	return !config->dns.enabled ||
		(tt_names_create(&control->names, &names) == 0 &&
			tt_dns_stats_create(&control->dns_stats, &stats) == 0);
}

uint64_t tt_control_http_bytes(const struct tt_config *config)
{
	const struct tt_http_stats_options stats = tt_http_stats_configured(config, 0, false);

	return tt_http_stats_bytes(&stats);
}

static bool make_http(struct tt_control *control, uint64_t secret, bool huge_pages)
{
	const struct tt_http_stats_options stats =
		tt_http_stats_configured(control->config, secret, huge_pages);

	return !control->config->http.enabled ||
		tt_http_stats_create(&control->http_stats, &stats) == 0;
}

static struct tt_clients_options clients_options(
	const struct tt_config *config, uint64_t secret, uint64_t boot_id)
{
	struct tt_clients_options options = {
		.capacity = config->clients.limit,
		.expiry_us = config->clients.expiry_us,
		.boot_id = boot_id,
		.deltas = config->clients.connections,
		.dns = tt_dns_stats_configured(config, secret, false),
		.http = tt_http_stats_configured(config, secret, false),
	};

	if (options.dns.capacity > config->clients.keys)
		options.dns.capacity = config->clients.keys;
	if (options.http.capacity > config->clients.keys)
		options.http.capacity = config->clients.keys;
	options.dns.sketches = options.dns.capacity / CLIENT_KEYS_A_SKETCH;
	options.http.sketches = options.http.capacity / CLIENT_KEYS_A_SKETCH;
	return options;
}

uint64_t tt_control_clients_bytes(const struct tt_config *config)
{
	struct tt_clients_options options = clients_options(config, 0, 0);

	return config->clients.limit * tt_clients_bytes(&options);
}

static bool make_clients(struct tt_control *control, uint64_t secret, uint64_t boot_id)
{
	struct tt_clients_options options = clients_options(control->config, secret, boot_id);

	if (control->closed != NULL)
		return true;
	options.dns_total = control->dns_stats;
	options.http_total = control->http_stats;
	control->clients = tt_clients_create(&options);
	return control->clients != NULL;
}

static void event_sizes(const struct tt_config *config, uint64_t size_bytes[TT_EVENT_KINDS])
{
	size_bytes[TT_EVENT_DNS] = config->journal.dns_bytes;
	size_bytes[TT_EVENT_HTTP] = config->journal.http_bytes;
	size_bytes[TT_EVENT_TLS] = config->journal.tls_bytes;
}

uint64_t tt_control_events_bytes(const struct tt_config *config)
{
	uint64_t size_bytes[TT_EVENT_KINDS];
	uint64_t sum = 0;

	event_sizes(config, size_bytes);
	for (unsigned int kind = 0; kind < TT_EVENT_KINDS; kind++)
		sum += tt_events_bytes(size_bytes[kind]);
	return sum;
}

/* The journals, of what no callback takes. */
static bool make_journals(struct tt_control *control, bool huge_pages)
{
	const bool wanted[TT_EVENT_KINDS] = {
		control->dns == NULL, control->http == NULL, control->tls == NULL};
	uint64_t size_bytes[TT_EVENT_KINDS];

	if (control->closed != NULL)
		return true;
	event_sizes(control->config, size_bytes);
	for (unsigned int kind = 0; kind < TT_EVENT_KINDS; kind++)
		if (wanted[kind] &&
			!tt_events_create(&control->events[kind], size_bytes[kind], huge_pages))
			return false;
	return tt_journal_create(
		&control->journal, control->config->journal.connections, huge_pages);
}

int tt_control_create(struct tt_control **control, const struct tt_control_options *options)
{
	struct tt_key_secret secret;
	int code = tt_key_secret_make(&secret, 0);

	*control = NULL;
	if (code != 0) {
		tt_log_error("no random numbers from the kernel: %s", tt_error_text(code));
		return code;
	}
	struct tt_control *made = calloc(1, sizeof(*made));
	if (made == NULL)
		goto no_memory;
	made->config = options->config;
	made->pipeline = options->pipeline;
	made->driver = options->driver;
	made->tick = options->tick;
	made->closed = options->closed;
	made->dns = options->dns;
	made->http = options->http;
	made->tls = options->tls;
	made->context = options->context;
	made->end_reason = options->end_reason;
	made->worker_count = tt_pipeline_worker_count(options->pipeline);
	made->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (made->wake < 0)
		goto no_memory;

	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&made->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&made->mutex, NULL);
	made->mutex_made = true;
	if (!make_dns(made, secret.word[0], options->huge_pages) ||
		!make_http(made, secret.word[0], options->huge_pages) ||
		!tt_certificates_create(&made->certificates, made->worker_count))
		goto no_memory;
	if (!make_journals(made, options->huge_pages) ||
		!make_clients(made, secret.word[0], secret.word[1]))
		goto no_memory;
	*control = made;
	return 0;

no_memory:
	tt_log_error("not enough memory for the control core: lower journal.connections, or see "
		     "the plan of --check");
	tt_control_destroy(made);
	return TT_ERROR_MEMORY;
}

void tt_control_destroy(struct tt_control *control)
{
	if (control == NULL)
		return;
	if (control->mutex_made) {
		pthread_cond_destroy(&control->answered);
		pthread_mutex_destroy(&control->mutex);
	}
	if (control->wake >= 0)
		close(control->wake);
	tt_journal_destroy(&control->journal);
	for (unsigned int kind = 0; kind < TT_EVENT_KINDS; kind++)
		tt_events_destroy(&control->events[kind]);
	tt_clients_destroy(control->clients);
	tt_names_destroy(control->names);
	tt_dns_stats_destroy(control->dns_stats);
	tt_http_stats_destroy(control->http_stats);
	tt_certificates_destroy(&control->certificates);
	free(control);
}

void tt_control_wake(struct tt_control *control)
{
	const uint64_t one = 1;
	/* Full means that a wake is pending already. */
	ssize_t written = write(control->wake, &one, sizeof(one));

	(void)written;
}

void tt_control_stop(struct tt_control *control)
{
	atomic_store_explicit(&control->stop, true, memory_order_relaxed);
	tt_control_wake(control);
}

/* Under the mutex, as all of merging is: whose snapshot this is; NULL when its thread gave up. The
 * ids of a worker's differ in their low bits, for a shard holds fewer commands than these tell
 * apart. */
static struct tt_control_fetch *request_of(
	struct tt_control *control, uint32_t worker, uint8_t snapshot)
{
	struct tt_control_fetch *request = control->requests;

	while (request != NULL &&
		(request->id == 0 || request->done || (uint8_t)request->id != snapshot ||
			request->cursor->worker != worker))
		request = request->next;
	return request;
}

/* Before anyone looks a name up. */
static void settle_names(struct tt_control *control)
{
	if (control->names != NULL)
		tt_names_settle(control->names);
}

static void merge_closed(struct tt_control *control, const struct tt_connection_record *record)
{
	tt_counter_add(&control->counters.closed, 1);
	if (control->closed != NULL) {
		settle_names(control);
		control->closed(control->context, record);
		return;
	}
	if (tt_journal_fill(&control->journal) == control->journal.capacity)
		tt_counter_add(&control->counters.journal_lost, 1);
	tt_journal_append(&control->journal, record);
	tt_counter_set(&control->counters.journal, tt_journal_fill(&control->journal));
}

/* Into its journal, where there is one. */
static void keep_event(struct tt_control *control, enum tt_event_kind kind,
	const struct tt_record *record, const void *tail, size_t tail_bytes)
{
	if (control->events[kind].bytes != NULL)
		tt_events_append(&control->events[kind], record, tail, tail_bytes);
}

static void merge_tls(struct tt_control *control, const struct tt_tls_handshake_record *record)
{
	const uint8_t *certificate = tt_certificates_of(&control->certificates, record);

	tt_counter_add(&control->counters.tls, 1);
	keep_event(control, TT_EVENT_TLS, &record->header, certificate,
		certificate == NULL ? 0 : record->certificate_bytes);
	if (control->tls != NULL)
		control->tls(control->context, record, certificate);
}

static void merge_dns(struct tt_control *control, const struct tt_dns_transaction_record *record)
{
	struct tt_dns_message response;

	tt_counter_add(&control->counters.dns, 1);
	/* Answers to queries that were seen, or anyone could name addresses. */
	if (record->status == TT_DNS_ANSWERED &&
		tt_dns_parse(&response, record->bytes + record->name_bytes,
			record->message_bytes) == TT_DNS_OK)
		tt_names_learn(control->names, &response, record->start_us + record->latency_us);
	keep_event(control, TT_EVENT_DNS, &record->header, NULL, 0);
	if (control->dns != NULL)
		control->dns(control->context, record);
}

static void share_statistics(struct tt_control *control, enum tt_statistics_kind kind,
	const struct tt_stats_record *record)
{
	if (control->clients != NULL)
		tt_clients_merge(control->clients, kind, record->bytes, record->length);
}

static void merge(void *context, const struct tt_record *record)
{
	struct tt_control *control = context;
	const void *body = record;
	struct tt_control_fetch *request;
	const struct tt_snapshot_end_record *end;
	const struct tt_stats_record *stats = body;
	const struct tt_stats_end_record *stats_end;

	switch ((enum tt_record_kind)record->kind) {
	case TT_RECORD_CLOSED:
		merge_closed(control, body);
		break;
	case TT_RECORD_ACTIVE:
		request = request_of(control, record->worker, record->snapshot);
		if (request != NULL && request->page->count < TT_CONTROL_PAGE)
			memcpy(&request->page->records[request->page->count++], body,
				sizeof(struct tt_connection_record));
		break;
	case TT_RECORD_SNAPSHOT_END:
		end = body;
		request = request_of(control, record->worker, (uint8_t)end->id);
		if (request != NULL) {
			request->done = true;
			request->more = end->more != 0;
			request->next_slot = end->next_slot;
			tt_counter_add(&control->counters.pages, 1);
			pthread_cond_broadcast(&control->answered);
		}
		break;
	case TT_RECORD_DNS:
		merge_dns(control, body);
		break;
	case TT_RECORD_DNS_STATS:
		tt_dns_stats_merge(control->dns_stats, stats->bytes, stats->length);
		share_statistics(control, TT_STATISTICS_DNS, stats);
		break;
	case TT_RECORD_HTTP:
		tt_counter_add(&control->counters.http, 1);
		keep_event(control, TT_EVENT_HTTP, record, NULL, 0);
		if (control->http != NULL)
			control->http(control->context, body);
		break;
	case TT_RECORD_HTTP_STATS:
		tt_http_stats_merge(control->http_stats, stats->bytes, stats->length);
		share_statistics(control, TT_STATISTICS_HTTP, stats);
		break;
	case TT_RECORD_STATS_END:
		stats_end = body;
		control->statistics.done[record->worker] = stats_end->id;
		pthread_cond_broadcast(&control->answered);
		break;
	case TT_RECORD_CERTIFICATE:
		tt_certificates_take(&control->certificates, body);
		break;
	case TT_RECORD_TLS:
		merge_tls(control, body);
		break;
	case TT_RECORD_DRAINED:
		control->drained++;
		break;
	}
}

/* Post the snapshots that have not been yet. */
static bool post_snapshots(struct tt_control *control)
{
	bool waiting = false;

	for (struct tt_control_fetch *request = control->requests; request != NULL;
		request = request->next) {
		waiting = waiting || !request->done;
		if (request->id != 0)
			continue;
		uint32_t worker = request->cursor->worker;
		struct tt_command command = {
			.kind = TT_COMMAND_SNAPSHOT,
			.limit = request->limit,
			.first_slot = request->cursor->slot,
			.id = control->snapshots[worker] + 1,
		};
		/* 0 in the low bits stands for no snapshot. */
		if ((uint8_t)command.id == 0)
			command.id++;
		if (!tt_shard_post(tt_pipeline_shard(control->pipeline, worker), &command))
			continue;
		control->snapshots[worker] = command.id;
		request->id = command.id;
	}
	return waiting;
}

/* Ask those workers for their statistics that have not been yet, one time after the other. */
static bool post_statistics(struct tt_control *control)
{
	struct statistics_request *request = &control->statistics;
	bool waiting = false;

	for (unsigned int w = 0; w < control->worker_count; w++) {
		const struct tt_command command = {
			.kind = TT_COMMAND_GATHER, .id = request->wanted};

		if (request->done[w] == request->wanted)
			continue;
		waiting = true;
		if (request->posted[w] == request->done[w] &&
			tt_shard_post(tt_pipeline_shard(control->pipeline, w), &command))
			request->posted[w] = request->wanted;
	}
	return waiting;
}

/* All that there is to merge now. *waiting: some thread waits for an answer. */
static uint64_t merge_all(struct tt_control *control, bool *waiting)
{
	uint64_t merged = 0;

	pthread_mutex_lock(&control->mutex);
	*waiting = post_snapshots(control);
	*waiting = post_statistics(control) || *waiting;
	for (unsigned int w = 0; w < control->worker_count; w++)
		merged += tt_shard_consume(tt_pipeline_shard(control->pipeline, w), merge, control);
	settle_names(control);
	pthread_mutex_unlock(&control->mutex);
	tt_counter_add(&control->counters.rounds, 1);
	return merged;
}

static void rest(struct tt_control *control, unsigned int us)
{
	struct pollfd woken = {.fd = control->wake, .events = POLLIN};
	const struct timespec time = {.tv_nsec = (long)us * 1000};

	if (ppoll(&woken, 1, &time, NULL) > 0) {
		uint64_t count;
		ssize_t taken = read(control->wake, &count, sizeof(count));

		(void)taken;
	}
}

static void drain(struct tt_control *control)
{
	bool waiting;
	struct tt_command command = {
		.kind = TT_COMMAND_DRAIN, .close_reason = (uint8_t)control->end_reason};

	for (unsigned int w = 0; w < control->worker_count; w++) {
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(control->pipeline, w);
		uint64_t last_us = tt_counter_read(&counters->last_us);

		command.clock_us = last_us > command.clock_us ? last_us : command.clock_us;
	}
	/* What was learned of DNS until now is for the connections that are still to come. */
	merge_all(control, &waiting);
	for (unsigned int w = 0; w < control->worker_count; w++)
		while (!tt_shard_post(tt_pipeline_shard(control->pipeline, w), &command))
			merge_all(control, &waiting);
	while (control->drained < control->worker_count)
		if (merge_all(control, &waiting) == 0)
			rest(control, REST_SHORTEST_US);
}

/* Threads that still wait will get no answer. */
static void end_requests(struct tt_control *control)
{
	pthread_mutex_lock(&control->mutex);
	control->ended = true;
	pthread_cond_broadcast(&control->answered);
	pthread_mutex_unlock(&control->mutex);
}

static void begin_gathering(struct tt_control *control)
{
	pthread_mutex_lock(&control->mutex);
	control->statistics.wanted++;
	pthread_mutex_unlock(&control->mutex);
}

void tt_control_run(struct tt_control *control)
{
	uint64_t synced_us = tt_clock_monotonic_us(), gathered_us = synced_us,
		 ticked_us = synced_us;
	unsigned int rest_us = REST_SHORTEST_US;

	while (!tt_pipeline_settled(control->pipeline)) {
		bool waiting;

		if (atomic_load_explicit(&control->stop, memory_order_relaxed))
			tt_pipeline_stop_receiving(control->pipeline);
		if (merge_all(control, &waiting) > 0 || waiting ||
			atomic_load_explicit(&control->stop, memory_order_relaxed))
			rest_us = REST_SHORTEST_US;
		else if (rest_us < REST_LONGEST_US)
			rest_us *= 2;
		rest(control, rest_us);

		uint64_t now_us = tt_clock_monotonic_us();
		tt_control_watch(control, now_us);
		if (control->tick != NULL && now_us - ticked_us >= TICK_US) {
			control->tick(control->context);
			ticked_us = now_us;
		}
		if (now_us - synced_us >= CLOCK_SYNC_US) {
			tt_pipeline_sync_clock(control->pipeline);
			synced_us = now_us;
		}
		if (control->clients != NULL && now_us - gathered_us >= GATHER_US) {
			begin_gathering(control);
			gathered_us = now_us;
		}
	}
	drain(control);
	end_requests(control);
}

const struct tt_dns_stats *tt_control_dns_stats(const struct tt_control *control)
{
	return control->dns_stats;
}

const struct tt_http_stats *tt_control_http_stats(const struct tt_control *control)
{
	return control->http_stats;
}

const struct tt_names *tt_control_names(const struct tt_control *control)
{
	return control->names;
}

const struct tt_control_counters *tt_control_counters(const struct tt_control *control)
{
	return &control->counters;
}

const struct tt_config *tt_control_config(const struct tt_control *control)
{
	return control->config;
}

struct tt_pipeline *tt_control_pipeline(const struct tt_control *control)
{
	return control->pipeline;
}
