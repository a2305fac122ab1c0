/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as people read it: names of versions, ciphers and alerts, and the texts that fingerprints are
 * digests of. Called by the control core and the command line when they write records; not by the
 * packet path.
 */
#ifndef TT_PROTOCOL_TLS_TEXT_H
#define TT_PROTOCOL_TLS_TEXT_H

#include "protocol/tls_fingerprint.h"

#define TT_TLS_CODE_TEXT 24 /* room for any version, cipher or alert with its final zero */
/* Room for any text of a fingerprint with its final zero: of each value 5 digits and a separator,
 * and the rest. */
#define TT_TLS_FINGERPRINT_TEXT (TT_TLS_FINGERPRINT_VALUES * 6 + 64)
#define TT_TLS_JA4_HEAD_TEXT	11

/* "TLSv1.3", "SSLv3", "DTLSv1.2", "TLSv1.3-draft28", "0xNNNN". Writes into `text` only when the
 * name is not static. Returns the name. */
const char *tt_tls_version_text(char text[TT_TLS_CODE_TEXT], uint16_t version);

/* IANA's name, "0xNNNN" where there is none. */
const char *tt_tls_cipher_text(char text[TT_TLS_CODE_TEXT], uint16_t cipher);

/* The name of RFC 8446 6, "unknown_ca"; the number where there is none. */
const char *tt_tls_alert_text(char text[TT_TLS_CODE_TEXT], uint8_t description);

/* IANA's name of a cipher suite; NULL for one without. */
const char *tt_tls_cipher_name(uint16_t cipher);

/* The text of which JA3 is the MD5. Returns its length; 0 when the hello is not all there. */
size_t tt_tls_ja3_text(
	char text[TT_TLS_FINGERPRINT_TEXT], const struct tt_tls_fingerprint *fingerprint);

/* The same of the server: JA3S. */
size_t tt_tls_ja3s_text(
	char text[TT_TLS_FINGERPRINT_TEXT], const struct tt_tls_fingerprint *fingerprint);

/* JA4 is `head`, and of `ciphers` and `extensions` the first 12 hexadecimal digits of SHA-256 or,
 * for an empty one, 12 zeros, with underscores between. */
struct tt_tls_ja4_text {
	char head[TT_TLS_JA4_HEAD_TEXT];
	char ciphers[TT_TLS_FINGERPRINT_TEXT];
	char extensions[TT_TLS_FINGERPRINT_TEXT];
};

/* false when the hello is not all there. */
bool tt_tls_ja4_text(struct tt_tls_ja4_text *text, const struct tt_tls_fingerprint *fingerprint);

#endif
