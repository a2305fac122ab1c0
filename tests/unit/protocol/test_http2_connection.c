/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "hpack_build.h"
#include "protocol/hpack.h"
#include "protocol/http2_connection.h"

#include "suite.h"

#include <stdio.h>

#define CLIENT	0
#define SERVER	1
#define REPORTS 700
#define WHOLE	(TT_HTTP_REQUEST | TT_HTTP_RESPONSE | TT_HTTP_REQUEST_WHOLE | TT_HTTP_RESPONSE_WHOLE)
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION
};

enum {
	END_STREAM = 0x01,
	END_HEADERS = 0x04,
	PADDED = 0x08,
	HAS_PRIORITY = 0x20
};

static struct tt_http2_pool pool;
static struct tt_http2_connection connection;
static struct tt_http_transaction reports[REPORTS];
static unsigned int report_count;
static uint64_t time_us;
static struct hpack_encoder encoders[2];

/* What a direction sends next. */
static uint8_t wire[2][1 << 19];
static size_t wire_bytes[2];
static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void report(
	void *context, const struct tt_http_transaction *transaction, unsigned int client)
{
	CU_ASSERT_PTR_EQUAL(context, &connection);
	CU_ASSERT_EQUAL(client, CLIENT);
	CU_ASSERT_EQUAL(transaction->version, 20);
	if (report_count < REPORTS)
		reports[report_count++] = *transaction;
}

static void put_bytes(unsigned int side, const void *bytes, size_t length)
{
	memcpy(wire[side] + wire_bytes[side], bytes, length);
	wire_bytes[side] += length;
}

static void put_frame(unsigned int side, unsigned int type, unsigned int flags, uint32_t stream,
	const void *payload, size_t length)
{
	const uint8_t header[] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
		(uint8_t)type, (uint8_t)flags, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
		(uint8_t)(stream >> 8), (uint8_t)stream};

	put_bytes(side, header, sizeof(header));
	if (length > 0)
		put_bytes(side, payload, length);
}

static void put_data(unsigned int side, unsigned int flags, uint32_t stream, size_t length)
{
	static const uint8_t data[20000];

	put_frame(side, DATA, flags, stream, data, length);
}

/* Give what is on the wire of one side, in pieces of so many bytes. */
static void send_pieces(unsigned int side, size_t piece)
{
	for (size_t at = 0; at < wire_bytes[side];) {
		size_t length = piece < wire_bytes[side] - at ? piece : wire_bytes[side] - at;
		struct guarded guarded = guarded_copy(wire[side] + at, length);

		tt_http2_connection_data(
			&connection, &pool, side, guarded.bytes, length, time_us, &connection);
		guarded_free(&guarded);
		at += length;
	}
	wire_bytes[side] = 0;
}

static void send_all(unsigned int side)
{
	send_pieces(side, SIZE_MAX);
}

static void lose(unsigned int side, size_t length)
{
	tt_http2_connection_gap(&connection, &pool, side, length, time_us, &connection);
}

static void begin_pool(uint32_t slabs, uint32_t tables, uint32_t exchanges)
{
	struct tt_http2_pool_options options = {.slabs = slabs,
		.tables = tables,
		.exchanges = exchanges,
		.secret = 1,
		.report = report};

	CU_ASSERT_EQUAL_FATAL(tt_http2_pool_create(&pool, &options), TT_OK);
	connection = (struct tt_http2_connection){0};
	report_count = 0;
	time_us = 1000000;
	wire_bytes[0] = 0;
	wire_bytes[1] = 0;
	hpack_begin(&encoders[0]);
	hpack_begin(&encoders[1]);
}

/* Both sides from their first byte on. */
static void begin(void)
{
	begin_pool(4, 4, 512);
	tt_http2_connection_start(&connection, CLIENT);
	tt_http2_connection_start(&connection, SERVER);
	put_bytes(CLIENT, PREFACE, 24);
	put_frame(CLIENT, SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	put_frame(SERVER, SETTINGS, 0, 0, NULL, 0);
	put_frame(SERVER, SETTINGS, 1, 0, NULL, 0);
	send_all(CLIENT);
	send_all(SERVER);
}

/* Close, and see that nothing is left behind. */
static void finish(void)
{
	tt_http2_connection_close(&connection, &pool, &connection);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_used), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.tables_used), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.exchanges_used), 0);
	CU_ASSERT_EQUAL(connection.streams, 0);
	tt_http2_pool_destroy(&pool);
}

