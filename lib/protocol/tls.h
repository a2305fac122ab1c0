/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS on (bytes, length), as far as it is in clear: records and handshake messages of SSLv2
 * (draft-hickman-netscape-ssl-00), SSLv3 (RFC 6101), TLS 1.0 to 1.2 (RFC 5246), TLS 1.3 (RFC 8446)
 * and its drafts, DTLS (RFC 6347, RFC 9147). Called by a worker. Owns nothing: what is parsed
 * points at the bytes and lives no longer than they do. Work is linear in the length.
 */
#ifndef TT_PROTOCOL_TLS_H
#define TT_PROTOCOL_TLS_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_TLS_RECORD_HEADER_BYTES   5
#define TT_TLS_MESSAGE_HEADER_BYTES  4
#define TT_DTLS_RECORD_HEADER_BYTES  13
#define TT_DTLS_MESSAGE_HEADER_BYTES 12
#define TT_TLS_SESSION_ID_BYTES	     32		    /* RFC 5246 7.4.1.2, at most */
#define TT_TLS_HELLO_BYTES	     131072	    /* over what the lists of a hello can hold */
#define TT_TLS_RECORD_BYTES	     (16384 + 2048) /* RFC 5246 6.2.3, of a record's body */

enum tt_tls_result {
	TT_TLS_OK,
	TT_TLS_MORE,   /* sound as far as it goes, but it goes on after these bytes */
	TT_TLS_INVALID /* not TLS */
};

enum tt_tls_content {
	TT_TLS_CHANGE_CIPHER_SPEC = 20,
	TT_TLS_ALERT = 21,
	TT_TLS_HANDSHAKE = 22,
	TT_TLS_APPLICATION_DATA = 23,
	TT_TLS_HEARTBEAT = 24
};

enum tt_tls_alert_level {
	TT_TLS_WARNING = 1,
	TT_TLS_FATAL = 2
};

enum tt_tls_message_type {
	TT_TLS_HELLO_REQUEST = 0,
	TT_TLS_CLIENT_HELLO = 1,
	TT_TLS_SERVER_HELLO = 2,
	TT_TLS_HELLO_VERIFY_REQUEST = 3,
	TT_TLS_HELLO_RETRY_REQUEST = 6, /* a message of its own until draft 21 of TLS 1.3 */
	TT_TLS_CERTIFICATE = 11,
	TT_TLS_SERVER_KEY_EXCHANGE = 12,
	TT_TLS_SERVER_HELLO_DONE = 14
};

/* Types of SSLv2's messages. */
enum tt_ssl2_message_type {
	TT_SSL2_CLIENT_HELLO = 1,
	TT_SSL2_SERVER_HELLO = 4
};

/* IANA's registry of TLS ExtensionType values; what this module looks into. */
enum tt_tls_extension {
	TT_TLS_SERVER_NAME = 0,
	TT_TLS_SUPPORTED_GROUPS = 10,
	TT_TLS_EC_POINT_FORMATS = 11,
	TT_TLS_SIGNATURE_ALGORITHMS = 13,
	TT_TLS_ALPN = 16,
	TT_TLS_PRE_SHARED_KEY = 41,
	TT_TLS_SUPPORTED_VERSIONS = 43,
	TT_TLS_ENCRYPTED_CLIENT_HELLO = 0xfe0d
};

enum tt_tls_version {
	TT_TLS_SSL2 = 0x0002,
	TT_TLS_SSL3 = 0x0300,
	TT_TLS_1_0 = 0x0301,
	TT_TLS_1_1 = 0x0302,
	TT_TLS_1_2 = 0x0303,
	TT_TLS_1_3 = 0x0304,
	TT_TLS_DRAFT = 0x7f00,	    /* TLS 1.3, draft in the low byte */
	TT_TLS_FIZZ_DRAFT = 0xfb00, /* the same of the Fizz library, wire-compatible */
	TT_DTLS_1_0 = 0xfeff,
	TT_DTLS_1_2 = 0xfefd,
	TT_DTLS_1_3 = 0xfefc,
	TT_DTLS_OPENSSL = 0x0100 /* DTLS 1.0 before RFC 4347, as OpenSSL 0.9.8f spoke it */
};

/* Some of the bytes parsed. */
struct tt_tls_view {
	const uint8_t *bytes; /* NULL: not there */
	uint16_t length;
};

struct tt_tls_record {
	uint8_t type; /* enum tt_tls_content */
	uint16_t version;
	uint16_t length;	 /* of the body */
	uint16_t epoch;		 /* DTLS: over 0 is encrypted */
	struct tt_tls_view body; /* as much of it as is there */
};

struct tt_dtls_message {
	uint8_t type; /* enum tt_tls_message_type */
	uint16_t sequence;
	uint32_t length; /* of the whole message */
	uint32_t fragment_offset;
	struct tt_tls_view fragment;
};

