/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmarks' conversations as a capture file: whole sessions, each at another point of its life,
 * a pass over all of them every PASS_US. What there is to be seen in it goes to standard output, as
 * a JSON object.
 *
 * usage: replay_capture web|setup|churn|dns SESSIONS FILE
 */
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_US	     10000
#define START_S	     1700000000
#define PCAP_MAGIC   0xa1b2c3d4 /* microseconds */
#define SNAPLEN	     65535
#define SESSIONS_MAX 1000000

struct record_header {
	uint32_t s;
	uint32_t us;
	uint32_t captured;
	uint32_t wire;
};

static void fail(const char *what)
{
	fprintf(stderr, "replay_capture: %s\n", what);
	exit(1);
}

static void put(FILE *file, const void *bytes, size_t length)
{
	if (fwrite(bytes, length, 1, file) != 1)
		fail("cannot write the file");
}

static void put_packet(
	FILE *file, const struct tt_replay *replay, uint64_t session, uint32_t at, uint64_t time_us)
{
	uint8_t frame[TT_REPLAY_FRAME_BYTES_MAX] = {0};
	bool from_client;
	uint32_t length = tt_replay_write(replay, session, at, frame, &from_client);
	const struct record_header header = {START_S + (uint32_t)(time_us / 1000000),
		(uint32_t)(time_us % 1000000), length, length};

	put(file, &header, sizeof(header));
	put(file, frame, length);
}

static void write_sessions(FILE *file, const struct tt_replay *replay, uint32_t sessions)
{
	const uint32_t header[] = {PCAP_MAGIC, 2 | 4 << 16, 0, 0, SNAPLEN, 1 /* Ethernet */};

	put(file, header, sizeof(header));
	for (uint32_t pass = 0; pass < 2 * replay->packets; pass++)
		for (uint32_t session = 0; session < sessions; session++) {
			uint32_t begins = session * 31 % replay->packets;

			if (pass < begins || pass - begins >= replay->packets)
				continue;
			put_packet(file, replay, session, pass - begins,
				(uint64_t)pass * PASS_US + (uint64_t)session * PASS_US / sessions);
		}
}

static void print_truth(const struct tt_replay *replay, uint32_t sessions)
{
	struct tt_replay_truth truth = {0};

	for (uint32_t session = 0; session < sessions; session++)
		tt_replay_tell(replay, session, &truth);
	printf("{\"packets\":%" PRIu64 ",\"wire_bytes\":%" PRIu64 ",\"flows\":%" PRIu64
	       ",\"tcp_flows\":%" PRIu64 ",\"ipv6_flows\":%" PRIu64 ",\"dns\":%" PRIu64
	       ",\"http\":%" PRIu64 ",\"tls\":%" PRIu64 ",\"retransmitted\":%" PRIu64 "}\n",
		truth.packets, truth.wire_bytes, truth.flows, truth.tcp_flows, truth.ipv6_flows,
		truth.dns, truth.http, truth.tls, truth.retransmitted);
}

int main(int argc, char **argv)
{
	unsigned int kind = 0;
	unsigned long sessions = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;

	while (argc == 4 && kind < TT_REPLAY_KINDS && strcmp(argv[1], tt_replay_name(kind)) != 0)
		kind++;
	if (sessions < 1 || sessions > SESSIONS_MAX || kind == TT_REPLAY_KINDS)
		fail("usage: replay_capture web|setup|churn|dns SESSIONS FILE");
	struct tt_replay *replay = tt_replay_create(kind, 1);
	FILE *file = fopen(argv[3], "wb");

	if (replay == NULL || file == NULL)
		fail("no memory, or cannot write the file");
	write_sessions(file, replay, (uint32_t)sessions);
	if (fclose(file) != 0)
		fail("cannot write the file");
	print_truth(replay, (uint32_t)sessions);
	tt_replay_destroy(replay);
	return 0;
}
