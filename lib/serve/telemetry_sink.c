/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/telemetry_sink.h"

#include "base/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum frame_kind {
	FRAME_OBJECT,
	FRAME_ARRAY_EMPTY, /* what it is follows from its first element */
	FRAME_ARRAY_TEXT,
	FRAME_ARRAY_UNSIGNED,
	FRAME_ARRAY_OBJECTS
};

static struct tt_telemetry_sink *telemetry_of(struct tt_sink *sink)
{
	return (struct tt_telemetry_sink *)sink;
}

/* The library says 0, a negative code, or E2BIG when it has cut a string. */
static void check(struct tt_telemetry_sink *telemetry, int result)
{
	if (result != 0)
		telemetry->failed = true;
}

/* `bytes` more of JSON: false when the reply cannot have them. */
static bool take_room(struct tt_telemetry_sink *telemetry, size_t bytes)
{
	if (telemetry->failed)
		return false;
	telemetry->bytes += bytes;
	telemetry->failed = telemetry->bytes > TT_TELEMETRY_REPLY_BYTES;
	return !telemetry->failed;
}

static struct tt_telemetry_frame *top(struct tt_telemetry_sink *telemetry)
{
	if (telemetry->depth == 0) {
		telemetry->failed = true;
		return NULL;
	}
	return &telemetry->frames[telemetry->depth - 1];
}

/* Make the array one of this kind at its first element; false for an element of another kind. */
static bool begin_element(struct tt_telemetry_sink *telemetry, struct tt_telemetry_frame *frame,
	enum frame_kind kind, enum rte_tel_value_type type)
{
	if (frame->kind == FRAME_ARRAY_EMPTY) {
		frame->kind = (uint8_t)kind;
		check(telemetry,
			kind == FRAME_ARRAY_OBJECTS ? rte_tel_data_start_dict(frame->data)
						    : rte_tel_data_start_array(frame->data, type));
	}
	if (frame->kind != kind)
		telemetry->failed = true;
	frame->elements++;
	return !telemetry->failed;
}

static struct rte_tel_data *make_container(struct tt_telemetry_sink *telemetry)
{
	if (telemetry->container_count == TT_TELEMETRY_CONTAINERS)
		return NULL;
	struct rte_tel_data *data = rte_tel_data_alloc();
	if (data != NULL)
		telemetry->containers[telemetry->container_count++] = data;
	return data;
}

/* The frame of a new container, with the name that it has in its parent; NULL on failure. */
static struct tt_telemetry_frame *push(struct tt_telemetry_sink *telemetry, const char *name)
{
	struct tt_telemetry_frame *frame = &telemetry->frames[telemetry->depth];

	if (!take_room(telemetry, sizeof("\"\":{},") + (name == NULL ? 0 : strlen(name))))
		return NULL;
	if (telemetry->depth == TT_TELEMETRY_DEPTH ||
		(name != NULL && strlen(name) >= sizeof(frame->name))) {
		telemetry->failed = true;
		return NULL;
	}
	*frame = (struct tt_telemetry_frame){0};
	if (name != NULL)
		memcpy(frame->name, name, strlen(name) + 1);
	frame->data = telemetry->depth == 0 ? telemetry->reply : make_container(telemetry);
	if (frame->data == NULL) {
		telemetry->failed = true;
		return NULL;
	}
	telemetry->depth++;
	return frame;
}

static void begin_object(struct tt_sink *sink, const char *name)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);
	char number[16];

	if (telemetry->failed)
		return;
	if (telemetry->depth > 0) {
		struct tt_telemetry_frame *parent = top(telemetry);

		if (parent->kind != FRAME_OBJECT) {
			snprintf(number, sizeof(number), "%" PRIu32, parent->elements);
			name = number;
			if (!begin_element(
				    telemetry, parent, FRAME_ARRAY_OBJECTS, RTE_TEL_CONTAINER))
				return;
		}
	}

	struct tt_telemetry_frame *frame = push(telemetry, name);
	if (frame == NULL)
		return;
	frame->kind = FRAME_OBJECT;
	check(telemetry, rte_tel_data_start_dict(frame->data));
}

static void begin_array(struct tt_sink *sink, const char *name)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);

	if (telemetry->failed)
		return;
	if (telemetry->depth > 0 && top(telemetry)->kind != FRAME_OBJECT) {
		telemetry->failed = true;
		return;
	}

	struct tt_telemetry_frame *frame = push(telemetry, name);
	if (frame != NULL)
		frame->kind = FRAME_ARRAY_EMPTY;
}

