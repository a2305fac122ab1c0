/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS as people read it: names of types and rcodes, and the data of records. Called by the control
 * core and the command line when they write records; not by the packet path.
 */
#ifndef TT_PROTOCOL_DNS_TEXT_H
#define TT_PROTOCOL_DNS_TEXT_H

#include "protocol/dns.h"

#define TT_DNS_CODE_TEXT 16   /* room for any type or rcode with its final zero */
#define TT_DNS_DATA_TEXT 1024 /* room for the data of a record; longer is cut */

/* "A", "AAAA", "HTTPS", ...; TYPEn for a type without a well-known name (RFC 3597). Writes into
 * `text` only then. Returns the name, static or `text`. */
const char *tt_dns_type_text(char text[TT_DNS_CODE_TEXT], uint16_t type);

/* "NOERROR", "NXDOMAIN", ...; RCODEn for 11 and over. */
const char *tt_dns_rcode_text(char text[TT_DNS_CODE_TEXT], uint16_t rcode);

/* The data of a record in the order of its presentation format: an address (RFC 5952), names as
 * protocol/dns.h has them, "10 mail.example" for MX, "1 . alpn=h2,h3 ipv4hint=192.0.2.1" for HTTPS,
 * the strings of TXT one after another, and "\# LENGTH HEX" (RFC 3597) for types that are not known
 * and data that are not sound. Bytes of names and strings stay as they are. Returns the length of
 * the text, without the zero that ends it, less than TT_DNS_DATA_TEXT. */
size_t tt_dns_data_text(char text[TT_DNS_DATA_TEXT], const struct tt_dns_message *message,
	const struct tt_dns_record *record);

#endif
