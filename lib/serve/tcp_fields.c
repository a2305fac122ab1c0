/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/tcp_fields.h"

static const char *handshake_name(enum tt_tcp_handshake handshake)
{
	static const char *const names[] = {
		[TT_TCP_HANDSHAKE_COMPLETE] = "complete",
		[TT_TCP_HANDSHAKE_REFUSED] = "refused",
		[TT_TCP_HANDSHAKE_NO_ANSWER] = "no_answer",
		[TT_TCP_HANDSHAKE_NO_ACK] = "no_ack",
		[TT_TCP_HANDSHAKE_MIDSTREAM] = "midstream",
	};

	return names[handshake];
}

static const char *failure_name(enum tt_tcp_failure failure)
{
	static const char *const names[] = {
		[TT_TCP_REFUSED] = "refused",
		[TT_TCP_RESET] = "reset",
		[TT_TCP_TIMED_OUT] = "timed_out",
		[TT_TCP_HOST_UNREACHABLE] = "host_unreachable",
		[TT_TCP_NETWORK_UNREACHABLE] = "network_unreachable",
	};

	return names[failure];
}

static inline void describe_known(struct tt_sink *sink, const char *name, uint32_t value,
	uint32_t present, enum tt_tcp_present bit)
{
	if (present & bit)
		tt_sink_unsigned(sink, name, value);
}

void tt_tcp_describe(struct tt_sink *sink, const char *name, const struct tt_tcp_summary *summary)
{
	uint32_t present = summary->present;

	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "established", summary->established);
	tt_sink_unsigned(sink, "closed", summary->closed);
	if (present & TT_TCP_HAS_HANDSHAKE)
		tt_sink_string(sink, "handshake", handshake_name(summary->handshake));
	if (summary->failure != TT_TCP_NO_FAILURE)
		tt_sink_string(sink, "failure", failure_name(summary->failure));
	describe_known(
		sink, "handshake_us", summary->handshake_us, present, TT_TCP_HAS_HANDSHAKE_TIME);
	describe_known(sink, "handshake_server_us", summary->handshake_server_us, present,
		TT_TCP_HAS_HANDSHAKE_SERVER);
	describe_known(sink, "handshake_client_us", summary->handshake_client_us, present,
		TT_TCP_HAS_HANDSHAKE_CLIENT);
	describe_known(sink, "rtt_us", summary->rtt_us, present, TT_TCP_HAS_RTT);
	describe_known(sink, "rtt_var_us", summary->rtt_var_us, present, TT_TCP_HAS_RTT);
	describe_known(
		sink, "rtt_server_us", summary->rtt_server_us, present, TT_TCP_HAS_RTT_SERVER);
	describe_known(
		sink, "rtt_client_us", summary->rtt_client_us, present, TT_TCP_HAS_RTT_CLIENT);
	if (present & TT_TCP_HAS_ECN)
		tt_sink_bool(sink, "ecn", summary->ecn);
	tt_sink_end_object(sink);
}

void tt_tcp_half_describe(struct tt_sink *sink, const struct tt_tcp_summary_half *half)
{
	uint32_t present = half->present;

	describe_known(sink, "retransmits", half->retransmits, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "syn_retransmits", half->syn_retransmits, present, TT_TCP_HAS_COUNTS);
	describe_known(
		sink, "fast_retransmits", half->fast_retransmits, present, TT_TCP_HAS_CAUSES);
	describe_known(
		sink, "timeout_retransmits", half->timeout_retransmits, present, TT_TCP_HAS_CAUSES);
	describe_known(sink, "spurious_retransmits", half->spurious_retransmits, present,
		TT_TCP_HAS_CAUSES);
	describe_known(sink, "out_of_order", half->out_of_order, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "duplicate_acks", half->duplicate_acks, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "zero_windows", half->zero_windows, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "zero_window_us", half->zero_window_us, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "window_probes", half->window_probes, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "keep_alives", half->keep_alives, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "missing_bytes", half->missing_bytes, present, TT_TCP_HAS_MISSING);
	describe_known(sink, "ecn_ce", half->ecn_ce, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "resets", half->resets, present, TT_TCP_HAS_COUNTS);
	describe_known(sink, "fins", half->fins, present, TT_TCP_HAS_COUNTS);
}
