/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify.h"

#include "suite.h"

#include <stdio.h>

enum transport {
	STREAM,
	DATAGRAM
};

/* First bytes of one direction that tell by themselves, on ports that say nothing. */
struct sample {
	uint8_t protocol;
	enum transport transport;
	const char *bytes;
	size_t length;
};

#define S(name, text)                                                                              \
	{                                                                                          \
		TT_PROTOCOL_##name, STREAM, text, sizeof(text) - 1                                 \
	}
#define D(name, text)                                                                              \
	{                                                                                          \
		TT_PROTOCOL_##name, DATAGRAM, text, sizeof(text) - 1                               \
	}
#define Z4  "\0\0\0\0"
#define Z16 Z4 Z4 Z4 Z4

static const struct sample samples[] = {
	S(HTTP, "GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n"),
	S(HTTP, "PROPFIND /x HTTP/1.1\r\n"),
	S(HTTP, "OPTIONS * HTTP/1.1\n"),
	S(HTTP, "CONNECT a.example:443 HTTP/1.1\r\n"),
	S(HTTP, "HTTP/1.1 200 OK\r\n"),
	S(HTTP, "GET /a-path-that-is-longer-than-what-is-kept-of-the-first-bytes-of-it"),
	S(HTTP2, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	S(HTTP2, "\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x80"),
	S(TLS, "\x16\3\1\2\0\1\0\1\xfc\3\3abcdefgh"),
	S(TLS, "\x16\3\3\0\x7a\2\0\0\x76\3\3abcdefgh"),
	S(TLS, "\x16\3\1\0\4\1\0\0\x31\x16\3\1\0\x31\3\3"),
	S(TLS, "\x15\3\1\0\2\2\x28"),
	S(TLS, "\x17\3\3\0\4abcd\x17\3\3\0\4"),
	S(TLS, "\x80\x2b\1\3\1\0\x12\0\0\0\x10\0\0\x39\0\0\x38\0\0\x35"),
	S(DNS, "\0\x21\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"),
	S(SSH, "SSH-2.0-OpenSSH_9.2\r\n"),
	S(SMTP, "EHLO client.example\r\n"),
	S(SMTP, "220 mail.example ESMTP Postfix\r\n"),
	S(FTP, "220 (vsFTPd 3.0.3)\r\n"),
	S(FTP, "AUTH TLS\r\n"),
	S(IMAP, "* OK [CAPABILITY IMAP4rev1] ready\r\n"),
	S(IMAP, "a001 LOGIN u p\r\n"),
	S(POP3, "+OK Dovecot ready.\r\n"),
	S(POP3, "CAPA\r\n"),
	S(SIP, "OPTIONS sip:a@b.example SIP/2.0\r\n"),
	S(SIP, "SIP/2.0 200 OK\r\n"),
	S(RTSP, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n"),
	S(RTSP, "DESCRIBE rtsp://a.example/x RTSP/1.0\r\n"),
	S(RTSP, "RTSP/1.0 200 OK\r\n"),
	S(LDAP, "0\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"),
	S(LDAP, "0\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"),
	S(KERBEROS, "\0\0\0\x40\x6a\x3e\x30\x3c\xa1\3\2\1\5\xa2\3\2\1\x0a"),
	S(SMB, "\0\0\0\x44\xfeSMB\x40\0"),
	S(RDP, "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"),
	S(KAFKA, "\0\0\0\x14\0\x12\0\3\0\0\0\1\0\7rdkafka\0\0\0"),
	S(POSTGRES, "\0\0\0\x08\4\xd2\x16\x2f"),
	S(POSTGRES, "\0\0\0\x54\0\3\0\0user\0u\0database\0d\0"),
	S(POSTGRES, "R\0\0\0\x0c\0\0\0\5salt"),
	S(MYSQL,
		"\x4a\0\0\0\x0a"
		"8.0.33\0\1\0\0\0abcdefgh\0"),
	S(MYSQL, "\x45\0\0\0\xff\x6a\4Host 'a' is not allowed"),
	S(REDIS, "*1\r\n$4\r\nPING\r\n"),
	S(REDIS, "+PONG\r\n"),
	S(MONGODB, "\x3c\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x27"),
	S(CASSANDRA,
		"\4\0\0\1\1\0\0\0\x16\0\1\0\x0b"
		"CQL_VERSION"),
	S(MEMCACHED, "set key 0 60 5\r\nhello\r\n"),
	S(MEMCACHED, "VALUE key 0 5\r\nhello\r\n"),
	S(MEMCACHED, "\x80\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0key"),
	S(AMQP, "AMQP\0\0\x09\1"),
	S(AMQP, "\1\0\0\0\0\1\xf4\0\x0a\0\x0a\0\x09"),
	S(MQTT, "\x10\x10\0\4MQTT\4\2\0\x3c\0\4abcd"),
	S(NATS, "INFO {\"server_id\":\"A\"}\r\n"),
	S(NATS, "CONNECT {\"verbose\":false}\r\n"),
	S(BITTORRENT,
		"\x13"
		"BitTorrent protocol" Z4 Z4),
	D(DTLS, "\x16\xfe\xfd\0\0" Z4 "\0\0\0\x0e\1\0\0\2\0\0\0\0\0\0\0\2ab"),
	D(QUIC,
		"\xc3\0\0\0\1\x08"
		"abcdefgh\0\0\x44\xd0"),
	D(QUIC, "\x80" Z4 "\4abcd\4efgh\0\0\0\1"),
	D(WIREGUARD, "\1\0\0\0" Z16 Z16 Z16 Z16 Z16 Z16 Z16 Z16 Z16),
	D(DNS, "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"),
	D(SIP, "REGISTER sip:b.example SIP/2.0\r\n"),
	D(RTP, "\x80\xc8\0\1" Z4),
	D(STUN, "\0\1\0\0\x21\x12\xa4\x42" Z4 Z4 Z4),
	D(SNMP, "0\x1a\2\1\1\4\6public\xa0\x0d\2\1\1"),
	D(SNMP, "0\x3a\2\1\3\x30\x0f\2\2\1\1"),
	D(LDAP, "0\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"),
	D(KERBEROS, "\x6a\x3e\x30\x3c\xa1\3\2\1\5\xa2\3\2\1\x0a"),
	D(BITTORRENT, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping"),
	D(MEMCACHED, "\0\1\0\0\0\1\0\0version\r\n"),
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static const uint16_t no_port[2] = {40001, 40002};

static enum tt_classify_result look(struct tt_classifier *classifier, enum transport transport,
	unsigned int direction, const uint16_t ports[2], const void *bytes, size_t length,
	uint8_t *protocol)
{
	struct guarded guarded = guarded_copy(bytes, length);
	enum tt_classify_result result = transport == STREAM
		? tt_classify_stream(
			  classifier, direction, ports, guarded.bytes, length, false, protocol)
		: tt_classify_datagram(
			  classifier, direction, ports, guarded.bytes, length, protocol);

	guarded_free(&guarded);
	return result;
}

static void test_samples(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		for (unsigned int direction = 0; direction < 2; direction++) {
			struct tt_classifier classifier = {0};
			uint8_t protocol = TT_PROTOCOL_NONE;
			enum tt_classify_result result = look(&classifier, samples[i].transport,
				direction, no_port, samples[i].bytes, samples[i].length, &protocol);

			if (result != TT_CLASSIFY_KNOWN || protocol != samples[i].protocol)
				printf("  sample %zu, %s: result %d, protocol %u\n", i,
					tt_protocol_name(samples[i].protocol), result, protocol);
			CU_ASSERT_EQUAL(result, TT_CLASSIFY_KNOWN);
			CU_ASSERT_EQUAL(protocol, samples[i].protocol);
		}
	}
}

/* However a stream is cut, it is never another protocol, and is not given up before it tells. */
static void test_prefixes(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		enum tt_classify_result result = TT_CLASSIFY_MORE;

		if (samples[i].transport != STREAM)
			continue;
		for (size_t length = 1; result == TT_CLASSIFY_MORE && length <= samples[i].length;
			length++) {
			struct tt_classifier classifier = {0};
			uint8_t protocol = samples[i].protocol;

			result = look(&classifier, STREAM, 0, no_port, samples[i].bytes, length,
				&protocol);
			if (result == TT_CLASSIFY_OTHER || protocol != samples[i].protocol)
				printf("  sample %zu, %s, first %zu: result %d, protocol %u\n", i,
					tt_protocol_name(samples[i].protocol), length, result,
					protocol);
			CU_ASSERT_EQUAL(protocol, samples[i].protocol);
		}
		CU_ASSERT_EQUAL(result, TT_CLASSIFY_KNOWN);
	}
}

/* Cut datagrams are read no further than they go, and are nothing else. */
static void test_cut_datagrams(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		for (size_t length = 0; length < samples[i].length; length++) {
			struct tt_classifier classifier = {0};
			uint8_t protocol = samples[i].protocol;

			if (samples[i].transport != DATAGRAM)
				continue;
			look(&classifier, DATAGRAM, 0, no_port, samples[i].bytes, length,
				&protocol);
			CU_ASSERT_EQUAL(protocol, samples[i].protocol);
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Noise with every first byte is none of what must never be wrong, and hardly anything else. */
static void test_noise(void)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	unsigned int known = 0;

	for (unsigned int round = 0; round < 200000; round++) {
		struct tt_classifier classifier = {0};
		uint8_t bytes[64];
		uint8_t protocol = TT_PROTOCOL_NONE;

		for (size_t at = 0; at < sizeof(bytes); at += 8) {
			uint64_t word = next_random(&state);

			memcpy(bytes + at, &word, 8);
		}
		bytes[0] = (uint8_t)round;
		if (round & 0x100)
			tt_classify_stream(&classifier, 0, no_port, bytes, 64, false, &protocol);
		else
			tt_classify_datagram(&classifier, 0, no_port, bytes, 64, &protocol);
		CU_ASSERT_NOT_EQUAL_FATAL(protocol, TT_PROTOCOL_HTTP);
		CU_ASSERT_NOT_EQUAL_FATAL(protocol, TT_PROTOCOL_DNS);
		/* 34 fixed bits of a ClientHello's first bytes would be a chance of 2^-34. */
		CU_ASSERT_NOT_EQUAL_FATAL(protocol, TT_PROTOCOL_TLS);
		known += protocol != TT_PROTOCOL_NONE;
	}
	CU_ASSERT_TRUE(known <= 2);
}

/* Nor are flows of noise, of the lengths that protocols fix, in both directions: but for QUIC, whose
 * version may be one of the reserved ones, and NTP, which has few fixed bits. */
static void test_noise_of_flows(void)
{
	static const uint8_t lengths[] = {148, 92, 64, 48, 32, 20, 16, 12};
	uint64_t state = 0x9e3779b97f4a7c15;
	unsigned int known = 0;

	for (unsigned int round = 0; round < 50000; round++) {
		struct tt_classifier classifier = {0};
		enum tt_classify_result result = TT_CLASSIFY_MORE;
		uint8_t bytes[152];
		uint8_t protocol = TT_PROTOCOL_NONE;

		for (unsigned int n = 0; n < 8 && result == TT_CLASSIFY_MORE; n++) {
			for (size_t at = 0; at < sizeof(bytes); at += 8) {
				uint64_t word = next_random(&state);

				memcpy(bytes + at, &word, 8);
			}
			result = tt_classify_datagram(&classifier, n & 1, no_port, bytes,
				lengths[round % sizeof(lengths)], &protocol);
		}
		CU_ASSERT_TRUE_FATAL(protocol == TT_PROTOCOL_NONE || protocol == TT_PROTOCOL_NTP ||
			protocol == TT_PROTOCOL_QUIC);
		known += protocol != TT_PROTOCOL_NONE;
	}
	CU_ASSERT_TRUE(known <= 10);
}

/* Of the form of HTTP, TLS or DNS, but not them. */
static void test_lookalikes(void)
{
	static const struct sample others[] = {
		S(NONE, "GET key\r\n"),
		S(NONE, "GET /key\r\n"),
		S(NONE, "NOTIFY * FOO/1.1\r\nHost: 239.255.255.250\r\n"),
		S(NONE, "\x16\3\1\2\0\1\0\1\xfc\2\0abcdefgh"),
		S(NONE, "\x16\3\1\xff\xff\1\0\1\xfc\3\3abcdefgh"),
		S(NONE, "\x16\3\1\0\4\1\0\0\x31\x47\3\1\0\x31\3\3"),
		/* An addition in memcached's binary protocol has extras. */
		S(NONE, "\x80\2\0\2\0\0\0\x53\0\0\0\x0d" Z4 Z4 Z4 Z4),
		S(NONE, "\x17\3\3\0\4abcd\x47\3\3\0\4"),
		S(NONE, "\x80\x2b\1\3\1\0\x13\0\0\0\x10\0\0\x39\0\0\x38\0\0\x35"),
		S(NONE, "\0\x22\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1\0"),
		/* NetBIOS: RFC 1002 4.2.12. */
		D(NONE,
			"\x12\x34\1\x10\0\1\0\0\0\0\0\0\x20"
			"EKEPEIEOCACACACACACACACACACACACA"
			"\0\0\x20\0\1"),
		D(NONE, "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n"),
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct tt_classifier classifier = {0};
		uint8_t protocol = TT_PROTOCOL_NONE;

		look(&classifier, others[i].transport, 0, no_port, others[i].bytes,
			others[i].length, &protocol);
		if (protocol != TT_PROTOCOL_NONE)
			printf("  lookalike %zu: protocol %u\n", i, protocol);
		CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_NONE);
	}
}

static enum tt_classify_result stream_says(struct tt_classifier *classifier, unsigned int direction,
	uint16_t port, const char *text, uint8_t *protocol)
{
	const uint16_t ports[2] = {port, 40000};

	return look(classifier, STREAM, direction, ports, text, strlen(text), protocol);
}

/* What one direction leaves open, the other one or the port decides. */
static void test_agreement(void)
{
	struct tt_classifier classifier = {0};
	uint8_t protocol = TT_PROTOCOL_NONE;

	CU_ASSERT_EQUAL(
		stream_says(&classifier, 1, 40001, "220 ready\r\n", &protocol), TT_CLASSIFY_OTHER);
	CU_ASSERT_EQUAL(stream_says(&classifier, 0, 40001, "USER anonymous\r\n", &protocol),
		TT_CLASSIFY_KNOWN);
	CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_FTP);

	classifier = (struct tt_classifier){0};
	CU_ASSERT_EQUAL(
		stream_says(&classifier, 0, 40001, "USER a\r\n", &protocol), TT_CLASSIFY_OTHER);
	CU_ASSERT_EQUAL(
		stream_says(&classifier, 1, 40001, "+OK\r\n", &protocol), TT_CLASSIFY_KNOWN);
	CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_POP3);

	classifier = (struct tt_classifier){0};
	CU_ASSERT_EQUAL(
		stream_says(&classifier, 1, 25, "220 ready\r\n", &protocol), TT_CLASSIFY_KNOWN);
	CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_SMTP);

	/* What is cut short is its port's, if it is sound as far as it goes. */
	static const uint16_t http[2] = {40000, 80};
	const uint8_t *cut = (const uint8_t *)"GET /a";

	for (unsigned int i = 0; i < 2; i++) {
		classifier = (struct tt_classifier){0};
		CU_ASSERT_EQUAL(
			tt_classify_stream(&classifier, 0, http, cut + i, 5, false, &protocol),
			i == 0 ? TT_CLASSIFY_MORE : TT_CLASSIFY_OTHER);
		classifier = (struct tt_classifier){0};
		CU_ASSERT_EQUAL(
			tt_classify_stream(&classifier, 0, http, cut + i, 5, true, &protocol),
			i == 0 ? TT_CLASSIFY_KNOWN : TT_CLASSIFY_OTHER);
	}
	CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_HTTP);

	/* A port without any sign of its protocol decides nothing. */
	classifier = (struct tt_classifier){0};
	CU_ASSERT_EQUAL(stream_says(&classifier, 0, 80, "hello there, all\r\n", &protocol),
		TT_CLASSIFY_OTHER);
	CU_ASSERT_EQUAL(stream_says(&classifier, 1, 80, "and to you, too\r\n", &protocol),
		TT_CLASSIFY_UNKNOWN);
}

