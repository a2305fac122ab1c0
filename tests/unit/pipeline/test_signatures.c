/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures from packets to records: of streams however they are cut, and of datagrams; a file's
 * own names; and files that change while packets come.
 */
#include "rules/signatures_text.h"

#include "control/reload.h"
#include "protocol/protocol.h"
#include "rig.h"
#include "talk.h"

#define BASE_US (1700000000 * UINT64_C(1000000))
#define SWAPS	20
#define TALKS	200

static const struct endpoint client = {0x0a000001, 40000}, server = {0x0a000002, 8123};

static const char acme[] =
	"- {name: acme-bus, layer: tcp, pattern: '^ACME/\\d', direction: client}\n"
	"- {name: acme-says, layer: tcp, pattern: 'hi', direction: server}\n"
	"- {name: acme-call, layer: udp, pattern: '@\\d'}\n";

/* What the signatures make of a traffic, in rig.records. */
static struct rig run(const struct traffic *traffic, const char *yaml)
{
	struct rig rig = rig_make(traffic, 1);

	rig_create(&rig);
	tt_pipeline_set_signatures(
		rig.pipeline, yaml == NULL ? NULL : compile_sound_signatures(yaml));
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	return rig;
}

static const char *name_of(const struct rig *rig, size_t i)
{
	const char *name = tt_protocol_name(rig->records[i].application);

	CU_ASSERT_FATAL(i < rig->count);
	return name == NULL ? "-" : name;
}

