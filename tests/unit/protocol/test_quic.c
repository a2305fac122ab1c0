/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "protocol/quic_connection.h"
#include "protocol/tls_text.h"

#include "protocol/quic_build.h"
#include "suite.h"

#include <openssl/crypto.h>

#define CLIENT	  0
#define SERVER	  1
#define CLIENT_US 1000
#define SERVER_US 5000
#define ROUNDS	  300
#define PIECES	  24

static const struct tt_quic_id original = {8, {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08}};
static const struct tt_quic_id chosen = {8, {0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5}};
static const struct tt_quic_id none = {0, {0}};

static struct tt_quic_reader reader;
static struct tt_tls_pool pool;
static struct tt_tls_connection tls;
static struct tt_quic_connection connection;
static struct tls_build datagram, frames, hello;
static struct tt_tls_handshake seen;
static unsigned int events;
static unsigned long allocations; /* of libcrypto */
static uint32_t random_state;

static void *count_malloc(size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return malloc(bytes);
}

static void *count_realloc(void *memory, size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(memory, bytes);
}

static void count_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

/* Before libcrypto's first allocation, which is as late as it takes it. */
__attribute__((constructor)) static void count_allocations(void)
{
	if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
		abort();
}

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)random_state * limit >> 32);
}

static void take(void *context, const struct tt_tls_event *event)
{
	(void)context;
	events++;
	memcpy(&seen, event->handshake, sizeof(seen));
}

static const struct tt_tls_consumer consumer = {take, NULL};
static const struct tt_quic_work work = {&reader, &connection, &tls, &pool, &consumer};

static void begin(void)
{
	memset(&tls, 0, sizeof(tls));
	memset(&connection, 0, sizeof(connection));
	memset(&seen, 0, sizeof(seen));
	events = 0;
	datagram.length = frames.length = hello.length = 0;
}

static void set_up(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(tt_quic_reader_create(&reader), TT_OK);
	CU_ASSERT_EQUAL_FATAL(tt_tls_pool_create(&pool, 2, 2, false), TT_OK);
}

/* Every slab must have come back. */
static void end(void)
{
	tt_quic_connection_close(&work);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.handshakes_used), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&pool.counters.buffers_used), 0);
}

static void tear_down(void)
{
	end();
	tt_tls_pool_destroy(&pool);
	tt_quic_reader_destroy(&reader);
}

/* What was built, as a datagram. */
static void feed(unsigned int direction, uint64_t time_us)
{
	struct guarded guarded = guarded_copy(datagram.bytes, datagram.length);

	tt_quic_connection_datagram(&work, direction, time_us, guarded.bytes, datagram.length);
	guarded_free(&guarded);
	datagram.length = 0;
}

/* A ClientHello message with `extra` bytes in an extension. */
static void make_client_hello(size_t extra)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302};
	static const uint16_t versions[] = {TT_TLS_1_3};
	static struct tls_build body;

	body.length = hello.length = 0;
	size_t extensions = build_client_hello(&body, TT_TLS_1_2, 0, ciphers, 2);
	build_server_name(&body, "example.net");
	build_alpn(&body, "h3");
	build_list(&body, TT_TLS_SUPPORTED_VERSIONS, 1, versions, 1);
	build_number(&body, 2, 21); /* padding, RFC 7685 */
	size_t data = build_begin(&body, 2);
	build_fill(&body, 0, extra);
	build_end(&body, 2, data);
	build_end(&body, 2, extensions);
	build_message(&hello, TT_TLS_CLIENT_HELLO, &body);
}

static void make_server_hello(void)
{
	static struct tls_build body;

	body.length = hello.length = 0;
	size_t extensions = build_server_hello(&body, TT_TLS_1_2, 0, 0x1302);
	build_number(&body, 2, TT_TLS_SUPPORTED_VERSIONS);
	build_number(&body, 2, 2);
	build_number(&body, 2, TT_TLS_1_3);
	build_end(&body, 2, extensions);
	build_message(&hello, TT_TLS_SERVER_HELLO, &body);
}

/* The frames that were built, in an Initial. */
static void seal(uint32_t version, bool server, const struct tt_quic_id *keys,
	const struct tt_quic_id *destination)
{
	const struct quic_packet packet = {
		.version = version,
		.number = 7,
		.server = server,
		.keys = keys,
		.destination = destination,
		.source = server ? &chosen : &none,
	};

	build_initial(&datagram, &packet, &frames);
	frames.length = 0;
}

