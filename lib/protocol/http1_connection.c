/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http1_connection.h"

#include "base/error.h"
#include "protocol/http1.h"

#include <string.h>

#define SLABS_LIMIT	(1u << 20)
#define EXCHANGES_LIMIT (1u << 24)
#define LINE_BYTES	64

_Static_assert(sizeof(struct tt_http1_connection) <= 88, "small: every HTTP flow has one");
_Static_assert(TT_HTTP1_HEAD_BYTES <= UINT16_MAX, "tt_http1_side.kept holds it");

struct tt_http1_exchange {
	uint32_t next; /* of its connection's queue, or of the free list: number + 1; 0: none */
	bool head;     /* the method is HEAD */
	bool connect;  /* the method is CONNECT */
	struct tt_http_times times;
	struct tt_http_transaction transaction;
};

/* What every step of a piece needs. */
struct context {
	struct tt_http1_connection *connection;
	struct tt_http1_pool *pool;
	struct tt_http1_side *side;
	unsigned int direction;
	bool inside; /* not at the beginning of the piece */
	uint64_t time_us;
	void *report;
};

uint64_t tt_http1_pool_bytes(uint32_t slabs, uint32_t exchanges)
{
	return (uint64_t)slabs * TT_HTTP1_HEAD_BYTES +
		(uint64_t)exchanges * sizeof(struct tt_http1_exchange);
}

int tt_http1_pool_create(struct tt_http1_pool *pool, const struct tt_http1_pool_options *options)
{
	memset(pool, 0, sizeof(*pool));
	if (options->slabs == 0 || options->slabs > SLABS_LIMIT || options->exchanges == 0 ||
		options->exchanges > EXCHANGES_LIMIT || options->report == NULL)
		return TT_ERROR_ARGUMENT;
	pool->options = *options;
	int error = tt_slabs_create(
		&pool->slabs, options->slabs, TT_HTTP1_HEAD_BYTES, options->huge_pages);
	if (error == TT_OK)
		error = tt_slabs_create(&pool->exchanges, options->exchanges,
			sizeof(struct tt_http1_exchange), options->huge_pages);
	if (error != TT_OK)
		tt_http1_pool_destroy(pool);
	return error;
}

void tt_http1_pool_destroy(struct tt_http1_pool *pool)
{
	tt_slabs_destroy(&pool->slabs);
	tt_slabs_destroy(&pool->exchanges);
}

static struct tt_http1_exchange *exchange_at(const struct tt_http1_pool *pool, uint32_t link)
{
	return tt_slab_at(&pool->exchanges, link);
}

void tt_http1_connection_prefetch(
	const struct tt_http1_connection *connection, const struct tt_http1_pool *pool)
{
	if (connection->first == 0)
		return;
	const uint8_t *exchange = (const uint8_t *)exchange_at(pool, connection->first);

	for (size_t line = 0; line < sizeof(struct tt_http1_exchange); line += LINE_BYTES)
		__builtin_prefetch(exchange + line, 0, 2);
}

static void slab_take(struct context *c)
{
	struct tt_http1_pool *pool = c->pool;
	uint32_t link = tt_slab_take(&pool->slabs, &pool->counters.slabs_used,
		&pool->counters.slabs_high, &pool->counters.slabs_full);

	if (link == 0)
		return;
	c->side->slab = link;
	c->side->kept = 0;
	c->side->scanned = 0;
}

static void slab_give(struct context *c)
{
	tt_slab_give(&c->pool->slabs, &c->side->slab, &c->pool->counters.slabs_used);
}

/* A new exchange at the end of the queue: its number + 1, or 0. */
static uint32_t exchange_append(struct context *c)
{
	struct tt_http1_connection *connection = c->connection;
	struct tt_http1_pool *pool = c->pool;
	uint32_t link;

	if (connection->queued == TT_HTTP1_QUEUE) {
		tt_counter_add(&pool->counters.queue_full, 1);
		return 0;
	}
	link = tt_slab_take(&pool->exchanges, &pool->counters.exchanges_used,
		&pool->counters.exchanges_high, &pool->counters.exchanges_full);
	if (link == 0)
		return 0;
	struct tt_http1_exchange *exchange = exchange_at(pool, link);
	memset(exchange, 0, offsetof(struct tt_http1_exchange, transaction.method));
	if (connection->last != 0)
		exchange_at(pool, connection->last)->next = link;
	else
		connection->first = link;
	connection->last = link;
	connection->queued++;
	return link;
}

