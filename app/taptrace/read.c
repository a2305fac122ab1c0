/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace read: capture files through the same pipeline as the appliance's.
 */
#include "command.h"

#include "../run.h"

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "fields.h"
#include "pipeline/ledger_totals.h"
#include "progress.h"
#include "record_table.h"
#include "serve/connection_fields.h"
#include "serve/dns_fields.h"
#include "serve/http_fields.h"
#include "serve/json.h"
#include "serve/summary_fields.h"
#include "serve/tls_fields.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *config_path;
	uint32_t workers; /* 0: as configured */
	bool json;
	unsigned int records; /* of --records: enum record_bit */
};

struct reader {
	struct tt_json json;
	struct tt_table *tables; /* instead of JSON, in the order of tt_record_choices; or NULL */
	const struct tt_run *run;
	unsigned int records; /* enum record_bit */
	uint64_t connections;
	struct tt_journal held; /* connections that wait for the end */
	bool failed;		/* standard output does not take any more */
};

/* Whom a signal stops; set before the handlers are, and NULL once it is gone. */
static struct tt_control *_Atomic stoppable;

/* A bit for each of tt_record_choices, in its order. */
enum record_bit {
	RECORD_CONNECTION = 1 << 0,
	RECORD_DNS = 1 << 1,
	RECORD_HTTP = 1 << 2,
	RECORD_TLS = 1 << 3,
	RECORD_DNS_STATS = 1 << 4,
	RECORD_HTTP_STATS = 1 << 5,
	RECORD_NAMES = 1 << 6,
	RECORD_SUMMARY = 1 << 7, /* which always comes */
	RECORD_ALL = (1 << 8) - 1
};

#define RECORD_TABLES 7 /* of all but the summary */

/* "all" is the last of the choices. */
static unsigned int record_bit(const char *name)
{
	for (unsigned int i = 0; tt_record_choices[i] != NULL; i++)
		if (strcmp(name, tt_record_choices[i]) == 0)
			return 1u << i > RECORD_ALL ? RECORD_ALL : 1u << i;
	return 0;
}

static bool read_records(char *list, struct options *options)
{
	char *rest = NULL;

	options->records = 0;
	for (char *name = strtok_r(list, ",", &rest); name != NULL;
		name = strtok_r(NULL, ",", &rest)) {
		unsigned int bit = record_bit(name);

		if (bit == 0) {
			tt_log_error(
				"--records: no such record: %s (see taptrace read --help)", name);
			return false;
		}
		options->records |= bit;
	}
	return true;
}

static bool read_workers(const char *text, struct options *options)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > TT_CONFIG_WORKERS) {
		tt_log_error("--workers: 1 to %d, not \"%s\"", TT_CONFIG_WORKERS, text);
		return false;
	}
	options->workers = (uint32_t)value;
	return true;
}

/* The exit status when there is nothing more to do, else -1. */
static int read_options(int argc, char **argv, struct options *options)
{
	const struct tt_command_line *command = &tt_commands[TT_COMMAND_READ];
	int value;

	while ((value = tt_options_next(command, argc, argv)) != -1)
		switch (value) {
		case 'r':
			if (!read_records(optarg, options))
				return EXIT_USAGE;
			break;
		case 'j':
			options->json = true;
			break;
		case 'w':
			if (!read_workers(optarg, options))
				return EXIT_USAGE;
			break;
		case 'c':
			options->config_path = optarg;
			break;
		case 'h':
			tt_options_print_usage("taptrace", command, stdout);
			return EXIT_DONE;
		default:
			tt_options_print_usage("taptrace", command, stderr);
			return EXIT_USAGE;
		}
	if (optind == argc) {
		tt_log_error("read: no capture file is named (see taptrace read --help)");
		return EXIT_USAGE;
	}
	return -1;
}

/* The record that was just described, into the table of its type. */
static void tabulate(struct reader *reader)
{
	json_t *record = json_loadb(reader->json.text, reader->json.length, 0, NULL);
	const char *type = tt_json_text(record, "type");

	for (unsigned int i = 0; i < RECORD_TABLES; i++)
		if (strcmp(tt_record_choices[i], type) == 0)
			tt_record_row(&reader->tables[i], record);
	json_decref(record);
	tt_json_clear(&reader->json);
}

/* The record that was just described, as a line or a row. */
static void write_record(struct reader *reader)
{
	if (reader->tables != NULL) {
		tabulate(reader);
	} else if (tt_json_write_line(&reader->json, stdout) != 0 && !reader->failed) {
		reader->failed = true;
		tt_log_error("cannot write records: %s", strerror(errno));
		tt_control_stop(atomic_load(&stoppable));
	}
}

/* Tables for the records that are wanted: one alone is printed as it comes, of several each waits
 * in a file for those before it. false after a line in the log. */
