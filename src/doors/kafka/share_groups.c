/*
 * share_groups.c - ShareGroupHeartbeat and ShareGroupDescribe: members of share groups.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/share.h"

enum {
    OPERATIONS_NOT_ASKED = INT32_MIN,
    OPERATIONS_GROUP = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11, /* read, delete, describe, its configs */
};

int16_t kafka_share_error(enum err err)
{
    switch ((int)err) {
    case ERR_NO_LEASE:
        return KAFKA_INVALID_RECORD_STATE;
    case ERR_NO_TOPIC:
        return KAFKA_UNKNOWN_TOPIC_ID;
    case ERR_LIMIT:
        return KAFKA_SHARE_SESSION_LIMIT_REACHED;
    case ERR_UNKNOWN_MEMBER:
        return KAFKA_SHARE_SESSION_NOT_FOUND;
    case ERR_ILLEGAL_GENERATION:
        return KAFKA_INVALID_SHARE_SESSION_EPOCH;
    default:
        return kafka_group_error(err);
    }
}

struct bytes kafka_share_text(struct kafka_request *r, enum err err, struct bytes group)
{
    struct buf text;

    if (!err)
        return (struct bytes){ 0 };
    if (err != ERR_NO_GROUP)
        return bytes_str(err_text(err));
    buf_init(&text);
    buf_printf(&text, "Group %.*s not found.", (int)group.len, (const char *)group.at);
    return kafka_text(r, &text);
}

static struct wire_i32s partitions_of(struct kafka_request *r, const struct share_topic *t)
{
    struct wire_i32s p = { t->count, kafka_array(r, t->count, sizeof *p.at) };

    for (size_t i = 0; i < t->count; i++)
        p.at[i] = (int32_t)t->partitions[i];
    return p;
}

/* ---- ShareGroupHeartbeat ---- */

static int16_t heartbeat_error(enum err err)
{
    if (err == ERR_ILLEGAL_GENERATION)
        return KAFKA_FENCED_MEMBER_EPOCH;
    return err == ERR_BAD_NAME ? KAFKA_INVALID_REQUEST : kafka_group_error(err);
}

static void fill_target(struct kafka_request *r, const struct share_heartbeat_call *c,
                        struct share_heartbeat_response *a)
{
    struct share_heartbeat_response_assignment *to = arena_struct(&r->arena,
                                                                  struct share_heartbeat_response_assignment);

    to->topic_partitions.count = c->target_count;
    to->topic_partitions.at = kafka_array(r, c->target_count, sizeof *to->topic_partitions.at);
    for (size_t i = 0; i < c->target_count; i++)
        to->topic_partitions.at[i] = (struct share_heartbeat_response_topic){ c->target[i].uuid,
                                                                              partitions_of(r, &c->target[i]) };
    a->assignment = to;
}

static void on_heartbeat(struct kafka_request *r)
{
    const struct share_heartbeat_call *c = r->state;
    struct share_heartbeat_response    a = {
           .error_code = heartbeat_error(c->call.err),
           .error_message = kafka_share_text(r, c->call.err, c->group),
    };

    if (!c->call.err) {
        a.member_id = c->member_id;
        a.member_epoch = c->epoch;
        a.heartbeat_interval_ms = c->heartbeat_ms;
        if (c->has_target)
            fill_target(r, c, &a);
    }
    kafka_answer(r, &a);
}

/* What is wrong with the request itself; NULL: nothing. */
static const char *why_bad(const struct share_heartbeat_request *q)
{
    if (q->member_id.len == 0)
        return "MemberId can't be empty.";
    if (q->group_id.len == 0)
        return "GroupId can't be empty.";
    if (!bytes_is_null(q->rack_id) && q->rack_id.len == 0)
        return "RackId can't be empty.";
    if (q->member_epoch == SHARE_JOINS && q->subscribed_topic_names.count == 0)
        return "SubscribedTopicNames must be set in first request.";
    return q->member_epoch < SHARE_LEAVES ? "MemberEpoch is invalid." : NULL;
}

