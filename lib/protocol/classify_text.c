/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify_parsers.h"

#include "base/bytes.h"
#include "protocol/http1.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LINE_BYTES 4096 /* of a first line, that are searched for its end */

enum tt_verdict tt_classify_prefix(
	const uint8_t *bytes, size_t length, const void *expected, size_t count)
{
	if (memcmp(bytes, expected, length < count ? length : count) != 0)
		return TT_VERDICT_NO;
	return length < count ? TT_VERDICT_MORE : TT_VERDICT_YES;
}

static enum tt_verdict begins(const uint8_t *bytes, size_t length, const char *text)
{
	return bytes[0] == (uint8_t)text[0] ? tt_classify_prefix(bytes, length, text, strlen(text))
					    : TT_VERDICT_NO;
}

/* Can both be one letter? Nearly always not, which spares the look at a text. */
static bool is_like(uint8_t byte, char letter)
{
	return ((byte ^ (uint8_t)letter) & 0xdf) == 0;
}

/* The best of begins() over texts, ended by NULL, in any case of letters. */
static enum tt_verdict begins_any(const uint8_t *bytes, size_t length, const char *const *texts)
{
	enum tt_verdict best = TT_VERDICT_NO;

	for (; *texts != NULL; texts++) {
		if (!is_like(bytes[0], **texts))
			continue;
		size_t count = strlen(*texts);

		if (strncasecmp((const char *)bytes, *texts, length < count ? length : count) != 0)
			continue;
		if (length >= count)
			return TT_VERDICT_YES;
		best = TT_VERDICT_MORE;
	}
	return best;
}

/* Length of the first line, its CR left out; 0: empty, or its end is not there. */
static size_t line_length(const uint8_t *bytes, size_t length)
{
	const uint8_t *end = memchr(bytes, '\n', length < LINE_BYTES ? length : LINE_BYTES);

	if (end == NULL)
		return 0;
	size_t count = (size_t)(end - bytes);

	return count > 0 && bytes[count - 1] == '\r' ? count - 1 : count;
}

