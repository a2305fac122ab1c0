/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns_transactions.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <netinet/in.h>
#include <string.h>

#define CAPACITY_LIMIT (1u << 24)
#define NONE	       UINT32_MAX
#define FINISHED_WAYS  4 /* of 16 bytes: a set is a cache line */

/* For how many timeouts a finished transaction explains the responses that come after it. */
#define FINISHED_TIMEOUTS 4

/* A pending query. The first cache line is what pairing compares. */
struct pending {
	struct tt_flow_key key;
	uint64_t hash;
	uint32_t chain; /* next of the same bucket; of the free list */
	uint32_t older; /* by arrival; NONE at the ends */
	uint32_t newer;
	uint64_t start_us;
	uint64_t flow_uid;
	uint16_t id;
	uint16_t query_type;
	uint16_t query_class;
	uint16_t retransmits;
	uint8_t client;
	uint8_t opcode;
	bool multicast;
	struct tt_dns_name name;
} __attribute__((aligned(64)));

/* That a transaction is over, for what comes after it; forgotten when others need the room. */
struct finished {
	uint64_t tag;	  /* of flow, id and question; 0: unused */
	uint32_t time_ms; /* when it was over; may wrap */
	uint32_t answered;
};

struct tt_dns_transactions {
	struct pending *pending;
	uint32_t *buckets;
	struct finished *finished;
	uint32_t bucket_mask;
	uint32_t set_mask;
	uint32_t used_ever;
	uint32_t free;
	uint32_t oldest;
	uint32_t newest;
	size_t pending_bytes;
	size_t buckets_bytes;
	size_t finished_bytes;
	struct tt_dns_transactions_options options;
	struct tt_dns_transactions_counters counters;
};

static uint32_t power_of_two(uint32_t least)
{
	return least <= 1 ? 1 : 1u << (32 - __builtin_clz(least - 1));
}

static uint32_t sets_for(uint32_t capacity)
{
	return power_of_two(capacity / FINISHED_WAYS + 1);
}

size_t tt_dns_transactions_bytes(uint32_t capacity)
{
	return tt_memory_mapped_bytes((size_t)capacity * sizeof(struct pending)) +
		tt_memory_mapped_bytes((size_t)power_of_two(capacity) * sizeof(uint32_t)) +
		tt_memory_mapped_bytes(
			(size_t)sets_for(capacity) * FINISHED_WAYS * sizeof(struct finished)) +
		tt_memory_mapped_bytes(sizeof(struct tt_dns_transactions));
}

int tt_dns_transactions_create(
	struct tt_dns_transactions **table, const struct tt_dns_transactions_options *options)
{
	uint32_t capacity = options->capacity;

	if (capacity == 0 || capacity > CAPACITY_LIMIT || options->timeout_us == 0 ||
		options->timeout_us > (uint64_t)1 << 40)
		return TT_ERROR_ARGUMENT;
	struct tt_dns_transactions *created = tt_memory_map(sizeof(*created), false);
	if (created == NULL)
		return TT_ERROR_MEMORY;
	created->options = *options;
	created->bucket_mask = power_of_two(capacity) - 1;
	created->set_mask = sets_for(capacity) - 1;
	created->pending_bytes = (size_t)capacity * sizeof(struct pending);
	created->buckets_bytes = ((size_t)created->bucket_mask + 1) * sizeof(uint32_t);
	created->finished_bytes =
		((size_t)created->set_mask + 1) * FINISHED_WAYS * sizeof(struct finished);
	created->pending = tt_memory_map(created->pending_bytes, options->huge_pages);
	created->buckets = tt_memory_map(created->buckets_bytes, options->huge_pages);
	created->finished = tt_memory_map(created->finished_bytes, options->huge_pages);
	if (created->pending == NULL || created->buckets == NULL || created->finished == NULL) {
		tt_dns_transactions_destroy(created);
		return TT_ERROR_MEMORY;
	}
	memset(created->buckets, 0xff, created->buckets_bytes);
	created->free = NONE;
	created->oldest = NONE;
	created->newest = NONE;
	*table = created;
	return TT_OK;
}

void tt_dns_transactions_destroy(struct tt_dns_transactions *table)
{
	if (table == NULL)
		return;
	tt_memory_unmap(table->pending, table->pending_bytes);
	tt_memory_unmap(table->buckets, table->buckets_bytes);
	tt_memory_unmap(table->finished, table->finished_bytes);
	tt_memory_unmap(table, sizeof(*table));
}

