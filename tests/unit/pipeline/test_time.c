/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets whose times run backwards, as in captures merged from several and on ports whose clocks
 * differ: whatever is measured of a connection is no longer than the connection itself.
 */
#include "rig.h"

#define BASE_US	 UINT64_C(1700000000000000)
#define FLOWS	 300
#define SEGMENTS 40
#define SPAN_US	 200000

/* xorshift64 (Marsaglia 2003), so that every run asks the same. */
static unsigned int below(uint64_t *state, unsigned int limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned int)(*state >> 33) % limit;
}

static void set_window(struct traffic *traffic, uint16_t window)
{
	uint8_t *bytes = traffic->frames[traffic->count - 1].bytes + 14 + 20 + 14;

	bytes[0] = (uint8_t)(window >> 8);
	bytes[1] = (uint8_t)window;
}

/* A handshake, then data and ACKs of both sides, with windows that close and open; each packet some
 * time within SPAN_US of BASE_US. */
static struct traffic make_traffic(void)
{
	struct traffic traffic = {.time_us = BASE_US};
	uint64_t state = 3;

	for (unsigned int i = 0; i < FLOWS; i++) {
		const struct endpoint end[2] = {
			{0x0b000000 + i, (uint16_t)(40000 + i)}, {0x0a000002, 443}};
		uint32_t next[2] = {1000, 5000};

		for (unsigned int n = 0; n < SEGMENTS; n++) {
			unsigned int from = n < 3 ? n % 2 : below(&state, 2);
			uint8_t flags = n == 0 ? TT_TCP_SYN
				: n == 1       ? TT_TCP_SYN | TT_TCP_ACK
					       : TT_TCP_ACK;
			size_t bytes = n < 3 ? 0 : below(&state, 3) * 20;

			traffic.time_us = BASE_US + below(&state, SPAN_US);
			traffic.port = (uint8_t)from;
			traffic_tcp(&traffic, end[from], end[!from], flags, next[from],
				n == 0 ? 0 : next[!from], bytes);
			if (n >= 3)
				set_window(&traffic, below(&state, 2) == 0 ? 0 : 8192);
			next[from] += (uint32_t)bytes + (n < 2);
		}
	}
	return traffic;
}

static unsigned int longer(const struct tt_connection_record *record, uint32_t present,
	uint32_t bit, uint32_t interval_us)
{
	return (present & bit) != 0 && interval_us > record->end_us - record->start_us;
}

static unsigned int too_long(const struct tt_connection_record *record)
{
	const struct tt_tcp_summary *tcp = &record->tcp;
	unsigned int count = record->start_us > record->end_us || record->start_us < BASE_US ||
		record->end_us >= BASE_US + SPAN_US;

	count += longer(record, tcp->present, TT_TCP_HAS_HANDSHAKE_TIME, tcp->handshake_us);
	count +=
		longer(record, tcp->present, TT_TCP_HAS_HANDSHAKE_SERVER, tcp->handshake_server_us);
	count +=
		longer(record, tcp->present, TT_TCP_HAS_HANDSHAKE_CLIENT, tcp->handshake_client_us);
	count += longer(record, tcp->present, TT_TCP_HAS_RTT_SERVER, tcp->rtt_server_us);
	count += longer(record, tcp->present, TT_TCP_HAS_RTT_CLIENT, tcp->rtt_client_us);
	for (unsigned int side = 0; side < 2; side++)
		count += longer(record, tcp->half[side].present, TT_TCP_HAS_COUNTS,
			tcp->half[side].zero_window_us);
	return count;
}

static void nothing_takes_longer_than_its_connection(void)
{
	struct traffic traffic = make_traffic();
	struct rig rig = rig_make(&traffic, 1);
	unsigned int wrong = 0, zero_windows = 0, handshakes = 0;

	rig_run(&rig);
	CU_ASSERT_EQUAL(rig.count, FLOWS);
	for (size_t i = 0; i < rig.count; i++) {
		wrong += too_long(&rig.records[i]);
		zero_windows += rig.records[i].tcp.half[0].zero_window_us > 0;
		handshakes += (rig.records[i].tcp.present & TT_TCP_HAS_HANDSHAKE_TIME) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(zero_windows > FLOWS / 2);
	CU_ASSERT(handshakes > FLOWS / 2);
	rig_free(&rig);
	traffic_free(&traffic);
}

static const struct suite_test tests[] = {
	{"nothing takes longer than its connection", nothing_takes_longer_than_its_connection},
};

SUITE_MAIN("pipeline_time", tests)
