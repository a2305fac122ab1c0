/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload from packets to records: streams in order, protocols on any port, and what their parsers
 * make of them. The parsers have tests of their own.
 */
#include "protocol/protocol.h"
#include "rig.h"
#include "talk.h"

#define BASE_US	    (1700000000 * UINT64_C(1000000))
#define SEEN	    256
#define CERTIFICATE 9000

static const struct endpoint client = {0x0a000001, 40000}, server = {0x0a000002, 8123};

struct seen {
	struct {
		uint64_t uid;
		uint16_t status;
		uint16_t flags;
		char method[TT_HTTP_METHOD_BYTES + 1];
		char path[TT_HTTP_PATH_BYTES + 1];
		char host[TT_HTTP_HOST_BYTES + 1];
		char route[TT_HTTP_PATH_BYTES + 1];
		uint16_t server_port;
		uint64_t response_bytes;
	} http[SEEN];
	unsigned int http_count;
	unsigned int dns_count;
	unsigned int tls_count;
	uint32_t certificate_bytes;
	uint8_t certificate[TT_TLS_BUFFER_BYTES];
	bool certified;
	uint64_t conversations_full, conversations_high, conversations;
	uint64_t counted; /* of http_stats */
};

static const char *copy_text(char *copy, const char *text, size_t length)
{
	memcpy(copy, text, length);
	copy[length] = '\0';
	return text + length;
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct seen *seen = ((struct rig *)context)->seen;
	unsigned int i = seen->http_count++ % SEEN;
	const char *text = copy_text(seen->http[i].path, record->text, record->path_bytes);

	text = copy_text(seen->http[i].method, text, record->method_bytes);
	text = copy_text(seen->http[i].host, text, record->host_bytes);
	copy_text(seen->http[i].route, text, record->route_bytes);
	seen->http[i].uid = record->uid;
	seen->http[i].status = record->status;
	seen->http[i].flags = record->flags;
	seen->http[i].server_port = record->endpoints.port[TT_SERVER_TO_CLIENT];
	seen->http[i].response_bytes = record->response_bytes;
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	struct seen *seen = ((struct rig *)context)->seen;

	(void)record;
	seen->dns_count++;
}

static void on_tls(
	void *context, const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	struct seen *seen = ((struct rig *)context)->seen;

	seen->tls_count++;
	seen->certificate_bytes = record->certificate_bytes;
	seen->certified = certificate != NULL;
	if (certificate != NULL)
		memcpy(seen->certificate, certificate, record->certificate_bytes);
}

/* Run a traffic, and keep what came of it. */
static struct rig run(const struct traffic *traffic, struct seen *seen, uint32_t connections)
{
	struct rig rig = rig_make(traffic, 1);
	const struct tt_http_stats_entry *entry;
	uint32_t position = 0;

	memset(seen, 0, sizeof(*seen));
	rig.seen = seen;
	rig.http = on_http;
	rig.dns = on_dns;
	rig.tls = on_tls;
	rig.config->payload.connections = connections;
	rig_launch(&rig);
	tt_control_run(rig.control);
	const struct tt_worker_counters *counters = tt_pipeline_worker_counters(rig.pipeline, 0);
	seen->conversations_full = tt_counter_read(&counters->conversations_full);
	seen->conversations_high = tt_counter_read(&counters->conversations_high);
	seen->conversations = tt_counter_read(&counters->conversations);
	while ((entry = tt_http_stats_next(tt_control_http_stats(rig.control), &position)) != NULL)
		seen->counted += entry->counts.count;
	CU_ASSERT_EQUAL(seen->conversations, 0);
	rig_end(&rig);
	return rig;
}

static void check_http(const struct seen *seen, const struct rig *rig, const char *path,
	const char *route, uint16_t status)
{
	CU_ASSERT_EQUAL_FATAL(seen->http_count, 1);
	CU_ASSERT_STRING_EQUAL(seen->http[0].path, path);
	CU_ASSERT_STRING_EQUAL(seen->http[0].route, route);
	CU_ASSERT_STRING_EQUAL(seen->http[0].method, "GET");
	CU_ASSERT_STRING_EQUAL(seen->http[0].host, "h.test");
	CU_ASSERT_EQUAL(seen->http[0].status, status);
	CU_ASSERT_EQUAL(seen->http[0].server_port, server.port);
	CU_ASSERT_EQUAL_FATAL(rig->count, 1);
	CU_ASSERT_EQUAL(seen->http[0].uid, rig->records[0].uid);
	CU_ASSERT_EQUAL(rig->records[0].application, TT_PROTOCOL_HTTP);
	CU_ASSERT_EQUAL(rig->records[0].encryption, TT_PROTOCOL_NONE);
	CU_ASSERT_EQUAL(seen->counted, 1);
}

