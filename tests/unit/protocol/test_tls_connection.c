/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/tls_connection.h"

#include "protocol/tls_build.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LEAF_BYTES   700
#define CLIENT_US    1000
#define SERVER_US    5000

static struct tt_tls_pool pool;
static struct tt_tls_connection connection;
static struct tls_build client; /* what each side sends, in records */
static struct tls_build server;
static uint8_t leaf[LEAF_BYTES];

/* The last event, and how many there were. */
static struct tt_tls_handshake seen;
static uint8_t seen_certificate[TT_TLS_BUFFER_BYTES];
static uint32_t seen_certificate_bytes;
static unsigned int events;

static void take(void *context, const struct tt_tls_event *event)
{
	(void)context;
	events++;
	seen = *event->handshake;
	seen_certificate_bytes = event->certificate_bytes;
	if (event->certificate != NULL)
		memcpy(seen_certificate, event->certificate, event->certificate_bytes);
}

static const struct tt_tls_consumer consumer = {take, NULL};

static void set_up(uint32_t handshakes, uint32_t buffers)
{
	for (size_t i = 0; i < LEAF_BYTES; i++)
		leaf[i] = (uint8_t)(i * 7 + 1);
	memset(&connection, 0, sizeof(connection));
	memset(&seen, 0, sizeof(seen));
	seen_certificate_bytes = 0;
	events = 0;
	client.length = server.length = 0;
	CU_ASSERT_EQUAL_FATAL(tt_tls_pool_create(&pool, handshakes, buffers, false), TT_OK);
}

/* Every slab must have come back. */
static void tear_down(void)
{
	tt_tls_connection_close(&connection, &pool, &consumer);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.handshakes_used), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_used), 0);
	tt_tls_pool_destroy(&pool);
}

static void feed(unsigned int direction, const uint8_t *bytes, size_t length)
{
	struct guarded guarded = guarded_copy(bytes, length);

	tt_tls_connection_data(&connection, &pool, &consumer, direction,
		direction == 0 ? CLIENT_US : SERVER_US, guarded.bytes, length);
	guarded_free(&guarded);
}

static void feed_all(unsigned int direction, const struct tls_build *build)
{
	feed(direction, build->bytes, build->length);
}

static void feed_pieces(unsigned int direction, const struct tls_build *build, size_t piece)
{
	for (size_t at = 0; at < build->length; at += piece) {
		size_t left = build->length - at;
		feed(direction, build->bytes + at, left < piece ? left : piece);
	}
}

static void add_message(
	struct tls_build *to, uint8_t type, const struct tls_build *body, size_t limit)
{
	static struct tls_build message;

	message.length = 0;
	build_message(&message, type, body);
	build_records(to, TT_TLS_HANDSHAKE, 0x0303, &message, limit);
}

static void add_client_hello(size_t session_id_bytes, size_t limit)
{
	static const uint16_t ciphers[] = {0x1a1a, 0x1301, 0xc02f, 0x009c};
	static struct tls_build body;

	body.length = 0;
	size_t extensions =
		build_client_hello(&body, 0x0303, session_id_bytes, ciphers, COUNT(ciphers));
	build_server_name(&body, "tap.example.org");
	build_alpn(&body, "h2,http/1.1");
	build_end(&body, 2, extensions);
	add_message(&client, TT_TLS_CLIENT_HELLO, &body, limit);
}

static void add_server_hello(uint16_t chosen, size_t session_id_bytes, size_t limit, bool retry)
{
	/* RFC 8446 4.1.3. */
	static const uint8_t retry_random[] =
		"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
		"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
	static struct tls_build body;

	body.length = 0;
	size_t extensions = build_server_hello(
		&body, chosen == 0x0304 ? 0x0303 : chosen, session_id_bytes, 0xc02f);
	if (chosen == 0x0304)
		build_bytes(&body, "\x00\x2b\x00\x02\x03\x04", 6);
	else
		build_alpn(&body, "h2");
	build_end(&body, 2, extensions);
	if (retry)
		memcpy(body.bytes + 2, retry_random, 32);
	add_message(&server, TT_TLS_SERVER_HELLO, &body, limit);
}

