/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/tls.h"

#include "base/cursor.h"

#define RANDOM_BYTES	    32
#define SSL2_HEADER_BYTES   2
#define SSL2_CIPHER_BYTES   3
#define SSL2_CLIENT_MINIMUM 9  /* type, version, three lengths */
#define SSL2_SERVER_MINIMUM 11 /* type, hit, certificate type, version, three lengths */
#define NAME_HOST	    0  /* RFC 6066 3, NameType */

/* RFC 8446 4.1.3: the SHA-256 of "HelloRetryRequest". */
static const uint8_t retry_random[RANDOM_BYTES] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
	0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c,
	0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static struct tt_tls_view view_of(struct tt_cursor *cursor, size_t length)
{
	const uint8_t *bytes = tt_cursor_take(cursor, length);

	return (struct tt_tls_view){bytes, bytes == NULL ? 0 : (uint16_t)length};
}

static bool is_stream_version(uint16_t version)
{
	return version >> 8 == TT_TLS_SSL3 >> 8 && (version & 0xff) <= (TT_TLS_1_3 & 0xff);
}

static bool is_datagram_version(uint16_t version)
{
	return version == TT_DTLS_1_0 || version == TT_DTLS_1_2 || version == TT_DTLS_1_3 ||
		version == TT_DTLS_OPENSSL;
}

/* Version fields of hellos hold any version that was ever proposed. */
static bool is_hello_version(uint16_t version)
{
	uint8_t major = (uint8_t)(version >> 8);

	return version == TT_TLS_SSL2 || major == TT_TLS_SSL3 >> 8 || major == TT_TLS_DRAFT >> 8 ||
		is_datagram_version(version);
}

static bool is_record(const struct tt_tls_record *record)
{
	return record->type >= TT_TLS_CHANGE_CIPHER_SPEC && record->type <= TT_TLS_HEARTBEAT &&
		record->length <= TT_TLS_RECORD_BYTES &&
		(record->length > 0 || record->type == TT_TLS_APPLICATION_DATA);
}

enum tt_tls_result tt_tls_record_parse(
	struct tt_tls_record *record, const uint8_t *bytes, size_t length)
{
	if (length < TT_TLS_RECORD_HEADER_BYTES)
		return TT_TLS_MORE;
	size_t left = length - TT_TLS_RECORD_HEADER_BYTES;
	*record = (struct tt_tls_record){
		.type = bytes[0],
		.version = tt_load_be16(bytes + 1),
		.length = tt_load_be16(bytes + 3),
	};
	record->body.bytes = bytes + TT_TLS_RECORD_HEADER_BYTES;
	record->body.length = left < record->length ? (uint16_t)left : record->length;
	if (!is_record(record) || !is_stream_version(record->version))
		return TT_TLS_INVALID;
	return TT_TLS_OK;
}

size_t tt_ssl2_record_bytes(
	const uint8_t bytes[TT_TLS_RECORD_HEADER_BYTES], enum tt_ssl2_message_type *type)
{
	if ((bytes[0] & 0x80) == 0)
		return 0;
	size_t length = tt_load_be16(bytes) & 0x7fff;
	if (bytes[2] == TT_SSL2_CLIENT_HELLO) {
		uint16_t version = tt_load_be16(bytes + 3);
		if (length < SSL2_CLIENT_MINIMUM ||
			(version != TT_TLS_SSL2 && !is_stream_version(version)))
			return 0;
	} else if (bytes[2] == TT_SSL2_SERVER_HELLO) {
		/* The session is known and there is no certificate, or there is one of X.509. */
		if (length < SSL2_SERVER_MINIMUM ||
			!((bytes[3] == 1 && bytes[4] == 0) || (bytes[3] == 0 && bytes[4] == 1)))
			return 0;
	} else {
		return 0;
	}
	*type = bytes[2];
	return SSL2_HEADER_BYTES + length;
}

enum tt_tls_result tt_dtls_record_parse(
	struct tt_tls_record *record, const uint8_t *bytes, size_t length)
{
	if (length < TT_DTLS_RECORD_HEADER_BYTES)
		return TT_TLS_MORE;
	size_t left = length - TT_DTLS_RECORD_HEADER_BYTES;
	*record = (struct tt_tls_record){
		.type = bytes[0],
		.version = tt_load_be16(bytes + 1),
		.epoch = tt_load_be16(bytes + 3),
		.length = tt_load_be16(bytes + 11),
	};
	record->body.bytes = bytes + TT_DTLS_RECORD_HEADER_BYTES;
	record->body.length = left < record->length ? (uint16_t)left : record->length;
	if (!is_record(record) || !is_datagram_version(record->version))
		return TT_TLS_INVALID;
	return left < record->length ? TT_TLS_MORE : TT_TLS_OK;
}

