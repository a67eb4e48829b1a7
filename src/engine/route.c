/*
 * route.c - see route.h. This file: identity, the direct, fanout and headers kinds; the topic trie
 * is route_trie.c.
 */
#include "engine/route_int.h"
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

static const char *const type_names[ROUTE_TYPE_COUNT] = {
    [ROUTE_DIRECT] = "direct",
    [ROUTE_FANOUT] = "fanout",
    [ROUTE_TOPIC] = "topic",
    [ROUTE_HEADERS] = "headers",
    [ROUTE_HASH] = "x-consistent-hash",
    [ROUTE_MODULUS] = "x-modulus-hash",
    [ROUTE_RANDOM] = "x-random",
    [ROUTE_LOCAL_RANDOM] = "x-local-random",
};

static bool is_spread(enum route_type type)
{
    return type >= ROUTE_HASH;
}

const char *route_type_name(enum route_type type)
{
    return type_names[type];
}

enum err route_type_find(struct bytes name, enum route_type *out)
{
    for (int t = 0; t < ROUTE_TYPE_COUNT; t++)
        if (bytes_eq_str(name, type_names[t])) {
            *out = (enum route_type)t;
            return ERR_OK;
        }
    return ERR_UNKNOWN_TYPE;
}

enum err route_check(enum route_type type, struct bytes key, struct bytes arguments)
{
    uint32_t weight;

    if (key.len > ROUTE_KEY_BYTES_MAX || (type == ROUTE_HASH && !spread_weight(key, &weight)))
        return ERR_BAD_ARGUMENT;
    return type == ROUTE_HEADERS ? match_check(arguments) : ERR_OK;
}

/* ---- identity ---- */

static void put_part(struct buf *id, struct bytes part)
{
    buf_uvarint(id, part.len);
    buf_bytes(id, part);
}

/* Null and empty arguments are the same. */
static void put_id(struct buf *id, const struct binding_key *what)
{
    buf_u8(id, what->to_exchange);
    put_part(id, what->destination);
    put_part(id, what->key);
    put_part(id, what->arguments);
}

static struct bytes get_part(struct rd *r)
{
    return rd_bytes(r, rd_uvarint64(r));
}

static struct bytes id_of(const struct binding *b)
{
    return bytes_of(b->id, b->id_len);
}

struct binding_key binding_what(const struct binding *b)
{
    struct rd          r = rd_of(id_of(b));
    struct binding_key what;

    what.to_exchange = rd_u8(&r) != 0;
    what.destination = get_part(&r);
    what.key = get_part(&r);
    what.arguments = get_part(&r);
    assert(!r.failed && rd_left(&r) == 0);
    return what;
}

struct binding *route_find(const struct route *r, const struct binding_key *what)
{
    struct buf      id;
    struct binding *b;

    buf_init(&id);
    put_id(&id, what);
    b = map_get(&r->bindings, buf_view(&id));
    buf_fini(&id);
    return b;
}

/* ---- direct ---- */

static void add_to_ring(struct route *r, struct binding *b)
{
    struct bytes    key = binding_what(b).key;
    struct binding *first = map_get(&r->by_key, key);

    if (first)
        list_push(&first->in_place, &b->in_place);
    else
        map_put(&r->by_key, key, b);
}

/* The map borrows the key of the first one. */
static void remove_from_ring(struct route *r, struct binding *b)
{
    struct bytes    key = binding_what(b).key;
    struct binding *next = CONTAINER(b->in_place.next, struct binding, in_place);

    if (next == b)
        map_remove(&r->by_key, key);
    else if (map_get(&r->by_key, key) == b)
        map_put(&r->by_key, binding_what(next).key, next);
}

static void found_ring(struct binding *first, route_found_fn *found, void *ctx)
{
    struct list *n = &first->in_place;

    do
        found(ctx, CONTAINER(n, struct binding, in_place));
    while ((n = n->next) != &first->in_place);
}

/* ---- all kinds ---- */

