/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/worker.h"

#include "pipeline/handover.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

/* The sweep comes by every entry once in this time, so an expired flow is reported about as late. */
#define SWEEP_PASS_MS 1000

/* Entries swept in one round at most: 11 ns an entry make 20 us. */
#define SWEEP_ENTRIES 2048

#define EXPIRE_FRAGMENTS 16   /* datagrams ended in one round at most */
#define FLUSH_ENTRIES	 1024 /* entries closed in one go at the end */
#define RECORD_WAIT_US	 20   /* before the next try to hand over a record */
#define IDLE_SPINS	 256  /* empty rounds before a worker that may rest does */
#define IDLE_REST_US	 50   /* 4,096 descriptors last 80 us at 50 Mpps */

/* A burst makes a record or two a packet at most, and the sweep stops when there is no room. */
#define BURST_ROOM_BYTES (4 * TT_BURST * sizeof(struct tt_connection_record))

/* Receiving over a capture waits for that much room, so it has to come about: the control core
 * empties all batches but the one that is open. */
_Static_assert(BURST_ROOM_BYTES <= (TT_CONFIG_RECORD_BATCHES_LEAST - 1) *
			(TT_SHARD_BATCH_BYTES - TT_RECORD_LIMIT_BYTES),
	"the fewest batches hold a burst's records");

void tt_worker_drop(struct tt_worker *worker, unsigned int i, enum tt_drop_reason reason)
{
	struct tt_burst *burst = &worker->burst;

	burst->done[burst->done_count++] = burst->received[i].mbuf;
	tt_counter_add(&worker->counters.ledger.dropped[reason], 1);
}

void *tt_worker_reserve(struct tt_worker *worker, enum tt_record_kind kind, size_t size_bytes)
{
	uint16_t size = (uint16_t)tt_record_aligned(size_bytes);
	struct tt_record *record = tt_shard_reserve(worker->shard, size);

	/* The control core goes on emptying the shard, whatever becomes of the output. */
	while (record == NULL && (worker->source.waits || worker->draining)) {
		rte_delay_us_sleep(RECORD_WAIT_US);
		record = tt_shard_reserve(worker->shard, size);
	}
	if (record != NULL) {
		record->kind = (uint8_t)kind;
		record->snapshot = 0;
	}
	return record;
}

/* Of the TSC: goes on whatever becomes of the wall clock. */
static uint64_t monotonic_us(const struct tt_pipeline_clock *clock)
{
	unsigned __int128 scaled = (unsigned __int128)rte_rdtsc() * clock->us_per_cycle_scaled;

	return (uint64_t)(scaled >> 32);
}

static uint64_t wall_clock_us(const struct tt_pipeline_clock *clock)
{
	return atomic_load_explicit(&clock->offset_us, memory_order_relaxed) + monotonic_us(clock);
}

static void count_stage(
	struct tt_worker *worker, enum tt_stage stage, unsigned int packets, uint64_t *since)
{
	struct tt_stage_counters *counters = &worker->counters.stages[stage];
	uint64_t now = rte_rdtsc();

	tt_counter_add(&counters->calls, 1);
	tt_counter_add(&counters->packets, packets);
	tt_counter_add(&counters->cycles, now - *since);
	*since = now;
}

static void run_stages(struct tt_worker *worker, uint64_t *since)
{
	static const struct {
		enum tt_stage stage;
		void (*run)(struct tt_worker *worker);
	} stages[] = {
		{TT_STAGE_DECODE, tt_stage_decode},
		{TT_STAGE_STEER, tt_stage_steer},
		{TT_STAGE_FLOW, tt_stage_flow},
		{TT_STAGE_FREE, tt_stage_free},
	};

	if (worker->duplicates.table != NULL)
		tt_duplicates_begin_burst(worker);
	for (unsigned int i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		unsigned int packets = worker->burst.count;

		stages[i].run(worker);
		count_stage(worker, stages[i].stage, packets, since);
	}
}

