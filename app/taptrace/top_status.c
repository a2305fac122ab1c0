/* SPDX-License-Identifier: Apache-2.0 */
#include "top_status.h"

#include "fields.h"

#include <stdlib.h>
#include <string.h>

enum {
	PORT_NUMBER,
	PORT_NAME,
	PORT_LINK,
	PORT_PACKETS,
	PORT_BITS,
	PORT_LOST,
	PORT_LOSS,
	PORT_LOST_EVER
};

static const struct tt_column port_columns[] = {
	[PORT_NUMBER] = {.title = "PORT", .right = true},
	[PORT_NAME] = {.title = "NAME", .gives = true},
	[PORT_LINK] = {.title = "LINK"},
	[PORT_PACKETS] = {.title = "PACKETS/S", .right = true},
	[PORT_BITS] = {.title = "BITS/S", .right = true},
	[PORT_LOST] = {.title = "LOST/S", .right = true},
	[PORT_LOSS] = {.title = "LOSS", .right = true},
	[PORT_LOST_EVER] = {.title = "LOST EVER", .right = true},
	{0},
};

enum {
	WORKER_NUMBER,
	WORKER_BUSY,
	WORKER_PACKETS,
	WORKER_ACTIVE,
	WORKER_CREATED,
	WORKER_STAGES /* of its time, from here on */
};

static const struct tt_column worker_columns[] = {
	[WORKER_NUMBER] = {.title = "WORKER", .right = true},
	[WORKER_BUSY] = {.title = "BUSY", .right = true},
	[WORKER_PACKETS] = {.title = "PACKETS/S", .right = true},
	[WORKER_ACTIVE] = {.title = "ACTIVE", .right = true},
	[WORKER_CREATED] = {.title = "NEW/S", .right = true},
};

static void drop(struct tt_top_pair *pair)
{
	json_decref(pair->before);
	json_decref(pair->now);
	*pair = (struct tt_top_pair){0};
}

static void shift(struct tt_top_pair *pair)
{
	if (pair->now == NULL)
		return;
	json_decref(pair->before);
	pair->before = pair->now;
	pair->now = NULL;
}

static void for_each_pair(struct tt_top_status *status, void (*visit)(struct tt_top_pair *pair))
{
	visit(&status->ledger);
	for (unsigned int i = 0; i < TT_TOP_PORTS; i++)
		visit(&status->ports[i]);
	for (unsigned int i = 0; i < TT_TOP_WORKERS; i++) {
		visit(&status->workers[i]);
		visit(&status->stages[i]);
	}
}

void tt_top_status_begin(struct tt_top_status *status, uint64_t now_us)
{
	shift(&status->info);
	for_each_pair(status, shift);
	status->before_us = status->now_us;
	status->now_us = now_us;
	status->port_count = 0;
	status->worker_count = 0;
}

void tt_top_status_free(struct tt_top_status *status)
{
	drop(&status->info);
	for_each_pair(status, drop);
}

static void take(struct tt_top_pair *pair, json_t *answer)
{
	json_decref(pair->now);
	pair->now = answer;
}

bool tt_top_status_info(struct tt_top_status *status, json_t *info)
{
	take(&status->info, info);
	if (status->info.before == NULL ||
		json_equal(json_object_get(info, "start_us"),
			json_object_get(status->info.before, "start_us")))
		return false;
	for_each_pair(status, drop);
	return true;
}

void tt_top_status_ledger(struct tt_top_status *status, json_t *ledger)
{
	take(&status->ledger, ledger);
}

void tt_top_status_port(struct tt_top_status *status, json_t *port)
{
	if (status->port_count < TT_TOP_PORTS)
		take(&status->ports[status->port_count++], port);
	else
		json_decref(port);
}

void tt_top_status_worker(struct tt_top_status *status, json_t *worker)
{
	if (status->worker_count < TT_TOP_WORKERS)
		take(&status->workers[status->worker_count++], worker);
	else
		json_decref(worker);
}

void tt_top_status_stages(struct tt_top_status *status, json_t *stages)
{
	uint64_t worker = tt_json_unsigned(stages, "worker");

	if (worker < TT_TOP_WORKERS)
		take(&status->stages[worker], stages);
	else
		json_decref(stages);
}

