/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/tls.h"
#include "protocol/tls_text.h"

#include "protocol/tls_build.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tls_build hello;
static struct tls_build message;
static struct tls_build wire;

static const uint16_t browser_ciphers[] = {0x6a6a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c,
	0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t browser_groups[] = {0xdada, 0x001d, 0x0017, 0x0018};
static const uint16_t browser_signatures[] = {
	0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
static const uint16_t browser_versions[] = {0x3a3a, 0x0304, 0x0303};

/* The hello of a browser that JA4's specification takes for its example. */
static void build_browser_hello(struct tls_build *build)
{
	static const uint16_t empty[] = {
		0x0017, 0xff01, 0x0023, 0x0005, 0x0012, 0x0033, 0x002d, 0x001b, 0x4469, 0x0015};

	build->length = 0;
	size_t extensions =
		build_client_hello(build, 0x0303, 32, browser_ciphers, COUNT(browser_ciphers));
	build_empty_extension(build, 0x2a2a);
	build_server_name(build, "www.example.org");
	build_list(build, TT_TLS_SUPPORTED_GROUPS, 2, browser_groups, COUNT(browser_groups));
	build_bytes(build, "\x00\x0b\x00\x02\x01\x00", 6);
	build_list(build, TT_TLS_SIGNATURE_ALGORITHMS, 2, browser_signatures,
		COUNT(browser_signatures));
	build_alpn(build, "h2,http/1.1");
	build_list(build, TT_TLS_SUPPORTED_VERSIONS, 1, browser_versions, COUNT(browser_versions));
	for (size_t i = 0; i < COUNT(empty); i++)
		build_empty_extension(build, empty[i]);
	build_empty_extension(build, 0xfafa);
	build_end(build, 2, extensions);
}

static enum tt_tls_result parse_client(
	struct tt_tls_client_hello *parsed, const struct tls_build *build, size_t length)
{
	struct guarded guarded = guarded_copy(build->bytes, length);
	enum tt_tls_result result = tt_tls_client_hello_parse(parsed, guarded.bytes, length, false);

	guarded_free(&guarded);
	return result;
}

static void test_client_hello(void)
{
	struct tt_tls_client_hello parsed;
	struct tt_tls_view name;

	build_browser_hello(&hello);
	CU_ASSERT_EQUAL(
		tt_tls_client_hello_parse(&parsed, hello.bytes, hello.length, false), TT_TLS_OK);
	CU_ASSERT_EQUAL(parsed.version, TT_TLS_1_2);
	CU_ASSERT_EQUAL(parsed.session_id.length, 32);
	CU_ASSERT_EQUAL(parsed.ciphers.length, 2 * COUNT(browser_ciphers));
	CU_ASSERT_EQUAL(parsed.server_name.length, 15);
	CU_ASSERT_EQUAL(memcmp(parsed.server_name.bytes, "www.example.org", 15), 0);
	CU_ASSERT_TRUE(parsed.server_name_extension);
	CU_ASSERT_EQUAL(parsed.groups.length, 8);
	CU_ASSERT_EQUAL(parsed.point_formats.length, 1);
	CU_ASSERT_EQUAL(parsed.signatures.length, 16);
	CU_ASSERT_EQUAL(parsed.versions.length, 6);
	CU_ASSERT_FALSE(parsed.encrypted_hello);
	CU_ASSERT_FALSE(parsed.pre_shared_key);
	CU_ASSERT_TRUE(tt_tls_alpn_next(&parsed.alpn, &name));
	CU_ASSERT_EQUAL(name.length, 2);
	CU_ASSERT_EQUAL(memcmp(name.bytes, "h2", 2), 0);
	CU_ASSERT_TRUE(tt_tls_alpn_next(&parsed.alpn, &name));
	CU_ASSERT_EQUAL(name.length, 8);
	CU_ASSERT_FALSE(tt_tls_alpn_next(&parsed.alpn, &name));
}

/* A cut hello is sound as far as it goes, and tells what stands before the cut. */
static void test_client_hello_cut_anywhere(void)
{
	struct tt_tls_client_hello parsed;
	size_t named = 0;

	build_browser_hello(&hello);
	for (size_t length = 0; length < hello.length; length++) {
		CU_ASSERT_EQUAL(parse_client(&parsed, &hello, length),
			length == 71 + 32 ? TT_TLS_OK : TT_TLS_MORE);
		if (parsed.server_name.length > 0 && named == 0)
			named = length;
	}
	/* Up to the compression methods it is a whole hello without extensions. */
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_OK);
	CU_ASSERT_TRUE(named > 103 && named < 140);
}

static void test_unsound_client_hellos(void)
{
	struct tt_tls_client_hello parsed;

	build_browser_hello(&hello);
	hello.bytes[0] = 0x11;
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_INVALID);
	build_browser_hello(&hello);
	hello.bytes[34] = 33; /* session id */
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_INVALID);
	build_browser_hello(&hello);
	hello.bytes[68] = 31; /* an odd length of ciphers */
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_INVALID);
	/* The last extension is longer than the extensions are. */
	build_browser_hello(&hello);
	hello.bytes[hello.length - 1] = 1;
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_INVALID);
	/* Lists whose lengths do not hold are none. */
	hello.length = 0;
	size_t extensions = build_client_hello(&hello, 0x0303, 0, browser_ciphers, 1);
	build_bytes(&hello, "\x00\x0a\x00\x04\x00\x04\x00\x1d", 8);
	build_bytes(&hello, "\x00\x0d\x00\x05\x00\x03\x04\x03\x08", 9);
	build_bytes(&hello, "\x00\x10\x00\x02\x00\x09", 6);
	build_bytes(&hello, "\x00\x00\x00\x04\x00\x02\x00\x00", 8);
	build_bytes(&hello, "\x00\x2b\x00\x00", 4);
	build_end(&hello, 2, extensions);
	CU_ASSERT_EQUAL(parse_client(&parsed, &hello, hello.length), TT_TLS_OK);
	CU_ASSERT_EQUAL(parsed.groups.length, 0);
	CU_ASSERT_EQUAL(parsed.signatures.length, 0);
	CU_ASSERT_EQUAL(parsed.alpn.length, 0);
	CU_ASSERT_EQUAL(parsed.server_name.length, 0);
	CU_ASSERT_TRUE(parsed.server_name_extension);
	CU_ASSERT_EQUAL(parsed.versions.length, 0);
}