static void send_hello(unsigned int direction, uint32_t version, const struct tt_quic_id *keys,
	const struct tt_quic_id *destination)
{
	if (direction == CLIENT)
		make_client_hello(100);
	else
		make_server_hello();
	build_crypto(&frames, 0, hello.bytes, hello.length);
	seal(version, direction == SERVER, keys, destination);
	feed(direction, direction == CLIENT ? CLIENT_US : SERVER_US);
}

static void assert_client_seen(void)
{
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT((seen.flags & TT_TLS_HAS_CLIENT_HELLO) != 0);
	CU_ASSERT((seen.flags & TT_TLS_QUIC) != 0);
	CU_ASSERT_EQUAL(seen.server_name_bytes, 11);
	CU_ASSERT_EQUAL(memcmp(seen.server_name, "example.net", 11), 0);
}

static void assert_both_seen(void)
{
	assert_client_seen();
	CU_ASSERT((seen.flags & TT_TLS_HAS_SERVER_HELLO) != 0);
	CU_ASSERT_EQUAL(seen.cipher, 0x1302);
	CU_ASSERT_EQUAL(seen.version, TT_TLS_1_3);
	CU_ASSERT_EQUAL(seen.client_hello_us, CLIENT_US);
	CU_ASSERT_EQUAL(seen.server_hello_us, SERVER_US);
	CU_ASSERT(tt_quic_connection_is_finished(&connection));
}

static void from_text(struct tls_build *build, const char *text)
{
	for (; text[0] != '\0'; text += 2) {
		const char digits[3] = {text[0], text[1], '\0'};
		build_number(build, 1, strtoul(digits, NULL, 16));
	}
}

/* RFC 9001 A.1, RFC 9369 A.1, and appendix A.1 of draft-ietf-quic-tls-29. */
static void test_keys_of_the_rfcs(void)
{
	static const struct {
		uint32_t version;
		bool server;
		const char *keys; /* key, iv, hp */
	} known[] = {
		{TT_QUIC_1, false,
			"1f369613dd76d5467730efcbe3b1a22d"
			"fa044b2f42a3fd3b46fb255c"
			"9f50449e04a0e810283a1e9933adedd2"},
		{TT_QUIC_1, true,
			"cf3a5331653c364c88f0f379b6067e37"
			"0ac1493ca1905853b0bba03e"
			"c206b8d9b9f0f37644430b490eeaa314"},
		{TT_QUIC_2, false,
			"8b1a0bc121284290a29e0971b5cd045d"
			"91f73e2351d8fa91660e909f"
			"45b95e15235d6f45a6b19cbcb0294ba9"},
		{TT_QUIC_2, true,
			"82db637861d55e1d011f19ea71d5d2a7"
			"dd13c276499c0249d3310652"
			"edf6d05c83121201b436e16877593c3a"},
		{TT_QUIC_DRAFT | 29, false,
			"175257a31eb09dea9366d8bb79ad80ba"
			"6b26114b9cba2b63a9e8dd4f"
			"9ddd12c994c0698b89374a9c077a3077"},
	};
	struct tt_quic_keys keys;

	set_up();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		frames.length = 0;
		from_text(&frames, known[i].keys);
		CU_ASSERT_FATAL(
			tt_quic_keys_make(&keys, known[i].version, &original, known[i].server));
		CU_ASSERT_EQUAL(memcmp(keys.key, frames.bytes, 16), 0);
		CU_ASSERT_EQUAL(memcmp(keys.nonce, frames.bytes + 16, 12), 0);
		CU_ASSERT_EQUAL(memcmp(keys.header, frames.bytes + 28, 16), 0);
	}
	CU_ASSERT_FALSE(tt_quic_keys_make(&keys, TT_QUIC_DRAFT | 21, &original, false));
	tear_down();
}

/* The client's hello of RFC 9001 A.2 and the server's packet of A.3. */
static const char rfc_client_hello[] =
	"010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
	"1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018"
	"00100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fed"
	"ba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408"
	"050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801"
	"100104800075300901100f088394c8f03e51570806048000ffff";
static const char rfc_server_packet[] =
	"cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c6979"
	"7554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f"
	"3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc421"
	"58407dd074ee";

