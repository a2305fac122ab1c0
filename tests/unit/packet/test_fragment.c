/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/fragment.h"

#include "packet/decode.h"

#include "build.h"
#include "check.h"
#include "suite.h"
#include "tunnels.h"

#define TIMEOUT_US 1000000
#define SECOND_US  1000000

static uint64_t random_state = 0x853c49e6748fea9b;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

/* One fragment of a UDP datagram, decoded. The packet points into the build. */
struct sample {
	struct build build;
	struct tt_packet packet;
};

struct sample_options {
	unsigned int version;
	unsigned int host;
	uint32_t id;
	unsigned int source_port; /* of a first fragment */
	unsigned int offset;	  /* bytes */
	bool more;
	size_t bytes; /* of the fragment, 8 and more in a first one */
	unsigned int protocol;
	unsigned int udp_length; /* of a first fragment; 0: 4000 */
	bool random;		 /* bytes behind the UDP header */
};

static void make_sample(struct sample *sample, const struct sample_options *options)
{
	struct build *build = &sample->build;
	unsigned int protocol = options->protocol != 0 ? options->protocol : 17;

	*sample = (struct sample){0};
	if (options->version == 4) {
		build_ethernet(build, 0x0800);
		size_t ip = build_ipv4(build, protocol, options->host);

		build_set_16(build, ip + 4, options->id);
		build_set_16(build, ip + 6, options->offset / 8 | (options->more ? 0x2000 : 0));
	} else {
		build_ethernet(build, 0x86dd);
		build_ipv6(build, 44, options->host);
		build_8(build, protocol);
		build_8(build, 0);
		build_16(build, options->offset | (options->more ? 1 : 0));
		build_32(build, options->id);
	}
	size_t start = build->length;

	if (options->offset == 0 && options->bytes >= 8) {
		build_16(build, options->source_port);
		build_16(build, 53);
		build_16(build, options->udp_length != 0 ? options->udp_length : 4000);
		build_16(build, 0);
	}
	size_t filled = build->length;

	build_fill(build, options->bytes - (filled - start));
	for (size_t i = filled; options->random && i < build->length; i++)
		build->bytes[i] = (uint8_t)random_below(256);
	build_end(build);
	if (tt_decode(&sample->packet, &check_all, TT_LINK_ETHERNET, build->bytes,
		    (uint32_t)build->length, (uint32_t)build->length) != TT_DECODE_IP)
		abort();
}

struct fixture {
	void *memory;
	void *slots;
	struct tt_fragment_table *table;
	struct tt_fragment_outcome outcome;
};

static void *zeroed(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, whole);

	memset(memory, 0, whole);
	return memory;
}

static void fixture_open(struct fixture *fixture, uint32_t datagrams)
{
	struct tt_fragment_options options = {
		.datagrams = datagrams, .timeout_us = TIMEOUT_US, .seed = 0x1234567};

	*fixture = (struct fixture){.memory = zeroed(tt_fragment_table_bytes(datagrams))};
	fixture->table = tt_fragment_table_make(fixture->memory, &options);
}

static void fixture_reassemble(struct fixture *fixture, uint32_t slots, uint32_t slot_bytes)
{
	fixture->slots = zeroed(tt_reassembly_bytes(slots, slot_bytes));
	tt_fragment_reassemble(
		fixture->table, tt_reassembly_make(fixture->slots, slots, slot_bytes));
}

static void fixture_close(struct fixture *fixture)
{
	free(fixture->memory);
	free(fixture->slots);
}

static enum tt_fragment_result see(
	struct fixture *fixture, struct sample *sample, uint64_t domain, uint64_t now_us)
{
	memset(&fixture->outcome, 0xee, sizeof(fixture->outcome));
	tt_fragment_see(fixture->table, &sample->packet, domain, 1, now_us, &fixture->outcome);
	return fixture->outcome.result;
}

static uint64_t counter(const tt_counter *value)
{
	return tt_counter_read(value);
}

