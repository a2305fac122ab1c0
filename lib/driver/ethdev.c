/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/ethdev.h"

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/eal.h"
#include "driver/loss.h"
#include "driver/nic_clock.h"
#include "driver/sysfs.h"
#include "driver/vdev.h"

#include <linux/capability.h>
#include <net/if.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYSFS "/sys"

/* The most a receive call hands out. */
#define BURST 64

#define CLOCK_READINGS 3
#define CLOCK_START_US 20000 /* between the first two, for a first idea of the rate */

/* Ethernet's header. With the FCS and one VLAN tag it is what a device adds to its MTU. */
#define ETHERNET_BYTES 14

/* Toeplitz is symmetric under a key that repeats every 16 bits (Woo and Park, "Scalable TCP
 * session monitoring with symmetric receive-side scaling", KAIST 2012). */
static const uint8_t symmetric_key_unit[2] = {0x6d, 0x5a};

/* Room for the longest key of DPDK 22.11's drivers (ice, iavf: 52; 64 is the next size up). */
#define KEY_BYTES_LIMIT 64

struct queue {
	uint16_t device; /* ethdev port id */
	uint16_t queue;
	tt_counter delivered; /* written by the worker that receives, read by the main thread */
	tt_counter delivered_bytes;
} __rte_cache_aligned;

struct tt_ethdev {
	const struct tt_config_port *port;
	const char *driver;
	uint8_t index;
	bool started;
	bool missed_known;
	bool stamps;	    /* its one device stamps packets, by `clock` */
	bool has_timestamp; /* in the mbufs, by the time source */
	enum tt_time_source time_source;
	uint64_t timestamp_flag;
	int timestamp_offset;
	uint64_t spread;
	bool has_sockets;
	struct tt_packet_sockets sockets;
	struct tt_xdp_sockets xdp_sockets;
	uint64_t kernel_drops_before;	/* of af_xdp and tap, at start */
	struct tt_port_statistics last; /* once stopped */
	uint16_t devices[TT_CONFIG_WORKERS];
	struct rte_eth_stats before[TT_CONFIG_WORKERS]; /* of each device, at start */
	struct tt_nic_clock clock;
	uint16_t device_count;
	uint16_t queue_count;
	struct queue queues[TT_CONFIG_WORKERS];
};

/* Capabilities of this process that are in effect. */
static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int check_capabilities(
	const char *name, const char *kind, uint64_t needed, const char *names)
{
	if ((effective_capabilities() & needed) == needed)
		return 0;
	tt_log_error("%s: %s needs %s: run as root, or give the program these capabilities", name,
		kind, names);
	return TT_ERROR_PERMISSION;
}

static int check_interface(const struct tt_config_port *port)
{
	const uint64_t raw = (uint64_t)1 << CAP_NET_RAW;
	const uint64_t admin = (uint64_t)1 << CAP_NET_ADMIN;

	if (!tt_interface_exists(SYSFS, port->device)) {
		tt_log_error(
			"%s: no such network interface (\"ip link\" lists them)", port->device);
		return TT_ERROR_NOT_FOUND;
	}
	switch (port->kind) {
	case TT_PORT_AF_PACKET:
		return check_capabilities(
			port->device, "af_packet", raw | admin, "CAP_NET_RAW and CAP_NET_ADMIN");
	case TT_PORT_AF_XDP:
		return check_capabilities(port->device, "af_xdp",
			raw | admin | (uint64_t)1 << CAP_SYS_ADMIN,
			"CAP_NET_RAW, CAP_NET_ADMIN and CAP_SYS_ADMIN");
	default:
		return check_capabilities(port->device, "pcap", raw, "CAP_NET_RAW");
	}
}

static int check_pci(const char *address)
{
	char driver[64];

	switch (tt_pci_binding(SYSFS, address, driver, sizeof(driver))) {
	case TT_PCI_MISSING:
		tt_log_error("%s: no such PCI device (scripts/bind lists them)", address);
		return TT_ERROR_NOT_FOUND;
	case TT_PCI_UNBOUND:
		tt_log_error("%s: bound to no driver: \"scripts/bind %s\" gives it to vfio-pci",
			address, address);
		return TT_ERROR_BUSY;
	case TT_PCI_KERNEL:
		tt_log_error("%s: in use by the kernel's %s: \"scripts/bind %s\" gives it to "
			     "vfio-pci",
			address, driver, address);
		return TT_ERROR_BUSY;
	default:
		return 0;
	}
}