/* A direction's first words, said in pieces of `step` bytes. */
static void streams_are_told_however_they_are_cut(void)
{
	static const struct {
		unsigned int from;
		const char *words, *answer, *protocol;
	} cases[] = {
		{0, "ACME/1 hello", "", "acme-bus"},
		{0, "ACME/1 hello", "what?", "acme-bus"},
		{1, "ACME/1 hello", "", "-"},
		{0, "ACME-1", "hi", "acme-says"},
		{1, "hi", "", "acme-says"},
		{0, "GET /ACME HTTP/1.1\r\n\r\n", "hi", "http"},
		{0, "SSH-2.0-ACME\r\n", "hi", "ssh"},
		{0, "A", "\xc8\xc9", "-"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step <= 12; step += 11) {
			struct traffic traffic = {.time_us = BASE_US};
			struct talk talk = open_talk(&traffic, client, server);
			size_t length = strlen(cases[i].words);

			for (size_t at = 0; at < length; at += step)
				say(&talk, cases[i].from, cases[i].words + at,
					length - at < step ? length - at : step);
			say(&talk, !cases[i].from, cases[i].answer, strlen(cases[i].answer));
			close_talk(&talk);
			struct rig rig = run(&traffic, acme);
			CU_ASSERT_EQUAL(rig.count, 1);
			CU_ASSERT_STRING_EQUAL(name_of(&rig, 0), cases[i].protocol);
			rig_free(&rig);
			traffic_free(&traffic);
		}
}

/* One of the first few; those of a protocol that a parser knows are its. */
static void datagrams_are_told(void)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	struct traffic traffic = {.time_us = BASE_US};
	const char *const expected[] = {"acme-call", "-", "-", "stun"};

	for (uint16_t flow = 0; flow < 4; flow++) {
		const struct endpoint from = {client.address, (uint16_t)(40000 + flow)};

		if (flow == 3)
			traffic_udp_bytes(&traffic, from, server, stun, sizeof(stun));
		for (unsigned int n = 0; n < (flow == 1 ? 8 : 2) && flow < 3; n++)
			traffic_udp_bytes(&traffic, from, server, "@@", 2);
		if (flow < 2)
			traffic_udp_bytes(&traffic, server, from, "@1", 2);
	}
	struct rig rig = run(&traffic, acme);
	CU_ASSERT_EQUAL_FATAL(rig.count, 4);
	for (unsigned int i = 0; i < 4; i++)
		CU_ASSERT_STRING_EQUAL(name_of(&rig, i),
			expected[rig.records[i].endpoints.port[TT_CLIENT_TO_SERVER] - 40000]);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* What a parser finds possible, a pattern makes sure. */
static void a_parser_agrees(void)
{
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	say(&talk, 1, "+OK\r\n", 5);
	close_talk(&talk);
	for (unsigned int i = 0; i < 2; i++) {
		struct rig rig = run(&traffic,
			i == 0 ? NULL
			       : "- {name: pop3, layer: tcp, pattern: '\\+OK', confirm: pop3}\n");

		CU_ASSERT_STRING_EQUAL(name_of(&rig, 0), i == 0 ? "-" : "pop3");
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

/* What nobody parses may go on as TLS. A ClientHello for a.example, RFC 8446 4.1.2. */
static void tls_comes_after_a_name(void)
{
	static const uint8_t hello[] = {22, 3, 1, 0, 65, 1, 0, 0, 61, 3, 3, [43] = 0, 0, 2, 0x13, 1,
		1, 0, 0, 18, 0, 0, 0, 14, 0, 12, 0, 0, 9, 'a', '.', 'e', 'x', 'a', 'm', 'p', 'l',
		'e'};
	static const char *const words[] = {"<?xml version='1.0'?><stream:stream to='a'>",
		"<?xml version='1.0'?><stream:stream from='a'>", "<starttls/>", "<proceed/>"};
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);
	char *said;

	for (unsigned int i = 0; i < 4; i++)
		say(&talk, i & 1, words[i], strlen(words[i]));
	say(&talk, 0, hello, sizeof(hello));
	close_talk(&talk);
	struct rig rig = rig_make(&traffic, 1);
	rig_create(&rig);
	tt_pipeline_set_signatures(rig.pipeline, compile_signatures(NULL, &said));
	CU_ASSERT_STRING_EQUAL(said, "");
	free(said);
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	CU_ASSERT_STRING_EQUAL(name_of(&rig, 0), "xmpp");
	CU_ASSERT_EQUAL(rig.records[0].encryption, TT_PROTOCOL_TLS);
	rig_free(&rig);
	traffic_free(&traffic);
}

static void without_signatures_nothing_is_told(void)
{
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	say(&talk, 0, "ACME/1", 6);
	close_talk(&talk);
	traffic_udp_bytes(&traffic, client, server, "@1", 2);
	struct rig rig = run(&traffic, NULL);
	CU_ASSERT_EQUAL_FATAL(rig.count, 2);
	CU_ASSERT_STRING_EQUAL(name_of(&rig, 0), "-");
	CU_ASSERT_STRING_EQUAL(name_of(&rig, 1), "-");
	rig_free(&rig);
	traffic_free(&traffic);
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	*(uint64_t *)((struct rig *)context)->seen = record->latency_us;
}

/* A query that a signature might still come of is timed when it comes all the same. No parser tells
 * this one: it has two bytes too many, as those of Windows' zone transfers. */
static void no_signature_delays_a_query(void)
{
	static const char query[] = "\0\x1c\0\0\0\0\0\1\0\0\0\0\0\0\4etas\3com\0\0\xfc\0\1MS",
			  answer[] = "\0\x1a\0\0\x84\0\0\1\0\0\0\0\0\0\4etas\3com\0\0\xfc\0\1";
	const struct endpoint resolver = {server.address, 53};
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, resolver);
	uint64_t latency_us = 0;

	say(&talk, 0, query, sizeof(query) - 1);
	say(&talk, 1, answer, sizeof(answer) - 1);
	close_talk(&talk);
	struct rig rig = rig_make(&traffic, 1);
	rig.dns = on_dns;
	rig.seen = &latency_us;
	rig_create(&rig);
	tt_pipeline_set_signatures(rig.pipeline,
		compile_sound_signatures("- {name: acme-bus, layer: tcp, pattern: '\\x00ACME'}\n"));
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	CU_ASSERT_EQUAL(latency_us, TALK_STEP_US);
	rig_free(&rig);
	traffic_free(&traffic);
}

static void swap(struct rig *rig)
{
	static const char *const files[] = {"- {name: acme-bus, layer: tcp, pattern: 'ACME'}\n",
		"- {name: other, layer: udp, pattern: 'x'}\n"
		"- {name: acme-two, layer: tcp, pattern: 'ACM[A-Z]/'}\n"};

	for (unsigned int i = 0; i < SWAPS; i++)
		tt_pipeline_set_signatures(rig->pipeline, compile_sound_signatures(files[i % 2]));
	tt_control_stop(rig->control);
}

/* Every connection meets the signatures before or those after. */
static void signatures_change_while_packets_come(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	for (uint16_t i = 0; i < TALKS; i++) {
		const struct endpoint from = {client.address, (uint16_t)(40000 + i)};
		struct talk talk = open_talk(&traffic, from, server);

		say(&talk, 0, "ACME/1", 6);
		close_talk(&talk);
	}
	struct rig rig = rig_make(&traffic, 2);
	rig.config->workers.steering = TT_STEERING_SOFTWARE;
	rig.endless_us = 3600000000;
	rig.beside = swap;
	rig_create(&rig);
	tt_pipeline_set_signatures(rig.pipeline, compile_sound_signatures(acme));
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);

	pthread_t beside;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&beside, NULL, rig_run_beside, &rig), 0);
	tt_control_run(rig.control);
	pthread_join(beside, NULL);
	rig_end(&rig);
	size_t named = 0, spoken = 0;
	for (size_t i = 0; i < rig.count; i++) {
		/* Where it ends, some have said nothing yet. */
		if (rig.records[i].counters[TT_CLIENT_TO_SERVER].payload_bytes == 0)
			continue;
		spoken++;
		named += strncmp(name_of(&rig, i), "acme-", 5) == 0;
	}
	CU_ASSERT_TRUE(spoken > 0);
	CU_ASSERT_EQUAL(named, spoken);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* Files by a reload: rules may name protocols of signatures; one with a fault changes nothing. */