static void exchange_unlink(struct context *c, uint32_t link)
{
	struct tt_http1_connection *connection = c->connection;
	struct tt_http1_pool *pool = c->pool;
	uint32_t before = 0;

	for (uint32_t at = connection->first; at != link; at = exchange_at(pool, at)->next)
		before = at;
	if (before == 0)
		connection->first = exchange_at(pool, link)->next;
	else
		exchange_at(pool, before)->next = exchange_at(pool, link)->next;
	if (connection->last == link)
		connection->last = before;
	connection->queued--;
}

/* Report an exchange, whole or not, and free it. */
static void exchange_report(struct context *c, uint32_t link)
{
	struct tt_http1_exchange *exchange = exchange_at(c->pool, link);
	struct tt_http_transaction *transaction = &exchange->transaction;

	exchange_unlink(c, link);
	tt_http_transaction_time(transaction, &exchange->times);
	c->pool->options.report(c->report, transaction, c->connection->client);
	tt_slab_give(&c->pool->exchanges, &link, &c->pool->counters.exchanges_used);
}

/* The oldest exchange whose request (or response) has not come; 0: none. Those before it are few:
 * answered before their end. */
static uint32_t exchange_without(const struct context *c, uint16_t flag)
{
	uint32_t link = c->connection->first;

	while (link != 0 && (exchange_at(c->pool, link)->transaction.flags & flag) != 0)
		link = exchange_at(c->pool, link)->next;
	return link;
}

static bool from_client(const struct context *c)
{
	return c->direction == c->connection->client;
}

/* The exchange that the side is reading a message of; 0: none, or one that is not followed. */
static uint32_t *reading(const struct context *c)
{
	return from_client(c) ? &c->connection->asking : &c->connection->answering;
}

/* Does the requests' side know where it stands, so that an answer to nothing is an early one? */
static bool asker_in_step(const struct context *c)
{
	return c->connection->side[c->connection->client].state != TT_HTTP1_SEARCHING;
}

/* The message that the side is reading is over, with its last byte at end_us. */
static void message_end(struct context *c, bool whole, uint64_t end_us)
{
	uint32_t *link = reading(c);
	uint32_t done = *link;

	*link = 0;
	c->side->body_unsure = false;
	if (done == 0)
		return;
	struct tt_http1_exchange *exchange = exchange_at(c->pool, done);
	struct tt_http_transaction *transaction = &exchange->transaction;
	uint64_t *bytes =
		from_client(c) ? &transaction->request_bytes : &transaction->response_bytes;

	if (c->side->state == TT_HTTP1_UNTIL_END)
		*bytes = c->side->left;
	else if (c->side->state == TT_HTTP1_BODY ||
		(c->side->state == TT_HTTP1_CHUNKS && c->side->chunk_state == TT_HTTP1_CHUNK_DATA))
		*bytes -= c->side->left;
	if (from_client(c)) {
		exchange->times.request_end_us = end_us;
		transaction->flags |= whole ? TT_HTTP_REQUEST_WHOLE : 0;
	} else {
		exchange->times.response_end_us = end_us;
		transaction->flags |= whole ? TT_HTTP_RESPONSE_WHOLE : 0;
	}
	bool asked = (transaction->flags & TT_HTTP_REQUEST) != 0 ? c->connection->asking != done
								 : !asker_in_step(c);
	bool answered =
		(transaction->flags & TT_HTTP_RESPONSE) != 0 && c->connection->answering != done;
	if (asked && answered)
		exchange_report(c, done);
}

/* Report responses that wait for their request: they came first, or it was lost. */
static void orphans_report(struct context *c)
{
	uint32_t link;

	while ((link = exchange_without(c, TT_HTTP_REQUEST)) != 0 &&
		link != c->connection->answering)
		exchange_report(c, link);
}

