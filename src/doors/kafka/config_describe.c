/*
 * config_describe.c - DescribeConfigs: every setting of a topic, a broker or a group, where its value comes from, and
 * what it is for.
 *
 * A topic's setting is its own (source 1) or the default. Its synonyms are where the value would be
 * looked for, first found first: the topic, then the broker's setting of the same meaning. The broker's are
 * given to the program (source 4) or defaults; none is set while it runs, so those of "all brokers", which
 * are named by an empty name, are none. A group's are its own (source 8) or the defaults, whether there is such a
 * group or not.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/broker_settings.h"
#include "doors/kafka/group_configs.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/resources.h"

enum { SOURCE_TOPIC = 1, SOURCE_STATIC = 4, SOURCE_DEFAULT = 5, SOURCE_GROUP = 8, SYNONYMS_MAX = 2 };

struct describe_state {
    struct describe_configs_response response;
    struct topic_get_call           *get;    /* the topics among the resources */
    struct topic_get_item          **topics; /* by the index of the resources; NULL: no topic */
    struct group_policy_get_call    *told;   /* the groups among them */
    struct group_policy_view       **groups; /* likewise */
};

static bool is_wanted(const struct describe_configs_request_resource *q, const char *name)
{
    for (size_t i = 0; i < q->configuration_keys.count; i++) {
        if (bytes_eq_str(q->configuration_keys.at[i], name))
            return true;
    }
    return q->configuration_keys.count == 0;
}

static struct describe_configs_response_config *add(struct describe_configs_response_result *to,
                                                    const char *name, struct bytes value,
                                                    enum config_type type)
{
    struct describe_configs_response_config *c = &to->configs.at[to->configs.count++];

    *c = (struct describe_configs_response_config){
        .name = bytes_str(name),
        .value = value,
        .config_source = SOURCE_DEFAULT,
        .config_type = (int8_t)type,
    };
    return c;
}

static void add_synonym(struct describe_configs_response_config *c, const char *name,
                        struct bytes value, int8_t source)
{
    c->synonyms.at[c->synonyms.count++] = (struct describe_configs_response_synonym){
        .name = bytes_str(name), .value = value, .source = source
    };
}

/* ---- topics ---- */

static void describe_topic_config(struct kafka_request *r, const struct topic_config *from,
                                  const struct topic_view                 *view,
                                  struct describe_configs_response_result *to)
{
    const struct describe_configs_request   *q = r->body;
    char                                    *space = arena_new(&r->arena, CONFIG_SHOWN_BYTES);
    struct bytes                             normal = bytes_str(from->value);
    struct bytes                             own = topic_config_show(from, view->native[DOOR_KAFKA],
                                                                     &view->policy, space);
    bool                                     is_set = !bytes_is_null(own);
    struct describe_configs_response_config *c = add(to, from->name, is_set ? own : normal,
                                                     from->type);

    if (is_set)
        c->config_source = SOURCE_TOPIC;
    if (q->include_documentation)
        c->documentation = bytes_str(from->text);
    if (!q->include_synonyms)
        return;
    c->synonyms.at = kafka_array(r, SYNONYMS_MAX, sizeof *c->synonyms.at);
    if (is_set)
        add_synonym(c, from->name, own, SOURCE_TOPIC);
    if (from->broker)
        add_synonym(c, from->broker, normal, SOURCE_DEFAULT);
}

static void describe_topic(struct kafka_request *r, const struct describe_configs_request_resource *q,
                           const struct topic_view                 *view,
                           struct describe_configs_response_result *to)
{
    to->configs.at = kafka_array(r, topic_config_count, sizeof *to->configs.at);
    for (size_t i = 0; i < topic_config_count; i++) {
        if (is_wanted(q, topic_configs[i].name))
            describe_topic_config(r, &topic_configs[i], view, to);
    }
}

/* ---- brokers ---- */

static struct bytes listener_text(struct kafka_request *r, const char *host, uint16_t port)
{
    struct buf text;

