/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's data as the sink fills it, looked at in the answers to commands of a test's own,
 * for it has no other way to be read.
 */
#include "serve/telemetry_sink.h"

#include "base/error.h"
#include "runtime_folder.h"

#include <jansson.h>
#include <math.h>
#include <rte_eal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int library = -1;
static void (*describe)(struct tt_sink *sink);
static int finished;

static int answer(const char *command, const char *parameter, struct rte_tel_data *reply)
{
	struct tt_telemetry_sink telemetry;

	(void)command;
	(void)parameter;
	tt_telemetry_sink_init(&telemetry, reply);
	describe(&telemetry.sink);
	finished = tt_telemetry_sink_finish(&telemetry);
	return finished;
}

static void test_start(void)
{
	static char words[] = "test\0--no-huge\0-m\00016\0--no-pci\0-l\0000\0--file-prefix=sink\0"
			      "--log-level=error";
	char *arguments[10] = {words};
	int count = 1;
	struct sockaddr_un place = {.sun_family = AF_UNIX};
	char greeting[1024];

	for (size_t i = 0; i + 1 < sizeof(words); i++)
		if (words[i] == '\0')
			arguments[count++] = words + i + 1;
	CU_ASSERT_FATAL(rte_eal_init(count, arguments) >= 0);
	CU_ASSERT_EQUAL_FATAL(rte_telemetry_register_cmd("/test", answer, "a test"), 0);
	library = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	snprintf(place.sun_path, sizeof(place.sun_path), "%s/dpdk/sink/dpdk_telemetry.v2",
		getenv("RUNTIME_DIRECTORY"));
	CU_ASSERT_EQUAL_FATAL(connect(library, (const struct sockaddr *)&place, sizeof(place)), 0);
	CU_ASSERT_FATAL(recv(library, greeting, sizeof(greeting), 0) > 0);
}

/* What the library makes of a document: its JSON; the caller's. */
static json_t *reply_to(void (*description)(struct tt_sink *sink))
{
	static char reply[32768];

	describe = description;
	CU_ASSERT_EQUAL_FATAL(send(library, "/test", 5, 0), 5);
	ssize_t length = recv(library, reply, sizeof(reply), 0);
	CU_ASSERT_FATAL(length > 0);
	json_t *json = json_loadb(reply, (size_t)length, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	json_t *value = json_incref(json_object_get(json, "/test"));
	json_decref(json);
	return value;
}

static void check_reply(void (*description)(struct tt_sink *sink), const char *expected)
{
	json_t *reply = reply_to(description);
	char *text = json_dumps(reply, JSON_COMPACT);

	CU_ASSERT_EQUAL(finished, 0);
	CU_ASSERT_STRING_EQUAL(text, expected);
	free(text);
	json_decref(reply);
}

static void check_failure(void (*description)(struct tt_sink *sink))
{
	json_t *reply = reply_to(description);

	CU_ASSERT_EQUAL(finished, TT_ERROR_MEMORY);
	CU_ASSERT_TRUE(json_is_null(reply));
	json_decref(reply);
}

static void describe_values(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_unsigned(sink, "u", INT64_MAX);
	tt_sink_signed(sink, "s", -5);
	tt_sink_signed(sink, "t", INT64_MIN);
	tt_sink_signed(sink, "v", 1L << 40);
	tt_sink_bool(sink, "b", true);
	tt_sink_double(sink, "d", 0.5);
	tt_sink_double(sink, "e", NAN);
	tt_sink_end_object(sink);
}

static void test_values(void)
{
	check_reply(describe_values,
		"{\"u\":9223372036854775807,\"s\":-5,\"t\":\"-9223372036854775808\","
		"\"v\":1099511627776,\"b\":1,\"d\":\"0.5\"}");
}

static void describe_containers(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_array(sink, "none");
	tt_sink_end_array(sink);
	tt_sink_begin_array(sink, "numbers");
	tt_sink_unsigned(sink, NULL, 1);
	tt_sink_signed(sink, NULL, 2);
	tt_sink_end_array(sink);
	tt_sink_begin_array(sink, "texts");
	tt_sink_string(sink, NULL, "a");
	tt_sink_string(sink, NULL, "");
	tt_sink_end_array(sink);
	tt_sink_begin_object(sink, "empty");
	tt_sink_end_object(sink);
	tt_sink_begin_array(sink, "objects");
	for (unsigned int i = 0; i < 2; i++) {
		tt_sink_begin_object(sink, NULL);
		tt_sink_begin_object(sink, "deep");
		tt_sink_unsigned(sink, "i", i);
		tt_sink_end_object(sink);
		tt_sink_end_object(sink);
	}
	tt_sink_end_array(sink);
	tt_sink_end_object(sink);
}

static void test_containers(void)
{
	check_reply(describe_containers,
		"{\"none\":[],\"numbers\":[1,2],\"texts\":[\"a\",\"\"],\"empty\":{},"
		"\"objects\":{\"0\":{\"deep\":{\"i\":0}},\"1\":{\"deep\":{\"i\":1}}}}");
}

static void describe_texts(struct tt_sink *sink)
{
	char long_text[200];

	memset(long_text, 'x', sizeof(long_text));
	/* A escape that would not fit whole is left out. */
	long_text[125] = '\n';
	tt_sink_begin_object(sink, NULL);
	tt_sink_string(sink, "quoted", "say \"hi\"");
	tt_sink_text(sink, "wire", "caf\xc3\xa9\\\0\x7f\n", 9);
	tt_sink_text(sink, "long", long_text, sizeof(long_text));
	tt_sink_end_object(sink);
}

static void test_text_is_ascii(void)
{
	json_t *reply = reply_to(describe_texts);
	const char *text = json_string_value(json_object_get(reply, "long"));

	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply, "quoted")), "say \"hi\"");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(reply, "wire")),
		"caf\\xc3\\xa9\\x5c\\x00\\x7f\\x0a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(strlen(text), 125);
	json_decref(reply);
}

