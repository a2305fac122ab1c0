/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/quic_crypto.h"

#include <string.h>

/* Note bytes as there, those that touch them in one range with them; false when there are too many
 * ranges. */
static bool add_range(struct tt_quic_message *message, uint16_t begin, uint16_t end)
{
	unsigned int first = 0;

	while (first < message->ranges && message->range[first].end < begin)
		first++;
	unsigned int last = first;
	struct tt_quic_range joined = {begin, end};

	for (; last < message->ranges && message->range[last].begin <= end; last++) {
		const struct tt_quic_range *range = &message->range[last];

		joined.begin = range->begin < joined.begin ? range->begin : joined.begin;
		joined.end = range->end > joined.end ? range->end : joined.end;
	}
	if (last == first && message->ranges == TT_QUIC_RANGES)
		return false;
	memmove(message->range + first + 1, message->range + last,
		(message->ranges - last) * sizeof(message->range[0]));
	message->range[first] = joined;
	message->ranges = (uint16_t)(message->ranges + 1 - (last - first));
	return true;
}

bool tt_quic_message_add(
	struct tt_quic_message *message, uint64_t offset, const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return true;
	if (offset >= TT_QUIC_MESSAGE_BYTES)
		return false;
	size_t room = TT_QUIC_MESSAGE_BYTES - (size_t)offset;
	size_t count = length < room ? length : room;

	if (!add_range(message, (uint16_t)offset, (uint16_t)(offset + count)))
		return false;
	memcpy(message->bytes + offset, bytes, count);
	return count == length;
}

size_t tt_quic_message_prefix(const struct tt_quic_message *message)
{
	return message->ranges > 0 && message->range[0].begin == 0 ? message->range[0].end : 0;
}

void tt_quic_message_copy(struct tt_quic_message *copy, const struct tt_quic_message *message)
{
	copy->ranges = message->ranges;
	for (unsigned int i = 0; i < message->ranges; i++) {
		const struct tt_quic_range *range = &message->range[i];

		copy->range[i] = *range;
		memcpy(copy->bytes + range->begin, message->bytes + range->begin,
			(size_t)range->end - range->begin);
	}
}
