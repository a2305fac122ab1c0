/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "content.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX	16
#define FLOW_PACKETS	256
#define FRAME_BYTES_MIN 60
#define IPV4_BYTES	20
#define IPV6_BYTES	40
#define UDP_BYTES	8
#define TCP_BYTES	32 /* with timestamps (RFC 7323) */
#define TCP_SYN_BYTES	40
#define STAMP_STEP	10     /* of the timestamps, a packet */
#define FILL_SEGMENTS	16     /* in one go */
#define FILL_CYCLE	"DDDA" /* D: data, A: acknowledgment */

enum {
	CLIENT,
	SERVER
};

enum {
	FIN = 1,
	SYN = 2,
	PSH = 8,
	ACK = 16
};

struct flow {
	struct tt_replay_packet packets[FLOW_PACKETS];
	uint32_t count;
};

struct making {
	struct flow flows[FLOWS_MAX];
	uint32_t flow_count;
	bool ipv6;
	uint32_t fill; /* packets to be added to the last flow that can take them */
	struct tt_replay_truth truth;
	bool no_memory;
};

/* One flow while it is made. */
struct talk {
	struct making *making;
	uint8_t number;
	uint8_t ip_protocol;
	uint16_t server_port;
	uint32_t next[2]; /* relative sequence number of each side */
	uint32_t stamp;
	uint32_t last_stamp[2];
};

/* A packet of a flow, on its way to become a frame. */
struct piece {
	unsigned int side;
	uint8_t flags;
	uint32_t sequence;
	uint32_t stamp;
	const struct tt_content *content; /* NULL: no payload */
	size_t at;
	size_t length;
};

/* ---- frames ---- */

static void put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, value >> 16);
	put_u16(at + 2, value & 0xffff);
}

static size_t put_link_and_network(const struct talk *talk, uint8_t *frame, size_t transport_bytes)
{
	uint8_t *ip = frame + TT_SCRIPT_ETHERNET_BYTES;

	frame[0] = frame[6] = 0x02; /* locally administered */
	if (talk->making->ipv6) {
		put_u16(frame + 12, 0x86dd);
		ip[0] = 0x60;
		put_u16(ip + 4, transport_bytes);
		ip[6] = talk->ip_protocol;
		ip[7] = 64;
		return TT_SCRIPT_ETHERNET_BYTES + IPV6_BYTES;
	}
	put_u16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put_u16(ip + 2, IPV4_BYTES + transport_bytes);
	ip[6] = 0x40; /* DF */
	ip[8] = 64;
	ip[9] = talk->ip_protocol;
	return TT_SCRIPT_ETHERNET_BYTES + IPV4_BYTES;
}

static size_t put_tcp(const struct talk *talk, uint8_t *tcp, const struct piece *piece)
{
	static const uint8_t syn_options[] = {2, 4, 5, 180, 4, 2, 8, 10};
	static const uint8_t options[] = {1, 1, 8, 10};
	bool syn = (piece->flags & SYN) != 0;
	size_t bytes = syn ? TCP_SYN_BYTES : TCP_BYTES;
	uint8_t *stamps = tcp + 20 + (syn ? sizeof(syn_options) : sizeof(options));

	put_u16(tcp + (piece->side == CLIENT ? 2 : 0), talk->server_port);
	tcp[12] = (uint8_t)(bytes / 4 << 4);
	tcp[13] = piece->flags;
	put_u16(tcp + 14, 502);
	memcpy(tcp + 20, syn ? syn_options : options, syn ? sizeof(syn_options) : sizeof(options));
	put_u32(stamps, piece->stamp);
	put_u32(stamps + 4, talk->last_stamp[!piece->side]);
	if (syn)
		memcpy(stamps + 8, "\1\3\3\7", 4); /* NOP, window scale 7 */
	return bytes;
}

static void add_patch(
	struct tt_replay_packet *packet, size_t offset, enum tt_replay_patch_kind kind)
{
	if (packet->patch_count == TT_REPLAY_PATCHES)
		abort();
	packet->patches[packet->patch_count++] =
		(struct tt_replay_patch){.offset = (uint16_t)offset, .kind = (uint8_t)kind};
}

