/* SPDX-License-Identifier: Apache-2.0 */
/* A run over captures as the pipeline sees it: the whole driver, once in this process. */
#include "base/error.h"
#include "driver/driver.h"

#include "driver/capture_file.h"
#include "suite.h"

#include <rte_lcore.h>

#define FILES	 40
#define WORKERS	 5
#define CUT_FILE 1

static struct capture_file files[FILES];
static const char *paths[FILES];

/* File i has i + 1 packets, and one is cut in its second. */
static uint32_t packets_of(unsigned int file)
{
	return file == CUT_FILE ? 1 : file + 1;
}

static void write_files(void)
{
	for (uint32_t i = 0; i < FILES; i++) {
		put_pcap_header(&files[i], PCAP_MICROSECONDS, 1);
		for (uint32_t j = 0; j <= i; j++)
			put_record(&files[i], 1000 + i, j, i, 60, 90);
		if (i == CUT_FILE)
			files[i].length -= 5;
		paths[i] = save(&files[i]);
	}
}

static void expect_ports(struct tt_driver *driver)
{
	struct tt_port_info info;

	CU_ASSERT_EQUAL_FATAL(tt_driver_port_count(driver), TT_PORT_LIMIT);
	tt_port_info(driver, 0, &info);
	CU_ASSERT_STRING_EQUAL(info.name, paths[0]);
	CU_ASSERT_STRING_EQUAL(info.driver, "capture");
	CU_ASSERT_EQUAL(info.time_source, TT_TIME_CAPTURE);
	CU_ASSERT_EQUAL(info.queues, 1);
	CU_ASSERT_FALSE(info.ended);
	CU_ASSERT_TRUE(info.link_up);
}

/* Ports polled in the worst order, last first, still give the files in order. */
static void expect_packets_in_order(struct tt_driver *driver)
{
	struct tt_received received[64];
	unsigned int file = 0, of_file = 0, empty_rounds = 0;

	CU_ASSERT_EQUAL(tt_port_receive(driver, 5, 0, received, 64, 0), 0);
	CU_ASSERT_FALSE(tt_port_ended(driver, 5, 0));
	CU_ASSERT_EQUAL(tt_port_receive(driver, 0, 1, received, 64, 0), 0);
	while (!tt_port_ended(driver, TT_PORT_LIMIT - 1, 0) && empty_rounds < 100) {
		unsigned int port = TT_PORT_LIMIT, count = 0;
		while (count == 0 && port-- > 0)
			count = tt_port_receive(driver, port, 0, received, 7, 0);
		empty_rounds = count == 0 ? empty_rounds + 1 : 0;
		for (unsigned int i = 0; i < count; i++) {
			if (of_file == packets_of(file)) {
				file++;
				of_file = 0;
			}
			CU_ASSERT_EQUAL(received[i].time_us, (1000 + file) * 1000000ull + of_file);
			CU_ASSERT_EQUAL(
				received[i].port, file < TT_PORT_LIMIT ? file : TT_PORT_LIMIT - 1);
			CU_ASSERT_EQUAL(rte_pktmbuf_priv_size(received[i].mbuf->pool), 64);
			of_file++;
			rte_pktmbuf_free(received[i].mbuf);
		}
	}
	CU_ASSERT_EQUAL(file, FILES - 1);
	CU_ASSERT_EQUAL(of_file, packets_of(FILES - 1));
}

static void expect_statistics(struct tt_driver *driver)
{
	struct tt_port_statistics statistics;
	struct tt_port_info info;
	uint64_t total = 0, expected = 0;

	for (unsigned int port = 0; port < TT_PORT_LIMIT; port++) {
		tt_port_statistics(driver, port, &statistics);
		CU_ASSERT_EQUAL(statistics.delivered_bytes, statistics.delivered * 90);
		CU_ASSERT_EQUAL(statistics.missed + statistics.no_mbuf + statistics.errors, 0);
		CU_ASSERT_TRUE(statistics.missed_known);
		total += statistics.delivered;
		tt_port_info(driver, port, &info);
		CU_ASSERT_TRUE(info.ended);
		CU_ASSERT_TRUE(tt_port_ended(driver, port, 0));
		CU_ASSERT_EQUAL(tt_port_end_status(driver, port),
			port == CUT_FILE ? TT_ERROR_TRUNCATED : 0);
	}
	for (unsigned int file = 0; file < FILES; file++)
		expected += packets_of(file);
	CU_ASSERT_EQUAL(total, expected);
}

static void test_a_run_over_captures(void)
{
	struct tt_config config = {
		.workers = {.count = WORKERS, .ring_packets = 1024},
		.memory = {.mbufs = 1024, .mbuf_bytes = 2048, .record_batches = 64},
	};
	const struct tt_driver_options options = {
		.config = &config,
		.capture_files = paths,
		.capture_file_count = FILES,
		.mbuf_private_bytes = 64,
	};
	struct tt_driver *driver;
	char folder[] = "/tmp/taptrace-test-XXXXXX";

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	setenv("TMPDIR", folder, 1);
	setenv("RUNTIME_DIRECTORY", "/taptrace/as/it/was", 1);
	write_files();
	CU_ASSERT_EQUAL_FATAL(tt_driver_open(&driver, &options), 0);
	CU_ASSERT_EQUAL(rte_lcore_count(), WORKERS + 1);
	CU_ASSERT_EQUAL(rte_get_main_lcore(), 0);
	/* Nothing of its own stays in the file system, and the environment is as before. */
	CU_ASSERT_EQUAL(rmdir(folder), 0);
	CU_ASSERT_STRING_EQUAL(getenv("RUNTIME_DIRECTORY"), "/taptrace/as/it/was");

	CU_ASSERT_EQUAL(tt_driver_start(driver), 0);
	expect_ports(driver);
	expect_packets_in_order(driver);
	tt_driver_stop(driver);
	expect_statistics(driver);
	tt_driver_close(driver);
	for (unsigned int i = 0; i < FILES; i++)
		discard(&files[i]);
}

static const struct suite_test tests[] = {
	{"a run over captures", test_a_run_over_captures},
};

SUITE_MAIN("driver_files", tests)
