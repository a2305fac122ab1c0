/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of taptrace, and what each takes: data alone, which the manual pages are made from
 * as well.
 */
#ifndef TT_APP_COMMANDS_H
#define TT_APP_COMMANDS_H

#include "../options.h"

/* In the order in which people read of them. */
enum tt_command_id {
	TT_COMMAND_READ,
	TT_COMMAND_CONNECTIONS,
	TT_COMMAND_DNS,
	TT_COMMAND_HTTP,
	TT_COMMAND_TLS,
	TT_COMMAND_NAMES,
	TT_COMMAND_STATS,
	TT_COMMAND_PORTS,
	TT_COMMAND_WORKERS,
	TT_COMMAND_HEALTH,
	TT_COMMAND_CLIENTS,
	TT_COMMAND_PULL,
	TT_COMMAND_TOP,
	TT_COMMAND_RELOAD,
	TT_COMMANDS
};

/* Of options without a letter. */
enum {
	TT_OPTION_CLOSED = TT_OPTION_LONG,
	TT_OPTION_CLIENT,
	TT_OPTION_CURSOR,
	TT_OPTION_MAX,
	TT_OPTION_DELTA,
	TT_OPTION_ALL
};

extern const struct tt_command_line tt_commands[TT_COMMANDS];

/* What --records of `taptrace read` takes; ended by NULL. */
extern const char *const tt_record_choices[];

#endif
