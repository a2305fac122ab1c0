/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of records in JSON, whether or not they are there.
 */
#ifndef TT_APP_FIELDS_H
#define TT_APP_FIELDS_H

#include <jansson.h>
#include <stdint.h>

/* Integers of an object, 0 where they are absent. */
uint64_t tt_json_unsigned(const json_t *object, const char *name);

/* Text of an object, "" where it is absent. */
const char *tt_json_text(const json_t *object, const char *name);

#endif
