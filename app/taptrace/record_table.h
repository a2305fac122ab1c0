/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as rows of tables, one table for each type, from their JSON.
 */
#ifndef TT_APP_RECORD_TABLE_H
#define TT_APP_RECORD_TABLE_H

#include "table.h"

#include <jansson.h>

/* The columns of a type of record, for tt_table_begin(); NULL for one without a table. */
const struct tt_column *tt_record_columns(const char *type);

/* Append a record to the table of its type. */
void tt_record_row(struct tt_table *table, const json_t *record);

#endif