/* The payload behind `headers` bytes of the frame, and what of it must be written. */
static void put_payload(
	struct tt_replay_packet *packet, uint8_t *frame, size_t headers, const struct piece *piece)
{
	const struct tt_content *content = piece->content;
	size_t meant = 0;

	packet->length = (uint16_t)(headers + piece->length);
	packet->written = (uint16_t)headers;
	if (content == NULL)
		return;
	memcpy(frame + headers, content->bytes + piece->at, piece->length);
	for (size_t i = 0; i < piece->length; i++)
		if (!content->is_filled[piece->at + i])
			meant = i + 1;
	packet->written = (uint16_t)(headers + meant);
	for (const uint8_t *from = frame + headers, *mark;
		(mark = memmem(from, (size_t)(frame + packet->length - from), TT_CONTENT_MARK,
			 strlen(TT_CONTENT_MARK))) != NULL;
		from = mark + 1)
		add_patch(packet, (size_t)(mark + 1 - frame), TT_REPLAY_SITE_DIGITS);
}

static struct tt_replay_packet *emit(struct talk *talk, const struct piece *piece)
{
	uint8_t frame[TT_REPLAY_FRAME_BYTES_MAX] = {0};
	struct making *making = talk->making;
	struct flow *flow = &making->flows[talk->number];
	bool tcp = talk->ip_protocol == IPPROTO_TCP;
	size_t transport = tcp ? ((piece->flags & SYN) ? TCP_SYN_BYTES : TCP_BYTES) : UDP_BYTES;
	size_t headers = put_link_and_network(talk, frame, transport + piece->length);

	if (flow->count == FLOW_PACKETS || headers + transport + piece->length > sizeof(frame))
		abort();
	struct tt_replay_packet *packet = &flow->packets[flow->count++];

	*packet = (struct tt_replay_packet){
		.flow = talk->number,
		.ip_version = making->ipv6 ? 6 : 4,
		.ip_protocol = talk->ip_protocol,
		.from_client = piece->side == CLIENT,
		.to_resolver = talk->server_port == 53,
		.sequence = piece->sequence,
		.acknowledgment = (piece->flags & ACK) ? talk->next[!piece->side] : 0,
	};
	if (tcp) {
		put_tcp(talk, frame + headers, piece);
	} else {
		put_u16(frame + headers + (piece->side == CLIENT ? 2 : 0), talk->server_port);
		put_u16(frame + headers + 4, transport + piece->length);
	}
	put_payload(packet, frame, headers + transport, piece);
	if (packet->length < FRAME_BYTES_MIN)
		packet->length = packet->written = FRAME_BYTES_MIN;
	packet->bytes = malloc(packet->length);
	if (packet->bytes == NULL)
		making->no_memory = true;
	else
		memcpy(packet->bytes, frame, packet->length);
	talk->last_stamp[piece->side] = piece->stamp;
	making->truth.packets++;
	making->truth.wire_bytes += packet->length;
	return packet;
}

/* ---- flows ---- */

static struct talk begin(struct making *making, uint8_t ip_protocol, uint16_t server_port)
{
	if (making->flow_count == FLOWS_MAX)
		abort();
	making->truth.flows++;
	making->truth.tcp_flows += ip_protocol == IPPROTO_TCP;
	making->truth.ipv6_flows += making->ipv6;
	return (struct talk){
		.making = making,
		.number = (uint8_t)making->flow_count++,
		.ip_protocol = ip_protocol,
		.server_port = server_port,
		.stamp = 1000,
	};
}

static void send_segment(struct talk *talk, unsigned int side, uint8_t flags)
{
	emit(talk,
		&(struct piece){.side = side,
			.flags = flags,
			.sequence = talk->next[side],
			.stamp = talk->stamp += STAMP_STEP});
	if (flags & (SYN | FIN))
		talk->next[side]++;
}

