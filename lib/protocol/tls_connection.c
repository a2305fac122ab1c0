/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/tls_connection.h"

#include "base/error.h"

#define ALERT_BYTES    2
#define RECORD_SKIPPED 0 /* instead of a record's type: nothing in it is looked at */
#define LINE_BYTES     64

/* What the functions of one call share. */
struct work {
	struct tt_tls_connection *connection;
	struct tt_tls_pool *pool;
	const struct tt_tls_consumer *consumer;
	struct tt_tls_side *side;
	uint64_t time_us;
	unsigned int direction;
};

struct message {
	const uint8_t *bytes; /* of the body */
	uint32_t kept_bytes;  /* there */
	uint32_t bytes_total; /* of the whole body */
	uint8_t type;
};

uint64_t tt_tls_pool_bytes(uint32_t handshakes, uint32_t buffers)
{
	return (uint64_t)handshakes * sizeof(struct tt_tls_handshake) +
		(uint64_t)buffers * TT_TLS_BUFFER_BYTES;
}

int tt_tls_pool_create(
	struct tt_tls_pool *pool, uint32_t handshakes, uint32_t buffers, bool huge_pages)
{
	memset(pool, 0, sizeof(*pool));
	int error = tt_slabs_create(
		&pool->handshakes, handshakes, sizeof(struct tt_tls_handshake), huge_pages);
	if (error != TT_OK)
		return error;
	error = tt_slabs_create(&pool->buffers, buffers, TT_TLS_BUFFER_BYTES, huge_pages);
	if (error != TT_OK)
		tt_slabs_destroy(&pool->handshakes);
	return error;
}

void tt_tls_pool_destroy(struct tt_tls_pool *pool)
{
	tt_slabs_destroy(&pool->handshakes);
	tt_slabs_destroy(&pool->buffers);
}

uint32_t tt_tls_buffer_take(struct tt_tls_pool *pool)
{
	struct tt_tls_counters *counters = &pool->counters;

	return tt_slab_take(&pool->buffers, &counters->buffers_used, &counters->buffers_high,
		&counters->buffers_full);
}

void *tt_tls_buffer_at(const struct tt_tls_pool *pool, uint32_t buffer)
{
	return tt_slab_at(&pool->buffers, buffer);
}

void tt_tls_buffer_give(struct tt_tls_pool *pool, uint32_t *buffer)
{
	tt_slab_give(&pool->buffers, buffer, &pool->counters.buffers_used);
}

static struct tt_tls_handshake *handshake_of(const struct work *work)
{
	uint32_t link = work->connection->handshake;

	return link == 0 ? NULL : tt_slab_at(&work->pool->handshakes, link);
}

void tt_tls_connection_prefetch(
	const struct tt_tls_connection *connection, const struct tt_tls_pool *pool)
{
	if (connection->handshake == 0)
		return;
	const uint8_t *handshake = tt_slab_at(&pool->handshakes, connection->handshake);

	for (size_t line = 0; line < sizeof(struct tt_tls_handshake); line += LINE_BYTES)
		__builtin_prefetch(handshake + line, 0, 2);
}

static uint16_t flags_of(const struct work *work)
{
	const struct tt_tls_handshake *handshake = handshake_of(work);

	return handshake == NULL ? 0 : handshake->flags;
}

/* Give all slabs back; nothing is looked at afterwards. */
static void finish(struct tt_tls_connection *connection, struct tt_tls_pool *pool)
{
	for (unsigned int i = 0; i < 2; i++) {
		tt_tls_buffer_give(pool, &connection->side[i].buffer);
		connection->side[i].state = TT_TLS_DONE;
	}
	tt_tls_buffer_give(pool, &connection->certificate);
	tt_slab_give(&pool->handshakes, &connection->handshake, &pool->counters.handshakes_used);
	connection->finished = true;
}

static void report(const struct work *work)
{
	struct tt_tls_connection *connection = work->connection;
	struct tt_tls_event event = {.handshake = handshake_of(work)};

	if (event.handshake != NULL) {
		if (connection->certificate != 0) {
			const uint8_t *buffer =
				tt_slab_at(&work->pool->buffers, connection->certificate);
			event.certificate = buffer;
			event.certificate_bytes = connection->certificate_bytes;
		}
		tt_counter_add(&work->pool->counters.reported, 1);
		work->consumer->handshake(work->consumer->context, &event);
	}
	finish(connection, work->pool);
}