static void make_rfc_client_packet(uint32_t version, const char *begins, const char *ends)
{
	static struct tls_build expected;
	const struct quic_packet packet = {version, 2, false, &original, &original, &none, 0};

	hello.length = frames.length = expected.length = 0;
	from_text(&hello, rfc_client_hello);
	build_crypto(&frames, 0, hello.bytes, hello.length);
	build_fill(&frames, TT_QUIC_PADDING, 1162 - frames.length);
	build_initial(&datagram, &packet, &frames);
	CU_ASSERT_EQUAL(datagram.length, 1200);
	from_text(&expected, begins);
	CU_ASSERT_EQUAL(memcmp(datagram.bytes, expected.bytes, expected.length), 0);
	expected.length = 0;
	from_text(&expected, ends);
	CU_ASSERT_EQUAL(memcmp(datagram.bytes + datagram.length - expected.length, expected.bytes,
				expected.length),
		0);
}

static void test_packets_of_the_rfcs(void)
{
	set_up();
	make_rfc_client_packet(
		TT_QUIC_2, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6a", "");
	datagram.length = 0;
	make_rfc_client_packet(TT_QUIC_1,
		"c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
		"e221af44860018ab0856972e194cd934");
	feed(CLIENT, CLIENT_US);
	from_text(&datagram, rfc_server_packet);
	feed(SERVER, SERVER_US);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(memcmp(seen.server_name, "example.com", 11), 0);
	CU_ASSERT_EQUAL(seen.cipher, 0x1301);
	CU_ASSERT_EQUAL(seen.version, TT_TLS_1_3);
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.opened), 2);
	tear_down();
}

/* Whatever byte of a packet is changed, it is not opened. */
static void test_changed_packet_is_not_opened(void)
{
	struct tt_quic_header header;
	struct tt_quic_keys keys;
	unsigned int opened = 0;

	set_up();
	from_text(&datagram, rfc_server_packet);
	CU_ASSERT(tt_quic_keys_make(&keys, TT_QUIC_1, &original, true));
	for (size_t i = 0; i < datagram.length; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			datagram.bytes[i] ^= (uint8_t)(1U << bit);
			if (tt_quic_header_parse(&header, datagram.bytes, datagram.length) &&
				header.type == TT_QUIC_INITIAL &&
				tt_quic_open(&reader.protection, &keys, &header, reader.plain) > 0)
				opened++;
			datagram.bytes[i] ^= (uint8_t)(1U << bit);
		}
	CU_ASSERT_EQUAL(opened, 0);
	CU_ASSERT(tt_quic_header_parse(&header, datagram.bytes, datagram.length));
	CU_ASSERT_EQUAL(tt_quic_open(&reader.protection, &keys, &header, reader.plain), 99);
	datagram.length = 0;
	tear_down();
}

/* Cut short anywhere, and of random bytes, nothing breaks: each flush against a guard page. */
static void test_datagrams_cut_short(void)
{
	static struct tls_build whole;

	set_up();
	random_state = 5;
	whole.length = 0;
	make_client_hello(100);
	build_crypto(&frames, 0, hello.bytes, hello.length);
	seal(TT_QUIC_1, false, &original, &original);
	build_bytes(&whole, datagram.bytes, datagram.length);
	for (size_t length = 1; length < whole.length; length++) {
		begin();
		build_bytes(&datagram, whole.bytes, length);
		if (length % 3 == 0)
			datagram.bytes[random_below((uint32_t)length)] = (uint8_t)random_below(256);
		feed(CLIENT, CLIENT_US);
		end();
		CU_ASSERT_EQUAL(events, 0);
	}
	tear_down();
}

struct piece {
	size_t begin, end;
};

/* A hello cut into pieces that overlap at random, in random order. */
static unsigned int cut(struct piece pieces[PIECES], size_t length)
{
	unsigned int count = 1 + random_below(PIECES);
	size_t at = 0;

	for (unsigned int i = 0; i < count; i++) {
		size_t left = length - at;
		size_t next = i + 1 == count ? length : at + random_below((uint32_t)left + 1);
		size_t back = random_below(4) == 0 ? random_below((uint32_t)at + 1) : 0;

		pieces[i] = (struct piece){at - back, next};
		at = next;
	}
	for (unsigned int i = count - 1; i > 0; i--) {
		unsigned int other = random_below(i + 1);
		struct piece piece = pieces[i];

		pieces[i] = pieces[other];
		pieces[other] = piece;
	}
	return count;
}

