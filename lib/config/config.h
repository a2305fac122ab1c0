/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one immutable struct, made from a YAML file by the schema table in schema.c,
 * where each key's type, unit, range and default stand. Read by anyone once made; owned by who
 * loaded it.
 */
#ifndef TT_CONFIG_CONFIG_H
#define TT_CONFIG_CONFIG_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TT_CONFIG_PORTS	       32
#define TT_CONFIG_WORKERS      64
#define TT_CONFIG_CPU_ANY      (-1)
#define TT_CONFIG_FILTER_RULES 64 /* to include, and as many to exclude */
#define TT_CONFIG_RULES	       10000

/* So many find room for the records of a burst, however slow the control core is. */
#define TT_CONFIG_DNS_PORTS	       64
#define TT_CONFIG_RECORD_BATCHES_LEAST 8

enum tt_config_steering {
	TT_STEERING_AUTO,
	TT_STEERING_NIC,
	TT_STEERING_SOFTWARE
};

enum tt_config_duplicates {
	TT_DUPLICATES_OFF,
	TT_DUPLICATES_ON,
	TT_DUPLICATES_AUTO /* on once some are seen */
};

enum tt_config_idle {
	TT_IDLE_ADAPTIVE,
	TT_IDLE_POLL
};

enum tt_config_huge_pages {
	TT_HUGE_PAGES_AUTO,
	TT_HUGE_PAGES_REQUIRE,
	TT_HUGE_PAGES_NEVER
};

/* The kinds of `ports:` entries: which key named the device. */
enum tt_config_port_kind {
	TT_PORT_PCI,	     /* pci: "0000:3b:00.0" */
	TT_PORT_AF_PACKET,   /* interface: eth1 */
	TT_PORT_AF_XDP,	     /* af_xdp: eth1 */
	TT_PORT_PCAP,	     /* pcap: eth1 */
	TT_PORT_MEMIF,	     /* memif: /run/memif.sock */
	TT_PORT_VIRTIO_USER, /* virtio_user: /run/vhost.sock */
	TT_PORT_TAP,	     /* tap: dtap0 */
	TT_PORT_RING,	     /* ring: name */
	TT_PORT_NULL,	     /* null: name */
	TT_PORT_DEVARGS	     /* devargs: "net_foo0,key=value" */
};

struct tt_config_port {
	enum tt_config_port_kind kind;
	const char *device;   /* interface, address, path, name or devargs */
	uint32_t descriptors; /* of each receive queue */
	uint32_t frame_bytes; /* longest frame that is received whole */
	bool promiscuous;
	bool nic_timestamps;
};

/* IPv4 addresses mapped into IPv6 are the IPv4 ones. */
struct tt_config_network {
	uint8_t address[16]; /* IPv4: the first 4 bytes; no bit is set behind the prefix */
	uint8_t prefix_bits;
	uint8_t ip_version; /* 4 or 6; 0: any address */
};

/* What a packet must be like for a filter to match it; 0: any. */
struct tt_config_filter_rule {
	struct tt_config_network network;
	uint32_t protocol;
	uint32_t ports; /* first << 16 | last */
	uint32_t vlans;
};

/* What traffic must be like for a rule to match it, NULL or 0: any; and what then becomes of it. */
struct tt_config_rule {
	const char *service; /* what to call it; NULL: nothing */
	const char *host;
	const char *sni;
	const char *path;
	const char *method;
	const char *protocol;
	const char *route; /* instead of the path's own, or TT_CONFIG_ROUTE_NONE; NULL: as it is */
	struct tt_config_network client;
	struct tt_config_network server;
	uint32_t ports; /* the server's: first << 16 | last */
	bool exclude;
};

#define TT_CONFIG_ROUTE_NONE "none"

struct tt_config {
	struct tt_config_port ports[TT_CONFIG_PORTS];
	uint32_t port_count;

	struct {
		uint32_t count;			  /* 1 to TT_CONFIG_WORKERS */
		uint32_t cpus[TT_CONFIG_WORKERS]; /* empty: any */
		uint32_t cpu_count;		  /* 0 or count */
		enum tt_config_idle idle;
		enum tt_config_steering steering;
		uint32_t ring_packets; /* of each ring between two workers, power of 2 */
	} workers;

	struct {
		int32_t cpu; /* of the control core, or TT_CONFIG_CPU_ANY */
	} control;

	struct {
		enum tt_config_huge_pages huge_pages;
		uint32_t mbufs;		 /* of each NUMA node's pool */
		uint32_t mbuf_bytes;	 /* data room of one */
		uint32_t record_batches; /* of each worker */
	} memory;

	struct {
		uint32_t connections; /* a worker */
		uint32_t half_open;   /* a worker */
		bool key_vlan;
		bool key_tunnel;
		uint64_t tcp_idle_us;
		uint64_t tcp_half_open_us;
		uint64_t tcp_closing_us;
		uint64_t udp_one_way_us;
		uint64_t udp_two_way_us;
		uint64_t other_idle_us;
	} flow;

