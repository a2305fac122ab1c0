/* SPDX-License-Identifier: Apache-2.0 */
/* What taptrace top knows, and what is to be seen of it, without an appliance and a terminal. */
#include "../../../app/taptrace/top_ui.h"

#include "suite.h"

static struct tt_top_rows rows;

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	return json;
}

/* The text of a cell of the row with this key; NULL when there is no such row. */
static const char *cell(const char *key, const char *title)
{
	unsigned int row = tt_top_rows_find(&rows, key);

	for (unsigned int c = 0; row < rows.count && c < rows.column_count; c++)
		if (strcmp(rows.columns[c].title, title) == 0)
			return rows.row[row].cells[c].text;
	return NULL;
}

/* As CU_ASSERT_STRING_EQUAL(), where there may be no text. */
static void check_cell(const char *key, const char *title, const char *expected)
{
	const char *text = cell(key, title);

	CU_ASSERT_PTR_NOT_NULL(text);
	if (text != NULL && strcmp(text, expected) != 0)
		printf("%s of %s: \"%s\" is not \"%s\"\n", title, key, text, expected);
	CU_ASSERT_TRUE(text != NULL && strcmp(text, expected) == 0);
}

static const struct tt_column two_columns[] = {
	{.title = "NAME", .gives = true}, {.title = "N", .right = true}, {0}};

static void add_two(const char *key, const char *name, int number)
{
	struct tt_top_row *row = tt_top_rows_add(&rows, key);

	tt_top_put_text(row, 0, "%s", name);
	if (number >= 0)
		tt_top_put_count(row, 1, (uint64_t)number);
}

/* The keys of all rows, in their order. */
static const char *order(void)
{
	static char keys[64];

	keys[0] = '\0';
	for (unsigned int i = 0; i < rows.count; i++)
		strcat(keys, rows.row[i].key);
	return keys;
}

static void test_rows_are_sorted(void)
{
	tt_top_rows_begin(&rows, two_columns);
	add_two("a", "Pear", 10000);
	add_two("b", "apple", 9);
	add_two("c", "", -1);
	add_two("d", "plum", 9);
	tt_top_rows_sort(&rows, 0, false);
	CU_ASSERT_STRING_EQUAL(order(), "badc");
	tt_top_rows_sort(&rows, 0, true);
	CU_ASSERT_STRING_EQUAL(order(), "dabc");
	tt_top_rows_sort(&rows, 1, false);
	CU_ASSERT_STRING_EQUAL(order(), "abdc");
	tt_top_rows_sort(&rows, 1, true);
	CU_ASSERT_STRING_EQUAL(order(), "bdac");
}

static void test_rows_are_filtered(void)
{
	tt_top_rows_begin(&rows, two_columns);
	add_two("a", "Pear", 1);
	add_two("b", "apple", 2);
	add_two("c", "plum", 12);
	tt_top_rows_filter(&rows, "");
	CU_ASSERT_STRING_EQUAL(order(), "abc");
	tt_top_rows_filter(&rows, "P");
	CU_ASSERT_STRING_EQUAL(order(), "abc");
	tt_top_rows_filter(&rows, "2");
	CU_ASSERT_STRING_EQUAL(order(), "bc");
	tt_top_rows_filter(&rows, "APP");
	CU_ASSERT_STRING_EQUAL(order(), "b");
	tt_top_rows_filter(&rows, "nothing");
	CU_ASSERT_EQUAL(rows.count, 0);
}

/* What comes from the wire cannot steer the terminal. */
static void test_cells_are_clean(void)
{
	struct tt_top_row *row;

	tt_top_rows_begin(&rows, two_columns);
	row = tt_top_rows_add(&rows, "a");
	tt_top_put_text(row, 0, "%s", "\x1b]0;x\x07\xc2\x9b\x90\n\x7fok");
	CU_ASSERT_STRING_EQUAL(row->cells[0].text,
		"?]0;x?????"
		"?ok");
}

