/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes from a worker to the control core: records, self-contained copies without pointers.
 * A worker writes them into its shard (shard.h); the control core reads them, keeps closed
 * connections in its journal and hands the others to whom they are for.
 */
#ifndef TT_SHARD_RECORD_H
#define TT_SHARD_RECORD_H

#include "flow/flow.h"
#include "protocol/http.h"
#include "protocol/tls_connection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_RECORD_ALIGNMENT   8
#define TT_RECORD_LIMIT_BYTES 4096 /* of one record, its header included */

/* As long as a record of so many bytes is. */
static inline size_t tt_record_aligned(size_t size_bytes)
{
	return (size_bytes + TT_RECORD_ALIGNMENT - 1) & ~(size_t)(TT_RECORD_ALIGNMENT - 1);
}

enum tt_record_kind {
	TT_RECORD_CLOSED = 1,	/* struct tt_connection_record of a connection that ended */
	TT_RECORD_ACTIVE,	/* the same of one that goes on, asked for by a snapshot */
	TT_RECORD_SNAPSHOT_END, /* struct tt_snapshot_end_record */
	TT_RECORD_DNS,		/* struct tt_dns_transaction_record */
	TT_RECORD_DNS_STATS,	/* struct tt_stats_record */
	TT_RECORD_HTTP,		/* struct tt_http_record */
	TT_RECORD_HTTP_STATS,	/* struct tt_stats_record */
	TT_RECORD_CERTIFICATE,	/* struct tt_certificate_record */
	TT_RECORD_TLS,		/* struct tt_tls_handshake_record */
	TT_RECORD_STATS_END,	/* struct tt_stats_end_record */
	TT_RECORD_DRAINED	/* struct tt_record alone: the last of its shard */
};

struct tt_record {
	uint16_t size_bytes; /* with this header, a multiple of TT_RECORD_ALIGNMENT */
	uint8_t kind;	     /* enum tt_record_kind */
	uint8_t snapshot;    /* ACTIVE: low bits of the command's id */
	uint32_t worker;
};

enum {
	TT_CLIENT_TO_SERVER, /* index of the client's side in records */
	TT_SERVER_TO_CLIENT
};

/* Who talks to whom; pairs are by side: 0 of the client, 1 of the server. */
struct tt_record_endpoints {
	uint8_t address[2][16]; /* IPv4: the first 4 bytes */
	uint16_t port[2];	/* host byte order */
	uint8_t ip_version;
	uint8_t ip_protocol;
	uint8_t reserved[2]; /* 0 */
};

/* Pairs are by side: 0 of the client, 1 of the server. */
struct tt_connection_record {
	struct tt_record header;
	uint64_t uid;
	uint64_t start_us; /* since the epoch, of the first packet */
	uint64_t end_us;   /* of the latest packet */
	struct tt_record_endpoints endpoints;
	uint8_t close_reason;	/* enum tt_close_reason; NONE of an active one */
	uint8_t direction_from; /* enum tt_direction_from */
	uint8_t encryption;	/* enum tt_protocol */
	uint8_t application;	/* the same */
	struct tt_flow_counters counters[2];
	uint32_t fragments[2];	/* later fragments */
	uint32_t duplicates[2]; /* left out; the worker's to set */
	uint32_t tap_ports[2];	/* bit 1 << tap port number */
	uint32_t layer_id[TT_PACKET_LAYERS];
	uint16_t vlan[TT_PACKET_VLANS];
	uint8_t layer_kind[TT_PACKET_LAYERS];
	uint8_t vlan_count;
	uint8_t layer_count;
	uint8_t layer_has_id; /* bit 1 << layer number */
	uint8_t icmp_type;    /* of the client's first packet, ICMP and ICMPv6 alone */
	uint8_t icmp_code;
	uint8_t sampled;	   /* enum tt_flow_sampled */
	uint16_t service;	   /* rules/service.h; 0: none; the worker's to set */
	struct tt_tcp_summary tcp; /* TCP alone; its halves by side */
};

