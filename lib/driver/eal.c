/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/eal.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static FILE *log_stream;
static char first_error[256]; /* written under log_stream's lock */
static int lock_fd = -1;
static char runtime_folder[448];

void tt_arguments_add(struct tt_arguments *arguments, const char *format, ...)
{
	char **items =
		realloc(arguments->items, (arguments->count + 2) * sizeof(*arguments->items));
	char *text = NULL;
	va_list values;

	if (items != NULL)
		arguments->items = items;
	va_start(values, format);
	int length = vasprintf(&text, format, values);
	va_end(values);
	if (items == NULL || length < 0) {
		if (length >= 0)
			free(text);
		arguments->failed = true;
		return;
	}
	items[arguments->count++] = text;
	items[arguments->count] = NULL;
}

void tt_arguments_free(struct tt_arguments *arguments)
{
	for (size_t i = 0; i < arguments->count; i++)
		free(arguments->items[i]);
	free(arguments->items);
	*arguments = (struct tt_arguments){0};
}

/* "0,1,4" */
static void print_cpus(char *text, size_t text_bytes, const cpu_set_t *cpus)
{
	size_t length = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus) && length < text_bytes)
			length += (size_t)snprintf(text + length, text_bytes - length, "%s%d",
				length == 0 ? "" : ",", cpu);
}

/* One CPU for each worker, the first left to the control core, where there are enough of them. */
static bool spread_workers(
	uint32_t *worker_cpus, uint32_t workers, const cpu_set_t *cpus, int32_t control_cpu)
{
	uint32_t placed = 0;
	bool control_placed = control_cpu >= 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && placed < workers; cpu++) {
		if (!CPU_ISSET(cpu, cpus) || cpu == control_cpu)
			continue;
		if (!control_placed)
			control_placed = true;
		else
			worker_cpus[placed++] = (uint32_t)cpu;
	}
	return placed == workers;
}

static void add_lcores(
	struct tt_arguments *arguments, const struct tt_eal_request *request, const cpu_set_t *cpus)
{
	const struct tt_config *config = request->config;
	uint32_t workers = config->workers.count;
	uint32_t spread[TT_CONFIG_WORKERS];
	const uint32_t *worker_cpus = NULL;
	cpu_set_t control_cpus = *cpus;
	char all[4096], control[4096], lcores[8192];

	if (!request->captures && config->workers.cpu_count == workers)
		worker_cpus = config->workers.cpus;
	else if (!request->captures && spread_workers(spread, workers, cpus, config->control.cpu))
		worker_cpus = spread;

	print_cpus(all, sizeof(all), cpus);
	if (request->captures || worker_cpus == NULL) {
		if (request->captures || config->control.cpu < 0)
			tt_arguments_add(arguments, "--lcores=(0-%u)@(%s)", workers, all);
		else
			tt_arguments_add(arguments, "--lcores=0@%d,(1-%u)@(%s)",
				config->control.cpu, workers, all);
		return;
	}

	if (config->control.cpu >= 0) {
		CPU_ZERO(&control_cpus);
		CPU_SET((size_t)config->control.cpu, &control_cpus);
	} else {
		for (uint32_t worker = 0; worker < workers; worker++)
			CPU_CLR(worker_cpus[worker], &control_cpus);
		if (CPU_COUNT(&control_cpus) == 0)
			control_cpus = *cpus;
	}
	print_cpus(control, sizeof(control), &control_cpus);
	int length = snprintf(lcores, sizeof(lcores), "0@(%s)", control);
	for (uint32_t worker = 0; worker < workers; worker++)
		length += snprintf(lcores + length, sizeof(lcores) - (size_t)length, ",%u@%u",
			worker + 1, worker_cpus[worker]);
	tt_arguments_add(arguments, "--lcores=%s", lcores);
}

static uint64_t heap_mib(const struct tt_eal_request *request)
{
	return (request->heap_bytes + MIB - 1) / MIB;
}

static unsigned int node_count(const struct tt_eal_request *request)
{
	return request->nodes == 0 ? 1 : (unsigned int)__builtin_popcountll(request->nodes);
}