const struct tt_dns_transactions_counters *tt_dns_transactions_counters(
	const struct tt_dns_transactions *table)
{
	return &table->counters;
}

/* The flow's hash is keyed; this spreads the id over it. */
static uint64_t pair_hash(uint64_t flow_hash, uint16_t id)
{
	return tt_hash_fold(flow_hash + id, 0x9e3779b97f4a7c15);
}

static uint64_t finished_tag(
	uint64_t hash, uint8_t client, uint16_t query_type, const struct tt_dns_name *name)
{
	return tt_hash_bytes(hash ^ query_type ^ (uint64_t)client << 16, name->text, name->length) |
		1;
}

static struct finished *finished_set(const struct tt_dns_transactions *table, uint64_t tag)
{
	return table->finished + ((tag >> 32) & table->set_mask) * FINISHED_WAYS;
}

static void finished_add(
	struct tt_dns_transactions *table, uint64_t tag, uint64_t now_us, bool answered)
{
	struct finished *set = finished_set(table, tag);
	struct finished *slot = &set[0];
	uint32_t now_ms = (uint32_t)(now_us / 1000);

	for (unsigned int i = 0; i < FINISHED_WAYS; i++) {
		if (set[i].tag == tag || set[i].tag == 0) {
			slot = &set[i];
			break;
		}
		if (now_ms - set[i].time_ms > now_ms - slot->time_ms)
			slot = &set[i];
	}
	*slot = (struct finished){.tag = tag, .time_ms = now_ms, .answered = answered};
}

static const struct finished *finished_find(
	const struct tt_dns_transactions *table, uint64_t tag, uint64_t now_us)
{
	const struct finished *set = finished_set(table, tag);
	uint64_t remembered_ms = FINISHED_TIMEOUTS * table->options.timeout_us / 1000;

	for (unsigned int i = 0; i < FINISHED_WAYS; i++)
		if (set[i].tag == tag &&
			(uint32_t)(now_us / 1000) - set[i].time_ms <= remembered_ms)
			return &set[i];
	return NULL;
}

