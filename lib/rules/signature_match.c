/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/classify.h"
#include "rules/signature_set.h"

#define WORDS (TT_SIGNATURES / 64)

static int remember(unsigned int id, unsigned long long from, unsigned long long to,
	unsigned int flags, void *context)
{
	uint64_t *found = context;

	(void)from;
	(void)to;
	(void)flags;
	found[id / 64] |= UINT64_C(1) << id % 64;
	return 0;
}

/* Of what hyperscan found: is it of this direction, and does its parser agree? */
static bool holds(const struct tt_signature_result *result, enum tt_signature_layer layer,
	bool client, const uint8_t *bytes, size_t length)
{
	return (result->sides >> client & 1) != 0 &&
		(result->confirm == TT_PROTOCOL_NONE ||
			tt_classify_confirms(
				result->confirm, layer == TT_SIGNATURE_TCP, bytes, length));
}

bool tt_signatures_may_match(const struct tt_signatures *signatures, enum tt_signature_layer layer,
	bool client, uint8_t first)
{
	return tt_byte_set_has(&signatures->base[layer].first[client], first);
}

uint8_t tt_signatures_match(const struct tt_signatures *signatures, unsigned int worker,
	enum tt_signature_layer layer, bool client, const uint8_t *bytes, size_t length)
{
	const struct tt_signature_base *base = &signatures->base[layer];
	unsigned int looked_at =
		(unsigned int)(length < TT_SIGNATURE_BYTES ? length : TT_SIGNATURE_BYTES);
	uint64_t found[WORDS] = {0};

	if (!tt_byte_set_has(&base->first[client], bytes[0]))
		return TT_PROTOCOL_NONE;
	hs_scan(base->database, (const char *)bytes, looked_at, 0, signatures->scratch[worker],
		remember, found);
	for (unsigned int word = 0; word < WORDS; word++)
		for (uint64_t bits = found[word]; bits != 0; bits &= bits - 1) {
			const struct tt_signature_result *result =
				&signatures
					 ->results[word * 64 + (unsigned int)__builtin_ctzll(bits)];

			if (holds(result, layer, client, bytes, length))
				return result->protocol;
		}
	return TT_PROTOCOL_NONE;
}
