/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations made once, and replayed as often as is wanted: each time between other addresses and
 * ports, with other sequence numbers, names and ids, so that every replay is of new flows and all
 * its packets still fit together. Deterministic by seed, and without state a replay: everything
 * about a packet follows from the session's number and the packet's.
 *
 * A session is what one client does in a row: a script of several flows, interleaved. All scripts
 * of a kind have the same number of packets.
 */
#ifndef TT_TESTS_PERF_REPLAY_H
#define TT_TESTS_PERF_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define TT_REPLAY_FRAME_BYTES_MAX 1514
#define TT_REPLAY_SCRIPTS_MAX	  16
#define TT_REPLAY_PATCHES	  3

enum tt_replay_kind {
	TT_REPLAY_WEB,	 /* 35 packets of 870 bytes a flow: a name looked up, pages fetched */
	TT_REPLAY_SETUP, /* 12 packets a flow: handshakes and first requests */
	TT_REPLAY_CHURN, /* 4 packets a flow: short TCP connections, and UDP of no known protocol */
	TT_REPLAY_DNS,	 /* queries and their answers */
	TT_REPLAY_KINDS
};

/* What a replay writes into a packet besides addresses, ports and sequence numbers. */
enum tt_replay_patch_kind {
	TT_REPLAY_SITE_DIGITS,
	TT_REPLAY_SITE_ADDRESS,
	TT_REPLAY_DNS_ID
};

struct tt_replay_patch {
	uint16_t offset; /* in the frame */
	uint8_t kind;	 /* enum tt_replay_patch_kind */
};

struct tt_replay_packet {
	uint8_t *bytes;
	uint16_t length;  /* of the frame */
	uint16_t written; /* of it, from its start; what is behind can be anything */
	uint8_t flow;	  /* number in the script */
	uint8_t ip_version;
	uint8_t ip_protocol;
	uint8_t patch_count;
	bool from_client;
	bool to_resolver;	 /* the server is a resolver, not the site's */
	uint32_t sequence;	 /* relative to its side's initial one */
	uint32_t acknowledgment; /* relative to the other side's; 0: none */
	struct tt_replay_patch patches[TT_REPLAY_PATCHES];
};

/* What there is to be seen in one or more sessions. */
struct tt_replay_truth {
	uint64_t packets;
	uint64_t wire_bytes;
	uint64_t flows;
	uint64_t tcp_flows;
	uint64_t ipv6_flows;
	uint64_t dns;		/* transactions, all answered */
	uint64_t http;		/* the same */
	uint64_t tls;		/* handshakes, all complete */
	uint64_t retransmitted; /* segments */
};

struct tt_replay_script {
	struct tt_replay_packet *packets;
	uint32_t count;
	struct tt_replay_truth truth;
};

struct tt_replay {
	uint32_t script_count;
	uint32_t packets;   /* of a session */
	uint32_t flows_max; /* of a session */
	uint32_t clients;
	uint64_t seed;
	struct tt_replay_script scripts[TT_REPLAY_SCRIPTS_MAX];
};

/* NULL without memory. The caller frees it. */
struct tt_replay *tt_replay_create(enum tt_replay_kind kind, uint64_t seed);
void tt_replay_destroy(struct tt_replay *replay);

/* "web", ...; static. */
const char *tt_replay_name(enum tt_replay_kind kind);

/* Write packet number `at` of a session to a frame with room for the longest. Returns its length;
 * *from_client says on which tap port it comes. */
uint32_t tt_replay_write(const struct tt_replay *replay, uint64_t session, uint32_t at,
	uint8_t *frame, bool *from_client);

/* Add what this session shows. */
void tt_replay_tell(
	const struct tt_replay *replay, uint64_t session, struct tt_replay_truth *truth);

#endif
