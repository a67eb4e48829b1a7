/*
 * bytes.h - borrowed bytes and the one bounded cursor every parser reads through.
 *
 * struct bytes is a value: an address and a length, owned by somebody else. struct rd walks over bytes; its error
 * is sticky, so a decoder reads every field and looks at rd.failed once. A failed read returns zeroes and moves
 * nothing. Integers are big-endian unless the name says le. Never put two rd_ calls into one expression: C leaves
 * their order open.
 *
 * Thread: values, any.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct bytes {
    const uint8_t *at; /* NULL with len 0 means "null" where a protocol tells null from empty */
    size_t         len;
};

static inline struct bytes bytes_of(const void *at, size_t len)
{
    return (struct bytes){ at, len };
}

static inline struct bytes bytes_str(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool bytes_eq_str(struct bytes a, const char *text)
{
    return bytes_eq(a, bytes_str(text));
}

static inline bool bytes_is_null(struct bytes b)
{
    return b.at == NULL;
}

/* Orders like memcmp, the shorter first when one is a prefix of the other. */
int bytes_cmp(struct bytes a, struct bytes b);
bool bytes_starts(struct bytes b, const char *prefix);
/* Strict UTF-8: no surrogates, no overlong forms, nothing above U+10FFFF. */
bool bytes_is_utf8(struct bytes b);

struct rd {
    const uint8_t *at;
    const uint8_t *end;
    bool           failed;
};

static inline struct rd rd_of(struct bytes b)
{
    return (struct rd){ b.at, b.at ? b.at + b.len : b.at, false };
}

static inline size_t rd_left(const struct rd *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* Borrow the next n bytes; NULL and failed when there are fewer. n = 0 gives a non-NULL address. */
struct bytes rd_bytes(struct rd *r, size_t n);
uint32_t rd_u32le(struct rd *r);
uint64_t rd_u64le(struct rd *r);
/* Base-128, least group first (protobuf, Kafka): at most 5 bytes / 10 bytes, else failed. */
uint32_t rd_uvarint32(struct rd *r);
uint64_t rd_long_uvarint64(struct rd *r);
static inline uint64_t rd_uvarint64(struct rd *r)
{
    if (!r->failed && r->at < r->end && *r->at < 0x80) /* most are small */
        return *r->at++;
    return rd_long_uvarint64(r);
}
/* The same with zig-zag. */
int32_t rd_varint32(struct rd *r);
int64_t rd_varint64(struct rd *r);
void rd_fail(struct rd *r);

static inline uint16_t get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t get_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

/* The next n bytes, n > 0; NULL and failed when there are fewer. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->failed || n > (size_t)(r->end - at)) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    return at;
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *at = rd_take(r, 1);

    return at ? at[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *at = rd_take(r, 2);

    return at ? get_u16(at) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *at = rd_take(r, 4);

    return at ? get_u32(at) : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
    const uint8_t *at = rd_take(r, 8);

    return at ? get_u64(at) : 0;
}

#endif
