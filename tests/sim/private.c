/*
 * private.c - see clients.h: queues of one connection, and such that go with their last consumer.
 * Their names begin with x and the number of the client, so that nobody else makes them.
 */
#include "clients.h"

#include <stdio.h>

enum { NAMES_EACH = 2, QUEUES_ENOUGH = 70 };

struct declaring {
    struct request  request;
    char            name[NAME_BYTES];
    struct m_queue *queue;
    bool            existed;
};

static void on_submit(struct request *r)
{
    static const struct topic_policy until_settled = { .retention = RETAIN_UNTIL_SETTLED };
    struct declaring                *d = (struct declaring *)r;
    const struct queue_declare_call *a = (const struct queue_declare_call *)r->call;
    struct model                    *m = r->client->world->model;
    struct m_topic                  *t;

    d->queue = model_queue(m, d->name);
    d->existed = d->queue != NULL;
    if (d->existed)
        return;
    t = model_make_topic(m, d->name, 1, &until_settled, r->number);
    t->is_private = a->is_exclusive;
    d->queue = model_make_queue(m, d->name, t, &a->policy, r->number);
    d->queue->made_topic = true;
    d->queue->is_durable = a->is_durable;
    d->queue->is_auto_delete = a->is_auto_delete;
    d->queue->is_exclusive = a->is_exclusive;
    d->queue->owner = a->call.session;
}

static void on_answer(struct request *r)
{
    const struct declaring          *d = (const struct declaring *)r;
    const struct queue_declare_call *a = (const struct queue_declare_call *)r->call;

    TRACE(r->client->world, "%s: declare queue %s%s%s%s: %s", r->client->kind->name, d->name,
          a->is_exclusive ? ", exclusive" : "", a->is_auto_delete ? ", auto-delete" : "",
          a->is_durable ? "" : ", transient", err_name(r->call->err));
    if (r->call->err || a->existed != d->existed)
        violation(r->client->world, "definitions are as they were made", "queue %s: %s, existed %d",
                  d->name, err_text(r->call->err), a->existed);
    d->queue->id = a->view.id;
    if (!d->existed)
        d->queue->topic->uuid = a->view.topic_uuid;
}

void private_declare(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_answer };
    struct world                    *w = c->world;
    struct declaring                *d;
    struct queue_declare_call       *a;

    if (w->model->queue_count >= QUEUES_ENOUGH || w->model->topic_count >= QUEUES_ENOUGH)
        return;
    d = request_new(c, &kind, sizeof *d, CALL_QUEUE_DECLARE, sizeof *a);
    a = (struct queue_declare_call *)d->request.call;
    snprintf(d->name, sizeof d->name, "x%zu-%d", c->index, (int)draw_below(&w->draw, NAMES_EACH));
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(d->name));
    a->is_exclusive = draw_one_in(&w->draw, 2);
    a->is_auto_delete = draw_one_in(&w->draw, 2);
    a->is_durable = draw_one_in(&w->draw, 2);
    a->policy.lease_ms = (int64_t)draw_range(&w->draw, 200, 20000);
    a->door = DOOR_AMQP;
    a->native = bytes_str("private");
    request_send(d);
}
