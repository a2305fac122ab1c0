/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the appliance's telemetry socket. Used by one thread.
 */
#ifndef TT_APP_CLIENT_H
#define TT_APP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct tt_client {
	int socket;
	size_t reply_limit; /* bytes */
	char *reply;
};

#define TT_CLIENT_PLACES     2
#define TT_CLIENT_PATH_BYTES 108 /* sun_path's */

/* Where a socket `name` of an appliance of this file prefix may be, the likeliest place first.
 * Returns how many. */
unsigned int tt_client_places(
	char places[TT_CLIENT_PLACES][TT_CLIENT_PATH_BYTES], const char *prefix, const char *name);

/* Connect to the socket at `path`, or where the EAL of a process with this file prefix puts it:
 * below $RUNTIME_DIRECTORY, else /var/run for root, else $XDG_RUNTIME_DIR or /tmp, and then in any
 * case below /var/run. 0 or a code, after one line in the log that says what to do. The caller ends
 * it with tt_client_close(). */
int tt_client_open(struct tt_client *client, const char *prefix, const char *path);
void tt_client_close(struct tt_client *client);

/* What the appliance answers to a command, with its parameter unless that is NULL; the caller's.
 * NULL after one line in the log. Names of booleans have true and false, which the socket cannot
 * tell from numbers. */
json_t *tt_client_ask(struct tt_client *client, const char *command, const char *parameter);

/* Called for each element; returns false to end the walk. `element` is the caller's to borrow. */
typedef bool (*tt_client_element)(void *context, json_t *element);

/* Ask for all pages of a command from `parameter` on (NULL: the first), and hand on the elements of
 * the list `name` of each. 0, or a code after one line in the log. */
int tt_client_walk(struct tt_client *client, const char *command, const char *parameter,
	const char *name, tt_client_element element, void *context);

#endif
