/*
 * route_spread.c - exchanges that give each message to one of their bindings: x-consistent-hash,
 * x-modulus-hash, x-random, x-local-random (with one node the same).
 *
 * The bindings lie in a ring: an array of points, sorted. Where the points of a binding lie hangs on
 * its destination alone, so the ring is the same whatever the order in which bindings came, and
 * after a restart.
 *
 *     modulus, random    one point a binding; message picks by number
 *     hash               POINTS_OF_WEIGHT points for each unit of weight, which is the binding's key;
 *                        a message belongs to the first point at or behind its own. A binding that
 *                        comes or goes moves only what it gets or had.
 *
 * Picking costs a binary search, and a sort after something was bound; unbinding costs the length of
 * the ring.
 *
 * Thread: the owner's.
 */
#include "engine/route_int.h"
#include "base/buf.h"

#include <stdlib.h>

enum { POINTS_OF_WEIGHT = 64, WEIGHT_MAX = 1024 };

/* What a message is placed by. */
enum hash_by {
    HASH_BY_KEY,
    HASH_BY_HEADER,
    HASH_BY_MESSAGE_ID,
    HASH_BY_CORRELATION_ID,
    HASH_BY_TIMESTAMP,
};

struct ring_point {
    uint64_t        at;
    struct binding *binding;
};

struct ring {
    struct ring_point *points;
    size_t             count;
    bool               is_sorted;
    enum hash_by       by;
    struct bytes       header; /* HASH_BY_HEADER: its name, borrowed from the exchange's arguments */
};

struct ring *ring_new(void)
{
    return mem_new(sizeof(struct ring));
}

void ring_free(struct ring *g)
{
    if (!g)
        return;
    free(g->points);
    free(g);
}

bool spread_weight(struct bytes key, uint32_t *out)
{
    uint32_t n = 0;

    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < '0' || key.at[i] > '9' || n > WEIGHT_MAX)
            return false;
        n = n * 10 + (uint32_t)(key.at[i] - '0');
    }
    *out = n;
    return n >= 1 && n <= WEIGHT_MAX;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return x ^ x >> 33;
}

/* Equal points are ordered by what the bindings are, not by when they came. */
static int by_place(const void *a, const void *b)
{
    const struct ring_point *x = a;
    const struct ring_point *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return bytes_cmp(bytes_of(x->binding->id, x->binding->id_len),
                     bytes_of(y->binding->id, y->binding->id_len));
}

void spread_add(struct route *r, struct binding *b)
{
    struct binding_key what = binding_what(b);
    uint64_t           seed = bytes_hash(what.destination) + what.to_exchange;
    uint32_t           weight = 1;
    size_t             points = 1;
    struct ring       *g = r->ring;

    if (r->type == ROUTE_HASH && spread_weight(what.key, &weight))
        points = (size_t)weight * POINTS_OF_WEIGHT;
    g->points = mem_resize(g->points, (g->count + points) * sizeof *g->points);
    for (size_t i = 0; i < points; i++)
        g->points[g->count++] = (struct ring_point){ mix(seed + i), b };
    g->is_sorted = false;
}

void spread_remove(struct route *r, const struct binding *b)
{
    struct ring *g = r->ring;
    size_t       n = 0;

    for (size_t i = 0; i < g->count; i++)
        if (g->points[i].binding != b)
            g->points[n++] = g->points[i];
    g->count = n;
}

/* The first point at or behind `at`; behind the last comes the first. */
static const struct ring_point *point_at(const struct ring *g, uint64_t at)
{
    size_t low = 0;
    size_t high = g->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (g->points[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return &g->points[low < g->count ? low : 0];
}

/* A header of another type than text counts by the bytes of its number. */
static struct bytes header_text(struct bytes headers, struct bytes name, uint8_t number[8])
{
    struct table_reader r = table_open(headers);
    struct bytes        found;
    struct table_value  v;

    while (table_next(&r, &found, &v)) {
        if (!bytes_eq(found, name))
            continue;
        if (v.type == 'S' || v.type == 'x')
            return v.bytes;
        put_u64(number, (uint64_t)v.integer);
        return bytes_of(number, 8);
    }
    return bytes_of(NULL, 0);
}

static uint64_t hash_of(const struct ring *g, const struct route_message *m)
{
    uint8_t number[8];

    switch (g->by) {
    case HASH_BY_HEADER:
        return bytes_hash(header_text(m->headers, g->header, number));
    case HASH_BY_MESSAGE_ID:
        return bytes_hash(m->message_id);
    case HASH_BY_CORRELATION_ID:
        return bytes_hash(m->correlation_id);
    case HASH_BY_TIMESTAMP:
        put_u64(number, m->timestamp);
        return bytes_hash(bytes_of(number, 8));
    case HASH_BY_KEY:
        break;
    }
    return bytes_hash(m->key);
}

void spread_match(struct route *r, const struct route_message *m, route_found_fn *found, void *ctx)
{
    struct ring *g = r->ring;

    if (g->count == 0)
        return;
    if (!g->is_sorted)
        qsort(g->points, g->count, sizeof *g->points, by_place);
    g->is_sorted = true;
    if (r->type == ROUTE_HASH)
        found(ctx, point_at(g, mix(hash_of(g, m)))->binding);
    else if (r->type == ROUTE_MODULUS)
        found(ctx, g->points[bytes_hash(m->key) % g->count].binding);
    else
        found(ctx, g->points[m->random % g->count].binding);
}

/* ---- what a message is hashed by ---- */

static enum err read_property(const struct table_value *v, enum hash_by *out)
{
    static const struct {
        const char  *name;
        enum hash_by by;
    } properties[] = { { "message_id", HASH_BY_MESSAGE_ID },
                       { "correlation_id", HASH_BY_CORRELATION_ID },
                       { "timestamp", HASH_BY_TIMESTAMP } };

    for (size_t i = 0; v->type == 'S' && i < COUNT(properties); i++)
        if (bytes_eq_str(v->bytes, properties[i].name)) {
            *out = properties[i].by;
            return ERR_OK;
        }
    return ERR_BAD_ARGUMENT;
}

enum err spread_read(struct ring *g, struct bytes arguments)
{
    struct table_value header = { 0 };
    struct table_value property;
    bool               by_header = table_find(arguments, "hash-header", &header);
    bool               by_property = table_find(arguments, "hash-property", &property);
    enum hash_by       by = by_header ? HASH_BY_HEADER : HASH_BY_KEY;
    enum err           err = ERR_OK;

    if (by_header && (by_property || header.type != 'S'))
        return ERR_BAD_ARGUMENT;
    if (by_property)
        err = read_property(&property, &by);
    if (!err && g) {
        g->by = by;
        g->header = header.bytes;
    }
    return err;
}