static void test_there_is_an_end_to_rows(void)
{
	tt_top_rows_begin(&rows, two_columns);
	for (unsigned int i = 0; i < TT_TOP_ROWS; i++)
		CU_ASSERT_PTR_NOT_NULL(tt_top_rows_add(&rows, "x"));
	CU_ASSERT_PTR_NULL(tt_top_rows_add(&rows, "x"));
	CU_ASSERT_EQUAL(rows.count, TT_TOP_ROWS);
}

static void test_shares_and_rates(void)
{
	static const struct {
		double share;
		const char *text;
	} shares[] = {{TT_TOP_UNKNOWN, ""}, {0, "0.0%"}, {0.0001, "<0.1%"}, {0.0006, "0.1%"},
		{0.5, "50.0%"}, {1, "100.0%"}};
	static const struct {
		double rate;
		const char *text;
	} rates[] = {{TT_TOP_UNKNOWN, ""}, {0, "0"}, {0.5, "0.5"}, {12.4, "12"}, {2.5e9, "2.5G"}};

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct tt_top_row row = {0};

		tt_top_put_share(&row, 0, shares[i].share);
		CU_ASSERT_STRING_EQUAL(row.cells[0].text, shares[i].text);
	}
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct tt_top_row row = {0};

		tt_top_put_rate(&row, 0, rates[i].rate);
		CU_ASSERT_STRING_EQUAL(row.cells[0].text, rates[i].text);
	}
}

/* A refresh at this second, of an appliance that began at `start`. */
static void feed_status(struct tt_top_status *status, unsigned int second, int start, int delivered,
	int missed, int busy)
{
	tt_top_status_begin(status, 1000000ull * second);
	tt_top_status_info(status, json_pack("{s:i}", "start_us", start));
	tt_top_status_ledger(status, json_pack("{s:b}", "closes", 1));
	tt_top_status_port(status,
		json_pack("{s:s,s:b,s:i,s:i,s:i,s:i,s:i}", "name", "a\033b", "link_up", 1,
			"delivered", delivered, "delivered_bytes", 100 * delivered, "missed",
			missed, "no_mbuf", 0, "errors", 0));
	tt_top_status_worker(status,
		json_pack("{s:i,s:i,s:i,s:i,s:i}", "processed", delivered, "connections", 7,
			"created", delivered / 10, "busy_cycles", busy, "total_cycles",
			1000 * (int)second));
	tt_top_status_stages(status,
		json_pack("{s:i,s:i,s:{s:{s:i},s:{s:i}}}", "worker", 0, "total_cycles",
			1000 * (int)second, "stages", "receive", "cycles", busy / 2, "flow",
			"cycles", busy / 4));
}

static void test_rates_are_differences(void)
{
	static struct tt_top_status status;
	char headline[200];

	feed_status(&status, 10, 1, 1000, 0, 0);
	tt_top_status_port_rows(&status, &rows);
	check_cell("0", "NAME", "a?b");
	check_cell("0", "PACKETS/S", "");
	check_cell("0", "LOSS", "");
	tt_top_status_headline(&status, headline, sizeof(headline));
	CU_ASSERT_STRING_EQUAL(headline, "- packets/s  - bits/s  - lost/s  7 connections  - new/s");

	feed_status(&status, 12, 1, 2800, 200, 500);
	tt_top_status_port_rows(&status, &rows);
	check_cell("0", "PACKETS/S", "900");
	check_cell("0", "BITS/S", "720.0k");
	check_cell("0", "LOST/S", "100");
	check_cell("0", "LOSS", "10.0%");
	check_cell("0", "LOST EVER", "200");
	CU_ASSERT_TRUE(rows.row[0].alarm);
	tt_top_status_worker_rows(&status, &rows);
	check_cell("0", "BUSY", "25.0%");
	check_cell("0", "NEW/S", "90");
	check_cell("0", "RECEIVE", "12.5%");
	check_cell("0", "FLOW", "6.2%");
	tt_top_status_headline(&status, headline, sizeof(headline));
	CU_ASSERT_STRING_EQUAL(
		headline, "900 packets/s  720.0k bits/s  100 lost/s  7 connections  90 new/s");
	CU_ASSERT_PTR_NOT_NULL(tt_top_status_port_record(&status, "0"));
	CU_ASSERT_PTR_NULL(tt_top_status_port_record(&status, "1"));

	/* Another run of the appliance, whose counters begin at 0 again. */
	feed_status(&status, 13, 2, 5000, 0, 0);
	tt_top_status_port_rows(&status, &rows);
	check_cell("0", "PACKETS/S", "");
	CU_ASSERT_FALSE(rows.row[0].alarm);
	/* Counters that went back tell nothing. */
	feed_status(&status, 14, 2, 4000, 0, 0);
	tt_top_status_port_rows(&status, &rows);
	check_cell("0", "PACKETS/S", "");
	tt_top_status_free(&status);
}

