/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/error.h"
#include "config/file.h"
#include "config/schema.h"
#include "config/value.h"
#include "config/yaml_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FAULT_LIMIT 64 /* lines; a file that is none of ours has no end of faults */

/* Where a key, or a list's item, was given. */
struct mark {
	uint32_t line; /* of its value, from 1; 0: not given */
	uint32_t column;
	uint32_t key_line;
	bool faulty; /* and reported */
};

/* All marks of the key number i of the schema begin at first[i]. */
struct tt_config_source {
	char *name; /* of the file, as faults call it */
	size_t *first;
	struct mark *marks;
};

struct loader {
	struct tt_config *config;
	const struct tt_config_source *source;
	FILE *errors;
	unsigned int faults;
	char *text_end;
};

static void fault(struct loader *loader, const char *path, uint32_t line, uint32_t column,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

static void fault(struct loader *loader, const char *path, uint32_t line, uint32_t column,
	const char *format, ...)
{
	va_list arguments;

	if (loader->faults++ >= FAULT_LIMIT) {
		if (loader->faults == FAULT_LIMIT + 1)
			fprintf(loader->errors, "%s: more than %d faults, the rest is not shown\n",
				loader->source->name, FAULT_LIMIT);
		return;
	}
	fprintf(loader->errors, "%s:%" PRIu32 ":%" PRIu32 ": %s%s", loader->source->name, line,
		column, path, path[0] == '\0' ? "" : ": ");
	va_start(arguments, format);
	vfprintf(loader->errors, format, arguments);
	va_end(arguments);
	fputc('\n', loader->errors);
}

static void fault_in_yaml(
	void *context, const char *path, uint32_t line, uint32_t column, const char *message)
{
	fault(context, path, line, column, "%s", message);
}

/* Marks of a key: one for each item of its list; a list has one itself, then one an item. */
static uint32_t mark_count(const struct tt_schema_key *key)
{
	const struct tt_schema_key *list = tt_schema_list(key);

	if (key->type == TT_SCHEMA_LIST)
		return 1 + key->capacity;
	return list == NULL ? 1 : list->capacity;
}

static struct mark *mark_of(
	const struct loader *loader, const struct tt_schema_key *key, uint32_t item)
{
	return &loader->source->marks[loader->source->first[key - tt_schema] + item];
}

static void free_source(struct tt_config_source *source)
{
	if (source == NULL)
		return;
	free(source->name);
	free(source->first);
	free(source->marks);
	free(source);
}

static struct tt_config_source *make_source(const char *name)
{
	struct tt_config_source *source = calloc(1, sizeof(*source));
	size_t marks = 0;

	if (source == NULL)
		return NULL;
	source->name = strdup(name);
	source->first = calloc(tt_schema_count, sizeof(*source->first));
	for (uint32_t i = 0; i < tt_schema_count && source->first != NULL; i++) {
		source->first[i] = marks;
		marks += mark_count(&tt_schema[i]);
	}
	source->marks = calloc(marks, sizeof(*source->marks));
	if (source->name == NULL || source->first == NULL || source->marks == NULL) {
		free_source(source);
		return NULL;
	}
	return source;
}

/* All strings of a text, each with a NUL: an escape of two bytes makes three at most, and before
 * each value stands a key. */
static size_t text_capacity(size_t text_bytes)
{
	return 2 * text_bytes + 1;
}

static void set_defaults(struct tt_config *config)
{
	for (uint32_t i = 0; i < tt_schema_count; i++)
		if (tt_schema_list(&tt_schema[i]) == NULL)
			tt_schema_set_default(config, &tt_schema[i], 0);
}

static void fault_unknown(struct loader *loader, const struct tt_yaml_node *node)
{
	const char *name = tt_schema_name(node->pattern);
	size_t parent_length = name == node->pattern ? 0 : (size_t)(name - node->pattern - 1);
	char parent[TT_YAML_PATH_BYTES];
	const char *meant = NULL;
	unsigned int least_edits = TT_VALUE_FAR;

	memcpy(parent, node->pattern, parent_length);
	parent[parent_length] = '\0';
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const char *path = tt_schema[i].path;
		const char *sibling = tt_schema_name(path);
		unsigned int edits = TT_VALUE_FAR;

		if (tt_schema_is_child(path, parent))
			edits = tt_value_distance(name, sibling);
		else if (meant == NULL && strcmp(name, sibling) == 0)
			meant = path;
		if (edits < least_edits) {
			least_edits = edits;
			meant = sibling;
		}
	}
	fault(loader, node->path, node->key_line, node->key_column, "unknown key%s%s%s",
		meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
}

static const char *found(const struct tt_yaml_node *node)
{
	if (node->kind == TT_YAML_MAPPING)
		return "is a mapping";
	if (node->kind == TT_YAML_SEQUENCE)
		return "is a list";
	if (node->plain && tt_value_is_null(node->scalar))
		return "has no value";
	return node->plain ? "is a single value" : "is quoted text";
}

static bool refuse_type(
	struct loader *loader, const struct tt_schema_key *key, const struct tt_yaml_node *node)
{
	char names[TT_VALUE_MESSAGE_BYTES];

	if (key->type == TT_SCHEMA_ENUM)
		tt_value_range(key, names);
	fault(loader, node->path, node->line, node->column, "%s, expected %s%s", found(node),
		key->type == TT_SCHEMA_ENUM ? "one of " : tt_value_expected(key->type),
		key->type == TT_SCHEMA_ENUM ? names : "");
	return false;
}

static bool take_numbers(
	struct loader *loader, const struct tt_schema_key *key, const struct tt_yaml_node *node)
{
	char message[TT_VALUE_MESSAGE_BYTES];
	uint32_t count = tt_schema_items(loader->config, key);

	if (node->kind != TT_YAML_SCALAR || (node->plain && tt_value_is_null(node->scalar)))
		return refuse_type(loader, key, node);
	bool taken = tt_value_list(
		key, node->scalar, tt_schema_field(loader->config, key, 0), &count, message);
	tt_schema_set_items(loader->config, key, count);
	if (!taken)
		fault(loader, node->path, node->line, node->column, "%s", message);
	return taken;
}

static bool take_text(struct loader *loader, const struct tt_schema_key *key,
	const struct tt_yaml_node *node, uint32_t item)
{
	char message[TT_VALUE_MESSAGE_BYTES];

	if (!tt_value_text(key, node->scalar, message)) {
		fault(loader, node->path, node->line, node->column, "%s", message);
		return false;
	}
	size_t bytes = strlen(node->scalar) + 1;
	tt_schema_set_text(
		loader->config, key, item, memcpy(loader->text_end, node->scalar, bytes));
	loader->text_end += bytes;
	return true;
}

static bool take_scalar(struct loader *loader, const struct tt_schema_key *key,
	const struct tt_yaml_node *node, uint32_t item)
{
	char message[TT_VALUE_MESSAGE_BYTES];
	uint64_t number;
	bool is_text = key->type == TT_SCHEMA_STRING || key->type == TT_SCHEMA_DEVICE;

	if (node->kind != TT_YAML_SCALAR || (node->plain && tt_value_is_null(node->scalar)))
		return refuse_type(loader, key, node);
	if (is_text)
		return take_text(loader, key, node, item);
	if (key->type == TT_SCHEMA_NETWORK) {
		if (tt_value_network(
			    node->scalar, tt_schema_field(loader->config, key, item), message))
			return true;
		fault(loader, node->path, node->line, node->column, "%s", message);
		return false;
	}
	if (!node->plain && key->type != TT_SCHEMA_ENUM)
		return refuse_type(loader, key, node);
	if (!tt_value_number(key, node->scalar, &number, message)) {
		fault(loader, node->path, node->line, node->column, "%s", message);
		return false;
	}
	tt_schema_set_number(loader->config, key, item, number);
	return true;
}

/* false, and reported, when another key of this item has named its device. */
static bool is_first_device(struct loader *loader, const struct tt_schema_key *key,
	const struct tt_yaml_node *node, uint32_t item)
{
	const struct tt_schema_key *list = tt_schema_list(key);

	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *other = &tt_schema[i];

		if (other == key || other->type != TT_SCHEMA_DEVICE ||
			tt_schema_list(other) != list || mark_of(loader, other, item)->line == 0)
			continue;
		fault(loader, node->path, node->key_line, node->key_column,
			"a second device: this entry has named one by %s",
			tt_schema_name(other->path));
		return false;
	}
	return true;
}