static void test_later_fragments_get_the_ports(void)
{
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct fixture fixture;
		struct sample first, later, last;

		fixture_open(&fixture, 8);
		make_sample(&first, &(struct sample_options){version, 1, 77, 5000, 0, true, 1480});
		make_sample(&later, &(struct sample_options){version, 1, 77, 0, 1480, true, 1480});
		make_sample(&last, &(struct sample_options){version, 1, 77, 0, 2960, false, 100});
		CU_ASSERT_EQUAL(see(&fixture, &first, 0, 10), TT_FRAGMENT_FIRST);
		CU_ASSERT_EQUAL(fixture.outcome.credit.packets, 0);
		CU_ASSERT_FALSE(fixture.outcome.has_orphan);
		CU_ASSERT_EQUAL(see(&fixture, &later, 0, 20), TT_FRAGMENT_KNOWN);
		CU_ASSERT_EQUAL(later.packet.source_port, 5000);
		CU_ASSERT_EQUAL(later.packet.destination_port, 53);
		CU_ASSERT_EQUAL(see(&fixture, &last, 0, 30), TT_FRAGMENT_KNOWN);
		CU_ASSERT_EQUAL(last.packet.source_port, 5000);
		const struct tt_fragment_counters *counters = tt_fragment_counters(fixture.table);

		CU_ASSERT_EQUAL(counter(&counters->fragments), 3);
		CU_ASSERT_EQUAL(counter(&counters->datagrams), 1);
		CU_ASSERT_EQUAL(counter(&counters->held), 0);
		CU_ASSERT_EQUAL(counter(&counters->overlapping), 0);
		CU_ASSERT_EQUAL(counter(&counters->duplicate), 0);
		CU_ASSERT_EQUAL(counter(&counters->tiny), 0);
		fixture_close(&fixture);
	}
}

static void test_held_fragments_are_credited(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 8);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 0, 2960, false, 100});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10), TT_FRAGMENT_HELD);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 0, 1480, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_HELD);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 5000, 0, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 30), TT_FRAGMENT_FIRST);
	CU_ASSERT_EQUAL(fixture.outcome.credit.packets, 2);
	CU_ASSERT_EQUAL(fixture.outcome.credit.ip_bytes, 120 + 1500);
	CU_ASSERT_EQUAL(fixture.outcome.credit.first_us, 10);
	CU_ASSERT_EQUAL(fixture.outcome.credit.last_us, 20);
	CU_ASSERT_EQUAL(fixture.outcome.credit.tap_ports, 1);
	/* Credit is given once. */
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 40), TT_FRAGMENT_FIRST);
	CU_ASSERT_EQUAL(fixture.outcome.credit.packets, 0);
	fixture_close(&fixture);
}

/* Whatever differs in the name of a datagram makes another one; a port does not. */
static void test_datagrams_are_told_apart(void)
{
	static const struct {
		struct sample_options options;
		uint64_t domain;
		enum tt_fragment_result result;
	} cases[] = {
		{{4, 1, 77, 0, 1480, false, 100}, 0, TT_FRAGMENT_KNOWN},
		{{4, 2, 77, 0, 1480, false, 100}, 0, TT_FRAGMENT_HELD},
		{{4, 1, 78, 0, 1480, false, 100}, 0, TT_FRAGMENT_HELD},
		{{4, 1, 77, 0, 1480, false, 100}, 9, TT_FRAGMENT_HELD},
		{{4, 1, 77, 0, 1480, false, 100, 6}, 0, TT_FRAGMENT_HELD},
		{{6, 1, 77, 0, 1480, false, 100}, 0, TT_FRAGMENT_HELD},
	};
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 16);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 5000, 0, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10), TT_FRAGMENT_FIRST);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_sample(&sample, &cases[i].options);
		CU_ASSERT_EQUAL(see(&fixture, &sample, cases[i].domain, 20), cases[i].result);
	}
	fixture_close(&fixture);
}

/* RFC 8200, 4.5: IPv6 fragments may differ in what follows the fragment header; the first rules. */
static void test_ipv6_protocol_is_the_firsts(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 8);
	make_sample(&sample, &(struct sample_options){6, 1, 77, 5000, 0, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10), TT_FRAGMENT_FIRST);
	make_sample(&sample, &(struct sample_options){6, 1, 77, 0, 1480, false, 100, 60});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_KNOWN);
	CU_ASSERT_EQUAL(sample.packet.ip_protocol, 17);
	fixture_close(&fixture);
}

