/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP transaction as every version of HTTP reports it: what an `http` record is made of, and
 * what protocol/http_stats.h counts. Written by the connections' parsers.
 */
#ifndef TT_PROTOCOL_HTTP_H
#define TT_PROTOCOL_HTTP_H

#include <stdint.h>

#define TT_HTTP_METHOD_BYTES	   24 /* the longest registered, UPDATEREDIRECTREF, has 17 */
#define TT_HTTP_PATH_BYTES	   256
#define TT_HTTP_HOST_BYTES	   255
#define TT_HTTP_USER_AGENT_BYTES   192
#define TT_HTTP_CONTENT_TYPE_BYTES 96

/* Bits of struct tt_http_transaction.flags. */
enum tt_http_flag {
	TT_HTTP_REQUEST = 1 << 0,	    /* its head was seen */
	TT_HTTP_RESPONSE = 1 << 1,	    /* the same of the final response */
	TT_HTTP_REQUEST_WHOLE = 1 << 2,	    /* seen to its end: request_bytes is final */
	TT_HTTP_RESPONSE_WHOLE = 1 << 3,    /* the same of response_bytes */
	TT_HTTP_PATH_TRUNCATED = 1 << 4,    /* longer than what is kept */
	TT_HTTP_REQUEST_HEAD_CUT = 1 << 5,  /* lost, or over the limits: fields may be missing */
	TT_HTTP_RESPONSE_HEAD_CUT = 1 << 6, /* the same of the response */
	TT_HTTP_UPGRADED = 1 << 7,   /* the connection speaks another protocol from here on */
	TT_HTTP_GRPC = 1 << 8,	     /* a call of gRPC, by its content type */
	TT_HTTP_GRPC_STATUS = 1 << 9 /* grpc_status holds */
};

/* Texts are as sent, without a final 0, cut to what is kept; folded lines are joined by a space. */
struct tt_http_transaction {
	uint64_t start_us;	/* first byte of the request; without one: of the response */
	uint64_t latency_us;	/* last byte of the request to first byte of the response; 0
	                          * without either, or when the response began before that */
	uint64_t duration_us;	/* from start_us to the last byte of the response, or of the
	                          * request when there is none */
	uint64_t request_bytes; /* of the body, chunks' frames left out */
	uint64_t response_bytes;
	uint32_t stream_id;  /* HTTP/2; 0: none */
	uint16_t status;     /* 0: none */
	uint16_t flags;	     /* enum tt_http_flag */
	uint16_t path_bytes; /* of `path`: the target to its `?`; absolute where it was sent so */
	uint16_t grpc_status;
	uint8_t version;      /* 10: HTTP/1.0; 11: HTTP/1.1; 20: HTTP/2; 0: not said. The request's,
	                       * if seen */
	uint8_t method_bytes; /* 0: none */
	uint8_t host_bytes;
	uint8_t user_agent_bytes;
	uint8_t content_type_bytes; /* the response's */
	char method[TT_HTTP_METHOD_BYTES];
	char path[TT_HTTP_PATH_BYTES];
	char host[TT_HTTP_HOST_BYTES]; /* of the Host field, or :authority, with its port */
	char user_agent[TT_HTTP_USER_AGENT_BYTES];
	char content_type[TT_HTTP_CONTENT_TYPE_BYTES];
};

/* When the ends of a transaction's parts were seen, as far as its flags say that there were any. */
struct tt_http_times {
	uint64_t request_end_us;
	uint64_t response_start_us;
	uint64_t response_end_us;
};

/* What an ended transaction took: its start_us, where no request gave it, latency_us, duration_us. */
static inline void tt_http_transaction_time(
	struct tt_http_transaction *transaction, const struct tt_http_times *times)
{
	uint64_t end_us = times->request_end_us;

	if ((transaction->flags & TT_HTTP_RESPONSE) != 0) {
		end_us = times->response_end_us;
		if ((transaction->flags & TT_HTTP_REQUEST) == 0)
			transaction->start_us = times->response_start_us;
		else if (times->response_start_us > times->request_end_us)
			transaction->latency_us = times->response_start_us - times->request_end_us;
	}
	if (end_us > transaction->start_us)
		transaction->duration_us = end_us - transaction->start_us;
}

#endif
