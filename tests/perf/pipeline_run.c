/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline_run.h"

#include "base/error.h"
#include "control/control.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define PULL_US 10000

/* What a worker writes from within receive(), between bursts. */
struct measured {
	struct tt_traffic *traffic;
	unsigned int rounds;   /* whole ones */
	unsigned int pieces;   /* of the round that has begun */
	unsigned int tried;    /* pieces */
	uint64_t next_packets; /* when the next piece begins */
	uint64_t before[TT_RUN_COSTS];
	long switches_before;
	uint64_t live;
	bool done;
	double cycles[TT_RUN_COSTS][TT_RUN_ROUNDS_MAX]; /* a packet */
} __attribute__((aligned(64)));

/* The control core's account, as worker 0 finds it when it begins and ends to measure. */
struct account {
	uint64_t cpu_ns;
	struct tt_run_records merged;
};

struct run {
	const struct tt_mix_effort *effort;
	struct tt_pipeline *pipeline;
	struct tt_control *control;
	clockid_t control_clock;
	struct account began;
	struct account ended;
	atomic_uint measuring; /* workers that are not done */
	struct measured workers[TT_MIX_WORKERS];
};

/* The client. Its own thread's, until it has ended. */
struct client {
	struct tt_control *control;
	atomic_bool stop;
	struct tt_run_records pulled;
	uint64_t lost;
	uint64_t established_lost;
	uint64_t closed_sequence;
	uint64_t event_sequence[TT_EVENT_KINDS];
	struct tt_control_page page;
	struct tt_event_page events;
};

/* ---- pieces and rounds ---- */

static void read_costs(const struct run *run, unsigned int worker, uint64_t costs[TT_RUN_COSTS])
{
	const struct tt_worker_counters *counters =
		tt_pipeline_worker_counters(run->pipeline, worker);

	costs[TT_RUN_COST_ALL] = tt_counter_read(&counters->total_cycles);
	costs[TT_RUN_COST_SOURCE] = tt_traffic_cycles(run->workers[worker].traffic);
	for (unsigned int stage = 0; stage < TT_STAGES; stage++)
		costs[TT_RUN_COST_STAGES + stage] =
			tt_counter_read(&counters->stages[stage].cycles);
}

/* How often the scheduler has given this thread's CPU to another one. */
static long count_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static uint64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void read_account(const struct run *run, struct account *account)
{
	const struct tt_control_counters *counters = tt_control_counters(run->control);

	account->cpu_ns = read_ns(run->control_clock);
	account->merged = (struct tt_run_records){
		.closed = tt_counter_read(&counters->closed),
		.dns = tt_counter_read(&counters->dns),
		.http = tt_counter_read(&counters->http),
		.tls = tt_counter_read(&counters->tls),
	};
}

/* An undisturbed piece, to its round. */
static void keep_piece(struct measured *measured, const uint64_t now[TT_RUN_COSTS],
	const struct tt_mix_effort *effort)
{
	double packets = (double)effort->pieces * effort->piece_packets;
	double cycles[TT_RUN_COSTS];

	for (unsigned int cost = 0; cost < TT_RUN_COSTS; cost++)
		cycles[cost] = (double)(now[cost] - measured->before[cost]) / packets;
	cycles[TT_RUN_COST_ALL] -= cycles[TT_RUN_COST_SOURCE];
	cycles[TT_RUN_COST_STAGES + TT_STAGE_RECEIVE] -= cycles[TT_RUN_COST_SOURCE];
	for (unsigned int cost = 0; cost < TT_RUN_COSTS; cost++)
		measured->cycles[cost][measured->rounds] += cycles[cost];
	if (++measured->pieces == effort->pieces) {
		measured->pieces = 0;
		measured->rounds++;
	}
}

/* A piece ends, unless it is the first that begins, and the next begins. */
static void turn_piece(struct run *run, unsigned int worker)
{
	struct measured *measured = &run->workers[worker];
	const struct tt_mix_effort *effort = run->effort;
	uint64_t now[TT_RUN_COSTS];
	long switches = count_switches();

	read_costs(run, worker, now);
	if (measured->tried == 0 && worker == 0)
		read_account(run, &run->began);
	if (measured->tried > 0 &&
		(switches == measured->switches_before || effort->takes_disturbed))
		keep_piece(measured, now, effort);
	memcpy(measured->before, now, sizeof(now));
	measured->switches_before = switches;
	measured->next_packets += effort->piece_packets;
	if (measured->rounds < effort->rounds && measured->tried++ < effort->pieces_tried)
		return;
	if (worker == 0)
		read_account(run, &run->ended);
	measured->live = tt_counter_read(&tt_pipeline_flow_counters(run->pipeline, worker)->live);
	measured->done = true;
	atomic_fetch_sub(&run->measuring, 1);
}

static bool ended(void *context, unsigned int worker)
{
	const struct run *run = context;

	(void)worker;
	return atomic_load(&run->measuring) == 0;
}

/* A worker that is done goes on until all are, so that they are measured side by side. */
static unsigned int receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct run *run = context;
	struct measured *measured = &run->workers[worker];

	if (!measured->done && tt_traffic_packets(measured->traffic) >= measured->next_packets)
		turn_piece(run, worker);
	if (measured->done && ended(context, worker))
		return 0;
	return tt_traffic_receive(measured->traffic, worker, received, limit, now_us);
}

/* ---- the client ---- */

static void take_connections(struct client *client)
{
	while (tt_control_closed(
		       client->control, &client->closed_sequence, &client->lost, &client->page) > 0)
		for (uint32_t i = 0; i < client->page.count; i++) {
			const struct tt_connection_record *record = &client->page.records[i];
			bool has_payload = record->counters[0].payload_bytes +
					record->counters[1].payload_bytes >
				0;

			client->pulled.closed++;
			client->established_lost += has_payload &&
				(record->close_reason == TT_CLOSE_EVICTED ||
					record->close_reason == TT_CLOSE_IDLE);
		}
}

