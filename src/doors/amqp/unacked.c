/* unacked.c - see unacked.h. */
#include "doors/amqp/unacked.h"

#include <assert.h>
#include <stdlib.h>

enum { ENTRIES_FIRST = 16 };

void unacked_fini(struct unacked *u)
{
    free(u->at);
    *u = (struct unacked){ 0 };
}

/* U2. Moves the live entries to the front. */
static void squeeze(struct unacked *u)
{
    size_t kept = 0;

    for (size_t i = u->first; i < u->end; i++)
        if (u->at[i].is_live)
            u->at[kept++] = u->at[i];
    u->first = 0;
    u->end = kept;
}

static void make_room(struct unacked *u)
{
    if (u->end < u->cap)
        return;
    if (u->live <= u->cap / 2) {
        squeeze(u);
        if (u->end < u->cap)
            return;
    }
    u->cap = u->cap ? 2 * u->cap : ENTRIES_FIRST;
    u->at = mem_resize(u->at, u->cap * sizeof *u->at);
}

void unacked_add_back(struct unacked *u, uint64_t tag, struct lease lease)
{
    make_room(u);
    u->at[u->end++] = (struct unacked_entry){ tag, lease, true };
    u->live++;
}

void unacked_add(struct unacked *u, uint64_t tag, struct lease lease)
{
    assert(u->first == u->end || tag > u->at[u->end - 1].tag);
    unacked_add_back(u, tag, lease);
}

static int by_tag(const void *a, const void *b)
{
    uint64_t x = ((const struct unacked_entry *)a)->tag;
    uint64_t y = ((const struct unacked_entry *)b)->tag;

    return (x > y) - (x < y);
}

void unacked_sort(struct unacked *u)
{
    squeeze(u);
    qsort(u->at, u->end, sizeof *u->at, by_tag);
}

/* Index of the first entry whose tag is not below. */
static size_t search(const struct unacked *u, uint64_t tag)
{
    size_t low = u->first;
    size_t high = u->end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (u->at[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Index of the live entry of a tag; SIZE_MAX when there is none. */
static size_t find(const struct unacked *u, uint64_t tag)
{
    size_t i;

    if (u->live == 0 || tag < u->at[u->first].tag)
        return SIZE_MAX;
    i = u->first + (size_t)(tag - u->at[u->first].tag);
    if (i >= u->end || u->at[i].tag != tag)
        i = search(u, tag);
    return i < u->end && u->at[i].tag == tag && u->at[i].is_live ? i : SIZE_MAX;
}

/* Restores that at[first] is live. */
static void skip_settled(struct unacked *u)
{
    while (u->first < u->end && !u->at[u->first].is_live)
        u->first++;
    if (u->first == u->end)
        u->first = u->end = 0;
}

static void take(struct unacked *u, size_t i, unacked_fn *fn, void *ctx)
{
    if (!u->at[i].is_live)
        return;
    u->at[i].is_live = false;
    u->live--;
    fn(ctx, u->at[i].tag, u->at[i].lease);
}

bool unacked_take(struct unacked *u, uint64_t tag, bool multiple, unacked_fn *fn, void *ctx)
{
    bool   is_all = tag == 0 && multiple;
    size_t i = is_all ? u->end - 1 : find(u, tag);

    if (is_all && u->live == 0)
        return true;
    if (i == SIZE_MAX)
        return false;
    for (size_t j = multiple ? u->first : i; j <= i; j++)
        take(u, j, fn, ctx);
    skip_settled(u);
    return true;
}
