/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Huffman code of HPACK, RFC 7541 5.2 and appendix B. Called by protocol/hpack.h. Owns nothing.
 */
#ifndef TT_PROTOCOL_HPACK_HUFFMAN_H
#define TT_PROTOCOL_HPACK_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode a string, and keep the first `capacity` bytes of it in `copy`. *decoded_bytes is its whole
 * length. false: it holds EOS, or its padding is not what it must be. */
bool tt_hpack_huffman(uint8_t *copy, size_t capacity, const uint8_t *bytes, size_t length,
	uint32_t *decoded_bytes);

#endif
