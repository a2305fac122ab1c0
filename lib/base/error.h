/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one set of error codes. A function that can fail returns 0 or one of these, all negative;
 * where the user needs more than the text below, the origin logs it, once, and callers pass the
 * code on. Called by anyone, from any thread.
 */
#ifndef TT_BASE_ERROR_H
#define TT_BASE_ERROR_H

enum tt_error {
	TT_OK = 0,
	TT_ERROR_MEMORY = -1,	   /* an allocation failed */
	TT_ERROR_ARGUMENT = -2,	   /* a value outside the range the contract names */
	TT_ERROR_SYNTAX = -3,	   /* text that does not follow its grammar */
	TT_ERROR_CONFIG = -4,	   /* a configuration that was refused, each reason reported */
	TT_ERROR_NOT_FOUND = -5,   /* no such file, interface, device or entry */
	TT_ERROR_PERMISSION = -6,  /* the operating system refused */
	TT_ERROR_BUSY = -7,	   /* in use by another process, or full for now: try again */
	TT_ERROR_UNSUPPORTED = -8, /* the device, the kernel or the build cannot do it */
	TT_ERROR_IO = -9,	   /* reading or writing failed */
	TT_ERROR_TRUNCATED = -10,  /* the input ends in the middle of an item */
	TT_ERROR_CORRUPT = -11,	   /* the input contradicts itself */
	TT_ERROR_END = -12,	   /* nothing more will come */
	TT_ERROR_DEVICE = -13,	   /* a DPDK call on a device failed */
	TT_ERROR_CODES = 14	   /* how many codes there are, TT_OK included */
};

/* The code in words, static; a code that is none of the above gives "unknown error". */
const char *tt_error_text(int code);

/* The code for an errno value; TT_ERROR_IO for one without a code of its own. */
int tt_error_from_errno(int errno_value);

#endif
