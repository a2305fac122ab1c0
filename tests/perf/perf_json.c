/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writing a connection as JSON costs who serves a pull, of TCP over IPv4 and over IPv6. One
 * JSON line each; ns of CPU time are the median of RUNS runs over RECORDS records.
 */
#include "serve/connection_fields.h"
#include "serve/json.h"

#include "measure.h"

#include <netinet/in.h>
#include <stdio.h>

#define RUNS	9
#define RECORDS 50000

static struct tt_connection_record record = {
	.start_us = 1700000000123456,
	.end_us = 1700000012345678,
	.endpoints = {.port = {51234, 443}, .ip_protocol = IPPROTO_TCP},
	.direction_from = TT_DIRECTION_SYN,
	.counters = {{120, 9876, 3456}, {340, 456789, 434567}},
	.tap_ports = {1, 2},
};

static void set_tcp(void)
{
	struct tt_tcp_summary *tcp = &record.tcp;

	tcp->established = 1;
	tcp->present = UINT32_MAX;
	tcp->handshake = TT_TCP_HANDSHAKE_COMPLETE;
	tcp->handshake_us = 23456;
	tcp->handshake_server_us = 23000;
	tcp->handshake_client_us = 456;
	tcp->rtt_us = 24000;
	tcp->rtt_var_us = 1234;
	tcp->rtt_server_us = 23500;
	tcp->rtt_client_us = 500;
	for (unsigned int side = 0; side < 2; side++) {
		tcp->half[side].present = UINT32_MAX;
		tcp->half[side].retransmits = 3;
		tcp->half[side].out_of_order = 12;
	}
}

static double measure(uint8_t ip_version, uint64_t *bytes)
{
	struct tt_json json;
	double ns[RUNS];

	record.endpoints.ip_version = ip_version;
	tt_json_init(&json);
	for (unsigned int run = 0; run < RUNS; run++) {
		uint64_t start_ns = measure_ns();

		*bytes = 0;
		for (uint32_t i = 0; i < RECORDS; i++) {
			record.uid = UINT64_C(0x0100000012340000) + i;
			memcpy(record.endpoints.address[0], &i, sizeof(i));
			memcpy(record.endpoints.address[1] + 12, &i, sizeof(i));
			tt_json_clear(&json);
			tt_connection_describe(&json.sink, NULL, &record, NULL, NULL);
			tt_json_end_line(&json);
			*bytes += json.length;
		}
		ns[run] = (double)(measure_ns() - start_ns) / RECORDS;
	}
	tt_json_free(&json);
	return measure_median(ns, RUNS);
}

int main(void)
{
	static const uint8_t ip_versions[] = {4, 6};

	set_tcp();
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t bytes;
		double ns = measure(ip_versions[i], &bytes);

		printf("{\"mix\":\"json-tcp-ipv%u\",\"record_ns\":%.1f,\"record_cycles\":%.0f,"
		       "\"record_bytes\":%.0f}\n",
			ip_versions[i], ns, measure_cycles_of_ns(ns), (double)bytes / RECORDS);
	}
	return 0;
}
