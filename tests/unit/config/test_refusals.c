/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_reader.h"

#include "text.h"

static void check_refused(const char *yaml, size_t bytes, const char *expected)
{
	char *said;
	int result;
	struct tt_config *config = parse(yaml, bytes, &said, &result);

	if (strcmp(said, expected) != 0)
		printf("\n--- for\n%.200s\n--- expected\n%s--- got\n%s", yaml, expected, said);
	CU_ASSERT_EQUAL(result, TT_ERROR_CONFIG);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_STRING_EQUAL(said, expected);
	tt_config_free(config);
	free(said);
}

struct refusal {
	const char *yaml;
	const char *errors;
};

static void check_refusals(const struct refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_refused(refusals[i].yaml, strlen(refusals[i].yaml), refusals[i].errors);
}

#define CHECK_REFUSALS(table) check_refusals(table, sizeof(table) / sizeof((table)[0]))

#define UINT_EXPECTED	  "expected a whole number\n"
#define COUNT_EXPECTED	  "expected a whole number, or one with K or M (thousands, millions)\n"
#define SIZE_EXPECTED	  "expected a number of bytes, or one with K, M, G, KiB, MiB or GiB\n"
#define DURATION_EXPECTED "expected a whole number with us, ms, s, m or h\n"

static void test_yaml_outside_the_subset_is_refused(void)
{
	static const struct refusal refusals[] = {
		{"log: &here\n  level: info\n", "f:1:6: log: anchors (&name) are not supported\n"},
		{"log:\n  level: &x info\n",
			"f:2:10: log.level: anchors (&name) are not supported\n"},
		{"workers: {cpus: &x [1]}\n",
			"f:1:17: workers.cpus: anchors (&name) are not supported\n"},
		{"log: *x\n", "f:1:6: log: aliases (*name) are not supported\n"},
		{"workers:\n  cpus: [1, *x, 3]\n",
			"f:2:13: workers.cpus[1]: aliases (*name) are not supported\n"},
		{"log:\n  level: !!str info\n",
			"f:2:10: log.level: tags (!name) are not supported\n"},
		{"ports:\n- !port {tap: a}\n", "f:2:3: ports[0]: tags (!name) are not supported\n"},
		{"log: {level: info}\n---\nlog: {level: info}\n",
			"f:2:1: a second document: the configuration is one\n"},
		{"? [a, b]\n: 1\n? {c: d}\n: [1]\n",
			"f:1:3: a key must be a word\nf:3:3: a key must be a word\n"},
		{"&a log: {level: info}\n", "f:1:1: anchors (&name) are not supported\n"},
		{"'': 1\n", "f:1:1: a key must be a word\n"},
		{"security: {user: \"a\\0b\"}\n", "f:1:18: security.user: holds a NUL character\n"},
		{"just text\n", "f:1:1: is a single value, expected a mapping of keys\n"},
		{"- 1\n", "f:1:1: is a list, expected a mapping of keys\n"},
		/* Eight levels are read, the ninth is not, even inside of what is skipped. */
		{"x: [[[[[[[1]]]]]]]\n", "f:1:1: x: unknown key\n"},
		{"x: [[[[[[[[1]]]]]]]]\n",
			"f:1:1: x: unknown key\nf:1:11: x: nested deeper than 8 levels\n"},
		{"log:\n  level: \"info\n",
			"f:3:1: log.level: found unexpected end of stream while scanning a quoted "
			"scalar\n"},
		{"log: {level: info\n",
			"f:2:1: log: did not find expected ',' or '}' while parsing a flow "
			"mapping\n"},
		{"# \xc3\xa4\n# \xc3\xa4\xc3\xa4 \xff\n", "f:2:6: invalid leading UTF-8 octet\n"},
		{"log:\n\tlevel: info\n",
			"f:2:1: log: found character that cannot start any token while scanning "
			"for the next token\n"},
	};

	CHECK_REFUSALS(refusals);

	static const char utf16[] = "\xff\xfeu\0s\0e\0r\0:\0 \0a\0";
	check_refused(utf16, sizeof(utf16) - 1, "f:1:1: invalid leading UTF-8 octet\n");
}

