/* SPDX-License-Identifier: Apache-2.0 */
#include "control/reload.h"

#include "base/error.h"
#include "base/log.h"
#include "config/schema.h"
#include "rules/rules.h"
#include "rules/signatures.h"

#include <errno.h>
#include <pthread.h>
#include <rte_lcore.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct tt_reload {
	const struct tt_config *config;
	const char *path;
	struct tt_pipeline *pipeline;
	pthread_mutex_t mutex; /* one at a time */
	pthread_t thread;
	sem_t requested;
	atomic_bool ended;
};

static bool is_same(const struct tt_config *running, const struct tt_config *next,
	const struct tt_schema_key *key)
{
	const struct tt_schema_key *list = tt_schema_list(key);
	uint32_t items = list == NULL ? 1 : tt_schema_items(running, list);

	for (uint32_t item = 0; item < items; item++)
		if (!tt_schema_is_same(running, next, key, item))
			return false;
	return true;
}

/* Keys that differ from what runs and need a restart; those of a list's items as the list. */
static void compare(const struct tt_config *running, const struct tt_config *next,
	struct tt_reload_report *report)
{
	for (uint32_t i = 0; i < tt_schema_count; i++) {
		const struct tt_schema_key *key = &tt_schema[i];
		const struct tt_schema_key *list = tt_schema_list(key);
		const char *path = list == NULL ? key->path : list->path;

		if (key->hot || is_same(running, next, key) ||
			report->restart_count == TT_RELOAD_KEYS)
			continue;
		if (report->restart_count == 0 ||
			report->restart[report->restart_count - 1] != path)
			report->restart[report->restart_count++] = path;
	}
}

/* What a file of configuration makes. */
struct loaded {
	struct tt_config *config;
	struct tt_signatures *signatures;
	struct tt_ruleset *ruleset;
};

/* Signatures first: rules may name their protocols. */
static int compile(const struct tt_reload *reload, struct loaded *next, FILE *errors)
{
	unsigned int workers = reload->config->workers.count;
	int code = tt_signatures_create(&next->signatures, next->config, workers, errors);
	int rules_code = tt_ruleset_create(&next->ruleset, next->config, workers, errors);

	if (code == TT_OK)
		code = rules_code;
	if (code != TT_OK) {
		tt_signatures_destroy(next->signatures);
		tt_ruleset_destroy(next->ruleset);
	}
	return code;
}

/* Load and compile; the faults go to `errors`. */
static int load(struct tt_reload *reload, struct loaded *next, FILE *errors)
{
	*next = (struct loaded){0};
	if (strcmp(reload->path, "-") == 0) {
		fputs("standard input cannot be read again\n", errors);
		return TT_ERROR_UNSUPPORTED;
	}
	int code = tt_config_load(&next->config, reload->path, errors);
	if (code == TT_OK)
		code = compile(reload, next, errors);
	return code;
}

static void apply(
	struct tt_reload *reload, const struct loaded *next, struct tt_reload_report *report)
{
	compare(reload->config, next->config, report);
	report->rules = next->config->rule_count;
	report->signatures = tt_signatures_count(next->signatures);
	tt_log_set_level(next->config->log.level);
	tt_pipeline_set_timeouts(reload->pipeline, next->config);
	tt_pipeline_set_signatures(reload->pipeline, next->signatures);
	tt_pipeline_set_rules(reload->pipeline, next->ruleset);
	tt_log_info("%s: reloaded, %u rules and %u signatures", reload->path, report->rules,
		report->signatures);
	for (uint32_t i = 0; i < report->restart_count; i++)
		tt_log_warning("%s: %s has changed, which takes a restart", reload->path,
			report->restart[i]);
}

static void log_faults(const struct tt_reload *reload, const struct tt_reload_report *report)
{
	const char *line = report->faults;

	tt_log_error("%s: not reloaded, what was in force stays: %s", reload->path,
		tt_error_text(report->code));
	while (*line != '\0') {
		size_t length = strcspn(line, "\n");

		tt_log_error("%.*s", (int)length, line);
		line += length + (line[length] != '\0');
	}
}

void tt_reload_now(struct tt_reload *reload, struct tt_reload_report *report)
{
	struct loaded next;

	*report = (struct tt_reload_report){.code = TT_ERROR_MEMORY};
	FILE *errors = fmemopen(report->faults, sizeof(report->faults), "w");
	if (errors == NULL) {
		log_faults(reload, report);
		return;
	}
	pthread_mutex_lock(&reload->mutex);
	report->code = load(reload, &next, errors);
	fclose(errors);
	report->faults[sizeof(report->faults) - 1] = '\0';
	if (report->code == TT_OK)
		apply(reload, &next, report);
	else
		log_faults(reload, report);
	tt_config_free(next.config);
	pthread_mutex_unlock(&reload->mutex);
}

void tt_reload_request(struct tt_reload *reload)
{
	sem_post(&reload->requested);
}

static void *serve_requests(void *argument)
{
	struct tt_reload *reload = argument;
	struct tt_reload_report report;

	for (;;) {
		while (sem_wait(&reload->requested) != 0)
			;
		if (atomic_load(&reload->ended))
			return NULL;
		tt_reload_now(reload, &report);
	}
}

int tt_reload_create(struct tt_reload **reload, const struct tt_config *config, const char *path,
	struct tt_pipeline *pipeline)
{
	struct tt_reload *made = calloc(1, sizeof(*made));

	*reload = NULL;
	if (made == NULL)
		return TT_ERROR_MEMORY;
	made->config = config;
	made->path = path;
	made->pipeline = pipeline;
	pthread_mutex_init(&made->mutex, NULL);
	sem_init(&made->requested, 0, 0);
	/* Where the workers do not run. */
	int result = rte_ctrl_thread_create(&made->thread, "reload", NULL, serve_requests, made);
	if (result != 0) {
		tt_log_error("no thread to reload on: %s", strerror(abs(result)));
		sem_destroy(&made->requested);
		pthread_mutex_destroy(&made->mutex);
		free(made);
		return tt_error_from_errno(abs(result));
	}
	*reload = made;
	return TT_OK;
}

void tt_reload_destroy(struct tt_reload *reload)
{
	if (reload == NULL)
		return;
	atomic_store(&reload->ended, true);
	sem_post(&reload->requested);
	pthread_join(reload->thread, NULL);
	sem_destroy(&reload->requested);
	pthread_mutex_destroy(&reload->mutex);
	free(reload);
}
