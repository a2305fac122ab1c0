/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/fragment.h"

#include "base/bytes.h"
#include "packet/network.h"

#include <string.h>

#define KEY_WORDS     6
#define UNIT_BYTES    8	   /* of fragment offsets */
#define UNITS_MAXIMUM 8192 /* of the longest datagram, rounded up */
#define TABLE_ALIGN   64

/* Links are entry numbers plus 1, so that 0 is none and zeroed memory is a table without any. */

enum datagram_state {
	DATAGRAM_HELD,	/* no first fragment yet */
	DATAGRAM_FLOW,	/* ports are known */
	DATAGRAM_TUNNEL /* of an outer packet */
};

/* What a fragment brings that is not there yet. */
enum range_news {
	RANGE_NEW,
	RANGE_OVERLAP,
	RANGE_DUPLICATE
};

struct range {
	uint16_t begin; /* in units */
	uint16_t end;
};

struct datagram {
	uint64_t key[KEY_WORDS]; /* addresses, domain, and identification, protocol and version */
	uint64_t begun_us;
	uint32_t next;	/* in the bucket, or among the free */
	uint32_t older; /* in order of begun_us */
	uint32_t newer;
	uint16_t source_port; /* DATAGRAM_FLOW alone, as is the protocol */
	uint16_t destination_port;
	uint8_t ip_protocol;
	uint8_t state;
	uint8_t range_count;
	uint8_t vlan_count; /* the rest: DATAGRAM_HELD alone */
	uint8_t layer_count;
	uint8_t held_protocol;
	bool given_up; /* not to be put together, or handed out already */
	uint32_t slot; /* of the reassembly; 0: none yet. It may have been stolen */
	uint16_t end;  /* in units, once the last fragment was seen; else 0 */
	struct range range[TT_FRAGMENT_RANGES]; /* apart from each other, in no order */
	struct tt_fragment_credit credit;
	uint16_t vlan[TT_PACKET_VLANS];
	struct tt_layer layer[TT_PACKET_LAYERS];
};

struct tt_fragment_table {
	struct tt_fragment_counters counters;
	struct tt_fragment_options options;
	uint32_t bucket_mask;
	uint32_t used; /* entries that ever were; those behind are untouched */
	uint32_t free;
	uint32_t oldest;
	uint32_t newest;
	uint32_t *buckets;
	struct datagram *datagrams;
	struct tt_reassembly *reassembly; /* NULL: UDP datagrams are not put together */
};

