/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"

#include "base/counter.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/capture.h"
#include "driver/eal.h"
#include "driver/ethdev.h"
#include "driver/plan.h"
#include "driver/sysfs.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* One port of a run over captures: one file, or for the last port all that are left. */
struct file_port {
	struct tt_capture **captures;
	const char *const *paths;
	unsigned int count;
	unsigned int current; /* written by the worker that polls */
	atomic_bool ended;    /* written by that worker, after `status` */
	int status;	      /* of the first file with a fault */
	tt_counter delivered; /* written by that worker */
	tt_counter delivered_bytes;
} __rte_cache_aligned;

struct tt_driver {
	const struct tt_config *config;
	bool captures;
	bool eal_started;
	bool symmetric;
	pthread_mutex_t asking; /* one asks an ethdev at a time: reading may clear what is read */
	unsigned int port_count;
	struct file_port *files;
	struct tt_ethdev *ethdevs[TT_PORT_LIMIT];
	struct rte_mempool *pools[RTE_MAX_NUMA_NODES];
};

const char *tt_time_source_name(enum tt_time_source source)
{
	static const char *const names[] = {
		[TT_TIME_CAPTURE] = "capture",
		[TT_TIME_NIC] = "nic",
		[TT_TIME_KERNEL] = "kernel",
		[TT_TIME_TSC] = "tsc",
	};

	return (size_t)source < sizeof(names) / sizeof(names[0]) ? names[source] : "unknown";
}

static int start_eal(struct tt_driver *driver, const struct tt_plan *plan)
{
	struct tt_eal_request request = {
		.config = driver->config,
		.captures = driver->captures,
		.heap_bytes = plan->heap_bytes,
		.nodes = plan->nodes,
	};
	char name[64];

	for (uint32_t i = 0; !driver->captures && i < driver->config->port_count; i++) {
		const struct tt_config_port *port = &driver->config->ports[i];
		int code = tt_ethdev_check(port);
		if (code != 0)
			return code;
		if (port->kind == TT_PORT_PCI) {
			request.pci_addresses[request.pci_count++] = port->device;
			if (tt_pci_binding("/sys", port->device, name, sizeof(name)) ==
				TT_PCI_NO_IOMMU)
				request.physical_iova = true;
		}
		if (port->kind == TT_PORT_VIRTIO_USER)
			request.one_file_segment = true;
	}
	int code = tt_eal_start(&request);
	driver->eal_started = code == 0;
	return code;
}

/* rte_pktmbuf_pool_create(), which keeps each mbuf within a page for the sake of devices that see
 * physical addresses: with pages of 4 KiB that is 1.7 times the memory, for nothing where they see
 * virtual ones. */
