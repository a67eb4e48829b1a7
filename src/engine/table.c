/* table.c - see table.h. */
#include "engine/table.h"

enum layout { INVALID, SIGNED, UNSIGNED, REAL, DECIMAL, LONG, EMPTY };

/* How each type lies on the wire; LONG is a u32 length and that many bytes. */
static const struct {
    enum layout layout;
    uint8_t     width;
} types[128] = {
    ['t'] = { UNSIGNED, 1 }, ['b'] = { SIGNED, 1 },   ['B'] = { UNSIGNED, 1 },
    ['s'] = { SIGNED, 2 },   ['u'] = { UNSIGNED, 2 }, ['I'] = { SIGNED, 4 },
    ['i'] = { UNSIGNED, 4 }, ['l'] = { SIGNED, 8 },   ['L'] = { SIGNED, 8 },
    ['f'] = { REAL, 4 },     ['d'] = { REAL, 8 },     ['D'] = { DECIMAL, 5 },
    ['S'] = { LONG, 0 },     ['A'] = { LONG, 0 },     ['T'] = { UNSIGNED, 8 }, ['F'] = { LONG, 0 },
    ['V'] = { EMPTY, 0 },    ['x'] = { LONG, 0 },
};

static uint64_t read_unsigned(struct rd *r, unsigned width)
{
    struct bytes b = rd_bytes(r, width);
    uint64_t     v = 0;

    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.at[i];
    return v;
}

static int64_t read_signed(struct rd *r, unsigned width)
{
    unsigned spare = 64 - 8 * width;

    return (int64_t)(read_unsigned(r, width) << spare) >> spare;
}

static double read_real(struct rd *r, unsigned width)
{
    uint64_t v = read_unsigned(r, width);
    uint32_t narrow = (uint32_t)v;
    float    f;
    double   d;

    if (width == sizeof f) {
        memcpy(&f, &narrow, sizeof f);
        return (double)f;
    }
    memcpy(&d, &v, sizeof d);
    return d;
}

static void read_value(struct rd *r, struct table_value *v)
{
    uint8_t type = rd_u8(r);
    uint8_t width = type < COUNT(types) ? types[type].width : 0;

    *v = (struct table_value){ .type = (char)type };
    switch (type < COUNT(types) ? types[type].layout : INVALID) {
    case SIGNED:
        v->integer = read_signed(r, width);
        break;
    case UNSIGNED:
        v->integer = (int64_t)read_unsigned(r, width);
        break;
    case REAL:
        v->real = read_real(r, width);
        break;
    case DECIMAL:
        v->scale = rd_u8(r);
        v->integer = read_signed(r, 4);
        break;
    case LONG:
        v->bytes = rd_bytes(r, rd_u32(r));
        break;
    case EMPTY:
        break;
    case INVALID:
        rd_fail(r);
        break;
    }
}

bool table_next(struct table_reader *r, struct bytes *name, struct table_value *out)
{
    uint8_t len;

    if (rd_left(&r->rd) == 0)
        return false;
    len = rd_u8(&r->rd);
    *name = rd_bytes(&r->rd, len);
    read_value(&r->rd, out);
    return !r->rd.failed;
}

bool table_next_element(struct table_reader *r, struct table_value *out)
{
    if (rd_left(&r->rd) == 0)
        return false;
    read_value(&r->rd, out);
    return !r->rd.failed;
}

/* Readers of the levels that are open; kept here rather than on the stack of a recursion. */
struct level {
    struct table_reader reader;
    bool                is_array;
};

bool table_is_valid(struct bytes table)
{
    struct level levels[TABLE_DEPTH_MAX];
    size_t       depth = 1;

    levels[0] = (struct level){ table_open(table), false };
    while (depth > 0) {
        struct level      *top = &levels[depth - 1];
        struct table_value v;
        struct bytes       name;
        bool               more = top->is_array ? table_next_element(&top->reader, &v)
                                                : table_next(&top->reader, &name, &v);

        if (top->reader.rd.failed)
            return false;
        if (!more) {
            depth--;
        } else if (v.type == 'A' || v.type == 'F') {
            if (depth == TABLE_DEPTH_MAX)
                return false;
            levels[depth++] = (struct level){ table_open(v.bytes), v.type == 'A' };
        }
    }
    return true;
}

bool table_find(struct bytes table, const char *name, struct table_value *out)
{
    struct table_reader r = table_open(table);
    struct bytes        n;

    while (table_next(&r, &n, out))
        if (bytes_eq_str(n, name))
            return true;
    return false;
}

bool table_is_integer(const struct table_value *v)
{
    return v->type != 0 && strchr("bBsuIilL", v->type) != NULL;
}

static bool is_real(const struct table_value *v)
{
    return v->type == 'f' || v->type == 'd';
}

bool table_value_eq(const struct table_value *a, const struct table_value *b)
{
    if (table_is_integer(a) && table_is_integer(b))
        return a->integer == b->integer;
    if (is_real(a) && is_real(b))
        return a->real >= b->real && a->real <= b->real;
    if (a->type != b->type)
        return false;
    return a->integer == b->integer && a->scale == b->scale && bytes_eq(a->bytes, b->bytes);
}