/* What a counter grew by; unknown with one answer, or when it went back. */
static double growth(const struct tt_top_pair *pair, const char *name)
{
	const json_t *before = json_object_get(pair->before, name);
	const json_t *now = json_object_get(pair->now, name);

	if (before == NULL || now == NULL || json_integer_value(now) < json_integer_value(before))
		return TT_TOP_UNKNOWN;
	return (double)(json_integer_value(now) - json_integer_value(before));
}

double tt_top_rate(
	const struct tt_top_status *status, const struct tt_top_pair *pair, const char *name)
{
	double grown = growth(pair, name);

	if (grown < 0 || status->before_us == 0 || status->now_us <= status->before_us)
		return TT_TOP_UNKNOWN;
	return grown * 1e6 / (double)(status->now_us - status->before_us);
}

static uint64_t lost_ever(const json_t *port)
{
	return tt_json_unsigned(port, "missed") + tt_json_unsigned(port, "no_mbuf") +
		tt_json_unsigned(port, "errors");
}

/* Rates that can be told add up; unknown when none can. */
static double sum_rates(double a, double b)
{
	return a < 0 ? b : b < 0 ? a : a + b;
}

static double lost_rate(const struct tt_top_status *status, const struct tt_top_pair *port)
{
	return sum_rates(tt_top_rate(status, port, "missed"),
		sum_rates(
			tt_top_rate(status, port, "no_mbuf"), tt_top_rate(status, port, "errors")));
}

uint64_t tt_top_status_active(const struct tt_top_status *status)
{
	uint64_t active = 0;

	for (unsigned int i = 0; i < status->worker_count; i++)
		active += tt_json_unsigned(status->workers[i].now, "connections");
	return active;
}

static void rate_text(char text[TT_SCALED_SIZE], double rate)
{
	if (rate < 0)
		snprintf(text, TT_SCALED_SIZE, "-");
	else
		tt_scaled(text, (uint64_t)(rate + 0.5));
}

void tt_top_status_headline(const struct tt_top_status *status, char *text, size_t size)
{
	double packets = TT_TOP_UNKNOWN, bytes = TT_TOP_UNKNOWN, lost = TT_TOP_UNKNOWN;
	double created = TT_TOP_UNKNOWN;
	char words[5][TT_SCALED_SIZE];

	for (unsigned int i = 0; i < status->port_count; i++) {
		const struct tt_top_pair *port = &status->ports[i];

		packets = sum_rates(packets, tt_top_rate(status, port, "delivered"));
		bytes = sum_rates(bytes, tt_top_rate(status, port, "delivered_bytes"));
		lost = sum_rates(lost, lost_rate(status, port));
	}
	for (unsigned int i = 0; i < status->worker_count; i++)
		created = sum_rates(created, tt_top_rate(status, &status->workers[i], "created"));
	rate_text(words[0], packets);
	rate_text(words[1], bytes < 0 ? bytes : 8 * bytes);
	rate_text(words[2], lost);
	tt_scaled(words[3], tt_top_status_active(status));
	rate_text(words[4], created);
	snprintf(text, size, "%s packets/s  %s bits/s  %s lost/s  %s connections  %s new/s%s",
		words[0], words[1], words[2], words[3], words[4],
		json_is_false(json_object_get(status->ledger.now, "closes"))
			? "  LEDGER DOES NOT CLOSE"
			: "");
}