/* AH is taken off of a first fragment; the later ones still say it. */
static void test_ah_does_not_part_a_datagram(void)
{
	struct fixture fixture;
	struct sample first = {0};
	struct sample later;

	fixture_open(&fixture, 8);
	build_ethernet(&first.build, 0x0800);
	size_t ip = build_ipv4(&first.build, 51, 1);

	build_8(&first.build, 17);
	build_8(&first.build, 1);
	build_16(&first.build, 0);
	build_32(&first.build, 9);
	build_32(&first.build, 1);
	build_udp(&first.build, 5000, 53);
	build_fill(&first.build, 100);
	build_end(&first.build);
	build_set_16(&first.build, ip + 4, 77);
	build_set_16(&first.build, ip + 6, 0x2000);
	CU_ASSERT_EQUAL(tt_decode(&first.packet, &check_all, TT_LINK_ETHERNET, first.build.bytes,
				(uint32_t)first.build.length, (uint32_t)first.build.length),
		TT_DECODE_IP);
	CU_ASSERT_EQUAL(first.packet.ip_protocol, 17);
	CU_ASSERT_EQUAL(see(&fixture, &first, 0, 10), TT_FRAGMENT_FIRST);
	make_sample(&later, &(struct sample_options){4, 1, 77, 0, 1480, false, 100, 51});
	CU_ASSERT_EQUAL(see(&fixture, &later, 0, 20), TT_FRAGMENT_KNOWN);
	CU_ASSERT_EQUAL(later.packet.ip_protocol, 17);
	CU_ASSERT_EQUAL(later.packet.source_port, 5000);
	fixture_close(&fixture);
}

static void test_orphans_expire(void)
{
	struct fixture fixture;
	struct sample sample;
	struct tt_fragment_orphan orphan;

	fixture_open(&fixture, 8);
	make_sample(&sample, &(struct sample_options){4, 3, 77, 0, 1480, true, 1480});
	sample.packet.vlan_count = 1;
	sample.packet.vlan[0] = 42;
	sample.packet.layer_count = 1;
	sample.packet.layer[0] = (struct tt_layer){.kind = TT_LAYER_VXLAN, .has_id = true, .id = 7};
	CU_ASSERT_EQUAL(see(&fixture, &sample, 5, 10), TT_FRAGMENT_HELD);
	CU_ASSERT_EQUAL(see(&fixture, &sample, 5, 30), TT_FRAGMENT_HELD);
	make_sample(&sample, &(struct sample_options){4, 1, 78, 5000, 0, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_FIRST);
	CU_ASSERT_EQUAL(tt_fragment_expire(fixture.table, 9 + TIMEOUT_US, &orphan),
		TT_FRAGMENT_NONE_EXPIRED);
	CU_ASSERT_EQUAL(
		tt_fragment_expire(fixture.table, 20 + TIMEOUT_US, &orphan), TT_FRAGMENT_ORPHANED);
	CU_ASSERT_EQUAL(orphan.credit.packets, 2);
	CU_ASSERT_EQUAL(orphan.credit.ip_bytes, 3000);
	CU_ASSERT_EQUAL(orphan.credit.first_us, 10);
	CU_ASSERT_EQUAL(orphan.credit.last_us, 30);
	CU_ASSERT_EQUAL(orphan.packet.ip_protocol, 17);
	CU_ASSERT_EQUAL(orphan.packet.ip_version, 4);
	CU_ASSERT_EQUAL(orphan.packet.source_port, 0);
	CU_ASSERT_EQUAL(orphan.packet.source, orphan.source);
	CU_ASSERT_EQUAL(memcmp(orphan.packet.source, "\x0a\0\0\x03", 4), 0);
	CU_ASSERT_EQUAL(memcmp(orphan.packet.destination, "\x0a\0\1\x03", 4), 0);
	CU_ASSERT_EQUAL(orphan.packet.vlan_count, 1);
	CU_ASSERT_EQUAL(orphan.packet.vlan[0], 42);
	CU_ASSERT_EQUAL(orphan.packet.layer_count, 1);
	CU_ASSERT_EQUAL(orphan.packet.layer[0].id, 7);
	CU_ASSERT_EQUAL(
		tt_fragment_expire(fixture.table, UINT64_MAX, &orphan), TT_FRAGMENT_EXPIRED);
	CU_ASSERT_EQUAL(
		tt_fragment_expire(fixture.table, UINT64_MAX, &orphan), TT_FRAGMENT_NONE_EXPIRED);
	CU_ASSERT_EQUAL(counter(&tt_fragment_counters(fixture.table)->orphans), 1);
	CU_ASSERT_EQUAL(counter(&tt_fragment_counters(fixture.table)->datagrams), 0);
	CU_ASSERT_EQUAL(counter(&tt_fragment_counters(fixture.table)->datagrams_high), 2);
	fixture_close(&fixture);
}

static void test_expiry_does_not_wait_for_the_sweep(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 8);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 0, 1480, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10), TT_FRAGMENT_HELD);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 5000, 0, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10 + TIMEOUT_US), TT_FRAGMENT_FIRST);
	CU_ASSERT_EQUAL(fixture.outcome.credit.packets, 0);
	CU_ASSERT_TRUE(fixture.outcome.has_orphan);
	CU_ASSERT_EQUAL(fixture.outcome.orphan.credit.packets, 1);
	make_sample(&sample, &(struct sample_options){4, 1, 77, 0, 1480, true, 1480});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 9 + 2 * TIMEOUT_US), TT_FRAGMENT_KNOWN);
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10 + 2 * TIMEOUT_US), TT_FRAGMENT_HELD);
	CU_ASSERT_FALSE(fixture.outcome.has_orphan);
	/* Time that runs backwards ends nothing. */
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 5), TT_FRAGMENT_HELD);
	CU_ASSERT_FALSE(fixture.outcome.has_orphan);
	fixture_close(&fixture);
}