static void block_of_request(const char *method, const char *path)
{
	struct hpack_encoder *encoder = &encoders[CLIENT];

	encoder->length = 0;
	hpack_field(encoder, ":method", method);
	hpack_field(encoder, ":scheme", "http");
	hpack_field(encoder, ":path", path);
	hpack_field(encoder, ":authority", "www.example.com:8080");
	hpack_field(encoder, "user-agent", "tests/1");
}

static void put_request(uint32_t stream, const char *method, const char *path, unsigned int flags)
{
	block_of_request(method, path);
	put_frame(CLIENT, HEADERS, END_HEADERS | flags, stream, encoders[CLIENT].bytes,
		encoders[CLIENT].length);
}

static void put_answer(uint32_t stream, const char *status, unsigned int flags)
{
	struct hpack_encoder *encoder = &encoders[SERVER];

	encoder->length = 0;
	hpack_field(encoder, ":status", status);
	hpack_field(encoder, "content-type", "text/plain");
	put_frame(SERVER, HEADERS, END_HEADERS | flags, stream, encoder->bytes, encoder->length);
}

static void see_text(const char *text, size_t length, const char *expected)
{
	CU_ASSERT_EQUAL(length, strlen(expected));
	CU_ASSERT_EQUAL(memcmp(text, expected, length), 0);
}

static void see(unsigned int i, uint32_t stream, const char *path, unsigned int status)
{
	CU_ASSERT_FATAL(i < report_count);
	CU_ASSERT_EQUAL(reports[i].stream_id, stream);
	CU_ASSERT_EQUAL(reports[i].status, status);
	see_text(reports[i].path, reports[i].path_bytes, path);
}

static void test_a_request_and_its_answer(void)
{
	begin();
	put_request(1, "POST", "/a?b=c", 0);
	send_all(CLIENT);
	time_us += 10;
	put_data(CLIENT, 0, 1, 100);
	put_data(CLIENT, END_STREAM, 1, 11);
	send_all(CLIENT);
	time_us += 5;
	put_answer(1, "404", 0);
	send_all(SERVER);
	time_us += 7;
	put_data(SERVER, END_STREAM, 1, 1000);
	CU_ASSERT_EQUAL(report_count, 0);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 1);
	see(0, 1, "/a", 404);
	see_text(reports[0].method, reports[0].method_bytes, "POST");
	see_text(reports[0].host, reports[0].host_bytes, "www.example.com:8080");
	see_text(reports[0].user_agent, reports[0].user_agent_bytes, "tests/1");
	see_text(reports[0].content_type, reports[0].content_type_bytes, "text/plain");
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE);
	CU_ASSERT_EQUAL(reports[0].request_bytes, 111);
	CU_ASSERT_EQUAL(reports[0].response_bytes, 1000);
	CU_ASSERT_EQUAL(reports[0].start_us, 1000000);
	CU_ASSERT_EQUAL(reports[0].latency_us, 5);
	CU_ASSERT_EQUAL(reports[0].duration_us, 22);
	finish();
	CU_ASSERT_EQUAL(report_count, 1);
}

static void test_an_answer_before_the_end_of_its_request_has_no_latency(void)
{
	begin();
	put_request(1, "POST", "/", 0);
	send_all(CLIENT);
	time_us += 10;
	put_answer(1, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 0);
	time_us += 10;
	put_data(CLIENT, END_STREAM, 1, 5);
	send_all(CLIENT);
	see(0, 1, "/", 200);
	CU_ASSERT_EQUAL(reports[0].latency_us, 0);
	CU_ASSERT_EQUAL(reports[0].duration_us, 10);
	finish();
}

