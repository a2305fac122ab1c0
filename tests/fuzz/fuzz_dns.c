/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that reads a DNS message, on any bytes: the parser, the records and their text, the
 * check for classification, the framing's check, and the names learned from it.
 */
#include "protocol/dns_stream.h"
#include "protocol/dns_text.h"
#include "protocol/names.h"

#include <stdlib.h>

#define RECORDS 8192 /* more than 65,535 bytes can hold */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct tt_dns_name *name)
{
	if (name->length > TT_DNS_NAME_BYTES - 2)
		abort();
	for (unsigned int i = 0; i < name->length; i++)
		if (name->text[i] >= 'A' && name->text[i] <= 'Z')
			abort();
}

static void check_record(const struct tt_dns_message *message, const struct tt_dns_record *record)
{
	char text[TT_DNS_DATA_TEXT];
	struct tt_dns_name name;

	if (record->section > TT_DNS_ADDITIONAL ||
		(size_t)record->data_offset + record->data_bytes > message->length)
		abort();
	if (tt_dns_data_text(text, message, record) >= sizeof(text))
		abort();
	(void)tt_dns_name_read(&name, message->bytes, message->length, record->name_offset);
	check_name(&name);
	(void)tt_dns_record_target(&name, message, record);
	check_name(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_names *names;
	struct tt_names_options options = {
		.addresses = 64, .an_address = 4, .ttl_min_s = 60, .ttl_max_s = 86400};
	struct tt_dns_message message;
	struct tt_dns_record record;
	unsigned int count = 0;

	if (names == NULL && tt_names_create(&names, &options) != 0)
		abort();
	bool plausible = tt_dns_is_plausible(data, size);
	(void)tt_dns_stream_is_plausible(data, size);
	if (tt_dns_parse(&message, data, size) != TT_DNS_OK) {
		if (plausible)
			abort();
		return 0;
	}
	check_name(&message.name);
	struct tt_dns_records records = tt_dns_records(&message);
	while (tt_dns_record_next(&records, &record)) {
		check_record(&message, &record);
		if (++count > RECORDS)
			abort();
	}
	tt_names_learn(names, &message, 1700000000000000);
	tt_names_settle(names);
	if (plausible &&
		(records.failed ||
			count !=
				(unsigned int)message.answers + message.authorities +
					message.additionals))
		abort();
	return 0;
}