static void build_choice(uint16_t legacy, uint16_t chosen)
{
	hello.length = 0;
	size_t extensions = build_server_hello(&hello, legacy, 32, 0x1301);
	if (chosen != 0) {
		build_bytes(&hello, "\x00\x2b\x00\x02", 4);
		build_number(&hello, 2, chosen);
	}
	build_alpn(&hello, "h2");
	build_end(&hello, 2, extensions);
}

static void test_server_hello(void)
{
	static const struct {
		uint16_t legacy, chosen, version;
	} cases[] = {
		{0x0300, 0, TT_TLS_SSL3},
		{0x0301, 0, TT_TLS_1_0},
		{0x0302, 0, TT_TLS_1_1},
		{0x0303, 0, TT_TLS_1_2},
		{0x0303, 0x0304, TT_TLS_1_3},
		{0x0303, 0x7f1c, 0x7f1c},
		{0xfefd, 0xfefc, TT_DTLS_1_3},
	};
	struct tt_tls_server_hello parsed;

	for (size_t i = 0; i < COUNT(cases); i++) {
		build_choice(cases[i].legacy, cases[i].chosen);
		for (size_t length = 0; length <= hello.length; length++) {
			struct guarded guarded = guarded_copy(hello.bytes, length);
			CU_ASSERT_EQUAL(tt_tls_server_hello_parse(&parsed, guarded.bytes, length),
				length == hello.length || length == 70 ? TT_TLS_OK : TT_TLS_MORE);
			guarded_free(&guarded);
		}
		CU_ASSERT_EQUAL(
			tt_tls_server_hello_parse(&parsed, hello.bytes, hello.length), TT_TLS_OK);
		CU_ASSERT_EQUAL(parsed.version, cases[i].version);
		CU_ASSERT_EQUAL(parsed.legacy_version, cases[i].legacy);
		CU_ASSERT_EQUAL(parsed.cipher, 0x1301);
		CU_ASSERT_EQUAL(parsed.alpn.length, 2);
		CU_ASSERT_FALSE(parsed.retry);
	}
}

static void test_server_hello_of_draft_18(void)
{
	struct tt_tls_server_hello parsed;

	hello.length = 0;
	build_number(&hello, 2, 0x7f12);
	build_fill(&hello, 1, 32);
	build_number(&hello, 2, 0x1302);
	size_t extensions = build_begin(&hello, 2);
	build_bytes(&hello, "\x00\x29\x00\x02\x00\x00", 6);
	build_end(&hello, 2, extensions);
	CU_ASSERT_EQUAL(tt_tls_server_hello_parse(&parsed, hello.bytes, hello.length), TT_TLS_OK);
	CU_ASSERT_EQUAL(parsed.version, 0x7f12);
	CU_ASSERT_EQUAL(parsed.cipher, 0x1302);
	CU_ASSERT_TRUE(parsed.pre_shared_key);
}