static void add_certificates(size_t other_bytes, size_t limit)
{
	static struct tls_build body;

	body.length = 0;
	build_certificates(&body, leaf, LEAF_BYTES, other_bytes);
	add_message(&server, TT_TLS_CERTIFICATE, &body, limit);
}

static void add_empty_message(struct tls_build *to, uint8_t type)
{
	static const struct tls_build nothing;

	add_message(to, type, &nothing, 16384);
}

/* A full handshake of TLS 1.2, to encryption. */
static void build_full_handshake(size_t limit)
{
	static struct tls_build exchange;

	client.length = server.length = 0;
	exchange.length = 0;
	build_fill(&exchange, 0x33, 70);
	add_client_hello(0, limit);
	add_message(&client, 16, &exchange, limit);
	build_change_cipher_spec(&client);
	build_application_data(&client, 300);
	add_server_hello(0x0303, 32, limit, false);
	add_certificates(900, limit);
	add_message(&server, TT_TLS_SERVER_KEY_EXCHANGE, &exchange, limit);
	add_empty_message(&server, TT_TLS_SERVER_HELLO_DONE);
	build_change_cipher_spec(&server);
	build_application_data(&server, 300);
}

static void check_full_handshake(void)
{
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO);
	CU_ASSERT_EQUAL(seen.version, TT_TLS_1_2);
	CU_ASSERT_EQUAL(seen.cipher, 0xc02f);
	CU_ASSERT_EQUAL(seen.client_direction, 0);
	CU_ASSERT_EQUAL(seen.client_hello_us, CLIENT_US);
	CU_ASSERT_EQUAL(seen.server_hello_us, SERVER_US);
	CU_ASSERT_EQUAL(seen.server_name_bytes, 15);
	CU_ASSERT_EQUAL(memcmp(seen.server_name, "tap.example.org", 15), 0);
	CU_ASSERT_EQUAL(seen.alpn_offered_bytes, 12);
	CU_ASSERT_EQUAL(memcmp(seen.alpn_offered, "\x02h2\x08http/1.1", 12), 0);
	CU_ASSERT_EQUAL(seen.alpn_bytes, 2);
	CU_ASSERT_EQUAL(seen.alert_count, 0);
	CU_ASSERT_TRUE(seen.fingerprint.client_whole);
	CU_ASSERT_TRUE(seen.fingerprint.server_whole);
	CU_ASSERT_EQUAL(seen.fingerprint.count[TT_TLS_LIST_CIPHERS], 4);
	CU_ASSERT_EQUAL(seen_certificate_bytes, LEAF_BYTES);
	CU_ASSERT_EQUAL(memcmp(seen_certificate, leaf, LEAF_BYTES), 0);
	CU_ASSERT_TRUE(tt_tls_connection_is_finished(&connection));
}

static void begin_again(void)
{
	tt_tls_connection_close(&connection, &pool, &consumer);
	events = 0;
	memset(&seen, 0, sizeof(seen));
	seen_certificate_bytes = 0;
}

static void test_cut_in_two(void)
{
	set_up(1, 3);
	build_full_handshake(16384);
	for (size_t cut = 0; cut <= client.length; cut++) {
		begin_again();
		feed(0, client.bytes, cut);
		feed(0, client.bytes + cut, client.length - cut);
		CU_ASSERT_EQUAL(events, 0);
		feed_all(1, &server);
		check_full_handshake();
	}
	for (size_t cut = 0; cut <= server.length; cut++) {
		begin_again();
		feed_all(0, &client);
		feed(1, server.bytes, cut);
		feed(1, server.bytes + cut, server.length - cut);
		check_full_handshake();
	}
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.messages_cut), 0);
	tear_down();
}