int tt_ethdev_check(const struct tt_config_port *port)
{
	if (tt_port_is_interface(port))
		return check_interface(port);
	if (port->kind == TT_PORT_PCI)
		return check_pci(port->device);
	if (port->kind == TT_PORT_TAP)
		return check_capabilities(
			port->device, "tap", (uint64_t)1 << CAP_NET_ADMIN, "CAP_NET_ADMIN");
	return 0;
}

/* Log what failed with DPDK's reason for it, or the code's. */
static int log_failure(const struct tt_ethdev *ethdev, const char *what, int result)
{
	char reason[256];

	tt_eal_first_error(reason, sizeof(reason));
	tt_log_error("%s: %s: %s", ethdev->port->device, what,
		reason[0] != '\0' ? reason : rte_strerror(-result));
	return result == -ENOMEM ? TT_ERROR_MEMORY : TT_ERROR_DEVICE;
}

static int wanted_queues(const struct tt_config_port *port, uint32_t workers, uint32_t *queues)
{
	*queues = workers;
	if (port->kind != TT_PORT_AF_XDP)
		return 0;
	/* A queue that has no socket would go on to the kernel, unseen. */
	*queues = tt_interface_queues(SYSFS, port->device);
	if (*queues >= 1 && *queues <= workers)
		return 0;
	tt_log_error("%s: has %u receive queues for %u workers: \"ethtool -L %s\" lowers their "
		     "number",
		port->device, *queues, workers, port->device);
	return TT_ERROR_ARGUMENT;
}

/* Find the port's ethdevs. rte_eal_init() and rte_dev_probe() may succeed without one. */
static int attach_devices(struct tt_ethdev *ethdev, uint32_t queues)
{
	struct tt_device devices[TT_CONFIG_WORKERS];
	char reason[256];
	int count = tt_devices_describe(devices, ethdev->port, ethdev->index, queues);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		int result = 0;
		tt_eal_first_error(reason, sizeof(reason));
		if (ethdev->port->kind != TT_PORT_PCI)
			result = rte_dev_probe(devices[i].devargs);
		if (result == 0)
			result = rte_eth_dev_get_port_by_name(
				devices[i].name, &ethdev->devices[ethdev->device_count]);
		if (result != 0)
			return log_failure(ethdev, "DPDK cannot open it", result);
		ethdev->device_count++;
	}
	return 0;
}

static bool is_driver(const struct tt_ethdev *ethdev, const char *name)
{
	return strcmp(ethdev->driver, name) == 0;
}

/* Nothing is ever sent, but these start only with queues for it: as many as for receiving. */
static bool needs_transmit_queues(const struct tt_ethdev *ethdev)
{
	return is_driver(ethdev, "net_tap") || is_driver(ethdev, "net_memif") ||
		is_driver(ethdev, "net_af_xdp") || is_driver(ethdev, "net_virtio_user") ||
		is_driver(ethdev, "net_virtio") || is_driver(ethdev, "net_vhost");
}

/* Does the driver count in imissed all that it had no room for? */
static bool counts_missed(const struct tt_ethdev *ethdev)
{
	static const char *const silent[] = {"net_memif", "net_virtio_user", "net_virtio",
		"net_vhost", "net_af_packet", "net_af_xdp", "net_tap"};

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (is_driver(ethdev, silent[i]))
			return false;
	return true;
}

/* net_pcap's ierrors are polls that libpcap failed, without end while the interface is down. */
static bool counts_polls_as_errors(const struct tt_ethdev *ethdev)
{
	return is_driver(ethdev, "net_pcap");
}

static void set_hashing(struct tt_ethdev *ethdev, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf, uint8_t *key, uint16_t queues)
{
	const uint64_t wanted =
		RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
	uint64_t types = wanted & info->flow_type_rss_offloads;

	ethdev->spread = 0;
	if (ethdev->port->kind == TT_PORT_AF_PACKET || queues == 1)
		/* The kernel's hash for fanout is symmetric, and of one key for all interfaces. */
		ethdev->spread = queues == 1 ? 1 : (uint64_t)1 << 32 | queues;
	if (queues == 1 || types == 0 || info->hash_key_size == 0 ||
		info->hash_key_size > KEY_BYTES_LIMIT)
		return;
	for (unsigned int i = 0; i < info->hash_key_size; i++)
		key[i] = symmetric_key_unit[i % 2];
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_key = key;
	conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	conf->rx_adv_conf.rss_conf.rss_hf = types;
	ethdev->spread = (uint64_t)2 << 32 | (uint64_t)info->reta_size << 16 | queues;
}