static void test_ssl2_hellos(void)
{
	/* One cipher of SSLv2, one of TLS, a challenge of 16 bytes. */
	static const uint8_t client[] = "\x80\x1f\x01\x03\x01\x00\x06\x00\x00\x00\x10"
					"\x07\x00\xc0\x00\x00\x2f"
					"0123456789abcdef";
	static const uint8_t server[] = "\x80\x14\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00\x03"
					"DER\x07\x00\xc0idi";
	struct tt_tls_client_hello parsed_client;
	struct tt_tls_server_hello parsed_server;
	enum tt_ssl2_message_type type;

	CU_ASSERT_EQUAL(tt_ssl2_record_bytes(client, &type), sizeof(client) - 1);
	CU_ASSERT_EQUAL(type, TT_SSL2_CLIENT_HELLO);
	for (size_t length = 0; length < sizeof(client) - 1; length++) {
		struct guarded guarded = guarded_copy(client, length);
		CU_ASSERT_EQUAL(tt_ssl2_client_hello_parse(&parsed_client, guarded.bytes, length),
			TT_TLS_MORE);
		guarded_free(&guarded);
	}
	CU_ASSERT_EQUAL(
		tt_ssl2_client_hello_parse(&parsed_client, client, sizeof(client) - 1), TT_TLS_OK);
	CU_ASSERT_EQUAL(parsed_client.version, TT_TLS_1_0);
	CU_ASSERT_EQUAL(parsed_client.ciphers.length, 6);
	CU_ASSERT_TRUE(parsed_client.ssl2_format);

	CU_ASSERT_EQUAL(tt_ssl2_record_bytes(server, &type), sizeof(server) - 1);
	CU_ASSERT_EQUAL(type, TT_SSL2_SERVER_HELLO);
	CU_ASSERT_EQUAL(
		tt_ssl2_server_hello_parse(&parsed_server, server, sizeof(server) - 1), TT_TLS_OK);
	CU_ASSERT_EQUAL(parsed_server.version, TT_TLS_SSL2);
	CU_ASSERT_EQUAL(parsed_server.ssl2_certificate.length, 3);
	CU_ASSERT_EQUAL(tt_ssl2_record_bytes((const uint8_t *)"\x80\x1f\x01\x04\x01", &type), 0);
	CU_ASSERT_EQUAL(tt_ssl2_record_bytes((const uint8_t *)"\x00\x1f\x01\x03\x01", &type), 0);
}

static enum tt_tls_result classify(const void *bytes, size_t length)
{
	struct guarded guarded = guarded_copy(bytes, length);
	enum tt_tls_result result = tt_tls_classify(guarded.bytes, length);

	guarded_free(&guarded);
	return result;
}

static void test_classify(void)
{
	static const char *const others[] = {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n",
		"\x16\x02\x01\x00\x40\x01\x00\x00\x3c\x03\x03",
		"\x16\x03\x01\x00\x40\x0b\x00\x00\x3c\x03\x03",
		"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x13\x03", "\x13", "\x17\x03\x03\x00\x10",
		"\x15\x03\x01\x00\x02\x03\x28", "PRI * HTTP/2.0"};

	for (size_t i = 0; i < COUNT(others); i++) {
		size_t length = i >= 2 && i <= 4 ? 11 : i == 6 ? 5 : i == 7 ? 7 : strlen(others[i]);
		CU_ASSERT_EQUAL(classify(others[i], length), TT_TLS_INVALID);
	}
	build_browser_hello(&hello);
	message.length = wire.length = 0;
	build_message(&message, TT_TLS_CLIENT_HELLO, &hello);
	build_records(&wire, TT_TLS_HANDSHAKE, 0x0301, &message, 16384);
	/* Header, message header, version and random are enough. */
	for (size_t length = 0; length <= wire.length; length++)
		CU_ASSERT_EQUAL(classify(wire.bytes, length),
			length < 5 + 4 + 34 ? TT_TLS_MORE : TT_TLS_OK);
	wire.bytes[8]++; /* the message is longer than its fields */
	CU_ASSERT_EQUAL(classify(wire.bytes, wire.length), TT_TLS_OK);
	wire.bytes[8] = (uint8_t)(wire.bytes[8] - 2); /* and shorter */
	CU_ASSERT_EQUAL(classify(wire.bytes, wire.length), TT_TLS_INVALID);
	CU_ASSERT_EQUAL(classify("\x15\x03\x01\x00\x02\x02\x28", 7), TT_TLS_OK);
	/* One byte a record. */
	wire.length = 0;
	build_records(&wire, TT_TLS_HANDSHAKE, 0x0301, &message, 1);
	CU_ASSERT_EQUAL(classify(wire.bytes, wire.length), TT_TLS_MORE);

	wire.length = 0;
	build_fragment(&wire, TT_TLS_SERVER_HELLO, 1, &hello, 0, hello.length);
	CU_ASSERT_EQUAL(tt_dtls_classify(wire.bytes, wire.length), TT_TLS_INVALID);
	CU_ASSERT_EQUAL(tt_dtls_classify((const uint8_t *)"\x16\xfe\xfd", 3), TT_TLS_INVALID);
}

