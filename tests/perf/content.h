/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conversations of the benchmarks say: HTTP messages, flights of TLS, DNS messages. Every
 * name in them is that of one site, TT_CONTENT_NAME, whose digits are replaced when a conversation
 * is replayed (replay.h), and so are addresses and ids.
 */
#ifndef TT_TESTS_PERF_CONTENT_H
#define TT_TESTS_PERF_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_CONTENT_NAME	     "www.s0000.example.com"
#define TT_CONTENT_MARK	     "s0000" /* in the name, and nowhere else */
#define TT_CONTENT_DIGITS    4	     /* behind the mark's first byte */
#define TT_CONTENT_BYTES_MAX 32768

/* Bytes that one side says in one go. What is filled in, bodies and what is encrypted, can be
 * anything, so that it need not be written when it is replayed. */
struct tt_content {
	size_t length;
	uint8_t bytes[TT_CONTENT_BYTES_MAX];
	bool is_filled[TT_CONTENT_BYTES_MAX];
};

void tt_content_add(struct tt_content *content, const void *bytes, size_t length);
void tt_content_fill(struct tt_content *content, size_t length);

/* Each of these appends. Of HTTP: number `number` of a site's requests, and its answer with
 * a body of so many bytes. */
void tt_content_http_request(struct tt_content *content, unsigned int number);
void tt_content_http_response(
	struct tt_content *content, unsigned int number, unsigned int body_bytes);

/* Flights of a full handshake, in the order of the sides that say them: of TLS 1.3 the ClientHello,
 * the server's whole flight, the client's Finished; of TLS 1.2 one more, the server's Finished. */
enum tt_content_flight {
	TT_CONTENT_CLIENT_HELLO,
	TT_CONTENT_SERVER_FLIGHT,
	TT_CONTENT_CLIENT_FINISHED,
	TT_CONTENT_SERVER_FINISHED
};

void tt_content_tls(
	struct tt_content *content, enum tt_content_flight flight, unsigned int minor_version);

/* So many bytes of records with application data, their headers included. */
void tt_content_tls_data(struct tt_content *content, unsigned int bytes);

/* A query for the site's address, and its answer: NXDOMAIN, or a CNAME and an address, at the very
 * end. The id is 0. */
void tt_content_dns_query(struct tt_content *content, bool ipv6);
void tt_content_dns_answer(struct tt_content *content, bool ipv6, bool exists);

#endif
