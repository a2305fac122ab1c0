/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/names.h"

#include "protocol/dns_build.h"
#include "suite.h"

#include <stdio.h>

#define SECOND ((uint64_t)1000000)
#define NOW    ((uint64_t)1700000000 * SECOND)

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % limit);
}

static struct tt_names *create(uint32_t addresses, uint32_t an_address)
{
	struct tt_names_options options = {
		.addresses = addresses,
		.an_address = an_address,
		.ttl_min_s = 60,
		.ttl_max_s = 86400,
	};
	struct tt_names *names;

	CU_ASSERT_EQUAL_FATAL(tt_names_create(&names, &options), TT_OK);
	return names;
}

static void learn(struct tt_names *names, const struct dns_build *build, uint64_t time_us)
{
	struct guarded guarded = guarded_copy(build->bytes, build->length);
	struct tt_dns_message message;

	CU_ASSERT_EQUAL_FATAL(tt_dns_parse(&message, guarded.bytes, build->length), TT_DNS_OK);
	tt_names_learn(names, &message, time_us);
	tt_names_settle(names);
	guarded_free(&guarded);
}

static const uint8_t address1[16] = {192, 0, 2, 1};
static const uint8_t address2[16] = {192, 0, 2, 2};

/* The names of an IPv4 address at a time, joined by spaces. */
static const char *names_of(struct tt_names *names, const uint8_t *address, uint64_t time_us)
{
	static char text[TT_NAMES_AN_ADDRESS * 256];
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	tt_names_settle(names);
	unsigned int count = tt_names_lookup(names, 4, address, time_us, found);
	size_t length = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (i > 0)
			text[length++] = ' ';
		memcpy(text + length, found[i].text, found[i].length);
		length += found[i].length;
	}
	text[length] = '\0';
	return text;
}

static void test_address_answers(void)
{
	struct tt_names *names = create(10, 16);
	struct dns_build build;
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, 1};

	build_response(&build, 1, "WWW.example", TT_DNS_A, 0, 3);
	build_answer(&build, TT_DNS_A, 300, address1, 4);
	build_answer(&build, TT_DNS_A, 300, address2, 4);
	build_answer(&build, TT_DNS_AAAA, 300, six, 16);
	learn(names, &build, NOW);
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "www.example");
	CU_ASSERT_STRING_EQUAL(names_of(names, address2, NOW), "www.example");
	CU_ASSERT_EQUAL(tt_names_lookup(names, 6, six, NOW, found), 1);
	CU_ASSERT_EQUAL(found[0].expires_us, NOW + 300 * SECOND);
	/* 32.1.13.184 has the same first bytes. */
	CU_ASSERT_STRING_EQUAL(names_of(names, six, NOW), "");
	tt_names_destroy(names);
}

/* More answers than wait, each with more addresses than a lesson holds. */
static void test_waiting(void)
{
	enum {
		ANSWERS = 3 * TT_NAMES_WAITING + 1,
		ADDRESSES = 11
	};
	struct tt_names *names = create(1000, 16);
	char name[32];

	for (unsigned int i = 0; i < ANSWERS; i++) {
		struct dns_build build;
		struct tt_dns_message message;
		snprintf(name, sizeof(name), "name%u.example", i);
		build_response(&build, 1, name, TT_DNS_A, 0, ADDRESSES);
		for (unsigned int j = 0; j < ADDRESSES; j++)
			build_answer(&build, TT_DNS_A, 300,
				(uint8_t[4]){10, 0, (uint8_t)i, (uint8_t)j}, 4);
		CU_ASSERT_EQUAL_FATAL(tt_dns_parse(&message, build.bytes, build.length), TT_DNS_OK);
		tt_names_learn(names, &message, NOW);
		memset(&build, 0, sizeof(build));
	}
	tt_names_settle(names);
	for (unsigned int i = 0; i < ANSWERS; i++) {
		snprintf(name, sizeof(name), "name%u.example", i);
		for (unsigned int j = 0; j < ADDRESSES; j++)
			CU_ASSERT_STRING_EQUAL(
				names_of(names, (uint8_t[4]){10, 0, (uint8_t)i, (uint8_t)j}, NOW),
				name);
	}
	CU_ASSERT_EQUAL(tt_counter_read(&tt_names_counters(names)->learned), ANSWERS * ADDRESSES);
	tt_names_destroy(names);
}

