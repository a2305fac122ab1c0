/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of every decode, whatever the bytes: nothing outside of the capture is pointed
 * to, counts are within their arrays, and parts agree with each other. Also for fuzzing, so without
 * CUnit.
 */
#ifndef TT_TESTS_PACKET_SANE_H
#define TT_TESTS_PACKET_SANE_H

#include "packet/decode.h"

#include <stddef.h>

/* `count` bytes at `at` are within the capture. */
static inline bool check_within(
	const uint8_t *frame, size_t captured, const uint8_t *at, size_t count)
{
	return at >= frame && at <= frame + captured && count <= (size_t)(frame + captured - at);
}

static inline bool check_is_sane(
	const struct tt_packet *packet, const uint8_t *frame, size_t captured)
{
	size_t address = packet->ip_version == 4 ? 4 : 16;

	if (packet->ip_version != 4 && packet->ip_version != 6)
		return false;
	if (!check_within(frame, captured, packet->ip, packet->ip_version == 4 ? 20 : 40) ||
		!check_within(frame, captured, packet->source, address) ||
		!check_within(frame, captured, packet->destination, address))
		return false;
	if ((packet->transport == NULL) != (packet->transport_captured_bytes == 0) ||
		(packet->payload == NULL) != (packet->payload_captured_bytes == 0))
		return false;
	if (packet->transport != NULL &&
		!check_within(frame, captured, packet->transport, packet->transport_captured_bytes))
		return false;
	if (packet->payload != NULL &&
		!check_within(frame, captured, packet->payload, packet->payload_captured_bytes))
		return false;
	if ((packet->flags & TT_PACKET_FRAGMENT_LATER) != 0 &&
		(packet->transport != NULL || (packet->flags & TT_PACKET_FRAGMENT) == 0 ||
			(packet->flags & (TT_PACKET_PORTS | TT_PACKET_TRANSPORT)) != 0))
		return false;
	if ((packet->flags & TT_PACKET_PORTS) == 0 &&
		(packet->source_port != 0 || packet->destination_port != 0))
		return false;
	if ((packet->flags & TT_PACKET_OUTER_FIRST) != 0 &&
		(packet->outer.layer_count >= packet->layer_count ||
			packet->outer.vlan_count > packet->vlan_count ||
			!check_within(frame, captured, packet->outer.ip,
				packet->outer.ip_version == 4 ? 20 : 40)))
		return false;
	return packet->payload_captured_bytes <= packet->payload_bytes &&
		packet->vlan_count <= TT_PACKET_VLANS && packet->layer_count <= TT_PACKET_LAYERS;
}

#endif
