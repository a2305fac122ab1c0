/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http1.h"

#include "protocol/http.h"

#include <string.h>

#define CHUNK_DIGITS_LIMIT (UINT64_MAX >> 4) /* one more digit would not fit */

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_capital(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

/* RFC 9110 5.6.2. */
static bool is_token(uint8_t byte)
{
	return is_digit(byte) || is_capital((uint8_t)(byte & ~0x20)) ||
		(byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* Is the beginning of (bytes, length), as far as it goes, that of `text`? */
static bool may_begin_with(const uint8_t *bytes, size_t length, const char *text)
{
	size_t text_length = strlen(text);

	return memcmp(bytes, text, length < text_length ? length : text_length) == 0;
}

enum tt_http1_kind tt_http1_kind_of(const uint8_t *bytes, size_t length)
{
	static const char version[] = "HTTP/1.";
	size_t at = 0;

	if (length == 0)
		return TT_HTTP1_UNDECIDED;
	if (length >= strlen(version) && memcmp(bytes, version, strlen(version)) == 0)
		return TT_HTTP1_RESPONSE;
	while (at < length && at < TT_HTTP_METHOD_BYTES &&
		(is_capital(bytes[at]) || (at > 0 && (bytes[at] == '-' || bytes[at] == '_'))))
		at++;
	if (at == length || may_begin_with(bytes, length, version))
		return TT_HTTP1_UNDECIDED;
	if (at < 3 || bytes[at] != ' ')
		return TT_HTTP1_NEITHER;
	size_t method_bytes = at;
	while (at < length && bytes[at] == ' ')
		at++;
	if (at == length)
		return TT_HTTP1_UNDECIDED;
	if (bytes[at] == '/' || bytes[at] == '*' ||
		may_begin_with(bytes + at, length - at, "http") ||
		may_begin_with(bytes + at, length - at, "HTTP"))
		return TT_HTTP1_REQUEST;
	return method_bytes == 7 && memcmp(bytes, "CONNECT", 7) == 0 ? TT_HTTP1_REQUEST
								     : TT_HTTP1_NEITHER;
}

/* "HTTP/1.N", to the end of (bytes, length). 0 when it is not. */
static uint8_t version_read(const uint8_t *bytes, size_t length)
{
	if (length != 8 || memcmp(bytes, "HTTP/1.", 7) != 0 || !is_digit(bytes[7]))
		return 0;
	return (uint8_t)(10 + bytes[7] - '0');
}

/* The length of a line without its break and the spaces before it. */
static size_t line_trim(const uint8_t *line, size_t length)
{
	while (length > 0 && (is_space(line[length - 1]) || line[length - 1] == '\r'))
		length--;
	return length;
}

/* Can these bytes, without a line feed, be the beginning of a request line? */
static bool may_be_request_line(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length && is_token(bytes[at]))
		at++;
	if (at == length)
		return at <= TT_HTTP_METHOD_BYTES;
	if (at == 0 || at > TT_HTTP_METHOD_BYTES || !is_space(bytes[at]))
		return false;
	return memchr(bytes + at, 0, length - at) == NULL;
}

static bool is_common_method(struct tt_http1_text method)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"};

	for (unsigned int i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (method.length == strlen(methods[i]) &&
			memcmp(method.bytes, methods[i], method.length) == 0)
			return true;
	return false;
}

/* What follows the target: the version stands behind the last space. Servers answer lines with half
 * a version and none, and HTTP/0.9 had none; such a line must look like HTTP in another way. */
static bool request_version_read(struct tt_http1_head *head, const uint8_t *rest, size_t length)
{
	struct tt_http1_text target = head->target;

	if (length >= 9 && is_space(rest[length - 9])) {
		head->version = version_read(rest + length - 8, 8);
		if (head->version != 0)
			return true;
	}
	while (length > 0 && is_space(*rest)) {
		rest++;
		length--;
	}
	if (length > 0)
		return length >= 6 && memcmp(rest, "HTTP/1", 6) == 0;
	return (is_common_method(head->method) && target.length > 0 && target.bytes[0] == '/') ||
		(target.length >= 8 && version_read(target.bytes + target.length - 8, 8) != 0);
}

/* The target is what stands to the first space after it. */
static bool request_line_read(struct tt_http1_head *head, const uint8_t *line, size_t length)
{
	size_t at = 0;
	size_t begin;

	length = line_trim(line, length);
	while (at < length && is_token(line[at]))
		at++;
	if (at == 0 || at > TT_HTTP_METHOD_BYTES || at == length || !is_space(line[at]) ||
		memchr(line + at, 0, length - at) != NULL)
		return false;
	head->method = (struct tt_http1_text){line, (uint32_t)at};
	while (at < length && is_space(line[at]))
		at++;
	for (begin = at; at < length && !is_space(line[at]);)
		at++;
	head->target = (struct tt_http1_text){line + begin, (uint32_t)(at - begin)};
	return request_version_read(head, line + at, length - at);
}

static bool may_be_status_line(const uint8_t *bytes, size_t length)
{
	if (!may_begin_with(bytes, length, "HTTP/1."))
		return false;
	return length < 9 || (is_digit(bytes[7]) && is_space(bytes[8]));
}

static bool status_line_read(struct tt_http1_head *head, const uint8_t *line, size_t length)
{
	size_t at = 8;

	length = line_trim(line, length);
	if (length < 12)
		return false;
	head->version = version_read(line, 8);
	if (head->version == 0 || !is_space(line[8]))
		return false;
	while (at < length && is_space(line[at]))
		at++;
	if (length - at < 3 || !is_digit(line[at]) || !is_digit(line[at + 1]) ||
		!is_digit(line[at + 2]) || (length - at > 3 && is_digit(line[at + 3])))
		return false;
	head->status = (uint16_t)((line[at] - '0') * 100 + (line[at + 1] - '0') * 10 +
		(line[at + 2] - '0'));
	return head->status >= 100;
}

/* The value of a field of this name (lower case): the bytes behind its colon; NULL for others. */
static const uint8_t *value_of(const uint8_t *line, size_t length, const char *name)
{
	size_t at = 0;

	for (; name[at] != 0; at++)
		if (at == length || (line[at] | 0x20) != name[at])
			return NULL;
	while (at < length && is_space(line[at]))
		at++;
	return at < length && line[at] == ':' ? line + at + 1 : NULL;
}

static bool is_blank(uint8_t byte)
{
	return is_space(byte) || byte == '\r' || byte == '\n';
}

static struct tt_http1_text trim(const uint8_t *begin, const uint8_t *end)
{
	while (begin < end && is_blank(*begin))
		begin++;
	while (end > begin && is_blank(end[-1]))
		end--;
	return (struct tt_http1_text){begin, (uint32_t)(end - begin)};
}

static void keep_first(struct tt_http1_text *kept, struct tt_http1_text value)
{
	if (kept->bytes == NULL)
		*kept = value;
}

/* RFC 9112 6.3: equal numbers, in one field or in several, are one number. */
static void content_length_read(struct tt_http1_head *head, struct tt_http1_text value)
{
	const uint8_t *end = value.bytes + value.length;

	for (const uint8_t *at = value.bytes; at <= end; at++) {
		const uint8_t *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
		struct tt_http1_text item = trim(at, comma == NULL ? end : comma);
		uint64_t number = 0;
		bool sound = item.length > 0 && item.length <= 18;
		for (uint32_t i = 0; sound && i < item.length; i++) {
			sound = is_digit(item.bytes[i]);
			number = number * 10 + (uint64_t)(item.bytes[i] - '0');
		}
		bool known = (head->flags & TT_HTTP1_LENGTH) != 0;
		if (!sound || (known && head->content_length != number)) {
			head->flags |= TT_HTTP1_LENGTH_UNSOUND;
			return;
		}
		head->content_length = number;
		head->flags |= TT_HTTP1_LENGTH;
		if (comma == NULL)
			return;
		at = comma;
	}
}

static bool equals(struct tt_http1_text text, const char *lower)
{
	for (uint32_t i = 0; i < text.length; i++)
		if (lower[i] == 0 || (text.bytes[i] | 0x20) != lower[i])
			return false;
	return lower[text.length] == 0;
}

/* Only the last coding frames the message. */
static void transfer_encoding_read(struct tt_http1_head *head, struct tt_http1_text value)
{
	const uint8_t *comma = value.length > 0 ? memrchr(value.bytes, ',', value.length) : NULL;
	const uint8_t *begin = comma == NULL ? value.bytes : comma + 1;

	head->flags |= TT_HTTP1_CODED;
	head->flags &= (uint8_t)~TT_HTTP1_CHUNKED;
	if (equals(trim(begin, value.bytes + value.length), "chunked"))
		head->flags |= TT_HTTP1_CHUNKED;
}

static void field_read(struct tt_http1_head *head, const uint8_t *field, const uint8_t *end)
{
	size_t length = (size_t)(end - field);
	const uint8_t *value;

	switch (field[0] | 0x20) {
	case 'c':
		if ((value = value_of(field, length, "content-length")) != NULL)
			content_length_read(head, trim(value, end));
		else if ((value = value_of(field, length, "content-type")) != NULL)
			keep_first(&head->content_type, trim(value, end));
		break;
	case 'e':
		if ((value = value_of(field, length, "expect")) != NULL &&
			equals(trim(value, end), "100-continue"))
			head->flags |= TT_HTTP1_EXPECT;
		break;
	case 'h':
		if ((value = value_of(field, length, "host")) != NULL)
			keep_first(&head->host, trim(value, end));
		break;
	case 't':
		if ((value = value_of(field, length, "transfer-encoding")) != NULL)
			transfer_encoding_read(head, trim(value, end));
		break;
	case 'u':
		if ((value = value_of(field, length, "user-agent")) != NULL)
			keep_first(&head->user_agent, trim(value, end));
		else if ((value = value_of(field, length, "upgrade")) != NULL &&
			equals(trim(value, end), "websocket"))
			head->flags |= TT_HTTP1_WEBSOCKET;
		break;
	}
}

/* The lines after the first, which ends before `next`. A field is read once the line after it
 * shows that it is not folded. */
static enum tt_http1_result fields_read(
	struct tt_http1_head *head, const uint8_t *bytes, const uint8_t *next, const uint8_t *end)
{
	const uint8_t *field = NULL;

	for (unsigned int lines = 0;; lines++) {
		const uint8_t *line = next;
		const uint8_t *feed = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
		if (field != NULL && line < end && !is_space(*line)) {
			field_read(head, field, line);
			field = NULL;
		}
		if (feed == NULL)
			return TT_HTTP1_MORE;
		next = feed + 1;
		if (feed == line || (feed == line + 1 && *line == '\r')) {
			head->bytes = (uint32_t)(next - bytes);
			return TT_HTTP1_OK;
		}
		if (lines == TT_HTTP1_FIELDS)
			return TT_HTTP1_LIMIT;
		if (!is_space(*line))
			field = line;
	}
}

static size_t looked_at(size_t length)
{
	return length < TT_HTTP1_HEAD_BYTES ? length : TT_HTTP1_HEAD_BYTES;
}

/* TT_HTTP1_MORE, too, where the first line is there: *next is what follows it, and else NULL. */
static enum tt_http1_result first_line_read(struct tt_http1_head *head, const uint8_t *bytes,
	size_t length, bool (*may_be)(const uint8_t *, size_t),
	bool (*line_read)(struct tt_http1_head *, const uint8_t *, size_t), const uint8_t **next)
{
	const uint8_t *feed = length > 0 ? memchr(bytes, '\n', length) : NULL;

	memset(head, 0, sizeof(*head));
	*next = NULL;
	if (feed == NULL)
		return length > 0 && !may_be(bytes, length) ? TT_HTTP1_INVALID : TT_HTTP1_MORE;
	if (!line_read(head, bytes, (size_t)(feed - bytes)))
		return TT_HTTP1_INVALID;
	head->flags |= TT_HTTP1_FIRST_LINE;
	*next = feed + 1;
	return TT_HTTP1_MORE;
}

static enum tt_http1_result head_read(struct tt_http1_head *head, const uint8_t *bytes,
	size_t length, bool (*may_be)(const uint8_t *, size_t),
	bool (*line_read)(struct tt_http1_head *, const uint8_t *, size_t))
{
	const size_t looked = looked_at(length);
	const uint8_t *next;
	enum tt_http1_result result =
		first_line_read(head, bytes, looked, may_be, line_read, &next);

	if (next != NULL)
		result = fields_read(head, bytes, next, bytes + looked);
	return result == TT_HTTP1_MORE && looked == TT_HTTP1_HEAD_BYTES ? TT_HTTP1_LIMIT : result;
}

bool tt_http1_request_line(struct tt_http1_head *head, const uint8_t *bytes, size_t length)
{
	const uint8_t *next;

	return first_line_read(head, bytes, looked_at(length), may_be_request_line,
		       request_line_read, &next) != TT_HTTP1_INVALID;
}

enum tt_http1_result tt_http1_request(
	struct tt_http1_head *head, const uint8_t *bytes, size_t length)
{
	return head_read(head, bytes, length, may_be_request_line, request_line_read);
}

enum tt_http1_result tt_http1_response(
	struct tt_http1_head *head, const uint8_t *bytes, size_t length)
{
	return head_read(head, bytes, length, may_be_status_line, status_line_read);
}

bool tt_http1_head_ends(const uint8_t *bytes, size_t length, uint32_t *scanned)
{
	size_t at = *scanned;

	while (at < length) {
		const uint8_t *feed = memchr(bytes + at, '\n', length - at);
		if (feed == NULL)
			break;
		at = (size_t)(feed - bytes);
		if (length - at >= 2 && feed[1] == '\n')
			return true;
		if (length - at >= 3 && feed[1] == '\r' && feed[2] == '\n')
			return true;
		if (length - at < 3) {
			/* To be looked at again: what follows it decides. */
			*scanned = (uint32_t)at;
			return false;
		}
		at++;
	}
	*scanned = (uint32_t)length;
	return false;
}

size_t tt_http1_text_copy(char *copy, size_t capacity, const struct tt_http1_text *text)
{
	size_t copied = text->length < capacity ? text->length : capacity;

	if (copied == 0)
		return 0;
	if (memchr(text->bytes, '\n', copied) == NULL) {
		memcpy(copy, text->bytes, copied);
		return copied;
	}
	copied = 0;
	for (uint32_t i = 0; i < text->length && copied < capacity;) {
		uint32_t begin = i;
		bool broken = false;
		for (; i < text->length && is_blank(text->bytes[i]); i++)
			broken |= text->bytes[i] == '\n';
		if (broken)
			copy[copied++] = ' ';
		else
			for (; begin < i && copied < capacity; begin++)
				copy[copied++] = (char)text->bytes[begin];
		for (; i < text->length && copied < capacity && !is_blank(text->bytes[i]); i++)
			copy[copied++] = (char)text->bytes[i];
	}
	return copied;
}

static int hex_digit(uint8_t byte)
{
	if (is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* One byte of a frame; data are passed over by the caller. */
static void chunked_step(struct tt_http1_chunked *chunked, uint8_t byte, uint64_t *data_bytes)
{
	int digit = hex_digit(byte);

	switch (chunked->state) {
	case TT_HTTP1_CHUNK_SIZE:
	case TT_HTTP1_CHUNK_DIGITS:
		if (digit >= 0) {
			chunked->state = chunked->left > CHUNK_DIGITS_LIMIT ? TT_HTTP1_CHUNK_INVALID
									    : TT_HTTP1_CHUNK_DIGITS;
			chunked->left = chunked->left << 4 | (uint64_t)digit;
			return;
		}
		if (chunked->state == TT_HTTP1_CHUNK_SIZE || (!is_blank(byte) && byte != ';')) {
			chunked->state = TT_HTTP1_CHUNK_INVALID;
			return;
		}
		chunked->state = TT_HTTP1_CHUNK_EXTENSION;
		/* fallthrough */
	case TT_HTTP1_CHUNK_EXTENSION:
		if (byte != '\n')
			return;
		*data_bytes += chunked->left;
		chunked->state = chunked->left > 0 ? TT_HTTP1_CHUNK_DATA : TT_HTTP1_CHUNK_TRAILER;
		return;
	case TT_HTTP1_CHUNK_DATA_END:
		if (byte == '\r')
			chunked->state = TT_HTTP1_CHUNK_DATA_LF;
		else
			chunked->state =
				byte == '\n' ? TT_HTTP1_CHUNK_SIZE : TT_HTTP1_CHUNK_INVALID;
		return;
	case TT_HTTP1_CHUNK_DATA_LF:
		chunked->state = byte == '\n' ? TT_HTTP1_CHUNK_SIZE : TT_HTTP1_CHUNK_INVALID;
		return;
	case TT_HTTP1_CHUNK_TRAILER:
	case TT_HTTP1_CHUNK_TRAILER_CR:
		if (byte == '\n')
			chunked->state = TT_HTTP1_CHUNK_DONE;
		else if (byte == '\r' && chunked->state == TT_HTTP1_CHUNK_TRAILER)
			chunked->state = TT_HTTP1_CHUNK_TRAILER_CR;
		else
			chunked->state = TT_HTTP1_CHUNK_TRAILER_LINE;
		return;
	case TT_HTTP1_CHUNK_TRAILER_LINE:
		if (byte == '\n')
			chunked->state = TT_HTTP1_CHUNK_TRAILER;
		return;
	}
}

size_t tt_http1_chunked_read(
	struct tt_http1_chunked *chunked, const uint8_t *bytes, size_t length, uint64_t *data_bytes)
{
	size_t at = 0;

	while (at < length && chunked->state != TT_HTTP1_CHUNK_DONE &&
		chunked->state != TT_HTTP1_CHUNK_INVALID) {
		if (chunked->state != TT_HTTP1_CHUNK_DATA) {
			chunked_step(chunked, bytes[at++], data_bytes);
			continue;
		}
		uint64_t count = chunked->left < length - at ? chunked->left : length - at;
		at += (size_t)count;
		chunked->left -= count;
		if (chunked->left == 0)
			chunked->state = TT_HTTP1_CHUNK_DATA_END;
	}
	return at;
}
