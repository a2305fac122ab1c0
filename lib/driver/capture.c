/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/capture.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mbufs taken from the pool at a time. */
#define STASH 64

/* Read-ahead: a system call for every few hundred packets, not for every four. */
#define FILE_BUFFER_BYTES (64 * 1024)

/* The longest frame a record's wire length is believed to tell of. Segmentation offload makes
 * frames of 512 KiB at most (Linux's GSO_MAX_SIZE); more is a damaged or invented length. */
#define WIRE_BYTES_LIMIT (1 << 20)

struct tt_capture {
	pcap_t *pcap; /* NULL once ended */
	const char *path;
	FILE *file;
	char *file_buffer;
	struct rte_mempool *pool;
	uint8_t link; /* enum tt_link_type */
	int status;
	uint64_t packets;

	/* The record that was read when the pool was empty; libpcap keeps its bytes until the
	 * next one is read. */
	const struct pcap_pkthdr *held;
	const u_char *held_bytes;

	uint32_t segment_bytes; /* of a frame in one mbuf */
	unsigned int stashed;
	struct rte_mbuf *stash[STASH];
};

static const char *shown_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* pcap_datalink()'s DLT_ values to ours; -1 for a type that is not decoded. */
static int link_type_of(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
		return TT_LINK_ETHERNET;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return TT_LINK_RAW_IP;
	case DLT_LINUX_SLL:
		return TT_LINK_LINUX_SLL;
	case DLT_LINUX_SLL2:
		return TT_LINK_LINUX_SLL2;
	case DLT_NULL:
		return TT_LINK_NULL;
	case DLT_LOOP:
		return TT_LINK_LOOP;
	case DLT_PPP:
		return TT_LINK_PPP;
	default:
		return -1;
	}
}

/* Why libpcap did not take the file, in words that help: it is empty, compressed, or no capture. */
static int log_not_a_capture(const char *path, const char *reason)
{
	static const struct {
		uint8_t magic[4];
		uint8_t length;
		const char *cat;
	} compressed[] = {
		{{0x1f, 0x8b}, 2, "zcat"},
		{{0xfd, '7', 'z', 'X'}, 4, "xzcat"},
		{{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstdcat"},
		{{'B', 'Z', 'h'}, 3, "bzcat"},
	};
	struct stat status;
	uint8_t head[4] = {0};

	if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
		if (status.st_size == 0) {
			tt_log_error("%s: the file is empty", path);
			return TT_ERROR_CORRUPT;
		}
		FILE *file = fopen(path, "rbe");
		size_t got = file == NULL ? 0 : fread(head, 1, sizeof(head), file);
		if (file != NULL)
			fclose(file);
		for (size_t i = 0; i < sizeof(compressed) / sizeof(compressed[0]); i++)
			if (got == sizeof(head) &&
				memcmp(head, compressed[i].magic, compressed[i].length) == 0) {
				tt_log_error("%s: a compressed file: unpack it with \"%s\", which "
					     "may write to a pipe read as \"-\"",
					path, compressed[i].cat);
				return TT_ERROR_CORRUPT;
			}
	}
	tt_log_error("%s: not a pcap or pcapng capture: %s", shown_name(path), reason);
	return TT_ERROR_CORRUPT;
}

static int open_file(struct tt_capture *capture)
{
	const char *path = capture->path;
	struct stat status;

	if (strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO)) {
			tt_log_error("standard input is a terminal: give it a capture");
			return TT_ERROR_IO;
		}
		capture->file = stdin;
	} else {
		capture->file = fopen(path, "rbe");
	}
	if (capture->file == NULL || fstat(fileno(capture->file), &status) != 0) {
		int code = tt_error_from_errno(errno);
		tt_log_error("%s: %s", path, strerror(errno));
		return code;
	}
	if (S_ISDIR(status.st_mode)) {
		tt_log_error("%s: a directory, not a capture file", path);
		return TT_ERROR_IO;
	}
	capture->file_buffer = malloc(FILE_BUFFER_BYTES);
	if (capture->file_buffer == NULL)
		return TT_ERROR_MEMORY;
	setvbuf(capture->file, capture->file_buffer, _IOFBF, FILE_BUFFER_BYTES);
	return 0;
}

static int open_capture(struct tt_capture *capture)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	int code = open_file(capture);

	if (code != 0)
		return code;
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(
		capture->file, PCAP_TSTAMP_PRECISION_MICRO, reason);
	if (capture->pcap == NULL)
		return log_not_a_capture(capture->path, reason);

	int dlt = pcap_datalink(capture->pcap);
	int link = link_type_of(dlt);
	if (link < 0) {
		const char *name = pcap_datalink_val_to_name(dlt);
		tt_log_error("%s: link type %s (%d) is not supported; Ethernet, raw IP, Linux "
			     "cooked, BSD loopback and PPP are",
			shown_name(capture->path), name == NULL ? "unknown" : name, dlt);
		return TT_ERROR_UNSUPPORTED;
	}
	capture->link = (uint8_t)link;
	return 0;
}

/* libpcap closes the file with itself, but never standard input. */
static void close_file(struct tt_capture *capture)
{
	if (capture->pcap != NULL)
		pcap_close(capture->pcap);
	else if (capture->file != NULL && capture->file != stdin)
		fclose(capture->file);
	if (capture->file == stdin && capture->file_buffer != NULL)
		fclose(stdin);
	capture->pcap = NULL;
	capture->file = NULL;
	free(capture->file_buffer);
	capture->file_buffer = NULL;
}

