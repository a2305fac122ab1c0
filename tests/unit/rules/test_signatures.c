/* SPDX-License-Identifier: Apache-2.0 */
#include "signatures_text.h"

#include "protocol/protocol.h"
#include "rules/expression.h"

#include <hs.h>

enum {
	FROM_SERVER,
	FROM_CLIENT
};

/* "-" when no signature matches. */
static const char *match(const struct tt_signatures *signatures, enum tt_signature_layer layer,
	unsigned int from, const char *text, size_t length)
{
	struct guarded bytes = guarded_copy(text, length);
	uint8_t protocol =
		tt_signatures_match(signatures, 1, layer, from == FROM_CLIENT, bytes.bytes, length);

	CU_ASSERT_TRUE(protocol == TT_PROTOCOL_NONE ||
		tt_signatures_may_match(signatures, layer, from == FROM_CLIENT, (uint8_t)text[0]));
	guarded_free(&bytes);
	return protocol == TT_PROTOCOL_NONE ? "-" : tt_protocol_name(protocol);
}

#define CHECK(expected, layer, from, text)                                                         \
	CU_ASSERT_STRING_EQUAL(                                                                    \
		match(signatures, TT_SIGNATURE_##layer, from, text, sizeof(text) - 1), expected)

static void test_layer_direction_and_order(void)
{
	struct tt_signatures *signatures = compile_sound_signatures(
		"- {name: acme-bus, layer: tcp, pattern: '^ACME/\\d', direction: client}\n"
		"- {name: acme-answer, layer: tcp, pattern: 'acme', direction: server}\n"
		"- {name: acme-two, layer: tcp, pattern: 'ACME/2|two'}\n"
		"- {name: acme-call, layer: udp, pattern: '.\\x00\\n'}\n"
		"- {name: websocket, layer: udp, pattern: 'WS'}\n");

	CU_ASSERT_EQUAL(tt_signatures_count(signatures), 5);
	CHECK("acme-bus", TCP, FROM_CLIENT, "ACME/1 hello");
	CHECK("acme-bus", TCP, FROM_CLIENT, "ACME/2");
	CHECK("acme-two", TCP, FROM_SERVER, "ACME/2");
	CHECK("acme-two", TCP, FROM_CLIENT, "two");
	CHECK("-", TCP, FROM_CLIENT, " ACME/1");
	CHECK("-", TCP, FROM_CLIENT, "xtwo");
	CHECK("-", TCP, FROM_CLIENT, "ACME/");
	CHECK("-", TCP, FROM_SERVER, "ACME/1");
	CHECK("acme-answer", TCP, FROM_SERVER, "acme");
	CHECK("-", TCP, FROM_CLIENT, "acme");
	CHECK("acme-call", UDP, FROM_SERVER, "\n\0\n");
	CHECK("-", TCP, FROM_SERVER, "\n\0\n");
	CHECK("websocket", UDP, FROM_SERVER, "WS");
	CU_ASSERT_EQUAL(tt_protocol_find("websocket"), TT_PROTOCOL_WEBSOCKET);
	uint8_t number = tt_protocol_find("acme-bus");
	CU_ASSERT_TRUE(number >= TT_PROTOCOLS);
	tt_signatures_destroy(signatures);

	/* A name keeps its number. */
	signatures = compile_sound_signatures("- {name: acme-bus, layer: tcp, pattern: a}\n");
	CU_ASSERT_EQUAL(tt_protocol_find("acme-bus"), number);
	CU_ASSERT_STRING_EQUAL(tt_protocol_name(number), "acme-bus");
	tt_signatures_destroy(signatures);
}

/* "+OK" may be POP3's: a pattern makes it sure; what the parser finds to be nothing is nothing. */
static void test_a_parser_has_to_agree(void)
{
	struct tt_signatures *signatures = compile_sound_signatures(
		"- {name: pop3, layer: tcp, pattern: '\\+OK', confirm: pop3}\n"
		"- {name: plus, layer: tcp, pattern: '\\+O'}\n"
		"- {name: acme-pop, layer: tcp, pattern: 'X', confirm: pop3}\n");

	CHECK("pop3", TCP, FROM_SERVER, "+OK\r\n");
	CHECK("plus", TCP, FROM_SERVER, "+OK!\r\n");
	CHECK("-", TCP, FROM_SERVER, "X");
	tt_signatures_destroy(signatures);
}

/* Only so many bytes are looked at. */
static void test_bounded(void)
{
	struct tt_signatures *signatures =
		compile_sound_signatures("- {name: far, layer: tcp, pattern: '.*end'}\n");
	char text[TT_SIGNATURE_BYTES + 1];

	memset(text, 'x', sizeof(text));
	memcpy(text + TT_SIGNATURE_BYTES - 3, "end", 3);
	CU_ASSERT_STRING_EQUAL(
		match(signatures, TT_SIGNATURE_TCP, FROM_CLIENT, text, TT_SIGNATURE_BYTES), "far");
	memcpy(text + TT_SIGNATURE_BYTES - 3, "xend", 4);
	CU_ASSERT_STRING_EQUAL(
		match(signatures, TT_SIGNATURE_TCP, FROM_CLIENT, text, sizeof(text)), "-");
	tt_signatures_destroy(signatures);
}

static void test_faults(void)
{
	char *said;
	struct tt_signatures *signatures =
		compile_signatures("- {name: a, layer: tcp, pattern: 'x(', confirm: nobody}\n"
				   "- {name: b, layer: tpc, pattern: 'y['}\n"
				   "- {name: http, layer: tcp, pattern: 'GET'}\n"
				   "- {name: c, layer: udp, pattern: 'c*', confirm: http}\n"
				   "- {name: d, layer: udp, pattern: '(?<=a)b'}\n",
			&said);

	CU_ASSERT_PTR_NULL(signatures);
	CU_ASSERT_STRING_EQUAL(said,
		"2:20: [1].layer: is none of tcp, udp\n"
		"1:34: [0].pattern: Missing close parenthesis for group started at index 1.\n"
		"1:49: [0].confirm: is no protocol that has a parser in this layer\n"
		"3:10: [2].name: is a protocol that has a parser: confirm has to name it, or "
		"another one\n"
		"4:34: [3].pattern: matches nothing at all, too\n"
		"4:49: [3].confirm: is no protocol that has a parser in this layer\n"
		"5:34: [4].pattern: Zero-width assertions are not supported.\n");
	free(said);
	CU_ASSERT_EQUAL(tt_protocol_find("c"), TT_PROTOCOL_NONE);

	signatures = compile_signatures("[]\n", &said);
	CU_ASSERT_PTR_NULL(signatures);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_EQUAL(tt_signatures_count(signatures), 0);
	free(said);
	tt_signatures_destroy(NULL);
}

/* Of each signature that is built in, bytes as its protocol's programs send them. */
static void test_those_built_in(void)
{
	struct tt_signatures *signatures = compile_sound_signatures(NULL);

	CHECK("xmpp", TCP, FROM_CLIENT,
		"<?xml version='1.0'?>\n<stream:stream to='a' xmlns='jabber:client'>");
	CHECK("xmpp", TCP, FROM_SERVER, "<stream:stream id='1'>");
	CHECK("-", TCP, FROM_SERVER, "<?xml version='1.0'?><html>");
	CHECK("irc", TCP, FROM_CLIENT, "NICK a\r\nUSER a 0 * :a\r\n");
	CHECK("irc", TCP, FROM_SERVER, ":a.example NOTICE AUTH :*** Looking up\r\n");
	CHECK("nntp", TCP, FROM_SERVER, "200 a.example InterNetNews server ready\r\n");
	CHECK("-", TCP, FROM_SERVER, "220 a.example ESMTP\r\n");
	CHECK("stomp", TCP, FROM_CLIENT, "CONNECT\naccept-version:1.2\n\n");
	CHECK("zmtp", TCP, FROM_SERVER, "\xff\0\0\0\0\0\0\0\1\x7f\3\0");
	CHECK("fix", TCP, FROM_CLIENT, "8=FIX.4.4\0019=65\00135=A\001");
	CHECK("telnet", TCP, FROM_SERVER, "\xff\xfd\x18\xff\xfd\x20");
	CHECK("vnc", TCP, FROM_SERVER, "RFB 003.008\n");
	CHECK("x11", TCP, FROM_CLIENT, "l\0\x0b\0\0\0\0\0\0\0\0\0");
	CHECK("adb", TCP, FROM_CLIENT, "CNXN\0\0\0\1\0\x10\0\0");
	CHECK("rsync", TCP, FROM_SERVER, "@RSYNCD: 31.0\n");
	CHECK("git", TCP, FROM_CLIENT, "0032git-upload-pack /a.git\0host=a\0");
	CHECK("svn", TCP, FROM_SERVER, "( success ( 2 2 ( ) ( edit-pipeline ) ) ) ");
	CHECK("iscsi", TCP, FROM_CLIENT, "C\x87\0\0\0\0\0\x6c");
	CHECK("sunrpc", TCP, FROM_CLIENT,
		"\x80\0\0\x28\1\2\3\4\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\4");
	CHECK("tftp", UDP, FROM_CLIENT, "\0\1boot.img\0octet\0");
	CHECK("mssql", TCP, FROM_CLIENT, "\x12\1\0\x2f\0\0\1\0\0\0\x1a");
	CHECK("oracle", TCP, FROM_CLIENT, "\0\xe4\0\0\1\0\0\0\1\x36\1\x2c\0\0\x08\0");
	CHECK("clickhouse", TCP, FROM_CLIENT,
		"\0\x11"
		"ClickHouse client");
	CHECK("elasticsearch", TCP, FROM_CLIENT, "ES\0\0\0\x2f");
	CHECK("ajp", TCP, FROM_CLIENT, "\x12\x34\0\x9f\2\2\0\x08HTTP/1.1");
	CHECK("dubbo", TCP, FROM_CLIENT, "\xda\xbb\xc2\0\0\0\0\0\0\0\0\1");
	CHECK("gearman", TCP, FROM_CLIENT, "\0REQ\0\0\0\7\0\0\0\x10");
	CHECK("zabbix", TCP, FROM_CLIENT, "ZBXD\1\x10\0\0\0");
	CHECK("bgp", TCP, FROM_CLIENT,
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x2d\1\4");
	CHECK("pptp", TCP, FROM_CLIENT, "\0\x9c\0\1\x1a\x2b\x3c\x4d\0\1");
	CHECK("syslog", UDP, FROM_CLIENT, "<34>Oct 11 22:14:15 a su: failed");
	CHECK("ssdp", UDP, FROM_SERVER, "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n");
	CHECK("-", UDP, FROM_CLIENT, "<192>Oct 11 22:14:15");
	CHECK("syslog", UDP, FROM_CLIENT, "<34>1 2003-10-11T22:14:15.003Z a su - - -");
	CHECK("sflow", UDP, FROM_CLIENT, "\0\0\0\5\0\0\0\1\x0a\1\2\3");
	CHECK("ssdp", UDP, FROM_CLIENT, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n");
	CHECK("dnp3", TCP, FROM_CLIENT, "\5\x64\5\xc0\1\0\0\4\xe9\x21");
	CHECK("s7", TCP, FROM_CLIENT, "\3\0\0\x16\x11\xe0\0\0\0\1\0\xc0\1\x0a\xc1\2\1\0\xc2\2\1\2");
	CHECK("enip", TCP, FROM_CLIENT, "\x65\0\4\0\0\0\0\0\0\0\0\0");
	CHECK("enip", TCP, FROM_SERVER, "\x6f\0\x16\0\1\2\3\4\0\0\0\0");
	CHECK("dicom", TCP, FROM_CLIENT, "\1\0\0\0\0\xcd\0\1\0\0ANY-SCP ");
	CHECK("gnutella", TCP, FROM_CLIENT, "GNUTELLA CONNECT/0.6\r\n");
	CHECK("bitcoin", TCP, FROM_CLIENT, "\xf9\xbe\xb4\xd9version\0\0\0\0\0");
	CHECK("teamspeak", UDP, FROM_CLIENT, "TS3INIT1\0\x65");
	tt_signatures_destroy(signatures);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (uint32_t)(*state >> 33);
}

/* What is random is of no protocol, but for the few that have few fixed bits. */
static void test_random_bytes_match_nothing(void)
{
	struct tt_signatures *signatures = compile_sound_signatures(NULL);
	uint64_t state = 7;
	uint8_t bytes[64];
	unsigned int matches = 0;

	for (unsigned int round = 0; round < 200000; round++) {
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)next_random(&state);
		matches += tt_signatures_match(signatures, 0, round & 1, round & 2, bytes,
				   sizeof(bytes)) != TT_PROTOCOL_NONE;
	}
	/* DNP3's and Dubbo's magic are 2 bytes: 2 of 65,536, and in streams alone. */
	CU_ASSERT_TRUE(matches <= 10);
	tt_signatures_destroy(signatures);
}

static int on_match(unsigned int id, unsigned long long from, unsigned long long to,
	unsigned int flags, void *context)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	*(bool *)context = true;
	return 1;
}

/* Expressions put together at random, and those that are known to be hard: hyperscan finds no match
 * that begins with a byte which is not of the first ones. */
static void test_first_bytes_against_hyperscan(void)
{
	static const char *const pieces[] = {"a", "b", "-", "\\d", "\\x61", "\\-", "[ab]", "[^a]",
		"[a-c-]", "[]a]", "[^]a]", "[\\d-b]", ".", "(a|b)", "(?:-|a?)", "(a|)", "|", "?",
		"*", "+", "{0,1}", "{2}", "{", "^", "a{|b}", "(?i)", "$", "(b", ")", "\\s", "\\w",
		"\\n"};
	static const char letters[] = "ab-AB019{c]\n _";
	uint64_t state = 1;
	unsigned int compiled = 0, narrow = 0;

	for (unsigned int round = 0; round < 1500; round++) {
		struct tt_byte_set set = {{0}};
		hs_compile_error_t *fault = NULL;
		hs_database_t *database = NULL;
		hs_scratch_t *scratch = NULL;
		char expression[64] = "", whole[80];

		for (unsigned int n = 1 + next_random(&state) % 5; n > 0; n--)
			strcat(expression,
				pieces[next_random(&state) % (sizeof(pieces) / sizeof(pieces[0]))]);
		snprintf(whole, sizeof(whole), "^(?:%s)", expression);
		tt_expression_first(expression, &set);
		if (hs_compile(whole, HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK, NULL,
			    &database, &fault) != HS_SUCCESS) {
			hs_free_compile_error(fault);
			continue;
		}
		compiled++;
		narrow += !tt_byte_set_has(&set, 0xfe);
		CU_ASSERT_EQUAL_FATAL(hs_alloc_scratch(database, &scratch), HS_SUCCESS);
		for (unsigned int n = 0; n < 100; n++) {
			bool matched = false;
			char text[6];

			for (unsigned int i = 0; i < sizeof(text); i++)
				text[i] = letters[next_random(&state) % (sizeof(letters) - 1)];
			hs_scan(database, text, sizeof(text), 0, scratch, on_match, &matched);
			if (!matched || tt_byte_set_has(&set, (uint8_t)text[0]))
				continue;
			printf("\n%s matches \"%.6s\"", expression, text);
			CU_FAIL("which it cannot begin with");
			break;
		}
		hs_free_scratch(scratch);
		hs_free_database(database);
	}
	CU_ASSERT_TRUE(compiled > 500);
	CU_ASSERT_TRUE(narrow > 200);
}

static const struct suite_test tests[] = {
	{"layer, direction and order", test_layer_direction_and_order},
	{"a parser has to agree", test_a_parser_has_to_agree},
	{"bounded", test_bounded},
	{"faults", test_faults},
	{"those built in", test_those_built_in},
	{"random bytes match nothing", test_random_bytes_match_nothing},
	{"first bytes against hyperscan", test_first_bytes_against_hyperscan},
};

SUITE_MAIN("signature sets", tests)
