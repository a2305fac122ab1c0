/* SPDX-License-Identifier: Apache-2.0 */
#include "control/clients.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct client {
	char name[TT_CLIENT_NAME_BYTES]; /* empty: a free place */
	uint64_t seen_us;
	struct tt_client_cursor asked; /* the cursor that gives the window again */
	uint64_t from;
	uint64_t to;
	bool baseline;
	bool finished;
};

struct tt_clients {
	struct tt_clients_options options;
	struct tt_clients_counters counters;
	struct client clients[];
};

struct tt_clients *tt_clients_create(const struct tt_clients_options *options)
{
	struct tt_clients *clients =
		calloc(1, sizeof(*clients) + options->capacity * sizeof(clients->clients[0]));

	if (clients != NULL)
		clients->options = *options;
	return clients;
}

void tt_clients_destroy(struct tt_clients *clients)
{
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
			client->name[0] = '\0';
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

/* Whether the client wants its last window again. An empty one gave nothing, and its cursor is also
 * the one that goes on. */
static bool asks_again(const struct client *client, const struct tt_client_cursor *cursor)
{
	if (client->from == client->to)
		return false;
	if (cursor == NULL)
		return !client->finished;
	return cursor->boot_id == client->asked.boot_id &&
		cursor->sequence == client->asked.sequence;
}

static void open_window(struct client *client, const struct tt_journal *journal,
	const struct tt_client_cursor *cursor, uint64_t boot_id, uint64_t max, bool is_new)
{
	uint64_t oldest = journal->next - tt_journal_fill(journal);
	bool foreign = cursor != NULL && cursor->boot_id != boot_id;

	if (foreign || (is_new && cursor == NULL))
		client->from = oldest;
	else
		client->from = cursor != NULL ? cursor->sequence : client->to;
	client->asked = foreign
		? *cursor
		: (struct tt_client_cursor){.boot_id = boot_id, .sequence = client->from};
	client->baseline = is_new || foreign;

	uint64_t first = client->from > oldest ? client->from : oldest;
	client->to = journal->next - first > max ? first + max : journal->next;
}

int tt_clients_pull(struct tt_clients *clients, const struct tt_journal *journal, const char *name,
	const struct tt_client_cursor *cursor, uint64_t max, uint64_t now_us,
	struct tt_client_pull *pull)
{
	uint64_t boot_id = clients->options.boot_id;

	if (!is_name(name) || max == 0)
		return TT_ERROR_ARGUMENT;
	if (cursor != NULL && cursor->boot_id == boot_id &&
		(cursor->sequence == 0 || cursor->sequence > journal->next))
		return TT_ERROR_ARGUMENT;
	expire(clients, now_us);
	struct client *client = find(clients, name);
	bool is_new = client == NULL;
	if (is_new) {
		client = find(clients, "");
		if (client == NULL) {
			clients->counters.refused++;
			return TT_ERROR_BUSY;
		}
		memcpy(client->name, name, strlen(name) + 1);
	}
	if (is_new || !asks_again(client, cursor))
		open_window(client, journal, cursor, boot_id, max, is_new);
	client->finished = false;
	client->seen_us = now_us;
	clients->counters.pulls++;
	*pull = (struct tt_client_pull){
		.from = client->from,
		.to = client->to,
		.at = client->from,
		.baseline = client->baseline,
	};
	return TT_OK;
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

void tt_clients_finish(struct tt_clients *clients, const char *name,
	const struct tt_client_pull *pull, uint64_t now_us)
{
	struct client *client = find(clients, name);

	/* It may have expired meanwhile, or another pull of the same name has taken its place. */
	if (client == NULL || client->from != pull->from || client->to != pull->to)
		return;
	client->finished = true;
	client->seen_us = now_us;
}

const struct tt_clients_counters *tt_clients_counters(const struct tt_clients *clients)
{
	return &clients->counters;
}