static size_t aligned(size_t bytes)
{
	return (bytes + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;
}

/* A power of two, at least one for each datagram. */
static uint32_t bucket_count(uint32_t datagrams)
{
	uint32_t count = 1;

	while (count < datagrams)
		count *= 2;
	return count;
}

size_t tt_fragment_table_bytes(uint32_t datagrams)
{
	return aligned(sizeof(struct tt_fragment_table)) +
		aligned(bucket_count(datagrams) * sizeof(uint32_t)) +
		datagrams * sizeof(struct datagram);
}

struct tt_fragment_table *tt_fragment_table_make(
	void *memory, const struct tt_fragment_options *options)
{
	struct tt_fragment_table *table = memory;
	uint32_t buckets = bucket_count(options->datagrams);
	char *at = (char *)memory + aligned(sizeof(*table));

	table->options = *options;
	table->bucket_mask = buckets - 1;
	table->buckets = (void *)at;
	table->datagrams = (void *)(at + aligned(buckets * sizeof(uint32_t)));
	return table;
}

void tt_fragment_set_timeout(struct tt_fragment_table *table, uint64_t timeout_us)
{
	table->options.timeout_us = timeout_us;
}

void tt_fragment_reassemble(struct tt_fragment_table *table, struct tt_reassembly *reassembly)
{
	table->reassembly = reassembly;
}

const struct tt_fragment_counters *tt_fragment_counters(const struct tt_fragment_table *table)
{
	return &table->counters;
}

static void count(tt_counter *counter)
{
	tt_counter_add(counter, 1);
}

static struct datagram *entry(struct tt_fragment_table *table, uint32_t link)
{
	return &table->datagrams[link - 1];
}

static uint32_t link_of(const struct tt_fragment_table *table, const struct datagram *datagram)
{
	return (uint32_t)(datagram - table->datagrams) + 1;
}

/* IPv4 datagrams are named by their protocol too (RFC 791, 3.1), as the IP header has it: AH may
 * have been taken off of a first fragment. Those of IPv6 are not (RFC 8200, 4.5). */
static void make_key(uint64_t key[KEY_WORDS], const struct tt_packet *packet, uint64_t domain)
{
	size_t address_bytes = packet->ip_version == 4 ? 4 : 16;
	uint64_t protocol = packet->ip_version == 4 ? packet->ip[9] : 0;

	memset(key, 0, KEY_WORDS * sizeof(key[0]));
	memcpy(&key[0], packet->source, address_bytes);
	memcpy(&key[2], packet->destination, address_bytes);
	key[4] = domain;
	key[5] = (uint64_t)packet->fragment_id << 32 | protocol << 8 | packet->ip_version;
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
 * 2014), chained over the words. */
static uint32_t bucket_of(const struct tt_fragment_table *table, const uint64_t key[KEY_WORDS])
{
	uint64_t hash = table->options.seed;

	for (unsigned int i = 0; i < KEY_WORDS; i++) {
		hash ^= key[i];
		hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
		hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
		hash ^= hash >> 31;
	}
	return (uint32_t)hash & table->bucket_mask;
}

static struct datagram *find(
	struct tt_fragment_table *table, const uint64_t key[KEY_WORDS], uint32_t bucket)
{
	for (uint32_t link = table->buckets[bucket]; link != 0; link = entry(table, link)->next)
		if (memcmp(entry(table, link)->key, key, KEY_WORDS * sizeof(key[0])) == 0)
			return entry(table, link);
	return NULL;
}

static void queue_take(struct tt_fragment_table *table, struct datagram *datagram)
{
	uint32_t *from_older =
		datagram->older != 0 ? &entry(table, datagram->older)->newer : &table->oldest;
	uint32_t *from_newer =
		datagram->newer != 0 ? &entry(table, datagram->newer)->older : &table->newest;

	*from_older = datagram->newer;
	*from_newer = datagram->older;
}

static void queue_append(struct tt_fragment_table *table, struct datagram *datagram)
{
	uint32_t link = link_of(table, datagram);

	datagram->older = table->newest;
	datagram->newer = 0;
	*(table->newest != 0 ? &entry(table, table->newest)->newer : &table->oldest) = link;
	table->newest = link;
}

static void release_slot(struct tt_fragment_table *table, struct datagram *datagram)
{
	if (table->reassembly != NULL &&
		tt_reassembly_owns(table->reassembly, datagram->slot, link_of(table, datagram)))
		tt_reassembly_release(table->reassembly, datagram->slot);
	datagram->slot = 0;
}

/* Of the datagram's name, which has to be set, nothing is known any more. */
static void begin(struct tt_fragment_table *table, struct datagram *datagram, uint64_t now_us)
{
	datagram->begun_us = now_us;
	datagram->state = DATAGRAM_HELD;
	datagram->range_count = 0;
	datagram->end = 0;
	datagram->given_up = false;
	release_slot(table, datagram);
	datagram->credit = (struct tt_fragment_credit){0};
	queue_append(table, datagram);
}

static void begin_again(struct tt_fragment_table *table, struct datagram *datagram, uint64_t now_us)
{
	queue_take(table, datagram);
	begin(table, datagram, now_us);
}

static void remove_entry(struct tt_fragment_table *table, struct datagram *datagram)
{
	uint32_t *link = &table->buckets[bucket_of(table, datagram->key)];

	while (*link != link_of(table, datagram))
		link = &entry(table, *link)->next;
	*link = datagram->next;
	queue_take(table, datagram);
	release_slot(table, datagram);
	datagram->next = table->free;
	table->free = link_of(table, datagram);
	tt_counter_set(&table->counters.datagrams, tt_counter_read(&table->counters.datagrams) - 1);
}

/* Whether the datagram has been waiting for its first fragment; then *orphan is written. */
static bool make_orphan(struct tt_fragment_table *table, const struct datagram *datagram,
	struct tt_fragment_orphan *orphan)
{
	if (datagram->state != DATAGRAM_HELD || datagram->credit.packets == 0)
		return false;
	count(&table->counters.orphans);
	orphan->credit = datagram->credit;
	memcpy(orphan->source, &datagram->key[0], sizeof(orphan->source));
	memcpy(orphan->destination, &datagram->key[2], sizeof(orphan->destination));
	orphan->packet = (struct tt_packet){
		.source = orphan->source,
		.destination = orphan->destination,
		.flags = TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_LATER,
		.fragment_id = (uint32_t)(datagram->key[5] >> 32),
		.ip_version = (uint8_t)datagram->key[5],
		.ip_protocol = datagram->held_protocol,
		.vlan_count = datagram->vlan_count,
		.layer_count = datagram->layer_count,
	};
	memcpy(orphan->packet.vlan, datagram->vlan, sizeof(datagram->vlan));
	memcpy(orphan->packet.layer, datagram->layer, sizeof(datagram->layer));
	return true;
}

static bool is_over(
	const struct tt_fragment_table *table, const struct datagram *datagram, uint64_t now_us)
{
	return now_us > datagram->begun_us &&
		now_us - datagram->begun_us >= table->options.timeout_us;
}

/* The packet's datagram, in time: one that should have expired counts as expired, so that what
 * happens does not depend on how often tt_fragment_expire() is called. */
static struct datagram *find_or_begin(struct tt_fragment_table *table,
	const struct tt_packet *packet, uint64_t domain, uint64_t now_us,
	struct tt_fragment_outcome *outcome)
{
	uint64_t key[KEY_WORDS];

	make_key(key, packet, domain);
	uint32_t bucket = bucket_of(table, key);
	struct datagram *datagram = find(table, key, bucket);

	if (datagram != NULL) {
		if (is_over(table, datagram, now_us)) {
			outcome->has_orphan = make_orphan(table, datagram, &outcome->orphan);
			begin_again(table, datagram, now_us);
		}
		return datagram;
	}
	if (table->free == 0 && table->used == table->options.datagrams) {
		datagram = entry(table, table->oldest);
		if (!is_over(table, datagram, now_us))
			count(&table->counters.evicted);
		outcome->has_orphan = make_orphan(table, datagram, &outcome->orphan);
		remove_entry(table, datagram);
	}
	if (table->free != 0) {
		datagram = entry(table, table->free);
		table->free = datagram->next;
	} else {
		datagram = entry(table, ++table->used);
	}
	memcpy(datagram->key, key, sizeof(key));
	datagram->next = table->buckets[bucket];
	table->buckets[bucket] = link_of(table, datagram);
	begin(table, datagram, now_us);
	count(&table->counters.datagrams);
	tt_counter_raise(
		&table->counters.datagrams_high, tt_counter_read(&table->counters.datagrams));
	return datagram;
}

static bool is_complete(const struct datagram *datagram)
{
	return datagram->end != 0 && datagram->range_count == 1 && datagram->range[0].begin == 0 &&
		datagram->range[0].end == datagram->end;
}

/* What of the datagram the fragment carries. What stands before a first fragment's transport header
 * and behind its fragment header (AH, destination options) is left out. */
static struct range range_of(const struct tt_packet *packet)
{
	uint32_t begin = packet->fragment_offset_bytes / UNIT_BYTES;
	uint32_t bytes = packet->payload_bytes;

	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) == 0)
		bytes = packet->transport == NULL
			? 0
			: packet->ip_bytes - (uint32_t)(packet->transport - packet->ip);
	uint32_t end = begin + (bytes + UNIT_BYTES - 1) / UNIT_BYTES;

	return (struct range){.begin = (uint16_t)begin,
		.end = (uint16_t)(end < UNITS_MAXIMUM ? end : UNITS_MAXIMUM)};
}

