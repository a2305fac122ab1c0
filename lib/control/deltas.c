/* SPDX-License-Identifier: Apache-2.0 */
#include "control/deltas.h"

#include "base/memory.h"

#include <stdbool.h>
#include <string.h>

#define NONE 0 /* entries are numbered from 1 on */

struct entry {
	uint64_t uid;
	uint64_t pull;	 /* the latest that told of it */
	uint64_t before; /* the latest before that one, whose values are in `told`; 0: none */
	struct tt_delta told;
	struct tt_delta now; /* what pull `pull` has told. Both by endpoint: see low_side() */
	uint32_t next;
};

struct tt_deltas {
	struct entry *entries;
	uint32_t *buckets;
	uint32_t capacity;
	uint32_t bucket_mask;
	uint32_t used_ever;
	uint32_t free;
	uint32_t fill;
	uint64_t refused;
	uint64_t refused_start_us; /* the latest start of a connection that was refused */
};

static uint32_t bucket_count(uint32_t capacity)
{
	return capacity == 1 ? 1 : 1u << (32 - __builtin_clz(capacity - 1));
}

static size_t entries_bytes(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(struct entry);
}

static size_t buckets_bytes(uint32_t capacity)
{
	return (size_t)bucket_count(capacity) * sizeof(uint32_t);
}

size_t tt_deltas_bytes(uint32_t capacity)
{
	return tt_memory_mapped_bytes(sizeof(struct tt_deltas)) +
		tt_memory_mapped_bytes(entries_bytes(capacity)) +
		tt_memory_mapped_bytes(buckets_bytes(capacity));
}

struct tt_deltas *tt_deltas_create(uint32_t capacity)
{
	struct tt_deltas *deltas = tt_memory_map(sizeof(*deltas), false);

	if (deltas == NULL)
		return NULL;
	deltas->capacity = capacity;
	deltas->bucket_mask = bucket_count(capacity) - 1;
	deltas->used_ever = NONE + 1;
	deltas->entries = tt_memory_map(entries_bytes(capacity), false);
	deltas->buckets = tt_memory_map(buckets_bytes(capacity), false);
	if (deltas->entries != NULL && deltas->buckets != NULL)
		return deltas;
	tt_deltas_destroy(deltas);
	return NULL;
}

void tt_deltas_destroy(struct tt_deltas *deltas)
{
	if (deltas == NULL)
		return;
	tt_memory_unmap(deltas->entries, entries_bytes(deltas->capacity));
	tt_memory_unmap(deltas->buckets, buckets_bytes(deltas->capacity));
	tt_memory_unmap(deltas, sizeof(*deltas));
}

/* The uids of a shard count up: Fibonacci hashing (Knuth, The Art of Computer Programming 6.4). */
static uint32_t *bucket_of(struct tt_deltas *deltas, uint64_t uid)
{
	return &deltas->buckets[uid * UINT64_C(0x9e3779b97f4a7c15) >> 32 & deltas->bucket_mask];
}

/* Which side is the client may turn out late; the endpoints stay who they are. */
static unsigned int low_side(const struct tt_record_endpoints *endpoints)
{
	int order =
		memcmp(endpoints->address[0], endpoints->address[1], sizeof(endpoints->address[0]));

	if (order == 0)
		order = endpoints->port[0] - endpoints->port[1];
	return order > 0;
}

/* What the record says, by endpoint. */
static void read_record(struct tt_delta *delta, const struct tt_connection_record *record)
{
	unsigned int low = low_side(&record->endpoints);
	bool is_tcp = record->endpoints.ip_protocol == 6;

	for (unsigned int i = 0; i < 2; i++) {
		const struct tt_tcp_summary_half *half = &record->tcp.half[i ^ low];

		delta->counters[i] = record->counters[i ^ low];
		delta->retransmits[i] =
			is_tcp && (half->present & TT_TCP_HAS_COUNTS) ? half->retransmits : 0;
	}
}

