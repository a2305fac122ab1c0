/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/quic_connection.h"

#include <string.h>

#define CRYPTO_ERROR 0x0100 /* RFC 9000 20.1: an alert of TLS in the low byte */

_Static_assert(sizeof(struct tt_quic_message) <= TT_TLS_BUFFER_BYTES, "a message fits a buffer");

int tt_quic_reader_create(struct tt_quic_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	return tt_quic_protection_create(&reader->protection);
}

void tt_quic_reader_destroy(struct tt_quic_reader *reader)
{
	tt_quic_protection_destroy(&reader->protection);
}

static bool same_id(const struct tt_quic_id *a, const struct tt_quic_id *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static size_t open_as(const struct tt_quic_work *work, const struct tt_quic_header *header,
	uint32_t version, const struct tt_quic_id *id, bool server, struct tt_quic_keys *keys)
{
	const struct tt_quic_protection *protection = &work->reader->protection;

	return tt_quic_keys_make(keys, version, id, server)
		? tt_quic_open(protection, keys, header, work->reader->plain)
		: 0;
}

/* Who exercises negotiation with a reserved version protects with the salt of the one that he knows
 * best. */
static size_t open_with(const struct tt_quic_work *work, const struct tt_quic_header *header,
	const struct tt_quic_id *id, bool server, struct tt_quic_keys *keys)
{
	bool reserved = tt_quic_is_reserved(header->version);
	size_t length =
		open_as(work, header, reserved ? TT_QUIC_1 : header->version, id, server, keys);

	if (length == 0 && reserved)
		length = open_as(work, header, TT_QUIC_DRAFT | 29, id, server, keys);
	return length;
}

/* An Initial of the client, or of a direction that may be its: with the keys that opened another,
 * else with those of its own connection id, that is the first or that of a new attempt. */
static size_t open_client(const struct tt_quic_work *work, unsigned int direction,
	const struct tt_quic_header *header)
{
	struct tt_quic_connection *connection = work->connection;
	struct tt_quic_keys keys;
	size_t length = 0;

	if (connection->keyed && header->version == connection->version)
		length = tt_quic_open(
			&work->reader->protection, &connection->keys, header, work->reader->plain);
	else if (connection->keyed)
		length = open_with(work, header, &connection->first, false, &keys);
	if (length > 0 || (connection->keyed && same_id(&connection->first, &header->destination)))
		return length;
	length = open_with(work, header, &header->destination, false, &keys);
	if (length > 0) {
		connection->first = header->destination;
		connection->keys = keys;
		connection->version = header->version;
		connection->keyed = true;
		connection->client_known = true;
		connection->client_direction = (uint8_t)direction;
	}
	return length;
}

/* The server's keys follow from the same connection id, its own version's. */
static size_t open_server(const struct tt_quic_work *work, const struct tt_quic_header *header)
{
	const struct tt_quic_connection *connection = work->connection;
	struct tt_quic_keys keys;
	size_t length = 0;

	if (connection->keyed)
		length = open_with(work, header, &connection->first, true, &keys);
	if (length == 0 && connection->another.length > 0)
		length = open_with(work, header, &connection->another, true, &keys);
	return length;
}

static void side_done(const struct tt_quic_work *work, struct tt_quic_side *side)
{
	struct tt_quic_counters *counters = &work->reader->counters;

	tt_tls_buffer_give(work->pool, &side->buffer);
	side->done = true;
	tt_counter_set(&counters->initials_last, side->initials);
	tt_counter_raise(&counters->initials_high, side->initials);
}

/* To TLS, as much of the message as is there from its beginning. */
static void take_message(const struct tt_quic_work *work, unsigned int direction, uint64_t time_us,
	const struct tt_quic_message *message)
{
	struct tt_quic_side *side = &work->connection->side[direction];
	size_t prefix = tt_quic_message_prefix(message);

	if (prefix < TT_TLS_MESSAGE_HEADER_BYTES)
		return;
	uint32_t total = tt_load_be24(message->bytes + 1);
	size_t kept = prefix - TT_TLS_MESSAGE_HEADER_BYTES;
	const struct tt_tls_message of_tls = {
		.type = message->bytes[0],
		.bytes = message->bytes + TT_TLS_MESSAGE_HEADER_BYTES,
		.kept_bytes = kept < total ? (uint32_t)kept : total,
		.bytes_total = total,
		.first_us = side->first_us,
	};
	if (tt_tls_connection_message(
		    work->tls, work->pool, work->consumer, direction, time_us, &of_tls))
		side_done(work, side);
	side->base += TT_TLS_MESSAGE_HEADER_BYTES + total;
}

/* Does it begin a message that is all there? */
static bool is_whole(const struct tt_quic_message *message)
{
	size_t prefix = tt_quic_message_prefix(message);

	return prefix >= TT_TLS_MESSAGE_HEADER_BYTES &&
		prefix >= TT_TLS_MESSAGE_HEADER_BYTES + (size_t)tt_load_be24(message->bytes + 1);
}

static void take_crypto(const struct tt_quic_work *work, const struct tt_quic_side *side,
	struct tt_quic_message *message, const struct tt_quic_frame *frame)
{
	uint64_t before = frame->value < side->base ? side->base - frame->value : 0;

	if (before >= frame->length)
		return;
	if (!tt_quic_message_add(message, frame->value + before - side->base, frame->bytes + before,
		    frame->length - (size_t)before))
		tt_counter_add(&work->reader->counters.crypto_cut, 1);
}

/* The frames of an opened packet: joined with those before, in the direction's buffer, or in the
 * reader's message while there are none. */
static void take_frames(const struct tt_quic_work *work, unsigned int direction, uint64_t time_us,
	uint32_t version, size_t length)
{
	struct tt_quic_side *side = &work->connection->side[direction];
	struct tt_cursor cursor = tt_cursor_over(work->reader->plain, length);
	struct tt_quic_message *message = &work->reader->message;
	struct tt_quic_frame frame;
	bool closed = false;

	message->ranges = 0;
	if (side->buffer != 0)
		message = tt_tls_buffer_at(work->pool, side->buffer);
	if (message->ranges == 0)
		side->first_us = time_us;
	while (tt_quic_frame_next(&cursor, &frame, version)) {
		if (frame.type == TT_QUIC_CRYPTO) {
			take_crypto(work, side, message, &frame);
		} else if (frame.value >> 8 == CRYPTO_ERROR >> 8) {
			tt_tls_connection_alert(work->tls, work->pool, direction, TT_TLS_FATAL,
				(uint8_t)frame.value);
			closed = true;
		}
	}
	if (is_whole(message)) {
		take_message(work, direction, time_us, message);
		tt_tls_buffer_give(work->pool, &side->buffer);
	} else if (side->buffer == 0 && message->ranges > 0) {
		side->buffer = tt_tls_buffer_take(work->pool);
		if (side->buffer != 0)
			tt_quic_message_copy(tt_tls_buffer_at(work->pool, side->buffer), message);
	}
	if (closed)
		side_done(work, side);
}

static void take_initial(const struct tt_quic_work *work, unsigned int direction, uint64_t time_us,
	const struct tt_quic_header *header)
{
	struct tt_quic_connection *connection = work->connection;
	struct tt_quic_side *side = &connection->side[direction];
	bool client = !connection->client_known || connection->client_direction == direction;

	if (!side->done) {
		side->initials++;
		size_t length =
			client ? open_client(work, direction, header) : open_server(work, header);
		tt_counter_add(length > 0 ? &work->reader->counters.opened
					  : &work->reader->counters.not_opened,
			1);
		if (length > 0)
			take_frames(work, direction, time_us, header->version, length);
	}
	if (client && connection->keyed && !same_id(&connection->first, &header->destination))
		connection->another = header->destination;
}

/* RFC 9000 17.2.5.2: the client goes on with the connection id that a Retry gives. */
static void take_retry(const struct tt_quic_work *work, unsigned int direction,
	const struct tt_quic_header *header)
{
	struct tt_quic_connection *connection = work->connection;

	if (connection->client_known && connection->client_direction == direction)
		return;
	connection->client_known = true;
	connection->client_direction = (uint8_t)(1 - direction);
	connection->another = header->source;
}

static void take_packets(const struct tt_quic_work *work, unsigned int direction, uint64_t time_us,
	const uint8_t *bytes, size_t length)
{
	struct tt_quic_header header;

	for (unsigned int i = 0;
		i < TT_QUIC_PACKETS && length > 0 && tt_quic_header_parse(&header, bytes, length);
		i++) {
		if (header.type == TT_QUIC_INITIAL)
			take_initial(work, direction, time_us, &header);
		else if (header.type == TT_QUIC_RETRY)
			take_retry(work, direction, &header);
		bytes += header.length;
		length -= header.length;
	}
}

static void give_up(const struct tt_quic_work *work, unsigned int direction, uint64_t time_us)
{
	struct tt_quic_side *side = &work->connection->side[direction];

	tt_counter_add(&work->reader->counters.given_up, 1);
	if (side->buffer != 0)
		take_message(work, direction, time_us, tt_tls_buffer_at(work->pool, side->buffer));
	side_done(work, side);
}

static void report(const struct tt_quic_work *work)
{
	tt_tls_connection_close(work->tls, work->pool, work->consumer);
	work->connection->finished = true;
}

void tt_quic_connection_datagram(const struct tt_quic_work *work, unsigned int direction,
	uint64_t time_us, const uint8_t *bytes, size_t length)
{
	struct tt_quic_connection *connection = work->connection;
	struct tt_quic_side *side = &connection->side[direction];
	const struct tt_quic_side *other = &connection->side[1 - direction];

	if (connection->finished || length == 0)
		return;
	if (side->datagrams < TT_QUIC_DATAGRAMS)
		side->datagrams++;
	if (side->done) {
		size_t passed = side->passed_bytes + length;

		side->passed_bytes =
			(uint16_t)(passed < TT_TLS_ONE_SIDED_BYTES ? passed
								   : TT_TLS_ONE_SIDED_BYTES);
	}
	take_packets(work, direction, time_us, bytes, length);
	if (!side->done &&
		(side->initials >= TT_QUIC_INITIALS || side->datagrams == TT_QUIC_DATAGRAMS))
		give_up(work, direction, time_us);
	if (side->done &&
		(other->done ||
			(other->datagrams == 0 && side->passed_bytes == TT_TLS_ONE_SIDED_BYTES)))
		tt_quic_connection_close(work);
}

void tt_quic_connection_close(const struct tt_quic_work *work)
{
	struct tt_quic_connection *connection = work->connection;

	for (unsigned int direction = 0; direction < 2; direction++) {
		struct tt_quic_side *side = &connection->side[direction];

		if (side->buffer != 0 && work->consumer != NULL)
			take_message(work, direction, side->first_us,
				tt_tls_buffer_at(work->pool, side->buffer));
		tt_tls_buffer_give(work->pool, &side->buffer);
	}
	if (!connection->finished)
		report(work);
}
