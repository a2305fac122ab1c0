/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled set of signatures: made in signature_compile.c, matched against in signature_match.c.
 * Private to lib/rules.
 */
#ifndef TT_RULES_SIGNATURE_SET_H
#define TT_RULES_SIGNATURE_SET_H

#include "rules/expression.h"
#include "rules/signatures.h"

#include <hs.h>

/* What a match says, by its number in the file. */
struct tt_signature_result {
	uint8_t protocol; /* enum tt_protocol, or the number of a name */
	uint8_t confirm;  /* the parser that has to agree; TT_PROTOCOL_NONE: none */
};

/* Those of one layer and direction. */
struct tt_signature_side {
	hs_database_t *database; /* NULL: there are none */
	struct tt_byte_set first;
};

struct tt_signatures {
	struct tt_signature_side side[TT_SIGNATURE_LAYERS][2]; /* [1]: the client's */
	struct tt_signature_result results[TT_SIGNATURES];
	uint32_t count;
	unsigned int workers;
	hs_scratch_t *scratch[TT_CONFIG_WORKERS]; /* one a worker */
};

#endif
