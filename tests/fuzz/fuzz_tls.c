/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS's parsers: what they find lies inside of the bytes, what is whole is not cut for more bytes
 * behind it, and every text of a fingerprint fits its room. The first byte chooses the parser.
 */
#include "protocol/tls.h"
#include "protocol/tls_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(struct tt_tls_view view, const uint8_t *data, size_t size)
{
	if (view.length > 0 &&
		(view.bytes < data || view.length > size ||
			(size_t)(view.bytes - data) > size - view.length))
		abort();
}

static void fuzz_client(const uint8_t *data, size_t size, bool datagram)
{
	static char text[TT_TLS_FINGERPRINT_TEXT];
	static struct tt_tls_ja4_text ja4;
	struct tt_tls_fingerprint fingerprint = {0};
	struct tt_tls_client_hello hello;

	if (tt_tls_client_hello_parse(&hello, data, size, datagram) == TT_TLS_INVALID)
		return;
	check_view(hello.session_id, data, size);
	check_view(hello.ciphers, data, size);
	check_view(hello.extensions, data, size);
	check_view(hello.server_name, data, size);
	check_view(hello.alpn, data, size);
	check_view(hello.versions, data, size);
	check_view(hello.groups, data, size);
	check_view(hello.point_formats, data, size);
	check_view(hello.signatures, data, size);
	tt_tls_fingerprint_client(&fingerprint, &hello, true, datagram);
	if (tt_tls_ja3_text(text, &fingerprint) >= sizeof(text))
		abort();
	(void)tt_tls_ja4_text(&ja4, &fingerprint);
}

static void fuzz_server(const uint8_t *data, size_t size)
{
	static char text[TT_TLS_FINGERPRINT_TEXT];
	struct tt_tls_fingerprint fingerprint = {0};
	struct tt_tls_server_hello hello;

	if (tt_tls_server_hello_parse(&hello, data, size) == TT_TLS_INVALID)
		return;
	check_view(hello.session_id, data, size);
	check_view(hello.extensions, data, size);
	check_view(hello.alpn, data, size);
	tt_tls_fingerprint_server(&fingerprint, &hello, true);
	(void)tt_tls_ja3s_text(text, &fingerprint);
}

static void fuzz_ssl2(const uint8_t *data, size_t size)
{
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;

	if (tt_ssl2_client_hello_parse(&client, data, size) == TT_TLS_OK)
		check_view(client.ciphers, data, size);
	if (tt_ssl2_server_hello_parse(&server, data, size) == TT_TLS_OK)
		check_view(server.ssl2_certificate, data, size);
}

/* More bytes make up a mind that is not made up, and never change one. */
static void fuzz_classify(const uint8_t *data, size_t size)
{
	enum tt_tls_result before = TT_TLS_MORE;

	for (size_t length = 0; length <= size && length < 600; length++) {
		enum tt_tls_result result = tt_tls_classify(data, length);
		if (before == TT_TLS_INVALID && result != TT_TLS_INVALID)
			abort();
		before = result;
	}
	(void)tt_dtls_classify(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_client(data + 1, size - 1, false);
		break;
	case 1:
		fuzz_client(data + 1, size - 1, true);
		break;
	case 2:
		fuzz_server(data + 1, size - 1);
		break;
	case 3:
		fuzz_ssl2(data + 1, size - 1);
		break;
	default:
		fuzz_classify(data + 1, size - 1);
		break;
	}
	return 0;
}
