/* amqp_text.c - see amqp_text.h. */
#include "doors/amqp/amqp_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void json_value(struct buf *out, const struct table_value *v);

/* The shortest form that reads back as the same number. */
static void add_real(struct buf *out, double real)
{
    char text[40];
    int  digits = 15;

    do
        snprintf(text, sizeof text, "%.*g", digits, real);
    while (strtod(text, NULL) != real && digits++ < 17 && !isnan(real));
    buf_str(out, text);
}

static void add_decimal(struct buf *out, const struct table_value *v)
{
    char     digits[24];
    unsigned scale = v->scale;
    size_t   n;

    snprintf(digits, sizeof digits, "%" PRId64, v->integer < 0 ? -v->integer : v->integer);
    n = strlen(digits);
    if (v->integer < 0)
        buf_u8(out, '-');
    if (scale == 0) {
        buf_add(out, digits, n);
        return;
    }
    if (n > scale)
        buf_add(out, digits, n - scale);
    else
        buf_u8(out, '0');
    buf_u8(out, '.');
    for (unsigned i = (unsigned)n; i < scale; i++)
        buf_u8(out, '0');
    buf_add(out, digits + (n > scale ? n - scale : 0), n > scale ? scale : n);
}

/* Latin-1 for what is not UTF-8, so that the bytes can be told. */
static void json_string(struct buf *out, struct bytes s)
{
    bool is_text = bytes_is_utf8(s);

    buf_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || (c >= 0x80 && !is_text))
            buf_printf(out, "\\u%04x", c);
        else
            buf_u8(out, c);
    }
    buf_u8(out, '"');
}

static void json_table(struct buf *out, struct bytes table)
{
    struct table_reader r = table_open(table);
    struct table_value  v;
    struct bytes        name;
    const char         *before = "";

    buf_u8(out, '{');
    while (table_next(&r, &name, &v)) {
        buf_str(out, before);
        json_string(out, name);
        buf_u8(out, ':');
        json_value(out, &v);
        before = ",";
    }
    buf_u8(out, '}');
}

static void json_array(struct buf *out, struct bytes array)
{
    struct table_reader r = table_open(array);
    struct table_value  v;
    const char         *before = "";

    buf_u8(out, '[');
    while (table_next_element(&r, &v)) {
        buf_str(out, before);
        json_value(out, &v);
        before = ",";
    }
    buf_u8(out, ']');
}

/* Depth is bounded by table_is_valid, which every table passed on its way in. */
static void json_value(struct buf *out, const struct table_value *v)
{
    switch (v->type) {
    case 'S':
    case 'x':
        json_string(out, v->bytes);
        break;
    case 'V':
        buf_str(out, "null");
        break;
    case 'f':
    case 'd':
        if (isfinite(v->real))
            add_real(out, v->real);
        else
            buf_str(out, "null");
        break;
    default:
        amqp_text(out, v);
    }
}

static void add_milliseconds(struct buf *out, uint64_t seconds)
{
    buf_printf(out, "%" PRIu64 "%s", seconds, seconds != 0 ? "000" : "");
}

bool amqp_text(struct buf *out, const struct table_value *v)
{
    switch (v->type) {
    case 'V':
        return false;
    case 'S':
    case 'x':
        buf_bytes(out, v->bytes);
        break;
    case 't':
        buf_str(out, v->integer ? "true" : "false");
        break;
    case 'f':
    case 'd':
        add_real(out, v->real);
        break;
    case 'D':
        add_decimal(out, v);
        break;
    case 'T':
        add_milliseconds(out, (uint64_t)v->integer);
        break;
    case 'F':
        json_table(out, v->bytes);
        break;
    case 'A':
        json_array(out, v->bytes);
        break;
    default:
        buf_printf(out, "%" PRId64, v->integer);
    }
    return true;
}
