/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for people: "PROGRAM: LEVEL: text", one line each, on standard error. Called from any
 * thread but never from the packet path, which counts instead.
 */
#ifndef TT_BASE_LOG_H
#define TT_BASE_LOG_H

enum tt_log_level {
	TT_LOG_ERROR,
	TT_LOG_WARNING,
	TT_LOG_INFO,
	TT_LOG_DEBUG
};

/* Program name that starts each line (kept, not copied) and the last level that is printed.
 * Before the first call: "taptrace", TT_LOG_WARNING. Call it before other threads start. */
void tt_log_setup(const char *program, enum tt_log_level level);

/* The last level that is printed from now on. Any thread. */
void tt_log_set_level(enum tt_log_level level);

/* One line; control characters in the formatted text are printed as '?', so that text from a
 * file or the wire cannot forge lines. Longer than 1000 bytes is cut. */
void tt_log(enum tt_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define tt_log_error(...)   tt_log(TT_LOG_ERROR, __VA_ARGS__)
#define tt_log_warning(...) tt_log(TT_LOG_WARNING, __VA_ARGS__)
#define tt_log_info(...)    tt_log(TT_LOG_INFO, __VA_ARGS__)
#define tt_log_debug(...)   tt_log(TT_LOG_DEBUG, __VA_ARGS__)

#endif
