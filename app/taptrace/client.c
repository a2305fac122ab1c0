/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME	  "dpdk_telemetry.v2"
#define GREETING_BYTES	  1024
#define REPLY_LIMIT	  (1 << 20) /* no library that we know gives more than 16 KiB */
#define TIMEOUT_S	  5
#define PARAMETER_BYTES	  64
#define SYSTEM_RUN_FOLDER "/var/run"

/* The same places as the EAL's (eal_create_runtime_dir()), and the system's own, where a service
 * of root has it. */
unsigned int tt_client_places(
	char places[TT_CLIENT_PLACES][TT_CLIENT_PATH_BYTES], const char *prefix, const char *name)
{
	const char *run = getenv("RUNTIME_DIRECTORY");
	const char *folders[TT_CLIENT_PLACES];
	unsigned int count = 0;

	if (run == NULL || *run == '\0')
		run = geteuid() == 0 ? SYSTEM_RUN_FOLDER : getenv("XDG_RUNTIME_DIR");
	folders[0] = run == NULL ? "/tmp" : run;
	folders[1] = SYSTEM_RUN_FOLDER;
	for (unsigned int i = 0; i < TT_CLIENT_PLACES; i++) {
		int length = snprintf(places[count], TT_CLIENT_PATH_BYTES, "%s/dpdk/%s/%s",
			folders[i], prefix, name);

		if (length < TT_CLIENT_PATH_BYTES &&
			(count == 0 || strcmp(folders[0], SYSTEM_RUN_FOLDER) != 0))
			count++;
	}
	return count;
}

/* 0 or an errno value. */
static int connect_to(struct tt_client *client, const char *path)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};

	memcpy(place.sun_path, path, strlen(path) + 1);
	client->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->socket < 0)
		return errno;
	setsockopt(client->socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(client->socket, (const struct sockaddr *)&place, sizeof(place)) == 0)
		return 0;

	int error = errno;
	close(client->socket);
	client->socket = -1;
	return error;
}

static int report_refusal(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		tt_log_error("no appliance runs at %s: start taptraced, or name its --prefix or "
			     "--socket",
			path);
		return TT_ERROR_NOT_FOUND;
	case EACCES:
	case EPERM:
		tt_log_error("no permission for %s: ask as root, or as the user that taptraced "
			     "was started by",
			path);
		return TT_ERROR_PERMISSION;
	default:
		tt_log_error("cannot connect to %s: %s", path, strerror(error));
		return tt_error_from_errno(error);
	}
}

/* A whole message, with a NUL behind it; -1 after a line in the log. */
static ssize_t receive(struct tt_client *client, char *message, size_t limit)
{
	ssize_t length = recv(client->socket, message, limit, 0);

	if (length > 0) {
		message[length] = '\0';
		return length;
	}
	if (length == 0)
		tt_log_error("the appliance has closed the connection: it ended, or ten clients "
			     "are connected already");
	else if (errno == EAGAIN || errno == EWOULDBLOCK)
		tt_log_error("the appliance has not answered within %d s", TIMEOUT_S);
	else
		tt_log_error("cannot read from the appliance: %s", strerror(errno));
	return -1;
}

/* The library says first how long its replies can be. */
static int read_greeting(struct tt_client *client)
{
	char greeting[GREETING_BYTES + 1];

	if (receive(client, greeting, GREETING_BYTES) < 0)
		return TT_ERROR_IO;
	json_t *json = json_loads(greeting, 0, NULL);
	json_int_t limit = json_integer_value(json_object_get(json, "max_output_len"));
	json_decref(json);
	if (limit < 1 || limit > REPLY_LIMIT) {
		tt_log_error("this socket is not one of DPDK's telemetry");
		return TT_ERROR_CORRUPT;
	}
	client->reply_limit = (size_t)limit;
	client->reply = malloc(client->reply_limit + 1);
	if (client->reply == NULL) {
		tt_log_error("not enough memory");
		return TT_ERROR_MEMORY;
	}
	return TT_OK;
}

