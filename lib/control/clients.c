/* SPDX-License-Identifier: Apache-2.0 */
#include "control/clients.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A connection that is not active any more is in the journal after so long: the sweep of its table
 * comes by within a second, and the control core follows. */
#define LATEST_RECORD_US 10000000

/* A client's statistics of one kind; `number` counts the answers, from 1 on. */
struct statistics {
	void *gathering; /* since the latest answer; NULL before the first */
	void *given;	 /* the latest answer */
	uint64_t number;
	uint64_t pull; /* of the latest pull: another one ends it */
	bool baseline;
	bool finished;
};

struct client {
	char name[TT_CLIENT_NAME_BYTES]; /* empty: a free place */
	uint64_t id;
	uint64_t seen_us;
	struct tt_client_cursor asked; /* the cursor that gives the window again */
	uint64_t from;
	uint64_t to;
	uint64_t windows; /* opened, each with the number that it made this */
	uint64_t pulls;
	uint64_t lost;
	bool baseline;
	bool finished;
	struct tt_deltas *deltas;
	/* A window that told of all active connections, the first since some were forgotten, and
	 * when; and whether what it did not tell of has now been given by the journal. 0: none. */
	uint64_t walked_window;
	uint64_t walked_us;
	bool walked_over;
	struct statistics statistics[TT_STATISTICS_KINDS];
};

struct tt_clients {
	struct tt_clients_options options;
	struct tt_clients_counters counters;
	uint64_t last_id;
	struct client clients[];
};

/* What the kinds differ in. */
struct kind {
	int (*create)(void **table, const struct tt_clients_options *options);
	void (*destroy)(void *table);
	void (*reset)(void *table);
	void (*merge)(void *table, const uint8_t *bytes, size_t length);
	const void *(*next)(const void *table, uint32_t *position);
	/* What `table` lacks of all that has been counted. */
	void (*copy_total)(void *table, const struct tt_clients_options *options);
};

static int create_dns(void **table, const struct tt_clients_options *options)
{
	return tt_dns_stats_create((struct tt_dns_stats **)table, &options->dns);
}

static void destroy_dns(void *table)
{
	tt_dns_stats_destroy(table);
}

static void reset_dns(void *table)
{
	tt_dns_stats_reset(table);
}

static void merge_dns(void *table, const uint8_t *bytes, size_t length)
{
	tt_dns_stats_merge(table, bytes, length);
}

static const void *next_dns(const void *table, uint32_t *position)
{
	return tt_dns_stats_next(table, position);
}

static void copy_dns(void *table, const struct tt_clients_options *options)
{
	uint8_t bytes[TT_DNS_STATS_RECORD_BYTES];
	uint32_t position = 0;
	size_t length;

	while ((length = tt_dns_stats_write(options->dns_total, &position, bytes, sizeof(bytes))) >
		0)
		tt_dns_stats_merge(table, bytes, length);
}

static int create_http(void **table, const struct tt_clients_options *options)
{
	return tt_http_stats_create((struct tt_http_stats **)table, &options->http);
}

static void destroy_http(void *table)
{
	tt_http_stats_destroy(table);
}

static void reset_http(void *table)
{
	tt_http_stats_reset(table);
}

static void merge_http(void *table, const uint8_t *bytes, size_t length)
{
	tt_http_stats_merge(table, bytes, length);
}

static const void *next_http(const void *table, uint32_t *position)
{
	return tt_http_stats_next(table, position);
}

static void copy_http(void *table, const struct tt_clients_options *options)
{
	uint8_t bytes[TT_HTTP_STATS_RECORD_BYTES];
	uint32_t position = 0;
	size_t length;

	while ((length = tt_http_stats_write(
			options->http_total, &position, bytes, sizeof(bytes))) > 0)
		tt_http_stats_merge(table, bytes, length);
}

static const struct kind kinds[TT_STATISTICS_KINDS] = {
	[TT_STATISTICS_DNS] = {create_dns, destroy_dns, reset_dns, merge_dns, next_dns, copy_dns},
	[TT_STATISTICS_HTTP] = {create_http, destroy_http, reset_http, merge_http, next_http,
		copy_http},
};

uint64_t tt_clients_bytes(const struct tt_clients_options *options)
{
	uint64_t bytes = tt_deltas_bytes(options->deltas);

	if (options->dns_total != NULL)
		bytes += 2 * tt_dns_stats_bytes(&options->dns);
	if (options->http_total != NULL)
		bytes += 2 * tt_http_stats_bytes(&options->http);
	return bytes;
}