enum tt_tls_result tt_dtls_message_parse(
	struct tt_dtls_message *message, const uint8_t *bytes, size_t length)
{
	if (length < TT_DTLS_MESSAGE_HEADER_BYTES)
		return TT_TLS_INVALID;
	uint32_t fragment_bytes = tt_load_be24(bytes + 9);
	size_t left = length - TT_DTLS_MESSAGE_HEADER_BYTES;
	*message = (struct tt_dtls_message){
		.type = bytes[0],
		.length = tt_load_be24(bytes + 1),
		.sequence = tt_load_be16(bytes + 4),
		.fragment_offset = tt_load_be24(bytes + 6),
	};
	if (message->fragment_offset > message->length || fragment_bytes > left ||
		fragment_bytes > message->length - message->fragment_offset)
		return TT_TLS_INVALID;
	message->fragment.bytes = bytes + TT_DTLS_MESSAGE_HEADER_BYTES;
	message->fragment.length = (uint16_t)fragment_bytes;
	return TT_TLS_OK;
}

bool tt_tls_extension_next(struct tt_tls_view *extensions, uint16_t *type, struct tt_tls_view *data)
{
	struct tt_cursor cursor = tt_cursor_over(extensions->bytes, extensions->length);

	*type = tt_cursor_be16(&cursor);
	*data = view_of(&cursor, tt_cursor_be16(&cursor));
	if (tt_cursor_failed(&cursor))
		return false;
	extensions->bytes += cursor.position;
	extensions->length = (uint16_t)(extensions->length - cursor.position);
	return true;
}

bool tt_tls_alpn_next(struct tt_tls_view *names, struct tt_tls_view *name)
{
	struct tt_cursor cursor = tt_cursor_over(names->bytes, names->length);

	*name = view_of(&cursor, tt_cursor_u8(&cursor));
	if (tt_cursor_failed(&cursor))
		return false;
	names->bytes += cursor.position;
	names->length = (uint16_t)(names->length - cursor.position);
	return true;
}

/* A list behind its length of `width` bytes, of elements of `element` bytes; an unsound one is as
 * good as none. */
static struct tt_tls_view list_of(struct tt_tls_view data, unsigned int width, unsigned int element)
{
	struct tt_cursor cursor = tt_cursor_over(data.bytes, data.length);
	size_t length = width == 1 ? tt_cursor_u8(&cursor) : tt_cursor_be16(&cursor);
	struct tt_tls_view list = view_of(&cursor, length);

	if (list.length % element != 0)
		return (struct tt_tls_view){NULL, 0};
	return list;
}

/* RFC 6066 3: a list of names, of which only the type of host names was ever defined. */
static struct tt_tls_view host_name_of(struct tt_tls_view data)
{
	struct tt_tls_view list = list_of(data, 2, 1);
	struct tt_cursor cursor = tt_cursor_over(list.bytes, list.length);

	while (tt_cursor_left(&cursor) > 0) {
		uint8_t type = tt_cursor_u8(&cursor);
		struct tt_tls_view name = view_of(&cursor, tt_cursor_be16(&cursor));
		if (type == NAME_HOST && name.length > 0)
			return name;
	}
	return (struct tt_tls_view){NULL, 0};
}

/* The first one of a type counts. */
static void keep_first(struct tt_tls_view *kept, struct tt_tls_view view)
{
	if (kept->bytes == NULL)
		*kept = view;
}

