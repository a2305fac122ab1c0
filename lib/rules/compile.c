/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "protocol/protocol.h"
#include "rules/ruleset.h"
#include "rules/service.h"

#include <stdlib.h>

#define BLOCK_BYTES (64 * 1024)

/* Whole buffers, once each; of an expression that matches nothing, nothing too. */
#define HS_FLAGS (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY)

/* What a ruleset consists of, freed as one. */
struct block {
	struct block *next;
	size_t used;
	size_t size;
	_Alignas(64) uint8_t bytes[];
};

/* A compiled one, for whatever list of expressions is the same. */
struct database {
	struct database *next;
	hs_database_t *database;
	size_t key_bytes;
	char key[]; /* the expressions, each with its 0, behind their flags */
};

struct tt_rule_memory {
	struct block *blocks;
	struct database *databases;
};

/* A rule where it is filed. */
struct filing {
	uint32_t entry;
	uint32_t number;
	uint8_t pivot; /* TT_RULE_TEXTS: none */
};

struct compiler {
	const struct tt_config *config;
	FILE *errors;
	struct tt_ruleset *ruleset;
	struct tt_rule_memory *memory;
	struct tt_rule *rules;
	struct tt_rule_entry *entries;
	uint32_t entry_count;
	struct tt_rule_place *places;
	struct tt_rule_group *groups;
	uint32_t group_count;
	struct filing *filings;
	int code; /* of the first fault */
};

static const char *const text_paths[TT_RULE_TEXTS] = {
	[TT_RULE_PATH] = "rules[].path",
	[TT_RULE_HOST] = "rules[].host",
	[TT_RULE_SNI] = "rules[].sni",
	[TT_RULE_METHOD] = "rules[].method",
};

static bool is_name_text(enum tt_rule_text text)
{
	return text == TT_RULE_HOST || text == TT_RULE_SNI;
}

static const char *expression_of(const struct tt_config_rule *rule, enum tt_rule_text text)
{
	switch (text) {
	case TT_RULE_PATH:
		return rule->path;
	case TT_RULE_HOST:
		return rule->host;
	case TT_RULE_SNI:
		return rule->sni;
	default:
		return rule->method;
	}
}

static void fail(struct compiler *compiler, int code)
{
	if (compiler->code == TT_OK)
		compiler->code = code;
}

static void complain(
	struct compiler *compiler, const char *path, uint32_t number, const char *message)
{
	tt_config_complain(compiler->config, path, number, message, compiler->errors);
	fail(compiler, TT_ERROR_CONFIG);
}

/* Zeroed; NULL, noted, without memory. */
static void *take(struct compiler *compiler, size_t bytes)
{
	struct tt_rule_memory *memory = compiler->memory;
	struct block *block = memory->blocks;

	bytes = (bytes + 63) & ~(size_t)63;
	if (block == NULL || block->size - block->used < bytes) {
		size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

		block = aligned_alloc(64, sizeof(*block) + size);
		if (block == NULL) {
			fail(compiler, TT_ERROR_MEMORY);
			return NULL;
		}
		memset(block, 0, sizeof(*block) + size);
		block->next = memory->blocks;
		block->size = size;
		memory->blocks = block;
	}
	block->used += bytes;
	return block->bytes + block->used - bytes;
}

static void *take_copy(struct compiler *compiler, const void *bytes, size_t length)
{
	void *copy = take(compiler, length);

	if (copy != NULL)
		memcpy(copy, bytes, length);
	return copy;
}

/* Expressions of a text, each for the whole of it, into one database; *culprit is the place of one
 * that is at fault, and *fault, which the caller frees, says what is wrong with it. */
static hs_database_t *compile(struct compiler *compiler, enum tt_rule_text text,
	const char *const *expressions, uint32_t count, uint32_t *culprit,
	hs_compile_error_t **fault)
{
	unsigned int flags = HS_FLAGS | (is_name_text(text) ? HS_FLAG_CASELESS : 0);
	char **whole = calloc(count, sizeof(*whole));
	unsigned int *numbers = calloc(count, 2 * sizeof(*numbers));
	hs_database_t *database = NULL;
	uint32_t made = 0;
	char *copy;

	for (; whole != NULL && numbers != NULL && made < count; made++) {
		if (asprintf(&copy, "^(?:%s)\\z", expressions[made]) < 0)
			break;
		whole[made] = copy;
		numbers[made] = made;
		numbers[count + made] = flags;
	}
	if (made < count)
		fail(compiler, TT_ERROR_MEMORY);
	else if (hs_compile_ext_multi((const char *const *)whole, numbers + count, numbers, NULL,
			 count, HS_MODE_BLOCK, NULL, &database, fault) != HS_SUCCESS)
		*culprit = (*fault)->expression < 0 ? 0 : (uint32_t)(*fault)->expression;
	for (uint32_t i = 0; i < made; i++)
		free(whole[i]);
	free(whole);
	free(numbers);
	return database;
}

