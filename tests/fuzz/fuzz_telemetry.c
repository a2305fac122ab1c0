/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The telemetry commands' parameters, of which the first byte of the input chooses the command. They
 * are asked of a run that has some connections, as DPDK's threads ask: by the callbacks that the
 * run registers. The library hands over what is printable.
 */
#include "fuzz_run.h"
#include "serve/telemetry.h"

#include <ctype.h>
#include <dlfcn.h>
#include <rte_telemetry.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS	64
#define ALLOCATED	4096
#define PARAMETER_BYTES 56 /* of a whole command, in the library */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const char *name;
	telemetry_cb answer;
} commands[COMMANDS];
static size_t command_count;

/* Instead of the library's: the commands are called from here alone. */
int rte_telemetry_register_cmd(const char *name, telemetry_cb answer, const char *help)
{
	(void)help;
	if (strncmp(name, "/taptrace/", 10) == 0) {
		check(command_count < COMMANDS);
		commands[command_count].name = name;
		commands[command_count++].answer = answer;
	}
	return 0;
}

/* The library frees what lies within a reply when it sends it, and there is no way to ask for that:
 * what is allocated is remembered. */
static struct rte_tel_data *allocated[ALLOCATED];
static size_t allocated_count;

struct rte_tel_data *rte_tel_data_alloc(void)
{
	struct rte_tel_data *(*alloc)(void);

	*(void **)&alloc = dlsym(RTLD_NEXT, "rte_tel_data_alloc");
	check(allocated_count < ALLOCATED);
	return allocated[allocated_count++] = alloc();
}

static void free_allocated(struct rte_tel_data *data)
{
	void (*free_data)(struct rte_tel_data * data);

	*(void **)&free_data = dlsym(RTLD_NEXT, "rte_tel_data_free");
	free_data(data);
}

void rte_tel_data_free(struct rte_tel_data *data)
{
	for (size_t i = 0; i < allocated_count; i++)
		if (allocated[i] == data)
			allocated[i] = allocated[--allocated_count];
	free_allocated(data);
}

static void start(void)
{
	static struct tt_status status;

	if (command_count > 0)
		return;
	fuzz_run_start(&status);
	check(tt_telemetry_start(&status) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char parameter[PARAMETER_BYTES + 1];
	size_t length = 0;

	start();
	if (size < 1)
		return 0;
	while (length < PARAMETER_BYTES && length + 1 < size && isprint(data[length + 1])) {
		parameter[length] = (char)data[length + 1];
		length++;
	}
	parameter[length] = '\0';
	struct rte_tel_data *reply = rte_tel_data_alloc();
	check(reply != NULL);
	size_t command = data[0] % command_count;
	(void)commands[command].answer(
		commands[command].name, length == 0 ? NULL : parameter, reply);
	while (allocated_count > 0)
		free_allocated(allocated[--allocated_count]);
	return 0;
}