static void fingerprint_of(struct tt_tls_fingerprint *fingerprint, const struct tls_build *build)
{
	struct tt_tls_client_hello parsed;

	memset(fingerprint, 0, offsetof(struct tt_tls_fingerprint, value));
	CU_ASSERT_EQUAL(
		tt_tls_client_hello_parse(&parsed, build->bytes, build->length, false), TT_TLS_OK);
	tt_tls_fingerprint_client(fingerprint, &parsed, true, false);
}

static void test_fingerprint_texts(void)
{
	static char text[TT_TLS_FINGERPRINT_TEXT];
	static struct tt_tls_ja4_text ja4;
	struct tt_tls_fingerprint fingerprint;
	struct tt_tls_server_hello parsed;

	build_browser_hello(&hello);
	fingerprint_of(&fingerprint, &hello);
	CU_ASSERT_TRUE(tt_tls_ja3_text(text, &fingerprint) > 0);
	CU_ASSERT_STRING_EQUAL(text,
		"771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
		"0-10-11-13-16-43-23-65281-35-5-18-51-45-27-17513-21,29-23-24,0");
	CU_ASSERT_TRUE(tt_tls_ja4_text(&ja4, &fingerprint));
	CU_ASSERT_STRING_EQUAL(ja4.head, "t13d1516h2");
	CU_ASSERT_STRING_EQUAL(ja4.ciphers,
		"002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9");
	CU_ASSERT_STRING_EQUAL(ja4.extensions,
		"0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
		"0403,0804,0401,0503,0805,0501,0806,0601");

	build_choice(0x0303, 0x0304);
	CU_ASSERT_EQUAL(tt_tls_server_hello_parse(&parsed, hello.bytes, hello.length), TT_TLS_OK);
	tt_tls_fingerprint_server(&fingerprint, &parsed, true);
	CU_ASSERT_TRUE(tt_tls_ja3s_text(text, &fingerprint) > 0);
	CU_ASSERT_STRING_EQUAL(text, "771,4865,43-16");
	tt_tls_fingerprint_server(&fingerprint, &parsed, false);
	CU_ASSERT_EQUAL(tt_tls_ja3s_text(text, &fingerprint), 0);
}

static void ja4_head(char head[TT_TLS_JA4_HEAD_TEXT], const char *alpn, uint16_t version)
{
	static struct tt_tls_ja4_text ja4;
	struct tt_tls_fingerprint fingerprint;
	uint16_t cipher = 0x002f;

	hello.length = 0;
	size_t extensions = build_client_hello(&hello, version, 0, &cipher, 1);
	if (alpn != NULL)
		build_alpn(&hello, alpn);
	build_end(&hello, 2, extensions);
	fingerprint_of(&fingerprint, &hello);
	CU_ASSERT_TRUE(tt_tls_ja4_text(&ja4, &fingerprint));
	memcpy(head, ja4.head, TT_TLS_JA4_HEAD_TEXT);
}

static void test_ja4_heads(void)
{
	char head[TT_TLS_JA4_HEAD_TEXT];

	ja4_head(head, NULL, 0x0301);
	CU_ASSERT_STRING_EQUAL(head, "t10i010000");
	ja4_head(head, "http/1.1", 0x0300);
	CU_ASSERT_STRING_EQUAL(head, "ts3i0101h1");
	ja4_head(head, "h", 0x0302);
	CU_ASSERT_STRING_EQUAL(head, "t11i0101hh");
	ja4_head(head, "\xab", 0x0303);
	CU_ASSERT_STRING_EQUAL(head, "t12i0101ab");
	ja4_head(head, "\xab\xcd,h2", 0x0303);
	CU_ASSERT_STRING_EQUAL(head, "t12i0101ad");
	ja4_head(head, "0\xab", 0x0305);
	CU_ASSERT_STRING_EQUAL(head, "t00i01013b");
}

