/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of packets: what is one by each of the rules, and a model that remembers all packets byte
 * for byte.
 */
#include "packet/duplicates.h"

#include "packet/build.h"
#include "suite.h"

#include <netinet/in.h>

#define BASE_US	  UINT64_C(1700000000000000)
#define WINDOW_US 20000
#define PACKETS	  16384

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* A packet on its way past the tap. */
struct frame {
	bool ipv6;
	uint8_t protocol;
	uint8_t flags; /* of TCP */
	uint8_t ttl;
	uint8_t station;   /* from 1 to 2, or from 2 to 1 */
	uint8_t vlan;	   /* 0: no tag */
	uint8_t port;	   /* of the tap */
	uint16_t id;	   /* of IPv4; of a fragment also of IPv6 */
	bool fragment;	   /* the first of some */
	uint32_t sequence; /* TCP's, or first word of the others' payload */
	size_t payload_bytes;
	uint64_t time_us;
};

static void put_frame(struct build *build, const struct frame *frame)
{
	const uint8_t stations[2][6] = {
		{2, 0, 0, 0, 0, frame->station == 1 ? 2 : 1}, {2, 0, 0, 0, 0, frame->station}};
	unsigned int type = frame->ipv6 ? 0x86dd : 0x0800;
	uint8_t next = frame->ipv6 && frame->fragment ? IPPROTO_FRAGMENT : frame->protocol;
	size_t ip;

	build_bytes(build, stations, sizeof(stations));
	build_16(build, frame->vlan > 0 ? 0x8100 : type);
	if (frame->vlan > 0)
		build_vlan(build, frame->vlan, type);
	if (frame->ipv6) {
		ip = build_ipv6(build, next, 1);
		build->bytes[ip + 7] = frame->ttl;
		if (frame->fragment) {
			build_16(build, (unsigned int)frame->protocol << 8);
			build_16(build, 1);
			build_32(build, frame->id);
		}
	} else {
		ip = build_ipv4(build, next, 1);
		build_set_16(build, ip + 4, frame->id);
		build_set_16(build, ip + 6, frame->fragment ? 0x2000 : 0x4000);
		build->bytes[ip + 8] = frame->ttl;
		build_set_16(build, ip + 10, 0x5a00 + frame->ttl);
	}
	if (frame->protocol == IPPROTO_TCP) {
		build_32(build, 0x9c400050);
		build_32(build, frame->sequence);
		build_32(build, 1);
		build_16(build, 0x5000u + frame->flags);
		build_16(build, 8192);
		build_32(build, 0);
	} else {
		if (frame->protocol == IPPROTO_UDP)
			build_udp(build, 40000, 53);
		build_32(build, frame->sequence);
	}
	build_fill(build, frame->payload_bytes);
	build_end(build);
}

struct tap {
	struct tt_duplicates *duplicates;
};

static struct tap tap_make(uint32_t packets)
{
	size_t bytes = (tt_duplicates_bytes(packets) + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, bytes);

	if (memory == NULL)
		abort();
	memset(memory, 0, bytes);
	return (struct tap){tt_duplicates_make(memory,
		&(struct tt_duplicates_options){
			.packets = packets, .window_us = WINDOW_US, .secret = 7})};
}

static void tap_free(struct tap *tap)
{
	free(tap->duplicates);
}

static bool see_bytes(struct tap *tap, const struct build *build, size_t captured,
	const struct frame *frame, uint64_t domain)
{
	const struct tt_decode_options options = {UINT32_MAX, TT_PACKET_LAYERS};
	struct guarded guarded = guarded_copy(build->bytes, captured);
	struct tt_packet packet;

	CU_ASSERT_EQUAL_FATAL(tt_decode(&packet, &options, TT_LINK_ETHERNET, guarded.bytes,
				      (uint32_t)captured, (uint32_t)build->length),
		TT_DECODE_IP);
	const struct tt_sighting sighting = {
		.fingerprint = tt_duplicates_fingerprint(tap->duplicates, &packet, domain),
		.time_us = frame->time_us,
		.stations = guarded.bytes,
		.port = frame->port,
	};
	tt_duplicates_prefetch(tap->duplicates, sighting.fingerprint);
	bool copy = tt_duplicates_see(tap->duplicates, &packet, &sighting);
	guarded_free(&guarded);
	return copy;
}

static bool see(struct tap *tap, const struct frame *frame)
{
	struct build build = {.length = 0};

	put_frame(&build, frame);
	return see_bytes(tap, &build, build.length, frame, 0);
}

static struct frame segment(void)
{
	return (struct frame){.protocol = IPPROTO_TCP,
		.flags = ACK,
		.ttl = 64,
		.station = 1,
		.id = 4711,
		.sequence = 1000,
		.payload_bytes = 100,
		.time_us = BASE_US};
}

