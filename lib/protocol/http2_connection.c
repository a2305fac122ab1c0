/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http2_connection.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "protocol/hpack.h"

#include <string.h>

#define SLABS_LIMIT	(1u << 20)
#define TABLES_LIMIT	(1u << 24)
#define EXCHANGES_LIMIT (1u << 24)

/* RFC 9113 3.4. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#define PREFACE_BYTES (sizeof(preface) - 1)

#define STREAM_MASK 0x7fffffffU

/* The initial SETTINGS_MAX_FRAME_SIZE (RFC 9113 6.5.2): more is little evidence of a frame. */
#define FRAME_BYTES_USUAL 16384

/* RFC 9113 6. */
enum frame_type {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION,
	FRAME_TYPES
};

enum frame_flag {
	END_STREAM = 0x01, /* ACK of SETTINGS and PING */
	END_HEADERS = 0x04,
	PADDED = 0x08,
	HAS_PRIORITY = 0x20
};

_Static_assert(sizeof(struct tt_http2_connection) <= 120, "small: every HTTP/2 flow has one");
_Static_assert(TT_HTTP2_BLOCK_BYTES <= UINT16_MAX, "tt_http2_side.kept holds it");

struct tt_http2_table {
	uint32_t next;
	struct tt_hpack_table hpack;
};

/* A stream. The bits of sides are 1 of the request, 2 of the response. */
enum {
	REQUEST = 1,
	RESPONSE = 2
};

struct tt_http2_exchange {
	uint32_t next;	   /* of its connection's list, or of the free list: number + 1; 0: none */
	uint32_t previous; /* of its connection's list */
	uint32_t chain;	   /* of its bucket: the next one */
	uint32_t stream;
	const struct tt_http2_connection *connection;
	uint8_t ended;	/* sides whose end was seen */
	uint8_t unsure; /* sides whose end may have been lost */
	struct tt_http_times times;
	struct tt_http_transaction transaction;
};

/* What every step of a piece needs. */
struct context {
	struct tt_http2_connection *connection;
	struct tt_http2_pool *pool;
	struct tt_http2_side *side;
	unsigned int direction;
	uint64_t time_us;
	void *report;
};

/* A frame's header. */
struct frame {
	uint32_t length;
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* What a header block says. */
struct head {
	struct tt_http_transaction said; /* its texts; status; what it says of gRPC in flags */
	bool request;			 /* it has fields that requests alone have */
	bool response;			 /* the same of responses */
	uint32_t unknown;		 /* fields of whose name or value nothing is known */
};

static uint32_t bucket_count(uint32_t exchanges)
{
	return 1U << (32 - __builtin_clz(exchanges));
}

uint64_t tt_http2_pool_bytes(const struct tt_http2_pool_options *options)
{
	return (uint64_t)options->slabs * TT_HTTP2_BLOCK_BYTES +
		(uint64_t)options->tables * sizeof(struct tt_http2_table) +
		(uint64_t)options->exchanges * sizeof(struct tt_http2_exchange) +
		(uint64_t)bucket_count(options->exchanges) * sizeof(uint32_t);
}

int tt_http2_pool_create(struct tt_http2_pool *pool, const struct tt_http2_pool_options *options)
{
	memset(pool, 0, sizeof(*pool));
	if (options->slabs == 0 || options->slabs > SLABS_LIMIT || options->tables == 0 ||
		options->tables > TABLES_LIMIT || options->exchanges == 0 ||
		options->exchanges > EXCHANGES_LIMIT || options->report == NULL)
		return TT_ERROR_ARGUMENT;
	uint32_t buckets = bucket_count(options->exchanges);

	pool->options = *options;
	pool->bucket_mask = buckets - 1;
	pool->buckets = tt_memory_map(buckets * sizeof(*pool->buckets), options->huge_pages);
	int error = pool->buckets == NULL ? TT_ERROR_MEMORY : TT_OK;

	if (error == TT_OK)
		error = tt_slabs_create(
			&pool->slabs, options->slabs, TT_HTTP2_BLOCK_BYTES, options->huge_pages);
	if (error == TT_OK)
		error = tt_slabs_create(&pool->tables, options->tables,
			sizeof(struct tt_http2_table), options->huge_pages);
	if (error == TT_OK)
		error = tt_slabs_create(&pool->exchanges, options->exchanges,
			sizeof(struct tt_http2_exchange), options->huge_pages);
	if (error != TT_OK)
		tt_http2_pool_destroy(pool);
	return error;
}

void tt_http2_pool_destroy(struct tt_http2_pool *pool)
{
	tt_slabs_destroy(&pool->slabs);
	tt_slabs_destroy(&pool->tables);
	tt_slabs_destroy(&pool->exchanges);
	tt_memory_unmap(pool->buckets, (pool->bucket_mask + 1UL) * sizeof(*pool->buckets));
	pool->buckets = NULL;
}

static struct tt_http2_exchange *exchange_at(const struct tt_http2_pool *pool, uint32_t link)
{
	return tt_slab_at(&pool->exchanges, link);
}

static uint8_t *block_at(const struct tt_http2_pool *pool, uint32_t link)
{
	return tt_slab_at(&pool->slabs, link);
}

static struct tt_hpack_table *table_at(const struct tt_http2_pool *pool, uint32_t link)
{
	struct tt_http2_table *table = tt_slab_at(&pool->tables, link);

