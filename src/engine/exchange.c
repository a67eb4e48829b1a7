/*
 * exchange.c - exchanges and their bindings.
 *
 * Changes (docs/journal.md):
 *   EXCHANGE_DECLARED  ns, name, type (route_type), flags (1 durable, 2 auto-delete, 4 internal,
 *                      8 delayed), arguments
 *   EXCHANGE_DELETED   ns, name
 *   BOUND, UNBOUND     ns, source, to exchange, destination, key, arguments
 *
 *   X1  A binding lies in the route of its source and in the list of its target; it goes with
 *       either of them.
 *   X2  An auto-delete exchange that has lost its last binding is in engine.sweep until
 *       exchange_sweep has journalled its end, in the same turn; a crash in between leaves it there
 *       for exchange_on_recovered.
 *
 * Thread: the shard's.
 */
#include "engine/exchange_int.h"
#include "engine/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FLAG_DURABLE = 1, FLAG_AUTO_DELETE = 2, FLAG_INTERNAL = 4, FLAG_DELAYED = 8 };
enum { EXCHANGE_NAME_BYTES_MAX = 255 };

#define TYPE_DELAYED "x-delayed-message"

static const struct {
    const char     *name;
    enum route_type type;
    bool            is_internal;
} predeclared[] = {
    { "", ROUTE_DIRECT, false },           { "amq.direct", ROUTE_DIRECT, false },
    { "amq.fanout", ROUTE_FANOUT, false }, { "amq.topic", ROUTE_TOPIC, false },
    { "amq.headers", ROUTE_HEADERS, false }, { "amq.match", ROUTE_HEADERS, false },
    { "amq.rabbitmq.trace", ROUTE_TOPIC, true },
};

static struct bytes copy(struct bytes b)
{
    return b.at ? bytes_of(mem_copy(b.at, b.len), b.len) : b;
}

static void free_bytes(struct bytes b)
{
    free((void *)(uintptr_t)b.at);
}

/* ---- objects ---- */

static struct exchange *add_exchange(struct exchanges *in, struct bytes name, enum route_type type)
{
    struct exchange *x = mem_new(sizeof *x);

    row_init(&x->row, ROW_EXCHANGE);
    x->in = in;
    x->name = copy(name);
    list_init(&x->incoming);
    list_init(&x->in_sweep);
    route_init(&x->route, type);
    map_put(&in->by_name, x->name, x);
    return x;
}

static struct exchanges *namespace_get(struct engine *e, struct bytes ns)
{
    struct exchanges *in = map_get(&e->namespaces, ns);

    if (in)
        return in;
    in = mem_new(sizeof *in);
    in->ns = copy(ns);
    map_init(&in->by_name);
    map_put(&e->namespaces, in->ns, in);
    for (size_t i = 0; i < COUNT(predeclared); i++) {
        struct exchange *x =
            add_exchange(in, bytes_str(predeclared[i].name), predeclared[i].type);

        x->is_durable = true;
        x->is_internal = predeclared[i].is_internal;
        x->is_predeclared = true;
    }
    return in;
}

struct exchange *exchange_find(struct engine *e, struct bytes ns, struct bytes name)
{
    return map_get(&namespace_get(e, ns)->by_name, name);
}

static void remove_binding(struct engine *e, struct binding *b)
{
    struct exchange *x = CONTAINER(b->route, struct exchange, route);

    row_remove(e, &b->row);
    route_remove(b);
    if (x->is_auto_delete && x->route.bindings.count == 0 && list_empty(&x->in_sweep))
        list_push(&e->sweep, &x->in_sweep); /* X2 */
}

static void remove_all(struct engine *e, struct list *bindings)
{
    while (!list_empty(bindings))
        remove_binding(e, CONTAINER(bindings->next, struct binding, in_target));
}

static void free_exchange(struct engine *e, struct exchange *x)
{
    size_t          at = 0;
    struct binding *b;

    row_remove(e, &x->row);
    while ((b = map_next(&x->route.bindings, &at)) != NULL)
        row_remove(e, &b->row);
    remove_all(e, &x->incoming);
    route_fini(&x->route);
    list_remove(&x->in_sweep);
    free_bytes(x->name);
    free_bytes(x->arguments);
    free(x);
}

void exchange_unbind_queue(struct engine *e, struct queue *q)
{
    remove_all(e, &q->bindings);
}

/* ---- changes ---- */

