/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet path: workers, one a lcore, each with its own queues, flow table, fragment table and
 * shard, and the rings between them for packets of a flow that another one owns. Built, launched
 * and torn down by the main thread; while it runs, the control core uses the shards and reads the
 * counters.
 *
 * The end of a run: the control core asks all workers to stop receiving, waits until they have and
 * all is settled, posts DRAIN to every shard, consumes until each has given DRAINED, and calls
 * tt_pipeline_wait().
 */
#ifndef TT_PIPELINE_PIPELINE_H
#define TT_PIPELINE_PIPELINE_H

#include "base/counter.h"
#include "config/config.h"
#include "flow/table.h"
#include "packet/fragment.h"
#include "pipeline/ledger.h"
#include "pipeline/overload.h"
#include "pipeline/source.h"
#include "protocol/dns_stats.h"
#include "protocol/dns_transactions.h"
#include "protocol/http_stats.h"
#include "shard/shard.h"

#include <stdbool.h>
#include <stdint.h>

/* The stages, in order. */
enum tt_stage {
	TT_STAGE_RECEIVE,
	TT_STAGE_DECODE,
	TT_STAGE_STEER,
	TT_STAGE_FLOW,
	TT_STAGE_FREE,
	TT_STAGE_SWEEP,
	TT_STAGES
};

/* "receive", ...; static. */
const char *tt_stage_name(enum tt_stage stage);

struct tt_stage_counters {
	tt_counter calls;   /* bursts that were not empty */
	tt_counter packets; /* that came in */
	tt_counter cycles;  /* of the TSC */
};

/* Written by the worker, read by anyone. */
struct tt_worker_counters {
	struct tt_ledger ledger;
	struct tt_stage_counters stages[TT_STAGES];
	tt_counter rounds;	/* of the worker's loop: its heartbeat */
	tt_counter busy_cycles; /* of the TSC, in rounds that found something to do */
	tt_counter total_cycles;
	tt_counter handed_over;	     /* packets given to the worker that owns them */
	tt_counter taken_over;	     /* packets received from other workers */
	tt_counter messages_lost;    /* ICMP errors that did not reach the worker of their flow */
	tt_counter datagrams_lost;   /* put together from fragments, and no mbuf was left */
	tt_counter dns_malformed;    /* messages on DNS ports that are none */
	tt_counter dns_records_lost; /* transactions whose record found no room in the shard */
	tt_counter http_records_lost;
	tt_counter tls_records_lost;
	/* By rules: connections without a record, and transactions and handshakes. */
	tt_counter excluded_connections;
	tt_counter excluded_records;
	tt_counter conversations; /* connections whose payload is followed */
	tt_counter conversations_high;
	tt_counter conversations_full; /* connections that found no room to be followed */
	tt_counter waited;	       /* times that packets waited for room, source.waits alone */
	tt_counter
		layers[TT_LAYER_KINDS]; /* packets from which a layer of the kind was taken off */
	tt_counter layers_left;		/* packets with deeper tunnels than the limit */
	tt_counter layers_unknown;	/* packets of a tunnel that holds no IP packet */
	tt_counter tunnel_fragments;	/* later fragments of a tunnel's packet */
	tt_counter fragments_excluded;	/* processed while held back, then left out of the flows */
	/* Left out, by tap port; and whether every packet is looked at for them, 0 or 1 */
	tt_counter duplicates[TT_PORT_LIMIT];
	tt_counter removing_duplicates;
	struct tt_overload_counters overload;
	tt_counter first_us; /* since the epoch, of the earliest packet received; 0: none yet */
	tt_counter last_us;  /* of the latest */
};

struct tt_pipeline_options {
	const struct tt_config *config; /* outlives the pipeline */
	const struct tt_source *source; /* copied */
	uint16_t instance;		/* of this run, the high bits of every uid */
	uint64_t seed;			/* of the keyed hash; 0: random */
	bool huge_pages;
	bool populate; /* touch all memory at launch, on each worker's own node */
};

struct tt_pipeline;
struct tt_ruleset;
struct tt_signatures;

/* Room that the pipeline needs in each mbuf's private area. */
uint16_t tt_pipeline_mbuf_private_bytes(void);

/* 0; TT_ERROR_MEMORY, or TT_ERROR_ARGUMENT for a filter's rule that no configuration file can give,
 * after a line in the log. The EAL runs, with a lcore for each worker. */
