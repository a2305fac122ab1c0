/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/names.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#define ADDRESSES_LIMIT (1u << 26)
#define NONE		UINT32_MAX
#define UNIT_BYTES	16 /* texts are kept in so many units */
#define UNIT_CLASSES	16 /* of 1 to 16 units: 256 bytes */
#define UNITS_A_NAME	2  /* memory for names of 32 bytes in the mean */
#define EVICTIONS	8  /* addresses given up for one pair at most */
#define CNAMES		16 /* followed in one answer */
#define GATHERED	8  /* addresses of a lesson */
#define LESSONS		TT_NAMES_WAITING
#define ENTRIES_AFTER	(LESSONS / 2) /* lessons, between fetching buckets and entries */

/* That an address has a name. The name's hash stands for it, so that learning what is known already
 * need not look at the name: two names have the same with probability 2^-64. */
struct held {
	uint64_t hash;
	uint64_t learned_us;
	uint64_t expires_us;
	uint32_t name;
} __attribute__((packed, aligned(4)));

/* One cache line; most addresses have one name. */
struct address {
	struct held first; /* the latest learned */
	uint32_t further;  /* the first link of the others */
	uint32_t chain;	   /* next of the same bucket, or of the free list */
	uint32_t older;	   /* by when they were learned last */
	uint32_t newer;
	uint16_t moved_min; /* when it was made the newest, in minutes; may wrap */
	uint8_t ip_version;
	uint8_t count;	   /* of names; 0: the entry is free */
	uint8_t bytes[16]; /* IPv4: the first 4, the rest 0 */
};

_Static_assert(sizeof(struct address) == 64, "a cache line");

struct link {
	struct held held;
	uint32_t next;
};

/* A name, once, however many addresses have it. */
struct name {
	uint64_t hash;
	uint32_t chain;
	uint32_t references;
	uint32_t unit; /* where its text begins */
	uint8_t length;
	uint8_t class; /* units - 1 */
};

/* What an answer taught, while the memory that it goes to is fetched. */
struct lesson {
	uint64_t hash; /* of the name */
	uint64_t time_us;
	unsigned int count; /* of addresses */
	struct {
		uint8_t bytes[16];
		uint32_t bucket;
		uint32_t ttl_s;
		uint8_t ip_version;
	} addresses[GATHERED];
	uint8_t length; /* of the name */
	char text[255];
};

struct tt_names {
	struct address *addresses;
	struct link *links;
	struct name *names;
	uint8_t *units;
	uint32_t *address_buckets;
	uint32_t *name_buckets;
	uint32_t bucket_mask;
	uint32_t addresses_used;
	uint32_t links_used;
	uint32_t names_used;
	uint32_t units_used;
	uint32_t addresses_free;
	uint32_t links_free;
	uint32_t names_free;
	uint32_t units_free[UNIT_CLASSES];
	uint32_t oldest;
	uint32_t newest;
	struct tt_names_options options;
	struct tt_names_counters counters;
	uint32_t begun; /* lessons since create; may wrap */
	uint32_t ended;
	struct lesson lessons[LESSONS]; /* number n is at n % LESSONS */
};

static uint32_t power_of_two(uint32_t least)
{
	return least <= 1 ? 1 : 1u << (32 - __builtin_clz(least - 1));
}

static uint32_t links_for(uint32_t addresses)
{
	return addresses + TT_NAMES_AN_ADDRESS; /* two names an address in the mean */
}

static uint32_t units_for(uint32_t addresses)
{
	return addresses * UNITS_A_NAME + UNIT_CLASSES;
}

static size_t buckets_bytes(uint32_t addresses)
{
	return (size_t)power_of_two(addresses) * sizeof(uint32_t);
}

size_t tt_names_bytes(const struct tt_names_options *options)
{
	size_t addresses = options->addresses;

	return tt_memory_mapped_bytes(sizeof(struct tt_names)) +
		tt_memory_mapped_bytes(addresses * sizeof(struct address)) +
		tt_memory_mapped_bytes(links_for(options->addresses) * sizeof(struct link)) +
		tt_memory_mapped_bytes(addresses * sizeof(struct name)) +
		tt_memory_mapped_bytes((size_t)units_for(options->addresses) * UNIT_BYTES) +
		2 * tt_memory_mapped_bytes(buckets_bytes(options->addresses));
}

