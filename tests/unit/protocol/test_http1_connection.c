/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/http1.h"
#include "protocol/http1_connection.h"

#include "suite.h"

#include <stdio.h>

#define CLIENT	0
#define SERVER	1
#define REPORTS 400
#define WHOLE	(TT_HTTP_REQUEST | TT_HTTP_RESPONSE | TT_HTTP_REQUEST_WHOLE | TT_HTTP_RESPONSE_WHOLE)

static struct tt_http1_pool pool;
static struct tt_http1_connection connection;
static struct tt_http_transaction reports[REPORTS];
static unsigned int report_count;
static uint64_t time_us;

static void report(
	void *context, const struct tt_http_transaction *transaction, unsigned int client)
{
	CU_ASSERT_PTR_EQUAL(context, &connection);
	CU_ASSERT_EQUAL(client, transaction->method_bytes > 0 ? CLIENT : client);
	if (report_count < REPORTS)
		reports[report_count++] = *transaction;
}

static void begin(uint32_t slabs, uint32_t exchanges)
{
	struct tt_http1_pool_options options = {
		.slabs = slabs, .exchanges = exchanges, .report = report};

	CU_ASSERT_EQUAL_FATAL(tt_http1_pool_create(&pool, &options), TT_OK);
	tt_http1_connection_start(&connection);
	report_count = 0;
	time_us = 1000000;
}

/* Close, and see that nothing is left behind. */
static void finish(void)
{
	tt_http1_connection_close(&connection, &pool, &connection);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_used), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.exchanges_used), 0);
	CU_ASSERT_EQUAL(connection.queued, 0);
	tt_http1_pool_destroy(&pool);
}

static size_t send_bytes(unsigned int direction, const void *bytes, size_t length)
{
	struct guarded guarded = guarded_copy(bytes, length);
	size_t used = tt_http1_connection_data(
		&connection, &pool, direction, guarded.bytes, length, time_us, &connection);

	guarded_free(&guarded);
	return used;
}

static size_t send_text(unsigned int direction, const char *text)
{
	time_us += 10;
	return send_bytes(direction, text, strlen(text));
}

static void lose(unsigned int direction, uint64_t length)
{
	time_us += 10;
	tt_http1_connection_gap(&connection, &pool, direction, length, time_us, &connection);
}

/* Report `number`: "METHOD PATH STATUS REQUEST_BYTES RESPONSE_BYTES". */
static void expect(unsigned int number, const char *wanted)
{
	const struct tt_http_transaction *transaction = &reports[number];
	char text[400];

	CU_ASSERT_FATAL(number < report_count);
	snprintf(text, sizeof(text), "%.*s %.*s %u %u %u", transaction->method_bytes,
		transaction->method, transaction->path_bytes, transaction->path,
		transaction->status, (unsigned int)transaction->request_bytes,
		(unsigned int)transaction->response_bytes);
	CU_ASSERT_STRING_EQUAL(text, wanted);
	if (strcmp(text, wanted) != 0)
		printf("\n    %s\n    %s\n", text, wanted);
}

static bool text_is(const char *text, unsigned int length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static void test_one(void)
{
	begin(1, 4);
	send_text(CLIENT,
		"POST /p?q HTTP/1.1\r\nHost: h.example\r\nUser-Agent: ua\r\n"
		"Content-Length: 6\r\n\r\nab");
	send_text(CLIENT, "cdef");
	time_us = 1001000;
	send_text(SERVER,
		"HTTP/1.0 200 OK\r\nContent-Type: text/css\r\n"
		"Content-Length: 4\r\n\r\na");
	CU_ASSERT_EQUAL(report_count, 0);
	send_text(SERVER, "bcd");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "POST /p 200 6 4");
	CU_ASSERT_EQUAL(reports[0].version, 11);
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE);
	CU_ASSERT_EQUAL(reports[0].start_us, 1000010);
	CU_ASSERT_EQUAL(reports[0].latency_us, 1001010 - 1000020);
	CU_ASSERT_EQUAL(reports[0].duration_us, 1001020 - 1000010);
	CU_ASSERT_TRUE(text_is(reports[0].host, reports[0].host_bytes, "h.example"));
	CU_ASSERT_TRUE(text_is(reports[0].user_agent, reports[0].user_agent_bytes, "ua"));
	CU_ASSERT_TRUE(text_is(reports[0].content_type, reports[0].content_type_bytes, "text/css"));
	finish();
}

static const char requests[] =
	"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
	"HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n"
	"POST /3 HTTP/1.1\nTransfer-Encoding: chunked\n\n5;x\r\nGET /\r\n1\n\n\n0\r\nT: x\r\n\r\n"
	"PUT /4 HTTP/1.1\r\nContent-Length: 16\r\n\r\nHTTP/1.1 200 OK\n"
	"GET /5 HTTP/1.1\r\n\r\n"
	"GET /6 HTTP/1.1\r\n\r\n"
	"GET /7 HTTP/1.1\r\n\r\n";