/* The key of a list of expressions in the ruleset's databases. */
static struct database *describe(
	enum tt_rule_text text, const char *const *expressions, uint32_t count)
{
	size_t bytes = 1;

	for (uint32_t i = 0; i < count; i++)
		bytes += strlen(expressions[i]) + 1;
	struct database *database = calloc(1, sizeof(*database) + bytes);
	if (database == NULL)
		return NULL;
	database->key[0] = (char)is_name_text(text);
	database->key_bytes = 1;
	for (uint32_t i = 0; i < count; i++) {
		size_t length = strlen(expressions[i]) + 1;

		memcpy(database->key + database->key_bytes, expressions[i], length);
		database->key_bytes += length;
	}
	return database;
}

/* The database of these expressions, of the rules with these numbers; NULL, noted, when there is
 * none. */
static const hs_database_t *database_of(struct compiler *compiler, enum tt_rule_text text,
	const char *const *expressions, const uint32_t *numbers, uint32_t count)
{
	struct database *wanted = describe(text, expressions, count);
	hs_compile_error_t *fault = NULL;
	uint32_t culprit = 0;

	if (wanted == NULL) {
		fail(compiler, TT_ERROR_MEMORY);
		return NULL;
	}
	for (const struct database *made = compiler->memory->databases; made != NULL;
		made = made->next)
		if (made->key_bytes == wanted->key_bytes &&
			memcmp(made->key, wanted->key, made->key_bytes) == 0) {
			free(wanted);
			return made->database;
		}
	wanted->database = compile(compiler, text, expressions, count, &culprit, &fault);
	if (fault != NULL) {
		complain(compiler, text_paths[text], numbers[culprit], fault->message);
		hs_free_compile_error(fault);
	}
	if (wanted->database == NULL) {
		free(wanted);
		return NULL;
	}
	wanted->next = compiler->memory->databases;
	compiler->memory->databases = wanted;
	return wanted->database;
}

/* Is it an expression, by itself? What is wrong is told with the place in it that is its writer's. */
static bool check_expression(
	struct compiler *compiler, enum tt_rule_text text, uint32_t number, const char *expression)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *fault = NULL;

	if (hs_expression_info(expression, HS_FLAGS, &info, &fault) == HS_SUCCESS) {
		free(info);
		return true;
	}
	complain(compiler, text_paths[text], number, fault->message);
	hs_free_compile_error(fault);
	return false;
}

/* The entry with this key, a new one if there is none. */
static uint32_t entry_of(struct compiler *compiler, enum tt_rule_key_kind kind, uint32_t parent,
	const void *key, size_t bytes)
{
	struct tt_ruleset *ruleset = compiler->ruleset;
	uint64_t hash = tt_rule_key_hash(kind, parent, key, bytes);
	uint32_t at = (uint32_t)hash & ruleset->place_mask;

	for (; compiler->places[at].entry != 0; at = (at + 1) & ruleset->place_mask) {
		const struct tt_rule_entry *entry =
			&compiler->entries[compiler->places[at].entry - 1];

		if (entry->kind == kind && entry->parent == parent && entry->key_bytes == bytes &&
			memcmp(entry->key, key, bytes) == 0)
			return compiler->places[at].entry - 1;
	}
	const void *copy = take_copy(compiler, key, bytes);
	if (copy == NULL)
		return 0;
	compiler->entries[compiler->entry_count] = (struct tt_rule_entry){
		.key = copy, .key_bytes = (uint16_t)bytes, .kind = (uint8_t)kind, .parent = parent};
	compiler->places[at] = (struct tt_rule_place){
		.tag = (uint32_t)(hash >> 32), .entry = ++compiler->entry_count};
	ruleset->kinds |= 1u << kind;
	return compiler->entry_count - 1;
}