int tt_names_create(struct tt_names **names, const struct tt_names_options *options)
{
	uint32_t addresses = options->addresses;
	bool huge_pages = options->huge_pages;

	if (addresses == 0 || addresses > ADDRESSES_LIMIT || options->an_address == 0 ||
		options->an_address > TT_NAMES_AN_ADDRESS ||
		options->ttl_min_s > options->ttl_max_s)
		return TT_ERROR_ARGUMENT;
	struct tt_names *created = tt_memory_map(sizeof(*created), false);
	if (created == NULL)
		return TT_ERROR_MEMORY;
	created->options = *options;
	created->bucket_mask = power_of_two(addresses) - 1;
	created->addresses = tt_memory_map(addresses * sizeof(struct address), huge_pages);
	created->links = tt_memory_map(links_for(addresses) * sizeof(struct link), huge_pages);
	created->names = tt_memory_map(addresses * sizeof(struct name), huge_pages);
	created->units = tt_memory_map((size_t)units_for(addresses) * UNIT_BYTES, huge_pages);
	created->address_buckets = tt_memory_map(buckets_bytes(addresses), huge_pages);
	created->name_buckets = tt_memory_map(buckets_bytes(addresses), huge_pages);
	if (created->addresses == NULL || created->links == NULL || created->names == NULL ||
		created->units == NULL || created->address_buckets == NULL ||
		created->name_buckets == NULL) {
		tt_names_destroy(created);
		return TT_ERROR_MEMORY;
	}
	memset(created->address_buckets, 0xff, buckets_bytes(addresses));
	memset(created->name_buckets, 0xff, buckets_bytes(addresses));
	memset(created->units_free, 0xff, sizeof(created->units_free));
	created->addresses_free = NONE;
	created->links_free = NONE;
	created->names_free = NONE;
	created->oldest = NONE;
	created->newest = NONE;
	*names = created;
	return TT_OK;
}

void tt_names_destroy(struct tt_names *names)
{
	if (names == NULL)
		return;
	uint32_t addresses = names->options.addresses;
	tt_memory_unmap(names->addresses, addresses * sizeof(struct address));
	tt_memory_unmap(names->links, links_for(addresses) * sizeof(struct link));
	tt_memory_unmap(names->names, addresses * sizeof(struct name));
	tt_memory_unmap(names->units, (size_t)units_for(addresses) * UNIT_BYTES);
	tt_memory_unmap(names->address_buckets, buckets_bytes(addresses));
	tt_memory_unmap(names->name_buckets, buckets_bytes(addresses));
	tt_memory_unmap(names, sizeof(*names));
}

const struct tt_names_counters *tt_names_counters(const struct tt_names *names)
{
	return &names->counters;
}

/* Free units hold the number of the next free ones of their class. */
static uint32_t unit_next(const struct tt_names *names, uint32_t unit)
{
	uint32_t next;

	memcpy(&next, names->units + (size_t)unit * UNIT_BYTES, sizeof(next));
	return next;
}

/* Units for a text; a larger class serves where its own has none. NONE: none is left. */
static uint32_t units_take(struct tt_names *names, uint8_t *class)
{
	uint32_t wanted = *class + 1u;

	if (names->units_free[*class] == NONE &&
		units_for(names->options.addresses) - names->units_used >= wanted) {
		names->units_used += wanted;
		return names->units_used - wanted;
	}
	for (uint8_t i = *class; i < UNIT_CLASSES; i++) {
		uint32_t unit = names->units_free[i];
		if (unit == NONE)
			continue;
		names->units_free[i] = unit_next(names, unit);
		*class = i;
		return unit;
	}
	return NONE;
}

static void units_give(struct tt_names *names, uint32_t unit, uint8_t class)
{
	memcpy(names->units + (size_t)unit * UNIT_BYTES, &names->units_free[class],
		sizeof(uint32_t));
	names->units_free[class] = unit;
}

static char *name_text(const struct tt_names *names, const struct name *name)
{
	return (char *)names->units + (size_t)name->unit * UNIT_BYTES;
}

