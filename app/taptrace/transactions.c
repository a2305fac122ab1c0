/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace dns, http and tls: the transactions and handshakes that the appliance keeps.
 */
#include "ask.h"
#include "command.h"
#include "record_table.h"

#include "base/error.h"

struct listing {
	struct tt_table table;
	bool json;
};

static bool list_transaction(void *context, json_t *record)
{
	struct listing *listing = context;

	if (listing->json)
		return tt_ask_print(NULL, record);
	tt_record_row(&listing->table, record);
	return ferror(stdout) == 0;
}

/* `question` is of the telemetry socket, `name` of the list in its answer and of the records. */
static int list_transactions(
	enum tt_command_id id, const char *question, const char *name, int argc, char **argv)
{
	/* Too large for a stack that may be small. */
	static struct listing listing;
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, id, argc, argv, NULL);

	if (status >= 0)
		return status;
	listing.json = ask.json;
	tt_table_begin(&listing.table, stdout, tt_record_columns(name), ask.line);
	int code = tt_client_walk(&ask.client, question, NULL, name, list_transaction, &listing);
	if (!ask.json && code == TT_OK)
		tt_table_end(&listing.table);
	return tt_ask_finish(&ask, code);
}

int tt_command_dns(int argc, char **argv)
{
	return list_transactions(TT_COMMAND_DNS, "/taptrace/dns", "dns", argc, argv);
}

int tt_command_http(int argc, char **argv)
{
	return list_transactions(TT_COMMAND_HTTP, "/taptrace/http", "http", argc, argv);
}

int tt_command_tls(int argc, char **argv)
{
	return list_transactions(TT_COMMAND_TLS, "/taptrace/tls", "tls", argc, argv);
}