/* Add the fragment's bytes to what the datagram has, joined with the parts it touches. A part too
 * many is forgotten: then less is called overlapping or duplicate. */
static enum range_news add_range(struct datagram *datagram, const struct tt_packet *packet)
{
	struct range range = range_of(packet);
	enum range_news news = RANGE_NEW;
	unsigned int kept = 0;

	if ((packet->flags & TT_PACKET_FRAGMENT_MORE) == 0)
		datagram->end = range.end;
	if (range.begin >= range.end)
		return RANGE_NEW;
	struct range joined = range;

	for (unsigned int i = 0; i < datagram->range_count; i++) {
		struct range have = datagram->range[i];

		if (have.begin <= range.begin && range.end <= have.end)
			return RANGE_DUPLICATE;
		if (have.begin < range.end && range.begin < have.end)
			news = RANGE_OVERLAP;
		if (have.begin <= range.end && range.begin <= have.end) {
			joined.begin = have.begin < joined.begin ? have.begin : joined.begin;
			joined.end = have.end > joined.end ? have.end : joined.end;
		} else {
			datagram->range[kept++] = have;
		}
	}
	if (kept < TT_FRAGMENT_RANGES)
		datagram->range[kept++] = joined;
	datagram->range_count = (uint8_t)kept;
	return news;
}

static void count_range(
	struct tt_fragment_table *table, struct datagram *datagram, const struct tt_packet *packet)
{
	switch (add_range(datagram, packet)) {
	case RANGE_NEW:
		break;
	case RANGE_OVERLAP:
		count(&table->counters.overlapping);
		break;
	case RANGE_DUPLICATE:
		count(&table->counters.duplicate);
		break;
	}
}

