/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests/lab/test_ports.py asks: opens the ports of a configuration, receives on all queues
 * with one thread, and obeys lines on standard input: "report" prints a JSON line for each port and
 * then one ".", "pause" and "go" stop and resume polling, "drop" gives root's rights away, "stop"
 * stops the driver, the end of the input ends the program.
 */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "driver/driver.h"

#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was seen of a port's packets. */
struct seen {
	uint64_t of_queue[TT_CONFIG_WORKERS];
	uint64_t of_type_8100;
	uint64_t of_type_88a8;
	uint64_t bytes; /* the sum of all segments */
	uint32_t longest;
	uint64_t wrong_time; /* more than a minute from now */
	uint64_t sum;	     /* of bytes 14 to 17 as a number: which frames they were */
	uint64_t split;	     /* packets of a flow that came on another queue before */
};

static struct tt_driver *driver;
static struct seen seen[TT_PORT_LIMIT];

/* Queue + 1 of each UDP flow in IPv4, known by the sum of its ports; of all ports. */
static uint8_t queue_of_flow[131072];

static void look_at(const struct tt_received *received, unsigned int queue, uint64_t now_us)
{
	struct seen *port = &seen[received->port];
	const struct rte_mbuf *mbuf = received->mbuf;
	const uint8_t *bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);

	port->of_queue[queue]++;
	if (mbuf->data_len >= 18) {
		port->of_type_8100 += bytes[12] == 0x81 && bytes[13] == 0x00;
		port->of_type_88a8 += bytes[12] == 0x88 && bytes[13] == 0xa8;
		port->sum += tt_load_be32(bytes + 14);
	}
	if (mbuf->data_len >= 42 && bytes[12] == 8 && bytes[14] == 0x45 && bytes[23] == 17) {
		uint8_t *known =
			&queue_of_flow[tt_load_be16(bytes + 34) + tt_load_be16(bytes + 36)];
		port->split += *known != 0 && *known != queue + 1;
		*known = (uint8_t)(queue + 1);
	}
	for (const struct rte_mbuf *segment = mbuf; segment != NULL; segment = segment->next)
		port->bytes += segment->data_len;
	if (received->wire_bytes > port->longest)
		port->longest = received->wire_bytes;
	port->wrong_time +=
		received->time_us + 60000000 < now_us || received->time_us > now_us + 60000000;
}

static void receive_all(void)
{
	struct tt_received received[64];
	uint64_t now_us = tt_clock_wall_us();

	for (unsigned int port = 0; port < tt_driver_port_count(driver); port++)
		for (unsigned int queue = 0; queue < TT_CONFIG_WORKERS; queue++) {
			unsigned int count =
				tt_port_receive(driver, port, queue, received, 64, now_us);
			for (unsigned int i = 0; i < count; i++) {
				look_at(&received[i], queue, now_us);
				rte_pktmbuf_free(received[i].mbuf);
			}
		}
}

static void report(void)
{
	struct tt_port_statistics statistics;
	struct tt_port_info info;

	for (unsigned int port = 0; port < tt_driver_port_count(driver); port++) {
		tt_port_info(driver, port, &info);
		tt_port_statistics(driver, port, &statistics);
		printf("{\"name\":\"%s\",\"driver\":\"%s\",\"time_source\":\"%s\",\"queues\":%u,"
		       "\"link_up\":%d,\"speed\":%u,\"symmetric\":%d,\"missed_known\":%d,",
			info.name, info.driver, tt_time_source_name(info.time_source), info.queues,
			info.link_up, info.link_speed_mbps, info.symmetric,
			statistics.missed_known);
		printf("\"delivered\":%" PRIu64 ",\"delivered_bytes\":%" PRIu64
		       ",\"missed\":%" PRIu64 ",\"no_mbuf\":%" PRIu64 ",\"errors\":%" PRIu64 ",",
			statistics.delivered, statistics.delivered_bytes, statistics.missed,
			statistics.no_mbuf, statistics.errors);
		printf("\"bytes\":%" PRIu64 ",\"longest\":%u,\"type_8100\":%" PRIu64
		       ",\"type_88a8\":%" PRIu64 ",\"wrong_time\":%" PRIu64 ",\"sum\":%" PRIu64
		       ",\"split\":%" PRIu64 ",\"of_queue\":[",
			seen[port].bytes, seen[port].longest, seen[port].of_type_8100,
			seen[port].of_type_88a8, seen[port].wrong_time, seen[port].sum,
			seen[port].split);
		for (unsigned int queue = 0; queue < info.queues; queue++)
			printf("%s%" PRIu64, queue == 0 ? "" : ",", seen[port].of_queue[queue]);
		printf("]}\n");
	}
	printf(".\n");
	fflush(stdout);
}

/* Obey one line, if there is one; false at the end of the input. */
static bool obey(bool *polling)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[32];

	if (poll(&input, 1, *polling ? 0 : 100) <= 0)
		return true;
	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	if (strcmp(line, "report\n") == 0)
		report();
	else if (strcmp(line, "pause\n") == 0)
		*polling = false;
	else if (strcmp(line, "go\n") == 0)
		*polling = true;
	else if (strcmp(line, "stop\n") == 0) {
		*polling = false;
		tt_driver_stop(driver);
	} else if (strcmp(line, "drop\n") == 0) {
		if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
			setresuid(65534, 65534, 65534) != 0)
			abort();
	}
	return true;
}

int main(int argument_count, char **arguments)
{
	struct tt_config *config;
	bool polling = true;

	if (argument_count < 2)
		return 2;
	tt_log_setup("receive_ports", argument_count > 2 ? TT_LOG_DEBUG : TT_LOG_WARNING);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (tt_config_load(&config, arguments[1], stderr) != 0)
		return 1;
	const struct tt_driver_options options = {.config = config};
	if (tt_driver_open(&driver, &options) != 0)
		return 1;
	if (tt_driver_start(driver) != 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (obey(&polling))
		if (polling)
			receive_all();
	tt_driver_close(driver);
	tt_config_free(config);
	return 0;
}
