/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: which packets are traced, by rules on the innermost IP packet and the frame's VLAN tags.
 * Made once from the configuration and not changed after that, so any number of workers read one;
 * asked by a worker for each packet, before it looks for the flow. Owns nothing.
 *
 * A packet is excluded when there are include rules and none matches, or when an exclude rule does.
 * A rule asks the same of both directions: its network and port are of one endpoint, whichever of
 * source and destination that is. So every packet of a flow has the same fate, unless a VLAN rule
 * tells two directions apart that are tagged differently.
 *
 * Bounded work: at most 2 * TT_FILTER_RULES rules a packet, each a few comparisons.
 */
#ifndef TT_PACKET_FILTER_H
#define TT_PACKET_FILTER_H

#include "packet/decode.h"

#include <stdbool.h>
#include <stdint.h>

#define TT_FILTER_RULES 64 /* to include, and as many to exclude */

/* All that is set must hold; zeros throughout match every packet. */
struct tt_filter_rule {
	uint8_t address[16]; /* of the network: IPv4 the first 4 bytes; host bits are ignored */
	uint8_t prefix_bits; /* 0 to 32 or 128 */
	uint8_t ip_version;  /* of the network, 4 or 6; 0: any address */
	uint8_t ip_protocol; /* 0: any */
	uint16_t port_first; /* 0: any, also of protocols without ports */
	uint16_t port_last;  /* at least port_first */
	uint16_t vlan_first; /* of any of the packet's tags; 0: any, also without a tag */
	uint16_t vlan_last;  /* at least vlan_first, at most 4,095 */
};

/* A rule as it is compared. */
struct tt_filter_test {
	uint64_t mask[2]; /* of an address, as its bytes stand in the packet */
	uint64_t value[2];
	uint16_t port_first;
	uint16_t port_span;
	uint16_t vlan_first; /* 0: any */
	uint16_t vlan_span;
	uint8_t ip_version; /* 0: any */
	uint8_t ip_protocol;
};

struct tt_filter {
	uint32_t include_count;
	uint32_t exclude_count;
	struct tt_filter_test include[TT_FILTER_RULES];
	struct tt_filter_test exclude[TT_FILTER_RULES];
};

/* Write *filter from the rules, which are not needed after that. TT_ERROR_ARGUMENT: more than
 * TT_FILTER_RULES of a kind, or a rule outside of the ranges above; *filter is then empty. */
int tt_filter_make(struct tt_filter *filter, const struct tt_filter_rule *include,
	uint32_t include_count, const struct tt_filter_rule *exclude, uint32_t exclude_count);

/* Is there any rule? Without one no packet is excluded. */
static inline bool tt_filter_is_set(const struct tt_filter *filter)
{
	return (filter->include_count | filter->exclude_count) != 0;
}

/* Is the packet, which tt_decode() called TT_DECODE_IP, to be left out? Its ports are those of its
 * fields, so a later fragment has them when the caller put those of its first fragment there. */
bool tt_filter_excludes(const struct tt_filter *filter, const struct tt_packet *packet);

#endif
