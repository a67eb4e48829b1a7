/*
 * metadata.c - Metadata and DescribeCluster: the broker, or brokers on paper (nodes.h), and the topics.
 *
 *   KM1  The broker's address is the configured one, else the one the client has reached: that is
 *        known to work.
 *   KM2  Asking for a missing topic creates it, unless the client says no (version 4 on) or Kafka
 *        does not allow the name. Topics of other doors are shown under whatever name they have;
 *        private ones are not.
 *   KM3  In version 0 no topics means all of them; from 1 on null does, and none means none.
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/request.h"

enum {
    OPERATIONS_NOT_ASKED = INT32_MIN,
    OPERATIONS_CLUSTER = 0x1fa0, /* everything there is: bits of KIP-430 */
    OPERATIONS_TOPIC = 0x0df8,
    ENDPOINT_BROKERS = 1,
    ENDPOINT_CONTROLLERS = 2,
};

/* ---- Metadata ---- */

/* Topics that may be created and those that must exist are asked for in one call each, because
 * auto_create is the call's. */
struct metadata_state {
    struct topic_get_call                *calls[2]; /* must exist, or all; may be created */
    size_t                                asked_count;
    const struct metadata_request_topic **asked; /* of the request, each once */
    struct topic_get_item               **items; /* what asked for it; NULL: a bad name, or none of his business */
    struct metadata_response_partition   *partitions; /* of every topic; NULL: they differ */
};

static bool is_zero(const struct uuid *u)
{
    static const struct uuid zero;

    return memcmp(u, &zero, sizeof zero) == 0;
}

static struct metadata_response_partition *make_partitions(struct kafka_request    *r,
                                                           const struct topic_view *view)
{
    struct metadata_response_partition *all = kafka_array(r, view->partition_count, sizeof *all);

    for (uint32_t i = 0; i < view->partition_count; i++) {
        struct wire_i32s replicas = kafka_replicas(r, view, i);

        all[i] = (struct metadata_response_partition){
            .index = (int32_t)i,
            .leader_id = kafka_leader(r, &view->uuid, i),
            .leader_epoch = KAFKA_LEADER_EPOCH,
            .replica_nodes = replicas,
            .isr_nodes = replicas,
        };
    }
    return all;
}

/* With one node all partitions look alike, and all topics share one array of them. */
static void share_partitions(struct kafka_request *r, uint32_t count)
{
    const struct topic_view largest = { .partition_count = count };
    struct metadata_state  *s = r->state;

    if (kafka_nodes_of(r).count == 1)
        s->partitions = make_partitions(r, &largest);
}

static int32_t topic_operations(const struct kafka_request *r, struct bytes name)
{
    const struct metadata_request *q = r->body;

    return q->include_topic_authorized_operations ? kafka_allowed(r, OPERATIONS_TOPIC, ACL_TOPIC, name)
                                                  : OPERATIONS_NOT_ASKED;
}

static void fill_topic(struct kafka_request *r, const struct topic_view *view,
                       struct metadata_response_topic *t)
{
    const struct metadata_state *s = r->state;

    t->name = view->name;
    t->topic_id = view->uuid;
    t->authorized_operations = topic_operations(r, view->name);
    t->partitions.count = view->partition_count;
    t->partitions.at = s->partitions ? s->partitions : make_partitions(r, view);
}

/* May missing topics be made, as far as the client is concerned? */
static bool creates(const struct kafka_request *r)
{
    const struct metadata_request *q = r->body;

    return r->version.number < 4 || q->allow_auto_topic_creation;
}

/* It would have been made, had he the right to. */
static bool is_left_missing(const struct kafka_request *r, struct bytes name)
{
    return creates(r) && kafka_is_topic_name(name) && !kafka_may_create_topic(r, name);
}

