/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/duplicates.h"

#include "base/memory.h"
#include "pipeline/worker.h"

/* Until duplicates are seen, so many packets are looked at, out of every period. */
#define WATCHED_PACKETS 2048
#define PERIOD_PACKETS	32768

/* So many copies in a period are not by chance; fewer, and the next one is watched again. */
#define COPIES_ENOUGH 8

#define STATIONS_BYTES 12 /* of Ethernet's header: destination and source */

static uint64_t table_bytes(const struct tt_config *config)
{
	return (tt_duplicates_bytes(config->duplicates.packets) + 63) & ~(uint64_t)63;
}

uint64_t tt_duplicates_worker_bytes(const struct tt_config *config)
{
	if (config->duplicates.remove == TT_DUPLICATES_OFF)
		return 0;
	return table_bytes(config) + config->flow.connections * sizeof(uint32_t[2]);
}

bool tt_duplicates_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages)
{
	struct tt_worker_duplicates *duplicates = &worker->duplicates;

	if (config->duplicates.remove == TT_DUPLICATES_OFF)
		return true;
	duplicates->memory_bytes = tt_duplicates_worker_bytes(config);
	duplicates->memory = tt_memory_map(duplicates->memory_bytes, huge_pages);
	if (duplicates->memory == NULL)
		return false;
	duplicates->table = tt_duplicates_make(duplicates->memory,
		&(struct tt_duplicates_options){
			.packets = config->duplicates.packets,
			.window_us = config->duplicates.window_us,
			.secret = secret,
		});
	duplicates->of_flow = (void *)((uint8_t *)duplicates->memory + table_bytes(config));
	duplicates->automatic = config->duplicates.remove == TT_DUPLICATES_AUTO;
	duplicates->removing = !duplicates->automatic;
	duplicates->looking = duplicates->removing;
	tt_counter_set(&worker->counters.removing_duplicates, duplicates->removing);
	return true;
}

void tt_duplicates_worker_destroy(struct tt_worker *worker)
{
	tt_memory_unmap(worker->duplicates.memory, worker->duplicates.memory_bytes);
}

static void set_removing(struct tt_worker *worker, bool removing)
{
	worker->duplicates.removing = removing;
	tt_counter_set(&worker->counters.removing_duplicates, removing);
}

void tt_duplicates_begin_burst(struct tt_worker *worker)
{
	struct tt_worker_duplicates *duplicates = &worker->duplicates;

	if (!duplicates->automatic)
		return;
	if (duplicates->period_packets >= PERIOD_PACKETS) {
		set_removing(worker, duplicates->period_copies >= COPIES_ENOUGH);
		duplicates->period_packets = 0;
		duplicates->period_copies = 0;
	} else if (duplicates->period_copies >= COPIES_ENOUGH && !duplicates->removing) {
		set_removing(worker, true);
	}
	duplicates->looking = duplicates->removing || duplicates->period_packets < WATCHED_PACKETS;
	duplicates->period_packets += worker->burst.count;
}

static bool see(struct tt_worker *worker, unsigned int i, uint64_t fingerprint)
{
	const struct tt_received *received = &worker->burst.received[i];
	bool has_stations =
		received->link == TT_LINK_ETHERNET && received->mbuf->data_len >= STATIONS_BYTES;
	const struct tt_sighting sighting = {
		.fingerprint = fingerprint,
		.time_us = received->time_us,
		.stations = has_stations ? rte_pktmbuf_mtod(received->mbuf, const uint8_t *) : NULL,
		.port = received->port,
	};

	if (!tt_duplicates_see(worker->duplicates.table, &worker->burst.packet[i], &sighting))
		return false;
	worker->duplicates.period_copies++;
	tt_counter_add(&worker->counters.duplicates[received->port], 1);
	return true;
}

bool tt_duplicates_see_fragment(struct tt_worker *worker, unsigned int i, uint64_t domain)
{
	return see(worker, i,
		tt_duplicates_fingerprint(
			worker->duplicates.table, &worker->burst.packet[i], domain));
}

void tt_duplicates_read_burst(struct tt_worker *worker)
{
	struct tt_worker_duplicates *duplicates = &worker->duplicates;
	const struct tt_burst *burst = &worker->burst;

	for (unsigned int i = 0; i < burst->count; i++) {
		duplicates->fingerprint[i] = 0;
		/* Those were seen when they were attributed. */
		if (burst->packet[i].flags & TT_PACKET_FRAGMENT)
			continue;
		duplicates->fingerprint[i] = tt_duplicates_fingerprint(
			duplicates->table, &burst->packet[i], burst->key[i].domain);
		tt_duplicates_prefetch(duplicates->table, duplicates->fingerprint[i]);
	}
}

bool tt_duplicates_see_packet(struct tt_worker *worker, unsigned int i, const struct tt_flow *flow)
{
	struct tt_worker_duplicates *duplicates = &worker->duplicates;

	if (duplicates->fingerprint[i] == 0 || !see(worker, i, duplicates->fingerprint[i]))
		return false;
	if (flow != NULL)
		duplicates->of_flow[tt_flow_table_number(worker->flows, flow)]
				   [worker->burst.direction[i]]++;
	return true;
}

void tt_duplicates_flow_begin(struct tt_worker *worker, const struct tt_flow *flow)
{
	uint32_t *of_flow = worker->duplicates.of_flow[tt_flow_table_number(worker->flows, flow)];

	of_flow[0] = 0;
	of_flow[1] = 0;
}

uint32_t tt_duplicates_of_flow(
	const struct tt_worker *worker, const struct tt_flow *flow, unsigned int direction)
{
	return worker->duplicates.of_flow[tt_flow_table_number(worker->flows, flow)][direction];
}