/* No message begins before the next piece. A message that was being read ends here. */
static void footing_lose(struct context *c)
{
	slab_give(c);
	message_end(c, false, c->side->time_us);
	c->side->state = TT_HTTP1_SEARCHING;
	if (c->connection->client_known && from_client(c))
		orphans_report(c);
}

static uint64_t copied(char *copy, size_t capacity, const struct tt_http1_text *text)
{
	return text->bytes == NULL ? 0 : tt_http1_text_copy(copy, capacity, text);
}

/* How the body after a head is framed, RFC 9112 6.3. */
static void body_begin(struct context *c, const struct tt_http1_head *head, bool response,
	bool bodyless, uint64_t *body_bytes)
{
	struct tt_http1_side *side = c->side;
	bool chunked = (head->flags & TT_HTTP1_CHUNKED) != 0;
	bool unsound = !chunked &&
		(head->flags & (TT_HTTP1_LENGTH_UNSOUND | (response ? 0 : TT_HTTP1_CODED))) != 0;
	bool sized = (head->flags & TT_HTTP1_LENGTH) != 0 && (head->flags & TT_HTTP1_CODED) == 0;

	if (bodyless) {
		message_end(c, true, c->time_us);
	} else if (chunked) {
		side->state = TT_HTTP1_CHUNKS;
		side->chunk_state = TT_HTTP1_CHUNK_SIZE;
		side->left = 0;
	} else if (unsound) {
		tt_counter_add(&c->pool->counters.invalid, 1);
		if (!response) {
			footing_lose(c);
			return;
		}
		side->state = TT_HTTP1_UNTIL_END;
		side->left = 0;
	} else if (sized && head->content_length > 0) {
		side->state = TT_HTTP1_BODY;
		side->left = head->content_length;
		if (body_bytes != NULL)
			*body_bytes = head->content_length;
	} else if (sized || !response) {
		message_end(c, true, c->time_us);
	} else {
		side->state = TT_HTTP1_UNTIL_END;
		side->left = 0;
	}
	side->time_us = c->time_us;
}

static bool method_is(const struct tt_http1_head *head, const char *method)
{
	return head->method.length == strlen(method) &&
		memcmp(head->method.bytes, method, head->method.length) == 0;
}

static void request_fill(
	struct tt_http1_exchange *exchange, const struct tt_http1_head *head, uint64_t start_us)
{
	struct tt_http_transaction *transaction = &exchange->transaction;
	struct tt_http1_text path = head->target;
	const uint8_t *query = path.length > 0 ? memchr(path.bytes, '?', path.length) : NULL;

	if (query != NULL)
		path.length = (uint32_t)(query - path.bytes);
	exchange->head = method_is(head, "HEAD");
	exchange->connect = method_is(head, "CONNECT");
	transaction->flags |= TT_HTTP_REQUEST;
	if (path.length > TT_HTTP_PATH_BYTES)
		transaction->flags |= TT_HTTP_PATH_TRUNCATED;
	transaction->start_us = start_us;
	transaction->version = head->version;
	transaction->method_bytes =
		(uint8_t)copied(transaction->method, sizeof(transaction->method), &head->method);
	transaction->path_bytes =
		(uint16_t)copied(transaction->path, sizeof(transaction->path), &path);
	transaction->host_bytes =
		(uint8_t)copied(transaction->host, sizeof(transaction->host), &head->host);
	transaction->user_agent_bytes = (uint8_t)copied(
		transaction->user_agent, sizeof(transaction->user_agent), &head->user_agent);
}

