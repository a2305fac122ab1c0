/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of numbered records of pseudo-random sizes and contents, which both ends of a shard know
 * without talking: record i depends on i alone.
 */
#ifndef TT_TESTS_SHARD_STREAM_H
#define TT_TESTS_SHARD_STREAM_H

#include "shard/shard.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct stream_record {
	struct tt_record header;
	uint64_t number;
	uint64_t words[];
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t stream_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Mostly as large as a connection's record, now and then the smallest or the largest there is. */
static inline uint16_t stream_size(uint64_t number)
{
	uint64_t random = stream_mix(number);

	switch (random % 16) {
	case 0:
		return sizeof(struct stream_record);
	case 1:
		return TT_RECORD_LIMIT_BYTES;
	case 2:
		return (uint16_t)(sizeof(struct stream_record) +
			(random >> 8) %
				((TT_RECORD_LIMIT_BYTES - sizeof(struct stream_record)) / 8 + 1) *
				8);
	default:
		return (uint16_t)(200 + (random >> 8) % 32 * 8);
	}
}

static inline uint64_t stream_word(uint64_t number, size_t i)
{
	return number * 0x9e3779b97f4a7c15 + i;
}

static inline size_t stream_words(const struct stream_record *record)
{
	return (record->header.size_bytes - sizeof(*record)) / sizeof(record->words[0]);
}

/* W: record `number` of this size; false when BUSY. */
static inline bool stream_append_sized(struct tt_shard *shard, uint64_t number, uint16_t size_bytes)
{
	struct stream_record *record = tt_shard_reserve(shard, size_bytes);

	if (record == NULL)
		return false;
	record->header.kind = TT_RECORD_CLOSED;
	record->header.snapshot = 0;
	record->number = number;
	for (size_t i = 0; i < stream_words(record); i++)
		record->words[i] = stream_word(number, i);
	tt_shard_commit(shard);
	return true;
}

static inline bool stream_append(struct tt_shard *shard, uint64_t number)
{
	return stream_append_sized(shard, number, stream_size(number));
}

/* C: is this record `number`, whole and as it was written? */
static inline bool stream_is(const struct tt_record *header, uint64_t number, uint32_t worker)
{
	const struct stream_record *record = (const struct stream_record *)(const void *)header;

	if (header->worker != worker || header->kind != TT_RECORD_CLOSED ||
		record->number != number)
		return false;
	for (size_t i = 0; i < stream_words(record); i++)
		if (record->words[i] != stream_word(number, i))
			return false;
	return true;
}

#endif
