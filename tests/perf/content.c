/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include "protocol/tls_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TLS_KEY_SHARE	       51
#define TLS_SUPPORTED_VERSIONS 43
#define TLS_SERVER_KEY	       12
#define TLS_SERVER_DONE	       14
#define TLS_CLIENT_KEY	       16
#define TLS_HEADER_BYTES       5
#define RECORD_BYTES	       8192 /* of application data, with its header */
#define LEAF_BYTES	       1200
#define INTERMEDIATE_BYTES     1100
#define FINISHED_BYTES	       58   /* a record's, encrypted */
#define ENCRYPTED_FLIGHT_BYTES 3000 /* TLS 1.3: EncryptedExtensions to Finished */

static void put(struct tt_content *content, const void *bytes, size_t length, bool is_filled)
{
	if (length > TT_CONTENT_BYTES_MAX - content->length)
		abort();
	memcpy(content->bytes + content->length, bytes, length);
	memset(content->is_filled + content->length, is_filled, length);
	content->length += length;
}

void tt_content_add(struct tt_content *content, const void *bytes, size_t length)
{
	put(content, bytes, length, false);
}

void tt_content_fill(struct tt_content *content, size_t length)
{
	static const uint8_t filling[TT_CONTENT_BYTES_MAX];

	put(content, filling, length, true);
}

/* ---- HTTP ---- */

void tt_content_http_request(struct tt_content *content, unsigned int number)
{
	static const char *const paths[] = {"/", "/static/site.css", "/api/items/4711?page=2",
		"/images/2026/11/front.jpg", "/search?q=tap"};
	char text[512];
	int length = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\n"
		"Host: " TT_CONTENT_NAME "\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n"
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
		"Accept-Language: en-US,en;q=0.5\r\n"
		"Accept-Encoding: gzip, deflate\r\n"
		"Connection: keep-alive\r\n"
		"Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n",
		paths[number % (sizeof(paths) / sizeof(paths[0]))]);

	tt_content_add(content, text, (size_t)length);
}

void tt_content_http_response(
	struct tt_content *content, unsigned int number, unsigned int body_bytes)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
		"HTTP/1.1 %s\r\n"
		"Server: nginx\r\n"
		"Date: Tue, 24 Nov 2026 10:00:00 GMT\r\n"
		"Content-Type: %s\r\n"
		"Content-Length: %u\r\n"
		"Connection: keep-alive\r\n"
		"Cache-Control: max-age=600\r\n\r\n",
		number % 4 == 3 ? "404 Not Found" : "200 OK",
		number % 2 == 0 ? "text/html; charset=utf-8" : "text/css", body_bytes);

	tt_content_add(content, text, (size_t)length);
	tt_content_fill(content, body_bytes);
}

/* ---- TLS ---- */

static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
	0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

static void put_records(struct tt_content *content, const struct tls_build *message)
{
	static struct tls_build records;

	records.length = 0;
	build_records(&records, TT_TLS_HANDSHAKE, 0x0303, message, 16384);
	tt_content_add(content, records.bytes, records.length);
}

static void put_change_cipher_spec(struct tt_content *content)
{
	tt_content_add(content, "\x14\x03\x03\x00\x01\x01", 6);
}

/* A record of which nothing can be read. */
static void put_sealed(struct tt_content *content, uint8_t type, unsigned int bytes)
{
	const uint8_t header[] = {type, 3, 3, (uint8_t)(bytes >> 8), (uint8_t)bytes};

	tt_content_add(content, header, sizeof(header));
	tt_content_fill(content, bytes);
}

static void build_key_share(struct tls_build *build, bool client)
{
	build_number(build, 2, TLS_KEY_SHARE);
	size_t data = build_begin(build, 2);
	if (client)
		build_number(build, 2, 36);
	build_number(build, 2, 0x001d); /* x25519 */
	build_number(build, 2, 32);
	build_fill(build, 0x42, 32);
	build_end(build, 2, data);
}

