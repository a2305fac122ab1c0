/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"read", tt_command_read, "trace capture files"},
	{"connections", tt_command_connections, "connections that a running appliance sees"},
	{"dns", tt_command_dns, "DNS transactions that it keeps"},
	{"http", tt_command_http, "HTTP transactions that it keeps"},
	{"tls", tt_command_tls, "TLS handshakes that it keeps"},
	{"names", tt_command_names, "names of an address, from DNS answers"},
	{"stats", tt_command_stats, "what it received, what became of it, where time goes"},
	{"ports", tt_command_ports, "its tap ports"},
	{"workers", tt_command_workers, "its workers"},
};

static void print_usage(FILE *out)
{
	fputs("usage: taptrace COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
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
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	tt_log_error("no such command: %s (see taptrace --help)", argv[1]);
	return EXIT_USAGE;
}
