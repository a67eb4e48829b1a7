/* bytes.c - see bytes.h. */
#include "base/bytes.h"

int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int    order = n ? memcmp(a.at, b.at, n) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool bytes_starts(struct bytes b, const char *prefix)
{
    size_t n = strlen(prefix);

    return b.len >= n && memcmp(b.at, prefix, n) == 0;
}

/* Length of the well-formed sequence at p, or 0. Table 3-7 of the Unicode standard, written as ranges. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        uint8_t low = p[0] == 0xe0 ? 0xa0 : 0x80;
        uint8_t high = p[0] == 0xed ? 0x9f : 0xbf;

        return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        uint8_t low = p[0] == 0xf0 ? 0x90 : 0x80;
        uint8_t high = p[0] == 0xf4 ? 0x8f : 0xbf;
        bool    whole = left >= 4 && p[1] >= low && p[1] <= high;

        return whole && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

bool bytes_is_utf8(struct bytes b)
{
    size_t i = 0;

    while (i < b.len) {
        size_t n = utf8_sequence(b.at + i, b.len - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void rd_fail(struct rd *r)
{
    r->failed = true;
}

struct bytes rd_bytes(struct rd *r, size_t n)
{
    static const uint8_t empty[1];
    const uint8_t       *at;

    if (n == 0 && !r->failed)
        return bytes_of(r->at ? r->at : empty, 0);
    at = rd_take(r, n);
    return bytes_of(at, at ? n : 0);
}

uint32_t rd_u32le(struct rd *r)
{
    return __builtin_bswap32(rd_u32(r));
}

uint64_t rd_u64le(struct rd *r)
{
    return __builtin_bswap64(rd_u64(r));
}

/* Of eight bytes, the first the lowest, the low seven bits of each, put together. */
static uint64_t join_groups(uint64_t w)
{
    w = (w & 0x007f007f007f007f) | (w & 0x7f007f007f007f00) >> 1;
    w = (w & 0x00003fff00003fff) | (w & 0x3fff00003fff0000) >> 2;
    return (w & 0x000000000fffffff) | (w & 0x0fffffff00000000) >> 4;
}

static uint64_t uvarint_by_bytes(struct rd *r, unsigned bits)
{
    const uint8_t *at = r->at;
    uint64_t       v = 0;

    for (unsigned shift = 0; shift < bits && at < r->end; shift += 7) {
        uint8_t b = *at++;

        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0) {
            r->at = at;
            return v;
        }
    }
    r->failed = true;
    return 0;
}

/* A replay reads many of these, times have six bytes. */
static inline uint64_t uvarint(struct rd *r, unsigned bits)
{
    static const uint64_t high = 0x8080808080808080;
    uint64_t              w;
    uint64_t              ends;

    if (r->failed)
        return 0;
    if (r->end - r->at < 8)
        return uvarint_by_bytes(r, bits);
    memcpy(&w, r->at, sizeof w);
    ends = ~w & high;
    if (ends == 0 || (bits == 32 && (ends & 0xffffffffff) == 0))
        return uvarint_by_bytes(r, bits);
    r->at += __builtin_ctzll(ends) / 8 + 1;
    return join_groups(w & (ends ^ (ends - 1)));
}

uint32_t rd_uvarint32(struct rd *r)
{
    return (uint32_t)uvarint(r, 32);
}

uint64_t rd_long_uvarint64(struct rd *r)
{
    return uvarint(r, 64);
}

int32_t rd_varint32(struct rd *r)
{
    uint32_t v = rd_uvarint32(r);

    return (int32_t)(v >> 1 ^ (0u - (v & 1)));
}

int64_t rd_varint64(struct rd *r)
{
    uint64_t v = rd_uvarint64(r);

    return (int64_t)(v >> 1 ^ (0ull - (v & 1)));
}