static void count_received(struct tt_worker *worker)
{
	const struct tt_burst *burst = &worker->burst;
	struct tt_worker_counters *counters = &worker->counters;
	uint64_t first_us = tt_counter_read(&counters->first_us);
	uint64_t last_us = tt_counter_read(&counters->last_us);
	uint64_t bytes = 0;

	if (first_us == 0)
		first_us = burst->received[0].time_us;
	for (unsigned int i = 0; i < burst->count; i++) {
		uint64_t time_us = burst->received[i].time_us;

		first_us = time_us < first_us ? time_us : first_us;
		last_us = time_us > last_us ? time_us : last_us;
		bytes += burst->received[i].wire_bytes;
	}
	tt_counter_set(&counters->first_us, first_us);
	tt_counter_set(&counters->last_us, last_us);
	tt_counter_add(&counters->ledger.received, burst->count);
	tt_counter_add(&counters->ledger.received_bytes, bytes);
}

/* A burst from this worker's queues. */
static unsigned int receive(struct tt_worker *worker, uint64_t *since)
{
	struct tt_burst *burst = &worker->burst;
	const struct tt_source *source = &worker->source;
	uint64_t now_us = source->packet_time ? 0 : wall_clock_us(worker->clock);
	uint64_t clock_us = worker->clock_us > now_us ? worker->clock_us : now_us;
	unsigned int count =
		source->receive(source->context, worker->number, burst->received, TT_BURST, now_us);

	if (count == 0)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		if (source->packet_time && burst->received[i].time_us > clock_us)
			clock_us = burst->received[i].time_us;
		burst->clock_us[i] = clock_us;
		burst->fragment[i] = TT_BURST_PLAIN;
	}
	burst->count = count;
	burst->from_source = true;
	worker->pool = burst->received[0].mbuf->pool;
	/* Also where all packets go to others: this clock is what they age by. */
	tt_worker_advance(worker, burst->clock_us[0]);
	count_received(worker);
	count_stage(worker, TT_STAGE_RECEIVE, count, since);
	run_stages(worker, since);
	tt_worker_advance(worker, clock_us);
	return count;
}

static void take_message(struct tt_worker *worker, struct rte_mbuf *mbuf)
{
	const void *message = rte_pktmbuf_mtod(mbuf, const void *);

	tt_worker_advance(worker, tt_handover_of(mbuf)->clock_us);
	if (tt_handover_of(mbuf)->kind == TT_HANDOVER_ORPHAN)
		tt_flow_orphan(worker, message);
	else
		tt_flow_unreachable(worker, message);
	rte_pktmbuf_free(mbuf);
}

static void run_taken_over(struct tt_worker *worker, unsigned int packets, uint64_t *since)
{
	if (packets == 0)
		return;
	worker->burst.count = packets;
	worker->burst.from_source = false;
	worker->pool = worker->burst.received[0].mbuf->pool;
	tt_counter_add(&worker->counters.taken_over, packets);
	count_stage(worker, TT_STAGE_RECEIVE, packets, since);
	run_stages(worker, since);
}

/* Over a capture packets wait until there is room for their records. */
static bool has_room(struct tt_worker *worker)
{
	if (worker->source.waits && tt_shard_room_bytes(worker->shard) < BURST_ROOM_BYTES) {
		tt_counter_add(&worker->counters.waited, 1);
		return false;
	}
	return true;
}

/* A burst from worker `from`. */
static unsigned int take_over(struct tt_worker *worker, unsigned int from, uint64_t *since)
{
	struct tt_burst *burst = &worker->burst;
	struct rte_mbuf *mbufs[TT_BURST];
	unsigned int packets = 0;
	unsigned int count =
		rte_ring_sc_dequeue_burst(worker->inbox[from], (void **)mbufs, TT_BURST, NULL);

	if (count == 0)
		return 0;
	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(tt_handover_of(mbufs[i]));
	for (unsigned int i = 0; i < count; i++) {
		const struct tt_handover *handover = tt_handover_of(mbufs[i]);

		if (unlikely(tt_handover_is_message(mbufs[i]))) {
			/* In the order in which they were sent. */
			run_taken_over(worker, packets, since);
			packets = 0;
			take_message(worker, mbufs[i]);
			continue;
		}
		burst->received[packets] = (struct tt_received){
			.mbuf = mbufs[i],
			.time_us = handover->time_us,
			.wire_bytes = handover->wire_bytes,
			.port = handover->port,
			.link = handover->link,
		};
		burst->clock_us[packets] = handover->clock_us;
		burst->fragment[packets] =
			handover->kind == TT_HANDOVER_RESOLVED ? TT_BURST_RESOLVED : TT_BURST_PLAIN;
		packets++;
	}
	run_taken_over(worker, packets, since);
	return count;
}