/* An item of a list of mappings. */
static bool visit_item(
	struct loader *loader, const struct tt_schema_key *list, const struct tt_yaml_node *node)
{
	if (node->item >= list->capacity) {
		if (node->item == list->capacity)
			fault(loader, node->path, node->line, node->column,
				"more than %" PRIu32 " entries", list->capacity);
		return false;
	}

	struct mark *mark = mark_of(loader, list, 1 + node->item);
	*mark = (struct mark){.line = node->line, .column = node->column};
	tt_schema_set_items(loader->config, list, node->item + 1);
	for (uint32_t i = 0; i < tt_schema_count; i++)
		if (tt_schema_list(&tt_schema[i]) == list)
			tt_schema_set_default(loader->config, &tt_schema[i], node->item);
	if (node->kind == TT_YAML_MAPPING)
		return true;
	mark->faulty = true;
	if (node->kind != TT_YAML_REFUSED)
		fault(loader, node->path, node->line, node->column, "%s, expected %s", found(node),
			tt_value_expected(TT_SCHEMA_SECTION));
	return false;
}

static bool visit_inside_list(struct loader *loader, const struct tt_yaml_node *node)
{
	char path[TT_YAML_PATH_BYTES];
	size_t length = strlen(node->pattern) - strlen("[]");

	memcpy(path, node->pattern, length);
	path[length] = '\0';
	const struct tt_schema_key *key = tt_schema_find(path);
	if (key->type == TT_SCHEMA_LIST)
		return visit_item(loader, key, node);
	struct mark *mark = mark_of(loader, key, 0);
	if (node->kind == TT_YAML_REFUSED || !take_numbers(loader, key, node))
		mark->faulty = true;
	return false;
}