static void test_grpc_status_is_in_trailers(void)
{
	struct hpack_encoder *encoder = &encoders[SERVER];

	begin();
	put_request(1, "POST", "/pkg.Service/Call", END_STREAM);
	put_request(3, "POST", "/pkg.Service/Other", END_STREAM);
	send_all(CLIENT);
	encoder->length = 0;
	hpack_field(encoder, ":status", "200");
	hpack_field(encoder, "content-type", "application/grpc+proto");
	put_frame(SERVER, HEADERS, END_HEADERS, 1, encoder->bytes, encoder->length);
	put_data(SERVER, 0, 1, 7);
	encoder->length = 0;
	hpack_field(encoder, "grpc-status", "14");
	hpack_field(encoder, "grpc-message", "no");
	put_frame(SERVER, HEADERS, END_HEADERS | END_STREAM, 1, encoder->bytes, encoder->length);
	/* Trailers alone. */
	encoder->length = 0;
	hpack_field(encoder, ":status", "200");
	hpack_field(encoder, "content-type", "application/grpc+proto");
	hpack_field(encoder, "grpc-status", "0");
	put_frame(SERVER, HEADERS, END_HEADERS | END_STREAM, 3, encoder->bytes, encoder->length);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	see(0, 1, "/pkg.Service/Call", 200);
	CU_ASSERT_EQUAL(reports[0].flags, WHOLE | TT_HTTP_GRPC | TT_HTTP_GRPC_STATUS);
	CU_ASSERT_EQUAL(reports[0].grpc_status, 14);
	CU_ASSERT_EQUAL(reports[0].response_bytes, 7);
	see(1, 3, "/pkg.Service/Other", 200);
	CU_ASSERT_EQUAL(reports[1].flags, WHOLE | TT_HTTP_GRPC | TT_HTTP_GRPC_STATUS);
	CU_ASSERT_EQUAL(reports[1].grpc_status, 0);
	finish();
}

static void test_streams_are_interleaved(void)
{
	begin();
	for (uint32_t stream = 1; stream < 7; stream += 2) {
		char path[8];
		snprintf(path, sizeof(path), "/%u", stream);
		put_request(stream, "GET", path, END_STREAM);
	}
	send_all(CLIENT);
	put_answer(5, "200", 0);
	put_answer(1, "103", 0);
	put_answer(1, "500", 0);
	put_data(SERVER, 0, 5, 50);
	put_data(SERVER, 0, 1, 10);
	put_data(SERVER, END_STREAM, 5, 50);
	put_answer(3, "204", END_STREAM);
	put_data(SERVER, END_STREAM, 1, 0);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	see(0, 5, "/5", 200);
	CU_ASSERT_EQUAL(reports[0].response_bytes, 100);
	see(1, 3, "/3", 204);
	see(2, 1, "/1", 500);
	CU_ASSERT_EQUAL(reports[2].response_bytes, 10);
	finish();
}

static void test_padding_and_priority_are_left_out(void)
{
	uint8_t payload[600] = {9};
	struct hpack_encoder *encoder = &encoders[CLIENT];

	begin();
	block_of_request("GET", "/padded");
	memset(payload + 1, 0xff, 5);
	memcpy(payload + 6, encoder->bytes, encoder->length);
	put_frame(CLIENT, HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 1, payload,
		6 + encoder->length + 9);
	memset(payload, 0, sizeof(payload));
	payload[0] = 255;
	put_frame(CLIENT, DATA, PADDED, 1, payload, 300);
	payload[0] = 0;
	put_frame(CLIENT, DATA, PADDED | END_STREAM, 1, payload, 1);
	send_all(CLIENT);
	put_answer(1, "200", END_STREAM);
	send_all(SERVER);
	see(0, 1, "/padded", 200);
	CU_ASSERT_EQUAL(reports[0].request_bytes, 44);
	/* More padding than there is. */
	payload[0] = 4;
	put_request(3, "GET", "/", 0);
	put_frame(CLIENT, DATA, PADDED, 3, payload, 4);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 1);
	finish();
}

