/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow.h"

#include <stddef.h>

_Static_assert(offsetof(struct tt_flow, counters) == 64, "cache line 0 is the key's");
_Static_assert(offsetof(struct tt_flow, start_us) == 128, "cache line 1 is the hot one");
_Static_assert(offsetof(struct tt_flow, tcp) == 192, "TCP starts at cache line 3");

const char *tt_close_reason_name(enum tt_close_reason reason)
{
	static const char *const names[TT_CLOSE_REASONS] = {
		[TT_CLOSE_NONE] = "none",
		[TT_CLOSE_FIN] = "fin",
		[TT_CLOSE_RST] = "rst",
		[TT_CLOSE_IDLE] = "idle",
		[TT_CLOSE_EVICTED] = "evicted",
		[TT_CLOSE_REUSED] = "reused",
		[TT_CLOSE_END_OF_CAPTURE] = "end_of_capture",
		[TT_CLOSE_SHUTDOWN] = "shutdown",
	};

	return names[reason < TT_CLOSE_REASONS ? reason : TT_CLOSE_NONE];
}

enum tt_close_reason tt_flow_expiry_reason(const struct tt_flow *flow)
{
	if (flow->class != TT_FLOW_TCP_CLOSING)
		return TT_CLOSE_IDLE;
	return flow->tcp.life == TT_TCP_CLOSED_RST ? TT_CLOSE_RST : TT_CLOSE_FIN;
}