    buf_init(&text);
    buf_printf(&text, "PLAINTEXT://%s:%u", host, port);
    return kafka_text(r, &text);
}

static struct bytes node_name(struct kafka_request *r)
{
    struct buf text;

    buf_init(&text);
    buf_printf(&text, "%d", (int)kafka_nodes_of(r).self);
    return kafka_text(r, &text);
}

static struct bytes fact(struct kafka_request *r, const struct broker_setting *s)
{
    const struct door_env *env = kafka_conn_env(r->conn);
    int32_t                self = kafka_nodes_of(r).self;

    switch (s->fact) {
    case FACT_NODE:
        return node_name(r);
    case FACT_LISTENERS:
        return listener_text(r, env->host, (uint16_t)(env->port + self - 1));
    case FACT_ADVERTISED:
        return listener_text(r, kafka_conn_host(r->conn), kafka_conn_port(r->conn, self));
    case FACT_DATA:
        return bytes_str(env->data);
    case FACT_FIXED:
    default:
        return bytes_str(s->value);
    }
}

static void describe_broker_config(struct kafka_request *r, const char *name, struct bytes value,
                                   enum config_type type, int8_t source, const char *text,
                                   struct describe_configs_response_result *to)
{
    const struct describe_configs_request   *q = r->body;
    struct describe_configs_response_config *c = add(to, name, value, type);

    c->read_only = true;
    c->config_source = source;
    if (q->include_documentation)
        c->documentation = bytes_str(text);
    if (!q->include_synonyms)
        return;
    c->synonyms.at = kafka_array(r, SYNONYMS_MAX, sizeof *c->synonyms.at);
    add_synonym(c, name, value, source);
}

static void describe_broker(struct kafka_request *r, const struct describe_configs_request_resource *q,
                            struct describe_configs_response_result *to)
{
    to->configs.at = kafka_array(r, broker_setting_count + topic_config_count,
                                 sizeof *to->configs.at);
    for (size_t i = 0; i < broker_setting_count; i++) {
        const struct broker_setting *s = &broker_settings[i];

        if (is_wanted(q, s->name))
            describe_broker_config(r, s->name, fact(r, s), s->type,
                                   s->fact == FACT_FIXED ? SOURCE_DEFAULT : SOURCE_STATIC, s->text,
                                   to);
    }
    for (size_t i = 0; i < topic_config_count; i++) {
        const struct topic_config *c = &topic_configs[i];

        if (c->broker && is_wanted(q, c->broker))
            describe_broker_config(r, c->broker, bytes_str(c->value), c->type, SOURCE_DEFAULT,
                                   c->text, to);
    }
}

/* ---- groups ---- */

static void describe_group_config(struct kafka_request *r, const struct group_config *from, struct bytes own,
                                  struct describe_configs_response_result *to)
{
    const struct describe_configs_request   *q = r->body;
    struct bytes                             normal = bytes_str(from->value);
    bool                                     is_set = !bytes_is_null(own);
    struct describe_configs_response_config *c = add(to, from->name, is_set ? own : normal, from->type);

    if (is_set)
        c->config_source = SOURCE_GROUP;
    if (q->include_documentation)
        c->documentation = bytes_str(from->text);
    if (!q->include_synonyms)
        return;
    c->synonyms.at = kafka_array(r, SYNONYMS_MAX, sizeof *c->synonyms.at);
    if (is_set)
        add_synonym(c, from->name, own, SOURCE_GROUP);
    add_synonym(c, from->broker ? from->broker : from->name, normal, SOURCE_DEFAULT);
}

static void describe_group(struct kafka_request *r, const struct describe_configs_request_resource *q,
                           const struct group_policy_view          *view,
                           struct describe_configs_response_result *to)
{
    to->configs.at = kafka_array(r, group_config_count, sizeof *to->configs.at);
    for (size_t i = 0; i < group_config_count; i++) {
        const struct group_config *c = &group_configs[i];

        if (is_wanted(q, c->name))
            describe_group_config(r, c, topic_config_read_name(view->native, c->name), to);
    }
}