static void request_begin(struct context *c, const struct tt_http1_head *head, uint16_t more_flags)
{
	struct tt_http1_connection *connection = c->connection;
	uint32_t link = connection->skipped > 0 ? 0 : exchange_without(c, TT_HTTP_REQUEST);

	/* Behind the end of another in one piece: sent without waiting for an answer. */
	if (c->inside && exchange_without(c, TT_HTTP_RESPONSE) != 0)
		connection->pipelined = true;
	if (link == 0 && connection->skipped == 0)
		link = exchange_append(c);
	if (link == 0) {
		if (connection->skipped < UINT16_MAX)
			connection->skipped++;
		return;
	}
	connection->asking = link;
	struct tt_http1_exchange *exchange = exchange_at(c->pool, link);
	request_fill(exchange, head, c->side->time_us);
	exchange->times.request_end_us = c->time_us;
	exchange->transaction.flags |= more_flags;
}

static void request_read(struct context *c, const struct tt_http1_head *head)
{
	request_begin(c, head, 0);
	uint32_t link = c->connection->asking;
	struct tt_http1_exchange *exchange = link == 0 ? NULL : exchange_at(c->pool, link);

	bool opaque = exchange != NULL && exchange->connect &&
		(exchange->transaction.flags & TT_HTTP_RESPONSE) == 0;

	c->side->body_unsure = (head->flags & TT_HTTP1_EXPECT) != 0;
	body_begin(c, head, false, false,
		exchange == NULL ? NULL : &exchange->transaction.request_bytes);
	if (opaque && c->side->state == TT_HTTP1_HEAD)
		c->side->state = TT_HTTP1_OPAQUE;
}

/* All but the newest of the requests without response: theirs are lost. */
static void unanswered_report(struct context *c)
{
	uint32_t link;

	while ((link = exchange_without(c, TT_HTTP_RESPONSE)) != 0 && link != c->connection->last &&
		link != c->connection->asking)
		exchange_report(c, link);
}

/* The exchange that a response belongs to; 0: one that is not followed. */
static uint32_t response_place(struct context *c)
{
	struct tt_http1_connection *connection = c->connection;

	if (connection->answers_lost && !connection->pipelined)
		unanswered_report(c);
	uint32_t link = exchange_without(c, TT_HTTP_RESPONSE);
	if (link != 0 && link != connection->last && !connection->answers_lost)
		connection->pipelined = true;
	connection->answers_lost = false;
	if (link != 0)
		return link;
	if (connection->skipped > 0) {
		connection->skipped--;
		return 0;
	}
	return exchange_append(c);
}

static void upgrade(struct context *c)
{
	struct tt_http1_connection *connection = c->connection;
	struct context other = *c;

	other.direction = c->direction ^ 1;
	other.side = &connection->side[other.direction];
	slab_give(&other);
	message_end(&other, false, other.side->time_us);
	other.side->state = TT_HTTP1_UPGRADED;
	c->side->state = TT_HTTP1_UPGRADED;
}

static void response_begin(
	struct context *c, const struct tt_http1_head *head, uint32_t link, uint16_t more_flags)
{
	c->connection->answering = link;
	if (link == 0)
		return;
	struct tt_http1_exchange *exchange = exchange_at(c->pool, link);
	struct tt_http_transaction *transaction = &exchange->transaction;

	exchange->times.response_start_us = c->side->time_us;
	transaction->flags |= (uint16_t)(TT_HTTP_RESPONSE | more_flags);
	transaction->status = head->status;
	if ((transaction->flags & TT_HTTP_REQUEST) == 0)
		transaction->version = head->version;
	transaction->content_type_bytes = (uint8_t)copied(
		transaction->content_type, sizeof(transaction->content_type), &head->content_type);
}

static void response_read(struct context *c, const struct tt_http1_head *head)
{
	if (head->status < 200 && head->status != 101)
		return;
	uint32_t link = response_place(c);
	struct tt_http1_exchange *exchange = link == 0 ? NULL : exchange_at(c->pool, link);
	bool known = exchange != NULL && (exchange->transaction.flags & TT_HTTP_REQUEST) != 0;
	bool tunnel = known && exchange->connect && head->status < 300;
	bool upgraded = head->status == 101 || tunnel;
	struct tt_http1_side *asker = &c->connection->side[c->connection->client];

	response_begin(c, head, link, upgraded ? TT_HTTP_UPGRADED : 0);
	/* The answer to a CONNECT decides what its client sends next. */
	if (known && exchange->connect && !tunnel && asker->state == TT_HTTP1_OPAQUE)
		asker->state = TT_HTTP1_HEAD;
	/* Without its request it may answer HEAD, and have no body for all its length. */
	c->side->body_unsure = !known;
	body_begin(c, head, true,
		upgraded || head->status == 204 || head->status == 304 || (known && exchange->head),
		exchange == NULL ? NULL : &exchange->transaction.response_bytes);
	if (upgraded) {
		c->connection->switched = head->status == 101;
		c->connection->websocket =
			head->status == 101 && (head->flags & TT_HTTP1_WEBSOCKET) != 0;
		upgrade(c);
	}
}

