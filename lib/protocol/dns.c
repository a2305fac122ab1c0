/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns.h"

#include "base/cursor.h"

#define POINTER_BITS 0xc0 /* RFC 1035 4.1.4: the top two bits of a label's length byte */
#define RECORD_BYTES 10	  /* type, class, TTL and data length */
#define CLASS_IN     1

/* QDCOUNT is 1 everywhere but in mDNS; more than this many are a sign of noise. */
#define PLAUSIBLE_QUESTIONS 32
#define PLAUSIBLE_RECORDS   512

static inline uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

size_t tt_dns_name_read(
	struct tt_dns_name *name, const uint8_t *bytes, size_t length, size_t offset)
{
	size_t after = 0;    /* the offset after the name, once a pointer has been followed */
	size_t run = offset; /* where the labels being read began: pointers go before it */
	size_t wire = 1;     /* of the name uncompressed; its final zero byte */
	unsigned int text = 0;
	unsigned int pointers = 0;

	name->length = 0;
	for (;;) {
		if (offset >= length)
			return 0;
		uint8_t label = bytes[offset];
		if (label == 0)
			break;
		if ((label & POINTER_BITS) == POINTER_BITS) {
			if (length - offset < 2 || ++pointers > TT_DNS_POINTERS)
				return 0;
			if (after == 0)
				after = offset + 2;
			size_t target = tt_load_be16(bytes + offset) & 0x3fff;
			if (target >= run)
				return 0;
			run = target;
			offset = target;
			continue;
		}
		wire += label + 1u;
		if ((label & POINTER_BITS) != 0 || length - offset <= label ||
			wire > TT_DNS_NAME_BYTES)
			return 0;
		if (text > 0)
			name->text[text++] = '.';
		for (unsigned int i = 1; i <= label; i++)
			name->text[text++] = (char)lower(bytes[offset + i]);
		offset += label + 1u;
	}
	if (text == 0)
		name->text[text++] = '.';
	name->length = (uint8_t)text;
	return after != 0 ? after : offset + 1;
}

/* The offset after the name at `offset`, without following its pointers; 0 when it is cut or has a
 * label of another kind. */
static size_t name_skip(const uint8_t *bytes, size_t length, size_t offset)
{
	size_t end = offset + TT_DNS_NAME_BYTES;

	while (offset < length && offset < end) {
		uint8_t label = bytes[offset];
		if (label == 0)
			return offset + 1;
		if ((label & POINTER_BITS) == POINTER_BITS)
			return length - offset < 2 ? 0 : offset + 2;
		if ((label & POINTER_BITS) != 0)
			return 0;
		offset += label + 1u;
	}
	return 0;
}

/* Could the name at `offset` go on after `length`? */
static bool name_is_cut(const uint8_t *bytes, size_t length, size_t offset)
{
	size_t end = offset + TT_DNS_NAME_BYTES;

	while (offset < length && offset < end) {
		uint8_t label = bytes[offset];
		if (label == 0)
			return false;
		if ((label & POINTER_BITS) == POINTER_BITS)
			return length - offset < 2;
		if ((label & POINTER_BITS) != 0)
			return false;
		offset += label + 1u;
	}
	return offset < end;
}

static void header_read(struct tt_dns_message *message)
{
	const uint8_t *bytes = message->bytes;

	message->id = tt_load_be16(bytes);
	message->flags = tt_load_be16(bytes + 2);
	message->questions = tt_load_be16(bytes + 4);
	message->answers = tt_load_be16(bytes + 6);
	message->authorities = tt_load_be16(bytes + 8);
	message->additionals = tt_load_be16(bytes + 10);
	message->response = (message->flags & 0x8000) != 0;
	message->truncated = (message->flags & 0x0200) != 0;
	message->opcode = (message->flags >> 11) & 0xf;
	message->rcode = message->flags & 0xf;
}

/* Look for the OPT record, for the upper bits of the rcode. */
static void edns_read(struct tt_dns_message *message)
{
	struct tt_dns_records records = tt_dns_records(message);
	struct tt_dns_record record;

	if (message->additionals == 0)
		return;
	for (unsigned int i = 0; i < TT_DNS_PARSE_RECORDS && tt_dns_record_next(&records, &record);
		i++) {
		if (record.type != TT_DNS_OPT || record.section != TT_DNS_ADDITIONAL)
			continue;
		message->edns = true;
		message->edns_udp_bytes = record.class;
		message->rcode |= (uint16_t)(record.ttl_s >> 24 << 4);
		return;
	}
}

