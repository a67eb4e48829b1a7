/*
 * route_match.c - headers exchanges: the arguments of a binding against the headers of a message.
 *
 * x-match says how: all (also when missing), any, all-with-x, any-with-x. Without "-with-x",
 * arguments whose names begin with x- do not take part; x-match itself never does. An argument of
 * type void asks only that the header is there. So a binding without arguments matches everything
 * under "all" and nothing under "any".
 *
 * Thread: the owner's.
 */
#include "engine/route_int.h"

#include <stdlib.h>

enum { FIELDS_FIRST = 8 };

static const struct {
    const char *name;
    bool        is_any, with_x;
} modes[] = {
    { "all", false, false },
    { "any", true, false },
    { "all-with-x", false, true },
    { "any-with-x", true, true },
};

enum err match_check(struct bytes arguments)
{
    struct table_value v;

    if (!table_is_valid(arguments))
        return ERR_BAD_ARGUMENT;
    if (!table_find(arguments, "x-match", &v))
        return ERR_OK;
    for (size_t i = 0; i < COUNT(modes); i++)
        if (v.type == 'S' && bytes_eq_str(v.bytes, modes[i].name))
            return ERR_OK;
    return ERR_BAD_ARGUMENT;
}

static void set_mode(struct match_fields *f, const struct table_value *v)
{
    for (size_t i = 0; i < COUNT(modes); i++)
        if (bytes_eq_str(v->bytes, modes[i].name)) {
            f->is_any = modes[i].is_any;
            f->with_x = modes[i].with_x;
        }
}

static struct match_fields *grow(struct match_fields *f)
{
    size_t cap = f ? 2 * f->cap : FIELDS_FIRST;
    bool   is_new = f == NULL;

    f = mem_resize(f, sizeof *f + cap * sizeof f->at[0]);
    if (is_new)
        f->count = 0;
    f->cap = cap;
    return f;
}

struct match_fields *match_read(struct match_fields *old, struct bytes table)
{
    struct match_fields *f = old ? old : grow(NULL);
    struct table_reader  r = table_open(table);
    struct match_field   field;

    f->count = 0;
    f->is_any = false;
    f->with_x = false;
    while (table_next(&r, &field.name, &field.value)) {
        if (f->count == f->cap)
            f = grow(f);
        if (bytes_eq_str(field.name, "x-match"))
            set_mode(f, &field.value);
        else
            f->at[f->count++] = field;
    }
    return f;
}

/* Both lie in one table, so of equal names the one at the lower address came first. */
static int by_name(const void *a, const void *b)
{
    const struct match_field *x = a;
    const struct match_field *y = b;
    int                       order = bytes_cmp(x->name, y->name);

    return order != 0 ? order : (x->name.at > y->name.at) - (x->name.at < y->name.at);
}

void match_sort(struct match_fields *f)
{
    qsort(f->at, f->count, sizeof f->at[0], by_name);
}

/* The first header of that name, or NULL. */
static const struct match_field *find(const struct match_fields *headers, struct bytes name)
{
    size_t low = 0;
    size_t high = headers->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_cmp(headers->at[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < headers->count && bytes_eq(headers->at[low].name, name) ? &headers->at[low] : NULL;
}

bool match_fits(const struct match_fields *arguments, const struct match_fields *headers)
{
    for (size_t i = 0; i < arguments->count; i++) {
        const struct match_field *want = &arguments->at[i];
        const struct match_field *have;
        bool                      is_match;

        if (!arguments->with_x && bytes_starts(want->name, "x-"))
            continue;
        have = find(headers, want->name);
        is_match = have && (want->value.type == 'V' || table_value_eq(&want->value, &have->value));
        if (is_match == arguments->is_any)
            return is_match;
    }
    return !arguments->is_any;
}