/* A key that is new. true: look at what is inside of it. */
static bool visit_key(struct loader *loader, const struct tt_schema_key *key,
	const struct tt_yaml_node *node, uint32_t item)
{
	struct mark *mark = mark_of(loader, key, item);
	bool empty = node->kind == TT_YAML_SCALAR && node->plain && tt_value_is_null(node->scalar);
	bool taken = false;

	*mark = (struct mark){
		.line = node->line, .column = node->column, .key_line = node->key_line};
	if (node->kind == TT_YAML_REFUSED) {
		mark->faulty = true;
		return false;
	}
	switch (key->type) {
	case TT_SCHEMA_SECTION:
		/* With all of its keys commented out. */
		if (node->kind == TT_YAML_MAPPING || empty)
			return true;
		mark->faulty = true;
		return refuse_type(loader, key, node);
	case TT_SCHEMA_LIST:
		if (node->kind == TT_YAML_SEQUENCE || empty)
			return true;
		mark->faulty = true;
		return refuse_type(loader, key, node);
	case TT_SCHEMA_CPUS:
	case TT_SCHEMA_PORTS:
		tt_schema_set_items(loader->config, key, 0);
		if (node->kind == TT_YAML_SEQUENCE)
			return true;
		taken = (node->kind == TT_YAML_SCALAR &&
				strcmp(node->scalar, tt_value_empty_list(key->type)) == 0) ||
			take_numbers(loader, key, node);
		break;
	case TT_SCHEMA_DEVICE:
		taken = is_first_device(loader, key, node, item) &&
			take_scalar(loader, key, node, item);
		break;
	default:
		taken = take_scalar(loader, key, node, item);
	}
	mark->faulty = !taken;
	return false;
}

static bool visit(void *context, const struct tt_yaml_node *node)
{
	struct loader *loader = context;
	size_t length = strlen(node->pattern);

	if (loader->faults > FAULT_LIMIT)
		return false;
	if (length == 0) {
		bool empty = node->kind == TT_YAML_SCALAR && node->plain &&
			tt_value_is_null(node->scalar);

		if (node->kind == TT_YAML_SEQUENCE || (node->kind == TT_YAML_SCALAR && !empty))
			fault(loader, "", node->line, node->column, "%s, expected %s", found(node),
				tt_value_expected(TT_SCHEMA_SECTION));
		return node->kind == TT_YAML_MAPPING;
	}
	if (node->pattern[length - 1] == ']')
		return visit_inside_list(loader, node);

	const struct tt_schema_key *key = tt_schema_find(node->pattern);
	if (key == NULL) {
		fault_unknown(loader, node);
		return false;
	}
	uint32_t item = tt_schema_list(key) == NULL ? 0 : node->item;
	struct mark *mark = mark_of(loader, key, item);
	if (mark->line != 0) {
		fault(loader, node->path, node->key_line, node->key_column,
			"given twice, first in line %" PRIu32, mark->key_line);
		return false;
	}
	return visit_key(loader, key, node, item);
}

/* Is the value one to check others against: without a fault, given or a default? */
static bool is_sound(const struct loader *loader, const char *path)
{
	return !mark_of(loader, tt_schema_find(path), 0)->faulty;
}