static void client_extension(
	struct tt_tls_client_hello *hello, uint16_t type, struct tt_tls_view data)
{
	switch (type) {
	case TT_TLS_SERVER_NAME:
		hello->server_name_extension = true;
		keep_first(&hello->server_name, host_name_of(data));
		break;
	case TT_TLS_SUPPORTED_GROUPS:
		keep_first(&hello->groups, list_of(data, 2, 2));
		break;
	case TT_TLS_EC_POINT_FORMATS:
		keep_first(&hello->point_formats, list_of(data, 1, 1));
		break;
	case TT_TLS_SIGNATURE_ALGORITHMS:
		keep_first(&hello->signatures, list_of(data, 2, 2));
		break;
	case TT_TLS_ALPN:
		keep_first(&hello->alpn, list_of(data, 2, 1));
		break;
	case TT_TLS_SUPPORTED_VERSIONS:
		keep_first(&hello->versions, list_of(data, 1, 2));
		break;
	case TT_TLS_PRE_SHARED_KEY:
		hello->pre_shared_key = true;
		break;
	case TT_TLS_ENCRYPTED_CLIENT_HELLO:
		hello->encrypted_hello = true;
		break;
	default:
		break;
	}
}

/* What follows the fixed part of a hello: nothing, or extensions to its end. What is there of
 * them is in *extensions; false when the message is cut inside of them. */
static bool extensions_of(struct tt_cursor *cursor, struct tt_tls_view *extensions)
{
	size_t length = tt_cursor_be16(cursor);
	size_t left = tt_cursor_left(cursor);
	bool whole = !tt_cursor_failed(cursor) && length <= left;

	*extensions = view_of(cursor, whole ? length : left);
	return whole;
}

enum tt_tls_result tt_tls_client_hello_parse(
	struct tt_tls_client_hello *hello, const uint8_t *bytes, size_t length, bool datagram)
{
	struct tt_cursor cursor = tt_cursor_over(bytes, length);
	struct tt_tls_view data;
	uint16_t type;

	*hello = (struct tt_tls_client_hello){.version = tt_cursor_be16(&cursor)};
	if (length >= 2 && !is_hello_version(hello->version))
		return TT_TLS_INVALID;
	tt_cursor_skip(&cursor, RANDOM_BYTES);
	size_t session_id_bytes = tt_cursor_u8(&cursor);
	if (session_id_bytes > TT_TLS_SESSION_ID_BYTES)
		return TT_TLS_INVALID;
	hello->session_id = view_of(&cursor, session_id_bytes);
	if (datagram)
		tt_cursor_skip(&cursor, tt_cursor_u8(&cursor)); /* cookie */
	size_t ciphers_bytes = tt_cursor_be16(&cursor);
	if (ciphers_bytes % 2 != 0)
		return TT_TLS_INVALID;
	hello->ciphers = view_of(&cursor, ciphers_bytes);
	tt_cursor_skip(&cursor, tt_cursor_u8(&cursor)); /* compression methods */
	if (tt_cursor_failed(&cursor))
		return TT_TLS_MORE;
	if (tt_cursor_left(&cursor) == 0)
		return TT_TLS_OK;

	hello->extended = true;
	bool whole = extensions_of(&cursor, &hello->extensions);
	struct tt_tls_view left = hello->extensions;
	while (left.length > 0 && tt_tls_extension_next(&left, &type, &data))
		client_extension(hello, type, data);
	if (!whole)
		return TT_TLS_MORE;
	return left.length == 0 ? TT_TLS_OK : TT_TLS_INVALID;
}

enum tt_tls_result tt_ssl2_client_hello_parse(
	struct tt_tls_client_hello *hello, const uint8_t *bytes, size_t length)
{
	struct tt_cursor cursor = tt_cursor_over(bytes, length);

	tt_cursor_skip(&cursor, SSL2_HEADER_BYTES + 1);
	*hello = (struct tt_tls_client_hello){
		.version = tt_cursor_be16(&cursor), .ssl2_format = true};
	size_t ciphers_bytes = tt_cursor_be16(&cursor);
	size_t session_id_bytes = tt_cursor_be16(&cursor);
	size_t challenge_bytes = tt_cursor_be16(&cursor);
	if (ciphers_bytes % SSL2_CIPHER_BYTES != 0)
		return TT_TLS_INVALID;
	hello->ciphers = view_of(&cursor, ciphers_bytes);
	hello->session_id = view_of(&cursor, session_id_bytes);
	tt_cursor_skip(&cursor, challenge_bytes);
	if (tt_cursor_failed(&cursor))
		return TT_TLS_MORE;
	return tt_cursor_left(&cursor) == 0 ? TT_TLS_OK : TT_TLS_INVALID;
}

static void server_extension(
	struct tt_tls_server_hello *hello, uint16_t type, struct tt_tls_view data)
{
	struct tt_tls_view names;

