/*
 * definer.c - see clients.h: makes, alters, purges and deletes topics and queues, one thing at a
 * time, so that a crash leaves one of them in doubt at most.
 */
#include "clients.h"
#include "model_copy.h"
#include "model_group.h"

#include <stdio.h>

enum { NAMES = 4, TOPICS_FIRST = 2, QUEUES_FIRST = 2 };

/* One definition on its way. Which of the two existed when the engine saw it. */
struct defining {
    struct request      request;
    char                name[NAME_BYTES];
    char                topic_name[NAME_BYTES]; /* of a subscription; empty: a queue with its own */
    struct queue_policy policy;
    struct m_topic     *topic;
    struct m_queue     *queue;
    bool                existed;
};

static struct world *world_of(const struct defining *d)
{
    return d->request.client->world;
}

static void *define(struct client *c, const struct request_kind *kind, enum call_kind call,
                    size_t size, const char *name)
{
    struct defining *d = request_new(c, kind, sizeof *d, call, size);

    snprintf(d->name, sizeof d->name, "%s", name);
    return d;
}

static void expect(const struct defining *d, const char *what, enum err want)
{
    enum err err = d->request.call->err;

    TRACE(world_of(d), "definer: %s %s: %s", what, d->name, err_name(err));
    if (err != want)
        violation(world_of(d), "definitions are as they were made", "%s %s: %s, not %s", what,
                  d->name, err_text(err), err_text(want));
}

/* ---- topics ---- */

static void on_create_topic(struct request *r)
{
    struct defining                *d = (struct defining *)r;
    const struct topic_create_call *a = (const struct topic_create_call *)r->call;
    struct model                   *m = world_of(d)->model;

    d->topic = model_topic(m, d->name);
    d->existed = d->topic != NULL;
    if (!d->existed)
        d->topic = model_make_topic(m, d->name, a->partition_count, &a->policy, r->number);
}

static void on_topic_created(struct request *r)
{
    struct defining *d = (struct defining *)r;

    expect(d, "create topic", d->existed ? ERR_EXISTS : ERR_OK);
    d->topic->uuid = ((struct topic_create_call *)r->call)->view.uuid;
}

static void create(struct client *c, const char *name, uint32_t partitions,
                   const struct topic_policy *policy)
{
    static const struct request_kind kind = { .on_submit = on_create_topic,
                                              .on_answer = on_topic_created };
    struct defining                 *d = define(c, &kind, CALL_TOPIC_CREATE,
                                                sizeof(struct topic_create_call), name);
    struct topic_create_call        *a = (struct topic_create_call *)d->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    a->partition_count = partitions;
    a->policy = *policy;
    a->door = DOOR_KAFKA;
    request_send(d);
}

static void create_topic(struct client *c, const char *name)
{
    uint32_t            partitions = (uint32_t)draw_range(&c->world->draw, 1, PARTITIONS_MAX);
    struct topic_policy policy = curator_draw_policy(c->world);

    create(c, name, partitions, &policy);
}

/* What loses nothing. */
static void create_copied(struct client *c)
{
    struct topic_policy policy = topic_policy_default;

    policy.retention_ms = 0;
    create(c, COPY_SOURCE, 1, &policy);
    create(c, COPY_TARGET, 1, &policy);
}

static void on_delete_topic(struct request *r)
{
    struct defining *d = (struct defining *)r;

    d->topic = model_topic(world_of(d)->model, d->name);
    if (d->topic)
        model_end_topic(world_of(d)->model, d->topic, r->number);
}

static void on_topic_deleted(struct request *r)
{
    struct defining *d = (struct defining *)r;

    expect(d, "delete topic", d->topic ? ERR_OK : ERR_NO_TOPIC);
}

static void delete_topic(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_delete_topic,
                                              .on_answer = on_topic_deleted };
    struct defining                 *d = define(c, &kind, CALL_TOPIC_DELETE,
                                                sizeof(struct topic_delete_call), name);
    struct topic_delete_call        *a = (struct topic_delete_call *)d->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    request_send(d);
}

/* ---- queues ---- */

