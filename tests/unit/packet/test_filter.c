/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/filter.h"

#include "base/error.h"
#include "suite.h"

#define ROUNDS 20000

/* xorshift64 (Marsaglia 2003), so that every run asks the same. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static unsigned int below(uint64_t *state, unsigned int limit)
{
	return (unsigned int)(next_random(state) >> 33) % limit;
}

/* A packet and where its addresses are. */
struct sample {
	uint8_t source[16];
	uint8_t destination[16];
	struct tt_packet packet;
};

static void point(struct sample *sample)
{
	sample->packet.source = sample->source;
	sample->packet.destination = sample->destination;
}

static bool excludes(const struct tt_filter *filter, const struct sample *sample)
{
	size_t bytes = sample->packet.ip_version == 4 ? 4 : 16;
	struct guarded source = guarded_copy(sample->source, bytes);
	struct guarded destination = guarded_copy(sample->destination, bytes);
	struct tt_packet packet = sample->packet;

	packet.source = source.bytes;
	packet.destination = destination.bytes;
	bool excluded = tt_filter_excludes(filter, &packet);
	guarded_free(&source);
	guarded_free(&destination);
	return excluded;
}

static struct sample make_sample(uint8_t protocol, uint8_t last_source, uint16_t source_port,
	uint8_t last_destination, uint16_t destination_port)
{
	struct sample sample = {
		.source = {10, 0, 0, last_source},
		.destination = {10, 0, 0, last_destination},
		.packet = {.ip_version = 4,
			.ip_protocol = protocol,
			.source_port = source_port,
			.destination_port = destination_port},
	};

	return sample;
}

static struct sample reverse(const struct sample *sample)
{
	struct sample reversed = *sample;

	memcpy(reversed.source, sample->destination, 16);
	memcpy(reversed.destination, sample->source, 16);
	reversed.packet.source_port = sample->packet.destination_port;
	reversed.packet.destination_port = sample->packet.source_port;
	return reversed;
}

/* The rule as its words say it: bit by bit, with no masks. */
static bool model_network(
	const struct tt_filter_rule *rule, uint8_t version, const uint8_t *address)
{
	if (rule->ip_version == 0)
		return true;
	if (rule->ip_version != version)
		return false;
	for (unsigned int bit = 0; bit < rule->prefix_bits; bit++)
		if ((rule->address[bit / 8] >> (7 - bit % 8) & 1) !=
			(address[bit / 8] >> (7 - bit % 8) & 1))
			return false;
	return true;
}

static bool model_port(const struct tt_filter_rule *rule, uint16_t port)
{
	return rule->port_first == 0 || (port >= rule->port_first && port <= rule->port_last);
}

static bool model_rule(const struct tt_filter_rule *rule, const struct sample *sample)
{
	const struct tt_packet *packet = &sample->packet;
	bool vlan = rule->vlan_first == 0;
	bool source = model_network(rule, packet->ip_version, sample->source) &&
		model_port(rule, packet->source_port);
	bool destination = model_network(rule, packet->ip_version, sample->destination) &&
		model_port(rule, packet->destination_port);

	for (unsigned int i = 0; i < packet->vlan_count; i++)
		vlan |= packet->vlan[i] >= rule->vlan_first && packet->vlan[i] <= rule->vlan_last;
	return vlan && (rule->ip_protocol == 0 || rule->ip_protocol == packet->ip_protocol) &&
		(source || destination);
}

static bool model(const struct tt_filter_rule *include, uint32_t include_count,
	const struct tt_filter_rule *exclude, uint32_t exclude_count, const struct sample *sample)
{
	bool included = include_count == 0;

	for (uint32_t i = 0; i < include_count; i++)
		included |= model_rule(&include[i], sample);
	for (uint32_t i = 0; i < exclude_count; i++)
		included &= !model_rule(&exclude[i], sample);
	return !included;
}

/* Few bits vary, so that rules and packets meet. */
static void random_address(uint64_t *state, uint8_t version, uint8_t address[16])
{
	memset(address, 0, 16);
	address[0] = (uint8_t)below(state, 2);
	address[1] = (uint8_t)(below(state, 2) << 7);
	address[version == 4 ? 3 : 15] = (uint8_t)below(state, 4);
	if (version == 6)
		address[8] = (uint8_t)below(state, 2);
}

