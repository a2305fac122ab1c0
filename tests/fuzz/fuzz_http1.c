/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 heads and chunked bodies from any bytes: what a head points at lies inside of it, a shorter
 * piece of a sound head is sound as far as it goes, and a chunked body ends at the same byte
 * however it is cut.
 */
#include "protocol/http1.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct tt_http1_text *text, const uint8_t *data, size_t size)
{
	char copy[64];

	if (text->bytes == NULL)
		return;
	if (text->bytes < data || text->bytes + text->length > data + size)
		abort();
	if (tt_http1_text_copy(copy, sizeof(copy), text) > sizeof(copy))
		abort();
}

static void check_head(const uint8_t *data, size_t size,
	enum tt_http1_result (*read)(struct tt_http1_head *, const uint8_t *, size_t))
{
	struct tt_http1_head head;
	struct tt_http1_head cut;
	uint32_t scanned = 0;
	enum tt_http1_result result = read(&head, data, size);

	check_text(&head.method, data, size);
	check_text(&head.target, data, size);
	check_text(&head.host, data, size);
	check_text(&head.user_agent, data, size);
	check_text(&head.content_type, data, size);
	if (result == TT_HTTP1_MORE && tt_http1_head_ends(data, size, &scanned))
		abort();
	if (result != TT_HTTP1_OK)
		return;
	if (head.bytes > size || !tt_http1_head_ends(data, head.bytes, &scanned))
		abort();
	for (size_t length = 0; length < head.bytes; length += 1 + head.bytes / 32)
		if (read(&cut, data, length) != TT_HTTP1_MORE)
			abort();
	if (read(&cut, data, head.bytes) != TT_HTTP1_OK || cut.bytes != head.bytes ||
		cut.content_length != head.content_length || cut.flags != head.flags)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_http1_chunked whole = {0};
	struct tt_http1_chunked cut = {0};
	uint64_t whole_bytes = 0;
	uint64_t cut_bytes = 0;
	size_t at = 0;

	(void)tt_http1_kind_of(data, size);
	check_head(data, size, tt_http1_request);
	check_head(data, size, tt_http1_response);
	size_t used = tt_http1_chunked_read(&whole, data, size, &whole_bytes);
	while (at < size && tt_http1_chunked_read(&cut, data + at, 1, &cut_bytes) == 1)
		at++;
	if (at != used || whole.state != cut.state || whole.left != cut.left ||
		whole_bytes != cut_bytes)
		abort();
	return 0;
}