static void a_reload_takes_all_or_nothing(void)
{
	static struct tt_reload_report report;
	char path[] = "/tmp/taptrace-test-reload-XXXXXX";
	char signatures[64], yaml[256], expected[256];
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);
	struct tt_reload *reload;
	int file = mkstemp(path);

	CU_ASSERT_TRUE_FATAL(file >= 0);
	close(file);
	say(&talk, 0, "ACME/1", 6);
	close_talk(&talk);
	snprintf(signatures, sizeof(signatures), "%s.signatures", path);
	snprintf(yaml, sizeof(yaml),
		"signatures: %s\nrules: [{protocol: acme-new, service: bus}]\n", signatures);
	put_text(path, yaml);

	struct rig rig = rig_make(&traffic, 1);
	rig_create(&rig);
	CU_ASSERT_EQUAL_FATAL(tt_reload_create(&reload, rig.config, path, rig.pipeline), TT_OK);
	put_text(signatures, "- {name: acme-new, layer: tcp, pattern: ACME}\n");
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_OK);
	CU_ASSERT_EQUAL(report.signatures, 1);

	put_text(signatures,
		"- {name: broken, layer: tcp, pattern: ACME}\n"
		"- {name: worse, layer: tcp, pattern: 'ACME('}\n");
	snprintf(yaml, sizeof(yaml), "signatures: %s\nrules: [{path: '[', service: bus}]\n",
		signatures);
	put_text(path, yaml);
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_ERROR_CONFIG);
	snprintf(expected, sizeof(expected),
		"%s:2:38: [1].pattern: Missing close parenthesis for group started at index 4.\n"
		"%s:2:16: rules[0].path: Unterminated character class starting at index 0.\n",
		signatures, path);
	CU_ASSERT_STRING_EQUAL(report.faults, expected);
	unlink(signatures);
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_ERROR_CONFIG);
	tt_reload_destroy(reload);
	unlink(path);

	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	CU_ASSERT_STRING_EQUAL(name_of(&rig, 0), "acme-new");
	CU_ASSERT_NOT_EQUAL(rig.records[0].service, 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"streams are told however they are cut", streams_are_told_however_they_are_cut},
	{"datagrams are told", datagrams_are_told},
	{"a parser agrees", a_parser_agrees},
	{"TLS comes after a name", tls_comes_after_a_name},
	{"without signatures nothing is told", without_signatures_nothing_is_told},
	{"no signature delays a query", no_signature_delays_a_query},
	{"signatures change while packets come", signatures_change_while_packets_come},
	{"a reload takes all or nothing", a_reload_takes_all_or_nothing},
};

SUITE_MAIN("pipeline signatures", tests)