	return &table->hpack;
}

static bool slab_take(struct context *c)
{
	struct tt_http2_pool *pool = c->pool;
	struct tt_http2_counters *counters = &pool->counters;

	if (c->side->slab == 0)
		c->side->slab = tt_slab_take(&pool->slabs, &counters->slabs_used,
			&counters->slabs_high, &counters->slabs_full);
	return c->side->slab != 0;
}

static void slab_give(struct context *c)
{
	tt_slab_give(&c->pool->slabs, &c->side->slab, &c->pool->counters.slabs_used);
	c->side->kept = 0;
	c->side->block_kept = 0;
}

/* The side's dynamic table; NULL when there is none to be had. */
static struct tt_hpack_table *table_take(struct context *c)
{
	struct tt_http2_pool *pool = c->pool;
	struct tt_http2_side *side = c->side;
	struct tt_http2_counters *counters = &pool->counters;

	if (side->table == 0) {
		side->table = tt_slab_take(&pool->tables, &counters->tables_used,
			&counters->tables_high, &counters->tables_full);
		if (side->table == 0) {
			side->incomplete = true;
			return NULL;
		}
		struct tt_hpack_table *table = table_at(pool, side->table);
		if (side->incomplete)
			tt_hpack_lose(table);
		else
			tt_hpack_start(table);
	}
	return table_at(pool, side->table);
}

static void table_give(struct context *c)
{
	tt_slab_give(&c->pool->tables, &c->side->table, &c->pool->counters.tables_used);
}

/* What the side's next blocks refer to is not known. */
static void table_lose(struct context *c)
{
	c->side->incomplete = true;
	if (c->side->table != 0)
		tt_hpack_lose(table_at(c->pool, c->side->table));
}

static uint32_t *bucket_of(const struct context *c, uint32_t stream)
{
	struct {
		const struct tt_http2_connection *connection;
		uint64_t stream;
	} key = {c->connection, stream};
	uint64_t hash = tt_hash_bytes(c->pool->options.secret, &key, sizeof(key));

	return &c->pool->buckets[hash & c->pool->bucket_mask];
}

/* The stream's exchange, NULL when it is not under way. */
static struct tt_http2_exchange *exchange_find(const struct context *c, uint32_t stream)
{
	uint32_t link = *bucket_of(c, stream);

	while (link != 0) {
		struct tt_http2_exchange *exchange = exchange_at(c->pool, link);
		if (exchange->stream == stream && exchange->connection == c->connection)
			return exchange;
		link = exchange->chain;
	}
	return NULL;
}

/* Without a request of its own whose end is to come, and whole. */
static bool is_early(const struct tt_http2_exchange *exchange)
{
	return (exchange->transaction.flags & TT_HTTP_REQUEST) == 0 &&
		(exchange->ended & RESPONSE) != 0;
}

static void exchange_unlink(struct context *c, struct tt_http2_exchange *exchange, uint32_t link)
{
	struct tt_http2_connection *connection = c->connection;
	const struct tt_http2_pool *pool = c->pool;
	uint32_t *chain = bucket_of(c, exchange->stream);

	while (*chain != link)
		chain = &exchange_at(pool, *chain)->chain;
	*chain = exchange->chain;
	if (exchange->previous != 0)
		exchange_at(pool, exchange->previous)->next = exchange->next;
	else
		connection->first = exchange->next;
	if (exchange->next != 0)
		exchange_at(pool, exchange->next)->previous = exchange->previous;
	else
		connection->last = exchange->previous;
	connection->streams--;
}

/* Report an exchange, whole or not, and free it. */
static void exchange_report(struct context *c, struct tt_http2_exchange *exchange)
{
	struct tt_http_transaction *transaction = &exchange->transaction;
	uint32_t link = tt_slab_link(&c->pool->exchanges, exchange);

	if (is_early(exchange) && c->connection->early > 0)
		c->connection->early--;
	exchange_unlink(c, exchange, link);
	tt_http_transaction_time(transaction, &exchange->times);
	if ((transaction->flags & (TT_HTTP_REQUEST | TT_HTTP_RESPONSE)) != 0)
		c->pool->options.report(c->report, transaction, c->connection->client);
	tt_slab_give(&c->pool->exchanges, &link, &c->pool->counters.exchanges_used);
}

/* A new exchange of the stream; NULL when there is no room. */
static struct tt_http2_exchange *exchange_append(struct context *c, uint32_t stream)
{
	struct tt_http2_connection *connection = c->connection;
	struct tt_http2_pool *pool = c->pool;
	struct tt_http2_counters *counters = &pool->counters;

	/* One whose end was lost makes room. */
	if (connection->streams == TT_HTTP2_STREAMS &&
		exchange_at(pool, connection->first)->unsure != 0)
		exchange_report(c, exchange_at(pool, connection->first));
	if (connection->streams == TT_HTTP2_STREAMS) {
		tt_counter_add(&counters->streams_full, 1);
		return NULL;
	}
	uint32_t link = tt_slab_take(&pool->exchanges, &counters->exchanges_used,
		&counters->exchanges_high, &counters->exchanges_full);

