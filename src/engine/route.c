/*
 * route.c - see route.h. This file: identity, the direct, fanout and headers kinds; the topic trie
 * is route_trie.c.
 */
#include "engine/route_int.h"
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

/* Direct: what is bound with one key. */
struct bucket {
    struct bytes key; /* owned */
    struct list  bindings;
};

static const char *const type_names[ROUTE_TYPE_COUNT] = {
    [ROUTE_DIRECT] = "direct",
    [ROUTE_FANOUT] = "fanout",
    [ROUTE_TOPIC] = "topic",
    [ROUTE_HEADERS] = "headers",
};

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
    if (key.len > ROUTE_KEY_BYTES_MAX)
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

static void borrow_what(struct binding *b)
{
    struct rd r = rd_of(b->id);

    b->what.to_exchange = rd_u8(&r) != 0;
    b->what.destination = get_part(&r);
    b->what.key = get_part(&r);
    b->what.arguments = get_part(&r);
    assert(!r.failed && rd_left(&r) == 0);
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

static void add_to_bucket(struct route *r, struct binding *b)
{
    struct bucket *k = map_get(&r->buckets, b->what.key);

    if (!k) {
        k = mem_new(sizeof *k);
        k->key = bytes_of(mem_copy(b->what.key.at, b->what.key.len), b->what.key.len);
        list_init(&k->bindings);
        map_put(&r->buckets, k->key, k);
    }
    b->place = k;
    list_push(&k->bindings, &b->in_place);
}

static void remove_from_bucket(struct route *r, struct binding *b)
{
    struct bucket *k = b->place;

    list_remove(&b->in_place);
    if (!list_empty(&k->bindings))
        return;
    map_remove(&r->buckets, k->key);
    free((void *)(uintptr_t)k->key.at);
    free(k);
}

/* ---- all kinds ---- */

void route_init(struct route *r, enum route_type type)
{
    *r = (struct route){ .type = type };
    map_init(&r->bindings);
    map_init(&r->buckets);
    list_init(&r->all);
    if (type == ROUTE_TOPIC)
        r->root = trie_new();
}

struct binding *route_add(struct route *r, const struct binding_key *what, void *target)
{
    struct binding *b = mem_new(sizeof *b);
    struct buf      id;

    buf_init(&id);
    put_id(&id, what);
    b->id = buf_view(&id); /* the buffer's memory is the binding's now */
    borrow_what(b);
    b->target = target;
    b->route = r;
    list_init(&b->in_target);
    list_init(&b->in_place);
    map_put(&r->bindings, b->id, b);
    if (r->type == ROUTE_DIRECT)
        add_to_bucket(r, b);
    else if (r->type == ROUTE_TOPIC)
        trie_add(r->root, b);
    else
        list_push(&r->all, &b->in_place);
    if (r->type == ROUTE_HEADERS)
        b->fields = match_read(NULL, b->what.arguments);
    return b;
}

void route_remove(struct binding *b)
{
    struct route *r = b->route;

    if (r->type == ROUTE_DIRECT)
        remove_from_bucket(r, b);
    else if (r->type == ROUTE_TOPIC)
        trie_remove(b);
    list_remove(&b->in_place);
    list_remove(&b->in_target);
    map_remove(&r->bindings, b->id);
    free(b->fields);
    free((void *)(uintptr_t)b->id.at);
    free(b);
}

void route_fini(struct route *r)
{
    struct binding *b;

    for (size_t at = 0; (b = map_next(&r->bindings, &at)) != NULL; at--)
        route_remove(b);
    map_fini(&r->bindings);
    map_fini(&r->buckets);
    trie_free(r->root);
    free(r->live.at);
    free(r->next.at);
    free(r->headers);
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

void route_match(struct route *r, struct bytes key, struct bytes headers, route_found_fn *found,
                 void *ctx)
{
    struct bucket *k;

    switch (r->type) {
    case ROUTE_DIRECT:
        k = map_get(&r->buckets, key);
        if (k)
            route_found_all(&k->bindings, found, ctx);
        break;
    case ROUTE_FANOUT:
        route_found_all(&r->all, found, ctx);
        break;
    case ROUTE_TOPIC:
        trie_match(r, key, found, ctx);
        break;
    case ROUTE_HEADERS:
        match_headers(r, headers, found, ctx);
        break;
    case ROUTE_TYPE_COUNT:
        assert(false);
    }
}