/* The longest frames that are wanted and that the device takes. */
static void set_frame_length(const struct tt_ethdev *ethdev, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf, uint32_t mbuf_bytes)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t mtu =
		RTE_MAX(ethdev->port->frame_bytes, (uint32_t)ETHERNET_BYTES) - ETHERNET_BYTES;
	uint32_t limit = info->max_mtu;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (info->max_rx_pktlen > overhead)
		limit = RTE_MIN(limit, info->max_rx_pktlen - overhead);
	if (ethdev->port->kind == TT_PORT_PCI && mtu > limit)
		tt_log_warning("%s: receives frames of %u bytes at most, not of %u",
			ethdev->port->device, limit + ETHERNET_BYTES, ethdev->port->frame_bytes);
	conf->rxmode.mtu = RTE_MAX(RTE_MIN(mtu, limit), (uint32_t)info->min_mtu);
	if (conf->rxmode.mtu + overhead > mbuf_bytes)
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER & info->rx_offload_capa;
}

static int set_up_device(
	struct tt_ethdev *ethdev, uint16_t device, uint32_t workers, struct rte_mempool *pool)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint8_t key[KEY_BYTES_LIMIT];
	int result = rte_eth_dev_info_get(device, &info);

	if (result != 0)
		return log_failure(ethdev, "no information about the device", result);
	ethdev->driver = info.driver_name;
	/* net_memif reads a queue that its peer has not got as if it were the first one. */
	uint16_t queues = ethdev->device_count > 1 || is_driver(ethdev, "net_memif")
		? 1
		: (uint16_t)RTE_MIN(workers, (uint32_t)info.max_rx_queues);
	uint16_t senders = needs_transmit_queues(ethdev) ? queues : 0;
	uint16_t receive_descriptors = (uint16_t)RTE_MIN(ethdev->port->descriptors, 32768u);
	uint16_t send_descriptors = 512;

	/* net_virtio_user, when its peer leaves, takes back an interrupt that it has only so; else
	 * the EAL's interrupt thread panics on a descriptor that is gone. */
	conf.intr_conf.lsc = is_driver(ethdev, "net_virtio_user");
	ethdev->stamps = ethdev->port->nic_timestamps && ethdev->device_count == 1 &&
		(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
	if (ethdev->stamps)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	set_hashing(ethdev, &info, &conf, key, queues);
	set_frame_length(ethdev, &info, &conf,
		rte_pktmbuf_data_room_size(pool) - (uint32_t)RTE_PKTMBUF_HEADROOM);
	result = rte_eth_dev_configure(device, queues, senders, &conf);
	if (result == 0)
		result = rte_eth_dev_adjust_nb_rx_tx_desc(
			device, &receive_descriptors, &send_descriptors);
	if (result != 0)
		return log_failure(ethdev, "cannot configure it", result);
	int node = rte_eth_dev_socket_id(device);
	for (uint16_t queue = 0; result == 0 && queue < queues; queue++) {
		result = rte_eth_rx_queue_setup(
			device, queue, receive_descriptors, (unsigned int)node, NULL, pool);
		ethdev->queues[ethdev->queue_count].device = device;
		ethdev->queues[ethdev->queue_count++].queue = queue;
	}
	for (uint16_t queue = 0; result == 0 && queue < senders; queue++)
		result = rte_eth_tx_queue_setup(
			device, queue, send_descriptors, (unsigned int)node, NULL);
	if (result != 0)
		return log_failure(ethdev, "cannot set a queue up", result);
	return 0;
}