static bool is_untouched(const struct tt_tls_side *side)
{
	return side->state == TT_TLS_SEARCHING && side->pieces == 0;
}

static void report_when_done(const struct work *work)
{
	const struct tt_tls_side *other = &work->connection->side[1 - work->direction];

	if (work->side->state == TT_TLS_DONE &&
		(other->state == TT_TLS_DONE ||
			(is_untouched(other) && work->side->done_bytes >= TT_TLS_ONE_SIDED_BYTES)))
		report(work);
}

static void side_done(const struct work *work)
{
	tt_tls_buffer_give(work->pool, &work->side->buffer);
	work->side->state = TT_TLS_DONE;
}

/* These bytes are no TLS: after a hello there is none to come, before it there may be. */
static void side_lost(const struct work *work)
{
	if ((work->side->flags & TT_TLS_SIDE_HELLO) != 0) {
		side_done(work);
		return;
	}
	tt_tls_buffer_give(work->pool, &work->side->buffer);
	work->side->state = TT_TLS_SEARCHING;
}

/* The handshake to write into, taken when the first hello needs it; NULL: the pool is empty, and
 * the connection is given up. */
static struct tt_tls_handshake *handshake_begin(const struct work *work, unsigned int client)
{
	struct tt_tls_connection *connection = work->connection;
	struct tt_tls_counters *counters = &work->pool->counters;

	if (connection->handshake != 0)
		return handshake_of(work);
	connection->handshake = tt_slab_take(&work->pool->handshakes, &counters->handshakes_used,
		&counters->handshakes_high, &counters->handshakes_full);
	if (connection->handshake == 0) {
		finish(connection, work->pool);
		return NULL;
	}
	struct tt_tls_handshake *handshake = handshake_of(work);
	/* All but the values, of which `used` are written. */
	memset(handshake, 0, offsetof(struct tt_tls_handshake, fingerprint.value));
	handshake->client_direction = (uint8_t)client;
	if (work->connection->datagram)
		handshake->flags |= TT_TLS_DATAGRAM;
	if (work->connection->quic)
		handshake->flags |= TT_TLS_QUIC;
	return handshake;
}

static uint8_t keep_name(uint8_t kept[TT_TLS_NAME_BYTES], struct tt_tls_view name)
{
	size_t count = name.length < TT_TLS_NAME_BYTES ? name.length : TT_TLS_NAME_BYTES;

	if (count > 0)
		memcpy(kept, name.bytes, count);
	return (uint8_t)count;
}

static void keep_offers(struct tt_tls_handshake *handshake, struct tt_tls_view names)
{
	struct tt_tls_view left = names;
	struct tt_tls_view name;

	while (left.length > 0 && tt_tls_alpn_next(&left, &name)) {
		if (names.length - left.length > TT_TLS_OFFER_BYTES)
			return;
		memcpy(handshake->alpn_offered + handshake->alpn_offered_bytes, name.bytes - 1,
			name.length + 1u);
		handshake->alpn_offered_bytes =
			(uint16_t)(handshake->alpn_offered_bytes + name.length + 1);
	}
}

/* RFC 5246 F.1.4: a server that resumes gives the session id back. In TLS 1.3 it always does. */
static bool is_echoed(const struct tt_tls_view *session_id, const uint8_t *kept, uint8_t kept_bytes)
{
	return session_id->length > 0 && session_id->length == kept_bytes &&
		memcmp(session_id->bytes, kept, kept_bytes) == 0;
}

