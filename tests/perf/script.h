/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts that replay.h replays: packet by packet, what a client of each kind and its servers
 * send. Addresses, the client's port, ids and the site's digits are left for the replay to write.
 */
#ifndef TT_TESTS_PERF_SCRIPT_H
#define TT_TESTS_PERF_SCRIPT_H

#include "replay.h"

#define TT_SCRIPT_ETHERNET_BYTES 14

/* Variant number `variant`, one in five of IPv6, of exactly `packets` packets. false without memory. */
bool tt_script_make(struct tt_replay_script *script, enum tt_replay_kind kind, uint32_t variant,
	uint32_t packets, uint64_t seed);
void tt_script_free(struct tt_replay_script *script);

#endif
