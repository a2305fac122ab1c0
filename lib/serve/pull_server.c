/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/pull_server.h"

#include "base/error.h"
#include "base/log.h"
#include "serve/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG		   64
#define SOCKET_MODE	   0660
#define PIECE_LIMIT_BYTES  (64 * 1024) /* handed to the library in one go */
#define THREAD_STACK_BYTES (1024 * 1024)

struct tt_pull_server {
	const struct tt_status *status;
	struct MHD_Daemon *local;
	struct MHD_Daemon *tcp;
	struct tt_pull_sockets sockets;
};

/* An answer on its way: `sent` bytes of its text are. */
struct sending {
	struct tt_answer answer;
	size_t sent;
	enum tt_answer_progress progress;
};

static const struct {
	const char *path;
	tt_endpoint endpoint;
	const char *parameters; /* that it knows, each between spaces */
} endpoints[] = {
	{"/connections", tt_endpoint_connections, " client cursor max delta all "},
	{"/dns_stats", tt_endpoint_dns_stats, " client cursor "},
	{"/http_stats", tt_endpoint_http_stats, " client cursor "},
	{"/names", tt_endpoint_names, " "},
	{"/stats", tt_endpoint_stats, " "},
	{"/health", tt_endpoint_health, " "},
	{"/metrics", tt_endpoint_metrics, " "},
};

void tt_answer_error(struct tt_answer *answer, unsigned int status, const char *message)
{
	answer->status = status;
	answer->content_type = "application/json";
	answer->write = NULL;
	tt_json_clear(&answer->text);
	tt_sink_begin_object(&answer->text.sink, NULL);
	tt_sink_string(&answer->text.sink, "error", message);
	tt_sink_end_object(&answer->text.sink);
	tt_answer_end_line(answer);
}

void tt_answer_end_line(struct tt_answer *answer)
{
	tt_json_end_line(&answer->text);
}

static int bind_local(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* Whoever can connect finds a living one; else it is a stale socket's name, or none. */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		close(fd);
		errno = EADDRINUSE;
		return -1;
	}
	struct stat there;
	if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
		unlink(path);
	mode_t before = umask(0777 & ~SOCKET_MODE);
	int bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	int error = errno;

	umask(before);
	if (bound == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	if (bound == 0) {
		error = errno;
		unlink(path);
	}
	close(fd);
	errno = error;
	return -1;
}

