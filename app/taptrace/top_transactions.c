/* SPDX-License-Identifier: Apache-2.0 */
#include "top_transactions.h"

#include "fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S		  86400
#define EXPIRY_ALARM_DAYS 14

enum {
	SERVICE_NAME,
	SERVICE_SERVER,
	SERVICE_RATE,
	SERVICE_COUNT,
	SERVICE_ERRORS,
	SERVICE_SHARE,
	SERVICE_P50,
	SERVICE_P99
};

static const struct tt_column service_columns[] = {
	[SERVICE_NAME] = {.title = "SERVICE", .gives = true},
	[SERVICE_SERVER] = {.title = "SERVER", .gives = true},
	[SERVICE_RATE] = {.title = "REQ/S", .right = true},
	[SERVICE_COUNT] = {.title = "REQUESTS", .right = true},
	[SERVICE_ERRORS] = {.title = "ERRORS", .right = true},
	[SERVICE_SHARE] = {.title = "ERR", .right = true},
	[SERVICE_P50] = {.title = "P50", .right = true},
	[SERVICE_P99] = {.title = "P99", .right = true},
	{0},
};

enum {
	DOMAIN_NAME,
	DOMAIN_RATE,
	DOMAIN_COUNT,
	DOMAIN_FAILED,
	DOMAIN_TIMEOUTS,
	DOMAIN_SHARE,
	DOMAIN_RCODE,
	DOMAIN_P50,
	DOMAIN_P99
};

static const struct tt_column domain_columns[] = {
	[DOMAIN_NAME] = {.title = "DOMAIN", .gives = true},
	[DOMAIN_RATE] = {.title = "Q/S", .right = true},
	[DOMAIN_COUNT] = {.title = "QUERIES", .right = true},
	[DOMAIN_FAILED] = {.title = "FAILED", .right = true},
	[DOMAIN_TIMEOUTS] = {.title = "LOST", .right = true},
	[DOMAIN_SHARE] = {.title = "FAIL", .right = true},
	[DOMAIN_RCODE] = {.title = "RCODE", .gives = true},
	[DOMAIN_P50] = {.title = "P50", .right = true},
	[DOMAIN_P99] = {.title = "P99", .right = true},
	{0},
};

enum {
	NAME_NAME,
	NAME_SERVER,
	NAME_VERSION,
	NAME_RATE,
	NAME_COUNT,
	NAME_ALERTS,
	NAME_DAYS,
	NAME_P50
};

static const struct tt_column name_columns[] = {
	[NAME_NAME] = {.title = "SERVER NAME", .gives = true},
	[NAME_SERVER] = {.title = "SERVER", .gives = true},
	[NAME_VERSION] = {.title = "VERSION"},
	[NAME_RATE] = {.title = "/S", .right = true},
	[NAME_COUNT] = {.title = "HANDSHAKES", .right = true},
	[NAME_ALERTS] = {.title = "FAILED", .right = true},
	[NAME_DAYS] = {.title = "DAYS LEFT", .right = true},
	[NAME_P50] = {.title = "P50", .right = true},
	{0},
};

static void forget(struct tt_top_subject *subject)
{
	free(subject->bins);
	memset(subject, 0, sizeof(*subject));
}

/* The subject with this key; a new one takes a free place, or that of the one longest not used. */
static struct tt_top_subject *find(struct tt_top_subjects *subjects, const char *text)
{
	struct tt_top_subject *place = &subjects->subject[0];
	char key[TT_TOP_KEY_SIZE];

	snprintf(key, sizeof(key), "%s", text[0] == '\0' ? "?" : text);
	subjects->events++;
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++) {
		struct tt_top_subject *one = &subjects->subject[i];

		if (strcmp(one->key, key) == 0) {
			one->used = subjects->events;
			return one;
		}
		if (one->used < place->used)
			place = one;
	}
	subjects->forgotten += place->key[0] != '\0';
	forget(place);
	memcpy(place->key, key, sizeof(key));
	place->used = subjects->events;
	return place;
}

static void add_latency(struct tt_top_subject *subject, const json_t *record, const char *name)
{
	if (json_object_get(record, name) == NULL)
		return;
	if (subject->bins == NULL && tt_sketch_is_full(&subject->latency) &&
		(subject->bins = malloc(TT_TOP_BINS * sizeof(subject->bins[0]))) != NULL)
		tt_sketch_grow(&subject->latency, subject->bins, TT_TOP_BINS);
	tt_sketch_add(&subject->latency, tt_json_unsigned(record, name));
}

static void count(struct tt_top_subject *subject, bool recent)
{
	subject->count++;
	subject->recent += recent;
}