static unsigned int take_over_all(struct tt_worker *worker, uint64_t *since)
{
	unsigned int count = 0;

	for (unsigned int from = 0; from < worker->worker_count; from++)
		if (worker->inbox[from] != NULL && has_room(worker))
			count += take_over(worker, from, since);
	return count;
}

/* Half of what another worker can leave for this one waits. */
static bool rings_are_behind(const struct tt_worker *worker)
{
	for (unsigned int from = 0; from < worker->worker_count; from++) {
		const struct rte_ring *inbox = worker->inbox[from];

		if (inbox != NULL && rte_ring_count(inbox) > rte_ring_get_capacity(inbox) / 2)
			return true;
	}
	return false;
}

static void watch_load(struct tt_worker *worker, unsigned int received, unsigned int taken_over)
{
	const struct tt_source *source = &worker->source;
	bool behind = received == TT_BURST;

	if (!worker->overload.options.enabled)
		return;
	if (source->behind != NULL)
		behind = received > 0 && source->behind(source->context, worker->number);
	if (!behind && taken_over >= TT_BURST)
		behind = rings_are_behind(worker);
	tt_overload_round(&worker->overload,
		source->packet_time ? worker->clock_us : monotonic_us(worker->clock), behind);
}

/* As many entries as the time since the last sweep asks for. */
static void sweep(struct tt_worker *worker, uint64_t *since)
{
	uint64_t now_ms = worker->clock_us / 1000;
	uint64_t elapsed_ms = now_ms - worker->swept_ms;
	if (elapsed_ms == 0)
		return;
	if (elapsed_ms > SWEEP_PASS_MS)
		elapsed_ms = SWEEP_PASS_MS;
	uint64_t due = (elapsed_ms * tt_flow_table_extent(worker->flows) + SWEEP_PASS_MS - 1) /
		SWEEP_PASS_MS;

	worker->swept_ms = now_ms;
	tt_steer_expire_fragments(worker, worker->clock_us, EXPIRE_FRAGMENTS);
	tt_dns_sweep(worker);
	unsigned int entries = due < SWEEP_ENTRIES ? (unsigned int)due : SWEEP_ENTRIES;
	tt_flow_table_sweep(worker->flows, entries, tt_flow_report_record, worker);
	count_stage(worker, TT_STAGE_SWEEP, 0, since);
}

/* Everything that is left, to the control core. Its loops end: nobody sends any more, and the
 * control core goes on emptying the shard. */
static void drain(struct tt_worker *worker, const struct tt_command *command)
{
	uint64_t since = rte_rdtsc();
	uint32_t position = 0;

	worker->draining = true;
	while (take_over_all(worker, &since) > 0)
		;
	tt_steer_expire_fragments(worker, UINT64_MAX, UINT32_MAX);
	/* What has expired by then has, whichever worker saw the last packet. */
	tt_worker_advance(worker, command->clock_us);
	while (position < tt_flow_table_extent(worker->flows) ||
		tt_counter_read(&tt_flow_table_counters(worker->flows)->live) > 0) {
		tt_flow_table_flush(worker->flows, &position, FLUSH_ENTRIES, command->close_reason,
			tt_flow_report_record, worker);
		rte_pause();
	}
	tt_dns_drain(worker);
	tt_statistics_drain(worker);
	tt_worker_reserve(worker, TT_RECORD_DRAINED, sizeof(struct tt_record));
	tt_shard_commit(worker->shard);
}

