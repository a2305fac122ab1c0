/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections, written into a traffic segment by segment.
 */
#ifndef TT_TESTS_PIPELINE_TALK_H
#define TT_TESTS_PIPELINE_TALK_H

#include "flow/tcp.h"
#include "pipeline/traffic.h"

#include <string.h>

#define TALK_PIECE_BYTES 180 /* most bytes of a segment */
#define TALK_CLIENT_ISN	 1000
#define TALK_SERVER_ISN	 5000
#define TALK_STEP_US	 1000 /* between segments */

/* A TCP connection that is being written into a traffic. */
struct talk {
	struct traffic *traffic;
	struct endpoint end[2];
	uint32_t next[2];
};

static inline void send_bytes(
	struct talk *talk, unsigned int from, uint8_t flags, const void *bytes, size_t count)
{
	talk->traffic->time_us += TALK_STEP_US;
	traffic_tcp_bytes(talk->traffic, talk->end[from], talk->end[!from], flags, talk->next[from],
		talk->next[!from], bytes, count);
	talk->next[from] += (uint32_t)count + ((flags & (TT_TCP_SYN | TT_TCP_FIN)) != 0);
}

static inline struct talk open_talk(
	struct traffic *traffic, struct endpoint from, struct endpoint to)
{
	struct talk talk = {traffic, {from, to}, {TALK_CLIENT_ISN, TALK_SERVER_ISN}};

	send_bytes(&talk, 0, TT_TCP_SYN, "", 0);
	send_bytes(&talk, 1, TT_TCP_SYN | TT_TCP_ACK, "", 0);
	send_bytes(&talk, 0, TT_TCP_ACK, "", 0);
	return talk;
}

static inline void say(struct talk *talk, unsigned int from, const void *bytes, size_t count)
{
	for (size_t at = 0; at < count; at += TALK_PIECE_BYTES)
		send_bytes(talk, from, TT_TCP_ACK | TT_TCP_PSH, (const uint8_t *)bytes + at,
			count - at < TALK_PIECE_BYTES ? count - at : TALK_PIECE_BYTES);
}

static inline void say_text(struct talk *talk, unsigned int from, const char *text)
{
	say(talk, from, text, strlen(text));
}

static inline void close_talk(struct talk *talk)
{
	send_bytes(talk, 0, TT_TCP_FIN | TT_TCP_ACK, "", 0);
	send_bytes(talk, 1, TT_TCP_FIN | TT_TCP_ACK, "", 0);
	send_bytes(talk, 0, TT_TCP_ACK, "", 0);
}

#endif
