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

/* false when libcrypto refuses. Of ICMP and ICMPv6 it is that of the first packet's type. */
bool tt_community_id(
	char text[TT_COMMUNITY_ID_SIZE], const struct tt_connection_record *connection);

#endif