static void test_a_block_goes_on_in_continuations(void)
{
	struct hpack_encoder *encoder = &encoders[CLIENT];

	begin();
	block_of_request("GET", "/continued");
	put_frame(CLIENT, HEADERS, END_STREAM, 1, encoder->bytes, 3);
	put_frame(CLIENT, CONTINUATION, 0, 1, encoder->bytes + 3, 10);
	put_frame(CLIENT, CONTINUATION, 0, 1, NULL, 0);
	put_frame(CLIENT, CONTINUATION, END_HEADERS, 1, encoder->bytes + 13, encoder->length - 13);
	put_request(3, "GET", "/after", END_STREAM);
	send_all(CLIENT);
	put_answer(1, "200", END_STREAM);
	put_answer(3, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	see(0, 1, "/continued", 200);
	see(1, 3, "/after", 200);
	/* Another frame between them. */
	put_frame(CLIENT, HEADERS, 0, 5, "\x82", 1);
	put_frame(CLIENT, PING, 0, 0, "12345678", 8);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 1);
	finish();
}

static void test_continuations_without_end_are_given_up(void)
{
	uint8_t block[1000];

	begin();
	memset(block, 0x82, sizeof(block));
	put_frame(CLIENT, HEADERS, END_STREAM, 1, block, sizeof(block));
	for (unsigned int i = 0; i < 200; i++)
		put_frame(CLIENT, CONTINUATION, 0, 1, block, sizeof(block));
	put_frame(CLIENT, CONTINUATION, END_HEADERS, 1, block, 1);
	put_request(3, "GET", "/new", END_STREAM);
	send_pieces(CLIENT, 1460);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.blocks_lost), 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.slabs_used), 0);
	put_answer(1, "200", END_STREAM);
	put_answer(3, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	see(0, 1, "", 200);
	CU_ASSERT_NOT_EQUAL(reports[0].flags & TT_HTTP_REQUEST_HEAD_CUT, 0);
	CU_ASSERT_EQUAL(reports[0].method_bytes, 0);
	see(1, 3, "/new", 200);
	finish();
}

static void test_resets_end_streams(void)
{
	begin();
	put_request(1, "GET", "/1", END_STREAM);
	put_request(3, "POST", "/3", 0);
	put_frame(CLIENT, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 1, "/1", 0);
	/* On its way when it was reset. */
	put_answer(1, "200", END_STREAM);
	put_answer(3, "413", END_STREAM);
	put_frame(SERVER, RST_STREAM, 0, 3, "\0\0\0\0", 4);
	send_pieces(SERVER, 3);
	CU_ASSERT_EQUAL(report_count, 2);
	see(1, 3, "/3", 413);
	CU_ASSERT_EQUAL(reports[1].flags & TT_HTTP_REQUEST_WHOLE, 0);
	finish();
	CU_ASSERT_EQUAL(report_count, 2);
}

static void test_goaway_leaves_later_streams_unanswered(void)
{
	begin();
	put_request(1, "GET", "/1", END_STREAM);
	put_request(3, "GET", "/3", END_STREAM);
	send_all(CLIENT);
	put_frame(SERVER, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0bye", 11);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 3, "/3", 0);
	put_answer(1, "200", END_STREAM);
	send_all(SERVER);
	see(1, 1, "/1", 200);
	finish();
}

static void test_pushed_streams_have_their_request_from_the_server(void)
{
	uint8_t payload[300] = {0, 0, 0, 2};
	struct hpack_encoder *encoder = &encoders[SERVER];

	begin();
	put_request(1, "GET", "/page", END_STREAM);
	send_all(CLIENT);
	encoder->length = 0;
	hpack_field(encoder, ":method", "GET");
	hpack_field(encoder, ":path", "/style");
	hpack_field(encoder, ":authority", "b");
	memcpy(payload + 4, encoder->bytes, encoder->length);
	put_frame(SERVER, PUSH_PROMISE, END_HEADERS, 1, payload, 4 + encoder->length);
	put_answer(1, "200", END_STREAM);
	send_all(SERVER);
	time_us += 3;
	put_answer(2, "200", 0);
	put_data(SERVER, END_STREAM, 2, 9);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 2);
	see(0, 1, "/page", 200);
	see(1, 2, "/style", 200);
	CU_ASSERT_EQUAL(reports[1].flags, WHOLE);
	CU_ASSERT_EQUAL(reports[1].latency_us, 3);
	finish();
}

