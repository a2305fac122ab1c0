/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

#include "flow/tcp_count.h"
#include "flow/tcp_handshake.h"
#include "flow/tcp_rtt.h"
#include "flow/tcp_sequence.h"

/* The scale that is assumed where the SYNs were not seen: that of Linux at its default buffers. */
#define WINDOW_SHIFT_UNSEEN 7

/* Duplicate ACKs that report a loss. RFC 5681 3.2 has three; one may be missing on the tap. */
#define DUPLICATES_OF_LOSS 2

#define ENDS	   (TT_TCP_SYN | TT_TCP_FIN | TT_TCP_RST)
#define ECN_SIGNAL (TT_TCP_ECE | TT_TCP_CWR)
#define ECN_CE	   3

bool tt_tcp_is_new_connection(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction, receiver = sender ^ 1;

	if ((segment->flags & (TT_TCP_SYN | TT_TCP_RST)) != TT_TCP_SYN ||
		!(tcp->half[sender].known & TT_TCP_KNOWN_INITIAL) ||
		segment->sequence == tcp->counts[sender].initial_sequence)
		return false;
	if (!(segment->flags & TT_TCP_ACK))
		return true;
	return tcp->life >= TT_TCP_CLOSED_FIN &&
		(tcp->half[receiver].known & TT_TCP_KNOWN_INITIAL) &&
		segment->acknowledgment != tcp->counts[receiver].initial_sequence + 1;
}

/* RFC 7323 2.2: the windows are scaled if both SYNs have the option. */
static unsigned int window_shift(const struct tt_tcp *tcp, unsigned int direction)
{
	const struct tt_tcp_half *half = tcp->half;

	if (!(half[0].known & half[1].known & TT_TCP_KNOWN_SYN))
		return WINDOW_SHIFT_UNSEEN;
	if (half[0].window_shift == TT_TCP_NOT_SCALED || half[1].window_shift == TT_TCP_NOT_SCALED)
		return 0;
	return half[direction].window_shift;
}

/* RFC 9293 3.10.7.4 and RFC 5961 3.2, for an observer. What the receiver awaits is at least what
 * it was seen to acknowledge, and at most what was sent or what it has room for; the tap may have
 * lost packets of both. So a RST fits from one before the acknowledged (which stacks accept after a
 * FIN) up to the farther of the two. In answer to a SYN it has to acknowledge it (3.10.7.3). */
static bool reset_fits(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction, receiver = sender ^ 1;
	const struct tt_tcp_half *from = &tcp->half[sender], *to = &tcp->half[receiver];
	uint32_t low, high;

	if (!(from->known & (TT_TCP_KNOWN_NEXT | TT_TCP_KNOWN_ACKNOWLEDGED))) {
		return !(segment->flags & TT_TCP_ACK) || !(to->known & TT_TCP_KNOWN_NEXT) ||
			(!tt_tcp_before(
				 segment->acknowledgment, tcp->counts[receiver].initial_sequence) &&
				!tt_tcp_before(to->next_sequence, segment->acknowledgment));
	}
	if (from->known & TT_TCP_KNOWN_ACKNOWLEDGED) {
		low = from->acknowledged - 1;
		high = from->acknowledged + ((uint32_t)to->window << window_shift(tcp, receiver));
	} else {
		low = tcp->counts[sender].initial_sequence;
		high = from->next_sequence + (tcp->life == TT_TCP_OPEN ? UINT16_MAX : 0);
	}
	if ((from->known & TT_TCP_KNOWN_NEXT) && tt_tcp_before(high, from->next_sequence))
		high = from->next_sequence;
	return !tt_tcp_before(segment->sequence, low) && !tt_tcp_before(high, segment->sequence);
}

/* Does a segment without SYN and RST show that both sides are past the handshake (RFC 9293 3.5)? A
 * challenge ACK (RFC 5961 4) of an older connection acknowledges something else than our SYN. */