static void test_ttl_and_its_bounds(void)
{
	struct tt_names *names = create(10, 16);
	static const struct {
		uint32_t ttl_s, held_s;
	} cases[] = {{0, 60}, {59, 60}, {61, 61}, {86400, 86400}, {UINT32_MAX, 86400}};

	for (unsigned int i = 0; i < 5; i++) {
		uint8_t address[4] = {10, 0, 0, (uint8_t)i};
		uint64_t end = NOW + cases[i].held_s * SECOND;
		tt_names_add(names, 4, address, "a", 1, cases[i].ttl_s, NOW);
		CU_ASSERT_STRING_EQUAL(names_of(names, address, NOW - 1), "");
		CU_ASSERT_STRING_EQUAL(names_of(names, address, NOW), "a");
		CU_ASSERT_STRING_EQUAL(names_of(names, address, end - 1), "a");
		CU_ASSERT_STRING_EQUAL(names_of(names, address, end), "");
	}
	/* Learned again while it holds: from the first time to the last end. */
	tt_names_add(names, 4, address1, "a", 1, 100, NOW);
	tt_names_add(names, 4, address1, "a", 1, 100, NOW + 50 * SECOND);
	tt_names_add(names, 4, address1, "a", 1, 60, NOW + 51 * SECOND);
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "a");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 149 * SECOND), "a");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 150 * SECOND), "");
	/* Also after it expired, and by an answer that was earlier than those before. */
	tt_names_add(names, 4, address1, "a", 1, 100, NOW + 1000 * SECOND);
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "a");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 1099 * SECOND), "a");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 1100 * SECOND), "");
	tt_names_add(names, 4, address1, "a", 1, 100, NOW - 10 * SECOND);
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW - 10 * SECOND), "a");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 1099 * SECOND), "a");
	tt_names_destroy(names);
}

/* www.example -> cdn.net -> edge.net A, the CNAMEs in one order or the other. */
static void build_chain(struct dns_build *build, bool reversed)
{
	static const uint8_t cdn[] = "\3cdn\3net";
	static const uint8_t edge[] = "\4edge\3net";

	build_response(build, 1, "www.example", TT_DNS_A, 0, 4);
	for (unsigned int i = 0; i < 2; i++) {
		if ((i == 0) != reversed) {
			build_answer(build, TT_DNS_CNAME, 500, cdn, sizeof(cdn));
		} else {
			build_name(build, "CDN.net");
			build_record(build, TT_DNS_CNAME, 90, edge, sizeof(edge));
		}
	}
	build_name(build, "edge.net");
	build_record(build, TT_DNS_A, 500, address1, 4);
	build_name(build, "elsewhere.net"); /* not what was asked for */
	build_record(build, TT_DNS_A, 500, address2, 4);
}

static void test_cname_chains(void)
{
	for (unsigned int reversed = 0; reversed < 2; reversed++) {
		struct tt_names *names = create(10, 16);
		struct dns_build build;
		build_chain(&build, reversed != 0);
		learn(names, &build, NOW);
		CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "www.example");
		CU_ASSERT_STRING_EQUAL(names_of(names, address2, NOW), "");
		/* The chain's shortest TTL. */
		CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 89 * SECOND), "www.example");
		CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 90 * SECOND), "");
		tt_names_destroy(names);
	}
}

static void test_cname_loops_end(void)
{
	struct tt_names *names = create(10, 16);
	struct dns_build build;

	build_response(&build, 1, "a", TT_DNS_A, 0, 3);
	build_answer(&build, TT_DNS_CNAME, 1, "\1b", 3);
	build_name(&build, "b");
	build_record(&build, TT_DNS_CNAME, 1, "\1a", 3);
	build_answer(&build, TT_DNS_A, 1, address1, 4);
	learn(names, &build, NOW);
	tt_names_destroy(names);
}

static void test_what_teaches_nothing(void)
{
	struct tt_names *names = create(10, 16);
	struct dns_build build;

	build_response(&build, 1, "a.example", TT_DNS_A, 3, 1);
	build_answer(&build, TT_DNS_A, 300, address1, 4);
	learn(names, &build, NOW);
	build_query(&build, 1, "a.example", TT_DNS_A);
	build.bytes[7] = 1;
	build_answer(&build, TT_DNS_A, 300, address1, 4);
	learn(names, &build, NOW);
	build_response(&build, 1, "a.example", TT_DNS_A, 0, 1);
	build_answer(&build, TT_DNS_A, 300, "\1\2\3", 3);
	learn(names, &build, NOW);
	/* Glue in the additional section is not an answer. */
	build_header(&build, 1, 0x8180, 1, 0, 1);
	build_question(&build, "a.example", TT_DNS_A);
	build_answer(&build, TT_DNS_A, 300, address1, 4);
	learn(names, &build, NOW);
	CU_ASSERT_EQUAL(tt_counter_read(&tt_names_counters(names)->learned), 0);
	tt_names_destroy(names);
}

static void test_service_hints(void)
{
	struct tt_names *names = create(10, 16);
	struct dns_build build;
	static const uint8_t data[] = "\0\1\0\0\4\0\10\300\0\2\1\300\0\2\2";

	build_response(&build, 1, "_8443._https.shop.example", TT_DNS_HTTPS, 0, 1);
	build_answer(&build, TT_DNS_HTTPS, 300, data, sizeof(data) - 1);
	learn(names, &build, NOW);
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "shop.example");
	CU_ASSERT_STRING_EQUAL(names_of(names, address2, NOW), "shop.example");
	tt_names_destroy(names);
}