static int open_devices(struct tt_ethdev *ethdev, const struct tt_ethdev_options *options)
{
	struct tt_xdp_sockets others;
	uint32_t queues;
	int code = wanted_queues(options->port, options->workers, &queues);

	tt_xdp_sockets_find(&others, NULL);
	if (code == 0)
		code = attach_devices(ethdev, queues);
	for (uint16_t i = 0; code == 0 && i < ethdev->device_count; i++)
		code = set_up_device(ethdev, ethdev->devices[i], queues, options->pool);
	/* The interface's own hardware decides over af_xdp's queues, with a key of its own. */
	if (options->port->kind == TT_PORT_AF_XDP && ethdev->queue_count > 1)
		ethdev->spread = 0;
	if (options->port->kind == TT_PORT_AF_XDP)
		tt_xdp_sockets_find(&ethdev->xdp_sockets, &others);
	return code;
}

int tt_ethdev_open(struct tt_ethdev **ethdev, const struct tt_ethdev_options *options)
{
	struct tt_ethdev *opened;

	*ethdev = NULL;
	if (posix_memalign((void **)&opened, RTE_CACHE_LINE_SIZE, sizeof(*opened)) != 0)
		return TT_ERROR_MEMORY;
	memset(opened, 0, sizeof(*opened));
	opened->port = options->port;
	opened->driver = "";
	opened->index = (uint8_t)options->index;
	opened->time_source = TT_TIME_TSC;
	int code = open_devices(opened, options);
	if (code != 0) {
		tt_ethdev_close(opened);
		return code;
	}
	*ethdev = opened;
	return 0;
}

/* net_pcap passes the kernel's time on, in microseconds, without an offload for it. */
static void find_timestamps(struct tt_ethdev *ethdev)
{
	if (!is_driver(ethdev, "net_pcap"))
		return;
	ethdev->timestamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
	int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
	if (ethdev->timestamp_offset < 0 || flag < 0)
		return;
	ethdev->timestamp_flag = RTE_BIT64(flag);
	ethdev->has_timestamp = true;
	ethdev->time_source = TT_TIME_KERNEL;
}

/* Some drivers tell the counter that they stamp with, the others stamp in nanoseconds of the clock
 * that IEEE 1588 sets. */
static bool read_device_clock(const struct tt_ethdev *ethdev, uint64_t *ticks)
{
	struct timespec time;

	if (rte_eth_read_clock(ethdev->devices[0], ticks) == 0)
		return true;
	if (rte_eth_timesync_read_time(ethdev->devices[0], &time) != 0)
		return false;
	*ticks = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	return true;
}

/* false when the clock cannot be told by its readings yet. */
static bool set_clock(struct tt_ethdev *ethdev)
{
	struct tt_nic_clock_reading best = {0};
	uint64_t best_us = UINT64_MAX;

	/* The reading that took least is nearest to its time. */
	for (unsigned int i = 0; i < CLOCK_READINGS; i++) {
		struct tt_nic_clock_reading reading;
		uint64_t before_us = tt_clock_monotonic_us();

		if (!read_device_clock(ethdev, &reading.ticks))
			return false;
		reading.wall_us = tt_clock_wall_us();
		reading.monotonic_us = tt_clock_monotonic_us();
		if (reading.monotonic_us - before_us < best_us) {
			best_us = reading.monotonic_us - before_us;
			best = reading;
		}
	}
	return tt_nic_clock_set(&ethdev->clock, &best);
}

static void start_clock(struct tt_ethdev *ethdev)
{
	uint64_t ticks;

	if (rte_mbuf_dyn_rx_timestamp_register(
		    &ethdev->timestamp_offset, &ethdev->timestamp_flag) != 0)
		return;
	if (rte_eth_read_clock(ethdev->devices[0], &ticks) != 0)
		rte_eth_timesync_enable(ethdev->devices[0]);
	set_clock(ethdev);
	rte_delay_us_sleep(CLOCK_START_US);
	ethdev->has_timestamp = set_clock(ethdev);
	if (ethdev->has_timestamp)
		ethdev->time_source = TT_TIME_NIC;
	else
		tt_log_warning("%s: stamps packets by a clock that its driver does not tell: not "
			       "used",
			ethdev->port->device);
}

void tt_ethdev_sync_clock(struct tt_ethdev *ethdev)
{
	if (ethdev->started && ethdev->time_source == TT_TIME_NIC)
		set_clock(ethdev);
}

/* The sockets receive since the device was probed, outgoing frames, too. Let go of exactly the
 * frames that were in the rings when counting starts, so that what is delivered and dropped from
 * then on is what the sockets count. */
