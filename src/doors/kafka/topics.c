/*
 * topics.c - CreateTopics and DeleteTopics: one engine call per topic.
 *
 * There can be as many replicas as there are nodes, usually one. An assignment says how many; which
 * nodes they are is decided by nodes.h, because all of them are the same.
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/configs.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/throttle.h"

#include <stdio.h>

enum {
    DEFAULT_PARTITIONS = 1,
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DEFAULT = 5,
    TEXT_BYTES = 400,
    CREATE_STRICT_SINCE = 6, /* the version that knows THROTTLING_QUOTA_EXCEEDED */
    DELETE_STRICT_SINCE = 5,
};

#define QUOTA_EXCEEDED "The throttling quota has been exceeded"

/* ---- CreateTopics ---- */

struct create_state {
    struct create_topics_response response;
    struct topic_create_call    **calls; /* by the index of the topics; NULL: refused here */
};

/* about: what the text speaks of, put behind it; null: nothing. */
static int16_t refuse(struct kafka_request *r, struct create_topics_response_topic *t, int16_t code,
                      const char *text, struct bytes about)
{
    size_t len = about.len < KAFKA_NAME_BYTES_MAX ? about.len : KAFKA_NAME_BYTES_MAX;
    char  *whole = arena_new(&r->arena, TEXT_BYTES);

    if (bytes_is_null(about))
        snprintf(whole, TEXT_BYTES, "%s.", text);
    else
        snprintf(whole, TEXT_BYTES, "%s: '%.*s'.", text, (int)len, (const char *)about.at);
    t->error_code = code;
    t->error_message = bytes_str(whole);
    return code;
}

/* Partitions 0, 1, 2... each with as many replicas as the first. */
static bool is_assignment(const struct kafka_request               *r,
                          const struct create_topics_request_topic *from)
{
    for (size_t i = 0; i < from->assignments.count; i++) {
        const struct create_topics_request_assignment *a = &from->assignments.at[i];

        if (a->partition_index != (int32_t)i || !kafka_is_replica_list(r, a->broker_ids) ||
            a->broker_ids.count != from->assignments.at[0].broker_ids.count)
            return false;
    }
    return true;
}

static unsigned factor_of(const struct create_topics_request_topic *from)
{
    if (from->assignments.count > 0)
        return (unsigned)from->assignments.at[0].broker_ids.count;
    return from->replication_factor > 0 ? (unsigned)from->replication_factor : 1;
}

static int16_t refuse_factor(struct kafka_request *r, struct create_topics_response_topic *t)
{
    unsigned   nodes = kafka_nodes_of(r).count;
    struct buf text;

    buf_init(&text);
    buf_printf(&text, "The replication factor is 1 to %u, the number of brokers, or -1.", nodes);
    t->error_code = KAFKA_INVALID_REPLICATION_FACTOR;
    t->error_message = kafka_text(r, &text);
    return t->error_code;
}

static int16_t check_shape(struct kafka_request *r, const struct create_topics_request_topic *from,
                           struct create_topics_response_topic *t)
{
    const struct bytes none = { 0 };

    if (from->assignments.count > 0 &&
        (from->num_partitions != -1 || from->replication_factor != -1))
        return refuse(r, t, KAFKA_INVALID_REQUEST,
                      "Give either an assignment or numbers of partitions and replicas", none);
    if (!is_assignment(r, from))
        return refuse(r, t, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                      "An assignment names partitions from 0 on, each with brokers that there are, "
                      "equally many",
                      none);
    if (from->num_partitions == 0 || from->num_partitions < -1 ||
        from->num_partitions > TOPIC_PARTITIONS_MAX ||
        from->assignments.count > TOPIC_PARTITIONS_MAX)
        return refuse(r, t, KAFKA_INVALID_PARTITIONS, "A topic has 1 to 10000 partitions", none);
    if (from->replication_factor == 0 || from->replication_factor < -1 ||
        factor_of(from) > kafka_nodes_of(r).count)
        return refuse_factor(r, t);
    return KAFKA_NONE;
}

static int16_t check_configs(struct kafka_request *r,
                             const struct create_topics_request_topic *from,
                             struct create_topics_response_topic      *t)
{
    for (size_t i = 0; i < from->configs.count; i++) {
        const struct create_topics_request_config *given = &from->configs.at[i];
        const struct topic_config                 *c = topic_config_find(given->name);
        const char *why = c ? topic_config_check(c, given->value, kafka_nodes_of(r).count) : "There is no such setting";

        if (why)
            return refuse(r, t, KAFKA_INVALID_CONFIG, why, given->name);
    }
    return KAFKA_NONE;
}

