/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files written byte by byte, so that a test can also write wrong ones: pcap in either
 * precision, pcapng blocks. A file is a growing buffer until it is saved under a temporary name.
 */
#ifndef TT_TESTS_CAPTURE_FILE_H
#define TT_TESTS_CAPTURE_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS  0xa1b23c4du

struct capture_file {
	uint8_t *bytes;
	size_t length;
	size_t room;
	char path[64];
};

static inline void put(struct capture_file *file, const void *bytes, size_t length)
{
	if (file->room - file->length < length) {
		file->room = 2 * file->room + length;
		file->bytes = realloc(file->bytes, file->room);
		if (file->bytes == NULL)
			abort();
	}
	memcpy(file->bytes + file->length, bytes, length);
	file->length += length;
}

static inline void put_u16(struct capture_file *file, uint16_t value)
{
	put(file, &value, sizeof(value));
}

static inline void put_u32(struct capture_file *file, uint32_t value)
{
	put(file, &value, sizeof(value));
}

/* The file header of pcap (draft-ietf-opsawg-pcap). */
static inline void put_pcap_header(struct capture_file *file, uint32_t magic, uint32_t link_type)
{
	put_u32(file, magic);
	put_u16(file, 2);
	put_u16(file, 4);
	put_u32(file, 0);
	put_u32(file, 0);
	put_u32(file, 262144);
	put_u32(file, link_type);
}

/* A frame's bytes are a function of its number and their position. */
static inline uint8_t frame_byte(uint32_t number, uint32_t position)
{
	return (uint8_t)(number * 31 + position * 7 + (position >> 8));
}

static inline void put_frame(struct capture_file *file, uint32_t number, uint32_t captured)
{
	uint8_t *frame = malloc(captured + 1);

	if (frame == NULL)
		abort();
	for (uint32_t i = 0; i < captured; i++)
		frame[i] = frame_byte(number, i);
	put(file, frame, captured);
	free(frame);
}

static inline void put_record(struct capture_file *file, uint32_t seconds, uint32_t fraction,
	uint32_t number, uint32_t captured, uint32_t wire)
{
	put_u32(file, seconds);
	put_u32(file, fraction);
	put_u32(file, captured);
	put_u32(file, wire);
	put_frame(file, number, captured);
}

/* A block of pcapng (draft-ietf-opsawg-pcapng): `body` is of a length that 4 divides. */
static inline void put_block(
	struct capture_file *file, uint32_t type, const void *body, uint32_t body_length)
{
	put_u32(file, type);
	put_u32(file, body_length + 12);
	put(file, body, body_length);
	put_u32(file, body_length + 12);
}

static inline void put_section_header(struct capture_file *file)
{
	static const uint32_t body[] = {0x1a2b3c4d, 1, 0xffffffff, 0xffffffff};

	put_block(file, 0x0a0d0d0a, body, sizeof(body));
}

/* `resolution` is if_tsresol: 6 for microseconds, 9 for nanoseconds. */
static inline void put_interface(struct capture_file *file, uint16_t link_type, uint8_t resolution)
{
	struct {
		uint16_t link_type, reserved;
		uint32_t snap_length;
		uint16_t code, length;
		uint8_t resolution[4];
		uint32_t end;
	} body = {.link_type = link_type,
		.snap_length = 262144,
		.code = 9,
		.length = 1,
		.resolution = {resolution}};

	put_block(file, 1, &body, sizeof(body));
}

static inline void put_enhanced_packet(
	struct capture_file *file, uint64_t time, uint32_t number, uint32_t captured, uint32_t wire)
{
	uint32_t padded = (captured + 3) / 4 * 4;
	uint32_t head[] = {0, (uint32_t)(time >> 32), (uint32_t)time, captured, wire};

	put_u32(file, 6);
	put_u32(file, padded + sizeof(head) + 12);
	put(file, head, sizeof(head));
	put_frame(file, number, captured);
	put(file, "\0\0\0", padded - captured);
	put_u32(file, padded + sizeof(head) + 12);
}

static inline const char *save(struct capture_file *file)
{
	snprintf(file->path, sizeof(file->path), "/tmp/taptrace-test-XXXXXX");
	int descriptor = mkstemp(file->path);
	if (descriptor < 0 || write(descriptor, file->bytes, file->length) != (ssize_t)file->length)
		abort();
	close(descriptor);
	return file->path;
}

static inline void discard(struct capture_file *file)
{
	if (file->path[0] != '\0')
		unlink(file->path);
	free(file->bytes);
	*file = (struct capture_file){0};
}

#endif
