/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells of interfaces and PCI devices under /sys. Called by the main thread, before
 * the EAL's start to give clear errors, and after it for what drivers do not report. `sysfs` is
 * "/sys" but for tests.
 */
#ifndef TT_DRIVER_SYSFS_H
#define TT_DRIVER_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool tt_interface_exists(const char *sysfs, const char *interface);

/* Receive queues of the interface, 0 when it does not exist. */
unsigned int tt_interface_queues(const char *sysfs, const char *interface);

/* Can frames arrive? Its operational state is up, or unknown as of devices that do not say. */
bool tt_interface_up(const char *sysfs, const char *interface);

/* In Mbit/s, 0 when unknown. */
uint32_t tt_interface_speed_mbps(const char *sysfs, const char *interface);

/* One of the interface's statistics, "tx_dropped"; 0 when there is none of that name. */
uint64_t tt_interface_statistic(const char *sysfs, const char *interface, const char *name);

/* The NUMA node of the interface's or PCI device's slot, -1 when it has none. */
int tt_interface_node(const char *sysfs, const char *interface);
int tt_pci_node(const char *sysfs, const char *address);

enum tt_pci_binding {
	TT_PCI_MISSING,	 /* no such device */
	TT_PCI_UNBOUND,	 /* no driver */
	TT_PCI_KERNEL,	 /* a driver of the kernel's that DPDK cannot share */
	TT_PCI_SHARED,	 /* a driver that DPDK works on top of (mlx4, mlx5, mana) */
	TT_PCI_IOMMU,	 /* vfio-pci, behind an IOMMU */
	TT_PCI_NO_IOMMU, /* vfio-pci in noiommu mode, or uio: needs physical addresses */
};

/* Who has the device; `driver` gets the driver's name, "" for none. */
enum tt_pci_binding tt_pci_binding(
	const char *sysfs, const char *address, char *driver, size_t driver_bytes);

#endif