static const char responses[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTT"
	"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
	"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n"
	"a\r\nHTTP/1.1 2\r\n0\r\n\r\n"
	"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
	"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
	"HTTP/1.1 500 Oops\r\n\r\nGET / HTTP/1.1\r\n\r\n";

static void expect_all(void)
{
	CU_ASSERT_EQUAL_FATAL(report_count, 7);
	expect(0, "GET /1 200 0 3");
	expect(1, "HEAD /2 200 0 0");
	expect(2, "POST /3 201 6 10");
	expect(3, "PUT /4 204 16 0");
	expect(4, "GET /5 304 0 0");
	expect(5, "GET /6 404 0 0");
	expect(6, "GET /7 500 0 18");
	for (unsigned int i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(reports[i].flags, WHOLE);
}

/* Both streams cut at every position, and one byte at a time. */
static void test_every_cut(void)
{
	size_t lengths[2] = {sizeof(requests) - 1, sizeof(responses) - 1};
	const char *streams[2] = {requests, responses};

	begin(2, 16);
	for (unsigned int cut = 0; cut < lengths[0] + lengths[1]; cut++) {
		report_count = 0;
		tt_http1_connection_start(&connection);
		for (unsigned int direction = 0; direction < 2; direction++) {
			size_t at = cut < lengths[0] ? cut : cut - lengths[0];
			at = at < lengths[direction] ? at : lengths[direction];
			CU_ASSERT_EQUAL(send_bytes(direction, streams[direction], at), at);
			size_t rest = lengths[direction] - at;
			CU_ASSERT_EQUAL(send_bytes(direction, streams[direction] + at, rest), rest);
		}
		tt_http1_connection_end(&connection, &pool, SERVER, &connection);
		expect_all();
	}
	report_count = 0;
	tt_http1_connection_start(&connection);
	for (unsigned int direction = 0; direction < 2; direction++)
		for (size_t at = 0; at < lengths[direction]; at++)
			send_bytes(direction, streams[direction] + at, 1);
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	expect_all();
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 0);
	finish();
}

/* The tap may show an answer before its request; pairs and bytes are the same, latency is 0. */
static void test_answers_first(void)
{
	begin(2, 16);
	send_bytes(SERVER, responses, sizeof(responses) - 1);
	CU_ASSERT_EQUAL(report_count, 0);
	time_us += 1000;
	send_bytes(CLIENT, requests, sizeof(requests) - 1);
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	CU_ASSERT_EQUAL_FATAL(report_count, 7);
	expect(0, "GET /1 200 0 3");
	CU_ASSERT_EQUAL(reports[0].latency_us, 0);
	finish();
}

static void test_keep_alive(void)
{
	begin(1, 4);
	for (unsigned int i = 0; i < 100; i++) {
		send_text(CLIENT, "\r\nGET /k HTTP/1.1\r\n\r\n");
		send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
		CU_ASSERT_EQUAL(report_count, i + 1);
		CU_ASSERT_EQUAL(reports[i].latency_us, 10);
	}
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.exchanges_high), 1);
	finish();
}

static void test_gaps_in_bodies(void)
{
	begin(1, 4);
	send_text(CLIENT, "POST /g HTTP/1.1\r\nContent-Length: 1000\r\n\r\nab");
	lose(CLIENT, 998);
	send_text(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nab");
	lose(SERVER, 97);
	send_text(SERVER, "c\r\n5\r\nab");
	lose(SERVER, 3);
	send_text(SERVER, "\r\n0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "POST /g 200 1000 105");
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE);
	send_text(CLIENT, "GET /h HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\n\r\nab");
	lose(SERVER, 50);
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	expect(1, "GET /h 200 0 52");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 0);
	finish();
}

/* A gap swallows the end of one answer and all of the next. */
static void test_gap_over_answers(void)
{
	begin(1, 4);
	send_text(CLIENT, "GET /a HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
	send_text(CLIENT, "GET /b HTTP/1.1\r\n\r\n");
	send_text(CLIENT, "GET /c HTTP/1.1\r\n\r\n");
	lose(SERVER, 500);
	send_text(SERVER, "the middle of an answer");
	send_text(SERVER, "HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx");
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	expect(0, "GET /a 200 0 10");
	expect(1, "GET /b 0 0 0");
	CU_ASSERT_EQUAL(reports[1].flags, TT_HTTP_REQUEST | TT_HTTP_REQUEST_WHOLE);
	expect(2, "GET /c 404 0 1");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 1);
	finish();
}

