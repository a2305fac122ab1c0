/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <string.h>

#define MS_US	  UINT64_C(1000)
#define SECOND_US (1000 * MS_US)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US	  (60 * MINUTE_US)
#define WEEK_US	  (7 * 24 * HOUR_US)
#define KIB	  UINT64_C(1024)

#define FIELD(field)                                                                               \
	.offset = offsetof(struct tt_config, field),                                               \
	.field_bytes = sizeof(((struct tt_config *)NULL)->field)
#define PORT_FIELD(field)                                                                          \
	.offset = offsetof(struct tt_config_port, field),                                          \
	.field_bytes = sizeof(((struct tt_config_port *)NULL)->field)
#define JOURNAL_MOST		     (32ull * KIB * KIB * KIB)
#define JOURNAL_USUAL		     (64 * KIB * KIB)
#define RANGE(least, most, standard) .minimum = (least), .maximum = (most), .fallback = (standard)

#define SECTION(key_path, text)                                                                    \
	{                                                                                          \
		.path = (key_path), .type = TT_SCHEMA_SECTION, .description = (text)               \
	}
#define DEVICE(key, named, key_form, sample, text)                                                 \
	{                                                                                          \
		.path = "ports[]." key, .type = TT_SCHEMA_DEVICE, .description = (text),           \
		PORT_FIELD(device), .form = (key_form), .example = (sample), .number = (named),    \
		.number_offset = offsetof(struct tt_config_port, kind)                             \
	}
#define HOT_TIMEOUT(key_path, key_field, standard, text)                                           \
	{                                                                                          \
		.path = (key_path), .type = TT_SCHEMA_DURATION, .hot = true,                       \
		.description = (text), FIELD(key_field), RANGE(MS_US, WEEK_US, (standard))         \
	}
#define TIMEOUT(key_path, key_field, standard, text)                                               \
	{                                                                                          \
		.path = (key_path), .type = TT_SCHEMA_DURATION, .description = (text),             \
		FIELD(key_field), RANGE(MS_US, WEEK_US, (standard))                                \
	}
#define RULE_FIELD(field)                                                                          \
	.offset = offsetof(struct tt_config_filter_rule, field),                                   \
	.field_bytes = sizeof(((struct tt_config_filter_rule *)NULL)->field)
#define RULE_TEXT(key, key_form, sample, text)                                                     \
	{                                                                                          \
		.path = "rules[]." #key, .type = TT_SCHEMA_STRING, .hot = true,                    \
		.description = (text), .offset = offsetof(struct tt_config_rule, key),             \
		.field_bytes = sizeof(((struct tt_config_rule *)NULL)->key), .form = (key_form),   \
		.example = (sample)                                                                \
	}
#define RULE_NETWORK(key, text)                                                                    \
	{                                                                                          \
		.path = "rules[]." #key, .type = TT_SCHEMA_NETWORK, .hot = true,                   \
		.description = (text), .offset = offsetof(struct tt_config_rule, key),             \
		.field_bytes = sizeof(((struct tt_config_rule *)NULL)->key)                        \
	}
