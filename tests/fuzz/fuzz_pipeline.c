/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture of any frames, through the whole pipeline and into records. The input's first byte says
 * how many workers there are, and which mbufs; each frame is a chunk: its length in two bytes, how
 * the time goes on, and where it comes from. Afterwards everything is accounted for: each packet in
 * the ledger, each connection in a record, and all that was taken from a pool is back.
 */
#include "control/control.h"
#include "serve/connection_fields.h"
#include "serve/dns_fields.h"
#include "serve/http_fields.h"
#include "serve/json.h"
#include "serve/tls_fields.h"

#include <jansson.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_HEAD    4
#define FRAMES	      512 /* of one input */
#define WORKERS	      2
#define MBUFS	      4095
#define SEGMENT_BYTES 96 /* of mbufs in segments */
#define BASE_US	      1700000000000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct frame {
	const uint8_t *bytes;
	uint16_t length;
	uint8_t port;
	uint8_t link;
	uint64_t time_us;
};

struct input {
	struct frame frames[FRAMES];
	unsigned int count;
	unsigned int given;
	bool segmented;
	struct tt_json json;
	uint64_t closed;
};

static struct rte_mempool *pool;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void start(void)
{
	char name[] = "fuzz", lcores[] = "--lcores=(0-2)@(0-1)", main_lcore[] = "--main-lcore=0",
	     no_huge[] = "--no-huge", m[] = "-m", mib[] = "64", no_pci[] = "--no-pci",
	     no_telemetry[] = "--no-telemetry", no_shconf[] = "--no-shconf",
	     level[] = "--log-level=lib.eal:error";
	char *arguments[] = {name, lcores, main_lcore, no_huge, m, mib, no_pci, no_telemetry,
		no_shconf, level, NULL};

	if (pool != NULL)
		return;
	check(rte_eal_init(10, arguments) >= 0);
	pool = rte_pktmbuf_pool_create("fuzz", MBUFS, 0, tt_pipeline_mbuf_private_bytes(),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	check(pool != NULL);
}

static void read_frames(struct input *input, const uint8_t *data, size_t size)
{
	uint64_t now_us = BASE_US;

	while (size >= CHUNK_HEAD && input->count < FRAMES) {
		uint16_t length = (uint16_t)(data[0] | (data[1] & 7) << 8);
		uint64_t step_us = (uint64_t)1 << (data[2] & 0x3f) % 36;

		now_us = (data[2] & 0x40) != 0 ? now_us - step_us % BASE_US : now_us + step_us;
		data += CHUNK_HEAD;
		size -= CHUNK_HEAD;
		if (length > size)
			length = (uint16_t)size;
		input->frames[input->count++] = (struct frame){
			.bytes = data,
			.length = length,
			.port = data[-1] & 31,
			.link = (uint8_t)((data[-1] >> 5) % (TT_LINK_NULL + 1)),
			.time_us = now_us,
		};
		data += length;
		size -= length;
	}
}

static struct rte_mbuf *make_mbuf(const struct input *input, const struct frame *frame)
{
	const uint16_t most = input->segmented ? SEGMENT_BYTES : RTE_MBUF_DEFAULT_DATAROOM;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);

	for (uint16_t at = 0; head != NULL && at < frame->length;) {
		uint16_t length = (uint16_t)RTE_MIN(frame->length - at, (int)most);
		struct rte_mbuf *mbuf = at == 0 ? head : rte_pktmbuf_alloc(pool);

		if (mbuf == NULL)
			break;
		memcpy(rte_pktmbuf_append(mbuf, length), frame->bytes + at, length);
		if (mbuf != head)
			check(rte_pktmbuf_chain(head, mbuf) == 0);
		at = (uint16_t)(at + length);
	}
	return head;
}

static unsigned int receive(void *context, unsigned int worker, struct tt_received *received,
	unsigned int limit, uint64_t now_us)
{
	struct input *input = context;
	unsigned int count = 0;

	(void)worker;
	(void)now_us;
	for (; count < limit && input->given < input->count; count++) {
		const struct frame *frame = &input->frames[input->given];
		struct rte_mbuf *mbuf = make_mbuf(input, frame);

		if (mbuf == NULL)
			break;
		received[count] = (struct tt_received){
			.mbuf = mbuf,
			.time_us = frame->time_us,
			.wire_bytes = frame->length,
			.port = frame->port,
			.link = frame->link,
		};
		input->given++;
	}
	return count;
}

static bool ended(void *context, unsigned int worker)
{
	const struct input *input = context;

	(void)worker;
	return input->given == input->count;
}

