/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture file received through the driver, each packet freed at once: what no reader of it can go
 * below. One JSON object; scripts/bench compares it with taptrace read.
 *
 * usage: perf_receive FILE
 */
#include "base/log.h"
#include "driver/driver.h"
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <stdio.h>

#define BURST 64

static uint64_t receive_all(struct tt_driver *driver)
{
	struct tt_received received[BURST];
	struct rte_mbuf *mbufs[BURST];
	uint64_t packets = 0;

	while (!tt_port_ended(driver, 0, 0)) {
		unsigned int count = tt_port_receive(driver, 0, 0, received, BURST, 0);

		for (unsigned int i = 0; i < count; i++)
			mbufs[i] = received[i].mbuf;
		rte_pktmbuf_free_bulk(mbufs, count);
		packets += count;
	}
	return packets;
}

int main(int argc, char **argv)
{
	struct tt_config *config;
	struct tt_driver *driver;
	const char *const files[] = {argc == 2 ? argv[1] : NULL};

	tt_log_setup("perf_receive", TT_LOG_WARNING);
	if (argc != 2) {
		tt_log_error("usage: perf_receive FILE");
		return 1;
	}
	if (tt_config_default(&config) != 0 ||
		tt_driver_open(&driver,
			&(struct tt_driver_options){
				.config = config,
				.capture_files = files,
				.capture_file_count = 1,
				.mbuf_private_bytes = tt_pipeline_mbuf_private_bytes(),
			}) != 0)
		return 1;
	if (tt_driver_start(driver) != 0)
		return 1;
	uint64_t packets = receive_all(driver);

	printf("{\"packets\":%" PRIu64 ",\"tsc_hz\":%" PRIu64 "}\n", packets, rte_get_tsc_hz());
	tt_driver_stop(driver);
	tt_driver_close(driver);
	tt_config_free(config);
	return 0;
}