static void take_client_hello(
	const struct work *work, const struct tt_tls_client_hello *hello, bool whole)
{
	struct tt_tls_handshake *handshake = handshake_begin(work, work->direction);

	if (handshake == NULL)
		return;
	work->side->flags |= TT_TLS_SIDE_HELLO;
	/* The first one counts: the second, after a retry, says the same but for what was asked. */
	if ((handshake->flags & TT_TLS_HAS_CLIENT_HELLO) != 0 ||
		handshake->client_direction != work->direction)
		return;
	handshake->flags |= TT_TLS_HAS_CLIENT_HELLO;
	handshake->client_hello_us = work->time_us;
	if (hello->versions.length > 0)
		handshake->flags |= TT_TLS_HAS_VERSIONS;
	if (hello->encrypted_hello)
		handshake->flags |= TT_TLS_OFFERS_ENCRYPTED_HELLO;
	if (!whole)
		handshake->flags |= TT_TLS_HELLO_CUT;
	handshake->server_name_bytes = keep_name(handshake->server_name, hello->server_name);
	handshake->session_id_bytes = (uint8_t)(hello->session_id.length < TT_TLS_SESSION_ID_BYTES
			? hello->session_id.length
			: TT_TLS_SESSION_ID_BYTES);
	if (handshake->session_id_bytes > 0)
		memcpy(handshake->session_id, hello->session_id.bytes, handshake->session_id_bytes);
	keep_offers(handshake, hello->alpn);
	tt_tls_fingerprint_client(
		&handshake->fingerprint, hello, whole, work->connection->datagram);
	handshake->fingerprint.quic = work->connection->quic;
}

static bool is_before_1_3(uint16_t version)
{
	return version == TT_TLS_SSL2 || (version >= TT_TLS_SSL3 && version <= TT_TLS_1_2) ||
		version == TT_DTLS_1_0 || version == TT_DTLS_1_2 || version == TT_DTLS_OPENSSL;
}

static void take_server_hello(
	const struct work *work, const struct tt_tls_server_hello *hello, bool whole)
{
	struct tt_tls_handshake *handshake = handshake_begin(work, 1 - work->direction);

	if (handshake == NULL)
		return;
	work->side->flags |= TT_TLS_SIDE_HELLO;
	if (handshake->client_direction == work->direction ||
		(handshake->flags & TT_TLS_HAS_SERVER_HELLO) != 0)
		return;
	if (hello->retry) {
		handshake->flags |= TT_TLS_RETRIED;
		return;
	}
	handshake->flags |= TT_TLS_HAS_SERVER_HELLO;
	handshake->server_hello_us = work->side->message_us;
	handshake->version = hello->version;
	handshake->cipher = hello->cipher;
	handshake->alpn_bytes = keep_name(handshake->alpn, hello->alpn);
	if (!whole)
		handshake->flags |= TT_TLS_HELLO_CUT;
	if (hello->pre_shared_key || hello->ssl2_resumed ||
		(is_before_1_3(hello->version) &&
			is_echoed(&hello->session_id, handshake->session_id,
				handshake->session_id_bytes)))
		handshake->flags |= TT_TLS_RESUMED;
	tt_tls_fingerprint_server(&handshake->fingerprint, hello, whole);
}

/* The first `count` bytes of a certificate stay in a buffer until the handshake is reported. */
static void keep_certificate(const struct work *work, const uint8_t *bytes, uint32_t count)
{
	struct tt_tls_connection *connection = work->connection;

	if (connection->certificate != 0 || count == 0)
		return;
	if (count <= TT_TLS_BUFFER_BYTES)
		connection->certificate = tt_tls_buffer_take(work->pool);
	if (connection->certificate == 0) {
		tt_counter_add(&work->pool->counters.certificates_cut, 1);
		return;
	}
	memcpy(tt_slab_at(&work->pool->buffers, connection->certificate), bytes, count);
	connection->certificate_bytes = (uint16_t)count;
}

static void take_certificate(const struct work *work, const struct message *message)
{
	if (message->kept_bytes < TT_TLS_LEAF_OFFSET)
		return;
	uint32_t count = tt_tls_leaf_bytes(message->bytes, message->bytes_total);
	if (count == 0)
		return;
	if (count > message->kept_bytes) {
		tt_counter_add(&work->pool->counters.certificates_cut, 1);
		return;
	}
	keep_certificate(work, message->bytes + TT_TLS_LEAF_OFFSET, count - TT_TLS_LEAF_OFFSET);
}

/* A hello, as much of it as was kept. One that is cut must have come as far as its ciphers. */
static void take_hello(const struct work *work, const struct message *message)
{
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;
	bool is_client = message->type == TT_TLS_CLIENT_HELLO;
	bool whole = message->kept_bytes == message->bytes_total;
	enum tt_tls_result result = is_client
		? tt_tls_client_hello_parse(
			  &client, message->bytes, message->kept_bytes, work->connection->datagram)
		: tt_tls_server_hello_parse(&server, message->bytes, message->kept_bytes);

	if (!whole)
		tt_counter_add(&work->pool->counters.messages_cut, 1);
	if (result == TT_TLS_INVALID || (result == TT_TLS_MORE && whole)) {
		side_lost(work);
		return;
	}
	if (is_client && (result == TT_TLS_OK || client.ciphers.bytes != NULL))
		take_client_hello(work, &client, whole);
	else if (!is_client && (result == TT_TLS_OK || server.cipher != 0))
		take_server_hello(work, &server, whole);
}

