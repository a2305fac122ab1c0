/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taptrace top: a running appliance, live on the whole terminal.
 */
#include "ask.h"
#include "command.h"
#include "top_screen.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DELAY_S	      2
#define DELAY_LEAST_S 0.5
#define DELAY_MOST_S  3600
#define MESSAGE_BYTES 400

/* What the client logs while the screen is drawn would tear it: it is held, and its last line shown
 * at the foot. */
struct held_errors {
	int file;
	int standard_error; /* as it was */
	char line[MESSAGE_BYTES];
};

struct top {
	struct tt_ask ask;
	bool connected;
	struct held_errors errors;
	struct tt_top_knowledge knowledge;
	struct tt_top_ui ui;
	struct tt_top_rows rows;
	struct tt_frame frame;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Before curses, which takes the signals that nobody handles. */
static void handle_signals(void)
{
	struct sigaction stop = {.sa_handler = on_signal};

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
}

static void hold_errors(struct held_errors *errors)
{
	errors->file = memfd_create("errors", MFD_CLOEXEC);
	errors->standard_error = dup(STDERR_FILENO);
	if (errors->file >= 0)
		dup2(errors->file, STDERR_FILENO);
}

/* The last line that was held; "" for none. */
static const char *read_held(struct held_errors *errors)
{
	off_t end = lseek(errors->file, 0, SEEK_END);
	off_t begin = end > MESSAGE_BYTES - 1 ? end - (MESSAGE_BYTES - 1) : 0;
	ssize_t length = pread(errors->file, errors->line, MESSAGE_BYTES - 1, begin);

	errors->line[length > 0 ? length : 0] = '\0';
	if (length > 0 && errors->line[length - 1] == '\n')
		errors->line[length - 1] = '\0';
	if (ftruncate(errors->file, 0) == 0)
		lseek(errors->file, 0, SEEK_SET);
	const char *last = strrchr(errors->line, '\n');
	return last == NULL ? errors->line : last + 1;
}

static void release_errors(struct held_errors *errors)
{
	if (errors->standard_error >= 0) {
		dup2(errors->standard_error, STDERR_FILENO);
		close(errors->standard_error);
	}
	if (errors->file >= 0)
		close(errors->file);
}

/* Asks, and connects again where the appliance had gone. */
static void refresh(struct top *top)
{
	struct tt_ask *ask = &top->ask;
	int code = TT_OK;

	if (!top->connected)
		code = tt_client_open(&ask->client, ask->prefix, ask->path);
	top->connected = code == TT_OK;
	if (top->connected)
		code = tt_top_gather(&top->knowledge, &ask->client, top->ui.view);
	if (top->connected && code != TT_OK) {
		tt_client_close(&ask->client);
		top->connected = false;
	}
	top->ui.message = code == TT_OK ? NULL : read_held(&top->errors);
}

static void show(struct top *top)
{
	tt_screen_size(&top->frame);
	tt_top_ui_draw(&top->ui, &top->knowledge, &top->rows, &top->frame);
	tt_screen_draw(&top->frame);
}

static int milliseconds_until(uint64_t due_us)
{
	uint64_t now_us = tt_clock_monotonic_us();

	return now_us >= due_us ? 0 : (int)((due_us - now_us) / 1000 + 1);
}

static void run(struct top *top)
{
	uint64_t delay_us = (uint64_t)(top->ui.delay_s * 1e6);
	uint64_t due_us = 0;
	enum tt_top_action action = TT_TOP_REFRESH;

	while (action != TT_TOP_QUIT && !stopped) {
		bool is_due = !top->ui.paused && milliseconds_until(due_us) == 0;

		if (action == TT_TOP_REFRESH || is_due) {
			refresh(top);
			due_us = tt_clock_monotonic_us() + delay_us;
		}
		show(top);
		int key = tt_screen_key(top->ui.paused ? -1 : milliseconds_until(due_us));
		action = tt_top_ui_key(&top->ui, key, &top->rows);
	}
}

static bool read_delay(const char *text, double *delay_s)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= DELAY_LEAST_S && value <= DELAY_MOST_S)) {
		tt_log_error("top: --delay: %g to %d seconds, not \"%s\"", DELAY_LEAST_S,
			DELAY_MOST_S, text);
		return false;
	}
	*delay_s = value;
	return true;
}

int tt_command_top(int argc, char **argv)
{
	/* Too large for a stack that may be small. */
	static struct top top;
	const char *delay = NULL;
	const struct tt_ask_option own[] = {{.value = 'd', .argument = &delay}, {0}};
	int status = tt_ask_parse(&top.ask, TT_COMMAND_TOP, argc, argv, own, NULL);

	if (status >= 0)
		return status;
	tt_top_ui_init(&top.ui);
	top.ui.delay_s = DELAY_S;
	if (delay != NULL && !read_delay(delay, &top.ui.delay_s))
		return EXIT_USAGE;
	const char *refusal = tt_screen_refusal();
	if (refusal != NULL) {
		tt_log_error("top: %s", refusal);
		return EXIT_FAILED;
	}
	status = tt_ask_connect(&top.ask);
	if (status >= 0)
		return status;
	top.connected = true;
	handle_signals();
	if (!tt_screen_open()) {
		tt_client_close(&top.ask.client);
		tt_log_error("top: the terminal cannot be used");
		return EXIT_FAILED;
	}
	hold_errors(&top.errors);
	run(&top);
	tt_screen_close();
	release_errors(&top.errors);
	tt_client_close(&top.ask.client);
	tt_top_knowledge_free(&top.knowledge);
	return EXIT_DONE;
}
