/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that ask a running appliance have in common: options, the connection, and
 * where the answer goes.
 */
#ifndef TT_APP_ASK_H
#define TT_APP_ASK_H

#include "client.h"
#include "commands.h"
#include "fields.h"
#include "table.h"

#include <stdbool.h>
#include <stdint.h>

/* Where an option that is a command's own goes: one of the two. */
struct tt_ask_option {
	int value; /* 0 ends the list */
	bool *given;
	const char **argument;
};

struct tt_ask {
	struct tt_client client;
	const char *prefix;
	const char *path;  /* of the socket; NULL: by the prefix */
	bool json;	   /* NDJSON, no table */
	unsigned int line; /* characters of the terminal; 0: there is none */
};

/* Reads the options of a command, whose first argument is its name, and its operand, if it takes
 * one. `own` may be NULL. Returns -1 when the command can go on, else its exit status. */
int tt_ask_parse(struct tt_ask *ask, enum tt_command_id id, int argc, char **argv,
	const struct tt_ask_option *own, const char **operand);

/* Connects. -1 when the command can go on, and then ends with tt_ask_finish(), else its exit
 * status. */
int tt_ask_connect(struct tt_ask *ask);

/* Both, for a command without operand. */
int tt_ask_begin(struct tt_ask *ask, enum tt_command_id id, int argc, char **argv,
	const struct tt_ask_option *own);

/* One line of NDJSON on standard output. `type` becomes its first member; NULL: it has one. false
 * when standard output takes no more. */
bool tt_ask_print(const char *type, json_t *record);

/* A cell of a table: the integer of an object, scaled; "?" where it is absent. */
void tt_ask_count(
	struct tt_table *table, unsigned int column, const json_t *object, const char *name);

/* Disconnects, if it was connected; the exit status after `code`, and after a line in the log when
 * standard output could not take everything. */
int tt_ask_finish(struct tt_ask *ask, int code);

#endif
