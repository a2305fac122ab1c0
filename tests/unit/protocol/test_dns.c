/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns.h"
#include "protocol/dns_text.h"

#include "protocol/dns_build.h"
#include "suite.h"

static bool name_is(const struct tt_dns_name *name, const char *text)
{
	return name->length == strlen(text) && memcmp(name->text, text, name->length) == 0;
}

/* The name at `offset` of the bytes, flush against an unreadable page; returns the offset after. */
static size_t read_name(struct tt_dns_name *name, const struct dns_build *build, size_t offset)
{
	struct guarded guarded = guarded_copy(build->bytes, build->length);
	size_t after = tt_dns_name_read(name, guarded.bytes, build->length, offset);

	guarded_free(&guarded);
	return after;
}

static void test_query(void)
{
	struct dns_build build;
	struct tt_dns_message message;

	build_query(&build, 0x1234, "WWW.Example.COM", TT_DNS_AAAA);
	struct guarded guarded = guarded_copy(build.bytes, build.length);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, guarded.bytes, build.length), TT_DNS_OK);
	CU_ASSERT_EQUAL(message.id, 0x1234);
	CU_ASSERT_FALSE(message.response);
	CU_ASSERT_FALSE(message.truncated);
	CU_ASSERT_EQUAL(message.opcode, TT_DNS_QUERY);
	CU_ASSERT_EQUAL(message.query_type, TT_DNS_AAAA);
	CU_ASSERT_EQUAL(message.query_class, 1);
	CU_ASSERT(name_is(&message.name, "www.example.com"));
	CU_ASSERT_EQUAL(message.records_offset, build.length);
	CU_ASSERT(tt_dns_is_plausible(guarded.bytes, build.length));
	guarded_free(&guarded);
}

static void test_every_cut_is_short_not_read(void)
{
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_record record;

	build_response(&build, 7, "a.example", TT_DNS_A, 0, 1);
	size_t questions_end = build.length;
	build_answer(&build, TT_DNS_A, 60, "\x01\x02\x03\x04", 4);
	for (size_t cut = 0; cut <= build.length; cut++) {
		struct guarded guarded = guarded_copy(build.bytes, cut);
		enum tt_dns_result result = tt_dns_parse(&message, guarded.bytes, cut);
		CU_ASSERT_EQUAL(result, cut < questions_end ? TT_DNS_SHORT : TT_DNS_OK);
		CU_ASSERT_EQUAL(tt_dns_is_plausible(guarded.bytes, cut), cut == build.length);
		if (result == TT_DNS_OK) {
			struct tt_dns_records records = tt_dns_records(&message);
			bool whole = tt_dns_record_next(&records, &record);
			CU_ASSERT_EQUAL(whole, cut == build.length);
			CU_ASSERT_EQUAL(records.failed, !whole);
			CU_ASSERT_FALSE(tt_dns_record_next(&records, &record));
		}
		guarded_free(&guarded);
	}
}

static void test_header_flags_and_opcodes(void)
{
	struct dns_build build;
	struct tt_dns_message message;

	build_header(&build, 1, 0xaa05, 0, 0, 0);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	CU_ASSERT(message.response);
	CU_ASSERT(message.truncated);
	CU_ASSERT_EQUAL(message.opcode, TT_DNS_UPDATE);
	CU_ASSERT_EQUAL(message.rcode, 5);
	CU_ASSERT_EQUAL(message.name.length, 0);
	CU_ASSERT_EQUAL(message.query_type, 0);
}