static struct talk open_tcp(struct making *making, uint16_t server_port)
{
	struct talk talk = begin(making, IPPROTO_TCP, server_port);

	send_segment(&talk, CLIENT, SYN);
	send_segment(&talk, SERVER, SYN | ACK);
	send_segment(&talk, CLIENT, ACK);
	return talk;
}

static void close_tcp(struct talk *talk)
{
	send_segment(talk, CLIENT, FIN | ACK);
	send_segment(talk, SERVER, FIN | ACK);
	send_segment(talk, CLIENT, ACK);
}

static size_t segment_bytes(const struct talk *talk)
{
	return TT_REPLAY_FRAME_BYTES_MAX - TT_SCRIPT_ETHERNET_BYTES - TCP_BYTES -
		(talk->making->ipv6 ? IPV6_BYTES : IPV4_BYTES);
}

/* Segment number `n` of what a side says, the first byte of which has the sequence number `first`. */
static void send_data(struct talk *talk, unsigned int side, const struct tt_content *content,
	uint32_t first, unsigned int n)
{
	size_t most = segment_bytes(talk);
	size_t at = n * most;
	size_t length = content->length - at < most ? content->length - at : most;

	emit(talk,
		&(struct piece){.side = side,
			.flags = at + length == content->length ? PSH | ACK : ACK,
			.sequence = first + (uint32_t)at,
			.stamp = talk->stamp += STAMP_STEP,
			.content = content,
			.at = at,
			.length = length});
	if (first + (uint32_t)(at + length) > talk->next[side])
		talk->next[side] = first + (uint32_t)(at + length);
}

enum trouble {
	SMOOTH,
	LOST,	  /* behind the tap: the second segment comes again, after a duplicate ACK */
	REORDERED /* before the tap: the second segment comes after the third */
};

/* Says it in segments, each two of which are acknowledged, as are the last where there are several;
 * what one segment says is acknowledged by the reply. */
static void say(struct talk *talk, unsigned int side, const struct tt_content *content,
	enum trouble trouble)
{
	unsigned int count =
		(unsigned int)((content->length + segment_bytes(talk) - 1) / segment_bytes(talk));
	uint32_t first = talk->next[side];
	unsigned int done = 0;

	if (trouble == LOST && count > 2) {
		uint32_t arrived;

		send_data(talk, side, content, first, 0);
		arrived = talk->next[side];
		send_data(talk, side, content, first, 1);
		send_data(talk, side, content, first, 2);
		uint32_t sent = talk->next[side];
		talk->next[side] = arrived;
		send_segment(talk, !side, ACK);
		talk->next[side] = sent;
		send_data(talk, side, content, first, 1);
		send_segment(talk, !side, ACK);
		talk->making->truth.retransmitted++;
		done = 3;
	} else if (trouble == REORDERED && count > 2) {
		send_data(talk, side, content, first, 0);
		send_data(talk, side, content, first, 2);
		talk->stamp -= 2 * STAMP_STEP;
		send_data(talk, side, content, first, 1);
		talk->stamp += STAMP_STEP;
		send_segment(talk, !side, ACK);
		done = 3;
	}
	for (unsigned int n = done; n < count; n++) {
		send_data(talk, side, content, first, n);
		if (count > 1 && ((n - done) % 2 == 1 || n + 1 == count))
			send_segment(talk, !side, ACK);
	}
}

static struct tt_content *cleared(struct tt_content *content)
{
	content->length = 0;
	return content;
}

/* So many packets of the server's bulk data and its acknowledgments. */
static void fill(struct talk *talk, uint32_t packets)
{
	static struct tt_content content;
	const char *cycle = FILL_CYCLE;
	uint32_t first = talk->next[SERVER];
	unsigned int segment = FILL_SEGMENTS;

	while (packets-- > 0) {
		if (*cycle == 'A') {
			send_segment(talk, CLIENT, ACK);
		} else {
			if (segment == FILL_SEGMENTS) {
				first = talk->next[SERVER];
				segment = 0;
				tt_content_tls_data(cleared(&content),
					FILL_SEGMENTS * (unsigned int)segment_bytes(talk));
			}
			send_data(talk, SERVER, &content, first, segment++);
		}
		if (*++cycle == '\0')
			cycle = FILL_CYCLE;
	}
}