static bool begin_tables(struct reader *reader, struct tt_table tables[RECORD_TABLES])
{
	unsigned int wanted = reader->records & (RECORD_SUMMARY - 1);
	bool alone = (wanted & (wanted - 1)) == 0;

	reader->tables = tables;
	for (unsigned int i = 0; i < RECORD_TABLES; i++) {
		FILE *out = stdout;

		if ((wanted >> i & 1) == 0)
			continue;
		if (!alone && (out = tmpfile()) == NULL) {
			tt_log_error("cannot make a temporary file: %s", strerror(errno));
			return false;
		}
		tt_table_begin(&tables[i], out, tt_record_columns(tt_record_choices[i]),
			tt_terminal_width(STDOUT_FILENO));
	}
	return true;
}

static void end_table(struct reader *reader, struct tt_table *table)
{
	char buffer[BUFSIZ];
	size_t length;

	tt_table_end(table);
	if (table->out != stdout) {
		rewind(table->out);
		while ((length = fread(buffer, 1, sizeof(buffer), table->out)) > 0)
			fwrite(buffer, 1, length, stdout);
		if (ferror(table->out) && !reader->failed) {
			reader->failed = true;
			tt_log_error("cannot keep records in a temporary file");
		}
		fclose(table->out);
	}
	putchar('\n');
}

static void end_tables(struct reader *reader)
{
	for (unsigned int i = 0; i < RECORD_TABLES; i++)
		if ((reader->records >> i & 1) != 0)
			end_table(reader, &reader->tables[i]);
}

static void print_connection(struct reader *reader, const struct tt_connection_record *record)
{
	if (reader->failed)
		return;
	tt_connection_describe(
		&reader->json.sink, NULL, record, tt_control_names(reader->run->control), NULL);
	write_record(reader);
}

/* Over files connections are held back until all names are known, whichever worker learns them, so
 * that the records do not depend on the number of workers; over a pipe they come at once. */
static void on_closed(void *context, const struct tt_connection_record *record)
{
	struct reader *reader = context;

	reader->connections++;
	if (!(reader->records & RECORD_CONNECTION))
		return;
	if (reader->held.records == NULL) {
		print_connection(reader, record);
		return;
	}
	if (tt_journal_fill(&reader->held) == reader->held.capacity) {
		uint64_t lost = 0, oldest = 1;
		print_connection(reader, tt_journal_read(&reader->held, &oldest, &lost));
	}
	tt_journal_append(&reader->held, record);
}

static void print_held(struct reader *reader)
{
	const struct tt_connection_record *record;
	uint64_t lost = 0;

	for (uint64_t sequence = 1; reader->held.records != NULL &&
		(record = tt_journal_read(&reader->held, &sequence, &lost)) != NULL;
		sequence++)
		print_connection(reader, record);
}

static bool read_from_pipe(char **files, unsigned int file_count)
{
	for (unsigned int i = 0; i < file_count; i++)
		if (strcmp(files[i], "-") == 0)
			return true;
	return false;
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	struct reader *reader = context;

	if (!(reader->records & RECORD_DNS) || reader->failed)
		return;
	tt_dns_describe(&reader->json.sink, NULL, record);
	write_record(reader);
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct reader *reader = context;

	if (!(reader->records & RECORD_HTTP) || reader->failed)
		return;
	tt_http_describe(&reader->json.sink, NULL, record);
	write_record(reader);
}

static void on_tls(
	void *context, const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	struct reader *reader = context;

	if (!(reader->records & RECORD_TLS) || reader->failed)
		return;
	tt_tls_describe(&reader->json.sink, NULL, record, certificate);
	write_record(reader);
}

static void print_http_stats(struct reader *reader)
{
	const struct tt_http_stats *stats = tt_control_http_stats(reader->run->control);
	const struct tt_http_stats_entry *entry;
	uint32_t position = 0;

	if (stats == NULL || !(reader->records & RECORD_HTTP_STATS))
		return;
	while ((entry = tt_http_stats_next(stats, &position)) != NULL && !reader->failed) {
		tt_http_stats_describe(&reader->json.sink, NULL, entry);
		write_record(reader);
	}
}

static void print_dns_stats(struct reader *reader)
{
	const struct tt_dns_stats *stats = tt_control_dns_stats(reader->run->control);
	const struct tt_dns_stats_entry *entry;
	uint32_t position = 0;

	if (stats == NULL || !(reader->records & RECORD_DNS_STATS))
		return;
	while ((entry = tt_dns_stats_next(stats, &position)) != NULL && !reader->failed) {
		tt_dns_stats_describe(&reader->json.sink, NULL, entry);
		write_record(reader);
	}
}