enum tt_dns_result tt_dns_parse(struct tt_dns_message *message, const uint8_t *bytes, size_t length)
{
	message->bytes = bytes;
	message->length = length;
	message->edns = false;
	message->edns_udp_bytes = 0;
	message->query_type = 0;
	message->query_class = 0;
	message->name.length = 0;
	message->records_offset = TT_DNS_HEADER_BYTES;
	if (length > UINT16_MAX)
		return TT_DNS_INVALID;
	if (length < TT_DNS_HEADER_BYTES)
		return TT_DNS_SHORT;
	header_read(message);

	size_t offset = TT_DNS_HEADER_BYTES;
	if (message->questions > 0) {
		size_t after = tt_dns_name_read(&message->name, bytes, length, offset);
		if (after == 0)
			return name_is_cut(bytes, length, offset) ? TT_DNS_SHORT : TT_DNS_INVALID;
		if (length - after < 4)
			return TT_DNS_SHORT;
		message->query_type = tt_load_be16(bytes + after);
		message->query_class = tt_load_be16(bytes + after + 2);
		offset = after + 4;
	}
	/* Each further question takes 5 bytes at least, so the length bounds this. */
	for (unsigned int i = 1; i < message->questions; i++) {
		size_t after = name_skip(bytes, length, offset);
		if (after == 0)
			return name_is_cut(bytes, length, offset) ? TT_DNS_SHORT : TT_DNS_INVALID;
		if (length - after < 4)
			return TT_DNS_SHORT;
		offset = after + 4;
	}
	message->records_offset = (uint16_t)offset;
	edns_read(message);
	return TT_DNS_OK;
}

struct tt_dns_records tt_dns_records(const struct tt_dns_message *message)
{
	return (struct tt_dns_records){
		.message = message,
		.offset = message->records_offset,
		.left = {message->answers, message->authorities, message->additionals},
	};
}

bool tt_dns_record_next(struct tt_dns_records *records, struct tt_dns_record *record)
{
	const uint8_t *bytes = records->message->bytes;
	size_t length = records->message->length;
	unsigned int section = TT_DNS_ANSWER;

	if (records->failed)
		return false;
	while (records->left[section] == 0)
		if (++section > TT_DNS_ADDITIONAL)
			return false;
	records->left[section]--;

	size_t after = name_skip(bytes, length, records->offset);
	if (after == 0 || length - after < RECORD_BYTES ||
		length - after - RECORD_BYTES < tt_load_be16(bytes + after + 8)) {
		records->failed = true;
		return false;
	}
	record->section = (uint8_t)section;
	record->name_offset = (uint16_t)records->offset;
	record->type = tt_load_be16(bytes + after);
	record->class = tt_load_be16(bytes + after + 2);
	record->ttl_s = tt_load_be32(bytes + after + 4);
	record->data_bytes = tt_load_be16(bytes + after + 8);
	record->data_offset = (uint16_t)(after + RECORD_BYTES);
	records->offset = (uint32_t)(after + RECORD_BYTES + record->data_bytes);
	return true;
}

const uint8_t *tt_dns_record_address(const struct tt_dns_message *message,
	const struct tt_dns_record *record, unsigned int *address_bytes)
{
	unsigned int bytes = record->type == TT_DNS_A ? 4 : record->type == TT_DNS_AAAA ? 16 : 0;

	/* The top bit of the class is mDNS's cache-flush bit (RFC 6762 10.2). */
	if (bytes == 0 || record->data_bytes != bytes || (record->class & 0x7fff) != CLASS_IN)
		return NULL;
	*address_bytes = bytes;
	return message->bytes + record->data_offset;
}

/* How many bytes stand before the first name in the data; -1 when there is no name. */
static int target_position(uint16_t type)
{
	switch (type) {
	case TT_DNS_NS:
	case TT_DNS_CNAME:
	case TT_DNS_SOA:
	case TT_DNS_PTR:
	case TT_DNS_DNAME:
		return 0;
	case TT_DNS_MX:
	case TT_DNS_SVCB:
	case TT_DNS_HTTPS:
		return 2;
	case TT_DNS_SRV:
		return 6;
	default:
		return -1;
	}
}