static void test_a_ledger_that_does_not_close(void)
{
	static struct tt_top_status status;
	char headline[200];

	tt_top_status_begin(&status, 1);
	tt_top_status_ledger(&status, json_pack("{s:b}", "closes", 0));
	tt_top_status_headline(&status, headline, sizeof(headline));
	CU_ASSERT_PTR_NOT_NULL(strstr(headline, "LEDGER DOES NOT CLOSE"));
	tt_top_status_free(&status);
}

static json_t *make_connection(unsigned int number, uint64_t bytes)
{
	char uid[20];

	snprintf(uid, sizeof(uid), "%016x", number);
	return json_pack("{s:s,s:s,s:{s:s,s:i},s:{s:s,s:i,s:[s]},s:I,s:I,s:{s:I,s:i,s:i},"
			 "s:{s:I,s:i,s:i},s:{s:i},s:{s:s}}",
		"uid", uid, "transport", "tcp", "client", "address", "2001:db8::1", "port",
		(int)number, "server", "address", "192.0.2.1", "port", 80, "names", "www.test",
		"start_us", (json_int_t)1000000, "end_us", (json_int_t)5000000, "client_to_server",
		"ip_bytes", (json_int_t)bytes, "packets", 30, "retransmits", 3, "server_to_client",
		"ip_bytes", (json_int_t)bytes, "packets", 30, "retransmits", 0, "tcp", "rtt_us",
		2500, "protocol", "application", "http");
}

static void meet(struct tt_top_connections *connections, unsigned int number, uint64_t bytes,
	const char *cursor)
{
	json_t *record = make_connection(number, bytes);

	tt_top_connections_add(connections, record, cursor);
	json_decref(record);
}

static void test_connections_of_a_small_appliance(void)
{
	static struct tt_top_connections connections;
	char hot[4][TT_TOP_CURSOR_SIZE];

	tt_top_connections_begin(&connections, 1000000);
	CU_ASSERT_EQUAL(tt_top_connections_hot(&connections, hot, 4), 0);
	meet(&connections, 1, 1000, "");
	meet(&connections, 2, 2000, "");
	tt_top_connections_walked(&connections, NULL);
	tt_top_connections_end(&connections);
	CU_ASSERT_TRUE(tt_top_connections_are_whole(&connections));
	tt_top_connections_rows(&connections, &rows);
	CU_ASSERT_EQUAL(rows.count, 2);
	/* Over its lifetime of 4 s, until it has been seen twice. */
	check_cell("0000000000000001", "BITS/S", "4000");
	check_cell("0000000000000001", "PROTO", "http");
	check_cell("0000000000000001", "CLIENT", "[2001:db8::1]:1");
	check_cell("0000000000000001", "SERVER", "www.test:80");
	check_cell("0000000000000001", "RTT", "2.5 ms");
	check_cell("0000000000000001", "RETR", "5.0%");
	check_cell("0000000000000001", "AGE", "4.0 s");

	tt_top_connections_begin(&connections, 3000000);
	meet(&connections, 1, 1500, "");
	tt_top_connections_walked(&connections, NULL);
	tt_top_connections_end(&connections);
	tt_top_connections_rows(&connections, &rows);
	CU_ASSERT_EQUAL(rows.count, 1);
	check_cell("0000000000000001", "BITS/S", "4000");
	CU_ASSERT_PTR_NOT_NULL(tt_top_connections_record(&connections, "0000000000000001"));
	CU_ASSERT_PTR_NULL(tt_top_connections_record(&connections, "0000000000000002"));
	tt_top_connections_free(&connections);
}

