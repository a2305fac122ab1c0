/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding a build, whole and cut, with what must hold of every decode asserted.
 */
#ifndef TT_TESTS_PACKET_CHECK_H
#define TT_TESTS_PACKET_CHECK_H

#include "packet/decode.h"

#include "build.h"
#include "sane.h"
#include "suite.h"

static const struct tt_decode_options check_all = {
	.layer_kinds = UINT32_MAX, .layer_limit = TT_PACKET_LAYERS};

/* Decode the first `captured` bytes of the frame flush against an unreadable page. The pointers in
 * *packet are turned to the build's own bytes. */
static inline enum tt_decode_result check_decode_cut(struct tt_packet *packet,
	const struct tt_decode_options *options, enum tt_link_type link, const struct build *build,
	size_t captured)
{
	struct guarded guarded = guarded_copy(build->bytes, captured);

	memset(packet, 0xee, sizeof(*packet));
	enum tt_decode_result result = tt_decode(
		packet, options, link, guarded.bytes, (uint32_t)captured, (uint32_t)build->length);

	if (result == TT_DECODE_IP) {
		CU_ASSERT_TRUE(check_is_sane(packet, guarded.bytes, captured));
		packet->ip = build->bytes + (packet->ip - guarded.bytes);
		packet->source = build->bytes + (packet->source - guarded.bytes);
		packet->destination = build->bytes + (packet->destination - guarded.bytes);
		if (packet->transport != NULL)
			packet->transport = build->bytes + (packet->transport - guarded.bytes);
		if (packet->payload != NULL)
			packet->payload = build->bytes + (packet->payload - guarded.bytes);
		if ((packet->flags & TT_PACKET_OUTER_FIRST) != 0)
			packet->outer.ip = build->bytes + (packet->outer.ip - guarded.bytes);
	}
	guarded_free(&guarded);
	return result;
}

/* Decode the whole frame, and every cut of it: what is known never becomes less as more of it is
 * captured, and never differs from what the whole says at the same depth. */
static inline enum tt_decode_result check_decode(struct tt_packet *packet,
	const struct tt_decode_options *options, enum tt_link_type link, const struct build *build)
{
	enum tt_decode_result whole = check_decode_cut(packet, options, link, build, build->length);
	unsigned int layers = 0;
	bool is_ip = false;

	for (size_t captured = 0; captured < build->length; captured++) {
		struct tt_packet cut;
		enum tt_decode_result result =
			check_decode_cut(&cut, options, link, build, captured);

		CU_ASSERT_TRUE(result == TT_DECODE_IP || !is_ip);
		if (result != TT_DECODE_IP)
			continue;
		is_ip = true;
		CU_ASSERT_EQUAL(whole, TT_DECODE_IP);
		CU_ASSERT_TRUE((cut.flags & TT_PACKET_CUT) != 0);
		CU_ASSERT_TRUE(cut.layer_count >= layers);
		layers = cut.layer_count;
		if (cut.ip == packet->ip) {
			CU_ASSERT_EQUAL(cut.ip_bytes, packet->ip_bytes);
			CU_ASSERT_EQUAL(cut.layer_count, packet->layer_count);
			CU_ASSERT_EQUAL(cut.ip_protocol, packet->ip_protocol);
			CU_ASSERT_TRUE(cut.payload_bytes == 0 ||
				cut.payload_bytes == packet->payload_bytes);
			CU_ASSERT_TRUE((cut.flags & TT_PACKET_PORTS) == 0 ||
				(cut.source_port == packet->source_port &&
					cut.destination_port == packet->destination_port));
		}
	}
	return whole;
}

#endif