	if (link == 0)
		return NULL;
	struct tt_http2_exchange *exchange = exchange_at(pool, link);
	uint32_t *bucket = bucket_of(c, stream);

	memset(exchange, 0, offsetof(struct tt_http2_exchange, transaction.method));
	exchange->connection = connection;
	exchange->stream = stream;
	exchange->transaction.stream_id = stream;
	exchange->transaction.version = 20;
	exchange->chain = *bucket;
	*bucket = link;
	exchange->previous = connection->last;
	if (connection->last != 0)
		exchange_at(pool, connection->last)->next = link;
	else
		connection->first = link;
	connection->last = link;
	connection->streams++;
	return exchange;
}

static bool from_client(const struct context *c)
{
	return c->direction == c->connection->client;
}

/* May the request of a stream still come? Streams are opened in ascending order (RFC 9113 5.1.1). */
static bool request_may_come(const struct context *c, uint32_t stream)
{
	const struct tt_http2_side *asker = &c->connection->side[c->connection->client];

	return (stream & 1) != 0 && stream > asker->highest && asker->state != TT_HTTP2_SEARCHING &&
		asker->state != TT_HTTP2_ENDED;
}

/* Report the exchange if nothing more of it is to come. */
static void exchange_settle(struct context *c, struct tt_http2_exchange *exchange)
{
	bool asked = (exchange->transaction.flags & TT_HTTP_REQUEST) != 0
		? ((exchange->ended | exchange->unsure) & REQUEST) != 0
		: !request_may_come(c, exchange->stream);

	if (asked && (exchange->ended & RESPONSE) != 0)
		exchange_report(c, exchange);
}

/* END_STREAM, or what tells that nothing of the side follows. */
static void side_end(struct context *c, struct tt_http2_exchange *exchange)
{
	struct tt_http_transaction *transaction = &exchange->transaction;
	bool again = is_early(exchange);

	if (from_client(c)) {
		exchange->ended |= REQUEST;
		transaction->flags |= TT_HTTP_REQUEST_WHOLE;
	} else {
		exchange->ended |= RESPONSE;
		if ((transaction->flags & TT_HTTP_RESPONSE) != 0)
			transaction->flags |= TT_HTTP_RESPONSE_WHOLE;
	}
	if (!again && is_early(exchange))
		c->connection->early++;
	exchange_settle(c, exchange);
}

/* Of each exchange under way; they may be reported meanwhile. */
static void for_each_exchange(
	struct context *c, void (*visit)(struct context *c, struct tt_http2_exchange *exchange))
{
	uint32_t link = c->connection->first;

	while (link != 0) {
		struct tt_http2_exchange *exchange = exchange_at(c->pool, link);
		link = exchange->next;
		visit(c, exchange);
	}
}

static void settle_early(struct context *c, struct tt_http2_exchange *exchange)
{
	if (is_early(exchange))
		exchange_settle(c, exchange);
}

/* Some of the side's frames were lost: the ends of its messages may be among them. */
static void doubt(struct context *c, struct tt_http2_exchange *exchange)
{
	uint8_t side = from_client(c) ? REQUEST : RESPONSE;

	if ((exchange->ended & side) == 0)
		exchange->unsure |= side;
	exchange_settle(c, exchange);
}

/* Where the next frame begins is not known, and what the blocks lost have changed neither. */
static void footing_lose(struct context *c)
{
	slab_give(c);
	table_lose(c);
	c->side->in_block = false;
	c->side->lost = false;
	c->side->state = TT_HTTP2_SEARCHING;
	if (!c->connection->client_known)
		return;
	if (from_client(c))
		c->connection->lowest = 0;
	for_each_exchange(c, doubt);
}

static void invalid(struct context *c)
{
	tt_counter_add(&c->pool->counters.invalid, 1);
	footing_lose(c);
}

static bool text_is(const struct tt_hpack_text *text, const char *other, uint32_t length)
{
	return text->length == length && memcmp(text->bytes, other, length) == 0;
}

#define TEXT_IS(text, other) text_is(text, other, sizeof(other) - 1)

/* A number of so many digits; 0 to `most`, or -1. */
static int number(const struct tt_hpack_text *text, uint32_t digits)
{
	int value = 0;

	if (text->length == 0 || text->length > digits)
		return -1;
	for (uint32_t i = 0; i < text->length; i++) {
		if (text->bytes[i] < '0' || text->bytes[i] > '9')
			return -1;
		value = 10 * value + (text->bytes[i] - '0');
	}
	return value;
}

/* Keep a text, if it is the first of its name. Returns its length as kept. */
static uint8_t keep(char *copy, size_t capacity, uint8_t kept, const struct tt_hpack_text *text)
{
	if (kept != 0)
		return kept;
	size_t length = text->kept < capacity ? text->kept : capacity;

	memcpy(copy, text->bytes, length);
	return (uint8_t)length;
}

static void keep_path(struct tt_http_transaction *said, const struct tt_hpack_text *text)
{
	const uint8_t *query = memchr(text->bytes, '?', text->kept);
	size_t length = query != NULL ? (size_t)(query - text->bytes) : text->length;

	if (said->path_bytes != 0)
		return;
	if (length > TT_HTTP_PATH_BYTES) {
		said->flags |= TT_HTTP_PATH_TRUNCATED;
		length = TT_HTTP_PATH_BYTES;
	}
	memcpy(said->path, text->bytes, length);
	said->path_bytes = (uint16_t)length;
}

/* RFC 9113 8.3: the fields that make a message. */
static void take_pseudo(
	struct head *head, const struct tt_hpack_text *name, const struct tt_hpack_text *value)
{
	struct tt_http_transaction *said = &head->said;

