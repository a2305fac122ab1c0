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
	uint8_t sides;	  /* bit 1 << 1: the client's bytes, 1 << 0: the server's */
};

/* Those of one layer, of both directions: most are of either. */
struct tt_signature_base {
	hs_database_t *database;     /* NULL: there are none */
	struct tt_byte_set first[2]; /* [1]: of the client's */
};

struct tt_signatures {
	struct tt_signature_base base[TT_SIGNATURE_LAYERS];
	struct tt_signature_result results[TT_SIGNATURES];
	uint32_t count;
	unsigned int workers;
	hs_scratch_t *scratch[TT_CONFIG_WORKERS]; /* one a worker */
};

#endif
