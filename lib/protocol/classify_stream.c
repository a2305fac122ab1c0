/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify_parsers.h"

#include "base/bytes.h"
#include "protocol/dns.h"
#include "protocol/dns_stream.h"
#include "protocol/tls.h"

#include <stdbool.h>
#include <string.h>

#define MIB (1U << 20)

static enum tt_verdict when(bool holds)
{
	return holds ? TT_VERDICT_YES : TT_VERDICT_NO;
}

static uint32_t load_le32(const uint8_t *bytes)
{
	return __builtin_bswap32(tt_load_be32(bytes));
}

/* RFC 9113 3.4, 6.5: the client's preface, or a server's first SETTINGS. */
enum tt_verdict tt_classify_http2(const uint8_t *bytes, size_t length)
{
	static const uint8_t settings[] = {4, 0, 0, 0, 0, 0};

	if (bytes[0] == 'P')
		return tt_classify_prefix(bytes, length, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	if ((length > 1 && bytes[1] != 0) || (length > 2 && (bytes[2] == 0 || bytes[2] % 6 != 0)) ||
		(length > 3 &&
			tt_classify_prefix(bytes + 3, length - 3, settings, 6) == TT_VERDICT_NO))
		return TT_VERDICT_NO;
	if (length < 11)
		return TT_VERDICT_MORE;
	/* IANA's registry of HTTP/2 settings. */
	return when(bytes[9] == 0 && bytes[10] >= 1 && bytes[10] <= 16);
}

/* A hello in a record of `record` bytes, `left` of which and what follows are at `body`. It may go on
 * in further records: then the header of the next one tells. */
static enum tt_verdict tls_handshake(const uint8_t *body, size_t left, uint32_t record)
{
	size_t here = left < record ? left : record;

	if (left > 0 && body[0] != TT_TLS_CLIENT_HELLO && body[0] != TT_TLS_SERVER_HELLO)
		return TT_VERDICT_MAY;
	if ((here > 1 && body[1] > 1) || (here > 4 && body[4] != 3 && body[4] != 0x7f))
		return TT_VERDICT_NO;
	if (record >= 6)
		return here < 6 ? TT_VERDICT_MORE : TT_VERDICT_YES;
	if (left < record + 2)
		return TT_VERDICT_MORE;
	return when(body[record] == TT_TLS_HANDSHAKE && body[record + 1] == 3);
}

/* A record of TLS in clear: its header and what must follow it. */
static enum tt_verdict tls_record(const uint8_t *bytes, size_t length)
{
	if ((length > 1 && bytes[1] != 3) || (length > 2 && bytes[2] > 4))
		return TT_VERDICT_NO;
	if (length < TT_TLS_RECORD_HEADER_BYTES)
		return TT_VERDICT_MORE;
	const uint8_t *body = bytes + TT_TLS_RECORD_HEADER_BYTES;
	size_t left = length - TT_TLS_RECORD_HEADER_BYTES;
	uint32_t record = tt_load_be16(bytes + 3);

	if (record == 0 || record > TT_TLS_RECORD_BYTES)
		return TT_VERDICT_NO;
	switch (bytes[0]) {
	case TT_TLS_CHANGE_CIPHER_SPEC:
		return record != 1 ? TT_VERDICT_NO : left == 0 ? TT_VERDICT_MORE : when(*body == 1);
	case TT_TLS_ALERT:
		if (record != 2)
			return record < 18 ? TT_VERDICT_NO : TT_VERDICT_MAY;
		return left == 0 ? TT_VERDICT_MORE : when(*body == 1 || *body == 2);
	case TT_TLS_HANDSHAKE:
		return tls_handshake(body, left, record);
	default:
		break;
	}
	/* Midstream: the next record, where it can be seen, proves it. */
	if (left < record + 3)
		return TT_VERDICT_MAY;
	const uint8_t *next = body + record;

	return when(next[0] >= TT_TLS_ALERT && next[0] <= TT_TLS_APPLICATION_DATA &&
		memcmp(next + 1, bytes + 1, 2) == 0);
}

/* SSLv2's hello: its lengths must fill the record. */
static enum tt_verdict ssl2_hello(const uint8_t *bytes, size_t length)
{
	enum tt_ssl2_message_type type;

	if (length < TT_TLS_RECORD_HEADER_BYTES)
		return TT_VERDICT_MORE;
	size_t record = tt_ssl2_record_bytes(bytes, &type);