	if (TEXT_IS(name, ":status")) {
		int status = number(value, 3);
		head->response = true;
		if (said->status == 0 && status >= 100)
			said->status = (uint16_t)status;
		return;
	}
	head->request = true;
	if (TEXT_IS(name, ":method"))
		said->method_bytes =
			keep(said->method, sizeof(said->method), said->method_bytes, value);
	else if (TEXT_IS(name, ":path"))
		keep_path(said, value);
	else if (TEXT_IS(name, ":authority"))
		said->host_bytes = keep(said->host, sizeof(said->host), said->host_bytes, value);
}

static void take_field(
	void *context, const struct tt_hpack_text *name, const struct tt_hpack_text *value)
{
	static const char grpc[] = "application/grpc";
	struct head *head = context;
	struct tt_http_transaction *said = &head->said;

	if (name->bytes == NULL || value->bytes == NULL) {
		head->unknown++;
	} else if (name->length > 0 && name->bytes[0] == ':') {
		take_pseudo(head, name, value);
	} else if (TEXT_IS(name, "host")) {
		said->host_bytes = keep(said->host, sizeof(said->host), said->host_bytes, value);
	} else if (TEXT_IS(name, "user-agent")) {
		said->user_agent_bytes = keep(
			said->user_agent, sizeof(said->user_agent), said->user_agent_bytes, value);
	} else if (TEXT_IS(name, "content-type")) {
		said->content_type_bytes = keep(said->content_type, sizeof(said->content_type),
			said->content_type_bytes, value);
		if (value->kept >= sizeof(grpc) - 1 &&
			memcmp(value->bytes, grpc, sizeof(grpc) - 1) == 0)
			said->flags |= TT_HTTP_GRPC;
	} else if (TEXT_IS(name, "grpc-status")) {
		int status = number(value, 4);
		if (status >= 0) {
			said->flags |= TT_HTTP_GRPC_STATUS;
			said->grpc_status = (uint16_t)status;
		}
	}
}

static void request_fill(
	struct context *c, struct tt_http2_exchange *exchange, const struct head *head, bool cut)
{
	struct tt_http_transaction *transaction = &exchange->transaction;
	const struct tt_http_transaction *said = &head->said;

	if (is_early(exchange))
		c->connection->early--;
	transaction->flags |= (uint16_t)(TT_HTTP_REQUEST |
		(said->flags & (TT_HTTP_PATH_TRUNCATED | TT_HTTP_GRPC)) |
		(cut || head->unknown > 0 ? TT_HTTP_REQUEST_HEAD_CUT : 0));
	transaction->start_us = c->side->time_us;
	transaction->method_bytes = said->method_bytes;
	transaction->path_bytes = said->path_bytes;
	transaction->host_bytes = said->host_bytes;
	transaction->user_agent_bytes = said->user_agent_bytes;
	memcpy(transaction->method, said->method, said->method_bytes);
	memcpy(transaction->path, said->path, said->path_bytes);
	memcpy(transaction->host, said->host, said->host_bytes);
	memcpy(transaction->user_agent, said->user_agent, said->user_agent_bytes);
	exchange->times.request_end_us = c->time_us;
}

/* The client's block on a stream: a request, or its trailers. */
static void request_read(struct context *c, const struct head *head, bool cut)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_exchange *exchange = exchange_find(c, side->stream);

	if (exchange != NULL && (exchange->transaction.flags & TT_HTTP_REQUEST) != 0) {
		exchange->times.request_end_us = c->time_us;
	} else if (side->stream > side->highest && (side->stream & 1) != 0) {
		/* Requests of streams before it will not come. */
		side->highest = side->stream - 1;
		if (c->connection->early > 0)
			for_each_exchange(c, settle_early);
		side->highest = side->stream;
		if (c->connection->lowest == 0)
			c->connection->lowest = side->stream;
		/* No request (RFC 9113 8.3.1), or the trailers of one that was not seen. */
		if (!cut &&
			(!head->request || (head->unknown == 0 && head->said.method_bytes == 0))) {
			tt_counter_add(&c->pool->counters.invalid, 1);
			return;
		}
		exchange = exchange_find(c, side->stream);
		if (exchange == NULL)
			exchange = exchange_append(c, side->stream);
		if (exchange == NULL)
			return;
		request_fill(c, exchange, head, cut);
	} else {
		return;
	}
	if ((side->block_flags & END_STREAM) != 0)
		side_end(c, exchange);
}