static struct bytes native_of(struct kafka_request                     *r,
                              const struct create_topics_request_topic *from)
{
    struct buf   native;
    struct bytes kept;

    buf_init(&native);
    for (size_t i = 0; i < from->configs.count; i++)
        topic_config_write(&native, topic_config_find(from->configs.at[i].name),
                           from->configs.at[i].value);
    kafka_replication_write(&native, factor_of(from));
    kept = arena_bytes(&r->arena, native.len > 0 ? buf_view(&native) : (struct bytes){ 0 });
    buf_fini(&native);
    return kept;
}

static int16_t check_policy(struct kafka_request *r, const struct create_topics_request_topic *from,
                            struct create_topics_response_topic *t)
{
    struct topic_policy policy;
    const char         *why = topic_config_policy(native_of(r, from), &policy);

    return why ? refuse(r, t, KAFKA_INVALID_CONFIG, why, (struct bytes){ 0 }) : KAFKA_NONE;
}

/* The same name twice in a request: neither is created. */
static void refuse_doubles(struct kafka_request *r)
{
    struct create_state *s = r->state;
    struct map           names;

    map_init(&names);
    for (size_t i = 0; i < s->response.topics.count; i++) {
        struct create_topics_response_topic *t = &s->response.topics.at[i];
        struct create_topics_response_topic *other = map_put(&names, t->name, t);

        if (!other)
            continue;
        refuse(r, t, KAFKA_INVALID_REQUEST, "The request names this topic twice", t->name);
        refuse(r, other, KAFKA_INVALID_REQUEST, "The request names this topic twice", t->name);
    }
    map_fini(&names);
}

static int16_t check_topic(struct kafka_request *r, const struct create_topics_request_topic *from,
                           struct create_topics_response_topic *t)
{
    int16_t code;

    if (t->error_code != KAFKA_NONE)
        return t->error_code;
    if (!kafka_is_topic_name(from->name))
        return refuse(r, t, KAFKA_INVALID_TOPIC_EXCEPTION,
                      "A topic name has 1 to 249 letters, digits, dots, underscores and dashes",
                      from->name);
    code = check_shape(r, from, t);
    if (code == KAFKA_NONE)
        code = check_configs(r, from, t);
    return code != KAFKA_NONE ? code : check_policy(r, from, t);
}

static struct topic_create_call *create_call(struct kafka_request *r,
                                             const struct create_topics_request_topic *from)
{
    const struct create_topics_request *q = r->body;
    struct topic_create_call           *c = kafka_call(r, sizeof *c, CALL_TOPIC_CREATE);

    c->ns = kafka_ns();
    c->name = from->name;
    c->partition_count = DEFAULT_PARTITIONS;
    if (from->assignments.count > 0)
        c->partition_count = (uint32_t)from->assignments.count;
    else if (from->num_partitions > 0)
        c->partition_count = (uint32_t)from->num_partitions;
    c->is_check_only = q->validate_only;
    c->door = DOOR_KAFKA;
    c->native = native_of(r, from);
    topic_config_policy(c->native, &c->policy);
    return c;
}

static void fill_configs(struct kafka_request *r, struct bytes native,
                         struct create_topics_response_topic *t)
{
    t->configs.count = topic_config_count;
    t->configs.at = kafka_array(r, topic_config_count, sizeof *t->configs.at);
    for (size_t i = 0; i < topic_config_count; i++) {
        const struct topic_config *c = &topic_configs[i];
        struct bytes               set = topic_config_read(native, c);
        bool                       is_set = !bytes_is_null(set);

        t->configs.at[i] = (struct create_topics_response_config){
            .name = bytes_str(c->name),
            .value = is_set ? set : bytes_str(c->value),
            .config_source = is_set ? CONFIG_SOURCE_TOPIC : CONFIG_SOURCE_DEFAULT,
        };
    }
}

static void fill_created(struct kafka_request *r, const struct topic_create_call *c,
                         struct create_topics_response_topic *t)
{
    if (c->call.err) {
        refuse(r, t, kafka_error(c->call.err),
               c->call.err == ERR_EXISTS ? "Topic already exists" : err_text(c->call.err), t->name);
        return;
    }
    t->topic_id = c->view.uuid;
    t->num_partitions = (int32_t)c->partition_count;
    t->replication_factor = (int16_t)kafka_replication_read(c->native);
    fill_configs(r, c->native, t);
}

static void on_created(struct kafka_request *r)
{
    struct create_state *s = r->state;

    for (size_t i = 0; i < s->response.topics.count; i++) {
        if (s->calls[i])
            fill_created(r, s->calls[i], &s->response.topics.at[i]);
    }
    kafka_answer(r, &s->response);
}