/* With more values than there is room for, there is no fingerprint, and nothing is overrun. */
static void test_too_many_values(void)
{
	static uint16_t ciphers[TT_TLS_FINGERPRINT_VALUES + 1];
	static char text[TT_TLS_FINGERPRINT_TEXT];
	static struct tt_tls_ja4_text ja4;
	struct tt_tls_fingerprint fingerprint;

	memset(ciphers, 0xff, sizeof(ciphers));
	for (size_t count = COUNT(ciphers) - 1; count <= COUNT(ciphers); count++) {
		hello.length = 0;
		(void)build_client_hello(&hello, 0x0303, 0, ciphers, count);
		fingerprint_of(&fingerprint, &hello);
		bool fits = count < COUNT(ciphers);
		size_t length = tt_tls_ja3_text(text, &fingerprint);
		CU_ASSERT_EQUAL(length, fits ? 4 + count * 6 - 1 + 3 : 0);
		CU_ASSERT_EQUAL(tt_tls_ja4_text(&ja4, &fingerprint), fits);
		CU_ASSERT_EQUAL(strlen(ja4.ciphers), fits ? count * 5 - 1 : 0);
	}
}

static void test_names(void)
{
	char text[TT_TLS_CODE_TEXT];

	CU_ASSERT_STRING_EQUAL(tt_tls_version_text(text, TT_TLS_1_3), "TLSv1.3");
	CU_ASSERT_STRING_EQUAL(tt_tls_version_text(text, TT_TLS_SSL2), "SSLv2");
	CU_ASSERT_STRING_EQUAL(tt_tls_version_text(text, 0x7f13), "TLSv1.3-draft19");
	CU_ASSERT_STRING_EQUAL(tt_tls_version_text(text, 0xfb1a), "TLSv1.3-draft26");
	CU_ASSERT_STRING_EQUAL(tt_tls_version_text(text, 0x0305), "0x0305");
	CU_ASSERT_STRING_EQUAL(tt_tls_cipher_text(text, 0x0000), "TLS_NULL_WITH_NULL_NULL");
	CU_ASSERT_STRING_EQUAL(tt_tls_cipher_text(text, 0x1301), "TLS_AES_128_GCM_SHA256");
	CU_ASSERT_STRING_EQUAL(
		tt_tls_cipher_text(text, 0xcca8), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
	CU_ASSERT_STRING_EQUAL(tt_tls_cipher_text(text, 0x2a2a), "0x2a2a");
	CU_ASSERT_STRING_EQUAL(tt_tls_alert_text(text, 48), "unknown_ca");
	CU_ASSERT_STRING_EQUAL(tt_tls_alert_text(text, 200), "200");
	/* The search needs the table in order: each name is found by its own value. */
	unsigned int named = 0;
	for (unsigned int cipher = 0; cipher <= 0xffff; cipher++)
		named += tt_tls_cipher_name((uint16_t)cipher) != NULL;
	CU_ASSERT_TRUE(named > 400);
}

static void test_leaf(void)
{
	CU_ASSERT_EQUAL(tt_tls_leaf_bytes((const uint8_t *)"\0\0\x0d\0\0\x0a", 16), 16);
	CU_ASSERT_EQUAL(tt_tls_leaf_bytes((const uint8_t *)"\0\0\x0d\0\0\x0b", 16), 0);
	CU_ASSERT_EQUAL(tt_tls_leaf_bytes((const uint8_t *)"\0\0\x0e\0\0\x0a", 16), 0);
	CU_ASSERT_EQUAL(tt_tls_leaf_bytes((const uint8_t *)"\0\0\0\0\0\0", 6), 0);
	CU_ASSERT_EQUAL(tt_tls_leaf_bytes((const uint8_t *)"\xff\xff\xff\xff\xff\xff", 16), 0);
}

int main(void)
{
	static const struct suite_test tests[] = {
		{"a ClientHello's fields", test_client_hello},
		{"a ClientHello cut anywhere", test_client_hello_cut_anywhere},
		{"unsound ClientHellos", test_unsound_client_hellos},
		{"a ServerHello of each version", test_server_hello},
		{"a ServerHello of draft 18", test_server_hello_of_draft_18},
		{"SSLv2's hellos", test_ssl2_hellos},
		{"classification", test_classify},
		{"texts of fingerprints", test_fingerprint_texts},
		{"heads of JA4", test_ja4_heads},
		{"too many values", test_too_many_values},
		{"names", test_names},
		{"the leaf of a chain", test_leaf},
	};

	return suite_run("tls", tests, COUNT(tests));
}
