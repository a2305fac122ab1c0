/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/metrics_sink.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct tt_metrics_sink *metrics_of(struct tt_sink *sink)
{
	return (struct tt_metrics_sink *)sink;
}

static void push(struct tt_sink *sink, const char *name)
{
	struct tt_metrics_sink *metrics = metrics_of(sink);

	if (metrics->depth < TT_METRICS_DEPTH)
		snprintf(metrics->names[metrics->depth], sizeof(metrics->names[0]), "%s",
			name == NULL ? "" : name);
	metrics->depth++;
}

static void pop(struct tt_sink *sink)
{
	metrics_of(sink)->depth--;
}

/* The outermost object is the section's own. */
static const char *word_at(const struct tt_metrics_sink *metrics, unsigned int i, const char *last)
{
	if (i + 1 < metrics->depth)
		return metrics->names[i + 1];
	return i + 1 == metrics->depth ? last : NULL;
}

/* Does the path lead to the number `name` here? *any is what stands at its '*'. */
static bool leads_here(
	const struct tt_metrics_sink *metrics, const char *path, const char *name, const char **any)
{
	unsigned int i = 0;

	*any = NULL;
	for (;; i++) {
		const char *word = word_at(metrics, i, name);
		size_t length = strcspn(path, ".");

		if (word == NULL)
			return false;
		if (length == 1 && *path == '*')
			*any = word;
		else if (strlen(word) != length || memcmp(word, path, length) != 0)
			return false;
		path += length;
		if (*path == '\0')
			return word_at(metrics, i + 1, name) == NULL;
		path++;
	}
}

static void add_sample(
	struct tt_metrics_sink *metrics, unsigned int number, const char *any, double value)
{
	const struct tt_metric *metric = &metrics->metrics[number];
	struct tt_metric_sample *sample;
	char label[TT_METRICS_LABEL_SIZE / 2] = "";

	if (metrics->count == metrics->capacity) {
		size_t capacity = metrics->capacity == 0 ? 256 : 2 * metrics->capacity;
		struct tt_metric_sample *samples =
			realloc(metrics->samples, capacity * sizeof(*samples));

		if (samples == NULL) {
			metrics->failed = true;
			return;
		}
		metrics->samples = samples;
		metrics->capacity = capacity;
	}
	if (any != NULL)
		tt_metrics_label(label, sizeof(label), metric->label, any);
	sample = &metrics->samples[metrics->count++];
	*sample = (struct tt_metric_sample){.metric = number, .value = value * metric->scale};
	snprintf(sample->labels, sizeof(sample->labels), "%s%s%s", metrics->labels,
		*metrics->labels != '\0' && *label != '\0' ? "," : "", label);
}

static void put_double(struct tt_sink *sink, const char *name, double value)
{
	struct tt_metrics_sink *metrics = metrics_of(sink);
	const char *any;

	if (name == NULL || metrics->depth > TT_METRICS_DEPTH)
		return;
	for (unsigned int i = 0; i < metrics->metric_count; i++)
		if (strcmp(metrics->metrics[i].section, metrics->section) == 0 &&
			leads_here(metrics, metrics->metrics[i].path, name, &any)) {
			add_sample(metrics, i, any, value);
			return;
		}
}

static void put_unsigned(struct tt_sink *sink, const char *name, uint64_t value)
{
	put_double(sink, name, (double)value);
}

static void put_signed(struct tt_sink *sink, const char *name, int64_t value)
{
	put_double(sink, name, (double)value);
}

static void put_bool(struct tt_sink *sink, const char *name, bool value)
{
	put_double(sink, name, value);
}

static void put_text(struct tt_sink *sink, const char *name, const void *bytes, size_t length)
{
	(void)sink;
	(void)name;
	(void)bytes;
	(void)length;
}

void tt_metrics_sink_init(
	struct tt_metrics_sink *metrics, const struct tt_metric *table, unsigned int metric_count)
{
	static const struct tt_sink_operations operations = {
		.begin_object = push,
		.end_object = pop,
		.begin_array = push,
		.end_array = pop,
		.put_text = put_text,
		.put_unsigned = put_unsigned,
		.put_signed = put_signed,
		.put_double = put_double,
		.put_bool = put_bool,
	};

	*metrics = (struct tt_metrics_sink){
		.sink.operations = &operations, .metrics = table, .metric_count = metric_count};
}

void tt_metrics_sink_free(struct tt_metrics_sink *metrics)
{
	free(metrics->samples);
	*metrics = (struct tt_metrics_sink){0};
}

void tt_metrics_sink_section(
	struct tt_metrics_sink *metrics, const char *section, const char *labels)
{
	metrics->section = section;
	snprintf(metrics->labels, sizeof(metrics->labels), "%s", labels == NULL ? "" : labels);
}

void tt_metrics_sink_write(const struct tt_metrics_sink *metrics, struct tt_json *text)
{
	for (unsigned int i = 0; i < metrics->metric_count; i++) {
		const struct tt_metric *metric = &metrics->metrics[i];
		bool begun = false;

		for (size_t s = 0; s < metrics->count; s++) {
			const struct tt_metric_sample *sample = &metrics->samples[s];

			if (sample->metric != i)
				continue;
			if (!begun)
				tt_json_raw(text, "# HELP taptrace_%s %s\n# TYPE taptrace_%s %s\n",
					metric->name, metric->help, metric->name,
					metric->type == TT_METRIC_COUNTER ? "counter" : "gauge");
			begun = true;
			tt_json_raw(text, "taptrace_%s%s%s%s %.17g\n", metric->name,
				*sample->labels == '\0' ? "" : "{", sample->labels,
				*sample->labels == '\0' ? "" : "}", sample->value);
		}
	}
}

void tt_metrics_label(char *label, size_t size, const char *name, const char *value)
{
	int length = snprintf(label, size, "%s=\"", name);
	size_t at = length < 0 ? 0 : (size_t)length;

	/* Room for an escaped byte, the quotation mark and the end. */
	for (; *value != '\0' && at + 4 <= size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			label[at++] = '\\';
		label[at++] = *value == '\n' ? 'n' : *value;
	}
	snprintf(label + at, size - at, "\"");
}