/* Messages over several records, and records over several pieces. */
static void test_any_pieces(void)
{
	static const size_t limits[] = {1, 3, 50, 701, 16384};
	static const size_t pieces[] = {1, 2, 7, 536, 65536};

	set_up(1, 3);
	for (size_t l = 0; l < COUNT(limits); l++) {
		build_full_handshake(limits[l]);
		for (size_t p = 0; p < COUNT(pieces); p++) {
			begin_again();
			feed_pieces(0, &client, pieces[p]);
			feed_pieces(1, &server, pieces[p]);
			check_full_handshake();
		}
	}
	/* In place, a certificate alone needs a buffer. */
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_high), 2);
	tear_down();
	set_up(1, 3);
	build_full_handshake(16384);
	feed_all(0, &client);
	feed_all(1, &server);
	check_full_handshake();
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_high), 1);
	tear_down();
}

static void test_server_seen_first(void)
{
	set_up(1, 3);
	build_full_handshake(16384);
	feed_all(1, &server);
	CU_ASSERT_EQUAL(events, 0);
	feed_all(0, &client);
	check_full_handshake();
	tear_down();
}

static void test_one_sided(void)
{
	static uint8_t encrypted[TT_TLS_ONE_SIDED_BYTES];

	set_up(1, 3);
	build_full_handshake(16384);
	feed_all(1, &server);
	feed(1, encrypted, sizeof(encrypted));
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_SERVER_HELLO);
	CU_ASSERT_EQUAL(seen.client_direction, 0);
	CU_ASSERT_EQUAL(seen_certificate_bytes, LEAF_BYTES);

	begin_again();
	feed_all(0, &client);
	tt_tls_connection_close(&connection, &pool, &consumer);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_CLIENT_HELLO);
	tear_down();
}

static void test_tls_1_3_with_retry(void)
{
	set_up(1, 3);
	add_client_hello(32, 16384);
	build_change_cipher_spec(&client);
	add_client_hello(32, 16384);
	build_application_data(&client, 60);
	add_server_hello(0x0304, 32, 16384, true);
	build_change_cipher_spec(&server);
	add_server_hello(0x0304, 32, 16384, false);
	build_application_data(&server, 900);
	feed_all(0, &client);
	feed_all(1, &server);
	CU_ASSERT_EQUAL(events, 1);
	/* The session id comes back whether or not the session is resumed. */
	CU_ASSERT_EQUAL(
		seen.flags, TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO | TT_TLS_RETRIED);
	CU_ASSERT_EQUAL(seen.version, TT_TLS_1_3);
	CU_ASSERT_EQUAL(seen_certificate_bytes, 0);
	tear_down();
}

static void test_resumed(void)
{
	/* With the session id given back. */
	set_up(1, 3);
	add_client_hello(32, 16384);
	add_server_hello(0x0303, 32, 16384, false);
	feed_all(0, &client);
	feed_all(1, &server);
	tt_tls_connection_close(&connection, &pool, &consumer);
	CU_ASSERT_TRUE((seen.flags & TT_TLS_RESUMED) != 0);

	/* With a ticket, without one: no certificate, no key. */
	client.length = server.length = 0;
	add_client_hello(0, 16384);
	build_change_cipher_spec(&client);
	add_server_hello(0x0303, 0, 16384, false);
	add_empty_message(&server, 4);
	build_change_cipher_spec(&server);
	begin_again();
	feed_all(0, &client);
	feed_all(1, &server);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_TRUE((seen.flags & TT_TLS_RESUMED) != 0);
	tear_down();
}

static void test_alerts(void)
{
	set_up(1, 3);
	add_client_hello(0, 16384);
	build_alert(&client, TT_TLS_WARNING, 0);
	build_alert(&server, TT_TLS_FATAL, 40);
	feed_pieces(0, &client, 1);
	feed_pieces(1, &server, 1);
	tt_tls_connection_end(&connection, &pool, &consumer, 1);
	CU_ASSERT_EQUAL(events, 0);
	tt_tls_connection_end(&connection, &pool, &consumer, 0);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.alert_count, 2);
	CU_ASSERT_FALSE(seen.alert[0].server);
	CU_ASSERT_EQUAL(seen.alert[0].description, 0);
	CU_ASSERT_TRUE(seen.alert[1].server);
	CU_ASSERT_EQUAL(seen.alert[1].level, TT_TLS_FATAL);
	CU_ASSERT_EQUAL(seen.alert[1].description, 40);

	/* One that is encrypted says nothing, and more than TT_TLS_ALERTS are not kept. */
	client.length = 0;
	add_client_hello(0, 16384);
	for (unsigned int i = 0; i < 300; i++)
		build_alert(&client, TT_TLS_WARNING, 90);
	build_change_cipher_spec(&client);
	build_bytes(&client, "\x15\x03\x03\x00\x1a\x02\x28", 7);
	begin_again();
	feed_all(0, &client);
	tt_tls_connection_close(&connection, &pool, &consumer);
	CU_ASSERT_EQUAL(seen.alert_count, TT_TLS_ALERTS);
	CU_ASSERT_EQUAL(seen.alert[TT_TLS_ALERTS - 1].description, 90);
	tear_down();
}

