/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of a memif or virtio-user port for tests/lab/test_ports.py: "send_frames DEVARGS COUNT"
 * opens the device, waits for its link and for a byte on standard input, and sends frames of 100 bytes
 * whose bytes 14 to 17 are their number, each until the peer takes it. Ends with standard input.
 */
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 100

static const uint8_t head[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};

static void send_frame(struct rte_mempool *pool, uint32_t number)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	uint32_t big_endian = rte_cpu_to_be_32(number);

	if (mbuf == NULL)
		abort();
	char *bytes = rte_pktmbuf_append(mbuf, FRAME_BYTES);
	if (bytes == NULL)
		abort();
	memset(bytes, 0xa5, FRAME_BYTES);
	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), &big_endian, sizeof(big_endian));
	while (rte_eth_tx_burst(0, 0, &mbuf, 1) == 0)
		;
}

int main(int argument_count, char **arguments)
{
	char *eal[] = {arguments[0], strdup("--no-huge"), strdup("-m128"), strdup("--no-pci"),
		strdup("--no-telemetry"), strdup("--no-shconf"), strdup("--log-level=*:3"),
		strdup("--lcores=0@(0)"), NULL};
	struct rte_eth_conf conf = {0};
	struct rte_eth_link link = {0};

	if (argument_count != 3 || rte_eal_init(8, eal) < 0 || rte_dev_probe(arguments[1]) != 0)
		return 1;
	struct rte_mempool *pool = rte_pktmbuf_pool_create("pool", 8191, 0, 0, 2176, SOCKET_ID_ANY);
	if (pool == NULL || rte_eth_dev_configure(0, 1, 1, &conf) != 0 ||
		rte_eth_rx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL, pool) != 0 ||
		rte_eth_tx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL) != 0 ||
		rte_eth_dev_start(0) != 0)
		return 1;
	while (link.link_status != RTE_ETH_LINK_UP)
		(void)rte_eth_link_get_nowait(0, &link);
	/* This side's link is up before the port on the other side has started, which receives nothing
	 * until then: who watches both says when to send. */
	if (getchar() == EOF)
		return 1;
	uint32_t count = (uint32_t)strtoul(arguments[2], NULL, 10);
	for (uint32_t number = 0; number < count; number++)
		send_frame(pool, number);
	while (getchar() != EOF)
		;
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	rte_eal_cleanup();
	return 0;
}