struct tt_clients *tt_clients_create(const struct tt_clients_options *options)
{
	struct tt_clients *clients =
		calloc(1, sizeof(*clients) + options->capacity * sizeof(clients->clients[0]));

	if (clients != NULL)
		clients->options = *options;
	return clients;
}

static void forget(struct tt_clients *clients, struct client *client)
{
	for (unsigned int kind = 0; kind < TT_STATISTICS_KINDS; kind++) {
		kinds[kind].destroy(client->statistics[kind].gathering);
		kinds[kind].destroy(client->statistics[kind].given);
	}
	tt_deltas_destroy(client->deltas);
	*client = (struct client){0};
	clients->counters.clients--;
}

void tt_clients_destroy(struct tt_clients *clients)
{
	for (uint32_t i = 0; clients != NULL && i < clients->options.capacity; i++)
		if (clients->clients[i].name[0] != '\0')
			forget(clients, &clients->clients[i]);
	free(clients);
}

static bool is_name(const char *name)
{
	size_t length =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return length > 0 && length < TT_CLIENT_NAME_BYTES && name[length] == '\0';
}

static void expire(struct tt_clients *clients, uint64_t now_us)
{
	for (uint32_t i = 0; i < clients->options.capacity; i++) {
		struct client *client = &clients->clients[i];

		/* Threads read the clock before they wait for each other: now_us may be earlier. */
		if (client->name[0] != '\0' && now_us > client->seen_us &&
			now_us - client->seen_us > clients->options.expiry_us) {
			forget(clients, client);
			clients->counters.expired++;
		}
	}
}

/* "" finds a free place. */
static struct client *find(struct tt_clients *clients, const char *name)
{
	for (uint32_t i = 0; i < clients->options.capacity; i++)
		if (strcmp(clients->clients[i].name, name) == 0)
			return &clients->clients[i];
	return NULL;
}

static struct client *find_id(struct tt_clients *clients, uint64_t id)
{
	for (uint32_t i = 0; i < clients->options.capacity; i++)
		if (clients->clients[i].id == id)
			return &clients->clients[i];
	return NULL;
}

/* The client of this name, made where there is none. */
static int find_or_make(
	struct tt_clients *clients, const char *name, uint64_t now_us, struct client **found)
{
	expire(clients, now_us);
	*found = find(clients, name);
	if (*found != NULL)
		return TT_OK;

	struct client *client = find(clients, "");
	if (client == NULL) {
		clients->counters.refused++;
		return TT_ERROR_BUSY;
	}
	memcpy(client->name, name, strlen(name) + 1);
	client->id = ++clients->last_id;
	client->seen_us = now_us;
	if (++clients->counters.clients > clients->counters.clients_high)
		clients->counters.clients_high = clients->counters.clients;
	*found = client;
	return TT_OK;
}

/* Does the client want its last window again? */
static bool asks_again(const struct client *client, const struct tt_client_cursor *cursor)
{
	if (client->windows == 0)
		return false;
	if (cursor == NULL)
		return !client->finished;
	return cursor->boot_id == client->asked.boot_id &&
		cursor->sequence == client->asked.sequence && cursor->pull == client->asked.pull;
}

/* Where the next window begins. */
static void open_window(struct client *client, const struct tt_journal *journal,
	const struct tt_client_cursor *cursor, uint64_t boot_id)
{
	bool foreign = cursor != NULL && cursor->boot_id != boot_id;
	bool first = client->windows == 0;

	if (foreign || (first && cursor == NULL))
		client->from = journal->next - tt_journal_fill(journal);
	else
		client->from = cursor != NULL ? cursor->sequence : client->to;
	client->asked = cursor != NULL
		? *cursor
		: (struct tt_client_cursor){
			  .boot_id = boot_id, .sequence = client->from, .pull = client->windows};
	client->baseline = first || foreign;
	client->windows++;
}

/* Where it ends. */
static void close_window(
	struct client *client, const struct tt_journal *journal, uint64_t max, uint64_t now_us)
{
	uint64_t oldest = journal->next - tt_journal_fill(journal);
	uint64_t start = client->from > oldest ? client->from : oldest;
	client->to = journal->next - start > max ? start + max : journal->next;
	/* What was not active any more had ended, and its record has come since then. */
	client->walked_over = client->walked_window != 0 && client->to == journal->next &&
		now_us - client->walked_us > LATEST_RECORD_US;
}