/* ---- what flows say ---- */

static struct tt_content content; /* of whatever is being said */

static void ask_dns(struct talk *talk, uint32_t number, bool exists)
{
	bool ipv6 = talk->making->ipv6;
	unsigned int address_bytes = ipv6 ? 16 : 4;

	for (unsigned int side = CLIENT; side <= SERVER; side++) {
		struct tt_replay_packet *packet;

		if (side == CLIENT)
			tt_content_dns_query(cleared(&content), ipv6);
		else
			tt_content_dns_answer(cleared(&content), ipv6, exists);
		packet = emit(talk,
			&(struct piece){.side = side,
				.sequence = number,
				.content = &content,
				.length = content.length});
		add_patch(packet, packet->length - content.length, TT_REPLAY_DNS_ID);
		if (side == SERVER && exists)
			add_patch(packet, packet->length - address_bytes, TT_REPLAY_SITE_ADDRESS);
	}
	talk->making->truth.dns++;
}

static void look_up(struct making *making, bool exists)
{
	struct talk talk = begin(making, IPPROTO_UDP, 53);

	ask_dns(&talk, 0, exists);
}

static void get_http(
	struct talk *talk, unsigned int number, unsigned int body_bytes, enum trouble trouble)
{
	tt_content_http_request(cleared(&content), number);
	say(talk, CLIENT, &content, SMOOTH);
	tt_content_http_response(cleared(&content), number, body_bytes);
	say(talk, SERVER, &content, trouble);
	talk->making->truth.http++;
}

static void shake_hands(struct talk *talk, unsigned int minor_version)
{
	static const uint8_t sides[] = {CLIENT, SERVER, CLIENT, SERVER};
	unsigned int flights = minor_version == 3 ? 3 : 4;

	for (unsigned int flight = 0; flight < flights; flight++) {
		tt_content_tls(cleared(&content), flight, minor_version);
		say(talk, sides[flight], &content, SMOOTH);
	}
	talk->making->truth.tls++;
}

static void get_https(struct talk *talk, unsigned int bytes, enum trouble trouble)
{
	tt_content_tls_data(cleared(&content), 420);
	say(talk, CLIENT, &content, SMOOTH);
	tt_content_tls_data(cleared(&content), bytes);
	say(talk, SERVER, &content, trouble);
}

/* ---- sessions ---- */

static void make_web(struct making *making, uint32_t variant)
{
	struct talk talk;

	look_up(making, true);
	talk = open_tcp(making, 80);
	get_http(&talk, variant, 9000, LOST);
	get_http(&talk, variant + 1, 14000, SMOOTH);
	get_http(&talk, variant + 2, 2500, SMOOTH);
	close_tcp(&talk);

	talk = open_tcp(making, 443);
	shake_hands(&talk, 3);
	get_https(&talk, 14000, variant % 2 == 0 ? REORDERED : LOST);
	close_tcp(&talk);

	talk = open_tcp(making, 443);
	shake_hands(&talk, variant % 3 == 0 ? 2 : 3);
	get_https(&talk, 1000, SMOOTH);
	fill(&talk, making->fill);
	close_tcp(&talk);
}

static void make_setup(struct making *making, uint32_t variant)
{
	struct talk talk;

	look_up(making, true);
	talk = open_tcp(making, 80);
	get_http(&talk, variant, 700, SMOOTH);
	close_tcp(&talk);
	for (unsigned int minor_version = 2; minor_version <= 3; minor_version++) {
		talk = open_tcp(making, 443);
		shake_hands(&talk, minor_version);
		get_https(&talk, 600, SMOOTH);
		if (minor_version == 3)
			fill(&talk, making->fill);
		close_tcp(&talk);
	}
}