/* A datagram's header as RTP has it. */
static enum tt_classify_result rtp(struct tt_classifier *classifier, unsigned int direction,
	uint16_t sequence, uint8_t source, uint8_t *protocol)
{
	uint8_t bytes[172] = {0x80, 8, (uint8_t)(sequence >> 8), (uint8_t)sequence, [8] = source};

	return look(classifier, DATAGRAM, direction, no_port, bytes, sizeof(bytes), protocol);
}

static void test_rtp(void)
{
	struct tt_classifier classifier = {0};
	uint8_t protocol = TT_PROTOCOL_NONE;

	CU_ASSERT_EQUAL(rtp(&classifier, 0, 0xffff, 7, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 0, 7, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 3, 7, &protocol), TT_CLASSIFY_KNOWN);
	CU_ASSERT_EQUAL(protocol, TT_PROTOCOL_RTP);

	/* Another source, the same number again, a leap, the other direction. */
	classifier = (struct tt_classifier){0};
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 10, 7, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 11, 8, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 12, 8, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 12, 8, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 99, 8, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 0, 100, 8, &protocol), TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(rtp(&classifier, 1, 101, 8, &protocol), TT_CLASSIFY_MORE);
}

static void test_gives_up(void)
{
	struct tt_classifier classifier = {0};
	uint8_t protocol = TT_PROTOCOL_NONE;

	for (unsigned int i = 1; i < TT_CLASSIFY_DATAGRAMS; i++)
		CU_ASSERT_EQUAL(look(&classifier, DATAGRAM, 0, no_port, "xyz", 3, &protocol),
			TT_CLASSIFY_MORE);
	CU_ASSERT_EQUAL(
		look(&classifier, DATAGRAM, 0, no_port, "xyz", 3, &protocol), TT_CLASSIFY_UNKNOWN);

	/* No first bytes of a stream ask for more than the limit. */
	for (unsigned int first = 0; first < 256; first++) {
		uint8_t bytes[TT_CLASSIFY_BYTES] = {(uint8_t)first};

		classifier = (struct tt_classifier){0};
		CU_ASSERT_NOT_EQUAL(
			look(&classifier, STREAM, 0, no_port, bytes, sizeof(bytes), &protocol),
			TT_CLASSIFY_MORE);
	}
}