/* All of it at start: once root's rights are gone the heap may be unable to grow. */
static void add_memory(
	struct tt_arguments *arguments, const struct tt_eal_request *request, bool huge_pages)
{
	uint64_t mib = heap_mib(request);
	char per_node[1024];
	int length = 0;

	if (!huge_pages) {
		tt_arguments_add(arguments, "--no-huge");
		tt_arguments_add(arguments, "-m");
		tt_arguments_add(arguments, "%" PRIu64, mib * node_count(request));
		return;
	}
	tt_arguments_add(arguments, "--in-memory");
	if (request->one_file_segment)
		tt_arguments_add(arguments, "--single-file-segments");
	if ((request->nodes & ~(uint64_t)1) == 0) {
		tt_arguments_add(arguments, "-m");
		tt_arguments_add(arguments, "%" PRIu64, mib);
		return;
	}
	for (unsigned int node = 0; request->nodes >> node != 0 && node < 63; node++)
		length += snprintf(per_node + length, sizeof(per_node) - (size_t)length,
			"%s%" PRIu64, node == 0 ? "" : ",",
			request->nodes >> node & 1 ? mib : (uint64_t)0);
	tt_arguments_add(arguments, "--socket-mem=%s", per_node);
}

void tt_eal_arguments(struct tt_arguments *arguments, const struct tt_eal_request *request,
	const cpu_set_t *cpus, bool huge_pages)
{
	tt_arguments_add(arguments, "taptrace");
	add_lcores(arguments, request, cpus);
	tt_arguments_add(arguments, "--main-lcore=0");
	add_memory(arguments, request, huge_pages);
	if (request->captures) {
		tt_arguments_add(arguments, "--no-telemetry");
		tt_arguments_add(arguments, "--no-shconf");
		tt_arguments_add(arguments, "--file-prefix=taptrace%ld", (long)getpid());
	} else {
		tt_arguments_add(arguments, "--file-prefix=%s", request->config->telemetry.prefix);
		if (!request->physical_iova)
			tt_arguments_add(arguments, "--iova-mode=va");
	}
	if (request->pci_count == 0)
		tt_arguments_add(arguments, "--no-pci");
	for (size_t i = 0; i < request->pci_count; i++)
		tt_arguments_add(arguments, "--allow=%s", request->pci_addresses[i]);
}

/* DPDK's log: each line to our debug level, and the first error kept for the one line that the
 * user gets. */
static ssize_t write_log(void *cookie, const char *text, size_t length)
{
	(void)cookie;
	size_t end = length;

	while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
		end--;
	if (end == 0)
		return (ssize_t)length;
	tt_log_debug("dpdk: %.*s", (int)end, text);
	if (first_error[0] == '\0' && rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR) {
		const char *colon = memchr(text, ':', end);
		const char *start = colon != NULL && colon - text < 24 ? colon + 1 : text;
		while (start < text + end && *start == ' ')
			start++;
		snprintf(
			first_error, sizeof(first_error), "%.*s", (int)(text + end - start), start);
	}
	return (ssize_t)length;
}

static void capture_log(void)
{
	const cookie_io_functions_t functions = {.write = write_log};

	if (log_stream == NULL)
		log_stream = fopencookie(NULL, "w", functions);
	if (log_stream != NULL)
		rte_openlog_stream(log_stream);
}

void tt_eal_first_error(char *text, size_t text_bytes)
{
	if (log_stream != NULL)
		flockfile(log_stream);
	snprintf(text, text_bytes, "%s", first_error);
	first_error[0] = '\0';
	if (log_stream != NULL)
		funlockfile(log_stream);
}

static int check_cpu(const char *key, uint32_t cpu, const cpu_set_t *cpus)
{
	char all[512];

	if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, cpus))
		return 0;
	print_cpus(all, sizeof(all), cpus);
	tt_log_error("%s: CPU %u is not one that this process may run on (%s)", key, cpu, all);
	return TT_ERROR_ARGUMENT;
}