/* Bytes of no protocol that anyone follows. */
static void say_something(struct talk *talk, unsigned int side)
{
	static const char text[] = "\x80\x60 no protocol at all: the same text each time";

	tt_content_add(cleared(&content), text, sizeof(text));
	if (talk->ip_protocol == IPPROTO_TCP)
		say(talk, side, &content, SMOOTH);
	else
		emit(talk,
			&(struct piece){
				.side = side, .content = &content, .length = content.length});
}

static void make_churn(struct making *making)
{
	struct talk talk = open_tcp(making, 7000);

	say_something(&talk, CLIENT);
	say_something(&talk, SERVER);
	close_tcp(&talk);
	for (uint16_t port = 7001; port <= 7002; port++) {
		talk = begin(making, IPPROTO_UDP, port);
		say_something(&talk, CLIENT);
		say_something(&talk, SERVER);
	}
}

static void make_dns(struct making *making, uint32_t variant)
{
	for (unsigned int i = 0; i < 8; i++)
		look_up(making, i != variant);
	struct talk talk = begin(making, IPPROTO_UDP, 53);

	ask_dns(&talk, 0, true);
	ask_dns(&talk, 1, true);
}

static void make_flows(struct making *making, enum tt_replay_kind kind, uint32_t variant)
{
	switch (kind) {
	case TT_REPLAY_WEB:
		make_web(making, variant);
		break;
	case TT_REPLAY_SETUP:
		make_setup(making, variant);
		break;
	case TT_REPLAY_CHURN:
		make_churn(making);
		break;
	case TT_REPLAY_DNS:
		make_dns(making, variant);
		break;
	case TT_REPLAY_KINDS:
		break;
	}
}

static void free_flows(struct making *making)
{
	for (uint32_t f = 0; f < making->flow_count; f++)
		for (uint32_t i = 0; i < making->flows[f].count; i++)
			free(making->flows[f].packets[i].bytes);
}

/* All packets in one row: the first flow's, which the others wait for, then those of the others in
 * turns by chance. */
static void interleave(struct making *making, struct tt_replay_script *script, uint64_t random)
{
	uint32_t taken[FLOWS_MAX] = {0};
	uint32_t left = (uint32_t)making->truth.packets;

	for (uint32_t n = 0; left > 0; left--) {
		uint32_t flow = 0;

		random = random * 6364136223846793005 + 1442695040888963407; /* Knuth, MMIX */
		uint32_t chosen = (uint32_t)((random >> 33) % left);

		if (taken[0] == making->flows[0].count)
			while (chosen >= making->flows[flow].count - taken[flow]) {
				chosen -= making->flows[flow].count - taken[flow];
				flow++;
			}
		script->packets[n++] = making->flows[flow].packets[taken[flow]++];
	}
}

bool tt_script_make(struct tt_replay_script *script, enum tt_replay_kind kind, uint32_t variant,
	uint32_t packets, uint64_t seed)
{
	struct making *making = calloc(1, sizeof(*making));
	bool ipv6 = variant % 5 == 4;
	bool made = false;

	if (making == NULL)
		return false;
	/* Once to know how many packets are left to fill, and once with these. */
	making->ipv6 = ipv6;
	make_flows(making, kind, variant);
	if (making->truth.packets > packets)
		abort();
	uint32_t missing = packets - (uint32_t)making->truth.packets;
	if (missing > 0) {
		free_flows(making);
		*making = (struct making){.ipv6 = ipv6, .fill = missing};
		make_flows(making, kind, variant);
	}
	if (making->truth.packets != packets)
		abort();
	script->packets = calloc(packets, sizeof(script->packets[0]));
	if (script->packets != NULL && !making->no_memory) {
		interleave(making, script, seed + variant);
		script->count = packets;
		script->truth = making->truth;
		made = true;
	} else {
		free_flows(making);
		free(script->packets);
		script->packets = NULL;
	}
	free(making);
	return made;
}

void tt_script_free(struct tt_replay_script *script)
{
	for (uint32_t i = 0; i < script->count; i++)
		free(script->packets[i].bytes);
	free(script->packets);
	*script = (struct tt_replay_script){0};
}
