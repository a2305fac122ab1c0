/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pull API: HTTP/1.1 on a unix socket and, where configured, on TCP, served by libmicrohttpd, a
 * thread a connection. GET and HEAD:
 *
 *     /connections?client=NAME[&cursor=C][&max=N][&delta=1][&all=1]
 *     /dns_stats[?client=NAME[&cursor=C]]     without a client: since the start
 *     /http_stats[?client=NAME[&cursor=C]]
 *     /names
 *     /stats
 *     /health       200, or 503 with the reasons
 *     /metrics      for Prometheus
 *
 * Answers but the last two are NDJSON and end with an object of the type "end"; one that breaks off
 * before has no such line. A bad request gets 400 and {"error": "..."}, and changes nothing. Who
 * reads slowly, or not at all, holds a thread and a buffer of his own until his time is over.
 */
#ifndef TT_SERVE_PULL_SERVER_H
#define TT_SERVE_PULL_SERVER_H

#include "serve/status_fields.h"

/* Most connections at a time, of each listening socket. */
#define TT_PULL_CONNECTIONS 32

/* A connection that takes nothing, or asks nothing, for so long is closed. */
#define TT_PULL_IDLE_S 30

/* The sockets that it listens at; -1: none. */
struct tt_pull_sockets {
	int local;
	int tcp;
	char path[108]; /* of the local one; "" without it */
};

/* Bind them: the local one where the configuration says, else in `folder`; nothing when it is not
 * enabled. A stale socket is replaced; one that somebody listens at is not. 0, or a code after one
 * line in the log. The caller ends it with tt_pull_unlisten(). */
int tt_pull_listen(
	struct tt_pull_sockets *sockets, const struct tt_config *config, const char *folder);
void tt_pull_unlisten(struct tt_pull_sockets *sockets);

struct tt_pull_server;

/* Serve from here on; the sockets are its own to close. `status` outlives it. 0, TT_ERROR_MEMORY, or
 * TT_ERROR_UNSUPPORTED after a line in the log. The caller ends it with tt_pull_server_stop(). */
int tt_pull_server_start(struct tt_pull_server **server, struct tt_pull_sockets *sockets,
	const struct tt_status *status);

/* Breaks off what is being answered. NULL is ignored. */
void tt_pull_server_stop(struct tt_pull_server *server);

#endif
