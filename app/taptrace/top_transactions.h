/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `taptrace top` makes of HTTP and DNS transactions and TLS handshakes, from when it began on:
 * services with errors and latencies, domains with failures, server names with versions and
 * certificates. Used by one thread.
 */
#ifndef TT_APP_TOP_TRANSACTIONS_H
#define TT_APP_TOP_TRANSACTIONS_H

#include "base/sketch.h"
#include "top_rows.h"

#define TT_TOP_SUBJECTS	 1024
#define TT_TOP_BINS	 512 /* of latencies, a factor of 25,000 (base/sketch.h) */
#define TT_TOP_VERSIONS	 8
#define TT_TOP_NAME_SIZE 16

/* A service, a domain or a server name. */
struct tt_top_subject {
	char key[TT_TOP_KEY_SIZE]; /* empty: the place is free */
	char server[TT_CELL_SIZE];
	char detail[TT_TOP_NAME_SIZE]; /* the last rcode, or version of TLS */
	uint64_t count, errors, timeouts;
	uint64_t recent;   /* of them, since the refresh before */
	uint64_t used;	   /* when last, in events */
	int64_t expires_s; /* since the epoch; 0: no certificate */
	struct tt_sketch latency;
	uint32_t *bins; /* of the sketch, once it needs them */
};

struct tt_top_subjects {
	uint64_t events;
	uint64_t forgotten; /* subjects that had to give their place */
	struct tt_top_subject subject[TT_TOP_SUBJECTS];
};

struct tt_top_transactions {
	uint64_t now_us, before_us;
	struct tt_top_subjects services, domains, names;
	struct {
		char name[TT_TOP_NAME_SIZE];
		uint64_t count;
	} versions[TT_TOP_VERSIONS]; /* of TLS; the last one counts all others */
};

/* A refresh begins: rates are of what comes until the next one. */
void tt_top_transactions_begin(struct tt_top_transactions *transactions, uint64_t now_us);

/* Records of these. `recent` is false for those from before `top` began. */
void tt_top_transactions_http(
	struct tt_top_transactions *transactions, const json_t *record, bool recent);
void tt_top_transactions_dns(
	struct tt_top_transactions *transactions, const json_t *record, bool recent);
void tt_top_transactions_tls(
	struct tt_top_transactions *transactions, const json_t *record, bool recent);
void tt_top_transactions_free(struct tt_top_transactions *transactions);

void tt_top_services_rows(const struct tt_top_transactions *transactions, struct tt_top_rows *rows);
void tt_top_domains_rows(const struct tt_top_transactions *transactions, struct tt_top_rows *rows);
void tt_top_names_rows(
	const struct tt_top_transactions *transactions, struct tt_top_rows *rows, int64_t now_s);

/* "TLSv1.3 12  TLSv1.2 3" */
void tt_top_versions_text(const struct tt_top_transactions *transactions, char *text, size_t size);

#endif