static void name_release(struct tt_names *names, uint32_t number)
{
	struct name *name = &names->names[number];

	if (--name->references > 0)
		return;
	uint32_t *link = &names->name_buckets[name->hash & names->bucket_mask];
	while (*link != number)
		link = &names->names[*link].chain;
	*link = name->chain;
	units_give(names, name->unit, name->class);
	name->chain = names->names_free;
	names->names_free = number;
}

static uint32_t name_find(
	const struct tt_names *names, uint64_t hash, const char *text, uint8_t length)
{
	uint32_t number = names->name_buckets[hash & names->bucket_mask];

	for (; number != NONE; number = names->names[number].chain) {
		const struct name *name = &names->names[number];
		if (name->hash == hash && name->length == length &&
			memcmp(name_text(names, name), text, length) == 0)
			break;
	}
	return number;
}

/* A new name without references; NONE when there is no room. */
static uint32_t name_insert(struct tt_names *names, uint64_t hash, const char *text, uint8_t length)
{
	uint8_t class = (uint8_t)((length - 1) / UNIT_BYTES);
	uint32_t number = names->names_free;

	if (number == NONE && names->names_used == names->options.addresses)
		return NONE;
	uint32_t unit = units_take(names, &class);
	if (unit == NONE)
		return NONE;
	if (number != NONE)
		names->names_free = names->names[number].chain;
	else
		number = names->names_used++;
	struct name *name = &names->names[number];
	uint32_t *bucket = &names->name_buckets[hash & names->bucket_mask];
	*name = (struct name){
		.hash = hash,
		.chain = *bucket,
		.unit = unit,
		.length = length,
		.class = class,
	};
	*bucket = number;
	memcpy(name_text(names, name), text, length);
	return number;
}

static uint32_t address_bucket(const struct tt_names *names, const uint8_t bytes[16])
{
	return (uint32_t)tt_hash_bytes(names->options.secret, bytes, 16) & names->bucket_mask;
}

static uint32_t address_find(const struct tt_names *names, uint32_t bucket, unsigned int ip_version,
	const uint8_t bytes[16])
{
	uint32_t number = names->address_buckets[bucket];

	for (; number != NONE; number = names->addresses[number].chain)
		if (names->addresses[number].ip_version == ip_version &&
			memcmp(names->addresses[number].bytes, bytes, 16) == 0)
			break;
	return number;
}

static void order_remove(struct tt_names *names, uint32_t number)
{
	const struct address *address = &names->addresses[number];

	if (address->older == NONE)
		names->oldest = address->newer;
	else
		names->addresses[address->older].newer = address->newer;
	if (address->newer == NONE)
		names->newest = address->older;
	else
		names->addresses[address->newer].older = address->older;
}

static void order_add_newest(struct tt_names *names, uint32_t number)
{
	struct address *address = &names->addresses[number];

	address->older = names->newest;
	address->newer = NONE;
	if (names->newest == NONE)
		names->oldest = number;
	else
		names->addresses[names->newest].newer = number;
	names->newest = number;
}

static void link_free(struct tt_names *names, uint32_t number)
{
	names->links[number].next = names->links_free;
	names->links_free = number;
}

static void evict_oldest(struct tt_names *names)
{
	uint32_t number = names->oldest;
	struct address *address = &names->addresses[number];

	name_release(names, address->first.name);
	while (address->further != NONE) {
		uint32_t link = address->further;
		address->further = names->links[link].next;
		name_release(names, names->links[link].held.name);
		link_free(names, link);
	}
	address->count = 0;
	order_remove(names, number);
	uint32_t *bucket = &names->address_buckets[address_bucket(names, address->bytes)];
	while (*bucket != number)
		bucket = &names->addresses[*bucket].chain;
	*bucket = address->chain;
	address->chain = names->addresses_free;
	names->addresses_free = number;
	tt_counter_set(&names->counters.addresses, tt_counter_read(&names->counters.addresses) - 1);
	tt_counter_add(&names->counters.evicted, 1);
}

/* Room for a new address, whose first name needs no link, or for one more name of a known one. */
static bool has_room(const struct tt_names *names, uint32_t known)
{
	if (known == NONE)
		return names->addresses_free != NONE ||
			names->addresses_used < names->options.addresses;
	return names->addresses[known].count == names->options.an_address ||
		names->links_free != NONE ||
		names->links_used < links_for(names->options.addresses);
}