/* One that pipelines is taken in order. */
static void test_gap_while_pipelining(void)
{
	begin(1, 8);
	send_text(CLIENT, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
	lose(SERVER, 3);
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "GET /a 200 0 0");
	finish();
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(1, "GET /b 0 0 0");
}

static void test_gap_over_requests(void)
{
	begin(1, 4);
	send_text(CLIENT, "GET /a HTTP/1.1\r\nHost: h\r\nX");
	lose(CLIENT, 100);
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "GET /a 200 0 1");
	CU_ASSERT_TRUE((reports[0].flags & TT_HTTP_REQUEST_HEAD_CUT) != 0);
	CU_ASSERT_TRUE(text_is(reports[0].host, reports[0].host_bytes, "h"));
	/* A request is lost: its answer stands alone, and the next pair is right. */
	lose(CLIENT, 100);
	send_text(SERVER, "HTTP/1.1 301 Moved\r\nContent-Length: 2\r\n\r\nab");
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(1, "  301 0 2");
	CU_ASSERT_EQUAL(reports[1].latency_us, 0);
	send_text(CLIENT, "GET /c HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx");
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	expect(2, "GET /c 404 0 1");
	finish();
}

static void test_midstream(void)
{
	begin(1, 4);
	connection = (struct tt_http1_connection){0};
	send_text(SERVER, "some body, HTTP/1.1 200 OK");
	send_text(CLIENT, "some other body");
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "  200 0 3");
	send_text(CLIENT, "GET /m HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 404 OK\r\nContent-Length: 3\r\n\r\nabc");
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(1, "GET /m 404 0 3");
	/* An answer to a HEAD that was not seen has no body for all its length. */
	connection = (struct tt_http1_connection){0};
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\na");
	CU_ASSERT_EQUAL_FATAL(report_count, 4);
	expect(2, "  200 0 0");
	expect(3, "  201 0 1");
	finish();
}

static void test_connect(void)
{
	begin(1, 4);
	send_text(CLIENT, "CONNECT a:443 HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 407 Proxy\r\nContent-Length: 1\r\n\r\nx");
	expect(0, "CONNECT a:443 407 0 1");
	CU_ASSERT_FALSE(tt_http1_connection_upgraded(&connection));
	send_text(CLIENT, "CONNECT b:443 HTTP/1.1\r\n\r\n");
	CU_ASSERT_EQUAL(
		send_text(SERVER, "HTTP/1.1 200 Go\r\nContent-Length: 9\r\n\r\n\x16\x03"), 38);
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(1, "CONNECT b:443 200 0 0");
	CU_ASSERT_EQUAL(reports[1].flags, WHOLE | TT_HTTP_UPGRADED);
	CU_ASSERT_TRUE(tt_http1_connection_upgraded(&connection));
	CU_ASSERT_EQUAL(send_text(CLIENT, "GET / HTTP/1.1\r\n\r\n"), 0);
	lose(SERVER, 5);
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	CU_ASSERT_TRUE(tt_http1_connection_upgraded(&connection));
	finish();
	CU_ASSERT_EQUAL(report_count, 2);
}

static void test_upgrade(void)
{
	begin(1, 4);
	send_text(CLIENT, "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "GET /chat 101 0 0");
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE | TT_HTTP_UPGRADED);
	CU_ASSERT_TRUE(tt_http1_connection_upgraded(&connection));
	finish();
}