static void start_counting_packets(struct tt_ethdev *ethdev)
{
	struct rte_mbuf *mbufs[BURST];
	struct tt_packet_sockets *sockets = &ethdev->sockets;
	uint64_t accepted, dropped;

	ethdev->has_sockets = tt_packet_sockets_find(
		sockets, if_nametoindex(ethdev->port->device), ethdev->queue_count);
	if (!ethdev->has_sockets) {
		tt_log_warning("%s: cannot find the kernel's counters of lost packets",
			ethdev->port->device);
		return;
	}
	if (!tt_packet_sockets_ignore_outgoing(sockets))
		tt_log_warning("%s: the kernel also shows frames that this machine sends",
			ethdev->port->device);
	for (unsigned int queue = 0; queue < ethdev->queue_count; queue++) {
		if (!tt_packet_socket_take(sockets->sockets[queue], &accepted, &dropped))
			continue;
		while (accepted > 0) {
			uint16_t wanted = (uint16_t)RTE_MIN(accepted, (uint64_t)BURST);
			uint16_t count = rte_eth_rx_burst(ethdev->queues[queue].device,
				ethdev->queues[queue].queue, mbufs, wanted);
			if (count == 0)
				break;
			rte_pktmbuf_free_bulk(mbufs, count);
			accepted -= count;
		}
	}
}

/* What the kernel dropped in front of the port since it was made, where only the kernel knows. Of a
 * tap it is what was sent to the interface while its queue to us had no room. */
static uint64_t kernel_drops(const struct tt_ethdev *ethdev)
{
	if (ethdev->port->kind == TT_PORT_AF_XDP)
		return tt_xdp_sockets_dropped(&ethdev->xdp_sockets);
	if (ethdev->port->kind == TT_PORT_TAP)
		return tt_interface_statistic(SYSFS, ethdev->port->device, "tx_dropped");
	return 0;
}

int tt_ethdev_start(struct tt_ethdev *ethdev)
{
	char reason[256];

	tt_eal_first_error(reason, sizeof(reason));
	for (uint16_t i = 0; i < ethdev->device_count; i++) {
		int result = rte_eth_dev_start(ethdev->devices[i]);
		if (result != 0)
			return log_failure(ethdev, "cannot start it", result);
		if (rte_eth_stats_get(ethdev->devices[i], &ethdev->before[i]) != 0)
			memset(&ethdev->before[i], 0, sizeof(ethdev->before[i]));
		/* -ENOTSUP: devices that always receive all. */
		result = ethdev->port->promiscuous ? rte_eth_promiscuous_enable(ethdev->devices[i])
						   : 0;
		if (result != 0 && result != -ENOTSUP)
			tt_log_warning("%s: cannot receive frames for other addresses: %s",
				ethdev->port->device, rte_strerror(-result));
	}
	ethdev->missed_known = counts_missed(ethdev);
	find_timestamps(ethdev);
	if (ethdev->stamps)
		start_clock(ethdev);
	if (ethdev->port->kind == TT_PORT_AF_PACKET) {
		start_counting_packets(ethdev);
		ethdev->missed_known = ethdev->has_sockets;
	}
	if (ethdev->port->kind == TT_PORT_AF_XDP)
		ethdev->missed_known = ethdev->xdp_sockets.count == ethdev->queue_count;
	if (ethdev->port->kind == TT_PORT_TAP)
		ethdev->missed_known = true;
	ethdev->kernel_drops_before = kernel_drops(ethdev);
	ethdev->started = true;
	return 0;
}

static void read_statistics(struct tt_ethdev *ethdev, struct tt_port_statistics *statistics)
{
	struct rte_eth_stats now;

	*statistics = (struct tt_port_statistics){.missed_known = ethdev->missed_known};
	for (uint16_t i = 0; i < ethdev->queue_count; i++) {
		statistics->delivered += tt_counter_read(&ethdev->queues[i].delivered);
		statistics->delivered_bytes += tt_counter_read(&ethdev->queues[i].delivered_bytes);
	}
	for (uint16_t i = 0; ethdev->started && i < ethdev->device_count; i++) {
		if (rte_eth_stats_get(ethdev->devices[i], &now) != 0)
			continue;
		if (ethdev->port->kind != TT_PORT_AF_XDP)
			statistics->missed += now.imissed - ethdev->before[i].imissed;
		statistics->no_mbuf += now.rx_nombuf - ethdev->before[i].rx_nombuf;
		if (!counts_polls_as_errors(ethdev))
			statistics->errors += now.ierrors - ethdev->before[i].ierrors;
	}
	if (ethdev->has_sockets) {
		tt_packet_sockets_update(&ethdev->sockets);
		statistics->missed += ethdev->sockets.dropped;
	}
	if (ethdev->started)
		statistics->missed += kernel_drops(ethdev) - ethdev->kernel_drops_before;
}

