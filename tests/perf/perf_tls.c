/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TLS 1.2 handshake costs a worker, from hellos and certificate to the report, with hellos
 * in one piece and in two. One JSON line each; ns of CPU time are the median of RUNS runs over
 * HANDSHAKES handshakes.
 */
#include "protocol/tls_connection.h"

#include "measure.h"
#include "protocol/tls_build.h"

#include <stdio.h>

#define RUNS	   9
#define HANDSHAKES 100000
#define LEAF_BYTES 1500
#define CIPHERS	   16

static struct tt_tls_pool pool;
static struct tls_build client;
static struct tls_build server;
static uint64_t reported;

static void take(void *context, const struct tt_tls_event *event)
{
	(void)context;
	reported += event->certificate_bytes == LEAF_BYTES;
}

static const struct tt_tls_consumer consumer = {take, NULL};

static void build_flights(void)
{
	static struct tls_build body, message;
	static uint8_t leaf[LEAF_BYTES];
	uint16_t ciphers[CIPHERS];

	for (unsigned int i = 0; i < CIPHERS; i++)
		ciphers[i] = (uint16_t)(0xc020 + i);
	size_t extensions = build_client_hello(&body, 0x0303, 32, ciphers, CIPHERS);
	build_server_name(&body, "www.example.org");
	build_alpn(&body, "h2,http/1.1");
	for (uint16_t type = 50; type < 60; type++)
		build_empty_extension(&body, type);
	build_end(&body, 2, extensions);
	build_message(&message, TT_TLS_CLIENT_HELLO, &body);
	build_records(&client, TT_TLS_HANDSHAKE, 0x0301, &message, 16384);
	build_change_cipher_spec(&client);

	body.length = message.length = 0;
	extensions = build_server_hello(&body, 0x0303, 0, ciphers[0]);
	build_alpn(&body, "h2");
	build_end(&body, 2, extensions);
	build_message(&message, TT_TLS_SERVER_HELLO, &body);
	body.length = 0;
	build_certificates(&body, leaf, LEAF_BYTES, 1500);
	build_message(&message, TT_TLS_CERTIFICATE, &body);
	build_records(&server, TT_TLS_HANDSHAKE, 0x0303, &message, 16384);
	build_change_cipher_spec(&server);
}

static void feed(struct tt_tls_connection *connection, unsigned int direction,
	const struct tls_build *build, unsigned int pieces)
{
	size_t part = build->length / pieces + 1;

	for (size_t at = 0; at < build->length; at += part) {
		size_t left = build->length - at;
		tt_tls_connection_data(connection, &pool, &consumer, direction, 1,
			build->bytes + at, left < part ? left : part);
	}
}

static double measure(unsigned int pieces)
{
	double ns[RUNS];

	for (unsigned int run = 0; run < RUNS; run++) {
		uint64_t start_ns = measure_ns();
		for (unsigned int i = 0; i < HANDSHAKES; i++) {
			struct tt_tls_connection connection = {0};
			feed(&connection, 0, &client, pieces);
			feed(&connection, 1, &server, pieces);
			tt_tls_connection_close(&connection, &pool, &consumer);
		}
		ns[run] = (double)(measure_ns() - start_ns) / HANDSHAKES;
	}
	return measure_median(ns, RUNS);
}

int main(void)
{
	if (tt_tls_pool_create(&pool, 1024, 1024, false) != 0)
		return 1;
	build_flights();
	for (unsigned int pieces = 1; pieces <= 2; pieces++) {
		double ns = measure(pieces);

		printf("{\"mix\":\"tls-handshake-%u\",\"flows\":1,\"packets\":%d,\"ns_per_packet\":"
		       "%.1f,"
		       "\"cycles_per_packet\":%.0f,\"handshake_ns\":%.1f}\n",
			pieces, 2 * (int)pieces * RUNS * HANDSHAKES, ns / (2 * pieces),
			measure_cycles_of_ns(ns / (2 * pieces)), ns);
	}
	if (reported != 2ull * RUNS * HANDSHAKES)
		return 1;
	tt_tls_pool_destroy(&pool);
	return 0;
}
