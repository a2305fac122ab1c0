/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify.h"

#include "base/bytes.h"
#include "protocol/classify_parsers.h"

#include <string.h>

#define BIT(name) (UINT64_C(1) << TT_PROTOCOL_##name)

/* RFC 3550 5.1, 12.1: the fixed header, and the payload types that are RTCP's when both share a
 * port (RFC 5761 4). */
#define RTP_HEADER_BYTES   12
#define RTP_RTCP_TYPE_MIN  64
#define RTP_RTCP_TYPE_MAX  95
#define RTP_SEQUENCE_AHEAD 16 /* a few may have been lost */
#define RTP_ROW		   3

static const tt_classify_parser stream_parsers[TT_PROTOCOLS] = {
	[TT_PROTOCOL_TLS] = tt_classify_tls,
	[TT_PROTOCOL_SSH] = tt_classify_ssh,
	[TT_PROTOCOL_HTTP] = tt_classify_http1,
	[TT_PROTOCOL_HTTP2] = tt_classify_http2,
	[TT_PROTOCOL_DNS] = tt_classify_dns_stream,
	[TT_PROTOCOL_SMTP] = tt_classify_smtp,
	[TT_PROTOCOL_IMAP] = tt_classify_imap,
	[TT_PROTOCOL_POP3] = tt_classify_pop3,
	[TT_PROTOCOL_FTP] = tt_classify_ftp,
	[TT_PROTOCOL_SIP] = tt_classify_sip,
	[TT_PROTOCOL_RTSP] = tt_classify_rtsp,
	[TT_PROTOCOL_LDAP] = tt_classify_ldap,
	[TT_PROTOCOL_KERBEROS] = tt_classify_kerberos_stream,
	[TT_PROTOCOL_SMB] = tt_classify_smb,
	[TT_PROTOCOL_RDP] = tt_classify_rdp,
	[TT_PROTOCOL_KAFKA] = tt_classify_kafka,
	[TT_PROTOCOL_POSTGRES] = tt_classify_postgres,
	[TT_PROTOCOL_MYSQL] = tt_classify_mysql,
	[TT_PROTOCOL_REDIS] = tt_classify_redis,
	[TT_PROTOCOL_MONGODB] = tt_classify_mongodb,
	[TT_PROTOCOL_CASSANDRA] = tt_classify_cassandra,
	[TT_PROTOCOL_MEMCACHED] = tt_classify_memcached,
	[TT_PROTOCOL_AMQP] = tt_classify_amqp,
	[TT_PROTOCOL_MQTT] = tt_classify_mqtt,
	[TT_PROTOCOL_NATS] = tt_classify_nats,
	[TT_PROTOCOL_BITTORRENT] = tt_classify_bittorrent,
};

static const tt_classify_parser datagram_parsers[TT_PROTOCOLS] = {
	[TT_PROTOCOL_DTLS] = tt_classify_dtls,
	[TT_PROTOCOL_QUIC] = tt_classify_quic,
	[TT_PROTOCOL_WIREGUARD] = tt_classify_wireguard,
	[TT_PROTOCOL_DNS] = tt_classify_dns,
	[TT_PROTOCOL_SIP] = tt_classify_sip,
	[TT_PROTOCOL_RTP] = tt_classify_rtcp,
	[TT_PROTOCOL_STUN] = tt_classify_stun,
	[TT_PROTOCOL_NTP] = tt_classify_ntp,
	[TT_PROTOCOL_SNMP] = tt_classify_snmp,
	[TT_PROTOCOL_DHCP] = tt_classify_dhcp,
	[TT_PROTOCOL_LDAP] = tt_classify_ldap,
	[TT_PROTOCOL_KERBEROS] = tt_classify_kerberos,
	[TT_PROTOCOL_MEMCACHED] = tt_classify_memcached_datagram,
	[TT_PROTOCOL_BITTORRENT] = tt_classify_bittorrent_datagram,
};

