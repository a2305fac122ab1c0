/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What taptraced takes on its command line: data alone, which its manual page is made from as well.
 */
#ifndef TT_APP_DAEMON_H
#define TT_APP_DAEMON_H

#include "../options.h"

/* Of options without a letter. */
enum {
	TT_OPTION_CHECK = TT_OPTION_LONG,
	TT_OPTION_DUMP,
	TT_OPTION_ANNOTATE
};

extern const struct tt_command_line tt_daemon;

#endif