/* What was described is JSON, of valid UTF-8. */
static void check_json(struct tt_json *json)
{
	check(!tt_json_failed(json));
	json_t *read =
		json_loadb(json->text, json->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	check(read != NULL);
	json_decref(read);
	tt_json_clear(json);
}

static void on_closed(void *context, const struct tt_connection_record *record)
{
	struct input *input = context;

	check(record->header.kind == TT_RECORD_CLOSED && record->close_reason != TT_CLOSE_NONE);
	input->closed++;
	tt_connection_describe(&input->json.sink, NULL, record, NULL, NULL);
	check_json(&input->json);
}

static void on_dns(void *context, const struct tt_dns_transaction_record *record)
{
	struct input *input = context;

	tt_dns_describe(&input->json.sink, NULL, record);
	check_json(&input->json);
}

static void on_http(void *context, const struct tt_http_record *record)
{
	struct input *input = context;

	tt_http_describe(&input->json.sink, NULL, record);
	check_json(&input->json);
}

static void on_tls(
	void *context, const struct tt_tls_handshake_record *record, const uint8_t *certificate)
{
	struct input *input = context;

	tt_tls_describe(&input->json.sink, NULL, record, certificate);
	check_json(&input->json);
}

static struct tt_config *make_config(unsigned int workers)
{
	struct tt_config *config;

	check(tt_config_default(&config) == 0);
	config->workers.count = workers;
	config->flow.connections = 64;
	config->flow.half_open = 16;
	config->fragments.datagrams = 16;
	config->memory.record_batches = TT_CONFIG_RECORD_BATCHES_LEAST;
	config->journal.connections = 16;
	config->payload.connections = 16;
	config->payload.reassembly_bytes = 131072;
	config->dns.pending = 16;
	config->dns.keys = 16;
	config->http.transactions = 16;
	config->http.keys = 16;
	config->tls.handshakes = 16;
	config->names.addresses = 16;
	return config;
}

static void check_worker(
	const struct tt_pipeline *pipeline, unsigned int worker, struct tt_ledger *sum)
{
	const struct tt_worker_counters *counters = tt_pipeline_worker_counters(pipeline, worker);
	const struct tt_flow_table_counters *flows = tt_pipeline_flow_counters(pipeline, worker);
	struct tt_pipeline_limit limits[TT_PIPELINE_LIMITS];
	unsigned int count = tt_pipeline_limits(pipeline, worker, limits);

	for (unsigned int i = 0; i < count; i++) {
		check(tt_counter_read(limits[i].now) == 0);
		check(tt_counter_read(limits[i].high) <= limits[i].limit);
	}
	check(tt_counter_read(&flows->live) == 0);
	tt_counter_add(&sum->received, tt_counter_read(&counters->ledger.received));
	tt_counter_add(&sum->processed, tt_counter_read(&counters->ledger.processed));
	for (unsigned int reason = 0; reason < TT_DROP_REASONS; reason++)
		tt_counter_add(&sum->processed, tt_counter_read(&counters->ledger.dropped[reason]));
}

static void check_all(const struct input *input, const struct tt_pipeline *pipeline)
{
	struct tt_ledger sum = {0};
	uint64_t created = 0, lost = 0;

	for (unsigned int w = 0; w < tt_pipeline_worker_count(pipeline); w++) {
		const struct tt_flow_table_counters *flows = tt_pipeline_flow_counters(pipeline, w);

		check_worker(pipeline, w, &sum);
		created += tt_counter_read(&flows->created);
		lost += tt_counter_read(&flows->lost_unreported);
	}
	check(tt_counter_read(&sum.received) == input->count);
	check(tt_counter_read(&sum.processed) == input->count);
	check(input->closed + lost == created);
	check(rte_mempool_in_use_count(pool) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	struct tt_pipeline *pipeline;
	struct tt_control *control;

	if (size == 0)
		return 0;
	start();
	input = (struct input){.segmented = (data[0] & 1) != 0};
	read_frames(&input, data + 1, size - 1);
	tt_json_init(&input.json);
	/* Two workers do not always do the same, so they are not the rule. */
	struct tt_config *config = make_config((data[0] & 6) == 6 ? WORKERS : 1);
	if ((data[0] & 8) != 0)
		config->duplicates.remove = TT_DUPLICATES_ON;
	const struct tt_source source = {
		.context = &input,
		.receive = receive,
		.ended = ended,
		.receivers = 1,
		.waits = true,
		.packet_time = true,
		.symmetric = config->workers.count == 1,
	};

	check(tt_pipeline_create(&pipeline,
		      &(struct tt_pipeline_options){
			      .config = config, .source = &source, .instance = 1, .seed = 1}) == 0);
	check(tt_control_create(&control,
		      &(struct tt_control_options){
			      .config = config,
			      .pipeline = pipeline,
			      .closed = on_closed,
			      .dns = on_dns,
			      .http = on_http,
			      .tls = on_tls,
			      .context = &input,
			      .end_reason = TT_CLOSE_END_OF_CAPTURE,
		      }) == 0);
	check(tt_pipeline_launch(pipeline) == 0);
	tt_control_run(control);
	tt_pipeline_wait(pipeline);
	check_all(&input, pipeline);
	tt_control_destroy(control);
	tt_pipeline_destroy(pipeline);
	tt_json_free(&input.json);
	tt_config_free(config);
	return 0;
}