/* The first head tells which side is the client. */
static void client_learn(struct context *c, const struct tt_http1_head *head)
{
	if (c->connection->client_known)
		return;
	c->connection->client_known = true;
	c->connection->client = (head->status == 0 ? c->direction : c->direction ^ 1) & 1;
}

/* A head whose first line alone, or a little more, will ever be known. */
static void head_cut(struct context *c, const struct tt_http1_head *head)
{
	if ((head->flags & TT_HTTP1_FIRST_LINE) == 0) {
		footing_lose(c);
		return;
	}
	tt_counter_add(&c->pool->counters.heads_cut, 1);
	client_learn(c, head);
	if (from_client(c))
		request_begin(c, head, TT_HTTP_REQUEST_HEAD_CUT);
	else if (head->status >= 200)
		response_begin(c, head, response_place(c), TT_HTTP_RESPONSE_HEAD_CUT);
	c->side->time_us = c->time_us;
	footing_lose(c);
}

/* Is the next message of the side one that it may send? While no head has told which side is the
 * client, either. */
static enum tt_http1_kind kind_wanted(const struct context *c, const uint8_t *bytes, size_t length)
{
	if (c->connection->client_known)
		return from_client(c) ? TT_HTTP1_REQUEST : TT_HTTP1_RESPONSE;
	return tt_http1_kind_of(bytes, length);
}

static enum tt_http1_result head_read(
	const struct context *c, struct tt_http1_head *head, const uint8_t *bytes, size_t length)
{
	enum tt_http1_kind kind = kind_wanted(c, bytes, length);

	if (kind == TT_HTTP1_REQUEST)
		return tt_http1_request(head, bytes, length);
	if (kind == TT_HTTP1_RESPONSE)
		return tt_http1_response(head, bytes, length);
	memset(head, 0, sizeof(*head));
	return kind == TT_HTTP1_NEITHER ? TT_HTTP1_INVALID : TT_HTTP1_MORE;
}

static void head_take(struct context *c, const struct tt_http1_head *head)
{
	client_learn(c, head);
	if (from_client(c))
		request_read(c, head);
	else
		response_read(c, head);
}

/* Bytes at the beginning of a message, or more of its head. Returns how many were used. */
static size_t head_data(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http1_side *side = c->side;
	struct tt_http1_head head;
	enum tt_http1_result result;
	size_t kept = 0;

	if (side->slab == 0) {
		/* RFC 9112 2.2: an empty line before a request is nothing. */
		if (*bytes == '\r' || *bytes == '\n')
			return 1;
		side->time_us = c->time_us;
		result = head_read(c, &head, bytes, length);
	} else {
		uint8_t *slab = tt_slab_at(&c->pool->slabs, side->slab);
		size_t room = (size_t)(TT_HTTP1_HEAD_BYTES - side->kept);
		kept = side->kept;
		length = length < room ? length : room;
		memcpy(slab + kept, bytes, length);
		side->kept = (uint16_t)(kept + length);
		bool first = memchr(slab, '\n', side->kept) == NULL || kept < TT_HTTP_METHOD_BYTES;
		if (!first && side->kept < TT_HTTP1_HEAD_BYTES &&
			!tt_http1_head_ends(slab, side->kept, &side->scanned))
			return length;
		result = head_read(c, &head, slab, side->kept);
	}
	switch (result) {
	case TT_HTTP1_MORE:
		if (side->slab != 0)
			return length;
		slab_take(c);
		if (side->slab != 0) {
			memcpy(tt_slab_at(&c->pool->slabs, side->slab), bytes, length);
			side->kept = (uint16_t)length;
			return length;
		}
		/* fallthrough */
	case TT_HTTP1_LIMIT:
		head_cut(c, &head);
		return length;
	case TT_HTTP1_INVALID:
		tt_counter_add(&c->pool->counters.invalid, 1);
		footing_lose(c);
		return length;
	case TT_HTTP1_OK:
		break;
	}
	head_take(c, &head);
	slab_give(c);
	return head.bytes - kept;
}

