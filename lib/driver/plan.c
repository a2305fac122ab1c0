/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/plan.h"

#include "base/error.h"
#include "base/log.h"
#include "driver/sysfs.h"
#include "driver/vdev.h"

#include <inttypes.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdio.h>

/* A run over captures waits where there is no mbuf, so it needs only as many as keep the workers
 * busy: what is being read, and what each has in its cache and in its burst. */
#define CAPTURE_MBUFS		 4096
#define CAPTURE_MBUFS_PER_WORKER 1024

/* What a worker keeps from the pool while others want it: its mempool cache (at most 1.5 times its
 * size) and a burst. */
#define WORKER_MBUFS (TT_POOL_CACHE * 3 / 2 + 64)

/* Of the EAL and the PMDs: their tables, af_packet's and af_xdp's descriptors of rings. Measured: 5
 * MiB with one port; the heap's first allocation also rounds up. */
#define EAL_BYTES      ((uint64_t)16 << 20)
#define EAL_PORT_BYTES ((uint64_t)2 << 20)

uint64_t tt_plan_pool_bytes(uint32_t mbufs, uint32_t mbuf_bytes, uint16_t private_bytes)
{
	struct rte_mempool_objsz size;
	uint32_t element = (uint32_t)sizeof(struct rte_mbuf) + private_bytes + mbuf_bytes;

	rte_mempool_calc_obj_size(element, 0, &size);
	return (uint64_t)mbufs * size.total_size +
		(uint64_t)rte_ring_get_memsize(rte_align32pow2(mbufs + 1)) +
		RTE_MAX_LCORE * sizeof(struct rte_mempool_cache);
}

unsigned int tt_plan_port_node(const struct tt_config_port *port, const char *sysfs)
{
	int node = -1;

	if (tt_port_is_interface(port))
		node = tt_interface_node(sysfs, port->device);
	else if (port->kind == TT_PORT_PCI)
		node = tt_pci_node(sysfs, port->device);
	return node < 0 || node >= RTE_MAX_NUMA_NODES ? 0 : (unsigned int)node;
}

/* What the ports' descriptors hold on a node. */
static uint64_t node_descriptors(
	const struct tt_config *config, unsigned int node, const char *sysfs)
{
	uint64_t descriptors = 0;

	for (uint32_t i = 0; i < config->port_count; i++)
		if (tt_device_fills_descriptors(&config->ports[i]) &&
			tt_plan_port_node(&config->ports[i], sysfs) == node)
			descriptors +=
				(uint64_t)config->ports[i].descriptors * config->workers.count;
	return descriptors;
}

static int check_mbufs(
	const struct tt_plan *plan, const struct tt_config *config, const char *sysfs)
{
	for (unsigned int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		if ((plan->nodes >> node & 1) == 0)
			continue;
		uint64_t descriptors = node_descriptors(config, node, sysfs);
		uint64_t least = descriptors + (uint64_t)(config->workers.count + 1) * WORKER_MBUFS;
		if (plan->mbufs >= least)
			continue;
		tt_log_error(
			"memory.mbufs: %" PRIu32 " are too few: the ports' receive descriptors "
			"hold %" PRIu64 " and %" PRIu32 " workers %u each: %" PRIu64 " at least",
			plan->mbufs, descriptors, config->workers.count, WORKER_MBUFS, least);
		return TT_ERROR_ARGUMENT;
	}
	return 0;
}

int tt_plan_make(struct tt_plan *plan, const struct tt_driver_options *options, const char *sysfs)
{
	const struct tt_config *config = options->config;

	*plan = (struct tt_plan){
		.mbufs = config->memory.mbufs,
		.mbuf_bytes = config->memory.mbuf_bytes,
	};
	if (options->capture_file_count > 0) {
		plan->mbufs = CAPTURE_MBUFS + CAPTURE_MBUFS_PER_WORKER * config->workers.count;
		plan->nodes = 1;
	} else {
		for (uint32_t i = 0; i < config->port_count; i++) {
			const struct tt_config_port *port = &config->ports[i];
			plan->nodes |= (uint64_t)1 << tt_plan_port_node(port, sysfs);
			plan->mbuf_bytes = RTE_MAX(plan->mbuf_bytes,
				RTE_PKTMBUF_HEADROOM + tt_device_mbuf_bytes(port));
		}
		int code = check_mbufs(plan, config, sysfs);
		if (code != 0)
			return code;
	}
	plan->pool_bytes =
		tt_plan_pool_bytes(plan->mbufs, plan->mbuf_bytes, options->mbuf_private_bytes);
	plan->heap_bytes = plan->pool_bytes + EAL_BYTES + EAL_PORT_BYTES * config->port_count;
	return 0;
}

int tt_driver_memory_plan(
	const struct tt_driver_options *options, struct tt_driver_memory *items, unsigned int limit)
{
	const struct tt_config *config = options->config;
	struct tt_plan plan;
	unsigned int count = 0;
	int code = tt_plan_make(&plan, options, "/sys");

	if (code != 0)
		return code;
	for (unsigned int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		if ((plan.nodes >> node & 1) == 0 || count + 1 >= limit)
			continue;
		snprintf(items[count].what, sizeof(items[count].what),
			"%" PRIu32 " mbufs of %" PRIu32 " bytes, NUMA node %u", plan.mbufs,
			plan.mbuf_bytes, node);
		items[count++].bytes = plan.pool_bytes;
		snprintf(items[count].what, sizeof(items[count].what),
			"rings and the EAL's own, NUMA node %u", node);
		items[count++].bytes = plan.heap_bytes - plan.pool_bytes;
	}
	for (uint32_t i = 0; options->capture_file_count == 0 && i < config->port_count; i++) {
		if (config->ports[i].kind != TT_PORT_AF_PACKET || count >= limit)
			continue;
		snprintf(items[count].what, sizeof(items[count].what), "%s: rings in the kernel",
			config->ports[i].device);
		items[count++].bytes =
			tt_packet_ring_bytes(&config->ports[i], config->workers.count);
	}
	return (int)count;
}