/* The entry of a network; one prefix more is looked for where it is the first of its length. */
static uint32_t network_entry(struct compiler *compiler, enum tt_rule_key_kind kind,
	const struct tt_config_network *network)
{
	struct tt_ruleset *ruleset = compiler->ruleset;
	const struct tt_rule_prefix prefix = {
		network->ip_version, network->prefix_bits, (uint8_t)kind};
	uint32_t i = 0;

	while (i < ruleset->prefix_count &&
		memcmp(&ruleset->prefixes[i], &prefix, sizeof(prefix)) != 0)
		i++;
	if (i == ruleset->prefix_count)
		ruleset->prefixes[ruleset->prefix_count++] = prefix;
	return entry_of(compiler, kind, 0, network, sizeof(*network));
}

/* The entry below `parent` for what the path begins with for sure; `parent` when that is no whole
 * segment. */
static uint32_t path_entry(
	struct compiler *compiler, uint32_t parent, const struct tt_literal *path)
{
	unsigned int depth = 0;
	size_t bytes = 0;

	for (unsigned int segments = 1; segments <= TT_RULE_SEGMENTS; segments++) {
		size_t end = tt_rule_segments(path->text, path->bytes, segments);

		if (end == 0 || (end == path->bytes && path->kind == TT_LITERAL_BEGIN))
			break;
		depth = segments;
		bytes = end;
	}
	if (depth == 0)
		return parent;
	compiler->entries[parent].depths |= (uint8_t)(1 << depth);
	return entry_of(compiler, TT_RULE_KEY_PATH, parent, path->text, bytes);
}

/* A name that a rule asks for, under which it is filed where that is free. false: it is an
 * expression. */
static bool take_name(struct compiler *compiler, struct tt_rule *rule, enum tt_rule_text text,
	const char *expression, uint32_t *entry)
{
	char *room = take(compiler, strlen(expression));
	struct tt_literal name;

	if (room == NULL || !tt_expression_name(expression, room, &name))
		return false;
	if (*entry == 0) {
		bool below = name.kind == TT_LITERAL_END;
		enum tt_rule_key_kind kind = text == TT_RULE_HOST
			? (below ? TT_RULE_KEY_BELOW_HOST : TT_RULE_KEY_HOST)
			: (below ? TT_RULE_KEY_BELOW_SNI : TT_RULE_KEY_SNI);

		*entry = entry_of(compiler, kind, 0, name.text, name.bytes);
		return true;
	}
	rule->condition[text].literals = take_copy(compiler, &name, sizeof(name));
	rule->condition[text].literal_count = 1;
	return true;
}

/* A path or method; *begin is what it begins with for sure. false: it is an expression for
 * hyperscan. */
static bool take_literals(struct compiler *compiler, struct tt_rule *rule, enum tt_rule_text text,
	const char *expression, struct tt_literal *begin)
{
	struct tt_literal literals[TT_LITERALS];
	char *room = take(compiler, strlen(expression));

	*begin = (struct tt_literal){.text = "", .kind = TT_LITERAL_BEGIN};
	if (room == NULL)
		return true;
	unsigned int count = tt_expression_literals(expression, room, literals);
	if (count == 0) {
		begin->text = room;
		begin->bytes = (uint16_t)tt_expression_begin(expression, room);
		return false;
	}
	if (count == 1)
		*begin = literals[0];
	rule->condition[text].literals = take_copy(compiler, literals, count * sizeof(literals[0]));
	rule->condition[text].literal_count = count;
	return true;
}

/* What the rule's texts have to be like, and where that files it. */
static void take_texts(
	struct compiler *compiler, struct tt_rule *rule, uint32_t number, struct filing *filing)
{
	/* Names first: paths are filed below them. */
	static const uint8_t order[TT_RULE_TEXTS] = {
		TT_RULE_HOST, TT_RULE_SNI, TT_RULE_PATH, TT_RULE_METHOD};
	const struct tt_config_rule *configured = &compiler->config->rules[number];

	for (unsigned int i = 0; i < TT_RULE_TEXTS; i++) {
		enum tt_rule_text text = order[i];
		const char *expression = expression_of(configured, text);
		struct tt_literal begin;
		bool plain;

		if (expression == NULL)
			continue;
		rule->texts |= (uint8_t)(1 << text);
		plain = is_name_text(text)
			? take_name(compiler, rule, text, expression, &filing->entry)
			: take_literals(compiler, rule, text, expression, &begin);
		if (text == TT_RULE_PATH)
			filing->entry = path_entry(compiler, filing->entry, &begin);
		if (plain || !check_expression(compiler, text, number, expression))
			continue;
		/* What decides most: a path; so the enum. */
		if (text < filing->pivot) {
			uint8_t other = filing->pivot;

			filing->pivot = (uint8_t)text;
			text = other;
		}
		if (text < TT_RULE_TEXTS) {
			expression = expression_of(configured, text);
			rule->condition[text].database =
				database_of(compiler, text, &expression, &number, 1);
		}
	}
}