static void test_answers_may_be_seen_before_their_requests(void)
{
	begin();
	put_answer(1, "200", END_STREAM);
	put_answer(3, "201", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 0);
	put_request(1, "GET", "/1", END_STREAM);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 1, "/1", 200);
	CU_ASSERT_EQUAL(reports[0].latency_us, 0);
	/* That of 3 was lost: a later one comes. */
	put_request(5, "GET", "/5", END_STREAM);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(report_count, 2);
	see(1, 3, "", 201);
	CU_ASSERT_EQUAL(reports[1].flags, TT_HTTP_RESPONSE | TT_HTTP_RESPONSE_WHOLE);
	CU_ASSERT_EQUAL(connection.early, 0);
	finish();
}

static void test_an_upgraded_connection_answers_its_request_on_stream_1(void)
{
	begin_pool(4, 4, 16);
	tt_http2_connection_start(&connection, CLIENT);
	tt_http2_connection_start(&connection, SERVER);
	tt_http2_connection_upgrade(&connection);
	put_frame(SERVER, SETTINGS, 0, 0, NULL, 0);
	put_answer(1, "200", 0);
	put_data(SERVER, END_STREAM, 1, 4);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 1, "", 200);
	put_bytes(CLIENT, PREFACE, 24);
	put_frame(CLIENT, SETTINGS, 0, 0, NULL, 0);
	put_request(3, "GET", "/3", END_STREAM);
	send_pieces(CLIENT, 5);
	put_answer(3, "204", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 2);
	see(1, 3, "/3", 204);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 0);
	finish();
}

/* Midstream: what refers to what was not seen is left out, and never another's. */
static void test_midstream_fields_are_left_out(void)
{
	begin_pool(4, 4, 16);
	put_request(1, "GET", "/old", END_STREAM);
	put_request(3, "PUT", "/older", END_STREAM);
	put_answer(1, "200", END_STREAM);
	wire_bytes[CLIENT] = 0;
	wire_bytes[SERVER] = 0;
	put_request(5, "GET", "/old", END_STREAM);
	put_request(7, "GET", "/new", END_STREAM);
	put_request(9, "PUT", "/new", END_STREAM);
	send_all(CLIENT);
	put_answer(3, "404", END_STREAM);
	put_answer(5, "200", END_STREAM);
	put_answer(7, "200", END_STREAM);
	put_answer(9, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 4);
	see(0, 3, "", 404);
	CU_ASSERT_EQUAL(reports[0].flags & TT_HTTP_REQUEST, 0);
	see(1, 5, "", 200);
	see_text(reports[1].method, reports[1].method_bytes, "GET");
	CU_ASSERT_EQUAL(reports[1].host_bytes, 0);
	see(2, 7, "/new", 200);
	see(3, 9, "/new", 200);
	CU_ASSERT_EQUAL(reports[3].method_bytes, 0);
	CU_ASSERT_EQUAL(reports[3].content_type_bytes, 0);
	CU_ASSERT(tt_counter_read(&pool.counters.fields_unknown) > 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 2);
	finish();
}

static void test_data_lost_inside_its_frame_loses_nothing(void)
{
	begin();
	put_request(1, "GET", "/big", END_STREAM);
	put_request(3, "GET", "/next", END_STREAM);
	send_all(CLIENT);
	put_answer(1, "200", 0);
	put_data(SERVER, END_STREAM, 1, 16384);
	wire_bytes[SERVER] -= 16000;
	send_all(SERVER);
	lose(SERVER, 16000);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 1, "/big", 200);
	CU_ASSERT_EQUAL(reports[0].response_bytes, 16384);
	put_answer(3, "200", END_STREAM);
	send_all(SERVER);
	see(1, 3, "/next", 200);
	see_text(reports[1].content_type, reports[1].content_type_bytes, "text/plain");
	finish();
}