/* Whose stream may begin with this byte. */
static uint64_t stream_candidates(uint8_t first)
{
	/* These begin with a length or an identifier: with anything. */
	const uint64_t any = BIT(DNS) | BIT(MYSQL) | BIT(MONGODB);

	switch (first) {
	case 0x00:
		return any | BIT(HTTP2) | BIT(KERBEROS) | BIT(SMB) | BIT(KAFKA) | BIT(POSTGRES);
	case 0x01:
		return any | BIT(AMQP) | BIT(KAFKA);
	case 0x03:
		return any | BIT(RDP) | BIT(CASSANDRA);
	case 0x04:
	case 0x05:
		return any | BIT(CASSANDRA);
	case 0x10:
		return any | BIT(MQTT);
	case 0x13:
		return any | BIT(BITTORRENT);
	case 0x14:
	case 0x15:
	case 0x16:
	case 0x17:
		return any | BIT(TLS);
	case ' ':
		return any | BIT(MQTT);
	case '$':
	case '%':
	case ':':
	case '+':
	case '-':
	case '*':
		return any | BIT(REDIS) | BIT(POP3) | BIT(IMAP) | BIT(NATS);
	case '0':
		return any | BIT(LDAP) | BIT(IMAP);
	case 'A':
		return any | BIT(HTTP) | BIT(AMQP) | BIT(SMTP) | BIT(FTP) | BIT(POP3) | BIT(IMAP) |
			BIT(SIP) | BIT(RTSP);
	case 'P':
		return any | BIT(HTTP) | BIT(HTTP2) | BIT(REDIS) | BIT(NATS) | BIT(FTP) |
			BIT(IMAP) | BIT(SIP) | BIT(RTSP);
	case 'N':
	case 'R':
	case 'S':
	case 'E':
		return any | BIT(HTTP) | BIT(SSH) | BIT(SMTP) | BIT(FTP) | BIT(POP3) | BIT(IMAP) |
			BIT(SIP) | BIT(RTSP) | BIT(POSTGRES) | BIT(NATS) | BIT(MEMCACHED);
	default:
		break;
	}
	if (first >= 0x80)
		return any | BIT(TLS) | BIT(MEMCACHED) | (first <= 0x85 ? BIT(CASSANDRA) : 0);
	if (first >= '1' && first <= '9')
		return any | BIT(SMTP) | BIT(FTP) | BIT(IMAP);
	if (first >= 'A' && first <= 'Z')
		return any | BIT(HTTP) | BIT(SMTP) | BIT(FTP) | BIT(POP3) | BIT(IMAP) | BIT(SIP) |
			BIT(RTSP) | BIT(NATS) | BIT(MEMCACHED);
	if (first >= 'a' && first <= 'z')
		return any | BIT(SMTP) | BIT(FTP) | BIT(POP3) | BIT(IMAP) | BIT(MEMCACHED);
	return any;
}

/* The first two bits part most of the protocols that share ports (RFC 7983 7). */
static uint64_t datagram_candidates(uint8_t first)
{
	const uint64_t any = BIT(DNS) | BIT(MEMCACHED) | BIT(NTP);

	switch (first) {
	case 0x00:
		return any | BIT(STUN) | BIT(BITTORRENT);
	case 0x01:
	case 0x02:
		return any | BIT(STUN) | BIT(WIREGUARD) | BIT(DHCP);
	case 0x03:
	case 0x04:
		return any | BIT(WIREGUARD) | BIT(DHCP);
	case 0x09:
	case 0x0c:
	case 0x0d:
		return any | BIT(QUIC) | BIT(DHCP);
	case 0x14:
	case 0x15:
	case 0x16:
	case 0x17:
		return any | BIT(DTLS);
	case '0':
		return any | BIT(SNMP) | BIT(LDAP);
	case 'd':
		return any | BIT(BITTORRENT);
	default:
		break;
	}
	if (first <= 0x0d)
		return any | BIT(DHCP);
	if ((first & 0xc0) == 0x80)
		return any | BIT(RTP) | BIT(QUIC);
	if (first >= 0xc0)
		return any | BIT(QUIC);
	if (first >= 'A' && first <= 'Z')
		return any | BIT(SIP);
	return first >= 0x6a && first <= 0x7e ? any | BIT(KERBEROS) : any;
}

