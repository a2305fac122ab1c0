/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a record says of a TLS handshake: fingerprints are digested here, and certificates parsed,
 * by libcrypto. Called by any thread; not by the packet path.
 */
#ifndef TT_SERVE_TLS_FIELDS_H
#define TT_SERVE_TLS_FIELDS_H

#include "protocol/tls_connection.h"
#include "serve/sink.h"
#include "shard/record.h"

#define TT_JA3_SIZE 33 /* 32 hexadecimal digits, NUL */
#define TT_JA4_SIZE                                                                                \
	37 /* 10 characters, and twice 12 hexadecimal digits behind an underscore; NUL */

/* false when not all of the hello is there, or libcrypto refuses the digest. */
bool tt_ja3(char ja3[TT_JA3_SIZE], const struct tt_tls_fingerprint *fingerprint);
bool tt_ja3s(char ja3s[TT_JA3_SIZE], const struct tt_tls_fingerprint *fingerprint);
bool tt_ja4(char ja4[TT_JA4_SIZE], const struct tt_tls_fingerprint *fingerprint);

/* The fields of a handshake into its object, which has been begun. */
void tt_tls_handshake_describe(struct tt_sink *sink, const struct tt_tls_handshake *handshake);

/* The `tls` record: one object under `name` (sink.h). `certificate` of record->certificate_bytes, or
 * NULL. */
void tt_tls_describe(struct tt_sink *sink, const char *name,
	const struct tt_tls_handshake_record *record, const uint8_t *certificate);

/* One object under `name`, of a certificate in DER; of one that cannot be parsed its digest. */
void tt_certificate_describe(
	struct tt_sink *sink, const char *name, const uint8_t *certificate, size_t length);

#endif