void route_init(struct route *r, enum route_type type)
{
    *r = (struct route){ .type = type };
    map_init(&r->bindings);
    map_init(&r->by_key);
    list_init(&r->all);
    if (type == ROUTE_TOPIC)
        r->root = trie_new();
    if (is_spread(type))
        r->ring = ring_new();
}

enum err route_read(struct route *r, struct bytes arguments)
{
    return r->type == ROUTE_HASH ? spread_read(r->ring, arguments) : ERR_OK;
}

static struct binding *binding_new(struct route *r, const struct binding_key *what, void *target)
{
    struct binding *b;
    struct buf      id;

    buf_init(&id);
    put_id(&id, what);
    b = mem_new(sizeof *b + id.len);
    b->id_len = (uint32_t)id.len;
    memcpy(b->id, id.at, id.len);
    buf_fini(&id);
    b->target = target;
    b->route = r;
    list_init(&b->in_target);
    list_init(&b->in_place);
    return b;
}

struct binding *route_add(struct route *r, const struct binding_key *what, void *target)
{
    struct binding *b = binding_new(r, what, target);

    map_put(&r->bindings, id_of(b), b);
    if (r->type == ROUTE_DIRECT)
        add_to_ring(r, b);
    else if (r->type == ROUTE_TOPIC)
        trie_add(r->root, b);
    else if (is_spread(r->type))
        spread_add(r, b);
    else
        list_push(&r->all, &b->in_place);
    if (r->type == ROUTE_HEADERS)
        b->fields = match_read(NULL, binding_what(b).arguments);
    return b;
}

void route_remove(struct binding *b)
{
    struct route *r = b->route;

    if (r->type == ROUTE_DIRECT)
        remove_from_ring(r, b);
    else if (r->type == ROUTE_TOPIC)
        trie_remove(b);
    else if (is_spread(r->type))
        spread_remove(r, b);
    else if (r->type == ROUTE_HEADERS)
        free(b->fields);
    list_remove(&b->in_place);
    list_remove(&b->in_target);
    map_remove(&r->bindings, id_of(b));
    free(b);
}

void route_fini(struct route *r)
{
    struct binding *b;

    for (size_t at = 0; (b = map_next(&r->bindings, &at)) != NULL; at--)
        route_remove(b);
    map_fini(&r->bindings);
    map_fini(&r->by_key);
    trie_free(r->root);
    free(r->live.at);
    free(r->next.at);
    free(r->headers);
    ring_free(r->ring);
}

void route_found_all(struct list *bindings, route_found_fn *found, void *ctx)
{
    for (struct list *n = bindings->next; n != bindings; n = n->next)
        found(ctx, CONTAINER(n, struct binding, in_place));
}

static void match_headers(struct route *r, struct bytes headers, route_found_fn *found, void *ctx)
{
    if (list_empty(&r->all))
        return;
    r->headers = match_read(r->headers, headers);
    match_sort(r->headers);
    for (struct list *n = r->all.next; n != &r->all; n = n->next) {
        struct binding *b = CONTAINER(n, struct binding, in_place);

        if (match_fits(b->fields, r->headers))
            found(ctx, b);
    }
}

void route_match(struct route *r, const struct route_message *m, route_found_fn *found, void *ctx)
{
    struct binding *first;

    switch (r->type) {
    case ROUTE_DIRECT:
        first = map_get(&r->by_key, m->key);
        if (first)
            found_ring(first, found, ctx);
        break;
    case ROUTE_FANOUT:
        route_found_all(&r->all, found, ctx);
        break;
    case ROUTE_TOPIC:
        trie_match(r, m->key, found, ctx);
        break;
    case ROUTE_HEADERS:
        match_headers(r, m->headers, found, ctx);
        break;
    case ROUTE_HASH:
    case ROUTE_MODULUS:
    case ROUTE_RANDOM:
    case ROUTE_LOCAL_RANDOM:
        spread_match(r, m, found, ctx);
        break;
    case ROUTE_TYPE_COUNT:
        assert(false);
    }
}