void tt_top_status_port_rows(const struct tt_top_status *status, struct tt_top_rows *rows)
{
	tt_top_rows_begin(rows, port_columns);
	for (unsigned int i = 0; i < status->port_count; i++) {
		const struct tt_top_pair *port = &status->ports[i];
		bool up = json_is_true(json_object_get(port->now, "link_up"));
		double delivered = tt_top_rate(status, port, "delivered");
		double bytes = tt_top_rate(status, port, "delivered_bytes");
		double lost = lost_rate(status, port);
		char key[TT_SCALED_SIZE];

		snprintf(key, sizeof(key), "%u", i);
		struct tt_top_row *row = tt_top_rows_add(rows, key);
		tt_top_put_count(row, PORT_NUMBER, i);
		tt_top_put_text(row, PORT_NAME, "%s", tt_json_text(port->now, "name"));
		tt_top_put_text(row, PORT_LINK, up ? "up" : "down");
		tt_top_put_rate(row, PORT_PACKETS, delivered);
		tt_top_put_rate(row, PORT_BITS, bytes < 0 ? bytes : 8 * bytes);
		tt_top_put_rate(row, PORT_LOST, lost);
		if (delivered >= 0 && lost >= 0 && delivered + lost > 0)
			tt_top_put_share(row, PORT_LOSS, lost / (delivered + lost));
		tt_top_put_count(row, PORT_LOST_EVER, lost_ever(port->now));
		row->alarm = !up || lost > 0;
	}
}

/* A column for each stage, named as the appliance names it. */
static void make_worker_columns(struct tt_top_status *status)
{
	json_t *stages = json_object_get(status->stages[0].now, "stages");
	unsigned int count = 0;
	const char *name;
	json_t *stage;

	memset(status->worker_columns, 0, sizeof(status->worker_columns));
	memcpy(status->worker_columns, worker_columns, sizeof(worker_columns));
	json_object_foreach(stages, name, stage)
	{
		if (count == TT_TOP_STAGES)
			break;
		for (unsigned int i = 0; i < TT_CELL_SIZE - 1 && name[i] != '\0'; i++)
			status->stage_titles[count][i] = name[i] >= 'a' && name[i] <= 'z'
				? (char)(name[i] - 'a' + 'A')
				: ' ';
		status->worker_columns[WORKER_STAGES + count] =
			(struct tt_column){.title = status->stage_titles[count], .right = true};
		count++;
	}
}

static void put_stages(struct tt_top_row *row, const struct tt_top_pair *worker)
{
	double total = growth(worker, "total_cycles");
	json_t *before = json_object_get(worker->before, "stages");
	unsigned int column = WORKER_STAGES;
	const char *name;
	json_t *stage;

	json_object_foreach(json_object_get(worker->now, "stages"), name, stage)
	{
		const struct tt_top_pair pair = {json_object_get(before, name), stage};
		double cycles = growth(&pair, "cycles");

		if (column < TT_TOP_COLUMNS && cycles >= 0 && total > 0)
			tt_top_put_share(row, column, cycles / total);
		column++;
	}
}

void tt_top_status_worker_rows(struct tt_top_status *status, struct tt_top_rows *rows)
{
	make_worker_columns(status);
	tt_top_rows_begin(rows, status->worker_columns);
	for (unsigned int i = 0; i < status->worker_count; i++) {
		const struct tt_top_pair *worker = &status->workers[i];
		double busy = growth(worker, "busy_cycles");
		double total = growth(worker, "total_cycles");
		char key[TT_SCALED_SIZE];

		snprintf(key, sizeof(key), "%u", i);
		struct tt_top_row *row = tt_top_rows_add(rows, key);
		tt_top_put_count(row, WORKER_NUMBER, i);
		if (busy >= 0 && total > 0)
			tt_top_put_share(row, WORKER_BUSY, busy / total);
		tt_top_put_rate(row, WORKER_PACKETS, tt_top_rate(status, worker, "processed"));
		tt_top_put_count(row, WORKER_ACTIVE, tt_json_unsigned(worker->now, "connections"));
		tt_top_put_rate(row, WORKER_CREATED, tt_top_rate(status, worker, "created"));
		put_stages(row, &status->stages[i]);
	}
}

/* Of rows whose keys are their numbers. */
static json_t *numbered(const struct tt_top_pair *pairs, unsigned int count, const char *key)
{
	unsigned long number = strtoul(key, NULL, 10);

	return number < count ? pairs[number].now : NULL;
}

json_t *tt_top_status_port_record(const struct tt_top_status *status, const char *key)
{
	return numbered(status->ports, status->port_count, key);
}

json_t *tt_top_status_worker_record(const struct tt_top_status *status, const char *key)
{
	return numbered(status->workers, status->worker_count, key);
}
