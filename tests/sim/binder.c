/*
 * binder.c - see clients.h: makes and deletes exchanges, binds and unbinds, one thing at a time, so
 * that a crash leaves one of them in doubt at most.
 */
#include "clients.h"
#include "model_exchange.h"

#include <stdio.h>

enum { NAMES = 4 };

/* One definition on its way, and what must come of it. */
struct binding_request {
    struct request    request;
    struct m_exchange like;   /* declared */
    char              source[NAME_BYTES], destination[NAME_BYTES];
    struct m_binding  what;   /* with its ends, as they were when the engine saw it */
    struct m_exchange *found; /* that was there before */
    enum err          want;
};

static struct world *world_of(const struct binding_request *b)
{
    return b->request.client->world;
}

static void *new_request(struct client *c, const struct request_kind *kind, enum call_kind call,
                         size_t size)
{
    return request_new(c, kind, sizeof(struct binding_request), call, size);
}

static void expect(const struct binding_request *b, const char *what)
{
    enum err err = b->request.call->err;

    TRACE(world_of(b), "binder: %s %s %s: %s", what, b->source, b->destination, err_name(err));
    if (err != b->want)
        violation(world_of(b), "definitions are as they were made", "%s %s %s: %s, not %s", what,
                  b->source, b->destination, err_text(err), err_text(b->want));
}

/* ---- exchanges ---- */

static void on_declare(struct request *r)
{
    struct binding_request *b = (struct binding_request *)r;
    struct model           *m = world_of(b)->model;

    b->found = model_exchange(m, b->source);
    if (!b->found)
        model_make_exchange(m, &b->like, r->number);
}

static void on_declared(struct request *r)
{
    struct binding_request             *b = (struct binding_request *)r;
    const struct exchange_declare_call *a = (const struct exchange_declare_call *)r->call;
    const struct m_exchange            *x = b->found ? b->found : &b->like;

    expect(b, "declare exchange");
    if (a->existed != (b->found != NULL) || !m_exchange_is(x, &a->view))
        violation(world_of(b), "definitions are as they were made", "exchange %s is another one",
                  b->source);
}

static void declare(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_declare, .on_answer = on_declared };
    struct world                    *w = c->world;
    struct binding_request       *b = new_request(c, &kind, CALL_EXCHANGE_DECLARE,
                                                  sizeof(struct exchange_declare_call));
    struct exchange_declare_call *a = (struct exchange_declare_call *)b->request.call;
    struct m_exchange            *x = &b->like;
    struct buf                    life;

    snprintf(b->source, sizeof b->source, "%s", name);
    *x = (struct m_exchange){ .type = (enum route_type)draw_below(&w->draw, ROUTE_HASH),
                              .life = ++w->model->last_life,
                              .is_durable = !draw_one_in(&w->draw, 4),
                              .is_auto_delete = draw_one_in(&w->draw, 4),
                              .is_internal = draw_one_in(&w->draw, 8) };
    memcpy(x->name, b->source, sizeof x->name);
    buf_init(&life);
    m_exchange_encode(x, &life);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    a->type = bytes_str(route_type_name(x->type));
    a->is_durable = x->is_durable;
    a->is_auto_delete = x->is_auto_delete;
    a->is_internal = x->is_internal;
    a->arguments = call_bytes(a, buf_view(&life));
    buf_fini(&life);
    request_send(b);
}

static void on_delete(struct request *r)
{
    struct binding_request            *b = (struct binding_request *)r;
    const struct exchange_delete_call *a = (const struct exchange_delete_call *)r->call;
    struct model                      *m = world_of(b)->model;
    struct m_exchange                 *x = model_exchange(m, b->source);

    if (!x)
        b->want = ERR_NO_EXCHANGE;
    else if (x->life == 0)
        b->want = ERR_ACCESS;
    else if (a->if_unused && m_exchange_is_used(m, x))
        b->want = ERR_IN_USE;
    else
        model_end_exchange(m, x, r->number);
}

static void on_deleted(struct request *r)
{
    expect((struct binding_request *)r, "delete exchange");
}

static void delete(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_delete, .on_answer = on_deleted };
    struct binding_request          *b = new_request(c, &kind, CALL_EXCHANGE_DELETE,
                                                     sizeof(struct exchange_delete_call));
    struct exchange_delete_call     *a = (struct exchange_delete_call *)b->request.call;

    snprintf(b->source, sizeof b->source, "%s", name);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    a->if_unused = draw_one_in(&c->world->draw, 2);
    request_send(b);
}

/* ---- bindings ---- */

/* Finds both ends. False: the engine must miss one of them, too. */
static bool find_ends(struct binding_request *b)
{
    const struct bind_call *a = (const struct bind_call *)b->request.call;
    struct model           *m = world_of(b)->model;

    b->what.source = model_exchange(m, b->source);
    if (a->to_exchange)
        b->what.exchange = model_exchange(m, b->destination);
    else
        b->what.queue = model_queue(m, b->destination);
    if (b->what.source && (b->what.exchange || b->what.queue))
        return true;
    b->want = b->what.source && !a->to_exchange ? ERR_NO_QUEUE : ERR_NO_EXCHANGE;
    return false;
}

