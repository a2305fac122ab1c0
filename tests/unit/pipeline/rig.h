/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline and its control core over traffic from memory. The EAL is started once a process, by
 * the first rig; each rig is one run, from rig_make() to rig_free(). What becomes of it, records
 * and counters, stays in struct rig for the test to look at.
 */
#ifndef TT_TESTS_PIPELINE_RIG_H
#define TT_TESTS_PIPELINE_RIG_H

#include "control/control.h"
#include "pipeline/pipeline.h"
#include "pipeline/traffic.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define RIG_WORKERS 4
/* More than the rings hold, so that the bursts of a run are always the same. */
#define RIG_MBUFS	16383
#define RIG_MBUF_BYTES	(RTE_PKTMBUF_HEADROOM + 1024)
#define RIG_DEADLINE_MS 60000

struct rig {
	/* Before rig_run(): */
	struct tt_config *config;
	const struct traffic *traffic;
	unsigned int receivers;
	bool live;	     /* time goes on without packets, nothing waits, and no end by itself */
	uint64_t endless_us; /* repeated for ever, each time so much later; 0: once. Unless live,
			      * one time has been dealt with when the next begins, and there
			      * is one receiver. */
	_Atomic uint64_t
		laps; /* an endless one begins no more than so many; UINT64_MAX to begin with */
	/* Of struct tt_source. Given: packets are received one by one, and none waits. */
	bool (*behind)(void *context, unsigned int worker);
	bool journal;	      /* records go there, not to `records` */
	unsigned int rest_us; /* of the control core after each 16 records */
	enum tt_close_reason end_reason;
	/* Of struct tt_control_options; their context is the rig. */
	void (*dns)(void *context, const struct tt_dns_transaction_record *record);
	void (*http)(void *context, const struct tt_http_record *record);
	void (*tls)(void *context, const struct tt_tls_handshake_record *record,
		const uint8_t *certificate);
	void *seen; /* the test's, of these */
	/* Runs beside the control core, on a thread of its own, with the rig as argument; the run
	 * ends when it has returned and, unless it called tt_control_stop(), the traffic. */
	void (*beside)(struct rig *rig);

	struct tt_pipeline *pipeline;
	struct tt_control *control;
	size_t next[RIG_WORKERS]; /* frame, of each receiver */
	uint64_t lap[RIG_WORKERS];
	atomic_size_t given[RIG_WORKERS];
	atomic_bool hold[RIG_WORKERS]; /* this receiver's thread waits inside of receive() */

	/* After it: */
	struct tt_connection_record *records;
	size_t count, limit;
	uint64_t received;
	uint64_t processed;
	uint64_t fragments_excluded;
	uint64_t dropped[TT_DROP_REASONS];
	uint64_t created;
	uint64_t lost;
	uint64_t excluded; /* connections, by rules */
	uint64_t handed_over;
	uint64_t waited;
};

static struct rte_mempool *rig_pool;

static inline uint64_t rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The mbufs that are free, under a mutex: DPDK's own pools are not instrumented, and
 * ThreadSanitizer would not know that they order what is done with an mbuf. */
struct rig_stack {
	pthread_mutex_t mutex;
	unsigned int count;
	void *objects[RIG_MBUFS];
};

/* Of the one pool; not of the heap, for LeakSanitizer does not look into DPDK's memory, where the
 * pool is. */
static struct rig_stack rig_stack;

static inline int rig_pool_alloc(struct rte_mempool *pool)
{
	pthread_mutex_init(&rig_stack.mutex, NULL);
	pool->pool_data = &rig_stack;
	return 0;
}

static inline void rig_pool_free(struct rte_mempool *pool)
{
	(void)pool;
	pthread_mutex_destroy(&rig_stack.mutex);
}

static inline int rig_pool_put(struct rte_mempool *pool, void *const *objects, unsigned int count)
{
	struct rig_stack *stack = pool->pool_data;

	pthread_mutex_lock(&stack->mutex);
	memcpy(stack->objects + stack->count, objects, count * sizeof(*objects));
	stack->count += count;
	pthread_mutex_unlock(&stack->mutex);
	return 0;
}