static uint32_t address_insert(
	struct tt_names *names, uint32_t bucket, unsigned int ip_version, const uint8_t bytes[16])
{
	uint32_t number = names->addresses_free;

	if (number != NONE)
		names->addresses_free = names->addresses[number].chain;
	else
		number = names->addresses_used++;
	struct address *address = &names->addresses[number];
	memcpy(address->bytes, bytes, 16);
	address->chain = names->address_buckets[bucket];
	names->address_buckets[bucket] = number;
	address->further = NONE;
	address->ip_version = (uint8_t)ip_version;
	address->count = 0;
	order_add_newest(names, number);
	tt_counter_add(&names->counters.addresses, 1);
	tt_counter_raise(
		&names->counters.addresses_high, tt_counter_read(&names->counters.addresses));
	return number;
}

/* Take the name that expires first off an address that has as many as it may. */
static void drop_a_name(struct tt_names *names, struct address *address)
{
	struct held *soonest = &address->first;
	uint32_t *at = NULL;

	for (uint32_t *next = &address->further; *next != NONE; next = &names->links[*next].next) {
		struct held *held = &names->links[*next].held;
		if (held->expires_us <= soonest->expires_us) {
			soonest = held;
			at = next;
		}
	}
	name_release(names, soonest->name);
	address->count--;
	tt_counter_add(&names->counters.replaced, 1);
	if (at == NULL && address->further != NONE) {
		/* The first one goes: the next takes its place. */
		at = &address->further;
		address->first = names->links[*at].held;
	}
	if (at != NULL) {
		uint32_t link = *at;
		*at = names->links[link].next;
		link_free(names, link);
	}
}

static struct held *held_find(struct tt_names *names, struct address *address, uint64_t hash)
{
	if (address->first.hash == hash)
		return &address->first;
	for (uint32_t link = address->further; link != NONE; link = names->links[link].next)
		if (names->links[link].held.hash == hash)
			return &names->links[link].held;
	return NULL;
}

/* A name being learned. */
struct learning {
	const char *text;
	uint64_t hash;
	uint64_t time_us;
	uint32_t
		number; /* in the table, with a reference, so that it stays while addresses go; NONE:
	                  * not looked for yet, or no room */
	uint8_t length;
};

static void name_acquire(struct tt_names *names, struct learning *learning)
{
	const char *text = learning->text;
	uint32_t number = name_find(names, learning->hash, text, learning->length);

	for (unsigned int evictions = 0; number == NONE; evictions++) {
		number = name_insert(names, learning->hash, text, learning->length);
		if (number != NONE)
			break;
		if (evictions == EVICTIONS || names->oldest == NONE)
			return;
		evict_oldest(names);
	}
	names->names[number].references++;
	learning->number = number;
}

/* The address's entry, known or new, with room for one name more; NONE when there is no room. */
static uint32_t address_acquire(
	struct tt_names *names, uint32_t bucket, unsigned int ip_version, const uint8_t bytes[16])
{
	for (unsigned int evictions = 0;; evictions++) {
		uint32_t number = address_find(names, bucket, ip_version, bytes);
		if (has_room(names, number))
			return number != NONE ? number
					      : address_insert(names, bucket, ip_version, bytes);
		if (evictions == EVICTIONS || names->oldest == NONE)
			return NONE;
		evict_oldest(names);
	}
}

/* Give an address a name that it does not have. false: there is no room. */
static bool name_address(struct tt_names *names, struct learning *learning, uint32_t bucket,
	unsigned int ip_version, const uint8_t bytes[16], uint64_t expires_us)
{
	if (learning->number == NONE)
		name_acquire(names, learning);
	if (learning->number == NONE)
		return false;
	uint32_t number = address_acquire(names, bucket, ip_version, bytes);
	if (number == NONE)
		return false;
	struct address *address = &names->addresses[number];
	if (address->count == names->options.an_address)
		drop_a_name(names, address);
	if (address->count > 0) {
		uint32_t link = names->links_free;
		if (link != NONE)
			names->links_free = names->links[link].next;
		else
			link = names->links_used++;
		names->links[link] =
			(struct link){.held = address->first, .next = address->further};
		address->further = link;
	}
	address->first = (struct held){
		.hash = learning->hash,
		.learned_us = learning->time_us,
		.expires_us = expires_us,
		.name = learning->number,
	};
	address->count++;
	names->names[learning->number].references++;
	return true;
}

