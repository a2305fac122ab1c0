/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of taptrace top, to an appliance of the test's own in place of the client. */
#include "../../../app/taptrace/top_gather.h"

#include "base/error.h"
#include "suite.h"

#include <inttypes.h>

#define PAGE		  20 /* connections, or transactions */
#define REFRESH_QUESTIONS 200

/* What it has, and how often it was asked. */
static struct {
	unsigned int connections;
	unsigned int fast; /* the number of one that moves; the others rest */
	uint64_t fast_bytes;
	uint64_t transactions;	    /* of each kind that were ever */
	uint64_t transactions_gone; /* of them, the oldest */
	unsigned int questions;
	unsigned int fails_from; /* this question on; 0: never */
} appliance;

static struct tt_top_knowledge knowledge;
static struct tt_top_rows rows;

static json_t *answer_connections(const char *parameter)
{
	unsigned int first = parameter == NULL ? 0 : (unsigned int)strtoul(parameter + 2, NULL, 10);
	json_t *list = json_object(), *page = json_pack("{s:o}", "connections", list);
	unsigned int i = first;

	for (; i < appliance.connections && i < first + PAGE; i++) {
		char uid[20];

		snprintf(uid, sizeof(uid), "%016x", i);
		json_object_set_new(list, uid,
			json_pack("{s:s,s:I,s:I,s:{s:I}}", "uid", uid, "start_us", (json_int_t)1,
				"end_us", (json_int_t)1000001, "client_to_server", "ip_bytes",
				i == appliance.fast ? (json_int_t)appliance.fast_bytes
						    : (json_int_t)100));
	}
	if (i < appliance.connections)
		json_object_set_new(page, "next", json_sprintf("0:%u", i));
	return page;
}

static json_t *answer_transactions(const char *name, const char *parameter)
{
	uint64_t sequence = strtoull(parameter, NULL, 10), lost = 0;
	json_t *list = json_object();

	if (sequence <= appliance.transactions_gone) {
		lost = appliance.transactions_gone + 1 - sequence;
		sequence += lost;
	}
	if (sequence > appliance.transactions + 1)
		sequence = appliance.transactions + 1;
	for (unsigned int i = 0; i < PAGE && sequence <= appliance.transactions; i++, sequence++) {
		char number[8];

		snprintf(number, sizeof(number), "%u", i);
		json_object_set_new(list, number,
			json_pack("{s:s,s:s,s:s,s:i}", "query", "a.test", "host", "a.test", "sni",
				"a.test", "status", 200));
	}
	return json_pack("{s:o,s:I,s:I}", name, list, "lost", (json_int_t)lost, "sequence",
		(json_int_t)sequence);
}

json_t *tt_client_ask(struct tt_client *client, const char *command, const char *parameter)
{
	(void)client;
	appliance.questions++;
	if (appliance.fails_from > 0 && appliance.questions >= appliance.fails_from)
		return NULL;
	if (strcmp(command, "/taptrace/connections") == 0)
		return answer_connections(parameter);
	if (strcmp(command, "/taptrace/stages") == 0)
		return json_pack("{s:i,s:i,s:{s:{s:i}}}", "worker", atoi(parameter), "total_cycles",
			1, "stages", "receive", "cycles", 1);
	if (strcmp(command, "/taptrace/info") == 0)
		return json_pack("{s:i}", "start_us", 1);
	if (strcmp(command, "/taptrace/ledger") == 0)
		return json_pack("{s:b}", "closes", 1);
	return answer_transactions(strrchr(command, '/') + 1, parameter);
}

int tt_client_walk(struct tt_client *client, const char *command, const char *parameter,
	const char *name, tt_client_element element, void *context)
{
	(void)client;
	(void)command;
	(void)parameter;
	appliance.questions++;
	if (appliance.fails_from > 0 && appliance.questions >= appliance.fails_from)
		return TT_ERROR_IO;
	for (int i = 0; i < 2; i++) {
		json_t *one = json_pack("{s:s,s:i,s:i}", "name", name, "connections",
			(int)appliance.connections / 2, "delivered", 5);

		element(context, one);
		json_decref(one);
	}
	return TT_OK;
}

static void begin(unsigned int connections, uint64_t transactions)
{
	tt_top_knowledge_free(&knowledge);
	memset(&knowledge, 0, sizeof(knowledge));
	memset(&appliance, 0, sizeof(appliance));
	appliance.connections = connections;
	appliance.fast = UINT32_MAX;
	appliance.transactions = transactions;
}

/* A refresh, which must not ask too much; what the view notes. */
static const char *gather(enum tt_top_view view)
{
	static char note[160];
	struct tt_client client = {0};

	appliance.questions = 0;
	CU_ASSERT_EQUAL(tt_top_gather(&knowledge, &client, view), TT_OK);
	CU_ASSERT(appliance.questions <= REFRESH_QUESTIONS);
	tt_top_view_rows(&knowledge, view, &rows, note, sizeof(note));
	return note;
}