static void test_a_lost_block_leaves_what_follows_unknown(void)
{
	begin();
	put_request(1, "GET", "/lost", END_STREAM);
	size_t lost = wire_bytes[CLIENT] - 12;
	wire_bytes[CLIENT] = 12;
	send_all(CLIENT);
	lose(CLIENT, lost);
	put_request(3, "GET", "/lost", END_STREAM);
	put_request(5, "GET", "/fresh", END_STREAM);
	send_all(CLIENT);
	for (uint32_t stream = 1; stream < 7; stream += 2)
		put_answer(stream, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	see(0, 1, "", 200);
	CU_ASSERT_NOT_EQUAL(reports[0].flags & TT_HTTP_REQUEST, 0);
	see(1, 3, "", 200);
	see(2, 5, "/fresh", 200);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.blocks_lost), 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 0);
	finish();
}

static void test_a_gap_over_frames_is_survived(void)
{
	begin();
	put_request(1, "POST", "/one", 0);
	send_all(CLIENT);
	put_data(CLIENT, END_STREAM, 1, 10);
	put_request(3, "GET", "/three", END_STREAM);
	size_t lost = wire_bytes[CLIENT];
	wire_bytes[CLIENT] = 0;
	lose(CLIENT, lost);
	put_answer(1, "200", END_STREAM);
	send_all(SERVER);
	/* The end of its request may have been among what was lost. */
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 1, "/one", 200);
	/* Not where a frame begins. */
	put_bytes(CLIENT, "nothing of a frame here", 23);
	send_all(CLIENT);
	put_request(5, "GET", "/five", END_STREAM);
	send_all(CLIENT);
	put_answer(3, "200", END_STREAM);
	put_answer(5, "200", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL_FATAL(report_count, 3);
	see(1, 3, "", 200);
	CU_ASSERT_EQUAL(reports[1].flags & TT_HTTP_REQUEST, 0);
	see(2, 5, "/five", 200);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.resyncs), 1);
	finish();
}

static void test_streams_under_way_are_bounded(void)
{
	begin();
	for (uint32_t i = 0; i < TT_HTTP2_STREAMS + 10; i++)
		put_request(2 * i + 1, "GET", "/", 0);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(connection.streams, TT_HTTP2_STREAMS);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.streams_full), 10);
	finish();
	CU_ASSERT_EQUAL(report_count, TT_HTTP2_STREAMS);
	begin_pool(1, 1, 3);
	tt_http2_connection_start(&connection, CLIENT);
	put_bytes(CLIENT, PREFACE, 24);
	for (uint32_t i = 0; i < 5; i++)
		put_request(2 * i + 1, "GET", "/", 0);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.exchanges_full), 2);
	finish();
}

static void test_wrong_streams_are_passed_over(void)
{
	begin();
	put_request(5, "GET", "/5", END_STREAM);
	put_request(3, "GET", "/late", END_STREAM);
	put_request(4, "GET", "/even", END_STREAM);
	put_request(5, "GET", "/again", END_STREAM);
	put_data(CLIENT, END_STREAM, 77, 10);
	send_all(CLIENT);
	put_answer(3, "200", END_STREAM);
	put_answer(5, "200", END_STREAM);
	put_answer(5, "500", END_STREAM);
	send_all(SERVER);
	CU_ASSERT_EQUAL(report_count, 1);
	see(0, 5, "/5", 200);
	put_frame(CLIENT, HEADERS, END_HEADERS, 0, "\x82", 1);
	send_all(CLIENT);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.invalid), 1);
	finish();
}

