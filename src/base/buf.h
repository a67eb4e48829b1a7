/*
 * buf.h - a growing byte buffer with writers, the counterpart of struct rd.
 *
 * Growth doubles; running out of memory aborts (small allocations, docs/architecture.md "Errors"). Callers bound what
 * they write: a size that came from a peer is checked against a named limit first.
 *
 * Ownership: the caller's storage; buf_fini frees the bytes. Thread: the owner's.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    uint8_t *at;
    size_t   len;
    size_t   cap;
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);
void buf_enlarge(struct buf *b, size_t n); /* buf_room's, when there is too little */
void buf_add(struct buf *b, const void *at, size_t n);
void buf_bytes(struct buf *b, struct bytes v);
void buf_str(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *format, ...);
void buf_u32le(struct buf *b, uint32_t v);
void buf_u64le(struct buf *b, uint64_t v);
void buf_uvarint(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, int64_t v);

/* Make room for n more bytes and return where they go; len does not change. */
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
    if (!b->at || n > b->cap - b->len)
        buf_enlarge(b, n);
    return b->at + b->len;
}

/* Append n uninitialised bytes and return their address (valid until the next growth). */
static inline uint8_t *buf_grow(struct buf *b, size_t n)
{
    uint8_t *p = buf_room(b, n);

    b->len += n;
    return p;
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    *buf_grow(b, 1) = v;
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
    put_u16(buf_grow(b, 2), v);
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
    put_u32(buf_grow(b, 4), v);
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
    put_u64(buf_grow(b, 8), v);
}

static inline struct bytes buf_view(const struct buf *b)
{
    return bytes_of(b->at, b->len);
}

/* Bytes a varint takes: 1 to 10. */
static inline size_t uvarint_len(uint64_t v)
{
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static inline size_t varint_len(int64_t v)
{
    return uvarint_len((uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

#endif
