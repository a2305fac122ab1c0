/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that ask a running appliance have in common: options, the connection, and
 * where the answer goes.
 */
#ifndef TT_APP_ASK_H
#define TT_APP_ASK_H

#include "client.h"
#include "table.h"

#include <stdbool.h>
#include <stdint.h>

/* A flag that one command has besides the common options. */
struct tt_ask_flag {
	const char *name;
	const char *help;
	bool *set;
};

struct tt_ask {
	struct tt_client client;
	bool json;	   /* NDJSON, no table */
	unsigned int line; /* characters of the terminal; 0: there is none */
};

/* Reads the options of a command, whose first argument is its name, and connects. `flag` may be
 * NULL. Returns -1 when the command can go on, and then ends with tt_ask_finish(), else its exit
 * status. */
int tt_ask_begin(struct tt_ask *ask, int argc, char **argv, const char *summary,
	const struct tt_ask_flag *flag);

/* The same for a command that takes one argument, called `operand` in its help. */
int tt_ask_begin_operand(struct tt_ask *ask, int argc, char **argv, const char *summary,
	const char *operand, const char **value);

/* One line of NDJSON on standard output. `type` becomes its first member; NULL: it has one. false
 * when standard output takes no more. */
bool tt_ask_print(const char *type, json_t *record);

/* Disconnects; the exit status after `code`, and after a line in the log when standard output could
 * not take everything. */
int tt_ask_finish(struct tt_ask *ask, int code);

/* Integers of an object, 0 where they are absent. */
uint64_t tt_json_unsigned(const json_t *object, const char *name);

/* Text of an object, "" where it is absent. */
const char *tt_json_text(const json_t *object, const char *name);

#endif
