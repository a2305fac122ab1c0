/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "rules/rules.h"
#include "rules/signatures.h"

#include <inttypes.h>
#include <string.h>

/* Of a capture, so that every run over it gives the same uids and the same order of records. */
#define CAPTURE_SEED 1

/* Tells apart the uids of two runs of an appliance, as long as they begin in different seconds of
 * 18 hours. */
static uint16_t run_instance(bool captures)
{
	return captures ? 0 : (uint16_t)(tt_clock_wall_us() / 1000000);
}

/* Signatures first: rules may name their protocols. */
static int compile_rules(const struct tt_config *config, struct tt_signatures **signatures,
	struct tt_ruleset **ruleset)
{
	int code = tt_signatures_create(signatures, config, config->workers.count, stderr);
	int rules_code = tt_ruleset_create(ruleset, config, config->workers.count, stderr);

	if (code == 0)
		code = rules_code;
	if (code == TT_ERROR_MEMORY)
		tt_log_error("not enough memory for the rules and signatures");
	if (code == 0)
		return 0;
	tt_signatures_destroy(*signatures);
	tt_ruleset_destroy(*ruleset);
	return code;
}

int tt_run_check_rules(const struct tt_config *config)
{
	struct tt_signatures *signatures;
	struct tt_ruleset *ruleset;
	int code = compile_rules(config, &signatures, &ruleset);

	if (code != 0)
		return code;
	tt_signatures_destroy(signatures);
	tt_ruleset_destroy(ruleset);
	return 0;
}

static int set_rules(struct tt_run *run, const struct tt_config *config)
{
	struct tt_signatures *signatures;
	struct tt_ruleset *ruleset;
	int code = compile_rules(config, &signatures, &ruleset);

	if (code != 0)
		return code;
	tt_pipeline_set_signatures(run->pipeline, signatures);
	tt_pipeline_set_rules(run->pipeline, ruleset);
	return 0;
}

int tt_run_open(struct tt_run *run, const struct tt_run_options *options)
{
	bool captures = options->capture_file_count > 0;
	const struct tt_driver_options driver_options = {
		.config = options->config,
		.capture_files = options->capture_files,
		.capture_file_count = options->capture_file_count,
		.mbuf_private_bytes = tt_pipeline_mbuf_private_bytes(),
	};
	struct tt_source source;
	bool huge_pages = !captures && options->config->memory.huge_pages != TT_HUGE_PAGES_NEVER;

	*run = (struct tt_run){.opened = options->opened, .context = options->context};
	int code = tt_driver_open(&run->driver, &driver_options);
	if (code != 0)
		return code;

	run->driver_source = tt_driver_source_create(
		&source, run->driver, options->config->workers.count, captures);
	if (run->driver_source == NULL) {
		tt_log_error("not enough memory");
		code = TT_ERROR_MEMORY;
	}
	if (code == 0)
		code = tt_pipeline_create(&run->pipeline,
			&(struct tt_pipeline_options){
				.config = options->config,
				.source = &source,
				.instance = run_instance(captures),
				.seed = captures ? CAPTURE_SEED : 0,
				.huge_pages = huge_pages,
				.populate = !captures,
			});
	if (code == 0)
		code = set_rules(run, options->config);
	if (code == 0)
		code = tt_control_create(&run->control,
			&(struct tt_control_options){
				.config = options->config,
				.pipeline = run->pipeline,
				.driver = run->driver,
				.tick = options->tick,
				.huge_pages = huge_pages,
				.closed = options->closed,
				.dns = options->dns,
				.http = options->http,
				.tls = options->tls,
				.context = options->context,
				.end_reason =
					captures ? TT_CLOSE_END_OF_CAPTURE : TT_CLOSE_SHUTDOWN,
			});
	if (code != 0)
		tt_run_close(run);
	return code;
}

int tt_run_start(struct tt_run *run)
{
	int code = tt_driver_start(run->driver);

	if (code != 0)
		return code;
	run->started = true;
	if (run->opened != NULL)
		code = run->opened(run->context);
	return code != 0 ? code : tt_pipeline_launch(run->pipeline);
}

void tt_run_stop(struct tt_run *run)
{
	tt_pipeline_wait(run->pipeline);
	if (run->started)
		tt_driver_stop(run->driver);
	run->started = false;
}

void tt_run_close(struct tt_run *run)
{
	tt_control_destroy(run->control);
	tt_pipeline_destroy(run->pipeline);
	tt_driver_source_destroy(run->driver_source);
	tt_driver_close(run->driver);
	*run = (struct tt_run){0};
}

static void print_part(FILE *out, const char *what, uint64_t bytes, uint64_t *sum)
{
	if (out != NULL)
		fprintf(out, "  %-60s %10.1f MiB\n", what, (double)bytes / (1 << 20));
	*sum += bytes;
}

