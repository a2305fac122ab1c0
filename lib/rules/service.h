/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of services: a number for each name that any ruleset has given, for the life of the
 * process, so that records which outlive a ruleset keep their service. Numbers are given by the
 * control core, when it compiles rules, and read by any thread.
 */
#ifndef TT_RULES_SERVICE_H
#define TT_RULES_SERVICE_H

#include <stdint.h>

#define TT_SERVICES 65536 /* numbers, 0 included, which is none */

/* The number of a name, the same whenever it is asked for. 0 when there is no memory, or no number
 * left. */
uint16_t tt_service_number(const char *name);

/* The name; static. NULL for 0 and for a number that was not given. */
const char *tt_service_name(uint32_t number);

#endif
