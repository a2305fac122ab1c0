/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/tls_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JA4_COUNT_LIMIT 99

static const struct {
	uint16_t value;
	char name[9];
	char ja4[3]; /* JA4.md, "TLS and DTLS Version"; drafts are unknown there */
} versions[] = {
	{TT_TLS_SSL2, "SSLv2", "s2"},
	{TT_TLS_SSL3, "SSLv3", "s3"},
	{TT_TLS_1_0, "TLSv1.0", "10"},
	{TT_TLS_1_1, "TLSv1.1", "11"},
	{TT_TLS_1_2, "TLSv1.2", "12"},
	{TT_TLS_1_3, "TLSv1.3", "13"},
	{TT_DTLS_1_0, "DTLSv1.0", "d1"},
	{TT_DTLS_1_2, "DTLSv1.2", "d2"},
	{TT_DTLS_1_3, "DTLSv1.3", "d3"},
	{TT_DTLS_OPENSSL, "DTLSv0.9", "00"},
};

/* RFC 8446 B.2, with those of earlier versions, and RFC 7301. */
static const struct {
	uint8_t value;
	const char *name;
} alerts[] = {
	{0, "close_notify"},
	{10, "unexpected_message"},
	{20, "bad_record_mac"},
	{21, "decryption_failed"},
	{22, "record_overflow"},
	{30, "decompression_failure"},
	{40, "handshake_failure"},
	{41, "no_certificate"},
	{42, "bad_certificate"},
	{43, "unsupported_certificate"},
	{44, "certificate_revoked"},
	{45, "certificate_expired"},
	{46, "certificate_unknown"},
	{47, "illegal_parameter"},
	{48, "unknown_ca"},
	{49, "access_denied"},
	{50, "decode_error"},
	{51, "decrypt_error"},
	{52, "too_many_cids_requested"},
	{60, "export_restriction"},
	{70, "protocol_version"},
	{71, "insufficient_security"},
	{80, "internal_error"},
	{86, "inappropriate_fallback"},
	{90, "user_canceled"},
	{100, "no_renegotiation"},
	{109, "missing_extension"},
	{110, "unsupported_extension"},
	{111, "certificate_unobtainable"},
	{112, "unrecognized_name"},
	{113, "bad_certificate_status_response"},
	{114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"},
	{116, "certificate_required"},
	{120, "no_application_protocol"},
	{121, "ech_required"},
};

const char *tt_tls_version_text(char text[TT_TLS_CODE_TEXT], uint16_t version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].value == version)
			return versions[i].name;
	if ((version & 0xff00) == TT_TLS_DRAFT || (version & 0xff00) == TT_TLS_FIZZ_DRAFT)
		snprintf(text, TT_TLS_CODE_TEXT, "TLSv1.3-draft%u", version & 0xffu);
	else
		snprintf(text, TT_TLS_CODE_TEXT, "0x%04x", version);
	return text;
}

const char *tt_tls_cipher_text(char text[TT_TLS_CODE_TEXT], uint16_t cipher)
{
	const char *name = tt_tls_cipher_name(cipher);

	if (name != NULL)
		return name;
	snprintf(text, TT_TLS_CODE_TEXT, "0x%04x", cipher);
	return text;
}

const char *tt_tls_alert_text(char text[TT_TLS_CODE_TEXT], uint8_t description)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].value == description)
			return alerts[i].name;
	snprintf(text, TT_TLS_CODE_TEXT, "%u", description);
	return text;
}

/* Grows by what is put; TT_TLS_FINGERPRINT_TEXT is room for all that is. */
struct text {
	char *start;
	size_t length;
};

static void put_number(struct text *text, uint16_t value)
{
	text->length += (size_t)snprintf(text->start + text->length,
		TT_TLS_FINGERPRINT_TEXT - text->length, "%" PRIu16, value);
}

static void put_character(struct text *text, char character)
{
	text->start[text->length++] = character;
	text->start[text->length] = '\0';
}

/* ",1-2-3" */
static void put_list(
	struct text *text, const struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list)
{
	const uint16_t *value = fingerprint->value + fingerprint->begin[list];
	bool first = true;

	put_character(text, ',');
	for (unsigned int i = 0; i < fingerprint->count[list]; i++) {
		if (tt_tls_is_grease(value[i]))
			continue;
		if (!first)
			put_character(text, '-');
		put_number(text, value[i]);
		first = false;
	}
}

size_t tt_tls_ja3_text(
	char text[TT_TLS_FINGERPRINT_TEXT], const struct tt_tls_fingerprint *fingerprint)
{
	struct text out = {.start = text};

	text[0] = '\0';
	if (!fingerprint->client_whole)
		return 0;
	put_number(&out, fingerprint->client_version);
	put_list(&out, fingerprint, TT_TLS_LIST_CIPHERS);
	put_list(&out, fingerprint, TT_TLS_LIST_EXTENSIONS);
	put_list(&out, fingerprint, TT_TLS_LIST_GROUPS);
	put_list(&out, fingerprint, TT_TLS_LIST_POINT_FORMATS);
	return out.length;
}