/* Ends the answer to a snapshot command, after its ACTIVE records. */
struct tt_snapshot_end_record {
	struct tt_record header;
	uint64_t id;	    /* of the command */
	uint32_t next_slot; /* where to go on in the worker's table */
	uint32_t more;	    /* 0: the walk is over */
};

/* Bits of struct tt_dns_transaction_record.flags. */
enum tt_dns_record_flag {
	TT_DNS_RECORD_HAS_RCODE = 1 << 0,
	TT_DNS_RECORD_TRUNCATED = 1 << 1,
	TT_DNS_RECORD_MULTICAST = 1 << 2
};

/* A DNS transaction. Behind it stand the name that was asked for and the
 * response's message, cut where the record would be too long. */
struct tt_dns_transaction_record {
	struct tt_record header;
	uint64_t uid; /* of its connection */
	uint64_t start_us;
	uint64_t latency_us; /* of an answered one */
	struct tt_record_endpoints endpoints;
	uint8_t status; /* enum tt_dns_status */
	uint8_t flags;	/* enum tt_dns_record_flag */
	uint16_t id;
	uint16_t rcode;
	uint16_t query_type;
	uint16_t retransmits;
	uint16_t message_bytes; /* 0: no response */
	uint16_t service;	/* rules/service.h; 0: none */
	uint8_t name_bytes;	/* 0: no question */
	uint8_t bytes[];
};

/* An HTTP transaction; see struct tt_http_transaction. Behind it stand its texts, one after the
 * other without anything between, in the order of their lengths here. */
struct tt_http_record {
	struct tt_record header;
	uint64_t uid; /* of its connection */
	uint64_t start_us;
	uint64_t latency_us;
	uint64_t duration_us;
	uint64_t request_bytes;
	uint64_t response_bytes;
	struct tt_record_endpoints endpoints;
	uint16_t status;
	uint16_t flags; /* enum tt_http_flag */
	uint16_t path_bytes;
	uint16_t service; /* rules/service.h; 0: none */
	uint32_t stream_id;
	uint16_t grpc_status;
	uint8_t method_bytes;
	uint8_t host_bytes;
	uint8_t route_bytes;
	uint8_t user_agent_bytes;
	uint8_t content_type_bytes;
	uint8_t version; /* as in the transaction */
	char text[];
};

/* A piece of a server's certificate, in DER. All pieces of one come in order, right before the
 * record of their handshake. */
struct tt_certificate_record {
	struct tt_record header;
	uint32_t offset; /* of bytes[0] */
	uint32_t length;
	uint8_t bytes[];
};

/* A TLS handshake. The values of its fingerprint that are not used are left out. */
struct tt_tls_handshake_record {
	struct tt_record header;
	uint64_t uid; /* of its connection */
	struct tt_record_endpoints endpoints;
	uint32_t certificate_bytes; /* in the pieces before it; 0: none */
	uint16_t service;	    /* rules/service.h; 0: none */
	struct tt_tls_handshake handshake;
};

/* What is counted by key. */
enum tt_statistics_kind {
	TT_STATISTICS_DNS,
	TT_STATISTICS_HTTP,
	TT_STATISTICS_KINDS
};

/* Behind it: what tt_dns_stats_drain() or tt_http_stats_drain() wrote. */
struct tt_stats_record {
	struct tt_record header;
	uint32_t length;
	uint32_t reserved; /* 0 */
	uint8_t bytes[];
};

/* Ends the answer to a statistics command, after its DNS_STATS and HTTP_STATS records. */
struct tt_stats_end_record {
	struct tt_record header;
	uint64_t id; /* of the command */
};

/* `client`: the direction of the client's packets, 0 from the key's low endpoint. */
void tt_record_endpoints_make(
	struct tt_record_endpoints *endpoints, const struct tt_flow_key *key, unsigned int client);

/* Write *record from a flow, which is ACTIVE or UNREPORTED; header.worker and duplicates are
 * the caller's to set. */
void tt_connection_record_make(struct tt_connection_record *record, const struct tt_flow *flow);

#endif