/* Whoever was learned again within the minute keeps his place in the order. */
static void order_renew(struct tt_names *names, uint32_t number, uint64_t time_us)
{
	struct address *address = &names->addresses[number];
	uint16_t now_min = (uint16_t)(time_us / 60000000);

	if (address->moved_min == now_min)
		return;
	address->moved_min = now_min;
	order_remove(names, number);
	order_add_newest(names, number);
}

static void add_name(struct tt_names *names, struct learning *learning, uint32_t bucket,
	unsigned int ip_version, const uint8_t bytes[16], uint32_t ttl_s)
{
	const struct tt_names_options *options = &names->options;

	if (ttl_s < options->ttl_min_s)
		ttl_s = options->ttl_min_s;
	if (ttl_s > options->ttl_max_s)
		ttl_s = options->ttl_max_s;
	uint64_t expires_us = learning->time_us + (uint64_t)ttl_s * 1000000;
	tt_counter_add(&names->counters.learned, 1);

	uint32_t number = address_find(names, bucket, ip_version, bytes);
	struct held *held = NULL;
	if (number != NONE) {
		order_renew(names, number, learning->time_us);
		held = held_find(names, &names->addresses[number], learning->hash);
	}
	if (held == NULL) {
		if (!name_address(names, learning, bucket, ip_version, bytes, expires_us))
			tt_counter_add(&names->counters.refused, 1);
		return;
	}
	/* Also between two answers, and in whatever order they come from several workers. */
	if (held->learned_us > learning->time_us)
		held->learned_us = learning->time_us;
	if (held->expires_us < expires_us)
		held->expires_us = expires_us;
}

static void lesson_end(struct tt_names *names, const struct lesson *lesson)
{
	struct learning learning = {
		.text = lesson->text,
		.hash = lesson->hash,
		.time_us = lesson->time_us,
		.number = NONE,
		.length = lesson->length,
	};

	for (unsigned int i = 0; i < lesson->count; i++)
		add_name(names, &learning, lesson->addresses[i].bucket,
			lesson->addresses[i].ip_version, lesson->addresses[i].bytes,
			lesson->addresses[i].ttl_s);
	if (learning.number != NONE)
		name_release(names, learning.number);
}

static struct lesson *lesson_at(struct tt_names *names, uint32_t number)
{
	return &names->lessons[number % LESSONS];
}

void tt_names_settle(struct tt_names *names)
{
	while (names->ended != names->begun)
		lesson_end(names, lesson_at(names, names->ended++));
}

static void prefetch_entries(const struct tt_names *names, const struct lesson *lesson)
{
	for (unsigned int i = 0; i < lesson->count; i++) {
		uint32_t number = names->address_buckets[lesson->addresses[i].bucket];
		if (number != NONE)
			__builtin_prefetch(&names->addresses[number], 1);
	}
}

/* An empty lesson, of the newest. */
static struct lesson *lesson_begin(
	struct tt_names *names, const char *text, uint8_t length, uint64_t hash, uint64_t time_us)
{
	if (names->begun - names->ended == LESSONS)
		lesson_end(names, lesson_at(names, names->ended++));
	if (names->begun - names->ended >= ENTRIES_AFTER)
		prefetch_entries(names, lesson_at(names, names->begun - ENTRIES_AFTER));
	struct lesson *lesson = lesson_at(names, names->begun++);
	lesson->hash = hash;
	lesson->time_us = time_us;
	lesson->count = 0;
	lesson->length = length;
	memcpy(lesson->text, text, length);
	return lesson;
}