static void test_a_full_table_gives_up_the_oldest(void)
{
	struct fixture fixture;
	struct sample sample;
	const uint32_t capacity = 5;

	fixture_open(&fixture, capacity);
	for (uint32_t id = 0; id < 3 * capacity; id++) {
		make_sample(&sample, &(struct sample_options){4, 1, id, 0, 1480, true, 1480});
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, id), TT_FRAGMENT_HELD);
		CU_ASSERT_EQUAL(fixture.outcome.has_orphan, id >= capacity);
		if (id >= capacity)
			CU_ASSERT_EQUAL(fixture.outcome.orphan.packet.fragment_id, id - capacity);
	}
	const struct tt_fragment_counters *counters = tt_fragment_counters(fixture.table);

	CU_ASSERT_EQUAL(counter(&counters->evicted), 2 * capacity);
	CU_ASSERT_EQUAL(counter(&counters->orphans), 2 * capacity);
	CU_ASSERT_EQUAL(counter(&counters->datagrams), capacity);
	fixture_close(&fixture);
}

/* Identifications come round: the datagram behind a complete one has its own ports, and its own
 * time. */
static void test_reused_identification(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 8);
	for (unsigned int port = 1; port <= 3; port++) {
		uint64_t now_us = port * (TIMEOUT_US - 10);

		make_sample(&sample, &(struct sample_options){4, 1, 77, port, 0, true, 1480});
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, now_us), TT_FRAGMENT_FIRST);
		make_sample(&sample, &(struct sample_options){4, 1, 77, 0, 1480, false, 100});
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, now_us + 100), TT_FRAGMENT_KNOWN);
		CU_ASSERT_EQUAL(sample.packet.source_port, port);
	}
	const struct tt_fragment_counters *counters = tt_fragment_counters(fixture.table);

	CU_ASSERT_EQUAL(counter(&counters->duplicate), 0);
	CU_ASSERT_EQUAL(counter(&counters->datagrams), 1);
	fixture_close(&fixture);
}

static void test_attacks_are_counted(void)
{
	struct fixture fixture;
	struct sample sample;
	const struct tt_fragment_counters *counters;

	fixture_open(&fixture, 8);
	counters = tt_fragment_counters(fixture.table);
	/* RFC 1858: a first fragment too small for its TCP header. */
	make_sample(&sample, &(struct sample_options){4, 1, 77, 5000, 0, true, 8, 6});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 10), TT_FRAGMENT_FIRST);
	CU_ASSERT_EQUAL(counter(&counters->tiny), 1);
	/* Every one twice, then one across both. */
	for (unsigned int i = 0; i < 2; i++) {
		make_sample(&sample, &(struct sample_options){4, 1, 78, 5000, 0, true, 800});
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_FIRST);
	}
	CU_ASSERT_EQUAL(counter(&counters->duplicate), 1);
	for (unsigned int i = 0; i < 2; i++) {
		make_sample(&sample, &(struct sample_options){4, 1, 78, 0, 1600, false, 800});
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_KNOWN);
	}
	CU_ASSERT_EQUAL(counter(&counters->duplicate), 2);
	CU_ASSERT_EQUAL(counter(&counters->overlapping), 0);
	make_sample(&sample, &(struct sample_options){4, 1, 78, 0, 400, true, 1600});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_KNOWN);
	CU_ASSERT_EQUAL(counter(&counters->overlapping), 1);
	/* Past the longest datagram there can be. */
	make_sample(&sample, &(struct sample_options){4, 1, 79, 0, 65528, false, 1400});
	CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 30), TT_FRAGMENT_HELD);
	fixture_close(&fixture);
}