/* IANA's registry of service names and port numbers, and the defaults of what is not in it. */
static uint64_t of_port(uint16_t port)
{
	switch (port) {
	case 21:
		return BIT(FTP);
	case 22:
		return BIT(SSH);
	case 25:
	case 587:
		return BIT(SMTP);
	case 53:
	case 5353:
	case 5355:
		return BIT(DNS);
	case 67:
	case 68:
	case 546:
	case 547:
		return BIT(DHCP);
	case 80:
	case 8080:
		return BIT(HTTP) | BIT(HTTP2);
	case 88:
		return BIT(KERBEROS);
	case 110:
		return BIT(POP3);
	case 123:
		return BIT(NTP);
	case 139:
	case 445:
		return BIT(SMB);
	case 143:
		return BIT(IMAP);
	case 161:
	case 162:
		return BIT(SNMP);
	case 389:
	case 3268:
		return BIT(LDAP);
	case 443:
		return BIT(TLS) | BIT(QUIC);
	case 465:
	case 636:
	case 853:
	case 993:
	case 995:
	case 8443:
		return BIT(TLS);
	case 554:
		return BIT(RTSP);
	case 1883:
		return BIT(MQTT);
	case 3306:
		return BIT(MYSQL);
	case 3389:
		return BIT(RDP);
	case 3478:
		return BIT(STUN);
	case 4222:
		return BIT(NATS);
	case 5060:
		return BIT(SIP);
	case 5432:
		return BIT(POSTGRES);
	case 5672:
		return BIT(AMQP);
	case 6379:
		return BIT(REDIS);
	case 6881:
		return BIT(BITTORRENT);
	case 9042:
		return BIT(CASSANDRA);
	case 9092:
		return BIT(KAFKA);
	case 11211:
		return BIT(MEMCACHED);
	case 27017:
		return BIT(MONGODB);
	case 51820:
		return BIT(WIREGUARD);
	default:
		return 0;
	}
}

static bool is_single(uint64_t bits)
{
	return bits != 0 && (bits & (bits - 1)) == 0;
}

/* Ask the parsers. TT_PROTOCOL_NONE: none is certain; then *may is what it may be, and *more what
 * asked for more bytes. */
static uint8_t ask(const tt_classify_parser *parsers, uint64_t candidates, const uint8_t *bytes,
	size_t length, uint64_t *may, uint64_t *more)
{
	*may = 0;
	*more = 0;
	for (uint64_t left = candidates; left != 0; left &= left - 1) {
		unsigned int protocol = (unsigned int)__builtin_ctzll(left);

		if (parsers[protocol] == NULL)
			continue;
		switch (parsers[protocol](bytes, length)) {
		case TT_VERDICT_YES:
			return (uint8_t)protocol;
		case TT_VERDICT_MAY:
			*may |= UINT64_C(1) << protocol;
			break;
		case TT_VERDICT_MORE:
			*more |= UINT64_C(1) << protocol;
			break;
		case TT_VERDICT_NO:
			break;
		}
	}
	return TT_PROTOCOL_NONE;
}

/* What both directions, or one and a port, agree upon. */
static uint8_t agreed(const struct tt_classifier *classifier, const uint16_t ports[2])
{
	uint64_t usual = of_port(ports[0]) | of_port(ports[1]);
	uint64_t either = classifier->may[0] | classifier->may[1];
	uint64_t both = classifier->may[0] & classifier->may[1];

	if (is_single(both))
		return (uint8_t)__builtin_ctzll(both);
	uint64_t left = (both != 0 ? both : either) & usual;

	return is_single(left) ? (uint8_t)__builtin_ctzll(left) : TT_PROTOCOL_NONE;
}

enum tt_classify_result tt_classify_stream(struct tt_classifier *classifier, unsigned int direction,
	const uint16_t ports[2], const uint8_t *bytes, size_t length, bool over, uint8_t *protocol)
{
	uint64_t may;
	uint64_t more;
	uint8_t found =
		ask(stream_parsers, stream_candidates(bytes[0]), bytes, length, &may, &more);

	if (found == TT_PROTOCOL_NONE) {
		if (more != 0 && length < TT_CLASSIFY_BYTES && !over)
			return TT_CLASSIFY_MORE;
		classifier->may[direction] = may;
		classifier->looked |= (uint8_t)(1U << direction);
		found = agreed(classifier, ports);
		/* Too little for the other direction to agree with, but not for a port. */
		more &= of_port(ports[0]) | of_port(ports[1]);
		if (found == TT_PROTOCOL_NONE && over && is_single(more))
			found = (uint8_t)__builtin_ctzll(more);
	}
	if (found == TT_PROTOCOL_NONE)
		return classifier->looked == 3 ? TT_CLASSIFY_UNKNOWN : TT_CLASSIFY_OTHER;
	*protocol = found;
	return TT_CLASSIFY_KNOWN;
}