static void test_document_size_is_limited(void)
{
	char *text = malloc(TT_YAML_TEXT_BYTES + 1);
	char *said;
	int result;

	if (text == NULL)
		abort();
	memset(text, '#', TT_YAML_TEXT_BYTES + 1);
	struct tt_config *config = parse(text, TT_YAML_TEXT_BYTES, &said, &result);
	CU_ASSERT_EQUAL(result, TT_OK);
	tt_config_free(config);
	free(said);
	config = parse(text, TT_YAML_TEXT_BYTES + 1, &said, &result);
	CU_ASSERT_EQUAL(result, TT_ERROR_CONFIG);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_STRING_EQUAL(said, "f:1:1: longer than 1 MiB\n");
	free(said);
	free(text);
}

static void test_keys_are_checked(void)
{
	static const struct refusal refusals[] = {
		{"worker:\n  count: 2\n", "f:1:1: worker: unknown key; did you mean workers?\n"},
		{"workers:\n    coutn: 2\n",
			"f:2:5: workers.coutn: unknown key; did you mean count?\n"},
		{"workers: {zebra: 2}\n", "f:1:11: workers.zebra: unknown key\n"},
		{"flow:\n  tcp_idle: 1h\n",
			"f:2:3: flow.tcp_idle: unknown key; did you mean "
			"flow.timeouts.tcp_idle?\n"},
		{"ports:\n- tap: a\n  descriptor: 128\n",
			"f:3:3: ports[0].descriptor: unknown key; did you mean descriptors?\n"},
		/* A path is no key, nor is a key with what a path is made of. */
		{"workers.count: 2\n", "f:1:1: workers?count: unknown key\n"},
		{"ports[0]: 2\n", "f:1:1: ports?0?: unknown key\n"},
		{"\"a\\nb\": 2\n", "f:1:1: a?b: unknown key\n"},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg: 2\n",
			"f:1:1: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg..."
			": unknown key\n"},
		{"log:\n  level: info\nsecurity: {user: a}\nlog:\n  level: debug\n",
			"f:4:1: log: given twice, first in line 1\n"},
		{"log:\n  level: info\n  level: info\n",
			"f:3:3: log.level: given twice, first in line 2\n"},
		{"ports:\n- tap: a\n- tap: b\n  descriptors: 64\n  descriptors: 64\n",
			"f:5:3: ports[1].descriptors: given twice, first in line 4\n"},
		{"ports: []\nports: []\n", "f:2:1: ports: given twice, first in line 1\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_types_are_checked(void)
{
	static const struct refusal refusals[] = {
		{"workers: 3\n",
			"f:1:10: workers: is a single value, expected a mapping of keys\n"},
		{"workers: [3]\n", "f:1:10: workers: is a list, expected a mapping of keys\n"},
		{"ports: eth1\n", "f:1:8: ports: is a single value, expected a list of mappings\n"},
		{"ports: {tap: a}\n", "f:1:8: ports: is a mapping, expected a list of mappings\n"},
		{"ports: [eth1]\n",
			"f:1:9: ports[0]: is a single value, expected a mapping of keys\n"},
		{"workers: {count: [1]}\n", "f:1:18: workers.count: is a list, " UINT_EXPECTED},
		{"workers: {count: {a: 1}}\n",
			"f:1:18: workers.count: is a mapping, " UINT_EXPECTED},
		{"workers: {count: \"1\"}\n",
			"f:1:18: workers.count: is quoted text, " UINT_EXPECTED},
		{"workers:\n  count:\n", "f:2:9: workers.count: has no value, " UINT_EXPECTED},
		{"workers: {count: ~}\n", "f:1:18: workers.count: has no value, " UINT_EXPECTED},
		{"security: {user: null}\n",
			"f:1:18: security.user: has no value, expected a text\n"},
		{"security: {user: ''}\n", "f:1:18: security.user: is empty\n"},
		{"log: {level: []}\n",
			"f:1:14: log.level: is a list, expected one of error, warning, info, "
			"debug\n"},
		{"flow: {key: {vlan: 1}}\n", "f:1:20: flow.key.vlan: \"1\" is not true or false\n"},
		{"flow: {key: {vlan: Yes}}\n",
			"f:1:20: flow.key.vlan: \"Yes\" is not true or false; did you mean "
			"true?\n"},
		{"flow: {key: {vlan: OFF}}\n",
			"f:1:20: flow.key.vlan: \"OFF\" is not true or false; did you mean "
			"false?\n"},
		{"flow: {key: {vlan: 'true'}}\n",
			"f:1:20: flow.key.vlan: is quoted text, expected true or false\n"},
		{"log: {level: wraning}\n",
			"f:1:14: log.level: \"wraning\" is not one of error, warning, info, debug; "
			"did you mean warning?\n"},
		{"log: {level: loud}\n",
			"f:1:14: log.level: \"loud\" is not one of error, warning, info, debug\n"},
		{"log: {level: \"\\e[31m\"}\n",
			"f:1:14: log.level: \"?[31m\" is not one of error, warning, info, debug\n"},
		{"security: {user: \"a\\nb\"}\n",
			"f:1:18: security.user: \"a?b\" holds a control character\n"},
		{"security: {user: \"a\\u2028b\"}\n",
			"f:1:18: security.user: \"a???b\" holds a control character\n"},
		{"telemetry: {prefix: a/b}\n",
			"f:1:21: telemetry.prefix: \"a/b\" is not a name of letters, digits, '_', "
			"'-' and '.'\n"},
		{"telemetry: {prefix: ..}\n",
			"f:1:21: telemetry.prefix: \"..\" is not a name of letters, digits, '_', "
			"'-' and '.'\n"},
		{"ports: [{interface: abcdefghijklmnop}]\n",
			"f:1:21: ports[0].interface: \"abcdefghijklmnop\" is not an interface name "
			"(1 to 15 bytes)\n"},
		{"ports: [{tap: a/b}]\n",
			"f:1:15: ports[0].tap: \"a/b\" is not an interface name (1 to 15 bytes)\n"},
		{"ports: [{pci: 3b:00.0}]\n",
			"f:1:15: ports[0].pci: \"3b:00.0\" is not a PCI address like "
			"0000:3b:00.0\n"},
		{"ports: [{pci: 0000:3g:00.0}]\n",
			"f:1:15: ports[0].pci: \"0000:3g:00.0\" is not a PCI address like "
			"0000:3b:00.0\n"},
		{"ports: [{pci: 0000:3b:00.8}]\n",
			"f:1:15: ports[0].pci: \"0000:3b:00.8\" is not a PCI address like "
			"0000:3b:00.0\n"},
		{"pull: {address: 10.0.0.256}\n",
			"f:1:17: pull.address: \"10.0.0.256\" is not an IPv4 or IPv6 address\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_numbers_are_exact(void)
{
	static const struct refusal refusals[] = {
		{"workers: {count: 0}\n",
			"f:1:18: workers.count: 0 is out of range: 1 to 64 workers\n"},
		{"workers: {count: 65}\n",
			"f:1:18: workers.count: 65 is out of range: 1 to 64 workers\n"},
		{"workers: {count: -1}\n",
			"f:1:18: workers.count: -1 is out of range: 1 to 64 workers\n"},
		/* 2^32 + 1 and 2^64 + 1 are 1 to whom they overflow. */
		{"workers: {count: 4294967297}\n",
			"f:1:18: workers.count: 4294967297 is out of range: 1 to 64 workers\n"},
		{"workers: {count: 18446744073709551617}\n",
			"f:1:18: workers.count: 18446744073709551617 is out of range: 1 to 64 "
			"workers\n"},
		{"workers: {count: +1}\n",
			"f:1:18: workers.count: \"+1\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: 0x1}\n",
			"f:1:18: workers.count: \"0x1\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: 010}\n",
			"f:1:18: workers.count: \"010\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: 1_0}\n",
			"f:1:18: workers.count: \"1_0\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: 1.5}\n",
			"f:1:18: workers.count: \"1.5\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: many}\n",
			"f:1:18: workers.count: \"many\" is not in plain decimal "
			"digits, " UINT_EXPECTED},
		{"workers: {count: 1 x}\n",
			"f:1:18: workers.count: \"1 x\" has a wrong unit, " UINT_EXPECTED},
		{"workers: {count: 1K}\n",
			"f:1:18: workers.count: \"1K\" has a wrong unit, " UINT_EXPECTED},
		{"workers: {ring_packets: 4095}\n",
			"f:1:25: workers.ring_packets: 4095 is out of range: 64 to 1048576 "
			"packets, "
			"a power of two\n"},
		{"flow: {connections: 1KiB}\n",
			"f:1:21: flow.connections: \"1KiB\" has a wrong unit, " COUNT_EXPECTED},
		{"flow: {connections: 1m}\n",
			"f:1:21: flow.connections: \"1m\" has a wrong unit, " COUNT_EXPECTED},
		{"flow: {connections: 269M}\n",
			"f:1:21: flow.connections: 269M is out of range: 64 to 268435456 "
			"connections\n"},
		/* Times 10^6 this is 448384 to whom the product overflows. */
		{"flow: {connections: 18446744073710M}\n",
			"f:1:21: flow.connections: 18446744073710M is out of range: 64 to "
			"268435456 connections\n"},
		{"memory: {mbuf_size: 2s}\n",
			"f:1:21: memory.mbuf_size: \"2s\" has a wrong unit, " SIZE_EXPECTED},
		{"memory: {mbuf_size: 64K}\n",
			"f:1:21: memory.mbuf_size: 64K is out of range: 1KiB to 65535\n"},
		{"flow: {timeouts: {other: 30}}\n",
			"f:1:26: flow.timeouts.other: 30 has no unit, " DURATION_EXPECTED},
		{"flow: {timeouts: {other: 30S}}\n",
			"f:1:26: flow.timeouts.other: \"30S\" has a wrong "
			"unit, " DURATION_EXPECTED},
		{"flow: {timeouts: {other: 30 s}}\n",
			"f:1:26: flow.timeouts.other: \"30 s\" has a wrong "
			"unit, " DURATION_EXPECTED},
		{"flow: {timeouts: {other: 0s}}\n",
			"f:1:26: flow.timeouts.other: 0s is out of range: 1ms to 168h\n"},
		{"flow: {timeouts: {other: 999us}}\n",
			"f:1:26: flow.timeouts.other: 999us is out of range: 1ms to 168h\n"},
		{"flow: {timeouts: {other: 169h}}\n",
			"f:1:26: flow.timeouts.other: 169h is out of range: 1ms to 168h\n"},
		{"workers: {cpus: 1-}\n",
			"f:1:17: workers.cpus: \"1-\" is not CPUs such as [1, 2] or 1-3,5, or "
			"any\n"},
		{"workers: {cpus: 1-010}\n",
			"f:1:17: workers.cpus: \"1-010\" is not CPUs such as [1, 2] or 1-3,5, or "
			"any\n"},
		{"workers: {cpus: 2-1}\n", "f:1:17: workers.cpus: \"2-1\" counts down\n"},
		{"workers: {cpus: 1024}\n",
			"f:1:17: workers.cpus: 1024 is out of range: 0 to 1023\n"},
		{"workers: {cpus: 0-64}\n", "f:1:17: workers.cpus: more than 64 CPUs\n"},
		{"dns: {ports: 0}\n", "f:1:14: dns.ports: 0 is out of range: 1 to 65535\n"},
		{"dns: {ports: any}\n",
			"f:1:14: dns.ports: \"any\" is not ports such as [5300, 5301] or "
			"5300-5309, or none\n"},
		{"dns: {ports: 1-65}\n", "f:1:14: dns.ports: more than 64 ports\n"},
		{"workers: {cpus: 1;2}\n",
			"f:1:17: workers.cpus: \"1;2\" is not CPUs such as [1, 2] or 1-3,5, or "
			"any\n"},
		{"workers: {cpus: [1, x, [2]]}\n",
			"f:1:21: workers.cpus[1]: \"x\" is not CPUs such as [1, 2] or 1-3,5, or "
			"any\n"
			"f:1:24: workers.cpus[2]: is a list, expected CPUs such as [1, 2] or "
			"1-3,5, "
			"or any\n"},
		{"control: {cpu: 1-2}\n",
			"f:1:16: control.cpu: \"1-2\" is not a CPU's number or any\n"},
		{"control: {cpu: -1}\n",
			"f:1:16: control.cpu: \"-1\" is not a CPU's number or any\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_keys_are_checked_against_each_other(void)
{
	static const struct refusal refusals[] = {
		{"workers: {cpus: [1, 2]}\n",
			"f:1:17: workers.cpus: 2 CPUs, but workers.count is 1\n"},
		{"workers: {cpus: 1-2, count: 3}\n",
			"f:1:17: workers.cpus: 2 CPUs, but workers.count is 3\n"},
		{"workers: {cpus: [1, 2, 1], count: 3}\n",
			"f:1:17: workers.cpus: CPU 1 is used by two workers\n"},
		{"workers: {cpus: 4}\ncontrol:\n  cpu: 4\n",
			"f:3:8: control.cpu: CPU 4 is used by a worker, too\n"},
		{"flow: {half_open: 2M}\n",
			"f:1:19: flow.half_open: 2000000 is more than flow.connections, 1000000\n"},
		{"flow: {half_open: 65, connections: 64}\n",
			"f:1:19: flow.half_open: 65 is more than flow.connections, 64\n"},
		{"names: {ttl_min: 2h, ttl_max: 1h}\n",
			"f:1:18: names.ttl_min: is more than names.ttl_max\n"},
		/* No second fault follows from a first one. */
		{"flow: {half_open: 2M, connections: x}\n",
			"f:1:36: flow.connections: \"x\" is not in plain decimal "
			"digits, " COUNT_EXPECTED},
		{"workers: {cpus: [1, 2, *x], count: 2}\n",
			"f:1:24: workers.cpus[2]: aliases (*name) are not supported\n"},
		{"ports:\n- descriptors: 128\n- tap: a\n- {}\n",
			"f:2:3: ports[0]: names no device: one of pci, interface, af_xdp, pcap, "
			"memif, virtio_user, tap, ring, null or devargs is needed\n"
			"f:4:3: ports[2]: names no device: one of pci, interface, af_xdp, pcap, "
			"memif, virtio_user, tap, ring, null or devargs is needed\n"},
		{"ports:\n- pci: nowhere\n",
			"f:2:8: ports[0].pci: \"nowhere\" is not a PCI address like "
			"0000:3b:00.0\n"},
		{"ports:\n- interface: a\n  tap: b\n",
			"f:3:3: ports[0].tap: a second device: this entry has named one by "
			"interface\n"},
		{"ports:\n- interface: a\n- interface: a\n",
			"f:3:14: ports[1].interface: is the device of ports[0], too\n"},
		/* One interface of the kernel, by two drivers; hexadecimal digits in two cases. */
		{"ports:\n- interface: a\n- null: a\n- af_xdp: a\n",
			"f:4:11: ports[2].af_xdp: is the device of ports[0], too\n"},
		{"ports:\n- pci: 0000:aB:00.0\n- pci: 0000:Ab:00.0\n",
			"f:3:8: ports[1].pci: is the device of ports[0], too\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_all_faults_are_reported_at_once(void)
{
	static const char yaml[] = "workers:\n"
				   "  coutn: 2\n"
				   "  idle: polll\n"
				   "ports:\n"
				   "  - interface: eth1\n"
				   "  - interface: eth1\n"
				   "    promiscuous: on\n"
				   "flow:\n"
				   "  timeouts:\n"
				   "    other: 30\n"
				   "    tcp_idle: 8d\n"
				   "log: &a {level: info}\n"
				   "security:\n"
				   "  user: [\n";

	check_refused(yaml, sizeof(yaml) - 1,
		"f:2:3: workers.coutn: unknown key; did you mean count?\n"
		"f:3:9: workers.idle: \"polll\" is not one of adaptive, poll; did you mean poll?\n"
		"f:7:18: ports[1].promiscuous: \"on\" is not true or false; did you mean true?\n"
		"f:10:12: flow.timeouts.other: 30 has no unit, " DURATION_EXPECTED
		"f:11:15: flow.timeouts.tcp_idle: \"8d\" has a wrong unit, " DURATION_EXPECTED
		"f:12:6: log: anchors (&name) are not supported\n"
		"f:14:9: security.user: is a list, expected a text\n"
		"f:15:1: security.user: did not find expected node content while parsing a flow "
		"node\n");
}

#define NETWORK_EXPECTED "a network like 10.0.0.0/8 or 2001:db8::/32, an address, or any\n"
#define RANGE_EXPECTED	 "a number, a range like 8000-8999, or any\n"

static void test_rules_are_checked(void)
{
	static const struct refusal refusals[] = {
		{"rules:\n- {service: a}\n- {host: b}\n- {exclude: false, path: /}\n",
			"f:3:3: rules[1]: does nothing: one of service, route or exclude is "
			"needed\n"
			"f:4:3: rules[2]: does nothing: one of service, route or exclude is "
			"needed\n"},
		{"rules: [{service: a b}]\n",
			"f:1:19: rules[0].service: \"a b\" is not a name of letters, digits, '_', "
			"'-' and '.'\n"},
		{"rules: [{route: orders}]\n",
			"f:1:17: rules[0].route: \"orders\" is neither a path nor none\n"},
		{"rules:\n- service: a\n  servce: b\n  service: c\n",
			"f:3:3: rules[0].servce: unknown key; did you mean service?\n"
			"f:4:3: rules[0].service: given twice, first in line 2\n"},
		{"rules: [{service: a, server: 10.0.0.1/8, port: 0, host: '', path: [/]}]\n",
			"f:1:30: rules[0].server: \"10.0.0.1/8\" has bits set behind its prefix\n"
			"f:1:48: rules[0].port: 0 is out of range: 1 to 65535\n"
			"f:1:57: rules[0].host: is empty\n"
			"f:1:67: rules[0].path: is a list, expected a text\n"},
		{"rules: {service: a}\n",
			"f:1:8: rules: is a mapping, expected a list of mappings\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_filters_are_checked(void)
{
	static const struct refusal refusals[] = {
		{"filter:\n  exclude:\n  - network: 10.0.0.1/8\n",
			"f:3:14: filter.exclude[0].network: \"10.0.0.1/8\" has bits set behind its "
			"prefix\n"},
		{"filter: {include: [{network: 10.0.0.0/33}]}\n",
			"f:1:30: filter.include[0].network: \"10.0.0.0/33\" has no prefix of 0 to "
			"32 bits or netmask\n"},
		{"filter: {include: [{network: 10.0.0.0/255.0.255.0}]}\n",
			"f:1:30: filter.include[0].network: \"10.0.0.0/255.0.255.0\" has no prefix "
			"of 0 to 32 bits or netmask\n"},
		{"filter: {include: [{network: 10.0.0.0/}]}\n",
			"f:1:30: filter.include[0].network: \"10.0.0.0/\" has no prefix of 0 to 32 "
			"bits or netmask\n"},
		{"filter: {include: [{network: '::/129'}]}\n",
			"f:1:30: filter.include[0].network: \"::/129\" has no prefix of 0 to 128 "
			"bits\n"},
		{"filter: {include: [{network: 10.0.0/8}, {network: host}]}\n",
			"f:1:30: filter.include[0].network: \"10.0.0/8\" is not " NETWORK_EXPECTED
			"f:1:51: filter.include[1].network: \"host\" is not " NETWORK_EXPECTED},
		{"filter: {exclude: [{port: 0}, {port: 9-8}, {port: 1-}, {port: 65536}]}\n",
			"f:1:27: filter.exclude[0].port: 0 is out of range: 1 to 65535\n"
			"f:1:38: filter.exclude[1].port: \"9-8\" counts down\n"
			"f:1:51: filter.exclude[2].port: \"1-\" is not " RANGE_EXPECTED
			"f:1:63: filter.exclude[3].port: 65536 is out of range: 1 to 65535\n"},
		{"filter: {exclude: [{vlan: 4096}, {protocol: 256}, {protocol: tpc}]}\n",
			"f:1:27: filter.exclude[0].vlan: 4096 is out of range: 1 to 4095\n"
			"f:1:45: filter.exclude[1].protocol: 256 is out of range: 1 to 255\n"
			"f:1:62: filter.exclude[2].protocol: \"tpc\" is not icmp, tcp, udp, icmp6, "
			"sctp, a protocol's number, or any\n"},
		{"filter:\n  exclude:\n  - {}\n  - {prot: 6}\n",
			"f:4:6: filter.exclude[1].prot: unknown key; did you mean port?\n"
			"f:3:5: filter.exclude[0]: names nothing: one of network, port, protocol "
			"or "
			"vlan is needed\n"
			"f:4:5: filter.exclude[1]: names nothing: one of network, port, protocol "
			"or "
			"vlan is needed\n"},
		{"filter: {include: 10.0.0.0/8}\n",
			"f:1:19: filter.include: is a single value, expected a list of mappings\n"},
	};

	CHECK_REFUSALS(refusals);
}

static void test_fault_lines_are_limited(void)
{
	char *yaml = NULL;
	size_t bytes;
	FILE *out = open_memstream(&yaml, &bytes);
	char *said;
	int result;
	unsigned int lines = 0;

	if (out == NULL)
		abort();
	for (int i = 0; i < 1000; i++)
		fprintf(out, "zz%d: 1\n", i);
	fclose(out);
	CU_ASSERT_PTR_NULL(parse(yaml, bytes, &said, &result));
	for (const char *byte = said; *byte != '\0'; byte++)
		lines += *byte == '\n';
	CU_ASSERT_EQUAL(lines, 65);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "f: more than 64 faults, the rest is not shown\n"));
	free(said);
	free(yaml);
}

static void test_list_length_is_limited(void)
{
	char yaml[4096] = "ports:\n";
	size_t length = strlen(yaml);

	for (int i = 0; i < TT_CONFIG_PORTS + 3; i++) {
		if (i == TT_CONFIG_PORTS) {
			struct tt_config *config = parse_sound(yaml);
			CU_ASSERT_EQUAL(config->port_count, TT_CONFIG_PORTS);
			CU_ASSERT_STRING_EQUAL(config->ports[31].device, "n31");
			tt_config_free(config);
		}
		length +=
			(size_t)snprintf(yaml + length, sizeof(yaml) - length, "- null: n%d\n", i);
	}
	check_refused(yaml, length, "f:34:3: ports[32]: more than 32 entries\n");
}

static const struct suite_test tests[] = {
	{"yaml outside the subset is refused", test_yaml_outside_the_subset_is_refused},
	{"document size is limited", test_document_size_is_limited},
	{"keys are checked", test_keys_are_checked},
	{"types are checked", test_types_are_checked},
	{"numbers are exact", test_numbers_are_exact},
	{"keys are checked against each other", test_keys_are_checked_against_each_other},
	{"all faults are reported at once", test_all_faults_are_reported_at_once},
	{"filters are checked", test_filters_are_checked},
	{"rules are checked", test_rules_are_checked},
	{"fault lines are limited", test_fault_lines_are_limited},
	{"list length is limited", test_list_length_is_limited},
};

SUITE_MAIN("config refusals", tests)
