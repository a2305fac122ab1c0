/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver interface: tap ports, behind one burst call. A port is an ethdev (a NIC through vfio,
 * or a virtual device: af_packet, af_xdp, pcap, memif, virtio-user, tap, ring, null) or a capture
 * file. The driver owns the EAL, the mempools, the ports and their queues; it makes up for what
 * each device does not count, so that for every port
 *
 *     received on the wire = delivered + missed + no_mbuf + errors
 *
 * Opening, starting, stopping and closing: the main thread. tt_port_receive(): one worker a queue.
 * Information and statistics: any thread between opening and closing.
 */
#ifndef TT_DRIVER_DRIVER_H
#define TT_DRIVER_DRIVER_H

#include "config/config.h"
#include "packet/decode.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#define TT_PORT_LIMIT                                                                              \
	32 /* tap ports of one appliance; struct tt_flow.tap_ports has a bit for each */

/* A received packet. The receiver owns the mbuf and frees it. */
struct tt_received {
	struct rte_mbuf *mbuf;
	uint64_t time_us;    /* since the epoch */
	uint32_t wire_bytes; /* on the wire, without FCS; at least the mbuf's pkt_len */
	uint8_t port;	     /* tap port, 0 to TT_PORT_LIMIT - 1 */
	uint8_t link;	     /* enum tt_link_type */
};

enum tt_time_source {
	TT_TIME_CAPTURE, /* the capture file's record headers */
	TT_TIME_NIC,	 /* stamped by the NIC */
	TT_TIME_KERNEL,	 /* stamped by the kernel, passed on by the driver */
	TT_TIME_TSC	 /* the processor's, read when the burst is received */
};

/* "capture", "nic", "kernel", "tsc"; static. */
const char *tt_time_source_name(enum tt_time_source source);

struct tt_port_statistics {
	uint64_t delivered;	  /* handed out by tt_port_receive() */
	uint64_t delivered_bytes; /* their wire bytes */
	uint64_t missed;	  /* the device or the kernel had no room for them */
	uint64_t no_mbuf;	  /* the mempool was empty */
	uint64_t errors;	  /* damaged frames that the device dropped */
	bool missed_known;	  /* false where nothing can tell what was missed */
};

struct tt_port_info {
	const char *name;   /* as configured: interface, PCI address, file */
	const char *driver; /* net_af_packet, net_ice, ..., or "capture" */
	enum tt_time_source time_source;
	uint16_t queues;
	bool link_up;
	uint32_t link_speed_mbps; /* 0 when unknown */
	bool symmetric; /* both directions of a flow reach the same queue number, fragments and
	                      * tunnels aside */
	bool ended;	/* a capture file that has been read to its end */
};

struct tt_driver;

/* What the EAL is started for. A run over captures takes from the configuration only the number of
 * workers and the sizes of memory; it needs no rights and no huge pages, and leaves no file. */
struct tt_driver_options {
	const struct tt_config *config; /* outlives the driver */
	const char *const
		*capture_files; /* ports of a run over captures; none: the configured ports */
	unsigned int capture_file_count;
	uint16_t
		mbuf_private_bytes; /* room after each mbuf's header for the pipeline, multiple of 8 */
};

/* Start the EAL, lcore w + 1 for worker w and the main lcore, 0, for the control core, and open every
 * port. On failure logs one line with what to do about it and returns its code, with nothing left
 * open; the EAL can be started once a process. Waits for the peer of a virtio-user port. */
int tt_driver_open(struct tt_driver **driver, const struct tt_driver_options *options);

/* Where the telemetry socket is: dpdk_telemetry.v2 in this folder, static; "" in a run over
 * captures. */
const char *tt_driver_runtime_folder(void);

/* Packets flow from here on. */
int tt_driver_start(struct tt_driver *driver);

/* Stop receiving on all ports; statistics stay readable. No worker is inside tt_port_receive(). */
void tt_driver_stop(struct tt_driver *driver);
void tt_driver_close(struct tt_driver *driver);

unsigned int tt_driver_port_count(const struct tt_driver *driver);
void tt_port_info(struct tt_driver *driver, unsigned int port, struct tt_port_info *info);
void tt_port_statistics(
	struct tt_driver *driver, unsigned int port, struct tt_port_statistics *statistics);

/* A run over captures: file i is port i, the last port has all files from the last port number on,
 * and each port has one queue. They are read as one stream: port i gives nothing before port i - 1
 * has ended. One worker polls queue 0 of every port in turn until tt_port_ended() of the last.
 * The pool bounds what is in flight: while it is empty they give nothing. A pipe that has nothing
 * blocks.
 *
 * Up to `limit` (at most 64) packets of a queue, 0 when there are none now. `now_us` is stamped on
 * packets of a port whose time source is TT_TIME_TSC. Capture files never lose a packet: with
 * the mempool empty they give 0, and go on later. No system call on ethdev ports beyond the
 * driver's own. */
unsigned int tt_port_receive(struct tt_driver *driver, unsigned int port, unsigned int queue,
	struct tt_received *received, unsigned int limit, uint64_t now_us);

/* Has this queue's capture file ended? Always false for an ethdev. The worker that polls asks. */
bool tt_port_ended(const struct tt_driver *driver, unsigned int port, unsigned int queue);

/* How the capture ended, after tt_port_ended(): 0, or TT_ERROR_TRUNCATED or TT_ERROR_CORRUPT when
 * the records up to the fault were read; the fault has been logged as a warning. */
int tt_port_end_status(const struct tt_driver *driver, unsigned int port);

/* A part of the memory plan. */
struct tt_driver_memory {
	char what[96];
	uint64_t bytes;
};

/* Where the time of all packets comes from: the name of the ports' time source, or "mixed". */
const char *tt_driver_time_source(struct tt_driver *driver);

/* One thread, about every second: let the clocks of the ports follow the wall clock. */
void tt_driver_sync_clock(struct tt_driver *driver);

/* Memory that nobody has taken, huge pages included where the configuration may use them; UINT64_MAX
 * when the kernel does not say. */
uint64_t tt_driver_memory_available(const struct tt_config *config);

/* What tt_driver_open() would take, without starting the EAL: returns the number of items, at most
 * `limit` (TT_PORT_LIMIT * 3 is enough), or a code for a plan that cannot work, which is logged. */
int tt_driver_memory_plan(const struct tt_driver_options *options, struct tt_driver_memory *items,
	unsigned int limit);

#endif