/* Datagrams of one direction with one source, each a little after the one before: one alone has too
 * few fixed bits, and a length may pass for a sequence number once. */
static bool is_rtp(struct tt_classifier *classifier, unsigned int direction, const uint8_t *bytes,
	size_t length)
{
	if (length < RTP_HEADER_BYTES || (bytes[0] & 0xc0) != 0x80)
		return false;
	uint8_t type = bytes[1] & 0x7f;
	size_t header_bytes = RTP_HEADER_BYTES + 4 * (size_t)(bytes[0] & 0x0f);

	if ((type >= RTP_RTCP_TYPE_MIN && type <= RTP_RTCP_TYPE_MAX) || length < header_bytes)
		return false;
	uint16_t sequence = tt_load_be16(bytes + 2);
	uint32_t source = tt_load_be32(bytes + 8);
	uint16_t ahead = (uint16_t)(sequence - classifier->rtp_sequence);

	if (classifier->rtp_row > 0 &&
		(classifier->rtp_direction != direction || source != classifier->rtp_source ||
			ahead == 0 || ahead > RTP_SEQUENCE_AHEAD))
		classifier->rtp_row = 0;
	classifier->rtp_row++;
	classifier->rtp_direction = (uint8_t)(direction & 1);
	classifier->rtp_source = source;
	classifier->rtp_sequence = sequence;
	return classifier->rtp_row == RTP_ROW;
}

enum tt_classify_result tt_classify_datagram(struct tt_classifier *classifier,
	unsigned int direction, const uint16_t ports[2], const uint8_t *bytes, size_t length,
	uint8_t *protocol)
{
	uint8_t found = TT_PROTOCOL_NONE;
	uint64_t may;
	uint64_t more;

	if (length > 0) {
		found = ask(datagram_parsers, datagram_candidates(bytes[0]), bytes, length, &may,
			&more);
		if (found == TT_PROTOCOL_NONE) {
			classifier->may[direction] |= may;
			found = agreed(classifier, ports);
		}
		if (found == TT_PROTOCOL_NONE && is_rtp(classifier, direction, bytes, length))
			found = TT_PROTOCOL_RTP;
	}
	if (found != TT_PROTOCOL_NONE) {
		*protocol = found;
		return TT_CLASSIFY_KNOWN;
	}
	if (classifier->looked < TT_CLASSIFY_DATAGRAMS)
		classifier->looked++;
	return classifier->looked < TT_CLASSIFY_DATAGRAMS ? TT_CLASSIFY_MORE : TT_CLASSIFY_UNKNOWN;
}

static tt_classify_parser parser_of(unsigned int protocol, bool stream)
{
	if (protocol >= TT_PROTOCOLS)
		return NULL;
	return stream ? stream_parsers[protocol] : datagram_parsers[protocol];
}

bool tt_classify_parses(unsigned int protocol, bool stream)
{
	return parser_of(protocol, stream) != NULL;
}

bool tt_classify_confirms(unsigned int protocol, bool stream, const uint8_t *bytes, size_t length)
{
	tt_classify_parser parser = parser_of(protocol, stream);

	return parser != NULL && parser(bytes, length) >= TT_VERDICT_MAY;
}

bool tt_classify_may_start_tls(unsigned int protocol)
{
	const uint64_t upgraded = BIT(SMTP) | BIT(IMAP) | BIT(POP3) | BIT(FTP) | BIT(LDAP) |
		BIT(RDP) | BIT(POSTGRES) | BIT(MYSQL) | BIT(NATS) | BIT(AMQP);

	return protocol >= TT_PROTOCOLS || (upgraded >> protocol & 1) != 0;
}

bool tt_classify_encrypts(unsigned int protocol)
{
	const uint64_t layers = BIT(TLS) | BIT(DTLS) | BIT(QUIC) | BIT(WIREGUARD);

	return protocol < TT_PROTOCOLS && (layers >> protocol & 1) != 0;
}