static void put_declared(struct buf *head, const struct exchange *x)
{
    change_put_bytes(head, x->in->ns);
    change_put_bytes(head, x->name);
    buf_uvarint(head, x->route.type);
    buf_uvarint(head, (x->is_durable ? FLAG_DURABLE : 0u) |
                          (x->is_auto_delete ? FLAG_AUTO_DELETE : 0u) |
                          (x->is_internal ? FLAG_INTERNAL : 0u) |
                          (x->is_delayed ? FLAG_DELAYED : 0u));
    change_put_bytes(head, x->arguments);
}

enum err exchange_apply_declared(struct engine *e, struct rd *head, struct bytes payload,
                                 uint64_t position)
{
    struct bytes     ns = change_get_bytes(head);
    struct bytes     name = change_get_bytes(head);
    uint64_t         type = rd_uvarint64(head);
    uint64_t         flags = rd_uvarint64(head);
    struct bytes     arguments = change_get_bytes(head);
    struct exchange *x;

    (void)payload;
    (void)position;
    if (head->failed || type >= ROUTE_TYPE_COUNT || exchange_find(e, ns, name))
        return ERR_CORRUPT;
    x = add_exchange(namespace_get(e, ns), name, (enum route_type)type);
    x->is_durable = flags & FLAG_DURABLE;
    x->is_auto_delete = flags & FLAG_AUTO_DELETE;
    x->is_internal = flags & FLAG_INTERNAL;
    x->is_delayed = flags & FLAG_DELAYED;
    x->arguments = copy(arguments);
    row_touch(e, &x->row);
    return route_read(&x->route, x->arguments) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

enum err exchange_apply_deleted(struct engine *e, struct rd *head, struct bytes payload,
                                uint64_t position)
{
    struct bytes     ns = change_get_bytes(head);
    struct bytes     name = change_get_bytes(head);
    struct exchange *x = head->failed ? NULL : exchange_find(e, ns, name);

    (void)payload;
    (void)position;
    if (!x || x->is_predeclared)
        return ERR_CORRUPT;
    map_remove(&x->in->by_name, x->name);
    free_exchange(e, x);
    return ERR_OK;
}

static void put_binding(struct buf *head, struct bytes ns, struct bytes source,
                        const struct binding_key *what)
{
    change_put_bytes(head, ns);
    change_put_bytes(head, source);
    buf_uvarint(head, what->to_exchange);
    change_put_bytes(head, what->destination);
    change_put_bytes(head, what->key);
    change_put_bytes(head, what->arguments);
}

/* The source, and what is bound to it. */
static struct exchange *get_binding(struct engine *e, struct rd *head, struct bytes *ns,
                                    struct binding_key *what)
{
    struct bytes source;

    *ns = change_get_bytes(head);
    source = change_get_bytes(head);
    what->to_exchange = rd_uvarint64(head) != 0;
    what->destination = change_get_bytes(head);
    what->key = change_get_bytes(head);
    what->arguments = change_get_bytes(head);
    return head->failed ? NULL : exchange_find(e, *ns, source);
}

enum err exchange_apply_bound(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct binding_key what;
    struct bytes       ns;
    struct exchange   *x = get_binding(e, head, &ns, &what);
    struct exchange   *to = NULL;
    struct queue      *q = NULL;
    struct binding    *b;

    (void)payload;
    (void)position;
    if (!x)
        return ERR_CORRUPT;
    if (what.to_exchange)
        to = exchange_find(e, ns, what.destination);
    else
        q = queue_find(e, ns, what.destination);
    if ((!to && !q) || route_find(&x->route, &what) ||
        route_check(x->route.type, what.key, what.arguments) != ERR_OK)
        return ERR_CORRUPT;
    b = route_add(&x->route, &what, to ? (void *)to : (void *)q);
    row_init(&b->row, ROW_BINDING);
    row_touch(e, &b->row);
    list_push(to ? &to->incoming : &q->bindings, &b->in_target); /* X1 */
    list_remove(&x->in_sweep);
    return ERR_OK;
}

enum err exchange_apply_unbound(struct engine *e, struct rd *head, struct bytes payload,
                                uint64_t position)
{
    struct binding_key what;
    struct bytes       ns;
    struct exchange   *x = get_binding(e, head, &ns, &what);
    struct binding    *b = x ? route_find(&x->route, &what) : NULL;

    (void)payload;
    (void)position;
    if (!b)
        return ERR_CORRUPT;
    remove_binding(e, b);
    return ERR_OK;
}

/* ---- deleting ---- */

static void delete_one(struct engine *e, const struct exchange *x)
{
    struct buf head;

    buf_init(&head);
    change_put_bytes(&head, x->in->ns);
    change_put_bytes(&head, x->name);
    queue_commit(e, CHANGE_EXCHANGE_DELETED, &head, exchange_apply_deleted);
}

void exchange_sweep(struct engine *e)
{
    while (!list_empty(&e->sweep))
        delete_one(e, CONTAINER(e->sweep.next, struct exchange, in_sweep));
}

/* The exchanges that do not outlive the process. */
static struct exchange *find_transient(const struct exchanges *in)
{
    size_t           at = 0;
    struct exchange *x;

    while ((x = map_next(&in->by_name, &at)) != NULL)
        if (!x->is_durable)
            return x;
    return NULL;
}

void exchange_on_recovered(struct engine *e)
{
    size_t            at = 0;
    struct exchanges *in;
    struct exchange  *x;

    while ((in = map_next(&e->namespaces, &at)) != NULL)
        while ((x = find_transient(in)) != NULL)
            delete_one(e, x);
    exchange_sweep(e);
}

/* ---- checkpoints ---- */

static const struct exchange *exchange_of(const struct row *row)
{
    return CONTAINER(row, struct exchange, row);
}

void exchange_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    const struct exchange *x = exchange_of(row);

    (void)e;
    change_put_bytes(out, x->in->ns);
    change_put_bytes(out, x->name);
}

