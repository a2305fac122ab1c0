/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP fields of a record, against their documentation: the file that DOCUMENT names. */
#include "serve/tcp_fields.h"

#include "suite.h"

#include <stdio.h>

#define FIELDS	   64
#define NAME_BYTES 64

struct names {
	char name[FIELDS][NAME_BYTES];
	unsigned int count;
};

struct listing {
	struct tt_sink sink;
	struct names names;
};

static void add(struct names *names, const char *name, size_t length)
{
	if (names->count == FIELDS || length >= NAME_BYTES)
		abort();
	memcpy(names->name[names->count], name, length);
	names->name[names->count++][length] = '\0';
}

static bool has(const struct names *names, const char *name)
{
	for (unsigned int i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static void list(struct tt_sink *sink, const char *name)
{
	add(&((struct listing *)sink)->names, name, strlen(name));
}

static void ignore_begin(struct tt_sink *sink, const char *name)
{
	(void)sink;
	(void)name;
}

static void ignore_end(struct tt_sink *sink)
{
	(void)sink;
}

static void list_text(struct tt_sink *sink, const char *name, const void *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	list(sink, name);
}

static void list_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	(void)value;
	list(sink, name);
}

static void list_bool(struct tt_sink *sink, const char *name, bool value)
{
	(void)value;
	list(sink, name);
}

static const struct tt_sink_operations operations = {
	.begin_object = ignore_begin,
	.end_object = ignore_end,
	.put_text = list_text,
	.put_unsigned = list_unsigned,
	.put_bool = list_bool,
};

/* The first cells, in code quotes, of the tables under a heading. */
static struct names documented(const char *heading)
{
	struct names names = {.count = 0};
	char line[2048];
	bool under = false;
	FILE *file = fopen(DOCUMENT, "r");

	if (file == NULL)
		abort();
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "## ", 3) == 0)
			under = strncmp(line + 3, heading, strlen(heading)) == 0;
		if (under && strncmp(line, "| `", 3) == 0)
			add(&names, line + 3, strcspn(line + 3, "`"));
	}
	fclose(file);
	return names;
}

static void check_same(const struct names *written, const struct names *explained)
{
	CU_ASSERT_TRUE(written->count > 0);
	CU_ASSERT_EQUAL(written->count, explained->count);
	for (unsigned int i = 0; i < written->count; i++)
		if (!has(explained, written->name[i]))
			CU_FAIL("a field lacks its documentation");
	for (unsigned int i = 0; i < explained->count; i++)
		if (!has(written, explained->name[i]))
			CU_FAIL("a field is documented that no record has");
}

static void test_fields_of_the_connection(void)
{
	struct listing listing = {.sink.operations = &operations};
	struct tt_tcp_summary summary = {.present = UINT32_MAX, .failure = TT_TCP_RESET};
	struct names explained = documented("`tcp`");

	tt_tcp_describe(&listing.sink, "tcp", &summary);
	check_same(&listing.names, &explained);
}

static void test_fields_of_a_direction(void)
{
	struct listing listing = {.sink.operations = &operations};
	struct tt_tcp_summary_half half = {.present = UINT32_MAX};
	struct names explained = documented("`client_to_server`");

	tt_tcp_half_describe(&listing.sink, &half);
	check_same(&listing.names, &explained);
}

/* What is not known is absent. */
static void test_unknown_fields(void)
{
	struct listing listing = {.sink.operations = &operations};
	struct tt_tcp_summary summary = {.present = 0};
	struct tt_tcp_summary_half half = {.present = 0};

	tt_tcp_describe(&listing.sink, "tcp", &summary);
	CU_ASSERT_EQUAL(listing.names.count, 2);
	CU_ASSERT_TRUE(has(&listing.names, "established") && has(&listing.names, "closed"));
	tt_tcp_half_describe(&listing.sink, &half);
	CU_ASSERT_EQUAL(listing.names.count, 2);
}

static const struct suite_test tests[] = {
	{"fields of the connection", test_fields_of_the_connection},
	{"fields of a direction", test_fields_of_a_direction},
	{"unknown fields", test_unknown_fields},
};

SUITE_MAIN("serve_tcp", tests)
