/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The EAL: its arguments from the configuration, its start once a process, its log. Called by the
 * main thread; driver.c is the only user.
 */
#ifndef TT_DRIVER_EAL_H
#define TT_DRIVER_EAL_H

#include "config/config.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing argument vector, NULL-terminated; owns its strings. */
struct tt_arguments {
	char **items;
	size_t count;
	bool failed; /* an allocation failed: the list is not to be used */
};

void tt_arguments_add(struct tt_arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void tt_arguments_free(struct tt_arguments *arguments);

struct tt_eal_request {
	const struct tt_config *config;
	bool captures;	     /* a run over capture files: no telemetry, no huge pages, no devices */
	uint64_t heap_bytes; /* of each NUMA node that is used */
	uint64_t nodes;	     /* bit n: NUMA node n is used */
	const char *pci_addresses[TT_CONFIG_PORTS]; /* the only ones that are probed */
	size_t pci_count;
	bool physical_iova;    /* some PCI device sits behind no IOMMU */
	bool one_file_segment; /* some device shares its memory with a vhost peer */
};

/* rte_eal_init()'s arguments for `request`. `cpus` are those the process may run on. Worker w is
 * lcore w + 1, and the main lcore 0 is the control core. */
void tt_eal_arguments(struct tt_arguments *arguments, const struct tt_eal_request *request,
	const cpu_set_t *cpus, bool huge_pages);

/* Start it. On failure logs one line and returns its code. Not captures: also takes the lock that
 * keeps a second appliance of the same telemetry prefix out, until the process ends. */
int tt_eal_start(const struct tt_eal_request *request);

/* The folder with the telemetry socket, static; "" in a run over captures. */
const char *tt_eal_runtime_folder(void);

/* As tt_driver_memory_available(). Any time. */
uint64_t tt_eal_memory_available(bool huge_pages);

/* Only after a tt_eal_start() that gave 0. */
void tt_eal_stop(void);

/* The first thing that DPDK logged as an error since this was called last, without its prefix and
 * newline; "" for none. The later ones are of the callers that it failed. */
void tt_eal_first_error(char *text, size_t text_bytes);

#endif
