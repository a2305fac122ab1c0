/* SPDX-License-Identifier: Apache-2.0 */
/* TCP conversations for tests, segment by segment. */
#ifndef TT_TESTS_TALK_H
#define TT_TESTS_TALK_H

#include "flow/tcp.h"
#include "suite.h"

#define CLIENT 0
#define SERVER 1

/* A conversation written as calls: sequence numbers are relative to each side's ISN. */
struct talk {
	struct tt_tcp tcp;
	uint32_t initial[2];
	uint64_t now_us;
};

static inline struct talk talk_from(uint32_t client_initial, uint32_t server_initial)
{
	return (struct talk){.initial = {client_initial, server_initial}, .now_us = 1000000};
}

static inline struct tt_tcp_segment make(const struct talk *talk, unsigned int direction,
	unsigned int flags, uint32_t sequence, uint32_t acknowledgment, uint32_t payload_bytes)
{
	return (struct tt_tcp_segment){
		.time_us = talk->now_us,
		.sequence = talk->initial[direction] + sequence,
		.acknowledgment =
			flags & TT_TCP_ACK ? talk->initial[direction ^ 1] + acknowledgment : 0,
		.payload_bytes = payload_bytes,
		.window = 1000,
		.flags = (uint8_t)flags,
		.direction = (uint8_t)direction,
	};
}

static inline enum tt_tcp_life say(struct talk *talk, unsigned int direction, unsigned int flags,
	uint32_t sequence, uint32_t acknowledgment, uint32_t payload_bytes)
{
	struct tt_tcp_segment segment =
		make(talk, direction, flags, sequence, acknowledgment, payload_bytes);

	talk->now_us += 1000;
	return tt_tcp_update(&talk->tcp, &segment);
}

static inline bool begins_anew(const struct talk *talk, unsigned int direction, unsigned int flags,
	uint32_t sequence, uint32_t acknowledgment)
{
	struct tt_tcp_segment segment = make(talk, direction, flags, sequence, acknowledgment, 0);

	return tt_tcp_is_new_connection(&talk->tcp, &segment);
}

/* Three-way handshake, near the wrap of both sequence spaces. */
static inline struct talk talk_open(void)
{
	struct talk talk = talk_from(UINT32_MAX - 5, UINT32_MAX);

	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_SYN, 0, 0, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, SERVER, TT_TCP_SYN | TT_TCP_ACK, 0, 1, 0), TT_TCP_HALF_OPEN);
	CU_ASSERT_EQUAL(say(&talk, CLIENT, TT_TCP_ACK, 1, 1, 0), TT_TCP_OPEN);
	return talk;
}

#endif
