/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http1.h"

#include "suite.h"

#include <stdio.h>

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % limit;
}

static enum tt_http1_result request(struct tt_http1_head *head, const char *text)
{
	return tt_http1_request(head, (const uint8_t *)text, strlen(text));
}

static enum tt_http1_result response(struct tt_http1_head *head, const char *text)
{
	return tt_http1_response(head, (const uint8_t *)text, strlen(text));
}

static bool is(const struct tt_http1_text *text, const char *wanted)
{
	char copy[512];
	size_t length = tt_http1_text_copy(copy, sizeof(copy), text);

	return text->bytes != NULL && length == strlen(wanted) && memcmp(copy, wanted, length) == 0;
}

static void test_request(void)
{
	struct tt_http1_head head;
	const char *text = "POST /a/b?c=d HTTP/1.1\r\nHost: www.example.com:80\r\n"
			   "User-Agent: curl/8.0 (x)\r\ncontent-TYPE:text/plain\r\n"
			   "Content-Length: 12\r\nExpect: 100-Continue\r\nX: y\r\n\r\nbody";

	CU_ASSERT_EQUAL(request(&head, text), TT_HTTP1_OK);
	CU_ASSERT_EQUAL(head.bytes, strlen(text) - 4);
	CU_ASSERT_EQUAL(head.version, 11);
	CU_ASSERT_TRUE(is(&head.method, "POST"));
	CU_ASSERT_TRUE(is(&head.target, "/a/b?c=d"));
	CU_ASSERT_TRUE(is(&head.host, "www.example.com:80"));
	CU_ASSERT_TRUE(is(&head.user_agent, "curl/8.0 (x)"));
	CU_ASSERT_TRUE(is(&head.content_type, "text/plain"));
	CU_ASSERT_EQUAL(head.content_length, 12);
	CU_ASSERT_EQUAL(head.flags, TT_HTTP1_FIRST_LINE | TT_HTTP1_LENGTH | TT_HTTP1_EXPECT);
}

static void test_response(void)
{
	struct tt_http1_head head;

	CU_ASSERT_EQUAL(response(&head, "HTTP/1.0 404 Not Found\n\n"), TT_HTTP1_OK);
	CU_ASSERT_EQUAL(head.status, 404);
	CU_ASSERT_EQUAL(head.version, 10);
	CU_ASSERT_EQUAL(response(&head, "HTTP/1.1 204\r\n\r\n"), TT_HTTP1_OK);
	CU_ASSERT_EQUAL(head.status, 204);
	CU_ASSERT_EQUAL(response(&head, "HTTP/1.1   301  \r\n\r\n"), TT_HTTP1_OK);
	CU_ASSERT_EQUAL(head.status, 301);
	CU_ASSERT_EQUAL(response(&head, "HTTP/1.1 2000 OK\r\n\r\n"), TT_HTTP1_INVALID);
	CU_ASSERT_EQUAL(response(&head, "HTTP/1.1 099 OK\r\n\r\n"), TT_HTTP1_INVALID);
	CU_ASSERT_EQUAL(response(&head, "HTTP/2.0 200 OK\r\n\r\n"), TT_HTTP1_INVALID);
	CU_ASSERT_EQUAL(response(&head, "HTTP/1.1 20\r\n\r\n"), TT_HTTP1_INVALID);
	CU_ASSERT_EQUAL(response(&head, "RTSP/1.0"), TT_HTTP1_INVALID);
}