/* Is a message at the beginning of a piece on which none was expected? */
static bool is_found(const struct context *c, const uint8_t *bytes, size_t length)
{
	enum tt_http1_kind kind = tt_http1_kind_of(bytes, length);

	if (kind == TT_HTTP1_NEITHER || kind == TT_HTTP1_UNDECIDED)
		return kind == TT_HTTP1_UNDECIDED;
	return !c->connection->client_known || from_client(c) == (kind == TT_HTTP1_REQUEST);
}

/* A piece begins: look for a message where one may begin although its side is elsewhere. */
static void piece_begin(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http1_side *side = c->side;
	bool in_body = side->state == TT_HTTP1_BODY || side->state == TT_HTTP1_CHUNKS;

	if (side->state == TT_HTTP1_SEARCHING) {
		if (!is_found(c, bytes, length))
			return;
		tt_counter_add(&c->pool->counters.resyncs, 1);
		side->state = TT_HTTP1_HEAD;
		return;
	}
	/* A client that goes on has seen the end of an answer that did not say it. */
	bool overdue =
		side->state == TT_HTTP1_UNTIL_END && exchange_without(c, TT_HTTP_RESPONSE) != 0;
	bool missing = in_body && side->body_unsure;
	side->body_unsure = false;
	if ((overdue || missing) && tt_http1_kind_of(bytes, length) > TT_HTTP1_UNDECIDED &&
		is_found(c, bytes, length)) {
		message_end(c, overdue, side->time_us);
		side->state = TT_HTTP1_HEAD;
	}
}

static size_t chunks_data(struct context *c, const uint8_t *bytes, size_t length)
{
	struct tt_http1_side *side = c->side;
	struct tt_http1_chunked chunked = {.left = side->left, .state = side->chunk_state};
	uint64_t data_bytes = 0;
	uint32_t link = *reading(c);
	size_t used = tt_http1_chunked_read(&chunked, bytes, length, &data_bytes);

	side->left = chunked.left;
	side->chunk_state = chunked.state;
	side->body_unsure = false;
	side->time_us = c->time_us;
	if (link != 0 && data_bytes > 0) {
		struct tt_http_transaction *transaction = &exchange_at(c->pool, link)->transaction;
		if (from_client(c))
			transaction->request_bytes += data_bytes;
		else
			transaction->response_bytes += data_bytes;
	}
	if (chunked.state == TT_HTTP1_CHUNK_DONE) {
		message_end(c, true, c->time_us);
		side->state = TT_HTTP1_HEAD;
	} else if (chunked.state == TT_HTTP1_CHUNK_INVALID) {
		tt_counter_add(&c->pool->counters.invalid, 1);
		footing_lose(c);
		return length;
	}
	return used;
}

static size_t body_data(struct context *c, size_t length)
{
	struct tt_http1_side *side = c->side;
	size_t count = side->left < length ? (size_t)side->left : length;

	side->left -= count;
	side->time_us = c->time_us;
	side->body_unsure = false;
	if (side->left == 0) {
		message_end(c, true, c->time_us);
		side->state = TT_HTTP1_HEAD;
	}
	return count;
}

void tt_http1_connection_start(struct tt_http1_connection *connection)
{
	*connection = (struct tt_http1_connection){0};
	connection->side[0].state = TT_HTTP1_HEAD;
	connection->side[1].state = TT_HTTP1_HEAD;
}