static struct rte_mempool *make_pool(
	const char *name, const struct tt_plan *plan, uint16_t private_bytes, int node)
{
	struct rte_pktmbuf_pool_private sizes = {
		.mbuf_data_room_size = (uint16_t)plan->mbuf_bytes,
		.mbuf_priv_size = private_bytes,
	};
	unsigned int flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
	struct rte_mempool *pool = rte_mempool_create_empty(name, plan->mbufs,
		(unsigned int)sizeof(struct rte_mbuf) + private_bytes + plan->mbuf_bytes,
		TT_POOL_CACHE, sizeof(sizes), node, flags);

	if (pool == NULL)
		return NULL;
	int result = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	rte_pktmbuf_pool_init(pool, &sizes);
	if (result == 0)
		result = rte_mempool_populate_default(pool);
	if (result < 0) {
		rte_errno = -result;
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

static int make_pools(struct tt_driver *driver, const struct tt_plan *plan, uint16_t private_bytes)
{
	bool single = (plan->nodes & (plan->nodes - 1)) == 0;
	char name[RTE_MEMPOOL_NAMESIZE];

	for (unsigned int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		if ((plan->nodes >> node & 1) == 0)
			continue;
		snprintf(name, sizeof(name), "mbufs_%u", node);
		driver->pools[node] =
			make_pool(name, plan, private_bytes, single ? SOCKET_ID_ANY : (int)node);
		if (driver->pools[node] == NULL) {
			tt_log_error("cannot make a pool of %u mbufs of %u bytes on NUMA node %u: "
				     "%s: lower memory.mbufs or reserve more huge pages",
				plan->mbufs, plan->mbuf_bytes, node, rte_strerror(rte_errno));
			return TT_ERROR_MEMORY;
		}
	}
	return 0;
}

static int open_files(struct tt_driver *driver, const struct tt_driver_options *options)
{
	unsigned int files = options->capture_file_count;
	unsigned int ports = RTE_MIN(files, (unsigned int)TT_PORT_LIMIT);

	if (posix_memalign((void **)&driver->files, RTE_CACHE_LINE_SIZE,
		    ports * sizeof(*driver->files)) != 0) {
		driver->files = NULL;
		return TT_ERROR_MEMORY;
	}
	for (unsigned int i = 0; i < ports; i++)
		driver->files[i] = (struct file_port){
			.paths = &options->capture_files[i],
			.count = i + 1 < ports ? 1 : files - i,
		};
	driver->port_count = ports;
	for (unsigned int i = 0; i < ports; i++) {
		struct file_port *port = &driver->files[i];
		port->captures = calloc(port->count, sizeof(struct tt_capture *));
		if (port->captures == NULL)
			return TT_ERROR_MEMORY;
		for (unsigned int j = 0; j < port->count; j++) {
			int code = tt_capture_open(
				&port->captures[j], port->paths[j], driver->pools[0]);
			if (code != 0)
				return code;
		}
	}
	return 0;
}

static int open_ethdevs(struct tt_driver *driver)
{
	for (uint32_t i = 0; i < driver->config->port_count; i++) {
		const struct tt_config_port *port = &driver->config->ports[i];
		const struct tt_ethdev_options options = {
			.port = port,
			.index = i,
			.workers = driver->config->workers.count,
			.pool = driver->pools[tt_plan_port_node(port, "/sys")],
		};
		int code = tt_ethdev_open(&driver->ethdevs[i], &options);
		if (code != 0)
			return code;
		driver->port_count = i + 1;
	}
	return 0;
}

int tt_driver_open(struct tt_driver **driver, const struct tt_driver_options *options)
{
	struct tt_plan plan;

	*driver = NULL;
	int code = tt_plan_make(&plan, options, "/sys");
	if (code != 0)
		return code;
	struct tt_driver *opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return TT_ERROR_MEMORY;
	pthread_mutex_init(&opened->asking, NULL);
	opened->config = options->config;
	opened->captures = options->capture_file_count > 0;
	code = start_eal(opened, &plan);
	if (code == 0)
		code = make_pools(opened, &plan, options->mbuf_private_bytes);
	if (code == 0)
		code = opened->captures ? open_files(opened, options) : open_ethdevs(opened);
	if (code != 0) {
		tt_driver_close(opened);
		return code;
	}
	*driver = opened;
	return 0;
}

uint64_t tt_driver_memory_available(const struct tt_config *config)
{
	return tt_eal_memory_available(config->memory.huge_pages != TT_HUGE_PAGES_NEVER);
}

const char *tt_driver_runtime_folder(void)
{
	return tt_eal_runtime_folder();
}

/* A worker polls the same queue number of all ports. That brings both directions of a flow
 * together only where all ports spread flows alike. */
static bool spread_alike(const struct tt_driver *driver)
{
	for (unsigned int i = 0; i < driver->port_count; i++) {
		uint64_t spread = tt_ethdev_spread(driver->ethdevs[i]);
		if (spread == 0 || spread != tt_ethdev_spread(driver->ethdevs[0]))
			return false;
	}
	return true;
}

int tt_driver_start(struct tt_driver *driver)
{
	if (driver->captures)
		return 0;
	for (unsigned int i = 0; i < driver->port_count; i++) {
		int code = tt_ethdev_start(driver->ethdevs[i]);
		if (code != 0) {
			tt_driver_stop(driver);
			return code;
		}
	}
	driver->symmetric = spread_alike(driver);
	return 0;
}

void tt_driver_stop(struct tt_driver *driver)
{
	pthread_mutex_lock(&driver->asking);
	for (unsigned int i = 0; !driver->captures && i < driver->port_count; i++)
		tt_ethdev_stop(driver->ethdevs[i]);
	pthread_mutex_unlock(&driver->asking);
}

static void close_files(struct tt_driver *driver)
{
	for (unsigned int i = 0; driver->files != NULL && i < driver->port_count; i++) {
		struct file_port *port = &driver->files[i];
		for (unsigned int j = 0; port->captures != NULL && j < port->count; j++)
			tt_capture_close(port->captures[j]);
		free(port->captures);
	}
	free(driver->files);
}

void tt_driver_close(struct tt_driver *driver)
{
	if (driver == NULL)
		return;
	close_files(driver);
	for (unsigned int i = 0; i < TT_PORT_LIMIT; i++)
		tt_ethdev_close(driver->ethdevs[i]);
	for (unsigned int node = 0; node < RTE_MAX_NUMA_NODES; node++)
		rte_mempool_free(driver->pools[node]);
	if (driver->eal_started)
		tt_eal_stop();
	pthread_mutex_destroy(&driver->asking);
	free(driver);
}

unsigned int tt_driver_port_count(const struct tt_driver *driver)
{
	return driver->port_count;
}

void tt_port_info(struct tt_driver *driver, unsigned int port, struct tt_port_info *info)
{
	if (!driver->captures) {
		pthread_mutex_lock(&driver->asking);
		tt_ethdev_info(driver->ethdevs[port], info);
		pthread_mutex_unlock(&driver->asking);
		info->symmetric = driver->symmetric;
		return;
	}
	const struct file_port *files = &driver->files[port];
	bool ended = atomic_load_explicit(&files->ended, memory_order_acquire);
	*info = (struct tt_port_info){
		.name = files->paths[0],
		.driver = "capture",
		.time_source = TT_TIME_CAPTURE,
		.queues = 1,
		.link_up = !ended,
		.ended = ended,
	};
}

const char *tt_driver_time_source(struct tt_driver *driver)
{
	struct tt_port_info first, info;

	tt_port_info(driver, 0, &first);
	for (unsigned int port = 1; port < driver->port_count; port++) {
		tt_port_info(driver, port, &info);
		if (info.time_source != first.time_source)
			return "mixed";
	}
	return tt_time_source_name(first.time_source);
}

void tt_driver_sync_clock(struct tt_driver *driver)
{
	if (driver->captures)
		return;
	pthread_mutex_lock(&driver->asking);
	for (unsigned int port = 0; port < driver->port_count; port++)
		tt_ethdev_sync_clock(driver->ethdevs[port]);
	pthread_mutex_unlock(&driver->asking);
}

void tt_port_statistics(
	struct tt_driver *driver, unsigned int port, struct tt_port_statistics *statistics)
{
	if (!driver->captures) {
		pthread_mutex_lock(&driver->asking);
		tt_ethdev_statistics(driver->ethdevs[port], statistics);
		pthread_mutex_unlock(&driver->asking);
		return;
	}
	*statistics = (struct tt_port_statistics){
		.delivered = tt_counter_read(&driver->files[port].delivered),
		.delivered_bytes = tt_counter_read(&driver->files[port].delivered_bytes),
		.missed_known = true,
	};
}

bool tt_port_ended(const struct tt_driver *driver, unsigned int port, unsigned int queue)
{
	return driver->captures && queue == 0 &&
		atomic_load_explicit(&driver->files[port].ended, memory_order_acquire);
}

int tt_port_end_status(const struct tt_driver *driver, unsigned int port)
{
	return driver->captures ? driver->files[port].status : 0;
}

/* Go on to the port's next file once the current one has ended. */
static void pass_ended_files(struct file_port *port)
{
	while (tt_capture_ended(port->captures[port->current])) {
		int status = tt_capture_status(port->captures[port->current]);
		if (port->status == 0)
			port->status = status;
		if (port->current + 1 == port->count) {
			atomic_store_explicit(&port->ended, true, memory_order_release);
			return;
		}
		port->current++;
	}
}

static unsigned int receive_from_files(struct tt_driver *driver, unsigned int port,
	struct tt_received *received, unsigned int limit)
{
	struct file_port *files = &driver->files[port];
	uint64_t bytes = 0;

	if (tt_port_ended(driver, port, 0) || (port > 0 && !tt_port_ended(driver, port - 1, 0)))
		return 0;
	unsigned int count =
		tt_capture_receive(files->captures[files->current], received, limit, (uint8_t)port);
	for (unsigned int i = 0; i < count; i++)
		bytes += received[i].wire_bytes;
	tt_counter_add(&files->delivered, count);
	tt_counter_add(&files->delivered_bytes, bytes);
	pass_ended_files(files);
	return count;
}

unsigned int tt_port_receive(struct tt_driver *driver, unsigned int port, unsigned int queue,
	struct tt_received *received, unsigned int limit, uint64_t now_us)
{
	if (!driver->captures)
		return tt_ethdev_receive(driver->ethdevs[port], queue, received, limit, now_us);
	return queue == 0 ? receive_from_files(driver, port, received, limit) : 0;
}