static void test_odd_spacing(void)
{
	struct tt_http1_head head;

	CU_ASSERT_EQUAL(request(&head,
				"GET   /x \t HTTP/1.0  \nHOST \t:\t h \t\n"
				"User-Agent: a\r\n \tb\r\n\tc\r\nno colon\n\n"),
		TT_HTTP1_OK);
	CU_ASSERT_TRUE(is(&head.target, "/x"));
	CU_ASSERT_EQUAL(head.version, 10);
	CU_ASSERT_TRUE(is(&head.host, "h"));
	CU_ASSERT_TRUE(is(&head.user_agent, "a b c"));
	CU_ASSERT_EQUAL(request(&head,
				"GET / HTTP/1.1\r\nHost:\r\n x\r\nHost: y\r\n"
				"User-Agent:\r\n\r\n"),
		TT_HTTP1_OK);
	CU_ASSERT_TRUE(is(&head.host, "x"));
	CU_ASSERT_TRUE(is(&head.user_agent, ""));
	CU_ASSERT_PTR_NULL(head.content_type.bytes);
}

static void test_request_lines(void)
{
	static const struct {
		const char *line;
		enum tt_http1_result result;
		uint8_t version;
	} lines[] = {
		{"GET / HTTP/1.1", TT_HTTP1_OK, 11},
		{"GET /a b c HTTP/1.0", TT_HTTP1_OK, 10},
		{"GET /", TT_HTTP1_OK, 0},
		{"GET / HTTP/1.", TT_HTTP1_OK, 0},
		{"PURGE /HTTP/1.1", TT_HTTP1_OK, 0},
		{"PURGE /", TT_HTTP1_INVALID, 0},
		{"CONNECT {\"verbose\":true}", TT_HTTP1_INVALID, 0},
		{"PRI * HTTP/2.0", TT_HTTP1_INVALID, 0},
		{"OPTIONS * RTSP/1.0", TT_HTTP1_INVALID, 0},
		{"INVITE sip:a@b SIP/2.0", TT_HTTP1_INVALID, 0},
		{"GET", TT_HTTP1_INVALID, 0},
		{" GET / HTTP/1.1", TT_HTTP1_INVALID, 0},
		{"G(T / HTTP/1.1", TT_HTTP1_INVALID, 0},
		{"ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1", TT_HTTP1_INVALID, 0},
		{"", TT_HTTP1_INVALID, 0},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct tt_http1_head head;
		char text[128];
		snprintf(text, sizeof(text), "%s\r\n\r\n", lines[i].line);
		CU_ASSERT_EQUAL(request(&head, text), lines[i].result);
		if (lines[i].result == TT_HTTP1_OK)
			CU_ASSERT_EQUAL(head.version, lines[i].version);
	}
}

static void test_framing_fields(void)
{
	static const struct {
		const char *fields;
		uint8_t flags;
		uint64_t length;
	} heads[] = {
		{"Content-Length: 5\n", TT_HTTP1_LENGTH, 5},
		{"Content-Length: 5\nContent-Length: 5\n", TT_HTTP1_LENGTH, 5},
		{"Content-Length: 5, 5 ,5\n", TT_HTTP1_LENGTH, 5},
		{"Content-Length:\n 7\n", TT_HTTP1_LENGTH, 7},
		{"Content-Length: 5, 6\n", TT_HTTP1_LENGTH | TT_HTTP1_LENGTH_UNSOUND, 5},
		{"Content-Length: 5\nContent-Length: 6\n",
			TT_HTTP1_LENGTH | TT_HTTP1_LENGTH_UNSOUND, 5},
		{"Content-Length: -1\n", TT_HTTP1_LENGTH_UNSOUND, 0},
		{"Content-Length: 5,\n", TT_HTTP1_LENGTH | TT_HTTP1_LENGTH_UNSOUND, 5},
		{"Content-Length:\n", TT_HTTP1_LENGTH_UNSOUND, 0},
		{"Content-Length: 18446744073709551617\n", TT_HTTP1_LENGTH_UNSOUND, 0},
		{"Content-Length: 999999999999999999\n", TT_HTTP1_LENGTH, 999999999999999999},
		{"Transfer-Encoding: Chunked\n", TT_HTTP1_CODED | TT_HTTP1_CHUNKED, 0},
		{"Transfer-Encoding: gzip , chunked\n", TT_HTTP1_CODED | TT_HTTP1_CHUNKED, 0},
		{"Transfer-Encoding: chunked, gzip\n", TT_HTTP1_CODED, 0},
		{"Transfer-Encoding: gzip\nTransfer-Encoding: chunked\n",
			TT_HTTP1_CODED | TT_HTTP1_CHUNKED, 0},
		{"Transfer-Encoding: xchunked\n", TT_HTTP1_CODED, 0},
		{"Transfer-Encoding:\n", TT_HTTP1_CODED, 0},
		{"Content-Lengths: 5\nXContent-Length: 6\n", 0, 0},
		{"Expect: 200-ok\n", 0, 0},
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct tt_http1_head head;
		char text[256];
		snprintf(text, sizeof(text), "GET / HTTP/1.1\n%s\n", heads[i].fields);
		CU_ASSERT_EQUAL(request(&head, text), TT_HTTP1_OK);
		CU_ASSERT_EQUAL(head.flags, heads[i].flags | TT_HTTP1_FIRST_LINE);
		CU_ASSERT_EQUAL(head.content_length, heads[i].length);
	}
}

