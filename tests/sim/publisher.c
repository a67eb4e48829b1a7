/* publisher.c - see clients.h: publishes through exchanges, as AMQP does. */
#include "clients.h"
#include "model_exchange.h"

#include <stdio.h>

enum { OUT_MAX = 4, NAMES = 4 };

struct publishing {
    struct request   request;
    struct m_batch  *batch;
    char             exchange[NAME_BYTES];
    struct m_address to;
    bool             waits; /* for space on the disk, when there is none */
    enum err         want;
};

/* When one that waits is published nobody can tell, but in a life that was short of space nothing
 * is defined any more: the bindings stay what they are. */
static bool may_wait(const struct world *w)
{
    bool is_defining = false;

    for (size_t i = 0; i < w->client_count; i++) {
        const struct client *c = w->clients[i];

        is_defining |= c->out > 0 && (c->kind == &definer_kind || c->kind == &binder_kind);
    }
    return w->is_short && !is_defining;
}

/* Where it must arrive is decided by the bindings of this moment. */
static void on_submit(struct request *r)
{
    struct publishing *p = (struct publishing *)r;
    struct model      *m = r->client->world->model;
    struct m_exchange *x = model_exchange(m, p->exchange);

    model_sent(m, p->batch, r->number);
    if (p->waits)
        m_batch_may_wait(p->batch);
    if (!x)
        p->want = ERR_NO_EXCHANGE;
    else if (x->is_internal)
        p->want = ERR_ACCESS;
    else
        model_route(m, x, &p->to, p->batch);
}

static void on_answer(struct request *r)
{
    struct publishing         *p = (struct publishing *)r;
    struct world              *w = r->client->world;
    const struct publish_call *a = (const struct publish_call *)r->call;
    enum err                   err = r->call->err;

    TRACE(w, "publisher: record %llu to exchange %s key %s: %u routed, %u expected, %s",
          (unsigned long long)p->batch->first_id, p->exchange, p->to.key, a->routed,
          p->batch->target_count, err_name(err));
    p->batch->outcome = err || a->routed == 0 ? NEVER : DONE;
    if (p->waits)
        model_waited(w->model, p->batch);
    else if (err == ERR_NO_SPACE && w->is_short)
        return;
    if (err != p->want)
        violation(w, "a publish is answered as it should be", "record %llu to %s: %s, not %s",
                  (unsigned long long)p->batch->first_id, p->exchange, err_text(err),
                  err_text(p->want));
    if (!err && a->routed != p->batch->target_count)
        violation(w, "a publish reaches what is bound",
                  "record %llu to %s key %s reached %u, the bindings lead to %u",
                  (unsigned long long)p->batch->first_id, p->exchange, p->to.key, a->routed,
                  p->batch->target_count);
}

static void on_lost(struct request *r)
{
    ((struct publishing *)r)->batch->outcome = r->number > 0 ? UNKNOWN : NEVER;
}

/* The default exchange knows names only, of queues and of topics. */
static void draw_name(struct draw *d, char out[KEY_BYTES])
{
    snprintf(out, KEY_BYTES, "%c%d", "qst"[draw_below(d, 3)], (int)draw_below(d, NAMES));
}

static void draw_address(struct publishing *p, struct draw *d)
{
    void (*draw)(struct draw *d, char out[KEY_BYTES]) = draw_key;

    if (draw_one_in(d, 5))
        draw = draw_name;
    else
        draw_exchange(d, p->exchange);
    draw(d, p->to.key);
    p->to.more_count = draw_one_in(d, 4) ? (uint32_t)draw_range(d, 1, KEYS_MORE_MAX) : 0;
    for (uint32_t i = 0; i < p->to.more_count; i++)
        draw(d, p->to.more[i]);
    draw_headers(d, &p->to.headers, false);
}

static void fill(struct publish_call *a, const struct publishing *p, struct model *m)
{
    struct buf headers;

    buf_init(&headers);
    m_headers_encode(&p->to.headers, &headers);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->exchange = call_bytes(a, bytes_str(p->exchange));
    a->key = call_bytes(a, bytes_str(p->to.key));
    a->headers = call_bytes(a, buf_view(&headers));
    a->key_count = p->to.more_count;
    a->keys = arena_array(&a->call.arena, a->key_count, sizeof *a->keys);
    for (uint32_t i = 0; i < a->key_count; i++)
        a->keys[i] = call_bytes(a, bytes_str(p->to.more[i]));
    a->waits_for_space = p->waits;
    a->batch = model_encode(m, p->batch, m->world->now_ms, -1, 0, 0);
    buf_fini(&headers);
}

static void step(struct client *c)
{
    static const struct request_kind publish_kind = { on_submit, on_answer, on_lost };
    struct publishing               *p;

    if (c->out >= OUT_MAX)
        return;
    p = request_new(c, &publish_kind, sizeof *p, CALL_PUBLISH, sizeof(struct publish_call));
    p->batch = model_new_batch(c->world->model, 1);
    draw_address(p, &c->world->draw);
    p->waits = may_wait(c->world) && draw_one_in(&c->world->draw, 2);
    fill((struct publish_call *)p->request.call, p, c->world->model);
    request_send(p);
}

const struct client_kind publisher_kind = {
    .name = "publisher",
    .size = sizeof(struct client),
    .step = step,
};