/* A segment without identification. */
static struct frame nameless(void)
{
	struct frame frame = segment();

	frame.id = 0;
	return frame;
}

static void what_the_way_changes_makes_no_other_packet(void)
{
	struct tap tap = tap_make(PACKETS);
	struct frame frame = segment();

	CU_ASSERT_FALSE(see(&tap, &frame));
	CU_ASSERT(see(&tap, &frame));
	frame.time_us += WINDOW_US;
	frame.ttl--;
	CU_ASSERT(see(&tap, &frame));
	frame.vlan = 7;
	CU_ASSERT(see(&tap, &frame));
	frame.station = 2;
	CU_ASSERT(see(&tap, &frame));
	frame.port = 1;
	CU_ASSERT(see(&tap, &frame));
	frame.time_us++;
	CU_ASSERT_FALSE(see(&tap, &frame));
	CU_ASSERT(see(&tap, &frame));
	tap_free(&tap);
}

static void every_other_byte_makes_another_packet(void)
{
	for (unsigned int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame frame = segment();
		struct build build = {.length = 0};

		frame.ipv6 = ipv6 > 0;
		frame.payload_bytes = 300;
		put_frame(&build, &frame);
		/* From type of service on; without what makes it another protocol, or no packet. */
		for (size_t at = 15; at < build.length; at++) {
			bool ttl = at == (frame.ipv6 ? 21 : 22);
			bool checksum = !frame.ipv6 && (at == 24 || at == 25);
			bool length =
				at == 16 || at == 17 || (frame.ipv6 && (at == 18 || at == 19));
			bool protocol = at == (frame.ipv6 ? 20 : 23);
			bool header = at == (frame.ipv6 ? 54u : 34u) + 12;

			if (length || protocol || header || (!frame.ipv6 && at == 20))
				continue;
			struct tap tap = tap_make(64);
			CU_ASSERT_FALSE(see_bytes(&tap, &build, build.length, &frame, 0));
			build.bytes[at] ^= 1;
			frame.port = 1;
			CU_ASSERT_EQUAL(
				see_bytes(&tap, &build, build.length, &frame, 0), ttl || checksum);
			frame.port = 0;
			build.bytes[at] ^= 1;
			tap_free(&tap);
		}
	}
}

static void overlapping_networks_have_no_copies_of_each_other(void)
{
	struct tap tap = tap_make(PACKETS);
	struct frame frame = segment();
	struct build build = {.length = 0};

	put_frame(&build, &frame);
	CU_ASSERT_FALSE(see_bytes(&tap, &build, build.length, &frame, 5));
	CU_ASSERT_FALSE(see_bytes(&tap, &build, build.length, &frame, 6));
	CU_ASSERT(see_bytes(&tap, &build, build.length, &frame, 5));
	tap_free(&tap);
}

/* Cut anywhere behind its IP header, a packet is read no further, and is a copy of the same cut. */
static void cut_packets(void)
{
	struct frame frame = segment();
	struct build build = {.length = 0};

	put_frame(&build, &frame);
	for (size_t captured = 34; captured <= build.length; captured++) {
		struct tap tap = tap_make(64);

		CU_ASSERT_FALSE(see_bytes(&tap, &build, captured, &frame, 0));
		CU_ASSERT(see_bytes(&tap, &build, captured, &frame, 0));
		tap_free(&tap);
	}
}

/* RSTs, ACKs, SYN-ACKs and data that are the same within microseconds, on a link that delivers each
 * packet once. */
static void what_is_sent_again_is_no_copy(void)
{
	static const struct {
		uint8_t flags;
		size_t payload_bytes;
	} repeated[] = {{RST, 0}, {ACK, 0}, {SYN | ACK, 0}, {ACK, 100}};

	for (unsigned int i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		for (uint16_t id = 0; id < 2; id++) {
			struct tap tap = tap_make(PACKETS);
			struct frame other = segment();

			for (; other.sequence < 1020; other.sequence++, other.id++)
				CU_ASSERT_FALSE(see(&tap, &other));
			for (unsigned int n = 0; n < 5; n++) {
				struct frame frame = nameless();

				frame.id = id;
				frame.sequence = 5000;
				frame.flags = repeated[i].flags;
				frame.payload_bytes = repeated[i].payload_bytes;
				frame.time_us += n;
				CU_ASSERT_FALSE(see(&tap, &frame));
			}
			tap_free(&tap);
		}
}

static void a_syn_comes_once_a_second(void)
{
	struct tap tap = tap_make(PACKETS);
	struct frame frame = nameless();

	frame.flags = SYN;
	frame.payload_bytes = 0;
	CU_ASSERT_FALSE(see(&tap, &frame));
	CU_ASSERT(see(&tap, &frame));
	frame.time_us += WINDOW_US + 1;
	CU_ASSERT_FALSE(see(&tap, &frame));
	tap_free(&tap);
}

/* Two points of view: nothing else is needed to tell. */
static void seen_elsewhere_is_a_copy(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct tap tap = tap_make(PACKETS);
		struct frame frame = nameless();

		frame.payload_bytes = 0;
		CU_ASSERT_FALSE(see(&tap, &frame));
		frame.ttl = i == 0 ? 63 : 64;
		frame.vlan = i == 1 ? 7 : 0;
		frame.port = i == 2 ? 1 : 0;
		frame.time_us += WINDOW_US;
		CU_ASSERT(see(&tap, &frame));
		tap_free(&tap);
	}
}

