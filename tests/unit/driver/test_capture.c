/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "driver/capture.h"
#include "driver/eal.h"

#include "driver/capture_file.h"
#include "driver/stderr_text.h"
#include "suite.h"

#include <rte_mempool.h>
#include <sys/stat.h>

#define SECONDS 1700000000u

static struct rte_mempool *pool; /* 2,047 mbufs of 2,048 bytes */

/* Is the mbuf a sound chain that holds the first `captured` bytes of frame `number`? */
static bool holds_frame(const struct rte_mbuf *mbuf, uint32_t number, uint32_t captured)
{
	uint32_t position = 0;
	uint16_t segments = 0;

	if (mbuf->pkt_len != captured)
		return false;
	for (const struct rte_mbuf *segment = mbuf; segment != NULL; segment = segment->next) {
		const uint8_t *bytes = rte_pktmbuf_mtod(segment, const uint8_t *);
		if (segment->data_len > 2048)
			return false;
		for (uint16_t i = 0; i < segment->data_len; i++, position++)
			if (bytes[i] != frame_byte(number, position))
				return false;
		segments++;
	}
	return position == captured && segments == mbuf->nb_segs;
}

/* Reads all that comes now, checks frame numbers from `first` on, frees it. */
static unsigned int drain(struct tt_capture *capture, uint32_t first, uint32_t captured)
{
	struct tt_received received[64];
	unsigned int count, total = 0;

	while ((count = tt_capture_receive(capture, received, 64, 3)) > 0)
		for (unsigned int i = 0; i < count; i++, total++) {
			CU_ASSERT_TRUE(holds_frame(received[i].mbuf, first + total, captured));
			CU_ASSERT_EQUAL(received[i].port, 3);
			rte_pktmbuf_free(received[i].mbuf);
		}
	return total;
}

