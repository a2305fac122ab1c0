/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/log.h"
#include "protocol/classify.h"
#include "rules/signature_set.h"

#include <stdlib.h>
#include <string.h>

/* A match is a match, however often; one that needs no bytes at all would be everyone's. */
#define HS_FLAGS (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH)

struct compiler {
	struct tt_signatures *made;
	struct tt_signature_list *list;
	FILE *errors;
	int code; /* of the first fault */
};

static void fail(struct compiler *compiler, int code)
{
	if (compiler->code == TT_OK)
		compiler->code = code;
}

static void complain(
	struct compiler *compiler, uint32_t number, enum tt_signature_key key, const char *message)
{
	tt_signature_complain(compiler->list, number, key, message, compiler->errors);
	fail(compiler, TT_ERROR_CONFIG);
}

/* By itself, so that the place in it that a fault names is its writer's. */
static void check_pattern(struct compiler *compiler, uint32_t number)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *fault = NULL;

	if (hs_expression_info(compiler->list->signatures[number].pattern,
		    HS_FLAGS | HS_FLAG_ALLOWEMPTY, &info, &fault) != HS_SUCCESS) {
		complain(compiler, number, TT_SIGNATURE_KEY_PATTERN, fault->message);
		hs_free_compile_error(fault);
		return;
	}
	if (info->min_width == 0)
		complain(compiler, number, TT_SIGNATURE_KEY_PATTERN, "matches nothing at all, too");
	free(info);
}

/* A protocol that has a parser is not named without it: who writes a pattern that is too wide makes
 * no HTTP out of what is none. */
static void check_confirm(struct compiler *compiler, uint32_t number)
{
	const struct tt_signature *signature = &compiler->list->signatures[number];
	bool stream = signature->layer == TT_SIGNATURE_TCP;
	struct tt_signature_result *result = &compiler->made->results[number];

	if (signature->confirm != NULL) {
		result->confirm = tt_protocol_find(signature->confirm);
		if (!tt_classify_parses(result->confirm, stream))
			complain(compiler, number, TT_SIGNATURE_KEY_CONFIRM,
				"is no protocol that has a parser in this layer");
	} else if (tt_classify_parses(tt_protocol_find(signature->name), true) ||
		tt_classify_parses(tt_protocol_find(signature->name), false)) {
		complain(compiler, number, TT_SIGNATURE_KEY_NAME,
			"is a protocol that has a parser: confirm has to name it, or another one");
	}
}

/* The expressions of one layer into a database, and the first bytes that they may have. */
static void compile_layer(struct compiler *compiler, enum tt_signature_layer layer)
{
	static const uint8_t sides[] = {[TT_SIGNATURE_EITHER] = 3,
		[TT_SIGNATURE_CLIENT] = 1 << 1,
		[TT_SIGNATURE_SERVER] = 1 << 0};
	struct tt_signature_base *base = &compiler->made->base[layer];
	hs_compile_error_t *fault = NULL;
	char *expressions[TT_SIGNATURES];
	unsigned int numbers[TT_SIGNATURES], flags[TT_SIGNATURES];
	unsigned int count = 0;

	for (uint32_t number = 0; number < compiler->list->count; number++) {
		const struct tt_signature *signature = &compiler->list->signatures[number];
		uint8_t own = sides[signature->direction];

		if (signature->layer != layer)
			continue;
		if (asprintf(&expressions[count], "^(?:%s)", signature->pattern) < 0) {
			fail(compiler, TT_ERROR_MEMORY);
			break;
		}
		compiler->made->results[number].sides = own;
		for (unsigned int client = 0; client < 2; client++)
			if ((own >> client & 1) != 0)
				tt_expression_first(signature->pattern, &base->first[client]);
		numbers[count] = number;
		flags[count++] = HS_FLAGS;
	}
	if (count > 0 && compiler->code == TT_OK &&
		hs_compile_ext_multi((const char *const *)expressions, flags, numbers, NULL, count,
			HS_MODE_BLOCK, NULL, &base->database, &fault) != HS_SUCCESS) {
		complain(compiler, fault->expression < 0 ? numbers[0] : numbers[fault->expression],
			TT_SIGNATURE_KEY_PATTERN, fault->message);
		hs_free_compile_error(fault);
	}
	for (unsigned int i = 0; i < count; i++)
		free(expressions[i]);
}

