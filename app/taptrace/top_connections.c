/* SPDX-License-Identifier: Apache-2.0 */
#include "top_connections.h"

#include "fields.h"

#include <inttypes.h>
#include <string.h>

/* What is shorter counts as this long, or a lone packet would have an infinite rate. */
#define LIFETIME_LEAST_US 1000000

enum {
	COLUMN_PROTOCOL,
	COLUMN_CLIENT,
	COLUMN_SERVER,
	COLUMN_BITS,
	COLUMN_RTT,
	COLUMN_RETRANSMITS,
	COLUMN_AGE
};

static const struct tt_column columns[] = {
	[COLUMN_PROTOCOL] = {.title = "PROTO"},
	[COLUMN_CLIENT] = {.title = "CLIENT", .gives = true},
	[COLUMN_SERVER] = {.title = "SERVER", .gives = true},
	[COLUMN_BITS] = {.title = "BITS/S", .right = true},
	[COLUMN_RTT] = {.title = "RTT", .right = true},
	[COLUMN_RETRANSMITS] = {.title = "RETR", .right = true},
	[COLUMN_AGE] = {.title = "AGE", .right = true},
	{0},
};

static uint64_t of_both(const json_t *record, const char *name)
{
	return tt_json_unsigned(json_object_get(record, "client_to_server"), name) +
		tt_json_unsigned(json_object_get(record, "server_to_client"), name);
}

void tt_top_connections_begin(struct tt_top_connections *connections, uint64_t now_us)
{
	connections->now_us = now_us;
	connections->refresh++;
	connections->seen = 0;
	connections->walk_ended = false;
	if (connections->next[0] == '\0')
		connections->walk_began = connections->refresh;
}

/* The fastest connection whose page is not among those found already. */
static const struct tt_top_connection *next_hot(const struct tt_top_connections *connections,
	char cursors[][TT_TOP_CURSOR_SIZE], unsigned int count)
{
	const struct tt_top_connection *fastest = NULL;

	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++) {
		const struct tt_top_connection *one = &connections->connection[i];
		unsigned int page = 0;

		if (one->record == NULL || one->bits_per_s <= 0 ||
			(fastest != NULL && one->bits_per_s <= fastest->bits_per_s))
			continue;
		while (page < count && strcmp(cursors[page], one->cursor) != 0)
			page++;
		if (page == count)
			fastest = one;
	}
	return fastest;
}

unsigned int tt_top_connections_hot(const struct tt_top_connections *connections,
	char cursors[][TT_TOP_CURSOR_SIZE], unsigned int limit)
{
	const struct tt_top_connection *one;
	unsigned int count = 0;

	if (connections->next[0] == '\0')
		return 0;
	while (count < limit && (one = next_hot(connections, cursors, count)) != NULL)
		memcpy(cursors[count++], one->cursor, TT_TOP_CURSOR_SIZE);
	return count;
}

void tt_top_connections_ask(struct tt_top_connections *connections, const char *cursor)
{
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++)
		if (connections->connection[i].record != NULL &&
			strcmp(connections->connection[i].cursor, cursor) == 0)
			connections->connection[i].asked_in = connections->refresh;
}

static double lifetime_rate(const json_t *record)
{
	uint64_t start_us = tt_json_unsigned(record, "start_us");
	uint64_t end_us = tt_json_unsigned(record, "end_us");
	uint64_t lifetime_us = end_us > start_us ? end_us - start_us : 0;

	if (lifetime_us < LIFETIME_LEAST_US)
		lifetime_us = LIFETIME_LEAST_US;
	return (double)of_both(record, "ip_bytes") * 8e6 / (double)lifetime_us;
}

static double rate_since(const struct tt_top_connections *connections,
	const struct tt_top_connection *one, const json_t *record)
{
	uint64_t before = of_both(one->record, "ip_bytes"), now = of_both(record, "ip_bytes");

	if (now < before || connections->now_us <= one->seen_us)
		return one->bits_per_s;
	return (double)(now - before) * 8e6 / (double)(connections->now_us - one->seen_us);
}

/* The connection's place, or one for it: a free one, or that of the slowest that is slower. */
static struct tt_top_connection *find_place(
	struct tt_top_connections *connections, const char *uid, double bits_per_s)
{
	struct tt_top_connection *place = NULL;

	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++) {
		struct tt_top_connection *one = &connections->connection[i];

		if (one->record == NULL) {
			if (place == NULL || place->record != NULL)
				place = one;
			continue;
		}
		if (strcmp(one->uid, uid) == 0)
			return one;
		if (one->bits_per_s < bits_per_s &&
			(place == NULL ||
				(place->record != NULL && one->bits_per_s < place->bits_per_s)))
			place = one;
	}
	return place;
}

