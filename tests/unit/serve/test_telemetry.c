/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The telemetry commands of a run as the appliance's, as an ordinary user: frames into a DPDK ring,
 * answers out of the socket, through the command line's client.
 */
#include "../../../app/run.h"
#include "../../../app/taptrace/client.h"

#include "base/error.h"
#include "base/log.h"
#include "runtime_folder.h"
#include "serve/telemetry.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKERS	    2
#define CONNECTIONS 500
#define DEADLINE_S  20

static struct tt_run run;
static struct tt_config *config;
static struct tt_client client;
static pthread_t control_thread;

static const char config_text[] = "ports: [{ring: a}]\n"
				  "workers: {count: 2}\n"
				  "memory: {huge_pages: never, mbufs: 4095}\n"
				  "flow: {connections: 4096}\n"
				  "journal: {connections: 100}\n"
				  "telemetry: {prefix: unit}\n";

/* One end of a UDP datagram's Ethernet frame without payload: number i to port 53 of one server,
 * or, odd, of its IPv6 address. */
static struct rte_mbuf *make_frame(uint32_t i)
{
	static const uint8_t ethernet[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rte_mempool_lookup("mbufs_0"));
	bool is_ipv6 = i % 2 != 0;
	uint16_t udp[4] = {htons((uint16_t)(1024 + i)), htons(53), htons(8), 0};
	uint8_t frame[14 + 40 + 8] = {0};
	uint8_t *ip = frame + 14;
	size_t length = sizeof(frame);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	memcpy(frame, ethernet, sizeof(ethernet));
	if (is_ipv6) {
		memcpy(frame + 12, "\x86\xdd\x60", 3);
		ip[5] = 8;
		ip[6] = IPPROTO_UDP;
		memcpy(ip + 8, "\x20\x01\x0d\xb8\x11\x11\x22\x22\x33\x33\x44\x44\x55\x55\x66", 15);
		memcpy(ip + 24, "\x20\x01\x0d\xb8\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15);
		ip[23] = 1;
		ip[39] = 2;
		memcpy(ip + 40, udp, sizeof(udp));
	} else {
		memcpy(frame + 12, "\x08\x00\x45\x00\x00\x1c", 6);
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
		memcpy(ip + 20, udp, sizeof(udp));
		length -= 20;
	}
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), frame, length);
	return mbuf;
}

static void rest(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

static json_int_t ask_integer(const char *command, const char *name)
{
	json_t *answer = tt_client_ask(&client, command, NULL);
	json_int_t value = json_integer_value(json_object_get(answer, name));

	json_decref(answer);
	return value;
}

/* Poll until a number of an answer is the one that is awaited. */
static void await(const char *command, const char *name, json_int_t value)
{
	time_t deadline = time(NULL) + DEADLINE_S;

	while (ask_integer(command, name) != value && time(NULL) < deadline)
		rest();
	CU_ASSERT_EQUAL(ask_integer(command, name), value);
}

static void *run_control(void *argument)
{
	tt_control_run(argument);
	return NULL;
}

static void test_start(void)
{
	/* Nobody is there yet. */
	tt_log_setup("test", TT_LOG_ERROR);
	CU_ASSERT_EQUAL(tt_client_open(&client, "unit", NULL), TT_ERROR_NOT_FOUND);

	CU_ASSERT_EQUAL_FATAL(
		tt_config_parse(&config, "test", config_text, strlen(config_text), stderr), 0);
	CU_ASSERT_EQUAL_FATAL(tt_run_open(&run, &(struct tt_run_options){.config = config}), 0);
	struct tt_status status;
	tt_status_begin(&status, run.control, run.driver, "a file");
	CU_ASSERT_EQUAL_FATAL(tt_telemetry_start(&status), 0);
	CU_ASSERT_EQUAL_FATAL(tt_run_start(&run), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&control_thread, NULL, run_control, run.control), 0);
	CU_ASSERT_EQUAL_FATAL(tt_client_open(&client, "unit", NULL), 0);

	for (uint32_t i = 0; i < CONNECTIONS; i++)
		while (rte_ring_enqueue(rte_ring_lookup("ETH_RXTX0_net_ring_a"), make_frame(i)) !=
			0)
			rest();
	await("/taptrace/ledger", "processed", CONNECTIONS);
}

