/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/ruleset.h"

#include "protocol/protocol.h"

/* Labels of a name that entries are looked for below: more are none of anybody's services. */
#define LABELS 16

/* A name of the DNS is no longer (RFC 1035 2.3.4), and a port makes six bytes. */
#define NAME_BYTES TT_RULE_TEXT_BYTES

struct text {
	const char *bytes;
	uint32_t length;
};

struct search {
	const struct tt_ruleset *ruleset;
	const struct tt_rule_subject *subject;
	struct tt_rule_room *room;
	struct text text[TT_RULE_TEXTS];
	uint8_t texts; /* bit of each that is there */
	uint32_t best; /* number of the rule found so far */
	char host[NAME_BYTES];
	char sni[NAME_BYTES];
};

static bool is_in(
	const struct tt_config_network *network, const uint8_t *address, uint8_t ip_version)
{
	uint8_t masked[16];

	if (network->ip_version == 0)
		return true;
	if (network->ip_version != ip_version)
		return false;
	tt_rule_mask(masked, address, network->prefix_bits);
	return memcmp(masked, network->address, ip_version == 4 ? 4 : 16) == 0;
}

static bool is_literal(const struct tt_literal *literal, const struct text *text)
{
	uint32_t bytes = literal->bytes;

	if (text->length < bytes)
		return false;
	switch ((enum tt_literal_kind)literal->kind) {
	case TT_LITERAL_WHOLE:
		if (text->length != bytes)
			return false;
		break;
	case TT_LITERAL_BELOW:
		if (text->length > bytes && text->bytes[bytes] != '/')
			return false;
		break;
	case TT_LITERAL_END:
		return text->length > bytes &&
			memcmp(text->bytes + text->length - bytes, literal->text, bytes) == 0;
	case TT_LITERAL_BEGIN:
		break;
	}
	return memcmp(text->bytes, literal->text, bytes) == 0;
}

static int stop_at_first(unsigned int id, unsigned long long from, unsigned long long to,
	unsigned int flags, void *context)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	(void)context;
	return 1;
}

static bool condition_holds(const struct search *search, const struct tt_rule_condition *condition,
	const struct text *text)
{
	bool found = condition->literal_count == 0;

	for (uint32_t i = 0; i < condition->literal_count && !found; i++)
		found = is_literal(&condition->literals[i], text);
	return found &&
		(condition->database == NULL ||
			hs_scan(condition->database, text->bytes, text->length, 0,
				search->room->scratch, stop_at_first, NULL) == HS_SCAN_TERMINATED);
}

static bool rule_holds(const struct search *search, const struct tt_rule *rule)
{
	const struct tt_rule_subject *subject = search->subject;

	if ((rule->texts & ~search->texts) != 0 || subject->server_port < rule->port_first ||
		subject->server_port > rule->port_last)
		return false;
	bool http2 =
		rule->protocol == TT_PROTOCOL_HTTP2 && subject->application == TT_PROTOCOL_GRPC;

	if (rule->protocol != 0 && rule->protocol != subject->encryption &&
		rule->protocol != subject->application && !http2)
		return false;
	if (!is_in(&rule->client, subject->client, subject->ip_version) ||
		!is_in(&rule->server, subject->server, subject->ip_version))
		return false;
	for (unsigned int text = 0; text < TT_RULE_TEXTS; text++)
		if ((rule->texts >> text & 1) != 0 &&
			!condition_holds(search, &rule->condition[text], &search->text[text]))
			return false;
	return true;
}

static int remember(unsigned int id, unsigned long long from, unsigned long long to,
	unsigned int flags, void *context)
{
	uint64_t *found = context;

	(void)from;
	(void)to;
	(void)flags;
	found[id / 64] |= UINT64_C(1) << id % 64;
	return 0;
}

