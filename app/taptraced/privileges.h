/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights: root opens the devices, and somebody else goes on.
 */
#ifndef TT_APP_PRIVILEGES_H
#define TT_APP_PRIVILEGES_H

/* Become `user`, with `group` or else the user's own as the only one; NULL for both: stay. All
 * threads of the process change, and there is no way back. 0, or a code after a line in the log. */
int tt_privileges_drop(const char *user, const char *group);

#endif