static void test_a_small_appliance(void)
{
	begin(50, 0);
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_CONNECTIONS), "all 50 active connections");
	CU_ASSERT_EQUAL(rows.count, 50);
	appliance.connections = 30;
	gather(TT_TOP_VIEW_CONNECTIONS);
	CU_ASSERT_EQUAL(rows.count, 30);
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_PORTS), "");
	CU_ASSERT_EQUAL(rows.count, 2);
	gather(TT_TOP_VIEW_WORKERS);
	CU_ASSERT_EQUAL(rows.count, 2);
	CU_ASSERT_STRING_EQUAL(rows.columns[rows.column_count - 1].title, "RECEIVE");
}

/* No more is asked of one with a million connections; the walk finds what is fast, and stays with
 * it. */
static void test_a_large_appliance(void)
{
	unsigned int refreshes = 0;

	begin(1000000, 0);
	appliance.fast = 5000;
	appliance.fast_bytes = 1000000;
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_CONNECTIONS),
		"a sample: 960 of 1.0M active connections a refresh");
	while (tt_top_view_record(&knowledge, TT_TOP_VIEW_CONNECTIONS, "0000000000001388") ==
			NULL &&
		refreshes++ < 20)
		gather(TT_TOP_VIEW_CONNECTIONS);
	CU_ASSERT(refreshes < 20);
	for (unsigned int i = 0; i < 5; i++) {
		appliance.fast_bytes += 1000000;
		gather(TT_TOP_VIEW_CONNECTIONS);
		tt_top_rows_sort(&rows, 3, false);
		CU_ASSERT_STRING_EQUAL(rows.row[0].key, "0000000000001388");
	}
	const json_t *record =
		tt_top_view_record(&knowledge, TT_TOP_VIEW_CONNECTIONS, "0000000000001388");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(
				json_object_get(record, "client_to_server"), "ip_bytes")),
		(json_int_t)appliance.fast_bytes);
}

static void test_history_comes_first(void)
{
	begin(0, 5000);
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_DNS), "");
	CU_ASSERT_EQUAL(knowledge.transactions.domains.subject[0].count, 200);
	CU_ASSERT_EQUAL(knowledge.transactions.domains.subject[0].recent, 0);
	appliance.transactions += 3;
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_DNS), "");
	CU_ASSERT_EQUAL(knowledge.transactions.domains.subject[0].count, 203);
	CU_ASSERT_EQUAL(knowledge.transactions.domains.subject[0].recent, 3);
	CU_ASSERT_EQUAL(knowledge.transactions.services.subject[0].count, 203);
	CU_ASSERT_EQUAL(knowledge.transactions.names.subject[0].count, 203);
}

/* Of more than a refresh reads the rest is left out, and what remains is told. */
static void test_too_many_transactions(void)
{
	begin(0, 0);
	gather(TT_TOP_VIEW_SERVICES);
	appliance.transactions = 2400;
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_SERVICES), "a sample: 10.0 % of what there was");
	CU_ASSERT_EQUAL(knowledge.streams[TT_TOP_HTTP].sequence, 2401);
	/* Nor is there what the appliance itself no longer has. */
	appliance.transactions = 4800;
	appliance.transactions_gone = 4790;
	CU_ASSERT_STRING_EQUAL(gather(TT_TOP_VIEW_SERVICES), "a sample: 5.2 % of what there was");
}

/* What was known stays when the appliance does not answer. */
static void test_no_answer(void)
{
	struct tt_client client = {0};
	char note[160];

	begin(100000, 100);
	gather(TT_TOP_VIEW_CONNECTIONS);
	unsigned int known = rows.count, from = 1;
	do {
		appliance.questions = 0;
		appliance.fails_from = from++;
	} while (tt_top_gather(&knowledge, &client, TT_TOP_VIEW_CONNECTIONS) != TT_OK);
	/* Each question was once the one without an answer. */
	CU_ASSERT_EQUAL(appliance.questions, from - 2);
	CU_ASSERT(appliance.questions > 50);
	tt_top_view_rows(&knowledge, TT_TOP_VIEW_CONNECTIONS, &rows, note, sizeof(note));
	CU_ASSERT(rows.count >= known);
}

static void test_everything_is_freed(void)
{
	tt_top_knowledge_free(&knowledge);
	for (unsigned int i = 0; i < TT_TOP_CONNECTIONS; i++)
		CU_ASSERT_PTR_NULL(knowledge.connections.connection[i].record);
}

static const struct suite_test tests[] = {
	{"a small appliance", test_a_small_appliance},
	{"a large appliance", test_a_large_appliance},
	{"history comes first", test_history_comes_first},
	{"too many transactions", test_too_many_transactions},
	{"no answer", test_no_answer},
	{"everything is freed", test_everything_is_freed},
};

SUITE_MAIN("top_gather", tests)
