/* SPDX-License-Identifier: Apache-2.0 */
#include "control/health.h"

#include "base/clock.h"
#include "control/state.h"
#include "pipeline/ledger_totals.h"

#define SAMPLE_US 1000000

static void watch_workers(struct tt_control *control, uint64_t now_us)
{
	struct watch *watch = &control->watch;

	for (unsigned int w = 0; w < control->worker_count; w++) {
		uint64_t rounds =
			tt_counter_read(&tt_pipeline_worker_counters(control->pipeline, w)->rounds);

		/* Before its first round it faults its memory in. */
		if (rounds == watch->rounds[w] && rounds > 0)
			continue;
		watch->rounds[w] = rounds;
		tt_counter_set(&watch->moved_us[w], now_us);
	}
}

static void sample_ledger(struct tt_control *control, uint64_t now_us)
{
	struct watch *watch = &control->watch;
	struct tt_ledger_totals totals;

	if (control->driver == NULL ||
		(watch->samples > 0 && now_us - watch->sampled_us < SAMPLE_US))
		return;
	tt_ledger_totals(&totals, control->pipeline, control->driver);
	watch->sampled_us = now_us;
	pthread_mutex_lock(&control->mutex);
	watch->sample[watch->samples++ % WATCH_SAMPLES] = (struct watch_sample){
		.time_us = now_us,
		.received = totals.received,
		.lost = totals.missed + totals.no_mbuf + totals.dropped[TT_DROP_RING_FULL],
	};
	pthread_mutex_unlock(&control->mutex);
}

void tt_control_watch(struct tt_control *control, uint64_t now_us)
{
	tt_counter_set(&control->watch.alive_us, now_us);
	watch_workers(control, now_us);
	sample_ledger(control, now_us);
}

/* What happened between the oldest and the latest sample. */
static void read_window(struct tt_control *control, struct tt_health *health)
{
	const struct watch *watch = &control->watch;

	pthread_mutex_lock(&control->mutex);
	if (watch->samples > 1) {
		uint64_t first =
			watch->samples > WATCH_SAMPLES ? watch->samples - WATCH_SAMPLES : 0;
		const struct watch_sample *from = &watch->sample[first % WATCH_SAMPLES];
		const struct watch_sample *to =
			&watch->sample[(watch->samples - 1) % WATCH_SAMPLES];

		health->window_us = to->time_us - from->time_us;
		health->window_received = to->received - from->received;
		health->window_lost = to->lost - from->lost;
	}
	pthread_mutex_unlock(&control->mutex);
}

/* Since an instant that another thread wrote down; 0: it has not yet. */
static uint64_t since(uint64_t now_us, const tt_counter *instant_us)
{
	uint64_t us = tt_counter_read(instant_us);

	return us == 0 || us > now_us ? 0 : now_us - us;
}

static void judge(struct tt_health *health)
{
	if (health->control_lag_us > TT_HEALTH_STUCK_US)
		health->faults |= TT_HEALTH_CONTROL_STUCK;
	if ((double)health->window_lost > TT_HEALTH_LOSS_LIMIT * (double)health->window_received)
		health->faults |= TT_HEALTH_LOSS;
	for (unsigned int w = 0; w < health->workers; w++) {
		/* Without the control core nobody watches them. */
		if (health->worker_lag_us[w] > TT_HEALTH_STUCK_US + health->control_lag_us)
			health->faults |= TT_HEALTH_WORKER_STUCK;
		if (health->table_fill[w] > TT_HEALTH_FILL_LIMIT)
			health->faults |= TT_HEALTH_TABLE_FULL;
		if (health->shed_level[w] > 0)
			health->faults |= TT_HEALTH_SHEDDING;
	}
}

void tt_control_health(struct tt_control *control, struct tt_health *health)
{
	const struct tt_config *config = control->config;
	uint64_t now_us = tt_clock_monotonic_us();

	*health = (struct tt_health){
		.control_lag_us = since(now_us, &control->watch.alive_us),
		.workers = control->worker_count,
		.journal_fill = (double)tt_counter_read(&control->counters.journal) /
			config->journal.connections,
	};
	for (unsigned int w = 0; w < control->worker_count; w++) {
		const struct tt_flow_table_counters *flows =
			tt_pipeline_flow_counters(control->pipeline, w);

		health->worker_lag_us[w] = since(now_us, &control->watch.moved_us[w]);
		health->table_fill[w] =
			(double)tt_counter_read(&flows->live) / config->flow.connections;
		health->shed_level[w] = (unsigned int)tt_counter_read(
			&tt_pipeline_worker_counters(control->pipeline, w)->overload.level);
	}
	read_window(control, health);
	judge(health);
}