static bool completes_handshake(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int receiver = segment->direction ^ 1;

	if (!(segment->flags & TT_TCP_ACK))
		return false;
	if (!(tcp->half[receiver].known & TT_TCP_KNOWN_NEXT))
		return true;
	return tt_tcp_before(tcp->counts[receiver].initial_sequence, segment->acknowledgment) &&
		!tt_tcp_before(tcp->half[receiver].next_sequence, segment->acknowledgment);
}

/* Is it the SYN that the RST seen already answers? The two came in by different ports, one of which
 * is polled first. */
static bool follows_its_reset(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction;

	return tcp->half[sender].flags_seen == 0 &&
		(tcp->half[sender].known & TT_TCP_KNOWN_INITIAL) &&
		segment->sequence == tcp->counts[sender].initial_sequence;
}

static enum tt_tcp_life next_life(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	bool first = !(tcp->half[0].known | tcp->half[1].known) && tcp->life == TT_TCP_HALF_OPEN;

	if (segment->flags & TT_TCP_RST) {
		if (first || (tcp->life < TT_TCP_CLOSED_FIN && reset_fits(tcp, segment)))
			return TT_TCP_CLOSED_RST;
		return tcp->life;
	}
	if (segment->flags & TT_TCP_SYN) {
		/* A refused SYN may be sent again and then be answered. */
		bool refused = tcp->life == TT_TCP_CLOSED_RST && !follows_its_reset(tcp, segment) &&
			!(tcp->half[0].flags_seen & tcp->half[1].flags_seen & TT_TCP_SYN);
		return refused ? TT_TCP_HALF_OPEN : tcp->life;
	}
	if (tcp->life >= TT_TCP_CLOSED_FIN)
		return tcp->life;
	if (segment->flags & tcp->half[segment->direction ^ 1].flags_seen & TT_TCP_FIN)
		return TT_TCP_CLOSED_FIN;
	return first || completes_handshake(tcp, segment) ? TT_TCP_OPEN : tcp->life;
}

static void learn_initial(struct tt_tcp *tcp, unsigned int direction, uint32_t initial)
{
	if (!(tcp->half[direction].known & TT_TCP_KNOWN_INITIAL)) {
		tcp->counts[direction].initial_sequence = initial;
		tcp->half[direction].known |= TT_TCP_KNOWN_INITIAL;
	}
}

static void account_syn(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction;
	struct tt_tcp_half *half = &tcp->half[sender];
	struct tt_tcp_counts *counts = &tcp->counts[sender];
	uint32_t end = segment->sequence + 1 + segment->payload_bytes;
	unsigned int signal = segment->flags & ECN_SIGNAL;

	if (!(half->known & TT_TCP_KNOWN_SYN) || counts->initial_sequence != segment->sequence) {
		bool late = (half->known & TT_TCP_KNOWN_NEXT) &&
			counts->initial_sequence == segment->sequence;
		if (late)
			TT_TCP_COUNT(counts->out_of_order);
		else
			half->next_sequence = end;
		counts->initial_sequence = segment->sequence;
		half->known |= TT_TCP_KNOWN_INITIAL | TT_TCP_KNOWN_NEXT | TT_TCP_KNOWN_SYN;
		half->window_shift = segment->window_shift & 15u;
		/* RFC 3168 6.1.1: ECN-setup SYN and SYN-ACK. */
		counts->ecn_setup =
			signal == (segment->flags & TT_TCP_ACK ? TT_TCP_ECE : ECN_SIGNAL);
	} else if (!(segment->flags & TT_TCP_ACK) || (half->flags_seen & TT_TCP_ACK)) {
		/* Not the SYN-ACK of a simultaneous open, which follows its sender's SYN (3.5). */
		tt_tcp_count_retransmission(tcp, segment, end);
	}
	if (tcp->life == TT_TCP_HALF_OPEN)
		tt_tcp_learn_order(half, segment);
	tt_tcp_handshake_syn(tcp, segment);
}

/* RFC 2883 4: the first block repeats what is acknowledged, or what the second one holds. */
static bool is_duplicate_sack(const struct tt_tcp_segment *segment)
{
	struct tt_tcp_range first = segment->sack[0];

	if (!tt_tcp_before(segment->acknowledgment, first.end))
		return true;
	return segment->sack_count > 1 && !tt_tcp_before(first.start, segment->sack[1].start) &&
		!tt_tcp_before(segment->sack[1].end, first.end);
}

