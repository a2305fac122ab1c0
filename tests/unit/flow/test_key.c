/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/key.h"

#include "keys.h"
#include "suite.h"

static const struct tt_key_options plain = {0};
static const struct tt_key_options by_vlan = {.vlan = true};
static const struct tt_key_options by_tunnel = {.tunnel = true};

static const uint8_t address_a[16] = {10, 0, 0, 1, 5, 5, 5, 5, 1, 1, 1, 1, 1, 1, 1, 1};
static const uint8_t address_b[16] = {10, 0, 0, 2, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1};

static struct tt_packet packet_of(uint8_t ip_version, uint8_t ip_protocol)
{
	return (struct tt_packet){
		.source = address_a,
		.destination = address_b,
		.source_port = 40000,
		.destination_port = 53,
		.ip_version = ip_version,
		.ip_protocol = ip_protocol,
	};
}

static struct tt_packet reverse_of(const struct tt_packet *packet)
{
	struct tt_packet reverse = *packet;

	reverse.source = packet->destination;
	reverse.destination = packet->source;
	reverse.source_port = packet->destination_port;
	reverse.destination_port = packet->source_port;
	return reverse;
}

static struct tt_flow_key key_from(
	const struct tt_packet *packet, const struct tt_key_options *options)
{
	struct tt_flow_key key;

	memset(&key, 0xa5, sizeof(key));
	tt_flow_key_make(&key, packet, options);
	return key;
}

static bool differ(
	const struct tt_packet *a, const struct tt_packet *b, const struct tt_key_options *options)
{
	struct tt_flow_key key_a = key_from(a, options), key_b = key_from(b, options);

	return !tt_flow_key_equal(&key_a, &key_b);
}

static void test_key_is_the_packets(void)
{
	struct tt_packet packet = packet_of(4, 17);
	struct tt_flow_key key = key_from(&packet, &plain);

	CU_ASSERT_EQUAL(memcmp(key.low_address, address_a, 4), 0);
	CU_ASSERT_EQUAL(memcmp(key.high_address, address_b, 4), 0);
	for (unsigned int i = 4; i < 16; i++)
		CU_ASSERT_TRUE(key.low_address[i] == 0 && key.high_address[i] == 0);
	CU_ASSERT_EQUAL(key.low_port, 40000);
	CU_ASSERT_EQUAL(key.high_port, 53);
	CU_ASSERT_EQUAL(key.ip_protocol, 17);
	CU_ASSERT_EQUAL(key.ip_version, 4);
	CU_ASSERT_EQUAL(key.reserved, 0);
	CU_ASSERT_EQUAL(key.domain, 0);

	packet.ip_version = 6;
	key = key_from(&packet, &plain);
	CU_ASSERT_EQUAL(memcmp(key.low_address, address_a, 16), 0);
	CU_ASSERT_EQUAL(memcmp(key.high_address, address_b, 16), 0);
}

static void test_only_tcp_udp_sctp_have_ports(void)
{
	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		struct tt_packet packet = packet_of(4, (uint8_t)protocol);
		struct tt_flow_key key = key_from(&packet, &plain);
		bool has_ports = protocol == 6 || protocol == 17 || protocol == 132;
		CU_ASSERT_EQUAL(key.low_port, has_ports ? 40000 : 0);
		CU_ASSERT_EQUAL(key.high_port, has_ports ? 53 : 0);
	}
}

/* Both directions give one key and one hash, and opposite directions, whatever decides the order:
 * the first or the last byte of the address, or the port alone. */