/* What cannot be told by itself is told by what came before it, in this direction or, while that
 * is all there is, in the other; and each original has one copy. */
static void a_doubled_link(void)
{
	struct tap tap = tap_make(PACKETS);
	struct frame syn = segment();
	struct frame answer = nameless();

	syn.flags = SYN;
	CU_ASSERT_FALSE(see(&tap, &syn));
	CU_ASSERT(see(&tap, &syn));
	answer.station = 2;
	answer.flags = SYN | ACK;
	answer.payload_bytes = 0;
	CU_ASSERT_FALSE(see(&tap, &answer));
	answer.time_us += TT_DUPLICATES_TWIN_US;
	CU_ASSERT(see(&tap, &answer));
	CU_ASSERT_FALSE(see(&tap, &answer));
	answer.time_us += TT_DUPLICATES_TWIN_US + 1;
	CU_ASSERT_FALSE(see(&tap, &answer));

	/* Of other stations nothing is known. */
	answer.vlan = 9;
	answer.sequence++;
	CU_ASSERT_FALSE(see(&tap, &answer));
	CU_ASSERT_FALSE(see(&tap, &answer));
	tap_free(&tap);
}

/* Without a named packet it takes some, of those that hosts do not send alike. */
static void a_doubled_link_of_nameless_packets(void)
{
	struct tap tap = tap_make(PACKETS);
	struct frame frame = nameless();
	unsigned int copies = 0;

	frame.ipv6 = true;
	for (unsigned int i = 0; i < 100; i++, frame.sequence++)
		copies += (unsigned int)see(&tap, &frame) + (unsigned int)see(&tap, &frame);
	CU_ASSERT_EQUAL(copies, 96);
	tap_free(&tap);
}

static unsigned int copies_after(uint32_t packets)
{
	struct tap tap = tap_make(1024);
	struct frame frame = segment();
	unsigned int copies = 0;

	for (unsigned int round = 0; round < 2; round++)
		for (frame.sequence = 0; frame.sequence < packets; frame.sequence++)
			copies += see(&tap, &frame);
	tap_free(&tap);
	return copies;
}

/* Nearly all copies that come within half of the packets that are to be remembered, most within all
 * of them, and few later. */
static void the_window_in_packets(void)
{
	CU_ASSERT(copies_after(512) > 512 * 95 / 100);
	CU_ASSERT(copies_after(1024) > 1024 * 80 / 100);
	CU_ASSERT(copies_after(8192) < 8192 / 10);
}

/* ---- the model ---- */

#define MODEL_ROUNDS 20000
#define MODEL_LIMIT  4096

struct model_packet {
	uint8_t bytes[256];
	size_t length;
	uint64_t time_us; /* 0: its copy has come */
	uint8_t ttl, vlan, port;
};

struct model {
	struct model_packet packets[MODEL_LIMIT];
	unsigned int count;
	unsigned int seen[3][3], copies[3][3]; /* by station and VLAN */
};

static bool model_is_named(const struct frame *frame)
{
	bool has_id = !frame->ipv6 || frame->fragment;

	return (has_id && frame->id > 1) ||
		(frame->protocol == IPPROTO_TCP && (frame->flags & (SYN | ACK | RST)) == SYN);
}

static struct model_packet *model_find(struct model *model, const struct frame *frame)
{
	struct build build = {.length = 0};
	size_t ip = frame->vlan > 0 ? 18 : 14;

	put_frame(&build, frame);
	memset(build.bytes + ip + (frame->ipv6 ? 7 : 8), 0, 1);
	if (!frame->ipv6)
		memset(build.bytes + ip + 10, 0, 2);
	for (unsigned int i = 0; i < model->count; i++) {
		struct model_packet *packet = &model->packets[i];

		if (packet->length == build.length - ip &&
			memcmp(packet->bytes, build.bytes + ip, packet->length) == 0)
			return packet;
	}
	struct model_packet *packet = &model->packets[model->count++];
	if (model->count == MODEL_LIMIT)
		abort();
	packet->length = build.length - ip;
	memcpy(packet->bytes, build.bytes + ip, packet->length);
	return packet;
}

