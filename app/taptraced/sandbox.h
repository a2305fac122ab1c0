/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a taptraced that bytes from the wire have taken over can still do: count, and answer who
 * asks. Made of no_new_privs, no capabilities, a seccomp filter and, where the kernel has it,
 * Landlock. Called by the main thread once all devices, sockets and folders are open.
 *
 * The seccomp filter is a list of what is allowed; all else fails with EPERM. Not allowed, among
 * others: to start a program or a process, to open a file for writing, to make memory executable, a
 * socket that is not of this machine (AF_UNIX), ptrace, mount, bpf, a signal to another process.
 * Landlock leaves reading below the named folders, /proc and /sys, and no TCP connection out.
 */
#ifndef TT_APP_SANDBOX_H
#define TT_APP_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct tt_sandbox {
	/* Folders that are read later, and those where own sockets are removed at the end; one
	 * that is not there, or NULL, is left out. */
	const char *const *readable;
	size_t readable_count;
	const char *const *removable;
	size_t removable_count;

	/* A driver calls its peer over a unix socket (memif, virtio_user): allow connect(). */
	bool connects;
};

/* Enter it, with all threads of the process and those to come; there is no way back. 0, or a code
 * after a line in the log: then some threads may be in it. A kernel without Landlock is logged and
 * no failure. */
int tt_sandbox_enter(const struct tt_sandbox *sandbox);

#endif
