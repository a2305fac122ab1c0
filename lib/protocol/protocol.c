/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* Names are stored before their number is given to anyone. */
static const char *_Atomic given[TT_PROTOCOL_NUMBERS];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned int next_number = TT_PROTOCOLS; /* under the mutex */

const char *tt_protocol_name(unsigned int protocol)
{
	static const char *const names[TT_PROTOCOLS] = {
		[TT_PROTOCOL_TLS] = "tls",
		[TT_PROTOCOL_DTLS] = "dtls",
		[TT_PROTOCOL_QUIC] = "quic",
		[TT_PROTOCOL_WIREGUARD] = "wireguard",
		[TT_PROTOCOL_HTTP] = "http",
		[TT_PROTOCOL_HTTP2] = "http2",
		[TT_PROTOCOL_GRPC] = "grpc",
		[TT_PROTOCOL_WEBSOCKET] = "websocket",
		[TT_PROTOCOL_DNS] = "dns",
		[TT_PROTOCOL_SSH] = "ssh",
		[TT_PROTOCOL_SMTP] = "smtp",
		[TT_PROTOCOL_IMAP] = "imap",
		[TT_PROTOCOL_POP3] = "pop3",
		[TT_PROTOCOL_FTP] = "ftp",
		[TT_PROTOCOL_SIP] = "sip",
		[TT_PROTOCOL_RTSP] = "rtsp",
		[TT_PROTOCOL_RTP] = "rtp",
		[TT_PROTOCOL_STUN] = "stun",
		[TT_PROTOCOL_NTP] = "ntp",
		[TT_PROTOCOL_SNMP] = "snmp",
		[TT_PROTOCOL_DHCP] = "dhcp",
		[TT_PROTOCOL_LDAP] = "ldap",
		[TT_PROTOCOL_KERBEROS] = "kerberos",
		[TT_PROTOCOL_SMB] = "smb",
		[TT_PROTOCOL_RDP] = "rdp",
		[TT_PROTOCOL_KAFKA] = "kafka",
		[TT_PROTOCOL_POSTGRES] = "postgres",
		[TT_PROTOCOL_MYSQL] = "mysql",
		[TT_PROTOCOL_REDIS] = "redis",
		[TT_PROTOCOL_MONGODB] = "mongodb",
		[TT_PROTOCOL_CASSANDRA] = "cassandra",
		[TT_PROTOCOL_MEMCACHED] = "memcached",
		[TT_PROTOCOL_AMQP] = "amqp",
		[TT_PROTOCOL_MQTT] = "mqtt",
		[TT_PROTOCOL_NATS] = "nats",
		[TT_PROTOCOL_BITTORRENT] = "bittorrent",
	};

	if (protocol < TT_PROTOCOLS)
		return names[protocol];
	return protocol < TT_PROTOCOL_NUMBERS
		? atomic_load_explicit(&given[protocol], memory_order_acquire)
		: NULL;
}

uint8_t tt_protocol_find(const char *name)
{
	const char *known;

	for (unsigned int protocol = 1; protocol < TT_PROTOCOL_NUMBERS; protocol++) {
		known = tt_protocol_name(protocol);
		if (known != NULL && strcmp(known, name) == 0)
			return (uint8_t)protocol;
	}
	return TT_PROTOCOL_NONE;
}

uint8_t tt_protocol_number(const char *name)
{
	pthread_mutex_lock(&mutex);
	uint8_t number = tt_protocol_find(name);
	const char *copy = number == TT_PROTOCOL_NONE && next_number < TT_PROTOCOL_NUMBERS
		? strdup(name)
		: NULL;

	if (copy != NULL) {
		number = (uint8_t)next_number++;
		atomic_store_explicit(&given[number], copy, memory_order_release);
	}
	pthread_mutex_unlock(&mutex);
	return number;
}
