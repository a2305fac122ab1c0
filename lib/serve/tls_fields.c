/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/tls_fields.h"

#include "protocol/tls_text.h"
#include "serve/common_fields.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define JA4_PART_DIGITS	  12
#define SHA256_BYTES	  32
#define CERTIFICATE_NAMES 64 /* written of one; the rest is left out */
#define TIME_TEXT_SIZE	  21 /* "2026-11-24T13:00:00Z", NUL */

static void put_hexadecimal(char *text, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	text[2 * length] = '\0';
}

/* The first `digest_bytes` of a digest, in hexadecimal. */
static bool digest_text(
	char *text, size_t digest_bytes, const EVP_MD *algorithm, const void *bytes, size_t length)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes, length, digest, NULL, algorithm, NULL) != 1)
		return false;
	put_hexadecimal(text, digest, digest_bytes);
	return true;
}

bool tt_ja3(char ja3[TT_JA3_SIZE], const struct tt_tls_fingerprint *fingerprint)
{
	char text[TT_TLS_FINGERPRINT_TEXT];
	size_t length = tt_tls_ja3_text(text, fingerprint);

	return length > 0 && digest_text(ja3, (TT_JA3_SIZE - 1) / 2, EVP_md5(), text, length);
}

bool tt_ja3s(char ja3s[TT_JA3_SIZE], const struct tt_tls_fingerprint *fingerprint)
{
	char text[TT_TLS_FINGERPRINT_TEXT];
	size_t length = tt_tls_ja3s_text(text, fingerprint);

	return length > 0 && digest_text(ja3s, (TT_JA3_SIZE - 1) / 2, EVP_md5(), text, length);
}

static bool ja4_part(char part[JA4_PART_DIGITS + 1], const char *text)
{
	if (text[0] == '\0') {
		memcpy(part, "000000000000", JA4_PART_DIGITS + 1);
		return true;
	}
	return digest_text(part, JA4_PART_DIGITS / 2, EVP_sha256(), text, strlen(text));
}

bool tt_ja4(char ja4[TT_JA4_SIZE], const struct tt_tls_fingerprint *fingerprint)
{
	struct tt_tls_ja4_text text;
	char ciphers[JA4_PART_DIGITS + 1], extensions[JA4_PART_DIGITS + 1];

	if (!tt_tls_ja4_text(&text, fingerprint) || !ja4_part(ciphers, text.ciphers) ||
		!ja4_part(extensions, text.extensions))
		return false;
	snprintf(ja4, TT_JA4_SIZE, "%s_%s_%s", text.head, ciphers, extensions);
	return true;
}

static void describe_versions(struct tt_sink *sink, const struct tt_tls_handshake *handshake)
{
	const struct tt_tls_fingerprint *fingerprint = &handshake->fingerprint;
	const uint16_t *value = fingerprint->value + fingerprint->begin[TT_TLS_LIST_VERSIONS];
	char text[TT_TLS_CODE_TEXT];

	tt_sink_begin_array(sink, "versions_offered");
	for (unsigned int i = 0; i < fingerprint->count[TT_TLS_LIST_VERSIONS]; i++)
		if (!tt_tls_is_grease(value[i]))
			tt_sink_string(sink, NULL, tt_tls_version_text(text, value[i]));
	if ((handshake->flags & TT_TLS_HAS_VERSIONS) == 0)
		tt_sink_string(sink, NULL, tt_tls_version_text(text, fingerprint->client_version));
	tt_sink_end_array(sink);
}

static void describe_client(struct tt_sink *sink, const struct tt_tls_handshake *handshake)
{
	struct tt_tls_view names = {handshake->alpn_offered, handshake->alpn_offered_bytes};
	struct tt_tls_view name;
	char ja3[TT_JA3_SIZE], ja4[TT_JA4_SIZE];

	if (handshake->server_name_bytes > 0)
		tt_sink_text(sink, "sni", handshake->server_name, handshake->server_name_bytes);
	if (names.length > 0) {
		tt_sink_begin_array(sink, "alpn_offered");
		while (names.length > 0 && tt_tls_alpn_next(&names, &name))
			tt_sink_text(sink, NULL, name.bytes, name.length);
		tt_sink_end_array(sink);
	}
	describe_versions(sink, handshake);
	if (tt_ja3(ja3, &handshake->fingerprint))
		tt_sink_string(sink, "ja3", ja3);
	if (tt_ja4(ja4, &handshake->fingerprint))
		tt_sink_string(sink, "ja4", ja4);
	tt_sink_bool(sink, "ech", (handshake->flags & TT_TLS_OFFERS_ENCRYPTED_HELLO) != 0);
}

static void describe_server(struct tt_sink *sink, const struct tt_tls_handshake *handshake)
{
	char text[TT_TLS_CODE_TEXT];
	char ja3s[TT_JA3_SIZE];

	tt_sink_string(sink, "version", tt_tls_version_text(text, handshake->version));
	if (handshake->version != TT_TLS_SSL2)
		tt_sink_string(sink, "cipher", tt_tls_cipher_text(text, handshake->cipher));
	if (handshake->alpn_bytes > 0)
		tt_sink_text(sink, "alpn", handshake->alpn, handshake->alpn_bytes);
	if (tt_ja3s(ja3s, &handshake->fingerprint))
		tt_sink_string(sink, "ja3s", ja3s);
	tt_sink_bool(sink, "resumed", (handshake->flags & TT_TLS_RESUMED) != 0);
}

