/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/statistics.h"

#include "pipeline/worker.h"

#include <string.h>

#define DRAIN_PLACES	 4096 /* of a table, looked at in one go at the end */
#define CONTINUE_PLACES	 256  /* the same of a round */
#define CONTINUE_RECORDS 2    /* of 3.6 KiB, of a round */

#define RECORD_BYTES (sizeof(struct tt_stats_record) + TT_AGGREGATE_RECORD_BYTES)

/* What is left to others: the records of a burst, and the answer to a snapshot. */
#define SPARE_BYTES (TT_SNAPSHOT_ROOM_BYTES + 4 * TT_RECORD_LIMIT_BYTES)

/* The table that goes now; NULL: what it counts is off. */
static const void *table_of(const struct tt_worker *worker)
{
	return worker->statistics.kind == TT_STATISTICS_DNS ? (const void *)worker->dns.stats
							    : worker->http.stats;
}

/* Its next entries. */
static size_t drain_some(struct tt_worker *worker, unsigned int places, uint8_t *bytes)
{
	struct tt_worker_statistics *statistics = &worker->statistics;

	if (statistics->kind == TT_STATISTICS_DNS)
		return tt_dns_stats_drain(worker->dns.stats, &statistics->position, places, bytes,
			TT_AGGREGATE_RECORD_BYTES);
	return tt_http_stats_drain(worker->http.stats, &statistics->position, places, bytes,
		TT_AGGREGATE_RECORD_BYTES);
}

static void next_kind(struct tt_worker_statistics *statistics)
{
	statistics->kind++;
	statistics->position = 0;
}

/* One record; without room, or where there is nothing to count, none. */
static void write_record(struct tt_worker *worker, unsigned int places)
{
	static const uint8_t kinds[TT_STATISTICS_KINDS] = {
		TT_RECORD_DNS_STATS, TT_RECORD_HTTP_STATS};
	struct tt_worker_statistics *statistics = &worker->statistics;
	struct tt_stats_record *record;

	if (table_of(worker) == NULL) {
		next_kind(statistics);
		return;
	}
	record = tt_worker_reserve(worker, kinds[statistics->kind], RECORD_BYTES);
	if (record == NULL)
		return;
	record->reserved = 0;
	record->length = (uint32_t)drain_some(worker, places, record->bytes);
	tt_shard_commit(worker->shard);
	if (statistics->position == UINT32_MAX)
		next_kind(statistics);
}

void tt_statistics_begin(struct tt_worker *worker, uint64_t id)
{
	worker->statistics = (struct tt_worker_statistics){.asked = id};
}

void tt_statistics_continue(struct tt_worker *worker)
{
	struct tt_worker_statistics *statistics = &worker->statistics;

	if (statistics->asked == 0)
		return;
	for (unsigned int i = 0; i < CONTINUE_RECORDS; i++) {
		if (tt_shard_room_bytes(worker->shard) < SPARE_BYTES + RECORD_BYTES)
			return;
		if (statistics->kind < TT_STATISTICS_KINDS) {
			write_record(worker, CONTINUE_PLACES);
			continue;
		}
		struct tt_stats_end_record *end =
			tt_worker_reserve(worker, TT_RECORD_STATS_END, sizeof(*end));
		if (end == NULL)
			return;
		end->id = statistics->asked;
		tt_shard_commit(worker->shard);
		statistics->asked = 0;
		return;
	}
}

void tt_statistics_drain(struct tt_worker *worker)
{
	tt_statistics_begin(worker, 0);
	while (worker->statistics.kind < TT_STATISTICS_KINDS)
		write_record(worker, DRAIN_PLACES);
}
