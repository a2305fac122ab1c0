/* SPDX-License-Identifier: Apache-2.0 */
#include "config/signatures.h"

#include "base/error.h"
#include "config/file.h"
#include "config/value.h"
#include "config/yaml_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_LIMIT 64 /* lines; a file that is none of ours has no end of faults */

static const char *const keys[TT_SIGNATURE_KEYS] = {
	[TT_SIGNATURE_KEY_NAME] = "name",
	[TT_SIGNATURE_KEY_LAYER] = "layer",
	[TT_SIGNATURE_KEY_PATTERN] = "pattern",
	[TT_SIGNATURE_KEY_DIRECTION] = "direction",
	[TT_SIGNATURE_KEY_CONFIRM] = "confirm",
};

static const char *const layers[] = {"tcp", "udp", NULL};
static const char *const directions[] = {"either", "client", "server", NULL};

/* What a name has to look like, and every other text. */
static const struct tt_schema_key name_form = {.type = TT_SCHEMA_STRING, .form = TT_SCHEMA_NAME};
static const struct tt_schema_key any_form = {.type = TT_SCHEMA_STRING};

struct loader {
	struct tt_signature_list *list;
	FILE *errors;
	char *text_end;
	bool full; /* told that there are too many */
};

static void fault(struct tt_signature_list *list, FILE *errors, const char *path, uint32_t line,
	uint32_t column, const char *message)
{
	if (list->faults++ >= FAULT_LIMIT) {
		if (list->faults == FAULT_LIMIT + 1)
			fprintf(errors, "%s: more than %d faults, the rest is not shown\n",
				list->source, FAULT_LIMIT);
		return;
	}
	fprintf(errors, "%s:%" PRIu32 ":%" PRIu32 ": %s%s%s\n", list->source, line, column, path,
		path[0] == '\0' ? "" : ": ", message);
}

static void fault_in_yaml(
	void *context, const char *path, uint32_t line, uint32_t column, const char *message)
{
	struct loader *loader = context;

	fault(loader->list, loader->errors, path, line, column, message);
}

static bool refuse(struct loader *loader, const struct tt_yaml_node *node, const char *message)
{
	fault(loader->list, loader->errors, node->path, node->line, node->column, message);
	return false;
}

static const char *take_text(struct loader *loader, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = memcpy(loader->text_end, text, bytes);

	loader->text_end += bytes;
	return copy;
}

/* The number of one of `words`, ended by NULL. */
static bool take_word(struct loader *loader, const struct tt_yaml_node *node,
	const char *const *words, unsigned int *number)
{
	char message[TT_VALUE_MESSAGE_BYTES];
	size_t at = 0;

	for (*number = 0; words[*number] != NULL; (*number)++)
		if (strcmp(words[*number], node->scalar) == 0)
			return true;
	for (unsigned int i = 0; words[i] != NULL; i++)
		at += (size_t)snprintf(message + at, sizeof(message) - at, "%s%s",
			i == 0 ? "is none of " : ", ", words[i]);
	return refuse(loader, node, message);
}