static void print_names(struct reader *reader, uint64_t time_us)
{
	const struct tt_names *names = tt_control_names(reader->run->control);
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	const uint8_t *address;
	unsigned int ip_version, count;
	uint32_t position = 0;

	if (names == NULL || !(reader->records & RECORD_NAMES))
		return;
	while ((count = tt_names_next(names, &position, time_us, &ip_version, &address, found)) >
			0 &&
		!reader->failed) {
		tt_names_describe(&reader->json.sink, NULL, ip_version, address, found, count);
		write_record(reader);
	}
}

static void print_summary(struct reader *reader, const struct tt_summary *summary)
{
	const struct tt_ledger_totals *ledger = &summary->ledger;
	char bytes[TT_SCALED_SIZE], duration[TT_SCALED_SIZE];

	if (reader->tables == NULL) {
		tt_summary_describe(&reader->json.sink, NULL, summary);
		write_record(reader);
		return;
	}
	end_tables(reader);
	tt_scaled(bytes, ledger->received_bytes);
	tt_duration(duration, summary->last_us - summary->first_us);
	printf("%" PRIu64 " connections; %" PRIu64 " packets with %s bytes in %s, %" PRIu64
	       " dropped\n",
		summary->connections, ledger->received, bytes, duration,
		ledger->received - ledger->processed - ledger->in_flight);
}

/* What there is to say of the whole. */
static void print_end(struct reader *reader)
{
	const struct tt_run *run = reader->run;
	struct tt_summary summary = {
		.connections = reader->connections,
		.time_source = tt_driver_time_source(run->driver),
	};

	tt_ledger_totals(&summary.ledger, run->pipeline, run->driver);
	for (unsigned int w = 0; w < tt_pipeline_worker_count(run->pipeline); w++) {
		const struct tt_worker_counters *counters =
			tt_pipeline_worker_counters(run->pipeline, w);
		uint64_t first_us = tt_counter_read(&counters->first_us);
		uint64_t last_us = tt_counter_read(&counters->last_us);

		if (first_us != 0 && (summary.first_us == 0 || first_us < summary.first_us))
			summary.first_us = first_us;
		if (last_us > summary.last_us)
			summary.last_us = last_us;
	}
	print_held(reader);
	print_dns_stats(reader);
	print_http_stats(reader);
	print_names(reader, summary.last_us);
	print_summary(reader, &summary);
}

static void on_signal(int signal)
{
	struct tt_control *control = atomic_load(&stoppable);

	(void)signal;
	if (control != NULL)
		tt_control_stop(control);
}

static void handle_signals(struct tt_control *control)
{
	struct sigaction stop = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	atomic_store(&stoppable, control);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* What follows the options are the files. */
static int trace(const struct tt_config *config, const struct options *options, char **files,
	unsigned int file_count)
{
	const char *const *paths = (const char *const *)files;
	/* Too large for a stack that may be small. */
	static struct tt_table tables[RECORD_TABLES];
	struct tt_progress progress;
	struct tt_run run;
	struct reader reader = {.run = &run, .records = options->records};
	int code = tt_run_open(&run,
		&(struct tt_run_options){
			.config = config,
			.capture_files = paths,
			.capture_file_count = file_count,
			.closed = on_closed,
			.dns = on_dns,
			.http = on_http,
			.tls = on_tls,
			.context = &reader,
		});

	if (code != 0)
		return EXIT_FAILED;
	tt_json_init(&reader.json);
	if (!options->json && !begin_tables(&reader, tables))
		reader.failed = true;
	/* Without memory to hold them connections are printed at once. */
	if (!read_from_pipe(files, file_count))
		tt_journal_create(&reader.held, config->journal.connections, false);
	handle_signals(run.control);
	code = reader.failed ? TT_ERROR_IO : tt_run_start(&run);
	if (code == 0) {
		tt_progress_start(&progress, &run, paths, file_count);
		tt_control_run(run.control);
		tt_progress_stop(&progress);
	}
	tt_run_stop(&run);
	if (code == 0)
		print_end(&reader);
	if (fflush(stdout) != 0 && !reader.failed) {
		tt_log_error("cannot write records: %s", strerror(errno));
		reader.failed = true;
	}
	tt_json_free(&reader.json);
	tt_journal_destroy(&reader.held);
	atomic_store(&stoppable, NULL);
	tt_run_close(&run);
	return code != 0 || reader.failed ? EXIT_FAILED : EXIT_DONE;
}

int tt_command_read(int argc, char **argv)
{
	struct options options = {.json = !isatty(STDOUT_FILENO)};
	struct tt_config *config;
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.records == 0)
		options.records = options.json ? RECORD_ALL : RECORD_CONNECTION;
	int code = options.config_path == NULL
		? tt_config_default(&config)
		: tt_config_load(&config, options.config_path, stderr);
	if (code != 0)
		return EXIT_FAILED;
	if (options.workers != 0) {
		config->workers.count = options.workers;
		config->workers.cpu_count = 0;
	}
	status = trace(config, &options, argv + optind, (unsigned int)(argc - optind));
	tt_config_free(config);
	return status;
}
