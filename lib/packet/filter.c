/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/filter.h"

#include "base/error.h"

#include <string.h>

#define VLAN_MAXIMUM 4095

/* What the rules look at, read once a packet. */
struct endpoint {
	uint64_t address[2];
	uint16_t port;
};

static bool make_test(struct tt_filter_test *test, const struct tt_filter_rule *rule)
{
	uint8_t mask[16] = {0};
	unsigned int bits = rule->ip_version == 0 ? 0 : rule->prefix_bits;

	if ((rule->ip_version != 0 && rule->ip_version != 4 && rule->ip_version != 6) ||
		bits > (rule->ip_version == 4 ? 32 : 128) || rule->port_last < rule->port_first ||
		rule->vlan_last < rule->vlan_first || rule->vlan_last > VLAN_MAXIMUM ||
		(rule->port_first == 0 && rule->port_last != 0) ||
		(rule->vlan_first == 0 && rule->vlan_last != 0))
		return false;
	for (unsigned int bit = 0; bit < bits; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(test->mask, mask, sizeof(test->mask));
	memcpy(test->value, rule->address, sizeof(test->value));
	test->value[0] &= test->mask[0];
	test->value[1] &= test->mask[1];
	test->ip_version = rule->ip_version;
	test->ip_protocol = rule->ip_protocol;
	test->port_first = rule->port_first;
	test->port_span =
		rule->port_first == 0 ? UINT16_MAX : (uint16_t)(rule->port_last - rule->port_first);
	test->vlan_first = rule->vlan_first;
	test->vlan_span = (uint16_t)(rule->vlan_last - rule->vlan_first);
	return true;
}

int tt_filter_make(struct tt_filter *filter, const struct tt_filter_rule *include,
	uint32_t include_count, const struct tt_filter_rule *exclude, uint32_t exclude_count)
{
	bool sound = include_count <= TT_FILTER_RULES && exclude_count <= TT_FILTER_RULES;

	memset(filter, 0, sizeof(*filter));
	for (uint32_t i = 0; sound && i < include_count; i++)
		sound = make_test(&filter->include[i], &include[i]);
	for (uint32_t i = 0; sound && i < exclude_count; i++)
		sound = make_test(&filter->exclude[i], &exclude[i]);
	if (!sound)
		return TT_ERROR_ARGUMENT;
	filter->include_count = include_count;
	filter->exclude_count = exclude_count;
	return 0;
}

static bool has_vlan(const struct tt_filter_test *test, const struct tt_packet *packet)
{
	for (unsigned int i = 0; i < packet->vlan_count; i++)
		if ((uint16_t)(packet->vlan[i] - test->vlan_first) <= test->vlan_span)
			return true;
	return false;
}

static bool is_endpoint(const struct tt_filter_test *test, const struct endpoint *endpoint)
{
	uint64_t differ = ((endpoint->address[0] ^ test->value[0]) & test->mask[0]) |
		((endpoint->address[1] ^ test->value[1]) & test->mask[1]);

	return differ == 0 && (uint16_t)(endpoint->port - test->port_first) <= test->port_span;
}

static bool matches_any(const struct tt_filter_test *tests, uint32_t count,
	const struct tt_packet *packet, const struct endpoint endpoints[2])
{
	for (const struct tt_filter_test *test = tests; test < tests + count; test++) {
		if ((test->ip_version != 0 && test->ip_version != packet->ip_version) ||
			(test->ip_protocol != 0 && test->ip_protocol != packet->ip_protocol) ||
			(test->vlan_first != 0 && !has_vlan(test, packet)))
			continue;
		if (is_endpoint(test, &endpoints[0]) || is_endpoint(test, &endpoints[1]))
			return true;
	}
	return false;
}

bool tt_filter_excludes(const struct tt_filter *filter, const struct tt_packet *packet)
{
	struct endpoint endpoints[2] = {
		{.port = packet->source_port}, {.port = packet->destination_port}};
	size_t bytes = packet->ip_version == 4 ? 4 : 16;

	memcpy(endpoints[0].address, packet->source, bytes);
	memcpy(endpoints[1].address, packet->destination, bytes);
	if (filter->include_count > 0 &&
		!matches_any(filter->include, filter->include_count, packet, endpoints))
		return true;
	return matches_any(filter->exclude, filter->exclude_count, packet, endpoints);
}