int tt_pipeline_create(struct tt_pipeline **pipeline, const struct tt_pipeline_options *options);
void tt_pipeline_destroy(struct tt_pipeline *pipeline);

/* Start worker w on lcore w + 1. 0; TT_ERROR_BUSY, and none has started. */
int tt_pipeline_launch(struct tt_pipeline *pipeline);

/* From now on flows and fragments time out as this configuration says. Any thread, one at a time. */
void tt_pipeline_set_timeouts(struct tt_pipeline *pipeline, const struct tt_config *config);

/* From now on the workers go by these rules, which the pipeline owns from here on; NULL: by none. Any
 * thread but the control core, one at a time: it waits until no worker looks at the rules before,
 * and frees these. Before tt_pipeline_launch() and after tt_pipeline_wait(), any. */
void tt_pipeline_set_rules(struct tt_pipeline *pipeline, struct tt_ruleset *ruleset);

/* The same of signatures of protocols. */
void tt_pipeline_set_signatures(struct tt_pipeline *pipeline, struct tt_signatures *signatures);

/* Control core: receive no more. */
void tt_pipeline_stop_receiving(struct tt_pipeline *pipeline);

/* Control core, again and again: has every worker stopped receiving, because it was asked to or
 * its source ended, and is nothing on its way between two of them? Then DRAIN may be posted. */
bool tt_pipeline_settled(struct tt_pipeline *pipeline);

/* Wait for the workers to end; they do after DRAINED. */
void tt_pipeline_wait(struct tt_pipeline *pipeline);

/* Control core, about every second: let the workers' clocks follow the wall clock. */
void tt_pipeline_sync_clock(struct tt_pipeline *pipeline);

/* Of this run, as in tt_pipeline_options. */
uint16_t tt_pipeline_instance(const struct tt_pipeline *pipeline);

unsigned int tt_pipeline_worker_count(const struct tt_pipeline *pipeline);
struct tt_shard *tt_pipeline_shard(const struct tt_pipeline *pipeline, unsigned int worker);
const struct tt_worker_counters *tt_pipeline_worker_counters(
	const struct tt_pipeline *pipeline, unsigned int worker);
const struct tt_flow_table_counters *tt_pipeline_flow_counters(
	const struct tt_pipeline *pipeline, unsigned int worker);
const struct tt_fragment_counters *tt_pipeline_fragment_counters(
	const struct tt_pipeline *pipeline, unsigned int worker);
/* NULL where DNS is not followed. */
const struct tt_dns_transactions_counters *tt_pipeline_dns_counters(
	const struct tt_pipeline *pipeline, unsigned int worker);

/* A limit of what a worker follows. */
struct tt_pipeline_limit {
	const char *name; /* static */
	uint64_t limit;
	const tt_counter *now;
	const tt_counter *high;
	const tt_counter *refused; /* what found no room, or was counted under `other` */
};

#define TT_PIPELINE_LIMITS 11

/* Those of a worker, in the same order for each. Returns how many there are. */
unsigned int tt_pipeline_limits(const struct tt_pipeline *pipeline, unsigned int worker,
	struct tt_pipeline_limit limits[TT_PIPELINE_LIMITS]);

/* Packets that wait in the rings between workers now, about. */
unsigned int tt_pipeline_ring_packets(const struct tt_pipeline *pipeline);

/* Most packets that are in bursts and rings at a time. */
unsigned int tt_pipeline_in_flight_limit(const struct tt_pipeline *pipeline);

/* The options of a worker's table of DNS statistics, and of the control core's. */
struct tt_dns_stats_options tt_dns_stats_configured(
	const struct tt_config *config, uint64_t secret, bool huge_pages);

/* The same of HTTP. */
struct tt_http_stats_options tt_http_stats_configured(
	const struct tt_config *config, uint64_t secret, bool huge_pages);

/* What one worker maps, by part, for the memory plan. */
struct tt_pipeline_memory {
	uint64_t flows_bytes;
	uint64_t fragments_bytes;
	uint64_t records_bytes;
	uint64_t duplicates_bytes;
	uint64_t payload_bytes;
	uint64_t dns_bytes;
	uint64_t http_bytes;
	uint64_t tls_bytes;
	uint64_t rules_bytes; /* what connections remember of them */
	uint64_t rings_bytes; /* of all workers together */
};

void tt_pipeline_memory(struct tt_pipeline_memory *memory, const struct tt_config *config);

#endif