/* RFC 9110 10.1.1: refused before the body was sent, and the client goes on without it. */
static void test_expectation_refused(void)
{
	begin(1, 4);
	send_text(CLIENT, "POST /a HTTP/1.1\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
	send_text(CLIENT, "GET /b HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(0, "POST /a 417 0 0");
	expect(1, "GET /b 200 0 0");
	finish();
}

/* Answered before the request's body has ended: the latency is 0, the bytes are all there. */
static void test_early_answer(void)
{
	begin(1, 4);
	send_text(CLIENT, "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
	send_text(SERVER, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL(report_count, 0);
	send_text(CLIENT, "cde");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "POST /a 413 5 0");
	CU_ASSERT_EQUAL(reports[0].latency_us, 0);
	CU_ASSERT_EQUAL(reports[0].duration_us, 10);
	finish();
}

/* An answer without a length ends where a client that waits sends the next request. */
static void test_answer_without_length(void)
{
	begin(1, 4);
	send_text(CLIENT, "GET /a HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\n\r\nabc");
	send_text(SERVER, "HTTP/1.1 404 quoted");
	send_text(CLIENT, "GET /b HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	expect(0, "GET /a 200 0 22");
	expect(1, "GET /b 500 0 0");
	finish();
}

static void test_unsound_framing(void)
{
	begin(1, 4);
	send_text(CLIENT, "POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
	send_text(SERVER, "HTTP/1.1 400 Bad\r\nContent-Length: x\r\n\r\nabc");
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "POST /a 400 0 3");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 2);
	finish();
}

static void test_cut_body(void)
{
	begin(1, 4);
	send_text(CLIENT, "GET /a HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
	tt_http1_connection_end(&connection, &pool, SERVER, &connection);
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "GET /a 200 0 3");
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE & ~TT_HTTP_RESPONSE_WHOLE);
	finish();
}

static void test_other_protocols(void)
{
	static const char *const firsts[] = {"\x16\x03\x01\x02", "SSH-2.0-x\r\n", "EHLO mail\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "OPTIONS * RTSP/1.0\r\n\r\n"};

	begin(1, 4);
	for (unsigned int i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		tt_http1_connection_start(&connection);
		for (unsigned int piece = 0; piece < 5; piece++) {
			send_text(CLIENT, firsts[i]);
			send_text(SERVER, firsts[i]);
		}
		tt_http1_connection_close(&connection, &pool, &connection);
	}
	CU_ASSERT_EQUAL(report_count, 0);
	finish();
}

static void test_long_path_and_head(void)
{
	static char text[3 * TT_HTTP1_HEAD_BYTES];
	size_t length = (size_t)sprintf(text, "GET /");

	begin(1, 4);
	memset(text + length, 'p', 300);
	length += 300;
	length += (size_t)sprintf(text + length, " HTTP/1.1\r\nHost: h\r\nX: ");
	memset(text + length, 'x', TT_HTTP1_HEAD_BYTES);
	for (size_t at = 0; at < length + TT_HTTP1_HEAD_BYTES; at += 1000)
		send_bytes(CLIENT, text + at, 1000);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.heads_cut), 1);
	send_text(SERVER, "HTTP/1.1 431 Long\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	CU_ASSERT_EQUAL(reports[0].status, 431);
	CU_ASSERT_EQUAL(reports[0].path_bytes, TT_HTTP_PATH_BYTES);
	CU_ASSERT_EQUAL(reports[0].flags & (TT_HTTP_PATH_TRUNCATED | TT_HTTP_REQUEST_HEAD_CUT),
		TT_HTTP_PATH_TRUNCATED | TT_HTTP_REQUEST_HEAD_CUT);
	finish();
}

/* What has no room is not followed, but the others pair as if it were. */
static void test_no_room(void)
{
	begin(1, 2);
	send_text(CLIENT,
		"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
		"GET /3 HTTP/1.1\r\n\r\nGET /4 HTTP/1.1\r\n\r\n");
	for (unsigned int i = 0; i < 4; i++)
		send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	send_text(CLIENT, "GET /5 HTTP/1.1\r\n\r\n");
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	expect(0, "GET /1 200 0 1");
	expect(1, "GET /2 200 0 1");
	expect(2, "GET /5 200 0 1");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.exchanges_full), 1);
	finish();

	begin(1, 300);
	for (unsigned int i = 0; i < TT_HTTP1_QUEUE + 5; i++)
		send_text(CLIENT, "GET /q HTTP/1.1\r\n\r\n");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.queue_full), 1);
	finish();
	CU_ASSERT_EQUAL(report_count, TT_HTTP1_QUEUE);
}

static void test_no_slab(void)
{
	struct tt_http1_connection holder = {0};
	static const uint8_t begun[] = "GET /held HTTP/1.1\r\n";

	begin(1, 4);
	(void)tt_http1_connection_data(
		&holder, &pool, CLIENT, begun, sizeof(begun) - 1, time_us, &connection);
	send_text(CLIENT, "GET /cut HTTP/1.1\r\nHost: h\r\nX: y");
	send_text(CLIENT, "z\r\n\r\n");
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_full), 1);
	send_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	expect(0, "GET /cut 200 0 0");
	tt_http1_connection_close(&holder, &pool, &connection);
	finish();
}

static const struct suite_test tests[] = {
	{"a transaction", test_one},
	{"every cut of pipelined transactions", test_every_cut},
	{"answers before their requests", test_answers_first},
	{"keep-alive", test_keep_alive},
	{"gaps in bodies", test_gaps_in_bodies},
	{"a gap over answers", test_gap_over_answers},
	{"a gap while pipelining", test_gap_while_pipelining},
	{"gaps over requests", test_gap_over_requests},
	{"midstream", test_midstream},
	{"CONNECT", test_connect},
	{"Upgrade", test_upgrade},
	{"an expectation refused", test_expectation_refused},
	{"an early answer", test_early_answer},
	{"an answer without length", test_answer_without_length},
	{"unsound framing", test_unsound_framing},
	{"a cut body", test_cut_body},
	{"other protocols", test_other_protocols},
	{"a long path and a long head", test_long_path_and_head},
	{"no room for transactions", test_no_room},
	{"no slab", test_no_slab},
};

SUITE_MAIN("http1_connection", tests)