/* Those rules of the group that its database finds. */
static void scan_group(struct search *search, const struct tt_rule_group *group)
{
	const struct text *text = &search->text[group->pivot];
	uint64_t *found = search->room->found;
	uint32_t words = (group->count + 63) / 64;

	if ((search->texts >> group->pivot & 1) == 0)
		return;
	memset(found, 0, words * sizeof(*found));
	hs_scan(group->database, text->bytes, text->length, 0, search->room->scratch, remember,
		found);
	for (uint32_t word = 0; word < words; word++)
		for (uint64_t bits = found[word]; bits != 0; bits &= bits - 1) {
			uint32_t place = word * 64 + (uint32_t)__builtin_ctzll(bits);
			uint32_t number = group->rules[place];

			if (number >= search->best)
				return;
			if (rule_holds(search, &search->ruleset->rules[number])) {
				search->best = number;
				return;
			}
		}
}

static void look_through(struct search *search, const struct tt_rule_group *group)
{
	for (uint32_t i = 0; i < group->count && group->rules[i] < search->best; i++)
		if (rule_holds(search, &search->ruleset->rules[group->rules[i]]))
			search->best = group->rules[i];
}

static const struct tt_rule_entry *find(const struct search *search, enum tt_rule_key_kind kind,
	uint32_t parent, const void *key, size_t bytes)
{
	const struct tt_ruleset *ruleset = search->ruleset;
	uint64_t hash = tt_rule_key_hash(kind, parent, key, bytes);
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t place = (uint32_t)hash & ruleset->place_mask;
		ruleset->places[place].entry != 0; place = (place + 1) & ruleset->place_mask) {
		const struct tt_rule_entry *entry =
			&ruleset->entries[ruleset->places[place].entry - 1];

		if (ruleset->places[place].tag == tag && entry->kind == kind &&
			entry->parent == parent && entry->key_bytes == bytes &&
			memcmp(entry->key, key, bytes) == 0)
			return entry;
	}
	return NULL;
}

/* The rules of an entry, and of those of paths below it. */
static void consider(struct search *search, const struct tt_rule_entry *entry)
{
	const struct tt_ruleset *ruleset = search->ruleset;
	const struct text *path = &search->text[TT_RULE_PATH];

	if (entry == NULL)
		return;
	for (uint32_t i = 0; i < entry->group_count; i++) {
		const struct tt_rule_group *group = &ruleset->groups[entry->first_group + i];

		if (group->rules[0] >= search->best)
			continue;
		if (group->database != NULL)
			scan_group(search, group);
		else
			look_through(search, group);
	}
	for (unsigned int segments = 1; entry->depths >> segments != 0; segments++) {
		if ((entry->depths >> segments & 1) == 0)
			continue;
		size_t bytes = tt_rule_segments(path->bytes, path->length, segments);
		if (bytes == 0)
			break;
		consider(search,
			find(search, TT_RULE_KEY_PATH, (uint32_t)(entry - ruleset->entries),
				path->bytes, bytes));
	}
}

static void consider_name(struct search *search, enum tt_rule_text text,
	enum tt_rule_key_kind whole, enum tt_rule_key_kind below)
{
	const struct text *name = &search->text[text];
	unsigned int labels = 0;

	if ((search->texts >> text & 1) == 0)
		return;
	if ((search->ruleset->kinds >> whole & 1) != 0)
		consider(search, find(search, whole, 0, name->bytes, name->length));
	if ((search->ruleset->kinds >> below & 1) == 0)
		return;
	/* From the end: who fills a name with labels is looked for below its last ones. */
	for (uint32_t at = name->length; at-- > 1 && labels < LABELS;)
		if (name->bytes[at] == '.') {
			consider(search,
				find(search, below, 0, name->bytes + at, name->length - at));
			labels++;
		}
}

static void consider_networks(struct search *search)
{
	const struct tt_rule_subject *subject = search->subject;

	for (uint32_t i = 0; i < search->ruleset->prefix_count; i++) {
		const struct tt_rule_prefix *prefix = &search->ruleset->prefixes[i];
		struct tt_config_network network = {
			.ip_version = prefix->ip_version, .prefix_bits = prefix->prefix_bits};

		if (prefix->ip_version != subject->ip_version)
			continue;
		tt_rule_mask(network.address,
			prefix->kind == TT_RULE_KEY_CLIENT ? subject->client : subject->server,
			prefix->prefix_bits);
		consider(search, find(search, prefix->kind, 0, &network, sizeof(network)));
	}
}