/* The rules of one list; every key of a rule has to match. */
#define RULES(kind, text)                                                                          \
	{.path = "filter." #kind,                                                                  \
		.type = TT_SCHEMA_LIST,                                                            \
		.description = (text),                                                             \
		FIELD(filter.kind),                                                                \
		.count_offset = offsetof(struct tt_config, filter.kind##_count),                   \
		.capacity = TT_CONFIG_FILTER_RULES,                                                \
		.item_bytes = sizeof(struct tt_config_filter_rule)},                               \
		{.path = "filter." #kind "[].network",                                             \
			.type = TT_SCHEMA_NETWORK,                                                 \
			.description = "One of the two addresses is in it",                        \
			RULE_FIELD(network)},                                                      \
		{.path = "filter." #kind "[].port",                                                \
			.type = TT_SCHEMA_RANGE,                                                   \
			.description = "The port at that address",                                 \
			RULE_FIELD(ports),                                                         \
			RANGE(1, 65535, 0)},                                                       \
		{.path = "filter." #kind "[].protocol",                                            \
			.type = TT_SCHEMA_PROTOCOL,                                                \
			.description = "What IP carries",                                          \
			RULE_FIELD(protocol),                                                      \
			RANGE(1, 255, 0)},                                                         \
	{                                                                                          \
		.path = "filter." #kind "[].vlan", .type = TT_SCHEMA_RANGE,                        \
		.description = "One of the VLAN tags, outside or inside of tunnels",               \
		RULE_FIELD(vlans), RANGE(1, 4095, 0)                                               \
	}
/* The bit is 1 << enum tt_layer_kind, the key tt_layer_name(): a unit test holds them together. */
#define LAYER(key, bit, text)                                                                      \
	{                                                                                          \
		.path = "tunnels." key, .type = TT_SCHEMA_BIT, .description = "Take off " text,    \
		FIELD(tunnels.layer_kinds), RANGE(0, 1, 1), .number = (bit)                        \
	}

static const char *const idle_names[] = {"adaptive", "poll", NULL};
static const char *const steering_names[] = {"auto", "nic", "software", NULL};
static const char *const huge_page_names[] = {"auto", "require", "never", NULL};
static const char *const duplicates_names[] = {"off", "on", "auto", NULL};
static const char *const log_names[] = {"error", "warning", "info", "debug", NULL};

/* A quarter: a SYN flood may take that much of the table and leaves the rest to connections. */
static uint64_t derive_half_open(const struct tt_config *config)
{
	return config->flow.connections / 4;
}

const struct tt_schema_key tt_schema[] = {
	{.path = "ports",
		.type = TT_SCHEMA_LIST,
		.description = "Ports that receive the copy of the traffic; an entry names its "
			       "device by exactly one key",
		FIELD(ports),
		.count_offset = offsetof(struct tt_config, port_count),
		.capacity = TT_CONFIG_PORTS,
		.item_bytes = sizeof(struct tt_config_port)},
	DEVICE("pci", TT_PORT_PCI, TT_SCHEMA_PCI, "0000:3b:00.0",
		"A NIC bound to vfio-pci or uio, by its PCI address"),
	DEVICE("interface", TT_PORT_AF_PACKET, TT_SCHEMA_INTERFACE, "eth1",
		"A kernel interface, through AF_PACKET"),
	DEVICE("af_xdp", TT_PORT_AF_XDP, TT_SCHEMA_INTERFACE, "eth1",
		"A kernel interface, through AF_XDP"),
	DEVICE("pcap", TT_PORT_PCAP, TT_SCHEMA_INTERFACE, "eth1",
		"A kernel interface, through libpcap"),
	DEVICE("memif", TT_PORT_MEMIF, TT_SCHEMA_ANY_TEXT, "/run/memif.sock",
		"A shared memory interface, by its socket"),
	DEVICE("virtio_user", TT_PORT_VIRTIO_USER, TT_SCHEMA_ANY_TEXT, "/run/vhost.sock",
		"The virtio side of a vhost-user switch, by its socket"),
	DEVICE("tap", TT_PORT_TAP, TT_SCHEMA_INTERFACE, "dtap0",
		"A TAP interface that is made for the port"),
	DEVICE("ring", TT_PORT_RING, TT_SCHEMA_NAME, "ring0", "A DPDK ring, for tests"),
	DEVICE("null", TT_PORT_NULL, TT_SCHEMA_NAME, "null0",
		"A source of empty frames, for measurements"),
	DEVICE("devargs", TT_PORT_DEVARGS, TT_SCHEMA_ANY_TEXT, "net_ring0,nodeaction=r1:0:CREATE",
		"Any other virtual device, in DPDK's own words"),
	{.path = "ports[].descriptors",
		.type = TT_SCHEMA_UINT,
		.description = "Descriptors of each receive queue",
		PORT_FIELD(descriptors),
		RANGE(64, 32768, 4096),
		.unit = "descriptors"},
	{.path = "ports[].frame_size",
		.type = TT_SCHEMA_SIZE,
		.description = "Longest frame that is received whole",
		PORT_FIELD(frame_bytes),
		RANGE(64, 16 * KIB, 1536)},
	{.path = "ports[].promiscuous",
		.type = TT_SCHEMA_BOOL,
		.description = "Receive frames for other stations, as a tap must",
		PORT_FIELD(promiscuous),
		RANGE(0, 1, 1)},
	{.path = "ports[].nic_timestamps",
		.type = TT_SCHEMA_BOOL,
		.description = "Take the time of packets from a NIC that stamps them",
		PORT_FIELD(nic_timestamps),
		RANGE(0, 1, 1)},

	SECTION("workers", "The lcores that receive and trace packets"),
	{.path = "workers.count",
		.type = TT_SCHEMA_UINT,
		.description = "Workers, each with a receive queue of every port",
		FIELD(workers.count),
		RANGE(1, TT_CONFIG_WORKERS, 1),
		.unit = "workers"},
	{.path = "workers.cpus",
		.type = TT_SCHEMA_CPUS,
		.description = "A CPU for each worker in turn, as a list or as text like 1-3,5",
		FIELD(workers.cpus),
		.maximum = TT_SCHEMA_CPU_MAX,
		.count_offset = offsetof(struct tt_config, workers.cpu_count),
		.capacity = TT_CONFIG_WORKERS},
	{.path = "workers.idle",
		.type = TT_SCHEMA_ENUM,
		.description = "Without packets: sleep a little longer each time, or go on polling",
		FIELD(workers.idle),
		.fallback = TT_IDLE_ADAPTIVE,
		.names = idle_names},
	{.path = "workers.steering",
		.type = TT_SCHEMA_ENUM,
		.description =
			"What brings both directions of a flow to one worker; auto: software",
		FIELD(workers.steering),
		.fallback = TT_STEERING_AUTO,
		.names = steering_names},
	{.path = "workers.ring_packets",
		.type = TT_SCHEMA_UINT,
		.description = "Packets that wait between two workers where software steers",
		FIELD(workers.ring_packets),
		RANGE(64, 1048576, 4096),
		.unit = "packets",
		.power_of_two = true},

	SECTION("control", "The lcore that merges, keeps and serves"),
	{.path = "control.cpu",
		.type = TT_SCHEMA_CPU,
		.description = "Its CPU",
		FIELD(control.cpu),
		.maximum = TT_SCHEMA_CPU_MAX,
		.fallback = UINT64_MAX},

	SECTION("memory", "What is allocated at the start"),
	{.path = "memory.huge_pages",
		.type = TT_SCHEMA_ENUM,
		.description = "Use huge pages where there are some, always, or never",
		FIELD(memory.huge_pages),
		.fallback = TT_HUGE_PAGES_AUTO,
		.names = huge_page_names},
	{.path = "memory.mbufs",
		.type = TT_SCHEMA_COUNT,
		.description = "Packet buffers of each NUMA node",
		FIELD(memory.mbufs),
		RANGE(1024, 16777216, 65536),
		.unit = "mbufs"},
	{.path = "memory.mbuf_size",
		.type = TT_SCHEMA_SIZE,
		.description =
			"Data room of a packet buffer, DPDK's headroom of 128 bytes included",
		FIELD(memory.mbuf_bytes),
		RANGE(KIB, 65535, 2 * KIB + 128)},
	{.path = "memory.record_batches",
		.type = TT_SCHEMA_UINT,
		.description =
			"Batches of 32 KiB of records between each worker and the control core",
		FIELD(memory.record_batches),
		RANGE(TT_CONFIG_RECORD_BATCHES_LEAST, 65535, 255),
		.unit = "batches"},

	SECTION("flow", "The flow table of each worker"),
	{.path = "flow.connections",
		.type = TT_SCHEMA_COUNT,
		.description = "Connections known at a time, beyond which the idlest is evicted",
		FIELD(flow.connections),
		RANGE(64, 268435456, 1000000),
		.unit = "connections"},
	{.path = "flow.half_open",
		.type = TT_SCHEMA_COUNT,
		.description = "Of them, TCP handshakes not complete; a quarter when not given",
		FIELD(flow.half_open),
		.minimum = 1,
		.maximum = 268435456,
		.unit = "connections",
		.derive = derive_half_open},
	SECTION("flow.key", "What tells flows apart besides addresses, ports and protocol"),
	{.path = "flow.key.vlan",
		.type = TT_SCHEMA_BOOL,
		.description = "The VLAN ids",
		FIELD(flow.key_vlan),
		RANGE(0, 1, 0)},
	{.path = "flow.key.tunnel",
		.type = TT_SCHEMA_BOOL,
		.description = "The ids of the tunnels around the packet",
		FIELD(flow.key_tunnel),
		RANGE(0, 1, 1)},
	SECTION("flow.timeouts", "After how long without a packet a flow is closed"),
	HOT_TIMEOUT("flow.timeouts.tcp_idle", flow.tcp_idle_us, HOUR_US, "TCP, established"),
	HOT_TIMEOUT("flow.timeouts.tcp_half_open", flow.tcp_half_open_us, 5 * SECOND_US,
		"TCP, handshake not complete"),
	HOT_TIMEOUT("flow.timeouts.tcp_closing", flow.tcp_closing_us, 2 * SECOND_US,
		"TCP, after the FINs of both sides"),
	HOT_TIMEOUT("flow.timeouts.udp_one_way", flow.udp_one_way_us, 30 * SECOND_US,
		"UDP, seen in one direction"),
	HOT_TIMEOUT("flow.timeouts.udp_two_way", flow.udp_two_way_us, 120 * SECOND_US,
		"UDP, seen in both directions"),
	HOT_TIMEOUT(
		"flow.timeouts.other", flow.other_idle_us, 30 * SECOND_US, "Any other protocol"),

	SECTION("fragments", "IP fragments, which follow the first one of their datagram"),
	{.path = "fragments.datagrams",
		.type = TT_SCHEMA_COUNT,
		.description = "Fragmented datagrams known at a time by each worker",
		FIELD(fragments.datagrams),
		RANGE(16, 1048576, 4096),
		.unit = "datagrams"},
	HOT_TIMEOUT("fragments.timeout", fragments.timeout_us, 60 * SECOND_US,
		"How long a datagram's fragments are waited for"),

	SECTION("duplicates",
		"Packets that the mirror port delivers again: the same but for link header, "
		"VLAN and TTL"),
	{.path = "duplicates.remove",
		.type = TT_SCHEMA_ENUM,
		.description = "Leave them out: never, always, or once some were seen",
		FIELD(duplicates.remove),
		.fallback = TT_DUPLICATES_OFF,
		.names = duplicates_names},
	{.path = "duplicates.packets",
		.type = TT_SCHEMA_COUNT,
		.description = "Packets among which each worker looks for the first of them",
		FIELD(duplicates.packets),
		RANGE(64, 16777216, 16384),
		.unit = "packets"},
	{.path = "duplicates.window",
		.type = TT_SCHEMA_DURATION,
		.description = "How long after it they come at most",
		FIELD(duplicates.window_us),
		RANGE(1, SECOND_US, 20 * MS_US)},

	SECTION("overload",
		"A worker that falls behind leaves out in steps what is worth least: see "
		"reliability.md"),
	{.path = "overload.shed",
		.type = TT_SCHEMA_BOOL,
		.description = "Do so; else packets are lost as the ports overflow",
		FIELD(overload.shed),
		RANGE(0, 1, 1)},
	TIMEOUT("overload.react", overload.react_us, 100 * MS_US,
		"How long a worker is behind before it leaves out a quarter of a step more"),
	TIMEOUT("overload.recover", overload.recover_us, 5 * SECOND_US,
		"How long it is not before it takes one up again"),
	{.path = "overload.long_flow",
		.type = TT_SCHEMA_COUNT,
		.description = "Packets after which a flow's payload is the first to be left out",
		FIELD(overload.long_flow_packets),
		RANGE(1, 4294967295, 64),
		.unit = "packets"},

	SECTION("payload",
		"Payload of connections, until their protocol's parser has what it wants"),
	{.path = "payload.connections",
		.type = TT_SCHEMA_COUNT,
		.description = "Connections of each worker whose payload is followed at a time",
		FIELD(payload.connections),
		RANGE(16, 16777216, 262144),
		.unit = "connections"},
	{.path = "payload.reassembly",
		.type = TT_SCHEMA_SIZE,
		.description = "Segments of each worker that wait for earlier ones",
		FIELD(payload.reassembly_bytes),
		RANGE(KIB *KIB, 32ull * KIB * KIB * KIB, 256 * KIB * KIB)},

	SECTION("dns", "DNS on ports 53, 5353 and 5355, over UDP and TCP"),
	{.path = "dns.enabled",
		.type = TT_SCHEMA_BOOL,
		.description = "Follow DNS",
		FIELD(dns.enabled),
		RANGE(0, 1, 1)},
	{.path = "dns.ports",
		.type = TT_SCHEMA_PORTS,
		.description = "More of its ports, besides 53, 5353 and 5355",
		FIELD(dns.ports),
		.minimum = 1,
		.maximum = UINT16_MAX,
		.count_offset = offsetof(struct tt_config, dns.port_count),
		.capacity = TT_CONFIG_DNS_PORTS},
	{.path = "dns.pending",
		.type = TT_SCHEMA_COUNT,
		.description = "Queries of each worker that wait for their response",
		FIELD(dns.pending),
		RANGE(16, 16777216, 100000),
		.unit = "queries"},
	TIMEOUT("dns.timeout", dns.timeout_us, 15 * SECOND_US,
		"How long a query waits for its response"),
	{.path = "dns.keys",
		.type = TT_SCHEMA_COUNT,
		.description = "Keys of statistics: client, server, domain and query type",
		FIELD(dns.keys),
		RANGE(16, 16777216, 100000),
		.unit = "keys"},
	{.path = "dns.registered_domain",
		.type = TT_SCHEMA_BOOL,
		.description = "Count by registered domain, not by full name",
		FIELD(dns.registered_domain),
		RANGE(0, 1, 0)},

	SECTION("http", "HTTP/1.0 and 1.1, and HTTP/2 in clear, on any port"),
	{.path = "http.enabled",
		.type = TT_SCHEMA_BOOL,
		.description = "Follow HTTP",
		FIELD(http.enabled),
		RANGE(0, 1, 1)},
	{.path = "http.transactions",
		.type = TT_SCHEMA_COUNT,
		.description = "Transactions of each worker under way at a time",
		FIELD(http.transactions),
		RANGE(16, 16777216, 65536),
		.unit = "transactions"},
	{.path = "http.keys",
		.type = TT_SCHEMA_COUNT,
		.description = "Keys of statistics: client, server, method, route and status",
		FIELD(http.keys),
		RANGE(16, 16777216, 100000),
		.unit = "keys"},

	SECTION("tls", "TLS and DTLS, on any port"),
	{.path = "tls.enabled",
		.type = TT_SCHEMA_BOOL,
		.description = "Follow the handshakes of TLS",
		FIELD(tls.enabled),
		RANGE(0, 1, 1)},
	{.path = "tls.handshakes",
		.type = TT_SCHEMA_COUNT,
		.description = "Handshakes of each worker under way at a time",
		FIELD(tls.handshakes),
		RANGE(16, 16777216, 16384),
		.unit = "handshakes"},

	SECTION("names", "Names of addresses, learned from DNS answers"),
	{.path = "names.addresses",
		.type = TT_SCHEMA_COUNT,
		.description = "Addresses whose names are known; the oldest go",
		FIELD(names.addresses),
		RANGE(16, 67108864, 1000000),
		.unit = "addresses"},
	{.path = "names.an_address",
		.type = TT_SCHEMA_UINT,
		.description = "Names of one address",
		FIELD(names.an_address),
		RANGE(1, 16, 16),
		.unit = "names"},
	TIMEOUT("names.ttl_min", names.ttl_min_us, 60 * SECOND_US,
		"How long a name holds at least, whatever its TTL says"),
	TIMEOUT("names.ttl_max", names.ttl_max_us, 24 * HOUR_US, "How long a name holds at most"),

	SECTION("filter",
		"Which packets are traced, by their innermost IP header; both "
		"directions match alike"),
	RULES(include, "Trace only packets that match one of these; none: all"),
	RULES(exclude, "Leave out packets that match one of these, included or not"),

	SECTION("tunnels", "Which encapsulations are taken off; others stay flows of their own"),
	{.path = "tunnels.depth",
		.type = TT_SCHEMA_UINT,
		.description = "Encapsulations taken off a packet",
		FIELD(tunnels.layer_limit),
		RANGE(0, 4, 4),
		.unit = "encapsulations"},
	LAYER("mpls", 1, "MPLS labels"),
	LAYER("pppoe", 2, "PPPoE sessions"),
	LAYER("gre", 3, "GRE"),
	LAYER("pptp", 4, "PPTP's GRE version 1"),
	LAYER("nvgre", 5, "NVGRE"),
	LAYER("erspan1", 6, "ERSPAN type I"),
	LAYER("erspan2", 7, "ERSPAN type II"),
	LAYER("erspan3", 8, "ERSPAN type III"),
	LAYER("vxlan", 9, "VXLAN"),
	LAYER("vxlan_gpe", 10, "VXLAN-GPE"),
	LAYER("geneve", 11, "Geneve"),
	LAYER("gtpu", 12, "GTP-U"),
	LAYER("ipip", 13, "IPv4 in IPv4"),
	LAYER("6in4", 14, "IPv6 in IPv4"),
	LAYER("4in6", 15, "IPv4 in IPv6"),
	LAYER("6in6", 16, "IPv6 in IPv6"),
	LAYER("teredo", 17, "Teredo"),
	LAYER("l2tp", 18, "L2TP versions 2 and 3"),
	LAYER("nsh", 19, "network service headers"),
	LAYER("etherip", 20, "EtherIP"),
	LAYER("ah", 21, "IPsec authentication headers"),

	{.path = "rules",
		.type = TT_SCHEMA_LIST,
		.hot = true,
		.description = "Names of services, and what becomes of their records; the first "
			       "that matches counts",
		FIELD(rules),
		.count_offset = offsetof(struct tt_config, rule_count),
		.capacity = TT_CONFIG_RULES,
		.item_bytes = sizeof(struct tt_config_rule)},
	RULE_TEXT(service, TT_SCHEMA_NAME, "shop", "What records call it"),
	RULE_TEXT(host, TT_SCHEMA_ANY_TEXT, "*.shop.example",
		"HTTP's host: a name, *. and one, or an expression for the whole of it"),
	RULE_TEXT(sni, TT_SCHEMA_ANY_TEXT, "www.shop.example",
		"The name that a TLS client asks for; the same"),
	RULE_TEXT(path, TT_SCHEMA_ANY_TEXT, "/orders/[0-9]+(/.*)?",
		"HTTP's path: a regular expression for the whole of it"),
	RULE_TEXT(method, TT_SCHEMA_ANY_TEXT, "GET|HEAD", "HTTP's method; the same"),
	RULE_NETWORK(client, "The client's address is in it"),
	RULE_NETWORK(server, "The server's address is in it"),
	{.path = "rules[].port",
		.type = TT_SCHEMA_RANGE,
		.hot = true,
		.description = "The server's port",
		.offset = offsetof(struct tt_config_rule, ports),
		.field_bytes = sizeof(((struct tt_config_rule *)NULL)->ports),
		RANGE(1, 65535, 0)},
	RULE_TEXT(protocol, TT_SCHEMA_NAME, "http",
		"What is spoken or encrypts it, as connections name it"),
	RULE_TEXT(route, TT_SCHEMA_ROUTE, "/orders/*",
		"HTTP's route, instead of the one of its path; none leaves it out"),
	{.path = "rules[].exclude",
		.type = TT_SCHEMA_BOOL,
		.hot = true,
		.description = "Leave its records and statistics out",
		.offset = offsetof(struct tt_config_rule, exclude),
		.field_bytes = sizeof(((struct tt_config_rule *)NULL)->exclude),
		RANGE(0, 1, 0)},

	{.path = "signatures",
		.type = TT_SCHEMA_STRING,
		.hot = true,
		.description = "A file of protocols to tell apart, instead of the list built in",
		FIELD(signatures),
		.example = "/etc/taptrace-signatures.yaml"},

	SECTION("journal", "What is kept for clients; the oldest go first"),
	{.path = "journal.connections",
		.type = TT_SCHEMA_COUNT,
		.description = "Closed connections",
		FIELD(journal.connections),
		RANGE(64, 268435456, 1000000),
		.unit = "connections"},
	{.path = "journal.dns",
		.type = TT_SCHEMA_SIZE,
		.description = "DNS transactions, by their size",
		FIELD(journal.dns_bytes),
		RANGE(64 * KIB, JOURNAL_MOST, JOURNAL_USUAL)},
	{.path = "journal.http",
		.type = TT_SCHEMA_SIZE,
		.description = "HTTP transactions",
		FIELD(journal.http_bytes),
		RANGE(64 * KIB, JOURNAL_MOST, JOURNAL_USUAL)},
	{.path = "journal.tls",
		.type = TT_SCHEMA_SIZE,
		.description = "TLS handshakes, with their certificates",
		FIELD(journal.tls_bytes),
		RANGE(64 * KIB, JOURNAL_MOST, JOURNAL_USUAL)},

	SECTION("clients", "Those who pull, each with a name"),
	{.path = "clients.limit",
		.type = TT_SCHEMA_UINT,
		.description = "Clients at a time",
		FIELD(clients.limit),
		RANGE(1, 64, 8),
		.unit = "clients"},
	TIMEOUT("clients.expiry", clients.expiry_us, 2 * MINUTE_US,
		"A client that has not pulled for so long is forgotten"),
	{.path = "clients.connections",
		.type = TT_SCHEMA_COUNT,
		.description = "Connections of each client that are compared with its last pull",
		FIELD(clients.connections),
		RANGE(1, 67108864, 262144),
		.unit = "connections"},
	{.path = "clients.keys",
		.type = TT_SCHEMA_COUNT,
		.description =
			"Keys of each client's DNS and of its HTTP statistics between two pulls",
		FIELD(clients.keys),
		RANGE(16, 16777216, 20000),
		.unit = "keys"},

	SECTION("pull", "The pull API, HTTP on a unix socket and, if asked for, on TCP"),
	{.path = "pull.enabled",
		.type = TT_SCHEMA_BOOL,
		.description = "Serve it",
		FIELD(pull.enabled),
		RANGE(0, 1, 1)},
	{.path = "pull.socket",
		.type = TT_SCHEMA_STRING,
		.description = "Its socket; not set: pull.sock beside the telemetry socket",
		FIELD(pull.socket),
		.form = TT_SCHEMA_ANY_TEXT,
		.example = "/run/taptrace/pull.sock"},
	{.path = "pull.port",
		.type = TT_SCHEMA_UINT,
		.description = "TCP port to listen at as well; 0: none",
		FIELD(pull.port),
		RANGE(0, 65535, 0),
		.unit = "TCP port"},
	{.path = "pull.address",
		.type = TT_SCHEMA_STRING,
		.description = "IPv4 or IPv6 address to listen at with TCP",
		FIELD(pull.address),
		.form = TT_SCHEMA_ADDRESS,
		.fallback_text = "127.0.0.1"},

	SECTION("telemetry", "The DPDK telemetry socket"),
	{.path = "telemetry.prefix",
		.type = TT_SCHEMA_STRING,
		.description = "DPDK's file prefix: the socket is "
			       "/run/dpdk/PREFIX/dpdk_telemetry.v2",
		FIELD(telemetry.prefix),
		.form = TT_SCHEMA_NAME,
		.fallback_text = "taptrace"},

	SECTION("security", "What is given up once the devices are open"),
	{.path = "security.user",
		.type = TT_SCHEMA_STRING,
		.description = "User to become; not set: root becomes taptrace where there is such "
			       "a user, else nobody",
		FIELD(security.user),
		.form = TT_SCHEMA_NAME,
		.example = "taptrace"},
	{.path = "security.group",
		.type = TT_SCHEMA_STRING,
		.description = "Group to become, whose members may use the sockets; not set: the "
			       "user's",
		FIELD(security.group),
		.form = TT_SCHEMA_NAME,
		.example = "taptrace"},
	{.path = "security.sandbox",
		.type = TT_SCHEMA_BOOL,
		.description = "Give up all capabilities, system calls that are not needed, and "
			       "files that are not read",
		FIELD(security.sandbox),
		RANGE(0, 1, 1)},

	SECTION("log", "What is written to standard error"),
	{.path = "log.level",
		.type = TT_SCHEMA_ENUM,
		.hot = true,
		.description = "The least important lines that are written",
		FIELD(log.level),
		.fallback = TT_LOG_INFO,
		.names = log_names},
};

const uint32_t tt_schema_count = sizeof(tt_schema) / sizeof(tt_schema[0]);

const struct tt_schema_key *tt_schema_find(const char *path)
{
	for (uint32_t i = 0; i < tt_schema_count; i++)
		if (strcmp(tt_schema[i].path, path) == 0)
			return &tt_schema[i];
	return NULL;
}

const struct tt_schema_key *tt_schema_list(const struct tt_schema_key *key)
{
	if (strstr(key->path, "[]") == NULL)
		return NULL;
	while (key->type != TT_SCHEMA_LIST)
		key--;
	return key;
}

const char *tt_schema_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot == NULL ? path : dot + 1;
}