static void response_fill(
	struct context *c, struct tt_http2_exchange *exchange, const struct head *head, bool cut)
{
	struct tt_http_transaction *transaction = &exchange->transaction;
	const struct tt_http_transaction *said = &head->said;

	transaction->flags |= (uint16_t)(TT_HTTP_RESPONSE | (said->flags & TT_HTTP_GRPC) |
		(cut || head->unknown > 0 ? TT_HTTP_RESPONSE_HEAD_CUT : 0));
	transaction->status = said->status;
	transaction->content_type_bytes = said->content_type_bytes;
	memcpy(transaction->content_type, said->content_type, said->content_type_bytes);
	exchange->times.response_start_us = c->side->time_us;
}

/* May the request of a stream that is not under way have been missed? Else it is over. */
static bool is_strange(const struct tt_http2_connection *connection, uint32_t stream)
{
	return (connection->upgraded && stream == 1) || stream < connection->lowest ||
		stream > connection->side[connection->client].highest || connection->lowest == 0;
}

/* The server's block on a stream: an answer, an interim one, or trailers. */
static void response_read(struct context *c, const struct head *head, bool cut)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_connection *connection = c->connection;
	const struct tt_http_transaction *said = &head->said;
	struct tt_http2_exchange *exchange = exchange_find(c, side->stream);
	bool ends = (side->block_flags & END_STREAM) != 0;
	/* The first block that is not an interim answer, where its status is not known. */
	bool answer = said->status >= 200 || (said->status == 0 && (cut || head->unknown > 0));

	if (exchange == NULL) {
		if (said->status < 200 || !is_strange(connection, side->stream))
			return;
		exchange = exchange_append(c, side->stream);
		if (side->stream == 1)
			connection->upgraded = false;
		if (exchange == NULL)
			return;
	}
	if ((exchange->transaction.flags & TT_HTTP_RESPONSE) == 0 && answer)
		response_fill(c, exchange, head, cut);
	if ((said->flags & TT_HTTP_GRPC_STATUS) != 0) {
		exchange->transaction.flags |= TT_HTTP_GRPC_STATUS;
		exchange->transaction.grpc_status = said->grpc_status;
	}
	exchange->times.response_end_us = c->time_us;
	if (ends)
		side_end(c, exchange);
}

/* A request that the server makes for the client, whole (RFC 9113 8.4). */
static void promise_read(struct context *c, const struct head *head, bool cut)
{
	struct tt_http2_side *side = c->side;
	uint32_t promised = side->promised;

	if (promised == 0 || (promised & 1) != 0 || exchange_find(c, promised) != NULL)
		return;
	struct tt_http2_exchange *exchange = exchange_append(c, promised);

	if (exchange == NULL)
		return;
	request_fill(c, exchange, head, cut);
	exchange->ended |= REQUEST;
	exchange->transaction.flags |= TT_HTTP_REQUEST_WHOLE;
}

/* The first block that tells whose it is tells which side is the client. */
static void client_learn(struct context *c, const struct head *head)
{
	bool pushed = c->side->block_type == PUSH_PROMISE;
	bool request = !pushed && head->request;

	if (c->connection->client_known || (!pushed && head->request == head->response))
		return;
	c->connection->client_known = true;
	c->connection->client = (request ? c->direction : c->direction ^ 1) & 1;
}

/* A header block is over. `bytes` NULL: lost. */
static void block_end(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_counters *counters = &c->pool->counters;
	struct head head;
	bool cut = bytes == NULL;

	memset(&head, 0, offsetof(struct head, said.method));
	head.request = false;
	head.response = false;
	head.unknown = 0;
	side->in_block = false;
	side->lost = false;
	if (cut) {
		tt_counter_add(&counters->blocks_lost, 1);
		table_lose(c);
	} else {
		struct tt_hpack_table *table = table_take(c);
		if (!tt_hpack_read(table, bytes, length, take_field, &head)) {
			/* A connection error (RFC 9113 4.3), after which nothing counts. */
			invalid(c);
			return;
		}
		tt_counter_add(&counters->fields_unknown, head.unknown);
		if (table != NULL && table->limit > TT_HPACK_TABLE_BYTES &&
			table->limit != TT_HPACK_LIMIT_UNKNOWN)
			tt_counter_add(&counters->tables_large, 1);
	}
	client_learn(c, &head);
	if (!c->connection->client_known)
		return;
	if (side->block_type == PUSH_PROMISE) {
		if (!from_client(c))
			promise_read(c, &head, cut);
	} else if (from_client(c)) {
		request_read(c, &head, cut);
	} else {
		response_read(c, &head, cut);
	}
}

/* Without the padding of a frame (RFC 9113 6.1). false: there is less than it says. */
static bool strip_padding(const struct tt_http2_side *side, const uint8_t **bytes, size_t *length)
{
	if ((side->flags & PADDED) == 0)
		return true;
	if (*length == 0 || **bytes >= *length)
		return false;
	*length -= 1 + (size_t) * *bytes;
	(*bytes)++;
	return true;
}