static void test_info(void)
{
	json_t *info = tt_client_ask(&client, "/taptrace/info", NULL);

	CU_ASSERT_EQUAL(json_integer_value(json_object_get(info, "pid")), getpid());
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(info, "workers")), WORKERS);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(info, "ports")), 1);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(info, "instance")),
		tt_pipeline_instance(run.pipeline));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(info, "config_file")), "a file");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(info, "time_source")), "tsc");
	json_decref(info);
}

static void test_the_ledger_closes(void)
{
	json_t *ledger = tt_client_ask(&client, "/taptrace/ledger", NULL);
	const json_t *dropped = json_object_get(ledger, "dropped");

	CU_ASSERT_EQUAL(json_integer_value(json_object_get(ledger, "received")), CONNECTIONS);
	CU_ASSERT_TRUE(json_is_true(json_object_get(ledger, "closes")));
	CU_ASSERT_TRUE(json_is_integer(json_object_get(dropped, "not_ip")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(dropped, "not_ip")), 0);
	json_decref(ledger);
}

struct walk {
	uint32_t seen[CONNECTIONS];
	uint32_t count;
	uint32_t wrong;
	const char *state;
};

static bool count_connection(void *context, json_t *record)
{
	struct walk *walk = context;
	const json_t *endpoint = json_object_get(record, "client");
	json_int_t number = json_integer_value(json_object_get(endpoint, "port")) - 1024;
	const json_t *there = json_object_get(record, "client_to_server");
	const char *address = json_string_value(json_object_get(endpoint, "address"));
	const char *state = json_string_value(json_object_get(record, "state"));

	walk->count++;
	if (number < 0 || number >= CONNECTIONS || address == NULL || state == NULL) {
		walk->wrong++;
		return true;
	}
	walk->seen[number]++;
	walk->wrong += strcmp(state, walk->state) != 0;
	walk->wrong += strcmp(address,
			       number % 2 == 0 ? "192.0.2.1"
					       : "2001:db8:1111:2222:3333:4444:5555:6601") != 0;
	walk->wrong += json_integer_value(json_object_get(there, "packets")) != 1;
	walk->wrong += json_integer_value(json_object_get(there, "ip_bytes")) !=
		(number % 2 == 0 ? 28 : 48);
	return true;
}

/* Pages that end where a reply is full leave out nobody, and give nobody twice. */
static void test_a_walk_sees_each_connection_once(void)
{
	struct walk walk = {.state = "active"};

	CU_ASSERT_EQUAL(tt_client_walk(&client, "/taptrace/connections", NULL, "connections",
				count_connection, &walk),
		0);
	CU_ASSERT_EQUAL(walk.count, CONNECTIONS);
	CU_ASSERT_EQUAL(walk.wrong, 0);
	for (uint32_t i = 0; i < CONNECTIONS; i++)
		if (walk.seen[i] != 1)
			CU_FAIL("a connection was not seen once");
}

static void *walk_alone(void *context)
{
	struct walk *walk = context;
	struct tt_client mine;

	if (tt_client_open(&mine, "unit", NULL) != 0)
		return NULL;
	tt_client_walk(&mine, "/taptrace/connections", NULL, "connections", count_connection, walk);
	tt_client_close(&mine);
	return NULL;
}

/* Clients at a time do not change what another one sees. */
static void test_walks_at_the_same_time(void)
{
	static struct walk walks[4];
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		walks[i].state = "active";
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, walk_alone, &walks[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		unsigned int not_once = 0;

		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(walks[i].count, CONNECTIONS);
		CU_ASSERT_EQUAL(walks[i].wrong, 0);
		for (uint32_t number = 0; number < CONNECTIONS; number++)
			not_once += walks[i].seen[number] != 1;
		CU_ASSERT_EQUAL(not_once, 0);
	}
}