static int bind_tcp(const char *text, uint16_t port)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_ipv4 = inet_pton(AF_INET, text, &ipv4.sin_addr) == 1;
	const int yes = 1;

	if (!is_ipv4)
		inet_pton(AF_INET6, text, &ipv6.sin6_addr);
	int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	const struct sockaddr *address =
		is_ipv4 ? (const struct sockaddr *)&ipv4 : (const struct sockaddr *)&ipv6;
	if (bind(fd, address, is_ipv4 ? sizeof(ipv4) : sizeof(ipv6)) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;

	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int tt_pull_listen(
	struct tt_pull_sockets *sockets, const struct tt_config *config, const char *folder)
{
	char path[sizeof(sockets->path)];
	int error;

	*sockets = (struct tt_pull_sockets){.local = -1, .tcp = -1};
	if (!config->pull.enabled)
		return TT_OK;
	int length = config->pull.socket != NULL
		? snprintf(path, sizeof(path), "%s", config->pull.socket)
		: snprintf(path, sizeof(path), "%s/pull.sock", folder);
	if (length >= (int)sizeof(path)) {
		tt_log_error(
			"pull.socket: a socket's path has at most %zu bytes", sizeof(path) - 1);
		return TT_ERROR_ARGUMENT;
	}
	sockets->local = bind_local(path);
	if (sockets->local < 0) {
		error = errno;
		tt_log_error("pull.socket: cannot listen at %s: %s", path, strerror(error));
		return tt_error_from_errno(error);
	}
	memcpy(sockets->path, path, sizeof(path));
	if (config->pull.port == 0)
		return TT_OK;
	sockets->tcp = bind_tcp(config->pull.address, (uint16_t)config->pull.port);
	if (sockets->tcp < 0) {
		error = errno;
		tt_log_error("pull.address: cannot listen at %s port %u: %s", config->pull.address,
			config->pull.port, strerror(error));
		tt_pull_unlisten(sockets);
		return tt_error_from_errno(error);
	}
	return TT_OK;
}

void tt_pull_unlisten(struct tt_pull_sockets *sockets)
{
	if (sockets->local >= 0) {
		close(sockets->local);
		unlink(sockets->path);
	}
	if (sockets->tcp >= 0)
		close(sockets->tcp);
	*sockets = (struct tt_pull_sockets){.local = -1, .tcp = -1};
}

static void free_sending(void *context)
{
	struct sending *sending = context;

	if (sending->answer.release != NULL)
		sending->answer.release(&sending->answer);
	tt_json_free(&sending->answer.text);
	free(sending->answer.state);
	free(sending);
}

/* MHD_ContentReaderCallback. */
static ssize_t read_piece(void *context, uint64_t position, char *buffer, size_t size)
{
	struct sending *sending = context;
	struct tt_json *text = &sending->answer.text;

	(void)position;
	while (sending->sent == text->length) {
		if (sending->progress == TT_ANSWER_END)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (sending->progress == TT_ANSWER_BROKEN)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		tt_json_clear(text);
		sending->sent = 0;
		sending->progress = sending->answer.write(&sending->answer);
		if (tt_json_failed(text))
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	size_t length = text->length - sending->sent;
	if (length > size)
		length = size;
	memcpy(buffer, text->text + sending->sent, length);
	sending->sent += length;
	return (ssize_t)length;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct sending *sending)
{
	struct tt_answer *answer = &sending->answer;
	struct MHD_Response *response;
	unsigned int status = answer->status;

	if (tt_json_failed(&answer->text)) {
		free_sending(sending);
		return MHD_NO;
	}
	sending->progress = answer->write == NULL ? TT_ANSWER_END : TT_ANSWER_MORE;
	response = MHD_create_response_from_callback(
		answer->write == NULL ? answer->text.length : MHD_SIZE_UNKNOWN, PIECE_LIMIT_BYTES,
		read_piece, sending, free_sending);
	if (response == NULL) {
		free_sending(sending);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

struct parameters {
	struct tt_request request;
	const char *known;
	const char *fault; /* NULL: none */
};

/* MHD_KeyValueIterator. */
static enum MHD_Result read_parameter(
	void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct parameters *parameters = context;
	struct tt_request *request = &parameters->request;
	const struct {
		const char *name;
		const char **value;
	} places[] = {{"client", &request->client}, {"cursor", &request->cursor},
		{"max", &request->max}, {"delta", &request->delta}, {"all", &request->all}};
	char word[16];

	(void)kind;
	snprintf(word, sizeof(word), " %.12s ", name);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(name, places[i].name) != 0 || strstr(parameters->known, word) == NULL)
			continue;
		if (value == NULL || *value == '\0')
			parameters->fault = "a parameter without a value";
		else if (*places[i].value != NULL)
			parameters->fault = "a parameter twice";
		*places[i].value = value;
		return MHD_YES;
	}
	parameters->fault = "no such parameter";
	return MHD_YES;
}

static void answer_request(struct tt_answer *answer, struct MHD_Connection *connection,
	const char *path, const char *method)
{
	struct parameters parameters = {0};

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		tt_answer_error(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
		return;
	}
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (strcmp(path, endpoints[i].path) != 0)
			continue;
		parameters.known = endpoints[i].parameters;
		MHD_get_connection_values(
			connection, MHD_GET_ARGUMENT_KIND, read_parameter, &parameters);
		if (parameters.fault != NULL)
			tt_answer_error(answer, MHD_HTTP_BAD_REQUEST, parameters.fault);
		else
			endpoints[i].endpoint(answer, &parameters.request);
		return;
	}
	tt_answer_error(answer, MHD_HTTP_NOT_FOUND,
		"no such path: /connections, /dns_stats, /http_stats, /names, /stats, /health, "
		"/metrics");
}

/* MHD_AccessHandlerCallback: first for the request's head, then for its body, at last without. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_bytes,
	void **seen)
{
	static int head_seen;
	struct tt_pull_server *server = context;

	(void)version;
	(void)upload;
	if (*seen == NULL) {
		*seen = &head_seen;
		return MHD_YES;
	}
	if (*upload_bytes > 0) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	struct sending *sending = calloc(1, sizeof(*sending));
	if (sending == NULL)
		return MHD_NO;
	sending->answer = (struct tt_answer){.status = MHD_HTTP_OK,
		.content_type = "application/x-ndjson",
		.from = server->status};
	tt_json_init(&sending->answer.text);
	answer_request(&sending->answer, connection, path, method);
	return send_answer(connection, sending);
}

static struct MHD_Daemon *start_daemon(struct tt_pull_server *server, int socket)
{
	return MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
		NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, socket,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)TT_PULL_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)TT_PULL_IDLE_S,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES, MHD_OPTION_END);
}

int tt_pull_server_start(struct tt_pull_server **server, struct tt_pull_sockets *sockets,
	const struct tt_status *status)
{
	struct tt_pull_server *made = calloc(1, sizeof(*made));

	*server = NULL;
	if (made == NULL)
		return TT_ERROR_MEMORY;
	made->status = status;
	made->sockets = *sockets;
	*sockets = (struct tt_pull_sockets){.local = -1, .tcp = -1};
	if (made->sockets.local >= 0)
		made->local = start_daemon(made, made->sockets.local);
	if (made->sockets.tcp >= 0)
		made->tcp = start_daemon(made, made->sockets.tcp);
	if ((made->sockets.local >= 0 && made->local == NULL) ||
		(made->sockets.tcp >= 0 && made->tcp == NULL)) {
		tt_log_error("cannot serve the pull API");
		tt_pull_server_stop(made);
		return TT_ERROR_UNSUPPORTED;
	}
	*server = made;
	return TT_OK;
}

/* The library closes the socket that it listens at. */
static void stop_daemon(struct MHD_Daemon *daemon, int *socket)
{
	if (daemon == NULL)
		return;
	MHD_stop_daemon(daemon);
	*socket = -1;
}

void tt_pull_server_stop(struct tt_pull_server *server)
{
	if (server == NULL)
		return;
	bool is_local = server->local != NULL;
	stop_daemon(server->local, &server->sockets.local);
	stop_daemon(server->tcp, &server->sockets.tcp);
	if (is_local)
		unlink(server->sockets.path);
	tt_pull_unlisten(&server->sockets);
	free(server);
}