void tt_ethdev_statistics(struct tt_ethdev *ethdev, struct tt_port_statistics *statistics)
{
	if (ethdev->started)
		read_statistics(ethdev, &ethdev->last);
	*statistics = ethdev->last;
}

void tt_ethdev_stop(struct tt_ethdev *ethdev)
{
	if (!ethdev->started)
		return;
	read_statistics(ethdev, &ethdev->last);
	if (ethdev->has_sockets && ethdev->sockets.accepted > ethdev->last.delivered)
		ethdev->last.missed += ethdev->sockets.accepted - ethdev->last.delivered;
	ethdev->started = false;
	for (uint16_t i = 0; i < ethdev->device_count; i++)
		(void)rte_eth_dev_stop(ethdev->devices[i]);
}

void tt_ethdev_close(struct tt_ethdev *ethdev)
{
	if (ethdev == NULL)
		return;
	tt_ethdev_stop(ethdev);
	for (uint16_t i = 0; i < ethdev->device_count; i++)
		(void)rte_eth_dev_close(ethdev->devices[i]);
	free(ethdev);
}

uint64_t tt_ethdev_spread(const struct tt_ethdev *ethdev)
{
	return ethdev->spread;
}

void tt_ethdev_info(const struct tt_ethdev *ethdev, struct tt_port_info *info)
{
	struct rte_eth_link link = {0};

	*info = (struct tt_port_info){
		.name = ethdev->port->device,
		.driver = ethdev->driver,
		.time_source = ethdev->time_source,
		.queues = ethdev->queue_count,
		.symmetric = ethdev->spread != 0,
	};
	/* Of these drivers the link never changes, not even when the interface is gone. */
	if (tt_port_is_interface(ethdev->port) || ethdev->port->kind == TT_PORT_TAP) {
		info->link_up = tt_interface_up(SYSFS, ethdev->port->device);
		info->link_speed_mbps = tt_interface_speed_mbps(SYSFS, ethdev->port->device);
		return;
	}
	if (!ethdev->started || rte_eth_link_get_nowait(ethdev->devices[0], &link) != 0)
		return;
	info->link_up = link.link_status == RTE_ETH_LINK_UP;
	info->link_speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
}

static uint64_t stamped_us(
	const struct tt_ethdev *ethdev, const struct rte_mbuf *mbuf, uint64_t now_us)
{
	uint64_t stamp =
		*RTE_MBUF_DYNFIELD(mbuf, ethdev->timestamp_offset, const rte_mbuf_timestamp_t *);

	return ethdev->time_source == TT_TIME_NIC ? tt_nic_clock_us(&ethdev->clock, stamp, now_us)
						  : stamp;
}

unsigned int tt_ethdev_receive(struct tt_ethdev *ethdev, unsigned int queue,
	struct tt_received *received, unsigned int limit, uint64_t now_us)
{
	struct rte_mbuf *mbufs[BURST];
	struct queue *from = &ethdev->queues[queue];
	uint64_t bytes = 0;

	if (queue >= ethdev->queue_count)
		return 0;
	uint16_t count = rte_eth_rx_burst(
		from->device, from->queue, mbufs, (uint16_t)RTE_MIN(limit, (unsigned int)BURST));
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		uint64_t time_us = now_us;
		if (ethdev->has_timestamp && (mbuf->ol_flags & ethdev->timestamp_flag) != 0)
			time_us = stamped_us(ethdev, mbuf, now_us);
		received[i] = (struct tt_received){
			.mbuf = mbuf,
			.time_us = time_us,
			.wire_bytes = mbuf->pkt_len,
			.port = ethdev->index,
			.link = TT_LINK_ETHERNET,
		};
		bytes += mbuf->pkt_len;
	}
	if (count > 0) {
		tt_counter_add(&from->delivered, count);
		tt_counter_add(&from->delivered_bytes, bytes);
	}
	return count;
}