/* Without what stands before the fragment of a block. */
static bool strip_prefix(struct tt_http2_side *side, const uint8_t **bytes, size_t *length)
{
	size_t prefix = 0;

	if (side->type == CONTINUATION)
		return true;
	if (!strip_padding(side, bytes, length))
		return false;
	if (side->type == PUSH_PROMISE)
		prefix = 4;
	else if ((side->flags & HAS_PRIORITY) != 0)
		prefix = 5;
	if (*length < prefix)
		return false;
	if (side->type == PUSH_PROMISE)
		side->promised = tt_load_be32(*bytes) & STREAM_MASK;
	*bytes += prefix;
	*length -= prefix;
	return true;
}

/* A whole frame of a block; `bytes` may lie in the slab, behind the block's other fragments. */
static void fragment_read(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;
	bool ends = (side->flags & END_HEADERS) != 0;

	if (!strip_prefix(side, &bytes, &length)) {
		invalid(c);
		return;
	}
	if (side->type != CONTINUATION) {
		side->block_type = side->type;
		side->block_flags = side->flags;
	}
	if (side->lost || (ends && side->block_kept == 0)) {
		if (ends)
			block_end(c, side->lost ? NULL : bytes, length);
		else
			side->in_block = true;
		return;
	}
	side->in_block = true;
	if (length > (size_t)TT_HTTP2_BLOCK_BYTES - side->block_kept || !slab_take(c)) {
		side->lost = true;
		length = 0;
	}
	uint8_t *slab = side->slab == 0 ? NULL : block_at(c->pool, side->slab);

	if (slab != NULL)
		memmove(slab + side->block_kept, bytes, length);
	side->block_kept = (uint16_t)(side->block_kept + length);
	side->kept = side->block_kept;
	if (ends)
		block_end(c, side->lost ? NULL : slab, side->block_kept);
}

static void reset_read(struct context *c)
{
	struct tt_http2_exchange *exchange = exchange_find(c, c->side->stream);

	if (exchange != NULL)
		exchange_report(c, exchange);
}

/* The server will not answer what came after the last stream that it names (RFC 9113 6.8). */
static void goaway_read(struct context *c, const uint8_t *bytes)
{
	uint32_t last = tt_load_be32(bytes) & STREAM_MASK;
	uint32_t link = c->connection->first;

	if (!c->connection->client_known || from_client(c))
		return;
	while (link != 0) {
		struct tt_http2_exchange *exchange = exchange_at(c->pool, link);
		link = exchange->next;
		if (exchange->stream > last && (exchange->stream & 1) != 0)
			exchange_report(c, exchange);
	}
}

static void data_end(struct context *c)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_exchange *exchange = exchange_find(c, side->stream);
	uint32_t overhead = (side->flags & PADDED) != 0 ? 1U + side->padding : 0;

	if (overhead > side->length) {
		invalid(c);
		return;
	}
	if (exchange == NULL)
		return;
	if (from_client(c)) {
		exchange->transaction.request_bytes += side->length - overhead;
		exchange->times.request_end_us = c->time_us;
	} else {
		exchange->transaction.response_bytes += side->length - overhead;
		exchange->times.response_end_us = c->time_us;
	}
	if ((side->flags & END_STREAM) != 0)
		side_end(c, exchange);
}

/* Must its payload be there in one piece? */
static bool is_read(const struct tt_http2_side *side)
{
	return side->type == HEADERS || side->type == CONTINUATION || side->type == PUSH_PROMISE ||
		side->type == RST_STREAM || side->type == GOAWAY;
}

static bool is_fragment(const struct tt_http2_side *side)
{
	return side->type == HEADERS || side->type == CONTINUATION || side->type == PUSH_PROMISE;
}

/* The frame is over. `bytes`: its payload, of those that are read; NULL: part of it is lost. */
static void frame_end(struct context *c, const uint8_t *bytes)
{
	struct tt_http2_side *side = c->side;

	side->state = TT_HTTP2_HEADER;
	side->header_kept = 0;
	if (side->type == DATA) {
		data_end(c);
	} else if (side->type == RST_STREAM) {
		reset_read(c);
	} else if (side->type == GOAWAY) {
		if (bytes != NULL)
			goaway_read(c, bytes);
	} else if (is_fragment(side)) {
		if (bytes == NULL) {
			/* What stands before the fragment is lost with it. */
			side->lost = true;
			if (side->type != CONTINUATION) {
				side->block_type = side->type;
				side->block_flags = side->flags;
				side->promised = 0;
			}
			side->in_block = (side->flags & END_HEADERS) == 0;
			if (!side->in_block)
				block_end(c, NULL, 0);
		} else {
			fragment_read(c, bytes, side->length);
		}
	}
	if (!side->in_block)
		slab_give(c);
}

static void header_parse(struct frame *frame, const uint8_t *bytes)
{
	frame->length = tt_load_be24(bytes);
	frame->type = bytes[3];
	frame->flags = bytes[4];
	frame->stream = tt_load_be32(bytes + 5) & STREAM_MASK;
}

