/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of taptrace. Each parses its own options, from its name at argv[0] on, prints its
 * own help, and returns the exit status: 0, 1 after one line on standard error, or 2 for a wrong
 * use.
 */
#ifndef TT_APP_COMMAND_H
#define TT_APP_COMMAND_H

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2
};

int tt_command_read(int argc, char **argv);
int tt_command_connections(int argc, char **argv);
int tt_command_dns(int argc, char **argv);
int tt_command_http(int argc, char **argv);
int tt_command_tls(int argc, char **argv);
int tt_command_names(int argc, char **argv);
int tt_command_stats(int argc, char **argv);
int tt_command_ports(int argc, char **argv);
int tt_command_workers(int argc, char **argv);
int tt_command_health(int argc, char **argv);
int tt_command_clients(int argc, char **argv);
int tt_command_pull(int argc, char **argv);
int tt_command_top(int argc, char **argv);
int tt_command_reload(int argc, char **argv);

#endif
