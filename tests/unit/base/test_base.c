/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void test_every_error_has_a_text(void)
{
	for (int code = 0; code > -TT_ERROR_CODES; code--)
		CU_ASSERT_STRING_NOT_EQUAL(tt_error_text(code), "unknown error");
	CU_ASSERT_STRING_EQUAL(tt_error_text(-TT_ERROR_CODES), "unknown error");
	CU_ASSERT_STRING_EQUAL(tt_error_text(1), "unknown error");
	CU_ASSERT_EQUAL(tt_error_from_errno(0), TT_OK);
	CU_ASSERT_EQUAL(tt_error_from_errno(ENOENT), TT_ERROR_NOT_FOUND);
	CU_ASSERT_EQUAL(tt_error_from_errno(EPERM), TT_ERROR_PERMISSION);
	CU_ASSERT_EQUAL(tt_error_from_errno(ECONNRESET), TT_ERROR_IO);
}

static void test_cursor_reads_network_order(void)
{
	static const uint8_t wire[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a};
	struct guarded guarded = guarded_copy(wire, sizeof(wire));
	struct tt_cursor cursor = tt_cursor_over(guarded.bytes, sizeof(wire));

	CU_ASSERT_EQUAL(tt_cursor_u8(&cursor), 0x01);
	CU_ASSERT_EQUAL(tt_cursor_be16(&cursor), 0x0203);
	CU_ASSERT_EQUAL(tt_cursor_be24(&cursor), 0x040506);
	CU_ASSERT_EQUAL(tt_cursor_be32(&cursor), 0x0708090a);
	CU_ASSERT_EQUAL(tt_cursor_left(&cursor), 0);
	CU_ASSERT_FALSE(tt_cursor_failed(&cursor));
	guarded_free(&guarded);
}

static void test_cursor_error_is_sticky(void)
{
	static const uint8_t wire[] = {0xff, 0xff, 0xff};
	struct guarded guarded = guarded_copy(wire, sizeof(wire));
	struct tt_cursor cursor = tt_cursor_over(guarded.bytes, sizeof(wire));

	CU_ASSERT_EQUAL(tt_cursor_be32(&cursor), 0);
	CU_ASSERT_TRUE(tt_cursor_failed(&cursor));
	/* Three bytes are there, yet nothing is given out after the failure. */
	CU_ASSERT_EQUAL(tt_cursor_u8(&cursor), 0);
	CU_ASSERT_EQUAL(tt_cursor_left(&cursor), 0);
	CU_ASSERT_PTR_NULL(tt_cursor_take(&cursor, 0));
	guarded_free(&guarded);
}

static void test_cursor_sub_is_bounded(void)
{
	static const uint8_t wire[] = {1, 2, 3, 4};
	struct tt_cursor cursor = tt_cursor_over(wire, sizeof(wire));
	struct tt_cursor inner = tt_cursor_sub(&cursor, 2);

	CU_ASSERT_EQUAL(tt_cursor_be16(&inner), 0x0102);
	CU_ASSERT_EQUAL(tt_cursor_u8(&inner), 0);
	CU_ASSERT_TRUE(tt_cursor_failed(&inner));
	CU_ASSERT_FALSE(tt_cursor_failed(&cursor));
	CU_ASSERT_EQUAL(tt_cursor_be16(&cursor), 0x0304);
	inner = tt_cursor_sub(&cursor, 1);
	CU_ASSERT_TRUE(tt_cursor_failed(&inner));
	CU_ASSERT_TRUE(tt_cursor_failed(&cursor));
	/* A length that wraps around when added to the position. */
	cursor = tt_cursor_over(wire, sizeof(wire));
	tt_cursor_skip(&cursor, 1);
	tt_cursor_skip(&cursor, SIZE_MAX);
	CU_ASSERT_TRUE(tt_cursor_failed(&cursor));
}