/* A walk that takes several refreshes: the fastest are followed, and what has gone is forgotten. */
static void test_connections_of_a_large_appliance(void)
{
	static struct tt_top_connections connections;
	char hot[2][TT_TOP_CURSOR_SIZE];

	tt_top_connections_begin(&connections, 1000000);
	meet(&connections, 1, 1000, "");
	meet(&connections, 2, 9000, "0:24");
	meet(&connections, 3, 8000, "0:24");
	meet(&connections, 4, 2000, "0:48");
	tt_top_connections_walked(&connections, "0:72");
	tt_top_connections_end(&connections);
	CU_ASSERT_FALSE(tt_top_connections_are_whole(&connections));

	tt_top_connections_begin(&connections, 2000000);
	CU_ASSERT_EQUAL(tt_top_connections_hot(&connections, hot, 2), 2);
	CU_ASSERT_STRING_EQUAL(hot[0], "0:24");
	CU_ASSERT_STRING_EQUAL(hot[1], "0:48");
	tt_top_connections_ask(&connections, "0:24");
	meet(&connections, 2, 10000, "0:24");
	meet(&connections, 5, 10, "0:72");
	tt_top_connections_walked(&connections, "0:96");
	tt_top_connections_end(&connections);
	tt_top_connections_rows(&connections, &rows);
	/* 3 was not in its page; of 1 and 4 nothing is known. */
	CU_ASSERT_EQUAL(rows.count, 4);
	CU_ASSERT_PTR_NULL(cell("0000000000000003", "BITS/S"));
	check_cell("0000000000000002", "BITS/S", "16.0k");

	tt_top_connections_begin(&connections, 3000000);
	tt_top_connections_walked(&connections, NULL);
	tt_top_connections_end(&connections);
	tt_top_connections_rows(&connections, &rows);
	CU_ASSERT_EQUAL(rows.count, 4);
	CU_ASSERT_FALSE(tt_top_connections_are_whole(&connections));

	/* The next walk is over without having met 1. */
	tt_top_connections_begin(&connections, 4000000);
	for (unsigned int number = 2; number < 6; number++)
		meet(&connections, number, 10000, "");
	tt_top_connections_walked(&connections, NULL);
	tt_top_connections_end(&connections);
	tt_top_connections_rows(&connections, &rows);
	CU_ASSERT_EQUAL(rows.count, 4);
	CU_ASSERT_PTR_NULL(cell("0000000000000001", "BITS/S"));
	tt_top_connections_free(&connections);
}

/* With no place left the slow give theirs to the fast. */
static void test_the_fastest_are_kept(void)
{
	static struct tt_top_connections connections;

	tt_top_connections_begin(&connections, 1000000);
	for (unsigned int number = 1; number <= TT_TOP_CONNECTIONS; number++)
		meet(&connections, number, 1000 + number, "");
	meet(&connections, TT_TOP_CONNECTIONS + 1, 5000, "");
	meet(&connections, TT_TOP_CONNECTIONS + 2, 500, "");
	tt_top_connections_rows(&connections, &rows);
	CU_ASSERT_EQUAL(rows.count, TT_TOP_CONNECTIONS);
	CU_ASSERT_PTR_NULL(cell("0000000000000001", "BITS/S"));
	CU_ASSERT_PTR_NOT_NULL(cell("0000000000000002", "BITS/S"));
	CU_ASSERT_PTR_NOT_NULL(cell("0000000000000801", "BITS/S"));
	CU_ASSERT_PTR_NULL(cell("0000000000000802", "BITS/S"));
	CU_ASSERT_EQUAL(connections.seen, TT_TOP_CONNECTIONS + 2);
	tt_top_connections_free(&connections);
}