/* Puts the innermost container into its parent, from where the library frees it. */
static void end_container(struct tt_sink *sink)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);
	const struct tt_telemetry_frame *frame;

	if (telemetry->failed)
		return;
	frame = top(telemetry);
	if (frame == NULL)
		return;
	if (frame->kind == FRAME_ARRAY_EMPTY)
		check(telemetry, rte_tel_data_start_array(frame->data, RTE_TEL_STRING_VAL));
	telemetry->depth--;
	if (telemetry->depth > 0)
		check(telemetry,
			rte_tel_data_add_dict_container(
				top(telemetry)->data, frame->name, frame->data, 0));
}

/* Fills `text` with as much of the bytes as it holds in ASCII. Returns their length in JSON, where
 * the library escapes the quotation mark and the backslash. */
static size_t make_ascii(char text[RTE_TEL_MAX_STRING_LEN], const uint8_t *bytes, size_t length)
{
	size_t used = 0, json_bytes = 2;

	for (size_t i = 0; i < length; i++) {
		bool is_plain = bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\';

		if (used + (is_plain ? 1 : 4) >= RTE_TEL_MAX_STRING_LEN)
			break;
		if (is_plain) {
			text[used++] = (char)bytes[i];
			json_bytes += bytes[i] == '"' ? 2 : 1;
		} else {
			snprintf(text + used, 5, "\\x%02x", bytes[i]);
			used += 4;
			json_bytes += 5;
		}
	}
	text[used] = '\0';
	return json_bytes;
}

static void put_text(struct tt_sink *sink, const char *name, const void *bytes, size_t length)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);
	struct tt_telemetry_frame *frame = top(telemetry);
	char text[RTE_TEL_MAX_STRING_LEN];
	size_t json_bytes = make_ascii(text, bytes, length);

	if (name != NULL)
		json_bytes += strlen(name) + sizeof("\"\":");
	if (!take_room(telemetry, json_bytes + 1))
		return;
	if (frame->kind == FRAME_OBJECT)
		check(telemetry, rte_tel_data_add_dict_string(frame->data, name, text));
	else if (begin_element(telemetry, frame, FRAME_ARRAY_TEXT, RTE_TEL_STRING_VAL))
		check(telemetry, rte_tel_data_add_array_string(frame->data, text));
}

static void put_string(struct tt_sink *sink, const char *name, const char *string)
{
	put_text(sink, name, string, strlen(string));
}

static void put_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);
	struct tt_telemetry_frame *frame = top(telemetry);
	int digits = snprintf(NULL, 0, "%" PRIu64, value);

	if (!take_room(telemetry,
		    (size_t)digits + 1 + (name == NULL ? 0 : strlen(name) + sizeof("\"\":"))))
		return;
	if (frame->kind == FRAME_OBJECT)
		check(telemetry, rte_tel_data_add_dict_u64(frame->data, name, value));
	else if (begin_element(telemetry, frame, FRAME_ARRAY_UNSIGNED, RTE_TEL_U64_VAL))
		check(telemetry, rte_tel_data_add_array_u64(frame->data, value));
}

static void put_signed(struct tt_sink *sink, const char *name, int64_t value)
{
	struct tt_telemetry_sink *telemetry = telemetry_of(sink);
	char digits[32];

	if (value >= 0) {
		put_unsigned(sink, name, (uint64_t)value);
	} else if (value >= INT32_MIN && telemetry->depth > 0 &&
		top(telemetry)->kind == FRAME_OBJECT) {
		if (take_room(telemetry, 12 + strlen(name) + sizeof("\"\":")))
			check(telemetry,
				rte_tel_data_add_dict_int(top(telemetry)->data, name, (int)value));
	} else {
		snprintf(digits, sizeof(digits), "%" PRId64, value);
		put_string(sink, name, digits);
	}
}

static void put_double(struct tt_sink *sink, const char *name, double value)
{
	char digits[32];

	if (!isfinite(value))
		return;
	snprintf(digits, sizeof(digits), "%.15g", value);
	put_string(sink, name, digits);
}

static void put_bool(struct tt_sink *sink, const char *name, bool value)
{
	put_unsigned(sink, name, value);
}

static const struct tt_sink_operations operations = {
	.begin_object = begin_object,
	.end_object = end_container,
	.begin_array = begin_array,
	.end_array = end_container,
	.put_text = put_text,
	.put_unsigned = put_unsigned,
	.put_signed = put_signed,
	.put_double = put_double,
	.put_bool = put_bool,
};

void tt_telemetry_sink_init(struct tt_telemetry_sink *telemetry, struct rte_tel_data *reply)
{
	telemetry->sink.operations = &operations;
	telemetry->reply = reply;
	telemetry->depth = 0;
	telemetry->container_count = 0;
	telemetry->bytes = 0;
	telemetry->failed = false;
}

int tt_telemetry_sink_finish(struct tt_telemetry_sink *telemetry)
{
	if (!telemetry->failed && telemetry->depth == 0)
		return TT_OK;
	while (telemetry->container_count > 0)
		rte_tel_data_free(telemetry->containers[--telemetry->container_count]);
	return TT_ERROR_MEMORY;
}