int tt_clients_pull(struct tt_clients *clients, const struct tt_journal *journal, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, uint64_t now_us,
	struct tt_client_pull *pull)
{
	uint64_t boot_id = clients->options.boot_id;
	struct client *client;

	if (!is_name(name) || max == 0)
		return TT_ERROR_ARGUMENT;
	if (cursor != NULL && cursor->boot_id == boot_id &&
		(cursor->sequence == 0 || cursor->sequence > journal->next))
		return TT_ERROR_ARGUMENT;
	int code = find_or_make(clients, name, now_us, &client);
	if (code != TT_OK)
		return code;
	if (client->deltas == NULL &&
		(client->deltas = tt_deltas_create(clients->options.deltas)) == NULL) {
		if (client->statistics[0].number == 0 && client->statistics[1].number == 0)
			forget(clients, client);
		return TT_ERROR_MEMORY;
	}
	bool again = asks_again(client, cursor);
	if (again)
		tt_deltas_take_back(client->deltas, client->windows);
	else
		open_window(client, journal, cursor, boot_id);
	if (!again || client->from == client->to)
		close_window(client, journal, max, now_us);
	client->finished = false;
	client->seen_us = now_us;
	client->pulls++;
	clients->counters.pulls++;
	*pull = (struct tt_client_pull){
		.client = client->id,
		.number = client->pulls,
		.from = client->from,
		.to = client->to,
		.at = client->from,
		.baseline = client->baseline,
		.next = {boot_id, client->to, client->windows},
	};
	return TT_OK;
}

/* The client whose latest pull this is. */
static struct client *find_pull(struct tt_clients *clients, const struct tt_client_pull *pull)
{
	struct client *client = find_id(clients, pull->client);

	return client == NULL || client->pulls != pull->number ? NULL : client;
}

bool tt_clients_goes_on(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us)
{
	struct client *client = find_pull(clients, pull);

	if (client != NULL)
		client->seen_us = now_us;
	return client != NULL;
}

const struct tt_connection_record *tt_client_pull_next(
	struct tt_client_pull *pull, const struct tt_journal *journal)
{
	uint64_t oldest = journal->next - tt_journal_fill(journal);

	if (pull->at < oldest) {
		uint64_t there = oldest < pull->to ? oldest : pull->to;

		pull->lost += there - pull->at;
		pull->at = there;
	}
	if (pull->at == pull->to)
		return NULL;

	uint64_t sequence = pull->at++;
	return tt_journal_read(journal, &sequence, &pull->lost);
}

enum tt_delta_kind tt_clients_tell(struct tt_clients *clients, const struct tt_client_pull *pull,
	const struct tt_connection_record *record, struct tt_delta *since)
{
	struct client *client = find_pull(clients, pull);

	return client == NULL ? TT_DELTA_UNKNOWN
			      : tt_deltas_tell(client->deltas, record, client->windows, since);
}

void tt_clients_walked(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us)
{
	struct client *client = find_pull(clients, pull);

	if (client == NULL || client->walked_window != 0)
		return;
	client->walked_window = client->windows;
	client->walked_us = now_us;
}

void tt_clients_finish(
	struct tt_clients *clients, const struct tt_client_pull *pull, uint64_t now_us)
{
	struct client *client = find_pull(clients, pull);

	/* Another pull may have taken its place. */
	if (client == NULL)
		return;
	if (!client->finished)
		client->lost += pull->lost;
	client->finished = true;
	client->seen_us = now_us;
	if (client->walked_over) {
		tt_deltas_forget(client->deltas, client->walked_window);
		client->walked_window = 0;
		client->walked_over = false;
	}
}

static int make_tables(
	struct tt_clients *clients, enum tt_statistics_kind kind, struct statistics *statistics)
{
	if (statistics->gathering != NULL)
		return TT_OK;
	int code = kinds[kind].create(&statistics->gathering, &clients->options);
	if (code == TT_OK)
		code = kinds[kind].create(&statistics->given, &clients->options);
	if (code == TT_OK)
		return TT_OK;
	kinds[kind].destroy(statistics->gathering);
	statistics->gathering = NULL;
	return code;
}

