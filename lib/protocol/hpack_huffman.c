/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/hpack_huffman.h"

/* The bytes in the order of their codes, RFC 7541 appendix B: the code is canonical, so that the
 * codes of a length are consecutive numbers. EOS, all ones, comes after the last. */
static const uint8_t symbols[256] = {48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46,
	47, 51, 52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112, 114,
	117, 58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86,
	87, 89, 106, 107, 113, 118, 119, 120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63,
	39, 43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94, 125, 60, 96, 123, 92, 195, 208, 128, 130,
	131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229,
	230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185,
	186, 187, 189, 190, 196, 198, 228, 232, 233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149,
	150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231,
	239, 9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193,
	200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214,
	221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, 2, 3, 4, 5, 6, 7, 8,
	11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249,
	10, 13, 22};

/* Codes of up to 8 bits, by the first 8 bits: the length, and the place in `symbols`. Length 0: a
 * longer one. */
static const struct {
	uint8_t bits;
	uint8_t symbol;
} short_codes[256] = {
	[0x00 ... 0x07] = {5, 0},
	[0x08 ... 0x0f] = {5, 1},
	[0x10 ... 0x17] = {5, 2},
	[0x18 ... 0x1f] = {5, 3},
	[0x20 ... 0x27] = {5, 4},
	[0x28 ... 0x2f] = {5, 5},
	[0x30 ... 0x37] = {5, 6},
	[0x38 ... 0x3f] = {5, 7},
	[0x40 ... 0x47] = {5, 8},
	[0x48 ... 0x4f] = {5, 9},
	[0x50 ... 0x53] = {6, 10},
	[0x54 ... 0x57] = {6, 11},
	[0x58 ... 0x5b] = {6, 12},
	[0x5c ... 0x5f] = {6, 13},
	[0x60 ... 0x63] = {6, 14},
	[0x64 ... 0x67] = {6, 15},
	[0x68 ... 0x6b] = {6, 16},
	[0x6c ... 0x6f] = {6, 17},
	[0x70 ... 0x73] = {6, 18},
	[0x74 ... 0x77] = {6, 19},
	[0x78 ... 0x7b] = {6, 20},
	[0x7c ... 0x7f] = {6, 21},
	[0x80 ... 0x83] = {6, 22},
	[0x84 ... 0x87] = {6, 23},
	[0x88 ... 0x8b] = {6, 24},
	[0x8c ... 0x8f] = {6, 25},
	[0x90 ... 0x93] = {6, 26},
	[0x94 ... 0x97] = {6, 27},
	[0x98 ... 0x9b] = {6, 28},
	[0x9c ... 0x9f] = {6, 29},
	[0xa0 ... 0xa3] = {6, 30},
	[0xa4 ... 0xa7] = {6, 31},
	[0xa8 ... 0xab] = {6, 32},
	[0xac ... 0xaf] = {6, 33},
	[0xb0 ... 0xb3] = {6, 34},
	[0xb4 ... 0xb7] = {6, 35},
	[0xb8 ... 0xb9] = {7, 36},
	[0xba ... 0xbb] = {7, 37},
	[0xbc ... 0xbd] = {7, 38},
	[0xbe ... 0xbf] = {7, 39},
	[0xc0 ... 0xc1] = {7, 40},
	[0xc2 ... 0xc3] = {7, 41},
	[0xc4 ... 0xc5] = {7, 42},
	[0xc6 ... 0xc7] = {7, 43},
	[0xc8 ... 0xc9] = {7, 44},
	[0xca ... 0xcb] = {7, 45},
	[0xcc ... 0xcd] = {7, 46},
	[0xce ... 0xcf] = {7, 47},
	[0xd0 ... 0xd1] = {7, 48},
	[0xd2 ... 0xd3] = {7, 49},
	[0xd4 ... 0xd5] = {7, 50},
	[0xd6 ... 0xd7] = {7, 51},
	[0xd8 ... 0xd9] = {7, 52},
	[0xda ... 0xdb] = {7, 53},
	[0xdc ... 0xdd] = {7, 54},
	[0xde ... 0xdf] = {7, 55},
	[0xe0 ... 0xe1] = {7, 56},
	[0xe2 ... 0xe3] = {7, 57},
	[0xe4 ... 0xe5] = {7, 58},
	[0xe6 ... 0xe7] = {7, 59},
	[0xe8 ... 0xe9] = {7, 60},
	[0xea ... 0xeb] = {7, 61},
	[0xec ... 0xed] = {7, 62},
	[0xee ... 0xef] = {7, 63},
	[0xf0 ... 0xf1] = {7, 64},
	[0xf2 ... 0xf3] = {7, 65},
	[0xf4 ... 0xf5] = {7, 66},
	[0xf6 ... 0xf7] = {7, 67},
	[0xf8] = {8, 68},
	[0xf9] = {8, 69},
	[0xfa] = {8, 70},
	[0xfb] = {8, 71},
	[0xfc] = {8, 72},
	[0xfd] = {8, 73},
};

