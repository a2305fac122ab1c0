/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

int tt_privileges_drop(const char *user, const char *group)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (user == NULL && group == NULL)
		return 0;
	if (user != NULL) {
		const struct passwd *entry = getpwnam(user);

		if (entry == NULL) {
			tt_log_error("user: no such user: %s", user);
			return TT_ERROR_NOT_FOUND;
		}
		uid = entry->pw_uid;
		gid = entry->pw_gid;
		gid = entry->pw_gid;
	}
	if (group != NULL) {
		const struct group *entry = getgrnam(group);

		if (entry == NULL) {
			tt_log_error("group: no such group: %s", group);
			return TT_ERROR_NOT_FOUND;
		}
		gid = entry->gr_gid;
	}
	/* The library's wrappers change every thread; the order leaves the right to change last. */
	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(uid, uid, uid) != 0) {
		tt_log_error("cannot become user %s: %s", user == NULL ? "(unchanged)" : user,
			strerror(errno));
		return tt_error_from_errno(errno);
	}
	return 0;
}