/* Lists are without the length before them, and whole: 16-bit values, an even number of bytes,
 * but for `ciphers` of SSLv2's hello (3 bytes each), `point_formats` (1 byte each) and `alpn`
 * (names behind a length of 1 byte, tt_tls_alpn_next()). */
struct tt_tls_client_hello {
	uint16_t version;	    /* of the legacy field */
	bool ssl2_format;	    /* in SSLv2's format, though it may offer newer versions */
	bool extended;		    /* there are extensions, if of no bytes */
	bool encrypted_hello;	    /* an encrypted_client_hello extension, true or GREASE */
	bool pre_shared_key;	    /* offers a pre_shared_key */
	bool server_name_extension; /* there, whatever is in it */
	struct tt_tls_view session_id;
	struct tt_tls_view ciphers;
	struct tt_tls_view extensions; /* of tt_tls_extension_next() */
	struct tt_tls_view server_name;
	struct tt_tls_view alpn;
	struct tt_tls_view versions;
	struct tt_tls_view groups;
	struct tt_tls_view point_formats;
	struct tt_tls_view signatures;
};

struct tt_tls_server_hello {
	uint16_t version;	 /* chosen: that of supported_versions, else the legacy field */
	uint16_t legacy_version; /* the field */
	uint16_t cipher;	 /* 0 for SSLv2, whose client chooses */
	bool retry;		 /* a HelloRetryRequest in the form of a ServerHello */
	bool pre_shared_key;	 /* takes a pre_shared_key */
	bool ssl2_resumed;	 /* SSLv2: the session id is known */
	struct tt_tls_view session_id;
	struct tt_tls_view extensions;
	struct tt_tls_view alpn; /* the name chosen */
	struct tt_tls_view ssl2_certificate;
};

/* GREASE, RFC 8701: 0x0a0a, 0x1a1a, ... 0xfafa. */
static inline bool tt_tls_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* The header of the record at `bytes` and what is there of its body. OK: a header of TLS, that may
 * claim more than there is; MORE: under 5 bytes. */
enum tt_tls_result tt_tls_record_parse(
	struct tt_tls_record *record, const uint8_t *bytes, size_t length);

/* Of SSLv2, whose header is of 2 bytes, the first 5 bytes of a record: the record's length with its
 * header where they begin a ClientHello (*type TT_SSL2_CLIENT_HELLO) or a ServerHello; else 0. */
size_t tt_ssl2_record_bytes(
	const uint8_t bytes[TT_TLS_RECORD_HEADER_BYTES], enum tt_ssl2_message_type *type);

/* The record at `bytes` of a datagram. OK: it is whole. MORE: the datagram ends inside of it. */
enum tt_tls_result tt_dtls_record_parse(
	struct tt_tls_record *record, const uint8_t *bytes, size_t length);

/* The handshake message, or fragment of one, at `bytes` of a record's body. */
enum tt_tls_result tt_dtls_message_parse(
	struct tt_dtls_message *message, const uint8_t *bytes, size_t length);

/* The body of a ClientHello, without the message's header. MORE: the message was cut, and the
 * fields before the cut are there. After OK or MORE every field is written. */
enum tt_tls_result tt_tls_client_hello_parse(
	struct tt_tls_client_hello *hello, const uint8_t *bytes, size_t length, bool datagram);

/* The same of a whole record of SSLv2. */
enum tt_tls_result tt_ssl2_client_hello_parse(
	struct tt_tls_client_hello *hello, const uint8_t *bytes, size_t length);

/* The body of a ServerHello. */
enum tt_tls_result tt_tls_server_hello_parse(
	struct tt_tls_server_hello *hello, const uint8_t *bytes, size_t length);
enum tt_tls_result tt_ssl2_server_hello_parse(
	struct tt_tls_server_hello *hello, const uint8_t *bytes, size_t length);

/* The next extension; false at the end or where it is unsound. *extensions is what is left. */
bool tt_tls_extension_next(
	struct tt_tls_view *extensions, uint16_t *type, struct tt_tls_view *data);

/* The next name; false at the end or where it is unsound. */
bool tt_tls_alpn_next(struct tt_tls_view *names, struct tt_tls_view *name);

/* How many bytes of the body of a Certificate message, of SSLv3 to TLS 1.2, it takes to have the
 * leaf certificate; it begins after the first TT_TLS_LEAF_OFFSET of them. 0: there is none. Needs
 * that many bytes at `bytes`. */
#define TT_TLS_LEAF_OFFSET 6
uint32_t tt_tls_leaf_bytes(const uint8_t bytes[TT_TLS_LEAF_OFFSET], uint32_t message_bytes);

/* For classification on any port: do the first bytes of a direction begin with a hello, or with
 * the alert that refuses one? MORE: as far as they go. Of one that is whole, all is checked. */
enum tt_tls_result tt_tls_classify(const uint8_t *bytes, size_t length);

/* The same of a datagram, which is a hello of DTLS, if the first fragment of one, or none. */
enum tt_tls_result tt_dtls_classify(const uint8_t *bytes, size_t length);

#endif
