/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace names: what DNS answers called an address.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"
#include "base/log.h"

#include <arpa/inet.h>

static bool is_address(const char *text)
{
	uint8_t address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

int tt_command_names(int argc, char **argv)
{
	const char *address;
	struct tt_ask ask;
	int status = tt_ask_parse(&ask, TT_COMMAND_NAMES, argc, argv, NULL, &address);

	if (status >= 0)
		return status;
	if (!is_address(address)) {
		tt_log_error("names: no IPv4 or IPv6 address: \"%s\"", address);
		return EXIT_USAGE;
	}
	status = tt_ask_connect(&ask);
	if (status >= 0)
		return status;
	json_t *record = tt_client_ask(&ask.client, "/taptrace/names", address);
	const json_t *names = json_object_get(record, "names");

	if (ask.json && record != NULL)
		tt_ask_print(NULL, record);
	for (size_t i = 0; !ask.json && i < json_array_size(names); i++)
		puts(json_string_value(json_array_get(names, i)));
	status = tt_ask_finish(&ask, record == NULL ? TT_ERROR_IO : TT_OK);
	json_decref(record);
	return status;
}