static bool model_is_doubled(const struct model *model, unsigned int station, unsigned int vlan)
{
	unsigned int seen = model->seen[station][vlan], copies = model->copies[station][vlan];

	if (seen < 32) {
		seen += model->seen[3 - station][vlan];
		copies += model->copies[3 - station][vlan];
	}
	return copies >= 4 && 4 * copies >= seen;
}

static bool model_see(struct model *model, const struct frame *frame)
{
	struct model_packet *packet = model_find(model, frame);
	bool named = model_is_named(frame);
	uint64_t away = packet->time_us > frame->time_us ? packet->time_us - frame->time_us
							 : frame->time_us - packet->time_us;
	bool same = away <= WINDOW_US;
	bool elsewhere = same &&
		(packet->ttl != frame->ttl || packet->vlan != frame->vlan ||
			packet->port != frame->port);
	bool seems = same && (named || elsewhere || away <= 2000);
	bool doubled = model_is_doubled(model, frame->station, frame->vlan);
	bool copy = seems && (named || elsewhere || doubled);
	bool has_payload = frame->protocol == IPPROTO_UDP ||
		(frame->protocol == IPPROTO_TCP && frame->payload_bytes > 0);
	unsigned int weight = named ? 4 : has_payload;
	unsigned int *seen = &model->seen[frame->station][frame->vlan];
	unsigned int *copies = &model->copies[frame->station][frame->vlan];

	*seen += weight;
	*copies += seems ? weight : 0;
	if (*seen >= 512) {
		*seen /= 2;
		*copies /= 2;
	}
	if (!copy) {
		packet->time_us = frame->time_us;
		packet->ttl = frame->ttl;
		packet->vlan = frame->vlan;
		packet->port = frame->port;
	} else if (!named && !elsewhere) {
		packet->time_us = 0;
	}
	return copy;
}

/* xorshift64 (Marsaglia 2003), so that every run asks the same. */
static unsigned int below(uint64_t *state, unsigned int limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned int)(*state >> 33) % limit;
}

static struct frame random_frame(uint64_t *state, uint64_t time_us, unsigned int variety)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint8_t flags[] = {SYN, SYN | ACK, ACK, ACK, RST, RST | ACK};

	return (struct frame){
		.ipv6 = below(state, 3) == 0,
		.protocol = protocols[below(state, 4)],
		.flags = flags[below(state, 6)],
		.ttl = below(state, 8) == 0 ? 63 : 64,
		.station = (uint8_t)(1 + below(state, 2)),
		.vlan = below(state, 8) == 0 ? (uint8_t)below(state, 3) : 0,
		.port = below(state, 8) == 0,
		.id = (uint16_t)below(state, 4),
		.fragment = below(state, 16) == 0,
		.sequence = below(state, variety),
		.payload_bytes = below(state, 2) * 10,
		.time_us = time_us,
	};
}

/* Packets at random, each followed now and then by itself, of links more and less doubled. */
static void the_model_agrees(void)
{
	static struct model model;
	struct tap tap = tap_make(65536);
	uint64_t state = 42, time_us = BASE_US;
	unsigned int copies = 0, differ = 0;
	struct frame frame = {0};

	for (unsigned int i = 0; i < MODEL_ROUNDS; i++) {
		unsigned int doubled = i / 1000 % 4;

		time_us += below(&state, 4) == 0 ? below(&state, 3000) : below(&state, 20);
		if (i == 0 || below(&state, 4) >= doubled)
			frame = random_frame(&state, time_us, 6);
		frame.time_us = time_us - (below(&state, 10) == 0 ? below(&state, 50) : 0);
		bool copy = see(&tap, &frame);

		differ += copy != model_see(&model, &frame);
		copies += copy;
	}
	CU_ASSERT_EQUAL(differ, 0);
	CU_ASSERT(copies > MODEL_ROUNDS / 10 && copies < MODEL_ROUNDS * 9 / 10);
	tap_free(&tap);
}

static const struct suite_test tests[] = {
	{"what the way changes makes no other packet", what_the_way_changes_makes_no_other_packet},
	{"every other byte makes another packet", every_other_byte_makes_another_packet},
	{"overlapping networks have no copies of each other",
		overlapping_networks_have_no_copies_of_each_other},
	{"cut packets", cut_packets},
	{"what is sent again is no copy", what_is_sent_again_is_no_copy},
	{"a SYN comes once a second", a_syn_comes_once_a_second},
	{"seen elsewhere is a copy", seen_elsewhere_is_a_copy},
	{"a doubled link", a_doubled_link},
	{"a doubled link of nameless packets", a_doubled_link_of_nameless_packets},
	{"the window in packets", the_window_in_packets},
	{"the model agrees", the_model_agrees},
};

SUITE_MAIN("duplicates", tests)