void tt_top_connections_add(
	struct tt_top_connections *connections, json_t *record, const char *cursor)
{
	const char *uid = tt_json_text(record, "uid");
	double bits_per_s = lifetime_rate(record);
	struct tt_top_connection *place = find_place(connections, uid, bits_per_s);

	connections->seen++;
	if (place == NULL)
		return;
	if (place->record != NULL && strcmp(place->uid, uid) == 0)
		bits_per_s = rate_since(connections, place, record);
	json_decref(place->record);
	place->record = json_incref(record);
	place->bits_per_s = bits_per_s;
	place->seen_us = connections->now_us;
	place->seen_in = connections->refresh;
	snprintf(place->uid, sizeof(place->uid), "%s", uid);
	snprintf(place->cursor, sizeof(place->cursor), "%s", cursor);
}

void tt_top_connections_walked(struct tt_top_connections *connections, const char *next)
{
	connections->walk_ended = next == NULL;
	snprintf(connections->next, sizeof(connections->next), "%s", next == NULL ? "" : next);
}

static void forget(struct tt_top_connection *one)
{
	json_decref(one->record);
	*one = (struct tt_top_connection){0};
}

void tt_top_connections_end(struct tt_top_connections *connections)
{
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++) {
		struct tt_top_connection *one = &connections->connection[i];
		bool not_in_its_page = one->asked_in == connections->refresh &&
			one->seen_in != connections->refresh;
		bool not_met = connections->walk_ended && one->seen_in < connections->walk_began;

		if (one->record != NULL && (not_in_its_page || not_met))
			forget(one);
	}
}

void tt_top_connections_free(struct tt_top_connections *connections)
{
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++)
		forget(&connections->connection[i]);
}

bool tt_top_connections_are_whole(const struct tt_top_connections *connections)
{
	return connections->walk_ended && connections->walk_began == connections->refresh;
}

static void put_endpoint(struct tt_top_row *row, unsigned int column, const json_t *endpoint)
{
	const char *address = tt_json_text(endpoint, "address");
	const char *name = json_string_value(json_array_get(json_object_get(endpoint, "names"), 0));
	bool brackets = name == NULL && strchr(address, ':') != NULL;
	uint64_t port = tt_json_unsigned(endpoint, "port");

	if (name != NULL)
		address = name;
	if (port == 0)
		tt_top_put_text(row, column, "%s", address);
	else
		tt_top_put_text(row, column, "%s%s%s:%" PRIu64, brackets ? "[" : "", address,
			brackets ? "]" : "", port);
}

static void put_protocol(struct tt_top_row *row, const json_t *record)
{
	const json_t *protocol = json_object_get(record, "protocol");
	const char *application = tt_json_text(protocol, "application");
	const char *encryption = tt_json_text(protocol, "encryption");

	if (application[0] == '\0')
		application = encryption;
	if (application[0] == '\0')
		application = tt_json_text(record, "transport");
	tt_top_put_text(row, COLUMN_PROTOCOL, "%s", application);
}

static void fill_row(struct tt_top_row *row, const struct tt_top_connection *one)
{
	const json_t *record = one->record, *tcp = json_object_get(record, "tcp");
	uint64_t start_us = tt_json_unsigned(record, "start_us");
	uint64_t end_us = tt_json_unsigned(record, "end_us");

	put_protocol(row, record);
	put_endpoint(row, COLUMN_CLIENT, json_object_get(record, "client"));
	put_endpoint(row, COLUMN_SERVER, json_object_get(record, "server"));
	tt_top_put_rate(row, COLUMN_BITS, one->bits_per_s);
	if (json_object_get(tcp, "rtt_us") != NULL)
		tt_top_put_duration(row, COLUMN_RTT, tt_json_unsigned(tcp, "rtt_us"));
	if (tcp != NULL)
		tt_top_put_share(row, COLUMN_RETRANSMITS,
			tt_top_share(of_both(record, "retransmits"), of_both(record, "packets")));
	tt_top_put_duration(row, COLUMN_AGE, end_us > start_us ? end_us - start_us : 0);
	row->alarm = json_object_get(tcp, "failure") != NULL;
}

void tt_top_connections_rows(const struct tt_top_connections *connections, struct tt_top_rows *rows)
{
	tt_top_rows_begin(rows, columns);
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++) {
		const struct tt_top_connection *one = &connections->connection[i];
		struct tt_top_row *row;

		if (one->record != NULL && (row = tt_top_rows_add(rows, one->uid)) != NULL)
			fill_row(row, one);
	}
}

json_t *tt_top_connections_record(const struct tt_top_connections *connections, const char *key)
{
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++)
		if (connections->connection[i].record != NULL &&
			strcmp(connections->connection[i].uid, key) == 0)
			return connections->connection[i].record;
	return NULL;
}
