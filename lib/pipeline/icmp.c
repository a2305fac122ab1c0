/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP errors: which connection they are about, by the packet that they quote (RFC 792, RFC 4443
 * 3.1), and what they mean for it.
 */
#include "pipeline/worker.h"

#define ICMP_HEADER_BYTES    8
#define ICMP_UNREACHABLE     3 /* RFC 792 */
#define ICMPV6_UNREACHABLE   1 /* RFC 4443 3.1 */
#define QUOTED_LONGEST_BYTES 65535

/* By code: what a connecting socket is told (RFC 1122 4.2.3.9). Others are no failure of the path. */
static enum tt_tcp_failure failure_of(uint8_t ip_protocol, uint8_t type, uint8_t code)
{
	static const uint8_t icmp[] = {
		[0] = TT_TCP_NETWORK_UNREACHABLE,
		[1] = TT_TCP_HOST_UNREACHABLE,
		[2] = TT_TCP_REFUSED,		   /* protocol */
		[3] = TT_TCP_REFUSED,		   /* port: what packet filters reject with */
		[5] = TT_TCP_HOST_UNREACHABLE,	   /* source route failed */
		[6] = TT_TCP_NETWORK_UNREACHABLE,  /* network unknown, RFC 1122 3.2.2.1 */
		[7] = TT_TCP_HOST_UNREACHABLE,	   /* host unknown */
		[8] = TT_TCP_HOST_UNREACHABLE,	   /* source host isolated */
		[9] = TT_TCP_NETWORK_UNREACHABLE,  /* network prohibited */
		[10] = TT_TCP_HOST_UNREACHABLE,	   /* host prohibited */
		[11] = TT_TCP_NETWORK_UNREACHABLE, /* for this type of service */
		[12] = TT_TCP_HOST_UNREACHABLE,
		[13] = TT_TCP_HOST_UNREACHABLE, /* filtered, RFC 1812 5.2.7.1 */
	};
	static const uint8_t icmpv6[] = {
		[0] = TT_TCP_NETWORK_UNREACHABLE, /* no route */
		[1] = TT_TCP_HOST_UNREACHABLE,	  /* prohibited */
		[2] = TT_TCP_HOST_UNREACHABLE,	  /* beyond the scope of the source */
		[3] = TT_TCP_HOST_UNREACHABLE,
		[4] = TT_TCP_REFUSED, /* port */
	};

	if (ip_protocol == IPPROTO_ICMP && type == ICMP_UNREACHABLE && code < sizeof(icmp))
		return icmp[code];
	if (ip_protocol == IPPROTO_ICMPV6 && type == ICMPV6_UNREACHABLE && code < sizeof(icmpv6))
		return icmpv6[code];
	return TT_TCP_NO_FAILURE;
}

/* The quoted packet is of the network that the error was seen in: its tags and tunnels. */
static void take_layers(struct tt_packet *quoted, const struct tt_packet *error)
{
	quoted->vlan_count = error->vlan_count;
	for (unsigned int i = 0; i < error->vlan_count; i++)
		quoted->vlan[i] = error->vlan[i];
	quoted->layer_count = error->layer_count;
	for (unsigned int i = 0; i < error->layer_count; i++)
		quoted->layer[i] = error->layer[i];
}

bool tt_icmp_error(struct tt_worker *worker, const struct tt_packet *packet,
	struct tt_unreachable *unreachable, uint64_t *hash)
{
	/* Quoted packets are read as they are: a tunnel in one is not looked into. */
	static const struct tt_decode_options no_tunnels = {0};
	struct tt_packet quoted;

	if (packet->transport == NULL || packet->transport_captured_bytes <= ICMP_HEADER_BYTES)
		return false;
	unreachable->failure = (uint8_t)failure_of(
		packet->ip_protocol, packet->transport[0], packet->transport[1]);
	if (unreachable->failure == TT_TCP_NO_FAILURE)
		return false;
	if (tt_decode(&quoted, &no_tunnels, TT_LINK_RAW_IP, packet->transport + ICMP_HEADER_BYTES,
		    packet->transport_captured_bytes - ICMP_HEADER_BYTES,
		    QUOTED_LONGEST_BYTES) != TT_DECODE_IP ||
		quoted.ip_protocol != IPPROTO_TCP || !(quoted.flags & TT_PACKET_PORTS))
		return false;

	/* An error goes to whom the router takes for the sender. A NAT that translates its header alone
	 * leaves the address outside in the quoted packet (RFC 5508 4.2 has both translated). */
	if (quoted.ip_version == packet->ip_version)
		quoted.source = packet->destination;
	take_layers(&quoted, packet);
	tt_flow_key_make(&unreachable->key, &quoted, &worker->key);
	*hash = tt_flow_key_hash(&unreachable->key, &worker->secret);
	unreachable->hash = (uint32_t)*hash;
	return true;
}