static void test_rest_of_a_tunnels_packet(void)
{
	/* With and without a later outer fragment before the first. */
	for (unsigned int early = 0; early < 2; early++) {
		struct fixture fixture;
		struct sample later;
		struct sample first = {0};
		struct tt_packet outer;

		fixture_open(&fixture, 8);
		make_sample(&later, &(struct sample_options){4, 1, 0x1234, 0, 1480, false, 100});
		if (early)
			CU_ASSERT_EQUAL(see(&fixture, &later, 0, 10), TT_FRAGMENT_HELD);
		tunnel_ip(&first.build, put_gtpu(&first.build, INSIDE_FRAME, 1), 17, 2);
		build_udp(&first.build, 1, 2);
		build_fill(&first.build, 100);
		build_end(&first.build);
		build_set_16(&first.build, 14 + 6, 0x2000);
		CU_ASSERT_EQUAL(
			tt_decode(&first.packet, &check_all, TT_LINK_ETHERNET, first.build.bytes,
				(uint32_t)first.build.length, (uint32_t)first.build.length),
			TT_DECODE_IP);
		CU_ASSERT_TRUE((first.packet.flags & TT_PACKET_OUTER_FIRST) != 0);
		tt_fragment_outer_packet(&outer, &first.packet);
		CU_ASSERT_EQUAL(outer.layer_count, 0);
		CU_ASSERT_EQUAL(outer.ip_protocol, 17);
		tt_fragment_see_tunnel(fixture.table, &outer, 0, 20, &fixture.outcome);
		CU_ASSERT_EQUAL(fixture.outcome.credit.packets, early);
		CU_ASSERT_FALSE(fixture.outcome.has_orphan);
		CU_ASSERT_EQUAL(see(&fixture, &later, 0, 30), TT_FRAGMENT_REST);
		/* A flow's datagram of the same name, later. */
		make_sample(&later, &(struct sample_options){4, 1, 0x1234, 9, 0, true, 100});
		CU_ASSERT_EQUAL(see(&fixture, &later, 0, 40), TT_FRAGMENT_FIRST);
		CU_ASSERT_EQUAL(fixture.outcome.credit.packets, 0);
		fixture_close(&fixture);
	}
}

static void test_datagrams_are_put_together(void)
{
	/* In every order of four fragments. */
	for (unsigned int order = 0; order < 24; order++) {
		unsigned int parts[4] = {0, 1, 2, 3};
		struct fixture fixture;
		uint8_t want[4 * 200];

		fixture_open(&fixture, 8);
		fixture_reassemble(&fixture, 2, 1024);
		for (unsigned int i = 0, rest = order; i < 4; i++) {
			unsigned int other = i + rest % (4 - i);
			unsigned int part = parts[i];

			rest /= 4 - i;
			parts[i] = parts[other];
			parts[other] = part;
		}
		for (unsigned int i = 0; i < 4; i++) {
			struct sample sample;

			make_sample(&sample,
				&(struct sample_options){.version = 4,
					.host = 1,
					.id = 5,
					.source_port = 9,
					.offset = parts[i] * 200,
					.more = parts[i] < 3,
					.bytes = parts[i] < 3 ? 200 : 99,
					.udp_length = 699,
					.random = true});
			memcpy(want + parts[i] * 200, sample.packet.ip + 20,
				parts[i] < 3 ? 200 : 99);
			see(&fixture, &sample, 0, 10 + i);
			CU_ASSERT_EQUAL(fixture.outcome.whole != NULL, i == 3);
			if (i == 3)
				CU_ASSERT_EQUAL(sample.packet.source_port, 9);
		}
		CU_ASSERT_EQUAL(fixture.outcome.whole_bytes, 691);
		CU_ASSERT_EQUAL(memcmp(fixture.outcome.whole, want + 8, 691), 0);
		fixture_close(&fixture);
	}
}

/* What was not captured whole, or does not stand where it seems to, is not put together. */
static void test_what_is_not_put_together(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 16);
	fixture_reassemble(&fixture, 4, 4096);
	for (uint32_t id = 0; id < 4; id++) {
		struct sample_options options = {.version = 4,
			.host = 1,
			.id = id,
			.source_port = 9,
			.more = true,
			.bytes = 200,
			.udp_length = 300,
			.protocol = id == 1 ? 6 : 17};

		make_sample(&sample, &options);
		if (id == 2)
			sample.packet.transport_captured_bytes--;
		see(&fixture, &sample, 0, 10);
		options.offset = 200;
		options.more = false;
		options.bytes = 100;
		make_sample(&sample, &options);
		if (id == 3)
			sample.packet.payload_captured_bytes--;
		CU_ASSERT_EQUAL(see(&fixture, &sample, 0, 20), TT_FRAGMENT_KNOWN);
		CU_ASSERT_EQUAL(fixture.outcome.whole != NULL, id == 0);
	}
	fixture_close(&fixture);
}