static void test_extended_rcode(void)
{
	struct dns_build build;
	struct tt_dns_message message;

	/* BADVERS is 16: 1 in the OPT record, 0 in the header. */
	build_header(&build, 1, 0x8180, 1, 1, 2);
	build_question(&build, "example", TT_DNS_A);
	build_answer(&build, TT_DNS_A, 60, "\x01\x02\x03\x04", 4);
	build_name(&build, "host");
	build_record(&build, TT_DNS_A, 60, "\x01\x02\x03\x04", 4);
	build_name(&build, ".");
	build_u16(&build, TT_DNS_OPT);
	build_u16(&build, 1232);
	build_u32(&build, 0x01000000);
	build_u16(&build, 0);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	CU_ASSERT(message.edns);
	CU_ASSERT_EQUAL(message.edns_udp_bytes, 1232);
	CU_ASSERT_EQUAL(message.rcode, 16);
}

static void test_several_questions(void)
{
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_record record;

	build_header(&build, 0, 0x8000, 3, 1, 0);
	build_question(&build, "first.local", TT_DNS_PTR);
	build_u16(&build, 0xc00c);
	build_u16(&build, TT_DNS_A);
	build_u16(&build, 0x8001);
	build_question(&build, "third", TT_DNS_SRV);
	build_answer(&build, TT_DNS_A, 9, "\x0a\x00\x00\x01", 4);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	CU_ASSERT(name_is(&message.name, "first.local"));
	CU_ASSERT_EQUAL(message.query_type, TT_DNS_PTR);
	struct tt_dns_records records = tt_dns_records(&message);
	CU_ASSERT(tt_dns_record_next(&records, &record));
	CU_ASSERT_EQUAL(record.ttl_s, 9);

	/* A count of questions that the bytes do not hold. */
	build.bytes[4] = 0xff;
	CU_ASSERT_NOT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
}

static void test_odd_names(void)
{
	struct dns_build build = {.length = 0};
	struct tt_dns_name name;

	build_name(&build, ".");
	CU_ASSERT_EQUAL(read_name(&name, &build, 0), 1);
	CU_ASSERT(name_is(&name, "."));

	build.length = 0;
	build_u8(&build, 5);
	build_bytes(&build, "a.\0\xff\\", 5);
	build_u8(&build, 1);
	build_bytes(&build, "Z", 1);
	build_u8(&build, 0);
	CU_ASSERT_EQUAL(read_name(&name, &build, 0), 9);
	CU_ASSERT_EQUAL(name.length, 7);
	CU_ASSERT_EQUAL(memcmp(name.text, "a.\0\xff\\.z", 7), 0);

	/* Label types 01 and 10 are reserved or obsolete. */
	for (unsigned int kind = 0x40; kind <= 0x80; kind += 0x40) {
		build.length = 0;
		build_u8(&build, kind | 1);
		build_bytes(&build, "a\0", 2);
		CU_ASSERT_EQUAL(read_name(&name, &build, 0), 0);
		CU_ASSERT_EQUAL(name.length, 0);
	}
}

static void test_longest_name(void)
{
	struct dns_build build;
	struct tt_dns_name name;

	/* 3 labels of 63 and one of `last`: 3 * 64 + last + 1 + 1 bytes. */
	for (unsigned int last = 60; last <= 63; last++) {
		build.length = 0;
		for (unsigned int i = 0; i < 4; i++) {
			unsigned int label = i < 3 ? 63 : last;
			build_u8(&build, label);
			for (unsigned int j = 0; j < label; j++)
				build_u8(&build, 'x');
		}
		build_u8(&build, 0);
		size_t after = read_name(&name, &build, 0);
		CU_ASSERT_EQUAL(after, build.length <= 255 ? build.length : 0);
		CU_ASSERT_EQUAL(name.length, build.length <= 255 ? build.length - 2 : 0);
	}
}

static void test_compression(void)
{
	struct dns_build build = {.length = 0};
	struct tt_dns_name name;

	build_name(&build, "example.com"); /* 0 to 12 */
	build_u8(&build, 3);		   /* 13 */
	build_bytes(&build, "www", 3);
	build_u16(&build, 0xc000);
	build_u8(&build, 1); /* 19 */
	build_bytes(&build, "a", 1);
	build_u16(&build, 0xc00d);
	build_u8(&build, 'z');
	CU_ASSERT_EQUAL(read_name(&name, &build, 13), 19);
	CU_ASSERT(name_is(&name, "www.example.com"));
	CU_ASSERT_EQUAL(read_name(&name, &build, 19), 23);
	CU_ASSERT(name_is(&name, "a.www.example.com"));
}

