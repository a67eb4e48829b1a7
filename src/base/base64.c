/* base64.c - see base64.h. */
#include "base/base64.h"

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to three bytes as their two to four characters; returns how many. */
static size_t format_group(uint8_t *at, const char *chars, const uint8_t *from, size_t n)
{
    uint32_t v = (uint32_t)from[0] << 16;
    size_t   i;

    if (n > 1)
        v |= (uint32_t)from[1] << 8;
    if (n > 2)
        v |= from[2];
    for (i = 0; i <= n; i++)
        at[i] = (uint8_t)chars[v >> (18 - 6 * i) & 63];
    return n + 1;
}

static void format(struct buf *out, struct bytes b, const char *chars)
{
    uint8_t *at = buf_room(out, BASE64URL_LEN(b.len));
    size_t   i;

    for (i = 0; i < b.len; i += 3) {
        size_t n = format_group(at, chars, b.at + i, b.len - i < 3 ? b.len - i : 3);

        at += n;
        out->len += n;
    }
}

void base64url_format(struct buf *out, struct bytes b)
{
    format(out, b, url_alphabet);
}

void base64_format(struct buf *out, struct bytes b)
{
    format(out, b, alphabet);
    if (b.len % 3 != 0)
        buf_str(out, b.len % 3 == 1 ? "==" : "=");
}

/* The value of a character in an alphabet that ends in these two, or -1. */
static int value_of(uint8_t c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (uint8_t)c62)
        return 62;
    return c == (uint8_t)c63 ? 63 : -1;
}

static bool parse(struct buf *out, struct bytes text, char c62, char c63)
{
    size_t   start = out->len;
    uint32_t v = 0;
    unsigned bits = 0;
    size_t   i;

    for (i = 0; i < text.len; i++) {
        int value = value_of(text.at[i], c62, c63);

        if (value < 0)
            goto fail;
        v = v << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_u8(out, (uint8_t)(v >> bits));
            v &= (1u << bits) - 1;
        }
    }
    if (bits >= 6 || v != 0)
        goto fail;
    return true;
fail:
    out->len = start;
    return false;
}

bool base64url_parse(struct buf *out, struct bytes text)
{
    return parse(out, text, '-', '_');
}

bool base64_parse(struct buf *out, struct bytes text)
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return false;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    return parse(out, bytes_of(text.at, text.len - padding), '+', '/');
}
