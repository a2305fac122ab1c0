/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel dropped in front of net_af_packet, which counts nothing itself, and of net_af_xdp,
 * which counts only part of it. The PMDs keep their sockets private, but they are this process's
 * file descriptors: the kernel's own count of each is exact. One thread at a time. The sockets stay
 * the PMDs'.
 */
#ifndef TT_DRIVER_LOSS_H
#define TT_DRIVER_LOSS_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct tt_packet_sockets {
	int sockets[TT_CONFIG_WORKERS]; /* in the order of the port's queues */
	unsigned int count;
	uint64_t accepted; /* frames put into the rings, of what was read so far */
	uint64_t dropped;  /* frames for which the rings had no room */
};

/* The sockets of the port on interface `ifindex`; false when they are not `queues` many. */
bool tt_packet_sockets_find(
	struct tt_packet_sockets *sockets, unsigned int ifindex, unsigned int queues);

/* From now on only frames that arrive, not those that are sent; false when the kernel cannot. */
bool tt_packet_sockets_ignore_outgoing(const struct tt_packet_sockets *sockets);

/* Read one socket's counts since they were read last, which clears them. */
bool tt_packet_socket_take(int socket, uint64_t *accepted, uint64_t *dropped);

/* Add what all sockets counted since the last time. */
void tt_packet_sockets_update(struct tt_packet_sockets *sockets);

struct tt_xdp_sockets {
	int sockets[TT_CONFIG_PORTS * TT_CONFIG_WORKERS];
	unsigned int count;
};

/* All AF_XDP sockets of this process but those in `others`, which may be NULL. The kernel does not
 * tell a socket's interface: what a port's setup adds is its own. */
void tt_xdp_sockets_find(struct tt_xdp_sockets *sockets, const struct tt_xdp_sockets *others);

/* Frames dropped in front of them since they were made, for want of a buffer or of room in the
 * receive ring. */
uint64_t tt_xdp_sockets_dropped(const struct tt_xdp_sockets *sockets);

#endif
