/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/duplicates.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <string.h>

#define IPV4_BYTES 20 /* without options */
#define IPV6_BYTES 40

#define STATIONS_BYTES 12
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17
#define TCP_FLAGS      13 /* offset of these bits in its header */
#define TCP_SYN	       0x02
#define TCP_RST	       0x04
#define TCP_ACK	       0x10

/* A block of the hash: 16 bytes for each of as many lanes, whose multiplications overlap. */
#define LANES	    4
#define BLOCK_BYTES (16 * LANES)

/* With half of the entries to spare, few buckets forget a packet before its time. */
#define ENTRIES_A_BUCKET 4
#define ENTRIES_A_PACKET 2
#define PLACE_BITS	 16
#define TIME_BITS	 48

#define LINKS 256

/* How much a packet that is surely a copy, or surely none, says about a link, and one that only
 * seems so. */
#define NAMED_WEIGHT 4
#define PLAIN_WEIGHT 1

/* A link's counters are halved when they come to this: what was long ago fades. */
#define LINK_PACKETS_LIMIT 512

/* From here on a link speaks for itself; before, what came the other way counts, too. */
#define LINK_PACKETS_ENOUGH 32

struct entry {
	uint64_t fingerprint; /* 0: free */
	/* Where it was seen, PLACE_BITS, over when: microseconds modulo 2^TIME_BITS. */
	uint64_t place_and_time;
};

struct bucket {
	struct entry entries[ENTRIES_A_BUCKET];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct bucket) == 64, "a cache line");

/* What came lately from one station of a link to another. */
struct link {
	uint32_t tag;
	uint16_t packets; /* weighed, copies included */
	uint16_t copies;
};

struct tt_duplicates {
	uint64_t key[LANES];
	uint64_t window_us;
	uint64_t bucket_mask;
	struct link links[LINKS];
	struct bucket buckets[] __attribute__((aligned(64)));
};

static uint64_t bucket_count(uint32_t packets)
{
	uint64_t wanted = (uint64_t)packets * ENTRIES_A_PACKET / ENTRIES_A_BUCKET;
	uint64_t count = 1;

	while (count < wanted)
		count *= 2;
	return count;
}

size_t tt_duplicates_bytes(uint32_t packets)
{
	return sizeof(struct tt_duplicates) + bucket_count(packets) * sizeof(struct bucket);
}

struct tt_duplicates *tt_duplicates_make(void *memory, const struct tt_duplicates_options *options)
{
	struct tt_duplicates *duplicates = memory;

	for (uint64_t lane = 0; lane < LANES; lane++)
		duplicates->key[lane] = tt_hash_bytes(options->secret, &lane, sizeof(lane));
	duplicates->window_us = options->window_us;
	duplicates->bucket_mask = bucket_count(options->packets) - 1;
	return duplicates;
}

static void hash_block(uint64_t lane[LANES], const uint64_t key[LANES], const uint8_t *block)
{
	uint64_t word[2];

	for (unsigned int i = 0; i < LANES; i++) {
		memcpy(word, block + i * sizeof(word), sizeof(word));
		lane[i] = tt_hash_fold(word[0] ^ key[i], word[1] ^ lane[i]);
	}
}

/* Where the captured bytes of the IP packet end. */
static const uint8_t *end_of(const struct tt_packet *packet, unsigned int header_bytes)
{
	if (packet->transport != NULL)
		return packet->transport + packet->transport_captured_bytes;
	if (packet->payload != NULL)
		return packet->payload + packet->payload_captured_bytes;
	return packet->ip + header_bytes;
}

