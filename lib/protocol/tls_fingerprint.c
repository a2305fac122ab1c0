/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/tls_fingerprint.h"

static void list_begin(struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list)
{
	fingerprint->begin[list] = fingerprint->used;
	fingerprint->count[list] = 0;
}

/* false when there is no room. */
static bool list_add(struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list, uint16_t value)
{
	if (fingerprint->used == TT_TLS_FINGERPRINT_VALUES)
		return false;
	fingerprint->value[fingerprint->used++] = value;
	fingerprint->count[list]++;
	return true;
}

/* Values of `width` bytes, 1 or 2. */
static bool list_take(struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list,
	struct tt_tls_view view, unsigned int width)
{
	bool all = true;

	list_begin(fingerprint, list);
	for (unsigned int i = 0; all && i + width <= view.length; i += width)
		all = list_add(fingerprint, list,
			width == 1 ? view.bytes[i] : tt_load_be16(view.bytes + i));
	return all;
}

static bool list_extensions(struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list,
	struct tt_tls_view extensions)
{
	struct tt_tls_view data;
	uint16_t type;
	bool all = true;

	list_begin(fingerprint, list);
	while (all && extensions.length > 0 && tt_tls_extension_next(&extensions, &type, &data))
		all = list_add(fingerprint, list, type);
	return all;
}

void tt_tls_fingerprint_client(struct tt_tls_fingerprint *fingerprint,
	const struct tt_tls_client_hello *hello, bool whole, bool datagram)
{
	struct tt_tls_view names = hello->alpn;
	struct tt_tls_view name;
	bool all = true;

	fingerprint->client_version = hello->version;
	fingerprint->datagram = datagram;
	fingerprint->server_name = hello->server_name_extension;
	if (names.length > 0 && tt_tls_alpn_next(&names, &name) && name.length > 0) {
		fingerprint->alpn = true;
		fingerprint->alpn_first = name.bytes[0];
		fingerprint->alpn_last = name.bytes[name.length - 1];
	}
	/* SSLv2's ciphers are of another kind, and it has no extensions: no fingerprint. */
	if (hello->ssl2_format)
		return;
	all &= list_take(fingerprint, TT_TLS_LIST_VERSIONS, hello->versions, 2);
	all &= list_take(fingerprint, TT_TLS_LIST_CIPHERS, hello->ciphers, 2);
	all &= list_extensions(fingerprint, TT_TLS_LIST_EXTENSIONS, hello->extensions);
	all &= list_take(fingerprint, TT_TLS_LIST_GROUPS, hello->groups, 2);
	all &= list_take(fingerprint, TT_TLS_LIST_POINT_FORMATS, hello->point_formats, 1);
	all &= list_take(fingerprint, TT_TLS_LIST_SIGNATURES, hello->signatures, 2);
	fingerprint->client_whole = whole && all;
}

void tt_tls_fingerprint_server(
	struct tt_tls_fingerprint *fingerprint, const struct tt_tls_server_hello *hello, bool whole)
{
	fingerprint->server_version = hello->legacy_version;
	fingerprint->server_cipher = hello->cipher;
	bool all = list_extensions(fingerprint, TT_TLS_LIST_SERVER_EXTENSIONS, hello->extensions);
	fingerprint->server_whole = whole && all && hello->legacy_version != TT_TLS_SSL2;
}
