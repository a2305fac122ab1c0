/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/community_id.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <string.h>

#define SHA1_BYTES 20

/* Which side's endpoint comes first: the lower address, then the lower port. */
static unsigned int first_side(const struct tt_connection_record *connection, size_t address_bytes)
{
	int order = memcmp(connection->address[0], connection->address[1], address_bytes);

	if (order == 0)
		return connection->port[0] > connection->port[1];
	return order > 0;
}

bool tt_community_id(char text[TT_COMMUNITY_ID_SIZE], const struct tt_connection_record *connection)
{
	const size_t address_bytes = connection->ip_version == 4 ? 4 : 16;
	const uint8_t protocol = connection->ip_protocol;
	const unsigned int first = first_side(connection, address_bytes);
	/* Seed, addresses, protocol, padding and ports. */
	uint8_t input[2 + 2 * 16 + 2 + 2 * 2] = {0};
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_bytes = 0;
	size_t length = 2;

	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		memcpy(input + length, connection->address[first ^ i], address_bytes);
		length += address_bytes;
	}
	input[length] = protocol;
	length += 2;
	/* Other protocols have no ports in the hash. */
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP)
		for (unsigned int i = 0; i < 2; i++) {
			input[length++] = (uint8_t)(connection->port[first ^ i] >> 8);
			input[length++] = (uint8_t)connection->port[first ^ i];
		}

	/* Refused where the machine's policy forbids SHA-1. */
	if (EVP_Digest(input, length, digest, &digest_bytes, EVP_sha1(), NULL) != 1 ||
		digest_bytes != SHA1_BYTES)
		return false;
	memcpy(text, "1:", 2);
	EVP_EncodeBlock((unsigned char *)text + 2, digest, SHA1_BYTES);
	return true;
}