static void feed(struct tt_top_transactions *transactions,
	void (*take)(struct tt_top_transactions *transactions, const json_t *record, bool recent),
	bool recent, const char *text)
{
	json_t *record = parse(text);

	take(transactions, record, recent);
	json_decref(record);
}

#define SERVER "\"server\":{\"address\":\"2001:db8::2\",\"port\":80}"

static void test_services(void)
{
	static struct tt_top_transactions transactions;

	tt_top_transactions_begin(&transactions, 1000000);
	feed(&transactions, tt_top_transactions_http, false,
		"{" SERVER ",\"host\":\"a.test\",\"status\":200,\"latency_us\":1000}");
	tt_top_transactions_begin(&transactions, 3000000);
	for (unsigned int i = 0; i < 98; i++)
		feed(&transactions, tt_top_transactions_http, true,
			"{" SERVER ",\"host\":\"a.test\",\"status\":404,\"latency_us\":1000}");
	feed(&transactions, tt_top_transactions_http, true,
		"{" SERVER ",\"host\":\"a.test\",\"status\":500,\"latency_us\":90000}");
	feed(&transactions, tt_top_transactions_http, true,
		"{" SERVER ",\"host\":\"b.test\",\"service\":\"shop\"}");
	feed(&transactions, tt_top_transactions_http, true, "{" SERVER ",\"status\":200}");
	tt_top_services_rows(&transactions, &rows);
	CU_ASSERT_EQUAL(rows.count, 3);
	check_cell("a.test", "REQUESTS", "100");
	check_cell("a.test", "REQ/S", "50");
	check_cell("a.test", "ERRORS", "1");
	check_cell("a.test", "ERR", "1.0%");
	CU_ASSERT_DOUBLE_EQUAL(
		rows.row[tt_top_rows_find(&rows, "a.test")].cells[6].number, 1000, 10);
	check_cell("a.test", "SERVER", "[2001:db8::2]:80");
	check_cell("shop", "ERRORS", "1");
	check_cell("shop", "P50", "");
	check_cell("[2001:db8::2]:80", "REQUESTS", "1");
	tt_top_transactions_free(&transactions);
}

static void test_domains(void)
{
	static struct tt_top_transactions transactions;

	tt_top_transactions_begin(&transactions, 1000000);
	tt_top_transactions_begin(&transactions, 2000000);
	feed(&transactions, tt_top_transactions_dns, true,
		"{\"query\":\"a.test\",\"status\":\"answered\",\"rcode\":\"NOERROR\",\"latency_"
		"us\":9}");
	feed(&transactions, tt_top_transactions_dns, true,
		"{\"query\":\"a.test\",\"status\":\"answered\",\"rcode\":\"NXDOMAIN\",\"latency_"
		"us\":9}");
	feed(&transactions, tt_top_transactions_dns, true,
		"{\"query\":\"a.test\",\"status\":\"timeout\"}");
	feed(&transactions, tt_top_transactions_dns, true,
		"{\"query\":\"b.test\",\"status\":\"answered\",\"rcode\":\"NOERROR\",\"latency_"
		"us\":9}");
	tt_top_domains_rows(&transactions, &rows);
	CU_ASSERT_EQUAL(rows.count, 2);
	check_cell("a.test", "QUERIES", "3");
	check_cell("a.test", "FAILED", "1");
	check_cell("a.test", "LOST", "1");
	check_cell("a.test", "FAIL", "66.7%");
	check_cell("a.test", "RCODE", "NXDOMAIN");
	check_cell("a.test", "P99", "9 us");
	CU_ASSERT_TRUE(rows.row[tt_top_rows_find(&rows, "a.test")].alarm);
	CU_ASSERT_FALSE(rows.row[tt_top_rows_find(&rows, "b.test")].alarm);
	tt_top_transactions_free(&transactions);
}

