/* sealed.c - see sealed.h. */
#include "store/sealed.h"
#include "base/crc32c.h"

#include <stdio.h>

enum { CRC_LINE_LEN = 13 }; /* "crc 89abcdef\n" */

void sealed_begin(struct buf *out, const char *kind, unsigned version)
{
    buf_printf(out, "myna %s %u\n", kind, version);
}

void sealed_end(struct buf *out)
{
    buf_printf(out, "crc %08x\n", crc32c(0, out->at, out->len));
}

bool sealed_line(struct rd *lines, struct bytes *out)
{
    const uint8_t *end;

    if (rd_left(lines) == 0)
        return false;
    end = memchr(lines->at, '\n', rd_left(lines));
    if (!end)
        return false;
    *out = bytes_of(lines->at, (size_t)(end - lines->at));
    lines->at = end + 1;
    return true;
}

bool sealed_word(struct bytes *line, const char *word)
{
    size_t len = strlen(word);

    if (!bytes_starts(*line, word) || line->len <= len || line->at[len] != ' ')
        return false;
    line->at += len + 1;
    line->len -= len + 1;
    return true;
}

bool sealed_number(struct bytes *line, uint64_t *out)
{
    size_t n = 0;

    *out = 0;
    for (; n < line->len && line->at[n] >= '0' && line->at[n] <= '9'; n++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(line->at[n] - '0'), out))
            return false;
    if (n == 0)
        return false;
    if (n < line->len && (line->at[n] == ' ' || line->at[n] == '-'))
        n++;
    line->at += n;
    line->len -= n;
    return true;
}

static bool crc_matches(struct bytes text)
{
    char line[CRC_LINE_LEN + 1];

    snprintf(line, sizeof line, "crc %08x\n", crc32c(0, text.at, text.len - CRC_LINE_LEN));
    return memcmp(text.at + text.len - CRC_LINE_LEN, line, CRC_LINE_LEN) == 0;
}

enum err sealed_open(struct bytes text, const char *kind, unsigned version, struct rd *lines)
{
    struct bytes first;
    uint64_t     found;

    if (text.len < CRC_LINE_LEN)
        return ERR_CORRUPT;
    *lines = rd_of(bytes_of(text.at, text.len - CRC_LINE_LEN));
    if (!sealed_line(lines, &first) || !sealed_word(&first, "myna") || !sealed_word(&first, kind) ||
        !sealed_number(&first, &found))
        return ERR_CORRUPT;
    if (found > version)
        return ERR_NEWER_FORMAT; /* before the CRC: a newer version may end its files otherwise */
    if (!crc_matches(text))
        return ERR_CORRUPT;
    return found < version ? ERR_OLDER_FORMAT : ERR_OK;
}