/* Frames that say nothing of a handshake. */
static void build_noise(void)
{
	switch (random_below(4)) {
	case 0:
		build_fill(&frames, TT_QUIC_PADDING, random_below(40));
		break;
	case 1:
		build_number(&frames, 1, TT_QUIC_PING);
		break;
	case 2: /* up to 9, with a delay, two ranges, and counts of ECN */
		from_text(&frames, "030940640100010200054100");
		break;
	default:
		break;
	}
}

/* However a hello is cut into frames, and these are put into packets, the same is learnt. */
static void test_frames_in_any_order(void)
{
	struct piece pieces[PIECES];

	set_up();
	random_state = 1;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		begin();
		make_client_hello(random_below(2000));
		unsigned int count = cut(pieces, hello.length);
		unsigned int sent = 0;
		for (unsigned int i = 0; i < count; i++) {
			build_noise();
			build_crypto(&frames, pieces[i].begin, hello.bytes + pieces[i].begin,
				pieces[i].end - pieces[i].begin);
			if (i + 1 < count && frames.length < 1000 &&
				(i > 5 || random_below(2) == 0))
				continue;
			/* After the server's answer the client has another connection id. */
			seal(TT_QUIC_1, false, &original, sent++ > 0 ? &chosen : &original);
			feed(CLIENT, CLIENT_US);
		}
		tt_quic_connection_close(&work);
		assert_client_seen();
		CU_ASSERT((seen.flags & TT_TLS_HELLO_CUT) == 0);
		CU_ASSERT(seen.fingerprint.client_whole);
		CU_ASSERT_EQUAL(seen.fingerprint.used, 2 + 4 + 1);
		end();
	}
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.not_opened), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.crypto_cut), 0);
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.given_up), 0);
	tear_down();
}

/* Pieces of a message against one flag a byte. */
static void test_message_like_its_model(void)
{
	static struct tt_quic_message message, copy;
	static uint8_t there[TT_QUIC_MESSAGE_BYTES + 1];
	uint8_t bytes[300];

	random_state = 3;
	for (unsigned int round = 0; round < 60; round++) {
		const uint32_t span = round % 2 == 0 ? 2000 : TT_QUIC_MESSAGE_BYTES + 200;

		memset(there, 0, sizeof(there));
		message.ranges = 0;
		for (unsigned int i = 0; i < 60; i++) {
			size_t offset = random_below(span), length = random_below(sizeof(bytes));

			for (size_t at = 0; at < length; at++)
				bytes[at] = (uint8_t)((offset + at) * 31);
			bool kept = tt_quic_message_add(&message, offset, bytes, length);
			CU_ASSERT_EQUAL(
				kept, length == 0 || offset + length <= TT_QUIC_MESSAGE_BYTES);
			for (size_t at = offset; at < offset + length && at < TT_QUIC_MESSAGE_BYTES;
				at++)
				there[at] = 1;
		}
		size_t prefix = 0, count = 0, noted = 0;
		while (there[prefix] != 0)
			prefix++;
		for (size_t at = 0; at < TT_QUIC_MESSAGE_BYTES; at++)
			count += there[at];
		CU_ASSERT_EQUAL(tt_quic_message_prefix(&message), prefix);
		tt_quic_message_copy(&copy, &message);
		CU_ASSERT_EQUAL(copy.ranges, message.ranges);
		for (unsigned int i = 0; i < copy.ranges; i++)
			for (size_t at = copy.range[i].begin; at < copy.range[i].end; at++, noted++)
				CU_ASSERT(there[at] != 0 && copy.bytes[at] == (uint8_t)(at * 31));
		CU_ASSERT_EQUAL(noted, count);
	}
	/* One byte in two leaves a hole each. */
	message.ranges = 0;
	for (unsigned int i = 0; i < TT_QUIC_RANGES; i++)
		CU_ASSERT(tt_quic_message_add(&message, 2UL * i, bytes, 1));
	CU_ASSERT_FALSE(tt_quic_message_add(&message, 2UL * TT_QUIC_RANGES, bytes, 1));
	CU_ASSERT(tt_quic_message_add(&message, 1, bytes, 1));
	CU_ASSERT_EQUAL(tt_quic_message_prefix(&message), 3);
}