static void hold(struct datagram *datagram, const struct tt_packet *packet, uint32_t tap_ports,
	uint64_t now_us)
{
	struct tt_fragment_credit *credit = &datagram->credit;

	if (credit->packets == 0) {
		credit->first_us = now_us;
		credit->last_us = now_us;
		datagram->held_protocol = packet->ip_protocol;
		datagram->vlan_count = packet->vlan_count;
		datagram->layer_count = packet->layer_count;
		memcpy(datagram->vlan, packet->vlan, sizeof(datagram->vlan));
		memcpy(datagram->layer, packet->layer, sizeof(datagram->layer));
	}
	credit->packets++;
	credit->tap_ports |= tap_ports;
	credit->ip_bytes += packet->ip_bytes;
	if (now_us < credit->first_us)
		credit->first_us = now_us;
	if (now_us > credit->last_us)
		credit->last_us = now_us;
}

/* A second first fragment of other ports, or of a datagram that is complete, is of another one:
 * identifications come round. One of the same is taken for a duplicate. */
static void see_first(struct tt_fragment_table *table, struct datagram *datagram,
	const struct tt_packet *packet, uint64_t now_us, struct tt_fragment_outcome *outcome)
{
	bool is_same = datagram->state == DATAGRAM_FLOW && !is_complete(datagram) &&
		datagram->source_port == packet->source_port &&
		datagram->destination_port == packet->destination_port &&
		datagram->ip_protocol == packet->ip_protocol;

	outcome->result = TT_FRAGMENT_FIRST;
	outcome->credit = datagram->credit;
	datagram->credit = (struct tt_fragment_credit){0};
	if (is_same) {
		queue_take(table, datagram);
		queue_append(table, datagram);
		datagram->begun_us = now_us;
	} else if (datagram->state != DATAGRAM_HELD) {
		begin_again(table, datagram, now_us);
	}
	datagram->state = DATAGRAM_FLOW;
	datagram->source_port = packet->source_port;
	datagram->destination_port = packet->destination_port;
	datagram->ip_protocol = packet->ip_protocol;
	if ((packet->flags & TT_PACKET_TRANSPORT) == 0)
		count(&table->counters.tiny);
	count_range(table, datagram, packet);
}

static void see_later(struct tt_fragment_table *table, struct datagram *datagram,
	struct tt_packet *packet, uint32_t tap_ports, uint64_t now_us,
	struct tt_fragment_outcome *outcome)
{
	count_range(table, datagram, packet);
	switch ((enum datagram_state)datagram->state) {
	case DATAGRAM_HELD:
		hold(datagram, packet, tap_ports, now_us);
		count(&table->counters.held);
		outcome->result = TT_FRAGMENT_HELD;
		break;
	case DATAGRAM_FLOW:
		packet->source_port = datagram->source_port;
		packet->destination_port = datagram->destination_port;
		packet->ip_protocol = datagram->ip_protocol;
		outcome->result = TT_FRAGMENT_KNOWN;
		break;
	case DATAGRAM_TUNNEL:
		outcome->result = TT_FRAGMENT_REST;
		break;
	}
}

/* The bytes of the datagram that a fragment carries, when they were all captured and it is known
 * where they stand: right behind the fragment header, or the IPv4 header. */
static const uint8_t *fragment_data(const struct tt_packet *packet, uint32_t *length)
{
	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) != 0) {
		*length = packet->payload_bytes;
		return packet->payload_captured_bytes == *length ? packet->payload : NULL;
	}
	if (packet->transport == NULL)
		return NULL;
	uint32_t headers = (uint32_t)(packet->transport - packet->ip);
	bool is_behind = packet->ip_version == 4 ? headers == (uint32_t)(packet->ip[0] & 0x0f) * 4
						 : packet->transport[-8] == packet->ip_protocol &&
			tt_load_be32(packet->transport - 4) == packet->fragment_id;

	*length = packet->ip_bytes - headers;
	return is_behind && packet->transport_captured_bytes == *length ? packet->transport : NULL;
}

/* RFC 768: the length in the header, which covers it, is what there is; 0 is all. */
static void hand_out(struct tt_fragment_table *table, const struct datagram *datagram,
	struct tt_fragment_outcome *outcome)
{
	uint32_t bytes;
	const uint8_t *data = tt_reassembly_data(table->reassembly, datagram->slot, &bytes);

	if (bytes < 8)
		return;
	uint32_t length = tt_load_be16(data + 4);

