/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../app/taptraced/sandbox.h"

#include "base/error.h"
#include "base/log.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child enters the sandbox and tries; what is not as it must be goes to the parent as a line.
 * Made before: */
static char folder[] = "/tmp/taptrace-test-sandbox-XXXXXX";
static char inside[64], outside[64], socket_path[64];
static int listener, caller; /* TCP sockets; the listener listens */
static int lines[2];
static bool has_landlock;

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
	char line[256];
	va_list values;

	va_start(values, format);
	int length = vsnprintf(line, sizeof(line), format, values);
	va_end(values);
	if (write(lines[1], line, (size_t)length) != length)
		_exit(2);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		complain("%s: %s\n", what, strerror(errno));
}

/* `result` is of a call that has to fail with `expected`. */
static void must_fail(long result, int expected, const char *what)
{
	if (result != -1)
		complain("%s: allowed\n", what);
	else if (errno != expected)
		complain("%s: %s\n", what, strerror(errno));
}

static void try_files(void)
{
	char text[8];
	int file;

	must_fail(open(inside, O_WRONLY), EPERM, "write");
	must_fail(open(inside, O_RDWR), EPERM, "update");
	must_fail(open(inside, O_RDONLY | O_TRUNC), EPERM, "truncate");
	must_fail(open("/tmp", O_TMPFILE | O_RDWR, 0600), EPERM, "unnamed file");
	must_fail(open("/tmp/taptrace-new", O_RDONLY | O_CREAT, 0600), EPERM, "create");
	must_fail(mkdir("/tmp/taptrace-new", 0700), EPERM, "mkdir");
	must_fail(rename(inside, outside), EPERM, "rename");
	must_fail(symlink(inside, "/tmp/taptrace-new"), EPERM, "symlink");
	must_fail(chmod(inside, 0777), EPERM, "chmod");
	must_fail(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM, "mount");
	must_fail(syscall(SYS_chroot, "/tmp"), EPERM, "chroot");
	if (has_landlock) {
		must_fail(open(outside, O_RDONLY), EACCES, "read outside");
		must_fail(unlink(outside), EACCES, "unlink outside");
		must_fail(open("/etc/passwd", O_RDONLY), EACCES, "/etc/passwd");
	}
	file = open(inside, O_RDONLY);
	must(file >= 0 && read(file, text, 4) == 4 && memcmp(text, "text", 4) == 0, "read inside");
	file = open("/proc/self/status", O_RDONLY);
	must(file >= 0 && read(file, text, 4) == 4, "/proc/self/status");
	must(unlink(socket_path) == 0, "remove the socket");
}

static void try_sockets(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK};
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int pair[2];

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		must_fail(socket(families[i], SOCK_DGRAM, 0), EPERM, "socket");
	must_fail(socket(AF_INET, SOCK_STREAM, 0), EPERM, "TCP socket");
	must_fail(socket(AF_INET, SOCK_RAW, IPPROTO_TCP), EPERM, "raw socket");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	must(write(pair[0], "x", 1) == 1, "write");
	must(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
	must_fail(connect(caller, (struct sockaddr *)&address, length), EPERM, "connect");
	must_fail(bind(caller, (struct sockaddr *)&address, length), EPERM, "bind");
	must_fail(accept4(listener, NULL, NULL, SOCK_NONBLOCK), EAGAIN, "accept");
	must(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0, "unix socket");
}

static void try_processes(void)
{
	char *none[] = {NULL};
	struct rlimit limit = {0, 0};

	must_fail(execve("/bin/true", none, none), EPERM, "execve");
	must_fail(syscall(SYS_execveat, -1, "/bin/true", none, none, 0), EPERM, "execveat");
	must_fail(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0), EPERM, "fork");
	must_fail(syscall(SYS_vfork), EPERM, "vfork");
	must_fail(syscall(SYS_clone3, NULL, 0), ENOSYS, "clone3");
	must_fail(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM, "ptrace");
	must_fail(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), EPERM,
		"process_vm_readv");
	must_fail(syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0), EPERM,
		"process_vm_writev");
	must_fail(kill(getppid(), 0), EPERM, "kill the parent");
	must(kill(getpid(), 0) == 0, "kill itself");
	must_fail(syscall(SYS_unshare, CLONE_NEWUSER), EPERM, "unshare");
	must_fail(syscall(SYS_setns, 0, 0), EPERM, "setns");
	must_fail(setuid(0), EPERM, "setuid");
	must_fail(syscall(SYS_bpf, 0, NULL, 0), EPERM, "bpf");
	must_fail(syscall(SYS_io_uring_setup, 1, NULL), EPERM, "io_uring");
	must_fail(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM, "keyctl");
	must_fail(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0), EPERM, "perf_event_open");
	must_fail(syscall(SYS_userfaultfd, 0), EPERM, "userfaultfd");
	must_fail(setrlimit(RLIMIT_CORE, &limit), EPERM, "setrlimit");
	must(getrlimit(RLIMIT_CORE, &limit) == 0, "getrlimit");
}