static inline int rig_pool_take(struct rte_mempool *pool, void **objects, unsigned int count)
{
	struct rig_stack *stack = pool->pool_data;
	bool enough;

	pthread_mutex_lock(&stack->mutex);
	enough = count <= stack->count;
	if (enough) {
		stack->count -= count;
		memcpy(objects, stack->objects + stack->count, count * sizeof(*objects));
	}
	pthread_mutex_unlock(&stack->mutex);
	return enough ? 0 : -ENOBUFS;
}

static inline unsigned int rig_pool_count(const struct rte_mempool *pool)
{
	struct rig_stack *stack = pool->pool_data;

	pthread_mutex_lock(&stack->mutex);
	unsigned int count = stack->count;
	pthread_mutex_unlock(&stack->mutex);
	return count;
}

static const struct rte_mempool_ops rig_pool_ops = {
	.name = "rig",
	.alloc = rig_pool_alloc,
	.free = rig_pool_free,
	.enqueue = rig_pool_put,
	.dequeue = rig_pool_take,
	.get_count = rig_pool_count,
};

/* Polled until it is so. */
static inline void rig_yield(uint64_t begun_ms)
{
	const struct timespec pause = {.tv_nsec = 100000};

	if (rig_now_ms() - begun_ms > RIG_DEADLINE_MS) {
		fprintf(stderr, "the rig is stuck\n");
		abort();
	}
	nanosleep(&pause, NULL);
}

static inline void rig_start_eal(void)
{
	char lcores[512], prefix[64];
	int length;
	cpu_set_t cpus;
	bool first = true;

	if (rig_pool != NULL)
		return;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	length = snprintf(lcores, sizeof(lcores), "--lcores=(0-%d)@(", RIG_WORKERS);
	for (int cpu = 0; cpu < CPU_SETSIZE && length < 480; cpu++)
		if (CPU_ISSET(cpu, &cpus)) {
			length += snprintf(lcores + length, sizeof(lcores) - (size_t)length, "%s%d",
				first ? "" : ",", cpu);
			first = false;
		}
	snprintf(lcores + length, sizeof(lcores) - (size_t)length, ")");
	snprintf(prefix, sizeof(prefix), "--file-prefix=taptrace-test%ld", (long)getpid());
	char name[] = "test", main_lcore[] = "--main-lcore=0", no_huge[] = "--no-huge", m[] = "-m",
	     mib[] = "64", no_pci[] = "--no-pci", no_telemetry[] = "--no-telemetry",
	     no_shconf[] = "--no-shconf", level[] = "--log-level=lib.eal:error";
	char *arguments[] = {name, lcores, main_lcore, no_huge, m, mib, no_pci, no_telemetry,
		no_shconf, prefix, level, NULL};
	if (rte_eal_init(11, arguments) < 0) {
		fprintf(stderr, "no EAL\n");
		abort();
	}
	if (rte_mempool_register_ops(&rig_pool_ops) < 0)
		abort();
	rig_pool = rte_pktmbuf_pool_create_by_ops("rig", RIG_MBUFS, 0,
		tt_pipeline_mbuf_private_bytes(), RIG_MBUF_BYTES, SOCKET_ID_ANY, rig_pool_ops.name);
	if (rig_pool == NULL)
		abort();
}

/* With the default configuration, but for small tables. */
static inline struct rig rig_make(const struct traffic *traffic, unsigned int workers)
{
	struct rig rig = {.traffic = traffic,
		.receivers = 1,
		.laps = UINT64_MAX,
		.end_reason = TT_CLOSE_END_OF_CAPTURE};

	rig_start_eal();
	if (tt_config_default(&rig.config) != 0)
		abort();
	rig.config->workers.count = workers;
	rig.config->flow.connections = 20000;
	rig.config->flow.half_open = 5000;
	rig.config->memory.record_batches = 64;
	rig.config->journal.connections = 1000;
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	tt_config_free(rig->config);
	free(rig->records);
	*rig = (struct rig){0};
}

static inline size_t rig_given(struct rig *rig)
{
	size_t given = 0;

	for (unsigned int w = 0; w < RIG_WORKERS; w++)
		given += atomic_load_explicit(&rig->given[w], memory_order_relaxed);
	return given;
}