static void test_both_directions_have_one_key(void)
{
	struct tt_key_secret secret;
	uint64_t random = 7;

	CU_ASSERT_EQUAL_FATAL(tt_key_secret_make(&secret, 1), 0);
	for (unsigned int round = 0; round < 20000; round++) {
		uint8_t source[16], destination[16];
		for (unsigned int i = 0; i < 16; i++)
			destination[i] = source[i] = (uint8_t)random_next(&random);
		struct tt_packet packet = packet_of(round % 2 == 0 ? 4 : 6, 6);
		unsigned int address_bytes = packet.ip_version == 4 ? 4 : 16;
		unsigned int at = random_below(&random, address_bytes + 1);
		if (at < address_bytes)
			destination[at] ^= (uint8_t)(1 + random_below(&random, 255));
		packet.source = source;
		packet.destination = destination;
		packet.source_port = (uint16_t)random_below(&random, 65536);
		packet.destination_port = (uint16_t)(packet.source_port ^ 0x100);

		struct tt_packet reverse = reverse_of(&packet);
		struct tt_flow_key key, reverse_key;
		unsigned int direction = tt_flow_key_make(&key, &packet, &plain);
		unsigned int reverse_direction = tt_flow_key_make(&reverse_key, &reverse, &plain);
		CU_ASSERT_EQUAL(direction ^ reverse_direction, 1);
		CU_ASSERT_EQUAL(memcmp(&key, &reverse_key, sizeof(key)), 0);
		CU_ASSERT_EQUAL(
			tt_flow_key_hash(&key, &secret), tt_flow_key_hash(&reverse_key, &secret));
		const uint8_t *low = direction == 0 ? source : destination;
		CU_ASSERT_EQUAL(memcmp(key.low_address, low, address_bytes), 0);
		int order = memcmp(source, destination, address_bytes);
		CU_ASSERT_EQUAL(direction,
			order > 0 || (order == 0 && packet.source_port > packet.destination_port));
	}
}

static void test_packet_to_itself_has_direction_0(void)
{
	struct tt_packet packet = packet_of(4, 6);
	struct tt_flow_key key;

	packet.destination = packet.source;
	packet.destination_port = packet.source_port;
	CU_ASSERT_EQUAL(tt_flow_key_make(&key, &packet, &plain), 0);
}

static void test_address_families_do_not_meet(void)
{
	static const uint8_t zero_tail[16] = {10, 0, 0, 1};
	struct tt_packet four = packet_of(4, 6);

	four.source = four.destination = zero_tail;
	struct tt_packet six = four;
	six.ip_version = 6;
	CU_ASSERT_TRUE(differ(&four, &six, &plain));
}

static void test_vlans_separate_when_asked(void)
{
	struct tt_packet bare = packet_of(4, 6), tagged = bare, priority = bare, nested = bare,
			 swapped = bare;

	tagged.vlan_count = 1;
	tagged.vlan[0] = 100;
	priority.vlan_count = 1;
	nested.vlan_count = swapped.vlan_count = 2;
	nested.vlan[0] = swapped.vlan[1] = 100;
	nested.vlan[1] = swapped.vlan[0] = 200;
	CU_ASSERT_FALSE(differ(&bare, &tagged, &plain));
	CU_ASSERT_TRUE(differ(&bare, &tagged, &by_vlan));
	CU_ASSERT_TRUE(differ(&tagged, &nested, &by_vlan));
	CU_ASSERT_TRUE(differ(&nested, &swapped, &by_vlan));
	CU_ASSERT_FALSE(differ(&bare, &priority, &by_vlan));
	CU_ASSERT_FALSE(differ(&bare, &nested, &by_tunnel));
}

static struct tt_packet inside(const struct tt_packet *packet, enum tt_layer_kind kind, uint32_t id)
{
	struct tt_packet inner = *packet;

	inner.layer[inner.layer_count++] =
		(struct tt_layer){.kind = (uint8_t)kind, .has_id = true, .id = id};
	return inner;
}

