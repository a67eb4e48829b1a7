/*
 * subscriptions.c - see subscriptions.h.
 *
 * The subscription S on topic T is the queue S over T. A queue S that AMQP or SQS declared over the topic S is the
 * subscription S on it already; CreateSubscription of exactly that takes it over, any other pair of names is
 * ALREADY_EXISTS.
 */
#include "doors/pubsub/subscriptions.h"

#include "base/map.h"
#include "doors/pubsub/door_int.h"
#include "doors/pubsub/mask.h"
#include "doors/pubsub/page.h"
#include "doors/pubsub/resource.h"

#include <stdio.h>

static bool is_resource_ok(struct rpc *r, const PB(Subscription) *s)
{
    struct buf why;

    buf_init(&why);
    return rpc_passes(r, ps_subscription_check(s, &why), &why);
}

static bool is_mask_ok(struct rpc *r, const PB(FieldMask) *mask)
{
    struct buf why;

    buf_init(&why);
    return rpc_passes(r, ps_mask_check(&ps_subscription_mask, mask, &why), &why);
}

/* A CALL_QUEUE_GET of r->name. */
static struct queue_get_call *get_new(struct rpc *r, call_done_fn *done)
{
    struct queue_get_call *c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, done);

    c->ns = r->name.ns;
    c->name = r->name.id;
    return c;
}

/* ---- CreateSubscription: is the name free, then declare ---- */

struct creation { /* rpc.user */
    PB(Subscription) *resource;
    struct ps_name    topic;
};

static void on_declared(struct call *call)
{
    struct queue_declare_call *c = (struct queue_declare_call *)call;
    struct rpc                *r = call->ctx;
    const struct creation     *creation = r->user;

    if (call->err == ERR_OK && c->existed)
        call->err = ERR_EXISTS; /* made between our two calls */
    if (call->err == ERR_NO_TOPIC)
        r->name = creation->topic;
    rpc_end(r, call, call->err, &creation->resource->base);
}

static void declare(struct rpc *r)
{
    const struct creation     *creation = r->user;
    struct queue_declare_call *c = rpc_call_new(r, sizeof *c, CALL_QUEUE_DECLARE, on_declared);

    c->ns = r->name.ns;
    c->name = r->name.id;
    c->topic = creation->topic.id;
    c->is_durable = true;
    c->from_end = true;
    c->policy = ps_subscription_policy(creation->resource);
    c->door = DOOR_PUBSUB;
    c->native = ps_subscription_native(&r->arena, creation->resource);
    rpc_submit(r, c);
}

static void on_name_looked_up(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    const struct creation   *creation = r->user;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    if (err == ERR_OK && (v->native[DOOR_PUBSUB].at || !bytes_eq(v->topic, creation->topic.id)))
        rpc_fail_err(r, ERR_EXISTS);
    else if (err == ERR_OK || err == ERR_NO_QUEUE)
        declare(r);
    else
        rpc_fail_err(r, err);
    rpc_call_free(r, call);
}

/* "sub-" and 16 hex digits that no other subscription has: the seed is random. */
static char *invent_name(struct rpc *r, struct bytes project)
{
    struct pubsub_door *d = r->door;
    uint64_t            number[2] = { d->env.seed, ++d->last_invented };
    char                id[24];
    struct buf          text;
    char               *name;

    snprintf(id, sizeof id, "sub-%016llx", (unsigned long long)bytes_hash(bytes_of(number, sizeof number)));
    buf_init(&text);
    ps_name_format(&text, project, PS_SUBSCRIPTIONS, bytes_str(id));
    name = arena_str(&r->arena, buf_view(&text));
    buf_fini(&text);
    return name;
}

void ps_subscriptions_on_create(struct rpc *r, const ProtobufCMessage *request)
{
    /* The request lives in the arena of r and nobody else looks at it: it becomes the resource. */
    PB(Subscription) *s = (PB(Subscription) *)(uintptr_t)request;
    struct creation *creation = arena_struct(&r->arena, struct creation);

    creation->resource = s;
    if (!rpc_take_name(r, s->topic, PS_TOPICS))
        return;
    creation->topic = r->name;
    if (s->name[0] == 0)
        s->name = invent_name(r, r->name.project);
    if (!rpc_take_name(r, s->name, PS_SUBSCRIPTIONS) || !rpc_is_new_name(r) || !is_resource_ok(r, s))
        return;
    if (!bytes_eq(creation->topic.ns, r->name.ns)) {
        rpc_fail(r, GRPC_UNIMPLEMENTED,
                 "A subscription to a topic of another project is not supported by this broker yet.");
        return;
    }
    ps_subscription_fill(&r->arena, s);
    s->detached = false;
    s->base.n_unknown_fields = 0;
    r->user = creation;
    rpc_submit(r, get_new(r, on_name_looked_up));
}

