/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"
#include "config/value.h"
#include "packet/decode.h"

#include "text.h"

#include <fcntl.h>
#include <unistd.h>

#define ALL_LAYERS ((UINT32_C(1) << TT_LAYER_KINDS) - 2)

static uint32_t item_count(const struct tt_config *config, const struct tt_schema_key *key)
{
	const struct tt_schema_key *list = tt_schema_list(key);

	return list == NULL ? 1 : tt_schema_items(config, list);
}

static void check_same(const struct tt_config *one, const struct tt_config *other)
{
	for (uint32_t i = 0; i < tt_schema_count; i++)
		for (uint32_t item = 0; item < item_count(one, &tt_schema[i]); item++)
			CU_ASSERT_TRUE(tt_schema_is_same(one, other, &tt_schema[i], item));
}

static void test_defaults(void)
{
	struct tt_config *config;

	CU_ASSERT_EQUAL_FATAL(tt_config_default(&config), TT_OK);
	CU_ASSERT_EQUAL(config->port_count, 0);
	CU_ASSERT_EQUAL(config->workers.count, 1);
	CU_ASSERT_EQUAL(config->workers.cpu_count, 0);
	CU_ASSERT_EQUAL(config->workers.idle, TT_IDLE_ADAPTIVE);
	CU_ASSERT_EQUAL(config->workers.steering, TT_STEERING_AUTO);
	CU_ASSERT_EQUAL(config->workers.ring_packets, 4096);
	CU_ASSERT_EQUAL(config->control.cpu, TT_CONFIG_CPU_ANY);
	CU_ASSERT_EQUAL(config->memory.huge_pages, TT_HUGE_PAGES_AUTO);
	CU_ASSERT_EQUAL(config->memory.mbufs, 65536);
	CU_ASSERT_EQUAL(config->memory.mbuf_bytes, 2176);
	CU_ASSERT_EQUAL(config->memory.record_batches, 255);
	CU_ASSERT_EQUAL(config->flow.connections, 1000000);
	CU_ASSERT_EQUAL(config->flow.half_open, 250000);
	CU_ASSERT_FALSE(config->flow.key_vlan);
	CU_ASSERT_TRUE(config->flow.key_tunnel);
	CU_ASSERT_EQUAL(config->flow.tcp_idle_us, UINT64_C(3600000000));
	CU_ASSERT_EQUAL(config->flow.tcp_half_open_us, 5000000);
	CU_ASSERT_EQUAL(config->flow.tcp_closing_us, 2000000);
	CU_ASSERT_EQUAL(config->flow.udp_one_way_us, 30000000);
	CU_ASSERT_EQUAL(config->flow.udp_two_way_us, 120000000);
	CU_ASSERT_EQUAL(config->flow.other_idle_us, 30000000);
	CU_ASSERT_EQUAL(config->filter.include_count, 0);
	CU_ASSERT_EQUAL(config->filter.exclude_count, 0);
	CU_ASSERT_EQUAL(config->fragments.datagrams, 4096);
	CU_ASSERT_EQUAL(config->fragments.timeout_us, 60000000);
	CU_ASSERT_EQUAL(config->duplicates.remove, TT_DUPLICATES_OFF);
	CU_ASSERT_EQUAL(config->duplicates.packets, 16384);
	CU_ASSERT_EQUAL(config->duplicates.window_us, 20000);
	CU_ASSERT_TRUE(config->overload.shed);
	CU_ASSERT_EQUAL(config->overload.react_us, 100000);
	CU_ASSERT_EQUAL(config->overload.recover_us, 5000000);
	CU_ASSERT_EQUAL(config->overload.long_flow_packets, 64);
	CU_ASSERT_EQUAL(config->tunnels.layer_kinds, ALL_LAYERS);
	CU_ASSERT_EQUAL(config->tunnels.layer_limit, TT_PACKET_LAYERS);
	CU_ASSERT_EQUAL(config->journal.connections, 1000000);
	CU_ASSERT_STRING_EQUAL(config->telemetry.prefix, "taptrace");
	CU_ASSERT_PTR_NULL(config->security.user);
	CU_ASSERT_PTR_NULL(config->security.group);
	CU_ASSERT_TRUE(config->security.sandbox);
	CU_ASSERT_EQUAL(config->log.level, TT_LOG_INFO);
	tt_config_free(config);
}