/* ---- request ---- */

static void refuse(struct describe_configs_response_result *to, struct resource_refusal why)
{
    to->error_code = why.code;
    to->error_message = why.text;
}

static void fill_topic(struct kafka_request *r, size_t i)
{
    const struct describe_configs_request   *q = r->body;
    struct describe_state                   *s = r->state;
    struct describe_configs_response_result *to = &s->response.results.at[i];
    const struct topic_get_item             *item = s->topics[i];
    enum err                                 err = s->get->call.err ? s->get->call.err : item->err;

    if (!err && item->view.is_private)
        err = ERR_NO_TOPIC;
    if (err == ERR_NO_TOPIC && !kafka_is_topic_name(to->resource_name))
        err = ERR_BAD_NAME;
    if (err)
        refuse(to, (struct resource_refusal){ kafka_error(err), bytes_str(err_text(err)) });
    else
        describe_topic(r, &q->resources.at[i], &item->view, to);
}

static void answer(struct kafka_request *r)
{
    const struct describe_configs_request *q = r->body;
    struct describe_state                 *s = r->state;

    for (size_t i = 0; i < s->response.results.count; i++) {
        if (s->topics[i])
            fill_topic(r, i);
        if (s->groups[i])
            describe_group(r, &q->resources.at[i], s->groups[i], &s->response.results.at[i]);
    }
    kafka_answer(r, &s->response);
}

static void take_resource(struct kafka_request *r, size_t i)
{
    const struct describe_configs_request          *q = r->body;
    const struct describe_configs_request_resource *from = &q->resources.at[i];
    struct describe_state                          *s = r->state;
    struct describe_configs_response_result        *to = &s->response.results.at[i];
    struct resource_refusal                         why;

    to->resource_type = from->resource_type;
    to->resource_name = from->resource_name;
    switch (from->resource_type) {
    case RESOURCE_TOPIC:
        s->topics[i] = &s->get->items[s->get->item_count++];
        s->topics[i]->name = from->resource_name;
        break;
    case RESOURCE_BROKER:
        why = resource_check_broker(r, from->resource_name);
        if (why.code != KAFKA_NONE)
            refuse(to, why);
        else if (from->resource_name.len > 0)
            describe_broker(r, from, to);
        break;
    case RESOURCE_GROUP:
        why = resource_check_group(from->resource_name);
        if (why.code != KAFKA_NONE) {
            refuse(to, why);
            break;
        }
        s->groups[i] = &s->told->items[s->told->item_count++];
        s->groups[i]->group = from->resource_name;
        break;
    default:
        refuse(to, resource_no_settings(r, from->resource_type));
    }
}

static void begin(struct kafka_request *r, size_t count)
{
    struct describe_state *s = r->state;

    s->get = kafka_call(r, sizeof *s->get, CALL_TOPIC_GET);
    s->get->ns = kafka_ns();
    s->get->items = kafka_array(r, count, sizeof *s->get->items);
    s->topics = kafka_array(r, count, sizeof(struct topic_get_item *));
    s->told = kafka_call(r, sizeof *s->told, CALL_GROUP_POLICY_GET);
    s->told->ns = kafka_ns();
    s->told->items = kafka_array(r, count, sizeof *s->told->items);
    s->groups = kafka_array(r, count, sizeof(struct group_policy_view *));
    s->response.results.count = count;
    s->response.results.at = kafka_array(r, count, sizeof *s->response.results.at);
}

void kafka_on_describe_configs(struct kafka_request *r)
{
    const struct describe_configs_request *q = r->body;
    struct describe_state                 *s = arena_struct(&r->arena, struct describe_state);
    size_t                                 count = q->resources.count;

    r->state = s;
    r->on_calls_done = answer;
    begin(r, count);
    for (size_t i = 0; i < count; i++)
        take_resource(r, i);
    if (s->get->item_count > 0)
        kafka_submit(r, s->get);
    if (s->told->item_count > 0)
        kafka_submit(r, s->told);
    if (r->calls_out == 0)
        answer(r);
}