static void test_few_slots_go_to_the_latest(void)
{
	struct fixture fixture;
	struct sample sample;

	fixture_open(&fixture, 16);
	fixture_reassemble(&fixture, 2, 512);
	/* Three begin, two slots: the first one's is taken. */
	for (unsigned int more = 0; more < 2; more++)
		for (uint32_t id = 0; id < 3; id++) {
			make_sample(&sample,
				&(struct sample_options){.version = 4,
					.host = 1,
					.id = id,
					.source_port = 9,
					.offset = more ? 200 : 0,
					.more = !more,
					.bytes = 200,
					.udp_length = 400});
			see(&fixture, &sample, 0, 10);
			CU_ASSERT_EQUAL(fixture.outcome.whole != NULL, more && id > 0);
		}
	CU_ASSERT_EQUAL(counter(&tt_fragment_counters(fixture.table)->reassembly_stolen), 1);
	CU_ASSERT_EQUAL(counter(&tt_fragment_counters(fixture.table)->reassembled), 2);
	fixture_close(&fixture);
}

/* The same, in the plainest way: a list of datagrams that is searched from end to end, and a map
 * of their bytes. */
#define MODEL_SLOT_BYTES 256 /* just not for all: offsets end at 240, fragments have up to 64 */

struct model_datagram {
	bool used;
	unsigned int version, host;
	uint32_t id;
	uint64_t begun_us, order;
	bool has_first, has_end;
	unsigned int source_port, end;
	bool has[64]; /* by unit of 8 bytes */
	uint8_t bytes[512];
	bool copied[64];
	unsigned int bytes_end, reached;
	bool given_up;
	uint32_t held;
	uint64_t held_bytes;
};

struct model {
	struct model_datagram datagram[64];
	uint32_t capacity;
	uint64_t order;
	uint64_t overlapping, duplicate, orphans, evicted, held, reassembled, broken;
};

struct model_outcome {
	enum tt_fragment_result result;
	unsigned int source_port;
	uint32_t credit, orphan;
	uint64_t credit_bytes;
	const uint8_t *whole;
	unsigned int whole_bytes;
};

static struct model_datagram *model_oldest(struct model *model)
{
	struct model_datagram *oldest = NULL;

	for (uint32_t i = 0; i < model->capacity; i++)
		if (model->datagram[i].used &&
			(oldest == NULL || model->datagram[i].order < oldest->order))
			oldest = &model->datagram[i];
	return oldest;
}

static uint32_t model_end(struct model *model, struct model_datagram *datagram)
{
	uint32_t orphan = datagram->has_first ? 0 : datagram->held;

	model->orphans += orphan > 0;
	*datagram = (struct model_datagram){0};
	return orphan;
}

static bool model_is_complete(const struct model_datagram *datagram)
{
	for (unsigned int i = 0; i < datagram->end; i++)
		if (!datagram->has[i])
			return false;
	for (unsigned int i = datagram->end; i < 64; i++)
		if (datagram->has[i])
			return false;
	return datagram->has_end;
}

static bool model_has_all(const struct model_datagram *datagram)
{
	for (unsigned int i = 0; i < (datagram->bytes_end + 7) / 8; i++)
		if (!datagram->copied[i])
			return false;
	return datagram->bytes_end > 0;
}

static void model_reassemble(struct model *model, struct model_datagram *datagram,
	const struct sample_options *options, const uint8_t *data, struct model_outcome *outcome)
{
	unsigned int end = options->offset + (unsigned int)options->bytes;

	if (datagram->given_up || (options->more && options->bytes % 8 != 0))
		return;
	if (datagram->bytes_end != 0 &&
		(options->more ? end > datagram->bytes_end : end != datagram->bytes_end))
		datagram->given_up = true;
	if (!options->more && datagram->reached > end)
		datagram->given_up = true;
	if (end > MODEL_SLOT_BYTES)
		datagram->given_up = true;
	if (datagram->given_up) {
		model->broken++;
		return;
	}
	if (end > datagram->reached)
		datagram->reached = end;
	if (!options->more)
		datagram->bytes_end = end;
	for (unsigned int at = options->offset; at < end; at += 8) {
		if (!datagram->copied[at / 8])
			memcpy(datagram->bytes + at, data + (at - options->offset),
				end - at < 8 ? end - at : 8);
		datagram->copied[at / 8] = true;
	}
	if (!model_has_all(datagram))
		return;
	datagram->given_up = true;
	unsigned int length = (unsigned int)datagram->bytes[4] << 8 | datagram->bytes[5];

	if (length == 0)
		length = datagram->bytes_end;
	if (length < 8 || length > datagram->bytes_end)
		return;
	outcome->whole = datagram->bytes + 8;
	outcome->whole_bytes = length - 8;
	model->reassembled++;
}