static const char every_key[] =
	"ports:\n"
	"- {pci: 0000:3b:00.0, descriptors: 64}\n"
	"- {interface: eth1, frame_size: 9000}\n"
	"- {af_xdp: eth2, promiscuous: false}\n"
	"- {pcap: eth3, nic_timestamps: false}\n"
	"- memif: /run/memif.sock\n"
	"- virtio_user: '/run/v \"h\".sock'\n"
	"- tap: dtap0\n"
	"- ring: r0\n"
	"- null: n0\n"
	"- devargs: \"net_foo0,key=value\"\n"
	"- \"null\": 'null'\n"
	"workers:\n"
	"  count: 3\n"
	"  cpus: [5, 1-2]\n"
	"  idle: poll\n"
	"  steering: \"software\"\n"
	"  ring_packets: 1024\n"
	"control: {cpu: 0}\n"
	"memory:\n"
	"  huge_pages: require\n"
	"  mbufs: 100K\n"
	"  mbuf_size: 4K\n"
	"  record_batches: 127\n"
	"flow:\n"
	"  connections: 3M\n"
	"  half_open: 70000\n"
	"  key: {vlan: true, tunnel: false}\n"
	"  timeouts:\n"
	"    tcp_idle: 2h\n"
	"    tcp_half_open: 7s\n"
	"    tcp_closing: 1500ms\n"
	"    udp_one_way: 31000001us\n"
	"    udp_two_way: 5m\n"
	"    other: 29s\n"
	"fragments: {datagrams: 5K, timeout: 11s}\n"
	"duplicates: {remove: auto, packets: 4K, window: 30ms}\n"
	"overload: {shed: false, react: 200ms, recover: 20s, long_flow: 1K}\n"
	"filter:\n"
	"  include:\n"
	"  - {network: 10.0.0.0/8, port: 80, protocol: tcp, vlan: 5}\n"
	"  - {network: '2001:db8::/32', port: 8000-8999}\n"
	"  exclude:\n"
	"  - protocol: 89\n"
	"  - vlan: 100-199\n"
	"    network: 192.0.2.7\n"
	"    port: 22\n"
	"dns: {enabled: false, ports: 5300-5302, pending: 5K, timeout: 7s, keys: 3K,\n"
	"  registered_domain: true}\n"
	"signatures: /etc/acme.yaml\n"
	"payload: {connections: 2K, reassembly: 5MiB}\n"
	"http: {enabled: false, transactions: 3K, keys: 4K}\n"
	"tls: {enabled: false, handshakes: 6K}\n"
	"names: {addresses: 9K, an_address: 3, ttl_min: 5s, ttl_max: 2h}\n"
	"tunnels:\n"
	"  depth: 2\n"
	"  mpls: false\n"
	"  pppoe: false\n"
	"  gre: false\n"
	"  pptp: false\n"
	"  nvgre: false\n"
	"  erspan1: false\n"
	"  erspan2: false\n"
	"  erspan3: false\n"
	"  vxlan: false\n"
	"  vxlan_gpe: false\n"
	"  geneve: false\n"
	"  gtpu: false\n"
	"  ipip: false\n"
	"  6in4: false\n"
	"  4in6: false\n"
	"  6in6: false\n"
	"  teredo: false\n"
	"  l2tp: false\n"
	"  nsh: false\n"
	"  etherip: false\n"
	"  ah: false\n"
	"rules:\n"
	"- {host: '*.shop.example', path: '/orders/[0-9]+', method: GET|HEAD, client: 10.0.0.0/8,\n"
	"   server: '2001:db8:7::/48', port: 8000-8080, protocol: http, service: shop, route: "
	"/orders/*}\n"
	"- sni: www.shop.example\n"
	"  exclude: true\n"
	"- {service: others, route: none}\n"
	"journal: {connections: 2M, dns: 3MiB, http: 4MiB, tls: 5MiB}\n"
	"clients: {limit: 3, expiry: 30s, connections: 4K, keys: 100}\n"
	"pull: {enabled: false, socket: /run/x.sock, port: 9000, address: \"::1\"}\n"
	"telemetry: {prefix: tap2}\n"
	"security: {user: nobody, group: nogroup, sandbox: false}\n"
	"log: {level: debug}\n";

static void check_network(
	const struct tt_config_network *network, const char *version_and_prefix, const char *bytes)
{
	char text[16];
	uint8_t address[16] = {0};

	snprintf(text, sizeof(text), "%u/%u", network->ip_version, network->prefix_bits);
	CU_ASSERT_STRING_EQUAL(text, version_and_prefix);
	memcpy(address, bytes, network->ip_version == 4 ? 4 : 6);
	CU_ASSERT_EQUAL(memcmp(network->address, address, sizeof(address)), 0);
}

static void check_filter(const struct tt_config *config)
{
	const struct tt_config_filter_rule *include = config->filter.include;
	const struct tt_config_filter_rule *exclude = config->filter.exclude;

	CU_ASSERT_EQUAL(config->filter.include_count, 2);
	check_network(&include[0].network, "4/8", "\x0a\0\0\0");
	CU_ASSERT_EQUAL(include[0].ports, 80 << 16 | 80);
	CU_ASSERT_EQUAL(include[0].protocol, 6);
	CU_ASSERT_EQUAL(include[0].vlans, 5 << 16 | 5);
	check_network(&include[1].network, "6/32", "\x20\x01\x0d\xb8\0\0");
	CU_ASSERT_EQUAL(include[1].ports, 8000 << 16 | 8999);
	CU_ASSERT_EQUAL(include[1].protocol, 0);
	CU_ASSERT_EQUAL(include[1].vlans, 0);
	CU_ASSERT_EQUAL(config->filter.exclude_count, 2);
	CU_ASSERT_EQUAL(exclude[0].network.ip_version, 0);
	CU_ASSERT_EQUAL(exclude[0].protocol, 89);
	CU_ASSERT_EQUAL(exclude[0].ports, 0);
	CU_ASSERT_EQUAL(exclude[1].vlans, 100 << 16 | 199);
	CU_ASSERT_EQUAL(exclude[1].ports, 22 << 16 | 22);
	check_network(&exclude[1].network, "4/32", "\xc0\0\2\7");
}