static void expect_pool_whole(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* Opening fails with `code` and one line that has `part` in it. */
static void expect_refused(const char *path, int code, const char *part)
{
	struct tt_capture *capture;
	struct stderr_text said;

	stderr_begin(&said);
	int result = tt_capture_open(&capture, path, pool);
	int lines = stderr_end(&said);
	CU_ASSERT_EQUAL(result, code);
	CU_ASSERT_EQUAL(lines, 1);
	CU_ASSERT_PTR_NULL(capture);
	CU_ASSERT_PTR_NOT_NULL(strstr(said.text, part));
	if (result != code || strstr(said.text, part) == NULL)
		fprintf(stderr, "%d %s", result, said.text);
}

static void test_times_and_lengths(void)
{
	static const struct {
		uint32_t magic, fraction;
	} precisions[] = {{PCAP_MICROSECONDS, 123456}, {PCAP_NANOSECONDS, 123456789}};

	for (size_t i = 0; i < 2; i++) {
		struct capture_file file = {0};
		struct tt_received received[8];
		struct tt_capture *capture;

		put_pcap_header(&file, precisions[i].magic, 1);
		put_record(&file, SECONDS, precisions[i].fraction, 1, 60, 60);
		put_record(&file, SECONDS + 1, 0, 2, 64, 1514);
		/* Past 2038, as an unsigned 32-bit number. */
		put_record(&file, 0xfffffff0u, 0, 3, 0, 0);
		put_record(&file, SECONDS, 0, 4, 100, 20);
		put_record(&file, SECONDS, 0, 5, 100, 0xffffffffu);
		CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
		CU_ASSERT_FALSE(tt_capture_ended(capture));
		CU_ASSERT_EQUAL_FATAL(tt_capture_receive(capture, received, 8, 7), 5);
		CU_ASSERT_EQUAL(received[0].time_us, (uint64_t)SECONDS * 1000000 + 123456);
		CU_ASSERT_EQUAL(received[0].wire_bytes, 60);
		CU_ASSERT_EQUAL(received[0].port, 7);
		CU_ASSERT_EQUAL(received[0].link, TT_LINK_ETHERNET);
		CU_ASSERT_EQUAL(received[1].wire_bytes, 1514);
		CU_ASSERT_TRUE(holds_frame(received[1].mbuf, 2, 64));
		CU_ASSERT_EQUAL(received[2].time_us, (uint64_t)0xfffffff0u * 1000000);
		CU_ASSERT_TRUE(holds_frame(received[2].mbuf, 3, 0));
		/* Never less on the wire than was captured, and no absurd lengths. */
		CU_ASSERT_EQUAL(received[3].wire_bytes, 100);
		CU_ASSERT_EQUAL(received[4].wire_bytes, 100);
		for (int j = 0; j < 5; j++)
			rte_pktmbuf_free(received[j].mbuf);
		CU_ASSERT_EQUAL(tt_capture_receive(capture, received, 8, 7), 0);
		CU_ASSERT_TRUE(tt_capture_ended(capture));
		CU_ASSERT_EQUAL(tt_capture_status(capture), 0);
		expect_pool_whole();
		tt_capture_close(capture);
		discard(&file);
	}
}

static void test_link_types(void)
{
	static const struct {
		uint32_t link_type;
		enum tt_link_type link;
	} known[] = {
		{1, TT_LINK_ETHERNET},
		{101, TT_LINK_RAW_IP},
		{228, TT_LINK_RAW_IP},
		{229, TT_LINK_RAW_IP},
		{113, TT_LINK_LINUX_SLL},
		{276, TT_LINK_LINUX_SLL2},
		{0, TT_LINK_NULL},
		{108, TT_LINK_LOOP},
		{9, TT_LINK_PPP},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct capture_file file = {0};
		struct tt_received received;
		struct tt_capture *capture;

		put_pcap_header(&file, PCAP_MICROSECONDS, known[i].link_type);
		put_record(&file, SECONDS, 0, 1, 60, 60);
		CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
		CU_ASSERT_EQUAL_FATAL(tt_capture_receive(capture, &received, 1, 0), 1);
		CU_ASSERT_EQUAL(received.link, known[i].link);
		rte_pktmbuf_free(received.mbuf);
		tt_capture_close(capture);
		discard(&file);
	}

	struct capture_file file = {0};
	put_pcap_header(&file, PCAP_MICROSECONDS, 127);
	expect_refused(save(&file), TT_ERROR_UNSUPPORTED, "IEEE802_11_RADIO (127)");
	discard(&file);
}

static void test_pcapng(void)
{
	for (uint8_t resolution = 6; resolution <= 9; resolution += 3) {
		struct capture_file file = {0};
		struct tt_received received[4];
		struct tt_capture *capture;
		uint64_t scale = resolution == 6 ? 1 : 1000;

		put_section_header(&file);
		put_interface(&file, 1, resolution);
		put_enhanced_packet(&file, ((uint64_t)SECONDS * 1000000 + 5) * scale, 1, 61, 1514);
		put_block(&file, 5, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
		put_enhanced_packet(&file, ((uint64_t)SECONDS * 1000000 + 6) * scale, 2, 60, 60);
		CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
		CU_ASSERT_EQUAL_FATAL(tt_capture_receive(capture, received, 4, 0), 2);
		CU_ASSERT_EQUAL(received[0].time_us, (uint64_t)SECONDS * 1000000 + 5);
		CU_ASSERT_EQUAL(received[0].wire_bytes, 1514);
		CU_ASSERT_TRUE(holds_frame(received[0].mbuf, 1, 61));
		CU_ASSERT_EQUAL(received[1].time_us, (uint64_t)SECONDS * 1000000 + 6);
		rte_pktmbuf_free(received[0].mbuf);
		rte_pktmbuf_free(received[1].mbuf);
		CU_ASSERT_TRUE(tt_capture_ended(capture));
		CU_ASSERT_EQUAL(tt_capture_status(capture), 0);
		tt_capture_close(capture);
		discard(&file);
	}
}

static void test_long_frames_become_chains(void)
{
	static const uint32_t lengths[] = {
		2047, 2048, 2049, 4096, 9014, 65535, 65536, 70000, 200000, TT_CAPTURE_FRAME_BYTES};
	const uint32_t count = sizeof(lengths) / sizeof(lengths[0]);
	struct capture_file file = {0};
	struct tt_received received[16];
	struct tt_capture *capture;

	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	for (uint32_t i = 0; i < count; i++)
		put_record(&file, SECONDS, i, i, lengths[i], lengths[i]);
	CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
	CU_ASSERT_EQUAL_FATAL(tt_capture_receive(capture, received, 16, 0), count);
	for (uint32_t i = 0; i < count; i++) {
		CU_ASSERT_TRUE(holds_frame(received[i].mbuf, i, lengths[i]));
		CU_ASSERT_EQUAL(received[i].wire_bytes, lengths[i]);
		CU_ASSERT_EQUAL(received[i].mbuf->nb_segs, (lengths[i] + 2047) / 2048);
		rte_pktmbuf_free(received[i].mbuf);
	}
	tt_capture_close(capture);
	expect_pool_whole();
	discard(&file);
}

/* Keep all that is received until nothing comes, then let go: the rest comes, in order. */
static void test_empty_pool_loses_nothing(void)
{
	static const uint32_t lengths[] = {60, 5000};

	for (size_t l = 0; l < 2; l++) {
		struct capture_file file = {0};
		struct tt_capture *capture;
		static struct rte_mbuf *kept[4096];
		struct tt_received received[64];
		const uint32_t packets = 5000;
		uint32_t seen = 0;

		put_pcap_header(&file, PCAP_MICROSECONDS, 1);
		for (uint32_t i = 0; i < packets; i++)
			put_record(&file, SECONDS, i, i, lengths[l], lengths[l]);
		CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
		for (int rounds = 0; rounds < 1000 && !tt_capture_ended(capture); rounds++) {
			unsigned int held = 0, count;
			while ((count = tt_capture_receive(capture, received, 64, 0)) > 0)
				for (unsigned int i = 0; i < count; i++)
					kept[held++] = received[i].mbuf;
			/* Again, and still nothing, while the pool is empty. */
			CU_ASSERT_EQUAL(tt_capture_receive(capture, received, 64, 0), 0);
			for (unsigned int i = 0; i < held; i++) {
				CU_ASSERT_TRUE(holds_frame(kept[i], seen++, lengths[l]));
				rte_pktmbuf_free(kept[i]);
			}
		}
		CU_ASSERT_EQUAL(seen, packets);
		CU_ASSERT_TRUE(tt_capture_ended(capture));
		CU_ASSERT_EQUAL(tt_capture_status(capture), 0);
		expect_pool_whole();
		tt_capture_close(capture);
		discard(&file);
	}
}

static void test_a_held_packet_is_given_back_on_close(void)
{
	struct capture_file file = {0};
	struct tt_capture *capture;
	struct tt_received received;

	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	for (uint32_t i = 0; i < 100; i++)
		put_record(&file, SECONDS, i, i, 60, 60);
	CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
	CU_ASSERT_EQUAL_FATAL(tt_capture_receive(capture, &received, 1, 0), 1);
	rte_pktmbuf_free(received.mbuf);
	tt_capture_close(capture);
	expect_pool_whole();
	discard(&file);
}

/* Reads a file of which some packets are whole; the fault is one warning that counts them. */
static void expect_fault(const char *path, unsigned int packets, int status)
{
	struct tt_capture *capture;
	struct stderr_text said;
	char counted[64];

	CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, path, pool), 0);
	stderr_begin(&said);
	unsigned int count = drain(capture, 0, 100);
	int lines = stderr_end(&said);
	CU_ASSERT_EQUAL(count, packets);
	CU_ASSERT_TRUE(tt_capture_ended(capture));
	CU_ASSERT_EQUAL(tt_capture_status(capture), status);
	CU_ASSERT_EQUAL(lines, 1);
	snprintf(counted, sizeof(counted), "%u packets", packets);
	CU_ASSERT_PTR_NOT_NULL(strstr(said.text, counted));
	CU_ASSERT_PTR_NOT_NULL(strstr(said.text, path));
	tt_capture_close(capture);
	expect_pool_whole();
}

