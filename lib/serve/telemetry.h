/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance's commands on the EAL's telemetry socket:
 *
 *     /taptrace/info
 *     /taptrace/ports[,PORT]          pages, from this port on
 *     /taptrace/workers[,WORKER]      pages, from this worker on
 *     /taptrace/stages,WORKER
 *     /taptrace/ledger
 *     /taptrace/limits
 *     /taptrace/health
 *     /taptrace/clients[,CLIENT]      pages, from this one on
 *     /taptrace/connections[,CURSOR]  pages of active connections
 *     /taptrace/closed[,SEQUENCE]     pages of the journal of closed connections
 *     /taptrace/dns[,SEQUENCE]        pages of DNS transactions; http and tls alike
 *     /taptrace/names,ADDRESS
 *     /taptrace/reload                reads the configuration anew
 *
 * A page that is not the last has `next`, the parameter that asks for the one after it. A page of
 * a journal also has `sequence`, from where to ask later for those that have closed since, and
 * `lost`, how many of those asked for had gone. A wrong parameter gives null, as the library's own
 * commands do.
 *
 * The library calls back on threads of its own, several at a time; they read counters and ask the
 * control core.
 */
#ifndef TT_SERVE_TELEMETRY_H
#define TT_SERVE_TELEMETRY_H

#include "serve/status_fields.h"

/* Answer from here on. The EAL runs; all that is passed outlives tt_telemetry_stop(). One run at a
 * time. 0, or TT_ERROR_UNSUPPORTED after a line in the log when the library refuses a command. */
int tt_telemetry_start(const struct tt_status *status);

/* Waits for who is being answered; whoever asks later gets null. Harmless without a start. */
void tt_telemetry_stop(void);

#endif
