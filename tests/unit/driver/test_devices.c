/* SPDX-License-Identifier: Apache-2.0 */
/* What is worked out before the EAL starts: devices, memory, arguments, what /sys says. */
#include "base/error.h"
#include "driver/eal.h"
#include "driver/plan.h"
#include "driver/sysfs.h"
#include "driver/vdev.h"

#include "driver/stderr_text.h"
#include "suite.h"

#include <sys/stat.h>

static struct tt_config_port port_of(enum tt_config_port_kind kind, const char *device)
{
	return (struct tt_config_port){
		.kind = kind, .device = device, .descriptors = 4096, .frame_bytes = 1536};
}

static void test_each_kind_has_its_devargs(void)
{
	static const struct {
		enum tt_config_port_kind kind;
		const char *device, *name, *devargs;
	} cases[] = {
		{TT_PORT_PCI, "0000:3b:00.0", "0000:3b:00.0", "0000:3b:00.0"},
		{TT_PORT_AF_PACKET, "eth1", "net_af_packet5",
			"net_af_packet5,iface=eth1,qpairs=3,blocksz=65536,framesz=2048,framecnt="
			"32768"},
		{TT_PORT_PCAP, "eth1", "net_pcap5", "net_pcap5,rx_iface_in=eth1"},
		{TT_PORT_MEMIF, "/run/m", "net_memif5",
			"net_memif5,role=server,id=0,socket=/run/m,socket-abstract=no"},
		{TT_PORT_VIRTIO_USER, "/run/v", "net_virtio_user5",
			"net_virtio_user5,path=/run/v,server=1,queues=3"},
		{TT_PORT_TAP, "dtap0", "net_tap5", "net_tap5,iface=dtap0"},
		{TT_PORT_RING, "r0", "net_ring_r0", "net_ring_r0"},
		{TT_PORT_NULL, "n0", "net_null_n0", "net_null_n0"},
		{TT_PORT_DEVARGS, "net_foo7,a=b,c=d", "net_foo7", "net_foo7,a=b,c=d"},
		{TT_PORT_DEVARGS, "net_foo7", "net_foo7", "net_foo7"},
	};
	static struct tt_device devices[TT_CONFIG_WORKERS];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tt_config_port port = port_of(cases[i].kind, cases[i].device);
		CU_ASSERT_EQUAL(tt_devices_describe(devices, &port, 5, 3), 1);
		CU_ASSERT_STRING_EQUAL(devices[0].name, cases[i].name);
		CU_ASSERT_STRING_EQUAL(devices[0].devargs, cases[i].devargs);
	}

	const struct tt_config_port xdp = port_of(TT_PORT_AF_XDP, "eth2");
	CU_ASSERT_EQUAL(tt_devices_describe(devices, &xdp, 1, 3), 3);
	CU_ASSERT_STRING_EQUAL(devices[0].name, "net_af_xdp1q0");
	CU_ASSERT_STRING_EQUAL(devices[2].name, "net_af_xdp1q2");
	CU_ASSERT_STRING_EQUAL(
		devices[2].devargs, "net_af_xdp1q2,iface=eth2,start_queue=2,queue_count=1");
}

