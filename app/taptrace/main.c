/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "base/log.h"
#include "commands.h"

#include <stdio.h>
#include <string.h>

static int (*const run[TT_COMMANDS])(int argc, char **argv) = {
	[TT_COMMAND_READ] = tt_command_read,
	[TT_COMMAND_CONNECTIONS] = tt_command_connections,
	[TT_COMMAND_DNS] = tt_command_dns,
	[TT_COMMAND_HTTP] = tt_command_http,
	[TT_COMMAND_TLS] = tt_command_tls,
	[TT_COMMAND_NAMES] = tt_command_names,
	[TT_COMMAND_STATS] = tt_command_stats,
	[TT_COMMAND_PORTS] = tt_command_ports,
	[TT_COMMAND_WORKERS] = tt_command_workers,
	[TT_COMMAND_HEALTH] = tt_command_health,
	[TT_COMMAND_CLIENTS] = tt_command_clients,
	[TT_COMMAND_PULL] = tt_command_pull,
	[TT_COMMAND_TOP] = tt_command_top,
	[TT_COMMAND_RELOAD] = tt_command_reload,
};

static void print_usage(FILE *out)
{
	fputs("usage: taptrace COMMAND [OPTION...]\n\n", out);
	for (int i = 0; i < TT_COMMANDS; i++)
		fprintf(out, "  %-12s %s\n", tt_commands[i].name, tt_commands[i].summary);
	fputs("\n'taptrace COMMAND --help' says more; --version gives the version.\n", out);
}

int main(int argc, char **argv)
{
	tt_log_setup("taptrace", TT_LOG_WARNING);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("taptrace " TT_VERSION);
		return EXIT_DONE;
	}
	for (int i = 0; i < TT_COMMANDS; i++)
		if (strcmp(argv[1], tt_commands[i].name) == 0)
			return run[i](argc - 1, argv + 1);
	tt_log_error("no such command: %s (see taptrace --help)", argv[1]);
	return EXIT_USAGE;
}