/* The answer to the i-th topic asked for. */
static void fill_asked(struct kafka_request *r, size_t i, struct metadata_response_topic *t)
{
    const struct metadata_state         *s = r->state;
    const struct metadata_request_topic *from = s->asked[i];
    const struct topic_get_item         *item = s->items[i];

    t->name = from->name;
    t->topic_id = from->topic_id;
    t->authorized_operations = OPERATIONS_NOT_ASKED;
    if (!item)
        t->error_code = from->name.len > 0 ? KAFKA_TOPIC_AUTHORIZATION_FAILED : KAFKA_INVALID_TOPIC_EXCEPTION;
    else if (bytes_is_null(item->name) && !item->err &&
             !kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, item->view.name))
        t->error_code = KAFKA_UNKNOWN_TOPIC_ID;
    else if (item->err == ERR_NO_TOPIC && !bytes_is_null(item->name) && is_left_missing(r, item->name))
        t->error_code = KAFKA_TOPIC_AUTHORIZATION_FAILED;
    else if (!item->err && item->view.is_private)
        t->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    else if (!item->err)
        fill_topic(r, &item->view, t);
    else if (bytes_is_null(item->name))
        t->error_code = kafka_error_by_id(item->err);
    else
        t->error_code = kafka_error(item->err);
}

static void fill_all(struct kafka_request *r, struct metadata_response *a)
{
    const struct metadata_state *s = r->state;
    const struct topic_get_call *c = s->calls[0];

    a->topics.at = kafka_array(r, c->item_count, sizeof *a->topics.at);
    for (size_t i = 0; i < c->item_count; i++) {
        if (kafka_is_showable(c->items[i].view.name) &&
            kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, c->items[i].view.name))
            fill_topic(r, &c->items[i].view, &a->topics.at[a->topics.count++]);
    }
}

static bool wants_all(const struct kafka_request *r)
{
    const struct metadata_request *q = r->body;

    return r->version.number == 0 ? q->topics.count == 0 : q->topics.at == NULL;
}

static void list_brokers(struct kafka_request *r, struct metadata_response *a)
{
    a->brokers.count = kafka_nodes_of(r).count;
    a->brokers.at = kafka_array(r, a->brokers.count, sizeof *a->brokers.at);
    for (size_t i = 0; i < a->brokers.count; i++) {
        int32_t node = (int32_t)i + 1;

        a->brokers.at[i] = (struct metadata_response_broker){
            .node_id = node,
            .host = bytes_str(kafka_node_host(r, node)),
            .port = kafka_node_port(r, node),
        };
    }
}

static void answer_metadata(struct kafka_request *r)
{
    const struct metadata_request *q = r->body;
    const struct metadata_state   *s = r->state;
    struct metadata_response       a = {
        .cluster_id = bytes_str(kafka_conn_env(r->conn)->cluster_id),
        .controller_id = KAFKA_CONTROLLER_ID,
        .cluster_authorized_operations =
            q->include_cluster_authorized_operations ? kafka_allowed_cluster(r, OPERATIONS_CLUSTER)
                                                     : OPERATIONS_NOT_ASKED,
    };

    list_brokers(r, &a);
    if (wants_all(r)) {
        fill_all(r, &a);
    } else {
        a.topics.count = s->asked_count;
        a.topics.at = kafka_array(r, s->asked_count, sizeof *a.topics.at);
        for (size_t i = 0; i < s->asked_count; i++)
            fill_asked(r, i, &a.topics.at[i]);
    }
    kafka_answer(r, &a);
}

static struct topic_get_call *topic_call(struct kafka_request *r, size_t items_max)
{
    struct topic_get_call *c = kafka_call(r, sizeof *c, CALL_TOPIC_GET);

    c->ns = kafka_ns();
    c->items = kafka_array(r, items_max, sizeof *c->items);
    return c;
}

/* Ids may be asked for since version 12; before it they were there and always zero. */
static bool is_by_id(const struct kafka_request *r, const struct metadata_request_topic *t)
{
    return r->version.number >= 12 && !is_zero(&t->topic_id);
}

static void ask_for(struct kafka_request *r, const struct metadata_request_topic *t)
{
    struct metadata_state *s = r->state;
    bool                   by_id = is_by_id(r, t);
    bool                   may_create = !by_id && creates(r) && kafka_is_topic_name(t->name) &&
                                        kafka_may_create_topic(r, t->name);
    struct topic_get_call *c = s->calls[may_create];
    struct topic_get_item *item = &c->items[c->item_count];
    size_t                 i = s->asked_count++;

    s->asked[i] = t;
    if (!by_id && (t->name.len == 0 || !kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, t->name)))
        return;
    item->name = by_id ? (struct bytes){ 0 } : t->name;
    item->uuid = t->topic_id;
    s->items[i] = item;
    c->item_count++;
}

