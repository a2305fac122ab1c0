/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/json.h"
#include "serve/tls_fields.h"

#include "protocol/tls_build.h"
#include "suite.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tls_build hello;

static void fingerprint_of(struct tt_tls_fingerprint *fingerprint)
{
	struct tt_tls_client_hello parsed;

	memset(fingerprint, 0, sizeof(*fingerprint));
	CU_ASSERT_EQUAL(
		tt_tls_client_hello_parse(&parsed, hello.bytes, hello.length, false), TT_TLS_OK);
	tt_tls_fingerprint_client(fingerprint, &parsed, true, false);
}

/* The two examples of JA3's README. */
static void test_ja3(void)
{
	static const uint16_t first[] = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
	static const uint16_t groups[] = {23, 24, 25};
	static const uint16_t second[] = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
	struct tt_tls_fingerprint fingerprint;
	char ja3[TT_JA3_SIZE];

	hello.length = 0;
	size_t extensions = build_client_hello(&hello, 0x0301, 0, first, COUNT(first));
	build_server_name(&hello, "a.example");
	build_list(&hello, TT_TLS_SUPPORTED_GROUPS, 2, groups, COUNT(groups));
	build_bytes(&hello, "\x00\x0b\x00\x02\x01\x00", 6);
	build_end(&hello, 2, extensions);
	fingerprint_of(&fingerprint);
	CU_ASSERT_TRUE(tt_ja3(ja3, &fingerprint));
	CU_ASSERT_STRING_EQUAL(ja3, "ada70206e40642a3e4461f35503241d5");

	hello.length = 0;
	(void)build_client_hello(&hello, 0x0301, 0, second, COUNT(second));
	hello.length -= 2; /* without extensions at all */
	fingerprint_of(&fingerprint);
	CU_ASSERT_TRUE(tt_ja3(ja3, &fingerprint));
	CU_ASSERT_STRING_EQUAL(ja3, "de350869b8c85de67a350c8d186f11e6");
	fingerprint.client_whole = false;
	CU_ASSERT_FALSE(tt_ja3(ja3, &fingerprint));
}

