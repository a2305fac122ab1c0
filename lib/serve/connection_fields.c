/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/connection_fields.h"

#include "protocol/protocol.h"
#include "serve/common_fields.h"
#include "serve/community_id.h"
#include "serve/tcp_fields.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *direction_from_name(enum tt_direction_from from)
{
	static const char *const names[] = {
		[TT_DIRECTION_FIRST_PACKET] = "first_packet",
		[TT_DIRECTION_PORT] = "port",
		[TT_DIRECTION_SYNACK] = "synack",
		[TT_DIRECTION_SYN] = "syn",
	};

	return names[from];
}

static int order_names(const void *a, const void *b)
{
	const struct tt_names_name *x = a, *y = b;
	size_t shorter = x->length < y->length ? x->length : y->length;

	if (x->learned_us != y->learned_us)
		return x->learned_us > y->learned_us ? -1 : 1;
	int order = memcmp(x->text, y->text, shorter);
	return order != 0 ? order : (int)x->length - (int)y->length;
}

void tt_names_array_describe(struct tt_sink *sink, struct tt_names_name *names, unsigned int count)
{
	qsort(names, count, sizeof(*names), order_names);
	tt_sink_begin_array(sink, "names");
	for (unsigned int i = 0; i < count; i++)
		tt_sink_text(sink, NULL, names[i].text, names[i].length);
	tt_sink_end_array(sink);
}

static void describe_names(struct tt_sink *sink, const struct tt_connection_record *connection,
	unsigned int side, const struct tt_names *names)
{
	struct tt_names_name found[TT_NAMES_AN_ADDRESS];
	unsigned int count = tt_names_lookup(names, connection->endpoints.ip_version,
		connection->endpoints.address[side], connection->start_us, found);

	if (count > 0)
		tt_names_array_describe(sink, found, count);
}

static void describe_endpoint(struct tt_sink *sink, const char *name,
	const struct tt_connection_record *connection, unsigned int side,
	const struct tt_names *names)
{
	tt_sink_begin_object(sink, name);
	tt_address_describe(sink, "address", connection->endpoints.ip_version,
		connection->endpoints.address[side]);
	tt_sink_unsigned(sink, "port", connection->endpoints.port[side]);
	if (names != NULL)
		describe_names(sink, connection, side, names);
	tt_sink_end_object(sink);
}

static void describe_protocol(struct tt_sink *sink, const struct tt_connection_record *connection)
{
	const char *encryption = tt_protocol_name(connection->encryption);
	bool grpc = connection->application == TT_PROTOCOL_GRPC;
	const char *application =
		tt_protocol_name(grpc ? TT_PROTOCOL_HTTP2 : connection->application);

	if (encryption == NULL && application == NULL)
		return;
	tt_sink_begin_object(sink, "protocol");
	if (encryption != NULL)
		tt_sink_string(sink, "encryption", encryption);
	if (application != NULL)
		tt_sink_string(sink, "application", application);
	if (grpc)
		tt_sink_string(sink, "api", tt_protocol_name(TT_PROTOCOL_GRPC));
	tt_sink_end_object(sink);
}

static void describe_vlans(struct tt_sink *sink, const struct tt_connection_record *connection)
{
	if (connection->vlan_count == 0)
		return;
	tt_sink_begin_array(sink, "vlan");
	for (unsigned int i = 0; i < connection->vlan_count; i++)
		tt_sink_unsigned(sink, NULL, connection->vlan[i]);
	tt_sink_end_array(sink);
}

static void describe_layers(struct tt_sink *sink, const struct tt_connection_record *connection)
{
	char text[48];

	if (connection->layer_count == 0)
		return;
	tt_sink_begin_array(sink, "encapsulation");
	for (unsigned int i = 0; i < connection->layer_count; i++) {
		const char *name = tt_layer_name(connection->layer_kind[i]);

		if ((connection->layer_has_id >> i & 1) == 0) {
			tt_sink_string(sink, NULL, name);
			continue;
		}
		snprintf(text, sizeof(text), "%s:%" PRIu32, name, connection->layer_id[i]);
		tt_sink_string(sink, NULL, text);
	}
	tt_sink_end_array(sink);
}

static void describe_sampled(struct tt_sink *sink, uint8_t sampled)
{
	if (sampled == 0)
		return;
	tt_sink_begin_array(sink, "sampled");
	if ((sampled & TT_FLOW_SAMPLED_START) != 0)
		tt_sink_string(sink, NULL, "start");
	if ((sampled & TT_FLOW_SAMPLED_PAYLOAD) != 0)
		tt_sink_string(sink, NULL, "payload");
	tt_sink_end_array(sink);
}

