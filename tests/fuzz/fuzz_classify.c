/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classification of a flow. The first byte chooses stream or datagrams, the ports and whether more
 * will come, then come pieces of alternating directions, each behind its length in one byte. An answer is a protocol
 * with a name, and a stream's pieces of TT_CLASSIFY_BYTES are never asked for again.
 */
#include "protocol/classify.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[4][2] = {{40001, 40002}, {40001, 443}, {25, 40002}, {53, 123}};
	struct tt_classifier classifier = {0};
	size_t at = 1;

	for (unsigned int direction = 0; at + 1 < size; direction ^= 1) {
		size_t length = data[at] < size - at - 1 ? data[at] : size - at - 1;
		/* Of its own, so that the sanitizer sees a read past its end. */
		uint8_t *bytes = malloc(length == 0 ? 1 : length);
		uint8_t protocol = TT_PROTOCOL_NONE;
		enum tt_classify_result result = TT_CLASSIFY_OTHER;

		if (bytes == NULL)
			return 0;
		memcpy(bytes, data + at + 1, length);
		if (data[0] & 1)
			result = tt_classify_datagram(&classifier, direction,
				ports[data[0] >> 1 & 3], bytes, length, &protocol);
		else if (length > 0)
			result = tt_classify_stream(&classifier, direction, ports[data[0] >> 1 & 3],
				bytes, length, (data[0] & 8) != 0, &protocol);
		free(bytes);
		if ((result == TT_CLASSIFY_KNOWN) != (tt_protocol_name(protocol) != NULL))
			abort();
		if (result == TT_CLASSIFY_MORE && (data[0] & 1) == 0 &&
			((data[0] & 8) != 0 || length >= TT_CLASSIFY_BYTES))
			abort();
		if (result == TT_CLASSIFY_KNOWN || result == TT_CLASSIFY_UNKNOWN)
			break;
		at += 1 + length;
	}
	return 0;
}
