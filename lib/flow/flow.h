/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of a worker's flow table: what is known of a connection. Written and read by its
 * worker alone; what others see are copies (shard/record.h). The first two cache lines are all
 * that a packet of a known flow touches, TCP's state aside.
 */
#ifndef TT_FLOW_FLOW_H
#define TT_FLOW_FLOW_H

#include "flow/key.h"
#include "flow/tcp.h"
#include "packet/decode.h"

#include <stdint.h>

/* Why a connection ended; the names in records are those of tt_close_reason_name(). */
enum tt_close_reason {
	TT_CLOSE_NONE,
	TT_CLOSE_FIN,
	TT_CLOSE_RST,
	TT_CLOSE_IDLE,
	TT_CLOSE_EVICTED,
	TT_CLOSE_REUSED,
	TT_CLOSE_END_OF_CAPTURE,
	TT_CLOSE_SHUTDOWN,
	TT_CLOSE_REASONS
};

/* "fin", "end_of_capture", ...; static. "none" for what is no reason. */
const char *tt_close_reason_name(enum tt_close_reason reason);

/* How it is known which endpoint is the client, strongest last. */
enum tt_direction_from {
	TT_DIRECTION_FIRST_PACKET,
	TT_DIRECTION_PORT,
	TT_DIRECTION_SYNACK,
	TT_DIRECTION_SYN
};

/* Which timeout applies: the index of struct tt_flow_timeouts. */
enum tt_flow_class {
	TT_FLOW_TCP_HALF_OPEN,
	TT_FLOW_TCP_OPEN,
	TT_FLOW_TCP_CLOSING, /* both FINs or a RST were seen */
	TT_FLOW_UDP_ONE_WAY,
	TT_FLOW_UDP_TWO_WAY,
	TT_FLOW_OTHER,
	TT_FLOW_CLASSES
};

/* How often a timeout may be doubled (struct tt_flow.patience): 5 s become 160 s, longer than TCP tries
 * (RFC 1122 4.2.3.5). */
#define TT_FLOW_PATIENCE_LIMIT 5

#define TT_FLOW_TIMEOUT_MS_MAX (1u << 30)

/* Of the state of UDP flows whose protocol is not known. */
#define TT_FLOW_UNDECIDED_BYTES 32

struct tt_flow_timeouts {
	uint32_t ms[TT_FLOW_CLASSES]; /* 1 to TT_FLOW_TIMEOUT_MS_MAX */
};

/* Where the entry is in its life. Of a FREE entry only `state` means anything. */
enum tt_flow_state {
	TT_FLOW_FREE,
	TT_FLOW_ACTIVE,
	TT_FLOW_UNREPORTED /* closed and out of the index; its record found no room yet */
};

/* What of a flow is not measured because its worker was overloaded, bits of struct tt_flow.sampled. */
enum tt_flow_sampled {
	TT_FLOW_SAMPLED_PAYLOAD = 1 << 0, /* its payload, all of it or from some point on */
	TT_FLOW_SAMPLED_START = 1 << 1	  /* packets before its first one, perhaps */
};

struct tt_flow_counters {
	uint64_t packets;
	uint64_t ip_bytes;
	uint64_t payload_bytes;
};

struct tt_flow {
	/* Cache line 0: what a lookup compares, and only a packet from another port changes. */
	struct tt_flow_key key;
	uint32_t tap_ports[2]; /* by direction, like counters: bit 1 << tap port number */
	uint32_t hash;	       /* low half of the key's hash */
	uint32_t conversation; /* the worker's: number of the parser's state + 1; 0: none */

	/* Cache line 1: what every packet changes, and the sweep looks at. */
	struct tt_flow_counters counters[2]; /* by direction, 0 from the key's low endpoint */
	uint64_t end_us;		     /* of the latest packet, since the epoch */
	uint32_t seen_ms;		     /* tt_flow_clock.now_ms at the last packet; wraps */
	uint8_t state : 4;		     /* enum tt_flow_state */
	uint8_t sampled : 4;		     /* the worker's: enum tt_flow_sampled */
	uint8_t class;			     /* enum tt_flow_class */
	uint8_t client;			     /* direction of the client's packets: 0 or 1 */
	uint8_t patience : 4; /* its timeout is that of its class, so often doubled */
	uint8_t payload : 4;  /* the worker's: what becomes of its payload */

	/* Cache line 2: written when the flow is created, and read when it is reported. */
	uint64_t start_us;
	uint64_t uid;
	uint32_t previous;     /* the table's: back link of the same list */
	uint32_t fragments[2]; /* later fragments, by direction */
	uint16_t vlan[TT_PACKET_VLANS];
	uint8_t layer_kind[TT_PACKET_LAYERS];
	uint8_t vlan_count : 3;
	uint8_t layer_count : 3;
	uint8_t direction_from : 2; /* enum tt_direction_from */
	uint8_t layer_has_id : 4;   /* bit 1 << layer number */
	uint8_t close_reason : 4;   /* enum tt_close_reason, once UNREPORTED */
	union {
		struct { /* of the first packet, where the protocol is ICMP or ICMPv6 */
			uint8_t icmp_type;
			uint8_t icmp_code;
		};
		struct {		     /* of the others: the worker's numbers of protocols */
			uint8_t encryption;  /* that encrypts it; 0: none known */
			uint8_t application; /* that is spoken */
		};
	};
	uint32_t layer_id[TT_PACKET_LAYERS];
	uint32_t next; /* the table's: link of the half-open or the unreported list */

	/* Cache lines 3 and on. */
	union {
		struct tt_tcp tcp; /* TCP only */
		/* UDP: the worker's, while it looks what is spoken. */
		uint8_t undecided[TT_FLOW_UNDECIDED_BYTES];
	} __attribute__((aligned(64)));
} __attribute__((aligned(64)));

/* Why a connection whose time is over ended: FIN or RST, by its TCP state, when its class is
 * TT_FLOW_TCP_CLOSING, else IDLE. */
enum tt_close_reason tt_flow_expiry_reason(const struct tt_flow *flow);

#endif
