/* grpc.c - see grpc.h. */
#include "doors/pubsub/grpc.h"

#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 /* zlib's spelling of "gzip wrapper" */, INFLATE_STEP_BYTES = 64 * 1024 };

bool grpc_encoding_parse(struct bytes text, enum grpc_encoding *out)
{
    static const char *const names[GRPC_ENCODING_COUNT] = {
        [GRPC_IDENTITY] = "identity",
        [GRPC_GZIP] = "gzip",
    };
    size_t i;

    *out = GRPC_IDENTITY;
    if (bytes_is_null(text))
        return true;
    for (i = 0; i < COUNT(names); i++) {
        if (bytes_eq_str(text, names[i])) {
            *out = (enum grpc_encoding)i;
            return true;
        }
    }
    return false;
}

void grpc_reader_init(struct grpc_reader *r, enum grpc_encoding encoding)
{
    *r = (struct grpc_reader){ .encoding = encoding };
    buf_init(&r->in);
    buf_init(&r->inflated);
}

void grpc_reader_fini(struct grpc_reader *r)
{
    buf_fini(&r->in);
    buf_fini(&r->inflated);
}

/* Always false, for the caller's return. */
static bool fail(struct grpc_reader *r, enum grpc_code code, const char *text)
{
    r->fault = code;
    r->fault_text = text;
    buf_fini(&r->in);
    buf_fini(&r->inflated);
    r->used = 0;
    return false;
}

void grpc_reader_feed(struct grpc_reader *r, struct bytes data)
{
    if (r->fault != GRPC_OK)
        return;
    if (r->used > 0) {
        memmove(r->in.at, r->in.at + r->used, r->in.len - r->used);
        r->in.len -= r->used;
        r->used = 0;
    }
    buf_bytes(&r->in, data);
}

static bool inflate_all(struct grpc_reader *r, z_stream *z)
{
    int rc = Z_OK;

    while (rc != Z_STREAM_END) {
        z->next_out = buf_room(&r->inflated, INFLATE_STEP_BYTES);
        z->avail_out = INFLATE_STEP_BYTES;
        rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return fail(r, GRPC_INTERNAL, "The request is not valid gzip data.");
        r->inflated.len += INFLATE_STEP_BYTES - z->avail_out;
        if (r->inflated.len > GRPC_MESSAGE_BYTES_MAX)
            return fail(r, GRPC_RESOURCE_EXHAUSTED, "The request is too large when decompressed.");
    }
    return true;
}

static bool inflate_message(struct grpc_reader *r, struct bytes packed, struct bytes *out)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)packed.at, .avail_in = (uInt)packed.len };
    bool     ok;

    if (r->encoding != GRPC_GZIP)
        return fail(r, GRPC_INTERNAL, "A compressed message came without grpc-encoding.");
    buf_clear(&r->inflated);
    if (inflateInit2(&z, GZIP_WINDOW_BITS) != Z_OK)
        return fail(r, GRPC_RESOURCE_EXHAUSTED, "Out of memory.");
    ok = inflate_all(r, &z);
    inflateEnd(&z);
    if (ok)
        *out = buf_view(&r->inflated);
    return ok;
}

bool grpc_reader_next(struct grpc_reader *r, struct bytes *out)
{
    const uint8_t *at;
    size_t         left = r->in.len - r->used;
    size_t         len;

    if (r->fault != GRPC_OK || left < GRPC_PREFIX_BYTES)
        return false;
    at = r->in.at + r->used;
    len = get_u32(at + 1);
    if (at[0] > 1)
        return fail(r, GRPC_INTERNAL, "A message frame has unknown flags.");
    if (len > GRPC_MESSAGE_BYTES_MAX)
        return fail(r, GRPC_RESOURCE_EXHAUSTED, "The request is larger than 20 MiB.");
    if (left - GRPC_PREFIX_BYTES < len)
        return false;
    r->used += GRPC_PREFIX_BYTES + len;
    *out = bytes_of(at + GRPC_PREFIX_BYTES, len);
    return at[0] == 0 || inflate_message(r, *out, out);
}

size_t grpc_reader_waiting(const struct grpc_reader *r)
{
    return r->in.len - r->used;
}

void grpc_prefix(uint8_t at[GRPC_PREFIX_BYTES], size_t len)
{
    at[0] = 0;
    put_u32(at + 1, (uint32_t)len);
}

bool grpc_timeout_parse(struct bytes text, int64_t *ms)
{
    enum { DIGITS_MAX = 8 };
    int64_t n = 0;
    size_t  i;

    if (text.len < 2 || text.len > DIGITS_MAX + 1)
        return false;
    for (i = 0; i + 1 < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (text.at[i] - '0');
    }
    switch (text.at[i]) {
    case 'H':
        *ms = n * 3600 * 1000;
        return true;
    case 'M':
        *ms = n * 60 * 1000;
        return true;
    case 'S':
        *ms = n * 1000;
        return true;
    case 'm':
        *ms = n;
        return true;
    case 'u':
        *ms = (n + 999) / 1000;
        return true;
    case 'n':
        *ms = (n + 999999) / 1000000;
        return true;
    default:
        return false;
    }
}

void grpc_percent_encode(struct buf *out, struct bytes text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t            i;

    for (i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (c >= 0x20 && c <= 0x7e && c != '%') {
            buf_u8(out, c);
        } else {
            buf_u8(out, '%');
            buf_u8(out, (uint8_t)hex[c >> 4]);
            buf_u8(out, (uint8_t)hex[c & 15]);
        }
    }
}