/* Is `text` in the line, in any case of letters? */
static bool line_has(const uint8_t *line, size_t length, const char *text)
{
	size_t count = strlen(text);

	for (size_t at = 0; at + count <= length; at++)
		if (is_like(line[at], text[0]) &&
			strncasecmp((const char *)line + at, text, count) == 0)
			return true;
	return false;
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* Has the line only bytes of text: printable ones, tabs, and those of other character sets? */
static bool is_text(const uint8_t *line, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if ((line[at] < ' ' && line[at] != '\t') || line[at] == 0x7f)
			return false;
	return true;
}

/* A request line that the parser reads, and that ends with a version: SIP, RTSP and SSDP have lines
 * of the same form. Where its end is not there, only a method of RFC 9110 and an absolute path
 * tell. */
enum tt_verdict tt_classify_http1(const uint8_t *bytes, size_t length)
{
	static const char *const methods[] = {"GET /", "HEAD /", "POST /", "PUT /", "DELETE /",
		"OPTIONS /", "TRACE /", "PATCH /", NULL};

	switch (tt_http1_kind_of(bytes, length)) {
	case TT_HTTP1_UNDECIDED:
		return TT_VERDICT_MORE;
	case TT_HTTP1_RESPONSE:
		if (length < sizeof("HTTP/1.1 200") - 1)
			return TT_VERDICT_MORE;
		return is_digit(bytes[7]) && bytes[8] == ' ' && is_digit(bytes[9]) &&
				is_digit(bytes[10]) && is_digit(bytes[11])
			? TT_VERDICT_YES
			: TT_VERDICT_NO;
	case TT_HTTP1_REQUEST:
		break;
	default:
		return TT_VERDICT_NO;
	}

	struct tt_http1_head head;

	if (!tt_http1_request_line(&head, bytes, length))
		return TT_VERDICT_NO;
	if ((head.flags & TT_HTTP1_FIRST_LINE) != 0)
		return head.version != 0 ? TT_VERDICT_YES : TT_VERDICT_MAY;
	if (length < 64)
		return TT_VERDICT_MORE;
	return is_text(bytes, 64) && begins_any(bytes, length, methods) == TT_VERDICT_YES
		? TT_VERDICT_YES
		: TT_VERDICT_NO;
}

/* RFC 4253 4.2. */
enum tt_verdict tt_classify_ssh(const uint8_t *bytes, size_t length)
{
	static const char *const versions[] = {"SSH-2.0-", "SSH-1.99-", "SSH-1.5-", NULL};

	return begins_any(bytes, length, versions);
}

/* A reply of SMTP or FTP (RFC 5321 4.2, RFC 959 4.2): three digits, and a space or a hyphen. `word`
 * in its line tells which of both, `other` that it is the other one. */
static enum tt_verdict reply(
	const uint8_t *bytes, size_t length, const char *word, const char *other)
{
	for (size_t at = 0; at < 4 && at < length; at++)
		if (at == 0		 ? bytes[0] < '1' || bytes[0] > '5'
				: at < 3 ? !is_digit(bytes[at])
					 : bytes[3] != ' ' && bytes[3] != '-')
			return TT_VERDICT_NO;
	if (length < 4)
		return TT_VERDICT_MORE;
	size_t line = line_length(bytes, length);

	if (line == 0 && length < 64)
		return TT_VERDICT_MORE;
	line = line == 0 ? 64 : line;
	if (!is_text(bytes, line))
		return TT_VERDICT_NO;
	if (memcmp(bytes, "220", 3) == 0 && line_has(bytes, line, word))
		return TT_VERDICT_YES;
	return line_has(bytes, line, other) ? TT_VERDICT_NO : TT_VERDICT_MAY;
}

enum tt_verdict tt_classify_smtp(const uint8_t *bytes, size_t length)
{
	static const char *const greetings[] = {"EHLO ", "HELO ", "LHLO ", NULL};
	static const char *const commands[] = {"MAIL FROM:", "RCPT TO:", NULL};

	if (is_digit(bytes[0]))
		return reply(bytes, length, "smtp", "ftp");
	enum tt_verdict verdict = begins_any(bytes, length, greetings);

	return verdict != TT_VERDICT_NO ? verdict : begins_any(bytes, length, commands);
}

enum tt_verdict tt_classify_ftp(const uint8_t *bytes, size_t length)
{
	static const char *const own[] = {"AUTH TLS\r\n", "AUTH SSL\r\n", "FEAT\r\n", "SYST\r\n",
		"PASV\r\n", "EPSV\r\n", NULL};
	static const char *const shared[] = {"USER ", NULL};

	if (is_digit(bytes[0]))
		return reply(bytes, length, "ftp", "smtp");
	enum tt_verdict verdict = begins_any(bytes, length, own);

	if (verdict != TT_VERDICT_NO)
		return verdict;
	verdict = begins_any(bytes, length, shared);
	return verdict == TT_VERDICT_YES ? TT_VERDICT_MAY : verdict;
}

/* RFC 1939, RFC 2449. Redis, too, answers "+OK", but without a text. */
enum tt_verdict tt_classify_pop3(const uint8_t *bytes, size_t length)
{
	static const char *const own[] = {"+OK ", "CAPA\r\n", "APOP ", "STLS\r\n", NULL};
	static const char *const shared[] = {"+OK\r\n", "USER ", "-ERR ", NULL};
	enum tt_verdict verdict = begins_any(bytes, length, own);

	if (verdict != TT_VERDICT_NO)
		return verdict;
	verdict = begins_any(bytes, length, shared);
	return verdict == TT_VERDICT_YES ? TT_VERDICT_MAY : verdict;
}

/* RFC 9051: the greeting, or a tag, a space and a command. */
enum tt_verdict tt_classify_imap(const uint8_t *bytes, size_t length)
{
	static const char *const greetings[] = {"* OK ", "* PREAUTH ", "* BYE ", NULL};
	static const char *const commands[] = {"CAPABILITY\r\n", "LOGIN ", "STARTTLS\r\n",
		"AUTHENTICATE ", "ID (", "ID NIL\r\n", "SELECT ", "NOOP\r\n", NULL};
	size_t at = 0;

	if (bytes[0] == '*')
		return begins_any(bytes, length, greetings);
	while (at < length && at < 16 && (is_digit(bytes[at]) || (bytes[at] | 0x20) >= 'a') &&
		(bytes[at] | 0x20) <= 'z')
		at++;
	if (at == length)
		return TT_VERDICT_MORE;
	if (at == 0 || bytes[at] != ' ')
		return TT_VERDICT_NO;
	at++;
	return at == length ? TT_VERDICT_MORE : begins_any(bytes + at, length - at, commands);
}

/* A request line: a method, its space included, and behind it a target of one of the schemes. */
static enum tt_verdict begins_request(
	const uint8_t *bytes, size_t length, const char *const *methods, const char *const *schemes)
{
	enum tt_verdict verdict = begins_any(bytes, length, methods);

	if (verdict != TT_VERDICT_YES)
		return verdict;
	const uint8_t *space = memchr(bytes, ' ', length);
	size_t at = (size_t)(space - bytes) + 1;

	return at == length ? TT_VERDICT_MORE : begins_any(bytes + at, length - at, schemes);
}

/* RFC 3261 7. */
enum tt_verdict tt_classify_sip(const uint8_t *bytes, size_t length)
{
	static const char *const methods[] = {"INVITE ", "ACK ", "BYE ", "CANCEL ", "REGISTER ",
		"OPTIONS ", "INFO ", "PRACK ", "SUBSCRIBE ", "NOTIFY ", "UPDATE ", "MESSAGE ",
		"REFER ", "PUBLISH ", NULL};
	static const char *const schemes[] = {"sip:", "sips:", "tel:", NULL};
	enum tt_verdict verdict = begins(bytes, length, "SIP/2.0 ");

	return verdict != TT_VERDICT_NO ? verdict : begins_request(bytes, length, methods, schemes);
}

/* RFC 7826 and RFC 2326: "rtsp://" as the target, or the version at the line's end. */
enum tt_verdict tt_classify_rtsp(const uint8_t *bytes, size_t length)
{
	static const char *const methods[] = {"OPTIONS ", "DESCRIBE ", "ANNOUNCE ", "SETUP ",
		"PLAY ", "PAUSE ", "TEARDOWN ", "RECORD ", "GET_PARAMETER ", "SET_PARAMETER ",
		NULL};
	static const char *const schemes[] = {"rtsp://", "rtsps://", "rtspu://", "* RTSP/", NULL};
	enum tt_verdict verdict = begins(bytes, length, "RTSP/");

	return verdict != TT_VERDICT_NO ? verdict : begins_request(bytes, length, methods, schemes);
}

/* RESP: a type, digits and a line break; commands are arrays of bulk strings. */
enum tt_verdict tt_classify_redis(const uint8_t *bytes, size_t length)
{
	static const char *const own[] = {"+PONG\r\n", "+QUEUED\r\n", "-NOAUTH ", "-WRONGPASS ",
		"-MOVED ", "-WRONGTYPE ", NULL};
	static const char *const shared[] = {"+OK\r\n", "-ERR ", "PING\r\n", NULL};
	size_t at = 1;

	if (bytes[0] != '*' && bytes[0] != '$' && bytes[0] != ':' && bytes[0] != '%') {
		enum tt_verdict verdict = begins_any(bytes, length, own);

		if (verdict != TT_VERDICT_NO)
			return verdict;
		verdict = begins_any(bytes, length, shared);
		return verdict == TT_VERDICT_YES ? TT_VERDICT_MAY : verdict;
	}
	while (at < length && at < 12 && (is_digit(bytes[at]) || (at == 1 && bytes[at] == '-')))
		at++;
	if (at == length)
		return TT_VERDICT_MORE;
	if (at == 1)
		return TT_VERDICT_NO;
	enum tt_verdict verdict = begins(bytes + at, length - at, "\r\n");

	if (verdict != TT_VERDICT_YES)
		return verdict;
	if (bytes[0] != '*')
		return TT_VERDICT_MAY;
	at += 2;
	if (at == length)
		return bytes[1] == '0' ? TT_VERDICT_MAY : TT_VERDICT_MORE;
	if (bytes[at] != '$')
		return bytes[at] != 0 && strchr("*:+-%_,#", bytes[at]) != NULL ? TT_VERDICT_MAY
									       : TT_VERDICT_NO;
	at++;
	return at == length	      ? TT_VERDICT_MORE
		: is_digit(bytes[at]) ? TT_VERDICT_YES
				      : TT_VERDICT_NO;
}

enum tt_verdict tt_classify_nats(const uint8_t *bytes, size_t length)
{
	static const char *const own[] = {"INFO {", "CONNECT {", NULL};
	static const char *const shared[] = {"PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR '", NULL};
	enum tt_verdict verdict = begins_any(bytes, length, own);

	if (verdict != TT_VERDICT_NO)
		return verdict;
	verdict = begins_any(bytes, length, shared);
	return verdict == TT_VERDICT_YES ? TT_VERDICT_MAY : verdict;
}

/* The binary protocol's header of 24 bytes: opcode to 0x22, lengths that fit together, and as its
 * request's or response's status one of few. */
static enum tt_verdict memcached_binary(const uint8_t *bytes, size_t length)
{
	if (length < 24)
		return (length < 2 || bytes[1] <= 0x22) && (length < 6 || bytes[5] == 0)
			? TT_VERDICT_MORE
			: TT_VERDICT_NO;
	uint32_t key_bytes = tt_load_be16(bytes + 2);
	uint32_t body_bytes = tt_load_be32(bytes + 8);

	/* Requests that store have flags and a time, those that count have three numbers. */
	if (bytes[0] == 0x80 && bytes[1] >= 1 && bytes[1] <= 6 && bytes[1] != 4 &&
		bytes[4] != (bytes[1] <= 3 ? 8 : 20))
		return TT_VERDICT_NO;
	return bytes[1] <= 0x22 && key_bytes <= 250 && bytes[4] <= 20 && bytes[5] == 0 &&
			body_bytes >= key_bytes + bytes[4] && body_bytes < 1U << 27 &&
			(bytes[0] == 0x80 || tt_load_be16(bytes + 6) <= 0x86)
		? TT_VERDICT_YES
		: TT_VERDICT_NO;
}

/* Fields of a line, apart by one space: how many there are, and whether those from the third on are
 * numbers ("set KEY FLAGS SECONDS BYTES", "VALUE KEY FLAGS BYTES"). */
static unsigned int numbered_fields(const uint8_t *line, size_t length)
{
	unsigned int fields = 1;

	for (size_t at = 0; at < length; at++) {
		if (line[at] == ' ')
			fields++;
		else if (fields > 2 && fields < 6 && !is_digit(line[at]))
			return 0;
	}
	return fields;
}

enum tt_verdict tt_classify_memcached(const uint8_t *bytes, size_t length)
{
	static const char *const whole[] = {"STORED\r\n", "NOT_STORED\r\n", "version\r\n",
		"stats\r\n", "STAT pid ", "VERSION 1.", NULL};
	static const char *const stores[] = {
		"set ", "add ", "replace ", "append ", "prepend ", "VALUE ", NULL};
	static const char *const shared[] = {
		"get ", "gets ", "delete ", "incr ", "decr ", "END\r\n", NULL};

	if (bytes[0] == 0x80 || bytes[0] == 0x81)
		return memcached_binary(bytes, length);
	if (bytes[0] >= 0x80)
		return TT_VERDICT_NO;
	enum tt_verdict verdict = begins(bytes, length, "STAT");

	if (verdict == TT_VERDICT_MORE)
		return verdict;
	for (unsigned int i = 0; whole[i] != NULL; i++) {
		verdict = begins(bytes, length, whole[i]);
		if (verdict != TT_VERDICT_NO)
			return verdict;
	}
	for (unsigned int i = 0; stores[i] != NULL; i++) {
		verdict = begins(bytes, length, stores[i]);
		if (verdict == TT_VERDICT_MORE)
			return verdict;
		if (verdict == TT_VERDICT_YES) {
			size_t line = line_length(bytes, length);

			if (line == 0)
				return TT_VERDICT_MORE;
			return is_text(bytes, line) && numbered_fields(bytes, line) >= 4
				? TT_VERDICT_YES
				: TT_VERDICT_NO;
		}
	}
	for (unsigned int i = 0; shared[i] != NULL; i++) {
		verdict = begins(bytes, length, shared[i]);
		if (verdict != TT_VERDICT_NO)
			return verdict == TT_VERDICT_YES ? TT_VERDICT_MAY : verdict;
	}
	return TT_VERDICT_NO;
}

/* Before the text: a request's number, the datagram's, how many there are, and 0. */
enum tt_verdict tt_classify_memcached_datagram(const uint8_t *bytes, size_t length)
{
	if (length <= 8 || tt_load_be16(bytes + 6) != 0 ||
		tt_load_be16(bytes + 2) >= tt_load_be16(bytes + 4))
		return TT_VERDICT_NO;
	enum tt_verdict verdict = tt_classify_memcached(bytes + 8, length - 8);

	return verdict == TT_VERDICT_MORE ? TT_VERDICT_NO : verdict;
}