static void test_each_version(void)
{
	static const uint32_t versions[] = {TT_QUIC_1, TT_QUIC_2, TT_QUIC_2_DRAFT, TT_QUIC_DRAFT_22,
		TT_QUIC_DRAFT | 23, TT_QUIC_DRAFT | 28, TT_QUIC_DRAFT | 29, TT_QUIC_DRAFT | 32,
		TT_QUIC_DRAFT | 33, TT_QUIC_DRAFT_34, TT_QUIC_MVFST_1, TT_QUIC_MVFST_2};
	static struct tt_tls_ja4_text text;

	set_up();
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		begin();
		send_hello(CLIENT, versions[i], &original, &original);
		CU_ASSERT_EQUAL(events, 0);
		send_hello(SERVER, versions[i], &original, &none);
		assert_both_seen();
		CU_ASSERT(tt_tls_ja4_text(&text, &seen.fingerprint));
		CU_ASSERT_STRING_EQUAL(text.head, "q13d0204h3");
		end();
	}
	tear_down();
}

/* The client of lower port or higher: either direction may be its. */
static void test_either_direction_is_the_client(void)
{
	set_up();
	make_client_hello(10);
	build_crypto(&frames, 0, hello.bytes, hello.length);
	seal(TT_QUIC_1, false, &original, &original);
	feed(1, CLIENT_US);
	make_server_hello();
	build_crypto(&frames, 0, hello.bytes, hello.length);
	seal(TT_QUIC_1, true, &original, &none);
	feed(0, SERVER_US);
	assert_both_seen();
	CU_ASSERT_EQUAL(seen.client_direction, 1);
	tear_down();
}

static void send_retry(void)
{
	build_long_header(&datagram, TT_QUIC_RETRY, TT_QUIC_1, &none, &chosen);
	build_fill(&datagram, 0x70, 60); /* token and tag */
	feed(SERVER, CLIENT_US + 100);
}

/* Keys of the connection id that the Retry gives, with the client's hello before it, or lost. */
static void test_retry(void)
{
	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	send_retry();
	send_hello(CLIENT, TT_QUIC_1, &chosen, &chosen);
	send_hello(SERVER, TT_QUIC_1, &chosen, &none);
	assert_both_seen();
	end();

	begin();
	send_retry();
	send_hello(SERVER, TT_QUIC_1, &chosen, &none);
	tt_quic_connection_close(&work);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT_EQUAL(seen.flags & (TT_TLS_HAS_CLIENT_HELLO | TT_TLS_HAS_SERVER_HELLO),
		TT_TLS_HAS_SERVER_HELLO);
	CU_ASSERT_EQUAL(seen.client_direction, CLIENT);
	tear_down();
}

/* RFC 9368 2.3: the server goes on in another version, with keys of the same connection id. */
static void test_server_of_another_version(void)
{
	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	send_hello(SERVER, TT_QUIC_2, &original, &none);
	assert_both_seen();
	tear_down();
}

/* Other packets before it in its datagram. */
static void test_coalesced_packets(void)
{
	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	build_long_header(&datagram, TT_QUIC_HANDSHAKE, TT_QUIC_1, &none, &chosen);
	build_integer(&datagram, 30);
	build_fill(&datagram, 0xee, 30);
	send_hello(SERVER, TT_QUIC_1, &original, &none);
	assert_both_seen();
	tear_down();
}

/* A HelloRetryRequest: the hellos after it are further on in their CRYPTO streams. */
static void test_hello_retry(void)
{
	static const uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d,
		0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
		0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	make_server_hello();
	memcpy(hello.bytes + 6, retry, sizeof(retry));
	size_t base = hello.length;
	build_crypto(&frames, 0, hello.bytes, hello.length);
	seal(TT_QUIC_1, true, &original, &none);
	feed(SERVER, CLIENT_US + 100);
	CU_ASSERT_EQUAL(events, 0);
	make_server_hello();
	build_crypto(&frames, base, hello.bytes, hello.length);
	seal(TT_QUIC_1, true, &original, &none);
	feed(SERVER, SERVER_US);
	assert_both_seen();
	CU_ASSERT((seen.flags & TT_TLS_RETRIED) != 0);
	tear_down();
}