static void subtract(struct tt_delta *since, const struct tt_delta *now,
	const struct tt_delta *told, unsigned int low)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct tt_flow_counters *counters = &since->counters[i ^ low];

		counters->packets = now->counters[i].packets - told->counters[i].packets;
		counters->ip_bytes = now->counters[i].ip_bytes - told->counters[i].ip_bytes;
		counters->payload_bytes =
			now->counters[i].payload_bytes - told->counters[i].payload_bytes;
		since->retransmits[i ^ low] = now->retransmits[i] - told->retransmits[i];
	}
}

static struct entry *insert(struct tt_deltas *deltas, uint64_t uid)
{
	uint32_t number = deltas->free;

	if (number != NONE)
		deltas->free = deltas->entries[number].next;
	else if (deltas->used_ever <= deltas->capacity)
		number = deltas->used_ever++;
	else
		return NULL;

	uint32_t *bucket = bucket_of(deltas, uid);
	deltas->entries[number] = (struct entry){.uid = uid, .next = *bucket};
	*bucket = number;
	deltas->fill++;
	return &deltas->entries[number];
}

static struct entry *find(struct tt_deltas *deltas, uint64_t uid)
{
	uint32_t number = *bucket_of(deltas, uid);

	while (number != NONE && deltas->entries[number].uid != uid)
		number = deltas->entries[number].next;
	return number == NONE ? NULL : &deltas->entries[number];
}

static void refuse(struct tt_deltas *deltas, uint64_t start_us)
{
	deltas->refused++;
	if (start_us > deltas->refused_start_us)
		deltas->refused_start_us = start_us;
}

enum tt_delta_kind tt_deltas_tell(struct tt_deltas *deltas,
	const struct tt_connection_record *record, uint64_t pull, struct tt_delta *since)
{
	static const struct tt_delta nothing;
	unsigned int low = low_side(&record->endpoints);
	struct entry *entry = find(deltas, record->uid);
	bool closed = record->close_reason != TT_CLOSE_NONE;
	struct tt_delta now;

	read_record(&now, record);
	if (entry == NULL && closed) {
		/* Told of before without having had room? One that began later has not been. */
		if (deltas->refused > 0 && record->start_us <= deltas->refused_start_us)
			return TT_DELTA_UNKNOWN;
		subtract(since, &now, &nothing, low);
		return TT_DELTA_CHANGED;
	}
	if (entry == NULL && (entry = insert(deltas, record->uid)) == NULL) {
		refuse(deltas, record->start_us);
		return TT_DELTA_UNKNOWN;
	}
	if (entry->pull != pull) {
		entry->before = entry->pull;
		entry->told = entry->now;
		entry->pull = pull;
	}
	entry->now = now;
	subtract(since, &now, &entry->told, low);
	return entry->before != 0 && memcmp(&entry->now, &entry->told, sizeof(now)) == 0
		? TT_DELTA_UNCHANGED
		: TT_DELTA_CHANGED;
}

void tt_deltas_take_back(struct tt_deltas *deltas, uint64_t pull)
{
	/* Those on the free list are behind any pull. */
	for (uint32_t number = NONE + 1; number < deltas->used_ever; number++) {
		struct entry *entry = &deltas->entries[number];

		if (entry->pull != pull)
			continue;
		entry->pull = entry->before;
		entry->now = entry->told;
	}
}

void tt_deltas_forget(struct tt_deltas *deltas, uint64_t pull)
{
	for (uint32_t b = 0; b <= deltas->bucket_mask; b++) {
		uint32_t *link = &deltas->buckets[b];

		while (*link != NONE) {
			uint32_t number = *link;
			struct entry *entry = &deltas->entries[number];

			if (entry->pull >= pull) {
				link = &entry->next;
				continue;
			}
			*link = entry->next;
			entry->pull = 0;
			entry->next = deltas->free;
			deltas->free = number;
			deltas->fill--;
		}
	}
}

uint32_t tt_deltas_fill(const struct tt_deltas *deltas)
{
	return deltas->fill;
}

uint64_t tt_deltas_refused(const struct tt_deltas *deltas)
{
	return deltas->refused;
}