static void on_declare(struct request *r)
{
    static const struct topic_policy until_settled = { .retention = RETAIN_UNTIL_SETTLED };
    struct defining                 *d = (struct defining *)r;
    const struct queue_declare_call *a = (const struct queue_declare_call *)r->call;
    struct model                    *m = world_of(d)->model;
    bool                             is_own = d->topic_name[0] == 0;
    bool                             makes_topic;

    d->queue = model_queue(m, d->name);
    d->existed = d->queue != NULL;
    d->topic = model_topic(m, is_own ? d->name : d->topic_name);
    makes_topic = is_own && !d->topic;
    if (d->existed || (!is_own && !d->topic))
        return;
    if (makes_topic)
        d->topic = model_make_topic(m, d->name, 1, &until_settled, r->number);
    d->queue = model_make_queue(m, d->name, d->topic, &d->policy, r->number);
    d->queue->made_topic = makes_topic;
    d->queue->from_end = a->from_end;
    d->queue->is_durable = a->is_durable;
}

static void on_declared(struct request *r)
{
    struct defining                 *d = (struct defining *)r;
    const struct queue_declare_call *a = (const struct queue_declare_call *)r->call;

    expect(d, "declare queue", d->queue ? ERR_OK : ERR_NO_TOPIC);
    if (!d->queue)
        return;
    if (a->existed != d->existed || (d->queue->id != 0 && d->queue->id != a->view.id))
        violation(world_of(d), "definitions are as they were made",
                  "queue %s: existed %d, id %llu", d->name, a->existed,
                  (unsigned long long)a->view.id);
    d->queue->id = a->view.id;
    if (d->topic && !d->existed)
        d->topic->uuid = a->view.topic_uuid;
}

static struct queue_policy draw_policy(struct world *w)
{
    struct queue_policy p = { .lease_ms = (int64_t)draw_range(&w->draw, 200, 20000) };

    if (w->plan.has[HAS_DELAYS] && draw_one_in(&w->draw, 3))
        p.delay_ms = (int64_t)draw_range(&w->draw, 1, 3000);
    if (w->plan.has[HAS_EXPIRY] && draw_one_in(&w->draw, 3))
        p.retention_ms = (int64_t)draw_range(&w->draw, 1000, 60000);
    p.is_ordered = w->plan.has[HAS_ORDERED] && draw_one_in(&w->draw, 2);
    return p;
}

static void declare(struct client *c, const char *name, const char *topic)
{
    static const struct request_kind kind = { .on_submit = on_declare, .on_answer = on_declared };
    struct world                    *w = c->world;
    struct defining                 *d = define(c, &kind, CALL_QUEUE_DECLARE,
                                                sizeof(struct queue_declare_call), name);
    struct queue_declare_call       *a = (struct queue_declare_call *)d->request.call;

    snprintf(d->topic_name, sizeof d->topic_name, "%s", topic ? topic : "");
    d->policy = draw_policy(w);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    if (topic)
        a->topic = call_bytes(a, bytes_str(topic));
    a->from_end = topic && draw_one_in(&w->draw, 2);
    a->is_durable = true;
    a->policy = d->policy;
    a->door = DOOR_SQS;
    a->native = bytes_str("native");
    request_send(d);
}

static void on_delete_queue(struct request *r)
{
    struct defining *d = (struct defining *)r;

    d->queue = model_queue(world_of(d)->model, d->name);
    if (d->queue)
        model_end_queue(world_of(d)->model, d->queue, r->number);
}

static void on_queue_deleted(struct request *r)
{
    struct defining *d = (struct defining *)r;

    expect(d, "delete queue", d->queue ? ERR_OK : ERR_NO_QUEUE);
}

static void delete_queue(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_delete_queue,
                                              .on_answer = on_queue_deleted };
    struct defining                 *d = define(c, &kind, CALL_QUEUE_DELETE,
                                                sizeof(struct queue_delete_call), name);
    struct queue_delete_call        *a = (struct queue_delete_call *)d->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    request_send(d);
}

static void on_purge(struct request *r)
{
    struct defining               *d = (struct defining *)r;
    const struct queue_purge_call *a = (const struct queue_purge_call *)r->call;

    d->queue = model_queue(world_of(d)->model, d->name);
    if (d->queue && !d->queue->detached)
        model_purge(world_of(d)->model, d->queue, a->leased_too, r->number);
}

static void on_purged(struct request *r)
{
    struct defining *d = (struct defining *)r;

    expect(d, "purge queue", d->queue ? ERR_OK : ERR_NO_QUEUE);
}