static void take_message(const struct work *work, const struct message *message)
{
	if (message->type == TT_TLS_CERTIFICATE)
		take_certificate(work, message);
	else
		take_hello(work, message);
}

static bool is_server(const struct work *work)
{
	const struct tt_tls_handshake *handshake = handshake_of(work);

	return handshake != NULL && handshake->client_direction != work->direction;
}

/* Is there anything to read in the body of such a message? */
static bool is_wanted(const struct work *work, uint8_t type)
{
	switch (type) {
	case TT_TLS_CLIENT_HELLO:
		return (flags_of(work) & TT_TLS_HAS_CLIENT_HELLO) == 0;
	case TT_TLS_SERVER_HELLO:
		return (flags_of(work) & TT_TLS_HAS_SERVER_HELLO) == 0;
	case TT_TLS_CERTIFICATE:
		return is_server(work) && work->connection->certificate == 0;
	default:
		return false;
	}
}

/* What a message's type alone says. */
static void note_message(const struct work *work, uint8_t type)
{
	struct tt_tls_handshake *handshake = handshake_of(work);

	if (type == TT_TLS_CERTIFICATE || type == TT_TLS_SERVER_KEY_EXCHANGE ||
		type == TT_TLS_SERVER_HELLO_DONE)
		work->side->flags |= TT_TLS_SIDE_FULL_HANDSHAKE;
	if (type == TT_TLS_HELLO_RETRY_REQUEST && is_server(work)) {
		handshake->flags |= TT_TLS_RETRIED;
		work->side->flags |= TT_TLS_SIDE_HELLO;
	}
}

/* A stream's first message is a hello, or the empty request for one. */
static bool is_first_message(const struct work *work, uint8_t type, uint32_t bytes)
{
	if (type == TT_TLS_CLIENT_HELLO || type == TT_TLS_SERVER_HELLO)
		return bytes <= TT_TLS_HELLO_BYTES;
	return (type == TT_TLS_HELLO_RETRY_REQUEST && is_server(work)) ||
		(type == TT_TLS_HELLO_REQUEST && bytes == 0);
}

static void buffer_add(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;
	size_t room = (size_t)TT_TLS_BUFFER_BYTES - side->buffer_bytes;
	size_t count = length < room ? length : room;
	uint8_t *buffer = tt_slab_at(&work->pool->buffers, side->buffer);

	memcpy(buffer + side->buffer_bytes, bytes, count);
	side->buffer_bytes = (uint16_t)(side->buffer_bytes + count);
}

/* The message is over, whole or torn: look at what was kept of it. */
static void message_end(const struct work *work)
{
	struct tt_tls_side *side = work->side;

	side->message_header_bytes = 0;
	if (side->buffer == 0)
		return;
	const struct message message = {
		.bytes = tt_slab_at(&work->pool->buffers, side->buffer),
		.kept_bytes = side->buffer_bytes,
		.bytes_total = side->message_bytes,
		.type = side->message_header[0],
	};
	take_message(work, &message);
	tt_tls_buffer_give(work->pool, &side->buffer);
}

/* Its header was read. */
static void message_begin(const struct work *work)
{
	struct tt_tls_side *side = work->side;
	uint8_t type = side->message_header[0];

	side->message_bytes = tt_load_be24(side->message_header + 1);
	side->message_seen = 0;
	side->buffer_bytes = 0;
	if ((side->flags & TT_TLS_SIDE_HELLO) == 0 &&
		!is_first_message(work, type, side->message_bytes))
		side_lost(work);
	else
		note_message(work, type);
}