/* Some streams, in frames of any kind. */
static void put_conversation(void)
{
	static const char *const statuses[] = {"200", "404", "500", "302"};
	uint8_t payload[4000];

	put_bytes(CLIENT, PREFACE, 24);
	put_frame(CLIENT, SETTINGS, 0, 0, "\0\1\0\0\x20\0", 6);
	put_frame(SERVER, SETTINGS, 0, 0, NULL, 0);
	for (uint32_t stream = 1; stream < 200; stream += 2) {
		struct hpack_encoder *encoder = &encoders[CLIENT];
		char path[40];
		snprintf(path, sizeof(path), "/%u/%u", stream, draw(3));
		block_of_request(draw(2) == 0 ? "GET" : "DELETE", path);
		size_t padding = draw(3) == 0 ? draw(200) : 0;
		size_t first = padding > 0 ? draw((uint32_t)encoder->length + 1) : 0;
		size_t at = 0;
		if (padding > 0) {
			payload[at++] = (uint8_t)padding;
			memcpy(payload + at, encoder->bytes, first);
			memset(payload + at + first, 0, padding);
			at += first + padding;
		}
		put_frame(CLIENT, HEADERS, END_STREAM | (padding > 0 ? PADDED : 0), stream, payload,
			at);
		put_frame(CLIENT, CONTINUATION, END_HEADERS, stream, encoder->bytes + first,
			encoder->length - first);
		if (draw(3) == 0)
			put_frame(CLIENT, PING, 0, 0, "abcdefgh", 8);
		if (draw(3) == 0)
			put_frame(SERVER, WINDOW_UPDATE, 0, stream, "\0\0\1\0", 4);
		if (draw(4) == 0)
			put_answer(stream, "103", 0);
		put_answer(stream, statuses[stream % 4], 0);
		put_data(SERVER, 0, stream, draw(3000));
		put_data(SERVER, END_STREAM, stream, stream);
	}
}

/* The same comes out however the bytes are cut, and nothing false whatever is lost. */
static void test_any_cut_gives_the_same(void)
{
	static struct tt_http_transaction whole[REPORTS];
	static uint8_t sent[2][sizeof(wire[0])];
	size_t bytes[2];

	random_state = 7;
	begin_pool(4, 4, 512);
	put_conversation();
	for (unsigned int side = 0; side < 2; side++) {
		bytes[side] = wire_bytes[side];
		memcpy(sent[side], wire[side], bytes[side]);
		tt_http2_connection_start(&connection, side);
	}
	send_all(CLIENT);
	send_all(SERVER);
	finish();
	CU_ASSERT_EQUAL_FATAL(report_count, 100);
	memcpy(whole, reports, sizeof(whole));
	for (unsigned int round = 0; round < 60; round++) {
		size_t at[2] = {0, 0};
		bool losing = round >= 30;
		uint32_t most = 1 + draw(3000);

		begin_pool(4, 4, 512);
		tt_http2_connection_start(&connection, CLIENT);
		tt_http2_connection_start(&connection, SERVER);
		while (at[0] < bytes[0] || at[1] < bytes[1]) {
			unsigned int side = draw(2);
			size_t length = 1 + draw(most);
			if (length > bytes[side] - at[side])
				length = bytes[side] - at[side];
			struct guarded piece = guarded_copy(sent[side] + at[side], length);
			if (losing && draw(20) == 0)
				lose(side, length);
			else
				tt_http2_connection_data(&connection, &pool, side, piece.bytes,
					length, time_us, &connection);
			guarded_free(&piece);
			at[side] += length;
			time_us++;
		}
		finish();
		CU_ASSERT(losing || report_count == 100);
		for (unsigned int i = 0; i < report_count; i++) {
			const struct tt_http_transaction *one = &reports[i];
			const struct tt_http_transaction *same = &whole[one->stream_id / 2];

			CU_ASSERT_EQUAL_FATAL(one->stream_id % 2, 1);
			CU_ASSERT_EQUAL_FATAL(one->stream_id, same->stream_id);
			if (!losing || one->path_bytes > 0) {
				CU_ASSERT_EQUAL(one->path_bytes, same->path_bytes);
				CU_ASSERT_EQUAL(memcmp(one->path, same->path, one->path_bytes), 0);
			}
			if (!losing || one->method_bytes > 0) {
				CU_ASSERT_EQUAL(one->method_bytes, same->method_bytes);
			}
			if (!losing || one->status != 0) {
				CU_ASSERT_EQUAL(one->status, same->status);
			}
			if (!losing) {
				CU_ASSERT_EQUAL(one->flags, same->flags);
				CU_ASSERT_EQUAL(one->response_bytes, same->response_bytes);
			}
		}
	}
}