/* Every shorter piece of a sound head is sound as far as it goes, and none reads past its end. */
static void cut_everywhere(const char *text, bool is_request)
{
	size_t whole = strlen(text);
	uint32_t scanned = 0;

	for (size_t length = 0; length <= whole; length++) {
		struct guarded guarded = guarded_copy(text, length);
		struct tt_http1_head head;
		uint32_t fresh = 0;
		enum tt_http1_result result = is_request
			? tt_http1_request(&head, guarded.bytes, length)
			: tt_http1_response(&head, guarded.bytes, length);
		CU_ASSERT_EQUAL(result, length == whole ? TT_HTTP1_OK : TT_HTTP1_MORE);
		bool ends = tt_http1_head_ends(guarded.bytes, length, &scanned);
		CU_ASSERT_EQUAL(ends, length == whole);
		CU_ASSERT_EQUAL(tt_http1_head_ends(guarded.bytes, length, &fresh), ends);
		(void)tt_http1_kind_of(guarded.bytes, length);
		if (result == TT_HTTP1_OK)
			CU_ASSERT_EQUAL(head.bytes, whole);
		guarded_free(&guarded);
	}
}

static void test_every_cut(void)
{
	cut_everywhere("GET /index.html?a HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n c\r\n"
		       "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		true);
	cut_everywhere("PUT / HTTP/1.0\nHost: a\nExpect: 100-continue\n\n", true);
	cut_everywhere("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", false);
	cut_everywhere("HTTP/1.1 304 \nContent-Length : 3\n\n", false);
}

static void test_limits(void)
{
	static char text[2 * TT_HTTP1_HEAD_BYTES];
	struct tt_http1_head head;
	size_t length = (size_t)snprintf(text, sizeof(text), "GET /p HTTP/1.1\r\nHost: h\r\n");

	for (unsigned int i = 0; i < TT_HTTP1_FIELDS - 1; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "X: y\r\n");
	snprintf(text + length, sizeof(text) - length, "\r\n");
	CU_ASSERT_EQUAL(request(&head, text), TT_HTTP1_OK);
	snprintf(text + length, sizeof(text) - length, "X: y\r\n\r\n");
	CU_ASSERT_EQUAL(request(&head, text), TT_HTTP1_LIMIT);
	CU_ASSERT_TRUE(is(&head.target, "/p"));
	CU_ASSERT_TRUE(is(&head.host, "h"));

	/* A head of exactly the limit, and one byte longer. */
	for (unsigned int over = 0; over < 2; over++) {
		length = (size_t)snprintf(text, sizeof(text), "GET /q HTTP/1.1\r\nX: ");
		size_t fill = TT_HTTP1_HEAD_BYTES - length - 4 + over;
		memset(text + length, 'x', fill);
		memcpy(text + length + fill, "\r\n\r\n", 5);
		CU_ASSERT_EQUAL(request(&head, text), over == 0 ? TT_HTTP1_OK : TT_HTTP1_LIMIT);
		CU_ASSERT_TRUE(is(&head.target, "/q"));
	}
	memset(text, 'A', sizeof(text));
	CU_ASSERT_EQUAL(tt_http1_request(&head, (uint8_t *)text, 100), TT_HTTP1_INVALID);
}

static void test_kinds(void)
{
	static const struct {
		const char *text;
		enum tt_http1_kind kind;
	} kinds[] = {
		{"", TT_HTTP1_UNDECIDED},
		{"H", TT_HTTP1_UNDECIDED},
		{"HE", TT_HTTP1_UNDECIDED},
		{"HTTP/1", TT_HTTP1_UNDECIDED},
		{"HTTP/1.", TT_HTTP1_RESPONSE},
		{"HTTP/2.0", TT_HTTP1_NEITHER},
		{"HEAD ", TT_HTTP1_UNDECIDED},
		{"HEAD /", TT_HTTP1_REQUEST},
		{"OPTIONS *", TT_HTTP1_REQUEST},
		{"GET http://", TT_HTTP1_REQUEST},
		{"VERSION-CONTROL /", TT_HTTP1_REQUEST},
		{"CONNECT a:443", TT_HTTP1_REQUEST},
		{"HELO mail", TT_HTTP1_NEITHER},
		{"get /", TT_HTTP1_NEITHER},
		{"GE /", TT_HTTP1_NEITHER},
		{"\x16\x03\x01", TT_HTTP1_NEITHER},
		{"SSH-2.0-OpenSSH", TT_HTTP1_NEITHER},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].text);
		struct guarded guarded = guarded_copy(kinds[i].text, length);
		CU_ASSERT_EQUAL(tt_http1_kind_of(guarded.bytes, length), kinds[i].kind);
		guarded_free(&guarded);
	}
}

