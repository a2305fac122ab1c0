/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of protocols, compiled: what a direction's first bytes are when no parser knows them
 * (protocol/classify.h). The control core compiles them into a set, which never changes; workers
 * match against it, and whoever compiled it destroys it once no worker looks at it any more.
 *
 * There is a hyperscan database (block mode) for each layer. Bytes that no expression of theirs and of
 * their direction may begin with, which is nearly always so, cost the look at one bit.
 */
#ifndef TT_RULES_SIGNATURES_H
#define TT_RULES_SIGNATURES_H

#include "config/config.h"
#include "config/signatures.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TT_SIGNATURE_BYTES 256 /* of a direction's first, or a datagram's, that are looked at */

struct tt_signatures;

/* Those of a configuration, for workers 0 to `workers` - 1; NULL when there is none. Each fault is a
 * line on `errors` as tt_config_load() writes them; then TT_ERROR_CONFIG. TT_ERROR_MEMORY;
 * TT_ERROR_UNSUPPORTED, logged, on a CPU that hyperscan does not run on. Their names are protocols
 * from then on. */
int tt_signatures_create(struct tt_signatures **signatures, const struct tt_config *config,
	unsigned int workers, FILE *errors);
void tt_signatures_destroy(struct tt_signatures *signatures);

/* How many there are; NULL: 0. */
uint32_t tt_signatures_count(const struct tt_signatures *signatures);

/* Worker: may bytes that begin with this one, of the client or else the server, match any? */
bool tt_signatures_may_match(const struct tt_signatures *signatures, enum tt_signature_layer layer,
	bool client, uint8_t first);

/* Worker: the protocol, an enum tt_protocol or the number of a name, of the first signature of the
 * file that the bytes match and whose parser agrees; TT_PROTOCOL_NONE when none does. `length` is
 * over 0. */
uint8_t tt_signatures_match(const struct tt_signatures *signatures, unsigned int worker,
	enum tt_signature_layer layer, bool client, const uint8_t *bytes, size_t length);

#endif