/* Packets that have come to their flows, or were dropped: what was given may still be on a ring. */
static inline uint64_t rig_dealt_with(const struct rig *rig)
{
	uint64_t dealt_with = 0;

	for (unsigned int w = 0; w < rig->config->workers.count; w++) {
		const struct tt_ledger *ledger =
			&tt_pipeline_worker_counters(rig->pipeline, w)->ledger;

		dealt_with += tt_counter_read(&ledger->processed);
		for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
			dealt_with += tt_counter_read(&ledger->dropped[reason]);
	}
	return dealt_with;
}

static inline unsigned int rig_receive(void *context, unsigned int worker,
	struct tt_received *received, unsigned int limit, uint64_t now_us)
{
	struct rig *rig = context;
	const struct traffic *traffic = rig->traffic;
	uint64_t begun_ms = rig_now_ms();
	unsigned int count = 0;

	if (rig->behind != NULL)
		limit = 1;
	while (atomic_load_explicit(&rig->hold[worker], memory_order_acquire))
		rig_yield(begun_ms);
	for (;;) {
		if (rig->next[worker] == traffic->count && rig->endless_us > 0 && count == 0 &&
			rig->lap[worker] < atomic_load_explicit(&rig->laps, memory_order_relaxed) &&
			(rig->live || rig_dealt_with(rig) == rig_given(rig))) {
			rig->next[worker] = 0;
			rig->lap[worker]++;
		}
		if (count == limit || rig->next[worker] == traffic->count)
			break;
		const struct traffic_frame *frame = &traffic->frames[rig->next[worker]];
		if (frame->receiver != worker) {
			rig->next[worker]++;
			continue;
		}
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rig_pool);
		if (mbuf == NULL)
			break;
		memcpy(rte_pktmbuf_append(mbuf, frame->length), frame->bytes, frame->length);
		received[count++] = (struct tt_received){
			.mbuf = mbuf,
			.time_us = rig->live ? now_us
					     : frame->time_us + rig->lap[worker] * rig->endless_us,
			.wire_bytes = frame->length,
			.port = frame->port,
			.link = TT_LINK_ETHERNET,
		};
		rig->next[worker]++;
	}
	atomic_fetch_add_explicit(&rig->given[worker], count, memory_order_relaxed);
	return count;
}

/* All have ended at once, when every packet has been dealt with: who stops receiving gives up what
 * it waits for. */
static inline bool rig_ended(void *context, unsigned int worker)
{
	struct rig *rig = context;

	if (rig->live || rig->endless_us > 0)
		return false;
	if (rig->receivers == 1)
		return rig->next[worker] == rig->traffic->count;
	return rig_dealt_with(rig) == rig->traffic->count;
}

static inline void rig_closed(void *context, const struct tt_connection_record *record)
{
	struct rig *rig = context;

	if (rig->count == rig->limit) {
		rig->limit = rig->limit == 0 ? 1024 : rig->limit * 2;
		rig->records = realloc(rig->records, rig->limit * sizeof(*rig->records));
		if (rig->records == NULL)
			abort();
	}
	rig->records[rig->count++] = *record;
	if (rig->rest_us > 0 && rig->count % 16 == 0)
		usleep(rig->rest_us);
}

static inline void *rig_run_beside(void *argument)
{
	struct rig *rig = argument;

	rig->beside(rig);
	return NULL;
}

static inline void rig_sum(struct rig *rig)
{
	for (unsigned int w = 0; w < rig->config->workers.count; w++) {
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(rig->pipeline, w);
		const struct tt_flow_table_counters *flows =
			tt_pipeline_flow_counters(rig->pipeline, w);

		rig->received += tt_counter_read(&counters->ledger.received);
		rig->processed += tt_counter_read(&counters->ledger.processed);
		rig->fragments_excluded += tt_counter_read(&counters->fragments_excluded);
		for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
			rig->dropped[reason] += tt_counter_read(&counters->ledger.dropped[reason]);
		rig->handed_over += tt_counter_read(&counters->handed_over);
		rig->waited += tt_counter_read(&counters->waited);
		rig->created += tt_counter_read(&flows->created);
		rig->lost += tt_counter_read(&flows->lost_unreported);
		rig->excluded += tt_counter_read(&counters->excluded_connections);
		CU_ASSERT_EQUAL(tt_counter_read(&flows->live), 0);
	}
}

