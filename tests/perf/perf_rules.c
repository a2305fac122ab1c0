/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules cost a request. One JSON line a kind of rules; ns of CPU time are the median of RUNS
 * runs over REQUESTS requests to SUBJECTS hosts and paths, and ms are those of the compilation.
 */
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS	 9
#define REQUESTS 200000
#define SUBJECTS 64

static uint64_t matched;

static uint64_t read_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* `form` has the rule's number in it, as often as it says. */
static struct tt_ruleset *compile(const char *form, unsigned int count)
{
	struct tt_ruleset *ruleset = NULL;
	struct tt_config *config;
	char *yaml;
	size_t bytes;
	FILE *out = open_memstream(&yaml, &bytes);

	fputs("rules:\n", out);
	for (unsigned int i = 0; i < count; i++) {
		fputs("- ", out);
		for (const char *at = form; *at != '\0'; at++)
			if (*at == '#')
				fprintf(out, "%u", i);
			else
				fputc(*at, out);
		fputc('\n', out);
	}
	fclose(out);
	if (tt_config_parse(&config, "rules", yaml, bytes, stderr) != 0 ||
		tt_ruleset_create(&ruleset, config, 1, stderr) != 0)
		exit(1);
	tt_config_free(config);
	free(yaml);
	return ruleset;
}

static void make_subjects(struct tt_rule_subject subjects[SUBJECTS], unsigned int rules)
{
	static const uint8_t client[16] = {10, 0, 0, 1}, server[16] = {10, 0, 0, 2};
	static char texts[2][SUBJECTS][80];

	for (unsigned int i = 0; i < SUBJECTS; i++) {
		unsigned int number = i * 7919 % rules;
		char *host = texts[0][i], *path = texts[1][i];

		snprintf(host, sizeof(texts[0][0]), "service%u.shop.example", number);
		snprintf(path, sizeof(texts[1][0]), "/service%u/api/v1/orders/%u/items", number,
			i * 77777);
		subjects[i] = (struct tt_rule_subject){
			.text = {[TT_RULE_HOST] = host,
				[TT_RULE_PATH] = path,
				[TT_RULE_METHOD] = "GET"},
			.text_bytes = {[TT_RULE_HOST] = (uint16_t)strlen(host),
				[TT_RULE_PATH] = (uint16_t)strlen(path),
				[TT_RULE_METHOD] = 3},
			.client = client,
			.server = server,
			.server_port = (uint16_t)(1000 + number),
			.ip_version = 4,
		};
	}
}

static void measure(const char *kind, const char *form, unsigned int count)
{
	struct tt_rule_subject subjects[SUBJECTS];
	double cost_ns[RUNS];
	uint64_t began = read_ns();
	struct tt_ruleset *ruleset = compile(form, count);
	double compile_ms = (double)(read_ns() - began) / 1e6;

	make_subjects(subjects, count);
	matched = 0;
	for (unsigned int run = 0; run < RUNS; run++) {
		began = read_ns();
		for (unsigned int i = 0; i < REQUESTS; i++)
			matched += tt_ruleset_match(ruleset, 0, &subjects[i % SUBJECTS]) != NULL;
		cost_ns[run] = (double)(read_ns() - began) / REQUESTS;
	}
	qsort(cost_ns, RUNS, sizeof(cost_ns[0]), compare);
	printf("{\"mix\": \"rules-%u-%s\", \"ns_per_request\": %.1f, \"matched\": %.2f, "
	       "\"compile_ms\": %.1f}\n",
		count, kind, cost_ns[RUNS / 2], (double)matched / RUNS / REQUESTS, compile_ms);
	tt_ruleset_destroy(ruleset);
}

int main(void)
{
	static const struct {
		const char *kind;
		const char *form;
	} kinds[] = {
		{"host", "{service: s#, host: service#.shop.example}"},
		{"host-miss", "{service: s#, host: other#.shop.example}"},
		{"below-host", "{service: s#, host: '*.service#.shop.example'}"},
		{"host-path", "{service: s#, host: service#.shop.example, path: /service#/.*}"},
		{"host-expression",
			"{service: s#, host: service#.shop.example, path: "
			"'/service[0-9]+/api/v[0-9]+/.*'}"},
		{"path", "{service: s#, path: /service#/.*}"},
		{"path-expression", "{service: s#, path: '/service#/api/v[0-9]+/orders/.*'}"},
		{"port", "{service: s#, port: 1#}"},
		{"one-expression-each", "{service: s#, path: '.*/orders/#/[a-z]+'}"},
	};
	static const unsigned int counts[] = {1, 100, 1000};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++)
			measure(kinds[i].kind, kinds[i].form, counts[j]);
	return 0;
}