size_t tt_tls_ja3s_text(
	char text[TT_TLS_FINGERPRINT_TEXT], const struct tt_tls_fingerprint *fingerprint)
{
	struct text out = {.start = text};

	text[0] = '\0';
	if (!fingerprint->server_whole)
		return 0;
	put_number(&out, fingerprint->server_version);
	put_character(&out, ',');
	put_number(&out, fingerprint->server_cipher);
	put_list(&out, fingerprint, TT_TLS_LIST_SERVER_EXTENSIONS);
	return out.length;
}

/* A list without GREASE. */
struct values {
	uint16_t value[TT_TLS_FINGERPRINT_VALUES];
	unsigned int count;
};

static void values_of(
	struct values *values, const struct tt_tls_fingerprint *fingerprint, enum tt_tls_list list)
{
	const uint16_t *value = fingerprint->value + fingerprint->begin[list];

	values->count = 0;
	for (unsigned int i = 0; i < fingerprint->count[list]; i++)
		if (!tt_tls_is_grease(value[i]))
			values->value[values->count++] = value[i];
}

static int compare_values(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void values_sort(struct values *values)
{
	qsort(values->value, values->count, sizeof(values->value[0]), compare_values);
}

/* "002f,0035" */
static void put_values(struct text *text, const struct values *values)
{
	for (unsigned int i = 0; i < values->count; i++)
		text->length += (size_t)snprintf(text->start + text->length,
			TT_TLS_FINGERPRINT_TEXT - text->length, i == 0 ? "%04x" : ",%04x",
			values->value[i]);
}

/* The newest version offered: of DTLS that of the lowest number. */
static const char *ja4_version(const struct tt_tls_fingerprint *fingerprint)
{
	struct values offered;
	uint16_t newest;

	values_of(&offered, fingerprint, TT_TLS_LIST_VERSIONS);
	newest = offered.count > 0 ? offered.value[0] : fingerprint->client_version;
	for (unsigned int i = 1; i < offered.count; i++)
		if (fingerprint->datagram ? offered.value[i] < newest : offered.value[i] > newest)
			newest = offered.value[i];
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].value == newest)
			return versions[i].ja4;
	return "00";
}

static bool is_alphanumeric(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
		(byte >= 'a' && byte <= 'z');
}

/* First and last character of the first name or, when one is none, of the name in hexadecimal. */
static void ja4_alpn(char alpn[3], const struct tt_tls_fingerprint *fingerprint)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t first = fingerprint->alpn_first;
	uint8_t last = fingerprint->alpn_last;

	memcpy(alpn, "00", 3);
	if (!fingerprint->alpn)
		return;
	if (is_alphanumeric(first) && is_alphanumeric(last)) {
		alpn[0] = (char)first;
		alpn[1] = (char)last;
	} else {
		alpn[0] = digits[first >> 4];
		alpn[1] = digits[last & 0xf];
	}
}

static unsigned int ja4_count(const struct values *values)
{
	return values->count < JA4_COUNT_LIMIT ? values->count : JA4_COUNT_LIMIT;
}

bool tt_tls_ja4_text(struct tt_tls_ja4_text *text, const struct tt_tls_fingerprint *fingerprint)
{
	struct text ciphers_text = {.start = text->ciphers};
	struct text extensions_text = {.start = text->extensions};
	struct values ciphers, extensions, sorted, signatures;
	char alpn[3];

	text->ciphers[0] = text->extensions[0] = '\0';
	if (!fingerprint->client_whole)
		return false;
	values_of(&ciphers, fingerprint, TT_TLS_LIST_CIPHERS);
	values_of(&extensions, fingerprint, TT_TLS_LIST_EXTENSIONS);
	values_of(&signatures, fingerprint, TT_TLS_LIST_SIGNATURES);
	ja4_alpn(alpn, fingerprint);
	snprintf(text->head, sizeof(text->head), "%c%s%c%02u%02u%s",
		fingerprint->quic		? 'q'
			: fingerprint->datagram ? 'd'
						: 't',
		ja4_version(fingerprint), fingerprint->server_name ? 'd' : 'i', ja4_count(&ciphers),
		ja4_count(&extensions), alpn);
	values_sort(&ciphers);
	put_values(&ciphers_text, &ciphers);

	sorted.count = 0;
	for (unsigned int i = 0; i < extensions.count; i++)
		if (extensions.value[i] != TT_TLS_SERVER_NAME && extensions.value[i] != TT_TLS_ALPN)
			sorted.value[sorted.count++] = extensions.value[i];
	values_sort(&sorted);
	put_values(&extensions_text, &sorted);
	if (sorted.count > 0 && signatures.count > 0) {
		put_character(&extensions_text, '_');
		put_values(&extensions_text, &signatures);
	}
	return true;
}
