/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that fills a reply of DPDK's telemetry library (rte_telemetry.h) and keeps within what that
 * library can give: it knows no boolean (here 0 or 1), no double and no negative number over 32
 * bits (here text), no array of objects (here an object with the names "0", "1", ...), no string
 * over 127 bytes (cut), and of bytes over 0x7f it makes invalid JSON. Text is therefore ASCII: other
 * bytes, control characters and the backslash are \xNN. A reply that would not fit whole fails,
 * where the library would drop the rest of it in silence.
 */
#ifndef TT_SERVE_TELEMETRY_SINK_H
#define TT_SERVE_TELEMETRY_SINK_H

#include "serve/sink.h"

#include <rte_telemetry.h>

#define TT_TELEMETRY_REPLY_BYTES 16000 /* of JSON in a reply; the library's 16 KiB hold more */
#define TT_TELEMETRY_CONTAINERS	 256   /* objects and arrays in a reply */
#define TT_TELEMETRY_DEPTH	 6     /* of them in one another */
#define TT_TELEMETRY_NAME_SIZE	 64

/* An object or an array that has been begun and not ended. */
struct tt_telemetry_frame {
	struct rte_tel_data *data;
	char name[TT_TELEMETRY_NAME_SIZE];
	uint32_t elements; /* of an array */
	uint8_t kind;	   /* enum frame_kind of telemetry_sink.c */
};

struct tt_telemetry_sink {
	struct tt_sink sink;
	struct rte_tel_data *reply;
	struct tt_telemetry_frame frames[TT_TELEMETRY_DEPTH];
	uint32_t depth;
	struct rte_tel_data *containers[TT_TELEMETRY_CONTAINERS]; /* all, to free on failure */
	uint32_t container_count;
	size_t bytes; /* of JSON, about */
	bool failed;
};

/* `reply` is the library's, to be filled with one object or array. */
void tt_telemetry_sink_init(struct tt_telemetry_sink *telemetry, struct rte_tel_data *reply);

/* The document is over. 0: the library owns what the reply holds. TT_ERROR_MEMORY when it did not
 * fit or the library refused a part: everything was freed, and the reply must not be used. */
int tt_telemetry_sink_finish(struct tt_telemetry_sink *telemetry);

#endif