bool tt_schema_is_child(const char *path, const char *parent)
{
	size_t length = strlen(parent);
	const char *name = tt_schema_name(path);

	if (length == 0)
		return name == path;
	return name - path == (ptrdiff_t)length + 1 && memcmp(path, parent, length) == 0;
}

const void *tt_schema_value(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item)
{
	const struct tt_schema_key *list = tt_schema_list(key);
	size_t offset = list == NULL ? 0 : list->offset + item * list->item_bytes;

	return (const char *)config + offset + key->offset;
}

void *tt_schema_field(struct tt_config *config, const struct tt_schema_key *key, uint32_t item)
{
	size_t offset =
		(size_t)((const char *)tt_schema_value(config, key, item) - (const char *)config);

	return (char *)config + offset;
}

void tt_schema_set_number(
	struct tt_config *config, const struct tt_schema_key *key, uint32_t item, uint64_t number)
{
	void *field = tt_schema_field(config, key, item);
	uint32_t word = (uint32_t)number;

	if (key->type == TT_SCHEMA_BIT) {
		memcpy(&word, field, sizeof(word));
		word &= ~(UINT32_C(1) << key->number);
		word |= (uint32_t)(number != 0) << key->number;
		memcpy(field, &word, sizeof(word));
	} else if (key->type == TT_SCHEMA_BOOL) {
		*(bool *)field = number != 0;
	} else if (key->field_bytes == sizeof(number)) {
		memcpy(field, &number, sizeof(number));
	} else {
		memcpy(field, &word, sizeof(word));
	}
}

