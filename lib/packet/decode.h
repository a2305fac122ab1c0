/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode: from a frame's bytes to the innermost IP packet and its transport header, on
 * (bytes, length) alone. Called by a worker for each packet of a burst, and by tests and tools
 * without an EAL. Owns nothing: a struct tt_packet points into the frame and lives no longer than
 * it. Bounded work: at most TT_PACKET_LAYERS tunnels, TT_PACKET_VLANS tags, TT_PACKET_EXTENSIONS
 * IPv6 extension headers.
 */
#ifndef TT_PACKET_DECODE_H
#define TT_PACKET_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#define TT_PACKET_LAYERS     4 /* tunnels that are taken off, and remembered */
#define TT_PACKET_VLANS	     4 /* tags remembered, outermost first */
#define TT_PACKET_EXTENSIONS 8 /* IPv6 extension headers followed in one IP header's chain */

/* How the first byte of a frame is to be read. */
enum tt_link_type {
	TT_LINK_ETHERNET,   /* LINKTYPE_ETHERNET 1 */
	TT_LINK_RAW_IP,	    /* LINKTYPE_RAW 101, IPV4 228, IPV6 229: the first nibble says which */
	TT_LINK_LINUX_SLL,  /* LINKTYPE_LINUX_SLL 113 */
	TT_LINK_LINUX_SLL2, /* LINKTYPE_LINUX_SLL2 276 */
	TT_LINK_NULL, /* LINKTYPE_NULL 0: 4 bytes of address family in the writer's byte order */
	TT_LINK_LOOP, /* LINKTYPE_LOOP 108: the same in network byte order */
	TT_LINK_PPP,  /* LINKTYPE_PPP 9 */
	TT_LINK_TYPES
};

/* What was taken off around the innermost IP packet, and what its `id` in struct tt_layer is. */
enum tt_layer_kind {
	TT_LAYER_NONE,
	TT_LAYER_MPLS,	    /* label of the bottom of the stack */
	TT_LAYER_PPPOE,	    /* session id */
	TT_LAYER_GRE,	    /* key, when there is one */
	TT_LAYER_PPTP,	    /* GRE version 1: call id */
	TT_LAYER_NVGRE,	    /* virtual subnet id */
	TT_LAYER_ERSPAN1,   /* none */
	TT_LAYER_ERSPAN2,   /* session id */
	TT_LAYER_ERSPAN3,   /* session id */
	TT_LAYER_VXLAN,	    /* VNI */
	TT_LAYER_VXLAN_GPE, /* VNI */
	TT_LAYER_GENEVE,    /* VNI */
	TT_LAYER_GTPU,	    /* TEID */
	TT_LAYER_IPIP,	    /* IPv4 in IPv4: none */
	TT_LAYER_6IN4,	    /* none */
	TT_LAYER_4IN6,	    /* none */
	TT_LAYER_6IN6,	    /* none */
	TT_LAYER_TEREDO,    /* none */
	TT_LAYER_L2TP,	    /* version 2: tunnel id << 16 | session id; version 3: session id */
	TT_LAYER_NSH,	    /* service path id */
	TT_LAYER_ETHERIP,   /* none */
	TT_LAYER_AH,	    /* SPI */
	TT_LAYER_KINDS
};

/* The name used in records and counters: "vxlan", "erspan2", ... */
const char *tt_layer_name(enum tt_layer_kind kind);

struct tt_layer {
	uint8_t kind; /* enum tt_layer_kind */
	bool has_id;
	uint32_t id;
};

/* What became of a frame. Every one but TT_DECODE_IP is a reason in the ledger. */
enum tt_decode_result {
	TT_DECODE_IP,	    /* an IP packet: the fields below hold */
	TT_DECODE_NOT_IP,   /* a well-formed frame without an IP packet (ARP, LLDP, STP, ...) */
	TT_DECODE_BAD_LINK, /* the frame ends inside its link-layer headers (VLAN, MPLS, ...) */
	TT_DECODE_BAD_IPV4, /* IPv4 header cut, or its lengths contradict each other */
	TT_DECODE_BAD_IPV6, /* IPv6 header or extension chain cut or contradictory */
	TT_DECODE_RESULTS
};

