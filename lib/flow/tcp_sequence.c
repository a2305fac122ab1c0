/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp_sequence.h"

#include "flow/tcp_count.h"
#include "flow/tcp_rtt.h"

/* How long after the latest segment a hole can be filled by one that was overtaken, where the
 * connection's round trip is not known: 3 ms, what protocol analysers use. */
#define REORDER_US 3000

/* How long after an ACK a segment can be its answer, where the sender's leg is not known or
 * shorter: the sender's host takes its time. */
#define ANSWER_US 20000

/* Instants of holes are kept in this unit, modulo 2^16: 17 s. */
#define HOLE_TIME_US 256

/* In that unit, how far a capture's clock may have stepped back: 65 ms. */
#define CLOCK_BACK 256

/* How far apart the identifications of segments sent after each other are at most, where they are
 * a counter: others of the host may come between. By chance they are so close in one of 128. */
#define IP_ORDER_LIMIT 256

/* The largest window (RFC 7323 2.3): what begins farther beyond the acknowledged is not sound. */
#define WINDOW_LIMIT_BYTES (1u << 30)

static uint32_t length_of(struct tt_tcp_range range)
{
	return range.end - range.start;
}

static bool in_direction(const struct tt_tcp *tcp, unsigned int i, unsigned int direction)
{
	return (tcp->hole_used >> i & 1) && (tcp->hole_direction >> i & 1) == direction;
}

/* How many bytes at the hole's start are acknowledged. */
static uint32_t acknowledged_of(const struct tt_tcp *tcp, unsigned int i)
{
	const struct tt_tcp_half *half = &tcp->half[tcp->hole_direction >> i & 1];
	struct tt_tcp_range hole = tcp->hole[i];

	if (!(half->known & TT_TCP_KNOWN_ACKNOWLEDGED) ||
		!tt_tcp_before(hole.start, half->acknowledged))
		return 0;
	return tt_tcp_before(half->acknowledged, hole.end) ? half->acknowledged - hole.start
							   : length_of(hole);
}

bool tt_tcp_has_open_hole(const struct tt_tcp *tcp, unsigned int direction)
{
	for (unsigned int i = 0; tcp->hole_used >> i != 0; i++)
		if (in_direction(tcp, i, direction) &&
			acknowledged_of(tcp, i) < length_of(tcp->hole[i]))
			return true;
	return false;
}

static void add_missing(struct tt_tcp *tcp, unsigned int direction, uint32_t bytes)
{
	uint32_t *missing = &tcp->counts[direction].missing_bytes;

	*missing = *missing > UINT32_MAX - bytes ? UINT32_MAX : *missing + bytes;
}

static void give_up(struct tt_tcp *tcp, unsigned int i)
{
	add_missing(tcp, tcp->hole_direction >> i & 1, acknowledged_of(tcp, i));
	tcp->hole_used &= (uint8_t) ~(1u << i);
}

/* The number of a free hole; with none free, after giving one up. */
static unsigned int free_hole(struct tt_tcp *tcp)
{
	unsigned int smallest = 0;

	for (unsigned int i = 0; i < TT_TCP_HOLES; i++) {
		if (!(tcp->hole_used >> i & 1))
			return i;
		if (acknowledged_of(tcp, i) == length_of(tcp->hole[i])) {
			give_up(tcp, i);
			return i;
		}
		if (length_of(tcp->hole[i]) < length_of(tcp->hole[smallest]))
			smallest = i;
	}
	give_up(tcp, smallest);
	return smallest;
}

static uint16_t hole_time(uint64_t time_us)
{
	return (uint16_t)(time_us / HOLE_TIME_US);
}

static void open_hole(struct tt_tcp *tcp, unsigned int direction, struct tt_tcp_range range,
	uint16_t opened, bool by_ack)
{
	unsigned int i = free_hole(tcp);
	uint8_t bit = (uint8_t)(1u << i);

	tcp->hole[i] = range;
	tcp->hole_opened[i] = opened;
	tcp->hole_used |= bit;
	if (direction)
		tcp->hole_direction |= bit;
	else
		tcp->hole_direction &= (uint8_t)~bit;
	if (by_ack)
		tcp->hole_by_ack |= bit;
	else
		tcp->hole_by_ack &= (uint8_t)~bit;
}

/* What a segment of old sequence numbers brought. */
struct filled {
	uint32_t bytes;	 /* never seen before */
	uint16_t opened; /* when the last of the holes was */
	bool by_ack;	 /* in the newest hole, of which only an ACK had told */
};

static struct filled fill_holes(
	struct tt_tcp *tcp, unsigned int direction, uint32_t start, uint32_t end)
{
	struct filled filled = {0, 0, false};
	unsigned int used = tcp->hole_used;

