/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp_handshake.h"

#include "flow/tcp_rtt.h"

static bool is_timed(uint32_t interval_us)
{
	return (int32_t)interval_us >= 0;
}

/* handshake_client_us and handshake_us turn from instants into intervals. */
static void complete(struct tt_tcp *tcp, uint32_t synack_us, uint32_t ack_us)
{
	unsigned int server = tcp->handshake & TT_TCP_CLIENT_HIGH ? 0 : 1;

	tcp->handshake |= TT_TCP_HANDSHAKE_DONE;
	tcp->handshake_client_us = ack_us - synack_us;
	if (is_timed(tcp->handshake_client_us)) {
		tcp->handshake |= TT_TCP_TIMED_CLIENT;
		tt_tcp_rtt_take(tcp, server, tcp->handshake_client_us);
	}
	tcp->handshake_us = ack_us - tcp->handshake_us;
	if ((tcp->handshake & (TT_TCP_SYN_SEEN | TT_TCP_LATE_SYN)) == TT_TCP_SYN_SEEN &&
		is_timed(tcp->handshake_us))
		tcp->handshake |= TT_TCP_TIMED_WHOLE;
}

/* The intervals of the handshake pair by sequence numbers. Of a SYN that was sent again the latest
 * counts, unless the SYN-ACK echoes the timestamp of an earlier one: its retransmission timeout is
 * 1 s (RFC 6298 2.1), over any round trip. */
void tt_tcp_handshake_syn(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	uint32_t now_us = (uint32_t)segment->time_us;
	bool from_client = (tcp->handshake & TT_TCP_CLIENT_HIGH ? 1 : 0) == segment->direction;

	if (!(segment->flags & TT_TCP_ACK)) {
		if (tcp->handshake & TT_TCP_SYNACK_SEEN) {
			tcp->handshake |= tcp->handshake & TT_TCP_SYN_SEEN
				? 0
				: TT_TCP_SYN_SEEN | TT_TCP_LATE_SYN;
			return;
		}
		if (!(tcp->handshake & TT_TCP_SYN_SEEN)) {
			tcp->handshake |=
				TT_TCP_SYN_SEEN | (segment->direction ? TT_TCP_CLIENT_HIGH : 0);
			tcp->handshake_us = now_us;
			from_client = true;
		}
		if (from_client)
			tcp->handshake_server_us = now_us;
		return;
	}
	if ((tcp->handshake & TT_TCP_SYN_SEEN) && from_client)
		return;
	if (!(tcp->handshake & (TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN)) && segment->direction == 0)
		tcp->handshake |= TT_TCP_CLIENT_HIGH;
	if ((tcp->handshake & (TT_TCP_SYN_SEEN | TT_TCP_SYNACK_SEEN)) == TT_TCP_SYN_SEEN) {
		unsigned int client = segment->direction ^ 1;
		bool answers_latest = tcp->counts[client].syn_retransmits == 0 ||
			segment->order_from != TT_TCP_ORDER_TIMESTAMP ||
			!(tcp->half[client].known & TT_TCP_KNOWN_ORDER) ||
			segment->echo == tcp->half[client].order;
		tcp->handshake_server_us = now_us - tcp->handshake_server_us;
		if (answers_latest && is_timed(tcp->handshake_server_us)) {
			tcp->handshake |= TT_TCP_TIMED_SERVER;
			tt_tcp_rtt_take(tcp, client, tcp->handshake_server_us);
		}
	}
	tcp->handshake |= TT_TCP_SYNACK_SEEN;
	if (tcp->handshake & TT_TCP_HANDSHAKE_DONE)
		return;
	/* Acknowledged already: of a tap's two ports that of the client was looked at first. */
	const struct tt_tcp_half *server = &tcp->half[segment->direction];
	if ((tcp->handshake & TT_TCP_SYN_SEEN) && (server->known & TT_TCP_KNOWN_ACKNOWLEDGED) &&
		tt_tcp_before(segment->sequence, server->acknowledged))
		complete(tcp, now_us, tcp->handshake_client_us);
	else
		tcp->handshake_client_us = now_us;
}

/* The client's first segment that acknowledges the SYN-ACK. */
void tt_tcp_handshake_ack(struct tt_tcp *tcp, const struct tt_tcp_segment *segment)
{
	unsigned int client = tcp->handshake & TT_TCP_CLIENT_HIGH ? 1 : 0, server = client ^ 1;
	uint32_t now_us = (uint32_t)segment->time_us;

	if ((tcp->handshake & TT_TCP_HANDSHAKE_DONE) || segment->direction != client ||
		!(segment->flags & TT_TCP_ACK))
		return;
	if (!(tcp->handshake & TT_TCP_SYNACK_SEEN)) {
		if (!(tcp->half[server].known & TT_TCP_KNOWN_ACKNOWLEDGED))
			tcp->handshake_client_us = now_us;
	} else if (tt_tcp_before(tcp->counts[server].initial_sequence, segment->acknowledgment)) {
		complete(tcp, tcp->handshake_client_us, now_us);
	}
}
