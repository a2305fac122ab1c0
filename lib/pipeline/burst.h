/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burst: up to TT_BURST packets on their way through the stages of one worker, as a struct of
 * arrays. Every stage goes over the whole burst; one that takes packets out closes the gap, so that
 * entries 0 to count - 1 are always those still on their way. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_BURST_H
#define TT_PIPELINE_BURST_H

#include "driver/driver.h"
#include "flow/key.h"
#include "flow/table.h"
#include "packet/decode.h"
#include "packet/fragment.h"
#include "pipeline/handover.h"

#include <stdint.h>

#define TT_BURST TT_FLOW_BURST

/* What is known of a packet's fragments so far. */
enum tt_burst_fragment {
	TT_BURST_PLAIN,	   /* nothing to do */
	TT_BURST_RESOLVED, /* attributed by this or another worker */
	TT_BURST_CREDITED  /* the same, and `credit` holds */
};

struct tt_burst {
	unsigned int count;
	struct tt_received received[TT_BURST];
	uint64_t clock_us[TT_BURST]; /* the receiver's clock, which never runs backwards */
	struct tt_packet packet[TT_BURST];
	uint32_t view_bytes[TT_BURST]; /* of the frame, which the packet's pointers may reach */
	uint8_t fragment[TT_BURST];    /* enum tt_burst_fragment */
	struct tt_fragment_credit credit[TT_BURST];
	/* Of a fragment that is RESOLVED: the payload of its datagram when it completed one, in mbufs
	 * of its own, to be freed once the packet is counted; else NULL. */
	struct rte_mbuf *datagram[TT_BURST];
	uint8_t direction[TT_BURST]; /* 0: from the key's low endpoint */
	struct tt_flow_key key[TT_BURST];
	uint32_t hash[TT_BURST];

	/* What ICMP errors in this burst say of flows of this worker, each to be told before
	 * packet unreachable_before[] is counted. */
	unsigned int unreachable_count;
	uint8_t unreachable_before[TT_BURST];
	struct tt_unreachable unreachable[TT_BURST];

	bool from_source; /* received by this worker, not taken over from another */

	unsigned int left_out; /* duplicates among the packets, no longer on their way */

	/* Mbufs to be freed at the end of the stages. */
	struct rte_mbuf *done[TT_BURST];
	unsigned int done_count;
};

#endif
