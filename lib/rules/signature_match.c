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

bool tt_signatures_may_match(const struct tt_signatures *signatures, enum tt_signature_layer layer,
	bool client, uint8_t first)
{
	return tt_byte_set_has(&signatures->side[layer][client].first, first);
}

uint8_t tt_signatures_match(const struct tt_signatures *signatures, unsigned int worker,
	enum tt_signature_layer layer, bool client, const uint8_t *bytes, size_t length)
{
	const struct tt_signature_side *side = &signatures->side[layer][client];
	unsigned int looked_at =
		(unsigned int)(length < TT_SIGNATURE_BYTES ? length : TT_SIGNATURE_BYTES);
	uint64_t found[WORDS] = {0};

	if (!tt_byte_set_has(&side->first, bytes[0]))
		return TT_PROTOCOL_NONE;
	hs_scan(side->database, (const char *)bytes, looked_at, 0, signatures->scratch[worker],
		remember, found);
	for (unsigned int word = 0; word < WORDS; word++)
		for (uint64_t bits = found[word]; bits != 0; bits &= bits - 1) {
			const struct tt_signature_result *result =
				&signatures
					 ->results[word * 64 + (unsigned int)__builtin_ctzll(bits)];

			if (result->confirm == TT_PROTOCOL_NONE ||
				tt_classify_confirms(
					result->confirm, layer == TT_SIGNATURE_TCP, bytes, length))
				return result->protocol;
		}
	return TT_PROTOCOL_NONE;
}