/* The longer ones: the first 30 bits of any code of the length are below `limit`, and the first one's
 * are `first`. */
static const struct {
	uint32_t first;
	uint32_t limit;
	uint8_t bits;
	uint8_t symbol; /* of `first`: its place in `symbols` */
} long_codes[] = {
	{0x3f800000, 0x3fd00000, 10, 74},
	{0x3fd00000, 0x3fe80000, 11, 79},
	{0x3fe80000, 0x3ff00000, 12, 82},
	{0x3ff00000, 0x3ffc0000, 13, 84},
	{0x3ffc0000, 0x3ffe0000, 14, 90},
	{0x3ffe0000, 0x3fff8000, 15, 92},
	{0x3fff8000, 0x3fff9800, 19, 95},
	{0x3fff9800, 0x3fffb800, 20, 98},
	{0x3fffb800, 0x3fffd200, 21, 106},
	{0x3fffd200, 0x3fffec00, 22, 119},
	{0x3fffec00, 0x3ffffa80, 23, 145},
	{0x3ffffa80, 0x3ffffd80, 24, 174},
	{0x3ffffd80, 0x3ffffe00, 25, 186},
	{0x3ffffe00, 0x3ffffef0, 26, 190},
	{0x3ffffef0, 0x3fffff88, 27, 205},
	{0x3fffff88, 0x3ffffffc, 28, 224},
	{0x3ffffffc, 0x3fffffff, 30, 253},
};

#define LONG_CODES (sizeof(long_codes) / sizeof(long_codes[0]))

/* What decodes a code: its length, 0 for EOS. *symbol is its place in `symbols`. `window`: the bits
 * from the code's first on, left-justified. */
static unsigned int long_code(uint64_t window, unsigned int *symbol)
{
	uint32_t code = (uint32_t)(window >> 34);

	for (unsigned int i = 0; i < LONG_CODES; i++) {
		if (code < long_codes[i].limit) {
			*symbol = long_codes[i].symbol +
				((code - long_codes[i].first) >> (30 - long_codes[i].bits));
			return long_codes[i].bits;
		}
	}
	return 0;
}

bool tt_hpack_huffman(uint8_t *copy, size_t capacity, const uint8_t *bytes, size_t length,
	uint32_t *decoded_bytes)
{
	uint64_t window =
		0; /* bits that are read and not yet decoded, left-justified; then zeros */
	unsigned int held = 0;
	uint32_t decoded = 0;
	size_t at = 0;

	for (;;) {
		for (; held <= 56 && at < length; held += 8)
			window |= (uint64_t)bytes[at++] << (56 - held);
		unsigned int bits = short_codes[window >> 56].bits;
		unsigned int symbol = short_codes[window >> 56].symbol;

		if (bits == 0)
			bits = long_code(window, &symbol);
		if (bits == 0 && held >= 30)
			return false;
		if (bits == 0 || bits > held)
			break;
		if (decoded < capacity)
			copy[decoded] = symbols[symbol];
		decoded++;
		window <<= bits;
		held -= bits;
	}
	*decoded_bytes = decoded;
	/* Padding: less than a byte, and the beginning of EOS (RFC 7541 5.2). */
	return held < 8 && window == ~(UINT64_MAX >> held);
}