/* SACK of the peer about the data of `direction`. A DSACK tells of one spurious retransmission,
 * which may be known from its late arrival already; without one it was the network's copy. */
static void learn_sack(
	struct tt_tcp *tcp, unsigned int direction, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_counts *counts = &tcp->counts[direction];
	unsigned int duplicate = is_duplicate_sack(segment);

	if (duplicate) {
		if (counts->spurious_known > 0)
			counts->spurious_known--;
		else if (counts->spurious_retransmits < counts->retransmits)
			TT_TCP_COUNT(counts->spurious_retransmits);
	}
	if (segment->sack_count > duplicate)
		tcp->half[direction].known |= TT_TCP_LOSS_REPORTED;
}

/* RFC 5681 2: an ACK is a duplicate when data is outstanding, it carries none, it has neither SYN
 * nor FIN, it repeats the highest acknowledgment, and announces the same window (or has SACK
 * blocks, RFC 6675 2). One that starts before the sender's next is a keep-alive, not an ACK. */
static bool is_duplicate_ack(const struct tt_tcp_half *receiver, const struct tt_tcp_half *sender,
	const struct tt_tcp_segment *segment)
{
	return segment->payload_bytes == 0 && !(segment->flags & ENDS) &&
		(sender->known & TT_TCP_KNOWN_NEXT) &&
		tt_tcp_before(segment->acknowledgment, sender->next_sequence) &&
		!tt_tcp_before(segment->sequence, receiver->next_sequence) &&
		(segment->window == receiver->window || segment->sack_count > 0);
}

/* RFC 9293 3.8.6.1: an episode lasts from the first segment that closes the window to the first
 * that opens it. The window of SYN and FIN is not the one that data waits for. */
static void learn_window(
	struct tt_tcp *tcp, unsigned int direction, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[direction];
	struct tt_tcp_counts *counts = &tcp->counts[direction];
	uint32_t now_us = (uint32_t)segment->time_us;

	half->window = segment->window;
	if (segment->flags & ENDS || (segment->window == 0) == !!(half->known & TT_TCP_ZERO_WINDOW))
		return;
	half->known ^= TT_TCP_ZERO_WINDOW;
	if (segment->window == 0) {
		TT_TCP_COUNT(counts->zero_windows);
		counts->zero_window_us -= now_us;
	} else {
		counts->zero_window_us += now_us;
	}
}

/* SEG.ACK, SEG.WND and SACK of a segment (RFC 9293 3.10.7.4), about the peer's data. */
static void account_acknowledgment(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int direction = segment->direction, peer = direction ^ 1;
	struct tt_tcp_half *receiver = &tcp->half[direction], *sender = &tcp->half[peer];
	uint32_t acknowledgment = segment->acknowledgment;

	learn_initial(tcp, peer, acknowledgment - 1);
	if (!(sender->known & TT_TCP_KNOWN_ACKNOWLEDGED)) {
		sender->acknowledged = acknowledgment;
		sender->known |= TT_TCP_KNOWN_ACKNOWLEDGED;
	} else if (tt_tcp_before(acknowledgment, sender->acknowledged)) {
		return;
	} else if (acknowledgment != sender->acknowledged) {
		sender->acknowledged = acknowledgment;
		sender->duplicate_run = 0;
		sender->unanswered = 0;
	} else if (is_duplicate_ack(receiver, sender, segment)) {
		TT_TCP_COUNT(tcp->counts[direction].duplicate_acks);
		TT_TCP_COUNT(sender->duplicate_run);
		if (sender->duplicate_run >= DUPLICATES_OF_LOSS)
			sender->known |= TT_TCP_LOSS_REPORTED;
	}
	tt_tcp_rtt_end(tcp, peer, segment);
	if ((sender->known & TT_TCP_KNOWN_NEXT) &&
		tt_tcp_before(sender->next_sequence, acknowledgment))
		tt_tcp_sequence_unseen(tcp, peer, acknowledgment, segment->time_us);
	if (acknowledgment == sender->next_sequence)
		sender->known &= (uint16_t)~TT_TCP_LOSS_REPORTED;
	if (segment->sack_count > 0)
		learn_sack(tcp, peer, segment);
	learn_window(tcp, direction, segment);
}