static uint8_t protocol_of(struct compiler *compiler, uint32_t number, const char *name)
{
	uint8_t protocol = tt_protocol_find(name);

	if (protocol == TT_PROTOCOL_NONE)
		complain(compiler, "rules[].protocol", number,
			"is no protocol that connections name");
	return protocol;
}

static void take_action(
	struct compiler *compiler, struct tt_rule *rule, const struct tt_config_rule *configured)
{
	rule->action.exclude = configured->exclude;
	if (configured->route == NULL)
		return;
	bool none = strcmp(configured->route, TT_CONFIG_ROUTE_NONE) == 0;
	rule->action.route_bytes = none ? 0 : (uint8_t)strlen(configured->route);
	rule->action.route = take_copy(compiler, configured->route, strlen(configured->route));
}

static void take_rule(struct compiler *compiler, uint32_t number)
{
	const struct tt_config_rule *configured = &compiler->config->rules[number];
	struct tt_rule *rule = &compiler->rules[number];
	struct filing *filing = &compiler->filings[number];

	*filing = (struct filing){.number = number, .pivot = TT_RULE_TEXTS};
	rule->client = configured->client;
	rule->server = configured->server;
	rule->port_first = (uint16_t)(configured->ports >> 16);
	rule->port_last = configured->ports == 0 ? UINT16_MAX : (uint16_t)configured->ports;
	if (configured->protocol != NULL)
		rule->protocol = protocol_of(compiler, number, configured->protocol);
	take_action(compiler, rule, configured);
	take_texts(compiler, rule, number, filing);
	if (filing->entry != 0)
		return;
	if (rule->server.ip_version != 0)
		filing->entry = network_entry(compiler, TT_RULE_KEY_SERVER, &rule->server);
	else if (rule->client.ip_version != 0)
		filing->entry = network_entry(compiler, TT_RULE_KEY_CLIENT, &rule->client);
	else if (rule->port_first == rule->port_last)
		filing->entry = entry_of(
			compiler, TT_RULE_KEY_PORT, 0, &rule->port_first, sizeof(rule->port_first));
}

