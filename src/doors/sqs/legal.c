/* legal.c - see legal.h. */
#include "doors/sqs/legal.h"

#include <strings.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool legal_text(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
        /* U+FFFE and U+FFFF; three bytes are there when the UTF-8 is sound. */
        if (c == 0xef && i + 2 < b.len && b.at[i + 1] == 0xbf && b.at[i + 2] >= 0xbe)
            return false;
    }
    return bytes_is_utf8(b);
}

static bool is_name(struct bytes b, size_t max)
{
    for (size_t i = 0; i < b.len; i++)
        if (!is_alnum(b.at[i]) && b.at[i] != '-' && b.at[i] != '_')
            return false;
    return b.len > 0 && b.len <= max;
}

bool legal_queue_name(struct bytes b)
{
    return is_name(b, QUEUE_NAME_CHARS_MAX);
}

bool legal_batch_id(struct bytes b)
{
    return is_name(b, BATCH_ID_CHARS_MAX);
}

bool legal_group_id(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] <= ' ' || b.at[i] > '~')
            return false;
    return b.len > 0 && b.len <= GROUP_ID_CHARS_MAX;
}

/* U+00C0 to U+00FF without the two signs in the middle of the letters: the accented letters of
 * Latin-1. */
static bool is_accented(const uint8_t *at, size_t left)
{
    return left >= 2 && at[0] == 0xc3 && at[1] >= 0x80 && at[1] <= 0xbf && at[1] != 0x97 &&
           at[1] != 0xb7;
}

bool legal_attribute_chars(struct bytes name)
{
    size_t i = 0;

    while (i < name.len) {
        uint8_t c = name.at[i];

        if (is_alnum(c) || c == '-' || c == '_' || c == '.')
            i++;
        else if (is_accented(name.at + i, name.len - i))
            i += 2;
        else
            return false;
    }
    return name.len > 0;
}

static bool starts_any_case(struct bytes b, const char *prefix)
{
    size_t n = strlen(prefix);

    return b.len >= n && strncasecmp((const char *)b.at, prefix, n) == 0;
}

bool legal_attribute_dots(struct bytes name)
{
    if (name.len == 0 || name.at[0] == '.' || name.at[name.len - 1] == '.')
        return false;
    for (size_t i = 1; i < name.len; i++)
        if (name.at[i] == '.' && name.at[i - 1] == '.')
            return false;
    return !starts_any_case(name, "AWS.") && !starts_any_case(name, "Amazon.");
}

bool legal_attribute_name(struct bytes name)
{
    return name.len <= ATTRIBUTE_NAME_BYTES_MAX && legal_attribute_chars(name) &&
           legal_attribute_dots(name);
}

/* Steps over digits; counts those that are significant, leading zeroes are not. */
static size_t skip_digits(struct bytes b, size_t i, size_t *significant, size_t *seen)
{
    for (; i < b.len && is_digit(b.at[i]); i++) {
        (*seen)++;
        if (*significant > 0 || b.at[i] != '0')
            (*significant)++;
    }
    return i;
}

static size_t skip_sign(struct bytes b, size_t i)
{
    return i < b.len && (b.at[i] == '+' || b.at[i] == '-') ? i + 1 : i;
}

bool legal_number(struct bytes b)
{
    size_t significant = 0, seen = 0, exponent = 0, ignored = 0;
    size_t i = skip_digits(b, skip_sign(b, 0), &significant, &seen);

    if (i < b.len && b.at[i] == '.')
        i = skip_digits(b, i + 1, &significant, &seen);
    if (i < b.len && (b.at[i] == 'e' || b.at[i] == 'E')) {
        i = skip_digits(b, skip_sign(b, i + 1), &ignored, &exponent);
        if (exponent == 0)
            return false;
    }
    return i == b.len && seen > 0 && significant <= NUMBER_DIGITS_MAX;
}

bool legal_account(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!is_digit(b.at[i]))
            return false;
    return b.len == 12;
}
