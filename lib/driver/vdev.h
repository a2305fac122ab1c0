/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a configured port to DPDK's devices: names, devargs, and what they ask of memory. Pure:
 * needs no EAL, reads nothing of the system. Called by the main thread.
 */
#ifndef TT_DRIVER_VDEV_H
#define TT_DRIVER_VDEV_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define TT_DEVICE_NAME_BYTES 64 /* RTE_ETH_NAME_MAX_LEN */

/* One ethdev. All but af_xdp have one a port. */
struct tt_device {
	char name[TT_DEVICE_NAME_BYTES]; /* what rte_eth_dev_get_port_by_name() knows it by */
	char devargs[640];
};

/* How af_packet's rings with the kernel are laid out. */
struct tt_packet_ring {
	uint32_t frame_bytes; /* room of a frame, the ring's own header included */
	uint32_t block_bytes;
	uint32_t frames; /* of each queue */
};

struct tt_packet_ring tt_packet_ring(const struct tt_config_port *port);

/* Kernel memory of the port's rings with `queues` queues: the PMD maps one for sending, too. */
uint64_t tt_packet_ring_bytes(const struct tt_config_port *port, uint32_t queues);

/* The least data room, without headroom, of the mbufs of a port whose device cannot chain them;
 * 0 where any will do. */
uint32_t tt_device_mbuf_bytes(const struct tt_config_port *port);

/* Does the device hold an mbuf for each receive descriptor? */
bool tt_device_fills_descriptors(const struct tt_config_port *port);

/* Is `device` the name of a kernel interface? */
bool tt_port_is_interface(const struct tt_config_port *port);

/* The devices of port `index`: `queues` of them for af_xdp, one for others; af_packet's has that
 * many queues. Returns how many, at most TT_CONFIG_WORKERS, or TT_ERROR_ARGUMENT when a name
 * does not fit devargs, which is logged. `devices` has room for as many. */
int tt_devices_describe(struct tt_device *devices, const struct tt_config_port *port,
	unsigned int index, uint32_t queues);

#endif