	if (record == 0)
		return TT_VERDICT_NO;
	if (length < 13)
		return TT_VERDICT_MORE;
	if (type == TT_SSL2_CLIENT_HELLO) {
		size_t ciphers = tt_load_be16(bytes + 5);
		size_t session = tt_load_be16(bytes + 7);
		size_t challenge = tt_load_be16(bytes + 9);

		return when(ciphers > 0 && ciphers % 3 == 0 && (session == 0 || session == 16) &&
			challenge >= 16 && challenge <= 32 &&
			11 + ciphers + session + challenge == record);
	}
	size_t certificate = tt_load_be16(bytes + 7);
	size_t ciphers = tt_load_be16(bytes + 9);
	size_t connection = tt_load_be16(bytes + 11);

	return when(tt_load_be16(bytes + 5) == TT_TLS_SSL2 && ciphers % 3 == 0 &&
		connection >= 16 && connection <= 32 &&
		13 + certificate + ciphers + connection == record);
}

enum tt_verdict tt_classify_tls(const uint8_t *bytes, size_t length)
{
	return bytes[0] >= 0x80 ? ssl2_hello(bytes, length) : tls_record(bytes, length);
}

/* Less than a whole message says too little on a port of another. One that begins a connection is
 * not long; the bytes of text are longer lengths than that. */
enum tt_verdict tt_classify_dns_stream(const uint8_t *bytes, size_t length)
{
	if (length < 2)
		return TT_VERDICT_MORE;
	uint32_t message = tt_load_be16(bytes);

	if (message < TT_DNS_HEADER_BYTES || message >= 0x2000)
		return TT_VERDICT_NO;
	if (length < 2 + TT_DNS_HEADER_BYTES)
		return TT_VERDICT_MORE;
	if (!tt_dns_stream_is_plausible(bytes, length))
		return TT_VERDICT_NO;
	if (message <= length - 2)
		return TT_VERDICT_YES;
	return length < 64 ? TT_VERDICT_MORE : TT_VERDICT_MAY;
}

/* A length of BER (X.690 8.1.3) at *at, which goes behind it. MORE, or NO for other forms. */
static enum tt_verdict ber_length(const uint8_t *bytes, size_t length, size_t *at, uint32_t *value)
{
	if (*at >= length)
		return TT_VERDICT_MORE;
	unsigned int count = bytes[*at] & 0x7f;

	*value = count;
	if (bytes[(*at)++] < 0x80)
		return TT_VERDICT_YES;
	if (count == 0 || count > 4)
		return TT_VERDICT_NO;
	for (*value = 0; count > 0; count--, (*at)++) {
		if (*at >= length)
			return TT_VERDICT_MORE;
		*value = *value << 8 | bytes[*at];
	}
	return TT_VERDICT_YES;
}

/* RFC 4511 4.1.1: a sequence (0x30, which chose this parser) of a message id, an operation's tag and what that begins with. */
enum tt_verdict tt_classify_ldap(const uint8_t *bytes, size_t length)
{
	/* Operations, each with the tag of its first element. */
	static const uint8_t operations[][2] = {{0x60, 0x02}, {0x61, 0x0a}, {0x63, 0x04},
		{0x64, 0x04}, {0x65, 0x0a}, {0x66, 0x04}, {0x68, 0x04}, {0x77, 0x80}, {0x78, 0x0a}};
	size_t at = 1;
	uint32_t message;
	uint32_t inner;
	enum tt_verdict verdict = ber_length(bytes, length, &at, &message);

	if (verdict != TT_VERDICT_YES)
		return verdict;
	size_t begin = at;

	if (length - at < 2)
		return at < length && bytes[at] != 2 ? TT_VERDICT_NO : TT_VERDICT_MORE;
	if (bytes[at] != 2 || bytes[at + 1] == 0 || bytes[at + 1] > 4)
		return TT_VERDICT_NO;
	at += 2 + (size_t)bytes[at + 1];
	if (at >= length)
		return TT_VERDICT_MORE;
	uint8_t operation = bytes[at++];

	verdict = ber_length(bytes, length, &at, &inner);
	if (verdict != TT_VERDICT_YES)
		return verdict;
	if (inner > message || at - begin + inner > message)
		return TT_VERDICT_NO;
	if (operation == 0x42)
		return when(inner == 0);
	if (at >= length)
		return TT_VERDICT_MORE;
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i][0] == operation)
			return when(bytes[at] == operations[i][1]);
	return TT_VERDICT_NO;
}