/* The next bytes of a message; returns how many of them are its own. */
static size_t message_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;
	size_t left = side->message_bytes - side->message_seen;
	size_t count = length < left ? length : left;
	bool wanted = side->message_seen == 0 && is_wanted(work, side->message_header[0]);

	if (wanted && count == side->message_bytes) {
		const struct message message = {
			.bytes = bytes,
			.kept_bytes = side->message_bytes,
			.bytes_total = side->message_bytes,
			.type = side->message_header[0],
		};
		take_message(work, &message);
	} else if (wanted && count > 0) {
		side->buffer = tt_tls_buffer_take(work->pool);
	}
	if (side->buffer != 0)
		buffer_add(work, bytes, count);
	side->message_seen += (uint32_t)count;
	if (side->message_seen == side->message_bytes)
		message_end(work);
	return count;
}

/* `length` bytes of a record of handshake messages. */
static void handshake_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;

	while (length > 0 && side->state == TT_TLS_BODY) {
		size_t count = 1;
		if (side->message_header_bytes < TT_TLS_MESSAGE_HEADER_BYTES) {
			if (side->message_header_bytes == 0)
				side->message_us = work->time_us;
			side->message_header[side->message_header_bytes++] = *bytes;
			if (side->message_header_bytes < TT_TLS_MESSAGE_HEADER_BYTES) {
				bytes++;
				length--;
				continue;
			}
			message_begin(work);
			/* A message without a body ends here. */
			if (side->state == TT_TLS_BODY && side->message_bytes == 0)
				message_end(work);
		} else {
			count = message_data(work, bytes, length);
		}
		bytes += count;
		length -= count;
	}
}

static void note_alert(
	struct tt_tls_handshake *handshake, bool server, uint8_t level, uint8_t description)
{
	if (handshake->alert_count < TT_TLS_ALERTS)
		handshake->alert[handshake->alert_count++] =
			(struct tt_tls_alert){server, level, description};
}

static void take_alert(const struct work *work, uint8_t level, uint8_t description)
{
	struct tt_tls_handshake *handshake = handshake_of(work);

	if (handshake == NULL || (level != TT_TLS_WARNING && level != TT_TLS_FATAL)) {
		side_lost(work);
		return;
	}
	work->side->flags |= TT_TLS_SIDE_HELLO;
	note_alert(handshake, is_server(work), level, description);
}

static void alert_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;

	for (size_t i = 0; i < length; i++) {
		side->alert[side->alert_bytes++] = bytes[i];
		if (side->alert_bytes == ALERT_BYTES) {
			side->alert_bytes = 0;
			take_alert(work, side->alert[0], side->alert[1]);
		}
	}
}

/* What follows is encrypted, but after a HelloRetryRequest, where the message means nothing
 * (RFC 8446 D.4). A server that resumes says so by going on without a certificate or a key
 * (RFC 5246 7.3), which datagrams, being lost unseen, cannot show. */
static void change_cipher(const struct work *work)
{
	struct tt_tls_side *side = work->side;
	struct tt_tls_handshake *handshake = handshake_of(work);

	if (is_server(work)) {
		bool answered = (handshake->flags & TT_TLS_HAS_SERVER_HELLO) != 0;
		if (!answered && (handshake->flags & TT_TLS_RETRIED) != 0)
			return;
		if (answered && is_before_1_3(handshake->version) && !work->connection->datagram &&
			(side->flags & (TT_TLS_SIDE_GAP | TT_TLS_SIDE_FULL_HANDSHAKE)) == 0)
			handshake->flags |= TT_TLS_RESUMED;
	}
	side_done(work);
}

/* SSLv2's record goes to a buffer: what is that old is rare. */
static void ssl2_begin(const struct work *work)
{
	struct tt_tls_side *side = work->side;
	enum tt_ssl2_message_type type;
	size_t length = tt_ssl2_record_bytes(side->header, &type);

	if (length == 0 || side->pieces != 1 || (side->flags & TT_TLS_SIDE_HELLO) != 0 ||
		side->message_header_bytes != 0 ||
		(side->buffer = tt_tls_buffer_take(work->pool)) == 0) {
		side_lost(work);
		return;
	}
	side->state = TT_TLS_SSL2_BODY;
	side->message_header[0] = (uint8_t)type;
	side->message_bytes = (uint32_t)length;
	side->message_seen = TT_TLS_RECORD_HEADER_BYTES;
	side->message_us = work->time_us;
	side->buffer_bytes = 0;
	buffer_add(work, side->header, TT_TLS_RECORD_HEADER_BYTES);
}