int tt_client_open(struct tt_client *client, const char *prefix, const char *path)
{
	char places[TT_CLIENT_PLACES][TT_CLIENT_PATH_BYTES] = {0};
	unsigned int count = 1;
	int error = ENOENT, refused_by = ENOENT;
	unsigned int refused_at = 0;

	*client = (struct tt_client){.socket = -1};
	if (path == NULL) {
		count = tt_client_places(places, prefix, SOCKET_NAME);
	} else if (strlen(path) < sizeof(places[0])) {
		memcpy(places[0], path, strlen(path) + 1);
	} else {
		count = 0;
	}
	if (count == 0) {
		tt_log_error(
			"the path of the socket is longer than %zu bytes", sizeof(places[0]) - 1);
		return TT_ERROR_ARGUMENT;
	}

	for (unsigned int i = 0; i < count; i++) {
		error = connect_to(client, places[i]);
		if (error == 0)
			break;
		/* Of two places, the one where something is tells more. */
		if (i == 0 || (refused_by == ENOENT && error != ENOENT)) {
			refused_by = error;
			refused_at = i;
		}
	}
	if (error != 0)
		return report_refusal(places[refused_at], refused_by);

	int code = read_greeting(client);
	if (code != TT_OK)
		tt_client_close(client);
	return code;
}

void tt_client_close(struct tt_client *client)
{
	if (client->socket >= 0)
		close(client->socket);
	client->socket = -1;
	free(client->reply);
	client->reply = NULL;
}

/* The library has no arrays of objects: they come as objects, numbered from 0. */
static void restore_array(json_t *object, const char *name)
{
	json_t *numbered = json_object_get(object, name);
	json_t *array, *element;
	const char *number;

	if (!json_is_object(numbered) || (array = json_array()) == NULL)
		return;
	json_object_foreach(numbered, number, element) json_array_append(array, element);
	json_object_set_new(object, name, array);
}

/* Give what the library has no type for its type back. */
static void restore_types(json_t *object)
{
	static const char *const arrays[] = {"alerts", "answers"};
	static const char *const booleans[] = {"closes", "ech", "ecn", "healthy", "hello_retry",
		"link_up", "missed_known", "path_truncated", "reloaded", "resumed", "symmetric",
		"truncated"};
	const char *name;
	json_t *value;

	for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++) {
		value = json_object_get(object, booleans[i]);
		if (json_is_integer(value))
			json_object_set_new(
				object, booleans[i], json_boolean(json_integer_value(value)));
	}
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		restore_array(object, arrays[i]);
	json_object_foreach(object, name, value) if (json_is_object(value)) restore_types(value);
}

json_t *tt_client_ask(struct tt_client *client, const char *command, const char *parameter)
{
	char request[256];
	int length = snprintf(request, sizeof(request), "%s%s%s", command,
		parameter == NULL ? "" : ",", parameter == NULL ? "" : parameter);

	if (send(client->socket, request, (size_t)length, MSG_NOSIGNAL) != length) {
		tt_log_error("cannot ask the appliance: %s", strerror(errno));
		return NULL;
	}
	ssize_t reply_bytes = receive(client, client->reply, client->reply_limit);
	if (reply_bytes < 0)
		return NULL;

	json_t *json = json_loadb(client->reply, (size_t)reply_bytes, 0, NULL);
	json_t *answer = json_incref(json_object_get(json, command));
	json_decref(json);
	if (!json_is_object(answer)) {
		json_decref(answer);
		tt_log_error("no answer to %s: not a taptraced of this version, or one that is "
			     "too busy or about to end",
			request);
		return NULL;
	}
	restore_types(answer);
	return answer;
}

/* The parameter of the page after this one; false at the end. */
static bool read_next(const json_t *page, char parameter[PARAMETER_BYTES])
{
	const json_t *next = json_object_get(page, "next");

	if (json_is_string(next))
		snprintf(parameter, PARAMETER_BYTES, "%s", json_string_value(next));
	else if (json_is_integer(next))
		snprintf(parameter, PARAMETER_BYTES, "%" JSON_INTEGER_FORMAT,
			json_integer_value(next));
	else
		return false;
	return true;
}

int tt_client_walk(struct tt_client *client, const char *command, const char *parameter,
	const char *name, tt_client_element element, void *context)
{
	char next[PARAMETER_BYTES];
	bool goes_on = true;

	while (goes_on) {
		json_t *page = tt_client_ask(client, command, parameter);
		const char *number;
		json_t *value;

		if (page == NULL)
			return TT_ERROR_IO;
		json_object_foreach(json_object_get(page, name), number, value)
		{
			goes_on = element(context, value);
			if (!goes_on)
				break;
		}
		goes_on = goes_on && read_next(page, next);
		parameter = next;
		json_decref(page);
	}
	return TT_OK;
}