/* Whatever is asked for, the control core's own pages keep to their limit. */
static void test_limits_of_a_page(void)
{
	for (uint32_t limit = 1; limit <= TT_CONTROL_PAGE; limit += 21) {
		struct tt_control_cursor cursor = {0};
		struct tt_control_page page;
		uint32_t count = 0, over = 0;
		int code;

		do {
			code = tt_control_active(run.control, &cursor, limit, &page);
			count += page.count;
			over += page.count > limit;
		} while (code == TT_OK);
		CU_ASSERT_EQUAL(code, TT_ERROR_END);
		CU_ASSERT_EQUAL(count, CONNECTIONS);
		CU_ASSERT_EQUAL(over, 0);
	}

	struct tt_control_cursor cursor = {0};
	struct tt_control_page page;
	CU_ASSERT_EQUAL(tt_control_active(run.control, &cursor, 0, &page), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(tt_control_active(run.control, &cursor, TT_CONTROL_PAGE + 1, &page),
		TT_ERROR_ARGUMENT);
	cursor.worker = WORKERS;
	CU_ASSERT_EQUAL(tt_control_active(run.control, &cursor, 1, &page), TT_ERROR_ARGUMENT);
}

struct sum {
	json_int_t received;
	uint32_t elements;
};

static bool sum_received(void *context, json_t *element)
{
	struct sum *sum = context;

	sum->received += json_integer_value(json_object_get(element, "received"));
	sum->received += json_integer_value(json_object_get(element, "delivered"));
	sum->elements++;
	return true;
}

static void test_workers_ports_and_stages(void)
{
	struct sum sum = {0};

	CU_ASSERT_EQUAL(
		tt_client_walk(&client, "/taptrace/workers", NULL, "workers", sum_received, &sum),
		0);
	CU_ASSERT_EQUAL(sum.elements, WORKERS);
	CU_ASSERT_EQUAL(sum.received, CONNECTIONS);
	sum = (struct sum){0};
	CU_ASSERT_EQUAL(
		tt_client_walk(&client, "/taptrace/workers", "1", "workers", sum_received, &sum),
		0);
	CU_ASSERT_EQUAL(sum.elements, 1);
	sum = (struct sum){0};
	CU_ASSERT_EQUAL(
		tt_client_walk(&client, "/taptrace/ports", NULL, "ports", sum_received, &sum), 0);
	CU_ASSERT_EQUAL(sum.elements, 1);
	CU_ASSERT_EQUAL(sum.received, CONNECTIONS);

	json_int_t packets = 0;
	for (uint32_t w = 0; w < WORKERS; w++) {
		char parameter[8];

		snprintf(parameter, sizeof(parameter), "%" PRIu32, w);
		json_t *stages = tt_client_ask(&client, "/taptrace/stages", parameter);
		const json_t *flow = json_object_get(json_object_get(stages, "stages"), "flow");

		packets += json_integer_value(json_object_get(flow, "packets"));
		CU_ASSERT(json_integer_value(json_object_get(stages, "cycles_per_second")) > 0);
		json_decref(stages);
	}
	CU_ASSERT_EQUAL(packets, CONNECTIONS);
}

static void test_limits(void)
{
	json_t *limits = tt_client_ask(&client, "/taptrace/limits", NULL);
	const json_t *connections = json_object_get(limits, "connections");
	json_int_t high = json_integer_value(json_object_get(connections, "high"));

	CU_ASSERT_EQUAL(json_integer_value(json_object_get(connections, "limit")), 4096);
	/* Of the worker that has most. */
	CU_ASSERT(high >= CONNECTIONS / WORKERS && high <= CONNECTIONS);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(connections, "evicted_idle")), 0);
	CU_ASSERT_EQUAL(
		json_integer_value(json_object_get(json_object_get(limits, "journal"), "limit")),
		100);
	static const char *const followed[] = {"payload", "reassembly", "dns_pending", "dns_keys",
		"http_transactions", "http2_streams", "http2_tables", "http_keys", "tls_handshakes",
		"tls_buffers", "quic_initials"};
	for (size_t i = 0; i < sizeof(followed) / sizeof(followed[0]); i++) {
		const json_t *limit = json_object_get(limits, followed[i]);

		CU_ASSERT(json_integer_value(json_object_get(limit, "limit")) > 0);
		CU_ASSERT_EQUAL(json_integer_value(json_object_get(limit, "refused")), 0);
	}
	json_decref(limits);
}