static void test_names_of_an_address_are_bounded(void)
{
	struct tt_names *names = create(100, 3);
	char text[] = "a";

	for (unsigned int i = 0; i < 6; i++) {
		text[0] = (char)('a' + i);
		/* "c" holds longest. */
		tt_names_add(names, 4, address1, text, 1, i == 2 ? 900 : 100 + i, NOW);
	}
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW), "f e c");
	CU_ASSERT_EQUAL(tt_counter_read(&tt_names_counters(names)->replaced), 3);
	tt_names_destroy(names);
}

static void test_oldest_address_goes(void)
{
	struct tt_names *names = create(3, 16);

	for (unsigned int i = 0; i < 3; i++) {
		uint8_t address[4] = {10, 0, 0, (uint8_t)i};
		tt_names_add(names, 4, address, "n", 1, 1000, NOW + i);
	}
	/* The first is learned anew a minute later, so the second is the oldest. */
	tt_names_add(names, 4, (const uint8_t[4]){10, 0, 0, 0}, "m", 1, 1000, NOW + 60 * SECOND);
	tt_names_add(names, 4, address1, "x", 1, 1000, NOW + 60 * SECOND);
	CU_ASSERT_STRING_EQUAL(
		names_of(names, (const uint8_t[4]){10, 0, 0, 0}, NOW + 61 * SECOND), "m n");
	CU_ASSERT_STRING_EQUAL(
		names_of(names, (const uint8_t[4]){10, 0, 0, 1}, NOW + 61 * SECOND), "");
	CU_ASSERT_STRING_EQUAL(
		names_of(names, (const uint8_t[4]){10, 0, 0, 2}, NOW + 61 * SECOND), "n");
	CU_ASSERT_STRING_EQUAL(names_of(names, address1, NOW + 61 * SECOND), "x");
	CU_ASSERT_EQUAL(tt_counter_read(&tt_names_counters(names)->evicted), 1);
	tt_names_destroy(names);
}

/* Random pairs into little memory, all names long: each lookup gives what was added, or nothing. */
static void test_random_pairs_under_pressure(void)
{
	static bool added[200][60];
	struct tt_names *names = create(100, 16);
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	const uint8_t *listed;
	unsigned int ip_version;
	unsigned int hits = 0;

	for (unsigned int step = 0; step < 100000; step++) {
		uint8_t address[4] = {10, 0, 0, (uint8_t)random_below(200)};
		unsigned int number = random_below(60);
		char text[256];
		/* Lengths from 2 to 241, so that all classes of memory are in use. */
		int length = snprintf(text, sizeof(text), "%02u", number);
		memset(text + length, 'x', number * 4);
		tt_names_add(
			names, 4, address, text, (uint8_t)(length + (int)number * 4), 1000, NOW);
		added[address[3]][number] = true;

		address[3] = (uint8_t)random_below(200);
		tt_names_settle(names);
		unsigned int count = tt_names_lookup(names, 4, address, NOW, found);
		for (unsigned int i = 0; i < count; i++) {
			unsigned int which = (unsigned int)(found[i].text[0] - '0') * 10 +
				(unsigned int)(found[i].text[1] - '0');
			CU_ASSERT_FATAL(which < 60 && added[address[3]][which]);
			CU_ASSERT_EQUAL_FATAL(found[i].length, 2 + which * 4);
			hits++;
		}
	}
	uint32_t position = 0;
	unsigned int listed_count = 0;
	while (tt_names_next(names, &position, NOW, &ip_version, &listed, found) > 0)
		listed_count++;
	CU_ASSERT_EQUAL(listed_count, tt_counter_read(&tt_names_counters(names)->addresses));
	CU_ASSERT(listed_count <= 100 && listed_count > 0);
	CU_ASSERT(hits > 1000);
	position = 0;
	CU_ASSERT_EQUAL(
		tt_names_next(names, &position, NOW + 1000 * SECOND, &ip_version, &listed, found),
		0);
	tt_names_destroy(names);
}

static const struct suite_test tests[] = {
	{"address answers", test_address_answers},
	{"TTL and its bounds", test_ttl_and_its_bounds},
	{"what waits is learned", test_waiting},
	{"CNAME chains", test_cname_chains},
	{"CNAME loops end", test_cname_loops_end},
	{"what teaches nothing", test_what_teaches_nothing},
	{"service hints", test_service_hints},
	{"names of an address are bounded", test_names_of_an_address_are_bounded},
	{"the oldest address goes", test_oldest_address_goes},
	{"random pairs under pressure", test_random_pairs_under_pressure},
};

SUITE_MAIN("names", tests)