static void check_rules(const struct tt_config *config)
{
	const struct tt_config_rule *rules = config->rules;

	CU_ASSERT_EQUAL_FATAL(config->rule_count, 3);
	CU_ASSERT_STRING_EQUAL(rules[0].host, "*.shop.example");
	CU_ASSERT_STRING_EQUAL(rules[0].path, "/orders/[0-9]+");
	CU_ASSERT_STRING_EQUAL(rules[0].method, "GET|HEAD");
	check_network(&rules[0].client, "4/8", "\x0a\0\0\0");
	check_network(&rules[0].server, "6/48", "\x20\x01\x0d\xb8\0\7");
	CU_ASSERT_EQUAL(rules[0].ports, 8000 << 16 | 8080);
	CU_ASSERT_STRING_EQUAL(rules[0].protocol, "http");
	CU_ASSERT_STRING_EQUAL(rules[0].service, "shop");
	CU_ASSERT_STRING_EQUAL(rules[0].route, "/orders/*");
	CU_ASSERT_PTR_NULL(rules[0].sni);
	CU_ASSERT_FALSE(rules[0].exclude);
	CU_ASSERT_STRING_EQUAL(rules[1].sni, "www.shop.example");
	CU_ASSERT_TRUE(rules[1].exclude);
	CU_ASSERT_PTR_NULL(rules[1].service);
	CU_ASSERT_PTR_NULL(rules[1].host);
	CU_ASSERT_EQUAL(rules[1].ports, 0);
	CU_ASSERT_STRING_EQUAL(rules[2].service, "others");
	CU_ASSERT_STRING_EQUAL(rules[2].route, TT_CONFIG_ROUTE_NONE);
}

/* Every notation of a network is the one network. */
static void test_networks_in_any_notation(void)
{
	static const char *const four[] = {"10.1.0.0/16", "10.1.0.0/255.255.0.0",
		"'::ffff:10.1.0.0/112'", "'::FFFF:0a01:0/112'", "\"0:0:0:0:0:ffff:a01:0/112\""};
	static const char *const six[] = {
		"2001:db8::/32", "'2001:0DB8:0:0:0:0:0:0/32'", "\"2001:db8:0:0::0.0.0.0/32\""};
	char yaml[128];

	for (size_t i = 0; i < sizeof(four) / sizeof(four[0]); i++) {
		snprintf(yaml, sizeof(yaml), "filter: {exclude: [{network: %s}]}\n", four[i]);
		struct tt_config *config = parse_sound(yaml);
		check_network(&config->filter.exclude[0].network, "4/16", "\x0a\1\0\0");
		tt_config_free(config);
	}
	for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++) {
		snprintf(yaml, sizeof(yaml), "filter:\n  exclude:\n  - network: %s\n", six[i]);
		struct tt_config *config = parse_sound(yaml);
		check_network(&config->filter.exclude[0].network, "6/32", "\x20\x01\x0d\xb8\0\0");
		tt_config_free(config);
	}
}

