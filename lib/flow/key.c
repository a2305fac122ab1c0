/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/key.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>

/* See struct tt_key_options. */
#define SYMMETRIC_LAYERS                                                                           \
	(1u << TT_LAYER_PPPOE | 1u << TT_LAYER_GRE | 1u << TT_LAYER_NVGRE |                        \
		1u << TT_LAYER_ERSPAN2 | 1u << TT_LAYER_ERSPAN3 | 1u << TT_LAYER_VXLAN |           \
		1u << TT_LAYER_VXLAN_GPE | 1u << TT_LAYER_GENEVE)

/* Takes the place of a kind in what the domain is hashed from. */
#define VLAN_KIND TT_LAYER_KINDS

/* The increment and the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom
 * number generators, 2014); the finaliser is a bijection. */
#define SPLITMIX_INCREMENT 0x9e3779b97f4a7c15u

static uint64_t splitmix(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
	word = (word ^ word >> 27) * 0x94d049bb133111ebu;
	return word ^ word >> 31;
}

int tt_key_secret_make(struct tt_key_secret *secret, uint64_t seed)
{
	if (seed != 0) {
		for (unsigned int i = 0; i < TT_FLOW_KEY_WORDS + 2; i++)
			secret->word[i] = splitmix(seed += SPLITMIX_INCREMENT);
		return TT_OK;
	}

	/* Up to 256 bytes come whole or not at all (getrandom(2)). */
	while (getrandom(secret, sizeof(*secret), 0) < 0)
		if (errno != EINTR)
			return tt_error_from_errno(errno);
	return TT_OK;
}

static uint64_t chain(uint64_t domain, unsigned int kind, uint32_t id)
{
	return splitmix(domain + ((uint64_t)kind << 32 | id));
}

/* Rare, and kept out of the path of those without. */
static __attribute__((noinline)) uint64_t domain_of(
	const struct tt_packet *packet, const struct tt_key_options *options)
{
	uint64_t domain = 0;

	if (options->vlan)
		for (unsigned int i = 0; i < packet->vlan_count; i++)
			if (packet->vlan[i] != 0)
				domain = chain(domain, VLAN_KIND, packet->vlan[i]);
	if (options->tunnel)
		for (unsigned int i = 0; i < packet->layer_count; i++) {
			const struct tt_layer *layer = &packet->layer[i];
			if (layer->has_id && (SYMMETRIC_LAYERS >> layer->kind & 1) != 0)
				domain = chain(domain, layer->kind, layer->id);
		}
	return domain;
}

/* Is the source of the packet, with these ports, the high endpoint? */
static bool is_source_high(
	const struct tt_packet *packet, uint16_t source_port, uint16_t destination_port)
{
	uint64_t source, destination;

	if (packet->ip_version == 4) {
		source = tt_load_be32(packet->source);
		destination = tt_load_be32(packet->destination);
	} else {
		source = tt_load_be64(packet->source);
		destination = tt_load_be64(packet->destination);
		if (source == destination) {
			source = tt_load_be64(packet->source + 8);
			destination = tt_load_be64(packet->destination + 8);
		}
	}
	return source > destination || (source == destination && source_port > destination_port);
}

/* A key is written in whole words, because the hash reads it so right after: a processor does not
 * forward several narrow stores to a wider load. */
static void put_word(struct tt_flow_key *key, unsigned int i, uint64_t word)
{
	memcpy((uint8_t *)key + i * sizeof(word), &word, sizeof(word));
}

/* An IPv4 address and the four zero bytes behind it in a key. */
static uint64_t ipv4_word(const uint8_t *address)
{
	uint32_t word;

	memcpy(&word, address, sizeof(word));
	return word;
}

/* The word from low_port to reserved, on a little-endian machine. */
static uint64_t ports_word(
	uint16_t low_port, uint16_t high_port, uint8_t ip_protocol, uint8_t ip_version)
{
	return low_port | (uint64_t)high_port << 16 | (uint64_t)ip_protocol << 32 |
		(uint64_t)ip_version << 40;
}

unsigned int tt_flow_key_make(struct tt_flow_key *key, const struct tt_packet *packet,
	const struct tt_key_options *options)
{
	const bool has_ports = packet->ip_protocol == IPPROTO_TCP ||
		packet->ip_protocol == IPPROTO_UDP || packet->ip_protocol == IPPROTO_SCTP;
	const uint16_t source_port = has_ports ? packet->source_port : 0;
	const uint16_t destination_port = has_ports ? packet->destination_port : 0;
	const bool high = is_source_high(packet, source_port, destination_port);
	const uint8_t *low_address = high ? packet->destination : packet->source;
	const uint8_t *high_address = high ? packet->source : packet->destination;
	uint64_t domain = 0;

	if ((packet->vlan_count | packet->layer_count) != 0)
		domain = domain_of(packet, options);
	if (packet->ip_version == 4) {
		put_word(key, 0, ipv4_word(low_address));
		put_word(key, 1, 0);
		put_word(key, 2, ipv4_word(high_address));
		put_word(key, 3, 0);
	} else {
		memcpy(key->low_address, low_address, 16);
		memcpy(key->high_address, high_address, 16);
	}
	put_word(key, 4,
		ports_word(high ? destination_port : source_port,
			high ? source_port : destination_port, packet->ip_protocol,
			packet->ip_version));
	put_word(key, 5, domain);
	return high;
}
