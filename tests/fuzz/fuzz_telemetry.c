/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The telemetry commands' parameters, of which the first byte of the input chooses the command. They
 * are asked of a run that has some connections, as DPDK's threads ask: by the callbacks that the
 * run registers. The library hands over what is printable.
 */
#include "../../app/run.h"

#include "base/error.h"
#include "base/log.h"
#include "serve/telemetry.h"

#include <ctype.h>
#include <dlfcn.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_telemetry.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMMANDS	64
#define ALLOCATED	4096
#define CONNECTIONS	64
#define PARAMETER_BYTES 56 /* of a whole command, in the library */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const char *name;
	telemetry_cb answer;
} commands[COMMANDS];
static size_t command_count;
static struct tt_run run;
static pthread_t control_thread;

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Instead of the library's: the commands are called from here alone. */
int rte_telemetry_register_cmd(const char *name, telemetry_cb answer, const char *help)
{
	(void)help;
	if (strncmp(name, "/taptrace/", 10) == 0) {
		check(command_count < COMMANDS);
		commands[command_count].name = name;
		commands[command_count++].answer = answer;
	}
	return 0;
}

/* The library frees what lies within a reply when it sends it, and there is no way to ask for that:
 * what is allocated is remembered. */
static struct rte_tel_data *allocated[ALLOCATED];
static size_t allocated_count;

struct rte_tel_data *rte_tel_data_alloc(void)
{
	struct rte_tel_data *(*alloc)(void);

	*(void **)&alloc = dlsym(RTLD_NEXT, "rte_tel_data_alloc");
	check(allocated_count < ALLOCATED);
	return allocated[allocated_count++] = alloc();
}

static void free_allocated(struct rte_tel_data *data)
{
	void (*free_data)(struct rte_tel_data * data);

	*(void **)&free_data = dlsym(RTLD_NEXT, "rte_tel_data_free");
	free_data(data);
}

void rte_tel_data_free(struct rte_tel_data *data)
{
	for (size_t i = 0; i < allocated_count; i++)
		if (allocated[i] == data)
			allocated[i] = allocated[--allocated_count];
	free_allocated(data);
}

static void *run_control(void *control)
{
	tt_control_run(control);
	return NULL;
}

/* A UDP datagram of connection i. */
static void send_frame(uint8_t i)
{
	static const uint8_t sample[42] =
		"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0\0\x1c\0\0\0\0\x40\x11\0\0"
		"\xc0\0\2\1\xc0\0\2\2\x80\0\0\x35\0\x08\0";
	const struct timespec pause = {.tv_nsec = 1000000};
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rte_mempool_lookup("mbufs_0"));

	check(mbuf != NULL);
	char *frame = rte_pktmbuf_append(mbuf, sizeof(sample));
	memcpy(frame, sample, sizeof(sample));
	frame[35] = (char)i;
	while (rte_ring_enqueue(rte_ring_lookup("ETH_RXTX0_net_ring_a"), mbuf) != 0)
		nanosleep(&pause, NULL);
}

static void start(void)
{
	static const char text[] = "ports: [{ring: a}]\n"
				   "memory: {huge_pages: never, mbufs: 4095}\n"
				   "flow: {connections: 256}\n"
				   "journal: {connections: 64}\n"
				   "telemetry: {prefix: fuzz}\n";
	struct tt_status status;
	static char folder[] = "/tmp/taptrace-fuzz-XXXXXX";
	struct tt_config *config;
	char remove[64];

	if (command_count > 0)
		return;
	tt_log_setup("fuzz", TT_LOG_ERROR);
	check(mkdtemp(folder) != NULL);
	setenv("RUNTIME_DIRECTORY", folder, 1);
	check(tt_config_parse(&config, "fuzz", text, strlen(text), stderr) == 0);
	check(tt_run_open(&run, &(struct tt_run_options){.config = config}) == 0);
	/* A fuzzer's end calls nothing, and nobody asks through the socket. */
	snprintf(remove, sizeof(remove), "rm -r %s", folder);
	check(system(remove) == 0);
	tt_status_begin(&status, run.control, run.driver, "a file");
	check(tt_telemetry_start(&status) == 0);
	check(tt_run_start(&run) == 0);
	check(pthread_create(&control_thread, NULL, run_control, run.control) == 0);
	for (uint8_t i = 0; i < CONNECTIONS; i++)
		send_frame(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char parameter[PARAMETER_BYTES + 1];
	size_t length = 0;

	start();
	if (size < 1)
		return 0;
	while (length < PARAMETER_BYTES && length + 1 < size && isprint(data[length + 1])) {
		parameter[length] = (char)data[length + 1];
		length++;
	}
	parameter[length] = '\0';
	struct rte_tel_data *reply = rte_tel_data_alloc();
	check(reply != NULL);
	size_t command = data[0] % command_count;
	(void)commands[command].answer(
		commands[command].name, length == 0 ? NULL : parameter, reply);
	while (allocated_count > 0)
		free_allocated(allocated[--allocated_count]);
	return 0;
}