static bool take_name(struct loader *loader, const struct tt_yaml_node *node, const char **name)
{
	char message[TT_VALUE_MESSAGE_BYTES];

	if (!tt_value_text(&name_form, node->scalar, message))
		return refuse(loader, node, message);
	if (strlen(node->scalar) > TT_SIGNATURE_NAME_BYTES)
		return refuse(loader, node, "is longer than 31 bytes");
	if (node->scalar[strcspn(node->scalar, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		return refuse(loader, node, "has capitals: names of protocols have none");
	*name = take_text(loader, node->scalar);
	return true;
}

static bool take_value(struct loader *loader, const struct tt_yaml_node *node,
	enum tt_signature_key key, struct tt_signature *signature)
{
	char message[TT_VALUE_MESSAGE_BYTES];
	unsigned int number;

	switch (key) {
	case TT_SIGNATURE_KEY_NAME:
		return take_name(loader, node, &signature->name);
	case TT_SIGNATURE_KEY_CONFIRM:
		if (strcmp(node->scalar, "none") == 0)
			return true;
		return take_name(loader, node, &signature->confirm);
	case TT_SIGNATURE_KEY_LAYER:
		if (!take_word(loader, node, layers, &number))
			return false;
		signature->layer = (enum tt_signature_layer)number;
		return true;
	case TT_SIGNATURE_KEY_DIRECTION:
		if (!take_word(loader, node, directions, &number))
			return false;
		signature->direction = (enum tt_signature_direction)number;
		return true;
	default:
		break;
	}
	if (!tt_value_text(&any_form, node->scalar, message))
		return refuse(loader, node, message);
	signature->pattern = take_text(loader, node->scalar);
	return true;
}

static void fault_unknown(struct loader *loader, const struct tt_yaml_node *node, const char *word)
{
	char message[TT_VALUE_MESSAGE_BYTES];
	unsigned int least = TT_VALUE_FAR;
	const char *meant = NULL;

	for (unsigned int key = 0; key < TT_SIGNATURE_KEYS; key++) {
		unsigned int edits = tt_value_distance(word, keys[key]);

		if (edits < least) {
			least = edits;
			meant = keys[key];
		}
	}
	snprintf(message, sizeof(message), "unknown key%s%s%s",
		meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
	fault(loader->list, loader->errors, node->path, node->key_line, node->key_column, message);
}

static void visit_key(struct loader *loader, const struct tt_yaml_node *node)
{
	struct tt_signature *signature = &loader->list->signatures[node->item];
	const char *word = node->pattern + strlen("[].");
	unsigned int key = 0;

	while (key < TT_SIGNATURE_KEYS && strcmp(keys[key], word) != 0)
		key++;
	if (key == TT_SIGNATURE_KEYS) {
		fault_unknown(loader, node, word);
		signature->faulty = true;
		return;
	}
	if (signature->mark[key].line != 0) {
		fault(loader->list, loader->errors, node->path, node->key_line, node->key_column,
			"given twice");
		signature->faulty = true;
		return;
	}
	signature->mark[key] = (struct tt_signature_mark){node->line, node->column};
	if (node->kind == TT_YAML_REFUSED)
		signature->faulty = true;
	else if (node->kind != TT_YAML_SCALAR || (node->plain && tt_value_is_null(node->scalar)))
		signature->faulty = !refuse(loader, node, "is not one value");
	else if (!take_value(loader, node, (enum tt_signature_key)key, signature))
		signature->faulty = true;
}

/* true: look at its keys. */
static bool visit_item(struct loader *loader, const struct tt_yaml_node *node)
{
	struct tt_signature_list *list = loader->list;

	if (node->item >= TT_SIGNATURES) {
		if (!loader->full)
			refuse(loader, node, "more than 256 signatures");
		loader->full = true;
		return false;
	}
	struct tt_signature *signature = &list->signatures[node->item];

	list->count = node->item + 1;
	signature->entry = (struct tt_signature_mark){node->line, node->column};
	if (node->kind == TT_YAML_MAPPING)
		return true;
	signature->faulty = true;
	if (node->kind != TT_YAML_REFUSED)
		refuse(loader, node, "is no mapping of name, layer, pattern, direction, confirm");
	return false;
}

static bool visit(void *context, const struct tt_yaml_node *node)
{
	struct loader *loader = context;

	if (loader->list->faults > FAULT_LIMIT)
		return false;
	if (node->pattern[0] == '\0') {
		bool empty = node->kind == TT_YAML_SCALAR && node->plain &&
			tt_value_is_null(node->scalar);

		if (node->kind == TT_YAML_MAPPING || (node->kind == TT_YAML_SCALAR && !empty))
			refuse(loader, node, "is not a list of signatures");
		return node->kind == TT_YAML_SEQUENCE;
	}
	if (strcmp(node->pattern, "[]") == 0)
		return visit_item(loader, node);
	visit_key(loader, node);
	return false;
}

static void check_given(struct loader *loader)
{
	static const enum tt_signature_key needed[] = {
		TT_SIGNATURE_KEY_NAME, TT_SIGNATURE_KEY_LAYER, TT_SIGNATURE_KEY_PATTERN};
	struct tt_signature_list *list = loader->list;
	char path[32], message[64];

	for (uint32_t item = 0; item < list->count; item++) {
		struct tt_signature *signature = &list->signatures[item];

		for (unsigned int i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
			if (signature->faulty || signature->mark[needed[i]].line != 0)
				continue;
			snprintf(path, sizeof(path), "[%" PRIu32 "]", item);
			snprintf(message, sizeof(message), "has no %s", keys[needed[i]]);
			fault(list, loader->errors, path, signature->entry.line,
				signature->entry.column, message);
			signature->faulty = true;
		}
	}
}

int tt_signature_list_parse(struct tt_signature_list **list, const char *name, const char *text,
	size_t text_bytes, FILE *errors)
{
	struct loader loader = {.errors = errors};
	const struct tt_yaml_visitor visitor = {
		.node = visit, .fault = fault_in_yaml, .context = &loader};
	struct tt_signature_list *made = calloc(1, sizeof(*made));

	*list = NULL;
	if (made == NULL)
		return TT_ERROR_MEMORY;
	made->source = strdup(name);
	/* All strings with their NULs: an escape of two bytes makes three at most, and before each
	 * value stands a key. */
	made->text = malloc(2 * text_bytes + 1);
	if (made->source == NULL || made->text == NULL) {
		tt_signature_list_free(made);
		return TT_ERROR_MEMORY;
	}
	loader.list = made;
	loader.text_end = made->text;
	if (tt_yaml_read(text, text_bytes, &visitor) == TT_ERROR_MEMORY) {
		tt_signature_list_free(made);
		return TT_ERROR_MEMORY;
	}
	check_given(&loader);
	*list = made;
	return made->faults == 0 ? TT_OK : TT_ERROR_CONFIG;
}

int tt_signature_list_load(struct tt_signature_list **list, const char *path, FILE *errors)
{
	size_t bytes;
	char *text;

	*list = NULL;
	if (path == NULL)
		return tt_signature_list_parse(list, "built-in signatures", tt_signatures_built_in,
			tt_signatures_built_in_bytes, errors);
	int result = tt_file_read(path, &text, &bytes, errors);
	if (result == TT_OK)
		result = tt_signature_list_parse(list, path, text, bytes, errors);
	free(text);
	return result;
}

void tt_signature_complain(struct tt_signature_list *list, uint32_t item, enum tt_signature_key key,
	const char *message, FILE *errors)
{
	const struct tt_signature *signature = &list->signatures[item];
	char path[48];

	snprintf(path, sizeof(path), "[%" PRIu32 "].%s", item, keys[key]);
	fault(list, errors, path, signature->mark[key].line, signature->mark[key].column, message);
}

void tt_signature_list_free(struct tt_signature_list *list)
{
	if (list == NULL)
		return;
	free(list->source);
	free(list->text);
	free(list);
}