static void purge(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_purge, .on_answer = on_purged };
    struct defining                 *d = define(c, &kind, CALL_QUEUE_PURGE,
                                                sizeof(struct queue_purge_call), name);
    struct queue_purge_call         *a = (struct queue_purge_call *)d->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    a->leased_too = draw_one_in(&c->world->draw, 2);
    request_send(d);
}

static void on_alter(struct request *r)
{
    struct defining *d = (struct defining *)r;

    d->queue = model_queue(world_of(d)->model, d->name);
    if (!d->queue)
        return;
    m_queue_alter(d->queue, &d->policy);
    d->queue->altered = r->number;
}

static void on_altered(struct request *r)
{
    struct defining *d = (struct defining *)r;

    expect(d, "alter queue", d->queue ? ERR_OK : ERR_NO_QUEUE);
}

static void alter(struct client *c, const char *name)
{
    static const struct request_kind kind = { .on_submit = on_alter, .on_answer = on_altered };
    struct defining                 *d = define(c, &kind, CALL_QUEUE_ALTER,
                                                sizeof(struct queue_alter_call), name);
    struct queue_alter_call         *a = (struct queue_alter_call *)d->request.call;

    d->policy = draw_policy(c->world);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(name));
    a->policy = d->policy;
    a->door = DOOR_SQS;
    a->native = bytes_str("altered");
    request_send(d);
}

/* ---- what to do next ---- */

static const char *draw_name(struct world *w, char kind, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%c%d", kind, (int)draw_below(&w->draw, NAMES));
    return out;
}

static void declare_subscription(struct client *c)
{
    char name[NAME_BYTES];
    char topic[NAME_BYTES];

    draw_name(c->world, draw_one_in(&c->world->draw, 3) ? 'q' : 't', topic);
    declare(c, draw_name(c->world, 's', name), topic);
}

static void step(struct client *c)
{
    struct world *w = c->world;
    char          name[NAME_BYTES];

    if (c->out > 0 || w->is_short || !draw_one_in(&w->draw, 4))
        return;
    switch (draw_below(&w->draw, w->plan.has[HAS_DEFINERS] ? 8 : 2)) {
    case 0:
        if (w->plan.has[HAS_PURGES] && draw_one_in(&w->draw, 3))
            purge(c, draw_name(w, "qs"[draw_below(&w->draw, 2)], name));
        break;
    case 1:
        if (w->plan.has[HAS_DEFINERS] && draw_one_in(&w->draw, 3))
            alter(c, draw_name(w, "qs"[draw_below(&w->draw, 2)], name));
        break;
    case 2:
        create_topic(c, draw_name(w, 't', name));
        break;
    case 3:
        declare(c, draw_name(w, 'q', name), NULL);
        break;
    case 4:
        if (w->plan.has[HAS_SUBSCRIPTIONS])
            declare_subscription(c);
        break;
    case 5:
        if (draw_one_in(&w->draw, 3))
            delete_topic(c, draw_name(w, "tq"[draw_below(&w->draw, 2)], name));
        break;
    case 6:
        if (draw_one_in(&w->draw, 3))
            delete_queue(c, draw_name(w, "qs"[draw_below(&w->draw, 2)], name));
        break;
    default:
        break;
    }
}

bool definer_begin(struct client *c)
{
    char name[NAME_BYTES];

    for (int i = 0; i < TOPICS_FIRST; i++) {
        snprintf(name, sizeof name, "t%d", i);
        create_topic(c, name);
    }
    for (int i = 0; i < QUEUES_FIRST; i++) {
        snprintf(name, sizeof name, "q%d", i);
        declare(c, name, NULL);
    }
    if (c->world->plan.has[HAS_SUBSCRIPTIONS]) {
        declare(c, "s0", "t0");
        declare(c, "s1", "q0");
    }
    if (c->world->plan.has[HAS_GROUPS])
        create_topic(c, ANCHOR_TOPIC);
    if (c->world->plan.has[HAS_COPIES])
        create_copied(c);
    return world_settle(c->world) && (!c->world->plan.has[HAS_GROUPS] || committer_begin(c));
}

const struct client_kind definer_kind = {
    .name = "definer",
    .size = sizeof(struct client),
    .step = step,
};