static void test_every_key_is_read(void)
{
	static const struct {
		enum tt_config_port_kind kind;
		const char *device;
	} ports[] = {{TT_PORT_PCI, "0000:3b:00.0"}, {TT_PORT_AF_PACKET, "eth1"},
		{TT_PORT_AF_XDP, "eth2"}, {TT_PORT_PCAP, "eth3"},
		{TT_PORT_MEMIF, "/run/memif.sock"}, {TT_PORT_VIRTIO_USER, "/run/v \"h\".sock"},
		{TT_PORT_TAP, "dtap0"}, {TT_PORT_RING, "r0"}, {TT_PORT_NULL, "n0"},
		{TT_PORT_DEVARGS, "net_foo0,key=value"}, {TT_PORT_NULL, "null"}};
	const uint32_t port_count = sizeof(ports) / sizeof(ports[0]);
	struct tt_config *config = parse_sound(every_key);

	CU_ASSERT_EQUAL_FATAL(config->port_count, port_count);
	for (uint32_t i = 0; i < port_count; i++) {
		CU_ASSERT_EQUAL(config->ports[i].kind, ports[i].kind);
		CU_ASSERT_STRING_EQUAL(config->ports[i].device, ports[i].device);
		CU_ASSERT_EQUAL(config->ports[i].descriptors, i == 0 ? 64 : 4096);
		CU_ASSERT_EQUAL(config->ports[i].frame_bytes, i == 1 ? 9000 : 1536);
		CU_ASSERT_EQUAL(config->ports[i].promiscuous, i != 2);
		CU_ASSERT_EQUAL(config->ports[i].nic_timestamps, i != 3);
	}
	check_filter(config);
	check_rules(config);
	CU_ASSERT_STRING_EQUAL(config->signatures, "/etc/acme.yaml");
	CU_ASSERT_EQUAL(config->workers.count, 3);
	CU_ASSERT_EQUAL(config->workers.cpu_count, 3);
	CU_ASSERT_EQUAL(config->workers.cpus[0], 5);
	CU_ASSERT_EQUAL(config->workers.cpus[1], 1);
	CU_ASSERT_EQUAL(config->workers.cpus[2], 2);
	CU_ASSERT_EQUAL(config->workers.idle, TT_IDLE_POLL);
	CU_ASSERT_EQUAL(config->workers.steering, TT_STEERING_SOFTWARE);
	CU_ASSERT_EQUAL(config->workers.ring_packets, 1024);
	CU_ASSERT_EQUAL(config->control.cpu, 0);
	CU_ASSERT_EQUAL(config->memory.huge_pages, TT_HUGE_PAGES_REQUIRE);
	CU_ASSERT_EQUAL(config->memory.mbufs, 100000);
	CU_ASSERT_EQUAL(config->memory.mbuf_bytes, 4096);
	CU_ASSERT_EQUAL(config->memory.record_batches, 127);
	CU_ASSERT_EQUAL(config->flow.connections, 3000000);
	CU_ASSERT_EQUAL(config->flow.half_open, 70000);
	CU_ASSERT_TRUE(config->flow.key_vlan);
	CU_ASSERT_FALSE(config->flow.key_tunnel);
	CU_ASSERT_EQUAL(config->flow.tcp_idle_us, UINT64_C(7200000000));
	CU_ASSERT_EQUAL(config->flow.tcp_half_open_us, 7000000);
	CU_ASSERT_EQUAL(config->flow.tcp_closing_us, 1500000);
	CU_ASSERT_EQUAL(config->flow.udp_one_way_us, 31000001);
	CU_ASSERT_EQUAL(config->flow.udp_two_way_us, 300000000);
	CU_ASSERT_EQUAL(config->flow.other_idle_us, 29000000);
	CU_ASSERT_EQUAL(config->fragments.datagrams, 5000);
	CU_ASSERT_EQUAL(config->fragments.timeout_us, 11000000);
	CU_ASSERT_EQUAL(config->duplicates.remove, TT_DUPLICATES_AUTO);
	CU_ASSERT_EQUAL(config->duplicates.packets, 4000);
	CU_ASSERT_EQUAL(config->duplicates.window_us, 30000);
	CU_ASSERT_FALSE(config->overload.shed);
	CU_ASSERT_EQUAL(config->overload.react_us, 200000);
	CU_ASSERT_EQUAL(config->overload.recover_us, 20000000);
	CU_ASSERT_EQUAL(config->overload.long_flow_packets, 1000);
	CU_ASSERT_EQUAL(config->tunnels.layer_kinds, 0);
	CU_ASSERT_EQUAL(config->tunnels.layer_limit, 2);
	CU_ASSERT_FALSE(config->dns.enabled);
	CU_ASSERT_EQUAL(config->dns.port_count, 3);
	CU_ASSERT_EQUAL(config->dns.ports[0], 5300);
	CU_ASSERT_EQUAL(config->dns.ports[2], 5302);
	CU_ASSERT_EQUAL(config->dns.pending, 5000);
	CU_ASSERT_EQUAL(config->dns.timeout_us, 7000000);
	CU_ASSERT_EQUAL(config->dns.keys, 3000);
	CU_ASSERT_TRUE(config->dns.registered_domain);
	CU_ASSERT_EQUAL(config->payload.connections, 2000);
	CU_ASSERT_EQUAL(config->payload.reassembly_bytes, 5 << 20);
	CU_ASSERT_FALSE(config->http.enabled);
	CU_ASSERT_EQUAL(config->http.transactions, 3000);
	CU_ASSERT_EQUAL(config->http.keys, 4000);
	CU_ASSERT_FALSE(config->tls.enabled);
	CU_ASSERT_EQUAL(config->tls.handshakes, 6000);
	CU_ASSERT_EQUAL(config->names.addresses, 9000);
	CU_ASSERT_EQUAL(config->names.an_address, 3);
	CU_ASSERT_EQUAL(config->names.ttl_min_us, 5000000);
	CU_ASSERT_EQUAL(config->names.ttl_max_us, 7200000000);
	CU_ASSERT_EQUAL(config->journal.connections, 2000000);
	CU_ASSERT_EQUAL(config->journal.dns_bytes, 3 << 20);
	CU_ASSERT_EQUAL(config->journal.http_bytes, 4 << 20);
	CU_ASSERT_EQUAL(config->journal.tls_bytes, 5 << 20);
	CU_ASSERT_EQUAL(config->clients.limit, 3);
	CU_ASSERT_EQUAL(config->clients.expiry_us, 30000000);
	CU_ASSERT_EQUAL(config->clients.connections, 4000);
	CU_ASSERT_EQUAL(config->clients.keys, 100);
	CU_ASSERT_FALSE(config->pull.enabled);
	CU_ASSERT_STRING_EQUAL(config->pull.socket, "/run/x.sock");
	CU_ASSERT_EQUAL(config->pull.port, 9000);
	CU_ASSERT_STRING_EQUAL(config->pull.address, "::1");
	CU_ASSERT_STRING_EQUAL(config->telemetry.prefix, "tap2");
	CU_ASSERT_STRING_EQUAL(config->security.user, "nobody");
	CU_ASSERT_STRING_EQUAL(config->security.group, "nogroup");
	CU_ASSERT_FALSE(config->security.sandbox);
	CU_ASSERT_EQUAL(config->log.level, TT_LOG_DEBUG);
	tt_config_free(config);
}