	switch (type) {
	case TT_TLS_ALPN:
		names = list_of(data, 2, 1);
		if (hello->alpn.bytes == NULL)
			(void)tt_tls_alpn_next(&names, &hello->alpn);
		break;
	case TT_TLS_SUPPORTED_VERSIONS:
		if (data.length == 2)
			hello->version = tt_load_be16(data.bytes);
		break;
	case TT_TLS_PRE_SHARED_KEY:
		hello->pre_shared_key = true;
		break;
	default:
		break;
	}
}

/* Until draft 21 of TLS 1.3 the ServerHello was without session id and compression method. */
static bool is_early_draft(uint16_t version)
{
	return version >= TT_TLS_DRAFT && version <= TT_TLS_DRAFT + 21;
}

enum tt_tls_result tt_tls_server_hello_parse(
	struct tt_tls_server_hello *hello, const uint8_t *bytes, size_t length)
{
	struct tt_cursor cursor = tt_cursor_over(bytes, length);
	struct tt_tls_view data;
	uint16_t type;

	*hello = (struct tt_tls_server_hello){.legacy_version = tt_cursor_be16(&cursor)};
	hello->version = hello->legacy_version;
	if (length >= 2 && !is_hello_version(hello->version))
		return TT_TLS_INVALID;
	const uint8_t *random = tt_cursor_take(&cursor, RANDOM_BYTES);
	hello->retry = random != NULL && memcmp(random, retry_random, RANDOM_BYTES) == 0;
	if (!is_early_draft(hello->version)) {
		size_t session_id_bytes = tt_cursor_u8(&cursor);
		if (session_id_bytes > TT_TLS_SESSION_ID_BYTES)
			return TT_TLS_INVALID;
		hello->session_id = view_of(&cursor, session_id_bytes);
	}
	hello->cipher = tt_cursor_be16(&cursor);
	if (!is_early_draft(hello->version))
		tt_cursor_skip(&cursor, 1); /* compression method */
	if (tt_cursor_failed(&cursor))
		return TT_TLS_MORE;
	if (tt_cursor_left(&cursor) == 0)
		return TT_TLS_OK;

	bool whole = extensions_of(&cursor, &hello->extensions);
	struct tt_tls_view left = hello->extensions;
	while (left.length > 0 && tt_tls_extension_next(&left, &type, &data))
		server_extension(hello, type, data);
	if (!whole)
		return TT_TLS_MORE;
	return left.length == 0 ? TT_TLS_OK : TT_TLS_INVALID;
}

enum tt_tls_result tt_ssl2_server_hello_parse(
	struct tt_tls_server_hello *hello, const uint8_t *bytes, size_t length)
{
	struct tt_cursor cursor = tt_cursor_over(bytes, length);

	tt_cursor_skip(&cursor, SSL2_HEADER_BYTES + 1);
	*hello = (struct tt_tls_server_hello){.ssl2_resumed = tt_cursor_u8(&cursor) == 1};
	tt_cursor_skip(&cursor, 1); /* certificate type */
	hello->version = hello->legacy_version = tt_cursor_be16(&cursor);
	size_t certificate_bytes = tt_cursor_be16(&cursor);
	size_t ciphers_bytes = tt_cursor_be16(&cursor);
	size_t connection_id_bytes = tt_cursor_be16(&cursor);
	struct tt_tls_view certificate = view_of(&cursor, certificate_bytes);
	if (certificate.length > 0)
		hello->ssl2_certificate = certificate;
	tt_cursor_skip(&cursor, ciphers_bytes);
	tt_cursor_skip(&cursor, connection_id_bytes);
	if (tt_cursor_failed(&cursor))
		return TT_TLS_MORE;
	if (hello->version != TT_TLS_SSL2 || tt_cursor_left(&cursor) != 0)
		return TT_TLS_INVALID;
	return TT_TLS_OK;
}

uint32_t tt_tls_leaf_bytes(const uint8_t bytes[TT_TLS_LEAF_OFFSET], uint32_t message_bytes)
{
	uint32_t chain_bytes = tt_load_be24(bytes);
	uint32_t leaf_bytes = tt_load_be24(bytes + 3);

	if (leaf_bytes == 0 || chain_bytes + 3 > message_bytes || leaf_bytes + 3 > chain_bytes)
		return 0;
	return TT_TLS_LEAF_OFFSET + leaf_bytes;
}

