/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ledger.h"

const char *tt_drop_reason_name(enum tt_drop_reason reason)
{
	static const char *const names[TT_DROP_REASONS] = {
		[TT_DROP_NOT_IP] = "not_ip",
		[TT_DROP_BAD_LINK] = "malformed_link",
		[TT_DROP_BAD_IPV4] = "malformed_ipv4",
		[TT_DROP_BAD_IPV6] = "malformed_ipv6",
		[TT_DROP_EXCLUDED] = "excluded",
		[TT_DROP_DUPLICATE] = "duplicate",
		[TT_DROP_RING_FULL] = "ring_full",
		[TT_DROP_SHED] = "shed",
	};

	return names[reason];
}