/* Fails for a key that is new in the schema and not in every_key. */
static void test_every_key_differs_from_its_default(void)
{
	struct tt_config *config = parse_sound(every_key);
	struct tt_config *defaults;

	CU_ASSERT_EQUAL_FATAL(tt_config_default(&defaults), TT_OK);
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];
		bool differs = key->type == TT_SCHEMA_SECTION;

		/* An item of the defaults' empty list, to compare with. */
		tt_schema_set_default(defaults, key, 0);
		for (uint32_t item = 0; item < item_count(config, key); item++) {
			if (tt_schema_list(key) != NULL) {
				defaults->ports[item] = defaults->ports[0];
				defaults->ports[item].kind = UINT32_MAX;
			}
			differs = differs || !tt_schema_is_same(config, defaults, key, item);
		}
		if (!differs)
			printf("\n%s is not tested\n", key->path);
		CU_ASSERT_TRUE(differs);
	}
	tt_config_free(defaults);
	tt_config_free(config);
}

static void test_forms_of_a_value(void)
{
	static const struct {
		const char *yaml;
		uint64_t expected;
	} sizes[] = {{"8192", 8192}, {"8K", 8192}, {"8KiB", 8192}, {"1024", 1024}};
	struct tt_schema_key wide = *tt_schema_find("memory.mbuf_size");
	char message[TT_VALUE_MESSAGE_BYTES];
	char yaml[128];
	uint64_t number;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(yaml, sizeof(yaml), "memory: {mbuf_size: %s}\n", sizes[i].yaml);
		struct tt_config *config = parse_sound(yaml);
		CU_ASSERT_EQUAL(config->memory.mbuf_bytes, sizes[i].expected);
		tt_config_free(config);
	}

	/* A size's M is 2^20, a count's 10^6; all 64 bits are read. */
	wide.minimum = 0;
	wide.maximum = UINT64_MAX;
	CU_ASSERT_TRUE(tt_value_number(&wide, "1M", &number, message));
	CU_ASSERT_EQUAL(number, 1048576);
	CU_ASSERT_TRUE(tt_value_number(&wide, "3GiB", &number, message));
	CU_ASSERT_EQUAL(number, UINT64_C(3221225472));
	CU_ASSERT_TRUE(tt_value_number(&wide, "18446744073709551615", &number, message));
	CU_ASSERT_EQUAL(number, UINT64_MAX);
	CU_ASSERT_FALSE(tt_value_number(&wide, "18446744073709551616", &number, message));
	CU_ASSERT_FALSE(tt_value_number(&wide, "18014398509481984K", &number, message));
	CU_ASSERT_TRUE(tt_value_number(&wide, "0", &number, message));
	CU_ASSERT_EQUAL(number, 0);
	wide.type = TT_SCHEMA_COUNT;
	CU_ASSERT_TRUE(tt_value_number(&wide, "1M", &number, message));
	CU_ASSERT_EQUAL(number, 1000000);
}

static void test_forms_of_cpus(void)
{
	static const char *const forms[] = {
		"1-3,5", "[1, 2, 3, 5]", "[1-3, 5]", "\"1-3,5\"", "'1,2, 3,5'", "[\"1-2\", '3,5']"};
	static const uint32_t expected[] = {1, 2, 3, 5};
	char yaml[128];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(yaml, sizeof(yaml), "workers:\n  count: 4\n  cpus: %s\n", forms[i]);
		struct tt_config *config = parse_sound(yaml);
		CU_ASSERT_EQUAL_FATAL(config->workers.cpu_count, 4);
		CU_ASSERT_EQUAL(memcmp(config->workers.cpus, expected, sizeof(expected)), 0);
		tt_config_free(config);
	}
}

static void test_what_is_left_out_has_its_default(void)
{
	static const char *const same[] = {"", "# nothing\n", "---\n", "null\n", "{}\n",
		"ports:\nworkers:\nflow:\n  timeouts:\n", "ports: []\nworkers: {cpus: []}\n",
		"workers: {cpus: any}\ncontrol: {cpu: any}\n", "%YAML 1.1\n---\n{}\n...\n",
		"\xef\xbb\xbf# with a byte order mark\n"};
	struct tt_config *defaults;

	CU_ASSERT_EQUAL_FATAL(tt_config_default(&defaults), TT_OK);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct tt_config *config = parse_sound(same[i]);
		check_same(defaults, config);
		tt_config_free(config);
	}
	tt_config_free(defaults);
}