static void test_text_copy(void)
{
	char copy[8];
	struct tt_http1_text text = {(const uint8_t *)"ab \r\n\t cd  ef", 13};

	CU_ASSERT_EQUAL(tt_http1_text_copy(copy, 8, &text), 8);
	CU_ASSERT_NSTRING_EQUAL(copy, "ab cd  e", 8);
	CU_ASSERT_EQUAL(tt_http1_text_copy(copy, 4, &text), 4);
	CU_ASSERT_NSTRING_EQUAL(copy, "ab \r", 2);
	text.length = 0;
	CU_ASSERT_EQUAL(tt_http1_text_copy(copy, 8, &text), 0);
}

/* A slow reading of a whole chunked body, straight from RFC 9112 7.1: -1 while it is not whole. */
static long body_end(const uint8_t *bytes, size_t length, uint64_t *data_bytes)
{
	size_t at = 0;

	*data_bytes = 0;
	for (;;) {
		const uint8_t *feed = memchr(bytes + at, '\n', length - at);
		if (feed == NULL)
			return -1;
		size_t size = strtoul((const char *)bytes + at, NULL, 16);
		at = (size_t)(feed - bytes) + 1;
		if (size == 0)
			break;
		*data_bytes += size;
		at += size;
		if (at < length && bytes[at] == '\r')
			at++;
		if (at >= length)
			return -1;
		at++;
	}
	for (;;) {
		const uint8_t *feed = memchr(bytes + at, '\n', length - at);
		if (feed == NULL)
			return -1;
		size_t line = (size_t)(feed - bytes) - at;
		bool empty = line == 0 || (line == 1 && bytes[at] == '\r');
		at += line + 1;
		if (empty)
			return (long)at;
	}
}

static void append(uint8_t *bytes, size_t *length, const char *text)
{
	memcpy(bytes + *length, text, strlen(text));
	*length += strlen(text);
}

