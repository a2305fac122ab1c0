/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyed hash of bytes, for tables whose keys strangers choose: a multiplication to 128 bits a
 * word, folded by exclusive or (the scheme of wyhash). Without the secret nobody can tell which
 * keys collide. Called by anyone.
 */
#ifndef TT_BASE_HASH_H
#define TT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t tt_hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Over `length` bytes, going on from `hash`, which is the secret (64 random bits) at first. */
static inline uint64_t tt_hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	/* 2^64 / golden ratio, and another odd number without pattern (from SplitMix64). */
	const uint64_t odd = 0x9e3779b97f4a7c15;
	const uint64_t final = 0xbf58476d1ce4e5b9;
	const uint8_t *next = bytes;
	size_t left = length;
	uint64_t word;

	hash ^= length * odd;
	for (; left >= 8; left -= 8, next += 8) {
		memcpy(&word, next, 8);
		hash = tt_hash_fold(hash ^ word, odd);
	}
	word = 0;
	memcpy(&word, next, left);
	return tt_hash_fold(tt_hash_fold(hash ^ word, odd), final);
}

#endif
