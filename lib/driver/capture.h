/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture file as a tap port: pcap or pcapng, micro- or nanoseconds, read with libpcap into
 * mbufs. Opened and closed by the main thread, received from by one worker. Needs a mempool and
 * no port of DPDK's. Owns the file and the mbufs it has not yet handed out.
 */
#ifndef TT_DRIVER_CAPTURE_H
#define TT_DRIVER_CAPTURE_H

#include "driver/driver.h"

#include <rte_mempool.h>

/* The longest frame a capture holds: libpcap's MAXIMUM_SNAPLEN. */
#define TT_CAPTURE_FRAME_BYTES 262144

struct tt_capture;

/* Open `path` ("-": standard input; kept, not copied) and read its header. On failure logs one
 * line and returns TT_ERROR_NOT_FOUND, TT_ERROR_PERMISSION, TT_ERROR_IO, TT_ERROR_CORRUPT for what
 * is no capture, TT_ERROR_UNSUPPORTED for a link type that is not decoded, or TT_ERROR_MEMORY,
 * also where the whole pool is less than one frame. The pool outlives the capture. */
int tt_capture_open(struct tt_capture **capture, const char *path, struct rte_mempool *pool);

/* NULL is ignored. */
void tt_capture_close(struct tt_capture *capture);

/* The next packets in file order, up to `limit`; `port` is stamped on each. 0 when the capture has
 * ended, or while the pool is empty: the packet that found it empty comes first the next time.
 * A fault in the file ends the capture and is logged. Blocks while a pipe has nothing. */
unsigned int tt_capture_receive(
	struct tt_capture *capture, struct tt_received *received, unsigned int limit, uint8_t port);

/* The receiving worker asks. */
bool tt_capture_ended(const struct tt_capture *capture);

/* After the end: 0, TT_ERROR_TRUNCATED or TT_ERROR_CORRUPT. */
int tt_capture_status(const struct tt_capture *capture);

#endif
