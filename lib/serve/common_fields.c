/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/common_fields.h"

#include "base/decimal.h"
#include "rules/service.h"

#include <netinet/in.h>
#include <stdio.h>

void tt_uid_text(char text[TT_UID_TEXT_SIZE], uint64_t uid)
{
	for (unsigned int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[uid >> (60 - 4 * i) & 15];
	text[16] = '\0';
}

void tt_uid_describe(struct tt_sink *sink, uint64_t uid)
{
	char text[TT_UID_TEXT_SIZE];

	tt_uid_text(text, uid);
	tt_sink_string(sink, "uid", text);
}

void tt_transport_describe(struct tt_sink *sink, uint8_t ip_protocol)
{
	char number[8];

	switch (ip_protocol) {
	case IPPROTO_TCP:
		tt_sink_string(sink, "transport", "tcp");
		break;
	case IPPROTO_UDP:
		tt_sink_string(sink, "transport", "udp");
		break;
	case IPPROTO_SCTP:
		tt_sink_string(sink, "transport", "sctp");
		break;
	case IPPROTO_ICMP:
		tt_sink_string(sink, "transport", "icmp");
		break;
	case IPPROTO_ICMPV6:
		tt_sink_string(sink, "transport", "icmp6");
		break;
	default:
		snprintf(number, sizeof(number), "ip/%u", ip_protocol);
		tt_sink_string(sink, "transport", number);
	}
}

static char *put_ipv4(char *at, const uint8_t *address)
{
	for (unsigned int i = 0; i < 4; i++) {
		at += tt_decimal(at, address[i]);
		if (i < 3)
			*at++ = '.';
	}
	return at;
}

static char *put_group(char *at, unsigned int group)
{
	unsigned int shift = group >= 0x1000 ? 12 : group >= 0x100 ? 8 : group >= 0x10 ? 4 : 0;

	for (;; shift -= 4) {
		*at++ = "0123456789abcdef"[group >> shift & 15];
		if (shift == 0)
			return at;
	}
}

/* The form of RFC 5952: `::` for the longest run of two zero groups or more, the first of equals
 * (section 4.2), and the last four bytes of mapped and of compatible addresses as of IPv4, as
 * inet_ntop() does (section 5). */
static char *put_ipv6(char *at, const uint8_t *address)
{
	unsigned int groups[8], zeros = 0, run = 1, run_start = 8;

	for (unsigned int i = 0; i < 8; i++) {
		groups[i] = (unsigned int)address[2 * i] << 8 | address[2 * i + 1];
		zeros = groups[i] == 0 ? zeros + 1 : 0;
		if (zeros > run) {
			run = zeros;
			run_start = i + 1 - zeros;
		}
	}
	bool has_ipv4 = run_start == 0 && (run == 6 || (run == 5 && groups[5] == 0xffff));
	for (unsigned int i = 0; i < (has_ipv4 ? 6 : 8); i++) {
		if (i == run_start) {
			*at++ = ':';
			*at++ = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && i != run_start + run)
			*at++ = ':';
		at = put_group(at, groups[i]);
	}
	if (!has_ipv4)
		return at;
	if (run == 5)
		*at++ = ':';
	return put_ipv4(at, address + 12);
}

void tt_address_text(char text[TT_ADDRESS_TEXT_SIZE], uint8_t ip_version, const uint8_t *address)
{
	*(ip_version == 4 ? put_ipv4(text, address) : put_ipv6(text, address)) = '\0';
}

void tt_address_describe(
	struct tt_sink *sink, const char *name, uint8_t ip_version, const uint8_t *address)
{
	char text[TT_ADDRESS_TEXT_SIZE];

	tt_address_text(text, ip_version, address);
	tt_sink_string(sink, name, text);
}

static void describe_endpoint(struct tt_sink *sink, const char *name,
	const struct tt_record_endpoints *endpoints, unsigned int side)
{
	tt_sink_begin_object(sink, name);
	tt_address_describe(sink, "address", endpoints->ip_version, endpoints->address[side]);
	tt_sink_unsigned(sink, "port", endpoints->port[side]);
	tt_sink_end_object(sink);
}

void tt_endpoints_describe(struct tt_sink *sink, const struct tt_record_endpoints *endpoints)
{
	describe_endpoint(sink, "client", endpoints, TT_CLIENT_TO_SERVER);
	describe_endpoint(sink, "server", endpoints, TT_SERVER_TO_CLIENT);
}

void tt_service_describe(struct tt_sink *sink, uint32_t service)
{
	const char *name = tt_service_name(service);

	if (name != NULL)
		tt_sink_string(sink, "service", name);
}

void tt_latency_describe(struct tt_sink *sink, const struct tt_sketch *latency)
{
	if (latency->count == 0)
		return;
	tt_sink_begin_object(sink, "latency");
	tt_sink_unsigned(sink, "p50", tt_sketch_quantile(latency, 0.5));
	tt_sink_unsigned(sink, "p90", tt_sketch_quantile(latency, 0.9));
	tt_sink_unsigned(sink, "p99", tt_sketch_quantile(latency, 0.99));
	tt_sink_unsigned(sink, "max", tt_sketch_quantile(latency, 1));
	tt_sink_end_object(sink);
}
