/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include "content.h"
#include "script.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SITES		1000
#define SITES_OF_CLIENT 8 /* that it goes to again and again, as people do */
#define RESOLVERS	4
#define FIRST_PORT	16384
#define PORTS		49152
#define IPV4_SOURCE_AT	(TT_SCRIPT_ETHERNET_BYTES + 12)
#define IPV6_SOURCE_AT	(TT_SCRIPT_ETHERNET_BYTES + 8)
#define IPV4_CLIENTS	0x0a000000u /* 10.0.0.0/8 */
#define IPV4_SITES	0xc6120000u /* 198.18.0.0/15, of benchmarks (RFC 2544 C.2.2) */
#define IPV4_RESOLVERS	0xc6130000u

static const struct {
	const char *name;
	uint32_t scripts;
	uint32_t packets; /* of a session */
	uint32_t clients;
} kinds[TT_REPLAY_KINDS] = {
	[TT_REPLAY_WEB] = {"web", 5, 140, 4096},
	[TT_REPLAY_SETUP] = {"setup", 5, 48, 4096},
	[TT_REPLAY_CHURN] = {"churn", 5, 12, 65536},
	[TT_REPLAY_DNS] = {"dns", 5, 20, 4096},
};

struct identity {
	uint32_t client;
	uint32_t site;
	uint16_t port;
	uint32_t initial[2]; /* sequence number, of client and server */
};

static uint32_t scatter(uint32_t number)
{
	number = (number ^ number >> 16) * 0x45d9f3bu;
	number = (number ^ number >> 16) * 0x45d9f3bu;
	return number ^ number >> 16;
}

const char *tt_replay_name(enum tt_replay_kind kind)
{
	return kinds[kind].name;
}

struct tt_replay *tt_replay_create(enum tt_replay_kind kind, uint64_t seed)
{
	struct tt_replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL)
		return NULL;
	replay->script_count = kinds[kind].scripts;
	replay->packets = kinds[kind].packets;
	replay->clients = kinds[kind].clients;
	replay->seed = seed;
	for (uint32_t i = 0; i < replay->script_count; i++) {
		struct tt_replay_script *script = &replay->scripts[i];

		if (!tt_script_make(script, kind, i, replay->packets, seed)) {
			tt_replay_destroy(replay);
			return NULL;
		}
		if (script->truth.flows > replay->flows_max)
			replay->flows_max = (uint32_t)script->truth.flows;
	}
	return replay;
}

void tt_replay_destroy(struct tt_replay *replay)
{
	if (replay == NULL)
		return;
	for (uint32_t i = 0; i < replay->script_count; i++)
		tt_script_free(&replay->scripts[i]);
	free(replay);
}

/* A client has a port of its own for each flow until it has gone through all of them. */
static struct identity identify(const struct tt_replay *replay, uint64_t session, uint32_t flow)
{
	uint64_t turn = session / replay->clients;
	uint32_t client = (uint32_t)(session % replay->clients);
	uint32_t visit = client * SITES_OF_CLIENT + (uint32_t)(turn % SITES_OF_CLIENT);
	uint32_t random = scatter((uint32_t)session * 31 + flow);

	return (struct identity){
		.client = client,
		.site = scatter(visit ^ (uint32_t)replay->seed) % SITES,
		.port = (uint16_t)(FIRST_PORT + (turn * replay->flows_max + flow) % PORTS),
		.initial = {random, ~random * 5},
	};
}

static void write_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

enum role {
	ROLE_CLIENT,
	ROLE_SITE,
	ROLE_RESOLVER
};

static void write_address(
	uint8_t *address, unsigned int ip_version, const struct identity *identity, enum role role)
{
	static const uint32_t ipv4_networks[] = {IPV4_CLIENTS, IPV4_SITES, IPV4_RESOLVERS};
	static const uint8_t ipv6_network[12] = {0x20, 0x01, 0x0d, 0xb8};
	const uint32_t numbers[] = {identity->client, identity->site, identity->client % RESOLVERS};

	if (ip_version == 4) {
		write_u32(address, ipv4_networks[role] | numbers[role]);
		return;
	}
	memcpy(address, ipv6_network, sizeof(ipv6_network));
	address[7] = (uint8_t)role;
	write_u32(address + 12, numbers[role]);
}

static void write_digits(uint8_t *at, uint32_t number)
{
	for (unsigned int i = TT_CONTENT_DIGITS; i > 0; i--) {
		at[i - 1] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
}

static void write_patches(
	const struct tt_replay_packet *packet, uint8_t *frame, const struct identity *identity)
{
	for (unsigned int i = 0; i < packet->patch_count; i++) {
		uint8_t *at = frame + packet->patches[i].offset;

		switch ((enum tt_replay_patch_kind)packet->patches[i].kind) {
		case TT_REPLAY_SITE_DIGITS:
			write_digits(at, identity->site);
			break;
		case TT_REPLAY_SITE_ADDRESS:
			write_address(at, packet->ip_version, identity, ROLE_SITE);
			break;
		case TT_REPLAY_DNS_ID:
			/* Another one for each message of a flow; the answer has the query's. */
			write_u16(at, (uint16_t)(identity->initial[0] + packet->sequence));
			break;
		}
	}
}

uint32_t tt_replay_write(const struct tt_replay *replay, uint64_t session, uint32_t at,
	uint8_t *frame, bool *from_client)
{
	const struct tt_replay_script *script = &replay->scripts[session % replay->script_count];
	const struct tt_replay_packet *packet = &script->packets[at];
	const struct identity identity = identify(replay, session, packet->flow);
	unsigned int source_at = packet->ip_version == 4 ? IPV4_SOURCE_AT : IPV6_SOURCE_AT;
	unsigned int address_bytes = packet->ip_version == 4 ? 4 : 16;
	uint8_t *transport = frame + source_at + 2 * address_bytes;
	uint8_t *client = frame + source_at + (packet->from_client ? 0 : address_bytes);
	uint8_t *server = frame + source_at + (packet->from_client ? address_bytes : 0);
	uint8_t *client_port = transport + (packet->from_client ? 0 : 2);

	memcpy(frame, packet->bytes, packet->written);
	write_address(client, packet->ip_version, &identity, ROLE_CLIENT);
	write_address(server, packet->ip_version, &identity,
		packet->to_resolver ? ROLE_RESOLVER : ROLE_SITE);
	write_u16(client_port, identity.port);
	if (packet->ip_protocol == IPPROTO_TCP) {
		unsigned int side = packet->from_client ? 0 : 1;

		write_u32(transport + 4, identity.initial[side] + packet->sequence);
		if (packet->acknowledgment != 0)
			write_u32(transport + 8, identity.initial[!side] + packet->acknowledgment);
	}
	write_patches(packet, frame, &identity);
	*from_client = packet->from_client;
	return packet->length;
}

void tt_replay_tell(const struct tt_replay *replay, uint64_t session, struct tt_replay_truth *truth)
{
	const struct tt_replay_truth *one = &replay->scripts[session % replay->script_count].truth;

	truth->packets += one->packets;
	truth->wire_bytes += one->wire_bytes;
	truth->flows += one->flows;
	truth->tcp_flows += one->tcp_flows;
	truth->ipv6_flows += one->ipv6_flows;
	truth->dns += one->dns;
	truth->http += one->http;
	truth->tls += one->tls;
	truth->retransmitted += one->retransmitted;
}
