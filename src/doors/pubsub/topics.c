/* topics.c - see topics.h. */
#include "doors/pubsub/topics.h"

#include "doors/pubsub/mask.h"
#include "doors/pubsub/page.h"
#include "doors/pubsub/resource.h"

/* ---- CreateTopic ---- */

static void on_created(struct call *call)
{
    struct topic_create_call *c = (struct topic_create_call *)call;
    struct rpc               *r = call->ctx;

    rpc_end(r, call, call->err,
            call->err ? NULL : &ps_topic_of(&r->arena, &c->view, r->name.project)->base);
}

static bool is_resource_ok(struct rpc *r, const PB(Topic) *t)
{
    struct buf why;

    buf_init(&why);
    return rpc_passes(r, ps_topic_check(t, &why), &why);
}

void ps_topics_on_create(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(Topic) *t = (const PB(Topic) *)request;
    struct topic_create_call *c;

    if (!rpc_take_name(r, t->name, PS_TOPICS) || !rpc_is_new_name(r) || !is_resource_ok(r, t))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_TOPIC_CREATE, on_created);
    c->ns = r->name.ns;
    c->name = r->name.id;
    c->partition_count = 1;
    c->policy = ps_topic_policy(t, NULL);
    c->door = DOOR_PUBSUB;
    c->native = ps_topic_native(&r->arena, t);
    rpc_submit(r, c);
}

/* ---- GetTopic ---- */

/* A CALL_TOPIC_GET of r->name. */
static struct topic_get_call *get_new(struct rpc *r, call_done_fn *done)
{
    struct topic_get_call *c = rpc_call_new(r, sizeof *c, CALL_TOPIC_GET, done);

    c->ns = r->name.ns;
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct topic_get_item);
    c->items[0].name = r->name.id;
    return c;
}

/* A topic of an exclusive AMQP queue belongs to its connection alone. */
static enum err found(const struct topic_get_call *c)
{
    if (c->call.err != ERR_OK)
        return c->call.err;
    if (c->items[0].err == ERR_OK && c->items[0].view.is_private)
        return ERR_NO_TOPIC;
    return c->items[0].err;
}

static void on_got(struct call *call)
{
    struct topic_get_call *c = (struct topic_get_call *)call;
    struct rpc            *r = call->ctx;
    enum err               err = found(c);

    rpc_end(r, call, err,
            err ? NULL : &ps_topic_of(&r->arena, &c->items[0].view, r->name.project)->base);
}

void ps_topics_on_get(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(GetTopicRequest) *m = (const PB(GetTopicRequest) *)request;

    if (rpc_take_name(r, m->topic, PS_TOPICS))
        rpc_submit(r, get_new(r, on_got));
}

/* ---- UpdateTopic: look it up, take over the fields of the mask, alter ---- */

static void on_altered(struct call *call)
{
    struct topic_alter_call *c = (struct topic_alter_call *)call;
    struct rpc              *r = call->ctx;

    rpc_end(r, call, call->err,
            call->err ? NULL : &ps_topic_of(&r->arena, &c->view, r->name.project)->base);
}

static void alter(struct rpc *r, const struct topic_view *v)
{
    const PB(UpdateTopicRequest) *m = (const PB(UpdateTopicRequest) *)r->request;
    PB(Topic) *t = ps_topic_of(&r->arena, v, r->name.project);
    struct topic_alter_call *c;

    ps_mask_apply(&ps_topic_mask, m->update_mask, &t->base, &m->topic->base);
    if (!is_resource_ok(r, t))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_TOPIC_ALTER, on_altered);
    c->ns = r->name.ns;
    c->name = r->name.id;
    c->set_policy = ps_mask_names(m->update_mask, "message_retention_duration");
    c->policy = ps_topic_policy(t, &v->policy);
    c->set_native = true;
    c->door = DOOR_PUBSUB;
    c->native = ps_topic_native(&r->arena, t);
    rpc_submit(r, c);
}

static void on_found_to_update(struct call *call)
{
    struct topic_get_call *c = (struct topic_get_call *)call;
    struct rpc            *r = call->ctx;
    enum err               err = found(c);

    if (err == ERR_OK)
        alter(r, &c->items[0].view);
    else
        rpc_fail_err(r, err);
    rpc_call_free(r, call);
}