	for (unsigned int i = 0; used >> i != 0; i++) {
		struct tt_tcp_range hole = tcp->hole[i];
		if (!(used >> i & 1) || !in_direction(tcp, i, direction) ||
			!tt_tcp_before(start, hole.end) || !tt_tcp_before(hole.start, end))
			continue;
		bool by_ack = tcp->hole_by_ack >> i & 1;
		uint16_t opened = tcp->hole_opened[i];
		uint32_t from = tt_tcp_before(start, hole.start) ? hole.start : start;
		uint32_t to = tt_tcp_before(hole.end, end) ? hole.end : end;
		filled.bytes += to - from;
		filled.opened = opened;
		filled.by_ack |= by_ack && hole.end == tcp->half[direction].next_sequence;
		if (from == hole.start && to == hole.end) {
			tcp->hole_used &= (uint8_t) ~(1u << i);
		} else if (from == hole.start) {
			tcp->hole[i].start = to;
		} else {
			tcp->hole[i].end = from;
			if (to != hole.end)
				open_hole(tcp, direction, (struct tt_tcp_range){to, hole.end},
					opened, by_ack);
		}
	}
	return filled;
}

/* The peer reported a loss, and the segment follows one of its ACKs closely enough to be the answer
 * to it: fast retransmit and recovery (RFC 5681 3.2, RFC 6675 5, RFC 8985 6). */
static bool answers_loss_report(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction, receiver = sender ^ 1;
	uint32_t leg_us = tcp->counts[receiver].srtt_8 >> 2; /* twice the sender's leg */
	uint32_t since_us = (uint32_t)segment->time_us - tcp->half[receiver].last_us;

	return (tcp->half[sender].known & TT_TCP_LOSS_REPORTED) &&
		since_us < (leg_us > ANSWER_US ? leg_us : ANSWER_US);
}

/* Every retransmission has one cause: `syn` (counted by tcp.c), `fast`, or `timeout` (RFC 6298 5,
 * and the probes of RFC 8985 7). It is spurious when all of it was acknowledged before the tap saw
 * it; what the receiver got twice after that is told by a DSACK. Karn (RFC 6298 3): an ACK no
 * longer says which transmission it answers. */
void tt_tcp_count_retransmission(
	struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end)
{
	struct tt_tcp_half *half = &tcp->half[segment->direction];
	struct tt_tcp_counts *counts = &tcp->counts[segment->direction];

	TT_TCP_COUNT(counts->retransmits);
	tt_tcp_rtt_again(tcp, segment, end);
	if (segment->flags & TT_TCP_SYN)
		TT_TCP_COUNT(counts->syn_retransmits);
	else if (answers_loss_report(tcp, segment))
		TT_TCP_COUNT(counts->fast_retransmits);
	else
		half->unanswered = 1;
	if ((half->known & TT_TCP_KNOWN_ACKNOWLEDGED) && !tt_tcp_before(half->acknowledged, end)) {
		TT_TCP_COUNT(counts->spurious_retransmits);
		TT_TCP_COUNT(counts->spurious_known);
		half->unanswered = 0;
	}
}

/* Was this segment sent before the latest in order (-1), or after it (1)? 0: not known, because the
 * clock did not tick in between, or the IP identifications are no counter (they are far apart). */
static int sent_order(const struct tt_tcp_half *half, const struct tt_tcp_segment *segment)
{
	int16_t ahead = (int16_t)(segment->order - half->order);
	int limit = segment->order_from == TT_TCP_ORDER_IP ? IP_ORDER_LIMIT : INT16_MAX;

	if (segment->order_from == TT_TCP_ORDER_NONE || !(half->known & TT_TCP_KNOWN_ORDER) ||
		ahead > limit || ahead < -limit)
		return 0;
	return (ahead > 0) - (ahead < 0);
}

/* A segment fills a hole: was it overtaken on the way, or was its first transmission lost before
 * the tap and this is another? The order of sending says so, where it is known. Else time does. A
 * sender cannot answer a loss report sooner than its leg takes there and back from when the hole
 * opened; half of the smoothed leg allows for one that grew since. Without a report, it is a
 * retransmission when the hole is older than a round trip. */
static bool was_overtaken(
	const struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint16_t opened)
{
	const struct tt_tcp_counts *counts = tcp->counts;
	int order = sent_order(&tcp->half[segment->direction], segment);
	uint16_t age = (uint16_t)(hole_time(segment->time_us) - opened);
	uint32_t limit_us = (counts[0].srtt_8 >> 3) + (counts[1].srtt_8 >> 3);

	if (order != 0)
		return order < 0;
	if (answers_loss_report(tcp, segment))
		limit_us = counts[segment->direction ^ 1].srtt_8 >> 4;
	else if (counts[0].srtt_8 == 0 || counts[1].srtt_8 == 0)
		limit_us = REORDER_US;
	return (uint32_t)age * HOLE_TIME_US < limit_us || age > UINT16_MAX - CLOCK_BACK;
}