/* RFC 9000 20.1: a handshake that fails closes the connection with an alert of TLS. */
static void test_alert(void)
{
	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	from_text(&frames,
		"1c"
		"4178"
		"06"
		"00"); /* no_application_protocol, 120 */
	build_fill(&frames, TT_QUIC_PADDING, 20);
	seal(TT_QUIC_1, true, &original, &none);
	feed(SERVER, SERVER_US);
	assert_client_seen();
	CU_ASSERT_EQUAL_FATAL(seen.alert_count, 1);
	CU_ASSERT(seen.alert[0].server);
	CU_ASSERT_EQUAL(seen.alert[0].description, 120);
	tear_down();
}

/* The second packet of a hello never comes: what the first one tells is told at the end. */
static void test_torn_hello(void)
{
	set_up();
	make_client_hello(900);
	build_crypto(&frames, 0, hello.bytes, 200);
	seal(TT_QUIC_1, false, &original, &original);
	feed(CLIENT, CLIENT_US);
	tt_quic_connection_close(&work);
	assert_client_seen();
	CU_ASSERT((seen.flags & TT_TLS_HELLO_CUT) != 0);
	CU_ASSERT_FALSE(seen.fingerprint.client_whole);
	tear_down();
}

/* The tap sees one direction: reported once that is clear. */
static void test_one_direction_alone(void)
{
	set_up();
	send_hello(CLIENT, TT_QUIC_1, &original, &original);
	for (unsigned int i = 0; i < 13 && events == 0; i++) {
		build_fill(&datagram, 0x4f, 1300);
		feed(CLIENT, CLIENT_US + 1);
	}
	assert_client_seen();
	tear_down();
}

/* Packets of a connection whose beginning was not seen are not tried without end. */
static void test_gives_up(void)
{
	set_up();
	for (unsigned int i = 0; i < 2 * TT_QUIC_INITIALS; i++)
		for (unsigned int direction = 0; direction < 2; direction++) {
			build_number(&frames, 1, TT_QUIC_PING);
			build_fill(&frames, 0, 30);
			seal(TT_QUIC_1, direction == SERVER, &original, &chosen);
			feed(direction, CLIENT_US);
		}
	CU_ASSERT(tt_quic_connection_is_finished(&connection));
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.not_opened), 2 * TT_QUIC_INITIALS);
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.given_up), 2);
	CU_ASSERT_EQUAL(tt_counter_read(&reader.counters.initials_high), TT_QUIC_INITIALS);
	CU_ASSERT_EQUAL(events, 0);
	tear_down();
}

/* Neither a packet that is opened nor one that is not makes libcrypto allocate. */
static void test_nothing_is_allocated(void)
{
	struct tt_quic_header header;
	struct tt_quic_keys keys;

	set_up();
	from_text(&datagram, rfc_server_packet);
	CU_ASSERT(tt_quic_header_parse(&header, datagram.bytes, datagram.length));
	allocations = 0;
	for (unsigned int i = 0; i < 20; i++) {
		CU_ASSERT(tt_quic_keys_make(&keys, TT_QUIC_1, &original, i % 2 == 0));
		CU_ASSERT_EQUAL(tt_quic_open(&reader.protection, &keys, &header, reader.plain) > 0,
			i % 2 == 0);
	}
	CU_ASSERT_EQUAL(allocations, 0);
	datagram.length = 0;
	tear_down();
}

static const struct suite_test tests[] = {
	{"keys of the RFCs", test_keys_of_the_rfcs},
	{"packets of the RFCs", test_packets_of_the_rfcs},
	{"a changed packet is not opened", test_changed_packet_is_not_opened},
	{"datagrams cut short", test_datagrams_cut_short},
	{"frames in any order", test_frames_in_any_order},
	{"a message like its model", test_message_like_its_model},
	{"each version", test_each_version},
	{"either direction is the client", test_either_direction_is_the_client},
	{"retry", test_retry},
	{"server of another version", test_server_of_another_version},
	{"coalesced packets", test_coalesced_packets},
	{"hello retry", test_hello_retry},
	{"alert", test_alert},
	{"torn hello", test_torn_hello},
	{"one direction alone", test_one_direction_alone},
	{"gives up", test_gives_up},
	{"nothing is allocated", test_nothing_is_allocated},
};

SUITE_MAIN("quic", tests)