static void fault_key(struct loader *loader, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A fault of the value of a key outside of lists, which was given. */
static void fault_key(struct loader *loader, const char *path, const char *format, ...)
{
	const struct mark *mark = mark_of(loader, tt_schema_find(path), 0);
	char message[TT_VALUE_MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	fault(loader, path, mark->line, mark->column, "%s", message);
}

static void check_cpus(struct loader *loader)
{
	const struct tt_config *config = loader->config;
	const uint32_t *cpus = config->workers.cpus;
	uint32_t count = config->workers.cpu_count;

	if (!is_sound(loader, "workers.cpus") || count == 0)
		return;
	if (is_sound(loader, "workers.count") && count != config->workers.count)
		fault_key(loader, "workers.cpus", "%" PRIu32 " CPUs, but workers.count is %" PRIu32,
			count, config->workers.count);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < i; j++)
			if (cpus[i] == cpus[j])
				fault_key(loader, "workers.cpus",
					"CPU %" PRIu32 " is used by two workers", cpus[i]);
		if (is_sound(loader, "control.cpu") && (int64_t)cpus[i] == config->control.cpu)
			fault_key(loader, "control.cpu", "CPU %" PRIu32 " is used by a worker, too",
				cpus[i]);
	}
}

static void check_half_open(struct loader *loader)
{
	const struct tt_config *config = loader->config;

	if (is_sound(loader, "flow.half_open") && is_sound(loader, "flow.connections") &&
		config->flow.half_open > config->flow.connections)
		fault_key(loader, "flow.half_open",
			"%" PRIu32 " is more than flow.connections, %" PRIu32,
			config->flow.half_open, config->flow.connections);
}

static void check_names(struct loader *loader)
{
	const struct tt_config *config = loader->config;

	if (is_sound(loader, "names.ttl_min") && is_sound(loader, "names.ttl_max") &&
		config->names.ttl_min_us > config->names.ttl_max_us)
		fault_key(loader, "names.ttl_min", "is more than names.ttl_max");
}

/* Three drivers open, and one makes, an interface of the kernel, all by its name there. */
static bool is_kernel_interface(enum tt_config_port_kind kind)
{
	return kind == TT_PORT_AF_PACKET || kind == TT_PORT_AF_XDP || kind == TT_PORT_PCAP ||
		kind == TT_PORT_TAP;
}

static bool is_same_device(const struct tt_config_port *one, const struct tt_config_port *other)
{
	if (one->kind == TT_PORT_PCI && other->kind == TT_PORT_PCI)
		return strcasecmp(one->device, other->device) == 0;
	return (one->kind == other->kind ||
		       (is_kernel_interface(one->kind) && is_kernel_interface(other->kind))) &&
		strcmp(one->device, other->device) == 0;
}

/* Did any key name a device for this port, rightly or not? */
static bool names_device(const struct loader *loader, uint32_t port)
{
	for (uint32_t i = 0; i < tt_schema_count; i++)
		if (tt_schema[i].type == TT_SCHEMA_DEVICE &&
			mark_of(loader, &tt_schema[i], port)->line != 0)
			return true;
	return false;
}

/* The key that gave this port the device it has. */
static const struct tt_schema_key *device_key(const struct tt_config *config, uint32_t port)
{
	const struct tt_schema_key *key = tt_schema;

	while (key->type != TT_SCHEMA_DEVICE || tt_schema_text(config, key, port) == NULL)
		key++;
	return key;
}

static void check_port(struct loader *loader, uint32_t port)
{
	const struct tt_config_port *ports = loader->config->ports;
	const struct mark *entry = mark_of(loader, tt_schema_find("ports"), 1 + port);
	char path[64];

	if (!names_device(loader, port) && !entry->faulty) {
		snprintf(path, sizeof(path), "ports[%" PRIu32 "]", port);
		fault(loader, path, entry->line, entry->column,
			"names no device: one of pci, interface, af_xdp, pcap, memif, "
			"virtio_user, tap, ring, null or devargs is needed");
	}
	for (uint32_t other = 0; other < port && ports[port].device != NULL; other++) {
		if (ports[other].device == NULL || !is_same_device(&ports[port], &ports[other]))
			continue;
		const struct tt_schema_key *key = device_key(loader->config, port);
		const struct mark *mark = mark_of(loader, key, port);
		snprintf(path, sizeof(path), "ports[%" PRIu32 "].%s", port,
			tt_schema_name(key->path));
		fault(loader, path, mark->line, mark->column,
			"is the device of ports[%" PRIu32 "], too", other);
		return;
	}
}

