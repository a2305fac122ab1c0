/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of the kernel's linux/landlock.h, whose Debian 12 edition ends at the second ABI. */
#define LANDLOCK_READ_FILE    (UINT64_C(1) << 2)
#define LANDLOCK_READ_FOLDER  (UINT64_C(1) << 3)
#define LANDLOCK_REMOVE_FILE  (UINT64_C(1) << 5)
#define LANDLOCK_BIND_TCP     (UINT64_C(1) << 0)
#define LANDLOCK_CONNECT_TCP  (UINT64_C(1) << 1)
#define LANDLOCK_VERSION      1u
#define LANDLOCK_PATH_BENEATH 1
#define LANDLOCK_ABI_NETWORK  4

struct landlock_ruleset {
	uint64_t files;
	uint64_t network; /* from LANDLOCK_ABI_NETWORK on */
};

struct landlock_path {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* The accesses to files that an ABI knows, by its number; later ones add none that we allow. */
static const uint64_t landlock_files[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};

#define THREADS_LIMIT	    1024
#define THREAD_DEADLINE_US  2000000
#define THREAD_RECHECK_NS   100000
#define LIBRARY_OF_PTHREADS "libgcc_s.so.1"

/* What a thread is told by signal, and says back. Written by the main thread before the signal. */
static struct {
	int ruleset;	  /* of Landlock; -1: none */
	atomic_uint done; /* threads that went through */
	atomic_int failed;
} entering;

/* System calls that are allowed whatever their arguments. */
static const int allowed[] = {
	/* waiting and time */
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(time), SCMP_SYS(futex),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pselect6), SCMP_SYS(select),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_gettime), SCMP_SYS(timerfd_settime),
	SCMP_SYS(restart_syscall),
	/* memory; mmap and mprotect are below */
	SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mincore), SCMP_SYS(mremap),
	SCMP_SYS(msync), SCMP_SYS(munmap), SCMP_SYS(get_mempolicy),
	/* open files and sockets */
	SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fcntl),
	SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(getdents64),
	SCMP_SYS(ioctl), SCMP_SYS(lseek), SCMP_SYS(memfd_create), SCMP_SYS(pipe2),
	SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(read),
	SCMP_SYS(readv), SCMP_SYS(sendfile), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(accept),
	SCMP_SYS(accept4), SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	/* looking at files and removing sockets: Landlock says where */
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getcwd),
	SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	/* the process itself */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getcpu), SCMP_SYS(getegid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getpid), SCMP_SYS(getppid),
	SCMP_SYS(getrandom), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(gettid),
	SCMP_SYS(getuid), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sched_get_priority_max),
	SCMP_SYS(sched_get_priority_min), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(sigaltstack),
	SCMP_SYS(sysinfo), SCMP_SYS(times), SCMP_SYS(umask), SCMP_SYS(uname)};

/* All that one thread has to do by itself; seccomp takes all threads at once. Safe in a signal
 * handler. */
static bool restrict_thread(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		syscall(SYS_capset, &header, none) == 0 &&
		(entering.ruleset < 0 ||
			syscall(SYS_landlock_restrict_self, entering.ruleset, 0) == 0);
}

static void on_signal(int number)
{
	int kept = errno;

	(void)number;
	if (!restrict_thread())
		atomic_store(&entering.failed, errno);
	atomic_fetch_add(&entering.done, 1);
	errno = kept;
}

/* Have one thread do it, and wait for that. False when it does not. */
static bool enter_thread(pid_t thread)
{
	const struct timespec recheck = {.tv_nsec = THREAD_RECHECK_NS};
	uint64_t deadline_us = tt_clock_monotonic_us() + THREAD_DEADLINE_US;
	unsigned int before = atomic_load(&entering.done);

	if (thread == gettid()) {
		on_signal(0);
		return true;
	}
	if (syscall(SYS_tgkill, getpid(), thread, SIGRTMAX) != 0)
		return errno == ESRCH;
	while (atomic_load(&entering.done) == before) {
		/* One that ended before it saw the signal. */
		if (syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH)
			return true;
		if (tt_clock_monotonic_us() > deadline_us)
			return false;
		nanosleep(&recheck, NULL);
	}
	return true;
}

/* The threads of /proc/self/task that are not in `entered` yet. True when there was none. */
static int enter_new_threads(pid_t *entered, size_t *count, bool *found)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	int code = 0;

	*found = false;
	if (folder == NULL)
		return tt_error_from_errno(errno);
	while (code == 0 && (entry = readdir(folder)) != NULL) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
		size_t i = 0;

		while (i < *count && entered[i] != thread)
			i++;
		if (thread <= 0 || i < *count)
			continue;
		if (*count == THREADS_LIMIT || !enter_thread(thread)) {
			code = TT_ERROR_BUSY;
		} else {
			entered[(*count)++] = thread;
			*found = true;
		}
	}
	closedir(folder);
	return code;
}

/* Capabilities and Landlock are a thread's own: a signal has each do it, until no thread is left
 * that one of those before may have started meanwhile. */