static void test_tunnels_separate_when_asked(void)
{
	struct tt_packet bare = packet_of(4, 6);
	struct tt_packet vni_1 = inside(&bare, TT_LAYER_VXLAN, 1);
	struct tt_packet vni_2 = inside(&bare, TT_LAYER_VXLAN, 2);
	struct tt_packet geneve_1 = inside(&bare, TT_LAYER_GENEVE, 1);
	struct tt_packet teid_1 = inside(&bare, TT_LAYER_GTPU, 1);
	struct tt_packet vlan_1 = bare;
	const struct tt_key_options both = {.vlan = true, .tunnel = true};

	CU_ASSERT_FALSE(differ(&vni_1, &vni_2, &plain));
	CU_ASSERT_FALSE(differ(&vni_1, &vni_2, &by_vlan));
	CU_ASSERT_TRUE(differ(&vni_1, &vni_2, &by_tunnel));
	CU_ASSERT_TRUE(differ(&vni_1, &bare, &by_tunnel));
	CU_ASSERT_TRUE(differ(&vni_1, &geneve_1, &by_tunnel));
	/* Each direction has a TEID of its own. */
	CU_ASSERT_FALSE(differ(&bare, &teid_1, &by_tunnel));

	vlan_1.vlan_count = 1;
	vlan_1.vlan[0] = 1;
	CU_ASSERT_TRUE(differ(&vlan_1, &vni_1, &both));

	/* GRE without a key, and an id of 0. */
	struct tt_packet no_key = inside(&bare, TT_LAYER_GRE, 0), key_0 = no_key;
	no_key.layer[0].has_id = false;
	CU_ASSERT_FALSE(differ(&bare, &no_key, &by_tunnel));
	CU_ASSERT_TRUE(differ(&bare, &key_0, &by_tunnel));
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_domains_of_all_ids_differ(void)
{
	enum {
		IDS = 4096
	};
	static uint64_t domains[3 * IDS];

	for (uint32_t i = 0; i < IDS; i++) {
		struct tt_packet packet = packet_of(4, 6);
		struct tt_packet vxlan = inside(&packet, TT_LAYER_VXLAN, i);
		struct tt_packet twice = inside(&vxlan, TT_LAYER_GRE, i);
		packet.vlan_count = 1;
		packet.vlan[0] = (uint16_t)i;
		domains[3 * i] = key_from(&packet, &by_vlan).domain;
		domains[3 * i + 1] = key_from(&vxlan, &by_tunnel).domain;
		domains[3 * i + 2] = key_from(&twice, &by_tunnel).domain;
	}
	qsort(domains, 3 * IDS, sizeof(domains[0]), compare_u64);
	for (unsigned int i = 1; i < 3 * IDS; i++)
		CU_ASSERT_NOT_EQUAL(domains[i - 1], domains[i]);
}

static void test_secret_is_random_or_seeded(void)
{
	struct tt_key_secret random_1, random_2, seed_1, seed_1_again, seed_2;

	CU_ASSERT_EQUAL(tt_key_secret_make(&random_1, 0), 0);
	CU_ASSERT_EQUAL(tt_key_secret_make(&random_2, 0), 0);
	CU_ASSERT_EQUAL(tt_key_secret_make(&seed_1, 1), 0);
	CU_ASSERT_EQUAL(tt_key_secret_make(&seed_1_again, 1), 0);
	CU_ASSERT_EQUAL(tt_key_secret_make(&seed_2, 2), 0);
	CU_ASSERT_EQUAL(memcmp(&seed_1, &seed_1_again, sizeof(seed_1)), 0);
	for (unsigned int i = 0; i < TT_FLOW_KEY_WORDS + 2; i++) {
		CU_ASSERT_NOT_EQUAL(random_1.word[i], random_2.word[i]);
		CU_ASSERT_NOT_EQUAL(seed_1.word[i], seed_2.word[i]);
		for (unsigned int j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(seed_1.word[i], seed_1.word[j]);
	}
	/* SplitMix64's first outputs for the seed 1234567, as its authors' code prints them. */
	CU_ASSERT_EQUAL(tt_key_secret_make(&seed_1, 1234567), 0);
	CU_ASSERT_EQUAL(seed_1.word[0], 6457827717110365317u);
	CU_ASSERT_EQUAL(seed_1.word[1], 3203168211198807973u);
}

/* Each of the 384 bits of a key changes each bit of the hash about half of the time. */
static void test_hash_depends_on_every_bit(void)
{
	enum {
		KEYS = 400
	};
	struct tt_key_secret secret;
	uint64_t random = 3;

	CU_ASSERT_EQUAL_FATAL(tt_key_secret_make(&secret, 9), 0);
	for (unsigned int bit = 0; bit < sizeof(struct tt_flow_key) * 8; bit++) {
		unsigned int changed[64] = {0};
		for (unsigned int i = 0; i < KEYS; i++) {
			uint8_t bytes[sizeof(struct tt_flow_key)];
			struct tt_flow_key key = key_of((uint32_t)random_next(&random));
			uint64_t hash = tt_flow_key_hash(&key, &secret);
			memcpy(bytes, &key, sizeof(bytes));
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			memcpy(&key, bytes, sizeof(bytes));
			hash ^= tt_flow_key_hash(&key, &secret);
			for (unsigned int j = 0; j < 64; j++)
				changed[j] += hash >> j & 1;
		}
		/* 200 of 400 within 8 standard deviations of 10. */
		for (unsigned int j = 0; j < 64; j++)
			CU_ASSERT_TRUE(changed[j] > 120 && changed[j] < 280);
	}
}

/* The chi-square of hashes over 256 cells, by some byte of them. */
static double chi_square(const struct tt_key_secret *secret, unsigned int shift, uint32_t step)
{
	enum {
		KEYS = 1 << 16
	};
	unsigned int cells[256] = {0};
	double sum = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		struct tt_flow_key key = key_of(i * step);
		cells[tt_flow_key_hash(&key, secret) >> shift & 0xff]++;
	}
	for (unsigned int i = 0; i < 256; i++)
		sum += (cells[i] - KEYS / 256.0) * (cells[i] - KEYS / 256.0) / (KEYS / 256.0);
	return sum;
}

/* Consecutive addresses, and those 256 and 65,536 apart, spread evenly over workers (high bits),
 * buckets and tags (low bits). Chi-square with 255 degrees of freedom: below 400 but for 1 in 10^8. */
static void test_hash_spreads_structured_keys(void)
{
	static const uint32_t steps[] = {1, 256, 65536};

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct tt_key_secret secret;
		CU_ASSERT_EQUAL_FATAL(tt_key_secret_make(&secret, seed), 0);
		for (unsigned int i = 0; i < 3; i++)
			for (unsigned int shift = 0; shift < 64; shift += 8)
				CU_ASSERT_TRUE(chi_square(&secret, shift, steps[i]) < 400);
	}
}