static void test_server_names(void)
{
	static struct tt_top_transactions transactions;
	char versions[100];
	const int64_t now_s = 1796000000; /* 2026-11-30T00:53:20Z */

	tt_top_transactions_begin(&transactions, 1000000);
	feed(&transactions, tt_top_transactions_tls, true,
		"{" SERVER ",\"sni\":\"old.test\",\"version\":\"TLSv1.2\","
		"\"certificate\":{\"not_after\":\"2026-11-29T00:53:19Z\"}}");
	feed(&transactions, tt_top_transactions_tls, true,
		"{" SERVER ",\"sni\":\"soon.test\",\"version\":\"TLSv1.2\","
		"\"certificate\":{\"not_after\":\"2026-12-04T00:53:19Z\"}}");
	feed(&transactions, tt_top_transactions_tls, true,
		"{" SERVER ",\"sni\":\"new.test\",\"version\":\"TLSv1.3\",\"alerts\":"
		"[{\"level\":\"warning\"},{\"level\":\"fatal\"}],\"handshake_us\":700}");
	tt_top_names_rows(&transactions, &rows, now_s);
	check_cell("old.test", "DAYS LEFT", "-2");
	check_cell("soon.test", "DAYS LEFT", "3");
	check_cell("new.test", "DAYS LEFT", "");
	check_cell("new.test", "FAILED", "1");
	check_cell("new.test", "P50", "700 us");
	tt_top_rows_sort(&rows, 6, true);
	CU_ASSERT_STRING_EQUAL(rows.row[0].key, "old.test");
	CU_ASSERT_STRING_EQUAL(rows.row[2].key, "new.test");
	tt_top_versions_text(&transactions, versions, sizeof(versions));
	CU_ASSERT_STRING_EQUAL(versions, "TLSv1.2 2  TLSv1.3 1");

	/* Versions that nobody knows, of which there are many. */
	for (unsigned int i = 0; i < 20; i++) {
		json_t *record = json_pack(
			"{s:s,s:o}", "sni", "odd.test", "version", json_sprintf("0x%04x", i));

		tt_top_transactions_tls(&transactions, record, true);
		json_decref(record);
	}
	tt_top_versions_text(&transactions, versions, sizeof(versions));
	CU_ASSERT_PTR_NOT_NULL(strstr(versions, "others 15"));
	tt_top_versions_text(&transactions, versions, 10);
	CU_ASSERT_STRING_EQUAL(versions, "TLSv1.2 2");
	tt_top_transactions_free(&transactions);
}

/* A flood of names pushes out what is idle, not what is in use. */
static void test_subjects_are_bounded(void)
{
	static struct tt_top_transactions transactions;

	for (unsigned int i = 0; i < 3 * TT_TOP_SUBJECTS; i++) {
		json_t *record = json_pack("{s:o}", "query", json_sprintf("%u.test", i));

		tt_top_transactions_dns(&transactions, record, true);
		json_decref(record);
		if (i % 100 == 0)
			feed(&transactions, tt_top_transactions_dns, true,
				"{\"query\":\"used.test\"}");
	}
	tt_top_domains_rows(&transactions, &rows);
	CU_ASSERT_EQUAL(rows.count, TT_TOP_SUBJECTS);
	check_cell("used.test", "QUERIES", "31");
	CU_ASSERT_PTR_NULL(cell("0.test", "QUERIES"));
	CU_ASSERT_EQUAL(transactions.domains.forgotten, 2 * TT_TOP_SUBJECTS + 1);
	tt_top_transactions_free(&transactions);
}

static struct tt_top_ui ui;
static struct tt_top_knowledge knowledge;
static struct tt_frame frame;

static void draw(unsigned int height, unsigned int width)
{
	frame.height = height;
	frame.width = width;
	tt_top_ui_draw(&ui, &knowledge, &rows, &frame);
}

static enum tt_top_action press(const char *keys)
{
	enum tt_top_action action = TT_TOP_DRAW;

	for (; *keys != '\0'; keys++) {
		action = tt_top_ui_key(&ui, *keys, &rows);
		draw(24, 80);
	}
	return action;
}