/* Add up all parts, and print them unless `out` is NULL. */
static int plan_memory(const struct tt_config *config, FILE *out, uint64_t *sum)
{
	const struct tt_driver_options driver_options = {
		.config = config, .mbuf_private_bytes = tt_pipeline_mbuf_private_bytes()};
	struct tt_driver_memory items[TT_PORT_LIMIT * 3];
	unsigned int limit = sizeof(items) / sizeof(items[0]);
	struct tt_pipeline_memory pipeline;
	uint32_t workers = config->workers.count;
	char what[96];
	int count = tt_driver_memory_plan(&driver_options, items, limit);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		print_part(out, items[i].what, items[i].bytes, sum);

	tt_pipeline_memory(&pipeline, config);
	snprintf(what, sizeof(what), "flow tables: %" PRIu32 " x %" PRIu32 " connections", workers,
		config->flow.connections);
	print_part(out, what, workers * pipeline.flows_bytes, sum);
	snprintf(what, sizeof(what), "fragments: %" PRIu32 " x %" PRIu32 " datagrams", workers,
		config->fragments.datagrams);
	print_part(out, what, workers * pipeline.fragments_bytes, sum);
	snprintf(what, sizeof(what), "records: %" PRIu32 " x %" PRIu32 " batches", workers,
		config->memory.record_batches);
	print_part(out, what, workers * pipeline.records_bytes, sum);
	if (pipeline.duplicates_bytes > 0) {
		snprintf(what, sizeof(what), "duplicates: %" PRIu32 " x %" PRIu32 " packets",
			workers, config->duplicates.packets);
		print_part(out, what, workers * pipeline.duplicates_bytes, sum);
	}
	snprintf(what, sizeof(what), "payload: %" PRIu32 " x %" PRIu32 " connections", workers,
		config->payload.connections);
	print_part(out, what, workers * pipeline.payload_bytes, sum);
	if (pipeline.dns_bytes > 0) {
		snprintf(what, sizeof(what),
			"DNS: %" PRIu32 " x %" PRIu32 " queries, %" PRIu32 " keys", workers,
			config->dns.pending, config->dns.keys);
		print_part(out, what, workers * pipeline.dns_bytes, sum);
		print_part(out, "names of addresses, and DNS statistics merged",
			tt_control_dns_bytes(config), sum);
	}
	if (pipeline.http_bytes > 0) {
		snprintf(what, sizeof(what),
			"HTTP: %" PRIu32 " x %" PRIu32 " transactions, %" PRIu32 " keys", workers,
			config->http.transactions, config->http.keys);
		print_part(out, what, workers * pipeline.http_bytes, sum);
		print_part(out, "HTTP statistics merged", tt_control_http_bytes(config), sum);
	}
	if (pipeline.tls_bytes > 0) {
		snprintf(what, sizeof(what), "TLS: %" PRIu32 " x %" PRIu32 " handshakes", workers,
			config->tls.handshakes);
		print_part(out, what, workers * pipeline.tls_bytes, sum);
	}
	snprintf(what, sizeof(what), "rules: %" PRIu32 " x %" PRIu32 " connections", workers,
		config->flow.connections);
	print_part(out, what, workers * pipeline.rules_bytes, sum);
	if (pipeline.rings_bytes > 0)
		print_part(out, "rings between workers", pipeline.rings_bytes, sum);
	snprintf(what, sizeof(what), "journal: %" PRIu32 " connections",
		config->journal.connections);
	print_part(out, what, tt_journal_bytes(config->journal.connections), sum);
	print_part(out, "journal: DNS and HTTP transactions, TLS handshakes",
		tt_control_events_bytes(config), sum);
	snprintf(what, sizeof(what), "clients, as far as they use it: %" PRIu32,
		config->clients.limit);
	print_part(out, what, tt_control_clients_bytes(config), sum);
	return 0;
}

int tt_run_print_memory_plan(const struct tt_config *config, FILE *out)
{
	uint64_t sum = 0;

	/* A plan that cannot work prints nothing. */
	int code = plan_memory(config, NULL, &sum);
	if (code != 0)
		return code;
	sum = 0;
	fprintf(out, "memory plan:\n");
	plan_memory(config, out, &sum);
	fprintf(out, "  %-60s %10.1f MiB\n", "in all", (double)sum / (1 << 20));
	return 0;
}

int tt_run_check_memory(const struct tt_config *config)
{
	uint64_t available = tt_driver_memory_available(config);
	uint64_t sum = 0;
	int code = plan_memory(config, NULL, &sum);

	if (code != 0 || sum <= available)
		return code;
	tt_log_error("the memory plan takes %" PRIu64 " MiB and %" PRIu64
		     " MiB are available: --check prints its parts, with the keys that size them",
		sum >> 20, available >> 20);
	return TT_ERROR_MEMORY;
}
