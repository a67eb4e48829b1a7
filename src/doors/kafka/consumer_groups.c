/*
 * consumer_groups.c - ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848): the engine's calls in Kafka's words.
 *
 * What a request must say depends on what it is for: joining, going on, leaving. That is checked here, with the
 * sentence that Kafka has for each omission.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/group_admin.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/request.h"
#include "engine/consumer_group_calls.h"

enum {
    VERSION_MEMBER_MAKES_ID = 1,
    REBALANCE_NOT_SAID = -1,
    TYPE_CLASSIC = 0,
    TYPE_CONSUMER = 1,
};

/* ---- ConsumerGroupHeartbeat ---- */

/* Said, and nothing but spaces. */
static bool is_blank(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] > ' ')
            return false;
    }
    return !bytes_is_null(b);
}

static const char *objection_to_join(const struct consumer_heartbeat_request *q)
{
    if (q->rebalance_timeout_ms == REBALANCE_NOT_SAID)
        return "RebalanceTimeoutMs must be provided in first request.";
    if (!q->topic_partitions.at || q->topic_partitions.count > 0)
        return "TopicPartitions must be empty when (re-)joining.";
    if (!q->subscribed_topic_names.at && bytes_is_null(q->subscribed_topic_regex))
        return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.";
    return NULL;
}

/* NULL: none. */
static const char *objection_to(const struct kafka_request *r, const struct consumer_heartbeat_request *q)
{
    bool needs_id = r->version.number >= VERSION_MEMBER_MAKES_ID || q->member_epoch != MEMBER_EPOCH_JOIN;

    if (needs_id && (is_blank(q->member_id) || q->member_id.len == 0))
        return "MemberId can't be empty.";
    if (is_blank(q->group_id) || q->group_id.len == 0)
        return "GroupId can't be empty.";
    if (is_blank(q->instance_id))
        return "InstanceId can't be empty.";
    if (is_blank(q->rack_id))
        return "RackId can't be empty.";
    if (q->member_epoch == MEMBER_EPOCH_JOIN)
        return objection_to_join(q);
    if (q->member_epoch == MEMBER_EPOCH_AWAY && bytes_is_null(q->instance_id))
        return "InstanceId can't be null.";
    return q->member_epoch < MEMBER_EPOCH_AWAY ? "MemberEpoch is invalid." : NULL;
}

static void object(struct kafka_request *r, const char *why)
{
    const struct consumer_heartbeat_response a = { .error_code = KAFKA_INVALID_REQUEST,
                                                   .error_message = bytes_str(why) };

    kafka_answer(r, &a);
}

static struct consumer_heartbeat_assignment *fill_assignment(struct kafka_request *r,
                                                             const struct consumer_heartbeat_call *c)
{
    struct consumer_heartbeat_assignment *a = arena_struct(&r->arena, struct consumer_heartbeat_assignment);

    a->topic_partitions.count = c->assigned_count;
    a->topic_partitions.at = kafka_array(r, c->assigned_count, sizeof *a->topic_partitions.at);
    for (size_t i = 0; i < c->assigned_count; i++)
        a->topic_partitions.at[i] = (struct member_topic_parts){
            .topic_id = c->assigned[i].uuid,
            .partitions = { c->assigned[i].count, c->assigned[i].partitions },
        };
    return a;
}

static struct bytes sentence_of(enum err err)
{
    if (err == ERR_NO_ASSIGNOR)
        return bytes_str("The server assignor is not supported. Supported assignors: uniform, range.");
    return bytes_str(err_text(err));
}

static void on_beat(struct kafka_request *r)
{
    const struct consumer_heartbeat_call *c = r->state;
    struct consumer_heartbeat_response    a = { .error_code = kafka_group_error(c->call.err) };

    if (c->call.err) {
        a.error_message = sentence_of(c->call.err);
    } else {
        a.member_id = c->member_id;
        a.member_epoch = c->epoch;
        a.heartbeat_interval_ms = c->heartbeat_ms;
        if (c->has_assignment)
            a.assignment = fill_assignment(r, c);
    }
    kafka_answer(r, &a);
}

static void take_owned(struct kafka_request *r, const struct consumer_heartbeat_request *q,
                       struct consumer_heartbeat_call *c)
{
    c->has_owned = q->topic_partitions.at != NULL;
    c->owned_count = q->topic_partitions.count;
    c->owned = kafka_array(r, c->owned_count, sizeof *c->owned);
    for (size_t i = 0; i < c->owned_count; i++)
        c->owned[i] = (struct topic_parts){ .uuid = q->topic_partitions.at[i].topic_id,
                                            .count = q->topic_partitions.at[i].partitions.count,
                                            .partitions = q->topic_partitions.at[i].partitions.at };
}