uint64_t tt_duplicates_fingerprint(
	const struct tt_duplicates *duplicates, const struct tt_packet *packet, uint64_t domain)
{
	const uint64_t *key = duplicates->key;
	uint64_t lane[LANES] = {domain, key[0], key[1], key[2]};
	uint8_t block[BLOCK_BYTES] = {0};
	unsigned int header_bytes = packet->ip_version == 4 ? IPV4_BYTES : IPV6_BYTES;
	const uint8_t *next = packet->ip + header_bytes;
	const uint8_t *end = end_of(packet, header_bytes);
	size_t left = end > next ? (size_t)(end - next) : 0;
	const size_t length = left;

	memcpy(block, packet->ip, header_bytes);
	if (packet->ip_version == 4) {
		block[8] = 0;		  /* TTL */
		memset(block + 10, 0, 2); /* header checksum */
	} else {
		block[7] = 0; /* hop limit */
	}
	hash_block(lane, key, block);
	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, next += BLOCK_BYTES)
		hash_block(lane, key, next);
	if (left > 0) {
		memset(block, 0, sizeof(block));
		memcpy(block, next, left);
		hash_block(lane, key, block);
	}
	uint64_t hash = tt_hash_fold(lane[0] ^ length, lane[1] ^ key[0]) ^
		tt_hash_fold(lane[2] ^ key[1], lane[3] ^ key[2]);

	hash = tt_hash_fold(hash ^ key[3], key[0] | 1);
	return hash == 0 ? 1 : hash;
}

void tt_duplicates_prefetch(const struct tt_duplicates *duplicates, uint64_t fingerprint)
{
	__builtin_prefetch(&duplicates->buckets[fingerprint & duplicates->bucket_mask], 1);
}

