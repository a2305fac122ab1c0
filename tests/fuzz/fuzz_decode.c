/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tt_decode() on any bytes. The first two say how: link type and layer limit, and how much longer
 * the packet was on the wire than what was captured.
 */
#include "packet/decode.h"

#include "packet/sane.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_packet packet;

	if (size < 2 || size > 65536)
		return 0;
	enum tt_link_type link = (data[0] & 0x0f) % TT_LINK_TYPES;
	struct tt_decode_options options = {
		.layer_kinds = (data[0] & 0x80) == 0 ? UINT32_MAX : 0xaaaaaaaa,
		.layer_limit = (data[0] >> 4 & 0x07) % (TT_PACKET_LAYERS + 1),
	};
	uint32_t captured = (uint32_t)size - 2;
	enum tt_decode_result result =
		tt_decode(&packet, &options, link, data + 2, captured, captured + data[1] * 64u);

	if (result >= TT_DECODE_RESULTS)
		abort();
	if (result == TT_DECODE_IP &&
		(!check_is_sane(&packet, data + 2, captured) ||
			packet.layer_count > options.layer_limit))
		abort();
	return 0;
}