/* There is room for one more. */
static void lesson_add(struct tt_names *names, struct lesson *lesson, unsigned int ip_version,
	const uint8_t *address, uint32_t ttl_s)
{
	unsigned int at = lesson->count++;
	uint8_t *bytes = lesson->addresses[at].bytes;

	memset(bytes, 0, 16);
	memcpy(bytes, address, ip_version == 4 ? 4 : 16);
	lesson->addresses[at].bucket = address_bucket(names, bytes);
	lesson->addresses[at].ttl_s = ttl_s;
	lesson->addresses[at].ip_version = (uint8_t)ip_version;
	__builtin_prefetch(&names->address_buckets[lesson->addresses[at].bucket]);
}

static uint64_t name_hash(const struct tt_names *names, const char *text, uint8_t length)
{
	return tt_hash_bytes(names->options.secret, text, length);
}

void tt_names_add(struct tt_names *names, unsigned int ip_version, const uint8_t *address,
	const char *name, uint8_t name_length, uint32_t ttl_s, uint64_t time_us)
{
	if (name_length == 0)
		return;
	lesson_add(names,
		lesson_begin(
			names, name, name_length, name_hash(names, name, name_length), time_us),
		ip_version, address, ttl_s);
}

/* Append a name to found[] if it holds at the time. */
static void found_add(const struct tt_names *names, const struct held *held, uint64_t time_us,
	struct tt_names_name *found, unsigned int *count)
{
	if (time_us < held->learned_us || time_us >= held->expires_us)
		return;
	const struct name *name = &names->names[held->name];
	found[(*count)++] = (struct tt_names_name){
		.text = name_text(names, name),
		.length = name->length,
		.learned_us = held->learned_us,
		.expires_us = held->expires_us,
	};
}

static unsigned int names_at(const struct tt_names *names, const struct address *address,
	uint64_t time_us, struct tt_names_name *found)
{
	unsigned int count = 0;

	if (address->count == 0)
		return 0;
	found_add(names, &address->first, time_us, found, &count);
	for (uint32_t link = address->further; link != NONE; link = names->links[link].next)
		found_add(names, &names->links[link].held, time_us, found, &count);
	return count;
}

unsigned int tt_names_lookup(const struct tt_names *names, unsigned int ip_version,
	const uint8_t *address_bytes, uint64_t time_us, struct tt_names_name *found)
{
	uint8_t bytes[16] = {0};

	memcpy(bytes, address_bytes, ip_version == 4 ? 4 : 16);
	uint32_t number = address_find(names, address_bucket(names, bytes), ip_version, bytes);
	return number == NONE ? 0 : names_at(names, &names->addresses[number], time_us, found);
}

unsigned int tt_names_next(const struct tt_names *names, uint32_t *position, uint64_t time_us,
	unsigned int *ip_version, const uint8_t **address_bytes, struct tt_names_name *found)
{
	while (*position < names->addresses_used) {
		const struct address *address = &names->addresses[(*position)++];
		unsigned int count = names_at(names, address, time_us, found);
		if (count == 0)
			continue;
		*ip_version = address->ip_version;
		*address_bytes = address->bytes;
		return count;
	}
	return 0;
}

/* The name that an answer is at, and where the message has it. */
struct owner {
	struct tt_dns_name name;
	uint16_t offset;
};

/* Names are mostly pointers to where the name was before: that needs no reading. */
static bool is_owner(const struct tt_dns_message *message, const struct tt_dns_record *record,
	const struct owner *owner)
{
	const uint8_t *bytes = message->bytes + record->name_offset;
	struct tt_dns_name name;

	if (bytes[0] >= 0xc0 && (tt_load_be16(bytes) & 0x3fff) == owner->offset)
		return true;
	return tt_dns_name_read(&name, message->bytes, message->length, record->name_offset) != 0 &&
		name.length == owner->name.length &&
		memcmp(name.text, owner->name.text, name.length) == 0;
}

/* An answer being learned from. */
struct answer {
	struct tt_names *names;
	const struct tt_dns_message *message;
	const char *text; /* the name that was asked for */
	uint8_t length;
	uint64_t hash; /* of it */
	uint64_t time_us;
	struct lesson *lesson; /* that its addresses go to; NULL: none yet */
	struct owner owner;    /* the question, then what its CNAMEs led to so far */
	uint32_t ttl_s;	       /* the shortest of those CNAMEs */
	unsigned int cnames;   /* followed */
};

