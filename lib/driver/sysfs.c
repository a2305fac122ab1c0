/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/sysfs.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512

/* The first line of a file, without its newline. */
__attribute__((format(printf, 3, 4))) static bool read_line(
	char *line, size_t line_bytes, const char *format, ...)
{
	char path[PATH_BYTES];
	va_list values;

	line[0] = '\0';
	va_start(values, format);
	int length = vsnprintf(path, sizeof(path), format, values);
	va_end(values);
	if (length < 0 || (size_t)length >= sizeof(path))
		return false;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	bool got = fgets(line, (int)line_bytes, file) != NULL;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return got;
}

/* A name from the configuration stays one component of the path. */
static bool is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 64;
}

static bool exists(const char *sysfs, const char *folder, const char *name)
{
	char path[PATH_BYTES];

	if (!is_name(name))
		return false;
	snprintf(path, sizeof(path), "%s/%s/%s", sysfs, folder, name);
	return access(path, F_OK) == 0;
}

bool tt_interface_exists(const char *sysfs, const char *interface)
{
	return exists(sysfs, "class/net", interface);
}

unsigned int tt_interface_queues(const char *sysfs, const char *interface)
{
	char path[PATH_BYTES];
	unsigned int queues = 0;

	if (!is_name(interface))
		return 0;
	snprintf(path, sizeof(path), "%s/class/net/%s/queues", sysfs, interface);
	DIR *folder = opendir(path);
	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (strncmp(entry->d_name, "rx-", 3) == 0)
			queues++;
	closedir(folder);
	return queues;
}

bool tt_interface_up(const char *sysfs, const char *interface)
{
	char state[32], flags[32];

	if (!is_name(interface) ||
		!read_line(state, sizeof(state), "%s/class/net/%s/operstate", sysfs, interface))
		return false;
	if (strcmp(state, "up") == 0)
		return true;
	/* Loopback and tunnels have no state of their own: theirs is IFF_UP. */
	return strcmp(state, "unknown") == 0 &&
		read_line(flags, sizeof(flags), "%s/class/net/%s/flags", sysfs, interface) &&
		(strtoul(flags, NULL, 16) & 1) != 0;
}

uint32_t tt_interface_speed_mbps(const char *sysfs, const char *interface)
{
	char text[32];

	if (!is_name(interface) ||
		!read_line(text, sizeof(text), "%s/class/net/%s/speed", sysfs, interface))
		return 0;
	long speed = strtol(text, NULL, 10);
	return speed > 0 && speed < 100000000 ? (uint32_t)speed : 0;
}

uint64_t tt_interface_statistic(const char *sysfs, const char *interface, const char *name)
{
	char text[32];

	if (!is_name(interface) ||
		!read_line(text, sizeof(text), "%s/class/net/%s/statistics/%s", sysfs, interface,
			name))
		return 0;
	return strtoull(text, NULL, 10);
}

int tt_interface_node(const char *sysfs, const char *interface)
{
	char text[32];

	if (!is_name(interface) ||
		!read_line(
			text, sizeof(text), "%s/class/net/%s/device/numa_node", sysfs, interface))
		return -1;
	return (int)strtol(text, NULL, 10);
}

int tt_pci_node(const char *sysfs, const char *address)
{
	char text[32];

	if (!is_name(address) ||
		!read_line(text, sizeof(text), "%s/bus/pci/devices/%s/numa_node", sysfs, address))
		return -1;
	return (int)strtol(text, NULL, 10);
}

/* Drivers whose devices stay with the kernel while DPDK receives from them. */
static bool is_shared_driver(const char *driver)
{
	return strcmp(driver, "mlx5_core") == 0 || strcmp(driver, "mlx4_core") == 0 ||
		strcmp(driver, "mana") == 0;
}

static bool is_behind_iommu(const char *sysfs, const char *address)
{
	char path[PATH_BYTES], group[PATH_BYTES], name[64];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group", sysfs, address);
	ssize_t length = readlink(path, group, sizeof(group) - 1);
	if (length <= 0)
		return false;
	group[length] = '\0';
	/* vfio makes up a group for a device without an IOMMU, and names it so. */
	const char *number = strrchr(group, '/');
	return !read_line(name, sizeof(name), "%s/kernel/iommu_groups/%s/name", sysfs,
		       number == NULL ? group : number + 1) ||
		strcmp(name, "vfio-noiommu") != 0;
}

enum tt_pci_binding tt_pci_binding(
	const char *sysfs, const char *address, char *driver, size_t driver_bytes)
{
	char path[PATH_BYTES], target[PATH_BYTES];

	driver[0] = '\0';
	if (!exists(sysfs, "bus/pci/devices", address))
		return TT_PCI_MISSING;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver", sysfs, address);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return TT_PCI_UNBOUND;
	target[length] = '\0';
	const char *name = strrchr(target, '/');
	name = name == NULL ? target : name + 1;
	snprintf(driver, driver_bytes, "%s", name);
	if (strcmp(name, "vfio-pci") == 0)
		return is_behind_iommu(sysfs, address) ? TT_PCI_IOMMU : TT_PCI_NO_IOMMU;
	if (strcmp(name, "uio_pci_generic") == 0 || strcmp(name, "igb_uio") == 0)
		return TT_PCI_NO_IOMMU;
	return is_shared_driver(name) ? TT_PCI_SHARED : TT_PCI_KERNEL;
}