int tt_capture_open(struct tt_capture **capture, const char *path, struct rte_mempool *pool)
{
	uint32_t segment_bytes = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

	*capture = NULL;
	if ((uint64_t)pool->size * segment_bytes < TT_CAPTURE_FRAME_BYTES) {
		tt_log_error("%s: a mempool of %u mbufs of %u bytes is less than one frame of %d "
			     "bytes",
			shown_name(path), pool->size, segment_bytes, TT_CAPTURE_FRAME_BYTES);
		return TT_ERROR_MEMORY;
	}

	struct tt_capture *opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return TT_ERROR_MEMORY;
	opened->path = path;
	opened->pool = pool;
	opened->segment_bytes = segment_bytes;
	int code = open_capture(opened);
	if (code != 0) {
		tt_capture_close(opened);
		return code;
	}
	*capture = opened;
	return 0;
}

static void end(struct tt_capture *capture, int status)
{
	capture->status = status;
	rte_pktmbuf_free_bulk(capture->stash, capture->stashed);
	capture->stashed = 0;
	close_file(capture);
}

void tt_capture_close(struct tt_capture *capture)
{
	if (capture == NULL)
		return;
	end(capture, capture->status);
	free(capture);
}

/* The next record, which stays `held` until it is in mbufs; false at the end. */
static bool read_record(struct tt_capture *capture)
{
	struct pcap_pkthdr *header;

	if (capture->held != NULL)
		return true;

	int result = pcap_next_ex(capture->pcap, &header, &capture->held_bytes);
	if (result == 1 && header->caplen <= TT_CAPTURE_FRAME_BYTES) {
		capture->held = header;
		return true;
	}
	if (result == PCAP_ERROR_BREAK) {
		end(capture, 0);
		return false;
	}

	/* libpcap tells a file cut short from a record it does not believe by its text only. */
	const char *reason =
		result == 1 ? "a record is longer than any frame" : pcap_geterr(capture->pcap);
	bool cut = strncmp(reason, "truncated ", strlen("truncated ")) == 0;
	if (cut)
		tt_log_warning("%s: cut off in the middle of a record; the %" PRIu64
			       " packets before it were read",
			shown_name(capture->path), capture->packets);
	else
		tt_log_warning("%s: corrupt record after %" PRIu64 " packets, which were read: %s",
			shown_name(capture->path), capture->packets, reason);
	end(capture, cut ? TT_ERROR_TRUNCATED : TT_ERROR_CORRUPT);
	return false;
}

static struct rte_mbuf *take_mbuf(struct tt_capture *capture)
{
	if (capture->stashed == 0) {
		if (rte_pktmbuf_alloc_bulk(capture->pool, capture->stash, STASH) != 0)
			return rte_pktmbuf_alloc(capture->pool);
		capture->stashed = STASH;
	}
	return capture->stash[--capture->stashed];
}

/* A frame too long for one mbuf, as a chain; NULL when the pool has too few. */
static struct rte_mbuf *take_chain(struct tt_capture *capture, const u_char *bytes, uint32_t length)
{
	struct rte_mbuf *head = take_mbuf(capture);
	uint32_t done = 0;

	for (struct rte_mbuf *last = head; last != NULL; last = last->next) {
		uint32_t part = RTE_MIN(length - done, capture->segment_bytes);
		memcpy(rte_pktmbuf_mtod(last, void *), bytes + done, part);
		last->data_len = (uint16_t)part;
		done += part;
		if (done == length) {
			head->pkt_len = length;
			return head;
		}
		last->next = take_mbuf(capture);
		head->nb_segs = (uint16_t)(head->nb_segs + (last->next != NULL));
	}
	rte_pktmbuf_free(head);
	return NULL;
}

static struct rte_mbuf *take_frame(struct tt_capture *capture)
{
	uint32_t length = capture->held->caplen;

	if (unlikely(length > capture->segment_bytes))
		return take_chain(capture, capture->held_bytes, length);

	struct rte_mbuf *mbuf = take_mbuf(capture);
	if (mbuf == NULL)
		return NULL;
	memcpy(rte_pktmbuf_mtod(mbuf, void *), capture->held_bytes, length);
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = length;
	return mbuf;
}

/* libpcap takes the 32-bit seconds of pcap as signed: those from 2038 on come out negative. */
static uint64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t seconds = header->ts.tv_sec;

	if (seconds < 0)
		seconds = (int64_t)(uint32_t)seconds;
	return (uint64_t)seconds * 1000000 + (uint64_t)header->ts.tv_usec;
}

unsigned int tt_capture_receive(
	struct tt_capture *capture, struct tt_received *received, unsigned int limit, uint8_t port)
{
	unsigned int count = 0;

	while (count < limit && capture->pcap != NULL && read_record(capture)) {
		const struct pcap_pkthdr *header = capture->held;
		struct rte_mbuf *mbuf = take_frame(capture);
		if (mbuf == NULL)
			break;
		mbuf->port = port;
		uint32_t wire_bytes = header->len;
		if (wire_bytes < header->caplen || wire_bytes > WIRE_BYTES_LIMIT)
			wire_bytes = header->caplen;
		received[count++] = (struct tt_received){
			.mbuf = mbuf,
			.time_us = time_of(header),
			.wire_bytes = wire_bytes,
			.port = port,
			.link = capture->link,
		};
		capture->held = NULL;
		capture->packets++;
	}
	return count;
}

bool tt_capture_ended(const struct tt_capture *capture)
{
	return capture->pcap == NULL;
}

int tt_capture_status(const struct tt_capture *capture)
{
	return capture->status;
}
