/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <stddef.h>

const char *const tt_record_choices[] = {"connection", "dns", "http", "tls", "dns_stats",
	"http_stats", "names", "summary", "all", NULL};

#define PREFIX                                                                                     \
	{                                                                                          \
		.name = "prefix", .value = 'p', .kind = TT_ARGUMENT_TEXT, .argument = "PREFIX",    \
		.help = "the appliance's telemetry.prefix; taptrace by default"                    \
	}
#define SOCKET                                                                                     \
	{                                                                                          \
		.name = "socket", .value = 's', .kind = TT_ARGUMENT_FILE, .argument = "PATH",      \
		.help = "its telemetry socket, wherever it is"                                     \
	}
#define HELP                                                                                       \
	{                                                                                          \
		.name = "help", .value = 'h', .help = "this text"                                  \
	}

/* Of every command that asks a running appliance and answers with a table. */
static const struct tt_option shared[] = {
	{.name = "json",
		.value = 'j',
		.help = "NDJSON, one object a line; the default but on a terminal"},
	PREFIX,
	SOCKET,
	HELP,
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
			"or all (the default, but on a terminal, where it is connection); the "
			"summary always comes last"},
	{.name = "json",
		.value = 'j',
		.help = "NDJSON, one record a line; the default but on a terminal, where each "
			"type of record comes as a table"},
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
	HELP,
	{0},
};

static const struct tt_option connections_options[] = {
	{.name = "closed",
		.value = TT_OPTION_CLOSED,
		.help = "those that have ended and are still in the journal"},
	{0},
};

static const struct tt_option pull_options[] = {
	{.name = "client",
		.value = TT_OPTION_CLIENT,
		.kind = TT_ARGUMENT_TEXT,
		.argument = "NAME",
		.help = "who pulls: 1 to 63 letters, digits, '_', '.' and '-'"},
	{.name = "cursor",
		.value = TT_OPTION_CURSOR,
		.kind = TT_ARGUMENT_TEXT,
		.argument = "CURSOR",
		.help = "from there on: `next` of an answer's last line; by default from where the "
			"client's last pull ended"},
	{.name = "max",
		.value = TT_OPTION_MAX,
		.kind = TT_ARGUMENT_TEXT,
		.argument = "N",
		.help = "at most so many closed connections"},
	{.name = "delta",
		.value = TT_OPTION_DELTA,
		.help = "with each connection what is new since the client's last pull"},
	{.name = "all",
		.value = TT_OPTION_ALL,
		.help = "also active connections that have not changed since"},
	PREFIX,
	{.name = "socket",
		.value = 's',
		.kind = TT_ARGUMENT_FILE,
		.argument = "PATH",
		.help = "its pull socket, wherever it is"},
	HELP,
	{0},
};

static const struct tt_option top_options[] = {
	{.name = "delay",
		.value = 'd',
		.kind = TT_ARGUMENT_TEXT,
		.argument = "SECONDS",
		.help = "between two refreshes, 0.5 to 3600; 2 by default"},
	PREFIX,
	SOCKET,
	HELP,
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
	[TT_COMMAND_HEALTH] = ASKING("health", none, "whether all is well with it",
		"Whether all is well with a running appliance, and what is not; then the exit "
		"status is 1."),
	[TT_COMMAND_CLIENTS] = ASKING("clients", none, "the clients that pull from it",
		"The clients that pull from a running appliance: how far each is behind, and what "
		"it has lost."),
	[TT_COMMAND_PULL] = {.name = "pull",
		.synopsis = "[OPTION...] --client NAME",
		.summary = "what is new for a client, as NDJSON",
		.description =
			"Connections that have closed since the client's last pull, those that are "
			"active, and the DNS and HTTP statistics since then; at last a line of the "
			"type \"end\". A pull that broke off is given again by the next.",
		.options = pull_options},
	[TT_COMMAND_TOP] = {.name = "top",
		.synopsis = "[OPTION...]",
		.summary = "all of it, live on the whole terminal",
		.description =
			"A running appliance, live: throughput and loss of its ports, load of its "
			"workers by stage, the fastest connections, services with errors and "
			"latencies, domains with failures, versions of TLS and certificates that "
			"expire. h shows the keys, q quits.",
		.options = top_options},
	[TT_COMMAND_RELOAD] = ASKING("reload", none, "have it read its configuration anew",
		"Has a running appliance read its configuration anew: rules, timeouts of flows and "
		"fragments and the log's level hold at once, other keys that have changed are "
		"named. A file with a fault changes nothing, and what is wrong is said."),
};