uint64_t tt_schema_number(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item)
{
	const void *field = tt_schema_value(config, key, item);
	uint64_t number;
	uint32_t word;

	if (key->type == TT_SCHEMA_BOOL)
		return *(const bool *)field;
	if (key->field_bytes == sizeof(number)) {
		memcpy(&number, field, sizeof(number));
		return number;
	}
	memcpy(&word, field, sizeof(word));
	if (key->type == TT_SCHEMA_BIT)
		return word >> key->number & 1;
	if (key->type == TT_SCHEMA_CPU)
		return (uint64_t)(int32_t)word;
	return word;
}

void tt_schema_set_text(
	struct tt_config *config, const struct tt_schema_key *key, uint32_t item, const char *text)
{
	char *field = tt_schema_field(config, key, item);

	memcpy(field, &text, sizeof(text));
	if (key->type == TT_SCHEMA_DEVICE)
		memcpy(field - key->offset + key->number_offset, &key->number,
			sizeof(enum tt_config_port_kind));
}

const char *tt_schema_text(
	const struct tt_config *config, const struct tt_schema_key *key, uint32_t item)
{
	const char *field = tt_schema_value(config, key, item);
	const char *text;
	enum tt_config_port_kind kind;

	memcpy(&text, field, sizeof(text));
	if (key->type == TT_SCHEMA_DEVICE) {
		memcpy(&kind, field - key->offset + key->number_offset, sizeof(kind));
		if (kind != key->number)
			return NULL;
	}
	return text;
}

