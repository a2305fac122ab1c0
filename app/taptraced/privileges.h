/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights: root, or a user with capabilities, opens the devices, and somebody without goes on.
 * Called by the main thread between opening and the first packet.
 *
 * What a driver keeps: nothing. Each holds what it needs as open files by then: af_packet, af_xdp
 * and pcap their sockets, tap its queues, vfio and uio the device. Two things are left out for it:
 * af_xdp leaves its XDP program on the interface, where it passes all frames on and the next start
 * takes it over; memif and virtio_user find their way back to a peer that was away only when its
 * socket lets the new user in.
 */
#ifndef TT_APP_PRIVILEGES_H
#define TT_APP_PRIVILEGES_H

#include "config/config.h"

#include <stddef.h>

struct tt_privileges {
	const struct tt_config *config;
	const char *config_path; /* is read again later; "-": is not */

	/* Sockets that the group may use, and the folders that they are in. */
	const char *const *sockets;
	size_t socket_count;
	const char *const *folders;
	size_t folder_count;
};

/* Give the sockets to security.group (mode 0660, their folders 0750), become security.user, and
 * with security.sandbox enter the sandbox. All threads of the process change, and there is no way
 * back. 0, or a code after a line in the log. */
int tt_privileges_drop(const struct tt_privileges *privileges);

#endif
