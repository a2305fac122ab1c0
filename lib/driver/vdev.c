/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/vdev.h"

#include "base/error.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* In front of an Ethernet frame in a TPACKET_V2 ring: the ring's headers (52 bytes), aligned so
 * that the network header behind 14 bytes of Ethernet is at a multiple of 16 (packet_mmap.txt of
 * the kernel: tp_mac = 66). */
#define PACKET_RING_HEAD_BYTES 66

/* What of a ring's frame the PMD wants to fit into an mbuf: all but TPACKET2_HDRLEN without its
 * sockaddr_ll. */
#define PACKET_RING_PMD_HEAD_BYTES 32

#define PAGE_BYTES		 4096
#define PACKET_RING_FRAMES_LEAST 4096
#define PACKET_RING_BYTES_LIMIT	 (256u << 20)

/* A descriptor of hardware is emptied by a poll within microseconds. The kernel's ring also has to
 * bridge the worker's time off the CPU: 4,096 descriptors become 32,768 frames, with which a busy
 * two-core machine lost nothing at 0.7 Mpps, against half with 512. */
#define PACKET_RING_FRAMES_PER_DESCRIPTOR 8

/* net_af_xdp's umem frame. */
#define XDP_FRAME_BYTES 2048

static uint32_t round_up_to_power(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power <<= 1;
	return power;
}

struct tt_packet_ring tt_packet_ring(const struct tt_config_port *port)
{
	uint32_t frame_bytes = round_up_to_power(port->frame_bytes + PACKET_RING_HEAD_BYTES);
	uint32_t frames = port->descriptors * PACKET_RING_FRAMES_PER_DESCRIPTOR;

	if (frame_bytes < 2048)
		frame_bytes = 2048;
	if (frames < PACKET_RING_FRAMES_LEAST)
		frames = PACKET_RING_FRAMES_LEAST;
	frames = round_up_to_power(frames);
	while ((uint64_t)frames * frame_bytes > PACKET_RING_BYTES_LIMIT)
		frames /= 2;
	return (struct tt_packet_ring){
		.frame_bytes = frame_bytes,
		.block_bytes = frame_bytes < 16 * PAGE_BYTES ? 16 * PAGE_BYTES : frame_bytes,
		.frames = frames,
	};
}

uint64_t tt_packet_ring_bytes(const struct tt_config_port *port, uint32_t queues)
{
	struct tt_packet_ring ring = tt_packet_ring(port);

	return (uint64_t)ring.frames * ring.frame_bytes * 2 * queues;
}

uint32_t tt_device_mbuf_bytes(const struct tt_config_port *port)
{
	switch (port->kind) {
	case TT_PORT_AF_PACKET:
		return tt_packet_ring(port).frame_bytes - PACKET_RING_PMD_HEAD_BYTES;
	case TT_PORT_AF_XDP:
		return XDP_FRAME_BYTES;
	default:
		return 0;
	}
}

bool tt_device_fills_descriptors(const struct tt_config_port *port)
{
	switch (port->kind) {
	case TT_PORT_AF_PACKET:
	case TT_PORT_PCAP:
	case TT_PORT_RING:
	case TT_PORT_NULL:
	case TT_PORT_MEMIF:
		return false;
	default:
		return true;
	}
}

bool tt_port_is_interface(const struct tt_config_port *port)
{
	return port->kind == TT_PORT_AF_PACKET || port->kind == TT_PORT_AF_XDP ||
		port->kind == TT_PORT_PCAP;
}

static int print_name(
	char *name, const struct tt_config_port *port, unsigned int index, uint32_t queue)
{
	const size_t bytes = TT_DEVICE_NAME_BYTES;

	switch (port->kind) {
	case TT_PORT_PCI:
		return snprintf(name, bytes, "%s", port->device);
	case TT_PORT_AF_PACKET:
		return snprintf(name, bytes, "net_af_packet%u", index);
	case TT_PORT_AF_XDP:
		return snprintf(name, bytes, "net_af_xdp%uq%u", index, queue);
	case TT_PORT_PCAP:
		return snprintf(name, bytes, "net_pcap%u", index);
	case TT_PORT_MEMIF:
		return snprintf(name, bytes, "net_memif%u", index);
	case TT_PORT_VIRTIO_USER:
		return snprintf(name, bytes, "net_virtio_user%u", index);
	case TT_PORT_TAP:
		return snprintf(name, bytes, "net_tap%u", index);
	case TT_PORT_RING:
		return snprintf(name, bytes, "net_ring_%s", port->device);
	case TT_PORT_NULL:
		return snprintf(name, bytes, "net_null_%s", port->device);
	case TT_PORT_DEVARGS:
		return snprintf(name, bytes, "%.*s", (int)strcspn(port->device, ","), port->device);
	}
	return -1;
}

static int print_devargs(struct tt_device *device, const struct tt_config_port *port,
	uint32_t queue, uint32_t queues)
{
	const size_t bytes = sizeof(device->devargs);
	const char *name = device->name;
	const char *value = port->device;
	struct tt_packet_ring ring;

	switch (port->kind) {
	case TT_PORT_AF_PACKET:
		ring = tt_packet_ring(port);
		return snprintf(device->devargs, bytes,
			"%s,iface=%s,qpairs=%u,blocksz=%u,framesz=%u,framecnt=%u", name, value,
			queues, ring.block_bytes, ring.frame_bytes, ring.frames);
	case TT_PORT_AF_XDP:
		return snprintf(device->devargs, bytes, "%s,iface=%s,start_queue=%u,queue_count=1",
			name, value, queue);
	case TT_PORT_PCAP:
		return snprintf(device->devargs, bytes, "%s,rx_iface_in=%s", name, value);
	case TT_PORT_MEMIF:
		return snprintf(device->devargs, bytes,
			"%s,role=server,id=0,socket=%s,socket-abstract=no", name, value);
	case TT_PORT_VIRTIO_USER:
		return snprintf(device->devargs, bytes, "%s,path=%s,server=1,queues=%u", name,
			value, queues);
	case TT_PORT_TAP:
		return snprintf(device->devargs, bytes, "%s,iface=%s", name, value);
	case TT_PORT_PCI:
	case TT_PORT_RING:
	case TT_PORT_NULL:
		return snprintf(device->devargs, bytes, "%s", name);
	case TT_PORT_DEVARGS:
		return snprintf(device->devargs, bytes, "%s", value);
	}
	return -1;
}

/* Whether both texts were written whole. */
static bool describe(struct tt_device *device, const struct tt_config_port *port,
	unsigned int index, uint32_t queue, uint32_t queues)
{
	int length = print_name(device->name, port, index, queue);

	if (length < 0 || length >= TT_DEVICE_NAME_BYTES)
		return false;
	length = print_devargs(device, port, queue, queues);
	return length >= 0 && (size_t)length < sizeof(device->devargs);
}

int tt_devices_describe(struct tt_device *devices, const struct tt_config_port *port,
	unsigned int index, uint32_t queues)
{
	uint32_t count = port->kind == TT_PORT_AF_XDP ? queues : 1;

	if (port->kind != TT_PORT_DEVARGS && strpbrk(port->device, ",= ") != NULL) {
		tt_log_error("ports: \"%s\": a name with a comma, an equals sign or a space cannot "
			     "be passed to DPDK",
			port->device);
		return TT_ERROR_ARGUMENT;
	}
	for (uint32_t queue = 0; queue < count; queue++)
		if (!describe(&devices[queue], port, index, queue, queues)) {
			tt_log_error("ports: \"%s\": too long", port->device);
			return TT_ERROR_ARGUMENT;
		}
	return (int)count;
}
