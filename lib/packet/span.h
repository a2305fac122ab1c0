/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a frame while its headers are taken off: the bytes that were captured, and how
 * many there are by the enclosing header's claim, which may be more. Private to lib/packet; owns
 * nothing.
 */
#ifndef TT_PACKET_SPAN_H
#define TT_PACKET_SPAN_H

#include "base/bytes.h"
#include "packet/decode.h"

#include <stdbool.h>
#include <stdint.h>

/* Inside of this folder every header that can follow another one is named by an EtherType: those
 * of IEEE 802 and, for what has none of its own on the wire, the one that GRE would use. */
enum tt_ethertype {
	TT_ETHERTYPE_LLC = 0x0004,     /* IEEE 802.2, as in LINKTYPE_LINUX_SLL */
	TT_ETHERTYPE_WLAN = 0x001a,    /* an 802.11 frame, as in LINKTYPE_LINUX_SLL */
	TT_ETHERTYPE_MINIMUM = 0x0600, /* smaller on the wire is the length of an 802.3 frame */
	TT_ETHERTYPE_IPV4 = 0x0800,
	TT_ETHERTYPE_ERSPAN3 = 0x22eb,
	TT_ETHERTYPE_TEB = 0x6558,  /* transparent Ethernet bridging: a whole frame, RFC 1701 */
	TT_ETHERTYPE_VLAN = 0x8100, /* 802.1Q customer tag */
	TT_ETHERTYPE_WLAN_TUNNEL = 0x8200, /* to 0x83ff, in GRE alone */
	TT_ETHERTYPE_IPV6 = 0x86dd,
	TT_ETHERTYPE_PPP = 0x880b, /* RFC 2637, 4.1 */
	TT_ETHERTYPE_WCCP = 0x883e,
	TT_ETHERTYPE_MPLS = 0x8847, /* RFC 5332 */
	TT_ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	TT_ETHERTYPE_PPPOE = 0x8864,	/* session stage, RFC 2516 */
	TT_ETHERTYPE_QINQ = 0x88a8,	/* 802.1ad service tag */
	TT_ETHERTYPE_ERSPAN = 0x88be,	/* types I and II */
	TT_ETHERTYPE_ITAG = 0x88e7,	/* 802.1ah backbone service instance */
	TT_ETHERTYPE_ETAG = 0x893f,	/* 802.1BR */
	TT_ETHERTYPE_NSH = 0x894f,	/* RFC 8300 */
	TT_ETHERTYPE_QINQ_OLD = 0x9100, /* service tags from before 802.1ad */
	TT_ETHERTYPE_QINQ_OLDER = 0x9200
};

struct tt_span {
	const uint8_t *at;
	uint32_t captured; /* bytes that may be read */
	uint32_t claimed;  /* bytes that there were on the wire; at least `captured` */
};

/* Take `bytes` off the front. false, and nothing is taken, when fewer were captured. */
static inline bool tt_span_take(struct tt_span *span, uint32_t bytes)
{
	if (span->captured < bytes)
		return false;
	span->at += bytes;
	span->captured -= bytes;
	span->claimed -= bytes;
	return true;
}

/* A header claims that `bytes` follow: what is captured beyond them is padding. */
static inline void tt_span_claim(struct tt_span *span, uint32_t bytes)
{
	span->claimed = bytes;
	if (span->captured > bytes)
		span->captured = bytes;
}

#endif