static bool is_tcp_syn(const struct tt_packet *packet)
{
	return packet->ip_protocol == PROTOCOL_TCP && (packet->flags & TT_PACKET_TRANSPORT) != 0 &&
		(packet->transport[TCP_FLAGS] & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/* Does it hold what its sender puts into one packet alone? */
static bool is_named(const struct tt_packet *packet)
{
	uint32_t id = packet->flags & TT_PACKET_FRAGMENT ? packet->fragment_id : packet->ip_id;

	return id > 1 || is_tcp_syn(packet);
}

/* What tells whether a link is doubled: not ACKs, RSTs and ICMP, of which hosts send many alike. */
static unsigned int weight_of(const struct tt_packet *packet, bool named)
{
	if (named)
		return NAMED_WEIGHT;
	if (packet->ip_protocol != PROTOCOL_TCP && packet->ip_protocol != PROTOCOL_UDP)
		return 0;
	return packet->payload_bytes > 0 ? PLAIN_WEIGHT : 0;
}

/* Differs, but once in 2^PLACE_BITS, where two copies of a packet were not seen at the same spot. */
static uint64_t place_of(const struct tt_packet *packet, uint8_t port)
{
	uint8_t place[4 + sizeof(packet->vlan)] = {
		port, packet->ip_ttl, packet->vlan_count, packet->layer_count};

	memcpy(place + 4, packet->vlan, packet->vlan_count * sizeof(packet->vlan[0]));
	return tt_hash_bytes(0, place, sizeof(place)) >> (64 - PLACE_BITS);
}

static uint32_t tag_of(const struct tt_duplicates *duplicates, const struct tt_packet *packet,
	const struct tt_sighting *sighting, bool reverse)
{
	uint8_t link[STATIONS_BYTES + 2] = {0};
	const unsigned int half = STATIONS_BYTES / 2;

	if (sighting->stations != NULL) {
		memcpy(link, sighting->stations + (reverse ? half : 0), half);
		memcpy(link + half, sighting->stations + (reverse ? 0 : half), half);
	}
	if (packet->vlan_count > 0)
		memcpy(link + STATIONS_BYTES, packet->vlan, 2);
	return (uint32_t)tt_hash_bytes(duplicates->key[0], link, sizeof(link));
}

static struct link *link_of(struct tt_duplicates *duplicates, uint32_t tag)
{
	return &duplicates->links[tag % LINKS];
}

static bool mostly_copies(unsigned int packets, unsigned int copies)
{
	/* Of a link that is doubled every second packet is one. */
	return copies >= NAMED_WEIGHT && copies * 4 >= packets;
}

/* Did what came between these stations lately come doubled? */
static bool is_doubled(struct tt_duplicates *duplicates, const struct tt_packet *packet,
	const struct tt_sighting *sighting)
{
	uint32_t tag = tag_of(duplicates, packet, sighting, false);
	uint32_t reverse_tag = tag_of(duplicates, packet, sighting, true);
	const struct link *link = link_of(duplicates, tag);
	const struct link *reverse = link_of(duplicates, reverse_tag);
	unsigned int packets = link->tag == tag ? link->packets : 0;
	unsigned int copies = link->tag == tag ? link->copies : 0;

	if (packets < LINK_PACKETS_ENOUGH && reverse_tag != tag && reverse->tag == reverse_tag) {
		packets += reverse->packets;
		copies += reverse->copies;
	}
	return mostly_copies(packets, copies);
}

static void count_on_link(struct tt_duplicates *duplicates, const struct tt_packet *packet,
	const struct tt_sighting *sighting, unsigned int weight, bool copy)
{
	uint32_t tag = tag_of(duplicates, packet, sighting, false);
	struct link *link = link_of(duplicates, tag);

	if (link->tag != tag)
		*link = (struct link){.tag = tag};
	link->packets = (uint16_t)(link->packets + weight);
	if (copy)
		link->copies = (uint16_t)(link->copies + weight);
	if (link->packets >= LINK_PACKETS_LIMIT) {
		link->packets /= 2;
		link->copies /= 2;
	}
}

/* From an entry's time to now, or back where captures are out of order. */
static uint64_t distance_us(const struct entry *entry, uint64_t time_us)
{
	int64_t distance = (int64_t)((time_us - entry->place_and_time) << (64 - TIME_BITS)) >>
		(64 - TIME_BITS);

	return (uint64_t)(distance < 0 ? -distance : distance);
}

/* Which entry of its bucket is the packet's; else the one it may have: a free one, or the last. */
static unsigned int find_entry(const struct bucket *bucket, uint64_t fingerprint)
{
	unsigned int chosen = ENTRIES_A_BUCKET - 1;

	for (unsigned int i = 0; i < ENTRIES_A_BUCKET; i++) {
		if (bucket->entries[i].fingerprint == fingerprint)
			return i;
		if (bucket->entries[i].fingerprint == 0)
			chosen = i;
	}
	return chosen;
}

/* In front of those that came before it. */
static void remember(struct bucket *bucket, unsigned int number, struct entry entry)
{
	memmove(&bucket->entries[1], &bucket->entries[0], number * sizeof(entry));
	bucket->entries[0] = entry;
}

bool tt_duplicates_see(struct tt_duplicates *duplicates, const struct tt_packet *packet,
	const struct tt_sighting *sighting)
{
	uint64_t place = place_of(packet, sighting->port);
	bool named = is_named(packet);
	unsigned int weight = weight_of(packet, named);
	struct bucket *bucket =
		&duplicates->buckets[sighting->fingerprint & duplicates->bucket_mask];
	unsigned int number = find_entry(bucket, sighting->fingerprint);
	struct entry *entry = &bucket->entries[number];
	uint64_t distance = distance_us(entry, sighting->time_us);
	bool same =
		entry->fingerprint == sighting->fingerprint && distance <= duplicates->window_us;
	bool sure = named || (same && entry->place_and_time >> TIME_BITS != place);
	bool seems = same && (sure || distance <= TT_DUPLICATES_TWIN_US);
	bool copy = seems && (sure || is_doubled(duplicates, packet, sighting));

	if (weight > 0)
		count_on_link(duplicates, packet, sighting, weight, seems);
	if (!copy) {
		remember(bucket, number,
			(struct entry){
				.fingerprint = sighting->fingerprint,
				.place_and_time = place << TIME_BITS |
					(sighting->time_us & ((UINT64_C(1) << TIME_BITS) - 1)),
			});
	} else if (!sure) {
		/* Each has one copy: of four alike two were sent. */
		entry->fingerprint = 0;
	}
	return copy;
}
