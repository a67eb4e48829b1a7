/*
 * config_list.c - ListConfigResources: what has settings, by name (KIP-1142). Version 0 asked for the
 * subscriptions to metrics of clients, of which there are none.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/resources.h"
#include "engine/group_policy_calls.h"

#include <stdio.h>

enum { NODE_NAME_BYTES = 12 };

struct list_state {
    struct list_config_resources_response response;
    struct topic_get_call                *get;
    struct group_policy_get_call         *told;
};

static const int8_t types[] = {
    RESOURCE_TOPIC, RESOURCE_BROKER, RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP,
};

static bool is_type(int8_t type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

static bool wants(const struct kafka_request *r, int8_t type)
{
    const struct list_config_resources_request *q = r->body;

    if (r->version.number == 0)
        return type == RESOURCE_CLIENT_METRICS;
    for (size_t i = 0; i < q->resource_types.count; i++) {
        if (q->resource_types.at[i] == type)
            return true;
    }
    return q->resource_types.count == 0;
}

static void add(struct list_state *s, struct bytes name, int8_t type)
{
    s->response.config_resources.at[s->response.config_resources.count++] =
        (struct list_config_resources_response_resource){ name, type };
}

static void add_nodes(struct kafka_request *r, int8_t type)
{
    struct kafka_nodes nodes = kafka_nodes_of(r);

    for (unsigned i = 1; i <= nodes.count; i++) {
        char *name = arena_new(&r->arena, NODE_NAME_BYTES);

        snprintf(name, NODE_NAME_BYTES, "%u", i);
        add(r->state, bytes_str(name), type);
    }
}

static void on_got(struct kafka_request *r)
{
    struct list_state *s = r->state;
    size_t             topics = s->get ? s->get->item_count : 0;
    size_t             groups = s->told ? s->told->item_count : 0;

    s->response.config_resources.at = kafka_array(r, topics + groups + 2 * kafka_nodes_of(r).count,
                                                  sizeof *s->response.config_resources.at);
    for (size_t i = 0; i < topics; i++) {
        if (kafka_is_showable(s->get->items[i].view.name))
            add(s, s->get->items[i].view.name, RESOURCE_TOPIC);
    }
    if (wants(r, RESOURCE_BROKER))
        add_nodes(r, RESOURCE_BROKER);
    if (wants(r, RESOURCE_BROKER_LOGGER))
        add_nodes(r, RESOURCE_BROKER_LOGGER);
    for (size_t i = 0; i < groups; i++)
        add(s, s->told->items[i].group, RESOURCE_GROUP);
    kafka_answer(r, &s->response);
}

/* What is wanted of those that the engine knows. */
static void ask(struct kafka_request *r)
{
    struct list_state *s = r->state;

    if (wants(r, RESOURCE_TOPIC)) {
        s->get = kafka_call(r, sizeof *s->get, CALL_TOPIC_GET);
        s->get->ns = kafka_ns();
        s->get->all = true;
        kafka_submit(r, s->get);
    }
    if (wants(r, RESOURCE_GROUP)) {
        s->told = kafka_call(r, sizeof *s->told, CALL_GROUP_POLICY_GET);
        s->told->ns = kafka_ns();
        s->told->all = true;
        kafka_submit(r, s->told);
    }
}

void kafka_on_list_config_resources(struct kafka_request *r)
{
    const struct list_config_resources_request *q = r->body;
    struct list_state                          *s = arena_struct(&r->arena, struct list_state);

    r->state = s;
    for (size_t i = 0; i < q->resource_types.count; i++) {
        if (!is_type(q->resource_types.at[i])) {
            s->response.error_code = KAFKA_UNSUPPORTED_VERSION;
            kafka_answer(r, &s->response);
            return;
        }
    }
    r->on_calls_done = on_got;
    ask(r);
    if (r->calls_out == 0)
        on_got(r);
}
