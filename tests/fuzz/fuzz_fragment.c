/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fragment table on any sequence of packets: each is a length, a step of time, and so many
 * bytes of raw IP. The table is small, so that it is full all the time.
 */
#include "packet/fragment.h"

#include "packet/decode.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAMS  4
#define SLOTS	   2
#define SLOT_BYTES 512
#define TIMEOUT_US 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *zeroed(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, whole);

	if (memory == NULL)
		abort();
	memset(memory, 0, whole);
	return memory;
}

static void see(
	struct tt_fragment_table *table, const uint8_t *frame, uint32_t length, uint64_t now_us)
{
	static const struct tt_decode_options decode = {
		.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};
	struct tt_fragment_outcome outcome;
	struct tt_packet packet;
	struct tt_packet outer;

	if (tt_decode(&packet, &decode, TT_LINK_RAW_IP, frame, length, length) != TT_DECODE_IP)
		return;
	if ((packet.flags & TT_PACKET_OUTER_FIRST) != 0) {
		tt_fragment_outer_packet(&outer, &packet);
		tt_fragment_see_tunnel(table, &outer, 0, now_us, &outcome);
	}
	if ((packet.flags & TT_PACKET_FRAGMENT) == 0)
		return;
	tt_fragment_see(table, &packet, 0, 1, now_us, &outcome);
	if (outcome.whole != NULL &&
		((outcome.result != TT_FRAGMENT_FIRST && outcome.result != TT_FRAGMENT_KNOWN) ||
			outcome.whole_bytes > SLOT_BYTES - 8))
		abort();
	if (tt_counter_read(&tt_fragment_counters(table)->datagrams) > DATAGRAMS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tt_fragment_options options = {
		.datagrams = DATAGRAMS, .timeout_us = TIMEOUT_US, .seed = 1};
	void *memory = zeroed(tt_fragment_table_bytes(DATAGRAMS));
	void *slots = zeroed(tt_reassembly_bytes(SLOTS, SLOT_BYTES));
	struct tt_fragment_table *table = tt_fragment_table_make(memory, &options);
	struct tt_fragment_orphan orphan;
	uint64_t now_us = 1;

	tt_fragment_reassemble(table, tt_reassembly_make(slots, SLOTS, SLOT_BYTES));
	for (size_t at = 0; size - at > 2;) {
		size_t length = data[at] < size - at - 2 ? data[at] : size - at - 2;

		now_us += data[at + 1];
		see(table, data + at + 2, (uint32_t)length, now_us);
		at += 2 + length;
		if (data[at - 1] % 16 == 0)
			tt_fragment_expire(table, now_us, &orphan);
	}
	while (tt_fragment_expire(table, UINT64_MAX, &orphan) != TT_FRAGMENT_NONE_EXPIRED)
		continue;
	if (tt_counter_read(&tt_fragment_counters(table)->datagrams) != 0)
		abort();
	free(memory);
	free(slots);
	return 0;
}