/* The example of JA4's specification. */
static void test_ja4(void)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
		0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
	static const uint16_t signatures[] = {
		0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
	static const uint16_t versions[] = {0x0304, 0x0303};
	static const uint16_t empty[] = {0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023,
		0x0012, 0xff01, 0x000b, 0x000a, 0x0015};
	struct tt_tls_fingerprint fingerprint;
	char ja4[TT_JA4_SIZE];

	hello.length = 0;
	size_t extensions = build_client_hello(&hello, 0x0303, 32, ciphers, COUNT(ciphers));
	for (size_t i = 0; i < COUNT(empty); i++)
		build_empty_extension(&hello, empty[i]);
	build_server_name(&hello, "a.example");
	build_alpn(&hello, "h2");
	build_list(&hello, TT_TLS_SIGNATURE_ALGORITHMS, 2, signatures, COUNT(signatures));
	build_list(&hello, TT_TLS_SUPPORTED_VERSIONS, 1, versions, COUNT(versions));
	build_end(&hello, 2, extensions);
	fingerprint_of(&fingerprint);
	CU_ASSERT_TRUE(tt_ja4(ja4, &fingerprint));
	CU_ASSERT_STRING_EQUAL(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	fingerprint.client_whole = false;
	CU_ASSERT_FALSE(tt_ja4(ja4, &fingerprint));
	memset(&fingerprint, 0, sizeof(fingerprint));
	fingerprint.client_whole = true;
	fingerprint.client_version = 0x0301;
	CU_ASSERT_TRUE(tt_ja4(ja4, &fingerprint));
	CU_ASSERT_STRING_EQUAL(ja4, "t10i000000_000000000000_000000000000");
}

static void test_handshake(void)
{
	static struct tt_tls_handshake handshake;
	struct tt_json json;

	tt_json_init(&json);
	handshake.flags = TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO | TT_TLS_RETRIED;
	handshake.client_hello_us = 1000;
	handshake.server_hello_us = 3500;
	handshake.version = TT_TLS_1_2;
	handshake.cipher = 0xc02f;
	handshake.server_name_bytes = 9;
	memcpy(handshake.server_name, "a.example", 9);
	handshake.alpn_offered_bytes = 12;
	memcpy(handshake.alpn_offered, "\x02h2\x08http/1.1", 12);
	handshake.alpn_bytes = 2;
	memcpy(handshake.alpn, "h2", 2);
	handshake.fingerprint.client_version = 0x0303;
	handshake.alert_count = 1;
	handshake.alert[0] = (struct tt_tls_alert){true, TT_TLS_FATAL, 48};
	tt_sink_begin_object(&json.sink, NULL);
	tt_tls_handshake_describe(&json.sink, &handshake);
	tt_sink_end_object(&json.sink);
	static const char expected[] =
		"{\"sni\":\"a.example\",\"alpn_offered\":[\"h2\",\"http/1.1\"],"
		"\"versions_offered\":[\"TLSv1.2\"],\"ech\":false,\"version\":\"TLSv1.2\","
		"\"cipher\":\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\",\"alpn\":\"h2\","
		"\"resumed\":false,\"hello_retry\":true,\"handshake_us\":2500,"
		"\"alerts\":[{\"from\":\"server\",\"level\":\"fatal\","
		"\"description\":\"unknown_ca\"}]}";
	CU_ASSERT_EQUAL(json.length, sizeof(expected) - 1);
	CU_ASSERT_EQUAL(memcmp(json.text, expected, sizeof(expected) - 1), 0);
	tt_json_free(&json);
}

/* A self-signed certificate in DER; the caller frees it. */
static int make_certificate(unsigned char **der)
{
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(
		name, "O", MBSTRING_ASC, (const unsigned char *)"Tap, Inc.", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"tap.example", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20240101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(certificate), "20251231235959Z");
	X509_set_pubkey(certificate, key);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, "DNS:tap.example,IP:192.0.2.1,DNS:*.tap.example");
	X509_add_ext(certificate, names, -1);
	X509_sign(certificate, key, EVP_sha256());
	int length = i2d_X509(certificate, der);
	X509_EXTENSION_free(names);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return length;
}

static void test_certificate(void)
{
	static const char expected[] =
		"{\"subject\":\"CN=tap.example,O=Tap\\\\, Inc.\",\"issuer\":\"CN=tap.example,"
		"O=Tap\\\\, Inc.\",\"not_before\":\"2024-01-01T00:00:00Z\","
		"\"not_after\":\"2025-12-31T23:59:59Z\","
		"\"names\":[\"tap.example\",\"*.tap.example\"],\"sha256\":\"";
	unsigned char *der = NULL;
	int length = make_certificate(&der);
	struct tt_json json;

	CU_ASSERT_TRUE_FATAL(length > 0);
	tt_json_init(&json);
	tt_certificate_describe(&json.sink, NULL, der, (size_t)length);
	CU_ASSERT_EQUAL(json.length, sizeof(expected) - 1 + 64 + 2);
	CU_ASSERT_EQUAL(memcmp(json.text, expected, sizeof(expected) - 1), 0);
	/* Cut anywhere it is none, and has its digest alone. */
	for (int cut = 0; cut < length; cut += 13) {
		struct guarded guarded = guarded_copy(der, (size_t)cut);
		tt_json_clear(&json);
		tt_certificate_describe(&json.sink, NULL, guarded.bytes, (size_t)cut);
		CU_ASSERT_EQUAL(json.length, strlen("{\"sha256\":\"\"}") + 64);
		guarded_free(&guarded);
	}
	tt_json_free(&json);
	OPENSSL_free(der);
}

int main(void)
{
	static const struct suite_test tests[] = {
		{"JA3", test_ja3},
		{"JA4", test_ja4},
		{"a handshake's fields", test_handshake},
		{"a certificate's fields", test_certificate},
	};

	return suite_run("tls_fields", tests, COUNT(tests));
}