static int check_cpus(const struct tt_config *config, const cpu_set_t *cpus)
{
	for (uint32_t worker = 0; worker < config->workers.cpu_count; worker++) {
		int code = check_cpu("workers.cpus", config->workers.cpus[worker], cpus);
		if (code != 0)
			return code;
	}
	if (config->control.cpu >= 0)
		return check_cpu("control.cpu", (uint32_t)config->control.cpu, cpus);
	return 0;
}

/* The number behind `key` at the start of a line of a file; 0 where there is none. */
static uint64_t read_number(const char *path, const char *key)
{
	uint64_t number = 0;
	char line[128];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0) {
			number = strtoull(line + strlen(key), NULL, 10);
			break;
		}
	fclose(file);
	return number;
}

/* Huge pages of either size that nobody has taken. */
static uint64_t free_huge_bytes(void)
{
	const char *format = "/sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages";
	static const unsigned int sizes_kb[] = {2048, 1048576};
	uint64_t bytes = 0;
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), format, sizes_kb[i]);
		bytes += read_number(path, "") * sizes_kb[i] * 1024;
	}
	return bytes;
}

static uint64_t available_bytes(void)
{
	uint64_t kilobytes = read_number("/proc/meminfo", "MemAvailable:");

	return kilobytes == 0 ? UINT64_MAX : kilobytes * 1024;
}

uint64_t tt_eal_memory_available(bool huge_pages)
{
	uint64_t available = available_bytes();

	if (available == UINT64_MAX || !huge_pages)
		return available;
	return available + free_huge_bytes();
}

static int choose_memory(const struct tt_eal_request *request, bool *huge_pages)
{
	enum tt_config_huge_pages wish =
		request->captures ? TT_HUGE_PAGES_NEVER : request->config->memory.huge_pages;
	uint64_t needed_mib = heap_mib(request) * node_count(request);
	uint64_t huge_mib = wish == TT_HUGE_PAGES_NEVER ? 0 : free_huge_bytes() / MIB;
	uint64_t available_mib = available_bytes() / MIB;

	*huge_pages = wish != TT_HUGE_PAGES_NEVER && huge_mib >= needed_mib;
	if (*huge_pages)
		return 0;
	if (wish == TT_HUGE_PAGES_REQUIRE) {
		tt_log_error("memory.huge_pages: %" PRIu64
			     " MiB of huge pages are needed and %" PRIu64
			     " MiB are free: sysctl -w vm.nr_hugepages=N reserves N of "
			     "2 MiB",
			needed_mib, huge_mib);
		return TT_ERROR_MEMORY;
	}
	if (needed_mib > available_mib) {
		tt_log_error("%" PRIu64 " MiB of memory are needed for packets and %" PRIu64
			     " MiB are available: lower memory.mbufs or memory.mbuf_size",
			needed_mib, available_mib);
		return TT_ERROR_MEMORY;
	}
	if (wish == TT_HUGE_PAGES_AUTO)
		tt_log_info("%" PRIu64 " MiB of huge pages are free, less than the %" PRIu64
			    " MiB needed: running without",
			huge_mib, needed_mib);
	return 0;
}

/* Of the folders around, which others share, everyone may look for what is in them. */
static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL)
			*slash = '\0';
		int result = mkdir(path, slash != NULL ? 0755 : 0700);
		if (slash != NULL)
			*slash = '/';
		if (result != 0 && errno != EEXIST)
			return tt_error_from_errno(errno);
		if (slash == NULL)
			return 0;
	}
}

/* The folder is the one that the EAL takes for this prefix and that holds the telemetry socket.
 * The EAL itself lets two processes share it when their memory is not in files. */
static int take_lock(const char *prefix)
{
	const char *parent = getenv("RUNTIME_DIRECTORY");
	char *folder = runtime_folder;
	char path[512];

	if (parent == NULL && getuid() == 0)
		parent = "/var/run";
	if (parent == NULL)
		parent = getenv("XDG_RUNTIME_DIR");
	if (parent == NULL)
		parent = "/tmp";
	if ((size_t)snprintf(folder, sizeof(runtime_folder), "%s/dpdk/%s", parent, prefix) >=
		sizeof(runtime_folder)) {
		tt_log_error("telemetry.prefix: the runtime folder's path is too long");
		return TT_ERROR_ARGUMENT;
	}
	snprintf(path, sizeof(path), "%s/lock", folder);
	int code = make_folders(folder);
	if (code == 0) {
		lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (lock_fd < 0)
			code = tt_error_from_errno(errno);
	}
	if (code != 0) {
		tt_log_error("%s: %s", path, strerror(errno));
		return code;
	}
	if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
		tt_log_error("telemetry.prefix: another taptraced runs as \"%s\" (%s is locked): "
			     "stop it or take another prefix",
			prefix, path);
		close(lock_fd);
		lock_fd = -1;
		return TT_ERROR_BUSY;
	}
	return 0;
}

