/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance: options, start order, signals, rights.
 */
#include "../run.h"
#include "daemon.h"
#include "notify.h"
#include "privileges.h"

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "serve/pull_server.h"
#include "serve/telemetry.h"

#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2
};

struct options {
	const char *config_path;
	bool check;
	bool dump;
	bool annotate;
};

/* Whom a signal stops; set before the handlers are, and NULL once it is gone. */
static struct tt_control *_Atomic stoppable;

/* What SIGHUP reloads; the same. */
static struct tt_reload *_Atomic reloadable;

/* The exit status when there is nothing more to do, else -1. */
static int read_options(int argc, char **argv, struct options *options)
{
	int value;

	while ((value = tt_options_next(&tt_daemon, argc, argv)) != -1)
		switch (value) {
		case 'c':
			options->config_path = optarg;
			break;
		case TT_OPTION_CHECK:
			options->check = true;
			break;
		case TT_OPTION_DUMP:
			options->dump = true;
			break;
		case TT_OPTION_ANNOTATE:
			options->annotate = true;
			break;
		case 'h':
			tt_options_print_usage("taptraced", &tt_daemon, stdout);
			return EXIT_DONE;
		case 'V':
			puts("taptraced " TT_VERSION);
			return EXIT_DONE;
		default:
			tt_options_print_usage("taptraced", &tt_daemon, stderr);
			return EXIT_USAGE;
		}
	if (optind < argc || options->config_path == NULL || (options->check && options->dump) ||
		(options->annotate && !options->dump)) {
		tt_options_print_usage("taptraced", &tt_daemon, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int check(const struct tt_config *config)
{
	if (tt_run_check_rules(config) != 0 || tt_run_print_memory_plan(config, stdout) != 0)
		return EXIT_FAILED;
	printf("ports:\n");
	for (uint32_t port = 0; port < config->port_count; port++)
		printf("  %u: %s\n", port, config->ports[port].device);
	return EXIT_DONE;
}

static void on_signal(int signal)
{
	struct tt_control *control = atomic_load(&stoppable);

	(void)signal;
	if (control != NULL)
		tt_control_stop(control);
}

static void on_hangup(int signal)
{
	struct tt_reload *reload = atomic_load(&reloadable);

	(void)signal;
	if (reload != NULL)
		tt_reload_request(reload);
}

static void handle_signals(struct tt_control *control)
{
	struct sigaction stop = {.sa_handler = on_signal};
	struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	atomic_store(&stoppable, control);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &hangup, NULL);
	/* A peer of memif or virtio-user that goes, or a client, is no reason to end. */
	sigaction(SIGPIPE, &ignore, NULL);
}

/* What the callbacks of a run need. */
struct daemon {
	const struct tt_config *config;
	struct tt_pull_sockets sockets;
	struct tt_status status;
	struct tt_notify notify;
};

static int on_opened(void *context)
{
	struct daemon *daemon = context;
	const char *folder = tt_driver_runtime_folder();
	char telemetry[512], pull_folder[sizeof(daemon->sockets.path)];
	const char *sockets[] = {telemetry, daemon->sockets.path};
	const char *folders[] = {folder, pull_folder};
	int code = tt_pull_listen(&daemon->sockets, daemon->config, folder);

	if (code != 0)
		return code;
	snprintf(telemetry, sizeof(telemetry), "%s/dpdk_telemetry.v2", folder);
	snprintf(pull_folder, sizeof(pull_folder), "%s", daemon->sockets.path);
	return tt_privileges_drop(&(struct tt_privileges){
		.config = daemon->config,
		.config_path = daemon->status.config_path,
		.sockets = sockets,
		.socket_count = daemon->sockets.local >= 0 ? 2 : 1,
		.folders = folders,
		.folder_count = daemon->sockets.local >= 0 && dirname(pull_folder) != NULL ? 2 : 1,
	});
}

static void on_tick(void *context)
{
	struct daemon *daemon = context;

	tt_notify_tick(&daemon->notify);
}

/* From here on it serves, until it is stopped. */
static int serve(struct daemon *daemon)
{
	struct tt_pull_server *server;
	int code = tt_pull_server_start(&server, &daemon->sockets, &daemon->status);

	if (code != 0) {
		tt_control_stop(daemon->status.control);
	} else {
		tt_log_info("tracing %u ports with %u workers",
			tt_driver_port_count(daemon->status.driver), daemon->config->workers.count);
		tt_notify_ready();
	}
	tt_control_run(daemon->status.control);
	tt_notify_stopping();
	tt_pull_server_stop(server);
	return code;
}

static int trace(const struct tt_config *config, const char *config_path)
{
	struct daemon daemon = {.config = config, .sockets = {.local = -1, .tcp = -1}};
	struct tt_run run;
	int code = tt_run_check_memory(config);

	if (code != 0)
		return EXIT_FAILED;
	code = tt_run_open(&run,
		&(struct tt_run_options){
			.config = config,
			.opened = on_opened,
			.tick = on_tick,
			.context = &daemon,
		});

	if (code != 0)
		return EXIT_FAILED;
	tt_status_begin(&daemon.status, run.control, run.driver, config_path);
	tt_notify_begin(&daemon.notify, &daemon.status);
	handle_signals(run.control);
	code = tt_reload_create(&daemon.status.reload, config, config_path, run.pipeline);
	atomic_store(&reloadable, daemon.status.reload);
	if (code == 0)
		code = tt_telemetry_start(&daemon.status);
	if (code == 0)
		code = tt_run_start(&run);
	if (code == 0)
		code = serve(&daemon);
	tt_run_stop(&run);
	tt_telemetry_stop();
	tt_pull_unlisten(&daemon.sockets);
	atomic_store(&stoppable, NULL);
	atomic_store(&reloadable, NULL);
	tt_reload_destroy(daemon.status.reload);
	tt_run_close(&run);
	return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct tt_config *config;
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	tt_log_setup("taptraced", TT_LOG_INFO);
	if (tt_config_load(&config, options.config_path, stderr) != 0)
		return EXIT_FAILED;
	tt_log_setup("taptraced", config->log.level);
	if (options.dump) {
		tt_config_print(config, options.annotate, stdout);
		status = EXIT_DONE;
	} else if (config->port_count == 0) {
		tt_log_error("%s: ports: no port to trace: name at least one, such as "
			     "\"- interface: eth1\"",
			options.config_path);
		status = EXIT_FAILED;
	} else {
		status = options.check ? check(config) : trace(config, options.config_path);
	}
	tt_config_free(config);
	return status;
}