static void note_server(struct tt_top_subject *subject, const json_t *record)
{
	const json_t *server = json_object_get(record, "server");
	const char *address = tt_json_text(server, "address");
	bool brackets = strchr(address, ':') != NULL;

	snprintf(subject->server, sizeof(subject->server), "%s%s%s:%" PRIu64, brackets ? "[" : "",
		address, brackets ? "]" : "", tt_json_unsigned(server, "port"));
}

static void begin(struct tt_top_subjects *subjects)
{
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++)
		subjects->subject[i].recent = 0;
}

void tt_top_transactions_begin(struct tt_top_transactions *transactions, uint64_t now_us)
{
	transactions->before_us = transactions->now_us;
	transactions->now_us = now_us;
	begin(&transactions->services);
	begin(&transactions->domains);
	begin(&transactions->names);
}

/* What the record is known by: the first of these members that it has, else its server. */
static struct tt_top_subject *subject_of(struct tt_top_subjects *subjects, const json_t *record,
	const char *first, const char *second)
{
	const char *text = tt_json_text(record, first);
	struct tt_top_subject server = {0};

	if (text[0] == '\0')
		text = tt_json_text(record, second);
	note_server(&server, record);
	struct tt_top_subject *subject = find(subjects, text[0] == '\0' ? server.server : text);
	memcpy(subject->server, server.server, sizeof(server.server));
	return subject;
}

void tt_top_transactions_http(
	struct tt_top_transactions *transactions, const json_t *record, bool recent)
{
	struct tt_top_subject *service =
		subject_of(&transactions->services, record, "service", "host");

	count(service, recent);
	/* A request without an answer is one, too. */
	service->errors += tt_json_unsigned(record, "status") >= 500 ||
		json_object_get(record, "status") == NULL;
	add_latency(service, record, "latency_us");
}

void tt_top_transactions_dns(
	struct tt_top_transactions *transactions, const json_t *record, bool recent)
{
	struct tt_top_subject *domain = find(&transactions->domains, tt_json_text(record, "query"));
	const char *rcode = tt_json_text(record, "rcode");

	count(domain, recent);
	domain->timeouts += strcmp(tt_json_text(record, "status"), "timeout") == 0;
	domain->errors += rcode[0] != '\0' && strcmp(rcode, "NOERROR") != 0;
	if (rcode[0] != '\0')
		snprintf(domain->detail, sizeof(domain->detail), "%s", rcode);
	add_latency(domain, record, "latency_us");
}

static void count_version(struct tt_top_transactions *transactions, const char *version)
{
	unsigned int i = 0;

	while (i + 1 < TT_TOP_VERSIONS && transactions->versions[i].count > 0 &&
		strcmp(transactions->versions[i].name, version) != 0)
		i++;
	snprintf(transactions->versions[i].name, TT_TOP_NAME_SIZE, "%s",
		i + 1 < TT_TOP_VERSIONS ? version : "others");
	transactions->versions[i].count++;
}

static bool has_fatal_alert(const json_t *record)
{
	size_t index;
	json_t *alert;

	json_array_foreach(json_object_get(record, "alerts"), index,
		alert) if (strcmp(tt_json_text(alert, "level"), "fatal") == 0) return true;
	return false;
}

void tt_top_transactions_tls(
	struct tt_top_transactions *transactions, const json_t *record, bool recent)
{
	const json_t *certificate = json_object_get(record, "certificate");
	struct tt_top_subject *name = subject_of(&transactions->names, record, "sni", "");
	const char *version = tt_json_text(record, "version");
	struct tm expires = {0};

	count(name, recent);
	if (version[0] != '\0') {
		count_version(transactions, version);
		snprintf(name->detail, sizeof(name->detail), "%s", version);
	}
	name->errors += has_fatal_alert(record);
	if (strptime(tt_json_text(certificate, "not_after"), "%Y-%m-%dT%H:%M:%SZ", &expires) !=
		NULL)
		name->expires_s = timegm(&expires);
	add_latency(name, record, "handshake_us");
}

void tt_top_transactions_free(struct tt_top_transactions *transactions)
{
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++) {
		forget(&transactions->services.subject[i]);
		forget(&transactions->domains.subject[i]);
		forget(&transactions->names.subject[i]);
	}
}

static double rate_of(
	const struct tt_top_transactions *transactions, const struct tt_top_subject *subject)
{
	if (transactions->before_us == 0 || transactions->now_us <= transactions->before_us)
		return TT_TOP_UNKNOWN;
	return (double)subject->recent * 1e6 /
		(double)(transactions->now_us - transactions->before_us);
}