/* A run over captures shares nothing: its EAL gets a folder of its own, which is gone before the
 * first packet. */
static int make_private_folder(char *folder, size_t folder_bytes)
{
	const char *parent = getenv("TMPDIR");

	if (parent == NULL)
		parent = "/tmp";
	snprintf(folder, folder_bytes, "%s/taptrace-eal-XXXXXX", parent);
	if (mkdtemp(folder) != NULL)
		return 0;
	int code = tt_error_from_errno(errno);
	tt_log_error(
		"%s: cannot create a folder (TMPDIR names another): %s", parent, strerror(errno));
	return code;
}

static void remove_private_folder(const char *folder)
{
	char inner[512];

	snprintf(inner, sizeof(inner), "%s/dpdk/taptrace%ld", folder, (long)getpid());
	rmdir(inner);
	snprintf(inner, sizeof(inner), "%s/dpdk", folder);
	rmdir(inner);
	rmdir(folder);
}

/* rte_eal_init() overwrites pointers in the vector it is given, but keeps none of it. */
static int init_eal(const struct tt_arguments *arguments)
{
	char **vector = calloc(arguments->count + 1, sizeof(*vector));

	if (vector == NULL) {
		rte_errno = ENOMEM;
		return -1;
	}
	memcpy(vector, arguments->items, arguments->count * sizeof(*vector));
	int result = rte_eal_init((int)arguments->count, vector);
	free(vector);
	return result;
}

static int init_in_private_folder(const struct tt_arguments *arguments, const char *folder)
{
	const char *former = getenv("RUNTIME_DIRECTORY");
	char *kept = former == NULL ? NULL : strdup(former);

	setenv("RUNTIME_DIRECTORY", folder, 1);
	int result = init_eal(arguments);
	if (kept != NULL)
		setenv("RUNTIME_DIRECTORY", kept, 1);
	else
		unsetenv("RUNTIME_DIRECTORY");
	free(kept);
	return result;
}

int tt_eal_start(const struct tt_eal_request *request)
{
	struct tt_arguments arguments = {0};
	char folder[256], reason[256];
	bool huge_pages;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
		tt_log_error("cannot read the CPUs of this process: %s", strerror(errno));
		return tt_error_from_errno(errno);
	}
	int code = request->captures ? 0 : check_cpus(request->config, &cpus);
	if (code == 0)
		code = choose_memory(request, &huge_pages);
	if (code == 0)
		code = request->captures ? make_private_folder(folder, sizeof(folder))
					 : take_lock(request->config->telemetry.prefix);
	if (code != 0)
		return code;

	int result = -1;
	tt_eal_arguments(&arguments, request, &cpus, huge_pages);
	capture_log();
	if (arguments.failed)
		rte_errno = ENOMEM;
	else
		result = request->captures ? init_in_private_folder(&arguments, folder)
					   : init_eal(&arguments);
	tt_arguments_free(&arguments);
	if (request->captures)
		remove_private_folder(folder);
	if (result < 0) {
		tt_eal_first_error(reason, sizeof(reason));
		tt_log_error("cannot start DPDK's EAL: %s",
			reason[0] != '\0' ? reason : rte_strerror(rte_errno));
		return rte_errno == ENOMEM ? TT_ERROR_MEMORY : TT_ERROR_DEVICE;
	}
	return 0;
}

const char *tt_eal_runtime_folder(void)
{
	return runtime_folder;
}

void tt_eal_stop(void)
{
	rte_eal_cleanup();
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}
