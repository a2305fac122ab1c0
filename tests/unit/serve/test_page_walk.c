/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over many active connections through the telemetry socket while their packets go on:
 * `test_serve_page_walk CONNECTIONS` does it with that many, 1,000,000 say, and tells how long it
 * took.
 */
#include "../../../app/run.h"
#include "../../../app/taptrace/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "runtime_folder.h"
#include "serve/telemetry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONNECTIONS_MAX 4000000
#define DEADLINE_S	600
#define NETWORK		0x0a000000

static uint32_t connections = 5000;
static uint8_t seen[CONNECTIONS_MAX];
static atomic_bool stop;

static void rest(void)
{
	const struct timespec pause = {.tv_nsec = 50000};

	nanosleep(&pause, NULL);
}

/* A UDP datagram without payload from client number i. */
static void fill(struct rte_mbuf *mbuf, uint32_t i)
{
	uint8_t frame[14 + 20 + 8] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28};
	const uint32_t addresses[2] = {htonl(NETWORK + i), htonl(0xc0000201)};
	const uint16_t udp[4] = {htons(2000), htons(53), htons(8), 0};

	frame[22] = 64;
	frame[23] = IPPROTO_UDP;
	memcpy(frame + 26, addresses, sizeof(addresses));
	memcpy(frame + 34, udp, sizeof(udp));
	memcpy(rte_pktmbuf_append(mbuf, sizeof(frame)), frame, sizeof(frame));
}

/* All clients in turn, again and again. */
static void *send_packets(void *argument)
{
	struct rte_ring *ring = rte_ring_lookup("ETH_RXTX0_net_ring_a");
	struct rte_mempool *pool = rte_mempool_lookup("mbufs_0");

	(void)argument;
	for (uint32_t i = 0; !atomic_load(&stop); i = (i + 1) % connections) {
		struct rte_mbuf *mbuf;

		while ((mbuf = rte_pktmbuf_alloc(pool)) == NULL && !atomic_load(&stop))
			rest();
		if (mbuf == NULL)
			break;
		fill(mbuf, i);
		while (rte_ring_enqueue(ring, mbuf) != 0)
			rest();
	}
	return NULL;
}

static void *run_control(void *argument)
{
	tt_control_run(argument);
	return NULL;
}

static bool note(void *context, json_t *record)
{
	uint32_t *wrong = context;
	const char *text =
		json_string_value(json_object_get(json_object_get(record, "client"), "address"));
	struct in_addr address;

	if (text == NULL || inet_pton(AF_INET, text, &address) != 1 ||
		ntohl(address.s_addr) - NETWORK >= connections) {
		++*wrong;
		return true;
	}
	*wrong += ++seen[ntohl(address.s_addr) - NETWORK] > 1;
	return true;
}

static uint64_t processed(const struct tt_run *run)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < tt_pipeline_worker_count(run->pipeline); w++)
		sum += tt_counter_read(
			&tt_pipeline_worker_counters(run->pipeline, w)->ledger.processed);
	return sum;
}

static uint64_t live(const struct tt_run *run)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < tt_pipeline_worker_count(run->pipeline); w++)
		sum += tt_counter_read(&tt_pipeline_flow_counters(run->pipeline, w)->live);
	return sum;
}

static void each_is_seen_once_while_packets_come(void)
{
	char text[512];
	struct tt_config *config;
	struct tt_run run;
	struct tt_client client;
	pthread_t control, sender;
	uint32_t wrong = 0, missed = 0;
	time_t deadline = time(NULL) + DEADLINE_S;

	tt_log_setup("test", TT_LOG_ERROR);
	int length = snprintf(text, sizeof(text),
		"ports: [{ring: a}]\n"
		"workers: {count: 2}\n"
		"memory: {huge_pages: never, mbufs: 4095}\n"
		"flow: {connections: %u, timeouts: {udp_one_way: 1h}}\n"
		"telemetry: {prefix: walk}\n",
		2 * connections);
	CU_ASSERT_EQUAL_FATAL(tt_config_parse(&config, "test", text, (size_t)length, stderr), 0);
	CU_ASSERT_EQUAL_FATAL(tt_run_open(&run, &(struct tt_run_options){.config = config}), 0);
	struct tt_status status;
	tt_status_begin(&status, run.control, run.driver, NULL);
	CU_ASSERT_EQUAL_FATAL(tt_telemetry_start(&status), 0);
	CU_ASSERT_EQUAL_FATAL(tt_run_start(&run), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&control, NULL, run_control, run.control), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&sender, NULL, send_packets, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(tt_client_open(&client, "walk", NULL), 0);
	/* Live, a packet that finds a ring full is lost: then its client comes again. */
	while (live(&run) < connections && time(NULL) < deadline)
		rest();

	uint64_t packets = processed(&run);
	uint64_t begun_us = tt_clock_monotonic_us();
	CU_ASSERT_EQUAL(
		tt_client_walk(&client, "/taptrace/connections", NULL, "connections", note, &wrong),
		0);
	uint64_t took_us = tt_clock_monotonic_us() - begun_us;
	packets = processed(&run) - packets;
	for (uint32_t i = 0; i < connections; i++)
		missed += seen[i] == 0;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT(packets > 0);
	printf("%u connections in %.2f s, %llu packets meanwhile ... ", connections,
		(double)took_us / 1e6, (unsigned long long)packets);

	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	tt_control_stop(run.control);
	pthread_join(control, NULL);
	tt_run_stop(&run);
	tt_telemetry_stop();
	tt_run_close(&run);
	tt_client_close(&client);
	tt_config_free(config);
}

static const struct suite_test tests[] = {
	{"each is seen once while packets come", each_is_seen_once_while_packets_come},
};

int main(int argc, char **argv)
{
	if (argc > 1)
		connections = (uint32_t)strtoul(argv[1], NULL, 10);
	if (connections < 1 || connections > CONNECTIONS_MAX)
		return 2;
	return suite_run_in_folder("serve_page_walk", tests, sizeof(tests) / sizeof(tests[0]));
}