/* RFC 9113 6: the lengths that a type may have, and whether it is of a stream or the connection. */
static bool frame_is_sound(const struct frame *frame)
{
	switch (frame->type) {
	case DATA:
	case HEADERS:
	case CONTINUATION:
	case PRIORITY:
		return frame->stream != 0;
	case PUSH_PROMISE:
		return frame->stream != 0 && frame->length >= 4;
	case RST_STREAM:
		return frame->stream != 0 && frame->length == 4;
	case SETTINGS:
		return frame->stream == 0 && frame->length % 6 == 0 &&
			((frame->flags & END_STREAM) == 0 || frame->length == 0);
	case PING:
		return frame->stream == 0 && frame->length == 8;
	case GOAWAY:
		return frame->stream == 0 && frame->length >= 8;
	case WINDOW_UPDATE:
		return frame->length == 4;
	default:
		return true; /* extensions are to be ignored (RFC 9113 5.5) */
	}
}

/* Is the header one that an encoder of these types would make, reserved bit and flags included? */
static bool frame_is_usual(const struct frame *frame, const uint8_t *bytes)
{
	static const uint8_t flags[FRAME_TYPES] = {
		[DATA] = END_STREAM | PADDED,
		[HEADERS] = END_STREAM | END_HEADERS | PADDED | HAS_PRIORITY,
		[SETTINGS] = END_STREAM,
		[PUSH_PROMISE] = END_HEADERS | PADDED,
		[PING] = END_STREAM,
		[CONTINUATION] = END_HEADERS,
	};

	return frame->type < FRAME_TYPES && (frame->flags & ~flags[frame->type]) == 0 &&
		frame->length <= FRAME_BYTES_USUAL && (bytes[5] & 0x80) == 0 &&
		(frame->type != PRIORITY || frame->length == 5) && frame_is_sound(frame);
}

bool tt_http2_frames_begin(const uint8_t *bytes, size_t length)
{
	unsigned int frames = 0;
	size_t at = 0;

	while (length - at >= TT_HTTP2_HEADER_BYTES) {
		struct frame frame;

		header_parse(&frame, bytes + at);
		if (!frame_is_usual(&frame, bytes + at))
			return false;
		at += TT_HTTP2_HEADER_BYTES + frame.length;
		if (at == length || (at < length && ++frames == 2))
			return true;
		if (at > length)
			return false;
	}
	return false;
}

/* A frame's header is there. */
static void frame_begin(struct context *c, const uint8_t *bytes)
{
	struct tt_http2_side *side = c->side;
	struct frame frame;

	header_parse(&frame, bytes);
	side->type = frame.type;
	side->flags = frame.flags;
	/* Nothing may come between the frames of a block, nor go on with none (RFC 9113 6.10). */
	if (!frame_is_sound(&frame) || side->in_block != (frame.type == CONTINUATION) ||
		(side->in_block && frame.stream != side->stream)) {
		invalid(c);
		return;
	}
	side->stream = frame.stream;
	side->length = frame.length;
	side->left = frame.length;
	side->padding = 0;
	if (!side->in_block)
		side->lost = false;
	side->state = TT_HTTP2_PAYLOAD;
	if (side->left == 0)
		frame_end(c, bytes + TT_HTTP2_HEADER_BYTES);
}

static size_t header_data(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;

	if (side->header_kept == 0) {
		if (!side->in_block)
			side->time_us = c->time_us;
		if (length >= TT_HTTP2_HEADER_BYTES) {
			frame_begin(c, bytes);
			return TT_HTTP2_HEADER_BYTES;
		}
	}
	size_t missing = (size_t)TT_HTTP2_HEADER_BYTES - side->header_kept;

	if (length < missing) {
		memcpy(side->header + side->header_kept, bytes, length);
		side->header_kept = (uint8_t)(side->header_kept + length);
		return length;
	}
	uint8_t header[TT_HTTP2_HEADER_BYTES];

	memcpy(header, side->header, side->header_kept);
	memcpy(header + side->header_kept, bytes, missing);
	frame_begin(c, header);
	return missing;
}

/* Part of a payload that must be there in one piece. */
static void payload_keep(struct context *c, const uint8_t *bytes, size_t count)
{
	struct tt_http2_side *side = c->side;

	if (side->lost)
		return;
	if (count > (size_t)TT_HTTP2_BLOCK_BYTES - side->kept || !slab_take(c)) {
		side->lost = true;
		return;
	}
	memcpy(block_at(c->pool, side->slab) + side->kept, bytes, count);
	side->kept = (uint16_t)(side->kept + count);
}

static size_t payload_data(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;
	size_t count = side->left < length ? side->left : length;
	bool whole = count == side->length;

	if (side->type == DATA && (side->flags & PADDED) != 0 && side->left == side->length)
		side->padding = *bytes;
	else if (is_read(side) && !whole)
		payload_keep(c, bytes, count);
	side->left -= (uint32_t)count;
	if (side->left == 0 && whole && !side->lost)
		frame_end(c, bytes);
	else if (side->left == 0)
		frame_end(c,
			side->lost || side->slab == 0
				? NULL
				: block_at(c->pool, side->slab) + side->block_kept);
	return count;
}