static const char request[] = "GET /user/12345/x HTTP/1.1\r\nHost: h.test\r\n\r\n";
static const char response[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello";

/* However the request is cut in two or three, in whatever order its pieces come, and with one of
 * them sent twice. */
static void requests_are_read_however_they_are_cut(void)
{
	static const unsigned int orders[][4] = {
		{0, 1, 2, 2}, {0, 2, 1, 1}, {1, 0, 2, 0}, {2, 1, 0, 2}, {2, 0, 1, 0}, {1, 2, 0, 1}};
	static const size_t cuts[][2] = {{1, 2}, {3, 20}, {26, 27}, {10, 42}};
	static struct seen seen;

	for (unsigned int c = 0; c < 4; c++)
		for (unsigned int o = 0; o < 6; o++) {
			struct traffic traffic = {.time_us = BASE_US};
			struct talk talk = open_talk(&traffic, client, server);
			const size_t at[] = {0, cuts[c][0], cuts[c][1], sizeof(request) - 1};
			uint32_t first = talk.next[0];

			for (unsigned int i = 0; i < 4; i++) {
				unsigned int piece = orders[o][i];

				talk.next[0] = first + (uint32_t)at[piece];
				send_bytes(&talk, 0, TT_TCP_ACK, request + at[piece],
					at[piece + 1] - at[piece]);
			}
			talk.next[0] = first + sizeof(request) - 1;
			say_text(&talk, 1, response);
			close_talk(&talk);

			struct rig rig = run(&traffic, &seen, 1000);
			check_http(&seen, &rig, "/user/12345/x", "/user/*/x", 404);
			CU_ASSERT_EQUAL(seen.http[0].response_bytes, 5);
			rig_free(&rig);
			traffic_free(&traffic);
		}
}

/* The tap joins in the middle of a transfer, and lost a part of it. */
static void a_request_after_unknown_bytes_is_found(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = {&traffic, {client, server}, {TALK_CLIENT_ISN, TALK_SERVER_ISN}};
	uint8_t noise[100];

	memset(noise, 0xee, sizeof(noise));
	say(&talk, 1, noise, sizeof(noise));
	talk.next[1] += 500;
	say(&talk, 1, noise, sizeof(noise));
	say_text(&talk, 0, request);
	say_text(&talk, 1, response);
	struct rig rig = run(&traffic, &seen, 1000);
	check_http(&seen, &rig, "/user/12345/x", "/user/*/x", 404);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* Such as behind a SOCKS proxy: and its first byte comes alone. Other first bytes that may be a
 * method's lead nowhere. */
static void a_request_after_another_protocol_is_found(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	say(&talk, 0, "\5\1\0", 3);
	say(&talk, 1, "\5\0", 2);
	say(&talk, 0, request, 1);
	say(&talk, 0, request + 1, sizeof(request) - 2);
	say_text(&talk, 1, response);
	close_talk(&talk);
	struct rig rig = run(&traffic, &seen, 1000);
	check_http(&seen, &rig, "/user/12345/x", "/user/*/x", 404);
	rig_free(&rig);
	traffic_free(&traffic);

	traffic = (struct traffic){.time_us = BASE_US};
	talk = open_talk(&traffic, client, server);
	for (unsigned int i = 0; i < 10; i++) {
		say_text(&talk, 1, "P");
		say_text(&talk, 0, "G");
		say(&talk, 0, "\0\0\0", 3);
	}
	rig = run(&traffic, &seen, 1000);
	CU_ASSERT_EQUAL(seen.http_count, 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* What a RST says is not the connection's. */
static void a_reset_has_no_payload(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	send_bytes(&talk, 0, TT_TCP_RST | TT_TCP_ACK, request, sizeof(request) - 1);
	struct rig rig = run(&traffic, &seen, 1000);
	CU_ASSERT_EQUAL(seen.http_count, 0);
	CU_ASSERT_EQUAL(seen.conversations_high, 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A record of TLS around a handshake message; returns its length. */
static size_t make_message(uint8_t *bytes, uint8_t type, const uint8_t *body, size_t body_bytes)
{
	const size_t length = body_bytes + 4;
	const uint8_t head[] = {22, 3, 3, (uint8_t)(length >> 8), (uint8_t)length, type, 0,
		(uint8_t)(body_bytes >> 8), (uint8_t)body_bytes};

	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), body, body_bytes);
	return sizeof(head) + body_bytes;
}

/* A handshake of TLS 1.2 whose certificate takes several records of the shard. */
static void say_tls(struct talk *talk, size_t certificate_bytes)
{
	static const uint8_t change_cipher_spec[] = {20, 3, 3, 0, 1, 1};
	/* Version, random, no session id, one cipher suite, no compression. */
	uint8_t client_hello[2 + 32 + 1 + 4 + 2] = {3, 3, [34] = 0, 0, 2, 0xc0, 0x2f, 1, 0};
	uint8_t server_hello[2 + 32 + 1 + 2 + 1] = {3, 3, [34] = 0, 0xc0, 0x2f, 0};
	static uint8_t bytes[CERTIFICATE + 64], chain[CERTIFICATE + 6];
	const size_t all = certificate_bytes + 3;

	say(talk, 0, bytes, make_message(bytes, 1, client_hello, sizeof(client_hello)));
	say(talk, 1, bytes, make_message(bytes, 2, server_hello, sizeof(server_hello)));
	chain[0] = 0;
	chain[1] = (uint8_t)(all >> 8);
	chain[2] = (uint8_t)all;
	chain[3] = 0;
	chain[4] = (uint8_t)(certificate_bytes >> 8);
	chain[5] = (uint8_t)certificate_bytes;
	for (size_t i = 0; i < certificate_bytes; i++)
		chain[6 + i] = (uint8_t)(i * 7 + (i >> 8));
	say(talk, 1, bytes, make_message(bytes, 11, chain, certificate_bytes + 6));
	say(talk, 0, change_cipher_spec, sizeof(change_cipher_spec));
	say(talk, 1, change_cipher_spec, sizeof(change_cipher_spec));
}

static void a_long_certificate_comes_whole(void)
{
	static const size_t lengths[] = {CERTIFICATE, 1, TT_RECORD_LIMIT_BYTES, 0};
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < 4; i++) {
		traffic = (struct traffic){.time_us = BASE_US};
		struct talk talk = open_talk(&traffic, client, server);

		say_tls(&talk, lengths[i]);
		close_talk(&talk);
		struct rig rig = run(&traffic, &seen, 1000);
		CU_ASSERT_EQUAL_FATAL(rig.count, 1);
		CU_ASSERT_EQUAL(rig.records[0].encryption, TT_PROTOCOL_TLS);
		CU_ASSERT_EQUAL(seen.tls_count, 1);
		CU_ASSERT_EQUAL(seen.certificate_bytes, lengths[i]);
		CU_ASSERT_EQUAL(seen.certified, lengths[i] > 0);
		for (size_t at = 0; at < seen.certificate_bytes; at++)
			if (seen.certificate[at] != (uint8_t)(at * 7 + (at >> 8))) {
				CU_FAIL("the certificate's bytes");
				break;
			}
		rig_free(&rig);
		traffic_free(&traffic);
	}
}

/* Through a proxy: HTTP, and after CONNECT whatever follows. */
static void after_connect_comes_another_protocol(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	say_text(&talk, 0, "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n\r\n");
	say_text(&talk, 1, "HTTP/1.1 200 Connection established\r\n\r\n");
	say_tls(&talk, 100);
	close_talk(&talk);
	struct rig rig = run(&traffic, &seen, 1000);
	CU_ASSERT_EQUAL_FATAL(seen.http_count, 1);
	CU_ASSERT_STRING_EQUAL(seen.http[0].method, "CONNECT");
	CU_ASSERT_EQUAL(seen.tls_count, 1);
	CU_ASSERT_TRUE(seen.certified);
	CU_ASSERT_EQUAL(rig.records[0].encryption, TT_PROTOCOL_TLS);
	CU_ASSERT_EQUAL(rig.records[0].application, TT_PROTOCOL_HTTP);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* 20 connections at a time, and room for 16 of them: the others are counted, not followed. */
static void connections_without_room_are_counted(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talks[20];

	for (unsigned int i = 0; i < 20; i++) {
		const struct endpoint from = {client.address, (uint16_t)(41000 + i)};

		talks[i] = open_talk(&traffic, from, server);
		say_text(&talks[i], 0, request);
	}
	for (unsigned int i = 0; i < 20; i++) {
		say_text(&talks[i], 1, response);
		close_talk(&talks[i]);
	}
	struct rig rig = run(&traffic, &seen, 16);
	CU_ASSERT_EQUAL(seen.http_count, 16);
	CU_ASSERT_EQUAL(seen.counted, 16);
	CU_ASSERT_EQUAL(seen.conversations_full, 4);
	CU_ASSERT_EQUAL(seen.conversations_high, 16);
	CU_ASSERT_EQUAL(rig.count, 20);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* Nobody follows a connection for ever that says nothing anyone knows. */
static void what_nobody_knows_is_given_up(void)
{
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	uint8_t noise[64];

	memset(noise, 0xee, sizeof(noise));
	for (unsigned int i = 0; i < 20; i++) {
		const struct endpoint from = {client.address, (uint16_t)(41000 + i)};
		struct talk talk = open_talk(&traffic, from, server);

		for (unsigned int n = 0; n <= TT_TLS_SEARCH_PIECES; n++) {
			say(&talk, 0, noise, sizeof(noise));
			say(&talk, 1, noise, sizeof(noise));
		}
	}
	struct rig rig = run(&traffic, &seen, 16);
	CU_ASSERT_EQUAL(rig.count, 20);
	CU_ASSERT_EQUAL(seen.conversations_high, 1);
	CU_ASSERT_EQUAL(seen.conversations_full, 0);
	for (size_t i = 0; i < rig.count; i++)
		CU_ASSERT_EQUAL(rig.records[i].application, TT_PROTOCOL_NONE);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A query and its answer, behind their lengths. */
static void dns_over_tcp_is_known_on_any_port(void)
{
	static const uint8_t message[] = {0, 24, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a',
		4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
	static struct seen seen;
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);
	uint8_t answer[sizeof(message)];

	memcpy(answer, message, sizeof(message));
	answer[4] = 0x81;
	answer[5] = 0x83;
	say(&talk, 0, message, sizeof(message));
	say(&talk, 1, answer, sizeof(answer));
	close_talk(&talk);
	struct rig rig = run(&traffic, &seen, 1000);
	CU_ASSERT_EQUAL(seen.dns_count, 1);
	CU_ASSERT_EQUAL(rig.records[0].application, TT_PROTOCOL_DNS);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A query alone says nothing of itself on any port, when it is no sound message: on a port of DNS
 * it is counted. */
static void configured_ports_are_of_dns(void)
{
	struct traffic traffic = {.time_us = BASE_US};

	traffic_udp(&traffic, client, server, 20);
	for (unsigned int configured = 0; configured < 2; configured++) {
		struct rig rig = rig_make(&traffic, 1);

		rig.config->dns.ports[0] = server.port;
		rig.config->dns.port_count = configured;
		rig_launch(&rig);
		tt_control_run(rig.control);
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(rig.pipeline, 0);
		CU_ASSERT_EQUAL(tt_counter_read(&counters->dns_malformed), configured);
		rig_end(&rig);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

/* Each of the parsers, and all of them: connections go on being traced. */
static void what_is_off_is_not_followed(void)
{
	struct traffic traffic = {.time_us = BASE_US};
	struct talk talk = open_talk(&traffic, client, server);

	say(&talk, 0, request, sizeof(request) - 1);
	say(&talk, 1, response, sizeof(response) - 1);
	close_talk(&talk);
	traffic_udp(&traffic, client, (struct endpoint){server.address, 53}, 20);
	for (unsigned int off = 1; off < 8; off++) {
		struct rig rig = rig_make(&traffic, 1);
		struct seen seen = {0};

		rig.seen = &seen;
		rig.http = on_http;
		rig.config->dns.enabled = (off & 1) == 0;
		rig.config->http.enabled = (off & 2) == 0;
		rig.config->tls.enabled = (off & 4) == 0;
		rig_run(&rig);
		CU_ASSERT_EQUAL(rig.count, 2);
		CU_ASSERT_EQUAL(seen.http_count, (off & 2) == 0);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

/* Both sides' first words, in turns. */
struct words {
	struct {
		unsigned int from;
		const char *bytes;
		size_t length;
	} say[4];
	uint16_t port;
	bool tls; /* then a handshake */
	uint8_t application;
};

#define W(from, text)                                                                              \
	{                                                                                          \
		from, text, sizeof(text) - 1                                                       \
	}
#define UPGRADE(name)                                                                              \
	W(0, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: " name "\r\n\r\n"),     \
		W(1, "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: " name "\r\n\r\n")
#define CONNECT W(0, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), W(1, "HTTP/1.1 200 OK\r\n\r\n")

/* From either side, on any port, and after another protocol. */
static void connections_say_what_they_speak(void)
{
	static const struct words words[] = {
		{{W(1, "SSH-2.0-a\r\n"), W(0, "SSH-2.0-b\r\n")}, 8123, false, TT_PROTOCOL_SSH},
		{{W(0, "SSH-2.0-b\r\n")}, 53, false, TT_PROTOCOL_SSH},
		{{W(0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}, 80, false, TT_PROTOCOL_HTTP2},
		{{W(0, "USER a\r\n"), W(1, "+OK\r\n")}, 8123, false, TT_PROTOCOL_POP3},
		{{W(0, "\0"), W(1, "who?"), W(0, "Me"), W(1, "hm")}, 8123, false, TT_PROTOCOL_NONE},
		{{W(1, "220 a ESMTP\r\n"), W(0, "EHLO b\r\n"), W(0, "STARTTLS\r\n"),
			 W(1, "220 go ahead\r\n")},
			8123, true, TT_PROTOCOL_SMTP},
		{{W(0, "\0\0\0\x08\4\xd2\x16\x2f"), W(1, "S")}, 8123, true, TT_PROTOCOL_POSTGRES},
		{{W(1, "* OK ready\r\n"), W(0, "a STARTTLS\r\n"), W(1, "a OK go\r\n")}, 8123, true,
			TT_PROTOCOL_IMAP},
		{{W(1, "+OK ready\r\n"), W(0, "STLS\r\n"), W(1, "+OK\r\n")}, 8123, true,
			TT_PROTOCOL_POP3},
		{{W(1, "220 a FTP\r\n"), W(0, "AUTH TLS\r\n"), W(1, "234 go\r\n")}, 8123, true,
			TT_PROTOCOL_FTP},
		/* StartTLS, RFC 4511 4.14. */
		{{W(0,
			  "\x30\x1d\2\1\1\x77\x18\x80\x16"
			  "1.3.6.1.4.1.1466.20037"),
			 W(1, "\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0")},
			8123, true, TT_PROTOCOL_LDAP},
		/* HandshakeV10 and SSLRequest. */
		{{W(1,
			  "\x2e\0\0\0\x0a"
			  "8.0.36\0\1\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf\x15"
			  "\0\0\0\0\0\0\0\0\0\0\0\0\0"),
			 W(0,
				 "\x20\0\0\1\x05\xae\x0f\0\0\0\0\1\xff\0\0\0\0\0\0\0\0\0\0\0\0\0"
				 "\0\0\0\0\0\0\0\0\0\0")},
			8123, true, TT_PROTOCOL_MYSQL},
		{{UPGRADE("WebSocket"),
			 W(0,
				 "\x81\x82"
				 "abcdef")},
			80, false, TT_PROTOCOL_WEBSOCKET},
		{{UPGRADE("h2c"), W(1, "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x80")}, 80, false,
			TT_PROTOCOL_HTTP2},
		{{CONNECT, W(1, "SSH-2.0-a\r\n")}, 8080, false, TT_PROTOCOL_SSH},
		{{CONNECT, W(0, "whatever"), W(1, "goes")}, 8080, false, TT_PROTOCOL_HTTP},
		/* SOCKS 5. */
		{{W(0, "\5\1\0"), W(1, "\5\0"), W(0, "\5\1\0\1\x0a\0\0\3\0\x50"),
			 W(1, "\5\0\0\1\0\0\0\0\0\0")},
			1080, true, TT_PROTOCOL_NONE},
		/* No client's word was seen. */
		{{W(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}, 8123, false,
			TT_PROTOCOL_HTTP},
	};
	static struct seen seen;

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (unsigned int cut = 0; cut < 2; cut++) {
			const struct endpoint to = {server.address, words[i].port};
			struct traffic traffic = {.time_us = BASE_US};
			struct talk talk = open_talk(&traffic, client, to);

			for (unsigned int n = 0; n < 4 && words[i].say[n].bytes != NULL; n++) {
				const char *bytes = words[i].say[n].bytes;
				size_t length = words[i].say[n].length;
				size_t head = cut && length > 1 ? 1 : 0;

				say(&talk, words[i].say[n].from, bytes, head);
				say(&talk, words[i].say[n].from, bytes + head, length - head);
			}
			if (words[i].tls)
				say_tls(&talk, 100);
			close_talk(&talk);
			struct rig rig = run(&traffic, &seen, 1000);
			CU_ASSERT_EQUAL_FATAL(rig.count, 1);
			CU_ASSERT_EQUAL(rig.records[0].application, words[i].application);
			CU_ASSERT_EQUAL(rig.records[0].encryption,
				words[i].tls ? TT_PROTOCOL_TLS : TT_PROTOCOL_NONE);
			CU_ASSERT_EQUAL(seen.tls_count, words[i].tls);
			CU_ASSERT_EQUAL(seen.dns_count, 0);
			rig_free(&rig);
			traffic_free(&traffic);
		}
}

/* What one datagram does not tell, several may; and not more than a few are looked at. */
static void flows_of_datagrams_say_what_they_speak(void)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	static const uint8_t wireguard[148] = {1};
	uint8_t rtp[40] = {0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4};
	static const struct {
		unsigned int stun, unknown, rtp;
		uint8_t application;
	} flows[] = {{0, 0, 3, TT_PROTOCOL_RTP}, {0, 0, 2, TT_PROTOCOL_NONE},
		{0, 4, 3, TT_PROTOCOL_RTP}, {0, 8, 3, TT_PROTOCOL_NONE},
		{1, 0, 0, TT_PROTOCOL_STUN}, {31, 4, 3, TT_PROTOCOL_RTP},
		{32, 0, 3, TT_PROTOCOL_STUN}};
	static struct seen seen;

	for (unsigned int i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		struct traffic traffic = {.time_us = BASE_US};

		for (unsigned int n = 0; n < flows[i].stun; n++)
			traffic_udp_bytes(&traffic, n & 1 ? client : server,
				n & 1 ? server : client, stun, sizeof(stun));
		for (unsigned int n = 0; n < flows[i].unknown; n++)
			traffic_udp_bytes(&traffic, client, server, "@@@@@@", 6);
		for (unsigned int n = 0; n < flows[i].rtp; n++, rtp[3]++)
			traffic_udp_bytes(&traffic, client, server, rtp, sizeof(rtp));
		struct rig rig = run(&traffic, &seen, 1000);
		CU_ASSERT_EQUAL_FATAL(rig.count, 1);
		CU_ASSERT_EQUAL(rig.records[0].application, flows[i].application);
		CU_ASSERT_EQUAL(rig.records[0].encryption, TT_PROTOCOL_NONE);
		CU_ASSERT_EQUAL(seen.conversations_high, 0);
		rig_free(&rig);
		traffic_free(&traffic);
	}

	struct traffic traffic = {.time_us = BASE_US};
	traffic_udp_bytes(&traffic, client, server, wireguard, sizeof(wireguard));
	struct rig rig = run(&traffic, &seen, 1000);
	CU_ASSERT_EQUAL(rig.records[0].encryption, TT_PROTOCOL_WIREGUARD);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"connections say what they speak", connections_say_what_they_speak},
	{"flows of datagrams say what they speak", flows_of_datagrams_say_what_they_speak},
	{"requests are read however they are cut", requests_are_read_however_they_are_cut},
	{"a request after unknown bytes is found", a_request_after_unknown_bytes_is_found},
	{"a request after another protocol is found", a_request_after_another_protocol_is_found},
	{"a reset has no payload", a_reset_has_no_payload},
	{"a long certificate comes whole", a_long_certificate_comes_whole},
	{"after CONNECT comes another protocol", after_connect_comes_another_protocol},
	{"connections without room are counted", connections_without_room_are_counted},
	{"what nobody knows is given up", what_nobody_knows_is_given_up},
	{"what is off is not followed", what_is_off_is_not_followed},
	{"configured ports are of DNS", configured_ports_are_of_dns},
	{"DNS over TCP is known on any port", dns_over_tcp_is_known_on_any_port},
};

SUITE_MAIN("payload", tests)
