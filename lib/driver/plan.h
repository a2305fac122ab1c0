/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory the driver takes, from the configuration and what /sys tells of the ports. The
 * EAL's heap is sized with it and `taptraced --check` prints it. Pure but for reading /sys; called
 * by the main thread before the EAL's start.
 */
#ifndef TT_DRIVER_PLAN_H
#define TT_DRIVER_PLAN_H

#include "driver/driver.h"

#include <stdint.h>

/* mbufs in a lcore's cache of each pool. */
#define TT_POOL_CACHE 256

struct tt_plan {
	uint32_t mbufs;	     /* of each pool */
	uint32_t mbuf_bytes; /* data room of each, headroom included */
	uint64_t nodes;	     /* bit n: NUMA node n has a pool */
	uint64_t pool_bytes; /* one pool */
	uint64_t heap_bytes; /* of the EAL on each node: all of the above and its own needs */
};

/* TT_ERROR_ARGUMENT, logged, where the ports' descriptors alone would take all mbufs. */
int tt_plan_make(struct tt_plan *plan, const struct tt_driver_options *options, const char *sysfs);

/* The NUMA node whose pool a port uses. */
unsigned int tt_plan_port_node(const struct tt_config_port *port, const char *sysfs);

/* The mbufs of one pool, whose data room and private bytes are given. */
uint64_t tt_plan_pool_bytes(uint32_t mbufs, uint32_t mbuf_bytes, uint16_t private_bytes);

#endif