void kafka_on_consumer_heartbeat(struct kafka_request *r)
{
    const struct consumer_heartbeat_request *q = r->body;
    struct consumer_heartbeat_call          *c = kafka_call(r, sizeof *c, CALL_CONSUMER_HEARTBEAT);
    const char                              *why = objection_to(r, q);

    if (why) {
        object(r, why);
        return;
    }
    c->ns = kafka_ns();
    c->group = q->group_id;
    c->member_id = q->member_id;
    c->instance_id = q->instance_id;
    c->rack = q->rack_id;
    c->client_id = r->client_id;
    c->client_host = bytes_str(kafka_conn_client_host(r->conn));
    c->assignor = q->server_assignor;
    c->pattern = q->subscribed_topic_regex;
    c->rebalance_ms = q->rebalance_timeout_ms;
    c->epoch = q->member_epoch;
    c->has_names = q->subscribed_topic_names.at != NULL;
    c->name_count = q->subscribed_topic_names.count;
    c->names = q->subscribed_topic_names.at;
    take_owned(r, q, c);
    r->state = c;
    r->on_calls_done = on_beat;
    kafka_submit(r, c);
}

/* ---- ConsumerGroupDescribe ---- */

static struct consumer_describe_assignment *fill_parts(struct kafka_request *r, const struct topic_parts *parts,
                                                       size_t count)
{
    struct consumer_describe_assignment *a = arena_struct(&r->arena, struct consumer_describe_assignment);

    a->topic_partitions.count = count;
    a->topic_partitions.at = kafka_array(r, count, sizeof *a->topic_partitions.at);
    for (size_t i = 0; i < count; i++)
        a->topic_partitions.at[i] = (struct named_topic_parts){
            .topic_id = parts[i].uuid,
            .topic_name = parts[i].name,
            .partitions = { parts[i].count, parts[i].partitions },
        };
    return a;
}

static void fill_member(struct kafka_request *r, const struct consumer_description *from,
                        struct consumer_describe_member *to)
{
    *to = (struct consumer_describe_member){
        .member_id = from->member_id,
        .instance_id = from->instance_id,
        .rack_id = from->rack,
        .member_epoch = from->epoch,
        .client_id = from->client_id,
        .client_host = from->client_host,
        .subscribed_topic_names = { from->name_count, from->names },
        .subscribed_topic_regex = from->pattern,
        .assignment = fill_parts(r, from->assigned, from->assigned_count),
        .target_assignment = fill_parts(r, from->target, from->target_count),
        .member_type = from->is_classic ? TYPE_CLASSIC : TYPE_CONSUMER,
    };
}

/* To Kafka's clients a group of the other protocol is none: they ask on with DescribeGroups. */
static void fill_missing(struct kafka_request *r, const struct consumer_group_description *from,
                         struct consumer_describe_group *to)
{
    struct buf text;

    buf_init(&text);
    buf_printf(&text, from->err == ERR_UNKNOWN_TYPE ? "Group %.*s is not a consumer group." : "Group %.*s not found.",
               (int)from->group.len, (const char *)from->group.at);
    to->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    to->error_message = kafka_text(r, &text);
}

static void fill_group(struct kafka_request *r, const struct consumer_group_description *from,
                       struct consumer_describe_group *to)
{
    to->group_state = bytes_str(kafka_group_state_name(from->state));
    to->group_epoch = from->epoch;
    to->assignment_epoch = from->target_epoch;
    to->assignor_name = from->assignor;
    to->members.count = from->member_count;
    to->members.at = kafka_array(r, from->member_count, sizeof *to->members.at);
    for (size_t i = 0; i < from->member_count; i++)
        fill_member(r, &from->members[i], &to->members.at[i]);
}

static void on_described(struct kafka_request *r)
{
    const struct consumer_describe_request *q = r->body;
    const struct consumer_describe_call    *c = r->state;
    struct consumer_describe_response       a = { 0 };

    a.groups.count = c->item_count;
    a.groups.at = kafka_array(r, c->item_count, sizeof *a.groups.at);
    for (size_t i = 0; i < c->item_count; i++) {
        struct consumer_describe_group *g = &a.groups.at[i];

        g->group_id = c->items[i].group;
        g->authorized_operations = q->include_authorized_operations ? OPERATIONS_GROUP : OPERATIONS_NOT_ASKED;
        if (c->call.err)
            g->error_code = kafka_group_error(c->call.err);
        else if (c->items[i].err)
            fill_missing(r, &c->items[i], g);
        else
            fill_group(r, &c->items[i], g);
    }
    kafka_answer(r, &a);
}

void kafka_on_consumer_describe(struct kafka_request *r)
{
    const struct consumer_describe_request *q = r->body;
    struct consumer_describe_call          *c = kafka_call(r, sizeof *c, CALL_CONSUMER_DESCRIBE);

    c->ns = kafka_ns();
    c->item_count = q->group_ids.count;
    c->items = kafka_array(r, q->group_ids.count, sizeof *c->items);
    for (size_t i = 0; i < c->item_count; i++)
        c->items[i].group = q->group_ids.at[i];
    r->state = c;
    r->on_calls_done = on_described;
    kafka_submit(r, c);
}