static bool names_equal(const struct tt_dns_name *a, const struct tt_dns_name *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool has_question(const struct pending *pending, const struct tt_dns_message *message)
{
	return pending->query_type == message->query_type &&
		pending->query_class == message->query_class &&
		names_equal(&pending->name, &message->name);
}

/* 224.0.0.0/4, ff00::/8 */
static bool is_multicast(const struct tt_dns_packet *packet)
{
	const struct tt_flow_key *key = packet->key;
	const uint8_t *to = packet->direction == 0 ? key->high_address : key->low_address;

	return key->ip_version == 4 ? (to[0] & 0xf0) == 0xe0 : to[0] == 0xff;
}

/* Where the walk over the pending queries of one flow, client and id ended. */
struct found {
	uint32_t *link;	  /* to the one that the message repeats or answers; NULL: none does */
	uint32_t *oldest; /* to the oldest seen on the way; NULL: none */
	unsigned int count;
};

/* A new entry goes to the head of its chain, so the newest comes first; over TCP, where equal queries
 * are several, it is the oldest that is answered. The hash is of flow and id:
 * one chain holds at most TT_DNS_SAME_ID entries of one flow and id, and of others only what the
 * keyed hash brings together by chance. */
static struct found find(struct tt_dns_transactions *table, const struct tt_dns_packet *packet,
	uint64_t hash, uint8_t client, bool any_question)
{
	const struct tt_dns_message *message = packet->message;
	struct found found = {0};

	for (uint32_t *link = &table->buckets[hash & table->bucket_mask]; *link != NONE;
		link = &table->pending[*link].chain) {
		const struct pending *pending = &table->pending[*link];
		if (pending->hash != hash || pending->id != message->id ||
			pending->client != client ||
			memcmp(&pending->key, packet->key, sizeof(pending->key)) != 0)
			continue;
		found.oldest = link;
		found.count++;
		if (!any_question && !has_question(pending, message))
			continue;
		found.link = link;
		if (packet->key->ip_protocol != IPPROTO_TCP)
			break;
	}
	return found;
}

/* Take an entry out of its chain and of the order of arrival. */
static void remove_pending(struct tt_dns_transactions *table, uint32_t *link)
{
	uint32_t number = *link;
	struct pending *pending = &table->pending[number];

	*link = pending->chain;
	if (pending->older == NONE)
		table->oldest = pending->newer;
	else
		table->pending[pending->older].newer = pending->newer;
	if (pending->newer == NONE)
		table->newest = pending->older;
	else
		table->pending[pending->newer].older = pending->older;
	pending->chain = table->free;
	table->free = number;
	tt_counter_set(&table->counters.pending, tt_counter_read(&table->counters.pending) - 1);
}

static struct tt_dns_transaction describe(const struct pending *pending, enum tt_dns_status status)
{
	return (struct tt_dns_transaction){
		.status = status,
		.key = &pending->key,
		.client = pending->client,
		.opcode = pending->opcode,
		.multicast = pending->multicast,
		.id = pending->id,
		.query_type = pending->query_type,
		.query_class = pending->query_class,
		.retransmits = pending->retransmits,
		.name = &pending->name,
		.flow_uid = pending->flow_uid,
		.start_us = pending->start_us,
	};
}

static uint64_t tag_of(const struct pending *pending)
{
	return finished_tag(pending->hash, pending->client, pending->query_type, &pending->name);
}

/* An entry that nobody answered is over. */
static void give_up(struct tt_dns_transactions *table, uint32_t *link, uint64_t now_us)
{
	struct pending *pending = &table->pending[*link];

	if (pending->multicast) {
		tt_counter_add(&table->counters.multicast_unanswered, 1);
	} else if (pending->opcode != TT_DNS_QUERY) {
		tt_counter_add(&table->counters.other_unanswered, 1);
	} else {
		struct tt_dns_transaction transaction = describe(pending, TT_DNS_TIMEOUT);
		tt_counter_add(&table->counters.timeouts, 1);
		table->options.report(table->options.context, &transaction);
	}
	finished_add(table, tag_of(pending), now_us, false);
	remove_pending(table, link);
}

/* The link to the oldest entry. */
static uint32_t *oldest_link(struct tt_dns_transactions *table)
{
	uint32_t *link = &table->buckets[table->pending[table->oldest].hash & table->bucket_mask];

	while (*link != table->oldest)
		link = &table->pending[*link].chain;
	return link;
}

/* A query that is pending already; false when it is too long ago for a retransmission. */
static bool take_repeated(struct tt_dns_transactions *table, struct pending *pending,
	const struct tt_dns_packet *packet)
{
	if (packet->time_us >= pending->start_us + TT_DNS_RETRANSMIT_US)
		return false;
	if (!has_question(pending, packet->message)) {
		tt_counter_add(&table->counters.multicast_folded, 1);
		return true;
	}
	tt_counter_add(&table->counters.retransmits, 1);
	if (pending->retransmits < UINT16_MAX)
		pending->retransmits++;
	return true;
}

static void take_query(struct tt_dns_transactions *table, const struct tt_dns_packet *packet)
{
	const struct tt_dns_message *message = packet->message;
	uint64_t hash = pair_hash(packet->hash, message->id);
	uint32_t *bucket = &table->buckets[hash & table->bucket_mask];
	bool multicast = is_multicast(packet);

	tt_counter_add(&table->counters.queries, 1);
	struct found found = find(table, packet, hash, packet->direction, multicast);
	if (found.link != NULL && packet->key->ip_protocol != IPPROTO_TCP) {
		if (take_repeated(table, &table->pending[*found.link], packet))
			return;
		give_up(table, found.link, packet->time_us);
	} else if (found.count >= TT_DNS_SAME_ID) {
		give_up(table, found.oldest, packet->time_us);
	}

	uint32_t number = table->free;
	if (number != NONE) {
		table->free = table->pending[number].chain;
	} else if (table->used_ever < table->options.capacity) {
		number = table->used_ever++;
	} else {
		tt_counter_add(&table->counters.pending_full, 1);
		return;
	}
	struct pending *pending = &table->pending[number];
	pending->key = *packet->key;
	pending->hash = hash;
	pending->chain = *bucket;
	pending->start_us = packet->time_us;
	pending->older = table->newest;
	pending->newer = NONE;
	pending->flow_uid = packet->flow_uid;
	pending->id = message->id;
	pending->query_type = message->query_type;
	pending->query_class = message->query_class;
	pending->retransmits = 0;
	pending->client = packet->direction;
	pending->opcode = message->opcode;
	pending->multicast = multicast;
	pending->name.length = message->name.length;
	memcpy(pending->name.text, message->name.text, message->name.length);
	*bucket = number;
	if (table->newest == NONE)
		table->oldest = number;
	else
		table->pending[table->newest].newer = number;
	table->newest = number;
	tt_counter_add(&table->counters.pending, 1);
	tt_counter_raise(&table->counters.pending_high, tt_counter_read(&table->counters.pending));
}

static void add_response(
	struct tt_dns_transaction *transaction, const struct tt_dns_message *response)
{
	transaction->response = response;
	transaction->has_rcode = true;
	transaction->rcode = response->rcode;
	transaction->truncated = response->truncated;
}

/* A response that no pending query waits for. */
static void take_unpaired(struct tt_dns_transactions *table, const struct tt_dns_packet *packet,
	uint64_t tag, bool multicast)
{
	const struct tt_dns_message *message = packet->message;
	const struct finished *finished =
		multicast ? NULL : finished_find(table, tag, packet->time_us);

	if (finished != NULL) {
		tt_counter_add(finished->answered ? &table->counters.duplicate_responses
						  : &table->counters.late_responses,
			1);
		return;
	}
	struct tt_dns_transaction transaction = {
		.status = TT_DNS_UNSOLICITED,
		.key = packet->key,
		.client = (uint8_t)(packet->direction ^ 1),
		.opcode = message->opcode,
		.multicast = multicast,
		.id = message->id,
		.query_type = message->query_type,
		.query_class = message->query_class,
		.name = &message->name,
		.flow_uid = packet->flow_uid,
		.start_us = packet->time_us,
	};
	add_response(&transaction, message);
	tt_counter_add(&table->counters.unsolicited, 1);
	table->options.report(table->options.context, &transaction);
}

static void take_response(struct tt_dns_transactions *table, const struct tt_dns_packet *packet)
{
	const struct tt_dns_message *message = packet->message;
	uint64_t hash = pair_hash(packet->hash, message->id);
	bool multicast = is_multicast(packet);
	uint8_t client = multicast ? packet->direction : packet->direction ^ 1;

	tt_counter_add(&table->counters.responses, 1);
	/* Paired or not, the set of finished transactions is next. */
	uint64_t tag = finished_tag(hash, client, message->query_type, &message->name);
	__builtin_prefetch(finished_set(table, tag), 1);
	struct found found =
		find(table, packet, hash, client, multicast || message->questions == 0);
	struct pending *pending = found.link == NULL ? NULL : &table->pending[*found.link];
	if (pending != NULL && packet->time_us > pending->start_us &&
		packet->time_us - pending->start_us >= table->options.timeout_us) {
		give_up(table, found.link, packet->time_us);
		pending = NULL;
	}
	if (pending == NULL) {
		take_unpaired(table, packet, tag, multicast);
		return;
	}
	struct tt_dns_transaction transaction = describe(pending, TT_DNS_ANSWERED);
	add_response(&transaction, message);
	if (packet->time_us > pending->start_us)
		transaction.latency_us = packet->time_us - pending->start_us;
	tt_counter_add(&table->counters.answered, 1);
	table->options.report(table->options.context, &transaction);
	finished_add(table, tag_of(pending), packet->time_us, true);
	remove_pending(table, found.link);
}

void tt_dns_transactions_take(struct tt_dns_transactions *table, const struct tt_dns_packet *packet)
{
	if (packet->message->response)
		take_response(table, packet);
	else
		take_query(table, packet);
}

unsigned int tt_dns_transactions_sweep(
	struct tt_dns_transactions *table, uint64_t now_us, unsigned int limit)
{
	unsigned int count = 0;

	while (count < limit && table->oldest != NONE) {
		struct pending *pending = &table->pending[table->oldest];
		if (now_us < pending->start_us ||
			now_us - pending->start_us < table->options.timeout_us)
			break;
		give_up(table, oldest_link(table), now_us);
		count++;
	}
	return count;
}

unsigned int tt_dns_transactions_flush(struct tt_dns_transactions *table, unsigned int limit)
{
	unsigned int count = 0;

	while (count < limit && table->oldest != NONE) {
		struct pending *pending = &table->pending[table->oldest];
		give_up(table, oldest_link(table), pending->start_us);
		count++;
	}
	return count;
}