static inline uint64_t rig_dropped(const struct rig *rig)
{
	uint64_t dropped = 0;

	for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
		dropped += rig->dropped[reason];
	return dropped;
}

/* What holds for every run: each packet and each connection is accounted for, and each mbuf is
 * back. */
static inline void rig_check(struct rig *rig)
{
	CU_ASSERT_EQUAL(rig->received, rig_given(rig));
	CU_ASSERT_EQUAL(rig->processed + rig_dropped(rig), rig->received);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
	CU_ASSERT_EQUAL(tt_pipeline_ring_packets(rig->pipeline), 0);
	if (!rig->journal)
		CU_ASSERT_EQUAL(rig->count + rig->lost + rig->excluded, rig->created);
	if (!rig->live && rig->endless_us == 0) {
		CU_ASSERT_EQUAL(rig->received, rig->traffic->count);
		CU_ASSERT_EQUAL(rig->dropped[TT_DROP_RING_FULL], 0);
		CU_ASSERT_EQUAL(rig->lost, 0);
	}
}

/* The parts of a run, for tests that do something in between. */
static inline void rig_create(struct rig *rig)
{
	const struct tt_source source = {
		.context = rig,
		.receive = rig_receive,
		.ended = rig_ended,
		.behind = rig->behind,
		.receivers = rig->receivers,
		.waits = !rig->live && rig->receivers == 1 && rig->behind == NULL,
		.packet_time = !rig->live,
		.symmetric = rig->config->workers.count == 1,
	};

	CU_ASSERT_EQUAL_FATAL(tt_pipeline_create(&rig->pipeline,
				      &(struct tt_pipeline_options){.config = rig->config,
					      .source = &source,
					      .instance = 1,
					      .seed = 1}),
		0);
	CU_ASSERT_EQUAL_FATAL(tt_control_create(&rig->control,
				      &(struct tt_control_options){.config = rig->config,
					      .pipeline = rig->pipeline,
					      .closed = rig->journal ? NULL : rig_closed,
					      .dns = rig->dns,
					      .http = rig->http,
					      .tls = rig->tls,
					      .context = rig,
					      .end_reason = rig->end_reason}),
		0);
}

static inline void rig_launch(struct rig *rig)
{
	rig_create(rig);
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig->pipeline), 0);
}

static inline void rig_end(struct rig *rig)
{
	tt_pipeline_wait(rig->pipeline);
	rig_sum(rig);
	rig_check(rig);
	tt_control_destroy(rig->control);
	tt_pipeline_destroy(rig->pipeline);
}

/* From rig_launch() to rig_end(). */
static inline void rig_run_to_the_end(struct rig *rig)
{
	pthread_t beside;

	if (rig->beside != NULL)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&beside, NULL, rig_run_beside, rig), 0);
	tt_control_run(rig->control);
	if (rig->beside != NULL)
		pthread_join(beside, NULL);
}

static inline void rig_run(struct rig *rig)
{
	rig_launch(rig);
	rig_run_to_the_end(rig);
	rig_end(rig);
}

/* Which worker had the connection. */
static inline unsigned int rig_worker(const struct tt_connection_record *record)
{
	return record->uid >> 40 & 0xff;
}

/* What the records of two runs have in common: all but who saw the connection. */
static inline void rig_normalise(struct rig *rig)
{
	for (size_t i = 0; i < rig->count; i++) {
		rig->records[i].uid = 0;
		rig->records[i].header.worker = 0;
	}
}

static inline int rig_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct tt_connection_record));
}

static inline void rig_sort(struct rig *rig)
{
	rig_normalise(rig);
	if (rig->count > 0)
		qsort(rig->records, rig->count, sizeof(*rig->records), rig_compare);
}

/* Are the records of two sorted rigs the same? */
static inline bool rig_same(const struct rig *a, const struct rig *b)
{
	return a->count == b->count &&
		(a->count == 0 ||
			memcmp(a->records, b->records, a->count * sizeof(*a->records)) == 0);
}

#endif
