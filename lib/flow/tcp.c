/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

#include "base/bytes.h"

#define HEADER_BYTES 20

/* RFC 7323 2.3: a larger shift count is read as 14. */
#define WINDOW_SHIFT_LIMIT 14

/* The scale that is assumed where the SYN was not seen: that of Linux at its default buffers. */
#define WINDOW_SHIFT_UNSEEN 7

enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_WINDOW_SCALE = 3
};

/* RFC 9293 3.1 and 3.2. Options that do not fit end the list, as at a receiver. */
static void read_options(struct tt_tcp_segment *segment, const uint8_t *options, size_t length)
{
	size_t at = 0;

	while (at < length && options[at] != OPTION_END) {
		if (options[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at)
			return;
		if (options[at] == OPTION_WINDOW_SCALE && options[at + 1] == 3)
			segment->window_shift = options[at + 2] < WINDOW_SHIFT_LIMIT
				? options[at + 2]
				: WINDOW_SHIFT_LIMIT;
		at += options[at + 1];
	}
}

bool tt_tcp_segment_read(struct tt_tcp_segment *segment, const struct tt_packet *packet,
	unsigned int direction, uint64_t time_us)
{
	const uint8_t *header = packet->transport;

	if (!(packet->flags & TT_PACKET_TRANSPORT) || header == NULL ||
		packet->transport_captured_bytes < HEADER_BYTES)
		return false;
	size_t header_bytes = (size_t)(header[12] >> 4) * 4;
	if (header_bytes < HEADER_BYTES || header_bytes > packet->transport_captured_bytes)
		return false;
	*segment = (struct tt_tcp_segment){
		.time_us = time_us,
		.sequence = tt_load_be32(header + 4),
		.acknowledgment = tt_load_be32(header + 8),
		.payload_bytes = packet->payload_bytes,
		.window = tt_load_be16(header + 14),
		.flags = header[13],
		.direction = (uint8_t)direction,
	};
	if (segment->flags & TT_TCP_SYN)
		read_options(segment, header + HEADER_BYTES, header_bytes - HEADER_BYTES);
	return true;
}

bool tt_tcp_is_new_connection(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction, receiver = sender ^ 1;

	if ((segment->flags & (TT_TCP_SYN | TT_TCP_RST)) != TT_TCP_SYN ||
		!(tcp->known[sender] & TT_TCP_KNOWN_INITIAL) ||
		segment->sequence == tcp->initial_sequence[sender])
		return false;
	if (!(segment->flags & TT_TCP_ACK))
		return true;
	return tcp->life >= TT_TCP_CLOSED_FIN && (tcp->known[receiver] & TT_TCP_KNOWN_INITIAL) &&
		segment->acknowledgment != tcp->initial_sequence[receiver] + 1;
}

/* RFC 9293 3.10.7.4 and RFC 5961 3.2, for an observer. What the receiver awaits is at least what
 * it was seen to acknowledge, and at most what was sent or what it has room for; the tap may have
 * lost packets of both. So a RST fits from one before the acknowledged (which stacks accept after a
 * FIN) up to the farther of the two. In answer to a SYN it has to acknowledge it (3.10.7.3). */
static bool reset_fits(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction, receiver = sender ^ 1;
	uint8_t known = tcp->known[sender];

	if (!(known & (TT_TCP_KNOWN_NEXT | TT_TCP_KNOWN_ACKNOWLEDGED))) {
		return !(segment->flags & TT_TCP_ACK) ||
			!(tcp->known[receiver] & TT_TCP_KNOWN_NEXT) ||
			(!tt_tcp_before(segment->acknowledgment, tcp->initial_sequence[receiver]) &&
				!tt_tcp_before(
					tcp->next_sequence[receiver], segment->acknowledgment));
	}
	uint32_t low, high;
	if (known & TT_TCP_KNOWN_ACKNOWLEDGED) {
		low = tcp->acknowledged[sender] - 1;
		high = tcp->right_edge[sender];
	} else {
		low = tcp->initial_sequence[sender];
		high = tcp->next_sequence[sender] + (tcp->life == TT_TCP_OPEN ? UINT16_MAX : 0);
	}
	if ((known & TT_TCP_KNOWN_NEXT) && tt_tcp_before(high, tcp->next_sequence[sender]))
		high = tcp->next_sequence[sender];
	return !tt_tcp_before(segment->sequence, low) && !tt_tcp_before(high, segment->sequence);
}

static void learn_initial(struct tt_tcp *tcp, unsigned int direction, uint32_t initial)
{
	if (!(tcp->known[direction] & TT_TCP_KNOWN_INITIAL)) {
		tcp->initial_sequence[direction] = initial;
		tcp->known[direction] |= TT_TCP_KNOWN_INITIAL;
	}
}

/* SEG.ACK and SEG.WND (RFC 9293 3.10.7.4), the window scaled but for that of a SYN (RFC 7323 2.2). */
static void learn_acknowledgment(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int receiver = segment->direction, sender = receiver ^ 1;
	uint32_t acknowledgment = segment->acknowledgment;
	unsigned int shift = 0;

	if (!(segment->flags & TT_TCP_SYN)) {
		bool both = tcp->known[0] & tcp->known[1] & TT_TCP_KNOWN_SYN;
		shift = both ? tcp->window_shift[receiver] : WINDOW_SHIFT_UNSEEN;
	}
	uint32_t right_edge = acknowledgment + ((uint32_t)segment->window << shift);
	learn_initial(tcp, sender, acknowledgment - 1);
	if (!(tcp->known[sender] & TT_TCP_KNOWN_ACKNOWLEDGED)) {
		tcp->acknowledged[sender] = acknowledgment;
		tcp->right_edge[sender] = right_edge;
		tcp->known[sender] |= TT_TCP_KNOWN_ACKNOWLEDGED;
		return;
	}
	if (tt_tcp_before(tcp->acknowledged[sender], acknowledgment))
		tcp->acknowledged[sender] = acknowledgment;
	if (tt_tcp_before(tcp->right_edge[sender], right_edge))
		tcp->right_edge[sender] = right_edge;
}

static void learn_sequence(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction;
	bool syn = segment->flags & TT_TCP_SYN;
	uint32_t next = segment->sequence + segment->payload_bytes + syn +
		((segment->flags & TT_TCP_FIN) != 0);

	learn_initial(tcp, sender, syn ? segment->sequence : segment->sequence - 1);
	if (syn && !(tcp->known[sender] & TT_TCP_KNOWN_SYN)) {
		tcp->window_shift[sender] = segment->window_shift;
		tcp->known[sender] |= TT_TCP_KNOWN_SYN;
	}
	if (!(tcp->known[sender] & TT_TCP_KNOWN_NEXT) ||
		tt_tcp_before(tcp->next_sequence[sender], next)) {
		tcp->next_sequence[sender] = next;
		tcp->known[sender] |= TT_TCP_KNOWN_NEXT;
	}
}

/* Does a segment without SYN and RST show that both sides are past the handshake (RFC 9293 3.5)? A
 * challenge ACK (RFC 5961 4) of an older connection acknowledges something else than our SYN. */
static bool completes_handshake(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int receiver = segment->direction ^ 1;

	if (!(segment->flags & TT_TCP_ACK))
		return false;
	if (!(tcp->known[receiver] & TT_TCP_KNOWN_NEXT))
		return true;
	return tt_tcp_before(tcp->initial_sequence[receiver], segment->acknowledgment) &&
		!tt_tcp_before(tcp->next_sequence[receiver], segment->acknowledgment);
}

static enum tt_tcp_life next_life(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	bool first = !(tcp->known[0] | tcp->known[1]);

	if (segment->flags & TT_TCP_RST) {
		if (first || (tcp->life < TT_TCP_CLOSED_FIN && reset_fits(tcp, segment)))
			return TT_TCP_CLOSED_RST;
		return tcp->life;
	}
	if (segment->flags & TT_TCP_SYN) {
		/* A refused SYN may be sent again and then be answered. */
		bool refused = tcp->life == TT_TCP_CLOSED_RST &&
			(tcp->flags_seen[0] & tcp->flags_seen[1] & TT_TCP_SYN) == 0;
		return first || refused ? TT_TCP_HALF_OPEN : tcp->life;
	}
	if (tcp->life >= TT_TCP_CLOSED_FIN)
		return tcp->life;
	if (segment->flags & tcp->flags_seen[segment->direction ^ 1] & TT_TCP_FIN)
		return TT_TCP_CLOSED_FIN;
	return first || completes_handshake(tcp, segment) ? TT_TCP_OPEN : tcp->life;
}

enum tt_tcp_life tt_tcp_update(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	tcp->life = (uint8_t)next_life(tcp, segment);
	tcp->flags_seen[segment->direction] |= segment->flags;
	/* The sequence numbers of a RST say nothing of the sender's data. */
	if (!(segment->flags & TT_TCP_RST)) {
		learn_sequence(tcp, segment);
		/* Half-open still, an ACK alone is a challenge ACK: of another connection. */
		if ((segment->flags & TT_TCP_ACK) &&
			(tcp->life != TT_TCP_HALF_OPEN || (segment->flags & TT_TCP_SYN)))
			learn_acknowledgment(tcp, segment);
	}
	return tcp->life;
}