static void test_half_open_follows_connections(void)
{
	struct tt_config *config = parse_sound("flow: {connections: 100K}\n");

	CU_ASSERT_EQUAL(config->flow.half_open, 25000);
	/* Annotated it stays to follow; else it is an effective value like others. */
	char *annotated = print(config, true);
	char *plain = print(config, false);
	CU_ASSERT_PTR_NOT_NULL(strstr(annotated, "\n  # half_open: 25K\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(plain, "\n  half_open: 25K\n"));
	free(annotated);
	free(plain);
	tt_config_free(config);

	config = parse_sound("flow: {half_open: 90, connections: 100}\n");
	annotated = print(config, true);
	CU_ASSERT_EQUAL(config->flow.half_open, 90);
	CU_ASSERT_PTR_NOT_NULL(strstr(annotated, "\n  half_open: 90\n"));
	free(annotated);
	tt_config_free(config);
}

/* xorshift64 (Marsaglia 2003) */
static uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t random_up_to(uint64_t *state, uint64_t most)
{
	return random_number(state) % (most + 1);
}

static uint64_t random_value(uint64_t *state, const struct tt_schema_key *key)
{
	static const uint64_t round[] = {1, 1000, 1024, 1000000, 1048576, 60000000};
	uint64_t factor = round[random_up_to(state, 5)];
	uint64_t names = 0;
	uint64_t number;

	switch (key->type) {
	case TT_SCHEMA_BOOL:
	case TT_SCHEMA_BIT:
		return random_up_to(state, 1);
	case TT_SCHEMA_ENUM:
		while (key->names[names + 1] != NULL)
			names++;
		return random_up_to(state, names);
	case TT_SCHEMA_CPU:
		return random_up_to(state, 2) == 0 ? UINT64_MAX : random_up_to(state, key->maximum);
	case TT_SCHEMA_RANGE:
		if (random_up_to(state, 2) == 0)
			return 0;
		number = key->minimum + random_up_to(state, key->maximum - key->minimum);
		return number << 16 | (number + random_up_to(state, key->maximum - number));
	default:
		number = key->minimum + random_up_to(state, key->maximum - key->minimum);
		if (key->power_of_two)
			while ((number & (number - 1)) != 0)
				number &= number - 1;
		else if (number / factor * factor >= key->minimum)
			number = number / factor * factor;
		return number;
	}
}

static const char *random_text(uint64_t *state, const struct tt_schema_key *key, uint32_t item)
{
	static char texts[256][64];
	static unsigned int used;
	static const char odd[] = "a/ \"'\\:#,{}[]&*!|>%@`~?-=\xc3\xa4\xf0\x9f\x98\x80";
	char *text = texts[used++ % 256];

	if (key->form == TT_SCHEMA_PCI)
		snprintf(text, 64, "%04x:%02x:%02x.%x", (unsigned int)random_up_to(state, 0xffff),
			item, (unsigned int)random_up_to(state, 0x1f),
			(unsigned int)random_up_to(state, 7));
	else if (key->form == TT_SCHEMA_ROUTE)
		snprintf(text, 64, "/%s", odd + random_up_to(state, 25));
	else if (key->form == TT_SCHEMA_ADDRESS)
		snprintf(text, 64, "10.0.0.%u", (unsigned int)random_up_to(state, 255));
	else if (key->form != TT_SCHEMA_ANY_TEXT)
		snprintf(text, 64, "%c-%u.x", (char)('a' + random_up_to(state, 25)), item);
	else
		snprintf(text, 64, "%s%u", odd + random_up_to(state, 25), item);
	return text;
}

/* Values that keep the rules between keys. */
static struct tt_config_network random_network(uint64_t *state)
{
	static const uint8_t versions[] = {0, 4, 6};
	struct tt_config_network network = {.ip_version = versions[random_up_to(state, 2)]};

	if (network.ip_version == 0)
		return network;
	network.prefix_bits = (uint8_t)random_up_to(state, network.ip_version == 4 ? 32 : 128);
	for (unsigned int bit = 0; bit < network.prefix_bits; bit++)
		if (random_up_to(state, 2) == 0)
			network.address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return network;
}

static void randomize(struct tt_config *config, uint64_t *state)
{
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];

		if (key->type == TT_SCHEMA_LIST)
			tt_schema_set_items(config, key, (uint32_t)random_up_to(state, 5));
		for (uint32_t item = 0; item < item_count(config, key); item++) {
			if (key->type == TT_SCHEMA_STRING) {
				bool set = key->fallback_text != NULL || random_up_to(state, 1);
				tt_schema_set_text(config, key, item,
					set ? random_text(state, key, item) : NULL);
			} else if (key->type == TT_SCHEMA_DEVICE) {
				if (config->ports[item].device == NULL ||
					random_up_to(state, 4) == 0)
					tt_schema_set_text(
						config, key, item, random_text(state, key, item));
			} else if (key->type == TT_SCHEMA_NETWORK) {
				*(struct tt_config_network *)tt_schema_field(config, key, item) =
					random_network(state);
			} else if (key->type >= TT_SCHEMA_BOOL && key->type != TT_SCHEMA_CPUS) {
				tt_schema_set_number(config, key, item, random_value(state, key));
			}
		}
	}
	for (uint32_t i = 0; i < config->rule_count; i++)
		if (config->rules[i].service == NULL && config->rules[i].route == NULL)
			config->rules[i].exclude = true;
	if (config->flow.half_open > config->flow.connections)
		config->flow.half_open = config->flow.connections;
	if (config->names.ttl_min_us > config->names.ttl_max_us)
		config->names.ttl_min_us = config->names.ttl_max_us;
	config->workers.cpu_count = random_up_to(state, 1) ? config->workers.count : 0;
	for (uint32_t i = 0; i < config->workers.cpu_count; i++)
		config->workers.cpus[i] = (i * 7 + 512) % 1024;
	config->dns.port_count = (uint32_t)random_up_to(state, TT_CONFIG_DNS_PORTS);
	for (uint32_t i = 0; i < config->dns.port_count; i++)
		config->dns.ports[i] = 1 + (uint32_t)random_up_to(state, UINT16_MAX - 1);
	if (config->workers.cpu_count > 0)
		config->control.cpu = (int32_t)random_up_to(state, 511);
}