static int order_filings(const void *a, const void *b)
{
	const struct filing *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->pivot != y->pivot)
		return x->pivot < y->pivot ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void make_group(struct compiler *compiler, const struct filing *filings, uint32_t count)
{
	struct tt_rule_entry *entry = &compiler->entries[filings->entry];
	struct tt_rule_group *group = &compiler->groups[compiler->group_count];
	uint32_t *numbers = take(compiler, count * sizeof(*numbers));
	const char **expressions = calloc(count, sizeof(*expressions));

	if (numbers == NULL || expressions == NULL) {
		fail(compiler, TT_ERROR_MEMORY);
		free(expressions);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		numbers[i] = filings[i].number;
	*group = (struct tt_rule_group){.rules = numbers, .count = count, .pivot = filings->pivot};
	if (group->pivot != TT_RULE_TEXTS) {
		for (uint32_t i = 0; i < count; i++)
			expressions[i] =
				expression_of(&compiler->config->rules[numbers[i]], group->pivot);
		group->database = database_of(compiler, group->pivot, expressions, numbers, count);
	}
	free(expressions);
	if (entry->group_count++ == 0)
		entry->first_group = compiler->group_count;
	compiler->group_count++;
}

/* Returns how many rules the largest group has. */
static uint32_t make_groups(struct compiler *compiler)
{
	struct filing *filings = compiler->filings;
	uint32_t total = compiler->config->rule_count;
	uint32_t largest = 0;
	uint32_t count;

	qsort(filings, total, sizeof(*filings), order_filings);
	for (uint32_t first = 0; first < total; first += count) {
		count = 1;
		while (first + count < total &&
			filings[first + count].entry == filings[first].entry &&
			filings[first + count].pivot == filings[first].pivot)
			count++;
		make_group(compiler, &filings[first], count);
		largest = count > largest ? count : largest;
	}
	return largest;
}

static void make_rooms(struct compiler *compiler, uint32_t largest)
{
	struct tt_ruleset *ruleset = compiler->ruleset;
	struct tt_rule_room *rooms = take(compiler, ruleset->workers * sizeof(*rooms));
	size_t words = (largest + 63) / 64;

	if (rooms == NULL)
		return;
	ruleset->rooms = rooms;
	for (const struct database *made = compiler->memory->databases; made != NULL;
		made = made->next)
		if (hs_alloc_scratch(made->database, &rooms[0].scratch) != HS_SUCCESS)
			fail(compiler, TT_ERROR_MEMORY);
	for (unsigned int worker = 0; worker < ruleset->workers; worker++) {
		rooms[worker].found = take(compiler, words * sizeof(uint64_t));
		if (worker > 0 && rooms[0].scratch != NULL &&
			hs_clone_scratch(rooms[0].scratch, &rooms[worker].scratch) != HS_SUCCESS)
			fail(compiler, TT_ERROR_MEMORY);
	}
}

/* Last, so that a broken file takes no numbers. */
static void number_services(struct compiler *compiler)
{
	for (uint32_t number = 0; number < compiler->config->rule_count; number++) {
		const char *service = compiler->config->rules[number].service;

		if (service == NULL)
			continue;
		compiler->rules[number].action.service = tt_service_number(service);
		if (compiler->rules[number].action.service == 0) {
			complain(compiler, "rules[].service", number,
				"is one name more than can be told apart since the start");
			return;
		}
	}
}

/* Room for everything whose number is known. */
static bool make_tables(struct compiler *compiler)
{
	struct tt_ruleset *ruleset = compiler->ruleset;
	uint32_t count = compiler->config->rule_count;
	uint32_t entries = 2 * count + 1; /* a rule has a name's and a path's at most */
	uint32_t places = 4;

	while (places < 2 * entries)
		places *= 2;
	compiler->rules = take(compiler, count * sizeof(*compiler->rules));
	compiler->entries = take(compiler, entries * sizeof(*compiler->entries));
	compiler->places = take(compiler, places * sizeof(*compiler->places));
	compiler->groups = take(compiler, count * sizeof(*compiler->groups));
	compiler->filings = calloc(count, sizeof(*compiler->filings));
	ruleset->rules = compiler->rules;
	ruleset->entries = compiler->entries;
	ruleset->places = compiler->places;
	ruleset->groups = compiler->groups;
	ruleset->place_mask = places - 1;
	return compiler->code == TT_OK && compiler->filings != NULL;
}

static void compile_all(struct compiler *compiler)
{
	if (!make_tables(compiler)) {
		fail(compiler, TT_ERROR_MEMORY);
		return;
	}
	entry_of(compiler, TT_RULE_KEY_ROOT, 0, "", 0);
	for (uint32_t number = 0; number < compiler->config->rule_count; number++)
		take_rule(compiler, number);
	if (compiler->code != TT_OK)
		return;
	uint32_t largest = make_groups(compiler);
	if (compiler->code == TT_OK)
		make_rooms(compiler, largest);
	if (compiler->code == TT_OK)
		number_services(compiler);
}

int tt_ruleset_create(struct tt_ruleset **ruleset, const struct tt_config *config,
	unsigned int workers, FILE *errors)
{
	struct compiler compiler = {.config = config, .errors = errors};

	*ruleset = NULL;
	if (config->rule_count == 0)
		return TT_OK;
	if (hs_valid_platform() != HS_SUCCESS) {
		tt_log_error("rules: hyperscan needs a CPU with SSSE3");
		return TT_ERROR_UNSUPPORTED;
	}
	compiler.ruleset = calloc(1, sizeof(*compiler.ruleset));
	compiler.memory = calloc(1, sizeof(*compiler.memory));
	if (compiler.ruleset == NULL || compiler.memory == NULL) {
		free(compiler.ruleset);
		free(compiler.memory);
		return TT_ERROR_MEMORY;
	}
	compiler.ruleset->memory = compiler.memory;
	compiler.ruleset->workers = workers;
	compile_all(&compiler);
	free(compiler.filings);
	if (compiler.code != TT_OK) {
		tt_ruleset_destroy(compiler.ruleset);
		return compiler.code;
	}
	*ruleset = compiler.ruleset;
	return TT_OK;
}

void tt_ruleset_destroy(struct tt_ruleset *ruleset)
{
	if (ruleset == NULL)
		return;
	struct tt_rule_memory *memory = ruleset->memory;

	for (unsigned int worker = 0; worker < ruleset->workers && ruleset->rooms != NULL; worker++)
		hs_free_scratch(ruleset->rooms[worker].scratch);
	while (memory->databases != NULL) {
		struct database *next = memory->databases->next;

		hs_free_database(memory->databases->database);
		free(memory->databases);
		memory->databases = next;
	}
	while (memory->blocks != NULL) {
		struct block *next = memory->blocks->next;

		free(memory->blocks);
		memory->blocks = next;
	}
	free(memory);
	free(ruleset);
}