/* A topic that is named more than once is answered once, as by Kafka. */
static void ask(struct kafka_request *r)
{
    const struct metadata_request *q = r->body;
    struct metadata_state         *s = r->state;
    size_t                         count = q->topics.count;
    struct map names, ids;

    map_init(&names);
    map_init(&ids);
    s->asked = kafka_array(r, count, sizeof(struct metadata_request_topic *));
    s->items = kafka_array(r, count, sizeof(struct topic_get_item *));
    for (size_t i = 0; i < 2; i++)
        s->calls[i] = topic_call(r, count);
    s->calls[1]->auto_create = true;
    for (size_t i = 0; i < count; i++) {
        struct metadata_request_topic *t = &q->topics.at[i];
        struct bytes                   id = bytes_of(t->topic_id.at, sizeof t->topic_id.at);
        bool                           by_id = is_by_id(r, t);

        if (!map_put(by_id ? &ids : &names, by_id ? id : t->name, t))
            ask_for(r, t);
    }
    map_fini(&names);
    map_fini(&ids);
}

/* A missing topic that nobody could create by this name was a bad name in the first place. */
static void on_topics(struct kafka_request *r)
{
    struct metadata_state *s = r->state;
    uint32_t               partitions = 0;

    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; s->calls[i] && k < s->calls[i]->item_count; k++) {
            struct topic_get_item *item = &s->calls[i]->items[k];

            if (s->calls[i]->call.err)
                item->err = s->calls[i]->call.err;
            if (item->err == ERR_NO_TOPIC && !bytes_is_null(item->name) &&
                !kafka_is_topic_name(item->name))
                item->err = ERR_BAD_NAME;
            if (!item->err && item->view.partition_count > partitions)
                partitions = item->view.partition_count;
        }
    }
    share_partitions(r, partitions);
    answer_metadata(r);
}

void kafka_on_metadata(struct kafka_request *r)
{
    struct metadata_state *s = arena_struct(&r->arena, struct metadata_state);
    bool                   is_asked = false;

    r->state = s;
    r->on_calls_done = on_topics;
    if (wants_all(r)) {
        s->calls[0] = topic_call(r, 0);
        s->calls[0]->all = true;
        kafka_submit(r, s->calls[0]);
        return;
    }
    ask(r);
    for (size_t i = 0; i < 2; i++) {
        if (s->calls[i]->item_count > 0) {
            kafka_submit(r, s->calls[i]);
            is_asked = true;
        }
    }
    if (!is_asked)
        answer_metadata(r);
}

/* ---- DescribeCluster ---- */

static void list_endpoints(struct kafka_request *r, struct describe_cluster_response *a)
{
    a->brokers.count = kafka_nodes_of(r).count;
    a->brokers.at = kafka_array(r, a->brokers.count, sizeof *a->brokers.at);
    for (size_t i = 0; i < a->brokers.count; i++) {
        int32_t node = (int32_t)i + 1;

        a->brokers.at[i] = (struct describe_cluster_response_broker){
            .broker_id = node,
            .host = bytes_str(kafka_node_host(r, node)),
            .port = kafka_node_port(r, node),
        };
    }
}

void kafka_on_describe_cluster(struct kafka_request *r)
{
    const struct describe_cluster_request *q = r->body;
    int8_t type = r->version.number >= 1 ? q->endpoint_type : ENDPOINT_BROKERS;
    struct describe_cluster_response a = {
        .endpoint_type = type,
        .cluster_id = bytes_str(kafka_conn_env(r->conn)->cluster_id),
        .controller_id = KAFKA_CONTROLLER_ID,
        .cluster_authorized_operations =
            q->include_cluster_authorized_operations ? kafka_allowed_cluster(r, OPERATIONS_CLUSTER)
                                                     : OPERATIONS_NOT_ASKED,
    };

    if (type == ENDPOINT_BROKERS) {
        list_endpoints(r, &a);
    } else {
        a.error_code = type == ENDPOINT_CONTROLLERS ? KAFKA_MISMATCHED_ENDPOINT_TYPE
                                                    : KAFKA_UNSUPPORTED_ENDPOINT_TYPE;
        a.error_message = bytes_str("this endpoint lists brokers only");
    }
    kafka_answer(r, &a);
}
