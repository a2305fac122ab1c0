/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/ledger_totals.h"
#include "serve/health_fields.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#define TICKS_A_STATUS 4
#define REASONS	       8

void tt_notify_begin(struct tt_notify *notify, const struct tt_status *status)
{
	*notify = (struct tt_notify){.status = status, .counted_us = tt_clock_monotonic_us()};
}

void tt_notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void tt_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

static void log_change(struct tt_notify *notify, const struct tt_health *health)
{
	char reasons[REASONS][TT_HEALTH_REASON_BYTES];

	if (health->faults == notify->faults)
		return;
	notify->faults = health->faults;
	if (health->faults == 0) {
		tt_log_info("all is well again");
		return;
	}
	unsigned int count = tt_health_reasons(health, reasons, REASONS);
	for (unsigned int i = 0; i < count; i++)
		tt_log_warning("%s", reasons[i]);
}

static void tell_status(struct tt_notify *notify)
{
	const struct tt_status *status = notify->status;
	uint64_t now_us = tt_clock_monotonic_us();
	struct tt_ledger_totals totals;

	tt_ledger_totals(&totals, tt_control_pipeline(status->control), status->driver);
	uint64_t packets = totals.processed - notify->processed;
	uint64_t elapsed_us = now_us - notify->counted_us;

	sd_notifyf(0, "STATUS=%" PRIu64 " packets/s, %" PRIu64 " lost since the start",
		elapsed_us == 0 ? 0 : packets * 1000000 / elapsed_us,
		totals.missed + totals.no_mbuf + totals.dropped[TT_DROP_RING_FULL]);
	notify->processed = totals.processed;
	notify->counted_us = now_us;
}

void tt_notify_tick(struct tt_notify *notify)
{
	struct tt_health health;

	tt_control_health(notify->status->control, &health);
	log_change(notify, &health);
	if ((health.faults & (TT_HEALTH_WORKER_STUCK | TT_HEALTH_CONTROL_STUCK)) == 0)
		sd_notify(0, "WATCHDOG=1");
	if (notify->ticks++ % TICKS_A_STATUS == 0)
		tell_status(notify);
}