static void test_memory_is_zero_and_aligned(void)
{
	static const size_t sizes[] = {1, 4096, 4097, (1 << 20) - 1, 1 << 20, 5 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *memory = tt_memory_map(sizes[i], i % 2 == 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
		CU_ASSERT_EQUAL((uintptr_t)memory % 4096, 0);
		CU_ASSERT_TRUE(tt_memory_mapped_bytes(sizes[i]) >= sizes[i]);
		CU_ASSERT_TRUE(tt_memory_populate(memory, sizes[i]));
		CU_ASSERT_EQUAL(memory[0], 0);
		CU_ASSERT_EQUAL(memory[sizes[i] - 1], 0);
		memory[sizes[i] - 1] = 1;
		tt_memory_unmap(memory, sizes[i]);
	}
	CU_ASSERT_PTR_NULL(tt_memory_map(0, false));
	CU_ASSERT_PTR_NULL(tt_memory_map(SIZE_MAX, false));
	tt_memory_unmap(NULL, 1);
}

/* What tt_log() writes to standard error, in `text`. */
static void logged(char *text, size_t size, enum tt_log_level level, const char *message)
{
	int pipe_ends[2];
	int saved = dup(STDERR_FILENO);

	CU_ASSERT_EQUAL_FATAL(pipe2(pipe_ends, O_NONBLOCK), 0);
	dup2(pipe_ends[1], STDERR_FILENO);
	tt_log(level, "%s", message);
	dup2(saved, STDERR_FILENO);
	ssize_t length = read(pipe_ends[0], text, size - 1);
	text[length > 0 ? length : 0] = '\0';
	close(saved);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void test_log_is_one_line(void)
{
	char text[4096], message[3000];

	tt_log_setup("unit", TT_LOG_INFO);
	logged(text, sizeof(text), TT_LOG_WARNING, "two\nlines\x1b[31m");
	CU_ASSERT_STRING_EQUAL(text, "unit: warning: two?lines?[31m\n");
	logged(text, sizeof(text), TT_LOG_DEBUG, "not at this level");
	CU_ASSERT_STRING_EQUAL(text, "");
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	logged(text, sizeof(text), TT_LOG_INFO, message);
	CU_ASSERT_EQUAL(strlen(text), 1000);
	CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
}

static void check_decimal(uint64_t value)
{
	char expected[TT_DECIMAL_BYTES + 1], text[TT_DECIMAL_BYTES];
	int length = snprintf(expected, sizeof(expected), "%" PRIu64, value);

	CU_ASSERT_EQUAL_FATAL(tt_decimal_digits(value), (size_t)length);
	CU_ASSERT_EQUAL_FATAL(tt_decimal(text, value), (size_t)length);
	CU_ASSERT_EQUAL(memcmp(text, expected, (size_t)length), 0);
}

static void test_decimal_is_as_printf_writes_it(void)
{
	for (uint64_t value = 0; value < 20000; value++)
		check_decimal(value);
	for (uint64_t power = 10; power < UINT64_MAX / 10; power *= 10) {
		check_decimal(power - 1);
		check_decimal(power);
		check_decimal(power + power / 3);
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		check_decimal((UINT64_C(1) << bit) - 1);
		check_decimal(UINT64_C(1) << bit);
	}
	check_decimal(UINT64_C(9999999999999999999));
	check_decimal(UINT64_C(10000000000000000000));
	check_decimal(UINT64_MAX);
}

static const struct suite_test tests[] = {
	{"every error has a text", test_every_error_has_a_text},
	{"cursor reads network order", test_cursor_reads_network_order},
	{"cursor error is sticky", test_cursor_error_is_sticky},
	{"cursor sub is bounded", test_cursor_sub_is_bounded},
	{"memory is zero and aligned", test_memory_is_zero_and_aligned},
	{"log is one line", test_log_is_one_line},
	{"decimal is as printf() writes it", test_decimal_is_as_printf_writes_it},
};

SUITE_MAIN("base", tests)