static int enter_threads(void)
{
	const struct sigaction enter = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pid_t entered[THREADS_LIMIT];
	struct sigaction former;
	size_t count = 0;
	bool found = true;
	int code = 0;

	sigaction(SIGRTMAX, &enter, &former);
	while (code == 0 && found)
		code = enter_new_threads(entered, &count, &found);
	/* A signal that is late would end the process. */
	if (code == 0)
		sigaction(SIGRTMAX, &former, NULL);
	int failure = atomic_load(&entering.failed);
	if (code == 0 && failure != 0) {
		tt_log_error("cannot give up the rights of a thread: %s", strerror(failure));
		return tt_error_from_errno(failure);
	}
	if (code != 0)
		tt_log_error("cannot give up the rights of all threads: %s", tt_error_text(code));
	return code;
}

static bool allow_below(int ruleset, const char *path, uint64_t accesses)
{
	struct landlock_path rule = {.allowed = accesses};
	bool ok;

	rule.parent = path == NULL ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent < 0)
		return true;
	ok = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent);
	return ok;
}

/* The ruleset, or -1 where the kernel has no Landlock, which is logged; false when it has and will
 * not, with errno. */
static bool make_ruleset(const struct tt_sandbox *sandbox, int *ruleset)
{
	const uint64_t reading = LANDLOCK_READ_FILE | LANDLOCK_READ_FOLDER;
	const size_t known = sizeof(landlock_files) / sizeof(landlock_files[0]);
	struct landlock_ruleset all = {.network = LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
	bool ok;

	*ruleset = -1;
	if (abi < 1) {
		tt_log_info("this kernel has no Landlock: files stay readable that the user may "
			    "read");
		return true;
	}
	all.files = landlock_files[(size_t)abi < known ? (size_t)abi : known - 1];
	*ruleset = (int)syscall(SYS_landlock_create_ruleset, &all,
		abi < LANDLOCK_ABI_NETWORK ? sizeof(all.files) : sizeof(all), 0);
	if (*ruleset < 0)
		return false;
	ok = allow_below(*ruleset, "/proc", reading) && allow_below(*ruleset, "/sys", reading);
	for (size_t i = 0; ok && i < sandbox->readable_count; i++)
		ok = allow_below(*ruleset, sandbox->readable[i], reading);
	for (size_t i = 0; ok && i < sandbox->removable_count; i++)
		ok = allow_below(*ruleset, sandbox->removable[i], LANDLOCK_REMOVE_FILE);
	return ok;
}

/* What is allowed with some arguments only; a mask says which bits of one count. */
static int allow_some(scmp_filter_ctx filter, bool connects)
{
	const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
	const uint64_t self = (uint64_t)getpid();
	const struct {
		int call;
		struct scmp_arg_cmp argument;
	} some[] = {
		{SCMP_SYS(open), SCMP_A1_64(SCMP_CMP_MASKED_EQ, writing, O_RDONLY)},
		{SCMP_SYS(openat), SCMP_A2_64(SCMP_CMP_MASKED_EQ, writing, O_RDONLY)},
		{SCMP_SYS(mmap), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(mprotect), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(clone), SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
		{SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX)},
		{SCMP_SYS(socketpair), SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX)},
		{SCMP_SYS(prctl), SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME)},
		{SCMP_SYS(prctl), SCMP_A0_32(SCMP_CMP_EQ, PR_GET_NAME)},
		{SCMP_SYS(prlimit64), SCMP_A2_64(SCMP_CMP_EQ, 0)},
		{SCMP_SYS(kill), SCMP_A0_32(SCMP_CMP_EQ, self)},
		{SCMP_SYS(tgkill), SCMP_A0_32(SCMP_CMP_EQ, self)},
	};
	int result = 0;

	for (size_t i = 0; result == 0 && i < sizeof(some) / sizeof(some[0]); i++)
		result = seccomp_rule_add_array(
			filter, SCMP_ACT_ALLOW, some[i].call, 1, &some[i].argument);
	if (result == 0 && connects)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	/* Its flags are in memory, which a filter cannot read: the library falls back to clone. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return result;
}

static int filter_calls(bool connects)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = filter == NULL ? -ENOMEM : seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* A binary tree: every call of a worker that naps goes through it. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; result == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (result == 0)
		result = allow_some(filter, connects);
	if (result == 0)
		result = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (result == 0)
		return 0;
	tt_log_error("cannot filter system calls: %s", strerror(-result));
	return tt_error_from_errno(-result);
}

int tt_sandbox_enter(const struct tt_sandbox *sandbox)
{
	int code = 0;

	/* Ending a thread loads it, which needs executable memory. It stays for good. */
	if (dlopen(LIBRARY_OF_PTHREADS, RTLD_NOW) == NULL)
		tt_log_debug("%s", dlerror());
	if (!make_ruleset(sandbox, &entering.ruleset)) {
		tt_log_error("cannot set Landlock up: %s", strerror(errno));
		code = tt_error_from_errno(errno);
	}
	if (code == 0)
		code = enter_threads();
	if (entering.ruleset >= 0)
		close(entering.ruleset);
	return code == 0 ? filter_calls(sandbox->connects) : code;
}