/* The client's preface tells who it is. */
static size_t preface_data(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_connection *connection = c->connection;
	size_t missing = PREFACE_BYTES - side->header_kept;
	size_t count = length < missing ? length : missing;

	if (memcmp(bytes, preface + side->header_kept, count) != 0) {
		invalid(c);
		return length;
	}
	side->header_kept = (uint8_t)(side->header_kept + count);
	if (side->header_kept < PREFACE_BYTES)
		return count;
	side->header_kept = 0;
	side->state = TT_HTTP2_HEADER;
	connection->lowest = 1;
	if (!connection->client_known) {
		connection->client_known = true;
		connection->client = c->direction & 1;
	}
	return count;
}

/* A piece begins on a side that does not know where frames do. */
static bool is_found(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http2_side *side = c->side;
	struct tt_http2_side *other = &c->connection->side[c->direction ^ 1];

	if (length >= PREFACE_BYTES && memcmp(bytes, preface, PREFACE_BYTES) == 0) {
		/* The beginning after all; so will be what the server says first. */
		side->state = TT_HTTP2_START;
		side->incomplete = false;
		table_give(c);
		if (other->state == TT_HTTP2_SEARCHING && !other->seen)
			tt_http2_connection_start(c->connection, c->direction ^ 1);
		return true;
	}
	bool data = length >= TT_HTTP2_HEADER_BYTES && bytes[3] == DATA && (bytes[5] & 0x80) == 0 &&
		(bytes[4] & ~(END_STREAM | PADDED)) == 0 &&
		tt_load_be24(bytes) <= FRAME_BYTES_USUAL &&
		exchange_find(c, tt_load_be32(bytes + 5)) != NULL;

	if (!data && !tt_http2_frames_begin(bytes, length))
		return false;
	side->state = TT_HTTP2_HEADER;
	side->header_kept = 0;
	tt_counter_add(&c->pool->counters.resyncs, 1);
	return true;
}

void tt_http2_connection_start(struct tt_http2_connection *connection, unsigned int direction)
{
	connection->side[direction] = (struct tt_http2_side){.state = TT_HTTP2_START};
}

void tt_http2_connection_upgrade(struct tt_http2_connection *connection)
{
	connection->upgraded = true;
	connection->side[0].highest = 1;
	connection->side[1].highest = 1;
}

void tt_http2_connection_data(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, const uint8_t *bytes, size_t length, uint64_t time_us,
	void *context)
{
	struct tt_http2_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, time_us, context};
	size_t at = 0;

	if (length == 0)
		return;
	if (side->state == TT_HTTP2_SEARCHING) {
		/* Nothing was seen before, of a side picked up midstream. */
		if (!side->seen)
			side->incomplete = true;
		side->seen = true;
		if (!is_found(&c, bytes, length))
			return;
	}
	while (at < length) {
		switch ((enum tt_http2_side_state)side->state) {
		case TT_HTTP2_SEARCHING:
		case TT_HTTP2_ENDED:
			return;
		case TT_HTTP2_START:
			side->state = bytes[at] == 'P' ? TT_HTTP2_PREFACE : TT_HTTP2_HEADER;
			break;
		case TT_HTTP2_PREFACE:
			at += preface_data(&c, bytes + at, length - at);
			break;
		case TT_HTTP2_HEADER:
			at += header_data(&c, bytes + at, length - at);
			break;
		case TT_HTTP2_PAYLOAD:
			at += payload_data(&c, bytes + at, length - at);
			break;
		}
	}
}

void tt_http2_connection_gap(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, uint64_t length, uint64_t time_us, void *context)
{
	struct tt_http2_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, time_us, context};
	bool padding_lost =
		side->type == DATA && (side->flags & PADDED) != 0 && side->left == side->length;

	if (length == 0 || side->state == TT_HTTP2_ENDED)
		return;
	if (side->state != TT_HTTP2_PAYLOAD || length > side->left || padding_lost) {
		footing_lose(&c);
		return;
	}
	side->left -= (uint32_t)length;
	if (is_read(side))
		side->lost = true;
	if (side->left == 0)
		frame_end(&c, NULL);
}

/* Nothing of the server follows: what has no answer by now has none. */
static void report(struct context *c, struct tt_http2_exchange *exchange)
{
	exchange_report(c, exchange);
}

void tt_http2_connection_end(struct tt_http2_connection *connection, struct tt_http2_pool *pool,
	unsigned int direction, void *context)
{
	struct tt_http2_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, 0, context};

	side->state = TT_HTTP2_ENDED;
	slab_give(&c);
	table_give(&c);
	if (connection->client_known)
		for_each_exchange(&c, from_client(&c) ? doubt : report);
}

void tt_http2_connection_close(
	struct tt_http2_connection *connection, struct tt_http2_pool *pool, void *context)
{
	for (unsigned int direction = 0; direction < 2; direction++) {
		struct context c = {
			connection, pool, &connection->side[direction], direction, 0, context};
		slab_give(&c);
		table_give(&c);
		if (direction == 1)
			for_each_exchange(&c, report);
	}
	*connection = (struct tt_http2_connection){0};
}
