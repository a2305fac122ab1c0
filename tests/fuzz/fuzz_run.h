/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that has some connections, for targets that ask it something. It goes on until the process
 * ends.
 */
#ifndef TT_TESTS_FUZZ_RUN_H
#define TT_TESTS_FUZZ_RUN_H

#include "../../app/run.h"

#include "base/error.h"
#include "base/log.h"
#include "serve/status_fields.h"

#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FUZZ_RUN_CONNECTIONS 64

/* What the run holds by pointers in DPDK's memory, where LeakSanitizer does not look. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:tt_run_open\n";
}

static inline void check(bool holds)
{
	if (!holds)
		abort();
}

static inline void *fuzz_run_control(void *control)
{
	tt_control_run(control);
	return NULL;
}

/* A UDP datagram of connection i. */
static inline void fuzz_run_send(uint8_t i)
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

/* `status` stays what is asked. */
static inline void fuzz_run_start(struct tt_status *status)
{
	static const char text[] = "ports: [{ring: a}]\n"
				   "memory: {huge_pages: never, mbufs: 4095}\n"
				   "flow: {connections: 256}\n"
				   "journal: {connections: 64}\n"
				   "telemetry: {prefix: fuzz}\n";
	static char folder[] = "/tmp/taptrace-fuzz-XXXXXX";
	static struct tt_run run;
	struct tt_config *config;
	pthread_t control_thread;
	char remove[64];

	tt_log_setup("fuzz", TT_LOG_ERROR);
	check(mkdtemp(folder) != NULL);
	setenv("RUNTIME_DIRECTORY", folder, 1);
	check(tt_config_parse(&config, "fuzz", text, strlen(text), stderr) == 0);
	check(tt_run_open(&run, &(struct tt_run_options){.config = config}) == 0);
	/* A fuzzer's end calls nothing, and nobody asks through the socket. */
	snprintf(remove, sizeof(remove), "rm -r %s", folder);
	check(system(remove) == 0);
	tt_status_begin(status, run.control, run.driver, "a file");
	check(tt_run_start(&run) == 0);
	check(pthread_create(&control_thread, NULL, fuzz_run_control, run.control) == 0);
	for (uint8_t i = 0; i < FUZZ_RUN_CONNECTIONS; i++)
		fuzz_run_send(i);
}

#endif