bool tt_http1_connection_is_idle(const struct tt_http1_connection *connection)
{
	return connection->queued == 0 && connection->side[0].slab == 0 &&
		connection->side[1].slab == 0;
}

size_t tt_http1_connection_data(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, const uint8_t *bytes, size_t length, uint64_t time_us,
	void *context)
{
	struct tt_http1_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, false, time_us, context};
	size_t at = 0;

	if (length > 0)
		piece_begin(&c, bytes, length);
	for (; at<length; c.inside = at> 0) {
		switch (side->state) {
		case TT_HTTP1_SEARCHING:
		case TT_HTTP1_OPAQUE:
			return length;
		case TT_HTTP1_UPGRADED:
			return at;
		case TT_HTTP1_HEAD:
			at += head_data(&c, bytes + at, length - at);
			break;
		case TT_HTTP1_BODY:
			at += body_data(&c, length - at);
			break;
		case TT_HTTP1_CHUNKS:
			at += chunks_data(&c, bytes + at, length - at);
			break;
		case TT_HTTP1_UNTIL_END:
			side->left += length - at;
			side->time_us = time_us;
			return length;
		}
	}
	return at;
}

void tt_http1_connection_gap(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, uint64_t length, uint64_t time_us, void *context)
{
	struct tt_http1_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, false, time_us, context};
	bool in_data = side->state == TT_HTTP1_BODY ||
		(side->state == TT_HTTP1_CHUNKS && side->chunk_state == TT_HTTP1_CHUNK_DATA);

	if (length == 0 || side->state == TT_HTTP1_UPGRADED || side->state == TT_HTTP1_OPAQUE)
		return;
	side->body_unsure = false;
	if (side->state == TT_HTTP1_UNTIL_END) {
		side->left += length;
		side->time_us = time_us;
		return;
	}
	if (in_data && length <= side->left) {
		side->left -= length;
		side->time_us = time_us;
		if (side->state == TT_HTTP1_CHUNKS) {
			if (side->left == 0)
				side->chunk_state = TT_HTTP1_CHUNK_DATA_END;
		} else if (side->left == 0) {
			message_end(&c, true, time_us);
			side->state = TT_HTTP1_HEAD;
		}
		return;
	}
	if (in_data)
		side->left = 0;
	if (side->state == TT_HTTP1_BODY) {
		message_end(&c, true, time_us);
	} else if (side->state == TT_HTTP1_HEAD && side->slab != 0) {
		struct tt_http1_head head;
		if (head_read(&c, &head, tt_slab_at(&pool->slabs, side->slab), side->kept) !=
			TT_HTTP1_INVALID)
			head_cut(&c, &head);
	}
	footing_lose(&c);
	if (connection->client_known && !from_client(&c))
		connection->answers_lost = true;
}

/* Report what is in the queue, oldest first. */
static void queue_report(struct context *c)
{
	while (c->connection->first != 0)
		exchange_report(c, c->connection->first);
	c->connection->skipped = 0;
}

void tt_http1_connection_end(struct tt_http1_connection *connection, struct tt_http1_pool *pool,
	unsigned int direction, void *context)
{
	struct tt_http1_side *side = &connection->side[direction];
	struct context c = {connection, pool, side, direction, false, side->time_us, context};

	if (side->state == TT_HTTP1_UPGRADED)
		return;
	if (side->state == TT_HTTP1_UNTIL_END)
		message_end(&c, true, side->time_us);
	footing_lose(&c);
	if (connection->client_known && !from_client(&c) && connection->asking == 0)
		queue_report(&c);
}

void tt_http1_connection_close(
	struct tt_http1_connection *connection, struct tt_http1_pool *pool, void *context)
{
	for (unsigned int direction = 0; direction < 2; direction++) {
		struct context c = {connection, pool, &connection->side[direction], direction,
			false, connection->side[direction].time_us, context};
		if (c.side->state == TT_HTTP1_UPGRADED)
			continue;
		footing_lose(&c);
	}
	struct context c = {connection, pool, &connection->side[0], 0, false, 0, context};
	queue_report(&c);
	*connection = (struct tt_http1_connection){0};
}
