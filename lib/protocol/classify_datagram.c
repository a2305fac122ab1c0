/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify_parsers.h"

#include "base/bytes.h"
#include "protocol/dns.h"
#include "protocol/tls.h"

#include <stdbool.h>
#include <string.h>

#define QUIC_INITIAL_BYTES 1200 /* RFC 9000 14.1: a client's first datagram, at least */

static enum tt_verdict when(bool holds)
{
	return holds ? TT_VERDICT_YES : TT_VERDICT_NO;
}

/* A whole record; in clear it must be of a handshake's message, or an alert. */
enum tt_verdict tt_classify_dtls(const uint8_t *bytes, size_t length)
{
	struct tt_tls_record record;
	struct tt_dtls_message message;

	if (tt_dtls_record_parse(&record, bytes, length) != TT_TLS_OK || record.length == 0)
		return TT_VERDICT_NO;
	if (record.type == TT_TLS_HANDSHAKE && record.epoch == 0)
		return when(tt_dtls_message_parse(
				    &message, record.body.bytes, record.body.length) == TT_TLS_OK);
	if (record.epoch == 0)
		return when(record.type == TT_TLS_ALERT && record.length == 2);
	return TT_VERDICT_MAY;
}

/* RFC 9000 15, RFC 9369 3, the drafts, and what Google and Facebook speak. */
static bool is_quic_version(uint32_t version)
{
	uint8_t digit = (uint8_t)(version >> 16);

	return version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 ||
		version >> 8 == 0xfaceb0 ||
		((version >> 24 == 'Q' || version >> 24 == 'T') && digit == '0');
}

