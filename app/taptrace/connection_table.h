/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections as rows of a table, from their records in JSON.
 */
#ifndef TT_APP_CONNECTION_TABLE_H
#define TT_APP_CONNECTION_TABLE_H

#include "table.h"

#include <jansson.h>

/* For tt_table_begin(). */
extern const struct tt_column tt_connection_columns[];

/* Append a connection record. */
void tt_connection_row(struct tt_table *table, const json_t *record);

#endif
