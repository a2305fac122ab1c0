/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include "base/error.h"
#include "base/log.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who is to go on. */
struct identity {
	const char *name;
	uid_t uid;
	gid_t gid;
};

static int find_user(const char *user, struct identity *identity)
{
	const struct passwd *entry = NULL;

	*identity = (struct identity){.name = user, .uid = geteuid(), .gid = getegid()};
	if (user == NULL && identity->uid != 0)
		return 0;
	if (user == NULL) {
		identity->name = "taptrace";
		entry = getpwnam(identity->name);
		if (entry == NULL)
			identity->name = "nobody";
	}
	if (entry == NULL)
		entry = getpwnam(identity->name);
	if (entry == NULL) {
		tt_log_error("security.user: no such user: %s", identity->name);
		return TT_ERROR_NOT_FOUND;
	}
	identity->uid = entry->pw_uid;
	identity->gid = entry->pw_gid;
	return 0;
}

static int find_identity(const struct tt_config *config, struct identity *identity)
{
	int code = find_user(config->security.user, identity);

	if (code != 0 || config->security.group == NULL)
		return code;
	const struct group *entry = getgrnam(config->security.group);
	if (entry == NULL) {
		tt_log_error("security.group: no such group: %s", config->security.group);
		return TT_ERROR_NOT_FOUND;
	}
	identity->gid = entry->gr_gid;
	return 0;
}

/* The owner stays: who takes the process over cannot put something else in the socket's place. By
 * its descriptor, so that what is changed is what was looked at. */
static bool share(const char *path, mode_t kind, mode_t mode, gid_t gid)
{
	int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char link[64];
	struct stat status;
	bool ok;

	if (file < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	errno = EINVAL;
	ok = fstat(file, &status) == 0 && (status.st_mode & S_IFMT) == kind &&
		fchownat(file, "", (uid_t)-1, gid, AT_EMPTY_PATH) == 0 && chmod(link, mode) == 0;
	int kept = errno;
	close(file);
	errno = kept;
	return ok;
}

static int share_sockets(const struct tt_privileges *privileges, gid_t gid)
{
	const char *path = NULL;
	bool ok = true;

	for (size_t i = 0; ok && i < privileges->folder_count; i++) {
		path = privileges->folders[i];
		ok = share(path, S_IFDIR, 0750, gid);
	}
	for (size_t i = 0; ok && i < privileges->socket_count; i++) {
		path = privileges->sockets[i];
		ok = share(path, S_IFSOCK, 0660, gid);
	}
	if (ok)
		return 0;
	tt_log_error("%s: cannot give it to security.group: %s", path, strerror(errno));
	return tt_error_from_errno(errno);
}

static int become(const struct identity *identity)
{
	/* Who is that user already may have no right to say so. */
	if (geteuid() == identity->uid && getegid() == identity->gid && geteuid() != 0)
		return 0;
	/* The library's wrappers change every thread; the order leaves the right to change last. */
	if (setgroups(1, &identity->gid) == 0 &&
		setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
		setresuid(identity->uid, identity->uid, identity->uid) == 0)
		return 0;
	tt_log_error("security.user: cannot become %s: %s",
		identity->name == NULL ? "another group" : identity->name, strerror(errno));
	return tt_error_from_errno(errno);
}

static bool connects(const struct tt_config *config)
{
	for (uint32_t port = 0; port < config->port_count; port++)
		if (config->ports[port].kind == TT_PORT_MEMIF ||
			config->ports[port].kind == TT_PORT_VIRTIO_USER ||
			config->ports[port].kind == TT_PORT_DEVARGS)
			return true;
	return false;
}

/* The folder that a file is in, into `folder`, which the caller frees; NULL: nothing to read. */
static bool folder_of(const char *path, const char **name, char **folder)
{
	*name = NULL;
	*folder = NULL;
	if (path == NULL || strcmp(path, "-") == 0)
		return true;
	*folder = strdup(path);
	if (*folder == NULL)
		return false;
	*name = dirname(*folder);
	return true;
}

static int enter_sandbox(const struct tt_privileges *privileges)
{
	/* OpenSSL reads its own configuration when it is used first. */
	const char *readable[] = {NULL, NULL, "/etc/ssl", "/usr/lib/ssl"};
	char *folders[2] = {NULL, NULL};
	int code = TT_ERROR_MEMORY;

	if (!folder_of(privileges->config_path, &readable[0], &folders[0]) ||
		!folder_of(privileges->config->signatures, &readable[1], &folders[1]))
		tt_log_error("not enough memory");
	else
		code = tt_sandbox_enter(&(struct tt_sandbox){
			.readable = readable,
			.readable_count = sizeof(readable) / sizeof(readable[0]),
			.removable = privileges->folders,
			.removable_count = privileges->folder_count,
			.connects = connects(privileges->config),
		});
	free(folders[0]);
	free(folders[1]);
	return code;
}

/* What a reload reads again has to be readable now. */
static void warn_unreadable(const char *path, const struct identity *identity)
{
	if (path != NULL && strcmp(path, "-") != 0 && access(path, R_OK) != 0)
		tt_log_warning("%s: a reload cannot read it as user %s: %s", path, identity->name,
			strerror(errno));
}

int tt_privileges_drop(const struct tt_privileges *privileges)
{
	struct identity identity;
	int code = find_identity(privileges->config, &identity);

	if (code == 0)
		code = share_sockets(privileges, identity.gid);
	if (code == 0)
		code = become(&identity);
	if (code == 0) {
		warn_unreadable(privileges->config_path, &identity);
		warn_unreadable(privileges->config->signatures, &identity);
	}
	if (code == 0 && privileges->config->security.sandbox)
		code = enter_sandbox(privileges);
	return code;
}
