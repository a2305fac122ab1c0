/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK on (bytes, length): the header blocks of HTTP/2, RFC 7541. Called by
 * protocol/http2_connection.h. A struct tt_hpack_table is what one direction of a connection
 * remembers; its owner gives it to each block of that direction, in order. Neither locks nor
 * allocates. A block costs a bounded time for each of its bytes: what it refers to is handed on
 * where it lies, and of what it adds no more than TT_HPACK_NAME_BYTES and TT_HPACK_VALUE_BYTES is
 * copied.
 *
 * A tap may not have seen all blocks before. What refers to an entry that is not known is handed on
 * as unknown; it is never taken for another, because entries are numbered from the newest one.
 * The same holds of a table that its peers have made larger than TT_HPACK_TABLE_BYTES, of which the
 * newest entries are kept. SETTINGS_HEADER_TABLE_SIZE is of no use to a reader: it only permits
 * what the encoder then says in a size update (RFC 7541 4.2).
 */
#ifndef TT_PROTOCOL_HPACK_H
#define TT_PROTOCOL_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_HPACK_TABLE_BYTES 4096 /* by RFC 7541 4.1; the initial limit (RFC 9113 6.5.2) */
#define TT_HPACK_ENTRY_BYTES 32	  /* that an entry counts besides its text */
#define TT_HPACK_ENTRIES     (TT_HPACK_TABLE_BYTES / TT_HPACK_ENTRY_BYTES)
#define TT_HPACK_NAME_BYTES  64	 /* of a name that are kept */
#define TT_HPACK_VALUE_BYTES 384 /* the same of a value */

/* tt_hpack_table.limit while it is not known. */
#define TT_HPACK_LIMIT_UNKNOWN UINT32_MAX

/* A name or a value. */
struct tt_hpack_text {
	const uint8_t *bytes; /* NULL: unknown */
	uint32_t length;      /* of the whole text */
	uint32_t kept;	      /* at `bytes`: `length`, or all that is kept of a longer one */
};

struct tt_hpack_entry {
	uint32_t name_bytes; /* of the whole texts */
	uint32_t value_bytes;
	uint16_t at; /* of the name in the table's text; the value stands behind it */
	uint8_t name_known;
	uint8_t name_kept;
	uint16_t value_kept;
};

/* Zero it, and call tt_hpack_start() or tt_hpack_lose(). */
struct tt_hpack_table {
	uint32_t limit;	 /* as the encoder says */
	uint32_t size;	 /* of the entries kept, RFC 7541 4.1 */
	uint16_t end;	 /* where the next text begins */
	uint8_t newest;	 /* place of the newest entry */
	uint8_t count;	 /* entries kept */
	bool incomplete; /* the encoder may have older ones */
	struct tt_hpack_entry entry[TT_HPACK_ENTRIES];
	/* A ring, but that a text which begins in it is not torn at its end. What is alive counts
	 * less than TT_HPACK_TABLE_BYTES, so that the newest never meets the oldest. */
	uint8_t text[TT_HPACK_TABLE_BYTES + TT_HPACK_NAME_BYTES + TT_HPACK_VALUE_BYTES];
};

/* A field of a block; valid for the call alone. */
typedef void (*tt_hpack_report)(
	void *context, const struct tt_hpack_text *name, const struct tt_hpack_text *value);

/* The encoder begins: the table is empty. */
void tt_hpack_start(struct tt_hpack_table *table);

/* Blocks were lost, or will be: nothing is known of the entries before. */
void tt_hpack_lose(struct tt_hpack_table *table);

/* Read a block, and report its fields in order. `table` NULL: there is none, and none of the
 * entries is known. false: it is no sound block; what was sound of it was reported, and the table is
 * as after tt_hpack_lose(). */
bool tt_hpack_read(struct tt_hpack_table *table, const uint8_t *bytes, size_t length,
	tt_hpack_report report, void *context);

#endif