uint32_t tt_schema_items(const struct tt_config *config, const struct tt_schema_key *key)
{
	uint32_t items;

	memcpy(&items, (const char *)config + key->count_offset, sizeof(items));
	return items;
}

void tt_schema_set_items(struct tt_config *config, const struct tt_schema_key *key, uint32_t items)
{
	memcpy((char *)config + key->count_offset, &items, sizeof(items));
}

void tt_schema_set_default(struct tt_config *config, const struct tt_schema_key *key, uint32_t item)
{
	switch (key->type) {
	case TT_SCHEMA_SECTION:
	case TT_SCHEMA_DEVICE:
		break;
	case TT_SCHEMA_LIST:
	case TT_SCHEMA_CPUS:
	case TT_SCHEMA_PORTS:
		tt_schema_set_items(config, key, 0);
		break;
	case TT_SCHEMA_NETWORK:
		memset(tt_schema_field(config, key, item), 0, key->field_bytes);
		break;
	case TT_SCHEMA_STRING:
		tt_schema_set_text(config, key, item, key->fallback_text);
		break;
	default:
		if (key->derive == NULL)
			tt_schema_set_number(config, key, item, key->fallback);
	}
}

bool tt_schema_is_same(const struct tt_config *one, const struct tt_config *other,
	const struct tt_schema_key *key, uint32_t item)
{
	const char *text;
	const char *other_text;

	switch (key->type) {
	case TT_SCHEMA_SECTION:
		return true;
	case TT_SCHEMA_LIST:
		return tt_schema_items(one, key) == tt_schema_items(other, key);
	case TT_SCHEMA_CPUS:
	case TT_SCHEMA_PORTS:
		return tt_schema_items(one, key) == tt_schema_items(other, key) &&
			memcmp(tt_schema_value(one, key, 0), tt_schema_value(other, key, 0),
				tt_schema_items(one, key) * sizeof(uint32_t)) == 0;
	case TT_SCHEMA_STRING:
	case TT_SCHEMA_DEVICE:
		text = tt_schema_text(one, key, item);
		other_text = tt_schema_text(other, key, item);
		return (text == NULL) == (other_text == NULL) &&
			(text == NULL || strcmp(text, other_text) == 0);
	case TT_SCHEMA_NETWORK:
		return memcmp(tt_schema_value(one, key, item), tt_schema_value(other, key, item),
			       sizeof(struct tt_config_network)) == 0;
	default:
		return tt_schema_number(one, key, item) == tt_schema_number(other, key, item);
	}
}