static void test_wrong_parameters_give_null(void)
{
	static const struct {
		const char *command, *parameter;
	} wrong[] = {
		{"/taptrace/info", "0"},
		{"/taptrace/ledger", "x"},
		{"/taptrace/stages", NULL},
		{"/taptrace/stages", "2"},
		{"/taptrace/stages", "18446744073709551616"},
		{"/taptrace/workers", "2"},
		{"/taptrace/workers", "-1"},
		{"/taptrace/ports", "1 "},
		{"/taptrace/connections", "2:0"},
		{"/taptrace/connections", "0"},
		{"/taptrace/connections", "0:"},
		{"/taptrace/connections", ":0"},
		{"/taptrace/connections", "0:0:0"},
		{"/taptrace/connections", "4294967296:0"},
		{"/taptrace/closed", "1x"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *answer = tt_client_ask(&client, wrong[i].command, wrong[i].parameter);

		if (answer != NULL)
			CU_FAIL(wrong[i].command);
		json_decref(answer);
	}
	/* And the connection goes on. */
	CU_ASSERT_EQUAL(ask_integer("/taptrace/info", "workers"), WORKERS);
}

static void test_the_journal(void)
{
	struct walk walk = {.state = "closed"};

	/* The run ends and closes all, and the journal keeps 100. */
	tt_control_stop(run.control);
	pthread_join(control_thread, NULL);
	json_t *page = tt_client_ask(&client, "/taptrace/closed", NULL);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(page, "lost")), CONNECTIONS - 100);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(page, "next"));
	CU_ASSERT_PTR_EQUAL(json_object_get(page, "uid"), NULL);
	json_decref(page);

	CU_ASSERT_EQUAL(tt_client_walk(&client, "/taptrace/closed", NULL, "connections",
				count_connection, &walk),
		0);
	CU_ASSERT_EQUAL(walk.count, 100);
	CU_ASSERT_EQUAL(walk.wrong, 0);
	for (uint32_t i = 0; i < CONNECTIONS; i++)
		if (walk.seen[i] > 1)
			CU_FAIL("a connection was seen twice");

	/* From where the last page ended there is nothing yet. */
	char parameter[24];
	snprintf(parameter, sizeof(parameter), "%d", CONNECTIONS + 1);
	page = tt_client_ask(&client, "/taptrace/closed", parameter);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(page, "sequence")), CONNECTIONS + 1);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(page, "connections")), 0);
	CU_ASSERT_PTR_EQUAL(json_object_get(page, "next"), NULL);
	json_decref(page);
}

/* The callbacks stay with the library; after the end they give nothing and touch nothing. */
static void test_after_the_end(void)
{
	tt_run_stop(&run);
	tt_telemetry_stop();
	tt_run_close(&run);
	CU_ASSERT_PTR_NULL(tt_client_ask(&client, "/taptrace/info", NULL));
	CU_ASSERT_PTR_NULL(tt_client_ask(&client, "/taptrace/connections", NULL));
	tt_telemetry_stop();
	tt_client_close(&client);
	tt_config_free(config);
}

static const struct suite_test tests[] = {
	{"start", test_start},
	{"info", test_info},
	{"the ledger closes", test_the_ledger_closes},
	{"a walk sees each connection once", test_a_walk_sees_each_connection_once},
	{"walks at the same time", test_walks_at_the_same_time},
	{"limits of a page", test_limits_of_a_page},
	{"workers, ports and stages", test_workers_ports_and_stages},
	{"limits", test_limits},
	{"wrong parameters give null", test_wrong_parameters_give_null},
	{"the journal", test_the_journal},
	{"after the end", test_after_the_end},
};

int main(void)
{
	return suite_run_in_folder("serve_telemetry", tests, sizeof(tests) / sizeof(tests[0]));
}
