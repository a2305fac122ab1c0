/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace reload: has the appliance read its configuration anew.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>

static void print(const json_t *record)
{
	const json_t *keys = json_object_get(record, "restart");

	printf("reloaded: %" PRIu64 " rules, %" PRIu64 " signatures\n",
		tt_json_unsigned(record, "rules"), tt_json_unsigned(record, "signatures"));
	for (size_t i = 0; i < json_array_size(keys); i++)
		printf("%s has changed, which takes a restart\n",
			json_string_value(json_array_get(keys, i)));
}

int tt_command_reload(int argc, char **argv)
{
	struct tt_ask ask;
	int status = tt_ask_begin(&ask, TT_COMMAND_RELOAD, argc, argv, NULL);

	if (status >= 0)
		return status;
	json_t *record = tt_client_ask(&ask.client, "/taptrace/reload", NULL);
	bool reloaded = json_is_true(json_object_get(record, "reloaded"));
	const json_t *faults = json_object_get(record, "faults");

	if (record != NULL && ask.json)
		tt_ask_print(NULL, record);
	else if (reloaded)
		print(record);
	if (record != NULL && !reloaded)
		tt_log_error("not reloaded, what was in force stays");
	for (size_t i = 0; i < json_array_size(faults); i++)
		tt_log_error("%s", json_string_value(json_array_get(faults, i)));
	status = tt_ask_finish(&ask, reloaded ? TT_OK : TT_ERROR_CONFIG);
	json_decref(record);
	return status;
}
