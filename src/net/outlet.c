/* outlet.c - see outlet.h. */
#include "net/outlet.h"
#include "base/mem.h"

#include <stdlib.h>

enum { RING_MIN = 8, RING_KEPT_MAX = 64 };

static struct slice *nth(const struct outlet *o, uint32_t i)
{
    return &o->ring[(o->first + i) & (o->cap - 1)];
}

static void drop_first(struct outlet *o)
{
    slice_drop(nth(o, 0));
    o->first++;
    o->count--;
}

void outlet_fini(struct outlet *o)
{
    while (o->count > 0)
        drop_first(o);
    free(o->ring);
    *o = (struct outlet){ 0 };
}

static void resize(struct outlet *o, uint32_t cap)
{
    struct slice *ring = mem_resize(NULL, cap * sizeof *ring);

    for (uint32_t i = 0; i < o->count; i++)
        ring[i] = *nth(o, i);
    free(o->ring);
    o->ring = ring;
    o->cap = cap;
    o->first = 0;
}

/* O2: does s begin where the last slice ends? */
static bool continues_last(const struct outlet *o, struct slice s)
{
    const struct slice *last = o->count > 0 ? nth(o, o->count - 1) : NULL;

    return last && s.block && last->block == s.block &&
           last->bytes.at + last->bytes.len == s.bytes.at;
}

void outlet_add(struct outlet *o, struct slice s)
{
    if (s.bytes.len == 0) {
        slice_drop(&s);
        return;
    }
    o->bytes += s.bytes.len;
    if (continues_last(o, s)) {
        nth(o, o->count - 1)->bytes.len += s.bytes.len;
        slice_drop(&s);
        return;
    }
    if (o->count == o->cap)
        resize(o, o->cap ? o->cap * 2 : RING_MIN);
    o->count++;
    *nth(o, o->count - 1) = s;
}

void outlet_copy(struct outlet *o, struct pool *pool, struct bytes b)
{
    if (b.len == 0)
        return;
    if (b.len > OUTLET_COPY_MAX) {
        outlet_add(o, slice_copy(b));
        return;
    }
    memcpy(pool_room(pool, b.len), b.at, b.len);
    outlet_add(o, pool_take(pool, b.len));
}

struct slice outlet_take(struct outlet *o, size_t max)
{
    struct slice s = slice_hold(*nth(o, 0));

    if (s.bytes.len > max)
        s.bytes.len = max;
    outlet_sent(o, s.bytes.len);
    return s;
}

int outlet_gather(const struct outlet *o, struct iovec *iov)
{
    uint32_t n = o->count < OUTLET_GATHER_MAX ? o->count : OUTLET_GATHER_MAX;

    for (uint32_t i = 0; i < n; i++) {
        struct bytes b = nth(o, i)->bytes;

        iov[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)b.at, .iov_len = b.len };
    }
    return (int)n;
}

void outlet_sent(struct outlet *o, size_t n)
{
    o->bytes -= n;
    while (n > 0) {
        struct bytes *b = &nth(o, 0)->bytes;

        if (n < b->len) {
            b->at += n;
            b->len -= n;
            return;
        }
        n -= b->len;
        drop_first(o);
    }
    /* A burst may have made the ring large; an idle connection keeps little. */
    if (o->count == 0 && o->cap > RING_KEPT_MAX) {
        free(o->ring);
        o->ring = NULL;
        o->cap = 0;
    }
}