/* Bits of struct tt_packet.flags. */
enum tt_packet_flag {
	TT_PACKET_FRAGMENT = 1 << 0,	   /* of the innermost IP packet, first or not */
	TT_PACKET_FRAGMENT_LATER = 1 << 1, /* offset over 0: no transport header, ports are 0 */
	TT_PACKET_FRAGMENT_MORE = 1 << 2,  /* more fragments follow */
	TT_PACKET_PORTS = 1 << 3,	   /* the port fields were read from the packet */
	TT_PACKET_TRANSPORT = 1 << 4, /* the whole transport header was captured and is sound */
	TT_PACKET_CUT = 1 << 5,	      /* captured shorter than the wire: snap length */
	TT_PACKET_LENGTH_ZERO =
		1 << 6, /* IP length 0 (segmentation offload): taken from the wire */
	TT_PACKET_LAYERS_LEFT = 1 << 7, /* deeper tunnels than layer_limit, left on */
	TT_PACKET_OUTER_FIRST =
		1 << 8, /* an outer packet is a first fragment: `outer` says which */
	TT_PACKET_LAYERS_UNKNOWN = 1
		<< 9 /* a tunnel was left on, since no sound IP packet is in it */
};

/* Names the datagram whose first fragment a tunnel was read from. Its later fragments are the rest
 * of that tunnel's packet, which has been counted, and no packets of a flow. */
struct tt_outer {
	const uint8_t *ip;
	uint32_t fragment_id;
	uint8_t ip_version;
	uint8_t vlan_count; /* of the packet's tags and layers, those around this header */
	uint8_t layer_count;
};

struct tt_packet {
	const uint8_t *ip;     /* innermost IP header that is understood */
	const uint8_t *source; /* its addresses: 4 or 16 bytes */
	const uint8_t *destination;
	const uint8_t *transport; /* first byte after the IP headers; NULL when nothing of it was
	                           * captured or TT_PACKET_FRAGMENT_LATER */
	const uint8_t *payload;	  /* first byte after the transport header of TCP, UDP, UDP-Lite and
	                           * SCTP's common header; of any other protocol: as transport. NULL
	                           * when none was captured. For TT_PACKET_FRAGMENT_LATER: the
	                           * fragment's data */
	uint32_t ip_bytes;	  /* by the IP header, 40 + payload length for IPv6 */
	uint32_t
		payload_bytes; /* as the headers claim it, 0 to 65,535 and more for offloaded TCP */
	uint32_t payload_captured_bytes;   /* of it in the capture, at most payload_bytes */
	uint16_t transport_captured_bytes; /* from `transport` on, at most 65,535 */
	uint16_t source_port;		   /* TCP, UDP, UDP-Lite, SCTP; else 0 */
	uint16_t destination_port;
	uint16_t flags;	      /* enum tt_packet_flag */
	uint32_t fragment_id; /* identification of the fragmented datagram */
	uint16_t fragment_offset_bytes;
	uint16_t ip_id;				 /* IPv4 identification; 0 for IPv6 */
	uint8_t ip_version;			 /* 4 or 6 */
	uint8_t ip_protocol;			 /* of the transport, after extension headers */
	uint8_t ip_ttl;				 /* TTL or hop limit */
	uint8_t ip_traffic_class;		 /* TOS or traffic class: DSCP << 2 | ECN */
	uint8_t vlan_count;			 /* 0 to TT_PACKET_VLANS */
	uint8_t layer_count;			 /* 0 to TT_PACKET_LAYERS */
	uint16_t vlan[TT_PACKET_VLANS];		 /* VLAN ids, 0 to 4,095, outermost first */
	struct tt_layer layer[TT_PACKET_LAYERS]; /* outermost first */
	struct tt_outer outer;			 /* holds with TT_PACKET_OUTER_FIRST */
};

/* Which tunnels are taken off; a frame of another is a flow of its outer packet, or where there is
 * none (MPLS, PPPoE, NSH) TT_DECODE_NOT_IP. */
struct tt_decode_options {
	uint32_t layer_kinds; /* bit 1 << enum tt_layer_kind; UINT32_MAX for all */
	uint8_t layer_limit;  /* 0 to TT_PACKET_LAYERS */
};

/* Read `captured_bytes` at `frame`, of a packet that had `wire_bytes` on the wire (at least
 * captured_bytes). On TT_DECODE_IP every field of *packet is written but what its counts and flags
 * do not speak of: tags and layers past their number, and `outer`. Never reads outside of
 * [frame, frame + captured_bytes). An IP packet whose transport is cut or unsound is TT_DECODE_IP
 * without TT_PACKET_TRANSPORT. `options` outlives the call. */
enum tt_decode_result tt_decode(struct tt_packet *packet, const struct tt_decode_options *options,
	enum tt_link_type link, const uint8_t *frame, uint32_t captured_bytes, uint32_t wire_bytes);

#endif
