/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/source.h"

#include "pipeline/burst.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct queue {
	uint16_t port;
	uint16_t queue;
};

struct worker_queues {
	struct queue queues[TT_PORT_LIMIT];
	unsigned int count;
	bool behind; /* see struct tt_source */
} __attribute__((aligned(64)));

struct tt_driver_source {
	struct tt_driver *driver;
	struct worker_queues workers[];
};

/* Packet `count` to where its time belongs; of equal times the first stays first. */
static void insert_by_time(struct tt_received *received, unsigned int count)
{
	const struct tt_received packet = received[count];

	for (; count > 0 && received[count - 1].time_us > packet.time_us; count--)
		received[count] = received[count - 1];
	received[count] = packet;
}

/* What was read from the last queue to the first: in the order of time, and where that is the same
 * in the order of the queues. */
static void put_in_order(struct tt_received *received, const unsigned int begins[],
	unsigned int queues, unsigned int count)
{
	struct tt_received read[TT_BURST];
	unsigned int to = 0, end = count;

	memcpy(read, received, count * sizeof(*read));
	for (unsigned int i = queues; i-- > 0; end = begins[i])
		for (unsigned int from = begins[i]; from < end; from++, to++) {
			received[to] = read[from];
			insert_by_time(received, to);
		}
}

/* Every queue, each with its share of the burst, so that none starves. A tap's two directions come
 * on two ports: an answer is not to be looked at before what it answers. So the last port is read
 * first, and when that of the question is read it has come, too. Where packets have times of their
 * own those tell the order; else all have that of the round, and the first port's come first. */
static unsigned int receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct tt_driver_source *source = context;
	struct worker_queues *mine = &source->workers[worker];
	unsigned int begins[TT_PORT_LIMIT];
	unsigned int count = 0, queues = 0;

	mine->behind = false;
	for (unsigned int i = mine->count; i-- > 0 && count < limit;) {
		const struct queue *queue = &mine->queues[i];
		unsigned int part = (limit - count) / (i + 1);
		unsigned int share = part > 0 ? part : 1;
		unsigned int got = tt_port_receive(
			source->driver, queue->port, queue->queue, received + count, share, now_us);

		mine->behind = mine->behind || got == share;
		if (got == 0)
			continue;
		begins[queues++] = count;
		count += got;
	}
	if (queues > 1)
		put_in_order(received, begins, queues, count);
	return count;
}

static bool behind(void *context, unsigned int worker)
{
	const struct tt_driver_source *source = context;

	return source->workers[worker].behind;
}

static bool ended(void *context, unsigned int worker)
{
	const struct tt_driver_source *source = context;
	const struct worker_queues *mine = &source->workers[worker];

	for (unsigned int i = 0; i < mine->count; i++)
		if (!tt_port_ended(source->driver, mine->queues[i].port, mine->queues[i].queue))
			return false;
	return true;
}

static void sync_clock(void *context)
{
	const struct tt_driver_source *source = context;

	tt_driver_sync_clock(source->driver);
}

static void give(struct worker_queues *worker, unsigned int port, unsigned int queue)
{
	worker->queues[worker->count++] = (struct queue){(uint16_t)port, (uint16_t)queue};
}

struct tt_driver_source *tt_driver_source_create(
	struct tt_source *source, struct tt_driver *driver, unsigned int workers, bool captures)
{
	size_t bytes = sizeof(struct tt_driver_source) + workers * sizeof(struct worker_queues);
	struct tt_driver_source *made = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	assert(workers > 0);
	if (made == NULL)
		return NULL;
	made->driver = driver;
	for (unsigned int w = 0; w < workers; w++)
		made->workers[w] = (struct worker_queues){.count = 0};

	for (unsigned int port = 0; port < tt_driver_port_count(driver); port++) {
		struct tt_port_info info;

		tt_port_info(driver, port, &info);
		if (info.queues == 1)
			give(&made->workers[captures ? 0 : port % workers], port, 0);
		else
			for (unsigned int queue = 0; queue < info.queues; queue++)
				give(&made->workers[queue % workers], port, queue);
	}

	unsigned int receivers = 0;
	for (unsigned int w = 0; w < workers; w++)
		if (made->workers[w].count > 0)
			receivers = w + 1;
	*source = (struct tt_source){
		.context = made,
		.receive = receive,
		.behind = behind,
		.ended = ended,
		.sync_clock = sync_clock,
		.receivers = receivers,
		.waits = captures,
		.packet_time = captures,
		/* A NIC hashes tunnels by what is outside of them, and fragments by their addresses:
		 * with several workers only the configuration can say that this is right. */
		.symmetric = workers == 1,
	};
	return made;
}

void tt_driver_source_destroy(struct tt_driver_source *driver_source)
{
	free(driver_source);
}
