/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control core's state, for the files that make it up. Private to lib/control.
 */
#ifndef TT_CONTROL_STATE_H
#define TT_CONTROL_STATE_H

#include "control/certificates.h"
#include "control/clients.h"
#include "control/control.h"

#include <pthread.h>
#include <stdatomic.h>

/* What threads have asked the workers to drain. Under the control core's mutex. Ids count up. */
struct statistics_request {
	uint64_t wanted; /* the latest id that someone waits for */
	uint64_t posted[TT_CONFIG_WORKERS];
	uint64_t done[TT_CONFIG_WORKERS];
};

#define WATCH_SAMPLES 61 /* a second apart: a minute */

struct watch_sample {
	uint64_t time_us; /* monotonic, as all instants here */
	uint64_t received;
	uint64_t lost;
};

/* What the control core has seen of the workers and of the ledger. Written by it alone: what is a
 * counter is read by anyone, the samples under the mutex. */
struct watch {
	tt_counter alive_us;			/* when the control core's loop came round */
	tt_counter moved_us[TT_CONFIG_WORKERS]; /* when a worker's rounds were seen to have grown */
	uint64_t rounds[TT_CONFIG_WORKERS];
	uint64_t sampled_us;
	uint64_t samples; /* taken; the latest ones are in `sample` */
	struct watch_sample sample[WATCH_SAMPLES];
};

struct tt_control {
	const struct tt_config *config;
	struct tt_pipeline *pipeline;
	struct tt_driver *driver;
	void (*closed)(void *context, const struct tt_connection_record *record);
	void (*dns)(void *context, const struct tt_dns_transaction_record *record);
	void (*http)(void *context, const struct tt_http_record *record);
	void (*tls)(void *context, const struct tt_tls_handshake_record *record,
		const uint8_t *certificate);
	void *context;
	void (*tick)(void *context);
	enum tt_close_reason end_reason;
	unsigned int worker_count;
	unsigned int drained;		       /* workers that are; the control core's own */
	uint64_t snapshots[TT_CONFIG_WORKERS]; /* latest id for each; the control core's own */
	int wake;	  /* eventfd: something to do before the next round is due */
	atomic_bool stop; /* anyone: wo, control core: ro */
	struct tt_control_counters counters;
	struct tt_names *names;		  /* NULL: DNS is not followed */
	struct tt_dns_stats *dns_stats;	  /* of all workers; NULL likewise */
	struct tt_http_stats *http_stats; /* NULL: HTTP is not followed */
	struct tt_certificates certificates;

	/* What threads share with the control core. */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool mutex_made;
	bool ended;
	struct tt_control_fetch *requests;
	struct tt_journal journal;
	struct tt_events events[TT_EVENT_KINDS]; /* without memory when they go to callbacks */
	struct tt_clients *clients;		 /* NULL likewise */
	struct statistics_request statistics;
	struct watch watch;
};

/* A round of the control core's loop: how the workers and the ledger are (health.h). */
void tt_control_watch(struct tt_control *control, uint64_t now_us);

/* Let the control core begin its next round now. From any thread. */
void tt_control_wake(struct tt_control *control);

#endif