static void test_a_print_loads_to_the_same(void)
{
	uint64_t state = 0x9e3779b97f4a7c15;

	for (int i = 0; i < 300; i++) {
		struct tt_config config = {0};

		randomize(&config, &state);
		for (int annotate = 0; annotate < 2; annotate++) {
			char *text = print(&config, annotate != 0);
			struct tt_config *again = parse_sound(text);
			check_same(&config, again);
			char *second = print(again, annotate != 0);
			CU_ASSERT_STRING_EQUAL(text, second);
			free(text);
			free(second);
			tt_config_free(again);
		}
	}
}

/* What is not judged here is complained of where it stands, as faults are. */
static void test_complaints_name_the_place(void)
{
	struct tt_config *config = parse_sound("rules:\n- service: a\n  path: /x\n- {service: b,\n "
					       "  host: \xc3\xa4, path:  '/('}\n");
	char *said;
	size_t said_bytes;
	FILE *errors = open_memstream(&said, &said_bytes);

	tt_config_complain(config, "rules[].path", 0, "one", errors);
	tt_config_complain(config, "rules[].path", 1, "two", errors);
	fclose(errors);
	CU_ASSERT_STRING_EQUAL(said, "f:3:9: rules[0].path: one\nf:5:20: rules[1].path: two\n");
	free(said);
	tt_config_free(config);
}

/* As many rules as there may be, and their strings all of the file's text. */
static void test_many_rules(void)
{
	char *yaml;
	size_t yaml_bytes;
	FILE *text = open_memstream(&yaml, &yaml_bytes);
	char name[16];

	fputs("rules:\n", text);
	for (int i = 0; i < TT_CONFIG_RULES; i++)
		fprintf(text, "- {service: s%d, path: /\xc3\xa4/%d}\n", i, i);
	fclose(text);
	struct tt_config *config = parse_sound(yaml);
	CU_ASSERT_EQUAL_FATAL(config->rule_count, TT_CONFIG_RULES);
	for (int i = 0; i < TT_CONFIG_RULES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		CU_ASSERT_STRING_EQUAL(config->rules[i].service, name);
	}
	tt_config_free(config);
	free(yaml);
}

/* After a change of the schema: taptraced --dump --annotate -c /dev/null > conf/taptrace.yaml */
static void test_annotated_file_is_the_print_of_the_defaults(void)
{
	struct tt_config *defaults;
	struct tt_config *config;
	char text[65536];
	FILE *file = fopen(TEST_ANNOTATED_FILE, "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	size_t bytes = fread(text, 1, sizeof(text) - 1, file);
	text[bytes] = '\0';
	fclose(file);
	CU_ASSERT_EQUAL_FATAL(tt_config_default(&defaults), TT_OK);
	char *expected = print(defaults, true);
	CU_ASSERT_STRING_EQUAL(text, expected);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		CU_ASSERT_TRUE(strlen(line) <= 100);

	CU_ASSERT_EQUAL_FATAL(tt_config_load(&config, TEST_ANNOTATED_FILE, stderr), TT_OK);
	check_same(defaults, config);
	tt_config_free(config);
	tt_config_free(defaults);
	free(expected);
}

/* What a user does first: take one of the commented entries in, with its options. */
static void test_commented_entries_of_the_file_are_sound(void)
{
	struct tt_config *defaults;

	CU_ASSERT_EQUAL_FATAL(tt_config_default(&defaults), TT_OK);
	char *text = print(defaults, true);
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		if (tt_schema[i].type != TT_SCHEMA_DEVICE)
			continue;
		char lead[64];
		snprintf(lead, sizeof(lead), "  # - %s: ", tt_schema_name(tt_schema[i].path));
		char *edited = strdup(text);
		char *line = strstr(edited, lead);
		CU_ASSERT_PTR_NOT_NULL_FATAL(line);
		memcpy(line, "  - ", 4);
		memmove(line + 4, line + 6, strlen(line + 6) + 1);
		struct tt_config *config = parse_sound(edited);
		CU_ASSERT_EQUAL(config->port_count, 1);
		CU_ASSERT_EQUAL(config->ports[0].kind, tt_schema[i].number);
		CU_ASSERT_STRING_EQUAL(config->ports[0].device, tt_schema[i].example);
		tt_config_free(config);
		free(edited);
	}
	free(text);
	tt_config_free(defaults);
}

static void test_files_are_loaded_or_refused(void)
{
	char path[] = "/tmp/taptrace-test-config-XXXXXX";
	int file = mkstemp(path);
	struct tt_config *config;
	char *said;
	size_t said_bytes;
	char expected[256];

	CU_ASSERT_TRUE_FATAL(file >= 0);
	CU_ASSERT_EQUAL(write(file, "http: {keys: 99}\nlog: {level: x}\n", 33), 33);
	FILE *errors = open_memstream(&said, &said_bytes);
	CU_ASSERT_EQUAL(tt_config_load(&config, path, errors), TT_ERROR_CONFIG);
	CU_ASSERT_PTR_NULL(config);
	fclose(errors);
	snprintf(expected, sizeof(expected),
		"%s:2:14: log.level: \"x\" is not one of error, warning, info, debug\n", path);
	CU_ASSERT_STRING_EQUAL(said, expected);
	free(said);

	CU_ASSERT_EQUAL(ftruncate(file, 17), 0);
	CU_ASSERT_EQUAL(tt_config_load(&config, path, stderr), TT_OK);
	CU_ASSERT_EQUAL(config->http.keys, 99);
	tt_config_free(config);
	close(file);
	unlink(path);

	errors = open_memstream(&said, &said_bytes);
	CU_ASSERT_EQUAL(tt_config_load(&config, path, errors), TT_ERROR_CONFIG);
	CU_ASSERT_EQUAL(tt_config_load(&config, "/", errors), TT_ERROR_CONFIG);
	CU_ASSERT_PTR_NULL(config);
	fclose(errors);
	snprintf(expected, sizeof(expected),
		"%s: cannot be opened: No such file or directory\n"
		"/: cannot be read: Is a directory\n",
		path);
	CU_ASSERT_STRING_EQUAL(said, expected);
	free(said);
	tt_config_free(NULL);
}

