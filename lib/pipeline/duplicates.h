/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicates in a worker: copies of packets that it has seen are left out before their flows see
 * them, and counted by tap port, by flow, and in the ledger. `auto` looks at some packets out of
 * many, until it sees duplicates among them; then at all, while they keep coming. Private to
 * lib/pipeline.
 */
#ifndef TT_PIPELINE_DUPLICATES_H
#define TT_PIPELINE_DUPLICATES_H

#include "config/config.h"
#include "flow/table.h"
#include "packet/duplicates.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_worker;

struct tt_worker_duplicates {
	struct tt_duplicates *table; /* NULL: off */
	bool looking;		     /* for copies, in the present burst */
	bool automatic;
	bool removing;		 /* automatic: every packet is looked at */
	uint32_t period_packets; /* automatic: of the present period, so far */
	uint32_t period_copies;
	uint32_t (*of_flow)[2];		     /* left out, by entry number and direction */
	uint64_t fingerprint[TT_FLOW_BURST]; /* of the burst's packets; 0: not looked at */
	void *memory;
	size_t memory_bytes;
};

/* false without memory; tt_duplicates_worker_destroy() takes what there is apart. */
bool tt_duplicates_worker_create(
	struct tt_worker *worker, const struct tt_config *config, uint64_t secret, bool huge_pages);
void tt_duplicates_worker_destroy(struct tt_worker *worker);

/* Bytes that a worker maps for them; 0 when they are not looked for. */
uint64_t tt_duplicates_worker_bytes(const struct tt_config *config);

/* A burst begins: is it looked at? */
void tt_duplicates_begin_burst(struct tt_worker *worker);

/* Is packet i of the burst, a fragment, a copy? Then it is counted on its port. */
bool tt_duplicates_see_fragment(struct tt_worker *worker, unsigned int i, uint64_t domain);

/* Before tt_duplicates_see_packet() of each: read the packets of the burst. */
void tt_duplicates_read_burst(struct tt_worker *worker);

/* Is packet i of the burst a copy? Then it is counted on its port and its flow, NULL if there is
 * none. */
bool tt_duplicates_see_packet(struct tt_worker *worker, unsigned int i, const struct tt_flow *flow);

/* A flow begins. */
void tt_duplicates_flow_begin(struct tt_worker *worker, const struct tt_flow *flow);

/* Packets that were left out of a flow's direction. */
uint32_t tt_duplicates_of_flow(
	const struct tt_worker *worker, const struct tt_flow *flow, unsigned int direction);

#endif