/* ---- GetSubscription ---- */

static void on_got(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    rpc_end(r, call, err,
            err ? NULL : &ps_subscription_of(&r->arena, v, r->name.project)->base);
}

void ps_subscriptions_on_get(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(GetSubscriptionRequest) *m = (const PB(GetSubscriptionRequest) *)request;

    if (rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS))
        rpc_submit(r, get_new(r, on_got));
}

/* ---- ListSubscriptions ---- */

static void on_listed(struct call *call)
{
    struct queue_get_call *c = (struct queue_get_call *)call;
    struct rpc            *r = call->ctx;
    struct ps_page        *page = r->user;
    PB(ListSubscriptionsResponse) *response = ps_message_new(&r->arena, r->method->response);
    size_t i;

    if (call->err != ERR_OK) {
        rpc_end(r, call, call->err, NULL);
        return;
    }
    response->subscriptions = arena_array(&r->arena, page->left, sizeof *response->subscriptions);
    for (i = 0; i < c->count; i++)
        if (c->views[i].owner == 0 && ps_page_take(page, c->views[i].name))
            response->subscriptions[response->n_subscriptions++] =
                ps_subscription_of(&r->arena, &c->views[i], r->name.project);
    response->next_page_token = ps_page_token(page, &r->arena);
    rpc_end(r, call, ERR_OK, &response->base);
}

void ps_subscriptions_on_list(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(ListSubscriptionsRequest) *m = (const PB(ListSubscriptionsRequest) *)request;
    struct queue_get_call *c;

    if (!rpc_take_project(r, m->project) || !rpc_take_page(r, m->page_size, m->page_token))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, on_listed);
    c->ns = r->name.ns;
    rpc_submit(r, c);
}

/* ---- UpdateSubscription: look it up, take over the fields of the mask, alter ---- */

static void on_altered(struct call *call)
{
    struct rpc             *r = call->ctx;
    const PB(Subscription) *altered = r->user;

    rpc_end(r, call, call->err, &altered->base);
}

static void alter(struct rpc *r, const struct queue_view *v)
{
    const PB(UpdateSubscriptionRequest) *m = (const PB(UpdateSubscriptionRequest) *)r->request;
    PB(Subscription) *s = ps_subscription_of(&r->arena, v, r->name.project);
    struct queue_alter_call *c;

    ps_mask_apply(&ps_subscription_mask, m->update_mask, &s->base, &m->subscription->base);
    if (!is_resource_ok(r, s))
        return;
    ps_subscription_fill(&r->arena, s);
    r->user = s;
    c = rpc_call_new(r, sizeof *c, CALL_QUEUE_ALTER, on_altered);
    c->ns = r->name.ns;
    c->name = r->name.id;
    c->policy = ps_subscription_policy(s);
    c->policy.delay_ms = v->policy.delay_ms;
    c->door = DOOR_PUBSUB;
    c->native = ps_subscription_native(&r->arena, s);
    rpc_submit(r, c);
}

static void on_found_to_update(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    if (err == ERR_OK)
        alter(r, v);
    else
        rpc_fail_err(r, err);
    rpc_call_free(r, call);
}

void ps_subscriptions_on_update(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(UpdateSubscriptionRequest) *m = (const PB(UpdateSubscriptionRequest) *)request;

    if (!m->subscription) {
        rpc_fail_argument(r, "subscription");
        return;
    }
    if (rpc_take_name(r, m->subscription->name, PS_SUBSCRIPTIONS) && is_mask_ok(r, m->update_mask))
        rpc_submit(r, get_new(r, on_found_to_update));
}

/* ---- ModifyPushConfig: an empty one means pull, which is what every subscription here is ---- */

static void on_found_to_modify(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    rpc_end(r, call, err, NULL);
}

void ps_subscriptions_on_modify_push_config(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(ModifyPushConfigRequest) *m = (const PB(ModifyPushConfigRequest) *)request;
    PB(Subscription) asked = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;

    asked.push_config = m->push_config;
    if (rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS) && is_resource_ok(r, &asked))
        rpc_submit(r, get_new(r, on_found_to_modify));
}

/* ---- DeleteSubscription ---- */

void ps_subscriptions_on_delete(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(DeleteSubscriptionRequest) *m = (const PB(DeleteSubscriptionRequest) *)request;
    struct queue_delete_call *c;

    if (!rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_QUEUE_DELETE, rpc_on_done);
    c->ns = r->name.ns;
    c->name = r->name.id;
    rpc_submit(r, c);
}
