/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocols that payload is told apart by, and their names in records. Used by workers, which
 * keep the numbers, and by whoever writes records. Those of the enum are known to the parsers;
 * others are names of signatures alone, whose numbers, behind the enum's, hold for the life of the
 * process, so that records which outlive a signature keep their protocol.
 */
#ifndef TT_PROTOCOL_PROTOCOL_H
#define TT_PROTOCOL_PROTOCOL_H

#include <stdint.h>

enum tt_protocol {
	TT_PROTOCOL_NONE, /* not known */
	/* That encrypt others. */
	TT_PROTOCOL_TLS,
	TT_PROTOCOL_DTLS,
	TT_PROTOCOL_QUIC,
	TT_PROTOCOL_WIREGUARD,
	/* That applications speak. */
	TT_PROTOCOL_HTTP,
	TT_PROTOCOL_HTTP2,
	TT_PROTOCOL_GRPC, /* over HTTP/2 */
	TT_PROTOCOL_WEBSOCKET,
	TT_PROTOCOL_DNS,
	TT_PROTOCOL_SSH,
	TT_PROTOCOL_SMTP,
	TT_PROTOCOL_IMAP,
	TT_PROTOCOL_POP3,
	TT_PROTOCOL_FTP,
	TT_PROTOCOL_SIP,
	TT_PROTOCOL_RTSP,
	TT_PROTOCOL_RTP,
	TT_PROTOCOL_STUN,
	TT_PROTOCOL_NTP,
	TT_PROTOCOL_SNMP,
	TT_PROTOCOL_DHCP,
	TT_PROTOCOL_LDAP,
	TT_PROTOCOL_KERBEROS,
	TT_PROTOCOL_SMB,
	TT_PROTOCOL_RDP,
	TT_PROTOCOL_KAFKA,
	TT_PROTOCOL_POSTGRES,
	TT_PROTOCOL_MYSQL,
	TT_PROTOCOL_REDIS,
	TT_PROTOCOL_MONGODB,
	TT_PROTOCOL_CASSANDRA,
	TT_PROTOCOL_MEMCACHED,
	TT_PROTOCOL_AMQP,
	TT_PROTOCOL_MQTT,
	TT_PROTOCOL_NATS,
	TT_PROTOCOL_BITTORRENT,
	TT_PROTOCOLS
};

/* Numbers, with those of names that were given: what fits into a byte. */
#define TT_PROTOCOL_NUMBERS 256

/* "http", "tls", ...; static. NULL for TT_PROTOCOL_NONE and what is no protocol. */
const char *tt_protocol_name(unsigned int protocol);

/* The number of a name; TT_PROTOCOL_NONE when it has none. */
uint8_t tt_protocol_find(const char *name);

/* The same, and one is given to a name that has none: by the control core, when it compiles
 * signatures. TT_PROTOCOL_NONE when there is no memory, or no number left. */
uint8_t tt_protocol_number(const char *name);

#endif
