/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, put together again from the pieces in which they come out of the shards: those of
 * one lie in its shard in order, right before their handshake's record. The control core's own.
 */
#ifndef TT_CONTROL_CERTIFICATES_H
#define TT_CONTROL_CERTIFICATES_H

#include "shard/record.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_certificate; /* of one worker */

struct tt_certificates {
	struct tt_certificate *of; /* by worker */
};

/* false without memory. The caller destroys it. */
bool tt_certificates_create(struct tt_certificates *certificates, unsigned int workers);
void tt_certificates_destroy(struct tt_certificates *certificates);

void tt_certificates_take(
	struct tt_certificates *certificates, const struct tt_certificate_record *piece);

/* The certificate of a handshake, of record->certificate_bytes, until the next piece; NULL when it
 * has none, or not all of its pieces came. */
const uint8_t *tt_certificates_of(
	struct tt_certificates *certificates, const struct tt_tls_handshake_record *record);

#endif