void ps_topics_on_update(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(UpdateTopicRequest) *m = (const PB(UpdateTopicRequest) *)request;
    struct buf why;

    if (!m->topic) {
        rpc_fail_argument(r, "topic");
        return;
    }
    if (!rpc_take_name(r, m->topic->name, PS_TOPICS))
        return;
    buf_init(&why);
    if (rpc_passes(r, ps_mask_check(&ps_topic_mask, m->update_mask, &why), &why))
        rpc_submit(r, get_new(r, on_found_to_update));
}

/* ---- ListTopics ---- */

static void on_listed(struct call *call)
{
    struct topic_get_call *c = (struct topic_get_call *)call;
    struct rpc            *r = call->ctx;
    struct ps_page        *page = r->user;
    PB(ListTopicsResponse) *response = ps_message_new(&r->arena, r->method->response);
    size_t                  i;

    if (call->err != ERR_OK) {
        rpc_end(r, call, call->err, NULL);
        return;
    }
    response->topics = arena_array(&r->arena, page->left, sizeof *response->topics);
    for (i = 0; i < c->item_count; i++)
        if (ps_page_take(page, c->items[i].view.name))
            response->topics[response->n_topics++] = ps_topic_of(&r->arena, &c->items[i].view, r->name.project);
    response->next_page_token = ps_page_token(page, &r->arena);
    rpc_end(r, call, ERR_OK, &response->base);
}

void ps_topics_on_list(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(ListTopicsRequest) *m = (const PB(ListTopicsRequest) *)request;
    struct topic_get_call *c;

    if (!rpc_take_project(r, m->project) || !rpc_take_page(r, m->page_size, m->page_token))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_TOPIC_GET, on_listed);
    c->ns = r->name.ns;
    c->all = true;
    rpc_submit(r, c);
}

/* ---- ListTopicSubscriptions: is there such a topic, then which queues read it ---- */

static void on_subscriptions_listed(struct call *call)
{
    struct queue_get_call *c = (struct queue_get_call *)call;
    struct rpc            *r = call->ctx;
    struct ps_page        *page = r->user;
    PB(ListTopicSubscriptionsResponse) *response = ps_message_new(&r->arena, r->method->response);
    size_t i;

    if (call->err != ERR_OK) {
        rpc_end(r, call, call->err, NULL);
        return;
    }
    response->subscriptions = arena_array(&r->arena, page->left, sizeof *response->subscriptions);
    for (i = 0; i < c->count; i++) {
        const struct queue_view *v = &c->views[i];

        if (v->owner == 0 && bytes_eq(v->topic, r->name.id) && ps_page_take(page, v->name))
            response->subscriptions[response->n_subscriptions++] =
                ps_subscription_of(&r->arena, v, r->name.project)->name;
    }
    response->next_page_token = ps_page_token(page, &r->arena);
    rpc_end(r, call, ERR_OK, &response->base);
}

static void on_topic_found(struct call *call)
{
    struct rpc            *r = call->ctx;
    enum err               err = found((struct topic_get_call *)call);
    struct queue_get_call *c;

    if (err == ERR_OK) {
        c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, on_subscriptions_listed);
        c->ns = r->name.ns;
        rpc_submit(r, c);
    } else {
        rpc_fail_err(r, err);
    }
    rpc_call_free(r, call);
}

void ps_topics_on_list_subscriptions(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(ListTopicSubscriptionsRequest) *m = (const PB(ListTopicSubscriptionsRequest) *)request;

    if (rpc_take_name(r, m->topic, PS_TOPICS) && rpc_take_page(r, m->page_size, m->page_token))
        rpc_submit(r, get_new(r, on_topic_found));
}

/* ---- DeleteTopic ---- */

void ps_topics_on_delete(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(DeleteTopicRequest) *m = (const PB(DeleteTopicRequest) *)request;
    struct topic_delete_call *c;

    if (!rpc_take_name(r, m->topic, PS_TOPICS))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_TOPIC_DELETE, rpc_on_done);
    c->ns = r->name.ns;
    c->name = r->name.id;
    rpc_submit(r, c);
}