static void test_schema_is_in_order(void)
{
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];
		const char *name = tt_schema_name(key->path);
		unsigned int words = 1;
		char parent[64] = "";

		memcpy(parent, key->path, name == key->path ? 0 : name - key->path - 1);
		for (const char *byte = key->path; *byte != '\0'; byte++)
			words += *byte == '.';
		CU_ASSERT_TRUE(words <= TT_SCHEMA_DEPTH);
		CU_ASSERT_PTR_EQUAL(tt_schema_find(key->path), key);
		CU_ASSERT_TRUE(tt_schema_is_child(key->path, parent));
		CU_ASSERT_TRUE(key->minimum <= key->maximum);
		CU_ASSERT_TRUE(strlen(key->description) < 95);
		CU_ASSERT_TRUE(key->field_bytes > 0 || key->type == TT_SCHEMA_SECTION);
		if (parent[0] == '\0')
			continue;
		/* Its section or list is above, and only keys of that stand between. */
		if (tt_schema_list(key) != NULL)
			parent[strlen(parent) - 2] = '\0';
		const struct tt_schema_key *above = tt_schema_find(parent);
		CU_ASSERT_PTR_NOT_NULL_FATAL(above);
		CU_ASSERT_TRUE(above < key);
		CU_ASSERT_TRUE(above->type == TT_SCHEMA_SECTION || above->type == TT_SCHEMA_LIST);
		for (const struct tt_schema_key *between = above + 1; between < key; between++)
			CU_ASSERT_EQUAL(strncmp(between->path, parent, strlen(parent)), 0);
	}
}

static void test_tunnel_keys_are_the_layers(void)
{
	uint32_t layers = 0;

	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];

		if (key->type != TT_SCHEMA_BIT || !tt_schema_is_child(key->path, "tunnels"))
			continue;
		CU_ASSERT_STRING_EQUAL(
			tt_schema_name(key->path), tt_layer_name((enum tt_layer_kind)key->number));
		layers++;
	}
	CU_ASSERT_EQUAL(layers, TT_LAYER_KINDS - 1);
	CU_ASSERT_EQUAL(tt_schema_find("tunnels.depth")->maximum, TT_PACKET_LAYERS);

	struct tt_config *config = parse_sound("tunnels: {vxlan: false, ah: false}\n");
	CU_ASSERT_EQUAL(config->tunnels.layer_kinds,
		ALL_LAYERS & ~(UINT32_C(1) << TT_LAYER_VXLAN | UINT32_C(1) << TT_LAYER_AH));
	tt_config_free(config);
}

static void test_edit_distance(void)
{
	static const struct {
		const char *name;
		const char *meant;
		unsigned int edits;
	} pairs[] = {{"count", "count", 0}, {"coutn", "count", 1}, {"cont", "count", 1},
		{"countt", "count", 1}, {"cpuz", "cpus", 1}, {"cusp", "cpus", 2},
		{"", "cpus", TT_VALUE_FAR}, {"zebra", "count", TT_VALUE_FAR},
		{"ring_packet", "ring_packets", 1}, {"packets_ring", "ring_packets", TT_VALUE_FAR},
		{"a", "b", 1}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		CU_ASSERT_EQUAL(tt_value_distance(pairs[i].name, pairs[i].meant), pairs[i].edits);
}

static const struct suite_test tests[] = {
	{"defaults", test_defaults},
	{"every key is read", test_every_key_is_read},
	{"networks in any notation", test_networks_in_any_notation},
	{"every key differs from its default", test_every_key_differs_from_its_default},
	{"forms of a value", test_forms_of_a_value},
	{"forms of cpus", test_forms_of_cpus},
	{"what is left out has its default", test_what_is_left_out_has_its_default},
	{"half open follows connections", test_half_open_follows_connections},
	{"a print loads to the same", test_a_print_loads_to_the_same},
	{"annotated file is the print of the defaults",
		test_annotated_file_is_the_print_of_the_defaults},
	{"commented entries of the file are sound", test_commented_entries_of_the_file_are_sound},
	{"complaints name the place", test_complaints_name_the_place},
	{"many rules", test_many_rules},
	{"files are loaded or refused", test_files_are_loaded_or_refused},
	{"schema is in order", test_schema_is_in_order},
	{"tunnel keys are the layers", test_tunnel_keys_are_the_layers},
	{"edit distance", test_edit_distance},
};

SUITE_MAIN("config", tests)
