/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules make of records and statistics, and that they are exchanged while packets come. How
 * rules match has tests of its own.
 */
#include "base/error.h"
#include "control/reload.h"
#include "rig.h"
#include "rules/rules.h"
#include "rules/service.h"

#define BASE_US (1700000000 * UINT64_C(1000000))
#define SEEN	64
#define TALKS	100
#define SWAPS	30

static const struct endpoint server = {0x0a000002, 8123};

struct seen {
	struct {
		char path[TT_HTTP_PATH_BYTES + 1];
		char route[TT_HTTP_PATH_BYTES + 1];
		const char *service;
	} http[SEEN];
	unsigned int http_count;
	unsigned int nameless; /* requests without a service */
	unsigned int tls_count;
	const char *tls_service;
	unsigned int dns_count;
	const char *dns_service;
	uint64_t excluded_records;
};

static const char *name_of(uint16_t service)
{
	return service == 0 ? "-" : tt_service_name(service);
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct seen *seen = ((struct rig *)context)->seen;
	unsigned int i = seen->http_count++ % SEEN;

	memcpy(seen->http[i].path, record->text, record->path_bytes);
	seen->http[i].path[record->path_bytes] = '\0';
	memcpy(seen->http[i].route,
		record->text + record->path_bytes + record->method_bytes + record->host_bytes,
		record->route_bytes);
	seen->http[i].route[record->route_bytes] = '\0';
	seen->http[i].service = name_of(record->service);
	seen->nameless += record->service == 0;
}

static void on_tls(
	void *context, const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	struct seen *seen = ((struct rig *)context)->seen;

	(void)certificate;
	seen->tls_count++;
	seen->tls_service = name_of(record->service);
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	struct seen *seen = ((struct rig *)context)->seen;

	seen->dns_count++;
	seen->dns_service = name_of(record->service);
}

/* A connection with these requests to a host, each in one packet, and their answers. */
static void talk(struct traffic *traffic, uint16_t port, const char *host, const char *const *paths)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	const struct endpoint client = {0x0a000001, port};
	uint32_t next[2] = {1000, 5000};
	char request[160];

	traffic_tcp(traffic, client, server, TT_TCP_SYN, next[0]++, 0, 0);
	traffic_tcp(traffic, server, client, TT_TCP_SYN | TT_TCP_ACK, next[1]++, next[0], 0);
	for (; *paths != NULL; paths++) {
		size_t length = (size_t)snprintf(request, sizeof(request),
			"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", *paths, host);

		traffic->time_us += 100;
		traffic_tcp_bytes(
			traffic, client, server, TT_TCP_ACK, next[0], next[1], request, length);
		next[0] += (uint32_t)length;
		traffic_tcp_bytes(traffic, server, client, TT_TCP_ACK, next[1], next[0], answer,
			sizeof(answer) - 1);
		next[1] += sizeof(answer) - 1;
	}
	traffic_tcp(traffic, client, server, TT_TCP_FIN | TT_TCP_ACK, next[0]++, next[1], 0);
	traffic_tcp(traffic, server, client, TT_TCP_FIN | TT_TCP_ACK, next[1], next[0], 0);
}

static struct tt_ruleset *compile(const char *yaml, unsigned int workers)
{
	struct tt_ruleset *ruleset;
	struct tt_config *config;

	CU_ASSERT_EQUAL_FATAL(tt_config_parse(&config, "f", yaml, strlen(yaml), stderr), 0);
	CU_ASSERT_EQUAL_FATAL(tt_ruleset_create(&ruleset, config, workers, stderr), 0);
	tt_config_free(config);
	return ruleset;
}

/* Run a traffic by rules, and keep what came of it. `stats` of each service, "-" for none, are
 * counted in the order of `services`. */