/* RFC 3168 6.1: a receiver echoes CE by ECE until the sender answers by CWR. Marks set before the
 * tap are counted as packets, those set behind it as the episodes that were echoed. */
static void account_ecn(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_counts *sender = &tcp->counts[segment->direction];
	struct tt_tcp_counts *peer = &tcp->counts[segment->direction ^ 1];

	if (segment->ecn == ECN_CE) {
		TT_TCP_COUNT(sender->ecn_ce);
		sender->ecn_marked = 1;
	}
	if (segment->flags & TT_TCP_SYN || !(sender->ecn_setup & peer->ecn_setup))
		return;
	if (segment->flags & TT_TCP_CWR) {
		sender->ecn_echoing = 0;
		sender->ecn_marked = 0;
	}
	if ((segment->flags & TT_TCP_ECE) && !peer->ecn_echoing) {
		peer->ecn_echoing = 1;
		if (!peer->ecn_marked)
			TT_TCP_COUNT(peer->ecn_ce);
	}
}

/* Keep-alives (RFC 9293 3.8.4) and window probes (3.8.6.1) send at most one byte, which they may
 * have sent before: the last one acknowledged, or the first that the peer has no room for. A byte
 * before the highest that is not acknowledged is data sent again. */
static bool account_probe(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];
	bool closed = tcp->half[segment->direction ^ 1].known & TT_TCP_ZERO_WINDOW;
	bool known = half->known & TT_TCP_KNOWN_NEXT;
	bool unacknowledged = (half->known & TT_TCP_KNOWN_ACKNOWLEDGED) &&
		half->acknowledged != half->next_sequence;
	bool before = segment->sequence == half->next_sequence - 1;

	if (!known || segment->payload_bytes > 1)
		return false;
	if (closed &&
		(before ||
			(segment->payload_bytes == 1 &&
				segment->sequence == half->next_sequence))) {
		TT_TCP_COUNT(tcp->counts[segment->direction].window_probes);
		half->next_sequence = segment->sequence + 1;
		return true;
	}
	if (!before || (segment->payload_bytes == 1 && unacknowledged))
		return false;
	TT_TCP_COUNT(tcp->counts[segment->direction].keep_alives);
	return true;
}

static void account_data(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];

	learn_initial(tcp, segment->direction, segment->sequence - 1);
	if (segment->flags & TT_TCP_FIN) {
		TT_TCP_COUNT(tcp->counts[segment->direction].fins);
	} else if (account_probe(tcp, segment) ||
		(segment->payload_bytes == 0 && (half->known & TT_TCP_KNOWN_NEXT) &&
			tt_tcp_before(segment->sequence, half->next_sequence))) {
		return;
	}
	tt_tcp_sequence_data(tcp, segment);
}

static void account_other(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	tcp->life = (uint8_t)next_life(tcp, segment);
	account_ecn(tcp, segment);
	/* The sequence numbers of a RST say nothing of the sender's data. The first segment seen may
	 * be one that refuses a SYN, and acknowledges it (RFC 9293 3.10.7.1). */
	if (segment->flags & TT_TCP_RST) {
		TT_TCP_COUNT(tcp->counts[segment->direction].resets);
		if ((segment->flags & TT_TCP_ACK) &&
			(tcp->half[0].flags_seen | tcp->half[1].flags_seen) == 0)
			learn_initial(tcp, segment->direction ^ 1, segment->acknowledgment - 1);
		return;
	}
	if (segment->flags & TT_TCP_SYN) {
		account_syn(tcp, segment);
	} else {
		tt_tcp_handshake_ack(tcp, segment);
		tt_tcp_rtt_of_ack(tcp, segment);
		account_data(tcp, segment);
	}
	/* Half-open still, an ACK alone is a challenge ACK: of another connection. */
	if ((segment->flags & TT_TCP_ACK) &&
		(tcp->life != TT_TCP_HALF_OPEN || (segment->flags & TT_TCP_SYN)))
		account_acknowledgment(tcp, segment);
}