static void test_levels(void)
{
	CU_ASSERT_TRUE(tt_classify_encrypts(TT_PROTOCOL_TLS));
	CU_ASSERT_TRUE(tt_classify_encrypts(TT_PROTOCOL_QUIC));
	CU_ASSERT_FALSE(tt_classify_encrypts(TT_PROTOCOL_SSH));
	CU_ASSERT_FALSE(tt_classify_encrypts(TT_PROTOCOLS));
	CU_ASSERT_TRUE(tt_classify_may_start_tls(TT_PROTOCOL_SMTP));
	CU_ASSERT_TRUE(tt_classify_may_start_tls(TT_PROTOCOL_POSTGRES));
	CU_ASSERT_FALSE(tt_classify_may_start_tls(TT_PROTOCOL_DNS));
	CU_ASSERT_TRUE(tt_classify_may_start_tls(TT_PROTOCOLS));
}

static const struct suite_test tests[] = {
	{"each sample tells its protocol on any port", test_samples},
	{"a stream cut anywhere is never another protocol", test_prefixes},
	{"a cut datagram is never another protocol", test_cut_datagrams},
	{"noise is nothing", test_noise},
	{"noise of flows", test_noise_of_flows},
	{"what looks alike is neither HTTP nor TLS nor DNS", test_lookalikes},
	{"directions and ports agree", test_agreement},
	{"RTP takes three datagrams", test_rtp},
	{"gives up", test_gives_up},
	{"levels and upgrades", test_levels},
};

SUITE_MAIN("classify", tests)