static struct tt_filter_rule random_rule(uint64_t *state)
{
	static const uint8_t versions[] = {0, 4, 6};
	struct tt_filter_rule rule = {.ip_version = versions[below(state, 3)]};

	if (rule.ip_version != 0) {
		random_address(state, rule.ip_version, rule.address);
		rule.prefix_bits = (uint8_t)below(state, rule.ip_version == 4 ? 33 : 129);
	}
	if (below(state, 2) == 0) {
		rule.port_first = (uint16_t)(1 + below(state, 4));
		rule.port_last = below(state, 4) == 0
			? UINT16_MAX
			: (uint16_t)(rule.port_first + below(state, 3));
	}
	if (below(state, 3) == 0)
		rule.ip_protocol = (uint8_t)(1 + below(state, 3));
	if (below(state, 3) == 0) {
		rule.vlan_first = (uint16_t)(1 + below(state, 4));
		rule.vlan_last = below(state, 4) == 0 ? 4095 : rule.vlan_first;
	}
	return rule;
}

static struct sample random_sample(uint64_t *state)
{
	static const uint16_t ports[] = {0, 1, 2, 3, 4, 5, 6, 7, UINT16_MAX};
	struct sample sample = {.packet = {.ip_version = below(state, 2) == 0 ? 4 : 6}};
	struct tt_packet *packet = &sample.packet;

	random_address(state, packet->ip_version, sample.source);
	random_address(state, packet->ip_version, sample.destination);
	packet->ip_protocol = (uint8_t)(1 + below(state, 3));
	packet->source_port = ports[below(state, 9)];
	packet->destination_port = ports[below(state, 9)];
	packet->vlan_count = (uint8_t)below(state, TT_PACKET_VLANS + 1);
	for (unsigned int i = 0; i < TT_PACKET_VLANS; i++)
		packet->vlan[i] = below(state, 8) == 0 ? 4095 : (uint16_t)below(state, 6);
	return sample;
}

/* As the slow model has it, the other direction the same, and both answers often. */
static void test_as_the_model(void)
{
	uint64_t state = 0x74617074;
	unsigned int excluded_count = 0, differ = 0, asymmetric = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tt_filter_rule include[4], exclude[4];
		uint32_t include_count = below(&state, 5), exclude_count = below(&state, 5);
		struct tt_filter filter;

		for (unsigned int i = 0; i < 4; i++) {
			include[i] = random_rule(&state);
			exclude[i] = random_rule(&state);
		}
		CU_ASSERT_EQUAL_FATAL(
			tt_filter_make(&filter, include, include_count, exclude, exclude_count), 0);
		CU_ASSERT_EQUAL(tt_filter_is_set(&filter), include_count + exclude_count > 0);
		struct sample sample = random_sample(&state);
		struct sample reversed = reverse(&sample);
		bool expected = model(include, include_count, exclude, exclude_count, &sample);

		point(&sample);
		point(&reversed);
		differ += tt_filter_excludes(&filter, &sample.packet) != expected;
		asymmetric += tt_filter_excludes(&filter, &reversed.packet) != expected;
		excluded_count += expected;
	}
	CU_ASSERT_EQUAL(differ, 0);
	CU_ASSERT_EQUAL(asymmetric, 0);
	CU_ASSERT(excluded_count > ROUNDS / 5 && excluded_count < ROUNDS * 4 / 5);
}

static void test_no_rule_excludes_nothing(void)
{
	struct tt_filter filter;
	struct sample sample = make_sample(6, 1, 1024, 2, 80);

	CU_ASSERT_EQUAL(tt_filter_make(&filter, NULL, 0, NULL, 0), 0);
	CU_ASSERT_FALSE(tt_filter_is_set(&filter));
	CU_ASSERT_FALSE(excludes(&filter, &sample));
}

