/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"
#include "flow/tcp_handshake.h"
#include "flow/tcp_sequence.h"

static void summarize_half(struct tt_tcp_summary_half *half, const struct tt_tcp *tcp,
	unsigned int direction, uint64_t end_us)
{
	const struct tt_tcp_counts *counts = &tcp->counts[direction];
	const struct tt_tcp_half *from = &tcp->half[direction];
	bool zero_window = from->known & TT_TCP_ZERO_WINDOW;

	*half = (struct tt_tcp_summary_half){0};
	if (from->flags_seen == 0)
		return;
	half->present = TT_TCP_HAS_COUNTS;
	if (from->known & TT_TCP_KNOWN_ACKNOWLEDGED) {
		half->present |= TT_TCP_HAS_CAUSES;
		if (from->known & TT_TCP_KNOWN_NEXT)
			half->present |= TT_TCP_HAS_MISSING;
	}
	half->retransmits = counts->retransmits;
	half->syn_retransmits = counts->syn_retransmits;
	half->fast_retransmits = counts->fast_retransmits;
	half->timeout_retransmits =
		counts->retransmits - counts->syn_retransmits - counts->fast_retransmits;
	half->spurious_retransmits = counts->spurious_retransmits;
	half->out_of_order = counts->out_of_order;
	half->duplicate_acks = counts->duplicate_acks;
	half->zero_windows = counts->zero_windows;
	half->zero_window_us = counts->zero_window_us + (zero_window ? (uint32_t)end_us : 0);
	half->window_probes = counts->window_probes;
	half->keep_alives = counts->keep_alives;
	half->missing_bytes = tt_tcp_sequence_missing(tcp, direction);
	half->ecn_ce = counts->ecn_ce;
	half->resets = counts->resets;
	half->fins = counts->fins;
}

/* The outcome is absent where it cannot be known: the tap saw a part of the handshake. */
static void summarize_handshake(struct tt_tcp_summary *summary, const struct tt_tcp *tcp)
{
	uint8_t handshake = tcp->handshake;
	unsigned int server = handshake & TT_TCP_CLIENT_HIGH ? 0 : 1;
	uint8_t answer = tcp->half[server].flags_seen;

	summary->present |= TT_TCP_HAS_HANDSHAKE;
	if ((handshake & (TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN | TT_TCP_HANDSHAKE_DONE)) ==
		(TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN | TT_TCP_HANDSHAKE_DONE))
		summary->handshake = TT_TCP_HANDSHAKE_COMPLETE;
	else if (!(handshake & (TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN)))
		summary->handshake = TT_TCP_HANDSHAKE_MIDSTREAM;
	else if ((handshake & (TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN)) ==
		(TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN))
		summary->handshake = TT_TCP_HANDSHAKE_NO_ACK;
	else if ((handshake & TT_TCP_SYN_SEEN) && (answer & TT_TCP_RST) &&
		tcp->life == TT_TCP_CLOSED_RST)
		summary->handshake = TT_TCP_HANDSHAKE_REFUSED;
	else if ((handshake & TT_TCP_SYN_SEEN) && answer == 0)
		summary->handshake = TT_TCP_HANDSHAKE_NO_ANSWER;
	else
		summary->present &= ~(uint32_t)TT_TCP_HAS_HANDSHAKE;
	if ((handshake & TT_TCP_SYN_SEEN) && (handshake & TT_TCP_SYNACK_SEEN)) {
		summary->present |= TT_TCP_HAS_ECN;
		summary->ecn = tcp->counts[0].ecn_setup & tcp->counts[1].ecn_setup;
	}
	if (handshake & TT_TCP_TIMED_WHOLE) {
		summary->present |= TT_TCP_HAS_HANDSHAKE_TIME;
		summary->handshake_us = tcp->handshake_us;
	}
	if (handshake & TT_TCP_TIMED_SERVER) {
		summary->present |= TT_TCP_HAS_HANDSHAKE_SERVER;
		summary->handshake_server_us = tcp->handshake_server_us;
	}
	if (handshake & TT_TCP_TIMED_CLIENT) {
		summary->present |= TT_TCP_HAS_HANDSHAKE_CLIENT;
		summary->handshake_client_us = tcp->handshake_client_us;
	}
}

static enum tt_tcp_failure failure_of(
	const struct tt_tcp *tcp, const struct tt_tcp_summary *summary, bool idle)
{
	bool unanswered = (summary->present & TT_TCP_HAS_HANDSHAKE) &&
		summary->handshake == TT_TCP_HANDSHAKE_NO_ANSWER;

	if ((summary->present & TT_TCP_HAS_HANDSHAKE) &&
		summary->handshake == TT_TCP_HANDSHAKE_REFUSED)
		return TT_TCP_REFUSED;
	if (tcp->life == TT_TCP_CLOSED_RST)
		return TT_TCP_RESET;
	if (tcp->life == TT_TCP_HALF_OPEN && tcp->unreachable != TT_TCP_NO_FAILURE)
		return (enum tt_tcp_failure)tcp->unreachable;
	if (idle &&
		(unanswered ||
			(tcp->life == TT_TCP_OPEN &&
				(tcp->half[0].unanswered || tcp->half[1].unanswered))))
		return TT_TCP_TIMED_OUT;
	return TT_TCP_NO_FAILURE;
}

/* The whole round trip is that of both legs. */
static void summarize_rtt(
	struct tt_tcp_summary *summary, const struct tt_tcp *tcp, unsigned int client)
{
	const struct tt_tcp_counts *to_server = &tcp->counts[client];
	const struct tt_tcp_counts *to_client = &tcp->counts[client ^ 1];

	if (to_server->srtt_8 != 0) {
		summary->present |= TT_TCP_HAS_RTT_SERVER;
		summary->rtt_server_us = to_server->srtt_8 >> 3;
	}
	if (to_client->srtt_8 != 0) {
		summary->present |= TT_TCP_HAS_RTT_CLIENT;
		summary->rtt_client_us = to_client->srtt_8 >> 3;
	}
	if (to_server->srtt_8 != 0 && to_client->srtt_8 != 0) {
		summary->present |= TT_TCP_HAS_RTT;
		summary->rtt_us = (to_server->srtt_8 + to_client->srtt_8) >> 3;
		summary->rtt_var_us = (to_server->rttvar_4 + to_client->rttvar_4) >> 2;
	}
}

void tt_tcp_summarize(struct tt_tcp_summary *summary, const struct tt_tcp *tcp, unsigned int client,
	uint64_t end_us, bool idle)
{
	*summary = (struct tt_tcp_summary){0};
	summarize_handshake(summary, tcp);
	summarize_rtt(summary, tcp, client);
	summary->established = tcp->handshake & TT_TCP_HANDSHAKE_DONE;
	summary->closed = tcp->life >= TT_TCP_CLOSED_FIN;
	summary->failure = failure_of(tcp, summary, idle);
	for (unsigned int direction = 0; direction < 2; direction++)
		summarize_half(&summary->half[direction], tcp, direction, end_us);
}