static void test_pointers_that_do_not_go_back(void)
{
	static const uint8_t self[] = {0xc0, 0x00};
	static const uint8_t forward[] = {0xc0, 0x02, 0x01, 'a', 0x00};
	static const uint8_t pair[] = {0x01, 'a', 0xc0, 0x04, 0xc0, 0x00};
	static const uint8_t own_label[] = {0x01, 'a', 0xc0, 0x00};
	static const uint8_t out[] = {0x01, 'a', 0xff, 0xff};
	static const uint8_t half[] = {0x01, 'a', 0xc0};
	static const struct {
		const uint8_t *bytes;
		size_t length;
		size_t offset;
	} cases[] = {
		{self, sizeof(self), 0},
		{forward, sizeof(forward), 0},
		{pair, sizeof(pair), 4},
		{pair, sizeof(pair), 0},
		{own_label, sizeof(own_label), 0},
		{out, sizeof(out), 0},
		{half, sizeof(half), 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guarded guarded = guarded_copy(cases[i].bytes, cases[i].length);
		struct tt_dns_name name;
		CU_ASSERT_EQUAL(
			tt_dns_name_read(&name, guarded.bytes, cases[i].length, cases[i].offset),
			0);
		guarded_free(&guarded);
	}
}

static void test_pointer_chains_are_bounded(void)
{
	struct dns_build build = {.length = 0};
	struct tt_dns_name name;

	build_u8(&build, 0);
	build_u8(&build, 0);
	for (unsigned int i = 0; i <= TT_DNS_POINTERS; i++)
		build_u16(&build, 0xc000 | (unsigned int)(build.length - 2));
	/* The first points at the root, each later one at the pointer before it. */
	CU_ASSERT_EQUAL(read_name(&name, &build, 2 * TT_DNS_POINTERS), 2 * TT_DNS_POINTERS + 2);
	CU_ASSERT(name_is(&name, "."));
	CU_ASSERT_EQUAL(read_name(&name, &build, 2 * TT_DNS_POINTERS + 2), 0);
}

static void assert_data(const struct dns_build *build, const char *expected)
{
	struct guarded guarded = guarded_copy(build->bytes, build->length);
	char text[TT_DNS_DATA_TEXT];
	struct tt_dns_message message;
	struct tt_dns_record record;

	CU_ASSERT_EQUAL_FATAL(tt_dns_parse(&message, guarded.bytes, build->length), TT_DNS_OK);
	struct tt_dns_records records = tt_dns_records(&message);
	CU_ASSERT_FATAL(tt_dns_record_next(&records, &record));
	CU_ASSERT_EQUAL(tt_dns_data_text(text, &message, &record), strlen(text));
	CU_ASSERT_STRING_EQUAL(text, expected);
	guarded_free(&guarded);
}

static void test_data_of_types(void)
{
	static const struct {
		unsigned int type;
		const char *data;
		unsigned int length;
		const char *text;
	} cases[] = {
		{TT_DNS_A, "\xc0\x00\x02\x01", 4, "192.0.2.1"},
		{TT_DNS_A, "\xc0\x00\x02", 3, "\\# 3 c00002"},
		{TT_DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1"},
		{TT_DNS_CNAME, "\3Web\xc0\x0c", 6, "web.q.example"},
		{TT_DNS_NS, "\2ns\0", 4, "ns"},
		{TT_DNS_PTR, "\0", 1, "."},
		{TT_DNS_MX, "\0\x0a\4mail\xc0\x0c", 9, "10 mail.q.example"},
		{TT_DNS_SRV, "\0\1\0\2\x01\xbb\1h\0", 9, "1 2 443 h"},
		{TT_DNS_TXT, "\2ab\3cde", 7, "abcde"},
		{TT_DNS_TXT, "\2ab\5cd", 6, "\\# 6 026162056364"},
		{TT_DNS_SOA, "\1m\0\1r\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 27,
			"m r.q.example 1 2 3 4 5"},
		{TT_DNS_SOA, "\1m\0\1r\0\0\0\0\1", 10, "\\# 10 016d0001720000000001"},
		{TT_DNS_HTTPS,
			"\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\x20\xfb\0\4\0\4\xc0\0\2\7\xff\0\0\1*", 32,
			"1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.7 key65280=2a"},
		{TT_DNS_SVCB, "\0\0\3svc\0", 7, "0 svc"},
		{TT_DNS_CNAME, "\5ab", 3, "\\# 3 056162"},
		{999, "\1\2", 2, "\\# 2 0102"},
		{999, "", 0, "\\# 0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_build build;
		build_response(&build, 1, "q.example", cases[i].type, 0, 1);
		build_answer(&build, cases[i].type, 60, cases[i].data, cases[i].length);
		assert_data(&build, cases[i].text);
	}
}

static void test_long_data_are_cut(void)
{
	struct dns_build build;
	char text[TT_DNS_DATA_TEXT];
	uint8_t data[3000];
	struct tt_dns_message message;
	struct tt_dns_record record;

	memset(data, 0xab, sizeof(data));
	build_response(&build, 1, "q", 999, 0, 1);
	build_answer(&build, 999, 60, data, sizeof(data));
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	struct tt_dns_records records = tt_dns_records(&message);
	CU_ASSERT(tt_dns_record_next(&records, &record));
	CU_ASSERT_EQUAL(tt_dns_data_text(text, &message, &record), TT_DNS_DATA_TEXT - 1);
	CU_ASSERT_EQUAL(text[TT_DNS_DATA_TEXT - 1], '\0');
}

static void test_target_stays_in_its_data(void)
{
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_record record;
	struct tt_dns_name name;

	/* A CNAME whose label runs into the next record. */
	build_response(&build, 1, "q", TT_DNS_CNAME, 0, 2);
	build_answer(&build, TT_DNS_CNAME, 60, "\2", 1);
	build_answer(&build, TT_DNS_A, 60, "\1\2\3\4", 4);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
	struct tt_dns_records records = tt_dns_records(&message);
	CU_ASSERT(tt_dns_record_next(&records, &record));
	CU_ASSERT_FALSE(tt_dns_record_target(&name, &message, &record));
	CU_ASSERT(tt_dns_record_next(&records, &record));
	CU_ASSERT_EQUAL(record.type, TT_DNS_A);
}

static void test_svcb_hints(void)
{
	struct dns_build build;
	struct tt_dns_message message;
	struct tt_dns_record record;
	const uint8_t *value;
	uint16_t value_bytes;
	uint16_t key;

	build_response(&build, 1, "q", TT_DNS_HTTPS, 0, 1);
	build_answer(
		&build, TT_DNS_HTTPS, 60, "\0\1\0\0\4\0\10\1\1\1\1\2\2\2\2\0\6\0\5\1\2\3\4\5", 24);
	struct guarded guarded = guarded_copy(build.bytes, build.length);
	CU_ASSERT_EQUAL(tt_dns_parse(&message, guarded.bytes, build.length), TT_DNS_OK);
	struct tt_dns_records records = tt_dns_records(&message);
	CU_ASSERT(tt_dns_record_next(&records, &record));
	struct tt_dns_parameters parameters = tt_dns_record_parameters(&message, &record);
	CU_ASSERT(tt_dns_parameter_next(&parameters, &key, &value, &value_bytes));
	CU_ASSERT_EQUAL(key, TT_DNS_IPV4_HINT);
	CU_ASSERT_EQUAL(value_bytes, 8);
	CU_ASSERT_EQUAL(memcmp(value, "\1\1\1\1\2\2\2\2", 8), 0);
	/* 5 bytes are no IPv6 address. */
	CU_ASSERT_FALSE(tt_dns_parameter_next(&parameters, &key, &value, &value_bytes));
	CU_ASSERT_FALSE(tt_dns_parameter_next(&parameters, &key, &value, &value_bytes));
	guarded_free(&guarded);
}

static void test_code_texts(void)
{
	char text[TT_DNS_CODE_TEXT];

	CU_ASSERT_STRING_EQUAL(tt_dns_type_text(text, 1), "A");
	CU_ASSERT_STRING_EQUAL(tt_dns_type_text(text, 65), "HTTPS");
	CU_ASSERT_STRING_EQUAL(tt_dns_type_text(text, 255), "ANY");
	CU_ASSERT_STRING_EQUAL(tt_dns_type_text(text, 65535), "TYPE65535");
	CU_ASSERT_STRING_EQUAL(tt_dns_rcode_text(text, 0), "NOERROR");
	CU_ASSERT_STRING_EQUAL(tt_dns_rcode_text(text, 3), "NXDOMAIN");
	CU_ASSERT_STRING_EQUAL(tt_dns_rcode_text(text, 10), "NOTZONE");
	CU_ASSERT_STRING_EQUAL(tt_dns_rcode_text(text, 4095), "RCODE4095");
}

static void test_plausible_is_strict(void)
{
	struct dns_build build;
	uint64_t state = 0x9e3779b97f4a7c15;
	unsigned int taken = 0;

	build_query(&build, 1, "example.com", TT_DNS_A);
	CU_ASSERT(tt_dns_is_plausible(build.bytes, build.length));
	build_u8(&build, 0);
	CU_ASSERT_FALSE(tt_dns_is_plausible(build.bytes, build.length));

	/* A NetBIOS name query, in all else a DNS query. */
	build_query(&build, 1, "FHEPFCELEHFCEPFFFACACACACACACABN", 0x20);
	CU_ASSERT_FALSE(tt_dns_is_plausible(build.bytes, build.length));

	build_query(&build, 1, "example.com", TT_DNS_A);
	build.bytes[3] = 0x03; /* a query with an rcode */
	CU_ASSERT_FALSE(tt_dns_is_plausible(build.bytes, build.length));

	build_header(&build, 1, 0x2400, 1, 0, 0); /* NOTIFY sets AA */
	build_question(&build, "example.com", TT_DNS_SOA);
	CU_ASSERT(tt_dns_is_plausible(build.bytes, build.length));

	for (unsigned int round = 0; round < 200000; round++) {
		uint8_t noise[64];
		for (size_t i = 0; i < sizeof(noise); i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			/* Mostly small numbers: the hardest kind of noise for counts and labels. */
			noise[i] = (uint8_t)(state & 1 ? state >> 8 & 3 : state >> 16);
		}
		taken += tt_dns_is_plausible(noise, sizeof(noise));
	}
	CU_ASSERT_EQUAL(taken, 0);
}

static const struct suite_test tests[] = {
	{"query", test_query},
	{"every cut is short, and not read past", test_every_cut_is_short_not_read},
	{"header flags and opcodes", test_header_flags_and_opcodes},
	{"extended rcode", test_extended_rcode},
	{"several questions", test_several_questions},
	{"odd names", test_odd_names},
	{"longest name", test_longest_name},
	{"compression", test_compression},
	{"pointers that do not go back", test_pointers_that_do_not_go_back},
	{"pointer chains are bounded", test_pointer_chains_are_bounded},
	{"data of types", test_data_of_types},
	{"long data are cut", test_long_data_are_cut},
	{"a target stays in its data", test_target_stays_in_its_data},
	{"SVCB hints", test_svcb_hints},
	{"texts of codes", test_code_texts},
	{"plausible is strict", test_plausible_is_strict},
};

SUITE_MAIN("dns", tests)
