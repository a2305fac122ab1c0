/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp_rtt.h"

#include "flow/tcp_sequence.h"

#define SAMPLE_LIMIT_US (1u << 28)

/* How long an echo is waited for: half a turn of the 16 bits that are kept of a clock that ticks
 * each millisecond, the usual one. */
#define ECHO_LIMIT_US (1u << 25)

static void drop(struct tt_tcp_half *half)
{
	half->known &= (uint16_t) ~(TT_TCP_SAMPLING | TT_TCP_BY_ECHO);
}

static bool samples_an_ack(const struct tt_tcp_half *half)
{
	return (half->known & (TT_TCP_BY_ECHO | TT_TCP_TIMED)) == TT_TCP_BY_ECHO;
}

static void begin_by_echo(struct tt_tcp_half *half, const struct tt_tcp_segment *segment)
{
	half->sample_sequence = segment->order;
	half->sample_us = (uint32_t)segment->time_us;
	half->known |= TT_TCP_SAMPLING | TT_TCP_BY_ECHO;
}

void tt_tcp_rtt_begin(
	struct tt_tcp *tcp, unsigned int direction, uint32_t sequence, uint32_t now_us)
{
	struct tt_tcp_half *half = &tcp->half[direction];

	if (samples_an_ack(half))
		drop(half);
	if ((half->known & TT_TCP_SAMPLING) || tt_tcp_has_open_hole(tcp, direction))
		return;
	half->sample_sequence = sequence;
	half->sample_us = now_us;
	half->known |= TT_TCP_SAMPLING;
}

/* The receiver takes over the timestamp of the segment at its left edge (RFC 7323 4.3), so that the
 * ACK which this one causes echoes it. It is no earlier transmission's when the clock ticked since
 * the latest that was in order. */
void tt_tcp_rtt_again(struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];

	drop(half);
	if (segment->flags & TT_TCP_SYN || segment->order_from != TT_TCP_ORDER_TIMESTAMP ||
		!(half->known & TT_TCP_STAMPED) || !(half->known & TT_TCP_KNOWN_ACKNOWLEDGED) ||
		(int16_t)(segment->order - half->order) <= 0 ||
		tt_tcp_before(half->acknowledged, segment->sequence) ||
		!tt_tcp_before(half->acknowledged, end))
		return;
	begin_by_echo(half, segment);
}

/* A sender that is kept waiting by its window sends on at once when an ACK arrives. It is not when
 * all that it has sent is acknowledged: then what it sends next may be any time later. */
void tt_tcp_rtt_of_ack(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];
	const struct tt_tcp_half *peer = &tcp->half[segment->direction ^ 1];

	if ((half->known & TT_TCP_TIMED) || segment->order_from != TT_TCP_ORDER_TIMESTAMP ||
		segment->payload_bytes > 0 || !(peer->known & TT_TCP_KNOWN_ACKNOWLEDGED) ||
		!tt_tcp_before(peer->acknowledged, segment->acknowledgment))
		return;
	if (!tt_tcp_before(segment->acknowledgment, peer->next_sequence)) {
		if (samples_an_ack(half))
			drop(half);
	} else if (!(half->known & TT_TCP_SAMPLING) && (half->known & TT_TCP_STAMPED) &&
		segment->order != half->order) {
		begin_by_echo(half, segment);
	}
}

void tt_tcp_rtt_end(struct tt_tcp *tcp, unsigned int direction, const struct tt_tcp_segment *answer)
{
	struct tt_tcp_half *half = &tcp->half[direction];
	uint32_t sample_us = (uint32_t)answer->time_us - half->sample_us;

	if (!(half->known & TT_TCP_SAMPLING))
		return;
	if (half->known & TT_TCP_BY_ECHO) {
		bool echoes = answer->order_from == TT_TCP_ORDER_TIMESTAMP;
		int16_t later = (int16_t)(answer->echo - (uint16_t)half->sample_sequence);
		if (echoes && later < 0 && sample_us < ECHO_LIMIT_US)
			return;
		bool of_ack = samples_an_ack(half);
		drop(half);
		if (!echoes || later != 0 || sample_us >= ECHO_LIMIT_US)
			return;
		tt_tcp_rtt_take(tcp, direction, sample_us);
		if (of_ack)
			half->known &= (uint16_t)~TT_TCP_TIMED;
		return;
	}
	if (tt_tcp_before(answer->acknowledgment, half->sample_sequence))
		return;
	drop(half);
	tt_tcp_rtt_take(tcp, direction, sample_us);
}

/* RFC 6298 2.2 and 2.3: alpha 1/8, beta 1/4, RTTVAR before SRTT, as fixed point. A clock that ran
 * backwards shows as an interval over the limit. Once taken, SRTT stays above 0. */
void tt_tcp_rtt_take(struct tt_tcp *tcp, unsigned int direction, uint32_t sample_us)
{
	struct tt_tcp_counts *counts = &tcp->counts[direction];

	if (sample_us >= SAMPLE_LIMIT_US)
		return;
	tcp->half[direction].known |= TT_TCP_TIMED;
	if (counts->srtt_8 == 0) {
		counts->srtt_8 = sample_us > 0 ? sample_us << 3 : 1;
		counts->rttvar_4 = sample_us << 1;
		return;
	}
	int32_t error = (int32_t)(sample_us - (counts->srtt_8 >> 3));
	uint32_t deviation = (uint32_t)(error < 0 ? -error : error);
	counts->rttvar_4 += deviation - (counts->rttvar_4 >> 2);
	counts->srtt_8 += (uint32_t)error;
}