void kafka_on_create_topics(struct kafka_request *r)
{
    const struct create_topics_request *q = r->body;
    struct create_state                *s = arena_struct(&r->arena, struct create_state);
    struct topic_create_call           *call;
    size_t                              count = q->topics.count;

    r->state = s;
    r->on_calls_done = on_created;
    s->calls = kafka_array(r, count, sizeof(struct topic_create_call *));
    s->response.topics.count = count;
    s->response.topics.at = kafka_array(r, count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < count; i++) {
        struct create_topics_response_topic *t = &s->response.topics.at[i];

        t->name = q->topics.at[i].name;
        t->num_partitions = -1;
        t->replication_factor = -1;
    }
    refuse_doubles(r);
    for (size_t i = 0; i < count; i++) {
        if (check_topic(r, &q->topics.at[i], &s->response.topics.at[i]) != KAFKA_NONE)
            continue;
        call = create_call(r, &q->topics.at[i]);
        if (!call->is_check_only && !throttle_takes_mutations(r, call->partition_count, CREATE_STRICT_SINCE)) {
            refuse(r, &s->response.topics.at[i], KAFKA_THROTTLING_QUOTA_EXCEEDED, QUOTA_EXCEEDED,
                   (struct bytes){ 0 });
            continue;
        }
        s->calls[i] = call;
        kafka_submit(r, call);
    }
    if (r->calls_out == 0)
        kafka_answer(r, &s->response);
}

/* ---- DeleteTopics ---- */

struct delete_state {
    struct delete_topics_response response;
    struct topic_get_call        *get;   /* names of those given by id, asked before they go */
    struct topic_delete_call    **calls; /* by the index of the topics; NULL: refused here */
};

static void on_deleted(struct kafka_request *r)
{
    struct delete_state *s = r->state;

    for (size_t i = 0; i < s->response.topics.count; i++) {
        struct delete_topics_response_topic *t = &s->response.topics.at[i];
        const struct topic_get_item         *by_id = &s->get->items[i];
        enum err                             err = s->calls[i] ? s->calls[i]->call.err : ERR_OK;

        if (!s->calls[i])
            continue;
        if (bytes_is_null(s->calls[i]->name)) {
            t->error_code = kafka_error_by_id(err);
            if (!by_id->err)
                t->name = by_id->view.name;
        } else {
            t->error_code = kafka_error(err);
        }
        if (err)
            t->error_message = bytes_str(err_text(err));
    }
    kafka_answer(r, &s->response);
}

static void take_deletion(struct kafka_request *r, size_t i, struct bytes name,
                          const struct uuid *uuid)
{
    static const struct uuid             zero;
    struct delete_state                 *s = r->state;
    struct delete_topics_response_topic *t = &s->response.topics.at[i];
    bool                                 has_id = memcmp(uuid, &zero, sizeof zero) != 0;
    struct topic_delete_call            *c;

    t->name = name;
    t->topic_id = *uuid;
    s->get->items[i].uuid = *uuid;
    if (has_id != bytes_is_null(name)) {
        t->error_code = KAFKA_INVALID_REQUEST;
        t->error_message = bytes_str("Give either a name or an id");
        return;
    }
    c = kafka_call(r, sizeof *c, CALL_TOPIC_DELETE);
    c->ns = kafka_ns();
    c->name = name;
    c->uuid = *uuid;
    s->calls[i] = c;
}

static void take_deletions(struct kafka_request *r, size_t count)
{
    static const struct uuid            zero;
    const struct delete_topics_request *q = r->body;

    for (size_t i = 0; i < count; i++) {
        if (r->version.number >= 6)
            take_deletion(r, i, q->topics.at[i].name, &q->topics.at[i].topic_id);
        else
            take_deletion(r, i, q->topic_names.at[i], &zero);
    }
}

void kafka_on_delete_topics(struct kafka_request *r)
{
    const struct delete_topics_request *q = r->body;
    struct delete_state                *s = arena_struct(&r->arena, struct delete_state);
    size_t count = r->version.number >= 6 ? q->topics.count : q->topic_names.count;

    r->state = s;
    r->on_calls_done = on_deleted;
    s->calls = kafka_array(r, count, sizeof(struct topic_delete_call *));
    s->get = kafka_call(r, sizeof *s->get, CALL_TOPIC_GET);
    s->get->ns = kafka_ns();
    s->get->item_count = count;
    s->get->items = kafka_array(r, count, sizeof *s->get->items);
    s->response.topics.count = count;
    s->response.topics.at = kafka_array(r, count, sizeof *s->response.topics.at);
    take_deletions(r, count);
    kafka_submit(r, s->get);
    for (size_t i = 0; i < count; i++) {
        if (!s->calls[i])
            continue;
        if (throttle_takes_mutations(r, 1, DELETE_STRICT_SINCE)) {
            kafka_submit(r, s->calls[i]);
            continue;
        }
        s->calls[i] = NULL;
        s->response.topics.at[i].error_code = KAFKA_THROTTLING_QUOTA_EXCEEDED;
        s->response.topics.at[i].error_message = bytes_str(QUOTA_EXCEEDED);
    }
}
