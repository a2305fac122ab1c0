/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace pull: what is new for a client, through the pull API.
 */
#include "ask.h"
#include "command.h"

#include "base/error.h"
#include "base/log.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKET_NAME "pull.sock"
#define URL_BYTES   1024
#define LINE_BYTES  (1 << 20) /* no record is as long */
#define STALL_S	    30L

#define HTTP_OK	       200
#define HTTP_NOT_FOUND 404

struct pull {
	CURL *curl;
	const char *client, *cursor, *max;
	bool delta, all;
	const char *socket;
	char *line; /* the one that is coming */
	size_t length;
	char *end; /* the answer's last line; NULL before it came */
	char *own_end;
	bool full; /* standard output takes no more */
};

static void end_of_line(struct pull *pull)
{
	static const char end[] = "{\"type\":\"end\"";

	if (pull->length >= sizeof(end) - 1 && memcmp(pull->line, end, sizeof(end) - 1) == 0) {
		free(pull->end);
		pull->end = strndup(pull->line, pull->length);
	} else if (fwrite(pull->line, 1, pull->length, stdout) != pull->length ||
		putchar('\n') == EOF) {
		pull->full = true;
	}
	pull->length = 0;
}

/* CURLOPT_WRITEFUNCTION. Other than a record, an error is kept in `line`. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
static size_t take(char *bytes, size_t size, size_t count, void *context)
{
	struct pull *pull = context;
	long status = 0;

	(void)size;
	curl_easy_getinfo(pull->curl, CURLINFO_RESPONSE_CODE, &status);
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n' && status == HTTP_OK)
			end_of_line(pull);
		else if (pull->length < LINE_BYTES - 1)
			pull->line[pull->length++] = bytes[i];
		else
			return 0;
	}
	return pull->full ? 0 : count;
}

static void add_parameter(struct pull *pull, char *url, const char *name, const char *value)
{
	size_t length = strlen(url);
	char *escaped = value == NULL ? NULL : curl_easy_escape(pull->curl, value, 0);

	if (escaped != NULL)
		snprintf(url + length, URL_BYTES - length, "%c%s=%s",
			strchr(url, '?') == NULL ? '?' : '&', name, escaped);
	curl_free(escaped);
}

/* What the appliance says is wrong. */
static void report_error(struct pull *pull)
{
	json_t *answer = json_loadb(pull->line, pull->length, 0, NULL);
	const char *message = tt_json_text(answer, "error");

	tt_log_error("the appliance refuses: %s", *message == '\0' ? "no reason given" : message);
	json_decref(answer);
}

static void report_nobody(const char *path)
{
	tt_log_error("no appliance listens at %s: start taptraced, or name its --prefix or, as "
		     "--socket, its pull.socket",
		path);
}

/* All of one answer. A path that this appliance does not serve gives none. */
static int get(struct pull *pull, const char *path, bool connections)
{
	char url[URL_BYTES];
	long status = 0;

	snprintf(url, sizeof(url), "http://taptrace%s", path);
	add_parameter(pull, url, "client", pull->client);
	if (connections) {
		add_parameter(pull, url, "cursor", pull->cursor);
		add_parameter(pull, url, "max", pull->max);
		add_parameter(pull, url, "delta", pull->delta ? "1" : NULL);
		add_parameter(pull, url, "all", pull->all ? "1" : NULL);
	}
	pull->length = 0;
	free(pull->end);
	pull->end = NULL;
	curl_easy_setopt(pull->curl, CURLOPT_URL, url);
	CURLcode code = curl_easy_perform(pull->curl);
	curl_easy_getinfo(pull->curl, CURLINFO_RESPONSE_CODE, &status);
	if (pull->full)
		return TT_ERROR_IO; /* tt_ask_finish() says so */
	if (code == CURLE_OK && status == HTTP_NOT_FOUND && !connections)
		return TT_OK;
	if (code == CURLE_OK && status != HTTP_OK) {
		report_error(pull);
		return TT_ERROR_ARGUMENT;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		report_nobody(pull->socket);
		return TT_ERROR_NOT_FOUND;
	}
	if (code != CURLE_OK || pull->end == NULL) {
		tt_log_error("the pull broke off: %s; the same pull again gives all of it",
			code == CURLE_OK ? "no end came" : curl_easy_strerror(code));
		return TT_ERROR_IO;
	}
	return TT_OK;
}

static int find_socket(const struct tt_ask *ask, char path[TT_CLIENT_PATH_BYTES])
{
	char places[TT_CLIENT_PLACES][TT_CLIENT_PATH_BYTES];
	struct stat there;
	unsigned int count = tt_client_places(places, ask->prefix, SOCKET_NAME);

	for (unsigned int i = 0; i < count && ask->path == NULL; i++)
		if (stat(places[i], &there) == 0 && S_ISSOCK(there.st_mode)) {
			memcpy(path, places[i], sizeof(places[i]));
			return TT_OK;
		}
	if (ask->path != NULL && strlen(ask->path) < TT_CLIENT_PATH_BYTES) {
		memcpy(path, ask->path, strlen(ask->path) + 1);
		return TT_OK;
	}
	report_nobody(ask->path != NULL ? ask->path : places[0]);
	return TT_ERROR_NOT_FOUND;
}

static int pull_all(struct pull *pull)
{
	curl_easy_setopt(pull->curl, CURLOPT_UNIX_SOCKET_PATH, pull->socket);
	curl_easy_setopt(pull->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(pull->curl, CURLOPT_WRITEDATA, pull);
	curl_easy_setopt(pull->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(pull->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(pull->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(pull->curl, CURLOPT_LOW_SPEED_TIME, STALL_S);

	int code = get(pull, "/connections", true);
	if (code != TT_OK)
		return code;
	pull->own_end = pull->end;
	pull->end = NULL;
	code = get(pull, "/dns_stats", false);
	if (code == TT_OK)
		code = get(pull, "/http_stats", false);
	if (code == TT_OK)
		puts(pull->own_end);
	return code;
}

int tt_command_pull(int argc, char **argv)
{
	struct pull pull = {0};
	const struct tt_ask_option own[] = {
		{.value = TT_OPTION_CLIENT, .argument = &pull.client},
		{.value = TT_OPTION_CURSOR, .argument = &pull.cursor},
		{.value = TT_OPTION_MAX, .argument = &pull.max},
		{.value = TT_OPTION_DELTA, .given = &pull.delta},
		{.value = TT_OPTION_ALL, .given = &pull.all},
		{0},
	};
	char path[TT_CLIENT_PATH_BYTES];
	struct tt_ask ask;
	int status = tt_ask_parse(&ask, TT_COMMAND_PULL, argc, argv, own, NULL);

	if (status >= 0)
		return status;
	if (pull.client == NULL) {
		tt_log_error("pull: who pulls needs a name: --client NAME");
		return EXIT_USAGE;
	}
	if (find_socket(&ask, path) != TT_OK)
		return EXIT_FAILED;
	pull.socket = path;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pull.curl = curl_easy_init();
	pull.line = malloc(LINE_BYTES);
	int code = TT_ERROR_MEMORY;
	if (pull.curl != NULL && pull.line != NULL)
		code = pull_all(&pull);
	else
		tt_log_error("not enough memory");
	curl_easy_cleanup(pull.curl);
	curl_global_cleanup();
	free(pull.line);
	free(pull.end);
	free(pull.own_end);
	return tt_ask_finish(&ask, code);
}
