/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any DNS messages of a few flows at any times: what is reported is what is counted, and nothing
 * is left pending. Each chunk is a head of three bytes (flow and direction, how the time goes on,
 * length) and a message.
 */
#include "protocol/dns_transactions.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_HEAD 3
#define FLOWS	   4
#define CAPACITY   8
#define TIMEOUT_US 15000000u
#define BASE_US	   1700000000000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reports {
	uint64_t of[TT_DNS_UNSOLICITED + 1];
	uint64_t checksum;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void report(void *context, const struct tt_dns_transaction *transaction)
{
	struct reports *reports = context;

	check(transaction->status <= TT_DNS_UNSOLICITED);
	check((transaction->response != NULL) == (transaction->status != TT_DNS_TIMEOUT));
	check(transaction->name->length <= TT_DNS_NAME_BYTES - 2);
	check(transaction->latency_us <= TIMEOUT_US);
	reports->of[transaction->status]++;
	/* All of the name is readable. */
	for (unsigned int i = 0; i < transaction->name->length; i++)
		reports->checksum += (uint8_t)transaction->name->text[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_flow_key keys[FLOWS];
	struct tt_key_secret secret;
	struct tt_dns_transactions *table;
	struct tt_dns_message message;
	struct reports reports = {0};
	uint64_t now_us = BASE_US;

	check(tt_key_secret_make(&secret, 1) == 0);
	for (unsigned int i = 0; i < FLOWS; i++)
		memset(&keys[i], (int)i + 1, sizeof(keys[i]));
	check(tt_dns_transactions_create(&table,
		      &(struct tt_dns_transactions_options){.capacity = CAPACITY,
			      .timeout_us = TIMEOUT_US,
			      .report = report,
			      .context = &reports}) == 0);
	while (size >= CHUNK_HEAD) {
		const uint8_t *head = data;
		size_t length = head[2];
		const struct tt_flow_key *key = &keys[head[0] >> 1 & (FLOWS - 1)];
		uint64_t step_us = (uint64_t)1 << (head[1] & 0x1f);

		now_us = (head[1] & 0x80) != 0 ? now_us - step_us : now_us + step_us;
		data += CHUNK_HEAD;
		size -= CHUNK_HEAD;
		if (length > size)
			length = size;
		if (tt_dns_parse(&message, data, length) == TT_DNS_OK)
			tt_dns_transactions_take(table,
				&(struct tt_dns_packet){
					.key = key,
					.hash = tt_flow_key_hash(key, &secret),
					.direction = head[0] & 1,
					.flow_uid = head[0] >> 1,
					.time_us = now_us,
					.message = &message,
				});
		if ((head[1] & 0x40) != 0)
			(void)tt_dns_transactions_sweep(table, now_us, CAPACITY / 2);
		data += length;
		size -= length;
	}
	while (tt_dns_transactions_flush(table, 1) > 0)
		;
	const struct tt_dns_transactions_counters *counters = tt_dns_transactions_counters(table);

	check(tt_counter_read(&counters->pending) == 0);
	check(tt_counter_read(&counters->pending_high) <= CAPACITY);
	check(tt_counter_read(&counters->answered) == reports.of[TT_DNS_ANSWERED]);
	check(tt_counter_read(&counters->timeouts) == reports.of[TT_DNS_TIMEOUT]);
	check(tt_counter_read(&counters->unsolicited) == reports.of[TT_DNS_UNSOLICITED]);
	tt_dns_transactions_destroy(table);
	return 0;
}