	struct {
		uint32_t datagrams; /* a worker: fragmented datagrams known at a time */
		uint64_t timeout_us;
	} fragments;

	struct {
		enum tt_config_duplicates remove;
		uint32_t packets; /* a worker: remembered, about */
		uint64_t window_us;
	} duplicates;

	struct {
		bool shed;
		uint64_t react_us;
		uint64_t recover_us;
		uint32_t long_flow_packets;
	} overload;

	struct {
		struct tt_config_filter_rule include[TT_CONFIG_FILTER_RULES];
		struct tt_config_filter_rule exclude[TT_CONFIG_FILTER_RULES];
		uint32_t include_count;
		uint32_t exclude_count;
	} filter;

	struct tt_config_rule rules[TT_CONFIG_RULES]; /* the first that matches counts */
	uint32_t rule_count;

	const char *signatures; /* their file; NULL: those built in (config/signatures.h) */

	struct {
		uint32_t layer_kinds; /* taken off: bit 1 << enum tt_layer_kind */
		uint32_t layer_limit; /* taken off one packet, 0 to TT_PACKET_LAYERS */
	} tunnels;

	struct {
		uint32_t connections;	   /* a worker: whose payload is followed at a time */
		uint64_t reassembly_bytes; /* a worker: of segments that came early */
	} payload;

	struct {
		bool enabled;
		uint32_t ports[TT_CONFIG_DNS_PORTS]; /* besides the well-known ones */
		uint32_t port_count;
		uint32_t pending; /* a worker: queries without their response yet */
		uint64_t timeout_us;
		uint32_t keys; /* of statistics, a worker's and the control core's */
		bool registered_domain;
	} dns;

	struct {
		bool enabled;
		uint32_t transactions; /* a worker: under way at a time */
		uint32_t keys;	       /* of statistics, a worker's and the control core's */
	} http;

	struct {
		bool enabled;
		uint32_t handshakes; /* a worker: under way at a time */
	} tls;

	struct {
		uint32_t addresses;
		uint32_t an_address;
		uint64_t ttl_min_us;
		uint64_t ttl_max_us;
	} names;

	struct {
		uint32_t connections; /* closed ones kept for clients */
		uint64_t dns_bytes;   /* of transactions kept for clients; so those below */
		uint64_t http_bytes;
		uint64_t tls_bytes;
	} journal;

	struct {
		uint32_t limit; /* at a time */
		uint64_t expiry_us;
		uint32_t connections; /* of each, compared with its last pull */
		uint32_t keys;	      /* of each, of statistics that it has not pulled */
	} clients;

	struct {
		bool enabled;
		const char *socket;  /* NULL: pull.sock beside the telemetry socket */
		const char *address; /* to listen at with TCP */
		uint32_t port;	     /* 0: no TCP */
	} pull;

	struct {
		const char *prefix; /* EAL file prefix: names the telemetry socket's folder */
	} telemetry;

	/* Once the devices are open. */
	struct {
		const char *user;  /* NULL: root becomes one without rights, others stay */
		const char *group; /* NULL: the user's */
		bool sandbox;
	} security;

	struct {
		enum tt_log_level level;
	} log;

	char *text;			 /* owns the strings above, defaults aside */
	struct tt_config_source *source; /* where values stand in the file */
};

/* The defaults of the schema table, without a port: what `taptrace read` runs with. TT_ERROR_MEMORY,
 * and *config NULL, is its only failure. The caller frees *config. */
int tt_config_default(struct tt_config **config);

/* Read a file ("-": standard input) of at most 1 MiB. Every fault is one line
 * "file:line:column: path: message" on `errors`, the path left out where the fault is the
 * document's, line and column where the file cannot be read; any fault gives TT_ERROR_CONFIG and
 * *config NULL. TT_ERROR_MEMORY as above. The caller frees *config. */
int tt_config_load(struct tt_config **config, const char *path, FILE *errors);

/* The same from memory: `name` stands for the file in the error lines. */
int tt_config_parse(struct tt_config **config, const char *name, const char *text,
	size_t text_bytes, FILE *errors);

/* The effective configuration as YAML that loads to the same struct, every key with its value and,
 * with `annotate`, its description, unit, range and whether it needs a restart; then a key whose
 * value follows from another one's is a comment, so that it goes on following it.
 * conf/taptrace.yaml is the annotated print of the defaults. */
void tt_config_print(const struct tt_config *config, bool annotate, FILE *out);

/* A fault of a value that this module cannot judge, as tt_config_load() writes them: `pattern` is the
 * key's path in the schema ("rules[].path"), `item` the number of its list's entry. Only of a
 * configuration that was loaded or parsed, and of a key that was given. */
void tt_config_complain(const struct tt_config *config, const char *pattern, uint32_t item,
	const char *message, FILE *errors);

/* NULL is ignored. */
void tt_config_free(struct tt_config *config);

#endif
