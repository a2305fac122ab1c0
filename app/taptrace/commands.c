/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <stddef.h>

const char *const tt_record_choices[] = {"connection", "dns", "http", "tls", "dns_stats",
	"http_stats", "names", "summary", "all", NULL};

/* Of every command that asks a running appliance. */
static const struct tt_option shared[] = {
	{.name = "json",
		.value = 'j',
		.help = "NDJSON, one object a line; the default but on a terminal"},
	{.name = "prefix",
		.value = 'p',
		.kind = TT_ARGUMENT_TEXT,
		.argument = "PREFIX",
		.help = "the appliance's telemetry.prefix; taptrace by default"},
	{.name = "socket",
		.value = 's',
		.kind = TT_ARGUMENT_FILE,
		.argument = "PATH",
		.help = "its telemetry socket, wherever it is"},
	{.name = "help", .value = 'h', .help = "this text"},
	{0},
};

static const struct tt_option none[] = {{0}};

static const struct tt_option read_options[] = {
	{.name = "records",
		.value = 'r',
		.kind = TT_ARGUMENT_CHOICES,
		.argument = "LIST",
		.choices = tt_record_choices,
		.help = "which records: connection, dns, http, tls, dns_stats, http_stats, names, "
			"or all (the default); the summary always comes last"},
	{.name = "json",
		.value = 'j',
		.help = "NDJSON, one record a line; the default but on a terminal, where "
			"connections come as a table, and of the others none"},
	{.name = "workers",
		.value = 'w',
		.kind = TT_ARGUMENT_TEXT,
		.argument = "N",
		.help = "that many workers, 1 to 64; the records are the same"},
	{.name = "config",
		.value = 'c',
		.kind = TT_ARGUMENT_FILE,
		.argument = "FILE",
		.help = "the appliance's configuration, for its limits and timeouts"},
	{.name = "help", .value = 'h', .help = "this text"},
	{0},
};

static const struct tt_option connections_options[] = {
	{.name = "closed",
		.value = TT_OPTION_CLOSED,
		.help = "those that have ended and are still in the journal"},
	{0},
};

/* A command that asks, without operands. */
#define ASKING(command, own, few_words, sentences)                                                 \
	{                                                                                          \
		.name = (command), .synopsis = "[OPTION...]", .summary = (few_words),              \
		.description = (sentences), .options = (own), .shared = shared                     \
	}

const struct tt_command_line tt_commands[TT_COMMANDS] = {
	[TT_COMMAND_READ] = {.name = "read",
		.synopsis = "[OPTION...] FILE...",
		.operand = TT_ARGUMENT_FILE,
		.summary = "trace capture files",
		.description = "Trace capture files (pcap, pcapng; - is standard input), one after "
			       "the other as one stream, and print their records.",
		.options = read_options},
	[TT_COMMAND_CONNECTIONS] = ASKING("connections", connections_options,
		"connections that a running appliance sees",
		"The connections that a running appliance sees."),
	[TT_COMMAND_DNS] = ASKING("dns", none, "DNS transactions that it keeps",
		"The DNS transactions that a running appliance keeps, oldest first."),
	[TT_COMMAND_HTTP] = ASKING("http", none, "HTTP transactions that it keeps",
		"The HTTP transactions that a running appliance keeps, oldest first."),
	[TT_COMMAND_TLS] = ASKING("tls", none, "TLS handshakes that it keeps",
		"The TLS handshakes that a running appliance keeps, oldest first."),
	[TT_COMMAND_NAMES] = {.name = "names",
		.synopsis = "[OPTION...] ADDRESS",
		.operand = TT_ARGUMENT_TEXT,
		.summary = "names of an address, from DNS answers",
		.description = "The names of an address, from the DNS answers that a running "
			       "appliance saw; the latest first.",
		.options = none,
		.shared = shared},
	[TT_COMMAND_STATS] =
		ASKING("stats", none, "what it received, what became of it, where time goes",
			"What a running appliance received and what became of it, packet by "
			"packet, and where its workers' time goes."),
	[TT_COMMAND_PORTS] = ASKING("ports", none, "its tap ports",
		"The tap ports of a running appliance, and what they received."),
	[TT_COMMAND_WORKERS] = ASKING("workers", none, "its workers",
		"The workers of a running appliance: packets received, processed, dropped, given "
		"to the worker that owns the flow and taken from others; connections."),
};