static void test_cut_files(void)
{
	/* In the frame, in the record's header, after its first byte. */
	static const size_t cuts[] = {1, 99, 101, 115};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct capture_file file = {0};
		put_pcap_header(&file, PCAP_MICROSECONDS, 1);
		for (uint32_t j = 0; j < 6; j++)
			put_record(&file, SECONDS, j, j, 100, 100);
		file.length -= cuts[i];
		expect_fault(save(&file), 5, TT_ERROR_TRUNCATED);
		discard(&file);
	}

	struct capture_file file = {0};
	put_section_header(&file);
	put_interface(&file, 1, 6);
	for (uint32_t j = 0; j < 3; j++)
		put_enhanced_packet(&file, j, j, 100, 100);
	file.length -= 20;
	expect_fault(save(&file), 2, TT_ERROR_TRUNCATED);
	discard(&file);
}

static void test_corrupt_files(void)
{
	static const uint32_t lengths[] = {TT_CAPTURE_FRAME_BYTES + 1, 0x7fffffffu, 0xffffffffu};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct capture_file file = {0};
		put_pcap_header(&file, PCAP_MICROSECONDS, 1);
		for (uint32_t j = 0; j < 4; j++)
			put_record(&file, SECONDS, j, j, 100, 100);
		put_u32(&file, SECONDS);
		put_u32(&file, 0);
		put_u32(&file, lengths[i]);
		put_u32(&file, lengths[i]);
		put_frame(&file, 4, 400000);
		expect_fault(save(&file), 4, TT_ERROR_CORRUPT);
		discard(&file);
	}

	struct capture_file file = {0};
	put_section_header(&file);
	put_interface(&file, 1, 6);
	put_enhanced_packet(&file, 0, 0, 100, 100);
	put_u32(&file, 6);
	put_u32(&file, 13);
	put_frame(&file, 4, 64);
	expect_fault(save(&file), 1, TT_ERROR_CORRUPT);
	discard(&file);
}