static void take_events(struct client *client)
{
	uint64_t *const pulled[TT_EVENT_KINDS] = {
		[TT_EVENT_DNS] = &client->pulled.dns,
		[TT_EVENT_HTTP] = &client->pulled.http,
		[TT_EVENT_TLS] = &client->pulled.tls,
	};

	for (unsigned int kind = 0; kind < TT_EVENT_KINDS; kind++)
		while (tt_control_events(client->control, kind, &client->event_sequence[kind],
			       &client->lost, &client->events) > 0)
			*pulled[kind] += client->events.count;
}

static void *pull(void *context)
{
	struct client *client = context;
	const struct timespec interval = {.tv_nsec = PULL_US * 1000};
	bool last;

	do {
		last = atomic_load(&client->stop);
		take_connections(client);
		take_events(client);
		if (!last)
			nanosleep(&interval, NULL);
	} while (!last);
	return NULL;
}

static struct client *make_client(struct tt_control *control)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		tt_mix_fail("no memory for the client");
	client->control = control;
	client->closed_sequence = 1;
	for (unsigned int kind = 0; kind < TT_EVENT_KINDS; kind++)
		client->event_sequence[kind] = 1;
	return client;
}

/* ---- the whole ---- */

static void start(struct run *run, const struct tt_config *config, const struct tt_source *source)
{
	if (tt_pipeline_create(&run->pipeline,
		    &(struct tt_pipeline_options){
			    .config = config,
			    .source = source,
			    .seed = 1,
			    .huge_pages = true,
			    .populate = true,
		    }) != 0 ||
		tt_control_create(&run->control,
			&(struct tt_control_options){
				.config = config,
				.pipeline = run->pipeline,
				.huge_pages = true,
				.end_reason = TT_CLOSE_SHUTDOWN,
			}) != 0 ||
		pthread_getcpuclockid(pthread_self(), &run->control_clock) != 0 ||
		tt_pipeline_launch(run->pipeline) != 0)
		tt_mix_fail("the pipeline does not start");
}

static void report_workers(struct tt_run_result *result, struct run *run, unsigned int workers)
{
	for (unsigned int w = 0; w < workers; w++) {
		struct measured *measured = &run->workers[w];
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(run->pipeline, w);
		const struct tt_flow_table_counters *flows =
			tt_pipeline_flow_counters(run->pipeline, w);

		if (measured->rounds == 0)
			tt_mix_fail("the machine is too busy: the scheduler disturbed every piece");
		if (w == 0 || measured->rounds < result->rounds)
			result->rounds = measured->rounds;
		for (unsigned int cost = 0; cost < TT_RUN_COSTS; cost++)
			result->median[cost] +=
				tt_mix_median(measured->cycles[cost], measured->rounds) / workers;
		if (w == 0 || measured->cycles[TT_RUN_COST_ALL][0] < result->least)
			result->least = measured->cycles[TT_RUN_COST_ALL][0];
		result->live += measured->live;
		result->records_lost += tt_counter_read(&flows->lost_unreported) +
			tt_counter_read(&counters->dns_records_lost) +
			tt_counter_read(&counters->http_records_lost) +
			tt_counter_read(&counters->tls_records_lost);
		result->evicted += tt_counter_read(&flows->evicted_half_open) +
			tt_counter_read(&flows->evicted_idle);
	}
}

static void report_control(struct tt_run_result *result, const struct run *run)
{
	const struct tt_run_records *began = &run->began.merged, *ended = &run->ended.merged;

	result->merged = (struct tt_run_records){
		.closed = ended->closed - began->closed,
		.dns = ended->dns - began->dns,
		.http = ended->http - began->http,
		.tls = ended->tls - began->tls,
	};
	uint64_t count = result->merged.closed + result->merged.dns + result->merged.http +
		result->merged.tls;
	if (count > 0)
		result->control_ns =
			(double)(run->ended.cpu_ns - run->began.cpu_ns) / (double)count;
}

void tt_run(struct tt_run_result *result, const struct tt_mix *mix, const struct tt_config *config,
	const struct tt_replay *replay, struct rte_mempool *pool,
	const struct tt_mix_effort *effort)
{
	static struct run run;
	const struct tt_source source = {
		.context = &run,
		.receive = receive,
		.ended = ended,
		.receivers = mix->workers,
		.packet_time = true,
		.symmetric = true,
	};
	pthread_t thread;

	*result = (struct tt_run_result){0};
	memset(&run, 0, sizeof(run));
	run.effort = effort;
	atomic_store(&run.measuring, mix->workers);
	for (unsigned int w = 0; w < mix->workers; w++) {
		run.workers[w].next_packets = mix->warm_packets;
		run.workers[w].traffic = tt_mix_traffic(mix, replay, pool);
	}
	start(&run, config, &source);
	struct client *client = make_client(run.control);
	if (pthread_create(&thread, NULL, pull, client) != 0)
		tt_mix_fail("the client does not start");
	tt_control_run(run.control);
	atomic_store(&client->stop, true);
	pthread_join(thread, NULL);
	tt_pipeline_wait(run.pipeline);
	report_workers(result, &run, mix->workers);
	report_control(result, &run);
	result->pulled = client->pulled;
	result->client_lost = client->lost;
	result->established_lost = client->established_lost;
	free(client);
	tt_control_destroy(run.control);
	tt_pipeline_destroy(run.pipeline);
	for (unsigned int w = 0; w < mix->workers; w++)
		tt_traffic_destroy(run.workers[w].traffic);
}
