/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp_rtt.h"

#include "flow/tcp_sequence.h"

#define SAMPLE_LIMIT_US (1u << 28)

void tt_tcp_rtt_begin(
	struct tt_tcp *tcp, unsigned int direction, uint32_t sequence, uint32_t now_us)
{
	struct tt_tcp_half *half = &tcp->half[direction];

	if ((half->known & TT_TCP_SAMPLING) || tt_tcp_has_open_hole(tcp, direction))
		return;
	half->sample_sequence = sequence;
	half->sample_us = now_us;
	half->known |= TT_TCP_SAMPLING;
}

void tt_tcp_rtt_end(
	struct tt_tcp *tcp, unsigned int direction, uint32_t acknowledgment, uint32_t now_us)
{
	struct tt_tcp_half *half = &tcp->half[direction];

	if (!(half->known & TT_TCP_SAMPLING) ||
		tt_tcp_before(acknowledgment, half->sample_sequence))
		return;
	half->known &= (uint8_t)~TT_TCP_SAMPLING;
	tt_tcp_rtt_take(tcp, direction, now_us - half->sample_us);
}

/* RFC 6298 2.2 and 2.3: alpha 1/8, beta 1/4, RTTVAR before SRTT, as fixed point. A clock that ran
 * backwards shows as an interval over the limit. Once taken, SRTT stays above 0. */
void tt_tcp_rtt_take(struct tt_tcp *tcp, unsigned int direction, uint32_t sample_us)
{
	struct tt_tcp_counts *counts = &tcp->counts[direction];

	if (sample_us >= SAMPLE_LIMIT_US)
		return;
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