static void test_refused_files(void)
{
	struct capture_file file = {0};

	expect_refused("/tmp/taptrace-no-such-file", TT_ERROR_NOT_FOUND, "No such file");
	expect_refused("/tmp", TT_ERROR_IO, "directory");
	expect_refused(save(&file), TT_ERROR_CORRUPT, "empty");
	discard(&file);
	put(&file, "GET / HTTP/1.1\r\n\r\n and more of what is no capture", 40);
	expect_refused(save(&file), TT_ERROR_CORRUPT, "not a pcap or pcapng capture");
	discard(&file);
	put(&file, "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
	expect_refused(save(&file), TT_ERROR_CORRUPT, "zcat");
	discard(&file);
	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	file.length = 10;
	expect_refused(save(&file), TT_ERROR_CORRUPT, "not a pcap");
	discard(&file);
	/* A name that would forge a line. */
	expect_refused("/tmp/no\nsuch", TT_ERROR_NOT_FOUND, "/tmp/no?such");
}

static void test_a_file_without_packets_ends(void)
{
	struct capture_file file = {0};
	struct tt_capture *capture;

	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, save(&file), pool), 0);
	CU_ASSERT_EQUAL(drain(capture, 0, 0), 0);
	CU_ASSERT_TRUE(tt_capture_ended(capture));
	CU_ASSERT_EQUAL(tt_capture_status(capture), 0);
	tt_capture_close(capture);
	discard(&file);
}

static void test_standard_input(void)
{
	struct capture_file file = {0};
	struct tt_capture *capture;
	int pipe_ends[2];

	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	for (uint32_t i = 0; i < 100; i++)
		put_record(&file, SECONDS, i, i, 100, 100);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_ends), 0);
	CU_ASSERT_EQUAL(write(pipe_ends[1], file.bytes, file.length), (ssize_t)file.length);
	close(pipe_ends[1]);
	dup2(pipe_ends[0], STDIN_FILENO);
	close(pipe_ends[0]);
	CU_ASSERT_EQUAL_FATAL(tt_capture_open(&capture, "-", pool), 0);
	CU_ASSERT_EQUAL(drain(capture, 0, 100), 100);
	CU_ASSERT_TRUE(tt_capture_ended(capture));
	tt_capture_close(capture);
	discard(&file);
}

static void test_a_pool_too_small_for_a_frame_is_refused(void)
{
	struct capture_file file = {0};
	struct tt_capture *capture;
	struct rte_mempool *small =
		rte_pktmbuf_pool_create("small", 127, 0, 0, 2048 + 128, SOCKET_ID_ANY);

	put_pcap_header(&file, PCAP_MICROSECONDS, 1);
	CU_ASSERT_EQUAL(tt_capture_open(&capture, save(&file), small), TT_ERROR_MEMORY);
	CU_ASSERT_PTR_NULL(capture);
	rte_mempool_free(small);
	discard(&file);
}

static const struct suite_test tests[] = {
	{"times and lengths", test_times_and_lengths},
	{"link types", test_link_types},
	{"pcapng", test_pcapng},
	{"long frames become chains", test_long_frames_become_chains},
	{"an empty pool loses nothing", test_empty_pool_loses_nothing},
	{"a held packet is given back on close", test_a_held_packet_is_given_back_on_close},
	{"cut files", test_cut_files},
	{"corrupt files", test_corrupt_files},
	{"refused files", test_refused_files},
	{"a file without packets ends", test_a_file_without_packets_ends},
	{"standard input", test_standard_input},
	{"a pool too small for a frame is refused", test_a_pool_too_small_for_a_frame_is_refused},
};

int main(void)
{
	const struct tt_config config = {.workers = {.count = 1}};
	const struct tt_eal_request request = {
		.config = &config, .captures = true, .heap_bytes = 32 << 20, .nodes = 1};

	if (tt_eal_start(&request) != 0)
		return 2;
	pool = rte_pktmbuf_pool_create("pool", 2047, 0, 0, 2048 + 128, SOCKET_ID_ANY);
	if (pool == NULL)
		return 2;
	int status = suite_run("driver_capture", tests, sizeof(tests) / sizeof(tests[0]));
	rte_mempool_free(pool);
	tt_eal_stop();
	return status;
}
