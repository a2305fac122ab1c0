/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DNS transaction costs: query and answer parsed and paired, counted in the statistics, and
 * its address named, in all and by step. One JSON line for each number of distinct domains; ns, of
 * CPU time, are the median of RUNS runs over TRANSACTIONS transactions that come in flights of FLIGHT queries,
 * then their answers, each from another client port.
 */
#include "protocol/dns_stats.h"
#include "protocol/names.h"

#include "measure.h"
#include "protocol/dns_build.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNS	     9
#define TRANSACTIONS 200000
#define FLIGHT	     1000 /* pending at a time */
#define KEYS	     262144

struct packet {
	uint16_t length;
	uint8_t bytes[190];
};

static struct packet queries[TRANSACTIONS];
static struct packet answers[TRANSACTIONS];
static struct tt_flow_key keys[TRANSACTIONS];
static struct tt_key_secret secret;

static struct tt_dns_transactions *transactions;
static struct tt_dns_stats *stats;
static struct tt_names *names;
static bool with_stats;
static bool with_names;
static uint64_t time_us = 1700000000000000;
static uint64_t answered;

static void report(void *context, const struct tt_dns_transaction *transaction)
{
	(void)context;
	answered += transaction->status == TT_DNS_ANSWERED;
	if (with_stats)
		tt_dns_stats_add(stats, transaction);
	if (with_names && transaction->status == TT_DNS_ANSWERED)
		tt_names_learn(names, transaction->response, time_us);
}

static void take(const struct tt_flow_key *key, unsigned int direction, const struct packet *packet)
{
	struct tt_dns_message message;

	if (tt_dns_parse(&message, packet->bytes, packet->length) != TT_DNS_OK)
		abort();
	if (transactions == NULL)
		return;
	struct tt_dns_packet taken = {
		.key = key,
		.hash = tt_flow_key_hash(key, &secret),
		.direction = (uint8_t)direction,
		.time_us = time_us,
		.message = &message,
	};
	tt_dns_transactions_take(transactions, &taken);
	time_us++;
}

static double measure(void)
{
	double ns[RUNS];

	for (unsigned int run = 0; run < RUNS; run++) {
		uint64_t start_ns = measure_ns();
		for (unsigned int flight = 0; flight < TRANSACTIONS; flight += FLIGHT) {
			for (unsigned int i = flight; i < flight + FLIGHT; i++)
				take(&keys[i], 0, &queries[i]);
			for (unsigned int i = flight; i < flight + FLIGHT; i++)
				take(&keys[i], 1, &answers[i]);
		}
		ns[run] = (double)(measure_ns() - start_ns) / TRANSACTIONS;
	}
	return measure_median(ns, RUNS);
}

static void keep(struct packet *packet, const struct dns_build *build)
{
	if (build->length > sizeof(packet->bytes))
		abort();
	packet->length = (uint16_t)build->length;
	memcpy(packet->bytes, build->bytes, build->length);
}

/* Half of the answers have a CNAME before two addresses, as content networks do. */
static void make_packets(unsigned int domains)
{
	for (unsigned int i = 0; i < TRANSACTIONS; i++) {
		unsigned int domain = (unsigned int)((uint64_t)i * 2654435761u % domains);
		struct dns_build build;
		char name[64];
		uint8_t address[4] = {
			10, (uint8_t)(domain >> 16), (uint8_t)(domain >> 8), (uint8_t)domain};
		snprintf(name, sizeof(name), "www%u.site%u.example.com", domain % 7, domain);
		build_query(&build, i & 0xffff, name, TT_DNS_A);
		keep(&queries[i], &build);
		build_response(&build, i & 0xffff, name, TT_DNS_A, 0, domain % 2 == 0 ? 3 : 2);
		if (domain % 2 == 0) {
			build_answer(&build, TT_DNS_CNAME, 300, "\3cdn\7example\3net", 17);
			unsigned int owner = 0xc000 | (unsigned int)(build.length - 17);
			for (unsigned int record = 0; record < 2; record++) {
				build_u16(&build, owner);
				build_record(&build, TT_DNS_A, 300, address, 4);
				address[0]++;
			}
		} else {
			build_answer(&build, TT_DNS_A, 300, address, 4);
			address[0]++;
			build_answer(&build, TT_DNS_A, 300, address, 4);
		}
		keep(&answers[i], &build);
		keys[i] = (struct tt_flow_key){
			.low_address = {192, 168, 0, (uint8_t)(i % 50)},
			.high_address = {192, 168, 1, 53},
			.low_port = (uint16_t)(1024 + i % 60000),
			.high_port = 53,
			.ip_protocol = 17,
			.ip_version = 4,
		};
		/* One client asks for one domain, so that keys are as many as domains. */
		keys[i].low_address[3] = (uint8_t)(domain % 50);
	}
}

static void create_tables(void)
{
	struct tt_dns_transactions_options transaction_options = {
		.capacity = TT_DNS_PENDING_DEFAULT,
		.timeout_us = TT_DNS_TIMEOUT_US_DEFAULT,
		.report = report,
	};
	struct tt_dns_stats_options stats_options = {
		.capacity = KEYS, .sketches = KEYS / 8, .secret = 1};
	struct tt_names_options names_options = {
		.addresses = TT_NAMES_ADDRESSES_DEFAULT,
		.an_address = TT_NAMES_AN_ADDRESS,
		.ttl_min_s = TT_NAMES_TTL_MIN_S_DEFAULT,
		.ttl_max_s = TT_NAMES_TTL_MAX_S_DEFAULT,
		.secret = 1,
	};

	if (tt_dns_transactions_create(&transactions, &transaction_options) != 0 ||
		tt_dns_stats_create(&stats, &stats_options) != 0 ||
		tt_names_create(&names, &names_options) != 0) {
		fprintf(stderr, "perf_dns: not enough memory\n");
		exit(1);
	}
}

static void destroy_tables(void)
{
	tt_dns_transactions_destroy(transactions);
	tt_dns_stats_destroy(stats);
	tt_names_destroy(names);
	transactions = NULL;
}

int main(void)
{
	static const unsigned int domains[] = {1000, 20000, TRANSACTIONS};

	if (tt_key_secret_make(&secret, 1) != 0)
		return 1;
	for (unsigned int i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		make_packets(domains[i]);
		with_stats = false;
		with_names = false;
		double parse_ns = measure();
		create_tables();
		double pair_ns = measure();
		with_stats = true;
		double stats_ns = measure();
		with_names = true;
		double all_ns = measure();
		printf("{\"mix\":\"transactions-%u\",\"flows\":%d,\"packets\":%d,\"ns_per_packet\":"
		       "%.1f,\"cycles_per_packet\":%.0f,"
		       "\"transaction_ns\":%.0f,\"parse_ns\":%.0f,\"pair_ns\":%.0f,\"stats_ns\":%."
		       "0f,\"names_ns\":%.0f,\"keys\":%llu,"
		       "\"other\":%llu,\"answered\":%llu}\n",
			domains[i], TRANSACTIONS, 2 * RUNS * TRANSACTIONS, all_ns / 2,
			measure_cycles_of_ns(all_ns / 2), all_ns, parse_ns, pair_ns - parse_ns,
			stats_ns - pair_ns, all_ns - stats_ns,
			(unsigned long long)tt_counter_read(&tt_dns_stats_counters(stats)->keys),
			(unsigned long long)tt_counter_read(&tt_dns_stats_counters(stats)->other),
			(unsigned long long)answered);
		answered = 0;
		destroy_tables();
	}
	return 0;
}
