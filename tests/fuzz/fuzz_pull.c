/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the pull API, without the HTTP around them: the first byte chooses the endpoint, the
 * lines that follow are its parameters. Each answer ends, and each of its lines is JSON.
 */
#include "fuzz_run.h"
#include "serve/answer.h"

#include <jansson.h>

#define PARAMETERS	5
#define PARAMETER_BYTES 256
#define PIECES_LIMIT	10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct tt_json *text)
{
	check(!tt_json_failed(text));
	for (size_t at = 0; at < text->length;) {
		const char *begin = text->text + at;
		const char *newline = memchr(begin, '\n', text->length - at);
		size_t length = newline == NULL ? text->length - at : (size_t)(newline - begin);
		json_t *line = json_loadb(begin, length, JSON_REJECT_DUPLICATES, NULL);

		check(line != NULL);
		json_decref(line);
		at += length + 1;
	}
}

/* Up to PARAMETERS lines; an empty one is a parameter that is not given. */
static void read_parameters(
	char texts[PARAMETERS][PARAMETER_BYTES], const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < PARAMETERS && size > 0; i++) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t length = newline == NULL ? size : (size_t)(newline - data);
		size_t kept = length < PARAMETER_BYTES - 1 ? length : PARAMETER_BYTES - 1;

		memcpy(texts[i], data, kept);
		length += newline != NULL;
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const tt_endpoint endpoints[] = {tt_endpoint_connections, tt_endpoint_dns_stats,
		tt_endpoint_http_stats, tt_endpoint_names, tt_endpoint_stats, tt_endpoint_health};
	static struct tt_status status;
	char texts[PARAMETERS][PARAMETER_BYTES] = {{0}};
	const char *given[PARAMETERS];
	unsigned int pieces = 0;

	if (status.control == NULL)
		fuzz_run_start(&status);
	if (size < 1)
		return 0;
	read_parameters(texts, data + 1, size - 1);
	for (size_t i = 0; i < PARAMETERS; i++)
		given[i] = texts[i][0] == '\0' ? NULL : texts[i];
	const struct tt_request request = {given[0], given[1], given[2], given[3], given[4]};
	struct tt_answer answer = {.status = 200, .from = &status};

	tt_json_init(&answer.text);
	endpoints[data[0] % (sizeof(endpoints) / sizeof(endpoints[0]))](&answer, &request);
	check(answer.status >= 200 && answer.status < 600);
	enum tt_answer_progress progress = answer.write == NULL ? TT_ANSWER_END : TT_ANSWER_MORE;
	check_lines(&answer.text);
	while (progress == TT_ANSWER_MORE) {
		check(pieces++ < PIECES_LIMIT);
		tt_json_clear(&answer.text);
		progress = answer.write(&answer);
		check_lines(&answer.text);
	}
	tt_json_free(&answer.text);
	free(answer.state);
	return 0;
}