static void set_text(
	struct search *search, enum tt_rule_text text, const char *bytes, uint32_t length)
{
	search->text[text] = (struct text){bytes, length};
	search->texts |= (uint8_t)(1 << text);
}

/* In lower case, without a final dot. */
static void set_name(struct search *search, enum tt_rule_text text, char room[NAME_BYTES],
	const char *bytes, uint32_t length)
{
	if (length > NAME_BYTES)
		length = NAME_BYTES;
	for (uint32_t i = 0; i < length; i++) {
		char byte = bytes[i];

		room[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
	}
	if (length > 1 && room[length - 1] == '.')
		length--;
	set_text(search, text, room, length);
}

/* Without a port: digits behind the last colon, that of an IPv6 address stands in brackets (RFC
 * 3986 3.2.2). */
static uint32_t without_port(const char *host, uint32_t length)
{
	uint32_t at = length;

	while (at > 0 && host[at - 1] >= '0' && host[at - 1] <= '9')
		at--;
	if (at < 2 || host[at - 1] != ':')
		return length;
	return at - 1;
}

/* Behind the scheme and authority of an absolute form (RFC 9112 3.2.2); without a path there, "/". */
static void set_path(struct search *search, const char *path, uint32_t length)
{
	if (path[0] != '/') {
		const char *authority = memmem(path, length, "://", 3);

		if (authority != NULL) {
			const char *end = path + length;
			const char *slash =
				memchr(authority + 3, '/', (size_t)(end - authority) - 3);

			length = slash == NULL ? 1 : (uint32_t)(end - slash);
			path = slash == NULL ? "/" : slash;
		}
	}
	set_text(search, TT_RULE_PATH, path,
		length > TT_RULE_TEXT_BYTES ? TT_RULE_TEXT_BYTES : length);
}

static void set_texts(struct search *search)
{
	const struct tt_rule_subject *subject = search->subject;
	const char *const *text = subject->text;
	const uint16_t *length = subject->text_bytes;

	if (length[TT_RULE_PATH] > 0)
		set_path(search, text[TT_RULE_PATH], length[TT_RULE_PATH]);
	if (length[TT_RULE_HOST] > 0)
		set_name(search, TT_RULE_HOST, search->host, text[TT_RULE_HOST],
			without_port(text[TT_RULE_HOST], length[TT_RULE_HOST]));
	if (length[TT_RULE_SNI] > 0)
		set_name(search, TT_RULE_SNI, search->sni, text[TT_RULE_SNI], length[TT_RULE_SNI]);
	if (length[TT_RULE_METHOD] > 0)
		set_text(search, TT_RULE_METHOD, text[TT_RULE_METHOD],
			length[TT_RULE_METHOD] > TT_RULE_TEXT_BYTES ? TT_RULE_TEXT_BYTES
								    : length[TT_RULE_METHOD]);
}

const struct tt_rule_action *tt_ruleset_match(const struct tt_ruleset *ruleset, unsigned int worker,
	const struct tt_rule_subject *subject)
{
	struct search search;

	search.ruleset = ruleset;
	search.subject = subject;
	search.room = &ruleset->rooms[worker];
	search.texts = 0;
	search.best = UINT32_MAX;
	search.text[TT_RULE_PATH] = (struct text){"", 0};
	set_texts(&search);
	consider_name(&search, TT_RULE_HOST, TT_RULE_KEY_HOST, TT_RULE_KEY_BELOW_HOST);
	consider_name(&search, TT_RULE_SNI, TT_RULE_KEY_SNI, TT_RULE_KEY_BELOW_SNI);
	consider_networks(&search);
	if ((ruleset->kinds >> TT_RULE_KEY_PORT & 1) != 0)
		consider(&search,
			find(&search, TT_RULE_KEY_PORT, 0, &subject->server_port,
				sizeof(subject->server_port)));
	consider(&search, &ruleset->entries[0]);
	return search.best == UINT32_MAX ? NULL : &ruleset->rules[search.best].action;
}
