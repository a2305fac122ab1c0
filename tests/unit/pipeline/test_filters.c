/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What filters leave of a run: no connection of what is excluded, both directions and fragments in
 * any order alike, and every packet in the ledger, with one worker and with packets on their way
 * between several.
 */
#include "rig.h"

#define BASE_US UINT64_C(1700000000000000)
#define ROUNDS	200

static const struct endpoint dns = {0x0a000003, 53}, web = {0x0a000002, 443};

static struct endpoint client(unsigned int number)
{
	return (struct endpoint){0x0b000000 + number, (uint16_t)(40000 + number)};
}

/* Each client asks and is answered over TCP and over UDP in three fragments, in turn. */
static struct traffic make_traffic(const unsigned int order[3])
{
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct endpoint from = client(i);

		traffic_tcp(&traffic, from, web, TT_TCP_ACK, 1000, 1, 10);
		traffic_tcp(&traffic, web, from, TT_TCP_ACK, 1, 1010, 20);
		for (unsigned int part = 0; part < 3; part++)
			traffic_fragment(&traffic, from, dns, (uint16_t)i, order[part], 3);
		traffic_udp(&traffic, dns, from, 30);
		traffic.time_us += 100;
	}
	return traffic;
}

static struct rig run(const struct traffic *traffic, unsigned int workers,
	const struct tt_config_filter_rule *include, const struct tt_config_filter_rule *exclude)
{
	struct rig rig = rig_make(traffic, workers);

	rig.config->workers.steering = TT_STEERING_SOFTWARE;
	if (include != NULL)
		rig.config->filter.include[rig.config->filter.include_count++] = *include;
	if (exclude != NULL)
		rig.config->filter.exclude[rig.config->filter.exclude_count++] = *exclude;
	rig_run(&rig);
	return rig;
}

static size_t count_protocol(const struct rig *rig, uint8_t protocol)
{
	size_t count = 0;

	for (size_t i = 0; i < rig->count; i++)
		count += rig->records[i].endpoints.ip_protocol == protocol;
	return count;
}

/* Fragments that came before their first one were held back, and so are processed. */
static void check_dns_excluded(const struct rig *rig, unsigned int held)
{
	CU_ASSERT_EQUAL(rig->count, ROUNDS);
	CU_ASSERT_EQUAL(count_protocol(rig, IPPROTO_TCP), ROUNDS);
	CU_ASSERT_EQUAL(rig->dropped[TT_DROP_EXCLUDED], (4 - held) * ROUNDS);
	CU_ASSERT_EQUAL(rig->processed, (2 + held) * ROUNDS);
	CU_ASSERT_EQUAL(rig->fragments_excluded, held * ROUNDS);
}

static void a_port_is_excluded_with_its_fragments(void)
{
	static const unsigned int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}};
	const struct tt_config_filter_rule port = {.ports = 53 << 16 | 53};

	for (unsigned int held = 0; held < 3; held++)
		for (unsigned int workers = 1; workers <= RIG_WORKERS; workers += 3) {
			struct traffic traffic = make_traffic(orders[held]);
			struct rig rig = run(&traffic, workers, NULL, &port);

			check_dns_excluded(&rig, held);
			rig_free(&rig);
			traffic_free(&traffic);
		}
}

static void include_is_all_but_the_rest(void)
{
	static const unsigned int order[3] = {0, 1, 2};
	const struct tt_config_filter_rule one = {
		.network = {.address = {11, 0, 0, 7}, .prefix_bits = 32, .ip_version = 4}};
	const struct tt_config_filter_rule tcp = {.protocol = IPPROTO_TCP};
	struct traffic traffic = make_traffic(order);

	struct rig rig = run(&traffic, 1, &one, NULL);
	CU_ASSERT_EQUAL(rig.count, 2);
	CU_ASSERT_EQUAL(rig.processed, 6);
	CU_ASSERT_EQUAL(rig.dropped[TT_DROP_EXCLUDED], 6 * (ROUNDS - 1));
	rig_free(&rig);

	rig = run(&traffic, RIG_WORKERS, &one, &tcp);
	CU_ASSERT_EQUAL(rig.count, 1);
	CU_ASSERT_EQUAL(count_protocol(&rig, IPPROTO_UDP), 1);
	CU_ASSERT_EQUAL(rig.processed, 4);
	rig_free(&rig);
	traffic_free(&traffic);
}

/* Later fragments whose first never comes: no ports, but addresses, by which they are left out. */
static void orphans_are_filtered_by_address(void)
{
	const struct tt_config_filter_rule rule = {
		.network = {.address = {10, 0, 0, 3}, .prefix_bits = 32, .ip_version = 4}};
	const struct tt_config_filter_rule port = {.ports = 53 << 16 | 53};
	struct traffic traffic = {.time_us = BASE_US};

	for (unsigned int i = 0; i < ROUNDS; i++)
		traffic_fragment(&traffic, client(i), dns, (uint16_t)i, 1, 3);

	struct rig rig = run(&traffic, RIG_WORKERS, NULL, &rule);
	CU_ASSERT_EQUAL(rig.count, 0);
	CU_ASSERT_EQUAL(rig.processed, ROUNDS);
	CU_ASSERT_EQUAL(rig.fragments_excluded, ROUNDS);
	rig_free(&rig);

	rig = run(&traffic, RIG_WORKERS, NULL, &port);
	CU_ASSERT_EQUAL(rig.count, ROUNDS);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"a port is excluded with its fragments", a_port_is_excluded_with_its_fragments},
	{"include is all but the rest", include_is_all_but_the_rest},
	{"orphans are filtered by address", orphans_are_filtered_by_address},
};

SUITE_MAIN("pipeline_filters", tests)