void kafka_on_share_heartbeat(struct kafka_request *r)
{
    const struct share_heartbeat_request *q = r->body;
    const char                           *why = why_bad(q);
    struct share_heartbeat_response       a = { .error_code = KAFKA_INVALID_REQUEST, .error_message = bytes_str(why) };
    struct share_heartbeat_call          *c;

    if (why) {
        kafka_answer(r, &a);
        return;
    }
    c = kafka_call(r, sizeof *c, CALL_SHARE_HEARTBEAT);
    c->ns = kafka_ns();
    c->group = q->group_id;
    c->member_id = q->member_id;
    c->client_id = r->client_id;
    c->client_host = bytes_str(kafka_conn_client_host(r->conn));
    c->rack = q->rack_id;
    c->epoch = q->member_epoch;
    c->subscribes = q->subscribed_topic_names.at != NULL;
    c->topic_count = q->subscribed_topic_names.count;
    c->topics = q->subscribed_topic_names.at;
    r->state = c;
    r->on_calls_done = on_heartbeat;
    kafka_submit(r, c);
}

/* ---- ShareGroupDescribe ---- */

static struct share_describe_response_assignment *assignment_of(struct kafka_request           *r,
                                                                const struct share_member_view *m)
{
    struct share_describe_response_assignment *a = arena_struct(&r->arena, struct share_describe_response_assignment);

    a->topic_partitions.count = m->target_count;
    a->topic_partitions.at = kafka_array(r, m->target_count, sizeof *a->topic_partitions.at);
    for (size_t i = 0; i < m->target_count; i++)
        a->topic_partitions.at[i] = (struct share_describe_response_topic){ m->target[i].uuid, m->target[i].name,
                                                                            partitions_of(r, &m->target[i]) };
    return a;
}

static void fill_members(struct kafka_request *r, const struct share_group_view *from,
                         struct share_describe_response_group *to)
{
    to->members.count = from->member_count;
    to->members.at = kafka_array(r, from->member_count, sizeof *to->members.at);
    for (size_t i = 0; i < from->member_count; i++) {
        const struct share_member_view *m = &from->members[i];

        to->members.at[i] = (struct share_describe_response_member){
            .member_id = m->id,
            .rack_id = m->rack,
            .member_epoch = m->epoch,
            .client_id = m->client_id,
            .client_host = m->client_host,
            .subscribed_topic_names = { m->topic_count, m->topics },
            .assignment = assignment_of(r, m),
        };
    }
}

static void on_described(struct kafka_request *r)
{
    const struct share_describe_request *q = r->body;
    const struct share_describe_call    *c = r->state;
    struct share_describe_response       a = { .groups.count = c->item_count };

    a.groups.at = kafka_array(r, c->item_count, sizeof *a.groups.at);
    for (size_t i = 0; i < c->item_count; i++) {
        const struct share_group_view        *from = &c->items[i];
        struct share_describe_response_group *to = &a.groups.at[i];
        enum err                              err = c->call.err ? c->call.err : from->err;

        to->group_id = from->group;
        to->error_code = kafka_group_error(err);
        to->error_message = kafka_share_text(r, err, from->group);
        to->authorized_operations = q->include_authorized_operations ? OPERATIONS_GROUP : OPERATIONS_NOT_ASKED;
        if (err)
            continue;
        to->group_state = bytes_str(from->member_count > 0 ? "Stable" : "Empty");
        to->group_epoch = to->assignment_epoch = from->epoch;
        to->assignor_name = bytes_str("simple");
        fill_members(r, from, to);
    }
    kafka_answer(r, &a);
}

void kafka_on_share_describe(struct kafka_request *r)
{
    const struct share_describe_request *q = r->body;
    struct share_describe_call          *c = kafka_call(r, sizeof *c, CALL_SHARE_DESCRIBE);

    c->ns = kafka_ns();
    c->item_count = q->group_ids.count;
    c->items = kafka_array(r, c->item_count, sizeof *c->items);
    for (size_t i = 0; i < c->item_count; i++)
        c->items[i].group = q->group_ids.at[i];
    r->state = c;
    r->on_calls_done = on_described;
    kafka_submit(r, c);
}
