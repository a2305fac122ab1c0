/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsers of protocol/classify.c: each looks whether (bytes, length), length over 0, begins as
 * its protocol does. Private to it.
 */
#ifndef TT_PROTOCOL_CLASSIFY_PARSERS_H
#define TT_PROTOCOL_CLASSIFY_PARSERS_H

#include <stddef.h>
#include <stdint.h>

enum tt_verdict {
	TT_VERDICT_NO,
	TT_VERDICT_MORE, /* sound as far as it goes */
	TT_VERDICT_MAY,	 /* sound, but others could look so */
	TT_VERDICT_YES
};

typedef enum tt_verdict (*tt_classify_parser)(const uint8_t *bytes, size_t length);

/* Lines of text. */
enum tt_verdict tt_classify_http1(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_ssh(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_smtp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_ftp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_pop3(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_imap(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_sip(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_rtsp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_redis(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_nats(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_memcached(const uint8_t *bytes, size_t length);

/* Binary, in streams. */
enum tt_verdict tt_classify_http2(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_tls(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_dns_stream(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_ldap(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_kerberos_stream(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_smb(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_rdp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_kafka(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_postgres(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_mysql(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_mongodb(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_cassandra(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_amqp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_mqtt(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_bittorrent(const uint8_t *bytes, size_t length);

/* Datagrams: MORE never, a datagram is whole. */
enum tt_verdict tt_classify_dtls(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_quic(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_wireguard(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_dns(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_stun(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_rtcp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_ntp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_snmp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_dhcp(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_kerberos(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_memcached_datagram(const uint8_t *bytes, size_t length);
enum tt_verdict tt_classify_bittorrent_datagram(const uint8_t *bytes, size_t length);

/* Does (bytes, length) begin with the `count` bytes at `expected`? MORE while it does so far. */
enum tt_verdict tt_classify_prefix(
	const uint8_t *bytes, size_t length, const void *expected, size_t count);

#endif
