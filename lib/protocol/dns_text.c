/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/dns_text.h"

#include "base/cursor.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

struct writer {
	char *text;
	size_t length; /* always under TT_DNS_DATA_TEXT */
};

static void put(struct writer *writer, const void *bytes, size_t count)
{
	size_t room = TT_DNS_DATA_TEXT - 1 - writer->length;

	if (count > room)
		count = room;
	memcpy(writer->text + writer->length, bytes, count);
	writer->length += count;
}

static void put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

static void put_number(struct writer *writer, uint32_t number)
{
	char digits[11];

	snprintf(digits, sizeof(digits), "%" PRIu32, number);
	put_text(writer, digits);
}

static void put_hex(struct writer *writer, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 0xf]};
		put(writer, pair, sizeof(pair));
	}
}

static void put_address(struct writer *writer, const uint8_t *address, unsigned int bytes)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(bytes == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	put_text(writer, text);
}

static void put_name(struct writer *writer, const struct tt_dns_name *name)
{
	put(writer, name->text, name->length);
}

/* Types whose names are in common use; others print as TYPEn. */
static const struct {
	uint16_t type;
	const char *name;
} type_names[] = {
	{1, "A"},
	{2, "NS"},
	{5, "CNAME"},
	{6, "SOA"},
	{10, "NULL"},
	{11, "WKS"},
	{12, "PTR"},
	{13, "HINFO"},
	{15, "MX"},
	{16, "TXT"},
	{28, "AAAA"},
	{33, "SRV"},
	{35, "NAPTR"},
	{41, "OPT"},
	{43, "DS"},
	{44, "SSHFP"},
	{46, "RRSIG"},
	{47, "NSEC"},
	{48, "DNSKEY"},
	{50, "NSEC3"},
	{52, "TLSA"},
	{59, "CDS"},
	{60, "CDNSKEY"},
	{61, "OPENPGPKEY"},
	{64, "SVCB"},
	{65, "HTTPS"},
	{99, "SPF"},
	{249, "TKEY"},
	{250, "TSIG"},
	{251, "IXFR"},
	{252, "AXFR"},
	{255, "ANY"},
	{257, "CAA"},
};

const char *tt_dns_type_text(char text[TT_DNS_CODE_TEXT], uint16_t type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	snprintf(text, TT_DNS_CODE_TEXT, "TYPE%u", type);
	return text;
}

const char *tt_dns_rcode_text(char text[TT_DNS_CODE_TEXT], uint16_t rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	snprintf(text, TT_DNS_CODE_TEXT, "RCODE%u", rcode);
	return text;
}

static bool put_txt(struct writer *writer, const uint8_t *data, size_t length)
{
	struct tt_cursor cursor = tt_cursor_over(data, length);

	while (tt_cursor_left(&cursor) > 0) {
		size_t count = tt_cursor_u8(&cursor);
		const uint8_t *string = tt_cursor_take(&cursor, count);
		if (string == NULL)
			return false;
		put(writer, string, count);
	}
	return true;
}

static bool put_soa(struct writer *writer, const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	size_t end = (size_t)record->data_offset + record->data_bytes;
	struct tt_dns_name primary;
	struct tt_dns_name mailbox;
	size_t offset = tt_dns_name_read(&primary, message->bytes, end, record->data_offset);

	if (offset != 0)
		offset = tt_dns_name_read(&mailbox, message->bytes, end, offset);
	if (offset == 0 || end - offset != 20)
		return false;
	put_name(writer, &primary);
	put_text(writer, " ");
	put_name(writer, &mailbox);
	/* serial, refresh, retry, expire, minimum */
	for (unsigned int i = 0; i < 5; i++) {
		put_text(writer, " ");
		put_number(writer, tt_load_be32(message->bytes + offset + 4 * i));
	}
	return true;
}

static void put_parameter(
	struct writer *writer, uint16_t key, const uint8_t *value, uint16_t value_bytes)
{
	static const char *const keys[] = {
		"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"};

	if (key < sizeof(keys) / sizeof(keys[0])) {
		put_text(writer, keys[key]);
	} else {
		put_text(writer, "key");
		put_number(writer, key);
	}
	if (value_bytes == 0)
		return;
	put_text(writer, "=");
	if (key == TT_DNS_ALPN) {
		struct tt_cursor cursor = tt_cursor_over(value, value_bytes);
		for (bool first = true; tt_cursor_left(&cursor) > 0; first = false) {
			size_t count = tt_cursor_u8(&cursor);
			const uint8_t *id = tt_cursor_take(&cursor, count);
			if (id == NULL)
				return;
			if (!first)
				put_text(writer, ",");
			put(writer, id, count);
		}
	} else if (key == TT_DNS_PORT && value_bytes == 2) {
		put_number(writer, tt_load_be16(value));
	} else if (key == TT_DNS_IPV4_HINT || key == TT_DNS_IPV6_HINT) {
		unsigned int unit = key == TT_DNS_IPV4_HINT ? 4 : 16;
		for (unsigned int i = 0; i < value_bytes; i += unit) {
			if (i > 0)
				put_text(writer, ",");
			put_address(writer, value + i, unit);
		}
	} else {
		put_hex(writer, value, value_bytes);
	}
}

/* Numbers of 16 bits, then a name, then for SVCB and HTTPS the parameters. */
static bool put_numbers_and_target(struct writer *writer, const struct tt_dns_message *message,
	const struct tt_dns_record *record, unsigned int numbers)
{
	struct tt_dns_name target;
	const uint8_t *value;
	uint16_t value_bytes;
	uint16_t key;

	if (!tt_dns_record_target(&target, message, record))
		return false;
	for (unsigned int i = 0; i < numbers; i++) {
		put_number(writer, tt_load_be16(message->bytes + record->data_offset + 2 * i));
		put_text(writer, " ");
	}
	put_name(writer, &target);
	struct tt_dns_parameters parameters = tt_dns_record_parameters(message, record);
	while (tt_dns_parameter_next(&parameters, &key, &value, &value_bytes)) {
		put_text(writer, " ");
		put_parameter(writer, key, value, value_bytes);
	}
	return true;
}

static bool put_data(struct writer *writer, const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	unsigned int address_bytes;
	const uint8_t *address = tt_dns_record_address(message, record, &address_bytes);

	if (address != NULL) {
		put_address(writer, address, address_bytes);
		return true;
	}
	switch (record->type) {
	case TT_DNS_NS:
	case TT_DNS_CNAME:
	case TT_DNS_PTR:
	case TT_DNS_DNAME:
		return put_numbers_and_target(writer, message, record, 0);
	case TT_DNS_MX:
	case TT_DNS_SVCB:
	case TT_DNS_HTTPS:
		return put_numbers_and_target(writer, message, record, 1);
	case TT_DNS_SRV:
		return put_numbers_and_target(writer, message, record, 3);
	case TT_DNS_SOA:
		return put_soa(writer, message, record);
	case TT_DNS_TXT:
		return put_txt(writer, message->bytes + record->data_offset, record->data_bytes);
	default:
		return false;
	}
}

size_t tt_dns_data_text(char text[TT_DNS_DATA_TEXT], const struct tt_dns_message *message,
	const struct tt_dns_record *record)
{
	struct writer writer = {.text = text};

	if (!put_data(&writer, message, record)) {
		writer.length = 0;
		put_text(&writer, "\\# ");
		put_number(&writer, record->data_bytes);
		if (record->data_bytes > 0)
			put_text(&writer, " ");
		put_hex(&writer, message->bytes + record->data_offset, record->data_bytes);
	}
	text[writer.length] = '\0';
	return writer.length;
}