static void describe_tap_ports(struct tt_sink *sink, uint32_t ports)
{
	if (ports == 0)
		return;
	tt_sink_begin_array(sink, "ports");
	for (unsigned int port = 0; port < 32; port++)
		if ((ports >> port & 1) != 0)
			tt_sink_unsigned(sink, NULL, port);
	tt_sink_end_array(sink);
}

static void describe_direction(struct tt_sink *sink, const char *name,
	const struct tt_connection_record *connection, unsigned int side)
{
	const struct tt_flow_counters *counters = &connection->counters[side];

	tt_sink_begin_object(sink, name);
	tt_sink_unsigned(sink, "packets", counters->packets);
	tt_sink_unsigned(sink, "ip_bytes", counters->ip_bytes);
	tt_sink_unsigned(sink, "payload_bytes", counters->payload_bytes);
	tt_sink_unsigned(sink, "fragments", connection->fragments[side]);
	if (connection->duplicates[side] > 0)
		tt_sink_unsigned(sink, "duplicates", connection->duplicates[side]);
	describe_tap_ports(sink, connection->tap_ports[side]);
	if (connection->endpoints.ip_protocol == IPPROTO_TCP)
		tt_tcp_half_describe(sink, &connection->tcp.half[side]);
	tt_sink_end_object(sink);
}

static void describe_since(struct tt_sink *sink, const struct tt_connection_record *connection,
	const struct tt_delta *since)
{
	static const char *const sides[] = {"client_to_server", "server_to_client"};

	tt_sink_begin_object(sink, "since_last_pull");
	for (unsigned int side = 0; side < 2; side++) {
		tt_sink_begin_object(sink, sides[side]);
		tt_sink_unsigned(sink, "packets", since->counters[side].packets);
		tt_sink_unsigned(sink, "ip_bytes", since->counters[side].ip_bytes);
		tt_sink_unsigned(sink, "payload_bytes", since->counters[side].payload_bytes);
		if (connection->endpoints.ip_protocol == IPPROTO_TCP &&
			(connection->tcp.half[side].present & TT_TCP_HAS_COUNTS) != 0)
			tt_sink_unsigned(sink, "retransmits", since->retransmits[side]);
		tt_sink_end_object(sink);
	}
	tt_sink_end_object(sink);
}

void tt_connection_describe(struct tt_sink *sink, const char *name,
	const struct tt_connection_record *connection, const struct tt_names *names,
	const struct tt_delta *since)
{
	bool is_closed = connection->close_reason != TT_CLOSE_NONE;
	char community_id[TT_COMMUNITY_ID_SIZE];

	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "connection");
	tt_uid_describe(sink, connection->uid);
	if (tt_community_id(community_id, connection))
		tt_sink_string(sink, "community_id", community_id);
	tt_sink_string(sink, "state", is_closed ? "closed" : "active");
	if (is_closed)
		tt_sink_string(
			sink, "close_reason", tt_close_reason_name(connection->close_reason));
	tt_transport_describe(sink, connection->endpoints.ip_protocol);
	describe_endpoint(sink, "client", connection, TT_CLIENT_TO_SERVER, names);
	describe_endpoint(sink, "server", connection, TT_SERVER_TO_CLIENT, names);
	tt_sink_unsigned(sink, "start_us", connection->start_us);
	tt_sink_unsigned(sink, "end_us", connection->end_us);
	tt_sink_string(sink, "direction_from", direction_from_name(connection->direction_from));
	describe_protocol(sink, connection);
	tt_service_describe(sink, connection->service);
	describe_sampled(sink, connection->sampled);
	describe_vlans(sink, connection);
	describe_layers(sink, connection);
	describe_tap_ports(sink, connection->tap_ports[0] | connection->tap_ports[1]);
	describe_direction(sink, "client_to_server", connection, TT_CLIENT_TO_SERVER);
	describe_direction(sink, "server_to_client", connection, TT_SERVER_TO_CLIENT);
	if (connection->endpoints.ip_protocol == IPPROTO_TCP)
		tt_tcp_describe(sink, "tcp", &connection->tcp);
	if (since != NULL)
		describe_since(sink, connection, since);
	tt_sink_end_object(sink);
}
