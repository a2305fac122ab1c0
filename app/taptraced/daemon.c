/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

static const struct tt_option options[] = {
	{.name = "config",
		.value = 'c',
		.kind = TT_ARGUMENT_FILE,
		.argument = "FILE",
		.help = "the configuration; - reads standard input"},
	{.name = "check",
		.value = TT_OPTION_CHECK,
		.help = "validate it, print the memory plan and the ports, and exit"},
	{.name = "dump",
		.value = TT_OPTION_DUMP,
		.help = "print the effective configuration with every default, and exit"},
	{.name = "annotate", .value = TT_OPTION_ANNOTATE, .help = "with --dump: describe each key"},
	{.name = "help", .value = 'h', .help = "this text"},
	{.name = "version", .value = 'V', .help = "the version"},
	{0},
};

const struct tt_command_line tt_daemon = {
	.synopsis = "-c FILE [--check | --dump [--annotate]]",
	.summary = "trace connections, DNS, HTTP and TLS from network taps",
	.description = "Run the appliance with a configuration, until SIGTERM or SIGINT.",
	.options = options,
};
