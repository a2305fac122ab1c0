/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/community_id.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define SHA1_BYTES 20

/* ICMP and ICMPv6 types that ask and answer each other (specification, "ICMP"). */
static const struct {
	uint8_t ip_protocol, type, counterpart;
} icmp_pairs[] = {
	{IPPROTO_ICMP, 8, 0},	    /* echo, RFC 792 */
	{IPPROTO_ICMP, 10, 9},	    /* router solicitation, RFC 1256 */
	{IPPROTO_ICMP, 13, 14},	    /* timestamp, RFC 792 */
	{IPPROTO_ICMP, 15, 16},	    /* information, RFC 792 */
	{IPPROTO_ICMP, 17, 18},	    /* address mask, RFC 950 */
	{IPPROTO_ICMPV6, 128, 129}, /* echo, RFC 4443 */
	{IPPROTO_ICMPV6, 130, 131}, /* multicast listener, RFC 2710 */
	{IPPROTO_ICMPV6, 133, 134}, /* router solicitation, RFC 4861 */
	{IPPROTO_ICMPV6, 135, 136}, /* neighbor solicitation, RFC 4861 */
	{IPPROTO_ICMPV6, 139, 140}, /* node information, RFC 4620 */
	{IPPROTO_ICMPV6, 144, 145}, /* home agent address discovery, RFC 6275 */
};

/* What stands for ports in the tuple. */
struct ports {
	bool present;
	bool one_way; /* an ICMP type that nothing answers: the endpoints are not put in order */
	uint16_t side[2];
};

static struct ports icmp_ports(const struct tt_connection_record *record)
{
	struct ports ports = {.present = true, .side[0] = record->icmp_type};

	for (size_t i = 0; i < sizeof(icmp_pairs) / sizeof(icmp_pairs[0]); i++) {
		if (icmp_pairs[i].ip_protocol != record->endpoints.ip_protocol)
			continue;
		if (icmp_pairs[i].type == record->icmp_type) {
			ports.side[1] = icmp_pairs[i].counterpart;
			return ports;
		}
		if (icmp_pairs[i].counterpart == record->icmp_type) {
			ports.side[1] = icmp_pairs[i].type;
			return ports;
		}
	}
	ports.side[1] = record->icmp_code;
	ports.one_way = true;
	return ports;
}

static struct ports ports_of(const struct tt_connection_record *record)
{
	switch (record->endpoints.ip_protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_ports(record);
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return (struct ports){.present = true,
			.side = {record->endpoints.port[0], record->endpoints.port[1]}};
	default:
		return (struct ports){0};
	}
}

/* Looked up once: libcrypto takes longer to find it than to use it. */
static pthread_once_t sha1_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha1;

static void fetch_sha1(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
}

static size_t put(uint8_t *out, const void *bytes, size_t length)
{
	memcpy(out, bytes, length);
	return length;
}

bool tt_community_id(char text[TT_COMMUNITY_ID_SIZE], const struct tt_connection_record *record)
{
	const struct ports ports = ports_of(record);
	const size_t address_bytes = record->endpoints.ip_version == 4 ? 4 : 16;
	const uint8_t seed[2] = {0, 0};
	const uint8_t protocol[2] = {record->endpoints.ip_protocol, 0};
	uint8_t input[64], digest[SHA1_BYTES];
	size_t length = 0;

	/* The endpoint of the lower address, then port, goes first. */
	int order =
		memcmp(record->endpoints.address[0], record->endpoints.address[1], address_bytes);
	unsigned int first =
		!ports.one_way && (order > 0 || (order == 0 && ports.side[0] > ports.side[1]));
	const uint16_t wire_ports[2] = {htons(ports.side[first]), htons(ports.side[!first])};

	length += put(input + length, seed, sizeof(seed));
	length += put(input + length, record->endpoints.address[first], address_bytes);
	length += put(input + length, record->endpoints.address[!first], address_bytes);
	length += put(input + length, protocol, sizeof(protocol));
	if (ports.present)
		length += put(input + length, wire_ports, sizeof(wire_ports));
	/* Refused where the machine's policy forbids SHA-1. */
	pthread_once(&sha1_once, fetch_sha1);
	if (sha1 == NULL || EVP_Digest(input, length, digest, NULL, sha1, NULL) != 1)
		return false;
	text[0] = '1';
	text[1] = ':';
	EVP_EncodeBlock((unsigned char *)text + 2, digest, sizeof(digest));
	return true;
}