enum tt_verdict tt_classify_kerberos(const uint8_t *bytes, size_t length)
{
	size_t at = 1;
	uint32_t outer;
	uint32_t inner;
	enum tt_verdict verdict = ber_length(bytes, length, &at, &outer);

	/* RFC 4120 5.4 to 5.9: AS, TGS and AP, requests and answers, and errors. */
	if (!((bytes[0] >= 0x6a && bytes[0] <= 0x6f) || bytes[0] == 0x7e))
		return TT_VERDICT_NO;
	if (verdict != TT_VERDICT_YES)
		return verdict;
	if (at >= length)
		return TT_VERDICT_MORE;
	if (bytes[at++] != 0x30)
		return TT_VERDICT_NO;
	verdict = ber_length(bytes, length, &at, &inner);
	if (verdict != TT_VERDICT_YES)
		return verdict;
	if (length - at < 10)
		return TT_VERDICT_MORE;
	/* pvno 5, and the message's type, which is the tag's number. */
	return when((bytes[at] == 0xa0 || bytes[at] == 0xa1) &&
		memcmp(bytes + at + 1, "\x03\x02\x01\x05", 4) == 0 &&
		bytes[at + 5] == bytes[at] + 1 && memcmp(bytes + at + 6, "\x03\x02\x01", 3) == 0 &&
		bytes[at + 9] == (bytes[0] & 0x1f));
}

/* RFC 4120 7.2.2: behind a length. */
enum tt_verdict tt_classify_kerberos_stream(const uint8_t *bytes, size_t length)
{
	if (length <= 4)
		return TT_VERDICT_MORE;
	uint32_t message = tt_load_be32(bytes);

	return message < 16 || message > MIB ? TT_VERDICT_NO
					     : tt_classify_kerberos(bytes + 4, length - 4);
}

/* MS-SMB2 2.1: behind a length of three bytes, "SMB" and a byte that says which. */
enum tt_verdict tt_classify_smb(const uint8_t *bytes, size_t length)
{
	if (length < 8)
		return length > 4 && bytes[4] < 0xfc ? TT_VERDICT_NO : TT_VERDICT_MORE;
	return when(bytes[4] >= 0xfc && memcmp(bytes + 5, "SMB", 3) == 0);
}

/* TPKT (RFC 1006) and a COTP connection request or confirm whose user data are RDP's: a negotiation
 * or a cookie (MS-RDPBCGR 2.2.1.1, 2.2.1.2). */
enum tt_verdict tt_classify_rdp(const uint8_t *bytes, size_t length)
{
	if (length < 11)
		return (length > 1 && bytes[1] != 0) || (length > 2 && bytes[2] != 0) ||
				(length > 5 && bytes[5] != 0xe0 && bytes[5] != 0xd0)
			? TT_VERDICT_NO
			: TT_VERDICT_MORE;
	uint32_t total = tt_load_be16(bytes + 2);

	if (bytes[1] != 0 || total != bytes[4] + 5U || (bytes[5] != 0xe0 && bytes[5] != 0xd0))
		return TT_VERDICT_NO;
	if (total == 11)
		return TT_VERDICT_MAY;
	if (length < 19)
		return TT_VERDICT_MORE;
	return when(memcmp(bytes + 11, "Cookie: ", 8) == 0 ||
		(bytes[11] >= 1 && bytes[11] <= 3 && bytes[13] == 8 && bytes[14] == 0));
}

/* A request's header: length, API key and version, correlation id, client id. */
enum tt_verdict tt_classify_kafka(const uint8_t *bytes, size_t length)
{
	if (length < 14)
		return length >= 8 && (tt_load_be16(bytes + 4) > 92 || tt_load_be16(bytes + 6) > 20)
			? TT_VERDICT_NO
			: TT_VERDICT_MORE;
	uint32_t message = tt_load_be32(bytes);
	uint32_t client = tt_load_be16(bytes + 12);

	if (message < 10 || message > 100 * MIB || tt_load_be16(bytes + 4) > 92 ||
		tt_load_be16(bytes + 6) > 20)
		return TT_VERDICT_NO;
	if (client == 0 || client == 0xffff)
		return message + 4 == length ? TT_VERDICT_MAY : TT_VERDICT_NO;
	if (client > 255 || client + 10 > message)
		return TT_VERDICT_NO;
	for (uint32_t i = 0; i < client && 14 + i < length; i++)
		if (bytes[14 + i] <= ' ' || bytes[14 + i] > '~')
			return TT_VERDICT_NO;
	return length < 14 + client && length < 64 ? TT_VERDICT_MORE : TT_VERDICT_YES;
}