static struct rig run(const struct traffic *traffic, const char *yaml, struct seen *seen,
	const char *const *services, uint64_t *counts)
{
	struct rig rig = rig_make(traffic, 1);
	const struct tt_http_stats_entry *entry;
	uint32_t position = 0;

	memset(seen, 0, sizeof(*seen));
	rig.seen = seen;
	rig.http = on_http;
	rig.tls = on_tls;
	rig.dns = on_dns;
	rig_create(&rig);
	tt_pipeline_set_rules(rig.pipeline, compile(yaml, 1));
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	seen->excluded_records =
		tt_counter_read(&tt_pipeline_worker_counters(rig.pipeline, 0)->excluded_records);
	while ((entry = tt_http_stats_next(tt_control_http_stats(rig.control), &position)) != NULL)
		for (unsigned int i = 0; services[i] != NULL; i++)
			if (strcmp(services[i], name_of((uint16_t)entry->service)) == 0)
				counts[i] += entry->counts.count;
	rig_end(&rig);
	return rig;
}

static void requests_have_services_and_routes(void)
{
	static const char *const paths[] = {"/orders/17", "/a", "/health", "/secret", NULL};
	static const char *const services[] = {"shop", "others", "-", NULL};
	struct traffic traffic = {.time_us = BASE_US};
	uint64_t counts[3] = {0};
	struct seen seen;

	talk(&traffic, 40000, "shop.example", paths);
	struct rig rig = run(&traffic,
		"rules:\n"
		"- {path: /secret, exclude: true}\n"
		"- {host: shop.example, path: '/orders/[0-9]+', service: shop, route: '/o/*'}\n"
		"- {path: /health, route: none}\n"
		"- {host: shop.example, service: others}\n",
		&seen, services, counts);

	CU_ASSERT_EQUAL_FATAL(seen.http_count, 3);
	CU_ASSERT_STRING_EQUAL(seen.http[0].service, "shop");
	CU_ASSERT_STRING_EQUAL(seen.http[0].path, "/orders/17");
	CU_ASSERT_STRING_EQUAL(seen.http[0].route, "/o/*");
	CU_ASSERT_STRING_EQUAL(seen.http[1].service, "others");
	CU_ASSERT_STRING_EQUAL(seen.http[1].route, "/a");
	CU_ASSERT_STRING_EQUAL(seen.http[2].service, "-");
	CU_ASSERT_STRING_EQUAL(seen.http[2].path, "/health");
	CU_ASSERT_STRING_EQUAL(seen.http[2].route, "");
	CU_ASSERT_EQUAL(seen.excluded_records, 1);
	for (unsigned int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(counts[i], 1);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_STRING_EQUAL(name_of(rig.records[0].service), "shop");
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A connection is what its first request was; without one that met a rule, what it is by its
 * addresses and port; and its entry tells the next connection nothing. */
static void connections_have_services(void)
{
	static const char *const paths[] = {"/x", NULL}, *const none[] = {NULL};
	struct traffic traffic = {.time_us = BASE_US};
	struct seen seen;

	for (unsigned int i = 0; i < 2; i++) {
		talk(&traffic, 40000, "shop.example", paths);
		traffic.time_us += 10000000;
		talk(&traffic, 40000, "other.example", paths);
		traffic.time_us += 10000000;
		talk(&traffic, 40000, "", none);
		traffic.time_us += 10000000;
	}
	struct rig rig = run(&traffic,
		"rules:\n"
		"- {host: shop.example, service: shop}\n"
		"- {port: 8123, protocol: http, service: web}\n"
		"- {server: 10.0.0.0/8, service: tcp}\n",
		&seen, (const char *const[]){NULL}, NULL);

	CU_ASSERT_EQUAL_FATAL(rig.count, 6);
	for (unsigned int i = 0; i < 6; i++)
		CU_ASSERT_STRING_EQUAL(name_of(rig.records[i].service),
			i % 3 == 0	     ? "shop"
				: i % 3 == 1 ? "web"
					     : "tcp");
	rig_free(&rig);
	traffic_free(&traffic);
}

static void connections_are_excluded(void)
{
	static const char *const paths[] = {"/x", "/y", NULL}, *const none[] = {NULL};
	struct traffic traffic = {.time_us = BASE_US};
	struct seen seen;

	talk(&traffic, 40000, "secret.example", paths);
	talk(&traffic, 40001, "shop.example", paths);
	talk(&traffic, 40002, "", none);
	struct rig rig = run(&traffic,
		"rules: [{host: secret.example, exclude: true}, {client: 10.0.0.0/8, service: "
		"rest}]\n",
		&seen, (const char *const[]){NULL}, NULL);

	CU_ASSERT_EQUAL(rig.excluded, 1);
	CU_ASSERT_EQUAL(seen.excluded_records, 2);
	CU_ASSERT_EQUAL(seen.http_count, 2);
	CU_ASSERT_EQUAL_FATAL(rig.count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(rig.records[i].endpoints.port[0], 40001 + i);
		CU_ASSERT_STRING_EQUAL(name_of(rig.records[i].service), "rest");
	}
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A ClientHello for a.example, from RFC 8446 4.1.2 by hand. */
static void handshakes_have_services(void)
{
	static const uint8_t hello[] = {22, 3, 1, 0, 65, 1, 0, 0, 61, 3, 3, [43] = 0, 0, 2, 0x13, 1,
		1, 0, 0, 18, 0, 0, 0, 14, 0, 12, 0, 0, 9, 'a', '.', 'e', 'x', 'a', 'm', 'p', 'l',
		'e'};
	const struct endpoint client = {0x0a000001, 40000};
	struct traffic traffic = {.time_us = BASE_US};
	struct seen seen;

	traffic_tcp(&traffic, client, server, TT_TCP_SYN, 1000, 0, 0);
	traffic_tcp(&traffic, server, client, TT_TCP_SYN | TT_TCP_ACK, 5000, 1001, 0);
	traffic_tcp_bytes(&traffic, client, server, TT_TCP_ACK, 1001, 5001, hello, sizeof(hello));
	struct rig rig = run(&traffic,
		"rules: [{host: a.example, service: x}, {sni: a.example, protocol: tls, service: "
		"s}]\n",
		&seen, (const char *const[]){NULL}, NULL);

	CU_ASSERT_EQUAL_FATAL(seen.tls_count, 1);
	CU_ASSERT_STRING_EQUAL(seen.tls_service, "s");
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_STRING_EQUAL(name_of(rig.records[0].service), "s");
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A query for a.example and its answer, RFC 1035 4.1: by address and protocol, and left out. */
static void dns_transactions_have_services(void)
{
	static uint8_t message[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 7, 'e', 'x', 'a',
		'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};
	static const char *const files[] = {"rules: [{host: a.example, service: x}, {protocol: "
					    "dns, port: 53, service: names}]\n",
		"rules: [{protocol: http, service: x}, {server: 10.0.0.2, exclude: true}]\n"};
	const struct endpoint client = {0x0a000001, 40000}, resolver = {0x0a000002, 53};
	struct traffic traffic = {.time_us = BASE_US};

	traffic_udp_bytes(&traffic, client, resolver, message, sizeof(message));
	message[2] = 0x81;
	traffic_udp_bytes(&traffic, resolver, client, message, sizeof(message));
	for (unsigned int i = 0; i < 2; i++) {
		struct seen seen;
		struct rig rig = run(&traffic, files[i], &seen, (const char *const[]){NULL}, NULL);

		CU_ASSERT_EQUAL(seen.dns_count, i == 0);
		if (i == 0)
			CU_ASSERT_STRING_EQUAL(seen.dns_service, "names");
		CU_ASSERT_EQUAL(seen.excluded_records, i);
		rig_free(&rig);
	}
	traffic_free(&traffic);
}

static void swap(struct rig *rig)
{
	static const char *const rules[] = {
		"rules: [{path: '/[a-z]+', service: one}, {service: one}]\n",
		"rules: [{host: '[a-z.]+', service: two}, {server: 0.0.0.0/0, service: two}]\n"};

	for (unsigned int i = 0; i < SWAPS; i++)
		tt_pipeline_set_rules(
			rig->pipeline, compile(rules[i % 2], rig->config->workers.count));
	tt_control_stop(rig->control);
}

/* Every request meets the rules before or those after, and nothing is lost. */
static void rules_change_while_packets_come(void)
{
	static const char *const paths[] = {"/a", "/b", NULL};
	struct traffic traffic = {.time_us = BASE_US};
	struct seen seen = {.http_count = 0};

	for (uint16_t i = 0; i < TALKS; i++)
		talk(&traffic, (uint16_t)(40000 + i), "shop.example", paths);
	struct rig rig = rig_make(&traffic, 2);
	rig.config->workers.steering = TT_STEERING_SOFTWARE;
	rig.endless_us = 3600000000;
	rig.seen = &seen;
	rig.http = on_http;
	rig.beside = swap;
	rig_create(&rig);
	tt_pipeline_set_rules(rig.pipeline, compile("rules: [{service: one}]\n", 2));
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);

	pthread_t beside;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&beside, NULL, rig_run_beside, &rig), 0);
	tt_control_run(rig.control);
	pthread_join(beside, NULL);
	rig_end(&rig);
	CU_ASSERT_EQUAL(seen.nameless, 0);
	for (size_t i = 0; i < rig.count; i++)
		CU_ASSERT_NOT_EQUAL(rig.records[i].service, 0);
	rig_free(&rig);
	traffic_free(&traffic);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static char reload_path[] = "/tmp/taptrace-test-reload-XXXXXX";

static void reload(struct rig *rig)
{
	static struct tt_reload_report report;
	struct tt_reload *reload;
	char expected[256];

	CU_ASSERT_EQUAL_FATAL(
		tt_reload_create(&reload, rig->config, reload_path, rig->pipeline), TT_OK);
	write_file(reload_path,
		"rules: [{service: after}, {exclude: true}]\n"
		"flow: {connections: 20000, half_open: 5000, timeouts: {tcp_idle: 1s}}\n"
		"memory: {record_batches: 64}\n"
		"journal: {connections: 1000}\n"
		"workers: {steering: software}\n");
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_OK);
	CU_ASSERT_EQUAL(report.rules, 2);
	CU_ASSERT_STRING_EQUAL(report.faults, "");
	CU_ASSERT_EQUAL_FATAL(report.restart_count, 1);
	CU_ASSERT_STRING_EQUAL(report.restart[0], "workers.steering");

	write_file(reload_path, "rules:\n- {service: broken}\n- {service: b, path: '/[a'}\n");
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_ERROR_CONFIG);
	snprintf(expected, sizeof(expected),
		"%s:3:22: rules[1].path: Unterminated character class starting at index 1.\n",
		reload_path);
	CU_ASSERT_STRING_EQUAL(report.faults, expected);

	unlink(reload_path);
	tt_reload_now(reload, &report);
	CU_ASSERT_EQUAL(report.code, TT_ERROR_CONFIG);
	tt_reload_destroy(reload);
}

/* A file that is sound is in force, and stays so when one that is not comes. */
static void a_reload_takes_all_or_nothing(void)
{
	static const char *const none[] = {NULL};
	struct traffic traffic = {.time_us = BASE_US};
	int file = mkstemp(reload_path);

	CU_ASSERT_TRUE_FATAL(file >= 0);
	close(file);
	talk(&traffic, 40000, "", none);
	struct rig rig = rig_make(&traffic, 1);
	rig_create(&rig);
	reload(&rig);
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	CU_ASSERT_EQUAL_FATAL(rig.count, 1);
	CU_ASSERT_STRING_EQUAL(name_of(rig.records[0].service), "after");
	rig_free(&rig);
	traffic_free(&traffic);
}

/* A timeout that is shorter after a reload holds for connections that there are. */
static void timeouts_change(void)
{
	const struct endpoint client = {0x0a000001, 40000};
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < 3; i++) {
		traffic_udp(&traffic, client, server, 10);
		traffic.time_us += 10000000;
	}
	struct rig rig = rig_make(&traffic, 1);
	rig_create(&rig);
	rig.config->flow.udp_one_way_us = 9000000;
	tt_pipeline_set_timeouts(rig.pipeline, rig.config);
	CU_ASSERT_EQUAL_FATAL(tt_pipeline_launch(rig.pipeline), 0);
	tt_control_run(rig.control);
	rig_end(&rig);
	CU_ASSERT_EQUAL(rig.count, 3);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"requests have services and routes", requests_have_services_and_routes},
	{"connections have services", connections_have_services},
	{"connections are excluded", connections_are_excluded},
	{"handshakes have services", handshakes_have_services},
	{"DNS transactions have services", dns_transactions_have_services},
	{"rules change while packets come", rules_change_while_packets_come},
	{"a reload takes all or nothing", a_reload_takes_all_or_nothing},
	{"timeouts change", timeouts_change},
};

SUITE_MAIN("pipeline rules", tests)