static void try_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(page != MAP_FAILED, "mmap");
	must_fail(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM, "make code");
	must_fail((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		EPERM, "map code");
	must(mprotect(page, 4096, PROT_READ) == 0, "protect");
}

static sem_t begin;

/* What a thread finds of itself, started before or after. */
static void *try_as_thread(void *name)
{
	char path[64], line[128], value[64];
	unsigned int found = 0;

	if (name != NULL)
		sem_wait(&begin);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", gettid());
	FILE *status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "CapEff: %63s", value) == 1 ||
			sscanf(line, "CapPrm: %63s", value) == 1 ||
			sscanf(line, "CapInh: %63s", value) == 1)
			found += strcmp(value, "0000000000000000") == 0;
		else if (sscanf(line, "NoNewPrivs: %63s", value) == 1)
			found += strcmp(value, "1") == 0;
		else if (sscanf(line, "Seccomp: %63s", value) == 1)
			found += strcmp(value, "2") == 0;
	if (status != NULL)
		fclose(status);
	if (found != 5)
		complain("%s thread: has %u of 5\n", name == NULL ? "later" : "earlier", found);
	must_fail(open(inside, O_WRONLY), EPERM, "write in a thread");
	if (has_landlock)
		must_fail(open(outside, O_RDONLY), EACCES, "read outside in a thread");
	return NULL;
}

/* In a child, whose end the parent awaits. */
static void in_child(bool connects, void (*try)(void))
{
	const char *folders[] = {folder, NULL, "/nowhere/at/all"};
	char said[4096];
	ssize_t length = 0, got;
	int status;

	CU_ASSERT_EQUAL_FATAL(pipe2(lines, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		pthread_t earlier, later;
		sem_init(&begin, 0, 0);
		must(pthread_create(&earlier, NULL, try_as_thread, folder) == 0, "a thread");
		if (tt_sandbox_enter(&(struct tt_sandbox){.readable = folders,
			    .readable_count = 3,
			    .removable = folders,
			    .removable_count = 3,
			    .connects = connects}) != 0)
			complain("cannot enter\n");
		sem_post(&begin);
		must(pthread_join(earlier, NULL) == 0, "join");
		must(pthread_create(&later, NULL, try_as_thread, NULL) == 0, "a later thread");
		must(pthread_cancel(later) == 0, "cancel");
		must(pthread_join(later, NULL) == 0, "join");
		try();
		_exit(0);
	}
	close(lines[1]);
	while ((got = read(lines[0], said + length, sizeof(said) - 1 - (size_t)length)) > 0)
		length += got;
	said[length] = '\0';
	close(lines[0]);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_STRING_EQUAL(said, "");
	if (length > 0)
		fputs(said, stderr);
}

static void make_file(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CU_ASSERT_TRUE_FATAL(file >= 0);
	CU_ASSERT_EQUAL(write(file, "text", 4), 4);
	close(file);
}

static void test_set_up(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	tt_log_setup("test", TT_LOG_WARNING);
	has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
	printf("%s Landlock ", has_landlock ? "with" : "without");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(inside, sizeof(inside), "%s/inside", folder);
	snprintf(outside, sizeof(outside), "%s.outside", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	make_file(inside);
	make_file(outside);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL(listen(listener, 1), 0);
}

static void test_files(void)
{
	make_file(socket_path);
	in_child(false, try_files);
	CU_ASSERT_NOT_EQUAL(access(socket_path, F_OK), 0);
}

static void test_sockets(void)
{
	in_child(false, try_sockets);
}

static void try_connects(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at/all"};
	struct sockaddr_in remote = {.sin_family = AF_INET};
	socklen_t length = sizeof(remote);

	must_fail(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address,
			  sizeof(address)),
		ENOENT, "connect");
	must(getsockname(listener, (struct sockaddr *)&remote, &length) == 0, "getsockname");
	/* From its fourth ABI on Landlock knows TCP. */
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4)
		must_fail(
			connect(caller, (struct sockaddr *)&remote, length), EACCES, "connect out");
}

static void test_unix_peers_of_drivers(void)
{
	in_child(true, try_connects);
}

static void test_processes(void)
{
	in_child(false, try_processes);
}

static void test_memory(void)
{
	in_child(false, try_memory);
}

static void test_tear_down(void)
{
	close(listener);
	close(caller);
	CU_ASSERT_EQUAL(unlink(inside), 0);
	CU_ASSERT_EQUAL(unlink(outside), 0);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static const struct suite_test tests[] = {
	{"set up", test_set_up},
	{"files: read where named, written nowhere", test_files},
	{"sockets: of this machine only", test_sockets},
	{"drivers' peers on unix sockets may be called", test_unix_peers_of_drivers},
	{"processes: none started, watched or signalled", test_processes},
	{"memory: none becomes code", test_memory},
	{"tear down", test_tear_down},
};

SUITE_MAIN("app/sandbox", tests)