/* RFC 9460 2.3 and 9.1: "_8443._https.example" asks for services of "example". */
static unsigned int service_prefix(const struct tt_dns_name *name)
{
	unsigned int begin = 0;

	while (begin < name->length && name->text[begin] == '_') {
		const char *dot = memchr(name->text + begin, '.', name->length - begin);
		if (dot == NULL)
			return 0;
		begin = (unsigned int)(dot - name->text) + 1;
	}
	return begin < name->length ? begin : 0;
}

static void learn_address(
	struct answer *answer, unsigned int ip_version, const uint8_t *address, uint32_t ttl_s)
{
	if (answer->lesson == NULL || answer->lesson->count == GATHERED)
		answer->lesson = lesson_begin(
			answer->names, answer->text, answer->length, answer->hash, answer->time_us);
	lesson_add(answer->names, answer->lesson, ip_version, address,
		ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s);
}

static void learn_hints(struct answer *answer, const struct tt_dns_record *record)
{
	struct tt_dns_parameters parameters = tt_dns_record_parameters(answer->message, record);
	const uint8_t *value;
	uint16_t value_bytes;
	uint16_t key;

	while (tt_dns_parameter_next(&parameters, &key, &value, &value_bytes)) {
		unsigned int bytes = key == TT_DNS_IPV4_HINT ? 4 : key == TT_DNS_IPV6_HINT ? 16 : 0;
		for (unsigned int at = 0; bytes > 0 && at < value_bytes; at += bytes)
			learn_address(answer, bytes == 4 ? 4 : 6, value + at, record->ttl_s);
	}
}

/* Walk over the answers: follow CNAMEs, learn addresses where they lead. Returns whether a CNAME or
 * an address was of another name than the one reached. */
static bool learn_pass(struct answer *answer)
{
	const struct tt_dns_message *message = answer->message;
	struct tt_dns_records records = tt_dns_records(message);
	struct tt_dns_record record;
	bool other = false;

	for (unsigned int i = 0; i < TT_DNS_PARSE_RECORDS &&
		tt_dns_record_next(&records, &record) && record.section == TT_DNS_ANSWER;
		i++) {
		unsigned int bytes;
		const uint8_t *address = tt_dns_record_address(message, &record, &bytes);
		bool service = record.type == TT_DNS_SVCB || record.type == TT_DNS_HTTPS;
		if (address == NULL && !service && record.type != TT_DNS_CNAME)
			continue;
		if (!is_owner(message, &record, &answer->owner)) {
			other = true;
			continue;
		}
		struct tt_dns_name target;
		if (address != NULL) {
			learn_address(answer, bytes == 4 ? 4 : 6, address, record.ttl_s);
		} else if (service) {
			learn_hints(answer, &record);
		} else if (answer->cnames < CNAMES &&
			tt_dns_record_target(&target, message, &record)) {
			answer->owner.name = target;
			answer->owner.offset = record.data_offset;
			if (record.ttl_s < answer->ttl_s)
				answer->ttl_s = record.ttl_s;
			answer->cnames++;
		}
	}
	return other;
}

void tt_names_learn(struct tt_names *names, const struct tt_dns_message *response, uint64_t time_us)
{
	const uint16_t class_in = 1;

	if (!response->response || response->rcode != 0 || response->answers == 0 ||
		response->questions != 1 || response->query_class != class_in ||
		response->name.length == 0)
		return;
	unsigned int begin = service_prefix(&response->name);
	const char *text = response->name.text + begin;
	uint8_t length = (uint8_t)(response->name.length - begin);
	struct answer answer;

	answer.names = names;
	answer.message = response;
	answer.text = text;
	answer.length = length;
	answer.hash = name_hash(names, text, length);
	answer.time_us = time_us;
	answer.lesson = NULL;
	answer.owner.offset = TT_DNS_HEADER_BYTES;
	answer.owner.name = response->name;
	answer.ttl_s = UINT32_MAX;
	answer.cnames = 0;
	/* Nearly all servers send CNAMEs in order, before the addresses: one walk then does it. */
	unsigned int before;
	bool other;
	do {
		before = answer.cnames;
		other = learn_pass(&answer);
	} while (other && answer.cnames > before && answer.cnames < CNAMES);
}
