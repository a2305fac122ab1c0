/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/source.h"

#include <assert.h>
#include <stdlib.h>

struct queue {
	uint16_t port;
	uint16_t queue;
};

struct worker_queues {
	struct queue queues[TT_PORT_LIMIT];
	unsigned int count;
} __attribute__((aligned(64)));

struct tt_driver_source {
	struct tt_driver *driver;
	struct worker_queues workers[];
};

/* Every queue in the order of its port, each with its share of the burst, so that none starves. A
 * tap's two directions come on two ports: what was asked on the first is looked at before what was
 * answered on the second, when both waited. */
static unsigned int receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct tt_driver_source *source = context;
	const struct worker_queues *mine = &source->workers[worker];
	unsigned int count = 0;

	for (unsigned int i = 0; i < mine->count; i++) {
		const struct queue *queue = &mine->queues[i];
		unsigned int share = (limit - count) / (mine->count - i);

		count += tt_port_receive(source->driver, queue->port, queue->queue,
			received + count, share > 0 ? share : 1, now_us);
		if (count == limit)
			break;
	}
	return count;
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

	bool symmetric = !captures;
	for (unsigned int port = 0; port < tt_driver_port_count(driver); port++) {
		struct tt_port_info info;

		tt_port_info(driver, port, &info);
		symmetric = symmetric && info.symmetric && info.queues == workers;
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
		.ended = ended,
		.sync_clock = sync_clock,
		.receivers = receivers,
		.waits = captures,
		.packet_time = captures,
		.symmetric = symmetric || workers == 1,
	};
	return made;
}

void tt_driver_source_destroy(struct tt_driver_source *driver_source)
{
	free(driver_source);
}