/* RFC 9000 15: offered to exercise negotiation. */
static bool is_quic_reserved(uint32_t version)
{
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* RFC 8999: of any version, a long header with two connection ids; version 0 offers others. */
enum tt_verdict tt_classify_quic(const uint8_t *bytes, size_t length)
{
	if ((bytes[0] & 0x80) == 0)
		/* Before that: flags, a connection id of 8 bytes, a version. */
		return when((bytes[0] & 0x09) == 0x09 && length > 13 && bytes[9] == 'Q' &&
			bytes[10] == '0' && bytes[11] >= '2' && bytes[11] <= '5');
	if (length < 7)
		return TT_VERDICT_NO;
	uint32_t version = tt_load_be32(bytes + 1);

	/* Q046 and Q050 pack both lengths into one byte. */
	if (version >> 24 == 'Q' && is_quic_version(version))
		return when((bytes[0] & 0x40) != 0 && length > 14);
	size_t at = 6 + (size_t)bytes[5];

	if (bytes[5] > 20 || at >= length || bytes[at] > 20 || at + 1 + bytes[at] >= length)
		return TT_VERDICT_NO;
	at += 1 + (size_t)bytes[at];
	if (version != 0)
		return when((bytes[0] & 0x40) != 0 &&
			(is_quic_version(version) ||
				(is_quic_reserved(version) && length >= QUIC_INITIAL_BYTES)));
	if ((length - at) % 4 != 0 || length - at > 256)
		return TT_VERDICT_NO;
	for (; at < length; at += 4)
		if (is_quic_version(tt_load_be32(bytes + at)))
			return TT_VERDICT_YES;
	return TT_VERDICT_NO;
}

/* The four messages of the protocol, each of its length (WireGuard, section 5.4). */
enum tt_verdict tt_classify_wireguard(const uint8_t *bytes, size_t length)
{
	if (length < 32 || bytes[1] != 0 || bytes[2] != 0 || bytes[3] != 0)
		return TT_VERDICT_NO;
	switch (bytes[0]) {
	case 1:
		return when(length == 148);
	case 2:
		return when(length == 92);
	case 3:
		return length == 64 ? TT_VERDICT_MAY : TT_VERDICT_NO;
	case 4:
		return length % 16 == 0 ? TT_VERDICT_MAY : TT_VERDICT_NO;
	default:
		return TT_VERDICT_NO;
	}
}

enum tt_verdict tt_classify_dns(const uint8_t *bytes, size_t length)
{
	return when(tt_dns_is_plausible(bytes, length));
}

/* RFC 8489 5; without the cookie it is RFC 3489's, a binding whose attributes fill it. */
enum tt_verdict tt_classify_stun(const uint8_t *bytes, size_t length)
{
	if (length < 20 || (bytes[0] & 0xc0) != 0 || tt_load_be16(bytes + 2) + 20U != length ||
		length % 4 != 0)
		return TT_VERDICT_NO;
	if (tt_load_be32(bytes + 4) == 0x2112a442)
		return TT_VERDICT_YES;
	uint16_t type = tt_load_be16(bytes);

	if (type != 0x0001 && type != 0x0101 && type != 0x0111)
		return TT_VERDICT_NO;
	size_t at = 20;

	while (at + 4 <= length)
		at += 4 + (size_t)tt_load_be16(bytes + at + 2);
	return at == length ? TT_VERDICT_MAY : TT_VERDICT_NO;
}

/* RFC 3550 6.1: packets that fill the datagram, the first a report. */
enum tt_verdict tt_classify_rtcp(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	if (length < 8 || (bytes[1] != 200 && bytes[1] != 201))
		return TT_VERDICT_NO;
	while (at + 4 <= length) {
		if ((bytes[at] & 0xc0) != 0x80 || bytes[at + 1] < 200 || bytes[at + 1] > 207)
			return TT_VERDICT_NO;
		at += 4 * (1 + (size_t)tt_load_be16(bytes + at + 2));
	}
	return when(at == length);
}

/* RFC 5905 7.3. Few bits are fixed: on other ports both directions must look like it. */
enum tt_verdict tt_classify_ntp(const uint8_t *bytes, size_t length)
{
	unsigned int version = bytes[0] >> 3 & 7;
	unsigned int mode = bytes[0] & 7;

	/* Control messages (RFC 9327 2) and the private mode of the reference implementation. */
	if (mode == 6)
		return version >= 1 && version <= 4 && length >= 12 && (bytes[1] & 0x1f) <= 12 &&
				tt_load_be16(bytes + 10) + 12U <= length
			? TT_VERDICT_MAY
			: TT_VERDICT_NO;
	if (mode == 7)
		return version >= 1 && version <= 4 && length >= 8 && bytes[2] <= 3 ? TT_VERDICT_MAY
										    : TT_VERDICT_NO;
	return version >= 1 && version <= 4 && mode >= 1 && length >= 48 && length % 4 == 0 &&
			bytes[1] <= 16 && (bytes[2] <= 17 || bytes[2] >= 0xf0) &&
			(bytes[3] == 0 || bytes[3] >= 0xd8)
		? TT_VERDICT_MAY
		: TT_VERDICT_NO;
}

/* The bytes after a BER tag and its length of one of up to three bytes; 0: none. */
static size_t ber_enter(const uint8_t *bytes, size_t length, size_t at, uint8_t tag)
{
	if (at + 2 > length || bytes[at] != tag)
		return 0;
	unsigned int count = bytes[at + 1] < 0x80 ? 0 : bytes[at + 1] & 0x7f;

	return count <= 2 && at + 2 + count < length ? at + 2 + count : 0;
}

/* RFC 1157 4, RFC 3416 3: version, community, a PDU; RFC 3412 6: version 3, and its header. */
enum tt_verdict tt_classify_snmp(const uint8_t *bytes, size_t length)
{
	size_t at = ber_enter(bytes, length, 0, 0x30);

	if (at == 0 || at + 5 > length || bytes[at] != 2 || bytes[at + 1] != 1)
		return TT_VERDICT_NO;
	uint8_t version = bytes[at + 2];

	at += 3;
	if (version == 3) {
		at = ber_enter(bytes, length, at, 0x30);
		return when(at != 0 && bytes[at] == 2);
	}
	if (version > 1 || bytes[at] != 4 || bytes[at + 1] >= 0x80)
		return TT_VERDICT_NO;
	at += 2 + (size_t)bytes[at + 1];
	return when(at < length && bytes[at] >= 0xa0 && bytes[at] <= 0xa8);
}

/* DHCPv6 (RFC 8415 8, 9): options that fill the message. */
static enum tt_verdict dhcp6(const uint8_t *bytes, size_t length)
{
	size_t at = bytes[0] == 12 || bytes[0] == 13 ? 34 : 4;

	if (bytes[0] == 0 || bytes[0] > 13 || length < at + 4)
		return TT_VERDICT_NO;
	while (at + 4 <= length) {
		if (bytes[at] != 0)
			return TT_VERDICT_NO;
		at += 4 + (size_t)tt_load_be16(bytes + at + 2);
	}
	return at == length ? TT_VERDICT_MAY : TT_VERDICT_NO;
}

/* RFC 2131 2: behind BOOTP's 236 bytes a cookie. */
enum tt_verdict tt_classify_dhcp(const uint8_t *bytes, size_t length)
{
	if (length >= 240 && bytes[0] <= 2 && bytes[2] <= 16 &&
		tt_load_be32(bytes + 236) == 0x63825363)
		return TT_VERDICT_YES;
	return dhcp6(bytes, length);
}

/* A DHT message (BEP 5), bencoded, with its keys in order, or a tracker's connect (BEP 15). */
enum tt_verdict tt_classify_bittorrent_datagram(const uint8_t *bytes, size_t length)
{
	static const uint8_t connect[] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0};

	if (length == 16 && memcmp(bytes, connect, sizeof(connect)) == 0)
		return TT_VERDICT_YES;
	return when(length > 12 &&
		(memcmp(bytes, "d1:ad2:id20:", 12) == 0 || memcmp(bytes, "d1:rd2:id20:", 12) == 0 ||
			memcmp(bytes, "d2:ip6:", 7) == 0));
}
