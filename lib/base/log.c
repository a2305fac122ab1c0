/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES 1000

static const char *program_name = "taptrace";
static atomic_int last_level = TT_LOG_WARNING;

void tt_log_setup(const char *program, enum tt_log_level level)
{
	program_name = program;
	tt_log_set_level(level);
}

void tt_log_set_level(enum tt_log_level level)
{
	atomic_store_explicit(&last_level, level, memory_order_relaxed);
}

void tt_log(enum tt_log_level level, const char *format, ...)
{
	static const char *const names[] = {
		[TT_LOG_ERROR] = "error",
		[TT_LOG_WARNING] = "warning",
		[TT_LOG_INFO] = "info",
		[TT_LOG_DEBUG] = "debug",
	};
	char line[LINE_BYTES + 1];

	if ((int)level > atomic_load_explicit(&last_level, memory_order_relaxed))
		return;

	int head = snprintf(line, LINE_BYTES, "%s: %s: ", program_name, names[level]);
	if (head < 0 || head >= LINE_BYTES)
		return;

	va_list arguments;
	va_start(arguments, format);
	int body = vsnprintf(line + head, (size_t)(LINE_BYTES - head), format, arguments);
	va_end(arguments);
	if (body < 0)
		return;

	int length = head + body < LINE_BYTES ? head + body : LINE_BYTES - 1;
	for (int i = head; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';

	/* One write a line, so that lines of several threads do not mix. */
	ssize_t written = write(STDERR_FILENO, line, (size_t)length);
	(void)written;
}