static void ssl2_end(const struct work *work)
{
	struct tt_tls_side *side = work->side;
	const uint8_t *bytes = tt_slab_at(&work->pool->buffers, side->buffer);
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;

	/* Records follow, if the server answers with one. */
	side->state = TT_TLS_HEADER;
	side->header_bytes = 0;
	side->message_header_bytes = 0;
	if (side->message_header[0] == TT_SSL2_CLIENT_HELLO &&
		tt_ssl2_client_hello_parse(&client, bytes, side->buffer_bytes) == TT_TLS_OK) {
		take_client_hello(work, &client, true);
		tt_tls_buffer_give(work->pool, &side->buffer);
	} else if (side->message_header[0] == TT_SSL2_SERVER_HELLO &&
		tt_ssl2_server_hello_parse(&server, bytes, side->buffer_bytes) == TT_TLS_OK) {
		take_server_hello(work, &server, true);
		if (is_server(work))
			keep_certificate(work, server.ssl2_certificate.bytes,
				server.ssl2_certificate.length);
		/* The client goes on with its key, which says nothing. */
		tt_tls_buffer_give(work->pool, &work->connection->side[0].buffer);
		tt_tls_buffer_give(work->pool, &work->connection->side[1].buffer);
		work->connection->side[0].state = TT_TLS_DONE;
		work->connection->side[1].state = TT_TLS_DONE;
	} else {
		side_lost(work);
	}
}

static size_t ssl2_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;
	size_t left = side->message_bytes - side->message_seen;
	size_t count = length < left ? length : left;

	buffer_add(work, bytes, count);
	side->message_seen += (uint32_t)count;
	if (side->message_seen == side->message_bytes)
		ssl2_end(work);
	return count;
}

/* Its header was read. */
static void record_begin(const struct work *work)
{
	struct tt_tls_side *side = work->side;
	bool in_step = (side->flags & TT_TLS_SIDE_HELLO) != 0 || work->connection->handshake != 0;
	struct tt_tls_record record;

	if (tt_tls_record_parse(&record, side->header, sizeof(side->header)) != TT_TLS_OK) {
		ssl2_begin(work);
		return;
	}
	side->record_left = record.length;
	side->record_type = record.type;
	side->state = record.length > 0 ? TT_TLS_BODY : TT_TLS_HEADER;
	side->header_bytes = 0;
	if (record.type != TT_TLS_HANDSHAKE && !in_step) {
		side_lost(work);
		return;
	}
	switch (record.type) {
	case TT_TLS_CHANGE_CIPHER_SPEC:
		change_cipher(work);
		break;
	case TT_TLS_APPLICATION_DATA:
		side_done(work);
		break;
	case TT_TLS_ALERT:
		side->alert_bytes = 0;
		if (record.length != ALERT_BYTES) /* encrypted */
			side->record_type = RECORD_SKIPPED;
		break;
	default:
		break;
	}
}

static size_t header_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;
	size_t left = (size_t)TT_TLS_RECORD_HEADER_BYTES - side->header_bytes;
	size_t count = length < left ? length : left;

	memcpy(side->header + side->header_bytes, bytes, count);
	side->header_bytes = (uint8_t)(side->header_bytes + count);
	if (side->header_bytes == TT_TLS_RECORD_HEADER_BYTES)
		record_begin(work);
	return count;
}

static size_t body_data(const struct work *work, const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = work->side;
	size_t count = length < side->record_left ? length : side->record_left;

	side->record_left = (uint16_t)(side->record_left - count);
	if (side->record_type == TT_TLS_HANDSHAKE)
		handshake_data(work, bytes, count);
	else if (side->record_type == TT_TLS_ALERT)
		alert_data(work, bytes, count);
	if (side->state == TT_TLS_BODY && side->record_left == 0)
		side->state = TT_TLS_HEADER;
	return count;
}

/* Can a record begin with this byte? SSLv2 is at the very beginning alone. */
static bool may_begin(const struct tt_tls_side *side, uint8_t byte)
{
	return (byte >= TT_TLS_CHANGE_CIPHER_SPEC && byte <= TT_TLS_APPLICATION_DATA) ||
		(side->pieces == 1 && (byte & 0x80) != 0);
}