/* What account_in_order() asks of the connection, which only any other segment changes. A direction
 * whose ACKs are sampled is not among it (tt_tcp_rtt_of_ack()). */
static void note_uneventful(struct tt_tcp *tcp)
{
	const uint16_t seen = TT_TCP_KNOWN_NEXT | TT_TCP_KNOWN_ACKNOWLEDGED;
	uint16_t both = tcp->half[0].known & tcp->half[1].known;
	uint16_t either = tcp->half[0].known | tcp->half[1].known;
	bool uneventful = tcp->life == TT_TCP_OPEN && tcp->hole_used == 0 &&
		(both & seen) == seen &&
		!(either & (TT_TCP_ZERO_WINDOW | TT_TCP_LOSS_REPORTED | TT_TCP_BY_ECHO)) &&
		(tcp->handshake & (TT_TCP_SYNACK_SEEN | TT_TCP_HANDSHAKE_DONE)) !=
			TT_TCP_SYNACK_SEEN;

	if (!uneventful && !(either & TT_TCP_UNEVENTFUL))
		return;
	for (unsigned int direction = 0; direction < 2; direction++) {
		struct tt_tcp_half *half = &tcp->half[direction];
		bool sampled = (half->known & (TT_TCP_STAMPED | TT_TCP_TIMED)) == TT_TCP_STAMPED;
		if (uneventful && !sampled)
			half->known |= TT_TCP_UNEVENTFUL;
		else
			half->known &= (uint16_t)~TT_TCP_UNEVENTFUL;
	}
}

/* Not inlined, so that account_in_order() need not save what this uses. */
__attribute__((noinline)) static void account_any(
	struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	account_other(tcp, segment);
	note_uneventful(tcp);
}

/* Most segments of a connection: in order, with data or an ACK that moves on, and nothing to be
 * told of either direction. Returns false, and has done nothing, for any other. */
static bool account_in_order(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];
	struct tt_tcp_half *peer = &tcp->half[segment->direction ^ 1];
	uint32_t advance = segment->acknowledgment - peer->acknowledged;

	if (!(half->known & TT_TCP_UNEVENTFUL) || (segment->flags & ~TT_TCP_PSH) != TT_TCP_ACK ||
		segment->sequence != half->next_sequence || segment->window == 0 ||
		segment->sack_count > 0 || segment->ecn == ECN_CE ||
		advance > peer->next_sequence - peer->acknowledged ||
		(advance | segment->payload_bytes) == 0)
		return false;
	if (advance > 0) {
		peer->acknowledged = segment->acknowledgment;
		peer->duplicate_run = 0;
		peer->unanswered = 0;
		if ((peer->known & TT_TCP_SAMPLING) &&
			!tt_tcp_before(segment->acknowledgment, peer->sample_sequence))
			tt_tcp_rtt_end(tcp, segment->direction ^ 1, segment);
	}
	half->window = segment->window;
	tt_tcp_learn_order(half, segment);
	if (segment->payload_bytes > 0) {
		half->next_sequence += segment->payload_bytes;
		if (!(half->known & TT_TCP_SAMPLING)) {
			half->sample_sequence = half->next_sequence;
			half->sample_us = (uint32_t)segment->time_us;
			half->known |= TT_TCP_SAMPLING;
		}
	}
	return true;
}

enum tt_tcp_life tt_tcp_update(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];

	if (!account_in_order(tcp, segment))
		account_any(tcp, segment);
	half->flags_seen |= segment->flags;
	half->last_us = (uint32_t)segment->time_us;
	return tcp->life;
}

void tt_tcp_unreachable(struct tt_tcp *tcp, enum tt_tcp_failure kind)
{
	tcp->unreachable = (uint8_t)kind;
}
