/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from content.c: the builders of DNS and of TLS have names in common. */
#include "content.h"

#include "protocol/dns.h"
#include "protocol/dns_build.h"

void tt_content_dns_query(struct tt_content *content, bool ipv6)
{
	struct dns_build build;

	build_query(&build, 0, TT_CONTENT_NAME, ipv6 ? TT_DNS_AAAA : TT_DNS_A);
	tt_content_add(content, build.bytes, build.length);
}

void tt_content_dns_answer(struct tt_content *content, bool ipv6, bool exists)
{
	static const uint8_t address[16];
	static const char alias[] = "\x06"
				    "origin\xc0\x10";
	struct dns_build build;
	unsigned int type = ipv6 ? TT_DNS_AAAA : TT_DNS_A;

	build_response(&build, 0, TT_CONTENT_NAME, type, exists ? 0 : 3, exists ? 2 : 0);
	if (exists) {
		/* "origin.s0000.example.com": its end is the question's, from the site's label on. */
		build_answer(&build, TT_DNS_CNAME, 300, alias, sizeof(alias) - 1);
		build_u16(&build, 0xc000 | (unsigned int)(build.length - (sizeof(alias) - 1)));
		build_record(&build, type, 60, address, ipv6 ? 16 : 4);
	}
	tt_content_add(content, build.bytes, build.length);
}
