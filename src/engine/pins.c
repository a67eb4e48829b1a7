/* pins.c - see pins.h. */
#include "engine/pins.h"
#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* Positions of two claims are 2^36 apart at least; what one claim writes without pinning any of it
 * is counted in full up to this. */
enum { GAP_STRETCHES = 1 << 19 };

void pins_init(struct pins *p)
{
    *p = (struct pins){ 0 };
}

void pins_fini(struct pins *p)
{
    free(p->at);
    pins_init(p);
}

static void make_room(struct pins *p)
{
    if (p->first + p->count < p->cap)
        return;
    if (p->first > p->cap / 2) {
        memmove(p->at, p->at + p->first, p->count * sizeof *p->at);
        p->first = 0;
        return;
    }
    p->cap = p->cap ? 2 * p->cap : 16;
    p->at = mem_resize(p->at, p->cap * sizeof *p->at);
}

/* Index of the first stretch whose number is not below this one, counted from first. */
static size_t find(const struct pins *p, uint64_t number)
{
    const struct pins_stretch *at;
    size_t                     low = 0;
    size_t                     high = p->count;

    if (high == 0)
        return 0;
    at = p->at + p->first;
    if (number >= at[high - 1].number) /* nearly always when it is put */
        return number == at[high - 1].number ? high - 1 : high;
    if (number <= at[0].number) /* and when it is taken */
        return 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (at[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void pins_put(struct pins *p, uint64_t position, uint64_t count)
{
    uint64_t             number = position / PINS_STRETCH_BYTES;
    size_t               i = find(p, number);
    struct pins_stretch *at;

    p->total += count;
    if (i < p->count && p->at[p->first + i].number == number) {
        p->at[p->first + i].count += count;
        return;
    }
    make_room(p);
    at = p->at + p->first;
    memmove(at + i + 1, at + i, (p->count - i) * sizeof *at);
    at[i] = (struct pins_stretch){ number, count };
    p->count++;
}

void pins_take(struct pins *p, uint64_t position, uint64_t count)
{
    uint64_t             number = position / PINS_STRETCH_BYTES;
    size_t               i = find(p, number);
    struct pins_stretch *at = p->at + p->first;

    assert(i < p->count && at[i].number == number && at[i].count >= count);
    p->total -= count;
    at[i].count -= count;
    if (at[i].count > 0)
        return;
    if (i == 0) {
        p->first++;
    } else {
        memmove(at + i, at + i + 1, (p->count - i - 1) * sizeof *at);
    }
    if (--p->count == 0)
        p->first = 0;
}

uint64_t pins_oldest(const struct pins *p)
{
    return p->count > 0 ? p->at[p->first].number * PINS_STRETCH_BYTES : UINT64_MAX;
}

/* Stretches between two neighbours, the lower included. */
static uint64_t distance(uint64_t from, uint64_t to)
{
    return to - from < GAP_STRETCHES ? to - from : 1;
}

uint64_t pins_held(const struct pins *p, uint64_t end)
{
    uint64_t to = end / PINS_STRETCH_BYTES + 1;
    uint64_t sum = 0;

    for (size_t i = p->count; i-- > 0;) {
        sum += distance(p->at[p->first + i].number, to);
        to = p->at[p->first + i].number;
    }
    return sum * PINS_STRETCH_BYTES;
}

uint64_t pins_back(const struct pins *p, uint64_t end, uint64_t bytes)
{
    uint64_t to = end / PINS_STRETCH_BYTES + 1;
    uint64_t left = bytes / PINS_STRETCH_BYTES;

    for (size_t i = p->count; i-- > 0;) {
        uint64_t here = p->at[p->first + i].number;
        uint64_t n = distance(here, to);

        if (n > left)
            return n == to - here ? (to - left) * PINS_STRETCH_BYTES : to * PINS_STRETCH_BYTES;
        left -= n;
        to = here;
    }
    return 0;
}

uint64_t pins_back_count(const struct pins *p, uint64_t end, uint64_t count)
{
    uint64_t to = end / PINS_STRETCH_BYTES + 1;

    for (size_t i = p->count; i-- > 0;) {
        const struct pins_stretch *here = &p->at[p->first + i];

        if (here->count > count)
            return to * PINS_STRETCH_BYTES;
        count -= here->count;
        to = here->number;
    }
    return 0;
}
