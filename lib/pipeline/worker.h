/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker, and the stages that a burst goes through in it. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_WORKER_H
#define TT_PIPELINE_WORKER_H

#include "packet/filter.h"
#include "pipeline/burst.h"
#include "pipeline/dns.h"
#include "pipeline/duplicates.h"
#include "pipeline/http.h"
#include "pipeline/payload.h"
#include "pipeline/pipeline.h"
#include "pipeline/rules.h"
#include "pipeline/statistics.h"
#include "pipeline/tls.h"

#include <netinet/in.h>
#include <rte_ring.h>
#include <stdatomic.h>

/* Packets for another worker, sent at the end of the stage that found them. */
struct tt_outbox {
	struct rte_ring *ring;
	unsigned int count;
	struct rte_mbuf *mbufs[2 * TT_BURST]; /* a burst, and as many orphans */
};

/* How a worker tells the time: wall clock in us = offset + cycles * scale / 2^32. */
struct tt_pipeline_clock {
	uint64_t us_per_cycle_scaled; /* 2^32 us a cycle; set at create */
	_Atomic uint64_t offset_us;   /* control core: wo, workers: ro */
};

/* Timeouts that a reload has changed; reload: wo, workers: ro. */
struct tt_pipeline_timeouts {
	_Atomic uint32_t generation; /* stored behind the others; a worker has seen its last */
	_Atomic uint32_t flow_ms[TT_FLOW_CLASSES];
	_Atomic uint64_t fragments_us;
};

struct tt_worker {
	unsigned int number;
	unsigned int worker_count;
	struct tt_source source;
	struct tt_decode_options decode;
	struct tt_key_options key;
	const struct tt_filter *filter; /* the pipeline's; NULL: no rules */
	struct tt_key_secret secret;
	bool software_steering;
	bool adaptive_idle;
	bool populate;
	bool draining;	     /* nothing that is sent to another worker would arrive */
	uint64_t uid_base;   /* instance and shard bits */
	uint64_t uid_count;  /* of flows created */
	uint64_t clock_us;   /* of the latest packet or the wall clock; never runs backwards */
	uint64_t next_ms_us; /* when the flow table's clock goes on */
	uint64_t swept_ms;   /* clock when the sweep ran last */

	struct tt_flow_table *flows;
	const struct tt_flow_clock *flow_clock; /* its clock */
	struct tt_fragment_table *fragments;
	void *fragment_memory;
	struct tt_shard *shard;
	struct rte_mempool *pool; /* of the latest packet: orphans travel in its mbufs */
	struct rte_ring *inbox[TT_CONFIG_WORKERS]; /* from each other worker; NULL from itself */
	struct tt_outbox outbox[TT_CONFIG_WORKERS];
	const struct tt_pipeline_clock *clock;
	const struct tt_pipeline_timeouts *timeouts;
	uint32_t timeouts_generation; /* that holds here */
	const atomic_bool *stop;      /* control core: wo */
	atomic_bool stopped;	      /* this worker receives no more; control core: ro */

	struct tt_overload overload;
	struct tt_worker_duplicates duplicates;
	struct tt_worker_payload payload;
	struct tt_worker_dns dns;
	struct tt_worker_http http;
	struct tt_worker_tls tls;
	struct tt_worker_rules rules;
	struct tt_worker_statistics statistics;
	struct tt_worker_counters counters;
	struct tt_burst burst;
	uint8_t headers[TT_BURST][256]; /* of frames whose first segment is shorter than these */
} __attribute__((aligned(64)));

/* The stages. Each goes over worker->burst. */
void tt_stage_decode(struct tt_worker *worker);
void tt_stage_steer(struct tt_worker *worker);
void tt_stage_flow(struct tt_worker *worker);
void tt_stage_free(struct tt_worker *worker);

/* Orphans of fragments whose time is over, at most `limit`. */
void tt_steer_expire_fragments(struct tt_worker *worker, uint64_t now_us, unsigned int limit);

/* Which worker owns the flow of a key with this hash. */
unsigned int tt_steer_owner(const struct tt_worker *worker, uint64_t hash);

/* Leave a message (handover.h) for another worker, which goes out with the next
 * tt_steer_send(). false when there is no mbuf for it, or the other one drains. */
bool tt_steer_message(struct tt_worker *worker, unsigned int to, uint8_t kind, const void *message,
	uint16_t bytes);

/* Send what is in the outboxes. */
void tt_steer_send(struct tt_worker *worker);

/* The packets or credit of an orphan to its flow, which this worker owns. */
void tt_flow_orphan(struct tt_worker *worker, const struct tt_fragment_orphan *orphan);

static inline bool tt_is_icmp(const struct tt_packet *packet)
{
	return packet->ip_protocol == IPPROTO_ICMP || packet->ip_protocol == IPPROTO_ICMPV6;
}

/* Is this packet an ICMP error about a TCP segment? Then *unreachable is written, and *hash is that
 * of its key. */
bool tt_icmp_error(struct tt_worker *worker, const struct tt_packet *packet,
	struct tt_unreachable *unreachable, uint64_t *hash);

/* Tell a flow of this worker's, if it is there. */
void tt_flow_unreachable(struct tt_worker *worker, const struct tt_unreachable *unreachable);

/* tt_flow_report of every table: the record into the shard. `context` is the worker. */
bool tt_flow_report_record(void *context, struct tt_flow *flow);

/* Answer a snapshot command; the shard has TT_SNAPSHOT_ROOM_BYTES. */
void tt_flow_snapshot(struct tt_worker *worker, const struct tt_command *command);

/* The flow table's clock, by the worker's: once a millisecond. */
void tt_flow_advance(struct tt_worker *worker);

/* The worker's clock for what happens at clock_us, so that the flow table ages by it. */
static inline void tt_worker_advance(struct tt_worker *worker, uint64_t clock_us)
{
	if (clock_us <= worker->clock_us)
		return;
	worker->clock_us = clock_us;
	if (unlikely(clock_us >= worker->next_ms_us))
		tt_flow_advance(worker);
}

/* Count packet i of the burst as dropped, and have its mbuf freed. */
void tt_worker_drop(struct tt_worker *worker, unsigned int i, enum tt_drop_reason reason);

/* Room in the shard for a record of this kind and at most TT_RECORD_LIMIT_BYTES, its header written;
 * tt_shard_commit() follows. NULL when there is none: over a capture, and at the end of a run, it is
 * waited for. */
void *tt_worker_reserve(struct tt_worker *worker, enum tt_record_kind kind, size_t size_bytes);

/* What a lcore runs, its argument a struct tt_worker: until DRAINED. */
int tt_worker_run(void *argument);

#endif