/* false once the worker is drained. */
static bool obey(struct tt_worker *worker)
{
	struct tt_command command;

	while (tt_shard_command(worker->shard, &command)) {
		switch ((enum tt_command_kind)command.kind) {
		case TT_COMMAND_SNAPSHOT:
			tt_flow_snapshot(worker, &command);
			break;
		case TT_COMMAND_GATHER:
			tt_statistics_begin(worker, command.id);
			break;
		case TT_COMMAND_DRAIN:
			drain(worker, &command);
			return false;
		}
	}
	return true;
}

/* Timeouts that a reload has changed. */
static void take_timeouts(struct tt_worker *worker)
{
	const struct tt_pipeline_timeouts *timeouts = worker->timeouts;
	uint32_t generation = atomic_load_explicit(&timeouts->generation, memory_order_acquire);
	struct tt_flow_timeouts flows;

	if (likely(generation == worker->timeouts_generation))
		return;
	for (unsigned int class = 0; class < TT_FLOW_CLASSES; class ++)
		flows.ms[class] =
			atomic_load_explicit(&timeouts->flow_ms[class], memory_order_relaxed);
	tt_flow_table_set_timeouts(worker->flows, &flows);
	tt_fragment_set_timeout(worker->fragments,
		atomic_load_explicit(&timeouts->fragments_us, memory_order_relaxed));
	worker->timeouts_generation = generation;
}

static bool may_receive(struct tt_worker *worker)
{
	return !atomic_load_explicit(&worker->stopped, memory_order_relaxed) && has_room(worker);
}

static void stop_receiving(struct tt_worker *worker)
{
	/* Orphans that are still waiting go to their flows before the others drain. */
	tt_steer_expire_fragments(worker, UINT64_MAX, UINT32_MAX);
	atomic_store_explicit(&worker->stopped, true, memory_order_release);
}

static void begin(struct tt_worker *worker)
{
	rte_rcu_qsbr_thread_register(worker->rules.published->readers, worker->number);
	rte_rcu_qsbr_thread_online(worker->rules.published->readers, worker->number);
	if (worker->populate)
		tt_flow_table_populate(worker->flows);
	if (worker->number >= worker->source.receivers)
		stop_receiving(worker);
}

static void end(struct tt_worker *worker)
{
	rte_rcu_qsbr_thread_offline(worker->rules.published->readers, worker->number);
	rte_rcu_qsbr_thread_unregister(worker->rules.published->readers, worker->number);
}

int tt_worker_run(void *argument)
{
	struct tt_worker *worker = argument;
	const struct tt_source *source = &worker->source;
	struct tt_worker_counters *counters = &worker->counters;
	unsigned int idle = 0;

	begin(worker);
	for (uint64_t round_began = rte_rdtsc(); obey(worker);) {
		uint64_t since = rte_rdtsc();
		unsigned int taken_over = take_over_all(worker, &since);
		unsigned int received = 0;

		take_timeouts(worker);
		if (may_receive(worker)) {
			received = receive(worker, &since);
			if (atomic_load_explicit(worker->stop, memory_order_relaxed) ||
				(received == 0 && source->ended(source->context, worker->number)))
				stop_receiving(worker);
		}
		if (!source->packet_time)
			tt_worker_advance(worker, wall_clock_us(worker->clock));
		sweep(worker, &since);
		tt_statistics_continue(worker);
		watch_load(worker, received, taken_over);

		unsigned int packets = taken_over + received;
		uint64_t now = rte_rdtsc();
		rte_rcu_qsbr_quiescent(worker->rules.published->readers, worker->number);
		tt_counter_add(&counters->rounds, 1);
		tt_counter_add(&counters->total_cycles, now - round_began);
		if (packets > 0)
			tt_counter_add(&counters->busy_cycles, now - round_began);
		round_began = now;

		idle = packets > 0 ? 0 : idle + 1;
		if (idle > IDLE_SPINS && worker->adaptive_idle)
			rte_delay_us_sleep(IDLE_REST_US);
	}
	end(worker);
	return 0;
}