static void test_ssl2(void)
{
	static const uint8_t hello[] = "\x80\x1f\x01\x03\x01\x00\x06\x00\x00\x00\x10"
				       "\x07\x00\xc0\x00\x00\x2f"
				       "0123456789abcdef";
	static const uint8_t answer[] = "\x80\x14\x04\x00\x01\x00\x02\x00\x03\x00\x03\x00\x03"
					"DER\x07\x00\xc0idi";

	set_up(1, 3);
	for (size_t cut = 0; cut < sizeof(hello); cut++) {
		/* Answered by TLS, with which the client goes on. */
		begin_again();
		client.length = server.length = 0;
		feed(0, hello, cut);
		feed(0, hello + cut, sizeof(hello) - 1 - cut);
		add_server_hello(0x0301, 32, 16384, false);
		build_alert(&client, TT_TLS_FATAL, 42);
		feed_all(1, &server);
		feed_all(0, &client);
		tt_tls_connection_close(&connection, &pool, &consumer);
		CU_ASSERT_EQUAL(events, 1);
		CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO);
		CU_ASSERT_EQUAL(seen.version, TT_TLS_1_0);
		CU_ASSERT_EQUAL(seen.alert_count, 1);
		CU_ASSERT_FALSE(seen.fingerprint.client_whole);
	}
	/* Not in the middle of a message of TLS. */
	begin_again();
	client.length = 0;
	add_client_hello(0, 60);
	feed(0, client.bytes, 65);
	feed(0, hello, sizeof(hello) - 1);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_used), 0);
	/* Answered by SSLv2. */
	begin_again();
	feed(0, hello, sizeof(hello) - 1);
	feed(1, answer, sizeof(answer) - 1);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.version, TT_TLS_SSL2);
	CU_ASSERT_EQUAL(seen_certificate_bytes, 3);
	CU_ASSERT_EQUAL(memcmp(seen_certificate, "DER", 3), 0);
	tear_down();
}

static void test_after_something_else(void)
{
	set_up(1, 3);
	build_full_handshake(16384);
	feed(1, (const uint8_t *)"220 mail.example.org ESMTP\r\n", 28);
	feed(0, (const uint8_t *)"STARTTLS\r\n", 10);
	/* What looks like a record, but is not. */
	feed(0, (const uint8_t *)"\x16\x03\x01\x00\x30\x0b\x00\x00\x2c", 9);
	feed(1, (const uint8_t *)"\x17\x03\x03\x00\x04", 5);
	feed(1, (const uint8_t *)"220 go ahead\r\n", 14);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.handshakes_used), 0);
	feed_all(0, &client);
	feed_all(1, &server);
	check_full_handshake();

	/* A connection that is not TLS is given up. */
	begin_again();
	for (unsigned int i = 0; i < 2 * (TT_TLS_SEARCH_PIECES + 1); i++) {
		CU_ASSERT_FALSE(tt_tls_connection_is_finished(&connection));
		feed(i % 2, (const uint8_t *)"PING\r\n", 6);
	}
	CU_ASSERT_TRUE(tt_tls_connection_is_finished(&connection));
	feed_all(0, &client);
	CU_ASSERT_EQUAL(events, 0);
	tear_down();
}

