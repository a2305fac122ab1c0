/* SPDX-License-Identifier: Apache-2.0 */
#include "control/certificates.h"

#include <stdlib.h>
#include <string.h>

struct tt_certificate {
	uint32_t length; /* of the pieces that came */
	uint8_t bytes[TT_TLS_BUFFER_BYTES];
};

bool tt_certificates_create(struct tt_certificates *certificates, unsigned int workers)
{
	certificates->of = calloc(workers, sizeof(*certificates->of));
	return certificates->of != NULL;
}

void tt_certificates_destroy(struct tt_certificates *certificates)
{
	free(certificates->of);
	certificates->of = NULL;
}

void tt_certificates_take(
	struct tt_certificates *certificates, const struct tt_certificate_record *piece)
{
	struct tt_certificate *certificate = &certificates->of[piece->header.worker];

	/* The rest of one that found no room was not sent: the next begins at 0 again. */
	if (piece->length > sizeof(certificate->bytes) ||
		piece->offset > sizeof(certificate->bytes) - piece->length)
		return;
	memcpy(certificate->bytes + piece->offset, piece->bytes, piece->length);
	certificate->length = piece->offset + piece->length;
}

const uint8_t *tt_certificates_of(
	struct tt_certificates *certificates, const struct tt_tls_handshake_record *record)
{
	const struct tt_certificate *certificate = &certificates->of[record->header.worker];

	if (record->certificate_bytes == 0 || record->certificate_bytes != certificate->length)
		return NULL;
	return certificate->bytes;
}
