/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages on (bytes, length): RFC 1035, EDNS RFC 6891, SVCB and HTTPS RFC 9460. Called by a
 * worker for each message, and by the control core for what is in the answers. Owns nothing: a
 * struct tt_dns_message points at the bytes and lives no longer than they do. Bounded work: a name
 * is at most 255 bytes on the wire and follows at most TT_DNS_POINTERS compression pointers, each
 * of which must point back; tt_dns_parse() looks at TT_DNS_PARSE_RECORDS records at most.
 *
 * A name as text is its labels' bytes, ASCII letters in lower case, joined by dots, without a final
 * one; "." is the root. Other bytes stay as they are, a dot inside a label too, as packet analysers
 * print them: escaping is the business of whoever writes JSON.
 */
#ifndef TT_PROTOCOL_DNS_H
#define TT_PROTOCOL_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_DNS_HEADER_BYTES  12
#define TT_DNS_NAME_BYTES    255 /* RFC 1035 2.3.4, on the wire; as text at most 253 */
#define TT_DNS_POINTERS	     64
#define TT_DNS_PARSE_RECORDS 128

enum tt_dns_type {
	TT_DNS_A = 1,
	TT_DNS_NS = 2,
	TT_DNS_CNAME = 5,
	TT_DNS_SOA = 6,
	TT_DNS_PTR = 12,
	TT_DNS_MX = 15,
	TT_DNS_TXT = 16,
	TT_DNS_AAAA = 28,
	TT_DNS_SRV = 33,
	TT_DNS_DNAME = 39,
	TT_DNS_OPT = 41,
	TT_DNS_SVCB = 64,
	TT_DNS_HTTPS = 65
};

enum tt_dns_opcode {
	TT_DNS_QUERY = 0,
	TT_DNS_STATUS = 2,
	TT_DNS_NOTIFY = 4,
	TT_DNS_UPDATE = 5,
	TT_DNS_STATEFUL = 6
};

enum tt_dns_result {
	TT_DNS_OK,     /* header and questions are there and sound; records may be neither */
	TT_DNS_SHORT,  /* sound as far as it goes, but header or questions end early: not all of
	                 * the message is here */
	TT_DNS_INVALID /* not a DNS message */
};

struct tt_dns_name {
	uint8_t length; /* of text, 1 to 253; 0: no name */
	char text[TT_DNS_NAME_BYTES];
};

struct tt_dns_message {
	const uint8_t *bytes;
	size_t length;
	uint16_t id;
	uint16_t flags; /* the header's second word */
	uint16_t questions;
	uint16_t answers;
	uint16_t authorities;
	uint16_t additionals;
	bool response;	/* QR */
	bool truncated; /* TC */
	uint8_t opcode; /* enum tt_dns_opcode */
	/* With the upper bits of the OPT record where there is one (RFC 6891 6.1.3). */
	uint16_t rcode;
	bool edns;		 /* an OPT record is there */
	uint16_t edns_udp_bytes; /* of it: the sender's UDP payload size */
	uint16_t query_type;	 /* of the first question; 0 when there is none */
	uint16_t query_class;	 /* as on the wire: mDNS has a flag in the top bit */
	struct tt_dns_name name; /* of the first question */
	uint16_t records_offset; /* first byte after the questions */
};

/* Which section a record is in, in the order of the message. */
enum tt_dns_section {
	TT_DNS_ANSWER,
	TT_DNS_AUTHORITY,
	TT_DNS_ADDITIONAL
};

struct tt_dns_record {
	uint8_t section;      /* enum tt_dns_section */
	uint16_t type;	      /* enum tt_dns_type, or any other */
	uint16_t class;	      /* for OPT: the UDP payload size */
	uint32_t ttl_s;	      /* for OPT: extended rcode, version and flags */
	uint16_t name_offset; /* into the message, for tt_dns_name_read() */
	uint16_t data_offset;
	uint16_t data_bytes;
};

/* Walks the records of a message; make one with tt_dns_records(). */
struct tt_dns_records {
	const struct tt_dns_message *message;
	uint32_t offset;
	uint32_t left[3]; /* by section, as the header counts them */
	bool failed;	  /* the last one was cut or unsound */
};

/* Parameters of a SVCB or HTTPS record. */
struct tt_dns_parameters {
	const uint8_t *bytes;
	uint16_t left;
};

/* RFC 9460 14.3.2. */
enum tt_dns_parameter {
	TT_DNS_ALPN = 1,
	TT_DNS_PORT = 3,
	TT_DNS_IPV4_HINT = 4,
	TT_DNS_ECH = 5,
	TT_DNS_IPV6_HINT = 6
};

/* Read the message at `bytes`. A length over 65,535 is INVALID. On TT_DNS_OK *message is whole; on
 * TT_DNS_SHORT the header's fields are, when 12 bytes are there. */
enum tt_dns_result tt_dns_parse(
	struct tt_dns_message *message, const uint8_t *bytes, size_t length);

/* Does (bytes, length) look like a whole DNS message, for flows on ports that say nothing? Stricter
 * than tt_dns_parse(): counts, classes and flags must be usual ones, a response has its question,
 * and all records together fill the message exactly. NetBIOS names (port 137), the same format with
 * other types, are not DNS. */
bool tt_dns_is_plausible(const uint8_t *bytes, size_t length);

/* Read the name at `offset`. Returns the offset after it, or 0 when it is cut, too long, loops, or
 * has a label of another kind; then name->length is 0. */
size_t tt_dns_name_read(
	struct tt_dns_name *name, const uint8_t *bytes, size_t length, size_t offset);

struct tt_dns_records tt_dns_records(const struct tt_dns_message *message);

/* The next record, OPT included. false at the end, or when the rest cannot be read: then
 * records->failed is set. Its data lie inside the message; their form is not checked. */
bool tt_dns_record_next(struct tt_dns_records *records, struct tt_dns_record *record);

/* The address in an A or AAAA record: *address_bytes is 4 or 16. NULL for other records, other
 * classes than IN and wrong lengths. */
const uint8_t *tt_dns_record_address(const struct tt_dns_message *message,
	const struct tt_dns_record *record, unsigned int *address_bytes);

/* The first name in the data of CNAME, DNAME, NS, PTR, SOA, MX, SRV, SVCB and HTTPS. false for
 * other types and for names that cannot be read. */
bool tt_dns_record_target(struct tt_dns_name *name, const struct tt_dns_message *message,
	const struct tt_dns_record *record);

/* The parameters of a SVCB or HTTPS record; none for others, or when its target is unsound. */
struct tt_dns_parameters tt_dns_record_parameters(
	const struct tt_dns_message *message, const struct tt_dns_record *record);

/* The next parameter; false at the end, or when the rest is unsound. A hint's value is a row of
 * addresses of 4 or 16 bytes; a length that is no multiple of that is unsound. */
bool tt_dns_parameter_next(struct tt_dns_parameters *parameters, uint16_t *key,
	const uint8_t **value, uint16_t *value_bytes);

#endif