void exchange_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    put_declared(out, exchange_of(row));
}

void exchange_row_define(struct engine *e, const struct row *row, struct row_definition *out)
{
    const struct exchange *x = exchange_of(row);

    (void)e;
    out->ns = x->in->ns;
    out->name = x->name;
    snprintf(out->text, sizeof out->text, "%s%s%s%s%s", x->is_delayed ? "delayed " : "",
             route_type_name(x->route.type),
             x->is_durable ? ", durable" : "", x->is_auto_delete ? ", auto-delete" : "",
             x->is_internal ? ", internal" : "");
}

/* A binding's content is all that it is, so it is its key, too. */
void binding_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    binding_row_head(e, row, out);
}

void binding_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct binding  *b = CONTAINER(row, struct binding, row);
    const struct exchange *x = CONTAINER(b->route, struct exchange, route);
    struct binding_key     what = binding_what(b);

    (void)e;
    put_binding(out, x->in->ns, x->name, &what);
}

/* ---- the end ---- */

static void free_namespace(struct engine *e, struct exchanges *in)
{
    struct exchange *x;
    size_t           at;

    for (at = 0; (x = map_next(&in->by_name, &at)) != NULL;)
        remove_all(e, &x->incoming); /* while every source is still there */
    for (at = 0; (x = map_next(&in->by_name, &at)) != NULL;)
        free_exchange(e, x);
    map_fini(&in->by_name);
    free_bytes(in->ns);
    free(in);
}

void exchange_fini(struct engine *e)
{
    size_t            at = 0;
    struct exchanges *in;

    while ((in = map_next(&e->namespaces, &at)) != NULL)
        free_namespace(e, in);
    map_fini(&e->namespaces);
}

/* ---- calls ---- */

static void view_of(struct call *c, const struct exchange *x, struct exchange_view *v)
{
    *v = (struct exchange_view){
        .name = call_bytes(c, x->name),
        .type = bytes_str(x->is_delayed ? TYPE_DELAYED : route_type_name(x->route.type)),
        .is_durable = x->is_durable,
        .is_auto_delete = x->is_auto_delete,
        .is_internal = x->is_internal,
        .arguments = call_bytes(c, x->arguments),
    };
}

/* How it will route. */
struct routing_kind {
    enum route_type type;
    bool            is_delayed;
};

/* The type by its name, behind x-delayed-message that of its argument; and whether its arguments
 * make sense. */
static enum err check_kind(const struct exchange_declare_call *a, struct routing_kind *out)
{
    struct bytes       name = a->type;
    struct table_value v;
    struct route       route = { 0 };
    enum err           err;

    out->is_delayed = bytes_eq_str(name, TYPE_DELAYED);
    if (out->is_delayed) {
        if (!table_find(a->arguments, "x-delayed-type", &v) || v.type != 'S')
            return ERR_BAD_ARGUMENT;
        name = v.bytes;
    }
    err = route_type_find(name, &out->type);
    if (err)
        return out->is_delayed ? ERR_BAD_ARGUMENT : err;
    route.type = out->type;
    return route_read(&route, a->arguments);
}

