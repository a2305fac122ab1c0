/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fingerprints of a handshake are made of: the lists of its hellos, packed without
 * pointers. A worker fills it; digests are costly, so the control core makes them, of the texts of
 * protocol/tls_text.h. JA3 and JA3S: https://github.com/salesforce/ja3. JA4 (of the client, which
 * alone is free): https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
 */
#ifndef TT_PROTOCOL_TLS_FINGERPRINT_H
#define TT_PROTOCOL_TLS_FINGERPRINT_H

#include "protocol/tls.h"

/* Of all lists together; of a hello with more there is no fingerprint. */
#define TT_TLS_FINGERPRINT_VALUES 512

enum tt_tls_list {
	TT_TLS_LIST_CIPHERS,
	TT_TLS_LIST_EXTENSIONS, /* types, in their order */
	TT_TLS_LIST_GROUPS,
	TT_TLS_LIST_POINT_FORMATS,
	TT_TLS_LIST_SIGNATURES,
	TT_TLS_LIST_VERSIONS,
	TT_TLS_LIST_SERVER_EXTENSIONS,
	TT_TLS_LISTS
};

/* Zero it for a new handshake. */
struct tt_tls_fingerprint {
	uint16_t client_version; /* legacy fields of the hellos */
	uint16_t server_version;
	uint16_t server_cipher;
	bool client_whole; /* all of the ClientHello is here: JA3 and JA4 can be made */
	bool server_whole; /* all of the ServerHello: JA3S */
	bool datagram;
	bool quic;
	bool server_name;   /* there is an extension of it */
	bool alpn;	    /* there is a name */
	uint8_t alpn_first; /* byte of the first name */
	uint8_t alpn_last;
	uint16_t begin[TT_TLS_LISTS]; /* into `value` */
	uint16_t count[TT_TLS_LISTS];
	uint16_t used;
	uint16_t value[TT_TLS_FINGERPRINT_VALUES]; /* GREASE included; those over `used` are not
	                                            * written */
};

/* Take the lists of a hello, once each; `whole`: it was not cut. */
void tt_tls_fingerprint_client(struct tt_tls_fingerprint *fingerprint,
	const struct tt_tls_client_hello *hello, bool whole, bool datagram);
void tt_tls_fingerprint_server(struct tt_tls_fingerprint *fingerprint,
	const struct tt_tls_server_hello *hello, bool whole);

#endif