static void model_see(struct model *model, const struct sample_options *options,
	const uint8_t *data, uint64_t now_us, struct model_outcome *outcome)
{
	struct model_datagram *found = NULL;
	bool first = options->offset == 0;

	*outcome = (struct model_outcome){0};
	for (uint32_t i = 0; i < model->capacity; i++) {
		struct model_datagram *datagram = &model->datagram[i];

		if (datagram->used && datagram->version == options->version &&
			datagram->host == options->host && datagram->id == options->id)
			found = datagram;
	}
	if (found != NULL && now_us - found->begun_us >= TIMEOUT_US) {
		outcome->orphan = model_end(model, found);
		found->order = 0;
	} else if (found != NULL && first && found->has_first &&
		(model_is_complete(found) || found->source_port != options->source_port)) {
		*found = (struct model_datagram){0};
	}
	if (found == NULL) {
		for (uint32_t i = 0; i < model->capacity; i++)
			if (!model->datagram[i].used)
				found = &model->datagram[i];
		if (found == NULL) {
			found = model_oldest(model);
			model->evicted += now_us - found->begun_us < TIMEOUT_US;
			outcome->orphan = model_end(model, found);
		}
	}
	if (!found->used || (first && found->has_first)) {
		found->begun_us = now_us;
		found->order = ++model->order;
	}
	found->used = true;
	found->version = options->version;
	found->host = options->host;
	found->id = options->id;
	unsigned int begin = options->offset / 8;
	unsigned int end = begin + (unsigned int)(options->bytes + 7) / 8;
	unsigned int had = 0;

	for (unsigned int i = begin; i < end; i++) {
		had += found->has[i];
		found->has[i] = true;
	}
	model->duplicate += had == end - begin;
	model->overlapping += had > 0 && had < end - begin;
	if (!options->more) {
		found->has_end = true;
		found->end = end;
	}
	if (first) {
		outcome->result = TT_FRAGMENT_FIRST;
		outcome->credit = found->held;
		outcome->credit_bytes = found->held_bytes;
		found->held = 0;
		found->held_bytes = 0;
		found->has_first = true;
		found->source_port = options->source_port;
	} else if (found->has_first) {
		outcome->result = TT_FRAGMENT_KNOWN;
	} else {
		outcome->result = TT_FRAGMENT_HELD;
		found->held++;
		found->held_bytes += options->bytes + (options->version == 4 ? 20u : 48u);
		model->held++;
	}
	outcome->source_port = found->source_port;
	model_reassemble(model, found, options, data, outcome);
}