/* The offset after the target, 0 when there is none or it leaves the data. */
static size_t target_read(struct tt_dns_name *name, const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	int position = target_position(record->type);
	size_t end = (size_t)record->data_offset + record->data_bytes;

	name->length = 0;
	if (position < 0 || position >= record->data_bytes)
		return 0;
	return tt_dns_name_read(
		name, message->bytes, end, record->data_offset + (unsigned int)position);
}

bool tt_dns_record_target(struct tt_dns_name *name, const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	return target_read(name, message, record) != 0;
}

struct tt_dns_parameters tt_dns_record_parameters(
	const struct tt_dns_message *message, const struct tt_dns_record *record)
{
	struct tt_dns_parameters none = {0};
	struct tt_dns_name target;

	if (record->type != TT_DNS_SVCB && record->type != TT_DNS_HTTPS)
		return none;
	size_t after = target_read(&target, message, record);
	if (after == 0)
		return none;
	return (struct tt_dns_parameters){
		.bytes = message->bytes + after,
		.left = (uint16_t)(record->data_offset + record->data_bytes - after),
	};
}

bool tt_dns_parameter_next(struct tt_dns_parameters *parameters, uint16_t *key,
	const uint8_t **value, uint16_t *value_bytes)
{
	struct tt_cursor cursor = tt_cursor_over(parameters->bytes, parameters->left);

	*key = tt_cursor_be16(&cursor);
	*value_bytes = tt_cursor_be16(&cursor);
	*value = tt_cursor_take(&cursor, *value_bytes);
	unsigned int unit = *key == TT_DNS_IPV4_HINT ? 4 : *key == TT_DNS_IPV6_HINT ? 16 : 1;
	if (*value == NULL || *value_bytes % unit != 0) {
		parameters->left = 0;
		return false;
	}
	parameters->bytes = *value + *value_bytes;
	parameters->left = (uint16_t)tt_cursor_left(&cursor);
	return true;
}

/* First-level encoding of NetBIOS (RFC 1001 14.1): a label of 32 letters A to P. */
static bool is_netbios_name(const struct tt_dns_name *name)
{
	if (name->length < 32 || (name->length > 32 && name->text[32] != '.'))
		return false;
	for (unsigned int i = 0; i < 32; i++)
		if (name->text[i] < 'a' || name->text[i] > 'p')
			return false;
	return true;
}

static bool header_is_plausible(const struct tt_dns_message *message)
{
	const uint16_t reserved = 0x0040;
	unsigned int records =
		(unsigned int)message->answers + message->authorities + message->additionals;

	if ((message->flags & reserved) != 0 || records > PLAUSIBLE_RECORDS)
		return false;
	if (message->opcode != TT_DNS_QUERY && message->opcode != TT_DNS_NOTIFY &&
		message->opcode != TT_DNS_UPDATE)
		return false;
	if (message->questions == 0 || message->questions > PLAUSIBLE_QUESTIONS)
		return false;
	if (message->response)
		return true;
	/* A query has neither RA nor an rcode; AA is for NOTIFY (RFC 1996 3.6), and answers are
	 * UPDATE's prerequisites and mDNS's known ones, which come from port 5353 alone. */
	if ((message->flags & 0x008f) != 0)
		return false;
	if (message->opcode == TT_DNS_QUERY)
		return (message->flags & 0x0400) == 0 && message->answers == 0;
	return true;
}

static bool class_is_plausible(uint16_t class)
{
	uint16_t plain = class & 0x7fff;

	return plain == CLASS_IN || plain == 3 || plain == 254 || plain == 255;
}

bool tt_dns_is_plausible(const uint8_t *bytes, size_t length)
{
	struct tt_dns_message message;
	struct tt_dns_record record;

	if (tt_dns_parse(&message, bytes, length) != TT_DNS_OK || !header_is_plausible(&message))
		return false;
	if (message.query_type == 0 || !class_is_plausible(message.query_class) ||
		is_netbios_name(&message.name))
		return false;
	struct tt_dns_records records = tt_dns_records(&message);
	while (tt_dns_record_next(&records, &record))
		;
	return !records.failed && records.offset == length;
}