static void check_filter(struct loader *loader, const char *list_path)
{
	const struct tt_schema_key *list = tt_schema_find(list_path);
	char path[64];

	for (uint32_t item = 0; item < tt_schema_items(loader->config, list); item++) {
		const struct mark *entry = mark_of(loader, list, 1 + item);
		bool says_something = entry->faulty;

		for (uint32_t i = 0; i < tt_schema_count; i++)
			if (tt_schema_list(&tt_schema[i]) == list)
				says_something |= mark_of(loader, &tt_schema[i], item)->line != 0;
		if (says_something)
			continue;
		snprintf(path, sizeof(path), "%s[%" PRIu32 "]", list_path, item);
		fault(loader, path, entry->line, entry->column,
			"names nothing: one of network, port, protocol or vlan is needed");
	}
}

static void check_actions(struct loader *loader)
{
	const struct tt_schema_key *list = tt_schema_find("rules");
	const struct tt_schema_key *actions[] = {tt_schema_find("rules[].service"),
		tt_schema_find("rules[].route"), tt_schema_find("rules[].exclude")};
	char path[64];

	for (uint32_t item = 0; item < loader->config->rule_count; item++) {
		const struct tt_config_rule *rule = &loader->config->rules[item];
		const struct mark *entry = mark_of(loader, list, 1 + item);
		bool acts = rule->service != NULL || rule->route != NULL || rule->exclude ||
			entry->faulty;

		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
			acts |= mark_of(loader, actions[i], item)->faulty;
		if (acts)
			continue;
		snprintf(path, sizeof(path), "rules[%" PRIu32 "]", item);
		fault(loader, path, entry->line, entry->column,
			"does nothing: one of service, route or exclude is needed");
	}
}

static void check(struct loader *loader)
{
	check_filter(loader, "filter.include");
	check_filter(loader, "filter.exclude");
	check_actions(loader);
	for (uint32_t port = 0; port < loader->config->port_count; port++)
		check_port(loader, port);
	check_cpus(loader);
	check_half_open(loader);
	check_names(loader);
}

static void derive(struct loader *loader)
{
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];

		if (key->derive != NULL && mark_of(loader, key, 0)->line == 0)
			tt_schema_set_number(loader->config, key, 0, key->derive(loader->config));
	}
}

int tt_config_parse(struct tt_config **config, const char *name, const char *text,
	size_t text_bytes, FILE *errors)
{
	struct loader loader = {.errors = errors};
	const struct tt_yaml_visitor visitor = {
		.node = visit, .fault = fault_in_yaml, .context = &loader};
	int result = TT_ERROR_MEMORY;

	*config = NULL;
	loader.config = calloc(1, sizeof(*loader.config));
	if (loader.config == NULL)
		return TT_ERROR_MEMORY;
	loader.config->source = make_source(name);
	loader.config->text = malloc(text_capacity(text_bytes));
	if (loader.config->source == NULL || loader.config->text == NULL)
		goto out;
	loader.source = loader.config->source;
	loader.text_end = loader.config->text;

	set_defaults(loader.config);
	result = tt_yaml_read(text, text_bytes, &visitor);
	derive(&loader);
	if (result == TT_OK)
		check(&loader);
	if (result != TT_ERROR_MEMORY && loader.faults > 0)
		result = TT_ERROR_CONFIG;
	if (result == TT_OK) {
		*config = loader.config;
		loader.config = NULL;
	}
out:
	tt_config_free(loader.config);
	return result;
}

void tt_config_complain(const struct tt_config *config, const char *pattern, uint32_t item,
	const char *message, FILE *errors)
{
	struct loader loader = {.source = config->source, .errors = errors};
	const struct tt_schema_key *key = tt_schema_find(pattern);
	const struct mark *mark = mark_of(&loader, key, item);
	const char *items = strstr(pattern, "[]");
	char path[TT_YAML_PATH_BYTES];

	if (items == NULL)
		snprintf(path, sizeof(path), "%s", pattern);
	else
		snprintf(path, sizeof(path), "%.*s[%" PRIu32 "]%s", (int)(items - pattern), pattern,
			item, items + strlen("[]"));
	fault(&loader, path, mark->line, mark->column, "%s", message);
}

int tt_config_default(struct tt_config **config)
{
	return tt_config_parse(config, "defaults", "", 0, stderr);
}

int tt_config_load(struct tt_config **config, const char *path, FILE *errors)
{
	size_t bytes;
	char *text;
	int result = tt_file_read(path, &text, &bytes, errors);

	*config = NULL;
	if (result == TT_OK)
		result = tt_config_parse(config, strcmp(path, "-") == 0 ? "standard input" : path,
			text, bytes, errors);
	free(text);
	return result;
}

void tt_config_free(struct tt_config *config)
{
	if (config == NULL)
		return;
	free_source(config->source);
	free(config->text);
	free(config);
}
