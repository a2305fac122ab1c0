/* SPDX-License-Identifier: Apache-2.0 */
#include "shard/shard.h"

#include "base/error.h"
#include "base/memory.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdatomic.h>
#include <string.h>

#define COMMAND_SLOTS 64

struct batch {
	/* Of the records in it. W: wo, C: ro. */
	_Atomic uint32_t length_bytes;
	/* W: wo, C: ro. C may still look at the batch that was open last while W, having got it
	 * back, numbers it anew; the number that C wants it never has then. */
	_Atomic uint64_t sequence;
	uint8_t bytes[TT_SHARD_BATCH_BYTES] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct tt_shard {
	/* W: wo, C: ro. */
	_Atomic(struct batch *) open;
	struct rte_ring *full;	   /* W enqueues, C dequeues */
	struct rte_ring *free;	   /* C enqueues, W dequeues */
	struct rte_ring *commands; /* C enqueues, W dequeues */
	struct batch *batches;
	uint32_t batch_count;
	size_t memory_bytes;
	size_t rings_bytes;
	uint32_t worker;

	/* W's own. */
	struct {
		struct batch *batch; /* what `open` points to */
		uint32_t length_bytes;
		uint16_t reserved_bytes;
		uint64_t sequence;
		struct tt_shard_counters counters;
	} writer __attribute__((aligned(64)));

	/* C's own. */
	struct {
		uint64_t want_sequence;
		uint32_t offset_bytes;
	} reader __attribute__((aligned(64)));
};

static uint32_t ring_slots(uint32_t batches)
{
	uint32_t slots = 4;

	while (slots <= batches) /* a ring of n slots holds n - 1 */
		slots *= 2;
	return slots;
}

static size_t aligned_64(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

static size_t ring_bytes(size_t element_bytes, uint32_t slots)
{
	return aligned_64((size_t)rte_ring_get_memsize_elem((unsigned int)element_bytes, slots));
}

static size_t batch_ring_bytes(uint32_t batches)
{
	return ring_bytes(sizeof(struct batch *), ring_slots(batches));
}

size_t tt_shard_bytes(uint32_t batches)
{
	return aligned_64(sizeof(struct tt_shard)) + 2 * batch_ring_bytes(batches) +
		ring_bytes(sizeof(struct tt_command), COMMAND_SLOTS) +
		(size_t)batches * sizeof(struct batch);
}

/* Lay a ring of one producer and one consumer into memory at *at, and move *at on. */
static struct rte_ring *lay_ring(uint8_t **at, size_t bytes, const char *name, uint32_t slots)
{
	struct rte_ring *ring = (struct rte_ring *)(void *)*at;

	*at += bytes;
	return rte_ring_init(ring, name, slots, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0 ? ring : NULL;
}

static void open_batch(struct tt_shard *shard, struct batch *batch)
{
	atomic_store_explicit(&batch->sequence, shard->writer.sequence++, memory_order_relaxed);
	atomic_store_explicit(&batch->length_bytes, 0, memory_order_relaxed);
	shard->writer.batch = batch;
	shard->writer.length_bytes = 0;
}

int tt_shard_create(struct tt_shard **shard, uint32_t worker, uint32_t batches, bool huge_pages)
{
	*shard = NULL;
	if (batches < 3 || batches > UINT16_MAX)
		return TT_ERROR_ARGUMENT;

	size_t bytes = tt_shard_bytes(batches);
	uint8_t *memory = tt_memory_map(bytes, huge_pages);
	if (memory == NULL)
		return TT_ERROR_MEMORY;

	struct tt_shard *made = (struct tt_shard *)(void *)memory;
	uint8_t *at = memory + aligned_64(sizeof(*made));
	uint32_t slots = ring_slots(batches);
	made->full = lay_ring(&at, batch_ring_bytes(batches), "full", slots);
	made->free = lay_ring(&at, batch_ring_bytes(batches), "free", slots);
	made->commands = lay_ring(&at, ring_bytes(sizeof(struct tt_command), COMMAND_SLOTS),
		"commands", COMMAND_SLOTS);
	made->batches = (struct batch *)(void *)at;
	made->batch_count = batches;
	made->memory_bytes = bytes;
	made->worker = worker;
	if (made->full == NULL || made->free == NULL || made->commands == NULL) {
		tt_memory_unmap(memory, bytes);
		return TT_ERROR_MEMORY;
	}

	for (uint32_t i = 1; i < batches; i++)
		rte_ring_sp_enqueue(made->free, &made->batches[i]);
	open_batch(made, &made->batches[0]);
	atomic_store_explicit(&made->open, &made->batches[0], memory_order_release);
	*shard = made;
	return 0;
}

void tt_shard_destroy(struct tt_shard *shard)
{
	if (shard != NULL)
		tt_memory_unmap(shard, shard->memory_bytes);
}

void *tt_shard_reserve(struct tt_shard *shard, uint16_t size_bytes)
{
	if (shard->writer.length_bytes + size_bytes > TT_SHARD_BATCH_BYTES) {
		struct batch *old = shard->writer.batch;
		void *taken;

		if (rte_ring_sc_dequeue(shard->free, &taken) != 0) {
			tt_counter_add(&shard->writer.counters.busy, 1);
			return NULL;
		}
		open_batch(shard, taken);
		/* Both rings have room for every batch there is: this cannot fail. */
		rte_ring_sp_enqueue(shard->full, old);
		atomic_store_explicit(&shard->open, taken, memory_order_release);
	}

	struct tt_record *record = (struct tt_record *)(void *)(shard->writer.batch->bytes +
		shard->writer.length_bytes);
	shard->writer.reserved_bytes = size_bytes;
	record->size_bytes = size_bytes;
	record->worker = shard->worker;
	return record;
}

void tt_shard_commit(struct tt_shard *shard)
{
	shard->writer.length_bytes += shard->writer.reserved_bytes;
	tt_counter_add(&shard->writer.counters.records, 1);
	tt_counter_add(&shard->writer.counters.bytes, shard->writer.reserved_bytes);
	atomic_store_explicit(&shard->writer.batch->length_bytes, shard->writer.length_bytes,
		memory_order_release);
}

size_t tt_shard_room_bytes(const struct tt_shard *shard)
{
	/* The end of each batch may be too short for a record of the largest size. */
	const size_t usable = TT_SHARD_BATCH_BYTES - TT_RECORD_LIMIT_BYTES;
	size_t open = shard->writer.length_bytes < usable ? usable - shard->writer.length_bytes : 0;

	return open + rte_ring_count(shard->free) * usable;
}

bool tt_shard_command(struct tt_shard *shard, struct tt_command *command)
{
	return !rte_ring_empty(shard->commands) &&
		tt_shard_room_bytes(shard) >= TT_SNAPSHOT_ROOM_BYTES &&
		rte_ring_sc_dequeue_elem(shard->commands, command, sizeof(*command)) == 0;
}

bool tt_shard_post(struct tt_shard *shard, const struct tt_command *command)
{
	struct tt_command copy = *command;

	return rte_ring_sp_enqueue_elem(shard->commands, &copy, sizeof(copy)) == 0;
}

/* C: what is new in a batch, from the offset on. */
static uint64_t consume_batch(
	struct tt_shard *shard, const struct batch *batch, tt_record_consume consume, void *context)
{
	uint32_t length = atomic_load_explicit(&batch->length_bytes, memory_order_acquire);
	uint64_t count = 0;

	while (shard->reader.offset_bytes < length) {
		const struct tt_record *record =
			(const struct tt_record *)(const void *)(batch->bytes +
				shard->reader.offset_bytes);
		consume(context, record);
		shard->reader.offset_bytes += record->size_bytes;
		count++;
	}
	return count;
}

/* C: the full batches, but no more than there can be at a time, or a fast W would keep C here. */
static uint64_t consume_full(struct tt_shard *shard, tt_record_consume consume, void *context)
{
	uint64_t count = 0;
	void *taken;

	for (uint32_t i = 0;
		i < shard->batch_count && rte_ring_sc_dequeue(shard->full, &taken) == 0; i++) {
		count += consume_batch(shard, taken, consume, context);
		shard->reader.want_sequence++;
		shard->reader.offset_bytes = 0;
		rte_ring_sp_enqueue(shard->free, taken);
	}
	return count;
}

uint64_t tt_shard_consume(struct tt_shard *shard, tt_record_consume consume, void *context)
{
	uint64_t count = 0;

	/* Where W has moved on since `full` was drained, the batch that was open when the call began
	 * is in `full` by the second time. */
	for (unsigned int time = 0; time < 2; time++) {
		count += consume_full(shard, consume, context);

		const struct batch *open = atomic_load_explicit(&shard->open, memory_order_acquire);
		if (atomic_load_explicit(&open->sequence, memory_order_relaxed) ==
			shard->reader.want_sequence)
			return count + consume_batch(shard, open, consume, context);
	}
	return count;
}

const struct tt_shard_counters *tt_shard_counters(const struct tt_shard *shard)
{
	return &shard->writer.counters;
}