/* Does a segment begin before the first byte seen of a connection that was picked up midstream? Known
 * as long as sequence numbers have not come around. */
static bool precedes_pickup(const struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	const struct tt_tcp_half *half = &tcp->half[segment->direction];
	uint32_t initial = tcp->counts[segment->direction].initial_sequence;

	return !(half->known & TT_TCP_KNOWN_SYN) &&
		half->next_sequence - initial < WINDOW_LIMIT_BYTES &&
		tt_tcp_before(segment->sequence, initial + 1);
}

/* Bytes before the pick-up were not seen before; their hole was there when the latest came. */
static struct filled learn_earlier(
	struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end)
{
	struct tt_tcp_counts *counts = &tcp->counts[segment->direction];
	struct filled filled = {.bytes = counts->initial_sequence + 1 - segment->sequence,
		.opened = hole_time(tcp->half[segment->direction].last_us)};

	if (tt_tcp_before(end, counts->initial_sequence + 1))
		filled.bytes = end - segment->sequence;
	counts->initial_sequence = segment->sequence - 1;
	return filled;
}

/* Old sequence numbers, or some old and some new ones. */
static void account_old(struct tt_tcp *tcp, const struct tt_tcp_segment *segment, uint32_t end)
{
	unsigned int sender = segment->direction;
	struct tt_tcp_half *half = &tcp->half[sender];
	bool longer = tt_tcp_before(half->next_sequence, end);

	/* The byte of a window probe again, with what follows it: the receiver had no room for it. */
	if (longer && segment->sequence == half->next_sequence - 1) {
		half->next_sequence = end;
		return;
	}
	struct filled filled = precedes_pickup(tcp, segment)
		? learn_earlier(tcp, segment, end)
		: fill_holes(tcp, sender, segment->sequence, end);
	if (longer)
		half->next_sequence = end;
	if (filled.by_ack)
		return;
	if (filled.bytes > 0 && was_overtaken(tcp, segment, filled.opened))
		TT_TCP_COUNT(tcp->counts[sender].out_of_order);
	else
		tt_tcp_count_retransmission(tcp, segment, end);
}

void tt_tcp_sequence_data(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int sender = segment->direction;
	struct tt_tcp_half *half = &tcp->half[sender];
	uint32_t end =
		segment->sequence + segment->payload_bytes + ((segment->flags & TT_TCP_FIN) != 0);
	bool first = !(half->known & TT_TCP_KNOWN_NEXT);

	if (!first && tt_tcp_before(segment->sequence, half->next_sequence)) {
		account_old(tcp, segment, end);
		return;
	}
	if (!first && segment->sequence != half->next_sequence) {
		if ((half->known & TT_TCP_KNOWN_ACKNOWLEDGED) &&
			segment->sequence - half->acknowledged > WINDOW_LIMIT_BYTES)
			return;
		open_hole(tcp, sender,
			(struct tt_tcp_range){half->next_sequence, segment->sequence},
			hole_time(segment->time_us), false);
	}
	half->next_sequence = end;
	half->known |= TT_TCP_KNOWN_NEXT;
	tt_tcp_learn_order(half, segment);
	if (end != segment->sequence)
		tt_tcp_rtt_begin(tcp, sender, end, (uint32_t)segment->time_us);
}

void tt_tcp_sequence_unseen(
	struct tt_tcp *tcp, unsigned int direction, uint32_t acknowledgment, uint64_t time_us)
{
	struct tt_tcp_half *half = &tcp->half[direction];
	struct tt_tcp_range range = {half->next_sequence, acknowledgment};

	half->next_sequence = acknowledgment;
	/* One hole for a burst of ACKs that the tap's other port delivered before the data, no longer
	 * than can be compared. */
	for (unsigned int i = 0; tcp->hole_used >> i != 0; i++)
		if (in_direction(tcp, i, direction) && (tcp->hole_by_ack >> i & 1) &&
			tcp->hole[i].end == range.start &&
			range.end - tcp->hole[i].start <= WINDOW_LIMIT_BYTES) {
			tcp->hole[i].end = range.end;
			tcp->hole_opened[i] = hole_time(time_us);
			return;
		}
	open_hole(tcp, direction, range, hole_time(time_us), true);
}

uint32_t tt_tcp_sequence_missing(const struct tt_tcp *tcp, unsigned int direction)
{
	uint64_t missing = tcp->counts[direction].missing_bytes;

	for (unsigned int i = 0; tcp->hole_used >> i != 0; i++)
		if (in_direction(tcp, i, direction))
			missing += acknowledged_of(tcp, i);
	return missing < UINT32_MAX ? (uint32_t)missing : UINT32_MAX;
}
