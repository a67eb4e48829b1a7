/* parts.c - sets of partitions; see parts.h. */
#include "engine/parts.h"

#include "base/mem.h"

#include <stdlib.h>

void parts_fini(struct parts *p)
{
    free(p->at);
    *p = (struct parts){ 0 };
}

/* Room for so many; what was there goes when the result is complete, so that a source may be the target. */
static struct parts with_room(size_t count)
{
    return (struct parts){ 0, count > 0 ? mem_new(count * sizeof(uint64_t)) : NULL };
}

static void replace(struct parts *to, struct parts made)
{
    parts_fini(to);
    if (made.count == 0)
        parts_fini(&made);
    *to = made;
}

void parts_copy(struct parts *to, const struct parts *from)
{
    struct parts made = with_room(from->count);

    made.count = from->count;
    if (from->count > 0)
        memcpy(made.at, from->at, from->count * sizeof *from->at);
    replace(to, made);
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

void parts_from(struct parts *to, const uint64_t *ids, size_t count)
{
    struct parts made = with_room(count);

    for (size_t i = 0; i < count; i++)
        made.at[i] = ids[i];
    if (count > 0)
        qsort(made.at, count, sizeof *made.at, compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (made.count == 0 || made.at[made.count - 1] != made.at[i])
            made.at[made.count++] = made.at[i];
    }
    replace(to, made);
}

bool parts_have(const struct parts *p, uint64_t id)
{
    return p->count > 0 && bsearch(&id, p->at, p->count, sizeof *p->at, compare_ids) != NULL;
}

bool parts_eq(const struct parts *a, const struct parts *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->at, b->at, a->count * sizeof *a->at) == 0);
}

/* Walks both in order: which ids go into *to, of those only in a, only in b, in both. */
static size_t merge(struct parts *to, const struct parts *a, const struct parts *b, bool only_a,
                    bool only_b, bool both)
{
    struct parts made = with_room(to ? a->count + b->count : 0);
    size_t       count = 0;
    size_t       i = 0;
    size_t       k = 0;

    while (i < a->count || k < b->count) {
        bool     in_a = k == b->count || (i < a->count && a->at[i] <= b->at[k]);
        bool     in_b = i == a->count || (k < b->count && b->at[k] <= a->at[i]);
        uint64_t id = in_a ? a->at[i] : b->at[k];

        if (in_a && in_b ? both : in_a ? only_a : only_b) {
            if (to)
                made.at[made.count++] = id;
            count++;
        }
        i += in_a;
        k += in_b;
    }
    if (to)
        replace(to, made);
    return count;
}

bool parts_within(const struct parts *a, const struct parts *b)
{
    return merge(NULL, a, b, true, false, false) == 0;
}

bool parts_meet(const struct parts *a, const struct parts *b)
{
    return merge(NULL, a, b, false, false, true) > 0;
}

void parts_both(struct parts *to, const struct parts *a, const struct parts *b)
{
    merge(to, a, b, false, false, true);
}

void parts_minus(struct parts *to, const struct parts *a, const struct parts *b)
{
    merge(to, a, b, true, false, false);
}

void parts_either(struct parts *to, const struct parts *a, const struct parts *b)
{
    merge(to, a, b, true, true, true);
}

void parts_write(struct buf *out, const struct parts *p)
{
    uint64_t last = 0;

    buf_uvarint(out, p->count);
    for (size_t i = 0; i < p->count; i++) {
        buf_uvarint(out, p->at[i] - last);
        last = p->at[i];
    }
}

void parts_read(struct rd *r, struct parts *to)
{
    uint64_t     count = rd_uvarint64(r);
    uint64_t     last = 0;
    struct parts made;

    if (count > rd_left(r)) { /* each takes an octet at least */
        rd_fail(r);
        count = 0;
    }
    made = with_room(count);
    for (; made.count < count && !r->failed; made.count++) {
        uint64_t step = rd_uvarint64(r);

        if (step == 0 || last + step < last)
            rd_fail(r);
        last += step;
        made.at[made.count] = last;
    }
    if (r->failed)
        made.count = 0;
    replace(to, made);
}
