/* SPDX-License-Identifier: Apache-2.0 */
#include "shard/record.h"

#include <netinet/in.h>
#include <string.h>

_Static_assert(sizeof(struct tt_connection_record) % TT_RECORD_ALIGNMENT == 0, "size_bytes");
_Static_assert(sizeof(struct tt_connection_record) <= TT_RECORD_LIMIT_BYTES, "size_bytes");
_Static_assert(sizeof(struct tt_snapshot_end_record) % TT_RECORD_ALIGNMENT == 0, "size_bytes");

static void summarize_tcp(struct tt_connection_record *record, const struct tt_flow *flow)
{
	struct tt_tcp_summary *tcp = &record->tcp;

	tt_tcp_summarize(
		tcp, &flow->tcp, flow->client, flow->end_us, record->close_reason == TT_CLOSE_IDLE);
	if (flow->client != 0) {
		struct tt_tcp_summary_half low = tcp->half[0];

		tcp->half[0] = tcp->half[1];
		tcp->half[1] = low;
	}
}

void tt_record_endpoints_make(
	struct tt_record_endpoints *endpoints, const struct tt_flow_key *key, unsigned int client)
{
	unsigned int low = client; /* side of the key's low endpoint */

	memcpy(endpoints->address[low], key->low_address, sizeof(key->low_address));
	memcpy(endpoints->address[!low], key->high_address, sizeof(key->high_address));
	endpoints->port[low] = key->low_port;
	endpoints->port[!low] = key->high_port;
	endpoints->ip_version = key->ip_version;
	endpoints->ip_protocol = key->ip_protocol;
	endpoints->reserved[0] = 0;
	endpoints->reserved[1] = 0;
}

void tt_connection_record_make(struct tt_connection_record *record, const struct tt_flow *flow)
{
	const struct tt_flow_key *key = &flow->key;
	bool closed = flow->state == TT_FLOW_UNREPORTED;

	memset(record, 0, sizeof(*record));
	record->header.size_bytes = sizeof(*record);
	record->header.kind = closed ? TT_RECORD_CLOSED : TT_RECORD_ACTIVE;
	record->uid = flow->uid;
	record->start_us = flow->start_us;
	record->end_us = flow->end_us;
	tt_record_endpoints_make(&record->endpoints, key, flow->client);
	record->close_reason = closed ? flow->close_reason : TT_CLOSE_NONE;
	record->direction_from = flow->direction_from;
	for (unsigned int direction = 0; direction < 2; direction++) {
		unsigned int side = direction ^ flow->client;
		record->counters[side] = flow->counters[direction];
		record->fragments[side] = flow->fragments[direction];
		record->tap_ports[side] = flow->tap_ports[direction];
	}
	memcpy(record->layer_id, flow->layer_id, sizeof(record->layer_id));
	memcpy(record->layer_kind, flow->layer_kind, sizeof(record->layer_kind));
	memcpy(record->vlan, flow->vlan, sizeof(record->vlan));
	record->vlan_count = flow->vlan_count;
	record->layer_count = flow->layer_count;
	record->layer_has_id = flow->layer_has_id;
	record->sampled = flow->sampled;
	if (key->ip_protocol == IPPROTO_ICMP || key->ip_protocol == IPPROTO_ICMPV6) {
		record->icmp_type = flow->icmp_type;
		record->icmp_code = flow->icmp_code;
	} else {
		record->encryption = flow->encryption;
		record->application = flow->application;
	}
	if (key->ip_protocol == IPPROTO_TCP)
		summarize_tcp(record, flow);
}