/* The message formats of the frontend/backend protocol 3.0. */
enum tt_verdict tt_classify_postgres(const uint8_t *bytes, size_t length)
{
	if (length < 8)
		return length > 1 && bytes[1] != 0 ? TT_VERDICT_NO : TT_VERDICT_MORE;
	uint32_t first = tt_load_be32(bytes);
	uint32_t second = tt_load_be32(bytes + 4);

	if (bytes[0] == 'R') {
		uint32_t message = tt_load_be32(bytes + 1);

		if (message < 8 || message > 4096)
			return TT_VERDICT_NO;
		return length < 9 ? TT_VERDICT_MORE : when(tt_load_be32(bytes + 5) <= 12);
	}
	if (bytes[0] == 'E')
		return when(tt_load_be32(bytes + 1) <= 65536 && bytes[5] == 'S' &&
			(memcmp(bytes + 6, "FA", 2) == 0 || memcmp(bytes + 6, "ER", 2) == 0 ||
				memcmp(bytes + 6, "PA", 2) == 0));
	/* SSLRequest, GSSENCRequest, CancelRequest; StartupMessage. */
	if (first == 8 && (second == 80877103 || second == 80877104))
		return TT_VERDICT_YES;
	if (first == 16 && second == 80877102)
		return TT_VERDICT_YES;
	if (first < 9 || first > 10000 || second >> 16 != 3 || (second & 0xffff) > 2)
		return TT_VERDICT_NO;
	return length < 12 ? TT_VERDICT_MORE : when(bytes[8] >= 'a' && bytes[8] <= 'z');
}

/* HandshakeV10, its refusal, and HandshakeResponse41 or SSLRequest, or a query, behind a length of three bytes
 * and a sequence number. */
enum tt_verdict tt_classify_mysql(const uint8_t *bytes, size_t length)
{
	if ((length > 2 && bytes[2] != 0) || (length > 3 && bytes[3] > 1))
		return TT_VERDICT_NO;
	if (length < 7)
		return TT_VERDICT_MORE;
	uint32_t packet = load_le32(bytes) & 0xffffff;

	if (bytes[3] == 1) {
		static const uint8_t filler[23];

		if (packet < 32 || (bytes[5] & 0x02) == 0)
			return TT_VERDICT_NO;
		if (length < 36)
			return TT_VERDICT_MORE;
		return when(memcmp(bytes + 13, filler, sizeof(filler)) == 0);
	}
	if (bytes[4] == 0xff) {
		uint32_t code = (uint32_t)bytes[6] << 8 | bytes[5];

		if (code < 1000 || code > 5000 || packet < 10)
			return TT_VERDICT_NO;
		if (length < 12)
			return TT_VERDICT_MORE;
		for (unsigned int i = 7; i < 12; i++)
			if (bytes[i] < ' ' || bytes[i] > '~')
				return TT_VERDICT_NO;
		return TT_VERDICT_YES;
	}
	/* COM_QUERY, midstream. */
	if (bytes[4] == 3 && packet + 4 == length && bytes[5] >= ' ' && bytes[5] <= '~' &&
		bytes[6] >= ' ' && bytes[6] <= '~')
		return TT_VERDICT_MAY;
	if (bytes[4] != 10 || packet < 40 || bytes[5] < '0' || bytes[5] > '9')
		return TT_VERDICT_NO;
	for (size_t at = 5; at < length && at < 59; at++) {
		if (bytes[at] == 0)
			return TT_VERDICT_YES;
		if (bytes[at] < ' ' || bytes[at] > '~')
			return TT_VERDICT_NO;
	}
	return length < 59 ? TT_VERDICT_MORE : TT_VERDICT_NO;
}

/* A message's header: length, its id, the id that it answers, opcode, little-endian. */
enum tt_verdict tt_classify_mongodb(const uint8_t *bytes, size_t length)
{
	if (length > 3 && bytes[3] > 2)
		return TT_VERDICT_NO;
	if (length < 21)
		return TT_VERDICT_MORE;
	uint32_t message = load_le32(bytes);
	uint32_t answers = load_le32(bytes + 8);
	uint32_t flags = load_le32(bytes + 16);

