/*
 * frame.h - the unit of the journal on disk and the head of a journal file, as bytes. Layout:
 * docs/journal.md.
 *
 * A file starts with FILE_HEADER_BYTES of which the first 44 are used; frames follow back to back.
 * All integers big-endian.
 *
 *   file   0 "myna jrn" | 8 version u32 | 12 number u32 | 16 epoch u64 | 24 salt u64
 *         32 shard u32 | 36 header bytes u32 | 40 crc u32 (of 0..40)
 *   frame  0 "MYF" version u8 | 4 body bytes u32 | 8 epoch u64 | 16 seq u64 | 24 position u64
 *         32 synced u64 | 40 previous u32 (crc of the frame before) | 44 body crc u32
 *         48 zero u32 | 52 crc u32 (of the salt, then 0..52) | 56 body
 *
 * The salt is random and never leaves the file: bytes that a client sent cannot pass for a frame
 * after a crash. To change the layout follow the recipe in docs/journal.md. Thread: pure functions,
 * any.
 */
#ifndef STORE_FRAME_H
#define STORE_FRAME_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/volume.h"

enum {
    JOURNAL_VERSION = 1,
    FILE_HEADER_BYTES = 4096, /* a block of its own: no later write touches its sectors */
    FRAME_ALIGN = 8,          /* where frames begin, and what their bodies are multiples of */
};

struct file_head {
    uint32_t number;
    uint32_t shard;
    uint64_t epoch;
    uint64_t salt;
};

void file_head_encode(uint8_t out[FILE_HEADER_BYTES], const struct file_head *h);
/* ERR_CORRUPT, ERR_NEWER_FORMAT. */
MUST_CHECK enum err file_head_decode(struct bytes file, struct file_head *out);

struct frame {
    uint64_t epoch;    /* of the claim that wrote it */
    uint64_t seq;      /* of the frame before + 1, across files and claims */
    uint64_t position; /* of its first byte, header included */
    uint64_t synced;   /* a frame ended here, and all up to it was on stable storage by then */
    uint32_t bytes;    /* of the body */
    uint32_t previous;
    uint32_t body_crc;
    uint32_t crc;
};

/* Sets f->crc. */
void frame_encode(uint8_t out[FRAME_HEADER_BYTES], struct frame *f, uint64_t salt);
/* Header only: false when it is none. bytes is within FRAME_BODY_MAX and a multiple of 8. */
bool frame_decode(struct frame *out, const uint8_t *at, uint64_t salt);
/* Are the f->bytes behind the header what was written? */
bool frame_has_body(const struct frame *f, const uint8_t *body);
/* Is there a whole valid frame at the start of b, body included? */
bool frame_check(struct frame *out, struct bytes b, uint64_t salt);
/* The first whole valid frame of a file that begins at *at (a multiple of FRAME_ALIGN) or behind, and below `end`; *at
 * is where. */
bool frame_find(struct frame *out, struct bytes file, size_t *at, size_t end, uint64_t salt);

static inline uint64_t frame_end(const struct frame *f)
{
    return f->position + FRAME_HEADER_BYTES + f->bytes;
}

#endif