static void test_names_that_would_forge_devargs_are_refused(void)
{
	static const char *const names[] = {"eth0,qpairs=9", "a=b", "a b"};
	struct tt_device device;
	struct stderr_text said;
	char longest[1024];

	for (size_t i = 0; i < 3; i++) {
		const struct tt_config_port port = port_of(TT_PORT_AF_PACKET, names[i]);
		stderr_begin(&said);
		CU_ASSERT_EQUAL(tt_devices_describe(&device, &port, 0, 1), TT_ERROR_ARGUMENT);
		CU_ASSERT_EQUAL(stderr_end(&said), 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(said.text, names[i]));
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (enum tt_config_port_kind kind = TT_PORT_PCI; kind <= TT_PORT_DEVARGS; kind++) {
		const struct tt_config_port port = port_of(kind, longest);
		stderr_begin(&said);
		CU_ASSERT_EQUAL(tt_devices_describe(&device, &port, 0, 1), TT_ERROR_ARGUMENT);
		CU_ASSERT_EQUAL(stderr_end(&said), 1);
	}
}

/* For any size the PMD accepts the ring: whole frames in a block, room for the frame behind the
 * kernel's header, an mbuf that takes a slot, not more than the limit. */
static void test_packet_rings_are_sound(void)
{
	static const uint32_t descriptors[] = {64, 100, 512, 4096, 32768};

	for (uint32_t frame_bytes = 64; frame_bytes <= 16384; frame_bytes += 61)
		for (size_t i = 0; i < 5; i++) {
			const struct tt_config_port port = {.kind = TT_PORT_AF_PACKET,
				.descriptors = descriptors[i],
				.frame_bytes = frame_bytes};
			struct tt_packet_ring ring = tt_packet_ring(&port);
			uint64_t bytes = (uint64_t)ring.frames * ring.frame_bytes;
			CU_ASSERT(ring.frame_bytes >= frame_bytes + 66);
			CU_ASSERT_EQUAL(ring.block_bytes % ring.frame_bytes, 0);
			CU_ASSERT_EQUAL(ring.block_bytes % 4096, 0);
			CU_ASSERT_EQUAL(bytes % ring.block_bytes, 0);
			CU_ASSERT(ring.frames >= 2 * descriptors[i] || bytes == 256u << 20);
			CU_ASSERT(bytes <= 256u << 20);
			CU_ASSERT(tt_device_mbuf_bytes(&port) >= ring.frame_bytes - 32);
			CU_ASSERT(tt_device_mbuf_bytes(&port) <= UINT16_MAX - 128);
			CU_ASSERT_EQUAL(tt_packet_ring_bytes(&port, 3), bytes * 6);
		}
}

/* A folder in which each file is its path and text, and each link its path and target. */
static char root[64];

static void put_file(const char *path, const char *text, bool is_link)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *slash = strchr(whole + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	if (is_link) {
		CU_ASSERT_EQUAL(symlink(text, whole), 0);
		return;
	}
	FILE *file = fopen(whole, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void make_sysfs(void)
{
	snprintf(root, sizeof(root), "/tmp/taptrace-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	put_file("class/net/eth1/operstate", "up\n", false);
	put_file("class/net/eth1/speed", "25000\n", false);
	put_file("class/net/eth1/device/numa_node", "1\n", false);
	put_file("class/net/eth1/queues/rx-0/x", "", false);
	put_file("class/net/eth1/queues/rx-1/x", "", false);
	put_file("class/net/eth1/queues/tx-0/x", "", false);
	put_file("class/net/eth1/statistics/tx_dropped", "18446744073709551615\n", false);
	put_file("class/net/eth2/operstate", "down\n", false);
	put_file("class/net/eth2/speed", "-1\n", false);
	put_file("class/net/lo/operstate", "unknown\n", false);
	put_file("class/net/lo/flags", "0x9\n", false);
	put_file("class/net/tun0/operstate", "unknown\n", false);
	put_file("class/net/tun0/flags", "0x1090\n", false);
	put_file("bus/pci/devices/0000:3b:00.0/numa_node", "1\n", false);
	put_file("bus/pci/devices/0000:3b:00.0/driver", "../../drivers/ixgbe", true);
	put_file("bus/pci/devices/0000:3b:00.1/driver", "../../drivers/vfio-pci", true);
	put_file("bus/pci/devices/0000:3b:00.1/iommu_group", "../../kernel/iommu_groups/4", true);
	put_file("bus/pci/devices/0000:3b:00.2/driver", "../../drivers/vfio-pci", true);
	put_file("bus/pci/devices/0000:3b:00.2/iommu_group", "../../kernel/iommu_groups/5", true);
	put_file("kernel/iommu_groups/5/name", "vfio-noiommu\n", false);
	put_file("bus/pci/devices/0000:3b:00.3/driver", "../../drivers/uio_pci_generic", true);
	put_file("bus/pci/devices/0000:3b:00.4/driver", "../../drivers/mlx5_core", true);
	put_file("bus/pci/devices/0000:3b:00.5/numa_node", "-1\n", false);
}

static void remove_sysfs(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void test_interfaces(void)
{
	make_sysfs();
	CU_ASSERT_TRUE(tt_interface_exists(root, "eth1"));
	CU_ASSERT_FALSE(tt_interface_exists(root, "eth9"));
	CU_ASSERT_FALSE(tt_interface_exists(root, "../net/eth1"));
	CU_ASSERT_FALSE(tt_interface_exists(root, ""));
	CU_ASSERT_FALSE(tt_interface_exists(root, "."));
	CU_ASSERT_TRUE(tt_interface_up(root, "eth1"));
	CU_ASSERT_FALSE(tt_interface_up(root, "eth2"));
	CU_ASSERT_FALSE(tt_interface_up(root, "eth9"));
	CU_ASSERT_TRUE(tt_interface_up(root, "lo"));
	CU_ASSERT_FALSE(tt_interface_up(root, "tun0"));
	CU_ASSERT_EQUAL(tt_interface_speed_mbps(root, "eth1"), 25000);
	CU_ASSERT_EQUAL(tt_interface_speed_mbps(root, "eth2"), 0);
	CU_ASSERT_EQUAL(tt_interface_queues(root, "eth1"), 2);
	CU_ASSERT_EQUAL(tt_interface_queues(root, "eth9"), 0);
	CU_ASSERT_EQUAL(tt_interface_statistic(root, "eth1", "tx_dropped"), UINT64_MAX);
	CU_ASSERT_EQUAL(tt_interface_statistic(root, "eth2", "tx_dropped"), 0);
	CU_ASSERT_EQUAL(tt_interface_node(root, "eth1"), 1);
	CU_ASSERT_EQUAL(tt_interface_node(root, "eth2"), -1);
	remove_sysfs();
}

static void test_pci_bindings(void)
{
	static const struct {
		const char *address, *driver;
		enum tt_pci_binding binding;
	} cases[] = {
		{"0000:3b:00.0", "ixgbe", TT_PCI_KERNEL},
		{"0000:3b:00.1", "vfio-pci", TT_PCI_IOMMU},
		{"0000:3b:00.2", "vfio-pci", TT_PCI_NO_IOMMU},
		{"0000:3b:00.3", "uio_pci_generic", TT_PCI_NO_IOMMU},
		{"0000:3b:00.4", "mlx5_core", TT_PCI_SHARED},
		{"0000:3b:00.5", "", TT_PCI_UNBOUND},
		{"0000:3b:00.6", "", TT_PCI_MISSING},
	};
	char driver[64];

	make_sysfs();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(tt_pci_binding(root, cases[i].address, driver, sizeof(driver)),
			cases[i].binding);
		CU_ASSERT_STRING_EQUAL(driver, cases[i].driver);
	}
	CU_ASSERT_EQUAL(tt_pci_node(root, "0000:3b:00.0"), 1);
	CU_ASSERT_EQUAL(tt_pci_node(root, "0000:3b:00.5"), -1);
	remove_sysfs();
}

static struct tt_config config_of_two_nodes(void)
{
	struct tt_config config = {
		.port_count = 3,
		.workers = {.count = 2, .ring_packets = 4096},
		.control = {.cpu = -1},
		.memory = {.mbufs = 65536, .mbuf_bytes = 2176, .record_batches = 255},
		.telemetry = {.prefix = "name"},
	};

	config.ports[0] = port_of(TT_PORT_PCI, "0000:3b:00.0"); /* node 1 */
	config.ports[1] = port_of(TT_PORT_AF_PACKET, "eth2");	/* none: 0 */
	config.ports[2] = port_of(TT_PORT_AF_PACKET, "eth1");	/* node 1 */
	return config;
}

static void test_memory_plan(void)
{
	struct tt_config config = config_of_two_nodes();
	struct tt_driver_options options = {.config = &config, .mbuf_private_bytes = 64};
	struct tt_plan plan, captures;
	struct stderr_text said;

	make_sysfs();
	CU_ASSERT_EQUAL_FATAL(tt_plan_make(&plan, &options, root), 0);
	CU_ASSERT_EQUAL(plan.nodes, 3);
	CU_ASSERT_EQUAL(plan.mbufs, 65536);
	CU_ASSERT_EQUAL(plan.mbuf_bytes, 2176);
	/* An mbuf's header, private bytes and room, and little besides. */
	CU_ASSERT(plan.pool_bytes >= 65536ull * (128 + 64 + 2176));
	CU_ASSERT(plan.pool_bytes <= 65536ull * (128 + 64 + 2176 + 128) + (4 << 20));
	CU_ASSERT(plan.heap_bytes > plan.pool_bytes);

	/* Long frames on af_packet need mbufs that take a slot of its ring. */
	config.ports[1].frame_bytes = 9018;
	CU_ASSERT_EQUAL_FATAL(tt_plan_make(&plan, &options, root), 0);
	CU_ASSERT_EQUAL(plan.mbuf_bytes, 16384 - 32 + 128);

	/* 2 queues of 4,096 descriptors on node 1, and what workers keep, must be there. */
	config.memory.mbufs = 8192 + 3 * 448;
	CU_ASSERT_EQUAL(tt_plan_make(&plan, &options, root), 0);
	config.memory.mbufs--;
	stderr_begin(&said);
	CU_ASSERT_EQUAL(tt_plan_make(&plan, &options, root), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(stderr_end(&said), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(said.text, "9536 at least"));

	/* A run over captures takes neither: its pool grows with the workers alone. */
	options.capture_file_count = 1;
	CU_ASSERT_EQUAL(tt_plan_make(&plan, &options, root), 0);
	config.workers.count = 8;
	CU_ASSERT_EQUAL(tt_plan_make(&captures, &options, root), 0);
	CU_ASSERT_EQUAL(captures.nodes, 1);
	CU_ASSERT(captures.mbufs > plan.mbufs);
	CU_ASSERT(captures.heap_bytes < 128 << 20);
	remove_sysfs();
}

static void test_memory_plan_in_words(void)
{
	struct tt_config config = config_of_two_nodes();
	const struct tt_driver_options options = {.config = &config};
	struct tt_driver_memory items[8];

	/* It reads this machine's /sys: devices that are not there have the first node. */
	config.ports[0].device = "0000:ff:1f.7";
	config.ports[1].device = "ttnone1";
	config.ports[2].device = "ttnone2";
	CU_ASSERT_EQUAL_FATAL(tt_driver_memory_plan(&options, items, 8), 4);
	CU_ASSERT_STRING_EQUAL(items[0].what, "65536 mbufs of 2176 bytes, NUMA node 0");
	CU_ASSERT_STRING_EQUAL(items[3].what, "ttnone2: rings in the kernel");
	CU_ASSERT_EQUAL(items[3].bytes, 2048ull * 32768 * 2 * 2);
	for (int i = 0; i < 4; i++)
		CU_ASSERT(items[i].bytes > 1 << 20);
	CU_ASSERT_EQUAL(tt_driver_memory_plan(&options, items, 3), 3);
}

/* All arguments in a line. */
static const char *join(
	const struct tt_eal_request *request, const cpu_set_t *cpus, bool huge_pages)
{
	static char line[4096];
	struct tt_arguments arguments = {0};

	tt_eal_arguments(&arguments, request, cpus, huge_pages);
	CU_ASSERT_FALSE(arguments.failed);
	line[0] = '\0';
	for (size_t i = 0; i < arguments.count; i++) {
		strcat(line, i == 0 ? "" : " ");
		strcat(line, arguments.items[i]);
	}
	CU_ASSERT_PTR_NULL(arguments.items[arguments.count]);
	tt_arguments_free(&arguments);
	return line;
}

static cpu_set_t first_cpus(size_t count)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (size_t cpu = 0; cpu < count; cpu++)
		CPU_SET(cpu, &cpus);
	return cpus;
}

static void test_eal_arguments(void)
{
	struct tt_config config = config_of_two_nodes();
	struct tt_eal_request request = {
		.config = &config, .heap_bytes = (100 << 20) - 1, .nodes = 1};
	const cpu_set_t two = first_cpus(2), four = first_cpus(4);
	char expected[256];

	CU_ASSERT_STRING_EQUAL(join(&request, &four, true),
		"taptrace --lcores=0@(0,3),1@1,2@2 --main-lcore=0 --in-memory -m 100 "
		"--file-prefix=name --iova-mode=va --no-pci");
	/* Fewer CPUs than lcores: none is pinned. */
	CU_ASSERT_STRING_EQUAL(join(&request, &two, false),
		"taptrace --lcores=(0-2)@(0,1) --main-lcore=0 --no-huge -m 100 --file-prefix=name "
		"--iova-mode=va --no-pci");

	config.workers.cpus[0] = 3;
	config.workers.cpus[1] = 2;
	config.workers.cpu_count = 2;
	config.control.cpu = 1;
	request.pci_addresses[0] = "0000:3b:00.0";
	request.pci_count = 1;
	request.physical_iova = true;
	request.one_file_segment = true;
	request.nodes = 5;
	CU_ASSERT_STRING_EQUAL(join(&request, &four, true),
		"taptrace --lcores=0@(1),1@3,2@2 --main-lcore=0 --in-memory --single-file-segments "
		"--socket-mem=100,0,100 --file-prefix=name --allow=0000:3b:00.0");

	/* A run over captures heeds none of that. */
	request.captures = true;
	request.pci_count = 0;
	request.nodes = 1;
	snprintf(expected, sizeof(expected),
		"taptrace --lcores=(0-2)@(0,1,2,3) --main-lcore=0 --no-huge -m 100 --no-telemetry "
		"--no-shconf --file-prefix=taptrace%ld --no-pci",
		(long)getpid());
	CU_ASSERT_STRING_EQUAL(join(&request, &four, false), expected);
}

static const struct suite_test tests[] = {
	{"each kind has its devargs", test_each_kind_has_its_devargs},
	{"names that would forge devargs are refused",
		test_names_that_would_forge_devargs_are_refused},
	{"packet rings are sound", test_packet_rings_are_sound},
	{"interfaces", test_interfaces},
	{"pci bindings", test_pci_bindings},
	{"memory plan", test_memory_plan},
	{"memory plan in words", test_memory_plan_in_words},
	{"eal arguments", test_eal_arguments},
};

SUITE_MAIN("driver_devices", tests)
