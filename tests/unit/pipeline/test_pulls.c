/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that pull connections while a run goes on: each closed one comes to each client once, and
 * what is new in all pulls sums up to what the packet path has processed.
 */
#include "base/error.h"
#include "rig.h"

#define SECOND_US UINT64_C(1000000)
#define BASE_US	  (1700000000 * SECOND_US)

#define STEADY	300
#define PASSING 2000
#define LAP_US	(20 * SECOND_US)
#define PULLS	8
#define CLIENTS 3
#define UIDS	(1 << 24)

static const struct endpoint server = {0x0b000000, 9999};

/* In each lap STEADY connections go on, and as many short ones come and go. */
static struct traffic make_traffic(void)
{
	struct traffic traffic = {0};

	for (unsigned int i = 0; i < STEADY; i++) {
		const struct endpoint client = {0x0a000000 + i, 2000};

		traffic.time_us = BASE_US + i;
		traffic_udp(&traffic, client, server, 10);
		traffic_udp(&traffic, server, client, 20);
	}
	for (unsigned int i = 0; i < PASSING; i++) {
		const struct endpoint client = {0x0a800000 + i, 3000};

		traffic.time_us = BASE_US + STEADY + i * 1000;
		traffic_tcp(&traffic, client, server, TT_TCP_SYN, i * 100000, 0, 0);
	}
	traffic_sort(&traffic);
	return traffic;
}

/* What a client has learned from its pulls. */
struct client {
	struct rig *rig;
	pthread_t thread;
	char name[8];
	uint64_t random;
	uint64_t packets;
	uint64_t closed;
	unsigned int wrong;
	uint8_t ended[UIDS]; /* how often each connection came closed, by uid_number() */
};

static struct client clients[CLIENTS];

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

static uint64_t page_packets(struct client *client, const struct tt_pull_page *page)
{
	uint64_t packets = 0;

	for (uint32_t i = 0; i < page->connections.count; i++) {
		const struct tt_connection_record *record = &page->connections.records[i];
		const struct tt_delta *since = &page->since[i];

		client->wrong += page->delta[i] == TT_DELTA_UNKNOWN;
		for (unsigned int side = 0; side < 2; side++) {
			packets += since->counters[side].packets;
			client->wrong +=
				since->counters[side].packets > record->counters[side].packets;
			client->wrong += since->counters[side].payload_bytes !=
				since->counters[side].packets *
					(record->endpoints.ip_protocol != IPPROTO_UDP ? 0
							: side == TT_CLIENT_TO_SERVER ? 10
										      : 20);
		}
	}
	return packets;
}

/* Of a connection: four workers, and so many of each. */
static uint32_t uid_number(const struct tt_connection_record *record)
{
	return (rig_worker(record) << 22 | (record->uid & ((1 << 22) - 1))) % UIDS;
}

/* One pull, read to its end or broken off; a broken one counts for nothing. */
static void pull_once(struct client *client, bool whole)
{
	struct tt_control *control = client->rig->control;
	struct tt_control_cursor cursor = {0};
	struct tt_client_pull pull;
	struct tt_pull_page *page = calloc(1, sizeof(*page));
	uint64_t packets = 0, first, begun_ms = rig_now_ms();
	uint64_t max = whole ? UINT64_MAX : 1 + random_next(&client->random) % 500;
	bool breaks = !whole && random_next(&client->random) % 3 == 0;
	int code = tt_control_pull(control, client->name, NULL, max, &pull);

	client->wrong += code != TT_OK || page == NULL;
	first = pull.at;
	while (code == TT_OK) {
		code = tt_control_pull_closed(control, &pull, page);
		packets += page_packets(client, page);
		if (breaks && random_next(&client->random) % 2 == 0)
			goto done;
		for (uint32_t i = 0; !breaks && i < page->connections.count; i++)
			client->ended[uid_number(&page->connections.records[i])]++;
	}
	client->wrong += code != TT_ERROR_END || pull.lost != 0;
	do {
		code = tt_control_pull_active(control, &pull, &cursor, page);
		/* A busy machine may not let the worker answer in time; the cursor stays. */
		if (code == TT_ERROR_BUSY) {
			rig_yield(begun_ms);
			continue;
		}
		packets += page_packets(client, page);
		if (breaks && random_next(&client->random) % 4 == 0)
			goto done;
	} while (code == TT_OK || code == TT_ERROR_BUSY);
	client->wrong += code != TT_ERROR_END;
	if (breaks)
		goto done;
	tt_control_pull_finish(control, &pull);
	client->packets += packets;
	client->closed += pull.to - first;
done:
	tt_control_pull_drop(control, page);
	free(page);
}

static void *pull_until_the_end(void *argument)
{
	struct client *client = argument;

	/* The journal holds what comes between two pulls, however long a busy machine makes it. */
	for (unsigned int i = 0; i < PULLS; i++) {
		atomic_fetch_add(&client->rig->laps, 1);
		pull_once(client, false);
	}
	return NULL;
}

static void pull_together(struct rig *rig)
{
	for (unsigned int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.rig = rig, .random = i};
		snprintf(clients[i].name, sizeof(clients[i].name), "c%u", i);
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&clients[i].thread, NULL, pull_until_the_end, &clients[i]),
			0);
	}
	for (unsigned int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	tt_control_stop(rig->control);
}

static void all_pulls_sum_up_to_the_ledger(void)
{
	struct traffic traffic = make_traffic();

	for (unsigned int workers = 1; workers <= RIG_WORKERS; workers += 3) {
		struct rig rig = rig_make(&traffic, workers);

		rig.journal = true;
		rig.config->journal.connections = 200000;
		rig.endless_us = LAP_US;
		rig.laps = 1;
		rig.beside = pull_together;
		rig_launch(&rig);
		rig_run_to_the_end(&rig);
		uint64_t closed = tt_counter_read(&tt_control_counters(rig.control)->closed);
		for (unsigned int i = 0; i < CLIENTS; i++) {
			/* Perhaps what was broken off, and then what is left. */
			pull_once(&clients[i], true);
			pull_once(&clients[i], true);
			CU_ASSERT_EQUAL(clients[i].wrong, 0);
			CU_ASSERT_EQUAL(clients[i].packets, rig_dealt_with(&rig));
			CU_ASSERT_EQUAL(clients[i].closed, closed);
			unsigned int not_once = 0;
			for (unsigned int uid = 0; uid < UIDS; uid++)
				not_once += clients[i].ended[uid] > 1;
			CU_ASSERT_EQUAL(not_once, 0);
		}
		rig_end(&rig);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"all pulls sum up to the ledger", all_pulls_sum_up_to_the_ledger},
};

SUITE_MAIN("pulls", tests)
