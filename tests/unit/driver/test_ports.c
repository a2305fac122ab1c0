/* SPDX-License-Identifier: Apache-2.0 */
/* The appliance's way of starting, as an ordinary user: ports on DPDK rings, which the test fills. */
#include "driver/driver.h"

#include "suite.h"

#include <rte_lcore.h>
#include <rte_ring.h>
#include <sys/stat.h>

#define NOW_US 1700000000000000ull

static struct tt_driver *driver;

/* The ring behind queue 0 of a net_ring device. */
static struct rte_ring *ring_of(const char *port)
{
	char name[64];

	snprintf(name, sizeof(name), "ETH_RXTX0_net_ring_%s", port);
	return rte_ring_lookup(name);
}

/* An mbuf of `length` bytes, from the pool that the driver made. */
static struct rte_mbuf *make_mbuf(uint16_t length)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rte_mempool_lookup("mbufs_0"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_PTR_NOT_NULL(rte_pktmbuf_append(mbuf, length));
	return mbuf;
}

static void test_start(void)
{
	static struct tt_config config = {
		.port_count = 2,
		.workers = {.count = 2, .ring_packets = 64},
		.control = {.cpu = -1},
		.memory = {.mbufs = 4096,
			.mbuf_bytes = 2176,
			.huge_pages = TT_HUGE_PAGES_NEVER,
			.record_batches = 15},
		.telemetry = {.prefix = "unit"},
	};
	const struct tt_driver_options options = {.config = &config, .mbuf_private_bytes = 128};
	char path[128];
	struct stat status;

	config.ports[0] = (struct tt_config_port){.kind = TT_PORT_RING,
		.device = "a",
		.descriptors = 64,
		.frame_bytes = 1536,
		.promiscuous = true};
	config.ports[1] = config.ports[0];
	config.ports[1].device = "b";
	CU_ASSERT_EQUAL_FATAL(tt_driver_open(&driver, &options), 0);
	CU_ASSERT_EQUAL_FATAL(tt_driver_start(driver), 0);
	CU_ASSERT_EQUAL(tt_driver_port_count(driver), 2);
	CU_ASSERT_EQUAL(rte_lcore_count(), 3);
	CU_ASSERT_EQUAL(rte_pktmbuf_priv_size(rte_mempool_lookup("mbufs_0")), 128);
	snprintf(path, sizeof(path), "%s/dpdk/unit/dpdk_telemetry.v2", getenv("RUNTIME_DIRECTORY"));
	CU_ASSERT_EQUAL(stat(path, &status), 0);
}

static void test_packets_come_as_they_were_sent(void)
{
	struct tt_port_statistics statistics;
	struct tt_received received[64];
	struct rte_mbuf *sent[3];
	struct tt_port_info info;

	for (uint16_t i = 0; i < 3; i++)
		sent[i] = make_mbuf((uint16_t)(60 + i));
	/* A chain counts with all its segments. */
	sent[2]->next = make_mbuf(1000);
	sent[2]->nb_segs = 2;
	sent[2]->pkt_len += 1000;
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue_bulk(ring_of("b"), (void **)sent, 3, NULL), 3);

	CU_ASSERT_EQUAL(tt_port_receive(driver, 0, 0, received, 64, NOW_US), 0);
	CU_ASSERT_EQUAL(tt_port_receive(driver, 1, 63, received, 64, NOW_US), 0);
	CU_ASSERT_EQUAL_FATAL(tt_port_receive(driver, 1, 0, received, 2, NOW_US), 2);
	CU_ASSERT_EQUAL_FATAL(tt_port_receive(driver, 1, 0, received + 2, 64, NOW_US + 5), 1);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_PTR_EQUAL(received[i].mbuf, sent[i]);
		CU_ASSERT_EQUAL(received[i].time_us, i < 2 ? NOW_US : NOW_US + 5);
		CU_ASSERT_EQUAL(received[i].wire_bytes, i < 2 ? 60 + i : 1062);
		CU_ASSERT_EQUAL(received[i].port, 1);
		CU_ASSERT_EQUAL(received[i].link, TT_LINK_ETHERNET);
		rte_pktmbuf_free(received[i].mbuf);
	}

	tt_port_statistics(driver, 1, &statistics);
	CU_ASSERT_EQUAL(statistics.delivered, 3);
	CU_ASSERT_EQUAL(statistics.delivered_bytes, 60 + 61 + 1062);
	CU_ASSERT_EQUAL(statistics.missed + statistics.no_mbuf + statistics.errors, 0);
	tt_port_statistics(driver, 0, &statistics);
	CU_ASSERT_EQUAL(statistics.delivered, 0);
	tt_port_info(driver, 1, &info);
	CU_ASSERT_STRING_EQUAL(info.name, "b");
	CU_ASSERT_STRING_EQUAL(info.driver, "net_ring");
	CU_ASSERT_EQUAL(info.time_source, TT_TIME_TSC);
	CU_ASSERT_FALSE(info.ended);
	CU_ASSERT_FALSE(tt_port_ended(driver, 1, 0));
}

static void test_a_burst_is_64_at_most(void)
{
	struct tt_received received[64];

	for (int i = 0; i < 100; i++) {
		struct rte_mbuf *mbuf = make_mbuf(60);
		CU_ASSERT_EQUAL(rte_ring_enqueue(ring_of("a"), mbuf), 0);
	}
	CU_ASSERT_EQUAL(tt_port_receive(driver, 0, 0, received, 1000, NOW_US), 64);
	for (int i = 0; i < 64; i++)
		rte_pktmbuf_free(received[i].mbuf);
	CU_ASSERT_EQUAL(tt_port_receive(driver, 0, 0, received, 64, NOW_US), 36);
	for (int i = 0; i < 36; i++)
		rte_pktmbuf_free(received[i].mbuf);
}

static void test_statistics_outlive_the_stop(void)
{
	struct tt_port_statistics before, after;
	struct tt_port_info info;

	tt_port_info(driver, 0, &info);
	CU_ASSERT_TRUE(info.link_up);
	tt_port_statistics(driver, 0, &before);
	tt_driver_stop(driver);
	tt_port_statistics(driver, 0, &after);
	CU_ASSERT_EQUAL(after.delivered, 100);
	CU_ASSERT_EQUAL(after.delivered_bytes, before.delivered_bytes);
	CU_ASSERT_EQUAL(after.missed, before.missed);
	tt_port_info(driver, 0, &info);
	CU_ASSERT_FALSE(info.link_up);
	tt_driver_close(driver);
}

static const struct suite_test tests[] = {
	{"start", test_start},
	{"packets come as they were sent", test_packets_come_as_they_were_sent},
	{"a burst is 64 at most", test_a_burst_is_64_at_most},
	{"statistics outlive the stop", test_statistics_outlive_the_stop},
};

int main(void)
{
	char folder[] = "/tmp/taptrace-test-XXXXXX", command[64];

	if (mkdtemp(folder) == NULL)
		return 2;
	setenv("RUNTIME_DIRECTORY", folder, 1);
	int status = suite_run("driver_ports", tests, sizeof(tests) / sizeof(tests[0]));
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? status : 2;
}