static void on_bind(struct request *r)
{
    struct binding_request *b = (struct binding_request *)r;

    if (find_ends(b))
        model_make_binding(world_of(b)->model, &b->what, r->number);
}

static void on_unbind(struct request *r)
{
    struct binding_request *b = (struct binding_request *)r;
    struct m_binding       *at = find_ends(b) ? model_binding(world_of(b)->model, &b->what) : NULL;

    if (at && !at->gone)
        model_end_binding(world_of(b)->model, at, r->number);
}

static void on_bound(struct request *r)
{
    const struct bind_call *a = (const struct bind_call *)r->call;
    struct binding_request *b = (struct binding_request *)r;

    expect(b, a->call.kind == CALL_BIND ? "bind" : "unbind");
    if (b->want == ERR_NO_EXCHANGE && a->source_missing != (b->what.source == NULL))
        violation(world_of(b), "definitions are as they were made", "the wrong end of %s to %s is "
                  "missing", b->source, b->destination);
}

static void fill(struct bind_call *a, const struct binding_request *b)
{
    struct buf arguments;

    buf_init(&arguments);
    m_headers_encode(&b->what.terms.arguments, &arguments);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->source = call_bytes(a, bytes_str(b->source));
    a->destination = call_bytes(a, bytes_str(b->destination));
    a->key = call_bytes(a, bytes_str(b->what.terms.key));
    a->arguments = call_bytes(a, buf_view(&arguments));
    buf_fini(&arguments);
}

static const struct request_kind bind_kind = { .on_submit = on_bind, .on_answer = on_bound };
static const struct request_kind unbind_kind = { .on_submit = on_unbind, .on_answer = on_bound };

static struct binding_request *new_binding(struct client *c, enum call_kind call,
                                           const char *source, const char *destination)
{
    const struct request_kind *kind = call == CALL_BIND ? &bind_kind : &unbind_kind;
    struct binding_request    *b = new_request(c, kind, call, sizeof(struct bind_call));

    snprintf(b->source, sizeof b->source, "%s", source);
    snprintf(b->destination, sizeof b->destination, "%s", destination);
    return b;
}

static void bind(struct client *c, const char *source, const char *destination, bool to_exchange)
{
    struct binding_request *b = new_binding(c, CALL_BIND, source, destination);
    struct bind_call       *a = (struct bind_call *)b->request.call;

    draw_pattern(&c->world->draw, b->what.terms.key);
    draw_headers(&c->world->draw, &b->what.terms.arguments, true);
    a->to_exchange = to_exchange;
    fill(a, b);
    request_send(b);
}

/* One of those that were made at any time, as it was made. */
static struct m_binding *any_binding(struct world *w)
{
    struct m_binding *found = NULL;
    uint64_t          count = 0;

    for (struct m_binding *b = w->model->bindings; b; b = b->next)
        if (!b->gone && draw_one_in(&w->draw, ++count))
            found = b;
    return found;
}

static void ask_again(struct client *c, enum call_kind call, const struct m_binding *of)
{
    struct binding_request *b = new_binding(c, call, of->source->name,
                                            of->queue ? of->queue->name : of->exchange->name);
    struct bind_call       *a = (struct bind_call *)b->request.call;

    b->what.terms = of->terms;
    a->to_exchange = of->exchange != NULL;
    fill(a, b);
    request_send(b);
}

bool binder_bind_again(struct client *c, const struct m_binding *of)
{
    ask_again(c, CALL_BIND, of);
    return world_settle(c->world);
}

/* ---- what to do next ---- */

void draw_exchange(struct draw *d, char out[NAME_BYTES])
{
    static const char *const born[] = { "amq.direct", "amq.fanout", "amq.topic", "amq.headers",
                                        "amq.match" };

    if (draw_one_in(d, 6))
        snprintf(out, NAME_BYTES, "%s", born[draw_below(d, COUNT(born))]);
    else
        snprintf(out, NAME_BYTES, "e%d", (int)draw_below(d, NAMES));
}

static void draw_queue(struct draw *d, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%c%d", draw_one_in(d, 6) ? 's' : 'q', (int)draw_below(d, NAMES));
}

static void bind_something(struct client *c)
{
    struct draw *d = &c->world->draw;
    bool         to_exchange = draw_one_in(d, 4);
    char         source[NAME_BYTES];
    char         destination[NAME_BYTES];

    draw_exchange(d, source);
    if (to_exchange)
        draw_exchange(d, destination);
    else
        draw_queue(d, destination);
    bind(c, source, destination, to_exchange);
}

static void step(struct client *c)
{
    struct world     *w = c->world;
    struct m_binding *b = any_binding(w);
    char              name[NAME_BYTES];

    if (c->out > 0 || w->is_short)
        return;
    draw_exchange(&w->draw, name);
    switch (draw_below(&w->draw, 8)) {
    case 0:
    case 1:
        declare(c, name);
        break;
    case 2:
        if (draw_one_in(&w->draw, 3))
            delete(c, name);
        break;
    case 3:
        if (b)
            ask_again(c, draw_one_in(&w->draw, 4) ? CALL_BIND : CALL_UNBIND, b);
        break;
    default:
        bind_something(c);
        break;
    }
}

const struct client_kind binder_kind = {
    .name = "binder",
    .size = sizeof(struct client),
    .step = step,
};