static unsigned int elements;

static void describe_elements(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_array(sink, "list");
	for (unsigned int i = 0; i < elements; i++) {
		tt_sink_begin_object(sink, NULL);
		for (unsigned int field = 0; field < 10; field++) {
			char name[16];

			snprintf(name, sizeof(name), "name_%u", field);
			tt_sink_string(sink, name, "\"quoted\" \\ text");
		}
		tt_sink_end_object(sink);
	}
	tt_sink_end_array(sink);
	tt_sink_end_object(sink);
}

/* Whatever the library would cut, the sink refuses: all that it lets through comes whole. */
static void test_a_reply_is_whole_or_null(void)
{
	unsigned int whole = 0;

	for (elements = 1; elements < 60; elements++) {
		json_t *reply = reply_to(describe_elements);
		const json_t *list = json_object_get(reply, "list");
		const char *number;
		json_t *element;

		if (finished == 0) {
			CU_ASSERT_EQUAL(json_object_size(list), elements);
			json_object_foreach(json_object_get(reply, "list"), number, element)
				CU_ASSERT_EQUAL(json_object_size(element), 10);
			whole = elements;
		} else {
			CU_ASSERT_TRUE(json_is_null(reply));
		}
		json_decref(reply);
	}
	/* 270 bytes each in the library's JSON. */
	CU_ASSERT(whole > 40 && whole < 59);
}

static void describe_a_bad_name(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_object(sink, "inner");
	tt_sink_unsigned(sink, "10.0.0.1", 1);
	tt_sink_end_object(sink);
	tt_sink_end_object(sink);
}

static void describe_a_mixture(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_array(sink, "list");
	tt_sink_unsigned(sink, NULL, 1);
	tt_sink_string(sink, NULL, "1");
	tt_sink_end_array(sink);
	tt_sink_end_object(sink);
}

static void describe_too_many(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	for (unsigned int i = 0; i < 257; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		tt_sink_unsigned(sink, name, i);
	}
	tt_sink_end_object(sink);
}

static void describe_too_deep(struct tt_sink *sink)
{
	for (unsigned int i = 0; i < TT_TELEMETRY_DEPTH + 1; i++)
		tt_sink_begin_object(sink, i == 0 ? NULL : "inner");
	for (unsigned int i = 0; i < TT_TELEMETRY_DEPTH + 1; i++)
		tt_sink_end_object(sink);
}

static void describe_an_open_end(struct tt_sink *sink)
{
	tt_sink_begin_object(sink, NULL);
	tt_sink_begin_object(sink, "inner");
	tt_sink_end_object(sink);
}

static void describe_no_container(struct tt_sink *sink)
{
	tt_sink_unsigned(sink, NULL, 1);
}

static void test_what_the_library_refuses_fails(void)
{
	check_failure(describe_a_bad_name);
	check_failure(describe_a_mixture);
	check_failure(describe_too_many);
	check_failure(describe_too_deep);
	check_failure(describe_an_open_end);
	check_failure(describe_no_container);
}

static void test_end(void)
{
	close(library);
	rte_eal_cleanup();
}

static const struct suite_test tests[] = {
	{"start", test_start},
	{"values", test_values},
	{"containers", test_containers},
	{"text is ASCII", test_text_is_ascii},
	{"a reply is whole or null", test_a_reply_is_whole_or_null},
	{"what the library refuses fails", test_what_the_library_refuses_fails},
	{"end", test_end},
};

int main(void)
{
	return suite_run_in_folder("serve_telemetry_sink", tests, sizeof(tests) / sizeof(tests[0]));
}
