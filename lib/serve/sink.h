/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink takes one document, value by value, and gives it a form: JSON text (json.h), a reply on
 * the telemetry socket (telemetry_sink.h). What a document says is described once, against this
 * interface. Called by any thread; no two share a sink.
 *
 * A value stands in an object under a name, or in an array or as the document itself with a NULL
 * name. Names are static or outlive the call, are unique in their object, and consist of
 * [A-Za-z0-9_]. Errors stick: a sink that has failed ignores what comes, and tells at its end.
 */
#ifndef TT_SERVE_SINK_H
#define TT_SERVE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tt_sink;

struct tt_sink_operations {
	void (*begin_object)(struct tt_sink *sink, const char *name);
	void (*end_object)(struct tt_sink *sink);
	void (*begin_array)(struct tt_sink *sink, const char *name);
	void (*end_array)(struct tt_sink *sink);
	void (*put_text)(struct tt_sink *sink, const char *name, const void *bytes, size_t length);
	void (*put_unsigned)(struct tt_sink *sink, const char *name, uint64_t value);
	void (*put_signed)(struct tt_sink *sink, const char *name, int64_t value);
	void (*put_double)(struct tt_sink *sink, const char *name, double value);
	void (*put_bool)(struct tt_sink *sink, const char *name, bool value);
};

/* The first member of every sink. */
struct tt_sink {
	const struct tt_sink_operations *operations;
	size_t name_length; /* of the name that an operation is given; 0 for NULL */
};

/* The length of a literal is known when this is compiled. */
static inline void tt_sink_name(struct tt_sink *sink, const char *name)
{
	sink->name_length = name == NULL ? 0 : strlen(name);
}

static inline void tt_sink_begin_object(struct tt_sink *sink, const char *name)
{
	tt_sink_name(sink, name);
	sink->operations->begin_object(sink, name);
}

static inline void tt_sink_end_object(struct tt_sink *sink)
{
	sink->operations->end_object(sink);
}

static inline void tt_sink_begin_array(struct tt_sink *sink, const char *name)
{
	tt_sink_name(sink, name);
	sink->operations->begin_array(sink, name);
}

static inline void tt_sink_end_array(struct tt_sink *sink)
{
	sink->operations->end_array(sink);
}

/* Any bytes, as they came from the wire; each sink makes them safe for its form. */
static inline void tt_sink_text(
	struct tt_sink *sink, const char *name, const void *bytes, size_t length)
{
	tt_sink_name(sink, name);
	sink->operations->put_text(sink, name, bytes, length);
}

static inline void tt_sink_string(struct tt_sink *sink, const char *name, const char *string)
{
	tt_sink_name(sink, name);
	sink->operations->put_text(sink, name, string, strlen(string));
}

static inline void tt_sink_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	tt_sink_name(sink, name);
	sink->operations->put_unsigned(sink, name, value);
}

static inline void tt_sink_signed(struct tt_sink *sink, const char *name, int64_t value)
{
	tt_sink_name(sink, name);
	sink->operations->put_signed(sink, name, value);
}

/* A value that is not finite is left out. */
static inline void tt_sink_double(struct tt_sink *sink, const char *name, double value)
{
	tt_sink_name(sink, name);
	sink->operations->put_double(sink, name, value);
}

static inline void tt_sink_bool(struct tt_sink *sink, const char *name, bool value)
{
	tt_sink_name(sink, name);
	sink->operations->put_bool(sink, name, value);
}

#endif
