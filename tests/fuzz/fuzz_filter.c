/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any rules on any frame: both directions of a packet have the same fate, and each rule that is
 * taken alone decides as the list says. The first byte says how many rules there are to include
 * and to exclude, of RULE_BYTES each; the frame follows.
 */
#include "packet/filter.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define RULES_LIMIT 7
#define RULE_BYTES  12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes at the end of a frame are those of rules that match often. */
static struct tt_filter_rule make_rule(const uint8_t *bytes)
{
	struct tt_filter_rule rule = {
		.prefix_bits = bytes[0],
		.ip_version = bytes[1],
		.ip_protocol = bytes[2],
		.port_first = (uint16_t)(bytes[3] << 8 | bytes[4]),
		.port_last = (uint16_t)(bytes[3] << 8 | bytes[5]),
		.vlan_first = bytes[6],
		.vlan_last = bytes[7],
	};

	memcpy(rule.address, bytes + 8, 4);
	return rule;
}

static bool excludes(const struct tt_filter *filter, const struct tt_packet *packet)
{
	struct tt_packet reverse = *packet;

	reverse.source = packet->destination;
	reverse.destination = packet->source;
	reverse.source_port = packet->destination_port;
	reverse.destination_port = packet->source_port;
	bool excluded = tt_filter_excludes(filter, packet);
	if (tt_filter_excludes(filter, &reverse) != excluded)
		abort();
	return excluded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tt_decode_options options = {UINT32_MAX, TT_PACKET_LAYERS};
	struct tt_filter_rule rules[2 * RULES_LIMIT];
	struct tt_filter filter, one;
	struct tt_packet packet;

	if (size < 1)
		return 0;
	uint32_t include_count = data[0] & 7, exclude_count = data[0] >> 3 & 7;
	uint32_t count = include_count + exclude_count;
	data++;
	size--;
	if (size < count * RULE_BYTES)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		rules[i] = make_rule(data + i * RULE_BYTES);
	data += count * RULE_BYTES;
	size -= count * RULE_BYTES;
	if (tt_decode(&packet, &options, TT_LINK_ETHERNET, data, (uint32_t)size, (uint32_t)size) !=
		TT_DECODE_IP)
		return 0;
	if (tt_filter_make(&filter, rules, include_count, rules + include_count, exclude_count) !=
		0) {
		if (tt_filter_is_set(&filter))
			abort();
		return 0;
	}
	bool included = include_count == 0, excluded = false;
	for (uint32_t i = 0; i < count; i++) {
		if (tt_filter_make(&one, &rules[i], 1, NULL, 0) != 0)
			abort();
		bool matches = !excludes(&one, &packet);
		if (i < include_count)
			included |= matches;
		else
			excluded |= matches;
	}
	if (excludes(&filter, &packet) != (!included || excluded))
		abort();
	return 0;
}