static void test_hash_depends_on_the_secret(void)
{
	struct tt_flow_key key = key_of(1);
	struct tt_key_secret secret, other;

	CU_ASSERT_EQUAL_FATAL(tt_key_secret_make(&secret, 5), 0);
	for (unsigned int i = 0; i < TT_FLOW_KEY_WORDS + 2; i++) {
		other = secret;
		other.word[i]++;
		CU_ASSERT_NOT_EQUAL(
			tt_flow_key_hash(&key, &secret), tt_flow_key_hash(&key, &other));
	}
}

static const struct suite_test tests[] = {
	{"key is the packet's", test_key_is_the_packets},
	{"only TCP, UDP and SCTP have ports", test_only_tcp_udp_sctp_have_ports},
	{"both directions have one key", test_both_directions_have_one_key},
	{"packet to itself has direction 0", test_packet_to_itself_has_direction_0},
	{"address families do not meet", test_address_families_do_not_meet},
	{"VLANs separate when asked", test_vlans_separate_when_asked},
	{"tunnels separate when asked", test_tunnels_separate_when_asked},
	{"domains of all ids differ", test_domains_of_all_ids_differ},
	{"secret is random or seeded", test_secret_is_random_or_seeded},
	{"hash depends on every bit", test_hash_depends_on_every_bit},
	{"hash spreads structured keys", test_hash_spreads_structured_keys},
	{"hash depends on the secret", test_hash_depends_on_the_secret},
};

SUITE_MAIN("flow key", tests)
