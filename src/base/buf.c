/* buf.c - see buf.h. */
#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 64 };

void buf_init(struct buf *b)
{
    *b = (struct buf){ 0 };
}

void buf_fini(struct buf *b)
{
    free(b->at);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_enlarge(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;

    while (cap - b->len < n)
        cap *= 2;
    b->at = mem_resize(b->at, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *at, size_t n)
{
    if (n > 0)
        memcpy(buf_grow(b, n), at, n);
}

void buf_bytes(struct buf *b, struct bytes v)
{
    buf_add(b, v.at, v.len);
}

void buf_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    int     n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n > 0) {
        vsnprintf((char *)buf_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void buf_u32le(struct buf *b, uint32_t v)
{
    put_u32(buf_grow(b, 4), __builtin_bswap32(v));
}

void buf_u64le(struct buf *b, uint64_t v)
{
    put_u64(buf_grow(b, 8), __builtin_bswap64(v));
}

void buf_uvarint(struct buf *b, uint64_t v)
{
    uint8_t *p = buf_room(b, 10);
    size_t   n = 0;

    while (v >= 0x80) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    b->len += n;
}

void buf_varint(struct buf *b, int64_t v)
{
    buf_uvarint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