static void test_gaps(void)
{
	set_up(1, 3);
	/* In the ClientHello: what stands before it is kept. */
	for (size_t at = 1; at < 150; at++) {
		build_full_handshake(16384);
		begin_again();
		feed(0, client.bytes, at);
		tt_tls_connection_gap(&connection, &pool, &consumer, 0, 3);
		feed(0, client.bytes + at + 3, client.length - at - 3);
		feed_all(1, &server);
		tt_tls_connection_close(&connection, &pool, &consumer);
		CU_ASSERT_EQUAL(events, 1);
		CU_ASSERT_EQUAL(seen.version, TT_TLS_1_2);
		if (seen.server_name_bytes > 0)
			CU_ASSERT_EQUAL(memcmp(seen.server_name, "tap.example.org", 15), 0);
		if (at < 100)
			CU_ASSERT_FALSE(seen.fingerprint.client_whole);
		if (at == 90)
			CU_ASSERT_EQUAL(seen.server_name_bytes, 15);
	}
	/* In the certificate: it is lost, but what follows is not. */
	build_full_handshake(16384);
	begin_again();
	feed_all(0, &client);
	feed(1, server.bytes, 300);
	tt_tls_connection_gap(&connection, &pool, &consumer, 1, 200);
	feed(1, server.bytes + 500, server.length - 500);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen_certificate_bytes, 0);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.certificates_cut), 1);
	/* Over the end of a record: what comes is not trusted. */
	begin_again();
	feed_all(0, &client);
	feed(1, server.bytes, 300);
	tt_tls_connection_gap(&connection, &pool, &consumer, 1, 3000);
	CU_ASSERT_EQUAL(events, 1);
	/* Before any hello: the next one is found. */
	begin_again();
	feed(0, client.bytes, 3);
	tt_tls_connection_gap(&connection, &pool, &consumer, 0, 3000);
	feed_all(0, &client);
	feed_all(1, &server);
	check_full_handshake();
	tear_down();
}

static void test_empty_pools(void)
{
	struct tt_tls_connection other = {0};

	/* Without a handshake's slab the connection is given up. */
	set_up(1, 3);
	build_full_handshake(16384);
	tt_tls_connection_data(&other, &pool, &consumer, 0, CLIENT_US, client.bytes, client.length);
	feed_all(0, &client);
	CU_ASSERT_TRUE(tt_tls_connection_is_finished(&connection));
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.handshakes_full), 1);
	tt_tls_connection_close(&other, &pool, NULL);
	CU_ASSERT_EQUAL(events, 0);
	begin_again();
	feed_all(0, &client);
	feed_all(1, &server);
	check_full_handshake();
	tear_down();

	/* Without a buffer a message in pieces is passed over. */
	set_up(2, 1);
	build_full_handshake(16384);
	memset(&other, 0, sizeof(other));
	tt_tls_connection_data(&other, &pool, &consumer, 0, CLIENT_US, client.bytes, 20);
	feed_pieces(0, &client, 10);
	feed_all(1, &server);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_SERVER_HELLO);
	CU_ASSERT_EQUAL(seen_certificate_bytes, 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_full), 2);
	tt_tls_connection_close(&other, &pool, NULL);
	tear_down();
	CU_ASSERT_EQUAL(tt_tls_pool_create(&pool, 0, 1, false), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(tt_tls_pool_create(&pool, 1, 0, false), TT_ERROR_ARGUMENT);
}

/* Longer than a buffer: the hello is cut, its fingerprint left out. */
static void test_long_hello(void)
{
	static const uint16_t cipher = 0x1301;
	static struct tls_build body;

	set_up(1, 3);
	body.length = 0;
	size_t extensions = build_client_hello(&body, 0x0303, 0, &cipher, 1);
	build_server_name(&body, "tap.example.org");
	build_number(&body, 2, 21);
	size_t padding = build_begin(&body, 2);
	build_fill(&body, 0, TT_TLS_BUFFER_BYTES);
	build_end(&body, 2, padding);
	build_end(&body, 2, extensions);
	add_message(&client, TT_TLS_CLIENT_HELLO, &body, 16384);
	feed_pieces(0, &client, 1460);
	tt_tls_connection_close(&connection, &pool, &consumer);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.server_name_bytes, 15);
	CU_ASSERT_EQUAL(seen.flags, TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HELLO_CUT);
	CU_ASSERT_FALSE(seen.fingerprint.client_whole);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.messages_cut), 1);
	tear_down();
}