static void test_as_the_model(void)
{
	static const uint32_t capacities[] = {1, 2, 7, 16, 64};
	static struct model model;

	for (size_t round = 0; round < sizeof(capacities) / sizeof(capacities[0]); round++) {
		struct fixture fixture;
		struct tt_fragment_orphan orphan;
		uint64_t now_us = SECOND_US;
		const struct tt_fragment_counters *counters;

		fixture_open(&fixture, capacities[round]);
		fixture_reassemble(&fixture, capacities[round], MODEL_SLOT_BYTES);
		counters = tt_fragment_counters(fixture.table);
		model = (struct model){.capacity = capacities[round]};
		for (unsigned int step = 0; step < 20000; step++) {
			unsigned int part = random_below(6);
			struct sample_options options = {
				.version = 4 + 2 * random_below(2),
				.host = 1 + random_below(3),
				.id = random_below(6),
				.source_port = 1000 + random_below(2),
				.offset = part * 48,
				.more = part == 0 || (part < 5 && random_below(8) != 0),
				.bytes = 8 * (1 + random_below(8)),
				.udp_length = 10 + random_below(300),
				.random = true,
			};
			struct model_outcome want;
			struct sample sample;

			now_us +=
				random_below(random_below(64) == 0 ? TIMEOUT_US : TIMEOUT_US / 256);
			if (part > 0)
				options.bytes -= random_below(2) * random_below(8);
			/* Half of the datagrams are what an honest sender would make. */
			if (options.id % 2 == 0) {
				options.more = part < 5;
				options.bytes = part < 5 ? 48 : 9 + options.id;
				options.source_port = 1000;
			}
			make_sample(&sample, &options);
			model_see(&model, &options,
				sample.packet.ip + (options.version == 4 ? 20 : 48), now_us, &want);
			CU_ASSERT_EQUAL(see(&fixture, &sample, 0, now_us), want.result);
			CU_ASSERT_EQUAL(fixture.outcome.has_orphan, want.orphan > 0);
			if (want.orphan > 0)
				CU_ASSERT_EQUAL(fixture.outcome.orphan.credit.packets, want.orphan);
			if (want.result == TT_FRAGMENT_FIRST) {
				CU_ASSERT_EQUAL(fixture.outcome.credit.packets, want.credit);
				if (want.credit > 0)
					CU_ASSERT_EQUAL(
						fixture.outcome.credit.ip_bytes, want.credit_bytes);
			}
			if (want.result == TT_FRAGMENT_KNOWN)
				CU_ASSERT_EQUAL(sample.packet.source_port, want.source_port);
			CU_ASSERT_EQUAL(fixture.outcome.whole != NULL, want.whole != NULL);
			if (fixture.outcome.whole != NULL && want.whole != NULL) {
				CU_ASSERT_EQUAL(fixture.outcome.whole_bytes, want.whole_bytes);
				CU_ASSERT_EQUAL(
					memcmp(fixture.outcome.whole, want.whole, want.whole_bytes),
					0);
			}
			if (random_below(16) != 0)
				continue;
			struct model_datagram *oldest = model_oldest(&model);
			enum tt_fragment_expiry expiry = TT_FRAGMENT_NONE_EXPIRED;

			if (oldest != NULL && now_us - oldest->begun_us >= TIMEOUT_US)
				expiry = model_end(&model, oldest) > 0 ? TT_FRAGMENT_ORPHANED
								       : TT_FRAGMENT_EXPIRED;
			CU_ASSERT_EQUAL(tt_fragment_expire(fixture.table, now_us, &orphan), expiry);
		}
		CU_ASSERT_EQUAL(counter(&counters->held), model.held);
		CU_ASSERT_EQUAL(counter(&counters->orphans), model.orphans);
		CU_ASSERT_EQUAL(counter(&counters->evicted), model.evicted);
		CU_ASSERT_EQUAL(counter(&counters->duplicate), model.duplicate);
		CU_ASSERT_EQUAL(counter(&counters->overlapping), model.overlapping);
		CU_ASSERT_EQUAL(counter(&counters->reassembled), model.reassembled);
		CU_ASSERT_EQUAL(counter(&counters->reassembly_broken), model.broken);
		CU_ASSERT_EQUAL(counter(&counters->reassembly_stolen), 0);
		CU_ASSERT_TRUE(model.held > 100);
		CU_ASSERT_TRUE(capacities[round] < 64 || model.reassembled > 100);
		while (tt_fragment_expire(fixture.table, UINT64_MAX, &orphan) !=
			TT_FRAGMENT_NONE_EXPIRED)
			continue;
		CU_ASSERT_EQUAL(counter(&counters->datagrams), 0);
		fixture_close(&fixture);
	}
}

static const struct suite_test tests[] = {
	{"later fragments get the ports", test_later_fragments_get_the_ports},
	{"held fragments are credited", test_held_fragments_are_credited},
	{"datagrams are told apart", test_datagrams_are_told_apart},
	{"IPv6 protocol is the first's", test_ipv6_protocol_is_the_firsts},
	{"AH does not part a datagram", test_ah_does_not_part_a_datagram},
	{"orphans expire", test_orphans_expire},
	{"expiry does not wait for the sweep", test_expiry_does_not_wait_for_the_sweep},
	{"a full table gives up the oldest", test_a_full_table_gives_up_the_oldest},
	{"reused identification", test_reused_identification},
	{"attacks are counted", test_attacks_are_counted},
	{"rest of a tunnel's packet", test_rest_of_a_tunnels_packet},
	{"datagrams are put together", test_datagrams_are_put_together},
	{"what is not put together", test_what_is_not_put_together},
	{"few slots go to the latest", test_few_slots_go_to_the_latest},
	{"as the model", test_as_the_model},
};

SUITE_MAIN("fragment", tests)