static void create(struct engine *e, const struct exchange_declare_call *a,
                   struct routing_kind kind)
{
    struct exchange x = {
        .in = namespace_get(e, a->ns),
        .name = a->name,
        .is_durable = a->is_durable,
        .is_auto_delete = a->is_auto_delete,
        .is_internal = a->is_internal,
        .arguments = a->arguments,
        .is_delayed = kind.is_delayed,
        .route = { .type = kind.type },
    };
    struct buf head;

    buf_init(&head);
    put_declared(&head, &x);
    queue_commit(e, CHANGE_EXCHANGE_DECLARED, &head, exchange_apply_declared);
}

static enum err declare(struct engine *e, struct exchange_declare_call *a)
{
    struct exchange    *x = exchange_find(e, a->ns, a->name);
    struct routing_kind kind = { 0 };
    enum err            err;

    if (a->name.len == 0)
        return ERR_ACCESS;
    if (a->is_passive && !x)
        return ERR_NO_EXCHANGE;
    if (!a->is_passive) {
        err = check_kind(a, &kind);
        if (err)
            return err;
        if (a->name.len > EXCHANGE_NAME_BYTES_MAX)
            return ERR_BAD_NAME;
    }
    a->existed = x != NULL;
    if (!x)
        create(e, a, kind);
    view_of(&a->call, exchange_find(e, a->ns, a->name), &a->view);
    return ERR_OK;
}

void exchange_on_declare(struct engine *e, struct call *c)
{
    engine_answer(e, c, declare(e, (struct exchange_declare_call *)c));
}

void exchange_on_delete(struct engine *e, struct call *c)
{
    struct exchange_delete_call *a = (struct exchange_delete_call *)c;
    struct exchange             *x = exchange_find(e, a->ns, a->name);
    enum err                     err = ERR_OK;

    if (!x)
        err = ERR_NO_EXCHANGE;
    else if (x->is_predeclared)
        err = ERR_ACCESS;
    else if (a->if_unused && x->route.bindings.count > 0)
        err = ERR_IN_USE;
    if (!err) {
        delete_one(e, x);
        exchange_sweep(e);
    }
    engine_answer(e, c, err);
}

/* Both ends exist and may be bound; *x is the source. */
static enum err check_ends(struct engine *e, struct bind_call *a, struct exchange **x)
{
    struct queue *q = NULL;

    if (a->source.len == 0 || (a->to_exchange && a->destination.len == 0))
        return ERR_ACCESS;
    *x = exchange_find(e, a->ns, a->source);
    a->source_missing = *x == NULL;
    if (!*x)
        return ERR_NO_EXCHANGE;
    if (a->to_exchange)
        return exchange_find(e, a->ns, a->destination) ? ERR_OK : ERR_NO_EXCHANGE;
    q = queue_find(e, a->ns, a->destination);
    if (!q)
        return ERR_NO_QUEUE;
    return queue_is_locked(q, a->call.session) ? ERR_LOCKED : ERR_OK;
}

static void change_binding(struct engine *e, const struct bind_call *a,
                           const struct binding_key *what, enum change kind,
                           change_apply_fn *apply)
{
    struct buf head;

    buf_init(&head);
    put_binding(&head, a->ns, a->source, what);
    queue_commit(e, kind, &head, apply);
}

static struct binding_key what_of(const struct bind_call *a)
{
    return (struct binding_key){ a->to_exchange, a->destination, a->key, a->arguments };
}

void exchange_on_bind(struct engine *e, struct call *c)
{
    struct bind_call  *a = (struct bind_call *)c;
    struct binding_key what = what_of(a);
    struct exchange   *x;
    enum err           err = check_ends(e, a, &x);

    if (!err)
        err = route_check(x->route.type, a->key, a->arguments);
    if (!err && !route_find(&x->route, &what))
        change_binding(e, a, &what, CHANGE_BOUND, exchange_apply_bound);
    engine_answer(e, c, err);
}

void exchange_on_unbind(struct engine *e, struct call *c)
{
    struct bind_call  *a = (struct bind_call *)c;
    struct binding_key what = what_of(a);
    struct exchange   *x;
    enum err           err = check_ends(e, a, &x);

    if (!err && route_find(&x->route, &what)) {
        change_binding(e, a, &what, CHANGE_UNBOUND, exchange_apply_unbound);
        exchange_sweep(e);
    }
    engine_answer(e, c, err);
}