static void test_beginnings_of_frames(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool frames;
	} cases[] = {
		{"\0\0\1\1\5\0\0\0\1\x82", 10, true},		       /* HEADERS, whole */
		{"\0\0\1\1\5\0\0\0\1", 9, false},		       /* cut */
		{"\0\0\1\1\5\0\0\0\0\x82", 10, false},		       /* of no stream */
		{"\0\0\1\1\5\x80\0\0\1\x82", 10, false},	       /* the reserved bit */
		{"\0\0\1\1\x45\0\0\0\1\x82", 10, false},	       /* a flag that it has not */
		{"\0\0\1\x0a\0\0\0\0\1\x82", 10, false},	       /* a type of nobody's */
		{"\0\0\0\4\1\0\0\0\0\0\0\x08\6\0\0\0\0\0", 18, false}, /* the second is cut */
		{"\0\0\0\4\1\0\0\0\0\0\0\0\0\1\0\0\0\3\0", 19, true},  /* two, and more */
		{"HTTP/1.1 200 OK\r\n\r\n", 19, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guarded guarded = guarded_copy(cases[i].bytes, cases[i].length);
		if (tt_http2_frames_begin(guarded.bytes, cases[i].length) != cases[i].frames) {
			printf("case %zu", i);
			CU_FAIL("frames begin");
		}
		guarded_free(&guarded);
	}
}

static void test_wrong_options_are_refused(void)
{
	struct tt_http2_pool_options options = {
		.slabs = 1, .tables = 0, .exchanges = 1, .report = report};

	CU_ASSERT_EQUAL(tt_http2_pool_create(&pool, &options), TT_ERROR_ARGUMENT);
	options.tables = 1;
	CU_ASSERT(tt_http2_pool_bytes(&options) > TT_HTTP2_BLOCK_BYTES + TT_HPACK_TABLE_BYTES);
	options.report = NULL;
	CU_ASSERT_EQUAL(tt_http2_pool_create(&pool, &options), TT_ERROR_ARGUMENT);
}

static const struct suite_test tests[] = {
	{"a request and its answer", test_a_request_and_its_answer},
	{"an answer before the end of its request has no latency",
		test_an_answer_before_the_end_of_its_request_has_no_latency},
	{"grpc status is in trailers", test_grpc_status_is_in_trailers},
	{"streams are interleaved", test_streams_are_interleaved},
	{"padding and priority are left out", test_padding_and_priority_are_left_out},
	{"a block goes on in continuations", test_a_block_goes_on_in_continuations},
	{"continuations without end are given up", test_continuations_without_end_are_given_up},
	{"resets end streams", test_resets_end_streams},
	{"goaway leaves later streams unanswered", test_goaway_leaves_later_streams_unanswered},
	{"pushed streams have their request from the server",
		test_pushed_streams_have_their_request_from_the_server},
	{"answers may be seen before their requests",
		test_answers_may_be_seen_before_their_requests},
	{"an upgraded connection answers its request on stream 1",
		test_an_upgraded_connection_answers_its_request_on_stream_1},
	{"midstream fields are left out", test_midstream_fields_are_left_out},
	{"data lost inside its frame loses nothing", test_data_lost_inside_its_frame_loses_nothing},
	{"a lost block leaves what follows unknown", test_a_lost_block_leaves_what_follows_unknown},
	{"a gap over frames is survived", test_a_gap_over_frames_is_survived},
	{"streams under way are bounded", test_streams_under_way_are_bounded},
	{"wrong streams are passed over", test_wrong_streams_are_passed_over},
	{"any cut gives the same", test_any_cut_gives_the_same},
	{"beginnings of frames", test_beginnings_of_frames},
	{"wrong options are refused", test_wrong_options_are_refused},
};

SUITE_MAIN("http2_connection", tests)