static void make_scratch(struct compiler *compiler)
{
	struct tt_signatures *made = compiler->made;

	for (unsigned int layer = 0; layer < TT_SIGNATURE_LAYERS; layer++)
		if (made->base[layer].database != NULL &&
			hs_alloc_scratch(made->base[layer].database, &made->scratch[0]) !=
				HS_SUCCESS)
			fail(compiler, TT_ERROR_MEMORY);
	for (unsigned int worker = 1; worker < made->workers && compiler->code == TT_OK; worker++)
		if (hs_clone_scratch(made->scratch[0], &made->scratch[worker]) != HS_SUCCESS)
			fail(compiler, TT_ERROR_MEMORY);
}

/* Last, so that a broken file takes no numbers. */
static void number_protocols(struct compiler *compiler)
{
	for (uint32_t number = 0; number < compiler->list->count; number++) {
		struct tt_signature_result *result = &compiler->made->results[number];

		result->protocol = tt_protocol_number(compiler->list->signatures[number].name);
		if (result->protocol == TT_PROTOCOL_NONE) {
			complain(compiler, number, TT_SIGNATURE_KEY_NAME,
				"is one name more than can be told apart since the start");
			return;
		}
	}
}

static void compile_all(struct compiler *compiler)
{
	for (uint32_t number = 0; number < compiler->list->count; number++) {
		if (compiler->list->signatures[number].faulty)
			continue;
		check_pattern(compiler, number);
		check_confirm(compiler, number);
	}
	for (unsigned int layer = 0; layer < TT_SIGNATURE_LAYERS; layer++)
		if (compiler->code == TT_OK)
			compile_layer(compiler, (enum tt_signature_layer)layer);
	if (compiler->code == TT_OK)
		make_scratch(compiler);
	if (compiler->code == TT_OK)
		number_protocols(compiler);
}

int tt_signatures_create(struct tt_signatures **signatures, const struct tt_config *config,
	unsigned int workers, FILE *errors)
{
	struct compiler compiler = {.errors = errors};

	*signatures = NULL;
	compiler.code = tt_signature_list_load(&compiler.list, config->signatures, errors);
	if (compiler.list == NULL || (compiler.code == TT_OK && compiler.list->count == 0)) {
		tt_signature_list_free(compiler.list);
		return compiler.code;
	}
	if (hs_valid_platform() != HS_SUCCESS) {
		tt_log_error("signatures: hyperscan needs a CPU with SSSE3");
		tt_signature_list_free(compiler.list);
		return TT_ERROR_UNSUPPORTED;
	}
	compiler.made = calloc(1, sizeof(*compiler.made));
	if (compiler.made == NULL) {
		tt_signature_list_free(compiler.list);
		return TT_ERROR_MEMORY;
	}
	compiler.made->workers = workers;
	compiler.made->count = compiler.list->count;
	compile_all(&compiler);
	tt_signature_list_free(compiler.list);
	if (compiler.code != TT_OK)
		tt_signatures_destroy(compiler.made);
	else
		*signatures = compiler.made;
	return compiler.code;
}

uint32_t tt_signatures_count(const struct tt_signatures *signatures)
{
	return signatures == NULL ? 0 : signatures->count;
}

void tt_signatures_destroy(struct tt_signatures *signatures)
{
	if (signatures == NULL)
		return;
	for (unsigned int worker = 0; worker < signatures->workers; worker++)
		hs_free_scratch(signatures->scratch[worker]);
	for (unsigned int layer = 0; layer < TT_SIGNATURE_LAYERS; layer++)
		hs_free_database(signatures->base[layer].database);
	free(signatures);
}