static void search(const struct work *work, uint8_t byte)
{
	struct tt_tls_side *side = work->side;

	if (side->pieces == TT_TLS_SEARCH_PIECES) {
		side_done(work);
		return;
	}
	side->pieces++;
	if (!may_begin(side, byte))
		return;
	side->state = TT_TLS_HEADER;
	side->header_bytes = 0;
	side->message_header_bytes = 0;
}

void tt_tls_connection_data(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = &connection->side[direction];
	const struct work work = {connection, pool, consumer, side, time_us, direction};

	if (connection->finished || length == 0)
		return;
	if (side->state == TT_TLS_SEARCHING)
		search(&work, bytes[0]);
	while (length > 0) {
		size_t count;
		if (side->state == TT_TLS_HEADER)
			count = header_data(&work, bytes, length);
		else if (side->state == TT_TLS_BODY)
			count = body_data(&work, bytes, length);
		else if (side->state == TT_TLS_SSL2_BODY)
			count = ssl2_data(&work, bytes, length);
		else
			break;
		bytes += count;
		length -= count;
	}
	if (side->state == TT_TLS_DONE && length > 0)
		side->done_bytes +=
			(uint32_t)(length < TT_TLS_ONE_SIDED_BYTES ? length
								   : TT_TLS_ONE_SIDED_BYTES);
	if (!connection->finished)
		report_when_done(&work);
}

/* Bytes are missing in a message: take what came before them. */
static void tear(const struct work *work)
{
	struct tt_tls_side *side = work->side;

	if (side->state == TT_TLS_SSL2_BODY)
		tt_tls_buffer_give(work->pool, &side->buffer);
	else if (side->buffer != 0)
		message_end(work);
}

/* A gap that ends in the record it began in. */
static void gap_in_record(const struct work *work, uint32_t length)
{
	struct tt_tls_side *side = work->side;
	bool inside = side->message_header_bytes == TT_TLS_MESSAGE_HEADER_BYTES &&
		length <= side->message_bytes - side->message_seen;

	tear(work);
	if (side->state != TT_TLS_BODY)
		return;
	side->record_left = (uint16_t)(side->record_left - length);
	if (side->record_type == TT_TLS_HANDSHAKE && inside) {
		side->message_header_bytes = TT_TLS_MESSAGE_HEADER_BYTES;
		side->message_seen += length;
		if (side->message_seen == side->message_bytes)
			side->message_header_bytes = 0;
	} else {
		side->record_type = RECORD_SKIPPED;
		side->message_header_bytes = 0;
	}
	if (side->record_left == 0)
		side->state = TT_TLS_HEADER;
}

void tt_tls_connection_gap(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint32_t length)
{
	struct tt_tls_side *side = &connection->side[direction];
	const struct work work = {connection, pool, consumer, side, 0, direction};

	if (connection->finished || side->state == TT_TLS_DONE || side->state == TT_TLS_SEARCHING ||
		length == 0)
		return;
	side->flags |= TT_TLS_SIDE_GAP;
	if (side->state == TT_TLS_BODY && length <= side->record_left) {
		gap_in_record(&work, length);
	} else {
		tear(&work);
		if (side->state != TT_TLS_DONE)
			side_lost(&work);
	}
	if (!connection->finished)
		report_when_done(&work);
}

/* A message of DTLS, or one of its fragments, which are put together in their order alone. */
static void datagram_message(const struct work *work, const struct tt_dtls_message *part)
{
	struct tt_tls_side *side = work->side;

	if ((side->flags & TT_TLS_SIDE_HELLO) == 0 &&
		!is_first_message(work, part->type, part->length))
		return;
	note_message(work, part->type);
	if (part->fragment_offset == 0) {
		tt_tls_buffer_give(work->pool, &side->buffer);
		side->message_header[0] = part->type;
		side->message_bytes = part->length;
		side->message_sequence = part->sequence;
		side->message_us = work->time_us;
		side->message_seen = 0;
		side->buffer_bytes = 0;
		(void)message_data(work, part->fragment.bytes, part->fragment.length);
	} else if (side->buffer != 0 && part->sequence == side->message_sequence &&
		part->length == side->message_bytes &&
		part->fragment_offset == side->message_seen) {
		(void)message_data(work, part->fragment.bytes, part->fragment.length);
	}
}

