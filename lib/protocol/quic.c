/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/quic.h"

#include <string.h>

#define LONG_HEADER 0x80
#define FIXED_BIT   0x40 /* RFC 9287 lets a server alone clear it, and not in a handshake */

/* RFC 9369 3.2 turns the types by one. */
static enum tt_quic_packet type_of(uint32_t version, uint8_t first)
{
	unsigned int type = first >> 4 & 3;

	if (version == TT_QUIC_2 || version == TT_QUIC_2_DRAFT)
		type = (type + 3) % 4;
	return (enum tt_quic_packet)type;
}

/* Is its header, behind the connection ids, that of RFC 9000? */
static bool is_known(uint32_t version)
{
	switch (version) {
	case TT_QUIC_1:
	case TT_QUIC_2:
	case TT_QUIC_2_DRAFT:
	case TT_QUIC_MVFST_1:
	case TT_QUIC_MVFST_2:
	case TT_QUIC_MVFST_14:
	case TT_QUIC_T050:
	case TT_QUIC_T051:
		return true;
	default:
		return (version >= TT_QUIC_DRAFT_22 && version <= TT_QUIC_DRAFT_34) ||
			tt_quic_is_reserved(version);
	}
}

uint64_t tt_quic_integer(struct tt_cursor *cursor)
{
	uint8_t first = tt_cursor_u8(cursor);
	uint64_t value = first & 0x3f;

	for (unsigned int left = (1U << (first >> 6)) - 1; left > 0; left--)
		value = value << 8 | tt_cursor_u8(cursor);
	return value;
}

static void id_take(struct tt_cursor *cursor, struct tt_quic_id *id)
{
	id->length = tt_cursor_u8(cursor);
	if (id->length > TT_QUIC_ID_BYTES)
		cursor->failed = true;
	const uint8_t *bytes = tt_cursor_take(cursor, id->length);
	if (bytes != NULL)
		memcpy(id->bytes, bytes, id->length);
}

bool tt_quic_header_parse(struct tt_quic_header *header, const uint8_t *bytes, size_t length)
{
	struct tt_cursor cursor = tt_cursor_over(bytes, length);
	uint8_t first = tt_cursor_u8(&cursor);

	if ((first & LONG_HEADER) == 0)
		return false;
	header->bytes = bytes;
	header->length = length;
	header->protected_bytes = 0;
	header->type = TT_QUIC_OTHER;
	header->version = tt_cursor_be32(&cursor);
	id_take(&cursor, &header->destination);
	id_take(&cursor, &header->source);
	if (tt_cursor_failed(&cursor))
		return false;
	if (!is_known(header->version))
		return true;
	if ((first & FIXED_BIT) == 0)
		return false;
	header->type = (uint8_t)type_of(header->version, first);
	if (header->type == TT_QUIC_RETRY)
		return true;
	if (header->type == TT_QUIC_INITIAL) {
		uint64_t token_bytes = tt_quic_integer(&cursor);
		if (token_bytes > tt_cursor_left(&cursor))
			return false;
		tt_cursor_skip(&cursor, (size_t)token_bytes);
	}
	uint64_t protected_bytes = tt_quic_integer(&cursor);
	if (tt_cursor_failed(&cursor) || protected_bytes > tt_cursor_left(&cursor))
		return false;
	header->protected_bytes = (size_t)protected_bytes;
	header->length = cursor.position + header->protected_bytes;
	return true;
}

/* RFC 9000 19.3. */
static void skip_acknowledgment(struct tt_cursor *cursor, bool counts)
{
	(void)tt_quic_integer(cursor); /* largest acknowledged */
	(void)tt_quic_integer(cursor); /* delay */
	uint64_t ranges = tt_quic_integer(cursor);
	(void)tt_quic_integer(cursor); /* first range */
	for (; ranges > 0 && !tt_cursor_failed(cursor); ranges--) {
		(void)tt_quic_integer(cursor);
		(void)tt_quic_integer(cursor);
	}
	for (unsigned int i = 0; counts && i < 3; i++)
		(void)tt_quic_integer(cursor);
}

/* Google's frames, in versions of its own, have other types than the same ones of RFC 9000. */
static uint64_t frame_type(uint64_t type, uint32_t version)
{
	if (version != TT_QUIC_T050 && version != TT_QUIC_T051)
		return type;
	switch (type) {
	case 0x00:
		return TT_QUIC_PADDING;
	case 0x07:
		return TT_QUIC_PING;
	case 0x08:
		return TT_QUIC_CRYPTO;
	default:
		return UINT64_MAX;
	}
}

bool tt_quic_frame_next(struct tt_cursor *cursor, struct tt_quic_frame *frame, uint32_t version)
{
	while (tt_cursor_left(cursor) > 0) {
		uint64_t bytes;

		frame->type = frame_type(tt_quic_integer(cursor), version);
		switch (frame->type) {
		case TT_QUIC_PADDING:
		case TT_QUIC_PING:
			break;
		case TT_QUIC_ACK:
		case TT_QUIC_ACK_ECN:
			skip_acknowledgment(cursor, frame->type == TT_QUIC_ACK_ECN);
			break;
		case TT_QUIC_CRYPTO:
			frame->value = tt_quic_integer(cursor);
			bytes = tt_quic_integer(cursor);
			if (bytes > tt_cursor_left(cursor))
				return false;
			frame->length = (size_t)bytes;
			frame->bytes = tt_cursor_take(cursor, frame->length);
			return !tt_cursor_failed(cursor);
		case TT_QUIC_CONNECTION_CLOSE:
			frame->value = tt_quic_integer(cursor);
			frame->bytes = NULL;
			frame->length = 0;
			(void)tt_quic_integer(cursor); /* type of the frame at fault */
			bytes = tt_quic_integer(cursor);
			if (bytes > tt_cursor_left(cursor))
				return false;
			tt_cursor_skip(cursor, (size_t)bytes);
			return !tt_cursor_failed(cursor);
		default:
			return false;
		}
	}
	return false;
}