static void put_quantile(struct tt_top_row *row, unsigned int column,
	const struct tt_top_subject *subject, double quantile)
{
	if (subject->latency.count > 0)
		tt_top_put_duration(row, column, tt_sketch_quantile(&subject->latency, quantile));
}

void tt_top_services_rows(const struct tt_top_transactions *transactions, struct tt_top_rows *rows)
{
	tt_top_rows_begin(rows, service_columns);
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++) {
		const struct tt_top_subject *service = &transactions->services.subject[i];
		struct tt_top_row *row;

		if (service->key[0] == '\0' || (row = tt_top_rows_add(rows, service->key)) == NULL)
			continue;
		tt_top_put_text(row, SERVICE_NAME, "%s", service->key);
		tt_top_put_text(row, SERVICE_SERVER, "%s", service->server);
		tt_top_put_rate(row, SERVICE_RATE, rate_of(transactions, service));
		tt_top_put_count(row, SERVICE_COUNT, service->count);
		tt_top_put_count(row, SERVICE_ERRORS, service->errors);
		tt_top_put_share(row, SERVICE_SHARE, tt_top_share(service->errors, service->count));
		put_quantile(row, SERVICE_P50, service, 0.5);
		put_quantile(row, SERVICE_P99, service, 0.99);
		row->alarm = service->errors > 0;
	}
}

void tt_top_domains_rows(const struct tt_top_transactions *transactions, struct tt_top_rows *rows)
{
	tt_top_rows_begin(rows, domain_columns);
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++) {
		const struct tt_top_subject *domain = &transactions->domains.subject[i];
		struct tt_top_row *row;

		if (domain->key[0] == '\0' || (row = tt_top_rows_add(rows, domain->key)) == NULL)
			continue;
		tt_top_put_text(row, DOMAIN_NAME, "%s", domain->key);
		tt_top_put_rate(row, DOMAIN_RATE, rate_of(transactions, domain));
		tt_top_put_count(row, DOMAIN_COUNT, domain->count);
		tt_top_put_count(row, DOMAIN_FAILED, domain->errors);
		tt_top_put_count(row, DOMAIN_TIMEOUTS, domain->timeouts);
		tt_top_put_share(row, DOMAIN_SHARE,
			tt_top_share(domain->errors + domain->timeouts, domain->count));
		tt_top_put_text(row, DOMAIN_RCODE, "%s", domain->detail);
		put_quantile(row, DOMAIN_P50, domain, 0.5);
		put_quantile(row, DOMAIN_P99, domain, 0.99);
		row->alarm = domain->errors + domain->timeouts > 0;
	}
}

/* Days until the certificate's end, from the nearest on; those past it are below 0. */
static void put_days(struct tt_top_row *row, const struct tt_top_subject *name, int64_t now_s)
{
	int64_t left_s = name->expires_s - now_s;
	int64_t days = left_s >= 0 ? left_s / DAY_S : -1 - (-left_s - 1) / DAY_S;

	if (name->expires_s == 0)
		return;
	tt_top_put_text(row, NAME_DAYS, "%" PRId64, days);
	row->cells[NAME_DAYS].number = (double)days;
	row->alarm = days < EXPIRY_ALARM_DAYS;
}

void tt_top_names_rows(
	const struct tt_top_transactions *transactions, struct tt_top_rows *rows, int64_t now_s)
{
	tt_top_rows_begin(rows, name_columns);
	for (unsigned int i = 0; i < TT_TOP_SUBJECTS; i++) {
		const struct tt_top_subject *name = &transactions->names.subject[i];
		struct tt_top_row *row;

		if (name->key[0] == '\0' || (row = tt_top_rows_add(rows, name->key)) == NULL)
			continue;
		tt_top_put_text(row, NAME_NAME, "%s", name->key);
		tt_top_put_text(row, NAME_SERVER, "%s", name->server);
		tt_top_put_text(row, NAME_VERSION, "%s", name->detail);
		tt_top_put_rate(row, NAME_RATE, rate_of(transactions, name));
		tt_top_put_count(row, NAME_COUNT, name->count);
		tt_top_put_count(row, NAME_ALERTS, name->errors);
		put_days(row, name, now_s);
		put_quantile(row, NAME_P50, name, 0.5);
		row->alarm = row->alarm || name->errors > 0;
	}
}

void tt_top_versions_text(const struct tt_top_transactions *transactions, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < TT_TOP_VERSIONS && length < size; i++)
		if (transactions->versions[i].count > 0)
			length += (size_t)snprintf(text + length, size - length, "%s%s %" PRIu64,
				length == 0 ? "" : "  ", transactions->versions[i].name,
				transactions->versions[i].count);
}
