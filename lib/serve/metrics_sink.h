/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that makes metrics of what the other sinks show as objects: a table says which number
 * becomes which metric, so that `/stats` and `/metrics` cannot disagree. Private to lib/serve; used
 * by one thread.
 */
#ifndef TT_SERVE_METRICS_SINK_H
#define TT_SERVE_METRICS_SINK_H

#include "serve/json.h"
#include "serve/sink.h"

#define TT_METRICS_DEPTH      4
#define TT_METRICS_LABEL_SIZE 160

enum tt_metric_type {
	TT_METRIC_COUNTER,
	TT_METRIC_GAUGE
};

/* A metric, and where its numbers are. */
struct tt_metric {
	const char *section; /* what is described: "port", ... */
	const char *path;    /* names of the objects around the number and its own, with '.'
			      * between them; one word may be '*', any */
	const char *label;   /* what stands at the '*' is the value of this label; NULL: no '*' */
	const char *name;    /* without "taptrace_" */
	enum tt_metric_type type;
	double scale; /* to base units */
	const char *help;
};

struct tt_metric_sample {
	unsigned int metric; /* number in the table */
	char labels[2 * TT_METRICS_LABEL_SIZE];
	double value;
};

struct tt_metrics_sink {
	struct tt_sink sink;
	const struct tt_metric *metrics;
	unsigned int metric_count;
	const char *section;
	char labels[TT_METRICS_LABEL_SIZE]; /* of all of the section, such as port="0" */
	char names[TT_METRICS_DEPTH][32];
	unsigned int depth;
	struct tt_metric_sample *samples;
	size_t count, capacity;
	bool failed; /* no memory */
};

void tt_metrics_sink_init(
	struct tt_metrics_sink *metrics, const struct tt_metric *table, unsigned int metric_count);
void tt_metrics_sink_free(struct tt_metrics_sink *metrics);

/* What is described next: its section, and its labels, NULL for none. */
void tt_metrics_sink_section(
	struct tt_metrics_sink *metrics, const char *section, const char *labels);

/* Prometheus' text format 0.0.4, each metric with its samples together. */
void tt_metrics_sink_write(const struct tt_metrics_sink *metrics, struct tt_json *text);

/* A label `name="value"` into `size` bytes; any text, cut where it does not fit. */
void tt_metrics_label(char *label, size_t size, const char *name, const char *value);

#endif
