/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which protocol a flow speaks, from the first bytes of either direction, on any port. Called by a
 * worker until the answer is known, and again from where a protocol hands over to another
 * (STARTTLS, CONNECT, Upgrade): then with a struct tt_classifier zeroed anew.
 *
 * A switch over the first byte chooses parsers, each of which says that the bytes are its
 * protocol's, may be, or are not. What only may be becomes the answer when the other direction or
 * a well-known port agrees: a port alone proves nothing. Neither copies nor allocates: the caller
 * keeps the bytes that it is asked to give again. Bounded work: the parsers look at the bytes given,
 * once each, and ask for no more than TT_CLASSIFY_BYTES of a stream.
 */
#ifndef TT_PROTOCOL_CLASSIFY_H
#define TT_PROTOCOL_CLASSIFY_H

#include "protocol/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_CLASSIFY_BYTES     64 /* of a direction's first, that are ever asked for again */
#define TT_CLASSIFY_DATAGRAMS 8	 /* of a flow, that are looked at */

enum tt_classify_result {
	TT_CLASSIFY_KNOWN,
	TT_CLASSIFY_MORE,   /* a stream: these bytes again, with those behind them; datagrams: the
			     * next one of either direction may tell */
	TT_CLASSIFY_OTHER,  /* this direction has no more to tell, the other one has */
	TT_CLASSIFY_UNKNOWN /* it will never be known */
};

/* What is remembered of an undecided flow. Zero it for a new one. */
struct tt_classifier {
	uint64_t may[2];     /* bit 1 << enum tt_protocol: what each direction may be */
	uint32_t rtp_source; /* SSRC and sequence number of the last datagram that may be RTP */
	uint16_t rtp_sequence;
	uint8_t rtp_direction : 1; /* of it */
	uint8_t rtp_row : 2;	   /* datagrams in a row that may be */
	uint8_t looked;		   /* a stream: bit 1 << direction that is over; else: datagrams */
};

/* The first `length` bytes, over 0, of a direction (0 or 1) of a TCP connection. `ports` are its two,
 * in any order. `over`: none will follow, so that TT_CLASSIFY_MORE is no answer. *protocol is an
 * enum tt_protocol with TT_CLASSIFY_KNOWN, else not written. */
enum tt_classify_result tt_classify_stream(struct tt_classifier *classifier, unsigned int direction,
	const uint16_t ports[2], const uint8_t *bytes, size_t length, bool over, uint8_t *protocol);

/* The same of a whole datagram's payload, or as much as was captured of it. */
enum tt_classify_result tt_classify_datagram(struct tt_classifier *classifier,
	unsigned int direction, const uint16_t ports[2], const uint8_t *bytes, size_t length,
	uint8_t *protocol);

/* Has this protocol a parser of streams, or of datagrams? */
bool tt_classify_parses(unsigned int protocol, bool stream);

/* Does it find that a direction's first bytes are, or may be, its protocol's? `length` over 0. */
bool tt_classify_confirms(unsigned int protocol, bool stream, const uint8_t *bytes, size_t length);

/* May a connection of this protocol go on as TLS after some of its own bytes? Who knows, of those
 * that are no more than a name. */
bool tt_classify_may_start_tls(unsigned int protocol);

/* Is it a layer that encrypts applications' protocols, or one of these? */
bool tt_classify_encrypts(unsigned int protocol);

#endif
