/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS queries paired with their responses. One table a worker, which alone calls everything here
 * but for the counters. Fixed memory, mapped at create: about 400 bytes a pending query and 16 a
 * finished one remembered. Nothing after create allocates; each call does bounded work.
 *
 * A response answers the pending query of the same flow, in the other direction, with the same id
 * and question (RFC 5452 9.1: a client takes no other); one without a question, as a server's
 * FORMERR may be, answers the newest of that flow and id.
 * The client is who sent the query, whatever the ports. A query that comes again within
 * TT_DNS_RETRANSMIT_US of the first is a retransmission: counted, and the time is that of the
 * first. Later it is a new transaction, as in packet analysers, and the one before is over:
 * no response could be told to be its. Over TCP, which
 * retransmits by itself, equal queries are so many transactions, answered in order. An id that is reused for other questions while it is pending
 * has room for TT_DNS_SAME_ID of them; over it the oldest is over.
 *
 * Multicast (mDNS RFC 6762, LLMNR RFC 4795): responses come from whoever knows, from addresses that
 * nobody asked, and those of mDNS have id 0 and no question. They are unsolicited, but for a host
 * that answers its own probe on the same flow, whatever it asked last. A query of the same flow and
 * id within TT_DNS_RETRANSMIT_US is folded into the first. That nobody answers is no timeout; it is
 * counted apart.
 */
#ifndef TT_PROTOCOL_DNS_TRANSACTIONS_H
#define TT_PROTOCOL_DNS_TRANSACTIONS_H

#include "base/counter.h"
#include "flow/key.h"
#include "protocol/dns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_DNS_PENDING_DEFAULT	  100000
#define TT_DNS_TIMEOUT_US_DEFAULT 15000000
#define TT_DNS_RETRANSMIT_US	  5000000 /* resolvers' usual first interval */
#define TT_DNS_SAME_ID		  4	  /* pending queries of one flow with the same id */

enum tt_dns_status {
	TT_DNS_ANSWERED,
	TT_DNS_TIMEOUT,	   /* unanswered for the timeout, or when its run ended */
	TT_DNS_UNSOLICITED /* a response without its query */
};

/* What a `dns` record is made of. Valid for the call that hands it out alone. */
struct tt_dns_transaction {
	enum tt_dns_status status;
	const struct tt_flow_key *key;
	uint8_t client; /* the client's direction in `key`: 0 when it is the low endpoint */
	uint8_t opcode; /* enum tt_dns_opcode */
	bool multicast;
	bool truncated; /* of the response */
	bool has_rcode; /* false for TT_DNS_TIMEOUT */
	uint16_t id;
	uint16_t rcode;
	uint16_t query_type; /* 0 and no name: a response without a question, unsolicited */
	uint16_t query_class;
	uint16_t retransmits;
	const struct tt_dns_name *name; /* length 0: none */
	uint64_t flow_uid;   /* of the query, or of the response when that is unsolicited */
	uint64_t start_us;   /* of the first query, or of the response when that is unsolicited */
	uint64_t latency_us; /* TT_DNS_ANSWERED: first query to response; else 0 */
	/* The response, whose bytes hold the answers; NULL for TT_DNS_TIMEOUT. */
	const struct tt_dns_message *response;
};

typedef void (*tt_dns_transaction_report)(
	void *context, const struct tt_dns_transaction *transaction);

struct tt_dns_transactions_options {
	uint32_t capacity;   /* pending queries, 1 to 2^24 */
	uint64_t timeout_us; /* 1 to 2^40 */
	bool huge_pages;     /* base/memory.h */
	tt_dns_transaction_report report;
	void *context; /* of report */
};

/* Written by the table's owner, read by anyone. */
struct tt_dns_transactions_counters {
	tt_counter pending;
	tt_counter pending_high;
	tt_counter pending_full; /* queries not followed: the table was full (dns_pending_full) */
	tt_counter queries;
	tt_counter responses;
	tt_counter answered;
	tt_counter timeouts;
	tt_counter unsolicited;
	tt_counter retransmits;		 /* queries that came again */
	tt_counter late_responses;	 /* after the timeout was reported; not reported again */
	tt_counter duplicate_responses;	 /* after the answer was reported; not reported again */
	tt_counter multicast_folded;	 /* multicast queries with another question, see above */
	tt_counter multicast_unanswered; /* multicast queries, for which there is no timeout */
	/* NOTIFY, UPDATE and the like unanswered: no timeout is reported, because a `dns` record
	 * does not say the opcode and would read as a lost query. */
	tt_counter other_unanswered;
};

/* A message and where it came from. */
struct tt_dns_packet {
	const struct tt_flow_key *key;
	uint64_t hash;	   /* tt_flow_key_hash() of key */
	uint8_t direction; /* 0: sent by key's low endpoint */
	uint64_t flow_uid;
	uint64_t time_us;		      /* of the packet, since the epoch */
	const struct tt_dns_message *message; /* that tt_dns_parse() called TT_DNS_OK */
};

struct tt_dns_transactions;

/* Bytes that a table of this capacity maps. */
size_t tt_dns_transactions_bytes(uint32_t capacity);

/* 0, TT_ERROR_ARGUMENT or TT_ERROR_MEMORY. The caller destroys the table. */
int tt_dns_transactions_create(
	struct tt_dns_transactions **table, const struct tt_dns_transactions_options *options);
void tt_dns_transactions_destroy(struct tt_dns_transactions *table);

/* Take a message. Reports what it completes, and a pending query that it ends. */
void tt_dns_transactions_take(
	struct tt_dns_transactions *table, const struct tt_dns_packet *packet);

/* Report up to `limit` pending queries as timeouts whose time is over at now_us. Returns how many
 * were taken out. A response is late by the packets' times, whether or not this has come by. */
unsigned int tt_dns_transactions_sweep(
	struct tt_dns_transactions *table, uint64_t now_us, unsigned int limit);

/* Report up to `limit` pending queries as timeouts whatever their time; for the end of a run.
 * Returns how many were taken out; 0: none is left. */
unsigned int tt_dns_transactions_flush(struct tt_dns_transactions *table, unsigned int limit);

const struct tt_dns_transactions_counters *tt_dns_transactions_counters(
	const struct tt_dns_transactions *table);

#endif