static void describe_alerts(struct tt_sink *sink, const struct tt_tls_handshake *handshake)
{
	char text[TT_TLS_CODE_TEXT];

	if (handshake->alert_count == 0)
		return;
	tt_sink_begin_array(sink, "alerts");
	for (unsigned int i = 0; i < handshake->alert_count; i++) {
		const struct tt_tls_alert *alert = &handshake->alert[i];
		tt_sink_begin_object(sink, NULL);
		tt_sink_string(sink, "from", alert->server ? "server" : "client");
		tt_sink_string(sink, "level", alert->level == TT_TLS_FATAL ? "fatal" : "warning");
		tt_sink_string(sink, "description", tt_tls_alert_text(text, alert->description));
		tt_sink_end_object(sink);
	}
	tt_sink_end_array(sink);
}

void tt_tls_handshake_describe(struct tt_sink *sink, const struct tt_tls_handshake *handshake)
{
	const uint16_t both = TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO;

	if ((handshake->flags & TT_TLS_HAS_CLIENT_HELLO) != 0)
		describe_client(sink, handshake);
	if ((handshake->flags & TT_TLS_HAS_SERVER_HELLO) != 0)
		describe_server(sink, handshake);
	tt_sink_bool(sink, "hello_retry", (handshake->flags & TT_TLS_RETRIED) != 0);
	if ((handshake->flags & both) == both &&
		handshake->server_hello_us >= handshake->client_hello_us)
		tt_sink_unsigned(sink, "handshake_us",
			handshake->server_hello_us - handshake->client_hello_us);
	describe_alerts(sink, handshake);
}

/* RFC 4514, the form of distinguished names. */
static void describe_name(struct tt_sink *sink, const char *name, const X509_NAME *value)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text;

	if (memory == NULL)
		return;
	if (X509_NAME_print_ex(memory, value, 0,
		    XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		long length = BIO_get_mem_data(memory, &text);
		tt_sink_text(sink, name, text, (size_t)length);
	}
	BIO_free(memory);
}

/* RFC 3339, in UTC. */
static void describe_time(struct tt_sink *sink, const char *name, const ASN1_TIME *value)
{
	char text[TIME_TEXT_SIZE];
	struct tm when;

	if (ASN1_TIME_to_tm(value, &when) == 1 &&
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &when) > 0)
		tt_sink_string(sink, name, text);
}

static void describe_names(struct tt_sink *sink, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int written = 0;

	if (names == NULL)
		return;
	tt_sink_begin_array(sink, "names");
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && written < CERTIFICATE_NAMES; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		tt_sink_text(sink, NULL, ASN1_STRING_get0_data(name->d.dNSName),
			(size_t)ASN1_STRING_length(name->d.dNSName));
		written++;
	}
	tt_sink_end_array(sink);
	GENERAL_NAMES_free(names);
}

void tt_certificate_describe(
	struct tt_sink *sink, const char *name, const uint8_t *certificate, size_t length)
{
	const unsigned char *next = certificate;
	char digest[2 * SHA256_BYTES + 1];
	X509 *parsed = d2i_X509(NULL, &next, (long)length);

	tt_sink_begin_object(sink, name);
	if (parsed != NULL) {
		describe_name(sink, "subject", X509_get_subject_name(parsed));
		describe_name(sink, "issuer", X509_get_issuer_name(parsed));
		describe_time(sink, "not_before", X509_get0_notBefore(parsed));
		describe_time(sink, "not_after", X509_get0_notAfter(parsed));
		describe_names(sink, parsed);
		X509_free(parsed);
	}
	if (digest_text(digest, SHA256_BYTES, EVP_sha256(), certificate, length))
		tt_sink_string(sink, "sha256", digest);
	tt_sink_end_object(sink);
}

static const char *protocol_name(const struct tt_tls_handshake *handshake)
{
	if ((handshake->flags & TT_TLS_QUIC) != 0)
		return "quic";
	return (handshake->flags & TT_TLS_DATAGRAM) != 0 ? "dtls" : "tls";
}

void tt_tls_describe(struct tt_sink *sink, const char *name,
	const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	const struct tt_tls_handshake *handshake = &record->handshake;
	uint64_t start_us = handshake->client_hello_us;

	if ((handshake->flags & TT_TLS_HAS_CLIENT_HELLO) == 0)
		start_us = handshake->server_hello_us;
	tt_sink_begin_object(sink, name);
	tt_sink_string(sink, "type", "tls");
	tt_uid_describe(sink, record->uid);
	tt_endpoints_describe(sink, &record->endpoints);
	tt_service_describe(sink, record->service);
	tt_sink_string(sink, "protocol", protocol_name(handshake));
	tt_sink_unsigned(sink, "start_us", start_us);
	tt_tls_handshake_describe(sink, handshake);
	if (certificate != NULL)
		tt_certificate_describe(
			sink, "certificate", certificate, record->certificate_bytes);
	tt_sink_end_object(sink);
}