static void put_client_hello(struct tt_content *content, unsigned int minor_version)
{
	static struct tls_build body, message;
	static const uint16_t versions[] = {0x0304, 0x0303}, groups[] = {0x001d, 0x0017, 0x0018},
			      schemes[] = {0x0403, 0x0503, 0x0804, 0x0401, 0x0805, 0x0501};
	unsigned int first_cipher = minor_version == 3 ? 0 : 3;

	body.length = message.length = 0;
	size_t extensions = build_client_hello(
		&body, 0x0303, 32, ciphers + first_cipher, CIPHERS - first_cipher);
	build_server_name(&body, TT_CONTENT_NAME);
	build_empty_extension(&body, 23); /* extended_master_secret */
	build_list(&body, 10, 2, groups, 3);
	build_alpn(&body, "h2,http/1.1");
	build_list(&body, 13, 2, schemes, 6);
	if (minor_version == 3) {
		build_key_share(&body, true);
		build_list(&body, TLS_SUPPORTED_VERSIONS, 1, versions, 2);
	}
	build_end(&body, 2, extensions);
	build_message(&message, TT_TLS_CLIENT_HELLO, &body);
	put_records(content, &message);
}

static void put_server_flight(struct tt_content *content, unsigned int minor_version)
{
	static struct tls_build body, message;
	static uint8_t leaf[LEAF_BYTES];

	body.length = message.length = 0;
	size_t extensions = build_server_hello(
		&body, 0x0303, minor_version == 3 ? 32 : 0, ciphers[minor_version == 3 ? 0 : 4]);
	if (minor_version == 3) {
		build_number(&body, 2, TLS_SUPPORTED_VERSIONS);
		build_number(&body, 2, 2);
		build_number(&body, 2, 0x0304);
		build_key_share(&body, false);
	} else {
		build_empty_extension(&body, 23);
		build_alpn(&body, "h2");
	}
	build_end(&body, 2, extensions);
	build_message(&message, TT_TLS_SERVER_HELLO, &body);
	if (minor_version == 3) {
		put_records(content, &message);
		put_change_cipher_spec(content);
		put_sealed(content, 23, ENCRYPTED_FLIGHT_BYTES);
		return;
	}
	body.length = 0;
	build_certificates(&body, leaf, LEAF_BYTES, INTERMEDIATE_BYTES);
	build_message(&message, TT_TLS_CERTIFICATE, &body);
	body.length = 0;
	build_fill(&body, 0x17, 333);
	build_message(&message, TLS_SERVER_KEY, &body);
	body.length = 0;
	build_message(&message, TLS_SERVER_DONE, &body);
	put_records(content, &message);
}

static void put_client_finished(struct tt_content *content, unsigned int minor_version)
{
	static struct tls_build body, message;

	if (minor_version < 3) {
		body.length = message.length = 0;
		build_fill(&body, 0x17, 66);
		build_message(&message, TLS_CLIENT_KEY, &body);
		put_records(content, &message);
	}
	put_change_cipher_spec(content);
	put_sealed(content, minor_version == 3 ? 23 : 22, FINISHED_BYTES);
}

void tt_content_tls(
	struct tt_content *content, enum tt_content_flight flight, unsigned int minor_version)
{
	switch (flight) {
	case TT_CONTENT_CLIENT_HELLO:
		put_client_hello(content, minor_version);
		break;
	case TT_CONTENT_SERVER_FLIGHT:
		put_server_flight(content, minor_version);
		break;
	case TT_CONTENT_CLIENT_FINISHED:
		put_client_finished(content, minor_version);
		break;
	case TT_CONTENT_SERVER_FINISHED:
		put_change_cipher_spec(content);
		put_sealed(content, 22, FINISHED_BYTES);
		break;
	}
}

void tt_content_tls_data(struct tt_content *content, unsigned int bytes)
{
	while (bytes > 0) {
		unsigned int record = bytes < RECORD_BYTES ? bytes : RECORD_BYTES;

		/* What is left has room for a header and a byte. */
		if (bytes > record && bytes - record <= TLS_HEADER_BYTES)
			record -= TLS_HEADER_BYTES;
		put_sealed(content, 23, record - TLS_HEADER_BYTES);
		bytes -= record;
	}
}