/* The handshake message that begins a stream, as far as it is in one record. */
static enum tt_tls_result classify_hello(const struct tt_tls_record *record)
{
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;
	struct tt_cursor cursor = tt_cursor_over(record->body.bytes, record->body.length);

	if (record->body.length == 0)
		return TT_TLS_MORE;
	uint8_t type = tt_cursor_u8(&cursor);
	uint32_t length = tt_cursor_be24(&cursor);
	if ((type != TT_TLS_CLIENT_HELLO && type != TT_TLS_SERVER_HELLO) ||
		length > TT_TLS_HELLO_BYTES)
		return TT_TLS_INVALID;
	size_t left = tt_cursor_left(&cursor);
	size_t count = left < length ? left : length;
	const uint8_t *body = record->body.bytes + cursor.position;
	enum tt_tls_result result = type == TT_TLS_CLIENT_HELLO
		? tt_tls_client_hello_parse(&client, body, count, false)
		: tt_tls_server_hello_parse(&server, body, count);
	/* A message that its own length does not hold. */
	if (result == TT_TLS_MORE && !tt_cursor_failed(&cursor) && count == length)
		return TT_TLS_INVALID;
	/* One that goes on is MORE until there is enough of it to trust: up to the random. */
	if (result == TT_TLS_MORE && count >= 2 + RANDOM_BYTES)
		return TT_TLS_OK;
	return result;
}

enum tt_tls_result tt_tls_classify(const uint8_t *bytes, size_t length)
{
	struct tt_tls_record record;
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;
	enum tt_ssl2_message_type type;

	if (length == 0)
		return TT_TLS_MORE;
	if (length < TT_TLS_RECORD_HEADER_BYTES)
		return bytes[0] == TT_TLS_HANDSHAKE || bytes[0] == TT_TLS_ALERT ||
				(bytes[0] & 0x80) != 0
			? TT_TLS_MORE
			: TT_TLS_INVALID;
	if (tt_tls_record_parse(&record, bytes, length) == TT_TLS_OK) {
		if (record.type == TT_TLS_HANDSHAKE)
			return classify_hello(&record);
		if (record.type != TT_TLS_ALERT || record.length != 2)
			return TT_TLS_INVALID;
		if (record.body.length < 2)
			return TT_TLS_MORE;
		return record.body.bytes[0] == TT_TLS_WARNING ||
				record.body.bytes[0] == TT_TLS_FATAL
			? TT_TLS_OK
			: TT_TLS_INVALID;
	}
	size_t ssl2_bytes = tt_ssl2_record_bytes(bytes, &type);
	if (ssl2_bytes == 0)
		return TT_TLS_INVALID;
	if (length < ssl2_bytes)
		return TT_TLS_MORE;
	return type == TT_SSL2_CLIENT_HELLO
		? tt_ssl2_client_hello_parse(&client, bytes, ssl2_bytes)
		: tt_ssl2_server_hello_parse(&server, bytes, ssl2_bytes);
}

enum tt_tls_result tt_dtls_classify(const uint8_t *bytes, size_t length)
{
	struct tt_tls_record record;
	struct tt_dtls_message message;
	struct tt_tls_client_hello client;
	struct tt_tls_server_hello server;

	if (tt_dtls_record_parse(&record, bytes, length) != TT_TLS_OK || record.epoch != 0 ||
		record.type != TT_TLS_HANDSHAKE)
		return TT_TLS_INVALID;
	if (tt_dtls_message_parse(&message, record.body.bytes, record.body.length) != TT_TLS_OK ||
		message.fragment_offset != 0 || message.length > TT_TLS_HELLO_BYTES)
		return TT_TLS_INVALID;
	enum tt_tls_result result = TT_TLS_INVALID;
	if (message.type == TT_TLS_CLIENT_HELLO)
		result = tt_tls_client_hello_parse(
			&client, message.fragment.bytes, message.fragment.length, true);
	else if (message.type == TT_TLS_SERVER_HELLO)
		result = tt_tls_server_hello_parse(
			&server, message.fragment.bytes, message.fragment.length);
	if (result == TT_TLS_MORE && message.fragment.length < message.length)
		return TT_TLS_OK;
	return result == TT_TLS_OK ? TT_TLS_OK : TT_TLS_INVALID;
}