/* Is this text anywhere on the screen? */
static bool shows(const char *text)
{
	for (unsigned int line = 0; line < frame.height; line++)
		if (strstr(frame.text[line], text) != NULL)
			return true;
	return false;
}

static void begin_ui(unsigned int connections)
{
	tt_top_ui_init(&ui);
	ui.delay_s = 2;
	memset(&knowledge, 0, sizeof(knowledge));
	feed_status(&knowledge.status, 1, 1, 1000, 0, 0);
	tt_top_connections_begin(&knowledge.connections, 1000000);
	for (unsigned int number = 1; number <= connections; number++)
		meet(&knowledge.connections, number, 1000 * number, "");
	tt_top_connections_walked(&knowledge.connections, NULL);
	draw(24, 80);
}

static void test_the_screen(void)
{
	begin_ui(40);
	CU_ASSERT_TRUE(shows("[3 connections]"));
	CU_ASSERT_TRUE(shows("all 40 active connections"));
	CU_ASSERT_TRUE(shows("BITS/S*"));
	/* The fastest first, as many as there is room for, the first of them selected. */
	CU_ASSERT_PTR_NOT_NULL(strstr(frame.text[5], "[2001:db8::1]:40 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(frame.text[22], "[2001:db8::1]:23 "));
	CU_ASSERT_EQUAL(frame.style[5], TT_STYLE_SELECTED);
	CU_ASSERT_EQUAL(frame.style[4], TT_STYLE_REVERSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(frame.text[23], "q quit"));
	for (unsigned int line = 0; line < 24; line++)
		CU_ASSERT(strlen(frame.text[line]) <= 80);

	/* Everything from one line of one column on up to more than a frame holds. */
	for (unsigned int height = 1; height <= TT_FRAME_LINES; height += height < 30 ? 1 : 100)
		for (unsigned int width = 1; width <= TT_FRAME_COLUMNS; width += 50) {
			draw(height, width);
			CU_ASSERT(strlen(frame.text[0]) <= width);
		}
	tt_top_knowledge_free(&knowledge);
}

static void test_the_selection_follows_its_row(void)
{
	begin_ui(40);
	CU_ASSERT_EQUAL(press("jj"), TT_TOP_DRAW);
	CU_ASSERT_EQUAL(frame.style[7], TT_STYLE_SELECTED);
	CU_ASSERT_STRING_EQUAL(ui.selected, "0000000000000026");
	/* It becomes the fastest. */
	meet(&knowledge.connections, 41, 500000, "");
	meet(&knowledge.connections, 42, 600000, "");
	draw(24, 80);
	CU_ASSERT_EQUAL(frame.style[9], TT_STYLE_SELECTED);
	tt_top_ui_key(&ui, TT_KEY_END, &rows);
	draw(24, 80);
	CU_ASSERT_EQUAL(frame.style[22], TT_STYLE_SELECTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(frame.text[22], "[2001:db8::1]:1 "));
	tt_top_ui_key(&ui, TT_KEY_PAGE_UP, &rows);
	tt_top_ui_key(&ui, TT_KEY_HOME, &rows);
	draw(24, 80);
	CU_ASSERT_EQUAL(frame.style[5], TT_STYLE_SELECTED);
	tt_top_ui_key(&ui, TT_KEY_UP, &rows);
	draw(24, 80);
	CU_ASSERT_EQUAL(frame.style[5], TT_STYLE_SELECTED);
	tt_top_knowledge_free(&knowledge);
}

static void test_keys(void)
{
	begin_ui(3);
	press("<");
	CU_ASSERT_TRUE(shows("SERVER*"));
	press(">>>");
	CU_ASSERT_TRUE(shows("RETR*"));
	press("rp");
	CU_ASSERT_TRUE(shows("PAUSED"));
	CU_ASSERT_EQUAL(press("1"), TT_TOP_DRAW);
	CU_ASSERT_TRUE(shows("[1 ports]"));
	CU_ASSERT_EQUAL(press("p"), TT_TOP_REFRESH);
	CU_ASSERT_EQUAL(press("\t"), TT_TOP_REFRESH);
	CU_ASSERT_TRUE(shows("[2 workers]"));
	CU_ASSERT_TRUE(shows("RECEIVE"));
	press("4");
	CU_ASSERT_TRUE(shows("nothing yet"));
	press("\n");
	CU_ASSERT_FALSE(ui.details);
	press("h");
	CU_ASSERT_TRUE(shows("this help"));
	press("\033");
	CU_ASSERT_FALSE(shows("this help"));
	CU_ASSERT_EQUAL(press(" "), TT_TOP_REFRESH);
	CU_ASSERT_EQUAL(press("q"), TT_TOP_QUIT);
	CU_ASSERT_EQUAL(tt_top_ui_key(&ui, TT_KEY_HANGUP, &rows), TT_TOP_QUIT);
	tt_top_knowledge_free(&knowledge);
}

static void test_the_filter(void)
{
	begin_ui(40);
	press("/:12q");
	CU_ASSERT_TRUE(shows("filter: :12q_"));
	CU_ASSERT_TRUE(shows("nothing with that text"));
	tt_top_ui_key(&ui, TT_KEY_BACKSPACE, &rows);
	press("\n");
	CU_ASSERT_TRUE(shows("with \":12\": 1 of 40"));
	CU_ASSERT_PTR_NOT_NULL(strstr(frame.text[5], "[2001:db8::1]:12 "));
	press("\033");
	CU_ASSERT_EQUAL(rows.count, 40);
	/* Longer than there is room for. */
	press("/");
	for (unsigned int i = 0; i < 100; i++)
		press("x");
	CU_ASSERT_EQUAL(strlen(ui.filter), TT_FILTER_SIZE - 1);
	press("\033");
	CU_ASSERT_STRING_EQUAL(ui.filter, "");
	tt_top_knowledge_free(&knowledge);
}

static void test_details(void)
{
	begin_ui(3);
	press("\n");
	CU_ASSERT_TRUE(shows("client.address"));
	CU_ASSERT_TRUE(shows("2001:db8::1"));
	CU_ASSERT_FALSE(shows("protocol.application"));
	tt_top_ui_key(&ui, TT_KEY_END, &rows);
	draw(24, 80);
	CU_ASSERT_TRUE(shows("protocol.application"));
	press("\n");
	CU_ASSERT_FALSE(shows("protocol.application"));
	tt_top_knowledge_free(&knowledge);
}

static void test_what_went_wrong_is_shown(void)
{
	begin_ui(3);
	ui.message = "the appliance has gone\033[2J";
	draw(24, 80);
	CU_ASSERT_STRING_EQUAL(frame.text[23], "the appliance has gone?[2J");
	CU_ASSERT_EQUAL(frame.style[23], TT_STYLE_ALARM);
	tt_top_knowledge_free(&knowledge);
}

static const struct suite_test tests[] = {
	{"rows are sorted", test_rows_are_sorted},
	{"rows are filtered", test_rows_are_filtered},
	{"cells are clean", test_cells_are_clean},
	{"there is an end to rows", test_there_is_an_end_to_rows},
	{"shares and rates", test_shares_and_rates},
	{"rates are differences", test_rates_are_differences},
	{"a ledger that does not close", test_a_ledger_that_does_not_close},
	{"connections of a small appliance", test_connections_of_a_small_appliance},
	{"connections of a large appliance", test_connections_of_a_large_appliance},
	{"the fastest are kept", test_the_fastest_are_kept},
	{"services", test_services},
	{"domains", test_domains},
	{"server names", test_server_names},
	{"subjects are bounded", test_subjects_are_bounded},
	{"the screen", test_the_screen},
	{"the selection follows its row", test_the_selection_follows_its_row},
	{"keys", test_keys},
	{"the filter", test_the_filter},
	{"details", test_details},
	{"what went wrong is shown", test_what_went_wrong_is_shown},
};

SUITE_MAIN("top", tests)