	if (message < 21 || message > 48 * MIB)
		return TT_VERDICT_NO;
	switch (load_le32(bytes + 12)) {
	case 1: /* OP_REPLY */
		return when(message >= 36 && answers != 0 && flags <= 15);
	case 2004: /* OP_QUERY */
		return when(answers == 0 && flags <= 0xff);
	case 2012: /* OP_COMPRESSED: the original opcode */
		return when(flags >= 2001 && flags <= 2013);
	case 2013: /* OP_MSG */
		return when((flags & ~0x10003U) == 0 && bytes[20] <= 1);
	default:
		return TT_VERDICT_NO;
	}
}

/* A frame's header of versions 3 to 5, and what a client or server says first. */
enum tt_verdict tt_classify_cassandra(const uint8_t *bytes, size_t length)
{
	uint8_t version = bytes[0] & 0x7f;

	if (version < 3 || version > 5 || (length > 1 && bytes[1] > 0x1f))
		return TT_VERDICT_NO;
	if (length < 9)
		return TT_VERDICT_MORE;
	uint32_t body = tt_load_be32(bytes + 5);

	switch (bytes[4]) {
	case 0: /* ERROR */
	case 2: /* READY */
	case 3: /* AUTHENTICATE */
		return bytes[0] >= 0x80 && body <= 4096 ? TT_VERDICT_MAY : TT_VERDICT_NO;
	case 5: /* OPTIONS */
		return bytes[0] < 0x80 && body == 0 && length == 9 ? TT_VERDICT_MAY : TT_VERDICT_NO;
	case 1: /* STARTUP, a map of strings */
	case 6: /* SUPPORTED */
		if (body < 8 || body > 65536 || (bytes[4] == 6) != (bytes[0] >= 0x80))
			return TT_VERDICT_NO;
		if (length < 14)
			return TT_VERDICT_MORE;
		return when(tt_load_be16(bytes + 9) >= 1 && tt_load_be16(bytes + 9) <= 32 &&
			bytes[11] == 0 && bytes[12] <= 64 && bytes[13] >= 'A' && bytes[13] <= 'Z');
	default:
		return TT_VERDICT_NO;
	}
}

/* The protocol header of 0-9-1 and 1.0, or the frame of Connection.Start, class 10 method 10. */
enum tt_verdict tt_classify_amqp(const uint8_t *bytes, size_t length)
{
	if (bytes[0] == 'A') {
		enum tt_verdict verdict = tt_classify_prefix(bytes, length, "AMQP", 4);

		if (verdict != TT_VERDICT_YES)
			return verdict;
		return length < 8 ? TT_VERDICT_MORE : when(bytes[4] <= 3);
	}
	if (length > 2 && (bytes[1] != 0 || bytes[2] != 0))
		return TT_VERDICT_NO;
	if (length < 11)
		return TT_VERDICT_MORE;
	return when(tt_load_be32(bytes + 3) < MIB && tt_load_be32(bytes + 7) == 0x000a000a);
}

/* CONNECT of 3.1, 3.1.1 and 5 (OASIS MQTT 5.0 3.1), or a CONNACK of 3.1.1. */
enum tt_verdict tt_classify_mqtt(const uint8_t *bytes, size_t length)
{
	size_t at = 1;

	if (bytes[0] == 0x20) {
		static const uint8_t sizes[] = {0x20, 2};
		enum tt_verdict verdict = tt_classify_prefix(bytes, length, sizes, 2);

		if (verdict != TT_VERDICT_YES)
			return verdict;
		if (length < 4)
			return TT_VERDICT_MORE;
		return length == 4 && bytes[2] <= 1 && bytes[3] <= 5 ? TT_VERDICT_MAY
								     : TT_VERDICT_NO;
	}
	while (at < length && at < 4 && bytes[at] >= 0x80)
		at++;
	at++;
	if (at >= length)
		return TT_VERDICT_MORE;
	enum tt_verdict verdict = tt_classify_prefix(bytes + at, length - at, "\0\4MQTT", 6);

	return verdict != TT_VERDICT_NO
		? verdict
		: tt_classify_prefix(bytes + at, length - at, "\0\6MQIsdp", 8);
}

enum tt_verdict tt_classify_bittorrent(const uint8_t *bytes, size_t length)
{
	return tt_classify_prefix(bytes, length,
		"\x13"
		"BitTorrent protocol",
		20);
}