static void datagram_record(const struct work *work, const struct tt_tls_record *record)
{
	const uint8_t *bytes = record->body.bytes;
	size_t length = record->body.length;
	struct tt_dtls_message part;

	if (record->epoch != 0) {
		if (work->connection->handshake != 0)
			side_done(work);
		return;
	}
	if (record->type == TT_TLS_CHANGE_CIPHER_SPEC && work->connection->handshake != 0)
		change_cipher(work);
	if (record->type == TT_TLS_ALERT && length == ALERT_BYTES &&
		work->connection->handshake != 0)
		take_alert(work, bytes[0], bytes[1]);
	if (record->type != TT_TLS_HANDSHAKE)
		return;
	while (length > 0 && work->side->state != TT_TLS_DONE &&
		tt_dtls_message_parse(&part, bytes, length) == TT_TLS_OK) {
		datagram_message(work, &part);
		size_t count = (size_t)TT_DTLS_MESSAGE_HEADER_BYTES + part.fragment.length;
		bytes += count;
		length -= count;
	}
}

/* RFC 9147 4: the first byte of an encrypted record of DTLS 1.3 is 001xxxxx. */
static bool is_unified_header(uint8_t byte)
{
	return (byte & 0xe0) == 0x20;
}

void tt_tls_connection_datagram(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const uint8_t *bytes, size_t length)
{
	struct tt_tls_side *side = &connection->side[direction];
	const struct work work = {connection, pool, consumer, side, time_us, direction};
	struct tt_tls_record record;

	if (connection->finished || length == 0)
		return;
	connection->datagram = true;
	if (side->state != TT_TLS_DONE && side->pieces == TT_TLS_SEARCH_PIECES)
		side_done(&work);
	else if (side->state != TT_TLS_DONE)
		side->pieces++;
	if ((side->flags & TT_TLS_SIDE_HELLO) != 0 && is_unified_header(bytes[0]))
		side_done(&work);
	while (side->state != TT_TLS_DONE &&
		tt_dtls_record_parse(&record, bytes, length) == TT_TLS_OK) {
		datagram_record(&work, &record);
		size_t count = (size_t)TT_DTLS_RECORD_HEADER_BYTES + record.length;
		bytes += count;
		length -= count;
	}
	if (side->state == TT_TLS_DONE)
		side->done_bytes += (uint32_t)length;
	if (!connection->finished)
		report_when_done(&work);
}

bool tt_tls_connection_message(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction, uint64_t time_us,
	const struct tt_tls_message *message)
{
	struct tt_tls_side *side = &connection->side[direction];
	const struct work work = {connection, pool, consumer, side, time_us, direction};
	const struct message of_hello = {
		message->bytes, message->kept_bytes, message->bytes_total, message->type};
	bool client = message->type == TT_TLS_CLIENT_HELLO;

	if (connection->finished || (!client && message->type != TT_TLS_SERVER_HELLO))
		return connection->finished;
	connection->quic = true;
	side->message_us = message->first_us;
	take_hello(&work, &of_hello);
	const struct tt_tls_handshake *handshake = handshake_of(&work);

	return connection->finished ||
		(handshake != NULL && (handshake->client_direction == direction) == client &&
			(handshake->flags &
				(client ? TT_TLS_HAS_CLIENT_HELLO : TT_TLS_HAS_SERVER_HELLO)) != 0);
}

void tt_tls_connection_alert(const struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	unsigned int direction, enum tt_tls_alert_level level, uint8_t description)
{
	if (connection->handshake == 0)
		return;
	struct tt_tls_handshake *handshake = tt_slab_at(&pool->handshakes, connection->handshake);

	note_alert(
		handshake, direction != handshake->client_direction, (uint8_t)level, description);
}

void tt_tls_connection_end(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer, unsigned int direction)
{
	struct tt_tls_side *side = &connection->side[direction];
	const struct work work = {connection, pool, consumer, side, 0, direction};

	if (connection->finished)
		return;
	tear(&work);
	if (connection->finished)
		return;
	side_done(&work);
	report_when_done(&work);
}

void tt_tls_connection_close(struct tt_tls_connection *connection, struct tt_tls_pool *pool,
	const struct tt_tls_consumer *consumer)
{
	if (consumer != NULL && !connection->finished) {
		tt_tls_connection_end(connection, pool, consumer, 0);
		tt_tls_connection_end(connection, pool, consumer, 1);
	}
	finish(connection, pool);
	memset(connection, 0, sizeof(*connection));
}
