/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stddef.h>

static const char *const texts[TT_ERROR_CODES] = {
	[-TT_OK] = "success",
	[-TT_ERROR_MEMORY] = "out of memory",
	[-TT_ERROR_ARGUMENT] = "argument out of range",
	[-TT_ERROR_SYNTAX] = "syntax error",
	[-TT_ERROR_CONFIG] = "configuration refused",
	[-TT_ERROR_NOT_FOUND] = "not found",
	[-TT_ERROR_PERMISSION] = "permission denied",
	[-TT_ERROR_BUSY] = "busy",
	[-TT_ERROR_UNSUPPORTED] = "not supported",
	[-TT_ERROR_IO] = "input or output error",
	[-TT_ERROR_TRUNCATED] = "truncated",
	[-TT_ERROR_CORRUPT] = "corrupt",
	[-TT_ERROR_END] = "end of input",
	[-TT_ERROR_DEVICE] = "device error",
};

const char *tt_error_text(int code)
{
	if (code > 0 || code <= -TT_ERROR_CODES || texts[-code] == NULL)
		return "unknown error";
	return texts[-code];
}

int tt_error_from_errno(int errno_value)
{
	switch (errno_value) {
	case 0:
		return TT_OK;
	case ENOMEM:
	case ENOBUFS:
		return TT_ERROR_MEMORY;
	case EINVAL:
	case ERANGE:
		return TT_ERROR_ARGUMENT;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return TT_ERROR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return TT_ERROR_PERMISSION;
	case EBUSY:
	case EAGAIN:
	case EADDRINUSE:
		return TT_ERROR_BUSY;
	case ENOTSUP:
	case ENOSYS:
		return TT_ERROR_UNSUPPORTED;
	default:
		return TT_ERROR_IO;
	}
}