static size_t chunked_make(uint8_t *bytes)
{
	static const char *const extensions[] = {"", "  ", ";a=\"b\"", "\t;x"};
	size_t length = 0;

	for (unsigned int chunks = random_below(5); chunks > 0; chunks--) {
		unsigned int size = 1 + random_below(300);
		char digits[16];
		snprintf(digits, sizeof(digits), random_below(2) ? "%x" : "00%X", size);
		append(bytes, &length, digits);
		append(bytes, &length, extensions[random_below(4)]);
		append(bytes, &length, random_below(2) ? "\r\n" : "\n");
		for (; size > 0; size--)
			bytes[length++] = (uint8_t) "\r\n0a;"[random_below(5)];
		append(bytes, &length, random_below(2) ? "\r\n" : "\n");
	}
	append(bytes, &length, "0\r\n");
	for (unsigned int fields = random_below(3); fields > 0; fields--)
		append(bytes, &length, "T: x\r\n");
	append(bytes, &length, random_below(2) ? "\r\n" : "\n");
	return length;
}

static void test_chunked_model(void)
{
	static uint8_t bytes[8192];

	for (unsigned int run = 0; run < 500; run++) {
		size_t whole = chunked_make(bytes);
		size_t length = whole + random_below(20);
		struct tt_http1_chunked chunked = {0};
		uint64_t data_bytes = 0;
		uint64_t wanted_bytes;
		size_t at = 0;
		memset(bytes + whole, 'G', length - whole);
		CU_ASSERT_EQUAL(body_end(bytes, length, &wanted_bytes), (long)whole);
		while (at < length && chunked.state != TT_HTTP1_CHUNK_DONE) {
			size_t piece = 1 + random_below(run % 2 == 0 ? 3 : 400);
			if (piece > length - at)
				piece = length - at;
			struct guarded guarded = guarded_copy(bytes + at, piece);
			at += tt_http1_chunked_read(&chunked, guarded.bytes, piece, &data_bytes);
			guarded_free(&guarded);
			if (chunked.state == TT_HTTP1_CHUNK_INVALID)
				break;
		}
		CU_ASSERT_EQUAL(chunked.state, TT_HTTP1_CHUNK_DONE);
		CU_ASSERT_EQUAL(at, whole);
		CU_ASSERT_EQUAL(data_bytes, wanted_bytes);
	}
}

static void test_chunked_unsound(void)
{
	static const char *const bodies[] = {"g\r\n", "\r\n", ";x\r\n", "-1\r\n", "2\r\nabc\r\n",
		"2\r\nab\rx", "11111111111111111\r\n", "1x\r\n"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct tt_http1_chunked chunked = {0};
		uint64_t data_bytes = 0;
		(void)tt_http1_chunked_read(
			&chunked, (const uint8_t *)bodies[i], strlen(bodies[i]), &data_bytes);
		CU_ASSERT_EQUAL(chunked.state, TT_HTTP1_CHUNK_INVALID);
	}
	struct tt_http1_chunked chunked = {0};
	uint64_t data_bytes = 0;
	(void)tt_http1_chunked_read(
		&chunked, (const uint8_t *)"ffffffffffffffff\n", 17, &data_bytes);
	CU_ASSERT_EQUAL(chunked.state, TT_HTTP1_CHUNK_DATA);
	CU_ASSERT_EQUAL(chunked.left, UINT64_MAX);
}

static const struct suite_test tests[] = {
	{"a request", test_request},
	{"responses", test_response},
	{"odd spacing and folded lines", test_odd_spacing},
	{"request lines", test_request_lines},
	{"fields that frame a body", test_framing_fields},
	{"every cut of a head", test_every_cut},
	{"limits", test_limits},
	{"kinds", test_kinds},
	{"copies of folded text", test_text_copy},
	{"chunked bodies against a slow model", test_chunked_model},
	{"unsound chunks", test_chunked_unsound},
};

SUITE_MAIN("http1", tests)