static void feed_datagram(unsigned int direction, const struct tls_build *build)
{
	struct guarded guarded = guarded_copy(build->bytes, build->length);

	tt_tls_connection_datagram(&connection, &pool, &consumer, direction,
		direction == 0 ? CLIENT_US : SERVER_US, guarded.bytes, build->length);
	guarded_free(&guarded);
}

static void test_datagrams(void)
{
	static const uint16_t cipher = 0xc02b;
	static struct tls_build body, datagram;

	set_up(1, 3);
	for (size_t part = 20; part < 100; part += 11) {
		begin_again();
		body.length = 0;
		build_number(&body, 2, 0xfefd);
		build_fill(&body, 1, 32);
		build_bytes(&body,
			"\x00\x04"
			"cook",
			6);
		build_number(&body, 2, 2);
		build_number(&body, 2, cipher);
		build_bytes(&body, "\x01\x00", 2);
		size_t extensions = build_begin(&body, 2);
		build_server_name(&body, "peer.example.org");
		build_end(&body, 2, extensions);
		/* In fragments, of which one comes twice. */
		for (size_t at = 0; at < body.length; at += part) {
			size_t left = body.length - at;
			datagram.length = 0;
			build_fragment(&datagram, TT_TLS_CLIENT_HELLO, 1, &body, at,
				left < part ? left : part);
			feed_datagram(0, &datagram);
			if (at > 0)
				feed_datagram(0, &datagram);
		}
		datagram.length = body.length = 0;
		extensions = build_server_hello(&body, 0xfefd, 0, cipher);
		build_end(&body, 2, extensions);
		build_fragment(&datagram, TT_TLS_SERVER_HELLO, 1, &body, 0, body.length);
		body.length = 0;
		build_certificates(&body, leaf, LEAF_BYTES, 0);
		build_fragment(&datagram, TT_TLS_CERTIFICATE, 2, &body, 0, body.length);
		feed_datagram(1, &datagram);
		datagram.length = 0;
		build_bytes(&datagram, "\x14\xfe\xfd\0\0\0\0\0\0\0\x05\x00\x01\x01", 14);
		feed_datagram(1, &datagram);
		CU_ASSERT_EQUAL(events, 0);
		feed_datagram(0, &datagram);
		CU_ASSERT_EQUAL(events, 1);
		CU_ASSERT_EQUAL(seen.flags,
			TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO | TT_TLS_DATAGRAM);
		CU_ASSERT_EQUAL(seen.version, TT_DTLS_1_2);
		CU_ASSERT_EQUAL(seen.server_name_bytes, 16);
		CU_ASSERT_TRUE(seen.fingerprint.client_whole);
		CU_ASSERT_EQUAL(seen_certificate_bytes, LEAF_BYTES);
	}
	/* Other datagrams: given up after a while. */
	begin_again();
	datagram.length = 0;
	build_fill(&datagram, 0x16, 40);
	for (unsigned int i = 0; i < 2 * (TT_TLS_SEARCH_PIECES + 1); i++)
		feed_datagram(i % 2, &datagram);
	CU_ASSERT_TRUE(tt_tls_connection_is_finished(&connection));
	CU_ASSERT_EQUAL(events, 0);
	tear_down();
}

int main(void)
{
	static const struct suite_test tests[] = {
		{"a handshake cut in two anywhere", test_cut_in_two},
		{"a handshake in any pieces", test_any_pieces},
		{"the server is seen first", test_server_seen_first},
		{"one direction alone", test_one_sided},
		{"TLS 1.3 with a HelloRetryRequest", test_tls_1_3_with_retry},
		{"sessions that are resumed", test_resumed},
		{"alerts", test_alerts},
		{"SSLv2", test_ssl2},
		{"TLS after something else", test_after_something_else},
		{"gaps", test_gaps},
		{"empty pools", test_empty_pools},
		{"a hello longer than a buffer", test_long_hello},
		{"datagrams", test_datagrams},
	};

	return suite_run("tls_connection", tests, COUNT(tests));
}