/* 10.0.0.2:80 is not 10.0.0.1:80, though both the address and the port are in the packet. */
static void test_port_and_network_are_of_one_endpoint(void)
{
	const struct tt_filter_rule rule = {.address = {10, 0, 0, 2},
		.prefix_bits = 32,
		.ip_version = 4,
		.port_first = 80,
		.port_last = 80};
	struct tt_filter filter;
	struct sample to = make_sample(6, 1, 1024, 2, 80);
	struct sample back = reverse(&to);
	struct sample other = make_sample(6, 1, 80, 2, 1024);

	CU_ASSERT_EQUAL(tt_filter_make(&filter, NULL, 0, &rule, 1), 0);
	CU_ASSERT_TRUE(excludes(&filter, &to));
	CU_ASSERT_TRUE(excludes(&filter, &back));
	CU_ASSERT_FALSE(excludes(&filter, &other));
	CU_ASSERT_EQUAL(tt_filter_make(&filter, &rule, 1, NULL, 0), 0);
	CU_ASSERT_FALSE(excludes(&filter, &to));
	CU_ASSERT_FALSE(excludes(&filter, &back));
	CU_ASSERT_TRUE(excludes(&filter, &other));
}

static void test_versions_stay_apart(void)
{
	const struct tt_filter_rule all4 = {.ip_version = 4};
	const struct tt_filter_rule all6 = {.ip_version = 6};
	struct tt_filter filter;
	struct sample sample4 = make_sample(6, 1, 1024, 2, 80);
	struct sample sample6 = sample4;

	sample6.packet.ip_version = 6;
	CU_ASSERT_EQUAL(tt_filter_make(&filter, NULL, 0, &all4, 1), 0);
	CU_ASSERT_TRUE(excludes(&filter, &sample4));
	CU_ASSERT_FALSE(excludes(&filter, &sample6));
	CU_ASSERT_EQUAL(tt_filter_make(&filter, NULL, 0, &all6, 1), 0);
	CU_ASSERT_FALSE(excludes(&filter, &sample4));
	CU_ASSERT_TRUE(excludes(&filter, &sample6));
}

/* Only as many tags as the packet has; what stands behind them is of another packet. */
static void test_stale_tags_do_not_match(void)
{
	const struct tt_filter_rule rule = {.vlan_first = 7, .vlan_last = 9};
	struct tt_filter filter;
	struct sample sample = make_sample(6, 1, 1024, 2, 80);

	sample.packet.vlan[0] = 5;
	sample.packet.vlan[1] = 8;
	CU_ASSERT_EQUAL(tt_filter_make(&filter, NULL, 0, &rule, 1), 0);
	sample.packet.vlan_count = 1;
	CU_ASSERT_FALSE(excludes(&filter, &sample));
	sample.packet.vlan_count = 2;
	CU_ASSERT_TRUE(excludes(&filter, &sample));
}

static void test_rules_out_of_range_are_refused(void)
{
	static const struct tt_filter_rule refused[] = {
		{.ip_version = 5},
		{.ip_version = 4, .prefix_bits = 33},
		{.ip_version = 6, .prefix_bits = 129},
		{.port_first = 2, .port_last = 1},
		{.port_last = 1},
		{.vlan_first = 2, .vlan_last = 1},
		{.vlan_last = 1},
		{.vlan_first = 1, .vlan_last = 4096},
	};
	static const struct tt_filter_rule many[TT_FILTER_RULES + 1];
	struct tt_filter filter;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CU_ASSERT_EQUAL(
			tt_filter_make(&filter, &refused[i], 1, NULL, 0), TT_ERROR_ARGUMENT);
		CU_ASSERT_EQUAL(
			tt_filter_make(&filter, NULL, 0, &refused[i], 1), TT_ERROR_ARGUMENT);
		CU_ASSERT_FALSE(tt_filter_is_set(&filter));
	}
	CU_ASSERT_EQUAL(
		tt_filter_make(&filter, many, TT_FILTER_RULES + 1, NULL, 0), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(
		tt_filter_make(&filter, NULL, 0, many, TT_FILTER_RULES + 1), TT_ERROR_ARGUMENT);
	CU_ASSERT_EQUAL(tt_filter_make(&filter, many, TT_FILTER_RULES, many, TT_FILTER_RULES), 0);
}

static const struct suite_test tests[] = {
	{"as the model", test_as_the_model},
	{"no rule excludes nothing", test_no_rule_excludes_nothing},
	{"port and network are of one endpoint", test_port_and_network_are_of_one_endpoint},
	{"versions stay apart", test_versions_stay_apart},
	{"stale tags do not match", test_stale_tags_do_not_match},
	{"rules out of range are refused", test_rules_out_of_range_are_refused},
};

SUITE_MAIN("filter", tests)