/* What was gathered is given, and gathering begins anew. */
static void set_aside(
	struct tt_clients *clients, enum tt_statistics_kind kind, struct statistics *statistics)
{
	void *read = statistics->given;

	statistics->baseline = statistics->number == 0;
	if (statistics->baseline)
		kinds[kind].copy_total(statistics->gathering, &clients->options);
	kinds[kind].reset(read);
	statistics->given = statistics->gathering;
	statistics->gathering = read;
	statistics->number++;
}

int tt_clients_statistics(struct tt_clients *clients, enum tt_statistics_kind kind,
	const char *name, const struct tt_client_cursor *cursor, uint64_t now_us,
	struct tt_client_statistics *pull)
{
	struct client *client = is_name(name) ? find(clients, name) : NULL;
	bool ours = cursor != NULL && cursor->boot_id == clients->options.boot_id;
	uint64_t number = client == NULL ? 0 : client->statistics[kind].number;

	/* A client that was forgotten begins again, wherever it had been. */
	if (!is_name(name) ||
		(ours && number > 0 && cursor->sequence != number &&
			cursor->sequence != number + 1))
		return TT_ERROR_ARGUMENT;
	int code = find_or_make(clients, name, now_us, &client);
	if (code != TT_OK)
		return code;

	struct statistics *statistics = &client->statistics[kind];
	code = make_tables(clients, kind, statistics);
	if (code != TT_OK)
		return code;
	bool again = statistics->number > 0 &&
		(ours ? cursor->sequence == statistics->number : !statistics->finished);
	if (!again)
		set_aside(clients, kind, statistics);
	statistics->finished = false;
	client->seen_us = now_us;
	clients->counters.pulls++;
	*pull = (struct tt_client_statistics){
		.client = client->id,
		.number = ++statistics->pull,
		.kind = (uint8_t)kind,
		.baseline = statistics->baseline,
		.next = {clients->options.boot_id, statistics->number + 1, 0},
	};
	return TT_OK;
}

static struct client *find_statistics(
	struct tt_clients *clients, const struct tt_client_statistics *pull)
{
	struct client *client = find_id(clients, pull->client);

	return client == NULL || client->statistics[pull->kind].pull != pull->number ? NULL
										     : client;
}

const void *tt_clients_statistics_next(
	struct tt_clients *clients, struct tt_client_statistics *pull, uint64_t now_us, bool *ended)
{
	struct client *client = find_statistics(clients, pull);
	const void *entry = NULL;

	if (client != NULL) {
		client->seen_us = now_us;
		entry = kinds[pull->kind].next(
			client->statistics[pull->kind].given, &pull->position);
	}
	*ended = client != NULL && entry == NULL;
	return entry;
}

void tt_clients_statistics_finish(
	struct tt_clients *clients, const struct tt_client_statistics *pull, uint64_t now_us)
{
	struct client *client = find_statistics(clients, pull);

	if (client == NULL)
		return;
	client->statistics[pull->kind].finished = true;
	client->seen_us = now_us;
}

void tt_clients_merge(struct tt_clients *clients, enum tt_statistics_kind kind,
	const uint8_t *bytes, size_t length)
{
	for (uint32_t i = 0; i < clients->options.capacity; i++) {
		void *gathering = clients->clients[i].statistics[kind].gathering;

		if (gathering != NULL)
			kinds[kind].merge(gathering, bytes, length);
	}
}

bool tt_clients_next(const struct tt_clients *clients, const struct tt_journal *journal,
	uint64_t now_us, uint32_t *place, struct tt_client_state *state)
{
	while (*place < clients->options.capacity && clients->clients[*place].name[0] == '\0')
		++*place;
	if (*place == clients->options.capacity)
		return false;

	const struct client *client = &clients->clients[(*place)++];
	*state = (struct tt_client_state){
		.idle_us = now_us > client->seen_us ? now_us - client->seen_us : 0,
		.pulls = client->pulls,
		.lost = client->lost,
	};
	memcpy(state->name, client->name, sizeof(state->name));
	if (client->windows > 0) {
		state->behind = journal->next - client->to;
		state->compared = tt_deltas_fill(client->deltas);
		state->untracked = tt_deltas_refused(client->deltas);
	}
	return true;
}

const struct tt_clients_counters *tt_clients_counters(const struct tt_clients *clients)
{
	return &clients->counters;
}
