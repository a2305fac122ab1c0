/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID, version 1, seed 0: a hash of a connection's endpoints and protocol that other tools
 * compute alike (https://github.com/corelight/community-id-spec). Called by any thread.
 */
#ifndef TT_SERVE_COMMUNITY_ID_H
#define TT_SERVE_COMMUNITY_ID_H

#include "shard/record.h"

#include <stdbool.h>

#define TT_COMMUNITY_ID_SIZE 31 /* "1:", 28 characters of base64, NUL */

/* false when this connection has none: ICMP's would need types and codes, which are not kept. */
bool tt_community_id(
	char text[TT_COMMUNITY_ID_SIZE], const struct tt_connection_record *connection);

#endif
