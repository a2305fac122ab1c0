/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configured tap port on ethdevs: opened by name, configured for receiving, counted to the
 * packet. Opened, started and stopped by the main thread, asked by one thread at a time; each queue
 * is received from by one worker.
 */
#ifndef TT_DRIVER_ETHDEV_H
#define TT_DRIVER_ETHDEV_H

#include "driver/driver.h"

#include <rte_mempool.h>

struct tt_ethdev;

struct tt_ethdev_options {
	const struct tt_config_port *port; /* kept */
	unsigned int index;		   /* the tap port's */
	uint32_t workers;		   /* queues wanted */
	struct rte_mempool *pool;	   /* outlives the port */
};

/* Before the EAL's start: is there such a device, may this process have it? Logs one line. */
int tt_ethdev_check(const struct tt_config_port *port);

/* Probe the port's devices (but PCI's, which the EAL's start has) and set their queues up. On
 * failure logs one line and returns its code, nothing left open. */
int tt_ethdev_open(struct tt_ethdev **ethdev, const struct tt_ethdev_options *options);

/* From here on packets count. */
int tt_ethdev_start(struct tt_ethdev *ethdev);

/* About every second, while it is started: follow the wall clock. */
void tt_ethdev_sync_clock(struct tt_ethdev *ethdev);

/* No worker receives any more. What the kernel still held counts as missed. */
void tt_ethdev_stop(struct tt_ethdev *ethdev);

/* NULL is ignored. */
void tt_ethdev_close(struct tt_ethdev *ethdev);

void tt_ethdev_info(const struct tt_ethdev *ethdev, struct tt_port_info *info);
void tt_ethdev_statistics(struct tt_ethdev *ethdev, struct tt_port_statistics *statistics);

/* How its device spreads flows over queues, comparable between ports: equal numbers put a flow's
 * two directions on the same queue number. 0: not so even on this port. */
uint64_t tt_ethdev_spread(const struct tt_ethdev *ethdev);

/* As tt_port_receive(). */
unsigned int tt_ethdev_receive(struct tt_ethdev *ethdev, unsigned int queue,
	struct tt_received *received, unsigned int limit, uint64_t now_us);

#endif
