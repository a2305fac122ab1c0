/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with a packet from the worker that received it to the one that owns its flow, in the
 * mbuf's private area. The owner decodes the packet anew: that costs it less than the cache lines
 * of a decoded packet would. Private to lib/pipeline.
 */
#ifndef TT_PIPELINE_HANDOVER_H
#define TT_PIPELINE_HANDOVER_H

#include "flow/key.h"
#include "packet/fragment.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum tt_handover_kind {
	TT_HANDOVER_PACKET,   /* to the owner of its flow */
	TT_HANDOVER_FRAGMENT, /* to the worker that attributes these fragments */
	TT_HANDOVER_RESOLVED, /* a fragment to the owner of its flow, with ports and credit */

	/* No packets, but messages in an mbuf's data. */
	TT_HANDOVER_ORPHAN,	/* struct tt_fragment_orphan */
	TT_HANDOVER_UNREACHABLE /* struct tt_unreachable */
};

/* An ICMP error said that a packet of the flow of this key could not be delivered. */
struct tt_unreachable {
	struct tt_flow_key key;
	uint32_t hash;
	uint8_t failure; /* enum tt_tcp_failure */
};

struct tt_handover {
	uint64_t time_us;
	uint64_t clock_us;
	uint32_t wire_bytes;
	uint8_t port;
	uint8_t link;
	uint8_t kind; /* enum tt_handover_kind */

	/* RESOLVED: of the first fragment. */
	uint8_t ip_protocol;
	uint16_t source_port;
	uint16_t destination_port;
	struct tt_fragment_credit credit;
	struct rte_mbuf *datagram; /* see struct tt_burst */
};

static inline struct tt_handover *tt_handover_of(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

static inline bool tt_handover_is_message(struct rte_mbuf *mbuf)
{
	return tt_handover_of(mbuf)->kind >= TT_HANDOVER_ORPHAN;
}

#endif