	if (length == 0)
		length = bytes;
	if (length < 8 || length > bytes)
		return;
	outcome->whole = data + 8;
	outcome->whole_bytes = length - 8;
	count(&table->counters.reassembled);
}

static void reassemble(struct tt_fragment_table *table, struct datagram *datagram,
	const struct tt_packet *packet, struct tt_fragment_outcome *outcome)
{
	uint32_t link = link_of(table, datagram);
	uint32_t length;
	const uint8_t *data = fragment_data(packet, &length);
	bool stolen;

	if (data == NULL || datagram->given_up || packet->ip_protocol != TT_IP_UDP)
		return;
	if (datagram->slot == 0) {
		datagram->slot = tt_reassembly_take(table->reassembly, link, &stolen);
		if (stolen)
			count(&table->counters.reassembly_stolen);
	}
	if (!tt_reassembly_owns(table->reassembly, datagram->slot, link)) {
		datagram->given_up = true;
		return;
	}
	enum tt_reassembly_result result =
		tt_reassembly_add(table->reassembly, datagram->slot, packet->fragment_offset_bytes,
			data, length, (packet->flags & TT_PACKET_FRAGMENT_MORE) != 0);

	if (result == TT_REASSEMBLY_INCOMPLETE)
		return;
	if (result == TT_REASSEMBLY_COMPLETE)
		hand_out(table, datagram, outcome);
	else
		count(&table->counters.reassembly_broken);
	datagram->given_up = true;
	release_slot(table, datagram);
}

void tt_fragment_see(struct tt_fragment_table *table, struct tt_packet *packet, uint64_t domain,
	uint32_t tap_ports, uint64_t now_us, struct tt_fragment_outcome *outcome)
{
	outcome->has_orphan = false;
	outcome->credit.packets = 0;
	outcome->whole = NULL;
	count(&table->counters.fragments);
	struct datagram *datagram = find_or_begin(table, packet, domain, now_us, outcome);

	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) == 0)
		see_first(table, datagram, packet, now_us, outcome);
	else
		see_later(table, datagram, packet, tap_ports, now_us, outcome);
	if (table->reassembly != NULL && outcome->result != TT_FRAGMENT_REST)
		reassemble(table, datagram, packet, outcome);
}

void tt_fragment_outer_packet(struct tt_packet *outer, const struct tt_packet *packet)
{
	const uint8_t *ip = packet->outer.ip;
	bool is_ipv4 = packet->outer.ip_version == 4;

	*outer = (struct tt_packet){
		.ip = ip,
		.source = ip + (is_ipv4 ? 12 : 8),
		.destination = ip + (is_ipv4 ? 16 : 24),
		.flags = TT_PACKET_FRAGMENT | TT_PACKET_FRAGMENT_MORE,
		.fragment_id = packet->outer.fragment_id,
		.ip_version = packet->outer.ip_version,
		.ip_protocol = ip[is_ipv4 ? 9 : 6],
		.vlan_count = packet->outer.vlan_count,
		.layer_count = packet->outer.layer_count,
	};
	memcpy(outer->vlan, packet->vlan, outer->vlan_count * sizeof(outer->vlan[0]));
	memcpy(outer->layer, packet->layer, outer->layer_count * sizeof(outer->layer[0]));
}

void tt_fragment_see_tunnel(struct tt_fragment_table *table, const struct tt_packet *outer,
	uint64_t domain, uint64_t now_us, struct tt_fragment_outcome *outcome)
{
	outcome->has_orphan = false;
	outcome->whole = NULL;
	count(&table->counters.fragments);
	struct datagram *datagram = find_or_begin(table, outer, domain, now_us, outcome);

	outcome->result = TT_FRAGMENT_FIRST;
	outcome->credit = datagram->credit;
	if (datagram->state != DATAGRAM_HELD)
		begin_again(table, datagram, now_us);
	datagram->credit = (struct tt_fragment_credit){0};
	datagram->state = DATAGRAM_TUNNEL;
	release_slot(table, datagram);
}

enum tt_fragment_expiry tt_fragment_expire(
	struct tt_fragment_table *table, uint64_t now_us, struct tt_fragment_orphan *orphan)
{
	if (table->oldest == 0)
		return TT_FRAGMENT_NONE_EXPIRED;
	struct datagram *datagram = entry(table, table->oldest);

	if (!is_over(table, datagram, now_us))
		return TT_FRAGMENT_NONE_EXPIRED;
	bool is_orphan = make_orphan(table, datagram, orphan);

	remove_entry(table, datagram);
	return is_orphan ? TT_FRAGMENT_ORPHANED : TT_FRAGMENT_EXPIRED;
}
